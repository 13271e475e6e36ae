#include "kube/pod.h"
#include "base/buf.h"
#include "kube/member.h"
#include "record/jscan.h"

#include <stdio.h>

#define ORDERS STR("fluentbit.io/")

enum {
	NAME_MAX_BYTES = 253,
	SMALL_MAX = 1024, /* of a name, an image, an id */
};

/* Without its quotes. */
static struct str
string_of(struct str value)
{
	if (value.n < 2 || *value.p != '"' || value.n - 2 > SMALL_MAX)
		return STR("");
	return (struct str){ value.p + 1, value.n - 2 };
}

static struct str
text_of(struct str object, const char *name)
{
	return string_of(member_of(object, name));
}

struct str
pod_text(struct str line, const char *name)
{
	return text_of(line, name);
}

struct str
pod_member(struct str line, const char *name)
{
	return member_of(line, name);
}

/* Nothing that a name, a uid or a hash has not got. */
static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') &&
		    !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-' && s.p[i] != '.')
			return false;
	return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

void
pod_add_key(struct buf *b, const char *key)
{
	buf_adds(b, b->n > 0 && b->p[b->n - 1] == '{' ? "\"" : ",\"");
	buf_adds(b, key);
	buf_adds(b, "\":");
}

void
pod_add_text(struct buf *b, const char *key, struct str raw)
{
	if (raw.n == 0)
		return;
	pod_add_key(b, key);
	buf_addc(b, '"');
	buf_addstr(b, raw);
	buf_addc(b, '"');
}

/* The wanted members of a map of strings. */
static void
add_map(struct buf *b, const char *key, struct str map, const struct keylist *wanted,
    uint64_t *left_out)
{
	size_t from = b->n;
	bool any = false;
	struct jscan it;
	struct jscan_member m;

	if (map.n == 0 || *map.p != '{')
		return;
	pod_add_key(b, key);
	buf_addc(b, '{');
	jscan_begin(&it, map);
	while (jscan_next(&it, &m)) {
		if (*m.value.p != '"' ||
		    (!str_starts(m.key, ORDERS) && !keylist_wants(wanted, m.key)))
			continue;
		if (m.value.n > POD_VALUE_MAX || m.key.n > KEYLIST_KEY_MAX ||
		    b->n + m.key.n + m.value.n > POD_MAPS_MAX) {
			++*left_out;
			continue;
		}
		buf_adds(b, any ? ",\"" : "\"");
		buf_addstr(b, m.key);
		buf_adds(b, "\":");
		buf_addstr(b, m.value);
		any = true;
	}
	buf_addc(b, '}');
	if (!any && !b->failed)
		b->p[b->n = from] = '\0';
}

/* The digits of "containerd://<64 hex>"; n = 0: not such an id. */
static struct str
id_of(struct str raw)
{
	struct str s = { raw.p, 0 };

	if (raw.n < POD_ID)
		return s;
	s = (struct str){ raw.p + raw.n - POD_ID, POD_ID };
	for (size_t i = 0; i < POD_ID; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return (struct str){ raw.p, 0 };
	return s;
}

/* What stands behind "://", or all of it. */
static struct str
hash_of(struct str raw)
{
	const char *p = raw.n > 0 ? memmem(raw.p, raw.n, "://", 3) : NULL;

	if (p == NULL)
		return raw;
	return (struct str){ p + 3, (size_t)(raw.p + raw.n - p - 3) };
}

static void
add_container(struct buf *b, struct str name, struct str status, struct str spec)
{
	struct str last = member_of(member_of(status, "lastState"), "terminated");
	struct str image = text_of(status, "image"), restarts;

	buf_adds(b, b->p[b->n - 1] == '[' ? "{" : ",{");
	pod_add_text(b, "name", name);
	pod_add_text(b, "image", image.n > 0 ? image : text_of(spec, "image"));
	pod_add_text(b, "hash", hash_of(text_of(status, "imageID")));
	pod_add_text(b, "id", id_of(text_of(status, "containerID")));
	pod_add_text(b, "last", id_of(text_of(last, "containerID")));
	restarts = member_of(status, "restartCount");
	if (restarts.n > 0 && restarts.n < 10 && *restarts.p >= '0' &&
	    *restarts.p <= '9') {
		pod_add_key(b, "restarts");
		buf_addstr(b, restarts);
	}
	buf_addc(b, '}');
}

/* The object of that name in an array of them. */
static struct str
named(struct str array, struct str name)
{
	struct jscan it;
	struct str one;

	if (array.n == 0 || *array.p != '[')
		return STR("");
	jscan_items(&it, array);
	while (jscan_item(&it, &one))
		if (str_eq(text_of(one, "name"), name))
			return one;
	return STR("");
}

struct str
pod_container(struct str line, struct str name)
{
	return named(member_of(line, "containers"), name);
}

/* Containers of a kind: the spec names them all, the status what became of them. */
static void
add_containers(
    struct buf *b, struct str spec, struct str statuses, unsigned *n, uint64_t *left_out)
{
	struct jscan it;
	struct str one, name;

	if (spec.n == 0 || *spec.p != '[')
		return;
	jscan_items(&it, spec);
	while (jscan_item(&it, &one)) {
		name = text_of(one, "name");
		if (!is_plain(name))
			continue;
		if (*n == POD_CONTAINERS_MAX || b->n > POD_LINE_MAX - 4 * SMALL_MAX) {
			++*left_out;
			continue;
		}
		add_container(b, name, named(statuses, name), one);
		++*n;
	}
}

static void
add_all_containers(struct buf *b, struct str spec, struct str status, uint64_t *left_out)
{
	unsigned n = 0;

	pod_add_key(b, "containers");
	buf_addc(b, '[');
	if (b->failed)
		return;
	add_containers(b, member_of(spec, "containers"),
	    member_of(status, "containerStatuses"), &n, left_out);
	add_containers(b, member_of(spec, "initContainers"),
	    member_of(status, "initContainerStatuses"), &n, left_out);
	add_containers(b, member_of(spec, "ephemeralContainers"),
	    member_of(status, "ephemeralContainerStatuses"), &n, left_out);
	buf_addc(b, ']');
}

static enum pod_kind
line_of_pod(struct str object, struct pod_keep *keep, struct buf *b)
{
	struct str meta = member_of(object, "metadata"), spec = member_of(object, "spec"),
		   status = member_of(object, "status"), hash, owners,
		   annotations = member_of(meta, "annotations"),
		   uid = text_of(meta, "uid"), name = text_of(meta, "name"),
		   namespace = text_of(meta, "namespace");

	if (!is_plain(uid) || !is_plain(name) || !is_plain(namespace))
		return POD_NONE;
	buf_addc(b, '{');
	pod_add_text(b, "uid", uid);
	pod_add_text(b, "name", name);
	pod_add_text(b, "namespace", namespace);
	pod_add_text(b, "created", text_of(meta, "creationTimestamp"));
	hash = text_of(annotations, "kubernetes.io/config.hash");
	if (hash.n == 0)
		hash = text_of(annotations, "kubernetes.io/config.mirror");
	if (is_plain(hash))
		pod_add_text(b, "hash", hash);
	pod_add_text(b, "node", text_of(spec, "nodeName"));
	pod_add_text(b, "ip", text_of(status, "podIP"));
	add_map(b, "labels", member_of(meta, "labels"), &keep->labels, &keep->left_out);
	add_map(b, "annotations", annotations, &keep->annotations, &keep->left_out);
	owners = keep->owners ? member_of(meta, "ownerReferences") : STR("");
	if (owners.n > POD_OWNERS_MAX) {
		keep->left_out++;
	} else if (owners.n > 2 && *owners.p == '[') {
		pod_add_key(b, "owners");
		buf_addstr(b, owners);
	}
	add_all_containers(b, spec, status, &keep->left_out);
	buf_addc(b, '}');
	return b->failed ? POD_NONE : POD_POD;
}

static enum pod_kind
line_of_namespace(struct str object, struct pod_keep *keep, struct buf *b)
{
	struct str meta = member_of(object, "metadata"), name = text_of(meta, "name");

	if (!is_plain(name))
		return POD_NONE;
	buf_addc(b, '{');
	pod_add_text(b, "namespace", name);
	add_map(b, "labels", member_of(meta, "labels"), &keep->labels, &keep->left_out);
	buf_addc(b, '}');
	return b->failed ? POD_NONE : POD_NAMESPACE;
}

enum pod_kind
pod_line(struct str object, enum pod_kind what, struct pod_keep *keep, struct buf *line)
{
	struct str kind = text_of(object, "kind");
	enum pod_kind got;

	buf_clear(line);
	if (kind.n > 0)
		what = str_eq(kind, STR("Pod"))         ? POD_POD
		       : str_eq(kind, STR("Namespace")) ? POD_NAMESPACE
							: POD_NONE;
	got = what == POD_POD         ? line_of_pod(object, keep, line)
	      : what == POD_NAMESPACE ? line_of_namespace(object, keep, line)
				      : POD_NONE;
	if (got == POD_NONE)
		buf_clear(line);
	return got;
}

/* Members of a map are strings. */
static bool
is_map(struct str map)
{
	struct jscan it;
	struct jscan_member m;

	if (map.n == 0)
		return true;
	jscan_begin(&it, map);
	while (jscan_next(&it, &m))
		if (*m.value.p != '"')
			return false;
	return !it.bad;
}

enum pod_kind
pod_check(struct str line)
{
	if (line.n > POD_LINE_MAX || line.n == 0 || *line.p != '{' ||
	    !jscan_valid(line, NULL) || !is_plain(text_of(line, "namespace")) ||
	    !is_map(member_of(line, "labels")) || !is_map(member_of(line, "annotations")))
		return POD_NONE;
	if (member_of(line, "uid").n == 0)
		return POD_NAMESPACE;
	return is_plain(text_of(line, "uid")) && is_plain(text_of(line, "name"))
		   ? POD_POD
		   : POD_NONE;
}

struct str
pod_order(struct str line, const char *what, struct str container, struct str stream)
{
	struct str annotations = member_of(line, "annotations"), value;
	char key[KEYLIST_KEY_MAX];

	if (annotations.n == 0 || container.n > 63 || stream.n > 6)
		return STR("");
	for (unsigned i = 0; i < 4; i++) {
		bool with_container = i < 2, with_stream = i % 2 == 0;

		if ((with_container && container.n == 0) ||
		    (with_stream && stream.n == 0))
			continue;
		snprintf(key, sizeof key, "fluentbit.io/%s%s%.*s%s%.*s", what,
		    with_stream ? "_" : "", with_stream ? (int)stream.n : 0, stream.p,
		    with_container ? "-" : "", with_container ? (int)container.n : 0,
		    container.p);
		value = text_of(annotations, key);
		if (value.n > 0)
			return value;
	}
	return STR("");
}
