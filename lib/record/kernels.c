#include "record/kernels_impl.h"

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
static inline bool
may_be_key(const char *p, const char *end, const char *name, size_t n)
{
	if ((size_t)(end - p) > n && memcmp(p, name, n) == 0) {
		p += n;
	} else {
		if (memchr(p, '\\', (size_t)(end - p) < n ? (size_t)(end - p) : n) ==
		    NULL)
			return false;
		for (; *name != '\0'; name++)
			if ((p = past_letter(p, end, *name)) == NULL)
				return false;
	}
	if (p == end || *p != '"')
		return false;
	return ++p == end || (*p != ',' && *p != '}' && *p != ']');
}

unsigned
kernels_telling_keys(const char *p, const char *end, uint64_t first)
{
	unsigned flags = 0;

	for (; first != 0; first &= first - 1) {
		const char *at = p + __builtin_ctzll(first);

		if ((*at == '_' || *at == '\\') && may_be_key(at, end, "_error", 6))
			flags |= SHAPE_ERROR_KEY;
		if ((*at == 'k' || *at == '\\') && may_be_key(at, end, "kubernetes", 10))
			flags |= SHAPE_KUBERNETES_KEY;
	}
	return flags;
}

const char *
kernels_special(const char *p, const char *end)
{
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
	}
	return p;
}

const char *
kernels_plain(const char *p, const char *end)
{
	while ((p = kernels_special(p, end)) < end - 1 && *p == '\\' && one_letter(p[1]))
		p += 2;
	return p;
}

const char *
kernels_quote(const char *p, const char *end)
{
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

char *
kernels_escape(char *dst, const char **src, const char *end)
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
#define SHAPE_DEPTH depth_loop
#define SHAPE_XOR xor_shifts
#include "record/shape.inc.h"

static const struct kernels portable = { "portable", kernels_special, kernels_plain,
	kernels_quote, shape_portable, kernels_escape };

#if defined __x86_64__ || defined __aarch64__
unsigned char kernels_spread[256][16];

static void
spread_init(void)
{
	for (unsigned m = 0; m < 256; m++) {
		unsigned to = 0;

		memset(kernels_spread[m], 0x80, sizeof kernels_spread[m]);
		for (unsigned i = 0; i < 8; i++) {
			to += m >> i & 1;
			kernels_spread[m][to++] = (unsigned char)i;
		}
	}
}
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
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("pclmul") &&
	    __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi2")) {
		kernels_avx512_init();
		if (take(&kernels_avx512, name))
			return true;
	}
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
	    __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi")) {
		spread_init();
		if (take(&kernels_avx2, name))
			return true;
	}
	if (take(&kernels_sse2, name))
		return true;
#endif
#if defined __aarch64__
	spread_init();
	if (take(&kernels_neon, name))
		return true;
#endif
	return take(&portable, name);
}

__attribute__((constructor)) static void
choose(void)
{
	kernels_use(NULL);
}
