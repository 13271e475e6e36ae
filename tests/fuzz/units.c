/* units: what is accepted is in range and means the same when written in its smallest
 * unit. */
#include "base/units.h"
#include "base/err.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = c_string(data, size), text[64];
	uint64_t n, again;
	int64_t ns, ns_again;
	struct err e;

	if (units_size(s, &n, &e) == 0) {
		must(n <= INT64_MAX, "size of %s", s);
		snprintf(text, sizeof text, "%llu", (unsigned long long)n);
		must(units_size(text, &again, &e) == 0 && again == n, "%s is not %s", s,
		    text);
	}
	if (units_count(s, 1000, &n, &e) == 0)
		must(n <= 1000, "count of %s", s);
	if (units_age(s, &ns, &e) == 0) {
		must(ns >= 0 && ns % 1000000 == 0, "age of %s", s);
		snprintf(text, sizeof text, "%lldms", (long long)(ns / 1000000));
		must(units_age(text, &ns_again, &e) == 0 && ns_again == ns,
		    "%s is not %s", s, text);
	}
	free(s);
	return 0;
}
