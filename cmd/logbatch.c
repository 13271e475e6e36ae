/* logbatch - records to hourly gzip objects, and the commit; see logbatch(1). */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "batch/commit.h"
#include "batch/intake.h"
#include "batch/keytemplate.h"
#include "batch/spool.h"
#include "cli/diag.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "cli/stats.h"
#include "ledger/ledger.h"
#include "record/ndjson.h"
#include "record/timestamp.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOLD_MAX = 5 };

static const char *state, *out_dir, *template = KEY_DEFAULT, *gzip_level = "fast", *node;
static uint64_t max_size = 128 << 20, max_spool = 1 << 30;
static bool dry_run;

static const struct opt options[] = {
	{ 0, "state", "DIR", OPT_STR, &state, "commit to the ledger in DIR; bodies go to DIR/outbox" },
	{ 0, "out", "DIR", OPT_STR, &out_dir, "write objects under DIR by their keys, without a ledger" },
	{ 0, "key", "TEMPLATE", OPT_STR, &template, "keys of the objects (default " KEY_DEFAULT ")" },
	{ 0, "gzip", "LEVEL", OPT_STR, &gzip_level, "fast, or 1 to 9 (default fast)" },
	{ 0, "max-size", "SIZE", OPT_SIZE, &max_size,
	    "begin another object when one has SIZE compressed bytes (default 128M)" },
	{ 0, "max-spool", "SIZE", OPT_SIZE, &max_spool,
	    "commit nothing while more than SIZE waits in the outbox (default 1G)" },
	{ 0, "node", "NAME", OPT_STR, &node, "this node's name (default the host name)" },
	{ 'n', "dry-run", NULL, OPT_FLAG, &dry_run, "print the manifests, commit nothing" },
	OPTS_END,
};
static const struct prog prog = { "logbatch", "--state=DIR|--out=DIR [OPTION]... [FILE|-]...",
	"Batch records into hourly gzip objects, commit them, print a manifest for each.", options,
	NULL };

struct run {
	struct intake in;
	struct ndjson_in lines;
	struct spool spool;
	struct stats stats;
	uint64_t line_no, batches, unfinished;
	int status;
	bool torn;
};

static int
parse_level(int *level, struct err *e)
{
	*level = -1;
	if (strcmp(gzip_level, "fast") == 0)
		return 0;
	*level = gzip_level[0] - '0';
	if (*level < 1 || *level > 9 || gzip_level[1] != '\0')
		return err_set(e, ST_USAGE, "--gzip: %.40s: not fast or 1 to 9", gzip_level);
	return 0;
}

static int
check_options(int *level, struct err *e)
{
	static char host[256];

	if ((state != NULL) == (out_dir != NULL))
		return err_set(e, ST_USAGE, "one of --state=DIR and --out=DIR is needed; try --help");
	if (node == NULL) {
		if (gethostname(host, sizeof host - 1) < 0 || host[0] == '\0')
			return err_set(e, ST_USAGE, "no host name; give --node=NAME");
		node = host;
	}
	if (max_size == 0)
		return err_set(e, ST_USAGE, "--max-size: 0");
	if (parse_level(level, e) < 0)
		return -1;
	return keytemplate_check(template, node, e);
}

static int
one_line(struct run *run, int got, struct str line, struct err *e)
{
	const char *bad = got == NDJSON_PIECE ? "part of a line over 16 MiB" : NULL, *why;
	int r;

	run->line_no++;
	if (got == NDJSON_TORN && run->lines.pipe && line.p[line.n - 1] != '}') {
		diag_error("%s: the last line is cut off: its writer was killed; dropped", run->lines.name);
		run->torn = true;
		return 0;
	}
	if ((r = intake_line(&run->in, line, bad, common.strict, &why, e)) < 0)
		return -1;
	if (r > 0) {
		if (run->in.n.rejected <= TOLD_MAX)
			diag_warn("%s:%llu: %s; set aside as an _error record", run->lines.name,
			    (unsigned long long)run->line_no, why);
		run->status = status_worse(run->status, ST_ASIDE);
	}
	return 0;
}

static int
read_all(struct run *run, int argc, char *argv[], struct err *e)
{
	struct inputs files;
	struct str line;
	int more, got;

	if (inputs_init(&files, argc, argv, e) < 0 || ndjson_in_init(&run->lines, NULL, e) < 0)
		return -1;
	while ((more = inputs_next(&files, e)) != 0) {
		if (more < 0)
			return -1; /* a file that is missing may hold what marks close */
		ndjson_in_open(&run->lines, files.fd, files.name);
		run->line_no = 0;
		while ((got = ndjson_next(&run->lines, &line, e)) > 0) {
			if (one_line(run, got, line, e) < 0)
				return -1;
			if ((run->line_no & 4095) == 0)
				stats_poll(&run->stats);
		}
		if (got < 0)
			return -1;
	}
	return 0;
}

static int
print(const struct buf *lines, struct err *e)
{
	return write_all(STDOUT_FILENO, lines->p, lines->n, "<stdout>", e);
}

/* Every batch that waits, oldest first. */
static int
print_waiting(const struct ledger *l, struct err *e)
{
	struct buf line;
	int r = 0;

	buf_init(&line, LEDGER_MAX);
	for (size_t i = 0; i < l->batches && r == 0; i++) {
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

static int
deliver(struct run *run, struct err *e)
{
	struct partitions *ps = &run->in.partitions;
	struct ledger *l = NULL;
	struct buf lines;
	struct err copy_err;
	int r;

	run->batches = ps->batches;
	if (dry_run)
		return print_dry(run, e);
	if (out_dir != NULL) {
		buf_init(&lines, LEDGER_MAX);
		r = commit_files(out_dir, ps, &lines, e) < 0 ? -1 : print(&lines, e);
		buf_done(&lines);
		return r;
	}
	r = commit(state, ps, &run->in.positions, clock_now(), &l, e);
	if (l == NULL)
		return -1;
	if (r < 0) {
		/* committed; but until the copy is whole nobody may act on it */
		ledger_free(l);
		return -1;
	}
	if (l->from_copy) {
		diag_warn("%s: ledger.json was damaged; its copy was used", state);
		run->status = status_worse(run->status, ST_ASIDE);
	}
	r = print_waiting(l, &copy_err);
	if (r < 0)
		*e = copy_err;
	ledger_free(l);
	return r;
}

/* The state directory is made what it must be, and not too much waits in it. */
static int
open_state(struct run *run, bool *full, struct err *e)
{
	char parent[PATH_MAX];
	struct ledger *l;
	int lock, r = 0;

	*full = false;
	if (state != NULL && !dry_run) {
		if (dir_make(state, true, e) < 0 || (lock = ledger_lock(state, 120000000000LL, e)) < 0)
			return -1;
		r = ledger_prepare(state, e);
		ledger_unlock(lock);
	}
	if (r < 0)
		return -1;
	if (state != NULL) {
		if ((l = ledger_load(state, e)) == NULL)
			return -1;
		if (commit_waiting(l) >= max_spool && !dry_run) {
			*full = true;
			r = print_waiting(l, e);
			err_set(e, r < 0 ? ST_FAIL : ST_LATER,
			    "%s/outbox: %llu bytes wait to be delivered, --max-spool is %llu; nothing is read", state,
			    (unsigned long long)commit_waiting(l), (unsigned long long)max_spool);
			r = -1;
		}
		ledger_free(l);
	}
	if (r < 0)
		return -1;
	snprintf(parent, sizeof parent, "%s/%s", state ? state : out_dir, state ? "tmp" : ".tmp");
	return spool_open(&run->spool, parent, e);
}

static int
work(struct run *run, int level, int argc, char *argv[], struct err *e)
{
	struct intake *in = &run->in;

	intake_init(in);
	if (positions_init(&in->positions, e) < 0 ||
	    partitions_init(&in->partitions, run->spool.path, template, node, level, max_size,
		&in->positions, e) < 0 ||
	    read_all(run, argc, argv, e) < 0)
		return -1;
	if (in->positions.open > 0)
		run->unfinished = partitions_unsure(&in->partitions);
	if (partitions_roll_back(&in->partitions, e) < 0 || partitions_finish(&in->partitions, e) < 0)
		return -1;
	if (run->unfinished > 0)
		diag_note("%llu records at the end were not marked done; the next sweep reads them again",
		    (unsigned long long)run->unfinished);
	return deliver(run, e);
}

static int
finish(struct run *run, int status)
{
	struct stats *s = &run->stats;
	const struct intake *in = &run->in;
	struct err e;

	s->in = in->n.records + in->n.rejected + run->torn;
	s->rejected = in->n.rejected;
	s->filtered = run->unfinished + run->torn;
	s->out = in->n.records - run->unfinished;
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

int
main(int argc, char *argv[])
{
	static struct run run = { .spool.lock = -1 };
	struct err e;
	int level = -1, r;
	bool full;

	diag_init(argv[0]);
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r > 0 ? ST_OK : diag_end(&e);
	if (check_options(&level, &e) < 0)
		return diag_end(&e);
	stats_init(&run.stats);
	stats_own(&run.stats, "batches", &run.batches);
	stats_own(&run.stats, "errors", &run.in.n.errors);
	stats_own(&run.stats, "untimed", &run.in.n.untimed);
	stats_own(&run.stats, "unfinished", &run.unfinished);
	if (open_state(&run, &full, &e) < 0) {
		spool_remove(&run.spool);
		return diag_end(&e);
	}
	r = work(&run, level, argc, argv, &e) < 0 ? diag_end(&e) : run.status;
	spool_remove(&run.spool);
	if (run.torn)
		r = status_worse(r, ST_FAIL);
	r = finish(&run, r);
	intake_done(&run.in);
	ndjson_in_done(&run.lines);
	return r;
}
