#include "s3/container.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

enum { URL_MAX = 2048 };

static bool
address_ok(const char *host)
{
	static const char *const agents[] = { "169.254.170.2", "169.254.170.23" };
	struct in_addr a, b;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &a) != 1)
		return false;
	for (size_t i = 0; i < sizeof agents / sizeof *agents; i++)
		if (inet_pton(AF_INET, agents[i], &b) == 1 && a.s_addr == b.s_addr)
			return true;
	return ntohl(a.s_addr) >> 24 == 127;
}

static bool
address6_ok(const char *host)
{
	struct in6_addr a, agent;

	return inet_pton(AF_INET6, host, &a) == 1 &&
	       inet_pton(AF_INET6, "fd00:ec2::23", &agent) == 1 &&
	       (IN6_IS_ADDR_LOOPBACK(&a) || memcmp(&a, &agent, sizeof a) == 0);
}

bool
container_url_ok(const char *url)
{
	bool https = strncasecmp(url, "https://", 8) == 0;
	const char *h = url + (https ? 8 : 7);
	size_t n;
	char host[300];

	if ((!https && strncasecmp(url, "http://", 7) != 0) || strlen(url) > URL_MAX)
		return false;
	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '\\')
			return false;
	n = strcspn(h, "/?#");
	if (n == 0 || n >= sizeof host || memchr(h, '@', n) != NULL)
		return false;
	if (https)
		return true;
	snprintf(host, sizeof host, "%.*s", (int)n, h);
	if (host[0] == '[') {
		n = strcspn(host, "]");
		if (host[n] == '\0' || (host[n + 1] != '\0' && host[n + 1] != ':'))
			return false;
		host[n] = '\0';
		return address6_ok(host + 1);
	}
	host[strcspn(host, ":")] = '\0';
	return address_ok(host);
}

/* The URL to ask.  1; 0: nothing says so; -1. */
static int
find_url(struct credsource *s, char url[URL_MAX + 1], struct err *e)
{
	const char *rel = credsource_env(s, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = credsource_env(s, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *told = rel != NULL ? rel : full;

	if (rel == NULL && full == NULL) {
		snprintf(s->said, sizeof s->said,
		    "AWS_CONTAINER_CREDENTIALS_FULL_URI and _RELATIVE_URI are not set");
		return 0;
	}
	if (told != NULL && strchr(told, '@') != NULL)
		told = "a text with @"; /* before which a password may stand */
	if (rel != NULL && (rel[0] != '/' || strlen(rel) > URL_MAX - 30))
		return err_set(e, ST_NOPERM,
		    "credentials: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=%.200s: not a "
		    "path that begins with /",
		    told);
	if (rel != NULL)
		snprintf(url, URL_MAX + 1, "http://169.254.170.2%s", rel);
	else
		snprintf(url, URL_MAX + 1, "%s", full);
	if (!container_url_ok(rel != NULL ? url : full))
		return err_set(e, ST_NOPERM,
		    "credentials: %s=%.150s: neither https nor an address "
		    "of this machine or its agent; not asked",
		    rel != NULL ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
				: "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		    told);
	return 1;
}

/* "Authorization: TOKEN" into `line`; nothing when there is no token. */
static int
authorization(const struct credsource *s, struct buf *line, struct err *e)
{
	const char *file = credsource_env(s, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = credsource_env(s, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
	char *own = NULL;

	if (file != NULL && (token = own = credsource_token_file(file,
				 "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", e)) == NULL)
		return -1;
	if (token != NULL && strpbrk(token, "\r\n") != NULL)
		return err_set(e, ST_NOPERM,
		    "credentials: AWS_CONTAINER_AUTHORIZATION_TOKEN: holds a line end");
	if (token != NULL)
		buf_printf(line, "Authorization: %s", token);
	credsource_forget(own);
	return buf_check(line, "AWS_CONTAINER_AUTHORIZATION_TOKEN", e);
}

static int
refused(const struct http_response *r, const char *url, struct err *e)
{
	struct str body = r->body.p ? (struct str){ r->body.p, r->body.n } : STR("");
	char code[80], message[200];

	credsource_member(body, "code", code, sizeof code);
	credsource_member(body, "message", message, sizeof message);
	return err_set(e, r->status >= 500 || r->status == 429 ? ST_LATER : ST_NOPERM,
	    "credentials: %.150s: %d%s%s%s%s%s", url, r->status, code[0] ? " " : "", code,
	    message[0] ? ": " : "", message,
	    r->status == 401 || r->status == 403
		? "; the authorization token does not fit"
		: "");
}

static int
fetch(struct credsource *s, const char *url, const char *line, struct http_response *r,
    struct credentials *c, struct err *e)
{
	const char *const headers[] = { "Accept: application/json", line };
	struct http_request rq = { .method = "GET",
		.url = url,
		.headers = headers,
		.header_n = line != NULL ? 2 : 1,
		.fd = -1,
		.connect_ns = CONTAINER_ASK_NS,
		.stall_ns = CONTAINER_ASK_NS,
		.total_ns = CONTAINER_ASK_NS };
	struct err inner;
	char where[300];

	snprintf(where, sizeof where, "container, %.200s", url);
	if (credsource_ask(s, true, &rq, CREDSOURCE_TRIES, r, &inner) < 0)
		return err_set(
		    e, inner.status, "credentials: container: %.400s", inner.text);
	if (r->status != 200)
		return refused(r, url, e);
	return credsource_json(
	    s, where, r->body.p ? (struct str){ r->body.p, r->body.n } : STR(""), c, e);
}

int
container_credentials(struct credsource *s, struct credentials *c, struct err *e)
{
	char url[URL_MAX + 1];
	struct http_response r;
	struct buf line;
	int found = find_url(s, url, e);

	if (found <= 0)
		return found;
	buf_init_secret(&line, CREDENTIALS_TOKEN_MAX + 32);
	http_response_init(&r, CREDSOURCE_ANSWER_MAX);
	found = authorization(s, &line, e);
	if (found == 0)
		found = fetch(s, url, line.p, &r, c, e);
	http_response_done(&r);
	buf_done(&line);
	return found;
}
