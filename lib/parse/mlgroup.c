#include "parse/mlgroup.h"
#include "record/jscan.h"
#include "record/ndjson.h"

static int64_t
by_place(const struct span *a, const struct span *b)
{
	return (int64_t)a->at - (int64_t)b->at;
}

/* What of the line may differ, in order of place. */
static void
spans(const struct record *r, const struct mlfound *f, struct span cut[MLGROUP_SPANS])
{
	const struct str part[MLGROUP_SPANS] = { r->src_raw, r->time, f->log,
		f->tested.p != f->log.p ? f->tested : (struct str){ NULL, 0 } };

	for (size_t i = 0; i < MLGROUP_SPANS; i++)
		cut[i] =
		    part[i].p == NULL
			? (struct span){ 0, 0 }
			: (struct span){ (size_t)(part[i].p - r->line.p), part[i].n };
	for (size_t i = 1; i < MLGROUP_SPANS; i++)
		for (size_t k = i; k > 0 && by_place(&cut[k - 1], &cut[k]) > 0; k--) {
			struct span t = cut[k];

			cut[k] = cut[k - 1];
			cut[k - 1] = t;
		}
}

bool
mlgroup_like(const struct mlgroup *g, const struct record *r, const struct mlfound *f)
{
	const char *a = g->text.p, *b = r->line.p;
	const char *a_end = a + g->line_n, *b_end = b + r->line.n;
	struct span cut[MLGROUP_SPANS];

	spans(r, f, cut);
	for (size_t i = 0; i < MLGROUP_SPANS; i++) {
		const char *a_to = g->text.p + g->cut[i].at,
			   *b_to = r->line.p + cut[i].at;

		if (a_to - a != b_to - b || memcmp(a, b, (size_t)(a_to - a)) != 0)
			return false;
		a = a_to + g->cut[i].n;
		b = b_to + cut[i].n;
	}
	return a_end - a == b_end - b && memcmp(a, b, (size_t)(a_end - a)) == 0;
}

static void
take_position(struct mlgroup *g, const struct record *r)
{
	g->end = r->src.end;
	g->time_n = r->time.n <= sizeof g->time ? r->time.n : 0;
	if (g->time_n > 0)
		memcpy(g->time, r->time.p, g->time_n);
	g->lines++;
	/* a mark before the line says less than the line's own end will */
	g->mark.n = 0;
	g->closing = false;
}

bool
mlgroup_begin(struct mlgroup *g, const struct record *r, const struct mlfound *f)
{
	struct jscan_member end;

	buf_clear(&g->text);
	buf_addstr(&g->text, r->line);
	if (g->text.failed)
		return false;
	g->line_n = r->line.n;
	g->log_end = (size_t)(f->log.p + f->log.n - r->line.p);
	g->end_n = 0;
	if (r->has_src && jscan_find(r->src_raw, STR("end"), &end)) {
		g->end_at = (size_t)(end.value.p - r->line.p);
		g->end_n = end.value.n;
	}
	spans(r, f, g->cut);
	g->lines = 0;
	take_position(g, r);
	return true;
}

bool
mlgroup_add(struct mlgroup *g, const struct record *r, const struct mlfound *f)
{
	size_t before = g->text.n;

	if (!g->glue)
		buf_adds(&g->text, "\\n");
	buf_addstr(&g->text, f->log);
	if (g->text.failed) {
		g->text.failed = false;
		g->text.n = before;
		return false;
	}
	take_position(g, r);
	return true;
}

size_t
mlgroup_bytes(const struct mlgroup *g)
{
	return g->text.n;
}

size_t
mlgroup_memory(const struct mlgroup *g)
{
	return g->text.cap + g->mark.cap;
}

/* Copy the first line's [from, to) with the new `end`. */
static void
put_line(const struct mlgroup *g, size_t from, size_t to, struct buf *out)
{
	const char *line = g->text.p;

	if (g->end_n > 0 && from <= g->end_at && g->end_at < to) {
		buf_add(out, line + from, g->end_at - from);
		buf_printf(out, "%llu", (unsigned long long)g->end);
		from = g->end_at + g->end_n;
	}
	buf_add(out, line + from, to - from);
}

void
mlgroup_put(const struct mlgroup *g, bool last, struct buf *out)
{
	const char *line = g->text.p;
	size_t brace = g->line_n;

	buf_clear(out);
	put_line(g, 0, g->log_end, out);
	buf_add(out, line + g->line_n, g->text.n - g->line_n);
	if (g->piece == 0) {
		put_line(g, g->log_end, g->line_n, out);
		return;
	}
	if (!last && !g->glue)
		buf_adds(out, "\\n");
	while (line[--brace] != '}')
		continue;
	put_line(g, g->log_end, brace, out);
	buf_printf(
	    out, ",\"_part\":{\"n\":%u,\"last\":%s}}", g->piece, last ? "true" : "false");
}

void
mlgroup_put_mark(const struct record *mark, uint64_t end, struct ndjson_out *o)
{
	const char *stop = mark->line.p + mark->line.n;
	struct jscan_member m;

	if (!jscan_find(mark->src_raw, STR("end"), &m))
		return;
	ndjson_add(o, mark->line.p, (size_t)(m.value.p - mark->line.p));
	ndjson_u64(o, end);
	ndjson_add(o, m.value.p + m.value.n, (size_t)(stop - m.value.p) - m.value.n);
	NDJSON_LIT(o, "\n");
}

bool
mlgroup_mark_says(const struct record *mark, struct str key, const char *value)
{
	struct jscan_member m;

	return jscan_find(mark->src_raw, key, &m) &&
	       (value == NULL || str_eq(m.value, str_of(value)));
}
