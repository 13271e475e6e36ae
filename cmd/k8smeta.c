/* k8smeta - tell whose log each record is; see k8smeta(1). */
#include "base/clock.h"
#include "base/err.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/filter.h"
#include "cli/opts.h"
#include "kube/podcache.h"
#include "kube/podfeed.h"
#include "kube/podlocal.h"
#include "kube/podmeta.h"
#include "kube/podtable.h"
#include "record/dropped.h"
#include "record/jscan.h"
#include "record/kernels.h"
#include "source/decompress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECOND 1000000000LL

enum {
	WATCH_AFTER_S = 30, /* a run that lasts longer watches */
	IDLE_MS =
	    1000, /* marks of dropped records are written when so long nothing came */
	MARKS_EVERY_S = 10, /* and so often when there is no rest */
	PODS_BLOCK = 64 << 10,
	TOLD_MAX = 3, /* files of unknown pods that are named */
};

static const char *node, *api, *kubelet, *kubeconfig, *token_file, *ca_file, *client_cert,
    *client_key, *cache_dir, *docker = "/var/lib/docker/containers", *labels = "*",
			     *annotations = "*";
static struct opt_list pods_files;
static int64_t timeout_ns = 10 * SECOND;
static bool namespace_labels, owners, dedot, exclude, watch;

static const struct opt options[] = {
	{ 0, "annotations", "LIST", OPT_STR, &annotations,
	    "names and globs of the annotations to write (default *)" },
	{ 0, "api", "URL", OPT_MAYBE, &api,
	    "ask the API server (default: the one of the pod we are in)" },
	{ 0, "ca", "FILE", OPT_STR, &ca_file, "trust the CAs in this PEM file" },
	{ 0, "cache", "DIR", OPT_STR, &cache_dir,
	    "keep pods here, so that deleted ones are still known" },
	{ 0, "client-cert", "FILE", OPT_STR, &client_cert,
	    "a certificate of our own, PEM" },
	{ 0, "client-key", "FILE", OPT_STR, &client_key, "its key" },
	{ 0, "dedot", NULL, OPT_FLAG, &dedot,
	    "write _ for . in the keys of labels and annotations" },
	{ 0, "docker", "DIR", OPT_STR, &docker,
	    "where Docker's containers are (default /var/lib/docker/containers)" },
	{ 0, "exclude", NULL, OPT_FLAG, &exclude,
	    "leave out records that fluentbit.io/exclude says to" },
	{ 0, "kubeconfig", "FILE", OPT_STR, &kubeconfig,
	    "ask the API server of this file's current context" },
	{ 0, "kubelet", "URL", OPT_MAYBE, &kubelet,
	    "ask the node's kubelet (default https://NODE:10250)" },
	{ 0, "labels", "LIST", OPT_STR, &labels,
	    "names and globs of the labels to write (default *)" },
	{ 0, "namespace-labels", NULL, OPT_FLAG, &namespace_labels,
	    "ask for the labels of namespaces, too" },
	{ 0, "node", "NAME", OPT_STR, &node,
	    "the node's name: its pods are asked for; written as host" },
	{ 0, "owners", NULL, OPT_FLAG, &owners, "write ownerReferences" },
	{ 0, "pods", "FILE", OPT_LIST, &pods_files,
	    "read what kubectl get pods -A -o json wrote; may be .gz" },
	{ 0, "timeout", "TIME", OPT_AGE, &timeout_ns,
	    "the longest that asking may take (default 10s)" },
	{ 0, "token-file", "FILE", OPT_STR, &token_file, "the token to show" },
	{ 0, "watch", NULL, OPT_FLAG, &watch,
	    "watch for changes at once, not only after 30 s" },
	OPTS_END,
};
static const struct prog prog = { "k8smeta", "[OPTION]... [FILE]...",
	"Add to each record the pod, namespace and container that wrote it.", options };

static uint64_t unmatched, present, missing, pods_known, left_out, clashes, missing_files;
static int status_of_sources = ST_OK;

/* Where pods are told from. */
static struct podtable *table;
static struct pod_keep wanted;
static struct podfeed feed = { .wanted = &wanted };
static struct apiserver *server; /* API server or kubelet that is watched */
static struct podwatch *watcher;
static volatile sig_atomic_t stop;

static struct podmeta *pods;
static struct dropped dropped;

/* 1: the record has the member; 0: it has not; -1: it is malformed. */
static int
has_kubernetes(struct str line)
{
	struct jscan it;
	struct jscan_member m;

	jscan_begin(&it, line);
	while (jscan_next(&it, &m))
		if (jscan_key_is(m.key, STR("kubernetes")))
			return 1;
	return it.bad ? -1 : 0;
}

/* Neither changed nor an error: its file does not tell, or it has the member. */
static void
pass(struct filter *f, const struct record *r, bool has)
{
	++*(has ? &present : &unmatched);
	if (r->fresh && !has)
		diag_note("%.*s: no pod in this name", (int)r->src.file.n, r->src.file.p);
	record_pass(&f->out, r);
}

/* The record with `ending` in place of its closing brace. */
static void
put_in(struct ndjson_out *o, struct str line, struct str ending)
{
	char *to = ndjson_room(o, line.n + ending.n + 1);

	if (to == NULL)
		return;
	while (line.p[line.n - 1] != '}')
		line.n--;
	memcpy(to, line.p, line.n - 1);
	to += line.n - 1;
	memcpy(to, ending.p, ending.n);
	to += ending.n;
	*to++ = '\n';
	o->n = (size_t)(to - o->buf);
}

/* The pod of the record's file is one that no source knows. */
static void
count_missing(const struct record *r)
{
	missing++;
	if (r->fresh && missing_files++ < TOLD_MAX)
		diag_note(
		    "%.*s: its pod is not known", (int)r->src.file.n, r->src.file.p);
	if (watcher != NULL)
		podwatch_missed(watcher);
}

/* What cannot be looked at would be missing without a word: a Docker log whose config.v2.json
 * is there, and not below --docker. */
static void
tell_if_elsewhere(const struct record *r)
{
	static bool told;
	char path[PATH_MAX];
	const char *slash = memrchr(r->src.file.p, '/', r->src.file.n);
	int fd;

	if (told || slash == NULL ||
	    snprintf(path, sizeof path, "%.*s/config.v2.json",
		(int)(slash - r->src.file.p), r->src.file.p) >= (int)sizeof path ||
	    access(path, F_OK) < 0)
		return;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) >= 0) {
		close(fd);
	} else if (errno == EACCES) {
		told = true;
		diag_warn(
		    "%s: not for us to read; if Docker's containers are there, name "
		    "their directory with --docker=DIR",
		    path);
	}
}

static enum filter_did
one_record(struct filter *f, const struct record *r, const char **why)
{
	static const struct podmeta_found nothing;
	const struct podmeta_found *found;
	unsigned flags;
	int has = 0;

	if (!record_shape(r, &flags) || ((flags & SHAPE_KUBERNETES_KEY) != 0 &&
					    (has = has_kubernetes(r->line)) < 0)) {
		*why = "not one whole JSON object";
		return FILTER_BAD;
	}
	if (r->fresh && !has)
		tell_if_elsewhere(r);
	found = has ? &nothing : podmeta_of(pods, &f->reader, r);
	if (found == NULL) {
		f->out.failed = true;
		return FILTER_PASSED;
	}
	if (exclude && found->excluded) {
		dropped_add(&dropped, r, &f->out);
		return FILTER_FILTERED;
	}
	if (exclude)
		dropped_passed(&dropped, r);
	if (found->missing)
		count_missing(r);
	if (found->ending.n > 0)
		put_in(&f->out, r->line, found->ending);
	else
		pass(f, r, has);
	return FILTER_PASSED;
}

static void
one_mark(struct filter *f, const struct record *r)
{
	dropped_passed(&dropped, r);
	record_pass(&f->out, r);
}

/* In a pipe that goes on, what was left out must not hold back the commit for ever. */
static void
idle(struct filter *f, bool quiet)
{
	static int64_t last_ns;
	int64_t now_ns = clock_steady();

	if (last_ns == 0)
		last_ns = now_ns;
	if (!quiet && now_ns - last_ns < MARKS_EVERY_S * SECOND)
		return;
	last_ns = now_ns;
	dropped_flush(&dropped, &f->out);
}

static void
finish(struct filter *f)
{
	dropped_flush(&dropped, &f->out);
	clashes = podmeta_clashes(pods);
	if (podmeta_large(pods) > 0)
		diag_note("%llu config.v2.json are over %d MiB: not read",
		    (unsigned long long)podmeta_large(pods), PODLOCAL_CONFIG_MAX >> 20);
	if (table != NULL) { /* a watch may have told more */
		podtable_lock(table);
		pods_known = podtable_count(table);
		podtable_unlock(table);
	}
	if (unmatched > 0 && common.strict)
		diag_warn("%llu records: no pod in the name of their file; read them as "
			  "/var/log/containers/... or /var/log/pods/...",
		    (unsigned long long)unmatched);
	/* the source that failed has been told */
	if (missing > 0 && status_of_sources == ST_OK)
		diag_warn(
		    "%llu records: their pods are not known, only what the path says%s",
		    (unsigned long long)missing,
		    cache_dir == NULL ? "; --cache=DIR keeps pods that are deleted" : "");
}

/* Records go on with what the path says. */
static void
source_failed(const struct err *e)
{
	diag_warn("%s; records pass with what is known without it", e->text);
	status_of_sources = ST_ASIDE;
}

static int
file_bytes(const char *name, struct reader *r, struct objects *o, struct err *e)
{
	static char block[PODS_BLOCK];
	struct err inner;
	ssize_t n;

	while ((n = reader_read(r, block, sizeof block, name, e)) > 0)
		if (objects_feed(o, block, (size_t)n, &inner) < 0)
			return err_set(
			    e, inner.status, "%.150s: %.*s", name, 300, inner.text);
	if (n < 0)
		return -1;
	if (reader_cut(r) || reader_corrupt(r))
		return err_set(e, ST_FAIL, "%.300s: %s", name,
		    reader_cut(r) ? "the gzip data end too early"
				  : "the gzip data are damaged");
	if (objects_end(o, &inner) < 0)
		return err_set(e, inner.status, "%.150s: %.*s", name, 300, inner.text);
	if (o->too_large > 0)
		return err_set(e, ST_FAIL, "%.300s: %llu objects over 4 MiB, left out",
		    name, (unsigned long long)o->too_large);
	return 0;
}

/* -1: it cannot be opened; what is wrong inside is told. */
static int
read_pods_file(const char *name, struct err *e)
{
	unsigned char magic[2] = { 0, 0 };
	uint64_t before = feed.taken;
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct objects o;
	struct reader *r;

	if (fd < 0) {
		err_sys(e, name);
		e->status = ST_USAGE;
		return -1;
	}
	if (pread(fd, magic, 2, 0) < 0 && errno == EISDIR) {
		close(fd);
		return err_set(e, ST_USAGE, "%.300s: %s", name, strerror(EISDIR));
	}
	if ((r = reader_new(fd, magic[0] == 0x1f && magic[1] == 0x8b, e)) == NULL) {
		close(fd);
		return -1;
	}
	objects_init(&o);
	o.item = podfeed_item;
	o.whole = podfeed_whole;
	o.user = &feed;
	if (file_bytes(name, r, &o, e) < 0)
		source_failed(e);
	else if (feed.taken == before)
		diag_warn(
		    "%s: no pods in it; 'kubectl get pods -A -o json' writes them", name);
	objects_done(&o);
	reader_free(r);
	close(fd);
	return 0;
}

static int
open_server(bool is_kubelet, const char *url, struct apiserver **to, struct err *e)
{
	char at_node[300];
	struct apiserver_options o = { .url = url,
		.token_file = token_file,
		.ca_file = ca_file,
		.cert_file = client_cert,
		.key_file = client_key,
		.kubeconfig = is_kubelet ? NULL : kubeconfig,
		.kubelet = is_kubelet,
		.stop = &stop };

	if (is_kubelet && (url == NULL || url[0] == '\0')) {
		snprintf(at_node, sizeof at_node, "https://%.255s:10250",
		    node != NULL && node[0] != '\0' ? node : "127.0.0.1");
		o.url = at_node;
	}
	return (*to = apiserver_open(&o, e)) != NULL ? 0 : -1;
}

/* In a pod with no --node: the node is that of the pod, whose name is the host's. */
static void
find_own_node(struct apiserver *a, int64_t until_ns)
{
	static char own[PODFEED_NODE_MAX + 1];
	char host[256] = "";

	if (node != NULL || api[0] != '\0' || kubeconfig != NULL ||
	    gethostname(host, sizeof host - 1) < 0)
		return;
	podfeed_own_node(a, host, until_ns, own);
	if (own[0] != '\0')
		node = feed.node = own;
	else
		diag_note(
		    "the node's name is not known, so the pods of all nodes are asked "
		    "for; --node=NAME gives it");
}

/* Ask; what is wrong with an answer is told. */
static void
ask(struct apiserver *a, bool is_kubelet, int64_t until_ns)
{
	uint64_t before = feed.pods;
	struct err e;

	if (podfeed_list(&feed, a, is_kubelet, until_ns, &e) < 0)
		source_failed(&e);
	diag_note(
	    "%s: %llu pods", apiserver_name(a), (unsigned long long)(feed.pods - before));
}

static int
check_options(struct err *e)
{
	if (keylist_parse(labels, "--labels", &wanted.labels, e) < 0 ||
	    keylist_parse(annotations, "--annotations", &wanted.annotations, e) < 0)
		return -1;
	if (kubeconfig != NULL && api == NULL)
		api = "";
	if (api == NULL && kubelet == NULL &&
	    (token_file != NULL || ca_file != NULL || client_cert != NULL ||
		client_key != NULL))
		return err_set(e, ST_USAGE,
		    "--token-file, --ca and --client-cert are for --api or --kubelet");
	if (namespace_labels && api == NULL && pods_files.n == 0)
		return err_set(e, ST_USAGE,
		    "--namespace-labels needs --api, or --pods with namespaces in it");
	if (watch && api == NULL && kubelet == NULL)
		return err_set(e, ST_USAGE, "--watch needs --api or --kubelet");
	if (timeout_ns <= 0)
		return err_set(e, ST_USAGE, "--timeout: must be longer than nothing");
	return 0;
}

static void
load_cache(void)
{
	struct podcache_count count;
	struct err e;

	if (podcache_load(cache_dir, table, clock_now() / SECOND, &count, &e) < 0)
		source_failed(&e);
	else if (count.bad > 0)
		diag_warn(
		    "%s/pods.ndjson: %llu lines are damaged and left out; it is written "
		    "anew",
		    cache_dir, (unsigned long long)count.bad);
}

static void
confine_to(const struct apiserver *a, const struct apiserver *k)
{
	confined_read(docker);
	confined_write(cache_dir);
	for (size_t i = 0; i < pods_files.n; i++)
		confined_read(pods_files.item[i]);
	if (a != NULL || k != NULL)
		confined_net();
	if (a != NULL)
		apiserver_needs(a, confined_near);
	if (k != NULL)
		apiserver_needs(k, confined_near);
	confined();
}

/* From the time of --pods files to the API server: what comes later is newer. */
static int
open_sources(struct err *e)
{
	struct apiserver *k = NULL, *a = NULL;
	int64_t until_ns;

	if (check_options(e) < 0)
		return -1;
	if (api == NULL && kubelet == NULL && pods_files.n == 0 && cache_dir == NULL) {
		confine_to(NULL, NULL);
		return 0;
	}
	if ((table = podtable_new()) == NULL)
		return err_set(e, ST_FAIL, "pods: out of memory");
	wanted.owners = owners;
	feed.table = table;
	feed.node = node;
	feed.namespaces = namespace_labels;
	feed.now_s = clock_now() / SECOND;
	if (podfeed_init(&feed, e) < 0 ||
	    (kubelet != NULL && open_server(true, kubelet, &k, e) < 0) ||
	    (api != NULL && open_server(false, api, &a, e) < 0)) {
		apiserver_close(k);
		return -1;
	}
	confine_to(a, k);
	if (cache_dir != NULL)
		load_cache();
	for (size_t i = 0; i < pods_files.n; i++)
		if (read_pods_file(pods_files.item[i], e) < 0) {
			apiserver_close(k);
			apiserver_close(a);
			return -1;
		}
	until_ns = clock_steady() + timeout_ns;
	if (k != NULL)
		ask(k, true, until_ns);
	if (a != NULL) {
		find_own_node(a, until_ns);
		ask(a, false, until_ns);
	}
	server = a != NULL ? a : k;
	if (a != NULL)
		apiserver_close(k);
	return 0;
}

/* A run that goes on for long has a pipe that follows before it. */
static int
start_watch(struct err *e)
{
	struct podwatch_options o = { .server = server,
		.kubelet = api == NULL,
		.after_ns = watch ? 0 : WATCH_AFTER_S * SECOND,
		.cache_dir = cache_dir,
		.stop = &stop };

	if (server == NULL)
		return 0;
	return (watcher = podwatch_start(&feed, &o, e)) != NULL ? 0 : -1;
}

static void
close_sources(void)
{
	struct err e;

	if (watcher != NULL && podwatch_stop(watcher, &e) < 0)
		source_failed(&e);
	watcher = NULL;
	if (cache_dir != NULL && table != NULL &&
	    podcache_save(cache_dir, table, clock_now() / SECOND, &e) < 0) {
		diag_warn("%s; the cache may lack what is new", e.text);
		status_of_sources = ST_ASIDE;
	}
	if (feed.left_out > 0)
		diag_note(
		    "%llu labels, annotations, owners or containers are too large or "
		    "too many for their pod: left out",
		    (unsigned long long)feed.left_out);
	apiserver_close(server);
	podfeed_done(&feed);
	podtable_free(table);
}

static int
open_all(struct err *e)
{
	struct podmeta_options o = { .node = node,
		.labels = &wanted.labels,
		.annotations = &wanted.annotations,
		.namespace_labels = namespace_labels,
		.owners = owners,
		.dedot = dedot };

	if (open_sources(e) < 0)
		return -1;
	o.pods = table;
	if (table != NULL)
		pods_known = podtable_count(table);
	left_out = feed.left_out;
	return (pods = podmeta_new(&o, e)) != NULL ? start_watch(e) : -1;
}

static int
end(int status)
{
	close_sources();
	podmeta_free(pods);
	dropped_done(&dropped);
	return status_worse(status, status_of_sources);
}

int
main(int argc, char *argv[])
{
	struct filter f = { .record = one_record, .finish = finish, .no_log = true };
	struct err e;
	int r, status;

	diag_init(argv[0]);
	confined_secrets();
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r < 0 ? diag_end(&e) : ST_OK;
	confined_inputs(argc, argv);
	if (open_all(&e) < 0)
		return end(diag_end(&e));
	if (exclude) {
		f.mark = one_mark;
		f.idle = idle;
		f.wait_ms = IDLE_MS;
	}
	stats_own(&f.stats, "unmatched", &unmatched);
	stats_own(&f.stats, "present", &present);
	stats_own(&f.stats, "missing", &missing);
	stats_own(&f.stats, "pods", &pods_known);
	stats_own(&f.stats, "left_out", &left_out);
	stats_own(&f.stats, "clashes", &clashes);
	status = filter_run(&f, argc, argv);
	if ((unmatched > 0 && common.strict) || missing > 0)
		status = status_worse(status, ST_ASIDE);
	return end(status);
}
