/* The stream between the programs: lines in over pipes and files, whole records out. */
#include "record/ndjson.h"
#include "base/err.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define J(literal)                                                                       \
	{                                                                                \
		literal, sizeof(literal) - 1                                             \
	}
#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint64_t rng = 20261122;

static unsigned
rnd(unsigned below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)(rng >> 20) % below;
}

/* The bytes behind a descriptor: a file, or a pipe whose writer writes `step` at a time.
 */
static int
source(struct str bytes, bool pipe_wanted, size_t step)
{
	int fd[2];

	if (!pipe_wanted) {
		int f = memfd_create("in", MFD_CLOEXEC);

		for (size_t at = 0; at < bytes.n;) {
			ssize_t w = write(f, bytes.p + at, bytes.n - at);

			if (w <= 0)
				return -1;
			at += (size_t)w;
		}
		lseek(f, 0, SEEK_SET);
		return f;
	}
	if (pipe(fd) != 0)
		return -1;
	fflush(stdout);
	if (fork() == 0) {
		close(fd[0]);
		for (size_t at = 0; at < bytes.n;) {
			size_t n = bytes.n - at < step ? bytes.n - at : step;
			ssize_t w = write(fd[1], bytes.p + at, n);

			if (w <= 0)
				break;
			at += (size_t)w;
		}
		_exit(0);
	}
	close(fd[1]);
	return fd[0];
}

static void
source_end(int fd)
{
	close(fd);
	while (wait(NULL) > 0)
		;
}

/* What came, as one text: each line as its kind (L, T, P), its bytes and '|'. */
static size_t
read_lines(struct str bytes, bool pipe_wanted, size_t step, char *out, size_t room)
{
	static const char kinds[] = "-LTP";
	struct ndjson_in in;
	struct str line;
	struct err e;
	size_t n = 0;
	int got = -1, fd = source(bytes, pipe_wanted, step);

	if (fd < 0 || ndjson_in_init(&in, NULL, &e) < 0)
		return 0;
	ndjson_in_open(&in, fd, "in");
	while ((got = ndjson_next(&in, &line, &e)) > 0 && n + line.n + 2 < room) {
		out[n++] = kinds[got];
		memcpy(out + n, line.p, line.n);
		n += line.n;
		out[n++] = '|';
	}
	if (got != NDJSON_EOF || in.bytes != bytes.n || in.pipe != pipe_wanted ||
	    ndjson_next(&in, &line, &e) != NDJSON_EOF)
		out[n++] = '!';
	ndjson_in_done(&in);
	source_end(fd);
	return n;
}

static void
test_lines(void)
{
	static const struct {
		const char *what;
		struct str in, want;
	} cases[] = {
		{ "nothing", J(""), J("") },
		{ "one line", J("{}\n"), J("L{}|") },
		{ "a last line without LF", J("{}\n{\"a\""), J("L{}|T{\"a\"|") },
		{ "only a line without LF", J("{}"), J("T{}|") },
		{ "CRLF", J("a\r\nb\r\n\r\nc\r"), J("La|Lb|Tc|") },
		{ "CR inside stays", J("a\rb\n\r\r\n"), J("La\rb|") },
		{ "blank lines", J("\n\na\n\n\nb\n\n"), J("La|Lb|") },
		{ "blank lines of blanks", J(" \n\t \na\n  \t\r\nb\n \t"), J("La|Lb|") },
		{ "blanks around a line stay", J("x\n  a \n\tb\t\n"),
		    J("Lx|L  a |L\tb\t|") },
		{ "a BOM", J("\xef\xbb\xbf{}\n"), J("L{}|") },
		{ "a BOM alone", J("\xef\xbb\xbf"), J("") },
		{ "a BOM and CRLF", J("\xef\xbb\xbf\r\n{}\r\n"), J("L{}|") },
		{ "a BOM, no LF", J("\xef\xbb\xbf{}"), J("T{}|") },
		{ "a BOM later is no BOM", J("a\n\xef\xbb\xbf{}\n"),
		    J("La|L\xef\xbb\xbf{}|") },
		{ "half a BOM", J("\xef\xbb{}\n"), J("L\xef\xbb{}|") },
		{ "a BOM after a blank line is none", J("\n\xef\xbb\xbf{}\n"),
		    J("L\xef\xbb\xbf{}|") },
		{ "NUL and other bytes", J("a\0b\n\x01\n\xff\n"),
		    J("La\0b|L\x01|L\xff|") },
	};
	static const size_t steps[] = { 1, 2, 3, 100 };
	char out[200];

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned wrong = 0;

		for (size_t k = 0; k <= COUNT(steps); k++) {
			size_t n = read_lines(cases[i].in, k < COUNT(steps),
			    k < COUNT(steps) ? steps[k] : 0, out, sizeof out);

			if (!str_eq((struct str){ out, n }, cases[i].want)) {
				printf("# %.*s\n", (int)n, out);
				wrong++;
			}
		}
		ok(wrong == 0, "%s", cases[i].what);
	}
}

/* Lines of many lengths, so that they fall over the borders of blocks in every way. */
static void
test_borders(void)
{
	enum { LINES = 3000 };
	size_t room = 8 << 20, n = 0, m = 0, got[3];
	char *in = malloc(room), *want = malloc(room), *out = malloc(room);

	for (int i = 0; i < LINES; i++) {
		size_t len =
		    i % 500 == 499 ? NDJSON_BLOCK + rnd(NDJSON_BLOCK) : 1 + rnd(1200);

		want[m++] = 'L';
		for (size_t k = 0; k < len; k++)
			want[m++] = in[n++] = (char)('a' + rnd(26));
		want[m++] = '|';
		in[n++] = '\n';
	}
	got[0] = read_lines((struct str){ in, n }, false, 0, out, room);
	ok(got[0] == m && memcmp(out, want, m) == 0, "file: %d lines in %zu bytes", LINES,
	    n);
	got[1] = read_lines((struct str){ in, n }, true, 65536, out, room);
	ok(got[1] == m && memcmp(out, want, m) == 0, "pipe: the same");
	got[2] = read_lines((struct str){ in, n }, true, 777, out, room);
	ok(got[2] == m && memcmp(out, want, m) == 0, "pipe, in small pieces: the same");
	free(in);
	free(want);
	free(out);
}

/* A line over the longest comes in pieces that make it up, and the next is a line again.
 */
static void
long_line(size_t len, const char *unit, const char *end, bool pipe_wanted, bool whole)
{
	static const char after[] = "{\"a\":1}\n";
	size_t u = strlen(unit), n = 0, at = 0, longest = 0, lines = 0, cut = 0;
	char *p = malloc(len + 20);
	struct ndjson_in in;
	struct str line;
	struct err e;
	bool same = true, pieces = false;
	int got, fd;

	while (n + u <= len) {
		memcpy(p + n, unit, u);
		n += u;
	}
	len = n;
	memcpy(p + n, end, strlen(end));
	n += strlen(end);
	if (*end != '\0') {
		memcpy(p + n, after, strlen(after));
		n += strlen(after);
	}
	fd = source((struct str){ p, n }, pipe_wanted, 1 << 20);
	ndjson_in_init(&in, NULL, &e);
	ndjson_in_open(&in, fd, "in");
	while ((got = ndjson_next(&in, &line, &e)) > 0 && at < len) {
		same =
		    same && line.n <= len - at + 1 && memcmp(line.p, p + at, line.n) == 0;
		at += line.n;
		pieces = pieces || got == NDJSON_PIECE;
		longest = line.n > longest ? line.n : longest;
		cut += ((unsigned char)line.p[0] & 0xc0) == 0x80;
		lines++;
	}
	if (*end != '\0')
		same = same && got == NDJSON_LINE && str_eq(line, STR("{\"a\":1}"));
	ok(same && at >= len && longest <= NDJSON_LINE_MAX && pieces == !whole &&
		cut == 0,
	    "%s: %zu bytes of %s come %s (%zu)", pipe_wanted ? "pipe" : "file", len, unit,
	    whole ? "whole" : "in pieces", lines);
	ndjson_in_done(&in);
	source_end(fd);
	free(p);
}

static void
test_long(void)
{
	for (int piped = 0; piped < 2; piped++) {
		long_line(NDJSON_LINE_MAX - 1, "x", "\n", piped, true);
		long_line(NDJSON_LINE_MAX, "x", "\n", piped, true);
		long_line(NDJSON_LINE_MAX, "x", "", piped, true);
		long_line(NDJSON_LINE_MAX + 1, "x", "\n", piped, false);
		long_line(NDJSON_LINE_MAX + 1, "x", "", piped, false);
		long_line(2 * NDJSON_LINE_MAX, "x", "\n", piped, false);
		long_line(2 * NDJSON_LINE_MAX + 1, "x", "\n", piped, false);
		long_line(40 << 20, "\xe2\x82\xac", "\r\n", piped, false);
		long_line(20 << 20, "\xf0\x9f\x98\x80", "\n", piped, false);
		long_line(20 << 20, "\xf0\x9f\x98\x80", "", piped, false);
	}
}

static void
test_files_in_turn(void)
{
	struct ndjson_in in;
	struct str line;
	struct err e;
	int a = source((struct str)J("\xef\xbb\xbf"
				     "a\ntorn"),
		false, 0),
	    b;
	unsigned lines = 0;

	b = source((struct str)J("\xef\xbb\xbf"
				 "b\n"),
	    false, 0);
	ndjson_in_init(&in, NULL, &e);
	ndjson_in_open(&in, a, "a");
	while (ndjson_next(&in, &line, &e) > 0)
		lines++;
	ndjson_in_open(&in, b, "b");
	ok(lines == 2 && ndjson_next(&in, &line, &e) == NDJSON_LINE &&
		str_eq(line, STR("b")),
	    "each file begins anew, with its own BOM");
	ndjson_in_open(&in, -1, "gone");
	ok(ndjson_next(&in, &line, &e) == -1 && e.status == ST_FAIL &&
		strncmp(e.text, "gone: ", 6) == 0,
	    "an unreadable input is told by name");
	ndjson_in_done(&in);
	close(a);
	close(b);
}

/* A line may be handed to code that reads 64 bytes behind it. */
static void
test_slack(void)
{
	struct ndjson_in in;
	struct str line;
	struct err e;
	volatile unsigned sum = 0;
	size_t n = NDJSON_BLOCK;
	char *p = malloc(n);
	int fd;

	memset(p, 'x', n);
	p[n - 1] = '\n';
	fd = source((struct str){ p, n }, false, 0);
	ndjson_in_init(&in, NULL, &e);
	ndjson_in_open(&in, fd, "in");
	if (ok(ndjson_next(&in, &line, &e) == NDJSON_LINE && line.n == n - 1,
		"a line of a block"))
		for (size_t i = 0; i < 64; i++)
			sum = sum + (unsigned char)line.p[line.n + i];
	ndjson_in_done(&in);
	close(fd);
	free(p);
}

static size_t
drain(int fd, char *to, size_t room)
{
	ssize_t r = read(fd, to, room);

	return r < 0 ? 0 : (size_t)r;
}

static void
test_out(void)
{
	enum { RECORD = 1000, RECORDS = 1000 };
	static char rec[RECORD], got[1 << 20];
	struct ndjson_out o;
	struct err e;
	int fd[2];
	size_t total = 0, n;
	unsigned ragged = 0, hands = 0;

	memset(rec, 'r', sizeof rec);
	rec[RECORD - 1] = '\n';
	if (!ok(pipe2(fd, O_NONBLOCK) == 0 && ndjson_out_init(&o, fd[1], "out", &e) == 0,
		"a pipe"))
		return;
	for (int i = 0; i < RECORDS; i++) {
		ndjson_add(&o, rec, sizeof rec);
		ndjson_end(&o, &e);
		if ((n = drain(fd[0], got, sizeof got)) > 0) {
			ragged += n % RECORD != 0 || got[n - 1] != '\n';
			total += n;
			hands++;
		}
	}
	ndjson_flush(&o, &e);
	total += drain(fd[0], got, sizeof got);
	ok(ragged == 0 && total == (size_t)RECORD * RECORDS && o.bytes == total &&
		hands < 10,
	    "whole records are handed over, %u times", hands + 1);

	o.n = 0;
	ndjson_u64(&o, 0);
	NDJSON_LIT(&o, " ");
	ndjson_u64(&o, UINT64_MAX);
	ok(o.n == 22 && memcmp(o.buf, "0 18446744073709551615", 22) == 0, "numbers");
	o.n = 0;

	close(fd[0]);
	ndjson_add(&o, rec, sizeof rec);
	ok(ndjson_flush(&o, &e) == -1 && strcmp(e.text, "out: Broken pipe") == 0,
	    "a closed pipe is told");
	ndjson_out_done(&o);
	close(fd[1]);
}

/* The longest line of the worst bytes still fits when escaped; something absurd does not.
 */
static void
test_ceiling(void)
{
	struct ndjson_out o;
	struct err e;
	uint64_t replaced = 0;
	char *p = calloc(1, NDJSON_LINE_MAX);
	int fd = memfd_create("out", MFD_CLOEXEC);
	size_t whole = (size_t)6 * NDJSON_LINE_MAX;

	ndjson_out_init(&o, fd, "out", &e);
	ndjson_text(&o, p, NDJSON_LINE_MAX, &replaced);
	ok(ndjson_end(&o, &e) == 0 && lseek(fd, 0, SEEK_END) == (off_t)whole,
	    "a longest line of NULs, escaped");
	for (int i = 0; i < 3; i++)
		ndjson_text(&o, p, NDJSON_LINE_MAX, &replaced);
	ndjson_add(&o, "x", 1);
	ok(o.failed && ndjson_end(&o, &e) == -1 && ndjson_flush(&o, &e) == -1 &&
		lseek(fd, 0, SEEK_END) == (off_t)whole,
	    "past the ceiling it fails, stays failed and writes nothing");
	ndjson_out_done(&o);
	close(fd);
	free(p);
}

/* What is written goes out before a read that would wait. */
static void
test_no_lag(void)
{
	struct ndjson_in in;
	struct ndjson_out o;
	struct str line;
	struct err e;
	int a[2], b[2];
	char got[10];

	if (pipe(a) != 0 || pipe2(b, O_NONBLOCK) != 0)
		return;
	ndjson_out_init(&o, b[1], "out", &e);
	ndjson_in_init(&in, &o, &e);
	ndjson_in_open(&in, a[0], "in");
	ok(write(a[1], "a\n", 2) == 2 && ndjson_next(&in, &line, &e) == NDJSON_LINE,
	    "a line comes");
	NDJSON_LIT(&o, "A\n");
	ndjson_end(&o, &e);
	ok(drain(b[0], got, sizeof got) == 0,
	    "its answer is held while there may be more");
	fflush(stdout);
	if (fork() == 0) { /* the second line comes only once the answer has been seen */
		for (int i = 0; i < 5000 && drain(b[0], got, sizeof got) != 2; i++)
			usleep(1000);
		_exit(write(a[1], "b\n", 2) != 2);
	}
	close(a[1]);
	ok(ndjson_next(&in, &line, &e) == NDJSON_LINE && str_eq(line, STR("b")) &&
		o.bytes == 2,
	    "the answer went out before the wait");
	while (wait(NULL) > 0)
		;
	ndjson_in_done(&in);
	ndjson_out_done(&o);
	close(a[0]);
	close(b[0]);
	close(b[1]);
}

/* A neighbour in the pipe may have made our end non-blocking (it is shared). */
static void
test_nonblocking(void)
{
	struct ndjson_in in;
	struct str line;
	struct err e;
	int a[2];

	if (pipe2(a, O_NONBLOCK) != 0)
		return;
	ndjson_in_init(&in, NULL, &e);
	ndjson_in_open(&in, a[0], "in");
	fflush(stdout);
	if (fork() == 0) {
		usleep(20000);
		_exit(write(a[1], "a\n", 2) != 2);
	}
	close(a[1]);
	ok(ndjson_next(&in, &line, &e) == NDJSON_LINE,
	    "a non-blocking pipe is waited for");
	while (wait(NULL) > 0)
		;
	ndjson_in_done(&in);
	close(a[0]);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_lines();
	test_borders();
	test_long();
	test_files_in_turn();
	test_slack();
	test_out();
	test_ceiling();
	test_no_lag();
	test_nonblocking();
	return unit_end();
}
