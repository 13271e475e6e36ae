/* zonenames.h - a file of names for offsets, for %Z.
 *
 *     # ours
 *     IST  +05:30   # Kolkata, not Dublin
 *     BRT  -03:00
 *
 * A line is a name, blanks and an offset (+hh:mm, +hhmm or +hh; hours to 23, minutes to 59);
 * what is behind a # is not looked at.  Names are told apart by case, and each stands once.
 */
#ifndef ZONENAMES_H
#define ZONENAMES_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct err;
struct zonenames;

enum {
	ZONENAMES_MAX = 1000,
	ZONENAMES_NAME_MAX = 15, /* letters A-Z a-z */
	ZONENAMES_FILE_MAX = 64 << 10,
};

/* NULL: ST_USAGE, no such file, or "PATH:LINE: reason"; ST_FAIL, memory. */
struct zonenames *zonenames_open(const char *path, struct err *e);

/* The same from the bytes of a file; `path` is for messages. */
struct zonenames *zonenames_from(struct str text, const char *path, struct err *e);
void zonenames_close(struct zonenames *z); /* NULL is fine */

/* Seconds east of Greenwich; false, and `offset` is left alone: no such name. */
bool zonenames_find(const struct zonenames *z, struct str name, int32_t *offset);

#endif
