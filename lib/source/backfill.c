#include "source/backfill.h"
#include "base/buf.h"
#include "base/err.h"
#include "ledger/ledger.h"
#include "record/jsonw.h"
#include "source/bundle.h"
#include "source/claim.h"
#include "source/decompress.h"
#include "source/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_TEXT_MAX = 60 << 10 }; /* of a name as JSON */

/* A member that is to be read in the next pass. */
struct again {
	uint64_t index;
	char id[IDENTITY_ID_MAX]; /* "": ask again */
};

struct agains {
	struct again *list;
	size_t n, cap;
};

struct backfill {
	struct sweep *s;
	const struct sweep_bundle *a;
	struct bundle *b;
	int fd;
	bool list, growing;
	bool told; /* the damage of the archive is */
	bool new;  /* something new came of it */
	unsigned pass;
	struct agains now, next;
	size_t now_at;
	struct buf name; /* ARCHIVE!MEMBER */
	struct buf src;  /* the same as JSON text, in quotes */
	struct buf
	    twin; /* ARCHIVE!MEMBER that it is a hard link to, in the same form; n = 0 */
};

/* One member in hand. */
struct unit {
	struct reader *r;
	struct identity id;
	struct tail_file t;
	uint64_t from; /* the lower cursor */
};

static void
note(const struct backfill *f, const char *what)
{
	if (f->s->note != NULL)
		f->s->note(f->name.p, what);
}

/* Told, and set aside. */
static void
aside(struct backfill *f, const char *subject, const char *why)
{
	struct err e;

	err_set(&e, ST_ASIDE, "%.300s: %s", subject, why);
	f->s->n.unreadable++;
	f->s->warn(f->s->arg, &e);
}

static int
add_again(struct backfill *f, uint64_t index, const char *id, struct err *e)
{
	struct agains *x = &f->next;
	struct again *p;

	if (x->n == x->cap) {
		size_t cap = x->cap ? 2 * x->cap : 16;

		if ((p = realloc(x->list, cap * sizeof *p)) == NULL)
			return err_set(e, ST_FAIL, "out of memory");
		x->list = p;
		x->cap = cap;
	}
	p = &x->list[x->n++];
	p->index = index;
	snprintf(p->id, sizeof p->id, "%s", id);
	return 0;
}

/* ARCHIVE!MEMBER, and as JSON.  false: too long for a name (family.h). */
static bool
make_names(struct backfill *f, const char *member, const char *link)
{
	buf_clear(&f->twin);
	if (link != NULL) {
		buf_clear(&f->name);
		buf_printf(&f->name, "%s!%s", f->a->shown, link);
		if (!f->name.failed)
			jsonw_string(&f->twin, f->name.p, f->name.n);
	}
	buf_clear(&f->name);
	buf_adds(&f->name, f->a->shown);
	buf_addc(&f->name, '!');
	buf_adds(&f->name, member);
	buf_clear(&f->src);
	jsonw_string(&f->src, f->name.p, f->name.n);
	return !f->name.failed && !f->src.failed && f->src.n <= FAMILY_NAME_MAX + 2;
}

/* Is the member to be read at all?  Tells why not where somebody should know. */
static bool
wanted(struct backfill *f, const struct bundle_member *m)
{
	struct sweep *s = f->s;

	if (m->kind == BUNDLE_NAME || !make_names(f, m->name, m->link)) {
		aside(f, f->a->shown, "the name of a member is too long; it is not read");
		return false;
	}
	if (!sweep_in_shard(s, f->name.p) ||
	    family_skipped(f->name.p, s->skip, s->skips) ||
	    family_skipped(m->name, s->skip, s->skips))
		return false;
	if (m->kind == BUNDLE_OTHER || str_ends(str_of(m->name), STR(".tmp"))) {
		s->n.links += m->kind == BUNDLE_OTHER;
		return false;
	}
	if (m->kind == BUNDLE_LOCKED) {
		aside(f, f->name.p, "encrypted; not read");
		return false;
	}
	if (m->mtime_ns != INT64_MIN &&
	    (m->mtime_ns < s->not_older || m->mtime_ns < s->tail.since)) {
		s->n.older++;
		return false;
	}
	return true;
}

/* The first line, format and, later, cursors.  1; 0: there is nothing to read; -1. */
static int
open_unit(struct backfill *f, struct unit *u, struct err *e)
{
	struct sweep *s = f->s;
	int r;

	if ((u->r = bundle_reader(f->b, e)) == NULL ||
	    (r = identity_read(u->r, true, &u->id, f->name.p, e)) < 0)
		return -1;
	if (r == 0 || (reader_cut(u->r) && u->id.line_n == u->id.first_n)) {
		if (reader_corrupt(u->r)) {
			aside(f, f->name.p, reader_why(u->r));
			f->told |= bundle_failed(f->b);
		}
		s->n.holes += r == 0 ? reader_offset(u->r) : 0;
		return 0;
	}
	if (bundle_unread(u->id.first, u->id.first_n) != NULL ||
	    bundle_is(u->id.first, u->id.first_n)) {
		aside(f, f->name.p, "an archive in an archive; not read");
		return 0;
	}
	u->t = (struct tail_file){ .name = f->name.p,
		.reader = u->r,
		.fd = -1,
		.packed = true,
		.id = &u->id,
		.format = sweep_format(s, &u->id),
		.src_file = { f->src.p + 1, f->src.n - 2 },
		.dir = STR(""),
		.stat = "",
		.gen = s->ledger->gen,
		.final = true,
		.positions = true };
	return 1;
}

/* The entries of the member, as they are; NULL for a stream without. */
static void
entries(const struct backfill *f, const struct unit *u, struct ledger_entry *n[2])
{
	static const char *const ending[] = { "/o", "/e" };
	bool raw = u->t.format == FRAME_RAW;
	char id[IDENTITY_ID_MAX + 4];

	n[0] = n[1] = NULL;
	for (int i = 0; i < (raw ? 1 : 2); i++) {
		snprintf(id, sizeof id, "%s%s", u->id.id, raw ? "" : ending[i]);
		n[i] = ledger_find(f->s->ledger, str_of(id));
	}
}

static void
look_up(const struct backfill *f, struct unit *u)
{
	struct ledger_entry *n[2];
	uint64_t end[2];

	entries(f, u, n);
	for (int i = 0; i < 2; i++)
		end[i] = n[i] != NULL && n[i]->end > u->id.hole ? n[i]->end : u->id.hole;
	u->from = u->t.format != FRAME_RAW && end[1] < end[0] ? end[1] : end[0];
}

static void
met(const struct backfill *f, const struct unit *u)
{
	struct ledger_entry *n[2];

	entries(f, u, n);
	for (int i = 0; i < 2; i++)
		if (n[i] != NULL)
			n[i]->seen = true;
}

static enum identity_found
find_out(struct backfill *f, struct unit *u, struct err *e)
{
	struct str twin = STR("");

	if (f->twin.n > 2 && !f->twin.failed)
		twin = (struct str){ f->twin.p + 1, f->twin.n - 2 };
	return identity_match_forward(&u->id, f->s->ledger, u->r,
	    u->t.format == FRAME_RAW, u->t.src_file, twin, f->name.p, e);
}

/* 1; 0: the ledger has no room for it; -1. */
static int
claim(struct backfill *f, struct unit *u, struct str path, struct err *e)
{
	uint64_t hole;
	int r = claim_ids(f->s->ledger, &u->id, &u->t, NULL, path, &hole, e);

	if (r < 0)
		return -1;
	if (r > 0)
		sweep_full(f->s, e);
	else if (path.n > 0)
		f->s->n.holes += hole;
	return r == 0;
}

/* Which log is it, where does it go on, and is there more?  1: read it, the reader is there;
 * 0: not, or not in this pass; -1. */
static int
decide(struct backfill *f, struct unit *u, const struct bundle_member *m,
    const char *known, struct err *e)
{
	enum identity_found found = IDENTITY_KNOWN;
	uint64_t sum;
	int there, r;

	if (*known != '\0')
		snprintf(u->id.id, sizeof u->id.id, "%s", known);
	else
		found = find_out(f, u, e);
	if (found == IDENTITY_PENDING)
		return add_again(f, m->index, "", e);
	if (found == IDENTITY_FAILED) {
		aside(f, f->name.p, e->text);
		return 0;
	}
	if (found != IDENTITY_STUB) {
		look_up(f, u);
		if (u->id.window_at != u->from || reader_offset(u->r) != u->from) {
			uint64_t back =
			    u->from < IDENTITY_WINDOW ? u->from : IDENTITY_WINDOW;

			back = u->from == u->id.hole ? 0 : back;
			if (!reader_reaches(u->r, u->from - back))
				return (r = claim(f, u, STR(""), e)) <= 0
					   ? r
					   : add_again(f, m->index, u->id.id, e);
			there = u->from == u->id.hole
				    ? reader_seek(u->r, u->from, f->name.p, e)
				    : identity_window(
					  &u->id, u->r, u->from, &sum, f->name.p, e);
			if (there < 0)
				return -1;
			found = there == 0 ? IDENTITY_STUB : found;
		}
	}
	if (found == IDENTITY_STUB) {
		note(f, "ends before what is read of its log; not read again");
		f->s->n.waiting++;
		return 0;
	}
	return 1;
}

static int
read_unit(struct backfill *f, struct unit *u, struct err *e)
{
	struct sweep *s = f->s;
	int r;

	if ((r = claim(f, u, STR("\001"), e)) <= 0)
		return r;
	s->n.files++;
	f->new = true;
	if ((r = tail_read(&s->tail, &u->t, e)) < 0 ||
	    claim_remember(s->ledger, &u->id, &u->t, s->now) < 0)
		return -1;
	if (r > 0)
		aside(f, f->name.p, e->text);
	if (reader_corrupt(u->r)) {
		aside(f, f->name.p, reader_why(u->r));
		f->told |= bundle_failed(f->b);
	}
	return 0;
}

static int
list_unit(struct backfill *f, struct unit *u, struct err *e)
{
	struct sweep *s = f->s;
	struct listed w = { .file = f->name.p, .path = f->name.p, .state = "" };
	enum identity_found found = find_out(f, u, e);

	if (found == IDENTITY_FAILED) {
		aside(f, f->name.p, e->text);
		return 0;
	}
	w.id = u->id;
	w.format = u->t.format;
	if (found == IDENTITY_KNOWN)
		list_entry(s, &w);
	if (reader_seek(u->r, UINT64_MAX, f->name.p, e) < 0)
		return -1;
	w.size = reader_offset(u->r);
	w.state = found == IDENTITY_STUB ? "waiting" : list_state(&w);
	if (reader_corrupt(u->r)) {
		aside(f, f->name.p, reader_why(u->r));
		f->told |= bundle_failed(f->b);
		w.state = "unreadable";
	}
	return list_put(s, &w, e);
}

static int
one_member(struct backfill *f, const struct bundle_member *m, struct err *e)
{
	struct unit u = { .r = NULL };
	const char *known = "";
	int r;

	if (f->pass > 0) {
		if (f->now_at == f->now.n || f->now.list[f->now_at].index != m->index)
			return 0;
		known = f->now.list[f->now_at++].id;
		make_names(f, m->name, m->link);
	} else if (!wanted(f, m)) {
		return 0;
	}
	if ((r = open_unit(f, &u, e)) <= 0)
		return r;
	if (f->list)
		return list_unit(f, &u, e);
	if ((r = decide(f, &u, m, known, e)) <= 0)
		return r;
	if ((r = reader_more(u.r, f->name.p, e)) < 0)
		return -1;
	if (r == 0) {
		met(f, &u);
		f->s->n.unchanged++;
		if (reader_corrupt(u.r)) {
			aside(f, f->name.p, reader_why(u.r));
			f->told |= bundle_failed(f->b);
		}
		return 0;
	}
	return read_unit(f, &u, e);
}

/* The _error record of an archive that is damaged between its members. */
static int
write_damage(struct backfill *f, struct err *e)
{
	struct ndjson_out *o = f->s->tail.out;
	uint64_t *replaced = &f->s->tail.n.replaced;
	const char *why = bundle_why(f->b);

	NDJSON_LIT(o, "{\"log\":\"\",\"_error\":{\"by\":\"logtail\",\"why\":\"");
	ndjson_text(o, f->a->shown, strlen(f->a->shown), replaced);
	NDJSON_LIT(o, ": ");
	ndjson_text(o, why, strlen(why), replaced);
	if (f->name.n > 0) {
		NDJSON_LIT(o, "; what is behind the member ");
		ndjson_text(o, f->name.p, f->name.n, replaced);
		NDJSON_LIT(o, " is not read");
	}
	NDJSON_LIT(o, "\"}}\n");
	f->s->tail.n.lines++;
	f->s->tail.n.rejected++;
	return ndjson_end(o, e);
}

static int
tell_damage(struct backfill *f, struct err *e)
{
	bool record = !f->list && !f->told && (f->new || !f->s->stateful);

	if (f->pass > 0 || f->told)
		return 0;
	f->told = true;
	if (bundle_cut(f->b)) {
		aside(f, f->a->shown,
		    "it ends too early, or is still being written; read as far as it "
		    "goes");
		return 0;
	}
	aside(f, f->a->shown, bundle_why(f->b));
	return record ? write_damage(f, e) : 0;
}

static bool
stopped(const struct sweep *s)
{
	return s->tail.stop != NULL && *s->tail.stop != 0;
}

/* Once over the archive.  0; -1. */
static int
one_pass(struct backfill *f, struct err *e)
{
	struct sweep *s = f->s;
	struct bundle_member m;
	int r, bad = 0;

	if ((f->b = bundle_open(f->fd, f->a->shown, s->expand, f->growing, e)) == NULL) {
		s->n.unreadable++;
		s->warn(s->arg, e);
		return 0;
	}
	if (s->tick != NULL)
		bundle_tick(f->b, s->tick, s->arg);
	buf_clear(&f->name);
	while ((r = bundle_next(f->b, &m)) > 0 && bad == 0 && !stopped(s)) {
		bad = one_member(f, &m, e);
		if (f->pass > 0 && f->now_at == f->now.n)
			break;
	}
	if (bad == 0 && r < 0)
		bad = tell_damage(f, e);
	bundle_close(f->b);
	return bad;
}

static int
all_passes(struct backfill *f, struct err *e)
{
	for (f->pass = 0; f->pass < BACKFILL_PASSES; f->pass++) {
		f->now_at = f->next.n = 0;
		if (one_pass(f, e) < 0)
			return -1;
		if (f->next.n == 0 || stopped(f->s))
			return 0;
		struct agains swap = f->now;

		f->now = f->next;
		f->next = swap;
	}
	aside(f, f->a->shown,
	    "too many of its members begin alike and differ then; some are not read");
	return 0;
}

static bool
left_alone(const struct sweep *s, const struct stat *st)
{
	int64_t mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;

	return s->now - mtime >= SWEEP_FINAL_AGE_S * 1000000000LL;
}

static int
one_archive(struct sweep *s, const struct sweep_bundle *a, bool list, struct err *e)
{
	struct backfill f = { .s = s, .a = a, .list = list };
	struct stat st;
	int r = 0;

	if ((f.fd = sweep_open_again(a->path, a->stat, &st)) < 0) {
		if (errno == ENOENT || errno == EACCES)
			err_sys(e, a->path);
		else
			err_set(e, ST_ASIDE,
			    "%s: no longer the archive that was found; not read",
			    a->path);
		s->n.unreadable++;
		s->warn(s->arg, e);
	} else {
		f.growing = s->stateful && !left_alone(s, &st);
		buf_init(&f.name, NAME_TEXT_MAX);
		buf_init(&f.src, NAME_TEXT_MAX);
		buf_init(&f.twin, NAME_TEXT_MAX);
		s->n.archives++;
		r = all_passes(&f, e);
		buf_done(&f.name);
		buf_done(&f.src);
		buf_done(&f.twin);
		free(f.now.list);
		free(f.next.list);
	}
	if (f.fd >= 0)
		close(f.fd);
	return r;
}

int
backfill_take(struct sweep *s, const struct family *f, const struct member *m,
    const struct identity *id, bool *taken, struct err *e)
{
	const char *slash = strrchr(f->shown, '/');
	struct sweep_bundle *p;
	struct buf shown, path;
	char stat[96];

	sweep_stat(&m->st, stat);
	*taken = bundle_is(id->first, id->first_n);
	if (!*taken)
		return 0;
	/* X.tar was named: X.tar.gz beside it is another archive, not a rotated sibling */
	if (!f->walked && f->only == NULL && !m->live)
		return 0;
	for (size_t i = 0; i < s->bundles; i++)
		if (strcmp(s->bundle[i].stat, stat) == 0)
			return 0;
	buf_init(&shown, 2 * PATH_MAX);
	buf_init(&path, 2 * PATH_MAX);
	buf_add(&shown, f->shown,
	    m->live || f->only != NULL ? strlen(f->shown)
	    : slash != NULL            ? (size_t)(slash - f->shown) + 1
				       : 0);
	if (!m->live && f->only == NULL)
		buf_adds(&shown, m->name);
	buf_printf(&path, "%s/%s", f->dir, m->name);
	p = realloc(s->bundle, (s->bundles + 1) * sizeof *p);
	if (p != NULL) {
		s->bundle = p;
		p += s->bundles;
		*p = (struct sweep_bundle){ buf_take(&shown), buf_take(&path),
			strdup(stat), false };
		s->bundles++;
		if (p->shown != NULL && p->path != NULL && p->stat != NULL)
			return 0;
	}
	buf_done(&shown);
	buf_done(&path);
	return err_set(e, ST_FAIL, "out of memory");
}

int
backfill_all(struct sweep *s, bool list, struct err *e)
{
	for (size_t i = 0; i < s->bundles && !stopped(s); i++) {
		if (!s->bundle[i].done && one_archive(s, &s->bundle[i], list, e) < 0)
			return -1;
		s->bundle[i].done = true;
	}
	return 0;
}

void
backfill_done(struct sweep *s)
{
	for (size_t i = 0; i < s->bundles; i++) {
		free(s->bundle[i].shown);
		free(s->bundle[i].path);
		free(s->bundle[i].stat);
	}
	free(s->bundle);
	s->bundle = NULL;
	s->bundles = 0;
}
