/* decompress.h - the bytes of a log file, plain or compressed, by offset.
 *
 * Offsets count decompressed bytes, so a cursor stays right when a file is compressed.
 * gzip is RFC 1952 with any number of members; each member's CRC and length are checked
 * (ISA-L).  zstd, xz and bzip2 are read where unpack_use was called (unpack.h).  Reading a compressed file backwards
 * begins it anew.
 *
 * A compressed file that ends before its data do is `cut`: it is being written, or was
 * cut by a crash; what came out so far is right.  One whose data contradict themselves is
 * `corrupt`: what came out before the damage was noticed is likely right, and no more
 * comes.
 *
 * Bytes may also come from a source that is read once: standard input, or a member of an
 * archive (bundle.h).  Then going forward is reading, and going back is possible within
 * the READER_KEPT bytes from the beginning, or from where reader_keep was called.
 */
#ifndef DECOMPRESS_H
#define DECOMPRESS_H
#include "source/pack.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct reader; /* opaque */

enum {
	READER_KEPT = 2048,
	READER_EXPAND_LEAST = 1 << 30,
};

/* From now on no more is read of a compressed file than reader_expands_to says of its size
 * and `times`, except by a reader that was told reader_allow_all. */
void reader_expand_by(uint64_t times);
uint64_t reader_expands_to(uint64_t size, uint64_t times);

/* Where the bytes of a member come from. */
struct reader_source {
	void *arg;
	/* Up to n bytes, 0 at the end, or: */
	ssize_t (*read)(void *arg, void *p, size_t n);
	/* `n` more bytes were made of compressed ones; false: that is too many. */
	bool (*made)(void *arg, size_t n);
	const char *(*why)(void *arg); /* what the damage is */
};
enum { SOURCE_DAMAGED = -1, SOURCE_CUT = -2 };

/* More compressed bytes: their number, 0 at the end, -1 when there is an error (whoever gives
 * them knows which). */
typedef ssize_t reader_fill(void *arg, void *p, size_t n);

/* What unpacks other kinds than gzip. */
struct unpack;
struct reader_unpacker {
	struct unpack *(*open)(enum pack pack, reader_fill *fill, void *arg);
	/* Up to n bytes; 0: the end; -1: no more, because the compressed bytes ended too
	 * early (`cut`) or are damaged, and `why` says how. */
	ssize_t (*read)(struct unpack *u, void *p, size_t n);
	bool (*cut)(const struct unpack *u);
	bool (*refused)(const struct unpack *u); /* it wants too much memory */
	const char *(*why)(const struct unpack *u);
	void (*free)(struct unpack *u);
};
void reader_unpack_by(const struct reader_unpacker *by);

/* Read `fd`, which stays the caller's.  `packed`: compressed; the kind is told by its first
 * bytes, and what is of none is taken for damaged gzip.  A pipe or terminal can be read once,
 * plain.  NULL: out of memory. */
struct reader *reader_new(int fd, bool packed, struct err *e);
struct reader *reader_new_source(
    const struct reader_source *from, enum pack pack, struct err *e);
void reader_allow_all(struct reader *r);
void reader_free(struct reader *r);

/* Up to n bytes at the current offset: their number, 0 at the end, -1 on a read error
 * (`name` is for its message). */
ssize_t reader_read(struct reader *r, void *p, size_t n, const char *name, struct err *e);

/* Go to an offset.  1; 0: the content ends before it (the reader is at its end); -1. */
int reader_seek(struct reader *r, uint64_t offset, const char *name, struct err *e);

/* Can reader_seek go there? */
bool reader_reaches(const struct reader *r, uint64_t offset);
/* Keep the READER_KEPT bytes from here on (of a source). */
void reader_keep(struct reader *r);
/* Is there another byte? */
int reader_more(struct reader *r, const char *name, struct err *e);

/* The first offset at or behind `offset` that may hold more than a hole (lseek(2) SEEK_DATA),
 * or the end of the file; `offset` itself where that cannot be told. */
uint64_t reader_past_hole(const struct reader *r, uint64_t offset);

uint64_t reader_offset(const struct reader *r);
/* Bytes of the file that were taken, compressed or not. */
uint64_t reader_taken(const struct reader *r);
/* The time of the last line that Docker notes in the header of a .gz it makes, as the extra
 * field {"lastTime":"..."} (moby's loggerutils); false: there is none. */
bool reader_docker_last(int fd, int64_t *ns);

/* It is standard input, or a member of an archive. */
bool reader_is_stream(const struct reader *r);
bool reader_is_member(const struct reader *r);
bool reader_cut(const struct reader *r);
bool reader_corrupt(const struct reader *r);
/* reader_expands_to was reached, and there is more; it is the end here. */
bool reader_too_much(const struct reader *r);
bool reader_refused(const struct reader *r); /* it is corrupt because it wants too much */
enum pack reader_pack(const struct reader *r);
const char *reader_why(const struct reader *r); /* of what is corrupt */

#endif
