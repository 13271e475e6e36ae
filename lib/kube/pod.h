/* pod.h - what is kept of a pod or a namespace: a line of JSON.
 *
 *     {"uid":"3b54...","name":"web-0","namespace":"shop","created":"2026-11-22T13:51:27Z",
 *      "hash":"5f8a...","node":"node-7","ip":"10.0.0.9","labels":{...},"annotations":{...},
 *      "owners":[...],"containers":[{"name":"app","image":"...","hash":"...","id":"<64 hex>",
 *      "last":"<64 hex>","restarts":3}]}
 *     {"namespace":"shop","labels":{...}}
 *
 * `hash` is that of a static pod's manifest (kubernetes.io/config.hash): the kubelet and the
 * directory of its logs know the pod by it, the API server's mirror pod has a uid of its own.
 * `id` is the container that runs or ran last, `last` the one before it.  Of labels and
 * annotations only those wanted are kept, and those of fluentbit.io, which say what to do; texts
 * stay as they were, escapes too.  What is not known is left out.
 *
 * Such a line is what is in memory and what is in the cache, and is read again when a file of
 * the pod turns up.  Source: kubernetes.io/docs/reference/kubernetes-api (Pod, Namespace).
 */
#ifndef POD_H
#define POD_H
#include "base/str.h"
#include "kube/keylist.h"
#include <stdbool.h>
#include <stdint.h>

struct buf;

enum {
	POD_VALUE_MAX =
	    16 << 10, /* a label's or annotation's bytes; a longer one is left out */
	POD_LINE_MAX =
	    64 << 10, /* bytes of a line; annotations that do not fit are left out */
	POD_MAPS_MAX = 48 << 10,  /* bytes of a line up to the end of its annotations */
	POD_OWNERS_MAX = 8 << 10, /* bytes of ownerReferences; more are left out */
	POD_CONTAINERS_MAX = 128, /* containers kept of a pod */
	POD_ID = 64,              /* hex digits of a container's id */
};

struct pod_keep {
	struct keylist labels, annotations;
	bool owners;
	uint64_t left_out; /* values, owners, containers over these or that did not fit */
};

enum pod_kind { POD_NONE, POD_POD, POD_NAMESPACE };

/* The line of an object of an API answer (valid JSON, any kind) into `line`, which is cleared.
 * POD_NONE: neither a pod nor a namespace, or without a name or uid; `line` is then empty.
 * An item of a list may lack its kind: it has `what`. */
enum pod_kind pod_line(
    struct str object, enum pod_kind what, struct pod_keep *keep, struct buf *line);

/* Is this such a line (of a cache)?  Checks each byte. */
enum pod_kind pod_check(struct str line);

/* A string member of a line, without its quotes, escapes as they stand; n = 0: not there. */
struct str pod_text(struct str line, const char *name);

/* A member as it stands (braces and all); n = 0: not there. */
struct str pod_member(struct str line, const char *name);

/* The container of that name; n = 0: there is none. */
struct str pod_container(struct str line, struct str name);

/* fluentbit.io/WHAT[_stdout|_stderr][-CONTAINER]: the value, raw, of the form that fits best:
 * one for the container before one for all, and of these one for the stream before one for
 * both.  `stream` may be empty.  n = 0: there is none. */
struct str pod_order(
    struct str line, const char *what, struct str container, struct str stream);

/* Append "key": with a comma before it unless it is the first of its object; and the same with
 * a string, `raw` being its inside (n = 0: nothing is appended). */
void pod_add_key(struct buf *b, const char *key);
void pod_add_text(struct buf *b, const char *key, struct str raw);

#endif
