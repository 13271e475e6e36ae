/* sts.h - credentials of a role, from the Security Token Service.
 *
 *     POST / Action=AssumeRole&...                  signed with other credentials
 *     POST / Action=AssumeRoleWithWebIdentity&...   with the token of an identity provider,
 *                                                   such as a Kubernetes service account's;
 *                                                   the file is read anew each time
 *
 * The service is the region's own (endpoint.h).  STS_ASK_NS for each try.  Its refusals
 * are ST_NOPERM and say what to look at.
 * Source: AWS Security Token Service API Reference.
 */
#ifndef STS_H
#define STS_H
#include "s3/credsource.h"

enum { STS_ARN_MAX = 2048, STS_SESSION_MAX = 64, STS_EXTERNAL_MAX = 1224 };
#define STS_ASK_NS ((int64_t)10000000000)

struct sts_role {
	struct str arn;
	struct str session;     /* name of the session; "": made up */
	struct str external_id; /* "": none */
	struct str duration_s;  /* 900 to 43200; "": the service's default */
};

/* `by` signs.  `where` is for the trail.  1, or -1. */
int sts_assume_role(struct credsource *s, const struct sts_role *role,
    const struct credentials *by, const char *where, struct credentials *c,
    struct err *e);

/* `why` names the setting that gave the file. */
int sts_web_identity(struct credsource *s, const struct sts_role *role,
    const char *token_file, const char *why, const char *where, struct credentials *c,
    struct err *e);

#endif
