#include "s3/sts.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "net/http.h"
#include "record/timestamp.h"
#include "s3/answer.h"
#include "s3/endpoint.h"
#include "s3/sigv4.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 6 };

static struct str
text_of(const struct buf *b)
{
	return b->p == NULL ? STR("") : (struct str){ b->p, b->n };
}

static void
parameter(struct buf *body, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_printf(body, "&%s=", name);
	sigv4_encode(body, value, false);
}

/* What the service would refuse anyway, said in our words. */
static int
check_role(const struct sts_role *role, const char *where, struct err *e)
{
	long s = 0;

	if (role->arn.n < 20 || role->arn.n > STS_ARN_MAX ||
	    !str_starts(role->arn, STR("arn:")))
		return err_set(e, ST_NOPERM,
		    "credentials: %.200s: %.*s: not a role's ARN", where,
		    (int)(role->arn.n < 100 ? role->arn.n : 100), role->arn.p);
	for (size_t i = 0; i < role->session.n; i++)
		if (!isalnum((unsigned char)role->session.p[i]) &&
		    strchr("_+=,.@-", role->session.p[i]) == NULL)
			s = -1;
	if (s < 0 || role->session.n == 1 || role->session.n > STS_SESSION_MAX)
		return err_set(e, ST_NOPERM,
		    "credentials: %.200s: role_session_name: 2 to 64 of letters, digits "
		    "and _+=,.@-",
		    where);
	if (role->external_id.n > STS_EXTERNAL_MAX)
		return err_set(
		    e, ST_NOPERM, "credentials: %.200s: external_id: too long", where);
	for (size_t i = 0; i < role->duration_s.n; i++)
		s = isdigit((unsigned char)role->duration_s.p[i]) && s < 1000000
			? s * 10 + role->duration_s.p[i] - '0'
			: 1000000;
	if (role->duration_s.n > 0 && (s < 900 || s > 43200))
		return err_set(e, ST_NOPERM,
		    "credentials: %.200s: duration_seconds: %.*s: not 900 to 43200",
		    where, (int)(role->duration_s.n < 20 ? role->duration_s.n : 20),
		    role->duration_s.p);
	return 0;
}

static void
begin_body(struct buf *body, const char *action, const struct sts_role *role)
{
	char made_up[40];

	buf_init_secret(body, 128 << 10);
	snprintf(
	    made_up, sizeof made_up, "s3put-%lld", (long long)(clock_now() / 1000000));
	buf_printf(body, "Action=%s&Version=2011-06-15", action);
	parameter(body, "RoleArn", role->arn);
	parameter(body, "RoleSessionName",
	    role->session.n > 0 ? role->session : str_of(made_up));
	parameter(body, "DurationSeconds", role->duration_s);
}

/* ---- the request ---- */

struct call {
	struct endpoint at;
	struct buf url, lines;
	const char *line[LINES];
	size_t n;
};

static void
add_line(struct call *k, const char *name, struct str value, size_t at[LINES])
{
	at[k->n++] = k->lines.n;
	buf_printf(&k->lines, "%s: ", name);
	buf_addstr(&k->lines, value);
	buf_addc(&k->lines, '\0');
}

#define FORM "application/x-www-form-urlencoded; charset=utf-8"

/* The Authorization header's value. */
static int
sign(const struct call *k, const struct credentials *by, const char *date, int64_t now,
    const char *payload, struct str path, struct buf *value, struct err *e)
{
	struct sigv4_pair h[] = {
		{ STR("content-type"), STR(FORM) },
		{ STR("host"), str_of(k->at.host) },
		{ STR("x-amz-date"), str_of(date) },
		{ STR("x-amz-security-token"), by->token ? str_of(by->token) : STR("") },
	};
	struct sigv4_request rq = { .method = "POST",
		.path = path,
		.headers = h,
		.header_n = by->token != NULL ? 4 : 3,
		.payload = payload,
		.normalize = true };
	struct sigv4_scope sc = { now, k->at.region, "sts" };
	struct buf text, names, string;
	char hex[65];
	int r;

	buf_init_secret(&text, 64 << 10);
	buf_init(&names, 4096);
	buf_init(&string, 4096);
	if ((r = sigv4_canonical(&rq, &text, &names, e)) == 0) {
		sigv4_string(&sc, text_of(&text), &string);
		sigv4_signature(&sc, by->secret, text_of(&string), hex);
		sigv4_authorization(&sc, by->access, text_of(&names), hex, value);
		r = buf_check(value, "signature", e);
	}
	buf_done(&text);
	buf_done(&names);
	buf_done(&string);
	return r;
}

/* URL and headers; signed when `by` is not NULL. */
static int
make_call(const struct credsource *s, struct call *k, const struct buf *body,
    const struct credentials *by, struct err *e)
{
	int64_t now = clock_now();
	uint8_t digest[32];
	char payload[65], date[17];
	size_t at[LINES];
	struct buf value;
	int r = endpoint_sts(&k->at, s->o->region, s->o->env, e);

	k->n = 0;
	buf_init(&k->url, 4096);
	buf_init_secret(&k->lines, 64 << 10);
	if (r < 0)
		return -1;
	buf_printf(&k->url, "%s://%s", k->at.scheme, k->at.host);
	sigv4_encode(&k->url, str_of(k->at.base), true);
	add_line(k, "Content-Type", STR(FORM), at);
	add_line(k, "Accept", STR("application/xml"), at);
	if (by != NULL) {
		buf_init(&value, 4096);
		sha256_of(body->p, body->n, digest);
		hex_of(digest, sizeof digest, payload);
		sigv4_time(now, date);
		r = sign(k, by, date, now, payload,
		    str_of(k->url.p + strlen(k->at.scheme) + 3 + strlen(k->at.host)),
		    &value, e);
		add_line(k, "X-Amz-Date", str_of(date), at);
		if (by->token != NULL)
			add_line(k, "X-Amz-Security-Token", str_of(by->token), at);
		add_line(k, "Authorization", text_of(&value), at);
		buf_done(&value);
	}
	if (r < 0 || buf_check(&k->url, "URL", e) < 0 ||
	    buf_check(&k->lines, "headers", e) < 0 || buf_check(body, "role", e) < 0)
		return -1;
	for (size_t i = 0; i < k->n; i++)
		k->line[i] = k->lines.p + at[i];
	return 0;
}

/* ---- the answer ---- */

static const char *
hint(const char *code, const char *message)
{
	static const struct {
		const char *code, *hint;
	} hints[] = {
		{ "AccessDenied",
		    "; the role's trust policy must allow this identity, and the role "
		    "must exist" },
		{ "ExpiredTokenException",
		    "; the token has ended: who writes the file must renew it" },
		{ "InvalidIdentityToken",
		    "; the account must know the token's issuer as an OIDC provider, "
		    "and its audience" },
		{ "InvalidClientTokenId", "; the source's access key is not known" },
		{ "SignatureDoesNotMatch",
		    "; the source's secret key is not that of its access key" },
		{ "RegionDisabledException", "; choose another with AWS_REGION" },
	};

	if (strstr(message, "Signature expired") != NULL ||
	    strstr(message, "Signature not yet current") != NULL)
		return "; is the clock right?";
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (strcmp(code, hints[i].code) == 0)
			return hints[i].hint;
	return "";
}

static int
refused(const struct http_response *r, const char *where, struct err *e)
{
	struct answer a = answer_of(r);
	bool passing = answer_passing(r->status, a.code) ||
		       strcmp(a.code, "IDPCommunicationError") == 0;

	return err_set(e, passing ? ST_LATER : ST_NOPERM,
	    "credentials: %.150s: STS: %d%s%s%s%.120s%s%s%.60s%s", where, r->status,
	    a.code[0] ? " " : "", a.code, a.message[0] ? ": " : "", a.message,
	    hint(a.code, a.message), a.id[0] ? " (request id " : "", a.id,
	    a.id[0] ? ")" : "");
}

struct parts {
	char access[CREDENTIALS_MAX + 2], secret[CREDENTIALS_MAX + 2];
	char token[CREDENTIALS_TOKEN_MAX + 2], ends[64];
};

static int
take_answer(struct credsource *s, const struct http_response *r, const char *where,
    struct credentials *c, struct err *e)
{
	struct parts *p = calloc(1, sizeof *p);
	const char *xml = r->body.p != NULL ? r->body.p : "";
	int64_t ends = 0;
	int done;

	if (p == NULL)
		return err_set(e, ST_FAIL, "credentials: out of memory");
	answer_xml_text(xml, "AccessKeyId", p->access, sizeof p->access);
	answer_xml_text(xml, "SecretAccessKey", p->secret, sizeof p->secret);
	answer_xml_text(xml, "SessionToken", p->token, sizeof p->token);
	answer_xml_text(xml, "Expiration", p->ends, sizeof p->ends);
	if (r->cut || p->access[0] == '\0' || p->secret[0] == '\0' || p->token[0] == '\0')
		done = err_set(e, ST_NOPERM,
		    "credentials: %.200s: STS: the answer holds no credentials; "
		    "is this an STS server?",
		    where);
	else if (p->ends[0] != '\0' && !timestamp_parse(str_of(p->ends), &ends))
		done = err_set(e, ST_NOPERM,
		    "credentials: %.200s: STS: \"%.60s\" is not a time", where, p->ends);
	else
		done = credsource_take(s, where, str_of(p->access), str_of(p->secret),
		    str_of(p->token), ends, c, e);
	explicit_bzero(p, sizeof *p);
	free(p);
	return done;
}

static int
ask(struct credsource *s, struct buf *body, const struct credentials *by,
    const char *where, struct credentials *c, struct err *e)
{
	struct call k;
	struct http_response r;
	struct http_request rq = { .method = "POST",
		.fd = -1,
		.connect_ns = STS_ASK_NS,
		.stall_ns = STS_ASK_NS,
		.total_ns = STS_ASK_NS };
	struct err inner;
	int done = make_call(s, &k, body, by, e);

	http_response_init(&r, CREDSOURCE_ANSWER_MAX);
	rq.url = k.url.p;
	rq.headers = k.line;
	rq.header_n = k.n;
	rq.memory = body->p;
	rq.bytes = body->n;
	if (done == 0) {
		if (credsource_ask(s, false, &rq, CREDSOURCE_TRIES, &r, &inner) < 0)
			done = err_set(e, inner.status,
			    "credentials: %.150s: STS: %.250s%s", where, inner.text,
			    k.at.aws && strstr(inner.text, "DNS") != NULL
				? "; is that a region of AWS? (AWS_ENDPOINT_URL_STS)"
				: "");
		else if (r.status / 100 != 2)
			done = refused(&r, where, e);
		else
			done = take_answer(s, &r, where, c, e);
	}
	http_response_done(&r);
	buf_done(&k.url);
	buf_done(&k.lines);
	return done;
}

int
sts_assume_role(struct credsource *s, const struct sts_role *role,
    const struct credentials *by, const char *where, struct credentials *c, struct err *e)
{
	struct buf body;
	int done;

	if (check_role(role, where, e) < 0)
		return -1;
	begin_body(&body, "AssumeRole", role);
	parameter(&body, "ExternalId", role->external_id);
	done = ask(s, &body, by, where, c, e);
	buf_done(&body);
	return done;
}

int
sts_web_identity(struct credsource *s, const struct sts_role *role,
    const char *token_file, const char *why, const char *where, struct credentials *c,
    struct err *e)
{
	struct buf body;
	char *token;
	int done;

	if (check_role(role, where, e) < 0 ||
	    (token = credsource_token_file(token_file, why, e)) == NULL)
		return -1;
	begin_body(&body, "AssumeRoleWithWebIdentity", role);
	parameter(&body, "WebIdentityToken", str_of(token));
	credsource_forget(token);
	done = ask(s, &body, NULL, where, c, e);
	buf_done(&body);
	return done;
}
