/* What lies behind k8smeta's sources of pods; tests/kube.bats has them together. */
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "kube/apifault.h"
#include "kube/apiserver.h"
#include "kube/jobs.h"
#include "kube/keylist.h"
#include "kube/kubeconfig.h"
#include "kube/member.h"
#include "kube/nameset.h"
#include "kube/nodes.h"
#include "kube/objects.h"
#include "kube/pod.h"
#include "kube/podcache.h"
#include "kube/podlocal.h"
#include "kube/podmeta.h"
#include "kube/podpath.h"
#include "kube/podtable.h"
#include "record/dropped.h"
#include "record/ndjson.h"
#include "record/record.h"
#include "unit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED true
#elif defined __has_feature
#define SANITIZED                                                                        \
	(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||          \
	    __has_feature(memory_sanitizer))
#else
#define SANITIZED false
#endif

#define ID_A "67330d02351d771feec052081decd55cdad17f07a9541a2183ae380dae7de34b"
#define ID_B "77330d02351d771feec052081decd55cdad17f07a9541a2183ae380dae7de34b"
#define UUID "3b548af1-ed9f-4392-a405-88e3d0bd2528"

static struct buf seen;

static int
on_item(void *user, struct str object, struct err *e)
{
	(void)user, (void)e;
	buf_printf(&seen, "i%.*s;", (int)object.n, object.p);
	return 0;
}

static int
on_whole(void *user, struct str object, bool list, struct err *e)
{
	(void)user, (void)e;
	buf_printf(&seen, "%c%.*s;", list ? 'l' : 'w', (int)object.n, object.p);
	return 0;
}

/* What comes of `text` in pieces of `piece` bytes; "!" and the error's end when it is bad. */
static const char *
objects_of(const char *text, size_t piece)
{
	size_t n = strlen(text);
	struct objects o;
	struct err e;
	int r = 0;

	objects_init(&o);
	o.item = on_item;
	o.whole = on_whole;
	buf_clear(&seen);
	for (size_t at = 0; r == 0 && at < n; at += piece)
		r = objects_feed(&o, text + at, n - at < piece ? n - at : piece, &e);
	if (r == 0)
		r = objects_end(&o, &e);
	if (r < 0)
		buf_addc(&seen, '!');
	objects_done(&o);
	buf_addc(&seen, '\0');
	return seen.p;
}

static void
test_objects(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "", "" },
		{ " \n", "" },
		{ "{}", "w{};" },
		{ "{\"items\":[]}", "l{\"items\":[]};" },
		{ "{\"items\":null}", "w{\"items\":null};" },
		{ "{\"kind\":\"L\",\"items\":[{\"a\":1},{\"b\":[{}]}],\"m\":{\"c\":\"d\"}"
		  "}",
		    "i{\"a\":1};i{\"b\":[{}]};l{\"kind\":\"L\",\"items\":[],\"m\":{\"c\":"
		    "\"d\"}};" },
		{ "{ \"items\" : [ {\"a\":\"}]\\\"{\"} , {} ] }",
		    "i{\"a\":\"}]\\\"{\"};i{};l{ \"items\" : [] };" },
		{ "{\"it\\u0065ms\":[{}]}", "i{};l{\"it\\u0065ms\":[]};" },
		{ "{\"x\":\"items\",\"y\":[{}]}", "w{\"x\":\"items\",\"y\":[{}]};" },
		{ "{\"x\":{\"items\":[{}]}}", "w{\"x\":{\"items\":[{}]}};" },
		{ "{\"items\":{\"items\":[1]}}", "w{\"items\":{\"items\":[1]}};" },
		{ "{\"items\":[],\"items\":[{}]}", "i{};l{\"items\":[],\"items\":[]};" },
		{ "{\"a\":1}\n{\"b\":2} {}", "w{\"a\":1};w{\"b\":2};w{};" },
		{ "{\"items\":[{}]}\n{\"items\":[{}]}",
		    "i{};l{\"items\":[]};i{};l{\"items\":[]};" },
		{ "<html>", "!" },
		{ "[{}]", "!" },
		{ "x", "!" },
		{ "{", "!" },
		{ "{\"items\":[{\"a\":1},{\"b\"", "i{\"a\":1};!" },
		{ "{\"items\":[{\"a\":1}", "i{\"a\":1};!" },
		{ "{\"items\":[1]}", "!" },
		{ "{\"items\":[\"a\"]}", "!" },
		{ "{\"items\":[[]]}", "!" },
		{ "{\"items\":[{\"a\":}]}", "!" },
		{ "{\"items\":[{]]}", "!" },
		{ "{\"items\":[}", "!" },
		{ "{\"a\" 1}", "!" },
		{ "{\"a\":\"\x01\"}", "!" },
		{ "{\"a\":\"\xff\"}", "!" },
		{ "{}}", "w{};!" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		for (size_t piece = 1; piece < 40; piece += piece == 1 ? 2 : 9)
			ok(strcmp(objects_of(row[i].text, piece), row[i].want) == 0,
			    "objects %s by %zu: %s", row[i].text, piece, seen.p);
}

/* An item and an object of more than fits are passed over, the others come. */
static void
test_large_objects(void)
{
	size_t n = OBJECTS_ITEM_MAX + 100;
	char *big = malloc(n);
	struct objects o;
	struct err e;

	memset(big, 'x', n);
	objects_init(&o);
	o.item = on_item;
	o.whole = on_whole;
	buf_clear(&seen);
	ok(objects_feed(&o, "{\"items\":[{\"a\":\"", 16, &e) == 0 &&
		objects_feed(&o, big, n, &e) == 0 &&
		objects_feed(&o, "\"},{\"b\":1}]}{\"c\":\"", 18, &e) == 0 &&
		objects_feed(&o, big, n, &e) == 0 &&
		objects_feed(&o, "\"}{\"d\":2}", 9, &e) == 0 && objects_end(&o, &e) == 0,
	    "objects that are too large do not end it");
	ok(o.too_large == 2 &&
		strcmp(seen.p, "i{\"b\":1};l{\"items\":[]};w{\"d\":2};") == 0,
	    "they are counted: %s", seen.p);
	objects_done(&o);
	objects_init(&o);
	o.item = on_item;
	o.whole = on_whole;
	ok(objects_feed(&o, "{\"items\":[],\"a\":\"", 17, &e) == 0 &&
		objects_feed(&o, big, n, &e) == 0 && objects_feed(&o, "\"}", 2, &e) < 0,
	    "a list whose end is lost is an error");
	objects_done(&o);
	free(big);
}

static void
test_keylist(void)
{
	static const struct {
		const char *list, *key;
		bool want;
	} row[] = {
		{ "*", "app", true },
		{ "*", "kubectl.kubernetes.io/last-applied-configuration", false },
		{ "*config*", "kubectl.kubernetes.io/last-applied-configuration", false },
		{ "kubectl.kubernetes.io/last-applied-configuration",
		    "kubectl.kubernetes.io/last-applied-configuration", true },
		{ "", "app", false },
		{ "app", "app", true },
		{ "app", "apps", false },
		{ "app,team", "team", true },
		{ "app, team", "team", true },
		{ "app.kubernetes.io/*", "app.kubernetes.io/name", true },
		{ "*,!app*", "app.kubernetes.io/name", false },
		{ "!app*", "team", true },
		{ "!app*", "apple", false },
		{ "!app*,t*", "zebra", false },
		{ "a?p", "app", true },
		{ "[ab]pp", "bpp", true },
		{ "app", "\\u0061pp", true },
		{ "app", "\\u00zz", false },
	};
	char many[KEYLIST_TEXT + 8];
	struct keylist k;
	struct err e;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		ok(keylist_parse(row[i].list, "--labels", &k, &e) == 0 &&
			keylist_wants(&k, str_of(row[i].key)) == row[i].want,
		    "keys '%s' %s", row[i].list, row[i].key);
	memset(many, 'a', sizeof many);
	many[sizeof many - 1] = '\0';
	ok(keylist_parse(many, "--labels", &k, &e) < 0 && e.status == ST_USAGE,
	    "a list that is too long");
	for (size_t i = 1; i < sizeof many - 1; i += 2)
		many[i] = ',';
	many[2 * KEYLIST_MAX + 2] = '\0';
	ok(keylist_parse(many, "--labels", &k, &e) < 0, "more names than fit");
	ok(keylist_parse("a,!", "--labels", &k, &e) < 0, "nothing behind '!'");
	keylist_parse("*", "--labels", &k, &e);
	ok(!keylist_wants(&k, (struct str){ many, KEYLIST_KEY_MAX + 1 }),
	    "a key too long");
}

static void
test_rules(void)
{
	static const struct {
		const char *method, *path,
		    *want; /* verb group resource/sub in namespace */
	} row[] = {
		{ "GET", "/api/v1/pods?limit=5", "list  pods/ in " },
		{ "GET", "/api/v1/pods?watch=1&x=y", "watch  pods/ in " },
		{ "GET", "/api/v1/nodes", "list  nodes/ in " },
		{ "GET", "/api/v1/namespaces", "list  namespaces/ in " },
		{ "GET", "/api/v1/namespaces/shop", "get  namespaces/ in " },
		{ "GET", "/api/v1/namespaces/shop/pods", "list  pods/ in shop" },
		{ "GET", "/api/v1/namespaces/shop/pods/p/log", "get  pods/log in shop" },
		{ "POST", "/apis/batch/v1/namespaces/logs/jobs",
		    "create batch jobs/ in logs" },
		{ "GET", "/apis/batch/v1/jobs", "list batch jobs/ in " },
		{ "DELETE", "/apis/batch/v1/namespaces/a/jobs/j",
		    "delete batch jobs/ in a" },
		{ "DELETE", "/apis/batch/v1/namespaces/a/jobs",
		    "deletecollection batch jobs/ in a" },
		{ "PATCH", "/apis/apps/v1/namespaces/a/daemonsets/d",
		    "patch apps daemonsets/ in a" },
		{ "GET", "/version", NULL },
		{ "GET", "/api/v1", NULL },
		{ "GET", "", NULL },
	};
	struct apifault_rule r;
	char got[200];

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		if (row[i].want == NULL) {
			ok(!apifault_rule(row[i].method, row[i].path, &r),
			    "no resource: %s", row[i].path);
			continue;
		}
		apifault_rule(row[i].method, row[i].path, &r);
		snprintf(got, sizeof got, "%s %.*s %.*s/%.*s in %.*s", r.verb,
		    (int)r.group.n, r.group.p, (int)r.resource.n, r.resource.p,
		    (int)r.subresource.n, r.subresource.p, (int)r.namespace.n,
		    r.namespace.p);
		ok(strcmp(got, row[i].want) == 0, "rule of %s %s: %s", row[i].method,
		    row[i].path, got);
	}
}

static void
test_fault_texts(void)
{
	struct apifault f = { .server = "10.0.0.1:443",
		.method = "POST",
		.path = "/apis/batch/v1/namespaces/logs/jobs",
		.status = 403 };
	char reason[64], message[40];
	struct err e;

	apifault_read(
	    STR("{\"kind\":\"Status\",\"message\":\"jobs is forbidden: User \\\"me\\\" "
		"cannot create\",\"reason\":\"Forbidden\"}"),
	    reason, sizeof reason, message, sizeof message);
	ok(strcmp(reason, "Forbidden") == 0 &&
		strcmp(message, "jobs is forbidden: User \"me\" cannot cre") == 0,
	    "a Status object's reason, and its message cut to fit: %s", message);
	f.message = message;
	f.token = "t";
	ok(apifault_tell(&f, &e) < 0 && e.status == ST_NOPERM &&
		strcmp(e.text,
		    "10.0.0.1:443: 403: may not create jobs in logs: me needs a Role "
		    "with "
		    "apiGroups [\"batch\"], resources [\"jobs\"], verbs [\"create\"]") ==
		    0,
	    "403: %s", e.text);
	apifault_read(STR("\xc3\xa9"), reason, sizeof reason, message, sizeof message);
	ok(message[0] == '\0' && reason[0] == '\0', "a text that is none");
	apifault_read(
	    STR("{\"message\":\"0123456789012345678901234567890123456\xc3\xa9x\"}"),
	    reason, sizeof reason, message, sizeof message);
	ok(strlen(message) == 39, "a character that fits stays whole (%s)", message);
	apifault_read(
	    STR("{\"message\":\"01234567890123456789012345678901234567\xc3\xa9x\"}"),
	    reason, sizeof reason, message, sizeof message);
	ok(strlen(message) == 38, "one that does not is not cut (%s)", message);
	apifault_read(STR("<html>"), reason, sizeof reason, message, sizeof message);
	ok(message[0] == '\0', "HTML is not repeated");
	f.status = 503;
	ok(apifault_tell(&f, &e) < 0 && e.status == ST_LATER, "503 is for later");
	f.status = 404;
	f.from_api = true;
	f.message = "namespaces \"x\" not found";
	apifault_tell(&f, &e);
	ok(strcmp(e.text, "10.0.0.1:443: 404: namespaces \"x\" not found") == 0,
	    "404: %s", e.text);
	f.status = 422;
	ok(apifault_tell(&f, &e) < 0 && e.status == ST_FAIL, "422 is not");
}

#define POD                                                                              \
	"{\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-0\",\"namespace\":\"shop\","     \
	"\"uid\":"                                                                       \
	"\"" UUID                                                                        \
	"\",\"creationTimestamp\":\"2026-11-22T12:00:00Z\",\"labels\":{\"app\":"         \
	"\"w\\u0065b\",\"n\":1},\"annotations\":{\"a\":\"b\",\"fluentbit.io/exclude\":"  \
	"\"true\"}},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":\"app\","    \
	"\"image\":"                                                                     \
	"\"i\"},{\"name\":\"new\",\"image\":\"j\"}]},\"status\":{\"podIP\":\"10.0.0."    \
	"9\","                                                                           \
	"\"containerStatuses\":[{\"name\":\"app\",\"image\":\"full/i\",\"imageID\":"     \
	"\"docker://sha256:1\",\"containerID\":\"containerd://" ID_A                     \
	"\",\"restartCount\":2,"                                                         \
	"\"lastState\":{\"terminated\":{\"containerID\":\"containerd://" ID_B "\"}}}]}}"
#define LINE                                                                             \
	"{\"uid\":\"" UUID "\",\"name\":\"web-0\",\"namespace\":\"shop\",\"created\":"   \
	"\"2026-11-22T12:00:00Z\",\"node\":\"n1\",\"ip\":\"10.0.0.9\",\"labels\":{"      \
	"\"app\":"                                                                       \
	"\"w\\u0065b\"},\"annotations\":{\"fluentbit.io/"                                \
	"exclude\":\"true\"},\"containers\":["                                           \
	"{\"name\":\"app\",\"image\":\"full/i\",\"hash\":\"sha256:1\",\"id\":\"" ID_A    \
	"\",\"last\":\"" ID_B "\",\"restarts\":2},{\"name\":\"new\",\"image\":\"j\"}]}"

static void
test_lines(void)
{
	static struct pod_keep keep;
	static const char *const none[] = { "{}", "{\"kind\":\"Node\"}",
		"{\"kind\":\"Pod\",\"metadata\":{}}",
		"{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"}}",
		"{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\\\"\",\"namespace\":\"b\","
		"\"uid\":\"c\"}}",
		"{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"namespace\":7,\"uid\":"
		"\"c\"}}",
		"{\"kind\":\"Pod\",\"metadata\":[]}",
		"{\"kind\":\"Pod\",\"spec\":{\"x\":1}}",
		"{\"kind\":\"Namespace\",\"metadata\":{\"uid\":\"c\"}}" };
	struct buf b;
	struct err e;

	buf_init(&b, POD_LINE_MAX + 4096);
	keylist_parse("*", "", &keep.labels, &e);
	keylist_parse("", "", &keep.annotations, &e);
	ok(pod_line(STR(POD), POD_NONE, &keep, &b) == POD_POD && strcmp(b.p, LINE) == 0,
	    "a pod's line: %s", b.p);
	ok(pod_check((struct str){ b.p, b.n }) == POD_POD, "is one");
	ok(pod_line(STR("{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\",\"uid\":"
			"\"1\","
			"\"labels\":{\"a\":\"b\"}}}"),
	       POD_POD, &keep, &b) == POD_NAMESPACE &&
		strcmp(b.p, "{\"namespace\":\"shop\",\"labels\":{\"a\":\"b\"}}") == 0 &&
		pod_check((struct str){ b.p, b.n }) == POD_NAMESPACE,
	    "a namespace's: %s", b.p);
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		ok(pod_line(str_of(none[i]), POD_NONE, &keep, &b) == POD_NONE && b.n == 0,
		    "none: %s", none[i]);
	ok(pod_check(STR("{\"uid\":\"a\",\"name\":\"b\",\"namespace\":\"c\",\"labels\":{"
			 "\"a\":1}}")) == POD_NONE,
	    "a label that is no text");
	ok(pod_check(STR("{\"uid\":\"a\",\"name\":\"b\\n\",\"namespace\":\"c\"}")) ==
		POD_NONE,
	    "a name that is none");
	buf_done(&b);
}

static void
test_table(void)
{
	struct podtable *t = podtable_new();
	char line[400], uid[40];
	const struct podtable_entry *en;
	unsigned bad = 0;
	uint64_t changes;

	ok(podtable_put(t, STR(LINE), 100, false) == 0, "put");
	ok((en = podtable_uid(t, STR(UUID))) != NULL && en->line.n == strlen(LINE),
	    "found by uid");
	ok(podtable_container(t, STR(ID_A)) == en &&
		podtable_container(t, STR(ID_B)) == en,
	    "by its containers' ids");
	ok(podtable_name(t, STR("shop"), STR("web-0")) == en, "by name");
	ok(podtable_name(t, STR("shopw"), STR("eb-0")) == NULL, "not by a part of it");
	ok(podtable_uid(t, STR("")) == NULL && podtable_namespace(t, STR("shop")) == NULL,
	    "not by nothing, not as a namespace");
	changes = podtable_changes(t);
	podtable_put(t, STR(LINE), 200, true);
	ok(podtable_changes(t) == changes && podtable_at(t, 0)->seen_s == 200,
	    "the same again changes nothing but when it was seen");
	podtable_put(t,
	    STR("{\"uid\":\"" UUID "\",\"name\":\"web-0\",\"namespace\":\"shop\"}"), 300,
	    false);
	ok(podtable_container(t, STR(ID_A)) != NULL,
	    "a cache does not overrule a source");
	podtable_put(t,
	    STR("{\"uid\":\"" UUID "\",\"name\":\"web-0\",\"namespace\":\"shop\"}"), 300,
	    true);
	ok(podtable_container(t, STR(ID_A)) == NULL && podtable_count(t) == 1,
	    "what a newer line has not got is not found");
	podtable_put(t,
	    STR("{\"uid\":\"u2\",\"name\":\"web-0\",\"namespace\":\"shop\",\"created\":"
		"\"2026-11-22T13:00:00Z\"}"),
	    100, true);
	ok(str_eq(pod_text(podtable_name(t, STR("shop"), STR("web-0"))->line, "uid"),
	       STR("u2")),
	    "of two of one name the one made later");
	for (int i = 0; i < 40000; i++) {
		sprintf(line,
		    "{\"uid\":\"x-%d\",\"name\":\"p-%d\",\"namespace\":\"n\",\"hash\":"
		    "\"h%d\","
		    "\"containers\":[{\"name\":\"c\",\"id\":\"%064d\"}]}",
		    i % 10000, i % 10000, i % 10000, i);
		bad += podtable_put(t, str_of(line), i, true) != 0;
	}
	for (int i = 0; i < 10000; i++) {
		sprintf(uid, i % 2 ? "h%d" : "x-%d", i);
		en = podtable_uid(t, str_of(uid));
		sprintf(line, "%064d", i + 30000);
		bad += en == NULL || podtable_container(t, str_of(line)) != en;
		sprintf(line, "%064d", i);
		bad += podtable_container(t, str_of(line)) != NULL;
	}
	ok(bad == 0 && podtable_count(t) == 10002, "10000 pods, changed three times (%u)",
	    bad);
	podtable_gone(t, STR("x-5"));
	podtable_gone(t, STR("x-6"));
	podtable_gone(t, STR("nobody"));
	podtable_age(t, 50000, 30006);
	ok(podtable_count(t) == 10001 && podtable_uid(t, STR("x-5")) == NULL &&
		podtable_uid(t, STR("x-6"))->seen_s == 30006 &&
		podtable_uid(t, STR("x-7"))->seen_s == 50000,
	    "what is gone and old is forgotten, what is listed is as of now");
	podtable_unlist(t);
	podtable_age(t, 60000, 50001);
	ok(podtable_count(t) == 0 && podtable_uid(t, STR("x-7")) == NULL,
	    "and all of it when nothing is");
	podtable_free(t);
}

static void
test_orders(void)
{
	struct str line =
	    STR("{\"annotations\":{\"fluentbit.io/p\":\"all\",\"fluentbit.io/p_stderr\":"
		"\"err\",\"fluentbit.io/p-app\":\"app\",\"fluentbit.io/p_stdout-app\":"
		"\"appout\",\"fluentbit.io/q\":7}}");
	static const struct {
		const char *container, *stream, *want;
	} row[] = { { "app", "stdout", "appout" }, { "app", "stderr", "app" },
		{ "x", "stderr", "err" }, { "x", "stdout", "all" }, { "", "", "all" },
		{ "app", "", "app" } };

	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		ok(str_eq(pod_order(
			      line, "p", str_of(row[i].container), str_of(row[i].stream)),
		       str_of(row[i].want)),
		    "order for %s %s", row[i].container, row[i].stream);
	ok(pod_order(line, "q", STR("a"), STR("")).n == 0, "one that is no text is none");
}

static void
test_docker(void)
{
	static const struct {
		const char *config, *pod, *container, *name, *image;
	} row[] = {
		{ "{\"ID\":\"" ID_A
		  "\",\"Name\":\"/k8s_app_web-0_shop_x_0\",\"Config\":{\"Labels\":{"
		  "\"io.kubernetes.pod.name\":\"web-0\",\"io.kubernetes.pod.namespace\":"
		  "\"shop\","
		  "\"io.kubernetes.pod.uid\":\"" UUID
		  "\",\"io.kubernetes.container.name\":\"app\"}}}",
		    "web-0", "app", "", "" },
		{ "{\"ID\":\"" ID_A
		  "\",\"Name\":\"/My_box.1\",\"Config\":{\"Image\":\"nginx:1\"}}",
		    "", "", "My_box.1", "nginx:1" },
		{ "{\"ID\":\"" ID_B "\",\"Name\":\"/other\"}", "", "", "", "" },
		{ "{\"ID\":\"" ID_A
		  "\",\"Config\":{\"Labels\":{\"io.kubernetes.pod.name\":\"a/b\"}}}",
		    "", "", "", "" },
		{ "{\"ID\":\"" ID_A "\",\"Name\":\"/cut", "", "", "", "" },
		{ "[]", "", "", "", "" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct podpath p = { .docker_id = ID_A };
		struct podlocal l = { .container = "" };

		podlocal_docker(str_of(row[i].config), &p, &l);
		ok(strcmp(p.pod, row[i].pod) == 0 &&
			strcmp(p.container, row[i].container) == 0 &&
			strcmp(l.container, row[i].name) == 0 &&
			strcmp(l.image, row[i].image) == 0,
		    "config.v2.json %zu: %s %s %s %s", i, p.pod, p.container, l.container,
		    l.image);
	}
}

/* More pods than a cache keeps: those seen last stay. */
static void
test_cache_bounds(void)
{
	struct podtable *t = podtable_new(), *back = podtable_new();
	char dir[] = "/tmp/kube-unit-XXXXXX", line[120];
	struct podcache_count count;
	const int64_t now = 1800000000;
	struct err e = { .text = "" };
	int loaded;

	ok(mkdtemp(dir) != NULL, "a directory");
	for (int i = 0; i < PODCACHE_PODS + 100; i++) {
		sprintf(line, "{\"uid\":\"x-%d\",\"name\":\"p-%d\",\"namespace\":\"n\"}",
		    i, i);
		podtable_put(t, str_of(line), i < 100 ? now - 90000 : now, true);
	}
	ok(podcache_save(dir, t, now, &e) == 0, "saved: %s", e.text);
	loaded = podcache_load(dir, back, now, &count, &e);
	ok(loaded == 0 && count.bad == 0 && count.loaded == PODCACHE_PODS, "%llu loaded",
	    (unsigned long long)count.loaded);
	ok(podtable_uid(back, STR("x-0")) == NULL &&
		podtable_uid(back, STR("x-100")) != NULL,
	    "the oldest are gone");
	ok(podcache_save(dir, back, now + 60, &e) == 1, "nothing new, nothing written");
	podtable_free(back);
	back = podtable_new();
	ok(podcache_load(dir, back, now + PODCACHE_AGE_S + 3600, &count, &e) == 0 &&
		podtable_count(back) == 0,
	    "a week later none is taken");
	podtable_free(back);
	podtable_free(t);
	snprintf(line, sizeof line, "%s/pods.ndjson", dir);
	unlink(line);
	snprintf(line, sizeof line, "%s/pods.lock", dir);
	unlink(line);
	rmdir(dir);
}

static void
add_dropped(struct dropped *d, struct record_reader *rr, struct ndjson_out *o, int id,
    int end, bool passed)
{
	char line[200];
	struct record r;

	sprintf(line,
	    "{\"_src\":{\"file\":\"f\",\"id\":\"%d/"
	    "o\",\"gen\":3,\"end\":%d},\"log\":\"x\"}",
	    id, end);
	ok(record_read(rr, str_of(line), &r), "a record");
	if (passed)
		dropped_passed(d, &r);
	else
		dropped_add(d, &r, o);
}

static void
test_dropped(void)
{
	static struct dropped d;
	struct record_reader rr;
	struct ndjson_out o;
	struct err e;

	record_reader_init(&rr);
	ndjson_out_init(&o, -1, "out", &e);
	add_dropped(&d, &rr, &o, 1, 5, false);
	add_dropped(&d, &rr, &o, 1, 7, false);
	add_dropped(&d, &rr, &o, 2, 1, false);
	add_dropped(&d, &rr, &o, 2, 9, true);
	ok(o.n == 0 && d.used == 1, "nothing is written at once");
	dropped_flush(&d, &o);
	ok(str_eq((struct str){ o.buf, o.n },
	       STR("{\"_src\":{\"file\":\"f\",\"id\":\"1/o\",\"gen\":3,\"end\":7}}\n")),
	    "the last of an id, and none that was passed since");
	o.n = 0;
	for (int i = 0; i < DROPPED_MAX + 3; i++)
		add_dropped(&d, &rr, &o, 100 + i, i, false);
	ok(d.used == DROPPED_MAX && memmem(o.buf, o.n, "\"102/o\"", 7) != NULL &&
		memmem(o.buf, o.n, "\"103/o\"", 7) == NULL,
	    "the oldest are written when there are too many");
	dropped_flush(&d, &o);
	ok(d.used == 0 && memmem(o.buf, o.n, "\"166/o\"", 7) != NULL, "and the rest");
	dropped_done(&d);
	ndjson_out_done(&o);
	record_reader_done(&rr);
}

static void
test_members(void)
{
	static const struct {
		const char *object, *want; /* NULL: none */
	} t[] = {
		{ "{\"n\":\"abc\"}", "abc" },
		{ "{\"x\":{\"n\":1},\"\\u006e\":\"\\u0061bc\"}", "abc" },
		{ "{\"n\":\"\"}", "" },
		{ "{\"n\":\"abcdefg\"}", "abcdefg" },
		{ "{\"n\":\"abcdefgh\"}", NULL },
		{ "{\"n\":\"a\\u0000b\"}", NULL },
		{ "{\"n\":7}", NULL },
		{ "{\"n\":null}", NULL },
		{ "{}", NULL },
		{ "[\"n\"]", NULL },
		{ "", NULL },
	};
	char to[8];

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		int n = member_text(str_of(t[i].object), "n", to, sizeof to);

		ok(t[i].want == NULL
			? n == -1 && to[0] == '\0'
			: n == (int)strlen(t[i].want) && strcmp(to, t[i].want) == 0,
		    "%s: %d %s", t[i].object, n, to);
	}
}

#define NODE(conditions)                                                                 \
	"{\"metadata\":{\"name\":\"n-1\"},\"status\":{\"conditions\":" conditions "}}"

static void
test_nodes(void)
{
	static const struct {
		const char *object, *ready; /* NULL: no node */
		bool since;
	} t[] = {
		{ NODE("[{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":"
		       "\"2026-11-22T13:00:00Z\"}]"),
		    "True", true },
		{ NODE("[[],{\"type\":\"Other\",\"status\":\"True\"},1,{\"type\":"
		       "\"Ready\","
		       "\"status\":\"False\",\"lastTransitionTime\":7}]"),
		    "False", false },
		{ NODE("[{\"type\":\"Ready\",\"status\":\"Trueish\"}]"), "Unknown",
		    false },
		{ NODE("{}"), "Unknown", false },
		{ NODE("null"), "Unknown", false },
		{ "{\"metadata\":{\"name\":\"N\"}}", NULL, false },
		{ "{\"metadata\":{\"name\":\"\"}}", NULL, false },
		{ "{\"metadata\":7}", NULL, false },
	};
	struct nodes ns;
	struct err e;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		int r;

		nodes_init(&ns);
		r = nodes_add(&ns, str_of(t[i].object), &e);
		ok(t[i].ready == NULL
			? r == 1 && ns.n == 0 && ns.unusable == 1
			: r == 0 && ns.n == 1 &&
			      strcmp(ns.item[0].ready, t[i].ready) == 0 &&
			      (ns.item[0].since_ns != INT64_MIN) == t[i].since,
		    "%s: %d", t[i].object, r);
		nodes_done(&ns);
	}
}

static void
test_jobs_seen(void)
{
	static const struct {
		const char *status;
		bool seen;
	} t[] = {
		{ "{\"conditions\":[{\"type\":\"Failed\",\"status\":\"False\"}]}", true },
		{ "{\"conditions\":[{\"type\":\"Failed\",\"status\":\"True\"}]}", false },
		{ "{\"conditions\":[[],0,{\"type\":\"Complete\",\"status\":\"True\"}]}",
		    false },
		{ "{\"conditions\":{\"type\":\"Complete\",\"status\":\"True\"}}", true },
		{ "7", true },
	};
	char hash[JOBS_HASH + 1], text[300];
	struct jobs_seen s;
	struct err e;

	job_hash("n-1", hash);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const char *other;

		jobs_seen_init(&s);
		sprintf(text,
		    "{\"metadata\":{\"name\":\"j\",\"labels\":{\"" JOBS_LABEL
		    "\":\"%s\"}},\"status\":%s}",
		    hash, t[i].status);
		ok(jobs_seen_add(&s, str_of(text), &e) == 0, "%s", text);
		other = jobs_seen_of(&s, "n-1", "k");
		ok(t[i].seen ? other != NULL && strcmp(other, "j") == 0 : other == NULL,
		    "%s: %s", text, other ? other : "none");
		jobs_seen_done(&s);
	}
	jobs_seen_init(&s);
	ok(jobs_seen_add(&s, STR("{\"metadata\":{}}"), &e) < 0, "none: %s", e.text);
	jobs_seen_done(&s);
}

enum { TOKEN = 900, TOKEN_END = 40 };

/* A token that stands nowhere in this program. */
static char
token_byte(unsigned i)
{
	uint32_t h = (i + 1) * 0x9e3779b1u;

	h = (h ^ h >> 15) * 0x85ebca77u;
	return "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[(h >> 16) % 52];
}

/* How often the end of the token is on the heap, in what is used and in what was given back. */
static unsigned
on_the_heap(void)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	uintptr_t from, to;
	unsigned found = 0;

	while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
		if (strstr(line, "[heap]") == NULL ||
		    sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) != 2)
			continue;
		for (; from + TOKEN_END <= to; from++) {
			unsigned i = 0;

			while (i < TOKEN_END && ((volatile char *)from)[i] ==
						    token_byte(TOKEN - TOKEN_END + i))
				i++;
			found += i == TOKEN_END;
		}
	}
	if (maps != NULL)
		fclose(maps);
	return found;
}

static void
test_kubeconfig_forgets(void)
{
	static const char head[] =
	    "current-context: a\nclusters: [{name: a, cluster: {server: 'https://h'}}]\n"
	    "contexts: [{name: a, context: {cluster: a, user: a}}]\n"
	    "users: [{name: a, user: {token: ";
	char text[sizeof head - 1 + TOKEN + 3], path[] = "/tmp/kubeconfig.XXXXXX";
	int fd = mkstemp(path);
	struct kubeconfig k;
	struct err e;

	memcpy(text, head, sizeof head - 1);
	for (unsigned i = 0; i < TOKEN; i++)
		text[sizeof head - 1 + i] = token_byte(i);
	memcpy(text + sizeof text - 3, "}}]", 3);
	ok(write(fd, text, sizeof text) == sizeof text, "a kubeconfig");
	ok(kubeconfig_read(path, &k, &e) == 0 && k.token.n == TOKEN, "is read");
	if (getenv("UNDER") != NULL || SANITIZED) {
		kubeconfig_done(&k); /* what is given back is watched by others there */
	} else {
		ok(on_the_heap() == 1, "its token is in memory once");
		kubeconfig_done(&k);
		ok(on_the_heap() == 0, "and then no more");
	}
	close(fd);
	unlink(path);
}

/* 5,000 names of one text, all of them twice; then they are forgotten. */
static void
test_nameset(void)
{
	enum { NAMES = 5000, EACH = 6 };
	struct siphash_key secret;
	struct nameset set;
	char *text = malloc(NAMES * EACH + 1);
	int fresh = 0, known = 0, anew = 0;

	for (int i = 0; i < NAMES; i++)
		sprintf(text + EACH * i, "n%05d", i);
	ok(siphash_new_key(&secret), "a key");
	nameset_init(&set, &secret);
	ok(nameset_add(&set, text, 0, 3) == 1 && nameset_add(&set, text, 0, 4) == 1 &&
		nameset_add(&set, text, 0, 0) == 1 && nameset_add(&set, text, 9, 0) == 0,
	    "a name is not its beginning, and may be empty");
	for (size_t i = 0; i < NAMES; i++)
		fresh += nameset_add(&set, text, EACH * i, EACH) == 1;
	for (size_t i = 0; i < NAMES; i++)
		known += nameset_add(&set, text, EACH * i, EACH) == 0;
	nameset_begin(&set);
	for (size_t i = 0; i < NAMES; i++)
		anew += nameset_add(&set, text, EACH * i, EACH) == 1;
	ok(fresh == NAMES && known == NAMES && anew == NAMES,
	    "%d names are new, %d there, %d new again", fresh, known, anew);
	set.round = UINT32_MAX;
	ok(nameset_add(&set, text, 0, EACH) == 1, "in the last round");
	nameset_begin(&set);
	ok(nameset_add(&set, text, 0, EACH) == 1 && nameset_add(&set, text, 0, EACH) == 0,
	    "and in the first after it");
	nameset_done(&set);
	free(text);
}

/* What is found of a record of a file, written in that year. */
static struct podmeta_found
found_of(struct podmeta *m, struct record_reader *rr, const char *file, int year)
{
	static char line[600];
	struct record r;

	sprintf(line,
	    "{\"_src\":{\"file\":\"%s\",\"id\":\"9/o\",\"gen\":3,\"end\":7},"
	    "\"time\":\"%d-01-01T00:00:00Z\",\"stream\":\"stdout\"}",
	    file, year);
	return record_read(rr, str_of(line), &r) ? *podmeta_of(m, rr, &r)
						 : (struct podmeta_found){ 0 };
}

static bool
holds(struct podmeta_found f, const char *text)
{
	return f.ending.n > 0 &&
	       memmem(f.ending.p, f.ending.n, text, strlen(text)) != NULL;
}

static void
put_pod(struct podtable *t, const char *uid, int made, const char *label)
{
	char line[400];

	sprintf(line,
	    "{\"uid\":\"%s\",\"name\":\"web-0\",\"namespace\":\"shop\",\"created\":"
	    "\"%d-01-01T00:00:00Z\",\"labels\":{\"is\":\"%s\"}}",
	    uid, made, label);
	ok(podtable_put(t, str_of(line), 100, true) == 0, "put %s", label);
}

/* A file's ending is made anew when what it hangs on has changed, and only then. */
static void
test_endings(void)
{
	static const char dir[] = "/var/log/pods/shop_web-0_" UUID "/app/0.log";
	static const char link[] = "/var/log/containers/web-0_shop_app-" ID_A ".log";
	struct podtable *t = podtable_new();
	struct podmeta_options o = { .pods = t, .namespace_labels = true };
	struct record_reader rr;
	struct err e;
	struct podmeta *m = podmeta_new(&o, &e);
	struct podmeta_found a, b;

	record_reader_init(&rr);
	ok(found_of(m, &rr, dir, 2026).missing, "not known");
	put_pod(t, "other", 2020, "other");
	a = found_of(m, &rr, link, 2026);
	ok(!a.missing && holds(a, "other"), "by its name");
	ok(found_of(m, &rr, dir, 2026).missing, "another's uid is not known still");
	put_pod(t, UUID, 2025, "first");
	a = found_of(m, &rr, dir, 2026);
	ok(!a.missing && holds(a, "{\"is\":\"first\"}"), "known when it comes");
	ok(holds(found_of(m, &rr, link, 2026), "first"), "a better one of the name");
	put_pod(t, "other", 2020, "changed");
	b = found_of(m, &rr, dir, 2026);
	ok(a.ending.p == b.ending.p, "another pod's change costs nothing");
	ok(podtable_put(t, STR("{\"namespace\":\"shop\",\"labels\":{\"of\":\"ns\"}}"),
	       100, true) == 0 &&
		holds(b = found_of(m, &rr, dir, 2026), "{\"of\":\"ns\"}"),
	    "its namespace's does not");
	put_pod(t, UUID, 2025, "second");
	a = found_of(m, &rr, dir, 2026);
	ok(holds(a, "second") && !holds(a, "first"), "nor does its own");
	podtable_gone(t, STR("other"));
	podtable_age(t, 500, 200);
	b = found_of(m, &rr, dir, 2026);
	ok(podtable_count(t) == 2 && a.ending.p == b.ending.p,
	    "that others are forgotten does cost nothing");
	put_pod(t, "third", 2026, "third");
	ok(holds(found_of(m, &rr, link, 2026), "third"), "by its name, the latest");
	put_pod(t, "third", 2027, "too late");
	a = found_of(m, &rr, link, 2026);
	ok(a.missing && !holds(a, "labels\":{\"is"),
	    "it was not there when that was written");
	podtable_unlist(t);
	podtable_age(t, 900, 800);
	a = found_of(m, &rr, dir, 2026);
	ok(podtable_count(t) == 0 && a.missing && !holds(a, "labels"),
	    "what is forgotten is not known");
	podmeta_free(m);
	podtable_free(t);
	record_reader_done(&rr);
}

/* Of keys that are one the first is written, and each of the others counted once. */
static void
test_clashes(void)
{
	static const char line[] =
	    "{\"uid\":\"" UUID "\",\"name\":\"web-0\",\"namespace\":\"shop\",\"labels\":{"
	    "\"a.b\":\"1\",\"a_b\":\"2\",\"a\":\"3\",\"a.b\":\"4\"},\"annotations\":{\"a_"
	    "b\":\"5\","
	    "\"fluentbit.io/parser_stdout\":\"x\",\"fluentbit.io/parser_stderr\":\"y\"}}";
	static const struct {
		bool dedot;
		const char *labels;
		uint64_t clashes;
	} t[] = {
		{ false, "\"labels\":{\"a.b\":\"1\",\"a_b\":\"2\",\"a\":\"3\"},", 1 },
		{ true, "\"labels\":{\"a_b\":\"1\",\"a\":\"3\"},", 2 },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct podtable *pods = podtable_new();
		struct podmeta_options o = { .pods = pods, .dedot = t[i].dedot };
		struct record_reader rr;
		struct err e;
		struct podmeta *m = podmeta_new(&o, &e);
		struct podmeta_found f;

		podtable_put(pods, STR(line), 100, true);
		record_reader_init(&rr);
		f = found_of(m, &rr, "/var/log/pods/shop_web-0_" UUID "/app/0.log", 2026);
		ok(holds(f, t[i].labels) && holds(f, "{\"a_b\":\"5\"") &&
			holds(f, "\"parser\":\"x\"}}") &&
			podmeta_clashes(m) == t[i].clashes,
		    "%s (%d): %.*s", t[i].labels, (int)podmeta_clashes(m),
		    (int)f.ending.n, f.ending.p);
		podmeta_free(m);
		podtable_free(pods);
		record_reader_done(&rr);
	}
}

int
main(void)
{
	buf_init(&seen, 1 << 20);
	test_objects();
	test_large_objects();
	test_keylist();
	test_rules();
	test_fault_texts();
	test_lines();
	test_table();
	test_orders();
	test_docker();
	test_cache_bounds();
	test_dropped();
	test_members();
	test_nodes();
	test_jobs_seen();
	test_kubeconfig_forgets();
	test_nameset();
	test_endings();
	test_clashes();
	buf_done(&seen);
	return unit_end();
}
