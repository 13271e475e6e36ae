/* listing.h - the names in a directory, read again only when it changed.
 *
 * Of thousands of logs in one directory each family asks for the names, and asks again
 * once its files are open.  A directory's mtime changes with every name made, removed or
 * renamed in it, so while it stands still the names are the same.  Clocks of filesystems
 * tick a few ms at a time: only a directory that had been left alone for LISTING_QUIET_S
 * when it was read is trusted so; another is read each time.
 */
#ifndef LISTING_H
#define LISTING_H
#include "base/str.h"
#include <stdbool.h>
#include <time.h>

struct dirent;
struct err;

enum { LISTING_QUIET_S = 2 };

/* Begins as zeros. */
struct listing {
	char *dir;            /* NULL: none yet */
	struct dirent **name; /* sorted */
	int n;
	struct timespec mtime;
	bool quiet;
};

/* The names of `dir` as they are now.  0, or -1. */
int listing_read(struct listing *l, const char *dir, struct err *e);

/* The names that begin so, one a call, NULL after the last.  *at begins as -1. */
const char *listing_next(const struct listing *l, struct str with, int *at);
void listing_done(struct listing *l);

#endif
