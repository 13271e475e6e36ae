/* The classic form: [SECTION], and lines of a key, a blank and a value. */
#include "base/err.h"
#include "parse/conf_read.h"

#include <strings.h>

struct reader {
	struct conf_place *at;
	unsigned line;
	bool in_section, wanted;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && is_blank(*s.p)) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* "KEY rest" to KEY and the rest. */
static struct str
cut(struct str *rest)
{
	struct str key = *rest;

	for (key.n = 0; key.n < rest->n && !is_blank(key.p[key.n]); key.n++)
		;
	rest->p += key.n;
	rest->n -= key.n;
	*rest = trim(*rest);
	return key;
}

static bool
is_word(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static int
directive(struct reader *r, struct str line, struct err *e)
{
	struct str word = cut(&line);
	const char *value, *equals;

	if (is_word(word, "@INCLUDE"))
		return (value = conf_value(r->at, r->line, line, e)) == NULL
			   ? -1
			   : conf_include(r->at, r->line, value, e);
	if (!is_word(word, "@SET"))
		return conf_error(r->at, r->line, e,
		    "%.*s: not @SET or @INCLUDE, which are all there are",
		    (int)(word.n < 60 ? word.n : 60), word.p);
	if ((value = conf_value(r->at, r->line, line, e)) == NULL)
		return -1;
	if ((equals = strchr(value, '=')) == NULL)
		return conf_error(r->at, r->line, e, "@SET wants NAME=VALUE");
	return conf_set(r->at, r->line,
	    trim((struct str){ value, (size_t)(equals - value) }),
	    trim(str_of(equals + 1)), e);
}

static int
begin_section(struct reader *r, struct str line, bool indented, struct err *e)
{
	const char *end = memchr(line.p, ']', line.n);
	struct str name;

	if (end == NULL || end + 1 < line.p + line.n)
		return conf_error(r->at, r->line, e, "a section is [NAME]");
	name = trim((struct str){ line.p + 1, (size_t)(end - line.p - 1) });
	if (indented && r->in_section && r->wanted)
		return conf_error(r->at, r->line, e,
		    "a parser has no groups: [%.*s] is indented",
		    (int)(name.n < 60 ? name.n : 60), name.p);
	if (indented && r->in_section)
		return 0;
	r->in_section = true;
	r->wanted = true;
	if (is_word(name, "PARSER"))
		return conf_section(r->at, r->line, "PARSER", e);
	if (is_word(name, "MULTILINE_PARSER"))
		return conf_section(r->at, r->line, "MULTILINE_PARSER", e);
	r->wanted = false;
	r->at->conf->skipped++;
	return 0;
}

static int
one_line(struct reader *r, struct str raw, struct err *e)
{
	struct str line = trim(raw), key;

	if (line.n == 0 || *line.p == '#')
		return 0;
	if (*line.p == '@')
		return directive(r, line, e);
	if (*line.p == '[')
		return begin_section(r, line, line.p != raw.p, e);
	if (!r->in_section)
		return conf_error(r->at, r->line, e, "a key before any [SECTION]");
	if (!r->wanted)
		return 0;
	key = cut(&line);
	if (line.n == 0)
		return conf_error(r->at, r->line, e, "%.*s has no value",
		    (int)(key.n < 60 ? key.n : 60), key.p);
	return conf_entry(r->at, r->line, key, line, e);
}

int
conf_classic(struct conf_place *at, struct str text, struct err *e)
{
	struct reader r = { .at = at };
	const char *p = text.p, *end = text.p + text.n, *lf;

	if (str_starts(text, STR("\xef\xbb\xbf")))
		p += 3;
	for (; p < end; p = lf + 1) {
		if ((lf = memchr(p, '\n', (size_t)(end - p))) == NULL)
			lf = end;
		r.line++;
		if (one_line(&r, (struct str){ p, (size_t)(lf - p) }, e) < 0)
			return -1;
	}
	return 0;
}
