#include "s3/credentials.h"
#include "base/clock.h"
#include "base/err.h"
#include "s3/awsconfig.h"
#include "s3/container.h"
#include "s3/credsource.h"
#include "s3/imds.h"
#include "s3/process.h"
#include "s3/sts.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum { CHAIN_MAX = 8 }; /* profiles that name each other as source_profile */

struct identity {
	struct credentials_options o;
	pthread_mutex_t lock; /* of all below */
	struct credentials now;
	int64_t renew_at; /* since the epoch, by the clock; 0: never */
	/* by clock_steady(); 0: never */
	int64_t failed_at, refused_at;
	struct err why; /* it failed */
};

static void tell(const struct credentials_options *o, bool warn, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
tell(const struct credentials_options *o, bool warn, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	if (o->tell == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	o->tell(warn, text);
}

/* ---- the environment ---- */

static struct str
variable(const struct credsource *s, const char *name)
{
	const char *v = credsource_env(s, name);

	return v == NULL ? STR("") : str_of(v);
}

static int
from_environment(struct credsource *s, struct credentials *c, struct err *e)
{
	struct str access = variable(s, "AWS_ACCESS_KEY_ID");
	struct str secret = variable(s, "AWS_SECRET_ACCESS_KEY");

	if (access.n == 0 && secret.n == 0) {
		snprintf(s->said, sizeof s->said, "AWS_ACCESS_KEY_ID is not set");
		return 0;
	}
	if (access.n == 0 || secret.n == 0)
		return err_set(e, ST_NOPERM,
		    "credentials: environment: %s is set, %s is not",
		    access.n ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
		    access.n ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	return credsource_take(
	    s, "environment", access, secret, variable(s, "AWS_SESSION_TOKEN"), 0, c, e);
}

static int
from_web_identity(struct credsource *s, struct credentials *c, struct err *e)
{
	const char *file = credsource_env(s, "AWS_WEB_IDENTITY_TOKEN_FILE");
	struct sts_role role = { .arn = variable(s, "AWS_ROLE_ARN"),
		.session = variable(s, "AWS_ROLE_SESSION_NAME"),
		.external_id = STR(""),
		.duration_s = STR("") };
	char where[200];

	if (file == NULL) {
		snprintf(
		    s->said, sizeof s->said, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
		return 0;
	}
	if (role.arn.n == 0)
		return err_set(e, ST_NOPERM,
		    "credentials: AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is "
		    "not");
	snprintf(where, sizeof where, "web identity, role %.150s", role.arn.p);
	return sts_web_identity(
	    s, &role, file, "AWS_WEB_IDENTITY_TOKEN_FILE", where, c, e);
}

/* ---- profiles ---- */

/* Names on the way through source_profile, so that a circle is seen. */
struct walk {
	const char *name[CHAIN_MAX];
	int n;
};

static int from_profile(struct credsource *s, const char *name, struct walk *w,
    struct credentials *c, struct err *e);

static struct str
get(const struct credsource *s, const char *profile, const char *name)
{
	struct str v;

	return awsconfig_get(s->config, profile, name, &v) != NULL ? v : STR("");
}

/* Static keys of a profile.  As a source. */
static int
from_keys(struct credsource *s, const char *name, struct credentials *c, struct err *e)
{
	struct str access, secret, token;
	const char *file;
	char where[300];
	int r = awsconfig_keys(s->config, name, &access, &secret, &token, &file);

	if (r == 0)
		return 0;
	if (r < 0)
		return err_set(e, ST_NOPERM,
		    "credentials: profile %.100s of %.200s has no aws_secret_access_key",
		    name, file);
	snprintf(where, sizeof where, "profile %.80s of %.180s", name, file);
	return credsource_take(s, where, access, secret, token, 0, c, e);
}

/* The credentials that credential_source names. */
static int
from_named(struct credsource *s, const char *name, struct str source,
    struct credentials *c, struct err *e)
{
	static const struct {
		const char *name;
		int (*find)(struct credsource *s, struct credentials *c, struct err *e);
	} known[] = {
		{ "Environment", from_environment },
		{ "Ec2InstanceMetadata", imds_credentials },
		{ "EcsContainer", container_credentials },
	};
	int r;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (!str_eq(source, str_of(known[i].name)))
			continue;
		if ((r = known[i].find(s, c, e)) == 0)
			return err_set(e, ST_NOPERM,
			    "credentials: profile %.80s, credential_source %s: %.250s",
			    name, known[i].name, s->said);
		return r;
	}
	return err_set(e, ST_NOPERM,
	    "credentials: profile %.80s: credential_source %.*s: not Environment, "
	    "Ec2InstanceMetadata or EcsContainer",
	    name, (int)(source.n < 60 ? source.n : 60), source.p);
}

/* source_profile: another profile, or this one's own keys. */
static int
from_source_profile(struct credsource *s, const char *name, struct str source,
    struct walk *w, struct credentials *c, struct err *e)
{
	char *other = strndup(source.p, source.n);
	bool seen = false;
	int r;

	if (other == NULL)
		return err_set(e, ST_FAIL, "credentials: out of memory");
	for (int i = 0; i < w->n; i++)
		seen |= strcmp(w->name[i], other) == 0;
	if (!seen && w->n < CHAIN_MAX)
		r = from_profile(s, other, w, c, e);
	else if ((r = from_keys(s, other, c, e)) == 0)
		r = err_set(e, ST_NOPERM,
		    "credentials: profile %.80s: source_profile %.80s: %s", name, other,
		    seen ? "goes in a circle, and that one has no keys"
			 : "too many profiles in a row");
	if (r == 0)
		r = err_set(e, ST_NOPERM,
		    "credentials: profile %.80s: source_profile %.80s: %.250s", name,
		    other, s->said);
	free(other);
	return r;
}

static int
from_role(struct credsource *s, const char *name, const struct sts_role *role,
    struct walk *w, struct credentials *c, struct err *e)
{
	struct str profile = get(s, name, "source_profile");
	struct str source = get(s, name, "credential_source");
	struct credentials by = { 0 };
	char where[300], first[sizeof s->said];
	int r;

	if (get(s, name, "mfa_serial").n > 0)
		return err_set(e, ST_NOPERM,
		    "credentials: profile %.80s: mfa_serial: nobody is here to type a "
		    "code; use a role without MFA, or credential_process",
		    name);
	if ((profile.n > 0) == (source.n > 0))
		return err_set(e, ST_NOPERM,
		    "credentials: profile %.80s: role_arn needs %s", name,
		    profile.n > 0 ? "only one of source_profile and credential_source"
				  : "source_profile, credential_source or "
				    "web_identity_token_file");
	r = profile.n > 0 ? from_source_profile(s, name, profile, w, &by, e)
			  : from_named(s, name, source, &by, e);
	if (r <= 0)
		return r;
	snprintf(first, sizeof first, "%s", s->said);
	tell(s->o, false, "credentials: for the role of profile %.80s: %s", name, first);
	snprintf(where, sizeof where, "profile %.80s, role %.*s", name,
	    (int)(role->arn.n < 150 ? role->arn.n : 150), role->arn.p);
	r = sts_assume_role(s, role, &by, where, c, e);
	credentials_done(&by);
	return r;
}

static int
from_profile_web(struct credsource *s, const char *name, const struct sts_role *role,
    struct str file, struct credentials *c, struct err *e)
{
	char where[300], *path = strndup(file.p, file.n);
	int r;

	if (path == NULL)
		return err_set(e, ST_FAIL, "credentials: out of memory");
	snprintf(where, sizeof where, "profile %.80s, web identity, role %.*s", name,
	    (int)(role->arn.n < 150 ? role->arn.n : 150), role->arn.p);
	r = sts_web_identity(s, role, path, "web_identity_token_file", where, c, e);
	free(path);
	return r;
}

/* 1; 0: there is nothing in it; -1. */
static int
from_profile(struct credsource *s, const char *name, struct walk *w,
    struct credentials *c, struct err *e)
{
	struct sts_role role = { .arn = get(s, name, "role_arn"),
		.session = get(s, name, "role_session_name"),
		.external_id = get(s, name, "external_id"),
		.duration_s = get(s, name, "duration_seconds") };
	struct str web = get(s, name, "web_identity_token_file");
	struct str command = get(s, name, "credential_process");
	const char *file = awsconfig_has(s->config, name);
	char where[300];
	int r;

	if (file == NULL)
		return err_set(e, ST_NOPERM,
		    "credentials: %s%.100s: no such profile in %.150s or %.150s",
		    w->n > 0 ? "source_profile=" : "AWS_PROFILE=", name,
		    awsconfig_path(s->config, false), awsconfig_path(s->config, true));
	w->name[w->n++] = name;
	if (web.n > 0 && role.arn.n == 0)
		return err_set(e, ST_NOPERM,
		    "credentials: profile %.80s: web_identity_token_file needs role_arn",
		    name);
	if (web.n > 0)
		return from_profile_web(s, name, &role, web, c, e);
	if (role.arn.n > 0)
		return from_role(s, name, &role, w, c, e);
	if ((r = from_keys(s, name, c, e)) != 0)
		return r;
	if (get(s, name, "sso_session").n > 0 || get(s, name, "sso_start_url").n > 0 ||
	    get(s, name, "login_session").n > 0)
		return err_set(e, ST_NOPERM,
		    "credentials: profile %.60s: signed in by a browser, which is not "
		    "known here; let another profile have credential_process = "
		    "aws configure export-credentials --profile %.60s",
		    name, name);
	snprintf(where, sizeof where, "profile %.80s of %.180s", name, file);
	if (command.n > 0)
		return process_credentials(s, command, where, PROCESS_LIMIT_NS, c, e);
	snprintf(s->said, sizeof s->said,
	    "profile %.100s of %.200s has no aws_access_key_id, role_arn or "
	    "credential_process",
	    name, file);
	return 0;
}

static int
from_files(struct credsource *s, struct credentials *c, struct err *e)
{
	struct walk w = { .n = 0 };
	bool asked;
	const char *name = awsconfig_profile(s->config, &asked), *why;
	int r;

	if (!asked && awsconfig_has(s->config, name) == NULL) {
		why = awsconfig_why(s->config);
		if (why[0] != '\0')
			snprintf(s->said, sizeof s->said, "%s", why);
		else
			snprintf(s->said, sizeof s->said, "%.200s: no profile default",
			    awsconfig_path(s->config, false));
		return 0;
	}
	r = from_profile(s, name, &w, c, e);
	if (r == 0 && asked)
		return err_set(e, ST_NOPERM, "credentials: %.400s", s->said);
	return r;
}

/* ---- the chain ---- */

/* In the order they are asked.  1: found; 0: not here; -1: half there, the search ends. */
static const struct {
	const char *name;
	int (*find)(struct credsource *s, struct credentials *c, struct err *e);
} sources[] = {
	{ "environment", from_environment },
	{ "web identity", from_web_identity },
	{ "shared files", from_files },
	{ "container", container_credentials },
	{ "instance", imds_credentials },
};

static int
find(const struct credentials_options *o, struct credentials *c, struct err *e)
{
	struct awsconfig *config = awsconfig_load(o->env);
	struct credsource s = { .o = o, .config = config };
	char all[400] = "";
	size_t n = 0;
	int r = 0;

	*c = (struct credentials){ 0 };
	if (config == NULL)
		return err_set(e, ST_FAIL, "credentials: out of memory");
	for (size_t i = 0; r == 0 && i < sizeof sources / sizeof *sources; i++) {
		if ((r = sources[i].find(&s, c, e)) > 0)
			tell(o, false, "credentials: used: %s", s.said);
		if (r != 0)
			break;
		tell(o, false, "credentials: %s: %s; not used", sources[i].name, s.said);
		n += (size_t)snprintf(all + n, sizeof all - n, "%s%.*s",
		    i > 0 ? "; " : "", i == 3 ? 27 : 85,
		    i == 3 ? "no container's agent is set" : s.said);
		n = n < sizeof all ? n : sizeof all - 1;
	}
	awsconfig_free(config);
	if (r == 0)
		return err_set(e, ST_NOPERM,
		    "credentials: none found (%s); set AWS_ACCESS_KEY_ID and "
		    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
		    all);
	return r < 0 ? -1 : 0;
}

/* ---- one identity, kept fresh ---- */

static int64_t
jitter(void)
{
	uint32_t v;

	if (getrandom(&v, sizeof v, 0) != sizeof v)
		v = (uint32_t)clock_steady();
	return (int64_t)(v / 4294967296.0 * (double)CREDENTIALS_JITTER_NS);
}

/* New ones; the old ones stay when there are none. */
static int
fetch(struct identity *id, struct err *e)
{
	struct credentials c;
	int64_t now, left, early = CREDENTIALS_EARLY_NS + jitter();

	if (find(&id->o, &c, e) < 0) {
		id->failed_at = clock_steady();
		id->why = *e;
		return -1;
	}
	credentials_done(&id->now);
	id->now = c;
	id->renew_at = 0;
	if (c.ends_ns != 0) {
		now = clock_now();
		left = c.ends_ns - now;
		/* those that live short are used for half of their time at least */
		id->renew_at = c.ends_ns - (early < left / 2 ? early : left / 2);
	}
	return 0;
}

struct identity *
identity_new(const struct credentials_options *o, struct err *e)
{
	struct identity *id = calloc(1, sizeof *id);

	if (id == NULL) {
		err_set(e, ST_FAIL, "credentials: out of memory");
		return NULL;
	}
	id->o = *o;
	pthread_mutex_init(&id->lock, NULL);
	if (fetch(id, e) < 0) {
		identity_free(id);
		return NULL;
	}
	return id;
}

void
identity_free(struct identity *id)
{
	if (id == NULL)
		return;
	credentials_done(&id->now);
	pthread_mutex_destroy(&id->lock);
	free(id);
}

static int
copy(const struct credentials *from, struct credentials *to, struct err *e)
{
	struct credentials c = { .access = strdup(from->access),
		.secret = strdup(from->secret),
		.token = from->token != NULL ? strdup(from->token) : NULL,
		.ends_ns = from->ends_ns };

	if (c.access == NULL || c.secret == NULL ||
	    (from->token != NULL && c.token == NULL)) {
		credentials_done(&c);
		return err_set(e, ST_FAIL, "credentials: out of memory");
	}
	*to = c;
	return 0;
}

static bool
just_now(int64_t then)
{
	return then != 0 && clock_steady() - then < CREDENTIALS_GAP_NS;
}

/* Renewal is due: try it, unless that just failed; ended ones are no use. */
static int
keep_fresh(struct identity *id, struct err *e)
{
	bool wait = just_now(id->failed_at);

	if (id->renew_at == 0 || clock_now() < id->renew_at)
		return 0;
	if (!wait) {
		tell(&id->o, false, "credentials: they end soon; renewing");
		if (fetch(id, e) == 0)
			return 0;
	}
	if (id->now.ends_ns <= clock_now()) {
		*e = id->why;
		return -1;
	}
	if (!wait)
		tell(&id->o, true, "%s; going on with those that end soon", id->why.text);
	return 0;
}

int
identity_get(struct identity *id, struct credentials *c, struct err *e)
{
	int r;

	*c = (struct credentials){ 0 };
	pthread_mutex_lock(&id->lock);
	if ((r = keep_fresh(id, e)) == 0)
		r = copy(&id->now, c, e);
	pthread_mutex_unlock(&id->lock);
	return r;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same(const struct credentials *a, const struct credentials *b)
{
	return same_text(a->access, b->access) && same_text(a->secret, b->secret) &&
	       same_text(a->token, b->token);
}

int
identity_renew(struct identity *id, struct credentials *c, struct err *e)
{
	struct credentials new;
	int r = 0;

	pthread_mutex_lock(&id->lock);
	if (same(&id->now, c) && !just_now(id->refused_at)) {
		id->refused_at = clock_steady();
		tell(&id->o, false, "credentials: refused by the server; looking again");
		r = fetch(id, e);
	}
	if (r == 0 && !same(&id->now, c) && (r = copy(&id->now, &new, e)) == 0) {
		credentials_done(c);
		*c = new;
		r = 1;
	}
	pthread_mutex_unlock(&id->lock);
	return r;
}

static void
wipe(char **s)
{
	credsource_forget(*s);
	*s = NULL;
}

void
credentials_done(struct credentials *c)
{
	wipe(&c->access);
	wipe(&c->secret);
	wipe(&c->token);
}
