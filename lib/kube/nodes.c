#include "kube/nodes.h"
#include "base/err.h"
#include "record/timestamp.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
nodes_init(struct nodes *ns)
{
	*ns = (struct nodes){ 0 };
}

void
nodes_clear(struct nodes *ns)
{
	for (size_t i = 0; i < ns->n; i++)
		free(ns->item[i].name);
	ns->n = 0;
}

void
nodes_done(struct nodes *ns)
{
	nodes_clear(ns);
	free(ns->item);
	nodes_init(ns);
}

/* Letters, digits, '-' and '.': what goes into a Job and onto a terminal. */
static bool
good_name(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	return n > 0 && n <= NODES_NAME_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

static void
read_ready(json_t *object, struct node *to)
{
	json_t *conditions =
	    json_object_get(json_object_get(object, "status"), "conditions");
	json_t *c;
	size_t i;

	snprintf(to->ready, sizeof to->ready, "Unknown");
	to->since_ns = INT64_MIN;
	json_array_foreach(conditions, i, c)
	{
		const char *type = json_string_value(json_object_get(c, "type"));
		const char *status = json_string_value(json_object_get(c, "status"));
		const char *since =
		    json_string_value(json_object_get(c, "lastTransitionTime"));

		if (type == NULL || strcmp(type, "Ready") != 0)
			continue;
		if (status != NULL &&
		    (strcmp(status, "True") == 0 || strcmp(status, "False") == 0))
			snprintf(to->ready, sizeof to->ready, "%s", status);
		if (since == NULL || !timestamp_parse(str_of(since), &to->since_ns))
			to->since_ns = INT64_MIN;
	}
}

static int
room(struct nodes *ns, struct err *e)
{
	size_t more = ns->room ? 2 * ns->room : 64;
	struct node *p;

	if (ns->n >= NODES_MAX)
		return err_set(e, ST_FAIL,
		    "nodes: more than %d; select fewer with --selector", NODES_MAX);
	if (ns->n < ns->room)
		return 0;
	if ((p = realloc(ns->item, more * sizeof *p)) == NULL)
		return err_set(e, ST_FAIL, "nodes: out of memory");
	ns->item = p;
	ns->room = more;
	return 0;
}

int
nodes_add(struct nodes *ns, struct str object, struct err *e)
{
	json_t *o = json_loadb(object.p, object.n, JSON_ALLOW_NUL, NULL);
	json_t *meta = json_object_get(o, "metadata"),
	       *named = json_object_get(meta, "name");
	const char *name = json_string_value(named);
	struct node *n;
	int r = -1;

	if (!good_name(name) || strlen(name) != json_string_length(named)) {
		err_set(e, ST_FAIL, "nodes: an item without a valid name: not a Node");
	} else if (room(ns, e) == 0) {
		n = &ns->item[ns->n];
		*n = (struct node){ .name = strdup(name),
			.leaving = json_object_get(meta, "deletionTimestamp") != NULL };
		read_ready(o, n);
		if (n->name == NULL)
			err_set(e, ST_FAIL, "nodes: out of memory");
		else
			ns->n++, r = 0;
	}
	json_decref(o);
	return r;
}

bool
node_dead(const struct node *n, int64_t now_ns, int64_t patience_ns)
{
	if (strcmp(n->ready, "True") == 0)
		return false;
	return n->since_ns == INT64_MIN || now_ns - n->since_ns > patience_ns;
}
