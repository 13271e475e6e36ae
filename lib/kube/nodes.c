#include "kube/nodes.h"
#include "base/err.h"
#include "kube/member.h"
#include "record/jscan.h"
#include "record/timestamp.h"

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
	ns->n = ns->unusable = 0;
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
good_name(const char *s, int n)
{
	return n > 0 && n <= NODES_NAME_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == (size_t)n;
}

static void
read_ready(struct str object, struct node *to)
{
	struct str conditions = member_of(member_of(object, "status"), "conditions"), c;
	char text[64];
	struct jscan it;

	snprintf(to->ready, sizeof to->ready, "Unknown");
	to->since_ns = INT64_MIN;
	if (conditions.n == 0 || *conditions.p != '[')
		return;
	jscan_items(&it, conditions);
	while (jscan_item(&it, &c)) {
		if (member_text(c, "type", text, sizeof text) < 0 ||
		    strcmp(text, "Ready") != 0)
			continue;
		member_text(c, "status", text, sizeof text);
		if (strcmp(text, "True") == 0 || strcmp(text, "False") == 0)
			memcpy(to->ready, text, strlen(text) + 1);
		member_text(c, "lastTransitionTime", text, sizeof text);
		if (!timestamp_parse(str_of(text), &to->since_ns))
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
	struct str meta = member_of(object, "metadata"), raw = member_of(meta, "name");
	char name[NODES_NAME_MAX + 1];
	int got = member_text(meta, "name", name, sizeof name);
	struct node *n;

	if (!good_name(name, got)) {
		ns->unusable++;
		err_set(e, ST_ASIDE,
		    "nodes: an item without a valid name%s%.*s: not a Node",
		    raw.n > 0 ? ": " : "", raw.n < 100 ? (int)raw.n : 100, raw.p);
		return 1;
	}
	if (room(ns, e) < 0)
		return -1;
	n = &ns->item[ns->n];
	*n = (struct node){ .name = strdup(name),
		.leaving = member_of(meta, "deletionTimestamp").n > 0 };
	if (n->name == NULL)
		return err_set(e, ST_FAIL, "nodes: out of memory");
	read_ready(object, n);
	ns->n++;
	return 0;
}

bool
node_dead(const struct node *n, int64_t now_ns, int64_t patience_ns)
{
	if (strcmp(n->ready, "True") == 0)
		return false;
	return n->since_ns == INT64_MIN || now_ns - n->since_ns > patience_ns;
}
