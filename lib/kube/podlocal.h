/* podlocal.h - what this machine's own files add to the name of a log file.
 *
 *     /var/log/containers/POD_NS_CONTAINER-ID.log   is a link, and where it leads bears the
 *                                                   pod's uid: .../NS_POD_UID/CONTAINER/3.log
 *     /var/lib/docker/containers/ID/ID-json.log     has config.v2.json beside it: of a pod's
 *                                                   container the labels io.kubernetes.*,
 *                                                   of another its name and image
 *
 * Nothing is there in a backfill, or not for us to read: then nothing is added.  What
 * contradicts the name is not believed.  The name comes from a record, so no more is done
 * with it than to read a link, or a plain file of that one name below a directory of the
 * container's id.  Source: kubernetes pkg/kubelet/kuberuntime (legacyLogSymlink),
 * pkg/kubelet/types/labels.go; moby container/container.go (configFileName).
 */
#ifndef PODLOCAL_H
#define PODLOCAL_H
#include "base/str.h"
#include <stdbool.h>

struct podpath;

enum {
	PODLOCAL_CONFIG_MAX = 1 << 20, /* bytes of a config.v2.json */
	PODLOCAL_TEXT = 511,           /* bytes of a name or image in it */
};

/* Of a container that is no pod's.  "" when not known. */
struct podlocal {
	char container[PODLOCAL_TEXT + 1], image[PODLOCAL_TEXT + 1]; /* raw JSON text */
	bool too_large; /* its config.v2.json is */
};

/* Add to *path, which podpath_parse made of `file` (a C string, unescaped). */
void podlocal_look(const char *file, struct podpath *path, struct podlocal *out);

/* The same of the text of a config.v2.json. */
void podlocal_docker(struct str config, struct podpath *path, struct podlocal *out);

#endif
