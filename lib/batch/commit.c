#include "batch/commit.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "batch/partition.h"
#include "batch/position.h"
#include "batch/spool.h"
#include "ledger/ledger.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/timestamp.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOCK_WAIT_NS (120 * 1000000000LL)

/* Step 3. */
static int
check_race(const struct ledger *l, const struct positions *positions, struct err *e)
{
	const struct position *p;
	const struct ledger_entry *n;
	size_t at = 0, like;
	bool known;

	while ((p = positions_next(positions, &at)) != NULL) {
		bool lost = l->gen < p->gen;

		known = false;
		like = 0;
		while (!lost && (n = ledger_like(l, str_of(p->id), &like)) != NULL) {
			known |= strcmp(n->id, p->id) == 0;
			lost = n->gen > p->gen;
		}
		lost |= !known && l->forgot > p->gen;
		if (lost)
			return err_set(e, ST_LATER,
			    "%.300s: another sweep committed first (generation %llu after %llu); nothing is committed",
			    p->file, (unsigned long long)l->gen, (unsigned long long)p->gen);
	}
	return 0;
}

static int
outbox_path(char path[PATH_MAX], const char *dir, const char *name, struct err *e)
{
	if (snprintf(path, PATH_MAX, "%s/outbox/%s", dir, name) >= PATH_MAX)
		return err_set(e, ST_FAIL, "%s: name too long", dir);
	return 0;
}

/* Step 4. */
static int
move_bodies(const char *dir, struct partitions *ps, struct err *e)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ps->batches; i++)
		if (outbox_path(path, dir, ps->batch[i].name, e) < 0 ||
		    (io_rename(ps->batch[i].file, path) < 0 && err_sys(e, path) < 0))
			return -1;
	if (ps->batches == 0)
		return 0;
	if (outbox_path(path, dir, "", e) < 0)
		return -1;
	return dir_fsync(path, e);
}

static int
move_cursor(struct ledger *l, const struct position *p, const char *time, bool *changed,
    struct err *e)
{
	struct ledger_entry *n = ledger_find(l, str_of(p->id));
	const struct position_now *now = &p->now;

	if (now->gone) {
		*changed |= n != NULL;
		ledger_forget(l, str_of(p->id));
		l->forgot = l->gen + 1;
		return 0;
	}
	if (n == NULL && now->end == 0 && now->size == 0)
		return 0; /* nothing of it is sure */
	if (n != NULL && n->end >= now->end &&
	    (now->stat == NULL || strcmp(now->stat, n->stat) == 0) && (n->final || !now->final))
		return 0; /* nothing new */
	if ((n = ledger_put(l, str_of(p->id))) == NULL ||
	    ledger_set_text(&n->file, str_of(p->file)) < 0 ||
	    (now->stat != NULL && ledger_set_text(&n->stat, str_of(now->stat)) < 0) ||
	    (now->dir != NULL && ledger_set_text(&n->dir, str_of(now->dir)) < 0) ||
	    ledger_set_text(&n->time, str_of(time)) < 0)
		return err_set(e, ST_FAIL, "ledger: out of memory");
	n->end = now->end > n->end ? now->end : n->end;
	n->gen = l->gen + 1;
	if (now->has_window) {
		n->at = now->at;
		n->sum = now->sum;
	}
	n->size = now->size > n->size ? now->size : n->size;
	if (now->closed_whole) {
		n->live = now->live;
		n->final = now->final;
	}
	*changed = true;
	return 0;
}

static int
change_ledger(struct ledger *l, struct partitions *ps, struct positions *positions, int64_t now,
    bool *changed, struct err *e)
{
	char time[TIMESTAMP_MAX];
	const struct position *p;
	size_t at = 0;

	timestamp_format(now, time);
	while ((p = positions_next(positions, &at)) != NULL)
		if (move_cursor(l, p, time, changed, e) < 0)
			return -1;
	for (size_t i = 0; i < ps->batches; i++) {
		struct buf key;
		int r;

		buf_init(&key, 1 << 16);
		jsonw_string(&key, ps->batch[i].key, strlen(ps->batch[i].key));
		r = buf_check(&key, "key", e) < 0
		    ? -1
		    : ledger_add_batch(l, ps->batch[i].name, (struct str){ key.p + 1, key.n - 2 },
			  str_of(ps->batch[i].manifest), e);
		buf_done(&key);
		if (r < 0)
			return -1;
		*changed = true;
	}
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct ledger_batch *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int
name_cmp(const void *name, const void *b)
{
	const struct ledger_batch *const *y = b;

	return strcmp(name, (*y)->name);
}

/* Under the lock: what neither the ledger lists nor a living run holds. */
static void
sweep_up(const char *dir, const struct ledger *l)
{
	const struct ledger_batch **listed = malloc((l->batches + 1) * sizeof *listed);
	char path[PATH_MAX];
	struct dirent *de;
	struct err unused;
	DIR *d;

	if (listed == NULL || outbox_path(path, dir, "", &unused) < 0) {
		free(listed);
		return;
	}
	for (size_t i = 0; i < l->batches; i++)
		listed[i] = &l->batch[i];
	qsort(listed, l->batches, sizeof *listed, by_name);
	d = opendir(path);
	while (d != NULL && (de = readdir(d)) != NULL)
		if (de->d_name[0] != '.' &&
		    bsearch(de->d_name, listed, l->batches, sizeof *listed, name_cmp) == NULL &&
		    outbox_path(path, dir, de->d_name, &unused) == 0)
			(void)io_unlink(path);
	if (d != NULL)
		closedir(d);
	free(listed);
	if (snprintf(path, sizeof path, "%s/tmp", dir) < (int)sizeof path)
		spool_sweep(path);
}

static int
locked(const char *dir, struct partitions *ps, struct positions *positions, int64_t now,
    struct ledger **result, struct err *e)
{
	struct ledger *l = ledger_load(dir, e);
	bool changed = false, committed = false;
	int r = 0;

	if (l == NULL)
		return -1;
	if (check_race(l, positions, e) < 0)
		goto out;
	sweep_up(dir, l);
	if (move_bodies(dir, ps, e) < 0 || change_ledger(l, ps, positions, now, &changed, e) < 0)
		goto out;
	changed |= l->from_copy;
	if (changed) {
		r = ledger_save(dir, l, &committed, e);
		if (r < 0 && !committed)
			goto out;
	}
	*result = l;
	return r;
out:
	ledger_free(l);
	return -1;
}

int
commit(const char *dir, struct partitions *ps, struct positions *positions, int64_t now,
    struct ledger **l, struct err *e)
{
	int lock, r;

	*l = NULL;
	if ((lock = ledger_lock(dir, LOCK_WAIT_NS, e)) < 0)
		return -1;
	r = locked(dir, ps, positions, now, l, e);
	ledger_unlock(lock);
	return r;
}

uint64_t
commit_waiting(const struct ledger *l)
{
	struct jscan_member m;
	uint64_t sum = 0;

	for (size_t i = 0; i < l->batches; i++)
		if (jscan_find(str_of(l->batch[i].manifest), STR("bytes"), &m))
			sum += strtoull(m.value.p, NULL, 10);
	return sum;
}

static int
publish(const char *dir, const struct batch *b, struct buf *lines, struct err *e)
{
	char path[PATH_MAX], parent[PATH_MAX];
	struct buf quoted;
	size_t head;

	if (snprintf(path, sizeof path, "%s/%s", dir, b->key) >= (int)sizeof path)
		return err_set(e, ST_FAIL, "%s: name too long", b->key);
	snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
	if (dir_make(parent, true, e) < 0)
		return -1;
	/* the key holds a hash of the content: the same name is the same object */
	if (io_link(b->file, path) < 0 && errno != EEXIST)
		return err_sys(e, path);
	if (dir_fsync(parent, e) < 0)
		return -1;
	buf_init(&quoted, 1 << 16);
	jsonw_string(&quoted, b->key, strlen(b->key));
	head = strlen("{\"key\":") + quoted.n;
	buf_add(lines, b->manifest, head);
	buf_adds(lines, ",\"path\":");
	jsonw_string(lines, path, strlen(path));
	buf_adds(lines, b->manifest + head);
	buf_addc(lines, '\n');
	buf_done(&quoted);
	return buf_check(lines, "manifests", e);
}

int
commit_files(const char *dir, struct partitions *ps, struct buf *lines, struct err *e)
{
	for (size_t i = 0; i < ps->batches; i++)
		if (publish(dir, &ps->batch[i], lines, e) < 0)
			return -1;
	return 0;
}
