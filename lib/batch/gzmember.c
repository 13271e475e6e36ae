#include "batch/gzmember.h"
#include "base/buf.h"
#include "base/err.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Stored blocks at worst, and the empty block of a flush. */
enum { RUN_BOUND = GZ_RUN + GZ_RUN / 8 + 4096 };

/* ISA-L 2.30 (isal_deflate_icf_body_hash_hist, at the first byte of a stream) takes a hash of
 * bits of the address of its stream where it means one of the input, and now and then finds
 * a match or not by it.  The same bytes come out only of a compressor at the same address.
 * This one is free in any process, also under the sanitizers. */
#define PLACE ((void *)0x6c6f0000)

struct gzip {
	int level;
	bool placed;
	z_stream z;
	struct isal_zstream fast;
	uint8_t fast_room[ISAL_DEF_LVL1_DEFAULT];
};

int
gzip_level(const char *word, int *level, struct err *e)
{
	*level = -1;
	if (strcmp(word, "fast") == 0)
		return 0;
	*level = word[0] - '0';
	if (*level < 1 || *level > 9 || word[1] != '\0')
		return err_set(e, ST_USAGE, "--gzip: %.40s: not fast or 1 to 9", word);
	return 0;
}

static struct gzip *
place(void)
{
	struct gzip *g = mmap(PLACE, sizeof *g, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (g == PLACE) {
		g->placed = true;
		return g;
	}
	/* taken, by a second compressor in a test perhaps: any other will do as well */
	if (g != MAP_FAILED)
		munmap(g, sizeof *g);
	return calloc(1, sizeof *g);
}

static void
displace(struct gzip *g)
{
	if (g != NULL && g->placed)
		munmap(g, sizeof *g);
	else
		free(g);
}

struct gzip *
gzip_new(int level, struct err *e)
{
	struct gzip *g = place();

	if (g != NULL && level >= 0 &&
	    deflateInit2(&g->z, level, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) !=
		Z_OK) {
		displace(g);
		g = NULL;
	}
	if (g == NULL) {
		err_set(e, ST_FAIL, "gzip: out of memory");
		return NULL;
	}
	g->level = level;
	return g;
}

void
gzip_free(struct gzip *g)
{
	if (g != NULL && g->level >= 0)
		deflateEnd(&g->z);
	displace(g);
}

void
gzmember_begin(struct gzmember *m, struct buf *out)
{
	static const unsigned char header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255 };

	*m = (struct gzmember){ 0, 0 };
	buf_add(out, header, sizeof header);
}

static long
run_fast(struct gzip *g, const char *p, size_t n, char *to)
{
	struct isal_zstream *s = &g->fast;

	isal_deflate_stateless_init(s);
	s->level = 1;
	s->level_buf = g->fast_room;
	s->level_buf_size = sizeof g->fast_room;
	s->flush = FULL_FLUSH;
	s->end_of_stream = 0;
	s->next_in = (uint8_t *)(uintptr_t)p;
	s->avail_in = (uint32_t)n;
	s->next_out = (uint8_t *)to;
	s->avail_out = RUN_BOUND;
	if (isal_deflate_stateless(s) != COMP_OK || s->avail_in != 0)
		return -1;
	return RUN_BOUND - (long)s->avail_out;
}

static long
run_zlib(struct gzip *g, const char *p, size_t n, char *to)
{
	z_stream *z = &g->z;

	if (deflateReset(z) != Z_OK)
		return -1;
	z->next_in = (Bytef *)(uintptr_t)p;
	z->avail_in = (uInt)n;
	z->next_out = (Bytef *)to;
	z->avail_out = RUN_BOUND;
	if (deflate(z, Z_FULL_FLUSH) != Z_OK || z->avail_in != 0 || z->avail_out == 0)
		return -1;
	return RUN_BOUND - (long)z->avail_out;
}

int
gzmember_run(struct gzip *g, struct gzmember *m, const char *p, size_t n, struct buf *out,
    struct err *e)
{
	char *to = buf_room(out, RUN_BOUND);
	long got;

	if (n == 0)
		return 0;
	if (to == NULL)
		return buf_check(out, "gzip", e);
	if ((got = g->level < 0 ? run_fast(g, p, n, to) : run_zlib(g, p, n, to)) < 0)
		return err_set(e, ST_FAIL, "gzip: the compressor failed");
	out->n += (size_t)got;
	m->crc = crc32_gzip_refl(m->crc, (const unsigned char *)p, n);
	m->raw += n;
	return 0;
}

static void
le32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

void
gzmember_end(const struct gzmember *m, struct buf *out)
{
	unsigned char end[10] = { 3, 0 }; /* an empty last block */

	le32(end + 2, m->crc);
	le32(end + 6, (uint32_t)m->raw);
	buf_add(out, end, sizeof end);
}
