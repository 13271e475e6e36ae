#include "record/ndjson.h"
#include "base/err.h"
#include "base/fileio.h"
#include "record/jsonw.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SLACK = 64, /* readable and writable past what is asked for */
	HAND_OVER = 128 << 10,
	PAGE_LOW =
	    16 << 10, /* left of a lent page: it is handed over, and a new one begun */
	OUT_MAX =
	    7 * NDJSON_LINE_MAX, /* the longest line, all of it as \u00XX, and more */
	IN_MAX = NDJSON_LINE_MAX + 1, /* a byte more tells whether a line is too long */
};

static bool
is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

int
ndjson_out_init(struct ndjson_out *o, int fd, const char *name, struct err *e)
{
	*o = (struct ndjson_out){ .fd = fd, .name = name, .own_cap = NDJSON_BLOCK };
	if ((o->own = malloc(o->own_cap + SLACK)) == NULL)
		return err_set(e, ST_FAIL, "%s: out of memory", name);
	o->buf = o->own;
	o->cap = o->own_cap;
	if (is_pipe(fd)) {
		(void)fcntl(fd, F_SETPIPE_SZ, (int)NDJSON_PIPE);
		o->lend = true;
	}
	return 0;
}

void
ndjson_out_done(struct ndjson_out *o)
{
	handout_close(&o->page);
	free(o->own);
	o->own = o->buf = NULL;
}

static bool
in_page(const struct ndjson_out *o)
{
	return o->buf != o->own;
}

/* Room in `own`, where a record goes that is too long for what is left of the page. */
char *
ndjson_grow(struct ndjson_out *o, size_t n)
{
	size_t cap = o->own_cap;
	char *p;

	if (o->failed || n > OUT_MAX || o->n > OUT_MAX - n) {
		o->failed = true;
		return NULL;
	}
	while (cap - o->n < n)
		cap *= 2;
	if (cap > o->own_cap) {
		if ((p = realloc(o->own, cap + SLACK)) == NULL) {
			o->failed = true;
			return NULL;
		}
		if (!in_page(o))
			o->buf = p;
		o->own = p;
		o->own_cap = cap;
	}
	if (in_page(o))
		memcpy(o->own, o->buf, o->n);
	o->buf = o->own;
	o->cap = o->own_cap;
	return o->buf + o->n;
}

/* Where to cut [p, p + n + 1) at or shortly before n, but not through a character. */
static size_t
cut_at(const char *p, size_t n)
{
	size_t at = n;

	while (at > n - 3 && ((unsigned char)p[at] & 0xc0) == 0x80)
		at--;
	return ((unsigned char)p[at] & 0xc0) == 0x80 ? n : at;
}

void
ndjson_text(struct ndjson_out *o, const char *p, size_t n, uint64_t *replaced)
{
	enum { CHUNK = 16 << 10 };
	char *to;

	while (n > 0) {
		size_t cut = n > CHUNK ? cut_at(p, CHUNK) : n;

		if ((to = ndjson_room(o, JSONW_ROOM(cut))) == NULL)
			return;
		o->n = (size_t)(jsonw_text(to, p, cut, replaced) - o->buf);
		p += cut;
		n -= cut;
	}
}

void
ndjson_u64(struct ndjson_out *o, uint64_t v)
{
	char *to = ndjson_room(o, JSONW_U64_MAX);

	if (to != NULL)
		o->n = (size_t)(jsonw_u64(to, v) - o->buf);
}

/* All is handed over: where does what comes next go?  Into the page while it has room for
 * most records, into a new one, or back to where it is copied from. */
static void
next_place(struct ndjson_out *o)
{
	bool page = o->lend && o->bytes >= NDJSON_LEND;

	if (page && in_page(o) && o->cap >= PAGE_LOW)
		return;
	if (page &&
	    (o->page.page != NULL ? handout_renew(&o->page) : handout_open(&o->page))) {
		o->buf = o->page.page;
		o->cap = HANDOUT_SIZE - HANDOUT_SLACK;
		return;
	}
	if (page)
		o->lend = false;
	o->buf = o->own;
	o->cap = o->own_cap;
}

/* 1: the pipe was lent it; 0: it is to be written; -1. */
static int
lend(struct ndjson_out *o, struct err *e)
{
	int r;

	if (!in_page(o))
		return 0;
	if ((r = handout_lend(o->fd, o->buf, o->n, o->name, e)) == 0)
		o->lend = false;
	o->buf += r > 0 ? o->n : 0;
	o->cap -= r > 0 ? o->n : 0;
	return r;
}

int
ndjson_flush(struct ndjson_out *o, struct err *e)
{
	int r;

	if (o->failed)
		return err_set(e, ST_FAIL, "%s: a record over %d bytes, or out of memory",
		    o->name, OUT_MAX);
	if (o->n == 0)
		return 0;
	if ((r = lend(o, e)) < 0 ||
	    (r == 0 && write_all(o->fd, o->buf, o->n, o->name, e) < 0))
		return -1;
	o->bytes += o->n;
	o->n = 0;
	next_place(o);
	return 0;
}

int
ndjson_end(struct ndjson_out *o, struct err *e)
{
	return o->n >= HAND_OVER || o->cap - o->n < PAGE_LOW || o->failed
		   ? ndjson_flush(o, e)
		   : 0;
}

int
ndjson_in_init(struct ndjson_in *in, struct ndjson_out *flush, struct err *e)
{
	*in = (struct ndjson_in){
		.fd = -1, .name = "<none>", .cap = NDJSON_BLOCK, .flush = flush
	};
	if ((in->buf = malloc(in->cap + SLACK)) == NULL)
		return err_set(e, ST_FAIL, "<input>: out of memory");
	return 0;
}

void
ndjson_in_done(struct ndjson_in *in)
{
	free(in->buf);
	in->buf = NULL;
}

void
ndjson_in_open(struct ndjson_in *in, int fd, const char *name)
{
	in->fd = fd;
	in->name = name;
	in->pos = in->have = 0;
	in->eof = in->started = in->in_long = false;
	if ((in->pipe = is_pipe(fd)))
		(void)fcntl(fd, F_SETPIPE_SZ, (int)NDJSON_PIPE);
}

/* Room behind what is there: move the unfinished line to the front, or grow. */
static int
make_room(struct ndjson_in *in, struct err *e)
{
	size_t left = in->have - in->pos,
	       cap = 2 * in->cap < IN_MAX ? 2 * in->cap : IN_MAX;
	char *p;

	if (in->pos > 0) {
		memmove(in->buf, in->buf + in->pos, left);
		in->pos = 0;
		in->have = left;
	}
	if (in->cap - left >= NDJSON_BLOCK / 2 || in->cap == IN_MAX)
		return 0;
	if ((p = realloc(in->buf, cap + SLACK)) == NULL)
		return err_set(e, ST_FAIL, "%s: out of memory", in->name);
	in->buf = p;
	in->cap = cap;
	return 0;
}

/* 1: something came, or the end; 0: nothing within wait_ms; -1. */
static int
read_more(struct ndjson_in *in, struct err *e)
{
	struct pollfd pf = { .fd = in->fd, .events = POLLIN };
	ssize_t r;

	if (make_room(in, e) < 0)
		return -1;
	if (in->flush != NULL && in->flush->n > 0 && poll(&pf, 1, 0) == 0 &&
	    ndjson_flush(in->flush, e) < 0)
		return -1;
	if (in->wait_ms > 0 && poll(&pf, 1, in->wait_ms) == 0)
		return 0;
	while ((r = read(in->fd, in->buf + in->have, in->cap - in->have)) < 0)
		if (errno != EINTR && (errno != EAGAIN || poll(&pf, 1, -1) < 0))
			return err_sys(e, in->name);
	in->eof = r == 0;
	in->have += (size_t)r;
	memset(in->buf + in->have, 0, SLACK); /* readers look ahead, and branch on it */
	in->bytes += (uint64_t)r;
	return 1;
}

/* A line is whole in the block: cut its end off.  false: blank, to be skipped. */
static bool
trim(struct ndjson_in *in, struct str *line)
{
	if (!in->started && str_starts(*line, STR("\xef\xbb\xbf"))) {
		line->p += 3;
		line->n -= 3;
	}
	in->started = true;
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	for (size_t i = 0; i < line->n; i++)
		if (line->p[i] != ' ' && line->p[i] != '\t' && line->p[i] != '\r')
			return true;
	return false;
}

int
ndjson_fill(struct ndjson_in *in, struct str *line, struct err *e)
{
	size_t searched = 0;
	int r;

	for (;;) {
		const char *p = in->buf + in->pos, *lf;
		size_t n = in->have - in->pos;
		bool was_long = in->in_long;

		if (n > searched &&
		    (lf = memchr(p + searched, '\n', n - searched)) != NULL) {
			*line = (struct str){ p, (size_t)(lf - p) };
			in->pos += line->n + 1;
			in->in_long = false;
			searched = 0;
			if (was_long ? line->n > 0 : trim(in, line))
				return was_long ? NDJSON_PIECE : NDJSON_LINE;
			continue;
		}
		searched = n;
		if (n > NDJSON_LINE_MAX || (in->eof && n > 0)) {
			*line =
			    (struct str){ p, in->eof ? n : cut_at(p, NDJSON_LINE_MAX) };
			in->pos += line->n;
			in->in_long = !in->eof;
			searched = 0;
			if (was_long || in->in_long) {
				in->started = true;
				return NDJSON_PIECE;
			}
			if (trim(in, line))
				return NDJSON_TORN;
			continue;
		}
		if (in->eof)
			return NDJSON_EOF;
		if ((r = read_more(in, e)) <= 0)
			return r < 0 ? -1 : NDJSON_IDLE;
	}
}
