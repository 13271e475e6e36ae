/* Escapes and classes. */
#include "base/err.h"
#include "parse/ruby_read.h"
#include "record/jscan.h"

#include <ctype.h>
#include <strings.h>

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

const char *
ruby_set_of(char letter)
{
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		if (sets[i].letter == letter)
			return sets[i].in_class;
	return NULL;
}

int
ruby_set(struct ruby_reader *rd, char letter, bool in_class)
{
	char plain[3] = { '\\', letter, '\0' };

	if (!rd->r->ucp && letter != 'h' && letter != 'H') {
		ruby_puts(rd, plain);
		return 0;
	}
	if (!in_class)
		ruby_puts(rd, "[");
	ruby_puts(rd, ruby_set_of(letter));
	if (!in_class)
		ruby_puts(rd, "]");
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
int
ruby_property(struct ruby_reader *rd, bool in_class)
{
	bool not = *rd->p == 'P';
	const char *name = rd->p + 2, *close, *posix;

	if (rd->end - rd->p < 2 || rd->p[1] != '{') {
		ruby_put(rd, rd->p++, 1);
		return 0;
	}
	if ((close = memchr(name, '}', (size_t)(rd->end - name))) == NULL)
		return ruby_refuse(rd, "\\p{ is not closed");
	if (name < close && *name == '^') {
		not = !not ;
		name++;
	}
	if ((posix = posix_set(name, (size_t)(close - name))) != NULL) {
		rd->r->ucp = true;
		ruby_puts(rd, in_class ? "" : "[");
		ruby_puts(rd, not ? "[:^" : "[:");
		ruby_puts(rd, posix);
		ruby_puts(rd, in_class ? ":]" : ":]]");
	} else {
		ruby_puts(rd, not ? "\\P{" : "\\p{");
		ruby_put(rd, name, (size_t)(close + 1 - name));
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
		v = ruby_number(p + 1, end, 16, 2, &n);
		*used = n + 1;
	} else {
		v = ruby_number(p, end, 8, 3, &n);
		*used = n;
	}
	return n > 0 && v < 256 ? (int)v : -1;
}

/* Bytes as \xHH or \OOO; those of 0x80 and above make a character of UTF-8 together. */
static int
bytes(struct ruby_reader *rd)
{
	char utf8[4];
	unsigned n = 0, used, want;
	int b = byte_escape(rd->p, rd->end, &used);
	unsigned long code;

	if (b < 0)
		return ruby_refuse(rd, "\\x without digits, or over 255");
	rd->p += used;
	if (b < 0x80) {
		ruby_put_number(rd, "\\x{", (unsigned long)b, true, "}");
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
		return ruby_refuse(rd, "bytes that are no character of UTF-8");
	code = (unsigned char)utf8[0] & (0x7fU >> n);
	for (unsigned i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)utf8[i] & 0x3f);
	ruby_put_number(rd, "\\x{", code, true, "}");
	return 0;
}

/* \cx \C-x: the character and 31. */
static int
control(struct ruby_reader *rd)
{
	bool dash = *rd->p == 'C';
	const char *p = rd->p + 1 + dash;

	if (p >= rd->end || (dash && rd->p[1] != '-') || *p == '\\')
		return ruby_refuse(rd, "\\c wants a character");
	ruby_put_number(rd, "\\x{", *p == '?' ? 0x7f : (unsigned long)*p & 31, true, "}");
	rd->p = p + 1;
	return 0;
}

/* An escape that stands for one character, here or in a class; *rd->p is its letter. */
int
ruby_character(struct ruby_reader *rd)
{
	unsigned n;
	unsigned long v;
	char c = *rd->p;

	if (c == 'x' && rd->end - rd->p > 2 && rd->p[1] == '{') {
		ruby_puts(rd, "\\");
		while (rd->p < rd->end && *rd->p != '}')
			ruby_put(rd, rd->p++, 1);
		return 0;
	}
	if (c == 'x' || (c >= '0' && c <= '7'))
		return bytes(rd);
	if (c == 'c' || c == 'C')
		return control(rd);
	if (c == 'M')
		return ruby_refuse(rd, "\\M- is a byte that is no character of UTF-8");
	if (c == 'u') {
		v = ruby_number(rd->p + 1, rd->end, 16, 4, &n);
		if (n < 4 || (v >= 0xd800 && v < 0xe000))
			return ruby_refuse(
			    rd, "\\u wants four digits, not a surrogate's");
		ruby_put_number(rd, "\\x{", v, true, "}");
		rd->p += 5;
		return 0;
	}
	if (c == 'v') /* in PCRE2 any vertical blank */
		ruby_puts(rd, "\\x{b}");
	else if (strchr("tnrfae", c) != NULL || !isalnum((unsigned char)c)) {
		ruby_puts(rd, "\\");
		ruby_put(rd, &c, 1);
	} else
		ruby_put(rd, &c, 1); /* the letter itself */
	rd->p++;
	return 0;
}

/* Does a set begin at p, beside which a '-' is a '-'? */
static bool
set_begins(const char *p, const char *end)
{
	return p < end && (*p == '[' || (*p == '\\' && end - p > 1 &&
					    (ruby_set_of(p[1]) != NULL || p[1] == 'p' ||
						p[1] == 'P')));
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
class_item(struct ruby_reader *rd, unsigned *inner, bool *was_set)
{
	char c = *rd->p;
	size_t n;

	rd->at = (size_t)(rd->p - rd->start);
	if (c == '[' && (n = posix(rd->p, rd->end)) > 0) {
		rd->r->ucp = true;
		ruby_put(rd, rd->p, n);
		rd->p += n;
		*was_set = true;
		return 0;
	}
	if (c == '[') {
		rd->p++;
		if (rd->p < rd->end && *rd->p == '^')
			return ruby_refuse(rd, "a negated set in a set");
		if (++*inner > RUBY_DEPTH)
			return ruby_refuse(rd, "sets too deep in each other");
		return 0;
	}
	if (c == '&' && rd->end - rd->p > 1 && rd->p[1] == '&')
		return ruby_refuse(rd, "&& of sets");
	if (c == '-' && ((*was_set && rd->p + 1 < rd->end && rd->p[1] != ']') ||
			    set_begins(rd->p + 1, rd->end))) {
		ruby_puts(rd, "\\-");
		rd->p++;
		*was_set = false;
		return 0;
	}
	*was_set = false;
	if (c != '\\') {
		ruby_put(rd, rd->p++, 1);
		return 0;
	}
	if (++rd->p == rd->end)
		return ruby_refuse(rd, "a backslash at the end");
	c = *rd->p;
	*was_set = ruby_set_of(c) != NULL || c == 'p' || c == 'P';
	if (ruby_set_of(c) != NULL) {
		rd->p++;
		return ruby_set(rd, c, true);
	}
	if (c == 'p' || c == 'P')
		return ruby_property(rd, true);
	if (c == 'R' || c == 'X')
		return ruby_refuse(rd, "more than one character in a class");
	if (c == 'b') {
		ruby_puts(rd, "\\b");
		rd->p++;
		return 0;
	}
	return ruby_character(rd);
}

/* [...], from behind its bracket. */
int
ruby_class(struct ruby_reader *rd)
{
	unsigned inner = 0;
	bool was_set = false;
	size_t opened = rd->at;

	ruby_puts(rd, "[");
	if (rd->p < rd->end && *rd->p == '^')
		ruby_put(rd, rd->p++, 1);
	if (rd->p < rd->end && *rd->p == ']') {
		ruby_puts(rd, "\\]");
		rd->p++;
	}
	while (rd->p < rd->end) {
		if (*rd->p == ']') {
			rd->p++;
			if (inner-- == 0) {
				ruby_puts(rd, "]");
				return 0;
			}
			was_set = true;
		} else if (class_item(rd, &inner, &was_set) < 0) {
			return -1;
		}
	}
	rd->at = opened;
	return ruby_refuse(rd, "[ is not closed");
}
