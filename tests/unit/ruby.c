/* lib/parse/ruby: patterns of Ruby's, by what they fit once PCRE2 has them. */
#include "parse/ruby.h"
#include "base/err.h"
#include "parse/regex.h"
#include "unit.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>

/* The first group that took part, "-" if it does not fit, NULL if it is refused. */
static const char *
fits(const char *pattern, const char *text, struct err *e)
{
	static char got[300];
	struct ruby r;
	pcre2_code *code = regex_compile(&r, pattern, 0, e);
	pcre2_match_data *m;
	size_t *at;
	int n;

	ruby_done(&r);
	if (code == NULL)
		return NULL;
	m = pcre2_match_data_create_from_pattern(code, NULL);
	n = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, m, NULL);
	at = pcre2_get_ovector_pointer(m);
	snprintf(got, sizeof got, "%s", n < 0 ? "-" : "");
	for (int i = 1; i < n; i++)
		if (at[2 * i] != PCRE2_UNSET) {
			snprintf(got, sizeof got, "%.*s",
			    (int)(at[2 * i + 1] - at[2 * i]), text + at[2 * i]);
			break;
		}
	pcre2_match_data_free(m);
	pcre2_code_free(code);
	return got;
}

static void
test_fits(void)
{
	static const struct {
		const char *pattern, *text, *want;
	} t[] = {
		/* slashes and flags */
		{ "/^(?<a>b)$/", "b", "b" },
		{ "/(?<a>b)/i", "B", "B" },
		{ "/(?<a>a.b)/m", "a\nb", "a\nb" },
		{ "/(?<a>a.b)/", "a\nb", "-" },
		{ "/(?<a>a b) # c/x", "ab", "ab" },
		{ "/(?<a>a/b)/", "a/b", "a/b" },
		{ "/(?<a>b)/q", "/b/q", "b" },
		{ "/(?<a>b)", "/b", "b" },
		{ "(?<a>a)/", "a/", "a" },
		/* anchors stand at lines */
		{ "^(?<a>b)$", "a\nb\nc", "b" },
		{ "\\A(?<a>b)$", "a\nb", "-" },
		{ "(?<a>a)\\Z", "a\n", "a" },
		{ "(?<a>a)\\z", "a\n", "-" },
		{ "\\G(?<a>b)", "ab", "-" },
		/* options in the pattern */
		{ "(?m:(?<a>a.b))", "a\nb", "a\nb" },
		{ "(?m)(?<a>a.b)", "a\nb", "a\nb" },
		{ "(?<a>x(?i)b|c)", "C", "-" },
		{ "(?<a>x(?i)b|c)", "xC", "xC" },
		{ "(?<a>x(?i)b)c", "xBC", "-" },
		{ "(?<a>(?i)b(?-i)c)", "Bc", "Bc" },
		{ "(?<a>(?i)b(?-i)c)", "BC", "-" },
		{ "(?x) (?<a> a  b ) # [", "ab", "ab" },
		{ "(?x: (?<a> a ) ) b", "a b", "a" },
		/* groups */
		{ "(x)(?<a>b)", "xb", "b" },
		{ "(?'a'b)", "b", "b" },
		{ "(?P<a>b)", "b", "b" },
		{ "(?<a>b)|(?<a>c)", "c", "c" },
		{ "(?<upstream_transport_failure_reason_and_more>b)", "b", "b" },
		{ "(?<a>.)\\k<a>", "abb", "b" },
		{ "(?<a>.)(?P=a)", "abb", "b" },
		{ "(?:(?<a>x)|(?<a>y))\\k'a'z", "yyz", "y" },
		{ "(?<a>\\((?:x|\\g<a>)*\\))", "((x)", "(x)" },
		{ "(?<b>x)?(?(<b>)y|z)", "xy", "x" },
		{ "(?<=a|bc)(?<a>d)", "bcd", "d" },
		{ "(?<!a)(?<a>d)", "ad", "-" },
		{ "(?>(?<a>a+))ab", "aab", "-" },
		{ "(?#c [ ( )(?<a>b)", "b", "b" },
		{ "(a)\\1", "aa", "a" },
		{ "(?<a>)", "", "" },
		/* characters */
		{ "(?<a>\\h+)", "xyzDeadbeefg", "Deadbeef" },
		{ "(?<a>\\H+)", "ab \tg", " \tg" },
		{ "(?<a>[\\h.]+)", "xa.9g", "a.9" },
		{ "(?<a>[^\\h]+)", "abxyc", "xy" },
		{ "(?<a>[\\H]+)", "ab zy1", " zy" },
		{ "a\\v(?<a>b)", "a\nb", "-" },
		{ "a\\v(?<a>b)", "a\013b", "b" },
		{ "(?<a>\\u00e9\\xc3\\xa9\\303\\251\\xe9?)", "", NULL },
		{ "(?<a>\\u00e9\\xc3\\xa9\\303\\251)", "\xc3\xa9\xc3\xa9\xc3\xa9",
		    "\xc3\xa9\xc3\xa9\xc3\xa9" },
		{ "(?<a>\\x41\\101\\x{e9})", "AA\xc3\xa9", "AA\xc3\xa9" },
		{ "(?<a>\\cA\\C-b\\e\\t)", "\001\002\033\t", "\001\002\033\t" },
		{ "(?<a>\\y\\Q\\E\\N\\_\\<\\-\\/)", "yQEN_<-/", "yQEN_<-/" },
		{ "(?<a>\\w+)", "a\xc3\xa9", "a" },
		{ "(?<a>[[:alpha:]]+)",
		    "1\xc3\xa9"
		    "a",
		    "\xc3\xa9"
		    "a" },
		{ "(?<a>[[:^alpha:]]+)",
		    "\xc3\xa9"
		    "1",
		    "1" },
		{ "(?<a>[[:alpha:]\\w-]+)", " \xc3\xa9-1", "\xc3\xa9-1" },
		{ "(?<a>\\p{Alpha}+)", "1\xc3\xa9", "\xc3\xa9" },
		{ "(?<a>[\\p{^Alpha}]+)", "a12", "12" },
		{ "(?<a>\\p{Lu}\\P{Lu})", "aBc", "Bc" },
		{ "[[:space:]](?<a>\\d+)\\b", " 1\xd9\xa1 12", "12" },
		{ "(?<a>\\R)", "a\r\nb", "\r\n" },
		/* classes */
		{ "(?<a>[]a]+)", "x]a", "]a" },
		{ "(?<a>[^]a]+)", "x]a", "x" },
		{ "(?<a>[\\w-.]+)", " a-.", "a-." },
		{ "(?<a>[.-\\w]+)", " a-.", "a-." },
		{ "(?<a>[a-c-x]+)", "zc-x", "c-x" },
		{ "(?<a>[a[bc]d]+)", "xabcd", "abcd" },
		{ "(?<a>[^a[bc]]+)", "abxc", "x" },
		{ "(?<a>[\\[\\]]+)", "a[]", "[]" },
		{ "(?<a>[a&b]+)", "x&a", "&a" },
		{ "(?<a>[\\b]+)", "a\b", "\b" },
		{ "(?<a>[$^.*]+)", "a.^$", ".^$" },
		{ "(?<a>[^$]*)", "a b", "a b" },
		/* repeats */
		{ "(?<a>a{,2}b)", "aaab", "aab" },
		{ "(?<a>a{2}b)", "aab", "aab" },
		{ "(?<a>a{1,}?)", "aa", "a" },
		{ "(?<a>a{b}{,}{)", "a{b}{,}{", "a{b}{,}{" },
		{ "(?<a>a*+b)", "aab", "aab" },
		{ "(?<a>)]}", ")]}", "" },
	};
	struct err e;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const char *got = fits(t[i].pattern, t[i].text, &e);

		ok(t[i].want == NULL ? got == NULL
				     : got != NULL && strcmp(got, t[i].want) == 0,
		    "%s on '%s': %s", t[i].pattern, t[i].text, got ? got : e.text);
	}
}

static void
test_refused(void)
{
	static const struct {
		const char *pattern;
		unsigned at; /* the byte that is named */
		const char *why;
	} t[] = {
		{ "(?<a>b)\\1", 8, "by its number" },
		{ "x[a&&b]", 4, "&&" },
		{ "[a[^b]]", 3, "negated set" },
		{ "(?~a)", 1, "absent" },
		{ "x(?a)b", 2, "no such group" },
		{ "(?u:b)", 1, "no such group" },
		{ "(?|a|b)", 1, "no such group" },
		{ "(?R)", 1, "no such group" },
		{ "(?s)a", 1, "no such group" },
		{ "(*UTF)a", 1, "nothing to repeat" },
		{ "(?<n>?#c)", 6, "nothing to repeat" },
		{ "(?'n'?:c)", 6, "nothing to repeat" },
		{ "(?<n>(?#c)?#c)", 11, "nothing to repeat" },
		{ "(?<n>*ACCEPT)", 6, "nothing to repeat" },
		{ "((?#c)?#c)", 7, "nothing to repeat" },
		{ "a{2,3}+", 2, "write (?:...)+" },
		{ "a{2}?", 2, "optional in Ruby" },
		{ "\\k<a>", 1, "a name that there is not" },
		{ "(?<a>\\g<b>)", 6, "a name that there is not" },
		{ "(?<a>x)(?<a>y)\\g<a>", 15, "twice" },
		{ "\\xff", 1, "no character of UTF-8" },
		{ "\\M-a", 1, "no character of UTF-8" },
		{ "\\u12", 1, "four digits" },
		{ "\\ud800", 1, "four digits" },
		{ "a\\", 2, "at the end" },
		{ "a[b", 2, "not closed" },
		{ "(a", 3, "not closed" },
		{ "a)", 2, "closes nothing" },
		{ "(?<a b>c)", 1, "other than letters" },
		{ "(?<>c)", 1, "empty or not closed" },
		{ "abc(?<a>x)**+", 12, "quantifier" },
		{ "\xff", 1, "not UTF-8" },
		{ "(?<a>[z-a])", 9, "range out of order" },
	};
	struct err e;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char at[40];

		snprintf(at, sizeof at, "regex: byte %u of the pattern", t[i].at);
		ok(fits(t[i].pattern, "", &e) == NULL && e.status == ST_USAGE &&
			strstr(e.text, at) && strstr(e.text, t[i].why),
		    "%s: %s", t[i].pattern, e.text);
	}
}

static void
test_limits(void)
{
	char *text = malloc(RUBY_PATTERN_MAX + 100), *to = text;
	struct err e;

	for (int i = 0; i < 200; i++)
		to += sprintf(to, "(?<n%d>a)", i);
	ok(fits(text, "a", &e) != NULL, "a pattern with 200 groups");
	for (int i = 0; i < 57; i++)
		to += sprintf(to, "(?<m%d>a)", i);
	ok(fits(text, "a", &e) == NULL, "one with 257: %s", e.text);
	memset(text, '(', RUBY_DEPTH + 1);
	text[RUBY_DEPTH + 1] = '\0';
	ok(fits(text, "a", &e) == NULL && strstr(e.text, "deep"), "deep: %s", e.text);
	memset(text, 'a', RUBY_PATTERN_MAX + 1);
	text[RUBY_PATTERN_MAX + 1] = '\0';
	ok(fits(text, "a", &e) == NULL, "long: %s", e.text);
	for (to = text; to < text + RUBY_PATTERN_MAX - 10; to += 2)
		memcpy(to, "\\h", 3);
	ok(fits(text, "a", &e) == NULL, "long once it is PCRE2's: %s", e.text);
	free(text);
}

int
main(void)
{
	test_fits();
	test_refused();
	test_limits();
	return unit_end();
}
