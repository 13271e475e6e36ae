/* keys.h - does an object, or one in it, have a key twice?
 *
 * Keys are compared by what they mean ("a" and "\u0061" are one), by a hash of 64 bits and
 * their length.  More than KEYS_MAX are taken for two alike.  Time is linear in the length of
 * the text, whatever its keys are: the hash has a key of its own (siphash.h).
 */
#ifndef KEYS_H
#define KEYS_H
#include "base/str.h"
#include <stdbool.h>

enum { KEYS_MAX = 1 << 16 }; /* of a text, in all its objects */

struct keys; /* room for them, taken when first needed (3 MiB), and used again */

/* `object` is valid JSON.  Without memory or randomness: true. */
bool keys_twice(struct keys **keys, struct str object);
void keys_free(struct keys *keys);
#endif
