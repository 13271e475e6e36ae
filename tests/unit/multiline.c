/* lib/parse: lines joined to messages; which rules, which positions, which marks. */
#include "parse/multiline.h"
#include "base/err.h"
#include "parse/conf.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/ndjson.h"
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

static struct multiline m;
static struct record_reader reader;
static struct ndjson_out out; /* never flushed: what is written is looked at */
static unsigned emitted_lines;
static int64_t fake_now, fake_steady;

static int64_t
now(void)
{
	return fake_now;
}

static int64_t
steady(void)
{
	return fake_steady;
}

static void
emit(void *arg, const struct record *r, unsigned lines)
{
	(void)arg;
	emitted_lines += lines;
	record_pass(&out, r);
}

static void
begin(const char *names, const struct conf *conf)
{
	struct err e;

	emitted_lines = 0;
	record_reader_init(&reader);
	if (ndjson_out_init(&out, -1, "out", &e) < 0) {
		printf("Bail out! %s\n", e.text);
		exit(1);
	}
	multiline_init(&m);
	if (multiline_use(&m, names, conf, &e) < 0) {
		printf("Bail out! %s\n", e.text);
		exit(1);
	}
	m.out = &out;
	m.from = &reader;
	m.emit = emit;
	m.now = now;
	m.steady = steady;
}

static void
end(void)
{
	multiline_done(&m);
	record_reader_done(&reader);
	ndjson_out_done(&out);
}

/* One line of input, as the filter would treat it. */
static void
feed(const char *line)
{
	size_t n = strlen(line);
	char *copy = malloc(n + 64);
	struct record r;

	memset(copy, '"', n + 64);
	memcpy(copy, line, n);
	if (!record_read(&reader, (struct str){ copy, n }, &r))
		ok(false, "no record: %s", line);
	else if (r.mark)
		multiline_mark(&m, &r);
	else if (multiline_record(&m, &r) == MULTILINE_PASS)
		record_pass(&out, &r);
	free(copy);
}

/* What was written since the last call. */
static const char *
written(void)
{
	static char text[1 << 20];

	snprintf(text, sizeof text, "%.*s", (int)out.n, out.buf);
	out.n = 0;
	return text;
}

static void
wrote(const char *want, const char *what)
{
	const char *got = written();

	if (!ok(strcmp(got, want) == 0, "%s", what))
		printf("# got:\n%s# wanted:\n%s", got, want);
}

/* A script: each line begins with '-' (a record begins) or '+' (it goes on). */
static void
script(const char *names, const char *text, const char *what)
{
	struct buf want, line;
	char *got;

	begin(names, NULL);
	buf_init(&want, 1 << 20);
	buf_init(&line, 1 << 20);
	for (const char *p = text, *lf; *p != '\0'; p = lf + 1) {
		lf = strchr(p, '\n');
		if (*p == '-' && want.n > 0)
			buf_adds(&want, "\"}\n");
		buf_adds(&want, *p == '-' ? "{\"stream\":\"stdout\",\"log\":" : "\\n");
		buf_clear(&line);
		jsonw_string(&line, p + 1, (size_t)(lf - p - 1));
		if (*p == '-')
			buf_add(&want, line.p, line.n - 1);
		else
			buf_add(&want, line.p + 1, line.n - 2);
		got = malloc(line.n + 64);
		sprintf(got, "{\"stream\":\"stdout\",\"log\":%s}", line.p);
		feed(got);
		free(got);
	}
	buf_adds(&want, "\"}\n");
	multiline_finish(&m);
	wrote(want.p, what);
	buf_done(&want);
	buf_done(&line);
	end();
}

static void
test_languages(void)
{
	static const struct {
		const char *names, *what, *text;
	} t[] = {
		{ "java", "causes in causes, and lines around them",
		    "-12:00:01 INFO ready\n"
		    "-12:00:02 ERROR order failed java.lang.IllegalStateException: no "
		    "stock\n"
		    "+\tat com.acme.Order.place(Order.java:42)\n"
		    "+\tat java.base/java.lang.Thread.run(Thread.java:1583)\n"
		    "+Caused by: com.acme.StoreException: shelf 9\n"
		    "+\tat com.acme.Store.take(Store.java:77) ~[store-1.2.jar:?]\n"
		    "+\t... 2 more\n"
		    "+\tSuppressed: java.io.IOException: Stream closed\n"
		    "+\t\tat com.acme.Store.close(Store.java:90)\n"
		    "+\t\t... 3 common frames omitted\n"
		    "+\tCaused by: java.lang.Error: deep\n"
		    "+\t\tat x.Y.z(Native Method)\n"
		    "-12:00:03 INFO next\n"
		    "-\tat the end of a sentence\n" },
		{ "java", "causes without frames of their own",
		    "-java.lang.IllegalStateException: boom\n"
		    "+\tat a.B.c(B.java:1)\n"
		    "+Caused by: java.io.IOException: x\n"
		    "+\t... 1 more\n"
		    "+Caused by: java.lang.Error: y\n"
		    "+\t... 1 common frames omitted\n"
		    "-... to come\n" },
		{ "java", "a trace behind a trace",
		    "-Exception in thread \"main\" java.lang.NullPointerException\n"
		    "+\tat a.B.c(B.java:1)\n"
		    "-java.lang.OutOfMemoryError: Java heap space\n"
		    "+\tat a.B.d(B.java:2)\n" },
		{ "java", "what looks like a beginning alone stays alone",
		    "-Error: one\n-Error: two\n-plain\n-Exception: three\n" },
		{ "java", "nested exception is",
		    "-org.x.BeanException: outer; wait\n"
		    "+nested exception is:\n"
		    "+java.net.BindException: Address already in use\n"
		    "+\tat a.B.c(B.java:1)\n-x\n" },
		{ "python", "an exception while another is handled",
		    "-INFO:root:go\n"
		    "-Traceback (most recent call last):\n"
		    "+  File \"/app/a.py\", line 3, in f\n"
		    "+    return 1 / 0\n"
		    "+           ~~^~~\n"
		    "+ZeroDivisionError: division by zero\n"
		    "+\n"
		    "+During handling of the above exception, another exception "
		    "occurred:\n"
		    "+\n"
		    "+Traceback (most recent call last):\n"
		    "+  File \"/app/a.py\", line 9, in <module>\n"
		    "+    f()\n"
		    "+  [Previous line repeated 3 more times]\n"
		    "+app.errors.Boom: could not\n"
		    "-INFO:root:on\n" },
		{ "python", "an exception without a text; a syntax error; two in a row",
		    "-Traceback (most recent call last):\n"
		    "+  File \"<stdin>\", line 1, in <module>\n"
		    "+KeyboardInterrupt\n"
		    "-  File \"/app/b.py\", line 1\n"
		    "+    foo(\n"
		    "+       ^\n"
		    "+SyntaxError: '(' was never closed\n"
		    "-Traceback (most recent call last):\n"
		    "+  File \"x.py\", line 1, in <module>\n"
		    "+KeyError: 'a'\n" },
		{ "python", "an exception group",
		    "-  + Exception Group Traceback (most recent call last):\n"
		    "+  |   File \"x.py\", line 2, in <module>\n"
		    "+  |     raise ExceptionGroup('e', [ValueError(1)])\n"
		    "+  | ExceptionGroup: e (1 sub-exception)\n"
		    "+  +-+---------------- 1 ----------------\n"
		    "+    | ValueError: 1\n"
		    "+    +------------------------------------\n"
		    "-done\n" },
		{ "go", "a panic with goroutines",
		    "-2026/11/22 13:00:00 start\n"
		    "-panic: runtime error: invalid memory address or nil pointer "
		    "dereference\n"
		    "+[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 "
		    "pc=0x47]\n"
		    "+\n"
		    "+goroutine 7 [running]:\n"
		    "+main.(*cart).add(0xc000012345, {0x4b, 0x2})\n"
		    "+\t/app/main.go:8 +0x1d\n"
		    "+net/http.HandlerFunc.ServeHTTP(0x0?, {0x6f?, 0xc0000?}, 0x0?)\n"
		    "+\t/usr/lib/go/src/net/http/server.go:2136 +0x29\n"
		    "+created by net/http.(*Server).Serve in goroutine 1\n"
		    "+\t/usr/lib/go/src/net/http/server.go:3086 +0x5cb\n"
		    "+\n"
		    "+goroutine 18 [chan receive, 3 minutes]:\n"
		    "+main.worker.func1()\n"
		    "+\t/app/main.go:30 +0x44\n"
		    "+exit status 2\n"
		    "-2026/11/22 13:00:01 start\n" },
		{ "go", "a panic in a handler; a fatal error",
		    "-2026/11/22 13:00:00 http: panic serving 10.0.0.1:4312: boom\n"
		    "+goroutine 34 [running]:\n"
		    "+net/http.(*conn).serve.func1()\n"
		    "+\t/usr/lib/go/src/net/http/server.go:1868 +0xb9\n"
		    "+panic({0x646ea0?, 0x719830?})\n"
		    "+\t/usr/lib/go/src/runtime/panic.go:920 +0x270\n"
		    "-fatal error: all goroutines are asleep - deadlock!\n"
		    "+\n"
		    "+goroutine 1 [select (no cases)]:\n"
		    "+main.main()\n"
		    "+\t/app/main.go:5 +0xf\n" },
		{ "ruby", "old and new quotes, and Rails",
		    "-app.rb:3:in `add': undefined method `+' for nil:NilClass "
		    "(NoMethodError)\n"
		    "+\tfrom app.rb:9:in `each'\n"
		    "+\tfrom app.rb:9:in `<main>'\n"
		    "-I, [2026-11-22] ready\n"
		    "-/app/x.rb:1:in 'Object#f': boom (RuntimeError)\n"
		    "+\tfrom /app/x.rb:5:in '<main>'\n"
		    "-ActionController::RoutingError (No route matches [GET] \"/x\"):\n"
		    "+  \n"
		    "+app/middleware/a.rb:12:in `call'\n"
		    "+actionpack (7.1.2) lib/action_dispatch/b.rb:29:in `call'\n"
		    "-Started GET \"/\" for 10.0.0.1\n" },
		{ "js", "with the place, the members and the version",
		    "-listening\n"
		    "-/app/index.js:10\n"
		    "+    throw new TypeError('boom');\n"
		    "+    ^\n"
		    "+\n"
		    "+TypeError: boom\n"
		    "+    at add (/app/index.js:10:11)\n"
		    "+    at async Promise.all (index 0)\n"
		    "+    at node:internal/main/run_main_module:23:47 {\n"
		    "+  code: 'E_BOOM',\n"
		    "+  [cause]: Error: deep\n"
		    "+      at x (/app/y.mjs:1:2)\n"
		    "+}\n"
		    "+\n"
		    "+Node.js v20.10.0\n"
		    "-restarted\n"
		    "-Error [ERR_HTTP_HEADERS_SENT]: Cannot set headers\n"
		    "+    at ServerResponse.setHeader (node:_http_outgoing:652:11)\n"
		    "-done\n" },
		{ "php", "previous exceptions; Monolog",
		    "-PHP Fatal error:  Uncaught RuntimeException: a in /app/c.php:12\n"
		    "+Stack trace:\n"
		    "+#0 /app/index.php(7): add()\n"
		    "+#1 {main}\n"
		    "+\n"
		    "+Next LogicException: b in /app/c.php:14\n"
		    "+Stack trace:\n"
		    "+#0 {main}\n"
		    "+  thrown in /app/c.php on line 14\n"
		    "-ready\n"
		    "-[2026-11-22 13:00:00] prod.ERROR: x {\"exception\":\"[object] "
		    "(Exception(code: 0): x at /a.php:1)\n"
		    "+[stacktrace]\n"
		    "+#0 /app/public/index.php(51): handle()\n"
		    "+#1 {main}\n"
		    "+\"} \n"
		    "-[2026-11-22 13:00:01] prod.INFO: y\n" },
		{ "csharp", "inner exceptions, and where a task was awaited",
		    "-fail: Acme.Worker[0]\n"
		    "-Unhandled exception. System.AggregateException: One or more errors "
		    "(x)\n"
		    "+ ---> System.IO.IOException: disk full\n"
		    "+   at Acme.Store.Put(String key) in /src/Store.cs:line 77\n"
		    "+   --- End of inner exception stack trace ---\n"
		    "+   at Acme.Cart.<Add>b__3_0(Object o)\n"
		    "+--- End of stack trace from previous location ---\n"
		    "+   at Acme.Program.Main()\n"
		    "-info: next\n" },
		{ "dart", "an error, and Flutter's report",
		    "-Unhandled exception:\n"
		    "+Bad state: No element\n"
		    "+#0      List.first (dart:core-patch/growable_array.dart:344:5)\n"
		    "+<asynchronous suspension>\n"
		    "+#1      main (file:///app/bin/main.dart:4:8)\n"
		    "-ready\n"
		    "-══╡ EXCEPTION CAUGHT BY WIDGETS LIBRARY ╞══════════════\n"
		    "+The following assertion was thrown:\n"
		    "+any text\n"
		    "+═══════════════════════════════════════════════════════════════\n"
		    "-next\n" },
		{ "java,python,go",
		    "several names, each line to the first that it begins",
		    "-java.lang.Error: a\n+\tat b.C.d(E.java:1)\n"
		    "-Traceback (most recent call last):\n"
		    "+  File \"x.py\", line 1, in <module>\n+KeyError: 'a'\n"
		    "-panic: x\n+\n+goroutine 1 [running]:\n+main.main()\n+\t/a.go:1 "
		    "+0x1\n-y\n" },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char what[200];

		snprintf(what, sizeof what, "%s: %s", t[i].names, t[i].what);
		script(t[i].names, t[i].text, what);
	}
}

/* Each sample is one message, alone and between other lines. */
static void
test_samples(void)
{
	for (size_t i = 0; i < mlbuiltins_n; i++) {
		struct buf text;

		buf_init(&text, 1 << 16);
		buf_adds(&text, "-before\n");
		for (const char *p = mlbuiltins[i].sample, *lf; *p != '\0'; p = lf + 1) {
			lf = strchr(p, '\n');
			buf_addc(&text, p == mlbuiltins[i].sample ? '-' : '+');
			buf_add(&text, p, (size_t)(lf + 1 - p));
		}
		buf_adds(&text, "-after\n");
		script(mlbuiltins[i].name, text.p, mlbuiltins[i].name);
		buf_done(&text);
	}
}

#define SRC(id, end) "{\"_src\":{\"file\":\"/a\",\"id\":\"" id "\",\"gen\":1,\"end\":" end
#define REC(id, end, rest)                                                               \
	SRC(id, end) "},\"time\":\"2026-11-22T13:00:00Z\",\"stream\":\"stdout\"," rest "}"
#define LOG(id, end, text) REC(id, end, "\"log\":\"" text "\"")
#define CLOSING ",\"at\":9,\"sum\":\"00\",\"size\":9,\"stat\":\"1:2\",\"dir\":\"/\"}}"

static void
test_positions(void)
{
	begin("java", NULL);
	feed(SRC("a/o", "0") "}}");
	feed(SRC("a/e", "0") "}}");
	feed(LOG("a/o", "10", "x"));
	written();
	feed(LOG("a/o", "20", "E Exception: 1"));
	feed(LOG("a/e", "25", "E Exception: 2"));
	feed(LOG("a/o", "30", "\\tat b"));
	feed(LOG("a/e", "35", "\\tat \\u00e9"));
	wrote("", "two streams, mixed: both wait");
	feed(SRC("a/o", "40") ",\"at\":40,\"sum\":\"00\"}}");
	wrote(SRC("a/o", "10") ",\"at\":40,\"sum\":\"00\"}}\n",
	    "a mark says no more than where the group begins");
	feed(LOG("a/o", "50", "\\tat c"));
	feed(LOG("a/o", "60", "y"));
	wrote(LOG("a/o", "50", "E Exception: 1\\n\\tat b\\n\\tat c") "\n" LOG(
		  "a/o", "60", "y") "\n",
	    "the group ends where its last line does; the mark within it is left out");
	feed(SRC("a/e", "60") ",\"final\":true" CLOSING);
	wrote(LOG("a/e", "35", "E Exception: 2\\n\\tat \\u00e9") "\n" SRC(
		  "a/e", "60") ",\"final\":true" CLOSING "\n",
	    "a final mark lets the group out, and follows it");

	feed(LOG("a/o", "70", "E Error: 3"));
	feed(SRC("a/o", "80") CLOSING);
	wrote(SRC("a/o", "60") CLOSING "\n", "a file that is not final");
	feed(SRC("a/o", "80") "}}");
	wrote(SRC("a/o", "60") "}}\n", "which is read on");
	feed(LOG("a/o", "90", "z"));
	wrote(LOG("a/o", "70", "E Error: 3") "\n" SRC("a/o", "80") "}}\n" LOG(
		  "a/o", "90", "z") "\n",
	    "the last mark follows a group that it came behind");
	feed(LOG("a/o", "95", "E Error: 4"));
	feed(SRC("a/o", "99") "}}");
	wrote(
	    SRC("a/o", "90") "}}\n", "`end` does not go back behind a mark that passed");
	feed(SRC("a/o", "99") ",\"gone\":true}}");
	wrote(LOG("a/o", "95", "E Error: 4") "\n" SRC("a/o", "99") ",\"gone\":true}}\n",
	    "a file that is gone");
	end();
}

static void
test_end_of_input(void)
{
	begin("java", NULL);
	feed(SRC("a/o", "0") "}}");
	written();
	feed(LOG("a/o", "10", "E Error: 1"));
	feed(LOG("a/o", "20", "\\tat x"));
	feed(SRC("a/o", "20") CLOSING);
	wrote(SRC("a/o", "0") CLOSING "\n", "live");
	multiline_finish(&m);
	wrote("", "a group at the end of a live file is left to the next sweep");
	end();

	begin("java", NULL);
	feed(SRC("a/o", "0") "}}");
	feed(LOG("a/o", "10", "E Error: 1"));
	written();
	multiline_finish(&m);
	wrote("", "and so is one whose closing mark never came");
	end();

	begin("java", NULL);
	feed(LOG("a/o", "10", "E Error: 1"));
	feed(LOG("a/o", "20", "\\tat x"));
	multiline_finish(&m);
	wrote(LOG("a/o", "20", "E Error: 1\\n\\tat x") "\n",
	    "but not where a filter drops marks");
	end();

	begin("java", NULL);
	feed("{\"log\":\"E Error: 1\"}");
	feed("{\"stream\":\"s\",\"log\":\"E Error: 2\"}");
	feed("{\"log\":\"\\tat 1\"}");
	feed("{\"stream\":\"s\",\"log\":\"\\tat 2\"}");
	multiline_finish(&m);
	wrote("{\"log\":\"E Error: 1\\n\\tat 1\"}\n{\"stream\":\"s\",\"log\":\"E Error: "
	      "2\\n\\tat 2\"}\n",
	    "nor where there are no positions: per stream, oldest first");
	ok(emitted_lines == 4, "lines are counted: %u", emitted_lines);
	end();
}

static void
test_waiting(void)
{
	const int64_t s = 1000000000, t = 1795352400 * s; /* 2026-11-22T13:00:00Z */

	begin("java", NULL);
	m.wait_ns = 60 * s;
	fake_now = t + 59 * s;
	fake_steady = s;
	feed(SRC("a/o", "0") "}}");
	written();
	feed(LOG("a/o", "10", "E Error: 1"));
	fake_steady += 100 * s;
	multiline_idle(&m, true);
	wrote("", "in the middle of a file nothing is old");
	feed(SRC("a/o", "10") ",\"at\":40,\"sum\":\"00\"}}");
	feed(SRC("a/o", "10") CLOSING);
	wrote(SRC("a/o", "0") ",\"at\":40,\"sum\":\"00\"}}\n" SRC("a/o", "0") CLOSING
	    "\n",
	    "at its end");
	fake_steady += 59 * s - 100 * s;
	multiline_idle(&m, false);
	wrote("", "a line that is 59 s old");
	fake_steady += s;
	multiline_idle(&m, false);
	wrote(LOG("a/o", "10", "E Error: 1") "\n" SRC("a/o", "10") CLOSING "\n", "60 s");

	feed(SRC("a/o", "10") "}}");
	written();
	feed(LOG("a/o", "20", "\\tat late"));
	wrote(LOG("a/o", "20", "\\tat late") "\n",
	    "what comes later is a record of its own");
	feed(LOG("a/o", "30", "E Error: 2"));
	fake_now = t + 60 * s;
	feed(SRC("a/o", "30") ",\"at\":30,\"sum\":\"00\"}}");
	wrote(SRC("a/o", "20") ",\"at\":30,\"sum\":\"00\"}}\n",
	    "old by its own time, but more is to be read");
	feed(SRC("a/o", "30") CLOSING);
	wrote(LOG("a/o", "30", "E Error: 2") "\n" SRC("a/o", "30") CLOSING "\n",
	    "old by its own time at the end of its file");
	end();

	begin("java", NULL);
	fake_steady = s;
	feed("{\"log\":\"E Error: 1\"}");
	fake_steady += 4 * s;
	multiline_idle(&m, false);
	wrote("", "without positions: the input must be quiet");
	multiline_idle(&m, true);
	wrote("{\"log\":\"E Error: 1\"}\n", "flush_timeout");
	end();
}

static void
test_limits(void)
{
	begin("java", NULL);
	m.lines_max = 2;
	feed("{\"log\":\"E Error: 1\",\"attrs\":{\"a\":\"b\"}}");
	feed("{\"log\":\"\\tat 1\",\"attrs\":{\"a\":\"b\"}}");
	feed("{\"log\":\"\\tat 2\",\"attrs\":{\"a\":\"b\"}}");
	feed("{\"log\":\"\\tat 3\",\"attrs\":{\"a\":\"b\"}}");
	feed("{\"log\":\"\\tat 4\",\"attrs\":{\"a\":\"b\"} }");
	multiline_finish(&m);
	wrote("{\"log\":\"E Error: 1\\n\\tat "
	      "1\\n\",\"attrs\":{\"a\":\"b\"},\"_part\":{\"n\":1,\"last\":false}}\n"
	      "{\"log\":\"\\tat 2\\n\\tat "
	      "3\",\"attrs\":{\"a\":\"b\"},\"_part\":{\"n\":2,\"last\":true}}\n"
	      "{\"log\":\"\\tat 4\",\"attrs\":{\"a\":\"b\"} }\n",
	    "lines: pieces, and a record that is not like the first");
	ok(m.counts.cut == 1 && m.counts.groups == 2, "cut once");
	end();

	begin("java", NULL);
	m.bytes_max = 60;
	feed(SRC("a/o", "0") "}}");
	feed("{\"log\":\"E Error: 12345678901234567890\"}");
	feed("{\"log\":\"\\tat 1234567890\"}");
	feed("{\"log\":\"\\tat 12345678901234567890\"}");
	feed("{\"log\":\"\\tat "
	     "123456789012345678901234567890123456789012345678901234567890\"}");
	multiline_finish(&m);
	written();
	ok(m.counts.cut == 1, "bytes: %llu", (unsigned long long)m.counts.cut);
	ok(emitted_lines == 3, "a line over the limit is no part of a group");
	end();

	begin("java", NULL);
	m.lines_max = 1;
	feed(SRC("a/o", "0") "}}");
	feed(LOG("a/o", "10", "E Error: 1"));
	feed(LOG("a/o", "20", "\\tat 1"));
	feed(SRC("a/o", "20") ",\"at\":30,\"sum\":\"00\"}}");
	written();
	feed(SRC("a/o", "20") CLOSING);
	wrote(REC("a/o", "20",
		  "\"log\":\"\\tat 1\",\"_part\":{\"n\":2,\"last\":true}") "\n" SRC("a/o",
		  "20") CLOSING "\n",
	    "a message of which a piece is written is not held back");
	end();
}

/* past: logs whose lines are joined */
/* past: messages being joined at once */
/* past: memory of all of them */
static void
test_room(void)
{
	char line[200];
	unsigned n = MULTILINE_OPEN + 10;

	begin("java", NULL);
	for (unsigned i = 0; i < n; i++) {
		snprintf(line, sizeof line,
		    "{\"_src\":{\"file\":\"/"
		    "a\",\"id\":\"%08x\",\"gen\":1,\"end\":5},\"log\":\"E Error: 1\"}",
		    i);
		feed(line);
	}
	ok(m.open <= MULTILINE_OPEN && m.memory <= MULTILINE_MEMORY,
	    "%zu open, %zu bytes", m.open, m.memory);
	ok(m.counts.early == n - m.open, "the oldest are written early");
	ok(strstr(written(), "\"id\":\"00000000\"") != NULL, "the very first");
	multiline_finish(&m);
	ok(emitted_lines == n, "all of them, once: %u", emitted_lines);
	end();

	begin("java", NULL);
	for (unsigned i = 0; i < MLSOURCES_MAX + 1000; i++) {
		snprintf(line, sizeof line,
		    "{\"_src\":{\"file\":\"/"
		    "a\",\"id\":\"%08x\",\"gen\":1,\"end\":5},\"log\":\"x\"}",
		    i);
		feed(line);
		out.n = 0;
	}
	ok(m.sources.n <= MLSOURCES_MAX, "%zu sources", m.sources.n);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(line, sizeof line,
		    "{\"_src\":{\"file\":\"/"
		    "a\",\"id\":\"%08x\",\"gen\":1,\"end\":5" CLOSING,
		    i % 7);
		feed(line);
	}
	end();
}

static void
test_odd_records(void)
{
	begin("java", NULL);
	feed("{\"log\":\"E Error: 1\"}");
	feed("{\"log\":\"\\tat 1\",\"_error\":{\"by\":\"x\",\"why\":\"y\"}}");
	feed("{\"log\":\"E Error: 2\",\"_part\":{\"n\":1,\"last\":false}}");
	feed("{\"log\":\"\\tat 2\"}");
	wrote("{\"log\":\"E Error: 1\"}\n{\"log\":\"\\tat "
	      "1\",\"_error\":{\"by\":\"x\",\"why\":\"y\"}}\n"
	      "{\"log\":\"E Error: "
	      "2\",\"_part\":{\"n\":1,\"last\":false}}\n{\"log\":\"\\tat 2\"}\n",
	    "_error and _part stand alone");
	feed("{\"log\":\"E Error: \\ud800\"}");
	feed("{\"time\":\"t\",\"log\":\"\\tat 3\"}");
	feed("{\"log\":7}");
	feed("{\"x\":\"E Error:\"}");
	feed("{}");
	wrote("{\"log\":\"E Error: \\ud800\"}\n{\"time\":\"t\",\"log\":\"\\tat "
	      "3\"}\n{\"log\":7}\n{\"x\":\"E Error:\"}\n{}\n",
	    "half a pair; another member; no message");
	feed("{ \"log\" : \"E Error: 1\" , \"_src\":{\"end\": 7 "
	     ",\"id\":\"q\",\"gen\":0,\"file\":\"f\"}, \"time\":\"a\"}");
	feed("{ \"log\" : \"\\tat 1\" , "
	     "\"_src\":{\"gen\":0,\"id\":\"q\",\"end\":123,\"file\":\"f\"}, "
	     "\"time\":\"bcd\"}");
	multiline_finish(&m);
	wrote("{ \"log\" : \"E Error: 1\\n\\tat 1\" , \"_src\":{\"end\": 123 "
	      ",\"id\":\"q\",\"gen\":0,\"file\":\"f\"}, \"time\":\"a\"}\n",
	    "members in any order");
	end();

	begin("java", NULL);
	m.key = STR("message");
	feed("{\"log\":\"x\",\"message\":\"E Error: 1\"}");
	feed("{\"log\":\"x\",\"message\":\"\\tat 1\"}");
	feed("{\"log\":\"y\",\"message\":\"\\tat 2\"}");
	multiline_finish(&m);
	wrote("{\"log\":\"x\",\"message\":\"E Error: 1\\n\\tat "
	      "1\"}\n{\"log\":\"y\",\"message\":\"\\tat 2\"}\n",
	    "another key");
	m.key = STR("time");
	feed("{\"time\":\"E Error: 1\"}");
	feed("{\"time\":\"\\tat 1\"}");
	wrote("{\"time\":\"E Error: 1\"}\n{\"time\":\"\\tat 1\"}\n",
	    "the time is no message");
	end();
}

static void
read_conf(struct conf *c, const char *suffix, const char *text)
{
	char path[] = "/tmp/multiline-XXXXXX.conf\0";
	struct err e;
	int fd;

	memcpy(path + sizeof path - 7, suffix, 5);
	fd = mkstemps(path, 5);
	conf_init(c);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    conf_read(c, path, &e) < 0) {
		printf("Bail out! %s\n", e.text);
		exit(1);
	}
	close(fd);
	unlink(path);
}

static void
test_conf(void)
{
	static const char *const same[][2] = {
		{ ".conf", "[MULTILINE_PARSER]\n"
			   "    name          dated\n"
			   "    type          regex\n"
			   "    flush_timeout 1500\n"
			   "    # comment\n"
			   "    rule      \"start_state\"   \"/^\\d{4}-\\d+ (?<x>.*)$/\" "
			   " \"cont\"\n"
			   "    rule      \"cont, more\"    \"/^[^0-9]/\"           "
			   "\"more\"\n" },
		{ ".yaml", "multiline_parsers:\n"
			   "  - name: dated\n"
			   "    type: regex\n"
			   "    flush_timeout: 1500\n"
			   "    rules:\n"
			   "      - state: start_state\n"
			   "        regex: '/^\\d{4}-\\d+ (?<x>.*)$/'\n"
			   "        next_state: cont\n"
			   "      - state: cont, more\n"
			   "        regex: '/^[^0-9]/'\n"
			   "        next_state: more\n" },
	};
	struct conf c;

	for (size_t i = 0; i < 2; i++) {
		read_conf(&c, same[i][0], same[i][1]);
		begin("java,dated", &c);
		ok(m.n == 2 && m.rules[1]->flush_ns == 1500000000, "%s", same[i][0]);
		feed("{\"log\":\"zero\"}");
		feed("{\"log\":\"2026-11 one\"}");
		feed("{\"log\":\"two\"}");
		feed("{\"log\":\"three \xff\"}");
		feed("{\"log\":\"4\"}");
		wrote("{\"log\":\"zero\"}\n{\"log\":\"2026-11 one\\ntwo\\nthree "
		      "\xff\"}\n{\"log\":\"4\"}\n",
		    "rules of a file");
		end();
		conf_done(&c);
	}

	read_conf(&c, ".conf",
	    "[MULTILINE_PARSER]\n name bs\n type endswith\n match_string \\\\\n negate "
	    "true\n"
	    "[MULTILINE_PARSER]\n name eq\n type equal\n key_content log\n key_pattern "
	    "p\n"
	    " match_string F\n key_group stream\n");
	begin("bs", &c);
	feed("{\"log\":\"a \\\\\"}");
	feed("{\"log\":\"b \\\\\"}");
	feed("{\"log\":\"c\"}");
	feed("{\"log\":\"d\"}");
	wrote(
	    "{\"log\":\"a \\\\\\nb \\\\\\nc\"}\n{\"log\":\"d\"}\n", "endswith, negated");
	end();
	begin("eq", &c);
	feed("{\"p\":\"P\",\"log\":\"a\"}");
	feed("{\"p\":\"P\",\"log\":\"b\"}");
	feed("{\"p\":\"F\",\"log\":\"c\"}");
	feed("{\"p\":\"F\",\"log\":\"d\"}");
	wrote("{\"p\":\"P\",\"log\":\"abc\"}\n{\"p\":\"F\",\"log\":\"d\"}\n",
	    "equal, another key");
	end();
	conf_done(&c);
}

static void
test_refused(void)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ "rule \"start_state\" \"/(/\" \"x\"", ":3: rule: " },
		{ "rule \"start_state\" \"//\" \"x\"", ":3: rule: " },
		{ "rule \"start_state\"", ":3: rule: a state, a pattern" },
		{ "rule \"begin\" \"/a/\" \"x\"", "no rule of start_state" },
		{ "rule \"\" \"/a/\" \"x\"", "the name of a state" },
		{ "type perhaps", ":3: type: perhaps: not regex" },
		{ "negate perhaps", ":3: negate: perhaps" },
		{ "negate yes", "negate: goes with" },
		{ "type endswith", "match_string: is missing" },
		{ "match_string x", "match_string: goes with" },
		{ "parser json", ":3: parser: lines are joined before" },
		{ "key_group pod", ":3: key_group: pod" },
		{ "flush_timeout soon", ":3: flush_timeout: soon" },
		{ "flush_timeuot 5",
		    ":3: flush_timeuot: no such key; did you mean flush_timeout?" },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct multiline mm;
		struct conf c;
		struct err e = { .text = "" };
		char text[300];

		snprintf(
		    text, sizeof text, "[MULTILINE_PARSER]\n name x\n %s\n", t[i].text);
		read_conf(&c, ".conf", text);
		multiline_init(&mm);
		ok(multiline_use(&mm, "x", &c, &e) < 0 && e.status == ST_USAGE &&
			strstr(e.text, t[i].why) != NULL,
		    "%s: %s", t[i].text, e.text);
		ok(multiline_use(&mm, "java", &c, &e) == 0,
		    "rules that are not used do no harm");
		multiline_done(&mm);
		conf_done(&c);
	}
	for (const char *const *n =
		 (const char *const[]){ "", "java,", "docker", "nope", NULL };
	     *n != NULL; n++) {
		struct multiline mm;
		struct err e = { .text = "" };

		multiline_init(&mm);
		ok(multiline_use(&mm, *n, NULL, &e) < 0 && e.status == ST_USAGE, "%s",
		    e.text);
		ok(multiline_limits(&mm, 0, 1, &e) < 0 &&
			multiline_limits(&mm, 1, 5 << 20, &e) < 0,
		    "limits");
		multiline_done(&mm);
	}
}

/* A pattern that explodes does not fit, soon. */
static void
test_explosion(void)
{
	struct conf c;

	read_conf(&c, ".conf",
	    "[MULTILINE_PARSER]\n name x\n type regex\n rule \"start_state\" "
	    "\"/^(a+)+$/\" \"y\"\n rule \"y\" \"/^b/\" \"y\"\n");
	begin("x", &c);
	feed("{\"log\":"
	     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"
	     "\"}");
	wrote("{\"log\":"
	      "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"
	      "\"}\n",
	    "explodes");
	ok(m.counts.given_up == 1, "and is counted");
	end();
	conf_done(&c);
}

int
main(void)
{
	test_conf();
	test_refused();
	test_explosion();
	test_languages();
	test_samples();
	test_positions();
	test_end_of_input();
	test_waiting();
	test_limits();
	test_room();
	test_odd_records();
	return unit_end();
}
