#include "base/units.h"
#include "base/err.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
number(const char *s, char **rest, uint64_t *n, struct err *e)
{
	unsigned long long v;

	errno = 0;
	if (!isdigit((unsigned char)*s) || (v = strtoull(s, rest, 10), errno == ERANGE)) {
		err_set(e, ST_USAGE, "%s: not a number in range", s);
		return -1; /* in so many words: the analyzer does not look into err_set */
	}
	*n = v;
	return 0;
}

int
units_count(const char *s, uint64_t max, uint64_t *n, struct err *e)
{
	char *rest = NULL;
	uint64_t v = 0;

	if (number(s, &rest, &v, e) < 0)
		return -1;
	if (*rest != '\0' || v > max)
		return err_set(e, ST_USAGE, "%s: not a whole number up to %llu", s,
		    (unsigned long long)max);
	*n = v;
	return 0;
}

int
units_size(const char *s, uint64_t *bytes, struct err *e)
{
	static const char letters[] = "kmgt";
	char *rest = NULL;
	const char *l;
	uint64_t v = 0;
	unsigned shift = 0;

	if (number(s, &rest, &v, e) < 0)
		return -1;
	if (*rest != '\0' &&
	    (l = strchr(letters, tolower((unsigned char)*rest))) != NULL) {
		shift = 10 * (unsigned)(l - letters + 1);
		rest++;
		if (*rest == 'i')
			rest++;
	}
	if (*rest == 'B' || *rest == 'b')
		rest++;
	if (*rest != '\0' || v > (UINT64_MAX >> 1) >> shift)
		return err_set(e, ST_USAGE, "%s: not a size such as 64K, 128M or 2G", s);
	*bytes = v << shift;
	return 0;
}

int
units_age(const char *s, int64_t *ns, struct err *e)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = { { "w", 604800000000000 }, { "d", 86400000000000 },
		{ "h", 3600000000000 }, { "ms", 1000000 }, { "m", 60000000000 },
		{ "s", 1000000000 } };
	const char *at = s;
	char *rest = NULL;
	uint64_t v = 0;
	int64_t sum = 0, unit, last = INT64_MAX;

	for (;;) {
		if (number(at, &rest, &v, e) < 0)
			break;
		unit = *rest == '\0' && at == s ? 1000000000 : 0;
		for (size_t i = 0; unit == 0 && i < sizeof units / sizeof *units; i++)
			if (strncmp(rest, units[i].name, strlen(units[i].name)) == 0) {
				unit = units[i].ns;
				rest += strlen(units[i].name);
			}
		if (unit == 0 || unit >= last || v > (uint64_t)((INT64_MAX - sum) / unit))
			break;
		sum += (int64_t)v * unit;
		last = unit;
		at = rest;
		if (*at == '\0') {
			*ns = sum;
			return 0;
		}
	}
	return err_set(e, ST_USAGE, "%s: not an age such as 30s, 5m, 36h or 7d", s);
}
