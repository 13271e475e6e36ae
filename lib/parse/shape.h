/* shape.h - what is done with the fields that a parser found: types, time, decoding.
 *
 *     code  200                         ->  200, a number (Types code:integer)
 *     time  22/Nov/2026:13:00:00 +0000  ->  the record's time (Time_Key, Time_Format)
 *     log   {\"a\":1}                   ->  {"a":1} (Decode_Field_As escaped log)
 *
 * Types: integer, float, bool, hex.  A number is written as its digits stood (1.10, but no
 * zeros or + before it, which JSON has not; hex as the decimal number); what is none, or is
 * out of the range of int64, double or (hex) uint64, stays the text that it was.
 *
 * Time: the first format that reads all of the field's text, else the first that reads its
 * beginning, unless one said that the time is out of range.  The field is taken out unless
 * Time_Keep; one that is not understood stays.
 *
 * Decoding, as Fluent Bit's decoders: `escaped` and `escaped_utf8` undo backslashes, `json`
 * puts an object in the text's place (Decode_Field_As) or its members beside it
 * (Decode_Field, where no field has the name).  A text that does not decode stays.
 *
 * No memory is taken for a message once the buffer is large enough.
 */
#ifndef SHAPE_H
#define SHAPE_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct define;
struct err;
struct message;
struct parsed;
struct shape;
struct timeformat_options;

/* Sets *shape to NULL if `def` asks for nothing of the kind.  -1 (ST_USAGE): a time format,
 * zone, or type is wrong; (ST_FAIL): memory.
 * `times` is what all parsers have in common, of which zone, offset and strictness are left
 * to `def`; NULL: nothing. */
int shape_open(const struct define *def, const struct timeformat_options *times,
    struct shape **shape, struct err *e);
void shape_close(struct shape *s); /* NULL is fine */

/* Do all that with what was found in `m`. */
void shape_apply(struct shape *s, const struct message *m, struct parsed *out);

/* A text as JSON of that type (an enum define_type): the text itself, or written to `to`
 * (room for text.n + 32 bytes).  n = 0: it is not of that type. */
struct str shape_typed(int type, struct str text, char *to);
#endif
