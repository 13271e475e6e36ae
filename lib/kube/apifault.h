/* apifault.h - a refusal of an API server in words that tell what to do.
 *
 *     10.0.0.1:443: 403: may not list pods: system:serviceaccount:logs:k8smeta needs a ClusterRole
 *     with apiGroups [""], resources ["pods"], verbs ["list"]
 *
 * The verb and the resource are those of the request, not of the answer: servers have said it
 * in different words.  Pure functions.  Source: kubernetes.io/docs/reference/access-authn-authz
 * (authorization: request verbs; kubelet-authn-authz).
 */
#ifndef APIFAULT_H
#define APIFAULT_H
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

struct err;

/* What a request needs by RBAC. */
struct apifault_rule {
	struct str group, resource, subresource, namespace; /* n = 0: none */
	const char *verb;
};

/* false: not the path of a resource. */
bool apifault_rule(const char *method, const char *path, struct apifault_rule *rule);

/* Reason and message of a Status object, or the first line of a text as the message. */
void apifault_read(
    struct str body, char *reason, size_t reason_n, char *message, size_t message_n);

struct apifault {
	const char *server, *method, *path;
	const char *message; /* "" for none */
	bool from_api;       /* it came in a Status object, as API servers send */
	const char
	    *token; /* the token's file; "": no token was sent; NULL: from elsewhere */
	int status;
	bool kubelet;
};

/* Fill `e` and return -1. */
int apifault_tell(const struct apifault *f, struct err *e);

#endif
