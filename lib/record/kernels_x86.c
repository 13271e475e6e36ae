/* SSE2 is part of every x86-64; AVX2 comes with the other sets that are asked for. */
#include "record/kernels_impl.h"

#if defined __x86_64__
#include <immintrin.h>

/* SSE2: part of every x86-64 */

static inline unsigned
special_bits16(__m128i x)
{
	/* signed: bytes >= 0x80 are negative, so one compare finds them and controls */
	__m128i low = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20));
	__m128i q = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
	__m128i b = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(q, b)));
}

static const char *
special_sse2(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		unsigned bits = special_bits16(_mm_loadu_si128((const __m128i *)p));

		if (bits != 0)
			return p + __builtin_ctz(bits);
	}
	return kernels_special(p, end);
}

static const char *
plain_sse2(const char *p, const char *end)
{
	while ((p = special_sse2(p, end)) < end - 1 && *p == '\\' && one_letter(p[1]))
		p += 2;
	return p;
}

static const char *
quote_sse2(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)p);
		unsigned bits = (unsigned)_mm_movemask_epi8(
		    _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
			_mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));

		if (bits != 0)
			return p + __builtin_ctz(bits);
	}
	return kernels_quote(p, end);
}

static char *
escape_sse2(char *dst, const char **src, const char *end)
{
	const char *p = *src;

	while (end - p >= 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)p);

		if (special_bits16(x) == 0) {
			_mm_storeu_si128((__m128i *)dst, x);
			dst += 16;
			p += 16;
		} else {
			const char *stop = p + 16;

			dst = kernels_escape(dst, &p, stop);
			if (p < stop) {
				*src = p;
				return dst;
			}
		}
	}
	*src = p;
	return kernels_escape(dst, src, end);
}

static inline uint64_t
bits64(__m128i a, __m128i b, __m128i c, __m128i d)
{
	return (uint64_t)(unsigned)_mm_movemask_epi8(a) |
	       (uint64_t)(unsigned)_mm_movemask_epi8(b) << 16 |
	       (uint64_t)(unsigned)_mm_movemask_epi8(c) << 32 |
	       (uint64_t)(unsigned)_mm_movemask_epi8(d) << 48;
}

static inline void
masks_sse2(const char *p, struct masks *m)
{
	__m128i x[4];

	for (int i = 0; i < 4; i++)
		x[i] = _mm_loadu_si128((const __m128i *)(p + 16 * i));
#define EACH4(f) bits64(f(x[0]), f(x[1]), f(x[2]), f(x[3]))
#define EQ16(c, y) _mm_cmpeq_epi8((y), _mm_set1_epi8(c))
#define LOWER16(y) _mm_or_si128((y), _mm_set1_epi8(0x20))
#define IS_QUOTE(y) EQ16('"', y)
#define IS_BACK(y) EQ16('\\', y)
#define IS_OPEN(y) EQ16('{', LOWER16(y))
#define IS_CLOSE(y) EQ16('}', LOWER16(y))
#define IS_CTRL(y) _mm_cmpeq_epi8(_mm_min_epu8((y), _mm_set1_epi8(0x1f)), (y))
#define IS_LETTER(y) EQ16(0x7f, _mm_or_si128((y), _mm_set1_epi8(LETTER)))
	m->quote = EACH4(IS_QUOTE);
	m->back = EACH4(IS_BACK);
	m->open = EACH4(IS_OPEN);
	m->close = EACH4(IS_CLOSE);
	m->ctrl = EACH4(IS_CTRL);
	m->letter = EACH4(IS_LETTER);
#undef IS_QUOTE
#undef IS_BACK
#undef IS_OPEN
#undef IS_CLOSE
#undef IS_CTRL
#undef IS_LETTER
}

#define SHAPE_NAME shape_sse2
#define SHAPE_ATTR
#define SHAPE_MASKS masks_sse2
#define SHAPE_DEPTH depth_loop
#define SHAPE_XOR xor_shifts
#include "record/shape.inc.h"

const struct kernels kernels_sse2 = { "sse2", special_sse2, plain_sse2, quote_sse2,
	shape_sse2, escape_sse2 };

/* AVX2, PCLMUL and the shuffles that come with them */

#define AVX2 __attribute__((target("avx2,pclmul,popcnt,bmi")))

AVX2 static const char *
special_avx2(const char *p, const char *end)
{
	for (; end - p >= 32; p += 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)p);
		__m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), x);
		__m256i q = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('"'));
		__m256i b = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\'));
		unsigned bits = (unsigned)_mm256_movemask_epi8(
		    _mm256_or_si256(low, _mm256_or_si256(q, b)));

		if (bits != 0)
			return p + __builtin_ctz(bits);
	}
	return special_sse2(p, end);
}

/* Bytes that may follow a backslash alone, by two tables of nibbles: a bit for each high
 * nibble that has such letters, in each low nibble that is one. */
AVX2 static inline unsigned
one_letters(__m256i x)
{
	const __m256i low = _mm256_broadcastsi128_si256(
	    _mm_setr_epi8(0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1));
	const __m256i high = _mm256_broadcastsi128_si256(
	    _mm_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0));
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i a = _mm256_shuffle_epi8(low, _mm256_and_si256(x, nibble));
	__m256i b =
	    _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));

	return ~(unsigned)_mm256_movemask_epi8(
	    _mm256_cmpeq_epi8(_mm256_and_si256(a, b), _mm256_setzero_si256()));
}

AVX2 static const char *
plain_avx2(const char *p, const char *end)
{
	while (end - p >= 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)p);
		unsigned stop = (unsigned)_mm256_movemask_epi8(
		    _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), x));
		unsigned quote = (unsigned)_mm256_movemask_epi8(
		    _mm256_cmpeq_epi8(x, _mm256_set1_epi8('"')));
		unsigned back = (unsigned)_mm256_movemask_epi8(
		    _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\')));
		uint64_t escaped = 0, carry = 0;

		if (back != 0) {
			escaped = escaped_bytes(back, &carry);
			quote &= ~(unsigned)escaped;
			stop |= ((unsigned)escaped & ~one_letters(x)) >> 1;
		}
		stop |= quote;
		if (stop != 0)
			return p + __builtin_ctz(stop);
		/* a backslash at the end of the block is looked at with what follows it */
		p += escaped >> 32 ? 31 : 32;
	}
	return kernels_plain(p, end);
}

AVX2 static const char *
quote_avx2(const char *p, const char *end)
{
	for (; end - p >= 32; p += 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)p);
		unsigned bits = (unsigned)_mm256_movemask_epi8(
		    _mm256_or_si256(_mm256_cmpeq_epi8(x, _mm256_set1_epi8('"')),
			_mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\'))));

		if (bits != 0)
			return p + __builtin_ctz(bits);
	}
	return quote_sse2(p, end);
}

AVX2 static inline uint64_t
pair64(__m256i a, __m256i b)
{
	return (uint64_t)(unsigned)_mm256_movemask_epi8(a) |
	       (uint64_t)(unsigned)_mm256_movemask_epi8(b) << 32;
}

AVX2 static inline void
masks_avx2(const char *p, struct masks *m)
{
	const __m256i lower = _mm256_set1_epi8(0x20), top = _mm256_set1_epi8(0x1f);
	const __m256i letter = _mm256_set1_epi8(LETTER);
	__m256i x = _mm256_loadu_si256((const __m256i *)p);
	__m256i y = _mm256_loadu_si256((const __m256i *)(p + 32));
	__m256i xl = _mm256_or_si256(x, lower), yl = _mm256_or_si256(y, lower);

#define EQ32(v, c) _mm256_cmpeq_epi8((v), _mm256_set1_epi8(c))
	m->quote = pair64(EQ32(x, '"'), EQ32(y, '"'));
	m->back = pair64(EQ32(x, '\\'), EQ32(y, '\\'));
	m->letter = pair64(EQ32(_mm256_or_si256(x, letter), 0x7f),
	    EQ32(_mm256_or_si256(y, letter), 0x7f));
	m->open = pair64(EQ32(xl, '{'), EQ32(yl, '{'));
	m->close = pair64(EQ32(xl, '}'), EQ32(yl, '}'));
	m->ctrl = pair64(_mm256_cmpeq_epi8(_mm256_min_epu8(x, top), x),
	    _mm256_cmpeq_epi8(_mm256_min_epu8(y, top), y));
}

AVX2 static inline uint64_t
xor_clmul(uint64_t x)
{
	__m128i product = _mm_clmulepi64_si128(
	    _mm_set_epi64x(0, (int64_t)x), _mm_set1_epi8((char)0xff), 0);

	return (uint64_t)_mm_cvtsi128_si64(product);
}

#define SHAPE_NAME shape_avx2
#define SHAPE_ATTR AVX2
#define SHAPE_MASKS masks_avx2
#define SHAPE_DEPTH depth_loop
#define SHAPE_XOR xor_clmul
#include "record/shape.inc.h"

AVX2 static inline char *
escape8(char *dst, __m128i x, unsigned marked)
{
	__m128i at = _mm_loadu_si128((const __m128i *)kernels_spread[marked]);
	__m128i gaps =
	    _mm_and_si128(_mm_cmplt_epi8(at, _mm_setzero_si128()), _mm_set1_epi8('\\'));

	_mm_storeu_si128((__m128i *)dst, _mm_or_si128(_mm_shuffle_epi8(x, at), gaps));
	return dst + 8 + __builtin_popcount(marked);
}

AVX2 static char *
escape_avx2(char *dst, const char **src, const char *end)
{
	const char *p = *src;

	while (end - p >= 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)p);
		unsigned odd =
		    (unsigned)_mm_movemask_epi8(_mm_cmplt_epi8(x, _mm_set1_epi8(0x20)));
		unsigned marked;

		if (odd != 0) {
			end = p + __builtin_ctz(odd);
			break;
		}
		marked = (unsigned)_mm_movemask_epi8(
		    _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
			_mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));
		if (marked == 0) {
			_mm_storeu_si128((__m128i *)dst, x);
			dst += 16;
		} else {
			dst = escape8(dst, x, marked & 255);
			dst = escape8(dst, _mm_srli_si128(x, 8), marked >> 8);
		}
		p += 16;
	}
	*src = p;
	return kernels_escape(dst, src, end);
}

const struct kernels kernels_avx2 = { "avx2", special_avx2, plain_avx2, quote_avx2,
	shape_avx2, escape_avx2 };
#endif
