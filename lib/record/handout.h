/* handout.h - memory that is given to a pipe instead of being copied into it.
 *
 * write(2) to a pipe allocates, fills and frees a page in the kernel for each 4 KiB.  Here
 * the bytes stand in one fresh huge page, and vmsplice(2) lends the pipe the very pages.
 * What was lent is never written again, for a reader may splice(2) it on and hold it for as
 * long as it likes: when the page is used up it is dropped (the pipe keeps its references)
 * and the next touch gets a new one, zeroed.
 *
 * That is cheaper than copying only with huge pages.  handout_open() refuses when they are
 * off (/sys/kernel/mm/transparent_hugepage/enabled), and handout_renew() when the kernel has
 * begun to hand out small ones; the caller then goes on with write(2).
 *
 * Source: vmsplice(2), madvise(2); Documentation/admin-guide/mm/transhuge.rst.
 */
#ifndef HANDOUT_H
#define HANDOUT_H
#include <stdbool.h>
#include <stddef.h>

struct err;

enum {
	HANDOUT_SIZE = 2 << 20,
	HANDOUT_SLACK = 64, /* at the end of it, never lent */
};

struct handout {
	char *page; /* HANDOUT_SIZE bytes; NULL: none */
	long faults;
};

/* Are there huge pages?  The file is looked into once: a program that gives up its files calls
 * this before. */
bool handout_able(void);

/* false: not here. */
bool handout_open(struct handout *h);
void handout_close(struct handout *h);

/* A new page in place of the old one, at the same address.  false: no huge one any more. */
bool handout_renew(struct handout *h);

/* Lend the pipe [p, p + n) of the page, waiting for room.  1; 0: this pipe takes no pages, and
 * has got none of these; -1. */
int handout_lend(int fd, const char *p, size_t n, const char *name, struct err *e);

#endif
