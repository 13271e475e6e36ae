/* nameset.h - does a name stand in a text already?
 *
 * Names are pieces of one text, told by where they begin; the text may move as it grows.  Time
 * is linear in their lengths, whatever they are: whoever chooses them does not know the hash's
 * key (siphash.h).  Memory is that of the most names there were at once, and
 * is used again.
 */
#ifndef NAMESET_H
#define NAMESET_H
#include "base/siphash.h"
#include <stddef.h>
#include <stdint.h>

struct nameset {
	/* private */
	const struct siphash_key *secret;
	uint32_t round; /* slots of another one are free */
	size_t n, slots;
	struct nameset_slot *slot;
};

/* No memory is taken yet; `secret` is borrowed. */
void nameset_init(struct nameset *s, const struct siphash_key *secret);
void nameset_done(struct nameset *s);

/* Forgets all names: another text begins, or another map in it. */
void nameset_begin(struct nameset *s);

/* The n bytes at text + at, which is under 4 GiB.  1: they are new; 0: they were added before;
 * -1: out of memory. */
int nameset_add(struct nameset *s, const char *text, size_t at, size_t n);

#endif
