/* merge.c - logbatch --merge: few big objects of many small ones. */
#include "batch/merge.h"
#include "base/err.h"
#include "batch/gzmember.h"
#include "batch/keytemplate.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/stats.h"
#include "logbatch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
tell_bad(const char *path, const char *why)
{
	diag_warn(
	    "%s: %s; left as it is, with those that it would be merged with", path, why);
}

/* The lists of an archive are in a directory at or above an operand. */
static void
confine_to_merge(const struct options *given, int argc, char *argv[])
{
	char at[PATH_MAX], lists[PATH_MAX + sizeof KEY_MANIFESTS], *slash;
	struct stat st;

	for (int i = 0; i < argc; i++) {
		bool write = given->out == NULL && !given->dry_run;

		if (realpath(argv[i], at) == NULL)
			continue;
		if (stat(at, &st) == 0 && !S_ISDIR(st.st_mode))
			*strrchr(at, '/') = '\0';
		(write ? confined_write : confined_read)(*at ? at : "/");
		for (; write && *at != '\0'; *slash = '\0') {
			snprintf(lists, sizeof lists, "%s/" KEY_MANIFESTS, at);
			if (access(lists, F_OK) == 0)
				confined_write(at);
			slash = strrchr(at, '/');
		}
	}
	if (!given->dry_run)
		confined_write(given->out);
	confined_dirs();
	confined();
}

int
logbatch_merge(const struct options *given, int argc, char *argv[])
{
	struct merge m = { .max_size = given->max_size,
		.out = given->out,
		.dry = given->dry_run,
		.print = logbatch_print,
		.tell = tell_bad };
	struct stats stats = { 0 };
	struct err e;
	int level, status = ST_OK;

	stats_init(&stats);
	stats_own(&stats, "inputs", &m.n.inputs);
	stats_own(&stats, "merged", &m.n.merged);
	stats_own(&stats, "kept", &m.n.kept);
	stats_own(&stats, "bad", &m.n.bad);
	if (argc == 0 || given->state != NULL) {
		err_set(&e, ST_USAGE,
		    "--merge: name directories or files, and no --state; try --help");
		return diag_end(&e);
	}
	if (gzip_level(given->gzip, &level, &e) < 0 ||
	    (m.gzip = gzip_new(level, &e)) == NULL)
		return diag_end(&e);
	confine_to_merge(given, argc, argv);
	if (merge_operands(&m, argv, (size_t)argc, &e) < 0)
		status = diag_end(&e);
	if (m.n.bad > 0)
		status = status_worse(status, ST_ASIDE);
	gzip_free(m.gzip);
	stats.in = stats.out = m.n.records;
	stats.bytes_out = m.n.bytes_out;
	if (stats_end(&stats, &e) < 0)
		status = status_worse(status, diag_end(&e));
	return status;
}
