#include "source/sweep.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "ledger/ledger.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "source/decompress.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Directories that were listed, as a sorted set. */
struct sweep_dirs {
	char **path;
	size_t n, cap;
};

/* Entries by what stat(2) said of their file, to pass over what has not changed. */
struct stat_index {
	size_t cap;
	uint32_t slot[]; /* entry number + 1 */
};

static uint64_t
quick_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return h;
}

static struct stat_index *
index_stats(struct ledger *l)
{
	size_t cap = 64;
	struct stat_index *x;

	while (cap < 2 * l->entries + 2)
		cap *= 2;
	if ((x = calloc(1, sizeof *x + cap * sizeof(uint32_t))) == NULL)
		return NULL;
	x->cap = cap;
	for (size_t i = 0; i < l->entries; i++) {
		size_t at = quick_hash(l->entry[i].stat) & (cap - 1);

		if (l->entry[i].stat[0] == '\0')
			continue;
		while (x->slot[at] != 0)
			at = (at + 1) & (cap - 1);
		x->slot[at] = (uint32_t)i + 1;
	}
	return x;
}

int
sweep_init(struct sweep *s, struct err *e)
{
	s->dirs = calloc(1, sizeof *s->dirs);
	s->known = index_stats(s->ledger);
	if (s->dirs == NULL || s->known == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	return 0;
}

void
sweep_done(struct sweep *s)
{
	for (size_t i = 0; s->dirs != NULL && i < s->dirs->n; i++)
		free(s->dirs->path[i]);
	if (s->dirs != NULL)
		free(s->dirs->path);
	free(s->dirs);
	free(s->known);
}

static int
note_dir(struct sweep *s, const char *dir)
{
	struct sweep_dirs *d = s->dirs;
	char **p;

	if (d->n > 0 && strcmp(d->path[d->n - 1], dir) == 0)
		return 0;
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		if ((p = realloc(d->path, d->cap * sizeof *p)) == NULL)
			return -1;
		d->path = p;
	}
	if ((d->path[d->n] = strdup(dir)) == NULL)
		return -1;
	d->n++;
	return 0;
}

static void
stat_text(const struct stat *st, char text[96])
{
	snprintf(text, 96, "%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRId64, (uint64_t)st->st_dev,
	    (uint64_t)st->st_ino, (uint64_t)st->st_size,
	    (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec);
}

/* What is known of a file before it is read. */
struct met {
	struct member *m;
	struct reader *reader; /* NULL: not opened, nothing new */
	struct identity id;
	char name[PATH_MAX];
	char stat[96];
	bool empty, final;
};

/* Is everything of a file of this stat committed?  All its streams then are, and are noted
 * as met. */
static bool
nothing_new(struct sweep *s, struct met *w)
{
	struct stat_index *x = s->known;
	size_t at = quick_hash(w->stat) & (x->cap - 1);
	struct ledger_entry *hit[2];
	size_t n = 0;

	for (; x->slot[at] != 0; at = (at + 1) & (x->cap - 1)) {
		struct ledger_entry *known = &s->ledger->entry[x->slot[at] - 1];

		if (strcmp(known->stat, w->stat) == 0 && n < 2)
			hit[n++] = known;
	}
	if (n == 0 || (n == 1 && strchr(hit[0]->id, '/') != NULL))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!hit[i]->final && (w->m->gzip || hit[i]->end < (uint64_t)w->m->st.st_size))
			return false;
	for (size_t i = 0; i < n; i++)
		hit[i]->seen = true;
	snprintf(w->id.hash, sizeof w->id.hash, "%.16s", hit[0]->id);
	return true;
}

/* Compressed; or renamed, with a successor that has a line, and left alone for a while. */
static bool
is_final(const struct sweep *s, const struct family *f, size_t i)
{
	const struct member *m = &f->member[i];
	int64_t mtime = (int64_t)m->st.st_mtim.tv_sec * 1000000000 + m->st.st_mtim.tv_nsec;

	if (m->gzip)
		return true;
	if (s->now - mtime < SWEEP_FINAL_AGE_S * 1000000000LL)
		return false;
	if (!s->stateful)
		return true; /* nobody will come back for the rest */
	return !m->live && i + 1 < f->members && f->member[i + 1].st.st_size > 0;
}

/* Is the content of `a` the beginning of that of `b`? */
static int
begins(struct met *a, struct met *b, struct err *e)
{
	char x[16384], y[16384];
	struct reader *rb = reader_new(b->m->fd, b->m->gzip, e), *ra = reader_new(a->m->fd, a->m->gzip, e);
	ssize_t n = -1, k, got;

	while (ra != NULL && rb != NULL && (n = reader_read(ra, x, sizeof x, a->name, e)) > 0) {
		for (k = 0; k < n; k += got)
			if ((got = reader_read(rb, y + k, (size_t)(n - k), b->name, e)) <= 0)
				break;
		if (k < n || memcmp(x, y, (size_t)n) != 0) {
			reader_free(ra);
			reader_free(rb);
			return 0;
		}
	}
	reader_free(ra);
	reader_free(rb);
	return n < 0 ? -1 : 1;
}

/* Of two files of which one is so far the beginning of the other, the shorter waits: it is a
 * copy under way, or says too little yet. */
static bool
must_wait(struct met *all, size_t n, size_t i)
{
	struct err unused;

	for (size_t j = 0; j < n; j++) {
		if (j == i || all[j].empty || strcmp(all[i].id.hash, all[j].id.hash) != 0)
			continue;
		if (begins(&all[i], &all[j], &unused) == 1 && (j < i || begins(&all[j], &all[i], &unused) == 0))
			return true;
	}
	return false;
}

/* The same log reached under another directory in this run (a copy of a node's tree, say)?
 * Times in the lines make equal content the same content; raw files have none. */
static bool
met_elsewhere(struct sweep *s, struct met *w, enum frame_format format)
{
	struct ledger_entry *n;
	size_t at = 0;
	struct err unused;

	if (format == FRAME_RAW)
		return false;
	while ((n = ledger_like(s->ledger, str_of(w->id.hash), &at)) != NULL) {
		struct member m = { .fd = -1 };
		struct met other = { .m = &m };
		bool same;

		if (!n->seen || n->path == NULL || strcmp(n->path, w->name) == 0)
			continue;
		snprintf(other.name, sizeof other.name, "%s", n->path);
		m.gzip = str_ends(str_of(n->path), STR(".gz"));
		if ((m.fd = io_open(n->path, O_RDONLY, 0)) < 0)
			continue;
		same = begins(w, &other, &unused) == 1;
		close(m.fd);
		if (same)
			return true;
	}
	return false;
}

/* Claim the ids of a file for this run and take over its cursors. */
static int
claim(struct sweep *s, struct met *w, struct tail_file *f, struct str file, struct err *e)
{
	static const char *const ending[] = { "/o", "/e" };
	unsigned streams = f->format == FRAME_RAW ? 1 : 2;
	char id[IDENTITY_ID_MAX + 4];

	for (unsigned i = 0; i < streams; i++) {
		struct ledger_entry *n;

		snprintf(id, sizeof id, "%s%s", w->id.id, streams > 1 ? ending[i] : "");
		if ((n = ledger_put(s->ledger, str_of(id))) == NULL ||
		    ledger_set_text(&n->file, file) < 0 || ledger_set_text(&n->path, str_of(w->name)) < 0)
			return err_set(e, ST_FAIL, "out of memory");
		n->seen = true;
		f->cursor[i] = n->end;
	}
	return 0;
}

static int
raw_json(const char *text, struct buf *b, struct err *e)
{
	buf_init(b, 8 * PATH_MAX);
	jsonw_string(b, text, strlen(text));
	return buf_check(b, text, e);
}

static void
note(const struct sweep *s, const char *subject, const char *what)
{
	if (s->note != NULL)
		s->note(subject, what);
}

/* 0; 1: `e` says why this file was not read to its end; -1. */
static int
read_member(struct sweep *s, struct family *f, struct met *w, struct str src_file, struct str dir,
    struct err *e)
{
	struct tail_file t = { .name = w->name, .reader = w->reader, .fd = w->m->fd,
		.gzip = w->m->gzip, .id = &w->id, .format = s->format, .src_file = src_file,
		.dir = dir, .stat = w->stat, .gen = s->ledger->gen, .final = w->final,
		.limit = w->m->gzip ? 0 : (uint64_t)w->m->st.st_size, .live = w->m->live,
		.positions = true };
	uint64_t furthest;

	(void)f;
	if (t.format == FRAME_AUTO)
		t.format = frame_guess((struct str){ w->id.first,
					   w->id.line_n - (w->id.first[w->id.line_n - 1] == '\n') },
		    w->id.first[w->id.line_n - 1] == '\n');
	if (met_elsewhere(s, w, t.format)) {
		note(s, w->name, "the same log as one read before in this run; not read again");
		s->n.waiting++;
		return 0;
	}
	if (identity_match(&w->id, s->ledger, w->reader, src_file, w->name, e) < 0)
		return 1;
	if (claim(s, w, &t, src_file, e) < 0)
		return -1;
	furthest = t.cursor[0] > t.cursor[1] ? t.cursor[0] : t.cursor[1];
	if (!w->m->gzip && furthest > t.limit)
		return err_set(e, ST_ASIDE, "%s: shorter than it was read; left to the next sweep", w->name), 1;
	s->n.files++;
	return tail_read(&s->tail, &t, e);
}

/* Look at every member before any is read: they are compared with each other. */
static void
look(struct sweep *s, struct family *f, struct met *all)
{
	struct err e;

	for (size_t i = 0; i < f->members; i++) {
		struct met *w = &all[i];
		int r;

		w->m = &f->member[i];
		snprintf(w->name, sizeof w->name, "%s/%s", f->dir, w->m->name);
		stat_text(&w->m->st, w->stat);
		w->final = is_final(s, f, i);
		if (nothing_new(s, w)) {
			s->n.unchanged++;
			continue;
		}
		if ((w->reader = reader_new(w->m->fd, w->m->gzip, &e)) == NULL ||
		    (r = identity_read(w->reader, w->final, &w->id, w->name, &e)) < 0) {
			w->empty = true;
			s->n.unreadable++;
			s->warn(s->arg, &e);
		} else if (r == 0 || w->id.unfinished) {
			w->empty = true;
			s->n.waiting += r != 0;
		}
	}
}

static int
read_all(struct sweep *s, struct family *f, struct met *all, struct err *e)
{
	struct buf file, dir;
	int r = 0;

	if (raw_json(f->shown, &file, e) < 0 || raw_json(f->dir, &dir, e) < 0)
		return -1;
	for (size_t i = 0; i < f->members && r >= 0; i++) {
		if (all[i].reader == NULL || all[i].empty)
			continue;
		if (must_wait(all, f->members, i)) {
			note(s, all[i].name, "so far the beginning of another file; it waits");
			s->n.waiting++;
			continue;
		}
		r = read_member(s, f, &all[i], (struct str){ file.p + 1, file.n - 2 },
		    (struct str){ dir.p + 1, dir.n - 2 }, e);
		if (r > 0) {
			s->n.unreadable++;
			s->warn(s->arg, e);
		}
	}
	buf_done(&file);
	buf_done(&dir);
	return r < 0 ? -1 : 0;
}

int
sweep_family(struct sweep *s, struct family *f, struct err *e)
{
	struct met *all;
	int r = family_open(f, s->rotated, s->warn, s->arg, e);

	if (r < 0) {
		s->n.unreadable++;
		s->warn(s->arg, e);
		return 0;
	}
	s->unsettled |= r == 0;
	if (note_dir(s, f->dir) < 0 || (all = calloc(f->members + 1, sizeof *all)) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	look(s, f, all);
	r = read_all(s, f, all, e);
	for (size_t i = 0; i < f->members; i++)
		reader_free(all[i].reader);
	free(all);
	family_close(f);
	return r;
}

int
sweep_stream(struct sweep *s, int fd, const char *name, struct err *e)
{
	struct met w = { 0 };
	struct tail_file t = { .name = name, .fd = fd, .id = &w.id, .format = s->format,
		.final = true, .stat = "" };
	int r;

	if ((w.reader = reader_new(fd, false, e)) == NULL)
		return -1;
	if ((r = identity_read(w.reader, true, &w.id, name, e)) > 0) {
		bool whole = w.id.first[w.id.line_n - 1] == '\n';

		if (t.format == FRAME_AUTO)
			t.format = frame_guess((struct str){ w.id.first, w.id.line_n - whole }, whole);
		t.reader = w.reader;
		s->n.files++;
		r = tail_read(&s->tail, &t, e);
	}
	reader_free(w.reader);
	return r;
}

/* Gone: the second half. */

static int
by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
was_listed(const struct sweep *s, const char *dir)
{
	return bsearch(&dir, s->dirs->path, s->dirs->n, sizeof dir, by_path) != NULL;
}

static bool
plain_path(const char *raw, char path[PATH_MAX])
{
	size_t n = strlen(raw);
	ptrdiff_t len;

	if (n == 0 || n >= PATH_MAX || (len = jscan_unescape((struct str){ raw, n }, path)) < 0)
		return false;
	path[len] = '\0';
	return true;
}

/* Does an operand cover this name?  The directory of an operand does (the shell may have
 * expanded dir/\*.log before the file went), and so does a directory or glob. */
static bool
covered(const char *file, char *const operands[], size_t n)
{
	const char *slash = strrchr(file, '/');
	size_t dir_n = slash ? (size_t)(slash - file) : 0;

	for (size_t i = 0; i < n; i++) {
		const char *o = operands[i], *os = strrchr(o, '/');
		size_t on = strlen(o);

		while (on > 1 && o[on - 1] == '/')
			on--;
		if (strncmp(file, o, on) == 0 && file[on] == '/')
			return true;
		if (fnmatch(o, file, FNM_PATHNAME) == 0)
			return true;
		if (os != NULL && (size_t)(os - o) == dir_n && strncmp(file, o, dir_n) == 0)
			return true;
	}
	return false;
}

/* Does any file of the directory begin with that first line? */
static bool
still_there(struct sweep *s, const char *dir, const char *id)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	bool found = d == NULL && errno != ENOENT;

	while (d != NULL && !found && (de = readdir(d)) != NULL) {
		char path[PATH_MAX];
		struct identity who;
		struct reader *r;
		struct err unused;
		struct stat st;
		int fd;

		if (snprintf(path, sizeof path, "%s/%s", dir, de->d_name) >= (int)sizeof path ||
		    stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if ((fd = io_open(path, O_RDONLY | O_NONBLOCK, 0)) < 0) {
			found = errno != ENOENT; /* cannot know */
			continue;
		}
		r = reader_new(fd, str_ends(str_of(de->d_name), STR(".gz")), &unused);
		if (r != NULL && identity_read(r, true, &who, path, &unused) > 0)
			found = strncmp(who.hash, id, 16) == 0;
		reader_free(r);
		close(fd);
	}
	if (d != NULL)
		closedir(d);
	(void)s;
	return found;
}

static bool
is_gone(struct sweep *s, const struct ledger_entry *n, char *const operands[], size_t count)
{
	char file[PATH_MAX], dir[PATH_MAX];

	if (n->seen || n->dead || !plain_path(n->file, file) || !plain_path(n->dir, dir))
		return false;
	if (!covered(file, operands, count))
		return false;
	if (!was_listed(s, dir) && (access(dir, F_OK) == 0 || errno != ENOENT))
		return false;
	return !still_there(s, dir, n->id);
}

static void
src_head(struct ndjson_out *o, const struct sweep *s, const struct ledger_entry *n)
{
	NDJSON_LIT(o, "{\"_src\":{\"file\":\"");
	ndjson_add(o, n->file, strlen(n->file));
	NDJSON_LIT(o, "\",\"id\":\"");
	ndjson_add(o, n->id, strlen(n->id));
	NDJSON_LIT(o, "\",\"gen\":");
	ndjson_u64(o, s->ledger->gen);
	NDJSON_LIT(o, ",\"end\":");
	ndjson_u64(o, n->end);
}

/* The _error record of a certain gap. */
static void
write_gap(struct sweep *s, const struct ledger_entry *n)
{
	struct ndjson_out *o = s->tail.out;

	src_head(o, s, n);
	NDJSON_LIT(o, "}");
	if (n->time[0] != '\0') {
		NDJSON_LIT(o, ",\"time\":\"");
		ndjson_add(o, n->time, strlen(n->time));
		NDJSON_LIT(o, "\"");
	}
	NDJSON_LIT(o, ",\"log\":\"\",\"_error\":{\"by\":\"logtail\",\"why\":\"gap: the file is gone; it was read up to ");
	ndjson_u64(o, n->end);
	if (n->size > n->end) {
		NDJSON_LIT(o, " of at least ");
		ndjson_u64(o, n->size);
		NDJSON_LIT(o, " bytes\",\"gap\":{\"from\":");
	} else {
		NDJSON_LIT(o, " bytes and went on\",\"gap\":{\"from\":");
	}
	ndjson_u64(o, n->end);
	NDJSON_LIT(o, ",\"size\":");
	ndjson_u64(o, n->size);
	NDJSON_LIT(o, ",\"last_read\":\"");
	ndjson_add(o, n->time, strlen(n->time));
	NDJSON_LIT(o, "\"}}}\n");
	s->tail.n.lines++;
	s->tail.n.rejected++;
}

/* The other stream of the file, if it is read further: the gap begins there. */
static bool
other_is_behind(const struct sweep *s, const struct ledger_entry *n)
{
	size_t at = 0, len = strcspn(n->id, "/");
	const struct ledger_entry *m;

	while ((m = ledger_like(s->ledger, (struct str){ n->id, 16 }, &at)) != NULL)
		if (m != n && strncmp(m->id, n->id, len) == 0 && m->id[len] == '/' &&
		    (m->end < n->end || (m->end == n->end && strcmp(m->id, n->id) > 0)))
			return true;
	return false;
}

/* Bytes are known to have been past the cursor: a size that was seen, or another file now
 * stands where this one was being written. */
static bool
certain_gap(const struct ledger_entry *n)
{
	char file[PATH_MAX];

	return n->size > n->end ||
	    (n->live && !n->final && plain_path(n->file, file) && access(file, F_OK) == 0);
}

int
sweep_gone(struct sweep *s, char *const operands[], size_t n, struct err *e)
{
	if (s->unsettled || s->dirs->n == 0)
		return 0;
	qsort(s->dirs->path, s->dirs->n, sizeof *s->dirs->path, by_path);
	for (size_t i = 0; i < s->ledger->entries; i++) {
		const struct ledger_entry *entry = &s->ledger->entry[i];

		if (!is_gone(s, entry, operands, n))
			continue;
		if (other_is_behind(s, entry)) {
			; /* told by that one */
		} else if (certain_gap(entry)) {
			write_gap(s, entry);
			s->n.gaps++;
		} else {
			s->n.possible_gaps += !entry->final;
		}
		src_head(s->tail.out, s, entry);
		NDJSON_LIT(s->tail.out, ",\"gone\":true}}\n");
		if (ndjson_end(s->tail.out, e) < 0)
			return -1;
	}
	return 0;
}
