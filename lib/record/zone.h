/* zone.h - time zones: seconds east of Greenwich at an instant, and back.
 *
 *     UTC  GMT  Z          no file is read
 *     +02:00  -0330  +09   fixed, hours to 23, minutes to 59
 *     Asia/Kolkata         a TZif file (RFC 9636, versions 1 to 4) of $TZDIR, else of
 *                          /usr/share/zoneinfo; past its last transition its footer, a
 *                          POSIX TZ rule, goes on for ever
 *     local                $TZ if it is set, else /etc/localtime, else UTC
 *
 * Names are relative paths of letters, digits, _ + - . without "." or "..".  Files that
 * count leap seconds ("right/...") are refused: the seconds of this toolkit do not.
 *
 * A zone remembers the interval between two transitions that it was last asked about, so
 * it belongs to one thread, and neighbouring times cost two comparisons.
 */
#ifndef ZONE_H
#define ZONE_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct err;

enum {
	ZONE_NAME_MAX = 128,
	ZONE_FILE_MAX = 256 << 10,
	ZONE_TRANSITIONS_MAX = 8192,
	ZONE_TYPES_MAX = 256,
	ZONE_OFFSET_MAX = 26 * 3600, /* offsets lie between this and its negative */
};

enum zone_kind {
	ZONE_UNIQUE,
	ZONE_AMBIGUOUS, /* clocks went back: the first reading is taken */
	ZONE_GAP, /* clocks went forward over it: the offset before the gap is taken */
};

/* The interval last asked about; the rest of the zone is behind it, in zone.c. */
struct zone {
	int64_t from, until;      /* UTC seconds, from <= t < until: */
	int64_t wall, wall_until; /* local seconds that are that interval's alone */
	int32_t offset;
};

/* NULL: ST_USAGE, no such zone (or there is no tzdata, which it says), or not a TZif file;
 * ST_FAIL, memory. */
struct zone *zone_open(const char *name, struct err *e);

/* The same from the bytes of a TZif file; `name` is for messages. */
struct zone *zone_from(const void *tzif, size_t n, const char *name, struct err *e);
void zone_close(struct zone *z); /* NULL is fine */

/* Seconds east of Greenwich at `utc`, in seconds since the epoch. */
int32_t zone_seek(struct zone *z, int64_t utc);
static inline int32_t
zone_offset(struct zone *z, int64_t utc)
{
	return utc >= z->from && utc < z->until ? z->offset : zone_seek(z, utc);
}

/* The UTC seconds at which clocks there showed `local` (the seconds since the epoch of a UTC
 * clock that shows the same); what is more than 2^60 s from it is taken as that far.
 * `offset` and `kind` may be NULL. */
int64_t zone_seek_local(
    struct zone *z, int64_t local, int32_t *offset, enum zone_kind *kind);
static inline int64_t
zone_local(struct zone *z, int64_t local, int32_t *offset, enum zone_kind *kind)
{
	if (local < z->wall || local >= z->wall_until)
		return zone_seek_local(z, local, offset, kind);
	if (offset != NULL)
		*offset = z->offset;
	if (kind != NULL)
		*kind = ZONE_UNIQUE;
	return local - z->offset;
}

/* The offset that `abbreviation` ("CEST") stands for in this zone when its clocks show
 * `local`: that of the interval there, or of the second reading of an ambiguous time, or
 * the only one that the zone ever called so.  false: none of these. */
bool zone_named(struct zone *z, int64_t local, struct str abbreviation, int32_t *offset);

/* "Z", "z", "+hh", "+hhmm", "+hh:mm" at the beginning of `s`: how many bytes it is long, 0
 * if it is none of these (hours to 23, minutes to 59). */
size_t zone_fixed(struct str s, int32_t *offset);

#endif
