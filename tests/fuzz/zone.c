/* zone: the bytes of a TZif file, or the rule of its footer. */
#include "record/zone.h"
#include "base/err.h"
#include "fuzz.h"
#include "record/zonerule.h"

static const int64_t times[] = { INT64_MIN, INT64_MIN / 2, -2208988800, -1, 0, 1, 999999,
	1000000, 1003600, 2003600, 1795352400, 2145916800, 4102444800, 99999999999,
	INT64_MAX / 2, INT64_MAX };

static void
must_answer(struct zone *z, const void *data, size_t size)
{
	struct err e;

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct zone *fresh = zone_from(data, size, "again", &e);
		int32_t o = 1 << 30, named = 1 << 30;
		enum zone_kind kind = (enum zone_kind)9;
		int64_t t = times[i];

		must(fresh != NULL, "not a second time");
		must(zone_offset(z, t) == zone_offset(fresh, t), "offset at %lld",
		    (long long)t);
		must(zone_offset(z, t) > -ZONE_OFFSET_MAX &&
			 zone_offset(z, t) < ZONE_OFFSET_MAX,
		    "offset of %lld", (long long)t);
		zone_local(z, t, &o, &kind);
		must(o > -ZONE_OFFSET_MAX && o < ZONE_OFFSET_MAX && kind <= ZONE_GAP,
		    "local %lld", (long long)t);
		if (zone_named(z, t, STR("AAA"), &named))
			must(
			    named > -ZONE_OFFSET_MAX && named < ZONE_OFFSET_MAX, "named");
		zone_close(fresh);
	}
}

static void
must_be_rule(struct str text)
{
	struct str s = exact(text.p, text.n);
	struct zone_rule r;
	struct zone_interval in;

	if (zone_rule_parse(s, &r))
		for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
			int64_t t = times[i];

			zone_rule_interval(&r, t, &in);
			must(in.from < in.until, "%.*s: %lld to %lld", SHOW(s),
			    (long long)in.from, (long long)in.until);
			if (t > -99999999999 && t < 99999999999)
				must(in.from <= t && t < in.until,
				    "%.*s: %lld to %lld, not %lld", SHOW(s),
				    (long long)in.from, (long long)in.until,
				    (long long)t);
		}
	exact_free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = exact(data, size);
	struct err e;
	struct zone *z = zone_from(s.p, s.n, "fuzz", &e);

	must(z != NULL || (e.status != 0 && *e.text != '\0'), "no error");
	if (z != NULL)
		must_answer(z, s.p, s.n);
	zone_close(z);
	exact_free(s);
	must_be_rule((struct str){ (const char *)data, size });
	return 0;
}
