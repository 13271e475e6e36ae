#include "parse/timenumber.h"
#include "parse/timefields.h"

enum {
	DIGITS_MAX = 19, /* what uint64 has room for */
	EXPONENT_MAX = 9999,
	TAI_AT_EPOCH = 10, /* seconds that TAI is ahead before the first leap second */
};

static bool
digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

/* A number as digits * 10^exponent; digits past the 19th are zeros. */
struct number {
	bool negative;
	uint64_t digits;
	int n, exponent;
};

static void
add_digit(struct number *v, char c, bool behind_point)
{
	if (v->n < DIGITS_MAX) {
		v->digits = v->digits * 10 + (uint64_t)(c - '0');
		v->n += v->digits != 0;
		v->exponent -= behind_point;
	} else if (!behind_point && v->exponent < EXPONENT_MAX) {
		v->exponent++;
	}
}

/* "e+09"; where it ends, or `p` if it is none. */
static const char *
exponent(const char *p, const char *end, struct number *v)
{
	const char *q = p + 1;
	bool minus = false;
	int e = 0;

	if (p == end || (*p != 'e' && *p != 'E'))
		return p;
	if (q < end && (*q == '+' || *q == '-'))
		minus = *q++ == '-';
	if (!digit(q, end))
		return p;
	for (; digit(q, end); q++)
		e = e < EXPONENT_MAX ? e * 10 + (*q - '0') : EXPONENT_MAX;
	v->exponent += minus ? -e : e;
	return q;
}

/* Where the number ends; NULL: there is none. */
static const char *
number(const char *p, const char *end, struct number *v)
{
	*v = (struct number){ 0 };
	if (p < end && *p == '-') {
		v->negative = true;
		p++;
	}
	if (!digit(p, end))
		return NULL;
	for (; digit(p, end); p++)
		add_digit(v, *p, false);
	if (p < end && (*p == '.' || *p == ',') && digit(p + 1, end))
		for (p++; digit(p, end); p++)
			add_digit(v, *p, true);
	return exponent(p, end, v);
}

static enum time_unit
unit_of(const struct number *v)
{
	int whole = v->n + v->exponent; /* digits before the point */

	return whole <= 11   ? TIME_S
	       : whole <= 14 ? TIME_MS
	       : whole <= 17 ? TIME_US
			     : TIME_NS;
}

/* digits * 10^power as an int64; false if it is too large. */
static bool
scaled(const struct number *v, int power, int64_t *ns)
{
	uint64_t t = v->digits;

	for (; power < 0 && t > 0; power++)
		t /= 10;
	for (; power > 0 && t > 0; power--)
		if (__builtin_mul_overflow(t, 10, &t))
			return false;
	if (t > (uint64_t)INT64_MAX + v->negative)
		return false;
	*ns = v->negative ? (int64_t)(0 - t) : (int64_t)t;
	return true;
}

bool
timenumber_read(struct str s, enum time_unit unit, struct time_reading *out)
{
	struct number v;
	const char *end = number(s.p, s.p + s.n, &v);

	out->used = 0;
	if (end == NULL) {
		out->why = "a number";
		return false;
	}
	if (unit == TIME_BY_SIZE)
		unit = unit_of(&v);
	if (!scaled(&v, v.exponent + (int)unit, &out->ns)) {
		out->why = TIME_RANGE;
		return false;
	}
	out->used = (size_t)(end - s.p);
	out->flags = TIME_ZONE_TOLD;
	return true;
}

/* ---- TAI64: TAI64N as of D. J. Bernstein's page on libtai; a label counts from 2^62 at
 * 1970-01-01 00:00:00 TAI ---- */

/* From these UTC seconds on, TAI is so much ahead.  Source: leap-seconds.list of IERS and
 * tzdata, as of 2026-07-06 (no leap second is announced; it ends on 2027-06-28).  A leap
 * second decreed after that is not known here: labels behind it would be 1 s off. */
static const struct {
	int64_t utc;
	int ahead;
} leap_seconds[] = {
	{ 78796800, 11 },
	{ 94694400, 12 },
	{ 126230400, 13 },
	{ 157766400, 14 },
	{ 189302400, 15 },
	{ 220924800, 16 },
	{ 252460800, 17 },
	{ 283996800, 18 },
	{ 315532800, 19 },
	{ 362793600, 20 },
	{ 394329600, 21 },
	{ 425865600, 22 },
	{ 489024000, 23 },
	{ 567993600, 24 },
	{ 631152000, 25 },
	{ 662688000, 26 },
	{ 709948800, 27 },
	{ 741484800, 28 },
	{ 773020800, 29 },
	{ 820454400, 30 },
	{ 867715200, 31 },
	{ 915148800, 32 },
	{ 1136073600, 33 },
	{ 1230768000, 34 },
	{ 1341100800, 35 },
	{ 1435708800, 36 },
	{ 1483228800, 37 },
};

/* `n` hexadecimal digits; false: there are not so many. */
static bool
hex(struct str s, size_t at, size_t n, uint64_t *v)
{
	*v = 0;
	if (s.n < at + n)
		return false;
	for (size_t i = at; i < at + n; i++) {
		char c = s.p[i];
		int d = c >= '0' && c <= '9'   ? c - '0'
			: c >= 'a' && c <= 'f' ? c - 'a' + 10
			: c >= 'A' && c <= 'F' ? c - 'A' + 10
					       : -1;

		if (d < 0)
			return false;
		*v = *v << 4 | (uint64_t)d;
	}
	return true;
}

/* TAI to UTC seconds; the leap second itself is the first of the next minute. */
static int64_t
utc_of(int64_t tai, bool leaps, unsigned *flags)
{
	size_t i = leaps ? sizeof leap_seconds / sizeof *leap_seconds : 0;

	while (i > 0 && tai < leap_seconds[i - 1].utc + leap_seconds[i - 1].ahead - 1)
		i--;
	if (i == 0)
		return tai - TAI_AT_EPOCH;
	if (tai == leap_seconds[i - 1].utc + leap_seconds[i - 1].ahead - 1) {
		*flags |= TIME_LEAP_SECOND;
		return leap_seconds[i - 1].utc;
	}
	return tai - leap_seconds[i - 1].ahead;
}

bool
timenumber_tai64(struct str s, bool leaps, struct time_reading *out)
{
	uint64_t label, ns = 0;
	unsigned flags = TIME_ZONE_TOLD;
	bool n;

	out->used = 0;
	if (s.n == 0 || *s.p != '@' || !hex(s, 1, 16, &label)) {
		out->why = "@ and 24 hexadecimal digits";
		return false;
	}
	n = hex(s, 17, 8, &ns);
	if (!n)
		ns = 0;
	if (label >> 63 != 0 || ns > 999999999) {
		out->why = label >> 63 != 0 ? TIME_RANGE : "at most 999999999 ns";
		return false;
	}
	if (!timefields_ns(utc_of((int64_t)(label - (UINT64_C(1) << 62)), leaps, &flags),
		(int32_t)ns, &out->ns)) {
		out->why = TIME_RANGE;
		return false;
	}
	out->used = n ? 25 : 17;
	out->flags = flags;
	return true;
}
