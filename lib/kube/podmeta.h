/* podmeta.h - what is known of the pod behind a file, ready to be spliced into a record.
 *
 * Each source (a value of `_src.file`) is looked at once; what comes of it is kept as the
 * bytes that end a record, with the keys of Fluent Bit's kubernetes filter in its order:
 *
 *     ,"kubernetes":{"pod_name":"web-0","namespace_name":"shop","pod_id":"3b548af1-...",
 *      "labels":{...},"annotations":{...},"namespace_labels":{...},"ownerReferences":[...],
 *      "host":"node-7","pod_ip":"10.0.0.9","container_name":"web","docker_id":"9f3c...",
 *      "container_hash":"...","container_image":"nginx:1.29","parser":"nginx"}}
 *
 * A key that is not known is left out.  Names, uid and id come from the path (podpath.h,
 * podlocal.h), the rest from a table of pods (podtable.h).  The pod is the one with the uid in
 * the path; without a uid, the one that has the container's id; without that, the one of that
 * name, if it was there when the record was written and its containers do not say otherwise.
 *
 * Records of the sources that the record reader remembers cost nothing here, others one look
 * into a hash table; when the table of pods has changed, a file is looked up again at its next
 * use, and its ending is made anew if its pod or namespace is another line.  At most PODMETA_FILES files and PODMETA_BYTES bytes are held; then all are forgotten
 * and it begins anew.
 */
#ifndef PODMETA_H
#define PODMETA_H
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct keylist;
struct podtable;
struct record;
struct record_reader;

enum {
	PODMETA_FILES = 16384,
	PODMETA_BYTES = 6 << 20,
};

struct podmeta; /* opaque: the table */

/* Borrowed: lists and pods. */
struct podmeta_options {
	const char *node;      /* "host" of pods that are not known; NULL or "": none */
	struct podtable *pods; /* NULL: nothing but the path */
	const struct keylist *labels, *annotations; /* NULL: all */
	bool namespace_labels, owners;
	bool dedot; /* '_' for '.' in the keys of labels and annotations */
};

/* NULL: out of memory. */
struct podmeta *podmeta_new(const struct podmeta_options *o, struct err *e);
void podmeta_free(struct podmeta *m);

struct podmeta_found {
	struct str
	    ending;    /* in place of the closing brace; n = 0: the name tells nothing */
	bool excluded; /* fluentbit.io/exclude says so */
	bool missing;  /* a pod's file, but its pod is not in the table */
};

/* Of `r`, which `rr` has just read; a record without a source is found as nothing.  Lives
 * until the next call.  NULL: out of memory. */
const struct podmeta_found *podmeta_of(
    struct podmeta *m, struct record_reader *rr, const struct record *r);

/* Files held now. */
size_t podmeta_files(const struct podmeta *m);

/* Labels and annotations whose keys were taken already, also when dots became '_': so many for
 * each time that an ending was made. */
uint64_t podmeta_clashes(const struct podmeta *m);

/* config.v2.json over PODLOCAL_CONFIG_MAX that were passed over, counted in the same way. */
uint64_t podmeta_large(const struct podmeta *m);

#endif
