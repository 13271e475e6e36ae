#include "kube/podfeed.h"
#include "base/err.h"
#include "kube/podtable.h"
#include "record/jscan.h"

#include <stdlib.h>

int
podfeed_init(struct podfeed *f, struct err *e)
{
	buf_init(&f->line, POD_LINE_MAX + 4096);
	if ((f->keep = malloc(sizeof *f->keep)) == NULL)
		return err_set(e, ST_FAIL, "pods: out of memory");
	*f->keep = *f->wanted;
	f->keep->left_out = 0;
	return 0;
}

void
podfeed_done(struct podfeed *f)
{
	buf_done(&f->line);
	free(f->keep);
	f->keep = NULL;
}

static int
put(struct podfeed *f, struct str object, enum pod_kind what, struct err *e)
{
	enum pod_kind got = pod_line(object, what, f->keep, &f->line);
	int r;

	f->left_out = f->keep->left_out;
	if (got == POD_NONE)
		return 0;
	podtable_lock(f->table);
	r = podtable_put(f->table, (struct str){ f->line.p, f->line.n }, f->now_s, true);
	podtable_unlock(f->table);
	if (r < 0)
		return err_set(e, ST_FAIL, "more pods than fit: %d, or %d MiB of them",
		    PODTABLE_MAX, PODTABLE_BYTES >> 20);
	f->pods += got == POD_POD;
	f->taken++;
	return 0;
}

int
podfeed_item(void *feed, struct str object, struct err *e)
{
	return put(feed, object, POD_POD, e);
}

static int
namespace_item(void *feed, struct str object, struct err *e)
{
	return put(feed, object, POD_NAMESPACE, e);
}

/* Keep metadata.resourceVersion, if it has one that fits. */
static void
keep_version(struct podfeed *f, struct str object)
{
	struct jscan_member meta, m;

	if (!jscan_find(object, STR("metadata"), &meta) || *meta.value.p != '{' ||
	    !jscan_find(meta.value, STR("resourceVersion"), &m) || m.value.n < 3 ||
	    m.value.n - 2 >= sizeof f->version)
		return;
	memcpy(f->version, m.value.p + 1, m.value.n - 2);
	f->version[m.value.n - 2] = '\0';
}

/* An ERROR event: a Status object. */
static int
watch_error(struct str status, struct err *e)
{
	struct jscan_member code, message;
	struct str text = { "", 0 };
	bool gone =
	    jscan_find(status, STR("code"), &code) && str_eq(code.value, STR("410"));

	if (jscan_find(status, STR("message"), &message))
		text = message.value;
	return err_set(e, gone ? ST_ASIDE : ST_LATER, "the watch ended: %.*s",
	    (int)(text.n < 200 ? text.n : 200), text.p);
}

int
podfeed_whole(void *feed, struct str object, bool list, struct err *e)
{
	struct podfeed *f = feed;
	struct jscan_member type, inner;
	int r;

	if (list)
		return 0;
	if (!jscan_find(object, STR("type"), &type) ||
	    !jscan_find(object, STR("object"), &inner) || *inner.value.p != '{')
		return put(f, object, POD_NONE, e);
	if (str_eq(type.value, STR("\"ERROR\"")))
		return watch_error(inner.value, e);
	keep_version(f, inner.value);
	if (str_eq(type.value, STR("\"BOOKMARK\"")))
		return 0;
	r = put(f, inner.value, POD_NONE, e);
	if (r == 0 && f->line.n > 0 && str_eq(type.value, STR("\"DELETED\""))) {
		podtable_lock(f->table);
		podtable_gone(
		    f->table, pod_text((struct str){ f->line.p, f->line.n }, "uid"));
		podtable_unlock(f->table);
	}
	return r;
}

static int
kubelet_bytes(void *user, const char *p, size_t n, struct err *e)
{
	return objects_feed(user, p, n, e);
}

static int
list_kubelet(struct podfeed *f, struct apiserver *a, int64_t until_ns, struct err *e)
{
	struct objects o;
	struct apiserver_answer an;
	struct apiserver_request rq = { .method = "GET",
		.path = "/pods",
		.consume = kubelet_bytes,
		.user = &o,
		.until_ns = until_ns };
	struct err inner;
	int r;

	objects_init(&o);
	o.item = podfeed_item;
	o.whole = podfeed_whole;
	o.user = f;
	apiserver_answer_init(&an);
	if ((r = apiserver_ask(a, &rq, &an, &inner)) == 0 &&
	    (r = objects_end(&o, &inner)) == 0 && o.given == 0)
		r = err_set(&inner, ST_FAIL, "an empty answer, not a list of pods");
	if (r < 0 && an.status / 100 == 2 && inner.status == ST_FAIL)
		err_set(
		    e, inner.status, "%.200s: %.*s", apiserver_name(a), 300, inner.text);
	else if (r < 0)
		*e = inner;
	apiserver_answer_done(&an);
	objects_done(&o);
	return r;
}

/* "/api/v1/pods?fieldSelector=spec.nodeName%3DNODE" and `more`. */
static void
pods_path(const struct podfeed *f, const char *more, struct buf *path)
{
	buf_adds(path, "/api/v1/pods?");
	if (f->node != NULL && f->node[0] != '\0') {
		buf_adds(path, "fieldSelector=spec.nodeName%3D");
		apiserver_encode(path, str_of(f->node));
		buf_addc(path, '&');
	}
	buf_adds(path, more);
	while (path->n > 0 && strchr("?&", path->p[path->n - 1]) != NULL)
		path->p[--path->n] = '\0';
}

int
podfeed_list(
    struct podfeed *f, struct apiserver *a, bool kubelet, int64_t until_ns, struct err *e)
{
	struct apiserver_list l = {
		.item = podfeed_item, .user = f, .until_ns = until_ns
	};
	struct apiserver_answer an;
	struct buf path;
	int r;

	if (kubelet)
		return list_kubelet(f, a, until_ns, e);
	buf_init(&path, 4096);
	pods_path(f, "", &path);
	apiserver_answer_init(&an);
	l.path = path.p;
	if ((r = buf_check(&path, "the node's name", e)) == 0 &&
	    (r = apiserver_list(a, &l, &an, e)) == 0) {
		memcpy(f->version, l.version, sizeof f->version);
		if (f->namespaces) {
			l.path = "/api/v1/namespaces";
			l.item = namespace_item;
			r = apiserver_list(a, &l, &an, e);
		}
	}
	apiserver_answer_done(&an);
	buf_done(&path);
	return r;
}

static int
node_item(void *user, struct str object, struct err *e)
{
	struct jscan_member spec, m;
	char *node = user;

	(void)e;
	if (!jscan_find(object, STR("spec"), &spec) || *spec.value.p != '{' ||
	    !jscan_find(spec.value, STR("nodeName"), &m) || m.value.n < 3 ||
	    m.value.n - 2 > PODFEED_NODE_MAX || *m.value.p != '"' ||
	    memchr(m.value.p, '\\', m.value.n) != NULL)
		return 0;
	memcpy(node, m.value.p + 1, m.value.n - 2);
	node[m.value.n - 2] = '\0';
	return 0;
}

void
podfeed_own_node(struct apiserver *a, const char *pod, int64_t until_ns,
    char node[PODFEED_NODE_MAX + 1])
{
	struct apiserver_list l = {
		.item = node_item, .user = node, .until_ns = until_ns
	};
	struct apiserver_answer an;
	struct buf path;
	struct err unused;

	node[0] = '\0';
	if (apiserver_namespace(a)[0] == '\0')
		return;
	buf_init(&path, 2048);
	buf_adds(&path, "/api/v1/namespaces/");
	apiserver_encode(&path, str_of(apiserver_namespace(a)));
	buf_adds(&path, "/pods?fieldSelector=metadata.name%3D");
	apiserver_encode(&path, str_of(pod));
	apiserver_answer_init(&an);
	l.path = path.p;
	if (!path.failed)
		(void)apiserver_list(a, &l, &an, &unused);
	apiserver_answer_done(&an);
	buf_done(&path);
}
