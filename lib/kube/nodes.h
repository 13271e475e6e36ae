/* nodes.h - the nodes of a cluster, and which of them are dead.
 *
 * Of a Node object are read metadata.name, metadata.deletionTimestamp and, of
 * status.conditions, the one of type Ready: its status "True", "False" (the kubelet says so)
 * or "Unknown" (the kubelet is not heard of any more), and since when. A node without that
 * condition is new and counts as Unknown since the beginning of time.
 *
 * Source: kubernetes.io/docs/reference/node/node-status; answers of 1.32 and 1.34 servers.
 */
#ifndef NODES_H
#define NODES_H
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
	NODES_MAX = 50000,    /* nodes of one list */
	NODES_NAME_MAX = 253, /* bytes of a name: a DNS subdomain */
};

struct node {
	char *name;
	char ready[8];    /* "True", "False" or "Unknown" */
	int64_t since_ns; /* of `ready`; INT64_MIN: not told */
	bool leaving;     /* is being deleted */
};

struct nodes {
	struct node *item;
	size_t n, room;
	size_t unusable; /* items that were none */
};

void nodes_init(struct nodes *ns);
void nodes_done(struct nodes *ns);
void nodes_clear(struct nodes *ns); /* a list begins anew */

/* One Node object more, as the API server's list has it: 0; 1 (with `e`): it is not one, or its
 * name is no node's, and it is left out; or -1 (ST_FAIL): there are too many. */
int nodes_add(struct nodes *ns, struct str object, struct err *e);

/* Not ready for longer than `patience_ns` at the time `now_ns`. */
bool node_dead(const struct node *n, int64_t now_ns, int64_t patience_ns);

#endif
