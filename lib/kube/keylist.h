/* keylist.h - which labels or annotations are wanted: "app,team,tier-*,!*-hash".
 *
 * Names and globs (fnmatch(3), '*' goes over '/' and '.'), with commas between; one that
 * begins with '!' takes out what it matches; "" wants none.  A list of '!' alone is taken
 * from all.  kubectl.kubernetes.io/last-applied-configuration, which repeats the whole
 * object, is wanted only when a list names it without a glob.
 */
#ifndef KEYLIST_H
#define KEYLIST_H
#include "base/str.h"
#include <stdbool.h>

struct err;

enum {
	KEYLIST_MAX = 64,      /* names and globs */
	KEYLIST_TEXT = 4096,   /* bytes of the list */
	KEYLIST_KEY_MAX = 320, /* longest key: a prefix of 253, '/', a name of 63 */
};

struct keylist {
	char text[KEYLIST_TEXT];
	const char *glob[KEYLIST_MAX]; /* in text */
	size_t n;
	bool all; /* begins with everything */
};

/* -1 (ST_USAGE): too long, or an empty '!'. */
int keylist_parse(const char *list, const char *option, struct keylist *k, struct err *e);

/* `key` is a raw JSON key.  Keys longer than KEYLIST_KEY_MAX are not wanted. */
bool keylist_wants(const struct keylist *k, struct str key);

#endif
