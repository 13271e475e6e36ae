/* kubejobs: the input is a template, a Node and a Job.  A Job that is made of a template is
 * valid JSON in one line, is one that a template can be read of again, and is found as made. */
#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "kube/jobs.h"
#include "kube/nodes.h"
#include "record/jscan.h"

static void
check_made(struct job_template *t, struct str object)
{
	struct job_template *again;
	struct jobs_seen seen;
	struct buf job;
	struct err e;
	char name[JOBS_NAME_MAX + 1];

	buf_init(&job, 4 * JOBS_TEMPLATE_MAX);
	(void)job_template_own(t, object, &e);
	if (job_slot_check(t, "s-1", &e) == 0 &&
	    job_make(t, "node-1", "s-1", "ns", &job, &e) == 0) {
		struct str text = { job.p, job.n };

		must(jscan_valid(text, NULL), "made: %.*s", (int)job.n, job.p);
		must(memchr(job.p, '\n', job.n) == NULL, "more than a line");
		again = job_template_read("made", text, &e);
		must(again != NULL, "%s", e.text);
		job_template_free(again);
		job_name(t, "node-1", "s-1", name);
		jobs_seen_init(&seen);
		must(jobs_seen_add(&seen, text, &e) == 0, "%s", e.text);
		must(jobs_seen_of(&seen, "node-1", name) != NULL, "not found as made");
		must(jobs_seen_of(&seen, "node-2", name) == NULL, "found on another");
		jobs_seen_done(&seen);
	}
	buf_done(&job);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = exact(data, size);
	struct job_template *t;
	struct jobs_seen seen;
	struct nodes nodes;
	struct err e;

	if ((t = job_template_read("input", text, &e)) != NULL) {
		check_made(t, text);
		job_template_free(t);
	}
	nodes_init(&nodes);
	if (nodes_add(&nodes, text, &e) == 0)
		(void)node_dead(&nodes.item[0], 0, 1);
	nodes_done(&nodes);
	jobs_seen_init(&seen);
	(void)jobs_seen_add(&seen, text, &e);
	(void)jobs_seen_of(&seen, "node-1", "x");
	jobs_seen_done(&seen);
	exact_free(text);
	return 0;
}
