/* podpath: the input as a path in a record; what is spliced in for it leaves a record. */
#include "kube/podpath.h"
#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "kube/podmeta.h"
#include "record/record.h"

static void
check_name(const char *s, size_t max, const char *extra)
{
	must(strlen(s) <= max, "too long: %s", s);
	for (; *s != '\0'; s++)
		must((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
			 strchr(extra, *s) != NULL,
		    "a byte %d", *s);
}

static void
check_splice(struct podmeta *m, struct str file)
{
	struct record_reader rr;
	const struct podmeta_found *found;
	struct record r;
	struct buf b;
	struct str line, ending;

	buf_init(&b, SIZE_MAX / 4);
	buf_adds(&b, "{\"_src\":{\"file\":\"");
	buf_addstr(&b, file);
	buf_adds(
	    &b, "\",\"id\":\"0123456789abcdef\",\"gen\":1,\"end\":2},\"log\":\"x\"}");
	line = exact(b.p, b.n);
	if (jscan_string_valid(line.p + 17, line.p + line.n) == line.p + 17 + file.n) {
		record_reader_init(&rr);
		for (int i = 0; i < 2; i++) {
			must(record_read(&rr, line, &r), "a record: %.*s", SHOW(line));
			found = podmeta_of(m, &rr, &r);
			must(found != NULL, "out of memory");
			ending = found->ending;
			buf_clear(&b);
			buf_add(&b, line.p, line.n - (ending.n > 0));
			buf_addstr(&b, ending);
			must(jscan_valid((struct str){ b.p, b.n }, NULL), "spliced: %s",
			    b.p);
		}
		record_reader_done(&rr);
	}
	buf_done(&b);
	exact_free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = exact(data, size);
	struct podpath p;
	static struct podmeta *m; /* its table is large */
	struct podmeta_options o = { .node = "node \"7\"" };
	struct err e;

	if (podpath_parse(raw, &p)) {
		check_name(p.pod, PODPATH_POD, "-.");
		check_name(p.namespace, PODPATH_LABEL, "-");
		check_name(p.uid, PODPATH_UID, "-");
		check_name(p.container, PODPATH_LABEL, "-");
		check_name(p.docker_id, PODPATH_ID, "");
		check_name(p.restart, PODPATH_RESTART, "");
		must(p.pod[0] != '\0' || p.docker_id[0] != '\0', "nothing told");
	} else {
		static const struct podpath none;

		must(memcmp(&p, &none, sizeof p) == 0, "half a match");
	}
	must(m != NULL || (m = podmeta_new(&o, &e)) != NULL, "%s", e.text);
	check_splice(m, raw);
	exact_free(raw);
	return 0;
}
