/* regex.h - the parsers that are a pattern with named groups (PCRE2, compiled to machine
 * code where that is possible).
 *
 * The named groups become fields in the order in which they stand in the pattern; a group
 * that took no part or is empty gives none, as in Fluent Bit.  The pattern sees UTF-8.
 *
 * A pattern that explodes on a text (nested repeats) is stopped after REGEX_STEPS steps
 * or REGEX_HEAP_KIB of memory: PARSER_FAILED, within some milliseconds.  Source:
 * pcre2api(3), pcre2jit(3).
 */
#ifndef REGEX_H
#define REGEX_H
struct err;
struct parser;

enum {
	REGEX_STEPS = 1000000,
	REGEX_HEAP_KIB = 8 << 10,
	REGEX_STACK = 512 << 10, /* for compiled patterns */
};

/* `name` is kept, `pattern` is not.  NULL (ST_USAGE): the pattern is wrong (where and why
 * is in `e`) or has no or over PARSED_FIELDS_MAX named groups. */
struct parser *regex_open(const char *name, const char *pattern, struct err *e);
#endif
