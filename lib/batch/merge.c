#include "batch/merge.h"
#include "base/err.h"
#include "base/fileio.h"
#include "record/jscan.h"
#include "record/timestamp.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { PEEK = 256 << 10 }; /* of the content, to find the first time in */

struct group {
	struct merge_input *in;
	size_t n, cap;
};

static void
group_done(struct group *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->in[i].name);
	free(g->in);
	*g = (struct group){ NULL, 0, 0 };
}

/* The time of the first record that has one; 0: none near its beginning. */
static int64_t
first_time(const char *path)
{
	gzFile z = gzopen(path, "rbe");
	char *p = malloc(PEEK), *lf;
	int n = z != NULL && p != NULL ? gzread(z, p, PEEK) : -1;
	struct jscan_member m;
	int64_t ns = 0;

	for (char *at = p; n > 0 && (lf = memchr(at, '\n', (size_t)(p + n - at))) != NULL;
	     at = lf + 1)
		if (jscan_find((struct str){ at, (size_t)(lf - at) }, STR("time"), &m) &&
		    m.value.n > 2 &&
		    timestamp_parse((struct str){ m.value.p + 1, m.value.n - 2 }, &ns))
			break;
	free(p);
	if (z != NULL)
		gzclose_r(z);
	return ns;
}

/* Is it a gzip file?  Then what is known of it without unpacking it.  1, 0, -1. */
static int
look(const char *path, struct merge_input *in, struct err *e)
{
	unsigned char magic[2] = { 0, 0 };
	struct stat st;
	int fd = io_open(path, O_RDONLY | O_NONBLOCK, 0), r = 0;

	if (fd < 0)
		return err_sys(e, path);
	if (fstat(fd, &st) < 0)
		r = err_sys(e, path);
	else if (S_ISREG(st.st_mode) && st.st_size >= 20 &&
		 pread_full(fd, magic, 2, 0) == 2 && magic[0] == 0x1f &&
		 magic[1] == 0x8b &&
		 pread_full(fd, in->end, 8, (uint64_t)st.st_size - 8) == 8)
		r = 1;
	in->bytes = (uint64_t)st.st_size;
	close(fd);
	if (r == 1)
		in->first_ns = first_time(path);
	return r;
}

static int
add(struct group *g, const char *dir, const char *name, struct err *e)
{
	struct merge_input in = { 0 };
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
		return err_set(e, ST_FAIL, "%.300s: name too long", dir);
	if ((r = look(path, &in, e)) <= 0)
		return r;
	if (g->n == MERGE_FILES_MAX)
		return err_set(e, ST_FAIL,
		    "%.300s: over %d objects in one directory: name some of them instead",
		    dir, MERGE_FILES_MAX);
	if (g->n == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 64;
		struct merge_input *p = realloc(g->in, cap * sizeof *p);

		if (p == NULL)
			return err_set(e, ST_FAIL, "out of memory");
		g->in = p;
		g->cap = cap;
	}
	if ((in.name = strdup(name)) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	g->in[g->n++] = in;
	return 0;
}

static int
by_time(const void *a, const void *b)
{
	const struct merge_input *x = a, *y = b;

	if (x->first_ns != y->first_ns)
		return x->first_ns > y->first_ns ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* ---- what stays as it is ---- */

#define COPY_NAME ".merge-copy.tmp" /* under which it is written */

static int
copy(const char *from, const char *to, struct err *e)
{
	char tmp[PATH_MAX], block[64 << 10];
	const char *slash = strrchr(to, '/');
	int in = io_open(from, O_RDONLY, 0), out, r = 0;
	ssize_t n;

	if (in < 0)
		return err_sys(e, from);
	if (snprintf(tmp, sizeof tmp, "%.*s/" COPY_NAME, (int)(slash - to), to) >=
		(int)sizeof tmp ||
	    (out = file_new(tmp, 0640)) < 0) {
		close(in);
		return err_sys(e, to);
	}
	while (r == 0 && (n = read_full(in, block, sizeof block)) != 0)
		r = n < 0 ? err_sys(e, from) : write_all(out, block, (size_t)n, tmp, e);
	if (r == 0 && io_fsync(out) < 0)
		r = err_sys(e, tmp);
	close(in);
	if (close(out) < 0 && r == 0)
		r = err_sys(e, tmp);
	if (r == 0 && io_rename(tmp, to) < 0)
		r = err_sys(e, to);
	return r;
}

static int
keep(struct merge *m, const struct merge_dir *d, const char *name, struct err *e)
{
	char from[PATH_MAX], to[PATH_MAX];

	m->n.kept++;
	if (m->out == NULL || m->dry)
		return 0;
	if (snprintf(from, sizeof from, "%s/%s", d->from, name) >= (int)sizeof from ||
	    snprintf(to, sizeof to, "%s/%s", d->to, name) >= (int)sizeof to)
		return err_set(e, ST_FAIL, "%.300s: name too long", d->to);
	if (io_link(from, to) == 0 || errno == EEXIST)
		return 0;
	if (errno != EXDEV && errno != EPERM && errno != EMLINK && errno != EACCES)
		return err_sys(e, to);
	return copy(from, to, e);
}

/* ---- a directory ---- */

/* Inputs from `i` on that together stay within the size. */
static size_t
together(const struct merge *m, const struct group *g, size_t i)
{
	uint64_t sum = g->in[i].bytes;
	size_t end = i + 1;

	while (end < g->n && end - i < MERGE_INPUTS_MAX &&
	       sum + g->in[end].bytes <= m->max_size)
		sum += g->in[end++].bytes;
	return end;
}

static int
each_group(struct merge *m, const struct merge_dir *d, struct group *g, struct err *e)
{
	if (g->n > 0)
		qsort(g->in, g->n, sizeof *g->in, by_time);
	for (size_t i = 0, end; i < g->n; i = end) {
		int r;

		end = together(m, g, i);
		r = end - i > 1 ? merge_one(m, d, g->in + i, end - i, e) : 1;
		if (r < 0)
			return -1;
		if (r == 0)
			m->n.inputs += end - i;
		m->n.bad += r > 0 && end - i > 1;
		for (size_t k = i; r > 0 && k < end; k++)
			if (keep(m, d, g->in[k].name, e) < 0)
				return -1;
	}
	return 0;
}

static bool
was_merged(const char *name)
{
	return strncmp(name, "merged-", 7) == 0;
}

/* The objects of `g`, and, if `all`, those of the directory. */
static int
locked(
    struct merge *m, const struct merge_dir *d, struct group *g, bool all, struct err *e)
{
	struct dirent *de;
	DIR *dir = NULL;
	int r = 0;

	if (!m->dry && merge_recover(m, d, e) < 0)
		return -1;
	if (all && (dir = opendir(d->from)) == NULL)
		return err_sys(e, d->from);
	while (all && r == 0 && (de = readdir(dir)) != NULL) {
		if (de->d_name[0] == '.' || de->d_type == DT_DIR)
			continue;
		if (was_merged(de->d_name))
			r = keep(m, d, de->d_name, e);
		else
			r = add(g, d->from, de->d_name, e);
	}
	if (all)
		closedir(dir);
	if (r == 0)
		r = each_group(m, d, g, e);
	if (r == 0 && m->out != NULL && !m->dry)
		r = dir_fsync(d->to, e);
	return r;
}

/* `key`: of the directory, without '/' at its end. */
static int
directory(struct merge *m, const char *root, const char *key, struct group *g, bool all,
    struct err *e)
{
	char from[PATH_MAX], to[PATH_MAX], lists[PATH_MAX], in_key[PATH_MAX];
	struct merge_dir d = { from, to, in_key, lists };
	const char *slash = *key != '\0' ? "/" : "",
		   *out = m->out != NULL ? m->out : root;
	struct stat a, b;
	int fd, r;

	if (snprintf(from, sizeof from, "%s%s%s", root, slash, key) >= (int)sizeof from ||
	    snprintf(to, sizeof to, "%s%s%s", out, slash, key) >= (int)sizeof to ||
	    snprintf(lists, sizeof lists, "%s/_manifests", root) >= (int)sizeof lists ||
	    snprintf(in_key, sizeof in_key, "%s%s", key, slash) >= (int)sizeof in_key)
		return err_set(e, ST_FAIL, "%.300s: name too long", root);
	if (access(lists, F_OK) != 0 ||
	    snprintf(lists, sizeof lists, "%s/_manifests", out) >= (int)sizeof lists)
		d.lists = NULL;
	if (m->dry)
		return locked(m, &d, g, all, e);
	if (m->out != NULL && dir_make(to, true, e) < 0)
		return -1;
	if (m->out != NULL && stat(from, &a) == 0 && stat(to, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return err_set(e, ST_USAGE,
		    "--out=%.300s: that is where the objects are; without --out they are "
		    "merged in place",
		    m->out);
	if ((fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(e, to);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = err_set(e, ST_LATER, "%.300s: another merge is at work in it", to);
	else
		r = locked(m, &d, g, all, e);
	close(fd);
	return r;
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Lists say what is true also where the objects go. */
static int
keep_lists(struct merge *m, const char *root, const char *key, struct err *e)
{
	char from[PATH_MAX], to[PATH_MAX], left[PATH_MAX];
	struct merge_dir d = { from, to, "", NULL };
	struct dirent *de;
	DIR *dir = NULL;
	int r;

	if (m->out == NULL || m->dry)
		return 0;
	if (snprintf(from, sizeof from, "%s/%s", root, key) >= (int)sizeof from ||
	    snprintf(to, sizeof to, "%s/%s", m->out, key) >= (int)sizeof to)
		return err_set(e, ST_FAIL, "%.300s: name too long", root);
	if ((r = dir_make(to, true, e)) < 0)
		return -1;
	/* of a run that was killed; in other directories merge_recover() sees to it */
	if (snprintf(left, sizeof left, "%s/" COPY_NAME, to) < (int)sizeof left &&
	    io_unlink(left) < 0 && errno != ENOENT)
		return err_sys(e, left);
	if ((dir = opendir(from)) == NULL)
		return err_sys(e, from);
	while (r == 0 && (de = readdir(dir)) != NULL)
		if (de->d_name[0] != '.' && de->d_type != DT_DIR) {
			r = keep(m, &d, de->d_name, e);
			m->n.kept--;
		}
	closedir(dir);
	return r == 0 ? dir_fsync(to, e) : r;
}

/* ---- where the archive begins ---- */

/* The root of the archive that a directory is of, and its key in it.  `path` is cut up. */
static void
split(char *path, const char **root, const char **key)
{
	size_t n = strlen(path), at;
	char lists[PATH_MAX];
	bool found = false;

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	/* the nearest one with lists */
	for (at = n; !found && at > 0;) {
		if (snprintf(lists, sizeof lists, "%.*s/_manifests", (int)at, path) <
		    (int)sizeof lists)
			found = access(lists, F_OK) == 0;
		if (!found)
			while (at > 0 && path[--at] != '/')
				;
	}
	/* else all before the first NAME=VALUE, if there is one */
	if (!found && access("_manifests", F_OK) == 0 && *path != '/')
		found = true, at = 0;
	if (!found) {
		const char *equals = strchr(path, '=');

		at = n;
		if (equals != NULL)
			for (at = (size_t)(equals - path); at > 0 && path[at - 1] != '/';
			     at--)
				;
	}
	*key = path + at;
	while (**key == '/')
		++*key;
	if (**key != '\0' && *key > path)
		path[*key - path - 1] = '\0';
	*root = *key == path ? "." : *path == '\0' ? "/" : path;
}

/* 0, and the parts of `path` in `room`; -1. */
static int
find_root(const char *path, size_t n, char room[PATH_MAX], const char **root,
    const char **key, struct err *e)
{
	while (n > 2 && strncmp(path, "./", 2) == 0 && path[2] != '/')
		path += 2, n -= 2;
	if (n >= PATH_MAX)
		return err_set(e, ST_FAIL, "%.300s: name too long", path);
	memcpy(room, n > 0 ? path : ".", n > 0 ? n : 1);
	room[n > 0 ? n : 1] = '\0';
	split(room, root, key);
	for (const char *p = *key; p != NULL && *p != '\0';
	     p = strchr(p, '/') != NULL ? strchr(p, '/') + 1 : NULL)
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			return err_set(
			    e, ST_USAGE, "%.300s: \"..\" is no part of a key", *key);
	return 0;
}

static int
merge_tree(struct merge *m, const char *path, struct err *e)
{
	char room[PATH_MAX], start[2 * PATH_MAX], *const starts[] = { start, NULL };
	const char *root = ".", *top = "";
	size_t skip;
	FTS *fts;
	struct stat out = { .st_ino = 0 };
	FTSENT *f;
	int r = 0;

	if (find_root(path, strlen(path), room, &root, &top, e) < 0)
		return -1;
	skip = strlen(root);
	snprintf(start, sizeof start, "%s%s%s", root, *top ? "/" : "", top);
	if (m->out != NULL)
		(void)stat(m->out, &out);
	if ((fts = fts_open(starts, FTS_PHYSICAL | FTS_NOCHDIR, by_name)) == NULL)
		return err_sys(e, path);
	while (r == 0 && (f = fts_read(fts)) != NULL) {
		const char *key = f->fts_path + skip + (f->fts_path[skip] == '/');
		struct group g = { NULL, 0, 0 };

		if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR) {
			errno = f->fts_errno;
			r = err_sys(e, f->fts_path);
		}
		if (f->fts_info != FTS_D)
			continue;
		if (f->fts_level > 0 &&
		    (f->fts_name[0] == '.' || (f->fts_statp->st_ino == out.st_ino &&
						  f->fts_statp->st_dev == out.st_dev)))
			fts_set(fts, f, FTS_SKIP);
		else if (strncmp(key, "_manifests", 10) == 0 &&
			 (key[10] == '/' || key[10] == '\0'))
			r = keep_lists(m, root, key, e);
		else
			r = directory(m, root, key, &g, true, e);
		group_done(&g);
	}
	fts_close(fts);
	return r;
}

/* ---- files ---- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t
dir_length(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? (size_t)(slash - name) : 0;
}

/* Those of one directory: names[from] to names[end - 1]. */
static int
files_of(struct merge *m, char *const names[], size_t from, size_t end, struct err *e)
{
	size_t n = dir_length(names[from]),
	       skip = strchr(names[from], '/') != NULL ? n + 1 : 0;
	struct group g = { NULL, 0, 0 };
	char room[PATH_MAX], dir[PATH_MAX];
	const char *root, *key;
	int r = find_root(names[from], n, room, &root, &key, e);

	if (r == 0 && snprintf(dir, sizeof dir, "%.*s", (int)n, names[from]) == 0)
		strcpy(dir, skip > 0 ? "/" : ".");
	for (size_t i = from; i < end && r == 0; i++)
		if ((i == from || strcmp(names[i], names[i - 1]) != 0) &&
		    !was_merged(names[i] + skip))
			r = add(&g, dir, names[i] + skip, e);
	if (r == 0)
		r = directory(m, root, key, &g, false, e);
	group_done(&g);
	return r;
}

static int
merge_files(struct merge *m, char *const names[], size_t n, struct err *e)
{
	char **sorted = calloc(n + 1, sizeof *sorted);
	int r = 0;

	if (sorted == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	memcpy(sorted, names, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_text);
	for (size_t i = 0, end; i < n && r == 0; i = end) {
		size_t len = dir_length(sorted[i]);

		/* names sort by directories only nearly: one that is met twice is done twice */
		for (end = i + 1; end < n && dir_length(sorted[end]) == len &&
				  strncmp(sorted[end], sorted[i], len + 1) == 0;
		     end++)
			;
		r = files_of(m, sorted, i, end, e);
	}
	free(sorted);
	return r;
}

int
merge_operands(struct merge *m, char *argv[], size_t argc, struct err *e)
{
	size_t files = 0;
	int r = 0;
	struct stat st;

	for (size_t i = 0; i < argc && r == 0; i++) {
		if (stat(argv[i], &st) < 0)
			return err_sys(e, argv[i]);
		if (!S_ISDIR(st.st_mode)) {
			argv[files++] = argv[i];
			continue;
		}
		for (size_t n = strlen(argv[i]); n > 1 && argv[i][n - 1] == '/'; n--)
			argv[i][n - 1] = '\0';
		r = merge_tree(m, argv[i], e);
	}
	return r == 0 && files > 0 ? merge_files(m, argv, files, e) : r;
}
