/* RFC 3339 times to nanoseconds and back. */
#include "record/timestamp.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define J(literal)                                                                       \
	{                                                                                \
		literal, sizeof(literal) - 1                                             \
	}
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define S INT64_C(1000000000)

static void
test_parse(void)
{
	static const struct {
		struct str in;
		int64_t ns;
	} cases[] = {
		{ J("1970-01-01T00:00:00Z"), 0 },
		{ J("1970-01-01T00:00:00.000000001Z"), 1 },
		{ J("1969-12-31T23:59:59.999999999Z"), -1 },
		{ J("1969-12-31T23:59:59Z"), -S },
		{ J("2026-11-22T13:00:00Z"), 1795352400 * S },
		{ J("2026-11-22t13:00:00z"), 1795352400 * S },
		{ J("2026-11-22 13:00:00Z"), 1795352400 * S },
		{ J("2026-11-22T21:00:00+08:00"), 1795352400 * S },
		{ J("2026-11-22T07:30:00-0530"), 1795352400 * S },
		{ J("2026-11-22T15:00:00+02"), 1795352400 * S },
		{ J("2026-11-23T12:59:00+23:59"), 1795352400 * S },
		{ J("2026-11-22T13:00:00-00:00"), 1795352400 * S },
		{ J("2026-11-22T13:00:00+00:00"), 1795352400 * S },
		{ J("2026-11-22T13:00:00.5+00:00"), 1795352400 * S + S / 2 },
		{ J("2026-11-22T12:59:60Z"), 1795352400 * S },
		{ J("2016-12-31T23:59:60Z"), 1483228800 * S },
		{ J("2016-12-31T23:59:60.25Z"), 1483228800 * S + S / 4 },
		{ J("2000-02-29T00:00:00Z"), 951782400 * S },
		{ J("2024-02-29T23:59:59Z"), 1709251199 * S },
		{ J("2038-01-19T03:14:08Z"), 2147483648 * S },
		{ J("1678-01-01T00:00:00Z"), -9214560000 * S },
		{ J("1678-01-01T00:00:00+23:59"), (-9214560000 - 86340) * S },
		{ J("2261-12-31T23:59:59.999999999Z"), 9214646399 * S + 999999999 },
		{ J("2261-12-31T23:59:60.999999999-23:59"),
		    (9214646400 + 86340) * S + 999999999 },
		/* fractions of 1 to 12 digits and more: cut off, not rounded */
		{ J("1970-01-01T00:00:00.1Z"), 100000000 },
		{ J("1970-01-01T00:00:00.12Z"), 120000000 },
		{ J("1970-01-01T00:00:00.123Z"), 123000000 },
		{ J("1970-01-01T00:00:00.1234Z"), 123400000 },
		{ J("1970-01-01T00:00:00.12345Z"), 123450000 },
		{ J("1970-01-01T00:00:00.123456Z"), 123456000 },
		{ J("1970-01-01T00:00:00.1234567Z"), 123456700 },
		{ J("1970-01-01T00:00:00.12345678Z"), 123456780 },
		{ J("1970-01-01T00:00:00.123456789Z"), 123456789 },
		{ J("1970-01-01T00:00:00.1234567899Z"), 123456789 },
		{ J("1970-01-01T00:00:00.12345678999Z"), 123456789 },
		{ J("1970-01-01T00:00:00.999999999999Z"), 999999999 },
		{ J("1970-01-01T00:00:00.000000000000000000000000000000009Z"), 0 },
		{ J("1970-01-01T00:00:00.000Z"), 0 },
	};
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns = 12345;

		if (timestamp_parse(cases[i].in, &ns) && ns == cases[i].ns)
			continue;
		printf("# %s: %lld, not %lld\n", cases[i].in.p, (long long)ns,
		    (long long)cases[i].ns);
		wrong++;
	}
	ok(wrong == 0, "%zu good times", COUNT(cases));
}

static void
test_bad(void)
{
	static const struct str cases[] = { J(""), J("Z"), J("2026"), J("2026-11-22"),
		J("2026-11-22T13:00:00"), J("2026-11-22T13:00Z"),
		J("2026-11-22T13:00:00Z "), J(" 2026-11-22T13:00:00Z"),
		J("2026-11-22T13:00:00ZZ"), J("2026-11-22T13:00:00.Z"),
		J("2026-11-22T13:00:00."), J("2026-11-22T13:00:00.1"),
		J("2026-11-22T13:00:00,1Z"), J("2026-11-22T13:00:00.1 Z"),
		J("2026-00-22T13:00:00Z"), J("2026-13-22T13:00:00Z"),
		J("2026-11-00T13:00:00Z"), J("2026-11-31T13:00:00Z"),
		J("2026-12-32T13:00:00Z"), J("2026-02-29T13:00:00Z"),
		J("1900-02-29T13:00:00Z"), J("2100-02-29T13:00:00Z"),
		J("2026-11-22T24:00:00Z"), J("2026-11-22T13:60:00Z"),
		J("2026-11-22T13:00:61Z"), J("2026-11-22T13:00:00+24:00"),
		J("2026-11-22T13:00:00+08:60"), J("2026-11-22T13:00:00+8:00"),
		J("2026-11-22T13:00:00+08:0"), J("2026-11-22T13:00:00+08:000"),
		J("2026-11-22T13:00:00+080"), J("2026-11-22T13:00:00+"),
		J("2026-11-22T13:00:00+0a:00"), J("2026-11-22T13:00:00UTC"),
		J("2026/11/22T13:00:00Z"), J("2026-11-22X13:00:00Z"),
		J("2026-11-22T13-00-00Z"), J("+026-11-22T13:00:00Z"),
		J("20a6-11-22T13:00:00Z"), J("2026-1 -22T13:00:00Z"),
		J("2026-11-22T-1:00:00Z"), J("1677-12-31T23:59:59Z"),
		J("2262-01-01T00:00:00Z"), J("0000-01-01T00:00:00Z"),
		J("9999-12-31T23:59:59Z"), J("2026-11-22T13:00:00\0Z"),
		J("Sun Nov 22 13:00:00 2026"), J("1795352400"),
		J("2026-11-22T13:00:00\xe2\x88\x92"
		  "08:00") };
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *exact =
		    malloc(cases[i].n + 1); /* a read past the end shows under ASan */
		int64_t ns = 7;

		memcpy(exact + 1, cases[i].p, cases[i].n);
		if (timestamp_parse((struct str){ exact + 1, cases[i].n }, &ns) ||
		    ns != 7) {
			printf("# accepted: %s\n", cases[i].p);
			wrong++;
		}
		free(exact);
	}
	ok(wrong == 0, "%zu bad times are refused, and leave the result alone",
	    COUNT(cases));
}

static void
test_format(void)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1, "1970-01-01T00:00:00.000000001Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z" },
		{ S, "1970-01-01T00:00:01Z" },
		{ -S, "1969-12-31T23:59:59Z" },
		{ -86400 * S, "1969-12-31T00:00:00Z" },
		{ -86400 * S - 1, "1969-12-30T23:59:59.999999999Z" },
		{ 100000000, "1970-01-01T00:00:00.1Z" },
		{ 120000, "1970-01-01T00:00:00.00012Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
		{ INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
	};
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[TIMESTAMP_MAX];
		size_t n = timestamp_format(cases[i].ns, out);

		if (n == strlen(cases[i].text) && strcmp(out, cases[i].text) == 0)
			continue;
		printf("# %s, not %s\n", out, cases[i].text);
		wrong++;
	}
	ok(wrong == 0, "%zu times written", COUNT(cases));
}

static void
test_round_trip(void)
{
	uint64_t x = 20261122;
	unsigned wrong = 0;

	for (int i = 0; i < 200000; i++) {
		static const int64_t units[] = { 1, 1000, 1000000, S, 60 * S };
		char out[TIMESTAMP_MAX];
		int64_t ns, back = 0;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		ns = (int64_t)x % (9214560000 * S) / units[i % 5] * units[i % 5];
		if (!timestamp_parse(
			(struct str){ out, timestamp_format(ns, out) }, &back) ||
		    back != ns)
			wrong++;
	}
	ok(wrong == 0, "200000 random times come back as they were");
}

/* The calendar, stepped day by day the way people do it. */
static void
test_calendar(void)
{
	int y = 1678, m = 1, d = 1, gy, gm, gd;
	int64_t first = timestamp_day(y, m, d), day = first;
	unsigned wrong = 0;

	for (; y < 2262; day++) {
		static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
			31 };
		bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

		timestamp_civil(day, &gy, &gm, &gd);
		wrong += gy != y || gm != m || gd != d || timestamp_day(y, m, d) != day;
		if (++d > days[m - 1] + (m == 2 && leap)) {
			d = 1;
			if (++m > 12) {
				m = 1;
				y++;
			}
		}
	}
	ok(wrong == 0 && first == -106650 && day == 106651 &&
		timestamp_day(1970, 1, 1) == 0,
	    "every day from 1678 to 2261 (%lld)", (long long)(day - first));
}

static void
test_hour(void)
{
	const int64_t h = 3600 * S;
	static const int64_t hours[] = { -2562047, -1000, -2, -1, 0, 1, 2, 498709,
		2562046 };
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(hours); i++)
		wrong += timestamp_hour(hours[i] * h) != hours[i] ||
			 timestamp_hour(hours[i] * h + h - 1) != hours[i] ||
			 timestamp_hour(hours[i] * h + 1) != hours[i];
	ok(wrong == 0 && timestamp_hour(INT64_MIN) == -2562048 &&
		timestamp_hour(INT64_MAX) == 2562047,
	    "hours, before the epoch too");
}

int
main(void)
{
	test_parse();
	test_bad();
	test_format();
	test_round_trip();
	test_calendar();
	test_hour();
	return unit_end();
}
