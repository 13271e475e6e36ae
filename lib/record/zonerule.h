/* zonerule.h - the rule at the end of a TZif file: what goes on after its last transition.
 *
 *     CET-1CEST,M3.5.0,M10.5.0/3       <+0530>-5:30       NZST-12NZDT,M9.5.0,M4.1.0/3
 *
 * A POSIX TZ string (RFC 9636, section 3.3.1), with the hours from -167 to 167 of version 3.
 * A zone with summer time must say when it begins and ends.
 */
#ifndef ZONERULE_H
#define ZONERULE_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum { ZONE_RULE_NAME_MAX = 16 };

struct zone_rule {
	bool summer;
	int32_t offset[2]; /* seconds east: standard, summer */
	char name[2][ZONE_RULE_NAME_MAX];
	struct zone_edge {
		char kind; /* 'M' month.week.day, 'J' 1 to 365, 'n' 0 to 365 */
		int month, week, day;
		int32_t at; /* seconds from midnight, wall clock before it */
	} edge[2];          /* back to standard, to summer */
};

/* A time without transitions. */
struct zone_interval {
	int64_t from, until; /* UTC seconds; INT64_MIN and INT64_MAX: for ever */
	int32_t before, offset, after;
};

bool zone_rule_parse(struct str text, struct zone_rule *r);

/* The interval around `utc`, which is taken as 30,000 years off if it is more than that. */
void zone_rule_interval(
    const struct zone_rule *r, int64_t utc, struct zone_interval *out);

#endif
