/* The three views of how a node stands. */
#include "cli/statusview.h"
#include "base/buf.h"
#include "record/jscan.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define DAY 86400000000000LL

static bool
has(const struct buf *b, const char *text)
{
	return b->p != NULL && strstr(b->p, text) != NULL;
}

static void
test_sizes(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = { { 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" }, { 5ULL << 40, "5.0 TiB" },
		{ UINT64_MAX, "16384.0 PiB" } };
	char text[16];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		status_size(cases[i].bytes, text);
		ok(strcmp(text, cases[i].text) == 0, "%s", text);
	}
}

static void
test_lagging(void)
{
	static struct node_status s;
	char name[8];

	for (unsigned i = 0; i < 30; i++) {
		snprintf(name, sizeof name, "f%u", i * 7 % 30);
		status_file(&s, "behind", name, i * 7 % 30);
	}
	status_file(&s, "done", "z", 0);
	status_file(&s, "new", "n", 0);
	status_file(&s, "waiting", "w", 0);
	status_file(&s, "empty", "e", 0);
	status_file(&s, "unreadable", "u", 0);
	ok(s.behind == 30 && s.done == 1 && s.fresh == 1 && s.waiting == 1 &&
		s.empty == 1 && s.unreadable == 1 && s.lag == 29 * 30 / 2,
	    "files are counted by their state");
	for (unsigned i = 0; i < STATUS_LAGGING; i++) {
		snprintf(name, sizeof name, "f%u", 29 - i);
		ok(s.lagging[i].lag == 29 - i && strcmp(s.lagging[i].file, name) == 0,
		    "place %u is %s", i, s.lagging[i].file);
	}
}

static void
test_long_name(void)
{
	static struct node_status s;
	char name[400];

	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	memcpy(name + sizeof name - 1 - 256, "\xc3\xa9", 2); /* the cut is within it */
	status_file(&s, "behind", name, 1);
	ok(strlen(s.lagging[0].file) == 254,
	    "a long name's end, and no half character: %zu", strlen(s.lagging[0].file));
	ok(strspn(s.lagging[0].file, "a") == 254, "all of it is the end");
}

static void
test_hostile_names(void)
{
	static struct node_status s = { .state = "S\x1b]0;pwned\a", .looked = true };
	struct buf out;

	status_file(&s, "behind",
	    "a\x1b[2Jb\nc\x7f"
	    "d\xc2\x9b"
	    "e\xff"
	    "f\xe2\x80\xae"
	    "g\xc3\xa9 \xe2\x82\xac",
	    5);
	buf_init(&out, 1 << 16);
	status_table(&s, DAY, &out);
	ok(has(&out, "S\\x1b]0;pwned\\x07, generation"), "the directory's name");
	ok(has(&out, "a\\x1b[2Jb\\x0ac\\x7fd\\xc2\\x9be\\xfff\\xe2\\x80\\xaeg\xc3\xa9 "
		     "\xe2\x82\xac\n"),
	    "C0, DEL, C1, no UTF-8 and marks of direction are shown, letters stay");
	for (size_t i = 0; i < out.n; i++)
		if ((unsigned char)out.p[i] < 0x20 && out.p[i] != '\n')
			ok(false, "a control byte at %zu", i);
	buf_clear(&out);
	status_ndjson(&s, &out);
	ok(has(&out, "a\\u001b[2Jb\\n"), "in JSON they are escaped");
	buf_done(&out);
}

static void
test_times(void)
{
	static const struct {
		int64_t ago_s;
		const char *text;
	} cases[] = { { 0, "0s ago" }, { 59, "59s ago" }, { 60, "1m ago" },
		{ 7199, "1h ago" }, { 86400 * 9, "9d ago" } };
	struct node_status s = { .state = "S" };
	struct buf out;
	int64_t now = 20000 * DAY;

	buf_init(&out, 1 << 16);
	status_table(&s, now, &out);
	ok(has(&out, "last sweep  never\n"), "never");
	ok(!has(&out, "files "), "files are not told of if nobody looked");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_clear(&out);
		s.swept_at = now - cases[i].ago_s * 1000000000;
		status_table(&s, now, &out);
		ok(has(&out, cases[i].text), "%s", cases[i].text);
	}
	buf_clear(&out);
	s.swept_at = now + DAY;
	status_table(&s, now, &out);
	ok(!has(&out, "ago"), "a time to come is not ago");
	buf_done(&out);
}

static void
test_machines(void)
{
	struct node_status s = { .state = "a\"b\n",
		.records = UINT64_MAX,
		.gaps = 3,
		.swept_at = 1763816700123456789 };
	struct buf out;
	struct jscan_member m;

	buf_init(&out, 1 << 16);
	status_ndjson(&s, &out);
	ok(out.n > 1 && out.p[out.n - 1] == '\n' &&
		memchr(out.p, '\n', out.n - 1) == NULL &&
		jscan_valid((struct str){ out.p, out.n - 1 }, NULL),
	    "one line of JSON");
	ok(jscan_find((struct str){ out.p, out.n }, STR("records"), &m) &&
		str_eq(m.value, STR("18446744073709551615")),
	    "the largest count");
	ok(has(&out,
	       "\"swept_at\":\"2025-11-22T13:05:00.123456789Z\",\"committed_at\":null"),
	    "times");
	ok(!has(&out, "\"lag\""), "no files, no lag");
	buf_clear(&out);
	status_metrics(&s, &out);
	ok(has(&out, "\n# TYPE logsweep_gaps_total counter\nlogsweep_gaps_total 3\n"),
	    "a counter");
	ok(has(&out, "\nlogsweep_last_sweep_timestamp_seconds 1763816700.123\n"),
	    "a time");
	ok(!has(&out, "last_commit"), "a time that never was is left out");
	ok(!has(&out, "logsweep_files"), "no files");
	buf_clear(&out);
	s.looked = true;
	status_file(&s, "behind", "x", 9);
	status_metrics(&s, &out);
	ok(has(&out, "\nlogsweep_files_behind 1\n") &&
		has(&out, "\nlogsweep_lag_bytes 9\n"),
	    "files");
	buf_clear(&out);
	status_ndjson(&s, &out);
	ok(has(&out, "\"lagging\":[{\"file\":\"x\",\"lag\":9}]}\n"),
	    "the lagging in JSON");
	buf_done(&out);
}

int
main(void)
{
	test_sizes();
	test_lagging();
	test_long_name();
	test_hostile_names();
	test_times();
	test_machines();
	return unit_end();
}
