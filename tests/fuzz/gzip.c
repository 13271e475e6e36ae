/* gzip: any bytes as gzip data.  Reading ends, in bounds, the same whatever the size of
 * the reads and after going back, and what zlib finds sound is read whole. */
#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "source/decompress.h"

#include <zlib.h>

/* DEFLATE makes at most 1032 bytes of one. */
enum { FACTOR = 1040, ROOM = 1 << 20 };

struct got {
	struct buf text;
	bool cut, corrupt;
};

static struct got
read_by(struct reader *r, size_t step, size_t most)
{
	struct got g;
	struct err e;
	ssize_t n;
	char *to;

	buf_init(&g.text, SIZE_MAX / 4);
	while ((to = buf_room(&g.text, step)) != NULL &&
	       (n = reader_read(r, to, step, "x", &e)) > 0) {
		must((size_t)n <= step, "more than was asked for");
		g.text.n += (size_t)n;
		must(g.text.n <= most, "too much");
	}
	g.cut = reader_cut(r);
	g.corrupt = reader_corrupt(r);
	return g;
}

/* All members sound, nothing behind them?  Their text is added to `b`. */
static bool
zlib_reads(const uint8_t *data, size_t size, struct buf *b)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size };
	int r = Z_OK;
	char *to;

	must(inflateInit2(&z, 16 + 15) == Z_OK, "inflateInit2");
	while ((r == Z_OK || (r == Z_STREAM_END && z.avail_in > 0)) && b->n < ROOM) {
		if (r == Z_STREAM_END)
			inflateReset(&z);
		to = buf_room(b, 4096);
		z.next_out = (Bytef *)to;
		z.avail_out = 4096;
		r = inflate(&z, Z_NO_FLUSH);
		b->n += 4096 - z.avail_out;
	}
	inflateEnd(&z);
	return r == Z_STREAM_END && z.avail_in == 0;
}

/* From any offset on it is the same text. */
static void
check_seek(struct reader *r, const struct got *all, size_t at)
{
	char block[300];
	struct err e;
	ssize_t n;
	int there = reader_seek(r, at, "x", &e);

	must(there >= 0, "%s", e.text);
	if (there == 0) {
		must(at >= all->text.n || all->corrupt, "the text is not there any more");
		return;
	}
	n = reader_read(r, block, sizeof block, "x", &e);
	must(n >= 0 && at + (size_t)n <= all->text.n &&
		 (n == 0 || memcmp(block, all->text.p + at, (size_t)n) == 0),
	    "another text at %zu", at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned opt = options(&data, &size);
	int fd = memory_file(data, size);
	struct err e;
	struct reader *r = reader_new(fd, true, &e);
	struct got a, b;
	struct buf want;
	size_t least;

	a = read_by(r, 1 + opt * 3, (size + 1) * FACTOR);
	must(reader_offset(r) == a.text.n, "the offset");
	must(reader_seek(r, 0, "x", &e) == 1, "back to the start");
	b = read_by(r, 64 << 10, (size + 1) * FACTOR);
	least = a.text.n < b.text.n ? a.text.n : b.text.n;
	must(least == 0 || memcmp(a.text.p, b.text.p, least) == 0,
	    "reads of two sizes differ");
	must(a.cut == b.cut && a.corrupt == b.corrupt, "cut %d %d, corrupt %d %d", a.cut,
	    b.cut, a.corrupt, b.corrupt);
	must(a.corrupt || a.text.n == b.text.n, "%zu and %zu bytes", a.text.n, b.text.n);
	check_seek(r, &b, b.text.n * opt / 256);
	check_seek(r, &b, b.text.n * (255 - opt) / 256);
	buf_init(&want, SIZE_MAX / 4);
	if (zlib_reads(data, size, &want)) {
		must(!a.corrupt && !a.cut, "sound for zlib: cut %d, corrupt %d", a.cut,
		    a.corrupt);
		must(a.text.n == want.n &&
			 (want.n == 0 || memcmp(a.text.p, want.p, want.n) == 0),
		    "zlib reads another text");
	}
	buf_done(&want);
	buf_done(&a.text);
	buf_done(&b.text);
	reader_free(r);
	close(fd);
	return 0;
}
