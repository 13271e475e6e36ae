#include "s3/profile.h"
#include "base/err.h"
#include "s3/awsconfig.h"
#include "s3/container.h"
#include "s3/environment.h"
#include "s3/imds.h"
#include "s3/process.h"
#include "s3/sts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names on the way through source_profile, so that a circle is seen. */
struct walk {
	const char *name[PROFILE_CHAIN_MAX];
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
		{ "Environment", environment_credentials },
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
	if (!seen && w->n < PROFILE_CHAIN_MAX)
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
	credsource_tell(
	    s->o, false, "credentials: for the role of profile %.80s: %s", name, first);
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

int
profile_credentials(struct credsource *s, struct credentials *c, struct err *e)
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

bool
profile_needs(const struct awsconfig *config, credentials_place *near)
{
	bool asked, exec = false;
	const char *first = awsconfig_profile(config, &asked);
	char *name = strdup(first), *file;
	struct str v;

	for (int i = 0; i <= PROFILE_CHAIN_MAX && name != NULL; i++) {
		if (awsconfig_get(config, name, "web_identity_token_file", &v) != NULL &&
		    (file = strndup(v.p, v.n)) != NULL) {
			near(file);
			free(file);
		}
		exec |= awsconfig_get(config, name, "credential_process", &v) != NULL;
		v.n = 0;
		(void)awsconfig_get(config, name, "source_profile", &v);
		free(name);
		name = v.n > 0 ? strndup(v.p, v.n) : NULL;
	}
	free(name);
	return exec;
}
