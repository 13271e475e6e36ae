/* decompress.h - the bytes of a log file, plain or gzip'd, by offset.
 *
 * Offsets count decompressed bytes, so a cursor stays right when a file is compressed.
 * gzip is RFC 1952 with any number of members; each member's CRC and length are checked
 * (ISA-L). Reading a gzip file backwards begins it anew.
 *
 * A gzip file that ends before its last member does is `cut`: it is being written, or was
 * cut by a crash; what came out so far is right.  One whose data contradict themselves is
 * `corrupt`: what came out before the damage was noticed is likely right, and no more
 * comes.
 */
#ifndef DECOMPRESS_H
#define DECOMPRESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct reader; /* opaque */

enum { READER_KEPT = 1024 };

/* Read `fd`, which stays the caller's.  A pipe or terminal can be read once, but for its
 * first READER_KEPT bytes, to which reader_seek may go back.  NULL: out of memory. */
struct reader *reader_new(int fd, bool gzip, struct err *e);
void reader_free(struct reader *r);

/* Up to n bytes at the current offset: their number, 0 at the end, -1 on a read error
 * (`name` is for its message). */
ssize_t reader_read(struct reader *r, void *p, size_t n, const char *name, struct err *e);

/* Go to an offset.  1; 0: the content ends before it (the reader is at its end); -1. */
int reader_seek(struct reader *r, uint64_t offset, const char *name, struct err *e);

/* The first offset at or behind `offset` that may hold more than a hole (lseek(2) SEEK_DATA);
 * `offset` itself where that cannot be told. */
uint64_t reader_past_hole(const struct reader *r, uint64_t offset);

uint64_t reader_offset(const struct reader *r);
/* The time of the last line that Docker notes in the header of a .gz it makes, as the extra
 * field {"lastTime":"..."} (moby's loggerutils); false: there is none. */
bool reader_docker_last(int fd, int64_t *ns);

/* It can be read once only. */
bool reader_is_stream(const struct reader *r);
bool reader_cut(const struct reader *r);
bool reader_corrupt(const struct reader *r);

#endif
