/* reach.h - the directories that the files of operands are in, found before any is read, so
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
 * /var/lib/docker/containers are places too.
 */
#ifndef REACH_H
#define REACH_H
#include <stdbool.h>

enum { REACH_MAX = 400 }; /* places; one more is told as "/" */

typedef void reach_place(const char *dir);

void reach(char *const operands[], int n, bool later, reach_place *place);

/* A directory where files were before, by its real name. */
void reach_dir(const char *dir, reach_place *place);

#endif
