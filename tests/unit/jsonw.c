/* jsonw: what it writes is JSON, means the same, and replaces what is not UTF-8 as the
 * Unicode standard advises ("substitution of maximal subparts"). */
#include "record/jsonw.h"
#include "base/buf.h"
#include "base/err.h"
#include "record/jscan.h"
#include "record/kernels.h"
#include "record/ndjson.h"
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

#define J(literal)                                                                       \
	{                                                                                \
		literal, sizeof(literal) - 1                                             \
	}
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BAD "\xef\xbf\xbd"

static uint64_t rng = 20261122;

static unsigned
rnd(unsigned below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)(rng >> 20) % below;
}

/* The escaped text between quotes, in memory of exactly the promised size. */
static struct str
quoted(const char *p, size_t n, uint64_t *replaced)
{
	char *to = malloc(JSONW_ROOM(n) + 2), *end;

	*to = '"';
	end = jsonw_text(to + 1, p, n, replaced);
	*end++ = '"';
	return (struct str){ to, (size_t)(end - to) };
}

static void
drop(struct str s)
{
	free((void *)(uintptr_t)s.p);
}

static bool
becomes(struct str in, struct str want, uint64_t want_replaced)
{
	uint64_t replaced = 0;
	struct str out = quoted(in.p, in.n, &replaced), inner = { out.p + 1, out.n - 2 };
	bool good =
	    str_eq(inner, want) && replaced == want_replaced && jscan_valid(out, NULL);

	if (!good)
		printf("# %s -> %.*s (%d)\n", in.p, (int)inner.n, inner.p, (int)replaced);
	drop(out);
	return good;
}

static void
test_table(void)
{
	static const struct {
		struct str in, out;
		unsigned replaced;
	} cases[] = {
		{ J(""), J(""), 0 },
		{ J("plain / text"), J("plain / text"), 0 },
		{ J("\"\\"), J("\\\"\\\\"), 0 },
		{ J("\b\f\n\r\t"), J("\\b\\f\\n\\r\\t"), 0 },
		{ J("\0\x01\x0b\x1b\x1f"), J("\\u0000\\u0001\\u000b\\u001b\\u001f"), 0 },
		{ J("\x7f"), J("\x7f"), 0 },
		{ J("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		    J("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 0 },
		{ J("\xe2\x80\xa8\xef\xbb\xbf"), J("\xe2\x80\xa8\xef\xbb\xbf"), 0 },
		{ J("\\u0041"), J("\\\\u0041"), 0 },
		/* the Unicode standard, chapter 3, tables 3-8 to 3-11 */
		{ J("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
		    J(BAD BAD BAD BAD BAD BAD BAD BAD "A"), 8 },
		{ J("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"),
		    J(BAD BAD BAD BAD BAD BAD BAD BAD "A"), 8 },
		{ J("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"),
		    J(BAD BAD BAD BAD BAD "A" BAD BAD "B"), 7 },
		{ J("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), J(BAD BAD BAD BAD "A"), 4 },
		/* its older example in 5.22 */
		{ J("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64"),
		    J("a" BAD BAD BAD "b" BAD "c" BAD BAD "d"), 6 },
		/* cut off at the end */
		{ J("\xc2"), J(BAD), 1 },
		{ J("\xe2\x82"), J(BAD), 1 },
		{ J("\xf0\x9f\x98"), J(BAD), 1 },
		{ J("\xf0"), J(BAD), 1 },
		{ J("\xf0\x9f\x98\n"), J(BAD "\\n"), 1 },
		{ J("\xe2\x82\""), J(BAD "\\\""), 1 },
		{ J("\xf0\x9f\x98\x80\x80"), J("\xf0\x9f\x98\x80" BAD), 1 },
		{ J("\xf5\x80\xc1\x80"), J(BAD BAD BAD BAD), 4 },
	};
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++)
		wrong += !becomes(cases[i].in, cases[i].out, cases[i].replaced);
	ok(wrong == 0, "%s: %zu texts", kern.name, COUNT(cases));
}

static void
test_bytes(void)
{
	unsigned wrong = 0;

	for (int c = 0; c < 256; c++)
		for (int d = 0; d < 256; d++) {
			char in[40], back[40 * 6];
			uint64_t replaced = 0;
			struct str out;
			ptrdiff_t n;

			memset(in, 'x', sizeof in);
			in[16] = (char)c;
			in[17] = (char)d;
			out = quoted(in, sizeof in, &replaced);
			n = jscan_unescape((struct str){ out.p + 1, out.n - 2 }, back);
			wrong +=
			    !jscan_valid(out, NULL) || n < 0 ||
			    (replaced == 0 && !str_eq((struct str){ back, (size_t)n },
						  (struct str){ in, sizeof in }));
			if (c < 0x80 && d < 0x80)
				wrong += replaced != 0;
			else if (c < 0x80 || d < 0x80)
				wrong += replaced != 1;
			else
				wrong += replaced > 2;
			drop(out);
		}
	ok(wrong == 0, "%s: every pair of bytes", kern.name);
}

/* U+FFFDs that the plain rule gives: at each bad place, the longest beginning of a
 * sequence that could still have become right is one. */
static uint64_t
count_bad(const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t bad = 0;

	while (p < end) {
		unsigned len = jscan_utf8(p, end);
		size_t take = len ? 0 : end - p < 3 ? (size_t)(end - p) : 3;

		for (; take > 1; take--) {
			char full[4] = { '\x80', '\x80', '\x80', '\x80' };

			memcpy(full, p, take);
			if ((take < 3 && jscan_utf8(full, full + 3) == 3) ||
			    jscan_utf8(full, full + 4) == 4)
				break;
		}
		bad += len == 0;
		p += len + take;
	}
	return bad;
}

static void
test_random(void)
{
	static const char *const pieces[] = { "a", "word ", "\"", "\\", "\n", "\x01",
		"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "{\"level\":\"info\"}",
		"\xff", "\xe2\x82", "\xf0\x9f", "\x80", "\xed\xa0\x80", "\xc0",
		"0123456789abcdef" };
	unsigned wrong = 0;

	for (int i = 0; i < 20000; i++) {
		char in[400], back[400 * 6];
		size_t n = 0, kinds = rnd(2) ? 10 : COUNT(pieces);
		uint64_t replaced = 0;
		struct str out;
		ptrdiff_t m;

		for (unsigned k = rnd(24); k > 0; k--) {
			const char *s = pieces[rnd((unsigned)kinds)];

			memcpy(in + n, s, strlen(s));
			n += strlen(s);
		}
		out = quoted(in, n, &replaced);
		m = jscan_unescape((struct str){ out.p + 1, out.n - 2 }, back);
		wrong += !jscan_valid(out, NULL) || m < 0 || replaced != count_bad(in, n);
		if (replaced == 0)
			wrong += !str_eq(
			    (struct str){ back, (size_t)m }, (struct str){ in, n });
		else
			wrong += kinds == 10;
		drop(out);
	}
	ok(wrong == 0,
	    "%s: 20000 random texts come back, or with U+FFFD as counted by rule",
	    kern.name);
}

/* ndjson_text works in chunks of 16 KiB: the result must not show it. */
static void
test_chunks(void)
{
	static const struct str pieces[] = { J("\xc3\xa9"), J("\xe2\x82\xac"),
		J("\xf0\x9f\x98\x80"), J("\xf0\x9f\x98\x80\x80"),
		J("\xf0\x9f\x98\x80\x80\x80\x80\x80"), J("\xf0\x9f\x98"), J("\xe2\x82"),
		J("\x80\x80\x80\x80\x80"), J("\xe2\x82\xac\x80\x80"),
		J("\xf0\xf0\xf0\xf0"), J("\"\\\n\x01\"\\\n\x01"),
		J("\xed\xa0\x80\xed\xb0\x80") };
	enum { CHUNK = 16 << 10, SIZE = 2 * CHUNK + 50 };
	static char in[SIZE];
	struct ndjson_out o;
	struct err e;
	unsigned wrong = 0;

	if (!ok(ndjson_out_init(&o, STDOUT_FILENO, "out", &e) == 0, "an output"))
		return;
	for (size_t i = 0; i < COUNT(pieces); i++)
		for (size_t back = 0; back <= 12; back++) {
			uint64_t a = 0, b = 0;
			struct str want;

			memset(in, 'x', sizeof in);
			memcpy(in + CHUNK - back, pieces[i].p, pieces[i].n);
			memcpy(in + 2 * CHUNK - back, pieces[i].p, pieces[i].n);
			o.n = 0;
			ndjson_text(&o, in, sizeof in, &a);
			want = quoted(in, sizeof in, &b);
			if (a != b || o.n != want.n - 2 ||
			    memcmp(o.buf, want.p + 1, o.n) != 0) {
				printf("# piece %zu, %zu before the border: %d, not %d\n",
				    i, back, (int)a, (int)b);
				wrong++;
			}
			drop(want);
		}
	ok(wrong == 0, "ndjson_text: %zu sequences over the border of two chunks",
	    COUNT(pieces));

	for (int i = 0; i < 500; i++) {
		uint64_t a = 0, b = 0;
		struct str want;
		size_t n = rnd(SIZE);

		for (size_t k = 0; k < n; k++)
			in[k] = "\x80\x80\x9f\xf0\xe2\xc3\xf0"[rnd(7)];
		o.n = 0;
		ndjson_text(&o, in, n, &a);
		want = quoted(in, n, &b);
		wrong +=
		    a != b || o.n != want.n - 2 || memcmp(o.buf, want.p + 1, o.n) != 0;
		drop(want);
	}
	ok(wrong == 0, "ndjson_text: 500 random texts of lead and continuation bytes");
	ndjson_out_done(&o);
}

static void
test_string(void)
{
	struct buf b;

	buf_init(&b, 1000);
	jsonw_string(&b, "a\"b", 3);
	jsonw_string(&b, "", 0);
	ok(!b.failed && strcmp(b.p, "\"a\\\"b\"\"\"") == 0, "jsonw_string appends");
	buf_done(&b);
}

int
main(void)
{
	static const char *const names[] = { "portable", "sse2", "avx2", "avx512",
		"neon" };

	for (size_t i = 0; i < COUNT(names); i++) {
		if (!kernels_use(names[i]))
			continue;
		test_table();
		test_bytes();
		test_random();
	}
	test_chunks();
	test_string();
	return unit_end();
}
