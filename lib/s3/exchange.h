/* exchange.h - a signed request and its answer, tried until it counts; for lib/s3 alone.
 *
 * What one client learns of the server all its twins know: `struct known`, under a lock
 * that is held while a request is signed, never while one is on its way.
 *
 * Some refusals are cured, and the request signed anew: RequestTimeTooSkewed by the
 * answer's Date (once in a run), a bucket in another region (x-amz-bucket-region or
 * <Region> of a 301, 307 or 400; at most EXCHANGE_MOVES_MAX times), credentials that
 * ended, by having them anew.  `epoch` counts the cures, so that several threads that were
 * refused for one reason cure it once.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H
#include "net/http.h"
#include "s3/client.h"
#include "s3/credentials.h"
#include "s3/endpoint.h"
#include "s3/sigv4.h"
#include <pthread.h>

enum {
	EXCHANGE_ANSWER_MAX = 64 << 10, /* bytes of an answer that are kept ... */
	EXCHANGE_ANSWER_END = 1 << 20,  /* ... and that are read */
	EXCHANGE_EXTRAS_MAX = 16, /* headers of one request beside those of signing */
	EXCHANGE_QUERY_MAX = 3,
	EXCHANGE_MOVES_MAX = 2,
	EXCHANGE_CURES_MAX = 4, /* for one request */
};
#define EXCHANGE_CALM_NS                                                                 \
	((int64_t)10000000000) /* time for what must be done at the end */

enum cond { COND_UNKNOWN, COND_WORKS, COND_NOT };

struct known {
	pthread_mutex_t lock;
	unsigned users;
	pthread_mutex_t blind; /* held while one object is put without having looked */
	/* do not change */
	const char *bucket;
	struct s3_options o;
	const char *ca_file;
	struct identity *identity; /* has a lock of its own */
	/* do, under the lock */
	struct endpoint at;
	enum cond cond; /* If-None-Match at this server */
	bool probed, skew_set, md5_wanted;
	unsigned epoch, moves;
	unsigned spare;        /* threads that parts may still take */
	int64_t skew_ns;       /* the server's clock less ours */
	int64_t failing_since; /* clock_steady() of the first failure in a row; 0: none */
	int64_t away_at; /* when a try last ended without an answer and time was over */
};

struct s3 {
	struct known *k;
	struct http *http;
	struct http *calm; /* goes on when the run was asked to stop */
};

/* One request: what to send. */
struct call {
	const char *method, *key;
	const struct s3_body *body; /* NULL: none */
	struct sigv4_pair query[EXCHANGE_QUERY_MAX], extra[EXCHANGE_EXTRAS_MAX];
	size_t queries, extras;
	bool calm; /* sent though the run was asked to stop, for EXCHANGE_CALM_NS */
};

void call_header(struct call *c, const char *name, const char *value);
void call_query(struct call *c, const char *name, const char *value);

/* Send until there is an answer that another try would not change: 0, see r->status.
 * -1: there is none. */
int exchange(struct s3 *s, const struct call *c, struct http_response *r,
    struct s3_result *res, struct err *e);

/* One try, without waiting; 0: there is an answer. */
int exchange_once(struct s3 *s, const struct call *c, struct http_response *r,
    struct s3_result *res, struct err *e);

/* 2xx, and no <Error> in its body. */
bool exchange_good(const struct http_response *r);

/* "s3://bucket/key: 403 AccessDenied: why (request id X)".  -1. */
int exchange_refused(const struct s3 *s, const struct call *c,
    const struct http_response *r, struct err *e);

void exchange_tell(const struct known *k, bool warn, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

bool exchange_stopped(const struct known *k);

#endif
