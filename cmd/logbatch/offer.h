/* offer.h - what came in is committed, and then offered: its manifests are printed.
 *
 * With a ledger, batches that wait since an earlier run are offered again, first of all, and
 * each once.  With --out objects are put where their keys say.  A dry run prints alone.
 */
#ifndef OFFER_H
#define OFFER_H
#include "batch/commit.h"
#include "ledger/ledger.h"
#include <stdbool.h>
#include <stdint.h>

struct err;
struct intake;
struct keytemplate;
struct options;

/* Begins as zeros, but for the first two. */
struct offer {
	const struct options *given;
	const struct keytemplate *lists; /* keys of the lists; NULL: none are made */
	struct ledger *begun;            /* the ledger as last read or written */
	struct ledger_names offered;     /* batches whose manifests are printed */
	struct commit_history own;
	uint64_t batches; /* made, not only offered */
	bool delivered;   /* the last commit came about */
	int status;       /* ST_ASIDE: the ledger was damaged, and its copy was used */
};

/* With --state, before anything is read.  -1: also when too much waits already. */
int offer_begin(struct offer *o, struct err *e);

/* All that came in, its partitions finished.  -1: also when too much waits now, and more was
 * to come (--max-age). */
int offer_commit(struct offer *o, struct intake *in, struct err *e);

void offer_done(struct offer *o);

#endif
