/* endpoint.h - where a bucket is: scheme, host, path and region of its requests.
 *
 *     https://bucket.s3.eu-west-1.amazonaws.com/KEY     bucket in the host name
 *     http://127.0.0.1:9000/bucket/KEY                  path style
 *
 * The server is the first of: the URL that is asked for, AWS_ENDPOINT_URL_S3,
 * AWS_ENDPOINT_URL, Amazon's of the region.  The region is the first of: the one asked
 * for, AWS_REGION, AWS_DEFAULT_REGION, "region" of the profile; at a URL, us-east-1.
 *
 * The bucket goes into the host name, unless path style is asked for or it cannot: the
 * host is an address or has no dot, or the bucket does not fit a host name (or, with a
 * dot in it, a wildcard certificate).
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
	bool path_style;
	credentials_env *env;
};

struct endpoint {
	char scheme[6];
	char host[300]; /* with the port, if it is not the scheme's own */
	char base[512]; /* the path before the key, raw, with its '/' at the end */
	char region[ENDPOINT_REGION_MAX + 1];
	bool aws; /* Amazon's own, not a URL that somebody gave */
};

/* -1: ST_USAGE. */
int endpoint_find(struct endpoint *ep, const char *bucket,
    const struct endpoint_options *o, struct err *e);

#endif
