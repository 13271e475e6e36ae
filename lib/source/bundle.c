#include "source/bundle.h"
#include "base/err.h"
#include "base/fileio.h"
#include "source/decompress.h"
#include "source/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 256 << 10 };

struct bundle {
	struct archive *a;
	struct archive_entry *entry;
	const char *name;
	struct reader *whole; /* the archive, unpacked */
	uint64_t size;        /* of the file */
	uint64_t most;        /* bytes that may be made of it */
	uint64_t made;        /* of members */
	bool growing, failed, cut, too_much;
	char why[256];
	uint64_t index;
	locale_t utf8, before;
	void (*tick)(void *arg, uint64_t done, uint64_t of);
	void *tick_arg;

	/* the member in hand */
	struct reader *member;
	struct reader_source source;
	const char *data; /* bytes [data_at, data_at + data_n) of it, libarchive's */
	size_t data_n;
	uint64_t data_at, at;
	bool ended;
	int end_code; /* what to say at its end: 0 or a SOURCE_ code */
	char in[BLOCK];
};

/* A tar header's checksum is right, in each of its spellings. */
static bool
is_tar(const unsigned char *b)
{
	unsigned sum = 0, want = 0;
	size_t i = 148;

	while (i < 156 && b[i] == ' ')
		i++;
	for (; i < 156 && b[i] >= '0' && b[i] <= '7'; i++)
		want = want * 8 + (unsigned)(b[i] - '0');
	if (b[0] == '\0' || i == 148 || i > 156 ||
	    (i < 156 && b[i] != '\0' && b[i] != ' '))
		return false;
	for (i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : b[i];
	return sum == want && want > 0;
}

static bool
all_digits(const unsigned char *b, size_t n, const char *digits)
{
	return strspn((const char *)b, digits) >= n;
}

bool
bundle_is(const void *p, size_t n)
{
	const unsigned char *b = p;
	char head[111];

	if (n >= 4 && (memcmp(b, "PK\3\4", 4) == 0 || memcmp(b, "PK\5\6", 4) == 0))
		return true;
	snprintf(head, sizeof head, "%.*s", n < 110 ? (int)n : 110, (const char *)p);
	if ((n >= 110 && (memcmp(b, "070701", 6) == 0 || memcmp(b, "070702", 6) == 0) &&
		all_digits((const unsigned char *)head, 110, "0123456789abcdefABCDEF")) ||
	    (n >= 76 && memcmp(b, "070707", 6) == 0 &&
		all_digits((const unsigned char *)head, 76, "01234567")))
		return true;
	return n >= 512 && is_tar(b);
}

const char *
bundle_unread(const void *p, size_t n)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *name;
	} known[] = {
		{ "7z\xbc\xaf\x27\x1c", 6, "7-Zip" },
		{ "Rar!\x1a\x07", 6, "RAR" },
		{ "!<arch>\n", 8, "ar" },
		{ "xar!", 4, "xar" },
		{ "MSCF\0\0\0\0", 8, "cabinet" },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (n >= known[i].n && memcmp(p, known[i].magic, known[i].n) == 0)
			return known[i].name;
	return NULL;
}

static int
fail(struct bundle *b, const char *why)
{
	if (!b->failed)
		snprintf(b->why, sizeof b->why,
		    "archive %s at byte %" PRIu64 " of it: %s",
		    b->too_much ? "given up" : "damaged", reader_offset(b->whole),
		    why != NULL ? why : "damaged");
	b->failed = true;
	return -1;
}

static int
fail_too_much(struct bundle *b)
{
	b->too_much = true;
	return fail(b, "more than --max-expand allows comes of it; the rest is not read");
}

static la_ssize_t
take(struct archive *a, void *arg, const void **block)
{
	struct bundle *b = arg;
	struct err e;
	ssize_t n = reader_read(b->whole, b->in, sizeof b->in, b->name, &e);

	*block = b->in;
	if (b->tick != NULL)
		b->tick(b->tick_arg, reader_taken(b->whole), b->size);
	if (n < 0) {
		archive_set_error(a, EIO, "%s", e.text);
		return ARCHIVE_FATAL;
	}
	if (n == 0 && reader_corrupt(b->whole)) {
		archive_set_error(a, EILSEQ, "%s", reader_why(b->whole));
		return ARCHIVE_FATAL;
	}
	if (reader_offset(b->whole) > b->most) {
		fail_too_much(b);
		return ARCHIVE_FATAL;
	}
	return n;
}

static la_int64_t
seek(struct archive *a, void *arg, la_int64_t to, int whence)
{
	struct bundle *b = arg;
	struct err unused;
	la_int64_t base = whence == SEEK_SET   ? 0
			  : whence == SEEK_CUR ? (la_int64_t)reader_offset(b->whole)
					       : (la_int64_t)b->size;

	(void)a;
	if (base + to < 0 ||
	    reader_seek(b->whole, (uint64_t)(base + to), b->name, &unused) <= 0)
		return ARCHIVE_FATAL;
	return base + to;
}

static uint32_t
little(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* libarchive keeps the directory of a zip, whatever it says its length is: from where it
 * begins up to its end record, at the end of the file. */
static int
check_directory(int fd, const char *name, uint64_t size, struct err *e)
{
	enum { END = 22, COMMENT = 65535 };
	static unsigned char tail[END + COMMENT];
	uint64_t from = size > sizeof tail ? size - sizeof tail : 0, at = 0, begins;
	ssize_t n = pread_full(fd, tail, sizeof tail, from);

	for (ssize_t i = n - END; i >= 0 && at == 0; i--)
		if (memcmp(tail + i, "PK\5\6", 4) == 0) {
			at = from + (uint64_t)i;
			begins = little(tail + i + 16);
			if (begins == UINT32_MAX)
				return err_set(e, ST_ASIDE,
				    "%s: a zip of more than 4 GiB; not read: unpack it",
				    name);
			if (at > begins && at - begins > BUNDLE_DIRECTORY_MAX)
				return err_set(e, ST_ASIDE,
				    "%s: the directory of this zip is larger than %d "
				    "MiB; "
				    "not read: unpack it",
				    name, BUNDLE_DIRECTORY_MAX >> 20);
		}
	return 0;
}

static int
set_up(struct bundle *b, bool zip)
{
	struct archive *a = b->a;

	if (zip)
		return archive_read_support_format_zip_seekable(a) == ARCHIVE_OK &&
			       archive_read_set_seek_callback(a, seek) == ARCHIVE_OK
			   ? 0
			   : -1;
	return archive_read_support_format_tar(a) == ARCHIVE_OK &&
		       archive_read_support_format_cpio(a) == ARCHIVE_OK &&
		       archive_read_set_format_option(
			   a, "tar", "read_concatenated_archives", "1") == ARCHIVE_OK
		   ? 0
		   : -1;
}

struct bundle *
bundle_open(int fd, const char *name, uint64_t expand, bool growing, struct err *e)
{
	struct bundle *b = calloc(1, sizeof *b);
	unsigned char magic[PACK_MAGIC] = "";
	struct stat st;
	bool zip;

	if (b == NULL || fstat(fd, &st) < 0 ||
	    pread_full(fd, magic, sizeof magic, 0) < 0) {
		free(b);
		err_sys(e, name);
		return NULL;
	}
	unpack_use();
	b->name = name;
	b->growing = growing;
	b->size = (uint64_t)st.st_size;
	b->most = reader_expands_to(b->size, expand);
	/* names in UTF-8 come out as they are, whatever the locale */
	b->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	b->before = b->utf8 != (locale_t)0 ? uselocale(b->utf8) : (locale_t)0;
	zip = memcmp(magic, "PK", 2) == 0;
	if (zip && check_directory(fd, name, b->size, e) < 0)
		goto err;
	if ((b->whole = reader_new(fd, pack_of(magic, sizeof magic) != PACK_NONE, e)) ==
	    NULL)
		goto err;
	reader_allow_all(b->whole); /* `most` is kept here */
	if ((b->a = archive_read_new()) == NULL || set_up(b, zip) < 0) {
		err_set(e, ST_FAIL, "%s: libarchive cannot read it", name);
		goto err;
	}
	if (archive_read_open(b->a, b, NULL, take, NULL) != ARCHIVE_OK)
		fail(b, archive_error_string(b->a));
	return b;
err:
	bundle_close(b);
	return NULL;
}

void
bundle_close(struct bundle *b)
{
	if (b == NULL)
		return;
	reader_free(b->member);
	if (b->a != NULL)
		archive_read_free(b->a);
	reader_free(b->whole);
	if (b->utf8 != (locale_t)0) {
		uselocale(b->before);
		freelocale(b->utf8);
	}
	free(b);
}

void
bundle_tick(
    struct bundle *b, void (*tick)(void *arg, uint64_t done, uint64_t of), void *arg)
{
	b->tick = tick;
	b->tick_arg = arg;
}

static void
describe(struct bundle *b, struct bundle_member *m)
{
	struct archive_entry *en = b->entry;
	const char *name = archive_entry_pathname(en);

	if (name == NULL)
		name = archive_entry_pathname_utf8(en);
	*m = (struct bundle_member){
		.kind = BUNDLE_FILE, .name = name, .index = b->index++
	};
	m->link = archive_entry_hardlink(en);
	m->mtime_ns =
	    archive_entry_mtime_is_set(en)
		? archive_entry_mtime(en) * 1000000000 + archive_entry_mtime_nsec(en)
		: INT64_MIN;
	if (name == NULL || strlen(name) > BUNDLE_NAME_MAX) {
		m->kind = BUNDLE_NAME;
		m->name = "";
	} else if (archive_entry_filetype(en) != AE_IFREG ||
		   (m->link != NULL && !archive_entry_size_is_set(en)) ||
		   (archive_entry_size_is_set(en) && archive_entry_size(en) == 0)) {
		m->kind = BUNDLE_OTHER;
	} else if (archive_entry_is_data_encrypted(en)) {
		m->kind = BUNDLE_LOCKED;
	}
}

/* The end of the members: what is behind them has to be whole, too. */
static int
end(struct bundle *b)
{
	struct err e;
	ssize_t n;

	while ((n = reader_read(b->whole, b->in, sizeof b->in, b->name, &e)) > 0)
		if (reader_offset(b->whole) > b->most)
			return fail_too_much(b);
	if (n < 0)
		return fail(b, e.text);
	if (reader_corrupt(b->whole))
		return fail(b, reader_why(b->whole));
	if (reader_cut(b->whole))
		return fail(b, "it ends too early");
	return 0;
}

int
bundle_next(struct bundle *b, struct bundle_member *m)
{
	int r;

	reader_free(b->member);
	b->member = NULL;
	if (b->failed)
		return -1;
	if ((r = archive_read_next_header(b->a, &b->entry)) == ARCHIVE_EOF)
		r = end(b);
	else if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		r = fail(b, archive_error_string(b->a));
	else
		r = 1;
	if (r < 0)
		b->cut = b->growing && !b->too_much &&
			 reader_more(b->whole, b->name, &(struct err){ 0 }) == 0 &&
			 !reader_corrupt(b->whole);
	if (r <= 0)
		return r;
	if (b->index == BUNDLE_MEMBERS_MAX) {
		snprintf(b->why, sizeof b->why,
		    "more than %d members; the rest is not read", BUNDLE_MEMBERS_MAX);
		b->failed = true;
		return -1;
	}
	b->data_n = 0;
	b->data_at = b->at = 0;
	b->ended = false;
	b->end_code = 0;
	describe(b, m);
	return 1;
}

/* The next block of the member's data.  1; 0: the end; or a SOURCE_ code. */
static int
next_data(struct bundle *b)
{
	const void *p;
	size_t n;
	la_int64_t at;
	int r;

	if (b->ended)
		return b->end_code;
	r = archive_read_data_block(b->a, &p, &n, &at);
	if (r == ARCHIVE_EOF) {
		b->ended = true;
		/* a hole at the end of a sparse file */
		b->data_n = 0;
		b->data_at = archive_entry_size_is_set(b->entry) &&
				     (uint64_t)archive_entry_size(b->entry) > b->at &&
				     archive_entry_sparse_count(b->entry) > 0
				 ? (uint64_t)archive_entry_size(b->entry)
				 : b->at;
		return b->data_at > b->at;
	}
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN) {
		const char *why = archive_error_string(b->a);

		if (r == ARCHIVE_FATAL) {
			fail(b, why);
			b->cut =
			    b->growing && !b->too_much &&
			    reader_more(b->whole, b->name, &(struct err){ 0 }) == 0 &&
			    !reader_corrupt(b->whole);
		} else if (!b->failed) {
			snprintf(b->why, sizeof b->why,
			    "archive damaged at byte %" PRIu64 " of it: %s",
			    reader_offset(b->whole), why != NULL ? why : "damaged");
		}
		b->ended = true;
		b->data_n = 0;
		b->data_at = b->at;
		return b->end_code = b->cut ? SOURCE_CUT : SOURCE_DAMAGED;
	}
	b->data = p;
	b->data_n = n;
	b->data_at = (uint64_t)at;
	return 1;
}

static bool
made(void *arg, size_t n)
{
	struct bundle *b = arg;

	b->made += n;
	if (b->made <= b->most)
		return true;
	fail_too_much(b);
	return false;
}

static ssize_t
member_read(void *arg, void *p, size_t n)
{
	struct bundle *b = arg;
	size_t from;
	int r;

	while (b->at >= b->data_at + b->data_n)
		if ((r = next_data(b)) <= 0)
			return r;
	if (b->at < b->data_at) { /* a hole */
		n = b->data_at - b->at < n ? (size_t)(b->data_at - b->at) : n;
		memset(p, 0, n);
	} else {
		from = (size_t)(b->at - b->data_at);
		n = b->data_n - from < n ? b->data_n - from : n;
		memcpy(p, b->data + from, n);
	}
	b->at += n;
	return made(b, n) ? (ssize_t)n : SOURCE_DAMAGED;
}

static const char *
member_why(void *arg)
{
	const struct bundle *b = arg;

	return b->why;
}

struct reader *
bundle_reader(struct bundle *b, struct err *e)
{
	enum pack pack = PACK_NONE;

	if (b->member != NULL)
		return b->member;
	/* what it begins with is in the first block, and stays there */
	if (next_data(b) > 0 && b->data_at == 0)
		pack = pack_of(b->data, b->data_n);
	b->source = (struct reader_source){
		.arg = b, .read = member_read, .made = made, .why = member_why
	};
	return b->member = reader_new_source(&b->source, pack, e);
}

const char *
bundle_why(const struct bundle *b)
{
	return b->why;
}

bool
bundle_cut(const struct bundle *b)
{
	return b->cut;
}

bool
bundle_failed(const struct bundle *b)
{
	return b->failed;
}
