/* unpack.h - compressed data of the kinds that logrotate and people use, told by content.
 *
 *     gzip   1f 8b 08           ISA-L, in decompress.c
 *     zstd   28 b5 2f fd        libarchive's filters, which call libzstd, liblzma, libbz2
 *     xz     fd 37 7a 58 5a 00
 *     bzip2  "BZh" '1'..'9' 31 41 59 26 53 59
 *
 * Several frames or streams one after the other are one text.  Data that were compressed
 * twice are refused, not unpacked twice.  libarchive would start programs for filters that
 * it was built without: such a filter is an error here, and no program is ever started.
 * The memory that zstd and xz take is what the file asks for, up to libarchive's ceilings
 * (a window of 128 MiB, a dictionary that fits in 1 GiB); `zstd -19` and `xz -9` ask for
 * 8 and 65 MiB.
 */
#ifndef UNPACK_H
#define UNPACK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum pack { PACK_NONE, PACK_GZIP, PACK_ZSTD, PACK_XZ, PACK_BZIP2 };
enum { PACK_MAGIC = 10 }; /* bytes that tell */

enum pack pack_of(const void *p, size_t n);
const char *pack_name(enum pack pack); /* "gzip"; "" */

struct unpack; /* opaque: zstd, xz or bzip2 */

/* More compressed bytes: their number, 0 at the end, -1 when there is an error (the caller
 * knows which). */
typedef ssize_t unpack_fill(void *arg, void *p, size_t n);

/* NULL: out of memory. */
struct unpack *unpack_new(enum pack pack, unpack_fill *fill, void *arg);
void unpack_free(struct unpack *u);

/* Up to n bytes; 0: the end; -1: no more, because the compressed bytes ended too early
 * (unpack_cut) or are damaged, and unpack_why says how. */
ssize_t unpack_read(struct unpack *u, void *p, size_t n);
bool unpack_cut(const struct unpack *u);
const char *unpack_why(const struct unpack *u);

#endif
