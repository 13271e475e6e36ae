/* pipe.h - what can be read only once, a part at a time; for lib/s3 alone.
 *
 * The first part is read ahead, because what ends within it is no upload of parts.  The
 * running SHA-256 is of all that was read.  Not thread-safe: its user holds a lock.
 * A read that waits ends when the run is told to stop.
 */
#ifndef S3_PIPE_H
#define S3_PIPE_H
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct pipe; /* opaque */

struct pipe *pipe_new(int fd, const char *name, uint64_t part_bytes,
    const volatile sig_atomic_t *stop, struct err *e);
void pipe_free(struct pipe *p);

/* Read the first part.  1: that is all there is: its bytes (the pipe's own), and its hash;
 * 0: there is more; -1. */
int pipe_first(
    struct pipe *p, const char **memory, uint64_t *n, char sha256[65], struct err *e);

/* The next part, the first one included, into `memory` of part_bytes, and its hash.  1; 0:
 * the end; -1. */
int pipe_part(struct pipe *p, char *memory, size_t *n, char sha256[65], struct err *e);

/* 0: nothing is left to read; -1: there is, and no part may be added. */
int pipe_at_end(struct pipe *p, struct err *e);

uint64_t pipe_bytes(const struct pipe *p);
void pipe_sum(struct pipe *p, uint64_t *bytes, char sha256[65]);

/* Read up to n bytes, waiting for them as long as the run goes on: fewer at the end. */
int64_t pipe_read(int fd, const char *name, void *to, size_t n,
    const volatile sig_atomic_t *stop, struct err *e);

#endif
