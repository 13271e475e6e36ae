#include "base/clock.h"
#include "base/err.h"
#include "s3/client.h"
#include "s3/endpoint.h"
#include "s3/kind.h"
#include "s3/multipart.h"

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
		return -1;
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

/* First pass: what is it?  Second: send it under that hash, which the server checks. */
static int
put_file(struct store *st, const struct store_object *o, const char *key,
    struct store_result *r, struct err *e)
{
	struct sum sum = { 0 };
	struct s3_result res = { 0 };
	struct s3_body body = { .fd = o->fd };
	struct stat sb;
	int done = -1;

	if (fstat(o->fd, &sb) < 0)
		return err_sys(e, o->name);
	if ((uint64_t)sb.st_size >
	    MULTIPART_OBJECT_MAX) /* told before hours of reading */
		return err_set(e, ST_FAIL,
		    "%.300s: larger than 5 TiB, the most an object holds", o->name);
	sum.part_bytes = multipart_part_bytes(st->o.part_bytes, (uint64_t)sb.st_size);
	if (store_sum(st, o, -1, NULL, &sum, e) < 0 || store_check_body(o, &sum, e) < 0)
		goto out;
	body.bytes = r->bytes = sum.bytes;
	body.sha256 = sum.sha256;
	memcpy(r->sha256, sum.sha256, sizeof r->sha256);
	if (sum.bytes != (uint64_t)sb.st_size)
		err_set(e, ST_FAIL, "%.300s: changes while it is read", o->name);
	else if (sum.part_bytes != 0)
		done = multipart_put(st->s3, key, &body, sum.part_bytes,
		    (const uint8_t(*)[32])sum.part, &res, e);
	else
		done = s3_put(st->s3, key, &body, &res, e);
	take_result(&res, r);
out:
	free(sum.part);
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
