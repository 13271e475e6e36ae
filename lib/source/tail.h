/* tail.h - one log file becomes records: frames, joins, positions, marks.
 *
 * What is written for a file, in order:
 *
 *   - an opening mark for each id (stream), at its cursor
 *   - records, `end` rising within each id; a split line is one record, its time that of
 * its first part
 *   - about every TAIL_MARK_EVERY bytes, and at the end, marks that carry the window's
 * hash
 *     (`at`, `sum`); the closing ones also `size`, `stat`, `dir`, and `final` when
 * nothing more can come
 *
 * A hole of a MiB and more (lseek(2)) with something behind it ends a line, and is not read.
 *
 * Held back, and so read again by the next sweep: a last line without LF and a split line
 * whose last part is missing, unless the file is final.  A file whose beginning changes
 * or that shrinks while it is read (copytruncate) is left to the next sweep from the last
 * good block on.  Joined lines over max_line, and physical ones some 64 KiB longer, come
 * in pieces marked "_part":{"n":K,"last":BOOL}, never cut through a character.  A line
 * that is not of its file's format counts to stdout, or to stderr while a split line of
 * stdout is open.
 */
#ifndef TAIL_H
#define TAIL_H
#include "base/buf.h"
#include "record/ndjson.h"
#include "record/timestamp.h"
#include "source/frame.h"
#include "source/identity.h"
#include <signal.h>

struct reader;

enum {
	TAIL_MARK_EVERY = 256 << 10,
	TAIL_LINE = 1 << 20, /* max_line, if nobody says otherwise */
	/* a line of the file may be longer than a message: its frame, and Docker's escapes of 16 KiB */
	TAIL_LINE_EXTRA = 64 << 10,
};

struct tail_counts {
	uint64_t lines;    /* physical lines dealt with */
	uint64_t records;  /* written whole */
	uint64_t filtered; /* before `since` */
	uint64_t rejected; /* written as _error records */
	uint64_t joined;   /* lines that became part of the record of another */
	uint64_t bytes;    /* of those lines */
	uint64_t held;     /* lines held back at the end */
	uint64_t replaced; /* U+FFFD put in for what was not UTF-8 */
	uint64_t changed;  /* files that changed under the reader */
	uint64_t marks;
};

/* What is set once for a run. */
struct tail {
	struct ndjson_out *out;
	uint64_t max_line;
	struct tail_counts n;
	char first_time[TIMESTAMP_MAX],
	    last_time[TIMESTAMP_MAX]; /* of those that end in Z */
	int64_t first_ns, last_ns;    /* of those of other zones, if `zoned` */
	bool zoned;
	/* Records before `since` are left out, as dealt with; a file is read no further than
	 * its first record at or after `until`.  By the runtime's times; INT64_MIN: no limit. */
	int64_t since, until;
	const volatile sig_atomic_t *stop; /* not 0: end at the next block; may be NULL */
	void (*tick)(void *arg);           /* called with each block; may be NULL */
	void *tick_arg;
	char *block; /* see tail.c */
	size_t block_cap;
	struct buf part[2];  /* of a split line, per stream */
	struct buf attrs[2]; /* its attrs: those of its first part */
};

/* One file to read. */
struct tail_file {
	const char *name; /* for messages */
	struct reader *reader;
	int fd;      /* for looking again: size and beginning */
	bool packed; /* never rewritten in place: compressed, or a member of an archive */
	const struct identity *id;
	enum frame_format format;
	struct str src_file; /* raw JSON text */
	struct str dir;      /* raw JSON text */
	const char *stat;    /* for the closing marks */
	uint64_t gen;
	uint64_t cursor[2]; /* per stream; raw: [0]; moved by tail_read */
	uint64_t at, sum;   /* set by tail_read: the window at its end */
	uint64_t holes;     /* bytes of large holes that tail_read passed over */
	uint64_t limit;     /* plain: read no further than this size */
	bool live;          /* it is being written under its own name */
	bool final;         /* nothing more can come */
	bool positions; /* false: a stream that cannot be read again; no `_src`, no marks
			 */
};

int tail_init(struct tail *t, struct ndjson_out *out, uint64_t max_line, struct err *e);
void tail_done(struct tail *t);

/* Read one file from its cursors on.  0; 1: it could not be read to its end, `e` says
 * why, and what was read is whole and marked; -1: the output failed. */
int tail_read(struct tail *t, struct tail_file *f, struct err *e);

#endif
