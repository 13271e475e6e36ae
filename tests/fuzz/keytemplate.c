/* keytemplate: TEMPLATE, LF, NODE, LF, a field's raw VALUE.  What is accepted gives keys that
 * stay in their place, for every hour, and whatever the value. */
#include "batch/keytemplate.h"
#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"

static const char id[] = "0123456789abcdef";

static void
check_key(const char *prefix, const struct keytemplate *t, struct str raw, int64_t hour)
{
	struct key_values v = { .hour = hour, .offset_s = 19800, .id = id };
	struct buf b, values;
	struct str rest, part;
	const char *slash;

	buf_init(&b, SIZE_MAX / 4);
	buf_init(&values, SIZE_MAX / 4);
	for (size_t i = 0; i < t->fields; i++) {
		size_t before = values.n;

		keytemplate_value(t, raw, &values);
		must(values.n > before && values.n - before <= t->value_max,
		    "a value of %zu", values.n - before);
		buf_addc(&values, '\0');
	}
	v.fields = t->fields > 0 ? values.p : NULL;
	buf_adds(&b, prefix);
	keytemplate_key(t, &v, &b);
	must(!b.failed && b.n > 0 && b.n <= KEY_MAX && strlen(b.p) == b.n, "%zu bytes",
	    b.n);
	for (const char *p = b.p, *end = p + b.n; p < end; p += jscan_utf8(p, end)) {
		must(jscan_utf8(p, end) > 0, "not UTF-8: %s", b.p);
		must((unsigned char)*p >= 0x20 && *p != 0x7f, "a control byte");
	}
	for (rest = (struct str){ b.p, b.n };;
	     rest = (struct str){ slash + 1, rest.n - part.n - 1 }) {
		slash = memchr(rest.p, '/', rest.n);
		part = (struct str){ rest.p, slash ? (size_t)(slash - rest.p) : rest.n };
		must(part.n > 0 && !str_eq(part, STR(".")) && !str_eq(part, STR("..")),
		    "a part of %s", b.p);
		if (slash == NULL)
			break;
	}
	must(strstr(b.p, id) != NULL, "no id: %s", b.p);
	buf_done(&b);
	buf_done(&values);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t hours[] = { 0, 495180, -1, -2559792, 2568000 };
	struct str rest = { (const char *)data, size }, template, node = STR("node"),
		   raw = STR("");
	char *text, *name;
	struct keytemplate t;
	struct err e;

	if (!next_line(&rest, &template))
		template = STR("");
	if (rest.n > 0)
		(void)next_line(&rest, &node);
	raw = exact(rest.p, rest.n);
	text = c_string((const uint8_t *)template.p, template.n);
	name = c_string((const uint8_t *)node.p, node.n);
	if (keytemplate_parse(&t, text, name, &e) == 0)
		for (size_t i = 0; i < sizeof hours / sizeof *hours; i++) {
			check_key("", &t, raw, hours[i]);
			check_key(KEY_ERRORS, &t, raw, hours[i]);
		}
	else
		must(e.status == ST_USAGE && strchr(e.text, '\n') == NULL, "%s", e.text);
	exact_free(raw);
	free(text);
	free(name);
	return 0;
}
