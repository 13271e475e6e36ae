/* credentials.h - who signs: access key, secret key, session token, and where from.
 *
 * The sources are a table, asked in order; the first that has them is used:
 *
 *     environment    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *     shared files   AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials) and AWS_CONFIG_FILE
 *                    (~/.aws/config), profile AWS_PROFILE or "default"
 *
 * A source that is half there (a key without its secret, a profile asked for that does
 * not exist) ends the search: to go on would sign as somebody else.  What each source
 * said is told in a trail, one line each, so that a program can show why an identity was
 * chosen. Nothing secret is in it; of the access key the last four characters.
 *
 * Another source is one function and one row of the table in credentials.c.
 *
 * The files are INI: [name], in the config file [profile name]; name = value; '#' and ';'
 * begin comments; lines that begin with a blank belong to the value above and are
 * skipped. At most 1 MiB each.  Secrets are zeroed when done with. Source: "Shared config
 * and credentials files", AWS SDKs and Tools Reference Guide.
 */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H
#include "base/buf.h"

struct err;

enum { CREDENTIALS_MAX = 512 }; /* bytes of an access or secret key */

struct credentials {
	char *access, *secret;
	char *token; /* NULL: none */
};

typedef const char *credentials_env(const char *name); /* getenv(3), or a test's own */

/* Fill `c`; `trail` gets its lines whatever the result.  -1: ST_NOPERM, with what to do.
 */
int credentials_find(
    credentials_env *env, struct credentials *c, struct buf *trail, struct err *e);
void credentials_done(struct credentials *c); /* zeroes and frees */

/* A setting of the chosen profile, such as "region".  NULL: not set.  free() it. */
char *credentials_setting(credentials_env *env, const char *name);

#endif
