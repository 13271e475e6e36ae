/* forecast.h - how much there is to read, for progress: what the files have on the disk.
 *
 * Files are listed and opened as a sweep does it, and nothing is read, so this is worth its
 * time only when somebody looks.  A rotated .gz counts with its compressed size; what the
 * ledger knows already counts too, and is passed at once.
 */
#ifndef FORECAST_H
#define FORECAST_H
#include <stddef.h>
#include <stdint.h>

struct err;
struct families;
struct sweep;

/* Begins as zeros. */
struct forecast {
	uint64_t *bytes; /* of each family */
	uint32_t *files;
	size_t n;
	uint64_t all_bytes, all_files;
};

/* 0; -1: out of memory, and nothing is foreseen. */
int forecast_make(
    struct forecast *f, struct sweep *s, const struct families *fs, struct err *e);
void forecast_done(struct forecast *f);

#endif
