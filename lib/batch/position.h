/* position.h - how far each source has come in, and how much of that is sure.
 *
 * A killed program upstream can end the stream anywhere.  What may be committed is what
 * marks have closed: a position is *open* from its first record to its next mark.  Whenever
 * none is open, all that came in so far is sure, and an *epoch* ends.  At the end of input
 * everything since the last epoch is rolled back if a position is still open.
 *
 * A source whose marks never came (a filter dropped them) is closed by the end of input.
 * A line that names no source (a bad one) may be of any source that has begun and has not had
 * its closing mark: it opens them all.  Sources and their ids: record(5).
 */
#ifndef POSITION_H
#define POSITION_H
#include "record/record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { POSITIONS_BYTES = 1 << 30 }; /* memory of all sources of a stream */

/* What a position is; kept twice, to roll back. */
struct position_now {
	uint64_t start, end; /* of the record in hand; several may have the same */
	uint64_t at, sum, size;
	char *stat, *dir; /* owned by the position's list of texts */
	bool live, final, gone, has_window, closed_whole;
};

struct position {
	char *id, *file; /* raw JSON text */
	uint64_t gen;
	uint64_t
	    began; /* where the stream began it: its opening mark, else its first record */
	struct position_now now, sure;
	uint64_t epoch; /* of `now`; `sure` is older */
	bool marked;    /* marks come for it */
	bool touched;   /* since the last commit */
	bool open;
	bool closed;     /* its last line was its closing mark */
	bool started;    /* `began` is known */
	int64_t last_ns; /* the time of its last record that had one */
	bool has_time;
};

struct positions {
	struct position **slot;
	size_t n, cap;
	size_t open; /* how many are */
	size_t
	    unmarked; /* for how many no mark ever came: only the end of input closes them */
	size_t bytes;   /* about what they take */
	size_t most;    /* POSITIONS_BYTES */
	uint64_t epoch; /* counts up when none is open */
	bool held;      /* all that may be are open */
};

int positions_init(struct positions *ps, struct err *e);
void positions_done(struct positions *ps);

/* Find or add the source of a record; NULL (ST_FAIL): they take more than POSITIONS_BYTES, or out
 * of memory. */
struct position *positions_get(
    struct positions *ps, const struct src *src, struct err *e);

/* A record came in.  -1: its `end` goes back. */
int positions_record(
    struct positions *ps, struct position *p, uint64_t end, struct err *e);

/* A line came in that names no source. */
void positions_hold(struct positions *ps);

/* Is this a source that the ledger can hold: an id as in ledger(5), a file name that is JSON
 * text?  `why` is set if not. */
bool positions_valid(const struct src *src, const char **why);

/* A mark came in: r->mark. */
int positions_mark(
    struct positions *ps, struct position *p, const struct record *r, struct err *e);

/* A line was dealt with: if nothing is open, it is sure. */
static inline void
positions_settle(struct positions *ps)
{
	if (ps->open == 0)
		ps->epoch++;
}

/* End of input: take back what is not sure. */
void positions_roll_back(struct positions *ps);

/* All that came in is committed: positions go on from there, and those of files that are gone
 * are dropped (pointers to them die). */
void positions_committed(struct positions *ps);

/* Walk all of them: *at begins as 0; NULL after the last. */
struct position *positions_next(const struct positions *ps, size_t *at);

#endif
