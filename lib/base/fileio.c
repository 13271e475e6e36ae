#include "base/fileio.h"
#include "base/buf.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef LOGSWEEP_FAULTS
enum fault { FAULT_NONE, FAULT_FAIL, FAULT_KILL, FAULT_SHORT };

static enum fault
fault_now(void)
{
	static _Atomic long step; /* threads count together */
	static _Thread_local long at = -1;
	static _Thread_local enum fault kind;
	long mine;
	const char *env = getenv("LOGSWEEP_FAULT"), *prog = getenv("LOGSWEEP_FAULT_PROG");

	if (at < 0) {
		at = env != NULL ? atol(env) : 0;
		if (prog != NULL && strcmp(prog, program_invocation_short_name) != 0)
			at = 0;
		kind = env == NULL            ? FAULT_NONE
		       : strstr(env, "kill")  ? FAULT_KILL
		       : strstr(env, "short") ? FAULT_SHORT
					      : FAULT_FAIL;
	}
	if (at == 0 || (mine = ++step) != at)
		return FAULT_NONE;
	dprintf(STDERR_FILENO, "LOGSWEEP_FAULT: step %ld\n", mine);
	if (kind == FAULT_KILL)
		raise(SIGKILL);
	errno = ENOSPC;
	return kind;
}
#define STEP_OR_FAIL()                                                                   \
	do {                                                                             \
		if (fault_now())                                                         \
			return -1;                                                       \
	} while (0)
#else
#define STEP_OR_FAIL() ((void)0)
#endif

int
io_open(const char *path, int flags, mode_t mode)
{
	if (flags & O_CREAT)
		STEP_OR_FAIL();
	return open(path, flags | O_CLOEXEC, mode);
}

ssize_t
io_write(int fd, const void *p, size_t n)
{
#ifdef LOGSWEEP_FAULTS
	enum fault f = fault_now();

	if (f == FAULT_FAIL)
		return -1;
	if (f == FAULT_SHORT) {
		if (write(fd, p, n / 2) >= 0)
			raise(SIGKILL);
		return -1;
	}
#endif
	return write(fd, p, n);
}

int
io_fsync(int fd)
{
	STEP_OR_FAIL();
	return fsync(fd);
}

int
io_rename(const char *from, const char *to)
{
	STEP_OR_FAIL();
	return rename(from, to);
}

int
io_link(const char *from, const char *to)
{
	STEP_OR_FAIL();
	return link(from, to);
}

int
io_unlink(const char *path)
{
	STEP_OR_FAIL();
	return unlink(path);
}

int
io_mkdir(const char *path, mode_t mode)
{
	STEP_OR_FAIL();
	return mkdir(path, mode);
}

int
io_rmdir(const char *path)
{
	STEP_OR_FAIL();
	return rmdir(path);
}

int
write_all(int fd, const void *p, size_t n, const char *name, struct err *e)
{
	struct pollfd pf = { .fd = fd, .events = POLLOUT };
	const char *at = p;
	ssize_t w;

	while (n > 0) {
		if ((w = io_write(fd, at, n)) < 0) {
			if (errno == EINTR || (errno == EAGAIN && poll(&pf, 1, -1) >= 0))
				continue;
			return err_sys(e, name);
		}
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

ssize_t
read_full(int fd, void *p, size_t n)
{
	size_t got = 0;
	ssize_t r;

	while (got < n) {
		if ((r = read(fd, (char *)p + got, n - got)) < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

ssize_t
pread_full(int fd, void *p, size_t n, uint64_t at)
{
	size_t got = 0;
	ssize_t r;

	while (got < n) {
		if ((r = pread(fd, (char *)p + got, n - got, (off_t)(at + got))) < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

int
file_read(const char *path, struct buf *b, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t r = 0;
	char *to, over;
	struct stat st;
	size_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, path);
	/* no memory for what will not be taken */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size > b->max - b->n) {
		close(fd);
		b->failed = true;
		return err_set(e, ST_FAIL, "%.300s: larger than %zu bytes", path, b->max);
	}
	do {
		/* at the ceiling, one byte more tells whether the file ends there */
		n = b->max - b->n < 65536 ? b->max - b->n : 65536;
		if ((to = buf_room(b, n)) == NULL ||
		    (r = read_full(fd, n ? to : &over, n ? n : 1)) < 0)
			break;
		if (n == 0 && r > 0)
			b->failed = true;
		else
			to[r] = '\0', b->n += (size_t)r;
	} while (r > 0 && !b->failed);
	if (r < 0)
		err_sys(e, path);
	close(fd);
	return r < 0 || buf_check(b, path, e) < 0 ? -1 : 1;
}

/* The directory part of `path` into `dir` (PATH_MAX bytes). */
static void
dir_of(const char *path, char *dir)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (slash == NULL || n >= PATH_MAX)
		strcpy(dir, ".");
	else if (n == 0)
		strcpy(dir, "/");
	else
		memcpy(dir, path, n), dir[n] = '\0';
}

int
dir_fsync(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, dir);
	/* some filesystems have no fsync of a directory, and say EINVAL */
	if (io_fsync(fd) < 0 && errno != EINVAL) {
		err_sys(e, dir);
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

int
file_new(const char *path, mode_t mode)
{
	int fd;

	for (int i = 0; i < 2; i++) {
		fd = io_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
		if (fd >= 0 || errno != EEXIST || (i == 0 && io_unlink(path) < 0))
			break;
	}
	return fd;
}

static int
replace(const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	char dir[PATH_MAX], tmp[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	dir_of(path, dir);
	if ((size_t)snprintf(tmp, sizeof tmp, "%s/.%s.tmp", dir,
		slash ? slash + 1 : path) >= sizeof tmp)
		return err_set(e, ST_FAIL, "%s: name too long", path);
	if ((fd = file_new(tmp, mode)) < 0)
		return err_sys(e, tmp);
	if (write_all(fd, p, n, tmp, e) < 0)
		goto err1;
	if (io_fsync(fd) < 0) {
		err_sys(e, tmp);
		goto err1;
	}
	if (close(fd) < 0) {
		err_sys(e, tmp);
		goto err0;
	}
	if (io_rename(tmp, path) < 0) {
		err_sys(e, path);
		goto err0;
	}
	return dir_fsync(dir, e);
err1:
	close(fd);
err0:
	io_unlink(tmp);
	return -1;
}

int
file_replace(const char *path, const void *p, size_t n, struct err *e)
{
	return replace(path, p, n, 0640, e);
}

int
file_replace_open(const char *path, const void *p, size_t n, struct err *e)
{
	return replace(path, p, n, 0644, e);
}

int
dir_make(const char *path, bool durable, struct err *e)
{
	char part[PATH_MAX], parent[PATH_MAX];
	struct stat st;
	size_t n = strlen(path);

	if (n >= sizeof part)
		return err_set(e, ST_FAIL, "%s: name too long", path);
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (io_mkdir(part, 0750) == 0) {
			dir_of(part, parent);
			if (durable && dir_fsync(parent, e) < 0)
				return -1;
		} else if (errno != EEXIST) {
			return err_sys(e, part);
		} else if (stat(part, &st) == 0 && !S_ISDIR(st.st_mode)) {
			errno = ENOTDIR;
			return err_sys(e, part);
		}
		if (i < n)
			part[i] = '/';
	}
	return 0;
}
