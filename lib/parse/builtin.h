/* builtin.h - the parsers that need no file, by the names that Fluent Bit's stock
 * parsers.conf gives them, with the same field names.
 *
 * Each has a sample line that it fits: documentation, and a test.  The patterns are
 * PCRE2.
 */
#ifndef BUILTIN_H
#define BUILTIN_H
#include <stddef.h>

struct builtin {
	const char *name;
	const char *pattern; /* NULL: JSON */
	const char *sample;
};

extern const struct builtin builtins[];
extern const size_t builtins_n;
#endif
