/* columns.h - which members records have, and of what kinds: the columns of a table.
 *
 * Seen from samples, or those that every record of logsweep may have.  Kinds are widened as
 * records come: whole numbers to fractions, and what does not go together to the JSON text of
 * it.  Objects whose names are data (labels, annotations) are maps of text to text, and so are
 * objects of very many members.
 */
#ifndef COLUMNS_H
#define COLUMNS_H
#include "base/str.h"
#include <stdbool.h>

struct err;

enum {
	COLUMNS_MAX = 2000,    /* members, of all depths; more become part of JSON text */
	COLUMNS_DEPTH = 8,     /* of objects and arrays; deeper ones are JSON text */
	COLUMNS_MEMBERS = 128, /* of one object; more make it a map, or JSON text */
	COLUMNS_NAME_MAX = 200, /* longer names are left out */
};

enum column_kind {
	COLUMN_NULL, /* only null was seen */
	COLUMN_BOOL,
	COLUMN_INT,
	COLUMN_DOUBLE,
	COLUMN_TEXT,
	COLUMN_JSON,   /* several kinds, as the text that stands there */
	COLUMN_MAP,    /* of text to text */
	COLUMN_OBJECT, /* child[0 .. n) */
	COLUMN_ARRAY,  /* child[0]: of its elements */
};

struct column {
	char *name; /* unescaped */
	enum column_kind kind;
	struct column *child;
	size_t n, cap;
};

struct columns {
	struct column all; /* an object */
	size_t count;      /* members in it */
};

void columns_init(struct columns *c);
void columns_done(struct columns *c);

/* What a record has, but for `_src`; marks and lines that are no records have nothing. */
int columns_add(struct columns *c, struct str line, struct err *e);

/* The records of a file, or the object that it is; `name` is for messages. */
int columns_read(struct columns *c, int fd, const char *name, struct err *e);

/* What records have when nothing is known of what was logged. */
int columns_default(struct columns *c, struct err *e);

#endif
