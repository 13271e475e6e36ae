/* record: a reader that has met sources before says what a fresh one does; what is
 * wrapped is a record. */
#include "record/record.h"
#include "base/err.h"
#include "fuzz.h"
#include "record/ndjson.h"

static bool
same_place(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || a.p == b.p);
}

static bool
same_src(const struct src *a, const struct src *b)
{
	return str_eq(a->file, b->file) && str_eq(a->id, b->id) && a->gen == b->gen &&
	       a->end == b->end;
}

static void
same(const struct record *a, const struct record *b)
{
	must(a->has_src == b->has_src && a->mark == b->mark, "has_src, mark: %.*s",
	    SHOW(a->line));
	must(!a->has_src || same_src(&a->src, &b->src), "src: %.*s", SHOW(a->line));
	must(same_place(a->src_raw, b->src_raw) && same_place(a->rest, b->rest),
	    "src_raw, rest: %.*s", SHOW(a->line));
	must(same_place(a->time, b->time) && same_place(a->stream, b->stream),
	    "time, stream: %.*s", SHOW(a->line));
}

/* Two members of a name: the fast way stops looking when it has what it wants. */
static bool
has_twice(struct str line)
{
	static const struct str names[] = { { "_src", 4 }, { "time", 4 }, { "stream", 6 },
		{ "log", 3 } };
	struct jscan it;
	struct jscan_member m;
	unsigned n[4] = { 0 };

	jscan_begin(&it, line);
	while (jscan_next(&it, &m))
		for (size_t i = 0; i < 4; i++)
			if (jscan_key_is(m.key, names[i]) && ++n[i] > 1)
				return true;
	return false;
}

static bool
at_all_places(const struct record *r)
{
	const char *end = r->line.p + r->line.n;

	return (r->time.n == 0 ||
		   (r->time.p > r->line.p && r->time.p + r->time.n < end)) &&
	       (r->stream.n == 0 ||
		   (r->stream.p > r->line.p && r->stream.p + r->stream.n < end)) &&
	       (r->log_at == NULL || (r->log_at > r->line.p && r->log_at <= end)) &&
	       (r->rest.n == 0 || r->rest.p + r->rest.n <= end) &&
	       (r->src_raw.n == 0 || r->src_raw.p + r->src_raw.n <= end);
}

static void
write_out(const struct record *r, bool good, struct ndjson_out *o)
{
	struct err e;
	struct str all;
	uint64_t replaced = 0;
	bool valid = jscan_valid(r->line, NULL);

	record_wrap(o, "fuzz", "a \"reason\"", r->line, &replaced);
	if (good && valid) {
		record_mark_bad(o, "fuzz", "why", r);
		record_pass(o, r);
	}
	all = (struct str){ o->buf, o->n };
	if (!valid || memchr(r->line.p, '\r', r->line.n) == NULL)
		must_be_ndjson(all);
	o->n = 0;
	must(ndjson_end(o, &e) == 0, "%s", e.text);
}

static void
one_line(struct record_reader *rr, struct str line, struct ndjson_out *o)
{
	struct record_reader fresh;
	struct record a, b;
	bool read, fresh_read, valid = jscan_valid(line, NULL);

	record_reader_init(&fresh);
	fresh.no_log = rr->no_log;
	read = record_read(rr, line, &a);
	fresh_read = record_read(&fresh, line, &b);
	must(at_all_places(&a) && at_all_places(&b), "a slice lies outside: %.*s",
	    SHOW(line));
	if (valid && !has_twice(line)) {
		must(read == fresh_read, "fast %d, slow %d: %.*s", read, fresh_read,
		    SHOW(line));
		if (read)
			same(&a, &b);
		if (read && !rr->no_log)
			must(a.log_at == b.log_at && a.log_key == b.log_key, "log: %.*s",
			    SHOW(line));
	}
	if (read && a.log_at != NULL && valid)
		must(record_log_end(&a) != NULL, "the message has no end");
	if (read && a.slot < RECORD_SLOTS)
		rr->slot[a.slot].user = rr;
	write_out(&a, read, o);
	record_reader_done(&fresh);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned opt = options(&data, &size);
	struct str rest = { (const char *)data, size }, line;
	struct record_reader rr;
	struct ndjson_out o;
	struct err e;

	record_reader_init(&rr);
	rr.no_log = opt & 1;
	must(ndjson_out_init(&o, -1, "fuzz", &e) == 0, "%s", e.text);
	while (next_line(&rest, &line))
		if (line.n > 0) {
			struct str s = exact(line.p, line.n);

			one_line(&rr, s, &o);
			/* nothing of the line is looked at when it has gone */
			exact_free(s);
		}
	record_reader_done(&rr);
	ndjson_out_done(&o);
	return 0;
}
