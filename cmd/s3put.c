/* s3put - deliver batches to S3 or a directory, each once; see s3put(1).
 *
 * 1. Read a manifest, and give it to one of a few threads, each with a connection of its
 *    own.  A body that is missing: another s3put delivered it (it is not listed any
 *    more), or the object is there already; else it stays listed.
 * 2. They put the body under its key; the store does not return before it is durable.
 * 3. In the order of the manifests: take a few delivered keys out of the ledger at once
 *    (at most GROUP_MAX, GROUP_NS old, or the input pauses), and only then write their
 *    results.
 *
 * An object under _manifests/ tells readers what is complete: it waits until all before it
 * are delivered, and is held back when one of them was not.  Of two manifests of one key
 * the second waits for the first.
 *
 * Killed anywhere in between, the batches are offered again and found present.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "cli/progress.h"
#include "cli/stats.h"
#include "ledger/ledger.h"
#include "record/jscan.h"
#include "record/ndjson.h"
#include "s3/advice.h"
#include "s3/credentials.h"
#include "s3/crew.h"
#include "s3/delivery.h"
#include "s3/foresee.h"
#include "s3/results.h"
#include "s3/store.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	GROUP_MAX = 16,
	JOBS_DEFAULT = 4,
	AHEAD = 4, /* manifests read ahead, for each job */
	TICK_MS = 200,
};
#define GROUP_NS ((int64_t)1000000000)

static const char *state, *endpoint, *region, *ca_file, *as, *checksum;
static bool path_style, overwrite, dry_run, check;
static int64_t max_time_ns = 300 * (int64_t)1000000000;
static uint64_t jobs = JOBS_DEFAULT, part_size;
static struct attributes attributes;
static struct opt_list tags;

static const struct opt options[] = {
	{ 0, "state", "DIR", OPT_STR, &state,
	    "take delivered batches out of the ledger and outbox of DIR" },
	{ 0, "endpoint", "URL", OPT_STR, &endpoint, "S3 server (default AWS)" },
	{ 0, "region", "NAME", OPT_STR, &region, "region to sign for" },
	{ 0, "path-style", NULL, OPT_FLAG, &path_style,
	    "the bucket in the path, not in the host name" },
	{ 0, "ca", "FILE", OPT_STR, &ca_file,
	    "CAs to trust, PEM (default the system's)" },
	{ 'j', "jobs", "N", OPT_COUNT, &jobs, "put N objects at once (default 4)" },
	{ 0, "as", "KEY", OPT_STR, &as,
	    "FILE, or standard input, is the body itself: put it as KEY" },
	{ 0, "overwrite", NULL, OPT_FLAG, &overwrite,
	    "replace objects that hold other bytes" },
	{ 0, "max-time", "AGE", OPT_AGE, &max_time_ns,
	    "how long to go on trying without success (default 5m)" },
	{ 0, "part-size", "SIZE", OPT_SIZE, &part_size,
	    "put larger files in parts of SIZE (default: over 5G, in parts of 64M)" },
	{ 0, "checksum", "sha256|crc32c|md5", OPT_STR, &checksum,
	    "of which kind, for the server to check and keep" },
	{ 0, "sse", "AES256|aws:kms|aws:kms:dsse", OPT_STR, &attributes.sse,
	    "encrypt at rest" },
	{ 0, "kms-key", "ID", OPT_STR, &attributes.kms_key, "with which key of KMS" },
	{ 0, "storage-class", "NAME", OPT_STR, &attributes.storage_class,
	    "such as STANDARD_IA" },
	{ 0, "tag", "K=V", OPT_LIST, &tags, "tag the objects; may be given 10 times" },
	{ 0, "acl", "NAME", OPT_STR, &attributes.acl,
	    "such as bucket-owner-full-control" },
	{ 0, "bucket-owner", "ID", OPT_STR, &attributes.owner,
	    "the account that must own the bucket" },
	{ 0, "content-type", "TYPE", OPT_STR, &attributes.content_type,
	    "the media type of the objects" },
	{ 0, "check", NULL, OPT_FLAG, &check,
	    "try credentials, region, clock and permission; put nothing" },
	{ 'n', "dry-run", NULL, OPT_FLAG, &dry_run,
	    "tell what would go where, put nothing" },
	OPTS_END,
};
static const struct prog prog = { "s3put", "[OPTION]... [FILE]... DEST",
	"Put the objects that manifests name into DEST, s3://bucket/prefix or "
	"file:///dir.",
	options };

struct run {
	struct store *store[CREW_THREADS_MAX]; /* one a thread */
	struct crew *crew;
	const char *dest, *advised; /* the last advice given */
	struct ndjson_in in;
	struct ndjson_out out;
	struct stats stats;
	char *group[GROUP_MAX]; /* keys delivered, still in the ledger */
	size_t groups;
	int64_t group_since;
	uint64_t line_no, stored, present, gone, failed, bytes_stored, requests;
	uint64_t found_bytes;        /* of objects that were there already */
	uint64_t total, total_bytes; /* 0: nobody knows */
	_Atomic uint64_t sent;
	int status;
	bool over;   /* no more is read: stdout is closed, or --strict ended it */
	bool closed; /* stdout is */
};

static volatile sig_atomic_t stop_signal;

static void
on_stop(int sig)
{
	__atomic_store_n(&stop_signal, sig, __ATOMIC_RELAXED);
}

static bool
stopped(void)
{
	return __atomic_load_n(&stop_signal, __ATOMIC_RELAXED) != 0;
}

static void
catch_stops(bool catch)
{
	struct sigaction sa = { .sa_handler = catch ? on_stop : SIG_DFL };

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static void
die_of(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
tell(bool warn, const char *text)
{
	if (check)
		printf("%s\n", text);
	else if (warn)
		diag_warn("%s", text);
	else
		diag_note("%s", text);
}

static const char *
env(const char *name)
{
	return getenv(name);
}

/* What a human should look at first wins over what a retry may cure. */
static int
worse(int a, int b)
{
	static const int order[] = { ST_OK, ST_ASIDE, ST_LATER, ST_FAIL, ST_NOPERM,
		ST_USAGE };
	int at = 0;

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (order[i] == a || order[i] == b)
			at = order[i];
	return at;
}

/* ---- results ---- */

/* The delivered keys out of the ledger, then their results to the reader. */
static void
settle(struct run *run)
{
	struct err e;

	if (run->groups > 0 &&
	    ledger_delivered(state, (const char *const *)run->group, run->groups, &e) < 0)
		run->status = worse(run->status, diag_end(&e));
	while (run->groups > 0)
		free(run->group[--run->groups]);
	if (!run->closed && ndjson_flush(&run->out, &e) < 0) {
		run->over = run->closed = true;
		if (errno == EPIPE)
			on_stop(SIGPIPE); /* nobody reads: a quiet end */
		else
			run->status = worse(run->status, diag_end(&e));
	}
}

/* ---- what became of them, in order ---- */

/* The key, which leaves the order, is settled with the ledger. */
static void
delivered(struct run *run, struct order *m)
{
	if (state == NULL)
		return;
	if (run->groups == 0)
		run->group_since = clock_steady();
	run->group[run->groups++] = m->key;
	m->key = NULL;
}

/* Why, and once what to do about it, unless the message says that: it names an option, or asks. */
static void
tell_failure(struct run *run, const char *text)
{
	size_t n = strlen(text);
	bool told = strstr(text, "--") != NULL || (n > 0 && text[n - 1] == '?');
	const char *advice = told ? NULL : advice_on(text);

	diag_error("%s", text);
	if (advice != NULL && advice != run->advised)
		diag_error("%s: %s", run->dest, advice);
	if (advice != NULL)
		run->advised = advice;
}

static void
conclude(struct run *run, struct delivery *d)
{
	run->requests += d->result.attempts;
	/* the line leaves when the ledger has been told (settle) */
	results_add(&run->out, d, run->store[0]);
	switch (d->outcome) {
	case OUTCOME_STORED:
		run->stored++;
		run->bytes_stored += d->result.bytes;
		delivered(run, &d->order);
		break;
	case OUTCOME_PRESENT:
		run->present++;
		run->found_bytes += d->result.bytes;
		delivered(run, &d->order);
		break;
	case OUTCOME_GONE:
		diag_note("%s: delivered by another s3put", d->order.key);
		run->gone++;
		break;
	case OUTCOME_FAILED:
		if (!run->closed) /* then it is our own doing */
			tell_failure(run, d->err.text);
		run->failed++;
		run->status = worse(run->status, d->err.status);
		break;
	default:
		break;
	}
	if (d->outcome == OUTCOME_FAILED)
		run->stats.rejected++;
	else
		run->stats.out++;
	order_done(&d->order);
	free(d);
}

static void
take_finished(struct run *run)
{
	struct delivery *d;

	crew_heard(run->crew);
	while ((d = crew_take(run->crew)) != NULL) {
		conclude(run, d);
		if (run->groups == GROUP_MAX || run->out.n > NDJSON_BLOCK / 2)
			settle(run);
	}
	if (run->groups > 0 && clock_steady() - run->group_since > GROUP_NS)
		settle(run);
	stats_poll(&run->stats);
}

/* Wait a moment, for a job that ends or (fd not -1) for input. */
static void
rest(struct run *run, int fd)
{
	struct pollfd pf[2] = { { .fd = crew_ready_fd(run->crew), .events = POLLIN },
		{ .fd = fd, .events = POLLIN } };

	(void)poll(pf, 2, TICK_MS);
}

/* Wait until at most `left` jobs are left. */
static void
drain(struct run *run, size_t left)
{
	for (take_finished(run); crew_jobs(run->crew) > left; take_finished(run))
		rest(run, -1);
}

/* ---- what is to be done ---- */

/* Hand it over; what it must wait for is done by then. */
static void
hand_over(struct run *run, struct delivery *d)
{
	size_t wait = delivery_waits_for(&d->order, run->crew);

	if (wait > 0)
		drain(run, crew_jobs(run->crew) - wait);
	if (d->outcome == OUTCOME_NONE && run->failed > 0 && !dry_run &&
	    delivery_tells_complete(&d->order)) {
		err_set(&d->err, ST_LATER,
		    "%.300s: held back, because %" PRIu64
		    " before it could not be delivered",
		    d->order.key, run->failed);
		d->outcome = OUTCOME_FAILED;
	}
	while (crew_full(run->crew)) {
		take_finished(run);
		if (crew_full(run->crew))
			rest(run, -1);
	}
	crew_add(run->crew, d);
}

static struct delivery *
delivery_new(struct run *run)
{
	struct delivery *d = calloc(1, sizeof *d);

	if (d == NULL) {
		diag_error("out of memory");
		run->status = worse(run->status, ST_FAIL);
		run->over = true;
		return NULL;
	}
	d->fd = -1;
	d->order.bytes = d->result.bytes = STORE_ANY_SIZE;
	return d;
}

static void
one_line(struct run *run, int got, struct str line)
{
	struct delivery *d;
	const char *why;

	if (got == NDJSON_TORN && run->in.pipe && !jscan_valid(line, NULL)) {
		diag_error("%s: the last line is cut off: its writer was killed; dropped",
		    run->in.name);
		run->stats.filtered++;
		run->status = worse(run->status, ST_FAIL);
		return;
	}
	if ((d = delivery_new(run)) == NULL)
		return;
	why = got == NDJSON_PIECE ? "part of a line over 16 MiB"
				  : order_read(line, &d->order);
	if (why != NULL) {
		err_set(&d->err, ST_FAIL, "%.200s:%" PRIu64 ": %s; not a manifest",
		    run->in.name, run->line_no, why);
		d->outcome = OUTCOME_FAILED;
		run->over |= common.strict;
	} else if (store_key_check(run->store[0],
		       (struct str){ d->order.key, d->order.key_n }, &d->err) < 0) {
		d->outcome = OUTCOME_FAILED;
	}
	hand_over(run, d);
}

static void
labour(void *user, unsigned mine, void *job)
{
	struct run *run = user;

	delivery_do(job, run->store[mine], state, dry_run, &stop_signal);
}

/* ---- the run ---- */

static bool
input_waits(const struct run *run)
{
	const struct ndjson_in *in = &run->in;
	struct pollfd pf = { .fd = in->fd, .events = POLLIN };

	if (in->have > in->pos &&
	    memchr(in->buf + in->pos, '\n', in->have - in->pos) != NULL)
		return false;
	return poll(&pf, 1, 0) == 0;
}

/* While it waits nothing is left to put in order, so signals may end it there. */
static void
before_reading(struct run *run)
{
	bool waits;

	for (take_finished(run); (waits = input_waits(run)); take_finished(run)) {
		settle(run);
		if (crew_jobs(run->crew) == 0 || stopped() || run->over)
			break;
		rest(run, run->in.fd);
	}
	/* a line may come in two halves: then look after the jobs in between */
	run->in.wait_ms = crew_jobs(run->crew) > 0 ? TICK_MS : 0;
	catch_stops(!waits || crew_jobs(run->crew) > 0);
}

static void
one_input(struct run *run)
{
	struct str line;
	struct err e;
	int got;

	run->line_no = 0;
	for (;;) {
		before_reading(run);
		if (stopped() || run->over)
			return;
		got = ndjson_next(&run->in, &line, &e);
		catch_stops(true);
		if (got == NDJSON_IDLE)
			continue;
		if (got < 0)
			run->status = worse(run->status, diag_end(&e));
		if (got <= 0)
			return;
		run->line_no++;
		run->stats.in++;
		one_line(run, got, line);
	}
}

static void
all_inputs(struct run *run, struct inputs *files)
{
	struct err e;
	int more;

	while (!run->over && !stopped() && (more = inputs_next(files, &e)) != 0) {
		if (more < 0) {
			run->status = worse(run->status, diag_end(&e));
			continue;
		}
		ndjson_in_open(&run->in, files->fd, files->name);
		one_input(run);
	}
	catch_stops(true);
	drain(run, 0);
	settle(run);
}

/* --as: one object, whose body is the operand. */
static void
one_body(struct run *run, struct inputs *files)
{
	struct delivery *d;
	struct stat sb;
	struct err e;

	catch_stops(true);
	if (inputs_next(files, &e) <= 0) {
		run->status = worse(run->status, diag_end(&e));
		return;
	}
	if ((d = delivery_new(run)) == NULL)
		return;
	run->stats.in++;
	d->fd = files->fd;
	d->pipe = true;
	d->order.key = strdup(as);
	d->order.path = strdup(files->name);
	d->order.key_n = strlen(as);
	if (fstat(d->fd, &sb) == 0 && S_ISREG(sb.st_mode) &&
	    lseek(d->fd, 0, SEEK_CUR) == 0) {
		d->pipe = false;
		run->total_bytes = d->order.bytes = (uint64_t)sb.st_size;
	}
	if (d->order.key == NULL || d->order.path == NULL) {
		err_set(&d->err, ST_FAIL, "out of memory");
		d->outcome = OUTCOME_FAILED;
	} else if (store_key_check(run->store[0], str_of(d->order.key), &d->err) < 0) {
		d->outcome = OUTCOME_FAILED;
	}
	hand_over(run, d);
	drain(run, 0);
	settle(run);
}

/* ---- progress ---- */

static const struct run *shown; /* what draw_line tells of */

/* "12/40 objects, 96.0/320.0 MB, 31.0 MB/s, 7 s left" */
static void
draw_line(const struct stats *s, char *text, size_t size)
{
	const struct run *run = shown;
	double seconds = (double)(clock_steady() - s->started) / 1e9;
	double sent = (double)run->sent, total = (double)run->total_bytes;
	double done = sent + (double)run->found_bytes;
	double rate = seconds > 0 ? sent / seconds : 0, left = total - done;
	uint64_t n = run->stored + run->present + run->gone + run->failed;
	char objects[24] = "", bytes[40] = "", remaining[40] = "";

	if (run->total > 0)
		snprintf(objects, sizeof objects, "/%" PRIu64, run->total);
	if (run->total_bytes > 0)
		snprintf(bytes, sizeof bytes, "/%.1f", total / 1e6);
	if (run->total_bytes > 0 && rate > 0 && left >= 0)
		snprintf(remaining, sizeof remaining, ", %.0f s left", left / rate);
	snprintf(text, size, "%" PRIu64 "%s objects, %.1f%s MB, %.1f MB/s%s", n, objects,
	    done / 1e6, bytes, rate / 1e6, remaining);
}

/* ---- beginning and end ---- */

static void
count(struct run *run)
{
	stats_init(&run->stats);
	stats_own(&run->stats, "stored", &run->stored);
	stats_own(&run->stats, "present", &run->present);
	stats_own(&run->stats, "gone", &run->gone);
	stats_own(&run->stats, "failed", &run->failed);
	stats_own(&run->stats, "bytes_stored", &run->bytes_stored);
	stats_own(&run->stats, "requests", &run->requests);
	run->stats.line = draw_line;
	shown = run;
}

/* Options that are words or lists. */
static int
read_options(struct buf *tagging, struct err *e)
{
	static const char *const sums[] = { "none", "sha256", "crc32c", "md5", NULL };
	static const char *const sses[] = { "AES256", "aws:kms", "aws:kms:dsse", NULL };
	size_t which = 0;
	unsigned n = 0;

	if (checksum != NULL && opts_choice("checksum", checksum, sums, &which, e) < 0)
		return -1;
	attributes.checksum = (enum checksum)which;
	if (attributes.sse != NULL &&
	    opts_choice("sse", attributes.sse, sses, &which, e) < 0)
		return -1;
	for (size_t i = 0; i < tags.n; i++)
		if (attributes_tag(tagging, tags.item[i], &n, e) < 0)
			return -1;
	attributes.tagging = tagging->p;
	if (jobs < 1 || jobs > CREW_THREADS_MAX)
		return err_set(
		    e, ST_USAGE, "--jobs: from 1 to %d, please", CREW_THREADS_MAX);
	if (as != NULL && state != NULL)
		return err_set(e, ST_USAGE,
		    "--as: puts a body, and --state delivers manifests: one of them");
	return 0;
}

static int
open_stores(struct run *run, const char *dest, struct err *e)
{
	struct store_options so = { .endpoint = endpoint,
		.region = region,
		.ca_file = ca_file,
		.path_style = path_style,
		.overwrite = overwrite,
		.dry = dry_run,
		.attributes = attributes,
		.part_bytes = part_size,
		.jobs = (unsigned)jobs,
		.max_time_ns = max_time_ns,
		.stop = &stop_signal,
		.sent = &run->sent,
		.tell = tell,
		.env = env };

	run->dest = dest;
	if ((run->store[0] = store_open(dest, &so, e)) == NULL)
		return -1;
	for (uint64_t i = 1; i < jobs && !check; i++)
		if ((run->store[i] = store_twin(run->store[0], e)) == NULL)
			return -1;
	return 0;
}

/* Without --state the bodies are wherever the manifests say. */
static void
confine_to(const char *dest, int argc, char *argv[])
{
	static const char dir[] = "file://", local[] = "file://localhost/";

	if (strncmp(dest, dir, strlen(dir)) == 0) {
		dest += strncmp(dest, local, strlen(local)) == 0 ? strlen(local) - 1
								 : strlen(dir);
		if (dry_run)
			confined_read(dest);
		if (!dry_run)
			confined_write(dest);
		confined_dirs();
		confined_threads();
	} else {
		confined_net();
		confined_near(ca_file);
		if (credentials_needs(env, confined_near))
			confined_exec();
	}
	if (state != NULL)
		(dry_run ? confined_read : confined_write)(state);
	else if (as == NULL && !check)
		confined_read("/");
	confined_inputs(argc, argv);
	confined();
}

static void
says(void *user, const char *thing, const char *words)
{
	(void)user;
	printf("%s: ok, %s\n", thing, words);
}

/* --check: what is well on standard output, what is not and what to do on standard error. */
static int
try_it(struct run *run, const char *dest, struct err *e)
{
	const char *advice;
	int done = -1;

	catch_stops(true);
	if (open_stores(run, dest, e) == 0)
		done = store_check(run->store[0], says, NULL, e);
	fflush(stdout);
	if (done < 0) {
		diag_error("%s", e->text);
		if ((advice = advice_on(e->text)) != NULL)
			diag_error("%s: %s", dest, advice);
	} else {
		printf("%s: objects can be put there\n", dest);
	}
	store_close(run->store[0]);
	if (fclose(stdout) != 0 && done == 0) {
		err_sys(e, "<stdout>");
		return diag_end(e);
	}
	if (stopped())
		die_of(stop_signal);
	return done < 0 ? e->status : ST_OK;
}

static int
finish(struct run *run)
{
	struct err e;

	run->stats.bytes_in = run->in.bytes;
	run->stats.bytes_out = run->out.bytes;
	if (stats_end(&run->stats, &e) < 0)
		run->status = worse(run->status, diag_end(&e));
	crew_free(run->crew);
	ndjson_in_done(&run->in);
	ndjson_out_done(&run->out);
	for (uint64_t i = 0; i < jobs; i++)
		store_close(run->store[i]);
	if (stopped())
		die_of(stop_signal);
	return run->status;
}

int
main(int argc, char *argv[])
{
	static struct run run;
	struct inputs files;
	static struct buf tagging;
	struct err e;
	int r;

	diag_init(argv[0]);
	confined_secrets();
	signal(SIGPIPE, SIG_IGN);
	buf_init(&tagging, 16 << 10);
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r > 0 ? ST_OK : diag_end(&e);
	count(&run);
	if (argc == 0) {
		err_set(&e, ST_USAGE,
		    "no destination: give s3://bucket/prefix or file:///dir");
		return diag_end(&e);
	}
	if (read_options(&tagging, &e) < 0)
		return diag_end(&e);
	if (as != NULL && argc > 2) {
		err_set(&e, ST_USAGE, "--as: names one object, and takes one FILE");
		return diag_end(&e);
	}
	confine_to(argv[argc - 1], argc - 1, argv);
	if (check)
		return try_it(&run, argv[argc - 1], &e);
	catch_stops(true); /* a program that is run for credentials ends with us */
	if (open_stores(&run, argv[argc - 1], &e) < 0 ||
	    inputs_init(&files, argc - 1, argv, &e) < 0 ||
	    ndjson_out_init(&run.out, STDOUT_FILENO, "<stdout>", &e) < 0 ||
	    ndjson_in_init(&run.in, NULL, &e) < 0 ||
	    (run.crew = crew_new(
		 (unsigned)jobs, (unsigned)jobs * AHEAD, labour, &run, &e)) == NULL) {
		if (stop_signal != 0)
			die_of(stop_signal);
		return diag_end(&e);
	}
	if (as == NULL && progress_wanted())
		orders_foresee(argc - 1, argv, &run.total, &run.total_bytes);
	if (as != NULL)
		one_body(&run, &files);
	else
		all_inputs(&run, &files);
	buf_done(&tagging);
	return finish(&run);
}
