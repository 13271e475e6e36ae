#include "base/siphash.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

bool
siphash_new_key(struct siphash_key *key)
{
	return getrandom(key, sizeof *key, 0) == sizeof *key;
}

static inline uint64_t
turn(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static inline void
mix(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = turn(v[1], 13) ^ v[0];
	v[0] = turn(v[0], 32);
	v[2] += v[3];
	v[3] = turn(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = turn(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = turn(v[1], 17) ^ v[2];
	v[2] = turn(v[2], 32);
}

static inline void
add(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v);
	v[0] ^= word;
}

uint64_t
siphash(const struct siphash_key *key, uint64_t first, const void *p, size_t n)
{
	uint64_t v[4] = { key->k[0] ^ 0x736f6d6570736575, key->k[1] ^ 0x646f72616e646f6d,
		key->k[0] ^ 0x6c7967656e657261, key->k[1] ^ 0x7465646279746573 };
	const unsigned char *c = p;
	uint64_t word;
	size_t i;

	add(v, first);
	for (i = 0; i + sizeof word <= n; i += sizeof word) {
		memcpy(&word, c + i, sizeof word);
		add(v, le64toh(word));
	}
	word = (uint64_t)(n + sizeof first) << 56;
	for (unsigned shift = 0; i < n; i++, shift += 8)
		word |= (uint64_t)c[i] << shift;
	add(v, word);
	v[2] ^= 0xff;
	mix(v);
	mix(v);
	mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
