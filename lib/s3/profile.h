/* profile.h - credentials of a profile of the shared files (awsconfig.h).
 *
 *     [profile archive]                        the first of these that it has:
 *     role_arn = arn:aws:iam::1:role/a         web_identity_token_file (sts.h)
 *     source_profile = me                      role_arn, with the credentials of another
 *     [profile me]                             profile, or of credential_source
 *     credential_process = /opt/keys           aws_access_key_id
 *                                              credential_process (process.h)
 *
 * At most PROFILE_CHAIN_MAX profiles in a row; a circle ends at a profile with keys, or is
 * an error.  Profiles that need a person (mfa_serial, SSO, login_session) are refused.
 * Source: "Assume role credential provider", AWS SDKs and Tools Reference Guide.
 */
#ifndef PROFILE_H
#define PROFILE_H
#include "s3/credsource.h"

enum { PROFILE_CHAIN_MAX = 8 };

/* Of AWS_PROFILE, or "default". */
int profile_credentials(struct credsource *s, struct credentials *c, struct err *e);

/* Part of credentials_needs(). */
bool profile_needs(const struct awsconfig *config, credentials_place *near);

#endif
