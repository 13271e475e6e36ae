/* container.h - credentials from the agent beside a container: Amazon ECS and EKS Pod
 * Identity.
 *
 *     AWS_CONTAINER_CREDENTIALS_RELATIVE_URI   a path at http://169.254.170.2
 *     AWS_CONTAINER_CREDENTIALS_FULL_URI       a URL: https, or http of this machine
 *                                              (localhost, 127.0.0.0/8, [::1]) or of the
 *                                              agents' addresses 169.254.170.2,
 *                                              169.254.170.23 and [fd00:ec2::23]
 *     AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, AWS_CONTAINER_AUTHORIZATION_TOKEN
 *                                              what goes with it; the file is read anew
 *                                              each time
 *
 * The relative one wins.  No proxy is used.  CONTAINER_ASK_NS for each try.
 * Source: "Container credential provider", AWS SDKs and Tools Reference Guide.
 */
#ifndef CONTAINER_H
#define CONTAINER_H
#include "s3/credsource.h"

#define CONTAINER_ASK_NS ((int64_t)2000000000)

/* May credentials be fetched from this URL? */
bool container_url_ok(const char *url);

int container_credentials(struct credsource *s, struct credentials *c, struct err *e);

#endif
