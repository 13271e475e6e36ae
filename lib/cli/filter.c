#include "cli/filter.h"
#include "base/err.h"
#include "cli/diag.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "record/jscan.h"

#include <unistd.h>

enum { TOLD_MAX = 5 }; /* bad lines told one by one; the rest are counted */

struct run {
	struct filter *f;
	struct ndjson_in in;
	uint64_t line_no;
	int status;
};

/* -1 with --strict. */
static int
bad_line(struct run *run, struct str line, const char *why, struct err *e)
{
	struct filter *f = run->f;

	if (common.strict)
		return err_set(e, ST_FAIL, "%s:%llu: %s", run->in.name,
		    (unsigned long long)run->line_no, why);
	if (f->stats.rejected++ < TOLD_MAX)
		diag_warn("%s:%llu: %s; set aside as an _error record", run->in.name,
		    (unsigned long long)run->line_no, why);
	record_wrap(&f->out, diag_prog(), why, line, &f->invalid_utf8);
	run->status = status_worse(run->status, ST_ASIDE);
	return 0;
}

static void
count(struct filter *f, enum filter_did did, struct str time)
{
	switch (did) {
	case FILTER_PASSED:
		f->stats.out++;
		stats_time(&f->stats, time);
		break;
	case FILTER_REJECTED:
		f->stats.rejected++;
		break;
	case FILTER_FILTERED:
		f->stats.filtered++;
		break;
	case FILTER_JOINED:
		f->stats.joined++;
		break;
	case FILTER_HELD:
		f->held++;
		break;
	case FILTER_BAD:
		break;
	}
}

void
filter_held(struct filter *f, enum filter_did did, uint64_t lines, struct str time)
{
	f->held -= lines;
	f->stats.joined += lines - 1;
	count(f, did, time);
}

/* Is there nothing that ends the run? */
static int
went_on(struct filter *f, struct err *e)
{
	if (!f->failed)
		return ndjson_end(&f->out, e);
	*e = f->err;
	f->failed = false; /* it is told */
	return -1;
}

static int
one_line(struct run *run, int got, struct str line, struct err *e)
{
	struct filter *f = run->f;
	struct record r;
	const char *why = "not a JSON object";
	bool is_record = got != NDJSON_PIECE && record_read(&f->reader, line, &r);
	enum filter_did did;

	if (got == NDJSON_TORN && run->in.pipe &&
	    (!is_record || !record_shape(&r, NULL))) {
		diag_error("%s: the last line is cut off: its writer was killed; dropped",
		    run->in.name);
		f->stats.in++;
		f->stats.filtered++;
		run->status = status_worse(run->status, ST_FAIL);
		return 0;
	}
	if (is_record && r.mark) {
		if (f->mark != NULL)
			f->mark(f, &r);
		else
			record_pass(&f->out, &r);
		return went_on(f, e);
	}
	f->stats.in++;
	if (!is_record)
		why = got == NDJSON_PIECE ? "part of a line over 16 MiB" : why;
	if (is_record && (did = f->record(f, &r, &why)) != FILTER_BAD)
		count(f, did, r.time);
	else if (bad_line(run, line, why, e) < 0)
		return -1;
	return went_on(f, e);
}

static int
one_input(struct run *run, struct err *e)
{
	struct filter *f = run->f;
	struct str line;
	int got;

	run->line_no = 0;
	while ((got = ndjson_next(&run->in, &line, e)) > 0) {
		if (got == NDJSON_IDLE) {
			if (f->idle != NULL)
				f->idle(f, true);
			if (went_on(f, e) < 0)
				return -1;
			continue;
		}
		run->line_no++;
		if (run->f->line != NULL)
			line = run->f->line(run->f, line);
		if (one_line(run, got, line, e) < 0)
			return -1;
		if ((run->line_no & 4095) == 0) {
			if (f->idle != NULL)
				f->idle(f, false);
			f->stats.bytes_in = run->in.bytes;
			f->stats.bytes_out = f->out.bytes;
			stats_poll(&f->stats);
		}
	}
	return got;
}

int
filter_run(struct filter *f, int argc, char *argv[])
{
	struct run run = { .f = f, .status = ST_OK };
	struct inputs files;
	struct err e;
	bool whole = true;
	int more;

	stats_init(&f->stats);
	record_reader_init(&f->reader);
	f->reader.no_log = f->no_log;
	if (inputs_init(&files, argc, argv, &e) < 0 ||
	    ndjson_out_init(&f->out, STDOUT_FILENO, "<stdout>", &e) < 0 ||
	    ndjson_in_init(&run.in, &f->out, &e) < 0)
		return diag_end(&e);
	run.in.wait_ms = f->wait_ms;
	while ((more = inputs_next(&files, &e)) != 0) {
		if (more < 0) {
			diag_end(&e);
			run.status = status_worse(run.status, ST_ASIDE);
			continue;
		}
		ndjson_in_open(&run.in, files.fd, files.name);
		if (one_input(&run, &e) < 0) {
			run.status = diag_end(&e);
			whole = false;
			break;
		}
	}
	if (f->finish != NULL && whole && run.status != ST_FAIL)
		f->finish(f);
	if (went_on(f, &e) < 0)
		run.status = status_worse(run.status, diag_end(&e));
	if (f->stats.rejected > 0)
		run.status = status_worse(run.status, ST_ASIDE);
	f->stats.filtered += f->held;
	if (ndjson_flush(&f->out, &e) < 0)
		run.status = diag_end(&e);
	f->stats.bytes_in = run.in.bytes;
	f->stats.bytes_out = f->out.bytes;
	if (stats_end(&f->stats, &e) < 0)
		run.status = status_worse(run.status, diag_end(&e));
	ndjson_in_done(&run.in);
	ndjson_out_done(&f->out);
	record_reader_done(&f->reader);
	return run.status;
}
