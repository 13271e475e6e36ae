/* identity: what gives credentials says: JSON of agents, programs and instances, XML of
 * STS, URLs of agents.  Nothing is asked. */
#include "base/err.h"
#include "fuzz.h"
#include "s3/answer.h"
#include "s3/container.h"
#include "s3/credsource.h"

#include <strings.h>

static const char *
env(const char *name)
{
	(void)name;
	return NULL;
}

static void
must_be_clean(const char *s, size_t max)
{
	must(s != NULL && *s != '\0' && strlen(s) <= max, "empty or too long");
	for (; *s != '\0'; s++)
		must(*s > 0x20 && *s < 0x7f, "a byte that no header may hold");
}

static void
check_json(struct str raw)
{
	struct credentials_options o = { .env = env };
	struct credsource s = { .o = &o };
	struct credentials c = { 0 };
	struct err e = { 0 };
	char text[30];

	credsource_member(raw, "Code", text, sizeof text);
	must(strlen(text) < sizeof text, "no end");
	if (credsource_json(&s, "fuzz", raw, &c, &e) < 0) {
		must(e.status == ST_NOPERM && e.text[0] != '\0', "%d: %s", e.status,
		    e.text);
		must(c.access == NULL && c.secret == NULL && c.token == NULL, "half");
		return;
	}
	must_be_clean(c.access, CREDENTIALS_MAX);
	must_be_clean(c.secret, CREDENTIALS_MAX);
	if (c.token != NULL)
		must_be_clean(c.token, CREDENTIALS_TOKEN_MAX);
	if (strlen(c.secret) >= 24 && strstr(c.access, c.secret) == NULL)
		must(strstr(s.said, c.secret) == NULL, "the secret is told");
	credentials_done(&c);
}

/* What is accepted over http is an address of this machine or of an agent, and libcurl
 * will take it for the same host. */
static void
check_url(const char *url)
{
	static const char *const good[] = { "localhost", "127.", "169.254.170.2", "[" };
	bool ours = false;

	if (!container_url_ok(url) || strncasecmp(url, "https:", 6) == 0)
		return;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ours |= strncasecmp(url + 7, good[i], strlen(good[i])) == 0;
	must(ours && strpbrk(url, "\\ \t\r\n") == NULL, "accepted: %s", url);
	url += 7;
	must(memchr(url, '@', strcspn(url, "/?#")) == NULL, "accepted with a user");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tags[] = { "AccessKeyId", "SecretAccessKey",
		"SessionToken", "Expiration", "Code" };
	struct str raw = exact(data, size);
	char *text = c_string(data, size), out[40];

	check_json(raw);
	check_url(text);
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		answer_xml_text(text, tags[i], out, sizeof out);
		must(strlen(out) < sizeof out, "no end");
	}
	free(text);
	exact_free(raw);
	return 0;
}
