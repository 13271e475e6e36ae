#include "s3/exchange.h"
#include "base/clock.h"
#include "base/err.h"
#include "s3/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	OWN_HEADERS = 4, /* host, hash, date, token */
	LINES_MAX = OWN_HEADERS + EXCHANGE_EXTRAS_MAX + 1,
};

#define SECOND ((int64_t)1000000000)
#define CONNECT_NS (10 * SECOND)
#define CONNECT_LATE_NS (2 * SECOND) /* the same when the time for trying is over */
#define STALL_NS (60 * SECOND)

void
exchange_tell(const struct known *k, bool warn, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	if (k->o.tell == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	k->o.tell(warn, text);
}

bool
exchange_stopped(const struct known *k)
{
	return k->o.stop != NULL && __atomic_load_n(k->o.stop, __ATOMIC_RELAXED) != 0;
}

void
call_header(struct call *c, const char *name, const char *value)
{
	if (c->extras < EXCHANGE_EXTRAS_MAX)
		c->extra[c->extras++] =
		    (struct sigv4_pair){ str_of(name), str_of(value) };
}

void
call_query(struct call *c, const char *name, const char *value)
{
	if (c->queries < EXCHANGE_QUERY_MAX)
		c->query[c->queries++] =
		    (struct sigv4_pair){ str_of(name), str_of(value) };
}

/* ---- one signed request ---- */

struct signing {
	struct sigv4_scope scope;
	struct sigv4_pair header[OWN_HEADERS + EXCHANGE_EXTRAS_MAX];
	size_t headers;
	char date[17], host[300], region[ENDPOINT_REGION_MAX + 1];
	struct buf path, url, text, names, string, value;
	unsigned epoch;
};

static void
signing_init(struct signing *g)
{
	buf_init(&g->path, 8192);
	buf_init(&g->url, 16384);
	buf_init_secret(&g->text, 64 << 10); /* a session token is in it */
	buf_init(&g->names, 4096);
	buf_init(&g->string, 4096);
	buf_init(&g->value, 4096);
	g->headers = 0;
}

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

/* Where to, when and from which region: as is known now. */
static int
address(struct known *k, const struct call *c, struct signing *g, struct err *e)
{
	pthread_mutex_lock(&k->lock);
	g->epoch = k->epoch;
	snprintf(g->host, sizeof g->host, "%s", k->at.host);
	snprintf(g->region, sizeof g->region, "%s", k->at.region);
	g->scope = (struct sigv4_scope){ clock_now() + k->skew_ns, g->region, "s3" };
	buf_printf(&g->path, "%s%s", k->at.base, c->key);
	buf_printf(&g->url, "%s://%s", k->at.scheme, k->at.host);
	pthread_mutex_unlock(&k->lock);
	sigv4_time(g->scope.time_ns, g->date);
	sigv4_encode(&g->url, text_of(&g->path), true);
	if (c->queries > 0) {
		buf_addc(&g->url, '?');
		if (sigv4_query(&g->url, c->query, c->queries, e) < 0)
			return -1;
	}
	return buf_check(&g->url, "URL", e);
}

static int
sign(
    const struct call *c, const struct credentials *who, struct signing *g, struct err *e)
{
	const char *payload = c->body ? c->body->sha256 : SIGV4_EMPTY;
	struct sigv4_request rq = { .method = c->method,
		.path = text_of(&g->path),
		.query = c->query,
		.query_n = c->queries,
		.headers = g->header,
		.payload = payload };
	char hex[65];

	add(g, "host", g->host);
	add(g, "x-amz-content-sha256", payload);
	add(g, "x-amz-date", g->date);
	if (who->token != NULL)
		add(g, "x-amz-security-token", who->token);
	for (size_t i = 0; i < c->extras; i++)
		g->header[g->headers++] = c->extra[i];
	rq.header_n = g->headers;
	if (sigv4_canonical(&rq, &g->text, &g->names, e) < 0)
		return -1;
	sigv4_string(&g->scope, text_of(&g->text), &g->string);
	sigv4_signature(&g->scope, who->secret, text_of(&g->string), hex);
	sigv4_authorization(&g->scope, who->access, text_of(&g->names), hex, &g->value);
	return buf_check(&g->value, "signature", e);
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

static int64_t
clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

static int
watch(void *user, uint64_t at, const char *p, size_t n, struct err *e)
{
	return checksum_watch(user, at, p, n, e);
}

static int
send_signed(struct s3 *s, const struct call *c, const struct credentials *who,
    struct signing *g, int64_t left_ns, struct http_response *r, struct err *e)
{
	struct http_request rq = { .method = c->method, .fd = -1 };
	const char *line[LINES_MAX];
	struct buf all;
	int done;

	buf_init_secret(&all, 64 << 10);
	if ((done = address(s->k, c, g, e)) == 0)
		done = sign(c, who, g, e);
	rq.header_n = header_lines(g, &all, line);
	rq.headers = line;
	rq.url = text_of(&g->url).p;
	if (c->body != NULL) {
		rq.fd = c->body->fd;
		rq.memory = c->body->memory;
		rq.from = c->body->from;
		rq.bytes = c->body->bytes;
		if (c->body->watch != NULL) {
			rq.watch = watch;
			rq.user = (void *)(uintptr_t)c->body;
		}
	}
	rq.connect_ns = left_ns > 0 ? clamp(left_ns, 1, CONNECT_NS) : CONNECT_LATE_NS;
	rq.stall_ns = clamp(left_ns, 2 * SECOND, STALL_NS);
	rq.answer_ns = clamp(left_ns, 2 * SECOND, INT64_MAX);
	rq.answer_max = EXCHANGE_ANSWER_END;
	if (done == 0 && (done = buf_check(&all, "headers", e)) == 0)
		done = http_send(c->calm ? s->calm : s->http, &rq, r, e);
	buf_done(&all);
	return done;
}

bool
exchange_good(const struct http_response *r)
{
	/* an answer that begins well and ends in an error after all */
	return r->status / 100 == 2 &&
	       (r->body.p == NULL || strstr(r->body.p, "<Error>") == NULL);
}

int
exchange_refused(const struct s3 *s, const struct call *c, const struct http_response *r,
    struct err *e)
{
	struct answer a = answer_of(r);

	return err_set(e, answer_exit(r->status, a.code),
	    "s3://%.64s/%.100s: %d%s%s%s%s%s%s%s", s->k->bucket, c->key, r->status,
	    a.code[0] ? " " : "", a.code, a.message[0] ? ": " : "", a.message,
	    a.id[0] ? " (request id " : "", a.id, a.id[0] ? ")" : "");
}

/* Name the object in front of what went wrong on the way. */
static void
name_object(const struct s3 *s, const struct call *c, struct err *e)
{
	struct err inner = *e;

	err_set(e, inner.status, "s3://%.64s/%.200s: %.240s", s->k->bucket, c->key,
	    inner.text);
}

/* ---- who signs ---- */

/* The server does not take these credentials: are there others? */
static bool
renew(struct known *k, struct credentials *who, const struct http_response *r)
{
	struct answer a = answer_of(r);
	struct err e;
	int got;

	/* a session that ended is AccessDenied to some servers, and a HEAD's answer has no code */
	if (!(who->token != NULL &&
		(r->status == 403 || (r->status == 400 && a.code[0] == '\0'))) &&
	    strcmp(a.code, "ExpiredToken") != 0 && strcmp(a.code, "InvalidToken") != 0 &&
	    strcmp(a.code, "TokenRefreshRequired") != 0)
		return false;
	if ((got = identity_renew(k->identity, who, &e)) < 0)
		exchange_tell(k, true, "%s", e.text);
	return got > 0;
}

/* ---- cures ---- */

/* The server says our clock is wrong: believe its Date. */
static bool
cure_clock(struct known *k, const struct http_response *r)
{
	int64_t theirs;

	if (k->skew_set || !answer_date(r, "date", &theirs))
		return false;
	k->skew_ns = theirs - clock_now();
	k->skew_set = true;
	exchange_tell(k, true,
	    "clock: %.0f s away from the server's; signing with the server's",
	    -(double)k->skew_ns / 1e9);
	return true;
}

/* The bucket is elsewhere: sign for there, and at Amazon ask there. */
static bool
cure_region(struct known *k, const char *region)
{
	struct endpoint_options eo = { .url = k->o.endpoint,
		.region = region,
		.path_style = k->o.path_style,
		.env = k->o.env };
	struct endpoint to;
	struct err ignored;

	if (region[0] == '\0' || strcmp(region, k->at.region) == 0 ||
	    k->moves == EXCHANGE_MOVES_MAX ||
	    endpoint_find(&to, k->bucket, &eo, &ignored) < 0)
		return false;
	k->moves++;
	exchange_tell(k, true,
	    "s3://%.64s: is in region %s, not %s; --region=%s saves the detour",
	    k->bucket, to.region, k->at.region, to.region);
	k->at = to;
	return true;
}

/* Can the refusal `r` of what was signed at g->epoch be cured?  Then it is, or was. */
static bool
cure(struct s3 *s, const struct http_response *r, unsigned epoch)
{
	struct known *k = s->k;
	struct answer a = answer_of(r);
	char region[ENDPOINT_REGION_MAX + 1];
	bool skewed = strcmp(a.code, "RequestTimeTooSkewed") == 0, cured;
	bool moved = answer_region(r, region, sizeof region);

	if (!skewed && !moved)
		return false;
	pthread_mutex_lock(&k->lock);
	cured = k->epoch != epoch; /* by another thread, meanwhile */
	if (!cured && (skewed ? cure_clock(k, r) : cure_region(k, region))) {
		k->epoch++;
		cured = true;
	}
	pthread_mutex_unlock(&k->lock);
	return cured;
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

/* In short steps, because a signal may come to another thread. */
static void
wait_for(const struct known *k, int64_t ns, bool calm)
{
	int64_t until = clock_steady() + ns, left;

	while ((left = until - clock_steady()) > 0 && (calm || !exchange_stopped(k))) {
		struct timespec t = { 0, left < SECOND / 10 ? left : SECOND / 10 };

		nanosleep(&t, NULL);
	}
}

/* One request's tries. */
struct trying {
	unsigned n, cures;
	int64_t began, since; /* since: when its failing began; 0: not yet */
};

/* When the time for trying ends, as things stand.  Successes of other threads do not move
 * the end of a request that keeps failing. */
static int64_t
time_until(struct known *k, const struct call *c, const struct trying *t)
{
	int64_t since = t->since ? t->since : t->began, first;

	if (c->calm)
		return t->began + EXCHANGE_CALM_NS;
	pthread_mutex_lock(&k->lock);
	first = k->failing_since;
	pthread_mutex_unlock(&k->lock);
	return (first != 0 && first < since ? first : since) + k->o.max_time_ns;
}

static void
note_failure(struct known *k, struct trying *t, int64_t moved_ns)
{
	/* a long body that was on its way until now has not used the time up */
	if (t->since == 0)
		t->since = moved_ns > t->began ? moved_ns : t->began;
	pthread_mutex_lock(&k->lock);
	if (k->failing_since == 0)
		k->failing_since = t->since;
	pthread_mutex_unlock(&k->lock);
}

/* An answer that stands, or one that another try may change? */
static bool
is_final(const struct http_response *r)
{
	if (exchange_good(r))
		return true;
	if (r->status / 100 == 2) { /* <Error> in a 200: its code alone tells */
		struct answer a = answer_of(r);
		return a.code[0] != '\0' && !answer_passing(400, a.code);
	}
	return !answer_passing(r->status, answer_of(r).code);
}

static void
note_answer(struct known *k, const struct call *c, const struct http_response *r)
{
	/* that nothing is there, or may be looked at, does not tell that a PUT will do */
	bool counts = is_final(r) && (exchange_good(r) || strcmp(c->method, "HEAD") != 0);

	pthread_mutex_lock(&k->lock);
	k->away_at = 0;
	if (counts)
		k->failing_since = 0;
	pthread_mutex_unlock(&k->lock);
}

/* A try with less time than this left would say of itself that it was cut off, and not what is
 * the matter. */
static int64_t
time_for_a_try(const struct known *k)
{
	return k->o.max_time_ns / 4 < SECOND ? k->o.max_time_ns / 4 : SECOND;
}

/* The last try ended with `e` (answered by r, or r->status is 0): wait and return true, or
 * false when the time is over; `e` then says so. */
static bool
wait_to_retry(struct s3 *s, const struct call *c, struct trying *t,
    const struct http_response *r, struct err *e)
{
	struct known *k = s->k;
	int64_t wait = answer_wait_ns(t->n, random_fraction()),
		least = r->status ? answer_retry_after(r) : 0, now = clock_steady();
	char why[sizeof e->text];

	if (!c->calm)
		note_failure(k, t, r->moved_ns);
	wait = wait > least ? wait : least;
	if (!c->calm && exchange_stopped(k))
		return false;
	if (now + wait + time_for_a_try(k) < time_until(k, c, t)) {
		exchange_tell(
		    k, t->n > 2, "%s; retrying in %.1fs", e->text, (double)wait / 1e9);
		wait_for(k, wait, c->calm);
		return c->calm || !exchange_stopped(k);
	}
	if (r->status == 0 && !c->calm) {
		pthread_mutex_lock(&k->lock);
		k->away_at = now;
		pthread_mutex_unlock(&k->lock);
	}
	memcpy(why, e->text, sizeof why);
	err_set(e, ST_LATER, "%.430s; gave up after %u %s", why, t->n,
	    t->n == 1 ? "try" : "tries");
	return false;
}

static bool
is_away(struct s3 *s, const struct call *c, struct err *e)
{
	struct known *k = s->k;
	char host[120];
	bool away;

	pthread_mutex_lock(&k->lock);
	away = k->away_at != 0 && clock_steady() - k->away_at < S3_AWAY_NS;
	snprintf(host, sizeof host, "%.110s", k->at.host);
	pthread_mutex_unlock(&k->lock);
	if (away && !c->calm)
		err_set(e, ST_LATER, "s3://%.64s/%.200s: not tried, %s did not answer",
		    k->bucket, c->key, host);
	return away && !c->calm;
}

/* Sign and send once.  0: there is an answer. */
static int
try_once(struct s3 *s, const struct call *c, struct credentials *who, int64_t left_ns,
    unsigned *epoch, struct http_response *r, struct s3_result *res, struct err *e)
{
	struct signing g;
	int done;

	signing_init(&g);
	res->attempts++;
	done = send_signed(s, c, who, &g, left_ns, r, e);
	*epoch = g.epoch;
	signing_done(&g);
	if (done < 0) {
		name_object(s, c, e);
		r->status = 0;
	} else {
		snprintf(res->request, sizeof res->request, "%s", answer_of(r).id);
	}
	return done;
}

int
exchange_once(struct s3 *s, const struct call *c, struct http_response *r,
    struct s3_result *res, struct err *e)
{
	struct credentials who;
	unsigned epoch;
	int done;

	if (identity_get(s->k->identity, &who, e) < 0)
		return -1;
	done = try_once(s, c, &who, STALL_NS, &epoch, r, res, e);
	credentials_done(&who);
	return done;
}

int
exchange(struct s3 *s, const struct call *c, struct http_response *r,
    struct s3_result *res, struct err *e)
{
	struct trying t = { .began = clock_steady() };
	struct credentials who = { 0 };
	unsigned epoch;
	int done = -1;

	if (is_away(s, c, e))
		return -1;
	for (;;) {
		t.n++;
		credentials_done(&who);
		if (identity_get(s->k->identity, &who, e) < 0) {
			name_object(s, c, e);
			break;
		}
		if (try_once(s, c, &who, time_until(s->k, c, &t) - clock_steady(), &epoch,
			r, res, e) == 0) {
			bool final = is_final(r);

			note_answer(s->k, c, r);
			if (final && !exchange_good(r) && t.cures < EXCHANGE_CURES_MAX &&
			    (cure(s, r, epoch) || renew(s->k, &who, r))) {
				t.cures++;
				continue;
			}
			if (final) {
				done = 0;
				break;
			}
			exchange_refused(s, c, r, e);
			e->status = ST_LATER;
		} else if (e->status != ST_LATER) {
			break;
		}
		if (!wait_to_retry(s, c, &t, r, e))
			break;
	}
	credentials_done(&who);
	return done;
}
