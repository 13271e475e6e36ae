#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "ledger/ledger.h"
#include "record/jsonw.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A new one is of the epoch's time: no sweep came to its end yet. */
static int
open_lock(const char *path)
{
	const struct timespec never[2] = { { 0, 0 }, { 0, 0 } };
	int fd = io_open(path, O_RDWR, 0);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = io_open(path, O_RDWR | O_CREAT | O_EXCL, 0640);
	if (fd >= 0)
		(void)futimens(fd, never);
	else if (errno == EEXIST)
		fd = io_open(path, O_RDWR, 0);
	return fd;
}

int
ledger_lock(const char *dir, int64_t wait_ns, struct err *e)
{
	char path[PATH_MAX];
	int64_t give_up = clock_steady() + wait_ns;
	const struct timespec nap = { 0, 20000000 };
	int fd;

	if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path)
		return err_set(e, ST_USAGE, "%s: name too long", dir);
	if ((fd = open_lock(path)) < 0)
		return err_sys(e, path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			err_sys(e, path);
			close(fd);
			return -1;
		}
		if (clock_steady() >= give_up) {
			close(fd);
			return err_set(e, ST_LATER,
			    "%s: held by another program (fuser %s tells which); run it "
			    "again later",
			    path, path);
		}
		nanosleep(&nap, NULL);
	}
	return fd;
}

void
ledger_swept(int lock)
{
	(void)futimens(lock, NULL);
}

void
ledger_unlock(int fd)
{
	close(fd);
}

/* Keys are compared as raw JSON text, which is how manifests carry them. */
static struct buf
raw_key(const char *key)
{
	struct buf b;

	buf_init(&b, 1 << 16);
	jsonw_string(&b, key, strlen(key));
	return b;
}

static bool
batch_is(const struct ledger_batch *b, const struct buf *quoted)
{
	size_t n = strlen(b->key);

	return quoted->n == n + 2 && memcmp(quoted->p + 1, b->key, n) == 0;
}

int
ledger_lists(const char *dir, const char *key, struct err *e)
{
	struct ledger *l = ledger_load(dir, e);
	struct buf quoted;
	int found = 0;

	if (l == NULL)
		return -1;
	quoted = raw_key(key);
	for (size_t i = 0; i < l->batches && !found; i++)
		found = batch_is(&l->batch[i], &quoted);
	buf_done(&quoted);
	ledger_free(l);
	return found;
}

struct ledger_claims {
	const char *dir;
	struct ledger *l; /* NULL: not read yet */
	size_t at;        /* behind the last one found: most are claimed in order */
};

struct ledger_claims *
ledger_claims_new(const char *dir, struct err *e)
{
	struct ledger_claims *c = calloc(1, sizeof *c);

	if (c == NULL)
		err_set(e, ST_FAIL, "%s: out of memory", dir);
	else
		c->dir = dir;
	return c;
}

void
ledger_claims_free(struct ledger_claims *c)
{
	if (c != NULL)
		ledger_free(c->l);
	free(c);
}

static enum ledger_claim
claim(struct ledger_claims *c, const struct buf *quoted, const char *name,
    const struct ledger_batch **b)
{
	size_t n = c->l != NULL ? c->l->batches : 0;
	enum ledger_claim found = LEDGER_NOBODY;

	for (size_t i = 0; i < n; i++) {
		*b = &c->l->batch[(c->at + i) % n];
		bool key = batch_is(*b, quoted), body = strcmp((*b)->name, name) == 0;

		if (key && body) {
			c->at = (c->at + i + 1) % n;
			return LEDGER_MINE;
		}
		if (key || body)
			found = LEDGER_OTHER;
	}
	return found;
}

enum ledger_claim
ledger_claim(struct ledger_claims *c, const char *key, const char *name,
    const struct ledger_batch **b, struct err *e)
{
	struct buf quoted = raw_key(key);
	enum ledger_claim found = claim(c, &quoted, name, b);

	if (found != LEDGER_MINE && (c->l == NULL || !ledger_unchanged(c->dir, c->l))) {
		ledger_free(c->l);
		c->at = 0;
		c->l = ledger_load(c->dir, e);
		found = c->l != NULL ? claim(c, &quoted, name, b) : LEDGER_UNKNOWN;
	}
	buf_done(&quoted);
	return found;
}

static bool
one_of(const struct ledger_batch *b, const struct buf *quoted, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (batch_is(b, &quoted[k]))
			return true;
	return false;
}

/* Move the batches of `keys` to the end of the list; how many, or -1. */
static ptrdiff_t
set_apart(struct ledger *l, const char *const keys[], size_t n, struct err *e)
{
	size_t kept = 0, apart = 0;
	struct ledger_batch *out = malloc((l->batches + 1) * sizeof *out);
	struct buf *quoted = calloc(n + 1, sizeof *quoted);

	if (out == NULL || quoted == NULL) {
		free(out);
		free(quoted);
		return err_set(e, ST_FAIL, "out of memory");
	}
	for (size_t k = 0; k < n; k++)
		quoted[k] = raw_key(keys[k]);
	for (size_t i = 0; i < l->batches; i++) {
		if (one_of(&l->batch[i], quoted, n))
			out[apart++] = l->batch[i];
		else
			l->batch[kept++] = l->batch[i];
	}
	memcpy(l->batch + kept, out, apart * sizeof *out);
	for (size_t k = 0; k < n; k++)
		buf_done(&quoted[k]);
	free(quoted);
	free(out);
	return (ptrdiff_t)apart;
}

static void
remove_bodies(const char *dir, const struct ledger_batch *b, size_t n)
{
	char path[PATH_MAX];

	/* one that stays is an orphan, and the next commit sweeps it up */
	for (size_t i = 0; i < n; i++)
		if (snprintf(path, sizeof path, "%s/outbox/%s", dir, b[i].name) <
		    (int)sizeof path)
			(void)io_unlink(path);
}

int
ledger_delivered(const char *dir, const char *const keys[], size_t n, struct err *e)
{
	struct ledger *l;
	ptrdiff_t apart;
	bool committed;
	int lock, r = 0;

	if ((lock = ledger_lock(dir, LEDGER_LOCK_WAIT_NS, e)) < 0)
		return -1;
	if ((l = ledger_load(dir, e)) == NULL) {
		ledger_unlock(lock);
		return -1;
	}
	if ((apart = set_apart(l, keys, n, e)) < 0) {
		r = -1;
	} else if (apart > 0) {
		l->batches -= (size_t)apart;
		for (ptrdiff_t i = 0; i < apart; i++)
			ledger_count_delivered(
			    l, &l->batch[l->batches + (size_t)i], clock_now());
		if ((r = ledger_save(dir, l, &committed, e)) == 0)
			remove_bodies(dir, l->batch + l->batches, (size_t)apart);
		l->batches += (size_t)apart;
	}
	ledger_free(l);
	ledger_unlock(lock);
	return r;
}

void
ledger_manifest(const struct ledger_batch *b, const char *dir, struct buf *line)
{
	/* after the key: {"key":"...","path":"...", ... */
	size_t head = strlen("{\"key\":\"") + strlen(b->key) + 1;

	buf_add(line, b->manifest, head);
	buf_adds(line, ",\"path\":");
	{
		struct buf path;

		buf_init(&path, PATH_MAX * 2);
		buf_printf(&path, "%s/outbox/%s", dir, b->name);
		jsonw_string(line, path.p ? path.p : "", path.n);
		line->failed |= path.failed;
		buf_done(&path);
	}
	buf_adds(line, b->manifest + head);
	buf_addc(line, '\n');
}

static int
commit_locked(const char *dir, struct ledger *l, struct err *e)
{
	struct ledger *now = ledger_load(dir, e);
	bool committed, moved;

	if (now == NULL)
		return -1;
	moved = now->gen != l->gen;
	ledger_free(now);
	if (moved)
		return err_set(e, ST_LATER,
		    "%s: another sweep committed first; nothing is committed: run it "
		    "again",
		    dir);
	return ledger_save(dir, l, &committed, e);
}

int
ledger_refuse_logbatch(const char *dir, struct err *e)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s/outbox", dir) >= (int)sizeof path)
		return err_set(e, ST_USAGE, "%s: name too long", dir);
	if (access(path, F_OK) == 0)
		return err_set(e, ST_USAGE,
		    "%s: the ledger is logbatch's, which commits what it has archived; "
		    "leave out --commit",
		    dir);
	return 0;
}

int
ledger_commit_alone(const char *dir, struct ledger *l, struct err *e)
{
	int lock, r;

	if (ledger_refuse_logbatch(dir, e) < 0 || dir_make(dir, true, e) < 0 ||
	    (lock = ledger_lock(dir, LEDGER_LOCK_WAIT_NS, e)) < 0)
		return -1;
	r = commit_locked(dir, l, e);
	if (r == 0)
		ledger_swept(lock);
	ledger_unlock(lock);
	return r;
}
