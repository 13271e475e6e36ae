/* format.h - the text of a ledger; within lib/ledger only.  ledger(5) is its description. */
#ifndef LEDGER_FORMAT_H
#define LEDGER_FORMAT_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct ledger;
struct ledger_totals;

void ledger_render(const struct ledger *l, struct buf *b);

/* The members of "totals", without its braces; and back. */
void ledger_totals_render(const struct ledger_totals *t, struct buf *b);
void ledger_totals_parse(struct ledger_totals *t, struct str object);

/* NULL: not a ledger, another version, or damaged; `name` is for the message.  Of
 * a file no more than a chunk and its longest line are in memory at a time; `batches` false:
 * those are passed over, and not looked at but for the checksum of the whole. */
struct ledger *ledger_parse(struct str text, const char *name, struct err *e);
struct ledger *ledger_read(int fd, bool batches, const char *name, struct err *e);
/* The same, only to see whether it could be read.  0, or -1. */
int ledger_check(struct str text, const char *name, struct err *e);

/* The first line as it has to be, at the beginning of `text`.  0, or -1. */
int ledger_check_head(struct str text, struct err *e);

/* What jscan_valid has passed: members of the whole; an element of "files", of "batches".
 * `l` NULL: only look whether they are good. */
int ledger_take_members(struct ledger *l, struct str object, struct err *e);
int ledger_take_entry(struct ledger *l, struct str object, struct err *e);
int ledger_take_batch(struct ledger *l, struct str object, struct err *e);

/* Was it written by a version of logsweep that this one does not know? */
bool ledger_is_newer(struct str text);

/* The generation that the beginning of a ledger names, unchecked; false: it does not. */
bool ledger_peek_gen(struct str text, uint64_t *gen);

enum { LEDGER_PEEK = 192 }; /* bytes that ledger_peek_gen needs */

#endif
