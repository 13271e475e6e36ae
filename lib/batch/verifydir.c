/* verifydir.c - verify_archive: the lists, then the objects, then what is missing. */
#include "base/err.h"
#include "batch/keytemplate.h"
#include "batch/objread.h"
#include "batch/verify.h"
#include "record/jscan.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { JOIN_FIRST = 16 << 20 };

/* An object that a list names. */
struct listed {
	char *key;  /* unescaped */
	char *says; /* the line without its sources */
	bool seen, merged;
};

/* A part of a commit's lists. */
struct part {
	char commit[17];
	uint64_t part, parts;
};

/* Bytes of a log that commits cover. */
struct range {
	char *id, *file; /* raw JSON text; `file` is for people */
	uint64_t from, to;
};

struct archive {
	struct verify *v;
	const char *root;
	struct listed *listed;
	size_t n, cap;
	struct part *part;
	size_t parts, part_cap;
	struct range *range;
	size_t ranges, range_cap, range_bytes, join_at;

	/* of the list being read */
	uint64_t objects, records;
	bool closed;
	char why[OBJREAD_WHY_MAX];
};

static int
memory(struct err *e)
{
	return err_set(e, ST_FAIL, "out of memory");
}

/* Room for one more of `size` bytes; NULL: none. */
static void *
one_more(void *array, size_t n, size_t *cap, size_t size)
{
	void *p;

	if (n < *cap)
		return array;
	if ((p = realloc(array, (*cap ? 2 * *cap : 64) * size)) != NULL)
		*cap = *cap ? 2 * *cap : 64;
	return p;
}

static uint64_t
number(struct str object, const char *name)
{
	struct jscan_member m;

	return jscan_find(object, str_of(name), &m) ? strtoull(m.value.p, NULL, 10) : 0;
}

/* A raw string without its quotes, on the heap. */
static char *
copy(struct str raw)
{
	return strndup(raw.p + 1, raw.n - 2);
}

static int
too_many(const struct archive *a, const char *what, struct err *e)
{
	return err_set(e, ST_FAIL,
	    "%s: lists of more than %d %s; verify its parts one by one", a->root,
	    VERIFY_LISTED_MAX, what);
}

/* ---- the lists ---- */

/* Of what is wrong with a list the first is told. */
static void
wrong(struct archive *a, const char *why)
{
	if (a->why[0] == '\0')
		snprintf(a->why, sizeof a->why, "%s", why);
}

static int
add_listed(struct archive *a, struct str line, struct str key, bool merged, struct err *e)
{
	struct jscan_member sources;
	struct listed *l;
	size_t n = line.n;
	char name[PATH_MAX];

	if (!verify_key(key, name)) {
		wrong(a, "a key that cannot be one");
		return 0;
	}
	if (a->n == VERIFY_LISTED_MAX)
		return too_many(a, "objects", e);
	if ((l = one_more(a->listed, a->n, &a->cap, sizeof *l)) == NULL)
		return memory(e);
	a->listed = l;
	/* sources come last, and are many */
	if (jscan_find(line, STR("sources"), &sources))
		n = (size_t)(sources.key.p - 2 - line.p);
	l = &a->listed[a->n];
	*l = (struct listed){
		.key = strdup(name), .says = malloc(n + 2), .merged = merged
	};
	if (l->key == NULL || l->says == NULL) {
		free(l->key);
		free(l->says);
		return memory(e);
	}
	memcpy(l->says, line.p, n);
	strcpy(l->says + n, n < line.n ? "}" : "");
	a->n++;
	return 0;
}

static int
by_range(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int d = strcmp(x->id, y->id);

	return d != 0 ? d : (x->from > y->from) - (x->from < y->from);
}

static size_t
bytes_of(const struct range *r)
{
	return sizeof *r + 64 + strlen(r->id) + strlen(r->file);
}

/* Ranges that touch are one; in order of id and offset then. */
static void
join_ranges(struct archive *a)
{
	size_t n = 0;

	if (a->ranges > 0)
		qsort(a->range, a->ranges, sizeof *a->range, by_range);
	a->range_bytes = 0;
	for (size_t i = 0; i < a->ranges; i++) {
		struct range *r = &a->range[i], *last = n > 0 ? &a->range[n - 1] : NULL;

		if (last != NULL && strcmp(last->id, r->id) == 0 && r->from <= last->to) {
			last->to = r->to > last->to ? r->to : last->to;
			free(r->id);
			free(r->file);
		} else {
			a->range_bytes += bytes_of(r);
			a->range[n++] = *r;
		}
	}
	a->ranges = n;
}

/* Seldom enough that the sorting costs each range little. */
static int
join_some(struct archive *a, struct err *e)
{
	join_ranges(a);
	if (a->range_bytes > VERIFY_RANGES_BYTES / 16 * 15)
		return err_set(e, ST_FAIL,
		    "%s: lists that cover more logs than fit into %d MiB; verify its "
		    "parts one by one",
		    a->root, VERIFY_RANGES_BYTES >> 20);
	a->join_at = 2 * a->range_bytes > JOIN_FIRST ? 2 * a->range_bytes : JOIN_FIRST;
	if (a->join_at > VERIFY_RANGES_BYTES)
		a->join_at = VERIFY_RANGES_BYTES;
	return 0;
}

static int
add_range(struct archive *a, struct str object, struct err *e)
{
	struct range *r = one_more(a->range, a->ranges, &a->range_cap, sizeof *r);
	struct jscan_member id, file;

	if (r == NULL)
		return memory(e);
	a->range = r;
	if (!jscan_find(object, STR("id"), &id) ||
	    !jscan_find(object, STR("file"), &file) || !jscan_is_string(id.value) ||
	    !jscan_is_string(file.value)) {
		wrong(a, "a range of a log that it does not name");
		return 0;
	}
	r = &a->range[a->ranges];
	*r = (struct range){ copy(id.value), copy(file.value), number(object, "from"),
		number(object, "to") };
	if (r->id == NULL || r->file == NULL) {
		free(r->id);
		free(r->file);
		return memory(e);
	}
	a->ranges++;
	a->range_bytes += bytes_of(r);
	return a->range_bytes > a->join_at ? join_some(a, e) : 0;
}

/* The line that closes a list. */
static int
close_list(struct archive *a, struct str line, struct str commit, struct err *e)
{
	struct part *p;
	struct jscan_member covered;
	struct jscan it;
	struct str range;

	if (a->parts == VERIFY_LISTED_MAX)
		return too_many(a, "commits", e);
	if ((p = one_more(a->part, a->parts, &a->part_cap, sizeof *p)) == NULL)
		return memory(e);
	a->part = p;
	p = &a->part[a->parts++];
	*p =
	    (struct part){ .part = number(line, "part"), .parts = number(line, "parts") };
	snprintf(p->commit, sizeof p->commit, "%.*s",
	    (int)(commit.n < 16 ? commit.n : 16), commit.p);
	a->closed = true;
	if (a->why[0] == '\0' && (number(line, "objects") != a->objects ||
				     number(line, "records") != a->records))
		snprintf(a->why, sizeof a->why,
		    "%" PRIu64 " objects of %" PRIu64
		    " records, not as its last line says",
		    a->objects, a->records);
	if (!jscan_find(line, STR("covered"), &covered))
		return 0;
	jscan_items(&it, covered.value);
	while (jscan_item(&it, &range))
		if (*range.p == '{' && add_range(a, range, e) < 0)
			return -1;
	return 0;
}

/* What was merged into an object need not be there any more. */
static int
add_inputs(struct archive *a, struct str line, struct err *e)
{
	struct jscan_member inputs, key;
	struct jscan it;
	struct str input;

	if (!jscan_find(line, STR("inputs"), &inputs))
		return 0;
	jscan_items(&it, inputs.value);
	while (jscan_item(&it, &input))
		if (*input.p == '{' && jscan_find(input, STR("key"), &key) &&
		    add_listed(a, input, key.value, true, e) < 0)
			return -1;
	return 0;
}

static int
list_line(void *arg, const char *p, size_t n, struct err *e)
{
	struct archive *a = arg;
	struct str line = { p, n };
	struct verify_says says;
	struct jscan_member commit;

	if (!jscan_valid(line, NULL) || !jscan_shape(line, NULL))
		return 0; /* objread tells it */
	if (jscan_find(line, STR("commit"), &commit) && commit.value.n == 18)
		return close_list(
		    a, line, (struct str){ commit.value.p + 1, commit.value.n - 2 }, e);
	if (!verify_read(line, &says)) {
		wrong(a, "a line that is not a manifest");
		return 0;
	}
	a->objects++;
	a->records += number(line, "records");
	if (add_inputs(a, line, e) < 0)
		return -1;
	return add_listed(a, line, says.key, false, e);
}

static int
one_list(struct archive *a, const char *path, const char *key, struct err *e)
{
	const struct objread_sink sink = { .line = list_line, .arg = a };
	struct objread o;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return err_sys(e, path);
	a->objects = a->records = 0;
	a->closed = false;
	a->why[0] = '\0';
	r = objread(fd, path, &sink, &o, e);
	close(fd);
	if (r < 0)
		return -1;
	if (o.why[0] == '\0' && a->why[0] == '\0' && !a->closed)
		snprintf(a->why, sizeof a->why, "a list without its last line");
	if (o.why[0] == '\0' && a->why[0] == '\0')
		return 0;
	return verify_tell(a->v, key, "wrong", o.why[0] ? o.why : a->why, e);
}

/* ---- the walk ---- */

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool
is_gzip(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool is = fd >= 0 && objread_is(fd);

	if (fd >= 0)
		close(fd);
	return is;
}

static int
by_key(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int d = strcmp(x->key, y->key);

	return d != 0 ? d : (int)x->merged - (int)y->merged;
}

static struct listed *
find(const struct archive *a, const char *key)
{
	size_t lo = 0, hi = a->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(a->listed[mid].key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < a->n && strcmp(a->listed[lo].key, key) == 0 ? &a->listed[lo] : NULL;
}

static int
one_object(struct archive *a, const char *path, const char *key, struct err *e)
{
	struct listed *l = find(a, key);
	size_t n = strlen(key);
	struct verify_says says;

	if (l != NULL) {
		l->seen = true;
		if (l->merged || !verify_read(str_of(l->says), &says))
			l = NULL;
	} else if ((n < 3 || strcmp(key + n - 3, ".gz") != 0) && !is_gzip(path)) {
		return 0; /* no object of ours */
	}
	return verify_object(a->v, path, key, l != NULL ? &says : NULL, e);
}

/* Call `each` with all files under `dir` but hidden ones; `lists`: _manifests/ too. */
static int
walk(struct archive *a, const char *dir, bool lists,
    int (*each)(struct archive *, const char *, const char *, struct err *),
    struct err *e)
{
	char *const roots[] = { (char *)(uintptr_t)dir, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	size_t skip = strlen(a->root) + 1;
	FTSENT *f;
	int r = 0;

	if (fts == NULL)
		return err_sys(e, dir);
	while (r == 0 && (f = fts_read(fts)) != NULL) {
		bool hidden = f->fts_level > 0 && f->fts_name[0] == '.';

		if (f->fts_info == FTS_D) {
			if (hidden || (!lists && f->fts_level == 1 &&
					  strcmp(f->fts_name, "_manifests") == 0))
				fts_set(fts, f, FTS_SKIP);
		} else if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR ||
			   (f->fts_info == FTS_NS && f->fts_level > 0)) {
			errno = f->fts_errno;
			r = err_sys(e, f->fts_path);
		} else if (f->fts_info == FTS_F && !hidden) {
			r = each(a, f->fts_path, f->fts_path + skip, e);
		}
	}
	fts_close(fts);
	return r;
}

/* ---- what is missing ---- */

static int
by_part(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int d = strcmp(x->commit, y->commit);

	return d != 0 ? d : (x->part > y->part) - (x->part < y->part);
}

static int
check_parts(struct archive *a, struct err *e)
{
	char why[OBJREAD_WHY_MAX];

	if (a->parts > 0)
		qsort(a->part, a->parts, sizeof *a->part, by_part);
	for (size_t i = 0, end; i < a->parts; i = end) {
		uint64_t has = 0;

		for (end = i; end < a->parts &&
			      strcmp(a->part[end].commit, a->part[i].commit) == 0;
		     end++)
			has += end == i || a->part[end].part != a->part[end - 1].part;
		if (has >= a->part[i].parts)
			continue;
		snprintf(why, sizeof why,
		    "of commit %s %" PRIu64 " of %" PRIu64 " lists are here",
		    a->part[i].commit, has, a->part[i].parts);
		if (verify_tell(a->v, NULL, "missing", why, e) < 0)
			return -1;
	}
	return 0;
}

static int
check_ranges(struct archive *a, struct err *e)
{
	char why[OBJREAD_WHY_MAX];
	uint64_t to = 0;

	join_ranges(a);
	for (size_t i = 0; i < a->ranges; i++) {
		const struct range *r = &a->range[i];
		bool same = i > 0 && strcmp(r->id, r[-1].id) == 0;

		if (same && r->from > to) {
			snprintf(why, sizeof why,
			    "bytes %" PRIu64 " to %" PRIu64
			    " of %.80s (%.30s) are in no list",
			    to, r->from, r->file, r->id);
			if (verify_tell(a->v, NULL, "missing", why, e) < 0)
				return -1;
		}
		to = same && to > r->to ? to : r->to;
	}
	return 0;
}

static int
check_missing(struct archive *a, struct err *e)
{
	for (size_t i = 0, end; i < a->n; i = end) {
		bool here = false, merged = false;

		/* one key may be listed more than once, and merged */
		for (end = i;
		     end < a->n && strcmp(a->listed[end].key, a->listed[i].key) == 0;
		     end++) {
			here |= a->listed[end].seen;
			merged |= a->listed[end].merged;
		}
		if (!here && !merged &&
		    verify_tell(
			a->v, a->listed[i].key, "missing", "listed, and not here", e) < 0)
			return -1;
	}
	return 0;
}

static void
done(struct archive *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->listed[i].key);
		free(a->listed[i].says);
	}
	for (size_t i = 0; i < a->ranges; i++) {
		free(a->range[i].id);
		free(a->range[i].file);
	}
	free(a->listed);
	free(a->part);
	free(a->range);
}

int
verify_archive(struct verify *v, const char *root, struct err *e)
{
	struct archive a = { .v = v, .root = root };
	char lists[PATH_MAX];
	int r = 0;

	if (snprintf(lists, sizeof lists, "%s/_manifests", root) >= (int)sizeof lists)
		return err_set(e, ST_USAGE, "%s: name too long", root);
	if (access(lists, F_OK) == 0)
		r = walk(&a, lists, true, one_list, e);
	if (r == 0) {
		if (a.n > 0)
			qsort(a.listed, a.n, sizeof *a.listed, by_key);
		r = walk(&a, root, false, one_object, e);
	}
	if (r == 0)
		r = check_missing(&a, e);
	if (r == 0)
		r = check_parts(&a, e);
	if (r == 0)
		r = check_ranges(&a, e);
	done(&a);
	return r;
}
