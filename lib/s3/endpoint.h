/* endpoint.h - where a bucket is: scheme, host, path and region of its requests.
 *
 *     https://bucket.s3.eu-west-1.amazonaws.com/KEY     bucket in the host name
 *     https://s3.eu-west-1.amazonaws.com/my.bucket/KEY  path style
 *     http://127.0.0.1:9000/bucket/KEY                  a server of one's own
 *
 * The server is the first of: the URL that is asked for, AWS_ENDPOINT_URL_S3,
 * AWS_ENDPOINT_URL, "endpoint_url" of the profile's services section for s3, that of the
 * profile, Amazon's of the region.  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true (or
 * ignore_configured_endpoint_urls of the profile) leaves out all but the first.  The
 * region is the first of: the one asked for, AWS_REGION, AWS_DEFAULT_REGION, "region" of
 * the profile; at a URL, us-east-1.
 *
 * Amazon's hosts are SERVICE[-fips][.dualstack].REGION.SUFFIX, with the suffix of the
 * partition that the region's name begins (cn-, us-gov-, us-iso-, ...).  Dualstack and FIPS
 * can also be chosen by AWS_USE_DUALSTACK_ENDPOINT, AWS_USE_FIPS_ENDPOINT, or
 * use_dualstack_endpoint, use_fips_endpoint of the profile; not together with a URL, and
 * no FIPS in China.
 *
 * The bucket goes into the host name, unless path style is asked for or it cannot: the
 * host is an address or has no dot, or the bucket does not fit a host name (or, with a
 * dot in it, a wildcard certificate).  Transfer acceleration, access points by ARN (their
 * aliases are buckets' names and work) and directory buckets (S3 Express) are not known.
 *
 * Nothing is sent.  Source: "Amazon S3 endpoints and quotas", AWS General Reference;
 * "Dual-stack and FIPS endpoints", "Service-specific endpoints", AWS SDKs and Tools
 * Reference Guide.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H
#include "s3/credentials.h"
#include <stdbool.h>

struct err;

enum {
	ENDPOINT_HOST_MAX = 200, /* bytes of host and port of a URL given, ... */
	ENDPOINT_PATH_MAX = 200, /* ... and of its path */
	ENDPOINT_REGION_MAX = 60,
};

struct endpoint_options {
	const char *url;    /* NULL: see above */
	const char *region; /* NULL: see above */
	bool path_style, dualstack, fips;
	credentials_env *env;
};

struct endpoint {
	char scheme[6];
	char host[300]; /* with the port, if it is not the scheme's own */
	char base[512]; /* the path before the key, raw, with its '/' at the end */
	char region[ENDPOINT_REGION_MAX + 1];
	bool aws;    /* Amazon's own, not a URL that somebody gave */
	bool amazon; /* that, or the URL of Amazon's S3, such as a VPC endpoint's */
};

/* -1: ST_USAGE, with what to change. */
int endpoint_find(struct endpoint *ep, const char *bucket,
    const struct endpoint_options *o, struct err *e);

/* The token service (STS) for a region; AWS_ENDPOINT_URL_STS and "sts" in place of s3. */
int endpoint_sts(
    struct endpoint *ep, const char *region, credentials_env *env, struct err *e);

/* May a bucket have this name?  3 to 255 of a-z 0-9 . - (and _ and capitals, as old ones).
 * -1: ST_USAGE; "s3://NAME: ... is not the name of a bucket", or what it is instead. */
int endpoint_bucket(const char *bucket, struct err *e);

#endif
