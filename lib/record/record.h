/* record.h - what the programs look at in a record, found without a tree.
 *
 *     {"_src":{"file":F,"id":I,"gen":G,"end":N},"time":T,"stream":S,"log":L, ...}
 *
 * logtail writes its members in this order without blanks and the other programs keep it, so
 * a reader looks there first: it remembers the bytes of the last sources up to the value of
 * "end" and compares.  Any other order or spacing is found member by member, with the same
 * results (but that a second `_src` is not looked for behind logtail's own form).  A record of
 * `_src` alone is a progress mark (see record(5)).
 *
 * What was found at its known place has the right shape too, and record_shape() looks at the
 * rest of the line only.
 *
 * Slices point into the line, or into the reader for `src`, and live until the next call.
 */
#ifndef RECORD_H
#define RECORD_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct err;
struct ndjson_out;

enum {
	RECORD_SLOTS = 4,       /* sources remembered */
	RECORD_SRC_MAX = 16384, /* longest `_src` that is remembered */
};

struct src {
	struct str file; /* raw: between its quotes, escapes as they stand */
	struct str id;   /* raw */
	uint64_t gen, end;
};

struct record {
	struct str line;
	bool has_src, mark;
	unsigned slot; /* which of the reader's slots holds `src`; RECORD_SLOTS: none */
	bool fresh;    /* the slot has just been given to this source */
	struct src src;
	struct str src_raw; /* the value of `_src`, braces included */
	/* The members but `_src`, from the first one's quote to the closing brace.  When
	 * `_src` is not the first member, rest.p is NULL and the line must be cut up. */
	struct str rest;
	/* A place between members: what is before it is as logtail writes it, with no control
	 * byte, quote or escape where none may be.  NULL: nothing is known. */
	const char *sound;
	struct str time;   /* between its quotes; n = 0 when there is none */
	struct str stream; /* the same */
	const char
	    *log_at; /* first byte inside the string `log`; NULL when there is none */
	const char *log_key; /* the opening quote of "log" */
};

struct record_reader {
	struct {
		char *
		    prefix; /* a line of it; the first n bytes end before the digits of "end" */
		size_t n, cap;
		bool known_form; /* the prefix is as logtail writes it */
		struct src src;
		void *
		    user; /* the program's own, for this source; reset to NULL when fresh */
	} slot[RECORD_SLOTS];
	unsigned last, next;
	bool no_log; /* the reader does not ask for `log`: it need not be found */
};

void record_reader_init(struct record_reader *rr);
void record_reader_done(struct record_reader *rr);

/* Look at one line.  false: it is not an object, or `_src` is not as above; `r->line` alone
 * is set.  The shape of what was skipped over is not checked: see record_shape. */
bool record_read(struct record_reader *rr, struct str line, struct record *r);

/* Is the line one JSON object by its shape?  `flags`: SHAPE_* of the members but `_src`, see
 * kernels.h; may be NULL. */
bool record_shape(const struct record *r, unsigned *flags);

/* The end of the string that begins at r->log_at: its closing quote, or NULL. */
const char *record_log_end(const struct record *r);

/* Write a line that is not a record as one: {"log":"<the line>","_error":{"by":PROG,"why":WHY}}. */
void record_wrap(struct ndjson_out *o, const char *prog, const char *why, struct str line,
    uint64_t *replaced);

/* Write `r` with ,"_error":{...} put in at its end. */
void record_mark_bad(
    struct ndjson_out *o, const char *prog, const char *why, const struct record *r);

/* Write the line and its LF as they are. */
void record_pass(struct ndjson_out *o, const struct record *r);

#endif
