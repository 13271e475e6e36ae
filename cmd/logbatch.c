/* logbatch - records to hourly gzip objects, and the commit; see logbatch(1). */
#include "logbatch/logbatch.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "batch/gzmember.h"
#include "batch/intake.h"
#include "batch/keytemplate.h"
#include "batch/lists.h"
#include "batch/spool.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "cli/stats.h"
#include "logbatch/offer.h"
#include "record/jscan.h"
#include "record/ndjson.h"
#include "record/timestamp.h"
#include "record/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOLD_MAX = 5, IDLE_MS = 200 };

static struct options given = { .key = KEY_DEFAULT,
	.gzip = "fast",
	.max_size = 128 << 20,
	.max_spool = SPOOL_WAITING };
static struct keytemplate template; /* given.key, taken apart */
static struct keytemplate list_template;

static const struct opt options[] = {
	{ 0, "state", "DIR", OPT_STR, &given.state,
	    "commit to the ledger in DIR; bodies go to DIR/outbox" },
	{ 0, "out", "DIR", OPT_STR, &given.out,
	    "write objects under DIR by their keys, without a ledger" },
	{ 0, "key", "TEMPLATE", OPT_STR, &given.key,
	    "keys of the objects (default " KEY_DEFAULT ")" },
	{ 0, "gzip", "fast|1..9", OPT_STR, &given.gzip,
	    "how to compress (default fast)" },
	{ 0, "max-size", "SIZE", OPT_SIZE, &given.max_size,
	    "begin another object when one has SIZE compressed bytes (default 128M)" },
	{ 0, "max-age", "AGE", OPT_AGE, &given.max_age,
	    "commit when the oldest record in hand came AGE ago, not only at the end of "
	    "input" },
	{ 0, "max-spool", "SIZE", OPT_SIZE, &given.max_spool,
	    "commit nothing while more than SIZE waits in the outbox (default 1G)" },
	{ 0, "node", "NAME", OPT_STR, &given.node,
	    "this node's name (default the host name)" },
	{ 0, "tz", "ZONE", OPT_STR, &given.tz,
	    "hours and dates in keys are those of ZONE, such as Europe/Berlin or +02:00 "
	    "(default UTC)" },
	{ 0, "manifest", NULL, OPT_FLAG, &given.manifest,
	    "add lists of the objects of each commit, under _manifests/" },
	{ 0, "merge", NULL, OPT_FLAG, &given.merge,
	    "make few big objects of the many small ones in archives (directories) or "
	    "files, in place or under --out" },
	{ 0, "print-ddl", "athena|spark|trino|duckdb", OPT_STR, &given.ddl,
	    "print the SQL of a table for the archive; columns as in the records that "
	    "are "
	    "read" },
	{ 0, "verify", NULL, OPT_FLAG, &given.verify,
	    "read again what manifests, archives (directories) or --state name, and tell "
	    "what is not as it should be" },
	{ 'n', "dry-run", NULL, OPT_FLAG, &given.dry_run,
	    "print the manifests, commit nothing" },
	OPTS_END,
};
static const struct prog prog = { "logbatch",
	"--state=DIR|--out=DIR [OPTION]... [FILE|-]...\n"
	"       logbatch --verify [OPTION]... [MANIFESTS|OBJECT|DIR|-]...\n"
	"       logbatch --merge [--out=DIR] [OPTION]... DIR|FILE...\n"
	"       logbatch --print-ddl=DIALECT [OPTION]... [RECORDS|OBJECT|-]...",
	"Batch records into hourly gzip objects, commit them, print a manifest for each.",
	options };

struct run {
	struct intake in;
	struct zone *zone; /* --tz; NULL: UTC */
	struct ndjson_in lines;
	struct spool spool;
	struct stats stats;
	struct offer offer;
	uint64_t line_no, unfinished;
	int status;
	bool torn;
	int64_t
	    oldest; /* clock_steady() when the first record since the last commit came; 0 */
	bool told_marks; /* that --max-age cannot work */
	char spool_parent[PATH_MAX];
};

/* SIGTERM, SIGINT and SIGHUP end the input: what is whole by then is committed.  The handler
 * puts /dev/null in the place of the file being read, so that no read waits on. */
static volatile sig_atomic_t stop_signal, input_fd = -1;
static int null_fd = -1;

static void
on_stop(int sig)
{
	int saved = errno;

	stop_signal = sig;
	if (input_fd >= 0 && null_fd >= 0)
		(void)dup2(null_fd, input_fd);
	errno = saved;
}

static void
catch_stops(void)
{
	/* the second one ends the program at once */
	const struct sigaction sa = { .sa_handler = on_stop,
		.sa_flags = (int)SA_RESETHAND };
	struct sigaction now;

	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (const int *s = (const int[]){ SIGTERM, SIGINT, SIGHUP, 0 }; *s != 0; s++)
		if (sigaction(*s, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaction(*s, &sa, NULL);
}

static int
check_options(int *level, struct err *e)
{
	static char host[256], lists_key[4096];

	if ((given.state != NULL) == (given.out != NULL))
		return err_set(e, ST_USAGE,
		    "one of --state=DIR and --out=DIR is needed; try --help");
	if (given.node == NULL) {
		if (gethostname(host, sizeof host - 1) < 0 || host[0] == '\0')
			return err_set(e, ST_USAGE, "no host name; give --node=NAME");
		given.node = host;
	}
	if (given.max_size == 0)
		return err_set(e, ST_USAGE, "--max-size: 0");
	if (gzip_level(given.gzip, level, e) < 0)
		return -1;
	if (given.max_age > 0 && given.state == NULL)
		return err_set(e, ST_USAGE, "--max-age: goes with --state");
	if (keytemplate_parse(&template, given.key, given.node, e) < 0)
		return -1;
	return given.manifest ? lists_template(&list_template, &template, lists_key,
				    sizeof lists_key, e)
			      : 0;
}

/* Is it the beginning of a line that a killed writer did not finish?  A line of several
 * pieces ends with the input only when its end is missing. */
static bool
is_torn(const struct run *run, int got, struct str line)
{
	if (stop_signal != 0 && got != NDJSON_LINE && run->lines.eof)
		return true;
	if (!run->lines.pipe)
		return false;
	return got == NDJSON_TORN ? !jscan_shape(line, NULL)
				  : got == NDJSON_PIECE && run->lines.eof;
}

static int
one_line(struct run *run, int got, struct str line, struct err *e)
{
	enum intake_kind kind = INTAKE_LINE;
	const char *why;
	int r;

	run->line_no++;
	if (is_torn(run, got, line)) {
		if (stop_signal == 0)
			diag_error("%s: the last line is cut off: its writer was killed; "
				   "dropped",
			    run->lines.name);
		run->torn = true;
		return 0;
	}
	if (got == NDJSON_PIECE)
		kind = run->lines.in_long ? INTAKE_PIECE : INTAKE_LAST;
	if ((r = intake_line(&run->in, line, kind, common.strict, &why, e)) < 0)
		return -1;
	if (r > 0) {
		if (run->in.n.rejected <= TOLD_MAX)
			diag_warn("%s:%llu: %s; set aside as an _error record",
			    run->lines.name, (unsigned long long)run->line_no, why);
		run->status = status_worse(run->status, ST_ASIDE);
	}
	return 0;
}

/* Commit all that came in, at a place where all of it is sure. */
static int
cut(struct run *run, struct err *e)
{
	if (run->in.positions.unmarked > 0) {
		if (given.max_age > 0 && !run->told_marks)
			diag_warn("--max-age: a filter drops the marks, so all is "
				  "committed at the end of input only");
		run->told_marks = true;
		return 0;
	}
	if (partitions_finish(&run->in.partitions, e) < 0 ||
	    offer_commit(&run->offer, &run->in, e) < 0)
		return -1;
	intake_committed(&run->in);
	run->oldest = 0;
	return 0;
}

/* Called after each line, and when none came for a while. */
static int
cut_if_due(struct run *run, bool look, struct err *e)
{
	if (run->oldest == 0) {
		run->oldest = clock_steady();
		return 0;
	}
	if (run->in.positions.open > 0 || !look)
		return 0;
	return clock_steady() - run->oldest >= given.max_age ? cut(run, e) : 0;
}

static int
read_one(struct run *run, const struct inputs *files, struct err *e)
{
	struct str line;
	int got = 0, r = 0;

	ndjson_in_open(&run->lines, files->fd, files->name);
	run->line_no = 0;
	input_fd = files->fd;
	run->lines.wait_ms = given.max_age > 0 ? IDLE_MS : 0;
	while (stop_signal == 0 && r == 0 &&
	       (got = ndjson_next(&run->lines, &line, e)) > 0) {
		uint64_t before = run->in.n.records;

		if (got != NDJSON_IDLE)
			r = one_line(run, got, line, e);
		/* memory is bounded: not all the hours and fields of a year are kept open */
		if (r == 0 && run->in.partitions.n > PARTITIONS_OPEN &&
		    run->in.positions.open == 0)
			r = cut(run, e);
		/* a line that is no record is a mark, after which all may be sure */
		if (r == 0 && given.max_age > 0 &&
		    (run->oldest != 0 || run->in.n.records > before))
			r = cut_if_due(run, run->in.n.records == before, e);
		if ((run->line_no & 4095) == 0) {
			run->stats.in = run->in.n.records + run->in.n.rejected;
			run->stats.bytes_in = run->lines.bytes;
			stats_poll(&run->stats);
		}
	}
	input_fd = -1;
	return r < 0 || got < 0 ? -1 : 0;
}

static int
read_all(struct run *run, int argc, char *argv[], struct err *e)
{
	struct inputs files;
	int more;

	if (inputs_init(&files, argc, argv, e) < 0 ||
	    ndjson_in_init(&run->lines, NULL, e) < 0)
		return -1;
	while (stop_signal == 0 && (more = inputs_next(&files, e)) != 0)
		/* a file that is missing may hold what marks close */
		if (more < 0 || read_one(run, &files, e) < 0)
			return -1;
	if (stop_signal != 0)
		diag_note("signal %d: what is whole is committed", (int)stop_signal);
	return 0;
}

/* Where bodies are written first: beside where they will be; for a dry run anywhere else. */
static int
open_spool(struct run *run, struct err *e)
{
	const char *tmp = getenv("TMPDIR"), *dir = given.state ? given.state : given.out;
	int n;

	if (given.dry_run)
		n = snprintf(run->spool_parent, PATH_MAX, "%s/logbatch-%ld",
		    tmp ? tmp : "/tmp", (long)getpid());
	else
		n = snprintf(run->spool_parent, PATH_MAX, "%s/%s", dir,
		    given.state ? "tmp" : ".tmp");
	if (n >= PATH_MAX)
		return err_set(e, ST_USAGE, "%s: name too long", dir);
	if (given.out != NULL && !given.dry_run)
		spool_sweep(run->spool_parent);
	return spool_open(&run->spool, run->spool_parent, e);
}

static void
close_spool(struct run *run)
{
	spool_remove(&run->spool);
	if (given.state == NULL || given.dry_run)
		(void)io_rmdir(run->spool_parent); /* stays as long as others use it */
}

static int
work(struct run *run, int level, int argc, char *argv[], struct err *e)
{
	struct intake *in = &run->in;
	int64_t unsure;

	intake_init(in);
	in->zone = run->zone;
	if (positions_init(&in->positions, e) < 0 ||
	    partitions_init(&in->partitions, run->spool.path, &template, level,
		given.max_size, &in->positions, e) < 0 ||
	    read_all(run, argc, argv, e) < 0 || (unsure = intake_end(in, e)) < 0 ||
	    partitions_finish(&in->partitions, e) < 0)
		return -1;
	run->unfinished = (uint64_t)unsure;
	if (unsure > 0)
		diag_note("%llu records at the end were not marked done; the next sweep "
			  "reads them again",
		    (unsigned long long)unsure);
	return offer_commit(&run->offer, &run->in, e);
}

/* A run that committed nothing has let nothing through. */
static int
finish(struct run *run, int status)
{
	struct stats *s = &run->stats;
	const struct intake *in = &run->in;
	struct err e;

	s->out = run->offer.delivered || given.dry_run ? in->n.records : 0;
	s->rejected = run->offer.delivered || given.dry_run ? in->n.rejected : 0;
	s->in = in->n.records + in->n.rejected + run->unfinished + run->torn;
	s->filtered = s->in - s->out - s->rejected;
	s->bytes_in = run->lines.bytes;
	s->bytes_out = in->partitions.done_bytes;
	if (in->timed) {
		timestamp_format(in->first_ns, s->first_time);
		timestamp_format(in->last_ns, s->last_time);
	}
	if (stats_end(s, &e) < 0)
		status = status_worse(status, diag_end(&e));
	return status;
}

static int
run_all(struct run *run, int level, int argc, char *argv[])
{
	struct err e;
	int r;

	if ((given.state != NULL && offer_begin(&run->offer, &e) < 0) ||
	    open_spool(run, &e) < 0)
		return diag_end(&e);
	(given.dry_run ? confined_read : confined_write)(given.state);
	(given.dry_run ? confined_read : confined_write)(given.out);
	if (given.dry_run) /* the directory of what is made is removed from its own */
		confined_write(getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	confined_inputs(argc, argv);
	confined();
	r = work(run, level, argc, argv, &e) < 0
		? diag_end(&e)
		: status_worse(run->status, run->offer.status);
	close_spool(run);
	return run->torn && stop_signal == 0 ? status_worse(r, ST_FAIL) : r;
}

int
main(int argc, char *argv[])
{
	static struct run run = { .spool.lock = -1, .offer.given = &given };
	struct err e;
	int level = -1, r;

	diag_init(argv[0]);
	hash_without_config();
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r > 0 ? ST_OK : diag_end(&e);
	if (given.verify + given.merge + (given.ddl != NULL) > 1) {
		err_set(&e, ST_USAGE, "--verify, --merge and --print-ddl: one at a time");
		return diag_end(&e);
	}
	if (given.ddl != NULL)
		return logbatch_ddl(&given, argc, argv);
	if (given.verify)
		return logbatch_verify(&given, argc, argv);
	if (given.merge)
		return logbatch_merge(&given, argc, argv);
	if (check_options(&level, &e) < 0)
		return diag_end(&e);
	if (given.manifest)
		run.offer.lists = &list_template;
	if (given.tz != NULL && (run.zone = zone_open(given.tz, &e)) == NULL)
		return diag_end(&e);
	stats_init(&run.stats);
	stats_own(&run.stats, "batches", &run.offer.batches);
	stats_own(&run.stats, "errors", &run.in.n.errors);
	stats_own(&run.stats, "untimed", &run.in.n.untimed);
	stats_own(&run.stats, "unfinished", &run.unfinished);
	catch_stops();
	r = finish(&run, run_all(&run, level, argc, argv));
	intake_done(&run.in);
	ndjson_in_done(&run.lines);
	zone_close(run.zone);
	offer_done(&run.offer);
	if (stop_signal != 0 && (r == ST_OK || r == ST_ASIDE)) {
		signal(stop_signal, SIG_DFL);
		raise(stop_signal);
	}
	return r;
}
