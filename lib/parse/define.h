/* define.h - what a parser is to do, as a [PARSER] section or a row of builtin.c says it.
 *
 *     [PARSER]
 *         Name        access
 *         Format      regex
 *         Regex       ^(?<host>[^ ]*) \[(?<time>[^\]]*)\] (?<code>\d+)$
 *         Time_Key    time
 *         Time_Format %d/%b/%Y:%H:%M:%S %z
 *         Types       code:integer
 *
 * The keys, their values and defaults: logsweep-parsers(5).  Source: Fluent Bit's manual,
 * "Parsers".
 */
#ifndef DEFINE_H
#define DEFINE_H
#include "parse/conf.h"
#include "parse/timeformat.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct parser;

enum {
	DEFINE_TIMES_MAX = 8,
	DEFINE_TYPES_MAX = 256,
	DEFINE_DECODERS_MAX = 64,
};

enum define_format {
	FORMAT_REGEX,
	FORMAT_JSON,
	FORMAT_LOGFMT,
	FORMAT_LTSV,
	FORMAT_KLOG,
	FORMAT_SYSLOG,        /* whichever of these, or 3164 without <pri> */
	FORMAT_RFC3164,       /* <pri>time host ident[pid]: message */
	FORMAT_RFC3164_LOCAL, /* without the host */
	FORMAT_RFC5424,
};
extern const char *const define_formats[]; /* their names; NULL at the end */

enum define_type { TYPE_STRING, TYPE_INTEGER, TYPE_FLOAT, TYPE_BOOL, TYPE_HEX };

enum define_decoder { DECODE_JSON, DECODE_ESCAPED, DECODE_ESCAPED_UTF8 };

struct define {
	const char *name;
	enum define_format format;
	const char *pattern; /* FORMAT_REGEX */
	const char *time_key;
	const char *time_format[DEFINE_TIMES_MAX]; /* the first that fits */
	size_t time_formats;
	const char *zone; /* of texts without one; see zone.h.  NULL: offset_s */
	int32_t offset_s;
	bool time_keep, time_lax;
	bool keep_empty, no_bare_keys;
	const char *types; /* "key:type key:type" */
	struct define_decode {
		enum define_decoder how;
		bool as; /* in its place; else beside it */
		bool do_next,
		    try_next; /* go on after success and failure, after failure */
		const char *field;
	} decode[DEFINE_DECODERS_MAX];
	size_t decodes;
	const char *sample;                 /* a message that it fits, or NULL */
	const struct conf_section *section; /* where it is from; NULL: built in */
};

/* All that parsers may be made of: what files say goes before what is built in. */
struct definitions {
	struct conf conf;
	struct define *item; /* of files, in their order */
	size_t n;
	struct timeformat_options
	    times; /* of all parsers; a parser's own zone goes before it */
};

void definitions_init(struct definitions *d);
void definitions_done(struct definitions *d); /* not before the parsers made of it */

/* Read a file of parsers.  -1 (ST_USAGE): "FILE:LINE: reason", such as an unknown key, with
 * the nearest known one; a name that another file or section has had; (ST_FAIL): memory. */
int definitions_read(struct definitions *all, const char *path, struct err *e);

/* Of that name, or NULL. */
const struct define *definitions_find(const struct definitions *d, const char *name);

/* The i-th of all, those of files first; NULL: no more. */
const struct define *definitions_at(const struct definitions *d, size_t i);

/* A parser ready for use.  NULL (ST_USAGE): its pattern, time format, zone or types are
 * wrong; (ST_FAIL): memory.  `def` must outlive it.  `times`: shape.h. */
struct parser *define_open(
    const struct define *def, const struct timeformat_options *times, struct err *e);

/* The same by name; NULL (ST_USAGE) too if there is none: the nearest is named. */
struct parser *parser_open(const struct definitions *d, const char *name, struct err *e);
#endif
