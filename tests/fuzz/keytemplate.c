/* keytemplate: TEMPLATE, LF, NODE.  What is accepted gives keys that stay in their place,
 * for every hour. */
#include "batch/keytemplate.h"
#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"

static const char id[] = "0123456789abcdef";

static void
check_key(const char *prefix, const char *template, const char *node, int64_t hour)
{
	struct buf b;
	struct str rest, part;
	const char *slash;

	buf_init(&b, SIZE_MAX / 4);
	buf_adds(&b, prefix);
	keytemplate_key(template, node, hour, id, &b);
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
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t hours[] = { 0, 495180, -1, -2559792, 2568000 };
	const uint8_t *lf = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t n = lf != NULL ? (size_t)(lf - data) : size;
	char *template = c_string(data, n);
	char *node = lf != NULL ? c_string(lf + 1, size - n - 1) : c_string("node", 4);
	struct err e;

	if (keytemplate_check(template, node, &e) == 0)
		for (size_t i = 0; i < sizeof hours / sizeof *hours; i++) {
			check_key("", template, node, hours[i]);
			check_key(KEY_ERRORS, template, node, hours[i]);
		}
	else
		must(e.status == ST_USAGE && strchr(e.text, '\n') == NULL, "%s", e.text);
	free(template);
	free(node);
	return 0;
}
