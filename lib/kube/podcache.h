/* podcache.h - pods on disk, so that one that is deleted before its last lines are swept is
 * still known in the next sweep.
 *
 * DIR/pods.ndjson, a line each (jq reads it), begun by one that names the format:
 *
 *     {"k8smeta":1}
 *     {"sum":"<hash64 of what follows>","seen":1795352400,"pod":{...}}
 *
 * `seen` is the hour in which a source last listed the pod, `pod` a line of pod.h.  A line
 * whose sum is wrong (cut short, damaged, not ours) is left out and counted; the next save
 * writes a whole file again.  Nothing hangs on a cache: it may be removed at any time.
 *
 * Saving: under the lock (flock of DIR/pods.lock) the file is read once more, so that what
 * another k8smeta has written meanwhile stays; then a temporary file, fsync, rename, fsync of
 * the directory.  Links in the place of any of these files are not followed.  A file that would stay the same is not written.
 */
#ifndef PODCACHE_H
#define PODCACHE_H
#include <stdint.h>

struct err;
struct podtable;

enum {
	PODCACHE_AGE_S = 7 * 86400, /* since a source last listed the pod */
	PODCACHE_PODS = 16384,      /* kept; those seen last */
	PODCACHE_BYTES = 16 << 20,  /* of the file */
	PODCACHE_LOCK_WAIT_S = 5,
};

struct podcache_count {
	uint64_t loaded, bad; /* lines */
};

/* What is in DIR into the table (which takes its own lock), by `now_s` not too old.  A DIR or
 * file that is not there is no error.  -1: it cannot be read. */
int podcache_load(const char *dir, struct podtable *t, int64_t now_s,
    struct podcache_count *count, struct err *e);

/* The table into DIR, which is made if need be.  0, 1: nothing had changed; -1. */
int podcache_save(const char *dir, struct podtable *t, int64_t now_s, struct err *e);

#endif
