/* s3: what servers say: the XML of an error, the headers of an answer; and keys. */
#include "base/err.h"
#include "fuzz.h"
#include "net/http.h"
#include "s3/answer.h"
#include "s3/client.h"
#include "s3/sigv4.h"
#include "s3/store.h"

static const char *
env(const char *name)
{
	(void)name;
	return NULL;
}

static void
check_xml(const char *xml)
{
	static const char *const tags[] = { "Code", "Message", "RequestId", "" };
	static const unsigned sizes[] = { 1, 2, 80, 200 };

	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 4; k++) {
			char *out = malloc(sizes[k]);

			answer_xml_text(xml, tags[i], out, sizes[k]);
			must(strlen(out) < sizes[k], "no end");
			free(out);
		}
}

static void
check_headers(struct str text)
{
	static const char *const names[] = { "etag", "retry-after", "date", "x" };
	struct http_response r;
	struct str v;

	http_response_init(&r, 1 << 20);
	buf_add(&r.headers, text.p, text.n);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!r.headers.failed && http_header(&r, names[i], &v))
			must(v.p >= r.headers.p &&
				 v.p + v.n <= r.headers.p + r.headers.n &&
				 memchr(v.p, '\n', v.n) == NULL,
			    "a value lies outside");
	http_response_done(&r);
}

/* An answer with such headers, or such a body. */
static void
check_region(struct str text, int status)
{
	struct http_response r;
	char *region = malloc(20);

	http_response_init(&r, 1 << 20);
	buf_add(status == 400 ? &r.body : &r.headers, text.p, text.n);
	r.status = status;
	must(!answer_region(&r, region, 20) || (*region != '\0' && strlen(region) < 20),
	    "region");
	free(region);
	http_response_done(&r);
}

static void
check_key(const char *url, struct str key)
{
	struct store_options o = { .env = env };
	struct store *st;
	struct err e;

	if ((st = store_open(url, &o, &e)) == NULL)
		return;
	if (store_key_check(st, key, &e) == 0) {
		char *k = c_string(key.p, key.n), *p;

		must(strlen(k) == key.n && key.n > 0 && *k != '/', "accepted: %s", k);
		for (p = strtok(k, "/"); p != NULL; p = strtok(NULL, "/"))
			must(strcmp(p, "..") != 0 && strcmp(p, ".") != 0,
			    "a step in a path");
		free(k);
	}
	store_close(st);
}

static void
check_encoding(struct str raw)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	sigv4_encode(&b, raw, true);
	for (size_t i = 0; i < b.n; i++)
		must(b.p[i] > 0x20 && b.p[i] < 0x7f && strchr("?#&= \"", b.p[i]) == NULL,
		    "encoded");
	must(b.failed || b.n >= raw.n, "shorter");
	buf_done(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = exact(data, size);
	char *text = c_string(data, size);

	check_xml(text);
	check_headers(raw);
	check_region(raw, 301);
	check_region(raw, 400);
	check_key("file:///tmp", raw);
	check_encoding(raw);
	free(text);
	exact_free(raw);
	return 0;
}
