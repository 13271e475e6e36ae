#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "s3/client.h"
#include "s3/endpoint.h"
#include "s3/kind.h"
#include "s3/multipart.h"
#include "s3/sums.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
bucket_open(struct store *st, const char *rest, struct err *e)
{
	size_t n = strcspn(rest, "/");
	const char *p = rest + n;
	size_t len;
	struct s3_options o = { .endpoint = st->o.endpoint,
		.region = st->o.region,
		.ca_file = st->o.ca_file,
		.path_style = st->o.path_style,
		.overwrite = st->o.overwrite,
		.attributes = st->o.attributes,
		.part_bytes = st->o.part_bytes,
		.jobs = st->o.jobs,
		.max_time_ns = st->o.max_time_ns,
		.stop = st->o.stop,
		.sent = st->o.sent,
		.tell = st->o.tell,
		.env = st->o.env };

	if (*p == '/')
		p++;
	for (len = strlen(p); len > 0 && p[len - 1] == '/'; len--)
		;
	if ((st->bucket = strndup(rest, n)) == NULL ||
	    asprintf(&st->prefix, "%.*s%s", (int)len, p, len > 0 ? "/" : "") < 0) {
		st->prefix = NULL;
		return err_set(e, ST_FAIL, "%.300s: out of memory", st->url);
	}
	if (endpoint_bucket(st->bucket, e) < 0)
		return strchr(st->url, '@') == NULL
			   ? -1
			   : err_set(e, ST_USAGE,
				 "%s: what it begins with is not the name of a bucket",
				 store_told(st->url));
	if (st->o.part_bytes != 0 && (st->o.part_bytes < MULTIPART_PART_MIN ||
					 st->o.part_bytes > MULTIPART_PART_MAX))
		return err_set(e, ST_USAGE, "--part-size: from 5M to 5G, please");
	if (attributes_check(&st->o.attributes, e) < 0)
		return -1;
	if (st->o.dry)
		return 0;
	return (st->s3 = s3_new(st->bucket, &o, e)) == NULL ? -1 : 0;
}

static int
bucket_twin(struct store *st, const struct store *of, struct err *e)
{
	if ((st->bucket = strdup(of->bucket)) == NULL ||
	    (st->prefix = strdup(of->prefix)) == NULL)
		return err_set(e, ST_FAIL, "%.300s: out of memory", of->url);
	if (of->s3 == NULL)
		return 0;
	return (st->s3 = s3_twin(of->s3, e)) == NULL ? -1 : 0;
}

static int
bucket_key(const struct store *st, const char *key, char **full, struct err *e)
{
	if (asprintf(full, "%s%s", st->prefix, key) >= 0)
		return 0;
	*full = NULL;
	return err_set(e, ST_FAIL, "%.300s: out of memory", key);
}

static void
take_result(const struct s3_result *from, struct store_result *r)
{
	r->present = from->present;
	r->attempts = from->attempts;
	snprintf(r->etag, sizeof r->etag, "%s", from->etag);
	snprintf(r->request, sizeof r->request, "%s", from->request);
}

static int
put_pipe(struct store *st, const struct store_object *o, const char *key,
    struct store_result *r, struct err *e)
{
	struct multipart_pipe p = { .fd = o->fd, .name = o->name };
	struct s3_result res = { 0 };
	int done;

	if (st->o.part_bytes > MULTIPART_PIPE_MAX)
		return err_set(e, ST_FAIL,
		    "%.300s: the parts of a pipe are held in memory: --part-size of at "
		    "most 1G",
		    o->name);
	done = multipart_pipe(st->s3, key, &p, &res, e);
	take_result(&res, r);
	r->bytes = p.bytes;
	memcpy(r->sha256, p.sha256, sizeof r->sha256);
	return done;
}

/* Does the manifest say which hash these bytes have, and nothing that speaks against it? */
static bool
is_told(const struct store_object *o, uint64_t size)
{
	return o->sha256 != NULL && (o->bytes == STORE_ANY_SIZE || o->bytes == size);
}

static int
changes(const struct store_object *o, struct err *e)
{
	return err_set(e, ST_FAIL, "%.300s: changes while it is read", o->name);
}

/* First pass: what is it?  Second: send it under that hash, which the server checks. */
static int
put_read(struct store *st, const struct store_object *o, const char *key, uint64_t size,
    struct store_result *r, struct err *e)
{
	struct sum sum = { 0 };
	struct s3_result res = { 0 };
	struct s3_body body = { .fd = o->fd };
	int done;

	if (store_sum(st, o, -1, NULL, &sum, e) < 0 || store_check_body(o, &sum, e) < 0)
		return -1;
	body.bytes = r->bytes = sum.bytes;
	body.sha256 = sum.sha256;
	memcpy(r->sha256, sum.sha256, sizeof r->sha256);
	if (sum.bytes != size)
		return changes(o, e);
	done = s3_put(st->s3, key, &body, &res, e);
	take_result(&res, r);
	return done;
}

/* One pass: send it under the hash of its manifest, and look whether it has that.  The
 * last bytes of one that has not are never sent.  Nothing is called present, nor other than
 * what is there, by a hash that the body does not have. */
static int
put_told(struct store *st, const struct store_object *o, const char *key, uint64_t size,
    struct store_result *r, struct err *e)
{
	struct body_watch w = { .hash = sha256_new() };
	struct s3_body body = {
		.fd = o->fd, .bytes = size, .sha256 = o->sha256, .watch = &w
	};
	struct sum sum = { .bytes = size };
	struct s3_result res = { 0 };
	struct err why;
	int done, read = 0;

	if (w.hash == NULL)
		return err_set(e, ST_FAIL, "%.400s: out of memory", o->name);
	r->bytes = size;
	memcpy(r->sha256, o->sha256, sizeof r->sha256);
	done = s3_put(st->s3, key, &body, &res, e);
	take_result(&res, r);
	sha256_free(w.hash);
	if (w.whole)
		memcpy(sum.sha256, w.sha256, sizeof sum.sha256);
	else if (done == 0 || e->status == ST_FAIL)
		read = store_sum(st, o, -1, NULL, &sum, &why);
	else
		return done;
	if (read < 0 || store_check_body(o, &sum, &why) < 0) {
		*e = why;
		done = -1;
	}
	return done;
}

/* The hashes of a file and its parts. */
struct reading {
	struct store *st;
	const struct store_object *o;
	uint64_t size;
	struct sum sum;
	struct err err;
	int done;
};

static void *
read_sums(void *user)
{
	struct reading *g = user;

	g->done = store_sum(g->st, g->o, -1, NULL, &g->sum, &g->err);
	if (g->done == 0 && (g->done = store_check_body(g->o, &g->sum, &g->err)) == 0 &&
	    g->sum.bytes != g->size)
		g->done = changes(g->o, &g->err);
	sums_end(g->sum.parts, g->done < 0 ? &g->err : NULL);
	return NULL;
}

/* In parts, which are read while earlier ones are sent if the hash of the whole is told;
 * else it is read before, because that goes into the first request. */
static int
put_parts(struct store *st, const struct store_object *o, const char *key,
    struct reading *g, struct store_result *r, struct err *e)
{
	struct s3_result res = { 0 };
	struct s3_body body = { .fd = o->fd, .bytes = g->size, .sha256 = o->sha256 };
	pthread_t thread;
	bool beside =
	    is_told(o, g->size) && pthread_create(&thread, NULL, read_sums, g) == 0;
	int done;

	if (!beside) {
		read_sums(g);
		body.sha256 = g->sum.sha256;
	}
	if (!beside && g->done < 0) {
		*e = g->err;
		return -1;
	}
	r->bytes = body.bytes;
	memcpy(r->sha256, body.sha256, sizeof r->sha256);
	done =
	    multipart_put(st->s3, key, &body, g->sum.part_bytes, g->sum.parts, &res, e);
	take_result(&res, r);
	if (!beside)
		return done;
	if (done < 0 && e->status != ST_FAIL)
		sums_unwanted(g->sum.parts);
	pthread_join(thread, NULL);
	if (g->done < 0 && (done == 0 || e->status == ST_FAIL)) {
		*e = g->err;
		done = -1;
	}
	return done;
}

static int
put_file(struct store *st, const struct store_object *o, const char *key,
    struct store_result *r, struct err *e)
{
	struct reading g = { .st = st, .o = o };
	struct stat sb;
	uint64_t part;
	int done;

	if (fstat(o->fd, &sb) < 0)
		return err_sys(e, o->name);
	g.size = (uint64_t)sb.st_size;
	if (g.size > MULTIPART_OBJECT_MAX) /* told before hours of reading */
		return err_set(e, ST_FAIL,
		    "%.300s: larger than 5 TiB, the most an object holds", o->name);
	if ((part = multipart_part_bytes(st->o.part_bytes, g.size)) == 0)
		/* what fits in a block is read before, so that a wrong one costs no request */
		return (is_told(o, g.size) && g.size > STORE_BLOCK ? put_told : put_read)(
		    st, o, key, g.size, r, e);
	g.sum.part_bytes = part;
	if ((g.sum.parts = sums_new((unsigned)((g.size + part - 1) / part))) == NULL)
		return err_set(e, ST_FAIL, "%.400s: out of memory", o->name);
	done = put_parts(st, o, key, &g, r, e);
	sums_free(g.sum.parts);
	return done;
}

static int
bucket_put(
    struct store *st, const struct store_object *o, struct store_result *r, struct err *e)
{
	char *key;
	int done;

	if (bucket_key(st, o->key, &key, e) < 0)
		return -1;
	done = o->pipe ? put_pipe(st, o, key, r, e) : put_file(st, o, key, r, e);
	free(key);
	return done;
}

static int
bucket_has(
    struct store *st, const struct store_object *o, struct store_result *r, struct err *e)
{
	struct s3_body body = { .fd = o->fd, .bytes = o->bytes, .sha256 = o->sha256 };
	struct s3_result res = { 0 };
	char *key;
	int has;

	if (bucket_key(st, o->key, &key, e) < 0)
		return -1;
	has = s3_has(st->s3, key, &body, &res, e);
	take_result(&res, r);
	free(key);
	return has;
}

/* An upload is begun, which needs what a PUT needs, and aborted: nothing is left. */
static int
bucket_check(struct store *st, store_says *says, void *user, struct err *e)
{
	struct s3_result res = { 0 };
	char *key, words[300];
	int64_t theirs = 0;
	bool left;
	double off;
	int done;

	if (bucket_key(st, STORE_CHECK_KEY, &key, e) < 0)
		return -1;
	done = multipart_try(st->s3, key, &theirs, &left, &res, e);
	if (done == 0) {
		says(user, "server", "answers, and the bucket is there");
		off = (double)(clock_now() - theirs) / 1e9;
		snprintf(words, sizeof words, "%.0f s from the server's",
		    off < 0 ? -off : off);
		if (theirs != 0)
			says(user, "clock", words);
		snprintf(words, sizeof words,
		    left ? "an upload of %.200s was begun, but not aborted, which "
			   "needs s3:AbortMultipartUpload"
			 : "an upload of %.200s was begun and aborted; nothing is left "
			   "of it",
		    key);
		says(user, "permission", words);
	}
	free(key);
	return done;
}

const struct store_kind store_s3 = { "s3://", bucket_open, bucket_twin, bucket_put,
	bucket_has, bucket_check };
