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
#include <stddef.h>
#include <sys/stat.h>

struct err;

enum {
	LISTING_QUIET_S = 2,
	LISTING_NAMES_MAX = 1 << 20, /* of a directory: one with more is not read */
};

/* Begins as zeros. */
struct listing {
	char *dir;  /* NULL: none yet */
	int fd;     /* the directory */
	char *text; /* of each name its d_type, itself and a NUL */
	size_t text_n, text_cap;
	size_t *at; /* where each name is in there, sorted */
	int n;
	size_t cap;
	struct stat st; /* of the directory, before it was read */
	bool quiet;
};

/* The names of `dir` as they are now, without . and ...  0, or -1. */
int listing_read(struct listing *l, const char *dir, struct err *e);

/* The names in the directory that was read last, as they are now: of the open directory, should
 * its path be another's by now. */
int listing_again(struct listing *l, struct err *e);

static inline const char *
listing_name(const struct listing *l, int i)
{
	return l->text + l->at[i];
}

/* DT_REG and so on; DT_UNKNOWN. */
static inline unsigned char
listing_type(const struct listing *l, int i)
{
	return (unsigned char)l->text[l->at[i] - 1];
}

/* The names that begin so, one a call, NULL after the last.  *at begins as -1. */
const char *listing_next(const struct listing *l, struct str with, int *at);
void listing_done(struct listing *l);

#endif
