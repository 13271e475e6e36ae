/* ruby: patterns, translated and run: PCRE2 takes them or says where it does not, the names
 * are within the pattern, and a run on a text of its own ends.  And records that are cleaned by
 * them stay one object a line. */
#include "parse/ruby.h"
#include "base/err.h"
#include "fuzz.h"
#include "parse/clean.h"
#include "parse/parser.h"
#include "parse/regex.h"

static void
clean(const char *pattern)
{
	static const char line[] =
	    "{\"time\":\"t\",\"log\":\"{\\\"a\\\":\\\"\\\\u0061 \\u001b[1mb\\\",\\\"n\\\":12}"
	    "\",\"x\":[\"\xc3\xa9\",{\"y\":\"\\ud83c\\udf89\"}],\"n\":1.10}";
	struct clean c;
	struct str in = { line, sizeof line - 1 }, out;
	struct err e;

	if (clean_init(&c, "log", true, &pattern, 1, &e) == 0) {
		out = clean_line(&c, in);
		must(jscan_valid(out, NULL), "not JSON: %.*s", SHOW(out));
		must(memmem(out.p, out.n, "\"n\":1.10", 8) != NULL, "a number is lost");
	}
	clean_done(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct parsed got;
	char *s = c_string(data, size), raw[1024], place[2048];
	struct buf scratch;
	struct message m = { .raw = raw, .place = place, .scratch = &scratch };
	struct parser *p;
	struct ruby r;
	struct err e;
	size_t n = 0;

	if (ruby_read(&r, str_of(s), &e) == 0) {
		for (size_t i = 0; i < r.groups; i++)
			must(r.name[i].p >= s && r.name[i].p + r.name[i].n <= s + strlen(s),
			    "a name");
		for (size_t i = 0; i < r.pattern.n; i++)
			must(r.from[i] <= strlen(s), "from %zu", r.from[i]);
	} else {
		must(strstr(e.text, "pattern") != NULL, "%s", e.text);
	}
	ruby_done(&r);
	buf_init(&scratch, 4096);
	if ((p = regex_open("p", s, true, &e)) != NULL) {
		for (; n < strlen(s) && n < 500; n++)
			raw[n] = s[n] == '"' || s[n] == '\\' || (unsigned char)s[n] < 0x20
				     ? 'x'
				     : s[n];
		memset(raw + n, '"', 128);
		m.limit = raw + n + 1;
		if (parser_first(&p, 1, &m, &got) == PARSER_FITS)
			for (size_t i = 0; i < got.fields; i++)
				must(got.field[i].value.n <= m.text.n, "a value");
		parser_close(p);
	}
	buf_done(&scratch);
	clean(s);
	free(s);
	return 0;
}
