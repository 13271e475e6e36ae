/* objects.h - Kubernetes objects out of JSON that comes in pieces.
 *
 * Taken are, one after another and with or without line ends between them,
 *
 *     {"kind":"PodList", ... ,"items":[{...},{...}]}    what an API server, a kubelet and
 *                                                       `kubectl get -o json` answer
 *     {"kind":"Pod", ...}                               single objects, NDJSON of them
 *     {"type":"ADDED","object":{...}}                   the events of a watch
 *
 * Items are given out one at a time as soon as each is whole, so memory is that of the largest
 * one.  What surrounds them is given out at the end of its object, with "items" empty; so is
 * an object that has no items.  Both are whole, valid JSON (jscan_valid).  Source: RFC 8259;
 * kubernetes.io/docs/reference/using-api/api-concepts ("Collections").
 */
#ifndef OBJECTS_H
#define OBJECTS_H
#include "base/buf.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
	OBJECTS_ITEM_MAX = 4 << 20, /* bytes of an item, or of what surrounds the items */
};

struct objects {
	/* An item.  -1 (with `e`) ends it all. */
	int (*item)(void *user, struct str object, struct err *e);
	/* An object of the top level; `list`: it had items. */
	int (*whole)(void *user, struct str object, bool list, struct err *e);
	void *user;
	uint64_t too_large; /* items and objects over the ceiling, passed over */
	uint64_t given;     /* calls of `item` and `whole` */

	/* private */
	struct buf text[2]; /* of the object of the top level; of the item */
	uint64_t at;        /* bytes seen */
	size_t depth;
	size_t key_at; /* where in text[0] the last key of the top level begins */
	bool in_string, escaped, is_key, want_key, at_items, in_items, list;
};

void objects_init(struct objects *o);
void objects_done(struct objects *o);

/* The next bytes.  -1: they are not such JSON (ST_FAIL), or a callback said so. */
int objects_feed(struct objects *o, const char *p, size_t n, struct err *e);

/* There are no more.  -1: the last object is not whole. */
int objects_end(struct objects *o, struct err *e);

#endif
