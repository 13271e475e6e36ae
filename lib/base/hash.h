/* hash.h - SHA-256 (FIPS 180-4, by OpenSSL), whole or cut to 64 bits, and hex.
 *
 * hash64 names files and checks windows of bytes in the ledger, so it must be the same on
 * every machine and hard to collide on purpose: it is the first 8 bytes of SHA-256.
 */
#ifndef HASH_H
#define HASH_H
#include <stddef.h>
#include <stdint.h>

struct sha256; /* opaque: a running digest */

struct sha256 *sha256_new(void); /* NULL: out of memory */
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_end(struct sha256 *h, uint8_t digest[32]); /* and begin anew */
void sha256_free(struct sha256 *h);

void sha256_of(const void *p, size_t n, uint8_t digest[32]);
uint64_t hash64(const void *p, size_t n);

/* OpenSSL's configuration file is not looked for: for a program that has nothing else of
 * OpenSSL, and cannot open files by the time it first takes a hash.  First of all. */
void hash_without_config(void);

void hex_of(const uint8_t *p, size_t n, char *hex); /* 2n digits and a NUL */
void hex64(uint64_t v, char hex[17]);

#endif
