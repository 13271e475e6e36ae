/* kubeconfig.h - the parts of a kubeconfig file that say where a cluster is and who we are.
 *
 *     current-context: a          the context that counts: a cluster, a user, a namespace
 *     clusters: server, certificate-authority, certificate-authority-data
 *     users: token, tokenFile, client-certificate[-data], client-key[-data]
 *
 * YAML or JSON (which is YAML).  File names in it are taken from its own directory.  What else
 * would change who we are or how the server is reached (exec, auth-provider, username, as,
 * proxy-url, tls-server-name, insecure-skip-tls-verify: true) is refused by name.
 * Source: kubernetes.io/docs/reference/config-api/kubeconfig.v1.
 */
#ifndef KUBECONFIG_H
#define KUBECONFIG_H
#include "base/buf.h"
#include "base/str.h"

struct err;

enum {
	KUBECONFIG_MAX = 1 << 20,         /* bytes of the file */
	KUBECONFIG_VALUE_MAX = 256 << 10, /* bytes of a value in it */
};

/* n = 0: not said.  p is NUL-terminated where n > 0. */
struct kubeconfig {
	struct buf server, namespace, token, token_file;
	struct buf ca_file, cert_file, key_file;
	struct buf ca_pem, cert_pem, key_pem; /* the ...-data, decoded */
};

/* 0, or -1 (ST_USAGE) with nothing in `k` to free. */
int kubeconfig_read(const char *path, struct kubeconfig *k, struct err *e);

/* The same of its text; `path` is for messages and for names of files. */
int kubeconfig_parse(
    struct str text, const char *path, struct kubeconfig *k, struct err *e);

/* Nothing of it is left in memory but what libyaml gave back while a text of its grew: a text
 * may leave beginnings of itself, not all of it. */
void kubeconfig_done(struct kubeconfig *k);

#endif
