/* conf.h - Fluent Bit's configuration files as a flat list of sections.
 *
 * Both forms are read, the classic one
 *
 *     # a comment                        @SET ZONE=+0100
 *     [PARSER]                           @INCLUDE more-?.conf
 *         Name        access
 *         Format      regex
 *         Time_Offset ${ZONE}
 *     [MULTILINE_PARSER]
 *         rule  "start_state" "/^\d+/" "cont"
 *
 * and YAML (a file whose name ends in .yaml or .yml)
 *
 *     env: {ZONE: "+0100"}
 *     includes: [more.yaml]
 *     parsers:
 *       - name: access
 *         format: regex
 *     multiline_parsers:
 *       - rules: [{state: start_state, regex: '/^\d+/', next_state: cont}]
 *
 * and give the same: sections in the order in which they stand, of entries in the order
 * in which they stand, a key that is there twice twice.  Names of sections come in capitals
 * and in the singular (PARSER, MULTILINE_PARSER), keys in small letters with underscores,
 * however they are written (Time_Key, timeKey).  A list of YAML is an entry for each item;
 * an item of `rules` is an entry `rule` as the classic form has it.  Sections other than
 * these two are passed over, YAML's in `skipped` too.
 *
 * ${NAME} is what @SET or env gave it before, else the environment's; if it has none that
 * is an error, and a ${ with no name and } behind it is text.  @INCLUDE takes a pattern of
 * glob(7), beside the file that has it; a file that includes itself, or more than
 * CONF_DEPTH within each other, is an error.  Source: Fluent Bit's manual,
 * "Configuration file" (classic, YAML, "Variables", "Include").
 */
#ifndef CONF_H
#define CONF_H
#include <stddef.h>

struct err;

enum {
	CONF_FILE_MAX = 4 << 20, /* bytes of one file */
	CONF_VALUE_MAX = 64 << 10,
	CONF_DEPTH = 10,
	CONF_FILES_MAX = 256,
	CONF_SECTIONS_MAX = 4096,
	CONF_ENTRIES_MAX = 1024, /* of one section */
};

struct conf_entry {
	const char *key;
	const char *value; /* blanks around it left out; may be "" */
	unsigned line;
};

struct conf_section {
	const char *name;
	const char *file; /* as it was named */
	unsigned line;
	struct conf_entry *entry;
	size_t entries;
};

struct conf {
	struct conf_section *section;
	size_t sections;
	size_t skipped; /* sections of other names */
	struct conf_memory *memory;
};

void conf_init(struct conf *c);
void conf_done(struct conf *c); /* and all that was read */

/* Read `path` and what it includes behind what is in `c` already.  -1 (ST_USAGE): it is not
 * there or is not as above: "FILE:LINE: reason"; (ST_FAIL): no memory. */
int conf_read(struct conf *c, const char *path, struct err *e);

/* The first entry of that key, or NULL. */
const struct conf_entry *conf_find(const struct conf_section *s, const char *key);

/* Fill `e` with "FILE:LINE: " and the reason; -1 (ST_USAGE), to be returned.  `line` 0: the
 * section's. */
int conf_bad(const struct conf_section *s, unsigned line, struct err *e, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));

/* yes, on, true, 1; no, off, false, 0, in any case.  -1: none of them. */
int conf_bool(const char *value);

/* Cut a value into words at blanks, in place; in "..." blanks are text, and \" is a quote.
 * How many; those over `max` are counted and left out. */
size_t conf_words(char *value, char *word[], size_t max);

/* The word of the list (NULL at its end) that is `word` but for a slip or two, or NULL. */
const char *conf_nearest(const char *word, const char *const list[]);
#endif
