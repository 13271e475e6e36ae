/* buf.h - bytes that grow, up to a ceiling.
 *
 * Errors are sticky: once an addition did not fit (ceiling or memory), `failed` is set and
 * later additions do nothing, so a writer checks once at its end.  What is in the buffer
 * stays; p[n] is always a NUL when p is set.  A buffer for secrets leaves nothing of them
 * in memory that it gives back, when it grows or is done with.
 */
#ifndef BUF_H
#define BUF_H
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

struct err;

struct buf {
	char *p;
	size_t n, cap, max;
	bool failed, secret;
};

void buf_init(struct buf *b, size_t max);        /* no memory is taken yet */
void buf_init_secret(struct buf *b, size_t max); /* zeroes what it frees */
void buf_done(struct buf *b);  /* frees; may be used again after buf_init */
void buf_clear(struct buf *b); /* n = 0, failed = false, memory kept */

/* Room for `n` more bytes at p + n of the buffer, or NULL (and `failed`). */
char *buf_room(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_addstr(struct buf *b, struct str s);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Heap copy of the bytes, NUL-terminated; the buffer is left empty.  NULL if failed. */
char *buf_take(struct buf *b);

/* 0, or -1 with `e` saying that `what` is too large or memory is short. */
int buf_check(const struct buf *b, const char *what, struct err *e);

#endif
