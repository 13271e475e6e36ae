#include "source/list.h"
#include "base/err.h"
#include "base/fileio.h"
#include "ledger/ledger.h"
#include "source/decompress.h"

#include <stdio.h>

/* What is told of one file. */
struct listed {
	char path[PATH_MAX];
	struct identity id;
	enum frame_format format;
	const struct ledger_entry *entry; /* of the stream that is behind; NULL: none */
	uint64_t size;
	const char *state;
};

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

static int
put(struct sweep *s, const struct family *f, const struct member *m,
    const struct listed *w, struct err *e)
{
	static const char *const formats[] = { "", "docker", "cri", "raw" };
	struct ndjson_out *o = s->tail.out;
	uint64_t done = w->entry != NULL ? w->entry->end : 0, unused = 0;

	NDJSON_LIT(o, "{\"file\":\"");
	ndjson_text(o, f->shown, strlen(f->shown), &unused);
	NDJSON_LIT(o, "\"");
	put_text(o, "path", str_of(w->path));
	put_text(o, "id", str_of(w->id.id));
	put_text(o, "format", str_of(formats[w->format]));
	put_number(o, "size", w->size);
	put_number(o, "committed", done);
	put_number(o, "lag", w->size > done ? w->size - done : 0);
	put_flag(o, "live", m->live);
	put_flag(o, "final", w->entry != NULL && w->entry->final);
	put_text(o, "last_read", str_of(w->entry != NULL ? w->entry->time : ""));
	put_text(o, "state", str_of(w->state));
	NDJSON_LIT(o, "}\n");
	return ndjson_end(o, e);
}

static uint64_t
size_of(const struct member *m)
{
	unsigned char last[4];

	if (!m->gzip)
		return (uint64_t)m->st.st_size;
	if (m->st.st_size < 18 ||
	    pread_full(m->fd, last, sizeof last, (uint64_t)m->st.st_size - sizeof last) !=
		sizeof last)
		return 0;
	return last[0] | (uint64_t)last[1] << 8 | (uint64_t)last[2] << 16 |
	       (uint64_t)last[3] << 24;
}

/* The streams of a file: the one that is behind counts, and one without entry is most so.
 * They are noted as met, so that no other file is taken for this one. */
static void
find_entry(struct sweep *s, struct listed *w)
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

/* 0, or -1 and `e`: the file could not be looked at. */
static int
look(struct sweep *s, const struct family *f, const struct member *m, struct listed *w,
    struct err *e)
{
	struct reader *r = reader_new(m->fd, m->gzip, e);
	int got = -1;

	w->size = size_of(m);
	w->state = "unreadable";
	if (r != NULL && (got = identity_read(r, m->gzip, &w->id, w->path, e)) == 0)
		w->state = "empty";
	if (got > 0 && w->id.unfinished) {
		w->state = "waiting";
	} else if (got > 0) {
		w->id.inode = m->st.st_ino;
		w->format = sweep_format(s, &w->id);
		got = identity_match(&w->id, s->ledger, r, w->format == FRAME_RAW,
		    str_of(f->shown), w->path, e);
		if (got > 0)
			find_entry(s, w);
		if (got >= 0)
			w->state = w->entry == NULL          ? "new"
				   : w->entry->end < w->size ? "behind"
							     : "done";
	}
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
	const struct member none = { .fd = -1 };
	const struct listed w = { .state = "unreadable" };
	struct err e;

	u->s->warn(u->s->arg, why);
	(void)put(u->s, u->f, &none, &w, &e);
}

int
list_family(struct sweep *s, struct family *f, struct err *e)
{
	struct unopened u = { s, f };
	int r = family_open(f, &s->names, s->rotated, unopened, &u, e);

	if (r < 0) {
		unopened(&u, e);
		return 0;
	}
	for (size_t i = 0; i < f->members; i++) {
		struct listed w = { .state = "" };
		struct err why;

		snprintf(w.path, sizeof w.path, "%s/%s", f->dir, f->member[i].name);
		if (look(s, f, &f->member[i], &w, &why) < 0)
			s->warn(s->arg, &why);
		if (put(s, f, &f->member[i], &w, e) < 0)
			return -1;
	}
	family_close(f);
	return 0;
}
