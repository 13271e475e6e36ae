/* trial.h - the workbench: how well do parsers fit some messages, and where do they stop?
 *
 *     2 of 3 messages fit (66.6 %)
 *     nginx: 2
 *
 *     <stdin>:1: fits nginx
 *         remote  10.0.0.1
 *         ...
 *       time: 2026-11-22T13:00:00Z
 *
 *     <stdin>:3: nginx: does not fit from here
 *         10.0.0.1 - - [22/Nov/2026:13:00:00 +0000 "GET / HTTP/1.1" 200 5
 *                                                                 ^
 *
 * The fields are those of the first message that fits, and the time that was read in it; how
 * many times were not understood is told too, with the first of them.  Up to TRIAL_TOLD that fit none are
 * shown, with the parser that came furthest.  A pattern's own end counts as fitting, so
 * the place is where the text stopped being the start of something that fits.
 */
#ifndef TRIAL_H
#define TRIAL_H
#include "base/buf.h"
#include "parse/parser.h"
#include <stdint.h>

struct err;

enum { TRIAL_TOLD = 5 };

struct trial {
	struct parser *const *chain;
	size_t n;
	uint64_t seen, fit, unread;
	uint64_t *by; /* how many fitted each of the chain */
	struct buf text, raw, place, scratch;
	struct buf first, untimed, misfits; /* what the report will say of them */
	unsigned told;
	struct parsed parsed;
};

/* `chain` is kept.  -1 (ST_FAIL): out of memory. */
int trial_init(struct trial *t, struct parser *const *chain, size_t n, struct err *e);
void trial_done(struct trial *t);

/* One line: of a record, the message under `key`; of any other text, the line as it is;
 * progress marks have none and are passed over.
 * `name` and `line_no` say where it is from. */
void trial_line(
    struct trial *t, struct str key, struct str line, const char *name, uint64_t line_no);

/* The report as above, appended to `out`. */
void trial_report(const struct trial *t, struct buf *out);
#endif
