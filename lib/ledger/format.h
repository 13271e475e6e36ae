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

/* NULL: not a ledger, another version, or damaged; `name` is for the message. */
struct ledger *ledger_parse(struct str text, const char *name, struct err *e);

/* Was it written by a version of logsweep that this one does not know? */
bool ledger_is_newer(struct str text);

/* The generation that the beginning of a ledger names, unchecked; false: it does not. */
bool ledger_peek_gen(struct str text, uint64_t *gen);

enum { LEDGER_PEEK = 192 }; /* bytes that ledger_peek_gen needs */

#endif
