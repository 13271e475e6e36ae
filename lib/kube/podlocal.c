#include "kube/podlocal.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "kube/podpath.h"
#include "record/jscan.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A string member without its quotes; n = 0: there is none. */
static struct str
text_of(struct str object, const char *name)
{
	struct jscan_member m;

	if (object.n == 0 || *object.p != '{' || !jscan_find(object, str_of(name), &m) ||
	    m.value.n < 2 || *m.value.p != '"')
		return STR("");
	return (struct str){ m.value.p + 1, m.value.n - 2 };
}

static struct str
object_of(struct str object, const char *name)
{
	struct jscan_member m;

	if (object.n == 0 || *object.p != '{' || !jscan_find(object, str_of(name), &m) ||
	    *m.value.p != '{')
		return STR("");
	return m.value;
}

static void
keep(char to[PODLOCAL_TEXT + 1], struct str s)
{
	if (s.n == 0 || s.n > PODLOCAL_TEXT)
		return;
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
}

void
podlocal_docker(struct str config, struct podpath *path, struct podlocal *out)
{
	struct str inner, labels, id, name, pod;

	if (!jscan_valid(config, NULL))
		return;
	id = text_of(config, "ID");
	if (id.n > 0 && !str_eq(id, str_of(path->docker_id)))
		return;
	inner = object_of(config, "Config");
	labels = object_of(inner, "Labels");
	pod = text_of(labels, "io.kubernetes.pod.name");
	if (pod.n > 0) {
		podpath_add(path, pod, text_of(labels, "io.kubernetes.pod.namespace"),
		    text_of(labels, "io.kubernetes.pod.uid"),
		    text_of(labels, "io.kubernetes.container.name"));
		return;
	}
	name = text_of(config, "Name");
	if (name.n > 0 && *name.p == '/')
		name.p++, name.n--;
	keep(out->container, name);
	keep(out->image, text_of(inner, "Image"));
}

/* .../ID/ID-json.log, and nothing else: the directory bears the id as well. */
static void
look_docker(const char *file, struct podpath *path, struct podlocal *out)
{
	const char *slash = strrchr(file, '/');
	char name[PATH_MAX];
	struct stat st = { .st_size = 0 };
	struct buf b;
	char *to;
	ssize_t n;
	int fd;

	if (slash == NULL || slash - file < PODPATH_ID ||
	    memcmp(slash - PODPATH_ID, path->docker_id, PODPATH_ID) != 0 ||
	    snprintf(name, sizeof name, "%.*s/config.v2.json", (int)(slash - file),
		file) >= (int)sizeof name ||
	    (fd = io_open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)) < 0)
		return;
	buf_init(&b, PODLOCAL_CONFIG_MAX);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size <= PODLOCAL_CONFIG_MAX &&
	    (to = buf_room(&b, (size_t)st.st_size)) != NULL &&
	    (n = read_full(fd, to, (size_t)st.st_size)) > 0)
		podlocal_docker((struct str){ to, (size_t)n }, path, out);
	else
		out->too_large = st.st_size > PODLOCAL_CONFIG_MAX;
	buf_done(&b);
	close(fd);
}

/* Where the kubelet's link leads, as a path in a record would have it. */
static void
look_link(const char *file, struct podpath *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(file, target, sizeof target);
	struct podpath there;

	if (n <= 0 || n == (ssize_t)sizeof target ||
	    memchr(target, '\\', (size_t)n) != NULL ||
	    !podpath_parse((struct str){ target, (size_t)n }, &there) ||
	    there.uid[0] == '\0')
		return;
	if (podpath_add(path, str_of(there.pod), str_of(there.namespace),
		str_of(there.uid), str_of(there.container)))
		memcpy(path->restart, there.restart, sizeof path->restart);
}

void
podlocal_look(const char *file, struct podpath *path, struct podlocal *out)
{
	*out = (struct podlocal){ 0 };
	if (strchr(file, '!') != NULL)
		return; /* in an archive */
	if (path->pod[0] == '\0' && path->docker_id[0] != '\0')
		look_docker(file, path, out);
	else if (path->uid[0] == '\0')
		look_link(file, path);
}
