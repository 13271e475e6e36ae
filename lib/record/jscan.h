/* jscan.h - JSON text read without building a tree (RFC 8259).
 *
 * Three depths of looking, by cost:
 *
 *   jscan_shape  strings closed, brackets balanced, one object: what a filter checks of a
 *                record that it passes on
 *   jscan_next, jscan_find, jscan_path  the members of an object as raw slices; checks only
 *                what it must to find their ends
 *   jscan_valid  every byte: grammar, UTF-8, escapes, depth.  What it accepts is JSON
 *
 * Slices point into the caller's text.  Nothing recurses on its input; nesting over
 * JSCAN_DEPTH is refused by jscan_valid.  \ud800 without its other half is JSON by the
 * grammar and is accepted.
 */
#ifndef JSCAN_H
#define JSCAN_H
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSCAN_DEPTH = 1024 };

struct jscan_bad {
	size_t at; /* byte offset in the text */
	const char *why;
};

/* Is `text` one JSON value, blanks around it allowed?  If not, `bad` (may be NULL) says
 * where and why. */
bool jscan_valid(struct str text, struct jscan_bad *bad);

/* The same, watching for keys that stand twice in one object: `keys->maybe` says that there may
 * be some (one in ten objects without is taken for one with), unset that there are none. */
struct jscan_keys {
	uint64_t seen[JSCAN_DEPTH][4]; /* of the object at each depth, bits by hash */
	bool maybe;
};
bool jscan_valid_keys(struct str text, struct jscan_bad *bad, struct jscan_keys *keys);

/* The shape of one object a line; `flags` gets SHAPE_* of kernels.h (may be NULL). */
bool jscan_shape(struct str line, unsigned *flags);

struct jscan_member {
	struct str key;   /* between its quotes, escapes as they stand */
	struct str value; /* raw: a string with its quotes, a number, an object ... */
};

struct jscan {
	const char *p, *end;
	bool bad; /* the walk ended because the text is malformed */
};

/* Walk the members of `object` in order.  false: no more, or `bad`. */
void jscan_begin(struct jscan *it, struct str object);
bool jscan_next(struct jscan *it, struct jscan_member *m);

/* The same for the elements of an array. */
void jscan_items(struct jscan *it, struct str array);
bool jscan_item(struct jscan *it, struct str *value);

/* The first member of that name (given unescaped), however its key is written. */
bool jscan_find(struct str object, struct str key, struct jscan_member *m);

/* The same through nested objects: "kubernetes.labels.app".  A key that holds dots is tried
 * whole before it is cut: labels have them. */
bool jscan_path(struct str object, struct str path, struct jscan_member *m);

/* Is a raw value a string?  Its text is then between the first byte and the last. */
static inline bool
jscan_is_string(struct str raw)
{
	return raw.n >= 2 && *raw.p == '"';
}

/* Is a raw key this name? */
bool jscan_key_is(struct str raw, struct str name);

/* The closing quote of the string whose opening quote is at p[-1], or NULL. */
const char *jscan_string_end(const char *p, const char *end);

/* The same, or NULL if any byte up to there is not as RFC 8259 wants it. */
const char *jscan_string_valid(const char *p, const char *end);

/* The text of a raw string (without its quotes) into `to` (room for n bytes; at most as long
 * as the raw text).  Length, or -1 for a bad escape.  A lone surrogate becomes U+FFFD. */
ptrdiff_t jscan_unescape(struct str raw, char *to);

/* Length of the valid UTF-8 sequence at p (1 to 4), or 0. */
unsigned jscan_utf8(const char *p, const char *end);

#endif
