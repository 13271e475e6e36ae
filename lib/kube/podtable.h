/* podtable.h - the pods and namespaces that are known, by what a log file tells of them.
 *
 * Each is a line of pod.h.  A pod is found by its uid (or its manifest's hash), by the id of
 * one of its containers, or by namespace and name; of two pods of one name the one made later
 * is found.  A newer line of a uid takes the place of the older one.
 *
 * Several threads may use it between podtable_lock and _unlock; podtable_changes alone needs
 * no lock: it counts what may change the answers.  Lines live until the next put or forget.
 */
#ifndef PODTABLE_H
#define PODTABLE_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	PODTABLE_MAX = 1 << 20,     /* pods and namespaces */
	PODTABLE_BYTES = 512 << 20, /* bytes of their lines */
};

struct podtable; /* opaque */

struct podtable_entry {
	struct str line;
	int64_t seen_s;  /* when a source last listed it, s since the epoch */
	uint64_t change; /* which one put the line; no other line has the same */
	bool pod, fresh; /* fresh: a source of this run lists it */
};

struct podtable *podtable_new(void); /* NULL: out of memory, or of randomness */
void podtable_free(struct podtable *t);

void podtable_lock(struct podtable *t);
void podtable_unlock(struct podtable *t);
uint64_t podtable_changes(const struct podtable *t);

/* Copies `line`, which is a pod's or a namespace's by pod_check or pod_line.  A line of the
 * same uid that was seen later stays.  -1: the table is full, or memory is short. */
int podtable_put(struct podtable *t, struct str line, int64_t seen_s, bool fresh);

/* The pod is deleted: it stays, but as one that no source lists. */
void podtable_gone(struct podtable *t, struct str uid);

/* The sources are about to be asked again: as yet they list nothing. */
void podtable_unlist(struct podtable *t);

/* What is listed is there at `now_s`; what is not, and was seen before `oldest_s`, is
 * forgotten: for runs that last. */
void podtable_age(struct podtable *t, int64_t now_s, int64_t oldest_s);

/* NULL: not known. */
const struct podtable_entry *podtable_uid(struct podtable *t, struct str uid);
const struct podtable_entry *podtable_container(struct podtable *t, struct str id);
const struct podtable_entry *podtable_name(
    struct podtable *t, struct str namespace, struct str name);
const struct podtable_entry *podtable_namespace(struct podtable *t, struct str namespace);

/* All of them, in the order in which they came. */
size_t podtable_count(const struct podtable *t);
const struct podtable_entry *podtable_at(const struct podtable *t, size_t i);

#endif
