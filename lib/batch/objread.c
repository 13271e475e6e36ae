#include "batch/objread.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "record/jscan.h"
#include "record/kernels.h"
#include "record/timestamp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { IN_BLOCK = 128 << 10, OUT_BLOCK = 256 << 10 };

struct reading {
	struct objread *o;
	const struct objread_sink *sink;
	struct sha256 *sha;
	z_stream z;
	bool inflating, ended; /* the member is */
	struct buf part;       /* of a line, from the blocks before */
	int64_t before_ns;
	unsigned char in[IN_BLOCK], out[OUT_BLOCK];
};

static void __attribute__((format(printf, 2, 3)))
wrong(struct objread *o, const char *fmt, ...)
{
	va_list ap;

	if (o->why[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(o->why, sizeof o->why, fmt, ap);
	va_end(ap);
}

static void
note_time(struct reading *r, struct str line)
{
	struct objread *o = r->o;
	struct jscan_member m;
	int64_t ns;

	if (!jscan_find(line, STR("time"), &m) || m.value.n < 2 || *m.value.p != '"' ||
	    !timestamp_parse((struct str){ m.value.p + 1, m.value.n - 2 }, &ns)) {
		o->untimed++;
		return;
	}
	if (!o->timed || ns < o->first_ns)
		o->first_ns = ns;
	if (!o->timed || ns > o->last_ns)
		o->last_ns = ns;
	o->sorted &= !o->timed || ns >= r->before_ns;
	o->timed = true;
	r->before_ns = ns;
}

/* Count as intake.h does, which looks at a record's shape and trusts the rest. */
static void
note_record(struct reading *r, struct str line)
{
	unsigned flags = 0;
	struct jscan_member error, gap;

	if (!jscan_shape(line, &flags))
		return;
	note_time(r, line);
	r->o->gaps += (flags & SHAPE_ERROR_KEY) &&
		      jscan_find(line, STR("_error"), &error) &&
		      jscan_find(error.value, STR("gap"), &gap);
}

static int
one_line(struct reading *r, struct str line, struct err *e)
{
	struct objread *o = r->o;
	struct jscan_bad bad;
	size_t at = 0;

	o->records++;
	while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\t'))
		at++;
	if (!jscan_valid(line, &bad))
		wrong(o, "line %" PRIu64 ": not JSON: %s at byte %zu", o->records,
		    bad.why, bad.at + 1);
	else if (line.p[at] != '{')
		wrong(o, "line %" PRIu64 ": not a JSON object", o->records);
	note_record(r, line);
	return r->sink != NULL && r->sink->line != NULL
		   ? r->sink->line(r->sink->arg, line.p, line.n, e)
		   : 0;
}

static int
content(struct reading *r, const char *p, size_t n, struct err *e)
{
	const char *end = p + n, *lf;

	r->o->raw_bytes += n;
	if (r->sink != NULL && r->sink->piece != NULL && n > 0 &&
	    r->sink->piece(r->sink->arg, p, n, e) < 0)
		return -1;
	while ((lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		struct str line = { p, (size_t)(lf - p) };

		if (r->part.n > 0) {
			buf_add(&r->part, p, line.n);
			line = (struct str){ r->part.p, r->part.n };
		}
		if (r->part.failed)
			break;
		if (one_line(r, line, e) < 0)
			return -1;
		buf_clear(&r->part);
		p = lf + 1;
	}
	buf_add(&r->part, p, (size_t)(end - p));
	if (!r->part.failed)
		return 0;
	wrong(
	    r->o, "line %" PRIu64 ": over %d bytes", r->o->records + 1, OBJREAD_LINE_MAX);
	r->inflating = false;
	return 0;
}

/* Unpack what was read; wrong() ends the unpacking, not the reading. */
static int
unpack(struct reading *r, size_t n, struct err *e)
{
	z_stream *z = &r->z;
	int got;

	z->next_in = r->in;
	z->avail_in = (uInt)n;
	while (r->inflating && (z->avail_in > 0 || z->avail_out == 0)) {
		if (r->ended) {
			wrong(r->o, "more than one gzip member, or bytes after it");
			r->inflating = false;
			return 0;
		}
		z->next_out = r->out;
		z->avail_out = OUT_BLOCK;
		got = inflate(z, Z_NO_FLUSH);
		if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR) {
			wrong(r->o, "gzip: %s", z->msg != NULL ? z->msg : "damaged");
			r->inflating = false;
		}
		if (content(r, (char *)r->out, OUT_BLOCK - z->avail_out, e) < 0)
			return -1;
		r->ended = got == Z_STREAM_END;
		if (r->ended && z->avail_in == 0)
			break;
	}
	return 0;
}

static int
read_all(struct reading *r, int fd, const char *name, struct err *e)
{
	ssize_t n;

	while ((n = read_full(fd, r->in, IN_BLOCK)) > 0) {
		if (r->o->bytes == 0 && (n < 2 || r->in[0] != 0x1f || r->in[1] != 0x8b)) {
			wrong(r->o, "not gzip");
			r->inflating = false;
		}
		r->o->bytes += (uint64_t)n;
		sha256_add(r->sha, r->in, (size_t)n);
		if (unpack(r, (size_t)n, e) < 0)
			return -1;
	}
	return n < 0 ? err_sys(e, name) : 0;
}

int
objread(int fd, const char *name, const struct objread_sink *sink, struct objread *o,
    struct err *e)
{
	struct reading *r = calloc(1, sizeof *r);
	uint8_t digest[32];
	int got = -1;

	*o = (struct objread){ .sorted = true };
	if (r == NULL || (r->sha = sha256_new()) == NULL ||
	    inflateInit2(&r->z, 16 + MAX_WBITS) != Z_OK) {
		if (r != NULL)
			sha256_free(r->sha);
		free(r);
		return err_set(e, ST_FAIL, "out of memory");
	}
	r->o = o;
	r->sink = sink;
	r->inflating = true;
	r->z.avail_out = OUT_BLOCK;
	buf_init(&r->part, OBJREAD_LINE_MAX);
	if (read_all(r, fd, name, e) == 0) {
		if (o->bytes == 0)
			wrong(o, "empty");
		else if (!r->ended)
			wrong(o, "gzip: cut off");
		else if (r->part.n > 0)
			wrong(o, "the last line has no end");
		sha256_end(r->sha, digest);
		hex_of(digest, sizeof digest, o->sha256);
		got = 0;
	}
	inflateEnd(&r->z);
	sha256_free(r->sha);
	buf_done(&r->part);
	free(r);
	return got;
}

bool
objread_is(int fd)
{
	unsigned char magic[2] = { 0, 0 };

	return pread_full(fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
}
