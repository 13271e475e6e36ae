/* objects: the input as what an API server, a kubelet or a --pods file says, in pieces; the pods
 * in it into the table, and a record of each spliced.  First byte: options and size of pieces. */
#include "kube/objects.h"
#include "base/err.h"
#include "fuzz.h"
#include "kube/pod.h"
#include "kube/podfeed.h"
#include "kube/podmeta.h"
#include "kube/podtable.h"
#include "record/record.h"

/* A record of the pod that `line` tells must be one object with what comes of it. */
static void
check_pod(struct podmeta *m, struct record_reader *rr, struct str line)
{
	static const char *const streams[] = { "stdout", "stderr", "other" };
	struct str uid = pod_text(line, "uid"), name = pod_text(line, "name");
	struct buf b;
	struct record r;
	struct jscan_bad bad;

	must(pod_check(line) != POD_NONE, "not a line: %.*s", SHOW(line));
	if (uid.n == 0)
		return;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 3; i++) {
		const struct podmeta_found *found;

		buf_clear(&b);
		buf_printf(&b,
		    "{\"_src\":{\"file\":\"/var/log/pods/%.*s_%.*s_%.*s/app/"
		    "0.log\",\"id\":\"%d\","
		    "\"gen\":1,\"end\":2},\"time\":\"2026-11-22T13:00:00Z\",\"stream\":"
		    "\"%s\",\"a\":1}",
		    SHOW(pod_text(line, "namespace")), SHOW(name), SHOW(uid), i,
		    streams[i]);
		must(record_read(rr, (struct str){ b.p, b.n }, &r), "a record: %s", b.p);
		must((found = podmeta_of(m, rr, &r)) != NULL, "out of memory");
		b.n -= found->ending.n > 0;
		buf_addstr(&b, found->ending);
		must(jscan_valid((struct str){ b.p, b.n }, &bad), "%s at %zu: %s",
		    bad.why, bad.at, b.p);
	}
	buf_done(&b);
}

static void
check_all(struct podtable *t, const struct pod_keep *wanted, unsigned opt)
{
	struct podmeta_options o = { .pods = t,
		.labels = &wanted->labels,
		.annotations = &wanted->annotations,
		.namespace_labels = true,
		.owners = true,
		.dedot = opt & 4 };
	struct record_reader rr;
	struct podmeta *m;
	struct err e;

	must((m = podmeta_new(&o, &e)) != NULL, "%s", e.text);
	record_reader_init(&rr);
	for (size_t i = 0; i < podtable_count(t); i++)
		check_pod(m, &rr, podtable_at(t, i)->line);
	record_reader_done(&rr);
	podmeta_free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pod_keep wanted = { .owners = true };
	struct podfeed f = { .wanted = &wanted, .now_s = 1800000000 };
	unsigned opt = options(&data, &size);
	size_t piece = opt & 1 ? 1 + opt / 8 : size + 1, n;
	char *text = expanded(data, size, 3000, &n);
	struct objects o;
	struct err e = { .text = "" };

	keylist_parse(opt & 2 ? "*,!x*" : "*", "", &wanted.labels, &e);
	keylist_parse("*", "", &wanted.annotations, &e);
	must((f.table = podtable_new()) != NULL && podfeed_init(&f, &e) == 0, "%s",
	    e.text);
	objects_init(&o);
	o.item = podfeed_item;
	o.whole = podfeed_whole;
	o.user = &f;
	for (size_t at = 0, k; at < n; at += k) {
		struct str part;
		int r;

		k = n - at < piece ? n - at : piece;
		part = exact(text + at, k);
		r = objects_feed(&o, part.p, part.n, &e);
		exact_free(part);
		if (r < 0)
			break;
	}
	(void)objects_end(&o, &e);
	check_all(f.table, &wanted, opt);
	objects_done(&o);
	podfeed_done(&f);
	podtable_free(f.table);
	free(text);
	return 0;
}
