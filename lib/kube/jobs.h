/* jobs.h - a Job for each node, made of one template; and the Jobs that are there.
 *
 * The template is a Job, or a CronJob, of which the jobTemplate is taken. A node's Job is that
 * and
 *
 *     metadata.name          NAME-HASH-SLOT: the template's name, 16 hex digits of the
 *                            SHA-256 of the node's name, and the slot. Whoever makes the Job
 *                            of a node and slot again gets a 409, so it is made once
 *     metadata.labels        logsweep/node-hash: HASH
 *     metadata.annotations   logsweep/node: the node's name (which may be too long for a label)
 *     metadata.ownerReferences   as given, without `controller`: garbage collection takes the
 *                            Job with its owner, but a CronJob does not count it as its own
 *     affinity               in each nodeSelectorTerm matchFields metadata.name In [node]: so
 *                            the scheduler still looks at resources, as it would not with nodeName
 *     tolerations            one of {operator: Exists} at least: taints and cordons do not matter
 *
 * Terms that the template has are kept, and so is all else. What a server added to an object
 * (uid, resourceVersion, status, ...) is left out.
 *
 * Source: kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1, pod-v1
 * (NodeSelectorTerm); RFC 1123 names.
 */
#ifndef JOBS_H
#define JOBS_H
#include "base/buf.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct job_template; /* opaque */

enum {
	JOBS_TEMPLATE_MAX = 1 << 20, /* bytes of a template */
	JOBS_NAME_MAX = 63,     /* bytes of a Job's name: its pods have it as a label */
	JOBS_SEEN_MAX = 200000, /* Jobs of one list */
	JOBS_HASH = 16,
};

#define JOBS_LABEL "logsweep/node-hash"

/* NULL (ST_USAGE): not such a template; `name` is for messages. */
struct job_template *job_template_read(const char *name, struct str json, struct err *e);
void job_template_free(struct job_template *t);

/* The Jobs' owner, a CronJob as the API server gives it; -1: it has no name or uid. */
int job_template_own(struct job_template *t, struct str cronjob, struct err *e);

/* What all names begin with; and the namespace that the template names, or NULL. */
const char *job_template_name(const struct job_template *t);
const char *job_template_namespace(const struct job_template *t);

/* -1 (ST_USAGE): a slot is small letters, digits and '-', no '-' at its end, and names must
 * fit into JOBS_NAME_MAX. */
int job_slot_check(const struct job_template *t, const char *slot, struct err *e);

void job_hash(const char *node, char hash[JOBS_HASH + 1]);
void job_name(const struct job_template *t, const char *node, const char *slot,
    char name[JOBS_NAME_MAX + 1]);

/* The Job for `node` into `out` (cleared), as JSON in one line. */
int job_make(const struct job_template *t, const char *node, const char *slot,
    const char *ns, struct buf *out, struct err *e);

/* The Jobs that are there, by node: which are not finished. */
struct jobs_seen {
	struct job_seen {
		char hash[JOBS_HASH + 1];
		char *name;
	} * item;
	size_t n, room;
	bool sorted;
};

void jobs_seen_init(struct jobs_seen *s);
void jobs_seen_done(struct jobs_seen *s);
void jobs_seen_clear(struct jobs_seen *s);

/* One Job object more; one that is finished (a condition Complete or Failed that is True) or
 * has no hash of ours is passed over. */
int jobs_seen_add(struct jobs_seen *s, struct str object, struct err *e);

/* The name of an unfinished Job of this node, that called `name` if there is one; NULL: none. */
const char *jobs_seen_of(struct jobs_seen *s, const char *node, const char *name);

#endif
