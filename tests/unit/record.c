/* Records as the programs see them, in logtail's own form and in any other. */
#include "record/record.h"
#include "base/err.h"
#include "record/jscan.h"
#include "record/kernels.h"
#include "record/ndjson.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define J(literal)                                                                       \
	{                                                                                \
		literal, sizeof(literal) - 1                                             \
	}
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define SRC(end) "{\"file\":\"/a.log\",\"id\":\"9f3c/o\",\"gen\":3,\"end\":" end "}"
#define REST "\"time\":\"2026-11-22T13:00:00.1Z\",\"stream\":\"stdout\",\"log\":\"hi\"}"

/* Read twice, so that the second time meets a remembered source. */
static bool
read_twice(
    struct str line, struct record *first, struct record *again, struct record_reader *rr)
{
	bool a, b;

	record_reader_init(rr);
	a = record_read(rr, line, first);
	b = record_read(rr, line, again);
	return a && b;
}

static bool
same_record(const struct record *a, const struct record *b)
{
	return str_eq(a->line, b->line) && a->has_src == b->has_src &&
	       a->mark == b->mark && a->slot == b->slot &&
	       str_eq(a->src.file, b->src.file) && str_eq(a->src.id, b->src.id) &&
	       a->src.gen == b->src.gen && a->src.end == b->src.end &&
	       str_eq(a->src_raw, b->src_raw) && a->rest.p == b->rest.p &&
	       a->rest.n == b->rest.n && a->time.p == b->time.p &&
	       a->time.n == b->time.n && a->stream.p == b->stream.p &&
	       a->stream.n == b->stream.n && a->log_at == b->log_at &&
	       a->log_key == b->log_key;
}

static struct str
log_of(const struct record *r)
{
	const char *end = r->log_at != NULL ? record_log_end(r) : NULL;

	return end != NULL ? (struct str){ r->log_at, (size_t)(end - r->log_at) }
			   : (struct str){ 0 };
}

static void
test_forms(void)
{
	static const struct {
		const char *what;
		struct str line;
		bool mark;
		struct str time, stream, log, rest;
	} cases[] = {
		{ "as logtail writes it", J("{\"_src\":" SRC("42") "," REST), false,
		    J("2026-11-22T13:00:00.1Z"), J("stdout"), J("hi"), J(REST) },
		{ "stderr, an escape in the log, more members",
		    J("{\"_src\":" SRC(
			"42") ",\"time\":\"T\",\"stream\":\"stderr\",\"log\":\"a\\\"b\","
			      "\"attrs\":{\"x\":1}}"),
		    false, J("T"), J("stderr"), J("a\\\"b"),
		    J("\"time\":\"T\",\"stream\":\"stderr\",\"log\":\"a\\\"b\",\"attrs\":"
		      "{\"x\":1}}") },
		{ "a mark", J("{\"_src\":" SRC("42") "}"), true, J(""), J(""), J(""),
		    J("") },
		{ "another order",
		    J("{\"_src\":" SRC(
			"42") ",\"log\":\"hi\",\"stream\":\"stdout\",\"time\":\"T\"}"),
		    false, J("T"), J("stdout"), J("hi"),
		    J("\"log\":\"hi\",\"stream\":\"stdout\",\"time\":\"T\"}") },
		{ "blanks",
		    J(" { \"_src\" : { \"file\" : \"/a.log\" , \"id\":\"9f3c/o\", "
		      "\"gen\": 3 , \"end\" : 42 } ,"
		      "\t\"time\" : \"T\" , \"log\" : \"hi\" } "),
		    false, J("T"), J(""), J("hi"),
		    J("\"time\" : \"T\" , \"log\" : \"hi\" }") },
		{ "_src not first",
		    J("{\"time\":\"T\",\"_src\":" SRC("42") ",\"log\":\"hi\"}"), false,
		    J("T"), J(""), J("hi"), J("") },
		{ "_src last", J("{\"log\":\"hi\",\"_src\":" SRC("42") "}"), false, J(""),
		    J(""), J("hi"), J("") },
		{ "no time", J("{\"_src\":" SRC("42") ",\"log\":\"hi\"}"), false, J(""),
		    J(""), J("hi"), J("\"log\":\"hi\"}") },
		{ "a time that is none",
		    J("{\"_src\":" SRC("42") ",\"time\":5,\"log\":\"hi\"}"), false, J(""),
		    J(""), J("hi"), J("\"time\":5,\"log\":\"hi\"}") },
		{ "a log that is no text",
		    J("{\"_src\":" SRC("42") ",\"time\":\"T\",\"log\":{\"log\":\"x\"}}"),
		    false, J("T"), J(""), J(""),
		    J("\"time\":\"T\",\"log\":{\"log\":\"x\"}}") },
		{ "doubled members, the first wins",
		    J("{\"_src\":" SRC("42") ",\"time\":\"T\",\"stream\":\"stdout\","
					     "\"log\":\"hi\",\"log\":\"2\",\"time\":"
					     "\"U\",\"stream\":\"stderr\"}"),
		    false, J("T"), J("stdout"), J("hi"),
		    J("\"time\":\"T\",\"stream\":\"stdout\",\"log\":\"hi\",\"log\":\"2\","
		      "\"time\":\"U\",\"stream\":"
		      "\"stderr\"}") },
		{ "the same, out of order",
		    J("{\"_src\":" SRC("42") ",\"log\":\"hi\",\"time\":\"T\",\"time\":"
					     "\"U\",\"log\":\"2\"}"),
		    false, J("T"), J(""), J("hi"),
		    J("\"log\":\"hi\",\"time\":\"T\",\"time\":\"U\",\"log\":\"2\"}") },
		{ "keys written with escapes",
		    J("{\"\\u005fsrc\":" SRC(
			"42") ",\"t\\u0069me\":\"T\",\"\\u006cog\":\"hi\"}"),
		    false, J("T"), J(""), J("hi"),
		    J("\"t\\u0069me\":\"T\",\"\\u006cog\":\"hi\"}") },
		{ "an odd stream",
		    J("{\"_src\":" SRC(
			"42") ",\"time\":\"T\",\"stream\":\"stdxyz\",\"log\":\"hi\"}"),
		    false, J("T"), J("stdxyz"), J("hi"),
		    J("\"time\":\"T\",\"stream\":\"stdxyz\",\"log\":\"hi\"}") },
		{ "an escape in the time",
		    J("{\"_src\":" SRC(
			"42") ",\"time\":\"\\\"\",\"stream\":\"stdout\",\"log\":\"hi\"}"),
		    false, J("\\\""), J("stdout"), J("hi"),
		    J("\"time\":\"\\\"\",\"stream\":\"stdout\",\"log\":\"hi\"}") },
		{ "more members in _src",
		    J("{\"_src\":{\"file\":\"/a.log\",\"id\":\"9f3c/"
		      "o\",\"x\":[1],\"gen\":3,\"end\":42,\"final\":true}}"),
		    true, J(""), J(""), J(""), J("") },
		{ "_src in another order",
		    J("{\"_src\":{\"end\":42,\"gen\":3,\"id\":\"9f3c/o\",\"file\":\"/"
		      "a.log\"}}"),
		    true, J(""), J(""), J(""), J("") },
		{ "blanks behind", J("{\"_src\":" SRC("42") ",\"log\":\"hi\"} \t"), false,
		    J(""), J(""), J("hi"), J("\"log\":\"hi\"}") },
		{ "a mark with blanks behind", J("{\"_src\":" SRC("42") "} "), true,
		    J(""), J(""), J(""), J("") },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct record_reader rr;
		struct record a, b;
		bool good = read_twice(cases[i].line, &a, &b, &rr);

		good = good && same_record(&a, &b) && a.fresh && !b.fresh;
		good = good && a.has_src && a.mark == cases[i].mark && a.src.end == 42 &&
		       a.src.gen == 3 && str_eq(a.src.file, STR("/a.log")) &&
		       str_eq(a.src.id, STR("9f3c/o")) && jscan_valid(a.src_raw, NULL);
		good = good && str_eq(a.time, cases[i].time) &&
		       str_eq(a.stream, cases[i].stream) &&
		       str_eq(log_of(&a), cases[i].log) &&
		       str_eq(a.rest, cases[i].rest) &&
		       (a.log_key == NULL || *a.log_key == '"');
		ok(good, "%s", cases[i].what);
		record_reader_done(&rr);
	}
}

static void
test_plain(void)
{
	static const struct {
		struct str line;
		bool good;
	} cases[] = {
		{ J("{}"), true },
		{ J(" { } "), true },
		{ J("{\"log\":\"x\"}"), true },
		{ J("{\"src\":1,\"_srcs\":{}}"), true },
		{ J(""), false },
		{ J("x"), false },
		{ J("[]"), false },
		{ J("\"{}\""), false },
		{ J("{"), false },
		{ J("{\"log\":\"x\""), false },
		{ J("{\"log\":\"x}"), false },
		{ J("{\"log\":\"x\",}"), false },
		{ J("{} x"), false },
		{ J("{\"log\":\"x\"}}"), false },
		{ J("{\"_src\":1}"), false },
		{ J("{\"_src\":\"x\"}"), false },
		{ J("{\"_src\":{}}"), false },
		{ J("{\"_src\":[]}"), false },
		{ J("{\"_src\":null}"), false },
		{ J("{\"_src\":" SRC("1") ",\"_src\":" SRC("2") "}"), false },
		{ J("{\"_src\":" SRC("1") "}}"), false },
		{ J("{\"_src\":" SRC("1") "} {}"), false },
		{ J("{\"_src\":" SRC("1")), false },
		{ J("{\"_src\":" SRC("1") ","), false },
		{ J("{\"_src\":" SRC("1") ",}"), false },
		{ J("{\"_src\":" SRC("1") ",\"time\":\"T\",\"stream\":\"std"), false },
		{ J("{\"_src\":" SRC(
		      "1") ",\"time\":\"T\",\"stream\":\"stdout\",\"log\":\""),
		    false },
		{ J("{\"_src\":" SRC(
		      "1") ",\"time\":\"T\",\"stream\":\"std\",\"\",\"log\":\"x\"}"),
		    false },
		{ J("{\"_src\":{\"id\":\"i\",\"gen\":3,\"end\":4}}"), false },
		{ J("{\"_src\":{\"file\":\"f\",\"gen\":3,\"end\":4}}"), false },
		{ J("{\"_src\":{\"file\":\"f\",\"id\":\"i\",\"end\":4}}"), false },
		{ J("{\"_src\":{\"file\":\"f\",\"id\":\"i\",\"gen\":3}}"), false },
		{ J("{\"_src\":{\"file\":1,\"id\":\"i\",\"gen\":3,\"end\":4}}"), false },
		{ J("{\"_src\":{\"file\":\"f\",\"id\":null,\"gen\":3,\"end\":4}}"),
		    false },
		{ J("{\"_src\":{\"file\":\"f\",\"id\":\"i\",\"gen\":\"3\",\"end\":4}}"),
		    false },
		{ J("{\"_src\":" SRC("\"4\"") "}"), false },
		{ J("{\"_src\":" SRC("") "}"), false },
		{ J("{\"_src\":" SRC("-1") "}"), false },
		{ J("{\"_src\":" SRC("1.5") "}"), false },
		{ J("{\"_src\":" SRC("1e3") "}"), false },
		{ J("{\"_src\":" SRC("007") "}"), false },
		{ J("{\"_src\":" SRC("12x") "}"), false },
		{ J("{\"_src\":" SRC("0") "}"), true },
		{ J("{\"_src\":" SRC("9999999999999999999") "}"), true },
		{ J("{\"_src\":" SRC("10000000000000000000") "}"), false },
		{ J("{\"_src\":" SRC("99999999999999999999") "}"), false },
		{ J("{\"_src\":{\"file\":\"/a.log\",\"id\":\"9f3c/"
		    "o\",\"gen\":3,\"end\":1,\"x\":[}]}}"),
		    false },
		{ J("{\"_src\":{\"file\":\"/a.log\",\"id\":\"9f3c/"
		    "o\",\"gen\":3,\"end\":1,\"x\":\"\x01\"}}"),
		    false },
	};
	static const struct str known = J("{\"_src\":" SRC("5") "," REST);
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++)
		for (int warm = 0; warm < 2; warm++) {
			/* memory of just this size: a read past the line shows under ASan
			 */
			char *exact = malloc(cases[i].line.n + 1);
			struct str line = { exact + 1, cases[i].line.n };
			struct record_reader rr;
			struct record r;

			memcpy(exact + 1, cases[i].line.p, line.n);
			record_reader_init(&rr);
			if (warm)
				record_read(&rr, known, &r);
			/* an open string in `log` is found by its reader, not here */
			if (record_read(&rr, line, &r) != cases[i].good &&
			    !(warm && r.log_at != NULL && record_log_end(&r) == NULL)) {
				printf("# %s\n", cases[i].line.p);
				wrong++;
			}
			if (!cases[i].good && !r.log_at)
				wrong += r.has_src || r.mark || r.slot != RECORD_SLOTS ||
					 r.rest.p != NULL;
			record_reader_done(&rr);
			free(exact);
		}
	ok(wrong == 0, "%zu lines without a source, or with a wrong one", COUNT(cases));
}

/* Every cut of a known line: never a crash, never a whole record. */
static void
test_cuts(void)
{
	static const struct str line = J("{\"_src\":" SRC("42") "," REST);
	unsigned wrong = 0;

	for (size_t n = 0; n < line.n; n++) {
		char *exact = malloc(n + 1);
		struct record_reader rr;
		struct record r;

		memcpy(exact + 1, line.p, n);
		record_reader_init(&rr);
		record_read(&rr, line, &r);
		wrong += record_read(&rr, (struct str){ exact + 1, n }, &r);
		record_reader_done(&rr);
		free(exact);
	}
	ok(wrong == 0, "a known line cut off at any byte is no record");
}

static struct str
line_of(char *room, const char *file, const char *id, unsigned gen, unsigned end)
{
	int n = sprintf(room,
	    "{\"_src\":{\"file\":\"%s\",\"id\":\"%s\",\"gen\":%u,\"end\":%u},\"time\":"
	    "\"2026-11-22T13:%02u:00Z\","
	    "\"stream\":\"stdout\",\"log\":\"line %u of %s\"}",
	    file, id, gen, end, end % 60, end, id);

	return (struct str){ room, (size_t)n };
}

static void
test_slots(void)
{
	static const char *const files[] = { "/v/a.log", "/v/b.log", "/v/c\\\"}\\\\.log",
		"/v/d.log", "/v/e.log" };
	static char marks[5];
	struct record_reader rr;
	struct record r;
	char room[500], id[10];
	unsigned wrong = 0, fresh = 0, lost = 0;

	record_reader_init(&rr);
	for (unsigned i = 0; i < 1000; i++) {
		unsigned f = i * 7 % 5; /* five sources in turn */
		struct str line;

		sprintf(id, "id%u", f);
		line = line_of(room, files[f], id, 2, i);
		if (!record_read(&rr, line, &r) || r.slot >= RECORD_SLOTS ||
		    r.src.end != i || r.src.gen != 2 ||
		    !str_eq(r.src.file, str_of(files[f])) ||
		    !str_eq(r.src.id, str_of(id)) || r.log_at == NULL ||
		    r.rest.p == NULL) {
			wrong++;
			continue;
		}
		if (r.fresh) {
			fresh++;
			lost += rr.slot[r.slot].user != NULL;
			rr.slot[r.slot].user = &marks[f];
		}
		wrong += rr.slot[r.slot].user != &marks[f];
	}
	ok(wrong == 0 && lost == 0 && fresh == 1000,
	    "five sources in turn over %d slots: each is right, and told as fresh",
	    RECORD_SLOTS);

	fresh = wrong = 0;
	for (unsigned i = 0; i < 1000; i++) {
		unsigned f = i * i % 7 % 4;

		sprintf(id, "id%u", f);
		wrong += !record_read(&rr, line_of(room, files[f], id, 2, i), &r) ||
			 r.src.end != i || !str_eq(r.src.id, str_of(id));
		fresh += r.fresh;
		if (r.fresh)
			rr.slot[r.slot].user = &marks[f];
		wrong += rr.slot[r.slot].user != &marks[f];
	}
	ok(wrong == 0 && fresh <= 4, "four at a time keep their slots (%u fresh)", fresh);
	record_reader_done(&rr);
}

static void
test_alike(void)
{
	static const struct {
		const char *file, *id;
		unsigned gen, end;
	} lines[] = {
		{ "/a", "1", 1, 7 },
		{ "/a", "1", 1, 77 },
		{ "/a", "1", 11, 7 },
		{ "/a", "11", 1, 7 },
		{ "/aa", "1", 1, 7 },
		{ "/a\\\",\\\"id\\\":\\\"1", "1", 1, 7 },
		{ "/a", "1/o", 1, 7 },
		{ "/a", "1/e", 1, 7 },
		{ "", "", 0, 0 },
		{ "/a", "1", 1, 777 },
	};
	struct record_reader rr;
	struct record r;
	char room[500];
	unsigned wrong = 0;

	record_reader_init(&rr);
	for (size_t k = 0; k < 5 * COUNT(lines); k++) {
		size_t i = k * (k / COUNT(lines) + 1) % COUNT(lines);

		wrong += !record_read(&rr,
			     line_of(room, lines[i].file, lines[i].id, lines[i].gen,
				 lines[i].end),
			     &r) ||
			 !str_eq(r.src.file, str_of(lines[i].file)) ||
			 !str_eq(r.src.id, str_of(lines[i].id)) ||
			 r.src.gen != lines[i].gen || r.src.end != lines[i].end;
	}
	ok(wrong == 0, "sources whose lines begin alike are told apart");
	record_reader_done(&rr);
}

/* A source first met in another form: the slot stays, and learns the form of its records.
 */
static void
test_learns(void)
{
	static const char mark[] =
	    "{\"_src\":{\"file\":\"/"
	    "a\",\"id\":\"1\",\"sum\":9,\"gen\":1,\"end\":5,\"final\":true}}";
	struct record_reader rr;
	struct record r;
	char room[500];
	unsigned slot;
	void *user = room;

	record_reader_init(&rr);
	record_read(&rr,
	    STR("{\"x\":1,\"_src\":{\"file\":\"/a\",\"id\":\"1\",\"gen\":1,\"end\":4}}"),
	    &r);
	slot = r.slot;
	rr.slot[slot].user = user;
	ok(r.fresh && r.src.end == 4 && !rr.slot[slot].known_form,
	    "met first with _src not first");
	record_read(&rr, line_of(room, "/a", "1", 1, 8), &r);
	ok(!r.fresh && r.slot == slot && rr.slot[slot].known_form &&
		rr.slot[slot].user == user,
	    "its next line teaches the slot logtail's form");
	record_read(&rr, (struct str){ mark, sizeof mark - 1 }, &r);
	ok(r.mark && !r.fresh && r.slot == slot && r.src.end == 5 && rr.slot[slot].n < 50,
	    "a mark with more in _src has the same slot and teaches nothing");
	record_read(&rr, line_of(room, "/a", "1", 1, 9), &r);
	ok(!r.fresh && r.slot == slot && r.src.end == 9 && str_eq(r.src.file, STR("/a")),
	    "and so on");
	record_reader_done(&rr);
}

/* past: a _src that is remembered */
static void
test_long_source(void)
{
	static char file[RECORD_SRC_MAX + 10], line[RECORD_SRC_MAX + 500];
	struct record_reader rr;
	struct record r;

	record_reader_init(&rr);
	memset(file, 'f', sizeof file - 1);
	ok(record_read(&rr, line_of(line, file, "i", 1, 2), &r) &&
		r.slot == RECORD_SLOTS && !r.fresh && r.has_src && r.src.end == 2 &&
		r.src.file.n == sizeof file - 1,
	    "a source too long to remember is read, without a slot");
	file[RECORD_SRC_MAX - 100] = '\0';
	ok(record_read(&rr, line_of(line, file, "i", 1, 2), &r) &&
		r.slot < RECORD_SLOTS && r.fresh,
	    "one that just fits has one");
	record_reader_done(&rr);
}

/* Lines as records: the output is always valid JSON, and holds the line. */
static void
test_written(void)
{
	static const struct str lines[] = { J(""), J("plain"), J("{\"a\":1"),
		J("\"\\\n\r\t\x01"), J("\0\0"), J("\xff\xfe\x80 \xc3\xa9 \xf0\x9f"),
		J("{\"log\":\"\\u12"), J("\\"), J("}}}}{{{{"), J("\xed\xa0\x80"),
		J("\xef\xbb\xbf{}") };
	static const struct {
		struct str in, out;
	} bad[] = {
		{ J("{}"), J("{\"_error\":{\"by\":\"prog\",\"why\":\"w\\\"hy\"}}\n") },
		{ J(" { } "),
		    J(" { \"_error\":{\"by\":\"prog\",\"why\":\"w\\\"hy\"}}\n") },
		{ J("{\"a\":{}}"),
		    J("{\"a\":{},\"_error\":{\"by\":\"prog\",\"why\":\"w\\\"hy\"}}\n") },
		{ J("{\"a\":\"}\"}  "), J("{\"a\":\"}\",\"_error\":{\"by\":\"prog\","
					  "\"why\":\"w\\\"hy\"}}\n") },
		{ J("{\"_src\":" SRC("1") "," REST),
		    J("{\"_src\":" SRC(
			"1") ",\"time\":\"2026-11-22T13:00:00.1Z\",\"stream\":\"stdout\","
			     "\"log\":\"hi\","
			     "\"_error\":{\"by\":\"prog\",\"why\":\"w\\\"hy\"}}\n") },
	};
	struct ndjson_out o;
	struct record_reader rr;
	struct record r;
	struct err e;
	unsigned wrong = 0;

	ndjson_out_init(&o, STDOUT_FILENO, "out", &e);
	record_reader_init(&rr);
	for (size_t i = 0; i < COUNT(lines); i++) {
		uint64_t replaced = 0;
		struct jscan_member m;
		struct str out;
		unsigned flags = 0;

		o.n = 0;
		record_wrap(&o, "prog", "not \"JSON\"\n", lines[i], &replaced);
		out = (struct str){ o.buf, o.n - 1 };
		wrong += o.buf[o.n - 1] != '\n' || !jscan_valid(out, NULL) ||
			 !jscan_shape(out, &flags) || flags != SHAPE_ERROR_KEY ||
			 !jscan_path(out, STR("_error.why"), &m) ||
			 !str_eq(m.value, STR("\"not \\\"JSON\\\"\\n\"")) ||
			 !record_read(&rr, out, &r) || r.log_at == NULL ||
			 !jscan_path(out, STR("_error.by"), &m);
	}
	ok(wrong == 0, "%zu hostile lines, wrapped", COUNT(lines));

	wrong = 0;
	for (size_t i = 0; i < 256; i++) {
		char any[64];
		uint64_t replaced = 0;

		for (size_t k = 0; k < sizeof any; k++)
			any[k] = (char)(i * (k + 1) + k * k);
		o.n = 0;
		record_wrap(
		    &o, "prog", "why", (struct str){ any, sizeof any }, &replaced);
		wrong += !jscan_valid((struct str){ o.buf, o.n }, NULL);
	}
	ok(wrong == 0, "256 lines of all bytes, wrapped");

	wrong = 0;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct str out;

		o.n = 0;
		wrong += !record_read(&rr, bad[i].in, &r);
		record_mark_bad(&o, "prog", "w\"hy", &r);
		out = (struct str){ o.buf, o.n };
		wrong += !str_eq(out, bad[i].out) || !jscan_valid(out, NULL);
		o.n = 0;
		record_pass(&o, &r);
		wrong += o.n != bad[i].in.n + 1 ||
			 memcmp(o.buf, bad[i].in.p, o.n - 1) != 0 ||
			 o.buf[o.n - 1] != '\n';
	}
	ok(wrong == 0, "%zu records, marked as bad and passed as they are", COUNT(bad));
	record_reader_done(&rr);
	ndjson_out_done(&o);
}

int
main(void)
{
	test_forms();
	test_plain();
	test_cuts();
	test_slots();
	test_alike();
	test_learns();
	test_long_source();
	test_written();
	return unit_end();
}
