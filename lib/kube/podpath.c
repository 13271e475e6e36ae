#include "kube/podpath.h"
#include "record/jscan.h"

enum { NAME_MAX_LINUX = 255 };

/* The last component, and what stands before it; '!' ends an archive's name. */
static struct str
last_part(struct str *path)
{
	size_t n = path->n;
	struct str part;

	while (n > 0 && path->p[n - 1] != '/' && path->p[n - 1] != '!')
		n--;
	part = (struct str){ path->p + n, path->n - n };
	path->n = n > 0 ? n - 1 : 0;
	return part;
}

/* Up to the first `at` into `head`, the rest after it stays.  false: there is none. */
static bool
cut(struct str *s, char at, struct str *head)
{
	const char *p = s->n > 0 ? memchr(s->p, at, s->n) : NULL;

	if (p == NULL)
		return false;
	*head = (struct str){ s->p, (size_t)(p - s->p) };
	*s = (struct str){ p + 1, s->n - head->n - 1 };
	return true;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z');
}

static bool
is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'f'))
			return false;
	return true;
}

static bool
is_label(struct str s)
{
	if (s.n == 0 || !is_alnum(s.p[0]) || !is_alnum(s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

static bool
is_subdomain(struct str s)
{
	struct str label;

	if (s.n > PODPATH_POD)
		return false;
	while (cut(&s, '.', &label))
		if (!is_label(label))
			return false;
	return is_label(s);
}

static bool
is_uid(struct str s)
{
	static const size_t groups[] = { 8, 4, 4, 4 };
	struct str group;

	if (s.n == 32)
		return is_hex(s);
	if (s.n != PODPATH_UID)
		return false;
	for (size_t i = 0; i < 4; i++)
		if (!cut(&s, '-', &group) || group.n != groups[i] || !is_hex(group))
			return false;
	return is_hex(s);
}

/* ".log", and behind it nothing or what rotation and compression add. */
static bool
is_log_suffix(struct str s)
{
	if (!str_starts(s, STR(".log")))
		return false;
	if (s.n > 4 && (s.n == 5 || (s.p[4] != '.' && s.p[4] != '-')))
		return false;
	for (size_t i = 4; i < s.n; i++)
		if (!is_alnum(s.p[i]) && (s.p[i] < 'A' || s.p[i] > 'Z') &&
		    s.p[i] != '.' && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return true;
}

static void
keep(char *to, struct str s)
{
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
}

static bool
keep_pod(struct podpath *out, struct str pod, struct str namespace)
{
	if (!is_subdomain(pod) || namespace.n > PODPATH_LABEL || !is_label(namespace))
		return false;
	keep(out->pod, pod);
	keep(out->namespace, namespace);
	return true;
}

static bool
keep_container(struct podpath *out, struct str container)
{
	if (container.n > PODPATH_LABEL || !is_label(container))
		return false;
	keep(out->container, container);
	return true;
}

/* CONTAINER-ID of a name that was cut to 255 bytes.  Longer than any container's name, it
 * holds the '-' between the two; else the cut may have come first. */
static bool
parse_cut_short(struct str s, struct podpath *out)
{
	const char *dash = s.n > PODPATH_LABEL ? memrchr(s.p, '-', s.n) : NULL;

	if (s.n <= PODPATH_LABEL)
		return s.n > 0;
	return dash != NULL &&
	       is_hex((struct str){ dash + 1, (size_t)(s.p + s.n - dash - 1) }) &&
	       keep_container(out, (struct str){ s.p, (size_t)(dash - s.p) });
}

/* POD_NAMESPACE_CONTAINER-ID.log */
static bool
parse_containers(struct str file, struct podpath *out)
{
	struct str pod, namespace, stem, suffix, id;
	size_t whole = file.n;
	const char *dot;

	if (!cut(&file, '_', &pod) || !cut(&file, '_', &namespace) ||
	    (dot = memchr(file.p, '.', file.n)) == NULL || !keep_pod(out, pod, namespace))
		return false;
	stem = (struct str){ file.p, (size_t)(dot - file.p) };
	suffix = (struct str){ dot, file.n - stem.n };
	if (!is_log_suffix(suffix))
		return false;
	if (stem.n > PODPATH_ID && stem.p[stem.n - PODPATH_ID - 1] == '-') {
		id = (struct str){ stem.p + stem.n - PODPATH_ID, PODPATH_ID };
		if (is_hex(id)) {
			keep(out->docker_id, id);
			stem.n -= PODPATH_ID + 1;
			return keep_container(out, stem);
		}
	}
	return whole == NAME_MAX_LINUX && suffix.n == 4 && parse_cut_short(stem, out);
}

/* NAMESPACE_POD_UID/CONTAINER/N.log */
static bool
parse_pods(struct str dirs, struct str file, struct podpath *out)
{
	struct str container = last_part(&dirs), pod_dir = last_part(&dirs), namespace,
		   pod;
	size_t digits = 0;

	while (digits < file.n && is_digit(file.p[digits]))
		digits++;
	if (digits == 0 ||
	    !is_log_suffix((struct str){ file.p + digits, file.n - digits }) ||
	    !cut(&pod_dir, '_', &namespace) || !cut(&pod_dir, '_', &pod) ||
	    !is_uid(pod_dir) || !keep_pod(out, pod, namespace) ||
	    !keep_container(out, container))
		return false;
	keep(out->uid, pod_dir);
	if (digits <= PODPATH_RESTART)
		keep(out->restart, (struct str){ file.p, digits });
	return true;
}

/* ID-json.log */
static bool
parse_docker(struct str file, struct podpath *out)
{
	struct str id = { file.p, PODPATH_ID };
	const size_t before_log = PODPATH_ID + 5;

	if (file.n <= before_log || !is_hex(id) ||
	    memcmp(file.p + PODPATH_ID, "-json", 5) != 0 ||
	    !is_log_suffix((struct str){ file.p + before_log, file.n - before_log }))
		return false;
	keep(out->docker_id, id);
	return true;
}

bool
podpath_parse(struct str raw, struct podpath *out)
{
	char plain[PODPATH_MAX];
	struct str path = raw, file;
	ptrdiff_t n;

	*out = (struct podpath){ 0 };
	if (raw.n == 0 || raw.n > sizeof plain)
		return false;
	if (memchr(raw.p, '\\', raw.n) != NULL) {
		if ((n = jscan_unescape(raw, plain)) < 0)
			return false;
		path = (struct str){ plain, (size_t)n };
	}
	file = last_part(&path);
	if (parse_pods(path, file, out))
		return true;
	*out = (struct podpath){ 0 };
	if (parse_containers(file, out))
		return true;
	*out = (struct podpath){ 0 };
	return parse_docker(file, out);
}

static bool
agrees(const char *known, struct str s)
{
	return s.n == 0 || known[0] == '\0' || str_eq(str_of(known), s);
}

bool
podpath_add(struct podpath *out, struct str pod, struct str namespace, struct str uid,
    struct str container)
{
	if ((pod.n > 0 && !is_subdomain(pod)) ||
	    (namespace.n > 0 && (namespace.n > PODPATH_LABEL || !is_label(namespace))) ||
	    (uid.n > 0 && !is_uid(uid)) ||
	    (container.n > 0 && (container.n > PODPATH_LABEL || !is_label(container))) ||
	    !agrees(out->pod, pod) || !agrees(out->namespace, namespace) ||
	    !agrees(out->uid, uid) || !agrees(out->container, container))
		return false;
	if (pod.n > 0)
		keep(out->pod, pod);
	if (namespace.n > 0)
		keep(out->namespace, namespace);
	if (uid.n > 0)
		keep(out->uid, uid);
	if (container.n > 0)
		keep(out->container, container);
	return true;
}
