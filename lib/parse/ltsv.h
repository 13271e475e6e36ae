/* ltsv.h - the parser of labeled tab-separated values.
 *
 *     host:203.0.113.7 TAB req:GET / HTTP/1.1   ->   {"host":"203.0.113.7","req":...}
 *
 * A label is letters, digits, _ . -; a value is anything but a tab or line end, and may be
 * empty.  All of the message has to be so.  Of a label that is there twice the last value
 * counts.  Source: http://ltsv.org.
 */
#ifndef LTSV_H
#define LTSV_H
struct err;
struct parser;

struct parser *ltsv_open(const char *name, struct err *e); /* NULL (ST_FAIL) */
#endif
