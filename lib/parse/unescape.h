/* unescape.h - the inside of a JSON string to the bytes that it stands for.
 *
 *     {\"msg\":\"a\\tb\"}   ->   {"msg":"a\tb"}
 *
 * One pass that copies and finds the closing quote, 16 bytes at a time where the CPU can
 * (SSSE3, chosen at run time; 8 in plain C elsewhere), since the message of a record is
 * mostly \" .  Bytes are not checked: see jscan_shape for what a line must be beforehand.
 */
#ifndef UNESCAPE_H
#define UNESCAPE_H
#include <stdbool.h>

enum {
	UNESCAPE_SLACK = 32, /* room to write past the text, and to read past the line */

	UNESCAPED_WIDE = 1, /* there may be bytes >= 0x80 */
	UNESCAPED_ODD = 2,  /* there was an escape other than \" and \\ */
};

/* Write the string that goes on at *src to `to`; `to` needs room for end - *src +
 * UNESCAPE_SLACK bytes, and UNESCAPE_SLACK bytes behind `end` must be readable.  Returns
 * the end of what was written, with *src at the closing quote and *flags set.  NULL: no
 * closing quote before `end`, a bad escape, or half a surrogate pair, which UTF-8 cannot
 * say; *src is then of no use. */
char *unescape(char *to, const char **src, const char *end, unsigned *flags);

/* For tests: the plain C form, with the same results. */
char *unescape_portable(char *to, const char **src, const char *end, unsigned *flags);
#endif
