/* s3: what servers and files say: the XML of an error, the headers of an answer, the
 * shared files of AWS, keys. */
#include "base/err.h"
#include "fuzz.h"
#include "net/http.h"
#include "s3/answer.h"
#include "s3/client.h"
#include "s3/credentials.h"
#include "s3/sigv4.h"
#include "s3/store.h"

static char files[2][64]; /* /proc/self/fd/N of the shared files */
static const char *profile;

static const char *
env(const char *name)
{
	if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
		return files[0];
	if (strcmp(name, "AWS_CONFIG_FILE") == 0)
		return files[1];
	return strcmp(name, "AWS_PROFILE") == 0 ? profile : NULL;
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

static void
must_be_clean(const char *s, size_t max)
{
	must(s != NULL && *s != '\0' && strlen(s) <= max, "empty or too long");
	for (; *s != '\0'; s++)
		must(*s > 0x20 && *s < 0x7f, "a byte that no header may hold");
}

static void
check_credentials(void)
{
	struct credentials c;
	struct buf trail;
	struct err e;
	char *region;

	buf_init(&trail, 1 << 20);
	if (credentials_find(env, &c, &trail, &e) == 0) {
		must_be_clean(c.access, CREDENTIALS_MAX);
		must_be_clean(c.secret, CREDENTIALS_MAX);
		if (c.token != NULL)
			must_be_clean(c.token, 1 << 20);
		if (strlen(c.secret) >= 24 && strcmp(c.secret, c.access) != 0)
			must(memmem(trail.p, trail.n, c.secret, strlen(c.secret)) == NULL,
			    "the secret is told");
		credentials_done(&c);
	} else {
		must(e.status == ST_NOPERM && e.text[0] != '\0', "%d: %s", e.status,
		    e.text);
		must(c.access == NULL && c.secret == NULL, "half of them");
	}
	buf_done(&trail);
	region = credentials_setting(env, "region");
	must(region == NULL || *region != '\0', "an empty region");
	free(region);
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
	unsigned opt = options(&data, &size);
	struct str raw = exact(data, size);
	char *text = c_string(data, size);
	size_t half = opt & 2 ? size : size / 2; /* credentials, config */
	int fd[2] = { memory_file(data, half), memory_file(data + half, size - half) };

	profile = opt & 1 ? "dev" : NULL;
	for (int i = 0; i < 2; i++)
		snprintf(files[i], sizeof files[i], "/proc/self/fd/%d", fd[i]);
	check_xml(text);
	check_headers(raw);
	check_credentials();
	check_key("file:///tmp", raw);
	check_encoding(raw);
	close(fd[0]);
	close(fd[1]);
	free(text);
	exact_free(raw);
	return 0;
}
