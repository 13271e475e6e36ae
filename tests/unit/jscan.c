/* jscan against the grammar of RFC 8259, case by case, and against jansson on random
 * text. */
#include "record/jscan.h"
#include "record/kernels.h"
#include "unit.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#define J(literal)                                                                       \
	{                                                                                \
		literal, sizeof(literal) - 1                                             \
	}
#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct str good[] = {
	/* blanks */
	J("{}"),
	J(" \t\r\n{} \t\r\n"),
	J("[ ]"),
	J("[\n1\n,\r2\t]"),
	J("{ \"a\" : 1 , \"b\" : 2 }"),
	/* words */
	J("true"),
	J("false"),
	J("null"),
	J("[true,false,null]"),
	/* numbers: any size, any precision */
	J("0"),
	J("-0"),
	J("1"),
	J("-1"),
	J("10"),
	J("1.10"),
	J("0.0"),
	J("-0.0"),
	J("1e1"),
	J("1E1"),
	J("1e+1"),
	J("1e-1"),
	J("0e0"),
	J("0e+00"),
	J("123.456e-789"),
	J("1e400"),
	J("-1e400"),
	J("9223372036854775807"),
	J("9223372036854775808"),
	J("18446744073709551616"),
	J("-9223372036854775809"),
	J("123456789012345678901234567890123456789012345678901234567890"),
	J("0.00000000000000000000000000000000000000000000000000000000001"),
	J("[1,2]"),
	J("{\"a\":1.5}"),
	/* escapes */
	J("\"\""),
	J("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	J("\"\\u0000\""),
	J("\"\\u00e9\\u00E9\""),
	J("\"\\ud83d\\ude00\""),
	J("\"\\uD83D\\uDE00\""),
	J("\"\\uffff\\uFFFE\""),
	J("\"\\ud800\""),
	J("\"\\udc00\""),
	J("\"\\ud800x\""),
	J("\"\\ude00\\ud83d\""),
	J("\"\\ud800\\n\""),
	J("\"\\ud800\\ud800\""),
	J("{\"\\u0000\":1}"),
	J("\"/\""),
	J("\"\x7f\""),
	J("\"'\""),
	J("\"\\\\u12\""),
	/* UTF-8: first and last of every length */
	J("\"\xc2\x80\""),
	J("\"\xdf\xbf\""),
	J("\"\xe0\xa0\x80\""),
	J("\"\xed\x9f\xbf\""),
	J("\"\xee\x80\x80\""),
	J("\"\xef\xbf\xbf\""),
	J("\"\xef\xbb\xbf\""),
	J("\"\xef\xbf\xbd\""),
	J("\"\xf0\x90\x80\x80\""),
	J("\"\xf4\x8f\xbf\xbf\""),
	J("\"\xe2\x80\xa8\xe2\x80\xa9\""),
	J("{\"\xe7\x94\xa8\xe6\x88\xb7\":\"\xf0\x9f\x98\x80\"}"),
	/* structure */
	J("[]"),
	J("[[]]"),
	J("[{}]"),
	J("{\"\":0}"),
	J("{\"a\":{}}"),
	J("{\"a\":[]}"),
	J("{\"a\":1,\"a\":2}"),
	J("[[[[]],[]],{\"a\":[{\"b\":[]}]}]"),
	J("[\"\",\"a\",\"]\",\"}\"]"),
	J("{\"{\":\"}\",\"[\":\"]\",\",\":\":\"}"),
	J("{\"a very long key of more than thirty-two bytes\":\"and a longer value of "
	  "more than "
	  "sixty-four bytes, \\\"quoted\\\" and with \\\\ in it\"}"),
};

static const struct str bad[] = {
	/* nothing, blanks that are none, bytes before and after */
	J(""),
	J(" "),
	J("\n"),
	J("\0"),
	J("{}\0"),
	J("\0{}"),
	J("\xef\xbb\xbf{}"),
	J("\xef\xbb\xbf"),
	J("\v{}"),
	J("\f{}"),
	J("\xc2\xa0{}"),
	J("[\xe2\x81\xa0]"),
	J("{}{}"),
	J("{} {}"),
	J("1 2"),
	J("[]]"),
	J("{}}"),
	J("[],"),
	J("{}x"),
	J("{}//"),
	J("{}/**/"),
	J("/**/{}"),
	J("{}#"),
	J("\xff\xfe{\0}\0"),
	/* words */
	J("True"),
	J("TRUE"),
	J("tru"),
	J("truex"),
	J("true1"),
	J("nul"),
	J("nulll"),
	J("fals"),
	J("falsee"),
	J("nan"),
	J("NaN"),
	J("Infinity"),
	J("-Infinity"),
	J("undefined"),
	J("a"),
	J("[tru]"),
	J("[nulL]"),
	J("{true:1}"),
	J("{1:1}"),
	J("{null:1}"),
	J("{a:1}"),
	J("{'a':1}"),
	J("['a']"),
	J("[\\u0061]"),
	J("\\"),
	J("*"),
	J("\xc3\xa9"),
	J("[\xe9]"),
	/* numbers */
	J("-"),
	J("+1"),
	J("--1"),
	J("-+1"),
	J("01"),
	J("-01"),
	J("00"),
	J("1."),
	J(".1"),
	J("-.1"),
	J("1.e1"),
	J("1e"),
	J("1e+"),
	J("1E-"),
	J("1e1.5"),
	J("1e+-1"),
	J("1ee1"),
	J("1.1.1"),
	J("0x1"),
	J("0b1"),
	J("1_000"),
	J("1,000"),
	J("1 000"),
	J("1a"),
	J("1e1e1"),
	J("[-]"),
	J("[1.]"),
	J("[.5]"),
	J("[0.e1]"),
	J("[2.e+3]"),
	J("[-foo]"),
	J("[1+2]"),
	J("[0e]"),
	J("[- 1]"),
	J("\xef\xbc\x91"),
	J("-a"),
	J("1\""),
	J("1{"),
	J("1["),
	J("-NaN"),
	/* strings */
	J("\""),
	J("\"\"\""),
	J("\"a"),
	J("\"\\"),
	J("\"\\\""),
	J("\"\\x00\""),
	J("\"\\a\""),
	J("\"\\'\""),
	J("\"\\0\""),
	J("\"\\v\""),
	J("\"\\U0041\""),
	J("\"\\\0\""),
	J("\"\\\n\""),
	J("\"\\ \""),
	J("\"\\u\""),
	J("\"\\u1\""),
	J("\"\\u12\""),
	J("\"\\u123\""),
	J("\"\\u123g\""),
	J("\"\\u 123\""),
	J("\"\\u-123\""),
	J("\"\\u+123\""),
	J("\"\\u12"),
	J("\"\\u1234"),
	J("\"\\u00\xc3\xa9\""),
	J("\"\\ud800\\u\""),
	J("\"\\ud800\\\""),
	J("\"\\\xc3\xa9\""),
	J("\"\n\""),
	J("\"\t\""),
	J("\"\r\""),
	J("\"\0\""),
	J("\"\x1f\""),
	J("\"\x01\""),
	J("{\"\t\":1}"),
	J("'a'"),
	J("\"a\" \"b\""),
	J("`a`"),
	J("\"a\"x"),
	/* UTF-8 */
	J("\"\x80\""),
	J("\"\xbf\""),
	J("\"\xc0\x80\""),
	J("\"\xc0\xaf\""),
	J("\"\xc1\xbf\""),
	J("\"\xc2\""),
	J("\"\xc2\x41\""),
	J("\"\xe0\x80\xaf\""),
	J("\"\xe0\x9f\xbf\""),
	J("\"\xe2\x82\""),
	J("\"\xe2\x28\xa1\""),
	J("\"\xed\xa0\x80\""),
	J("\"\xed\xbf\xbf\""),
	J("\"\xed\xa0\xbd\xed\xb8\x80\""),
	J("\"\xf0\x80\x80\xaf\""),
	J("\"\xf0\x8f\xbf\xbf\""),
	J("\"\xf0\x9f\x98\""),
	J("\"\xf0\x9f\x98"),
	J("\"\xf4\x90\x80\x80\""),
	J("\"\xf5\x80\x80\x80\""),
	J("\"\xf8\x88\x80\x80\x80\""),
	J("\"\xfe\""),
	J("\"\xff\""),
	J("\"\xc3\xa9\xe9\""),
	J("{\"\xff\":1}"),
	J("\"\xf0\x9f\x98\x80\x80\""),
	/* structure */
	J("["),
	J("]"),
	J("{"),
	J("}"),
	J("[}"),
	J("{]"),
	J("[1}"),
	J("{\"a\":1]"),
	J("[1"),
	J("[1,"),
	J("[1,]"),
	J("[,1]"),
	J("[,]"),
	J("[1,,2]"),
	J("[1 2]"),
	J("[1;2]"),
	J("[1:2]"),
	J("[\"a\":1]"),
	J("[\"a\""),
	J("[\"a\","),
	J("[[]"),
	J("[{}"),
	J("[[],"),
	J("[{]"),
	J("[[[}]]"),
	J(","),
	J(":"),
	J("{,}"),
	J("{\"a\"}"),
	J("{\"a\":}"),
	J("{\"a\",1}"),
	J("{\"a\" 1}"),
	J("{\"a\":1,}"),
	J("{,\"a\":1}"),
	J("{\"a\":1,,\"b\":2}"),
	J("{\"a\":1 \"b\":2}"),
	J("{\"a\":1;\"b\":2}"),
	J("{\"a\"::1}"),
	J("{:1}"),
	J("{\"a\":1:2}"),
	J("{\"a\":\"b\"\"c\"}"),
	J("{\"a\":1"),
	J("{\"a\":"),
	J("{\"a\""),
	J("{\"a"),
	J("{\"a\":1,"),
	J("{\"a\":1,\"b\""),
	J("{[]:1}"),
	J("{{}:1}"),
	J("{\"a\":1}}"),
	J("{\"a\":[1}"),
	J("{\"a\":{\"b\":1]}"),
	J("{\"a\":1,2}"),
	J("{\"a\":1}\"b\""),
	J("{}\n{}"),
	J("{\"a\":/*c*/1}"),
	J("{\"a\":1}\\n"),
};

static void
test_cases(void)
{
	unsigned wrong = 0, cut = 0;
	struct jscan_bad why;

	for (size_t i = 0; i < COUNT(good); i++)
		if (!jscan_valid(good[i], &why)) {
			printf("# refused: %s: %s at %zu\n", good[i].p, why.why, why.at);
			wrong++;
		}
	ok(wrong == 0, "accepts %zu valid texts", COUNT(good));

	wrong = 0;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (jscan_valid(bad[i], &why) || why.why == NULL || why.at > bad[i].n) {
			printf("# accepted, or no reason given: %s\n", bad[i].p);
			wrong++;
		}
	ok(wrong == 0, "refuses %zu invalid texts and says where", COUNT(bad));

	/* inside of others, so that the errors meet each state */
	wrong = 0;
	for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
		bool want = i < COUNT(good);
		struct str s = want ? good[i] : bad[i - COUNT(good)];
		char text[400];

		if (!want &&
		    (s.n == 0 || memchr(s.p, ',', s.n) || s.p[0] == ' ' ||
			s.p[0] == '\n' || strstr("[]]1 2", s.p) || memchr(s.p, ':', s.n)))
			continue; /* sound once it stands in an array */
		memcpy(text, "[[", 2);
		memcpy(text + 2, s.p, s.n);
		memcpy(text + 2 + s.n, "]]", 2);
		if (jscan_valid((struct str){ text, s.n + 4 }, NULL) != want) {
			printf("# in an array: %s\n", s.p);
			wrong++;
		}
	}
	ok(wrong == 0, "the same inside of arrays");

	wrong = 0;
	for (size_t i = 0; i < COUNT(good); i++) {
		char last = '\0';
		size_t end = good[i].n;

		while (strchr(" \t\r\n", good[i].p[end - 1]) != NULL)
			end--;
		last = good[i].p[end - 1];
		if (last != '}' && last != ']' && last != '"')
			continue;
		for (size_t n = 0; n < end; n++, cut++) {
			char *exact = malloc(n + 1), *p = exact + 1;

			memcpy(p, good[i].p, n);
			wrong += jscan_valid((struct str){ p, n }, NULL);
			free(exact);
		}
	}
	ok(wrong == 0, "refuses what is cut off at any byte (%u cuts)", cut);

	wrong = 0;
	for (size_t i = 0; i < COUNT(good); i++)
		if (memchr(good[i].p, '{', 1) && !memchr(good[i].p, '\n', good[i].n) &&
		    !jscan_shape(good[i], NULL))
			wrong++;
	ok(wrong == 0, "every valid object on a line has the shape");
}

/* `open` `depth` times, the inside, and the brackets closed. */
static struct str
nested(const char *open, const char *inside, const char *close, size_t depth)
{
	size_t o = strlen(open), c = strlen(close), n = 0;
	char *p = malloc(depth * (o + c) + strlen(inside) + 1);

	for (size_t i = 0; i < depth; i++, n += o)
		memcpy(p + n, open, o);
	memcpy(p + n, inside, strlen(inside));
	n += strlen(inside);
	for (size_t i = 0; i < depth; i++, n += c)
		memcpy(p + n, close, c);
	return (struct str){ p, n };
}

static void
test_depth(void)
{
	static const size_t depths[] = { 1, 63, 64, 65, 1023, 1024, 1025, 2048, 100000 };

	for (size_t i = 0; i < COUNT(depths); i++) {
		size_t d = depths[i];
		struct str a = nested("[", "", "]", d),
			   o = nested("{\"a\":", "1", "}", d);
		struct str mixed = nested("[{\"a\":", "[]", "}]", d / 2);
		struct str open = { a.p, d };
		bool want = d <= JSCAN_DEPTH;
		struct jscan_bad why;

		ok(jscan_valid(a, NULL) == want && jscan_valid(o, NULL) == want &&
			jscan_valid(mixed, NULL) == (d / 2 * 2 + 1 <= JSCAN_DEPTH) &&
			!jscan_valid(open, &why) && jscan_shape(o, NULL),
		    "nesting of %zu: %s", d, want ? "accepted" : "refused");
		free((void *)(uintptr_t)a.p);
		free((void *)(uintptr_t)o.p);
		free((void *)(uintptr_t)mixed.p);
	}
}

static void
test_where(void)
{
	static const struct {
		struct str text;
		size_t at;
	} cases[] = {
		{ J("{\"a\":x}"), 5 },
		{ J("{\"a\":1,}"), 7 },
		{ J("[1,2"), 4 },
		{ J("{\"a\" 1}"), 5 },
		{ J("{} x"), 3 },
		{ J(""), 0 },
	};
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct jscan_bad b = { 99, NULL };

		wrong += jscan_valid(cases[i].text, &b) || b.at != cases[i].at;
	}
	ok(wrong == 0, "says at which byte");
}

static void
test_walk(void)
{
	static const struct str sound =
	    J(" { \"a\" : 1 ,\"b\":\"x,}\\\"\" , \"c\":{\"d\":[1,{\"e\":\"]\"}]},"
	      "\"\":null,\"z\":[ ] } ");
	static const char *const want[][2] = { { "a", "1" }, { "b", "\"x,}\\\"\"" },
		{ "c", "{\"d\":[1,{\"e\":\"]\"}]}" }, { "", "null" }, { "z", "[ ]" } };
	static const struct str broken[] = { J(""), J("x"), J("[]"), J("{"), J("{\"a\""),
		J("{\"a\":"), J("{\"a\":}"), J("{\"a\":1"), J("{\"a\":1,"),
		J("{\"a\":1,}"), J("{\"a\":1 \"b\":2}"), J("{\"a\" 1}"), J("{a:1}"),
		J("{\"a\":\"x}"), J("{\"a\":\"x\\\"}"), J("{\"a\":[1}"),
		J("{\"a\":{\"b\":1}"), J("{,}"), J("{\"a\":1,,\"b\":2}"), J("{\"a\\") };
	struct jscan it;
	struct jscan_member m;
	struct str v;
	unsigned wrong = 0;
	size_t n = 0;

	jscan_begin(&it, sound);
	for (; jscan_next(&it, &m); n++)
		wrong += n >= COUNT(want) || !str_eq(m.key, str_of(want[n][0])) ||
			 !str_eq(m.value, str_of(want[n][1]));
	ok(wrong == 0 && n == COUNT(want) && !it.bad, "members in order, as raw slices");

	wrong = 0;
	for (size_t i = 0; i < COUNT(broken); i++) {
		char *exact = malloc(broken[i].n + 1);

		memcpy(exact + 1, broken[i].p, broken[i].n);
		jscan_begin(&it, (struct str){ exact + 1, broken[i].n });
		while (jscan_next(&it, &m))
			;
		if (!it.bad || jscan_next(&it, &m)) {
			printf("# %s\n", broken[i].p);
			wrong++;
		}
		free(exact);
	}
	ok(wrong == 0, "a walk over %zu malformed objects ends as bad", COUNT(broken));

	jscan_begin(&it, STR(" {} "));
	ok(!jscan_next(&it, &m) && !it.bad,
	    "an empty object has no members and is not bad");

	jscan_items(&it, STR(" [ 1 ,\"]\" , {\"a\":[2]},[]] "));
	for (n = 0; jscan_item(&it, &v); n++)
		;
	ok(n == 4 && !it.bad && str_eq(v, STR("[]")), "items of an array");
	jscan_items(&it, STR("[1,]"));
	while (jscan_item(&it, &v))
		;
	ok(it.bad, "a comma before the bracket is bad");
}

static void
test_find(void)
{
	static const struct str object = J("{\"log\":\"{\\\"time\\\":0}\",\"time\":"
					   "\"t1\",\"time\":\"t2\",\"\\u0061b\\n\":1,"
					   "\"\xc3\xa9\":2,\"\\ud83d\\ude00\":3,"
					   "\"a\\\\b\":4,\"nest\":{\"inner\":5},\"\":6,"
					   "\"app.kubernetes.io/name\":7}");
	static const struct {
		struct str key, value;
	} cases[] = {
		{ J("time"), J("\"t1\"") },
		{ J("ab\n"), J("1") },
		{ J("\xc3\xa9"), J("2") },
		{ J("\xf0\x9f\x98\x80"), J("3") },
		{ J("a\\b"), J("4") },
		{ J("nest"), J("{\"inner\":5}") },
		{ J(""), J("6") },
		{ J("app.kubernetes.io/name"), J("7") },
		{ J("inner"), J("") },
		{ J("\\u0061b\\n"), J("") },
		{ J("a\\\\b"), J("") },
		{ J("tim"), J("") },
		{ J("timex"), J("") },
		{ J("app"), J("") },
	};
	static const struct str deep = J("{\"a\":{\"b\":{\"c\":1},\"b.c\":2,\"d.e.f\":{"
					 "\"g.h\":3}},\"a.x\":{\"y\":4},\"a.b.z\":5,"
					 "\"a.b\":{\"q\":6},\"s\":\"str\",\"kubernetes\":"
					 "{\"labels\":{\"app.kubernetes.io/name\":7,"
					 "\"app\":8}},\"v\":[{\"w\":9}]}");
	static const struct {
		struct str path, value;
	} paths[] = {
		{ J("kubernetes.labels.app.kubernetes.io/name"), J("7") },
		{ J("kubernetes.labels.app"), J("8") },
		{ J("a.b.c"), J("2") }, /* the longest key is tried first */
		{ J("a.d.e.f.g.h"), J("3") },
		{ J("a.x.y"), J("4") },
		{ J("a.b.z"), J("5") },
		{ J("a.b.q"), J("6") },
		{ J("s"), J("\"str\"") },
		{ J("s.t"), J("") },
		{ J("v.w"), J("") },
		{ J("a.b.nope"), J("") },
		{ J("a."), J("") },
		{ J(".a"), J("") },
		{ J(""), J("") },
		{ J("a..b"), J("") },
	};
	struct jscan_member m;
	unsigned wrong = 0;
	char raw[6 * 400 + 20] = "", name[400];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool found = jscan_find(object, cases[i].key, &m);

		if (found == (cases[i].value.n > 0) &&
		    (!found || str_eq(m.value, cases[i].value)))
			continue;
		printf("# key %s\n", cases[i].key.p);
		wrong++;
	}
	ok(wrong == 0, "find: %zu keys, escaped, doubled (the first wins), absent",
	    COUNT(cases));

	wrong = 0;
	for (size_t i = 0; i < COUNT(paths); i++) {
		bool found = jscan_path(deep, paths[i].path, &m);

		if (found == (paths[i].value.n > 0) &&
		    (!found || str_eq(m.value, paths[i].value)))
			continue;
		printf("# path %s\n", paths[i].path.p);
		wrong++;
	}
	ok(wrong == 0, "path: %zu paths, nested, with dots in keys", COUNT(paths));
	ok(jscan_path((struct str)J("{\"a.b\":\"x\",\"a\":{\"b\":{\"c\":1}}}"),
	       STR("a.b.c"), &m) &&
		str_eq(m.value, STR("1")),
	    "path: a dotted key that leads nowhere does not hide the nested one");

	n = (size_t)sprintf(raw, "{\"");
	for (size_t i = 0; i < sizeof name; i++) {
		name[i] = (char)('a' + i % 26);
		n += (size_t)sprintf(raw + n, "\\u%04x", (unsigned)name[i]);
	}
	n += (size_t)sprintf(raw + n, "\":1}");
	ok(jscan_find((struct str){ raw, n }, (struct str){ name, sizeof name }, &m),
	    "find: a key of %zu letters, every one escaped", sizeof name);
}

static void
test_unescape(void)
{
	static const struct {
		struct str raw, text;
		bool bad;
	} cases[] = {
		{ J(""), J(""), false },
		{ J("plain"), J("plain"), false },
		{ J("\\\"\\\\\\/\\b\\f\\n\\r\\t"), J("\"\\/\b\f\n\r\t"), false },
		{ J("\\u0000"), J("\0"), false },
		{ J("a\\u0041\\u00e9\\u20AC"), J("aA\xc3\xa9\xe2\x82\xac"), false },
		{ J("\\u007f\\u0080\\u07ff\\u0800\\uffff"),
		    J("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"), false },
		{ J("\\ud83d\\ude00"), J("\xf0\x9f\x98\x80"), false },
		{ J("\\uD800\\uDC00\\uDBFF\\uDFFF"),
		    J("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), false },
		{ J("\\ud83d"), J("\xef\xbf\xbd"), false },
		{ J("\\ude00"), J("\xef\xbf\xbd"), false },
		{ J("\\ud83dx"), J("\xef\xbf\xbdx"), false },
		{ J("\\ud83d\\n"), J("\xef\xbf\xbd\n"), false },
		{ J("\\ud83d\\u0041"),
		    J("\xef\xbf\xbd"
		      "A"),
		    false },
		{ J("\\ud83d\\ud83d\\ude00"), J("\xef\xbf\xbd\xf0\x9f\x98\x80"), false },
		{ J("\\ude00\\ud83d"), J("\xef\xbf\xbd\xef\xbf\xbd"), false },
		{ J("\xc3\xa9\\n\xe2\x82\xac"), J("\xc3\xa9\n\xe2\x82\xac"), false },
		{ J("\\"), J(""), true },
		{ J("a\\"), J(""), true },
		{ J("\\x"), J(""), true },
		{ J("\\\0"), J(""), true },
		{ J("\\u"), J(""), true },
		{ J("\\u123"), J(""), true },
		{ J("\\u12g4"), J(""), true },
	};
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str raw = cases[i].raw;
		char *room = malloc(raw.n + 1);
		ptrdiff_t n = jscan_unescape(raw, room);

		if (cases[i].bad
			? n != -1
			: n != (ptrdiff_t)cases[i].text.n ||
			      memcmp(room, cases[i].text.p, cases[i].text.n) != 0) {
			printf("# %s\n", raw.p);
			wrong++;
		}
		free(room);
	}
	ok(wrong == 0, "unescape: %zu strings", COUNT(cases));
}

static void
test_long(void)
{
	enum { LONG = 10 << 20 };
	static const char head[] = "{\"log\":\"", tail[] = "\",\"x\":[1],\"_error\":0}";
	char *p = malloc(LONG + 100);
	size_t n = sizeof head - 1;
	struct jscan_member m;
	unsigned flags;
	struct str line;

	memcpy(p, head, n);
	for (; n + 16 < LONG; n += 16)
		memcpy(p + n,
		    n & 1024 ? "some {text} \\\", "
			     : "\\u00e9 \xc3\xa9\xe2\x82\xac\\\\xx",
		    16);
	memcpy(p + n, tail, sizeof tail - 1);
	n += sizeof tail - 1;
	line = (struct str){ p, n };
	ok(jscan_valid(line, NULL) && jscan_shape(line, &flags) &&
		flags == SHAPE_ERROR_KEY && jscan_find(line, STR("x"), &m) &&
		str_eq(m.value, STR("[1]")),
	    "a line of 10 MB");
	p[n - sizeof tail] = '\\'; /* what closed the string no longer does */
	ok(!jscan_valid(line, NULL) && !jscan_shape(line, NULL) &&
		!jscan_find(line, STR("x"), &m),
	    "a line of 10 MB whose string does not end");
	free(p);
}

/* Random documents, bent a little, against jansson. */

static uint64_t rng;

static unsigned
rnd(unsigned below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)(rng >> 20) % below;
}

struct text {
	char p[4096];
	size_t n;
};

static void
put(struct text *t, const char *s)
{
	size_t n = strlen(s);

	if (t->n + n < sizeof t->p - 64) {
		memcpy(t->p + t->n, s, n);
		t->n += n;
	}
}

static void
put_one_of(struct text *t, const char *const words[], size_t count)
{
	put(t, words[rnd((unsigned)count)]);
}

static void
put_blank(struct text *t)
{
	static const char *const blanks[] = { "", "", "", "", "", " ", "\t", "\r", "\n",
		"  " };

	put_one_of(t, blanks, COUNT(blanks));
}

static void
put_string(struct text *t)
{
	static const char *const pieces[] = { "a", "xyz", "_error", "kubernetes", " ",
		"\\n", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r", "\\t", "\\u0041",
		"\\u0000", "\\u20ac", "\\ud83d\\ude00", "\\ud83d", "\\ude00", "\xc3\xa9",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80", "{", "}", "[", "]", ",", ":", "\x7f",
		"the quick brown fox jumps over the lazy dog", "\xed\x9f\xbf" };

	put(t, "\"");
	for (unsigned k = rnd(8); k > 0; k--)
		put_one_of(t, pieces, COUNT(pieces));
	put(t, "\"");
}

static void
put_value(struct text *t, unsigned depth)
{
	static const char *const scalars[] = { "true", "false", "null", "0", "-0", "1",
		"-12", "1.5", "1.10", "1e5", "1E-5", "0.1e+2", "123456789",
		"9223372036854775807", "1e308", "1e400", "99999999999999999999" };
	unsigned kind = rnd(depth > 5 ? 4 : 8);

	put_blank(t);
	if (kind < 2) {
		put_one_of(t, scalars, COUNT(scalars));
	} else if (kind < 4) {
		put_string(t);
	} else {
		put(t, kind < 6 ? "{" : "[");
		for (unsigned k = rnd(5), first = k; k > 0; k--) {
			put(t, k == first ? "" : ",");
			put_blank(t);
			if (kind < 6) {
				put_string(t);
				put_blank(t);
				put(t, ":");
			}
			put_value(t, depth + 1);
		}
		put_blank(t);
		put(t, kind < 6 ? "}" : "]");
	}
	put_blank(t);
}

static void
bend(struct text *t)
{
	static const char bytes[] =
	    "{}[]\",:\\u0123eE+-.tfn \t\n\x01\x1f\x80\xc3\xe2\xf0\xff\0";
	unsigned at = rnd((unsigned)t->n + 1), k;

	switch (rnd(6)) {
	case 0: /* cut off */
		t->n = at;
		break;
	case 1: /* a byte out */
		if (at < t->n)
			memmove(t->p + at, t->p + at + 1, --t->n - at);
		break;
	case 2: /* a byte in */
		memmove(t->p + at + 1, t->p + at, t->n++ - at);
		t->p[at] = bytes[rnd(sizeof bytes - 1)];
		break;
	case 3: /* another byte */
		if (at < t->n)
			t->p[at] = bytes[rnd(sizeof bytes - 1)];
		break;
	case 4: /* any byte */
		if (at < t->n)
			t->p[at] = (char)rnd(256);
		break;
	case 5: /* two bytes change places */
		k = rnd((unsigned)t->n + 1);
		if (at < t->n && k < t->n) {
			char c = t->p[at];

			t->p[at] = t->p[k];
			t->p[k] = c;
		}
	}
}

enum verdict { REFUSES, ACCEPTS, NO_JUDGE };

static enum verdict
jansson_says(struct str s, json_t **doc)
{
	json_error_t e;

	*doc = json_loadb(s.p, s.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	if (memchr(s.p, '\0', s.n) != NULL)
		return REFUSES; /* it takes one at the end for the end */
	if (*doc != NULL)
		return ACCEPTS;
	if (json_error_code(&e) == json_error_numeric_overflow ||
	    json_error_code(&e) == json_error_null_byte_in_key ||
	    strstr(e.text, "invalid Unicode") != NULL ||
	    strstr(e.text, "too big") != NULL)
		return NO_JUDGE; /* it refuses numbers out of range, lone surrogates, NUL
				    in keys */
	return REFUSES;
}

/* What must hold of a valid object: the walk ends well, its values are valid, and each
 * key leads to the first member of that name. */
static bool
walk_holds(struct str object)
{
	struct jscan it;
	struct jscan_member m, found;
	char key[4096];

	jscan_begin(&it, object);
	while (jscan_next(&it, &m)) {
		ptrdiff_t n = jscan_unescape(m.key, key);

		if (n < 0 || !jscan_valid(m.value, NULL) ||
		    !jscan_find(object, (struct str){ key, (size_t)n }, &found) ||
		    found.key.p > m.key.p ||
		    !jscan_key_is(found.key, (struct str){ key, (size_t)n }))
			return false;
	}
	return !it.bad;
}

static bool
string_holds(struct str raw, const json_t *want)
{
	char text[4096];
	ptrdiff_t n = jscan_unescape((struct str){ raw.p + 1, raw.n - 2 }, text);

	return n >= 0 && (size_t)n == json_string_length(want) &&
	       memcmp(text, json_string_value(want), (size_t)n) == 0;
}

static void
test_jansson(void)
{
	enum { CASES = 300000 };
	const char *seed = getenv("SEED");
	unsigned wrong = 0, accepted = 0, judged = 0;
	struct text *t = malloc(sizeof *t);

	rng = seed != NULL ? strtoull(seed, NULL, 10) : 20261122;
	printf("# seed %llu (SEED=N for another)\n", (unsigned long long)rng);
	for (int i = 0; i < CASES && wrong < 10; i++) {
		enum verdict v;
		json_t *doc;
		struct str s;
		char *exact;
		bool valid, fine = true;

		t->n = 0;
		put_value(t, rnd(4));
		for (unsigned k = rnd(3); k > 0; k--)
			bend(t);
		exact = malloc(t->n + 1);
		memcpy(exact + 1, t->p, t->n);
		s = (struct str){ exact + 1, t->n };
		v = jansson_says(s, &doc);
		valid = jscan_valid(s, NULL);
		judged += v != NO_JUDGE;
		accepted += valid;
		if (v != NO_JUDGE)
			fine = valid == (v == ACCEPTS);
		if (valid && s.p[0] == '{') {
			fine = fine && walk_holds(s);
			if (memchr(s.p, '\n', s.n) == NULL)
				fine = fine && jscan_shape(s, NULL);
		}
		if (valid && v == ACCEPTS && s.p[0] == '"' && s.p[s.n - 1] == '"')
			fine = fine && string_holds(s, doc);
		if (!fine) {
			printf("# case %d: jansson %d, jscan %d: %.*s\n", i, v, valid,
			    (int)s.n, s.p);
			wrong++;
		}
		json_decref(doc);
		free(exact);
	}
	ok(wrong == 0 && accepted > CASES / 5 && judged - accepted > CASES / 5,
	    "%d random texts: the same verdict as jansson (%u valid, %u judged)", CASES,
	    accepted, judged);
	free(t);
}

static void
test_utf8(void)
{
	unsigned wrong = 0;

	for (unsigned c = 0; c < 0x120000; c++) {
		char p[4];
		unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
		bool valid = c < 0xd800 || (c >= 0xe000 && c < 0x110000);

		for (unsigned i = n; i-- > 1;)
			p[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 63));
		p[0] = (char)(lead[n] | c >> 6 * (n - 1));
		wrong += jscan_utf8(p, p + n) != (valid ? n : 0);
		for (unsigned i = 0; i < n; i++)
			wrong += jscan_utf8(p, p + i) != 0;
	}
	ok(wrong == 0, "UTF-8: every code point, whole and cut");
}

int
main(void)
{
	test_cases();
	test_depth();
	test_where();
	test_walk();
	test_find();
	test_unescape();
	test_utf8();
	test_long();
	test_jansson();
	return unit_end();
}
