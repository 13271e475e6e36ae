/* parse: logparse's parsers on a record.  What comes out is one line; valid if the record
 * was; all members that were there still are, in order; and no name stands twice. */
#include "base/err.h"
#include "fuzz.h"
#include "parse/builtin.h"
#include "parse/graft.h"
#include "parse/trial.h"
#include "record/jsonw.h"
#include "record/ndjson.h"

enum { ALL_MAX = 64, MEMBERS_MAX = 600 };
enum { MERGE = 4, IS_RECORD = 32 }; /* options; 3: which parsers, 24: keep */

static struct parser *parser[ALL_MAX];
static size_t parsers;
static struct definitions defs;

static void
open_one(const char *name)
{
	struct err e;

	must((parser[parsers++] = parser_open(&defs, name, &e)) != NULL, "%s", e.text);
}

static void open_all(void);
#ifndef OTHER_PARSERS /* decode.c has its own */
static void
open_all(void)
{
	while (parsers < builtins_n && parsers < ALL_MAX)
		open_one(builtins[parsers].name);
}
#endif

/* json (the first), all, all others, or one. */
static size_t
chain_of(unsigned opt, struct parser *const **chain)
{
	size_t one = opt >> 6;

	*chain = parser;
	switch (opt & 3) {
	case 0:
		return 1;
	case 1:
		return parsers;
	case 2:
		*chain = parser + 1;
		return parsers - 1;
	default:
		*chain = parser + one % parsers;
		return 1;
	}
}

/* A record around a message; room to read behind it as ndjson_in gives. */
static char *
make_line(unsigned opt, const uint8_t *data, size_t size, struct str *line)
{
	static const char head[] =
	    "{\"_src\":{\"file\":\"/a\",\"id\":\"0123456789abcdef\",\"gen\":1,\"end\":2},"
	    "\"time\":\"2026-11-22T13:00:00Z\",\"stream\":\"stdout\",\"log\":\"";
	char *p = malloc(sizeof head + JSONW_ROOM(size) + 128), *to = p;
	uint64_t replaced = 0;
	char *fit;

	if (opt & IS_RECORD) {
		to = mempcpy(to, data, size);
	} else {
		to = mempcpy(to, head, sizeof head - 1);
		to = jsonw_text(to, (const char *)data, size, &replaced);
		*to++ = '"';
		*to++ = '}';
	}
	*line = (struct str){ p, (size_t)(to - p) };
	must((fit = malloc(line->n + 64)) != NULL, "out of memory");
	memcpy(fit, p, line->n);
	memset(fit + line->n, '"', 64);
	free(p);
	line->p = fit;
	return fit;
}

static size_t
members(struct str line, struct jscan_member m[MEMBERS_MAX])
{
	struct jscan it;
	size_t n = 0;

	jscan_begin(&it, line);
	while (n < MEMBERS_MAX && jscan_next(&it, &m[n]))
		n++;
	return n;
}

static bool
has_twice(const struct jscan_member m[], size_t n)
{
	char key[4096];

	for (size_t i = 0; i < n; i++) {
		ptrdiff_t len =
		    m[i].key.n <= sizeof key ? jscan_unescape(m[i].key, key) : -1;

		for (size_t k = 0; k < i && len >= 0; k++)
			if (jscan_key_is(m[k].key, (struct str){ key, (size_t)len }))
				return true;
	}
	return false;
}

static bool
same_member(const struct jscan_member *a, const struct jscan_member *b)
{
	return str_eq(a->key, b->key) && str_eq(a->value, b->value);
}

/* Members of the record that are not in the output; what was put in is passed over. */
static size_t
lost(const struct jscan_member a[], size_t an, const struct jscan_member b[], size_t bn,
    struct str *which)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < an; i++) {
		size_t from = k;

		while (k < bn && !same_member(&a[i], &b[k]))
			k++;
		if (k < bn) {
			k++;
		} else {
			k = from;
			n++;
			*which = a[i].key;
		}
	}
	return n;
}

/* The message may go when all of it lives on. */
static bool
may_drop(const struct graft *g)
{
	return g->keep == KEEP_NO || (g->keep == KEEP_AUTO && g->parsed.by->whole);
}

/* Without `time`, the first one: it may be another now, or new. */
static size_t
without_time(struct jscan_member m[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (jscan_key_is(m[i].key, STR("time"))) {
			memmove(m + i, m + i + 1, (n - i - 1) * sizeof *m);
			return n - 1;
		}
	return n;
}

static void
check_members(const struct graft *g, struct str in, struct str out, bool with)
{
	static struct jscan_member a[MEMBERS_MAX], b[MEMBERS_MAX];
	size_t an = members(in, a), bn = members(out, b), gone;
	struct str which = STR("");

	if (an == MEMBERS_MAX || bn == MEMBERS_MAX)
		return;
	if (with && g->parsed.timed == TIME_READ) {
		must(has_twice(a, an) || !has_twice(b, bn), "a name stands twice: %.*s",
		    SHOW(out));
		an = without_time(a, an);
		bn = without_time(b, bn);
	}
	gone = lost(a, an, b, bn, &which);
	/* equal messages: the one that went is not the one that was looked for first */
	for (size_t i = 0; i < an && gone > 1; i++)
		if (jscan_key_is(a[i].key, g->key)) {
			struct jscan_member message = a[i];

			memmove(a + i, a + i + 1, (an - i - 1) * sizeof *a);
			if (lost(a, an - 1, b, bn, &which) == 0)
				gone = 1, which = message.key;
			memmove(a + i + 1, a + i, (an - i - 1) * sizeof *a);
			a[i] = message;
		}
	must(gone <= (with && may_drop(g)), "%zu members are lost", gone);
	must(gone == 0 || jscan_key_is(which, g->key), "lost: %.*s", SHOW(which));
	must(has_twice(a, an) || !has_twice(b, bn), "a name stands twice: %.*s",
	    SHOW(out));
	must(g->merge || bn <= an + 1, "more than one new member");
	must(with || str_eq(in, out), "changed");
}

static void
run(struct graft *g, struct parser *const *chain, size_t n, const struct record *r)
{
	struct ndjson_out o;
	struct err e;
	const char *why = NULL;
	enum grafted did;
	bool valid = jscan_valid(r->line, NULL);
	struct str out;

	must(ndjson_out_init(&o, -1, "out", &e) == 0, "%s", e.text);
	did = graft_record(g, chain, n, r, &o, &why);
	must(did == GRAFT_WRITTEN ? o.n > 0 : o.n == 0, "written or not");
	must(did != GRAFT_BAD || !valid, "refused: %.*s", SHOW(r->line));
	if (did == GRAFT_FAILED) {
		must(why != NULL, "no reason");
		record_mark_bad(&o, "fuzz", why, r);
	}
	out = (struct str){ o.buf, o.n };
	if (did != GRAFT_BAD) {
		must(out.p[out.n - 1] == '\n' && memchr(out.p, '\n', out.n - 1) == NULL,
		    "not one line");
		out.n--;
		must(jscan_shape(out, NULL), "not an object: %.*s", SHOW(out));
		must(!valid || jscan_valid(out, NULL), "not valid: %.*s", SHOW(out));
	}
	if (did == GRAFT_WRITTEN && valid)
		check_members(g, r->line, out, g->with > 0);
	ndjson_out_done(&o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct graft g;
	static struct trial t;
	unsigned opt = options(&data, &size);
	struct parser *const *chain;
	struct record_reader rr;
	struct record r;
	struct str line;
	struct buf report;
	struct err e;
	char *bytes;
	size_t n;

	open_all();
	n = chain_of(opt, &chain);
	bytes = make_line(opt, data, size, &line);
	if (memchr(bytes, '\n', line.n) == NULL) {
		must(graft_init(&g, "log", "log_processed", &e) == 0, "%s", e.text);
		g.merge = opt & MERGE;
		g.keep = (enum graft_keep)((opt >> 3 & 3) % 3);
		record_reader_init(&rr);
		if (record_read(&rr, line, &r))
			run(&g, chain, n, &r);
		record_reader_done(&rr);
		graft_done(&g);

		must(trial_init(&t, chain, n, &e) == 0, "%s", e.text);
		trial_line(&t, STR("log"), line, "<in>", 1);
		buf_init(&report, 64 << 20);
		trial_report(&t, &report);
		must(!report.failed, "the report");
		buf_done(&report);
		trial_done(&t);
	}
	free(bytes);
	return 0;
}
