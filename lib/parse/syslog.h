/* syslog.h - the parsers of syslog messages, old and new.
 *
 *     <34>Nov  2 13:00:00 node-1 su[231]: 'su root' failed         RFC 3164
 *     {"pri":"34","time":"Nov  2 13:00:00","host":"node-1","ident":"su","pid":"231",
 *      "message":"'su root' failed"}
 *
 *     <165>1 2026-11-22T13:00:00Z node-1 shop 8710 ID47 [o@1 k="v"] text     RFC 5424
 *     {"pri":"165","time":"2026-11-22T13:00:00Z","host":"node-1","ident":"shop",
 *      "pid":"8710","msgid":"ID47","extradata":"[o@1 k=\"v\"]","message":"text"}
 *
 * The names are those of Fluent Bit's parsers.  Structured data is read as RFC 5424 has it
 * (a ']' may stand in quotes, behind a backslash); what is not like that ends at the first
 * "] ".  FORMAT_RFC3164_LOCAL has no host.  FORMAT_SYSLOG is whichever fits, and RFC 3164
 * without its <pri>, as files have it.  Times of RFC 3164 may be those of RFC 3339.  Fields
 * that are empty are left out.  Source: RFC 3164, 4.1; RFC 5424, 6.
 */
#ifndef SYSLOG_H
#define SYSLOG_H
struct err;
struct parser;

/* `format`: an enum define_format.  NULL (ST_FAIL). */
struct parser *syslog_open(const char *name, int format, struct err *e);
#endif
