/* sigv4.h - AWS Signature Version 4, in three steps that depend on their arguments only.
 *
 *     canonical request   what is signed, in one spelling:
 *
 *         PUT
 *         /logs/year%3D2026/a%20b.gz
 *
 *         host:s3.example.com
 *         x-amz-content-sha256:44ce7d...
 *         x-amz-date:20130524T000000Z
 *
 *         host;x-amz-content-sha256;x-amz-date
 *         44ce7d...
 *
 *     string to sign      AWS4-HMAC-SHA256, time, scope, hash of the above
 *     signature           HMAC-SHA256 under a key made from secret, day, region, service
 *
 * Paths and query are encoded here, once: all bytes but A-Z a-z 0-9 - . _ ~ (and '/' in a
 * path) become %XX in capitals.  For S3 the path is given raw and nothing is normalised,
 * so "a//b" and "a/../b" stay what they are; sigv4_encode() makes the path of the URL, so
 * what is sent is what was signed.  Other services want the path of the URL, encoded as it
 * is sent, encoded a second time, and without "//", "." and "..": `normalize`.  The query
 * is given raw, as pairs in any order, a name without a value with an empty one.
 *
 * Header names may be in any case and order; values are trimmed, runs of blanks (of line
 * ends too) become one; values of one name are joined by commas in order.  All that are
 * given are signed, so a session token that a service wants unsigned is added after.
 *
 * Thread-safe.  Derived keys are zeroed; buffers are the caller's, to be secret ones when
 * a token is in them.  Source: "Signature Calculations for the
 * Authorization Header" in the Amazon S3 API Reference; "Create a signed AWS API
 * request", IAM User Guide; RFC 3986, 5.2.4.
 */
#ifndef SIGV4_H
#define SIGV4_H
#include "base/buf.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
	SIGV4_PAIRS_MAX = 256,
	SIGV4_SECRET_MAX = 1024, /* bytes of a secret key; what is longer is cut off */
};

#define SIGV4_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct sigv4_pair {
	struct str name, value;
};

struct sigv4_request {
	const char *method;
	struct str path; /* raw; "" is "/" */
	const struct sigv4_pair *query;
	size_t query_n;
	const struct sigv4_pair *headers; /* those to sign; `host` must be among them */
	size_t header_n;
	const char *payload; /* SHA-256 of the body in hex, or UNSIGNED-PAYLOAD */
	bool normalize;      /* for services other than S3: see above */
};

struct sigv4_scope {
	int64_t time_ns; /* the request's x-amz-date */
	const char *region, *service;
};

/* "20130524T000000Z" */
void sigv4_time(int64_t time_ns, char out[17]);

/* Append `raw` percent-encoded; '/' stands as it is with `path`. */
void sigv4_encode(struct buf *b, struct str raw, bool path);

/* Append `path` without empty, "." and ".." parts; a '/' at its end stays. */
void sigv4_normalize(struct buf *b, struct str path);

/* Append the query as it is signed and sent: encoded, sorted, "name=value&name=". */
int sigv4_query(struct buf *b, const struct sigv4_pair *query, size_t n, struct err *e);

/* Step 1, appended to `text`; the names of the signed headers, by ';', to `names`.  -1:
 * more than SIGV4_PAIRS_MAX pairs, or a buffer is full. */
int sigv4_canonical(
    const struct sigv4_request *rq, struct buf *text, struct buf *names, struct err *e);

/* Step 2, appended to `out`. */
void sigv4_string(const struct sigv4_scope *sc, struct str canonical, struct buf *out);

/* Step 3: 64 hex digits and a NUL. */
void sigv4_signature(
    const struct sigv4_scope *sc, const char *secret, struct str string, char hex[65]);

/* The value of the Authorization header, appended to `out`. */
void sigv4_authorization(const struct sigv4_scope *sc, const char *access,
    struct str names, const char *hex, struct buf *out);

#endif
