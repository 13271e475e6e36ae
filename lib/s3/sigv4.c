#include "s3/sigv4.h"
#include "base/err.h"
#include "base/hash.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <time.h>

void
sigv4_time(int64_t time_ns, char out[17])
{
	time_t s = (time_t)(time_ns / 1000000000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(out, 17, "%Y%m%dT%H%M%SZ", &tm);
}

static bool
stands_as_is(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

void
sigv4_encode(struct buf *b, struct str raw, bool path)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < raw.n; i++) {
		unsigned char c = (unsigned char)raw.p[i];

		if (stands_as_is(raw.p[i]) || (path && c == '/')) {
			buf_addc(b, raw.p[i]);
		} else {
			char esc[3] = { '%', digits[c >> 4], digits[c & 15] };
			buf_add(b, esc, 3);
		}
	}
}

void
sigv4_normalize(struct buf *b, struct str path)
{
	size_t root = b->n, at = 0;

	while (at < path.n) {
		const char *p = path.p + at, *slash = memchr(p, '/', path.n - at);
		struct str part = { p, slash ? (size_t)(slash - p) : path.n - at };

		at += part.n + 1;
		if (part.n == 0 || str_eq(part, STR(".")))
			continue;
		if (!str_eq(part, STR(".."))) {
			buf_addc(b, '/');
			buf_addstr(b, part);
			continue;
		}
		while (b->n > root && b->p[b->n - 1] != '/')
			b->n--;
		if (b->n > root)
			b->n--;
	}
	if (b->n == root || path.p[path.n - 1] == '/' || str_ends(path, STR("/.")) ||
	    str_ends(path, STR("/..")))
		buf_addc(b, '/');
}

static void
add_path(struct buf *text, const struct sigv4_request *rq)
{
	struct str path = rq->path.n > 0 ? rq->path : STR("/");
	struct buf plain;

	if (!rq->normalize) {
		sigv4_encode(text, path, true);
		return;
	}
	buf_init(&plain, text->max);
	sigv4_normalize(&plain, path);
	text->failed |= plain.failed;
	if (plain.p != NULL)
		sigv4_encode(text, (struct str){ plain.p, plain.n }, true);
	buf_done(&plain);
}

static int
compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return r != 0 ? r : (a.n > b.n) - (a.n < b.n);
}

static int
compare_pairs(const struct sigv4_pair *a, const struct sigv4_pair *b, bool values)
{
	int r = compare(a->name, b->name);

	return r != 0 || !values ? r : compare(a->value, b->value);
}

/* Few pairs, and stable: insertion. */
static void
sort(struct sigv4_pair *p, size_t n, bool values)
{
	for (size_t i = 1; i < n; i++) {
		struct sigv4_pair x = p[i];
		size_t j = i;

		for (; j > 0 && compare_pairs(&p[j - 1], &x, values) > 0; j--)
			p[j] = p[j - 1];
		p[j] = x;
	}
}

/* Encoded copies of the pairs, back to back in `all`, which must not move meanwhile. */
static int
encode_pairs(const struct sigv4_pair *raw, size_t n, struct buf *all,
    struct sigv4_pair *to, struct err *e)
{
	size_t room = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		room += 3 * (raw[i].name.n + raw[i].value.n);
	if (buf_room(all, room) == NULL)
		return buf_check(all, "query", e);
	for (size_t i = 0; i < n; i++, at = all->n) {
		sigv4_encode(all, raw[i].name, false);
		to[i].name = (struct str){ all->p + at, all->n - at };
		at = all->n;
		sigv4_encode(all, raw[i].value, false);
		to[i].value = (struct str){ all->p + at, all->n - at };
	}
	return 0;
}

int
sigv4_query(struct buf *b, const struct sigv4_pair *query, size_t n, struct err *e)
{
	struct sigv4_pair enc[SIGV4_PAIRS_MAX] = { 0 };
	struct buf all;

	if (n > SIGV4_PAIRS_MAX)
		return err_set(e, ST_FAIL, "query: more than %d names", SIGV4_PAIRS_MAX);
	buf_init_secret(&all, 256 << 10); /* X-Amz-Security-Token may be among them */
	if (encode_pairs(query, n, &all, enc, e) < 0) {
		buf_done(&all);
		return -1;
	}
	sort(enc, n, true);
	for (size_t i = 0; i < n; i++) {
		buf_adds(b, i > 0 ? "&" : "");
		buf_addstr(b, enc[i].name);
		buf_addc(b, '=');
		buf_addstr(b, enc[i].value);
	}
	buf_done(&all);
	return buf_check(b, "query", e);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
add_trimmed(struct buf *b, struct str v)
{
	bool blank = false, any = false;

	for (size_t i = 0; i < v.n; i++) {
		if (is_blank(v.p[i])) {
			blank = any;
			continue;
		}
		if (blank)
			buf_addc(b, ' ');
		buf_addc(b, v.p[i]);
		any = true;
		blank = false;
	}
}

/* Lower-case copies of the names, back to back in `all`, and the pairs sorted by them. */
static int
fold_names(
    const struct sigv4_request *rq, struct buf *all, struct sigv4_pair *to, struct err *e)
{
	size_t at = 0;

	for (size_t i = 0; i < rq->header_n; i++)
		for (size_t j = 0; j < rq->headers[i].name.n; j++)
			buf_addc(
			    all, (char)tolower((unsigned char)rq->headers[i].name.p[j]));
	if (buf_check(all, "header names", e) < 0)
		return -1;
	for (size_t i = 0; i < rq->header_n; i++) {
		to[i] = rq->headers[i];
		to[i].name.p = all->p ? all->p + at : "";
		at += to[i].name.n;
	}
	sort(to, rq->header_n, false);
	return 0;
}

static void
add_headers(struct buf *text, struct buf *names, const struct sigv4_pair *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && str_eq(h[i].name, h[i - 1].name)) {
			buf_addc(text, ',');
		} else {
			buf_adds(text, i > 0 ? "\n" : "");
			buf_addstr(text, h[i].name);
			buf_addc(text, ':');
			buf_adds(names, i > 0 ? ";" : "");
			buf_addstr(names, h[i].name);
		}
		add_trimmed(text, h[i].value);
	}
	buf_adds(text, n > 0 ? "\n" : "");
}

int
sigv4_canonical(
    const struct sigv4_request *rq, struct buf *text, struct buf *names, struct err *e)
{
	struct sigv4_pair sorted[SIGV4_PAIRS_MAX] = { 0 };
	struct buf folded;
	int r = -1;

	if (rq->header_n > SIGV4_PAIRS_MAX)
		return err_set(
		    e, ST_FAIL, "request: more than %d headers", SIGV4_PAIRS_MAX);
	buf_init(&folded, 64 << 10);
	buf_printf(text, "%s\n", rq->method);
	add_path(text, rq);
	buf_addc(text, '\n');
	if (sigv4_query(text, rq->query, rq->query_n, e) < 0 ||
	    fold_names(rq, &folded, sorted, e) < 0)
		goto out;
	buf_addc(text, '\n');
	add_headers(text, names, sorted, rq->header_n);
	buf_addc(text, '\n');
	buf_addstr(text, (struct str){ names->p ? names->p : "", names->n });
	buf_printf(text, "\n%s", rq->payload);
	r = buf_check(names, "header names", e) < 0 ? -1 : buf_check(text, "request", e);
out:
	buf_done(&folded);
	return r;
}

static void
add_scope(const struct sigv4_scope *sc, struct buf *out)
{
	char t[17];

	sigv4_time(sc->time_ns, t);
	buf_printf(out, "%.8s/%s/%s/aws4_request", t, sc->region, sc->service);
}

void
sigv4_string(const struct sigv4_scope *sc, struct str canonical, struct buf *out)
{
	uint8_t digest[32];
	char t[17], hex[65];

	sha256_of(canonical.p, canonical.n, digest);
	hex_of(digest, sizeof digest, hex);
	sigv4_time(sc->time_ns, t);
	buf_printf(out, "AWS4-HMAC-SHA256\n%s\n", t);
	add_scope(sc, out);
	buf_printf(out, "\n%s", hex);
}

static void
hmac(const void *key, size_t key_n, struct str text, uint8_t out[32])
{
	unsigned n = 32;

	HMAC(EVP_sha256(), key, (int)key_n, (const unsigned char *)text.p, text.n, out,
	    &n);
}

void
sigv4_signature(
    const struct sigv4_scope *sc, const char *secret, struct str string, char hex[65])
{
	char first[4 + SIGV4_SECRET_MAX], t[17];
	uint8_t a[32], b[32];
	size_t n = strnlen(secret, sizeof first - 4);

	memcpy(first, "AWS4", 4);
	memcpy(first + 4, secret, n);
	sigv4_time(sc->time_ns, t);
	hmac(first, 4 + n, (struct str){ t, 8 }, a);
	hmac(a, sizeof a, str_of(sc->region), b);
	hmac(b, sizeof b, str_of(sc->service), a);
	hmac(a, sizeof a, STR("aws4_request"), b);
	hmac(b, sizeof b, string, a);
	hex_of(a, sizeof a, hex);
	explicit_bzero(first, sizeof first);
	explicit_bzero(a, sizeof a);
	explicit_bzero(b, sizeof b);
}

void
sigv4_authorization(const struct sigv4_scope *sc, const char *access, struct str names,
    const char *hex, struct buf *out)
{
	buf_printf(out, "AWS4-HMAC-SHA256 Credential=%s/", access);
	add_scope(sc, out);
	buf_adds(out, ", SignedHeaders=");
	buf_addstr(out, names);
	buf_printf(out, ", Signature=%s", hex);
}
