/* logfmt.h - the parser of messages that are key=value pairs.
 *
 *     level=info msg="order \"17\" placed" retry= first   ->
 *     {"level":"info","msg":"order \"17\" placed","retry":true,"first":true}
 *
 * A key is a run of bytes above ' ' other than '=' and '"'; so is a value, or it is in
 * quotes with \" \\ \n \t \r \b \f \v \a \/ \uXXXX \xHH in them.  As in Fluent Bit a key alone
 * or with nothing behind its '=' is true (a JSON boolean), `a=""` is empty, and what is
 * between pairs is passed over.  Other than there, a message without any '=' does not fit,
 * nor one with a quote that is not closed, and of a key that is there twice the last value
 * counts.  Source: https://brandur.org/logfmt, github.com/kr/logfmt.
 */
#ifndef LOGFMT_H
#define LOGFMT_H
#include <stdbool.h>

struct err;
struct parser;

/* no_bare_keys: a message with a key that has no '=' does not fit.  NULL (ST_FAIL). */
struct parser *logfmt_open(const char *name, bool no_bare_keys, struct err *e);
#endif
