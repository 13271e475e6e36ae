/* put.h - what client.c and multipart.c have in common; for lib/s3 alone. */
#ifndef S3_PUT_H
#define S3_PUT_H
#include "s3/exchange.h"

/* A request that makes an object: its attributes, its hash if known, and, if
 * `conditional`, that there must be none yet. */
struct call put_call(const struct known *k, const char *method, const char *key,
    const struct s3_body *b, bool conditional);

/* Any other request: with the owner of the bucket, if he is to be checked. */
struct call plain_call(const struct known *k, const char *method, const char *key);

struct checksum_headers {
	char sum[CHECKSUM_TEXT], md5[CHECKSUM_TEXT];
};

/* The checksums of c->body that are wanted, as headers; `h` holds their texts. */
int put_checksums(
    struct known *k, struct call *c, struct checksum_headers *h, struct err *e);

/* A bucket with Object Lock wants one of the checksums: from now on it gets Content-MD5.
 * True: that was it, and another try is worth while. */
bool put_wants_md5(struct known *k, const struct http_response *r);

/* It exists: success when it is ours, else the user must say that it may go. */
int put_settle(struct s3 *s, const char *key, const struct s3_body *b,
    struct s3_result *res, struct err *e);

/* Add what --overwrite would do to an error about other bytes, or of not being let look. */
void put_hint(struct err *e);

void put_etag(struct str value, char etag[S3_ETAG_MAX]);

enum cond put_condition(struct known *k);
void put_condition_is(struct known *k, enum cond cond, const char *did);

#endif
