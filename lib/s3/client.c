#include "s3/client.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "net/http.h"
#include "s3/answer.h"
#include "s3/credentials.h"
#include "s3/endpoint.h"
#include "s3/sigv4.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

enum {
	ANSWER_MAX = 64 << 10,
	EXTRA_MAX = 4,  /* headers of one kind of request beside those of signing */
	LINES_MAX = 12, /* headers of one request */
};

#define SECOND ((int64_t)1000000000)
#define CONNECT_NS (10 * SECOND)
#define CONNECT_LATE_NS (2 * SECOND) /* the same when the time for trying is over */
#define STALL_NS (60 * SECOND)

struct s3 {
	const char *bucket;
	struct s3_options o;
	struct http *http;
	struct identity *identity;
	struct credentials cred; /* of the last request */
	struct endpoint at;
	enum {
		COND_UNKNOWN,
		COND_WORKS,
		COND_NOT
	} cond; /* If-None-Match at this server */
	bool probed, skew_set;
	int64_t skew_ns;       /* the server's clock less ours */
	int64_t failing_since; /* clock_steady() of the first failure in a row; 0: none */
	int64_t away_at; /* when a try last ended without an answer and time was over */
};

/* One request: what to send. */
struct call {
	const char *method, *key;
	const struct s3_body *body; /* NULL: none */
	struct sigv4_pair extra[EXTRA_MAX];
	size_t extras;
};

static void tell(const struct s3 *s, bool warn, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
tell(const struct s3 *s, bool warn, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	if (s->o.tell == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	s->o.tell(warn, text);
}

/* ---- where ---- */

bool
s3_bucket_ok(const char *bucket)
{
	size_t n = strlen(bucket);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)bucket[i]) &&
		    strchr(".-_", bucket[i]) == NULL)
			return false;
	return n >= 3 && n <= 255 && isalnum((unsigned char)bucket[0]);
}

static int
find_credentials(struct s3 *s, const char *ca_file, struct err *e)
{
	struct credentials_options co = { .env = s->o.env,
		.region = s->at.region,
		.ca_file = ca_file,
		.stop = s->o.stop,
		.tell = s->o.tell };

	return (s->identity = identity_new(&co, e)) == NULL ? -1 : 0;
}

struct s3 *
s3_new(const char *bucket, const struct s3_options *o, struct err *e)
{
	struct s3 *s = calloc(1, sizeof *s);
	struct http_options ho = { .ca_file = o->ca_file, .stop = o->stop };
	struct endpoint_options eo = { .url = o->endpoint,
		.region = o->region,
		.path_style = o->path_style,
		.env = o->env };

	if (s == NULL) {
		err_set(e, ST_FAIL, "s3: out of memory");
		return NULL;
	}
	s->bucket = bucket;
	s->o = *o;
	if (ho.ca_file == NULL && (ho.ca_file = o->env("AWS_CA_BUNDLE")) != NULL &&
	    *ho.ca_file == '\0')
		ho.ca_file = NULL;
	if (endpoint_find(&s->at, bucket, &eo, e) < 0 ||
	    find_credentials(s, ho.ca_file, e) < 0 ||
	    (s->http = http_new(&ho, e)) == NULL) {
		s3_free(s);
		return NULL;
	}
	s->cond = s->at.aws ? COND_WORKS : COND_UNKNOWN;
	tell(s, false, "s3: %s://%s%s, region %s", s->at.scheme, s->at.host, s->at.base,
	    s->at.region);
	return s;
}

void
s3_free(struct s3 *s)
{
	if (s == NULL)
		return;
	http_free(s->http);
	identity_free(s->identity);
	credentials_done(&s->cred);
	free(s);
}

/* ---- one signed request ---- */

struct signing {
	struct sigv4_scope scope;
	struct sigv4_pair header[4 + EXTRA_MAX];
	size_t headers;
	char date[17];
	struct buf path, url, text, names, string, value;
};

static void
signing_done(struct signing *g)
{
	buf_done(&g->path);
	buf_done(&g->url);
	buf_done(&g->text);
	buf_done(&g->names);
	buf_done(&g->string);
	buf_done(&g->value);
}

static struct str
text_of(const struct buf *b)
{
	return b->p == NULL ? STR("") : (struct str){ b->p, b->n };
}

static void
add(struct signing *g, const char *name, const char *value)
{
	g->header[g->headers++] = (struct sigv4_pair){ str_of(name), str_of(value) };
}

static int
sign(struct s3 *s, const struct call *c, struct signing *g, struct err *e)
{
	const char *payload = c->body ? c->body->sha256 : SIGV4_EMPTY;
	struct sigv4_request rq = { .method = c->method, .payload = payload };
	char hex[65];

	buf_init(&g->path, 8192);
	buf_init(&g->url, 8192);
	buf_init_secret(&g->text, 64 << 10); /* a session token is in it */
	buf_init(&g->names, 4096);
	buf_init(&g->string, 4096);
	buf_init(&g->value, 4096);
	g->headers = 0;
	credentials_done(&s->cred);
	if (identity_get(s->identity, &s->cred, e) < 0)
		return -1;
	g->scope = (struct sigv4_scope){ clock_now() + s->skew_ns, s->at.region, "s3" };
	sigv4_time(g->scope.time_ns, g->date);
	add(g, "host", s->at.host);
	add(g, "x-amz-content-sha256", payload);
	add(g, "x-amz-date", g->date);
	if (s->cred.token != NULL)
		add(g, "x-amz-security-token", s->cred.token);
	for (size_t i = 0; i < c->extras; i++)
		g->header[g->headers++] = c->extra[i];

	buf_printf(&g->path, "%s%s", s->at.base, c->key);
	rq.path = text_of(&g->path);
	rq.headers = g->header;
	rq.header_n = g->headers;
	buf_printf(&g->url, "%s://%s", s->at.scheme, s->at.host);
	sigv4_encode(&g->url, rq.path, true);
	if (sigv4_canonical(&rq, &g->text, &g->names, e) < 0)
		return -1;
	sigv4_string(&g->scope, text_of(&g->text), &g->string);
	sigv4_signature(&g->scope, s->cred.secret, text_of(&g->string), hex);
	sigv4_authorization(
	    &g->scope, s->cred.access, text_of(&g->names), hex, &g->value);
	return buf_check(&g->url, "URL", e) < 0 ? -1
						: buf_check(&g->value, "signature", e);
}

/* Lines for libcurl, one after the other in `all`. */
static size_t
header_lines(const struct signing *g, struct buf *all, const char *line[LINES_MAX])
{
	size_t at[LINES_MAX], n = 0;

	for (size_t i = 0; i < g->headers; i++) {
		at[n++] = all->n;
		buf_addstr(all, g->header[i].name);
		buf_adds(all, ": ");
		buf_addstr(all, g->header[i].value);
		buf_addc(all, '\0');
	}
	at[n++] = all->n;
	buf_printf(all, "authorization: %s", text_of(&g->value).p);
	for (size_t i = 0; i < n; i++)
		line[i] = all->failed ? "" : all->p + at[i];
	return n;
}

static int
send_signed(struct s3 *s, const struct call *c, int64_t left_ns, struct http_response *r,
    struct err *e)
{
	struct signing g;
	struct http_request rq = { .method = c->method, .fd = -1 };
	const char *line[LINES_MAX];
	struct buf all;
	int done;

	buf_init_secret(&all, 64 << 10);
	done = sign(s, c, &g, e);
	rq.header_n = header_lines(&g, &all, line);
	rq.headers = line;
	rq.url = text_of(&g.url).p;
	if (c->body != NULL) {
		rq.fd = c->body->fd;
		rq.bytes = c->body->bytes;
	}
	rq.connect_ns = left_ns > CONNECT_NS ? CONNECT_NS
			: left_ns > 0        ? left_ns
					     : CONNECT_LATE_NS;
	rq.stall_ns = left_ns > STALL_NS     ? STALL_NS
		      : left_ns > 2 * SECOND ? left_ns
					     : 2 * SECOND;
	if (done == 0 && (done = buf_check(&all, "headers", e)) == 0)
		done = http_send(s->http, &rq, r, e);
	buf_done(&all);
	signing_done(&g);
	return done;
}

/* "s3://bucket/key: 403 AccessDenied: why (request id X)".  -1. */
static int
refused(const struct s3 *s, const struct call *c, const struct http_response *r,
    struct err *e)
{
	struct answer a = answer_of(r);
	struct str region;
	char hint[120] = "";

	if (http_header(r, "x-amz-bucket-region", &region) && r->status / 100 == 3)
		snprintf(hint, sizeof hint, "; the bucket is in --region=%.*s",
		    (int)region.n, region.p);
	return err_set(e, answer_exit(r->status, a.code),
	    "s3://%.64s/%.100s: %d%s%s%s%s%s%s%s%s", s->bucket, c->key, r->status,
	    a.code[0] ? " " : "", a.code, a.message[0] ? ": " : "", a.message, hint,
	    a.id[0] ? " (request id " : "", a.id, a.id[0] ? ")" : "");
}

/* ---- trying again ---- */

static double
random_fraction(void)
{
	uint32_t v;

	if (getrandom(&v, sizeof v, 0) != sizeof v)
		v = (uint32_t)clock_steady();
	return v / 4294967296.0;
}

static bool
stopped(const struct s3 *s)
{
	return s->o.stop != NULL && *s->o.stop != 0;
}

static void
wait_for(const struct s3 *s, int64_t ns)
{
	struct timespec t = { ns / SECOND, ns % SECOND };

	/* a signal that asks to stop ends it; others are SA_RESTART's like */
	while (!stopped(s) && nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* After try number `n`, begun at `since`, ended with `e` (answered by r, or r->status is
 * 0): wait and return true, or false when the time is over; `e` then says so. */
static bool
wait_to_retry(
    struct s3 *s, unsigned n, int64_t since, const struct http_response *r, struct err *e)
{
	int64_t now = clock_steady(), until, wait,
		least = r->status ? answer_retry_after(r) : 0;
	char why[sizeof e->text];

	/* a long body that was on its way until now has not used the time up */
	if (s->failing_since == 0)
		s->failing_since = r->moved_ns > since ? r->moved_ns : since;
	until = s->failing_since + s->o.max_time_ns;
	wait = answer_wait_ns(n, random_fraction());
	wait = wait > least ? wait : least;
	if (stopped(s))
		return false;
	if (now + wait < until) {
		tell(s, n > 2, "%s; retrying in %.1fs", e->text, (double)wait / 1e9);
		wait_for(s, wait);
		return !stopped(s);
	}
	if (r->status == 0)
		s->away_at = now;
	memcpy(why, e->text, sizeof why);
	err_set(
	    e, ST_LATER, "%.430s; gave up after %u %s", why, n, n == 1 ? "try" : "tries");
	return false;
}

/* The server says our clock is wrong: believe its Date, once. */
static bool
correct_skew(struct s3 *s, const struct http_response *r)
{
	int64_t theirs;

	if (s->skew_set || strcmp(answer_of(r).code, "RequestTimeTooSkewed") != 0 ||
	    !answer_date(r, "date", &theirs))
		return false;
	s->skew_ns = theirs - clock_now();
	s->skew_set = true;
	tell(s, true, "clock: %.0f s away from the server's; signing with the server's",
	    -(double)s->skew_ns / 1e9);
	return true;
}

/* The server does not take our credentials: are there others? */
static bool
renew_credentials(struct s3 *s, const struct http_response *r)
{
	struct answer a = answer_of(r);
	struct err e;
	int got;

	/* a session that ended is AccessDenied to some servers */
	if (!(s->cred.token != NULL && r->status == 403) &&
	    strcmp(a.code, "ExpiredToken") != 0 && strcmp(a.code, "InvalidToken") != 0 &&
	    strcmp(a.code, "TokenRefreshRequired") != 0)
		return false;
	if ((got = identity_renew(s->identity, &s->cred, &e)) < 0)
		tell(s, true, "%s", e.text);
	return got > 0;
}

/* Name the object in front of what went wrong on the way. */
static void
name_object(const struct s3 *s, const struct call *c, struct err *e)
{
	struct err inner = *e;

	err_set(
	    e, inner.status, "s3://%.64s/%.200s: %.240s", s->bucket, c->key, inner.text);
}

static bool
is_success(const struct http_response *r)
{
	/* an answer that begins well and ends in an error after all */
	return r->status / 100 == 2 &&
	       (r->body.p == NULL || strstr(r->body.p, "<Error>") == NULL);
}

/* Send until there is an answer that another try would not change: 0.  -1: there is none.
 */
static int
ask(struct s3 *s, const struct call *c, struct http_response *r, unsigned *attempts,
    struct err *e)
{
	int64_t now = clock_steady(), since;

	if (s->away_at != 0 && now - s->away_at < S3_AWAY_NS)
		return err_set(e, ST_LATER,
		    "s3://%.64s/%.200s: not tried, %.100s did not answer", s->bucket,
		    c->key, s->at.host);
	for (unsigned n = 1;; n++) {
		since = s->failing_since ? s->failing_since : now;
		++*attempts;
		if (send_signed(s, c, since + s->o.max_time_ns - clock_steady(), r, e) <
		    0) {
			name_object(s, c, e);
			if (e->status != ST_LATER)
				return -1;
			r->status = 0;
		} else {
			s->away_at = 0;
			if (r->status == 403 && correct_skew(s, r))
				continue;
			if (r->status / 100 == 4 && renew_credentials(s, r))
				continue;
			if (is_success(r) ||
			    (r->status / 100 != 2 &&
				!answer_passing(r->status, answer_of(r).code))) {
				s->failing_since = 0;
				return 0;
			}
			refused(s, c, r, e);
			e->status = ST_LATER;
		}
		if (!wait_to_retry(s, n, since, r, e))
			return -1;
	}
}

/* ---- objects ---- */

static void
take_etag(const struct http_response *r, char etag[S3_ETAG_MAX])
{
	struct str v;

	etag[0] = '\0';
	if (!http_header(r, "etag", &v))
		return;
	if (str_starts(v, STR("W/")))
		v.p += 2, v.n -= 2;
	if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
		v.p++, v.n -= 2;
	snprintf(etag, S3_ETAG_MAX, "%.*s", (int)v.n, v.p);
}

static int
md5_of(int fd, char hex[33])
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	char *block = malloc(HTTP_BLOCK);
	uint8_t digest[16];
	uint64_t at = 0;
	ssize_t n = -1;

	if (m != NULL && block != NULL && EVP_DigestInit_ex(m, EVP_md5(), NULL) == 1)
		while ((n = pread_full(fd, block, HTTP_BLOCK, at)) > 0) {
			EVP_DigestUpdate(m, block, (size_t)n);
			at += (uint64_t)n;
		}
	if (n == 0) {
		EVP_DigestFinal_ex(m, digest, NULL);
		hex_of(digest, sizeof digest, hex);
	}
	EVP_MD_CTX_free(m);
	free(block);
	return n == 0 ? 0 : -1;
}

/* Are the bytes of the object that HEAD described ours?  1, 0, -1: cannot be told. */
static int
same_bytes(const struct http_response *r, const struct s3_body *b, const char *etag)
{
	struct str v;
	char md5[33];

	if (http_header(r, "content-length", &v) && strtoull(v.p, NULL, 10) != b->bytes)
		return 0;
	if (http_header(r, "x-amz-meta-sha256", &v))
		return str_eq(v, str_of(b->sha256));
	if (strlen(etag) != 32 || b->fd < 0 || md5_of(b->fd, md5) < 0)
		return -1;
	return strcasecmp(etag, md5) == 0;
}

int
s3_has(struct s3 *s, const char *key, const struct s3_body *b, struct s3_result *res,
    struct err *e)
{
	struct call c = { .method = "HEAD", .key = key };
	struct http_response r;
	int same, done = -1;

	http_response_init(&r, ANSWER_MAX);
	if (ask(s, &c, &r, &res->attempts, e) < 0)
		goto out;
	if (r.status == 404) {
		done = 0;
	} else if (r.status == 403) {
		refused(s, &c, &r, e);
		snprintf(e->text + strlen(e->text), sizeof e->text - strlen(e->text),
		    "; s3:GetObject is needed to compare what is there");
	} else if (r.status / 100 != 2) {
		refused(s, &c, &r, e);
	} else {
		take_etag(&r, res->etag);
		if ((same = same_bytes(&r, b, res->etag)) > 0)
			done = 1;
		else
			err_set(e, ST_FAIL, "s3://%.64s/%.300s: exists %s", s->bucket,
			    key,
			    same == 0 ? "with other bytes"
				      : "and its bytes cannot be compared");
	}
out:
	res->present = done == 1;
	http_response_done(&r);
	return done;
}

/* It exists: success when it is ours, else the user must say that it may go. */
static int
settle_existing(struct s3 *s, const char *key, const struct s3_body *b,
    struct s3_result *res, struct err *e)
{
	int has = s3_has(s, key, b, res, e);

	if (has == 0)
		return err_set(e, ST_LATER,
		    "s3://%.64s/%.300s: existed a moment ago, and is gone", s->bucket,
		    key);
	if (has < 0 && e->status == ST_FAIL)
		snprintf(e->text + strlen(e->text), sizeof e->text - strlen(e->text),
		    "; --overwrite replaces it");
	return has < 0 ? -1 : 0;
}

static struct call
put_call(const char *key, const struct s3_body *b, bool conditional)
{
	struct call c = { .method = "PUT", .key = key, .body = b };

	c.extra[c.extras++] =
	    (struct sigv4_pair){ STR("x-amz-meta-sha256"), str_of(b->sha256) };
	if (conditional)
		c.extra[c.extras++] =
		    (struct sigv4_pair){ STR("if-none-match"), STR("*") };
	return c;
}

static void
ask_before_puts(struct s3 *s, const char *did)
{
	s->cond = COND_NOT;
	tell(s, false,
	    "s3: the server %s If-None-Match; asking with HEAD before each PUT", did);
}

/* Does this server know If-None-Match?  Put again what was just put: the same bytes. */
static void
probe(struct s3 *s, const char *key, const struct s3_body *b)
{
	struct call c = put_call(key, b, true);
	struct http_response r;
	struct err ignored;

	if (s->cond != COND_UNKNOWN || s->probed || b->bytes > S3_PROBE_MAX)
		return;
	s->probed = true;
	http_response_init(&r, ANSWER_MAX);
	if (send_signed(s, &c, STALL_NS, &r, &ignored) == 0) {
		if (r.status == 412)
			s->cond = COND_WORKS;
		else if (r.status / 100 == 2)
			ask_before_puts(s, "ignores");
	}
	http_response_done(&r);
}

static int
stored(struct s3 *s, const struct call *c, const struct http_response *r,
    struct s3_result *res, struct err *e)
{
	take_etag(r, res->etag);
	if (res->etag[0] == '\0')
		return err_set(e, ST_FAIL,
		    "s3://%.64s/%.300s: answered %d without an ETag; is this "
		    "an S3 server?",
		    s->bucket, c->key, r->status);
	return 0;
}

int
s3_put(struct s3 *s, const char *key, const struct s3_body *b, struct s3_result *res,
    struct err *e)
{
	bool conditional = !s->o.overwrite && s->cond != COND_NOT;
	struct call c = put_call(key, b, conditional);
	struct http_response r;
	int has, done = -1;

	if (b->bytes > S3_PUT_MAX)
		return err_set(e, ST_FAIL,
		    "s3://%.64s/%.300s: larger than 5 GiB, the most one PUT "
		    "takes",
		    s->bucket, key);
	if (!s->o.overwrite && !conditional && (has = s3_has(s, key, b, res, e)) != 0) {
		if (has < 0 && e->status == ST_FAIL)
			snprintf(e->text + strlen(e->text),
			    sizeof e->text - strlen(e->text),
			    "; --overwrite replaces it");
		return has < 0 ? -1 : 0;
	}
	http_response_init(&r, ANSWER_MAX);
	if (ask(s, &c, &r, &res->attempts, e) < 0)
		goto out;
	if (is_success(&r)) {
		done = stored(s, &c, &r, res, e);
	} else if (conditional && r.status == 412) {
		s->cond = COND_WORKS;
		done = settle_existing(s, key, b, res, e);
	} else if (conditional && r.status == 501) {
		ask_before_puts(s, "does not know");
		done = s3_put(s, key, b, res, e);
	} else {
		refused(s, &c, &r, e);
	}
	if (done == 0 && !res->present && conditional)
		probe(s, key, b);
out:
	http_response_done(&r);
	return done;
}
