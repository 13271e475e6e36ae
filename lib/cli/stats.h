/* stats.h - what a program did, as one NDJSON line at the end and on SIGUSR1.
 *
 *     {"program":"logparse","in":9,"out":8,"rejected":1,"filtered":0,"joined":0,
 *      "bytes_in":900,"bytes_out":880,"first_time":"...","last_time":"...","seconds":0.012}
 *
 * and after these the program's own counts.  in = out + rejected + filtered + joined holds
 * at the end in every program: `in` counts records (logtail: physical lines) that came in,
 * `out` those that left whole, `rejected` those that left as _error records, `filtered`
 * those left out on purpose, `joined` lines that became part of another.  Progress marks
 * are not records and are not counted.
 */
#ifndef STATS_H
#define STATS_H
#include "base/str.h"
#include "record/timestamp.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { STATS_OWN_MAX = 24 };

struct stats {
	uint64_t in, out, rejected, filtered, joined, bytes_in, bytes_out;
	char first_time[TIMESTAMP_MAX],
	    last_time[TIMESTAMP_MAX]; /* RFC 3339, or "" for none */
	struct {
		const char *name;
		const uint64_t *n;
	} own[STATS_OWN_MAX];
	unsigned owns;
	int64_t started; /* clock_steady() */
	/* what progress says after the program's name; NULL: records, bytes and rate */
	void (*line)(const struct stats *s, char *text, size_t size);
};

/* Starts the clock and sets SIGUSR1 to ask for a line.  `s` begins as zeros; stats_own may
 * come before or after. */
void stats_init(struct stats *s);

/* A count of the program's own, printed after the common ones. */
void stats_own(struct stats *s, const char *name, const uint64_t *n);

/* Widen first_time..last_time by times in one form (they are compared as text). */
void stats_time(struct stats *s, struct str time);

/* To call now and then, with the counts up to date: prints to standard error if SIGUSR1
 * came, and draws the progress. */
void stats_poll(const struct stats *s);

/* Open the file of --stats now, for the end; what is wrong with it is told there. */
void stats_keep(void);

/* The line at the end, to where --stats says; nothing without it. */
int stats_end(const struct stats *s, struct err *e);

#endif
