/* reach.h - the directories that the files of operands are in, told before any is read, so
 * that a program can give up all others.
 *
 *     DIR                           it, and where the links in and below it lead
 *     /var/log/containers/a.log     where it leads; without links the directory it is in
 *     GLOB, and what is not there   the same of all that fit; and (`later`) the directory
 *                                   before the first *, or the next above that is there
 *
 * Pods come and go, so of where a link leads the place is what holds all like it:
 * /var/log/pods for /var/log/pods/NS_POD_UID/CONTAINER/0.log, Docker's containers for
 * containers/<64 hex>/<...>-json.log.  With anything below /var/log, /var/log and
 * /var/lib/docker/containers are places too.  Where the files are is known from finding them
 * (family.h), and is not found out twice.
 */
#ifndef REACH_H
#define REACH_H
#include <stdbool.h>
#include <stddef.h>

enum { REACH_MAX = 400 }; /* places; one more is told as "/" */

typedef void reach_place(const char *dir);

/* Zeros and `place`. */
struct reach {
	reach_place *place;
	char *dir[REACH_MAX]; /* told so far */
	size_t n;
	bool all; /* "/" was told */
};

/* Directories, and what is not there. */
void reach_operands(struct reach *f, char *const operands[], int n, bool later);

/* The real directory of a file. */
void reach_file_in(struct reach *f, const char *dir);

/* A directory where files were before, by its real name, if it is there. */
void reach_before(struct reach *f, const char *dir);

void reach_end(struct reach *f);

#endif
