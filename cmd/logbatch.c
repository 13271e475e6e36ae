/* logbatch - records to hourly gzip objects, and the commit; see logbatch(1). */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "batch/columns.h"
#include "batch/commit.h"
#include "batch/ddl.h"
#include "batch/intake.h"
#include "batch/keytemplate.h"
#include "batch/lists.h"
#include "batch/merge.h"
#include "batch/spool.h"
#include "batch/verify.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "cli/stats.h"
#include "ledger/ledger.h"
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
#include <sys/stat.h>
#include <unistd.h>

enum { TOLD_MAX = 5, IDLE_MS = 200 };

static const char *state, *out_dir, *key = KEY_DEFAULT, *gzip_level = "fast", *node, *tz,
				    *ddl;
static uint64_t max_size = 128 << 20, max_spool = 1 << 30;
static int64_t max_age;
static bool dry_run, manifest, merging, verifying;
static struct keytemplate template; /* `key`, taken apart */
static struct keytemplate list_template;

static const struct opt options[] = {
	{ 0, "state", "DIR", OPT_STR, &state,
	    "commit to the ledger in DIR; bodies go to DIR/outbox" },
	{ 0, "out", "DIR", OPT_STR, &out_dir,
	    "write objects under DIR by their keys, without a ledger" },
	{ 0, "key", "TEMPLATE", OPT_STR, &key,
	    "keys of the objects (default " KEY_DEFAULT ")" },
	{ 0, "gzip", "fast|1..9", OPT_STR, &gzip_level,
	    "how to compress (default fast)" },
	{ 0, "max-size", "SIZE", OPT_SIZE, &max_size,
	    "begin another object when one has SIZE compressed bytes (default 128M)" },
	{ 0, "max-age", "AGE", OPT_AGE, &max_age,
	    "commit when the oldest record in hand came AGE ago, not only at the end of "
	    "input" },
	{ 0, "max-spool", "SIZE", OPT_SIZE, &max_spool,
	    "commit nothing while more than SIZE waits in the outbox (default 1G)" },
	{ 0, "node", "NAME", OPT_STR, &node, "this node's name (default the host name)" },
	{ 0, "tz", "ZONE", OPT_STR, &tz,
	    "hours and dates in keys are those of ZONE, such as Europe/Berlin or +02:00 "
	    "(default UTC)" },
	{ 0, "manifest", NULL, OPT_FLAG, &manifest,
	    "add lists of the objects of each commit, under _manifests/" },
	{ 0, "merge", NULL, OPT_FLAG, &merging,
	    "make few big objects of the many small ones in archives (directories) or "
	    "files, in place or under --out" },
	{ 0, "print-ddl", "athena|spark|trino|duckdb", OPT_STR, &ddl,
	    "print the SQL of a table for the archive; columns as in the records that "
	    "are "
	    "read" },
	{ 0, "verify", NULL, OPT_FLAG, &verifying,
	    "read again what manifests, archives (directories) or --state name, and tell "
	    "what is not as it should be" },
	{ 'n', "dry-run", NULL, OPT_FLAG, &dry_run,
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
	uint64_t line_no, batches, unfinished;
	int status;
	bool torn, delivered;
	struct ledger *begun;        /* the ledger as last read or written */
	struct ledger_names offered; /* batches whose manifests are printed */
	struct commit_history own;
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
parse_level(int *level, struct err *e)
{
	*level = -1;
	if (strcmp(gzip_level, "fast") == 0)
		return 0;
	*level = gzip_level[0] - '0';
	if (*level < 1 || *level > 9 || gzip_level[1] != '\0')
		return err_set(
		    e, ST_USAGE, "--gzip: %.40s: not fast or 1 to 9", gzip_level);
	return 0;
}

static int
check_options(int *level, struct err *e)
{
	static char host[256], lists_key[4096];

	if ((state != NULL) == (out_dir != NULL))
		return err_set(e, ST_USAGE,
		    "one of --state=DIR and --out=DIR is needed; try --help");
	if (node == NULL) {
		if (gethostname(host, sizeof host - 1) < 0 || host[0] == '\0')
			return err_set(e, ST_USAGE, "no host name; give --node=NAME");
		node = host;
	}
	if (max_size == 0)
		return err_set(e, ST_USAGE, "--max-size: 0");
	if (parse_level(level, e) < 0)
		return -1;
	if (max_age > 0 && state == NULL)
		return err_set(e, ST_USAGE, "--max-age: goes with --state");
	if (keytemplate_parse(&template, key, node, e) < 0)
		return -1;
	return manifest ? lists_template(
			      &list_template, &template, lists_key, sizeof lists_key, e)
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

static int deliver(struct run *run, struct err *e);
static int check_spool(const struct ledger *l, struct err *e);

/* Commit all that came in, at a place where all of it is sure. */
static int
cut(struct run *run, struct err *e)
{
	if (run->in.positions.unmarked > 0) {
		if (max_age > 0 && !run->told_marks)
			diag_warn("--max-age: a filter drops the marks, so all is "
				  "committed at the end of input only");
		run->told_marks = true;
		return 0;
	}
	if (partitions_finish(&run->in.partitions, e) < 0 || deliver(run, e) < 0)
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
	return clock_steady() - run->oldest >= max_age ? cut(run, e) : 0;
}

static int
read_one(struct run *run, const struct inputs *files, struct err *e)
{
	struct str line;
	int got = 0, r = 0;

	ndjson_in_open(&run->lines, files->fd, files->name);
	run->line_no = 0;
	input_fd = files->fd;
	run->lines.wait_ms = max_age > 0 ? IDLE_MS : 0;
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
		if (r == 0 && max_age > 0 &&
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

static int
print(const struct buf *lines, struct err *e)
{
	return write_all(STDOUT_FILENO, lines->p, lines->n, "<stdout>", e);
}

/* The batches that wait and were not offered before, oldest first. */
static int
offer(const struct ledger *l, const struct ledger_names *before, struct err *e)
{
	struct buf line;
	int r = 0;

	buf_init(&line, LEDGER_MAX);
	for (size_t i = 0; i < l->batches && r == 0; i++) {
		if (ledger_names_has(before, l->batch[i].name))
			continue;
		buf_clear(&line);
		ledger_manifest(&l->batch[i], state, &line);
		r = buf_check(&line, "manifest", e) < 0 ? -1 : print(&line, e);
	}
	buf_done(&line);
	return r;
}

static int
print_dry(struct run *run, struct err *e)
{
	struct partitions *ps = &run->in.partitions;
	struct buf line;
	int r = 0;

	buf_init(&line, LEDGER_MAX);
	for (size_t i = 0; i < ps->batches && r == 0; i++) {
		buf_clear(&line);
		buf_adds(&line, ps->batch[i].manifest);
		buf_addc(&line, '\n');
		r = buf_check(&line, "manifest", e) < 0 ? -1 : print(&line, e);
	}
	buf_done(&line);
	return r;
}

static void
tell_if_copy(struct run *run, const struct ledger *l)
{
	if (!l->from_copy)
		return;
	diag_warn("%s: ledger.json was damaged; its copy was used", state);
	run->status = status_worse(run->status, ST_ASIDE);
}

static int
deliver(struct run *run, struct err *e)
{
	struct partitions *ps = &run->in.partitions;
	struct ledger *l = run->begun;
	struct buf lines;
	int r;

	if (manifest && lists_make(ps, &run->in.positions, &list_template, e) < 0)
		return -1;
	run->batches += ps->batches;
	if (dry_run)
		return print_dry(run, e);
	run->delivered = true; /* unless it turns out below that it is not */
	if (out_dir != NULL) {
		buf_init(&lines, LEDGER_MAX);
		r = commit_files(out_dir, ps, &lines, e);
		run->delivered = r == 0;
		r = r < 0 ? -1 : print(&lines, e);
		buf_done(&lines);
		return r;
	}
	run->begun = NULL;
	r = commit(state, ps, &run->in.positions, &run->own, clock_now(), &l, e);
	if (l == NULL) {
		run->delivered = false;
		return -1;
	}
	/* if only the copy failed it is committed, but nobody may act on it yet */
	if (r == 0) {
		tell_if_copy(run, l);
		r = offer(l, &run->offered, e);
	}
	run->begun = l;
	free(run->offered.name);
	run->offered = (struct ledger_names){ 0 };
	if (r == 0)
		r = ledger_names(l, &run->offered, e);
	return r == 0 && max_age > 0 ? check_spool(l, e) : r;
}

/* -1: too much waits in the outbox. */
static int
check_spool(const struct ledger *l, struct err *e)
{
	uint64_t waiting = commit_waiting(l);

	if (waiting < max_spool)
		return 0;
	return err_set(e, ST_LATER,
	    "%s/outbox: %llu bytes wait to be delivered, --max-spool is %llu; nothing is "
	    "read: deliver them with s3put --state=%s DEST, or raise --max-spool",
	    state, (unsigned long long)waiting, (unsigned long long)max_spool, state);
}

static int
open_state(struct run *run, struct err *e)
{
	if (dry_run)
		run->begun = ledger_load(state, e);
	else
		(void)commit_begin(state, &run->begun, e);
	if (run->begun == NULL)
		return -1;
	tell_if_copy(run, run->begun);
	if (dry_run)
		return 0;
	if (offer(run->begun, &run->offered, e) < 0 ||
	    ledger_names(run->begun, &run->offered, e) < 0)
		return -1;
	return check_spool(run->begun, e);
}

/* Where bodies are written first: beside where they will be; for a dry run anywhere else. */
static int
open_spool(struct run *run, struct err *e)
{
	const char *tmp = getenv("TMPDIR"), *dir = state ? state : out_dir;
	int n;

	if (dry_run)
		n = snprintf(run->spool_parent, PATH_MAX, "%s/logbatch-%ld",
		    tmp ? tmp : "/tmp", (long)getpid());
	else
		n = snprintf(
		    run->spool_parent, PATH_MAX, "%s/%s", dir, state ? "tmp" : ".tmp");
	if (n >= PATH_MAX)
		return err_set(e, ST_USAGE, "%s: name too long", dir);
	if (out_dir != NULL && !dry_run)
		spool_sweep(run->spool_parent);
	return spool_open(&run->spool, run->spool_parent, e);
}

static void
close_spool(struct run *run)
{
	spool_remove(&run->spool);
	if (state == NULL || dry_run)
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
	    partitions_init(&in->partitions, run->spool.path, &template, level, max_size,
		&in->positions, e) < 0 ||
	    read_all(run, argc, argv, e) < 0 || (unsure = intake_end(in, e)) < 0 ||
	    partitions_finish(&in->partitions, e) < 0)
		return -1;
	run->unfinished = (uint64_t)unsure;
	if (unsure > 0)
		diag_note("%llu records at the end were not marked done; the next sweep "
			  "reads them again",
		    (unsigned long long)unsure);
	return deliver(run, e);
}

/* A run that committed nothing has let nothing through. */
static int
finish(struct run *run, int status)
{
	struct stats *s = &run->stats;
	const struct intake *in = &run->in;
	struct err e;

	s->out = run->delivered || dry_run ? in->n.records : 0;
	s->rejected = run->delivered || dry_run ? in->n.rejected : 0;
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

	if ((state != NULL && open_state(run, &e) < 0) || open_spool(run, &e) < 0)
		return diag_end(&e);
	confined_write(state);
	confined_write(out_dir);
	if (dry_run) /* the directory of what is made is removed from its own */
		confined_write(getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	confined_inputs(argc, argv);
	confined();
	r = work(run, level, argc, argv, &e) < 0 ? diag_end(&e) : run->status;
	close_spool(run);
	return run->torn && stop_signal == 0 ? status_worse(r, ST_FAIL) : r;
}

/* ---- --verify ---- */

/* Directories hold what their lists name; manifests alone name any path. */
static void
confine_to_read(int argc, char *argv[])
{
	struct stat st;
	bool dirs = argc > 0 || state != NULL;

	for (int i = 0; i < argc && dirs; i++)
		dirs = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
	confined_read(state);
	confined_read(out_dir);
	confined_inputs(argc, argv);
	if (!dirs)
		confined_read("/");
	confined();
}

static int
print_line(void *unused, const struct buf *line, struct err *e)
{
	(void)unused;
	return print(line, e);
}

static int
verify_all(int argc, char *argv[])
{
	static char dash[] = "-", *fallback[] = { dash };
	struct stats stats = { 0 };
	struct verify v;
	struct err e;
	int status = ST_OK;

	verify_init(&v, print_line, NULL);
	stats_init(&stats);
	stats_own(&stats, "missing", &v.n.missing);
	stats_own(&stats, "unlisted", &v.n.unlisted);
	stats_own(&stats, "records", &v.n.records);
	if (argc == 0 && state == NULL && isatty(STDIN_FILENO)) {
		err_set(
		    &e, ST_USAGE, "<stdin>: a terminal; name manifests or a directory");
		return diag_end(&e);
	}
	confine_to_read(argc, argv);
	if (argc == 0 && state != NULL)
		status = verify_outbox(&v, state, &e) < 0 ? diag_end(&e) : ST_OK;
	else if (argc == 0)
		argc = 1, argv = fallback;
	for (int i = 0; i < argc; i++)
		if (verify_operand(&v, argv[i], out_dir, &e) < 0)
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

/* ---- --print-ddl ---- */

/* The columns that the operands show; of a terminal, and when there are none, the usual. */
static int
sample(struct columns *c, int argc, char *argv[], struct err *e)
{
	struct inputs files;
	int more, r = 0;

	if (argc > 0 || !isatty(STDIN_FILENO)) {
		if (inputs_init(&files, argc, argv, e) < 0)
			return -1;
		while (r == 0 && (more = inputs_next(&files, e)) != 0)
			r = more < 0 ? -1 : columns_read(c, files.fd, files.name, e);
	}
	return r == 0 && c->all.n == 0 ? columns_default(c, e) : r;
}

static int
print_ddl(int argc, char *argv[])
{
	static const char *const dialects[] = { [DDL_ATHENA] = "athena",
		[DDL_SPARK] = "spark",
		[DDL_TRINO] = "trino",
		[DDL_DUCKDB] = "duckdb",
		NULL };
	struct columns c;
	struct buf b;
	struct err e;
	size_t which = 0;
	int r;

	columns_init(&c);
	buf_init(&b, 64 << 20);
	confined_inputs(argc, argv);
	confined();
	r = opts_choice("print-ddl", ddl, dialects, &which, &e);
	if (r == 0)
		r = keytemplate_parse(&template, key, node != NULL ? node : "node", &e);
	if (r == 0)
		r = sample(&c, argc, argv, &e);
	if (r == 0)
		r = ddl_print((enum ddl_dialect)which, &c, &template, out_dir, &b, &e);
	if (r == 0)
		r = print(&b, &e);
	columns_done(&c);
	buf_done(&b);
	return r < 0 ? diag_end(&e) : ST_OK;
}

/* ---- --merge ---- */

static void
tell_bad(const char *path, const char *why)
{
	diag_warn(
	    "%s: %s; left as it is, with those that it would be merged with", path, why);
}

/* The lists of an archive are in a directory at or above an operand. */
static void
confine_to_merge(int argc, char *argv[])
{
	char at[PATH_MAX], lists[PATH_MAX + sizeof KEY_MANIFESTS], *slash;
	struct stat st;

	for (int i = 0; i < argc; i++) {
		bool write = out_dir == NULL && !dry_run;

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
	if (!dry_run)
		confined_write(out_dir);
	confined_dirs();
	confined();
}

static int
merge_all(int argc, char *argv[])
{
	struct merge m = { .max_size = max_size,
		.out = out_dir,
		.dry = dry_run,
		.print = print_line,
		.tell = tell_bad };
	struct stats stats = { 0 };
	struct err e;
	int level, status = ST_OK;

	stats_init(&stats);
	stats_own(&stats, "inputs", &m.n.inputs);
	stats_own(&stats, "merged", &m.n.merged);
	stats_own(&stats, "kept", &m.n.kept);
	stats_own(&stats, "bad", &m.n.bad);
	if (argc == 0 || state != NULL) {
		err_set(&e, ST_USAGE,
		    "--merge: name directories or files, and no --state; try --help");
		return diag_end(&e);
	}
	if (parse_level(&level, &e) < 0 || (m.gzip = gzip_new(level, &e)) == NULL)
		return diag_end(&e);
	confine_to_merge(argc, argv);
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

int
main(int argc, char *argv[])
{
	static struct run run = { .spool.lock = -1 };
	struct err e;
	int level = -1, r;

	diag_init(argv[0]);
	hash_without_config();
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r > 0 ? ST_OK : diag_end(&e);
	if (verifying + merging + (ddl != NULL) > 1) {
		err_set(&e, ST_USAGE, "--verify, --merge and --print-ddl: one at a time");
		return diag_end(&e);
	}
	if (ddl != NULL)
		return print_ddl(argc, argv);
	if (verifying)
		return verify_all(argc, argv);
	if (merging)
		return merge_all(argc, argv);
	if (check_options(&level, &e) < 0)
		return diag_end(&e);
	if (tz != NULL && (run.zone = zone_open(tz, &e)) == NULL)
		return diag_end(&e);
	stats_init(&run.stats);
	stats_own(&run.stats, "batches", &run.batches);
	stats_own(&run.stats, "errors", &run.in.n.errors);
	stats_own(&run.stats, "untimed", &run.in.n.untimed);
	stats_own(&run.stats, "unfinished", &run.unfinished);
	catch_stops();
	r = finish(&run, run_all(&run, level, argc, argv));
	intake_done(&run.in);
	ndjson_in_done(&run.lines);
	zone_close(run.zone);
	ledger_free(run.begun);
	free(run.offered.name);
	free(run.own.gen);
	if (stop_signal != 0 && (r == ST_OK || r == ST_ASIDE)) {
		signal(stop_signal, SIG_DFL);
		raise(stop_signal);
	}
	return r;
}
