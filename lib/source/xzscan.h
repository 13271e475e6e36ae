/* xzscan.h - how large are the dictionaries that xz data ask for?
 *
 * Follows the compressed bytes from header to header, without unpacking anything: streams,
 * blocks, the chunks of LZMA2, the index.  libarchive sets liblzma no limit, and memory is
 * taken by what a block's header says.
 *
 * Source: The .xz File Format 1.1.0; LZMA2's chunks as liblzma's lzma2_decoder.c reads them.
 */
#ifndef XZSCAN_H
#define XZSCAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { XZSCAN_DICTIONARY_MAX = 64 << 20 }; /* that of xz -9 */

struct xzscan {
	int state;
	bool large, lost;
	unsigned char head[1024]; /* what is being collected */
	size_t have, want;
	uint64_t skip, numbers, at; /* `at`: bytes of the block's data, or of the index */
	unsigned check;             /* bytes of it behind a block */
};

/* The next bytes, from { 0 } on.  How many of them may be unpacked: all, unless it is `large`
 * (a block that begins there wants more than XZSCAN_DICTIONARY_MAX) or `lost` (this is not
 * xz, whoever unpacks it will say so). */
size_t xzscan_next(struct xzscan *x, const unsigned char *p, size_t n);

#endif
