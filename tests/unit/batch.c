/* lib/batch in memory and in a directory of its own: members, keys, positions, partitions. */
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/units.h"
#include "batch/gzmember.h"
#include "batch/intake.h"
#include "batch/keytemplate.h"
#include "batch/spool.h"
#include "record/ndjson.h"
#include "record/timestamp.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

static char dir[PATH_MAX];

/* ---- help ---- */

static char *
noise(size_t n, unsigned seed)
{
	static const char words[] =
	    "level info ts caller main.go just a example tony {\"\\:,}";
	char *p = malloc(n + 1);

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		p[i] = seed >> 28 == 0 ? (char)(seed >> 16)
				       : words[(i + (seed >> 30)) % (sizeof words - 1)];
	}
	return p;
}

/* Is [gz, gz + n) just one gzip member with this content? */
static bool
gunzips_to(const char *gz, size_t n, const char *raw, size_t raw_n)
{
	z_stream z = { 0 };
	char *out = malloc(raw_n + 1);
	bool good;

	inflateInit2(&z, 15 + 16);
	z.next_in = (Bytef *)(uintptr_t)gz;
	z.avail_in = (uInt)n;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)(raw_n + 1);
	good = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0 &&
	       z.total_out == raw_n && memcmp(out, raw, raw_n) == 0;
	inflateEnd(&z);
	free(out);
	return good;
}

static bool
member(int level, const char *p, size_t n, size_t run, struct buf *out)
{
	struct err e;
	struct gzip *z = gzip_new(level, &e);
	struct gzmember m;
	bool good = z != NULL;

	gzmember_begin(&m, out);
	for (size_t at = 0; good && at < n; at += run)
		good = gzmember_run(
			   z, &m, p + at, n - at < run ? n - at : run, out, &e) == 0;
	gzmember_end(&m, out);
	gzip_free(z);
	return good && !out->failed;
}

/* In processes with other addresses: ISA-L's result depends on where its stream is. */
static void
test_same_bytes(const char *p, size_t n)
{
	char hex[2][17], name[] = "/tmp/unit-batch-gz-XXXXXX";
	int fd = mkstemp(name);

	fflush(stdout);
	for (int k = 0; k < 2; k++)
		if (fork() == 0) {
			struct buf all;
			char *other = malloc((size_t)(k + 1) << 23);

			buf_init(&all, 64 << 20);
			for (size_t run = 100; run < 1500; run += 19)
				(void)member(-1, p, n / 8, run, &all);
			hex64(hash64(all.p, all.n), hex[k]);
			free(other);
			buf_done(&all);
			_exit(pwrite(fd, hex[k], 17, k * 17) != 17);
		} else {
			int status;

			wait(&status);
		}
	ok(pread(fd, hex, sizeof hex, 0) == sizeof hex && strcmp(hex[0], hex[1]) == 0,
	    "the same bytes in another process");
	close(fd);
	unlink(name);
}

static void
test_gzmember(void)
{
	static const size_t runs[] = { 1, 3, 255, 4096, 65535, 65537, GZ_RUN - 1,
		GZ_RUN };
	size_t n = 700001;
	char *p = noise(n, 7), *random = malloc(n);
	unsigned seed = 1;

	for (size_t i = 0; i < n; i++)
		random[i] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
	for (int level = -1; level <= 9; level++) {
		if (level == 0)
			continue;
		for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
			struct buf a, b;
			size_t take = runs[i] < 100 ? 5000 : n;
			const char *from = i % 2 ? random : p;

			buf_init(&a, 64 << 20);
			buf_init(&b, 64 << 20);
			if (!member(level, from, take, runs[i], &a) ||
			    !member(level, from, take, runs[i], &b) ||
			    !gunzips_to(a.p, a.n, from, take))
				ok(false,
				    "level %d, runs of %zu: unpacks to what went in",
				    level, runs[i]);
			if (a.n != b.n || memcmp(a.p, b.p, a.n) != 0)
				ok(false, "level %d, runs of %zu: the same bytes again",
				    level, runs[i]);
			if (a.p[3] != 0 || memcmp(a.p + 4, "\0\0\0\0", 4) != 0)
				ok(false, "the header has no name and no time");
			buf_done(&a);
			buf_done(&b);
		}
		ok(true, "level %d: one member of runs of odd sizes", level);
	}
	test_same_bytes(p, n);
	for (size_t k = 0; k < 2; k++) {
		struct buf a;

		buf_init(&a, 1 << 20);
		ok(member(-1, p, k, 1, &a) && gunzips_to(a.p, a.n, p, k),
		    "a member of %zu bytes", k);
		buf_done(&a);
	}
	free(p);
	free(random);
}

/* ---- keys ---- */

static void
test_keys(void)
{
	static const struct {
		const char *t, *node, *why; /* why: NULL: good */
	} cases[] = {
		{ KEY_DEFAULT, "n", NULL },
		{ "{id}", "n", NULL },
		{ "a%%b/%j/{node}/{id}.gz", "n", NULL },
		{ "b\xc3\xbc"
		  "cher/{id}",
		    "n", NULL },
		{ "{node}/{id}", "..", NULL },
		{ "{node}/{id}", "../../etc/passwd", NULL },
		{ "{node}/{id}", "a b+c%d\xc3\xa9\n", NULL },
		{ "x", "n", "{id} must" },
		{ "{id}{id}", "n", "{id} must" },
		{ "", "n", "{id} must" },
		{ "%M/{id}", "n", "%M" },
		{ "{id}%", "n", "%" },
		{ "{pod}/{id}", "n", NULL },
		{ "ns={kubernetes.namespace_name}/{kubernetes.labels.app.kubernetes.io/"
		  "name}/"
		  "%F-%y%b%u%G%V%s%z-{first}-{last}-{seq}-{id}",
		    "n", NULL },
		{ "{a}{b}{c}{d}{e}{f}{g}{h}{id}", "n", NULL },
		{ "{a}{b}{c}{d}{e}{f}{g}{h}{i}{id}", "n", "8 fields" },
		{ "{}/{id}", "n", "in braces stand" },
		{ "{.a}/{id}", "n", "in braces stand" },
		{ "{a..b}/{id}", "n", "in braces stand" },
		{ "{a{b}/{id}", "n", "in braces stand" },
		{ "{path}%{time_slice}{id}", "n", "Fluentd" },
		{ "$TAG/{id}", "n", "Fluent Bit" },
		{ "_errors/{id}", "n", "logbatch's own" },
		{ "_manifests/{id}", "n", "logbatch's own" },
		{ "%q{id}", "n", "not one of" },
		{ "{id", "n", "not closed" },
		{ "}{id}", "n", "not opened" },
		{ "/{id}", "n", "empty part" },
		{ "a//{id}", "n", "empty part" },
		{ "{id}/", "n", "empty part" },
		{ "./{id}", "n", "empty part" },
		{ "a/../{id}", "n", "empty part" },
		{ "a\"b{id}", "n", "quote" },
		{ "a\\b{id}", "n", "quote" },
		{ "a\nb{id}", "n", "control" },
		{ "a\xff/{id}", "n", "UTF-8" },
		{ KEY_DEFAULT, "", "--node" },
	};
	struct keytemplate t;
	struct err e;
	char longest[KEY_MAX + 1];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int r = keytemplate_parse(&t, cases[i].t, cases[i].node, &e);

		ok(cases[i].why == NULL ? r == 0
					: r < 0 && e.status == ST_USAGE &&
					      strstr(e.text, cases[i].why) != NULL,
		    "template %s, node %s: %s", cases[i].t, cases[i].node,
		    cases[i].why ? e.text : "good");
	}
	memset(longest, 'a', sizeof longest - 1);
	for (size_t i = KEY_PART_MAX; i < KEY_MAX; i += KEY_PART_MAX + 1)
		longest[i] = '/';
	longest[KEY_MAX] = '\0';
	memcpy(longest + KEY_MAX - 4, "{id}", 5);
	ok(keytemplate_parse(&t, longest, "n", &e) < 0, "over 1024 bytes");
	memcpy(longest + KEY_MAX - 12 - strlen(KEY_ERRORS) - 4, "{id}", 5);
	ok(keytemplate_parse(&t, longest, "n", &e) == 0,
	    "just 1024 with the prefix of errors");
	memcpy(longest + KEY_MAX - 12 - strlen(KEY_ERRORS) - 4, "a{id}", 6);
	ok(keytemplate_parse(&t, longest, "n", &e) < 0,
	    "one more is too long: _errors/ comes before it");
	memset(longest, 'a', KEY_PART_MAX);
	strcpy(longest + KEY_PART_MAX - KEY_ID_LEN, "{id}/a");
	ok(keytemplate_parse(&t, longest, "n", &e) == 0, "a part of just 255 bytes");
	strcpy(longest + KEY_PART_MAX - KEY_ID_LEN, "a{id}/a");
	ok(keytemplate_parse(&t, longest, "n", &e) < 0 &&
		strstr(e.text, "part over 255") != NULL,
	    "one more is not a file's name");
}

/* A key of an hour, of fields that came as raw JSON, a NULL after the last. */
static bool
key_is(const char *want, const char *template, const char *node, struct key_values v,
    const char *const raw[])
{
	struct keytemplate t;
	struct buf values, key;
	struct err e;
	bool same;

	buf_init(&values, 1 << 20);
	buf_init(&key, 1 << 20);
	if (keytemplate_parse(&t, template, node, &e) < 0) {
		printf("# %s\n", e.text);
		return false;
	}
	for (size_t i = 0; raw != NULL && raw[i] != NULL; i++) {
		keytemplate_value(&t, str_of(raw[i]), &values);
		buf_addc(&values, '\0');
	}
	v.fields = raw != NULL ? values.p : NULL;
	keytemplate_key(&t, &v, &key);
	same = strcmp(key.p, want) == 0;
	if (!same)
		printf("# got %s, not %s\n", key.p, want);
	buf_done(&values);
	buf_done(&key);
	return same;
}

static void
test_key_times(void)
{
	struct key_values v = { .hour = 35064 + 59 * 24 + 5, .id = "ID", .timed = true };

	ok(key_is("1974-03-01T05 060/..%2Fa/ID%", "%Y-%m-%dT%H %j/{node}/{id}%%", "../a",
	       v, NULL),
	    "codes and names");
	ok(key_is("1974-03-01 74 Mar 5 1974 09 131346000 +0000 ID",
	       "%F %y %b %u %G %V %s %z {id}", "n", v, NULL),
	    "more codes");
	v.offset_s = 19800;
	ok(key_is("05+0530 131326200 ID", "%H%z %s {id}", "n", v, NULL),
	    "half an hour off");
	v = (struct key_values){ .hour = -1, .id = "ID", .offset_s = -3600 };
	ok(key_is("1969-12-31-23-365/%2E%2E%2E-0100 ID", "%Y-%m-%d-%H-%j/{node}%z {id}",
	       "...", v, NULL),
	    "before 1970, a node of dots");
	ok(key_is("untimed-untimed-0000-ID", "{first}-{last}-{seq}-{id}", "n", v, NULL),
	    "no times");
	v = (struct key_values){ .hour = 0,
		.id = "ID",
		.timed = true,
		.first_ns = 1,
		.last_ns = 1795352400999999999,
		.seq = 12 };
	ok(key_is("19700101T000000Z 20261122T130000Z 0012 ID",
	       "{first} {last} {seq} {id}", "n", v, NULL),
	    "first, last and number");
	/* ISO weeks at the ends of years, by day numbers of 1. January 2021 and 2024 */
	v.hour = 18628 * 24;
	ok(key_is("2020-53-5 ID", "%G-%V-%u {id}", "n", v, NULL),
	    "a week of the year before");
	v.hour = 19723 * 24 - 24;
	ok(key_is("2023-52-7 ID", "%G-%V-%u {id}", "n", v, NULL),
	    "the last day of a year");
}

static void
test_key_fields(void)
{
	static const struct {
		const char *raw, *plain, *hive; /* in {f}/{id}, and in a={f}/{id} */
	} cases[] = {
		{ "\"shop\"", "shop", "shop" },
		{ "\"\"", "none", KEY_HIVE_NULL },
		{ "", "none", KEY_HIVE_NULL },
		{ "null", "none", KEY_HIVE_NULL },
		{ "{\"a\":1}", "none", KEY_HIVE_NULL },
		{ "[1]", "none", KEY_HIVE_NULL },
		{ "\"none\"", "%6Eone", "%6Eone" },
		{ "\"__HIVE_DEFAULT_PARTITION__\"", "%5F_HIVE_DEFAULT_PARTITION__",
		    "%5F_HIVE_DEFAULT_PARTITION__" },
		{ "1.10", "1.10", "1.10" },
		{ "true", "true", "true" },
		{ "\"..\"", "%2E%2E", "%2E%2E" },
		{ "\".\"", "%2E", "%2E" },
		{ "\"../..\"", "%2E.%2F..", "..%2F.." },
		{ "\"_errors\"", "%5Ferrors", "_errors" },
		{ "\"/etc//passwd\"", "%2Fetc%2F%2Fpasswd", "%2Fetc%2F%2Fpasswd" },
		{ "\"a=b c+d%\"", "a%3Db%20c%2Bd%25", "a%3Db%20c%2Bd%25" },
		{ "\"\\u0000\\n\\u00e9\\\\\"", "%00%0A%C3%A9%5C", "%00%0A%C3%A9%5C" },
		{ "\"\xff\\q\"", "%FF%5Cq", "%FF%5Cq" },
	};
	struct key_values v = { .id = "ID" };
	const char *raw[] = { NULL, NULL };
	char want[400], name[KEY_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		raw[0] = cases[i].raw;
		snprintf(want, sizeof want, "%s/ID", cases[i].plain);
		snprintf(name, sizeof name, "a=%s/ID", cases[i].hive);
		ok(key_is(want, "{f}/{id}", "n", v, raw) &&
			key_is(name, "a={f}/{id}", "n", v, raw),
		    "a field that is %s", cases[i].raw);
	}
}

/* Values of any length give keys within KEY_MAX, which differ where the values do. */
static void
test_key_lengths(void)
{
	static const char *const templates[] = { "{f}/{id}",
		"{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{id}" };
	struct key_values v = { .id = "0123456789abcdef" };
	char raw[3000], before[KEY_MAX + 1] = "";
	struct keytemplate t;
	struct buf values, key;
	struct err e;
	bool good = true;

	for (size_t k = 0; k < 2; k++)
		for (size_t n = 20; n < 2600; n += 37) {
			buf_init(&values, 1 << 20);
			buf_init(&key, 1 << 20);
			memset(raw, n % 2 ? '/' : 'x', sizeof raw);
			raw[0] = raw[n - 1] = '"';
			good &= keytemplate_parse(&t, templates[k], "n", &e) == 0;
			for (size_t i = 0; i < t.fields; i++) {
				keytemplate_value(&t, (struct str){ raw, n }, &values);
				buf_addc(&values, '\0');
			}
			v.fields = values.p;
			keytemplate_key(&t, &v, &key);
			good &= key.n <= KEY_MAX - strlen(KEY_ERRORS) &&
				strcmp(key.p, before) != 0;
			for (const char *p = key.p; (p = strchr(p, '%')) != NULL; p++)
				good &= strncmp(p, "%2F", 3) == 0;
			snprintf(before, sizeof before, "%s", key.p);
			buf_done(&values);
			buf_done(&key);
		}
	ok(good, "long values are cut, each with a hash, never through a %%XX");
}

/* Many fields in a part: within KEY_PART_MAX, the id whole; cut only where they must be. */
static void
test_part_lengths(void)
{
	static const char template[] = "x/{a}_{b}_{c}_{d}_{e}_{f}_{g}_{h}-{id}.gz";
	struct key_values v = { .id = "0123456789abcdef" };
	char raw[400], before[KEY_MAX + 1] = "";
	struct keytemplate t;
	struct buf values, key;
	struct err e;
	bool good = true;

	for (size_t n = 4; n < 400; n += 3) {
		buf_init(&values, 1 << 20);
		buf_init(&key, 1 << 20);
		memset(raw, n % 2 ? '_' : 'x', sizeof raw);
		raw[0] = raw[n - 1] = '"';
		good &= keytemplate_parse(&t, template, "n", &e) == 0;
		for (size_t i = 0; i < t.fields; i++) {
			keytemplate_value(&t, (struct str){ raw, n }, &values);
			buf_addc(&values, '\0');
		}
		v.fields = values.p;
		keytemplate_key(&t, &v, &key);
		good &= key.n <= 2 + KEY_PART_MAX && strcmp(key.p, before) != 0 &&
			strstr(key.p, "-0123456789abcdef.gz") != NULL &&
			(strchr(key.p, '~') != NULL) == (n - 2 > 27);
		snprintf(before, sizeof before, "%s", key.p);
		buf_done(&values);
		buf_done(&key);
	}
	ok(good, "eight fields in a part are cut where it would be over 255 bytes");
}

/* ---- a stream into partitions ---- */

struct stream {
	struct intake in;
	struct keytemplate key;
	struct spool spool;
	struct err e;
};

static void
stream_begin(struct stream *s, uint64_t max_size)
{
	memset(s, 0, sizeof *s);
	intake_init(&s->in);
	if (spool_open(&s->spool, dir, &s->e) < 0 ||
	    positions_init(&s->in.positions, &s->e) < 0 ||
	    keytemplate_parse(&s->key, KEY_DEFAULT, "n", &s->e) < 0 ||
	    partitions_init(&s->in.partitions, s->spool.path, &s->key, -1, max_size,
		&s->in.positions, &s->e) < 0) {
		ok(false, "begin: %s", s->e.text);
		exit(1);
	}
}

static __attribute__((format(printf, 2, 3))) int
feed(struct stream *s, const char *fmt, ...)
{
	static char line[70000 + 64];
	const char *why;
	va_list ap;
	int n;

	memset(line, 0, sizeof line);
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line - 64, fmt, ap);
	va_end(ap);
	return intake_line(
	    &s->in, (struct str){ line, (size_t)n }, INTAKE_LINE, false, &why, &s->e);
}

#define SRC(id, end)                                                                     \
	"{\"_src\":{\"file\":\"/f" id "\",\"id\":\"00000000000000" id                    \
	"\",\"gen\":3,\"end\":" end "}"

static int
stream_end(struct stream *s)
{
	return intake_end(&s->in, &s->e) < 0 ||
		       partitions_finish(&s->in.partitions, &s->e) < 0
		   ? -1
		   : 0;
}

static void
stream_done(struct stream *s)
{
	spool_remove(&s->spool);
	intake_done(&s->in);
}

/* The content of a batch's body. */
static char *
body(const struct batch *b)
{
	char *text = calloc(1, 1 << 20);
	gzFile f = gzopen(b->file, "rb");

	if (f != NULL) {
		int n = gzread(f, text, (1 << 20) - 1);

		text[n < 0 ? 0 : n] = '\0';
		gzclose(f);
	}
	return text;
}

static bool
body_is(const struct stream *s, size_t i, const char *want)
{
	char *got;
	bool same;

	if (i >= s->in.partitions.batches)
		return false;
	got = body(&s->in.partitions.batch[i]);
	same = strcmp(got, want) == 0;
	if (!same)
		printf("# got %s", got);
	free(got);
	return same;
}

static struct position *
at(const struct stream *s, const char *id)
{
	struct position *p;
	size_t i = 0;

	while ((p = positions_next(&s->in.positions, &i)) != NULL)
		if (strcmp(p->id, id) == 0)
			return p;
	return NULL;
}

#define ONE "\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"%s\"}"

static void
test_epochs(void)
{
	struct stream s;

	stream_begin(&s, 1 << 20);
	feed(&s, SRC("aa", "0") "}");
	feed(&s, SRC("aa", "10") "," ONE, "1");
	ok(s.in.positions.open == 1, "a record opens its position");
	feed(&s, SRC("aa", "10") ",\"x\":1," ONE, "1b");
	feed(&s, "{\"_src\":{\"file\":\"/"
		 "faa\",\"id\":\"00000000000000aa\",\"gen\":3,\"end\":10,\"at\":10,"
		 "\"sum\":\"00000000000000ff\"}}");
	ok(s.in.positions.open == 0, "a mark closes it");
	feed(&s, SRC("bb", "5") "}");
	feed(&s, SRC("aa", "20") "," ONE, "2");
	feed(&s, SRC("bb", "15") "," ONE, "3");
	feed(&s,
	    "{\"_src\":{\"file\":\"/"
	    "faa\",\"id\":\"00000000000000aa\",\"gen\":3,\"end\":20,\"at\":20,"
	    "\"sum\":\"0000000000000100\",\"stat\":\"s\",\"dir\":\"d\",\"final\":true}}");
	ok(s.in.positions.open == 1, "one of two stays open");
	ok(stream_end(&s) == 0, "the end: %s", s.e.text);
	ok(at(&s, "00000000000000aa")->now.end == 10 &&
		at(&s, "00000000000000aa")->now.sum == 0xff &&
		at(&s, "00000000000000aa")->now.stat == NULL &&
		!at(&s, "00000000000000aa")->now.final,
	    "all since the last quiet moment is taken back, with window, stat and final");
	ok(at(&s, "00000000000000bb")->now.end == 5, "the other is where it began");
	ok(s.in.partitions.batches == 1 &&
		body_is(&s, 0,
		    "{"
		    "\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"1\"}\n"
		    "{\"x\":1,\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"1b\"}\n"),
	    "both records of one `end` are there, the unsure ones are not");
	ok(strstr(s.in.partitions.batch[0].manifest, "\"from\":0,\"to\":10}]") != NULL,
	    "and its sources: %s", s.in.partitions.batch[0].manifest);
	stream_done(&s);

	stream_begin(&s, 1 << 20);
	feed(&s, SRC("aa", "10") "," ONE, "1");
	feed(&s, SRC("aa", "10") "," ONE, "2");
	ok(feed(&s, SRC("aa", "9") "," ONE, "3") < 0 && s.e.status == ST_FAIL,
	    "`end` going back: %s", s.e.text);
	stream_done(&s);

	stream_begin(&s, 1 << 20);
	feed(&s, SRC("aa", "10") "}");
	ok(feed(&s, SRC("aa", "9") "}") < 0, "a mark going back");
	stream_done(&s);

	stream_begin(&s, 1 << 20);
	feed(&s, SRC("aa", "10") "," ONE, "1");
	feed(&s, SRC("aa", "20") "," ONE, "2");
	ok(stream_end(&s) == 0 && at(&s, "00000000000000aa")->now.end == 20 &&
		s.in.partitions.batches == 1,
	    "without any marks the end of the input closes");
	stream_done(&s);
}

/* A file's name and id are asked for everything that a ledger could choke on. */
static void
test_sources(void)
{
	static const struct {
		const char *id, *file;
		bool good;
	} cases[] = {
		{ "0123456789abcdef", "/x", true },
		{ "0123456789abcdef/o", "/x\\\"\\u00e9\xc3\xa9", true },
		{ "0123456789abcdef.12/e", "", true },
		{ "0123456789abcde", "/x", false },
		{ "0123456789abcdef0", "/x", false },
		{ "0123456789ABCDEF", "/x", false },
		{ "0123456789abcdef.", "/x", false },
		{ "0123456789abcdef.1234567890", "/x", false },
		{ "0123456789abcdef/x", "/x", false },
		{ "0123456789abcdef/", "/x", false },
		{ "0123456789abcdef/o/e", "/x", false },
		{ "", "/x", false },
		{ "0123456789abcdef", "/x\\q", false },
		{ "0123456789abcdef", "/x\\u12", false },
		{ "0123456789abcdef", "/x\xff", false },
		{ "0123456789abcdef", "/x\xc3", false },
	};
	struct stream s;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int r;

		stream_begin(&s, 1 << 20);
		r = feed(&s,
		    "{\"_src\":{\"file\":\"%s\",\"id\":\"%s\",\"gen\":0,\"end\":5},"
		    "\"log\":\"x\"}",
		    cases[i].file, cases[i].id);
		ok(r == !cases[i].good && s.in.positions.n == cases[i].good,
		    "id %s, file %s: %s", cases[i].id, cases[i].file,
		    cases[i].good ? "taken" : "wrapped");
		stream_done(&s);
	}
	stream_begin(&s, 1 << 20);
	ok(feed(&s, "{\"_src\":{\"file\":\"f\",\"id\":\"0123456789abcdef\",\"gen\":0,"
		    "\"end\":5,\"dir\":\"\\q\"}}") == 1,
	    "a mark with a bad text for the ledger is wrapped");
	stream_done(&s);
}

/* past: names and positions of a stream's logs */
static void
test_many_sources(void)
{
	struct stream s;
	unsigned n = 0;
	int r = 0;

	stream_begin(&s, 1 << 20);
	ok(s.in.positions.most == POSITIONS_BYTES, "the ceiling");
	s.in.positions.most = 1 << 20;
	while (r == 0 && n < 100000)
		r = feed(&s,
		    "{\"_src\":{\"file\":\"/"
		    "%0*u\",\"id\":\"%016x\",\"gen\":0,\"end\":0}}",
		    500, n, n),
		n++;
	ok(r == -1 && n > 500 && n < 1500 && s.e.status == ST_FAIL &&
		strstr(s.e.text, "take more than 1 MiB") != NULL,
	    "%u names of 500 bytes in 1 MiB: %s", n, s.e.text);
	s.in.positions.most += 1 << 10;
	ok(feed(&s,
	       "{\"_src\":{\"file\":\"/%0*u\",\"id\":\"%016x\",\"gen\":0,\"end\":0,"
	       "\"stat\":\"1:2:3:4\",\"dir\":\"/%0*u\",\"gone\":true}}",
	       500, 0, 0, 4000, 0) == -1,
	    "what a mark says counts");
	s.in.positions.most = 2 << 20;
	n = (unsigned)s.in.positions.bytes;
	positions_committed(&s.in.positions);
	ok(s.in.positions.bytes + 4500 < n && s.in.positions.bytes > n - 6000,
	    "and no more when its log is gone");
	stream_done(&s);
}

static void
test_hours(void)
{
	struct stream s;

	stream_begin(&s, 1 << 20);
	feed(&s, "{\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"1\"}");
	feed(&s, "{\"time\":\"2026-11-22T14:00:00Z\",\"_error\":{}}");
	feed(&s, "{\"time\":\"2026-11-22T14:00:01Z\",\"log\":\"2\"}");
	feed(&s, "{\"time\":\"2026-11-22T13:59:60Z\",\"log\":\"leap\"}");
	feed(&s, "{\"time\":\"2026-11-22T13:59:59.9Z\",\"log\":\"3\"}");
	feed(&s, "{\"time\":\"2026-11-22T21:30:00+08:00\",\"log\":\"4\"}");
	feed(&s, "{\"time\":\"2026-11-22t13:30:00z\",\"log\":\"5\"}");
	feed(&s, "{\"log\":\"none\"}");
	feed(&s, "{\"time\":\"2026-11-22 13:30:00\",\"log\":\"no time\"}");
	ok(feed(&s, "oops") == 1, "a bad line is wrapped");
	ok(stream_end(&s) == 0 && s.in.partitions.batches == 4, "four objects");
	ok(body_is(&s, 0,
	       "{\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"1\"}\n"
	       "{\"time\":\"2026-11-22T13:59:59.9Z\",\"log\":\"3\"}\n"
	       "{\"time\":\"2026-11-22T21:30:00+08:00\",\"log\":\"4\"}\n"
	       "{\"time\":\"2026-11-22t13:30:00z\",\"log\":\"5\"}\n{\"log\":\"none\"}\n"
	       "{\"time\":\"2026-11-22 13:30:00\",\"log\":\"no time\"}\n"),
	    "hour 13");
	ok(body_is(&s, 1,
	       "{\"time\":\"2026-11-22T14:00:01Z\",\"log\":\"2\"}\n"
	       "{\"time\":\"2026-11-22T13:59:60Z\",\"log\":\"leap\"}\n"),
	    "hour 14, also right after an _error record of it; a leap second counts to "
	    "the next");
	ok(strstr(s.in.partitions.batch[2].key,
	       "_errors/year=2026/month=11/day=22/hour=13/") &&
		strstr(s.in.partitions.batch[3].key,
		    "_errors/year=2026/month=11/day=22/hour=14/"),
	    "errors apart, a bad line with the record before it");
	stream_done(&s);
}

/* Times in the hour of the record before are read another way: with the same results, whatever
 * becomes of one of their bytes. */
static void
test_times_of_an_hour(void)
{
	static const char text[] = "2026-11-22T13:59:07.123456789Z";
	static const char odd[] = "/0:9 .Z-\x7f\x80\xb9\xf3\xfa\xff";
	struct stream s;
	unsigned bad = 0, n = 0;
	char t[sizeof text];
	int64_t ns;

	stream_begin(&s, 1 << 20);
	for (size_t cut = 18; cut < sizeof text - 1; cut++)
		for (size_t at = 14; at < cut; at++)
			for (const char *c = odd; *c != '\0'; c++, n++) {
				uint64_t untimed = s.in.n.untimed;
				bool timed;

				feed(&s,
				    "{\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"\"}");
				memcpy(t, text, cut);
				strcpy(t + cut, "Z");
				t[at] = *c;
				timed = timestamp_parse(str_of(t), &ns);
				feed(&s, "{\"time\":\"%s\",\"log\":\"\"}", t);
				bad += timed != (s.in.n.untimed == untimed) ||
				       (timed && s.in.before_ns != ns);
			}
	ok(bad == 0 && n > 1000, "%u of %u times of an hour are read otherwise", bad, n);
	stream_done(&s);
}

static void
test_src_removed(void)
{
	static const char *const cases[][2] = {
		{ SRC("aa", "5") ",\"a\": 1.10 , \"b\":[{}]}",
		    "{\"a\": 1.10 , \"b\":[{}]}\n" },
		{ "{ \"a\" :1 , "
		  "\"_src\":{\"file\":\"f\",\"id\":\"0123456789abcdef\",\"gen\":0,"
		  "\"end\":5}"
		  " , \"b\":\"},{\" }",
		    "{ \"a\" :1  , \"b\":\"},{\" }\n" },
		{ "{\"a\":{\"_src\":1},\"_src\":{\"end\":5,\"gen\":0,\"file\":\"f\","
		  "\"id\":\"0123456789abcdef\"}}",
		    "{\"a\":{\"_src\":1}}\n" },
		{ "{\"a\":\",\",\"\\u005fsrc\":{\"end\":5,\"gen\":0,\"file\":\"f\","
		  "\"id\":\"0123456789abcdef\"},\"z\":null}",
		    "{\"a\":\",\",\"z\":null}\n" },
		{ "{\"a\":9223372036854775808,\"b\":1e400,\"a\":\"\\u00e9\"}",
		    "{\"a\":9223372036854775808,\"b\":1e400,\"a\":\"\\u00e9\"}\n" },
		{ " {\"a\":1} ", " {\"a\":1} \n" },
		{ "{}", "{}\n" },
	};
	struct stream s;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		stream_begin(&s, 1 << 20);
		ok(feed(&s, "%s", cases[i][0]) == 0 && stream_end(&s) == 0 &&
			body_is(&s, 0, cases[i][1]),
		    "_src cut out of %s", cases[i][0]);
		stream_done(&s);
	}
}

/* ---- bad lines and cuts ---- */

static void
test_bad_lines(void)
{
	struct stream s;
	const char *why;
	struct str part = STR("{\"log\":\"0123456789");

	stream_begin(&s, 1 << 20);
	feed(&s, SRC("aa", "0") "}");
	feed(&s, "oops");
	ok(s.in.positions.open == 1, "a bad line opens the source in hand");
	ok(stream_end(&s) == 0 && s.in.partitions.batches == 0 && s.in.n.rejected == 0 &&
		s.in.n.records == 0,
	    "it is taken back when that was not closed");
	stream_done(&s);

	stream_begin(&s, 1 << 20);
	feed(&s, SRC("aa", "0") "}");
	feed(&s, "{\"_src\":{\"file\":\"/"
		 "f\",\"id\":\"00000000000000aa\",\"gen\":3,\"end\":9,\"stat\":\"s\"}}");
	feed(&s, "oops");
	ok(stream_end(&s) == 0 && s.in.partitions.batches == 1 &&
		strstr(s.in.partitions.batch[0].manifest, "\"from\":9,\"to\":9") != NULL,
	    "after the closing mark it is on its own, and says where it was met");
	stream_done(&s);

	stream_begin(&s, 1 << 20);
	intake_line(&s.in, part, INTAKE_PIECE, false, &why, &s.e);
	ok(stream_end(&s) == 0 && s.in.partitions.batches == 0,
	    "a long line that was cut is taken back");
	stream_done(&s);
	stream_begin(&s, 1 << 20);
	intake_line(&s.in, part, INTAKE_PIECE, false, &why, &s.e);
	intake_line(&s.in, part, INTAKE_LAST, false, &why, &s.e);
	ok(stream_end(&s) == 0 && s.in.partitions.batches == 1 && s.in.n.rejected == 2,
	    "a whole one is there");
	stream_done(&s);
}

/* The longest pieces, all of it to be escaped, within the memory. */
static void
test_longest(void)
{
	struct stream s;
	struct str line = { malloc(NDJSON_LINE_MAX + 64), NDJSON_LINE_MAX };
	const char *why;
	int r;

	memset((char *)(uintptr_t)line.p, 1, line.n);
	stream_begin(&s, 1 << 20);
	r = intake_line(&s.in, line, INTAKE_PIECE, false, &why, &s.e);
	ok(r == 1, "16 MiB of control bytes are wrapped: %s", r < 0 ? s.e.text : "");
	r = intake_line(&s.in, line, INTAKE_LAST, false, &why, &s.e);
	ok(r == 1 && stream_end(&s) == 0 && s.in.partitions.batch[0].records == 2,
	    "and again");
	stream_done(&s);
	free((char *)(uintptr_t)line.p);
}

/* ---- identity ---- */

static void
id_of(const char *id, const char *end, const char *text, const char *node, char key[200])
{
	struct stream s;

	stream_begin(&s, 1 << 20);
	s.key.node = node;
	feed(&s,
	    "{\"_src\":{\"file\":\"f\",\"id\":\"0123456789abcde%s\",\"gen\":0,\"end\":%s}"
	    ","
	    "\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"%s\"}",
	    id, end, text);
	stream_end(&s);
	snprintf(key, 200, "%s", s.in.partitions.batch[0].key);
	stream_done(&s);
}

static void
test_ids(void)
{
	char a[200], b[200];
	struct stream s;

	id_of("f", "10", "x", "n", a);
	id_of("f", "10", "x", "n", b);
	ok(strcmp(a, b) == 0, "the same records of the same place: the same key");
	id_of("e", "10", "x", "n", b);
	ok(strcmp(a, b) != 0, "another file: another key");
	id_of("f", "11", "x", "n", b);
	ok(strcmp(a, b) != 0, "another place in it: another key");
	id_of("f", "10", "y", "n", b);
	ok(strcmp(a, b) != 0, "another text: another key");
	id_of("f", "10", "x", "m", b);
	ok(strcmp(strchr(a, 'n') ? strrchr(a, '-') : a, strrchr(b, '-')) != 0,
	    "another node: another id");

	/* one record becomes two of different hours: the second has its place as well */
	stream_begin(&s, 1 << 20);
	feed(&s, SRC("aa", "100") ","
				  "\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"a\"}");
	feed(&s, SRC("aa", "120") ","
				  "\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"a\"}");
	feed(&s, SRC("aa", "120") ","
				  "\"time\":\"2026-11-22T14:00:00Z\",\"log\":\"beat\"}");
	stream_end(&s);
	ok(s.in.partitions.batches == 2 && strstr(s.in.partitions.batch[1].manifest,
					       "\"from\":100,\"to\":120") != NULL,
	    "an expanded record keeps where it is from: %s",
	    s.in.partitions.batch[1].manifest);
	stream_done(&s);
}

/* ---- memory ---- */

/* Hours in turn, so that all partitions are open together; a digest of all keys, sizes and
 * hashes. */
static void
many(unsigned hours, unsigned records, size_t text, bool pressure, char hex[17])
{
	struct stream s;
	struct buf all;
	char *filler = malloc(text + 1);

	memset(filler, 'x', text);
	filler[text] = '\0';
	stream_begin(&s, 100 << 20);
	if (pressure)
		s.in.partitions.memory =
		    PARTITION_MEMORY - (256 << 10); /* as if others held that much */
	feed(&s, SRC("aa", "0") "}");
	for (unsigned i = 1; i <= records; i++) {
		unsigned h = i * 7919u % hours;

		if (feed(&s,
			"{\"_src\":{\"file\":\"/"
			"faa\",\"id\":\"00000000000000aa\",\"gen\":3,\"end\":%u},"
			"\"time\":\"20%02u-%02u-%02uT%02u:00:00Z\",\"log\":\"%u%s\"}",
			i * 10, 10 + h / 24 / 28 / 12, 1 + h / 24 / 28 % 12,
			1 + h / 24 % 28, h % 24, i, filler) < 0) {
			ok(false, "record %u: %s", i, s.e.text);
			break;
		}
		if (i % 997 == 0)
			feed(&s,
			    "{\"_src\":{\"file\":\"/"
			    "faa\",\"id\":\"00000000000000aa\",\"gen\":3,\"end\":%u}}",
			    i * 10);
	}
	feed(&s,
	    "{\"_src\":{\"file\":\"/"
	    "faa\",\"id\":\"00000000000000aa\",\"gen\":3,\"end\":%u}}",
	    records * 10);
	ok(stream_end(&s) == 0 &&
		s.in.partitions.batches == (hours < records ? hours : records),
	    "%u records in %u hours, an object each", records, hours);
	buf_init(&all, 1 << 30);
	for (size_t i = 0; i < s.in.partitions.batches; i++)
		buf_adds(&all, s.in.partitions.batch[i].manifest);
	hex64(hash64(all.p, all.n), hex);
	buf_done(&all);
	stream_done(&s);
	free(filler);
}

static void
test_spill(void)
{
	char a[17], b[17];

	many(40, 20000, 1000, false, a);
	many(40, 20000, 1000, true, b);
	ok(strcmp(a, b) == 0, "the same objects under memory pressure");
	many(300, 9000, 3000, false, a);
	many(300, 9000, 3000, true, b);
	ok(strcmp(a, b) == 0, "the same with many hours");
}

/* In a process of its own, so that its peak is its own. */
static void
test_many_partitions(void)
{
	struct rusage ru;
	char hex[17];
	int status, bad = unit_bad;
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) == 0) {
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		many(10000, 200000, 300, false, hex);
		_exit(unit_bad > bad);
	}
	ok(wait4(pid, &status, 0, &ru) == pid && status == 0, "10,000 partitions");
	printf("# peak %ld MiB\n", ru.ru_maxrss >> 10);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (getenv("LD_PRELOAD") == NULL) /* valgrind */
		ok(ru.ru_maxrss < 64 << 10, "in under 64 MiB: %ld KiB", ru.ru_maxrss);
#endif
}

/* Two sources that do not close: more than fits unsure. */
static void
test_unsure_memory(void)
{
	static char filler[60001];
	struct stream s;
	int r = 0;

	memset(filler, 'y', sizeof filler - 1);
	for (int close_it = 0; close_it < 2; close_it++) {
		stream_begin(&s, 100 << 20);
		feed(&s, SRC("aa", "0") "}");
		for (unsigned i = 1; i <= 1500 && r >= 0; i++)
			r = feed(&s,
			    "{\"_src\":{\"file\":\"/"
			    "faa\",\"id\":\"00000000000000aa\",\"gen\":3,\"end\":%u},"
			    "\"time\":\"2026-11-22T1%u:00:00Z\",\"log\":\"%s\"}",
			    i, i % 3, filler);
		ok(r == 0 && s.in.partitions.memory <
				 2 * (PARTITION_MEMORY + PARTITION_UNSURE),
		    "90 MB not closed: %zu held", s.in.partitions.memory);
		if (close_it)
			feed(&s,
			    "{\"_src\":{\"file\":\"/"
			    "faa\",\"id\":\"00000000000000aa\",\"gen\":3,\"end\":1500}}");
		r = stream_end(&s);
		if (close_it)
			ok(r == 0 && s.in.partitions.batches == 3,
			    "closed in the end: all is there");
		else
			ok(r < 0 && s.e.status == ST_FAIL, "never closed: %s", s.e.text);
		r = 0;
		stream_done(&s);
	}
}

/* ---- runs and their directories ---- */

static void
test_spool(void)
{
	struct spool a, b;
	struct err e;
	char orphan[PATH_MAX + 40];

	ok(spool_open(&a, dir, &e) == 0 && spool_open(&b, dir, &e) == 0 &&
		strcmp(a.path, b.path) != 0,
	    "two runs");
	spool_sweep(dir);
	ok(access(a.path, F_OK) == 0 && access(b.path, F_OK) == 0,
	    "living ones are not swept");
	close(b.lock);
	snprintf(orphan, sizeof orphan, "%s/0.gz", b.path);
	close(open(orphan, O_WRONLY | O_CREAT, 0600));
	spool_sweep(dir);
	ok(access(a.path, F_OK) == 0 && access(b.path, F_OK) != 0,
	    "the dead one is, with what it held");
	spool_remove(&a);
	ok(access(a.path, F_OK) != 0, "a run removes its own");
}

/* Sweepers and beginners at once: nobody fails. */
static void
test_spool_race(void)
{
	int bad = 0, status;

	fflush(stdout);
	for (int k = 0; k < 4; k++)
		if (fork() == 0) {
			struct spool s;
			struct err e;

			for (int i = 0; i < 500; i++) {
				char name[PATH_MAX + 40];
				int fd;

				if (spool_open(&s, dir, &e) < 0)
					_exit(1);
				spool_sweep(dir);
				snprintf(name, sizeof name, "%s/0.gz", s.path);
				if ((fd = open(name, O_WRONLY | O_CREAT, 0600)) < 0)
					_exit(2);
				close(fd);
				spool_remove(&s);
			}
			_exit(0);
		}
	while (wait(&status) > 0)
		bad += status != 0;
	ok(bad == 0, "four runs that begin and sweep at once");
}

int
main(void)
{
	/* memory, where there is such: 60,000 files come and go */
	snprintf(dir, sizeof dir, "%s/unit-batch-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(dir) == NULL)
		return 1;
	test_gzmember();
	test_keys();
	test_key_times();
	test_key_fields();
	test_key_lengths();
	test_part_lengths();
	test_epochs();
	test_sources();
	test_many_sources();
	test_hours();
	test_times_of_an_hour();
	test_src_removed();
	test_bad_lines();
	test_longest();
	test_ids();
	test_spill();
	test_many_partitions();
	test_unsure_memory();
	test_spool();
	test_spool_race();
	ok(rmdir(dir) == 0, "nothing is left");
	return unit_end();
}
