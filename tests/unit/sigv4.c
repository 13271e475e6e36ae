/* The three steps of Signature Version 4 against the texts that AWS's documentation
 * gives, and the encoding of keys. */
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "s3/sigv4.h"

#define MAY24 INT64_C(1369353600000000000) /* 20130524T000000Z */
#define AUG30 INT64_C(1440938160000000000) /* 20150830T123600Z */
#define S3HOST "examplebucket.s3.amazonaws.com"
#define S3SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define SUITE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define HELLO "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

struct pair {
	const char *name, *value;
};

struct example {
	const char *what, *method, *path;
	struct pair query[4], header[8];
	const char *payload;
	int64_t time_ns;
	const char *region, *service, *access, *secret;
	/* expected; NULL: the documentation does not give it */
	const char *canonical, *canonical_hash, *string, *signature;
};

/* Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)", single
 * chunk; IAM's "Create a signed AWS API request"; the test suite's get-vanilla family. */
static const struct example examples[] = {
	{ "GET object, with a range", "GET", "/test.txt", { { 0 } },
	    { { "Host", S3HOST }, { "Range", "bytes=0-9" },
		{ "x-amz-content-sha256", SIGV4_EMPTY },
		{ "x-amz-date", "20130524T000000Z" } },
	    SIGV4_EMPTY, MAY24, "us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE", S3SECRET,
	    "GET\n/test.txt\n\nhost:" S3HOST
	    "\nrange:bytes=0-9\nx-amz-content-sha256:" SIGV4_EMPTY
	    "\nx-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-"
	    "date\n" SIGV4_EMPTY,
	    "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
	    "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
	    "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
	    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ "PUT object, $ in its key", "PUT", "/test$file.text", { { 0 } },
	    { { "Date", "Fri, 24 May 2013 00:00:00 GMT" }, { "Host", S3HOST },
		{ "x-amz-date", "20130524T000000Z" },
		{ "x-amz-storage-class", "REDUCED_REDUNDANCY" },
		{ "x-amz-content-sha256", HELLO } },
	    HELLO, MAY24, "us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE", S3SECRET,
	    "PUT\n/test%24file.text\n\ndate:Fri, 24 May 2013 00:00:00 GMT\nhost:" S3HOST
	    "\nx-amz-content-sha256:" HELLO
	    "\nx-amz-date:20130524T000000Z\nx-amz-storage-class:REDUCED_REDUNDANCY\n\n"
	    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class\n" HELLO,
	    "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d", NULL,
	    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ "GET bucket lifecycle, a name without value", "GET", "/",
	    { { "lifecycle", "" } },
	    { { "Host", S3HOST }, { "x-amz-date", "20130524T000000Z" },
		{ "x-amz-content-sha256", SIGV4_EMPTY } },
	    SIGV4_EMPTY, MAY24, "us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE", S3SECRET,
	    "GET\n/\nlifecycle=\nhost:" S3HOST "\nx-amz-content-sha256:" SIGV4_EMPTY
	    "\nx-amz-date:20130524T000000Z\n\nhost;x-amz-content-sha256;x-amz-"
	    "date\n" SIGV4_EMPTY,
	    "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca", NULL,
	    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ "list objects, query out of order", "GET", "/",
	    { { "prefix", "J" }, { "max-keys", "2" } },
	    { { "Host", S3HOST }, { "x-amz-date", "20130524T000000Z" },
		{ "x-amz-content-sha256", SIGV4_EMPTY } },
	    SIGV4_EMPTY, MAY24, "us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE", S3SECRET, NULL,
	    "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7", NULL,
	    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
	{ "IAM ListUsers", "GET", "/",
	    { { "Version", "2010-05-08" }, { "Action", "ListUsers" } },
	    { { "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" },
		{ "Host", "iam.amazonaws.com" }, { "X-Amz-Date", "20150830T123600Z" } },
	    SIGV4_EMPTY, AUG30, "us-east-1", "iam", "AKIDEXAMPLE", SUITE_SECRET, NULL,
	    "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59", NULL,
	    "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7" },
	{ "get-vanilla", "GET", "/", { { 0 } },
	    { { "Host", "example.amazonaws.com" }, { "X-Amz-Date", "20150830T123600Z" } },
	    SIGV4_EMPTY, AUG30, "us-east-1", "service", "AKIDEXAMPLE", SUITE_SECRET, NULL,
	    "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63", NULL,
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
};

static size_t
pairs_of(const struct pair *from, size_t max, struct sigv4_pair *to)
{
	size_t n = 0;

	for (; n < max && from[n].name != NULL; n++)
		to[n] =
		    (struct sigv4_pair){ str_of(from[n].name), str_of(from[n].value) };
	return n;
}

static void
test_example(const struct example *x)
{
	struct sigv4_pair query[4], header[8];
	struct sigv4_request rq = { .method = x->method,
		.path = str_of(x->path),
		.query = query,
		.headers = header,
		.payload = x->payload };
	struct sigv4_scope sc = { x->time_ns, x->region, x->service };
	struct buf text, names, string, auth;
	uint8_t digest[32];
	char hex[65];
	struct err e;

	buf_init(&text, 8192);
	buf_init(&names, 8192);
	buf_init(&string, 8192);
	buf_init(&auth, 8192);
	rq.query_n = pairs_of(x->query, 4, query);
	rq.header_n = pairs_of(x->header, 8, header);
	ok(sigv4_canonical(&rq, &text, &names, &e) == 0, "%s: signs", x->what);
	if (x->canonical != NULL)
		ok(strcmp(text.p, x->canonical) == 0, "%s: canonical request", x->what);
	sha256_of(text.p, text.n, digest);
	hex_of(digest, sizeof digest, hex);
	ok(strcmp(hex, x->canonical_hash) == 0, "%s: its hash", x->what);
	sigv4_string(&sc, (struct str){ text.p, text.n }, &string);
	if (x->string != NULL)
		ok(strcmp(string.p, x->string) == 0, "%s: string to sign", x->what);
	sigv4_signature(&sc, x->secret, (struct str){ string.p, string.n }, hex);
	ok(strcmp(hex, x->signature) == 0, "%s: signature", x->what);
	sigv4_authorization(&sc, x->access, (struct str){ names.p, names.n }, hex, &auth);
	ok(strstr(auth.p, x->signature) != NULL && strstr(auth.p, x->access) != NULL &&
		strstr(auth.p, "SignedHeaders=") != NULL &&
		strstr(auth.p, x->secret) == NULL,
	    "%s: authorization", x->what);
	buf_done(&text);
	buf_done(&names);
	buf_done(&string);
	buf_done(&auth);
}

static void
test_encoding(void)
{
	static const struct {
		const char *raw, *path, *query;
	} rows[] = {
		{ "year=2026/month=11", "year%3D2026/month%3D11",
		    "year%3D2026%2Fmonth%3D11" },
		{ "a b", "a%20b", "a%20b" },
		{ "a+b", "a%2Bb", "a%2Bb" },
		{ "100%", "100%25", "100%25" },
		{ "%20", "%2520", "%2520" },
		{ "t:1@h", "t%3A1%40h", "t%3A1%40h" },
		{ "a//b/", "a//b/", "a%2F%2Fb%2F" },
		{ "a/../b/./c", "a/../b/./c", "a%2F..%2Fb%2F.%2Fc" },
		{ "-._~", "-._~", "-._~" },
		{ "!*'()", "%21%2A%27%28%29", "%21%2A%27%28%29" },
		{ "&,;$#?[]", "%26%2C%3B%24%23%3F%5B%5D", "%26%2C%3B%24%23%3F%5B%5D" },
		{ "\xc3\xa4\xe6\x97\xa5", "%C3%A4%E6%97%A5", "%C3%A4%E6%97%A5" },
		{ "\x01\t\x7f\xff", "%01%09%7F%FF", "%01%09%7F%FF" },
		{ "azAZ09", "azAZ09", "azAZ09" },
		{ "", "", "" },
	};
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_addc(&b, '<');
		sigv4_encode(&b, str_of(rows[i].raw), true);
		ok(strcmp(b.p + 1, rows[i].path) == 0, "path of <%s>: %s", rows[i].raw,
		    b.p + 1);
		buf_clear(&b);
		buf_addc(&b, '<');
		sigv4_encode(&b, str_of(rows[i].raw), false);
		ok(strcmp(b.p + 1, rows[i].query) == 0, "query of <%s>: %s", rows[i].raw,
		    b.p + 1);
		buf_clear(&b);
	}
	buf_done(&b);
}

static void
test_query(void)
{
	static const struct {
		const char *what;
		struct pair q[4];
		const char *want;
	} rows[] = {
		{ "none", { { 0 } }, "" },
		{ "by name", { { "b", "1" }, { "a", "2" } }, "a=2&b=1" },
		{ "by value where names are equal", { { "a", "2" }, { "a", "1" } },
		    "a=1&a=2" },
		{ "a name before one that it begins", { { "a-b", "1" }, { "a", "2" } },
		    "a=2&a-b=1" },
		{ "by the encoded name", { { "~", "1" }, { "\xc3\xa4", "2" } },
		    "%C3%A4=2&~=1" },
		{ "values are encoded", { { "prefix", "a/b c=d" } },
		    "prefix=a%2Fb%20c%3Dd" },
		{ "capitals first", { { "a", "" }, { "B", "" } }, "B=&a=" },
	};
	struct sigv4_pair q[4];
	struct buf b;
	struct err e;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t n = pairs_of(rows[i].q, 4, q);

		buf_init(&b, 1000);
		ok(sigv4_query(&b, q, n, &e) == 0 &&
			strcmp(b.p ? b.p : "", rows[i].want) == 0,
		    "query: %s: %s", rows[i].what, b.p ? b.p : "");
		buf_done(&b);
	}
}

static void
test_headers(void)
{
	static const struct {
		const char *what;
		struct pair h[4];
		const char *want; /* headers and their names */
	} rows[] = {
		{ "trimmed, blanks inside become one", { { "X", "  a   b \t c  " } },
		    "x:a b c\n\nx\n" },
		{ "empty values stay", { { "host", "h" }, { "x-amz-meta-a", "" } },
		    "host:h\nx-amz-meta-a:\n\nhost;x-amz-meta-a\n" },
		{ "a name that begins another",
		    { { "x-amz-meta-a-b", "2" }, { "x-amz-meta-a", "1" } },
		    "x-amz-meta-a:1\nx-amz-meta-a-b:2\n\nx-amz-meta-a;x-amz-meta-a-b\n" },
		{ "equal names are joined in their order",
		    { { "my", "b" }, { "My", "a" }, { "MY", "c" } }, "my:b,a,c\n\nmy\n" },
		{ "a folded value", { { "my", "a\r\n  b" } }, "my:a b\n\nmy\n" },
	};
	struct sigv4_pair h[4];
	struct buf text, names;
	struct err e;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sigv4_request rq = { .method = "GET",
			.path = STR(""),
			.headers = h,
			.header_n = pairs_of(rows[i].h, 4, h),
			.payload = "P" };
		char want[200];

		buf_init(&text, 1000);
		buf_init(&names, 1000);
		snprintf(want, sizeof want, "GET\n/\n\n%sP", rows[i].want);
		ok(sigv4_canonical(&rq, &text, &names, &e) == 0 &&
			strcmp(text.p, want) == 0,
		    "headers: %s", rows[i].what);
		buf_done(&text);
		buf_done(&names);
	}
}

static void
test_limits(void)
{
	struct sigv4_pair many[SIGV4_PAIRS_MAX + 1];
	struct sigv4_request rq = { .method = "GET",
		.path = STR("/"),
		.headers = many,
		.header_n = SIGV4_PAIRS_MAX + 1,
		.payload = "P" };
	struct buf text, names;
	struct err e;
	char t[17];

	for (size_t i = 0; i <= SIGV4_PAIRS_MAX; i++)
		many[i] = (struct sigv4_pair){ STR("x"), STR("y") };
	buf_init(&text, 1000);
	buf_init(&names, 1000);
	ok(sigv4_canonical(&rq, &text, &names, &e) < 0, "too many headers are refused");
	ok(sigv4_query(&text, many, SIGV4_PAIRS_MAX + 1, &e) < 0,
	    "too many names are refused");
	buf_done(&text);
	buf_init(&text, 10);
	rq.header_n = 1;
	ok(sigv4_canonical(&rq, &text, &names, &e) < 0, "a full buffer is an error");
	sigv4_time(INT64_C(1709164799999999999), t);
	ok(strcmp(t, "20240228T235959Z") == 0, "time before a leap day: %s", t);
	sigv4_time(INT64_C(1709164800000000000), t);
	ok(strcmp(t, "20240229T000000Z") == 0, "a leap day: %s", t);
	buf_done(&text);
	buf_done(&names);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
		test_example(&examples[i]);
	test_encoding();
	test_query();
	test_headers();
	test_limits();
	return unit_end();
}
