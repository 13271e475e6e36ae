/* json.h - the parser `json`: a message that is a JSON object stays the text it was.
 *
 * Blanks around the object are left out.  Line feeds and carriage returns between its
 * tokens, which cannot stand in one line, become blanks.  All else is byte for byte:
 * numbers (1.10, 2^63, 1e400), escapes, the order of keys.  An object that has a key twice in
 * it, at any depth and however it is written, does not fit (readers do not agree on what it
 * says, and some refuse it) unless message.keep_twice; nor does one with more than
 * KEYS_MAX keys if they have to be compared (keys.h).  Every byte is checked (jscan_valid); an array, a lone value, or an object with text
 * before or after it does not fit.  Source: RFC 8259.
 */
#ifndef JSON_H
#define JSON_H
struct err;
struct parser;

/* NULL (ST_FAIL): out of memory.  `name` is kept. */
struct parser *json_open(const char *name, struct err *e);
#endif
