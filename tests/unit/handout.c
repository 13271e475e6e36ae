/* lib/record/handout, by way of ndjson_out: what a pipe was lent stays as it was, however long
 * somebody holds it. */
#include "base/err.h"
#include "record/ndjson.h"
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOTAL = 40 << 20, LONGEST = 3 << 20 };

/* Byte `at` of the stream: no two pages of it are alike. */
static char
byte_at(size_t at)
{
	return (char)('!' + (at * 2654435761U >> 13 ^ at >> 12) % 90);
}

/* How long the k-th record is: mostly some hundred bytes, now and then longer than a block
 * or than a page. */
static size_t
length(unsigned k)
{
	if (k % 20011 == 20010)
		return LONGEST;
	if (k % 5003 == 5002)
		return 400 << 10;
	return 100 + k * 7919 % 900;
}

static void
put_stream(int fd)
{
	struct ndjson_out o;
	struct err e;
	size_t at = 0;

	if (ndjson_out_init(&o, fd, "pipe", &e) < 0)
		_exit(1);
	for (unsigned k = 0; at < TOTAL; k++) {
		size_t n = length(k);
		char *to = ndjson_room(&o, n);

		if (to == NULL)
			_exit(2);
		for (size_t i = 0; i < n; i++)
			to[i] = byte_at(at + i);
		o.n += n;
		at += n;
		if (ndjson_end(&o, &e) < 0 || (k % 9001 == 0 && ndjson_flush(&o, &e) < 0))
			_exit(3);
	}
	_exit(ndjson_flush(&o, &e) < 0 ? 4 : o.page.page != NULL ? 0 : 5);
}

/* Moves pages from pipe to pipe and holds them there, as pv(1) or a proxy may. */
static void
forward(int in, int out)
{
	ssize_t n;

	while ((n = splice(in, NULL, out, NULL, 1 << 20, 0)) > 0)
		;
	_exit(n < 0);
}

int
main(void)
{
	int a[2], b[2], writer, forwarder, status = 0;
	static char buf[8192];
	size_t at = 0, wrong = 0, want = 0;
	struct handout h;
	ssize_t n;
	pid_t w, f;

	if (!handout_open(&h)) {
		ok(true, "no huge pages here: nothing is lent");
		return unit_end();
	}
	handout_close(&h);
	for (unsigned k = 0; want < TOTAL; k++)
		want += length(k);
	if (!ok(pipe(a) == 0 && pipe(b) == 0, "pipes"))
		return unit_end();
	(void)fcntl(b[1], F_SETPIPE_SZ, 1 << 20);
	if ((w = fork()) == 0) {
		close(a[0]), close(b[0]), close(b[1]);
		put_stream(a[1]);
	}
	if ((f = fork()) == 0) {
		close(a[1]), close(b[0]);
		forward(a[0], b[1]);
	}
	close(a[0]), close(a[1]), close(b[1]);
	while ((n = read(b[0], buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++, at++)
			wrong += buf[i] != byte_at(at);
	ok(waitpid(w, &writer, 0) == w && waitpid(f, &forwarder, 0) == f && n == 0,
	    "all three ended");
	status = WIFEXITED(writer) ? WEXITSTATUS(writer) : -1;
	ok(status == 0 || status == 5, "the writer: %d", status);
	ok(forwarder == 0, "the forwarder");
	ok(at == want && wrong == 0, "%zu of %zu bytes came, %zu of them others", at,
	    want, wrong);
	if (status == 0)
		ok(true, "pages were lent");
	return unit_end();
}
