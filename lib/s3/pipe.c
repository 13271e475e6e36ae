#include "s3/pipe.h"
#include "base/err.h"
#include "base/hash.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 100 };

struct pipe {
	int fd;
	const char *name;
	uint64_t part_bytes, bytes;
	const volatile sig_atomic_t *stop;
	struct sha256 *all;
	char *ahead; /* the first part, until it is taken */
	size_t ahead_n;
	bool ended;
};

int64_t
pipe_read(int fd, const char *name, void *to, size_t n, const volatile sig_atomic_t *stop,
    struct err *e)
{
	size_t have = 0;
	ssize_t got = 1;

	while (have < n && got != 0) {
		struct pollfd pf = { .fd = fd, .events = POLLIN };

		if (stop != NULL && __atomic_load_n(stop, __ATOMIC_RELAXED) != 0)
			return err_set(e, ST_FAIL, "%.400s: stopped by a signal", name);
		if (poll(&pf, 1, WAIT_MS) == 0)
			continue;
		got = read(fd, (char *)to + have, n - have);
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return err_sys(e, name);
		have += got > 0 ? (size_t)got : 0;
	}
	return (int64_t)have;
}

struct pipe *
pipe_new(int fd, const char *name, uint64_t part_bytes, const volatile sig_atomic_t *stop,
    struct err *e)
{
	struct pipe *p = calloc(1, sizeof *p);

	if (p == NULL || (p->all = sha256_new()) == NULL ||
	    (p->ahead = malloc(part_bytes)) == NULL) {
		pipe_free(p);
		err_set(e, ST_FAIL, "%.300s: no memory for a part", name);
		return NULL;
	}
	p->fd = fd;
	p->name = name;
	p->part_bytes = part_bytes;
	p->stop = stop;
	return p;
}

void
pipe_free(struct pipe *p)
{
	if (p == NULL)
		return;
	sha256_free(p->all);
	free(p->ahead);
	free(p);
}

static void
hash_of(const void *p, size_t n, char hex[65])
{
	uint8_t digest[32];

	sha256_of(p, n, digest);
	hex_of(digest, sizeof digest, hex);
}

static int
fill(struct pipe *p, char *memory, size_t *n, struct err *e)
{
	int64_t got = pipe_read(p->fd, p->name, memory, p->part_bytes, p->stop, e);

	if (got < 0)
		return -1;
	*n = (size_t)got;
	p->ended |= *n < p->part_bytes;
	p->bytes += *n;
	sha256_add(p->all, memory, *n);
	return 0;
}

int
pipe_first(
    struct pipe *p, const char **memory, uint64_t *n, char sha256[65], struct err *e)
{
	if (fill(p, p->ahead, &p->ahead_n, e) < 0)
		return -1;
	if (!p->ended)
		return 0;
	*memory = p->ahead;
	*n = p->ahead_n;
	hash_of(p->ahead, p->ahead_n, sha256);
	return 1;
}

int
pipe_part(struct pipe *p, char *memory, size_t *n, char sha256[65], struct err *e)
{
	if (p->ahead != NULL) {
		memcpy(memory, p->ahead, p->ahead_n);
		*n = p->ahead_n;
		free(p->ahead);
		p->ahead = NULL;
	} else if (p->ended) {
		return 0;
	} else if (fill(p, memory, n, e) < 0) {
		return -1;
	}
	if (*n == 0)
		return 0;
	hash_of(memory, *n, sha256);
	return 1;
}

int
pipe_at_end(struct pipe *p, struct err *e)
{
	char more;
	int64_t got = p->ended ? 0 : pipe_read(p->fd, p->name, &more, 1, p->stop, e);

	if (got <= 0)
		return (int)got;
	return err_set(e, ST_FAIL,
	    "%.300s: more than 10,000 parts of %llu MiB; a larger --part-size lets more "
	    "in",
	    p->name, (unsigned long long)(p->part_bytes >> 20));
}

uint64_t
pipe_bytes(const struct pipe *p)
{
	return p->bytes;
}

void
pipe_sum(struct pipe *p, uint64_t *bytes, char sha256[65])
{
	uint8_t digest[32];

	*bytes = p->bytes;
	sha256_end(p->all, digest);
	hex_of(digest, sizeof digest, sha256);
}
