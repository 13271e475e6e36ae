/* timeformat: format and texts from the input, line by line.  What is read does not depend on
 * what was read before, stays within its text, and RFC 3339 is what timestamp.h reads. */
#include "parse/timeformat.h"
#include "base/err.h"
#include "fuzz.h"
#include "record/timestamp.h"
#include "record/zone.h"

static const int64_t DAY = 86400000000000;

static void
must_read_alike(struct timeformat *tf, const char *format,
    const struct timeformat_options *o, struct str line, int64_t base)
{
	struct err e;
	struct timeformat *fresh = timeformat_open(format, o, &e);
	struct str s = exact(line.p, line.n);
	struct time_reading a = { .ns = 7 }, b = { .ns = 7 };
	bool fits = timeformat_read(tf, s, base, &a);
	int64_t ns;

	must(fresh != NULL, "%s: not a second time: %s", format, e.text);
	must(timeformat_read(fresh, s, base, &b) == fits && a.ns == b.ns &&
		 a.used == b.used && (fits ? a.flags == b.flags : a.why == b.why),
	    "%s: %.*s: %lld %zu, but fresh %lld %zu", format, SHOW(s), (long long)a.ns,
	    a.used, (long long)b.ns, b.used);
	must(a.used <= s.n, "%zu of %zu used", a.used, s.n);
	must(fits || (a.ns == 7 && a.why != NULL), "a failure of %.*s", SHOW(s));
	if (fits && (a.flags & TIME_DATE_FROM_BASE))
		must(base != TIMEFORMAT_NO_BASE && a.ns <= base + DAY,
		    "%s: %.*s: after its base", format, SHOW(s));
	if (strcmp(format, "rfc3339") == 0 && timestamp_parse(s, &ns))
		must(fits && a.ns == ns && a.used == s.n, "%.*s: %lld, not %lld", SHOW(s),
		    (long long)a.ns, (long long)ns);
	timeformat_close(fresh);
	exact_free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const zones[] = { "+08:00", "Europe/Berlin",
		"America/St_Johns" };
	unsigned with = options(&data, &size);
	struct str rest = { (const char *)data, size }, line;
	struct timeformat_options o = { NULL, with & 8 ? -12600 : 0, (with & 4) != 0 };
	int64_t base = with & 16   ? TIMEFORMAT_NO_BASE
		       : with & 32 ? 1709164800000000000 + (int64_t)(with & 64) * DAY
				   : 1795352400123456789;
	struct timeformat *tf;
	char *format;
	struct err e;

	if (!next_line(&rest, &line))
		return 0;
	format = c_string(line.p, line.n);
	if ((with & 3) < 3)
		o.zone = zone_open(zones[with & 3], &e); /* NULL without tzdata */
	tf = timeformat_open(format, &o, &e);
	must(tf != NULL || (e.status != 0 && *e.text != '\0'), "no error for %s", format);
	for (int i = 0; tf != NULL && i < 20 && next_line(&rest, &line); i++)
		must_read_alike(tf, format, &o, line, base);
	timeformat_close(tf);
	zone_close(o.zone);
	free(format);
	return 0;
}
