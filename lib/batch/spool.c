#include "batch/spool.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Hold PATH/lock.  A descriptor; -1: `e`; -2: another holds it, or has just removed it. */
static int
lock_in(const char *path, struct err *e)
{
	char name[PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(name, sizeof name, "%s/lock", path) >= (int)sizeof name)
		return err_set(e, ST_USAGE, "%s: name too long", path);
	if ((fd = io_open(name, O_RDWR | O_CREAT, 0640)) < 0)
		return errno == ENOENT ? -2 : err_sys(e, name);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
		return fd;
	close(fd);
	return -2;
}

int
spool_open(struct spool *s, const char *parent, struct err *e)
{
	s->lock = -1;
	for (int tries = 0; tries < 10; tries++) {
		unsigned long long salt =
		    (unsigned long long)clock_now() ^ (unsigned long long)getpid() << 40;

		if (snprintf(s->path, sizeof s->path, "%s/%016llx", parent, salt) >=
		    (int)sizeof s->path)
			return err_set(e, ST_USAGE, "%s: name too long", parent);
		if (dir_make(parent, false, e) < 0)
			return -1;
		if (io_mkdir(s->path, 0750) < 0) {
			if (errno == EEXIST || errno == ENOENT)
				continue;
			return err_sys(e, s->path);
		}
		/* between mkdir and flock another run may take it for dead: begin again */
		if ((s->lock = lock_in(s->path, e)) != -2)
			return s->lock < 0 ? -1 : 0;
	}
	s->lock = -1;
	return err_set(e, ST_FAIL, "%s: cannot make a directory for this run", parent);
}

static void
remove_all(const char *path)
{
	char name[PATH_MAX];
	DIR *d = opendir(path);
	struct dirent *de;

	while (d != NULL && (de = readdir(d)) != NULL)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 &&
		    snprintf(name, sizeof name, "%s/%s", path, de->d_name) <
			(int)sizeof name)
			(void)io_unlink(name);
	if (d != NULL)
		closedir(d);
	(void)io_rmdir(path);
}

void
spool_remove(struct spool *s)
{
	if (s->lock < 0)
		return;
	remove_all(s->path);
	close(s->lock);
	s->lock = -1;
}

void
spool_sweep(const char *parent)
{
	char name[PATH_MAX];
	DIR *d = opendir(parent);
	struct dirent *de;
	struct err unused;
	int fd;

	while (d != NULL && (de = readdir(d)) != NULL) {
		if (de->d_name[0] == '.' || snprintf(name, sizeof name, "%s/%s", parent,
						de->d_name) >= (int)sizeof name)
			continue;
		if ((fd = lock_in(name, &unused)) < 0)
			continue; /* alive, or not ours to remove */
		remove_all(name);
		close(fd);
	}
	if (d != NULL)
		closedir(d);
}
