/* graft.h - what was parsed out of a record's message, put into that record.
 *
 *     {..., "stream":"stdout","log":"{\"level\":\"info\"}"}
 *     {..., "stream":"stdout","log_processed":{"level":"info"}}    in its place
 *     {..., "stream":"stdout","level":"info"}                      lifted (merge)
 *
 * All other bytes of the record stay as they were, and a record that no parser fits is
 * written as it came.  No key comes to stand twice:
 *
 *   - a record that has the key `into` already is written as it came
 *   - with `merge`, members go up together or not at all: if one has the name of a member
 *     of the record or of a field that records are made of (_src time stream log attrs
 *     kubernetes _error), if two have one name, if there are more than
 *     GRAFT_MERGE_MAX, or if there are none, the object goes under `into`
 *
 * Both are counted as clashes.  JSON that has a key twice in one object is left
 * in the message (but for keep_twice), counted as a duplicate; so are the names that stood twice in what
 * other parsers read, of which the last value counts.
 *
 * A time that a parser read takes the place of the record's `time`, as RFC 3339 in UTC; a
 * record without one gets it behind `_src`, or first.
 *
 *   Records with `_error` are not looked into. Lines
 * over NDJSON_LINE_MAX are not made: the record is written as it came.  No memory is
 * taken for a record once the buffers are large enough.  Not thread-safe.
 */
#ifndef GRAFT_H
#define GRAFT_H
#include "base/buf.h"
#include "base/str.h"
#include "parse/parser.h"
#include "record/record.h"
#include <stdbool.h>
#include <stdint.h>

struct err;
struct ndjson_out;

enum {
	GRAFT_KEY_MAX = 128,   /* bytes of `key` and `into` */
	GRAFT_MERGE_MAX = 256, /* members that can be lifted */
	GRAFT_SLOTS = 1024,    /* more than twice of it, and a power of two */
};

enum graft_keep {
	KEEP_AUTO, /* the message is dropped when all of it lives on in what was parsed */
	KEEP_YES,
	KEEP_NO,
};

enum grafted {
	GRAFT_WRITTEN, /* with fields or as it came: see the counts */
	GRAFT_BAD,     /* the line is not one JSON object; nothing was written */
	GRAFT_FAILED,  /* a parser gave up: `why`; nothing was written */
	GRAFT_UNFIT,   /* `must_fit`, and no parser fits; nothing was written */
};

struct graft {
	struct str key, into; /* unescaped */
	bool merge, must_fit, keep_twice;
	enum graft_keep keep;
	/* Each record written is in one of the first two; clashes are in either. */
	uint64_t with, without, clashes;
	uint64_t times, times_unread; /* taken from messages; not understood there */
	uint64_t times_ambiguous;     /* of times: clocks showed it twice, or never */
	uint64_t times_range;         /* of times_unread: outside of what int64 ns hold */
	uint64_t times_far;           /* of times_unread: too far from the record's */
	uint64_t duplicates;
	/* Called with what was parsed before it is written; NULL: not. */
	void (*look)(struct parsed *got, void *arg);
	void *look_arg;

	struct buf lead;    /* "into": */
	struct buf scratch; /* the unescaped message */
	struct buf names;   /* unescaped keys, under merge */
	struct parsed parsed;
	uint32_t round;
	struct graft_slot {
		uint32_t round; /* when it was last taken; UINT32_MAX: always */
		struct str name;
	} slot[GRAFT_SLOTS];
};

/* `key` and `into` are kept.  -1 (ST_USAGE): `into` is the key or a field that records
 * are made of, either is empty or too long, or `into` is not UTF-8; (ST_FAIL): out of
 * memory. */
int graft_init(struct graft *g, const char *key, const char *into, struct err *e);
void graft_done(struct graft *g);

/* Write `r` to `o` with what the first fitting parser of the `n` in `chain` finds. */
enum grafted graft_record(struct graft *g, struct parser *const *chain, size_t n,
    const struct record *r, struct ndjson_out *o, const char **why);
#endif
