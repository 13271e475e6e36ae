#include "source/reach.h"
#include "base/str.h"
#include "source/family.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH = 32, ID = 64 };

struct found {
	reach_place *place;
	char *dir[REACH_MAX];
	size_t n;
};

static bool
below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/' || dir[n - 1] == '/');
}

static void
add(struct found *f, const char *dir)
{
	for (size_t i = 0; i < f->n; i++)
		if (below(dir, f->dir[i]))
			return;
	if (f->n == REACH_MAX || (f->dir[f->n] = strdup(dir)) == NULL) {
		f->place("/");
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

static const char *
last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* NS_POD_UID */
static bool
is_pod(const char *s)
{
	const char *first = strchr(s, '_');

	return first != NULL && strchr(first + 1, '_') != NULL;
}

/* What holds all directories like this one. */
static void
add_like(struct found *f, const char *real)
{
	char dir[PATH_MAX], above[PATH_MAX];

	snprintf(dir, sizeof dir, "%s", real);
	memcpy(above, dir, sizeof above);
	if (is_id(last(dir))) {
		up(dir);
	} else if (up(above) && is_pod(last(above))) {
		memcpy(dir, above, sizeof dir);
		up(dir);
	}
	add(f, *dir != '\0' ? dir : "/");
}

/* Where a file is, past all links. */
static void
add_file(struct found *f, const char *path)
{
	char real[PATH_MAX];

	/* of one that is gone, and may have rotated siblings, `real` has how far it came */
	if ((family_real_path(path, real) != NULL || errno == ENOENT) && up(real))
		add_like(f, real);
}

static void
add_links(struct found *f, const char *dir, int depth)
{
	DIR *d = depth < DEPTH ? opendir(dir) : NULL;
	struct dirent *de;
	char path[PATH_MAX];

	while (d != NULL && (de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    snprintf(path, sizeof path, "%s/%s", dir, de->d_name) >=
			(int)sizeof path)
			continue;
		if (de->d_type == DT_UNKNOWN) {
			struct stat st;

			if (lstat(path, &st) == 0)
				de->d_type = (unsigned char)IFTODT(st.st_mode);
		}
		if (de->d_type == DT_LNK)
			add_file(f, path);
		else if (de->d_type == DT_DIR)
			add_links(f, path, depth + 1);
	}
	if (d != NULL)
		closedir(d);
}

static void
add_path(struct found *f, const char *path)
{
	char real[PATH_MAX];
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		add_file(f, path);
	} else if (realpath(path, real) != NULL) {
		add(f, real);
		add_links(f, real, 0);
	}
}

/* The next directory above that is there. */
static void
add_above(struct found *f, const char *operand)
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
add_operand(struct found *f, const char *operand, bool later)
{
	glob_t g;

	if (access(operand, F_OK) == 0) {
		add_path(f, operand);
		return;
	}
	/* of a file that is not there a rotated one may be */
	if (later || strpbrk(operand, "*?[{") == NULL)
		add_above(f, operand);
	if (glob(operand, GLOB_BRACE, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		add_path(f, g.gl_pathv[i]);
	globfree(&g);
}

void
reach_dir(const char *dir, reach_place *place)
{
	struct found f = { .place = place };

	if (*dir == '/' && access(dir, F_OK) == 0)
		add_like(&f, dir);
	for (size_t i = 0; i < f.n; i++)
		free(f.dir[i]);
}

void
reach(char *const operands[], int n, bool later, reach_place *place)
{
	struct found f = { .place = place };
	bool logs = false;

	for (int i = 0; i < n; i++)
		if (strcmp(operands[i], "-") != 0)
			add_operand(&f, operands[i], later);
	for (size_t i = 0; i < f.n; i++)
		logs |= below(f.dir[i], "/var/log");
	if (logs) {
		add(&f, "/var/log");
		add(&f, "/var/lib/docker/containers");
	}
	for (size_t i = 0; i < f.n; i++)
		free(f.dir[i]);
}
