/* lib/ledger: the format and what damage does; the commit itself is tests/logbatch.bats. */
#include "ledger/ledger.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "ledger/format.h"
#include "unit.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/unit-ledger-XXXXXX";
static struct err e;

static const char *
in_dir(const char *name)
{
	static char path[4][PATH_MAX];
	static int k;

	k = (k + 1) & 3;
	snprintf(path[k], PATH_MAX, "%s/%s", dir, name);
	return path[k];
}

static void
put_file(const char *name, const char *p, size_t n)
{
	FILE *f;

	unlink(in_dir(name)); /* to write over a file can cost a wait for the disk */
	f = fopen(in_dir(name), "w");
	fwrite(p, 1, n, f);
	fclose(f);
}

static struct buf
get_file(const char *name)
{
	struct buf b;

	buf_init(&b, LEDGER_MAX);
	file_read(in_dir(name), &b, &e);
	return b;
}

static bool
file_is(const char *name, const char *p, size_t n)
{
	struct buf b = get_file(name);
	bool same = b.n == n && memcmp(b.p, p, n) == 0;

	buf_done(&b);
	return same;
}

static void
clean(void)
{
	unlink(in_dir("ledger.json"));
	unlink(in_dir("ledger.copy.json"));
	unlink(in_dir("reserve"));
	unlink(in_dir("lock"));
	unlink(in_dir("outbox/b0"));
	rmdir(in_dir("outbox"));
	rmdir(in_dir("tmp"));
}

static struct ledger *
small(void)
{
	static const char *const ids[] = { "0123456789abcdef/o", "0123456789abcdef/e",
		"0123456789abcdef.1/o", "ffffffffffffffff", "0000000000000000" };
	struct ledger *l = calloc(1, sizeof *l);

	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct ledger_entry *n = ledger_put(l, str_of(ids[i]));

		n->end = i * 1000;
		n->gen = i;
		n->at = i;
		n->sum = 0xfedcba9876543210 + i;
		n->size = 18446744073709551615u;
		n->final = i & 1;
		n->live = !n->final;
		ledger_set_text(l, &n->file, STR("/var/log/a\\\"b\\u00e9.log"));
		ledger_set_text(l, &n->dir, STR("/var/lib/d"));
		ledger_set_text(l, &n->stat, STR("1:2:3:-4"));
		ledger_set_text(l, &n->time, STR("2026-11-22T13:00:00Z"));
	}
	l->gen = 41;
	l->forgot = 7;
	ledger_add_batch(l, "b0", STR("k/0"), STR("{\"key\":\"k/0\",\"bytes\":5}"), &e);
	ledger_add_batch(l, "b1", STR("k/1"),
	    STR("{\"key\":\"k/1\",\"bytes\":6,\"sources\":[{}]}"), &e);
	return l;
}

static struct buf
rendered(const struct ledger *l)
{
	struct buf b;

	buf_init(&b, LEDGER_MAX);
	ledger_render(l, &b);
	return b;
}

static void
test_round_trip(void)
{
	struct ledger *l = small(), *again;
	struct buf a = rendered(l), b;
	const struct ledger_entry *n;

	again = ledger_parse((struct str){ a.p, a.n }, "x", &e);
	ok(again != NULL, "what is rendered is read");
	b = rendered(again);
	ok(a.n == b.n && memcmp(a.p, b.p, a.n) == 0, "and rendered the same");
	ok(again->gen == 41 && again->forgot == 7 && again->entries == 5 &&
		again->batches == 2,
	    "counts");
	n = ledger_find(again, STR("0123456789abcdef.1/o"));
	ok(n != NULL && n->end == 2000 && n->sum == 0xfedcba9876543212 &&
		n->size == UINT64_MAX && !n->final && n->live &&
		strcmp(n->file, "/var/log/a\\\"b\\u00e9.log") == 0 &&
		strcmp(n->stat, "1:2:3:-4") == 0,
	    "an entry");
	ok(strcmp(again->batch[1].key, "k/1") == 0 &&
		strcmp(again->batch[1].name, "b1") == 0,
	    "a batch");
	ok(strstr(a.p, "\"id\":\"0000000000000000\"") <
		strstr(a.p, "\"id\":\"0123456789abcdef.1/o\""),
	    "entries are sorted");
	ledger_free(l);
	ledger_free(again);
	buf_done(&a);
	buf_done(&b);
}

static void
test_damage(void)
{
	struct ledger *l = small();
	struct buf a = rendered(l);
	unsigned missed = 0;

	for (size_t i = 0; i < a.n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct ledger *got;

			a.p[i] ^= (char)(1 << bit);
			if ((got = ledger_parse((struct str){ a.p, a.n }, "x", &e)) !=
			    NULL)
				missed++;
			ledger_free(got);
			a.p[i] ^= (char)(1 << bit);
		}
	ok(missed == 0, "a bit turned at any of %zu bytes is seen", a.n);
	missed = 0;
	for (size_t n = 0; n < a.n; n++) {
		struct ledger *got = ledger_parse((struct str){ a.p, n }, "x", &e);

		missed += got != NULL;
		ledger_free(got);
	}
	ok(missed == 0, "cut short at any byte is seen");
	buf_addc(&a, ' ');
	ok(ledger_parse((struct str){ a.p, a.n }, "x", &e) == NULL,
	    "and so is a byte more");
	buf_done(&a);
	ledger_free(l);
}

/* What may stand in a checked file and is still refused, were it written by a bug. */
static void
test_nonsense(void)
{
	static const char *const bodies[] = {
		"\"gen\":1,\"forgot\":0,\"files\":[{\"end\":1}],\"batches\":[]}\n",
		"\"gen\":1,\"files\":[{\"id\":\"short\"}]}\n", "\"batches\":[{}]}\n",
		"\"batches\":[{\"name\":\"../x\",\"manifest\":{\"key\":\"k\"}}]}\n",
		"\"batches\":[{\"name\":\".x\",\"manifest\":{\"key\":\"k\"}}]}\n",
		"\"batches\":[{\"name\":\"\",\"manifest\":{\"key\":\"k\"}}]}\n",
		"\"batches\":[{\"name\":\"x\",\"manifest\":{}}]}\n", "\"gen\":1\n",
		"\"batches\":[{\"name\":\"x\",\"manifest\":{\"a\":1,\"key\":\"k\"}}]}\n",
		"\"batches\":[{\"name\":\"x\",\"manifest\":{\"key\":\"k\",\n\"a\":1}}]}"
		"\n",
		"\"x\":\"\\q\"}\n"
	};

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		uint8_t digest[32];
		char hex[65], text[400];
		int n;

		sha256_of(bodies[i], strlen(bodies[i]), digest);
		hex_of(digest, 32, hex);
		n = snprintf(text, sizeof text,
		    "{\"format\":\"logsweep-ledger-1\",\"sha256\":\"%s\",\n%s", hex,
		    bodies[i]);
		ok(ledger_parse((struct str){ text, (size_t)n }, "x", &e) == NULL,
		    "refused: %s", e.text);
	}
}

static void
test_load(void)
{
	struct ledger *l = small(), *got;
	struct buf a = rendered(l), older;
	static char nul[500];
	char newer[500];

	mkdir(dir, 0700);
	got = ledger_load(dir, &e);
	ok(got != NULL && got->gen == 0 && got->entries == 0,
	    "nothing there: generation 0");
	ledger_free(got);
	got = ledger_load("/nonexistent/dir", &e);
	ok(got != NULL && got->gen == 0, "no directory: the same");
	ledger_free(got);

	struct {
		const char *what, *p;
		size_t n;
	} bad[] = { { "empty", "", 0 }, { "NULs", nul, sizeof nul },
		{ "foreign", "[1,2]\n", 6 }, { "cut short", a.p, a.n / 2 },
		{ "one byte short", a.p, a.n - 1 } };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put_file("ledger.json", bad[i].p, bad[i].n);
		ok(ledger_load(dir, &e) == NULL && e.status == ST_FAIL, "%s, no copy: %s",
		    bad[i].what, e.text);
		ok(file_is("ledger.json", bad[i].p, bad[i].n) &&
			access(in_dir("ledger.copy.json"), F_OK) != 0,
		    "and it is untouched");
		put_file("ledger.copy.json", a.p, a.n);
		got = ledger_load(dir, &e);
		ok(got != NULL && got->from_copy && got->gen == 51 && got->forgot == 51 &&
			ledger_find(got, STR("ffffffffffffffff"))->gen == 51,
		    "%s, with a copy: ten generations on, all as if changed",
		    bad[i].what);
		ledger_free(got);
		put_file("ledger.copy.json", "x", 1);
		ok(ledger_load(dir, &e) == NULL, "both bad: refused");
		unlink(in_dir("ledger.copy.json"));
	}
	memcpy(newer, a.p, 400);
	memcpy(strstr(newer, "ledger-1") + 7, "2", 1);
	put_file("ledger.json", newer, 400);
	put_file("ledger.copy.json", a.p, a.n);
	ok(ledger_load(dir, &e) == NULL && strstr(e.text, "newer") != NULL,
	    "a newer version is refused, copy or not: %s", e.text);
	put_file("ledger.json", a.p, a.n);
	put_file("ledger.copy.json", "x", 1);
	got = ledger_load(dir, &e);
	ok(got != NULL && !got->from_copy && got->gen == 41,
	    "a bad copy does not matter to who reads");
	ledger_free(got);

	l->gen = 40;
	older = rendered(l);
	put_file("ledger.json", older.p, older.n);
	put_file("ledger.copy.json", a.p, a.n);
	got = ledger_load(dir, &e);
	ok(got != NULL && got->from_copy && got->gen == 51,
	    "an older ledger than its copy: the copy counts");
	ledger_free(got);
	put_file("ledger.json", a.p, a.n);
	put_file("ledger.copy.json", older.p, older.n);
	got = ledger_load(dir, &e);
	ok(ledger_unchanged(dir, got), "what was loaded is what is there");
	put_file("ledger.json", older.p, older.n);
	ok(!ledger_unchanged(dir, got), "it is another one by now");
	unlink(in_dir("ledger.json"));
	ok(!ledger_unchanged(dir, got), "or gone");
	put_file("ledger.json", a.p, a.n);
	got->gen--;
	put_file("ledger.copy.json", a.p, a.n);
	ok(!ledger_unchanged(dir, got), "or the copy is of a later generation");
	got->gen++;
	put_file("ledger.copy.json", older.p, older.n);
	ok(got != NULL && !got->from_copy && got->gen == 41,
	    "a newer one than its copy is as it should be");
	ok(ledger_mend(dir, got, &e) == 0 && file_is("ledger.copy.json", a.p, a.n),
	    "and the copy is mended");
	ledger_free(got);

	unlink(in_dir("ledger.json"));
	ok(ledger_load(dir, &e) == NULL, "a copy alone is refused: %s", e.text);
	unlink(in_dir("ledger.copy.json"));
	mkdir(in_dir("outbox"), 0700);
	ok(ledger_load(dir, &e) == NULL, "an outbox alone is refused: %s", e.text);
	clean();
	buf_done(&a);
	buf_done(&older);
	ledger_free(l);
}

/* Chunks of 64 KiB end at each byte of the last lines, the batches once among them. */
static void
test_cursors(void)
{
	enum { CHUNK = 1 << 16, BEFORE = 1800 };
	static const char open[] = "{\"key\":\"k/2\",\"pad\":\"";
	char manifest[2 * CHUNK];
	unsigned good = 0, bad = 0;

	for (size_t pad = CHUNK - BEFORE; pad < CHUNK; pad++) {
		struct ledger *l = small(), *got;
		struct buf a;

		memset(manifest, ',', pad);
		memcpy(manifest, open, sizeof open - 1);
		memcpy(manifest + pad, "\"}", 2);
		ledger_add_batch(
		    l, "b2", STR("k/2"), (struct str){ manifest, pad + 2 }, &e);
		if (pad % 2 == 0)
			ledger_add_batch(
			    l, "b3", STR("k/3"), STR("{\"key\":\"k/3\"}"), &e);
		a = rendered(l);
		put_file("ledger.json", a.p, a.n);
		put_file("ledger.copy.json", a.p, a.n);
		if ((got = ledger_load_cursors(dir, &e)) != NULL) {
			good += got->entries == l->entries && got->batches == 0 &&
				got->gen == l->gen && got->forgot == l->forgot &&
				ledger_unchanged(dir, got);
			ledger_free(got);
		}
		a.p[a.n - 20] ^= 1; /* in a batch that nobody looks at */
		put_file("ledger.json", a.p, a.n);
		put_file("ledger.copy.json", a.p, a.n);
		bad += ledger_load_cursors(dir, &e) == NULL;
		buf_done(&a);
		ledger_free(l);
	}
	ok(good == BEFORE, "cursors without batches, wherever a chunk ends: %u", good);
	ok(bad == BEFORE, "damage in a batch counts all the same: %u", bad);
	clean();
}

static void
test_save(void)
{
	struct ledger *l, *got;
	struct buf before, after;
	bool committed;
	struct stat st, st2;

	ok(ledger_prepare(dir, &e) == 0, "prepared");
	ok(access(in_dir("outbox"), F_OK) == 0 && access(in_dir("tmp"), F_OK) == 0 &&
		access(in_dir("reserve"), F_OK) == 0,
	    "with what belongs to it");
	stat(in_dir("ledger.json"), &st);
	ok(ledger_prepare(dir, &e) == 0 && stat(in_dir("ledger.json"), &st2) == 0 &&
		st.st_ino == st2.st_ino,
	    "again: nothing is done");
	l = small();
	l->gen = 0;
	ok(ledger_save(dir, l, &committed, &e) == 0 && committed && l->gen == 1, "saved");
	before = get_file("ledger.json");
	ok(file_is("ledger.copy.json", before.p, before.n), "the copy is the same");
	got = ledger_load(dir, &e);
	ok(got != NULL && got->gen == 1 && got->entries == 5, "and it is read");
	stat(in_dir("ledger.copy.json"), &st);
	ok(ledger_mend(dir, got, &e) == 0 &&
		stat(in_dir("ledger.copy.json"), &st2) == 0 && st.st_ino == st2.st_ino,
	    "nothing to mend: nothing written");
	ledger_set_text(
	    got, &ledger_find(got, STR("ffffffffffffffff"))->stat, STR("a\"b"));
	ok(ledger_save(dir, got, &committed, &e) < 0 && !committed && got->gen == 1,
	    "what would not be read again is not written: %s", e.text);
	after = get_file("ledger.json");
	ok(before.n == after.n && memcmp(before.p, after.p, before.n) == 0,
	    "the old one stands");
	ledger_free(got);
	buf_done(&after);

	put_file("ledger.json", "", 0);
	got = ledger_load(dir, &e);
	ok(got != NULL && got->from_copy && ledger_mend(dir, got, &e) == 0 &&
		got->gen == 12,
	    "damage is mended");
	after = get_file("ledger.json");
	ok(file_is("ledger.copy.json", after.p, after.n), "in both files");
	ledger_free(got);
	got = ledger_load(dir, &e);
	ok(got != NULL && !got->from_copy && got->gen == 12, "for good");
	ledger_free(got);
	ledger_free(l);
	buf_done(&before);
	buf_done(&after);
	clean();
}

static void
test_entries(void)
{
	struct ledger *l = small();
	struct ledger_entry *n;
	size_t at = 0, seen = 0;

	while ((n = ledger_like(l, STR("0123456789abcdef"), &at)) != NULL)
		seen++;
	ok(seen == 3, "three of one first line");
	at = 0;
	ok(ledger_like(l, STR("0123456789abcde0"), &at) == NULL, "none of another");
	at = 0;
	ok(ledger_like(l, STR("0123"), &at) == NULL &&
		ledger_find(l, STR("0123")) == NULL && ledger_put(l, STR("0123")) == NULL,
	    "a short id is none");
	ok(ledger_put(l, STR("ffffffffffffffff")) ==
		    ledger_find(l, STR("ffffffffffffffff")) &&
		l->entries == 5,
	    "put finds");
	ledger_forget(l, STR("0123456789abcdef/e"));
	ok(ledger_find(l, STR("0123456789abcdef/e")) == NULL &&
		ledger_find(l, STR("0123456789abcdef/o")) != NULL,
	    "forgotten, and its neighbours are not");
	n = ledger_put(l, STR("0123456789abcdef/e"));
	ok(n != NULL && n->end == 0, "and begun anew");
	ledger_forget(l, STR("not there at all."));
	ledger_free(l);
	ledger_free(NULL);
}

static enum ledger_claim
claimed(struct ledger_claims *c, const char *key, const char *name)
{
	const struct ledger_batch *b = NULL;
	enum ledger_claim r = ledger_claim(c, key, name, &b, &e);

	return r == LEDGER_MINE && strcmp(b->name, name) != 0 ? LEDGER_UNKNOWN : r;
}

static void
test_claims(void)
{
	struct ledger *l = small();
	struct ledger_claims *c = ledger_claims_new(dir, &e);
	static const char *const first[] = { "k/0" };
	bool committed;

	ledger_prepare(dir, &e);
	ledger_save(dir, l, &committed, &e);
	ok(claimed(c, "k/0", "b0") == LEDGER_MINE &&
		claimed(c, "k/1", "b1") == LEDGER_MINE &&
		claimed(c, "k/0", "b0") == LEDGER_MINE,
	    "a body is claimed by its key");
	ok(claimed(c, "k/0", "b1") == LEDGER_OTHER &&
		claimed(c, "k/0", "none") == LEDGER_OTHER &&
		claimed(c, "k/7", "b0") == LEDGER_OTHER,
	    "and by no other");
	ok(claimed(c, "k/7", "b7") == LEDGER_NOBODY, "nobody's");
	ledger_delivered(dir, first, 1, &e);
	ok(claimed(c, "k/0", "b0") == LEDGER_MINE, "what was read is believed");
	ok(claimed(c, "k/7", "b7") == LEDGER_NOBODY &&
		claimed(c, "k/0", "b0") == LEDGER_NOBODY,
	    "until something is missing: then it is read anew");
	ledger_free(l);
	l = ledger_load(dir, &e);
	ledger_add_batch(l, "b7", STR("k/7"), STR("{\"key\":\"k/7\"}"), &e);
	ledger_save(dir, l, &committed, &e);
	ok(claimed(c, "k/7", "b7") == LEDGER_MINE, "what was committed since is found");
	ledger_claims_free(c);
	ledger_claims_free(NULL);
	ledger_free(l);
	clean();
}

static void
test_delivered(void)
{
	struct ledger *l = small(), *got;
	static const char *const none[] = { "k/7" }, *const first[] = { "k/7", "k/0" };
	bool committed;
	struct buf line;

	ledger_prepare(dir, &e);
	put_file("outbox/b0", "body", 4);
	ledger_save(dir, l, &committed, &e);
	ok(ledger_lists(dir, "k/0", &e) == 1 && ledger_lists(dir, "k/7", &e) == 0,
	    "lists");
	ok(ledger_delivered(dir, none, 1, &e) == 0, "keys of others");
	got = ledger_load(dir, &e);
	ok(got->gen == 42 && got->batches == 2, "are none of our business");
	buf_init(&line, 4096);
	ledger_manifest(&got->batch[1], "S\"", &line);
	ok(strcmp(line.p, "{\"key\":\"k/1\",\"path\":\"S\\\"/outbox/"
			  "b1\",\"bytes\":6,\"sources\":[{}]}\n") == 0,
	    "a manifest: %s", line.p);
	buf_done(&line);
	ledger_free(got);
	ok(ledger_delivered(dir, first, 2, &e) == 0 &&
		access(in_dir("outbox/b0"), F_OK) != 0,
	    "one delivered");
	got = ledger_load(dir, &e);
	ok(got->gen == 43 && got->batches == 1 && strcmp(got->batch[0].key, "k/1") == 0 &&
		got->entries == 5,
	    "its entry is gone, all else stands");
	ledger_free(got);
	ledger_free(l);
	clean();
}

static void
test_large(void)
{
	struct ledger *l = calloc(1, sizeof *l), *got;
	int64_t began;
	bool committed;
	struct rusage ru;
	double load_ms, save_ms;
	struct ledger_names names;
	char name[40];

	for (unsigned i = 0; i < 20000; i++) {
		char id[40], file[200];
		struct ledger_entry *n;

		hex64(i * 0x9e3779b97f4a7c15, id);
		strcat(id, "/o");
		n = ledger_put(l, str_of(id));
		snprintf(file, sizeof file,
		    "/var/log/containers/pod-%u_namespace_container-%064u.log", i, i);
		ledger_set_text(l, &n->file, str_of(file));
		ledger_set_text(
		    l, &n->dir, STR("/var/log/pods/namespace_pod_uid/container"));
		ledger_set_text(
		    l, &n->stat, STR("64768:1234567:12345678:1763816400000000000"));
	}
	for (unsigned i = 0; i < 2000; i++) {
		char key[60], manifest[100];

		snprintf(name, sizeof name, "%08x.gz", i * 2654435761u);
		snprintf(key, sizeof key, "k/%u", i);
		snprintf(manifest, sizeof manifest, "{\"key\":\"%s\"}", key);
		ledger_add_batch(l, name, str_of(key), str_of(manifest), &e);
	}
	ledger_prepare(dir, &e);
	began = clock_steady();
	ok(ledger_save(dir, l, &committed, &e) == 0, "20,000 entries, 2,000 batches");
	save_ms = (double)(clock_steady() - began) / 1e6;
	began = clock_steady();
	got = ledger_load(dir, &e);
	load_ms = (double)(clock_steady() - began) / 1e6;
	ok(got != NULL && got->entries == 20000 && got->batches == 2000, "read again");
	getrusage(RUSAGE_SELF, &ru);
	printf("# save %.0f ms, load %.0f ms, peak %ld MiB\n", save_ms, load_ms,
	    ru.ru_maxrss >> 10);
	ok(load_ms < 30000 && save_ms < 30000, "in a moment, also under valgrind");
	ok(ledger_names(got, &names, &e) == 0 && ledger_names_has(&names, name) &&
		!ledger_names_has(&names, "x"),
	    "names are found");
	free(names.name);
	ledger_free(l);
	ledger_free(got);
	clean();
}

/* A ledger that is made while it is looked for is there or is not; it is not damaged. */
static void
test_made_meanwhile(void)
{
	enum { ROUNDS = 60 };
	unsigned refused = 0, status = 1;

	for (int i = 0; i < ROUNDS; i++) {
		pid_t maker = fork();

		if (maker == 0)
			_exit(ledger_prepare(dir, &e) < 0);
		for (bool made = false; !made;) {
			struct ledger *l = ledger_load(dir, &e);

			refused += l == NULL;
			made = l == NULL || l->head[0] != '\0';
			ledger_free(l);
		}
		waitpid(maker, (int *)&status, 0);
		clean();
	}
	ok(refused == 0 && status == 0,
	    "a ledger that is being made: %u of %d refused (%s)", refused, ROUNDS,
	    refused > 0 ? e.text : "");
}

static void
test_lock(void)
{
	int a = ledger_lock(dir, 0, &e), b;

	ok(a >= 0, "locked");
	b = ledger_lock(dir, 50000000, &e);
	ok(b < 0 && e.status == ST_LATER, "by one alone: %s", e.text);
	ok(strstr(e.text, "fuser ") != NULL && strstr(e.text, "again later") != NULL,
	    "and says how to find out who has it, and what to do");
	ledger_unlock(a);
	b = ledger_lock(dir, 0, &e);
	ok(b >= 0, "and free again");
	ledger_unlock(b);
	ok(ledger_lock("/nonexistent", 0, &e) < 0 && e.status == ST_FAIL, "nowhere: %s",
	    e.text);
	clean();
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	test_round_trip();
	test_damage();
	test_nonsense();
	test_load();
	test_cursors();
	test_save();
	test_entries();
	test_claims();
	test_delivered();
	test_large();
	test_made_meanwhile();
	test_lock();
	ok(rmdir(dir) == 0, "nothing is left");
	return unit_end();
}
