/* wishes.h - the parser that a record itself asks for, in a field.
 *
 *     kubernetes.parser                               a path of names; k8smeta's choice
 *     kubernetes.annotations.fluentbit\.io/parser     the annotation itself
 *
 * Dots part the names of a path; a dot of a name has a backslash before it, though a name is
 * also found when it has not.  The value is the name of a parser, opened when it is first
 * asked for.  Not thread-safe.
 */
#ifndef WISHES_H
#define WISHES_H
#include "base/str.h"
#include <stddef.h>
#include <stdint.h>

struct definitions;
struct err;
struct parser;

enum {
	WISHES_PATH_MAX = 1024,
	WISHES_NAME_MAX = 256, /* bytes of a parser's name; longer ones are unknown */
};

enum wished {
	WISH_NONE,    /* the field is not there, or is no string */
	WISH_KNOWN,   /* *parser points to one parser */
	WISH_UNKNOWN, /* there is no parser of that name; counted */
};

struct wishes {
	const struct definitions *definitions;
	char path[WISHES_PATH_MAX];
	struct str field;
	struct parser **open; /* by the number of their definition */
	size_t n, last;
	uint64_t unknown;
};

/* An empty `path` is WISHES_FIELD.  -1 (ST_USAGE): it is too long; (ST_FAIL): memory. */
#define WISHES_FIELD "kubernetes.parser"
int wishes_init(
    struct wishes *w, const struct definitions *d, const char *path, struct err *e);
void wishes_done(struct wishes *w);

enum wished wishes_find(struct wishes *w, struct str line, struct parser *const **parser);
#endif
