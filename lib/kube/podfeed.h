/* podfeed.h - from what sources tell to the table of pods, once or for as long as a run lasts.
 *
 *     LIST   /api/v1/pods?fieldSelector=spec.nodeName=NODE   one a sweep, from the API
 *            server's memory (resourceVersion=0), in pages; of a kubelet /pods
 *     WATCH  the same from where the list ended: what is changed, made and deleted.  When a
 *            watch has ended it goes on from the last version seen; after 410 it lists again.
 *            A kubelet has no watch: it is asked again while there are files of pods that
 *            are not known, at most every PODFEED_AGAIN_S seconds
 *     a file what `kubectl get pods -A -o json` wrote, also NDJSON of pods
 *
 * A deleted pod stays in the table: its last lines are still to come.
 * Source: kubernetes.io/docs/reference/using-api/api-concepts ("Efficient detection of changes").
 */
#ifndef PODFEED_H
#define PODFEED_H
#include "base/str.h"
#include "kube/apiserver.h"
#include "kube/objects.h"
#include "kube/pod.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct podtable;

enum {
	PODFEED_WATCH_S =
	    290, /* a watch is asked to end after this, and is begun again */
	PODFEED_NODE_MAX = 253,
	PODFEED_AGAIN_S = 10,    /* between questions to a kubelet */
	PODFEED_WAIT_MAX_S = 60, /* between tries when a server is away */
};

struct podfeed {
	struct podtable *table;
	const struct pod_keep *wanted; /* lists of labels and annotations */
	const char *node;              /* NULL: pods of all nodes */
	bool namespaces;               /* ask for their labels, too */
	int64_t now_s;                 /* written to what is put into the table */
	uint64_t pods;                 /* put into the table */
	uint64_t taken;                /* the same, and namespaces */
	uint64_t left_out;             /* pod_keep.left_out */

	/* private */
	struct pod_keep *keep;
	struct buf line;
	char version[64]; /* to watch from */
};

/* `f` begins as zeros but for what is named above.  -1: out of memory. */
int podfeed_init(struct podfeed *f, struct err *e);
void podfeed_done(struct podfeed *f);

/* One object of any kind (an item of a PodList has no kind of its own), for objects.h: items,
 * single objects and events of a watch are taken, what is no pod or namespace is passed over.
 * -1: the table is full. */
int podfeed_item(void *feed, struct str object, struct err *e);
int podfeed_whole(void *feed, struct str object, bool list, struct err *e);

/* LIST, of a kubelet or an API server.  -1: `e` says why not; what came is in the table. */
int podfeed_list(struct podfeed *f, struct apiserver *a, bool kubelet, int64_t until_ns,
    struct err *e);

/* The node that the pod runs on whose name is `pod`, in the namespace of `a`; "" when it is
 * not there, or may not be asked for.  Costs a request: whoever knows it says so. */
void podfeed_own_node(struct apiserver *a, const char *pod, int64_t until_ns,
    char node[PODFEED_NODE_MAX + 1]);

/* A thread that keeps the table fresh. */
struct podwatch; /* opaque */

struct podwatch_options {
	struct apiserver
	    *server; /* the thread's own from now on; NULL: none, but the cache */
	bool kubelet;
	int64_t after_ns;      /* how long to wait before it begins */
	const char *cache_dir; /* saved once a minute; NULL: none */
	volatile sig_atomic_t
	    *stop; /* set by podwatch_stop; the server was opened with it */
};

/* `f` is the thread's from now on.  NULL: no thread. */
struct podwatch *podwatch_start(
    struct podfeed *f, const struct podwatch_options *o, struct err *e);

/* A file of a pod that is not known has turned up.  Cheap. */
void podwatch_missed(struct podwatch *w);

/* End it (within about a second) and free it, not what it was given.  0, or -1: it had not
 * been able to keep the table fresh at the end, as `e` says. */
int podwatch_stop(struct podwatch *w, struct err *e);

#endif
