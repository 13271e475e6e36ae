#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
err_set(struct err *e, int status, const char *fmt, ...)
{
	va_list ap;

	e->status = status;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_sys(struct err *e, const char *subject)
{
	int no = errno;

	return err_set(e, no == EACCES || no == EPERM ? ST_NOPERM : ST_FAIL, "%s: %s",
	    subject, strerror(no));
}

static int
rank(int status)
{
	return status == ST_OK ? 0 : status == ST_ASIDE ? 1 : 2;
}

int
status_worse(int a, int b)
{
	return rank(b) > rank(a) ? b : a;
}
