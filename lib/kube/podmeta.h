/* podmeta.h - what is known of the pod behind a file, ready to be spliced into a record.
 *
 * Each source (a value of `_src.file`) is looked at once; what comes of it is kept as the
 * bytes that end a record, with the keys of Fluent Bit's kubernetes filter in its order:
 *
 *     ,"kubernetes":{"pod_name":"web-0","namespace_name":"shop","pod_id":"3b548af1-...",
 *      "host":"node-7","container_name":"web","docker_id":"9f3c..."}}
 *
 * A key that is not known is left out.  Records of the sources that the record reader
 * remembers cost nothing here, others one look into a hash table.  The table holds at most
 * PODMETA_FILES files and PODMETA_BYTES bytes; then it is emptied and begins anew.
 */
#ifndef PODMETA_H
#define PODMETA_H
#include "base/str.h"
#include <stddef.h>

struct err;
struct record;
struct record_reader;

enum {
	PODMETA_FILES = 16384,
	PODMETA_BYTES = 6 << 20,
};

struct podmeta; /* opaque: the table */

/* `node` becomes "host"; NULL or "": not known.  NULL: out of memory. */
struct podmeta *podmeta_new(const char *node, struct err *e);
void podmeta_free(struct podmeta *m);

/* What to put in place of the closing brace of `r`, which `rr` has just read: n = 0 when the
 * record has no source or its name tells nothing.  Lives until the next call.  p = NULL: out
 * of memory. */
struct str podmeta_of(
    struct podmeta *m, struct record_reader *rr, const struct record *r);

/* Files held now. */
size_t podmeta_files(const struct podmeta *m);

#endif
