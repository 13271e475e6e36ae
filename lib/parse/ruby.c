#include "parse/ruby.h"
#include "base/err.h"
#include "parse/ruby_read.h"
#include "record/jscan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

int
ruby_refuse(const struct ruby_reader *rd, const char *why)
{
	return err_set(rd->e, ST_USAGE, "byte %zu of the pattern: %s", rd->at + 1, why);
}

void
ruby_put(struct ruby_reader *rd, const char *p, size_t n)
{
	struct buf *b = &rd->r->pattern;

	for (size_t i = 0; i < n && b->n + i <= RUBY_PATTERN_MAX; i++)
		rd->r->from[b->n + i] = rd->at;
	buf_add(b, p, n);
}

void
ruby_puts(struct ruby_reader *rd, const char *s)
{
	ruby_put(rd, s, strlen(s));
}

void
ruby_put_number(struct ruby_reader *rd, const char *before, unsigned long n, bool hex,
    const char *after)
{
	char text[64];

	ruby_put(rd, text,
	    (size_t)snprintf(
		text, sizeof text, hex ? "%s%lx%s" : "%s%lu%s", before, n, after));
}

/* Up to `max` digits; *n gets how many. */
unsigned long
ruby_number(const char *p, const char *end, int base, unsigned max, unsigned *n)
{
	unsigned long v = 0;

	for (*n = 0;
	     *n < max && p + *n < end && (unsigned)str_digit(p[*n]) < (unsigned)base;
	     ++*n)
		v = v * (unsigned long)base + (unsigned long)str_digit(p[*n]);
	return v;
}

static size_t
find_name(const struct ruby_reader *rd, struct str name, size_t from)
{
	while (from < rd->r->groups && !str_eq(rd->r->name[from], name))
		from++;
	return from;
}

/* The name at *p up to `close`; *p goes behind it. */
static int
take_name(struct ruby_reader *rd, char close, struct str *name)
{
	const char *from = rd->p, *to;

	if ((to = memchr(from, close, (size_t)(rd->end - from))) == NULL || to == from)
		return ruby_refuse(rd, "a name that is empty or not closed");
	*name = (struct str){ from, (size_t)(to - from) };
	for (size_t i = 0; i < name->n; i++) {
		unsigned char c = (unsigned char)name->p[i];

		if (c < 0x80 && !isalnum(c) && strchr("_-.@/", c) == NULL)
			return ruby_refuse(rd, "a name of other than letters and digits");
	}
	rd->p = to + 1;
	return 0;
}

/* Backward references: to the last group of the name that took part, as in Ruby. */
static int
refer(struct ruby_reader *rd, struct str name)
{
	size_t n = 0, which[RUBY_GROUPS_MAX];

	if (rd->first)
		return 0;
	for (size_t i = find_name(rd, name, 0); i < rd->r->groups;
	     i = find_name(rd, name, i + 1))
		which[n++] = i;
	if (n == 0)
		return ruby_refuse(rd, "a reference to a name that there is not");
	ruby_puts(rd, "(?:");
	while (n-- > 0)
		ruby_put_number(rd, "\\g{", which[n] + 1, false, n > 0 ? "}|" : "})");
	return 0;
}

static int
call(struct ruby_reader *rd, struct str name)
{
	size_t i = find_name(rd, name, 0);

	if (rd->first)
		return 0;
	if (str_eq(name, STR("0"))) {
		ruby_puts(rd, "(?R)");
		return 0;
	}
	if (i == rd->r->groups)
		return ruby_refuse(rd, "a call of a name that there is not");
	if (find_name(rd, name, i + 1) < rd->r->groups)
		return ruby_refuse(rd, "a call of a name that there is twice");
	ruby_put_number(rd, "(?", i + 1, false, ")");
	return 0;
}

/* \k<name> \g<name> */
static int
name_escape(struct ruby_reader *rd)
{
	char c = *rd->p, open;
	struct str name;

	if (rd->end - rd->p < 3 || (rd->p[1] != '<' && rd->p[1] != '\'')) {
		ruby_put(rd, rd->p++, 1);
		return 0;
	}
	open = rd->p[1];
	rd->p += 2;
	if (take_name(rd, open == '<' ? '>' : '\'', &name) < 0)
		return -1;
	return c == 'k' ? refer(rd, name) : call(rd, name);
}

/* An escape outside of classes; rd->p is behind the backslash. */
static int
escape(struct ruby_reader *rd)
{
	unsigned long n;
	unsigned digits;
	char c;

	if (rd->p == rd->end)
		return ruby_refuse(rd, "a backslash at the end");
	c = *rd->p;
	if (ruby_set_of(c) != NULL) {
		rd->p++;
		return ruby_set(rd, c, false);
	}
	if (c == 'p' || c == 'P')
		return ruby_property(rd, false);
	if (c == 'k' || c == 'g')
		return name_escape(rd);
	/* as in Ruby: 1 to 9, and as many groups as there are; else octal */
	if (c >= '1' && c <= '9' &&
	    ((n = ruby_number(rd->p, rd->end, 10, 3, &digits)) <= 9 ||
		n <= rd->r->groups)) {
		if (rd->named)
			return ruby_refuse(
			    rd, "a group by its number, where groups have names");
		ruby_puts(rd, "\\");
		while (rd->p < rd->end && isdigit((unsigned char)*rd->p))
			ruby_put(rd, rd->p++, 1);
		return 0;
	}
	if (strchr("bBAZzGKRX", c) != NULL && c != '\0') {
		rd->r->ucp |= c == 'b' || c == 'B';
		ruby_puts(rd, "\\");
		ruby_put(rd, rd->p++, 1);
		return 0;
	}
	return ruby_character(rd);
}

static int
push(struct ruby_reader *rd)
{
	if (rd->depth == RUBY_DEPTH)
		return ruby_refuse(rd, "groups too deep in each other");
	rd->level[rd->depth + 1] =
	    (struct ruby_level){ .extended = rd->level[rd->depth].extended };
	rd->depth++;
	rd->open = rd->r->pattern.n;
	return 0;
}

static int
named_group(struct ruby_reader *rd, char close)
{
	struct str name;

	if (take_name(rd, close, &name) < 0)
		return -1;
	if (rd->names == RUBY_GROUPS_MAX)
		return ruby_refuse(rd, "over 256 named groups");
	rd->r->name[rd->names++] = name;
	if (rd->first)
		rd->r->groups = rd->names;
	ruby_puts(rd, "(");
	return push(rd);
}

/* (?(<name>)yes|no), from behind (?( */
static int
condition(struct ruby_reader *rd)
{
	struct str name;
	size_t i;
	char c = (char)(rd->p < rd->end ? *rd->p : '\0');

	if (c != '<' && c != '\'') {
		if (rd->named || !isdigit((unsigned char)c))
			return ruby_refuse(rd, "(?( wants the name of a group");
		ruby_puts(rd, "(?(");
		return push(rd);
	}
	rd->p++;
	if (take_name(rd, c == '<' ? '>' : '\'', &name) < 0)
		return -1;
	if (rd->p == rd->end || *rd->p++ != ')')
		return ruby_refuse(rd, "(?( is not closed");
	if ((i = find_name(rd, name, 0)) == rd->r->groups && !rd->first)
		return ruby_refuse(rd, "a reference to a name that there is not");
	ruby_put_number(rd, "(?(", i + 1, false, ")");
	return push(rd);
}

/* (?imx-imx) and (?imx-imx:...), from behind the question mark */
static int
flags(struct ruby_reader *rd)
{
	struct ruby_level *here = &rd->level[rd->depth];
	bool on = true, extended = here->extended;

	ruby_puts(rd, "(?");
	for (; rd->p < rd->end && *rd->p != ')' && *rd->p != ':'; rd->p++) {
		if (*rd->p == '-')
			on = false;
		if (*rd->p == 'x')
			extended = on;
		if (*rd->p == '\0' || strchr("imx-", *rd->p) == NULL)
			return ruby_refuse(
			    rd, "no such group in Ruby, or none that PCRE2 has");
		ruby_puts(rd, *rd->p == 'm' ? "s" : (char[]){ *rd->p, '\0' });
	}
	if (rd->p == rd->end)
		return ruby_refuse(rd, "(? is not closed");
	ruby_puts(rd, ":");
	if (*rd->p++ == ':') {
		if (push(rd) < 0)
			return -1;
		rd->level[rd->depth].extended = extended;
		return 0;
	}
	/* what follows is a group of its own, up to the end of this one */
	if (here->closes++ > RUBY_DEPTH)
		return ruby_refuse(rd, "too many flags");
	here->extended = extended;
	return 0;
}

static int
comment(struct ruby_reader *rd)
{
	while (rd->p < rd->end && *rd->p != ')')
		rd->p += *rd->p == '\\' && rd->end - rd->p > 1 ? 2 : 1;
	if (rd->p == rd->end)
		return ruby_refuse(rd, "(?# is not closed");
	rd->p++;
	return 0;
}

/* From behind (?P: Python's spelling, which many bring. */
static int
python_group(struct ruby_reader *rd)
{
	struct str name;
	char c = (char)(rd->p < rd->end ? *rd->p : '\0');

	rd->p++;
	if (c == '<')
		return named_group(rd, '>');
	if (c != '=' && c != '>')
		return ruby_refuse(rd, "(?P wants a <name>");
	if (take_name(rd, ')', &name) < 0)
		return -1;
	return c == '=' ? refer(rd, name) : call(rd, name);
}

static int
group(struct ruby_reader *rd)
{
	const char *p = rd->p;
	size_t left = (size_t)(rd->end - p);

	if (left > 0 && *p == '*')
		return ruby_refuse(rd, "(* has nothing to repeat");
	if (left < 2 || *p != '?') {
		ruby_puts(rd, rd->named ? "(?:" : "(");
		return push(rd);
	}
	rd->p += 2;
	switch (p[1]) {
	case '#':
		return comment(rd);
	case '<':
		if (left > 2 && (p[2] == '=' || p[2] == '!')) {
			rd->p++;
			ruby_puts(rd, p[2] == '=' ? "(?<=" : "(?<!");
			return push(rd);
		}
		return named_group(rd, '>');
	case '\'':
		return named_group(rd, '\'');
	case 'P':
		return python_group(rd);
	case '(':
		return condition(rd);
	case ':':
	case '=':
	case '!':
	case '>':
		ruby_puts(rd, "(?");
		ruby_put(rd, p + 1, 1);
		return push(rd);
	case '~':
		return ruby_refuse(rd, "(?~absent)");
	default:
		rd->p--;
		return flags(rd);
	}
}

static void
close_group(struct ruby_reader *rd)
{
	while (rd->level[rd->depth].closes > 0) {
		ruby_puts(rd, ")");
		rd->level[rd->depth].closes--;
	}
}

/* {n} {n,m} {n,} {,m}, from behind the brace; any other is a brace. */
static int
interval(struct ruby_reader *rd)
{
	const char *p = rd->p, *q;
	unsigned a, b = 0;
	bool comma;

	(void)ruby_number(p, rd->end, 10, 7, &a);
	q = p + a;
	comma = q < rd->end && *q == ',';
	if (comma) {
		(void)ruby_number(q + 1, rd->end, 10, 7, &b);
		q += 1 + b;
	}
	if (a + b == 0 || q >= rd->end || *q != '}') {
		ruby_puts(rd, "\\{");
		return 0;
	}
	ruby_puts(rd, a == 0 ? "{0" : "{");
	ruby_put(rd, p, (size_t)(q + 1 - p));
	rd->p = q + 1;
	if (rd->p < rd->end && *rd->p == '+')
		return ruby_refuse(
		    rd, "{}+ repeats in Ruby what PCRE2 would hold: write (?:...)+");
	if (rd->p < rd->end && *rd->p == '?' && !comma)
		return ruby_refuse(rd, "{n}? is optional in Ruby: write (?:...{n})?");
	return 0;
}

static int
one(struct ruby_reader *rd)
{
	char c = *rd->p++;

	rd->at = (size_t)(rd->p - 1 - rd->start);
	switch (c) {
	case '\\':
		return escape(rd);
	case '[':
		return ruby_class(rd);
	case '(':
		return group(rd);
	case ')':
		close_group(rd);
		if (rd->depth-- == 0)
			return ruby_refuse(rd, ") closes nothing");
		break;
	case '{':
		return interval(rd);
	case '#':
		if (!rd->level[rd->depth].extended)
			break;
		while (rd->p < rd->end && *rd->p != '\n')
			rd->p++;
		return 0;
	case '\0':
		return ruby_refuse(rd, "a NUL byte");
	case '?':
	case '*':
	case '+': /* PCRE2 would read (? and (* that nobody wrote */
		if (rd->r->pattern.n == rd->open)
			return ruby_refuse(rd, "a repeat has nothing to repeat");
		break;
	default:
		break;
	}
	ruby_put(rd, &c, 1);
	return 0;
}

static int
pass(struct ruby_reader *rd, bool first)
{
	rd->first = first;
	rd->p = rd->start;
	rd->names = 0;
	rd->depth = 0;
	rd->open = SIZE_MAX;
	rd->level[0] = (struct ruby_level){ .extended = rd->r->extended };
	buf_clear(&rd->r->pattern);
	while (rd->p < rd->end)
		if (one(rd) < 0)
			return -1;
	rd->at = (size_t)(rd->end - rd->start);
	if (rd->depth > 0)
		return ruby_refuse(rd, "( is not closed");
	close_group(rd);
	rd->named = rd->r->groups > 0;
	return 0;
}

/* /PATTERN/ and /PATTERN/FLAGS; anything else is the pattern. */
static struct str
slashes(struct ruby *r, struct str s)
{
	const char *last = s.n > 1 && *s.p == '/' ? memrchr(s.p + 1, '/', s.n - 1) : NULL;
	const char *end = s.p + s.n;

	if (last == NULL)
		return s;
	for (const char *f = last + 1; f < end; f++)
		if (strchr("imxo", *f) == NULL)
			return s;
	for (const char *f = last + 1; f < end; f++) {
		r->caseless |= *f == 'i';
		r->dotall |= *f == 'm';
		r->extended |= *f == 'x';
	}
	return (struct str){ s.p + 1, (size_t)(last - s.p - 1) };
}

int
ruby_read(struct ruby *r, struct str pattern, struct err *e)
{
	struct ruby_reader rd = { .r = r, .e = e };
	struct str s;

	*r = (struct ruby){ 0 };
	buf_init(&r->pattern, RUBY_PATTERN_MAX);
	if (pattern.n > RUBY_PATTERN_MAX)
		return err_set(
		    e, ST_USAGE, "the pattern is over %d bytes", (int)RUBY_PATTERN_MAX);
	if ((r->from = calloc(RUBY_PATTERN_MAX + 1, sizeof *r->from)) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	for (const char *p = pattern.p, *end = p + pattern.n; p < end;) {
		unsigned n = jscan_utf8(p, end);

		if (n == 0)
			return err_set(e, ST_USAGE, "byte %zu of the pattern: not UTF-8",
			    (size_t)(p - pattern.p) + 1);
		p += n;
	}
	s = slashes(r, pattern);
	rd.start = s.p;
	rd.end = s.p + s.n;
	if (pass(&rd, true) < 0 || pass(&rd, false) < 0)
		return -1;
	for (size_t i = 0; i < r->pattern.n; i++)
		r->from[i] += (size_t)(s.p - pattern.p);
	if (r->pattern.failed)
		return err_set(e, ST_USAGE, "the pattern is over %d bytes for PCRE2",
		    (int)RUBY_PATTERN_MAX);
	return 0;
}

void
ruby_done(struct ruby *r)
{
	buf_done(&r->pattern);
	free(r->from);
	r->from = NULL;
}
