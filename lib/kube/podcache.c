#include "kube/podcache.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "kube/pod.h"
#include "kube/podtable.h"
#include "record/jscan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FIRST_LINE "{\"k8smeta\":1}\n"
#define SUM_FORM "{\"sum\":\"0123456789abcdef\","

enum {
	HOUR_S = 3600,
	BLOCK = 128 << 10,
	LINE_ROOM = POD_LINE_MAX + 128, /* of the file */
	SUMMED_AT = sizeof SUM_FORM - 1,
};

static int
path_in(char path[PATH_MAX], const char *dir, const char *name, struct err *e)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return err_set(e, ST_USAGE, "%s: name too long", dir);
	return 0;
}

/* A line of the file is whole and ours: put it into the table. */
static bool
take_line(struct podtable *t, struct str line, int64_t oldest_s)
{
	struct jscan_member seen, pod;
	char sum[17];
	int64_t s = 0;
	bool good;

	if (line.n < SUMMED_AT || memcmp(line.p, SUM_FORM, 8) != 0)
		return false;
	hex64(hash64(line.p + SUMMED_AT, line.n - SUMMED_AT), sum);
	if (memcmp(line.p + 8, sum, 16) != 0 || !jscan_valid(line, NULL) ||
	    !jscan_find(line, STR("seen"), &seen) || seen.value.n > 12 ||
	    !jscan_find(line, STR("pod"), &pod) || pod_check(pod.value) == POD_NONE)
		return false;
	for (size_t i = 0; i < seen.value.n; i++) {
		if (seen.value.p[i] < '0' || seen.value.p[i] > '9')
			return false;
		s = s * 10 + (seen.value.p[i] - '0');
	}
	if (s < oldest_s)
		return true;
	podtable_lock(t);
	good = podtable_put(t, pod.value, s, false) == 0;
	podtable_unlock(t);
	return good;
}

struct reading {
	struct podtable *t;
	int64_t oldest_s;
	struct podcache_count *count;
	uint64_t hash; /* of all bytes; with count: not needed */
	bool skipping; /* a line too long to be ours */
	bool first;
};

static uint64_t
add_hash(uint64_t h, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3;
	return h;
}

/* Whole lines of [p, p + n); how many bytes they were. */
static size_t
take_lines(struct reading *r, const char *p, size_t n, bool end)
{
	const char *from = p, *stop = p + n, *lf;

	while (p < stop) {
		struct str line;

		lf = memchr(p, '\n', (size_t)(stop - p));
		if (lf == NULL && !end)
			break;
		line = (struct str){ p, (size_t)((lf ? lf : stop) - p) };
		p = lf ? lf + 1 : stop;
		if (r->first && str_eq(line, STR("{\"k8smeta\":1}"))) {
			r->first = false;
			continue;
		}
		r->first = false;
		if (!r->skipping && take_line(r->t, line, r->oldest_s))
			r->count->loaded++;
		else
			r->count->bad++;
		r->skipping = false;
	}
	return (size_t)(p - from);
}

/* 1: read; 0: no such file; -1. */
static int
read_file(const char *path, struct reading *r, struct err *e)
{
	int fd = io_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0), done = 1;
	char *block;
	size_t have = 0, used;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, path);
	if ((block = malloc(BLOCK)) == NULL) {
		close(fd);
		return err_set(e, ST_FAIL, "%s: out of memory", path);
	}
	r->hash = 0xcbf29ce484222325;
	r->first = true;
	while ((n = read_full(fd, block + have, BLOCK - have)) > 0) {
		r->hash = add_hash(r->hash, block + have, (size_t)n);
		have += (size_t)n;
		used = take_lines(r, block, have, false);
		memmove(block, block + used, have -= used);
		if (have == BLOCK) {
			r->skipping = true;
			have = 0;
		}
	}
	if (n < 0)
		done = err_sys(e, path);
	else
		take_lines(r, block, have, true);
	free(block);
	close(fd);
	return done;
}

int
podcache_load(const char *dir, struct podtable *t, int64_t now_s,
    struct podcache_count *count, struct err *e)
{
	struct reading r = { .t = t, .oldest_s = now_s - PODCACHE_AGE_S, .count = count };
	char path[PATH_MAX];

	*count = (struct podcache_count){ 0 };
	if (path_in(path, dir, "pods.ndjson", e) < 0)
		return -1;
	return read_file(path, &r, e) < 0 ? -1 : 0;
}

static int
lock(const char *dir, struct err *e)
{
	const struct timespec nap = { 0, 20000000 };
	int64_t give_up = clock_steady() + PODCACHE_LOCK_WAIT_S * 1000000000LL;
	char path[PATH_MAX];
	int fd;

	if (path_in(path, dir, "pods.lock", e) < 0)
		return -1;
	if ((fd = io_open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0640)) < 0)
		return err_sys(e, path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    clock_steady() >= give_up) {
			close(fd);
			return err_set(e, ST_LATER, "%s: held by another program", path);
		}
		nanosleep(&nap, NULL);
	}
	return fd;
}

/* The line of the file for an entry, its LF included. */
static void
file_line(const struct podtable_entry *en, struct buf *b)
{
	char sum[17];

	buf_clear(b);
	buf_printf(b, SUM_FORM "\"seen\":%lld,\"pod\":%.*s}",
	    (long long)(en->seen_s - en->seen_s % HOUR_S), (int)en->line.n, en->line.p);
	if (b->failed)
		return;
	hex64(hash64(b->p + SUMMED_AT, b->n - SUMMED_AT), sum);
	memcpy(b->p + 8, sum, 16);
	buf_addc(b, '\n');
}

static int
later_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* The oldest `seen` that is kept so that not more than fit are. */
static int
oldest_kept(struct podtable *t, int64_t now_s, int64_t *oldest, struct err *e)
{
	size_t n = podtable_count(t), bytes = 0, i;
	int64_t *seen;

	*oldest = now_s - PODCACHE_AGE_S;
	for (i = 0; i < n; i++)
		bytes += podtable_at(t, i)->line.n + 64;
	if (n <= PODCACHE_PODS && bytes <= PODCACHE_BYTES)
		return 0;
	if ((seen = malloc(n * sizeof *seen)) == NULL)
		return err_set(e, ST_FAIL, "the pods' cache: out of memory");
	for (i = 0; i < n; i++)
		seen[i] = podtable_at(t, i)->seen_s;
	qsort(seen, n, sizeof *seen, later_first);
	if (n > PODCACHE_PODS && seen[PODCACHE_PODS - 1] > *oldest)
		*oldest = seen[PODCACHE_PODS - 1];
	free(seen);
	return 0;
}

struct writing {
	int fd; /* -1: only the hash is wanted */
	const char *name;
	struct buf line, block;
	uint64_t hash;
	size_t kept, bytes;
};

static int
write_block(struct writing *w, bool all, struct err *e)
{
	if (w->block.n < BLOCK / 2 && !all)
		return 0;
	w->hash = add_hash(w->hash, w->block.p, w->block.n);
	w->bytes += w->block.n;
	if (w->fd >= 0 && write_all(w->fd, w->block.p, w->block.n, w->name, e) < 0)
		return -1;
	buf_clear(&w->block);
	return 0;
}

static int
write_all_lines(
    struct writing *w, const struct podtable *t, int64_t oldest_s, struct err *e)
{
	w->hash = 0xcbf29ce484222325;
	w->kept = w->bytes = 0;
	buf_clear(&w->block);
	buf_adds(&w->block, FIRST_LINE);
	for (size_t i = 0; i < podtable_count(t); i++) {
		const struct podtable_entry *en = podtable_at(t, i);

		if (en->seen_s < oldest_s || w->kept == PODCACHE_PODS)
			continue;
		file_line(en, &w->line);
		if (w->bytes + w->block.n + w->line.n > PODCACHE_BYTES)
			break;
		buf_add(&w->block, w->line.p, w->line.n);
		w->kept++;
		if (buf_check(&w->line, "the pods' cache", e) < 0 ||
		    buf_check(&w->block, "the pods' cache", e) < 0 ||
		    write_block(w, false, e) < 0)
			return -1;
	}
	return write_block(w, true, e);
}

/* Temporary file, fsync, rename, fsync of the directory. */
static int
replace(struct writing *w, const char *dir, const char *path, const struct podtable *t,
    int64_t oldest_s, struct err *e)
{
	char tmp[PATH_MAX];

	if (path_in(tmp, dir, ".pods.ndjson.tmp", e) < 0)
		return -1;
	if ((w->fd = file_new(tmp, 0640)) < 0)
		return err_sys(e, tmp);
	w->name = tmp;
	if (write_all_lines(w, t, oldest_s, e) < 0)
		goto err1;
	if (io_fsync(w->fd) < 0) {
		err_sys(e, tmp);
		goto err1;
	}
	if (close(w->fd) < 0 || io_rename(tmp, path) < 0) {
		err_sys(e, tmp);
		goto err0;
	}
	return dir_fsync(dir, e);
err1:
	close(w->fd);
err0:
	io_unlink(tmp);
	return -1;
}

static int
save_locked(const char *dir, struct podtable *t, int64_t now_s, struct err *e)
{
	struct podcache_count count = { 0 };
	struct reading r = {
		.t = t, .oldest_s = now_s - PODCACHE_AGE_S, .count = &count
	};
	struct writing w = { .fd = -1 };
	char path[PATH_MAX];
	int64_t oldest_s;
	int had, done;

	if (path_in(path, dir, "pods.ndjson", e) < 0 ||
	    (had = read_file(path, &r, e)) < 0)
		return -1;
	buf_init(&w.line, LINE_ROOM);
	buf_init(&w.block, BLOCK);
	podtable_lock(t);
	if ((done = oldest_kept(t, now_s, &oldest_s, e)) == 0 &&
	    (done = write_all_lines(&w, t, oldest_s, e)) == 0) {
		if (had > 0 && w.hash == r.hash)
			done = 1;
		else
			done = replace(&w, dir, path, t, oldest_s, e);
	}
	podtable_unlock(t);
	buf_done(&w.line);
	buf_done(&w.block);
	return done;
}

int
podcache_save(const char *dir, struct podtable *t, int64_t now_s, struct err *e)
{
	int fd, done;

	if (dir_make(dir, true, e) < 0 || (fd = lock(dir, e)) < 0)
		return -1;
	done = save_locked(dir, t, now_s, e);
	close(fd);
	return done;
}
