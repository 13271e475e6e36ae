/* k8ssweep - make a Job on each node of a cluster; see k8ssweep(1).
 *
 * 1. Read the template: a file, or the CronJob that keeps it.
 * 2. List the Jobs of before: a node with one that is not finished is busy.
 * 3. List the nodes.
 * 4. For each node that is neither dead nor busy, create its Job. The name is made of node and
 * slot, so a 409 means that this was done before, and every step can be done again.
 *
 * What is refused for one Job would be for all: the first such answer ends the run.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/opts.h"
#include "cli/stats.h"
#include "kube/apiserver.h"
#include "kube/jobs.h"
#include "kube/nodes.h"
#include "record/ndjson.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)

enum { TOLD_MAX = 3 }; /* items that are no nodes, in so many words */

static const char *api, *token_file, *ca_file, *cert_file, *key_file, *kubeconfig;
static const char *template, *from, *owner, *ns_name, *selector, *slot;
static bool dry_run;
static int64_t patience_ns = 120 * SECOND, timeout_ns = 300 * SECOND;

static const struct opt options[] = {
	{ 0, "template", "FILE", OPT_STR, &template,
	    "the Job to make on each node, JSON; - is standard input" },
	{ 0, "from", "cronjob/NAME", OPT_STR, &from,
	    "take it from this CronJob, which then owns the Jobs" },
	{ 0, "owner", "cronjob/NAME", OPT_STR, &owner,
	    "the CronJob with which the Jobs are to go" },
	{ 0, "namespace", "NAME", OPT_STR, &ns_name,
	    "where to make them (default the template's, then our own)" },
	{ 0, "selector", "LABELS", OPT_STR, &selector,
	    "only nodes with these labels, as kubectl -l takes them" },
	{ 0, "skip-not-ready", "AGE", OPT_AGE, &patience_ns,
	    "a node that is not ready for longer is dead (default 2m)" },
	{ 0, "slot", "TEXT", OPT_STR, &slot,
	    "which run this is (default the minute); a node gets one Job a slot" },
	{ 0, "timeout", "AGE", OPT_AGE, &timeout_ns,
	    "how long to go on trying in all (default 5m)" },
	{ 'n', "dry-run", NULL, OPT_FLAG, &dry_run,
	    "tell what would be made, with the Jobs, make nothing" },
	{ 0, "api", "URL", OPT_MAYBE, &api,
	    "the API server (default that of our pod, or of --kubeconfig)" },
	{ 0, "kubeconfig", "FILE", OPT_STR, &kubeconfig,
	    "where the server is and who we are, as kubectl has it" },
	{ 0, "token-file", "FILE", OPT_STR, &token_file, "the token to show it" },
	{ 0, "ca", "FILE", OPT_STR, &ca_file, "the CA to know it by, PEM" },
	{ 0, "client-cert", "FILE", OPT_STR, &cert_file, "our own certificate, PEM" },
	{ 0, "client-key", "FILE", OPT_STR, &key_file, "and its key" },
	OPTS_END,
};
static const struct prog prog = { "k8ssweep",
	"[OPTION]... --template=FILE | --from=cronjob/NAME",
	"Make a Job of a template on each node of a Kubernetes cluster.", options };

struct run {
	struct apiserver *api;
	struct apiserver_answer answer;
	struct job_template *template;
	struct jobs_seen seen;
	struct nodes nodes;
	struct ndjson_out out;
	struct buf body, path;
	struct stats stats;
	uint64_t created, exists, busy, dead, failed, left;
	int64_t until_ns;
	int status;
	bool over, closed; /* no more Jobs are made; nobody reads standard output */
};

/* ---- asking ---- */

static int
get(struct run *run, const char *what, struct err *e)
{
	struct apiserver_request rq = {
		.method = "GET", .path = run->path.p, .until_ns = run->until_ns
	};

	if (buf_check(&run->path, what, e) < 0)
		return -1;
	return apiserver_ask(run->api, &rq, &run->answer, e);
}

/* The path of a collection of batch/v1, or of one object in it. */
static void
batch_path(struct run *run, const char *kind, const char *name)
{
	buf_clear(&run->path);
	buf_adds(&run->path, "/apis/batch/v1/namespaces/");
	apiserver_encode(&run->path, str_of(ns_name));
	buf_printf(&run->path, "/%s", kind);
	if (name != NULL) {
		buf_addc(&run->path, '/');
		apiserver_encode(&run->path, str_of(name));
	}
}

static int
job_item(void *user, struct str object, struct err *e)
{
	return jobs_seen_add(user, object, e);
}

static void
jobs_again(void *user)
{
	jobs_seen_clear(user);
}

static int
node_item(void *user, struct str object, struct err *e)
{
	struct run *run = user;
	int r = nodes_add(&run->nodes, object, e);

	if (r > 0 && run->nodes.unusable <= TOLD_MAX)
		diag_warn("%s: left out", e->text);
	return r < 0 ? -1 : 0;
}

static void
nodes_again(void *user)
{
	nodes_clear(&((struct run *)user)->nodes);
}

static int
list_jobs(struct run *run, struct err *e)
{
	struct apiserver_list l = { .item = job_item,
		.again = jobs_again,
		.user = &run->seen,
		.until_ns = run->until_ns };

	batch_path(run, "jobs", NULL);
	buf_adds(&run->path, "?labelSelector=");
	apiserver_encode(&run->path, STR(JOBS_LABEL));
	if (buf_check(&run->path, "namespace", e) < 0)
		return -1;
	l.path = run->path.p;
	return apiserver_list(run->api, &l, &run->answer, e);
}

static int
list_nodes(struct run *run, struct err *e)
{
	struct apiserver_list l = { .item = node_item,
		.again = nodes_again,
		.user = run,
		.until_ns = run->until_ns };

	buf_clear(&run->path);
	buf_adds(&run->path, "/api/v1/nodes");
	if (selector != NULL && *selector != '\0') {
		buf_adds(&run->path, "?labelSelector=");
		apiserver_encode(&run->path, str_of(selector));
	}
	if (buf_check(&run->path, "--selector", e) < 0)
		return -1;
	l.path = run->path.p;
	return apiserver_list(run->api, &l, &run->answer, e);
}

/* ---- the template ---- */

static int
template_file(struct run *run, struct err *e)
{
	bool in = strcmp(template, "-") == 0;
	struct buf b;
	int r;

	buf_init(&b, JOBS_TEMPLATE_MAX);
	if ((r = file_read(in ? "/dev/stdin" : template, &b, e)) == 0)
		r = err_set(e, ST_USAGE, "%.400s: %s", template, strerror(ENOENT));
	if (r > 0)
		run->template = job_template_read(
		    in ? "<stdin>" : template, (struct str){ b.p ? b.p : "", b.n }, e);
	else if (e->status != ST_NOPERM)
		e->status = ST_USAGE;
	buf_done(&b);
	return run->template != NULL ? 0 : -1;
}

static const char *
cronjob_name(const char *option, const char *value, struct err *e)
{
	if (strncmp(value, "cronjob/", 8) == 0 && value[8] != '\0')
		return value + 8;
	err_set(e, ST_USAGE, "%s: %.200s: not cronjob/NAME", option, value);
	return NULL;
}

/* The CronJob of --from or --owner: its template, and its name and uid as owner. */
static int
template_cronjob(struct run *run, struct err *e)
{
	const char *name =
	    from ? cronjob_name("--from", from, e) : cronjob_name("--owner", owner, e);
	struct str got;

	if (name == NULL)
		return -1;
	batch_path(run, "cronjobs", name);
	if (get(run, "namespace", e) < 0) {
		if (run->answer.status == 404)
			e->status = ST_USAGE;
		return -1;
	}
	got = (struct str){ run->answer.body.p ? run->answer.body.p : "",
		run->answer.body.n };
	if (from != NULL && (run->template = job_template_read(from, got, e)) == NULL)
		return -1;
	return job_template_own(run->template, got, e);
}

/* ---- results ---- */

static void
add_string(struct ndjson_out *o, const char *name, const char *s)
{
	uint64_t replaced = 0;

	ndjson_add(o, name, strlen(name));
	NDJSON_LIT(o, "\"");
	ndjson_text(o, s, strlen(s), &replaced);
	NDJSON_LIT(o, "\"");
}

/* {"node","status"} and, of those that are known, job, ready, seconds, error, manifest. */
static void
result(struct run *run, const struct node *n, const char *status, const char *job,
    const char *error)
{
	struct ndjson_out *o = &run->out;
	bool ready = strcmp(n->ready, "True") == 0;
	struct err e;

	add_string(o, "{\"node\":", n->name);
	add_string(o, ",\"status\":", status);
	if (job != NULL)
		add_string(o, ",\"job\":", job);
	if (!ready)
		add_string(o, ",\"ready\":", n->ready);
	if (!ready && n->since_ns != INT64_MIN) {
		int64_t age = (clock_now() - n->since_ns) / SECOND;

		NDJSON_LIT(o, ",\"seconds\":");
		ndjson_u64(o, age > 0 ? (uint64_t)age : 0);
	}
	if (error != NULL)
		add_string(o, ",\"error\":", error);
	if (dry_run && strcmp(status, "dry-run") == 0) {
		NDJSON_LIT(o, ",\"manifest\":");
		ndjson_add(o, run->body.p, run->body.n);
	}
	NDJSON_LIT(o, "}\n");
	if (run->closed) {
		o->n = 0;
	} else if (ndjson_flush(o, &e) < 0) { /* the Jobs are made all the same */
		run->closed = true;
		o->n = 0;
		if (errno != EPIPE)
			run->status = status_worse(run->status, diag_end(&e));
	}
}

/* ---- a node ---- */

/* What an answer to a POST means for the others. */
static void
refused(struct run *run, const struct node *n, const char *job, struct err *e)
{
	const struct apiserver_answer *an = &run->answer;
	bool quota = an->status == 403 && strstr(an->message, "exceeded quota") != NULL;

	if (quota)
		err_set(e, ST_LATER,
		    "%.100s: the namespace's ResourceQuota is used up; raise it, or let "
		    "Jobs go sooner with ttlSecondsAfterFinished: %.200s",
		    apiserver_name(run->api), an->message);
	else if (an->status == 400 || an->status == 404 || an->status == 413 ||
		 an->status == 422)
		e->status = ST_USAGE;
	run->over = true;
	run->failed++;
	run->status = status_worse(run->status, diag_end(e));
	result(run, n, "failed", job, e->text);
}

static void
create(struct run *run, const struct node *n, const char *job)
{
	struct apiserver_request rq = { .method = "POST",
		.path = run->path.p,
		.body = { run->body.p, run->body.n },
		.until_ns = run->until_ns };
	struct err e;

	if (apiserver_ask(run->api, &rq, &run->answer, &e) == 0) {
		run->created++;
		result(run, n, "created", job, NULL);
	} else if (run->answer.status == 409 &&
		   strcmp(run->answer.reason, "AlreadyExists") == 0) {
		run->exists++;
		result(run, n, "exists", job, NULL);
	} else {
		refused(run, n, job, &e);
	}
}

static void
one_node(struct run *run, const struct node *n)
{
	char job[JOBS_NAME_MAX + 1];
	const char *other;
	struct err e;

	job_name(run->template, n->name, slot, job);
	if (node_dead(n, clock_now(), patience_ns)) {
		run->dead++;
		run->status = status_worse(run->status, ST_ASIDE);
		diag_warn("%s: not ready: no Job for it", n->name);
		result(run, n, "dead", NULL, NULL);
	} else if ((other = jobs_seen_of(&run->seen, n->name, job)) != NULL) {
		bool same = strcmp(other, job) == 0;

		*(same ? &run->exists : &run->busy) += 1;
		result(run, n, same ? "exists" : "busy", other, NULL);
	} else if (run->over) {
		run->left++;
		result(run, n, "left", NULL, NULL);
	} else if (job_make(run->template, n->name, slot, ns_name, &run->body, &e) < 0) {
		refused(run, n, job, &e);
	} else if (dry_run) {
		run->created++;
		result(run, n, "dry-run", job, NULL);
	} else {
		create(run, n, job);
	}
}

/* One item that anybody spoilt does not end the run for the others. */
static int
unusable_nodes(struct run *run, struct err *e)
{
	size_t n = run->nodes.unusable;

	if (n == 0)
		return 0;
	if (run->nodes.n == 0)
		return err_set(e, ST_FAIL, "nodes: no item of %zu is a Node", n);
	if (n > TOLD_MAX)
		diag_warn("nodes: %zu items more that are none", n - TOLD_MAX);
	run->stats.in = run->stats.rejected = n;
	run->status = status_worse(run->status, ST_ASIDE);
	return 0;
}

static int
all_nodes(struct run *run, struct err *e)
{
	batch_path(run, "jobs", NULL);
	if (buf_check(&run->path, "namespace", e) < 0 || unusable_nodes(run, e) < 0)
		return -1;
	if (run->nodes.n == 0) {
		diag_warn("no node has the labels %s", selector ? selector : "");
		run->status = status_worse(run->status, ST_ASIDE);
	}
	for (size_t i = 0; i < run->nodes.n; i++) {
		if (run->nodes.item[i].leaving) {
			run->stats.filtered++;
			diag_note("%s: is being deleted", run->nodes.item[i].name);
		} else {
			one_node(run, &run->nodes.item[i]);
		}
		run->stats.in++;
		stats_poll(&run->stats);
	}
	return 0;
}

/* ---- the run ---- */

static int
check_options(int argc, char *argv[], struct err *e)
{
	if (argc > 0)
		return err_set(
		    e, ST_USAGE, "%.200s: takes no operands; try --help", argv[0]);
	if ((template == NULL) == (from == NULL))
		return err_set(e, ST_USAGE,
		    template
			? "--template and --from: one of them"
			: "no template: give --template=FILE or --from=cronjob/NAME");
	if (from != NULL && owner != NULL)
		return err_set(
		    e, ST_USAGE, "--owner: the CronJob of --from owns the Jobs");
	return 0;
}

/* Without --slot the minute, as the CronJob controller counts them. */
static int
choose_slot(const struct run *run, struct err *e)
{
	static char minute[24];

	if (slot == NULL) {
		snprintf(minute, sizeof minute, "%" PRId64, clock_now() / SECOND / 60);
		slot = minute;
	}
	return job_slot_check(run->template, slot, e);
}

static int
choose_namespace(const struct run *run, struct err *e)
{
	if (ns_name == NULL && run->template != NULL)
		ns_name = job_template_namespace(run->template);
	if (ns_name == NULL)
		ns_name = apiserver_namespace(run->api);
	if (*ns_name == '\0')
		return err_set(e, ST_USAGE, "no namespace: give --namespace=NAME");
	return 0;
}

static int
prepare(struct run *run, struct err *e)
{
	struct apiserver_options o = {
		.url = api && *api ? api : NULL,
		.token_file = token_file,
		.ca_file = ca_file,
		.cert_file = cert_file,
		.key_file = key_file,
		.kubeconfig = kubeconfig,
	};

	if (template != NULL && template_file(run, e) < 0)
		return -1;
	if ((run->api = apiserver_open(&o, e)) == NULL || choose_namespace(run, e) < 0)
		return -1;
	confined_net();
	apiserver_needs(run->api, confined_near);
	confined();
	run->until_ns = clock_steady() + timeout_ns;
	if ((from != NULL || owner != NULL) && template_cronjob(run, e) < 0)
		return -1;
	if (choose_slot(run, e) < 0)
		return -1;
	return list_jobs(run, e) < 0 || list_nodes(run, e) < 0 ? -1 : 0;
}

static void
count(struct run *run)
{
	stats_init(&run->stats);
	stats_own(&run->stats, "created", &run->created);
	stats_own(&run->stats, "exists", &run->exists);
	stats_own(&run->stats, "busy", &run->busy);
	stats_own(&run->stats, "dead", &run->dead);
	stats_own(&run->stats, "failed", &run->failed);
	stats_own(&run->stats, "left", &run->left);
}

static int
finish(struct run *run)
{
	struct err e;

	if (common.strict && run->busy > 0)
		run->status = status_worse(run->status, ST_ASIDE);
	run->stats.out = run->created + run->exists;
	run->stats.filtered += run->busy;
	run->stats.rejected += run->dead + run->failed + run->left;
	run->stats.bytes_out = run->out.bytes;
	if (stats_end(&run->stats, &e) < 0)
		run->status = status_worse(run->status, diag_end(&e));
	job_template_free(run->template);
	jobs_seen_done(&run->seen);
	nodes_done(&run->nodes);
	buf_done(&run->body);
	buf_done(&run->path);
	ndjson_out_done(&run->out);
	apiserver_answer_done(&run->answer);
	apiserver_close(run->api);
	return run->status;
}

int
main(int argc, char *argv[])
{
	static struct run run;
	struct err e;
	int r;

	diag_init(argv[0]);
	confined_secrets();
	signal(SIGPIPE, SIG_IGN);
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r > 0 ? ST_OK : diag_end(&e);
	count(&run);
	jobs_seen_init(&run.seen);
	nodes_init(&run.nodes);
	buf_init(&run.body, 2 * JOBS_TEMPLATE_MAX);
	buf_init(&run.path, 64 << 10);
	apiserver_answer_init(&run.answer);
	if (check_options(argc, argv, &e) < 0 ||
	    ndjson_out_init(&run.out, STDOUT_FILENO, "<stdout>", &e) < 0 ||
	    prepare(&run, &e) < 0 || all_nodes(&run, &e) < 0)
		run.status = status_worse(run.status, diag_end(&e));
	return finish(&run);
}
