/* apiserver.h - a connection to a Kubernetes API server, or to a kubelet.
 *
 * Where it is and who we are comes from one of
 *
 *     a pod        KUBERNETES_SERVICE_HOST and _PORT, and under
 *                  /var/run/secrets/kubernetes.io/serviceaccount: token, ca.crt, namespace
 *     a URL        with a token file, a CA file, a client certificate and its key
 *     kubeconfig   JSON or YAML: its current context; server, certificate-authority[-data],
 *                  client-certificate[-data], client-key[-data], token, tokenFile, namespace.
 *                  What else would change who we are (exec, auth-provider, username, proxy-url,
 *                  insecure-skip-tls-verify, ...) is refused by name, not passed over
 *
 * and what is given explicitly goes before what a pod or a kubeconfig says.  The token file is
 * read again when it has changed, and once more when the server answers 401; blanks and line
 * ends around the token do not matter.  No token is ever in a message, or sent over http://.  A
 * kubelet is sent the pod's own token when no other is given.
 *
 * A failure is told in one line with what to do: for 403 the verb and the resource that are
 * missing and the rule that gives them.  `status` of the error: ST_LATER for a server that is
 * away, slow or busy, ST_NOPERM for 401 and 403, ST_USAGE for what is configured wrong,
 * ST_FAIL for the rest.
 *
 * Not for several threads at once: one `struct apiserver` each, the first made before threads.
 * Source: kubernetes.io/docs/reference/using-api/api-concepts; client-go rest.InClusterConfig,
 * clientcmd (kubeconfig); what 1.34 servers answer.
 */
#ifndef APISERVER_H
#define APISERVER_H
#include "base/buf.h"
#include "base/str.h"
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct apiserver; /* opaque */

enum {
	APISERVER_TOKEN_MAX = 64 << 10, /* bytes of a token file */
	APISERVER_CONFIG_MAX = 1 << 20, /* bytes of a kubeconfig */
	APISERVER_BODY_MAX = 4 << 20,   /* bytes of an answer that is kept whole */
	APISERVER_TRIES = 3,            /* of a request that got no answer */
	APISERVER_PAGE = 500,           /* items asked for at once */
	APISERVER_PAGES_MAX = 10000,    /* pages of one list */
	APISERVER_LISTS_MAX = 3,        /* beginnings of one list, after 410 */
};

#define APISERVER_POD_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/* All may be NULL; all strings are copied. */
struct apiserver_options {
	const char *url; /* NULL: as the kubeconfig or the pod says */
	const char *token_file, *ca_file, *cert_file, *key_file;
	const char *kubeconfig;
	bool
	    kubelet; /* `url` is a kubelet's: told so, and asked for with its own rules */
	const char *(*env)(const char *name); /* NULL: getenv */
	const volatile sig_atomic_t *stop;    /* not 0: end what is under way */
};

/* NULL: `e` (ST_USAGE) says what is missing and how to give it. */
struct apiserver *apiserver_open(const struct apiserver_options *o, struct err *e);
void apiserver_close(struct apiserver *a);

/* The files that are read again in later requests, each to `near`: they may be replaced by new
 * ones. */
void apiserver_needs(const struct apiserver *a, void (*near)(const char *file));

const char *apiserver_name(const struct apiserver *a); /* "host:port", for messages */
const char *apiserver_namespace(
    const struct apiserver *a); /* the pod's or the context's, or "" */

struct apiserver_request {
	const char *method; /* "GET", "POST", ... */
	const char *path; /* with its query, percent-encoded: "/api/v1/pods?limit=500" */
	struct str body;  /* JSON; n = 0: none */
	/* Takes the body of a 2xx as it comes; -1 (with `e`) ends the request.  NULL: it is
	 * kept in the answer. */
	int (*consume)(void *user, const char *p, size_t n, struct err *e);
	void *user;
	int64_t until_ns; /* clock_steady() at which the request is given up; 0: never */
	bool quiet;       /* a watch: long silence is no fault */
};

struct apiserver_answer {
	int status;        /* HTTP's; 0: there was no answer */
	char reason[64];   /* of the Status object: "AlreadyExists", "Expired"; or "" */
	char message[256]; /* of the Status object, or the beginning of a text; or "" */
	int64_t retry_after_ns; /* -1: the server does not say */
	uint64_t consumed;      /* bytes given to `consume` */
	struct buf body;        /* of a 2xx without `consume`, valid JSON or not */
};

void apiserver_answer_init(struct apiserver_answer *an);
void apiserver_answer_done(struct apiserver_answer *an);

/* One request, tried a second time with the token read anew after a 401.  0: 2xx; -1: no
 * answer or another one: an->status and an->reason tell which (a caller may take a 409
 * "AlreadyExists" for success). */
int apiserver_send(struct apiserver *a, const struct apiserver_request *rq,
    struct apiserver_answer *an, struct err *e);

/* The same, and again after 429, 500, 502, 503, 504 (when Retry-After says, else in a second)
 * as long as until_ns allows, and up to APISERVER_TRIES times when there was no answer; never
 * once a byte was consumed.  A POST that got no answer is sent again too: its 409 must count
 * as done. */
int apiserver_ask(struct apiserver *a, const struct apiserver_request *rq,
    struct apiserver_answer *an, struct err *e);

/* The time is over: not worth another request. */
bool apiserver_late(int64_t until_ns);

/* All objects of a collection, page by page, each given to `item` as soon as its text is
 * whole; memory is that of the largest one.  After a 410 the list begins anew. */
struct apiserver_list {
	const char *path; /* "/api/v1/nodes?labelSelector=a%3Db" */
	int (*item)(
	    void *user, struct str object, struct err *e); /* valid JSON; -1 ends it */
	void (*again)(
	    void *user); /* the list begins anew: forget the items; may be NULL */
	void *user;
	int64_t until_ns;
	/* out */
	char version[64]; /* metadata.resourceVersion of the last page, to watch from */
	uint64_t items, pages;
};

/* 0: all of them; -1: `e` says why not, an->status is of the last answer (items given by then
 * are true all the same). */
int apiserver_list(struct apiserver *a, struct apiserver_list *l,
    struct apiserver_answer *an, struct err *e);

/* `s` percent-encoded for a query or one part of a path, appended to `b`. */
void apiserver_encode(struct buf *b, struct str s);

#endif
