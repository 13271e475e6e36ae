/* run.h - a run of s3put: manifests come in, objects are put, and results leave.
 *
 * 1. Read a manifest, see that it is one of the ledger's, and give it to one of a few threads, each with a connection of its
 *    own.  A body that is missing: another s3put delivered it (it is not listed any
 *    more), or the object is there already; else it stays listed.
 * 2. They put the body under its key; the store does not return before it is durable.
 * 3. In the order of the manifests: take a few delivered keys out of the ledger at once
 *    (at most RUN_GROUP_MAX, RUN_GROUP_NS old, or the input pauses), and only then write
 *    their results.
 *
 * An object under _manifests/ tells readers what is complete: it waits until all before it
 * are delivered, and is held back when one of them was not.  Of two manifests of one key
 * the second waits for the first.
 *
 * Killed anywhere in between, the batches are offered again and found present.
 *
 * What goes wrong is told, and `status` remembers it.  Signals: stop.h.
 */
#ifndef RUN_H
#define RUN_H
#include "cli/stats.h"
#include "record/ndjson.h"
#include "s3/crew.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct inputs;
struct store;

enum { RUN_GROUP_MAX = 16 };
#define RUN_GROUP_NS ((int64_t)1000000000)

/* Begins as zeros; what comes before `crew` is the caller's to set. */
struct run {
	const char *dest;                      /* for messages */
	const char *state;                     /* the ledger's directory, or NULL */
	bool dry;                              /* put nothing */
	struct store *store[CREW_THREADS_MAX]; /* one a thread */
	uint64_t total, total_bytes;           /* of what is to come; 0: nobody knows */
	_Atomic uint64_t sent;                 /* bytes, which the stores count */
	struct crew *crew;
	struct ledger_claims *claims; /* with `state` */
	const char *advised;          /* the last advice given */
	struct ndjson_in in;
	struct ndjson_out out;
	struct stats stats;
	char *group[RUN_GROUP_MAX]; /* keys delivered, still in the ledger */
	size_t groups;
	int64_t group_since;
	uint64_t line_no, stored, present, gone, failed, bytes_stored, requests;
	uint64_t found_bytes; /* of objects that were there already */
	int status;
	bool over;   /* no more is read: stdout is closed, or --strict ended it */
	bool closed; /* stdout is */
};

/* Start the clock and the counts.  One run a process: its progress is drawn. */
void run_init(struct run *run);

/* With that many threads, which have their stores. */
int run_begin(struct run *run, unsigned threads, struct err *e);

/* What the manifests in the files ask for. */
void run_manifests(struct run *run, struct inputs *files);

/* One object of that key, whose body is the first of the files. */
void run_body(struct run *run, struct inputs *files, const char *key);

/* Wait for the threads, tell the counts.  The exit status. */
int run_end(struct run *run);

#endif
