/* units.h - numbers as people write them: 128M, 64KiB, 5m, 36h, 1h30m.
 *
 * Sizes are binary: K, M, G, T (also Ki, KiB, KB, lower case) are powers of 1024, no suffix
 * or B is bytes.  Ages are s, m, h, d, w (also ms), a number alone is seconds; parts may be
 * written together, largest first: 1d12h (but not 1h30, which might mean anything).
 */
#ifndef UNITS_H
#define UNITS_H
#include <stdint.h>

struct err;

int units_size(const char *s, uint64_t *bytes, struct err *e);
int units_age(const char *s, int64_t *ns, struct err *e);
int units_count(const char *s, uint64_t max, uint64_t *n, struct err *e);

#endif
