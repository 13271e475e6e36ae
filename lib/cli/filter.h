/* filter.h - the loop that logparse and k8smeta share: records in, records out.
 *
 * Lines that are not records are wrapped as _error records (or, with --strict, end the run),
 * marks pass through in order, a torn last line of a pipe is the mark of a killed writer:
 * dropped, told, exit 1.  Counts go to `stats` so that in = out + rejected + filtered + joined.
 */
#ifndef FILTER_H
#define FILTER_H
#include "base/err.h"
#include "cli/stats.h"
#include "record/ndjson.h"
#include "record/record.h"

enum filter_did {
	FILTER_PASSED,   /* written, changed or not */
	FILTER_REJECTED, /* written as an _error record */
	FILTER_FILTERED, /* left out on purpose; a mark was written in its place */
	FILTER_JOINED,   /* became part of a record that is or will be written */
	FILTER_BAD,      /* not a record after all: to be wrapped; nothing was written */
	FILTER_HELD,     /* kept for later: filter_held() says what became of it */
};

struct filter {
	struct stats stats;
	struct record_reader reader;
	struct ndjson_out out;
	uint64_t invalid_utf8; /* bytes replaced in wrapped lines */
	/* Each line before all else, what is no record too: the line to go on with.  NULL: the
	 * one that came. */
	struct str (*line)(struct filter *f, struct str line);
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
	uint64_t
	    held;    /* FILTER_HELD, and nothing has become of it; filtered, at the end */
	bool failed; /* `err` ends the run: set where no error can be returned */
	struct err err;
	bool no_log; /* the program does not ask for `log`: see record.h */
	void *user;
};

/* Of records that were held, `lines` became one that was dealt with as `did` says. */
void filter_held(struct filter *f, enum filter_did did, uint64_t lines, struct str time);

/* Run over the operands and print the stats; returns the exit status. */
int filter_run(struct filter *f, int argc, char *argv[]);

#endif
