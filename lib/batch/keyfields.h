/* keyfields.h - which of a template's fields a record has which values of.
 *
 * Each set of values that comes in {field.path} is a group, numbered from 1 in the order in
 * which they come; 0 is that of a template without fields.  Two sets that stand in keys in the
 * same way are one group.
 *
 * Records of one source mostly have the same values at the same end of the line (k8smeta puts
 * `kubernetes` last).  So the end of the line before is compared first, then the raw values,
 * and only then values are written as in keys, and the group is looked up.
 *
 * Groups live as long as their partitions; what bounds these bounds them (partition.h).
 */
#ifndef KEYFIELDS_H
#define KEYFIELDS_H
#include "base/buf.h"
#include "batch/keytemplate.h"

struct err;

enum {
	KEYFIELDS_RAW_MAX = 4 << 10
}; /* longer values and ends are not compared but looked up */

struct keyfields {
	const struct keytemplate *t; /* borrowed */
	struct str
	    *text; /* of group i + 1: values as in keys, each with a NUL; on the heap */
	size_t n, cap;
	uint32_t *index; /* group or 0, by hash of the text; a power of two places */
	size_t places;
	uint32_t last;   /* the group of the record before; 0: none */
	struct buf raw;  /* its raw values, each with a LF */
	struct buf tail; /* the end of a line that all of them are in */
	unsigned misses; /* lines that did not end so */
	struct buf work;
};

void keyfields_init(struct keyfields *k, const struct keytemplate *t);
void keyfields_done(struct keyfields *k);
void keyfields_clear(struct keyfields *k); /* no groups */

/* The group of a record (of n = 0 bytes: of what has no fields at all).  -1: memory. */
int keyfields_group(struct keyfields *k, struct str line, uint32_t *group, struct err *e);

/* Its values, for key_values.fields; NULL for group 0. */
const char *keyfields_text(const struct keyfields *k, uint32_t group);

#endif
