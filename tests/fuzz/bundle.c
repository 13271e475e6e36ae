/* bundle: any bytes as an archive (or a compressed file).  Reading ends, in bounds; names and
 * members come out the same twice; and swept from a ledger and to one, each line that comes
 * out is valid, counts agree, and a second sweep over it gives no record. */
#include "source/bundle.h"
#include "base/err.h"
#include "base/hash.h"
#include "fuzz.h"
#include "ledger/ledger.h"
#include "source/backfill.h"
#include "source/decompress.h"

enum { MOST = 64 << 20 };

static void
warn(void *arg, const struct err *e)
{
	must(e->text[0] != '\0' && arg != NULL, "a warning that says nothing");
}

/* All of it, as a hash. */
static uint64_t
walk(int fd, size_t step)
{
	char block[4096], name[64];
	struct bundle_member m;
	struct err e;
	struct bundle *b = bundle_open(fd, "x", 1, false, &e);
	uint64_t sum = 0, n = 0, data;
	ssize_t got = 0;
	int r;

	if (b == NULL)
		return 1;
	while ((r = bundle_next(b, &m)) > 0) {
		struct reader *rd;

		must(m.index == n++, "the index");
		must(strlen(m.name) <= BUNDLE_NAME_MAX, "a name");
		snprintf(name, sizeof name, "%.40s %d", m.name, (int)m.kind);
		sum = sum * 31 + hash64(name, strlen(name));
		if (m.kind != BUNDLE_FILE)
			continue;
		must((rd = bundle_reader(b, &e)) != NULL, "%s", e.text);
		data = 0;
		while (reader_offset(rd) < MOST &&
		       (got = reader_read(rd, block, step, "x", &e)) > 0)
			for (ssize_t i = 0; i < got; i++)
				data = data * 31 + (unsigned char)block[i];
		/* how much comes before damage is noticed depends on the reads */
		sum = sum * 31 + (reader_corrupt(rd) ? 1 : data);
		must(got >= 0, "%s", e.text);
	}
	must(r == 0 || bundle_failed(b), "no end");
	sum = sum * 31 + (unsigned)(r < 0);
	bundle_close(b);
	return sum;
}

/* One sweep over the archive, with `l`. */
static uint64_t
sweep(int fd, struct ledger *l)
{
	struct ndjson_out out;
	struct sweep s = { .ledger = l, .warn = warn, .expand = 100, .stateful = true };
	struct sweep_bundle *b = calloc(1, sizeof *b);
	struct err e;
	struct str text;
	char path[64];
	uint64_t records;

	s.arg = &s;
	s.not_older = INT64_MIN;
	s.now = INT64_MAX / 2;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	*b = (struct sweep_bundle){ strdup("b.tar"), strdup(path), strdup("1:2:3:4"), false };
	s.bundle = b;
	s.bundles = 1;
	must(ndjson_out_init(&out, memory_file("", 0), "out", &e) == 0 &&
		 tail_init(&s.tail, &out, 1000, &e) == 0,
	    "%s", e.text);
	must(backfill_all(&s, false, &e) == 0 && ndjson_flush(&out, &e) == 0, "%s", e.text);
	must(s.tail.n.lines ==
		 s.tail.n.records + s.tail.n.rejected + s.tail.n.joined + s.tail.n.filtered,
	    "counts");
	text = file_bytes(out.fd);
	must_be_ndjson(text);
	records = s.tail.n.records;
	free((void *)(uintptr_t)text.p);
	close(out.fd);
	backfill_done(&s);
	tail_done(&s.tail);
	ndjson_out_done(&out);
	return records;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned opt = options(&data, &size);
	int fd = memory_file(data, size);
	struct err e;
	struct ledger *l = ledger_load("/nonexistent", &e);
	uint64_t first, again;

	must(l != NULL, "%s", e.text);
	first = walk(fd, 4096);
	again = walk(fd, 1 + opt);
	must(first == again, "reads of two sizes differ");
	sweep(fd, l);
	for (size_t i = 0; i < l->entries; i++)
		l->entry[i].seen = false;
	again = sweep(fd, l);
	must(again == 0, "%llu records in a second sweep", (unsigned long long)again);
	ledger_free(l);
	close(fd);
	return 0;
}
