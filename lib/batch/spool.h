/* spool.h - the directory where a run writes bodies before they are committed.
 *
 * DIR/tmp/<run>/ is the run's alone; its file `lock` is held with flock(2) while the run
 * lives, so that others know when it is dead and may be swept up.
 */
#ifndef SPOOL_H
#define SPOOL_H
#include <limits.h>
#include <stddef.h>

struct err;

enum { SPOOL_WAITING = 1 << 30 }; /* bytes in the outbox from which on nothing is read */

struct spool {
	char path[PATH_MAX];
	int lock; /* -1: none */
};

/* Make a run's directory under `parent` (which is made too). */
int spool_open(struct spool *s, const char *parent, struct err *e);

/* Remove the run's directory and what is left in it. */
void spool_remove(struct spool *s);

/* Remove the directories of runs that live no more; under the ledger's lock. */
void spool_sweep(const char *parent);

#endif
