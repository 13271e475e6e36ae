#include "batch/position.h"
#include "base/err.h"
#include "record/jscan.h"

#include <stdlib.h>

int
positions_init(struct positions *ps, struct err *e)
{
	*ps = (struct positions){ .cap = 256, .most = POSITIONS_BYTES, .epoch = 1 };
	if ((ps->slot = calloc(ps->cap, sizeof(struct position *))) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	return 0;
}

static void
texts_done(struct position_now *a, struct position_now *b)
{
	free(a->stat);
	if (b->stat != a->stat)
		free(b->stat);
	free(a->dir);
	if (b->dir != a->dir)
		free(b->dir);
}

void
positions_done(struct positions *ps)
{
	struct position *p;
	size_t at = 0;

	for (p = positions_next(ps, &at); p != NULL;) {
		struct position *after = positions_next(ps, &at);

		texts_done(&p->now, &p->sure);
		free(p->id);
		free(p->file);
		free(p);
		p = after;
	}
	free(ps->slot);
	*ps = (struct positions){ 0 };
}

struct position *
positions_next(const struct positions *ps, size_t *at)
{
	while (*at < ps->cap)
		if (ps->slot[(*at)++] != NULL)
			return ps->slot[*at - 1];
	return NULL;
}

static size_t
place(const struct positions *ps, struct str id)
{
	uint64_t h = 0xcbf29ce484222325;
	size_t i;

	for (size_t k = 0; k < id.n; k++)
		h = (h ^ (unsigned char)id.p[k]) * 0x100000001b3;
	for (i = (h ^ h >> 32) & (ps->cap - 1); ps->slot[i] != NULL;
	     i = (i + 1) & (ps->cap - 1))
		if (str_eq(str_of(ps->slot[i]->id), id))
			break;
	return i;
}

static int
grow(struct positions *ps)
{
	struct positions bigger = *ps;
	struct position *p;
	size_t at = 0;

	bigger.cap = 4 * ps->cap;
	if ((bigger.slot = calloc(bigger.cap, sizeof(struct position *))) == NULL)
		return -1;
	while ((p = positions_next(ps, &at)) != NULL)
		bigger.slot[place(&bigger, str_of(p->id))] = p;
	free(ps->slot);
	*ps = bigger;
	return 0;
}

static char *
copy(struct str s)
{
	char *p = malloc(s.n + 1);

	if (p != NULL) {
		memcpy(p, s.p, s.n);
		p[s.n] = '\0';
	}
	return p;
}

/* What a position takes, but for the copies of a mark's texts that are kept to roll back. */
static size_t
size_of(const struct position *p)
{
	return sizeof *p + 64 + strlen(p->id) + strlen(p->file) +
	       (p->now.stat != NULL ? strlen(p->now.stat) : 0) +
	       (p->now.dir != NULL ? strlen(p->now.dir) : 0);
}

static int
too_many(const struct positions *ps, struct err *e)
{
	return err_set(e, ST_FAIL,
	    "the names and positions of %zu logs take more than %zu MiB; archive them in "
	    "several runs",
	    ps->n, ps->most >> 20);
}

static struct position *
position_new(const struct src *src)
{
	struct position *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->id = copy(src->id);
	p->file = copy(src->file);
	p->gen = src->gen;
	if (p->id != NULL && p->file != NULL)
		return p;
	free(p->id);
	free(p->file);
	free(p);
	return NULL;
}

struct position *
positions_get(struct positions *ps, const struct src *src, struct err *e)
{
	struct position *p;
	size_t i = place(ps, src->id);

	if ((p = ps->slot[i]) != NULL) {
		/* of two sweeps in one stream the older view counts */
		p->gen = src->gen < p->gen ? src->gen : p->gen;
		return p;
	}
	if (ps->bytes > ps->most) {
		too_many(ps, e);
		return NULL;
	}
	if ((2 * (ps->n + 1) > ps->cap && grow(ps) < 0) ||
	    (p = position_new(src)) == NULL) {
		err_set(e, ST_FAIL, "out of memory");
		return NULL;
	}
	ps->slot[place(ps, src->id)] = p;
	ps->n++;
	ps->bytes += size_of(p);
	return p;
}

/* The first touch in an epoch keeps what was before it. */
static void
touch(struct positions *ps, struct position *p)
{
	p->touched = true;
	if (p->epoch == ps->epoch)
		return;
	if (p->sure.stat != p->now.stat)
		free(p->sure.stat);
	if (p->sure.dir != p->now.dir)
		free(p->sure.dir);
	p->sure = p->now;
	p->epoch = ps->epoch;
}

static int
move_to(struct position *p, uint64_t end, struct err *e)
{
	if (p->started && end < p->now.end)
		return err_set(e, ST_FAIL,
		    "%.200s: position %llu after %llu: records of one file must keep "
		    "their order",
		    p->file, (unsigned long long)end, (unsigned long long)p->now.end);
	if (end > p->now.end) {
		p->now.start = p->now.end;
		p->now.end = end;
	}
	return 0;
}

static void
open_up(struct positions *ps, struct position *p)
{
	if (!p->open) {
		p->open = true;
		ps->open++;
	}
}

int
positions_record(struct positions *ps, struct position *p, uint64_t end, struct err *e)
{
	touch(ps, p);
	if (move_to(p, end, e) < 0)
		return -1;
	if (!p->started) {
		p->started = true;
		p->began = end;
		ps->unmarked++;
	}
	p->closed = false;
	if (p->marked)
		open_up(ps, p);
	return 0;
}

void
positions_hold(struct positions *ps)
{
	struct position *p;
	size_t at = 0;

	if (ps->held)
		return;
	ps->held = true;
	while ((p = positions_next(ps, &at)) != NULL)
		if (p->marked && !p->closed) {
			touch(ps, p);
			open_up(ps, p);
		}
}

/* 16 hex digits, perhaps a number, perhaps a stream. */
static bool
valid_id(struct str id)
{
	const char *p = id.p, *end = id.p + id.n;
	size_t digits = 0;

	for (; p < end && ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f')); p++)
		digits++;
	if (digits != 16)
		return false;
	if (p < end && *p == '.') {
		for (digits = 0, p++; p < end && *p >= '0' && *p <= '9'; p++)
			digits++;
		if (digits == 0 || digits > 9)
			return false;
	}
	if (end - p == 2 && *p == '/' && (p[1] == 'o' || p[1] == 'e'))
		p += 2;
	return p == end;
}

bool
positions_valid(const struct src *src, const char **why)
{
	*why = "_src.id is not one of logtail's";
	if (!valid_id(src->id))
		return false;
	*why = "_src.file is not valid";
	return jscan_string_valid(src->file.p, src->file.p + src->file.n + 1) ==
	       src->file.p + src->file.n;
}

static uint64_t
number(struct str v, int base)
{
	char digits[24] = "";

	if (v.n < sizeof digits)
		memcpy(digits, v.p, v.n);
	return strtoull(digits, NULL, base);
}

static int
set_text(char **now, const char *sure, struct str value)
{
	char *p = copy(value);

	if (p == NULL)
		return -1;
	if (*now != sure)
		free(*now);
	*now = p;
	return 0;
}

static struct str
inside(struct str v)
{
	return v.n >= 2 && *v.p == '"' ? (struct str){ v.p + 1, v.n - 2 } : STR("");
}

static int
take_members(struct position *p, struct str src)
{
	struct position_now *n = &p->now;
	struct jscan it;
	struct jscan_member m;
	bool live = false, final = false;
	int r = 0;

	p->closed = false;
	jscan_begin(&it, src);
	while (jscan_next(&it, &m)) {
		if (str_eq(m.key, STR("at")))
			n->at = number(m.value, 10);
		else if (str_eq(m.key, STR("sum")))
			n->sum = number(inside(m.value), 16), n->has_window = true;
		else if (str_eq(m.key, STR("size")))
			n->size = number(m.value, 10);
		else if (str_eq(m.key, STR("stat")))
			r |= set_text(&n->stat, p->sure.stat, inside(m.value)),
			    p->closed = true;
		else if (str_eq(m.key, STR("dir")))
			r |= set_text(&n->dir, p->sure.dir, inside(m.value));
		else if (str_eq(m.key, STR("live")))
			live = str_eq(m.value, STR("true"));
		else if (str_eq(m.key, STR("final")))
			final = str_eq(m.value, STR("true"));
		else if (str_eq(m.key, STR("gone")))
			n->gone = str_eq(m.value, STR("true"));
	}
	if (p->closed) {
		/* marks in between do not say these, and what was known stands */
		n->closed_whole = true;
		n->live = live;
		n->final = final;
	}
	p->closed |= n->gone;
	return r;
}

int
positions_mark(
    struct positions *ps, struct position *p, const struct record *r, struct err *e)
{
	bool opening = !p->started;
	size_t was = size_of(p);

	ps->held = false;
	touch(ps, p);
	if (move_to(p, r->src.end, e) < 0)
		return -1;
	if (opening) {
		p->started = p->marked = true;
		p->began = p->now.start = r->src.end;
	}
	if (take_members(p, r->src_raw) < 0)
		return err_set(e, ST_FAIL, "out of memory");
	ps->bytes += size_of(p) - was;
	if (ps->bytes > ps->most)
		return too_many(ps, e);
	if (p->now.gone && !p->marked) {
		/* nothing more comes: it need not be closed by the end */
		p->marked = true;
		ps->unmarked--;
	}
	if (p->open) {
		p->open = false;
		ps->open--;
	}
	if (ps->open == 0)
		ps->epoch++;
	return 0;
}

/* Take a position out of the table, which has to close the hole that it leaves. */
static void
drop(struct positions *ps, size_t i)
{
	struct position *p = ps->slot[i];

	ps->bytes -= size_of(p);
	texts_done(&p->now, &p->sure);
	free(p->id);
	free(p->file);
	free(p);
	ps->slot[i] = NULL;
	ps->n--;
	for (i = (i + 1) & (ps->cap - 1); (p = ps->slot[i]) != NULL;
	     i = (i + 1) & (ps->cap - 1)) {
		ps->slot[i] = NULL;
		ps->slot[place(ps, str_of(p->id))] = p;
	}
}

void
positions_committed(struct positions *ps)
{
	for (size_t i = 0; i < ps->cap; i++) {
		struct position *p = ps->slot[i];

		while (p != NULL && p->now.gone) {
			drop(ps, i);
			p = ps->slot[i]; /* another may have moved here */
		}
		if (p == NULL)
			continue;
		p->began = p->now.end;
		p->touched = false;
	}
}

void
positions_roll_back(struct positions *ps)
{
	struct position *p;
	size_t at = 0;

	while ((p = positions_next(ps, &at)) != NULL) {
		if (p->epoch != ps->epoch)
			continue;
		ps->bytes -= size_of(p);
		if (p->now.stat != p->sure.stat)
			free(p->now.stat);
		if (p->now.dir != p->sure.dir)
			free(p->now.dir);
		p->now = p->sure;
		ps->bytes += size_of(p);
	}
}
