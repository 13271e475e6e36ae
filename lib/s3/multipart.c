#include "s3/multipart.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "s3/answer.h"
#include "s3/pipe.h"
#include "s3/put.h"
#include "s3/sums.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	UPLOAD_ID_MAX = 1024,
	LIST_MAX = 8 << 20, /* bytes of the list of parts: 10,000 of them fit */
};

struct part {
	char etag[S3_ETAG_MAX]; /* as it goes into the list */
	char sum[CHECKSUM_TEXT];
};

/* One upload under way; the threads that send its parts share it. */
struct upload {
	struct s3 *s; /* of the thread that began it */
	const char *key;
	const struct s3_body *whole; /* a file; NULL: a pipe */
	uint64_t part_bytes;
	struct sums *sums; /* of a file */
	struct pipe *pipe;
	char id[UPLOAD_ID_MAX];

	pthread_mutex_t lock; /* of what follows */
	struct part **part;
	unsigned next, parts, cap; /* parts: how many there are; a file's are known */
	bool failed;
	struct err err; /* the first that went wrong */
	unsigned attempts;
	char request[S3_ID_MAX];
};

uint64_t
multipart_part_bytes(uint64_t asked, uint64_t bytes)
{
	uint64_t part = asked ? asked : MULTIPART_PART_BIG, mib = (uint64_t)1 << 20;

	if (bytes <= (asked ? asked : S3_PUT_MAX))
		return 0;
	if (bytes / part >= MULTIPART_PARTS_MAX)
		part = (bytes / MULTIPART_PARTS_MAX / mib + 1) * mib;
	return part;
}

/* ---- the requests ---- */

static int
begin(struct upload *u, struct http_response *r, struct s3_result *res, struct err *e)
{
	struct known *k = u->s->k;
	struct s3_body unknown = { .fd = -1 };
	/* a POST without a length is refused by some */
	struct s3_body empty = { .fd = -1, .memory = "", .sha256 = SIGV4_EMPTY };
	struct call c =
	    put_call(k, "POST", u->key, u->whole ? u->whole : &unknown, false);
	const char *sum = checksum_name(k->o.attributes.checksum);

	c.body = &empty;
	call_query(&c, "uploads", "");
	if (sum != NULL) {
		call_header(&c, "x-amz-checksum-algorithm", sum);
		call_header(&c, "x-amz-checksum-type", "COMPOSITE");
	}
	if (exchange(u->s, &c, r, res, e) < 0)
		return -1;
	if (!exchange_good(r))
		return exchange_refused(u->s, &c, r, e);
	answer_xml_text(r->body.p, "UploadId", u->id, sizeof u->id);
	if (u->id[0] == '\0' || strlen(u->id) == sizeof u->id - 1)
		return err_set(e, ST_FAIL,
		    "s3://%.64s/%.200s: no upload id in the answer; does the server know "
		    "multipart uploads?",
		    k->bucket, u->key);
	return 0;
}

/* Whatever it takes; afterwards nothing is stored and nothing costs anything.  false: it
 * is left behind, and was named. */
static bool
abort_upload(struct upload *u, struct s3_result *res)
{
	struct call c = plain_call(u->s->k, "DELETE", u->key);
	struct http_response r;
	struct err e;
	bool left;

	if (u->id[0] == '\0')
		return true;
	c.calm = true;
	call_query(&c, "uploadId", u->id);
	http_response_init(&r, EXCHANGE_ANSWER_MAX);
	left = exchange(u->s, &c, &r, res, &e) < 0 ||
	       (!exchange_good(&r) && r.status != 404 &&
		   exchange_refused(u->s, &c, &r, &e) < 0);
	if (left)
		exchange_tell(u->s->k, true,
		    "%.400s; upload %.200s could not be aborted and is left behind",
		    e.text, u->id);
	http_response_done(&r);
	return !left;
}

/* Send the part that `body` is: number i, counted from 0. */
static int
send_part(struct upload *u, struct s3 *s, unsigned i, const struct s3_body *body,
    struct part *part, struct s3_result *res, struct err *e)
{
	struct call c = plain_call(s->k, "PUT", u->key);
	struct checksum_headers h = { .sum = "" };
	struct http_response r;
	struct str etag;
	char number[12];
	int done = -1;

	snprintf(number, sizeof number, "%u", i + 1);
	call_query(&c, "partNumber", number);
	call_query(&c, "uploadId", u->id);
	c.body = body;
	http_response_init(&r, EXCHANGE_ANSWER_MAX);
	if (put_checksums(s->k, &c, &h, e) < 0 || exchange(s, &c, &r, res, e) < 0)
		goto out;
	if (h.md5[0] == '\0' && put_wants_md5(s->k, &r)) {
		done = send_part(u, s, i, body, part, res, e);
	} else if (!exchange_good(&r)) {
		exchange_refused(s, &c, &r, e);
	} else if (!http_header(&r, "etag", &etag) || etag.n >= S3_ETAG_MAX) {
		err_set(e, ST_FAIL,
		    "s3://%.64s/%.200s: part %s answered %d without an ETag; is this an "
		    "S3 server?",
		    s->k->bucket, u->key, number, r.status);
	} else {
		put_etag(etag, part->etag);
		memcpy(part->sum, h.sum, sizeof part->sum);
		done = 0;
	}
out:
	http_response_done(&r);
	return done;
}

/* ---- the parts ---- */

static void
fail(struct upload *u, const struct err *e)
{
	pthread_mutex_lock(&u->lock);
	if (!u->failed)
		u->err = *e;
	u->failed = true;
	pthread_mutex_unlock(&u->lock);
}

/* Room for part i; under the lock. */
static struct part *
room(struct upload *u, unsigned i)
{
	if (i >= u->cap) {
		unsigned cap = u->cap ? 2 * u->cap : 64;
		struct part **more = realloc(u->part, cap * sizeof(struct part *));

		if (more == NULL)
			return NULL;
		memset(more + u->cap, 0, (cap - u->cap) * sizeof(struct part *));
		u->part = more;
		u->cap = cap;
	}
	return u->part[i] = calloc(1, sizeof(struct part));
}

/* Part i of a file. */
static struct s3_body
part_of_file(const struct upload *u, unsigned i, const char *sha256)
{
	struct s3_body b = *u->whole;

	b.from += i * u->part_bytes;
	b.bytes = u->whole->bytes - i * u->part_bytes < u->part_bytes
		      ? u->whole->bytes - i * u->part_bytes
		      : u->part_bytes;
	b.sha256 = sha256;
	return b;
}

/* The next part that nobody has taken; `memory` is this thread's, for a pipe.  1; 0: none
 * is left; -1. */
static int
take_part(struct upload *u, char *memory, struct s3_body *b, char sha256[65], unsigned *i,
    struct part **part, struct err *e)
{
	size_t n = 0;
	int got = 1;

	pthread_mutex_lock(&u->lock);
	*i = u->next;
	if (u->failed || (u->whole != NULL && *i == u->parts))
		got = 0;
	else if (u->whole == NULL)
		got = *i < MULTIPART_PARTS_MAX ? pipe_part(u->pipe, memory, &n, sha256, e)
					       : pipe_at_end(u->pipe, e);
	if (got > 0 && (*part = room(u, *i)) == NULL) {
		err_set(e, ST_FAIL, "s3: out of memory");
		got = -1;
	}
	if (got > 0) {
		u->next++;
		if (u->whole != NULL)
			*b = part_of_file(u, *i, sha256);
		else
			*b = (struct s3_body){
				.fd = -1, .memory = memory, .bytes = n, .sha256 = sha256
			};
	}
	if (u->whole == NULL)
		u->parts = u->next;
	pthread_mutex_unlock(&u->lock);
	if (got > 0 && u->whole != NULL && sums_wait(u->sums, *i, sha256, e) < 0)
		return -1;
	return got;
}

static void
send_parts(struct upload *u, struct s3 *s)
{
	char *memory = u->whole == NULL ? malloc(u->part_bytes) : NULL, sha256[65];
	struct s3_result res = { .attempts = 0 };
	struct s3_body b;
	struct part *part = NULL;
	struct err e;
	unsigned i;
	int got;

	if (u->whole == NULL && memory == NULL) {
		err_set(&e, ST_FAIL, "s3: no memory for a part");
		fail(u, &e);
		return;
	}
	while ((got = take_part(u, memory, &b, sha256, &i, &part, &e)) > 0)
		if ((got = send_part(u, s, i, &b, part, &res, &e)) < 0)
			break;
	if (got < 0)
		fail(u, &e);
	free(memory);
	pthread_mutex_lock(&u->lock);
	u->attempts += res.attempts;
	memcpy(u->request, res.request, sizeof u->request);
	pthread_mutex_unlock(&u->lock);
}

static void *
helper(void *user)
{
	struct upload *u = user;
	struct err e;
	struct s3 *s = s3_twin(u->s, &e);

	if (s == NULL) /* the others do it */
		exchange_tell(u->s->k, false, "%s", e.text);
	else
		send_parts(u, s);
	s3_free(s);
	return NULL;
}

/* As many helpers as may be: `most` for this upload, and what other uploads left. */
static unsigned
take_spare(struct known *k, unsigned most)
{
	unsigned n;

	pthread_mutex_lock(&k->lock);
	n = most < k->spare ? most : k->spare;
	k->spare -= n;
	pthread_mutex_unlock(&k->lock);
	return n;
}

static int
all_parts(struct upload *u, struct s3_result *res, struct err *e)
{
	pthread_t thread[S3_JOBS_MAX];
	unsigned most = u->whole == NULL ? MULTIPART_PIPE_JOBS_MAX : u->parts, spare,
		 n = 0;

	spare = take_spare(u->s->k, (most < S3_JOBS_MAX ? most : S3_JOBS_MAX) - 1);
	while (n < spare && pthread_create(&thread[n], NULL, helper, u) == 0)
		n++;
	send_parts(u, u->s);
	while (n > 0)
		pthread_join(thread[--n], NULL);
	pthread_mutex_lock(&u->s->k->lock);
	u->s->k->spare += spare;
	pthread_mutex_unlock(&u->s->k->lock);
	res->attempts += u->attempts;
	if (u->failed)
		*e = u->err;
	return u->failed ? -1 : 0;
}

/* ---- the end ---- */

static int
list_parts(const struct upload *u, struct buf *xml, struct err *e)
{
	const char *sum = checksum_name(u->s->k->o.attributes.checksum);

	buf_adds(xml, "<CompleteMultipartUpload "
		      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (unsigned i = 0; i < u->parts; i++) {
		buf_adds(xml, "<Part>");
		if (sum != NULL)
			buf_printf(xml, "<Checksum%s>%s</Checksum%s>", sum,
			    u->part[i]->sum, sum);
		buf_adds(xml, "<ETag>&quot;");
		for (const char *p = u->part[i]->etag; *p != '\0'; p++)
			if (*p == '&')
				buf_adds(xml, "&amp;");
			else if (*p == '<')
				buf_adds(xml, "&lt;");
			else
				buf_addc(xml, *p);
		buf_printf(xml, "&quot;</ETag><PartNumber>%u</PartNumber></Part>", i + 1);
	}
	buf_adds(xml, "</CompleteMultipartUpload>");
	return buf_check(xml, "list of parts", e);
}

/* The ETag that these parts make, if theirs are MD5s: the MD5 of the MD5s, and how many. */
static bool
etag_of_parts(const struct upload *u, char etag[64])
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	uint8_t md5[16];
	char hex[33];
	bool good = m != NULL && EVP_DigestInit_ex(m, EVP_md5(), NULL) == 1;

	for (unsigned i = 0; good && i < u->parts; i++) {
		const char *p = u->part[i]->etag;

		good = strlen(p) == 32 && strspn(p, "0123456789abcdefABCDEF") == 32;
		for (int k = 0; good && k < 16; k++) {
			char two[3] = { p[2 * k], p[2 * k + 1], '\0' };

			md5[k] = (uint8_t)strtoul(two, NULL, 16);
		}
		if (good)
			EVP_DigestUpdate(m, md5, sizeof md5);
	}
	if (good) {
		EVP_DigestFinal_ex(m, md5, NULL);
		hex_of(md5, sizeof md5, hex);
		snprintf(etag, 64, "%s-%u", hex, u->parts);
	}
	EVP_MD_CTX_free(m);
	return good;
}

/* Is it there already?  1: with the same bytes; 0: no, or we may not know, and Amazon's
 * If-None-Match will tell; -1. */
static int
look_before(
    struct upload *u, const struct s3_body *b, struct s3_result *res, struct err *e)
{
	int has = s3_has(u->s, u->key, b, res, e);

	if (has < 0 && e->status == ST_NOPERM && put_condition(u->s->k) == COND_WORKS &&
	    u->s->k->at.amazon)
		return 0;
	if (has < 0)
		put_hint(e);
	return has;
}

/* What the answer to the last request says. */
static int
completed(struct upload *u, const struct call *c, const struct s3_body *b,
    const struct http_response *r, struct s3_result *res, struct err *e)
{
	struct answer a = answer_of(r);
	char etag[S3_ETAG_MAX];
	struct err gone;

	if (exchange_good(r)) {
		answer_xml_text(r->body.p, "ETag", etag, sizeof etag);
		put_etag(str_of(etag), res->etag);
		/* radosgw may leave it empty: what is there, then? */
		if (res->etag[0] == '\0' && put_settle(u->s, u->key, b, res, e) < 0)
			return -1;
		res->present = false;
		return 0;
	}
	exchange_refused(u->s, c, r, e);
	if (r->status == 412)
		return put_settle(u->s, u->key, b, res, e);
	/* done by an earlier try whose answer was lost, perhaps */
	if (strcmp(a.code, "NoSuchUpload") == 0 && res->attempts > 1 &&
	    s3_has(u->s, u->key, b, res, &gone) > 0) {
		res->present = false;
		return 0;
	}
	return -1;
}

static int
complete(struct upload *u, const struct s3_body *b, struct s3_result *res, struct err *e)
{
	const struct s3_options *o = &u->s->k->o;
	struct call c = plain_call(u->s->k, "POST", u->key);
	struct s3_body list = { .fd = -1 };
	struct http_response r;
	uint8_t digest[32];
	char hex[65];
	struct buf xml;
	int done;

	if (!o->overwrite && !u->s->k->at.amazon &&
	    (done = look_before(u, b, res, e)) != 0) {
		if (done > 0) /* another was faster */
			abort_upload(u, res);
		return done > 0 ? 0 : -1;
	}
	buf_init(&xml, LIST_MAX);
	http_response_init(&r, EXCHANGE_ANSWER_MAX);
	call_query(&c, "uploadId", u->id);
	call_header(&c, "content-type", "application/xml");
	if (!o->overwrite)
		call_header(&c, "if-none-match", "*");
	if ((done = list_parts(u, &xml, e)) == 0) {
		sha256_of(xml.p, xml.n, digest);
		hex_of(digest, sizeof digest, hex);
		list.memory = xml.p;
		list.bytes = xml.n;
		list.sha256 = hex;
		c.body = &list;
		done = exchange(u->s, &c, &r, res, e);
	}
	if (done == 0)
		done = completed(u, &c, b, &r, res, e);
	if (done == 0 && res->present)
		abort_upload(u, res);
	buf_done(&xml);
	http_response_done(&r);
	return done;
}

static void
upload_done(struct upload *u)
{
	for (unsigned i = 0; i < u->cap; i++)
		free(u->part[i]);
	free(u->part);
	pthread_mutex_destroy(&u->lock);
}

/* From beginning to end; `b` is what will be there. */
static int
run_upload(struct upload *u, struct s3_body *b, struct s3_result *res, struct err *e)
{
	struct http_response r;
	char etag[64];
	int done;

	http_response_init(&r, EXCHANGE_ANSWER_MAX);
	pthread_mutex_init(&u->lock, NULL);
	if ((done = begin(u, &r, res, e)) == 0 && (done = all_parts(u, res, e)) == 0) {
		if (u->pipe != NULL)
			b->bytes = pipe_bytes(u->pipe);
		if (etag_of_parts(u, etag))
			b->etag = etag;
		done = complete(u, b, res, e);
		b->etag = NULL;
	}
	if (done < 0)
		abort_upload(u, res);
	upload_done(u);
	http_response_done(&r);
	return done;
}

int
multipart_put(struct s3 *s, const char *key, const struct s3_body *b, uint64_t part_bytes,
    struct sums *sums, struct s3_result *r, struct err *e)
{
	struct upload u = { .s = s,
		.key = key,
		.whole = b,
		.part_bytes = part_bytes,
		.sums = sums,
		.parts = (unsigned)((b->bytes + part_bytes - 1) / part_bytes) };
	struct s3_body there = *b;
	int has;

	if (b->bytes > MULTIPART_OBJECT_MAX)
		return err_set(e, ST_FAIL,
		    "s3://%.64s/%.300s: larger than 5 TiB, the most an object holds",
		    s->k->bucket, key);
	if (!s->k->o.overwrite && (has = look_before(&u, b, r, e)) != 0)
		return has < 0 ? -1 : 0;
	return run_upload(&u, &there, r, e);
}

int
multipart_pipe(struct s3 *s, const char *key, struct multipart_pipe *p,
    struct s3_result *r, struct err *e)
{
	uint64_t part = s->k->o.part_bytes ? s->k->o.part_bytes : MULTIPART_PART_MIN;
	struct pipe *pipe = pipe_new(p->fd, p->name, part, s->k->o.stop, e);
	struct upload u = { .s = s, .key = key, .part_bytes = part, .pipe = pipe };
	struct s3_body b = { .fd = -1 };
	int done;

	if (pipe == NULL)
		return -1;
	if ((done = pipe_first(pipe, &b.memory, &b.bytes, p->sha256, e)) > 0) {
		b.sha256 = p->sha256; /* that is all of it */
		done = s3_put(s, key, &b, r, e);
	} else if (done == 0) {
		b = (struct s3_body){ .fd = -1 };
		done = run_upload(&u, &b, r, e);
	}
	pipe_sum(pipe, &p->bytes, p->sha256);
	pipe_free(pipe);
	return done;
}

int
multipart_try(struct s3 *s, const char *key, int64_t *server_ns, bool *left,
    struct s3_result *r, struct err *e)
{
	struct upload u = { .s = s, .key = key };
	struct http_response answer;
	int done;

	http_response_init(&answer, EXCHANGE_ANSWER_MAX);
	done = begin(&u, &answer, r, e);
	if (!answer_date(&answer, "date", server_ns))
		*server_ns = 0;
	http_response_done(&answer);
	*left = !abort_upload(&u, r);
	return done;
}
