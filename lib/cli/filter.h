/* filter.h - the loop that logparse and k8smeta share: records in, records out.
 *
 * Lines that are not records are wrapped as _error records (or, with --strict, end the run),
 * marks pass through in order, a torn last line of a pipe is the mark of a killed writer:
 * dropped, told, exit 1.  Counts go to `stats` so that in = out + rejected + filtered + joined.
 */
#ifndef FILTER_H
#define FILTER_H
#include "cli/stats.h"
#include "record/ndjson.h"
#include "record/record.h"

struct err;

enum filter_did {
	FILTER_PASSED,   /* written, changed or not */
	FILTER_REJECTED, /* written as an _error record */
	FILTER_FILTERED, /* left out on purpose; a mark was written in its place */
	FILTER_JOINED,   /* became part of a record that is or will be written */
	FILTER_BAD,      /* not a record after all: to be wrapped; nothing was written */
};

struct filter {
	struct stats stats;
	struct record_reader reader;
	struct ndjson_out out;
	uint64_t invalid_utf8; /* bytes replaced in wrapped lines */
	/* One record that is not a mark; writes it to f->out with its LF.  `why` is for
	 * FILTER_BAD. */
	enum filter_did (*record)(
	    struct filter *f, const struct record *r, const char **why);
	/* One mark; NULL: it is passed on. */
	void (*mark)(struct filter *f, const struct record *r);
	/* Nothing came for wait_ms (`quiet`), or some thousand lines did; NULL: not asked
	 * for. */
	void (*idle)(struct filter *f, bool quiet);
	int wait_ms;
	/* The end of all inputs, before the last flush; NULL: nothing to do. */
	void (*finish)(struct filter *f);
	bool no_log; /* the program does not ask for `log`: see record.h */
	void *user;
};

/* Run over the operands and print the stats; returns the exit status. */
int filter_run(struct filter *f, int argc, char *argv[]);

#endif
