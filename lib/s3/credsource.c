#include "s3/credsource.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "net/http.h"
#include "record/jscan.h"
#include "record/timestamp.h"
#include "s3/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

void
credsource_tell(const struct credentials_options *o, bool warn, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	if (o->tell == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	o->tell(warn, text);
}

const char *
credsource_env(const struct credsource *s, const char *name)
{
	const char *v = s->o->env(name);

	return v != NULL && v[0] != '\0' ? v : NULL;
}

/* Header bytes must not come from outside: no blanks, no control bytes. */
static bool
presentable(struct str s, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f)
			return false;
	return s.n > 0 && s.n <= max;
}

int
credsource_take(struct credsource *s, const char *where, struct str access,
    struct str secret, struct str token, int64_t ends_ns, struct credentials *c,
    struct err *e)
{
	char when[TIMESTAMP_MAX] = "";

	if (!presentable(access, CREDENTIALS_MAX) ||
	    !presentable(secret, CREDENTIALS_MAX) ||
	    (token.n > 0 && !presentable(token, CREDENTIALS_TOKEN_MAX)))
		return err_set(e, ST_NOPERM,
		    "credentials: %.300s: a key is empty, too long or holds blanks",
		    where);
	if (ends_ns != 0)
		timestamp_format(ends_ns - ends_ns % 1000000000, when);
	if (ends_ns != 0 && ends_ns <= clock_now())
		return err_set(e, ST_NOPERM,
		    "credentials: %.300s: ended at %s; is the clock right?", where, when);
	c->access = strndup(access.p, access.n);
	c->secret = strndup(secret.p, secret.n);
	c->token = token.n > 0 ? strndup(token.p, token.n) : NULL;
	c->ends_ns = ends_ns;
	if (c->access == NULL || c->secret == NULL || (token.n > 0 && c->token == NULL)) {
		credentials_done(c);
		return err_set(e, ST_FAIL, "credentials: out of memory");
	}
	snprintf(s->said, sizeof s->said, "%.270s, access key ...%s%s%s%s", where,
	    access.n > 8 ? c->access + access.n - 4 : "",
	    token.n > 0 ? ", session token" : "", when[0] ? ", until " : "", when);
	return 1;
}

/* ---- JSON answers ---- */

/* Length of the unescaped text in `to` (of size bytes), with a NUL; 0: none. */
static size_t
member(struct str object, const char *name, char *to, size_t size)
{
	struct jscan_member m;
	struct str raw;
	ptrdiff_t n;

	to[0] = '\0';
	if (!jscan_find(object, str_of(name), &m) || m.value.n < 2 || m.value.p[0] != '"')
		return 0;
	raw = (struct str){ m.value.p + 1, m.value.n - 2 };
	if (raw.n >= size || (n = jscan_unescape(raw, to)) < 0) {
		to[0] = '\0';
		return 0;
	}
	to[n] = '\0';
	return (size_t)n;
}

void
credsource_member(struct str answer, const char *name, char *out, size_t size)
{
	if (!jscan_valid(answer, NULL)) {
		out[0] = '\0';
		return;
	}
	(void)member(answer, name, out, size);
}

struct parts {
	char access[CREDENTIALS_MAX + 2], secret[CREDENTIALS_MAX + 2];
	char token[CREDENTIALS_TOKEN_MAX + 2], ends[64];
};

static int
take_parts(struct credsource *s, const char *where, struct str answer, struct parts *p,
    struct credentials *c, struct err *e)
{
	struct str access = { p->access, 0 }, secret = { p->secret, 0 };
	struct str token = { p->token, 0 };
	int64_t ends = 0;

	access.n = member(answer, "AccessKeyId", p->access, sizeof p->access);
	secret.n = member(answer, "SecretAccessKey", p->secret, sizeof p->secret);
	token.n = member(answer, "Token", p->token, sizeof p->token);
	if (token.n == 0)
		token.n = member(answer, "SessionToken", p->token, sizeof p->token);
	if (access.n == 0 || secret.n == 0)
		return err_set(e, ST_NOPERM,
		    "credentials: %.250s: the answer has no AccessKeyId and "
		    "SecretAccessKey",
		    where);
	if (member(answer, "Expiration", p->ends, sizeof p->ends) > 0 &&
	    !timestamp_parse(str_of(p->ends), &ends))
		return err_set(e, ST_NOPERM,
		    "credentials: %.250s: \"%.60s\" is not a time", where, p->ends);
	return credsource_take(s, where, access, secret, token, ends, c, e);
}

int
credsource_json(struct credsource *s, const char *where, struct str answer,
    struct credentials *c, struct err *e)
{
	struct parts *p;
	size_t lead = 0;
	int r;

	while (lead < answer.n && strchr(" \t\r\n", answer.p[lead]) != NULL)
		lead++;
	if (lead == answer.n || answer.p[lead] != '{' || !jscan_valid(answer, NULL))
		return err_set(e, ST_NOPERM, "credentials: %.250s: the answer %s", where,
		    answer.n < CREDSOURCE_ANSWER_MAX ? "is not a JSON object"
						     : "has more than 64 KiB");
	if ((p = calloc(1, sizeof *p)) == NULL)
		return err_set(e, ST_FAIL, "credentials: out of memory");
	r = take_parts(s, where, answer, p, c, e);
	explicit_bzero(p, sizeof *p);
	free(p);
	return r;
}

/* ---- services ---- */

bool
credsource_stopped(const struct credsource *s)
{
	return s->o->stop != NULL && __atomic_load_n(s->o->stop, __ATOMIC_RELAXED) != 0;
}

static void
wait_before(const struct credsource *s, unsigned try)
{
	uint32_t v;
	int64_t ns;
	struct timespec t;

	if (getrandom(&v, sizeof v, 0) != sizeof v)
		v = (uint32_t)clock_steady();
	ns = answer_wait_ns(try, v / 4294967296.0);
	t = (struct timespec){ ns / 1000000000, ns % 1000000000 };
	while (!credsource_stopped(s) && nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

int
credsource_ask(const struct credsource *s, bool direct, const struct http_request *rq,
    unsigned tries, struct http_response *r, struct err *e)
{
	struct http_options o = {
		.ca_file = s->o->ca_file, .stop = s->o->stop, .direct = direct
	};
	struct http *h = http_new(&o, e);
	int done = -1;

	if (h == NULL)
		return -1;
	r->headers.secret = r->body.secret = true;
	for (unsigned n = 1; n <= tries; n++) {
		if (n > 1)
			wait_before(s, n - 1);
		done = http_send(h, rq, r, e);
		if (credsource_stopped(s) || (done < 0 && e->status != ST_LATER))
			break;
		if (done == 0 && (r->status / 100 == 2 ||
				     !answer_passing(r->status, answer_of(r).code)))
			break;
	}
	http_free(h);
	return done;
}

/* ---- tokens in files ---- */

char *
credsource_token_file(const char *path, const char *why, struct err *e)
{
	struct buf b;
	struct str t;
	char *copy = NULL;
	int r;

	buf_init_secret(&b, CREDENTIALS_TOKEN_MAX + 16);
	r = file_read(path, &b, e);
	t = (struct str){ b.p, b.n };
	while (t.n > 0 && strchr(" \t\r\n", t.p[t.n - 1]) != NULL)
		t.n--;
	while (t.n > 0 && strchr(" \t\r\n", *t.p) != NULL)
		t.p++, t.n--;
	if (r == 0)
		err_set(
		    e, ST_NOPERM, "credentials: %.60s=%.300s: no such file", why, path);
	else if (r < 0 && b.failed)
		err_set(e, ST_NOPERM,
		    "credentials: %.60s=%.250s: larger than %d bytes; not a token", why,
		    path, CREDENTIALS_TOKEN_MAX);
	else if (r > 0 && !presentable(t, CREDENTIALS_TOKEN_MAX))
		err_set(e, ST_NOPERM,
		    "credentials: %.60s=%.250s: empty, or not one token", why, path);
	else if (r > 0 && (copy = strndup(t.p, t.n)) == NULL)
		err_set(e, ST_FAIL, "credentials: out of memory");
	buf_done(&b);
	return copy;
}

void
credsource_forget(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}
