#include "parse/graft.h"
#include "base/err.h"
#include "parse/unescape.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/kernels.h"
#include "record/ndjson.h"
#include "record/timestamp.h"

static const struct str reserved[] = {
	{ "_src", 4 },
	{ "time", 4 },
	{ "stream", 6 },
	{ "log", 3 },
	{ "attrs", 5 },
	{ "kubernetes", 10 },
	{ "_error", 6 },
};
enum { RESERVED = sizeof reserved / sizeof *reserved };
static const uint32_t ALWAYS = UINT32_MAX;

/* Where the message stands in its record. */
struct site {
	struct str line;
	const char
	    *key; /* the opening quote of its member's name; NULL: there is no message */
	const char *raw; /* the first byte inside its string */
	const char *end; /* the closing quote */
	bool taken;      /* the record has `into` already */
	bool alone;      /* the record's other members are _src, time and stream */
	struct str time; /* the value of `time`; p = NULL: there is none */
};

/* The set of names that a merge must not bring in twice. */

static struct graft_slot *
slot_of(struct graft *g, struct str name)
{
	uint32_t h = 2166136261;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619;
	for (h ^= h >> 16;; h++) {
		struct graft_slot *s = &g->slot[h % GRAFT_SLOTS];

		if ((s->round != g->round && s->round != ALWAYS) || str_eq(s->name, name))
			return s;
	}
}

/* false: it is there already. */
static bool
take_name(struct graft *g, struct str name, uint32_t round)
{
	struct graft_slot *s = slot_of(g, name);

	if (s->round == g->round || s->round == ALWAYS)
		return false;
	s->round = round;
	s->name = name;
	return true;
}

/* A key as it stands in the text: compared by what it means. */
static bool
take_key(struct graft *g, struct str raw)
{
	ptrdiff_t n;
	char *to;

	if (memchr(raw.p, '\\', raw.n) != NULL) {
		if ((to = buf_room(&g->names, raw.n)) == NULL ||
		    (n = jscan_unescape(raw, to)) < 0)
			return false;
		g->names.n += (size_t)n;
		raw = (struct str){ to, (size_t)n };
	}
	return take_name(g, raw, g->round);
}

static bool
take_members(struct graft *g, struct str object, bool record)
{
	struct jscan it;
	struct jscan_member m;
	unsigned n = 0;

	jscan_begin(&it, object);
	while (jscan_next(&it, &m))
		if (++n > GRAFT_MERGE_MAX || (!take_key(g, m.key) && !record))
			return false;
	return !it.bad;
}

/* Can all that was parsed go up beside the members of the record? */
static bool
may_lift(struct graft *g, const struct site *s)
{
	buf_clear(&g->names);
	/* escaped keys are kept here: it must not move while they are looked at */
	if (buf_room(&g->names, s->line.n + g->parsed.object.n) == NULL)
		return false;
	if (++g->round == ALWAYS)
		g->round = 1;
	if (!s->alone && !take_members(g, s->line, true))
		return false;
	if (g->parsed.object.n > 0)
		return take_members(g, g->parsed.object, false);
	if (g->parsed.fields > GRAFT_MERGE_MAX)
		return false;
	for (size_t i = 0; i < g->parsed.fields; i++)
		if (g->parsed.field[i].kind == FIELD_MEMBER
			? !take_key(g, g->parsed.field[i].name)
			: !take_name(g, g->parsed.field[i].name, g->round))
			return false;
	return true;
}

/* Is a raw key this name?  (An escape is at most six times as long as what it says.) */
static bool
key_is(struct str raw, struct str name)
{
	char plain[6 * GRAFT_KEY_MAX];
	ptrdiff_t n;

	if (raw.n == name.n || memchr(raw.p, '\\', raw.n) == NULL)
		return str_eq(raw, name);
	if (raw.n > sizeof plain || (n = jscan_unescape(raw, plain)) < 0)
		return false;
	return str_eq((struct str){ plain, (size_t)n }, name);
}

/* The message and `into` among the members; false: this is not JSON. */
static bool
survey(const struct graft *g, struct site *s)
{
	struct jscan it;
	struct jscan_member m;

	jscan_begin(&it, s->line);
	while (jscan_next(&it, &m)) {
		s->taken |= key_is(m.key, g->into);
		if (s->time.p == NULL && key_is(m.key, STR("time")))
			s->time = m.value;
		if (s->key == NULL && *m.value.p == '"' && key_is(m.key, g->key)) {
			s->key = m.key.p - 1;
			s->raw = m.value.p + 1;
		}
	}
	return !it.bad;
}

/* {"_src":...,"time":"...","stream":"...","log":" and nothing in between? */
static bool
as_logtail_writes(const struct record *r)
{
	return r->rest.p != NULL && r->log_key != NULL && r->time.p == r->rest.p + 8 &&
	       r->stream.p == r->time.p + r->time.n + 12 &&
	       r->log_key == r->stream.p + r->stream.n + 2;
}

/* How the record will be put together. */
struct plan {
	bool lift, keep;
	struct str head, tail; /* of the line, before and after what is new */
	size_t lead;           /* bytes of ,"into": between them */
	/* A new time for `old` bytes of the line, in head or tail; from = NULL: the old one
	 * stays. */
	struct {
		const char *from;
		size_t old;
		char text[TIMESTAMP_MAX + 16];
		size_t n;
	} time;
};

/* "time":"...", where a record that has none wants it, or its value. */
static void
plan_time(
    const struct graft *g, const struct site *s, const struct record *r, struct plan *p)
{
	char *to = p->time.text;

	p->time.from = s->time.p;
	p->time.old = s->time.n;
	if (s->time.p == NULL) {
		p->time.from = r->rest.p != NULL ? r->rest.p : s->line.p;
		while (r->rest.p == NULL && *p->time.from++ != '{')
			;
		p->time.old = 0;
		to = stpcpy(to, "\"time\":");
	}
	*to++ = '"';
	to += timestamp_format(g->parsed.time_ns, to);
	*to++ = '"';
	if (s->time.p == NULL)
		*to++ = ',';
	p->time.n = (size_t)(to - p->time.text);
}

/* Word by word: made as one struct it is cleared with all of time.text, and copied. */
static void
plan_for(const struct graft *g, const struct site *s, const struct record *r, bool keep,
    bool lift, struct plan *p)
{
	const char *stop = s->line.p + s->line.n, *cut = keep ? s->end + 1 : s->key;

	p->keep = keep;
	p->lift = lift;
	p->lead = keep + (lift ? 0 : g->lead.n);
	p->head.p = s->line.p;
	p->head.n = (size_t)(cut - s->line.p);
	p->tail.p = s->end + 1;
	p->tail.n = (size_t)(stop - s->end - 1);
	p->time.from = NULL;
	p->time.old = p->time.n = 0;
	if (g->parsed.timed == TIME_READ)
		plan_time(g, s, r, p);
}

/* Does the new time go into this part of the line? */
static bool
has_time(const struct plan *p, struct str part)
{
	return p->time.from != NULL && p->time.from >= part.p &&
	       p->time.from + p->time.old <= part.p + part.n;
}

static size_t
part_size(const struct plan *p, struct str part)
{
	return part.n + (has_time(p, part) ? p->time.n - p->time.old : 0);
}

static char *
put_part(const struct plan *p, struct str part, char *to)
{
	size_t before;

	if (!has_time(p, part))
		return mempcpy(to, part.p, part.n);
	before = (size_t)(p->time.from - part.p);
	to = mempcpy(to, part.p, before);
	to = mempcpy(to, p->time.text, p->time.n);
	before += p->time.old;
	return mempcpy(to, part.p + before, part.n - before);
}

static char *
put_head(const struct graft *g, const struct plan *p, char *to)
{
	to = put_part(p, p->head, to);
	if (p->keep)
		*to++ = ',';
	return p->lift ? to : mempcpy(to, g->lead.p, g->lead.n);
}

/* The object is in the output's room already, as a rule where it is to stay.  false: the
 * line would be too long. */
static bool
put_object(const struct graft *g, const struct plan *p, struct ndjson_out *o)
{
	struct str object = g->parsed.object;
	size_t head = part_size(p, p->head), tail = part_size(p, p->tail);
	char *base = o->buf + o->n, *at;

	if (p->lift) {
		object.p++;
		object.n -= 2;
	}
	if (head + p->lead + object.n + tail > NDJSON_LINE_MAX)
		return false;
	/* one that was written anew is elsewhere, and may be longer */
	if ((object.p < o->buf || object.p >= o->buf + o->cap) &&
	    (base = ndjson_room(o, head + p->lead + object.n + tail + 1)) == NULL)
		return false;
	at = base + head + p->lead;
	if (at != object.p)
		memmove(at, object.p, object.n);
	put_head(g, p, base);
	at = put_part(p, p->tail, at + object.n);
	*at++ = '\n';
	o->n = (size_t)(at - o->buf);
	return true;
}

static void
put_member(struct ndjson_out *o, const struct parsed_field *f)
{
	uint64_t none = 0;

	NDJSON_LIT(o, "\"");
	if (f->kind == FIELD_MEMBER)
		ndjson_add(o, f->name.p, f->name.n);
	else
		ndjson_text(o, f->name.p, f->name.n, &none);
	if (f->kind != FIELD_TEXT) {
		NDJSON_LIT(o, "\":");
		ndjson_add(o, f->value.p, f->value.n);
		return;
	}
	NDJSON_LIT(o, "\":\"");
	ndjson_text(o, f->value.p, f->value.n, &none);
	NDJSON_LIT(o, "\"");
}

static bool
put_fields(const struct graft *g, const struct plan *p, struct ndjson_out *o)
{
	size_t before = o->n;

	/* the room was asked for */
	o->n = (size_t)(put_head(g, p, o->buf + o->n) - o->buf);
	if (!p->lift)
		NDJSON_LIT(o, "{");
	for (size_t i = 0; i < g->parsed.fields && o->n - before <= NDJSON_LINE_MAX;
	     i++) {
		if (i > 0)
			NDJSON_LIT(o, ",");
		put_member(o, &g->parsed.field[i]);
	}
	if (!p->lift)
		NDJSON_LIT(o, "}");
	if (ndjson_room(o, p->tail.n + sizeof p->time.text) != NULL)
		o->n = (size_t)(put_part(p, p->tail, o->buf + o->n) - o->buf);
	NDJSON_LIT(o, "\n");
	if (o->n - before <= NDJSON_LINE_MAX + 1)
		return true;
	o->n = before;
	return false;
}

static bool
is_empty(const struct parsed *p)
{
	struct jscan it;
	struct jscan_member m;

	if (p->object.n == 0)
		return p->fields == 0;
	jscan_begin(&it, p->object);
	return !jscan_next(&it, &m);
}

static enum grafted
pass(struct graft *g, const struct record *r, struct ndjson_out *o)
{
	g->without++;
	record_pass(o, r);
	return GRAFT_WRITTEN;
}

/* A parser fits: write the record with what it found, or as it came. */
static enum grafted
graft(struct graft *g, const struct site *s, const struct record *r, struct ndjson_out *o)
{
	bool keep = g->keep == KEEP_YES || (g->keep == KEEP_AUTO && !g->parsed.by->whole);
	bool lift = g->merge && !is_empty(&g->parsed), clash = lift && !may_lift(g, s);
	struct plan p;

	plan_for(g, s, r, keep, lift && !clash, &p);
	if (s->taken && !p.lift)
		g->clashes++;
	else if (g->parsed.object.n > 0 ? put_object(g, &p, o) : put_fields(g, &p, o)) {
		g->clashes += clash;
		g->times += p.time.from != NULL;
		g->times_ambiguous += g->parsed.ambiguous;
		g->with++;
		return GRAFT_WRITTEN;
	}
	return pass(g, r, o);
}

/* The message's place in the record; false: this is not JSON. */
static bool
find_site(const struct graft *g, const struct record *r, struct site *s)
{
	*s = (struct site){ .line = r->line };
	if (!as_logtail_writes(r) || !str_eq(g->key, STR("log")))
		return survey(g, s);
	s->key = r->log_key;
	s->raw = r->log_at;
	s->time = (struct str){ r->time.p - 1, r->time.n + 2 };
	s->alone = true; /* until its end is known */
	return true;
}

/* The parsers' answer, with an object where put_object() will most likely want it. */
static enum parser_fit
parse(struct graft *g, struct parser *const *chain, size_t n, struct site *s,
    struct ndjson_out *o)
{
	struct message m = { .raw = s->raw,
		.limit = s->line.p + s->line.n,
		.time = s->time.n > 2 ? (struct str){ s->time.p + 1, s->time.n - 2 }
				      : (struct str){ 0 },
		.keep_twice = g->keep_twice,
		.scratch = &g->scratch };
	const char *cut = s->key;
	enum parser_fit fit;

	if (g->keep == KEEP_YES) {
		if ((m.end = jscan_string_end(s->raw, m.limit)) == NULL)
			return PARSER_NO;
		cut = m.end + 2; /* with a comma */
	}
	if ((m.place = ndjson_room(o, 2 * s->line.n + g->lead.n + UNESCAPE_SLACK +
					  TIMESTAMP_MAX + 16)) == NULL)
		return PARSER_NO;
	m.place += (size_t)(cut - s->line.p) + g->lead.n;
	fit = parser_first(chain, n, &m, &g->parsed);
	s->end = m.end;
	return fit;
}

/* Is there nothing in the line but what is known to be sound, and a message all of which the
 * parser has looked at? */
static bool
seen_whole(const struct graft *g, const struct record *r, const struct site *s)
{
	return r->sound != NULL && s->alone && g->parsed.object.n > 0 &&
	       s->end + 2 == s->line.p + s->line.n;
}

enum grafted
graft_record(struct graft *g, struct parser *const *chain, size_t n,
    const struct record *r, struct ndjson_out *o, const char **why)
{
	struct jscan_member error;
	struct site s;
	enum parser_fit fit = PARSER_NO;
	unsigned flags;

	if (!find_site(g, r, &s))
		return GRAFT_BAD;
	if (s.key != NULL)
		fit = parse(g, chain, n, &s, o);
	if (fit != PARSER_FITS || !seen_whole(g, r, &s)) {
		if (!record_shape(r, &flags))
			return GRAFT_BAD;
		if (s.key == NULL || ((flags & SHAPE_ERROR_KEY) != 0 &&
					 jscan_find(r->line, STR("_error"), &error)))
			return pass(g, r, o);
	}
	if (fit == PARSER_NO) {
		g->duplicates += g->parsed.left;
		if (!g->must_fit)
			return pass(g, r, o);
		*why = "no parser fits";
		return GRAFT_UNFIT;
	}
	if (fit == PARSER_FAILED) {
		*why = g->parsed.why;
		return GRAFT_FAILED;
	}
	g->duplicates += g->parsed.twice;
	g->times_unread += g->parsed.timed == TIME_UNREAD;
	g->times_range += g->parsed.range;
	g->times_far += g->parsed.far;
	if (g->look != NULL)
		g->look(&g->parsed, g->look_arg);
	if (s.alone && s.end + 2 != s.line.p + s.line.n) {
		s.alone = false;
		if (!survey(g, &s))
			return GRAFT_BAD;
	}
	return graft(g, &s, r, o);
}

int
graft_init(struct graft *g, const char *key, const char *into, struct err *e)
{
	struct str name = str_of(into);

	*g = (struct graft){ .key = str_of(key), .into = name, .round = 1 };
	buf_init(&g->lead, 8 * GRAFT_KEY_MAX);
	buf_init(&g->scratch, NDJSON_LINE_MAX + 4096);
	buf_init(&g->names, 2 * NDJSON_LINE_MAX + 4096);
	if (name.n == 0 || name.n > GRAFT_KEY_MAX || g->key.n == 0 ||
	    g->key.n > GRAFT_KEY_MAX)
		return err_set(e, ST_USAGE, "a key has 1 to %d bytes", GRAFT_KEY_MAX);
	for (const char *p = into, *end = into + name.n; p < end; p += jscan_utf8(p, end))
		if (jscan_utf8(p, end) == 0)
			return err_set(e, ST_USAGE, "%s: not UTF-8", into);
	for (size_t i = 0; i < RESERVED; i++) {
		if (str_eq(name, reserved[i]))
			return err_set(
			    e, ST_USAGE, "%s: a field that records are made of", into);
		take_name(g, reserved[i], ALWAYS);
	}
	if (str_eq(name, g->key))
		return err_set(
		    e, ST_USAGE, "%s: is where the message is read from", into);
	jsonw_string(&g->lead, name.p, name.n);
	buf_addc(&g->lead, ':');
	return buf_check(&g->lead, into, e);
}

void
graft_done(struct graft *g)
{
	buf_done(&g->lead);
	buf_done(&g->scratch);
	buf_done(&g->names);
}
