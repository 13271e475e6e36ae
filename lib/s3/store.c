#include "s3/store.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "s3/client.h"
#include "s3/kind.h"
#include "s3/pipe.h"
#include "s3/sums.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SHOWN = 200 }; /* of a refused key */

/* ---- what both kinds need ---- */

/* The hashes of parts, when they are wanted, beside that of the whole. */
struct summing {
	struct sha256 *all, *one;
	struct sum *sum;
	uint64_t in_part;
};

static int
end_part(struct summing *g)
{
	uint8_t digest[32];

	sha256_end(g->one, digest);
	g->in_part = 0;
	return sums_add(g->sum->parts, digest);
}

static int
add_bytes(struct summing *g, const char *p, size_t n)
{
	size_t some;

	sha256_add(g->all, p, n);
	g->sum->bytes += n;
	while (g->one != NULL && n > 0) {
		some = n < g->sum->part_bytes - g->in_part
			   ? n
			   : (size_t)(g->sum->part_bytes - g->in_part);
		sha256_add(g->one, p, some);
		g->in_part += some;
		p += some;
		n -= some;
		if (g->in_part == g->sum->part_bytes && end_part(g) < 0)
			return -1;
	}
	return 0;
}

static int
read_body(struct store *st, const struct store_object *o, int to, const char *to_name,
    struct summing *g, struct err *e)
{
	int64_t n;

	for (;;) {
		if (st->o.stop != NULL && __atomic_load_n(st->o.stop, __ATOMIC_RELAXED))
			return err_set(
			    e, ST_FAIL, "%.400s: stopped by a signal", o->name);
		n = o->pipe
			? pipe_read(o->fd, o->name, st->block, STORE_BLOCK, st->o.stop, e)
			: pread_full(o->fd, st->block, STORE_BLOCK, g->sum->bytes);
		if (n < 0)
			return o->pipe ? -1 : err_sys(e, o->name);
		if (n == 0)
			break;
		if (add_bytes(g, st->block, (size_t)n) < 0)
			return err_set(
			    e, ST_FAIL, "%.300s: changes while it is read", o->name);
		if (to >= 0 && write_all(to, st->block, (size_t)n, to_name, e) < 0)
			return -1;
		if (to >= 0 && st->o.sent != NULL)
			*st->o.sent += (uint64_t)n;
	}
	if (g->in_part > 0 && end_part(g) < 0)
		return err_set(e, ST_FAIL, "%.300s: changes while it is read", o->name);
	return 0;
}

int
store_sum(struct store *st, const struct store_object *o, int to, const char *to_name,
    struct sum *sum, struct err *e)
{
	struct summing g = { .all = sha256_new(), .sum = sum };
	uint8_t digest[32];
	int done = -1;

	sum->bytes = 0;
	if (sum->part_bytes != 0)
		g.one = sha256_new();
	if (g.all == NULL || (sum->part_bytes != 0 && g.one == NULL)) {
		err_set(e, ST_FAIL, "%.400s: out of memory", o->name);
	} else if (read_body(st, o, to, to_name, &g, e) == 0) {
		sha256_end(g.all, digest);
		hex_of(digest, sizeof digest, sum->sha256);
		done = 0;
	}
	sha256_free(g.all);
	sha256_free(g.one);
	return done;
}

int
store_check_body(const struct store_object *o, const struct sum *sum, struct err *e)
{
	if (o->bytes != STORE_ANY_SIZE && o->bytes != sum->bytes)
		return err_set(e, ST_FAIL,
		    "%.300s: holds %llu bytes, its manifest says %llu", o->name,
		    (unsigned long long)sum->bytes, (unsigned long long)o->bytes);
	if (o->sha256 != NULL && strcmp(o->sha256, sum->sha256) != 0)
		return err_set(e, ST_FAIL,
		    "%.250s: its sha256 is %.64s, its manifest says %.64s", o->name,
		    sum->sha256, o->sha256);
	return 0;
}

/* ---- the interface ---- */

const char *
store_told(const char *url)
{
	return strchr(url, '@') != NULL ? "a text with @" : url;
}

static const struct store_kind *
kind_of(const char *url)
{
	static const struct store_kind *const kinds[] = { &store_s3, &store_dir };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strncmp(url, kinds[i]->scheme, strlen(kinds[i]->scheme)) == 0)
			return kinds[i];
	return NULL;
}

bool
store_is_url(const char *s)
{
	return kind_of(s) != NULL;
}

struct store *
store_open(const char *url, const struct store_options *o, struct err *e)
{
	const struct store_kind *k = kind_of(url);
	struct store *st;
	size_t n = strlen(url);

	if (k == NULL) {
		err_set(e, ST_USAGE,
		    "%.300s: not a destination; give s3://bucket/prefix or "
		    "file:///dir",
		    store_told(url));
		return NULL;
	}
	while (n > strlen(k->scheme) && url[n - 1] == '/')
		n--;
	if ((st = calloc(1, sizeof *st)) == NULL ||
	    (st->block = malloc(STORE_BLOCK)) == NULL ||
	    (st->url = strndup(url, n)) == NULL) {
		store_close(st);
		err_set(e, ST_FAIL, "%.300s: out of memory", url);
		return NULL;
	}
	st->kind = k;
	st->o = *o;
	if (k->open(st, url + strlen(k->scheme), e) < 0) {
		store_close(st);
		return NULL;
	}
	return st;
}

struct store *
store_twin(const struct store *of, struct err *e)
{
	struct store *st = calloc(1, sizeof *st);

	if (st == NULL || (st->block = malloc(STORE_BLOCK)) == NULL ||
	    (st->url = strdup(of->url)) == NULL) {
		store_close(st);
		err_set(e, ST_FAIL, "%.300s: out of memory", of->url);
		return NULL;
	}
	st->kind = of->kind;
	st->o = of->o;
	if (st->kind->twin(st, of, e) < 0) {
		store_close(st);
		return NULL;
	}
	return st;
}

void
store_close(struct store *st)
{
	if (st == NULL)
		return;
	s3_free(st->s3);
	free(st->url);
	free(st->prefix);
	free(st->bucket);
	free(st->dir);
	free(st->block);
	free(st);
}

static const char *
bad_part(const struct store *st, struct str part)
{
	if (part.n == 0)
		return "holds an empty part";
	if (str_eq(part, STR(".")) || str_eq(part, STR("..")))
		return "holds a part . or ..";
	if (st->kind == &store_dir && str_starts(part, STR(STORE_TEMP_PREFIX)))
		return "holds a part that begins with " STORE_TEMP_PREFIX;
	return NULL;
}

/* A key as it is told: a NUL would end the message. */
static int
refuse_key(struct str key, const char *why, struct err *e)
{
	char shown[KEY_SHOWN + 4];
	size_t n = 0, i = 0;

	for (; i < key.n && n < KEY_SHOWN; i++)
		if (key.p[i] == '\0')
			n += (size_t)snprintf(shown + n, sizeof shown - n, "\\x00");
		else
			shown[n++] = key.p[i];
	return err_set(e, ST_FAIL, "key \"%.*s\"%s: refused, it %s", (int)n, shown,
	    i < key.n ? "..." : "", why);
}

int
store_key_check(const struct store *st, struct str key, struct err *e)
{
	size_t extra = st->kind == &store_dir ? 0 : strlen(st->prefix), from = 0;
	const char *why = NULL;

	if (memchr(key.p, '\0', key.n) != NULL)
		why = "holds a NUL";
	else if (key.n + extra > STORE_KEY_MAX)
		why = "is longer than 1024 bytes";
	else if (key.n > 0 && key.p[0] == '/')
		why = "begins with /";
	for (size_t i = 0; why == NULL && i <= key.n; i++)
		if (i == key.n || key.p[i] == '/') {
			why = bad_part(st, (struct str){ key.p + from, i - from });
			from = i + 1;
		}
	if (why == NULL)
		return 0;
	return refuse_key(key, why, e);
}

void
store_where(const struct store *st, const char *key, struct buf *out)
{
	buf_printf(out, "%s/%s", st->url, key);
}

int
store_put(
    struct store *st, const struct store_object *o, struct store_result *r, struct err *e)
{
	*r = (struct store_result){ .bytes = o->bytes };
	return st->kind->put(st, o, r, e);
}

int
store_has(
    struct store *st, const struct store_object *o, struct store_result *r, struct err *e)
{
	*r = (struct store_result){ .bytes = o->bytes };
	return st->kind->has(st, o, r, e);
}

int
store_check(struct store *st, store_says *says, void *user, struct err *e)
{
	return st->kind->check(st, says, user, e);
}
