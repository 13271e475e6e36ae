#include "parse/unescape.h"
#include "base/str.h"
#include "record/jsonw.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The code unit of the \uXXXX at p, or -1. */
static int
unit_at(const char *p, const char *end)
{
	int v = 0, d;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		if ((d = str_digit(p[i])) < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* The escape at *p, whatever it is; NULL if it is none, but a control byte perhaps. */
static char *
one_escape(char *to, const char **p, const char *end, unsigned *flags)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int hi, lo;

	if (end - *p < 2 || **p != '\\' || (*p)[1] == '\0')
		return NULL;
	if ((*p)[1] != 'u') {
		if ((at = strchr(from, (*p)[1])) == NULL)
			return NULL;
		*flags |= at - from > 1 ? UNESCAPED_ODD : 0;
		*to++ = into[at - from];
		*p += 2;
		return to;
	}
	*flags |= UNESCAPED_ODD | UNESCAPED_WIDE;
	if ((hi = unit_at(*p, end)) < 0 || (hi >= 0xdc00 && hi < 0xe000))
		return NULL;
	*p += 6;
	if (hi < 0xd800 || hi >= 0xe000)
		return jsonw_utf8(to, (uint32_t)hi);
	if ((lo = unit_at(*p, end)) < 0xdc00 || lo >= 0xe000)
		return NULL;
	*p += 6;
	return jsonw_utf8(
	    to, 0x10000 + ((uint32_t)(hi - 0xd800) << 10) + (uint32_t)(lo - 0xdc00));
}

#define EACH8(c) (0x0101010101010101ULL * (unsigned char)(c))

/* Not 0 if one of the eight bytes is below 0x20 (or others are, after such a one). */
static inline uint64_t
has_control(uint64_t eight)
{
	return (eight - EACH8(0x20)) & ~eight & EACH8(0x80);
}

/* Not 0 if one of the eight bytes is `c`. */
static inline uint64_t
has_byte(uint64_t eight, char c)
{
	uint64_t x = eight ^ EACH8(c);

	return (x - EACH8(1)) & ~x & EACH8(0x80);
}

static char *
unescape_portable(char *to, const char **src, const char *end, unsigned *flags)
{
	const char *p = *src;
	uint64_t eight, high = 0;

	*flags = 0;
	while (p < end) {
		memcpy(&eight, p, 8);
		high |= eight;
		if ((has_byte(eight, '"') | has_byte(eight, '\\') | has_control(eight)) ==
		    0) {
			memcpy(to, p, 8);
			to += 8;
			p += 8;
		} else if (*p == '"') {
			*flags |= (high & EACH8(0x80)) != 0 ? UNESCAPED_WIDE : 0;
			*src = p;
			return to;
		} else if (*p != '\\' && (unsigned char)*p >= 0x20) {
			*to++ = *p++;
		} else if ((to = one_escape(to, &p, end, flags)) == NULL) {
			return NULL;
		}
	}
	return NULL;
}

#if defined __x86_64__
#include <immintrin.h>

#define SSSE3 __attribute__((target("ssse3,popcnt")))

/* squeeze[m]: which of 8 bytes stay when those marked in `m` go. */
static unsigned char squeeze[256][8];

static void
squeeze_init(void)
{
	for (unsigned m = 0; m < 256; m++) {
		unsigned n = 0;

		for (unsigned i = 0; i < 8; i++)
			if ((m >> i & 1) == 0)
				squeeze[m][n++] = (unsigned char)i;
	}
}

/* Of the marked backslashes, those that begin an escape: of a run, every other one. */
static inline unsigned
escape_starts(unsigned back)
{
	unsigned starts = 0, bit;

	if ((back & back << 1) == 0)
		return back;
	for (; back != 0; back &= ~(bit | bit << 1)) {
		bit = back & -back;
		starts |= bit;
	}
	return starts;
}

SSSE3 static inline unsigned
marks(__m128i x, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(c)));
}

SSSE3 static inline unsigned
controls(__m128i x)
{
	return (unsigned)_mm_movemask_epi8(
	    _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x));
}

/* Write the 16 bytes without those in `drop`. */
SSSE3 static inline void
put_squeezed(char *to, __m128i x, unsigned drop)
{
	__m128i low = _mm_loadl_epi64((const __m128i *)squeeze[drop & 255]);
	__m128i high = _mm_loadl_epi64((const __m128i *)squeeze[drop >> 8]);

	_mm_storel_epi64((__m128i *)to, _mm_shuffle_epi8(x, low));
	_mm_storel_epi64((__m128i *)(to + 8 - __builtin_popcount(drop & 255)),
	    _mm_shuffle_epi8(_mm_srli_si128(x, 8), high));
}

SSSE3 static char *
unescape_ssse3(char *to, const char **src, const char *end, unsigned *flags)
{
	const char *p = *src;
	unsigned high = 0;

	*flags = 0;
	while (p < end) {
		__m128i x = _mm_loadu_si128((const __m128i *)p);
		unsigned quote = marks(x, '"'), back = marks(x, '\\');
		unsigned starts = escape_starts(back), after = starts << 1 & 0xffff;
		unsigned odd = (after & ~(quote | back)) >> 1;
		/* up to the closing quote, an odd escape, or one that the block cuts */
		unsigned stop = (quote & ~after) | odd | (starts & 0x8000);
		unsigned n = (unsigned)__builtin_ctz(stop | 0x10000);
		unsigned taken = (1U << n) - 1, drop = starts & taken;

		high |= (unsigned)_mm_movemask_epi8(x);
		if ((controls(x) & taken) != 0)
			return NULL;
		put_squeezed(to, x, drop);
		to += n - (unsigned)__builtin_popcount(drop);
		p += n;
		if (stop == 0 || (n == 15 && *p == '\\'))
			continue;
		if (*p == '"')
			break;
		if ((to = one_escape(to, &p, end, flags)) == NULL)
			return NULL;
	}
	*flags |= high != 0 ? UNESCAPED_WIDE : 0;
	*src = p;
	return p < end ? to : NULL;
}

#define AVX512                                                                           \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,popcnt,bmi,bmi2")))

AVX512 static inline uint64_t
marks64(__m512i x, char c)
{
	return _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(c));
}

AVX512 static char *
unescape_avx512(char *to, const char **src, const char *end, unsigned *flags)
{
	const uint64_t even = 0x5555555555555555;
	const char *p = *src;
	uint64_t high = 0;

	*flags = 0;
	while (p < end) {
		__m512i x = _mm512_loadu_si512(p);
		uint64_t quote = marks64(x, '"'), back = marks64(x, '\\');
		/* bytes after a run of backslashes of odd length: adding its first bit carries
		 * past its end, whose place tells the length */
		uint64_t odd_starts = back & ~even & ~(back << 1);
		uint64_t after = (even ^ (odd_starts + back) << 1) & back << 1;
		uint64_t starts = back & ~after;
		uint64_t odd = (after & ~(quote | back)) >> 1;
		/* up to the closing quote, an odd escape, or one that the block cuts */
		uint64_t stop = (quote & ~after) | odd | (starts & 1ULL << 63);
		unsigned n = stop != 0 ? (unsigned)__builtin_ctzll(stop) : 64;
		uint64_t taken = _bzhi_u64(UINT64_MAX, n), keep = taken & ~starts;

		high |= (uint64_t)_mm512_movepi8_mask(x) & taken;
		if ((_mm512_cmplt_epu8_mask(x, _mm512_set1_epi8(0x20)) & taken) != 0)
			return NULL;
		_mm512_storeu_si512(to, _mm512_maskz_compress_epi8(keep, x));
		to += __builtin_popcountll(keep);
		p += n;
		if (stop == 0 || (n == 63 && *p == '\\'))
			continue;
		if (*p == '"')
			break;
		if ((to = one_escape(to, &p, end, flags)) == NULL)
			return NULL;
	}
	*flags |= high != 0 ? UNESCAPED_WIDE : 0;
	*src = p;
	return p < end ? to : NULL;
}
#endif

typedef char *unescape_form(char *, const char **, const char *, unsigned *);

static unescape_form *chosen = unescape_portable;

static bool
take(unescape_form *form, const char *name, const char *wanted)
{
	if (wanted != NULL && strcmp(name, wanted) != 0)
		return false;
	chosen = form;
	return true;
}

bool
unescape_use(const char *name)
{
#if defined __x86_64__
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2") &&
	    take(unescape_avx512, "avx512", name))
		return true;
	if (__builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt")) {
		squeeze_init();
		if (take(unescape_ssse3, "ssse3", name))
			return true;
	}
#endif
	return take(unescape_portable, "portable", name);
}

__attribute__((constructor)) static void
choose(void)
{
	unescape_use(NULL);
}

char *
unescape(char *to, const char **src, const char *end, unsigned *flags)
{
	return chosen(to, src, end, flags);
}
