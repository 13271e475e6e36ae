#include "kube/apiserver.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "kube/apifault.h"
#include "kube/kubeconfig.h"
#include "net/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

enum {
	CONNECT_S = 5,
	STALL_S = 10,
	FAULT_MAX = 16 << 10, /* bytes of a failure's body that are looked at */
	QUIET_FAULT_S = 30,   /* to a server that says no to a watch */
	TIMER_NS = 5000000,   /* a timer of milliseconds may end that much early */
};

struct apiserver {
	struct http *http;
	char *url;        /* without a '/' at its end */
	char *token_file; /* NULL: none */
	struct kubeconfig config;
	struct buf token;      /* "Authorization: Bearer ..."; n = 0: none */
	struct timespec mtime; /* of the token file when it was read */
	ino_t ino;
	struct buf ca_file, cert, key, namespace, name;
	const volatile sig_atomic_t *stop;
	bool kubelet, plain; /* plain: http, no token is sent */
};

static const char *
environment(const char *name)
{
	return getenv(name);
}

static bool
given(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/* The whole file as a C string into `b`. */
static int
read_whole(const char *path, struct buf *b, struct err *e)
{
	int r = file_read(path, b, e);

	if (r == 0)
		return err_set(e, ST_USAGE, "%.300s: %s", path, strerror(ENOENT));
	if (r < 0)
		e->status = ST_USAGE;
	return r > 0 ? 0 : -1;
}

/* Nothing but what a header may hold: no second header can come of it. */
static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

/* The token as it is in the file now.  The header line is made once, not for each request. */
static int
read_token(struct apiserver *a, const struct stat *st, struct err *e)
{
	struct buf b;
	char *p, *end;
	int r;

	buf_init_secret(&b, APISERVER_TOKEN_MAX);
	if ((r = read_whole(a->token_file, &b, e)) == 0) {
		p = b.p;
		end = b.p + b.n;
		while (p < end && strchr(" \t\r\n", *p) != NULL)
			p++;
		while (end > p && strchr(" \t\r\n", end[-1]) != NULL)
			end--;
		if (!is_token((struct str){ p, (size_t)(end - p) }))
			r = err_set(e, ST_NOPERM, "%.300s: %s", a->token_file,
			    p == end ? "holds no token" : "holds more than a token");
	}
	if (r == 0) {
		buf_clear(&a->token);
		buf_adds(&a->token, "Authorization: Bearer ");
		buf_add(&a->token, p, (size_t)(end - p));
		a->mtime = st->st_mtim;
		a->ino = st->st_ino;
		r = buf_check(&a->token, a->token_file, e);
	}
	buf_done(&b);
	return r;
}

/* Have the token in hand, read anew when its file has changed (or when told). */
static int
have_token(struct apiserver *a, bool anew, struct err *e)
{
	struct stat st;

	if (a->token_file == NULL || a->plain)
		return 0;
	if (stat(a->token_file, &st) < 0) {
		err_sys(e, a->token_file);
		e->status = ST_NOPERM;
		return -1;
	}
	if (!anew && a->token.n > 0 && st.st_ino == a->ino &&
	    st.st_mtim.tv_sec == a->mtime.tv_sec &&
	    st.st_mtim.tv_nsec == a->mtime.tv_nsec)
		return 0;
	return read_token(a, &st, e);
}

static int
set_text(struct buf *b, const char *s)
{
	buf_clear(b);
	buf_adds(b, s);
	return b->failed ? -1 : 0;
}

/* What a pod is told by its environment and its service account. */
static int
from_pod(struct apiserver *a, const struct apiserver_options *o, struct buf *url,
    struct buf *token_file, struct err *e)
{
	const char *(*env)(const char *) = o->env != NULL ? o->env : environment;
	const char *host = env("KUBERNETES_SERVICE_HOST");
	const char *port = env("KUBERNETES_SERVICE_PORT");
	struct err unused;

	if (!given(host))
		return err_set(e, ST_USAGE,
		    "no Kubernetes API server: not in a pod (KUBERNETES_SERVICE_HOST is "
		    "not "
		    "set); give --api=URL or --kubeconfig=FILE");
	buf_printf(url,
	    strchr(host, ':') ? "https://[%.255s]:%.5s" : "https://%.255s:%.5s", host,
	    given(port) ? port : "443");
	buf_adds(token_file, APISERVER_POD_DIR "/token");
	set_text(&a->ca_file, APISERVER_POD_DIR "/ca.crt");
	(void)file_read(APISERVER_POD_DIR "/namespace", &a->namespace, &unused);
	return 0;
}

static int
from_kubeconfig(struct apiserver *a, const char *path, struct buf *url,
    struct buf *token_file, struct err *e)
{
	struct kubeconfig *k = &a->config;

	if (kubeconfig_read(path, k, e) < 0)
		return -1;
	buf_add(url, k->server.p, k->server.n);
	buf_add(token_file, k->token_file.p, k->token_file.n);
	if (k->token.n > 0 && k->token_file.n == 0) {
		if (!is_token((struct str){ k->token.p, k->token.n }))
			return err_set(
			    e, ST_USAGE, "%.300s: token: holds more than a token", path);
		buf_adds(&a->token, "Authorization: Bearer ");
		buf_add(&a->token, k->token.p, k->token.n);
		if (a->token.failed)
			return err_set(e, ST_USAGE, "%.300s: token: over %d bytes", path,
			    APISERVER_TOKEN_MAX);
	}
	if (k->ca_pem.n == 0)
		buf_add(&a->ca_file, k->ca_file.p, k->ca_file.n);
	buf_add(&a->namespace, k->namespace.p, k->namespace.n);
	if (k->cert_pem.n > 0)
		buf_add(&a->cert, k->cert_pem.p, k->cert_pem.n);
	else if (k->cert_file.n > 0 && read_whole(k->cert_file.p, &a->cert, e) < 0)
		return -1;
	if (k->key_pem.n > 0)
		buf_add(&a->key, k->key_pem.p, k->key_pem.n);
	else if (k->key_file.n > 0 && read_whole(k->key_file.p, &a->key, e) < 0)
		return -1;
	buf_done(&k->token); /* one of each is enough */
	buf_done(&k->key_pem);
	return 0;
}

/* A kubelet takes the pod's own token. */
static void
for_kubelet(
    const struct apiserver *a, const struct apiserver_options *o, struct buf *token_file)
{
	if (a->kubelet && !given(o->kubeconfig) && !given(o->cert_file) &&
	    access(APISERVER_POD_DIR "/token", F_OK) == 0)
		buf_adds(token_file, APISERVER_POD_DIR "/token");
}

/* What is said in so many words goes before what a pod or a kubeconfig says. */
static int
from_options(struct apiserver *a, const struct apiserver_options *o, struct buf *url,
    struct buf *token_file, struct err *e)
{
	if (given(o->url) && set_text(url, o->url) < 0)
		return err_set(e, ST_USAGE, "the URL of the API server is too long");
	if (given(o->token_file)) {
		buf_clear(&a->token);
		set_text(token_file, o->token_file);
	}
	if (given(o->ca_file)) {
		set_text(&a->ca_file, o->ca_file);
		buf_clear(&a->config.ca_pem);
	}
	if (given(o->cert_file) != given(o->key_file))
		return err_set(e, ST_USAGE,
		    "a client certificate and its key go together: --client-cert and "
		    "--client-key");
	if (given(o->cert_file)) {
		buf_clear(&a->cert);
		buf_clear(&a->key);
		if (read_whole(o->cert_file, &a->cert, e) < 0 ||
		    read_whole(o->key_file, &a->key, e) < 0)
			return -1;
	}
	return 0;
}

/* What is no URL of a server; a text with '@' may hold a password and is not told. */
static int
bad_url(const char *from, const char *url, struct err *e)
{
	if (strchr(url, '@') != NULL)
		return err_set(e, ST_USAGE,
		    "%.200s: no user and password in the URL of an API server", from);
	return err_set(e, ST_USAGE,
	    "%.200s: not a URL of an API server, such as https://10.0.0.1:6443", url);
}

/* `from`: where it was written. */
static int
set_url(struct apiserver *a, const char *from, struct buf *url, struct err *e)
{
	const char *host;

	while (url->n > 0 && url->p[url->n - 1] == '/')
		url->p[--url->n] = '\0';
	a->plain = str_starts((struct str){ url->p, url->n }, STR("http://"));
	if (url->failed ||
	    (!a->plain && !str_starts((struct str){ url->p, url->n }, STR("https://"))))
		return bad_url(from, url->p ? url->p : "", e);
	host = strstr(url->p, "://") + 3;
	if (strcspn(host, "/?#@ ") == 0 || strpbrk(host, "?#@ ") != NULL)
		return bad_url(from, url->p, e);
	buf_add(&a->name, host, strcspn(host, "/"));
	return (a->url = buf_take(url)) != NULL && !a->name.failed
		   ? 0
		   : err_set(e, ST_FAIL, "out of memory");
}

static const char *
where_from(const struct apiserver_options *o)
{
	if (given(o->url))
		return o->kubelet ? "--kubelet" : "--api";
	return given(o->kubeconfig) ? o->kubeconfig : "KUBERNETES_SERVICE_HOST";
}

static int
connect_to(struct apiserver *a, struct err *e)
{
	struct http_options h = { .stop = a->stop };

	if (a->ca_file.n > 0)
		h.ca_file = a->ca_file.p;
	else
		h.ca_pem = (struct str){ a->config.ca_pem.p, a->config.ca_pem.n };
	h.cert_pem = (struct str){ a->cert.p, a->cert.n };
	h.key_pem = (struct str){ a->key.p, a->key.n };
	return (a->http = http_new(&h, e)) != NULL ? 0 : -1;
}

static int
set_up(struct apiserver *a, const struct apiserver_options *o, struct err *e)
{
	struct buf url, token_file;
	int r = 0;

	buf_init(&url, 2048);
	buf_init(&token_file, 4096);
	if (given(o->kubeconfig))
		r = from_kubeconfig(a, o->kubeconfig, &url, &token_file, e);
	else if (!given(o->url))
		r = from_pod(a, o, &url, &token_file, e);
	for_kubelet(a, o, &token_file);
	if (r == 0)
		r = from_options(a, o, &url, &token_file, e);
	if (r == 0)
		r = set_url(a, where_from(o), &url, e);
	if (r == 0 && token_file.n > 0 && (a->token_file = buf_take(&token_file)) == NULL)
		r = err_set(e, ST_USAGE, "the token file's name is too long");
	if (r == 0 && a->plain)
		buf_clear(&a->token);
	if (r == 0)
		r = connect_to(a, e);
	buf_done(&url);
	buf_done(&token_file);
	return r;
}

struct apiserver *
apiserver_open(const struct apiserver_options *o, struct err *e)
{
	struct apiserver *a = calloc(1, sizeof *a);

	if (a == NULL) {
		err_set(e, ST_FAIL, "API server: out of memory");
		return NULL;
	}
	a->stop = o->stop;
	a->kubelet = o->kubelet;
	buf_init_secret(&a->token, APISERVER_TOKEN_MAX + 64);
	buf_init(&a->ca_file, 4096);
	buf_init(&a->cert, APISERVER_CONFIG_MAX);
	buf_init_secret(&a->key, APISERVER_CONFIG_MAX);
	buf_init(&a->namespace, 256);
	buf_init(&a->name, 512);
	if (set_up(a, o, e) == 0)
		return a;
	apiserver_close(a);
	return NULL;
}

void
apiserver_close(struct apiserver *a)
{
	if (a == NULL)
		return;
	http_free(a->http);
	kubeconfig_done(&a->config);
	buf_done(&a->token);
	buf_done(&a->key);
	buf_done(&a->cert);
	buf_done(&a->ca_file);
	buf_done(&a->namespace);
	buf_done(&a->name);
	free(a->url);
	free(a->token_file);
	free(a);
}

void
apiserver_needs(const struct apiserver *a, void (*near)(const char *file))
{
	if (a->token_file != NULL)
		near(a->token_file);
	if (a->ca_file.n > 0)
		near(a->ca_file.p);
}

const char *
apiserver_name(const struct apiserver *a)
{
	return a->name.p;
}

const char *
apiserver_namespace(const struct apiserver *a)
{
	return a->namespace.n > 0 ? a->namespace.p : "";
}

void
apiserver_answer_init(struct apiserver_answer *an)
{
	*an = (struct apiserver_answer){ .retry_after_ns = -1 };
	buf_init(&an->body, APISERVER_BODY_MAX);
}

void
apiserver_answer_done(struct apiserver_answer *an)
{
	buf_done(&an->body);
}

static void
clear_answer(struct apiserver_answer *an)
{
	an->status = 0;
	an->reason[0] = an->message[0] = '\0';
	an->retry_after_ns = -1;
	an->consumed = 0;
	buf_clear(&an->body);
}

static void
read_retry_after(const struct http_response *r, struct apiserver_answer *an)
{
	struct str v;
	uint64_t s = 0;

	if (!http_header(r, "Retry-After", &v) || v.n == 0 || v.n > 5)
		return;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return; /* a date: API servers send seconds */
		s = s * 10 + (uint64_t)(v.p[i] - '0');
	}
	an->retry_after_ns = (int64_t)s * SECOND;
}

/* One try.  0: there is an answer, of whatever status. */
static int
send_once(struct apiserver *a, const struct apiserver_request *rq,
    struct apiserver_answer *an, struct err *e)
{
	const char *headers[4];
	struct http_request h = { .method = rq->method, .fd = -1, .headers = headers };
	struct http_response r;
	struct buf url;
	int64_t left = rq->until_ns - clock_steady();
	int done;

	if (rq->until_ns != 0 && left <= 0)
		return err_set(e, ST_LATER, "%.200s: no time left", a->name.p);
	buf_init(&url, 16 << 10);
	buf_printf(&url, "%s%s", a->url, rq->path);
	if (buf_check(&url, "the request's URL", e) < 0)
		return -1;
	h.url = url.p;
	headers[h.header_n++] = "Accept: application/json";
	if (a->token.n > 0)
		headers[h.header_n++] = a->token.p;
	if (rq->body.n > 0) {
		headers[h.header_n++] = "Content-Type: application/json";
		headers[h.header_n++] = "Expect:";
		h.memory = rq->body.p;
		h.bytes = rq->body.n;
	}
	h.connect_ns = CONNECT_S * SECOND;
	h.stall_ns = rq->quiet ? 0 : STALL_S * SECOND;
	h.total_ns = rq->until_ns == 0 ? 0 : left;
	h.consume = rq->consume;
	h.user = rq->user;
	http_response_init(&r, APISERVER_BODY_MAX);
	done = http_send(a->http, &h, &r, e);
	an->consumed = r.consumed;
	an->status = r.consumed > 0 ? 200 : 0; /* but for what comes after it */
	if (done == 0) {
		an->status = r.status;
		read_retry_after(&r, an);
		if (r.status >= 200 && r.status < 300 && r.cut)
			done = err_set(
			    e, ST_FAIL, "%.200s: an answer over 4 MiB", a->name.p);
		buf_add(&an->body, r.body.p, r.body.n);
	}
	http_response_done(&r);
	buf_done(&url);
	return done;
}

int
apiserver_send(struct apiserver *a, const struct apiserver_request *rq,
    struct apiserver_answer *an, struct err *e)
{
	struct apifault f = { .server = a->name.p, .kubelet = a->kubelet };

	clear_answer(an);
	if (have_token(a, false, e) < 0 || send_once(a, rq, an, e) < 0)
		return -1;
	if (an->status == 401 && a->token_file != NULL && !a->plain) {
		clear_answer(an);
		if (have_token(a, true, e) < 0 || send_once(a, rq, an, e) < 0)
			return -1;
	}
	if (an->status >= 200 && an->status < 300)
		return 0;
	f.token = a->token.n == 0 ? "" : a->token_file != NULL ? a->token_file : NULL;
	apifault_read(
	    (struct str){ an->body.p, an->body.n < FAULT_MAX ? an->body.n : FAULT_MAX },
	    an->reason, sizeof an->reason, an->message, sizeof an->message);
	f.method = rq->method;
	f.path = rq->path;
	f.status = an->status;
	f.message = an->message;
	f.from_api = an->reason[0] != '\0';
	buf_clear(&an->body);
	return apifault_tell(&f, e);
}

static bool
is_busy(int status)
{
	return status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* false: told to stop. */
static bool
nap(const struct apiserver *a, int64_t ns)
{
	const int64_t step = 50000000;

	for (; ns > 0; ns -= step) {
		struct timespec t = { 0, (long)(ns < step ? ns : step) };

		if (a->stop != NULL && __atomic_load_n(a->stop, __ATOMIC_RELAXED) != 0)
			return false;
		nanosleep(&t, NULL);
	}
	return true;
}

bool
apiserver_late(int64_t until_ns)
{
	return until_ns != 0 && clock_steady() >= until_ns - TIMER_NS;
}

/* What failed, and that it is the caller's time that ended it. */
static int
out_of_time(struct err *e)
{
	struct err why = *e;

	return err_set(e, why.status, "%.*s; --timeout=TIME allows more", 400, why.text);
}

int
apiserver_ask(struct apiserver *a, const struct apiserver_request *rq,
    struct apiserver_answer *an, struct err *e)
{
	for (int lost = 0;;) {
		int64_t wait;

		if (apiserver_send(a, rq, an, e) == 0)
			return 0;
		if (e->status == ST_LATER && apiserver_late(rq->until_ns))
			return out_of_time(e);
		if (an->consumed > 0 || (an->status == 0 && e->status != ST_LATER) ||
		    (an->status != 0 && !is_busy(an->status)) ||
		    (an->status == 0 && ++lost == APISERVER_TRIES))
			return -1;
		wait = an->retry_after_ns >= 0 ? an->retry_after_ns
		       : an->status != 0       ? SECOND
					       : SECOND / 2 * lost;
		if (rq->until_ns == 0)
			return -1;
		if (clock_steady() + wait >= rq->until_ns)
			return an->status != 0 ? out_of_time(e) : -1;
		if (!nap(a, wait))
			return -1;
	}
}
