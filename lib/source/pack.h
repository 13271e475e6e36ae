/* pack.h - kinds of compressed data, told by their first bytes.
 *
 *     gzip   1f 8b 08
 *     zstd   28 b5 2f fd
 *     xz     fd 37 7a 58 5a 00
 *     bzip2  "BZh" '1'..'9' 31 41 59 26 53 59
 *
 * Source: RFC 1952, RFC 8878, the .xz file format, bzip2(1).
 */
#ifndef PACK_H
#define PACK_H
#include <stddef.h>

enum pack { PACK_NONE, PACK_GZIP, PACK_ZSTD, PACK_XZ, PACK_BZIP2 };
enum { PACK_MAGIC = 10 }; /* bytes that tell */

enum pack pack_of(const void *p, size_t n);
const char *pack_name(enum pack pack); /* "gzip"; "" */

#endif
