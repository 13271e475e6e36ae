/* ledger: the input is what follows the first line of a ledger, whose checksum is made to
 * fit.  What is accepted is written and read again as the same text. */
#include "ledger/ledger.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "fuzz.h"
#include "ledger/format.h"

#define HEAD "{\"format\":\"logsweep-ledger-1\",\"sha256\":\""

static struct str
with_head(const uint8_t *data, size_t size)
{
	struct buf b;
	struct str s;
	uint8_t digest[32];
	char hex[65];

	sha256_of(data, size, digest);
	hex_of(digest, sizeof digest, hex);
	buf_init(&b, SIZE_MAX / 4);
	buf_printf(&b, HEAD "%s\",\n", hex);
	buf_add(&b, data, size);
	s = exact(b.p, b.n);
	buf_done(&b);
	return s;
}

static void
check_batches(const struct ledger *l)
{
	struct ledger_names names;
	struct buf line;
	struct err e;

	must(ledger_names(l, &names, &e) == 0, "%s", e.text);
	for (size_t i = 0; i < l->batches; i++) {
		must(ledger_names_has(&names, l->batch[i].name), "a name is not listed");
		must(strchr(l->batch[i].name, '/') == NULL && l->batch[i].name[0] != '.',
		    "a body outside of the outbox: %s", l->batch[i].name);
		buf_init(&line, LEDGER_MAX);
		ledger_manifest(&l->batch[i], "/state", &line);
		must(!line.failed, "a manifest");
		must_be_ndjson((struct str){ line.p, line.n });
		buf_done(&line);
	}
	free(names.name);
}

static void
check_entries(struct ledger *l)
{
	for (size_t i = 0; i < l->entries; i++) {
		struct ledger_entry *n = &l->entry[i], *m;
		size_t at = 0;

		must(ledger_find(l, str_of(n->id)) == n, "an entry is not found");
		while ((m = ledger_like(l, (struct str){ n->id, 16 }, &at)) != NULL &&
		       m != n)
			;
		must(m == n, "an entry is not like itself");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = with_head(data, size), raw = exact(data, size);
	struct ledger *l, *again;
	struct buf a, b;
	struct err e;
	uint64_t gen;

	(void)ledger_is_newer(raw);
	(void)ledger_peek_gen(raw, &gen);
	(void)ledger_peek_gen(text, &gen);
	if ((l = ledger_parse(raw, "raw", &e)) != NULL)
		ledger_free(l);
	buf_init(&a, LEDGER_MAX);
	buf_init(&b, LEDGER_MAX);
	if ((l = ledger_parse(text, "ledger", &e)) != NULL) {
		check_batches(l);
		check_entries(l);
		ledger_render(l, &a);
		again = ledger_parse((struct str){ a.p, a.n }, "again", &e);
		must(again != NULL, "%s:\n%.*s", e.text, (int)a.n, a.p);
		ledger_render(again, &b);
		must(a.n == b.n && memcmp(a.p, b.p, a.n) == 0,
		    "written\n%.*sread again\n%.*s", (int)a.n, a.p, (int)b.n, b.p);
		must(ledger_peek_gen((struct str){ a.p, a.n }, &gen) && gen == l->gen,
		    "gen");
		ledger_free(again);
		ledger_free(l);
	}
	buf_done(&a);
	buf_done(&b);
	exact_free(text);
	exact_free(raw);
	return 0;
}
