#include "kube/apifault.h"
#include "base/err.h"
#include "record/jscan.h"

#include <stdio.h>

/* The next part of a path, up to a '/'. */
static struct str
part(struct str *path)
{
	const char *slash = path->n > 0 ? memchr(path->p, '/', path->n) : NULL;
	struct str head = { path->p, slash ? (size_t)(slash - path->p) : path->n };

	*path = (struct str){ path->p + head.n + (slash != NULL),
		path->n - head.n - (slash != NULL) };
	return head;
}

bool
apifault_rule(const char *method, const char *path, struct apifault_rule *rule)
{
	struct str p = { path, strcspn(path, "?") }, name, head;
	const char *query = path + p.n;

	*rule = (struct apifault_rule){ .verb = "get" };
	part(&p); /* before the first '/' */
	head = part(&p);
	if (str_eq(head, STR("apis")))
		rule->group = part(&p);
	else if (!str_eq(head, STR("api")))
		return false;
	part(&p); /* the version */
	rule->resource = part(&p);
	name = part(&p);
	if (str_eq(rule->resource, STR("namespaces")) && name.n > 0 && p.n > 0) {
		rule->namespace = name;
		rule->resource = part(&p);
		name = part(&p);
	}
	rule->subresource = part(&p);
	if (strcmp(method, "POST") == 0)
		rule->verb = "create";
	else if (strcmp(method, "PUT") == 0)
		rule->verb = "update";
	else if (strcmp(method, "PATCH") == 0)
		rule->verb = "patch";
	else if (strcmp(method, "DELETE") == 0)
		rule->verb = name.n > 0 ? "delete" : "deletecollection";
	else if (name.n == 0)
		rule->verb = strstr(query, "watch=1") != NULL ? "watch" : "list";
	return rule->resource.n > 0;
}

/* The text of a string member, cut to what fits (never through a character). */
static void
take(struct str object, const char *key, char *to, size_t room)
{
	struct jscan_member m;
	char text[1024];
	struct str raw;
	ptrdiff_t n;

	if (!jscan_find(object, str_of(key), &m) || m.value.n < 2 || *m.value.p != '"')
		return;
	raw = (struct str){ m.value.p + 1, m.value.n - 2 };
	if (raw.n > sizeof text)
		return;
	if ((n = jscan_unescape(raw, text)) < 0)
		return;
	if ((size_t)n >= room) {
		n = (ptrdiff_t)room - 1;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(to, text, (size_t)n);
	to[n] = '\0';
}

void
apifault_read(
    struct str body, char *reason, size_t reason_n, char *message, size_t message_n)
{
	reason[0] = message[0] = '\0';
	while (body.n > 0 && (*body.p == ' ' || *body.p == '\n' || *body.p == '\r'))
		body.p++, body.n--;
	if (body.n == 0 || *body.p == '<')
		return; /* a page for people, of a proxy or another server */
	if (*body.p == '{') {
		if (!jscan_valid(body, NULL))
			return;
		take(body, "reason", reason, reason_n);
		take(body, "message", message, message_n);
		return;
	}
	for (size_t i = 0; i + 1 < message_n && i < body.n; i++) {
		if ((unsigned char)body.p[i] < ' ' || (unsigned char)body.p[i] >= 0x7f)
			break;
		message[i] = body.p[i];
		message[i + 1] = '\0';
	}
}

/* The user that a refusal names: `User "x" cannot ...`, or a kubelet's (user=x, ...). */
static struct str
user_in(const char *message)
{
	const char *p;

	if ((p = strstr(message, "User \"")) != NULL)
		return (struct str){ p + 6, strcspn(p + 6, "\"") };
	if ((p = strstr(message, "(user=")) != NULL)
		return (struct str){ p + 6, strcspn(p + 6, ",)") };
	return STR("this user");
}

static int
tell_forbidden(const struct apifault *f, struct err *e)
{
	struct str user = user_in(f->message);
	struct apifault_rule r;

	if (user.n > 120)
		user.n = 120;
	if (str_eq(user, STR("system:anonymous")))
		return err_set(e, ST_NOPERM,
		    "%.150s: 403: no token was sent or taken (system:anonymous): give "
		    "--token-file=FILE or a client certificate",
		    f->server);
	if (f->kubelet)
		return err_set(e, ST_NOPERM,
		    "%.150s: 403: may not read the kubelet's pods: %.*s needs a "
		    "ClusterRole "
		    "with apiGroups [\"\"], resources [\"nodes/pods\"], verbs [\"get\"] "
		    "(before Kubernetes 1.33: [\"nodes/proxy\"])",
		    f->server, (int)user.n, user.p);
	if (!apifault_rule(f->method, f->path, &r))
		return err_set(
		    e, ST_NOPERM, "%.150s: 403: %.200s", f->server, f->message);
	return err_set(e, ST_NOPERM,
	    "%.150s: 403: may not %s %.*s%s%.*s%s%.*s: %.*s needs a %sRole with "
	    "apiGroups "
	    "[\"%.*s\"], resources [\"%.*s%s%.*s\"], verbs [\"%s\"]",
	    f->server, r.verb, (int)r.resource.n, r.resource.p,
	    r.subresource.n ? "/" : "", (int)r.subresource.n, r.subresource.p,
	    r.namespace.n ? " in " : "", (int)r.namespace.n, r.namespace.p, (int)user.n,
	    user.p, r.namespace.n ? "" : "Cluster", (int)r.group.n, r.group.p,
	    (int)r.resource.n, r.resource.p, r.subresource.n ? "/" : "",
	    (int)r.subresource.n, r.subresource.p, r.verb);
}

int
apifault_tell(const struct apifault *f, struct err *e)
{
	const char *colon = f->message[0] != '\0' ? ": " : "";

	switch (f->status) {
	case 401:
		if (f->token == NULL || f->token[0] == '\0')
			return err_set(e, ST_NOPERM,
			    "%.150s: 401: who we are is not accepted: give "
			    "--token-file=FILE or a client certificate",
			    f->server);
		return err_set(e, ST_NOPERM,
		    "%.150s: 401: the token in %.200s is not accepted: expired, or of "
		    "another cluster; have it renewed, or name another with --token-file",
		    f->server, f->token);
	case 403:
		return tell_forbidden(f, e);
	case 429:
		return err_set(e, ST_LATER, "%.150s: 429: busy%s%.200s", f->server, colon,
		    f->message);
	case 404:
	case 405:
		return err_set(e, ST_FAIL, "%.150s: %d%s%.200s%s", f->server, f->status,
		    colon, f->message,
		    f->from_api  ? ""
		    : f->kubelet ? "; is this a kubelet?"
				 : "; is this an API server?");
	case 410:
		return err_set(
		    e, ST_LATER, "%.150s: 410%s%.200s", f->server, colon, f->message);
	default:
		return err_set(e, f->status >= 500 ? ST_LATER : ST_FAIL,
		    "%.150s: %d%s%.200s", f->server, f->status, colon, f->message);
	}
}
