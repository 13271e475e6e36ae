#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdlib.h>

struct sha256 {
	EVP_MD_CTX *ctx;
};

struct sha256 *
sha256_new(void)
{
	struct sha256 *h = malloc(sizeof *h);

	if (h == NULL)
		return NULL;
	if ((h->ctx = EVP_MD_CTX_new()) == NULL ||
	    EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
		sha256_free(h);
		return NULL;
	}
	return h;
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	EVP_DigestUpdate(h->ctx, p, n);
}

void
sha256_end(struct sha256 *h, uint8_t digest[32])
{
	EVP_DigestFinal_ex(h->ctx, digest, NULL);
	EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL);
}

void
sha256_free(struct sha256 *h)
{
	if (h != NULL)
		EVP_MD_CTX_free(h->ctx);
	free(h);
}

void
sha256_of(const void *p, size_t n, uint8_t digest[32])
{
	SHA256(p, n, digest);
}

uint64_t
hash64(const void *p, size_t n)
{
	uint8_t d[32];
	uint64_t v = 0;

	sha256_of(p, n, d);
	for (int i = 0; i < 8; i++)
		v = v << 8 | d[i];
	return v;
}

void
hash_without_config(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

void
hex_of(const uint8_t *p, size_t n, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[p[i] >> 4];
		hex[2 * i + 1] = digits[p[i] & 15];
	}
	hex[2 * n] = '\0';
}

void
hex64(uint64_t v, char hex[17])
{
	uint8_t b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> (56 - 8 * i));
	hex_of(b, 8, hex);
}
