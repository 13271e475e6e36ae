#include "s3/credentials.h"
#include "base/clock.h"
#include "base/err.h"
#include "s3/awsconfig.h"
#include "s3/container.h"
#include "s3/credsource.h"
#include "s3/environment.h"
#include "s3/imds.h"
#include "s3/profile.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct identity {
	struct credentials_options o;
	char region[64];
	pthread_mutex_t lock; /* of all below */
	struct credentials now;
	int64_t renew_at; /* since the epoch, by the clock; 0: never */
	/* by clock_steady(); 0: never */
	int64_t failed_at, refused_at;
	struct err why; /* it failed */
};

/* ---- the chain ---- */

/* In the order they are asked.  1: found; 0: not here; -1: half there, the search ends. */
static const struct {
	const char *name;
	int (*find)(struct credsource *s, struct credentials *c, struct err *e);
} sources[] = {
	{ "environment", environment_credentials },
	{ "web identity", environment_web_identity },
	{ "shared files", profile_credentials },
	{ "container", container_credentials },
	{ "instance", imds_credentials },
};

static int
find(const struct credentials_options *o, struct credentials *c, struct err *e)
{
	struct awsconfig *config = awsconfig_load(o->env);
	struct credsource s = { .o = o, .config = config };
	char all[400] = "";
	size_t n = 0;
	int r = 0;

	*c = (struct credentials){ 0 };
	if (config == NULL)
		return err_set(e, ST_FAIL, "credentials: out of memory");
	for (size_t i = 0; r == 0 && i < sizeof sources / sizeof *sources; i++) {
		if ((r = sources[i].find(&s, c, e)) > 0)
			credsource_tell(o, false, "credentials: used: %s", s.said);
		if (r != 0)
			break;
		credsource_tell(
		    o, false, "credentials: %s: %s; not used", sources[i].name, s.said);
		n += (size_t)snprintf(all + n, sizeof all - n, "%s%.*s",
		    i > 0 ? "; " : "", i == 3 ? 27 : 85,
		    i == 3 ? "no container's agent is set" : s.said);
		n = n < sizeof all ? n : sizeof all - 1;
	}
	awsconfig_free(config);
	if (r == 0)
		return err_set(e, ST_NOPERM,
		    "credentials: none found (%s); set AWS_ACCESS_KEY_ID and "
		    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
		    all);
	return r < 0 ? -1 : 0;
}

/* ---- one identity, kept fresh ---- */

static int64_t
jitter(void)
{
	uint32_t v;

	if (getrandom(&v, sizeof v, 0) != sizeof v)
		v = (uint32_t)clock_steady();
	return (int64_t)(v / 4294967296.0 * (double)CREDENTIALS_JITTER_NS);
}

/* New ones; the old ones stay when there are none. */
static int
fetch(struct identity *id, struct err *e)
{
	struct credentials c;
	int64_t now, left, early = CREDENTIALS_EARLY_NS + jitter();

	if (find(&id->o, &c, e) < 0) {
		id->failed_at = clock_steady();
		id->why = *e;
		return -1;
	}
	credentials_done(&id->now);
	id->now = c;
	id->renew_at = 0;
	if (c.ends_ns != 0) {
		now = clock_now();
		left = c.ends_ns - now;
		/* those that live short are used for half of their time at least */
		id->renew_at = c.ends_ns - (early < left / 2 ? early : left / 2);
	}
	return 0;
}

struct identity *
identity_new(const struct credentials_options *o, struct err *e)
{
	struct identity *id = calloc(1, sizeof *id);

	if (id == NULL) {
		err_set(e, ST_FAIL, "credentials: out of memory");
		return NULL;
	}
	id->o = *o;
	if (o->region != NULL) {
		snprintf(id->region, sizeof id->region, "%s", o->region);
		id->o.region = id->region;
	}
	pthread_mutex_init(&id->lock, NULL);
	if (fetch(id, e) < 0) {
		identity_free(id);
		return NULL;
	}
	return id;
}

void
identity_free(struct identity *id)
{
	if (id == NULL)
		return;
	credentials_done(&id->now);
	pthread_mutex_destroy(&id->lock);
	free(id);
}

static int
copy(const struct credentials *from, struct credentials *to, struct err *e)
{
	struct credentials c = { .ends_ns = from->ends_ns };

	if (from->access == NULL || from->secret == NULL)
		return err_set(e, ST_NOPERM, "credentials: none");
	c.access = strdup(from->access);
	c.secret = strdup(from->secret);
	c.token = from->token != NULL ? strdup(from->token) : NULL;
	if (c.access == NULL || c.secret == NULL ||
	    (from->token != NULL && c.token == NULL)) {
		credentials_done(&c);
		return err_set(e, ST_FAIL, "credentials: out of memory");
	}
	*to = c;
	return 0;
}

static bool
just_now(int64_t then)
{
	return then != 0 && clock_steady() - then < CREDENTIALS_GAP_NS;
}

/* Renewal is due: try it, unless that just failed; ended ones are no use. */
static int
keep_fresh(struct identity *id, struct err *e)
{
	bool wait = just_now(id->failed_at);

	if (id->renew_at == 0 || clock_now() < id->renew_at)
		return 0;
	if (!wait) {
		credsource_tell(&id->o, false, "credentials: they end soon; renewing");
		if (fetch(id, e) == 0)
			return 0;
	}
	if (id->now.ends_ns <= clock_now()) {
		*e = id->why;
		return -1;
	}
	if (!wait)
		credsource_tell(
		    &id->o, true, "%s; going on with those that end soon", id->why.text);
	return 0;
}

int
identity_get(struct identity *id, struct credentials *c, struct err *e)
{
	int r;

	*c = (struct credentials){ 0 };
	pthread_mutex_lock(&id->lock);
	if ((r = keep_fresh(id, e)) == 0)
		r = copy(&id->now, c, e);
	pthread_mutex_unlock(&id->lock);
	return r;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same(const struct credentials *a, const struct credentials *b)
{
	return same_text(a->access, b->access) && same_text(a->secret, b->secret) &&
	       same_text(a->token, b->token);
}

int
identity_renew(struct identity *id, struct credentials *c, struct err *e)
{
	struct credentials new;
	int r = 0;

	pthread_mutex_lock(&id->lock);
	if (same(&id->now, c) && !just_now(id->refused_at)) {
		id->refused_at = clock_steady();
		credsource_tell(
		    &id->o, false, "credentials: refused by the server; looking again");
		r = fetch(id, e);
	}
	if (r == 0 && !same(&id->now, c) && (r = copy(&id->now, &new, e)) == 0) {
		credentials_done(c);
		*c = new;
		r = 1;
	}
	pthread_mutex_unlock(&id->lock);
	return r;
}

static void
wipe(char **s)
{
	credsource_forget(*s);
	*s = NULL;
}

void
credentials_done(struct credentials *c)
{
	wipe(&c->access);
	wipe(&c->secret);
	wipe(&c->token);
}

bool
credentials_needs(credentials_env *env, credentials_place *near)
{
	static const char *const variables[] = { "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CA_BUNDLE", NULL };
	struct awsconfig *config = awsconfig_load(env);
	const char *key = env("AWS_ACCESS_KEY_ID");
	bool exec;

	for (const char *const *v = variables; *v != NULL; v++)
		if (env(*v) != NULL && *env(*v) != '\0')
			near(env(*v));
	if (config == NULL)
		return false;
	near(awsconfig_path(config, false));
	near(awsconfig_path(config, true));
	exec = profile_needs(config, near);
	awsconfig_free(config);
	/* keys in the environment come first, and stay */
	return exec && (key == NULL || *key == '\0');
}
