#include "source/list.h"
#include "base/err.h"
#include "base/fileio.h"
#include "ledger/ledger.h"
#include "source/backfill.h"
#include "source/decompress.h"

#include <stdio.h>

static void
put_text(struct ndjson_out *o, const char *name, struct str text)
{
	uint64_t unused = 0;

	NDJSON_LIT(o, ",\"");
	ndjson_add(o, name, strlen(name));
	NDJSON_LIT(o, "\":\"");
	ndjson_text(o, text.p, text.n, &unused);
	NDJSON_LIT(o, "\"");
}

static void
put_number(struct ndjson_out *o, const char *name, uint64_t n)
{
	NDJSON_LIT(o, ",\"");
	ndjson_add(o, name, strlen(name));
	NDJSON_LIT(o, "\":");
	ndjson_u64(o, n);
}

static void
put_flag(struct ndjson_out *o, const char *name, bool yes)
{
	NDJSON_LIT(o, ",\"");
	ndjson_add(o, name, strlen(name));
	ndjson_add(o, yes ? "\":true" : "\":false", yes ? 6 : 7);
}

int
list_put(struct sweep *s, const struct listed *w, struct err *e)
{
	static const char *const formats[] = { "", "docker", "cri", "raw" };
	struct ndjson_out *o = s->tail.out;
	uint64_t done = w->entry != NULL ? w->entry->end : 0, unused = 0;

	NDJSON_LIT(o, "{\"file\":\"");
	ndjson_text(o, w->file, strlen(w->file), &unused);
	NDJSON_LIT(o, "\"");
	put_text(o, "path", str_of(w->path));
	put_text(o, "id", str_of(w->id.id));
	put_text(o, "format", str_of(formats[w->format]));
	put_number(o, "size", w->size);
	put_number(o, "committed", done);
	put_number(o, "lag", w->size > done ? w->size - done : 0);
	put_flag(o, "live", w->live);
	put_flag(o, "final", w->entry != NULL && w->entry->final);
	put_text(o, "last_read", str_of(w->entry != NULL ? w->entry->time : ""));
	put_text(o, "state", str_of(w->state));
	NDJSON_LIT(o, "}\n");
	return ndjson_end(o, e);
}

/* Decompressed.  gzip says it at its end, the others do not. */
static uint64_t
size_of(const struct member *m, struct reader *r)
{
	unsigned char last[4];
	struct err unused;

	if (!m->packed)
		return (uint64_t)m->st.st_size;
	if (pread_full(m->fd, last, sizeof last, 0) == sizeof last &&
	    pack_of(last, sizeof last) != PACK_GZIP) {
		if (r == NULL || reader_seek(r, UINT64_MAX, m->name, &unused) < 0)
			return 0;
		return reader_offset(r);
	}
	if (m->st.st_size < 18 ||
	    pread_full(m->fd, last, sizeof last, (uint64_t)m->st.st_size - sizeof last) !=
		sizeof last)
		return 0;
	return last[0] | (uint64_t)last[1] << 8 | (uint64_t)last[2] << 16 |
	       (uint64_t)last[3] << 24;
}

/* The streams of a file: the one that is behind counts, and one without entry is most so.
 * They are noted as met, so that no other file is taken for this one. */
void
list_entry(struct sweep *s, struct listed *w)
{
	static const char *const ending[] = { "/o", "/e" };
	char id[IDENTITY_ID_MAX + 4];

	for (unsigned i = 0; i < (w->format == FRAME_RAW ? 1 : 2); i++) {
		struct ledger_entry *n;

		snprintf(id, sizeof id, "%s%s", w->id.id,
		    w->format == FRAME_RAW ? "" : ending[i]);
		if ((n = ledger_find(s->ledger, str_of(id))) == NULL) {
			w->entry = NULL;
			return;
		}
		n->seen = true;
		if (w->entry == NULL || n->end < w->entry->end)
			w->entry = n;
	}
}

const char *
list_state(const struct listed *w)
{
	return w->entry == NULL ? "new" : w->entry->end < w->size ? "behind" : "done";
}

/* 0, or -1 and `e`: the file could not be looked at.  *bundle: it is an archive. */
static int
look(struct sweep *s, const struct family *f, struct member *m, struct listed *w,
    bool *bundle, struct err *e)
{
	struct reader *r = reader_new(m->fd, m->packed, e);
	int got = -1;

	w->state = "unreadable";
	if (r != NULL && (got = identity_read(r, m->packed, &w->id, w->path, e)) > 0 &&
	    !m->packed && pack_of(w->id.first, w->id.first_n) != PACK_NONE) {
		m->packed = true;
		reader_free(r);
		if ((r = reader_new(m->fd, true, e)) == NULL)
			return -1;
		got = identity_read(r, true, &w->id, w->path, e);
	}
	if (got == 0 && reader_refused(r))
		got = err_set(e, ST_ASIDE, "%s: %s", w->path, reader_why(r));
	if (got == 0)
		w->state = "empty";
	if (got > 0 && (got = backfill_take(s, f, m, &w->id, bundle, e)) == 0) {
		w->state = "waiting";
		got = !*bundle && !w->id.unfinished;
	}
	if (got > 0) {
		w->id.inode = m->st.st_ino;
		w->format = sweep_format(s, &w->id);
		got = identity_match(&w->id, s->ledger, r, w->format == FRAME_RAW,
		    str_of(f->shown), w->path, e);
		if (got > 0)
			list_entry(s, w);
	}
	w->size = *bundle ? 0 : size_of(m, r);
	if (got >= 0 && reader_too_much(r)) {
		w->state = "behind";
		reader_free(r);
		return err_set(e, ST_ASIDE,
		    "%s: more than --max-expand allows comes of it", w->path);
	}
	if (got >= 0 && w->format != FRAME_AUTO)
		w->state = list_state(w);
	reader_free(r);
	return got < 0 ? -1 : 0;
}

struct unopened {
	struct sweep *s;
	const struct family *f;
};

/* A file of the family that cannot be opened is told, and listed too; should the output
 * fail here, the next write says so. */
static void
unopened(void *arg, const struct err *why)
{
	const struct unopened *u = arg;
	const struct listed w = {
		.file = u->f->shown, .path = "", .state = "unreadable"
	};
	struct err e;

	u->s->warn(u->s->arg, why);
	(void)list_put(u->s, &w, &e);
}

int
list_family(struct sweep *s, struct family *f, struct err *e)
{
	struct unopened u = { s, f };
	bool mine = sweep_in_shard(s, f->shown);
	int r = family_open(
	    f, &s->names, s->rotated, NULL, NULL, mine ? unopened : NULL, &u, e);

	if (r < 0) {
		if (mine)
			unopened(&u, e);
		return 0;
	}
	for (size_t i = 0; i < f->members; i++) {
		char path[PATH_MAX];
		struct listed w = { .file = f->shown,
			.path = path,
			.live = f->member[i].live,
			.state = "" };
		struct err why;
		bool bundle = false;

		snprintf(path, sizeof path, "%s/%s", f->dir, f->member[i].name);
		if (look(s, f, &f->member[i], &w, &bundle, &why) < 0 && mine)
			s->warn(s->arg, &why);
		if (!bundle && mine && list_put(s, &w, e) < 0)
			return -1;
	}
	family_close(f);
	return 0;
}
