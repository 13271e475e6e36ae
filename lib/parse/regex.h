/* regex.h - the parsers that are a pattern with named groups (PCRE2, compiled to machine
 * code where that is possible).
 *
 * The pattern is read as Ruby's (ruby.h), and sees UTF-8.  The named groups become fields
 * in the order in which they stand in it; a group that took no part or is empty gives none
 * (with keep_empty: an empty one), as in Fluent Bit; of groups of one name the first that
 * took part gives it.
 *
 * A pattern that explodes on a text (nested repeats) is stopped after REGEX_STEPS steps
 * or REGEX_HEAP_KIB of memory: PARSER_FAILED, within some milliseconds.  Source:
 * pcre2api(3), pcre2jit(3).
 */
#ifndef REGEX_H
#define REGEX_H
#include <stdbool.h>
#include <stdint.h>

struct err;
struct parser;

enum {
	REGEX_STEPS = 1000000,
	REGEX_HEAP_KIB = 8 << 10,
	REGEX_STACK = 512 << 10, /* for compiled patterns */
};

/* `name` is kept, `pattern` is not.  NULL (ST_USAGE): the pattern is wrong ("regex: byte N of
 * the pattern: reason") or has no or over PARSED_FIELDS_MAX named groups. */
struct parser *regex_open(
    const char *name, const char *pattern, bool keep_empty, struct err *e);

/* A pattern of Ruby's compiled, with the JIT where that is allowed; the names of groups are in
 * `r` (which is the caller's to end, also on failure); `options` are PCRE2's, beside those that
 * the pattern asks for.  NULL: as above. */
struct ruby;
struct pcre2_real_code_8;
struct pcre2_real_code_8 *regex_compile(
    struct ruby *r, const char *pattern, uint32_t options, struct err *e);
#endif
