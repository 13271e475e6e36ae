/* lib/parse/conf: Fluent Bit's configuration files, both forms, and what is refused. */
#include "parse/conf.h"
#include "base/err.h"
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/unit-conf-XXXXXX";
static struct err e;

static const char *
file(const char *name, const char *text)
{
	static char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	return path;
}

/* All that was read, in a line: NAME@line{key=value@line ...}, */
static const char *
shown(const struct conf *c)
{
	static char text[4096];
	char *to = text, *end = text + sizeof text;

	*to = '\0';
	for (size_t i = 0; i < c->sections; i++) {
		const struct conf_section *s = &c->section[i];

		to += snprintf(to, (size_t)(end - to), "%s@%u{", s->name, s->line);
		for (size_t k = 0; k < s->entries; k++)
			to += snprintf(to, (size_t)(end - to), "%s%s=%s@%u", k ? " " : "",
			    s->entry[k].key, s->entry[k].value, s->entry[k].line);
		to += snprintf(to, (size_t)(end - to), "}");
	}
	return text;
}

static void
test_read(void)
{
	static const struct {
		const char *name, *text,
		    *want; /* want NULL: refused, `why` in the text */
		const char *why;
	} t[] = {
		{ "a.conf", "", "", NULL },
		{ "a.conf", "[PARSER]\n    Name a\n    Time_Key  time  \n",
		    "PARSER@1{name=a@2 time_key=time@3}", NULL },
		{ "a.conf",
		    "\xef\xbb\xbf# x\r\n\r\n[parser]\r\n\tName\ta b\r\n  # Name c\r\n",
		    "PARSER@3{name=a b@4}", NULL },
		{ "a.conf", "[SERVICE]\n  Flush 1\n  Odd\n[PARSER]\n Name a\n Name b",
		    "PARSER@4{name=a@5 name=b@6}", NULL },
		{ "a.conf", "[MULTILINE_PARSER]\n rule \"a\" \"/x y/\" \"b\"\n",
		    "MULTILINE_PARSER@1{rule=\"a\" \"/x y/\" \"b\"@2}", NULL },
		{ "a.conf",
		    "@SET A=1 # 2\n@set B = ${A}\n[PARSER]\n x ${A}${B}.$.${.{}$\n",
		    "PARSER@3{x=1 # 21 # 2.$.${.{}$@4}", NULL },
		{ "a.conf", "[PARSER]\n x a${3}b${}c${UNIT_CONF}\n",
		    "PARSER@1{x=a${3}b${}cenv@2}", NULL },
		{ "a.conf", "[INPUT]\n [GROUP]\n x y\n[PARSER]\n x y\n",
		    "PARSER@4{x=y@5}", NULL },
		{ "a.conf", "[PARSER]\n x ${UNIT_NOT_SET}\n", NULL,
		    ":2: ${UNIT_NOT_SET} is not set" },
		{ "a.conf", "[PARSER]\n Name\n", NULL, ":2: Name has no value" },
		{ "a.conf", "Name a\n", NULL, ":1: a key before any [SECTION]" },
		{ "a.conf", "[PARSER\n", NULL, ":1: a section is [NAME]" },
		{ "a.conf", "[PARSER] x\n", NULL, ":1: a section is [NAME]" },
		{ "a.conf", "[PARSER]\n [GROUP]\n", NULL, ":2: a parser has no groups" },
		{ "a.conf", "@INCLUDE a.conf\n", NULL, "includes itself" },
		{ "a.conf", "@INCLUDE none.conf\n", NULL, "No such file" },
		{ "a.conf", "@INCLUDE none-*.conf\n", NULL, "no such file" },
		{ "a.conf", "@SET x\n", NULL, ":1: @SET wants NAME=VALUE" },
		{ "a.conf", "\n@FOO x\n", NULL, ":2: @FOO: not @SET or @INCLUDE" },
		/* YAML */
		{ "a.yaml", "", "", NULL },
		{ "a.yaml",
		    "parsers:\n  - name: a\n    timeKey: time\n    Time_Keep: on\n",
		    "PARSER@2{name=a@2 time_key=time@3 time_keep=on@4}", NULL },
		{ "a.yaml",
		    "parsers:\n- {name: a, decode_field_as: [escaped log, json log]}\n",
		    "PARSER@2{name=a@2 decode_field_as=escaped log@2 "
		    "decode_field_as=json "
		    "log@2}",
		    NULL },
		{ "a.yml",
		    "parsers: [{name: '${A}'}]\nenv: {A: x, B: y}\npipeline: {inputs: "
		    "[]}\n",
		    "PARSER@1{name=x@1}", NULL },
		{ "a.yaml",
		    "multiline_parsers:\n- type: regex\n  rules:\n  - state: "
		    "start_state\n"
		    "    regex: '/^\"\\d \\\"/'\n    next_state: cont\n"
		    "  - {state: cont, regex: x}\n",
		    "MULTILINE_PARSER@2{type=regex@2 rule=\"start_state\" \"/^\\\"\\d "
		    "\\\"/\" \"cont\"@4 rule=\"cont\" \"x\"@7}",
		    NULL },
		{ "a.yaml", "parsers: 1\n", NULL, ":1: not a list" },
		{ "a.yaml", "- 1\n", NULL, ":1: not a map" },
		{ "a.yaml", "parsers:\n- 1\n", NULL, ":2: not a map" },
		{ "a.yaml", "parsers:\n- name: {}\n", NULL, ":2: not text" },
		{ "a.yaml", "parsers:\n- ? {}\n  : x\n", NULL, ":2: a key is not text" },
		{ "a.yaml", "parsers: [\n", NULL, ": not YAML: " },
		{ "a.yaml", "\"\xff\"", NULL, ": not YAML: " },
		{ "a.yaml", "parsers: &x [*x]\n", NULL, ": not a map" },
		{ "a.yaml", "multiline_parsers: [{rules: [{state: a}]}]\n", NULL,
		    ":1: a rule has no regex" },
		{ "a.yaml", "multiline_parsers: [{rules: [{what: a}]}]\n", NULL,
		    ":1: what: not state" },
		{ "a.yaml", "includes: [a.yaml]\n", NULL, "includes itself" },
		{ "a.yaml", "parsers: [{name: \"a\\0b\"}]\n", NULL, "NUL byte" },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct conf c;
		int r;

		conf_init(&c);
		r = conf_read(&c, file(t[i].name, t[i].text), &e);
		if (t[i].want != NULL)
			ok(r == 0 && strcmp(shown(&c), t[i].want) == 0, "%zu: %s: %s", i,
			    t[i].text, r < 0 ? e.text : shown(&c));
		else
			ok(r < 0 && e.status == ST_USAGE && strstr(e.text, t[i].why),
			    "%zu: refused: %s: %s", i, t[i].text,
			    r < 0 ? e.text : "taken");
		conf_done(&c);
	}
}

/* More than the ceilings. */
static void
test_limits(void)
{
	char *text = malloc(CONF_FILE_MAX + 100), *to;
	struct conf c;

	conf_init(&c);
	to = stpcpy(text, "[PARSER]\n x ");
	memset(to, 'y', CONF_VALUE_MAX + 1);
	to[CONF_VALUE_MAX + 1] = '\0';
	ok(conf_read(&c, file("a.conf", text), &e) < 0, "a long value: %s", e.text);
	to[CONF_VALUE_MAX] = '\0';
	conf_done(&c);
	ok(conf_read(&c, file("a.conf", text), &e) == 0, "one just short enough");
	conf_done(&c);
	to = stpcpy(text, "[PARSER]\n");
	for (int i = 0; i <= CONF_ENTRIES_MAX; i++)
		to = stpcpy(to, " x y\n");
	ok(conf_read(&c, file("a.conf", text), &e) < 0, "many entries: %s", e.text);
	conf_done(&c);
	for (int i = 0, n = (to = text, 0); i <= CONF_SECTIONS_MAX; i++, n++)
		to = stpcpy(to, "[PARSER]\n");
	ok(conf_read(&c, file("a.conf", text), &e) < 0, "many sections: %s", e.text);
	conf_done(&c);
	memset(text, '#', CONF_FILE_MAX + 1);
	text[CONF_FILE_MAX + 1] = '\0';
	ok(conf_read(&c, file("a.conf", text), &e) < 0, "a large file: %s", e.text);
	conf_done(&c);
	ok(conf_read(&c, "/nowhere/a.conf", &e) < 0 && e.status == ST_USAGE,
	    "no such file: %s", e.text);
	conf_done(&c);
	free(text);
}

static void
test_includes(void)
{
	struct conf c;
	char name[40], text[200];

	conf_init(&c);
	file("in-1.conf", "[PARSER]\n name ${N}1\n");
	file("in-2.conf", "[PARSER]\n name ${N}2\n");
	file("in.yaml", "parsers: [{name: \"${N}3\"}]\n");
	ok(conf_read(&c,
	       file("a.conf", "@SET N=x\n@INCLUDE in-*.conf\n@INCLUDE in.yaml\n"),
	       &e) == 0 &&
		strcmp(shown(&c), "PARSER@1{name=x1@2}PARSER@1{name=x2@2}"
				  "PARSER@1{name=x3@1}") == 0,
	    "files beside it, in order: %s", shown(&c));
	ok(c.sections == 3 && strstr(c.section[1].file, "in-2.conf") != NULL,
	    "a section knows its file");
	conf_done(&c);
	file("loop-b.conf", "@INCLUDE loop-a.conf\n");
	ok(conf_read(&c, file("loop-a.conf", "\n@INCLUDE loop-b.conf\n"), &e) < 0 &&
		strstr(e.text, "loop-b.conf:1: ") && strstr(e.text, "includes itself"),
	    "a loop of two: %s", e.text);
	conf_done(&c);
	for (int i = 0; i <= CONF_DEPTH + 1; i++) {
		snprintf(name, sizeof name, "deep-%d.conf", i);
		snprintf(text, sizeof text, "@INCLUDE deep-%d.conf\n", i + 1);
		file(name, text);
	}
	snprintf(text, sizeof text, "%s/deep-0.conf", dir);
	ok(conf_read(&c, text, &e) < 0 && strstr(e.text, "deep") != NULL, "too deep: %s",
	    e.text);
	conf_done(&c);
}

static void
test_words(void)
{
	static const char *const list[] = { "regex", "format", "time_key", NULL };
	char value[] = " \"a b\"  c \"\\\"d\\\\\"  \"/^\\s+\\\\\\\"/\" e", *w[3];
	size_t n = conf_words(value, w, 3);

	ok(n == 5 && !strcmp(w[0], "a b") && !strcmp(w[1], "c") &&
		!strcmp(w[2], "\"d\\\\"),
	    "words: %zu %s %s %s", n, w[0], w[1], w[2]);
	ok(conf_bool("On") == 1 && conf_bool("FALSE") == 0 && conf_bool("2") == -1,
	    "booleans");
	ok(!strcmp(conf_nearest("regx", list), "regex") &&
		!strcmp(conf_nearest("fromat", list), "format") &&
		!strcmp(conf_nearest("timekey", list), "time_key") &&
		conf_nearest("zebra", list) == NULL,
	    "the nearest word");
}

int
main(void)
{
	char command[100];

	if (mkdtemp(dir) == NULL)
		return 1;
	setenv("UNIT_CONF", "env", 1);
	unsetenv("UNIT_NOT_SET");
	test_read();
	test_limits();
	test_includes();
	test_words();
	snprintf(command, sizeof command, "rm -r %s", dir);
	ok(system(command) == 0, "swept up");
	return unit_end();
}
