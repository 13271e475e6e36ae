/* sweep.h - one pass over families of log files, from where the ledger says on.
 *
 * For each file: is it known, unchanged, a copy under way, final?  Then tail.h reads it.  At
 * the end, entries of the ledger whose files are gone are retired:
 *
 *   - a *certain* gap: bytes are known to have been past the cursor.  An _error record says
 *     which file, how far it was read and when; the exit status is ST_ASIDE
 *   - a *possible* gap: the file was live and went just at its cursor; counted
 *
 * Gone is only a file whose directory was listed in this run (or is itself gone while others
 * of the operands are there) and whose id no file there has.  Files outside of the operands
 * are never judged; if a listing would not settle, nobody is.
 */
#ifndef SWEEP_H
#define SWEEP_H
#include "source/family.h"
#include "source/tail.h"

struct ledger;
struct sweep_dirs;

enum { SWEEP_FINAL_AGE_S = 10 }; /* a renamed file is final when unchanged for so long */

struct sweep_counts {
	uint64_t files;     /* read */
	uint64_t unchanged; /* nothing new since the last sweep */
	uint64_t waiting;   /* too early: first line unfinished, or a copy under way */
	uint64_t unreadable;
	uint64_t gaps, possible_gaps;
};

struct sweep {
	struct tail tail;
	struct ledger *ledger;    /* never NULL; empty without state */
	bool stateful;            /* entries will be committed by somebody */
	bool rotated;             /* read rotated siblings */
	enum frame_format format; /* FRAME_AUTO: by content */
	int64_t now;              /* ns since the epoch */
	family_warn *warn;
	void (*note)(const char *subject, const char *what); /* decisions, with -v */
	void *arg;
	struct sweep_counts n;

	struct sweep_dirs *dirs; /* directories listed */
	struct stat_index *known;
	bool unsettled;
};

/* `tail` must be ready; the ledger is borrowed and used as scratch. */
int sweep_init(struct sweep *s, struct err *e);
void sweep_done(struct sweep *s);

/* All files of a family, oldest first.  0, or -1: the output failed. */
int sweep_family(struct sweep *s, struct family *f, struct err *e);

/* Retire what is gone.  `operands` are those that the families came from. */
int sweep_gone(struct sweep *s, char *const operands[], size_t n, struct err *e);

/* A stream that is not a file (standard input): raw or by its first line, without cursor. */
int sweep_stream(struct sweep *s, int fd, const char *name, struct err *e);

#endif
