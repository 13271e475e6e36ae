#include "record/kernels.h"

#include <string.h>

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
static bool
only_blanks(const char *block, uint64_t ctrl)
{
	for (; ctrl != 0; ctrl &= ctrl - 1)
		if (!blank(block[__builtin_ctzll(ctrl)]))
			return false;
	return true;
}

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at =
	    c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* One ASCII letter of a string, plain or as \u00XX; NULL: another one. */
static const char *
past_letter(const char *p, const char *end, char letter)
{
	if (p < end && *p == letter)
		return p + 1;
	if (end - p >= 6 && memcmp(p, "\\u00", 4) == 0 &&
	    hex_value(p[4]) == letter >> 4 && hex_value(p[5]) == (letter & 15))
		return p + 6;
	return NULL;
}

/* Does the string that begins at p read `name`, and may it be a key: does no comma or closing
 * bracket follow? */
static bool
may_be_key(const char *p, const char *end, const char *name)
{
	for (; *name != '\0'; name++)
		if ((p = past_letter(p, end, *name)) == NULL)
			return false;
	if (p == end || *p != '"')
		return false;
	return ++p == end || (*p != ',' && *p != '}' && *p != ']');
}

/* SHAPE_* of the strings whose first bytes are marked. */
static __attribute__((noinline)) unsigned
telling_keys(const char *p, const char *end, uint64_t first)
{
	unsigned flags = 0;

	for (; first != 0; first &= first - 1) {
		const char *at = p + __builtin_ctzll(first);

		if ((*at == '_' || *at == '\\') && may_be_key(at, end, "_error"))
			flags |= SHAPE_ERROR_KEY;
		if ((*at == 'k' || *at == '\\') && may_be_key(at, end, "kubernetes"))
			flags |= SHAPE_KUBERNETES_KEY;
	}
	return flags;
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

/* Plain C */

static const char *
special_portable(const char *p, const char *end)
{
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
	}
	return p;
}

static inline bool
one_letter(char c)
{
	return c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' ||
	       c == 'r' || c == 't';
}

static const char *
plain_portable(const char *p, const char *end)
{
	while ((p = special_portable(p, end)) < end - 1 && *p == '\\' && one_letter(p[1]))
		p += 2;
	return p;
}

static const char *
quote_portable(const char *p, const char *end)
{
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

static char *
escape_portable(char *dst, const char **src, const char *end)
{
	const char *p = *src;

	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c >= 0x80)
			break;
		if (c == '"' || c == '\\')
			*dst++ = '\\';
		*dst++ = (char)c;
	}
	*src = p;
	return dst;
}

static inline void
masks_portable(const char *p, struct masks *m)
{
	*m = (struct masks){ 0 };
	for (unsigned i = 0; i < 64; i++) {
		unsigned char c = (unsigned char)p[i];
		uint64_t bit = 1ULL << i;

		if (c == '"')
			m->quote |= bit;
		else if (c == '\\')
			m->back |= bit;
		else if (c == '{' || c == '[')
			m->open |= bit;
		else if (c == '}' || c == ']')
			m->close |= bit;
		else if (c < 0x20)
			m->ctrl |= bit;
		else if (c == '_' || c == 'k')
			m->letter |= bit;
	}
}

#define SHAPE_NAME shape_portable
#define SHAPE_ATTR
#define SHAPE_MASKS masks_portable
#define SHAPE_XOR xor_shifts
#include "record/shape.inc.h"

static const struct kernels portable = { "portable", special_portable, plain_portable,
	quote_portable, shape_portable, escape_portable };

#if defined __x86_64__ || defined __aarch64__
/* spread[m]: where each of 8 bytes goes when those marked in `m` get a '\\' before them; an
 * index with its top bit set is such a '\\' (or past the end). */
static unsigned char spread[256][16];

static void
spread_init(void)
{
	for (unsigned m = 0; m < 256; m++) {
		unsigned to = 0;

		memset(spread[m], 0x80, sizeof spread[m]);
		for (unsigned i = 0; i < 8; i++) {
			to += m >> i & 1;
			spread[m][to++] = (unsigned char)i;
		}
	}
}
#endif

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
	return special_portable(p, end);
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
	return quote_portable(p, end);
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

			dst = escape_portable(dst, &p, stop);
			if (p < stop) {
				*src = p;
				return dst;
			}
		}
	}
	*src = p;
	return escape_portable(dst, src, end);
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
#define SHAPE_XOR xor_shifts
#include "record/shape.inc.h"

static const struct kernels sse2 = { "sse2", special_sse2, plain_sse2, quote_sse2,
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
	return plain_portable(p, end);
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
#define SHAPE_XOR xor_clmul
#include "record/shape.inc.h"

AVX2 static inline char *
escape8(char *dst, __m128i x, unsigned marked)
{
	__m128i at = _mm_loadu_si128((const __m128i *)spread[marked]);
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
	return escape_portable(dst, src, end);
}

static const struct kernels avx2 = { "avx2", special_avx2, plain_avx2, quote_avx2,
	shape_avx2, escape_avx2 };
#endif

#if defined __aarch64__
#include <arm_neon.h>

/* Four bits a byte: the narrowing shift stands in for movemask. */
static inline uint64_t
nibbles(uint8x16_t hit)
{
	return vget_lane_u64(
	    vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(hit), 4)), 0);
}

static inline uint8x16_t
special_hits(uint8x16_t x)
{
	return vorrq_u8(
	    vorrq_u8(vcltq_u8(x, vdupq_n_u8(0x20)), vcgeq_u8(x, vdupq_n_u8(0x80))),
	    vorrq_u8(vceqq_u8(x, vdupq_n_u8('"')), vceqq_u8(x, vdupq_n_u8('\\'))));
}

static const char *
special_neon(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		uint64_t bits = nibbles(special_hits(vld1q_u8((const uint8_t *)p)));

		if (bits != 0)
			return p + (__builtin_ctzll(bits) >> 2);
	}
	return special_portable(p, end);
}

static const char *
plain_neon(const char *p, const char *end)
{
	while ((p = special_neon(p, end)) < end - 1 && *p == '\\' && one_letter(p[1]))
		p += 2;
	return p;
}

static const char *
quote_neon(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		uint8x16_t x = vld1q_u8((const uint8_t *)p);
		uint64_t bits = nibbles(vorrq_u8(
		    vceqq_u8(x, vdupq_n_u8('"')), vceqq_u8(x, vdupq_n_u8('\\'))));

		if (bits != 0)
			return p + (__builtin_ctzll(bits) >> 2);
	}
	return quote_portable(p, end);
}

static inline char *
escape8_neon(char *dst, uint8x16_t x, unsigned marked)
{
	uint8x16_t at = vld1q_u8(spread[marked]);
	uint8x16_t gaps = vandq_u8(vcgeq_u8(at, vdupq_n_u8(0x80)), vdupq_n_u8('\\'));

	vst1q_u8((uint8_t *)dst, vorrq_u8(vqtbl1q_u8(x, at), gaps));
	return dst + 8 + __builtin_popcount(marked);
}

static char *
escape_neon(char *dst, const char **src, const char *end)
{
	const uint8x16_t bit = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64,
		128 };
	const char *p = *src;

	for (; end - p >= 16; p += 16) {
		uint8x16_t x = vld1q_u8((const uint8_t *)p);
		uint8x16_t hit =
		    vorrq_u8(vceqq_u8(x, vdupq_n_u8('"')), vceqq_u8(x, vdupq_n_u8('\\')));
		/* signed: bytes >= 0x80 are negative, so one compare finds them and controls */
		uint64_t odd =
		    nibbles(vcltq_s8(vreinterpretq_s8_u8(x), vdupq_n_s8(0x20)));

		if (odd != 0) {
			end = p + (__builtin_ctzll(odd) >> 2);
			break;
		}
		if (nibbles(hit) == 0) {
			vst1q_u8((uint8_t *)dst, x);
			dst += 16;
		} else {
			hit = vandq_u8(hit, bit);
			dst = escape8_neon(dst, x, vaddv_u8(vget_low_u8(hit)));
			dst = escape8_neon(
			    dst, vextq_u8(x, x, 8), vaddv_u8(vget_high_u8(hit)));
		}
	}
	*src = p;
	return escape_portable(dst, src, end);
}

/* One bit a byte from four vectors of 0x00 and 0xff. */
static inline uint64_t
bits_neon(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
	const uint8x16_t bit = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64,
		128 };
	uint8x16_t ab = vpaddq_u8(vandq_u8(a, bit), vandq_u8(b, bit));
	uint8x16_t cd = vpaddq_u8(vandq_u8(c, bit), vandq_u8(d, bit));
	uint8x16_t all = vpaddq_u8(ab, cd);

	return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}

static inline void
masks_neon(const char *p, struct masks *m)
{
	uint8x16_t x[4], l[4];

	for (int i = 0; i < 4; i++) {
		x[i] = vld1q_u8((const uint8_t *)p + 16 * i);
		l[i] = vorrq_u8(x[i], vdupq_n_u8(0x20));
	}
#define EQ4(v, c)                                                                        \
	bits_neon(vceqq_u8(v[0], vdupq_n_u8(c)), vceqq_u8(v[1], vdupq_n_u8(c)),          \
	    vceqq_u8(v[2], vdupq_n_u8(c)), vceqq_u8(v[3], vdupq_n_u8(c)))
#define LT4(v, c)                                                                        \
	bits_neon(vcltq_u8(v[0], vdupq_n_u8(c)), vcltq_u8(v[1], vdupq_n_u8(c)),          \
	    vcltq_u8(v[2], vdupq_n_u8(c)), vcltq_u8(v[3], vdupq_n_u8(c)))
	m->quote = EQ4(x, '"');
	m->back = EQ4(x, '\\');
	m->open = EQ4(l, '{');
	m->close = EQ4(l, '}');
	m->ctrl = LT4(x, 0x20);
	for (int i = 0; i < 4; i++)
		x[i] = vorrq_u8(x[i], vdupq_n_u8(LETTER));
	m->letter = EQ4(x, 0x7f);
}

#define SHAPE_NAME shape_neon
#define SHAPE_ATTR
#define SHAPE_MASKS masks_neon
#define SHAPE_XOR xor_shifts
#include "record/shape.inc.h"

static const struct kernels neon = { "neon", special_neon, plain_neon, quote_neon,
	shape_neon, escape_neon };
#endif

struct kernels kern;

static bool
take(const struct kernels *k, const char *name)
{
	if (name != NULL && strcmp(k->name, name) != 0)
		return false;
	kern = *k;
	return true;
}

bool
kernels_use(const char *name)
{
#if defined __x86_64__
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
	    __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi")) {
		spread_init();
		if (take(&avx2, name))
			return true;
	}
	if (take(&sse2, name))
		return true;
#endif
#if defined __aarch64__
	spread_init();
	if (take(&neon, name))
		return true;
#endif
	return take(&portable, name);
}

__attribute__((constructor)) static void
choose(void)
{
	kernels_use(NULL);
}
