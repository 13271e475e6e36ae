/* sums.h - the hashes of a file's parts, which become known one after the other while parts
 * are on their way already; for lib/s3 alone.
 *
 * One thread reads the file once, in order, for the hashes of all of it and of each part:
 * sums_add, then sums_end.  Those that send parts wait for theirs.  So each part is signed
 * by the hash of the bytes that the hash of the whole was made of, and a file that changes
 * in between is refused by the server.  The last part is given away only when the whole is
 * what it should be: of a file that is not, no upload has all parts.
 */
#ifndef S3_SUMS_H
#define S3_SUMS_H
#include <stdbool.h>
#include <stdint.h>

struct err;
struct sums; /* opaque */

struct sums *sums_new(unsigned parts); /* NULL: out of memory */
void sums_free(struct sums *s);

/* The next part's.  -1: there are more than there should be, or nobody wants them. */
int sums_add(struct sums *s, const uint8_t digest[32]);

/* That was all, and `why` NULL: it is as it should be. */
void sums_end(struct sums *s, const struct err *why);

/* That of part i, in hex, as soon as it is known.  -1: it will not be, see `e`. */
int sums_wait(struct sums *s, unsigned i, char hex[65], struct err *e);

void sums_unwanted(struct sums *s); /* whoever makes them may stop */

#endif
