/* environment.h - credentials that the environment holds or points to.
 *
 *     AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN    the keys themselves
 *     AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME
 *                                          a role for the token in a file (sts.h), as the
 *                                          service account of a Kubernetes pod has it
 */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H
#include "s3/credsource.h"

int environment_credentials(struct credsource *s, struct credentials *c, struct err *e);
int environment_web_identity(struct credsource *s, struct credentials *c, struct err *e);

#endif
