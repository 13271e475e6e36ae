/* logtail - container log files to records; see logtail(1). */
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "base/units.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/opts.h"
#include "cli/progress.h"
#include "cli/stats.h"
#include "ledger/ledger.h"
#include "record/jscan.h"
#include "record/timestamp.h"
#include "source/backfill.h"
#include "source/family.h"
#include "source/forecast.h"
#include "source/gone.h"
#include "source/list.h"
#include "source/reach.h"
#include "source/sweep.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_LEAST = 1 << 10,
	LINE_MOST = 2 << 20,
	TOLD_MAX = 256,       /* -f: warnings remembered, so that each is told once */
	ROUND_LEAST_MS = 500, /* -f: from one look at the files to the next, */
	ROUND_SHARE = 20,     /* and at least so many times what a look takes */
	SHARDS_MOST = 10000,
	EXPAND = 1000, /* bytes made of one of an archive's */
};

static const char *state, *format = "auto", *since, *until, *shard;
static int64_t ignore_older;
static uint64_t max_line = TAIL_LINE, max_expand = EXPAND;
static bool no_rotated, follow, list, commit;
static struct opt_list exclude;

static const struct opt options[] = {
	{ 'f', "follow", NULL, OPT_FLAG, &follow,
	    "go on for ever: read what is written, and files that are new" },
	{ 0, "state", "DIR", OPT_STR, &state,
	    "start after what the ledger in DIR says is archived" },
	{ 0, "commit", NULL, OPT_FLAG, &commit,
	    "move the ledger's cursors at a successful end; for use without logbatch" },
	{ 0, "format", "auto|docker|cri|raw", OPT_STR, &format,
	    "of the files (default auto: told by each file's first line)" },
	{ 'x', "exclude", "GLOB", OPT_LIST, &exclude,
	    "leave out files whose path or name matches (again and again)" },
	{ 0, "since", "TIME", OPT_STR, &since,
	    "leave out records before TIME (RFC 3339, or an age such as 2h)" },
	{ 0, "until", "TIME", OPT_STR, &until,
	    "end each file at its first record at or after TIME" },
	{ 0, "ignore-older", "AGE", OPT_AGE, &ignore_older,
	    "pass over files that were last written AGE ago or before" },
	{ 0, "list", NULL, OPT_FLAG, &list,
	    "print the files with size, id, committed offset and lag; read nothing "
	    "else" },
	{ 0, "no-rotated", NULL, OPT_FLAG, &no_rotated, "do not read rotated siblings" },
	{ 0, "max-line", "SIZE", OPT_SIZE, &max_line,
	    "cut joined lines over SIZE into marked records (default 1M)" },
	{ 0, "max-expand", "N", OPT_COUNT, &max_expand,
	    "read no more than N times its size of an archive (default 1000), but 1 "
	    "GiB" },
	{ 0, "shard", "I/N", OPT_STR, &shard,
	    "read only the I-th of N parts of the files: for N jobs at once" },
	OPTS_END,
};
static const struct prog prog = { "logtail", "[OPTION]... [FILE|GLOB|DIR|ARCHIVE|-]...",
	"Read container log files, rotated ones and those in archives too, as NDJSON "
	"records on standard output.",
	options };

struct run {
	struct sweep sweep;
	struct ndjson_out out;
	struct families families;
	struct stats stats;
	struct forecast ahead;           /* only if somebody looks */
	uint64_t past_bytes, past_files; /* of the families that are done */
	uint64_t in_hand, began;         /* bytes of the one in hand; counted before it */
	int status;
	bool denied;
	uint64_t told[TOLD_MAX];
	size_t tolds;
};

static volatile sig_atomic_t stop_signal;

static void
on_stop(int sig)
{
	stop_signal = sig;
}

/* -f ends with the record in hand and its marks; a second signal ends at once. */
static void
catch_stops(void)
{
	const struct sigaction sa = { .sa_handler = on_stop,
		.sa_flags = (int)SA_RESETHAND };

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
}

/* -f meets the same trouble in each round: was this told? */
static bool
told_before(struct run *run, const char *text)
{
	uint64_t h = hash64(text, strlen(text));

	for (size_t i = 0; i < run->tolds && i < TOLD_MAX; i++)
		if (run->told[i] == h)
			return true;
	run->told[run->tolds++ % TOLD_MAX] = h;
	return false;
}

static void
warn(void *arg, const struct err *e)
{
	struct run *run = arg;

	if (!follow || !told_before(run, e->text))
		diag_warn("%s", e->text);
	run->denied |= e->status == ST_NOPERM;
	run->status = status_worse(run->status, ST_ASIDE);
}

static void
note(const char *subject, const char *what)
{
	diag_note("%s: %s", subject, what);
}

static int
find_files(struct run *run, int argc, char *argv[], struct err *e)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "-") == 0)
			continue;
		if (families_add(&run->families, argv[i], exclude.item, exclude.n, warn,
			run, e) < 0)
			return -1;
	}
	return families_unique(&run->families, e);
}

static int
read_streams(struct run *run, int argc, char *argv[], struct err *e)
{
	bool none = argc == 0;

	if (none && isatty(STDIN_FILENO))
		return err_set(e, ST_USAGE,
		    "<stdin>: a terminal; name log files or directories; try --help");
	for (int i = 0; i < argc || none; i++, none = false)
		if ((none || strcmp(argv[i], "-") == 0) &&
		    sweep_stream(&run->sweep, STDIN_FILENO, "<stdin>", e) < 0)
			return -1;
	return 0;
}

static void
take_counts(struct run *run)
{
	const struct tail *t = &run->sweep.tail;

	run->stats.in = t->n.lines;
	run->stats.out = t->n.records;
	run->stats.rejected = t->n.rejected;
	run->stats.filtered = t->n.filtered;
	run->stats.joined = t->n.joined;
	run->stats.bytes_in = t->n.bytes;
	run->stats.bytes_out = run->out.bytes;
	stats_time(&run->stats, str_of(t->first_time));
	stats_time(&run->stats, str_of(t->last_time));
	if (t->zoned) {
		char time[TIMESTAMP_MAX];

		stats_time(&run->stats,
		    (struct str){ time, timestamp_format(t->first_ns, time) });
		stats_time(&run->stats,
		    (struct str){ time, timestamp_format(t->last_ns, time) });
	}
}

/* ---- progress ---- */

static const struct run *shown; /* what draw_line tells of */

/* "12/340 files, 96.0/320.0 MB, 31.0 MB/s, 7 s left" */
static void
draw_line(const struct stats *s, char *text, size_t size)
{
	const struct run *run = shown;
	double seconds = (double)(clock_steady() - s->started) / 1e9;
	uint64_t now = s->bytes_in - run->began;
	double done =
	    (double)(run->past_bytes + (now < run->in_hand ? now : run->in_hand));
	double all = (double)run->ahead.all_bytes;
	char left[40] = "";

	if (done > 0 && seconds > 0)
		snprintf(
		    left, sizeof left, ", %.0f s left", seconds * (all - done) / done);
	snprintf(text, size, "%" PRIu64 "/%" PRIu64 " files, %.1f/%.1f MB, %.1f MB/s%s",
	    run->past_files, run->ahead.all_files, done / 1e6, all / 1e6,
	    seconds > 0 ? (double)s->bytes_in / 1e6 / seconds : 0, left);
}

static void
block_tick(void *arg)
{
	struct run *run = arg;

	take_counts(run);
	stats_poll(&run->stats);
}

static void
foresee(struct run *run)
{
	struct err unused;

	run->sweep.tail.tick = block_tick;
	run->sweep.tail.tick_arg = run;
	if (follow || !progress_wanted() ||
	    forecast_make(&run->ahead, &run->sweep, &run->families, &unused) < 0)
		return;
	run->stats.line = draw_line;
	shown = run;
}

/* Family `i` comes next, or, if `past`, is done. */
static void
step(struct run *run, size_t i, bool past)
{
	if (i >= run->ahead.n)
		return;
	run->in_hand = past ? 0 : run->ahead.bytes[i];
	run->began = run->sweep.tail.n.bytes;
	if (past) {
		run->past_bytes += run->ahead.bytes[i];
		run->past_files += run->ahead.files[i];
	}
}

/* Of the archive in hand: bytes that are read, of how many. */
static uint64_t archive_done, archive_of;

static void
archive_line(const struct stats *s, char *text, size_t size)
{
	snprintf(text, size, "%llu in, %.1f MB, %.0f %% of %.1f MB of the archive",
	    (unsigned long long)s->in, (double)s->bytes_in / 1e6,
	    archive_of > 0 ? 100.0 * (double)archive_done / (double)archive_of : 0,
	    (double)archive_of / 1e6);
}

/* In the middle of an archive. */
static void
tick(void *arg, uint64_t done, uint64_t of)
{
	struct run *run = arg;

	take_counts(run);
	archive_done = done;
	archive_of = of;
	run->stats.line = archive_line;
	stats_poll(&run->stats);
}

static int
sweep_archives(struct run *run, struct err *e)
{
	struct tail *t = &run->sweep.tail;
	uint64_t bad = t->n.rejected;

	if (backfill_all(&run->sweep, false, e) < 0)
		return -1;
	run->stats.line = NULL;
	if (t->n.rejected > bad)
		diag_warn(
		    "in archives: %llu _error records, of lines that are not of their "
		    "format and of damage",
		    (unsigned long long)(t->n.rejected - bad));
	if (common.strict && t->n.rejected > bad)
		return err_set(e, ST_FAIL, "a line that is not of its format, or damage");
	return 0;
}

static int
sweep_all(struct run *run, int argc, char *argv[], struct err *e)
{
	struct tail *t = &run->sweep.tail;

	for (size_t i = 0; i < run->families.n && stop_signal == 0; i++) {
		uint64_t bad = t->n.rejected;

		step(run, i, false);
		if (sweep_family(&run->sweep, &run->families.list[i], e) < 0)
			return -1;
		if (t->n.rejected > bad)
			diag_warn("%s: %llu lines that are not of its format; set aside "
				  "as _error records (--format=NAME, if its first line "
				  "misleads)",
			    run->families.list[i].shown,
			    (unsigned long long)(t->n.rejected - bad));
		if (common.strict && t->n.rejected > 0)
			return err_set(e, ST_FAIL, "%s: a line that is not of its format",
			    run->families.list[i].shown);
		step(run, i, true);
		take_counts(run);
		stats_poll(&run->stats);
	}
	if (sweep_archives(run, e) < 0)
		return -1;
	if (run->sweep.stateful && stop_signal == 0 &&
	    gone_retire(&run->sweep, argv, (size_t)argc, e) < 0)
		return -1;
	return ndjson_flush(&run->out, e);
}

static void
nap(int64_t ns)
{
	const struct timespec t = { ns / 1000000000, ns % 1000000000 };

	if (stop_signal == 0)
		nanosleep(&t, NULL);
}

/* -f: round after round. */
static int
sweep_on(struct run *run, int argc, char *argv[], struct err *e)
{
	for (bool first = true;; first = false) {
		int64_t began = clock_steady(), took;

		run->families.texts = &run->sweep.ledger->texts;
		if ((!first && find_files(run, argc, argv, e) < 0) ||
		    sweep_all(run, argc, argv, e) < 0)
			return -1;
		if (stop_signal != 0)
			return 0;
		families_done(&run->families);
		took = ROUND_SHARE * (clock_steady() - began);
		nap(took > ROUND_LEAST_MS * 1000000LL ? took
						      : ROUND_LEAST_MS * 1000000LL);
		if (stop_signal != 0)
			return 0;
		run->sweep.tail.n.held = 0; /* what is held is counted again */
		run->sweep.now = clock_now();
		if (sweep_again(&run->sweep, e) < 0)
			return -1;
	}
}

static int
list_all(struct run *run, int argc, char *argv[], struct err *e)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < run->families.n; i++)
		if (list_family(&run->sweep, &run->families.list[i], e) < 0)
			return -1;
	if (backfill_all(&run->sweep, true, e) < 0)
		return -1;
	return ndjson_flush(&run->out, e);
}

static int
sweep_once(struct run *run, int argc, char *argv[], struct err *e)
{
	const struct ledger *l = run->sweep.ledger;

	foresee(run);
	if (read_streams(run, argc, argv, e) < 0 || sweep_all(run, argc, argv, e) < 0)
		return -1;
	/* all is handed over */
	if (commit && (run->sweep.n.files > 0 || l->forgot > l->gen))
		return ledger_commit_alone(state, run->sweep.ledger, e);
	return 0;
}

static void
name_counts(struct run *run)
{
	struct sweep *s = &run->sweep;

	stats_own(&run->stats, "files", &s->n.files);
	stats_own(&run->stats, "unchanged", &s->n.unchanged);
	stats_own(&run->stats, "waiting", &s->n.waiting);
	stats_own(&run->stats, "archives", &s->n.archives);
	stats_own(&run->stats, "links", &s->n.links);
	stats_own(&run->stats, "older", &s->n.older);
	stats_own(&run->stats, "unreadable", &s->n.unreadable);
	stats_own(&run->stats, "changed", &s->tail.n.changed);
	stats_own(&run->stats, "held", &s->tail.n.held);
	stats_own(&run->stats, "gaps", &s->n.gaps);
	stats_own(&run->stats, "possible_gaps", &s->n.possible_gaps);
	stats_own(&run->stats, "nul_bytes", &s->n.holes);
	stats_own(&run->stats, "invalid_utf8", &s->tail.n.replaced);
}

static int
finish(struct run *run, struct err *e)
{
	const struct sweep *s = &run->sweep;

	if (s->tail.n.held > 0)
		diag_note("%llu lines without an end are held back until they have one",
		    (unsigned long long)s->tail.n.held);
	if (s->n.gaps > 0)
		diag_warn("%llu files went before they were read to their end: see the "
			  "_error records",
		    (unsigned long long)s->n.gaps);
	if (s->n.gaps > 0 || s->tail.n.rejected > 0 || s->n.unreadable > 0)
		run->status = status_worse(run->status, ST_ASIDE);
	if (run->denied && !list)
		diag_warn(
		    "log files of some runtimes are for root alone: run as root, or "
		    "with CAP_DAC_READ_SEARCH");
	if (run->denied && !list && s->n.files + s->n.unchanged + s->n.waiting == 0)
		run->status = ST_NOPERM;
	take_counts(run);
	if (stats_end(&run->stats, e) < 0)
		run->status = status_worse(run->status, diag_end(e));
	return run->status;
}

/* A point in time, or how long before now. */
static int
parse_time(const char *name, const char *text, int64_t now, int64_t *ns, struct err *e)
{
	int64_t age;

	*ns = INT64_MIN;
	if (text == NULL || timestamp_parse(str_of(text), ns))
		return 0;
	if (units_age(text, &age, e) < 0)
		return err_set(e, ST_USAGE,
		    "--%s: %.100s: not a time (2026-11-22T13:00:00Z) and not an age (2h)",
		    name, text);
	*ns = now - age;
	return 0;
}

static int
parse_times(struct sweep *s, struct err *e)
{
	s->not_older = ignore_older > 0 ? s->now - ignore_older : INT64_MIN;
	if (parse_time("since", since, s->now, &s->tail.since, e) < 0)
		return -1;
	return parse_time("until", until, s->now, &s->tail.until, e);
}

static struct reach found = { .place = confined_read };

/* A link that leads nowhere yet. */
static void
reach_lost(void *unused, const char *real)
{
	char dir[PATH_MAX], *slash;

	(void)unused;
	snprintf(dir, sizeof dir, "%s", real);
	if ((slash = strrchr(dir, '/')) == NULL || slash == dir)
		return;
	*slash = '\0';
	reach_file_in(&found, dir);
}

/* Directories of files from before, which may be gone, are looked into too. */
static void
reach_ledger(const struct ledger *l)
{
	const char *before = "";
	char dir[PATH_MAX];
	ptrdiff_t n;

	for (size_t i = 0; i < l->entries; i++) {
		struct str raw = str_of(l->entry[i].dir);

		if (raw.p == before || raw.n == 0 || raw.n >= sizeof dir ||
		    (n = jscan_unescape(raw, dir)) <= 0)
			continue;
		before = raw.p;
		dir[n] = '\0';
		reach_before(&found, dir);
	}
}

/* The files are found first, and where they are is all that can be read then. */
static int
find_and_confine(struct run *run, int argc, char *argv[], struct err *e)
{
	reach_operands(&found, argv, argc, follow);
	run->families.lost = reach_lost;
	run->families.texts = &run->sweep.ledger->texts;
	if (find_files(run, argc, argv, e) < 0)
		return -1;
	for (size_t i = 0; i < run->families.n; i++)
		reach_file_in(&found, run->families.list[i].dir);
	if (argc > 0)
		reach_ledger(run->sweep.ledger);
	reach_end(&found);
	for (int i = 0; i < argc; i++)
		if (access(argv[i], F_OK) < 0)
			confined_dirs(); /* a glob looks for names */
	confined_read(state);
	if (commit && dir_make(state, true, e) < 0)
		return -1;
	if (commit)
		confined_write(state);
	confined();
	return 0;
}

/* I/N: I from 1 to N, or from 0, as a Job's index is: 0 and N are the same part. */
static int
parse_shard(struct sweep *s, struct err *e)
{
	const char *slash = shard != NULL ? strchr(shard, '/') : NULL;
	char part[16];
	uint64_t i, n;

	if (shard == NULL)
		return 0;
	snprintf(
	    part, sizeof part, "%.*s", slash != NULL ? (int)(slash - shard) : 0, shard);
	if (slash == NULL || units_count(part, SHARDS_MOST, &i, e) < 0 ||
	    units_count(slash + 1, SHARDS_MOST, &n, e) < 0 || n == 0 || i > n)
		return err_set(e, ST_USAGE,
		    "--shard: %.100s: not I/N, such as 1/4 to 4/4 (N at most %d)", shard,
		    SHARDS_MOST);
	s->shard = (unsigned)(i % n);
	s->shards = (unsigned)n;
	return 0;
}

int
main(int argc, char *argv[])
{
	static const char *const formats[] = { "auto", "docker", "cri", "raw", NULL };
	static struct run run;
	struct err e;
	size_t which = 0;
	int r;

	diag_init(argv[0]);
	hash_without_config();
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r > 0 ? ST_OK : diag_end(&e);
	if (opts_choice("format", format, formats, &which, &e) < 0)
		return diag_end(&e);
	if (max_line < LINE_LEAST || max_line > LINE_MOST) {
		err_set(&e, ST_USAGE, "--max-line: not from 1K to 2M");
		return diag_end(&e);
	}
	if (commit && (state == NULL || follow || list)) {
		err_set(&e, ST_USAGE,
		    "--commit: goes with --state, not with --follow or --list");
		return diag_end(&e);
	}
	if (commit && ledger_refuse_logbatch(state, &e) < 0)
		return diag_end(&e);
	if (list && follow) {
		err_set(&e, ST_USAGE, "--list: not with --follow");
		return diag_end(&e);
	}
	if ((follow || list) && (argc == 0 || strcmp(argv[0], "-") == 0)) {
		err_set(&e, ST_USAGE, "--%s: name files, directories or globs",
		    list ? "list" : "follow");
		return diag_end(&e);
	}
	stats_init(&run.stats);
	if (ndjson_out_init(&run.out, STDOUT_FILENO, "<stdout>", &e) < 0 ||
	    tail_init(&run.sweep.tail, &run.out, max_line, &e) < 0 ||
	    (run.sweep.ledger = (commit ? ledger_load : ledger_load_cursors)(
		 state != NULL ? state : "/nonexistent", &e)) == NULL)
		return diag_end(&e);
	if (state != NULL)
		run.sweep.ledger->logs_max = LEDGER_LOGS_MAX;
	if (run.sweep.ledger->from_copy) {
		diag_warn("%s: ledger.json is damaged; its copy is used", state);
		run.status = ST_ASIDE;
	}
	run.sweep.stateful = state != NULL || follow;
	run.sweep.tail.stop = &stop_signal;
	run.sweep.rotated = !no_rotated;
	run.sweep.format = (enum frame_format)which;
	run.sweep.now = clock_now();
	if (parse_times(&run.sweep, &e) < 0 || parse_shard(&run.sweep, &e) < 0)
		return diag_end(&e);
	run.sweep.skip = exclude.item;
	run.sweep.skips = exclude.n;
	run.sweep.expand = max_expand;
	run.sweep.tick = tick;
	run.sweep.warn = warn;
	run.sweep.note = note;
	run.sweep.arg = &run;
	name_counts(&run);
	if (follow)
		catch_stops();
	if (find_and_confine(&run, argc, argv, &e) < 0 ||
	    sweep_init(&run.sweep, &e) < 0 ||
	    (list        ? list_all
		: follow ? sweep_on
			 : sweep_once)(&run, argc, argv, &e) < 0)
		return diag_end(&e);
	r = finish(&run, &e);
	if (stop_signal != 0 && (r == ST_OK || r == ST_ASIDE))
		r = 128 + stop_signal;
	forecast_done(&run.ahead);
	families_done(&run.families);
	sweep_done(&run.sweep);
	backfill_done(&run.sweep);
	tail_done(&run.sweep.tail);
	ledger_free(run.sweep.ledger);
	ndjson_out_done(&run.out);
	return r;
}
