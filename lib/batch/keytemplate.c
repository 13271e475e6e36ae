#include "batch/keytemplate.h"
#include "base/buf.h"
#include "base/err.h"
#include "record/jscan.h"
#include "record/timestamp.h"

#include <stdio.h>

/* Letters, digits and what RFC 3986 leaves alone; all else as %XX.  A value of dots alone
 * would be a step in a path. */
static void
put_encoded(struct buf *b, const char *s)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
	bool dots = s[strspn(s, ".")] == '\0';

	for (; *s != '\0'; s++) {
		if (strchr(plain, *s) != NULL && !(dots && *s == '.'))
			buf_addc(b, *s);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
	}
}

static void
put_time(struct buf *b, char code, int64_t hour)
{
	int64_t day = hour >= 0 ? hour / 24 : -((-hour + 23) / 24);
	int y, m, d;

	timestamp_civil(day, &y, &m, &d);
	if (code == 'Y')
		buf_printf(b, "%04d", y);
	else if (code == 'm')
		buf_printf(b, "%02d", m);
	else if (code == 'd')
		buf_printf(b, "%02d", d);
	else if (code == 'H')
		buf_printf(b, "%02d", (int)(hour - day * 24));
	else if (code == 'j')
		buf_printf(b, "%03d", (int)(day - timestamp_day(y, 1, 1) + 1));
	else
		buf_addc(b, code);
}

void
keytemplate_key(
    const char *t, const char *node, int64_t hour, const char *id, struct buf *key)
{
	for (; *t != '\0'; t++) {
		if (*t == '%') {
			put_time(key, *++t, hour);
		} else if (strncmp(t, "{node}", 6) == 0) {
			put_encoded(key, node);
			t += 5;
		} else if (strncmp(t, "{id}", 4) == 0) {
			buf_adds(key, id);
			t += 3;
		} else {
			buf_addc(key, *t);
		}
	}
}

static int
check_codes(const char *t, struct err *e)
{
	unsigned ids = 0;

	for (const char *p = t; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '"' || *p == '\\')
			return err_set(e, ST_USAGE,
			    "--key: a control byte, quote or backslash at byte %td",
			    p - t);
		if (*p == '%') {
			if (*++p == '\0' || strchr("YmdHj%", *p) == NULL)
				return err_set(e, ST_USAGE,
				    "--key: %%%c at byte %td: not one of %%Y %%m %%d %%H "
				    "%%j %%%%",
				    *p ? *p : ' ', p - t - 1);
		} else if (*p == '{') {
			bool id = strncmp(p, "{id}", 4) == 0;

			if (!id && strncmp(p, "{node}", 6) != 0)
				return err_set(e, ST_USAGE,
				    "--key: byte %td: only {node} and {id} may stand in "
				    "braces",
				    p - t);
			ids += id;
			p += id ? 3 : 5;
		} else if (*p == '}') {
			return err_set(e, ST_USAGE,
			    "--key: byte %td: a brace that was not opened", p - t);
		}
	}
	if (ids != 1)
		return err_set(e, ST_USAGE,
		    "--key: {id} must stand in it once: it keeps objects apart");
	return 0;
}

static int
check_key(const char *key, struct err *e)
{
	const char *p = key;

	if (strlen(key) > KEY_MAX)
		return err_set(e, ST_USAGE, "--key: gives keys over %d bytes", KEY_MAX);
	p += strlen(KEY_ERRORS);
	for (;;) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && *p == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return err_set(e, ST_USAGE,
			    "--key: gives keys with an empty part, \".\" or \"..\": "
			    "%.200s",
			    key);
		if (p[n] == '\0')
			return 0;
		p += n + 1;
	}
}

int
keytemplate_check(const char *t, const char *node, struct err *e)
{
	struct buf key;
	int r;

	if (*node == '\0')
		return err_set(e, ST_USAGE, "--node: empty");
	if (check_codes(t, e) < 0)
		return -1;
	for (const char *p = t, *end = t + strlen(t); p < end; p += jscan_utf8(p, end))
		if (jscan_utf8(p, end) == 0)
			return err_set(
			    e, ST_USAGE, "--key: not UTF-8 at byte %td", p - t);
	buf_init(&key, 64 << 10);
	buf_adds(&key, KEY_ERRORS);
	keytemplate_key(t, node, 0, "0123456789abcdef", &key);
	r = buf_check(&key, "--key", e) < 0 ? -1 : check_key(key.p, e);
	buf_done(&key);
	return r;
}
