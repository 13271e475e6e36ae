/* lib/parse: unescaping, the parsers, and what they find put into records. */
#include "base/err.h"
#include "parse/builtin.h"
#include "parse/graft.h"
#include "parse/regex.h"
#include "parse/unescape.h"
#include "record/jsonw.h"
#include "record/ndjson.h"
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

static uint64_t
rnd(void)
{
	static uint64_t s = 42;
	uint64_t z = s += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static const char *const forms[] = { "portable", "ssse3", "avx512" };
enum { FORMS = sizeof forms / sizeof *forms };

/* `line` (a raw string with its closing quote) unescaped, in memory with just the slack. */
static ptrdiff_t
through(const char *line, size_t n, char *out, unsigned *flags, size_t *used)
{
	char *in = malloc(n + UNESCAPE_SLACK), *to = malloc(n + UNESCAPE_SLACK), *stop;
	const char *src = in;
	ptrdiff_t got = -1;

	memset(in, '"', n + UNESCAPE_SLACK);
	memcpy(in, line, n);
	if ((stop = unescape(to, &src, in + n, flags)) != NULL) {
		got = stop - to;
		memcpy(out, to, (size_t)got);
		*used = (size_t)(src - in);
	}
	free(in);
	free(to);
	return got;
}

static void
test_unescape(void)
{
	static const struct {
		const char *raw, *text; /* text NULL: refused */
		ptrdiff_t n;
	} t[] = {
		{ "\"", "", 0 },
		{ "plain\"", "plain", 5 },
		{ "a much longer plain text than one block\"",
		    "a much longer plain text than one block", 39 },
		{ "{\\\"a\\\":\\\"b\\\"}\"", "{\"a\":\"b\"}", 9 },
		{ "fifteen bytes..\\\"and on\"", "fifteen bytes..\"and on", 22 },
		{ "fourteen bytes\\\\\\\"\"", "fourteen bytes\\\"", 16 },
		{ "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"\"", "\\\\\\\\\\\\\\\\\\\"",
		    10 },
		{ "\\b\\f\\n\\r\\t\\/\"", "\b\f\n\r\t/", 6 },
		{ "\\u0041\\u00e9\\u20ac\\ud83c\\udf89\"",
		    "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x89", 10 },
		{ "\\u0000\"", "\0", 1 },
		{ "\\ud800\"", NULL, -1 },
		{ "\\udc00\"", NULL, -1 },
		{ "\\ud800\\u0041\"", NULL, -1 },
		{ "\\ud83c\\uZZZZ\"", NULL, -1 },
		{ "\\u12\"", NULL, -1 },
		{ "\\x\"", NULL, -1 },
		{ "\\", NULL, -1 },
		{ "no end", NULL, -1 },
		{ "sixteen bytes ..", NULL, -1 },
		{ "a quote at last\\\"", NULL, -1 },
		{ "a\tb\"", NULL, -1 },
		{ "a long text with a control byte \x1f\"", NULL, -1 },
		{ "after it\"\n\t", "after it", 8 },
		{ "", NULL, -1 },
	};
	char out[200];
	unsigned flags;
	size_t used;

	for (size_t k = 0; k < FORMS; k++)
		for (size_t i = 0; unescape_use(forms[k]) && i < sizeof t / sizeof *t;
		     i++) {
			ptrdiff_t n =
			    through(t[i].raw, strlen(t[i].raw), out, &flags, &used);

			ok(n == t[i].n &&
				(n < 0 || memcmp(out, t[i].text, (size_t)n) == 0),
			    "unescape, %s, %zu: %s", forms[k], i, t[i].raw);
		}
	unescape_use(NULL);
}

/* All forms give the same for any bytes, and undo what jsonw does. */
static void
test_unescape_random(void)
{
	static const char pick[] = "\"\\\\\\\\uabcd0123\"nrt/{}:, \xc3\xa9\x80\tx";
	char raw[300], got[400], want[400], text[200], line[6 * 200 + 64];
	unsigned flags, same = 0, back = 0, rounds = 0;
	size_t used = 0, used_first = 0;
	uint64_t none;

	for (int i = 0; i < 100000; i++) {
		size_t n = rnd() % 250, len;
		ptrdiff_t first = 0, again;
		unsigned rare = 3 + rnd() % 60;
		char *stop;

		for (size_t j = 0; j < n; j++)
			raw[j] = rnd() % rare ? 'a' : pick[rnd() % (sizeof pick - 1)];
		for (len = 0; len < n && len < sizeof text; len++)
			text[len] = (char)(rnd() % 128);
		stop = jsonw_text(line, text, len, &none);
		*stop++ = '"';
		for (size_t k = 0; k < FORMS; k++) {
			if (!unescape_use(forms[k]))
				continue;
			rounds++;
			again = through(raw, n, k ? got : want, &flags, &used);
			if (k == 0) {
				first = again;
				used_first = used;
			}
			same +=
			    again == first &&
			    (first < 0 ||
				(used == used_first &&
				    (k == 0 || memcmp(got, want, (size_t)first) == 0)));
			again = through(line, (size_t)(stop - line), got, &flags, &used);
			back += again == (ptrdiff_t)len && memcmp(got, text, len) == 0;
		}
	}
	unescape_use(NULL);
	ok(same == rounds, "all forms unescape alike: %u of %u", same, rounds);
	ok(back == rounds, "what jsonw escaped comes back: %u of %u", back, rounds);
}

/* One record through a chain; the result without its LF. */

static struct graft g;
static struct definitions defs;
static struct ndjson_out o;

static enum grafted
run(struct parser *const *chain, size_t n, const char *line, size_t len)
{
	static struct record_reader rr;
	static char in[4096];
	const char *why = "";
	struct record r;
	enum grafted did;
	char *copy = len + 64 < sizeof in ? in : malloc(len + 64);

	memcpy(copy, line, len);
	memset(copy + len, '"', 64);
	o.n = 0;
	record_reader_init(&rr);
	did = record_read(&rr, (struct str){ copy, len }, &r)
		  ? graft_record(&g, chain, n, &r, &o, &why)
		  : GRAFT_BAD;
	record_reader_done(&rr);
	if (copy != in)
		free(copy);
	return did;
}

static bool
wrote(const char *want)
{
	size_t n = strlen(want);

	return o.n == n + 1 && memcmp(o.buf, want, n) == 0 && o.buf[n] == '\n';
}

static void
begin(const char *into, enum graft_keep keep, bool merge)
{
	struct err e;

	if (graft_init(&g, "log", into, &e) < 0)
		ok(false, "graft_init: %s", e.text);
	g.keep = keep;
	g.merge = merge;
}

/* clang-format off */
#define SRC "{\"_src\":{\"file\":\"/f\",\"id\":\"1/o\",\"gen\":3,\"end\":9}," \
	"\"time\":\"2026-11-22T13:00:00Z\",\"stream\":\"stdout\","
/* clang-format on */
#define P "\"log_processed\":"

/* want NULL: as it came. */
static const struct graft_case {
	const char *line, *want;
} json_cases[] = {
	{ SRC "\"log\":\"{\\\"a\\\":1}\"}", SRC P "{\"a\":1}}" },
	{ SRC "\"log\":\"{}\"}", SRC P "{}}" },
	/* the text stays the text */
	{ SRC "\"log\":\"{\\\"n\\\":[1.10,9223372036854775808,1e400,-0.0]}\"}",
	    SRC P "{\"n\":[1.10,9223372036854775808,1e400,-0.0]}}" },
	{ SRC "\"log\":\"{\\\"a\\\":1,\\\"a\\\":2}\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":\\\"\\\\u0000\\\\ud800\\\\n\\\\\\\\\\\\/\\\"}\"}",
	    SRC P "{\"a\":\"\\u0000\\ud800\\n\\\\\\/\"}}" },
	{ SRC "\"log\":\"{\\\"caf\\u00e9\\\":\\\"\\ud83c\\udf89\\\"}\"}",
	    SRC P "{\"caf\xc3\xa9\":\"\xf0\x9f\x8e\x89\"}}" },
	{ SRC "\"log\":\"\\u007b\\\"a\\\":1}\"}", SRC P "{\"a\":1}}" },
	/* blanks */
	{ SRC "\"log\":\" \\t{\\\"a\\\": 1 } \\r\\n\"}", SRC P "{\"a\": 1 }}" },
	{ SRC "\"log\":\"\\u0020\\n{\\\"a\\\":1}\\u0009\"}", SRC P "{\"a\":1}}" },
	{ SRC "\"log\":\"{\\r\\n\\t\\\"a\\\":\\n1}\"}", SRC P "{  \t\"a\": 1}}" },
	{ "{\"log\" : \"{\\\"a\\\":1}\" , \"x\": 1.10 }",
	    "{" P "{\"a\":1} , \"x\": 1.10 }" },
	{ "{\"x\":1,\"log\":\"{\\\"a\\\":1}\"}", "{\"x\":1," P "{\"a\":1}}" },
	{ SRC "\"log\":\"{\\\"a\\\":1}\",\"attrs\":{\"l\":\"b\"}}",
	    SRC P "{\"a\":1},\"attrs\":{\"l\":\"b\"}}" },
	{ "{\"l\\u006fg\":\"{\\\"a\\\":1}\"}", "{" P "{\"a\":1}}" },
	/* not JSON, or not all of it, or not an object */
	{ SRC "\"log\":\"plain\"}", NULL },
	{ SRC "\"log\":\"\"}", NULL },
	{ SRC "\"log\":\"   \"}", NULL },
	{ SRC "\"log\":\"{\"}", NULL },
	{ SRC "\"log\":\"{}x\"}", NULL },
	{ SRC "\"log\":\"x{}\"}", NULL },
	{ SRC "\"log\":\"{}{}\"}", NULL },
	{ SRC "\"log\":\"[{}]\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":01}\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":1,}\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":NaN}\"}", NULL },
	{ SRC "\"log\":\"{'a':1}\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":\\\"\\n\\\"}\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":\\\"\\u0000\\\"}\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":\\\"\\\\x\\\"}\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":1}\\u0000\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":\\\"\\ud800\\\"}\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":\\\"\xff\\\"}\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":\\\"\\q\\\"}\"}", NULL },
	{ SRC "\"log\":\"\\", "bad" },
	/* no message, or not a string */
	{ SRC "\"x\":1}", NULL },
	{ "{}", NULL },
	{ "{\"log\":{\"a\":1}}", NULL },
	{ "{\"log\":null}", NULL },
	{ "{\"x\":{\"log\":\"{}\"}}", NULL },
	/* already there, or set aside */
	{ SRC "\"log\":\"{\\\"a\\\":1}\",\"log_processed\":1}", NULL },
	{ "{\"log_proc\\u0065ssed\":1,\"log\":\"{}\"}", NULL },
	{ SRC "\"log\":\"{\\\"a\\\":1}\",\"_error\":{\"by\":\"x\",\"why\":\"y\"}}",
	    NULL },
	{ SRC "\"log\":\"{\\\"_error\\\":1}\"}", SRC P "{\"_error\":1}}" },
	/* not a record */
	{ "[1]", "bad" },
	{ "{\"log\":\"{}\"", "bad" },
	{ "{\"log\":\"{}\"}}", "bad" },
	{ "{\"log\" \"{}\"}", "bad" },
	{ SRC "\"log\":\"{}\",}", "bad" },
};

static void
check_cases(const struct graft_case *t, size_t n, struct parser *p, const char *what)
{
	for (size_t i = 0; i < n; i++) {
		enum grafted did = run(&p, 1, t[i].line, strlen(t[i].line));
		const char *want = t[i].want ? t[i].want : t[i].line;

		if (t[i].want != NULL && strcmp(t[i].want, "bad") == 0)
			ok(did == GRAFT_BAD && o.n == 0, "%s %zu: refused: %s", what, i,
			    t[i].line);
		else if (!ok(did == GRAFT_WRITTEN && wrote(want), "%s %zu: %s", what, i,
			     t[i].line))
			printf("# got  %.*s# want %s\n", (int)o.n, o.buf, want);
	}
}
#define CHECK(t, p, what) check_cases((t), sizeof(t) / sizeof *(t), (p), (what))

/* Keys twice in one object, and keys that only look so. */
static const struct graft_case twice_cases[] = {
	{ "{\"log\":\"{\\\"a\\\":{\\\"b\\\":[{\\\"c\\\":1,\\\"c\\\":1}]}}\"}", NULL },
	{ "{\"log\":\"{\\\"a\\\":1,\\\"\\\\u0061\\\":1}\"}", NULL },
	{ "{\"log\":\"{\\\"\\\":1,\\\"\\\" :1}\"}", NULL },
	{ "{\"log\":\"{\\\"a\\\":{\\\"a\\\":{\\\"a\\\":[{\\\"a\\\":1},{\\\"a\\\":"
	  "\\\"a\\\"}]}}}\"}",
	    "{" P "{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":\"a\"}]}}}}" },
	{ "{\"log\":\"{\\\"\\\\u0061\\\":1,\\\"b\\\":1}\"}",
	    "{" P "{\"\\u0061\":1,\"b\":1}}" },
};

/* Many keys that differ, with one that does not at the end or not. */
static void
test_twice(struct parser *json)
{
	char *line = malloc(1 << 20), *p;

	begin("log_processed", KEEP_AUTO, false);
	CHECK(twice_cases, json, "twice");
	ok(g.duplicates == 3 && g.with == 2, "they are counted: %d", (int)g.duplicates);
	for (int i = 0; i < 2; i++) {
		p = stpcpy(line, "{\"log\":\"{");
		for (int k = 0; k < 20000; k++)
			p += sprintf(p, "\\\"key-%d\\\":{\\\"a\\\":1},", k);
		p += sprintf(p, "\\\"key-%d\\\":1}\"}", i ? 7 : 20000);
		run(&json, 1, line, (size_t)(p - line));
		ok((memmem(o.buf, o.n, "log_processed", 13) != NULL) == !i,
		    "40000 keys, %s", i ? "one of them twice" : "each once");
	}
	graft_done(&g);
	free(line);
}

static const struct graft_case keep_cases[] = {
	{ SRC "\"log\":\"{\\\"a\\\":1}\"}",
	    SRC "\"log\":\"{\\\"a\\\":1}\"," P "{\"a\":1}}" },
	{ SRC "\"log\":\"x\"}", NULL },
	{ "{\"log\":\" {\\\"a\\\":1}\", \"b\":2}",
	    "{\"log\":\" {\\\"a\\\":1}\"," P "{\"a\":1}, \"b\":2}" },
};

static const struct graft_case merge_cases[] = {
	{ SRC "\"log\":\"{\\\"a\\\":1,\\\"b\\\":[2]}\"}", SRC "\"a\":1,\"b\":[2]}" },
	{ SRC "\"log\":\"{ \\\"a\\\":1 }\",\"x\":2}", SRC " \"a\":1 ,\"x\":2}" },
	{ "{\"log\":\"{\\\"a\\\":1}\"}", "{\"a\":1}" },
	/* nothing to lift: a record must not turn into a mark */
	{ "{\"_src\":{\"file\":\"/f\",\"id\":\"1/o\",\"gen\":3,\"end\":9},\"log\":\"{ "
	  "}\"}",
	    "{\"_src\":{\"file\":\"/f\",\"id\":\"1/o\",\"gen\":3,\"end\":9}," P "{ }}" },
	/* a name twice: the whole object goes under its key */
	{ SRC "\"log\":\"{\\\"a\\\":1,\\\"time\\\":2}\"}",
	    SRC P "{\"a\":1,\"time\":2}}" },
	{ SRC "\"log\":\"{\\\"a\\\":1,\\\"a\\\":2}\"}", SRC P "{\"a\":1,\"a\":2}}" },
	{ SRC "\"log\":\"{\\\"a\\\":1,\\\"\\\\u0061\\\":2}\"}",
	    SRC P "{\"a\":1,\"\\u0061\":2}}" },
	{ SRC "\"log\":\"{\\\"tim\\\\u0065\\\":2}\"}", SRC P "{\"tim\\u0065\":2}}" },
	{ SRC "\"log\":\"{\\\"x\\\":1}\",\"x\":2}", SRC P "{\"x\":1},\"x\":2}" },
	{ "{\"\\u0078\":2,\"log\":\"{\\\"x\\\":1}\"}", "{\"\\u0078\":2," P "{\"x\":1}}" },
	{ "{\"log\":\"{\\\"_src\\\":1}\"}", "{" P "{\"_src\":1}}" },
	{ "{\"log\":\"{\\\"_error\\\":1}\"}", "{" P "{\"_error\":1}}" },
	{ "{\"log\":\"{\\\"kubernetes\\\":1}\"}", "{" P "{\"kubernetes\":1}}" },
	{ "{\"log\":\"{\\\"log\\\":1}\"}", "{" P "{\"log\":1}}" },
	{ "{\"log\":\"{\\\"log_processed\\\":1}\"}", "{\"log_processed\":1}" },
	/* and if that is taken too, nothing is done */
	{ "{\"log_processed\":0,\"log\":\"{\\\"log_processed\\\":1}\"}", NULL },
	{ "{\"log_processed\":0,\"log\":\"{\\\"a\\\":1}\"}",
	    "{\"log_processed\":0,\"a\":1}" },
	{ "{\"log_processed\":0,\"log\":\"{}\"}", NULL },
};

static void
test_json(void)
{
	struct err e;
	struct parser *json = parser_open(&defs, "json", &e);

	begin("log_processed", KEEP_AUTO, false);
	CHECK(json_cases, json, "json");
	ok(g.with + g.without > 40 && g.clashes == 2, "clashes are counted: %d",
	    (int)g.clashes);
	graft_done(&g);
	begin("log_processed", KEEP_YES, false);
	CHECK(keep_cases, json, "keep");
	graft_done(&g);
	begin("log_processed", KEEP_NO, true);
	g.keep_twice = true;
	CHECK(merge_cases, json, "merge");
	ok(g.clashes == 12, "merge clashes are counted: %d", (int)g.clashes);
	graft_done(&g);
	test_twice(json);
	parser_close(json);
}

/* Objects with many members, very long ones and deep ones. */
static void
test_large(void)
{
	enum { BIG = 10 << 20, ROOM = BIG + 200 };
	struct err e;
	struct parser *json = parser_open(&defs, "json", &e);
	char *line = malloc(ROOM), *want = malloc(ROOM), *p;

	begin("log_processed", KEEP_AUTO, false);
	p = stpcpy(line, "{\"log\":\"{\\\"a\\\":\\\"");
	memset(p, 'x', BIG);
	p = stpcpy(p + BIG, "\\\"}\",\"n\":1.10}");
	run(&json, 1, line, (size_t)(p - line));
	memset(stpcpy(want, "{" P "{\"a\":\""), 'x', BIG);
	strcpy(want + strlen("{" P "{\"a\":\"") + BIG, "\"},\"n\":1.10}");
	ok(wrote(want), "a message of 10 MB");
	graft_done(&g);

	begin("log_processed", KEEP_YES, false);
	run(&json, 1, line, (size_t)(p - line));
	ok(wrote(line) && g.without == 1,
	    "a line that would be longer than the next program takes is not made");
	graft_done(&g);

	begin("log_processed", KEEP_AUTO, true);
	for (int members = GRAFT_MERGE_MAX; members <= GRAFT_MERGE_MAX + 1; members++) {
		p = stpcpy(line, SRC "\"log\":\"{");
		for (int i = 0; i < members; i++)
			p += sprintf(p, "%s\\\"k%d\\\":%d", i ? "," : "", i, i);
		p = stpcpy(p, "}\"}");
		run(&json, 1, line, (size_t)(p - line));
		ok((memmem(o.buf, o.n, "log_processed", 13) == NULL) ==
			(members == GRAFT_MERGE_MAX),
		    "%d members are %slifted", members,
		    members == GRAFT_MERGE_MAX ? "" : "not ");
	}
	ok(g.clashes == 1, "which is counted");
	graft_done(&g);

	begin("log_processed", KEEP_AUTO, false);
	for (int deep = 1000; deep <= 10000; deep += 9000) {
		p = stpcpy(line, "{\"log\":\"{\\\"a\\\":");
		memset(p, '[', (size_t)deep);
		memset(p + deep, ']', (size_t)deep);
		p = stpcpy(p + 2 * deep, "}\"}");
		run(&json, 1, line, (size_t)(p - line));
		ok((memmem(o.buf, o.n, "log_processed", 13) != NULL) == (deep == 1000),
		    "nesting of %d is %s", deep, deep == 1000 ? "taken" : "left alone");
	}
	graft_done(&g);
	parser_close(json);
	free(line);
	free(want);
}

static void
test_builtins(void)
{
	static const struct {
		const char *name, *fields;
	} want[] = {
		{ "nginx", "remote host user method path code size referer agent" },
		{ "apache", "host user method path code size referer agent" },
		{ "apache2", "host user method path code size referer agent" },
		{ "apache_error", "time level pid client message" },
		{ "k8s-nginx-ingress",
		    "host user method path code size referer agent "
		    "request_length request_time proxy_upstream_name upstream_addr "
		    "upstream_response_length upstream_response_time "
		    "upstream_status reg_id" },
	};

	for (size_t i = 0; i < builtins_n; i++) {
		char raw[1024] = "", names[512] = "", text[1024];
		uint64_t none = 0;
		struct err e;
		struct buf scratch;
		struct parser *p = parser_open(&defs, builtins[i].name, &e);
		struct message m = { .raw = raw, .place = text, .scratch = &scratch };
		char *stop = jsonw_text(
		    raw, builtins[i].sample, strlen(builtins[i].sample), &none);
		const char *why;

		*stop = '"';
		m.limit = stop + 1;
		buf_init(&scratch, 4096);
		ok(p != NULL && parser_first(&p, 1, &m, &g.parsed) == PARSER_FITS,
		    "%s fits its sample", builtins[i].name);
		for (size_t k = 0; k < g.parsed.fields; k++)
			snprintf(names + strlen(names), sizeof names - strlen(names),
			    "%s%.*s", k ? " " : "", (int)g.parsed.field[k].name.n,
			    g.parsed.field[k].name.p);
		for (size_t k = 0; k < sizeof want / sizeof *want; k++)
			if (strcmp(want[k].name, builtins[i].name) == 0 &&
			    !ok(strcmp(names, want[k].fields) == 0, "%s's fields",
				want[k].name))
				printf("# got %s\n", names);
		ok(p->stops(p, str_of(builtins[i].sample), &why) ==
			strlen(builtins[i].sample),
		    "%s does not stop in its sample", builtins[i].name);
		buf_done(&scratch);
		parser_close(p);
	}
}

#define LINE "10.0.0.1 - - [22/Nov/2026:13:00:00 +0000] "
#define FIELDS "{\"remote\":\"10.0.0.1\",\"host\":\"-\",\"user\":\"-\","

static const struct graft_case nginx_cases[] = {
	{ "{\"log\":\"" LINE "\\\"GET / HTTP/1.1\\\" 200 5\"}",
	    "{\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"" LINE
	    "\\\"GET / HTTP/1.1\\\" 200 5\"," P FIELDS
	    "\"method\":\"GET\",\"path\":\"/\",\"code\":\"200\",\"size\":\"5\"}}" },
	/* a quote, a backslash and a tab that came escaped are escaped again */
	{ "{\"log\":\"" LINE "\\\"GET /a\\\\b\\tc HTTP/1.1\\\" 200 5\"}",
	    "{\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"" LINE
	    "\\\"GET /a\\\\b\\tc HTTP/1.1\\\" 200 5\"," P FIELDS
	    "\"method\":\"GET\",\"path\":\"/"
	    "a\\\\b\\tc\",\"code\":\"200\",\"size\":\"5\"}}" },
	/* blanks in the path, no protocol, no request, more behind the agent */
	{ "{\"log\":\"" LINE "\\\"GET /a b c HTTP/1.1\\\" 200 5\"}",
	    "{\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"" LINE
	    "\\\"GET /a b c HTTP/1.1\\\" 200 5\"," P FIELDS
	    "\"method\":\"GET\",\"path\":\"/a b c\",\"code\":\"200\",\"size\":\"5\"}}" },
	{ "{\"log\":\"" LINE "\\\"GET /\\\" 200 5\"}",
	    "{\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"" LINE
	    "\\\"GET /\\\" 200 5\"," P FIELDS
	    "\"method\":\"GET\",\"path\":\"/\",\"code\":\"200\",\"size\":\"5\"}}" },
	{ "{\"log\":\"" LINE "\\\"\\\" 400 0 \\\"-\\\" \\\"-\\\" \\\"1.2.3.4\\\"\"}",
	    "{\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"" LINE
	    "\\\"\\\" 400 0 \\\"-\\\" \\\"-\\\" \\\"1.2.3.4\\\"\"," P FIELDS
	    "\"code\":\"400\",\"size\":\"0\",\"referer\":\"-\",\"agent\":\"-\"}}" },
	{ "{\"log\":\"" LINE "\\\"GET / HTTP/1.1\\\" 200\"}", NULL },
	{ "{\"log\":\"\xff" LINE "\\\"GET / HTTP/1.1\\\" 200 5\"}", NULL },
	{ "{\"log\":\"" LINE "\\\"GET /\\ud800 HTTP/1.1\\\" 200 5\"}", NULL },
	{ "{\"log\":\"" LINE "\\\"GET /\\u0000\\u00e9 HTTP/1.1\\\" 200 5\"}",
	    "{\"time\":\"2026-11-22T13:00:00Z\",\"log\":\"" LINE
	    "\\\"GET /\\u0000\\u00e9 HTTP/1.1\\\" 200 5\"," P FIELDS
	    "\"method\":\"GET\",\"path\":\"/"
	    "\\u0000\xc3\xa9\",\"code\":\"200\",\"size\":\"5\"}}" },
};

static void
test_nginx(void)
{
	struct err e;
	struct parser *chain[2] = { parser_open(&defs, "json", &e),
		parser_open(&defs, "nginx", &e) };
	const char *line = "{\"log\":\"{\\\"a\\\":1}\"}";
	const char *not = "{\"log\":\"{" LINE "\\\"GET / HTTP/1.1\\\" 200 5\"}";

	begin("log_processed", KEEP_AUTO, false);
	CHECK(nginx_cases, chain[1], "nginx");
	run(chain, 2, line, strlen(line));
	ok(wrote("{" P "{\"a\":1}}"), "json before nginx");
	run(chain, 2, not, strlen(not ));
	ok(memmem(o.buf, o.n, "\"remote\":\"{10.0.0.1\"", 20) != NULL, "then nginx");
	graft_done(&g);
	begin("log_processed", KEEP_NO, false);
	run(chain + 1, 1, nginx_cases[0].line, strlen(nginx_cases[0].line));
	ok(memcmp(o.buf, "{\"time\":\"2026-11-22T13:00:00Z\"," P "{\"remote\"", 56) == 0,
	    "the message is dropped where that is asked for");
	graft_done(&g);
	parser_close(chain[0]);
	parser_close(chain[1]);
}

static void
test_regex(void)
{
	static const char *const wrong[] = { "(?<a>", "no groups", "", "(?<>x)", "[",
		"(?<a>\\x{110000})" };
	struct err e;
	struct parser *p;
	char line[200], *to = stpcpy(line, "{\"log\":\"");
	const char *why;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		p = regex_open("t", wrong[i], false, &e);
		ok(p == NULL && e.status == ST_USAGE, "pattern %s: %s", wrong[i],
		    p ? "taken" : e.text);
	}
	memset(to, 'a', 60);
	strcpy(to + 60, "!\"}");
	begin("log_processed", KEEP_AUTO, false);
	p = regex_open("explode", "^(?<x>(a+)+)$", false, &e);
	ok(run(&p, 1, line, strlen(line)) == GRAFT_FAILED && o.n == 0,
	    "a pattern that explodes is given up");
	parser_close(p);
	p = regex_open("deep", "^(?<x>(?:(a)|b(?1))*)$", false, &e);
	ok(p == NULL || run(&p, 1, line, strlen(line)) != GRAFT_BAD,
	    "a recursive one ends");
	parser_close(p);
	p = regex_open("late", "(?<b>b)?(?<a>a)(?<none>x*)", false, &e);
	run(&p, 1, "{\"log\":\"ca\"}", 12);
	ok(wrote("{\"log\":\"ca\"," P "{\"a\":\"a\"}}"),
	    "groups that took no part or are empty give no field");
	run(&p, 1, "{\"log\":\"\"}", 10);
	ok(wrote("{\"log\":\"\"}"), "an empty message fits nothing that wants a letter");
	parser_close(p);
	p = regex_open("empty", "^(?<a>x*)", false, &e);
	run(&p, 1, "{\"log\":\"y\"}", 11);
	ok(wrote("{\"log\":\"y\"," P "{}}"), "a fit without fields is an empty object");
	g.merge = true;
	run(&p, 1, "{\"log\":\"xx\"}", 12);
	ok(wrote("{\"log\":\"xx\",\"a\":\"xx\"}"), "fields are lifted");
	run(&p, 1, "{\"log\":\"xx\",\"a\":0}", 18);
	ok(wrote("{\"log\":\"xx\"," P "{\"a\":\"xx\"},\"a\":0}"), "but not onto others");
	parser_close(p);
	p = regex_open("where", "^(?<a>[0-9]+) (?<b>\\w+)$", false, &e);
	ok(p->stops(p, STR("123 ab-c"), &why) == 6, "where a pattern stops fitting");
	ok(p->stops(p, STR("x"), &why) == 0, "at the start");
	ok(p->stops(p, STR("12"), &why) == 2, "at the end");
	parser_close(p);
	graft_done(&g);
}

static void
test_options(void)
{
	static const char *const wrong[] = { "_src", "time", "stream", "log", "attrs",
		"kubernetes", "_error", "message", "", "\xff" };
	struct err e;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		ok(graft_init(&g, "message", wrong[i], &e) < 0 && e.status == ST_USAGE,
		    "not into '%s'", wrong[i]);
		graft_done(&g);
	}
	ok(parser_open(&defs, "ngnix", &e) == NULL &&
		strstr(e.text, "did you mean nginx?") != NULL,
	    "the nearest parser is named: %s", e.text);
	ok(graft_init(&g, "message", "a\"b", &e) == 0, "a key that must be escaped");
	{
		struct parser *p = parser_open(&defs, "json", &e);

		run(&p, 1, "{\"message\":\"{}\"}", 16);
		ok(wrote("{\"a\\\"b\":{}}"), "is escaped");
		run(&p, 1, "{\"a\\\"b\":0,\"message\":\"{}\"}", 25);
		ok(wrote("{\"a\\\"b\":0,\"message\":\"{}\"}"), "and known again");
		parser_close(p);
	}
	graft_done(&g);
}

int
main(void)
{
	struct err e;

	if (ndjson_out_init(&o, STDOUT_FILENO, "<stdout>", &e) < 0)
		return 1;
	test_unescape();
	test_unescape_random();
	test_json();
	test_large();
	test_builtins();
	test_nginx();
	test_regex();
	test_options();
	ndjson_out_done(&o);
	return unit_end();
}
