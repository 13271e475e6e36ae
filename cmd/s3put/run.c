#include "run.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli/diag.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "ledger/ledger.h"
#include "record/jscan.h"
#include "s3/advice.h"
#include "s3/delivery.h"
#include "s3/results.h"
#include "s3/store.h"
#include "stop.h"

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
	AHEAD = 4, /* manifests read ahead, for each job */
	TICK_MS = 200,
};

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

	if (run->groups > 0 && ledger_delivered(run->state,
				   (const char *const *)run->group, run->groups, &e) < 0)
		run->status = worse(run->status, diag_end(&e));
	while (run->groups > 0)
		free(run->group[--run->groups]);
	if (!run->closed && ndjson_flush(&run->out, &e) < 0) {
		run->over = run->closed = true;
		if (errno == EPIPE)
			stop_by(SIGPIPE); /* nobody reads: a quiet end */
		else
			run->status = worse(run->status, diag_end(&e));
	}
}

/* ---- what became of them, in order ---- */

/* The key, which leaves the order, is settled with the ledger. */
static void
delivered(struct run *run, struct order *m)
{
	if (run->state == NULL)
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
		if (run->groups == RUN_GROUP_MAX || run->out.n > NDJSON_BLOCK / 2)
			settle(run);
	}
	if (run->groups > 0 && clock_steady() - run->group_since > RUN_GROUP_NS)
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
	if (d->outcome == OUTCOME_NONE && run->failed > 0 && !run->dry &&
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
	} else if (run->claims != NULL) {
		delivery_claim(d, run->state, run->claims);
	}
	hand_over(run, d);
}

static void
labour(void *user, unsigned mine, void *job)
{
	struct run *run = user;

	delivery_do(job, run->store[mine], run->state, run->dry, &stop_signal);
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
		if (crew_jobs(run->crew) == 0 || stop_came() || run->over)
			break;
		rest(run, run->in.fd);
	}
	/* a line may come in two halves: then look after the jobs in between */
	run->in.wait_ms = crew_jobs(run->crew) > 0 ? TICK_MS : 0;
	stop_catch(!waits || crew_jobs(run->crew) > 0);
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
		if (stop_came() || run->over)
			return;
		got = ndjson_next(&run->in, &line, &e);
		stop_catch(true);
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

void
run_manifests(struct run *run, struct inputs *files)
{
	struct err e;
	int more;

	while (!run->over && !stop_came() && (more = inputs_next(files, &e)) != 0) {
		if (more < 0) {
			run->status = worse(run->status, diag_end(&e));
			continue;
		}
		ndjson_in_open(&run->in, files->fd, files->name);
		one_input(run);
	}
	stop_catch(true);
	drain(run, 0);
	settle(run);
}

void
run_body(struct run *run, struct inputs *files, const char *key)
{
	struct delivery *d;
	struct stat sb;
	struct err e;

	stop_catch(true);
	if (inputs_next(files, &e) <= 0) {
		run->status = worse(run->status, diag_end(&e));
		return;
	}
	if ((d = delivery_new(run)) == NULL)
		return;
	run->stats.in++;
	d->fd = files->fd;
	d->pipe = true;
	d->order.key = strdup(key);
	d->order.path = strdup(files->name);
	d->order.key_n = strlen(key);
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

void
run_init(struct run *run)
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

int
run_begin(struct run *run, unsigned threads, struct err *e)
{
	if (ndjson_out_init(&run->out, STDOUT_FILENO, "<stdout>", e) < 0 ||
	    ndjson_in_init(&run->in, NULL, e) < 0)
		return -1;
	if (run->state != NULL &&
	    (run->claims = ledger_claims_new(run->state, e)) == NULL)
		return -1;
	run->crew = crew_new(threads, threads * AHEAD, labour, run, e);
	return run->crew != NULL ? 0 : -1;
}

int
run_end(struct run *run)
{
	struct err e;

	run->stats.bytes_in = run->in.bytes;
	run->stats.bytes_out = run->out.bytes;
	if (stats_end(&run->stats, &e) < 0)
		run->status = worse(run->status, diag_end(&e));
	crew_free(run->crew);
	ledger_claims_free(run->claims);
	ndjson_in_done(&run->in);
	ndjson_out_done(&run->out);
	return run->status;
}
