#include "s3/credentials.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/str.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20 };

static struct str
trimmed(struct str s)
{
	while (s.n > 0 && strchr(" \t\r", *s.p) != NULL)
		s.p++, s.n--;
	while (s.n > 0 && strchr(" \t\r", s.p[s.n - 1]) != NULL)
		s.n--;
	return s;
}

/* ---- the shared files ---- */

struct ini {
	char path[PATH_MAX];
	struct buf text;
	bool config;   /* sections are called "profile NAME" */
	char why[200]; /* it was not read */
};

/* Is this line the heading of `profile`?  -1: not a heading at all. */
static int
heading(const struct ini *f, struct str line, const char *profile)
{
	const char *close = memchr(line.p, ']', line.n);
	struct str name;

	if (line.n == 0 || line.p[0] != '[')
		return -1;
	if (close == NULL)
		return 0;
	name = trimmed((struct str){ line.p + 1, (size_t)(close - line.p) - 1 });
	if (f->config && str_starts(name, STR("profile")) && name.n > 7 &&
	    (name.p[7] == ' ' || name.p[7] == '\t'))
		name = trimmed((struct str){ name.p + 7, name.n - 7 });
	else if (f->config && !str_eq(name, STR("default")))
		return 0;
	if (name.n >= 2 && name.p[0] == '"' && name.p[name.n - 1] == '"')
		name = (struct str){ name.p + 1, name.n - 2 };
	return str_eq(name, str_of(profile));
}

/* The value without a comment behind it. */
static struct str
value_of(struct str v)
{
	for (size_t i = 1; i < v.n; i++)
		if ((v.p[i] == '#' || v.p[i] == ';') &&
		    (v.p[i - 1] == ' ' || v.p[i - 1] == '\t'))
			v.n = i;
	return trimmed(v);
}

/* `name` of `profile`; with name NULL: is there such a profile? */
static bool
ini_find(const struct ini *f, const char *profile, const char *name, struct str *value)
{
	const char *p = f->text.p, *end = p + f->text.n, *lf, *eq;
	bool in = false;

	for (; f->text.n > 0 && p < end; p = lf + 1) {
		int h;

		if ((lf = memchr(p, '\n', (size_t)(end - p))) == NULL)
			lf = end;
		struct str line = { p, (size_t)(lf - p) };
		if ((h = heading(f, line, profile)) >= 0) {
			in = h == 1;
			if (in && name == NULL)
				return true;
			continue;
		}
		if (!in || name == NULL || line.n == 0 || strchr(" \t#;", *p) != NULL ||
		    (eq = memchr(p, '=', line.n)) == NULL)
			continue;
		if (!str_eq(trimmed((struct str){ p, (size_t)(eq - p) }), str_of(name)))
			continue;
		*value = value_of((struct str){ eq + 1, (size_t)(lf - eq) - 1 });
		return true;
	}
	return false;
}

struct profile {
	const char *name;
	struct ini file[2]; /* credentials, config: the first wins */
};

static void
ini_load(struct ini *f, credentials_env *env, const char *variable, const char *usual)
{
	const char *path = env(variable), *home = env("HOME");
	struct err e;
	int r;

	buf_init(&f->text, FILE_MAX);
	if (path != NULL && path[0] != '\0')
		snprintf(f->path, sizeof f->path, "%s", path);
	else if (home != NULL && home[0] != '\0')
		snprintf(f->path, sizeof f->path, "%s/.aws/%s", home, usual);
	else
		snprintf(f->path, sizeof f->path, "~/.aws/%s", usual);
	/* room for all at once: a buffer that grew would leave secrets behind in freed
	 * memory */
	if (buf_room(&f->text, FILE_MAX) == NULL ||
	    (r = file_read(f->path, &f->text, &e)) < 0)
		snprintf(f->why, sizeof f->why, "%.190s",
		    f->text.p == NULL ? "out of memory" : e.text);
	else if (r == 0)
		snprintf(f->why, sizeof f->why, "%.150s: no such file", f->path);
}

static struct profile *
profile_load(credentials_env *env)
{
	struct profile *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->name = env("AWS_PROFILE");
	if (p->name == NULL || p->name[0] == '\0')
		p->name = "default";
	p->file[1].config = true;
	ini_load(&p->file[0], env, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
	ini_load(&p->file[1], env, "AWS_CONFIG_FILE", "config");
	return p;
}

static void
profile_free(struct profile *p)
{
	for (int i = 0; p != NULL && i < 2; i++) {
		if (p->file[i].text.p != NULL)
			explicit_bzero(p->file[i].text.p, p->file[i].text.n);
		buf_done(&p->file[i].text);
	}
	free(p);
}

/* The file that has it, or NULL. */
static const struct ini *
profile_find(const struct profile *p, const char *name, struct str *value)
{
	for (int i = 0; i < 2; i++)
		if (ini_find(&p->file[i], p->name, name, value))
			return &p->file[i];
	return NULL;
}

char *
credentials_setting(credentials_env *env, const char *name)
{
	struct profile *p = profile_load(env);
	struct str v;
	char *copy = NULL;

	if (p != NULL && profile_find(p, name, &v) != NULL && v.n > 0)
		copy = strndup(v.p, v.n);
	profile_free(p);
	return copy;
}

/* ---- the sources ---- */

struct search {
	credentials_env *env;
	struct credentials *c;
	char said[512]; /* why not, or where from */
};

/* Header bytes must not come from a file or variable: no blanks, no control bytes. */
static bool
presentable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

static int
take(struct search *s, const char *where, struct str access, struct str secret,
    struct str token, struct err *e)
{
	struct credentials *c = s->c;

	if (!presentable(access) || !presentable(secret) || access.n > CREDENTIALS_MAX ||
	    secret.n > CREDENTIALS_MAX || (token.n > 0 && !presentable(token)))
		return err_set(e, ST_NOPERM,
		    "credentials: %.200s: a key is empty, too long or holds blanks",
		    where);
	c->access = strndup(access.p, access.n);
	c->secret = strndup(secret.p, secret.n);
	c->token = token.n > 0 ? strndup(token.p, token.n) : NULL;
	if (c->access == NULL || c->secret == NULL || (token.n > 0 && c->token == NULL))
		return err_set(e, ST_FAIL, "credentials: out of memory");
	snprintf(s->said, sizeof s->said, "%.300s, access key ...%s%s", where,
	    access.n > 8 ? c->access + access.n - 4 : "",
	    token.n > 0 ? ", session token" : "");
	return 1;
}

static struct str
variable(struct search *s, const char *name)
{
	const char *v = s->env(name);

	return v == NULL ? STR("") : str_of(v);
}

static int
from_environment(struct search *s, struct err *e)
{
	struct str access = variable(s, "AWS_ACCESS_KEY_ID");
	struct str secret = variable(s, "AWS_SECRET_ACCESS_KEY");

	if (access.n == 0 && secret.n == 0) {
		snprintf(s->said, sizeof s->said, "AWS_ACCESS_KEY_ID is not set");
		return 0;
	}
	if (access.n == 0 || secret.n == 0)
		return err_set(e, ST_NOPERM,
		    "credentials: environment: %s is set, %s is not",
		    access.n ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
		    access.n ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	return take(
	    s, "environment", access, secret, variable(s, "AWS_SESSION_TOKEN"), e);
}

/* No key in either file: why. */
static int
no_profile(struct search *s, const struct profile *p, struct err *e)
{
	bool asked = variable(s, "AWS_PROFILE").n > 0;
	const struct ini *f = profile_find(p, NULL, NULL);

	if (asked && f == NULL)
		return err_set(e, ST_NOPERM,
		    "credentials: AWS_PROFILE=%.100s: no such profile in "
		    "%.150s or %.150s",
		    p->name, p->file[0].path, p->file[1].path);
	if (asked)
		return err_set(e, ST_NOPERM,
		    "credentials: profile %.100s of %.200s has no "
		    "aws_access_key_id",
		    p->name, f->path);
	if (f != NULL)
		snprintf(s->said, sizeof s->said,
		    "profile default of %.200s has no "
		    "aws_access_key_id",
		    f->path);
	else if (p->file[0].why[0] != '\0')
		snprintf(s->said, sizeof s->said, "%s", p->file[0].why);
	else
		snprintf(s->said, sizeof s->said, "%.200s: no profile default",
		    p->file[0].path);
	return 0;
}

static int
from_files(struct search *s, struct err *e)
{
	struct profile *p = profile_load(s->env);
	struct str access, secret, token = STR("");
	const struct ini *f;
	char where[400];
	int r;

	if (p == NULL)
		return err_set(e, ST_FAIL, "credentials: out of memory");
	if ((f = profile_find(p, "aws_access_key_id", &access)) == NULL) {
		r = no_profile(s, p, e);
	} else if (!ini_find(f, p->name, "aws_secret_access_key", &secret)) {
		r = err_set(e, ST_NOPERM,
		    "credentials: profile %.100s of %.200s has no "
		    "aws_secret_access_key",
		    p->name, f->path);
	} else {
		(void)ini_find(f, p->name, "aws_session_token", &token);
		snprintf(
		    where, sizeof where, "profile %.100s of %.200s", p->name, f->path);
		r = take(s, where, access, secret, token, e);
	}
	profile_free(p);
	return r;
}

/* In the order they are asked.  1: found; 0: not here; -1: half there, the search ends.
 */
static const struct {
	const char *name;
	int (*find)(struct search *s, struct err *e);
} sources[] = {
	{ "environment", from_environment },
	{ "shared files", from_files },
};

int
credentials_find(
    credentials_env *env, struct credentials *c, struct buf *trail, struct err *e)
{
	struct search s = { .env = env, .c = c };
	struct buf all;
	int r;

	*c = (struct credentials){ 0 };
	buf_init(&all, 400);
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		if ((r = sources[i].find(&s, e)) < 0) {
			credentials_done(c);
			buf_done(&all);
			return -1;
		}
		buf_printf(trail, "credentials: %s: %s%s\n",
		    r > 0 ? "used" : sources[i].name, s.said, r > 0 ? "" : "; not used");
		if (r > 0) {
			buf_done(&all);
			return 0;
		}
		buf_printf(&all, "%s%.150s", i > 0 ? "; " : "", s.said);
	}
	err_set(e, ST_NOPERM,
	    "credentials: none found (%s); set AWS_ACCESS_KEY_ID and "
	    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
	    all.p ? all.p : "");
	buf_done(&all);
	return -1;
}

static void
wipe(char **s)
{
	if (*s != NULL)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void
credentials_done(struct credentials *c)
{
	wipe(&c->access);
	wipe(&c->secret);
	wipe(&c->token);
}
