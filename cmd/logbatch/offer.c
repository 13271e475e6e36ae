#include "offer.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "batch/intake.h"
#include "batch/lists.h"
#include "cli/diag.h"
#include "logbatch.h"

#include <stdlib.h>

static int
print_manifest(const struct buf *line, struct err *e)
{
	return buf_check(line, "manifest", e) < 0 ? -1 : logbatch_print(NULL, line, e);
}

/* The batches that wait and were not offered before, oldest first. */
static int
offer_waiting(const struct offer *o, const struct ledger *l, struct err *e)
{
	struct buf line;
	int r = 0;

	buf_init(&line, LEDGER_MAX);
	for (size_t i = 0; i < l->batches && r == 0; i++) {
		if (ledger_names_has(&o->offered, l->batch[i].name))
			continue;
		buf_clear(&line);
		ledger_manifest(&l->batch[i], o->given->state, &line);
		r = print_manifest(&line, e);
	}
	buf_done(&line);
	return r;
}

static int
print_dry(const struct partitions *ps, struct err *e)
{
	struct buf line;
	int r = 0;

	buf_init(&line, LEDGER_MAX);
	for (size_t i = 0; i < ps->batches && r == 0; i++) {
		buf_clear(&line);
		buf_adds(&line, ps->batch[i].manifest);
		buf_addc(&line, '\n');
		r = print_manifest(&line, e);
	}
	buf_done(&line);
	return r;
}

static void
tell_if_copy(struct offer *o, const struct ledger *l)
{
	if (!l->from_copy)
		return;
	diag_warn("%s: ledger.json was damaged; its copy was used", o->given->state);
	o->status = status_worse(o->status, ST_ASIDE);
}

/* -1: too much waits in the outbox. */
static int
check_spool(const struct options *given, const struct ledger *l, struct err *e)
{
	uint64_t waiting = commit_waiting(l);

	if (waiting < given->max_spool)
		return 0;
	return err_set(e, ST_LATER,
	    "%s/outbox: %llu bytes wait to be delivered, --max-spool is %llu; nothing is "
	    "read: deliver them with s3put --state=%s DEST, or raise --max-spool",
	    given->state, (unsigned long long)waiting,
	    (unsigned long long)given->max_spool, given->state);
}

int
offer_begin(struct offer *o, struct err *e)
{
	const struct options *given = o->given;

	if (given->dry_run)
		o->begun = ledger_load(given->state, e);
	else
		(void)commit_begin(given->state, &o->begun, e);
	if (o->begun == NULL)
		return -1;
	tell_if_copy(o, o->begun);
	if (given->dry_run)
		return 0;
	if (offer_waiting(o, o->begun, e) < 0 ||
	    ledger_names(o->begun, &o->offered, e) < 0)
		return -1;
	return check_spool(given, o->begun, e);
}

static int
to_files(struct offer *o, struct partitions *ps, struct err *e)
{
	struct buf lines;
	int r;

	buf_init(&lines, LEDGER_MAX);
	r = commit_files(o->given->out, ps, &lines, e);
	o->delivered = r == 0;
	r = r < 0 ? -1 : logbatch_print(NULL, &lines, e);
	buf_done(&lines);
	return r;
}

static int
to_ledger(struct offer *o, struct intake *in, struct err *e)
{
	const struct options *given = o->given;
	struct ledger *l = o->begun;
	int r;

	o->begun = NULL;
	r = commit(
	    given->state, &in->partitions, &in->positions, &o->own, clock_now(), &l, e);
	o->delivered = l != NULL;
	if (l == NULL)
		return -1;
	/* if only the copy failed it is committed, but nobody may act on it yet */
	if (r == 0) {
		tell_if_copy(o, l);
		r = offer_waiting(o, l, e);
	}
	o->begun = l;
	free(o->offered.name);
	o->offered = (struct ledger_names){ 0 };
	if (r == 0)
		r = ledger_names(l, &o->offered, e);
	return r == 0 && given->max_age > 0 ? check_spool(given, l, e) : r;
}

int
offer_commit(struct offer *o, struct intake *in, struct err *e)
{
	struct partitions *ps = &in->partitions;

	if (o->lists != NULL && lists_make(ps, &in->positions, o->lists, e) < 0)
		return -1;
	o->batches += ps->batches;
	if (o->given->dry_run)
		return print_dry(ps, e);
	return o->given->out != NULL ? to_files(o, ps, e) : to_ledger(o, in, e);
}

void
offer_done(struct offer *o)
{
	ledger_free(o->begun);
	free(o->offered.name);
	free(o->own.gen);
}
