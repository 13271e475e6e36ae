/* Signature Version 4 for services other than S3: the cases that AWS's own test suite for
 * the algorithm names (us-east-1, "service", 2015-08-30T12:36:00Z), each step's text; and
 * S3's query authentication. */
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "s3/sigv4.h"

#define AUG30 INT64_C(1440938160000000000) /* 20150830T123600Z */
#define MAY24 INT64_C(1369353600000000000) /* 20130524T000000Z */
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define FORM_HASH "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
#define HOST "host:example.amazonaws.com\n"
#define DATE "x-amz-date:20150830T123600Z\n"
#define ALL "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define STS_TOKEN                                                                        \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuF"  \
	"qwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp"  \
	"2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6"  \
	"d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rv" \
	"x3iSIlTJabIQwj2ICCR/oLxBA=="

struct pair {
	const char *name, *value;
};

static const struct suite {
	const char *name, *method, *path;
	bool normalize;
	struct pair query[4];  /* decoded */
	struct pair header[5]; /* beside Host and X-Amz-Date */
	const char *payload;   /* NULL: empty */
	/* expected: path, query and headers as signed, their names, the signature */
	const char *cpath, *cquery, *cheaders, *names, *signature;
} rows[] = {
	{ "get-vanilla", "GET", "/", true, { { 0 } }, { { 0 } }, NULL, "/", "", HOST DATE,
	    "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-vanilla-query, an empty path", "GET", "", true, { { 0 } }, { { 0 } }, NULL,
	    "/", "", HOST DATE, "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-vanilla-empty-query-key", "GET", "/", true, { { "Param1", "value1" } },
	    { { 0 } }, NULL, "/", "Param1=value1", HOST DATE, "host;x-amz-date",
	    "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },
	{ "get-vanilla-query-order-key-case", "GET", "/", true,
	    { { "Param2", "value2" }, { "Param1", "value1" } }, { { 0 } }, NULL, "/",
	    "Param1=value1&Param2=value2", HOST DATE, "host;x-amz-date",
	    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "get-vanilla-query-order-key", "GET", "/", true,
	    { { "Param1", "value2" }, { "Param1", "Value1" } }, { { 0 } }, NULL, "/",
	    "Param1=Value1&Param1=value2", HOST DATE, "host;x-amz-date",
	    "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1" },
	{ "get-vanilla-query-order-value", "GET", "/", true,
	    { { "Param1", "value2" }, { "Param1", "value1" } }, { { 0 } }, NULL, "/",
	    "Param1=value1&Param1=value2", HOST DATE, "host;x-amz-date",
	    "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694" },
	{ "get-vanilla-query-order-encoded", "GET", "/", true,
	    { { "Param-3", "Value3" }, { "Param", "Value2" },
		{ "\xe1\x88\xb4", "Value1" } },
	    { { 0 } }, NULL, "/", "%E1%88%B4=Value1&Param=Value2&Param-3=Value3",
	    HOST DATE, "host;x-amz-date",
	    "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac" },
	{ "get-vanilla-query-unreserved", "GET", "/", true, { { ALL, ALL } }, { { 0 } },
	    NULL, "/", ALL "=" ALL, HOST DATE, "host;x-amz-date",
	    "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197" },
	{ "get-vanilla-utf8-query", "GET", "/", true, { { "\xe1\x88\xb4", "bar" } },
	    { { 0 } }, NULL, "/", "%E1%88%B4=bar", HOST DATE, "host;x-amz-date",
	    "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
	{ "get-vanilla-with-session-token", "GET", "/", true, { { 0 } },
	    { { "X-Amz-Security-Token",
		"6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267" } },
	    NULL, "/", "",
	    HOST DATE
	    "x-amz-security-token:"
	    "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267\n",
	    "host;x-amz-date;x-amz-security-token",
	    "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8" },
	{ "get-unreserved", "GET", "/" ALL, true, { { 0 } }, { { 0 } }, NULL, "/" ALL, "",
	    HOST DATE, "host;x-amz-date",
	    "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
	{ "get-utf8", "GET", "/\xe1\x88\xb4", true, { { 0 } }, { { 0 } }, NULL,
	    "/%E1%88%B4", "", HOST DATE, "host;x-amz-date",
	    "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	{ "get-header-key-duplicate", "GET", "/", true, { { 0 } },
	    { { "My-Header1", "value2" }, { "My-Header1", "value2" },
		{ "My-Header1", "value1" } },
	    NULL, "/", "", HOST "my-header1:value2,value2,value1\n" DATE,
	    "host;my-header1;x-amz-date",
	    "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
	{ "get-header-value-multiline, folded", "GET", "/", true, { { 0 } },
	    { { "My-Header1", "value1\n  value2\n     value3" } }, NULL, "/", "",
	    HOST "my-header1:value1 value2 value3\n" DATE, "host;my-header1;x-amz-date",
	    "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd" },
	{ "get-header-value-multiline, three values", "GET", "/", true, { { 0 } },
	    { { "My-Header1", "value1" }, { "My-Header1", "value2" },
		{ "My-Header1", "value3" } },
	    NULL, "/", "", HOST "my-header1:value1,value2,value3\n" DATE,
	    "host;my-header1;x-amz-date",
	    "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790" },
	{ "get-header-value-order", "GET", "/", true, { { 0 } },
	    { { "My-Header1", "value4" }, { "My-Header1", "value1" },
		{ "My-Header1", "value3" }, { "My-Header1", "value2" } },
	    NULL, "/", "", HOST "my-header1:value4,value1,value3,value2\n" DATE,
	    "host;my-header1;x-amz-date",
	    "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01" },
	{ "get-header-value-trim", "GET", "/", true, { { 0 } },
	    { { "My-Header1", " value1" }, { "My-Header2", " \"a   b   c\"" } }, NULL,
	    "/", "", HOST "my-header1:value1\nmy-header2:\"a b c\"\n" DATE,
	    "host;my-header1;my-header2;x-amz-date",
	    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
	{ "post-vanilla", "POST", "/", true, { { 0 } }, { { 0 } }, NULL, "/", "",
	    HOST DATE, "host;x-amz-date",
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "post-vanilla-query", "POST", "/", true, { { "Param1", "value1" } }, { { 0 } },
	    NULL, "/", "Param1=value1", HOST DATE, "host;x-amz-date",
	    "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11" },
	{ "post-header-key-sort", "POST", "/", true, { { 0 } },
	    { { "My-Header1", "value1" } }, NULL, "/", "",
	    HOST "my-header1:value1\n" DATE, "host;my-header1;x-amz-date",
	    "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c" },
	{ "post-header-value-case", "POST", "/", true, { { 0 } },
	    { { "My-Header1", "VALUE1" } }, NULL, "/", "",
	    HOST "my-header1:VALUE1\n" DATE, "host;my-header1;x-amz-date",
	    "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d" },
	{ "post-x-www-form-urlencoded", "POST", "/", true, { { 0 } },
	    { { "Content-Type", "application/x-www-form-urlencoded" } }, FORM_HASH, "/",
	    "", "content-type:application/x-www-form-urlencoded\n" HOST DATE,
	    "content-type;host;x-amz-date",
	    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
	{ "post-x-www-form-urlencoded-parameters", "POST", "/", true, { { 0 } },
	    { { "Content-Type", "application/x-www-form-urlencoded; charset=utf8" } },
	    FORM_HASH, "/", "",
	    "content-type:application/x-www-form-urlencoded; charset=utf8\n" HOST DATE,
	    "content-type;host;x-amz-date",
	    "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe" },
	{ "post-sts-header-before", "POST", "/", true, { { 0 } },
	    { { "X-Amz-Security-Token", STS_TOKEN } }, NULL, "/", "",
	    HOST DATE "x-amz-security-token:" STS_TOKEN "\n",
	    "host;x-amz-date;x-amz-security-token",
	    "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },
	/* post-sts-header-after signs what post-vanilla signs and adds the token then */
	{ "get-relative", "GET", "/example/..", true, { { 0 } }, { { 0 } }, NULL, "/", "",
	    HOST DATE, "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-relative-relative", "GET", "/example1/example2/../..", true, { { 0 } },
	    { { 0 } }, NULL, "/", "", HOST DATE, "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-slash", "GET", "//", true, { { 0 } }, { { 0 } }, NULL, "/", "", HOST DATE,
	    "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-slash-dot-slash", "GET", "/./", true, { { 0 } }, { { 0 } }, NULL, "/", "",
	    HOST DATE, "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-slash-pointless-dot", "GET", "/./example", true, { { 0 } }, { { 0 } },
	    NULL, "/example", "", HOST DATE, "host;x-amz-date",
	    "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5" },
	{ "get-slashes", "GET", "//example//", true, { { 0 } }, { { 0 } }, NULL,
	    "/example/", "", HOST DATE, "host;x-amz-date",
	    "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84" },
	{ "get-slashes, not normalized", "GET", "//example//", false, { { 0 } },
	    { { 0 } }, NULL, "//example//", "", HOST DATE, "host;x-amz-date",
	    "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5" },
	{ "get-space", "GET", "/example space/", true, { { 0 } }, { { 0 } }, NULL,
	    "/example%20space/", "", HOST DATE, "host;x-amz-date",
	    "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741" },
	{ "get-special-character", "GET", "/example/$delete", true, { { 0 } }, { { 0 } },
	    NULL, "/example/%24delete", "", HOST DATE, "host;x-amz-date",
	    "a853c9b21b528b19643d00910d35b83a10c366a10833ceefb45edd6c80e40f27" },
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
test_row(const struct suite *x)
{
	struct sigv4_pair query[4],
	    header[7] = { { STR("X-Amz-Date"), STR("20150830T123600Z") },
		    { STR("Host"), STR("example.amazonaws.com") } };
	struct sigv4_request rq = { .method = x->method,
		.path = str_of(x->path),
		.query = query,
		.headers = header,
		.payload = x->payload != NULL ? x->payload : SIGV4_EMPTY,
		.normalize = x->normalize };
	struct sigv4_scope sc = { AUG30, "us-east-1", "service" };
	struct buf text, names, string, auth, want;
	uint8_t digest[32];
	char hex[65];
	struct err e;

	buf_init(&text, 8192);
	buf_init(&names, 8192);
	buf_init(&string, 8192);
	buf_init(&auth, 8192);
	buf_init(&want, 8192);
	rq.query_n = pairs_of(x->query, 4, query);
	rq.header_n = 2 + pairs_of(x->header, 5, header + 2);
	ok(sigv4_canonical(&rq, &text, &names, &e) == 0, "%s: signs", x->name);
	buf_printf(&want, "%s\n%s\n%s\n%s\n%s\n%s", x->method, x->cpath, x->cquery,
	    x->cheaders, x->names, rq.payload);
	ok(strcmp(text.p, want.p) == 0, "%s: canonical request %s", x->name, text.p);

	sha256_of(text.p, text.n, digest);
	hex_of(digest, sizeof digest, hex);
	sigv4_string(&sc, (struct str){ text.p, text.n }, &string);
	buf_clear(&want);
	buf_printf(&want,
	    "AWS4-HMAC-SHA256\n20150830T123600Z\n"
	    "20150830/us-east-1/service/aws4_request\n%s",
	    hex);
	ok(strcmp(string.p, want.p) == 0, "%s: string to sign", x->name);

	sigv4_signature(&sc, SECRET, (struct str){ string.p, string.n }, hex);
	ok(strcmp(hex, x->signature) == 0, "%s: signature %s", x->name, hex);
	sigv4_authorization(
	    &sc, "AKIDEXAMPLE", (struct str){ names.p, names.n }, hex, &auth);
	buf_clear(&want);
	buf_printf(&want,
	    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
	    "aws4_request, SignedHeaders=%s, Signature=%s",
	    x->names, x->signature);
	ok(strcmp(auth.p, want.p) == 0, "%s: authorization", x->name);
	buf_done(&text);
	buf_done(&names);
	buf_done(&string);
	buf_done(&auth);
	buf_done(&want);
}

/* Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters". */
static void
test_presigned(void)
{
	struct sigv4_pair query[] = {
		{ STR("X-Amz-SignedHeaders"), STR("host") },
		{ STR("X-Amz-Algorithm"), STR("AWS4-HMAC-SHA256") },
		{ STR("X-Amz-Credential"),
		    STR("AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request") },
		{ STR("X-Amz-Date"), STR("20130524T000000Z") },
		{ STR("X-Amz-Expires"), STR("86400") },
	};
	struct sigv4_pair host = { STR("host"), STR("examplebucket.s3.amazonaws.com") };
	struct sigv4_request rq = { .method = "GET",
		.path = STR("/test.txt"),
		.query = query,
		.query_n = 5,
		.headers = &host,
		.header_n = 1,
		.payload = "UNSIGNED-PAYLOAD" };
	struct sigv4_scope sc = { MAY24, "us-east-1", "s3" };
	struct buf text, names, string;
	struct err e;
	char hex[65];

	buf_init(&text, 8192);
	buf_init(&names, 8192);
	buf_init(&string, 8192);
	ok(sigv4_canonical(&rq, &text, &names, &e) == 0, "query authentication signs");
	sigv4_string(&sc, (struct str){ text.p, text.n }, &string);
	ok(strstr(string.p,
	       "3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04") !=
		NULL,
	    "query authentication: string to sign");
	sigv4_signature(&sc, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	    (struct str){ string.p, string.n }, hex);
	ok(strcmp(hex,
	       "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404") == 0,
	    "query authentication: signature");
	buf_done(&text);
	buf_done(&names);
	buf_done(&string);
}

/* RFC 3986, 5.2.4, and no empty parts. */
static void
test_normalize(void)
{
	static const struct {
		const char *raw, *want;
	} paths[] = {
		{ "", "/" },
		{ "/", "/" },
		{ "///", "/" },
		{ "/a/b/c", "/a/b/c" },
		{ "/a//b/", "/a/b/" },
		{ "/a/./b", "/a/b" },
		{ "/a/b/.", "/a/b/" },
		{ "/a/b/..", "/a/" },
		{ "/a/b/../", "/a/" },
		{ "/a/b/c/./../../g", "/a/g" },
		{ "/..", "/" },
		{ "/../../a", "/a" },
		{ "/...", "/..." },
		{ "/.a/..b", "/.a/..b" },
		{ "a/b", "/a/b" },
		{ "/%2E%2E/a", "/%2E%2E/a" },
	};
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		buf_clear(&b);
		sigv4_normalize(&b, str_of(paths[i].raw));
		ok(b.p != NULL && strcmp(b.p, paths[i].want) == 0, "<%s> is %s, not %s",
		    paths[i].raw, paths[i].want, b.p);
	}
	buf_done(&b);
}

/* The same key: S3 encodes once, others twice, the path as it was sent. */
static void
test_twice(void)
{
	struct sigv4_pair host = { STR("host"), STR("h") };
	struct sigv4_request rq = { .method = "GET",
		.path = STR("/a b/../%20//c=d"),
		.headers = &host,
		.header_n = 1,
		.payload = "P" };
	struct buf text, names;
	struct err e;

	buf_init(&text, 1000);
	buf_init(&names, 1000);
	ok(sigv4_canonical(&rq, &text, &names, &e) == 0 &&
		strcmp(text.p, "GET\n/a%20b/../%2520//c%3Dd\n\nhost:h\n\nhost\nP") == 0,
	    "S3: raw, encoded once, not normalised");
	buf_clear(&text);
	buf_clear(&names);
	rq.path = STR("/example%20path/./x");
	rq.normalize = true;
	ok(sigv4_canonical(&rq, &text, &names, &e) == 0 &&
		strcmp(text.p, "GET\n/example%2520path/x\n\nhost:h\n\nhost\nP") == 0,
	    "others: what was sent, encoded again, normalised: %s", text.p);
	buf_done(&text);
	buf_done(&names);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		test_row(&rows[i]);
	test_presigned();
	test_normalize();
	test_twice();
	return unit_end();
}
