/* ndjson.h - the stream between the programs: lines in, lines out, in large blocks.
 *
 * In: LF ends a line; a CR before it, a BOM at the very start and blank lines are skipped
 * over.  A line is a view into the block and dies with the next call.  Lines longer than
 * NDJSON_LINE_MAX come in pieces, never cut through a character and with a CR at their end,
 * so that memory stays bounded and nothing is lost.
 * Out: whole records only are handed to the kernel, in blocks of 128 KiB and up, or at once
 * when the input has nothing more to read (so that a pipe from `logtail -f` does not lag).
 * A pipe that has got NDJSON_LEND bytes is lent pages from then on: see handout.h.
 *
 * Pipes are made NDJSON_PIPE bytes long where the kernel allows it (fcntl(2) F_SETPIPE_SZ;
 * /proc/sys/fs/pipe-user-pages-soft), which saves a third of the time on two cores.
 */
#ifndef NDJSON_H
#define NDJSON_H
#include "base/str.h"
#include "record/handout.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
	NDJSON_LINE_MAX = 16 << 20, /* longest line taken whole */
	NDJSON_BLOCK = 256 << 10,
	NDJSON_PIPE = 1 << 20,
	NDJSON_LEND = 4 << 20, /* short runs do not pay for a huge page */
};

struct ndjson_out {
	int fd;
	const char *name; /* for messages */
	char *buf;        /* what is not handed over yet, in `own` or in `page` */
	size_t n, cap;
	uint64_t bytes; /* handed over so far */
	bool failed;    /* out of memory; sticky until ndjson_end */
	bool lend;      /* pages may be lent, now or later on */
	char *own;      /* allocated */
	size_t own_cap;
	struct handout page;
};

int ndjson_out_init(struct ndjson_out *o, int fd, const char *name, struct err *e);
void ndjson_out_done(struct ndjson_out *o);

/* Room for `n` more bytes, at the returned place, or NULL (`failed`).  Bytes count once
 * o->n is raised. */
char *ndjson_grow(struct ndjson_out *o, size_t n);

static inline char *
ndjson_room(struct ndjson_out *o, size_t n)
{
	return o->cap - o->n >= n ? o->buf + o->n : ndjson_grow(o, n);
}

static inline void
ndjson_add(struct ndjson_out *o, const char *p, size_t n)
{
	char *to = ndjson_room(o, n);

	if (to != NULL) {
		memcpy(to, p, n);
		o->n += n;
	}
}

#define NDJSON_LIT(o, literal) ndjson_add((o), (literal), sizeof(literal) - 1)

/* Bytes escaped as the inside of a JSON string: see jsonw.h. */
void ndjson_text(struct ndjson_out *o, const char *p, size_t n, uint64_t *replaced);
void ndjson_u64(struct ndjson_out *o, uint64_t v);

/* The record is whole (its LF written): hand over when there is enough. */
int ndjson_end(struct ndjson_out *o, struct err *e);
int ndjson_flush(struct ndjson_out *o, struct err *e);

enum ndjson_got {
	NDJSON_EOF = 0,
	NDJSON_LINE = 1,
	NDJSON_TORN,  /* a last line without LF */
	NDJSON_PIECE, /* part of a line over NDJSON_LINE_MAX */
	NDJSON_IDLE,  /* nothing came within wait_ms; call again */
};

struct ndjson_in {
	int fd;
	const char *name;
	char *buf;
	size_t pos, have, cap;
	uint64_t bytes; /* read so far */
	bool eof, pipe, started;
	bool in_long;             /* inside a line that comes in pieces */
	int wait_ms;              /* longest wait for more; 0: for ever */
	struct ndjson_out *flush; /* flushed before a read that would wait; may be NULL */
};

int ndjson_in_init(struct ndjson_in *in, struct ndjson_out *flush, struct err *e);
void ndjson_in_done(struct ndjson_in *in);
void ndjson_in_open(struct ndjson_in *in, int fd, const char *name); /* begin a file */

/* The slow half of ndjson_next: reads. */
int ndjson_fill(struct ndjson_in *in, struct str *line, struct err *e);

/* The next line, without its end, into `line`: an ndjson_got, or -1.  64 bytes behind a
 * line may be read, not used. */
static inline int
ndjson_next(struct ndjson_in *in, struct str *line, struct err *e)
{
	const char *p = in->buf + in->pos, *lf;

	/* a line that begins with a blank may be nothing else */
	if (in->pos < in->have && !in->in_long && in->started &&
	    (unsigned char)*p > ' ' &&
	    (lf = memchr(p, '\n', in->have - in->pos)) != NULL && lf[-1] != '\r') {
		*line = (struct str){ p, (size_t)(lf - p) };
		in->pos += line->n + 1;
		return NDJSON_LINE;
	}
	return ndjson_fill(in, line, e);
}

#endif
