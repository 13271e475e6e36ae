#include "base/buf.h"
#include "base/err.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_init_secret(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max, .secret = true };
}

void
buf_done(struct buf *b)
{
	if (b->secret && b->p != NULL)
		explicit_bzero(b->p, b->cap);
	free(b->p);
	*b = (struct buf){ .max = b->max, .secret = b->secret };
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->p != NULL)
		b->p[0] = '\0';
}

/* realloc(3) may leave the old bytes behind in what it frees. */
static char *
grow(struct buf *b, size_t cap)
{
	char *p;

	if (!b->secret)
		return realloc(b->p, cap);
	if ((p = malloc(cap)) == NULL || b->p == NULL)
		return p;
	memcpy(p, b->p, b->n + 1);
	explicit_bzero(b->p, b->cap);
	free(b->p);
	return p;
}

char *
buf_room(struct buf *b, size_t n)
{
	size_t want = b->n + n + 1, cap = b->cap ? b->cap : 256;
	char *p;

	if (b->failed || n > b->max || b->n > b->max - n || n > SIZE_MAX / 4) {
		b->failed = true;
		return NULL;
	}
	if (want <= b->cap)
		return b->p + b->n;
	while (cap < want)
		cap *= 2;
	if ((p = grow(b, cap)) == NULL) {
		b->failed = true;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	b->p[b->n] = '\0';
	return b->p + b->n;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_room(b, n);

	if (to == NULL)
		return;
	if (n > 0)
		memcpy(to, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void
buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addstr(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;
	char *to;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && (to = buf_room(b, (size_t)n)) != NULL) {
		vsnprintf(to, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

char *
buf_take(struct buf *b)
{
	char *p;

	if (b->failed || buf_room(b, 0) == NULL)
		return NULL;
	p = b->p;
	p[b->n] = '\0';
	*b = (struct buf){ .max = b->max, .secret = b->secret };
	return p;
}

int
buf_check(const struct buf *b, const char *what, struct err *e)
{
	if (!b->failed)
		return 0;
	return err_set(
	    e, ST_FAIL, "%s: larger than %zu bytes, or out of memory", what, b->max);
}
