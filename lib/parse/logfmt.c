#include "parse/logfmt.h"
#include "base/err.h"
#include "parse/parser.h"
#include "parse/unquote.h"

#include <stdlib.h>

struct logfmt {
	struct parser parser; /* first */
	bool no_bare_keys;
};

struct pair {
	struct str key, value;
	bool equals, quoted, escaped;
};

static inline bool
in_word(char c)
{
	return (unsigned char)c > ' ' && c != '=' && c != '"';
}

/* The next pair from *p on; false: no more, or (*why set) it is none. */
static bool
next_pair(const char **p, const char *end, struct pair *pair, const char **why)
{
	const char *q = *p, *from;

	while (q < end && !in_word(*q))
		q++;
	*p = q;
	if (q == end)
		return false;
	for (from = q; q < end && in_word(*q); q++)
		;
	*pair = (struct pair){ .key = { from, (size_t)(q - from) } };
	if (q < end && *q == '=') {
		pair->equals = true;
		q++;
	}
	from = q;
	if (pair->equals && q < end && *q == '"') {
		pair->quoted = true;
		for (from = ++q; q < end && *q != '"'; q++)
			if (*q == '\\') {
				pair->escaped = true;
				if (++q == end)
					break;
			}
		if (q == end) {
			*why = "a quote that is not closed";
			return false;
		}
		pair->value = (struct str){ from, (size_t)(q++ - from) };
	} else if (pair->equals) {
		while (q < end && in_word(*q))
			q++;
		pair->value = (struct str){ from, (size_t)(q - from) };
	}
	*p = q;
	return true;
}

/* What the pairs of a text are; the offset where that ends.  `out` may be NULL. */
static size_t
read_pairs(const struct logfmt *l, struct str text, struct parsed *out, const char **why)
{
	const char *p = text.p, *end = text.p + text.n, *from = p;
	struct parsed_field *f;
	struct pair pair;
	bool equals = false;

	*why = NULL;
	while (next_pair(&p, end, &pair, why)) {
		if (!pair.equals && l->no_bare_keys) {
			*why = "a key without a value";
			break;
		}
		equals |= pair.equals;
		if (out != NULL) {
			if ((f = parsed_field(out, pair.key)) == NULL) {
				*why = "more pairs than there may be";
				break;
			}
			f->kind =
			    pair.value.n > 0 || pair.quoted ? FIELD_TEXT : FIELD_JSON;
			f->value = f->kind == FIELD_JSON ? STR("true") : pair.value;
			if (pair.escaped)
				f->kind = FIELD_MEMBER; /* for now: to be unquoted */
		}
		from = p;
	}
	if (*why == NULL && !equals) {
		*why = "no key=value";
		return 0;
	}
	return *why != NULL ? (size_t)(from - text.p) : text.n;
}

static enum parser_fit
fit(const struct parser *p, struct message *m, struct parsed *out)
{
	const char *why;

	if (!message_text(m) || memchr(m->text.p, '=', m->text.n) == NULL)
		return PARSER_NO;
	out->object = (struct str){ 0 };
	out->fields = 0;
	out->twice = 0;
	read_pairs((const struct logfmt *)p, m->text, out, &why);
	if (why != NULL)
		return PARSER_NO;
	/* it fits: its text may be changed */
	for (size_t i = 0; i < out->fields; i++)
		if (out->field[i].kind == FIELD_MEMBER) {
			out->field[i].kind = FIELD_TEXT;
			out->field[i].value.n = unquote_in_place(
			    m->text.p, out->field[i].value, UNQUOTE_UTF8);
		}
	return PARSER_FITS;
}

static size_t
stops(const struct parser *p, struct str text, const char **why)
{
	size_t n = read_pairs((const struct logfmt *)p, text, NULL, why);

	return *why == NULL ? text.n : n;
}

static void
drop(struct parser *p)
{
	free(p);
}

struct parser *
logfmt_open(const char *name, bool no_bare_keys, struct err *e)
{
	struct logfmt *l = calloc(1, sizeof *l);

	if (l == NULL) {
		err_set(e, ST_FAIL, "%s: out of memory", name);
		return NULL;
	}
	l->parser =
	    (struct parser){ .name = name, .fit = fit, .stops = stops, .close = drop };
	l->no_bare_keys = no_bare_keys;
	return &l->parser;
}
