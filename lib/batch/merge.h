/* merge.h - many small objects of a directory become few big ones.
 *
 * The objects of one directory are put in order by the time of their first record that has
 * one, then by name, and taken together as long as their sizes stay within max_size and there
 * are no more than MERGE_INPUTS_MAX.  Two or more become one: their content one after another,
 * one gzip member, named merged-ID.ndjson.gz after the names, sizes and checksums of what went
 * in.  So the same objects give the same again, and what is there is not made anew.  What was
 * merged is not merged again.
 *
 * Into another directory nothing is deleted; objects that stay as they are, and lists, are
 * linked there, or copied (Landlock lets no file that is read only be linked to where it could be
 * written).  In place, for each merged object:
 *
 *   1. .merge-ID.tmp is written, made durable, and read again: whole, all records, same hash.
 *   2. .merge-ID.json is written: its manifest, which names the objects that went in.
 *   3. The first is renamed to merged-ID.ndjson.gz; the directory is made durable.
 *   4. If the archive has lists (lists.h), one that says what became of these objects is added.
 *   5. The objects that went in are removed, then the file of 2.
 *
 * A crash before 3 leaves hidden files; one behind it a file of 2 with its merged object, and
 * the next run goes on at 4.  Between 3 and 5 readers see both; those who cannot have that merge
 * into another directory.  A directory that is worked on is locked (flock(2)).
 */
#ifndef MERGE_H
#define MERGE_H
#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

struct err;
struct gzip;

enum {
	MERGE_FILES_MAX = 1 << 20,   /* objects in one directory */
	MERGE_INPUTS_MAX = 16 << 10, /* of them that become one */
};

struct merge_counts {
	uint64_t inputs, merged; /* objects that went in, and that came of them */
	uint64_t kept;           /* that stay as they are */
	uint64_t bad; /* groups with one that is not whole, which stay as they are */
	uint64_t records, bytes_in, bytes_out;
};

struct merge {
	struct gzip *gzip;
	uint64_t max_size;
	const char *out; /* NULL: in place */
	bool dry;
	struct merge_counts n;
	/* Called with the manifest of each merged object, LF included; -1 ends it. */
	int (*print)(void *arg, const struct buf *line, struct err *e);
	/* Called with what is wrong with an object. */
	void (*tell)(const char *path, const char *why);
	void *arg;
};

/* Merge what is under each directory, but for hidden names and _manifests/, and the files, with
 * those of their directories; argv is put in another order.  Keys begin behind the nearest
 * directory at or above an operand that has _manifests/, else before the first NAME=VALUE of
 * its path, else behind the path. */
int merge_operands(struct merge *m, char *argv[], size_t argc, struct err *e);

/* ---- between merge.c and mergeone.c ---- */

struct merge_input {
	char *name; /* in its directory */
	uint64_t bytes;
	int64_t first_ns;
	uint8_t end[8]; /* the last bytes: CRC and length */
	char sha256[65];
};

/* A directory that is worked on: paths of where objects are, and where they go; `key` comes
 * before their names in keys ("" or ending in '/'); `lists` is where lists are, or NULL. */
struct merge_dir {
	const char *from, *to, *key, *lists;
};

/* Make one of `n` inputs.  0: done, or it was there; 1: not, one of them is bad; -1. */
int merge_one(struct merge *m, const struct merge_dir *d, struct merge_input in[],
    size_t n, struct err *e);

/* Go on with what a run before left in the directory. */
int merge_recover(struct merge *m, const struct merge_dir *d, struct err *e);

#endif
