#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "s3/kind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int
dir_open(struct store *st, const char *rest, struct err *e)
{
	const char *path = strncmp(rest, "localhost/", 10) == 0 ? rest + 9 : rest;
	size_t n = strlen(path);

	if (path[0] != '/')
		return err_set(e, ST_USAGE,
		    "%.300s: not an absolute path; a directory is "
		    "file:///dir, with three slashes",
		    store_told(st->url));
	while (n > 0 && path[n - 1] == '/')
		n--;
	if ((st->prefix = strndup(path, n)) == NULL)
		return err_set(e, ST_FAIL, "%.300s: out of memory", st->url);
	return 0;
}

/* fsync every directory above `dir`: a run killed between mkdir and fsync left some of
 * them made and not durable.  Those above the destination may not be ours to read. */
static int
sync_parents(const struct store *st, const char *dir, struct err *e)
{
	char part[PATH_MAX];
	size_t ours = strlen(st->prefix);
	struct err ignored;

	snprintf(part, sizeof part, "%s", dir);
	for (size_t i = strlen(part); i-- > 1;) {
		if (part[i] != '/')
			continue;
		part[i] = '\0';
		if (i < ours)
			(void)dir_fsync(part, &ignored);
		else if (dir_fsync(part, e) < 0)
			return -1;
	}
	(void)dir_fsync("/", &ignored);
	return 0;
}

/* Remove what killed runs left: temporary files that nobody holds. */
static void
sweep(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	char path[PATH_MAX];
	int fd;

	while (d != NULL && (de = readdir(d)) != NULL) {
		if (strncmp(de->d_name, STORE_TEMP_PREFIX, strlen(STORE_TEMP_PREFIX)) !=
			0 ||
		    (size_t)snprintf(path, sizeof path, "%s/%s", dir, de->d_name) >=
			sizeof path ||
		    (fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)io_unlink(path);
		close(fd);
	}
	if (d != NULL)
		closedir(d);
}

/* The directory of `path`: there, durable, swept.  Once in a run while it stays the same.
 */
static int
enter_dir(struct store *st, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));

	if (dir == NULL)
		return err_set(e, ST_FAIL, "%.400s: out of memory", path);
	if (st->dir != NULL && strcmp(st->dir, dir) == 0) {
		free(dir);
		return 0;
	}
	free(st->dir);
	st->dir = NULL;
	if (dir_make(dir, true, e) < 0 || sync_parents(st, dir, e) < 0) {
		free(dir);
		return -1;
	}
	sweep(dir);
	st->dir = dir;
	return 0;
}

/* A new file in st->dir that sweep() of others leaves alone.  Its descriptor, or -1. */
static int
temp_make(const struct store *st, char *path, size_t size, struct err *e)
{
	struct stat a, b;
	uint64_t v;
	char hex[17];
	int fd;

	for (int i = 0; i < 100; i++) {
		if (getrandom(&v, sizeof v, 0) != sizeof v)
			return err_sys(e, "getrandom");
		hex64(v, hex);
		if ((size_t)snprintf(
			path, size, "%s/" STORE_TEMP_PREFIX "%s", st->dir, hex) >= size)
			return err_set(e, ST_FAIL, "%.400s: name too long", st->dir);
		if ((fd = io_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0640)) <
		    0) {
			if (errno == EEXIST)
				continue;
			return err_sys(e, path);
		}
		/* swept, or about to be, between open and flock: another name */
		if ((flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
		    fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino)
			return fd;
		close(fd);
	}
	return err_set(e, ST_FAIL, "%.400s: no temporary name is free", st->dir);
}

/* What stands at `path` already: 1 and its sum; 0: nothing; -1: it cannot be compared. */
static int
look_at(struct store *st, const char *path, bool durable, struct sum *sum, struct err *e)
{
	struct stat sb;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), done = -1;
	struct store_object there = { .name = path, .fd = fd };

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno != ELOOP)
		return err_sys(e, path);
	if (fd < 0 || fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode))
		err_set(e, ST_FAIL, "%.400s: exists and is not a regular file", path);
	else if (store_sum(st, &there, -1, NULL, sum, e) == 0) {
		if (durable && io_fsync(fd) < 0)
			err_sys(e, path);
		else
			done = 1;
	}
	if (fd >= 0)
		close(fd);
	return done;
}

static int
same_or_error(
    const char *path, const struct sum *there, const struct sum *here, struct err *e)
{
	if (there->bytes == here->bytes && strcmp(there->sha256, here->sha256) == 0)
		return 1;
	return err_set(
	    e, ST_FAIL, "%.380s: exists with other bytes; --overwrite replaces it", path);
}

/* Are the bytes at the target those of the body?  1, 0: not there, -1.  A pipe has been
 * read by then, and `sum` is known. */
static int
compare_existing(struct store *st, const struct store_object *o, const char *path,
    struct sum *sum, struct err *e)
{
	struct sum there = { 0 };
	int r = look_at(st, path, true, &there, e);

	if (r <= 0)
		return r;
	if (o->pipe)
		return same_or_error(path, &there, sum, e);
	if (store_sum(st, o, -1, NULL, sum, e) < 0 || store_check_body(o, sum, e) < 0)
		return -1;
	return same_or_error(path, &there, sum, e);
}

static int
no_link(const char *path, struct err *e)
{
	if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS)
		return err_set(e, ST_FAIL,
		    "%.300s: this filesystem has no hard links, so nothing "
		    "can be put without overwriting; --overwrite does without",
		    path);
	return err_sys(e, path);
}

/* The body is written and durable in `temp`: give it its name.  1: the name is taken. */
static int
publish(struct store *st, const char *temp, const char *path, struct err *e)
{
	if (st->o.overwrite)
		return io_rename(temp, path) < 0 ? err_sys(e, path) : 0;
	if (io_link(temp, path) == 0)
		return 0;
	return errno == EEXIST ? 1 : no_link(path, e);
}

/* Body into a temporary file, checked and durable, then under its name.  0, 1: the name
 * is taken, -1.  The temporary name is gone in any case. */
static int
write_new(struct store *st, const struct store_object *o, const char *path,
    struct sum *sum, struct err *e)
{
	char temp[PATH_MAX];
	int fd = temp_make(st, temp, sizeof temp, e), done = -1;

	if (fd < 0)
		return -1;
	if (store_sum(st, o, fd, temp, sum, e) < 0 || store_check_body(o, sum, e) < 0)
		goto out;
	if (io_fsync(fd) < 0) {
		err_sys(e, temp);
		goto out;
	}
	done = publish(st, temp, path, e);
out:
	if ((done != 0 || !st->o.overwrite) && io_unlink(temp) < 0 && done == 0)
		done = err_sys(e, temp);
	close(fd);
	return done;
}

static int
file_put(
    struct store *st, const struct store_object *o, struct store_result *r, struct err *e)
{
	char path[PATH_MAX];
	struct sum sum = { 0 };
	int there = 0, again;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", st->prefix, o->key) >=
	    sizeof path)
		return err_set(e, ST_FAIL, "%.400s: name too long", o->key);
	r->attempts = 1;
	if (enter_dir(st, path, e) < 0)
		return -1;
	if (!st->o.overwrite && !o->pipe &&
	    (there = compare_existing(st, o, path, &sum, e)) < 0)
		return -1;
	if (there == 0) {
		if ((there = write_new(st, o, path, &sum, e)) < 0)
			return -1;
		if (there == 1 && (again = compare_existing(st, o, path, &sum, e)) <= 0)
			return again < 0
				   ? -1
				   : err_set(e, ST_LATER,
					 "%.400s: existed a moment ago, and is gone",
					 path);
	}
	if (dir_fsync(st->dir, e) < 0)
		return -1;
	r->present = there == 1;
	r->bytes = sum.bytes;
	snprintf(r->etag, sizeof r->etag, "%s", sum.sha256);
	snprintf(r->sha256, sizeof r->sha256, "%s", sum.sha256);
	return 0;
}

static int
file_has(
    struct store *st, const struct store_object *o, struct store_result *r, struct err *e)
{
	char path[PATH_MAX];
	struct sum there = { 0 }, wanted = { .bytes = o->bytes };
	int has;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", st->prefix, o->key) >=
	    sizeof path)
		return err_set(e, ST_FAIL, "%.400s: name too long", o->key);
	r->attempts = 1;
	if ((has = look_at(st, path, true, &there, e)) <= 0)
		return has;
	snprintf(wanted.sha256, sizeof wanted.sha256, "%s", o->sha256);
	if (wanted.bytes == STORE_ANY_SIZE)
		wanted.bytes = there.bytes;
	if (same_or_error(path, &there, &wanted, e) < 0 || enter_dir(st, path, e) < 0 ||
	    dir_fsync(st->dir, e) < 0)
		return -1;
	r->present = true;
	r->bytes = there.bytes;
	snprintf(r->etag, sizeof r->etag, "%s", there.sha256);
	snprintf(r->sha256, sizeof r->sha256, "%s", there.sha256);
	return 1;
}

static int
dir_twin(struct store *st, const struct store *of, struct err *e)
{
	if ((st->prefix = strdup(of->prefix)) == NULL)
		return err_set(e, ST_FAIL, "%.300s: out of memory", of->url);
	return 0;
}

/* Everything that a delivery does, with a file of a few bytes that then goes away. */
static int
dir_check(struct store *st, store_says *says, void *user, struct err *e)
{
	char path[PATH_MAX], temp[PATH_MAX], words[200];
	struct statvfs vfs;
	int fd, done = -1;

	if ((size_t)snprintf(path, sizeof path, "%s/x", st->prefix) >= sizeof path)
		return err_set(e, ST_FAIL, "%.400s: name too long", st->prefix);
	if (enter_dir(st, path, e) < 0 || (fd = temp_make(st, temp, sizeof temp, e)) < 0)
		return -1;
	says(user, "directory", "is there, or could be made");
	snprintf(path, sizeof path, "%.*s-2", PATH_MAX - 8, temp);
	if (write_all(fd, "s3put --check\n", 14, temp, e) < 0)
		goto out;
	if (io_fsync(fd) < 0) {
		err_sys(e, temp);
		goto out;
	}
	says(user, "write", "a file was written and made durable");
	if (!st->o.overwrite && io_link(temp, path) < 0) {
		no_link(path, e);
		goto out;
	}
	if (!st->o.overwrite)
		says(user, "link", "names can be given without overwriting");
	if (statvfs(st->dir, &vfs) == 0) {
		snprintf(words, sizeof words, "%.1f GB are free",
		    (double)vfs.f_bavail * (double)vfs.f_frsize / 1e9);
		says(user, "space", words);
	}
	done = 0;
out:
	(void)io_unlink(path);
	(void)io_unlink(temp);
	close(fd);
	return done;
}

const struct store_kind store_dir = { "file://", dir_open, dir_twin, file_put, file_has,
	dir_check };
