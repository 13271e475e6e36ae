#include "record/zone.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "record/zonerule.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONEINFO "/usr/share/zoneinfo"

enum {
	HEADER = 44,
	NAMES_MAX = 4096, /* bytes of abbreviations */
	STEPS_MAX = 64,   /* intervals from a guess to a local time */
	FOOTER_MAX = 256,
};
static const int64_t FAR = (int64_t)1 << 60;

struct zone_data {
	struct zone now; /* first: what callers hold */
	size_t transitions, types;
	struct {
		int32_t offset;
		char name[ZONE_RULE_NAME_MAX];
	} type[ZONE_TYPES_MAX];
	bool ruled;
	struct zone_rule rule; /* after the last transition */
	struct {
		int64_t at;
		uint8_t type;
	} to[];
};

static struct zone_data *
data(struct zone *z)
{
	return (struct zone_data *)z;
}

/* ---- intervals ---- */

static int32_t
offset_of(const struct zone_data *z, size_t transition)
{
	return z->type[z->to[transition].type].offset;
}

/* The interval around `t`; before the first transition the first type holds, behind the last
 * one the rule, which agrees with its type. */
static void
interval(const struct zone_data *z, int64_t t, struct zone_interval *out)
{
	size_t low = 0, n = z->transitions; /* `low`: transitions up to t */

	for (size_t high = n; low < high;) {
		size_t mid = low + (high - low) / 2;

		if (z->to[mid].at <= t)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == n && z->ruled) {
		zone_rule_interval(&z->rule, t, out);
		if (n > 0 && out->from <= z->to[n - 1].at) {
			out->from = z->to[n - 1].at;
			out->before = n > 1 ? offset_of(z, n - 2) : z->type[0].offset;
		}
		return;
	}
	out->from = low > 0 ? z->to[low - 1].at : INT64_MIN;
	out->until = low < n ? z->to[low].at : INT64_MAX;
	out->offset = low > 0 ? offset_of(z, low - 1) : z->type[0].offset;
	out->before = low > 1 ? offset_of(z, low - 2) : z->type[0].offset;
	out->after = low < n ? offset_of(z, low) : out->offset;
}

/* Where the interval begins on the wall for good, and from where on its end shows. */
static int64_t
wall_from(const struct zone_interval *in)
{
	int32_t more = in->before > in->offset ? in->before : in->offset;

	return in->from == INT64_MIN ? INT64_MIN : in->from + more;
}

static int64_t
wall_until(const struct zone_interval *in, bool last)
{
	bool back = in->after < in->offset;

	return in->until == INT64_MAX
		   ? INT64_MAX
		   : in->until + (back == last ? in->offset : in->after);
}

static int64_t
near(int64_t t)
{
	return t < -FAR ? -FAR : t > FAR ? FAR : t;
}

static void
remember(struct zone *z, const struct zone_interval *in)
{
	z->from = in->from;
	z->until = in->until;
	z->wall = near(wall_from(in));
	z->wall_until = near(wall_until(in, false));
	z->offset = in->offset;
}

int32_t
zone_seek(struct zone *z, int64_t utc)
{
	struct zone_interval in;

	interval(data(z), near(utc), &in);
	remember(z, &in);
	return in.offset;
}

/* The interval whose clocks show `local` first. */
static void
local_interval(const struct zone_data *z, int64_t local, struct zone_interval *in)
{
	interval(z, local - z->now.offset, in);
	for (int i = 0; i < STEPS_MAX && local < wall_from(in); i++)
		interval(z, in->from - 1, in);
	for (int i = 0; i < STEPS_MAX && local >= wall_until(in, true); i++)
		interval(z, in->until, in);
}

int64_t
zone_seek_local(struct zone *z, int64_t local, int32_t *offset, enum zone_kind *kind)
{
	struct zone_interval in;

	local = near(local);
	local_interval(data(z), local, &in);
	remember(z, &in);
	if (offset != NULL)
		*offset = in.offset;
	if (kind != NULL)
		*kind = local < z->wall_until  ? ZONE_UNIQUE
			: in.after < in.offset ? ZONE_AMBIGUOUS
					       : ZONE_GAP;
	return local - in.offset;
}

bool
zone_named(struct zone *z, int64_t local, struct str name, int32_t *offset)
{
	const struct zone_data *d = data(z);
	struct zone_interval in;
	bool second = false, several = false, found = false;
	int32_t only = 0;

	local_interval(d, near(local), &in);
	for (size_t i = 0; i < d->types + (d->ruled ? 1 + d->rule.summer : 0); i++) {
		size_t k = i - d->types; /* the rule's names stand behind the table's */
		int32_t o = i < d->types ? d->type[i].offset : d->rule.offset[k];

		if (!str_eq(
			name, str_of(i < d->types ? d->type[i].name : d->rule.name[k])))
			continue;
		if (o == in.offset) {
			*offset = o;
			return true;
		}
		second = second || (o == in.after && in.after < in.offset &&
				       near(local) >= wall_until(&in, false));
		several = several || (found && o != only);
		found = true;
		only = o;
	}
	if (!second && (!found || several))
		return false;
	*offset = second ? in.after : only;
	return true;
}

void
zone_close(struct zone *z)
{
	free(z);
}

/* ---- TZif ---- */

struct tzif { /* one of the two data blocks of a file */
	const uint8_t *p;
	size_t wide; /* bytes of a time */
	uint32_t utc, standard, leaps, times, types, chars;
};

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
time_at(const uint8_t *p, size_t wide)
{
	if (wide == 4)
		return (int32_t)be32(p);
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* Where the data block of the header at `at` ends, or 0. */
static size_t
block(const uint8_t *p, size_t n, size_t at, size_t wide, struct tzif *t)
{
	size_t size;

	if (n < at + HEADER || memcmp(p + at, "TZif", 4) != 0)
		return 0;
	p += at;
	*t = (struct tzif){ p + HEADER, wide, be32(p + 20), be32(p + 24), be32(p + 28),
		be32(p + 32), be32(p + 36), be32(p + 40) };
	if (t->times > ZONE_TRANSITIONS_MAX || t->types > ZONE_TYPES_MAX ||
	    t->chars > NAMES_MAX || t->leaps > ZONE_TRANSITIONS_MAX ||
	    t->utc > ZONE_TYPES_MAX || t->standard > ZONE_TYPES_MAX)
		return 0;
	size = t->times * (wide + 1) + t->types * 6 + t->chars + t->leaps * (wide + 4) +
	       t->standard + t->utc;
	return n - at - HEADER < size ? 0 : at + HEADER + size;
}

/* Types and transitions; NULL if all is well. */
static const char *
fill(struct zone_data *z, const struct tzif *t)
{
	const uint8_t *index = t->p + t->times * t->wide, *type = index + t->times;
	const char *chars = (const char *)(type + t->types * 6);

	for (uint32_t i = 0; i < t->types; i++, type += 6) {
		size_t from = type[5], n;

		z->type[i].offset = (int32_t)be32(type);
		if (z->type[i].offset <= -ZONE_OFFSET_MAX ||
		    z->type[i].offset >= ZONE_OFFSET_MAX)
			return "an offset of more than 26 hours";
		n = from < t->chars ? strnlen(chars + from, t->chars - from) : t->chars;
		if (from + n >= t->chars)
			return "an abbreviation without an end";
		if (n >= ZONE_RULE_NAME_MAX)
			return "an abbreviation that is too long";
		memcpy(z->type[i].name, chars + from, n);
	}
	for (uint32_t i = 0; i < t->times; i++) {
		z->to[i].at = time_at(t->p + i * t->wide, t->wide);
		z->to[i].type = index[i];
		if (index[i] >= t->types)
			return "a transition to a type that it has not";
		if (z->to[i].at < -FAR || z->to[i].at > FAR ||
		    (i > 0 && z->to[i].at <= z->to[i - 1].at))
			return "transitions out of order";
	}
	z->types = t->types;
	z->transitions = t->times;
	return NULL;
}

/* "\nRULE\n", or "\n\n" for none. */
static const char *
footer(struct zone_data *z, const uint8_t *p, size_t n)
{
	const uint8_t *end;

	if (n < 2 || *p != '\n' || (end = memchr(p + 1, '\n', n - 1)) == NULL)
		return "no footer";
	if (end == p + 1)
		return NULL;
	if (end - p > FOOTER_MAX ||
	    !zone_rule_parse(
		(struct str){ (const char *)p + 1, (size_t)(end - p) - 1 }, &z->rule))
		return "a footer that is no rule";
	z->ruled = true;
	return NULL;
}

static struct zone *
not_tzif(const char *name, const char *why, struct zone_data *z, struct err *e)
{
	free(z);
	err_set(e, ST_USAGE, "time zone %s: not a usable TZif file: %s", name, why);
	return NULL;
}

struct zone *
zone_from(const void *tzif, size_t n, const char *name, struct err *e)
{
	const uint8_t *p = tzif;
	struct tzif t;
	struct zone_data *z;
	const char *why;
	size_t end = block(p, n, 0, 4, &t);
	bool old = end > 0 && p[4] == '\0';

	if (end > 0 && !old)
		end = block(p, n, end, 8, &t);
	if (end == 0)
		return not_tzif(name, "it ends too soon, or is something else", NULL, e);
	if (t.leaps > 0)
		return not_tzif(name, "it counts leap seconds", NULL, e);
	if (t.types == 0)
		return not_tzif(name, "no types", NULL, e);
	z = calloc(1, sizeof *z + t.times * sizeof z->to[0]);
	if (z == NULL) {
		err_sys(e, name);
		return NULL;
	}
	if ((why = fill(z, &t)) != NULL ||
	    (!old && (why = footer(z, p + end, n - end)) != NULL))
		return not_tzif(name, why, z, e);
	zone_seek(&z->now, 0);
	return &z->now;
}

/* ---- names ---- */

/* Two digits at `at`, or -1. */
static int
pair(struct str s, size_t at)
{
	unsigned ten, one;

	if (s.n < at + 2)
		return -1;
	ten = (unsigned char)s.p[at] - '0';
	one = (unsigned char)s.p[at + 1] - '0';
	return ten > 9 || one > 9 ? -1 : (int)(ten * 10 + one);
}

size_t
zone_fixed(struct str s, int32_t *offset)
{
	int h, m;
	size_t n = 3;

	if (s.n > 0 && (*s.p == 'Z' || *s.p == 'z')) {
		*offset = 0;
		return 1;
	}
	if (s.n < 3 || (*s.p != '+' && *s.p != '-') || (h = pair(s, 1)) < 0)
		return 0;
	if ((m = pair(s, 3)) >= 0)
		n = 5;
	else if (s.n > 3 && s.p[3] == ':' && (m = pair(s, 4)) >= 0)
		n = 6;
	else
		m = 0;
	if (h > 23 || m > 59)
		return 0;
	*offset = (h * 3600 + m * 60) * (*s.p == '-' ? -1 : 1);
	return n;
}

static struct zone *
constant(const char *name, int32_t offset, struct err *e)
{
	struct zone_data *z = calloc(1, sizeof *z);

	if (z == NULL) {
		err_sys(e, name);
		return NULL;
	}
	z->types = 1;
	z->type[0].offset = offset;
	if (offset == 0)
		memcpy(z->type[0].name, "UTC", 4);
	zone_seek(&z->now, 0);
	return &z->now;
}

/* A relative path that stays where it is. */
static bool
proper(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > ZONE_NAME_MAX || name[n - 1] == '/')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];

		if ((c == '/' || c == '.') && (i == 0 || name[i - 1] == '/'))
			return false;
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			(c >= '0' && c <= '9') || strchr("_+-./", c) != NULL))
			return false;
	}
	return true;
}

static struct zone *
from_file(const char *path, const char *name, struct err *e)
{
	struct zone *z = NULL;
	struct buf b;
	int r;

	buf_init(&b, ZONE_FILE_MAX);
	r = file_read(path, &b, e);
	if (r > 0)
		z = zone_from(b.p, b.n, name, e);
	else if (r == 0)
		err_set(e, ST_USAGE, "time zone %s: there is no %s", name, path);
	buf_done(&b);
	return z;
}

static struct zone *
from_tree(const char *name, struct err *e)
{
	const char *dir = getenv("TZDIR");
	struct zone *z = NULL;
	struct stat st;
	struct buf path;

	if (dir == NULL || *dir == '\0')
		dir = ZONEINFO;
	buf_init(&path, 4096);
	buf_printf(&path, "%s/%s", dir, name);
	if (buf_check(&path, "TZDIR", e) < 0) {
		;
	} else if (stat(path.p, &st) == 0 && S_ISREG(st.st_mode)) {
		z = from_file(path.p, name, e);
	} else if (access(dir, F_OK) != 0) {
		err_set(e, ST_USAGE,
		    "time zone %s: there is no %s; install the package tzdata, or set "
		    "TZDIR",
		    name, dir);
	} else {
		err_set(e, ST_USAGE,
		    "time zone %s: %s has none of that name; zones are written like "
		    "Europe/Berlin or +02:00",
		    name, dir);
	}
	buf_done(&path);
	return z;
}

static struct zone *
by_name(const char *name, struct err *e)
{
	struct str s = str_of(name);
	int32_t offset = 0;

	if (str_eq(s, STR("UTC")) || str_eq(s, STR("GMT")) || str_eq(s, STR("Etc/UTC")) ||
	    (s.n > 0 && zone_fixed(s, &offset) == s.n))
		return constant(name, offset, e);
	if (!proper(name)) {
		err_set(e, ST_USAGE,
		    "time zone %.*s: not a name; zones are written like Europe/Berlin, "
		    "+02:00 or UTC",
		    ZONE_NAME_MAX, name);
		return NULL;
	}
	return from_tree(name, e);
}

struct zone *
zone_open(const char *name, struct err *e)
{
	const char *tz;

	if (strcmp(name, "local") != 0)
		return by_name(name, e);
	if ((tz = getenv("TZ")) == NULL && access("/etc/localtime", F_OK) == 0)
		return from_file("/etc/localtime", name, e);
	if (tz != NULL && *tz == ':')
		tz++;
	return by_name(tz == NULL || *tz == '\0' ? "UTC" : tz, e);
}
