/* texts.h - many short texts that are kept for long: each once, one behind the other.
 *
 * Thousands of names that come again (a directory with each of its files, a time in each of
 * the entries of a commit) cost as much as one each, and no heap block.  Texts never move and
 * are not freed one by one; whoever keeps changing them makes a new set now and then of those
 * that are still in use.  Zeros are an empty set.  Not thread-safe.
 */
#ifndef TEXTS_H
#define TEXTS_H
#include "base/siphash.h"
#include "base/str.h"
#include <stddef.h>
#include <stdint.h>

enum {
	TEXTS_BLOCK = 1 << 16,      /* bytes that are taken at a time */
	TEXTS_BLOCKS_MAX = 1 << 16, /* so at most 4 GiB */
};

struct texts {
	char **block;
	size_t blocks, block_cap;
	size_t used;            /* of the last block for small ones */
	size_t current;         /* which that is */
	struct siphash_key key; /* once there are slots: others choose the names */
	uint32_t *slot;         /* block and place in it; 0: none */
	size_t slots, n;
	size_t bytes; /* of all texts, with their NULs */
};

/* The text, kept, NUL behind it.  NULL: out of memory, or the kernel gives no randomness. */
const char *texts_keep(struct texts *t, struct str text);
void texts_done(struct texts *t);

#endif
