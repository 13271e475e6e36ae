/* ruby.h - a regular expression as Ruby and Fluent Bit read it (Onigmo), for PCRE2.
 *
 *     /^(?<code>\h+) (a|b)$/mi   ->   ^([0-9a-fA-F]+) (?:a|b)$   and options
 *
 * What the two read differently is rewritten, so that the same texts fit:
 *
 *   - /PATTERN/ and /PATTERN/FLAGS; the flags m (. fits line feeds too), i, x; (?m) is (?s)
 *   - ^ and $ stand at every line; a (?i) on its way holds for the alternatives behind it
 *   - named groups become groups by number, names as often and as long as one likes, and
 *     groups without a name group only; \k<name> and \g<name> follow
 *   - \h \H, \v, \uHHHH, \xHH and \OOO of bytes, letters that Ruby does not escape, {,n}
 *   - \w \d \s are ASCII, [[:alpha:]] and its like, \b and \B are Unicode
 *   - in classes: sets in sets, a '-' beside \w
 *
 * What has no counterpart is refused: numbered references beside names, [a&&b], negated
 * sets in sets, (?~absent), (?a) (?u), {2,3}+, and what only PCRE2 knows ((*VERB), (?|..),
 * (?R)).  Source: Onigmo's doc/RE, pcre2pattern(3).
 */
#ifndef RUBY_H
#define RUBY_H
#include "base/buf.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct err;

enum {
	RUBY_PATTERN_MAX = 64 << 10, /* bytes, before and after */
	RUBY_GROUPS_MAX = 256,       /* named */
	RUBY_DEPTH = 200,            /* of groups in groups */
};

struct ruby {
	struct buf pattern; /* for PCRE2_UTF and PCRE2_MULTILINE */
	bool dotall, caseless, extended, ucp;
	size_t groups;
	struct str name[RUBY_GROUPS_MAX]; /* of group i + 1; within the pattern given */
	size_t
	    *from; /* for each byte of `pattern`, where it came from in the given one */
};

/* `pattern` must outlive the names.  -1 (ST_USAGE): "byte N of the pattern: reason"; (ST_FAIL):
 * memory.  In any case ruby_done(). */
int ruby_read(struct ruby *r, struct str pattern, struct err *e);
void ruby_done(struct ruby *r);
#endif
