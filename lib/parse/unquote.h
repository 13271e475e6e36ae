/* unquote.h - text that was written with backslashes, back to what it was.
 *
 *     UNQUOTE_PLAIN   \n \t \r \a \b \f \v; of any other pair the backslash goes
 *     UNQUOTE_UTF8    these, \OOO and \xHH (the code point), \uXXXX (pairs of surrogates
 *                     joined), \UXXXXXXXX, as UTF-8; of any other pair the backslash goes
 *
 *     UNQUOTE_MOST    the same, but \" \' \\ \/ stay as they are
 *
 * A code point that there is not (a lone surrogate, over 10FFFF) becomes U+FFFD.  A
 * backslash at the end stays.  The result is UTF-8 if the text was, and never longer.
 */
#ifndef UNQUOTE_H
#define UNQUOTE_H
#include "base/str.h"

enum unquote { UNQUOTE_PLAIN, UNQUOTE_UTF8, UNQUOTE_MOST };

/* Into `to`, which may be text.p itself.  The new length. */
size_t unquote(char *to, struct str text, enum unquote how);

/* `value`, which lies in the writable memory from `base` on, in its place. */
size_t unquote_in_place(const char *base, struct str value, enum unquote how);
#endif
