/* timestamp: what is accepted is a time that the C library reads the same, and comes
 * back. */
#include "record/timestamp.h"
#include "fuzz.h"

#include <time.h>

/* YYYY-MM-DDThh:mm:ss of what was accepted; the offset by hand. */
static int64_t
seconds_of(struct str s)
{
	struct tm tm = { 0 };
	char *p = c_string(s.p, s.n), *zone;
	int h = 0, m = 0;
	int64_t t;

	must(sscanf(p, "%4d-%2d-%2d%*c%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		 &tm.tm_hour, &tm.tm_min, &tm.tm_sec) == 6,
	    "accepted: %s", p);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	t = timegm(&tm);
	zone = p + 19 + strcspn(p + 19, "+-Zz");
	if (*zone == '+' || *zone == '-') {
		must(sscanf(zone + 1, "%2d", &h) == 1, "offset of %s", p);
		(void)sscanf(zone + 3 + (zone[3] == ':'), "%2d", &m);
		t -= (*zone == '-' ? -1 : 1) * (h * 3600 + m * 60);
	}
	free(p);
	return t;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = exact(data, size);
	char out[TIMESTAMP_MAX];
	int64_t ns = 0, again = 0, any = 0;
	size_t n;

	if (timestamp_parse(s, &ns)) {
		int64_t sec = ns / 1000000000 - (ns % 1000000000 < 0);

		must(sec == seconds_of(s), "%lld: %.*s", (long long)sec, SHOW(s));
		n = timestamp_format(ns, out);
		must(n == strlen(out) && n < TIMESTAMP_MAX, "length");
		/* the year after the last may be reached by an offset or a leap second */
		if (strncmp(out, "1677", 4) != 0 && strncmp(out, "2262", 4) != 0)
			must(timestamp_parse((struct str){ out, n }, &again) &&
				 again == ns,
			    "%.*s, then %s", SHOW(s), out);
		must(timestamp_hour(ns) * 3600 <= sec &&
			 sec - timestamp_hour(ns) * 3600 < 3600,
		    "hour");
	}
	if (size == sizeof any) {
		memcpy(&any, data, sizeof any);
		n = timestamp_format(any, out);
		must(n == strlen(out) && n < TIMESTAMP_MAX, "length of %lld",
		    (long long)any);
		if (timestamp_parse((struct str){ out, n }, &again))
			must(again == any, "%s is not %lld", out, (long long)any);
	}
	exact_free(s);
	return 0;
}
