#include "ledger/ledger.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "ledger/format.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAIN "ledger.json"
#define FILE_COPY "ledger.copy.json"

enum {
	SKIPPED_GENERATIONS = 10, /* after damage: what a sweep in flight can have seen */
	RESERVE_LEAST = 64 << 10,
	TEXTS_SPARE = 1 << 20, /* bytes of texts that may be left behind */
};

static int
path_in(char path[PATH_MAX], const char *dir, const char *name, struct err *e)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return err_set(e, ST_USAGE, "%s: name too long", dir);
	return 0;
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	texts_done(&l->texts);
	for (size_t i = 0; i < l->batches; i++) {
		free(l->batch[i].name);
		free(l->batch[i].key);
		free(l->batch[i].manifest);
	}
	free(l->entry);
	free(l->index);
	free(l->batch);
	free(l);
}

/* 1: read and whole; 0: no such file; -1: `e` says what is wrong; -2: the same, and nobody
 * but its owner may touch it. */
static int
read_one(
    const char *dir, const char *name, bool batches, struct ledger **l, struct err *e)
{
	char path[PATH_MAX], head[LEDGER_PEEK];
	ssize_t n;
	int fd, r = 1;

	*l = NULL;
	if (path_in(path, dir, name, e) < 0)
		return -1;
	if ((fd = io_open(path, O_RDONLY, 0)) < 0) {
		if (errno == ENOENT)
			return 0;
		err_sys(e, path);
		return -1;
	}
	if ((*l = ledger_read(fd, batches, path, e)) == NULL) {
		n = pread_full(fd, head, sizeof head, 0);
		r = n > 0 && ledger_is_newer((struct str){ head, (size_t)n }) ? -2 : -1;
	}
	close(fd);
	return r;
}

/* The generation that a file says it has, unchecked; false: it does not. */
static bool
peek(const char *dir, const char *name, uint64_t *gen)
{
	char path[PATH_MAX], text[LEDGER_PEEK];
	struct err unused;
	ssize_t n = -1;
	int fd;

	if (path_in(path, dir, name, &unused) < 0 ||
	    (fd = io_open(path, O_RDONLY, 0)) < 0)
		return false;
	n = read_full(fd, text, sizeof text);
	close(fd);
	return n >= 0 && ledger_peek_gen((struct str){ text, (size_t)n }, gen);
}

bool
ledger_unchanged(const char *dir, const struct ledger *l)
{
	char path[PATH_MAX], head[sizeof l->head];
	struct err unused;
	uint64_t gen;
	ssize_t n;
	int fd;

	if (l->head[0] == '\0' || l->from_copy ||
	    path_in(path, dir, FILE_MAIN, &unused) < 0 ||
	    (fd = io_open(path, O_RDONLY, 0)) < 0)
		return false;
	n = read_full(fd, head, sizeof head);
	close(fd);
	return n == (ssize_t)sizeof head && memcmp(head, l->head, sizeof head) == 0 &&
	       (!peek(dir, FILE_COPY, &gen) || gen <= l->gen);
}

static bool
exists(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct err unused;

	return path_in(path, dir, name, &unused) == 0 && access(path, F_OK) == 0;
}

/* Whoever read the ledger before it was damaged must lose the race against its successor. */
static void
count_as_changed(struct ledger *l)
{
	l->gen += SKIPPED_GENERATIONS;
	l->forgot = l->gen;
	for (size_t i = 0; i < l->entries; i++)
		l->entry[i].gen = l->gen;
	l->from_copy = true;
}

/* No ledger.json, but what is made after it (`left`, or NULL). */
static struct ledger *
load_none(const char *dir, const char *left, struct err *e)
{
	struct ledger *l;

	if (left != NULL) {
		err_set(e, ST_FAIL,
		    "%s: %s without ledger.json: put the ledger back or see ledger(5), "
		    "DAMAGE",
		    dir, left);
		return NULL;
	}
	if ((l = calloc(1, sizeof *l)) == NULL)
		err_set(e, ST_FAIL, "%s: out of memory", dir);
	return l;
}

/* A disk that lies about fsync can bring back an older ledger.json; the copy, written after
 * it, tells.  *l is freed and replaced by the copy then. */
static void
prefer_later_copy(const char *dir, bool batches, struct ledger **l)
{
	struct ledger *copy = NULL, *again;
	struct err unused;
	uint64_t gen;

	if (!peek(dir, FILE_COPY, &gen) || gen <= (*l)->gen ||
	    read_one(dir, FILE_COPY, batches, &copy, &unused) <= 0 ||
	    copy->gen <= (*l)->gen) {
		ledger_free(copy);
		return;
	}
	/* or it has been replaced between the two looks */
	if (read_one(dir, FILE_MAIN, batches, &again, &unused) > 0 &&
	    again->gen >= copy->gen) {
		ledger_free(copy);
		copy = again;
	} else {
		ledger_free(again);
		count_as_changed(copy);
	}
	ledger_free(*l);
	*l = copy;
}

static struct ledger *
load(const char *dir, bool batches, struct err *e)
{
	struct ledger *l, *copy;
	struct err ce;
	int r = read_one(dir, FILE_MAIN, batches, &l, e);

	if (r == 0) {
		const char *left = exists(dir, FILE_COPY)  ? FILE_COPY
				   : exists(dir, "outbox") ? "an outbox"
							   : NULL;

		/* a ledger is made before these: that may have been since */
		if (left == NULL || (r = read_one(dir, FILE_MAIN, batches, &l, e)) == 0)
			return load_none(dir, left, e);
	}
	if (r > 0) {
		prefer_later_copy(dir, batches, &l);
		return l;
	}
	if (r == -2 || e->status == ST_NOPERM ||
	    read_one(dir, FILE_COPY, batches, &copy, &ce) <= 0)
		return NULL;
	count_as_changed(copy);
	return copy;
}

struct ledger *
ledger_load(const char *dir, struct err *e)
{
	return load(dir, true, e);
}

struct ledger *
ledger_load_cursors(const char *dir, struct err *e)
{
	return load(dir, false, e);
}

static int
write_named(const char *dir, const char *name, const struct buf *b, struct err *e)
{
	char path[PATH_MAX];

	if (path_in(path, dir, name, e) < 0)
		return -1;
	return file_replace(path, b->p, b->n, e);
}

/* Room for one more pair of ledgers, so that a full disk cannot stop a delivery from being
 * written down: given back before a save, taken again after it. */
static void
reserve_give(const char *dir)
{
	char path[PATH_MAX];
	struct err unused;
	int fd;

	if (path_in(path, dir, "reserve", &unused) == 0 &&
	    (fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW)) >= 0)
		close(fd);
}

/* Whoever has no reserve works on without: it is not worth failing a commit that has
 * happened.  The next run tries again. */
static void
reserve_take(const char *dir, size_t n)
{
	off_t want = (off_t)(2 * (n < RESERVE_LEAST ? RESERVE_LEAST : n));
	char path[PATH_MAX];
	struct err unused;
	struct stat st;
	int fd;

	if (path_in(path, dir, "reserve", &unused) < 0 ||
	    (stat(path, &st) == 0 && st.st_size >= want) ||
	    (fd = io_open(path, O_WRONLY | O_CREAT, 0640)) < 0)
		return;
	(void)posix_fallocate(fd, 0, want);
	close(fd);
}

/* What is written must be what we can read: an entry that breaks the file would stop every
 * sweep after this one. */
static int
render_checked(const struct ledger *l, struct buf *b, struct err *e)
{
	ledger_render(l, b);
	if (b->failed)
		return err_set(e, ST_FAIL,
		    FILE_MAIN
		    ": %zu logs and %zu batches that wait want more than %d bytes "
		    "(or memory is out); nothing is committed: deliver the "
		    "batches, or sweep some of the logs with another --state",
		    l->entries, l->batches, LEDGER_MAX);
	return ledger_check((struct str){ b->p, b->n }, "the new ledger", e);
}

static int
write_both(const char *dir, const struct ledger *l, const struct buf *b, bool *committed,
    struct err *e)
{
	if (write_named(dir, FILE_MAIN, b, e) < 0) {
		uint64_t gen;

		/* the rename may have happened and only the fsync after it failed: unless the
		 * old one is surely there, it counts as committed */
		*committed = !peek(dir, FILE_MAIN, &gen) || gen == l->gen;
		return -1;
	}
	*committed = true;
	return write_named(dir, FILE_COPY, b, e);
}

int
ledger_save(const char *dir, struct ledger *l, bool *committed, struct err *e)
{
	struct buf b;
	int r = -1;

	*committed = false;
	l->gen++;
	buf_init(&b, LEDGER_MAX);
	if (render_checked(l, &b, e) == 0) {
		reserve_give(dir);
		r = write_both(dir, l, &b, committed, e);
		reserve_take(dir, b.n);
	}
	if (!*committed)
		l->gen--;
	else
		l->head[0] = '\0';
	l->mended = r == 0;
	buf_done(&b);
	return r;
}

/* 1: both files have the same bytes, *size; 0: they have not; -1. */
static int
same_files(const char *dir, uint64_t *size, struct err *e)
{
	char path[PATH_MAX], other[PATH_MAX], a[1 << 14], b[sizeof a];
	ssize_t n = -1, k;
	int fd, copy, same = 1;

	*size = 0;
	if (path_in(path, dir, FILE_MAIN, e) < 0 || path_in(other, dir, FILE_COPY, e) < 0)
		return -1;
	if ((fd = io_open(path, O_RDONLY, 0)) < 0)
		return err_sys(e, path);
	if ((copy = io_open(other, O_RDONLY, 0)) < 0) {
		same = errno == ENOENT ? 0 : err_sys(e, other);
		close(fd);
		return same;
	}
	do {
		n = read_full(fd, a, sizeof a);
		k = n < 0 ? -1 : read_full(copy, b, sizeof b);
		if (n < 0 || k < 0)
			same = err_sys(e, dir);
		else if (n != k || memcmp(a, b, (size_t)n) != 0)
			same = 0;
		else
			*size += (uint64_t)n;
	} while (same > 0 && n == sizeof a);
	close(copy);
	close(fd);
	return same;
}

static int
write_copy(const char *dir, uint64_t *size, struct err *e)
{
	char path[PATH_MAX];
	struct buf b;
	int r;

	if (path_in(path, dir, FILE_MAIN, e) < 0)
		return -1;
	buf_init(&b, LEDGER_MAX);
	if ((r = file_read(path, &b, e)) > 0)
		r = write_named(dir, FILE_COPY, &b, e);
	*size = b.n;
	buf_done(&b);
	return r;
}

int
ledger_mend(const char *dir, struct ledger *l, struct err *e)
{
	uint64_t size = 0;
	bool committed;
	int r;

	if (l->from_copy)
		return ledger_save(dir, l, &committed, e);
	if (l->mended)
		return 0;
	/* a directory without a ledger has neither */
	if (!exists(dir, FILE_MAIN))
		return 0;
	if ((r = same_files(dir, &size, e)) == 0)
		r = write_copy(dir, &size, e);
	if (r < 0)
		return -1;
	reserve_take(dir, size);
	l->mended = true;
	return 0;
}

int
ledger_prepare(const char *dir, struct err *e)
{
	char path[PATH_MAX];
	struct ledger empty = { .gen = 0 };
	struct buf b;
	int r;

	if (dir_make(dir, true, e) < 0)
		return -1;
	if (!exists(dir, FILE_MAIN) && !exists(dir, FILE_COPY) &&
	    !exists(dir, "outbox")) {
		buf_init(&b, LEDGER_MAX);
		ledger_render(&empty, &b);
		r = buf_check(&b, FILE_MAIN, e) < 0 ||
		    write_named(dir, FILE_MAIN, &b, e) < 0 ||
		    write_named(dir, FILE_COPY, &b, e) < 0;
		if (r == 0)
			reserve_take(dir, b.n);
		buf_done(&b);
		if (r != 0)
			return -1;
	}
	if (!exists(dir, FILE_MAIN))
		return 0; /* ledger_load says what is wrong */
	if (path_in(path, dir, "outbox", e) < 0 || dir_make(path, true, e) < 0 ||
	    path_in(path, dir, "tmp", e) < 0 || dir_make(path, true, e) < 0)
		return -1;
	return 0;
}

/* The index is a table of entry numbers + 1, linear probing, placed by the 64 bits that an id
 * begins with (they are a hash already): ids of one first line stand near each other. */

static uint64_t
hash_of(struct str id)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 16 && i < id.n; i++) {
		unsigned c = (unsigned char)id.p[i];

		v = v << 4 | (c <= '9' ? c & 15 : (c & 15) + 9);
	}
	return v;
}

static void
index_add(struct ledger *l, size_t entry)
{
	size_t i = hash_of(str_of(l->entry[entry].id)) & (l->index_cap - 1);

	while (l->index[i] != 0)
		i = (i + 1) & (l->index_cap - 1);
	l->index[i] = (uint32_t)entry + 1;
}

static int
index_grow(struct ledger *l)
{
	size_t cap = l->index_cap ? 4 * l->index_cap : 256;
	uint32_t *p = calloc(cap, sizeof *p);

	if (p == NULL)
		return -1;
	free(l->index);
	l->index = p;
	l->index_cap = cap;
	for (size_t i = 0; i < l->entries; i++)
		index_add(l, i);
	return 0;
}

struct ledger_entry *
ledger_like(const struct ledger *l, struct str hash, size_t *at)
{
	uint64_t h = hash_of(hash);
	uint32_t k;

	if (l->index_cap == 0 || hash.n < 16)
		return NULL;
	while ((k = l->index[(h + *at) & (l->index_cap - 1)]) != 0) {
		struct ledger_entry *n = &l->entry[k - 1];

		++*at;
		if (!n->dead && memcmp(n->id, hash.p, 16) == 0)
			return n;
	}
	return NULL;
}

struct ledger_entry *
ledger_find(const struct ledger *l, struct str id)
{
	struct ledger_entry *n;
	size_t at = 0;

	if (id.n < 16)
		return NULL;
	while ((n = ledger_like(l, id, &at)) != NULL)
		if (str_eq(str_of(n->id), id))
			return n;
	return NULL;
}

int
ledger_set_text(struct ledger *l, const char **field, struct str text)
{
	const char *p;

	if (*field != NULL && str_eq(str_of(*field), text))
		return 0;
	if ((p = texts_keep(&l->texts, text)) == NULL)
		return -1;
	*field = p;
	return 0;
}

struct ledger_entry *
ledger_put(struct ledger *l, struct str id)
{
	struct ledger_entry n = { .file = "", .dir = "", .stat = "", .time = "" };
	struct ledger_entry *p = ledger_find(l, id);

	if (p != NULL || id.n < 16)
		return p;
	if (l->entries == l->entry_cap) {
		size_t cap = l->entry_cap ? 2 * l->entry_cap : 64;

		if ((p = realloc(l->entry, cap * sizeof *p)) == NULL)
			return NULL;
		l->entry = p;
		l->entry_cap = cap;
	}
	if (2 * (l->entries + 1) > l->index_cap && index_grow(l) < 0)
		return NULL;
	if (ledger_set_text(l, &n.id, id) < 0)
		return NULL;
	l->entry[l->entries] = n;
	index_add(l, l->entries);
	return &l->entry[l->entries++];
}

void
ledger_forget(struct ledger *l, struct str id)
{
	struct ledger_entry *n = ledger_find(l, id);

	if (n != NULL)
		n->dead = true;
}

/* Texts that changed left the old ones behind. */
static int
renew_texts(struct ledger *l)
{
	struct texts old = l->texts;
	bool failed = false;

	for (size_t i = 0; i < l->entries; i++)
		l->entry[i].path = l->entry[i].in = NULL;
	if (old.bytes < TEXTS_SPARE + 2 * l->texts_were)
		return 0;
	l->texts = (struct texts){ 0 };
	for (size_t i = 0; i < l->entries && !failed; i++) {
		struct ledger_entry *n = &l->entry[i];
		const char **field[] = { &n->id, &n->file, &n->dir, &n->stat, &n->time };

		for (size_t k = 0; k < sizeof field / sizeof *field; k++) {
			*field[k] = texts_keep(&l->texts, str_of(*field[k]));
			failed |= *field[k] == NULL;
		}
	}
	texts_done(&old);
	l->texts_were = l->texts.bytes;
	return failed ? -1 : 0;
}

int
ledger_compact(struct ledger *l)
{
	size_t kept = 0, dead = 0;

	for (size_t i = 0; i < l->entries; i++)
		dead += l->entry[i].dead;
	if (2 * dead > l->entries) {
		for (size_t i = 0; i < l->entries; i++)
			if (!l->entry[i].dead)
				l->entry[kept++] = l->entry[i];
		l->entries = kept;
		memset(l->index, 0, l->index_cap * sizeof *l->index);
		for (size_t i = 0; i < kept; i++)
			index_add(l, i);
	}
	return renew_texts(l);
}

static char *
copy(struct str text)
{
	char *p = malloc(text.n + 1);

	if (p == NULL)
		return NULL;
	memcpy(p, text.p, text.n);
	p[text.n] = '\0';
	return p;
}

int
ledger_add_batch(struct ledger *l, const char *name, struct str key, struct str manifest,
    struct err *e)
{
	struct ledger_batch b, *p;

	if (l->batches == l->batch_cap) {
		size_t cap = l->batch_cap ? 2 * l->batch_cap : 16;

		if ((p = realloc(l->batch, cap * sizeof *p)) == NULL)
			return err_set(e, ST_FAIL, "ledger: out of memory");
		l->batch = p;
		l->batch_cap = cap;
	}
	b = (struct ledger_batch){ copy(str_of(name)), copy(key), copy(manifest) };
	if (b.name == NULL || b.key == NULL || b.manifest == NULL) {
		free(b.name);
		free(b.key);
		free(b.manifest);
		return err_set(e, ST_FAIL, "ledger: out of memory");
	}
	l->batch[l->batches++] = b;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
ledger_names(const struct ledger *l, struct ledger_names *s, struct err *e)
{
	size_t size = (l->batches + 1) * sizeof *s->name;
	char *text;

	for (size_t i = 0; i < l->batches; i++)
		size += strlen(l->batch[i].name) + 1;
	*s = (struct ledger_names){ malloc(size), l->batches };
	if (s->name == NULL)
		return err_set(e, ST_FAIL, "ledger: out of memory");
	text = (char *)(s->name + l->batches + 1);
	for (size_t i = 0; i < l->batches; i++) {
		s->name[i] = text;
		text = stpcpy(text, l->batch[i].name) + 1;
	}
	qsort(s->name, s->n, sizeof *s->name, by_name);
	return 0;
}

bool
ledger_names_has(const struct ledger_names *s, const char *name)
{
	return s->n > 0 &&
	       bsearch(&name, s->name, s->n, sizeof *s->name, by_name) != NULL;
}
