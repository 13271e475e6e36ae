/* client.h - put one object into S3, once, and know that it is there.
 *
 * Success is a 2xx answer with an ETag.  Unless `overwrite`, each PUT carries
 * `If-None-Match: *`; a 412 is followed by a HEAD that compares size and SHA-256 (each
 * PUT sends it as x-amz-meta-sha256; objects of others are compared by an ETag that is an
 * MD5). Equal is success, and often our own first try whose answer was lost.  Servers other
 * than AWS may answer 501 to the header or ignore it: until it is known to work each PUT is
 * preceded by a HEAD, so that nothing is replaced blind.  To find out, one object of at most
 * S3_PROBE_MAX bytes is put a second time; a 412 tells as well.  Where HEAD is refused, as with
 * s3:PutObject alone, the header must do: while nothing is known objects are put one at a time,
 * each of them twice; the one whose second time succeeds may have replaced another and fails
 * (ST_NOPERM), and so do all after it, unsent.  The SHA-256 of the body is signed, so a
 * body that changes on its way or on disk is refused by the server; with a watch
 * (checksum.h) already here.
 * Big objects go in parts: multipart.h.
 *
 * Tried again: no answer (names, connections, time), 5xx, 429, 408, 409 of two writers,
 * SlowDown, RequestTimeout, and what exchange.h can cure (a skewed clock, another region,
 * credentials that ended).  Waits double from ANSWER_WAIT_FIRST_NS up to
 * ANSWER_WAIT_MAX_NS with full jitter, and are at least the server's Retry-After.  Trying
 * ends `max_time_ns` after the last byte moved (or try began) before the first failure
 * that no good answer followed, however many objects that time held: then each further
 * object gets one try, and none within S3_AWAY_NS of a try that got no answer.  An answer
 * has what is left of that time, at least 2 s, from when the body is sent.
 *
 * Errors read "s3://bucket/key: 403 SignatureDoesNotMatch: message (request id X)":
 * ST_NOPERM for 401, 403 and tokens that ended, ST_LATER for what was tried to the end of
 * the time, else ST_FAIL.  Memory: see http.h.  One client per thread; twins share what
 * they know of the server.
 * Source: Amazon S3 API Reference, PutObject, HeadObject, Error responses.
 */
#ifndef CLIENT_H
#define CLIENT_H
#include "s3/attributes.h"
#include "s3/checksum.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct s3; /* opaque */

enum {
	S3_ETAG_MAX = 160,
	S3_ID_MAX = 100,
	S3_KEY_MAX = 1024,      /* bytes */
	S3_PROBE_MAX = 1 << 20, /* bytes of a body that is put twice to know the server */
	S3_JOBS_MAX = 64,
};
#define S3_PUT_MAX ((uint64_t)5 << 30) /* bytes that one PUT takes */
#define S3_AWAY_NS ((int64_t)10000000000)

struct s3_options {
	const char
	    *endpoint; /* "http[s]://host[:port][/path]"; NULL: AWS in that region */
	const char
	    *region; /* NULL: from environment and profile; at an endpoint us-east-1 */
	const char *ca_file; /* NULL: AWS_CA_BUNDLE, or the system's */
	bool path_style; /* else the bucket is in the host name, where that can work */
	bool overwrite;
	struct attributes attributes;
	uint64_t part_bytes; /* 0: see multipart.h */
	unsigned jobs;       /* parts of one object on their way at once; 0: one */
	int64_t max_time_ns;
	const volatile sig_atomic_t *stop; /* not 0: end soon; may be NULL */
	_Atomic uint64_t *sent;            /* see http.h; may be NULL */
	void (*tell)(bool warn,
	    const char *text); /* decisions and retries, of any thread; may be NULL */
	const char *(*env)(const char *name); /* getenv(3) */
};

struct s3_result {
	bool present; /* it was there already, with the same bytes */
	char etag[S3_ETAG_MAX];
	char request[S3_ID_MAX]; /* x-amz-request-id of the last answer; "" */
	unsigned attempts;       /* requests sent for this object, HEADs included */
};

/* Find credentials and region.  Strings in `o` and `bucket` are borrowed.  NULL:
 * ST_USAGE, or ST_NOPERM when there are no credentials. */
struct s3 *s3_new(const char *bucket, const struct s3_options *o, struct err *e);

/* Another client for another thread, of the same server and run.  May be called by any
 * thread. */
struct s3 *s3_twin(const struct s3 *s, struct err *e);
void s3_free(struct s3 *s); /* twins in any order */

/* Not from a pipe.  `r->attempts` is set whatever happens. */
int s3_put(struct s3 *s, const char *key, const struct s3_body *b, struct s3_result *r,
    struct err *e);

/* Is there an object with just these bytes?  1, 0: no object; -1: another one, or nobody
 * knows.  b->fd may be -1; then only x-amz-meta-sha256 (or b->etag) can tell. */
int s3_has(struct s3 *s, const char *key, const struct s3_body *b, struct s3_result *r,
    struct err *e);

#endif
