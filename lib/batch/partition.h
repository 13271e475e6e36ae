/* partition.h - records of an hour become an object: buffered, compressed, described.
 *
 * A partition is an hour as clocks of the zone in use show it, with one offset from UTC (of
 * the two hours of a night in autumn each is its own), and one group of values of the
 * template's fields.  Without a zone that is a UTC hour; in a zone half an hour off it is two
 * halves of UTC hours.
 *
 * Each partition holds the records that came for it in one buffer.  Whole runs of what is
 * sure (position.h) are compressed to the object's file in the run's own directory; what is
 * not sure stays at the buffer's end and can be cut off again.  Memory is bounded over all
 * partitions: beyond PARTITION_MEMORY the sure bytes of the fullest buffers go to disk as
 * they are, and come back when their run is full; the object's bytes do not depend on that.
 *
 * An object that has reached max_size, or whose sources have reached MANIFEST_SOURCES_MAX
 * (manifest.h), is finished, and the partition begins another.
 */
#ifndef PARTITION_H
#define PARTITION_H
#include "base/buf.h"
#include "batch/gzmember.h"
#include "batch/keyfields.h"
#include "batch/position.h"

struct err;
struct sha256;

enum {
	PARTITION_MEMORY = 24 << 20,
	/* held on top of that because it is not sure; beyond, it is compressed unsure, and the
	 * run fails if it then ends before it is sure */
	PARTITION_UNSURE = 16 << 20,
	/* more open than that are all committed at the next place where all is sure, */
	PARTITIONS_OPEN = 16 << 10,
	/* and this many end the run, if no such place came */
	PARTITIONS_MAX = 64 << 10,
};

/* What sets partitions apart. */
struct slot {
	int64_t hour;     /* timestamp_hour() of what the zone's clocks show */
	int32_t offset_s; /* of these clocks, east of Greenwich */
	uint32_t group;   /* keyfields.h */
};

/* A finished object, still under the run's own directory. */
struct batch {
	struct slot slot;
	char *file;    /* path of its body */
	char name[64]; /* for the outbox */
	char *key;
	char *manifest; /* one JSON object on one line, without "path" */
	uint64_t bytes, records;
};

struct source_range {
	const struct position *p;
	uint64_t from, to;
	uint64_t sure_to;
	uint64_t epoch;
};

struct partition {
	struct slot slot;
	bool errors; /* of _error records */
	struct buf buf;
	size_t sure;      /* bytes of buf that are, if `epoch` is the present one */
	uint64_t epoch;   /* of the last record */
	uint64_t spilled; /* raw bytes waiting on disk, before buf */
	struct gzmember gz;
	struct sha256 *sha; /* of the compressed bytes */
	uint64_t bytes;     /* compressed so far */
	unsigned serial;    /* names its files */
	unsigned seq;       /* objects finished before this one */
	struct object {
		uint64_t records, raw_bytes, untimed, gaps;
		int64_t first_ns, last_ns;
		bool timed;
		size_t sources, source_bytes; /* these as text: manifest.h */
	} now, was;                           /* `was`: what is sure */
	struct source_range *source;
	size_t source_cap, last_source;
	uint32_t *source_index; /* by position; 2 * source_cap places */
	struct partition *next; /* in its bucket */
};

struct partitions {
	const char *dir; /* of the run, for bodies */
	const struct keytemplate *template;
	struct keyfields fields;
	uint64_t max_size;
	struct gzip *gzip;
	struct positions *positions;
	struct buf out, scratch;
	struct partition **bucket;
	size_t n, cap, memory;
	unsigned serials;
	uint64_t dirty_epoch; /* in which unsure bytes were compressed */
	struct batch *batch;
	size_t batches, batch_cap;
	uint64_t done_bytes; /* of finished batches */
};

/* `dir` and `template` are borrowed.  level: see gzmember.h. */
int partitions_init(struct partitions *ps, const char *dir,
    const struct keytemplate *template, int level, uint64_t max_size,
    struct positions *positions, struct err *e);
void partitions_done(struct partitions *ps);

/* After a commit: no partitions, no batches; pointers to them die. */
void partitions_clear(struct partitions *ps);

/* The partition of a slot; NULL: out of memory, or there are PARTITIONS_MAX. */
struct partition *partitions_get(
    struct partitions *ps, const struct slot *slot, bool errors, struct err *e);

/* Room for a record of `n` bytes in the partition, or NULL (`e`). */
char *partition_room(struct partitions *ps, struct partition *p, size_t n, struct err *e);

/* The record is written there: `n` bytes of source `from` (NULL: none), in which it begins at
 * offset `begins`; `ns` its time if `timed`. */
int partition_add(struct partitions *ps, struct partition *p, size_t n,
    const struct position *from, uint64_t begins, bool timed, int64_t ns, struct err *e);

/* The record that is added next to it tells a gap (record(5)). */
void partition_gap(const struct partitions *ps, struct partition *p);

/* How many records are not sure. */
uint64_t partitions_unsure(const struct partitions *ps);

/* End of input: cut off what is not sure, if anything is open; -1 (ST_FAIL) if that is not
 * possible any more. */
int partitions_roll_back(struct partitions *ps, struct err *e);

/* Add a finished object.  Its texts belong to `ps` then; -1: they are freed. */
int partitions_add_batch(struct partitions *ps, struct batch *b, struct err *e);

/* Finish all objects: ps->batch lists them, and all are on the disk. */
int partitions_finish(struct partitions *ps, struct err *e);

#endif
