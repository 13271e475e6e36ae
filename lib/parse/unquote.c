#include "parse/unquote.h"
#include "record/jsonw.h"

#include <stdint.h>

/* Digits of that base at *p, up to `max`; -1: there is none. */
static int64_t
number(const char **p, const char *end, int base, int max)
{
	int64_t v = -1;

	for (; max > 0 && *p < end && (unsigned)str_digit(**p) < (unsigned)base;
	     max--, ++*p)
		v = (v < 0 ? 0 : v) * base + str_digit(**p);
	return v;
}

/* \OOO \xHH \uXXXX \UXXXXXXXX from its letter at *p on; NULL: none of these. */
static char *
code_point(char *to, const char **p, const char *end)
{
	const char *q = *p, *low;
	char kind = *q;
	int64_t c, d;

	if (kind >= '0' && kind <= '7')
		c = number(&q, end, 8, 3);
	else if (kind == 'x' || kind == 'u' || kind == 'U')
		q++, c = number(&q, end, 16, kind == 'x' ? 2 : kind == 'u' ? 4 : 8);
	else
		return NULL;
	if (c < 0)
		return NULL;
	if (c >= 0xd800 && c < 0xdc00 && end - q > 2 && q[0] == '\\' && q[1] == 'u') {
		low = q + 2;
		d = number(&low, end, 16, 4);
		if (d >= 0xdc00 && d < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (d - 0xdc00);
			q = low;
		}
	}
	/* never more bytes than were read: \uX is three, and so is U+FFFD */
	if (c >= 0x80 && q + 1 - *p < (c < 0x800 ? 2 : 3))
		return NULL;
	*p = q;
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	return jsonw_utf8(to, (uint32_t)c);
}

size_t
unquote(char *to, struct str text, enum unquote how)
{
	static const char letters[] = "ntrabfv", bytes[] = "\n\t\r\a\b\f\v";
	const char *p = text.p, *end = p + text.n, *at;
	char *from = to, *next;

	while (p < end) {
		if (*p != '\\' || p + 1 == end) {
			*to++ = *p++;
			continue;
		}
		p++;
		if (how == UNQUOTE_MOST && strchr("\"'\\/", *p) != NULL && *p != '\0') {
			*to++ = '\\';
			*to++ = *p++;
			continue;
		}
		if (*p != '\0' && (at = strchr(letters, *p)) != NULL)
			*to++ = bytes[at - letters], p++;
		else if (how != UNQUOTE_PLAIN && (next = code_point(to, &p, end)) != NULL)
			to = next;
		else
			*to++ = *p++;
	}
	return (size_t)(to - from);
}

size_t
unquote_in_place(const char *base, struct str value, enum unquote how)
{
	/* the memory is the caller's to write to; slices of it are const */
	char *to = (char *)(uintptr_t)base + (value.p - base);

	return unquote(to, value, how);
}
