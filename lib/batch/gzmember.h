/* gzmember.h - one gzip member (RFC 1952), written in runs.
 *
 * The bytes of an object are compressed in runs of GZ_RUN bytes, each on its own: a full
 * flush between them, so that no compressor state has to be kept for an open object, only a
 * checksum and a length; thousands can be open at once with one compressor.  Cutting at
 * fixed places makes the same content the same bytes, with the same ISA-L on the same kind
 * of CPU.  The header has no time and no name.
 *
 * "fast" is ISA-L's level 1, 1 to 9 are zlib's.
 */
#ifndef GZMEMBER_H
#define GZMEMBER_H
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct gzip; /* opaque: a compressor */

/* Each run has its own code tables, so half of 512 KiB costs 2 % more time and 1 % more bytes.
 * Twice as much gains nothing more, and partitions would be spilled sooner (partition.h). */
enum { GZ_RUN = 512 << 10 };

struct gzmember {
	uint32_t crc;
	uint64_t raw;
};

/* What --gzip says.  -1: ST_USAGE. */
int gzip_level(const char *word, int *level, struct err *e);

/* -1 in `level` is "fast".  NULL: out of memory. */
struct gzip *gzip_new(int level, struct err *e);
void gzip_free(struct gzip *g);

void gzmember_begin(struct gzmember *m, struct buf *out);
/* Append a run of at most GZ_RUN bytes. */
int gzmember_run(struct gzip *g, struct gzmember *m, const char *p, size_t n,
    struct buf *out, struct err *e);
void gzmember_end(const struct gzmember *m, struct buf *out);

#endif
