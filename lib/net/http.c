#include "net/http.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"

#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#ifndef LOGSWEEP_VERSION
#define LOGSWEEP_VERSION "0"
#endif

enum { SLOW_BYTES_PER_S = 64 }; /* less than this for stall_ns is a stall */

struct http {
	CURL *curl;
	struct http_options o;
	char why[CURL_ERROR_SIZE];
	/* of the request under way */
	const struct http_request *rq;
	struct http_response *r;
	struct err *e;   /* for `consume` and `watch` */
	uint64_t at;     /* bytes of the body handed over */
	bool refused;    /* one of them wanted no more */
	bool body_short; /* the file ended before `bytes` */
	/* of the answer */
	bool begun, late,
	    endless;       /* it has; not whole in answer_ns; more than answer_max */
	uint64_t answered; /* bytes of its body */
	curl_off_t sent;   /* bytes of ours by `sent_ns`, when the last one went */
	int64_t sent_ns;
};

/* ---- libcurl's memory, zeroed when it is given back ---- */

static void
zero_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *
zero_realloc(void *p, size_t n)
{
	size_t had = p != NULL ? malloc_usable_size(p) : 0;
	void *to = malloc(n);

	if (to == NULL)
		return NULL;
	if (p != NULL)
		memcpy(to, p, had < n ? had : n);
	zero_free(p);
	return to;
}

static char *
copy_string(const char *s)
{
	return strdup(s);
}

static bool
begin(void)
{
	static bool begun; /* read by threads, written before there are any */

	if (!begun)
		begun = curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, zero_free,
			    zero_realloc, copy_string, calloc) == CURLE_OK;
	return begun;
}

struct http *
http_new(const struct http_options *o, struct err *e)
{
	struct http *h;

	if (o->ca_file != NULL && access(o->ca_file, R_OK) < 0) {
		err_set(e, ST_USAGE, "%.300s: %s", o->ca_file, strerror(errno));
		return NULL;
	}
	if (!begin()) {
		err_set(e, ST_FAIL, "libcurl: does not start");
		return NULL;
	}
	if ((h = calloc(1, sizeof *h)) == NULL || (h->curl = curl_easy_init()) == NULL) {
		err_set(e, ST_FAIL, "libcurl: out of memory");
		free(h);
		return NULL;
	}
	h->o = *o;
	return h;
}

void
http_free(struct http *h)
{
	if (h != NULL)
		curl_easy_cleanup(h->curl);
	free(h);
}

void
http_response_init(struct http_response *r, size_t body_max)
{
	*r = (struct http_response){ 0 };
	buf_init(&r->headers, HTTP_HEADERS_MAX);
	buf_init(&r->body, body_max);
}

void
http_response_done(struct http_response *r)
{
	buf_done(&r->headers);
	buf_done(&r->body);
}

/* So much of the body is on its way by now; less than before when it is sent again. */
static void
at(struct http *h, uint64_t now)
{
	if (h->o.sent != NULL)
		*h->o.sent += now - h->at; /* modulo 2^64: may be less than before */
	h->at = now;
}

static size_t
on_read(char *to, size_t size, size_t count, void *user)
{
	struct http *h = user;
	uint64_t left = h->rq->bytes - h->at;
	size_t n = size * count < left ? size * count : (size_t)left;

	if (n == 0)
		return 0;
	if (h->rq->fd < 0) {
		memcpy(to, h->rq->memory + h->at, n);
	} else if (pread_full(h->rq->fd, to, n, h->rq->from + h->at) != (ssize_t)n) {
		h->body_short = true;
		return CURL_READFUNC_ABORT;
	}
	if (h->rq->watch != NULL && h->rq->watch(h->rq->user, h->at, to, n, h->e) < 0) {
		h->refused = true;
		return CURL_READFUNC_ABORT;
	}
	at(h, h->at + n);
	h->r->moved_ns = clock_steady();
	return n;
}

/* libcurl sends a body again when a kept connection turns out to be dead. */
static int
on_seek(void *user, curl_off_t offset, int origin)
{
	struct http *h = user;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > h->rq->bytes ||
	    (h->rq->watch != NULL && offset != 0))
		return CURL_SEEKFUNC_CANTSEEK;
	at(h, (uint64_t)offset);
	return CURL_SEEKFUNC_OK;
}

static size_t
on_header(char *p, size_t size, size_t count, void *user)
{
	struct http *h = user;
	struct http_response *r = h->r;
	size_t n = size * count;

	r->moved_ns = clock_steady();
	if (n >= 10 && memcmp(p, "HTTP/", 5) == 0) {
		h->begun = p[9] != '1';
		buf_clear(&r->headers); /* the answer after a 100 Continue */
	} else {
		buf_add(&r->headers, p, n);
	}
	return n;
}

static bool
is_success(struct http *h)
{
	long status = 0;

	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

static size_t
on_body(char *p, size_t size, size_t count, void *user)
{
	struct http *h = user;
	struct http_response *r = h->r;
	size_t n = size * count, room = r->body.max - r->body.n;

	r->moved_ns = clock_steady();
	if (h->rq->consume != NULL && is_success(h)) {
		r->consumed += n;
		h->refused = h->rq->consume(h->rq->user, p, n, h->e) < 0;
		return h->refused ? 0 : n;
	}
	r->cut |= n > room;
	buf_add(&r->body, p, n < room ? n : room);
	h->answered += n;
	h->endless = h->rq->answer_max > 0 && h->answered > h->rq->answer_max;
	return h->endless ? 0 : n;
}

/* Bytes of an answer move no limit: a server could send them for ever. */
static bool
is_late(struct http *h, curl_off_t sent)
{
	int64_t now = clock_steady();
	curl_off_t connected_us = 0;

	if (h->sent_ns == 0)
		curl_easy_getinfo(h->curl, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
	if (sent != h->sent || connected_us > 0) {
		h->sent = sent;
		h->sent_ns = now;
	}
	return h->rq->answer_ns > 0 && h->sent_ns > 0 &&
	       now - h->sent_ns > h->rq->answer_ns;
}

static int
on_progress(void *user, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	struct http *h = user;

	(void)dt, (void)dn, (void)ut;
	h->late = is_late(h, un);
	return h->late ||
	       (h->o.stop != NULL && __atomic_load_n(h->o.stop, __ATOMIC_RELAXED) != 0);
}

/* "host:port" of a URL. */
static struct str
authority(const char *url)
{
	const char *p = strstr(url, "://");

	p = p == NULL ? url : p + 3;
	return (struct str){ p, strcspn(p, "/?#") };
}

/* What libcurl says.  Of a proxy's URL that it does not understand it would say all of it, and
 * what it has no room for is cut off: a password may be there, and the '@' behind it not. */
static const char *
words(const struct http *h, CURLcode code)
{
	if (strstr(h->why, "roxy") != NULL && strchr(h->why, '\'') != NULL)
		return "https_proxy or http_proxy names no proxy that can be used";
	return h->why[0] != '\0' ? h->why : curl_easy_strerror(code);
}

static int
no_trust(struct http *h, struct str host, struct err *e)
{
	bool issuer = strstr(h->why, "issuer") != NULL || strstr(h->why, "self") != NULL;

	return err_set(e, ST_FAIL, "%.*s: the certificate is not trusted: %.200s%s",
	    (int)host.n, host.p, h->why, issuer ? "; --ca=FILE names a CA to trust" : "");
}

static int
no_connection(struct http *h, struct str host, struct err *e)
{
	long no = 0;

	curl_easy_getinfo(h->curl, CURLINFO_OS_ERRNO, &no);
	return err_set(e, ST_LATER, "%.*s: %s", (int)host.n, host.p,
	    no != 0 ? strerror((int)no) : words(h, CURLE_COULDNT_CONNECT));
}

static int
no_time(struct http *h, struct str host, struct err *e)
{
	curl_off_t connected_us = 0;

	curl_easy_getinfo(h->curl, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
	if (h->rq->total_ns > 0 &&
	    (connected_us > 0 ? h->rq->stall_ns == 0 || h->rq->total_ns <= h->rq->stall_ns
			      : h->rq->total_ns <= h->rq->connect_ns))
		return err_set(e, ST_LATER, "%.*s: %s within %.3g s", (int)host.n, host.p,
		    connected_us > 0 ? "no whole answer" : "no connection",
		    (double)h->rq->total_ns / 1e9);
	return err_set(e, ST_LATER,
	    connected_us > 0 ? "%.*s: no byte moved for %.0f s"
			     : "%.*s: no connection within %.0f s",
	    (int)host.n, host.p,
	    (double)(connected_us > 0 ? h->rq->stall_ns : h->rq->connect_ns) / 1e9);
}

static int
too_late(struct http *h, struct str host, struct err *e)
{
	/* what came of the answer has not put the end off */
	h->r->moved_ns = h->sent_ns;
	return err_set(e, ST_LATER,
	    h->begun ? "%.*s: no whole answer within %.3g s"
		     : "%.*s: no byte moved for %.3g s",
	    (int)host.n, host.p, (double)h->rq->answer_ns / 1e9);
}

static int
failed(struct http *h, CURLcode code, struct err *e)
{
	struct str host = authority(h->rq->url);
	const char *why = words(h, code);

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(e, ST_LATER, "%.*s: the name does not resolve (DNS)",
		    (int)host.n, host.p);
	case CURLE_COULDNT_CONNECT:
		return no_connection(h, host, e);
	case CURLE_OPERATION_TIMEDOUT:
		return no_time(h, host, e);
	case CURLE_PEER_FAILED_VERIFICATION:
		return no_trust(h, host, e);
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(e, ST_USAGE, "%s: holds no certificate in PEM form",
		    h->o.ca_file        ? h->o.ca_file
		    : h->o.ca_pem.n > 0 ? "the CA given"
					: "the system's CA file");
	case CURLE_SSL_CERTPROBLEM:
		return err_set(e, ST_USAGE,
		    "%.*s: the client certificate and its key do not go together: %.200s",
		    (int)host.n, host.p, why);
	case CURLE_SSL_CONNECT_ERROR:
		if (strstr(why, "wrong version number") == NULL)
			break;
		return err_set(e, ST_FAIL, "%.*s: does not speak TLS; is it http:// ?",
		    (int)host.n, host.p);
	case CURLE_ABORTED_BY_CALLBACK:
		if (h->body_short)
			return err_set(
			    e, ST_FAIL, "the file got shorter, or could not be read");
		if (h->late)
			return too_late(h, host, e);
		return err_set(
		    e, ST_LATER, "%.*s: stopped by a signal", (int)host.n, host.p);
	case CURLE_WRITE_ERROR:
		if (!h->endless)
			break;
		return err_set(e, ST_LATER, "%.*s: an answer of more than %llu bytes",
		    (int)host.n, host.p, (unsigned long long)h->rq->answer_max);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return err_set(
		    e, ST_USAGE, "%.*s: not a URL of a web server", (int)host.n, host.p);
	case CURLE_OUT_OF_MEMORY:
		return err_set(e, ST_FAIL, "%.*s: out of memory", (int)host.n, host.p);
	default:
		break;
	}
	/* resets, empty and torn answers, a proxy that is away */
	return err_set(e, ST_LATER, "%.*s: %.300s", (int)host.n, host.p, why);
}

static long
whole_seconds(int64_t ns)
{
	return ns <= 1000000000 ? 1 : (long)((ns + 999999999) / 1000000000);
}

static void
set_blob(CURL *c, CURLoption option, struct str pem)
{
	struct curl_blob blob = { (void *)(uintptr_t)pem.p, pem.n, CURL_BLOB_NOCOPY };

	if (pem.n > 0)
		curl_easy_setopt(c, option, &blob);
}

static void
set_trust(struct http *h)
{
	CURL *c = h->curl;

	if (h->o.ca_file != NULL || h->o.ca_pem.n > 0)
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	if (h->o.ca_file != NULL)
		curl_easy_setopt(c, CURLOPT_CAINFO, h->o.ca_file);
	else
		set_blob(c, CURLOPT_CAINFO_BLOB, h->o.ca_pem);
	set_blob(c, CURLOPT_SSLCERT_BLOB, h->o.cert_pem);
	set_blob(c, CURLOPT_SSLKEY_BLOB, h->o.key_pem);
}

static void
set_up(struct http *h, const struct http_request *rq)
{
	CURL *c = h->curl;

	curl_easy_reset(c); /* keeps the connections */
	h->why[0] = '\0';
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->why);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_URL, rq->url);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "logsweep/" LOGSWEEP_VERSION);
	curl_easy_setopt(
	    c, CURLOPT_CONNECTTIMEOUT_MS, (long)(rq->connect_ns / 1000000) + 1);
	if (h->o.direct)
		curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	if (rq->stall_ns > 0) {
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_PER_S);
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, whole_seconds(rq->stall_ns));
	}
	if (rq->total_ns > 0)
		curl_easy_setopt(
		    c, CURLOPT_TIMEOUT_MS, (long)(rq->total_ns / 1000000) + 1);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)HTTP_BLOCK);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, h);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	set_trust(h);
}

static void
set_method(struct http *h, const struct http_request *rq)
{
	CURL *c = h->curl;

	if (rq->fd >= 0 || rq->memory != NULL) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)rq->bytes);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(c, CURLOPT_READDATA, h);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, h);
	} else if (strcmp(rq->method, "HEAD") == 0) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
}

int
http_send(
    struct http *h, const struct http_request *rq, struct http_response *r, struct err *e)
{
	struct curl_slist *list = NULL, *more;
	CURLcode code;
	long status = 0;

	h->rq = rq;
	h->r = r;
	h->at = 0;
	h->e = e;
	h->body_short = h->refused = false;
	h->begun = h->late = h->endless = false;
	h->answered = 0;
	h->sent = 0;
	h->sent_ns = 0;
	buf_clear(&r->headers);
	buf_clear(&r->body);
	r->status = 0;
	r->cut = false;
	r->consumed = 0;
	r->moved_ns = 0;
	for (size_t i = 0; i < rq->header_n; i++) {
		if ((more = curl_slist_append(list, rq->headers[i])) == NULL) {
			curl_slist_free_all(list);
			return err_set(e, ST_FAIL, "libcurl: out of memory");
		}
		list = more;
	}
	set_up(h, rq);
	set_method(h, rq);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, list);
	code = curl_easy_perform(h->curl);
	curl_slist_free_all(list);
	if (code != CURLE_OK && !(h->endless && !is_success(h))) {
		at(h, 0);
		return h->refused ? -1 : failed(h, code, e);
	}
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	return 0;
}

bool
http_header(const struct http_response *r, const char *name, struct str *value)
{
	const char *p = r->headers.n > 0 ? r->headers.p : "", *end = p + r->headers.n,
		   *lf;
	size_t n = strlen(name);
	bool found = false;

	for (; p < end; p = lf + 1) {
		if ((lf = memchr(p, '\n', (size_t)(end - p))) == NULL)
			break;
		if ((size_t)(lf - p) <= n || p[n] != ':' || strncasecmp(p, name, n) != 0)
			continue;
		*value = (struct str){ p + n + 1, (size_t)(lf - p) - n - 1 };
		while (value->n > 0 && (*value->p == ' ' || *value->p == '\t'))
			value->p++, value->n--;
		while (value->n > 0 && strchr(" \t\r", value->p[value->n - 1]) != NULL)
			value->n--;
		found = true;
	}
	return found;
}
