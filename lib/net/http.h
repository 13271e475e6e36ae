/* http.h - one HTTP request and its answer; the one user of libcurl.
 *
 * A `struct http` keeps its connections open between requests, so a second request to the
 * same host costs no new handshake.  Certificates and host names are always verified.
 * Redirects are not followed (a signed request must be signed anew), proxies are taken
 * from the environment (https_proxy, http_proxy, no_proxy), HTTP/1.1 is spoken.
 *
 * What went wrong is told as "host: reason" without header values or bodies, so no secret
 * can be in it.  The status tells whether another try makes sense: ST_LATER for names
 * that do not resolve, connections refused or lost and time that ran out; ST_FAIL or
 * ST_USAGE for certificates, CA files and URLs.  An HTTP status of any kind is an answer,
 * not an error.
 *
 * What passes through libcurl may be secret, so memory that it frees is zeroed; OpenSSL's
 * own buffers are not ours to clean.
 *
 * Memory: two blocks of 256 KiB for a body on its way, the answer up to its ceiling.
 * One `struct http` per thread; the first one is made before threads are, and `stop` may be
 * set by a signal or another thread.  The program
 * ignores SIGPIPE.  Source: RFC 9110, RFC 9112; libcurl-easy(3).
 */
#ifndef HTTP_H
#define HTTP_H
#include "base/buf.h"
#include "base/str.h"
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct http; /* opaque */

enum {
	HTTP_BLOCK = 256 << 10,      /* bytes of a body handed over at once */
	HTTP_HEADERS_MAX = 64 << 10, /* bytes of an answer's headers that are kept */
};

struct http_options {
	const char *ca_file; /* PEM of the CAs to trust; NULL: the system's, or ... */
	struct str ca_pem;   /* ... these bytes; n = 0: none */
	struct str cert_pem, key_pem;      /* a certificate of our own; n = 0: none */
	const volatile sig_atomic_t *stop; /* not 0: end the transfer; may be NULL */
	bool direct;            /* by no proxy, whatever the environment says */
	_Atomic uint64_t *sent; /* grows by bytes of bodies handed over, and shrinks again
				   when they must be sent once more; may be NULL */
};

struct http_request {
	const char *method, *url;   /* the path is sent as it stands */
	const char *const *headers; /* "Name: value" each */
	size_t header_n;
	int fd; /* the body: `bytes` of this file after its first `from`; -1: none, or ... */
	const char *memory; /* ... these `bytes`; NULL: none */
	uint64_t from, bytes;
	int64_t connect_ns; /* longest time to connect, handshake included */
	int64_t
	    stall_ns; /* longest time with (nearly) no byte moved either way; 0: any */
	int64_t total_ns;  /* longest time for all of it; 0: any */
	int64_t answer_ns; /* longest time for the whole answer, from when it is connected
				and the last byte of the body is sent; 0: any */
	uint64_t answer_max; /* bytes of an answer's body: a 2xx of more is an error, of
				another status the rest is not read; 0: any */
	/* Takes the body of a 2xx as it comes, in place of r->body; -1 (with `e`) ends the
	 * request.  NULL: it is kept. */
	int (*consume)(void *user, const char *p, size_t n, struct err *e);
	/* Sees each piece of the body before it is sent, in order, and from `at` 0 again
	 * when the body is sent once more; -1 (with `e`): this piece and what follows are
	 * not sent, so the server has no whole request.  NULL: nobody looks. */
	int (*watch)(void *user, uint64_t at, const char *p, size_t n, struct err *e);
	void *user; /* of both */
};

struct http_response {
	int status;
	struct buf headers; /* as they came, one a line */
	struct buf body;    /* its first bytes, up to the ceiling */
	uint64_t consumed;  /* bytes that `consume` was given */
	bool cut;           /* the ceiling was reached; the rest was dropped */
	int64_t moved_ns; /* clock_steady() when bytes last moved, of a failed try too; 0:
			     none */
};

/* Borrows what `o` points to.  NULL: out of memory, or (ST_USAGE) the CA file cannot be
 * read. */
struct http *http_new(const struct http_options *o, struct err *e);
void http_free(struct http *h);

void http_response_init(struct http_response *r, size_t body_max);
void http_response_done(struct http_response *r);

/* 0: there is an answer in `r` (what was in it before is gone); -1: there is none. */
int http_send(struct http *h, const struct http_request *rq, struct http_response *r,
    struct err *e);

/* The value of a header, whatever its case; the last one wins. */
bool http_header(const struct http_response *r, const char *name, struct str *value);

#endif
