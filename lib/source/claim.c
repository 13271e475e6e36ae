#include "source/claim.h"
#include "base/err.h"
#include "ledger/ledger.h"
#include "record/timestamp.h"
#include "source/identity.h"
#include "source/tail.h"

#include <stdio.h>

static const char *const ending[] = { "/o", "/e" };

int
claim_ids(struct ledger *l, const struct identity *id, struct tail_file *f,
    const char *in, struct str path, uint64_t *hole, struct err *e)
{
	unsigned streams = f->format == FRAME_RAW ? 1 : 2;
	char name[IDENTITY_ID_MAX + 4];

	*hole = 0;
	for (unsigned i = 0; i < streams; i++) {
		struct ledger_entry *n;

		snprintf(name, sizeof name, "%s%s", id->id, streams > 1 ? ending[i] : "");
		if ((n = ledger_put(l, str_of(name))) == NULL ||
		    ledger_set_text(l, &n->file, f->src_file) < 0 ||
		    ledger_set_text(l, &n->path, path) < 0 ||
		    ledger_set_text(l, &n->stat, str_of(f->stat)) < 0)
			return err_set(e, ST_FAIL, "out of memory");
		n->in = in;
		n->seen = true;
		f->cursor[i] = n->end > id->hole ? n->end : id->hole;
		if (i == 0 && n->end < id->hole)
			*hole = id->hole;
	}
	return 0;
}

int
claim_remember(
    struct ledger *l, const struct identity *id, const struct tail_file *t, int64_t now)
{
	bool raw = t->format == FRAME_RAW;
	char name[IDENTITY_ID_MAX + 4], time[TIMESTAMP_MAX];

	timestamp_format(now, time);
	for (unsigned i = 0; i < (raw ? 1 : 2); i++) {
		struct ledger_entry *n;

		snprintf(name, sizeof name, "%s%s", id->id, raw ? "" : ending[i]);
		if ((n = ledger_find(l, str_of(name))) == NULL ||
		    ledger_set_text(l, &n->dir, t->dir) < 0 ||
		    ledger_set_text(l, &n->time, str_of(time)) < 0)
			return -1;
		n->end = t->cursor[i];
		n->gen = l->gen + 1; /* should it be committed */
		if (t->at > 0) {
			n->at = t->at;
			n->sum = t->sum;
		}
		n->size = t->limit > n->size ? t->limit : n->size;
		n->live = t->live;
		n->final = t->final && t->cursor[i] == t->at;
	}
	return 0;
}
