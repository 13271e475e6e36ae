/* format.h - the text of a ledger; within lib/ledger only.  ledger(5) is its description. */
#ifndef LEDGER_FORMAT_H
#define LEDGER_FORMAT_H
#include "base/str.h"

struct buf;
struct err;
struct ledger;

void ledger_render(const struct ledger *l, struct buf *b);

/* NULL: not a ledger, another version, or damaged; `name` is for the message. */
struct ledger *ledger_parse(struct str text, const char *name, struct err *e);

#endif
