/* checksum.h - what a server checks a body by, beside the SHA-256 that is signed.
 *
 *     sha256, crc32c   x-amz-checksum-sha256 and -crc32c, base64, kept with the object
 *     md5              Content-MD5, which buckets with Object Lock may insist on
 *
 * CRC-32C is Castagnoli's (RFC 3720, B.4).  A body is a part of a file or of memory and is
 * read by pread(2); nothing keeps state.
 * Source: "Checking object integrity", Amazon S3 User Guide; RFC 1864.
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct sha256;

enum checksum { CHECKSUM_NONE, CHECKSUM_SHA256, CHECKSUM_CRC32C, CHECKSUM_MD5 };

struct s3_body {
	int fd;               /* `bytes` after the first `from` of it; -1: none, or ... */
	const char *memory;   /* ... these; NULL: none */
	uint64_t from, bytes; /* bytes: UINT64_MAX when not known */
	const char *sha256;   /* 64 hex digits; NULL: not known (a pipe's) */
	const char *etag;     /* that all its parts together will have; NULL: not known */
	struct body_watch *watch; /* sha256 is what somebody said, and is checked while
				     the body is sent; NULL: it was read */
};

/* What was seen of a body on its way. */
struct body_watch {
	struct sha256 *hash;
	bool whole;      /* it was all seen, and ... */
	char sha256[65]; /* ... had this hash */
};

enum { CHECKSUM_TEXT = 48 }; /* bytes of the base64 of any of them, and a NUL */

/* The base64 of `kind` of the body.  -1: the file could not be read to its end. */
int checksum_of(
    enum checksum kind, const struct s3_body *b, char out[CHECKSUM_TEXT], struct err *e);

/* The MD5, as an ETag has it.  -1: it cannot be read. */
int checksum_md5_hex(const struct s3_body *b, char hex[33]);

/* For a body with a watch: the n bytes at `at` are about to be sent; from 0 in order, and
 * perhaps from 0 again.  -1: they are the last, and the hash is not b->sha256. */
int checksum_watch(
    const struct s3_body *b, uint64_t at, const char *p, size_t n, struct err *e);

/* "SHA256", "CRC32C"; NULL: not one of x-amz-checksum-*. */
const char *checksum_name(enum checksum kind);

uint32_t checksum_crc32c(uint32_t before, const void *p, uint64_t n);

#endif
