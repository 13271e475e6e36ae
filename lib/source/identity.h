/* identity.h - which file is it: by content, never by name or inode alone.
 *
 * A file's id is a hash of its first line (with its end; at most its first KiB), so it
 * does not change when the file grows, is renamed, compressed, copied and truncated.  Two
 * files with equal first lines are told apart by the window: a hash of the
 * IDENTITY_WINDOW bytes before some offset that was read up to earlier.  The second of
 * them is numbered: HASH.1.
 *
 * Docker and CRI files have a cursor a stream, ids HASH/o and HASH/e; raw ones a single
 * one.
 */
#ifndef IDENTITY_H
#define IDENTITY_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct err;
struct reader;
struct ledger;
struct ledger_entry;

enum {
	IDENTITY_FIRST = 1024,
	IDENTITY_WINDOW = 1024,
	IDENTITY_ID_MAX = 40,
	IDENTITY_LIKE_MAX =
	    8192, /* entries of one first line that a member is looked for among */
};

struct identity {
	uint64_t hole; /* NULs that the file begins with: left by copytruncate
	                             * under a writer that does not append; not read */
	char first[IDENTITY_FIRST]; /* the beginning of the file, after them */
	size_t first_n;             /* bytes of it: all there are, up to the limit */
	size_t line_n;   /* the first line with its LF, or first_n when it is longer */
	bool unfinished; /* the first line has no end yet: too early to say */
	uint64_t inode;  /* a hint, set by the caller; 0: none */
	char hash[17];
	char id[IDENTITY_ID_MAX]; /* without stream */

	/* the window looked at last, so that a .gz need not be gone through again for it
	 */
	char window[IDENTITY_WINDOW];
	size_t window_n;
	uint64_t window_at;
};

/* Read the beginning.  `final`: a first line without end is all there will be.  1; 0: the
 * file is empty; -1. */
int identity_read(
    struct reader *r, bool final, struct identity *id, const char *name, struct err *e);

/* The window before offset `at`, into id->window, and its hash.  1, and the reader is at
 * `at`; 0: the file is shorter than that; -1. */
int identity_window(struct identity *id, struct reader *r, uint64_t at, uint64_t *sum,
    const char *name, struct err *e);

/* Go from *hole on to the next byte that is not NUL, past holes without reading them.  1; 0:
 * there is none up to the end, where *hole is then; -1. */
int identity_past_nuls(struct reader *r, uint64_t *hole, const char *name, struct err *e);

/* The same of bytes in memory: the last ones before the offset, as many as the window has
 * or as there are in the file. */
uint64_t identity_sum(const char *p, size_t n);

/* Find the file among the entries with its first line, of those not met before in this
 * run whose window fits: the one of this inode, else of this `file`, if `raw` (lines
 * without times may be equal by chance); the one read furthest; the one of this `file`.
 * Fills id->id, with a new number if none fits.  1: known; 0: new; -1. */
int identity_match(struct identity *id, const struct ledger *l, struct reader *r,
    bool raw, struct str file, const char *name, struct err *e);

enum identity_found {
	IDENTITY_FAILED = -1,
	IDENTITY_NEW,
	IDENTITY_KNOWN,
	IDENTITY_STUB, /* it ends before what is archived of its log */
	IDENTITY_PENDING, /* a file that begins alike is met and not read yet: ask again then */
};

/* The same for what can be read forward only (a member of an archive), in one pass: the
 * entries' windows are looked at in the order of their offsets, up to the furthest.  The
 * reader then stands where the last of them was, perhaps behind the cursor; whoever wants to
 * read from there has to begin the archive anew.
 *
 * Lines with times make equal content the same log, so that entries met before in this run
 * count too: what a copy has more is read on, under the same id.  `raw` files met before are
 * others, but for X beside X.gz, and for `twin`, the name that it is a link to (n = 0: none).
 * An entry whose `path` is "" is of a member that is decided
 * upon and not read yet. */
enum identity_found identity_match_forward(struct identity *id, const struct ledger *l,
    struct reader *r, bool raw, struct str file, struct str twin, const char *name,
    struct err *e);

#endif
