/* bundle.h - archives of logs: their members, one after the other, as readers.
 *
 * Read by libarchive: tar (v7, ustar, pax, GNU), cpio (odc, newc) and zip, told by content.
 * tar and cpio may be compressed (gzip by ISA-L in front of libarchive, zstd, xz, bzip2);
 * a zip is read by its central directory and must be a file.  No other format and no filter
 * of libarchive's is switched on, so nothing starts a program.
 *
 * An archive is read forward, once: the reader of a member ends with the next call of
 * bundle_next.  Nothing is written, and no name in it is ever given to the system: "..",
 * absolute names and links are only text.  A member that is compressed itself is unpacked,
 * once; one that is an archive is the caller's to refuse (bundle_is).
 *
 * Ceilings: BUNDLE_MEMBERS_MAX names (more are not read), BUNDLE_NAME_MAX bytes of a name
 * (such a member is passed over), BUNDLE_DIRECTORY_MAX bytes of a zip's directory, which
 * libarchive keeps in memory; and the bytes that are made of the archive's: `expand` times
 * its size, or READER_EXPAND_LEAST (decompress.h) if that is more.
 *
 * Source: libarchive(3), archive_read(3); tar(5), cpio(5); APPNOTE.TXT of PKWARE.
 */
#ifndef BUNDLE_H
#define BUNDLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bundle; /* opaque */
struct err;
struct reader;

enum {
	BUNDLE_MEMBERS_MAX = 1000000,
	BUNDLE_NAME_MAX = 4095,
	BUNDLE_DIRECTORY_MAX = 16 << 20,
	BUNDLE_PEEK = 512, /* bytes that tell an archive */
};

/* What begins so: an archive that is read here? */
bool bundle_is(const void *p, size_t n);
/* The name of a kind of archive that is known and not read; NULL: it is none. */
const char *bundle_unread(const void *p, size_t n);

enum bundle_kind {
	BUNDLE_FILE,   /* a file with something in it */
	BUNDLE_OTHER,  /* directory, link, device, empty file */
	BUNDLE_LOCKED, /* encrypted */
	BUNDLE_NAME,   /* its name is too long or cannot be read */
};

struct bundle_member {
	enum bundle_kind kind;
	const char *name; /* as it stands in the archive; borrowed until the next */
	const char
	    *link; /* the member that it is a hard link to, with the content; or NULL */
	uint64_t index;   /* from 0, in the order of the archive */
	int64_t mtime_ns; /* INT64_MIN: not told */
};

/* `fd` stays the caller's; its own offset is not used.  `growing`: it may still be written,
 * so that what ends too early is not damage.  `expand`: see above.  NULL: `e` says why. */
struct bundle *bundle_open(
    int fd, const char *name, uint64_t expand, bool growing, struct err *e);
void bundle_close(struct bundle *b);

/* 1; 0: the end; -1: no more, because the archive ends too early or is damaged, a ceiling
 * was reached, or it cannot be read: bundle_why. */
int bundle_next(struct bundle *b, struct bundle_member *m);

/* The member in hand; owned by `b`.  NULL: out of memory. */
struct reader *bundle_reader(struct bundle *b, struct err *e);

/* "archive damaged at byte N of it: REASON", N as it was before compression (about: by the
 * block). */
const char *bundle_why(const struct bundle *b);
bool bundle_cut(const struct bundle *b);    /* it ended too early and was `growing` */
bool bundle_failed(const struct bundle *b); /* no member comes any more */

/* Called now and then with the bytes of the file that are read, and all there are. */
void bundle_tick(
    struct bundle *b, void (*tick)(void *arg, uint64_t done, uint64_t of), void *arg);

#endif
