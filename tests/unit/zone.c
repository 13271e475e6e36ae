/* record/zone: names, TZif bytes made here, and the rule behind them. */
#include "record/zone.h"
#include "base/err.h"
#include "record/timestamp.h"
#include "record/zonerule.h"
#include "unit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- a TZif file, written piece by piece ---- */

struct file {
	uint8_t p[8192];
	size_t n;
};

static void
put(struct file *f, uint64_t v, int bytes)
{
	while (bytes-- > 0)
		f->p[f->n++] = (uint8_t)(v >> 8 * bytes);
}

struct shape {
	uint32_t leaps, times, types;
};

static void
header(struct file *f, char version, struct shape s, uint32_t chars)
{
	memcpy(f->p + f->n, "TZif", 4);
	f->n += 4;
	put(f, (uint8_t)version, 1);
	memset(f->p + f->n, 0, 15);
	f->n += 15;
	put(f, 0, 4);
	put(f, 0, 4);
	put(f, s.leaps, 4);
	put(f, s.times, 4);
	put(f, s.types, 4);
	put(f, chars, 4);
}

/* Standard time +1 h "AAA", from 1000000 +2 h "BBB", from 2000000 back. */
static void
body(struct file *f, int wide)
{
	put(f, 1000000, wide);
	put(f, 2000000, wide);
	put(f, 1, 1);
	put(f, 0, 1);
	put(f, 3600, 4);
	put(f, 0, 1);
	put(f, 0, 1);
	put(f, 7200, 4);
	put(f, 1, 1);
	put(f, 4, 1);
	memcpy(f->p + f->n, "AAA\0BBB", 8);
	f->n += 8;
}

static const struct shape plain = { 0, 2, 2 };

static void
footer(struct file *f, const char *rule)
{
	put(f, '\n', 1);
	memcpy(f->p + f->n, rule, strlen(rule));
	f->n += strlen(rule);
	put(f, '\n', 1);
}

static struct file
whole(char version, const char *rule)
{
	struct file f = { .n = 0 };

	header(&f, version, plain, 8);
	body(&f, 4);
	if (version != '\0') {
		header(&f, version, plain, 8);
		body(&f, 8);
		footer(&f, rule);
	}
	return f;
}

static void
test_files(void)
{
	static const char versions[] = { '\0', '2', '3', '4' };
	struct err e;
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(versions); i++) {
		struct file f = whole(versions[i], "AAA-1");
		struct zone *z = zone_from(f.p, f.n, "made", &e);
		int32_t o = 0;
		enum zone_kind kind = ZONE_UNIQUE;

		if (z == NULL) {
			printf("# %s\n", e.text);
			wrong++;
			continue;
		}
		wrong += zone_offset(z, -1) != 3600 || zone_offset(z, 999999) != 3600 ||
			 zone_offset(z, 1000000) != 7200 ||
			 zone_offset(z, 1999999) != 7200 ||
			 zone_offset(z, 2000000) != 3600 ||
			 zone_offset(z, INT64_MAX) != 3600 ||
			 zone_offset(z, INT64_MIN) != 3600;
		/* the gap: 1003600 to 1007199 on the wall */
		wrong +=
		    zone_local(z, 1003599, &o, &kind) != 999999 || kind != ZONE_UNIQUE;
		wrong += zone_local(z, 1003600, &o, &kind) != 1000000 ||
			 kind != ZONE_GAP || o != 3600;
		wrong += zone_local(z, 1007199, &o, &kind) != 1003599 || kind != ZONE_GAP;
		wrong += zone_local(z, 1007200, &o, &kind) != 1000000 ||
			 kind != ZONE_UNIQUE || o != 7200;
		/* the overlap: 2003600 to 2007199 */
		wrong +=
		    zone_local(z, 2003599, &o, &kind) != 1996399 || kind != ZONE_UNIQUE;
		wrong += zone_local(z, 2003600, &o, &kind) != 1996400 ||
			 kind != ZONE_AMBIGUOUS || o != 7200;
		wrong += zone_local(z, 2007199, &o, &kind) != 1999999 ||
			 kind != ZONE_AMBIGUOUS;
		wrong += zone_local(z, 2007200, NULL, NULL) != 2003600;
		/* names tell the two readings apart */
		wrong += !zone_named(z, 2003700, STR("BBB"), &o) || o != 7200;
		wrong += !zone_named(z, 2003700, STR("AAA"), &o) || o != 3600;
		wrong += !zone_named(z, 0, STR("BBB"), &o) || o != 7200;
		wrong += zone_named(z, 0, STR("CCC"), &o) || o != 7200;
		zone_close(z);
	}
	ok(wrong == 0, "files of version 1 to 4: gap, overlap, names");
}

static void
test_bad_files(void)
{
	struct err e;
	unsigned wrong = 0;
	struct file f = whole('2', "AAA-1");
	static const struct {
		size_t at;
		uint8_t byte;
		const char *says;
	} broken[] = {
		/* the second header is at 74, its block at 118 */
		{ 0, 'X', "something else" },
		{ 74, 'X', "something else" },
		{ 74 + 31, 1, "too soon" }, /* a leap second that is not there */
		{ 74 + 36, 255, "too soon" },
		{ 118 + 17, 2, "a type that it has not" },
		{ 118, 0x7f, "out of order" },
		{ 118 + 18, 0x7f, "26 hours" },
		{ 118 + 18, 0x80, "26 hours" },
		{ 118 + 23, 8, "abbreviation" },
		{ 118 + 37, 'B', "abbreviation" },
		{ 118 + 38, 'B', "no footer" },
		{ 118 + 39, '1', "no rule" },
		{ 118 + 44, 'x', "no footer" },
	};

	for (size_t n = 0; n < f.n; n++) { /* cut anywhere */
		uint8_t *exact = malloc(n + 1);
		struct zone *z;

		memcpy(exact + 1, f.p, n);
		z = zone_from(exact + 1, n, "cut", &e);
		if (z != NULL || e.status != ST_USAGE) {
			printf("# cut to %zu of %zu\n", n, f.n);
			wrong++;
		}
		zone_close(z);
		free(exact);
	}
	ok(wrong == 0, "a file cut anywhere is refused");

	for (size_t i = 0; i < COUNT(broken); i++) {
		struct file b = f;
		struct zone *z;

		b.p[broken[i].at] = broken[i].byte;
		z = zone_from(b.p, b.n, "broken", &e);
		if (z != NULL || strstr(e.text, broken[i].says) == NULL) {
			printf("# %zu: %s\n", i, z ? "accepted" : e.text);
			wrong++;
		}
		zone_close(z);
	}
	ok(wrong == 0, "%zu kinds of broken files", COUNT(broken));

	f.n = 0;
	header(&f, '\0', (struct shape){ 1, 2, 2 }, 8);
	body(&f, 4);
	put(&f, 78796800, 4);
	put(&f, 1, 4);
	ok(zone_from(f.p, f.n, "right/UTC", &e) == NULL &&
		strstr(e.text, "leap seconds") != NULL,
	    "%s", e.text);
}

static void
test_rules(void)
{
	static const struct {
		const char *rule, *utc;
		int32_t offset;
		const char *until; /* NULL: for ever */
	} cases[] = {
		{ "UTC0", "2026-07-01T00:00:00Z", 0, NULL },
		{ "<+0530>-5:30", "2026-07-01T00:00:00Z", 19800, NULL },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-07-01T00:00:00Z", 7200,
		    "2026-10-25T01:00:00Z" },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-12-31T23:30:00Z", 3600,
		    "2027-03-28T01:00:00Z" },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", "2126-07-01T00:00:00Z", 7200,
		    "2126-10-27T01:00:00Z" },
		{ "NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-12-31T23:59:59Z", 46800,
		    "2027-04-03T14:00:00Z" },
		{ "NST3:30NDT,M3.2.0,M11.1.0", "2026-07-01T00:00:00Z", -9000,
		    "2026-11-01T04:30:00Z" },
		{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-12-01T00:00:00Z", 0,
		    "2027-03-28T01:00:00Z" },
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-07-01T00:00:00Z", -3600,
		    "2026-10-25T01:00:00Z" },
		{ "IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-27T00:00:00Z", 10800,
		    "2026-10-24T23:00:00Z" },
		{ "EET-2EEST,J60,J300", "2028-02-29T23:00:00Z", 7200,
		    "2028-03-01T00:00:00Z" },
		{ "EET-2EEST,J59,J300", "2028-02-27T00:00:00Z", 7200,
		    "2028-02-28T00:00:00Z" },
		{ "EET-2EEST,59,299", "2028-02-29T01:00:00Z", 10800,
		    "2028-10-25T23:00:00Z" },
		/* all year */
		{ "XXX3EDT4,0/0,J365/23", "2026-01-01T00:00:00Z", -14400,
		    "2026-01-01T03:00:00Z" },
		{ "XXX3EDT4,0/0,J365/23", "2026-01-01T03:00:00Z", -14400,
		    "2027-01-01T03:00:00Z" },
	};
	static const char *const bad[] = { "", "A", "AA1", "AAA", "AAA25", "AAA1:60",
		"AAA1BBB", "AAA1BBB,M3.5.0", "AAA1BBB,M13.5.0,M10.5.0",
		"AAA1BBB,M3.6.0,M10.5.0", "AAA1BBB,M3.5.7,M10.5.0",
		"AAA1BBB,M3.5.0,M10.5.0,", "AAA1BBB,M3.5.0/168,M10.5.0", "AAA1BBB,J0,J1",
		"AAA1BBB,J1,J366", "AAA1BBB,366,1", "<AAA1", "<AA>1", "AAA1 ",
		"ABCDEFGHIJKLMNOPQ1" };
	struct zone_rule r;
	struct zone_interval in;
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t ns = 0, until = 0;

		timestamp_parse(str_of(cases[i].utc), &ns);
		if (cases[i].until != NULL)
			timestamp_parse(str_of(cases[i].until), &until);
		if (!zone_rule_parse(str_of(cases[i].rule), &r)) {
			printf("# %s is refused\n", cases[i].rule);
			wrong++;
			continue;
		}
		zone_rule_interval(&r, ns / 1000000000, &in);
		if (in.offset == cases[i].offset &&
		    in.until == (cases[i].until ? until / 1000000000 : INT64_MAX))
			continue;
		printf("# %s at %s: %d until %lld\n", cases[i].rule, cases[i].utc,
		    (int)in.offset, (long long)in.until);
		wrong++;
	}
	ok(wrong == 0, "%zu rules", COUNT(cases));
	for (size_t i = 0; i < COUNT(bad); i++)
		if (zone_rule_parse(str_of(bad[i]), &r)) {
			printf("# accepted: %s\n", bad[i]);
			wrong++;
		}
	ok(wrong == 0, "%zu that are none", COUNT(bad));
}

static void
test_footer(void)
{
	struct file f = whole('2', "AAA-1CCC,M3.5.0,M10.5.0/3");
	struct err e;
	struct zone *z = zone_from(f.p, f.n, "made", &e);
	enum zone_kind kind;
	int32_t o;

	/* 1970-03-29 01:00 UTC is 7520400 */
	ok(z != NULL && zone_offset(z, 2000000) == 3600 &&
		zone_offset(z, 7520399) == 3600 && zone_offset(z, 7520400) == 7200,
	    "the rule goes on behind the last transition");
	ok(zone_local(z, 2007199, &o, &kind) == 1999999 && kind == ZONE_AMBIGUOUS &&
		zone_local(z, 7520400 + 3600, &o, &kind) == 7520400 && kind == ZONE_GAP &&
		zone_named(z, 7530000, STR("CCC"), &o) && o == 7200,
	    "and knows what was before it");
	ok(zone_offset(z, INT64_MAX) != -1 && zone_local(z, INT64_MIN, &o, &kind) < 0 &&
		zone_local(z, INT64_MAX, &o, &kind) > 0,
	    "the ends of int64");
	zone_close(z);
}

static void
test_names(void)
{
	static const struct {
		const char *name;
		int32_t offset;
	} good[] = { { "UTC", 0 }, { "GMT", 0 }, { "Z", 0 }, { "Etc/UTC", 0 },
		{ "+02:00", 7200 }, { "-0330", -12600 }, { "+14", 50400 },
		{ "+23:59", 86340 } };
	static const char *const bad[] = { "", "/etc/localtime", "../UTC",
		"Europe/../UTC", "Europe/./Berlin", ".", "..", "Europe//Berlin",
		"Europe/", "Europe/Ber lin", "Europe/Berlin\n", "+24:00", "+2", "+02:60",
		"Not/AZone", "made/dir", "made/text" };
	char dir[] = "/tmp/zone.XXXXXX", path[64], name[ZONE_NAME_MAX + 2];
	struct err e;
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(good); i++) {
		struct zone *z = zone_open(good[i].name, &e);

		wrong += z == NULL || zone_offset(z, 0) != good[i].offset ||
			 zone_local(z, 86400, NULL, NULL) != 86400 - good[i].offset;
		zone_close(z);
	}
	ok(wrong == 0, "%zu names that need no file", COUNT(good));

	if (mkdtemp(dir) == NULL)
		return;
	setenv("TZDIR", dir, 1);
	snprintf(path, sizeof path, "%s/made", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/made/dir", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/made/text", dir);
	fclose(fopen(path, "w"));
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	for (size_t i = 0; i <= COUNT(bad); i++) {
		const char *now = i < COUNT(bad) ? bad[i] : name;
		struct zone *z = zone_open(now, &e);

		if (z == NULL && e.status == ST_USAGE)
			continue;
		printf("# %s: %s\n", now, z ? "accepted" : e.text);
		zone_close(z);
		wrong++;
	}
	ok(wrong == 0, "%zu names that are none", COUNT(bad) + 1);

	snprintf(path, sizeof path, "%s/made/dir", dir);
	rmdir(path);
	{
		struct file f = whole('2', "AAA-1");
		FILE *to;

		snprintf(path, sizeof path, "%s/made/text", dir);
		to = fopen(path, "w");
		fwrite(f.p, 1, f.n, to);
		fclose(to);
	}
	{
		struct zone *z = zone_open("made/text", &e), *l;

		setenv("TZ", ":made/text", 1);
		l = zone_open("local", &e);
		ok(z != NULL && zone_offset(z, 1500000) == 7200 && l != NULL &&
			zone_offset(l, 1500000) == 7200,
		    "a zone of $TZDIR, by its name and as $TZ");
		zone_close(z);
		zone_close(l);
		setenv("TZ", "", 1);
		l = zone_open("local", &e);
		ok(l != NULL && zone_offset(l, 1500000) == 0, "an empty TZ is UTC");
		zone_close(l);
		setenv("TZ", "local", 1);
		ok(zone_open("local", &e) == NULL, "TZ=local: %s", e.text);
		unsetenv("TZ");
	}
	unlink(path);
	snprintf(path, sizeof path, "%s/made", dir);
	rmdir(path);
	rmdir(dir);
	ok(zone_open("Europe/Berlin", &e) == NULL && strstr(e.text, "tzdata") != NULL,
	    "%s", e.text);
	unsetenv("TZDIR");
}

int
main(void)
{
	test_files();
	test_bad_files();
	test_rules();
	test_footer();
	test_names();
	return unit_end();
}
