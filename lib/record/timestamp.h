/* timestamp.h - RFC 3339 times as integers: ns since the epoch, UTC.
 *
 *     2026-11-22T13:00:00.123456789Z      2026-11-22T21:00:00.12+08:00
 *
 * The fraction may be missing or have any number of digits (those past the ninth are cut
 * off, never rounded); 't' and 'z' may be small; a second of 60 is taken as the first of
 * the next minute.  Years 1678 to 2261 fit.
 */
#ifndef TIMESTAMP_H
#define TIMESTAMP_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum { TIMESTAMP_MAX = 40 };

bool timestamp_parse(struct str s, int64_t *ns);

/* "2026-11-22T13:00:00.123456789Z", trailing zeros of the fraction left out.  Length. */
size_t timestamp_format(int64_t ns, char out[TIMESTAMP_MAX]);

/* Widen [first, last] by a time.  Compared as text, so they are to be of one form; "" is none,
 * and one that does not fit counts as none. */
void timestamp_widen(
    char first[TIMESTAMP_MAX], char last[TIMESTAMP_MAX], struct str time);

/* A UTC hour, number 0 being 1970-01-01T00. */
static inline int64_t
timestamp_hour(int64_t ns)
{
	const int64_t h = 3600000000000;

	return ns / h - (ns % h < 0);
}

/* Civil date of a day number (0 is 1970-01-01) and back; proleptic Gregorian. */
void timestamp_civil(int64_t day, int *year, int *month, int *mday);
int64_t timestamp_day(int year, int month, int mday);

#endif
