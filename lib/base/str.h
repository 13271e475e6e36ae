/* str.h - a slice of text: a pointer and a length, owned by somebody else. */
#ifndef STR_H
#define STR_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *p; /* not NUL-terminated; may hold NULs */
	size_t n;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })

static inline struct str
str_of(const char *cstring)
{
	return (struct str){ cstring, strlen(cstring) };
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
str_starts(struct str s, struct str with)
{
	return s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

static inline bool
str_ends(struct str s, struct str with)
{
	return s.n >= with.n && memcmp(s.p + s.n - with.n, with.p, with.n) == 0;
}

/* The value of a hexadecimal digit, or -1. */
static inline int
str_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
