/* sigv4: a request out of lines "method path", "?name=value", "name:value": its canonical
 * form has just the lines it should, sorted, whatever order they came in. */
#include "s3/sigv4.h"
#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"

struct parts {
	struct sigv4_pair query[8], header[8];
	size_t query_n, header_n;
	struct str path;
};

static void
take_line(struct parts *p, struct str line)
{
	bool query = line.n > 0 && line.p[0] == '?';
	const char *mid = memchr(line.p, query ? '=' : ':', line.n);
	struct str name = { line.p + query, mid ? (size_t)(mid - line.p) - query : 0 };
	struct str value = { mid ? mid + 1 : line.p,
		mid ? line.n - (size_t)(mid - line.p) - 1 : 0 };

	if (mid == NULL || (size_t)(mid - line.p) < query)
		p->path = line;
	else if (query && p->query_n < 8)
		p->query[p->query_n++] = (struct sigv4_pair){ name, value };
	else if (!query && p->header_n < 8)
		p->header[p->header_n++] = (struct sigv4_pair){ name, value };
}

static void
canonical(const struct parts *p, bool normalize, struct buf *text, struct buf *names)
{
	struct sigv4_request rq = { .method = "PUT",
		.path = p->path,
		.query = p->query,
		.query_n = p->query_n,
		.headers = p->header,
		.header_n = p->header_n,
		.payload = "UNSIGNED-PAYLOAD",
		.normalize = normalize };
	struct err e;

	buf_init(text, 1 << 20);
	buf_init(names, 1 << 20);
	must(sigv4_canonical(&rq, text, names, &e) == 0, "%s", e.text);
}

/* Path and query, the second and third line. */
static void
check_request_line(struct str all, bool normalize)
{
	struct str line;

	must(next_line(&all, &line) && str_eq(line, STR("PUT")), "method");
	must(next_line(&all, &line) && line.n > 0, "path");
	for (size_t i = 0; i < line.n; i++)
		must(line.p[i] > 0x20 && line.p[i] < 0x7f && line.p[i] != '?', "path");
	if (normalize)
		must(line.p[0] == '/' && memmem(line.p, line.n, "//", 2) == NULL &&
			 memmem(line.p, line.n, "/./", 3) == NULL &&
			 memmem(line.p, line.n, "/../", 4) == NULL,
		    "not normal: %.*s", SHOW(line));
	must(next_line(&all, &line), "query");
	for (size_t i = 0; i < line.n; i++)
		must(line.p[i] > 0x20 && line.p[i] < 0x7f && line.p[i] != '?', "query");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned opt = options(&data, &size);
	struct str raw = exact(data, size), rest = raw, line;
	struct sigv4_scope sc = { (int64_t)size * 1000000000, "r", "s" };
	struct parts p = { .path = STR("/") };
	struct buf text, names, again, names2, string;
	char hex[65];

	while (next_line(&rest, &line))
		take_line(&p, line);
	canonical(&p, opt & 1, &text, &names);
	check_request_line((struct str){ text.p, text.n }, opt & 1);

	/* the query in another order is the same query */
	for (size_t i = 0; i < p.query_n / 2; i++) {
		struct sigv4_pair x = p.query[i];

		p.query[i] = p.query[p.query_n - 1 - i];
		p.query[p.query_n - 1 - i] = x;
	}
	canonical(&p, opt & 1, &again, &names2);
	must(again.n == text.n && memcmp(again.p, text.p, text.n) == 0, "order counts");
	for (size_t i = 0; i < names.n; i++)
		must(names.p[i] < 'A' || names.p[i] > 'Z', "a capital in a name");

	buf_init(&string, 4096);
	sigv4_string(&sc, (struct str){ text.p, text.n }, &string);
	sigv4_signature(&sc, "secret", (struct str){ string.p, string.n }, hex);
	must(strspn(hex, "0123456789abcdef") == 64 && hex[64] == '\0', "hex");
	buf_done(&text);
	buf_done(&names);
	buf_done(&again);
	buf_done(&names2);
	buf_done(&string);
	exact_free(raw);
	return 0;
}
