/* keytemplate.h - where in the archive a record goes.
 *
 *     year=%Y/month=%m/day=%d/hour=%H/{node}-{id}.ndjson.gz
 *     ns={kubernetes.namespace_name}/dt=%F/%H-{first}-{node}-{id}.ndjson.gz
 *
 * Codes of strftime(3) are of the hour that the record is of; finer ones are refused, for a
 * partition is an hour.  {field.path} is a member of the record: each of its values makes
 * partitions of its own.  {id} is put in when the object is finished and must be there once,
 * or objects would overwrite each other.
 *
 * A key is UTF-8, at most KEY_MAX bytes, has no empty part, no "." or "..", and does not
 * begin with '/' (Amazon S3, "Naming Amazon S3 objects").  Whatever a record holds, what
 * stands for a field is letters, digits, "-_.~" and %XX; it is never empty, and one that is
 * too long ends in "~" and a hash of all of it: one by itself, or, where the fields between
 * two '/' would make more than KEY_PART_MAX bytes of it, each that is over its share.  A
 * part that would begin with a value's '_' or '.', and so be hidden from Hive and its kin, has
 * that byte as %XX.
 */
#ifndef KEYTEMPLATE_H
#define KEYTEMPLATE_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;

#define KEY_ERRORS "_errors/"       /* before the keys of _error records */
#define KEY_MANIFESTS "_manifests/" /* before the keys of lists of objects */
#define KEY_DEFAULT "year=%Y/month=%m/day=%d/hour=%H/{node}-{id}.ndjson.gz"
#define KEY_NONE "none"       /* a field that the record has not got */
#define KEY_UNTIMED "untimed" /* {first} and {last} of records without times */
#define KEY_HIVE_NULL "__HIVE_DEFAULT_PARTITION__" /* a NONE that is all of NAME=VALUE */

enum {
	KEY_MAX = 1024,
	KEY_PART_MAX =
	    255, /* bytes between two '/': a file system takes no longer name */
	KEY_ID_LEN = 16,
	KEY_PARTS_MAX = 64,  /* codes, names in braces and the text between them */
	KEY_FIELDS_MAX = 8,  /* {field.path} */
	KEY_VALUE_MAX = 160, /* bytes of a field's value in the key, at most */
	KEY_VALUE_MIN = 40,  /* a template that leaves less to each is refused */
	KEY_SHARE_MIN = 26,  /* the same within a part; KEY_HIVE_NULL has room */
};

enum key_kind {
	KEY_TEXT,
	KEY_TIME,
	KEY_NODE,
	KEY_ID,
	KEY_FIRST,
	KEY_LAST,
	KEY_SEQ,
	KEY_FIELD
};

struct key_part {
	enum key_kind kind;
	struct str text; /* the text, or how it is written in the template */
	char code;       /* of KEY_TIME */
	unsigned field;  /* of KEY_FIELD: which */
	bool alone;      /* of KEY_FIELD: all of the VALUE in a part NAME=VALUE */
	/* of KEY_FIELD, between the same two '/': which they are, how many fields there are,
	 * and the bytes for all of these */
	size_t level, uses, room;
};

struct keytemplate {
	const char *text, *node; /* borrowed */
	struct key_part part[KEY_PARTS_MAX];
	size_t parts;
	struct str field[KEY_FIELDS_MAX];
	size_t fields;
	size_t value_max; /* bytes of a field's value */
};

/* What the codes and names stand for in one key. */
struct key_values {
	int64_t hour;     /* timestamp_hour() of what the clocks of the zone show */
	int32_t offset_s; /* of these clocks, east of Greenwich */
	const char
	    *fields; /* keytemplate_value() of each field, each with a NUL; NULL: none */
	const char *id;
	bool timed; /* there are a first and a last time */
	int64_t first_ns, last_ns;
	unsigned seq;
};

/* Take a template apart.  -1 (ST_USAGE) says where it is wrong, or that it, or the node's
 * name, makes keys that are. */
int keytemplate_parse(
    struct keytemplate *t, const char *text, const char *node, struct err *e);

/* Append the key. */
void keytemplate_key(
    const struct keytemplate *t, const struct key_values *v, struct buf *key);

/* Append what stands in keys for the value of a field: raw JSON, of n = 0 bytes for a member
 * that is missing. */
void keytemplate_value(const struct keytemplate *t, struct str raw, struct buf *b);

#endif
