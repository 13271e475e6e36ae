#include "s3/client.h"
#include "base/err.h"
#include "s3/answer.h"
#include "s3/put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- clients ---- */

static int
find_credentials(struct known *k, struct err *e)
{
	struct credentials_options co = { .env = k->o.env,
		.region = k->at.region,
		.ca_file = k->ca_file,
		.stop = k->o.stop,
		.tell = k->o.tell };

	return (k->identity = identity_new(&co, e)) == NULL ? -1 : 0;
}

static struct known *
known_new(const char *bucket, const struct s3_options *o, struct err *e)
{
	struct known *k = calloc(1, sizeof *k);
	struct endpoint_options eo = { .url = o->endpoint,
		.region = o->region,
		.path_style = o->path_style,
		.env = o->env };

	if (k == NULL) {
		err_set(e, ST_FAIL, "s3: out of memory");
		return NULL;
	}
	pthread_mutex_init(&k->lock, NULL);
	pthread_mutex_init(&k->blind, NULL);
	k->bucket = bucket;
	k->o = *o;
	k->spare = o->jobs > 0 ? o->jobs - 1 : 0;
	k->ca_file = o->ca_file;
	if (k->ca_file == NULL && (k->ca_file = o->env("AWS_CA_BUNDLE")) != NULL &&
	    *k->ca_file == '\0')
		k->ca_file = NULL;
	if (endpoint_find(&k->at, bucket, &eo, e) < 0 || find_credentials(k, e) < 0) {
		pthread_mutex_destroy(&k->blind);
		pthread_mutex_destroy(&k->lock);
		free(k);
		return NULL;
	}
	k->cond = k->at.amazon ? COND_WORKS : COND_UNKNOWN;
	return k;
}

static void
known_leave(struct known *k)
{
	bool last;

	pthread_mutex_lock(&k->lock);
	last = --k->users == 0;
	pthread_mutex_unlock(&k->lock);
	if (!last)
		return;
	identity_free(k->identity);
	pthread_mutex_destroy(&k->blind);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static struct s3 *
client_of(struct known *k, struct err *e)
{
	struct s3 *s = calloc(1, sizeof *s);
	struct http_options ho = {
		.ca_file = k->ca_file, .stop = k->o.stop, .sent = k->o.sent
	};

	pthread_mutex_lock(&k->lock);
	k->users++;
	pthread_mutex_unlock(&k->lock);
	if (s == NULL) {
		known_leave(k);
		err_set(e, ST_FAIL, "s3: out of memory");
		return NULL;
	}
	s->k = k;
	s->http = http_new(&ho, e);
	ho.stop = NULL;
	ho.sent = NULL;
	if (s->http == NULL || (s->calm = http_new(&ho, e)) == NULL) {
		s3_free(s);
		return NULL;
	}
	return s;
}

struct s3 *
s3_new(const char *bucket, const struct s3_options *o, struct err *e)
{
	struct known *k = known_new(bucket, o, e);
	struct s3 *s = k == NULL ? NULL : client_of(k, e);

	if (s != NULL)
		exchange_tell(k, false, "s3: %s://%s%s, region %s", k->at.scheme,
		    k->at.host, k->at.base, k->at.region);
	return s;
}

struct s3 *
s3_twin(const struct s3 *s, struct err *e)
{
	return client_of(s->k, e);
}

void
s3_free(struct s3 *s)
{
	if (s == NULL)
		return;
	http_free(s->http);
	http_free(s->calm);
	known_leave(s->k);
	free(s);
}

/* ---- requests ---- */

struct call
plain_call(const struct known *k, const char *method, const char *key)
{
	struct call c = { .method = method, .key = key };

	c.extras = attributes_headers(&k->o.attributes, false, c.extra);
	return c;
}

struct call
put_call(const struct known *k, const char *method, const char *key,
    const struct s3_body *b, bool conditional)
{
	struct call c = { .method = method, .key = key };

	c.extras = attributes_headers(&k->o.attributes, true, c.extra);
	if (b->sha256 != NULL)
		call_header(&c, "x-amz-meta-sha256", b->sha256);
	if (conditional)
		call_header(&c, "if-none-match", "*");
	return c;
}

int
put_checksums(struct known *k, struct call *c, struct checksum_headers *h, struct err *e)
{
	enum checksum kind = k->o.attributes.checksum;
	bool md5 = kind == CHECKSUM_MD5;

	if (!md5) {
		pthread_mutex_lock(&k->lock);
		md5 = k->md5_wanted;
		pthread_mutex_unlock(&k->lock);
	}
	h->md5[0] = '\0';
	if (checksum_name(kind) != NULL) {
		if (checksum_of(kind, c->body, h->sum, e) < 0)
			return -1;
		call_header(c,
		    kind == CHECKSUM_SHA256 ? "x-amz-checksum-sha256"
					    : "x-amz-checksum-crc32c",
		    h->sum);
		/* Ceph looks at the checksum only when it is also named */
		call_header(c, "x-amz-sdk-checksum-algorithm", checksum_name(kind));
	}
	if (md5) {
		if (checksum_of(CHECKSUM_MD5, c->body, h->md5, e) < 0)
			return -1;
		call_header(c, "content-md5", h->md5);
	}
	return 0;
}

void
put_etag(struct str v, char etag[S3_ETAG_MAX])
{
	if (str_starts(v, STR("W/")))
		v.p += 2, v.n -= 2;
	if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
		v.p++, v.n -= 2;
	snprintf(etag, S3_ETAG_MAX, "%.*s", (int)v.n, v.p);
}

static void
take_etag(const struct http_response *r, char etag[S3_ETAG_MAX])
{
	struct str v;

	etag[0] = '\0';
	if (http_header(r, "etag", &v))
		put_etag(v, etag);
}

/* ---- what is there ---- */

/* Are the bytes of the object that HEAD described ours?  1, 0, -1: cannot be told. */
static int
same_bytes(const struct http_response *r, const struct s3_body *b, const char *etag)
{
	struct str v;
	char md5[33];

	if (b->bytes != UINT64_MAX && http_header(r, "content-length", &v) &&
	    strtoull(v.p, NULL, 10) != b->bytes)
		return 0;
	if (b->sha256 != NULL && http_header(r, "x-amz-meta-sha256", &v))
		return str_eq(v, str_of(b->sha256));
	if (b->etag != NULL && strcasecmp(etag, b->etag) == 0)
		return 1;
	if (strlen(etag) != 32 || (b->fd < 0 && b->memory == NULL) ||
	    checksum_md5_hex(b, md5) < 0)
		return -1;
	return strcasecmp(etag, md5) == 0;
}

static void
add_words(struct err *e, const char *words)
{
	size_t n = strlen(e->text);

	snprintf(e->text + n, sizeof e->text - n, "%s", words);
}

/* As s3_has(); `status` is that of the answer, 0: there was none. */
static int
look(struct s3 *s, const char *key, const struct s3_body *b, int *status,
    struct s3_result *res, struct err *e)
{
	struct call c = plain_call(s->k, "HEAD", key);
	struct http_response r;
	int same, done = -1;

	*status = 0;
	http_response_init(&r, EXCHANGE_ANSWER_MAX);
	if (exchange(s, &c, &r, res, e) < 0)
		goto out;
	*status = r.status;
	if (r.status == 404) {
		done = 0;
	} else if (r.status == 403) {
		exchange_refused(s, &c, &r, e);
		/* of a key that is not there too, without s3:ListBucket */
		add_words(e, "; s3:GetObject is needed to compare what is there, and "
			     "s3:ListBucket to see that nothing is");
	} else if (r.status / 100 != 2) {
		exchange_refused(s, &c, &r, e);
	} else {
		take_etag(&r, res->etag);
		if ((same = same_bytes(&r, b, res->etag)) > 0)
			done = 1;
		else
			err_set(e, ST_FAIL, "s3://%.64s/%.300s: exists %s", s->k->bucket,
			    key,
			    same == 0 ? "with other bytes"
				      : "and its bytes cannot be compared");
	}
out:
	res->present = done == 1;
	http_response_done(&r);
	return done;
}

int
s3_has(struct s3 *s, const char *key, const struct s3_body *b, struct s3_result *res,
    struct err *e)
{
	int status;

	return look(s, key, b, &status, res, e);
}

void
put_hint(struct err *e)
{
	if (e->status == ST_FAIL)
		add_words(e, "; --overwrite replaces it");
	else if (e->status == ST_NOPERM)
		add_words(e, "; --overwrite does not look");
}

int
put_settle(struct s3 *s, const char *key, const struct s3_body *b, struct s3_result *res,
    struct err *e)
{
	int has = s3_has(s, key, b, res, e);

	if (has == 0)
		return err_set(e, ST_LATER,
		    "s3://%.64s/%.300s: existed a moment ago, and is gone", s->k->bucket,
		    key);
	if (has < 0 && e->status == ST_NOPERM)
		add_words(e, "; it was put before, maybe by a try whose answer was lost");
	if (has < 0)
		put_hint(e);
	return has < 0 ? -1 : 0;
}

/* ---- If-None-Match ---- */

enum cond
put_condition(struct known *k)
{
	enum cond cond;

	pthread_mutex_lock(&k->lock);
	cond = k->cond;
	pthread_mutex_unlock(&k->lock);
	return cond;
}

void
put_condition_is(struct known *k, enum cond cond, const char *did)
{
	bool news;

	pthread_mutex_lock(&k->lock);
	news = k->cond != cond;
	k->cond = cond;
	pthread_mutex_unlock(&k->lock);
	if (news && cond == COND_NOT)
		exchange_tell(k, false,
		    "s3: the server %s If-None-Match; asking with HEAD before each PUT",
		    did);
}

/* Does this server know If-None-Match?  Put again what was just put: the same bytes.  Once, and
 * if they are few, unless it `must` be known. */
static void
probe(struct s3 *s, const char *key, const struct s3_body *b, bool must)
{
	struct call c = put_call(s->k, "PUT", key, b, true);
	struct s3_result uncounted = { .attempts = 0 };
	struct checksum_headers h;
	struct http_response r;
	struct err ignored;
	bool go;

	pthread_mutex_lock(&s->k->lock);
	go = s->k->cond == COND_UNKNOWN &&
	     (must || (!s->k->probed && b->bytes <= S3_PROBE_MAX));
	s->k->probed |= go;
	pthread_mutex_unlock(&s->k->lock);
	c.body = b;
	if (!go || put_checksums(s->k, &c, &h, &ignored) < 0)
		return;
	http_response_init(&r, EXCHANGE_ANSWER_MAX);
	if (exchange_once(s, &c, &r, &uncounted, &ignored) == 0) {
		if (r.status == 412)
			put_condition_is(s->k, COND_WORKS, "");
		else if (exchange_good(&r))
			put_condition_is(s->k, COND_NOT, "ignores");
	}
	http_response_done(&r);
}

/* ---- one PUT ---- */

bool
put_wants_md5(struct known *k, const struct http_response *r)
{
	struct answer a = answer_of(r);
	bool news = false;

	if (r->status != 400 || strstr(a.message, "Content-MD5") == NULL ||
	    k->o.attributes.checksum != CHECKSUM_NONE)
		return false;
	pthread_mutex_lock(&k->lock);
	news = !k->md5_wanted;
	k->md5_wanted = true;
	pthread_mutex_unlock(&k->lock);
	if (news)
		exchange_tell(k, false, "s3: the server wants Content-MD5, and gets it");
	return true;
}

/* Is `etag` that of another MD5 than the one that was sent?  (With SSE-KMS it is none.) */
static bool
is_other_etag(const struct known *k, const char *etag, const struct checksum_headers *h,
    const struct s3_body *b)
{
	char md5[33];

	return h->md5[0] != '\0' && strlen(etag) == 32 &&
	       (k->o.attributes.sse == NULL ||
		   strcmp(k->o.attributes.sse, "AES256") == 0) &&
	       checksum_md5_hex(b, md5) == 0 && strcasecmp(md5, etag) != 0;
}

static int
stored(struct s3 *s, const struct call *c, const struct checksum_headers *h,
    const struct http_response *r, struct s3_result *res, struct err *e)
{
	struct s3_body by_md5 = *c->body;

	take_etag(r, res->etag);
	if (res->etag[0] == '\0')
		return err_set(e, ST_FAIL,
		    "s3://%.64s/%.300s: answered %d without an ETag; is this "
		    "an S3 server?",
		    s->k->bucket, c->key, r->status);
	if (!is_other_etag(s->k, res->etag, h, c->body))
		return 0;
	exchange_tell(s->k, false, "s3://%.64s/%.300s: the ETag is not the MD5; asking",
	    s->k->bucket, c->key);
	by_md5.sha256 = NULL; /* what the server says of its own, not what we told it */
	if (put_settle(s, c->key, &by_md5, res, e) < 0)
		return -1;
	res->present = false;
	return 0;
}

static int
put_once(struct s3 *s, const char *key, const struct s3_body *b, bool conditional,
    struct http_response *r, struct s3_result *res, struct err *e)
{
	struct call c = put_call(s->k, "PUT", key, b, conditional);
	struct checksum_headers h;
	int done = -1;

	c.body = b;
	if (put_checksums(s->k, &c, &h, e) < 0 || exchange(s, &c, r, res, e) < 0)
		return -1;
	if (exchange_good(r)) {
		done = stored(s, &c, &h, r, res, e);
	} else if (conditional && r->status == 412) {
		put_condition_is(s->k, COND_WORKS, "");
		done = put_settle(s, key, b, res, e);
	} else if (conditional && r->status == 501) {
		put_condition_is(s->k, COND_NOT, "does not know");
		done = s3_put(s, key, b, res, e);
	} else if (h.md5[0] == '\0' && put_wants_md5(s->k, r)) {
		done = put_once(s, key, b, conditional, r, res, e);
	} else {
		exchange_refused(s, &c, r, e);
	}
	return done;
}

/* Is it there already?  As s3_has(); asked unless If-None-Match is known to work.  *blind: 0 says
 * that HEAD is refused, and that nothing is known. */
static int
look_before(struct s3 *s, const char *key, const struct s3_body *b, bool *blind,
    struct s3_result *res, struct err *e)
{
	enum cond cond = s->k->o.overwrite ? COND_WORKS : put_condition(s->k);
	int has, status;

	*blind = false;
	if (cond == COND_WORKS || (has = look(s, key, b, &status, res, e)) == 0)
		return 0;
	/* with s3:PutObject alone the header must do; and a PUT is told why, a HEAD is not */
	*blind = has < 0 && status != 0 && status / 100 != 2 && cond == COND_UNKNOWN;
	if (*blind)
		return 0;
	if (has < 0 && status != 0)
		put_hint(e);
	return has;
}

static int
put_and_probe(struct s3 *s, const char *key, const struct s3_body *b, bool must,
    struct s3_result *res, struct err *e)
{
	bool conditional = !s->k->o.overwrite && put_condition(s->k) != COND_NOT;
	struct http_response r;
	int done;

	http_response_init(&r, EXCHANGE_ANSWER_MAX);
	done = put_once(s, key, b, conditional, &r, res, e);
	if (done == 0 && !res->present && conditional)
		probe(s, key, b, must);
	http_response_done(&r);
	return done;
}

/* Only the header can keep what is there, and nobody knows whether it does: one object at a time,
 * and each is the probe, until that is known.  So at most one object is replaced, and told. */
static int
put_blind(struct s3 *s, const char *key, const struct s3_body *b, struct s3_result *res,
    struct err *e)
{
	enum cond before, after;
	int done = 0;

	pthread_mutex_lock(&s->k->blind);
	if ((before = put_condition(s->k)) == COND_UNKNOWN)
		done = put_and_probe(s, key, b, true, res, e);
	after = put_condition(s->k);
	pthread_mutex_unlock(&s->k->blind);
	if (before != COND_UNKNOWN)
		return s3_put(s, key, b, res, e);
	if (done == 0 && !res->present && after == COND_NOT)
		return err_set(e, ST_NOPERM,
		    "s3://%.64s/%.200s: put, but other bytes may have been there: the "
		    "server "
		    "ignores If-None-Match and refuses HEAD; it needs s3:GetObject and "
		    "s3:ListBucket, or --overwrite",
		    s->k->bucket, key);
	return done;
}

int
s3_put(struct s3 *s, const char *key, const struct s3_body *b, struct s3_result *res,
    struct err *e)
{
	bool blind;
	int has;

	if (b->bytes > S3_PUT_MAX)
		return err_set(e, ST_FAIL,
		    "s3://%.64s/%.300s: larger than 5 GiB, the most one PUT "
		    "takes",
		    s->k->bucket, key);
	if ((has = look_before(s, key, b, &blind, res, e)) != 0)
		return has < 0 ? -1 : 0;
	return blind ? put_blind(s, key, b, res, e)
		     : put_and_probe(s, key, b, false, res, e);
}
