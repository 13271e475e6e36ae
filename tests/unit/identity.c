/* One identity for many threads: had once, renewed before its end, and when refused. */
#include "unit.h"

#include "base/clock.h"
#include "base/err.h"
#include "record/timestamp.h"
#include "s3/credentials.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 8, TURNS = 300 };

static char dir[] = "/tmp/identity-XXXXXX", config[64], program[64], count[64],
	    answer[64];
static atomic_int warned, told;

static const char *
env(const char *name)
{
	if (strcmp(name, "AWS_CONFIG_FILE") == 0)
		return config;
	if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
		return "/dev/null";
	return strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0 ? "true" : NULL;
}

static void
tell(bool warn, const char *text)
{
	told++;
	warned += warn;
	ok(strstr(text, "very-secret") == NULL, "told: %s", text);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		ok(false, "%s cannot be written", path);
}

/* What the program prints from now on: lives for so many ns, or (0) it fails. */
static void
answers(int64_t life_ns)
{
	char text[300], when[TIMESTAMP_MAX];

	timestamp_format(clock_now() + life_ns, when);
	snprintf(text, sizeof text,
	    "{\"Version\":1,\"AccessKeyId\":\"AKID%lld\","
	    "\"SecretAccessKey\":\"very-secret\",\"SessionToken\":\"t\",\"Expiration\":"
	    "\"%s\"}\n",
	    (long long)clock_now(), when);
	write_file(answer, life_ns != 0 ? text : "");
}

static size_t
runs(void)
{
	struct stat sb;

	return stat(count, &sb) == 0 ? (size_t)sb.st_size : 0;
}

static void *
use(void *user)
{
	struct identity *id = user;
	struct credentials c;
	struct err e;
	intptr_t bad = 0;

	for (int i = 0; i < TURNS; i++) {
		if (identity_get(id, &c, &e) < 0) {
			bad++;
			continue;
		}
		bad += strcmp(c.secret, "very-secret") != 0;
		if (i == TURNS / 2 && identity_renew(id, &c, &e) < 0)
			bad++;
		credentials_done(&c);
	}
	return (void *)bad;
}

static void
test_threads(const struct credentials_options *o)
{
	pthread_t t[THREADS];
	struct identity *id;
	struct err e = { 0 };
	void *bad;
	size_t before = runs();

	answers(INT64_C(3600000000000));
	ok((id = identity_new(o, &e)) != NULL, "found: %s", e.text);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, use, id);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &bad);
		ok(bad == NULL, "thread %d got what it asked for", i);
	}
	ok(runs() - before == 2, "had twice: at first, and once when it was refused: %zu",
	    runs() - before);
	identity_free(id);
}

static void
test_renewal(const struct credentials_options *o)
{
	struct credentials a, b;
	struct identity *id;
	struct err e = { 0 };
	size_t before = runs();

	/* half of their life is over soon: renewed; the first ones were good till then */
	answers(INT64_C(1200000000));
	ok((id = identity_new(o, &e)) != NULL, "found: %s", e.text);
	ok(identity_get(id, &a, &e) == 0 && a.ends_ns > clock_now(), "and used");
	answers(INT64_C(3600000000000));
	while (clock_now() < a.ends_ns - INT64_C(500000000))
		usleep(20000);
	ok(identity_get(id, &b, &e) == 0 && strcmp(a.access, b.access) != 0,
	    "others before they end");
	ok(runs() - before == 2, "had twice: %zu", runs() - before);
	ok(identity_renew(id, &a, &e) == 1 && strcmp(a.access, b.access) == 0,
	    "who was refused with the old ones gets those");
	ok(runs() - before == 2, "and nobody is asked");
	ok(identity_renew(id, &a, &e) == 0, "the same again: there are no others");
	ok(runs() - before == 3, "which was asked");
	answers(INT64_C(7200000000000));
	ok(identity_renew(id, &a, &e) == 0 && runs() - before == 3,
	    "but not all the time");
	credentials_done(&a);
	credentials_done(&b);
	identity_free(id);
}

static void
test_failing(const struct credentials_options *o)
{
	struct credentials a;
	struct identity *id;
	struct err e = { 0 };
	size_t before = runs();
	int good = 0, warned_before = warned;

	answers(INT64_C(1500000000));
	ok((id = identity_new(o, &e)) != NULL, "found: %s", e.text);
	answers(0);
	while (identity_get(id, &a, &e) == 0) {
		good++;
		credentials_done(&a);
		usleep(20000);
	}
	ok(good > 0 && warned - warned_before == 1,
	    "used to their end, with one warning: %d", warned - warned_before);
	ok(e.status == ST_NOPERM && strstr(e.text, "not a JSON object") != NULL,
	    "then it is an error: %s", e.text);
	ok(a.access == NULL && a.secret == NULL, "that gives nothing");
	ok(runs() - before == 2, "had twice: %zu", runs() - before);
	identity_free(id);
}

int
main(void)
{
	struct credentials_options o = { .env = env, .tell = tell };
	char text[300];

	ok(mkdtemp(dir) != NULL, "a directory");
	snprintf(config, sizeof config, "%s/config", dir);
	snprintf(program, sizeof program, "%s/program", dir);
	snprintf(count, sizeof count, "%s/count", dir);
	snprintf(answer, sizeof answer, "%s/answer", dir);
	snprintf(text, sizeof text, "[default]\ncredential_process = sh %s\n", program);
	write_file(config, text);
	snprintf(text, sizeof text, "printf x >>%s\nexec cat %s\n", count, answer);
	write_file(program, text);
	test_threads(&o);
	test_renewal(&o);
	test_failing(&o);
	unlink(config);
	unlink(program);
	unlink(count);
	unlink(answer);
	rmdir(dir);
	return unit_end();
}
