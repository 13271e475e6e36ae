/* s3put - deliver batches to S3 or a directory, each once; see s3put(1).
 *
 * 1. Read a manifest.  Its body is missing: another s3put delivered it (it is not listed
 * any more), or the object is there already; else it stays listed.
 * 2. Put the body under its key; the store does not return before it is durable.
 * 3. Take a few delivered keys out of the ledger at once (at most GROUP_MAX, GROUP_NS
 * old, or the input pauses), and only then write their results.
 *
 * Killed anywhere in between, the batches are offered again and found present.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "cli/diag.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "cli/stats.h"
#include "ledger/ledger.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/ndjson.h"
#include "s3/order.h"
#include "s3/store.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GROUP_MAX = 16 };
#define GROUP_NS ((int64_t)1000000000)

static const char *state, *endpoint, *region, *ca_file;
static bool path_style, overwrite, dry_run;
static int64_t max_time_ns = 300 * (int64_t)1000000000;

static const struct opt options[] = {
	{ 0, "state", "DIR", OPT_STR, &state,
	    "take delivered batches out of the ledger and outbox of DIR" },
	{ 0, "endpoint", "URL", OPT_STR, &endpoint, "S3 server (default AWS)" },
	{ 0, "region", "NAME", OPT_STR, &region, "region to sign for" },
	{ 0, "path-style", NULL, OPT_FLAG, &path_style,
	    "the bucket in the path, not in the host name" },
	{ 0, "ca", "FILE", OPT_STR, &ca_file,
	    "CAs to trust, PEM (default the system's)" },
	{ 0, "overwrite", NULL, OPT_FLAG, &overwrite,
	    "replace objects that hold other bytes" },
	{ 0, "max-time", "AGE", OPT_AGE, &max_time_ns,
	    "how long to go on trying without success (default 5m)" },
	{ 'n', "dry-run", NULL, OPT_FLAG, &dry_run,
	    "tell what would go where, put nothing" },
	OPTS_END,
};
static const struct prog prog = { "s3put", "[OPTION]... [FILE]... DEST",
	"Put the objects that manifests name into DEST, s3://bucket/prefix or "
	"file:///dir.",
	options, NULL };

struct run {
	struct store *store;
	struct ndjson_in in;
	struct ndjson_out out;
	struct stats stats;
	char *group[GROUP_MAX]; /* keys delivered, still in the ledger */
	size_t groups;
	int64_t group_since;
	uint64_t line_no, stored, present, gone, failed, bytes_stored, requests;
	int status;
	bool over;   /* no more is read: stdout is closed, or --strict ended it */
	bool closed; /* stdout is */
};

static volatile sig_atomic_t stop_signal;

static void
on_stop(int sig)
{
	stop_signal = sig;
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
	if (warn)
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

static void
add_string(struct ndjson_out *o, const char *name, const char *p, size_t n)
{
	uint64_t replaced = 0;

	ndjson_add(o, name, strlen(name));
	NDJSON_LIT(o, "\"");
	ndjson_text(o, p, n, &replaced);
	NDJSON_LIT(o, "\"");
}

static void
add_or_null(struct ndjson_out *o, const char *name, const char *s)
{
	if (s != NULL && s[0] != '\0') {
		add_string(o, name, s, strlen(s));
	} else {
		ndjson_add(o, name, strlen(name));
		NDJSON_LIT(o, "null");
	}
}

static void
add_number(struct ndjson_out *o, const char *name, uint64_t v)
{
	ndjson_add(o, name, strlen(name));
	if (v == STORE_ANY_SIZE)
		NDJSON_LIT(o, "null");
	else
		ndjson_u64(o, v);
}

/* One line; it leaves when the ledger has been told (settle). */
static void
result(struct run *run, const struct order *m, const char *status,
    const struct store_result *r, int64_t began, const char *error)
{
	struct ndjson_out *o = &run->out;
	char seconds[40];

	if (m->key != NULL)
		add_string(o, "{\"key\":", m->key, m->key_n);
	else
		NDJSON_LIT(o, "{\"key\":null");
	add_or_null(o, ",\"status\":", status);
	add_or_null(o, ",\"etag\":", error ? NULL : r->etag);
	add_number(o, ",\"bytes\":", r->bytes);
	add_number(o, ",\"attempts\":", r->attempts);
	snprintf(seconds, sizeof seconds, ",\"seconds\":%.3f",
	    (double)(clock_steady() - began) / 1e9);
	ndjson_add(o, seconds, strlen(seconds));
	if (error != NULL)
		add_or_null(o, ",\"error\":", error);
	NDJSON_LIT(o, "}\n");
}

static void
failed(struct run *run, const struct order *m, const struct store_result *r,
    int64_t began, const struct err *e)
{
	diag_error("%s", e->text);
	run->failed++;
	run->stats.rejected++;
	run->status = worse(run->status, e->status);
	result(run, m, "failed", r, began, e->text);
}

static void
succeeded(struct run *run, const struct order *m, const char *status,
    const struct store_result *r, int64_t began, uint64_t *count)
{
	++*count;
	run->stats.out++;
	result(run, m, status, r, began, NULL);
}

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
			stop_signal = SIGPIPE; /* nobody reads: a quiet end */
		else
			run->status = worse(run->status, diag_end(&e));
	}
}

/* ---- delivery ---- */

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

/* errno stays that of open(2). */
static int
open_body(const struct order *m, uint64_t *size, struct err *e)
{
	struct stat sb;
	int fd = open(m->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), no = errno;

	if (fd < 0) {
		err_sys(e, m->path);
		errno = no;
		return -1;
	}
	if (fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode)) {
		close(fd);
		errno = EINVAL;
		return err_set(e, ST_FAIL, "%.400s: not a regular file", m->path);
	}
	*size = (uint64_t)sb.st_size;
	return fd;
}

static struct store_object
object_of(const struct order *m, int fd)
{
	return (struct store_object){ .key = m->key,
		.name = m->path,
		.fd = fd,
		.bytes = m->bytes,
		.sha256 = m->sha256[0] ? m->sha256 : NULL };
}

/* The body is not there.  Who took it? */
static void
without_body(struct run *run, struct order *m, int64_t began)
{
	struct store_object o = object_of(m, -1);
	struct store_result r = { .bytes = m->bytes };
	struct err e;
	int listed = state == NULL ? 1 : ledger_lists(state, m->key, &e), has;

	if (listed == 0) {
		diag_note("%s: delivered by another s3put", m->key);
		succeeded(run, m, "gone", &r, began, &run->gone);
	} else if (listed < 0) {
		failed(run, m, &r, began, &e);
	} else if (state == NULL || o.sha256 == NULL) {
		err_set(&e, ST_FAIL, "%.400s: %s", m->path, strerror(ENOENT));
		failed(run, m, &r, began, &e);
	} else if ((has = store_has(run->store, &o, &r, &e)) > 0) {
		succeeded(run, m, "present", &r, began, &run->present);
		delivered(run, m);
	} else {
		if (has == 0)
			err_set(&e, ST_FAIL,
			    "%.250s: no such file, and nothing is stored as %.200s",
			    m->path, m->key);
		failed(run, m, &r, began, &e);
	}
	run->requests += r.attempts;
}

static void
put(struct run *run, struct order *m)
{
	int64_t began = clock_steady();
	struct store_result r = { .bytes = m->bytes };
	struct store_object o;
	struct err e;
	uint64_t size;
	int fd = open_body(m, &size, &e);

	if (fd < 0 && errno == ENOENT) {
		without_body(run, m, began);
		return;
	}
	if (fd < 0) {
		failed(run, m, &r, began, &e);
		return;
	}
	o = object_of(m, fd);
	if (store_put(run->store, &o, &r, &e) < 0) {
		failed(run, m, &r, began, &e);
	} else {
		run->bytes_stored += r.present ? 0 : r.bytes;
		if (r.present)
			succeeded(run, m, "present", &r, began, &run->present);
		else
			succeeded(run, m, "stored", &r, began, &run->stored);
		delivered(run, m);
	}
	run->requests += r.attempts;
	close(fd);
}

/* What would go where: {"key","status":"dry-run","path","bytes","to"}. */
static void
show(struct run *run, const struct order *m)
{
	struct store_result none = { .bytes = m->bytes };
	struct buf to;
	struct err e;
	uint64_t size;
	int fd = open_body(m, &size, &e);

	if (fd < 0) {
		failed(run, m, &none, clock_steady(), &e);
		return;
	}
	close(fd);
	buf_init(&to, 64 << 10);
	store_where(run->store, m->key, &to);
	run->stats.out++;
	add_string(&run->out, "{\"key\":", m->key, m->key_n);
	add_or_null(&run->out, ",\"status\":", "dry-run");
	add_or_null(&run->out, ",\"path\":", m->path);
	add_number(&run->out, ",\"bytes\":", size);
	add_or_null(&run->out, ",\"to\":", to.p);
	NDJSON_LIT(&run->out, "}\n");
	buf_done(&to);
}

static void
bad_manifest(struct run *run, const struct order *m, const char *why)
{
	struct store_result none = { .bytes = m->bytes };
	struct err e;

	err_set(&e, ST_FAIL, "%.200s:%" PRIu64 ": %s; not a manifest", run->in.name,
	    run->line_no, why);
	failed(run, m, &none, clock_steady(), &e);
	run->over |= common.strict;
}

static void
one_line(struct run *run, int got, struct str line)
{
	struct store_result none = { .bytes = STORE_ANY_SIZE };
	struct order m = { .bytes = STORE_ANY_SIZE };
	const char *why;
	struct err e;

	if (got == NDJSON_TORN && run->in.pipe && !jscan_valid(line, NULL)) {
		diag_error("%s: the last line is cut off: its writer was killed; dropped",
		    run->in.name);
		run->stats.filtered++;
		run->status = worse(run->status, ST_FAIL);
		return;
	}
	why = got == NDJSON_PIECE ? "part of a line over 16 MiB" : order_read(line, &m);
	if (why != NULL)
		bad_manifest(run, &m, why);
	else if (store_key_check(run->store, (struct str){ m.key, m.key_n }, &e) < 0)
		failed(run, &m, &none, clock_steady(), &e);
	else if (dry_run)
		show(run, &m);
	else
		put(run, &m);
	order_done(&m);
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
	bool waits = input_waits(run);

	if (waits || run->groups == GROUP_MAX || run->out.n > NDJSON_BLOCK / 2 ||
	    (run->groups > 0 && clock_steady() - run->group_since > GROUP_NS))
		settle(run);
	catch_stops(!waits);
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
		if (stop_signal != 0 || run->over)
			return;
		got = ndjson_next(&run->in, &line, &e);
		catch_stops(true);
		if (got < 0)
			run->status = worse(run->status, diag_end(&e));
		if (got <= 0)
			return;
		run->line_no++;
		run->stats.in++;
		one_line(run, got, line);
		stats_poll(&run->stats);
	}
}

static void
all_inputs(struct run *run, struct inputs *files)
{
	struct err e;
	int more;

	while (!run->over && stop_signal == 0 && (more = inputs_next(files, &e)) != 0) {
		if (more < 0) {
			run->status = worse(run->status, diag_end(&e));
			continue;
		}
		ndjson_in_open(&run->in, files->fd, files->name);
		one_input(run);
	}
	catch_stops(true);
	settle(run);
}

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
}

static int
open_store(struct run *run, const char *dest, struct err *e)
{
	struct store_options so = { .endpoint = endpoint,
		.region = region,
		.ca_file = ca_file,
		.path_style = path_style,
		.overwrite = overwrite,
		.dry = dry_run,
		.max_time_ns = max_time_ns,
		.stop = &stop_signal,
		.tell = tell,
		.env = env };

	return (run->store = store_open(dest, &so, e)) == NULL ? -1 : 0;
}

static int
finish(struct run *run)
{
	struct err e;

	run->stats.bytes_in = run->in.bytes;
	run->stats.bytes_out = run->out.bytes;
	if (stats_end(&run->stats, &e) < 0)
		run->status = worse(run->status, diag_end(&e));
	ndjson_in_done(&run->in);
	ndjson_out_done(&run->out);
	store_close(run->store);
	if (stop_signal != 0)
		die_of(stop_signal);
	return run->status;
}

int
main(int argc, char *argv[])
{
	static struct run run;
	struct inputs files;
	struct err e;
	int r;

	diag_init(argv[0]);
	signal(SIGPIPE, SIG_IGN);
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r > 0 ? ST_OK : diag_end(&e);
	count(&run);
	if (argc == 0) {
		err_set(&e, ST_USAGE,
		    "no destination: give s3://bucket/prefix or file:///dir");
		return diag_end(&e);
	}
	catch_stops(true); /* a program that is run for credentials ends with us */
	if (open_store(&run, argv[argc - 1], &e) < 0 ||
	    inputs_init(&files, argc - 1, argv, &e) < 0 ||
	    ndjson_out_init(&run.out, STDOUT_FILENO, "<stdout>", &e) < 0 ||
	    ndjson_in_init(&run.in, NULL, &e) < 0) {
		if (stop_signal != 0)
			die_of(stop_signal);
		return diag_end(&e);
	}
	all_inputs(&run, &files);
	return finish(&run);
}
