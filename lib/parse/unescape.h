/* unescape.h - the inside of a JSON string to the bytes that it stands for.
 *
 *     {\"msg\":\"a\\tb\"}   ->   {"msg":"a\tb"}
 *
 * One pass that copies and finds the closing quote, 16 bytes at a time where the CPU can
 * (SSSE3, chosen at run time; 64 with AVX-512, 8 in plain C elsewhere), since the message of a
 * record is mostly \" .  Control bytes, which no JSON string may hold as they are, are refused;
 * whether it is UTF-8 is not looked at.
 */
#ifndef UNESCAPE_H
#define UNESCAPE_H
#include <stdbool.h>

enum {
	UNESCAPE_SLACK = 64, /* room to write past the text, and to read past the line */

	UNESCAPED_WIDE = 1, /* there may be bytes >= 0x80 */
	UNESCAPED_ODD = 2,  /* there was an escape other than \" and \\ */
};

/* Write the string that goes on at *src to `to`; `to` needs room for end - *src +
 * UNESCAPE_SLACK bytes, and UNESCAPE_SLACK bytes behind `end` must be readable.  Returns
 * the end of what was written, with *src at the closing quote and *flags set.  NULL: no
 * closing quote before `end`, a control byte, a bad escape, or half a surrogate pair, which UTF-8 cannot
 * say; *src is then of no use. */
char *unescape(char *to, const char **src, const char *end, unsigned *flags);

/* For tests: take the form of that name ("portable", "ssse3", "avx512"); false if this CPU has
 * not got it.  All give the same results. */
bool unescape_use(const char *name);
#endif
