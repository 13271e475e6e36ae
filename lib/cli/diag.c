#include "cli/diag.h"
#include "base/err.h"
#include "cli/opts.h"
#include "cli/progress.h"
#include "record/jscan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *prog = "?";

void
diag_init(const char *argv0)
{
	const char *s = strrchr(argv0, '/');

	prog = s ? s + 1 : argv0;
}

const char *
diag_prog(void)
{
	return prog;
}

/* Bytes at p that a terminal would obey: C0, DEL, C1 (U+0080 to U+009F, or as single bytes
 * where it takes no UTF-8), and what is no UTF-8. */
static unsigned
control(const unsigned char *p)
{
	const char *s = (const char *)p;

	if (p[0] < 0x20 || p[0] == 0x7f)
		return 1;
	if (p[0] >= 0x80 && jscan_utf8(s, s + strnlen(s, 4)) == 0)
		return 1;
	return p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0 ? 2 : 0;
}

size_t
diag_visible(char *to, size_t size, const char *text)
{
	size_t n = 0;

	for (const char *p = text; *p != '\0' && n + 9 < size;) {
		unsigned hide = control((const unsigned char *)p);

		if (hide == 0)
			to[n++] = *p++;
		for (; hide > 0; hide--)
			n += (size_t)snprintf(to + n, 5, "\\x%02x", (unsigned char)*p++);
	}
	to[n] = '\0';
	return n;
}

/* One write per message, so that programs of one pipe do not cut into each other's lines. */
static __attribute__((format(printf, 1, 0))) void
say(const char *fmt, va_list ap)
{
	char text[2048], line[4096];
	size_t n = 0;
	ssize_t ignored;

	progress_wipe();
	vsnprintf(text, sizeof text, fmt, ap);
	n = (size_t)snprintf(line, 64, "%.60s: ", prog);
	n += diag_visible(line + n, sizeof line - 1 - n, text);
	line[n++] = '\n';
	ignored = write(STDERR_FILENO, line, n);
	(void)ignored;
}

void
diag_warn(const char *fmt, ...)
{
	va_list ap;

	if (common.quiet)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
diag_note(const char *fmt, ...)
{
	va_list ap;

	if (common.verbose == 0)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
diag_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

int
diag_end(const struct err *e)
{
	diag_error("%s", e->text);
	return e->status;
}
