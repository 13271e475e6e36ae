/* dropped.h - progress marks in place of records that a filter leaves out on purpose.
 *
 * The last record left out of each `id` is remembered; a mark is written for it when its time
 * has come, unless a later mark or record of that `id` has passed by then, which says the
 * same.  A file that is left out whole so costs the mark that ends it, and no more.
 */
#ifndef DROPPED_H
#define DROPPED_H
#include "base/buf.h"

struct ndjson_out;
struct record;

enum { DROPPED_MAX = 64 }; /* ids remembered; the mark of the oldest is written then */

struct dropped {
	struct {
		struct buf src;  /* the value of `_src`; n = 0: free */
		size_t id, id_n; /* where in it the id stands */
	} slot[DROPPED_MAX];
	unsigned used, last, next;
};

void dropped_done(struct dropped *d); /* begins as zeros */

/* `r` is left out.  Writes to `o` when there is no room to remember it. */
void dropped_add(struct dropped *d, const struct record *r, struct ndjson_out *o);

/* `r`, a mark or a record, is passed on. */
void dropped_passed(struct dropped *d, const struct record *r);

/* Write the marks that are still due. */
void dropped_flush(struct dropped *d, struct ndjson_out *o);

#endif
