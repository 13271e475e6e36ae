#include "record/timestamp.h"

#include <string.h>

/* Days are counted in eras of 400 years that begin on 1 March, so that the leap day is the
 * last of its year (the usual arithmetic of the Gregorian calendar). */

int64_t
timestamp_day(int year, int month, int mday)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + mday - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void
timestamp_civil(int64_t day, int *year, int *month, int *mday)
{
	int64_t z = day + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*mday = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + era * 400 + (*month <= 2));
}

/* `n` digits at p, or -1. */
static int
digits(const char *p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		unsigned d = (unsigned char)p[i] - '0';

		if (d > 9)
			return -1;
		v = v * 10 + (int)d;
	}
	return v;
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* The offset of "Z", "+08:00", "-0530" in seconds; false if it is none of these. */
static bool
zone(const char *p, size_t n, int *seconds)
{
	int h, m = 0;

	if (n == 1 && (*p == 'Z' || *p == 'z')) {
		*seconds = 0;
		return true;
	}
	if (n < 3 || (*p != '+' && *p != '-') || (h = digits(p + 1, 2)) < 0 || h > 23)
		return false;
	if (n == 6 && p[3] == ':')
		m = digits(p + 4, 2);
	else if (n == 5)
		m = digits(p + 3, 2);
	else if (n != 3)
		return false;
	if (m < 0 || m > 59)
		return false;
	*seconds = (h * 3600 + m * 60) * (*p == '-' ? -1 : 1);
	return true;
}

bool
timestamp_parse(struct str s, int64_t *ns)
{
	const char *p = s.p;
	int y, mo, d, h, mi, sec, off;
	size_t at = 19;
	int64_t fraction = 0, unit = 100000000, t;

	if (s.n < 20 || p[4] != '-' || p[7] != '-' ||
	    (p[10] != 'T' && p[10] != 't' && p[10] != ' ') || p[13] != ':' ||
	    p[16] != ':')
		return false;
	y = digits(p, 4), mo = digits(p + 5, 2), d = digits(p + 8, 2);
	h = digits(p + 11, 2), mi = digits(p + 14, 2), sec = digits(p + 17, 2);
	if (y < 1678 || y > 2261 || mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo) ||
	    h < 0 || h > 23 || mi < 0 || mi > 59 || sec < 0 || sec > 60)
		return false;
	if (p[at] == '.') {
		size_t from = ++at;

		for (; at < s.n && p[at] >= '0' && p[at] <= '9'; at++, unit /= 10)
			fraction += (p[at] - '0') * unit;
		if (at == from)
			return false;
	}
	if (!zone(p + at, s.n - at, &off))
		return false;
	t = timestamp_day(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec - off;
	*ns = t * 1000000000 + fraction;
	return true;
}

static char *
put_digits(char *to, unsigned n, unsigned v)
{
	for (unsigned i = n; i-- > 0; v /= 10)
		to[i] = (char)('0' + v % 10);
	return to + n;
}

size_t
timestamp_format(int64_t ns, char out[TIMESTAMP_MAX])
{
	int64_t s = ns / 1000000000, frac = ns % 1000000000, day;
	int y, mo, d;
	char *to = out;

	if (frac < 0) {
		frac += 1000000000;
		s--;
	}
	day = s >= 0 ? s / 86400 : -((-s + 86399) / 86400);
	s -= day * 86400;
	timestamp_civil(day, &y, &mo, &d);
	to = put_digits(to, 4, (unsigned)y);
	*to++ = '-';
	to = put_digits(to, 2, (unsigned)mo);
	*to++ = '-';
	to = put_digits(to, 2, (unsigned)d);
	*to++ = 'T';
	to = put_digits(to, 2, (unsigned)(s / 3600));
	*to++ = ':';
	to = put_digits(to, 2, (unsigned)(s / 60 % 60));
	*to++ = ':';
	to = put_digits(to, 2, (unsigned)(s % 60));
	if (frac != 0) {
		*to++ = '.';
		to = put_digits(to, 9, (unsigned)frac);
		while (to[-1] == '0')
			to--;
	}
	*to++ = 'Z';
	*to = '\0';
	return (size_t)(to - out);
}

/* What is behind the text is all NUL, so that bytes can be compared. */
static void
keep(char kept[TIMESTAMP_MAX], struct str time)
{
	memcpy(kept, time.p, time.n);
	memset(kept + time.n, 0, TIMESTAMP_MAX - time.n);
}

void
timestamp_widen(char first[TIMESTAMP_MAX], char last[TIMESTAMP_MAX], struct str time)
{
	if (time.n == 0 || time.n >= TIMESTAMP_MAX)
		return;
	if (*first == '\0' || memcmp(time.p, first, time.n) < 0)
		keep(first, time);
	if (*last == '\0' || memcmp(time.p, last, time.n) > 0)
		keep(last, time);
}
