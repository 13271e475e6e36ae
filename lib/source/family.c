#include "source/family.h"
#include "base/err.h"
#include "record/jsonw.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SETTLE_TRIES = 5,
};

/* Kinds in order of age, oldest first: NAME.N counts downwards to the present, NAME.TIME
 * and NAME-DATE upwards. */
enum { BY_NUMBER, BY_DATE, BY_TIME, LIVE };

static size_t
digits(struct str s)
{
	size_t n = 0;

	while (n < s.n && isdigit((unsigned char)s.p[n]))
		n++;
	return n;
}

/* Is `s` (what follows the base) a rotation suffix? */
static bool
suffix(struct str s, int *kind, long long *number)
{
	struct str d = { s.p + 1, s.n - 1 };
	size_t n;

	if (s.n < 2 || (*s.p != '.' && *s.p != '-') || s.n > 24)
		return false;
	n = digits(d);
	*number = atoll(d.p);
	if (*s.p == '.' && n == 8 && d.n == 15 && d.p[8] == '-' &&
	    digits((struct str){ d.p + 9, 6 }) == 6) {
		*kind = BY_TIME;
		*number = *number * 1000000 + atoll(d.p + 9);
		return true;
	}
	if (*s.p == '.' && n == d.n && n <= 4) {
		*kind = BY_NUMBER;
		*number = -*number;
		return true;
	}
	if (*s.p == '-' && n == d.n && n >= 8 && n <= 14) {
		*kind = BY_DATE;
		return true;
	}
	return false;
}

size_t
family_packed(struct str name)
{
	static const char *const ends[] = { ".gz", ".zst", ".xz", ".bz2" };

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (str_ends(name, str_of(ends[i])))
			return strlen(ends[i]);
	return 0;
}

size_t
family_base(struct str name)
{
	int kind;
	long long number;
	size_t n = name.n;

	n -= family_packed(name);
	for (size_t i = n; i-- > 1;)
		if ((name.p[i] == '.' || name.p[i] == '-') && n - i <= 24 &&
		    suffix((struct str){ name.p + i, n - i }, &kind, &number)) {
			/* app.log-20261122-1 and 0.log.20261122-130000: try the longer
			 * one */
			size_t j = i;

			while (j-- > 1)
				if ((name.p[j] == '.' || name.p[j] == '-') &&
				    n - j <= 24 &&
				    suffix((struct str){ name.p + j, n - j }, &kind,
					&number))
					return j;
			return i;
		}
	return n > 0 ? n : name.n;
}

bool
family_has(struct str base, struct str name, struct member *m)
{
	if (!str_starts(name, base))
		return false;
	m->live = name.n == base.n;
	m->packed = family_packed(name) > 0;
	m->kind = LIVE;
	m->number = 0;
	if (m->live)
		return true;
	name.n -= family_packed(name);
	if (name.n == base.n) { /* NAME.gz alone: what was NAME */
		m->kind = BY_TIME;
		return m->packed;
	}
	return name.n > base.n && suffix((struct str){ name.p + base.n, name.n - base.n },
				      &m->kind, &m->number);
}

void
families_done(struct families *fs)
{
	for (size_t i = 0; i < fs->n; i++)
		family_close(&fs->list[i]);
	free(fs->list);
	texts_done(&fs->own);
	*fs = (struct families){ 0 };
}

static int
append(struct families *fs, const char *shown, const char *real, const char *only,
    bool walked)
{
	struct texts *t = fs->texts != NULL ? fs->texts : &fs->own;
	struct family *p, f = { .walked = walked };
	const char *slash = strrchr(real, '/');

	if (fs->n == fs->cap) {
		size_t cap = fs->cap ? 2 * fs->cap : 64;

		if ((p = realloc(fs->list, cap * sizeof *p)) == NULL)
			return -1;
		fs->list = p;
		fs->cap = cap;
	}
	f.shown = texts_keep(t, str_of(shown));
	f.dir = texts_keep(
	    t, slash == real ? STR("/") : (struct str){ real, (size_t)(slash - real) });
	f.base = texts_keep(t, str_of(slash + 1));
	f.only = only != NULL ? texts_keep(t, str_of(only)) : NULL;
	if (f.shown == NULL || f.dir == NULL || f.base == NULL ||
	    (only != NULL && f.only == NULL))
		return -1;
	fs->list[fs->n++] = f;
	return 1;
}

bool
family_skipped(const char *path, const char *const skip[], size_t skips)
{
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < skips; i++)
		if (fnmatch(skip[i], path, 0) == 0 ||
		    fnmatch(skip[i], slash ? slash + 1 : path, 0) == 0)
			return true;
	return false;
}

struct walk {
	struct families *fs;
	const char *const *skip;
	size_t skips;
	family_warn *warn;
	void *arg;
	int added;
};

static int list(const struct family *f, struct listing *l, bool rotated, bool again,
    struct member **found, struct err *e);

/* `real` is where a name leads; nothing is there, or no longer.  Are rotated siblings? */
static bool
has_siblings(const char *real)
{
	char dir[PATH_MAX], *slash;
	struct member *m = NULL;
	struct listing names = { .n = 0 };
	struct err unused;
	int n;

	snprintf(dir, sizeof dir, "%s", real);
	if ((slash = strrchr(dir, '/')) == NULL || slash == dir)
		return false;
	*slash = '\0';
	n = list(&(struct family){ .dir = dir, .base = slash + 1 }, &names, true, false,
	    &m, &unused);
	listing_done(&names);
	if (n >= 0)
		free(m);
	return n > 0;
}

/* Is it what a rotated file is compressed into? */
static bool
is_temporary(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct str name = str_of(slash ? slash + 1 : path);

	if (!str_ends(name, STR(".tmp")))
		return false;
	name.n -= 4;
	return family_base(name) < name.n;
}

/* What is open has a name in /proc.  Without that, and for what is not there, realpath(3) is
 * asked all the same. */
static char *
real_path(
    int dir, const char *name, const char *path, char real[PATH_MAX], struct stat *st)
{
	static const char deleted[] = " (deleted)";
	char link[64];
	int fd = openat(dir, name, O_PATH | O_CLOEXEC);
	ssize_t n = -1;

	st->st_mode = 0;
	if (fd >= 0) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		n = readlink(link, real, PATH_MAX);
		if (fstat(fd, st) < 0)
			st->st_mode = 0;
		close(fd);
	}
	if (n <= 0 || n == PATH_MAX || *real != '/')
		return realpath(path, real);
	real[n] = '\0';
	if ((size_t)n >= sizeof deleted &&
	    strcmp(real + n + 1 - sizeof deleted, deleted) == 0)
		return realpath(path, real);
	return real;
}

char *
family_real_path(const char *path, char real[PATH_MAX])
{
	struct stat unused;

	return real_path(AT_FDCWD, path, path, real, &unused);
}

/* Is there, and no file? */
static bool
no_file(const struct stat *st)
{
	return st->st_mode != 0 && !S_ISREG(st->st_mode);
}

/* Ends a walk early. */
enum { FULL = 1 };

/* One file by one name.  In a directory (`walked`) rotated names stand for their family;
 * named outright they are read alone.  0, FULL, or -1. */
static int
add_file(struct walk *w, int dir, const char *name, const char *path, bool walked)
{
	char real[PATH_MAX], shown[PATH_MAX], *slash;
	const char *only = NULL;
	struct stat st;
	struct err e;
	size_t base;

	if (family_skipped(path, w->skip, w->skips) || is_temporary(path))
		return 0;
	if (w->fs->n == FAMILIES_MAX) {
		err_set(&e, ST_ASIDE,
		    "%s: the rest is not read: more than %d files are named or found; "
		    "name fewer at a time",
		    path, FAMILIES_MAX);
		w->warn(w->arg, &e);
		return FULL;
	}
	/* between its rename and the next line a log has no live file; realpath then
	 * leaves in `real` how far it came */
	if (real_path(dir, name, path, real, &st) == NULL) {
		bool gone = errno == ENOENT;

		err_sys(&e, path);
		if (gone && w->fs->lost != NULL)
			w->fs->lost(w->fs->lost_arg, real);
		if (!gone || !has_siblings(real)) {
			if (!gone ||
			    !walked) /* a link to nowhere is a container that is gone */
				w->warn(w->arg, &e);
			return 0;
		}
	} else if (walked && no_file(&st)) {
		return 0;
	}
	slash = strrchr(real, '/') + 1;
	base = family_base(str_of(slash));
	snprintf(shown, sizeof shown, "%s", path);
	if (slash[base] != '\0') {
		char tail[NAME_MAX + 1];

		if (!walked)
			only = strcpy(tail, slash);
		slash[base] = '\0';
		if (walked && strlen(path) >= strlen(slash))
			snprintf(shown, sizeof shown, "%.*s%s",
			    (int)(strrchr(path, '/') - path + 1), path, slash);
		if (append(w->fs, shown, real, only, walked) < 0)
			return -1;
	} else if (append(w->fs, shown, real, NULL, walked) < 0) {
		return -1;
	}
	w->added++;
	return 0;
}

static int walk_dir(struct walk *w, const char *dir, int depth);

/* The i-th name of a directory. */
static int
walk_entry(struct walk *w, const struct listing *l, int i, int depth)
{
	const char *dir = l->dir, *name = listing_name(l, i);
	unsigned char type = listing_type(l, i);
	char path[PATH_MAX];
	struct stat st;
	struct err e;

	if (snprintf(path, sizeof path, "%s%s%s", dir, strcmp(dir, "/") == 0 ? "" : "/",
		name) >= (int)sizeof path) {
		err_set(&e, ST_FAIL, "%.300s/...: name too long; not read", dir);
		w->warn(w->arg, &e);
		return 0;
	}
	if (type == DT_UNKNOWN) {
		if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return 0; /* gone since the listing */
		type = (unsigned char)IFTODT(st.st_mode);
	}
	if (type == DT_DIR)
		return family_skipped(path, w->skip, w->skips)
			   ? 0
			   : walk_dir(w, path, depth + 1);
	if (type != DT_LNK && (type != DT_REG || str_ends(str_of(name), STR(".tmp"))))
		return 0;
	return add_file(w, l->fd, name, path, true);
}

static int
walk_dir(struct walk *w, const char *dir, int depth)
{
	struct listing l = { .n = 0 };
	struct err e;
	int r = 0;

	if (depth > FAMILY_DEPTH_MAX) {
		err_set(&e, ST_FAIL, "%s: more than %d directories deep; not read", dir,
		    FAMILY_DEPTH_MAX);
		w->warn(w->arg, &e);
		return 0;
	}
	if (listing_read(&l, dir, &e) < 0)
		w->warn(w->arg, &e);
	else
		for (int i = 0; i < l.n && r == 0; i++)
			r = walk_entry(w, &l, i, depth);
	listing_done(&l);
	return r;
}

static int
add_path(struct walk *w, const char *path)
{
	char dir[PATH_MAX];
	struct stat st;
	size_t n = strlen(path);

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return add_file(w, AT_FDCWD, path, path, false);
	while (n > 1 && path[n - 1] == '/')
		n--;
	snprintf(dir, sizeof dir, "%.*s", (int)n, path);
	return walk_dir(w, dir, 0);
}

int
families_add(struct families *fs, const char *operand, const char *const skip[],
    size_t skips, family_warn *warn, void *arg, struct err *e)
{
	struct walk w = { fs, skip, skips, warn, arg, 0 };
	struct err we;
	glob_t g;
	int r = 0;

	if (access(operand, F_OK) == 0 || strpbrk(operand, "*?[{") == NULL) {
		if (add_path(&w, operand) < 0)
			return err_set(e, ST_FAIL, "%s: out of memory", operand);
		return w.added;
	}
	if (glob(operand, GLOB_BRACE | GLOB_NOCHECK, NULL, &g) != 0)
		return err_set(e, ST_FAIL, "%s: out of memory", operand);
	for (size_t i = 0; i < g.gl_pathc && r == 0; i++) {
		if (strcmp(g.gl_pathv[i], operand) == 0) {
			err_set(&we, ST_ASIDE,
			    "%s: no file matches; is the path right, and mounted here?",
			    operand);
			warn(arg, &we);
		} else {
			r = add_path(&w, g.gl_pathv[i]);
		}
	}
	globfree(&g);
	return r < 0 ? err_set(e, ST_FAIL, "%s: out of memory", operand) : w.added;
}

static int
by_files(const void *a, const void *b)
{
	const struct family *const *x = a, *const *y = b;
	int c;

	if ((c = strcmp((*x)->dir, (*y)->dir)) != 0 ||
	    (c = strcmp((*x)->base, (*y)->base)) != 0)
		return c;
	if (((*x)->only != NULL) != ((*y)->only != NULL))
		return (*x)->only != NULL ? 1 : -1;
	if ((*x)->only != NULL && (c = strcmp((*x)->only, (*y)->only)) != 0)
		return c;
	return *x < *y ? -1 : 1;
}

int
families_unique(struct families *fs, struct err *e)
{
	struct family **order = malloc((fs->n + 1) * sizeof(struct family *));
	size_t kept = 0;

	if (order == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	for (size_t i = 0; i < fs->n; i++)
		order[i] = &fs->list[i];
	qsort(order, fs->n, sizeof(struct family *), by_files);
	for (size_t i = 1, first = 0; i < fs->n; i++) {
		struct family *f = order[first], *g = order[i];

		if (strcmp(f->dir, g->dir) == 0 && strcmp(f->base, g->base) == 0 &&
		    (f->only == NULL || strcmp(f->only, g->only) == 0))
			family_close(g), memset(g, 0, sizeof *g);
		else
			first = i;
	}
	for (size_t i = 0; i < fs->n; i++)
		if (fs->list[i].dir != NULL)
			fs->list[kept++] = fs->list[i];
	fs->n = kept;
	free(order);
	return 0;
}

void
family_close(struct family *f)
{
	for (size_t i = 0; i < f->members; i++)
		if (f->member[i].fd >= 0)
			close(f->member[i].fd);
	free(f->member);
	f->member = NULL;
	f->members = 0;
}

static int
by_age(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind - y->kind;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->name, y->name); /* X before X.gz */
}

/* The names of the family in its directory, by age; fds are -1.  Their number, or -1. */
static int
list(const struct family *f, struct listing *l, bool rotated, bool again,
    struct member **found, struct err *e)
{
	struct str base = str_of(f->base);
	struct member *m = NULL, *p;
	const char *name;
	size_t n = 0;
	int at = -1;

	if ((again ? listing_again(l, e) : listing_read(l, f->dir, e)) < 0)
		return -1;
	while ((name = listing_next(l, base, &at)) != NULL) {
		struct member one = { .fd = -1 };

		if (f->only != NULL ? strcmp(name, f->only) != 0
				    : !rotated && strcmp(name, f->base) != 0)
			continue;
		if (!family_has(base, str_of(name), &one))
			continue;
		if (n == FAMILY_MEMBERS_MAX) {
			err_set(e, ST_ASIDE,
			    "%s/%s: more than %d rotated files; not read", f->dir,
			    f->base, FAMILY_MEMBERS_MAX);
			free(m);
			return -1;
		}
		if ((p = realloc(m, (n + 1) * sizeof *m)) == NULL) {
			err_set(e, ST_FAIL, "%s: out of memory", f->dir);
			free(m);
			return -1;
		}
		m = p;
		strcpy(one.name, name);
		m[n++] = one;
	}
	if (n > 0)
		qsort(m, n, sizeof *m, by_age);
	*found = m;
	return (int)n;
}

/* Of X and X.gz the plain one is whole and is read. */
static bool
same_log(const struct member *plain, const struct member *packed)
{
	size_t n = strlen(plain->name);

	return !plain->packed && packed->packed &&
	       strncmp(plain->name, packed->name, n) == 0 &&
	       family_packed(str_of(packed->name)) == strlen(packed->name) - n;
}

int
family_open_name(int dir, const char *name, struct stat *st)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	if (fd >= 0) {
		close(fd);
		errno = EBADF;
	}
	return -1;
}

static void
open_member(const struct family *f, const struct listing *l, struct member *m,
    family_warn *warn, void *arg)
{
	char path[PATH_MAX];
	struct err e;

	if (snprintf(path, sizeof path, "%s/%s", f->dir, m->name) >= (int)sizeof path)
		return;
	/* names were followed when the families were found: this is where they led */
	if ((m->fd = family_open_name(l->fd, m->name, &m->st)) >= 0)
		return;
	m->st.st_ino = 0;
	if (errno == ENOENT || warn == NULL)
		return;
	if (errno == ELOOP)
		err_set(&e, ST_ASIDE, "%s: a link beside a log; not followed", path);
	else if (errno == EBADF)
		err_set(&e, ST_ASIDE, "%s: not a regular file; not read", path);
	else
		err_sys(&e, path);
	warn(arg, &e);
}

/* Do the names still mean the files that are open? */
static bool
settled(const struct family *f, struct listing *l, bool rotated, const struct member *m,
    int n)
{
	struct member *again = NULL;
	struct stat st;
	struct err unused;
	int k = list(f, l, rotated, true, &again, &unused);
	bool same = k == n;

	for (int i = 0; i < n && same; i++) {
		same = strcmp(m[i].name, again[i].name) == 0;
		if (!same || m[i].st.st_ino == 0)
			continue;
		same = fstatat(l->fd, m[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		       st.st_ino == m[i].st.st_ino && st.st_dev == m[i].st.st_dev;
	}
	if (k >= 0)
		free(again);
	return same;
}

/* Keep the members that are open and are no second copy of their neighbour. */
static void
keep_open(struct family *f, struct member *m, int n)
{
	size_t kept = 0;

	for (int i = 0; i < n; i++) {
		if (m[i].fd >= 0 && kept > 0 && same_log(&m[kept - 1], &m[i]))
			close(m[i].fd);
		else if (m[i].fd >= 0)
			m[kept++] = m[i];
	}
	f->member = m;
	f->members = kept;
}

/* Are there only files that need not be opened?  Then they are the members. */
static bool
all_known(struct family *f, struct listing *l, bool rotated, struct member *m, int n,
    family_known *known, void *arg)
{
	for (int i = 0; i < n; i++)
		if (fstatat(l->fd, m[i].name, &m[i].st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(m[i].st.st_mode) || (i > 0 && same_log(&m[i - 1], &m[i])))
			return false;
	f->member = m;
	f->members = (size_t)n;
	if (n > 0 && known(arg, f) && settled(f, l, rotated, m, n))
		return true;
	f->member = NULL;
	f->members = 0;
	return false;
}

bool
family_name_fits(const char *name)
{
	char text[JSONW_ROOM(FAMILY_NAME_MAX)];
	uint64_t unused = 0;
	size_t n = strlen(name);

	return n <= FAMILY_NAME_MAX &&
	       jsonw_text(text, name, n, &unused) - text <= FAMILY_NAME_MAX;
}

/* `shown` is not known where only the files of a log are asked for. */
static int
check_names(const struct family *f, struct err *e)
{
	const char *name = f->shown != NULL ? f->shown : "";

	if (family_name_fits(name) && family_name_fits(f->dir))
		return 0;
	return err_set(e, ST_ASIDE,
	    "%.300s: its name or its directory's is over %d bytes as JSON; not read",
	    *name != '\0' ? name : f->dir, FAMILY_NAME_MAX);
}

int
family_open(struct family *f, struct listing *l, bool rotated, family_known *known,
    void *known_arg, family_warn *warn, void *arg, struct err *e)
{
	struct member *m;
	int n, same;

	if (check_names(f, e) < 0)
		return -1;
	for (int tries = 1;; tries++) {
		bool last = tries == SETTLE_TRIES;

		m = NULL;
		if ((n = list(f, l, rotated, false, &m, e)) < 0)
			return -1;
		if (known != NULL && all_known(f, l, rotated, m, n, known, known_arg))
			return 1;
		for (int i = 0; i < n; i++)
			open_member(f, l, &m[i], last || tries == 1 ? warn : NULL, arg);
		same = settled(f, l, rotated, m, n);
		if (same || last) {
			keep_open(f, m, n);
			return same;
		}
		for (int i = 0; i < n; i++)
			if (m[i].fd >= 0)
				close(m[i].fd);
		free(m);
	}
}
