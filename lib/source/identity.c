#include "source/identity.h"
#include "base/err.h"
#include "base/hash.h"
#include "ledger/ledger.h"
#include "source/decompress.h"

#include <stdio.h>
#include <stdlib.h>

/* The same in what is read once: step by step, so that the step in which they end is still
 * kept.  1; 0: there is nothing else; -1. */
static int
find_hole_forward(struct reader *r, uint64_t *hole, const char *name, struct err *e)
{
	char block[IDENTITY_FIRST];
	ssize_t n;

	if (reader_seek(r, 0, name, e) < 0)
		return -1;
	for (;;) {
		*hole = reader_offset(r);
		reader_keep(r);
		if ((n = reader_read(r, block, sizeof block, name, e)) <= 0)
			return (int)n;
		for (ssize_t i = 0; i < n; i++)
			if (block[i] != '\0') {
				*hole += (uint64_t)i;
				return 1;
			}
	}
}

int
identity_past_nuls(struct reader *r, uint64_t *hole, const char *name, struct err *e)
{
	char block[16384];
	ssize_t n;

	*hole = reader_past_hole(r, *hole);
	for (;;) {
		if (reader_seek(r, *hole, name, e) < 0 ||
		    (n = reader_read(r, block, sizeof block, name, e)) < 0)
			return -1;
		for (ssize_t i = 0; i < n; i++)
			if (block[i] != '\0') {
				*hole += (uint64_t)i;
				return 1;
			}
		if (n == 0)
			return 0;
		*hole = reader_past_hole(r, *hole + (uint64_t)n);
	}
}

/* Where the NULs end that the file begins with; 0 if there is nothing else.  0, or -1. */
static int
find_hole(struct reader *r, uint64_t *hole, const char *name, struct err *e)
{
	int more;

	*hole = 0;
	if ((more = identity_past_nuls(r, hole, name, e)) == 0)
		*hole = 0;
	return more < 0 ? -1 : 0;
}

/* Up to IDENTITY_FIRST bytes from where the reader is. */
static int
read_first(struct reader *r, struct identity *id, const char *name, struct err *e)
{
	ssize_t n = 1;

	for (id->first_n = 0; id->first_n < sizeof id->first && n > 0;
	     id->first_n += (size_t)n)
		if ((n = reader_read(r, id->first + id->first_n,
			 sizeof id->first - id->first_n, name, e)) < 0)
			return -1;
	return 0;
}

int
identity_read(
    struct reader *r, bool final, struct identity *id, const char *name, struct err *e)
{
	const char *lf;

	*id = (struct identity){ .first_n = 0 };
	if (reader_seek(r, 0, name, e) < 0 || read_first(r, id, name, e) < 0)
		return -1;
	if (id->first_n > 0 && id->first[0] == '\0' && reader_is_member(r)) {
		int more = find_hole_forward(r, &id->hole, name, e);

		if (more <= 0)
			return more;
		if (reader_seek(r, id->hole, name, e) < 0 ||
		    read_first(r, id, name, e) < 0)
			return -1;
	} else if (id->first_n > 0 && id->first[0] == '\0' && !reader_is_stream(r) &&
		   (find_hole(r, &id->hole, name, e) < 0 ||
		       reader_seek(r, id->hole, name, e) < 0 ||
		       read_first(r, id, name, e) < 0))
		return -1;
	if (id->first_n == 0)
		return 0;
	lf = memchr(id->first, '\n', id->first_n);
	id->line_n = lf != NULL ? (size_t)(lf - id->first) + 1 : id->first_n;
	id->unfinished = lf == NULL && !final &&
			 (id->first_n < sizeof id->first || id->first[0] == '\0');
	hex64(hash64(id->first, id->line_n), id->hash);
	return 1;
}

uint64_t
identity_sum(const char *p, size_t n)
{
	return hash64(p, n);
}

/* How much of the window [from, at) is there already, at its beginning: NULs that the file
 * begins with, or the end of the window before it; the reader is then where the rest is. */
static int
window_begun(struct identity *id, struct reader *r, uint64_t from, uint64_t at,
    size_t *got, const char *name, struct err *e)
{
	uint64_t kept = id->window_at - id->window_n;

	*got = 0;
	if (id->window_n > 0 && reader_offset(r) == id->window_at &&
	    id->window_at <= at && id->window_at > from && kept <= from) {
		*got = (size_t)(id->window_at - from);
		memmove(id->window, id->window + (from - kept), *got);
		return 1;
	}
	if (from < id->hole) {
		*got = (size_t)((id->hole < at ? id->hole : at) - from);
		memset(id->window, 0, *got);
	}
	return reader_seek(r, from + *got, name, e);
}

int
identity_window(struct identity *id, struct reader *r, uint64_t at, uint64_t *sum,
    const char *name, struct err *e)
{
	size_t want = at < sizeof id->window ? (size_t)at : sizeof id->window, got;
	ssize_t n;
	int there = window_begun(id, r, at - want, at, &got, name, e);

	id->window_n = 0;
	if (there <= 0)
		return there;
	while (got < want) {
		if ((n = reader_read(r, id->window + got, want - got, name, e)) < 0)
			return -1;
		if (n == 0)
			return 0;
		got += (size_t)n;
	}
	id->window_n = want;
	id->window_at = at;
	*sum = identity_sum(id->window, want);
	return 1;
}

/* The id without its stream. */
static struct str
file_part(const char *id)
{
	return (struct str){ id, strcspn(id, "/") };
}

/* The number of a file among those of its first line. */
static size_t
number(const char *id)
{
	return id[16] == '.' ? (size_t)strtoul(id + 17, NULL, 10) + 1 : 0;
}

/* The entries of one first line, in the ledger's order, and which of them may be of one file:
 * there can be very many, and each new file is held against all of them. */
struct chain {
	const struct ledger_entry **entry;
	size_t count, mask;
	uint32_t *head, *next; /* by number: its place + 1 */

	/* the window looked at last: that of many files that begin alike is at one offset */
	uint64_t at, sum;
	int there;
};

static int
chain_of(struct chain *c, const struct ledger *l, struct str hash, struct err *e)
{
	const struct ledger_entry *n;
	size_t at = 0, room = 1;

	*c = (struct chain){ .mask = 1 };
	while (ledger_like(l, hash, &at) != NULL)
		room++;
	while (c->mask < room)
		c->mask = 2 * c->mask + 1;
	c->entry = calloc(room, sizeof *c->entry + sizeof *c->next);
	c->head = calloc(c->mask + 1, sizeof *c->head);
	if (c->entry == NULL || c->head == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	c->next = (uint32_t *)(c->entry + room);
	for (at = 0; (n = ledger_like(l, hash, &at)) != NULL;) {
		uint32_t *head = &c->head[number(n->id) & c->mask];

		c->entry[c->count] = n;
		c->next[c->count] = *head;
		*head = (uint32_t)++c->count;
	}
	return 0;
}

static void
chain_done(struct chain *c)
{
	free(c->entry);
	free(c->head);
}

/* Has the file the window of this entry?  An entry of which nothing was read has none. */
static int
has_window(struct chain *c, const struct ledger_entry *n, struct identity *id,
    struct reader *r, const char *name, struct err *e)
{
	if (n->at == 0)
		return 1;
	if (n->at != c->at) {
		c->at = 0;
		if ((c->there = identity_window(id, r, n->at, &c->sum, name, e)) < 0)
			return -1;
		c->at = n->at;
	}
	return c->there > 0 && c->sum == n->sum;
}

/* Every stream's window of the file that `n` belongs to. */
static int
fits(struct chain *c, const struct ledger_entry *n, struct identity *id, struct reader *r,
    const char *name, struct err *e)
{
	struct str part = file_part(n->id);
	int has = has_window(c, n, id, r, name, e);

	for (uint32_t k = c->head[number(n->id) & c->mask]; has > 0 && k != 0;
	     k = c->next[k - 1]) {
		const struct ledger_entry *m = c->entry[k - 1];

		if (m->at != n->at && str_eq(file_part(m->id), part))
			has = has_window(c, m, id, r, name, e);
	}
	return has;
}

/* A number that no file of this first line has, in the ledger or in this run. */
static void
new_id(struct identity *id, const struct ledger *l)
{
	struct ledger_entry *n;
	long highest = -1, k;
	size_t at = 0;

	while ((n = ledger_like(l, str_of(id->hash), &at)) != NULL) {
		k = n->id[16] == '.' ? atol(n->id + 17) : 0;
		highest = k > highest ? k : highest;
	}
	if (highest < 0)
		snprintf(id->id, sizeof id->id, "%s", id->hash);
	else
		snprintf(id->id, sizeof id->id, "%s.%ld", id->hash, highest + 1);
}

/* How likely is it the entry of this file, before it is read?  Larger is better. */
static int
hint(const struct ledger_entry *n, const struct identity *id, bool raw, struct str file)
{
	const char *inode = strchr(n->stat, ':'); /* dev:ino:size:mtime */

	if (!raw)
		return 0;
	if (inode != NULL && id->inode != 0 && strtoull(inode + 1, NULL, 10) == id->inode)
		return 2;
	return str_eq(str_of(n->file), file);
}

/* Is `n` to be preferred to the one found so far? */
static bool
better(const struct ledger_entry *n, const struct ledger_entry *best, struct str file)
{
	if (best == NULL || n->end != best->end)
		return best == NULL || n->end > best->end;
	return str_eq(str_of(n->file), file) &&
	       !str_eq(file_part(best->id), file_part(n->id));
}

/* The best of those that a hint speaks for as much as `like` says.  0, or -1. */
static int
best_like(struct chain *c, int like, const struct ledger_entry **best,
    struct identity *id, struct reader *r, bool raw, struct str file, const char *name,
    struct err *e)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct ledger_entry *n = c->entry[i];
		int fit;

		if (n->seen || hint(n, id, raw, file) != like || !better(n, *best, file))
			continue;
		if ((fit = fits(c, n, id, r, name, e)) < 0)
			return -1;
		if (fit > 0)
			*best = n;
	}
	return 0;
}

int
identity_match(struct identity *id, const struct ledger *l, struct reader *r, bool raw,
    struct str file, const char *name, struct err *e)
{
	const struct ledger_entry *best = NULL;
	struct chain c;
	int ok = chain_of(&c, l, str_of(id->hash), e);

	for (int like = raw ? 2 : 0; like >= 0 && best == NULL && ok == 0; like--)
		ok = best_like(&c, like, &best, id, r, raw, file, name, e);
	chain_done(&c);
	if (ok < 0)
		return -1;
	if (best == NULL) {
		new_id(id, l);
		return 0;
	}
	snprintf(id->id, sizeof id->id, "%.*s", (int)file_part(best->id).n, best->id);
	return 1;
}

/* X and X.gz are one file, also of another compression. */
static bool
same_but_packed(struct str a, struct str b)
{
	static const char *const ends[] = { ".gz", ".zst", ".xz", ".bz2" };
	struct str longer = a.n > b.n ? a : b, shorter = a.n > b.n ? b : a;

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (longer.n == shorter.n + strlen(ends[i]) &&
		    str_starts(longer, shorter) && str_ends(longer, str_of(ends[i])))
			return true;
	return false;
}

/* An entry whose window is still to be looked at. */
struct candidate {
	const struct ledger_entry *n;
	size_t file; /* its number, then from 0 on: the streams of one have the same */
	bool fits;
	int hint;
};

static int
by_file(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return (x->file > y->file) - (x->file < y->file);
}

static int
by_at(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return (x->n->at > y->n->at) - (x->n->at < y->n->at);
}

/* The only stream of its file. */
static bool
raw_id(const struct ledger_entry *n)
{
	return strchr(n->id, '/') == NULL;
}

/* Tell which are of one file, and order them by the offsets of their windows. */
static void
sort_candidates(struct candidate *c, size_t count)
{
	size_t file = 0, number = 0;

	qsort(c, count, sizeof *c, by_file);
	for (size_t i = 0; i < count; i++) {
		file += i > 0 && c[i].file != number;
		number = c[i].file;
		c[i].file = file;
	}
	qsort(c, count, sizeof *c, by_at);
}

/* The entries that the file may be.  Their number, or -1; *pending: one of them is a file
 * of this run that is not read yet. */
static long
candidates(const struct identity *id, const struct ledger *l, bool raw, struct str file,
    struct str other, struct candidate **list, bool *pending, size_t *met, struct err *e)
{
	struct ledger_entry *n;
	size_t at = 0, cap = 0, count = 0;

	*list = NULL;
	*pending = false;
	*met = 0;
	while ((n = ledger_like(l, str_of(id->hash), &at)) != NULL) {
		bool twin = raw && (same_but_packed(str_of(n->file), file) ||
				       str_eq(str_of(n->file), other));
		struct candidate *p = *list;

		++*met;
		if (raw && n->seen && !twin)
			continue;
		*pending |= n->seen && n->path != NULL && *n->path == '\0';
		if (count == cap) {
			cap = cap ? 2 * cap : 8;
			if ((p = realloc(*list, cap * sizeof *p)) == NULL) {
				free(*list);
				return err_set(e, ST_FAIL, "out of memory");
			}
			*list = p;
		}
		p[count++] = (struct candidate){ .n = n,
			.file = number(n->id),
			.hint = raw && (twin || str_eq(str_of(n->file), file)) };
	}
	if (count > 0)
		sort_candidates(*list, count);
	return (long)count;
}

/* The first and the last byte of the file come by once: look at each window on the way.
 * *ended: the file is shorter than some.  out[]: files of which a stream has not the right bytes,
 * so that this is none of them. */
static int
look_at(struct candidate *c, size_t count, bool out[], struct identity *id,
    struct reader *r, bool *ended, const char *name, struct err *e)
{
	uint64_t sum = 0, at = 0;
	int there = 1;
	size_t hinted = 0;
	bool sure = false;

	for (size_t i = 0; i < count; i++)
		hinted += c[i].hint > 0;

	for (size_t i = 0; i < count; i++) {
		if (out[c[i].file])
			continue;
		if (c[i].n->at != at && there > 0) {
			at = c[i].n->at;
			if ((there = identity_window(id, r, at, &sum, name, e)) < 0)
				return -1;
		}
		*ended |= there == 0;
		c[i].fits = at == 0 || (there > 0 && sum == c[i].n->sum);
		out[c[i].file] |= !c[i].fits && !raw_id(c[i].n);
		hinted -= c[i].hint > 0;
		sure |= c[i].fits && c[i].hint;
		if (sure && hinted == 0)
			return 0;
	}
	return 0;
}

static int
best_on_the_way(struct candidate *c, size_t count, struct identity *id, struct reader *r,
    struct str file, const struct candidate **best, bool *ended, const char *name,
    struct err *e)
{
	bool *out = calloc(count, sizeof *out);

	if (out == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	if (look_at(c, count, out, id, r, ended, name, e) < 0) {
		free(out);
		return -1;
	}
	for (size_t i = 0; i < count; i++)
		if (c[i].fits && !out[c[i].file] &&
		    (*best == NULL || c[i].hint > (*best)->hint ||
			(c[i].hint == (*best)->hint && better(c[i].n, (*best)->n, file))))
			*best = &c[i];
	free(out);
	return 0;
}

enum identity_found
identity_match_forward(struct identity *id, const struct ledger *l, struct reader *r,
    bool raw, struct str file, struct str twin, const char *name, struct err *e)
{
	struct candidate *c;
	const struct candidate *best = NULL;
	bool pending, ended = false;
	size_t met;
	long count = candidates(id, l, raw, file, twin, &c, &pending, &met, e);

	if (count < 0)
		return IDENTITY_FAILED;
	if (pending) {
		free(c);
		return IDENTITY_PENDING;
	}
	if (c != NULL &&
	    best_on_the_way(c, (size_t)count, id, r, file, &best, &ended, name, e) < 0) {
		free(c);
		return IDENTITY_FAILED;
	}
	if (best != NULL)
		snprintf(id->id, sizeof id->id, "%.*s", (int)file_part(best->n->id).n,
		    best->n->id);
	else if ((raw || !ended) && met < IDENTITY_LIKE_MAX)
		new_id(id, l);
	free(c);
	if (best == NULL && (raw || !ended) && met >= IDENTITY_LIKE_MAX)
		return err_set(e, ST_ASIDE, "more than %d files begin alike; not read",
			   IDENTITY_LIKE_MAX),
		       IDENTITY_FAILED;
	return best != NULL    ? IDENTITY_KNOWN
	       : raw || !ended ? IDENTITY_NEW
			       : IDENTITY_STUB;
}
