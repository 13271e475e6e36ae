/* intake.h - a line of the stream goes to its partition.
 *
 * `_src` is read and cut out, the rest stands as it was.  The hour is that of the record's
 * own `time`; a record without one goes with the record before it in its file, or to the
 * first hour of 1970 if there is none.  Records with `_error` go to the _errors/ partitions,
 * and so do lines that are not records, wrapped.
 *
 * A line that names no source goes to the hour of the record before it in the stream, and its
 * manifest says where that was; it is committed with whatever it may be part of (position.h).
 */
#ifndef INTAKE_H
#define INTAKE_H
#include "batch/partition.h"
#include "batch/position.h"
#include "record/record.h"

struct err;
struct zone;

struct intake_counts {
	uint64_t records;  /* archived as they came */
	uint64_t rejected; /* lines that were wrapped */
	uint64_t errors;   /* of `records`: with _error */
	uint64_t untimed;
};

struct intake {
	struct record_reader reader;
	struct positions positions;
	struct partitions partitions;
	struct intake_counts n;

	struct zone *zone; /* whose hours make partitions; NULL: UTC.  Borrowed */
	/* the last hour seen, as text and number, and its partition; "" and NULL: none */
	char hour_text[16];
	int64_t hour_ns;
	struct partition *partition;
	int64_t first_ns, last_ns;
	int64_t before_ns; /* time of the record before */
	bool timed;
	struct position *hand; /* source of the line before; NULL: none yet */
	bool in_long;          /* inside a line that comes in pieces */
	/* n.rejected before the first of `rejected_epoch` */
	uint64_t rejected_sure, rejected_epoch;
	struct buf wrapped;
};

/* What a line is. */
enum intake_kind {
	INTAKE_LINE,
	INTAKE_PIECE, /* part of a line that is too long, and more follow */
	INTAKE_LAST,  /* the last part */
};

/* in->partitions and in->positions are ready. */
void intake_init(struct intake *in);
void intake_done(struct intake *in);

/* 0: taken; 1: taken after it was wrapped because of `*why`; -1: the run cannot go on.
 * With `strict` a bad line is -1. */
int intake_line(struct intake *in, struct str line, enum intake_kind kind, bool strict,
    const char **why, struct err *e);

/* End of input: take back what is not sure, and count anew.  How many lines that was; -1. */
int64_t intake_end(struct intake *in, struct err *e);

/* All that came in is committed: go on from there with no objects. */
void intake_committed(struct intake *in);

#endif
