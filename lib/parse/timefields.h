/* timefields.h - what a text said about a time, and the instant that it means.
 *
 * Readers fill the fields they find; timefields_time() applies the rules: twelve-hour
 * clocks, two-digit years (69 to 99 are of the twentieth century), the year or date out of
 * the base, 24:00:00, second 60, zones.
 */
#ifndef TIMEFIELDS_H
#define TIMEFIELDS_H
#include "base/str.h"
#include "parse/timeformat.h"
#include <stdbool.h>
#include <stdint.h>

enum { /* timefields.has */
	HAS_YEAR = 1,
	HAS_YEAR2 = 2,
	HAS_CENTURY = 4,
	HAS_MONTH = 8,
	HAS_DAY = 16,
	HAS_YEARDAY = 32,
	HAS_HOUR = 64,
	HAS_MINUTE = 128,
	HAS_AM = 256,
	HAS_PM = 512,
	HAS_OFFSET = 1024,
	HAS_ZONE_NAME = 2048, /* `offset`, too, if that name has a meaning of its own */
	HAS_EPOCH = 4096,
	HAS_DATE = HAS_MONTH | HAS_DAY | HAS_YEARDAY,
};

struct timefields {
	unsigned has, flags; /* TIME_ZONE_MISSING */
	int year, year2, century, month, day, yearday, hour, minute, second;
	int32_t fraction; /* ns */
	int32_t offset;
	struct str zone;
	int64_t epoch; /* seconds; `before`: the fraction counts backwards */
	bool before;
};

/* What a text does not say. */
struct timedefaults {
	struct timeformat_options o;
	int64_t base_ns;
};

/* NULL: `ns` and `flags` are set; else what is wrong. */
const char *timefields_time(const struct timefields *f, const struct timedefaults *d,
    int64_t *ns, unsigned *flags);

/* The digits at `p` as the fraction of a second, in ns; those past the ninth are left out.
 * Where they end. */
static inline const char *
timefields_fraction(const char *p, const char *end, int32_t *ns)
{
	static const int32_t unit[] = { 1000000000, 100000000, 10000000, 1000000, 100000,
		10000, 1000, 100, 10, 1 };
	int32_t v = 0;
	int n = 0;

	for (; n < 9 && p < end && (unsigned char)(*p - '0') <= 9; n++, p++)
		v = v * 10 + (*p - '0');
	*ns = n > 0 ? v * unit[n] : 0;
	while (p < end && (unsigned char)(*p - '0') <= 9)
		p++;
	return p;
}

/* sec and 0 to 999,999,999 ns behind it; false if int64 has no room. */
bool timefields_ns(int64_t sec, int32_t fraction, int64_t *ns);

#endif
