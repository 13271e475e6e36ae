#include "parse/timesteps.h"
#include "parse/zonenames.h"
#include "record/zone.h"

enum { ZONE_LETTERS_MAX = 6 };

static bool
is_digit(const char *p, const char *end)
{
	return p < end && (unsigned char)(*p - '0') <= 9;
}

static bool
is_letter(const char *p, const char *end)
{
	return p < end && (unsigned char)((*p | 0x20) - 'a') <= 'z' - 'a';
}

struct run {
	const char *p, *end, *why;
	struct timefields *f;
	bool strict, names, exact;
	const struct zonenames *listed;
};

static const char *
skip_blanks(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (timesteps_blank(*p))
			continue;
		/* U+00A0, U+2009 and U+202F, which Java puts before PM */
		if (end - p >= 2 && memcmp(p, "\xc2\xa0", 2) == 0)
			p += 1;
		else if (end - p >= 3 && (memcmp(p, "\xe2\x80\xaf", 3) == 0 ||
					     memcmp(p, "\xe2\x80\x89", 3) == 0))
			p += 2;
		else
			break;
	}
	return p;
}

/* Up to `most` digits, `min` to `max`. */
static inline bool
number(struct run *r, int most, int min, int max, int *v, const char *why)
{
	const char *p = r->p;
	int n = 0;

	for (*v = 0; n < most && is_digit(p, r->end); n++, p++)
		*v = *v * 10 + (*p - '0');
	if (n == 0 || *v < min || *v > max) {
		r->why = why;
		return false;
	}
	r->p = p;
	return true;
}

/* One digit or two. */
static inline bool
two(struct run *r, int min, int max, int *v, const char *why)
{
	const char *p = r->p;

	r->why = why;
	if (!is_digit(p, r->end))
		return false;
	*v = *p++ - '0';
	if (is_digit(p, r->end))
		*v = *v * 10 + (*p++ - '0');
	if (*v < min || *v > max)
		return false;
	r->p = p;
	return true;
}

/* A blank may stand where the first of them is left out. */
static inline bool
padded(struct run *r, int min, int max, int *v, const char *why)
{
	if (r->p < r->end && *r->p == ' ')
		r->p++;
	return two(r, min, max, v, why);
}

static bool
year(struct run *r, int most)
{
	const char *from = r->p;
	bool sign = most > 4 && r->p < r->end && (*r->p == '-' || *r->p == '+');
	ptrdiff_t n;

	r->p += sign;
	if (!number(r, most, 0, 999999999, &r->f->year, "a year"))
		return false;
	n = r->p - from - sign;
	if (sign || n > 4) {
		/* 12345678 is no year, but +10000 and -0001 are, out of range */
		r->why = sign && n >= 4 ? TIME_RANGE : n == 5 ? TIME_RANGE : "a year";
		r->p = from;
		return false;
	}
	if (r->exact && n != 4) {
		r->why = "a year of four digits";
		r->p = from;
		return false;
	}
	return true;
}

/* How many bytes of a name stand here, whatever the case: 3 at least, or 0. */
static size_t
name_here(const struct run *r, const char *name)
{
	size_t n = 0;

	while (
	    name[n] != '\0' && r->p + n < r->end && (r->p[n] | 0x20) == (name[n] | 0x20))
		n++;
	return n < 3 ? 0 : n;
}

static bool
name_of(struct run *r, const char *const *names, int n, int *v, const char *why)
{
	for (int i = 0; i < n; i++) {
		size_t is = name_here(r, names[i]);

		if (is == 0)
			continue;
		*v = i;
		r->p += is;
		return true;
	}
	r->why = why;
	return false;
}

static const char *const months[] = { "january", "february", "march", "april", "may",
	"june", "july", "august", "september", "october", "november", "december" };
static const char *const weekdays[] = { "sunday", "monday", "tuesday", "wednesday",
	"thursday", "friday", "saturday" };

static bool
month_name(struct run *r)
{
	if (!name_of(r, months, 12, &r->f->month, "the name of a month"))
		return false;
	r->f->month++;
	r->f->has |= HAS_MONTH;
	return true;
}

/* am, PM, a.m., behind blanks */
static bool
am_pm(struct run *r)
{
	const char *p = skip_blanks(r->p, r->end);
	int c;
	bool dot;

	r->why = "am or pm";
	if (p == r->end || ((c = *p | 0x20) != 'a' && c != 'p'))
		return false;
	p++;
	dot = p < r->end && *p == '.';
	p += dot;
	if (p == r->end || (*p | 0x20) != 'm')
		return false;
	p++;
	r->p = p + (dot && p < r->end && *p == '.');
	r->f->has |= c == 'a' ? HAS_AM : HAS_PM;
	return true;
}

static void
fraction(struct run *r, char separator)
{
	const char *p = r->p;

	if (separator != 0) {
		bool point = separator == '.' || separator == ',';

		if (r->end - p < 2 || !is_digit(p + 1, r->end) ||
		    (*p != separator && !(point && (*p == '.' || *p == ','))))
			return;
		p++;
	}
	r->p = timefields_fraction(p, r->end, &r->f->fraction);
}

static bool
epoch(struct run *r)
{
	const char *p = r->p;
	struct timefields *f = r->f;

	f->before = p < r->end && *p == '-';
	p += f->before;
	f->epoch = 0;
	r->why = "seconds since the epoch";
	if (!is_digit(p, r->end))
		return false;
	for (; is_digit(p, r->end); p++)
		if (f->epoch <= INT64_MAX / 100) /* larger ones are out of range anyway */
			f->epoch = f->epoch * 10 + (*p - '0');
	f->has |= HAS_EPOCH;
	r->p = p;
	return true;
}

/* What RFC 822 gave the zones of the United States. */
static bool
us_zone(struct str s, int32_t *offset)
{
	static const char first[] = "ECMP";
	const char *at;

	if (s.n != 3 || (s.p[1] != 'S' && s.p[1] != 'D') || s.p[2] != 'T' ||
	    (at = memchr(first, s.p[0], 4)) == NULL)
		return false;
	*offset = (-5 - (int32_t)(at - first) + (s.p[1] == 'D')) * 3600;
	return true;
}

static bool
is_utc(struct str s)
{
	return str_eq(s, STR("UTC")) || str_eq(s, STR("GMT")) || str_eq(s, STR("UT"));
}

/* A name that the user gave a meaning; GMT+0200 is none, whatever GMT is. */
static bool
listed(struct run *r, struct str name)
{
	const char *end = name.p + name.n;
	int32_t offset = 0, behind;

	if (!zonenames_find(r->listed, name, &offset) ||
	    (is_utc(name) &&
		zone_fixed((struct str){ end, (size_t)(r->end - end) }, &behind) > 1))
		return false;
	r->f->offset = offset;
	r->f->has |= HAS_OFFSET;
	r->p = end;
	return true;
}

static bool
zone_at(struct run *r, bool us)
{
	const char *p = skip_blanks(r->p, r->end), *q = p;
	struct timefields *f = r->f;
	size_t n;
	struct str name;

	while (is_letter(q, r->end) && q - p <= ZONENAMES_NAME_MAX)
		q++;
	name = (struct str){ p, (size_t)(q - p) };
	f->offset = 0;
	if (!us && r->listed != NULL && listed(r, name))
		return true;
	if (is_utc(name)) {
		n = zone_fixed((struct str){ q, (size_t)(r->end - q) }, &f->offset);
		r->p = n > 1 ? q + n : q; /* GMT+0200, as JavaScript writes it */
		f->has |= HAS_OFFSET;
		return true;
	}
	if (name.n <= 1) {
		n = zone_fixed((struct str){ p, (size_t)(r->end - p) }, &f->offset);
		if (n > 0) {
			r->p = p + n;
			f->has |= HAS_OFFSET;
			return true;
		}
	}
	if (name.n >= 2 && name.n <= ZONE_LETTERS_MAX &&
	    ((us && us_zone(name, &f->offset)) || r->names)) {
		f->has |= HAS_ZONE_NAME;
		f->has |= us && us_zone(name, &f->offset) ? HAS_OFFSET : 0;
		f->zone = name;
		r->p = q;
		return true;
	}
	r->why = "a zone that is UTC, GMT, Z or an offset";
	if (r->strict || name.n > 0 ||
	    (r->end - p > 1 && (*p == '+' || *p == '-') && is_digit(p + 1, r->end)))
		return false;
	f->flags |= TIME_ZONE_MISSING;
	return true;
}

/* A zone behind the last conversion is a zone, too: "Z" or "+08:00" right there, or behind
 * one blank "+0800", "+08:00", "UTC".  So is a fraction. */
static void
unasked(struct run *r, bool seconds_last)
{
	const char *p = r->p, *q;
	bool apart;
	size_t n;
	int32_t offset = 0;

	if (seconds_last && p < r->end && *p == '.') {
		fraction(r, '.');
		p = r->p;
	}
	apart = p < r->end && *p == ' ';
	p += apart;
	n = zone_fixed((struct str){ p, (size_t)(r->end - p) }, &offset);
	if (apart && n < 5) {
		bool utc = r->end - p >= 3 && is_utc((struct str){ p, 3 });

		n = utc ? 3 : 0;
	}
	q = p + n;
	if (n == 0 ||
	    (q < r->end && !timesteps_blank(*q) && memchr("])}>,;\"'|", *q, 9) == NULL))
		return;
	r->f->has |= HAS_OFFSET;
	r->f->offset = offset;
	r->p = q;
}

static bool
step(struct run *r, const struct step *s)
{
	struct timefields *f = r->f;
	int ignored;

	switch ((enum timestep_op)s->op) {
	case OP_CHAR:
		if (r->p < r->end && (uint8_t)*r->p == s->c) {
			r->p++;
			return true;
		}
		r->why = "what the format has there";
		return false;
	case OP_BLANKS:
		r->p = skip_blanks(r->p, r->end);
		return true;
	case OP_YEAR:
		f->has |= HAS_YEAR;
		return year(r, s->c);
	case OP_YEAR2:
		f->has |= HAS_YEAR2;
		return two(r, 0, 99, &f->year2, "a year of two digits");
	case OP_CENTURY:
		f->has |= HAS_CENTURY;
		return two(r, 0, 99, &f->century, "a century");
	case OP_MONTH:
		f->has |= HAS_MONTH;
		return two(r, 1, 12, &f->month, "a month");
	case OP_DAY:
		f->has |= HAS_DAY;
		return padded(r, 1, 31, &f->day, "a day of the month");
	case OP_YEARDAY:
		f->has |= HAS_YEARDAY;
		return number(r, 3, 1, 366, &f->yearday, "a day of the year");
	case OP_HOUR:
		f->has |= HAS_HOUR;
		return padded(r, 0, 24, &f->hour, "an hour");
	case OP_HOUR12:
		f->has |= HAS_HOUR;
		return padded(r, 1, 12, &f->hour, "an hour from 1 to 12");
	case OP_MINUTE:
		return two(r, 0, 59, &f->minute, "a minute");
	case OP_SECOND:
		return two(r, 0, 60, &f->second, "a second");
	case OP_FRACTION:
		fraction(r, (char)s->c);
		return true;
	case OP_EPOCH:
		return epoch(r);
	case OP_MONTH_NAME:
		return month_name(r);
	case OP_WEEKDAY:
		return name_of(r, weekdays, 7, &ignored, "the name of a weekday");
	case OP_AMPM:
		return am_pm(r);
	case OP_ZONE:
	case OP_ZONE_NAME:
		return zone_at(r, s->op == OP_ZONE);
	case OP_UTC:
		f->has |= HAS_OFFSET;
		f->offset = 0;
		return true;
	case OP_IGNORED:
		return number(r, s->c, 0, 99, &ignored, "a number");
	case OP_SEVERITY:
		r->p += r->p < r->end && memchr("IWEFD", *r->p, 5) != NULL;
		return true;
	}
	return false;
}

static bool
run(struct timesteps *t, struct run *r, size_t from)
{
	for (size_t i = from; i < t->n; i++)
		if (!step(r, &t->step[i]))
			return false;
	if ((r->f->has & HAS_HOUR) &&
	    !(r->f->has & (HAS_OFFSET | HAS_ZONE_NAME | HAS_EPOCH)))
		unasked(r, t->n > 0 && t->step[t->n - 1].op == OP_SECOND);
	return true;
}

/* The steps up to the seconds, and what they said, if the rest went well: digits follow
 * then, so that the numbers before it ended there for a reason that holds next time. */
static bool
run_all(struct timesteps *t, struct str text, struct run *r)
{
	struct timefields head;
	size_t n;

	t->head_n = 0;
	if (t->seconds == 0)
		return run(t, r, 0);
	for (size_t i = 0; i < t->seconds; i++)
		if (!step(r, &t->step[i]))
			return false;
	head = *r->f;
	n = (size_t)(r->p - text.p);
	if (!run(t, r, t->seconds))
		return false;
	if (n <= TIMESTEPS_HEAD_MAX) {
		memcpy(t->head, text.p, n);
		t->head_n = n;
		t->head_fields = head;
	}
	return true;
}

bool
timesteps_run(struct timesteps *t, struct str text, bool strict,
    const struct timeformat_options *o, struct timefields *f, size_t *used,
    const char **why)
{
	struct run r = { text.p, text.p + text.n, NULL, f, strict, o->zone != NULL,
		t->exact, o->names };
	bool good = false;

	if (t->head_n > 0 && text.n > t->head_n &&
	    memcmp(text.p, t->head, t->head_n) == 0) {
		*f = t->head_fields;
		r.p += t->head_n;
		good = run(t, &r, t->seconds);
	}
	if (!good) {
		*f = (struct timefields){ 0 };
		r.p = text.p;
		good = run_all(t, text, &r);
	}
	*used = (size_t)(r.p - text.p);
	*why = r.why;
	return good;
}
