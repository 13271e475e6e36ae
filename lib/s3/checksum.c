#include "s3/checksum.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 << 10 };

const char *
checksum_name(enum checksum kind)
{
	return kind == CHECKSUM_SHA256   ? "SHA256"
	       : kind == CHECKSUM_CRC32C ? "CRC32C"
					 : NULL;
}

uint32_t
checksum_crc32c(uint32_t before, const void *p, uint64_t n)
{
	const uint8_t *at = p;
	uint32_t crc = ~before;
	int some;

	for (; n > 0; n -= (uint64_t)some, at += some) {
		some = n < 1 << 30 ? (int)n : 1 << 30;
		/* the library only reads, but does not say so */
		crc = crc32_iscsi((unsigned char *)(uintptr_t)at, some, crc);
	}
	return ~crc;
}

/* Both at once: one of them is NULL. */
static int
run_over(const struct s3_body *b, EVP_MD_CTX *md5, uint32_t *crc)
{
	char *block = b->fd >= 0 ? malloc(BLOCK) : NULL;
	uint64_t at = 0;
	const char *p;
	size_t n;

	if (b->fd >= 0 && block == NULL)
		return -1;
	for (; at < b->bytes; at += n) {
		n = b->bytes - at < BLOCK ? (size_t)(b->bytes - at) : BLOCK;
		p = b->fd < 0 ? b->memory + at : block;
		if (b->fd >= 0 && pread_full(b->fd, block, n, b->from + at) != (ssize_t)n)
			break;
		if (md5 != NULL)
			EVP_DigestUpdate(md5, p, n);
		if (crc != NULL)
			*crc = checksum_crc32c(*crc, p, n);
	}
	free(block);
	return at == b->bytes ? 0 : -1;
}

static int
md5_of(const struct s3_body *b, uint8_t digest[16])
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	int done = -1;

	if (m != NULL && EVP_DigestInit_ex(m, EVP_md5(), NULL) == 1 &&
	    (done = run_over(b, m, NULL)) == 0)
		EVP_DigestFinal_ex(m, digest, NULL);
	EVP_MD_CTX_free(m);
	return done;
}

int
checksum_md5_hex(const struct s3_body *b, char hex[33])
{
	uint8_t digest[16];

	if (md5_of(b, digest) < 0)
		return -1;
	hex_of(digest, sizeof digest, hex);
	return 0;
}

int
checksum_watch(
    const struct s3_body *b, uint64_t at, const char *p, size_t n, struct err *e)
{
	struct body_watch *w = b->watch;
	uint8_t digest[32];

	if (at == 0)
		sha256_end(w->hash, digest); /* forget what an earlier try saw */
	sha256_add(w->hash, p, n);
	if (at + n < b->bytes)
		return 0;
	sha256_end(w->hash, digest);
	hex_of(digest, sizeof digest, w->sha256);
	w->whole = true;
	if (strcmp(w->sha256, b->sha256) == 0)
		return 0;
	return err_set(e, ST_FAIL, "its sha256 is %s, not %s", w->sha256, b->sha256);
}

static unsigned
digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

int
checksum_of(
    enum checksum kind, const struct s3_body *b, char out[CHECKSUM_TEXT], struct err *e)
{
	uint8_t digest[32];
	uint32_t crc = 0;
	int n = 0, done = 0;

	if (kind == CHECKSUM_SHA256) {
		for (n = 0; n < 32; n++)
			digest[n] = (uint8_t)(digit(b->sha256[2 * n]) << 4 |
					      digit(b->sha256[2 * n + 1]));
	} else if (kind == CHECKSUM_CRC32C) {
		done = run_over(b, NULL, &crc);
		for (n = 0; n < 4; n++)
			digest[n] = (uint8_t)(crc >> (24 - 8 * n));
	} else {
		done = md5_of(b, digest);
		n = 16;
	}
	if (done < 0)
		return err_set(e, ST_FAIL, "the file got shorter, or could not be read");
	EVP_EncodeBlock((unsigned char *)out, digest, n);
	return 0;
}
