/* zonenames: a file of zone names.  What is taken is found again line by line, what is
 * refused is told with a line. */
#include "parse/zonenames.h"
#include "base/err.h"
#include "fuzz.h"
#include "record/zone.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = exact(data, size), rest = s, line;
	struct err e;
	struct zonenames *z = zonenames_from(s, "f", &e);
	int32_t offset;

	must(z != NULL || (e.status == ST_USAGE && strncmp(e.text, "f:", 2) == 0 &&
			      e.text[2] >= '1' && e.text[2] <= '9'),
	    "not told: %s", e.text);
	while (z != NULL && next_line(&rest, &line)) {
		size_t n = 0;

		while (n < line.n &&
		       ((line.p[n] | 0x20) >= 'a' && (line.p[n] | 0x20) <= 'z'))
			n++;
		if (n == 0) /* a comment, or blanks before a name */
			continue;
		must(zonenames_find(z, (struct str){ line.p, n }, &offset), "%.*s",
		    SHOW(line));
		must(offset > -ZONE_OFFSET_MAX && offset < ZONE_OFFSET_MAX, "%d", offset);
	}
	zonenames_close(z);
	exact_free(s);
	return 0;
}
