/* intake.h - a line of the stream goes to its partition.
 *
 * `_src` is read and cut out, the rest stands as it was.  The hour is that of the record's
 * own `time`; a record without one goes with the record before it in its file, or to the
 * first hour of 1970 if there is none.  Records with `_error` go to the _errors/ partitions,
 * and so do lines that are not records, wrapped.
 */
#ifndef INTAKE_H
#define INTAKE_H
#include "batch/partition.h"
#include "batch/position.h"
#include "record/record.h"

struct err;

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

	/* the last hour seen, as text and number, and its partition */
	char hour_text[16];
	int64_t hour_ns;
	struct partition *partition;
	int64_t first_ns, last_ns;
	bool timed;
};

/* in->partitions and in->positions are ready. */
void intake_init(struct intake *in);
void intake_done(struct intake *in);

/* 0: taken; 1: taken after it was wrapped because of `*why`; -1: the run cannot go on.
 * `bad` (NULL: not so) says that the line is no record and why.  With `strict` a bad line is
 * -1. */
int intake_line(struct intake *in, struct str line, const char *bad, bool strict, const char **why,
    struct err *e);

#endif
