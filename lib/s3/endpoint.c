#include "s3/endpoint.h"
#include "base/err.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Can the bucket be a part of a host name that a certificate and DNS know? */
static bool
bucket_in_host(const struct endpoint *ep, const char *bucket)
{
	const char *h = ep->host;
	size_t n = strlen(bucket), name = strcspn(h, ":");

	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)bucket[i]) &&
		    !isdigit((unsigned char)bucket[i]) && bucket[i] != '-' &&
		    (bucket[i] != '.' || strcmp(ep->scheme, "https") == 0))
			return false;
	/* an address, or a name without a domain, has no names below it */
	if (n > 63 || h[0] == '[' || memchr(h, '.', name) == NULL)
		return false;
	return strspn(h, "0123456789.") < name;
}

static int
parse_url(struct endpoint *ep, const char *url, struct err *e)
{
	const char *sep = strstr(url, "://"), *h = sep ? sep + 3 : url;
	size_t scheme = sep ? (size_t)(sep - url) : 0, n = strcspn(h, "/?#");
	size_t path = strlen(h + n);

	if (!(scheme == 4 && strncasecmp(url, "http", 4) == 0) &&
	    !(scheme == 5 && strncasecmp(url, "https", 5) == 0))
		return err_set(e, ST_USAGE,
		    "--endpoint: %.200s: not http://host or https://host",
		    memchr(h, '@', n) ? "(holds a password)" : url);
	if (memchr(h, '@', n) != NULL)
		return err_set(e, ST_USAGE,
		    "--endpoint: no user and password in a URL; "
		    "see Credentials in s3put(1)");
	if (n == 0 || n > ENDPOINT_HOST_MAX || path > ENDPOINT_PATH_MAX ||
	    strpbrk(h + n, "?#") != NULL)
		return err_set(e, ST_USAGE,
		    "--endpoint: %.200s: not http://host or https://host", url);
	for (size_t i = 0; i < scheme; i++)
		ep->scheme[i] = (char)tolower((unsigned char)url[i]);
	ep->scheme[scheme] = '\0';
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

/* A variable that is set and not empty, or NULL. */
static const char *
variable(const struct endpoint_options *o, const char *name)
{
	const char *v = o->env(name);

	return v != NULL && *v != '\0' ? v : NULL;
}

static int
find_region(struct endpoint *ep, const struct endpoint_options *o, struct err *e)
{
	const char *r = o->region;
	char *own = NULL;
	int done = 0;

	if (r == NULL && (r = variable(o, "AWS_REGION")) == NULL &&
	    (r = variable(o, "AWS_DEFAULT_REGION")) == NULL)
		r = own = credentials_setting(o->env, "region");
	if (r == NULL && ep->aws)
		return err_set(e, ST_USAGE,
		    "region: not known; give --region=NAME or set AWS_REGION");
	if (r == NULL)
		r = "us-east-1";
	if (strlen(r) > ENDPOINT_REGION_MAX || r[0] == '\0' ||
	    r[strspn(r, "abcdefghijklmnopqrstuvwxyz0123456789-_")] != '\0')
		done =
		    err_set(e, ST_USAGE, "--region: %.60s: not the name of a region", r);
	else
		snprintf(ep->region, sizeof ep->region, "%s", r);
	free(own);
	return done;
}

int
endpoint_find(struct endpoint *ep, const char *bucket, const struct endpoint_options *o,
    struct err *e)
{
	char aws[200], host[300];
	const char *url = o->url;
	size_t n;

	*ep = (struct endpoint){ 0 };
	if (url == NULL && (url = variable(o, "AWS_ENDPOINT_URL_S3")) == NULL)
		url = variable(o, "AWS_ENDPOINT_URL");
	ep->aws = url == NULL;
	if (find_region(ep, o, e) < 0)
		return -1;
	if (ep->aws) {
		snprintf(aws, sizeof aws, "https://s3.%s.amazonaws.com%s", ep->region,
		    strncmp(ep->region, "cn-", 3) == 0 ? ".cn" : "");
		url = aws;
	}
	if (parse_url(ep, url, e) < 0)
		return -1;
	n = strlen(ep->base);
	if (o->path_style || !bucket_in_host(ep, bucket)) {
		snprintf(ep->base + n, sizeof ep->base - n, "/%s/", bucket);
	} else {
		snprintf(host, sizeof host, "%.60s.%.230s", bucket, ep->host);
		memcpy(ep->host, host, sizeof host);
		snprintf(ep->base + n, sizeof ep->base - n, "/");
	}
	return 0;
}
