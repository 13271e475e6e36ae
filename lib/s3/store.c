#include "s3/store.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "s3/client.h"

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
#include <unistd.h>

#define TEMP_PREFIX ".s3put."

struct kind {
	const char *scheme; /* "s3://" */
	int (*open)(struct store *st, const char *rest, struct err *e);
	int (*put)(struct store *st, const struct store_object *o, struct store_result *r,
	    struct err *e);
	int (*has)(struct store *st, const struct store_object *o, struct store_result *r,
	    struct err *e);
};

struct store {
	const struct kind *kind;
	struct store_options o;
	char *url;    /* without '/' at its end */
	char *prefix; /* s3: "prefix/" or ""; file: the directory, "" for "/" */
	char *bucket;
	struct s3 *s3; /* NULL when dry */
	char *dir;     /* file: made, swept and durable in this run */
	char *block;   /* STORE_BLOCK bytes */
};

/* ---- what both kinds need ---- */

struct sum {
	uint64_t bytes;
	char sha256[65];
};

/* Read `fd` to its end; into `to` as well, unless that is -1. */
static int
copy_and_sum(struct store *st, int fd, const char *name, int to, const char *to_name,
    struct sum *sum, struct err *e)
{
	struct sha256 *h = sha256_new();
	uint8_t digest[32];
	uint64_t at = 0;
	ssize_t n = -1;
	int done = -1;

	if (h == NULL)
		return err_set(e, ST_FAIL, "%.400s: out of memory", name);
	while ((n = pread_full(fd, st->block, STORE_BLOCK, at)) > 0) {
		sha256_add(h, st->block, (size_t)n);
		if (to >= 0 && write_all(to, st->block, (size_t)n, to_name, e) < 0)
			goto out;
		at += (uint64_t)n;
		if (st->o.stop != NULL && *st->o.stop != 0) {
			err_set(e, ST_FAIL, "%.400s: stopped by a signal", name);
			goto out;
		}
	}
	if (n < 0) {
		err_sys(e, name);
		goto out;
	}
	sha256_end(h, digest);
	hex_of(digest, sizeof digest, sum->sha256);
	sum->bytes = at;
	done = 0;
out:
	sha256_free(h);
	return done;
}

/* Is the body what its manifest says? */
static int
check_body(const struct store_object *o, const struct sum *sum, struct err *e)
{
	if (o->bytes != STORE_ANY_SIZE && o->bytes != sum->bytes)
		return err_set(e, ST_FAIL,
		    "%.300s: holds %llu bytes, its manifest says %llu", o->name,
		    (unsigned long long)sum->bytes, (unsigned long long)o->bytes);
	if (o->sha256 != NULL && strcmp(o->sha256, sum->sha256) != 0)
		return err_set(e, ST_FAIL,
		    "%.250s: its sha256 is %.64s, its manifest says %.64s", o->name,
		    sum->sha256, o->sha256);
	return 0;
}

/* ---- s3:// ---- */

static int
bucket_open(struct store *st, const char *rest, struct err *e)
{
	size_t n = strcspn(rest, "/");
	const char *p = rest + n;
	size_t len;
	struct s3_options o = { .endpoint = st->o.endpoint,
		.region = st->o.region,
		.ca_file = st->o.ca_file,
		.path_style = st->o.path_style,
		.overwrite = st->o.overwrite,
		.max_time_ns = st->o.max_time_ns,
		.stop = st->o.stop,
		.tell = st->o.tell,
		.env = st->o.env };

	if (*p == '/')
		p++;
	for (len = strlen(p); len > 0 && p[len - 1] == '/'; len--)
		;
	if ((st->bucket = strndup(rest, n)) == NULL ||
	    asprintf(&st->prefix, "%.*s%s", (int)len, p, len > 0 ? "/" : "") < 0) {
		st->prefix = NULL;
		return err_set(e, ST_FAIL, "%.300s: out of memory", st->url);
	}
	if (!s3_bucket_ok(st->bucket))
		return err_set(e, ST_USAGE,
		    "%.300s: \"%.70s\" is not the name of a bucket", st->url, st->bucket);
	if (st->o.dry)
		return 0;
	return (st->s3 = s3_new(st->bucket, &o, e)) == NULL ? -1 : 0;
}

static int
bucket_key(const struct store *st, const char *key, char **full, struct err *e)
{
	if (asprintf(full, "%s%s", st->prefix, key) >= 0)
		return 0;
	*full = NULL;
	return err_set(e, ST_FAIL, "%.300s: out of memory", key);
}

static void
take_result(const struct s3_result *from, struct store_result *r)
{
	r->present = from->present;
	r->attempts = from->attempts;
	snprintf(r->etag, sizeof r->etag, "%s", from->etag);
}

/* First pass: what is it?  Second: send it under that hash, which the server checks. */
static int
bucket_put(
    struct store *st, const struct store_object *o, struct store_result *r, struct err *e)
{
	struct sum sum = { 0 };
	struct s3_body body;
	struct s3_result res = { 0 };
	char *key;
	int done;

	if (copy_and_sum(st, o->fd, o->name, -1, NULL, &sum, e) < 0 ||
	    check_body(o, &sum, e) < 0 || bucket_key(st, o->key, &key, e) < 0)
		return -1;
	body = (struct s3_body){ .fd = o->fd, .bytes = sum.bytes, .sha256 = sum.sha256 };
	r->bytes = sum.bytes;
	done = s3_put(st->s3, key, &body, &res, e);
	take_result(&res, r);
	free(key);
	return done;
}

static int
bucket_has(
    struct store *st, const struct store_object *o, struct store_result *r, struct err *e)
{
	struct s3_body body = { .fd = o->fd, .bytes = o->bytes, .sha256 = o->sha256 };
	struct s3_result res = { 0 };
	char *key;
	int has;

	if (bucket_key(st, o->key, &key, e) < 0)
		return -1;
	has = s3_has(st->s3, key, &body, &res, e);
	take_result(&res, r);
	free(key);
	return has;
}

/* ---- file:// ---- */

static int
dir_open(struct store *st, const char *rest, struct err *e)
{
	const char *path = strncmp(rest, "localhost/", 10) == 0 ? rest + 9 : rest;
	size_t n = strlen(path);

	if (path[0] != '/')
		return err_set(e, ST_USAGE,
		    "%.300s: not an absolute path; a directory is "
		    "file:///dir, with three slashes",
		    st->url);
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
		if (strncmp(de->d_name, TEMP_PREFIX, strlen(TEMP_PREFIX)) != 0 ||
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
		if ((size_t)snprintf(path, size, "%s/" TEMP_PREFIX "%s", st->dir, hex) >=
		    size)
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

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno != ELOOP)
		return err_sys(e, path);
	if (fd < 0 || fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode))
		err_set(e, ST_FAIL, "%.400s: exists and is not a regular file", path);
	else if (copy_and_sum(st, fd, path, -1, NULL, sum, e) == 0) {
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

/* The target is there: are its bytes those of the body?  1, 0: not there, -1. */
static int
compare_existing(struct store *st, const struct store_object *o, const char *path,
    struct sum *sum, struct err *e)
{
	struct sum there = { 0 };
	int r = look_at(st, path, true, &there, e);

	if (r <= 0)
		return r;
	if (copy_and_sum(st, o->fd, o->name, -1, NULL, sum, e) < 0 ||
	    check_body(o, sum, e) < 0)
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
	if (copy_and_sum(st, o->fd, o->name, fd, temp, sum, e) < 0 ||
	    check_body(o, sum, e) < 0)
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
	if (!st->o.overwrite && (there = compare_existing(st, o, path, &sum, e)) < 0)
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
	return 1;
}

/* ---- the interface ---- */

static const struct kind kinds[] = {
	{ "s3://", bucket_open, bucket_put, bucket_has },
	{ "file://", dir_open, file_put, file_has },
};

static const struct kind *
kind_of(const char *url)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strncmp(url, kinds[i].scheme, strlen(kinds[i].scheme)) == 0)
			return &kinds[i];
	return NULL;
}

bool
store_is_url(const char *s)
{
	return kind_of(s) != NULL;
}

struct store *
store_open(const char *url, const struct store_options *o, struct err *e)
{
	const struct kind *k = kind_of(url);
	struct store *st;
	size_t n = strlen(url);

	if (k == NULL) {
		err_set(e, ST_USAGE,
		    "%.300s: not a destination; give s3://bucket/prefix or "
		    "file:///dir",
		    url);
		return NULL;
	}
	while (n > strlen(k->scheme) && url[n - 1] == '/')
		n--;
	if ((st = calloc(1, sizeof *st)) == NULL ||
	    (st->block = malloc(STORE_BLOCK)) == NULL ||
	    (st->url = strndup(url, n)) == NULL) {
		store_close(st);
		err_set(e, ST_FAIL, "%.300s: out of memory", url);
		return NULL;
	}
	st->kind = k;
	st->o = *o;
	if (k->open(st, url + strlen(k->scheme), e) < 0) {
		store_close(st);
		return NULL;
	}
	return st;
}

void
store_close(struct store *st)
{
	if (st == NULL)
		return;
	s3_free(st->s3);
	free(st->url);
	free(st->prefix);
	free(st->bucket);
	free(st->dir);
	free(st->block);
	free(st);
}

static const char *
bad_part(const struct store *st, struct str part)
{
	if (part.n == 0)
		return "holds an empty part";
	if (str_eq(part, STR(".")) || str_eq(part, STR("..")))
		return "holds a part . or ..";
	if (st->kind->put == file_put && str_starts(part, STR(TEMP_PREFIX)))
		return "holds a part that begins with " TEMP_PREFIX;
	return NULL;
}

int
store_key_check(const struct store *st, struct str key, struct err *e)
{
	size_t extra = st->kind->put == file_put ? 0 : strlen(st->prefix), from = 0;
	const char *why = NULL;

	if (memchr(key.p, '\0', key.n) != NULL)
		why = "holds a NUL";
	else if (key.n + extra > STORE_KEY_MAX)
		why = "is longer than 1024 bytes";
	else if (key.n > 0 && key.p[0] == '/')
		why = "begins with /";
	for (size_t i = 0; why == NULL && i <= key.n; i++)
		if (i == key.n || key.p[i] == '/') {
			why = bad_part(st, (struct str){ key.p + from, i - from });
			from = i + 1;
		}
	if (why == NULL)
		return 0;
	return err_set(e, ST_FAIL, "key \"%.*s\"%s: refused, it %s",
	    (int)(key.n < 200 ? key.n : 200), key.p, key.n > 200 ? "..." : "", why);
}

void
store_where(const struct store *st, const char *key, struct buf *out)
{
	buf_printf(out, "%s/%s", st->url, key);
}

int
store_put(
    struct store *st, const struct store_object *o, struct store_result *r, struct err *e)
{
	*r = (struct store_result){ .bytes = o->bytes };
	return st->kind->put(st, o, r, e);
}

int
store_has(
    struct store *st, const struct store_object *o, struct store_result *r, struct err *e)
{
	*r = (struct store_result){ .bytes = o->bytes };
	return st->kind->has(st, o, r, e);
}
