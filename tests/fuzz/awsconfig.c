/* awsconfig: the shared files of AWS, and the commands in them (which are not run). */
#include "s3/awsconfig.h"
#include "base/err.h"
#include "fuzz.h"
#include "s3/process.h"

static char files[2][64]; /* /proc/self/fd/N */
static const char *profile;

static const char *
env(const char *name)
{
	if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
		return files[0];
	if (strcmp(name, "AWS_CONFIG_FILE") == 0)
		return files[1];
	return strcmp(name, "AWS_PROFILE") == 0 ? profile : NULL;
}

/* Of one line, without blanks around it. */
static void
must_be_a_value(struct str v)
{
	must(v.n > 0, "empty");
	must(memchr(v.p, '\n', v.n) == NULL, "more than a line");
	must(memchr(" \t\r", v.p[0], 3) == NULL &&
		 memchr(" \t\r", v.p[v.n - 1], 3) == NULL,
	    "blanks around it");
}

static void
check_split(struct str command)
{
	char text[PROCESS_COMMAND_MAX], *argv[PROCESS_ARGS_MAX + 1];
	struct err e;
	size_t all = 0;
	int n = process_split(command, text, argv, &e);

	if (n < 0) {
		must(e.status == ST_USAGE, "%d", e.status);
		return;
	}
	must(n > 0 && n <= PROCESS_ARGS_MAX && argv[n] == NULL && argv[0][0] != '\0',
	    "%d arguments", n);
	for (int i = 0; i < n; i++) {
		must(argv[i] >= text && argv[i] < text + sizeof text, "outside");
		all += strlen(argv[i]) + 1;
	}
	must(all <= command.n + 1, "longer than what was split");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "region", "role_arn", "source_profile",
		"credential_process", "services" };
	unsigned opt = options(&data, &size);
	size_t half = opt & 2 ? size : size / 2; /* credentials, config */
	int fd[2] = { memory_file(data, half), memory_file(data + half, size - half) };
	struct awsconfig *a;
	struct str v, access, secret, token, raw = exact(data, size);
	const char *file;
	bool asked;

	profile = opt & 1 ? "dev" : NULL;
	for (int i = 0; i < 2; i++)
		snprintf(files[i], sizeof files[i], "/proc/self/fd/%d", fd[i]);
	must((a = awsconfig_load(env)) != NULL, "memory");
	must(strcmp(awsconfig_profile(a, &asked), opt & 1 ? "dev" : "default") == 0 &&
		 asked == (profile != NULL),
	    "profile");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (awsconfig_get(a, opt & 1 ? "dev" : "default", names[i], &v)) {
			must_be_a_value(v);
			must(awsconfig_has(a, opt & 1 ? "dev" : "default") != NULL,
			    "a setting of no profile");
			check_split(v);
		}
	if (awsconfig_service(a, "default", "s3", "endpoint_url", &v))
		must_be_a_value(v);
	switch (awsconfig_keys(a, "default", &access, &secret, &token, &file)) {
	case 1:
		must_be_a_value(secret);
		if (token.n > 0)
			must_be_a_value(token);
		/* fall through */
	case -1:
		must_be_a_value(access);
		must(file == awsconfig_path(a, false) || file == awsconfig_path(a, true),
		    "file");
	}
	check_split(raw);
	awsconfig_free(a);
	close(fd[0]);
	close(fd[1]);
	exact_free(raw);
	return 0;
}
