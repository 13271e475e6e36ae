/* Names, frames, decompression, identity: the tables behind logtail. */
#include "base/err.h"
#include "ledger/ledger.h"
#include "record/jscan.h"
#include "source/decompress.h"
#include "source/family.h"
#include "source/frame.h"
#include "source/identity.h"
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define T "2026-11-22T13:00:00.1Z"

static void
test_base(void)
{
	static const struct {
		const char *name;
		const char *base;
	} t[] = {
		{ "0.log", "0.log" },
		{ "12.log", "12.log" },
		{ "0.log.20261122-130000", "0.log" },
		{ "0.log.20261122-130000.gz", "0.log" },
		{ "0.log.20261122-130000.tmp", "0.log.20261122-130000.tmp" },
		{ "0.log.20261122-13000", "0.log.20261122-13000" },
		{ "abc-json.log.1", "abc-json.log" },
		{ "abc-json.log.10.gz", "abc-json.log" },
		{ "abc-json.log.12345", "abc-json.log.12345" },
		{ "syslog.1", "syslog" },
		{ "app.log-20261122", "app.log" },
		{ "app.log-2026112213.gz", "app.log" },
		{ "app.log-1", "app.log-1" },
		{ "app.log.gz", "app.log" },
		{ "messages.gz", "messages" },
		{ "app.log.1.2", "app.log.1" },
		{ ".1", ".1" },
		{ "-20261122", "-20261122" },
		{ ".gz", ".gz" },
		{ "a", "a" },
		{ "", "" },
		{ "web-0_shop_app-67330d02351d771f.log",
		    "web-0_shop_app-67330d02351d771f.log" },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		size_t n = family_base(str_of(t[i].name));

		ok(n == strlen(t[i].base), "the live name of \"%s\" is \"%s\" (%zu)",
		    t[i].name, t[i].base, n);
	}
}

static void
test_has(void)
{
	static const struct {
		const char *base, *name;
		bool has, packed, live;
		long long number;
	} t[] = {
		{ "0.log", "0.log", true, false, true, 0 },
		{ "0.log", "0.log.gz", true, true, false, 0 },
		{ "0.log", "0.log.20261122-130001", true, false, false, 20261122130001 },
		{ "0.log", "0.log.20261122-130001.gz", true, true, false,
		    20261122130001 },
		{ "0.log", "0.log.2.gz", true, true, false, -2 },
		{ "0.log", "0.log-20261122", true, false, false, 20261122 },
		{ "0.log", "0.log.tmp", false, false, false, 0 },
		{ "0.log", "0.log.20261122-130001.tmp", false, false, false, 0 },
		{ "0.log", "0.log.20261122-130001.gz.tmp", false, false, false, 0 },
		{ "0.log", "0.log.1.2", false, false, false, 0 },
		{ "0.log", "0.logs", false, false, false, 0 },
		{ "0.log", "10.log", false, false, false, 0 },
		{ "0.log", "0.log.", false, false, false, 0 },
		{ "0.log", "0.log-", false, false, false, 0 },
		{ "0.log", "0.log.-1", false, false, false, 0 },
		{ "0.log", "0.log.99999999999999999999999999", false, false, false, 0 },
		{ "0.log", "0.lo", false, false, false, 0 },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		struct member m = { .fd = -1 };
		bool has = family_has(str_of(t[i].base), str_of(t[i].name), &m);

		ok(has == t[i].has &&
			(!has || (m.packed == t[i].packed && m.live == t[i].live &&
				     m.number == t[i].number)),
		    "\"%s\" %s of the family of \"%s\"", t[i].name,
		    t[i].has ? "is" : "is not", t[i].base);
	}
}

static void
test_cri(void)
{
	static const struct {
		const char *line;
		const char *text; /* NULL: not CRI */
		unsigned stream;
		bool partial;
	} t[] = {
		{ T " stdout F hello", "hello", 0, false },
		{ T " stderr P hello ", "hello ", 1, true },
		{ T " stdout F ", "", 0, false },
		{ T " stdout F", "", 0, false },
		{ T " stdout P", "", 0, true },
		{ T " stdout F  two", " two", 0, false },
		{ T " stdout P:TAG1:TAG2 x", "x", 0, true },
		{ T " stdout F: x", "x", 0, false },
		{ T " stdout F:TAG", "", 0, false },
		{ "2026-11-22T13:00:00Z stdout F x", "x", 0, false },
		{ "2026-11-22T13:00:00+08:00 stderr F x", "x", 1, false },
		{ "2026-11-22T13:00:00.123456789-03:30 stdout F x", "x", 0, false },
		{ "", NULL, 0, false },
		{ " ", NULL, 0, false },
		{ T, NULL, 0, false },
		{ T " ", NULL, 0, false },
		{ T " stdout", NULL, 0, false },
		{ T " stdout ", NULL, 0, false },
		{ T " stdout FF x", NULL, 0, false },
		{ T " stdout X x", NULL, 0, false },
		{ T " stdin F x", NULL, 0, false },
		{ T "  stdout F x", NULL, 0, false },
		{ T "\tstdout F x", NULL, 0, false },
		{ "2026-11-22 13:00:00Z stdout F x", NULL, 0, false },
		{ "2026-11-22T13:00:00\"\\Z stdout F x", NULL, 0, false },
		{ "2026-11-22T13:00:00\xffZZ stdout F x", NULL, 0, false },
		{ "2026-11-22T13:00:00\x01ZZ stdout F x", NULL, 0, false },
		{ "2026-11-22T13:00:00.123456789012345678901234567890Z stdout F x", NULL,
		    0, false },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		/* exactly as long as the line, so that a sanitizer sees what is read
		 * behind it */
		size_t n = strlen(t[i].line);
		char *line = malloc(n + 1);
		struct frame f;
		bool is;

		memcpy(line, t[i].line, n);
		is = frame_cri((struct str){ line, n }, &f);
		ok(is == (t[i].text != NULL) &&
			(!is ||
			    (str_eq(f.text, str_of(t[i].text)) &&
				f.stream == t[i].stream && f.partial == t[i].partial)),
		    "CRI %s: %.60s", t[i].text ? "line" : "not", t[i].line);
		free(line);
	}
}

static void
test_docker(void)
{
	static const struct {
		const char *line;
		const char *text; /* JSON text; NULL: not Docker */
		const char *attrs;
		unsigned stream;
		bool partial;
	} t[] = {
		{ "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"" T "\"}", "a", "",
		    0, false },
		{ "{\"log\":\"a\",\"stream\":\"stderr\",\"time\":\"" T "\"}", "a", "", 1,
		    true },
		{ "{\"log\":\"\\n\",\"stream\":\"stdout\",\"time\":\"" T "\"}", "", "", 0,
		    false },
		{ "{\"log\":\"\",\"stream\":\"stdout\",\"time\":\"" T "\"}", "", "", 0,
		    true },
		{ "{\"log\":\"a\\\\n\",\"stream\":\"stdout\",\"time\":\"" T "\"}",
		    "a\\\\n", "", 0, true },
		{ "{\"log\":\"a\\\\\\n\",\"stream\":\"stdout\",\"time\":\"" T "\"}",
		    "a\\\\", "", 0, false },
		{ "{\"log\":\"n\",\"stream\":\"stdout\",\"time\":\"" T "\"}", "n", "", 0,
		    true },
		{ "{\"log\":\"\\u000a\\n\",\"stream\":\"stdout\",\"time\":\"" T "\"}",
		    "\\u000a", "", 0, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":\"x\"},"
		  "\"time\":\"" T "\"}",
		    "a", "{\"tag\":\"x\"}", 0, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"attrs\":null,\"time\":\"" T
		  "\"}",
		    "a", "", 0, false },
		{ " { \"time\":\"" T
		  "\" , \"x\":[1], \"stream\":\"stderr\",\"log\":\"a\\n\"} ",
		    "a", "", 1, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"" T "\"}\r", "a",
		    "", 0, false },
		{ "", NULL, NULL, 0, false },
		{ "{", NULL, NULL, 0, false },
		{ "{}", NULL, NULL, 0, false },
		{ "[]", NULL, NULL, 0, false },
		{ "{\"log\":\"", NULL, NULL, 0, false },
		{ "{\"log\":\"a", NULL, NULL, 0, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"std", NULL, NULL, 0, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"stdout\"}", NULL, NULL, 0, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"now\"}", NULL, NULL,
		    0, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"stdin\",\"time\":\"" T "\"}", NULL,
		    NULL, 0, false },
		{ "{\"log\":1,\"stream\":\"stdout\",\"time\":\"" T "\"}", NULL, NULL, 0,
		    false },
		{ "{\"log\":\"a\\q\",\"stream\":\"stdout\",\"time\":\"" T "\"}", NULL,
		    NULL, 0, false },
		{ "{\"log\":\"\x01\",\"stream\":\"stdout\",\"time\":\"" T "\"}", NULL,
		    NULL, 0, false },
		{ "{\"log\":\"\xff\",\"stream\":\"stdout\",\"time\":\"" T "\"}", NULL,
		    NULL, 0, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"" T "\"}}", NULL,
		    NULL, 0, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"" T "\"} x", NULL,
		    NULL, 0, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T13:00:"
		  "00\\u005a\"}",
		    "a", "", 0, false },
		{ "{\"log\":\"a\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":x},"
		  "\"time\":\"" T "\"}",
		    NULL, NULL, 0, false },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		size_t n = strlen(t[i].line);
		char *line =
		    malloc(n + 64); /* lines in a block have so much behind them */
		struct frame f = { .partial = false };
		bool is;

		memcpy(line, t[i].line, n);
		memset(line + n, '"', 64);
		is = frame_docker((struct str){ line, n }, &f);
		ok(is == (t[i].text != NULL) &&
			(!is || (str_eq(f.text, str_of(t[i].text)) &&
				    f.stream == t[i].stream &&
				    str_eq(f.attrs, str_of(t[i].attrs)) &&
				    f.partial == t[i].partial)),
		    "Docker %s: %.70s", t[i].text ? "line" : "not", t[i].line);
		free(line);
	}
}

static void
test_guess(void)
{
	ok(frame_guess(STR(T " stdout F x"), true) == FRAME_CRI, "a CRI line is CRI");
	ok(frame_guess(STR(T " stdout F x\r"), true) == FRAME_CRI, "with CR too");
	ok(frame_guess(STR(T " stdout F"), false) == FRAME_CRI, "and without its end");
	ok(frame_guess(STR("{\"log\":\"a\",\"stream\":\"stdout\",\"time\":\"" T "\"}"),
	       true) == FRAME_DOCKER,
	    "a Docker line is Docker");
	ok(frame_guess(STR("{\"log\":\"aaa"), false) == FRAME_DOCKER,
	    "and its long beginning");
	ok(frame_guess(STR("{\"log\":\"aaa"), true) == FRAME_RAW,
	    "but not as a whole line");
	ok(frame_guess(STR(""), true) == FRAME_RAW, "an empty line is raw");
	ok(frame_guess(STR("\r"), true) == FRAME_RAW, "so is CR");
}

/* Files to read. */

static int
temporary(const void *p, size_t n)
{
	char name[] = "/tmp/unit-source-XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		exit(99);
	return fd;
}

static size_t
pack(unsigned char *to, size_t room, const void *p, size_t n)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)p,
		.avail_in = (uInt)n,
		.next_out = to,
		.avail_out = (uInt)room };

	deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return room - z.avail_out;
}

/* All that a reader gives, in pieces of `step`. */
static size_t
drain(struct reader *r, char *to, size_t room, size_t step)
{
	struct err e;
	size_t n = 0;
	ssize_t got;

	while (n < room && (got = reader_read(r, to + n,
				step < room - n ? step : room - n, "x", &e)) > 0)
		n += (size_t)got;
	return n;
}

enum { TEXT = 300000 };

static void
test_reader(void)
{
	static char text[TEXT], got[TEXT + 100];
	static unsigned char gz[2 * TEXT];
	static const size_t steps[] = { 1, 7, 4096, TEXT };
	struct err e;
	struct reader *r;
	size_t first, n, half;
	int fd;

	for (size_t i = 0; i < TEXT; i++)
		text[i] = (char)('a' + (i * i * 31 + i / 7) % 26);
	first = pack(gz, sizeof gz, text, 1000);
	n = first + pack(gz + first, sizeof gz - first, text + 1000, TEXT - 1000);
	memset(gz + n, 0, 777);
	fd = temporary(gz, n + 777);
	for (size_t i = 0; i < COUNT(steps); i++) {
		r = reader_new(fd, true, &e);
		ok(drain(r, got, sizeof got, steps[i]) == TEXT &&
			memcmp(got, text, TEXT) == 0 && !reader_cut(r) &&
			!reader_corrupt(r) && reader_offset(r) == TEXT,
		    "two members and zeros behind, %zu bytes at a time", steps[i]);
		reader_free(r);
	}
	r = reader_new(fd, true, &e);
	ok(reader_seek(r, 200000, "x", &e) == 1 && drain(r, got, 10, 10) == 10 &&
		memcmp(got, text + 200000, 10) == 0,
	    "forwards");
	ok(reader_seek(r, 999, "x", &e) == 1 && drain(r, got, 10, 10) == 10 &&
		memcmp(got, text + 999, 10) == 0 && reader_offset(r) == 1009,
	    "and backwards, over the members' border");
	ok(reader_seek(r, TEXT, "x", &e) == 1 && reader_read(r, got, 1, "x", &e) == 0,
	    "to the end");
	ok(reader_seek(r, TEXT + 1, "x", &e) == 0, "not past it");
	ok(reader_seek(r, 0, "x", &e) == 1 && drain(r, got, sizeof got, 65536) == TEXT,
	    "and all again");
	reader_free(r);
	close(fd);

	for (size_t cut = 1; cut < n; cut += cut < 40 ? 1 : n / 9) {
		if (cut == first)
			continue;
		fd = temporary(gz, cut);
		r = reader_new(fd, true, &e);
		half = drain(r, got, sizeof got, 4096);
		ok(reader_cut(r) && !reader_corrupt(r) && half < TEXT &&
			memcmp(got, text, half) == 0,
		    "cut at %zu: so far right, and cut", cut);
		reader_free(r);
		close(fd);
	}
	fd = temporary(gz, first);
	r = reader_new(fd, true, &e);
	ok(drain(r, got, sizeof got, 4096) == 1000 && !reader_cut(r),
	    "cut between members: whole");
	reader_free(r);
	close(fd);

	gz[n - 8] ^= 1; /* the CRC */
	fd = temporary(gz, n);
	r = reader_new(fd, true, &e);
	half = drain(r, got, sizeof got, 4096);
	ok(reader_corrupt(r) && !reader_cut(r) && half > 1000 &&
		memcmp(got, text, half) == 0,
	    "a bad CRC: %zu of %d bytes, and corrupt", half, TEXT);
	ok(reader_read(r, got, 1, "x", &e) == 0, "no more comes of it");
	ok(reader_seek(r, 10, "x", &e) == 1 && !reader_corrupt(r),
	    "it can be begun anew");
	reader_free(r);
	close(fd);

	fd = temporary("plain text, no gzip\n", 20);
	r = reader_new(fd, true, &e);
	ok(drain(r, got, sizeof got, 4096) == 0 && reader_corrupt(r),
	    "no gzip: corrupt at once");
	reader_free(r);
	r = reader_new(fd, false, &e);
	ok(drain(r, got, sizeof got, 3) == 20 && reader_offset(r) == 20,
	    "as plain text it is read");
	ok(reader_seek(r, 6, "x", &e) == 1 && drain(r, got, 4, 4) == 4 &&
		memcmp(got, "text", 4) == 0,
	    "from anywhere");
	reader_free(r);
	close(fd);

	fd = temporary("", 0);
	r = reader_new(fd, true, &e);
	ok(drain(r, got, sizeof got, 10) == 0 && reader_cut(r),
	    "an empty file is a gzip not begun");
	reader_free(r);
	close(fd);
}

static void
test_stream(void)
{
	char got[4096], text[3000];
	struct reader *r;
	struct err e;
	int p[2];

	memset(text, 'x', sizeof text);
	memcpy(text, "begin", 5);
	if (pipe(p) < 0 || write(p[1], text, sizeof text) != sizeof text)
		exit(99);
	close(p[1]);
	r = reader_new(p[0], false, &e);
	ok(drain(r, got, READER_KEPT, READER_KEPT) == READER_KEPT,
	    "of a pipe the first KiB");
	ok(reader_seek(r, 0, "x", &e) == 1 &&
		drain(r, got, sizeof got, 1000) == sizeof text &&
		memcmp(got, text, sizeof text) == 0,
	    "can be read twice");
	reader_free(r);
	close(p[0]);
}

static struct identity
identify(const char *p, size_t n, bool final, int *r)
{
	struct identity id;
	struct err e;
	int fd = temporary(p, n);
	struct reader *rd = reader_new(fd, false, &e);

	*r = identity_read(rd, final, &id, "x", &e);
	reader_free(rd);
	close(fd);
	return id;
}

static void
test_first_line(void)
{
	char longer[3000];
	struct identity a, b;
	int r;

	a = identify("one\ntwo\n", 8, false, &r);
	ok(r == 1 && !a.unfinished && a.line_n == 4 && a.first_n == 8,
	    "the first line has its LF");
	b = identify("one\nthree", 9, false, &r);
	ok(strcmp(a.hash, b.hash) == 0, "what follows it does not matter");
	b = identify("one", 3, false, &r);
	ok(r == 1 && b.unfinished && strcmp(a.hash, b.hash) != 0,
	    "without LF it is unfinished");
	b = identify("one", 3, true, &r);
	ok(r == 1 && !b.unfinished, "unless no more can come");
	identify("", 0, true, &r);
	ok(r == 0, "an empty file has none");
	memset(longer, 'x', sizeof longer);
	a = identify(longer, 1024, false, &r);
	b = identify(longer, sizeof longer, false, &r);
	ok(!a.unfinished && strcmp(a.hash, b.hash) == 0 && b.line_n == 1024,
	    "of a long one the first KiB counts, from when it is there");
	a = identify(longer, 1023, false, &r);
	ok(a.unfinished, "and not before");
	a = identify("\n\n", 2, false, &r);
	ok(r == 1 && a.line_n == 1, "an empty first line is one");
}

/* An entry read up to `at` of `content`. */
static void
enter(struct ledger *l, const char *id, const char *file, const char *stat,
    const char *content, size_t at)
{
	struct ledger_entry *n = ledger_put(l, str_of(id));

	n->end = n->at = at;
	n->sum = identity_sum(content + (at > IDENTITY_WINDOW ? at - IDENTITY_WINDOW : 0),
	    at > IDENTITY_WINDOW ? IDENTITY_WINDOW : at);
	ledger_set_text(l, &n->file, str_of(file));
	ledger_set_text(l, &n->stat, str_of(stat));
}

static const char *
match(struct ledger *l, const char *content, bool raw, uint64_t inode, const char *file,
    struct identity *id)
{
	struct err e;
	int fd = temporary(content, strlen(content));
	struct reader *r = reader_new(fd, false, &e);

	identity_read(r, false, id, "x", &e);
	id->inode = inode;
	if (identity_match(id, l, r, raw, str_of(file), "x", &e) < 0)
		strcpy(id->id, "failed");
	reader_free(r);
	close(fd);
	return id->id;
}

static void
test_match(void)
{
	static const char one[] = "banner\nfirst\nmore of it\n",
			  two[] = "banner\nsecond\n";
	char id[4][IDENTITY_ID_MAX];
	struct ledger l = { .gen = 1 };
	struct identity who;
	int unused;

	who = identify(one, strlen(one), false, &unused);
	for (int i = 0; i < 4; i++)
		snprintf(id[i], sizeof id[i], i ? "%s.%d" : "%s", who.hash, i);
	ok(strcmp(match(&l, one, true, 0, "a", &who), id[0]) == 0,
	    "new: the hash of the first line");
	enter(&l, id[0], "a", "1:11:13:5", one, 13);
	ok(strcmp(match(&l, one, true, 0, "a", &who), id[0]) == 0, "grown: the same");
	ok(strcmp(match(&l, one, true, 0, "b", &who), id[0]) == 0, "renamed: the same");
	ok(strcmp(match(&l, two, true, 11, "a", &who), id[1]) == 0,
	    "other content, old name and inode: another, numbered");
	ok(strcmp(match(&l, "banner\n", true, 0, "a", &who), id[1]) == 0,
	    "shorter: another");
	enter(&l, id[1], "b", "1:22:24:5", one, 24);
	ok(strcmp(match(&l, one, false, 11, "a", &who), id[1]) == 0,
	    "two fit: the one read further");
	ok(strcmp(match(&l, one, true, 11, "c", &who), id[0]) == 0,
	    "raw: the one of the inode");
	ok(strcmp(match(&l, one, true, 33, "a", &who), id[0]) == 0,
	    "else the one of the name");
	ok(strcmp(match(&l, one, true, 33, "c", &who), id[1]) == 0,
	    "else the one read further");
	ledger_find(&l, str_of(id[1]))->seen = true;
	ok(strcmp(match(&l, one, false, 0, "b", &who), id[0]) == 0,
	    "one that was met is not met again");
	ledger_find(&l, str_of(id[0]))->seen = true;
	ok(strcmp(match(&l, one, false, 0, "b", &who), id[2]) == 0,
	    "all met: another number");
	ledger_forget(&l, str_of(id[0]));
	ledger_forget(&l, str_of(id[1]));
	ok(strcmp(match(&l, one, false, 0, "b", &who), id[0]) == 0,
	    "all forgotten: the first again");
	texts_done(&l.texts);
	free(l.entry);
	free(l.index);
}

/* Very many files that begin alike: those of which one stream fits and the other does not, one
 * of which both do, and those of which nothing is known. */
static void
test_match_many(void)
{
	enum { MANY = 1500, TURNS = 50, IT = 700 };
	static const char content[] = "banner\nout\nerr\nmore of it\n",
			  other[] = "banner\nout\nERR\n", none[] = "BANNER\n";
	char name[IDENTITY_ID_MAX + 8], it[IDENTITY_ID_MAX];
	struct ledger l = { .gen = 1 };
	struct identity who;
	int unused, right = 0;

	who = identify(content, strlen(content), false, &unused);
	for (int i = 1; i <= MANY; i++) {
		int n = snprintf(name, sizeof name, "%s.%d/o", who.hash, i);

		enter(&l, name, "a", "", i % 3 ? content : none, i % 3 ? 11 : 7);
		name[n - 1] = 'e';
		enter(&l, name, "a", "", i == IT ? content : other, i == IT ? 15 : 16);
		if (i % 5 == 0)
			ledger_find(&l, str_of(name))->at = i % 3 ? 15 : 0;
	}
	snprintf(it, sizeof it, "%s.%d", who.hash, IT);
	for (int i = 0; i < TURNS; i++)
		right += strcmp(match(&l, content, false, 0, "b", &who), it) == 0;
	ok(right == TURNS, "one of %d fits with both of its streams: %s", MANY, who.id);
	snprintf(name, sizeof name, "%s/o", it);
	ledger_find(&l, str_of(name))->sum++;
	snprintf(it, sizeof it, "%s.%d", who.hash, MANY + 1);
	ok(strcmp(match(&l, content, false, 0, "b", &who), it) == 0,
	    "with one of them changed none does: %s", who.id);
	texts_done(&l.texts);
	free(l.entry);
	free(l.index);
}

static void
count_warning(void *arg, const struct err *e)
{
	*(int *)arg += strstr(e->text, "more than 1048576 files") != NULL;
}

/* past: files that operands name */
static void
test_too_many(void)
{
	struct families fs = { .list = calloc(FAMILIES_MAX, sizeof *fs.list),
		.n = FAMILIES_MAX - 1,
		.cap = FAMILIES_MAX };
	char dir[] = "/tmp/unit-families-XXXXXX", path[3][64];
	int told = 0, added;
	struct err e;

	if (mkdtemp(dir) == NULL)
		return;
	for (int i = 0; i < 3; i++) {
		snprintf(path[i], sizeof path[i], "%s/%d.log", dir, i);
		fclose(fopen(path[i], "w"));
	}
	added = families_add(&fs, dir, NULL, 0, count_warning, &told, &e);
	ok(added == 1 && fs.n == FAMILIES_MAX && told == 1,
	    "of 1,048,578 files one is left out, told once: %d, %d", added, told);
	added = families_add(&fs, path[0], NULL, 0, count_warning, &told, &e);
	ok(added == 0 && fs.n == FAMILIES_MAX && told == 2,
	    "and what another operand names: %d, %d", added, told);
	fs.list[0] = fs.list[FAMILIES_MAX - 1];
	fs.n = 1;
	families_done(&fs);
	for (int i = 0; i < 3; i++)
		unlink(path[i]);
	rmdir(dir);
}

int
main(void)
{
	test_too_many();
	test_base();
	test_has();
	test_cri();
	test_docker();
	test_guess();
	test_reader();
	test_stream();
	test_first_line();
	test_match();
	test_match_many();
	return unit_end();
}
