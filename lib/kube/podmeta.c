#include "kube/podmeta.h"
#include "base/buf.h"
#include "base/err.h"
#include "kube/nameset.h"
#include "kube/pod.h"
#include "kube/podlocal.h"
#include "kube/podpath.h"
#include "kube/podtable.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/record.h"
#include "record/timestamp.h"

#include <stdlib.h>
#include <strings.h>

enum {
	BUCKETS = 2 * PODMETA_FILES, /* a power of two */
	HOST_MAX = 8 << 10,
	RENDERED_MAX = 3 * POD_LINE_MAX, /* a pod, its namespace, its node */
};

/* Orders may differ by stream. */
enum { ANY_STREAM, STDOUT, STDERR, STREAMS };
static const struct str stream_name[STREAMS] = { { "", 0 }, { "stdout", 6 },
	{ "stderr", 6 } };

struct entry {
	uint64_t hash, changes; /* of the pods when it was looked at */
	uint64_t origin;        /* see look() */
	char *text;             /* the endings */
	size_t bytes;
	struct podmeta_found found[STREAMS];
	size_t n; /* bytes of the name */
	char name[];
};

struct podmeta {
	struct podmeta_options o;
	struct buf host; /* the node's name as a JSON string; n = 0: not known */
	struct buf work;
	struct siphash_key secret;
	struct nameset names; /* of the map that is being written */
	size_t files, bytes;
	uint64_t clashes, large;
	struct entry *bucket[BUCKETS];
};

struct podmeta *
podmeta_new(const struct podmeta_options *o, struct err *e)
{
	struct podmeta *m = calloc(1, sizeof *m);

	if (m == NULL) {
		err_set(e, ST_FAIL, "pod metadata: out of memory");
		return NULL;
	}
	m->o = *o;
	buf_init(&m->host, HOST_MAX);
	buf_init(&m->work, STREAMS * RENDERED_MAX);
	nameset_init(&m->names, &m->secret);
	if (!siphash_new_key(&m->secret)) {
		err_set(e, ST_FAIL, "pod metadata: the kernel gives no randomness");
		podmeta_free(m);
		return NULL;
	}
	if (o->node != NULL && o->node[0] != '\0')
		jsonw_string(&m->host, o->node, strlen(o->node));
	if (buf_check(&m->host, "the node's name", e) == 0)
		return m;
	podmeta_free(m);
	return NULL;
}

static void
empty(struct podmeta *m)
{
	for (size_t i = 0; i < BUCKETS; i++)
		if (m->bucket[i] != NULL) {
			free(m->bucket[i]->text);
			free(m->bucket[i]);
		}
	memset(m->bucket, 0, sizeof m->bucket);
	m->files = m->bytes = 0;
}

void
podmeta_free(struct podmeta *m)
{
	if (m == NULL)
		return;
	empty(m);
	buf_done(&m->host);
	buf_done(&m->work);
	nameset_done(&m->names);
	free(m);
}

size_t
podmeta_files(const struct podmeta *m)
{
	return m->files;
}

uint64_t
podmeta_clashes(const struct podmeta *m)
{
	return m->clashes;
}

uint64_t
podmeta_large(const struct podmeta *m)
{
	return m->large;
}

static void
add_raw(struct buf *b, const char *key, struct str value)
{
	if (value.n == 0)
		return;
	pod_add_key(b, key);
	buf_addstr(b, value);
}

static bool
is_wanted(const struct keylist *wanted, struct str key)
{
	return wanted == NULL || keylist_wants(wanted, key);
}

/* Append a key.  false: the map has one of that name already, or it did not fit. */
static bool
add_name(struct podmeta *m, struct str key)
{
	struct buf *b = &m->work;
	size_t at = b->n;
	int is_new;

	buf_addstr(b, key);
	if (b->failed)
		return false;
	for (size_t i = at; m->o.dedot && i < b->n; i++)
		if (b->p[i] == '.')
			b->p[i] = '_';
	is_new = nameset_add(&m->names, b->p, at, key.n);
	b->failed = is_new < 0;
	m->clashes += is_new == 0;
	return is_new > 0;
}

static void
add_map(struct podmeta *m, const char *key, struct str map, const struct keylist *wanted)
{
	struct buf *b = &m->work;
	bool any = false;
	struct jscan it;
	struct jscan_member one;
	size_t from;

	if (map.n == 0)
		return;
	nameset_begin(&m->names);
	jscan_begin(&it, map);
	while (jscan_next(&it, &one) && !b->failed) {
		if (!is_wanted(wanted, one.key))
			continue;
		if (!any) {
			pod_add_key(b, key);
			buf_addc(b, '{');
		}
		from = b->n;
		buf_adds(b, any ? ",\"" : "\"");
		any = true;
		if (!add_name(m, one.key)) {
			b->n = from;
			continue;
		}
		buf_adds(b, "\":");
		buf_addstr(b, one.value);
	}
	if (any)
		buf_addc(b, '}');
}

/* What is known of a file when its ending is rendered; it points into itself. */
struct known {
	bool any; /* the path tells something */
	uint64_t origin;
	uint64_t pod_put, namespace_put; /* the changes that did; 0: not known */
	struct podpath path;
	struct podlocal local;
	struct str pod, namespace; /* lines of pod.h; n = 0: not known */
	struct str container;      /* of the pod's line */
	struct str docker_id;
};

/* fluentbit.io/exclude: "true", "on", "yes". */
static bool
says_yes(struct str raw)
{
	return (raw.n == 4 && strncasecmp(raw.p, "true", 4) == 0) ||
	       (raw.n == 2 && strncasecmp(raw.p, "on", 2) == 0) ||
	       (raw.n == 3 && strncasecmp(raw.p, "yes", 3) == 0);
}

/* All but what hangs on the stream. */
static void
render(struct podmeta *m, const struct known *k)
{
	struct buf *b = &m->work;
	struct str name = str_of(k->path.container);

	buf_adds(b, ",\"kubernetes\":{");
	pod_add_text(b, "pod_name", str_of(k->path.pod));
	pod_add_text(b, "namespace_name", str_of(k->path.namespace));
	pod_add_text(
	    b, "pod_id", k->pod.n > 0 ? pod_text(k->pod, "uid") : str_of(k->path.uid));
	add_map(m, "labels", pod_member(k->pod, "labels"), m->o.labels);
	add_map(m, "annotations", pod_member(k->pod, "annotations"), m->o.annotations);
	if (m->o.namespace_labels)
		add_map(m, "namespace_labels", pod_member(k->namespace, "labels"),
		    m->o.labels);
	if (m->o.owners)
		add_raw(b, "ownerReferences", pod_member(k->pod, "owners"));
	if (pod_text(k->pod, "node").n > 0)
		pod_add_text(b, "host", pod_text(k->pod, "node"));
	else
		add_raw(b, "host", (struct str){ m->host.p, m->host.n });
	pod_add_text(b, "pod_ip", pod_text(k->pod, "ip"));
	pod_add_text(b, "container_name", name.n > 0 ? name : str_of(k->local.container));
	pod_add_text(b, "docker_id", k->docker_id);
	pod_add_text(b, "container_hash", pod_text(k->container, "hash"));
	pod_add_text(b, "container_image",
	    k->container.n > 0 ? pod_text(k->container, "image")
			       : str_of(k->local.image));
}

/* Was the pod there when the record was written?  A name belongs to one pod at a time. */
static bool
is_older_than(struct str line, struct str time)
{
	int64_t made, written;

	return timestamp_parse(pod_text(line, "created"), &made) &&
	       timestamp_parse(time, &written) && made <= written;
}

/* Can the container of this id be one of the pod's that its line does not tell?  It tells the
 * last two of each name. */
static bool
may_have_had(struct str line, const struct podpath *path)
{
	struct str c = pod_container(line, str_of(path->container)), restarts;

	if (path->docker_id[0] == '\0' || path->container[0] == '\0')
		return true;
	restarts = pod_member(c, "restarts");
	if (pod_text(c, "id").n == 0)
		return true; /* it was listed before its container ran */
	return restarts.n > 1 || (restarts.n == 1 && *restarts.p >= '2');
}

static const struct podtable_entry *
find_pod(struct podmeta *m, const struct podpath *p, struct str time)
{
	const struct podtable_entry *en;

	if (p->uid[0] != '\0')
		return podtable_uid(m->o.pods, str_of(p->uid));
	if (p->docker_id[0] != '\0' &&
	    (en = podtable_container(m->o.pods, str_of(p->docker_id))) != NULL)
		return en;
	if (p->pod[0] == '\0')
		return NULL;
	en = podtable_name(m->o.pods, str_of(p->namespace), str_of(p->pod));
	return en != NULL && is_older_than(en->line, time) && may_have_had(en->line, p)
		   ? en
		   : NULL;
}

/* The id of the container that wrote N.log: the pod's line tells those of the last two N. */
static struct str
id_of_restart(struct str container, const char *n)
{
	struct str restarts = pod_member(container, "restarts");
	long now, then;

	if (restarts.n == 0 || restarts.n > PODPATH_RESTART || n[0] == '\0')
		return STR("");
	now = strtol(restarts.p, NULL, 10); /* a comma or brace follows */
	then = strtol(n, NULL, 10);
	return then == now       ? pod_text(container, "id")
	       : then == now - 1 ? pod_text(container, "last")
				 : STR("");
}

/* Names that only the pod tells (Docker's files bear an id alone). */
static void
name_container(struct known *k)
{
	struct str all = pod_member(k->pod, "containers"), one,
		   id = str_of(k->path.docker_id);
	struct jscan it;

	if (k->path.container[0] != '\0' || id.n == 0 || all.n == 0)
		return;
	jscan_items(&it, all);
	while (jscan_item(&it, &one))
		if (str_eq(pod_text(one, "id"), id) || str_eq(pod_text(one, "last"), id))
			podpath_add(
			    &k->path, STR(""), STR(""), STR(""), pod_text(one, "name"));
}

static void
look_at_pods(struct podmeta *m, struct known *k, struct str time)
{
	const struct podtable_entry *en = find_pod(m, &k->path, time);
	struct podpath as_told = k->path;

	if (en != NULL && podpath_add(&k->path, pod_text(en->line, "name"),
			      pod_text(en->line, "namespace"), STR(""), STR(""))) {
		k->pod = en->line;
		k->pod_put = en->change;
		name_container(k);
		k->container = pod_container(en->line, str_of(k->path.container));
		if (k->docker_id.n == 0)
			k->docker_id = id_of_restart(k->container, k->path.restart);
	} else {
		k->path = as_told;
	}
	if (m->o.namespace_labels &&
	    (en = podtable_namespace(m->o.pods, str_of(k->path.namespace))) != NULL) {
		k->namespace = en->line;
		k->namespace_put = en->change;
	}
}

/* All that an ending hangs on, and its hash: where that is as it was, so is the ending. */
static void
look(struct podmeta *m, struct str file, struct str time, struct known *k)
{
	char plain[PODPATH_MAX + 1];
	ptrdiff_t n;

	*k = (struct known){ 0 };
	if (!podpath_parse(file, &k->path) || (n = jscan_unescape(file, plain)) < 0)
		return;
	plain[n] = '\0';
	k->any = true;
	podlocal_look(plain, &k->path, &k->local);
	k->origin = siphash(&m->secret, 0, &k->path, sizeof k->path);
	k->origin = siphash(&m->secret, k->origin, &k->local, sizeof k->local);
	k->docker_id = str_of(k->path.docker_id);
	if (m->o.pods == NULL)
		return;
	look_at_pods(m, k, time);
	k->origin = siphash(&m->secret, k->origin, &k->pod_put, sizeof k->pod_put);
	k->origin =
	    siphash(&m->secret, k->origin, &k->namespace_put, sizeof k->namespace_put);
}

/* What is found of a file, with the endings in m->work; they begin at at_of[].  What has gone
 * before is the same for all streams, and most often the parser is. */
static void
render_all(struct podmeta *m, const struct known *k, struct podmeta_found found[STREAMS],
    size_t at_of[STREAMS])
{
	struct buf *b = &m->work;
	struct str name = str_of(k->path.container), parser, before = STR("");
	size_t common, from = 0;

	buf_clear(b);
	memset(found, 0, STREAMS * sizeof *found);
	memset(at_of, 0, STREAMS * sizeof *at_of);
	if (!k->any)
		return;
	render(m, k);
	common = b->n;
	for (unsigned s = 0; s < STREAMS && !b->failed; s++) {
		found[s].missing =
		    m->o.pods != NULL && k->pod.n == 0 && k->path.pod[0] != '\0';
		found[s].excluded =
		    says_yes(pod_order(k->pod, "exclude", name, stream_name[s]));
		parser = pod_order(k->pod, "parser", name, stream_name[s]);
		if (s > 0 && !str_eq(parser, before)) {
			from = b->n;
			if (buf_room(b, common) != NULL)
				buf_add(b, b->p, common);
		}
		if (s == 0 || !str_eq(parser, before)) {
			pod_add_text(b, "parser", parser);
			buf_adds(b, "}}");
		}
		before = parser;
		at_of[s] = from;
		found[s].ending.n = b->n - from;
	}
}

/* The endings in m->work become those of the entry.  false: out of memory. */
static bool
keep(struct podmeta *m, struct entry *en, const struct podmeta_found found[STREAMS],
    const size_t at[STREAMS])
{
	char *text;

	if (m->work.failed || (text = malloc(m->work.n + 1)) == NULL)
		return false;
	if (m->work.n > 0)
		memcpy(text, m->work.p, m->work.n);
	free(en->text);
	m->bytes += m->work.n - en->bytes;
	en->text = text;
	en->bytes = m->work.n;
	for (unsigned s = 0; s < STREAMS; s++) {
		en->found[s] = found[s];
		en->found[s].ending.p = text + at[s];
	}
	return true;
}

static struct str
name_of(const struct entry *en)
{
	return (struct str){ en->name, en->n };
}

/* Look, and render where there is something new.  false: out of memory. */
static bool
fill(struct podmeta *m, struct entry *en, struct str time)
{
	struct podmeta_found found[STREAMS];
	size_t at[STREAMS];
	uint64_t changes = 0;
	struct known k;
	bool as_it_was;

	if (m->o.pods != NULL) {
		podtable_lock(m->o.pods);
		changes = podtable_changes(m->o.pods);
	}
	look(m, name_of(en), time, &k);
	as_it_was = en->text != NULL && k.origin == en->origin;
	if (!as_it_was) {
		render_all(m, &k, found, at);
		m->large += k.local.too_large;
	}
	if (m->o.pods != NULL)
		podtable_unlock(m->o.pods);
	if (!as_it_was && !keep(m, en, found, at))
		return false;
	en->changes = changes;
	en->origin = k.origin;
	return true;
}

static struct entry *
entry_new(struct podmeta *m, struct str file, uint64_t hash, struct str time)
{
	struct entry *en = calloc(1, sizeof *en + file.n);

	if (en == NULL)
		return NULL;
	memcpy(en->name, file.p, file.n);
	en->hash = hash;
	en->n = file.n;
	if (!fill(m, en, time)) {
		free(en);
		return NULL;
	}
	m->files++;
	m->bytes += sizeof *en + file.n;
	return en;
}

static struct entry *
look_up(struct podmeta *m, struct record_reader *rr, const struct record *r)
{
	struct str file = r->src.file;
	uint64_t hash = siphash(&m->secret, 0, file.p, file.n);
	size_t i;

	for (i = hash % BUCKETS; m->bucket[i] != NULL; i = (i + 1) % BUCKETS)
		if (m->bucket[i]->hash == hash && str_eq(name_of(m->bucket[i]), file))
			return m->bucket[i];
	if (m->files == PODMETA_FILES || m->bytes >= PODMETA_BYTES) {
		empty(m);
		for (unsigned s = 0; s < RECORD_SLOTS; s++)
			rr->slot[s].user = NULL;
		i = hash % BUCKETS;
	}
	return m->bucket[i] = entry_new(m, file, hash, r->time);
}

static unsigned
stream_of(struct str s)
{
	if (s.n != 6)
		return ANY_STREAM;
	return memcmp(s.p, "stdout", 6) == 0   ? STDOUT
	       : memcmp(s.p, "stderr", 6) == 0 ? STDERR
					       : ANY_STREAM;
}

const struct podmeta_found *
podmeta_of(struct podmeta *m, struct record_reader *rr, const struct record *r)
{
	static const struct podmeta_found nothing;
	struct entry *en = NULL;

	if (!r->has_src || r->src.file.n > PODPATH_MAX)
		return &nothing;
	if (r->slot < RECORD_SLOTS)
		en = rr->slot[r->slot].user;
	if (en == NULL) {
		if ((en = look_up(m, rr, r)) == NULL)
			return NULL;
		if (r->slot < RECORD_SLOTS)
			rr->slot[r->slot].user = en;
	}
	if (m->o.pods == NULL)
		return &en->found[ANY_STREAM];
	if (en->changes != podtable_changes(m->o.pods) && !fill(m, en, r->time))
		return NULL;
	return &en->found[stream_of(r->stream)];
}
