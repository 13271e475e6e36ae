/* The ground: buffers, units, files that survive, exit statuses, hashes. */
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "base/units.h"
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static char dir[] = "/tmp/logsweep-base.XXXXXX", path[200];

static const char *
in_dir(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void
test_buf(void)
{
	struct buf b;
	struct err e;
	char *taken;

	buf_init(&b, 10);
	buf_adds(&b, "hello");
	buf_addc(&b, ' ');
	buf_addstr(&b, STR("you!"));
	ok(b.n == 10 && strcmp(b.p, "hello you!") == 0 && buf_check(&b, "x", &e) == 0,
	    "buf: up to the ceiling");
	buf_addc(&b, 'x');
	ok(b.failed && b.n == 10 && strcmp(b.p, "hello you!") == 0,
	    "buf: not over it; what is there stays");
	b.n = 5;
	buf_adds(&b, "x");
	ok(b.failed && b.n == 5 && buf_room(&b, 0) == NULL &&
		buf_check(&b, "the list", &e) == -1 &&
		strcmp(e.text, "the list: larger than 10 bytes, or out of memory") == 0,
	    "buf: failure is sticky and told");
	ok(buf_take(&b) == NULL, "buf: nothing is taken from a failed one");
	buf_clear(&b);
	buf_add(&b, "a\0b", 3);
	buf_add(&b, NULL, 0);
	ok(!b.failed && b.n == 3 && memcmp(b.p, "a\0b", 4) == 0,
	    "buf: cleared, it works again");
	taken = buf_take(&b);
	ok(taken != NULL && memcmp(taken, "a\0b", 4) == 0 && b.p == NULL && b.n == 0,
	    "buf: taken");
	free(taken);
	taken = buf_take(&b);
	ok(taken != NULL && *taken == '\0', "buf: nothing, taken, is an empty text");
	free(taken);
	ok(buf_room(&b, 10) != NULL && b.n == 0 && b.p[0] == '\0',
	    "buf: room alone leaves a NUL at the end");
	ok(buf_room(&b, 11) == NULL && b.failed, "buf: room over the ceiling");
	buf_done(&b);

	buf_init(&b, SIZE_MAX);
	ok(buf_room(&b, SIZE_MAX) == NULL && b.failed, "buf: sizes that overflow");
	buf_clear(&b);
	ok(buf_room(&b, SIZE_MAX / 2 + 9) == NULL && b.failed,
	    "buf: sizes that almost do");
	buf_done(&b);

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%d,%s;", i % 10, "abc");
	ok(!b.failed && b.n == 60000 && strcmp(b.p + 59988, "8,abc;9,abc;") == 0 &&
		strlen(b.p) == b.n,
	    "buf: grows by printf");
	buf_done(&b);
}

static void
test_sizes(void)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = { { "0", 0 }, { "1", 1 }, { "1B", 1 }, { "1K", 1024 }, { "1k", 1024 },
		{ "64KiB", 65536 }, { "64kb", 65536 }, { "64Ki", 65536 },
		{ "128M", 134217728 }, { "2g", 2147483648 }, { "1T", 1099511627776 },
		{ "8388607T", UINT64_C(8388607) << 40 },
		{ "9223372036854775807", INT64_MAX }, { "007", 7 } };
	static const char *const bad[] = { "", "K", "-1", "+1", " 1", "1 ", "1 K", "1.5G",
		"1Q", "1KK", "1iB", "1KiBB", "0x10", "8388608T", "9223372036854775808",
		"18446744073709551616", "99999999999999999999999", "1e3", "M1" };
	struct err e;
	uint64_t v;
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(good); i++)
		wrong += units_size(good[i].text, &v, &e) != 0 || v != good[i].bytes;
	for (size_t i = 0; i < COUNT(bad); i++) {
		v = 77;
		wrong +=
		    units_size(bad[i], &v, &e) != -1 || e.status != ST_USAGE || v != 77;
	}
	ok(wrong == 0, "sizes: %zu good, %zu bad", COUNT(good), COUNT(bad));
}

static void
test_ages(void)
{
	const int64_t s = 1000000000;
	const struct {
		const char *text;
		int64_t ns;
	} good[] = { { "0", 0 }, { "30", 30 * s }, { "30s", 30 * s }, { "5m", 300 * s },
		{ "36h", 129600 * s }, { "7d", 604800 * s }, { "2w", 1209600 * s },
		{ "250ms", s / 4 }, { "1h30m", 5400 * s }, { "1d12h", 129600 * s },
		{ "1m1s500ms", 61 * s + s / 2 }, { "9223372036s", 9223372036 * s },
		{ "15250w", 15250 * (604800 * s) } };
	static const char *const bad[] = { "", "m", "-5m", "5 m", "5m ", "1.5h", "5M",
		"5x", "5mx", "1h30", "30m1h", "1h1h", "1s1m", "15251w", "9223372037s",
		"9223372036s855ms", "99999999999999999999s", "15250w2d", "5min", "1y" };
	struct err e;
	int64_t v;
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(good); i++)
		if (units_age(good[i].text, &v, &e) != 0 || v != good[i].ns) {
			printf("# %s\n", good[i].text);
			wrong++;
		}
	for (size_t i = 0; i < COUNT(bad); i++) {
		char all[64];

		v = 77;
		snprintf(all, sizeof all, "%s: not an age", bad[i]);
		if (units_age(bad[i], &v, &e) != -1 || e.status != ST_USAGE || v != 77 ||
		    strncmp(e.text, all, strlen(all)) != 0) {
			printf("# %s: %s\n", bad[i], e.text);
			wrong++;
		}
	}
	ok(wrong == 0, "ages: %zu good, %zu bad (told whole)", COUNT(good), COUNT(bad));
}

static void
test_counts(void)
{
	struct err e;
	uint64_t v = 77;

	ok(units_count("0", 9, &v, &e) == 0 && v == 0 &&
		units_count("9", 9, &v, &e) == 0 && v == 9 &&
		units_count("18446744073709551615", UINT64_MAX, &v, &e) == 0 &&
		v == UINT64_MAX,
	    "counts: up to the most");
	v = 77;
	ok(units_count("10", 9, &v, &e) == -1 && units_count("1x", 9, &v, &e) == -1 &&
		units_count("", 9, &v, &e) == -1 && units_count("-1", 9, &v, &e) == -1 &&
		units_count("18446744073709551616", UINT64_MAX, &v, &e) == -1 && v == 77,
	    "counts: bad ones leave the result alone");
}

/* Does the file hold just this text? */
static bool
holds(const char *file, const char *text)
{
	struct buf b;
	struct err e;
	bool same;

	buf_init(&b, 1 << 20);
	same = file_read(file, &b, &e) == 1 && b.n == strlen(text) &&
	       memcmp(b.p, text, b.n) == 0;
	buf_done(&b);
	return same;
}

static unsigned
entries(const char *d)
{
	DIR *at = opendir(d);
	unsigned n = 0;

	while (at != NULL && readdir(at) != NULL)
		n++;
	if (at != NULL)
		closedir(at);
	return n - 2;
}

static void
test_replace(void)
{
	static char big[100000];
	struct err e;
	int status = -1;

	ok(file_replace(in_dir("f"), "one", 3, &e) == 0 && holds(path, "one"),
	    "file_replace makes a file");
	ok(file_replace(in_dir("f"), "two!", 4, &e) == 0 && holds(path, "two!") &&
		entries(dir) == 1,
	    "and replaces it, leaving no temporary file");
	ok(file_replace(in_dir("f"), "", 0, &e) == 0 && holds(path, ""),
	    "with nothing, too");
	file_replace(in_dir("f"), "two!", 4, &e);
	ok(file_replace(in_dir("none/f"), "x", 1, &e) == -1 && e.status == ST_FAIL &&
		entries(dir) == 1,
	    "no such directory");
	ok(mkdir(in_dir("d"), 0700) == 0 && file_replace(path, "x", 1, &e) == -1 &&
		entries(dir) == 2,
	    "a directory stands there: told, no temporary file left");
	rmdir(in_dir("d"));

	memset(big, 'b', sizeof big);
	fflush(stdout);
	if (fork() == 0) { /* a full disk, as far as a write can tell */
		struct rlimit small = { 50000, 50000 };

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &small);
		_exit(file_replace(in_dir("f"), big, sizeof big, &e) == -1 &&
			      e.status == ST_FAIL
			  ? 0
			  : 1);
	}
	wait(&status);
	ok(status == 0 && holds(in_dir("f"), "two!") && entries(dir) == 1,
	    "a write that fails leaves the old file and no temporary one");

	chmod(dir, 0555);
	if (fork() == 0) {
		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(2);
		_exit(file_replace(in_dir("f"), "x", 1, &e) == -1 && e.status == ST_NOPERM
			  ? 0
			  : 1);
	}
	wait(&status);
	chmod(dir, 0700);
	ok(status == 0 && holds(in_dir("f"), "two!"),
	    "a directory that may not be written: ST_NOPERM");
	unlink(in_dir("f"));
}

static void
test_read(void)
{
	static char text[70001];
	struct buf b;
	struct err e;

	buf_init(&b, 100);
	ok(file_read(in_dir("none"), &b, &e) == 0, "file_read: no such file");
	ok(file_read(dir, &b, &e) == -1 && strstr(e.text, "Is a directory") != NULL,
	    "file_read: a directory");
	file_replace(in_dir("f"), "", 0, &e);
	ok(file_read(path, &b, &e) == 1 && b.n == 0 && b.p != NULL && b.p[0] == '\0',
	    "file_read: an empty file is an empty text");
	memset(text, 't', sizeof text - 1);
	file_replace(in_dir("f"), text, 60, &e);
	buf_adds(&b, "head");
	ok(file_read(path, &b, &e) == 1 && b.n == 64 && strncmp(b.p, "headttt", 7) == 0 &&
		b.p[64] == '\0',
	    "file_read appends, and a small ceiling is no hindrance");
	file_replace(in_dir("f"), text, 36, &e);
	ok(file_read(path, &b, &e) == 1 && b.n == 100,
	    "file_read: just up to the ceiling");
	file_replace(in_dir("f"), text, 1, &e);
	ok(file_read(path, &b, &e) == -1 && b.failed &&
		strstr(e.text, "larger than 100 bytes") != NULL,
	    "file_read: over the ceiling");
	buf_done(&b);
	buf_init(&b, 70000);
	file_replace(in_dir("f"), text, 70000, &e);
	ok(file_read(path, &b, &e) == 1 && b.n == 70000,
	    "file_read: several blocks, just up to the ceiling");
	buf_clear(&b);
	file_replace(in_dir("f"), text, 70001, &e);
	ok(file_read(path, &b, &e) == -1, "file_read: a byte more");
	buf_done(&b);
	unlink(in_dir("f"));
}

static void
test_dirs(void)
{
	struct err e;
	struct stat st;

	ok(dir_make(in_dir("a/b//c/"), true, &e) == 0 &&
		stat(in_dir("a/b/c"), &st) == 0 && S_ISDIR(st.st_mode),
	    "dir_make makes all of a path");
	ok(dir_make(in_dir("a/b/c"), false, &e) == 0 && dir_make("/", true, &e) == 0 &&
		dir_make("/tmp", true, &e) == 0 && dir_make(".", true, &e) == 0,
	    "dir_make of what is there");
	file_replace(in_dir("file"), "x", 1, &e);
	ok(dir_make(in_dir("file"), false, &e) == -1 &&
		strstr(e.text, "file: Not a directory") != NULL,
	    "dir_make where a file stands");
	ok(dir_make(in_dir("file/x"), false, &e) == -1, "dir_make under a file");
	ok(symlink("a", in_dir("link")) == 0 &&
		dir_make(in_dir("link/d"), false, &e) == 0 &&
		stat(in_dir("a/d"), &st) == 0,
	    "dir_make through a symlink");
	unlink(in_dir("link"));
	unlink(in_dir("file"));
	rmdir(in_dir("a/d"));
	rmdir(in_dir("a/b/c"));
	rmdir(in_dir("a/b"));
	rmdir(in_dir("a"));
}

/* Short reads and writes: a pipe that is slow, and one that will not wait. */
static void
test_pipes(void)
{
	static char data[300000], back[sizeof data + 10];
	struct err e;
	int fd[2], status = -1;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 7);
	if (!ok(pipe(fd) == 0, "a pipe"))
		return;
	fflush(stdout);
	if (fork() == 0) {
		fcntl(fd[1], F_SETFL, O_NONBLOCK);
		_exit(write_all(fd[1], data, sizeof data, "pipe", &e) == 0 ? 0 : 1);
	}
	close(fd[1]);
	usleep(20000);
	ok(read_full(fd[0], back, 5) == 5 &&
		read_full(fd[0], back + 5, sizeof back - 5) == sizeof data - 5 &&
		memcmp(back, data, sizeof data) == 0,
	    "write_all and read_full through a non-blocking pipe");
	wait(&status);
	ok(status == 0, "and the writer was content");
	close(fd[0]);
	ok(write_all(-1, "x", 1, "gone", &e) == -1 && strncmp(e.text, "gone: ", 6) == 0,
	    "a bad descriptor");
}

static void
test_errors(void)
{
	static const int order[][3] = { { ST_OK, ST_OK, ST_OK },
		{ ST_OK, ST_ASIDE, ST_ASIDE }, { ST_ASIDE, ST_OK, ST_ASIDE },
		{ ST_ASIDE, ST_FAIL, ST_FAIL }, { ST_FAIL, ST_ASIDE, ST_FAIL },
		{ ST_ASIDE, ST_LATER, ST_LATER }, { ST_NOPERM, ST_ASIDE, ST_NOPERM },
		{ ST_FAIL, ST_LATER, ST_FAIL }, { ST_LATER, ST_FAIL, ST_LATER },
		{ ST_OK, ST_USAGE, ST_USAGE } };
	struct err e;
	char *longer = malloc(5000);
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(order); i++)
		wrong += status_worse(order[i][0], order[i][1]) != order[i][2];
	ok(wrong == 0, "the worse of two statuses");
	memset(longer, 'x', 4999);
	longer[4999] = '\0';
	ok(err_set(&e, ST_LATER, "%s", longer) == -1 && e.status == ST_LATER &&
		strlen(e.text) == sizeof e.text - 1,
	    "a message too long is cut off");
	free(longer);
}

static void
test_hash(void)
{
	static const struct {
		const char *text, *hex;
	} cases[] = {
		{ "abc",
		    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "",
		    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	struct sha256 *h = sha256_new();
	uint8_t digest[32];
	char hex[65];
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		sha256_of(cases[i].text, strlen(cases[i].text), digest);
		hex_of(digest, 32, hex);
		wrong += strcmp(hex, cases[i].hex) != 0;
		for (const char *p = cases[i].text; *p != '\0'; p++)
			sha256_add(h, p, 1);
		sha256_end(h, digest); /* and the next round begins anew */
		hex_of(digest, 32, hex);
		wrong += strcmp(hex, cases[i].hex) != 0;
	}
	for (int i = 0; i < 1000; i++)
		for (int k = 0; k < 1000; k += 100)
			sha256_add(h,
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaaaaaaaaaaaaaa",
			    100);
	sha256_end(h, digest);
	hex_of(digest, 32, hex);
	wrong +=
	    strcmp(hex,
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0") != 0;
	sha256_free(h);
	sha256_free(NULL);
	ok(wrong == 0, "SHA-256: FIPS 180's examples, whole and by bytes");
	hex64(hash64("abc", 3), hex);
	ok(strcmp(hex, "ba7816bf8f01cfea") == 0, "hash64 is its first 64 bits");
	hex64(0, hex);
	ok(strcmp(hex, "0000000000000000") == 0, "hex64 keeps zeros");
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!ok(mkdtemp(dir) != NULL, "a directory"))
		return unit_end();
	test_buf();
	test_sizes();
	test_ages();
	test_counts();
	test_replace();
	test_read();
	test_dirs();
	test_pipes();
	test_errors();
	test_hash();
	ok(rmdir(dir) == 0, "nothing is left behind");
	return unit_end();
}
