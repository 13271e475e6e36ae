/* What can be read once: kinds told by content, going back a little, which file it is. */
#include "source/bundle.h"
#include "base/err.h"
#include "ledger/ledger.h"
#include "source/decompress.h"
#include "source/identity.h"
#include "unit.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void
test_pack(void)
{
	static const struct {
		const char *p;
		size_t n;
		enum pack pack;
	} t[] = {
		{ "\x1f\x8b\x08\0", 4, PACK_GZIP },
		{ "\x1f\x8b", 2, PACK_NONE },
		{ "\x28\xb5\x2f\xfd", 4, PACK_ZSTD },
		{ "\xfd"
		  "7zXZ\0",
		    6, PACK_XZ },
		{ "\xfd"
		  "7zXZ",
		    5, PACK_NONE },
		{ "BZh91AY&SY", 10, PACK_BZIP2 },
		{ "BZh01AY&SY", 10, PACK_NONE },
		{ "BZh9 is a line", 14, PACK_NONE },
		{ "", 0, PACK_NONE },
	};

	for (size_t i = 0; i < COUNT(t); i++)
		ok(pack_of(t[i].p, t[i].n) == t[i].pack, "pack %zu is \"%s\"", i,
		    pack_name(t[i].pack));
}

/* A ustar header of a member "a" with its checksum. */
static void
tar_header(unsigned char h[512])
{
	unsigned sum = 0;

	memset(h, 0, 512);
	h[0] = 'a';
	memcpy(h + 124, "00000000003", 11);
	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
}

static void
test_is(void)
{
	static const char odc[] = "070707000000000000100644000000000000000001000000000000"
				  "0000000000000200000000003a";
	static const char mysql[] =
	    "070707 12:00:01 mysqld started, and a good deal of text "
	    "that makes it longer than a header of cpio's would be";
	unsigned char h[512];
	char zeros[512] = "";

	tar_header(h);
	ok(bundle_is(h, 512) && !bundle_is(h, 511), "a tar header, whole");
	h[5] ^= 1;
	ok(!bundle_is(h, 512), "one of a wrong checksum is none");
	ok(!bundle_is(zeros, 512), "nor are zeros");
	ok(bundle_is("PK\3\4....", 8) && bundle_is("PK\5\6", 4) && !bundle_is("PK", 2),
	    "zip");
	ok(bundle_is(odc, sizeof odc - 1) && !bundle_is(mysql, sizeof mysql - 1),
	    "cpio, and a line that begins so");
	ok(!bundle_is("", 0) && !bundle_is("2026-11-22T13:00:00Z stdout F x\n", 32),
	    "logs");
	ok(strcmp(bundle_unread("7z\xbc\xaf\x27\x1c", 6), "7-Zip") == 0 &&
		bundle_unread("7z is a line", 12) == NULL,
	    "7-Zip is known, and not read");
}

/* A text that comes by once, `step` bytes at a time. */
struct once {
	const char *p;
	size_t n, at, step;
	struct reader_source source;
};

static ssize_t
once_read(void *arg, void *p, size_t n)
{
	struct once *o = arg;

	n = n < o->step ? n : o->step;
	n = n < o->n - o->at ? n : o->n - o->at;
	memcpy(p, o->p + o->at, n);
	o->at += n;
	return (ssize_t)n;
}

static bool
once_made(void *arg, size_t n)
{
	return arg != NULL && n > 0;
}

static const char *
once_why(void *arg)
{
	return arg != NULL ? "damaged" : "";
}

static struct reader *
once(struct once *o, const char *p, size_t n, size_t step)
{
	struct err e;

	*o = (struct once){ .p = p,
		.n = n,
		.step = step,
		.source = { o, once_read, once_made, once_why } };
	return reader_new_source(&o->source, PACK_NONE, &e);
}

static char text[9000];

static void
fill_text(void)
{
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 37 == 36 ? '\n' : (char)('a' + i * i % 23);
}

/* Does the text stand at `at`? */
static bool
stands(struct reader *r, uint64_t at, size_t n)
{
	char got[4096];
	struct err e;
	size_t have = 0;
	ssize_t k;

	if (reader_seek(r, at, "x", &e) != 1)
		return false;
	while (have < n && (k = reader_read(r, got + have, n - have, "x", &e)) > 0)
		have += (size_t)k;
	return have == n && memcmp(got, text + at, n) == 0;
}

static void
test_once(void)
{
	static const size_t steps[] = { 1, 7, 1000, 5000 };
	struct once o;
	struct err e;

	for (size_t i = 0; i < COUNT(steps); i++) {
		struct reader *r = once(&o, text, sizeof text, steps[i]);

		ok(stands(r, 0, 1024) && stands(r, 100, 1000) &&
			stands(r, 0, READER_KEPT),
		    "steps of %zu: back within what is kept", steps[i]);
		ok(reader_more(r, "x", &e) == 1 && reader_more(r, "x", &e) == 1 &&
			reader_offset(r) == READER_KEPT && stands(r, 1000, 200) &&
			stands(r, 2000, 200),
		    "a byte that was asked for is not lost, going back or on");
		ok(!reader_reaches(r, 1999) && reader_seek(r, 1999, "x", &e) < 0,
		    "behind what is kept there is no way back");
		ok(stands(r, 3000, 10) && (reader_keep(r), true) &&
			stands(r, 3010, 500) && stands(r, 3100, 1000) &&
			!reader_reaches(r, 3000),
		    "kept from another place on");
		ok(stands(r, 5000, sizeof text - 5000) && reader_more(r, "x", &e) == 0 &&
			reader_seek(r, sizeof text + 1, "x", &e) == 0,
		    "and the end");
		reader_free(r);
	}
}

/* The window of a text before `at`. */
static uint64_t
sum_at(size_t at)
{
	size_t n = at < IDENTITY_WINDOW ? at : IDENTITY_WINDOW;

	return identity_sum(text + at - n, n);
}

static void
test_windows(void)
{
	static const uint64_t at[] = { 10, 11, 700, 1024, 1500, 1501, 3000, 4000, 4001,
		9000 };
	struct identity id;
	struct once o;
	struct reader *r = once(&o, text, sizeof text, 300);
	struct err e;
	uint64_t sum = 0;

	ok(identity_read(r, true, &id, "x", &e) == 1, "the first line");
	for (size_t i = 0; i < COUNT(at); i++)
		ok(identity_window(&id, r, at[i], &sum, "x", &e) == 1 &&
			sum == sum_at(at[i]) && reader_offset(r) == at[i],
		    "the window before %llu, in one go", (unsigned long long)at[i]);
	ok(identity_window(&id, r, 9001, &sum, "x", &e) == 0, "the text is shorter");
	reader_free(r);
}

static void
entry(struct ledger *l, const char *id, const char *file, uint64_t at, uint64_t sum)
{
	struct ledger_entry *n = ledger_put(l, str_of(id));

	ledger_set_text(l, &n->file, str_of(file));
	n->end = n->at = at;
	n->sum = sum;
}

static enum identity_found
found(const struct ledger *l, size_t size, bool raw, const char *file,
    char id[IDENTITY_ID_MAX])
{
	struct identity who;
	struct once o;
	struct reader *r = once(&o, text, size, 300);
	struct err e;
	enum identity_found f;

	identity_read(r, true, &who, "x", &e);
	f = identity_match_forward(&who, l, r, raw, str_of(file), STR(""), "x", &e);
	snprintf(id, IDENTITY_ID_MAX, "%s", who.id);
	reader_free(r);
	return f;
}

static void
test_match(void)
{
	struct ledger *l;
	struct identity who;
	struct once o;
	struct reader *r = once(&o, text, sizeof text, 300);
	struct err e;
	char ids[4][IDENTITY_ID_MAX + 8], id[IDENTITY_ID_MAX];

	identity_read(r, true, &who, "x", &e);
	reader_free(r);
	l = ledger_load("/nonexistent", &e);
	snprintf(ids[0], sizeof ids[0], "%s", who.hash);
	ok(found(l, 5000, false, "f", id) == IDENTITY_NEW && strcmp(id, who.hash) == 0,
	    "new");
	snprintf(ids[0], sizeof ids[0], "%s/o", who.hash);
	snprintf(ids[1], sizeof ids[1], "%s/e", who.hash);
	entry(l, ids[0], "f", 3000, sum_at(3000));
	entry(l, ids[1], "f", 3000, sum_at(3000));
	ok(found(l, 5000, false, "g", id) == IDENTITY_KNOWN && strcmp(id, who.hash) == 0,
	    "known by its window");
	ok(found(l, 2999, false, "g", id) == IDENTITY_STUB, "shorter: a stub");
	snprintf(ids[2], sizeof ids[2], "%s.1/o", who.hash);
	entry(l, ids[2], "f", 4000, sum_at(4000));
	ok(found(l, 5000, false, "g", id) == IDENTITY_KNOWN && strstr(id, ".1") != NULL,
	    "two fit: the one read further");
	ok(found(l, 3500, false, "g", id) == IDENTITY_KNOWN && strcmp(id, who.hash) == 0,
	    "the other one, where the longer is too long");
	ledger_find(l, str_of(ids[2]))->sum ^= 1;
	ok(found(l, 5000, false, "g", id) == IDENTITY_KNOWN && strcmp(id, who.hash) == 0,
	    "nor where its bytes are others");
	ledger_find(l, str_of(ids[1]))->sum ^= 1;
	ok(found(l, 5000, false, "g", id) == IDENTITY_NEW && strstr(id, ".2") != NULL,
	    "a stream that does not fit rules the file out: a new one");
	ledger_set_text(l, &ledger_find(l, str_of(ids[2]))->path, STR(""));
	ledger_find(l, str_of(ids[2]))->seen = true;
	ok(found(l, 5000, false, "g", id) == IDENTITY_PENDING,
	    "one that is not read yet");
	ledger_free(l);

	l = ledger_load("/nonexistent", &e);
	entry(l, who.hash, "a", 2000, sum_at(2000));
	snprintf(ids[3], sizeof ids[3], "%s.1", who.hash);
	entry(l, ids[3], "b", 4000, sum_at(4000));
	ok(found(l, 5000, true, "a", id) == IDENTITY_KNOWN && strcmp(id, who.hash) == 0,
	    "raw: the one of its name before the one read further");
	ok(found(l, 5000, true, "c", id) == IDENTITY_KNOWN && strcmp(id, ids[3]) == 0,
	    "without that, the one read further");
	ok(found(l, 1000, true, "c", id) == IDENTITY_NEW, "a shorter raw one is new");
	ledger_find(l, str_of(ids[3]))->seen = true;
	ok(found(l, 5000, true, "d", id) == IDENTITY_KNOWN && strcmp(id, who.hash) == 0,
	    "one met before is another");
	ok(found(l, 5000, true, "b.gz", id) == IDENTITY_KNOWN && strcmp(id, ids[3]) == 0,
	    "but for X beside X.gz");
	ledger_free(l);
}

int
main(void)
{
	fill_text();
	test_pack();
	test_is();
	test_once();
	test_windows();
	test_match();
	return unit_end();
}
