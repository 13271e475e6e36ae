/* delivery.h - what became of one order: its body put under its key, or why not.
 *
 * With a ledger, each is claimed before it is done.
 *
 * A body that is not there: another s3put may have taken it (with a ledger, its entry is
 * gone too), or it was delivered and only the ledger does not know yet (the object is
 * there with the hash); else the order has failed.
 *
 * An object under DELIVERY_MANIFESTS tells readers what is complete: it waits for all before
 * it.  Of two orders of one key the second waits for the first.
 */
#ifndef DELIVERY_H
#define DELIVERY_H
#include "base/err.h"
#include "s3/order.h"
#include "s3/store.h"

struct crew;
struct ledger_claims;

#define DELIVERY_MANIFESTS "_manifests/"

enum outcome {
	OUTCOME_NONE, /* to be done */
	OUTCOME_STORED,
	OUTCOME_PRESENT, /* the same bytes were there */
	OUTCOME_GONE,    /* another delivered it */
	OUTCOME_FAILED,  /* see err */
	OUTCOME_DRY,     /* would be put */
};

struct delivery {
	struct order order;
	int fd;    /* the body, when it is open already; -1: order.path is opened */
	bool pipe; /* fd can be read only once, from where it stands to its end */
	enum outcome outcome;
	struct store_result result;
	struct err err;
	int64_t ns; /* how long it took */
};

/* A manifest is believed no further than the ledger of `state`: its path must be that of the
 * body in the outbox that is listed under its key, and what is listed of that goes into the
 * order.  Else the delivery has failed, or, listed no more, is gone.  For one thread. */
void delivery_claim(struct delivery *d, const char *state, struct ledger_claims *claims);

/* Do it, unless it has an outcome.  `state`: NULL, or the directory of the ledger, by which
 * it has been claimed. */
void delivery_do(struct delivery *d, struct store *st, const char *state, bool dry,
    const volatile sig_atomic_t *stop);

/* "stored", "present", ... */
const char *delivery_word(enum outcome outcome);

/* Bytes of the file that an order names; STORE_ANY_SIZE: it is none. */
uint64_t delivery_size(const struct order *m);

/* Is it one of those objects? */
bool delivery_tells_complete(const struct order *m);

/* How many of the oldest jobs of the crew, all deliveries, this order must wait for. */
size_t delivery_waits_for(const struct order *m, const struct crew *crew);

#endif
