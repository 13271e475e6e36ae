#include "source/listing.h"
#include "base/clock.h"
#include "base/err.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 15 };

void
listing_done(struct listing *l)
{
	if (l->dir != NULL)
		close(l->fd);
	free(l->dir);
	free(l->text);
	free(l->at);
	*l = (struct listing){ .n = 0 };
}

static int
by_name(const void *a, const void *b, void *text)
{
	const size_t *x = a, *y = b;

	return strcmp((const char *)text + *x, (const char *)text + *y);
}

static bool
same_state(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool
add(struct listing *l, const struct dirent64 *de)
{
	size_t n = strlen(de->d_name) + 1;

	if (l->text_cap - l->text_n < n + 1) {
		size_t cap = l->text_cap ? 2 * l->text_cap : 1024;
		char *p = realloc(l->text, cap);

		if (p == NULL)
			return false;
		l->text = p;
		l->text_cap = cap;
	}
	if ((size_t)l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 32, *p;

		if ((p = realloc(l->at, cap * sizeof *p)) == NULL)
			return false;
		l->at = p;
		l->cap = cap;
	}
	l->text[l->text_n] = (char)de->d_type;
	memcpy(l->text + l->text_n + 1, de->d_name, n);
	l->at[l->n++] = l->text_n + 1;
	l->text_n += n + 1;
	return true;
}

static int
read_names(struct listing *l, struct err *e)
{
	_Alignas(struct dirent64) char chunk[CHUNK];
	ssize_t n;

	l->n = 0;
	l->text_n = 0;
	while ((n = getdents64(l->fd, chunk, sizeof chunk)) > 0)
		for (ssize_t i = 0; i < n;) {
			const struct dirent64 *de = (const void *)(chunk + i);

			i += de->d_reclen;
			if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
				continue;
			if (l->n == LISTING_NAMES_MAX)
				return err_set(e, ST_ASIDE,
				    "%s: more than %d names in it; not read: have some "
				    "of them in other directories",
				    l->dir, LISTING_NAMES_MAX);
			if (!add(l, de))
				return err_set(e, ST_FAIL, "%s: out of memory", l->dir);
		}
	if (n < 0)
		return err_sys(e, l->dir);
	if (l->n > 1)
		qsort_r(l->at, (size_t)l->n, sizeof *l->at, by_name, l->text);
	return 0;
}

/* As listing_again, when the state of the directory is known. */
static int
read_anew(struct listing *l, const struct stat *st, struct err *e)
{
	l->st = *st;
	l->quiet = clock_now() / 1000000000 - st->st_mtim.tv_sec > LISTING_QUIET_S;
	if (read_names(l, e) == 0)
		return 0;
	l->quiet = false;
	return -1;
}

int
listing_again(struct listing *l, struct err *e)
{
	struct stat st;

	if (fstat(l->fd, &st) < 0)
		return err_sys(e, l->dir);
	if (l->quiet && same_state(&l->st, &st))
		return 0;
	return lseek(l->fd, 0, SEEK_SET) < 0 ? err_sys(e, l->dir) : read_anew(l, &st, e);
}

int
listing_read(struct listing *l, const char *dir, struct err *e)
{
	struct stat st;

	/* many logs in one directory: once for all of them */
	if (l->dir != NULL && l->quiet && strcmp(l->dir, dir) == 0 &&
	    stat(dir, &st) == 0 && same_state(&l->st, &st))
		return 0;
	if (l->dir != NULL) {
		close(l->fd);
		free(l->dir);
		l->dir = NULL;
	}
	if ((l->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(e, dir);
	if ((l->dir = strdup(dir)) == NULL || fstat(l->fd, &st) < 0) {
		int failed = l->dir != NULL
				 ? err_sys(e, dir)
				 : err_set(e, ST_FAIL, "%s: out of memory", dir);

		if (l->dir == NULL)
			close(l->fd);
		return failed;
	}
	return read_anew(l, &st, e);
}

const char *
listing_next(const struct listing *l, struct str with, int *at)
{
	if (*at < 0) {
		int low = 0, high = l->n;

		while (low < high) {
			int middle = low + (high - low) / 2;

			if (strncmp(listing_name(l, middle), with.p, with.n) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		*at = low;
	}
	if (*at == l->n || !str_starts(str_of(listing_name(l, *at)), with))
		return NULL;
	return listing_name(l, (*at)++);
}
