/* awsconfig.h - the shared files of AWS tools: settings by profile.
 *
 *     ~/.aws/credentials        ~/.aws/config
 *
 *     [dev]                     [profile dev]
 *     aws_access_key_id = A     region = eu-west-1
 *                               services = local
 *                               [services local]
 *                               s3 =
 *                                 endpoint_url = http://127.0.0.1:9000
 *
 * Their places can be changed by AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE.  '#' and
 * ';' begin comments, also behind a blank within a line; a line that begins with a blank
 * belongs to the setting above; names of settings are the same in capitals; a setting that
 * is there twice has its last value; the credentials file wins.  At most
 * AWSCONFIG_FILE_MAX bytes each.
 *
 * Values point into the files' text, which is zeroed by awsconfig_free().
 * Source: "Shared config and credentials files", AWS SDKs and Tools Reference Guide.
 */
#ifndef AWSCONFIG_H
#define AWSCONFIG_H
#include "base/str.h"
#include "s3/credentials.h"
#include <stdbool.h>

struct awsconfig; /* opaque */

enum { AWSCONFIG_FILE_MAX = 1 << 20 };

/* Read both files; one that is missing or cannot be read is empty.  NULL: no memory. */
struct awsconfig *awsconfig_load(credentials_env *env);
void awsconfig_free(struct awsconfig *a);

/* AWS_PROFILE, or "default" when that is not set (and *asked is false). */
const char *awsconfig_profile(const struct awsconfig *a, bool *asked);

/* Is there such a profile?  The file that has it, for messages; NULL: none. */
const char *awsconfig_has(const struct awsconfig *a, const char *profile);

/* A setting of a profile, and the file that has it; NULL: not set, or empty. */
const char *awsconfig_get(
    const struct awsconfig *a, const char *profile, const char *name, struct str *value);

/* The same, of the section "services" that the profile names: "s3", "endpoint_url". */
const char *awsconfig_service(const struct awsconfig *a, const char *profile,
    const char *service, const char *name, struct str *value);

/* Key pair of a profile, both from one file.  1; 0: no aws_access_key_id; -1: it is there
 * alone.  *file is set unless 0; `token` may come out empty. */
int awsconfig_keys(const struct awsconfig *a, const char *profile, struct str *access,
    struct str *secret, struct str *token, const char **file);

/* Why there is no profile: "FILE: no such file". */
const char *awsconfig_why(const struct awsconfig *a);

/* The paths of the two files. */
const char *awsconfig_path(const struct awsconfig *a, bool config);

#endif
