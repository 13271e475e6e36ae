/* claim.h - a file takes its entries in the ledger for this run, and leaves them moved on.
 *
 * Within a run the ledger in memory is the one place that knows what was met, so that no
 * other file is taken for this one, and a later copy goes on from where it was read to.
 */
#ifndef CLAIM_H
#define CLAIM_H
#include "base/str.h"
#include <stdint.h>

struct err;
struct identity;
struct ledger;
struct tail_file;

/* Claim the ids of a file, under the name `f->src_file`, and take over its cursors; NULs at
 * its beginning are behind them.  `path` is where it is, in the directory `in` that lives on
 * (NULL: `path` is whole); "" for what has none.  *hole: bytes of NULs that are passed over
 * by this.  0; 1: it is a new log, and the ledger has no room for those (ST_ASIDE); -1. */
int claim_ids(struct ledger *l, const struct identity *id, struct tail_file *f,
    const char *in, struct str path, uint64_t *hole, struct err *e);

/* It was read as far as `t` says, at `now`.  0, or -1: out of memory. */
int claim_remember(
    struct ledger *l, const struct identity *id, const struct tail_file *t, int64_t now);

#endif
