/* What the sources of credentials read: shared files, commands, answers, URLs; and a
 * program that hangs, prints too much, or rubbish. */
#include "unit.h"

#include "base/clock.h"
#include "base/err.h"
#include "s3/awsconfig.h"
#include "s3/container.h"
#include "s3/credsource.h"
#include "s3/process.h"

#include <stdlib.h>
#include <unistd.h>

static char files[2][64]; /* credentials, config */

static const char *
env(const char *name)
{
	if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
		return files[0];
	return strcmp(name, "AWS_CONFIG_FILE") == 0 ? files[1] : NULL;
}

static void
file(int i, const char *text)
{
	FILE *f;

	if (files[i][0] == '\0')
		snprintf(
		    files[i], sizeof files[i], "/tmp/credsource-%d-%d", (int)getpid(), i);
	f = fopen(files[i], "w");
	ok(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, "a file");
}

static bool
is(const struct awsconfig *a, const char *profile, const char *name, const char *want)
{
	struct str v;
	bool found = awsconfig_get(a, profile, name, &v) != NULL;

	return want == NULL ? !found : found && str_eq(v, str_of(want));
}

static void
test_files(void)
{
	struct awsconfig *a;
	struct str access, secret, token;
	const char *from;

	file(0, "\n[default]\naws_access_key_id = A1\naws_secret_access_key=S1 # note\n"
		"[ spaced ]\n  aws_access_key_id = nested\nREGION = r1\nregion = r2\n"
		"[half]\naws_access_key_id = A2\n[profile wrong]\nregion = r3\n"
		"[shared]\nregion = from-credentials\n[last]\nregion = no newline");
	file(1, "[profile \"quoted name\"]\nregion = q\n[shared]\nregion = bare\n"
		"[profile shared]\nregion = from-config\noutput = json\n"
		"url = http://h/#frag;x\nempty =\ns3 =\n  region = nested\n"
		"[half]\naws_secret_access_key = elsewhere\n"
		"[profile half]\naws_secret_access_key = elsewhere\n"
		"[services shared]\ns3 =\n endpoint_url = e\nsts =\n endpoint_url = f\n"
		"[profile s]\nservices = shared\n");
	a = awsconfig_load(env);
	ok(is(a, "default", "aws_secret_access_key", "S1"), "a comment behind a value");
	ok(is(a, "spaced", "region", "r2"), "names in capitals; the last one counts");
	ok(is(a, "spaced", "aws_access_key_id", NULL), "a nested setting is not one");
	ok(is(a, "wrong", "region", NULL), "[profile x] is no profile in credentials");
	ok(is(a, "quoted name", "region", "q"), "a quoted name");
	ok(is(a, "shared", "region", "from-credentials"), "credentials win");
	ok(is(a, "shared", "output", "json"), "both files are one profile");
	ok(is(a, "shared", "url", "http://h/#frag;x"), "# within a value");
	ok(is(a, "shared", "empty", NULL), "an empty value is none");
	ok(is(a, "last", "region", "no newline"), "a last line without its end");
	ok(awsconfig_has(a, "nope") == NULL &&
		strcmp(awsconfig_has(a, "half"), files[0]) == 0 &&
		strcmp(awsconfig_has(a, "s"), files[1]) == 0,
	    "which profiles there are, and where");
	ok(awsconfig_service(a, "s", "s3", "endpoint_url", &access) != NULL &&
		str_eq(access, STR("e")) &&
		awsconfig_service(a, "s", "sts", "endpoint_url", &access) != NULL &&
		str_eq(access, STR("f")) &&
		awsconfig_service(a, "s", "ec2", "endpoint_url", &access) == NULL,
	    "services");
	ok(awsconfig_keys(a, "default", &access, &secret, &token, &from) == 1 &&
		str_eq(secret, STR("S1")) && token.n == 0,
	    "keys");
	ok(awsconfig_keys(a, "half", &access, &secret, &token, &from) == -1,
	    "half a pair is not made whole from the other file");
	ok(awsconfig_keys(a, "shared", &access, &secret, &token, &from) == 0, "no keys");
	awsconfig_free(a);
}

static void
test_split(void)
{
	static const struct {
		const char *command, *want; /* arguments in <>; NULL: refused */
	} rows[] = {
		{ "a", "<a>" },
		{ "  a \t b  ", "<a><b>" },
		{ "\"/opt/my tools/k\" --x 'y z'", "</opt/my tools/k><--x><y z>" },
		{ "a \"b \\\" c\" d\\ e", "<a><b \" c><d e>" },
		{ "a \"\\n \\\\\" '\\'", "<a><\\n \\><\\>" },
		{ "a\"b\"'c'd", "<abcd>" },
		{ "a '' \"\"", "<a><><>" },
		{ "a $HOME `x` *|;", "<a><$HOME><`x`><*|;>" },
		{ "a \"b", NULL },
		{ "a 'b", NULL },
		{ "", NULL },
		{ "   ", NULL },
		{ "'' a", NULL },
		{ "a \\", "<a><\\>" },
	};
	char text[PROCESS_COMMAND_MAX], *argv[PROCESS_ARGS_MAX + 1], got[500];
	struct err e;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int n = process_split(str_of(rows[i].command), text, argv, &e);
		size_t at = 0;

		for (int k = 0; k < n; k++)
			at +=
			    (size_t)snprintf(got + at, sizeof got - at, "<%s>", argv[k]);
		ok(rows[i].want == NULL ? n < 0 : n > 0 && strcmp(got, rows[i].want) == 0,
		    "split %s", rows[i].command);
	}
}

static void
test_urls(void)
{
	static const struct {
		const char *url;
		bool good;
	} rows[] = {
		{ "http://127.0.0.1/creds", true },
		{ "http://127.9.9.9:51678/creds", true },
		{ "http://localhost:80", true },
		{ "http://LOCALHOST/x", true },
		{ "http://[::1]:9/x", true },
		{ "http://169.254.170.2/v2/x", true },
		{ "http://169.254.170.23/v1/credentials", true },
		{ "http://[fd00:ec2::23]/v1/credentials", true },
		{ "http://[fd00:0ec2:0::0023]/v1", true },
		{ "https://anything.example/x", true },
		{ "HTTPS://anything.example/x", true },
		{ "http://169.254.169.254/x", false },
		{ "http://10.0.0.1/x", false },
		{ "http://example.com/x", false },
		{ "http://127.0.0.1.example.com/x", false },
		{ "http://127.0.0.1@example.com/x", false },
		{ "http://example.com#127.0.0.1", false },
		{ "http://example.com\\@127.0.0.1/", false },
		{ "http://localhost.example.com/", false },
		{ "http://0177.0.0.1/x", false },
		{ "http://2130706433/x", false },
		{ "http://[::1]x/", false },
		{ "http://[::1", false },
		{ "http://[fd00:ec2::24]/", false },
		{ "http://[::ffff:10.0.0.1]/", false },
		{ "https://a@b/", false },
		{ "https:///x", false },
		{ "http:///x", false },
		{ "file:///etc/passwd", false },
		{ "/creds", false },
		{ "http://127.0.0.1/a b", false },
		{ "http://127.0.0.1/\r\nX: y", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ok(container_url_ok(rows[i].url) == rows[i].good, "%s %s", rows[i].url,
		    rows[i].good ? "is asked" : "is not asked");
}

static void
test_json(void)
{
	static const struct {
		const char *what, *text, *want; /* "access/secret/token", or why not */
		bool good;
	} rows[] = {
		{ "a container's",
		    "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
		    "\"Token\":\"T\",\"Expiration\":\"2099-01-01T00:00:00Z\"}",
		    "A/S/T", true },
		{ "a program's",
		    " {\"Version\":1,\"AccessKeyId\":\"A\","
		    "\"SecretAccessKey\":\"S\",\"SessionToken\":\"T\"}\n",
		    "A/S/T", true },
		{ "without a token",
		    "{\"SecretAccessKey\":\"S\\/\\u002b\",\"AccessKeyId\":\"A\"}",
		    "A/S/+/-", true },
		{ "ended",
		    "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
		    "\"Expiration\":\"2001-01-01T00:00:00Z\"}",
		    "ended at 2001-01-01T00:00:00Z", false },
		{ "no time",
		    "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
		    "\"Expiration\":\"soon\"}",
		    "\"soon\" is not a time", false },
		{ "no secret", "{\"AccessKeyId\":\"A\"}", "has no AccessKeyId and",
		    false },
		{ "null", "{\"AccessKeyId\":null,\"SecretAccessKey\":\"S\"}", "has no",
		    false },
		{ "a line end",
		    "{\"AccessKeyId\":\"A\\r\\nX: y\",\"SecretAccessKey\":\"S\"}",
		    "holds blanks", false },
		{ "a NUL", "{\"AccessKeyId\":\"A\\u0000\",\"SecretAccessKey\":\"S\"}",
		    "holds blanks", false },
		{ "an array", "[{\"AccessKeyId\":\"A\"}]", "not a JSON object", false },
		{ "nothing", "", "not a JSON object", false },
		{ "blanks", "  \n", "not a JSON object", false },
		{ "cut off", "{\"AccessKeyId\":\"A\",\"Secret", "not a JSON object",
		    false },
		{ "html", "<html>", "not a JSON object", false },
	};
	struct credentials_options o = { .env = env };
	struct credsource s = { .o = &o };
	struct credentials c;
	struct err e;
	char got[200];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int r = credsource_json(&s, "here", str_of(rows[i].text), &c, &e);

		if (!rows[i].good) {
			ok(r < 0 && e.status == ST_NOPERM &&
				strstr(e.text, rows[i].want) != NULL,
			    "%s: %s", rows[i].what, r < 0 ? e.text : "taken");
			continue;
		}
		if (!ok(r == 1, "%s: %s", rows[i].what, r < 0 ? e.text : ""))
			continue;
		snprintf(got, sizeof got, "%s/%s/%s", c.access, c.secret,
		    c.token ? c.token : "-");
		ok(strcmp(got, rows[i].want) == 0, "%s: %s", rows[i].what, got);
		credentials_done(&c);
	}
}

static void
test_process(void)
{
	static const struct {
		const char *command, *want; /* NULL: it is good */
	} rows[] = {
		{ "echo "
		  "'{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}'",
		    NULL },
		{ "sh -c 'sleep 2 & echo "
		  "\"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"A\\\","
		  "\\\"SecretAccessKey\\\":\\\"S\\\"}\"'",
		    NULL },
		{ "echo "
		  "'{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}'",
		    "\"Version\":1" },
		{ "echo rubbish", "not a JSON object" },
		{ "true", "not a JSON object" },
		{ "false", "exit status 1; run it by hand" },
		{ "sh -c 'kill -9 $$'", "signal 9" },
		{ "/no/such/program", "/no/such/program: " }, /* 127 under valgrind */
		{ "sh -c 'exit 127'", "status 127: not found, or does not start" },
		{ "sleep 100", "did not end in time (limit 1 s)" },
		{ "sh -c 'exec >&-; sleep 100'", "did not end in time (limit 1 s)" },
		{ "yes", "more than 64 KiB" },
		{ "a 'b", "a quote is not closed" },
	};
	struct credentials_options o = { .env = env };
	struct credsource s = { .o = &o };
	struct credentials c;
	struct err e;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t began = clock_steady();
		int r = process_credentials(
		    &s, str_of(rows[i].command), "profile x", 1000000000, &c, &e);

		if (rows[i].want == NULL) {
			ok(r == 1, "%s: %s", rows[i].command, r < 0 ? e.text : "");
			credentials_done(&c);
		} else {
			ok(r < 0 && strstr(e.text, rows[i].want) != NULL, "%s: %s",
			    rows[i].command, r < 0 ? e.text : "taken");
		}
		ok(clock_steady() - began < INT64_C(50000000000), "it did not wait");
	}
}

int
main(void)
{
	test_files();
	test_split();
	test_urls();
	test_json();
	test_process();
	unlink(files[0]);
	unlink(files[1]);
	return unit_end();
}
