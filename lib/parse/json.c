#include "parse/json.h"
#include "base/err.h"
#include "parse/keys.h"
#include "parse/parser.h"
#include "parse/unescape.h"
#include "record/jscan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Past blanks, plain and as escapes.  A raw string ends in its quote at the latest. */
static const char *
past_blanks(const char *p, const char *end)
{
	while (p < end) {
		if (*p == ' ')
			p++;
		else if (end - p >= 2 && *p == '\\' &&
			 (p[1] == 'n' || p[1] == 't' || p[1] == 'r'))
			p += 2;
		else
			break;
	}
	return p;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* In valid JSON these stand between tokens only. */
static void
one_line(char *p, char *end)
{
	for (; p < end; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
}

struct json {
	struct parser parser; /* first */
	struct jscan_keys keys;
	struct keys *exact; /* when they have to be compared */
};

static bool
has_twice(struct json *j, const struct message *m, struct str object)
{
	return j->keys.maybe && !m->keep_twice && keys_twice(&j->exact, object);
}

static enum parser_fit
fit(const struct parser *p, struct message *m, struct parsed *out)
{
	const char *src = past_blanks(m->raw, m->limit);
	char *from = m->place, *to;
	/* what it remembers is its own */
	struct json *j = (struct json *)(uintptr_t)p;
	unsigned flags;

	/* a brace that came as \u007b is one too */
	if (src == m->limit || (*src != '{' && (*src != '\\' || src[1] != 'u')))
		return PARSER_NO;
	if ((to = unescape(from, &src, m->limit, &flags)) == NULL)
		return PARSER_NO;
	m->end = src;
	while (to > from && is_blank(to[-1]))
		to--;
	while (from < to && is_blank(*from))
		from++;
	out->object = (struct str){ from, (size_t)(to - from) };
	out->fields = 0;
	if (from == to || *from != '{' || to[-1] != '}' ||
	    !jscan_valid_keys(out->object, NULL, &j->keys))
		return PARSER_NO;
	if (has_twice(j, m, out->object)) {
		out->left = true;
		return PARSER_NO;
	}
	if ((flags & UNESCAPED_ODD) != 0)
		one_line(from, to);
	return PARSER_FITS;
}

static size_t
stops(const struct parser *p, struct str text, const char **why)
{
	struct jscan_bad bad;
	size_t at = 0;

	(void)p;
	while (at < text.n && is_blank(text.p[at]))
		at++;
	*why = "not an object";
	if (at == text.n || text.p[at] != '{')
		return at;
	if (jscan_valid(text, &bad)) {
		*why = "a key stands twice";
		return text.n;
	}
	*why = bad.why;
	return bad.at;
}

static void
drop(struct parser *p)
{
	keys_free(((struct json *)p)->exact);
	free(p);
}

struct parser *
json_open(const char *name, struct err *e)
{
	struct json *j = calloc(1, sizeof *j);

	if (j == NULL) {
		err_set(e, ST_FAIL, "%s: out of memory", name);
		return NULL;
	}
	j->parser = (struct parser){
		.name = name, .whole = true, .fit = fit, .stops = stops, .close = drop
	};
	return &j->parser;
}
