#include "kube/jobs.h"
#include "base/err.h"
#include "base/hash.h"
#include "kube/member.h"
#include "record/jscan.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES "abcdefghijklmnopqrstuvwxyz0123456789-"

struct job_template {
	json_t *meta, *spec; /* as they go into each Job */
	json_t *owners;
	char *name, *ns;
};

static json_t *
at(json_t *o, const char *a, const char *b)
{
	return json_object_get(json_object_get(o, a), b);
}

static bool
good_label(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	return n > 0 && strspn(s, NAME_BYTES) == n && s[0] != '-' && s[n - 1] != '-';
}

/* ---- the template ---- */

static const char *
take(struct job_template *t, json_t *doc)
{
	const char *kind = json_string_value(json_object_get(doc, "kind"));
	const char *name = json_string_value(at(doc, "metadata", "name"));
	const char *ns = json_string_value(at(doc, "metadata", "namespace"));
	json_t *job = doc;

	if (kind != NULL && strcmp(kind, "CronJob") == 0)
		job = at(doc, "spec", "jobTemplate");
	else if (kind == NULL || strcmp(kind, "Job") != 0)
		return "not of kind Job or CronJob";
	if (!good_label(name))
		return "metadata.name is not small letters, digits and '-'";
	if (json_array_size(json_object_get(
		at(json_object_get(job, "spec"), "template", "spec"), "containers")) == 0)
		return "spec.template.spec.containers is missing";
	if (json_object_get(
		at(json_object_get(job, "spec"), "template", "spec"), "nodeName") != NULL)
		return "spec.template.spec.nodeName is set: the node is to be put in";
	t->meta = json_object();
	json_object_set(t->meta, "labels", at(job, "metadata", "labels"));
	json_object_set(t->meta, "annotations", at(job, "metadata", "annotations"));
	t->spec = json_deep_copy(json_object_get(job, "spec"));
	t->name = strdup(name);
	t->ns = ns ? strdup(ns) : NULL;
	return NULL;
}

struct job_template *
job_template_read(const char *name, struct str json, struct err *e)
{
	struct job_template *t = calloc(1, sizeof *t);
	json_error_t je;
	json_t *doc = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, &je);
	const char *why = NULL;

	if (t == NULL)
		err_set(e, ST_FAIL, "out of memory");
	else if (doc == NULL)
		err_set(e, ST_USAGE,
		    "%.200s:%d: %.160s; a template is JSON: `kubectl create "
		    "--dry-run=client -o json -f FILE` makes it of YAML",
		    name, je.line, je.text);
	else if ((why = take(t, doc)) != NULL)
		err_set(e, ST_USAGE, "%.200s: %s", name, why);
	json_decref(doc);
	if (t != NULL && t->name != NULL)
		return t;
	if (t != NULL && doc != NULL && why == NULL)
		err_set(e, ST_FAIL, "out of memory");
	job_template_free(t);
	return NULL;
}

void
job_template_free(struct job_template *t)
{
	if (t == NULL)
		return;
	json_decref(t->meta);
	json_decref(t->spec);
	json_decref(t->owners);
	free(t->name);
	free(t->ns);
	free(t);
}

int
job_template_own(struct job_template *t, struct str cronjob, struct err *e)
{
	json_t *o = json_loadb(cronjob.p, cronjob.n, JSON_ALLOW_NUL, NULL);
	const char *name = json_string_value(at(o, "metadata", "name"));
	const char *uid = json_string_value(at(o, "metadata", "uid"));
	int r = 0;

	if (name == NULL || uid == NULL) {
		r = err_set(e, ST_FAIL, "the owner: an object without name or uid");
	} else {
		json_decref(t->owners);
		t->owners = json_pack("[{s:s,s:s,s:s,s:s}]", "apiVersion", "batch/v1",
		    "kind", "CronJob", "name", name, "uid", uid);
	}
	json_decref(o);
	return r;
}

const char *
job_template_name(const struct job_template *t)
{
	return t->name;
}

const char *
job_template_namespace(const struct job_template *t)
{
	return t->ns;
}

/* ---- names ---- */

int
job_slot_check(const struct job_template *t, const char *slot, struct err *e)
{
	if (!good_label(slot))
		return err_set(e, ST_USAGE,
		    "--slot: %.80s: not small letters, digits and '-' between them",
		    slot);
	if (strlen(t->name) + 1 + JOBS_HASH + 1 + strlen(slot) > JOBS_NAME_MAX)
		return err_set(e, ST_USAGE,
		    "--slot: %.80s: the name %.80s-HASH-SLOT would have over %d bytes",
		    slot, t->name, JOBS_NAME_MAX);
	return 0;
}

void
job_hash(const char *node, char hash[JOBS_HASH + 1])
{
	hex64(hash64(node, strlen(node)), hash);
}

void
job_name(const struct job_template *t, const char *node, const char *slot,
    char name[JOBS_NAME_MAX + 1])
{
	char hash[JOBS_HASH + 1];

	job_hash(node, hash);
	snprintf(name, JOBS_NAME_MAX + 1, "%s-%s-%s", t->name, hash, slot);
}

/* ---- a node's Job ---- */

/* The member `key` of `o`, an object (or array) made if there is none. */
static json_t *
within(json_t *o, const char *key, bool array)
{
	json_t *v = json_object_get(o, key);

	if (array ? json_is_array(v) : json_is_object(v))
		return v;
	json_object_set_new(o, key, array ? json_array() : json_object());
	return json_object_get(o, key);
}

/* One term: metadata.name is this node, whatever the term said of it before. */
static void
pin_term(json_t *term, const char *node)
{
	json_t *fields = within(term, "matchFields", true);

	for (size_t i = json_array_size(fields); i > 0; i--) {
		const char *key = json_string_value(
		    json_object_get(json_array_get(fields, i - 1), "key"));

		if (key != NULL && strcmp(key, "metadata.name") == 0)
			json_array_remove(fields, i - 1);
	}
	json_array_append_new(fields, json_pack("{s:s,s:s,s:[s]}", "key", "metadata.name",
					  "operator", "In", "values", node));
}

static void
pin(json_t *pod, const char *node)
{
	json_t *affinity = within(within(pod, "affinity", false), "nodeAffinity", false);
	json_t *terms = within(
	    within(affinity, "requiredDuringSchedulingIgnoredDuringExecution", false),
	    "nodeSelectorTerms", true);

	if (json_array_size(terms) == 0)
		json_array_append_new(terms, json_object());
	for (size_t i = 0; i < json_array_size(terms); i++)
		pin_term(json_array_get(terms, i), node);
}

static void
tolerate(json_t *pod)
{
	json_t *all = within(pod, "tolerations", true), *t;
	size_t i;

	json_array_foreach(all, i, t)
	{
		const char *op = json_string_value(json_object_get(t, "operator"));

		if (op != NULL && strcmp(op, "Exists") == 0 &&
		    json_object_get(t, "key") == NULL &&
		    json_object_get(t, "effect") == NULL)
			return;
	}
	json_array_append_new(all, json_pack("{s:s}", "operator", "Exists"));
}

static json_t *
build(const struct job_template *t, const char *node, const char *slot, const char *ns)
{
	char hash[JOBS_HASH + 1], name[JOBS_NAME_MAX + 1];
	json_t *meta = json_deep_copy(t->meta), *spec = json_deep_copy(t->spec);
	json_t *pod = at(spec, "template", "spec");

	job_hash(node, hash);
	job_name(t, node, slot, name);
	json_object_set_new(meta, "name", json_string(name));
	json_object_set_new(meta, "namespace", json_string(ns));
	json_object_set_new(within(meta, "labels", false), JOBS_LABEL, json_string(hash));
	json_object_set_new(
	    within(meta, "annotations", false), "logsweep/node", json_string(node));
	if (t->owners != NULL)
		json_object_set(meta, "ownerReferences", t->owners);
	pin(pod, node);
	tolerate(pod);
	return json_pack("{s:s,s:s,s:o,s:o}", "apiVersion", "batch/v1", "kind", "Job",
	    "metadata", meta, "spec", spec);
}

int
job_make(const struct job_template *t, const char *node, const char *slot, const char *ns,
    struct buf *out, struct err *e)
{
	json_t *job = build(t, node, slot, ns);
	char *text = json_dumps(job, JSON_COMPACT);

	json_decref(job);
	if (text == NULL)
		return err_set(e, ST_FAIL, "%s: out of memory", node);
	buf_clear(out);
	buf_adds(out, text);
	free(text);
	return buf_check(out, "a Job", e);
}

/* ---- the Jobs that are there ---- */

void
jobs_seen_init(struct jobs_seen *s)
{
	*s = (struct jobs_seen){ 0 };
}

void
jobs_seen_clear(struct jobs_seen *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->item[i].name);
	s->n = 0;
	s->sorted = false;
}

void
jobs_seen_done(struct jobs_seen *s)
{
	jobs_seen_clear(s);
	free(s->item);
	jobs_seen_init(s);
}

static bool
finished(struct str job)
{
	struct str conditions = member_of(member_of(job, "status"), "conditions"), c;
	char type[16], status[8];
	struct jscan it;

	if (conditions.n == 0 || *conditions.p != '[')
		return false;
	jscan_items(&it, conditions);
	while (jscan_item(&it, &c))
		if (member_text(c, "type", type, sizeof type) > 0 &&
		    member_text(c, "status", status, sizeof status) > 0 &&
		    strcmp(status, "True") == 0 &&
		    (strcmp(type, "Complete") == 0 || strcmp(type, "Failed") == 0))
			return true;
	return false;
}

static int
remember(struct jobs_seen *s, const char *hash, const char *name, struct err *e)
{
	size_t more = s->room ? 2 * s->room : 64;
	struct job_seen *p;

	if (s->n >= JOBS_SEEN_MAX)
		return err_set(e, ST_FAIL,
		    "jobs: more than %d are not finished; remove some", JOBS_SEEN_MAX);
	if (s->n == s->room) {
		if ((p = realloc(s->item, more * sizeof *p)) == NULL)
			return err_set(e, ST_FAIL, "jobs: out of memory");
		s->item = p;
		s->room = more;
	}
	p = &s->item[s->n];
	if ((p->name = strdup(name)) == NULL)
		return err_set(e, ST_FAIL, "jobs: out of memory");
	snprintf(p->hash, sizeof p->hash, "%s", hash);
	s->n++;
	s->sorted = false;
	return 0;
}

int
jobs_seen_add(struct jobs_seen *s, struct str object, struct err *e)
{
	struct str meta = member_of(object, "metadata");
	char name[MEMBER_TEXT_MAX], hash[JOBS_HASH + 1];

	if (member_text(meta, "name", name, sizeof name) < 0)
		return err_set(e, ST_FAIL, "jobs: an item without a name: not a Job");
	if (member_text(member_of(meta, "labels"), JOBS_LABEL, hash, sizeof hash) !=
		JOBS_HASH ||
	    finished(object))
		return 0;
	return remember(s, hash, name, e);
}

static int
by_hash(const void *a, const void *b)
{
	const struct job_seen *x = a, *y = b;

	return strcmp(x->hash, y->hash);
}

const char *
jobs_seen_of(struct jobs_seen *s, const char *node, const char *name)
{
	struct job_seen want = { .name = NULL }, *p, *end;
	const char *found = NULL;

	if (s->n == 0)
		return NULL;
	if (!s->sorted)
		qsort(s->item, s->n, sizeof *s->item, by_hash);
	s->sorted = true;
	job_hash(node, want.hash);
	p = bsearch(&want, s->item, s->n, sizeof *s->item, by_hash);
	if (p == NULL)
		return NULL;
	while (p > s->item && by_hash(p - 1, &want) == 0)
		p--;
	for (end = s->item + s->n; p < end && by_hash(p, &want) == 0; p++) {
		found = p->name;
		if (strcmp(found, name) == 0)
			break;
	}
	return found;
}
