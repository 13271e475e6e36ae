#include "source/pack.h"

#include <string.h>

enum pack
pack_of(const void *p, size_t n)
{
	const unsigned char *b = p;

	if (n >= 3 && memcmp(b, "\x1f\x8b\x08", 3) == 0)
		return PACK_GZIP;
	if (n >= 4 && memcmp(b, "\x28\xb5\x2f\xfd", 4) == 0)
		return PACK_ZSTD;
	if (n >= 6 && memcmp(b,
			  "\xfd"
			  "7zXZ\0",
			  6) == 0)
		return PACK_XZ;
	if (n >= 10 && memcmp(b, "BZh", 3) == 0 && b[3] >= '1' && b[3] <= '9' &&
	    memcmp(b + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0)
		return PACK_BZIP2;
	return PACK_NONE;
}

const char *
pack_name(enum pack pack)
{
	static const char *const names[] = { "", "gzip", "zstd", "xz", "bzip2" };

	return names[pack];
}
