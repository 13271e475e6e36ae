#include "s3/endpoint.h"
#include "base/err.h"
#include "s3/awsconfig.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Regions that begin so have hosts that end so; the last row is all others. */
static const struct partition {
	const char *begins, *suffix, *dual_suffix;
	bool no_fips;
} partitions[] = {
	{ "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", true },
	{ "us-gov-", "amazonaws.com", "api.aws", false },
	{ "us-iso-", "c2s.ic.gov", "api.aws.ic.gov", false },
	{ "us-isob-", "sc2s.sgov.gov", "api.aws.scloud", false },
	{ "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", false },
	{ "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", false },
	{ "eusc-", "amazonaws.eu", "api.amazonwebservices.eu", false },
	{ "", "amazonaws.com", "api.aws", false },
};

/* One look: what is asked for, and where it is written. */
struct look {
	const char *service; /* "s3", "sts" */
	const char *url_variable;
	const struct endpoint_options *o;
	const struct awsconfig *config;
	bool dualstack, fips;
	char url[ENDPOINT_HOST_MAX + ENDPOINT_PATH_MAX + 20]; /* "": Amazon's */
	bool cut;                                             /* it is longer than that */
	bool
	    untold; /* it has an '@', before which a password may stand: it is not told */
	char from[40]; /* where the URL is written, for messages */
};

/* A variable, else a setting of the profile; "" when neither is set. */
static struct str
setting(const struct look *l, const char *variable, const char *name)
{
	const char *v = variable != NULL ? l->o->env(variable) : NULL;
	struct str from;
	bool asked;

	if (v != NULL && v[0] != '\0')
		return str_of(v);
	if (name != NULL &&
	    awsconfig_get(l->config, awsconfig_profile(l->config, &asked), name, &from))
		return from;
	return STR("");
}

static void
copy(struct str from, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)from.n, from.p);
}

static int
flag(
    const struct look *l, const char *variable, const char *name, bool *on, struct err *e)
{
	char v[20];

	copy(setting(l, variable, name), v, sizeof v);
	if (strcasecmp(v, "true") == 0)
		*on = true;
	else if (v[0] != '\0' && strcasecmp(v, "false") != 0)
		return err_set(
		    e, ST_USAGE, "%s: %s: neither true nor false", variable, v);
	return 0;
}

/* ---- a URL that somebody gave ---- */

/* What is looked at for an '@' is all of the text, not what there is room for. */
static void
take_url(struct look *l, const char *from, struct str url)
{
	snprintf(l->from, sizeof l->from, "%s", from);
	copy(url, l->url, sizeof l->url);
	l->cut = url.n >= sizeof l->url;
	l->untold = url.n > 0 && memchr(url.p, '@', url.n) != NULL;
}

static int
bad_url(const struct look *l, struct err *e)
{
	if (l->untold)
		return err_set(e, ST_USAGE,
		    "%s: not http://host or https://host without a user and password",
		    l->from);
	return err_set(
	    e, ST_USAGE, "%s: %.200s: not http://host or https://host", l->from, l->url);
}

static bool
host_ok(const char *h, size_t n)
{
	bool six = h[0] == '[';
	const char *after = memchr(h, six ? ']' : ':', n);
	size_t name = after == NULL ? n : (size_t)(after - h) + six, port;

	if (name == 0 || n > ENDPOINT_HOST_MAX || (six && after == NULL))
		return false;
	for (size_t i = six; i < name - six; i++)
		if (!isalnum((unsigned char)h[i]) &&
		    strchr(six ? ":." : ".-_", h[i]) == NULL)
			return false;
	if (name == n)
		return true;
	port = strspn(h + name + 1, "0123456789");
	return h[name] == ':' && port > 0 && port <= 5 && name + 1 + port == n;
}

static int
parse_url(struct endpoint *ep, const struct look *l, struct err *e)
{
	const char *sep = strstr(l->url, "://"), *h = sep ? sep + 3 : l->url;
	size_t scheme = sep ? (size_t)(sep - l->url) : 0, n = strcspn(h, "/?#");
	size_t path = strlen(h + n);

	if (memchr(h, '@', n) != NULL)
		return err_set(e, ST_USAGE,
		    "%s: no user and password in a URL; "
		    "see CREDENTIALS in s3put(1)",
		    l->from);
	if ((!(scheme == 4 && strncasecmp(l->url, "http", 4) == 0) &&
		!(scheme == 5 && strncasecmp(l->url, "https", 5) == 0)) ||
	    !host_ok(h, n) || path > ENDPOINT_PATH_MAX || l->cut || l->untold)
		return bad_url(l, e);
	for (const char *p = h + n; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f || strchr("?#\\", *p) != NULL)
			return bad_url(l, e);
	for (size_t i = 0; i < scheme; i++)
		ep->scheme[i] = (char)tolower((unsigned char)l->url[i]);
	snprintf(ep->host, sizeof ep->host, "%.*s", (int)n, h);
	while (path > 0 && h[n + path - 1] == '/')
		path--;
	snprintf(ep->base, sizeof ep->base, "%.*s", (int)path, h + n);
	/* as libcurl will send it: without the port that the scheme implies */
	n = strlen(ep->host);
	if (n > 3 && scheme == 4 && strcmp(ep->host + n - 3, ":80") == 0)
		ep->host[n - 3] = '\0';
	if (n > 4 && scheme == 5 && strcmp(ep->host + n - 4, ":443") == 0)
		ep->host[n - 4] = '\0';
	return 0;
}

/* The URL for the service that is written somewhere, if any. */
static int
find_url(struct look *l, struct err *e)
{
	struct str v;
	bool asked, ignore = false;
	const char *profile = awsconfig_profile(l->config, &asked);

	if (l->o->url != NULL) {
		take_url(l, "--endpoint", str_of(l->o->url));
		return 0;
	}
	if (flag(l, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		"ignore_configured_endpoint_urls", &ignore, e) < 0)
		return -1;
	if (ignore)
		return 0;
	take_url(l, l->url_variable, setting(l, l->url_variable, NULL));
	if (l->url[0] == '\0')
		take_url(l, "AWS_ENDPOINT_URL", setting(l, "AWS_ENDPOINT_URL", NULL));
	if (l->url[0] != '\0')
		return 0;
	if (!awsconfig_service(l->config, profile, l->service, "endpoint_url", &v))
		v = setting(l, NULL, "endpoint_url");
	take_url(l, "endpoint_url", v);
	return 0;
}

/* ---- Amazon's hosts ---- */

static int
find_region(struct endpoint *ep, struct look *l, struct err *e)
{
	char r[200];
	size_t n;

	copy(l->o->region != NULL ? str_of(l->o->region) : setting(l, "AWS_REGION", NULL),
	    r, sizeof r);
	if (l->o->region == NULL && r[0] == '\0')
		copy(setting(l, "AWS_DEFAULT_REGION", "region"), r, sizeof r);
	if (l->o->region == NULL && r[0] == '\0') {
		if (ep->aws)
			return err_set(e, ST_USAGE,
			    "region: not known; give --region=NAME or set AWS_REGION");
		snprintf(r, sizeof r, "us-east-1");
	}
	n = strlen(r);
	/* names of endpoints that old programs take for regions */
	if (n > 5 && strncmp(r, "fips-", 5) == 0) {
		l->fips = true;
		memmove(r, r + 5, n - 4);
	} else if (n > 5 && strcmp(r + n - 5, "-fips") == 0) {
		l->fips = true;
		r[n - 5] = '\0';
	} else if (strcmp(r, "aws-global") == 0) {
		snprintf(r, sizeof r, "us-east-1");
	}
	n = strlen(r);
	if (n == 0 || n > ENDPOINT_REGION_MAX ||
	    r[strspn(r, "abcdefghijklmnopqrstuvwxyz0123456789-_")] != '\0')
		return err_set(
		    e, ST_USAGE, "--region: %.60s: not the name of a region", r);
	memcpy(ep->region, r, n + 1);
	return 0;
}

static const struct partition *
partition_of(const char *region)
{
	const struct partition *p = partitions;

	while (strncmp(region, p->begins, strlen(p->begins)) != 0)
		p++;
	return p;
}

static bool
has_label(struct str host, const char *label)
{
	size_t n;

	for (; host.n > 0; host.p += n, host.n -= n) {
		const char *dot = memchr(host.p, '.', host.n);

		n = dot != NULL ? (size_t)(dot - host.p) : host.n;
		if (str_eq((struct str){ host.p, n }, str_of(label)))
			return true;
		n += dot != NULL;
	}
	return false;
}

/* A name that its owner chose (of a load balancer, an instance) has no such part. */
static bool
is_amazon(const char *host)
{
	struct str h = { host, strcspn(host, ":") };
	bool s3 = has_label(h, "s3") || has_label(h, "s3-fips");

	for (size_t i = 0; s3 && i < sizeof partitions / sizeof *partitions; i++) {
		struct str suffix = str_of(partitions[i].suffix);

		if (str_ends(h, suffix) && h.n > suffix.n &&
		    h.p[h.n - suffix.n - 1] == '.')
			return true;
	}
	return false;
}

static int
amazon(struct endpoint *ep, const struct look *l, struct err *e)
{
	const struct partition *p = partition_of(ep->region);
	bool s3 = strcmp(l->service, "s3") == 0, fips = l->fips;

	if (fips && p->no_fips)
		return err_set(e, ST_USAGE,
		    "region %.60s: has no FIPS endpoints; unset AWS_USE_FIPS_ENDPOINT",
		    ep->region);
	/* the plain ones of GovCloud's STS are FIPS */
	if (!s3 && fips && !l->dualstack && strcmp(p->begins, "us-gov-") == 0)
		fips = false;
	snprintf(ep->scheme, sizeof ep->scheme, "https");
	snprintf(ep->host, sizeof ep->host, "%s%s%s.%s.%s", l->service,
	    fips ? "-fips" : "", s3 && l->dualstack ? ".dualstack" : "", ep->region,
	    !s3 && l->dualstack ? p->dual_suffix : p->suffix);
	return 0;
}

/* All but the bucket. */
static int
find_server(struct endpoint *ep, struct look *l, struct err *e)
{
	*ep = (struct endpoint){ 0 };
	l->dualstack = l->o->dualstack;
	l->fips = l->o->fips;
	if (flag(l, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", &l->dualstack,
		e) < 0 ||
	    flag(l, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &l->fips, e) < 0 ||
	    find_url(l, e) < 0)
		return -1;
	ep->aws = ep->amazon = l->url[0] == '\0';
	if (find_region(ep, l, e) < 0)
		return -1;
	if (ep->aws)
		return amazon(ep, l, e);
	if (l->dualstack || l->fips)
		return err_set(e, ST_USAGE,
		    "%s: %.200s: dualstack and FIPS are for Amazon's own endpoints; "
		    "leave out one or the other",
		    l->from, l->untold ? "a URL" : l->url);
	if (parse_url(ep, l, e) < 0)
		return -1;
	ep->amazon = is_amazon(ep->host);
	return 0;
}

/* ---- buckets ---- */

int
endpoint_bucket(const char *bucket, struct err *e)
{
	size_t n = strlen(bucket);
	bool good = n >= 3 && n <= 255 && isalnum((unsigned char)bucket[0]);

	if (strncmp(bucket, "arn:", 4) == 0)
		return err_set(e, ST_USAGE,
		    "s3://%.200s: an ARN; give the access point's alias, which is used "
		    "like the name of a bucket",
		    bucket);
	if (n > 6 && strcmp(bucket + n - 6, "--x-s3") == 0)
		return err_set(e, ST_USAGE,
		    "s3://%.200s: a directory bucket (S3 Express); these are not known",
		    bucket);
	for (size_t i = 0; i < n; i++)
		good &=
		    isalnum((unsigned char)bucket[i]) || strchr(".-_", bucket[i]) != NULL;
	if (!good)
		return err_set(e, ST_USAGE,
		    "s3://%.200s: \"%.70s\" is not the name of a bucket", bucket, bucket);
	return 0;
}

/* Can the bucket be a part of a host name that a certificate and DNS know? */
static bool
bucket_in_host(const struct endpoint *ep, const char *bucket)
{
	const char *h = ep->host;
	size_t n = strlen(bucket), name = strcspn(h, ":");

	for (size_t i = 0; i < n; i++) {
		if (!islower((unsigned char)bucket[i]) &&
		    !isdigit((unsigned char)bucket[i]) && bucket[i] != '-' &&
		    (bucket[i] != '.' || strcmp(ep->scheme, "https") == 0))
			return false;
		/* no part of a host name is empty or begins or ends with '-' */
		if (bucket[i] == '.' && (i == 0 || strchr(".-", bucket[i - 1]) != NULL ||
					    strchr(".-", bucket[i + 1]) != NULL))
			return false;
	}
	if (n > 63 || bucket[0] == '-' || bucket[n - 1] == '-')
		return false;
	/* an address, or a name without a domain, has no names below it */
	if (h[0] == '[' || memchr(h, '.', name) == NULL)
		return false;
	return strspn(h, "0123456789.") < name;
}

int
endpoint_find(struct endpoint *ep, const char *bucket, const struct endpoint_options *o,
    struct err *e)
{
	struct awsconfig *config = awsconfig_load(o->env);
	struct look l = { .service = "s3",
		.url_variable = "AWS_ENDPOINT_URL_S3",
		.o = o,
		.config = config };
	char host[300];
	size_t n;
	int r;

	if (config == NULL)
		return err_set(e, ST_FAIL, "endpoint: out of memory");
	r = endpoint_bucket(bucket, e) < 0 ? -1 : find_server(ep, &l, e);
	awsconfig_free(config);
	if (r < 0)
		return -1;
	n = strlen(ep->base);
	if (o->path_style || !bucket_in_host(ep, bucket)) {
		snprintf(ep->base + n, sizeof ep->base - n, "/%s/", bucket);
	} else {
		snprintf(host, sizeof host, "%.63s.%.230s", bucket, ep->host);
		memcpy(ep->host, host, sizeof host);
		snprintf(ep->base + n, sizeof ep->base - n, "/");
	}
	return 0;
}

int
endpoint_sts(struct endpoint *ep, const char *region, credentials_env *env, struct err *e)
{
	struct endpoint_options o = { .region = region, .env = env };
	struct awsconfig *config = awsconfig_load(env);
	struct look l = { .service = "sts",
		.url_variable = "AWS_ENDPOINT_URL_STS",
		.o = &o,
		.config = config };
	int r;

	if (config == NULL)
		return err_set(e, ST_FAIL, "endpoint: out of memory");
	if ((r = find_server(ep, &l, e)) == 0)
		snprintf(
		    ep->base + strlen(ep->base), sizeof ep->base - strlen(ep->base), "/");
	awsconfig_free(config);
	return r;
}
