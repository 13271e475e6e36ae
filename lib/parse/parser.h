/* parser.h - a message to fields: what every parser is and gives.
 *
 * A message is the inside of a JSON string, escapes as they stand in its record.  A
 * parser says whether it fits, and if so gives one of
 *
 *   an object  the JSON text that the message was, byte for byte
 *   fields     names and values, slices of the unescaped message or of memory that is the
 *              parser's; no name twice
 *
 * and the time that it read, if it reads one (shape.h).
 *
 * Several parsers are tried in order, and the first that fits is taken.  Messages that
 * are not UTF-8 or hold half a surrogate pair fit none: they could not be written as they
 * are.  One set of parsers belongs to one thread.
 */
#ifndef PARSER_H
#define PARSER_H
#include "base/buf.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct err;

enum {
	PARSED_FIELDS_MAX = 256,
	PARSED_BYTES_MAX = 16 << 20, /* all values of one message together */
	PARSERS_MAX = 4096,          /* that files bring along */
};

struct message {
	const char *raw;   /* the first byte inside the string */
	const char *limit; /* the end of its line */
	char *place; /* where an object is to stand: room for limit - raw + 32 bytes */
	struct str time; /* the record's own, which texts without a year need; or none */

	bool keep_twice; /* JSON with a key twice in one object fits too */

	/* Filled in by parsers; one that fits has set `end`. */
	const char *end; /* the closing quote, or NULL: nobody had to look for it */
	struct str text; /* unescaped; p = NULL: not yet.  One that fits may change it */
	bool unsayable;  /* it cannot be unescaped to UTF-8 */
	struct buf *scratch; /* the caller's, holds `text` */
};

enum parser_fit {
	PARSER_NO,
	PARSER_FITS,
	PARSER_FAILED, /* it could not find out: parsed.why */
};

struct parser;
struct shape;

struct parsed {
	const struct parser *by;
	struct str object; /* at or behind message.place; n = 0: see the fields */
	size_t fields;
	struct parsed_field {
		struct str name, value;
		enum {
			FIELD_TEXT, /* to be written as a JSON string */
			FIELD_JSON, /* JSON text: a number, true, an object */
			FIELD_MEMBER, /* that, and the name is the inside of a JSON string */
		} kind;
	} field[PARSED_FIELDS_MAX];
	enum {
		TIME_NONE,
		TIME_READ,
		TIME_UNREAD, /* there was one, and it was not understood */
	} timed;
	bool ambiguous; /* TIME_READ: the zone's clocks showed it twice, or never */
	bool range;     /* TIME_UNREAD: it was understood, but is not one of int64 ns */
	bool far;       /* TIME_UNREAD: the same, but too far from the record's time */
	int64_t time_ns;
	bool left;       /* PARSER_NO, and no other is to be tried: a key stands twice */
	unsigned twice;  /* names that stood twice: of fields the last one counts */
	const char *why; /* PARSER_FAILED; lives as long as the parser */
};

struct parser {
	const char *name;
	bool whole; /* all of the message lives on in what it gives */
	enum parser_fit (*fit)(
	    const struct parser *p, struct message *m, struct parsed *out);
	/* How far does the text fit?  The offset where it stops; `why` gets a reason. */
	size_t (*stops)(const struct parser *p, struct str text, const char **why);
	void (*close)(struct parser *p);
	struct shape *shape; /* what is done with the fields that were found, or NULL */
};

void parser_close(struct parser *p);

/* The first of `n` that fits; out->by says which. */
enum parser_fit parser_first(
    struct parser *const *chain, size_t n, struct message *m, struct parsed *out);

/* For parsers of fields: the field of that name that is there already, or a new one, its
 * value empty; NULL: there are PARSED_FIELDS_MAX. */
struct parsed_field *parsed_field(struct parsed *out, struct str name);

/* For parsers: unescape the message into m->text, once.  false: `unsayable`, or there is
 * no memory for it. */
bool message_text(struct message *m);

/* A parser that reads the whole of a text by hand: `read` gives fields to `out` (NULL: it is only
 * asked how far it comes) and how far it came, with *why NULL if the text fits.  NULL
 * (ST_FAIL): out of memory. */
typedef size_t text_reader(struct str text, struct parsed *out, const char **why);
struct parser *text_parser(const char *name, text_reader *read, struct err *e);
#endif
