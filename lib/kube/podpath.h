/* podpath.h - whose log a file is, told by its name alone.
 *
 * The kubelet and Docker name log files so (anything may stand in front: another root, a
 * backfill tree, an archive and its '!'; anything of the kind rotation and gzip add may
 * follow ".log"):
 *
 *     /var/log/containers/POD_NAMESPACE_CONTAINER-<64 hex>.log
 *     /var/log/pods/NAMESPACE_POD_UID/CONTAINER/7.log.20261122-130000.gz
 *     /var/lib/docker/containers/<64 hex>/<64 hex>-json.log.1
 *     bundle.tar.gz!var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log
 *
 * A pod's name is a DNS subdomain (static pods carry their node's name, dots and all), a
 * namespace and a container are DNS labels, a UID is a UUID or, for a static pod, the 32 hex
 * digits of its manifest's hash.  None of them holds '_', so '_' cuts; a container's name may
 * hold '-', its id may not.  What is not made of such names is no match, never half of one.
 *
 * The kubelet cuts the names of its links to 255 bytes.  Then the id is not known, and the
 * container only when the cut cannot have fallen into its name; pod and namespace are.
 *
 * Source: kubernetes pkg/kubelet/kuberuntime (BuildContainerLogsDirectory, logSymlink),
 * apimachinery's validation of names; moby daemon/logger/jsonfilelog.
 */
#ifndef PODPATH_H
#define PODPATH_H
#include "base/str.h"
#include <stdbool.h>

enum {
	PODPATH_MAX = 8192, /* longest raw path looked at; a longer one is no match */
	PODPATH_POD = 253,
	PODPATH_LABEL = 63,
	PODPATH_UID = 36,
	PODPATH_ID = 64,
	PODPATH_RESTART = 9,
};

/* Plain C strings, "" for what the path does not tell. */
struct podpath {
	char pod[PODPATH_POD + 1];
	char namespace[PODPATH_LABEL + 1];
	char uid[PODPATH_UID + 1];
	char container[PODPATH_LABEL + 1];
	char docker_id[PODPATH_ID + 1];
	char restart[PODPATH_RESTART +
		     1]; /* N of N.log: the container's restarts before it */
};

/* `raw` is the inside of a JSON string, escapes as they stand.  false: not one of the shapes
 * above; *out is then all empty. */
bool podpath_parse(struct str raw, struct podpath *out);

/* Take names that something else than a path tells (n = 0: not told) over into *out, if all
 * of them are such names and none contradicts what is there.  false: *out is as it was. */
bool podpath_add(struct podpath *out, struct str pod, struct str namespace,
    struct str uid, struct str container);

#endif
