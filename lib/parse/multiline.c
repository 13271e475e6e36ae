#include "parse/multiline.h"
#include "base/clock.h"
#include "base/err.h"
#include "parse/unescape.h"
#include "record/jscan.h"
#include "record/kernels.h"
#include "record/ndjson.h"
#include "record/timestamp.h"

#include <stdlib.h>

enum {
	SPARES = 64,             /* groups kept for later, */
	SPARE_MEMORY = 64 << 10, /* each with no more memory than this */
};

void
multiline_init(struct multiline *m)
{
	*m = (struct multiline){ .key = STR("log"),
		.lines_max = MULTILINE_LINES,
		.bytes_max = MULTILINE_BYTES,
		.now = clock_now,
		.steady = clock_steady };
	record_reader_init(&m->reader);
	buf_init(&m->joined, 2 * NDJSON_LINE_MAX);
	buf_init(&m->plain, NDJSON_LINE_MAX + 4096);
}

static int
use_one(struct multiline *m, const char *name, const struct conf *conf, struct err *e)
{
	bool found;

	if (m->n == MULTILINE_NAMES)
		return err_set(
		    e, ST_USAGE, "--multiline: over %d names", MULTILINE_NAMES);
	m->rules[m->n] = mlrules_conf(conf, name, &found, e);
	if (!found)
		m->rules[m->n] = mlrules_open(name, e);
	if (m->rules[m->n] == NULL)
		return -1;
	m->rules[m->n++]->given_up = &m->counts.given_up;
	return 0;
}

int
multiline_use(
    struct multiline *m, const char *names, const struct conf *conf, struct err *e)
{
	char name[128];

	for (const char *p = names;; p++) {
		size_t n = strcspn(p, ",");

		if (n == 0 || n >= sizeof name)
			return err_set(e, ST_USAGE,
			    "--multiline: %.100s: names with commas between", names);
		memcpy(name, p, n);
		name[n] = '\0';
		if (use_one(m, name, conf, e) < 0)
			return -1;
		if (*(p += n) == '\0')
			return 0;
	}
}

int
multiline_limits(struct multiline *m, uint64_t lines, uint64_t bytes, struct err *e)
{
	if (lines == 0 || lines > UINT32_MAX)
		return err_set(e, ST_USAGE, "--multiline-lines: not 1 or more");
	if (bytes == 0 || bytes > MULTILINE_BYTES_MAX)
		return err_set(e, ST_USAGE, "--multiline-max: not 1 to %d bytes",
		    MULTILINE_BYTES_MAX);
	m->lines_max = lines;
	m->bytes_max = bytes;
	return 0;
}

static void
free_group(struct mlgroup *g)
{
	buf_done(&g->text);
	buf_done(&g->mark);
	free(g);
}

void
multiline_done(struct multiline *m)
{
	struct mlgroup *g;

	while ((g = m->oldest) != NULL) {
		m->oldest = g->newer;
		free_group(g);
	}
	while ((g = m->spare) != NULL) {
		m->spare = g->newer;
		free_group(g);
	}
	mlsources_done(&m->sources);
	for (size_t i = 0; i < m->n; i++)
		mlrules_free(m->rules[i]);
	record_reader_done(&m->reader);
	buf_done(&m->joined);
	buf_done(&m->plain);
	*m = (struct multiline){ 0 };
}

/* The source of a record or mark; NULL: it is not joined. */
static struct mlsource *
source_of(struct multiline *m, const struct record *r)
{
	struct mlsource *s = NULL;
	void **known = NULL;

	if (!r->has_src)
		return mlsources_get(
		    &m->sources, r->stream.n > 0 ? r->stream : STR("-"), false);
	if (r->slot < RECORD_SLOTS && m->from != NULL) {
		known = &m->from->slot[r->slot].user;
		s = *known;
	}
	if (s != NULL && mlsource_is(s, r->src.id, true))
		return s;
	s = mlsources_get(&m->sources, r->src.id, true);
	if (known != NULL)
		*known = s;
	return s;
}

/* Groups. */

static void
unlink_group(struct multiline *m, struct mlgroup *g)
{
	*(g->older != NULL ? &g->older->newer : &m->oldest) = g->newer;
	*(g->newer != NULL ? &g->newer->older : &m->newest) = g->older;
	m->open--;
	m->memory -= mlgroup_memory(g);
	g->source->group = NULL;
	if (m->spares == SPARES || mlgroup_memory(g) > SPARE_MEMORY) {
		free_group(g);
		return;
	}
	g->newer = m->spare;
	m->spare = g;
	m->spares++;
}

static struct mlgroup *
new_group(struct multiline *m, struct mlsource *s)
{
	struct mlgroup *g = m->spare;

	if (g != NULL) {
		m->spare = g->newer;
		m->spares--;
	} else {
		if ((g = calloc(1, sizeof *g)) == NULL)
			return NULL;
		buf_init(&g->text, 2 * NDJSON_LINE_MAX);
		buf_init(&g->mark, 2 * RECORD_SRC_MAX);
	}
	g->source = s;
	g->piece = 0;
	g->newer = NULL;
	g->older = m->newest;
	*(m->newest != NULL ? &m->newest->newer : &m->oldest) = g;
	m->newest = g;
	m->open++;
	m->memory += mlgroup_memory(g);
	s->group = g;
	return g;
}

/* Write what is in hand, and the mark that came after it. */
static void
write_out(struct multiline *m, struct mlgroup *g, bool last)
{
	struct record r;
	char *ahead;

	mlgroup_put(g, last, &m->joined);
	/* readers look ahead, and branch on it */
	if ((ahead = buf_room(&m->joined, 64 + UNESCAPE_SLACK)) != NULL)
		memset(ahead, 0, 64 + UNESCAPE_SLACK);
	if (m->joined.failed) {
		m->out->failed = true;
		return;
	}
	m->counts.groups += g->lines > 1;
	if (!record_read(&m->reader, (struct str){ m->joined.p, m->joined.n }, &r))
		r = (struct record){ .line = { m->joined.p, m->joined.n } };
	m->emit(m->arg, &r, g->lines);
	g->source->before = g->end;
	g->source->known = g->end_n > 0;
	if (g->mark.n > 0) {
		ndjson_add(m->out, g->mark.p, g->mark.n);
		g->source->before = g->mark_end;
	}
	g->mark.n = 0;
	g->lines = 0;
}

static void
close_group(struct multiline *m, struct mlgroup *g)
{
	if (g->lines > 0)
		write_out(m, g, true);
	unlink_group(m, g);
}

/* Written although more may come.  What does is on its own. */
static void
make_room(struct multiline *m, const struct mlgroup *but)
{
	struct mlgroup *g, *next;

	for (g = m->oldest;
	     g != NULL && (m->open > MULTILINE_OPEN || m->memory > MULTILINE_MEMORY);
	     g = next) {
		next = g->newer;
		if (g == but)
			continue;
		m->counts.early++;
		close_group(m, g);
	}
}

static int64_t
wait_of(const struct multiline *m, const struct mlgroup *g)
{
	return m->wait_ns > 0 || g->source->positions ? m->wait_ns : g->by->flush_ns;
}

static void
touch(struct multiline *m, struct mlgroup *g)
{
	g->touched = wait_of(m, g) > 0 ? m->steady() : 0;
}

/* A string of a record; false: there is none that can be joined. */
static bool
find_text(struct multiline *m, const struct record *r, struct str key, struct mltext *t)
{
	const char *from = NULL, *end, *limit = r->line.p + r->line.n;
	struct jscan_member found;
	unsigned flags;
	ptrdiff_t n;
	char *to;

	if (str_eq(key, STR("log")))
		from = r->log_at;
	else if (jscan_find(r->line, key, &found) && *found.value.p == '"')
		from = found.value.p + 1;
	if (from == NULL || from == r->time.p)
		return false;
	buf_clear(&m->plain);
	if ((to = buf_room(&m->plain, (size_t)(limit - from) + UNESCAPE_SLACK)) == NULL)
		return false;
	t->raw.p = end = from;
	t->plain.p = to;
	if ((to = unescape(to, &end, limit, &flags)) != NULL) {
		t->plain.n = (size_t)(to - t->plain.p);
		t->raw.n = (size_t)(end - from);
		return true;
	}
	/* half a pair of surrogates is no text, but the rest may well be a stack trace */
	if ((end = jscan_string_end(from, limit)) == NULL)
		return false;
	t->raw.n = (size_t)(end - from);
	n = jscan_unescape(t->raw, m->plain.p);
	t->plain.n = n < 0 ? 0 : (size_t)n;
	return n >= 0;
}

/* The same of the member `name`, or if that is NULL of the usual one, which is looked for
 * once in a record. */
static bool
text_of(struct multiline *m, const struct record *r, const char *name, struct mltext *t)
{
	if (name != NULL) {
		m->looked = false; /* its text is about to be written over */
		return find_text(m, r, str_of(name), t);
	}
	if (!m->looked) {
		m->looked = true;
		if (!find_text(m, r, m->key, &m->usual))
			m->usual.raw.p = NULL;
	}
	*t = m->usual;
	return t->raw.p != NULL;
}

/* The state that the record leads to from `state`, and what was found in it. */
static int
step(struct multiline *m, struct mlrules *by, unsigned state, const struct record *r,
    struct mlfound *f)
{
	struct mltext t;

	if (!text_of(m, r, by->content, &t))
		return MLRULES_NONE;
	f->log = f->tested = t.raw;
	if (by->tested != NULL) {
		if (!text_of(m, r, by->tested, &t))
			return MLRULES_NONE;
		f->tested = t.raw;
	}
	return mlrules_step(by, state, t.plain);
}

/* May the record be part of a group at all? */
static bool
is_whole(const struct record *r)
{
	struct jscan_member m;
	unsigned flags;

	return record_shape(r, &flags) &&
	       ((flags & SHAPE_ERROR_KEY) == 0 ||
		   !jscan_find(r->line, STR("_error"), &m)) &&
	       !jscan_find(r->line, STR("_part"), &m);
}

static bool
is_usual(const struct mlrules *by)
{
	return by->content == NULL && by->tested == NULL;
}

/* A line that begins a message by several rules (an exception's name does, in half of the
 * languages) is first taken for that of the first of them; the line behind it says which it is.
 * The state that `r` leads to by others of the rules, which then take the group. */
static int
other_rules(
    struct multiline *m, struct mlgroup *g, const struct record *r, struct mlfound *f)
{
	struct str line = { g->text.p, g->text.n };
	struct record first;
	struct mlfound of_first;
	int state = MLRULES_NONE;
	size_t i = 0;

	if (g->lines != 1 || g->piece != 0 || !is_usual(g->by))
		return MLRULES_NONE;
	while (i < m->n && m->rules[i] != g->by)
		i++;
	while (state == MLRULES_NONE && ++i < m->n) {
		if (!is_usual(m->rules[i]) || !record_read(&m->reader, line, &first))
			continue;
		m->looked = false;
		state = step(m, m->rules[i], MLRULES_START, &first, &of_first);
		m->looked = false; /* it is not the text of `r` */
		if (state != MLRULES_NONE)
			state = step(m, m->rules[i], (unsigned)state, r, f);
	}
	if (state != MLRULES_NONE) {
		g->by = m->rules[i];
		g->glue = g->by->glue;
	}
	return state;
}

/* Does the group go on with this record?  Then it is joined. */
static bool
goes_on(struct multiline *m, struct mlgroup *g, const struct record *r)
{
	struct mlfound f;
	int state = step(m, g->by, g->state, r, &f);
	size_t before;
	bool joined;

	if (state == MLRULES_NONE)
		state = other_rules(m, g, r, &f);
	if (state == MLRULES_NONE || !is_whole(r) || !mlgroup_like(g, r, &f) ||
	    f.log.n > m->bytes_max)
		return false;
	before = mlgroup_memory(g);
	if (g->lines >= m->lines_max || mlgroup_bytes(g) + 2 + f.log.n > m->bytes_max) {
		g->piece += g->piece == 0;
		m->counts.cut++;
		write_out(m, g, false);
		g->piece++;
		joined = mlgroup_begin(g, r, &f);
	} else {
		joined = mlgroup_add(g, r, &f);
	}
	m->memory += mlgroup_memory(g) - before;
	if (!joined)
		return false;
	g->state = (unsigned)state;
	touch(m, g);
	if (!mlrules_leads(g->by, g->state))
		close_group(m, g);
	else
		make_room(m, g);
	return true;
}

/* Does a group begin with this record? */
static bool
begins(struct multiline *m, struct mlsource *s, const struct record *r)
{
	struct mlfound f;
	struct mlgroup *g;
	size_t before, i;
	int state = MLRULES_NONE;

	for (i = 0; i < m->n; i++)
		if ((state = step(m, m->rules[i], MLRULES_START, r, &f)) != MLRULES_NONE)
			break;
	if (state == MLRULES_NONE || !mlrules_leads(m->rules[i], (unsigned)state) ||
	    r->line.n > m->bytes_max || !is_whole(r) || (g = new_group(m, s)) == NULL)
		return false;
	before = mlgroup_memory(g);
	g->by = m->rules[i];
	g->glue = g->by->glue;
	g->state = (unsigned)state;
	if (!mlgroup_begin(g, r, &f) || /* readers look ahead: other_rules() */
	    buf_room(&g->text, 64 + UNESCAPE_SLACK) == NULL) {
		unlink_group(m, g);
		return false;
	}
	m->memory += mlgroup_memory(g) - before;
	touch(m, g);
	make_room(m, g);
	return true;
}

enum multiline_did
multiline_record(struct multiline *m, const struct record *r)
{
	struct mlsource *s = source_of(m, r);

	if (s == NULL)
		return MULTILINE_PASS;
	m->looked = false;
	if (s->group != NULL) {
		if (goes_on(m, s->group, r))
			return MULTILINE_HELD;
		close_group(m, s->group);
	}
	if (begins(m, s, r))
		return MULTILINE_HELD;
	s->before = r->src.end;
	s->known = r->has_src;
	return MULTILINE_PASS;
}

/* Marks. */

/* Is its last line so old, by its own time, that nothing more will come? */
static bool
is_old(const struct multiline *m, const struct mlgroup *g)
{
	int64_t ns;

	return m->wait_ns > 0 && g->time_n > 0 &&
	       timestamp_parse((struct str){ g->time, g->time_n }, &ns) &&
	       m->now() - ns >= m->wait_ns;
}

static void
hold_mark(struct multiline *m, struct mlgroup *g, const struct record *r)
{
	size_t before = mlgroup_memory(g);

	buf_clear(&g->mark);
	buf_addstr(&g->mark, r->line);
	buf_addc(&g->mark, '\n');
	g->mark_end = r->src.end;
	if (g->mark.failed)
		buf_clear(&g->mark); /* it is not needed; another will come */
	g->closing = mlgroup_mark_says(r, STR("stat"), NULL);
	m->memory += mlgroup_memory(g) - before;
	if (g->source->known)
		mlgroup_put_mark(r, g->source->before, m->out);
}

/* Does the mark say that the group is at its end?  One of which a piece is written already
 * cannot be read again whole. */
static bool
nothing_more(const struct multiline *m, const struct mlgroup *g, const struct record *r)
{
	return r->src.end < g->end || mlgroup_mark_says(r, STR("final"), "true") ||
	       mlgroup_mark_says(r, STR("gone"), "true") ||
	       (mlgroup_mark_says(r, STR("stat"), NULL) &&
		   (g->piece > 0 || is_old(m, g)));
}

void
multiline_mark(struct multiline *m, const struct record *r)
{
	struct mlsource *s = source_of(m, r);
	struct mlgroup *g = s != NULL ? s->group : NULL;

	if (s != NULL)
		s->marked = true;
	if (g != NULL && nothing_more(m, g, r)) {
		g->mark.n = 0; /* this one says more */
		close_group(m, g);
		g = NULL;
	}
	if (g != NULL) {
		hold_mark(m, g, r);
		make_room(m, g);
		return;
	}
	record_pass(m->out, r);
	if (s == NULL)
		return;
	s->before = r->src.end;
	s->known = true;
	if (mlgroup_mark_says(r, STR("stat"), NULL))
		mlsources_forget(
		    &m->sources, s); /* the next that comes for it is an opening mark */
}

void
multiline_idle(struct multiline *m, bool quiet)
{
	int64_t now = m->open > 0 ? m->steady() : 0;
	struct mlgroup *g, *next;

	for (g = m->oldest; g != NULL; g = next) {
		int64_t wait = wait_of(m, g);
		bool may = g->closing || !g->source->marked;

		next = g->newer;
		if (may && (quiet || g->closing) && wait > 0 && now - g->touched >= wait)
			close_group(m, g);
	}
}

void
multiline_finish(struct multiline *m)
{
	struct mlgroup *g, *next;

	for (g = m->oldest; g != NULL; g = next) {
		next = g->newer;
		if (!g->source->positions || !g->source->marked || g->piece > 0 ||
		    (g->closing && is_old(m, g)))
			close_group(m, g);
		else
			unlink_group(m, g);
	}
}
