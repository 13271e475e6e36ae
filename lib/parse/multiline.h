/* multiline.h - the lines of a stack trace become one record.
 *
 * Lines are joined per `_src.id`, which names file and stream, so that streams which are
 * mixed with each other are not; records without `_src` per value of `stream`.  The first
 * rules (mlrules.h) in whose start_state a line fits take it; if the next line is none of theirs,
 * the first of the others that both fit.  A record that is one line is
 * written byte for byte as it came.  A record with `_error` or `_part`, or with another
 * member than the first line of the group has (mlgroup.h), ends the group and stands alone.
 *
 * What is held back (record(5), "Rules for a program in the pipe").  A group is open as long
 * as the next line might belong to it.  A mark that comes for its id then does not pass: it
 * would say that the lines in hand are dealt with.  In its place goes the same mark with
 * `end` where the group begins, which closes what came before, so that nothing else has to
 * wait for the group.  The mark itself follows the group, or is left out when more lines are
 * joined.  A group is written
 *
 *   - when a line comes for its id that does not belong to it, or the rules say it is at its end
 *   - at a mark that says `final` or `gone`: nothing more can come
 *   - when `wait_ns` is not 0 and its file is read to its end (the closing mark came), and
 *     its last line is that old by its own time or came so long ago
 *   - without `_src`, which nobody can read again: at the end of the input, or when nothing
 *     came for `wait_ns`, or if that is 0 for the flush_timeout of its rules
 *   - at the end of the input if marks never came for its id (a filter drops them), or if
 *     a piece of it is written already
 *   - early, and counted so, when there are over MULTILINE_OPEN of them, or over
 *     MULTILINE_MEMORY bytes: the oldest
 *
 * Any other that is open at the end of the input is dropped, with its marks: nothing said
 * that it was dealt with, so the next sweep reads it again, whole.  A line that comes after
 * its group was written begins or is a record of its own: each line is in one record.
 *
 * A group of `lines_max` lines, or one that would become longer than `bytes_max`, is cut: what
 * is in hand is written as a piece, marked `_part`, and the rest goes on as the next.  A
 * line longer than that begins none.  No memory is taken for a record once there is enough.
 * Not thread-safe.
 */
#ifndef MULTILINE_H
#define MULTILINE_H
#include "parse/mlgroup.h"
#include "parse/mlrules.h"
#include "parse/mlsource.h"
#include "record/record.h"

struct err;
struct ndjson_out;

enum {
	MULTILINE_NAMES = 32,          /* sets of rules in use */
	MULTILINE_LINES = 1000,        /* of one group */
	MULTILINE_BYTES = 1 << 20,     /* the same, as they stand in the record */
	MULTILINE_BYTES_MAX = 4 << 20, /* the most that can be asked for */
	MULTILINE_MEMORY = 8 << 20,    /* bytes of all open groups */
	MULTILINE_OPEN = 16384,
};

struct multiline_counts {
	uint64_t groups;   /* written of more than one line, pieces too */
	uint64_t cut;      /* pieces cut off */
	uint64_t early;    /* groups written early, for want of room */
	uint64_t given_up; /* lines on which a pattern took too many steps */
};

struct multiline {
	/* Set by the caller after multiline_init. */
	struct mlrules *rules[MULTILINE_NAMES];
	size_t n;
	struct str key; /* the message, unescaped ("log") */
	uint64_t lines_max, bytes_max;
	int64_t wait_ns;        /* 0: for ever */
	struct ndjson_out *out; /* where marks go */
	struct record_reader
	    *from;               /* that read the records and marks: its `user` is used;
				     * may be NULL */
	int64_t (*now)(void);    /* the time of day; clock_now */
	int64_t (*steady)(void); /* clock_steady */
	/* A record of `lines` lines; it lives until the call returns. */
	void (*emit)(void *arg, const struct record *r, unsigned lines);
	void *arg;
	struct multiline_counts counts;

	struct record_reader reader; /* for what is emitted */
	struct buf joined, plain;
	struct mltext {
		struct str raw;   /* between its quotes; p = NULL: there is none */
		struct str plain; /* unescaped */
	} usual;                  /* the message of the record in hand, if `looked` for */
	bool looked;
	struct mlsources sources;
	struct mlgroup *oldest, *newest, *spare;
	size_t open, spares, memory;
};

void multiline_init(struct multiline *m);
void multiline_done(struct multiline *m); /* frees the rules, too */

struct conf;

/* Use these rules behind those in use: names with commas between, looked for in `conf` (may
 * be NULL) and then among the built-in ones.  -1 (ST_USAGE): there are none of that name, or
 * they are wrong, or over MULTILINE_NAMES. */
int multiline_use(
    struct multiline *m, const char *names, const struct conf *conf, struct err *e);

/* -1 (ST_USAGE): 0, or too large. */
int multiline_limits(struct multiline *m, uint64_t lines, uint64_t bytes, struct err *e);

enum multiline_did {
	MULTILINE_PASS, /* not part of a group: the caller writes it */
	MULTILINE_HELD, /* it will be emitted, or is dropped at the end */
};

/* A record; first emits what it ends. */
enum multiline_did multiline_record(struct multiline *m, const struct record *r);

/* A mark: written to m->out, as it is or as said above. */
void multiline_mark(struct multiline *m, const struct record *r);

/* Emit what has waited long enough.  `quiet`: the input has had nothing for a while; else
 * only groups at whose file's end the marks say we are. */
void multiline_idle(struct multiline *m, bool quiet);

/* The end of the input. */
void multiline_finish(struct multiline *m);
#endif
