/* lists.h - the lists of a commit: objects under _manifests/ that say what belongs to it.
 *
 * For each hour that a commit has objects of there is one list, an object as any other, whose
 * lines are the manifests of these objects, and at its end one that closes it:
 *
 *     {"commit":ID,"part":K,"parts":N,"node":NODE,"hour":T,"objects":N,"records":N,
 *      "covered":[{"file":F,"id":I,"from":N,"to":N},...]}
 *
 * They are listed in the ledger behind the commit's objects, and s3put delivers what is under
 * _manifests/ when all that came before it is delivered; so a list that is there says that its
 * objects are, and which.  The lists of one commit are numbered
 * and each tells how many there are; the last one also tells which bytes of which logs the
 * commit deals with, dropped records among them.  Where the ranges of all commits meet, nothing
 * was left out between them.
 */
#ifndef LISTS_H
#define LISTS_H

struct err;
struct keytemplate;
struct partitions;
struct positions;

/* Take the template of the lists from that of the objects: directories of times, texts and the
 * node, then {node}-{id}.ndjson.gz.  `text` must live as long.  -1: keys are too long. */
int lists_template(struct keytemplate *t, const struct keytemplate *of, char text[],
    unsigned size, struct err *e);

/* Append to the batches of `ps`, all finished, the lists of them. */
int lists_make(struct partitions *ps, const struct positions *positions,
    const struct keytemplate *t, struct err *e);

#endif
