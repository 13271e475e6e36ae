/* jsonw.h - bytes as the inside of a JSON string.
 *
 * '"' and '\\' get a backslash, control bytes their short escape or \u00XX, '/' and non-ASCII
 * stand as they are, and what is not UTF-8 becomes U+FFFD, one for each maximal bad piece.
 */
#ifndef JSONW_H
#define JSONW_H
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Room that jsonw_text needs for `n` bytes. */
#define JSONW_ROOM(n) (6 * (size_t)(n) + 32)

/* Write [p, p + n) at `dst`; returns the end.  *replaced grows by the U+FFFDs put in. */
char *jsonw_text(char *dst, const char *p, size_t n, uint64_t *replaced);

/* Write a character as UTF-8 at `dst` (up to 4 bytes); returns the end.  `c` is at most
 * U+10FFFF and no half of a pair. */
char *jsonw_utf8(char *dst, uint32_t c);

/* Write `v` at `dst`, which has room for JSONW_U64_MAX bytes; returns the end. */
enum { JSONW_U64_MAX = 20 };
char *jsonw_u64(char *dst, uint64_t v);

/* Append a whole JSON string, quotes included. */
void jsonw_string(struct buf *b, const char *p, size_t n);

#endif
