#include "s3/awsconfig.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct ini {
	char path[PATH_MAX];
	struct buf text;
	bool config;   /* sections are called "profile NAME" */
	char why[200]; /* it was not read */
};

struct awsconfig {
	const char *profile;
	bool asked;
	struct ini file[2]; /* credentials, config: the first wins */
};

/* What is looked for: [kind section], then name, or name below parent. */
struct wanted {
	const char *kind, *section, *parent, *name;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct str
trimmed(struct str s)
{
	while (s.n > 0 && is_blank(*s.p))
		s.p++, s.n--;
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool
same_name(struct str a, const char *b)
{
	return a.n == strlen(b) && strncasecmp(a.p, b, a.n) == 0;
}

/* "profile NAME" to NAME; without the word, `whole` when it may be missing. */
static bool
without_kind(struct str *name, const char *kind)
{
	size_t n = strlen(kind);

	if (name->n <= n || strncmp(name->p, kind, n) != 0 || !is_blank(name->p[n]))
		return false;
	*name = trimmed((struct str){ name->p + n, name->n - n });
	return true;
}

/* Is this line the heading of the section?  -1: not a heading at all. */
static int
heading(const struct ini *f, struct str line, const struct wanted *w)
{
	const char *close = memchr(line.p, ']', line.n);
	struct str name;

	if (line.n == 0 || line.p[0] != '[')
		return -1;
	if (close == NULL)
		return 0;
	name = trimmed((struct str){ line.p + 1, (size_t)(close - line.p) - 1 });
	if (f->config && !without_kind(&name, w->kind) &&
	    (!str_eq(name, STR("default")) || strcmp(w->kind, "profile") != 0))
		return 0;
	if (name.n >= 2 && name.p[0] == '"' && name.p[name.n - 1] == '"')
		name = (struct str){ name.p + 1, name.n - 2 };
	return str_eq(name, str_of(w->section));
}

/* The value without a comment behind it. */
static struct str
value_of(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((v.p[i] == '#' || v.p[i] == ';') && i > 0 && is_blank(v.p[i - 1]))
			v.n = i;
	return trimmed(v);
}

/* "name = value" of one line. */
static bool
setting(struct str line, struct str *name, struct str *value)
{
	const char *eq = line.n > 0 ? memchr(line.p, '=', line.n) : NULL;

	if (eq == NULL)
		return false;
	*name = trimmed((struct str){ line.p, (size_t)(eq - line.p) });
	*value = value_of((struct str){ eq + 1, line.n - (size_t)(eq - line.p) - 1 });
	return name->n > 0 && strchr("#;", name->p[0]) == NULL;
}

/* With w->name NULL: is there such a section? */
static bool
ini_find(const struct ini *f, const struct wanted *w, struct str *value)
{
	const char *p = f->text.p, *end = p + f->text.n, *lf;
	bool in = false, below = false, found = false;
	struct str name, v;

	if (value != NULL)
		*value = STR("");
	for (; f->text.n > 0 && p < end; p = lf + 1) {
		int h;

		if ((lf = memchr(p, '\n', (size_t)(end - p))) == NULL)
			lf = end;
		struct str line = { p, (size_t)(lf - p) };
		if ((h = heading(f, line, w)) >= 0) {
			in = h == 1;
			below = false;
			if (in && w->name == NULL)
				return true;
		}
		if (h >= 0 || !in || w->name == NULL || !setting(line, &name, &v))
			continue;
		if (!is_blank(*p))
			below = w->parent != NULL && same_name(name, w->parent);
		if (is_blank(*p) != (w->parent != NULL) || below != (w->parent != NULL))
			continue;
		if (same_name(name, w->name)) {
			*value = v;
			found = v.n > 0;
		}
	}
	return found;
}

static void
ini_load(struct ini *f, credentials_env *env, const char *variable, const char *usual)
{
	const char *path = env(variable), *home = env("HOME");
	struct err e;
	int r;

	buf_init_secret(&f->text, AWSCONFIG_FILE_MAX);
	if (path != NULL && path[0] != '\0')
		snprintf(f->path, sizeof f->path, "%s", path);
	else if (home != NULL && home[0] != '\0')
		snprintf(f->path, sizeof f->path, "%s/.aws/%s", home, usual);
	else
		snprintf(f->path, sizeof f->path, "~/.aws/%s", usual);
	if ((r = file_read(f->path, &f->text, &e)) < 0) {
		snprintf(f->why, sizeof f->why, "%.190s", e.text);
		buf_done(&f->text);
	} else if (r == 0) {
		snprintf(f->why, sizeof f->why, "%.150s: no such file", f->path);
	}
}

struct awsconfig *
awsconfig_load(credentials_env *env)
{
	struct awsconfig *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->profile = env("AWS_PROFILE");
	a->asked = a->profile != NULL && a->profile[0] != '\0';
	if (!a->asked)
		a->profile = "default";
	a->file[1].config = true;
	ini_load(&a->file[0], env, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
	ini_load(&a->file[1], env, "AWS_CONFIG_FILE", "config");
	return a;
}

void
awsconfig_free(struct awsconfig *a)
{
	if (a == NULL)
		return;
	buf_done(&a->file[0].text);
	buf_done(&a->file[1].text);
	free(a);
}

const char *
awsconfig_profile(const struct awsconfig *a, bool *asked)
{
	*asked = a->asked;
	return a->profile;
}

static const struct ini *
find(const struct awsconfig *a, const struct wanted *w, struct str *value)
{
	for (int i = 0; i < 2; i++)
		if (ini_find(&a->file[i], w, value))
			return &a->file[i];
	return NULL;
}

const char *
awsconfig_has(const struct awsconfig *a, const char *profile)
{
	const struct ini *f =
	    find(a, &(struct wanted){ "profile", profile, NULL, NULL }, NULL);

	return f != NULL ? f->path : NULL;
}

const char *
awsconfig_get(
    const struct awsconfig *a, const char *profile, const char *name, struct str *value)
{
	const struct ini *f =
	    find(a, &(struct wanted){ "profile", profile, NULL, name }, value);

	return f != NULL ? f->path : NULL;
}

const char *
awsconfig_service(const struct awsconfig *a, const char *profile, const char *service,
    const char *name, struct str *value)
{
	struct str section;
	char called[200];

	if (awsconfig_get(a, profile, "services", &section) == NULL ||
	    section.n >= sizeof called)
		return NULL;
	snprintf(called, sizeof called, "%.*s", (int)section.n, section.p);
	if (!ini_find(&a->file[1], &(struct wanted){ "services", called, service, name },
		value))
		return NULL;
	return a->file[1].path;
}

int
awsconfig_keys(const struct awsconfig *a, const char *profile, struct str *access,
    struct str *secret, struct str *token, const char **file)
{
	struct wanted w = { "profile", profile, NULL, "aws_access_key_id" };
	const struct ini *f = find(a, &w, access);

	*token = STR("");
	if (f == NULL)
		return 0;
	*file = f->path;
	w.name = "aws_secret_access_key";
	if (!ini_find(f, &w, secret))
		return -1;
	w.name = "aws_session_token";
	if (!ini_find(f, &w, token))
		*token = STR("");
	return 1;
}

const char *
awsconfig_why(const struct awsconfig *a)
{
	return a->file[0].why[0] != '\0' ? a->file[0].why : a->file[1].why;
}

const char *
awsconfig_path(const struct awsconfig *a, bool config)
{
	return a->file[config].path;
}

char *
credentials_setting(credentials_env *env, const char *name)
{
	struct awsconfig *a = awsconfig_load(env);
	struct str v;
	char *copy = NULL;

	if (a != NULL && awsconfig_get(a, a->profile, name, &v) != NULL)
		copy = strndup(v.p, v.n);
	awsconfig_free(a);
	return copy;
}
