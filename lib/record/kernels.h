/* kernels.h - the few loops over bytes that every record goes through, per kind of CPU.
 *
 * One table of functions, filled before main: AVX-512 (with VBMI2) or AVX2 (with PCLMUL)
 * where the CPU has it, SSE2 on other x86-64, NEON on arm64, plain C elsewhere.  All of them give the same results;
 * tests/unit/kernels.c holds each against the plain one.  None reads outside [p, end).
 */
#ifndef KERNELS_H
#define KERNELS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string that may be this member's key is there, written plainly or with \u escapes, in
 * the object or deeper: look for the member.  Not set: there is none. */
enum {
	SHAPE_ERROR_KEY = 1,      /* _error */
	SHAPE_KUBERNETES_KEY = 2, /* kubernetes */
};

struct kernels {
	const char *name;

	/* First of '"', '\\', a control byte (< 0x20) or a byte >= 0x80; `end` if none. */
	const char *(*special)(const char *p, const char *end);

	/* Past text that stands for itself and escapes of one letter (\" \\ \/ \b \f \n \r \t):
	 * the first '"' that no backslash escapes, control byte, byte >= 0x80, or backslash of
	 * another escape; `end` if none. */
	const char *(*plain)(const char *p, const char *end);

	/* First of '"' or '\\'; `end` if none. */
	const char *(*quote)(const char *p, const char *end);

	/* Is [p, end) one JSON object by its shape: strings closed and free of control
	 * bytes, brackets in balance and not closed before the end?  `within`: it has begun
	 * before p, which is in no string and no inner bracket.  `flags` gets SHAPE_*. */
	bool (*shape)(const char *p, const char *end, bool within, unsigned *flags);

	/* Copy [*src, end) to `dst` with '"' and '\\' escaped, up to the first control byte or
	 * byte >= 0x80, where *src is left.  Needs room for 2 * (end - *src) + 32 bytes.
	 * Returns the end of what was written. */
	char *(*escape)(char *dst, const char **src, const char *end);
};

extern struct kernels kern;

/* For tests: take the table of that name ("portable", "sse2", "avx2", "avx512", "neon"); false if
 * this CPU has not got it. */
bool kernels_use(const char *name);

#endif
