#include "parse/timefields.h"
#include "record/timestamp.h"
#include "record/zone.h"

enum { DAY = 86400 };
static const int64_t NS = 1000000000;

const char TIME_RANGE[] = "range";
const char TIME_FAR[] = "far";
static const char zone_unknown[] = "a zone that is UTC, GMT, Z or an offset";

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

bool
timefields_ns(int64_t sec, int32_t fraction, int64_t *ns)
{
	int64_t t, rest = fraction;

	if (sec < 0 && rest > 0) { /* the product alone may not fit */
		sec++;
		rest -= NS;
	}
	if (__builtin_mul_overflow(sec, NS, &t) || __builtin_add_overflow(t, rest, &t))
		return false;
	*ns = t;
	return true;
}

static bool
leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && leap_year(year));
}

/* The hour of the day, 0 to 24. */
static int
hour_of(const struct timefields *f)
{
	if ((f->has & HAS_PM) && f->hour < 12)
		return f->hour + 12;
	return (f->has & HAS_AM) && f->hour == 12 ? 0 : f->hour;
}

static int64_t
clock_of(const struct timefields *f)
{
	return hour_of(f) * 3600 + f->minute * 60 + f->second;
}

/* The day number; 29 February of a year without one is its 1 March, day 366 the next year's
 * first: exists() tells. */
static int64_t
day_in(const struct timefields *f, int year)
{
	if (f->has & HAS_YEARDAY)
		return timestamp_day(year, 1, 1) + f->yearday - 1;
	return timestamp_day(
	    year, f->has & HAS_MONTH ? f->month : 1, f->has & HAS_DAY ? f->day : 1);
}

static const char *
exists(const struct timefields *f, int year)
{
	if (f->has & HAS_YEARDAY)
		return f->yearday == 366 && !leap_year(year)
			   ? "a day of the year that the year has"
			   : NULL;
	if ((f->has & HAS_DAY) &&
	    f->day > month_days(year, f->has & HAS_MONTH ? f->month : 1))
		return "a day that the month has";
	return NULL;
}

/* Local seconds to UTC seconds; false: a zone that nobody knows. */
static bool
to_utc(const struct timefields *f, const struct timedefaults *d, int64_t local,
    int64_t *utc, unsigned *flags)
{
	enum zone_kind kind;
	int32_t offset = f->offset;

	if (f->has & HAS_ZONE_NAME) { /* the zone's own meaning before the general one */
		if ((d->o.zone == NULL ||
			!zone_named(d->o.zone, local, f->zone, &offset)) &&
		    !(f->has & HAS_OFFSET))
			return false;
		*utc = local - offset;
		return true;
	}
	if (f->has & HAS_OFFSET) {
		*utc = local - offset;
		return true;
	}
	if (d->o.zone == NULL) {
		*utc = local - d->o.offset_s;
		return true;
	}
	*utc = zone_local(d->o.zone, local, NULL, &kind);
	if (kind != ZONE_UNIQUE)
		*flags |= kind == ZONE_GAP ? TIME_GAP : TIME_AMBIGUOUS;
	return true;
}

static int32_t
sender_offset(const struct timefields *f, const struct timedefaults *d, int64_t utc)
{
	if (f->has & HAS_OFFSET)
		return f->offset;
	return d->o.zone != NULL ? zone_offset(d->o.zone, utc) : d->o.offset_s;
}

/* The latest year that puts the time at most a day behind the base. */
static const char *
year_from_base(const struct timefields *f, const struct timedefaults *d, int64_t *utc,
    unsigned *flags)
{
	int64_t base = floor_div(d->base_ns, NS), limit = base + DAY;
	int32_t past = (int32_t)(d->base_ns - base * NS);
	int64_t local = limit + sender_offset(f, d, limit);
	int year, month, day;

	timestamp_civil(floor_div(local, DAY), &year, &month, &day);
	/* an offset that changes may carry it over New Year */
	for (year += month == 12 && day == 31;; year--) {
		unsigned more = 0;

		if (!to_utc(f, d, day_in(f, year) * DAY + clock_of(f), utc, &more))
			return zone_unknown;
		if (*utc < limit || (*utc == limit && f->fraction <= past)) {
			*flags |= more;
			return exists(f, year);
		}
	}
}

/* A time of day: the day that puts it nearest to the base. */
static const char *
day_from_base(const struct timefields *f, const struct timedefaults *d, int64_t *utc,
    unsigned *flags)
{
	int64_t base = floor_div(d->base_ns, NS);
	int64_t today = floor_div(base + sender_offset(f, d, base), DAY);
	int64_t t, nearest = INT64_MAX;
	unsigned its = 0;

	for (int64_t day = today - 1; day <= today + 1; day++) {
		unsigned more = 0;
		int64_t far;

		if (!to_utc(f, d, day * DAY + clock_of(f), &t, &more))
			return zone_unknown;
		far = t > base ? t - base : base - t;
		if (far >= nearest)
			continue;
		nearest = far;
		*utc = t;
		its = more;
	}
	*flags |= its;
	return NULL;
}

static const char *
from_epoch(const struct timefields *f, int64_t *ns, unsigned *flags)
{
	int64_t sec = f->before ? -f->epoch : f->epoch;
	int32_t fraction = f->fraction;

	if (f->before && fraction > 0) {
		sec--;
		fraction = (int32_t)NS - fraction;
	}
	*flags = TIME_ZONE_TOLD;
	return timefields_ns(sec, fraction, ns) ? NULL : TIME_RANGE;
}

static int
year_of(const struct timefields *f)
{
	if (f->has & HAS_YEAR)
		return f->year;
	if (f->has & HAS_CENTURY)
		return f->century * 100 + f->year2;
	return f->year2 + (f->year2 >= 69 ? 1900 : 2000);
}

static const char *
in_year(const struct timefields *f, const struct timedefaults *d, int year, int64_t *utc,
    unsigned *flags)
{
	const char *why = exists(f, year);

	if (why != NULL)
		return why;
	if (year < 1677 || year > 2262)
		return TIME_RANGE;
	return to_utc(f, d, day_in(f, year) * DAY + clock_of(f), utc, flags)
		   ? NULL
		   : zone_unknown;
}

/* The year, or all of the date, that the text does not say. */
static const char *
from_base(const struct timefields *f, const struct timedefaults *d, int64_t *utc,
    unsigned *flags)
{
	bool dated = (f->has & HAS_DATE) != 0;

	*flags |= TIME_DATE_FROM_BASE;
	if (dated && d->o.base_year != 0)
		return in_year(f, d, d->o.base_year, utc, flags);
	if (d->base_ns == TIMEFORMAT_NO_BASE)
		return "a year, or a time of the record to take it from";
	return dated ? year_from_base(f, d, utc, flags) : day_from_base(f, d, utc, flags);
}

const char *
timefields_time(const struct timefields *f, const struct timedefaults *d, int64_t *ns,
    unsigned *flags)
{
	const char *why;
	int64_t utc = 0;
	int hour = hour_of(f);

	if (f->has & HAS_EPOCH)
		return from_epoch(f, ns, flags);
	*flags = f->flags;
	if (hour == 24 &&
	    (d->o.strict || f->minute != 0 || f->second != 0 || f->fraction != 0))
		return "an hour below 24";
	if (f->has & (HAS_OFFSET | HAS_ZONE_NAME))
		*flags |= TIME_ZONE_TOLD;
	if (f->second == 60)
		*flags |= TIME_LEAP_SECOND;
	why = f->has & (HAS_YEAR | HAS_YEAR2) ? in_year(f, d, year_of(f), &utc, flags)
					      : from_base(f, d, &utc, flags);
	if (why != NULL)
		return why;
	return timefields_ns(utc, f->fraction, ns) ? NULL : TIME_RANGE;
}
