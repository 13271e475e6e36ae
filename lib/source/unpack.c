#include "source/unpack.h"
#include "source/decompress.h"
#include "source/xzscan.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_BLOCK = 64 << 10 };

struct unpack {
	struct archive *a;
	reader_fill *fill;
	void *arg;
	enum pack pack;
	bool begun, failed, input_ended;
	char why[160];
	struct xzscan xz;
	char in[IN_BLOCK];
};

static struct unpack *
unpack_new(enum pack pack, reader_fill *fill, void *arg)
{
	struct unpack *u = calloc(1, sizeof *u);

	if (u == NULL)
		return NULL;
	u->fill = fill;
	u->arg = arg;
	u->pack = pack;
	if ((u->a = archive_read_new()) == NULL) {
		free(u);
		return NULL;
	}
	return u;
}

static void
unpack_free(struct unpack *u)
{
	if (u != NULL)
		archive_read_free(u->a);
	free(u);
}

static la_ssize_t
take(struct archive *a, void *arg, const void **block)
{
	struct unpack *u = arg;
	ssize_t n;

	*block = u->in;
	if (u->xz.large || u->xz.lost)
		return ARCHIVE_FATAL;
	n = u->fill(u->arg, u->in, sizeof u->in);
	if (n < 0)
		archive_set_error(a, EIO, "what it is read from failed");
	u->input_ended |= n == 0;
	if (n > 0 && u->pack == PACK_XZ) {
		n = (ssize_t)xzscan_next(&u->xz, (const unsigned char *)u->in, (size_t)n);
		return n == 0 ? ARCHIVE_FATAL : n;
	}
	return n < 0 ? ARCHIVE_FATAL : n;
}

static ssize_t
fail(struct unpack *u, const char *why)
{
	u->failed = true;
	if (u->xz.large)
		why = "it wants a dictionary of more than 64 MiB; not read";
	snprintf(u->why, sizeof u->why, "%s data: %s", pack_name(u->pack),
	    why != NULL ? why : "damaged");
	return -1;
}

/* Only this filter, and only if it is compiled in (ARCHIVE_WARN: by a program). */
static int
filter(struct unpack *u)
{
	int (*const support[])(struct archive *) = { NULL, NULL,
		archive_read_support_filter_zstd, archive_read_support_filter_xz,
		archive_read_support_filter_bzip2 };

	return support[u->pack](u->a);
}

static ssize_t
begin(struct unpack *u)
{
	struct archive_entry *entry;

	u->begun = true;
	if (filter(u) != ARCHIVE_OK)
		return fail(
		    u, "this libarchive reads it through a program only; not read");
	if (archive_read_support_format_raw(u->a) != ARCHIVE_OK ||
	    archive_read_open(u->a, u, NULL, take, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(u->a, &entry) != ARCHIVE_OK)
		return fail(u, archive_error_string(u->a));
	if (archive_filter_count(u->a) > 2)
		return fail(u, "compressed more than once; not read");
	return 0;
}

static ssize_t
unpack_read(struct unpack *u, void *p, size_t n)
{
	la_ssize_t got;

	if (u->failed || (!u->begun && begin(u) < 0))
		return -1;
	got = archive_read_data(u->a, p, n);
	return got < 0 ? fail(u, archive_error_string(u->a)) : got;
}

static bool
unpack_cut(const struct unpack *u)
{
	return u->failed && u->input_ended;
}

static bool
unpack_refused(const struct unpack *u)
{
	return u->xz.large;
}

static const char *
unpack_why(const struct unpack *u)
{
	return u->why;
}

void
unpack_use(void)
{
	static const struct reader_unpacker by_libarchive = { unpack_new, unpack_read,
		unpack_cut, unpack_refused, unpack_why, unpack_free };

	reader_unpack_by(&by_libarchive);
}
