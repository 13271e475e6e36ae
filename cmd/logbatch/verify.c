/* verify.c - logbatch --verify: archives, objects and manifests are read again. */
#include "batch/verify.h"
#include "base/err.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/stats.h"
#include "logbatch.h"

#include <sys/stat.h>
#include <unistd.h>

/* Directories hold what their lists name; manifests alone name any path. */
static void
confine_to_read(const struct options *given, int argc, char *argv[])
{
	struct stat st;
	bool dirs = argc > 0 || given->state != NULL;

	for (int i = 0; i < argc && dirs; i++)
		dirs = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
	confined_read(given->state);
	confined_read(given->out);
	confined_inputs(argc, argv);
	if (!dirs)
		confined_read("/");
	confined();
}

int
logbatch_verify(const struct options *given, int argc, char *argv[])
{
	static char dash[] = "-", *fallback[] = { dash };
	struct stats stats = { 0 };
	struct verify v;
	struct err e;
	int status = ST_OK;

	verify_init(&v, logbatch_print, NULL);
	stats_init(&stats);
	stats_own(&stats, "missing", &v.n.missing);
	stats_own(&stats, "unlisted", &v.n.unlisted);
	stats_own(&stats, "records", &v.n.records);
	if (argc == 0 && given->state == NULL && isatty(STDIN_FILENO)) {
		err_set(
		    &e, ST_USAGE, "<stdin>: a terminal; name manifests or a directory");
		return diag_end(&e);
	}
	confine_to_read(given, argc, argv);
	if (argc == 0 && given->state != NULL)
		status = verify_outbox(&v, given->state, &e) < 0 ? diag_end(&e) : ST_OK;
	else if (argc == 0)
		argc = 1, argv = fallback;
	for (int i = 0; i < argc; i++)
		if (verify_operand(&v, argv[i], given->out, &e) < 0)
			status = status_worse(status, diag_end(&e));
	stats.in = v.n.objects + v.n.told;
	stats.rejected = v.n.wrong + v.n.missing;
	stats.out = stats.in - stats.rejected;
	stats.bytes_in = v.n.bytes;
	verify_done(&v);
	if (v.n.wrong + v.n.missing > 0) {
		diag_warn("%llu wrong, %llu missing", (unsigned long long)v.n.wrong,
		    (unsigned long long)v.n.missing);
		status = status_worse(status, ST_ASIDE);
	}
	if (stats_end(&stats, &e) < 0)
		status = status_worse(status, diag_end(&e));
	return status;
}
