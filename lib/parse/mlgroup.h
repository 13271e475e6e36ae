/* mlgroup.h - records that become one: the first as it stands, and the messages of the rest.
 *
 * The record that comes out is the first one's line, byte for byte, but for two things: its
 * message goes on with a line feed (\n) and the message of each line joined, escapes as they
 * stand, and `end` in its `_src` is that of the last.  A record can be joined if all else in
 * it is the same as in the first, byte for byte, but for `_src`, the value of `time` and what
 * the rules look at; so nothing else is left out.
 *
 * A piece of a message that was cut has "_part":{"n":N,"last":BOOL} at its end, as logtail
 * writes it, and all but the last piece end with the line feed (record(5)).
 */
#ifndef MLGROUP_H
#define MLGROUP_H
#include "base/buf.h"
#include "record/record.h"

struct mlrules;
struct mlsource;

enum { MLGROUP_SPANS = 4 };

/* What was found in a record, each between its quotes: the message, and the string that the
 * rules look at, which may be the same. */
struct mlfound {
	struct str log, tested;
};

struct mlgroup {
	struct mlrules *by;
	unsigned state;
	unsigned lines;  /* in this piece; 0: it has not begun */
	unsigned piece;  /* from 1, of a message that was cut; 0: of one that was not */
	bool glue;       /* lines are joined without a line feed */
	struct buf text; /* the first line, then what is joined */
	size_t line_n,
	    log_end;          /* of the first line: its length, where its message ends */
	size_t end_at, end_n; /* the digits of `end`; end_n 0: it has none */
	uint64_t end;         /* that of the last line */
	struct span {
		size_t at, n;
	} cut[MLGROUP_SPANS]; /* what may differ, by place: see mlgroup_like */

	char time[64]; /* of the last line, for the time it may wait */
	size_t time_n;
	int64_t touched; /* when the last line came, by clock_steady(); 0: not asked */
	struct buf mark; /* the last mark that came after the last line; n = 0: none */
	uint64_t mark_end;
	bool closing; /* it is the end of the file as it was seen */

	struct mlsource *source;
	struct mlgroup *older, *newer; /* open ones */
};

/* Begin a piece with `r`.  false: out of memory. */
bool mlgroup_begin(struct mlgroup *g, const struct record *r, const struct mlfound *f);

/* Can `r` be joined to it: is all but the values of _src and time and what was found the
 * same? */
bool mlgroup_like(
    const struct mlgroup *g, const struct record *r, const struct mlfound *f);

/* Join it.  false: out of memory. */
bool mlgroup_add(struct mlgroup *g, const struct record *r, const struct mlfound *f);

/* Bytes of the message so far. */
size_t mlgroup_bytes(const struct mlgroup *g);

/* Bytes of memory in use. */
size_t mlgroup_memory(const struct mlgroup *g);

/* Write the record without its LF to `out`, as a piece if g->piece > 0.  `last`: the last
 * piece. */
void mlgroup_put(const struct mlgroup *g, bool last, struct buf *out);

/* Write a mark with another `end`, and its LF. */
void mlgroup_put_mark(const struct record *mark, uint64_t end, struct ndjson_out *o);

/* Is a member of the mark's `_src` there and, if `value` is not NULL, this? */
bool mlgroup_mark_says(const struct record *mark, struct str key, const char *value);
#endif
