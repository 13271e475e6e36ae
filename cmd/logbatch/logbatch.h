/* logbatch.h - what the files of logbatch share: its options, and how lines leave.
 *
 * Each mode is a program of its own: it takes the operands, gives up what it does not need,
 * tells its messages and counts, and returns the exit status.
 */
#ifndef LOGBATCH_H
#define LOGBATCH_H
#include "base/buf.h"
#include "base/fileio.h"
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

struct err;

/* NULL, 0, false: not given, and nothing stands in for it. */
struct options {
	const char *state, *out, *key, *gzip, *node, *tz, *ddl;
	uint64_t max_size, max_spool;
	int64_t max_age;
	bool dry_run, manifest, merge, verify;
};

int logbatch_verify(const struct options *given, int argc, char *argv[]);
int logbatch_merge(const struct options *given, int argc, char *argv[]);
int logbatch_ddl(const struct options *given, int argc, char *argv[]);

/* To standard output; `unused` is for verify.h and merge.h, which call it. */
static inline int
logbatch_print(void *unused, const struct buf *lines, struct err *e)
{
	(void)unused;
	return write_all(STDOUT_FILENO, lines->p, lines->n, "<stdout>", e);
}

#endif
