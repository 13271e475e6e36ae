/* unpack.h - zstd, xz and bzip2 for decompress.h, by libarchive's filters, which call libzstd,
 * liblzma and libbz2.
 *
 * Several frames or streams one after the other are one text.  Data that were compressed
 * twice are refused, not unpacked twice.  libarchive would start programs for filters that
 * it was built without: such a filter is an error here, and no program is ever started.
 * Of data that are cut or damaged the block before that (up to 128 KiB; bzip2: 900 KB) does not
 * come out.  The memory that zstd and xz take is what the file asks for, up to a window of
 * 128 MiB (libarchive's ceiling) and a dictionary of 64 MiB (xzscan.h); `zstd -19` and `xz -9`
 * ask for 8 and 64 MiB.
 *
 * Programs that read gzip only do not call unpack_use, and are not linked with libarchive.
 */
#ifndef UNPACK_H
#define UNPACK_H

/* From now on readers know these kinds. */
void unpack_use(void);

#endif
