#include "record/kernels_impl.h"

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
	return kernels_special(p, end);
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
	return kernels_quote(p, end);
}

static inline char *
escape8_neon(char *dst, uint8x16_t x, unsigned marked)
{
	uint8x16_t at = vld1q_u8(kernels_spread[marked]);
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
	return kernels_escape(dst, src, end);
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
#define SHAPE_DEPTH depth_loop
#define SHAPE_XOR xor_shifts
#include "record/shape.inc.h"

const struct kernels kernels_neon = { "neon", special_neon, plain_neon, quote_neon,
	shape_neon, escape_neon };
#endif
