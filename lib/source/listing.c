#include "source/listing.h"
#include "base/clock.h"
#include "base/err.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void
listing_done(struct listing *l)
{
	for (int i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
	free(l->dir);
	*l = (struct listing){ .n = 0 };
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

int
listing_read(struct listing *l, const char *dir, struct err *e)
{
	struct stat st;
	int n;

	if (stat(dir, &st) < 0)
		return err_sys(e, dir);
	if (l->dir != NULL && l->quiet && strcmp(l->dir, dir) == 0 &&
	    same_time(l->mtime, st.st_mtim))
		return 0;
	listing_done(l);
	if ((l->dir = strdup(dir)) == NULL)
		return err_set(e, ST_FAIL, "%s: out of memory", dir);
	if ((n = scandir(dir, &l->name, NULL, by_name)) < 0)
		return err_sys(e, dir);
	l->n = n;
	l->mtime = st.st_mtim;
	l->quiet = clock_now() / 1000000000 - st.st_mtim.tv_sec > LISTING_QUIET_S;
	return 0;
}

const char *
listing_next(const struct listing *l, struct str with, int *at)
{
	if (*at < 0) {
		int low = 0, high = l->n;

		while (low < high) {
			int middle = low + (high - low) / 2;

			if (strncmp(l->name[middle]->d_name, with.p, with.n) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		*at = low;
	}
	if (*at == l->n || !str_starts(str_of(l->name[*at]->d_name), with))
		return NULL;
	return l->name[(*at)++]->d_name;
}
