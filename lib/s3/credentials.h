/* credentials.h - who signs: access key, secret key, session token, and where from.
 *
 * The sources are asked in this order, which is that of the AWS SDKs; the first that has
 * credentials is used:
 *
 *     environment    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *     web identity   AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME: the
 *                    role of a Kubernetes service account (sts.h)
 *     shared files   profile AWS_PROFILE or "default" (awsconfig.h).  The first of:
 *                    web_identity_token_file with role_arn; role_arn with source_profile
 *                    or credential_source (sts.h); aws_access_key_id;
 *                    credential_process (process.h)
 *     container      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, _FULL_URI (container.h)
 *     instance       the role of an EC2 instance (imds.h)
 *
 * A source that is half there (a key without its secret, a profile asked for that does
 * not exist), or is configured and fails, ends the search: to go on would sign as
 * somebody else.  What each source said is told, a line each, so that a program can show
 * why an identity was chosen.  Nothing secret is in it; of the access key the last four
 * characters.  Profiles with mfa_serial, SSO or a login session are refused.
 *
 * Another source is one function (credsource.h) and one row of the table in credentials.c.
 *
 * Credentials that end are had anew CREDENTIALS_EARLY_NS before (less when they live
 * short), at random up to CREDENTIALS_JITTER_NS earlier, so that many machines do not ask
 * at once.  While the old ones still hold, a failure is a warning.  After a failure the
 * next try is CREDENTIALS_GAP_NS later at the soonest.
 *
 * Thread-safe: one `struct identity` serves all threads of a program.  A mutex inside is
 * held while credentials are had anew, so the others wait for them.  `tell` is called
 * under it.  Secrets are zeroed when done with.
 * Source: "Standardized credential providers", AWS SDKs and Tools Reference Guide.
 */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct identity; /* opaque */

enum {
	CREDENTIALS_MAX = 512,         /* bytes of an access or secret key */
	CREDENTIALS_TOKEN_MAX = 16384, /* of a session token */
};
#define CREDENTIALS_EARLY_NS ((int64_t)300000000000)
#define CREDENTIALS_JITTER_NS ((int64_t)60000000000)
#define CREDENTIALS_GAP_NS ((int64_t)10000000000)

struct credentials {
	char *access, *secret;
	char *token;     /* NULL: none */
	int64_t ends_ns; /* since the epoch; 0: not told */
};

typedef const char *credentials_env(const char *name); /* getenv(3), or a test's own */

struct credentials_options {
	credentials_env *env;
	const char *region;                        /* whose STS is asked; NULL: none is */
	const char *ca_file;                       /* as in http.h */
	const volatile sig_atomic_t *stop;         /* not 0: end soon; may be NULL */
	void (*tell)(bool warn, const char *text); /* may be NULL */
};

/* Look for credentials now.  Strings in `o` are borrowed until identity_free, but for the
 * region.  NULL:
 * ST_NOPERM, with what to do; ST_LATER when a service that was configured is away. */
struct identity *identity_new(const struct credentials_options *o, struct err *e);
void identity_free(struct identity *id);

/* Credentials to sign with now: a copy, for credentials_done().  -1: they have ended and
 * no others can be had. */
int identity_get(struct identity *id, struct credentials *c, struct err *e);

/* A server refused `c` (ExpiredToken, InvalidToken, or 403 with a session token).  1: `c`
 * now holds others, try again; 0: there are no others, or the last such refusal was less
 * than CREDENTIALS_GAP_NS ago; -1: they could not be had. */
int identity_renew(struct identity *id, struct credentials *c, struct err *e);

void credentials_done(struct credentials *c); /* zeroes and frees */

/* What finding and renewing credentials will read: `near` gets files that may be replaced by
 * new ones.  true: a program will be started. */
typedef void credentials_place(const char *file);
bool credentials_needs(credentials_env *env, credentials_place *near);

/* A setting of the chosen profile, such as "region".  NULL: not set.  free() it. */
char *credentials_setting(credentials_env *env, const char *name);

#endif
