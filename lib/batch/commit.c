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
#include <sys/stat.h>
#include <unistd.h>

static bool
is_own(const struct commit_history *own, uint64_t gen)
{
	size_t lo = 0, hi = own->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (own->gen[mid] < gen)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < own->n && own->gen[lo] == gen;
}

/* `l` was committed; `forgot` is what its field was before. */
static int
remember(struct commit_history *own, const struct ledger *l, uint64_t forgot)
{
	if (!is_own(own, forgot) && forgot > own->forgot)
		own->forgot = forgot;
	if (own->n == own->cap) {
		size_t cap = own->cap ? 2 * own->cap : 16;
		uint64_t *p = realloc(own->gen, cap * sizeof *p);

		if (p == NULL)
			return -1;
		own->gen = p;
		own->cap = cap;
	}
	own->gen[own->n++] = l->gen;
	return 0;
}

/* Step 3. */
static int
check_race(const struct ledger *l, const struct positions *positions,
    const struct commit_history *own, struct err *e)
{
	const struct position *p;
	const struct ledger_entry *n;
	uint64_t forgot = is_own(own, l->forgot) ? own->forgot : l->forgot;
	size_t at = 0, like;
	bool known;

	while ((p = positions_next(positions, &at)) != NULL) {
		bool lost = l->gen < p->gen;

		if (!p->touched)
			continue;
		known = false;
		like = 0;
		while (!lost && (n = ledger_like(l, str_of(p->id), &like)) != NULL) {
			known |= strcmp(n->id, p->id) == 0;
			lost = n->gen > p->gen && !is_own(own, n->gen);
		}
		lost |= !known && forgot > p->gen;
		/* belt and braces: what is archived is never archived again */
		lost |= (n = ledger_find(l, str_of(p->id))) != NULL && p->started &&
			p->began < n->end;
		if (lost)
			return err_set(e, ST_LATER,
			    "%.300s: another sweep committed first (generation %llu "
			    "after %llu); nothing is committed: run it again",
			    p->file, (unsigned long long)l->gen,
			    (unsigned long long)p->gen);
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

	if (now->gone && n != NULL) {
		*changed = true;
		ledger_forget(l, str_of(p->id));
		l->forgot = l->gen + 1;
	}
	if (now->gone)
		return 0;
	if (n == NULL && now->end == 0 && now->size == 0)
		return 0; /* nothing of it is sure */
	if (n != NULL && n->end >= now->end &&
	    (now->stat == NULL || strcmp(now->stat, n->stat) == 0) &&
	    (n->final || !now->final) && (n->live == now->live || !now->closed_whole))
		return 0; /* nothing new */
	if ((n = ledger_put(l, str_of(p->id))) == NULL ||
	    ledger_set_text(l, &n->file, str_of(p->file)) < 0 ||
	    (now->stat != NULL && ledger_set_text(l, &n->stat, str_of(now->stat)) < 0) ||
	    (now->dir != NULL && ledger_set_text(l, &n->dir, str_of(now->dir)) < 0) ||
	    ledger_set_text(l, &n->time, str_of(time)) < 0)
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
change_ledger(struct ledger *l, struct partitions *ps, struct positions *positions,
    int64_t now, const struct ledger_names *was, bool *changed, struct err *e)
{
	char time[TIMESTAMP_MAX];
	const struct position *p;
	size_t at = 0;

	timestamp_format(now, time);
	while ((p = positions_next(positions, &at)) != NULL)
		if (p->touched && move_cursor(l, p, time, changed, e) < 0)
			return -1;
	for (size_t i = 0; i < ps->batches; i++) {
		struct buf key;
		int r;

		/* the name is a hash of the content and its sources: records that name no source
		 * came once more, and wait already */
		if (ledger_names_has(was, ps->batch[i].name))
			continue;
		buf_init(&key, 1 << 16);
		jsonw_string(&key, ps->batch[i].key, strlen(ps->batch[i].key));
		r = buf_check(&key, "key", e) < 0
			? -1
			: ledger_add_batch(l, ps->batch[i].name,
			      (struct str){ key.p + 1, key.n - 2 },
			      str_of(ps->batch[i].manifest), e);
		buf_done(&key);
		if (r < 0)
			return -1;
		ledger_count_committed(l, &l->batch[l->batches - 1], now);
		*changed = true;
	}
	l->totals.commits += *changed;
	return 0;
}

/* Under the lock: what neither the ledger lists nor a living run holds. */
static void
sweep_up(const char *dir, const struct ledger_names *listed)
{
	char path[PATH_MAX];
	struct dirent *de;
	struct err unused;
	DIR *d;

	if (outbox_path(path, dir, "", &unused) < 0)
		return;
	d = opendir(path);
	while (d != NULL && (de = readdir(d)) != NULL)
		if (de->d_name[0] != '.' && !ledger_names_has(listed, de->d_name) &&
		    outbox_path(path, dir, de->d_name, &unused) == 0)
			(void)io_unlink(path);
	if (d != NULL)
		closedir(d);
	if (snprintf(path, sizeof path, "%s/tmp", dir) < (int)sizeof path)
		spool_sweep(path);
}

static int
begin_locked(const char *dir, struct ledger **l, struct err *e)
{
	struct ledger_names listed;
	bool from_copy;

	if (ledger_prepare(dir, e) < 0) {
		ledger_free(*l);
		*l = NULL;
		return -1;
	}
	if (!ledger_unchanged(dir, *l)) {
		ledger_free(*l);
		if ((*l = ledger_load(dir, e)) == NULL)
			return -1;
	}
	from_copy = (*l)->from_copy;
	if (ledger_mend(dir, *l, e) < 0 || ledger_names(*l, &listed, e) < 0) {
		ledger_free(*l);
		*l = NULL;
		return -1;
	}
	(*l)->from_copy = from_copy;
	sweep_up(dir, &listed);
	free(listed.name);
	return 0;
}

int
commit_begin(const char *dir, struct ledger **l, struct err *e)
{
	int lock, r;

	if ((*l = ledger_load(dir, e)) == NULL)
		return -1; /* before a directory that is not ours is touched */
	if (dir_make(dir, true, e) < 0 ||
	    (lock = ledger_lock(dir, LEDGER_LOCK_WAIT_NS, e)) < 0) {
		ledger_free(*l);
		*l = NULL;
		return -1;
	}
	r = begin_locked(dir, l, e);
	ledger_unlock(lock);
	return r;
}

/* Steps 4 to 6.  *committed is true if it happened, whatever failed after it. */
static int
change_disk(const char *dir, struct ledger *l, struct partitions *ps,
    struct positions *positions, int64_t now, bool *committed, struct err *e)
{
	struct ledger_names was;
	bool changed = l->from_copy;
	int r = -1;

	if (ledger_names(l, &was, e) < 0)
		return -1;
	if (move_bodies(dir, ps, e) == 0 &&
	    change_ledger(l, ps, positions, now, &was, &changed, e) == 0)
		r = changed ? ledger_save(dir, l, committed, e) : ledger_mend(dir, l, e);
	if (r < 0 && !*committed)
		sweep_up(dir, &was); /* a full disk must not stay full of what failed */
	free(was.name);
	return r;
}

static int
locked(const char *dir, struct partitions *ps, struct positions *positions,
    struct commit_history *own, int64_t now, struct ledger **result, struct err *e)
{
	struct ledger *l = *result;
	bool committed = false;
	uint64_t forgot;
	int r = -1;

	*result = NULL;
	if (l == NULL || !ledger_unchanged(dir, l)) {
		ledger_free(l);
		if ((l = ledger_load(dir, e)) == NULL)
			return -1;
	}
	forgot = l->forgot;
	if (check_race(l, positions, own, e) == 0)
		r = change_disk(dir, l, ps, positions, now, &committed, e);
	if (r < 0 && !committed) {
		ledger_free(l);
		return -1;
	}
	if (committed && remember(own, l, forgot) < 0)
		r = err_set(e, ST_FAIL, "out of memory");
	*result = l;
	return r;
}

int
commit(const char *dir, struct partitions *ps, struct positions *positions,
    struct commit_history *own, int64_t now, struct ledger **l, struct err *e)
{
	int lock, r;

	if ((lock = ledger_lock(dir, LEDGER_LOCK_WAIT_NS, e)) < 0) {
		ledger_free(*l);
		*l = NULL;
		return -1;
	}
	r = locked(dir, ps, positions, own, now, l, e);
	if (r == 0)
		ledger_swept(lock);
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
