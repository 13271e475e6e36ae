/* Where a bucket is: partitions, dualstack, FIPS, URLs, settings; what is refused. */
#include "unit.h"

#include "base/err.h"
#include "s3/endpoint.h"

#include <stdlib.h>
#include <unistd.h>

struct variable {
	const char *name, *value;
};

static const struct variable *variables;
static char config[64];

static const char *
env(const char *name)
{
	if (strcmp(name, "AWS_CONFIG_FILE") == 0)
		return config;
	if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
		return "/dev/null";
	for (const struct variable *v = variables; v->name != NULL; v++)
		if (strcmp(v->name, name) == 0)
			return v->value;
	return NULL;
}

enum { PATH = 1, DUAL = 2, FIPS = 4 };
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG X50 X50 X50 X50 X50 X50 X50 X50 X50 X50

struct row {
	const char *bucket, *url, *region;
	unsigned flags;
	struct variable v[3];
	const char *want; /* "scheme://host/base region", or a part of the error */
};

#define NO                                                                               \
	{                                                                                \
		{                                                                        \
			0                                                                \
		}                                                                        \
	}

static const struct row hosts[] = {
	{ "logs", NULL, "eu-west-1", 0, NO,
	    "https://logs.s3.eu-west-1.amazonaws.com/ eu-west-1" },
	{ "logs", NULL, "us-east-1", 0, NO,
	    "https://logs.s3.us-east-1.amazonaws.com/ us-east-1" },
	{ "logs", NULL, "aws-global", 0, NO,
	    "https://logs.s3.us-east-1.amazonaws.com/ us-east-1" },
	{ "logs", NULL, "eu-west-1", PATH, NO,
	    "https://s3.eu-west-1.amazonaws.com/logs/ eu-west-1" },
	{ "logs", NULL, "eu-west-1", DUAL, NO,
	    "https://logs.s3.dualstack.eu-west-1.amazonaws.com/ eu-west-1" },
	{ "logs", NULL, "us-east-2", FIPS, NO,
	    "https://logs.s3-fips.us-east-2.amazonaws.com/ us-east-2" },
	{ "logs", NULL, "us-east-2", FIPS | DUAL, NO,
	    "https://logs.s3-fips.dualstack.us-east-2.amazonaws.com/ us-east-2" },
	{ "logs", NULL, "us-east-2", FIPS | DUAL | PATH, NO,
	    "https://s3-fips.dualstack.us-east-2.amazonaws.com/logs/ us-east-2" },
	{ "logs", NULL, "fips-us-east-2", 0, NO,
	    "https://logs.s3-fips.us-east-2.amazonaws.com/ us-east-2" },
	{ "logs", NULL, "us-gov-west-1-fips", 0, NO,
	    "https://logs.s3-fips.us-gov-west-1.amazonaws.com/ us-gov-west-1" },
	{ "logs", NULL, "us-gov-west-1", 0, NO,
	    "https://logs.s3.us-gov-west-1.amazonaws.com/ us-gov-west-1" },
	{ "logs", NULL, "us-gov-east-1", FIPS | DUAL, NO,
	    "https://logs.s3-fips.dualstack.us-gov-east-1.amazonaws.com/ us-gov-east-1" },
	{ "logs", NULL, "cn-north-1", 0, NO,
	    "https://logs.s3.cn-north-1.amazonaws.com.cn/ cn-north-1" },
	{ "logs", NULL, "cn-northwest-1", DUAL, NO,
	    "https://logs.s3.dualstack.cn-northwest-1.amazonaws.com.cn/ cn-northwest-1" },
	{ "logs", NULL, "cn-north-1", FIPS, NO, "cn-north-1: has no FIPS endpoints" },
	{ "logs", NULL, "us-iso-east-1", 0, NO,
	    "https://logs.s3.us-iso-east-1.c2s.ic.gov/ us-iso-east-1" },
	{ "logs", NULL, "us-isob-east-1", 0, NO,
	    "https://logs.s3.us-isob-east-1.sc2s.sgov.gov/ us-isob-east-1" },
	{ "logs", NULL, "us-isof-south-1", 0, NO,
	    "https://logs.s3.us-isof-south-1.csp.hci.ic.gov/ us-isof-south-1" },
	{ "logs", NULL, "eu-isoe-west-1", 0, NO,
	    "https://logs.s3.eu-isoe-west-1.cloud.adc-e.uk/ eu-isoe-west-1" },
	{ "logs", NULL, "eusc-de-east-1", 0, NO,
	    "https://logs.s3.eusc-de-east-1.amazonaws.eu/ eusc-de-east-1" },
	/* buckets that no certificate or name server knows as a part of a host */
	{ "my.logs", NULL, "eu-west-1", 0, NO,
	    "https://s3.eu-west-1.amazonaws.com/my.logs/ eu-west-1" },
	{ "my.logs", NULL, "eu-west-1", DUAL, NO,
	    "https://s3.dualstack.eu-west-1.amazonaws.com/my.logs/ eu-west-1" },
	{ "Old_Logs", NULL, "us-east-1", 0, NO,
	    "https://s3.us-east-1.amazonaws.com/Old_Logs/ us-east-1" },
	{ "logs-", NULL, "us-east-1", 0, NO,
	    "https://s3.us-east-1.amazonaws.com/logs-/ us-east-1" },
	{ "my-ap-abcdefghij123456789-s3alias", NULL, "us-east-1", 0, NO,
	    "https://my-ap-abcdefghij123456789-s3alias.s3.us-east-1.amazonaws.com/ "
	    "us-east-1" },
	/* URLs */
	{ "logs", "http://127.0.0.1:9000", NULL, 0, NO,
	    "http://127.0.0.1:9000/logs/ us-east-1" },
	{ "logs", "http://[::1]:9000", NULL, 0, NO, "http://[::1]:9000/logs/ us-east-1" },
	{ "logs", "http://localhost:9000", NULL, 0, NO,
	    "http://localhost:9000/logs/ us-east-1" },
	{ "logs", "HTTPS://s3.example.net:443/", NULL, 0, NO,
	    "https://logs.s3.example.net/ us-east-1" },
	{ "logs", "http://s3.example.net:80", NULL, 0, NO,
	    "http://logs.s3.example.net/ us-east-1" },
	{ "logs", "http://s3.example.net:443", NULL, 0, NO,
	    "http://logs.s3.example.net:443/ us-east-1" },
	{ "my.logs", "http://s3.example.net", NULL, 0, NO,
	    "http://my.logs.s3.example.net/ us-east-1" },
	{ "a..b", "http://s3.example.net", NULL, 0, NO,
	    "http://s3.example.net/a..b/ us-east-1" },
	{ "my.logs", "https://s3.example.net", NULL, 0, NO,
	    "https://s3.example.net/my.logs/ us-east-1" },
	{ "logs", "https://s3.example.net/a/b//", "garage", PATH, NO,
	    "https://s3.example.net/a/b/logs/ garage" },
	{ "logs", "http://h", NULL, DUAL, NO, "dualstack and FIPS are for Amazon's own" },
	{ "logs", "ftp://h", NULL, 0, NO, "--endpoint: ftp://h: not http://host" },
	{ "logs", "s3.example.net", NULL, 0, NO, "not http://host" },
	{ "logs", "http://", NULL, 0, NO, "not http://host" },
	{ "logs", "http://h:", NULL, 0, NO, "not http://host" },
	{ "logs", "http://h:99x", NULL, 0, NO, "not http://host" },
	{ "logs", "http://[::1", NULL, 0, NO, "not http://host" },
	{ "logs", "http://h h", NULL, 0, NO, "not http://host" },
	{ "logs", "http://h/?a", NULL, 0, NO, "not http://host" },
	{ "logs", "http://h/\r\nX: y", NULL, 0, NO, "not http://host" },
	{ "logs", "http://me:secret@h", NULL, 0, NO, "no user and password in a URL" },
	{ "logs", "http:/me:secret@h", NULL, 0, NO, "--endpoint: not http://host" },
	{ "logs", "http://h/me:secret@h?", NULL, 0, NO, "--endpoint: not http://host" },
	{ "logs", "http://me:secret@h", NULL, DUAL, NO, "dualstack and FIPS are for" },
	{ "logs", "http://me:123/secret@h", NULL, 0, NO, "--endpoint: not http://host" },
	/* what is cut off */
	{ "logs", "http://h/" LONG, NULL, 0, NO, "--endpoint: http://h/xxx" },
	{ "logs", "http://me:secret" LONG "@h", NULL, 0, NO,
	    "--endpoint: not http://host" },
	{ "logs", "http://me:secret" LONG "@h", NULL, DUAL, NO,
	    "--endpoint: a URL: dualstack" },
	{ "logs", NULL, NULL, 0,
	    { { "AWS_ENDPOINT_URL_S3", "http://me:secret" LONG "@h" } },
	    "AWS_ENDPOINT_URL_S3: not http://host" },
	{ "logs", NULL, NULL, 0, { { "AWS_ENDPOINT_URL", "http://me:secret" LONG "@h" } },
	    "AWS_ENDPOINT_URL: not http://host" },
	{ "logs", NULL, NULL, 0, { { "AWS_PROFILE", "secret" } },
	    "endpoint_url: not http://host" },
	{ "logs", NULL, NULL, 0, { { "AWS_ENDPOINT_URL", "https:/me:secret@h" } },
	    "AWS_ENDPOINT_URL: not http://host" },
	/* the environment */
	{ "logs", NULL, NULL, 0, NO, "region: not known" },
	{ "logs", NULL, NULL, 0, { { "AWS_DEFAULT_REGION", "ap-south-1" } },
	    "https://logs.s3.ap-south-1.amazonaws.com/ ap-south-1" },
	{ "logs", NULL, NULL, 0,
	    { { "AWS_DEFAULT_REGION", "ap-south-1" }, { "AWS_REGION", "eu-west-1" } },
	    "https://logs.s3.eu-west-1.amazonaws.com/ eu-west-1" },
	{ "logs", NULL, "eu_west!", 0, NO, "not the name of a region" },
	{ "logs", NULL, "evil.com/", 0, NO, "not the name of a region" },
	{ "logs", NULL, "", 0, NO, "not the name of a region" },
	{ "logs", NULL, "eu-west-1", 0, { { "AWS_USE_DUALSTACK_ENDPOINT", "TRUE" } },
	    "https://logs.s3.dualstack.eu-west-1.amazonaws.com/ eu-west-1" },
	{ "logs", NULL, "us-west-2", 0, { { "AWS_USE_FIPS_ENDPOINT", "true" } },
	    "https://logs.s3-fips.us-west-2.amazonaws.com/ us-west-2" },
	{ "logs", NULL, "us-west-2", 0, { { "AWS_USE_FIPS_ENDPOINT", "false" } },
	    "https://logs.s3.us-west-2.amazonaws.com/ us-west-2" },
	{ "logs", NULL, "us-west-2", 0, { { "AWS_USE_FIPS_ENDPOINT", "yes" } },
	    "AWS_USE_FIPS_ENDPOINT: yes: neither true nor false" },
	{ "logs", NULL, "r", 0,
	    { { "AWS_ENDPOINT_URL", "http://a.b" },
		{ "AWS_ENDPOINT_URL_S3", "http://c.d" } },
	    "http://logs.c.d/ r" },
	{ "logs", NULL, "r", 0, { { "AWS_ENDPOINT_URL", "http://a.b" } },
	    "http://logs.a.b/ r" },
	{ "logs", NULL, "r", 0, { { "AWS_ENDPOINT_URL", "a.b" } },
	    "AWS_ENDPOINT_URL: a.b: not http://host" },
	{ "logs", "http://e.f", "r", 0, { { "AWS_ENDPOINT_URL_S3", "http://c.d" } },
	    "http://logs.e.f/ r" },
	{ "logs", NULL, "r-1", 0,
	    { { "AWS_ENDPOINT_URL", "http://a.b" },
		{ "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true" } },
	    "https://logs.s3.r-1.amazonaws.com/ r-1" },
	/* profiles */
	{ "logs", NULL, NULL, 0, { { "AWS_PROFILE", "plain" } },
	    "https://logs.s3-fips.dualstack.ca-central-1.amazonaws.com/ ca-central-1" },
	{ "logs", NULL, NULL, 0, { { "AWS_PROFILE", "url" } },
	    "http://logs.all.example/ us-east-1" },
	{ "logs", NULL, NULL, 0, { { "AWS_PROFILE", "services" } },
	    "http://logs.only.s3.example/ eu-west-3" },
	{ "logs", NULL, NULL, 0,
	    { { "AWS_PROFILE", "services" }, { "AWS_ENDPOINT_URL", "http://a.b" } },
	    "http://logs.a.b/ eu-west-3" },
	{ "logs", NULL, NULL, 0, { { "AWS_PROFILE", "ignore" } },
	    "https://logs.s3.eu-west-3.amazonaws.com/ eu-west-3" },
};

static const struct row sts[] = {
	{ NULL, NULL, "eu-west-1", 0, NO,
	    "https://sts.eu-west-1.amazonaws.com/ eu-west-1" },
	{ NULL, NULL, "cn-north-1", 0, NO,
	    "https://sts.cn-north-1.amazonaws.com.cn/ cn-north-1" },
	{ NULL, NULL, "us-iso-east-1", 0, NO,
	    "https://sts.us-iso-east-1.c2s.ic.gov/ us-iso-east-1" },
	{ NULL, NULL, "us-east-1", 0, { { "AWS_USE_FIPS_ENDPOINT", "true" } },
	    "https://sts-fips.us-east-1.amazonaws.com/ us-east-1" },
	{ NULL, NULL, "us-gov-west-1", 0, { { "AWS_USE_FIPS_ENDPOINT", "true" } },
	    "https://sts.us-gov-west-1.amazonaws.com/ us-gov-west-1" },
	{ NULL, NULL, "us-east-1", 0, { { "AWS_USE_DUALSTACK_ENDPOINT", "true" } },
	    "https://sts.us-east-1.api.aws/ us-east-1" },
	{ NULL, NULL, "cn-north-1", 0, { { "AWS_USE_DUALSTACK_ENDPOINT", "true" } },
	    "https://sts.cn-north-1.api.amazonwebservices.com.cn/ cn-north-1" },
	{ NULL, NULL, "r", 0,
	    { { "AWS_ENDPOINT_URL_S3", "http://s3" },
		{ "AWS_ENDPOINT_URL_STS", "http://sts:1/x" } },
	    "http://sts:1/x/ r" },
	{ NULL, NULL, "r", 0, { { "AWS_ENDPOINT_URL", "http://all" } }, "http://all/ r" },
	{ NULL, NULL, "r", 0, { { "AWS_PROFILE", "services" } },
	    "http://sts.example/ r" },
};

static void
test_row(const struct row *x)
{
	struct endpoint_options o = { .url = x->url,
		.region = x->region,
		.path_style = x->flags & PATH,
		.dualstack = x->flags & DUAL,
		.fips = x->flags & FIPS,
		.env = env };
	struct endpoint ep;
	struct err e = { 0 };
	char got[1200];
	int r;

	variables = x->v;
	r = x->bucket != NULL ? endpoint_find(&ep, x->bucket, &o, &e)
			      : endpoint_sts(&ep, x->region, env, &e);
	if (r < 0) {
		ok(e.status == ST_USAGE && strstr(e.text, x->want) != NULL &&
			strstr(e.text, "secret") == NULL,
		    "%s is refused: %s", x->want, e.text);
		return;
	}
	snprintf(got, sizeof got, "%s://%s%s %s", ep.scheme, ep.host, ep.base, ep.region);
	ok(strcmp(got, x->want) == 0, "%s: %s", x->want, got);
}

static void
test_amazon(void)
{
	static const struct variable none[1];
	static const struct {
		const char *url;
		bool amazon;
	} urls[] = {
		{ NULL, true },
		{ "https://s3.eu-west-1.amazonaws.com", true },
		{ "http://s3.dualstack.eu-west-1.amazonaws.com:80", true },
		{ "https://bucket.vpce-1a2b-3c4d.s3.us-east-1.vpce.amazonaws.com", true },
		{ "https://s3-fips.us-gov-west-1.amazonaws.com", true },
		{ "https://s3.cn-north-1.amazonaws.com.cn", true },
		{ "https://s3-1234567890.us-east-1.elb.amazonaws.com", false },
		{ "http://ec2-1-2-3-4.compute-1.amazonaws.com:9000", false },
		{ "https://s3.amazonaws.com.example.net", false },
		{ "https://s3.notamazonaws.com", false },
		{ "https://s3.example.net", false },
		{ "http://127.0.0.1:9000", false },
	};
	struct endpoint ep;
	struct err e = { 0 };

	variables = none;
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		struct endpoint_options o = {
			.url = urls[i].url, .region = "us-east-1", .env = env
		};

		ok(endpoint_find(&ep, "logs", &o, &e) == 0 && ep.amazon == urls[i].amazon,
		    "%s is %sAmazon's: %s", urls[i].url ? urls[i].url : "none",
		    urls[i].amazon ? "" : "not ", e.text);
	}
}

static void
test_buckets(void)
{
	static const struct {
		const char *name, *refused;
	} buckets[] = {
		{ "logs", NULL },
		{ "my.logs-2", NULL },
		{ "Old_Logs", NULL },
		{ "ab", "is not the name of a bucket" },
		{ "", "is not the name of a bucket" },
		{ "-ab", "is not the name of a bucket" },
		{ "a b", "is not the name of a bucket" },
		{ "a\nb", "is not the name of a bucket" },
		{ "b\xc3\xa4r", "is not the name of a bucket" },
		{ "arn:aws:s3:us-west-2:123456789012:accesspoint",
		    "access point's alias" },
		{ "logs--usw2-az1--x-s3", "directory bucket" },
	};
	struct err e;

	for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++) {
		bool bad = endpoint_bucket(buckets[i].name, &e) < 0;

		ok(bad == (buckets[i].refused != NULL) &&
			(!bad || strstr(e.text, buckets[i].refused) != NULL),
		    "bucket <%s>", buckets[i].name);
	}
}

int
main(void)
{
	static const char text[] =
	    "[profile plain]\nregion = ca-central-1\nuse_fips_endpoint = true\n"
	    "use_dualstack_endpoint = true\n"
	    "[profile url]\nendpoint_url = http://all.example\n"
	    "[profile services]\nregion = eu-west-3\nendpoint_url = http://all.example\n"
	    "services = mine\n"
	    "[services mine]\nsts =\n  endpoint_url = http://sts.example\n"
	    "s3 =\n  endpoint_url = http://only.s3.example\n  max = 5\n"
	    "[profile secret]\nendpoint_url = http://me:secret" LONG "@h\n"
	    "[profile ignore]\nregion = eu-west-3\nendpoint_url = http://all.example\n"
	    "ignore_configured_endpoint_urls = true\n";
	char path[] = "/tmp/endpoint-XXXXXX";
	int fd = mkstemp(path);

	ok(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1,
	    "a config file");
	snprintf(config, sizeof config, "%s", path);
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		test_row(&hosts[i]);
	for (size_t i = 0; i < sizeof sts / sizeof *sts; i++)
		test_row(&sts[i]);
	test_amazon();
	test_buckets();
	close(fd);
	unlink(path);
	return unit_end();
}
