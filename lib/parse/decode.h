/* decode.h - Fluent Bit's decoders: text in a field that is JSON, or was escaped, or both.
 *
 *     Decode_Field_As escaped log do_next
 *     Decode_Field_As json    log
 *
 * The rules of a field are tried in order.  One that succeeds ends it, unless it says
 * do_next; one that fails ends it too, unless it says do_next or try_next.  `json` wants one
 * object, as it stands or with one layer of backslashes undone, and with no key twice in one
 * object (as in json.h).  See shape.h.
 */
#ifndef DECODE_H
#define DECODE_H
#include "record/jscan.h"
#include <stdbool.h>

struct buf;
struct define;
struct keys;
struct parsed;

struct decode_keys { /* what finds keys that stand twice; used again */
	struct jscan_keys seen;
	struct keys *exact; /* the owner's, for keys_free() */
	bool keep;          /* they may */
};

/* An object's members become fields (FIELD_MEMBER).  false: there are too many; nothing is
 * changed. */
bool decode_explode(struct parsed *out);

/* What is written anew goes to `room`, which must have twice the bytes of the fields and some
 * for each rule.  out->twice counts the texts that were left for a key that stands twice. */
void decode_fields(const struct define *def, struct decode_keys *keys, struct buf *room,
    struct parsed *out);
#endif
