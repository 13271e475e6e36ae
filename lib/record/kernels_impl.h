/* kernels_impl.h - what the tables of kernels share among themselves; see kernels.h. */
#ifndef KERNELS_IMPL_H
#define KERNELS_IMPL_H
#include "record/kernels.h"

#include <string.h>

extern const struct kernels kernels_sse2, kernels_avx2, kernels_avx512, kernels_neon;

/* The plain forms, for the ends that fill no vector. */
const char *kernels_special(const char *p, const char *end);
const char *kernels_plain(const char *p, const char *end);
const char *kernels_quote(const char *p, const char *end);
char *kernels_escape(char *dst, const char **src, const char *end);

/* May this byte follow a backslash alone? */
static inline bool
one_letter(char c)
{
	return c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' ||
	       c == 'r' || c == 't';
}

/* kernels_spread[m]: where each of 8 bytes goes when those marked in `m` get a '\\' before
 * them; an index with its top bit set is such a '\\' (or past the end). */
extern unsigned char kernels_spread[256][16];

void kernels_avx512_init(void);

/* For shape.inc.h */

/* `letter` marks a few bytes more than '_' and 'k', the first of the keys looked for: both
 * are 0x7f with LETTER set, so one comparison finds them. */
struct masks {
	uint64_t quote, back, open, close, ctrl, letter;
};

enum { LETTER = 0x34 };

static inline bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Bits of the bytes that a backslash escapes: those after a run of backslashes of odd length.
 * Adding a run's first bit carries past its end, and whether that ends on an odd or even bit
 * tells its length.  *carry: the block before ended in an unpaired backslash. */
static inline uint64_t
escaped_bytes(uint64_t back, uint64_t *carry)
{
	const uint64_t even = 0x5555555555555555;
	uint64_t after, odd_starts, ends;

	back &= ~*carry;
	after = back << 1 | *carry;
	odd_starts = back & ~even & ~after;
	*carry = __builtin_add_overflow(odd_starts, back, &ends);
	return (even ^ ends << 1) & after;
}

/* Are the marked control bytes, which stand outside of strings, blanks? */
static inline bool
only_blanks(const char *block, uint64_t ctrl)
{
	for (; ctrl != 0; ctrl &= ctrl - 1)
		if (!blank(block[__builtin_ctzll(ctrl)]))
			return false;
	return true;
}

/* SHAPE_* of the strings whose first bytes are marked. */
unsigned kernels_telling_keys(const char *p, const char *end, uint64_t first);

static inline int64_t
depth_loop(int64_t depth, uint64_t open, uint64_t close)
{
	for (uint64_t both = open | close; both != 0 && depth > 0; both &= both - 1)
		depth += open & both & -both ? 1 : -1;
	return depth;
}

static inline uint64_t
xor_shifts(uint64_t x)
{
	x ^= x << 1;
	x ^= x << 2;
	x ^= x << 4;
	x ^= x << 8;
	x ^= x << 16;
	return x ^ x << 32;
}

#endif
