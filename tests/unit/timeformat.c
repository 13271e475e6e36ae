/* parse/timeformat: a row for each rule and for each format that logs are seen to have. */
#include "parse/timeformat.h"
#include "base/err.h"
#include "parse/timenumber.h"
#include "parse/zonenames.h"
#include "record/timestamp.h"
#include "record/zone.h"
#include "unit.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BASE "2026-11-22T13:00:05Z"

enum { STRICT = 1, BERLIN = 2, EAST8 = 4, NOBASE = 8 };
enum { TOLD = TIME_ZONE_TOLD, MISSING = TIME_ZONE_MISSING, GUESS = TIME_DATE_FROM_BASE };

/* rows end where they have said enough */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct row {
	const char *format, *text;
	const char *time; /* RFC 3339, or NULL: not understood */
	unsigned flags;
	const char *rest; /* what is left; or, if not understood, `why` begins with it */
	unsigned with;
	const char *base;
};

static int64_t
ns_of(const char *text)
{
	int64_t ns = 0;

	if (!timestamp_parse(str_of(text), &ns))
		printf("# the test's own time %s is wrong\n", text);
	return ns;
}

static const char *zone_file = "Europe/Berlin";

/* One row through a fresh format, twice: the second time from what it remembers. */
static bool
row_holds(const struct row *r)
{
	struct err e = { 0 };
	struct zone *berlin = r->with & BERLIN ? zone_open(zone_file, &e) : NULL;
	struct timeformat_options o = { berlin, r->with & EAST8 ? 8 * 3600 : 0,
		(r->with & STRICT) != 0 };
	struct timeformat *tf = timeformat_open(r->format, &o, &e);
	int64_t base = r->with & NOBASE  ? TIMEFORMAT_NO_BASE
		       : r->base != NULL ? ns_of(r->base)
					 : ns_of(BASE);
	size_t n = strlen(r->text);
	bool good = true;

	if (tf == NULL || ((r->with & BERLIN) && berlin == NULL)) {
		printf("# %s\n", e.text);
		zone_close(berlin);
		return false;
	}
	for (int i = 0; i < 2; i++) {
		char *exact = malloc(n + 1), shown[TIMESTAMP_MAX] = "-";
		struct time_reading got = { .ns = 7 };
		bool fits;

		memcpy(exact + 1, r->text, n);
		fits = timeformat_read(tf, (struct str){ exact + 1, n }, base, &got);
		if (fits)
			timestamp_format(got.ns, shown);
		if (fits != (r->time != NULL) || got.used > n)
			good = false;
		else if (fits)
			good = good && strcmp(shown, r->time) == 0 &&
			       got.flags == r->flags &&
			       strcmp(r->text + got.used, r->rest ? r->rest : "") == 0;
		else
			good = good && got.ns == 7 && got.why != NULL &&
			       strncmp(got.why, r->rest, strlen(r->rest)) == 0;
		if (!good) {
			printf("# %s of %s: %s flags %x, used %zu, %s; not %s\n", r->text,
			    r->format, shown, got.flags, got.used, fits ? "" : got.why,
			    r->time ? r->time : r->rest);
			i = 2;
		}
		free(exact);
	}
	timeformat_close(tf);
	zone_close(berlin);
	return good;
}

static void
rows(const struct row *r, size_t n, const char *what)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += !row_holds(&r[i]);
	ok(wrong == 0, "%s: %zu cases", what, n);
}

#define T "2026-11-22T13:00:00"

static void
test_formats_seen(void)
{
	static const struct row r[] = {
		/* docker, CRI: the parser people copy has no %z */
		{ "%Y-%m-%dT%H:%M:%S.%L%z", T ".123456789Z", T ".123456789Z", TOLD },
		{ "%Y-%m-%dT%H:%M:%S.%L", T ".123456789Z", T ".123456789Z", TOLD },
		{ "%Y-%m-%dT%H:%M:%S.%L%z", "2026-11-22T21:00:00.12+08:00", T ".12Z",
		    TOLD },
		{ "%Y-%m-%dT%H:%M:%S.%L%z", T "+00:00", T "Z", TOLD },
		/* apache, nginx */
		{ "%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:36 -0700",
		    "2000-10-10T20:55:36Z", TOLD },
		{ "clf", "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36Z", TOLD },
		{ "%a %b %d %H:%M:%S.%L %Y", "Fri Jul 17 20:17:03.123456 2026",
		    "2026-07-17T20:17:03.123456Z", 0 },
		{ "%a %b %d %H:%M:%S.%L %Y", "Fri Jul 17 20:17:03 2026",
		    "2026-07-17T20:17:03Z", 0 },
		{ "%Y/%m/%d %H:%M:%S", "2026/11/22 13:00:00", T "Z", 0 },
		{ "%s.%L", "1795352400.123", T ".123Z", TOLD },
		{ "rfc3339", T "+00:00", T "Z", TOLD },
		/* syslog */
		{ "%b %d %H:%M:%S", "Nov  2 13:00:00", "2026-11-02T13:00:00Z", GUESS },
		{ "rfc3164", "Nov  2 13:00:00 host app: x", "2026-11-02T13:00:00Z", GUESS,
		    " host app: x" },
		{ "rfc3164", "Nov 22 2025 13:00:00", "2025-11-22T13:00:00Z", 0 },
		{ "rfc3164", "Nov 22 13:00:00.250", T ".25Z", GUESS },
		{ "rfc5424", "2003-08-24T05:14:15.000003-07:00",
		    "2003-08-24T12:14:15.000003Z", TOLD },
		{ "rfc5424", "-", NULL, 0, "nil" },
		/* java, python, klog, go */
		{ "%Y-%m-%d %H:%M:%S,%L", "2015-07-29 17:41:44,747",
		    "2015-07-29T17:41:44.747Z", 0 },
		{ "%m%d %H:%M:%S.%L", "1122 13:00:00.123456", T ".123456Z", GUESS },
		{ "klog", "I1122 13:00:00.123456", T ".123456Z", GUESS },
		{ "klog", "1122 13:00:00.123456  1 main.go:7]", T ".123456Z", GUESS,
		    "  1 main.go:7]" },
		{ "%Y/%m/%d %H:%M:%S.%L", "2009/01/23 01:23:23.123123",
		    "2009-01-23T01:23:23.123123Z", 0 },
		/* numbers */
		{ "epoch", "1795352400.1234567", T ".1234567Z", TOLD },
		{ "epoch", "1795352400123", T ".123Z", TOLD },
		{ "epoch", "1.7953524001234567e+09", T ".1234567Z", TOLD },
		{ "epoch_ns", "1795352400123456789", T ".123456789Z", TOLD },
		/* databases and queues */
		{ "%Y-%m-%d %H:%M:%S.%L %Z", "2026-11-22 13:00:00.123 UTC", T ".123Z",
		    TOLD },
		{ "%Y-%m-%dT%H:%M:%S.%LZ", T ".123456Z", T ".123456Z", TOLD },
		{ "%y%m%d %k:%M:%S", "261122  9:00:00", "2026-11-22T09:00:00Z", 0 },
		{ "%Y-%m-%dT%H:%M:%S.%L%z", T ".123+0000", T ".123Z", TOLD },
		{ "%d %b %Y %H:%M:%S.%L", "22 Nov 2026 13:27:36.276",
		    "2026-11-22T13:27:36.276Z", 0 },
		{ "%d %b %H:%M:%S.%L", "22 Nov 13:27:36.276", "2026-11-22T13:27:36.276Z",
		    GUESS, NULL, 0, "2026-11-22T14:00:00Z" },
		{ "%d-%b-%Y::%H:%M:%S", "22-Nov-2026::13:00:00", T "Z", 0 },
		{ "%d/%b/%Y:%H:%M:%S.%L", "22/Nov/2026:13:00:00.123", T ".123Z", 0 },
		/* twelve hours */
		{ "%b %d, %Y %I:%M:%S %p", "Nov 22, 2026 1:00:00 PM", T "Z", 0 },
		{ "%b %d, %Y %I:%M:%S %p", "Nov 22, 2026 1:00:00\xe2\x80\xafPM", T "Z",
		    0 },
		{ "%m/%d/%Y %I:%M:%S %p", "11/22/2026 1:00:00 PM", T "Z", 0 },
		{ "%D %r", "11/22/26 01:00:00 p.m.", T "Z", 0 },
		/* others */
		{ "%y%m%d %H%M%S", "081109 203615", "2008-11-09T20:36:15Z", 0 },
		{ "%y/%m/%d %H:%M:%S", "17/06/09 20:10:40", "2017-06-09T20:10:40Z", 0 },
		{ "%m-%d %H:%M:%S.%L", "03-17 16:13:38.811", "2026-03-17T16:13:38.811Z",
		    GUESS },
		{ "%Y%m%d-%H:%M:%S:%L", "20171223-22:15:29:606",
		    "2017-12-23T22:15:29.606Z", 0 },
		{ "%a %b %e %H:%M:%S %Z %Y", "Mon Jan  2 15:04:05 UTC 2006",
		    "2006-01-02T15:04:05Z", TOLD },
		{ "%a, %d %b %Y %H:%M:%S %z", "Mon, 02 Jan 2006 15:04:05 -0700",
		    "2006-01-02T22:04:05Z", TOLD },
		{ "%c", "Mon Jan  2 15:04:05 2006", "2006-01-02T15:04:05Z", 0 },
		{ "%F %T", "2026-11-22 13:00:00", T "Z", 0 },
		{ "%F%n%R", "2026-11-22 13:00", T "Z", 0 },
		{ "%Y-%j %X", "2026-326 13:00:00", T "Z", 0 },
		{ "%C%y-%m-%d", "2026-11-22", "2026-11-22T00:00:00Z", 0 },
		{ "%A %d. %B %Y %H%%%M", "sunday 22. NOVEMBER 2026 13%00", T "Z", 0 },
		{ "%Y%m%d%H%M%S%L", "20261122130000123", T ".123Z", 0 },
		{ "%-d.%-m.%Y %-H:%M", "2.1.2026 9:05", "2026-01-02T09:05:00Z", 0 },
		{ "%a %u %w %U %W %Y", "Sun 7 0 47 46 2026", "2026-01-01T00:00:00Z", 0 },
		{ "%Y", "2026", "2026-01-01T00:00:00Z", 0 },
	};

	rows(r, COUNT(r), "formats of logs");
}

static void
test_fractions(void)
{
	static const struct row r[] = {
		{ "%H:%M:%S.%L", "13:00:00", T "Z", GUESS },
		{ "%H:%M:%S.%L", "13:00:00,5", T ".5Z", GUESS },
		{ "%H:%M:%S,%L", "13:00:00.5", T ".5Z", GUESS },
		{ "%H:%M:%S:%L", "13:00:00:606", T ".606Z", GUESS },
		{ "%H:%M:%S:%L", "13:00:00.606", T "Z", GUESS, ".606" },
		{ "%H:%M:%S.%L", "13:00:00:606", T "Z", GUESS, ":606" },
		{ "%H:%M:%S.%L", "13:00:00.", T "Z", GUESS, "." },
		{ "%T.%f", "13:00:00.000001", T ".000001Z", GUESS },
		{ "%T.%N", "13:00:00.000000001", T ".000000001Z", GUESS },
		/* cut off, never rounded: not the next second */
		{ "rfc3339", "2026-11-22T12:59:59.9999999999Z",
		    "2026-11-22T12:59:59.999999999Z", TOLD },
		{ "%s.%L", "1795352399.99999999999999999999",
		    "2026-11-22T12:59:59.999999999Z", TOLD },
		{ "epoch", "1795352399.99999999999999999999",
		    "2026-11-22T12:59:59.999999999Z", TOLD },
		{ "rfc3339", "2026-11-22 13:00:00,25 +0000", T ".25Z", TOLD },
		/* not asked for, but said */
		{ "%F %T", "2026-11-22 13:00:00.25+08:00", "2026-11-22T05:00:00.25Z",
		    TOLD },
		{ "%F %T", "2026-11-22 13:00:00,404", T "Z", 0, ",404" },
	};

	rows(r, COUNT(r), "fractions");
}

static void
test_zones(void)
{
	static const struct row r[] = {
		{ "%F %T %z", "2026-11-22 13:00:00 Z", T "Z", TOLD },
		{ "%F %T%z", "2026-11-22 13:00:00z", T "Z", TOLD },
		{ "%F %T%z", "2026-11-22 14:00:00+01", T "Z", TOLD },
		{ "%F %T%z", "2026-11-22 14:30:00+0130", T "Z", TOLD },
		{ "%F %T%z", "2026-11-22 14:30:00  +01:30", T "Z", TOLD },
		{ "%F %T%z", "2026-11-22 09:30:00-03:30", T "Z", TOLD },
		{ "%F %T%z", "2026-11-22 13:00:00-00:00", T "Z", TOLD },
		{ "%F %T%z", "2026-11-23 12:59:00+23:59", T "Z", TOLD },
		{ "%F %T%z", "2026-11-23 12:59:00+24:00", NULL, 0, "a zone" },
		{ "%F %T%z", "2026-11-23 12:59:00+0060", NULL, 0, "a zone" },
		{ "%F %T %z", "2026-11-22 13:00:00 GMT", T "Z", TOLD },
		{ "%F %T %z", "2026-11-22 13:00:00 UT", T "Z", TOLD },
		{ "%F %T %z", "2026-11-22 15:00:00 GMT+0200 (CEST)", T "Z", TOLD,
		    " (CEST)" },
		{ "%F %T %z", "2026-11-22 08:00:00 EST", T "Z", TOLD },
		{ "%F %T %z", "2026-11-22 09:00:00 EDT", T "Z", TOLD },
		{ "%F %T %z", "2026-11-22 07:00:00 CST", T "Z", TOLD },
		{ "%F %T %z", "2026-11-22 06:00:00 MST", T "Z", TOLD },
		{ "%F %T %z", "2026-11-22 05:00:00 PST", T "Z", TOLD },
		{ "%F %T %z", "2026-11-22 06:00:00 PDT", T "Z", TOLD },
		{ "%F %T %Z", "2026-11-22 13:00:00 UTC", T "Z", TOLD },
		{ "%F %T %Z", "2026-11-22 13:00:00 EST", NULL, 0, "a zone" },
		{ "%F %T %Z", "2026-11-22 13:00:00 IST", NULL, 0, "a zone" },
		{ "%F %T %Z", "2026-11-22 14:00:00 +01", T "Z", TOLD },
		/* in the format, not in the text */
		{ "%F %T %z", "2026-11-22 13:00:00", T "Z", MISSING },
		{ "%F %T %z", "2026-11-22 21:00:00", T "Z", MISSING, NULL, EAST8 },
		{ "%F %T %z", "2026-11-22 13:00:00", NULL, 0, "a zone", STRICT },
		{ "rfc3339", "2026-11-22T21:00:00", T "Z", MISSING, NULL, EAST8 },
		{ "rfc3339", T, NULL, 0, "a zone", STRICT },
		{ "clf", "22/Nov/2026:21:00:00", T "Z", MISSING, NULL, EAST8 },
		/* in the text, not in the format */
		{ "%F %T", "2026-11-22 21:00:00 +0800", T "Z", TOLD },
		{ "%F %T", "2026-11-22 21:00:00 +08:00 x", T "Z", TOLD, " x" },
		{ "%F %T", "2026-11-22 13:00:00 UTC", T "Z", TOLD, NULL, EAST8 },
		{ "%F %T", "2026-11-22 21:00:00 -5 items", T "Z", 0, " -5 items", EAST8 },
		{ "%F %T", "2026-11-22 21:00:00 -05", T "Z", 0, " -05", EAST8 },
		{ "%F %TxZ", "2026-11-22 21:00:00xZ", T "Z", 0, "", EAST8 },
		{ "%F %T", "2026-11-22 21:00:00-05-x", T "Z", 0, "-05-x", EAST8 },
		{ "%F %T", "2026-11-22 21:00:00Zebra", T "Z", 0, "Zebra", EAST8 },
		/* a Z of the format means UTC */
		{ "%Y-%m-%dT%H:%M:%SZ", T "Z", T "Z", TOLD, NULL, EAST8 },
		{ "%a, %d %b %Y %T GMT", "Sun, 22 Nov 2026 13:00:00 GMT", T "Z", TOLD,
		    NULL, EAST8 },
		/* none at all */
		{ "%F %T", "2026-11-22 21:00:00", T "Z", 0, NULL, EAST8 },
	};

	rows(r, COUNT(r), "zones");
}

static void
test_area_zones(void)
{
	static const struct row r[] = {
		{ "%F %T", "2026-11-22 14:00:00", T "Z", 0, NULL, BERLIN },
		{ "%F %T", "2026-07-22 14:00:00", "2026-07-22T12:00:00Z", 0, NULL,
		    BERLIN },
		{ "%F %T", "2026-03-29 01:59:59", "2026-03-29T00:59:59Z", 0, NULL,
		    BERLIN },
		{ "%F %T", "2026-03-29 02:30:00", "2026-03-29T01:30:00Z", TIME_GAP, NULL,
		    BERLIN },
		{ "%F %T", "2026-03-29 03:00:00", "2026-03-29T01:00:00Z", 0, NULL,
		    BERLIN },
		{ "%F %T", "2026-10-25 01:59:59", "2026-10-24T23:59:59Z", 0, NULL,
		    BERLIN },
		{ "%F %T", "2026-10-25 02:30:00", "2026-10-25T00:30:00Z", TIME_AMBIGUOUS,
		    NULL, BERLIN },
		{ "%F %T", "2026-10-25 03:00:00", "2026-10-25T02:00:00Z", 0, NULL,
		    BERLIN },
		{ "%F %T", "2126-07-22 14:00:00", "2126-07-22T12:00:00Z", 0, NULL,
		    BERLIN },
		/* its abbreviations, which also tell the readings apart */
		{ "%F %T %Z", "2026-10-25 02:30:00 CEST", "2026-10-25T00:30:00Z", TOLD,
		    NULL, BERLIN },
		{ "%F %T %Z", "2026-10-25 02:30:00 CET", "2026-10-25T01:30:00Z", TOLD,
		    NULL, BERLIN },
		{ "%F %T %Z", "2026-07-22 14:00:00 CET", "2026-07-22T13:00:00Z", TOLD,
		    NULL, BERLIN },
		{ "%F %T %Z", "2026-07-22 14:00:00 IST", NULL, 0, "a zone", BERLIN },
		{ "%F %T %z", "2026-07-22 14:00:00 EDT", "2026-07-22T18:00:00Z", TOLD,
		    NULL, BERLIN },
		{ "%F %T%z", "2026-07-22 14:00:00+0500", "2026-07-22T09:00:00Z", TOLD,
		    NULL, BERLIN },
		/* New Year is the sender's */
		{ "%b %d %T", "Jan  1 00:30:00", "2026-12-31T23:30:00Z", GUESS, NULL,
		    BERLIN, "2026-12-31T23:30:01Z" },
	};
	struct err e;
	struct zone *z = zone_open(zone_file, &e);

	if (z == NULL && strstr(e.text, "tzdata") != NULL) {
		ok(true, "skip zones with rules: %s", e.text);
		return;
	}
	zone_close(z);
	rows(r, COUNT(r), "zones with rules");
}

static void
test_years(void)
{
	static const struct row r[] = {
		{ "%b %d %T", "Nov 22 13:00:00", T "Z", GUESS },
		{ "%b %d %T", "Nov 23 13:00:05", "2026-11-23T13:00:05Z", GUESS },
		{ "%b %d %T", "Nov 23 13:00:06", "2025-11-23T13:00:06Z", GUESS },
		{ "%b %d %T.%L", "Nov 23 13:00:05.000000001",
		    "2025-11-23T13:00:05.000000001Z", GUESS },
		{ "%b %d %T", "Nov 24 00:00:00", "2025-11-24T00:00:00Z", GUESS },
		{ "%b %d %T", "Nov 22 13:00:00", NULL, 0, "a year", NOBASE },
		{ "rfc3164", "Nov 22 13:00:00", NULL, 0, "a year", NOBASE },
		{ "%b %d %T.%L", "Jan  1 23:59:59.25", "1970-01-01T23:59:59.25Z", GUESS,
		    NULL, 0, "1969-12-31T23:59:59.5Z" },
		{ "%b %d %T.%L", "Jan  1 23:59:59.75", "1969-01-01T23:59:59.75Z", GUESS,
		    NULL, 0, "1969-12-31T23:59:59.5Z" },
		/* over New Year, both ways */
		{ "%b %d %T", "Dec 31 23:59:59", "2026-12-31T23:59:59Z", GUESS, NULL, 0,
		    "2027-01-01T00:00:01Z" },
		{ "%b %d %T", "Jan  1 00:00:00", "2027-01-01T00:00:00Z", GUESS, NULL, 0,
		    "2026-12-31T23:59:59Z" },
		{ "%b %d %T", "Jan  1 08:00:00", "2027-01-01T00:00:00Z", GUESS, NULL,
		    EAST8, "2027-01-01T00:00:01Z" },
		{ "%b %d %T %z", "Dec 31 20:00:00 -0500", "2027-01-01T01:00:00Z",
		    GUESS | TOLD, NULL, 0, "2027-01-01T01:00:02Z" },
		/* 29 February */
		{ "%b %d %T", "Feb 29 12:00:00", "2028-02-29T12:00:00Z", GUESS, NULL, 0,
		    "2028-02-29T12:00:01Z" },
		{ "%b %d %T", "Feb 29 12:00:00", "2028-02-29T12:00:00Z", GUESS, NULL, 0,
		    "2029-01-01T12:00:01Z" },
		{ "%b %d %T", "Feb 29 12:00:00", NULL, 0, "a day that", 0,
		    "2026-03-01T12:00:01Z" },
		{ "%b %d %T", "Feb 29 12:00:00", NULL, 0, "a day that", 0,
		    "2028-01-15T12:00:01Z" },
		{ "%F", "2026-02-29", NULL, 0, "a day that" },
		{ "%F", "2028-02-29", "2028-02-29T00:00:00Z", 0 },
		{ "%F", "2100-02-29", NULL, 0, "a day that" },
		{ "%F", "2026-04-31", NULL, 0, "a day that" },
		{ "%Y-%j", "2028-366", "2028-12-31T00:00:00Z", 0 },
		{ "%Y-%j", "2026-366", NULL, 0, "a day of the year" },
		{ "%j %T", "326 13:00:00", T "Z", GUESS },
		/* a time of day: the nearest */
		{ "%T", "23:59:59", "2026-11-21T23:59:59Z", GUESS, NULL, 0,
		    "2026-11-22T00:00:01Z" },
		{ "%T", "00:00:01", "2026-11-23T00:00:01Z", GUESS, NULL, 0,
		    "2026-11-22T23:59:59Z" },
		{ "%T", "07:59:59", "2026-11-21T23:59:59Z", GUESS, NULL, EAST8,
		    "2026-11-22T00:00:01Z" },
		{ "%T", "00:00:00", "2026-11-22T00:00:00Z", GUESS, NULL, 0,
		    "2026-11-22T12:00:00Z" },
		{ "%T", "00:00:00", "2026-11-23T00:00:00Z", GUESS, NULL, 0,
		    "2026-11-22T12:00:01Z" },
		{ "%T", "12:00:00", NULL, 0, "a year", NOBASE },
		/* two digits */
		{ "%y%m%d", "690101", "1969-01-01T00:00:00Z", 0 },
		{ "%y%m%d", "681231", "2068-12-31T00:00:00Z", 0 },
		{ "%y%m%d", "991231", "1999-12-31T00:00:00Z", 0 },
		{ "%y%m%d", "000101", "2000-01-01T00:00:00Z", 0 },
		/* where int64 ends */
		{ "rfc3339", "1677-09-21T00:12:43.145224193Z",
		    "1677-09-21T00:12:43.145224193Z", TOLD },
		{ "rfc3339", "1677-09-21T00:12:43.145224191Z", NULL, 0, "range" },
		{ "rfc3339", "2262-04-11T23:47:16.854775807Z",
		    "2262-04-11T23:47:16.854775807Z", TOLD },
		{ "rfc3339", "2262-04-11T23:47:16.854775808Z", NULL, 0, "range" },
		{ "rfc3339", "0001-01-01T00:00:00Z", NULL, 0, "range" },
		{ "rfc3339", "9999-12-31T23:59:59Z", NULL, 0, "range" },
		{ "rfc3339", "10000-12-31T23:59:59Z", NULL, 0, "range" },
		{ "rfc3339", "-0001-12-31T23:59:59Z", NULL, 0, "range" },
		{ "%Y-%m-%dT%T%z", "0001-01-01T00:00:00Z", NULL, 0, "range" },
		{ "%Y-%m-%dT%T%z", "-0001-01-01T00:00:00Z", NULL, 0, "range" },
		{ "%Y-%m-%dT%T%z", "+12026-01-01T00:00:00Z", NULL, 0, "range" },
		{ "%Y-%m-%d", "10000-01-01", NULL, 0, "range" },
		{ "%Y-%m-%d", "123456-01-01", NULL, 0, "a year" },
		{ "%Y-%m-%d", "-1-01-01", NULL, 0, "a year" },
		{ "auto", "0001-01-01T00:00:00Z", NULL, 0, "range" },
	};

	rows(r, COUNT(r), "years");
}

static void
test_base_year(void)
{
	static const struct {
		int year;
		const char *format, *text, *base, *time;
		const char *why;
	} row[] = {
		{ 2019, "rfc3164", "Nov 22 13:00:00", BASE, "2019-11-22T13:00:00Z" },
		{ 2019, "rfc3164", "Nov 22 13:00:00", NULL, "2019-11-22T13:00:00Z" },
		{ 2030, "klog", "I1231 23:59:59.5", BASE, "2030-12-31T23:59:59.5Z" },
		{ 2019, "auto", "Nov 22 13:00:00", NULL, "2019-11-22T13:00:00Z" },
		{ 2020, "%j %T", "366 13:00:00", NULL, "2020-12-31T13:00:00Z" },
		{ 2019, "%j %T", "366 13:00:00", BASE, NULL, "a day of the year" },
		{ 2020, "%b %d %T", "Feb 29 12:00:00", BASE, "2020-02-29T12:00:00Z" },
		{ 2019, "%b %d %T", "Feb 29 12:00:00", "2020-03-01T00:00:00Z", NULL,
		    "a day that" },
		{ 2100, "%b %d %T", "Feb 29 12:00:00", BASE, NULL, "a day that" },
		{ 2019, "%Y %b %d", "2026 Nov 22", NULL, "2026-11-22T00:00:00Z" },
		{ 2019, "%y%m%d", "261122", NULL, "2026-11-22T00:00:00Z" },
		{ 2019, "%s", "7", NULL, "1970-01-01T00:00:07Z" },
		/* no date at all: its day is still the base's */
		{ 2019, "%T", "13:00:00", BASE, "2026-11-22T13:00:00Z" },
		{ 2019, "%T", "13:00:00", NULL, NULL, "a year" },
		{ 1, "rfc3164", "Nov 22 13:00:00", BASE, NULL, "range" },
		{ 9999, "rfc3164", "Nov 22 13:00:00", BASE, NULL, "range" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct timeformat_options o = { .base_year = row[i].year };
		struct time_reading out = { .ns = 7, .why = "" };
		struct err e = { 0 };
		struct timeformat *tf = timeformat_open(row[i].format, &o, &e);
		bool fits = timeformat_read(tf, str_of(row[i].text),
		    row[i].base ? ns_of(row[i].base) : TIMEFORMAT_NO_BASE, &out);

		ok(fits == (row[i].time != NULL) &&
			(fits ? out.ns == ns_of(row[i].time)
			      : out.ns == 7 && strncmp(out.why, row[i].why,
						   strlen(row[i].why)) == 0),
		    "base year %d, %s of %s: %s", row[i].year, row[i].format, row[i].text,
		    out.why ? out.why : "read");
		timeformat_close(tf);
	}
}

static void
test_needs_base(void)
{
	static const struct {
		const char *format;
		int year;
		bool needs;
	} row[] = { { "%b %d %T", 0, true }, { "%b %d %T", 2019, false },
		{ "%T", 2019, true }, { "%F %T", 0, false } };

	for (size_t i = 0; i < COUNT(row); i++) {
		struct timeformat_options o = { .base_year = row[i].year };
		struct err e = { 0 };
		struct timeformat *tf = timeformat_open(row[i].format, &o, &e);

		ok(timeformat_needs_base(tf) == row[i].needs, "%s with base year %d",
		    row[i].format, row[i].year);
		timeformat_close(tf);
	}
}

static void
test_listed_zones(void)
{
	static const char file[] =
	    "# ours\n\nIST +05:30 # Kolkata\r\n\tNoWhereStandards\t-0330\n"
	    "GMT +01:00\nCEST +09\nA +01:00\nZ -00:00";
	static const struct {
		const char *format, *text, *time; /* NULL: not understood */
		size_t rest;
	} row[] = {
		{ "%F %T %Z", "2026-11-22 18:30:00 IST", T "Z" },
		{ "%F %T %Z", "2026-11-22 18:30:00 IST up", T "Z", 3 },
		{ "%Z %F %T", "IST 2026-11-22 18:30:00", T "Z" },
		{ "auto", "Sun Nov 22 18:30:00 IST 2026", T "Z" },
		/* before all other meanings: the zone's own, everybody's, the military's */
		{ "%F %T %Z", "2026-07-22 09:00:00 CEST", "2026-07-22T00:00:00Z" },
		{ "%F %T %Z", "2026-07-22 14:00:00 CET", "2026-07-22T13:00:00Z" },
		{ "%F %T %Z", "2026-11-22 14:00:00 GMT", T "Z" },
		{ "%F %T %Z", "2026-11-22 14:00:00 A", T "Z" },
		{ "%F %T %Z", "2026-11-22 13:00:00 UTC", T "Z" },
		/* an offset behind it is what counts, */
		{ "%F %T %Z", "2026-11-22 15:00:00 GMT+0200", T "Z" },
		/* and %z knows no names */
		{ "%F %T %z", "2026-11-22 13:00:00 GMT", T "Z" },
		{ "%F %T %z", "2026-11-22 13:00:00 IST" },
		/* whole names, in their case */
		{ "%F %T %Z", "2026-11-22 13:00:00 ist" },
		{ "%F %T %Z", "2026-11-22 13:00:00 ISTX" },
		{ "%F %T %Z", "2026-11-22 09:30:00 NoWhereStandard", T "Z" },
		{ "%F %T %Z", "2026-11-22 13:00:00 NoWhereStandardsX" },
	};
	struct err e = { 0 };
	struct zonenames *none, *names = zonenames_from(str_of(file), "f", &e);

	ok(names == NULL && e.status == ST_USAGE &&
		strcmp(e.text, "f:4: a name of over 15 letters") == 0,
	    "16 letters: %s", e.text);
	zonenames_close(names);
	names = zonenames_from(STR("NoWhereStandard -0330\nIST +05:30 # x\r\nGMT +01:00\n"
				   "CEST +09\nA +01:00\n\n#"),
	    "f", &e);
	none = zonenames_from(STR(""), "f", &e);
	ok(names != NULL && none != NULL, "names of zones");
	for (size_t i = 0; i < COUNT(row); i++) {
		struct timeformat_options o = {
			.zone = zone_open(zone_file, &e), .strict = true, .names = names
		};
		struct timeformat *tf = timeformat_open(row[i].format, &o, &e);
		size_t n = strlen(row[i].text);
		bool good = true;

		for (int twice = 0; twice < 2;
		     twice++) { /* also from what it remembers */
			struct time_reading out = { .ns = 7 };
			char *exact = malloc(n + 1);
			bool fits;

			memcpy(exact + 1, row[i].text, n);
			fits = timeformat_read(
			    tf, (struct str){ exact + 1, n }, TIMEFORMAT_NO_BASE, &out);
			good = good && (row[i].time == NULL
					       ? !fits
					       : fits && out.ns == ns_of(row[i].time) &&
						     out.used == n - row[i].rest &&
						     (out.flags & TIME_ZONE_TOLD));
			free(exact);
		}
		ok(good, "listed: %s of %s", row[i].format, row[i].text);
		timeformat_close(tf);
		zone_close(o.zone);
	}
	zonenames_close(names);
	zonenames_close(none);
}

/* timestamp_parse knows the years from 1678 on. */
static void
test_first_instant(void)
{
	struct err e;
	struct timeformat *tf = timeformat_open("rfc3339", NULL, &e);
	struct time_reading out = { 0 };

	ok(timeformat_read(tf, STR("1677-09-21T00:12:43.145224192Z"), 0, &out) &&
		out.ns == INT64_MIN,
	    "the first instant of int64");
	timeformat_close(tf);
}

/* Clocks that go back over New Year: what they showed first was next year already. */
static void
test_new_year_twice(void)
{
	static const uint8_t tzif[] = "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				      "\0\0\0\0\0\0\0\0\0\0\0\0"
				      "\0\0\0\1\0\0\0\2\0\0\0\4"
				      "\x6b\x36\xe5\x78\1" /* 2026-12-31T23:30:00Z: */
				      "\0\0\x0e\x10\0\0\0\0\0\0\0\0" /* 1 h, then 0 */
				      "AAA";
	struct err e = { 0 };
	struct timeformat_options o = { zone_from(tzif, sizeof tzif, "made", &e), 0,
		false };
	struct timeformat *tf = timeformat_open("%b %d %T", &o, &e);
	struct time_reading out = { 0 };

	ok(o.zone != NULL &&
		timeformat_read(
		    tf, STR("Jan  1 00:10:00"), ns_of("2026-12-30T23:45:00Z"), &out) &&
		out.ns == ns_of("2026-12-31T23:10:00Z") &&
		out.flags == (GUESS | TIME_AMBIGUOUS),
	    "clocks that go back over New Year %s", e.text);
	timeformat_close(tf);
	zone_close(o.zone);
}

static void
test_clock(void)
{
	static const struct row r[] = {
		{ "rfc3339", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z",
		    TOLD | TIME_LEAP_SECOND },
		{ "%F %T", "2016-12-31 23:59:60", "2017-01-01T00:00:00Z",
		    TIME_LEAP_SECOND },
		{ "rfc3339", "2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.5Z",
		    TOLD | TIME_LEAP_SECOND },
		{ "rfc3339", "2016-12-31T23:59:61Z", NULL, 0, "a time of day" },
		{ "%F %T", "2016-12-31 23:59:61", NULL, 0, "a second" },
		{ "%F %T", "2026-11-21 24:00:00", "2026-11-22T00:00:00Z", 0 },
		{ "%F %T", "2026-12-31 24:00:00", "2027-01-01T00:00:00Z", 0 },
		{ "rfc3339", "2026-11-21T24:00:00Z", "2026-11-22T00:00:00Z", TOLD },
		{ "%F %T", "2026-11-21 24:00:01", NULL, 0, "an hour" },
		{ "%F %T.%L", "2026-11-21 24:00:00.1", NULL, 0, "an hour" },
		{ "%F %T", "2026-11-21 24:00:00", NULL, 0, "an hour", STRICT },
		{ "%F %T", "2026-11-21 25:00:00", NULL, 0, "an hour" },
		{ "%F %T", "2026-11-21 23:60:00", NULL, 0, "a minute" },
		{ "rfc3339", "2026-13-21T23:00:00Z", NULL, 0, "a month" },
		{ "rfc3339", "2026-11-31T23:00:00Z", NULL, 0, "a day" },
		/* twelve hours */
		{ "%F %I:%M %p", "2026-11-22 12:00 AM", "2026-11-22T00:00:00Z", 0 },
		{ "%F %I:%M %p", "2026-11-22 12:30 PM", "2026-11-22T12:30:00Z", 0 },
		{ "%F %I:%M %p", "2026-11-22 1:30 pm", "2026-11-22T13:30:00Z", 0 },
		{ "%F %I:%M%p", "2026-11-22 11:30a.m.", "2026-11-22T11:30:00Z", 0 },
		{ "%F %p %l:%M", "2026-11-22 PM  1:30", "2026-11-22T13:30:00Z", 0 },
		{ "%F %I:%M %p", "2026-11-22 13:30 PM", NULL, 0, "an hour" },
		{ "%F %H:%M %p", "2026-11-22 13:30 PM", "2026-11-22T13:30:00Z", 0 },
		{ "%F %I:%M %p", "2026-11-22 11:30 xm", NULL, 0, "am or pm" },
		{ "%F %I:%M %p", "2026-11-22 11:30 a.m", "2026-11-22T11:30:00Z", 0 },
		{ "%F %I:%M %p", "2026-11-22 11:30 a.mx", "2026-11-22T11:30:00Z", 0,
		    "x" },
		/* a weekday is read, and not believed */
		{ "%a %F", "Mon 2026-11-22", "2026-11-22T00:00:00Z", 0 },
		{ "%a %F", "Thurs 2026-11-22", "2026-11-22T00:00:00Z", 0 },
		{ "%a %F", "Xyz 2026-11-22", NULL, 0, "the name of a weekday" },
		{ "%d %b %Y", "22 Sept 2026", "2026-09-22T00:00:00Z", 0 },
		{ "%d %b %Y", "22 Okt 2026", NULL, 0, "the name of a month" },
		/* text behind */
		{ "%F %T", "2026-11-22 13:00:00 [main] x", T "Z", 0, " [main] x" },
		{ "%F %T", "2026-11-22 13:00", NULL, 0, "what the format" },
		{ "%F %T", "", NULL, 0, "a year" },
		{ "rfc3339", "", NULL, 0, "YYYY" },
		{ "clf", "", NULL, 0, "a day" },
	};

	rows(r, COUNT(r), "clocks");
}

static void
test_numbers(void)
{
	static const struct row r[] = {
		{ "epoch", "0", "1970-01-01T00:00:00Z", TOLD },
		{ "epoch", "-1", "1969-12-31T23:59:59Z", TOLD },
		{ "%s", "-1", "1969-12-31T23:59:59Z", TOLD },
		{ "%s.%L", "-1.25", "1969-12-31T23:59:58.75Z", TOLD },
		{ "epoch", "-1.25", "1969-12-31T23:59:58.75Z", TOLD },
		{ "%s%L", "1795352400", T "Z", TOLD },
		{ "epoch_s", "1795352400123", NULL, 0, "range" },
		{ "epoch_ms", "1795352400123.456", T ".123456Z", TOLD },
		{ "epoch_us", "1795352400123456", T ".123456Z", TOLD },
		{ "epoch_ns", "1", "1970-01-01T00:00:00.000000001Z", TOLD },
		{ "epoch_ns", "9223372036854775807", "2262-04-11T23:47:16.854775807Z",
		    TOLD },
		{ "epoch_ns", "9223372036854775808", NULL, 0, "range" },
		{ "epoch_ns", "99999999999999999999999", NULL, 0, "range" },
		{ "%s", "99999999999999999999999", NULL, 0, "range" },
		{ "%s", "9223372037", NULL, 0, "range" },
		/* the unit by the size */
		{ "epoch", "9223372036", "2262-04-11T23:47:16Z", TOLD },
		{ "epoch", "99999999999", NULL, 0, "range" },
		{ "epoch", "100000000000", "1973-03-03T09:46:40Z", TOLD },
		{ "epoch", "9223372036854", "2262-04-11T23:47:16.854Z", TOLD },
		{ "epoch", "100000000000000", "1973-03-03T09:46:40Z", TOLD },
		{ "epoch", "100000000000000000", "1973-03-03T09:46:40Z", TOLD },
		{ "epoch", "1795352400123456789", T ".123456789Z", TOLD },
		{ "epoch", "1795352400123456", T ".123456Z", TOLD },
		{ "epoch", "1.795352400123E12", T ".123Z", TOLD },
		{ "epoch", "17953524001234567e-7", T ".1234567Z", TOLD },
		{ "epoch", "0.000000000000001e24", "2001-09-09T01:46:40Z", TOLD },
		{ "epoch", "1e99999999999", NULL, 0, "range" },
		{ "epoch", "1e-99999999999", "1970-01-01T00:00:00Z", TOLD },
		{ "epoch", "1795352400e", T "Z", TOLD, "e" },
		{ "epoch", "1795352400.", T "Z", TOLD, "." },
		{ "epoch", "x", NULL, 0, "a number" },
		{ "epoch", "", NULL, 0, "a number" },
		{ "epoch", "-", NULL, 0, "a number" },
		/* TAI64N */
		{ "tai64n_10", "@400000004a32392b2aa21dac",
		    "2009-06-12T11:16:49.7152675Z", TOLD },
		{ "tai64n", "@400000004a32392b2aa21dac", "2009-06-12T11:16:25.7152675Z",
		    TOLD },
		{ "tai64n", "@400000000000000A", "1970-01-01T00:00:00Z", TOLD },
		{ "tai64n", "@400000000000000a 12", "1970-01-01T00:00:00Z", TOLD, " 12" },
		/* 2017-01-01: 37 s; the second before it is the leap second */
		{ "tai64n", "@40000000586846a3", "2016-12-31T23:59:59Z", TOLD },
		{ "tai64n", "@40000000586846a4", "2017-01-01T00:00:00Z",
		    TOLD | TIME_LEAP_SECOND },
		{ "tai64n", "@40000000586846a5", "2017-01-01T00:00:00Z", TOLD },
		{ "tai64n", "@4000000003c26709", "1971-12-31T23:59:59Z", TOLD },
		{ "tai64n", "@4000000004b2580a", "1972-07-01T00:00:00Z",
		    TOLD | TIME_LEAP_SECOND },
		{ "tai64n", "@400000004a32392bffffffff", NULL, 0, "at most" },
		{ "tai64n", "@c00000004a32392b2aa21dac", NULL, 0, "range" },
		{ "tai64n", "@000000004a32392b2aa21dac", NULL, 0, "range" },
		{ "tai64n", "@400000004a32392", NULL, 0, "@ and" },
		{ "tai64n", "400000004a32392b2aa21dac", NULL, 0, "@ and" },
	};

	rows(r, COUNT(r), "numbers");
}

static void
test_auto(void)
{
	static const struct row r[] = {
		{ "auto", T ".5Z", T ".5Z", TOLD },
		{ "auto", "2026-11-22 13:00:00,5", T ".5Z", MISSING },
		{ "auto", "2026-11-22 9:00:00,5", "2026-11-22T09:00:00.5Z", 0 },
		{ "auto", "2026-11-22 13:00:00.123 UTC", T ".123Z", TOLD },
		{ "auto", "22/Nov/2026:13:00:00 +0000", T "Z", TOLD },
		{ "auto", "22/Nov/2026:13:00:00.123", T ".123Z", MISSING },
		{ "auto", "Nov 22 13:00:00", T "Z", GUESS },
		{ "auto", "Nov 22 2025 13:00:00", "2025-11-22T13:00:00Z", 0 },
		{ "auto", "Nov 22, 2026 1:00:00\xe2\x80\xafPM", T "Z", 0 },
		{ "auto", "Sun Nov 22 13:00:00.25 2026", T ".25Z", 0 },
		{ "auto", "Sun Nov 22 13:00:00 UTC 2026", T "Z", TOLD },
		{ "auto", "Sun, 22 Nov 2026 14:00:00 +0100", T "Z", TOLD },
		{ "auto", "22 Nov 2026 13:00:00.276", T ".276Z", 0 },
		{ "auto", "22 Nov 13:00:00.276", T ".276Z", GUESS },
		{ "auto", "22-Nov-2026::13:00:00", T "Z", 0 },
		{ "auto", "22-Nov-2026 13:00:00 UTC", T "Z", TOLD },
		{ "auto", "2026/11/22 13:00:00", T "Z", 0 },
		{ "auto", "I1122 13:00:00.123456", T ".123456Z", GUESS },
		{ "auto", "081109 203615", "2008-11-09T20:36:15Z", 0 },
		{ "auto", "261122  9:00:00", "2026-11-22T09:00:00Z", 0 },
		{ "auto", "17/06/09 20:10:40", "2017-06-09T20:10:40Z", 0 },
		{ "auto", "03-17 16:13:38.811", "2026-03-17T16:13:38.811Z", GUESS },
		{ "auto", "11/22/2026 1:00:00 PM", T "Z", 0 },
		{ "auto", "11/22/2026 13:00:00", NULL, 0, "" },
		{ "auto", "20171223-22:15:29:606", "2017-12-23T22:15:29.606Z", 0 },
		{ "auto", "20261122T130000Z", T "Z", TOLD },
		{ "auto", "20261122130000", T "Z", 0 },
		{ "auto", "1795352400", T "Z", TOLD },
		{ "auto", "1795352400.5", T ".5Z", TOLD },
		{ "auto", "1795352400123456789", T ".123456789Z", TOLD },
		{ "auto", "17", NULL, 0, "" },
		{ "auto", "@400000004a32392b2aa21dac", "2009-06-12T11:16:25.7152675Z",
		    TOLD },
		{ "auto", "Nov 22 13:00:00 host x: y", T "Z", GUESS, " host x: y" },
		{ "auto", "", NULL, 0, "" },
		{ "auto", "hello", NULL, 0, "" },
	};
	struct err e;
	struct timeformat *tf = timeformat_open("auto", NULL, &e);
	unsigned wrong = 0;

	rows(r, COUNT(r), "auto");
	/* one format through all of them in turn: what fitted last must not mislead it */
	for (size_t k = 0; k < 3 * COUNT(r); k++) {
		const struct row *now = &r[k * 7 % COUNT(r)];
		struct time_reading out = { 0 };
		bool fits = timeformat_read(tf, str_of(now->text), ns_of(BASE), &out);

		if (fits == (now->time != NULL) && (!fits || out.ns == ns_of(now->time)))
			continue;
		printf("# in turn: %s\n", now->text);
		wrong++;
	}
	ok(wrong == 0, "auto, from one kind to the next");
	timeformat_close(tf);
}

/* What it remembers of the last text must not show. */
static void
test_memory(void)
{
	static const char *const formats[] = { "rfc3339", "clf", "%H%M%S",
		"%b %d %k:%M %S", "%d/%b/%Y:%H:%M:%S.%L %z" };
	static const char *const texts[] = { "2026-11-22T13:00:01Z",
		"2026-11-22T13:00:59+01:00", "2026-11-22T13:00:60Z",
		"2026-11-22T13:00:61Z", "2026-11-21T24:00:00Z", "2026-11-21T24:00:01Z",
		"2026-11-22T13:00:0xZ", "2026-11-22T13:00:", "2026-11-22T13:01:00.5Z",
		"123x", "12345", "123456", "Nov 22 13:05 9", "Nov 22 13:05  9",
		"Nov 22 13:05 17", "Nov 22 13:05 x", "22/Nov/2026:13:00:01 +0100",
		"22/Nov/2026:13:00:01 +0200", "22/Nov/2026:13:00:61 +0200",
		"22/Nov/2026:13:00:02", "22/Nov/2026:13:00:2 Z" };
	struct err e;
	unsigned wrong = 0;

	for (size_t f = 0; f < COUNT(formats); f++) {
		struct timeformat *old = timeformat_open(formats[f], NULL, &e);

		for (size_t i = 0; i < COUNT(texts) * COUNT(texts); i++) {
			const char *pair[] = { texts[i / COUNT(texts)],
				texts[i % COUNT(texts)] };

			for (int k = 0; k < 2; k++) {
				struct timeformat *fresh =
				    timeformat_open(formats[f], NULL, &e);
				struct time_reading a = { 0 }, b = { 0 };
				bool fa = timeformat_read(
				    old, str_of(pair[k]), ns_of(BASE), &a);
				bool fb = timeformat_read(
				    fresh, str_of(pair[k]), ns_of(BASE), &b);

				if (fa != fb || a.ns != b.ns || a.used != b.used ||
				    (fa && a.flags != b.flags) ||
				    (!fa && a.why != b.why)) {
					printf("# %s: %s then %s\n", formats[f], pair[0],
					    pair[1]);
					wrong++;
				}
				timeformat_close(fresh);
			}
		}
		timeformat_close(old);
	}
	ok(wrong == 0, "what a format remembers never shows");
}

static void
test_bad_formats(void)
{
	static const struct {
		const char *format, *says;
	} bad[] = {
		{ "%Q", "byte 1: there is no conversion %Q; there are %Y" },
		{ "%Y-%m-%d %Q", "byte 10" },
		{ "%Y %", "byte 4: a % at the end" },
		{ "%Y %L", "byte 4: the fraction" },
		{ "%L", "the fraction" },
		{ "%S--%L", "the fraction" },
		{ "%d %T", "a day, but no month" },
		{ "%C-%m", "%C needs %y" },
		{ "%M:%S", "neither a date nor an hour" },
		{ "%%", "neither a date nor an hour" },
		{ "rfc3338", "none of the names: rfc3339" },
		{ "", "none of the names" },
	};
	struct err e;
	char longest[TIMEFORMAT_MAX + 2];
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct timeformat *tf = timeformat_open(bad[i].format, NULL, &e);

		if (tf == NULL && e.status == ST_USAGE &&
		    strstr(e.text, bad[i].says) != NULL)
			continue;
		printf("# %s: %s\n", bad[i].format, tf ? "accepted" : e.text);
		timeformat_close(tf);
		wrong++;
	}
	ok(wrong == 0, "%zu wrong formats are refused by what is wrong", COUNT(bad));

	memset(longest, 'x', sizeof longest);
	memcpy(longest, "%Y", 2);
	longest[TIMEFORMAT_STEPS_MAX + 2] = '\0';
	ok(timeformat_open(longest, NULL, &e) == NULL && strstr(e.text, "longer"),
	    "a step too many: %s", e.text);
	longest[TIMEFORMAT_STEPS_MAX + 2] = 'x';
	longest[TIMEFORMAT_MAX + 1] = '\0';
	ok(timeformat_open(longest, NULL, &e) == NULL && strstr(e.text, "256"), "%s",
	    e.text);
}

static void
test_names(void)
{
	unsigned wrong = 0;
	struct err e;

	for (size_t i = 0; timeformat_names[i] != NULL; i++) {
		struct timeformat *tf = timeformat_open(timeformat_names[i], NULL, &e);

		wrong += tf == NULL;
		if (tf != NULL && timeformat_needs_base(tf) !=
				      (strcmp(timeformat_names[i], "rfc3164") == 0 ||
					  strcmp(timeformat_names[i], "klog") == 0 ||
					  strcmp(timeformat_names[i], "auto") == 0))
			wrong++;
		timeformat_close(tf);
	}
	ok(wrong == 0, "every name opens, and says whether it needs a base");
}

/* For tests/timeoracle.py: a question a line on stdin, an answer a line on stdout.
 *
 *     read<TAB>FORMAT<TAB>ZONE<TAB>STRICT<TAB>BASE_NS<TAB>TEXT   NS FLAGS USED, or -
 *     offset<TAB>ZONE<TAB>UTC                                    OFFSET
 *     local<TAB>ZONE<TAB>LOCAL                                   UTC OFFSET KIND
 */
static int
answer_questions(void)
{
	static char line[4096], format[TIMEFORMAT_MAX + 1], zone_name[ZONE_NAME_MAX + 1];
	struct timeformat *tf = NULL;
	struct zone *z = NULL;
	struct err e = { 0 };
	bool strict = false;

	while (fgets(line, sizeof line, stdin) != NULL) {
		char *word[6] = { line }, *p = line;
		int n = 1;

		line[strcspn(line, "\n")] = '\0';
		for (; n < 6 && (p = strchr(p, '\t')) != NULL; n++) {
			*p++ = '\0';
			word[n] = p;
		}
		const char *name = word[*line == 'r' ? 2 : 1];
		bool new_zone = z == NULL || strcmp(name, zone_name) != 0;

		if (new_zone) {
			timeformat_close(tf); /* it holds the zone */
			tf = NULL;
			zone_close(z);
			if ((z = zone_open(name, &e)) == NULL) {
				printf("! %s\n", e.text);
				continue;
			}
			snprintf(zone_name, sizeof zone_name, "%s", name);
		}
		if (*line == 'o') {
			printf("%d\n", (int)zone_offset(z, atoll(word[2])));
		} else if (*line == 'l') {
			int32_t offset = 0;
			enum zone_kind kind = ZONE_UNIQUE;
			int64_t utc = zone_local(z, atoll(word[2]), &offset, &kind);

			printf("%lld %d %d\n", (long long)utc, (int)offset, (int)kind);
		} else {
			struct time_reading out = { 0 };
			struct timeformat_options o = { z, 0, *word[3] == '1' };
			int64_t base = strcmp(word[4], "-") == 0 ? TIMEFORMAT_NO_BASE
								 : atoll(word[4]);

			if (tf == NULL || strcmp(word[1], format) != 0 ||
			    o.strict != strict) {
				timeformat_close(tf);
				tf = timeformat_open(word[1], &o, &e);
				snprintf(format, sizeof format, "%s", word[1]);
				strict = o.strict;
			}
			if (tf == NULL)
				printf("! %s\n", e.text);
			else if (timeformat_read(tf, str_of(word[5]), base, &out))
				printf("%lld %u %zu\n", (long long)out.ns, out.flags,
				    out.used);
			else
				printf("-\n");
		}
	}
	timeformat_close(tf);
	zone_close(z);
	return 0;
}

int
main(int argc, char *argv[])
{
	if (argc > 1 && strcmp(argv[1], "answer") == 0)
		return answer_questions();
	test_formats_seen();
	test_fractions();
	test_zones();
	test_area_zones();
	test_years();
	test_listed_zones();
	test_base_year();
	test_needs_base();
	test_first_instant();
	test_new_year_twice();
	test_clock();
	test_numbers();
	test_auto();
	test_memory();
	test_bad_formats();
	test_names();
	return unit_end();
}
