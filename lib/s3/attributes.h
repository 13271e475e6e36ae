/* attributes.h - what an object gets beside its bytes: encryption, class, tags, rights.
 *
 * Each is a header of the request that makes the object (PutObject, or
 * CreateMultipartUpload), and none is sent that was not asked for.  The owner is sent with
 * every request, so that a bucket of somebody else with the same name gets nothing.
 * Values are checked for what a header can hold; what they mean is the server's business.
 * Source: Amazon S3 API Reference, PutObject, CreateMultipartUpload.
 */
#ifndef ATTRIBUTES_H
#define ATTRIBUTES_H
#include "s3/checksum.h"
#include "s3/sigv4.h"
#include <stddef.h>

struct buf;
struct err;

enum {
	ATTRIBUTES_MAX = 8, /* headers */
	ATTRIBUTE_BYTES_MAX = 1024,
	TAGS_MAX = 10,
	TAG_KEY_MAX = 128, /* characters */
	TAG_VALUE_MAX = 256,
};

struct attributes {
	enum checksum checksum;
	const char *sse;                 /* "AES256", "aws:kms" or "aws:kms:dsse" */
	const char *kms_key;             /* id or ARN */
	const char *storage_class, *acl; /* "STANDARD_IA"; "bucket-owner-full-control" */
	const char *owner;               /* 12 digits, the account of the bucket */
	const char *content_type, *tagging; /* tagging: see attributes_tag */
};

/* -1: ST_USAGE, with the option that cannot be. */
int attributes_check(const struct attributes *a, struct err *e);

/* Append "K=V" to `tagging`, "k=v&k2=v2" percent-encoded; *n counts them.  -1: ST_USAGE. */
int attributes_tag(struct buf *tagging, const char *tag, unsigned *n, struct err *e);

/* The headers of a request that makes an object (`makes`) or of another; how many. */
size_t attributes_headers(
    const struct attributes *a, bool makes, struct sigv4_pair out[ATTRIBUTES_MAX]);

#endif
