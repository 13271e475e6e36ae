/* How objects are cut and what goes with them: parts, tags, checksums, and the crew. */
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "s3/advice.h"
#include "s3/attributes.h"
#include "s3/checksum.h"
#include "s3/crew.h"
#include "s3/multipart.h"
#include "s3/pipe.h"
#include "s3/sums.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static void
test_cuts(void)
{
	static const struct {
		uint64_t asked, bytes, part;
	} cases[] = {
		{ 0, 0, 0 },
		{ 0, 5 * GIB, 0 },
		{ 0, 5 * GIB + 1, 64 * MIB },
		{ 0, 640000 * MIB - 1, 64 * MIB },
		{ 5 * MIB, 5 * MIB, 0 },
		{ 5 * MIB, 5 * MIB + 1, 5 * MIB },
		{ 5 * MIB, 50000 * MIB + 1, 6 * MIB },
		{ 0, MULTIPART_OBJECT_MAX, 525 * MIB },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t part = multipart_part_bytes(cases[i].asked, cases[i].bytes);

		ok(part == cases[i].part,
		    "%" PRIu64 " asked, %" PRIu64 " bytes: %" PRIu64, cases[i].asked,
		    cases[i].bytes, part);
		if (part != 0)
			ok((cases[i].bytes + part - 1) / part <= MULTIPART_PARTS_MAX,
			    "not too many parts");
	}
}

static void
test_tags(void)
{
	struct buf b;
	struct err e;
	unsigned n = 0;

	buf_init(&b, 4096);
	ok(attributes_tag(&b, "a b=c+d", &n, &e) == 0 &&
		attributes_tag(&b, "k=", &n, &e) == 0 &&
		attributes_tag(&b, "x=y=z&", &n, &e) == 0,
	    "three tags");
	ok(strcmp(b.p, "a%20b=c%2Bd&k=&x=y%3Dz%26") == 0 && n == 3, "%s", b.p);
	ok(attributes_tag(&b, "none", &n, &e) < 0 && e.status == ST_USAGE, "%s", e.text);
	while (n < TAGS_MAX)
		(void)attributes_tag(&b, "k=v", &n, &e);
	ok(attributes_tag(&b, "k=v", &n, &e) < 0, "%s", e.text);
	buf_done(&b);
}

static void
test_checksums(void)
{
	/* RFC 3720, B.4 */
	uint8_t zeros[32] = { 0 }, up[32];
	struct s3_body b = { .fd = -1,
		.memory = "123456789",
		.bytes = 9,
		.sha256 =
		    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225" };
	char text[CHECKSUM_TEXT];
	struct err e;

	for (unsigned i = 0; i < 32; i++)
		up[i] = (uint8_t)i;
	ok(checksum_crc32c(0, zeros, 32) == 0x8a9136aa, "32 zeros");
	ok(checksum_crc32c(0, up, 32) == 0x46dd794e, "0 to 31");
	ok(checksum_crc32c(checksum_crc32c(0, up, 7), up + 7, 25) == 0x46dd794e,
	    "in two pieces");
	ok(checksum_of(CHECKSUM_CRC32C, &b, text, &e) == 0 &&
		strcmp(text, "4waSgw==") == 0,
	    "CRC-32C %s", text);
	ok(checksum_of(CHECKSUM_MD5, &b, text, &e) == 0 &&
		strcmp(text, "JfnnlDI7RTiF9RgfG2JNCw==") == 0,
	    "MD5 %s", text);
	ok(checksum_of(CHECKSUM_SHA256, &b, text, &e) == 0 &&
		strcmp(text, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=") == 0,
	    "SHA-256 %s", text);
	b.fd = open("/dev/null", O_RDONLY);
	ok(checksum_of(CHECKSUM_MD5, &b, text, &e) < 0, "%s", e.text);
	close(b.fd);
}

/* Jobs are numbers; the odd ones take longer. */
static void
work(void *user, unsigned mine, void *job)
{
	int *n = job;
	struct timespec t = { 0, *n % 2 ? 3000000 : 0 };

	(void)user, (void)mine;
	nanosleep(&t, NULL);
	*n += 1000;
}

static void
test_crew(void)
{
	enum { N = 200 };
	struct err e;
	struct crew *c = crew_new(4, 16, work, NULL, &e);
	static int job[N];
	int added = 0, taken = 0, *p;
	bool good = c != NULL;

	while (good && taken < N) {
		while (added < N && !crew_full(c)) {
			job[added] = added;
			crew_add(c, &job[added++]);
		}
		crew_heard(c);
		while ((p = crew_take(c)) != NULL)
			good &=
			    p == &job[taken] && *p == 1000 + taken && ++taken <= added;
		if (taken < N && crew_jobs(c) > 0) {
			struct pollfd pf = { crew_ready_fd(c), POLLIN, 0 };

			good &= poll(&pf, 1, 10000) == 1;
		}
	}
	ok(good && crew_jobs(c) == 0 && crew_take(c) == NULL, "%d jobs in order", taken);
	crew_free(c);
}

static void
test_pipe(void)
{
	char part[8], hex[65], whole[65];
	const char *memory;
	uint64_t n, total;
	struct pipe *p;
	struct err e;
	size_t got;
	int fd[2];

	ok(pipe(fd) == 0 && write(fd[1], "abcdefghijklmnopqrs", 19) == 19, "a pipe");
	close(fd[1]);
	p = pipe_new(fd[0], "p", 8, NULL, &e);
	ok(pipe_first(p, &memory, &n, hex, &e) == 0, "more than a part");
	ok(pipe_part(p, part, &got, hex, &e) == 1 && got == 8 &&
		memcmp(part, "abcd", 4) == 0,
	    "the first");
	ok(pipe_part(p, part, &got, hex, &e) == 1 && got == 8, "the second");
	ok(pipe_at_end(p, &e) < 0, "%s", e.text);
	ok(pipe_part(p, part, &got, hex, &e) == 1 && got == 2,
	    "the rest, less what was looked at");
	ok(pipe_part(p, part, &got, hex, &e) == 0, "the end");
	pipe_sum(p, &total, whole);
	ok(total == 18, "%" PRIu64 " bytes", total);
	pipe_free(p);
	close(fd[0]);
}

/* Gives the hashes of three parts; `why`: they are wrong after all. */
struct giving {
	struct sums *s;
	const struct err *why;
	bool good;
};

static void *
give(void *arg)
{
	struct giving *g = arg;
	uint8_t digest[32] = { 0 };

	g->good = true;
	for (uint8_t i = 1; i <= 3; i++) {
		digest[31] = i;
		g->good &= sums_add(g->s, digest) == 0;
	}
	g->good &= sums_add(g->s, digest) < 0; /* one too many */
	sums_end(g->s, g->why);
	return NULL;
}

static void
test_sums(void)
{
	struct err why, e = { 0 };
	struct giving good = { .s = sums_new(3) },
		      bad = { .s = sums_new(3), .why = &why };
	char hex[65];
	pthread_t t;

	err_set(&why, ST_FAIL, "another hash");
	ok(pthread_create(&t, NULL, give, &good) == 0, "a thread");
	ok(sums_wait(good.s, 2, hex, &e) == 0 && hex[63] == '3', "the last: %s", hex);
	ok(sums_wait(good.s, 0, hex, &e) == 0 && hex[63] == '1', "the first: %s", hex);
	pthread_join(t, NULL);
	ok(good.good, "three are taken, and no fourth");
	ok(pthread_create(&t, NULL, give, &bad) == 0, "a thread");
	ok(sums_wait(bad.s, 2, hex, &e) < 0 && strcmp(e.text, "another hash") == 0,
	    "the last of another file: %s", e.text);
	pthread_join(t, NULL);
	sums_free(good.s);
	sums_free(bad.s);
	good.s = sums_new(3);
	sums_unwanted(good.s);
	ok(sums_add(good.s, (const uint8_t[32]){ 0 }) < 0, "nobody wants it");
	sums_end(good.s, NULL);
	ok(sums_wait(good.s, 0, hex, &e) < 0, "%s", e.text);
	sums_free(good.s);
}

static void
test_watch(void)
{
	static const char text[] = "123456789";
	struct body_watch w = { .hash = sha256_new() };
	struct s3_body b = { .fd = -1,
		.memory = text,
		.bytes = 9,
		.sha256 =
		    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
		.watch = &w };
	struct err e = { 0 };

	ok(checksum_watch(&b, 0, text, 4, &e) == 0 && !w.whole, "half of it");
	ok(checksum_watch(&b, 0, text, 4, &e) == 0 &&
		checksum_watch(&b, 4, text + 4, 5, &e) == 0 && w.whole,
	    "sent once more, and to its end");
	ok(checksum_watch(&b, 0, text + 1, 4, &e) == 0 &&
		checksum_watch(&b, 4, text + 4, 5, &e) < 0 &&
		strcmp(w.sha256, b.sha256) != 0,
	    "%s", e.text);
	sha256_free(w.hash);
}

int
main(void)
{
	test_cuts();
	test_tags();
	test_checksums();
	test_crew();
	test_pipe();
	test_sums();
	test_watch();
	ok(advice_on("s3://b/k: 403 AccessDenied") != NULL && advice_on("x") == NULL,
	    "advice where there is some");
	return unit_end();
}
