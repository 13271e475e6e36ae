#include "s3/delivery.h"
#include "base/clock.h"
#include "ledger/ledger.h"
#include "s3/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
delivery_word(enum outcome outcome)
{
	static const char *const words[] = { "none", "stored", "present", "gone",
		"failed", "dry-run" };

	return words[outcome];
}

uint64_t
delivery_size(const struct order *m)
{
	struct stat sb;

	if (stat(m->path, &sb) < 0 || !S_ISREG(sb.st_mode))
		return STORE_ANY_SIZE;
	return (uint64_t)sb.st_size;
}

/* STATE/outbox.  errno stays that of open(2). */
static int
open_outbox(const char *state)
{
	int dir = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, no;

	if (dir < 0)
		return -1;
	fd = openat(dir, "outbox", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	no = errno;
	close(dir);
	errno = no;
	return fd;
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Is what stands before the last part of a path that directory?  -1: errno of stat(2). */
static int
stands_in(const char *path, int outbox)
{
	struct stat there, ours;
	size_t n = (size_t)(last_part(path) - path);
	char *dir = n == 0 ? strdup(".") : strndup(path, n);
	int r = dir != NULL ? stat(dir, &there) : -1, no = errno;

	free(dir);
	errno = no;
	if (r < 0)
		return -1;
	return outbox >= 0 && fstat(outbox, &ours) == 0 && there.st_dev == ours.st_dev &&
	       there.st_ino == ours.st_ino;
}

static int
check_place(const char *path, const char *state, struct err *e)
{
	int outbox = open_outbox(state), in = stands_in(path, outbox), no = errno;

	if (outbox >= 0)
		close(outbox);
	if (in > 0)
		return 0;
	if (in < 0)
		return err_set(e, ST_FAIL,
		    "%.250s: its directory: %s; --state delivers what is in "
		    "%.150s/outbox",
		    path, strerror(no), state);
	return err_set(e, ST_FAIL,
	    "%.300s: not in %.200s/outbox, as what --state delivers is", path, state);
}

/* Nothing of it is listed.  Whoever delivered it may not have come to take the body away, and
 * then a commit will. */
static enum outcome
unlisted(struct delivery *d, const char *state)
{
	const char *path = d->order.path;
	int outbox = open_outbox(state);
	struct stat sb;
	bool other = outbox >= 0 &&
		     fstatat(outbox, last_part(path), &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
		     !S_ISREG(sb.st_mode);

	if (outbox >= 0)
		close(outbox);
	if (other)
		err_set(&d->err, ST_FAIL, "%.400s: not a regular file", path);
	return other ? OUTCOME_FAILED : OUTCOME_GONE;
}

void
delivery_claim(struct delivery *d, const char *state, struct ledger_claims *claims)
{
	struct order *m = &d->order;
	const struct ledger_batch *b;
	const char *why;

	d->outcome = OUTCOME_FAILED;
	d->result.bytes = m->bytes;
	if (check_place(m->path, state, &d->err) < 0)
		return;
	switch (ledger_claim(claims, m->key, last_part(m->path), &b, &d->err)) {
	case LEDGER_MINE:
		if ((why = order_agrees(m, str_of(b->manifest))) == NULL)
			d->outcome = OUTCOME_NONE;
		else
			err_set(
			    &d->err, ST_FAIL, "%.300s: its manifest's %s", m->path, why);
		break;
	case LEDGER_OTHER:
		err_set(&d->err, ST_FAIL,
		    "%.200s: not the body that the ledger of %.100s lists as %.200s",
		    m->path, state, m->key);
		break;
	case LEDGER_NOBODY:
		d->outcome = unlisted(d, state);
		break;
	case LEDGER_UNKNOWN:
		break;
	}
}

/* errno stays that of open(2). */
static int
open_in_outbox(const char *path, const char *state, struct err *e)
{
	int outbox = open_outbox(state), fd = -1, no;

	if (outbox >= 0)
		fd = openat(outbox, last_part(path),
		    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	no = errno;
	if (outbox >= 0)
		close(outbox);
	if (fd < 0) {
		errno = no;
		err_sys(e, path);
	}
	errno = no;
	return fd;
}

static int
open_anywhere(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), no = errno;

	if (fd < 0)
		err_sys(e, path);
	errno = no;
	return fd;
}

/* errno stays that of open(2). */
static int
open_body(const struct order *m, const char *state, uint64_t *size, struct err *e)
{
	struct stat sb;
	int fd =
	    state != NULL ? open_in_outbox(m->path, state, e) : open_anywhere(m->path, e);

	if (fd < 0)
		return -1;
	if (fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode)) {
		close(fd);
		errno = EINVAL;
		return err_set(e, ST_FAIL, "%.400s: not a regular file", m->path);
	}
	*size = (uint64_t)sb.st_size;
	return fd;
}

static struct store_object
object_of(const struct order *m, int fd)
{
	return (struct store_object){ .key = m->key,
		.name = m->path,
		.fd = fd,
		.bytes = m->bytes,
		.sha256 = m->sha256[0] ? m->sha256 : NULL };
}

/* The body is not there.  Who took it? */
static enum outcome
without_body(struct delivery *d, struct store *st, const char *state)
{
	const struct order *m = &d->order;
	struct store_object o = object_of(m, -1);
	int listed = state == NULL ? 1 : ledger_lists(state, m->key, &d->err), has;

	if (listed == 0)
		return OUTCOME_GONE;
	if (listed < 0)
		return OUTCOME_FAILED;
	if (state == NULL || o.sha256 == NULL) {
		err_set(&d->err, ST_FAIL, "%.400s: %s", m->path, strerror(ENOENT));
		return OUTCOME_FAILED;
	}
	if ((has = store_has(st, &o, &d->result, &d->err)) > 0)
		return OUTCOME_PRESENT;
	if (has == 0)
		err_set(&d->err, ST_FAIL,
		    "%.250s: no such file, and nothing is stored as %.200s", m->path,
		    m->key);
	return OUTCOME_FAILED;
}

static enum outcome
with_body(struct delivery *d, struct store *st, int fd, bool dry)
{
	struct store_object o = object_of(&d->order, fd);

	if (dry)
		return OUTCOME_DRY;
	o.pipe = d->pipe;
	if (store_put(st, &o, &d->result, &d->err) < 0)
		return OUTCOME_FAILED;
	return d->result.present ? OUTCOME_PRESENT : OUTCOME_STORED;
}

void
delivery_do(struct delivery *d, struct store *st, const char *state, bool dry,
    const volatile sig_atomic_t *stop)
{
	int64_t began = clock_steady();
	uint64_t size = d->order.bytes;
	int fd = d->fd;

	if (d->outcome != OUTCOME_NONE)
		return;
	d->result.bytes = d->order.bytes;
	if (stop != NULL && __atomic_load_n(stop, __ATOMIC_RELAXED) != 0) {
		err_set(&d->err, ST_LATER, "%.400s: not tried, stopped by a signal",
		    d->order.key);
		d->outcome = OUTCOME_FAILED;
		return;
	}
	if (fd < 0)
		fd = open_body(&d->order, state, &size, &d->err);
	if (fd >= 0)
		d->outcome = with_body(d, st, fd, dry);
	else if (errno == ENOENT && !dry)
		d->outcome = without_body(d, st, state);
	else
		d->outcome = OUTCOME_FAILED;
	if (d->outcome == OUTCOME_DRY)
		d->result.bytes = size;
	if (fd >= 0 && fd != d->fd)
		close(fd);
	d->ns = clock_steady() - began;
}

bool
delivery_tells_complete(const struct order *m)
{
	return m->key != NULL &&
	       strncmp(m->key, DELIVERY_MANIFESTS, strlen(DELIVERY_MANIFESTS)) == 0;
}

size_t
delivery_waits_for(const struct order *m, const struct crew *crew)
{
	size_t n = crew_jobs(crew);

	if (m->key == NULL)
		return 0;
	if (delivery_tells_complete(m))
		return n;
	for (; n > 0; n--) {
		const struct delivery *d = crew_job(crew, n - 1);

		if (d->order.key != NULL && strcmp(d->order.key, m->key) == 0)
			break;
	}
	return n;
}
