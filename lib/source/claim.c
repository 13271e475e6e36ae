#include "source/claim.h"
#include "base/err.h"
#include "ledger/ledger.h"
#include "record/timestamp.h"
#include "source/identity.h"
#include "source/tail.h"

#include <stdio.h>

static const char *const ending[] = { "/o", "/e" };

static void
id_of(char name[IDENTITY_ID_MAX + 4], const struct identity *id, unsigned streams,
    unsigned i)
{
	snprintf(name, IDENTITY_ID_MAX + 4, "%s%s", id->id, streams > 1 ? ending[i] : "");
}

/* Of all streams or of none. */
static bool
has_room(struct ledger *l, const struct identity *id, const struct tail_file *f,
    unsigned streams)
{
	char name[IDENTITY_ID_MAX + 4];

	for (unsigned i = 0; i < streams; i++) {
		id_of(name, id, streams, i);
		if (ledger_find(l, str_of(name)) == NULL &&
		    !ledger_has_room(l, f->src_file, f->dir))
			return false;
	}
	return true;
}

int
claim_ids(struct ledger *l, const struct identity *id, struct tail_file *f,
    const char *in, struct str path, uint64_t *hole, struct err *e)
{
	unsigned streams = f->format == FRAME_RAW ? 1 : 2;
	char name[IDENTITY_ID_MAX + 4];

	*hole = 0;
	if (!has_room(l, id, f, streams))
		return err_set(e, ST_ASIDE,
			   "%.300s: not read, as all new logs from here on: those that "
			   "the "
			   "ledger has take %zu MiB of it; sweep some with another "
			   "--state",
			   f->name, l->logs_max >> 20),
		       1;
	for (unsigned i = 0; i < streams; i++) {
		struct ledger_entry *n;

		id_of(name, id, streams, i);
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
	unsigned streams = t->format == FRAME_RAW ? 1 : 2;
	char name[IDENTITY_ID_MAX + 4], time[TIMESTAMP_MAX];

	timestamp_format(now, time);
	for (unsigned i = 0; i < streams; i++) {
		struct ledger_entry *n;

		id_of(name, id, streams, i);
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
