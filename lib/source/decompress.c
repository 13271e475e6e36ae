#include "source/decompress.h"
#include "base/err.h"
#include "base/fileio.h"
#include "record/jscan.h"
#include "record/timestamp.h"

#include <isa-l/igzip_lib.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IN_BLOCK = 64 << 10 };

struct gz {
	struct inflate_state state;
	uint8_t in[IN_BLOCK];
	bool in_member, ended;
};

/* The bytes from `at` on of what cannot be read twice. */
struct kept {
	uint64_t at;
	size_t n;
	char p[READER_KEPT];
};

struct reader {
	int fd;                           /* -1: a source */
	const struct reader_source *from; /* NULL: a file */
	uint64_t offset;
	uint64_t most;  /* bytes that may be made of a compressed file */
	bool too_much;  /* more than that are in it */
	uint64_t taken; /* compressed bytes, or those of a source */
	bool cut, corrupt, stream;
	bool source_cut;
	bool peeked; /* the byte at `peeked_at` is `next`, and is taken */
	char next;
	uint64_t peeked_at;
	enum pack pack;
	const char *why;
	struct gz *gz;
	struct unpack *unpack;
	struct kept *kept; /* NULL: it can be read again */
};

static const struct reader_unpacker *unpacker;

void
reader_unpack_by(const struct reader_unpacker *by)
{
	unpacker = by;
}

static uint64_t expand = UINT64_MAX;

void
reader_expand_by(uint64_t times)
{
	expand = times;
}

uint64_t
reader_expands_to(uint64_t size, uint64_t times)
{
	uint64_t most =
	    times > 0 && size > UINT64_MAX / times ? UINT64_MAX : size * times;

	return most < READER_EXPAND_LEAST ? READER_EXPAND_LEAST : most;
}

static uint64_t
most_of(int fd)
{
	struct stat st;

	return expand == UINT64_MAX || fstat(fd, &st) < 0
		   ? UINT64_MAX
		   : reader_expands_to((uint64_t)st.st_size, expand);
}

/* A kind that is read here. */
static enum pack
known(enum pack pack)
{
	return pack == PACK_GZIP || unpacker != NULL ? pack : PACK_NONE;
}

static int
gz_begin(struct reader *r)
{
	if (r->gz == NULL && (r->gz = calloc(1, sizeof *r->gz)) == NULL)
		return -1;
	isal_inflate_init(&r->gz->state);
	r->gz->state.crc_flag = ISAL_GZIP;
	r->gz->state.avail_in = 0;
	r->gz->in_member = r->gz->ended = false;
	return 0;
}

/* More bytes as they are stored: their number, 0: no more, -1 and errno. */
static ssize_t
take(struct reader *r, void *p, size_t n)
{
	ssize_t got;

	if (r->from != NULL) {
		if (r->cut || r->corrupt)
			return 0;
		if ((got = r->from->read(r->from->arg, p, n)) < 0) {
			r->cut = r->source_cut = got == SOURCE_CUT;
			r->corrupt = !r->cut;
			r->why = r->from->why(r->from->arg);
			got = 0;
		}
	} else if (r->stream) {
		while ((got = read(r->fd, p, n)) < 0 && errno == EINTR)
			;
	} else {
		got = pread_full(r->fd, p, n, r->taken);
	}
	r->taken += got > 0 ? (uint64_t)got : 0;
	return got;
}

static ssize_t
fill_unpack(void *arg, void *p, size_t n)
{
	return take(arg, p, n);
}

/* Make ready to read from the beginning. */
static int
begin(struct reader *r)
{
	r->taken = r->offset = 0;
	r->cut = r->corrupt = r->peeked = false;
	if (r->pack == PACK_GZIP)
		return gz_begin(r);
	if (r->unpack != NULL)
		unpacker->free(r->unpack);
	r->unpack = NULL;
	if (r->pack != PACK_NONE)
		r->unpack = unpacker->open(r->pack, fill_unpack, r);
	return r->pack != PACK_NONE && r->unpack == NULL ? -1 : 0;
}

static struct reader *
ready(struct reader *r, struct err *e)
{
	bool once = r != NULL && (r->stream || r->from != NULL);

	if (r != NULL && begin(r) == 0 &&
	    (!once || (r->kept = calloc(1, sizeof *r->kept)) != NULL))
		return r;
	reader_free(r);
	err_set(e, ST_FAIL, "out of memory");
	return NULL;
}

struct reader *
reader_new(int fd, bool packed, struct err *e)
{
	struct reader *r = calloc(1, sizeof *r);
	unsigned char magic[PACK_MAGIC];
	ssize_t n;

	if (r != NULL) {
		r->fd = fd;
		r->most = packed ? most_of(fd) : UINT64_MAX;
		r->stream = !packed && lseek(fd, 0, SEEK_CUR) < 0;
	}
	if (r != NULL && packed) {
		n = pread_full(fd, magic, sizeof magic, 0);
		r->pack = n > 0 ? known(pack_of(magic, (size_t)n)) : PACK_NONE;
		if (r->pack == PACK_NONE)
			r->pack = PACK_GZIP;
	}
	return ready(r, e);
}

struct reader *
reader_new_source(const struct reader_source *from, enum pack pack, struct err *e)
{
	struct reader *r = calloc(1, sizeof *r);

	if (r != NULL) {
		r->fd = -1;
		r->from = from;
		r->pack = known(pack);
	}
	return ready(r, e);
}

void
reader_free(struct reader *r)
{
	if (r != NULL) {
		free(r->gz);
		if (r->unpack != NULL)
			unpacker->free(r->unpack);
		free(r->kept);
	}
	free(r);
}

/* More compressed bytes.  1; 0: no more; -1. */
static int
gz_fill(struct reader *r, const char *name, struct err *e)
{
	struct gz *g = r->gz;
	ssize_t n = take(r, g->in, sizeof g->in);

	if (n < 0)
		return err_sys(e, name);
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
		if (*g->state.next_in != 0 || r->taken <= g->state.avail_in)
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
				r->cut = r->taken == 0 && !r->corrupt;
				break;
			}
		}
		if (g->state.avail_in == 0 && gz_fill(r, name, e) < 0)
			return -1;
		ret = isal_inflate(&g->state);
		if (ret != ISAL_DECOMP_OK && ret != ISAL_END_INPUT) {
			r->corrupt = g->ended = true;
			r->why = NULL;
		} else if (g->state.block_state == ISAL_BLOCK_FINISH) {
			g->in_member = false;
		} else if (g->state.avail_in == 0 && g->state.avail_out == n) {
			/* nothing came of all there is: the file ends inside a member */
			if ((more = gz_fill(r, name, e)) < 0)
				return -1;
			if (more == 0) {
				g->ended = true;
				r->cut |= !r->corrupt;
			}
		}
	}
	return (ssize_t)(n - g->state.avail_out);
}

static ssize_t
unpacked(struct reader *r, void *p, size_t n)
{
	ssize_t got = unpacker->read(r->unpack, p, n);

	if (got >= 0 || r->cut || r->corrupt)
		return got < 0 ? 0 : got;
	r->cut = unpacker->cut(r->unpack);
	r->corrupt = !r->cut;
	r->why = unpacker->why(r->unpack);
	return 0;
}

/* What a source gives: all of it is counted, and in a whole archive nothing is being
 * written, so that data which end too early are damage. */
static ssize_t
from_source(struct reader *r, void *p, size_t n, const char *name, struct err *e)
{
	ssize_t got = r->gz != NULL       ? gz_read(r, p, n, name, e)
		      : r->unpack != NULL ? unpacked(r, p, n)
					  : take(r, p, n);

	if (got > 0 && r->pack != PACK_NONE &&
	    !r->from->made(r->from->arg, (size_t)got)) {
		r->corrupt = true;
		r->why = r->from->why(r->from->arg);
		return 0;
	}
	if (r->cut && !r->source_cut) {
		r->cut = false;
		r->corrupt = true;
		r->why = "its compressed data end too early";
	}
	return got;
}

/* From what is kept, or more, which is kept while there is room. */
static ssize_t
once_read(struct reader *r, char *p, size_t n, const char *name, struct err *e)
{
	struct kept *k = r->kept;
	ssize_t got;

	if (r->offset - k->at < k->n) {
		size_t from = (size_t)(r->offset - k->at);

		n = n < k->n - from ? n : k->n - from;
		memcpy(p, k->p + from, n);
		return (ssize_t)n;
	}
	if ((got = r->from != NULL ? from_source(r, p, n, name, e) : take(r, p, n)) < 0)
		return err_sys(e, name);
	if (got > 0 && k->n < sizeof k->p && r->offset == k->at + k->n) {
		size_t more =
		    sizeof k->p - k->n < (size_t)got ? sizeof k->p - k->n : (size_t)got;

		memcpy(k->p + k->n, p, more);
		k->n += more;
	}
	return got;
}

/* Of a compressed file, up to what may be made of it; it is too much if there is more. */
static ssize_t
packed_read(struct reader *r, void *p, size_t n, const char *name, struct err *e)
{
	uint64_t left = r->most > r->offset ? r->most - r->offset : 0;
	char unused;
	ssize_t got;

	if (r->too_much && left == 0)
		return 0;
	if (left == 0) {
		p = &unused;
		n = 1;
	} else if (n > left) {
		n = (size_t)left;
	}
	got = r->gz != NULL ? gz_read(r, p, n, name, e) : unpacked(r, p, n);
	if (left > 0 || got <= 0)
		return got;
	r->too_much = true;
	return 0;
}

ssize_t
reader_read(struct reader *r, void *p, size_t n, const char *name, struct err *e)
{
	ssize_t got;

	if (r->peeked && r->offset == r->peeked_at && n > 0) {
		*(char *)p = r->next;
		r->peeked = false;
		got = 1;
	} else if (r->kept != NULL) {
		got = once_read(r, p, n, name, e);
	} else if (r->pack != PACK_NONE) {
		got = packed_read(r, p, n, name, e);
	} else if ((got = pread_full(r->fd, p, n, r->offset)) < 0) {
		return err_sys(e, name);
	}
	if (got > 0)
		r->offset += (uint64_t)got;
	return got;
}

int
reader_more(struct reader *r, const char *name, struct err *e)
{
	ssize_t got;

	if (r->peeked && r->offset == r->peeked_at)
		return 1;
	if ((got = reader_read(r, &r->next, 1, name, e)) <= 0)
		return (int)got;
	r->offset--;
	r->peeked = true;
	r->peeked_at = r->offset;
	return 1;
}

bool
reader_reaches(const struct reader *r, uint64_t offset)
{
	const struct kept *k = r->kept;

	return k == NULL || offset >= r->offset ||
	       (offset >= k->at && r->offset <= k->at + k->n);
}

void
reader_keep(struct reader *r)
{
	if (r->kept != NULL) {
		struct kept *k = r->kept;
		size_t gone =
		    r->offset - k->at < k->n ? (size_t)(r->offset - k->at) : k->n;

		memmove(k->p, k->p + gone, k->n - gone);
		k->n -= gone;
		k->at = r->offset;
	}
}

int
reader_seek(struct reader *r, uint64_t offset, const char *name, struct err *e)
{
	static _Thread_local char skipped[64 << 10];
	ssize_t n;

	if (r->pack == PACK_NONE && r->kept == NULL) {
		r->offset = offset;
		return 1;
	}
	if (!reader_reaches(r, offset))
		return err_set(e, ST_FAIL, "%s: it can be read once only", name);
	if (offset < r->offset) {
		if (r->kept != NULL)
			r->offset = offset;
		else if (begin(r) < 0)
			return err_set(e, ST_FAIL, "out of memory");
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
	off_t data = -1;

	if (r->pack == PACK_NONE && r->kept == NULL &&
	    (data = lseek(r->fd, (off_t)offset, SEEK_DATA)) < 0 && errno == ENXIO)
		data = lseek(r->fd, 0, SEEK_END); /* nothing else up to there */
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
	return r->stream;
}

bool
reader_is_member(const struct reader *r)
{
	return r->from != NULL;
}

uint64_t
reader_taken(const struct reader *r)
{
	return r->pack == PACK_NONE && r->kept == NULL ? r->offset : r->taken;
}

enum pack
reader_pack(const struct reader *r)
{
	return r->pack;
}

const char *
reader_why(const struct reader *r)
{
	return r->why != NULL         ? r->why
	       : r->pack == PACK_GZIP ? "gzip data damaged here"
				      : "data damaged here";
}

bool
reader_cut(const struct reader *r)
{
	return r->cut;
}

void
reader_allow_all(struct reader *r)
{
	r->most = UINT64_MAX;
}

bool
reader_too_much(const struct reader *r)
{
	return r->too_much;
}

bool
reader_refused(const struct reader *r)
{
	return r->corrupt && r->unpack != NULL && unpacker->refused(r->unpack);
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
