#include "source/sweep.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/siphash.h"
#include "ledger/ledger.h"
#include "record/jsonw.h"
#include "record/timestamp.h"
#include "source/backfill.h"
#include "source/bundle.h"
#include "source/claim.h"
#include "source/decompress.h"
#include "source/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Directories, as a sorted set; the families have their names. */
struct dirs {
	const char **path;
	size_t n, cap;
};
struct sweep_dirs {
	struct dirs listed;
	struct dirs restless; /* their names changed while they were looked at */
};

/* Entries by what stat(2) said of their file, to pass over what has not changed. */
struct stat_index {
	struct siphash_key secret;
	size_t cap;
	uint32_t slot[]; /* entry number + 1 */
};

/* By a secret: sizes and times are whose the files are. */
static size_t
slot_of(const struct stat_index *x, const char *stat)
{
	return siphash(&x->secret, 0, stat, strlen(stat)) & (x->cap - 1);
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
	if (!siphash_new_key(&x->secret)) {
		free(x);
		return NULL;
	}
	for (size_t i = 0; i < l->entries; i++) {
		size_t at = slot_of(x, l->entry[i].stat);

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
	unpack_use();
	reader_expand_by(s->expand);
	s->dirs = calloc(1, sizeof *s->dirs);
	s->known = index_stats(s->ledger);
	if (s->dirs == NULL || s->known == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	return 0;
}

void
sweep_done(struct sweep *s)
{
	if (s->dirs != NULL) {
		free(s->dirs->listed.path);
		free(s->dirs->restless.path);
	}
	free(s->dirs);
	free(s->known);
	listing_done(&s->names);
}

int
sweep_again(struct sweep *s, struct err *e)
{
	sweep_done(s);
	s->names = (struct listing){ 0 };
	if (ledger_compact(s->ledger) < 0)
		return err_set(e, ST_FAIL, "out of memory");
	for (size_t i = 0; i < s->ledger->entries; i++)
		s->ledger->entry[i].seen = false;
	s->ledger->logs = 0;
	s->full = false;
	return sweep_init(s, e);
}

static int
note_dir(struct dirs *d, const char *dir)
{
	const char **p;

	if (d->n > 0 && strcmp(d->path[d->n - 1], dir) == 0)
		return 0;
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		if ((p = realloc(d->path, d->cap * sizeof *p)) == NULL)
			return -1;
		d->path = p;
	}
	d->path[d->n++] = dir;
	return 0;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
sort(struct dirs *d)
{
	if (d->n > 0)
		qsort(d->path, d->n, sizeof *d->path, by_path);
}

static bool
has(const struct dirs *d, const char *dir)
{
	return d->n > 0 && bsearch(&dir, d->path, d->n, sizeof dir, by_path) != NULL;
}

size_t
sweep_sort_dirs(struct sweep *s)
{
	sort(&s->dirs->listed);
	sort(&s->dirs->restless);
	return s->dirs->listed.n;
}

bool
sweep_listed(const struct sweep *s, const char *dir)
{
	return has(&s->dirs->listed, dir) && !has(&s->dirs->restless, dir);
}

void
sweep_stat(const struct stat *st, char text[96])
{
	snprintf(text, 96, "%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRId64,
	    (uint64_t)st->st_dev, (uint64_t)st->st_ino, (uint64_t)st->st_size,
	    (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec);
}

/* Do two texts of sweep_stat begin with the same device and inode? */
static bool
same_inode(const char *a, const char *b)
{
	unsigned colons = 0;

	for (; *a != '\0' && *a == *b; a++, b++)
		if (*a == ':' && ++colons == 2)
			return true;
	return false;
}

int
sweep_open_again(const char *path, const char *stat, struct stat *st)
{
	int fd = family_open_name(AT_FDCWD, path, st);
	char text[96];

	if (fd < 0)
		return -1;
	sweep_stat(st, text);
	if (same_inode(text, stat))
		return fd;
	close(fd);
	errno = ESTALE;
	return -1;
}

bool
sweep_in_shard(const struct sweep *s, const char *shown)
{
	const char *slash = strrchr(shown, '/');
	struct str name = str_of(slash != NULL ? slash + 1 : shown);

	return s->shards < 2 ||
	       hash64(shown, (size_t)(name.p - shown) + family_base(name)) % s->shards ==
		   s->shard;
}

static void
note(const struct sweep *s, const char *subject, const char *what)
{
	if (s->note != NULL)
		s->note(subject, what);
}

/* What is known of a file before it is read. */
struct met {
	struct member *m;
	struct reader *reader; /* NULL: not opened, nothing new */
	struct identity id;
	char stat[96];
	bool empty, final;
	bool settled;        /* left alone for a while, or nobody will come back for it */
	char name[PATH_MAX]; /* last: not cleared, which would cost more than the rest */
};

static struct met *
met_new(size_t n)
{
	struct met *all = malloc((n + 1) * sizeof *all);

	if (all == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		memset(&all[i], 0, offsetof(struct met, name));
	return all;
}

/* The entries of a file of this stat: hit[], and their number; 0: none, or not of all its
 * streams. */
static size_t
by_stat(const struct sweep *s, const char *stat, struct ledger_entry *hit[2])
{
	const struct stat_index *x = s->known;
	size_t at = slot_of(x, stat), n = 0;

	for (; x->slot[at] != 0; at = (at + 1) & (x->cap - 1)) {
		struct ledger_entry *known = &s->ledger->entry[x->slot[at] - 1];

		if (strcmp(known->stat, stat) == 0 && n < 2)
			hit[n++] = known;
	}
	return n == 1 && strchr(hit[0]->id, '/') != NULL ? 0 : n;
}

/* Is everything of a file of this stat committed?  Then the entries of all its streams are
 * hit[], and their number comes back; 0: it is not, or it was renamed since, and is looked at
 * once more, so that the ledger knows. */
static size_t
all_committed(const struct sweep *s, const struct member *m, const char *stat, bool final,
    struct ledger_entry *hit[2])
{
	size_t n = by_stat(s, stat, hit);

	for (size_t i = 0; i < n; i++)
		if (!hit[i]->final && (m->packed || final || hit[i]->live != m->live ||
					  hit[i]->end < (uint64_t)m->st.st_size))
			return 0;
	return n;
}

/* The same where all is committed that may be made of a compressed file, which is known to
 * hold more (tail.c notes its size as that and one): it is not unpacked for that again. */
static size_t
up_to_ceiling(const struct sweep *s, const struct member *m, const char *stat,
    struct ledger_entry *hit[2])
{
	uint64_t most = reader_expands_to((uint64_t)m->st.st_size, s->expand);
	size_t n = m->packed && s->expand != UINT64_MAX ? by_stat(s, stat, hit) : 0;

	for (size_t i = 0; i < n; i++)
		if (hit[i]->final || hit[i]->live != m->live || hit[i]->size <= most ||
		    hit[i]->at + s->tail.max_line + TAIL_LINE_EXTRA < most)
			return 0;
	return n;
}

/* All streams of a file with nothing to read are noted as met.  0: there may be something;
 * -1: out of memory. */
enum { NOTHING = 1, NOTHING_ALLOWED };

static int
nothing_new(struct sweep *s, const struct family *f, struct met *w)
{
	struct ledger_entry *hit[2];
	size_t n = all_committed(s, w->m, w->stat, w->final, hit);
	int why = n > 0 ? NOTHING : NOTHING_ALLOWED;

	if (n == 0)
		n = up_to_ceiling(s, w->m, w->stat, hit);
	for (size_t i = 0; i < n; i++) {
		hit[i]->seen = true;
		hit[i]->in = f->dir;
		if (ledger_set_text(s->ledger, &hit[i]->path, str_of(w->m->name)) < 0)
			return -1;
	}
	if (n == 0)
		return 0;
	snprintf(w->id.hash, sizeof w->id.hash, "%.16s", hit[0]->id);
	return why;
}

static bool
left_alone(const struct sweep *s, const struct member *m)
{
	int64_t mtime =
	    (int64_t)m->st.st_mtim.tv_sec * 1000000000 + m->st.st_mtim.tv_nsec;

	return s->now - mtime >= SWEEP_FINAL_AGE_S * 1000000000LL;
}

/* Compressed; or renamed, with a successor that has a line, and left alone for a while.
 */
static bool
is_final(const struct sweep *s, const struct family *f, size_t i)
{
	const struct member *m = &f->member[i];

	if (m->packed)
		return true;
	if (!left_alone(s, m))
		return false;
	if (!s->stateful)
		return true; /* nobody will come back for the rest */
	return !m->live && i + 1 < f->members && f->member[i + 1].st.st_size > 0;
}

/* Two names of one file, which need no reading. */
static bool
linked(const struct member *a, const struct member *b)
{
	return a->st.st_ino == b->st.st_ino && a->st.st_dev == b->st.st_dev &&
	       a->st.st_ino != 0 && a->packed == b->packed;
}

/* Is the content of `a` the beginning of that of `b`? */
static int
begins(struct met *a, struct met *b, struct err *e)
{
	if (linked(a->m, b->m))
		return 1;

	char x[16384], y[16384];
	struct reader *rb = reader_new(b->m->fd, b->m->packed, e),
		      *ra = reader_new(a->m->fd, a->m->packed, e);
	ssize_t n = -1, k, got;

	while (ra != NULL && rb != NULL &&
	       (n = reader_read(ra, x, sizeof x, a->name, e)) > 0) {
		for (k = 0; k < n; k += got)
			if ((got = reader_read(rb, y + k, (size_t)(n - k), b->name, e)) <=
			    0)
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

/* Of two files of which one is so far the beginning of the other, the shorter waits: it
 * is a copy under way, or says too little yet.  Of two equal ones the newer waits, or the
 * one that the ledger does not know. */
static bool
must_wait(struct met *all, size_t n, size_t i)
{
	struct err unused;

	for (size_t j = 0; j < n; j++) {
		if (j == i || all[j].empty || strcmp(all[i].id.hash, all[j].id.hash) != 0)
			continue;
		if (begins(&all[i], &all[j], &unused) == 1 &&
		    (j < i || all[j].reader == NULL ||
			begins(&all[j], &all[i], &unused) == 0))
			return true;
	}
	return false;
}

/* Copies.  Times in their lines make equal content the same content; raw files have none,
 * and of them only the same file under another name is the same. */
enum copy { NO_COPY, COPY, LONGER_COPY };

static enum copy
compare(struct met *w, const struct ledger_entry *n)
{
	struct member m = { .packed = family_packed(str_of(n->path)) > 0 };
	struct met other = { .m = &m };
	struct err unused;
	enum copy is = NO_COPY;

	snprintf(other.name, sizeof other.name, "%s%s%s", n->in != NULL ? n->in : "",
	    n->in != NULL ? "/" : "", n->path);
	if ((m.fd = sweep_open_again(other.name, n->stat, &m.st)) < 0)
		return NO_COPY;
	if (begins(w, &other, &unused) == 1)
		is = COPY;
	else if (begins(&other, w, &unused) == 1)
		is = LONGER_COPY;
	close(m.fd);
	return is;
}

/* Are the bytes before where that one was read to others in this file?  Then neither is the
 * beginning of the other.  Going back and forth in compressed files is dear: those are told
 * by what they begin with. */
static bool
differs(struct met *w, const struct ledger_entry *n, uint64_t *at, uint64_t *sum)
{
	struct err unused;

	if (n->at == 0 || w->m->packed)
		return false;
	if (n->at != *at) {
		*at = 0;
		if (identity_window(&w->id, w->reader, n->at, sum, w->name, &unused) <= 0)
			return false;
		*at = n->at;
	}
	return *sum != n->sum;
}

/* The same log met under another name before in this run (a copy of a node's tree, say)?
 * If this one goes on after that one, it takes over its id. */
static enum copy
met_elsewhere(struct sweep *s, struct met *w, enum frame_format format)
{
	struct ledger_entry *n;
	uint64_t window_at = 0, sum = 0;
	size_t at = 0;

	while ((n = ledger_like(s->ledger, str_of(w->id.hash), &at)) != NULL) {
		size_t len = strcspn(n->id, "/");
		enum copy is = NO_COPY;

		if (!n->seen || n->path == NULL || strcmp(n->id + len, "/e") == 0)
			continue;
		if (same_inode(n->stat, w->stat))
			is = COPY;
		else if (format != FRAME_RAW && !differs(w, n, &window_at, &sum))
			is = compare(w, n);
		if (is == LONGER_COPY)
			snprintf(w->id.id, sizeof w->id.id, "%.*s", (int)len, n->id);
		if (is != NO_COPY)
			return is;
	}
	return NO_COPY;
}

/* A file with times in its lines that ends before the cursor of its log is what a copy, a
 * gzip under way or a crash left of it: not another file. */
static int
is_stub(struct sweep *s, struct met *w, struct err *e)
{
	struct ledger_entry *n;
	size_t at = 0;
	uint64_t sum, furthest = 0;
	int there;

	while ((n = ledger_like(s->ledger, str_of(w->id.hash), &at)) != NULL)
		if (!n->seen && n->at > furthest)
			furthest = n->at;
	if (furthest == 0)
		return 0;
	there = identity_window(&w->id, w->reader, furthest, &sum, w->name, e);
	return there < 0 ? -1 : there == 0;
}

static int
raw_json(const char *text, struct buf *b, struct err *e)
{
	buf_init(b, 8 * PATH_MAX);
	jsonw_string(b, text, strlen(text));
	return buf_check(b, text, e);
}

/* The file is read on from where its streams were left; later copies of it go on from
 * here. */
static int
read_on(struct sweep *s, struct met *w, struct tail_file *t, struct err *e)
{
	uint64_t furthest = t->cursor[0] > t->cursor[1] ? t->cursor[0] : t->cursor[1];
	int r;

	if (!w->m->packed && furthest > t->limit) {
		note(s, w->name, "shorter than it was read; left to the next sweep");
		s->n.waiting++;
		return 0;
	}
	s->n.files++;
	r = tail_read(&s->tail, t, e);
	s->n.holes += t->holes;
	return r < 0 || claim_remember(s->ledger, &w->id, t, s->now) < 0 ? -1 : r;
}

enum frame_format
sweep_format(const struct sweep *s, const struct identity *id)
{
	bool whole = id->first[id->line_n - 1] == '\n';

	return s->format != FRAME_AUTO
		   ? s->format
		   : frame_guess((struct str){ id->first, id->line_n - whole }, whole);
}

static int
too_much(const struct met *w, struct err *e)
{
	return err_set(e, ST_ASIDE,
		   "%s: more than --max-expand allows comes of it; the rest is not read",
		   w->name),
	       1;
}

void
sweep_full(struct sweep *s, const struct err *e)
{
	if (!s->full)
		s->warn(s->arg, e);
	s->full = true;
	s->n.unreadable++;
}

/* 0; 1: `e` says why this file was not read to its end; -1. */
static int
read_member(struct sweep *s, const struct family *f, struct met *w, struct str src_file,
    struct str dir, struct err *e)
{
	struct tail_file t = { .name = w->name,
		.reader = w->reader,
		.fd = w->m->fd,
		.packed = w->m->packed,
		.id = &w->id,
		.format = sweep_format(s, &w->id),
		.src_file = src_file,
		.dir = dir,
		.stat = w->stat,
		.gen = s->ledger->gen,
		.final = w->final,
		.limit = w->m->packed ? 0 : (uint64_t)w->m->st.st_size,
		.live = w->m->live,
		.positions = true };
	enum copy is = met_elsewhere(s, w, t.format);
	uint64_t hole;
	int r;

	if (is == COPY) {
		note(s, w->name,
		    "the same log as one met before in this run; not read again");
		s->n.waiting++;
		return 0;
	}
	if (is == NO_COPY) {
		if ((r = identity_match(&w->id, s->ledger, w->reader,
			 t.format == FRAME_RAW, src_file, w->name, e)) < 0)
			return 1;
		if (reader_too_much(w->reader))
			return too_much(w, e); /* its cursor is behind that */
		if (r == 0 && t.format != FRAME_RAW && (r = is_stub(s, w, e)) != 0) {
			note(s, w->name,
			    "ends before what is archived of its log; it waits");
			s->n.waiting++;
			return r < 0;
		}
	}
	if ((r = claim_ids(
		 s->ledger, &w->id, &t, f->dir, str_of(w->m->name), &hole, e)) != 0)
		return r < 0 ? -1 : (sweep_full(s, e), 0);
	s->n.holes += hole;
	if ((r = read_on(s, w, &t, e)) == 0 && reader_too_much(w->reader))
		return too_much(w, e);
	if (r == 0 && reader_cut(w->reader) && w->settled)
		return err_set(e, ST_ASIDE,
			   "%s: the %s data end too early; read as far as they go",
			   w->name, pack_name(reader_pack(w->reader))),
		       1;
	return r;
}

/* Can nothing in the file be as late as is asked for? */
static bool
is_older(const struct sweep *s, const struct member *m)
{
	int64_t mtime =
		    (int64_t)m->st.st_mtim.tv_sec * 1000000000 + m->st.st_mtim.tv_nsec,
		last;

	if (mtime < s->not_older || mtime < s->tail.since)
		return true;
	return s->tail.since != INT64_MIN && m->packed &&
	       reader_docker_last(m->fd, &last) && last < s->tail.since;
}

/* What a name says that the file is compressed by. */
static const char *
kind_by_name(const char *name)
{
	struct str s = str_of(name);

	return pack_name(str_ends(s, STR(".zst"))   ? PACK_ZSTD
			 : str_ends(s, STR(".xz"))  ? PACK_XZ
			 : str_ends(s, STR(".bz2")) ? PACK_BZIP2
						    : PACK_GZIP);
}

/* Open a member and read its beginning, which also tells whether it is compressed and
 * named otherwise.  1; 0: empty; -1. */
static int
read_beginning(struct sweep *s, struct family *f, size_t i, struct met *w, struct err *e)
{
	int r;

	if ((w->reader = reader_new(w->m->fd, w->m->packed, e)) == NULL)
		return -1;
	r = identity_read(w->reader, w->final, &w->id, w->name, e);
	if (r > 0 && !w->m->packed && pack_of(w->id.first, w->id.first_n) != PACK_NONE) {
		w->m->packed = true;
		w->final = is_final(s, f, i);
		reader_free(w->reader);
		if ((w->reader = reader_new(w->m->fd, true, e)) == NULL)
			return -1;
		r = identity_read(w->reader, w->final, &w->id, w->name, e);
	}
	if (r > 0 && bundle_unread(w->id.first, w->id.first_n) != NULL)
		return err_set(e, ST_ASIDE, "%s: %s archives are not read: unpack it",
		    w->name, bundle_unread(w->id.first, w->id.first_n));
	w->id.inode = w->m->st.st_ino;
	if (r == 0 && reader_refused(w->reader))
		return err_set(e, ST_ASIDE, "%s: %s", w->name, reader_why(w->reader));
	if (r == 0 && w->m->st.st_size > 0 && w->settled) /* and it is compressed */
		return err_set(e, ST_ASIDE,
		    "%s: not %s data, or damaged at its beginning", w->name,
		    reader_cut(w->reader) ? pack_name(reader_pack(w->reader))
					  : kind_by_name(w->name));
	return r;
}

/* Look at every member before any is read: they are compared with each other. */
static int
look(struct sweep *s, struct family *f, struct met *all, struct err *e)
{
	bool mine = sweep_in_shard(s, f->shown), bundle;
	struct err why;

	for (size_t i = 0; i < f->members; i++) {
		struct met *w = &all[i];
		int r;

		w->m = &f->member[i];
		snprintf(w->name, sizeof w->name, "%s/%s", f->dir, w->m->name);
		sweep_stat(&w->m->st, w->stat);
		w->settled = !s->stateful || left_alone(s, w->m);
		w->final = is_final(s, f, i);
		if (is_older(s, w->m)) {
			w->empty = true;
			s->n.older += mine;
			continue;
		}
		if ((r = nothing_new(s, f, w)) > 0) {
			s->n.unchanged += mine && r == NOTHING;
			s->n.unreadable += mine && r == NOTHING_ALLOWED;
			if (mine && r == NOTHING_ALLOWED) {
				too_much(w, &why);
				s->warn(s->arg, &why);
			}
			continue;
		}
		if (r < 0)
			return err_set(e, ST_FAIL, "out of memory");
		r = read_beginning(s, f, i, w, &why);
		if (r > 0 && backfill_take(s, f, w->m, &w->id, &bundle, e) < 0)
			return -1;
		w->empty = r <= 0 || bundle || w->id.unfinished || !mine;
		if (r < 0 && mine) {
			s->n.unreadable++;
			s->warn(s->arg, &why);
		}
		s->n.waiting += r > 0 && !bundle && w->id.unfinished && mine;
	}
	return 0;
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
			note(s, all[i].name,
			    "so far the beginning of another file; it waits");
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

/* Of most files there is nothing new: they are not even opened. */
static bool
known_family(void *arg, const struct family *f)
{
	const struct sweep *s = arg;
	struct ledger_entry *hit[2];
	char text[96];

	if (s->tail.since != INT64_MIN)
		return false;
	for (size_t i = 0; i < f->members; i++) {
		const struct member *m = &f->member[i];

		sweep_stat(&m->st, text);
		if (is_older(s, m) ||
		    all_committed(s, m, text, is_final(s, f, i), hit) == 0)
			return false;
	}
	return true;
}

int
sweep_family(struct sweep *s, struct family *f, struct err *e)
{
	struct met *all;
	bool mine = sweep_in_shard(s, f->shown);
	int r = family_open(
	    f, &s->names, s->rotated, known_family, s, mine ? s->warn : NULL, s->arg, e);

	if (r < 0) {
		if (mine) {
			s->n.unreadable++;
			s->warn(s->arg, e);
		}
		return 0;
	}
	if (note_dir(&s->dirs->listed, f->dir) < 0 ||
	    (r == 0 && note_dir(&s->dirs->restless, f->dir) < 0) ||
	    (all = met_new(f->members)) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	if ((r = look(s, f, all, e)) == 0)
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
	struct tail_file t = { .name = name,
		.fd = fd,
		.id = &w.id,
		.format = s->format,
		.final = true,
		.stat = "" };
	int r;

	if ((w.reader = reader_new(fd, false, e)) == NULL)
		return -1;
	if ((r = identity_read(w.reader, true, &w.id, name, e)) > 0) {
		t.format = sweep_format(s, &w.id);
		t.reader = w.reader;
		s->n.files++;
		r = tail_read(&s->tail, &t, e);
	}
	reader_free(w.reader);
	return r;
}
