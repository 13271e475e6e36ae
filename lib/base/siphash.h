/* siphash.h - SipHash-1-3 (Aumasson, Bernstein): a hash for tables whose keys others choose.
 *
 * Who does not know its key of 128 bits cannot find texts that meet in one place of the
 * table.  The same text hashes differently in every run: nothing that is written may depend
 * on it.
 */
#ifndef SIPHASH_H
#define SIPHASH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k[2];
};

/* A key that nobody knows; false: the kernel has none. */
bool siphash_new_key(struct siphash_key *key);

/* Of `first` (as eight bytes, the lowest first) and the n bytes behind it. */
uint64_t siphash(const struct siphash_key *key, uint64_t first, const void *p, size_t n);

#endif
