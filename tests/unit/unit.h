/* unit.h - the smallest test frame: TAP lines, tables do the rest.
 *
 *     static void test_things(void) { ok(1 + 1 == 2, "sums: %d", 2); }
 *     int main(void) { test_things(); return unit_end(); }
 */
#ifndef UNIT_H
#define UNIT_H
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int unit_run, unit_bad;

static inline __attribute__((format(printf, 4, 5))) bool
unit_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\n' || *p == '#')
			*p = '.';
	printf("%sok %d - %s\n", good ? "" : "not ", ++unit_run, text);
	if (!good) {
		printf("# at %s:%d\n", file, line);
		unit_bad++;
	}
	return good;
}
#define ok(cond, ...) unit_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

static inline int
unit_end(void)
{
	printf("1..%d\n", unit_run);
	return unit_bad != 0;
}
#endif
