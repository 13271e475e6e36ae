/* endpoint: three lines, bucket, region and URL: what comes out can stand in a request. */
#include "s3/endpoint.h"
#include "base/err.h"
#include "fuzz.h"

#include <ctype.h>

static const char *url_variable;

static const char *
env(const char *name)
{
	if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0 ||
	    strcmp(name, "AWS_CONFIG_FILE") == 0)
		return "/dev/null";
	return strcmp(name, "AWS_ENDPOINT_URL_STS") == 0 ? url_variable : NULL;
}

static void
check(const struct endpoint *ep, const char *bucket)
{
	size_t base = strlen(ep->base), host = strlen(ep->host);

	must(strcmp(ep->scheme, "http") == 0 || strcmp(ep->scheme, "https") == 0,
	    "scheme %s", ep->scheme);
	must(host > 0, "no host");
	for (const char *p = ep->host; *p != '\0'; p++)
		must(isalnum((unsigned char)*p) || strchr(".-_:[]", *p) != NULL,
		    "host %s", ep->host);
	must(base > 0 && ep->base[0] == '/' && ep->base[base - 1] == '/', "base %s",
	    ep->base);
	for (const char *p = ep->base; *p != '\0'; p++)
		must((unsigned char)*p > 0x20 && *p != 0x7f && strchr("?#\\", *p) == NULL,
		    "base %s", ep->base);
	must(ep->region[0] != '\0', "no region");
	if (bucket != NULL)
		must((strncmp(ep->host, bucket, strlen(bucket)) == 0 &&
			 ep->host[strlen(bucket)] == '.') ||
			 (base >= strlen(bucket) + 2 &&
			     strncmp(ep->base + base - 1 - strlen(bucket), bucket,
				 strlen(bucket)) == 0),
		    "the bucket %s is nowhere", bucket);
}

static bool
has_at(const char *text)
{
	return text != NULL && strchr(text, '@') != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned opt = options(&data, &size);
	struct str raw = exact(data, size), rest = raw, line;
	char *part[3] = { NULL, NULL, NULL };
	struct endpoint_options o = {
		.path_style = opt & 1, .dualstack = opt & 2, .fips = opt & 4, .env = env
	};
	struct endpoint ep;
	struct err e = { 0 };

	for (size_t i = 0; i < 3 && next_line(&rest, &line); i++)
		part[i] = c_string(line.p, line.n);
	o.region = opt & 8 ? NULL : part[1];
	o.url = part[2];
	if (part[0] != NULL) {
		if (endpoint_find(&ep, part[0], &o, &e) == 0)
			check(&ep, part[0]);
		else
			must(e.status == ST_USAGE && e.text[0] != '\0', "%d", e.status);
		/* before an '@' a password may stand */
		if (has_at(part[2]) && !has_at(part[0]) && !has_at(part[1]))
			must(e.status == ST_USAGE && !has_at(e.text), "%s", e.text);
	}
	url_variable = part[2];
	if (part[1] != NULL && endpoint_sts(&ep, part[1], env, &e) == 0)
		check(&ep, NULL);
	for (size_t i = 0; i < 3; i++)
		free(part[i]);
	exact_free(raw);
	return 0;
}
