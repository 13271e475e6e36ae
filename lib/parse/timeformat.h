/* timeformat.h - times as programs write them, to ns since the epoch.
 *
 * A format is a name (timeformat_names):
 *
 *     rfc3339     2026-11-22T13:00:00.123456789+08:00; T may be a blank, . a comma
 *     rfc5424     the same, or - for no time
 *     clf         22/Nov/2026:13:00:00 -0700
 *     rfc3164     Nov  2 13:00:00, with a year behind the day if there is one
 *     klog        I1122 13:00:00.123456
 *     epoch       a number in s, ms, us or ns, by its size: below 1e11, 1e14, 1e17, above
 *     epoch_s epoch_ms epoch_us epoch_ns     a number in that unit; 1.5e9 too
 *     tai64n      @400000004a32392b2aa21dac, less the leap seconds until then
 *     tai64n_10   the same as multilog and svlogd write it: always 10 s ahead of UTC
 *     auto        whichever of these and of some twenty others it is
 *
 * or strptime conversions: %Y %y %C %m %b %B %h %d %e %j, %H %k %I %l %M %S %p, %L (the
 * fraction, right behind %S, %T or %s and a separator; %f and %N are the same), %z %Z, %s,
 * %a %A %u %w %U %W (read, and ignored), %F %D %T %R %r %c %x %X, %n %t and blanks (any
 * blanks or none), %%.  A "-", "_" or "0" behind the % changes nothing.
 *
 * All is integers: digits past the ninth of a fraction are cut off, never rounded.  Names
 * are English whatever the locale, in any case.  No time is ever taken from the clock: what
 * a text does not say comes from `base`, the time that the runtime gave the same record,
 * or from base_year.
 * The rules in full: logsweep-parsers(5), TIME FORMATS.
 *
 * Reading does not allocate; a format remembers what it read last, so it belongs to one
 * thread.
 */
#ifndef TIMEFORMAT_H
#define TIMEFORMAT_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct err;
struct zone;
struct zonenames;

enum {
	TIMEFORMAT_MAX = 256,       /* bytes of a format */
	TIMEFORMAT_STEPS_MAX = 64,  /* conversions, blanks and other characters */
	TIMEFORMAT_TEXT_MAX = 1024, /* bytes of a text that are looked at */
};

/* No base is known: texts without a year are not understood. */
#define TIMEFORMAT_NO_BASE INT64_MIN

struct timeformat_options {
	struct zone
	    *zone; /* of texts that name none; the caller's, must outlive the format.
	                    * NULL: */
	int32_t offset_s; /* seconds east of Greenwich */
	bool strict;   /* a zone that the format has must be in the text; no 24:00:00 */
	int base_year; /* of texts with a date and no year, whatever the base; 0: none */
	int64_t window_ns; /* further from the base it is no time (TIME_FAR); 0: any */
	const struct zonenames
	    *names; /* that %Z knows before all others; outlives the format; NULL: none */
};

enum {                      /* time_reading.flags */
	TIME_ZONE_TOLD = 1, /* the text says its zone (or is a number since the epoch) */
	TIME_ZONE_MISSING = 2,   /* the format has one, the text has not: the default's */
	TIME_DATE_FROM_BASE = 4, /* the year (or the date) comes from a base */
	TIME_AMBIGUOUS = 8,      /* clocks showed it twice: the first is taken */
	TIME_GAP = 16,           /* clocks never showed it: the offset before is taken */
	TIME_LEAP_SECOND = 32,   /* second 60: the first of the next minute is taken */
};

struct time_reading {
	int64_t ns;
	size_t
	    used; /* bytes of the text read: less than all means that text goes on, which
	              * is fine to Fluent Bit; or, if not understood, where it stopped */
	unsigned flags;
	const char
	    *why; /* if not understood: what was expected there; TIME_RANGE for a time
	                  * that int64 ns have no room for, TIME_FAR outside the window */
};
extern const char TIME_RANGE[]; /* "range" */
extern const char TIME_FAR[];   /* "far" */
extern const char TIME_NIL[];   /* "nil": RFC 5424's "-", the sender knew no time */

struct timeformat;

/* NULL: ST_USAGE, the format is wrong at the byte named; or ST_FAIL, memory.  Options NULL:
 * UTC, not strict. */
struct timeformat *timeformat_open(
    const char *format, const struct timeformat_options *o, struct err *e);
void timeformat_close(struct timeformat *tf); /* NULL is fine */

/* true: out->ns, used, flags.  false: out->why, used; ns is left alone.  `base_ns`: the
 * record's runtime time or TIMEFORMAT_NO_BASE. */
bool timeformat_read(
    struct timeformat *tf, struct str text, int64_t base_ns, struct time_reading *out);

/* Are there texts of this format that need a base? */
bool timeformat_needs_base(const struct timeformat *tf);

/* The names, ended by NULL. */
extern const char *const timeformat_names[];

#endif
