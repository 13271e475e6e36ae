#include "record/record.h"
#include "record/jscan.h"
#include "record/kernels.h"
#include "record/ndjson.h"

#include <stdlib.h>

enum { TIME_MAX = 64 }; /* a longer one is not at its known place */

/* How logtail begins a line. */
#define KNOWN_FORM STR("{\"_src\":{\"file\":\"")

void
record_reader_init(struct record_reader *rr)
{
	*rr = (struct record_reader){ 0 };
}

void
record_reader_done(struct record_reader *rr)
{
	for (unsigned i = 0; i < RECORD_SLOTS; i++)
		free(rr->slot[i].prefix);
	*rr = (struct record_reader){ 0 };
}

static const char *
read_u64(const char *p, const char *end, uint64_t *v)
{
	const char *from = p;
	uint64_t n = 0;

	for (; p < end && (unsigned char)(*p - '0') <= 9; p++) {
		if (p - from >= 19)
			return NULL;
		n = n * 10 + (uint64_t)(*p - '0');
	}
	*v = n;
	return p > from && (*from != '0' || p - from == 1) ? p : NULL;
}

static bool
at_literal(const char *p, const char *end, struct str lit)
{
	return (size_t)(end - p) >= lit.n && memcmp(p, lit.p, lit.n) == 0;
}

static bool
only_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p == end;
}

/* The members after `_src` at their known places; false: look for them one by one. */
static bool
known_places(
    const struct record_reader *rr, const char *p, const char *end, struct record *r)
{
	const char *q;

	if (!at_literal(p, end, STR("\"time\":\"")))
		return false;
	p += 8;
	q = kern.special(p, end - p < TIME_MAX ? end : p + TIME_MAX);
	if (q == end || *q != '"')
		return false;
	r->time = (struct str){ p, (size_t)(q - p) };
	p = q + 1;
	if (!at_literal(p, end, STR(",\"stream\":\"stdout\",\"log")) &&
	    !at_literal(p, end, STR(",\"stream\":\"stderr\",\"log")))
		return false;
	r->stream = (struct str){ p + 11, 6 };
	r->sound = p + 18;
	if (at_literal(p + 23, end, STR("\":\""))) {
		r->log_key = p + 19;
		r->log_at = p + 26;
		return true;
	}
	/* logparse's own output: a `log` may still follow, for those who want it */
	return rr->no_log && at_literal(p + 23, end, STR("_processed\":"));
}

/* Is the line from a source that a slot remembers?  Then p ends up after "end". */
static const char *
known_source(struct record_reader *rr, struct str line, struct record *r)
{
	const char *end = line.p + line.n, *p;

	for (unsigned i = 0, s = rr->last; i < RECORD_SLOTS;
	     i++, s = (s + 1) % RECORD_SLOTS) {
		if (!rr->slot[s].known_form || line.n <= rr->slot[s].n ||
		    memcmp(line.p, rr->slot[s].prefix, rr->slot[s].n) != 0)
			continue;
		if ((p = read_u64(line.p + rr->slot[s].n, end, &r->src.end)) == NULL ||
		    end - p < 2 || *p != '}')
			return NULL;
		r->src.file = rr->slot[s].src.file;
		r->src.id = rr->slot[s].src.id;
		r->src.gen = rr->slot[s].src.gen;
		r->slot = rr->last = s;
		return p;
	}
	return NULL;
}

static bool
inside_quotes(struct str value, struct str *text)
{
	if (value.n < 2 || value.p[0] != '"')
		return false;
	*text = (struct str){ value.p + 1, value.n - 2 };
	return true;
}

static bool
read_src(struct str value, struct src *s, const char **end_digits)
{
	struct jscan it;
	struct jscan_member m;
	unsigned got = 0;

	jscan_begin(&it, value);
	while (jscan_next(&it, &m)) {
		const char *stop = m.value.p + m.value.n;

		if (!(got & 1) && jscan_key_is(m.key, STR("file"))) {
			if (!inside_quotes(m.value, &s->file))
				return false;
			got |= 1;
		} else if (!(got & 2) && jscan_key_is(m.key, STR("id"))) {
			if (!inside_quotes(m.value, &s->id))
				return false;
			got |= 2;
		} else if (!(got & 4) && jscan_key_is(m.key, STR("gen"))) {
			if (read_u64(m.value.p, stop, &s->gen) != stop)
				return false;
			got |= 4;
		} else if (!(got & 8) && jscan_key_is(m.key, STR("end"))) {
			if (read_u64(m.value.p, stop, &s->end) != stop)
				return false;
			got |= 8;
			*end_digits = m.value.p;
		}
	}
	return !it.bad && got == 15;
}

static bool
only_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == end;
}

/* Keep the line up to the end of `_src` in slot `s`: for the names in it, and, if it is in
 * logtail's own form, to compare what stands before the digits of "end" with later lines. */
static bool
keep_prefix(
    struct record_reader *rr, unsigned s, struct record *r, const char *end_digits)
{
	const char *line = r->line.p;
	size_t n = (size_t)(r->src_raw.p + r->src_raw.n - line);

	if (n > RECORD_SRC_MAX)
		return false;
	if (rr->slot[s].cap < n) {
		char *p = realloc(rr->slot[s].prefix, n + 256);

		if (p == NULL)
			return false;
		rr->slot[s].prefix = p;
		rr->slot[s].cap = n + 256;
	}
	memcpy(rr->slot[s].prefix, line, n);
	rr->slot[s].n = (size_t)(end_digits - line);
	/* "end" closes `_src`: then file, id and gen are all before it */
	rr->slot[s].known_form = at_literal(line, line + n, KNOWN_FORM) &&
				 only_digits(end_digits, line + n - 1) &&
				 jscan_shape(r->src_raw, NULL);
	r->src.file.p = rr->slot[s].prefix + (r->src.file.p - line);
	r->src.id.p = rr->slot[s].prefix + (r->src.id.p - line);
	rr->slot[s].src = r->src;
	return true;
}

/* Is `a` of this line the source of the slot? */
static bool
same_source(const struct src *a, const struct src *slot)
{
	return str_eq(a->id, slot->id) && a->gen == slot->gen &&
	       str_eq(a->file, slot->file);
}

/* Give a slot to the source of a line that no slot knows by its bytes. */
static void
remember(struct record_reader *rr, struct record *r, const char *end_digits)
{
	const char *end = r->line.p + r->line.n;
	unsigned s = 0;

	while (s < RECORD_SLOTS &&
	       (rr->slot[s].n == 0 || !same_source(&r->src, &rr->slot[s].src)))
		s++;
	if (s == RECORD_SLOTS) {
		if (!keep_prefix(rr, rr->next, r, end_digits))
			return;
		s = rr->next;
		rr->slot[s].user = NULL;
		r->fresh = true;
		rr->next = (s + 1) % RECORD_SLOTS;
	} else if (r->mark || !at_literal(r->line.p, end, KNOWN_FORM) ||
		   !keep_prefix(rr, s, r, end_digits)) {
		/* known in another form: a mark may have more in `_src` than the records */
		r->src.file = rr->slot[s].src.file;
		r->src.id = rr->slot[s].src.id;
	}
	r->slot = rr->last = s;
}

static bool
member_by_member(struct record_reader *rr, struct record *r)
{
	struct str line = r->line;
	struct jscan it;
	struct jscan_member m;
	const char *end_digits = r->line.p;
	unsigned count = 0;

	jscan_begin(&it, line);
	while (jscan_next(&it, &m)) {
		if (count++ == 1 && r->has_src)
			r->rest.p = m.key.p - 1;
		if (jscan_key_is(m.key, STR("_src"))) {
			if (r->has_src || !read_src(m.value, &r->src, &end_digits))
				return false;
			r->has_src = true;
			r->src_raw = m.value;
		} else if (r->time.p == NULL && jscan_key_is(m.key, STR("time"))) {
			inside_quotes(m.value, &r->time);
		} else if (r->stream.p == NULL && jscan_key_is(m.key, STR("stream"))) {
			inside_quotes(m.value, &r->stream);
		} else if (r->log_at == NULL && *m.value.p == '"' &&
			   jscan_key_is(m.key, STR("log"))) {
			r->log_at = m.value.p + 1;
			r->log_key = m.key.p - 1;
		}
	}
	if (it.bad || !only_blanks(it.p + 1, line.p + line.n))
		return false;
	if (r->rest.p != NULL)
		r->rest.n = (size_t)(it.p + 1 - r->rest.p);
	r->mark = r->has_src && count == 1;
	if (r->mark && !jscan_shape(line, NULL))
		return false;
	if (r->has_src)
		remember(rr, r, end_digits);
	return true;
}

static inline void
none(struct str *s)
{
	s->p = NULL;
	s->n = 0;
}

/* Word by word: as one struct it becomes `rep stos`, slow to begin, or copies that wait for
 * what was just stored. */
static void
clear(struct record *r, struct str line)
{
	r->line.p = line.p;
	r->line.n = line.n;
	r->has_src = r->mark = r->fresh = false;
	r->slot = RECORD_SLOTS;
	none(&r->src.file);
	none(&r->src.id);
	r->src.gen = r->src.end = 0;
	none(&r->src_raw);
	none(&r->rest);
	none(&r->time);
	none(&r->stream);
	r->sound = r->log_at = r->log_key = NULL;
}

bool
record_read(struct record_reader *rr, struct str line, struct record *r)
{
	const char *p, *end = line.p + line.n;

	clear(r, line);
	if ((p = known_source(rr, line, r)) != NULL && end[-1] == '}') {
		r->has_src = true;
		r->src_raw = (struct str){ line.p + 8, (size_t)(p + 1 - (line.p + 8)) };
		if (end - p == 2) {
			r->mark = true;
			return true;
		}
		if (p[1] == ',' && known_places(rr, p + 2, end, r)) {
			r->rest = (struct str){ p + 2, (size_t)(end - p - 2) };
			return true;
		}
	}
	clear(r, line);
	if (member_by_member(rr, r))
		return true;
	clear(r, line);
	return false;
}

bool
record_shape(const struct record *r, unsigned *flags)
{
	unsigned unused;

	if (r->sound == NULL)
		return jscan_shape(r->line, flags);
	return kern.shape(r->sound, r->line.p + r->line.n, true, flags ? flags : &unused);
}

const char *
record_log_end(const struct record *r)
{
	return jscan_string_end(r->log_at, r->line.p + r->line.n);
}

static void
add_error(struct ndjson_out *o, const char *prog, const char *why)
{
	uint64_t ignored = 0;

	NDJSON_LIT(o, "\"_error\":{\"by\":\"");
	ndjson_add(o, prog, strlen(prog));
	NDJSON_LIT(o, "\",\"why\":\"");
	ndjson_text(o, why, strlen(why), &ignored);
	NDJSON_LIT(o, "\"}}\n");
}

void
record_wrap(struct ndjson_out *o, const char *prog, const char *why, struct str line,
    uint64_t *replaced)
{
	NDJSON_LIT(o, "{\"log\":\"");
	ndjson_text(o, line.p, line.n, replaced);
	NDJSON_LIT(o, "\",");
	add_error(o, prog, why);
}

void
record_mark_bad(
    struct ndjson_out *o, const char *prog, const char *why, const struct record *r)
{
	const char *brace = memrchr(r->line.p, '}', r->line.n);
	const char *open = memchr(r->line.p, '{', r->line.n);

	ndjson_add(o, r->line.p, (size_t)(brace - r->line.p));
	if (!only_blanks(open + 1, brace))
		NDJSON_LIT(o, ",");
	add_error(o, prog, why);
}

void
record_pass(struct ndjson_out *o, const struct record *r)
{
	char *to = ndjson_room(o, r->line.n + 1);

	if (to == NULL)
		return;
	memcpy(to, r->line.p, r->line.n);
	to[r->line.n] = '\n';
	o->n += r->line.n + 1;
}
