/* k8smeta - tell whose log each record is; see k8smeta(1). */
#include "base/err.h"
#include "cli/diag.h"
#include "cli/filter.h"
#include "cli/opts.h"
#include "kube/podmeta.h"
#include "record/jscan.h"
#include "record/kernels.h"

static const char *node;
static struct podmeta *pods;
static uint64_t unmatched, present;

static const struct opt options[] = {
	{ 0, "node", "NAME", OPT_STR, &node,
	    "the node's name, written as kubernetes.host" },
	OPTS_END,
};
static const struct prog prog = { "k8smeta", "[OPTION]... [FILE]...",
	"Add to each record the pod, namespace and container that wrote it.", options,
	NULL };

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
splice(struct ndjson_out *o, struct str line, struct str ending)
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

static enum filter_did
one_record(struct filter *f, const struct record *r, const char **why)
{
	struct str ending;
	unsigned flags;
	int has = 0;

	if (!record_shape(r, &flags) || ((flags & SHAPE_KUBERNETES_KEY) != 0 &&
					    (has = has_kubernetes(r->line)) < 0)) {
		*why = "not one whole JSON object";
		return FILTER_BAD;
	}
	ending = has ? STR("") : podmeta_of(pods, &f->reader, r);
	if (ending.p == NULL)
		f->out.failed = true;
	else if (ending.n > 0)
		splice(&f->out, r->line, ending);
	else
		pass(f, r, has);
	return FILTER_PASSED;
}

static void
finish(struct filter *f)
{
	(void)f;
	if (unmatched > 0 && common.strict)
		diag_warn("%llu records: no pod in the name of their file",
		    (unsigned long long)unmatched);
}

int
main(int argc, char *argv[])
{
	struct filter f = { .record = one_record, .finish = finish, .no_log = true };
	struct err e;
	int r, status;

	diag_init(argv[0]);
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r < 0 ? diag_end(&e) : ST_OK;
	if ((pods = podmeta_new(node, &e)) == NULL)
		return diag_end(&e);
	stats_own(&f.stats, "unmatched", &unmatched);
	stats_own(&f.stats, "present", &present);
	status = filter_run(&f, argc, argv);
	podmeta_free(pods);
	if (unmatched > 0 && common.strict)
		status = status_worse(status, ST_ASIDE);
	return status;
}
