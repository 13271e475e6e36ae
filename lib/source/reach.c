#include "source/reach.h"

#include <ctype.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID = 64 };

static bool
below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/' || dir[n - 1] == '/');
}

static bool
is_told(const struct reach *f, const char *dir)
{
	for (size_t i = 0; i < f->n && !f->all; i++)
		if (below(dir, f->dir[i]))
			return true;
	return f->all;
}

static void
add(struct reach *f, const char *dir)
{
	if (is_told(f, dir))
		return;
	if (f->n == REACH_MAX || (f->dir[f->n] = strdup(dir)) == NULL) {
		f->place("/");
		f->all = true;
		return;
	}
	f->n++;
	f->place(dir);
}

static bool
is_id(const char *s)
{
	size_t n = 0;

	while (isxdigit((unsigned char)s[n]))
		n++;
	return n == ID && s[n] == '\0';
}

/* Cut the last part off; false: it is "/", or has one part. */
static bool
up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return false;
	*slash = '\0';
	return true;
}

/* NS_POD_UID */
static bool
is_pod(const char *s, size_t n)
{
	const char *first = memchr(s, '_', n);

	return first != NULL &&
	       memchr(first + 1, '_', n - (size_t)(first + 1 - s)) != NULL;
}

/* What holds all directories like this one: so many bytes of its name. */
static size_t
like(const char *dir)
{
	const char *slash = strrchr(dir, '/'), *above = slash;

	if (slash == NULL || slash == dir)
		return strlen(dir);
	if (is_id(slash + 1))
		return (size_t)(slash - dir);
	while (above > dir && above[-1] != '/')
		above--;
	if (above > dir + 1 && is_pod(above, (size_t)(slash - above)))
		return (size_t)(above - 1 - dir);
	return strlen(dir);
}

/* The same with a NUL behind it. */
static void
like_dir(char like_it[PATH_MAX], const char *dir)
{
	size_t n = like(dir);

	snprintf(like_it, PATH_MAX, "%.*s", n > 0 ? (int)n : 1, n > 0 ? dir : "/");
}

void
reach_file_in(struct reach *f, const char *dir)
{
	char place[PATH_MAX];

	if (is_told(f, dir))
		return;
	like_dir(place, dir);
	add(f, place);
}

/* The next directory above that is there. */
static void
add_above(struct reach *f, const char *operand)
{
	char dir[PATH_MAX], real[PATH_MAX];

	snprintf(dir, sizeof dir, "%s%.*s", *operand == '/' ? "" : "./",
	    (int)strcspn(operand, "*?[{"), operand);
	while (up(dir))
		if (realpath(dir, real) != NULL) {
			add(f, real);
			return;
		}
	add(f, *operand == '/' ? "/" : ".");
}

static void
add_operand(struct reach *f, const char *operand, bool later)
{
	char real[PATH_MAX];
	struct stat st;

	if (stat(operand, &st) == 0) {
		if (S_ISDIR(st.st_mode) && realpath(operand, real) != NULL)
			add(f, real);
	} else if (later || strpbrk(operand, "*?[{") == NULL) {
		/* of a file that is not there a rotated one may be */
		add_above(f, operand);
	}
}

/* Directories that fit a glob. */
static void
add_glob(struct reach *f, const char *operand, bool later)
{
	glob_t g;

	add_operand(f, operand, later);
	if (access(operand, F_OK) == 0 || glob(operand, GLOB_BRACE, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		add_operand(f, g.gl_pathv[i], false);
	globfree(&g);
}

void
reach_operands(struct reach *f, char *const operands[], int n, bool later)
{
	for (int i = 0; i < n; i++)
		if (strcmp(operands[i], "-") != 0)
			add_glob(f, operands[i], later);
}

void
reach_before(struct reach *f, const char *dir)
{
	if (*dir == '/' && !is_told(f, dir) && access(dir, F_OK) == 0)
		reach_file_in(f, dir);
}

void
reach_end(struct reach *f)
{
	bool logs = false;

	for (size_t i = 0; i < f->n; i++)
		logs |= below(f->dir[i], "/var/log");
	if (logs) {
		add(f, "/var/log");
		add(f, "/var/lib/docker/containers");
	}
	for (size_t i = 0; i < f->n; i++)
		free(f->dir[i]);
	f->n = 0;
}
