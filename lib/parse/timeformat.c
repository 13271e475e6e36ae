#include "parse/timeformat.h"
#include "base/err.h"
#include "parse/timefields.h"
#include "parse/timenumber.h"
#include "parse/timesteps.h"
#include "record/zone.h"

#include <stdlib.h>

enum {
	MINUTE_N = sizeof "2026-11-22T13:00:" - 1,
	EPOCH_DIGITS_MIN = 9, /* of a number that auto takes for a time */
};
static const int64_t NS = 1000000000;

const char TIME_NIL[] = "nil";

struct timeformat {
	enum kind {
		KIND_STEPS,
		KIND_RFC3339,
		KIND_RFC5424,
		KIND_NUMBER,
		KIND_TAI64,
		KIND_AUTO,
	} kind;
	uint8_t detail; /* unit of a number; whether leap seconds are taken off a label */
	struct timedefaults d;

	/* RFC 3339: the minute last read */
	char minute[MINUTE_N];
	bool minute_known;
	int64_t minute_s; /* its local seconds */

	struct timefields f;
	size_t n, last; /* of the steps, the ones that fitted last */
	struct timesteps steps[];
};

const char *const timeformat_names[] = { "rfc3339", "rfc5424", "clf", "rfc3164", "klog",
	"epoch", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "tai64n", "tai64n_10",
	"auto", NULL };

/* clang-format off */
static const char *const clf[] = { "%d/%b/%Y:%H:%M:%S.%L %z", NULL };
static const char *const rfc3164[] = {
	"%b %e %H:%M:%S.%L", "%b %e %Y %H:%M:%S.%L", NULL };
static const char *const klog[] = { "\1%m%d %H:%M:%S.%L", NULL };
static const char *const automatic[] = { /* each refuses what is another's */
	"%d/%b/%Y:%H:%M:%S.%L %z",     /* access logs, HAProxy */
	"%b %e %H:%M:%S.%L",           /* syslog */
	"%b %e %Y %H:%M:%S.%L",
	"%b %e, %Y %I:%M:%S %p",       /* java.util.logging */
	"%a %b %e %H:%M:%S.%L %Y",     /* Apache's error log, ctime */
	"%a %b %e %H:%M:%S %Z %Y",     /* date */
	"%a, %d %b %Y %H:%M:%S.%L %z", /* mail, HTTP */
	"%d %b %Y %H:%M:%S.%L",        /* Redis */
	"%d %b %H:%M:%S.%L",
	"%d-%b-%Y::%H:%M:%S.%L",       /* RabbitMQ */
	"%d-%b-%Y %H:%M:%S.%L",        /* PHP */
	"%Y/%m/%d %H:%M:%S.%L",        /* nginx's error log, Go */
	"%Y-%m-%d %H:%M:%S.%L",        /* RFC 3339 not filled with zeros */
	"%Y-%m-%dT%H:%M:%S.%L",
	"\1%m%d %H:%M:%S.%L",          /* klog */
	"%y%m%d %H%M%S",               /* HDFS */
	"%y%m%d %k:%M:%S",             /* MySQL before 5.7 */
	"%y/%m/%d %H:%M:%S",           /* Spark */
	"%m-%d %H:%M:%S.%L",           /* Android */
	"%m/%d/%Y %I:%M:%S %p",        /* .NET */
	"%Y%m%d-%H:%M:%S:%L",
	"%Y%m%dT%H%M%S.%L",
	"%Y%m%d%H%M%S.%L", NULL };
/* clang-format on */

static const struct name {
	const char *name;
	enum kind kind;
	uint8_t detail;
	const char *const *formats;
} names[] = {
	{ "rfc3339", KIND_RFC3339, 0, NULL },
	{ "rfc5424", KIND_RFC5424, 0, NULL },
	{ "clf", KIND_STEPS, 0, clf },
	{ "rfc3164", KIND_STEPS, 0, rfc3164 },
	{ "klog", KIND_STEPS, 0, klog },
	{ "epoch", KIND_NUMBER, TIME_BY_SIZE, NULL },
	{ "epoch_s", KIND_NUMBER, TIME_S, NULL },
	{ "epoch_ms", KIND_NUMBER, TIME_MS, NULL },
	{ "epoch_us", KIND_NUMBER, TIME_US, NULL },
	{ "epoch_ns", KIND_NUMBER, TIME_NS, NULL },
	{ "tai64n", KIND_TAI64, true, NULL },
	{ "tai64n_10", KIND_TAI64, false, NULL },
	{ "auto", KIND_AUTO, 0, automatic },
};

/* ---- opening ---- */

static const struct name *
named(const char *text)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].name, text) == 0)
			return &names[i];
	return NULL;
}

static int
no_name(const char *text, struct err *e)
{
	char all[200];
	size_t n = 0;

	for (size_t i = 0; timeformat_names[i] != NULL; i++) {
		size_t more = strlen(timeformat_names[i]);

		if (n + more + 2 > sizeof all)
			break;
		all[n++] = ' ';
		memcpy(all + n, timeformat_names[i], more);
		n += more;
	}
	return err_set(e, ST_USAGE,
	    "time format %.*s: no %% is in it, and it is none of the names:%.*s",
	    TIMEFORMAT_MAX / 4, text, (int)n, all);
}

struct timeformat *
timeformat_open(const char *format, const struct timeformat_options *o, struct err *e)
{
	const char *const own[] = { format, NULL }, *const *formats = own;
	const struct name *name = named(format);
	struct timeformat *tf;
	size_t n = 0;

	if (name == NULL && strchr(format, '%') == NULL) {
		no_name(format, e);
		return NULL;
	}
	if (name != NULL)
		formats = name->formats;
	while (formats != NULL && formats[n] != NULL)
		n++;
	if ((tf = calloc(1, sizeof *tf + n * sizeof tf->steps[0])) == NULL) {
		err_sys(e, format);
		return NULL;
	}
	if (name != NULL) {
		tf->kind = name->kind;
		tf->detail = name->detail;
	}
	if (o != NULL)
		tf->d.o = *o;
	for (; tf->n < n; tf->n++) {
		if (timesteps_compile(
			&tf->steps[tf->n], str_of(formats[tf->n]), name != NULL, e) < 0) {
			free(tf);
			return NULL;
		}
	}
	return tf;
}

void
timeformat_close(struct timeformat *tf)
{
	free(tf);
}

bool
timeformat_needs_base(const struct timeformat *tf)
{
	for (size_t i = 0; i < tf->n; i++)
		if (!(tf->steps[i].has & (HAS_YEAR | HAS_YEAR2 | HAS_EPOCH)) &&
		    (tf->d.o.base_year == 0 || !(tf->steps[i].has & HAS_DATE)))
			return true;
	return false;
}

/* ---- RFC 3339 ---- */

static bool
digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

static int
pair(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

static bool
failed(struct time_reading *out, size_t at, const char *why)
{
	out->used = at;
	out->why = why;
	return false;
}

/* Where text stops to look like "2026-11-22T13:00:00"; 19: it does not. */
static size_t
shape(struct str s)
{
	static const char like[] = "0000-00-00T00:00:00";
	size_t i = 0;

	for (; i < sizeof like - 1 && i < s.n; i++) {
		char c = s.p[i];

		if (like[i] == '0'   ? !digit(c)
		    : like[i] == 'T' ? c != 'T' && c != 't' && c != ' ' && c != '_'
				     : c != like[i])
			break;
	}
	return i;
}

/* -0001-..., +12026-..., 12026-...: years that are written, but not for ns. */
static bool
odd_year(struct str s)
{
	size_t i = s.n > 0 && (*s.p == '-' || *s.p == '+'), from = i;

	while (i < s.n && digit(s.p[i]))
		i++;
	return i - from >= (from > 0 ? 4 : 5) && i + 2 < s.n && s.p[i] == '-' &&
	       digit(s.p[i + 1]) && digit(s.p[i + 2]);
}

/* "Z", "+08:00", or behind a blank "+0800", "UTC"; where it ends, or `at`. */
static size_t
offset_at(struct str s, size_t at, int32_t *offset)
{
	size_t n = zone_fixed((struct str){ s.p + at, s.n - at }, offset);

	if (n > 0)
		return at + n;
	if (at == s.n || s.p[at] != ' ')
		return at;
	n = zone_fixed((struct str){ s.p + at + 1, s.n - at - 1 }, offset);
	if (n >= 5)
		return at + 1 + n;
	*offset = 0;
	if (s.n - at >= 4 &&
	    (memcmp(s.p + at + 1, "UTC", 3) == 0 || memcmp(s.p + at + 1, "GMT", 3) == 0))
		return at + 4;
	return at;
}

/* Digits behind a point, as ns; where they end, or `at`. */
static inline size_t
fraction_at(struct str s, size_t at, int32_t *ns)
{
	*ns = 0;
	if (s.n - at < 2 || (s.p[at] != '.' && s.p[at] != ',') || !digit(s.p[at + 1]))
		return at;
	return (size_t)(timefields_fraction(s.p + at + 1, s.p + s.n, ns) - s.p);
}

static bool
rfc3339(struct timeformat *tf, struct str s, bool strict, struct time_reading *out)
{
	struct timefields f = { .has = HAS_YEAR | HAS_MONTH | HAS_DAY | HAS_HOUR };
	const char *p = s.p;
	size_t at = 19, zone;
	int64_t ns;

	if (tf->minute_known && s.n >= 19 && memcmp(p, tf->minute, MINUTE_N) == 0 &&
	    digit(p[17]) && digit(p[18]) && (f.second = pair(p + 17)) < 60) {
		at = fraction_at(s, at, &f.fraction);
		zone = offset_at(s, at, &f.offset);
		if (zone > at &&
		    timefields_ns(tf->minute_s + f.second - f.offset, f.fraction, &ns)) {
			out->ns = ns;
			out->used = zone;
			out->flags = TIME_ZONE_TOLD;
			return true;
		}
	}
	if ((at = shape(s)) < 19)
		return failed(out, at, odd_year(s) ? TIME_RANGE : "YYYY-MM-DDThh:mm:ss");
	f.year = pair(p) * 100 + pair(p + 2);
	f.month = pair(p + 5), f.day = pair(p + 8);
	f.hour = pair(p + 11), f.minute = pair(p + 14), f.second = pair(p + 17);
	if (f.month < 1 || f.month > 12)
		return failed(out, 5, "a month");
	if (f.day < 1 || f.day > 31)
		return failed(out, 8, "a day of the month");
	if (f.hour > 24 || f.minute > 59 || f.second > 60)
		return failed(out,
		    f.hour > 24     ? 11
		    : f.minute > 59 ? 14
				    : 17,
		    "a time of day");
	at = fraction_at(s, at, &f.fraction);
	zone = offset_at(s, at, &f.offset);
	if (zone == at && strict)
		return failed(out, at, "a zone that is Z or an offset");
	if (zone > at)
		f.has |= HAS_OFFSET;
	else
		f.flags = TIME_ZONE_MISSING;
	out->used = zone;
	if ((out->why = timefields_time(&f, &tf->d, &out->ns, &out->flags)) != NULL)
		return failed(out, 0, out->why);
	if (zone > at && f.hour < 24) {
		memcpy(tf->minute, p, MINUTE_N);
		tf->minute_s = out->ns / NS - (out->ns % NS < 0) + f.offset - f.second;
		tf->minute_known = true;
	}
	return true;
}

/* ---- steps ---- */

static bool
one(struct timeformat *tf, size_t i, struct str text, struct time_reading *out)
{
	const char *why;
	size_t used;

	if (!timesteps_run(&tf->steps[i], text, tf->d.o.strict && tf->kind != KIND_AUTO,
		&tf->d.o, &tf->f, &used, &why) ||
	    (why = timefields_time(&tf->f, &tf->d, &out->ns, &out->flags)) != NULL)
		return failed(out, used, why);
	out->used = used;
	return true;
}

/* The one that reads all of the text, else the one that reads most of it; if none does,
 * the failure that came farthest. */
static bool
several(struct timeformat *tf, struct str text, struct time_reading *out)
{
	struct time_reading best = { .why = "" }, now;
	bool found = false;
	size_t which = 0;

	bool first = tf->kind != KIND_AUTO; /* of a few that exclude each other */

	if (one(tf, tf->last, text, out) && (first || out->used == text.n))
		return true;
	for (size_t i = 0; i < tf->n; i++) {
		bool fits = one(tf, i, text, &now);

		if (fits == found ? now.used > best.used || i == 0 : fits) {
			best = now;
			which = i;
		}
		found = found || fits;
		if (fits && (first || now.used == text.n))
			break;
	}
	if (!found)
		return failed(out, best.used, best.why);
	tf->last = which;
	*out = best;
	return true;
}

/* ---- all ---- */

/* A number is a time to auto if it is nothing else, and large. */
static bool
plain_number(struct str s, struct time_reading *out)
{
	size_t whole = 0;

	while (whole < s.n && digit(s.p[whole]))
		whole++;
	return whole >= EPOCH_DIGITS_MIN && timenumber_read(s, TIME_BY_SIZE, out) &&
	       out->used == s.n;
}

static bool
any(struct timeformat *tf, struct str s, struct time_reading *out)
{
	struct time_reading first;

	if (s.n > 0 && *s.p == '@')
		return timenumber_tai64(s, true, out);
	if (plain_number(s, out))
		return true;
	if (rfc3339(tf, s, false, out))
		return true;
	first = *out;
	if (several(tf, s, out))
		return true;
	if (first.used > out->used || first.why == TIME_RANGE)
		failed(out, first.used, first.why);
	return false;
}

static bool
is_far(const struct timedefaults *d, int64_t ns)
{
	int64_t ahead;

	if (d->o.window_ns == 0 || d->base_ns == TIMEFORMAT_NO_BASE)
		return false;
	return __builtin_sub_overflow(ns, d->base_ns, &ahead) || ahead > d->o.window_ns ||
	       ahead < -d->o.window_ns;
}

bool
timeformat_read(
    struct timeformat *tf, struct str text, int64_t base_ns, struct time_reading *out)
{
	struct time_reading r = { 0 };
	bool good = false;

	if (text.p == NULL)
		text = STR("");
	if (text.n > TIMEFORMAT_TEXT_MAX)
		text.n = TIMEFORMAT_TEXT_MAX;
	tf->d.base_ns = base_ns;
	switch (tf->kind) {
	case KIND_STEPS:
		good = tf->n == 1 ? one(tf, 0, text, &r) : several(tf, text, &r);
		break;
	case KIND_RFC5424:
		if (text.n > 0 && *text.p == '-' && (text.n == 1 || text.p[1] == ' ')) {
			r.why = TIME_NIL;
			break;
		}
		/* fallthrough */
	case KIND_RFC3339:
		good = rfc3339(tf, text, tf->d.o.strict, &r);
		break;
	case KIND_NUMBER:
		good = timenumber_read(text, (enum time_unit)tf->detail, &r);
		break;
	case KIND_TAI64:
		good = timenumber_tai64(text, tf->detail, &r);
		break;
	case KIND_AUTO:
		good = any(tf, text, &r);
		break;
	}
	if (good && is_far(&tf->d, r.ns)) {
		good = false;
		r.why = TIME_FAR;
	}
	if (!good)
		r.ns = out->ns;
	*out = r;
	return good;
}
