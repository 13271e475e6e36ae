#include "kube/podpath.h"
#include "base/err.h"
#include "kube/podmeta.h"
#include "record/jscan.h"
#include "record/kernels.h"
#include "record/record.h"
#include "unit.h"

#include <stdlib.h>

#define ID "67330d02351d771feec052081decd55cdad17f07a9541a2183ae380dae7de34b"
#define UUID "3b548af1-ed9f-4392-a405-88e3d0bd2528"
#define HASH "5f8ad0db629ce8cf99f2caa7d48ef571"
#define CON "/var/log/containers/"
#define PODS "/var/log/pods/"

static const struct {
	const char *path;
	struct podpath want; /* all empty: no match */
} table[] = {
	/* links that the kubelet makes */
	{ CON "pre-1_shop_dbg-" ID ".log", { "pre-1", "shop", "", "dbg", ID, "" } },
	{ CON "api-7f9c8f7977-z8t6f_shop_app-" ID ".log",
	    { "api-7f9c8f7977-z8t6f", "shop", "", "app", ID, "" } },
	{ CON "a_b_side-car-2-" ID ".log", { "a", "b", "", "side-car-2", ID, "" } },
	{ CON "0_1_2-" ID ".log", { "0", "1", "", "2", ID, "" } },
	{ CON "web-ip-10-0-0-7.eu-west-1.compute.internal_kube-system_web-" ID ".log",
	    { "web-ip-10-0-0-7.eu-west-1.compute.internal", "kube-system", "", "web", ID,
		"" } },
	{ CON "web.log_ns_c-" ID ".log", { "web.log", "ns", "", "c", ID, "" } },
	{ CON "p_n_" ID "-" ID ".log", { .pod = "" } }, /* a container of 64 letters */
	{ CON "p_n_c-" ID ".log.gz", { "p", "n", "", "c", ID, "" } },
	{ CON "p_n_c-" ID ".log-20261122", { "p", "n", "", "c", ID, "" } },
	{ "p_n_c-" ID ".log", { "p", "n", "", "c", ID, "" } },
	{ "../x/p_n_c-" ID ".log", { "p", "n", "", "c", ID, "" } },
	{ "/mnt/old node/containers/p_n_c-" ID ".log", { "p", "n", "", "c", ID, "" } },
	{ "\\/var\\/log\\/containers\\/p_n_c-" ID ".log", { "p", "n", "", "c", ID, "" } },
	{ "/\\u0022q\\n/p_n_c-" ID ".log", { "p", "n", "", "c", ID, "" } },
	{ "/var/log/\\u0070_n_c-" ID ".log", { "p", "n", "", "c", ID, "" } },
	{ "/M\xc3\xbcll/p_n_c-" ID ".log", { "p", "n", "", "c", ID, "" } },

	/* the kubelet's own directories */
	{ PODS "shop_pre-1_" UUID "/dbg/0.log",
	    { "pre-1", "shop", UUID, "dbg", "", "0" } },
	{ PODS "shop_pre-1_" UUID "/dbg/17.log",
	    { "pre-1", "shop", UUID, "dbg", "", "17" } },
	{ PODS "s_p_" UUID "/c/0.log.20261122-130000", { "p", "s", UUID, "c", "", "0" } },
	{ PODS "s_p_" UUID "/c/0.log.20261122-130000.gz",
	    { "p", "s", UUID, "c", "", "0" } },
	{ PODS "kube-system_web-node.a.b_" HASH "/web/0.log",
	    { "web-node.a.b", "kube-system", HASH, "web", "", "0" } },
	{ "bundle.tar.gz!var/log/pods/s_p_" UUID "/c/0.log",
	    { "p", "s", UUID, "c", "", "0" } },
	{ "/b/bundle.tar.gz!s_p_" UUID "/c/0.log.gz", { "p", "s", UUID, "c", "", "0" } },
	{ "a.zip!p_n_c-" ID ".log", { "p", "n", "", "c", ID, "" } },
	{ "s_p_" UUID "/c/0.log", { "p", "s", UUID, "c", "", "0" } },
	{ PODS "s_p_" UUID "//0.log", { .pod = "" } },
	{ PODS "s_p_" UUID "/c/x.log", { .pod = "" } },
	{ PODS "s_p_" UUID "/c/.log", { .pod = "" } },
	{ PODS "s_p_" UUID "/c/0.logs", { .pod = "" } },
	{ PODS "s_p_" UUID "/c/0.log.", { .pod = "" } },
	{ PODS "s_p_" UUID "/c/0.log.a b", { .pod = "" } },
	{ PODS "s_p_" UUID "/c/0", { .pod = "" } },
	{ PODS "s_p_" UUID "/c.d/0.log", { .pod = "" } },
	{ PODS "s_p_" UUID "/-c/0.log", { .pod = "" } },
	{ PODS "s_p_" UUID "/../0.log", { .pod = "" } },
	{ PODS "../c/0.log", { .pod = "" } },
	{ PODS "s_p_" UUID "0/c/0.log", { .pod = "" } },
	{ PODS "s_p_3b548af1-ed9f-4392-a405_88e3d0bd2528/c/0.log", { .pod = "" } },
	{ PODS "s_p_3b548af1-ed9f-4392-a405-88e3d0bd252g/c/0.log", { .pod = "" } },
	{ PODS "s_p_3b548af1ed9f-4392-a405-88e3-d0bd2528/c/0.log", { .pod = "" } },
	{ PODS "s.t_p_" UUID "/c/0.log", { .pod = "" } },
	{ PODS "_p_" UUID "/c/0.log", { .pod = "" } },
	{ PODS "s__" UUID "/c/0.log", { .pod = "" } },
	{ PODS "p_" UUID "/c/0.log", { .pod = "" } },
	{ PODS UUID "/c/0.log", { .pod = "" } },
	{ "/c/0.log", { .pod = "" } },
	{ "0.log", { .pod = "" } },

	/* Docker */
	{ "/var/lib/docker/containers/" ID "/" ID "-json.log", { .docker_id = ID } },
	{ "/var/lib/docker/containers/" ID "/" ID "-json.log.1", { .docker_id = ID } },
	{ "/x/" ID "-json.log.2.gz", { .docker_id = ID } },
	{ ID "-json.log", { .docker_id = ID } },
	{ ID "-json.log.a_b_c.log", { .docker_id = ID } },
	{ ID "-json.log.a_b_c-" ID ".log", { ID "-json.log.a", "b", "", "c", ID, "" } },
	{ "/x/" ID "-json.txt", { .pod = "" } },
	{ "/x/" ID "-jso", { .pod = "" } },
	{ "/x/" ID, { .pod = "" } },
	{ "/x/0" ID "-json.log", { .pod = "" } },

	/* names that do not fit */
	{ "", { .pod = "" } },
	{ "/", { .pod = "" } },
	{ "!", { .pod = "" } },
	{ "<stdin>", { .pod = "" } },
	{ "/var/log/syslog", { .pod = "" } },
	{ CON "p_n_c-" ID, { .pod = "" } },
	{ CON "p_n_c-" ID ".txt", { .pod = "" } },
	{ CON "p_n_c" ID ".log", { .pod = "" } },
	{ CON "p_n_-" ID ".log", { .pod = "" } },
	{ CON "p_n_" ID ".log", { .pod = "" } },
	{ CON "p__c-" ID ".log", { .pod = "" } },
	{ CON "_n_c-" ID ".log", { .pod = "" } },
	{ CON "p_c-" ID ".log", { .pod = "" } },
	{ CON "p_n_m_c-" ID ".log", { .pod = "" } },
	{ CON "P_n_c-" ID ".log", { .pod = "" } },
	{ CON "p._n_c-" ID ".log", { .pod = "" } },
	{ CON ".p_n_c-" ID ".log", { .pod = "" } },
	{ CON "p..q_n_c-" ID ".log", { .pod = "" } },
	{ CON "p-_n_c-" ID ".log", { .pod = "" } },
	{ CON "p_n.m_c-" ID ".log", { .pod = "" } },
	{ CON "p_n_c.d-" ID ".log", { .pod = "" } },
	{ CON "p_n_c--" ID ".log", { .pod = "" } },
	{ CON "p_n_c-" ID ".log/", { .pod = "" } },
	{ CON
	    "p_n_c-g7330d02351d771feec052081decd55cdad17f07a9541a2183ae380dae7de34b.log",
	    { .pod = "" } },
	{ CON "p_n_c-7330d02351d771feec052081decd55cdad17f07a9541a2183ae380dae7de34b.log",
	    { .pod = "" } },
	{ CON "p\\\"_n_c-" ID ".log", { .pod = "" } },
	{ CON "p\\n_n_c-" ID ".log", { .pod = "" } },
	{ CON "p\\u0000_n_c-" ID ".log", { .pod = "" } },
	{ CON "p_n_c\\u0022,\\u0022x-" ID ".log", { .pod = "" } },
	{ CON "p_n_c-" ID ".log\\u0022}", { .pod = "" } },
	{ CON "p_n_c-" ID ".log\\", { .pod = "" } },
	{ "\\u00zz" CON "p_n_c-" ID ".log", { .pod = "" } },
	{ CON "../p_n_\xc3\xa9-" ID ".log", { .pod = "" } },
};

static bool
same(const struct podpath *a, const struct podpath *b)
{
	return strcmp(a->pod, b->pod) == 0 && strcmp(a->namespace, b->namespace) == 0 &&
	       strcmp(a->uid, b->uid) == 0 && strcmp(a->container, b->container) == 0 &&
	       strcmp(a->docker_id, b->docker_id) == 0 &&
	       strcmp(a->restart, b->restart) == 0;
}

static bool
parses_as(const char *path, const struct podpath *want)
{
	struct podpath got;
	bool found = podpath_parse(str_of(path), &got);

	return found == (want->pod[0] != '\0' || want->docker_id[0] != '\0') &&
	       same(&got, want);
}

static void
test_table(void)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		ok(parses_as(table[i].path, &table[i].want), "path %s", table[i].path);
}

/* A name of `n` letters, with a dot in it when `dotted`. */
static const char *
name_of(size_t n, bool dotted)
{
	static char text[4][600];
	static unsigned turn;
	char *s = text[turn++ % 4];

	memset(s, 'a', n);
	s[n] = '\0';
	if (dotted)
		s[n / 2] = '.';
	return s;
}

static void
test_lengths(void)
{
	static const struct {
		size_t pod, namespace, container;
		bool fits;
	} row[] = {
		{ 253, 63, 63, true },
		{ 254, 63, 63, false },
		{ 253, 64, 63, false },
		{ 253, 63, 64, false },
		{ 1, 1, 1, true },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		for (int dotted = 0; dotted < 2; dotted++) {
			char path[2048];
			const char *pod = name_of(row[i].pod, dotted && row[i].pod > 2);
			const char *ns = name_of(row[i].namespace, false);
			const char *c = name_of(row[i].container, false);
			struct podpath want = { .pod = "" };

			if (row[i].fits) {
				strcpy(want.pod, pod);
				strcpy(want.namespace, ns);
				strcpy(want.container, c);
				strcpy(want.docker_id, ID);
			}
			snprintf(
			    path, sizeof path, CON "%s_%s_%s-" ID ".log", pod, ns, c);
			ok(parses_as(path, &want), "containers, %zu %zu %zu", row[i].pod,
			    row[i].namespace, row[i].container);
			want.docker_id[0] = '\0';
			if (row[i].fits)
				strcpy(want.uid, UUID), strcpy(want.restart, "0");
			snprintf(path, sizeof path, PODS "%s_%s_" UUID "/%s/0.log", ns,
			    pod, c);
			ok(parses_as(path, &want), "pods, %zu %zu %zu", row[i].pod,
			    row[i].namespace, row[i].container);
		}
}

/* What the kubelet makes of a name that is too long: 251 bytes of it and ".log". */
static bool
cut_parses_as(const char *name, const char *container)
{
	char path[1024], pod[300], ns[100];
	struct podpath got;

	snprintf(path, sizeof path, CON "%.251s.log", name);
	sscanf(name, "%299[^_]_%99[^_]", pod, ns);
	return podpath_parse(str_of(path), &got) && strcmp(got.pod, pod) == 0 &&
	       strcmp(got.namespace, ns) == 0 && strcmp(got.container, container) == 0 &&
	       got.docker_id[0] == '\0';
}

static void
test_cut_names(void)
{
	char name[800];
	struct podpath got;

	snprintf(name, sizeof name, "%s_ns_app-1-" ID, name_of(180, false));
	ok(cut_parses_as(name, "app-1"), "the id cut: its container is known");
	snprintf(name, sizeof name, "%s_ns_app-beef-" ID, name_of(236, false));
	ok(cut_parses_as(name, ""), "the container perhaps cut: not given");
	snprintf(name, sizeof name, CON "%s_ns.log", name_of(248, false));
	ok(!podpath_parse(str_of(name), &got), "the namespace perhaps cut: no match");
	snprintf(name, sizeof name, CON "%s_ns_.log", name_of(247, false));
	ok(!podpath_parse(str_of(name), &got), "nothing of the container left: no match");
	snprintf(name, sizeof name, CON "%s_ns_app-1-%.30s.log", name_of(180, false), ID);
	ok(!podpath_parse(str_of(name), &got), "a short id in a short name: no match");
	snprintf(
	    name, sizeof name, CON "%s_ns_app-1-%.62sxy.log", name_of(180, false), ID);
	ok(!podpath_parse(str_of(name), &got), "not an id: no match");
}

static void
test_long_paths(void)
{
	size_t n = strlen(table[0].path);
	char *path = malloc(PODPATH_MAX + 1);
	struct podpath got;

	memset(path, '/', PODPATH_MAX + 1);
	memcpy(path + PODPATH_MAX - n, table[0].path, n);
	ok(podpath_parse((struct str){ path, PODPATH_MAX }, &got), "the longest path");
	memcpy(path + PODPATH_MAX + 1 - n, table[0].path, n);
	ok(!podpath_parse((struct str){ path, PODPATH_MAX + 1 }, &got), "one byte more");
	free(path);
}

static uint64_t
next_random(uint64_t *s)
{
	*s = *s * 6364136223846793005 + 1442695040888963407;
	return *s >> 33;
}

/* Are all of them names, so that they need no escaping? */
static bool
harmless(const struct podpath *p)
{
	const char *text[] = { p->pod, p->namespace, p->uid, p->container, p->docker_id };

	for (size_t i = 0; i < 5; i++)
		if (strspn(text[i], "abcdefghijklmnopqrstuvwxyz0123456789-.") !=
		    strlen(text[i]))
			return false;
	return true;
}

/* Paths of the table with bytes changed, doubled and taken out. */
static void
test_random(void)
{
	static const char odd[] = "_-./!\\\"\nu0aZ\xff";
	uint64_t seed = 42;
	unsigned bad = 0, matched = 0;

	for (int round = 0; round < 200000; round++) {
		const char *from =
		    table[next_random(&seed) % (sizeof table / sizeof *table)].path;
		size_t n = strlen(from);
		char *path = malloc(n + 4);
		struct podpath got;

		memcpy(path, from, n);
		for (uint64_t k = next_random(&seed) % 4; n > 1 && k > 0; k--) {
			size_t at = next_random(&seed) % n;

			if (next_random(&seed) % 3 == 0)
				memmove(path + at, path + at + 1, --n - at);
			else
				path[at] = odd[next_random(&seed) % (sizeof odd - 1)];
		}
		path =
		    realloc(path, n > 0 ? n : 1); /* so that ASan sees a byte too far */
		matched += podpath_parse((struct str){ path, n }, &got);
		bad += !harmless(&got);
		free(path);
	}
	ok(bad == 0, "no damaged path gives anything but names (%u)", bad);
	ok(matched > 1000 && matched < 199000, "some still match, some do not (%u)",
	    matched);
}

/* The rest of a record of `file`, as the table of podmeta renders it. */
static struct str
ending_of(struct podmeta *m, struct record_reader *rr, const char *file, char *line)
{
	struct record r;

	sprintf(line,
	    "{\"_src\":{\"file\":\"%s\",\"id\":\"9/o\",\"gen\":3,\"end\":7},\"a\":1}",
	    file);
	return record_read(rr, str_of(line), &r) ? podmeta_of(m, rr, &r)->ending
						 : STR("?");
}

static bool
renders(const char *node, const char *file, const char *want)
{
	struct record_reader rr;
	char line[1024];
	struct err e;
	struct podmeta_options o = { .node = node };
	struct podmeta *m = podmeta_new(&o, &e);
	bool good = true;

	record_reader_init(&rr);
	for (int i = 0; i < 3; i++)
		good = good && str_eq(ending_of(m, &rr, file, line), str_of(want));
	record_reader_done(&rr);
	podmeta_free(m);
	return good;
}

static void
test_rendering(void)
{
	ok(renders(NULL, CON "p_n_c-" ID ".log",
	       ",\"kubernetes\":{\"pod_name\":\"p\",\"namespace_name\":\"n\",\"container_"
	       "name\":\"c\","
	       "\"docker_id\":\"" ID "\"}}"),
	    "a link's name");
	ok(renders("node-7", PODS "n_p_" UUID "/c/0.log",
	       ",\"kubernetes\":{\"pod_name\":\"p\",\"namespace_name\":\"n\",\"pod_id\":"
	       "\"" UUID "\",\"host\":\"node-7\",\"container_name\":\"c\"}}"),
	    "a directory, with a node");
	ok(renders("a\"b", ID "-json.log",
	       ",\"kubernetes\":{\"host\":\"a\\\"b\",\"docker_id\":\"" ID "\"}}"),
	    "Docker, with a node that needs escaping");
	ok(renders("", ID "-json.log", ",\"kubernetes\":{\"docker_id\":\"" ID "\"}}"),
	    "an empty node is no node");
	ok(renders("node-7", "/var/log/syslog", ""), "a name that tells nothing");
}

static void
test_many_files(void)
{
	struct record_reader rr;
	char line[1024], file[300], want[300];
	struct err e;
	struct podmeta_options o = { .node = NULL };
	struct podmeta *m = podmeta_new(&o, &e);
	unsigned bad = 0;
	size_t most = 0;

	record_reader_init(&rr);
	for (unsigned i = 0; i < 60000; i++) {
		/* the first one comes again and again and keeps its slot */
		unsigned pod = i % 2 ? 0 : i;
		struct str got;

		sprintf(file, CON "pod-%u_n_c-" ID ".log", pod);
		sprintf(want, ",\"kubernetes\":{\"pod_name\":\"pod-%u\",", pod);
		got = ending_of(m, &rr, file, line);
		bad += !str_starts(got, str_of(want));
		most = podmeta_files(m) > most ? podmeta_files(m) : most;
	}
	ok(bad == 0, "30000 files: each record gets its own pod (%u)", bad);
	ok(most == PODMETA_FILES, "no more than %d files are held (%zu)", PODMETA_FILES,
	    most);
	record_reader_done(&rr);
	podmeta_free(m);
}

static void
test_key_flags(void)
{
	static const struct {
		const char *line;
		unsigned flags;
	} row[] = {
		{ "{\"a\":1}", 0 },
		{ "{\"kubernetes\":1}", SHAPE_KUBERNETES_KEY },
		{ "{\"kubernetes\" : 1}", SHAPE_KUBERNETES_KEY },
		{ "{\"a\":{\"kubernetes\":1}}", SHAPE_KUBERNETES_KEY },
		{ "{\"\\u006bubernetes\":1}", SHAPE_KUBERNETES_KEY },
		{ "{\"\\u006Bubernete\\u0073\":1}", SHAPE_KUBERNETES_KEY },
		{ "{\"kube\\u0072netes\":1}", SHAPE_KUBERNETES_KEY },
		{ "{\"_error\":1}", SHAPE_ERROR_KEY },
		{ "{\"\\u005ferror\":1}", SHAPE_ERROR_KEY },
		{ "{\"_err\\u006Fr\":1}", SHAPE_ERROR_KEY },
		{ "{\"_error\":1,\"kubernetes\":2}",
		    SHAPE_ERROR_KEY | SHAPE_KUBERNETES_KEY },
		{ "{\"a\":\"kubernetes\"}", 0 },
		{ "{\"a\":[\"kubernetes\"],\"b\":\"kubernetes\",\"c\":1}", 0 },
		{ "{\"kubernete\":1,\"kubernetess\":2,\"Kubernetes\":3,\"\\u001b[31m\":"
		  "4}",
		    0 },
		{ "{\"log\":\"{\\\"kubernetes\\\":1}\"}", 0 },
		{ "{\"k\\\\u0075bernetes\":1}", 0 },
	};
	static const char *const names[] = { "portable", "sse2", "avx2", "avx512",
		"neon" };

	for (size_t k = 0; k < 4; k++) {
		if (!kernels_use(names[k]))
			continue;
		for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
			unsigned bad = 0;

			/* at each place of a block of 64 bytes */
			for (size_t pad = 0; pad < 70; pad++) {
				char line[300];
				unsigned flags = 99;
				int n = snprintf(line, sizeof line, "{\"%.*s\":0,%s",
				    (int)pad,
				    "...................................................."
				    "....................",
				    row[i].line + 1);

				bad += !jscan_shape(
					   (struct str){ line, (size_t)n }, &flags) ||
				       flags != row[i].flags;
			}
			ok(bad == 0, "%s: keys in %s", names[k], row[i].line);
		}
	}
}

int
main(void)
{
	test_table();
	test_lengths();
	test_cut_names();
	test_long_paths();
	test_random();
	test_rendering();
	test_many_files();
	test_key_flags();
	return unit_end();
}
