#include "parse/ltsv.h"
#include "base/err.h"
#include "parse/parser.h"

#include <stdlib.h>

static bool
in_label(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* How far the text is LTSV; `out` may be NULL. */
static size_t
read_fields(struct str text, struct parsed *out, const char **why)
{
	const char *p = text.p, *end = text.p + text.n, *label, *tab, *stop;
	struct parsed_field *f;

	while (end > p && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	do {
		for (label = p; p < end && in_label(*p); p++)
			;
		*why = p == end ? "ends too early" : "not a label";
		if (p == end || *p != ':' || p == label)
			return (size_t)(p - text.p);
		stop = p;
		if ((tab = memchr(p, '\t', (size_t)(end - p))) == NULL)
			tab = end;
		*why = "a line end in a value";
		for (const char *q = p; q < tab; q++)
			if (*q == '\n' || *q == '\r' || *q == '\0')
				return (size_t)(q - text.p);
		*why = "more fields than there may be";
		if (out != NULL) {
			f = parsed_field(
			    out, (struct str){ label, (size_t)(stop - label) });
			if (f == NULL)
				return (size_t)(label - text.p);
			f->kind = FIELD_TEXT;
			f->value = (struct str){ p + 1, (size_t)(tab - p - 1) };
		}
		p = tab + 1;
	} while (tab < end);
	*why = NULL;
	return text.n;
}

static enum parser_fit
fit(const struct parser *p, struct message *m, struct parsed *out)
{
	const char *why;

	(void)p;
	if (!message_text(m))
		return PARSER_NO;
	out->object = (struct str){ 0 };
	out->fields = 0;
	out->twice = 0;
	read_fields(m->text, out, &why);
	return why == NULL ? PARSER_FITS : PARSER_NO;
}

static size_t
stops(const struct parser *p, struct str text, const char **why)
{
	(void)p;
	return read_fields(text, NULL, why);
}

static void
drop(struct parser *p)
{
	free(p);
}

struct parser *
ltsv_open(const char *name, struct err *e)
{
	struct parser *p = malloc(sizeof *p);

	if (p == NULL) {
		err_set(e, ST_FAIL, "%s: out of memory", name);
		return NULL;
	}
	*p = (struct parser){ .name = name, .fit = fit, .stops = stops, .close = drop };
	return p;
}
