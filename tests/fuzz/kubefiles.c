/* kubefiles: the input as a kubeconfig, a cache, a config.v2.json or a refusal of an API server,
 * by its first byte. */
#include "base/err.h"
#include "base/fileio.h"
#include "fuzz.h"
#include "kube/apifault.h"
#include "kube/kubeconfig.h"
#include "kube/pod.h"
#include "kube/podcache.h"
#include "kube/podlocal.h"
#include "kube/podpath.h"
#include "kube/podtable.h"

#define ID "67330d02351d771feec052081decd55cdad17f07a9541a2183ae380dae7de34b"

static void
check_kubeconfig(struct str s)
{
	struct kubeconfig k;
	struct err e;

	if (kubeconfig_parse(s, "/etc/kube/config", &k, &e) < 0) {
		must(e.status == ST_USAGE || e.status == ST_FAIL, "status %d", e.status);
		return;
	}
	must(k.server.n > 0 && strlen(k.server.p) == k.server.n, "no server");
	kubeconfig_done(&k);
}

static void
check_cache(struct str s)
{
	static char dir[64];
	char path[100];
	struct podcache_count count;
	struct podtable *t = podtable_new(), *again = podtable_new();
	struct err e = { .text = "" };

	must(t != NULL && again != NULL, "out of memory");
	if (dir[0] == '\0') {
		snprintf(dir, sizeof dir, "/dev/shm/kubefiles-XXXXXX");
		must(mkdtemp(dir) != NULL, "a directory");
	}
	snprintf(path, sizeof path, "%s/pods.ndjson", dir);
	must(file_replace(path, s.p, s.n, &e) == 0, "%s", e.text);
	must(podcache_load(dir, t, 1800000000, &count, &e) == 0, "%s", e.text);
	for (size_t i = 0; i < podtable_count(t); i++)
		must(pod_check(podtable_at(t, i)->line) != POD_NONE, "not a pod");
	must(podcache_save(dir, t, 1800000000, &e) >= 0, "%s", e.text);
	must(podcache_load(dir, again, 1800000000, &count, &e) == 0 && count.bad == 0 &&
		 podtable_count(again) == podtable_count(t),
	    "what was written is not what is read");
	podtable_free(t);
	podtable_free(again);
}

static void
check_docker(struct str s)
{
	struct podpath p = { .docker_id = ID };
	struct podlocal l = { .container = "" };

	podlocal_docker(s, &p, &l);
	must(strcmp(p.docker_id, ID) == 0, "the id changed");
	must(strspn(p.pod, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(p.pod),
	    "pod %s", p.pod);
	must(jscan_string_valid(l.container, l.container + strlen(l.container)) == NULL,
	    "a quote in %s", l.container);
}

static void
check_fault(struct str s)
{
	struct apifault f = {
		.server = "s", .method = "GET", .path = "/api/v1/pods", .token = ""
	};
	char reason[64], message[256], *path;
	struct apifault_rule rule;
	struct err e;

	apifault_read(s, reason, sizeof reason, message, sizeof message);
	f.message = message;
	for (f.status = 400; f.status < 505; f.status++) {
		f.kubelet = f.status & 1;
		must(apifault_tell(&f, &e) == -1 && e.status > 0, "no status");
	}
	path = c_string(s.p, s.n);
	apifault_rule("GET", path, &rule);
	f.path = path;
	f.status = 403;
	apifault_tell(&f, &e);
	free(path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned which = options(&data, &size) % 4;
	struct str s = exact(data, size);

	if (which == 0)
		check_kubeconfig(s);
	else if (which == 1)
		check_cache(s);
	else if (which == 2)
		check_docker(s);
	else
		check_fault(s);
	exact_free(s);
	return 0;
}
