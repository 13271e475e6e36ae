#include "s3/environment.h"
#include "base/err.h"
#include "s3/sts.h"

#include <stdio.h>

static struct str
variable(const struct credsource *s, const char *name)
{
	const char *v = credsource_env(s, name);

	return v == NULL ? STR("") : str_of(v);
}

int
environment_credentials(struct credsource *s, struct credentials *c, struct err *e)
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

int
environment_web_identity(struct credsource *s, struct credentials *c, struct err *e)
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
