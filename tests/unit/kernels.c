/* Every table of kernels against definitions written out here, on input that ends at the
 * end of a page whose neighbours cannot be read. */
#include "record/kernels.h"
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LONGEST = 300, SEED = 20261122 };

static uint64_t rng = SEED;
static size_t page;
static char *fence; /* one readable page between two that are not; this is its end */

static unsigned
rnd(unsigned below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)(rng >> 20) % below;
}

static bool
fence_init(void)
{
	char *p;

	page = (size_t)sysconf(_SC_PAGESIZE);
	p = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + page, page, PROT_READ | PROT_WRITE) != 0)
		return false;
	fence = p + 2 * page;
	return true;
}

/* What a kernel may find: text, JSON, and what it must stop at. */
enum flavour { TEXT, RARE, JSON, HOSTILE, BACKSLASHES, ANY, FLAVOURS };

static void
fill(char *p, size_t n, enum flavour f)
{
	static const char *const from[] = { "abc XYZ 019.-:/",
		"abcdefghijklmnopqrstuvwxyz\"", "{}[]\":,\\_ek 1\t",
		"\"\\\x01\x1f \x7f\x80\xff{}", "\\\\\\\"" };

	for (size_t i = 0; i < n; i++)
		p[i] =
		    f == ANY ? (char)rnd(256) : from[f][rnd((unsigned)strlen(from[f]))];
	if (f == RARE && n > 0)
		p[rnd((unsigned)n)] = "\"\\\x1f\x80{"[rnd(5)];
}

static size_t
slow_plain(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != '"' && (unsigned char)p[i] >= 0x20 &&
	       (unsigned char)p[i] < 0x80) {
		if (p[i] == '\\' && (i + 1 == n || p[i + 1] == '\0' ||
					strchr("\"\\/bfnrt", p[i + 1]) == NULL))
			break;
		i += p[i] == '\\' ? 2 : 1;
	}
	return i;
}

static size_t
slow_span(const char *p, size_t n, bool only_quote)
{
	size_t i = 0;

	for (; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '"' || c == '\\' || (!only_quote && (c < 0x20 || c >= 0x80)))
			break;
	}
	return i;
}

/* The length of the escaped text; *used: how much of the input it stands for. */
static size_t
slow_escape(const char *p, size_t n, char *to, size_t *used)
{
	size_t i = 0, k = 0;

	for (; i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x80; i++) {
		if (p[i] == '"' || p[i] == '\\')
			to[k++] = '\\';
		to[k++] = p[i];
	}
	*used = i;
	return k;
}

static bool
slow_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool
slow_shape(const char *p, size_t n)
{
	bool in_string = false;
	long depth = 0;

	while (n > 0 && slow_blank(p[n - 1]))
		n--;
	for (; n > 0 && slow_blank(*p); n--)
		p++;
	if (n < 2 || *p != '{')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if ((unsigned char)c < 0x20 && (in_string || !slow_blank(c)))
			return false;
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			if (i < n && (unsigned char)p[i] < 0x20)
				return false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '\\') {
			return false;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if ((c == '}' || c == ']') && --depth == 0) {
			return c == '}' && i == n - 1;
		}
	}
	return false;
}

static bool
same(const char *p, size_t n)
{
	char got[2 * LONGEST + 32], want[2 * LONGEST];
	const char *src = p;
	unsigned flags = 0;
	size_t used, len = slow_escape(p, n, want, &used);
	char whole[LONGEST + 1] = "{";

	memcpy(whole + 1, p, n);
	return kern.special(p, p + n) == p + slow_span(p, n, false) &&
	       kern.plain(p, p + n) == p + slow_plain(p, n) &&
	       kern.quote(p, p + n) == p + slow_span(p, n, true) &&
	       kern.shape(p, p + n, false, &flags) == slow_shape(p, n) &&
	       kern.shape(p, p + n, true, &flags) == slow_shape(whole, n + 1) &&
	       (size_t)(kern.escape(got, &src, p + n) - got) == len && src == p + used &&
	       memcmp(got, want, len) == 0;
}

/* An object of about n bytes that has the shape, strings with escapes and all; its
 * length. */
static size_t
object(char *p, size_t n)
{
	char close[LONGEST];
	size_t at = 0, depth = 0;

	p[at++] = '{', close[depth++] = '}';
	while (at + depth + 8 < n) {
		switch (rnd(6)) {
		case 0:
			p[at++] = '[', close[depth++] = ']';
			break;
		case 1:
			p[at++] = '{', close[depth++] = '}';
			break;
		case 2:
			if (depth > 1)
				p[at++] = close[--depth];
			break;
		case 3:
			p[at++] = " \t\r,:1"[rnd(6)];
			break;
		default:
			p[at++] = '"';
			for (unsigned k = rnd(40); k > 0 && at + depth + 4 < n; k--) {
				char c = "a{}[]_\x80\\"[rnd(8)];

				p[at++] = c;
				if (c == '\\')
					p[at++] = "\\\"n"[rnd(3)];
			}
			p[at++] = '"';
		}
	}
	while (depth > 0)
		p[at++] = close[--depth];
	return at;
}

static void
test_same(const char *name)
{
	char text[2 * LONGEST];
	unsigned wrong = 0, shapely = 0, flags;

	rng = SEED;
	for (size_t n = 0; n <= LONGEST; n++)
		for (int f = 0; f < FLAVOURS; f++)
			for (int i = 0; i < 4; i++) {
				fill(fence - n, n, (enum flavour)f);
				wrong += !same(fence - n, n);
			}
	ok(wrong == 0, "%s: every length up to %d at the end of a page", name, LONGEST);

	wrong = 0;
	for (size_t off = 0; off < 64; off++)
		for (int i = 0; i < 100; i++) {
			size_t n = rnd(LONGEST);

			fill(fence - page + off, n, (enum flavour)rnd(FLAVOURS));
			wrong += !same(fence - page + off, n);
		}
	ok(wrong == 0, "%s: every alignment at the start of a page", name);

	wrong = 0;
	for (int i = 0; i < 30000; i++) {
		size_t n = object(text, 2 + rnd(LONGEST - 10));

		memcpy(fence - n, text, n);
		shapely += kern.shape(fence - n, fence, false, &flags);
		wrong += !same(fence - n, n);
		fence[-1 - (long)rnd((unsigned)n)] = "{}[]\"\\\n\x01 x"[rnd(10)];
		wrong += !same(fence - n, n);
	}
	ok(wrong == 0 && shapely == 30000,
	    "%s: 30000 objects, sound and with a byte changed (%u)", name, shapely);

	/* runs of backslashes over the borders of blocks */
	wrong = 0;
	for (size_t at = 1; at < 140; at++)
		for (size_t run = 0; run < 140; run++) {
			size_t n = 0;

			text[n++] = '{';
			while (n < at)
				text[n++] = ' ';
			text[n++] = '"';
			memset(text + n, '\\', run);
			n += run;
			memcpy(text + n, "\"}", 2);
			n += 2;
			memcpy(fence - n, text, n);
			wrong +=
			    kern.shape(fence - n, fence, false, &flags) != (run % 2 == 0);
			wrong += !same(fence - n, n);
		}
	ok(wrong == 0, "%s: runs of 0 to 139 backslashes at every place of two blocks",
	    name);
}

static void
test_shape_cases(const char *name)
{
	static const struct {
		const char *text;
		bool good;
		unsigned flags;
	} cases[] = {
		{ "{}", true, 0 },
		{ " \t\r{\"a\":[1,{}]} \t\r", true, 0 },
		{ "", false, 0 },
		{ " ", false, 0 },
		{ "{", false, 0 },
		{ "}", false, 0 },
		{ "[]", false, 0 },
		{ "\"{}\"", false, 0 },
		{ "{}{}", false, 0 },
		{ "{} {}", false, 0 },
		{ "{}}", false, 0 },
		{ "{{}", false, 0 },
		{ "{\"a\":\"}", false, 0 },
		{ "{\"a\":\"\\\"}", false, 0 },
		{ "{\"a\":\"\\\\\"}", true, 0 },
		{ "{\"a\":\"\t\"}", false, 0 },
		{ "{\"a\"\n:1}", false, 0 },
		{ "{\\\"a\":1}", false, 0 },
		{ "{\"a\":]}[}", false, 0 },
		{ "{\"_error\":{}}", true, SHAPE_ERROR_KEY },
		{ "{\"a\":{ \"_error\" :{}}}", true, SHAPE_ERROR_KEY },
		{ "{\"\\u005ferror\":1}", true, SHAPE_ERROR_KEY },
		{ "{\"\\u005f\\u0065rr\\u006Fr\":1}", true, SHAPE_ERROR_KEY },
		{ "{\"_errors\":1,\"x_error\":1,\"_erro\":\"_\"}", true, 0 },
		{ "{\"log\":\"\\\"_error\\\":1\"}", true, 0 },
		{ "{\"log\":\"_error\"}", true, 0 },
		{ "{\"kubernetes\":{}}", true, SHAPE_KUBERNETES_KEY },
		{ "{\"\\u006bubernetes\":{},\"_error\":1}", true,
		    SHAPE_KUBERNETES_KEY | SHAPE_ERROR_KEY },
		{ "{\"kubernete\":1,\"Kubernetes\":2}", true, 0 },
	};
	unsigned wrong = 0, flags;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = strlen(cases[i].text);
		char *p = fence - n;

		memcpy(p, cases[i].text, n);
		if (kern.shape(p, fence, false, &flags) == cases[i].good &&
		    (!cases[i].good || flags == cases[i].flags))
			continue;
		printf("# %s\n", cases[i].text);
		wrong++;
	}
	ok(wrong == 0, "%s: shape and flags of %zu cases", name,
	    sizeof cases / sizeof *cases);

	/* the key at every place of a block and over its border */
	wrong = 0;
	for (size_t at = 1; at < 200; at++) {
		static const char key[] = "\"_error\":1,\"x\":\"kubernetes\":2}";
		char *p = fence - at - sizeof key + 1;

		memset(p, ' ', at);
		*p = '{';
		memcpy(p + at, key, sizeof key - 1);
		wrong += !kern.shape(p, fence, false, &flags) ||
			 flags != (SHAPE_ERROR_KEY | SHAPE_KUBERNETES_KEY);
	}
	ok(wrong == 0, "%s: keys found at every place", name);
}

int
main(void)
{
	static const char *const names[] = { "portable", "sse2", "avx2", "avx512",
		"neon" };
	unsigned tables = 0;

	if (!ok(fence_init(), "pages (seed %d)", SEED))
		return unit_end();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!kernels_use(names[i]))
			continue;
		tables++;
		test_same(names[i]);
		test_shape_cases(names[i]);
	}
	ok(tables >= 1 && !kernels_use("z80"),
	    "%u tables on this machine, none of another", tables);
	return unit_end();
}
