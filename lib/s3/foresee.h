/* foresee.h - what all manifests ask for, to tell what remains.
 *
 * They are read for it once more, so it is for files, and for a run that somebody looks at.
 */
#ifndef FORESEE_H
#define FORESEE_H
#include <stdint.h>

/* How many orders there are in n files of manifests, and of how many bytes.  Both 0: nobody
 * knows, because one is not a regular file. */
void orders_foresee(int n, char *const name[], uint64_t *total, uint64_t *bytes);

#endif
