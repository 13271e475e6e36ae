#include "parse/ruby.h"
#include "base/err.h"
#include "record/jscan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct level {
	bool extended;
	unsigned closes; /* of the groups that (?i) and its like opened */
};

struct reader {
	struct ruby *r;
	const char *start, *p, *end;
	size_t at;    /* of what is being read */
	size_t names; /* groups met in this pass */
	bool named;   /* the pattern has named groups: the first pass has found them */
	bool first;
	unsigned depth;
	struct level level[RUBY_DEPTH + 1];
	struct err *e;
};

static int
refuse(const struct reader *rd, const char *why)
{
	return err_set(rd->e, ST_USAGE, "byte %zu of the pattern: %s", rd->at + 1, why);
}

static void
put(struct reader *rd, const char *p, size_t n)
{
	struct buf *b = &rd->r->pattern;

	for (size_t i = 0; i < n && b->n + i <= RUBY_PATTERN_MAX; i++)
		rd->r->from[b->n + i] = rd->at;
	buf_add(b, p, n);
}

static void
puts_(struct reader *rd, const char *s)
{
	put(rd, s, strlen(s));
}

static void
put_number(
    struct reader *rd, const char *before, unsigned long n, bool hex, const char *after)
{
	char text[64];

	put(rd, text,
	    (size_t)snprintf(
		text, sizeof text, hex ? "%s%lx%s" : "%s%lu%s", before, n, after));
}

static int
digit_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : 99;
}

/* Up to `max` digits; *n gets how many. */
static unsigned long
number(const char *p, const char *end, int base, unsigned max, unsigned *n)
{
	unsigned long v = 0;

	for (*n = 0; *n < max && p + *n < end && digit_of(p[*n]) < base; ++*n)
		v = v * (unsigned long)base + (unsigned long)digit_of(p[*n]);
	return v;
}

/* What ASCII letters after a backslash stand for, and all others; inside a class. */
static const struct set {
	char letter;
	const char *in_class;
} sets[] = {
	{ 'd', "0-9" },
	{ 'D', "\\x00-/:-\\x{10ffff}" },
	{ 'w', "0-9A-Z_a-z" },
	{ 'W', "\\x00-/:-@\\[-\\^`{-\\x{10ffff}" },
	{ 's', "\\t-\\r " },
	{ 'S', "\\x00-\\x08\\x0e-\\x1f!-\\x{10ffff}" },
	{ 'h', "0-9a-fA-F" },
	{ 'H', "\\x00-/:-@G-`g-\\x{10ffff}" },
};

static const char *
set_of(char letter)
{
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		if (sets[i].letter == letter)
			return sets[i].in_class;
	return NULL;
}

static int
put_set(struct reader *rd, char letter, bool in_class)
{
	char plain[3] = { '\\', letter, '\0' };

	if (!rd->r->ucp && letter != 'h' && letter != 'H') {
		puts_(rd, plain);
		return 0;
	}
	if (!in_class)
		puts_(rd, "[");
	puts_(rd, set_of(letter));
	if (!in_class)
		puts_(rd, "]");
	return 0;
}

/* \p{Alpha} and its like are the POSIX sets, as in [[:alpha:]]. */
static const char *
posix_set(const char *p, size_t n)
{
	static const char *const names[] = { "alnum", "alpha", "ascii", "blank", "cntrl",
		"digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit",
		"word" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == n && strncasecmp(names[i], p, n) == 0)
			return names[i];
	return NULL;
}

/* \p{...} */
static int
property(struct reader *rd, bool in_class)
{
	bool not = *rd->p == 'P';
	const char *name = rd->p + 2, *close, *posix;

	if (rd->end - rd->p < 2 || rd->p[1] != '{') {
		put(rd, rd->p++, 1);
		return 0;
	}
	if ((close = memchr(name, '}', (size_t)(rd->end - name))) == NULL)
		return refuse(rd, "\\p{ is not closed");
	if (name < close && *name == '^') {
		not = !not ;
		name++;
	}
	if ((posix = posix_set(name, (size_t)(close - name))) != NULL) {
		rd->r->ucp = true;
		puts_(rd, in_class ? "" : "[");
		puts_(rd, not ? "[:^" : "[:");
		puts_(rd, posix);
		puts_(rd, in_class ? ":]" : ":]]");
	} else {
		puts_(rd, not ? "\\P{" : "\\p{");
		put(rd, name, (size_t)(close + 1 - name));
	}
	rd->p = close + 1;
	return 0;
}

/* The value of \xHH or \OOO at p (past the backslash), or -1. */
static int
byte_escape(const char *p, const char *end, unsigned *used)
{
	unsigned n;
	unsigned long v;

	if (p < end && *p == 'x') {
		v = number(p + 1, end, 16, 2, &n);
		*used = n + 1;
	} else {
		v = number(p, end, 8, 3, &n);
		*used = n;
	}
	return n > 0 && v < 256 ? (int)v : -1;
}

/* Bytes as \xHH or \OOO; those of 0x80 and above make a character of UTF-8 together. */
static int
bytes(struct reader *rd)
{
	char utf8[4];
	unsigned n = 0, used, want;
	int b = byte_escape(rd->p, rd->end, &used);
	unsigned long code;

	if (b < 0)
		return refuse(rd, "\\x without digits, or over 255");
	rd->p += used;
	if (b < 0x80) {
		put_number(rd, "\\x{", (unsigned long)b, true, "}");
		return 0;
	}
	want = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
	for (utf8[n++] = (char)b; n < want; n++) {
		if (rd->end - rd->p < 2 || *rd->p != '\\' ||
		    (b = byte_escape(rd->p + 1, rd->end, &used)) < 0x80)
			break;
		utf8[n] = (char)b;
		rd->p += used + 1;
	}
	if (jscan_utf8(utf8, utf8 + n) != n)
		return refuse(rd, "bytes that are no character of UTF-8");
	code = (unsigned char)utf8[0] & (0x7fU >> n);
	for (unsigned i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)utf8[i] & 0x3f);
	put_number(rd, "\\x{", code, true, "}");
	return 0;
}

/* \cx \C-x: the character and 31. */
static int
control(struct reader *rd)
{
	bool dash = *rd->p == 'C';
	const char *p = rd->p + 1 + dash;

	if (p >= rd->end || (dash && rd->p[1] != '-') || *p == '\\')
		return refuse(rd, "\\c wants a character");
	put_number(rd, "\\x{", *p == '?' ? 0x7f : (unsigned long)*p & 31, true, "}");
	rd->p = p + 1;
	return 0;
}

/* An escape that stands for one character, here or in a class; *rd->p is its letter. */
static int
character(struct reader *rd)
{
	unsigned n;
	unsigned long v;
	char c = *rd->p;

	if (c == 'x' && rd->end - rd->p > 2 && rd->p[1] == '{') {
		puts_(rd, "\\");
		while (rd->p < rd->end && *rd->p != '}')
			put(rd, rd->p++, 1);
		return 0;
	}
	if (c == 'x' || (c >= '0' && c <= '7'))
		return bytes(rd);
	if (c == 'c' || c == 'C')
		return control(rd);
	if (c == 'M')
		return refuse(rd, "\\M- is a byte that is no character of UTF-8");
	if (c == 'u') {
		v = number(rd->p + 1, rd->end, 16, 4, &n);
		if (n < 4 || (v >= 0xd800 && v < 0xe000))
			return refuse(rd, "\\u wants four digits, not a surrogate's");
		put_number(rd, "\\x{", v, true, "}");
		rd->p += 5;
		return 0;
	}
	if (c == 'v') /* in PCRE2 any vertical blank */
		puts_(rd, "\\x{b}");
	else if (strchr("tnrfae", c) != NULL || !isalnum((unsigned char)c)) {
		puts_(rd, "\\");
		put(rd, &c, 1);
	} else
		put(rd, &c, 1); /* the letter itself */
	rd->p++;
	return 0;
}

static size_t
find_name(const struct reader *rd, struct str name, size_t from)
{
	while (from < rd->r->groups && !str_eq(rd->r->name[from], name))
		from++;
	return from;
}

/* The name at *p up to `close`; *p goes behind it. */
static int
take_name(struct reader *rd, char close, struct str *name)
{
	const char *from = rd->p, *to;

	if ((to = memchr(from, close, (size_t)(rd->end - from))) == NULL || to == from)
		return refuse(rd, "a name that is empty or not closed");
	*name = (struct str){ from, (size_t)(to - from) };
	for (size_t i = 0; i < name->n; i++) {
		unsigned char c = (unsigned char)name->p[i];

		if (c < 0x80 && !isalnum(c) && strchr("_-.@/", c) == NULL)
			return refuse(rd, "a name of other than letters and digits");
	}
	rd->p = to + 1;
	return 0;
}

/* Backward references: to the last group of the name that took part, as in Ruby. */
static int
refer(struct reader *rd, struct str name)
{
	size_t n = 0, which[RUBY_GROUPS_MAX];

	if (rd->first)
		return 0;
	for (size_t i = find_name(rd, name, 0); i < rd->r->groups;
	     i = find_name(rd, name, i + 1))
		which[n++] = i;
	if (n == 0)
		return refuse(rd, "a reference to a name that there is not");
	puts_(rd, "(?:");
	while (n-- > 0)
		put_number(rd, "\\g{", which[n] + 1, false, n > 0 ? "}|" : "})");
	return 0;
}

static int
call(struct reader *rd, struct str name)
{
	size_t i = find_name(rd, name, 0);

	if (rd->first)
		return 0;
	if (str_eq(name, STR("0"))) {
		puts_(rd, "(?R)");
		return 0;
	}
	if (i == rd->r->groups)
		return refuse(rd, "a call of a name that there is not");
	if (find_name(rd, name, i + 1) < rd->r->groups)
		return refuse(rd, "a call of a name that there is twice");
	put_number(rd, "(?", i + 1, false, ")");
	return 0;
}

/* \k<name> \g<name> */
static int
name_escape(struct reader *rd)
{
	char c = *rd->p, open;
	struct str name;

	if (rd->end - rd->p < 3 || (rd->p[1] != '<' && rd->p[1] != '\'')) {
		put(rd, rd->p++, 1);
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
escape(struct reader *rd)
{
	unsigned long n;
	unsigned digits;
	char c;

	if (rd->p == rd->end)
		return refuse(rd, "a backslash at the end");
	c = *rd->p;
	if (set_of(c) != NULL) {
		rd->p++;
		return put_set(rd, c, false);
	}
	if (c == 'p' || c == 'P')
		return property(rd, false);
	if (c == 'k' || c == 'g')
		return name_escape(rd);
	/* as in Ruby: 1 to 9, and as many groups as there are; else octal */
	if (c >= '1' && c <= '9' &&
	    ((n = number(rd->p, rd->end, 10, 3, &digits)) <= 9 || n <= rd->r->groups)) {
		if (rd->named)
			return refuse(
			    rd, "a group by its number, where groups have names");
		puts_(rd, "\\");
		while (rd->p < rd->end && isdigit((unsigned char)*rd->p))
			put(rd, rd->p++, 1);
		return 0;
	}
	if (strchr("bBAZzGKRX", c) != NULL && c != '\0') {
		rd->r->ucp |= c == 'b' || c == 'B';
		puts_(rd, "\\");
		put(rd, rd->p++, 1);
		return 0;
	}
	return character(rd);
}

/* Does a set begin at p, beside which a '-' is a '-'? */
static bool
set_begins(const char *p, const char *end)
{
	return p < end &&
	       (*p == '[' || (*p == '\\' && end - p > 1 &&
				 (set_of(p[1]) != NULL || p[1] == 'p' || p[1] == 'P')));
}

/* [:alpha:] at p; its length or 0. */
static size_t
posix(const char *p, const char *end)
{
	const char *name = p + 2, *q;

	if (end - p < 5 || p[1] != ':')
		return 0;
	name += *name == '^';
	for (q = name; q < end && isalpha((unsigned char)*q); q++)
		;
	return end - q >= 2 && q[0] == ':' && q[1] == ']' &&
		       posix_set(name, (size_t)(q - name)) != NULL
		   ? (size_t)(q + 2 - p)
		   : 0;
}

/* One thing in a class, or the beginning or end of a class in it. */
static int
class_item(struct reader *rd, unsigned *inner, bool *was_set)
{
	char c = *rd->p;
	size_t n;

	rd->at = (size_t)(rd->p - rd->start);
	if (c == '[' && (n = posix(rd->p, rd->end)) > 0) {
		rd->r->ucp = true;
		put(rd, rd->p, n);
		rd->p += n;
		*was_set = true;
		return 0;
	}
	if (c == '[') {
		rd->p++;
		if (rd->p < rd->end && *rd->p == '^')
			return refuse(rd, "a negated set in a set");
		if (++*inner > RUBY_DEPTH)
			return refuse(rd, "sets too deep in each other");
		return 0;
	}
	if (c == '&' && rd->end - rd->p > 1 && rd->p[1] == '&')
		return refuse(rd, "&& of sets");
	if (c == '-' && ((*was_set && rd->p + 1 < rd->end && rd->p[1] != ']') ||
			    set_begins(rd->p + 1, rd->end))) {
		puts_(rd, "\\-");
		rd->p++;
		*was_set = false;
		return 0;
	}
	*was_set = false;
	if (c != '\\') {
		put(rd, rd->p++, 1);
		return 0;
	}
	if (++rd->p == rd->end)
		return refuse(rd, "a backslash at the end");
	c = *rd->p;
	*was_set = set_of(c) != NULL || c == 'p' || c == 'P';
	if (set_of(c) != NULL) {
		rd->p++;
		return put_set(rd, c, true);
	}
	if (c == 'p' || c == 'P')
		return property(rd, true);
	if (c == 'R' || c == 'X')
		return refuse(rd, "more than one character in a class");
	if (c == 'b') {
		puts_(rd, "\\b");
		rd->p++;
		return 0;
	}
	return character(rd);
}

/* [...], from behind its bracket. */
static int class(struct reader *rd)
{
	unsigned inner = 0;
	bool was_set = false;
	size_t opened = rd->at;

	puts_(rd, "[");
	if (rd->p < rd->end && *rd->p == '^')
		put(rd, rd->p++, 1);
	if (rd->p < rd->end && *rd->p == ']') {
		puts_(rd, "\\]");
		rd->p++;
	}
	while (rd->p < rd->end) {
		if (*rd->p == ']') {
			rd->p++;
			if (inner-- == 0) {
				puts_(rd, "]");
				return 0;
			}
			was_set = true;
		} else if (class_item(rd, &inner, &was_set) < 0) {
			return -1;
		}
	}
	rd->at = opened;
	return refuse(rd, "[ is not closed");
}

static int
push(struct reader *rd)
{
	if (rd->depth == RUBY_DEPTH)
		return refuse(rd, "groups too deep in each other");
	rd->level[rd->depth + 1] =
	    (struct level){ .extended = rd->level[rd->depth].extended };
	rd->depth++;
	return 0;
}

static int
named_group(struct reader *rd, char close)
{
	struct str name;

	if (take_name(rd, close, &name) < 0)
		return -1;
	if (rd->names == RUBY_GROUPS_MAX)
		return refuse(rd, "over 256 named groups");
	rd->r->name[rd->names++] = name;
	if (rd->first)
		rd->r->groups = rd->names;
	puts_(rd, "(");
	return push(rd);
}

/* (?(<name>)yes|no), from behind (?( */
static int
condition(struct reader *rd)
{
	struct str name;
	size_t i;
	char c = rd->p < rd->end ? *rd->p : '\0';

	if (c != '<' && c != '\'') {
		if (rd->named || !isdigit((unsigned char)c))
			return refuse(rd, "(?( wants the name of a group");
		puts_(rd, "(?(");
		return push(rd);
	}
	rd->p++;
	if (take_name(rd, c == '<' ? '>' : '\'', &name) < 0)
		return -1;
	if (rd->p == rd->end || *rd->p++ != ')')
		return refuse(rd, "(?( is not closed");
	if ((i = find_name(rd, name, 0)) == rd->r->groups && !rd->first)
		return refuse(rd, "a reference to a name that there is not");
	put_number(rd, "(?(", i + 1, false, ")");
	return push(rd);
}

/* (?imx-imx) and (?imx-imx:...), from behind the question mark */
static int
flags(struct reader *rd)
{
	struct level *here = &rd->level[rd->depth];
	bool on = true, extended = here->extended;

	puts_(rd, "(?");
	for (; rd->p < rd->end && *rd->p != ')' && *rd->p != ':'; rd->p++) {
		if (*rd->p == '-')
			on = false;
		if (*rd->p == 'x')
			extended = on;
		if (*rd->p == '\0' || strchr("imx-", *rd->p) == NULL)
			return refuse(
			    rd, "no such group in Ruby, or none that PCRE2 has");
		puts_(rd, *rd->p == 'm' ? "s" : (char[]){ *rd->p, '\0' });
	}
	if (rd->p == rd->end)
		return refuse(rd, "(? is not closed");
	puts_(rd, ":");
	if (*rd->p++ == ':') {
		if (push(rd) < 0)
			return -1;
		rd->level[rd->depth].extended = extended;
		return 0;
	}
	/* what follows is a group of its own, up to the end of this one */
	if (here->closes++ > RUBY_DEPTH)
		return refuse(rd, "too many flags");
	here->extended = extended;
	return 0;
}

static int
comment(struct reader *rd)
{
	while (rd->p < rd->end && *rd->p != ')')
		rd->p += *rd->p == '\\' && rd->end - rd->p > 1 ? 2 : 1;
	if (rd->p == rd->end)
		return refuse(rd, "(?# is not closed");
	rd->p++;
	return 0;
}

/* From behind (?P: Python's spelling, which many bring. */
static int
python_group(struct reader *rd)
{
	struct str name;
	char c = rd->p < rd->end ? *rd->p : '\0';

	rd->p++;
	if (c == '<')
		return named_group(rd, '>');
	if (c != '=' && c != '>')
		return refuse(rd, "(?P wants a <name>");
	if (take_name(rd, ')', &name) < 0)
		return -1;
	return c == '=' ? refer(rd, name) : call(rd, name);
}

static int
group(struct reader *rd)
{
	const char *p = rd->p;
	size_t left = (size_t)(rd->end - p);

	if (left > 0 && *p == '*')
		return refuse(rd, "(* has nothing to repeat");
	if (left < 2 || *p != '?') {
		puts_(rd, rd->named ? "(?:" : "(");
		return push(rd);
	}
	rd->p += 2;
	switch (p[1]) {
	case '#':
		return comment(rd);
	case '<':
		if (left > 2 && (p[2] == '=' || p[2] == '!')) {
			rd->p++;
			puts_(rd, p[2] == '=' ? "(?<=" : "(?<!");
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
		puts_(rd, "(?");
		put(rd, p + 1, 1);
		return push(rd);
	case '~':
		return refuse(rd, "(?~absent)");
	default:
		rd->p--;
		return flags(rd);
	}
}

static void
close_group(struct reader *rd)
{
	while (rd->level[rd->depth].closes > 0) {
		puts_(rd, ")");
		rd->level[rd->depth].closes--;
	}
}

/* {n} {n,m} {n,} {,m}, from behind the brace; any other is a brace. */
static int
interval(struct reader *rd)
{
	const char *p = rd->p, *q;
	unsigned a, b = 0;
	bool comma;

	(void)number(p, rd->end, 10, 7, &a);
	q = p + a;
	comma = q < rd->end && *q == ',';
	if (comma) {
		(void)number(q + 1, rd->end, 10, 7, &b);
		q += 1 + b;
	}
	if (a + b == 0 || q >= rd->end || *q != '}') {
		puts_(rd, "\\{");
		return 0;
	}
	puts_(rd, a == 0 ? "{0" : "{");
	put(rd, p, (size_t)(q + 1 - p));
	rd->p = q + 1;
	if (rd->p < rd->end && *rd->p == '+')
		return refuse(
		    rd, "{}+ repeats in Ruby what PCRE2 would hold: write (?:...)+");
	if (rd->p < rd->end && *rd->p == '?' && !comma)
		return refuse(rd, "{n}? is optional in Ruby: write (?:...{n})?");
	return 0;
}

static int
one(struct reader *rd)
{
	char c = *rd->p++;

	rd->at = (size_t)(rd->p - 1 - rd->start);
	switch (c) {
	case '\\':
		return escape(rd);
	case '[':
		return class(rd);
	case '(':
		return group(rd);
	case ')':
		close_group(rd);
		if (rd->depth-- == 0)
			return refuse(rd, ") closes nothing");
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
		return refuse(rd, "a NUL byte");
	default:
		break;
	}
	put(rd, &c, 1);
	return 0;
}

static int
pass(struct reader *rd, bool first)
{
	rd->first = first;
	rd->p = rd->start;
	rd->names = 0;
	rd->depth = 0;
	rd->level[0] = (struct level){ .extended = rd->r->extended };
	buf_clear(&rd->r->pattern);
	while (rd->p < rd->end)
		if (one(rd) < 0)
			return -1;
	rd->at = (size_t)(rd->end - rd->start);
	if (rd->depth > 0)
		return refuse(rd, "( is not closed");
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
	struct reader rd = { .r = r, .e = e };
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
