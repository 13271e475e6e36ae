#include "parse/ltsv.h"
#include "parse/parser.h"

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

struct parser *
ltsv_open(const char *name, struct err *e)
{
	return text_parser(name, read_fields, e);
}
