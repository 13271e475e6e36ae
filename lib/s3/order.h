/* order.h - what to put where: a manifest line as s3put takes it.
 *
 *     {"key":"year=2026/…/n-1.ndjson.gz","path":"S/outbox/….gz","sha256":HEX,"bytes":N,...}
 *
 * key and path are needed; sha256 and bytes are checked against the body when they are
 * given; other members are not looked at, so find, jq or kcat can write such lines.
 */
#ifndef ORDER_H
#define ORDER_H
#include "base/str.h"
#include <stddef.h>
#include <stdint.h>

struct order {
	char *path,
	    *key; /* on the heap; path holds no NUL, a key may (and is then refused) */
	size_t key_n;
	char sha256[65]; /* in lower case; "" when not given */
	uint64_t bytes;  /* STORE_ANY_SIZE when not given */
};

/* NULL: good; else what is wrong with the line.  order_done either way. */
const char *order_read(struct str line, struct order *m);

/* What the ledger's manifest of that key says of the body goes into the order.  NULL; else what
 * the order says otherwise. */
const char *order_agrees(struct order *m, struct str manifest);
void order_done(struct order *m);

#endif
