/* AVX-512 with its byte sets: a mask register holds what the others gather from vectors, and
 * a load that leaves out what is behind the end needs no loop for the rest. */
#include "record/kernels_impl.h"

#if defined __x86_64__
#include <immintrin.h>

#define AVX512                                                                           \
	__attribute__((                                                                  \
	    target("avx512f,avx512bw,avx512vl,avx512vbmi2,pclmul,popcnt,bmi,bmi2")))

/* Bits of the bytes at p that are before `end`. */
AVX512 static inline uint64_t
before(const char *p, const char *end)
{
	return _bzhi_u64(UINT64_MAX, end - p < 64 ? (unsigned)(end - p) : 64);
}

AVX512 static inline uint64_t
equal(__m512i x, char c)
{
	return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(c));
}

/* signed: bytes >= 0x80 are negative, so one compare finds them and controls */
AVX512 static inline uint64_t
odd_bytes(__m512i x)
{
	return _mm512_cmplt_epi8_mask(x, _mm512_set1_epi8(0x20));
}

AVX512 static const char *
special_avx512(const char *p, const char *end)
{
	for (; p < end; p += 64) {
		uint64_t there = before(p, end);
		__m512i x = _mm512_maskz_loadu_epi8(there, p);
		uint64_t hit = odd_bytes(x) | equal(x, '"') | equal(x, '\\');

		if ((hit & there) != 0)
			return p + __builtin_ctzll(hit & there);
	}
	return end;
}

AVX512 static const char *
quote_avx512(const char *p, const char *end)
{
	for (; p < end; p += 64) {
		__m512i x = _mm512_maskz_loadu_epi8(before(p, end), p);
		uint64_t hit = equal(x, '"') | equal(x, '\\');

		if (hit != 0)
			return p + __builtin_ctzll(hit);
	}
	return end;
}

/* Bytes that may follow a backslash alone, by two tables of nibbles: a bit for each high
 * nibble that has such letters, in each low nibble that is one. */
AVX512 static inline uint64_t
one_letters(__m512i x)
{
	const __m512i low = _mm512_broadcast_i32x4(
	    _mm_setr_epi8(0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1));
	const __m512i high = _mm512_broadcast_i32x4(
	    _mm_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0));
	const __m512i nibble = _mm512_set1_epi8(15);
	__m512i a = _mm512_shuffle_epi8(low, _mm512_and_si512(x, nibble));
	__m512i b =
	    _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble));

	return _mm512_test_epi8_mask(a, b);
}

AVX512 static const char *
plain_avx512(const char *p, const char *end)
{
	while (p < end) {
		uint64_t there = before(p, end), carry = 0;
		__m512i x = _mm512_maskz_loadu_epi8(there, p);
		uint64_t stop = odd_bytes(x), quote = equal(x, '"');
		uint64_t back = equal(x, '\\');

		if (back != 0) {
			uint64_t escaped = escaped_bytes(back, &carry);

			quote &= ~escaped;
			stop |= (escaped & ~one_letters(x)) >> 1;
			/* the last byte there is may not begin an escape */
			stop |= end - p <= 64 && carry ? 1ULL << 63 : 0;
		}
		stop = (stop | quote) & there;
		if (stop != 0)
			return p + __builtin_ctzll(stop);
		/* a backslash at the end of the block is looked at with what follows it */
		p += carry ? 63 : 64;
	}
	return end;
}

AVX512 static inline void
masks_avx512(const char *p, size_t left, struct masks *m)
{
	uint64_t there = _bzhi_u64(UINT64_MAX, left < 64 ? (unsigned)left : 64);
	__m512i x = _mm512_mask_loadu_epi8(_mm512_set1_epi8(' '), there, p);
	__m512i lower = _mm512_or_si512(x, _mm512_set1_epi8(0x20));

	m->quote = equal(x, '"');
	m->back = equal(x, '\\');
	m->open = equal(lower, '{');
	m->close = equal(lower, '}');
	m->ctrl = _mm512_cmplt_epu8_mask(x, _mm512_set1_epi8(0x20));
	m->letter = equal(_mm512_or_si512(x, _mm512_set1_epi8(LETTER)), 0x7f);
}

AVX512 static inline uint64_t
xor_clmul(uint64_t x)
{
	__m128i product = _mm_clmulepi64_si128(
	    _mm_set_epi64x(0, (int64_t)x), _mm_set1_epi8((char)0xff), 0);

	return (uint64_t)_mm_cvtsi128_si64(product);
}

/* Eight brackets at a time: what they add to the depth, and how far below it they come. */
static struct {
	int8_t add, least;
} brackets[256];

void
kernels_avx512_init(void)
{
	for (unsigned m = 0; m < 256; m++) {
		int depth = 0, least = 0;

		for (unsigned i = 0; i < 8; i++) {
			depth += m >> i & 1 ? 1 : -1;
			least = depth < least ? depth : least;
		}
		brackets[m].add = (int8_t)depth;
		brackets[m].least = (int8_t)least;
	}
}

AVX512 static inline int64_t
depth_table(int64_t depth, uint64_t open, uint64_t close)
{
	uint64_t both = open | close, kinds = _pext_u64(open, both);
	int n = __builtin_popcountll(both);

	/* those that are missing of the last eight are taken for open ones, and taken back */
	kinds |= n < 64 ? UINT64_MAX << n : 0;
	for (; n > 0; n -= 8, kinds >>= 8) {
		if (depth + brackets[kinds & 255].least < 1)
			return 0;
		depth += brackets[kinds & 255].add;
	}
	return depth + n;
}

#define SHAPE_NAME shape_avx512
#define SHAPE_ATTR AVX512
#define SHAPE_MASKS masks_avx512
#define SHAPE_ANY_LENGTH
#define SHAPE_DEPTH depth_table
#define SHAPE_XOR xor_clmul
#include "record/shape.inc.h"

/* 32 bytes a step: a backslash before each of them, and those that are not wanted left out. */
AVX512 static char *
escape_avx512(char *dst, const char **src, const char *end)
{
	const char *p = *src;

	while (p < end) {
		uint32_t there =
		    _bzhi_u32(UINT32_MAX, end - p < 32 ? (unsigned)(end - p) : 32);
		__m256i x = _mm256_maskz_loadu_epi8(there, p);
		uint32_t odd = _mm256_cmplt_epi8_mask(x, _mm256_set1_epi8(0x20)) & there;
		uint32_t marked = _mm256_cmpeq_epi8_mask(x, _mm256_set1_epi8('"')) |
				  _mm256_cmpeq_epi8_mask(x, _mm256_set1_epi8('\\'));
		unsigned n, out;
		uint64_t keep;
		__m512i pairs;

		if (odd != 0)
			there = _bzhi_u32(there, (unsigned)__builtin_ctz(odd));
		n = (unsigned)__builtin_popcount(there);
		marked &= there;
		keep = _pdep_u64(there, 0xaaaaaaaaaaaaaaaa) |
		       _pdep_u64(marked, 0x5555555555555555);
		pairs = _mm512_or_si512(_mm512_slli_epi16(_mm512_cvtepu8_epi16(x), 8),
		    _mm512_set1_epi16('\\'));
		out = n + (unsigned)__builtin_popcount(marked);
		_mm512_mask_storeu_epi8(dst, _bzhi_u64(UINT64_MAX, out),
		    _mm512_maskz_compress_epi8(keep, pairs));
		dst += out;
		p += n;
		if (odd != 0)
			break;
	}
	*src = p;
	return dst;
}

const struct kernels kernels_avx512 = { "avx512", special_avx512, plain_avx512,
	quote_avx512, shape_avx512, escape_avx512 };
#endif
