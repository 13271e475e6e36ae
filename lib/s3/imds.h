/* imds.h - credentials of the role of an EC2 instance: its metadata service, version 2.
 *
 *     PUT /latest/api/token                                   a token for the next two
 *     GET /latest/meta-data/iam/security-credentials/         the role's name
 *     GET /latest/meta-data/iam/security-credentials/ROLE     JSON (credsource.h)
 *
 * Version 1, without the token, is not spoken.  Each request has IMDS_ASK_NS; where there
 * is no such service the first one ends the look.  No proxy is used.
 * AWS_EC2_METADATA_DISABLED=true leaves it out; AWS_EC2_METADATA_SERVICE_ENDPOINT and
 * _ENDPOINT_MODE (IPv4, IPv6), or ec2_metadata_service_endpoint and _endpoint_mode of the
 * profile, say where it is.
 * Source: "Retrieve security credentials from instance metadata", Amazon EC2 User Guide.
 */
#ifndef IMDS_H
#define IMDS_H
#include "s3/credsource.h"

enum { IMDS_TOKEN_S = 300 }; /* how long a token is to last */
#define IMDS_ASK_NS ((int64_t)1000000000)

int imds_credentials(struct credsource *s, struct credentials *c, struct err *e);

#endif
