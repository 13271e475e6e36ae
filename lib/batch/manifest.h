/* manifest.h - what an object holds and where from: one JSON object on one line.
 *
 *     {"key":K,"records":N,"bytes":N,"raw_bytes":N,"sha256":HEX,"first_time":T,"last_time":T,
 *      "untimed":N,"gaps":N,"node":NODE,"sources":[{"file":F,"id":I,"from":N,"to":N},...]}
 *
 * `untimed` counts the records without a time of their own, `gaps` those that tell a gap;
 * each is left out when there are none.  bytes and sha256 are of the object as it lies (compressed).  The id in the key and in the
 * name is a hash of the content, the partition, the node and the sources: the same records
 * of the same place give the same key again, equal lines of another place another.
 */
#ifndef MANIFEST_H
#define MANIFEST_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Bytes of `sources` from which on an object is finished, as by max_size: a manifest is a
	 * line between programs, of which the longest is 16 MiB. */
	MANIFEST_SOURCES_MAX = 8 << 20,
};

struct batch;
struct buf;
struct err;
struct partition;
struct partitions;
struct position;

/* The most bytes that a source takes in `sources`. */
size_t manifest_source_room(const struct position *p);

/* Fill name, key, manifest, bytes, records; key and manifest are on the heap.  Ends
 * p->sha. */
int manifest_make(
    const struct partitions *ps, struct partition *p, struct batch *b, struct err *e);

/* Append ,"name":"2026-..." or, without a time, ,"name":null. */
void manifest_time(struct buf *b, const char *name, bool timed, int64_t ns);

#endif
