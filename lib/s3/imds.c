#include "s3/imds.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/http.h"
#include "s3/awsconfig.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ROLES "/latest/meta-data/iam/security-credentials/"

enum { BASE_MAX = 300, ROLE_MAX = 64 };

struct imds {
	char base[BASE_MAX]; /* "http://169.254.169.254" */
	struct buf token;    /* "X-aws-ec2-metadata-token: ..." */
	struct http_response r;
};

/* A variable, or the profile's setting; "" when neither is set. */
static struct str
setting(const struct credsource *s, const char *variable, const char *name)
{
	const char *v = credsource_env(s, variable);
	struct str from;
	bool asked;

	if (v != NULL)
		return str_of(v);
	if (awsconfig_get(s->config, awsconfig_profile(s->config, &asked), name, &from))
		return from;
	return STR("");
}

static int
find_base(const struct credsource *s, struct imds *m, struct err *e)
{
	struct str base = setting(
	    s, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
	struct str kind = setting(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
	    "ec2_metadata_service_endpoint_mode");
	char mode[20];
	size_t n;

	if (memchr(base.p, '@', base.n) != NULL)
		return err_set(e, ST_USAGE,
		    "credentials: AWS_EC2_METADATA_SERVICE_ENDPOINT: no user and "
		    "password in a URL");
	snprintf(m->base, sizeof m->base, "%.*s", (int)base.n, base.p);
	snprintf(mode, sizeof mode, "%.*s", (int)kind.n, kind.p);
	if (m->base[0] == '\0')
		snprintf(m->base, sizeof m->base, "%s",
		    strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]"
						  : "http://169.254.169.254");
	for (n = strlen(m->base); n > 0 && m->base[n - 1] == '/'; n--)
		m->base[n - 1] = '\0';
	if (base.n >= sizeof m->base || (strncasecmp(m->base, "http://", 7) != 0 &&
					    strncasecmp(m->base, "https://", 8) != 0))
		return err_set(e, ST_USAGE,
		    "credentials: AWS_EC2_METADATA_SERVICE_ENDPOINT=%.200s: not a URL",
		    m->base);
	if (mode[0] != '\0' && strcasecmp(mode, "IPv4") != 0 &&
	    strcasecmp(mode, "IPv6") != 0)
		return err_set(e, ST_USAGE,
		    "credentials: AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=%.20s: neither "
		    "IPv4 nor IPv6",
		    mode);
	return 0;
}

static int
ask(const struct credsource *s, struct imds *m, const char *method, const char *path,
    const char *header, struct err *e)
{
	char url[BASE_MAX + 200];
	struct http_request rq = { .method = method,
		.url = url,
		.headers = &header,
		.header_n = 1,
		.fd = -1,
		.memory = strcmp(method, "PUT") == 0 ? "" : NULL,
		.connect_ns = IMDS_ASK_NS,
		.stall_ns = IMDS_ASK_NS,
		.total_ns = IMDS_ASK_NS };

	snprintf(url, sizeof url, "%s%s", m->base, path);
	return credsource_ask(s, true, &rq, 1, &m->r, e);
}

/* The body as one line, into `to`; false: it is not one of at most `max` bytes. */
static bool
one_line(const struct http_response *r, char *to, size_t max)
{
	size_t n = r->body.p != NULL ? strcspn(r->body.p, "\r\n") : 0;

	if (n == 0 || n > max)
		return false;
	snprintf(to, max + 1, "%.*s", (int)n, r->body.p);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)to[i] <= 0x20 || (unsigned char)to[i] >= 0x7f)
			return false;
	return true;
}

/* 1; 0: there is no such service here; -1. */
static int
get_token(struct credsource *s, struct imds *m, struct err *e)
{
	char header[80], token[1025];
	struct err inner;

	snprintf(header, sizeof header, "X-aws-ec2-metadata-token-ttl-seconds: %d",
	    IMDS_TOKEN_S);
	if (ask(s, m, "PUT", "/latest/api/token", header, &inner) < 0) {
		snprintf(s->said, sizeof s->said,
		    "instance: %.200s (in a container on an instance, its hop limit "
		    "must be 2: aws ec2 modify-instance-metadata-options)",
		    inner.text);
		return 0;
	}
	if (m->r.status == 200 && one_line(&m->r, token, sizeof token - 1)) {
		buf_clear(&m->token);
		buf_printf(&m->token, "X-aws-ec2-metadata-token: %s", token);
		explicit_bzero(token, sizeof token);
		return buf_check(&m->token, "token", e) < 0 ? -1 : 1;
	}
	if (m->r.status >= 500 || m->r.status == 429)
		return err_set(e, ST_LATER,
		    "credentials: instance: %.200s: %d for a token", m->base,
		    m->r.status);
	snprintf(s->said, sizeof s->said, "instance: %.150s: %d for a token%s", m->base,
	    m->r.status,
	    m->r.status == 403                         ? ", the service is switched off"
	    : m->r.status == 404 || m->r.status == 405 ? ", it knows version 1 only"
						       : "");
	return 0;
}

/* As get_token(). */
static int
get_role(struct credsource *s, struct imds *m, char role[ROLE_MAX + 1], struct err *e)
{
	struct err inner;

	if (ask(s, m, "GET", ROLES, m->token.p, &inner) < 0)
		return err_set(
		    e, inner.status, "credentials: instance: %.400s", inner.text);
	if (m->r.status == 404 || (m->r.status == 200 && m->r.body.n == 0)) {
		snprintf(s->said, sizeof s->said, "instance: it has no role");
		return 0;
	}
	if (m->r.status != 200)
		return err_set(e,
		    m->r.status >= 500 || m->r.status == 429 ? ST_LATER : ST_NOPERM,
		    "credentials: instance: %.200s: %d for the role", m->base,
		    m->r.status);
	if (!one_line(&m->r, role, ROLE_MAX) || strpbrk(role, "/?#%\\") != NULL)
		return err_set(e, ST_NOPERM,
		    "credentials: instance: %.200s: the role's name cannot be one",
		    m->base);
	return 1;
}

static int
get_keys(struct credsource *s, struct imds *m, const char *role, struct credentials *c,
    struct err *e)
{
	char path[sizeof ROLES + ROLE_MAX], where[200], code[80], message[200];
	struct err inner;
	struct str body;

	snprintf(path, sizeof path, "%s%.*s", ROLES, ROLE_MAX, role);
	snprintf(where, sizeof where, "instance, role %.*s", ROLE_MAX, role);
	if (ask(s, m, "GET", path, m->token.p, &inner) < 0)
		return err_set(
		    e, inner.status, "credentials: %.100s: %.350s", where, inner.text);
	if (m->r.status != 200)
		return err_set(e,
		    m->r.status >= 500 || m->r.status == 429 ? ST_LATER : ST_NOPERM,
		    "credentials: %.100s: answered %d", where, m->r.status);
	body = m->r.body.p ? (struct str){ m->r.body.p, m->r.body.n } : STR("");
	credsource_member(body, "Code", code, sizeof code);
	credsource_member(body, "Message", message, sizeof message);
	if (code[0] != '\0' && strcmp(code, "Success") != 0)
		return err_set(e, ST_NOPERM, "credentials: %.100s: %s%s%s", where, code,
		    message[0] ? ": " : "", message);
	return credsource_json(s, where, body, c, e);
}

int
imds_credentials(struct credsource *s, struct credentials *c, struct err *e)
{
	const char *off = credsource_env(s, "AWS_EC2_METADATA_DISABLED");
	char role[ROLE_MAX + 1];
	struct imds m;
	int r;

	if (off != NULL && strcasecmp(off, "true") == 0) {
		snprintf(s->said, sizeof s->said,
		    "instance: AWS_EC2_METADATA_DISABLED is set");
		return 0;
	}
	if (find_base(s, &m, e) < 0)
		return -1;
	buf_init_secret(&m.token, 2048);
	http_response_init(&m.r, CREDSOURCE_ANSWER_MAX);
	if ((r = get_token(s, &m, e)) > 0 && (r = get_role(s, &m, role, e)) > 0)
		r = get_keys(s, &m, role, c, e);
	http_response_done(&m.r);
	buf_done(&m.token);
	return r;
}
