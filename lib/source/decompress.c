#include "source/decompress.h"
#include "base/err.h"
#include "base/fileio.h"
#include "record/jscan.h"
#include "record/timestamp.h"

#include <isa-l/igzip_lib.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN_BLOCK = 64 << 10 };

struct gz {
	struct inflate_state state;
	uint8_t in[IN_BLOCK];
	uint64_t read; /* compressed bytes taken from the file */
	bool in_member, ended;
};

struct reader {
	int fd;
	uint64_t offset;
	bool cut, corrupt;
	struct gz *gz;     /* NULL: plain */
	struct kept *kept; /* of a stream, else NULL */
};

/* The first bytes of what cannot be read twice. */
struct kept {
	size_t n;
	char p[READER_KEPT];
};

static void
gz_begin(struct gz *g)
{
	isal_inflate_init(&g->state);
	g->state.crc_flag = ISAL_GZIP;
	g->state.avail_in = 0;
	g->read = 0;
	g->in_member = g->ended = false;
}

struct reader *
reader_new(int fd, bool gzip, struct err *e)
{
	struct reader *r = calloc(1, sizeof *r);
	bool stream = lseek(fd, 0, SEEK_CUR) < 0;

	if (r != NULL &&
	    ((gzip && (r->gz = calloc(1, sizeof *r->gz)) == NULL) ||
		(stream && (r->kept = calloc(1, sizeof *r->kept)) == NULL))) {
		reader_free(r);
		r = NULL;
	}
	if (r == NULL) {
		err_set(e, ST_FAIL, "out of memory");
		return NULL;
	}
	r->fd = fd;
	if (gzip)
		gz_begin(r->gz);
	return r;
}

void
reader_free(struct reader *r)
{
	if (r != NULL) {
		free(r->gz);
		free(r->kept);
	}
	free(r);
}

/* More compressed bytes.  1; 0: no more; -1. */
static int
gz_fill(struct reader *r, const char *name, struct err *e)
{
	struct gz *g = r->gz;
	ssize_t n = pread_full(r->fd, g->in, sizeof g->in, g->read);

	if (n < 0)
		return err_sys(e, name);
	g->read += (uint64_t)n;
	g->state.next_in = g->in;
	g->state.avail_in = (uint32_t)n;
	return n > 0;
}

/* Between members: is there another?  Zeros at the end are padding (as gzip(1) has it).
 */
static int
gz_next_member(struct reader *r, const char *name, struct err *e)
{
	struct gz *g = r->gz;
	int more;

	for (;;) {
		if (g->state.avail_in == 0 && (more = gz_fill(r, name, e)) <= 0)
			return more;
		if (*g->state.next_in != 0 || g->read <= g->state.avail_in)
			break;
		g->state.next_in++;
		g->state.avail_in--;
	}
	isal_inflate_reset(&g->state);
	g->state.crc_flag = ISAL_GZIP;
	g->in_member = true;
	return 1;
}

static ssize_t
gz_read(struct reader *r, void *p, size_t n, const char *name, struct err *e)
{
	struct gz *g = r->gz;
	int more, ret;

	g->state.next_out = p;
	g->state.avail_out = (uint32_t)(n > (1U << 30) ? 1U << 30 : n);
	n = g->state.avail_out;
	while (g->state.avail_out == n && !g->ended) {
		if (!g->in_member) {
			if ((more = gz_next_member(r, name, e)) < 0)
				return -1;
			if (more == 0) {
				g->ended = true;
				r->cut = g->read == 0;
				break;
			}
		}
		if (g->state.avail_in == 0 && gz_fill(r, name, e) < 0)
			return -1;
		ret = isal_inflate(&g->state);
		if (ret != ISAL_DECOMP_OK && ret != ISAL_END_INPUT) {
			r->corrupt = g->ended = true;
		} else if (g->state.block_state == ISAL_BLOCK_FINISH) {
			g->in_member = false;
		} else if (g->state.avail_in == 0 && g->state.avail_out == n) {
			/* nothing came of all there is: the file ends inside a member */
			if ((more = gz_fill(r, name, e)) < 0)
				return -1;
			if (more == 0)
				r->cut = g->ended = true;
		}
	}
	return (ssize_t)(n - g->state.avail_out);
}

static ssize_t
stream_read(struct reader *r, char *p, size_t n)
{
	struct kept *k = r->kept;
	ssize_t got;

	if (r->offset < k->n) {
		n = n < k->n - r->offset ? n : k->n - (size_t)r->offset;
		memcpy(p, k->p + r->offset, n);
		return (ssize_t)n;
	}
	while ((got = read(r->fd, p, n)) < 0 && errno == EINTR)
		;
	if (got > 0 && k->n < sizeof k->p && r->offset == k->n) {
		size_t more =
		    sizeof k->p - k->n < (size_t)got ? sizeof k->p - k->n : (size_t)got;

		memcpy(k->p + k->n, p, more);
		k->n += more;
	}
	return got;
}

ssize_t
reader_read(struct reader *r, void *p, size_t n, const char *name, struct err *e)
{
	ssize_t got;

	if (r->gz != NULL)
		got = gz_read(r, p, n, name, e);
	else if ((got = r->kept != NULL ? stream_read(r, p, n)
					: pread_full(r->fd, p, n, r->offset)) < 0)
		return err_sys(e, name);
	if (got > 0)
		r->offset += (uint64_t)got;
	return got;
}

int
reader_seek(struct reader *r, uint64_t offset, const char *name, struct err *e)
{
	static _Thread_local char skipped[64 << 10];
	ssize_t n;

	if (r->gz == NULL) {
		r->offset = offset;
		return 1;
	}
	if (offset < r->offset) {
		gz_begin(r->gz);
		r->offset = 0;
		r->cut = r->corrupt = false;
	}
	while (r->offset < offset) {
		uint64_t left = offset - r->offset;

		n = reader_read(
		    r, skipped, left < sizeof skipped ? left : sizeof skipped, name, e);
		if (n <= 0)
			return (int)n;
	}
	return 1;
}

uint64_t
reader_past_hole(const struct reader *r, uint64_t offset)
{
	off_t data = r->gz == NULL && r->kept == NULL
			 ? lseek(r->fd, (off_t)offset, SEEK_DATA)
			 : -1;

	return data > (off_t)offset ? (uint64_t)data : offset;
}

uint64_t
reader_offset(const struct reader *r)
{
	return r->offset;
}

bool
reader_is_stream(const struct reader *r)
{
	return r->kept != NULL;
}

bool
reader_cut(const struct reader *r)
{
	return r->cut;
}

bool
reader_corrupt(const struct reader *r)
{
	return r->corrupt;
}

bool
reader_docker_last(int fd, int64_t *ns)
{
	unsigned char head[12 + 512];
	struct jscan_member m;
	ssize_t got = pread_full(fd, head, sizeof head, 0);
	size_t n;

	if (got < 12 || head[0] != 0x1f || head[1] != 0x8b || !(head[3] & 4))
		return false;
	n = head[10] | (size_t)head[11] << 8;
	if (n > (size_t)got - 12)
		return false;
	return jscan_find(
		   (struct str){ (const char *)head + 12, n }, STR("lastTime"), &m) &&
	       m.value.n > 2 &&
	       timestamp_parse((struct str){ m.value.p + 1, m.value.n - 2 }, ns);
}
