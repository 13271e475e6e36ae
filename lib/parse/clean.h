/* clean.h - what must not get into the archive, taken out of records before all else.
 *
 *     --strip-ansi        {"log":"\u001b[31mred\u001b[0m"}   ->  {"log":"red"}
 *     --redact='\d{16}'   {"log":"card 4111111111111111"}    ->  {"log":"card [redacted]"}
 *
 * Escape sequences (ECMA-48: CSI, OSC and other strings, two-byte escapes) are taken out of
 * the message; what the patterns (ruby.h) fit, out of the message and of all other strings
 * that are values, at any depth, but those of `_src`, `time` and `stream`; and out of the
 * text of lines that are no records.  Of a message that is JSON the values are looked at
 * before the text as a whole, so that it stays JSON: numbers too, which become strings.  What
 * is parsed out of a message is looked at once more, value by value.  Keys are not looked at,
 * save as part of a message.
 *
 * Nothing slips through by failing: a string on which a pattern is given up (see regex.h),
 * and a message of a record that would get too long, become "[redacted]" as a whole.
 * Everything else stays byte for byte.  No memory is taken for a record once the buffers
 * are large enough.  Not thread-safe.
 */
#ifndef CLEAN_H
#define CLEAN_H
#include "base/buf.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct err;
struct parsed;
struct redactor;

enum { CLEAN_PATTERNS_MAX = 256 };

struct clean {
	bool strip;
	struct str key; /* of the message */
	struct redactor *redact[CLEAN_PATTERNS_MAX];
	size_t n;
	uint64_t redacted, stripped; /* strings that were changed so */
	struct buf line, text, next, kept, inner;
};

/* -1 (ST_USAGE): a pattern is wrong or empty; (ST_FAIL): memory.  clean_done in any case. */
int clean_init(struct clean *c, const char *key, bool strip, const char *const patterns[],
    size_t n, struct err *e);
void clean_done(struct clean *c);

/* The line without all that: itself, or one that lives until the next call, with 64 bytes
 * behind it that may be read. */
struct str clean_line(struct clean *c, struct str line);

/* The same for what a parser found; values that are changed live until the next call. */
void clean_parsed(struct clean *c, struct parsed *got);
#endif
