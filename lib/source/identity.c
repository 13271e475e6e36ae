#include "source/identity.h"
#include "base/err.h"
#include "base/hash.h"
#include "ledger/ledger.h"
#include "source/decompress.h"

#include <stdio.h>
#include <stdlib.h>

/* Where the NULs end that the file begins with; 0 if there is nothing else.  0, or -1. */
static int
find_hole(struct reader *r, uint64_t *hole, const char *name, struct err *e)
{
	char block[16384];
	ssize_t n;

	*hole = reader_past_hole(r, 0);
	for (;;) {
		if (reader_seek(r, *hole, name, e) < 0 ||
		    (n = reader_read(r, block, sizeof block, name, e)) < 0)
			return -1;
		for (ssize_t i = 0; i < n; i++)
			if (block[i] != '\0') {
				*hole += (uint64_t)i;
				return 0;
			}
		if (n == 0) {
			*hole = 0;
			return 0;
		}
		*hole = reader_past_hole(r, *hole + (uint64_t)n);
	}
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
	if (id->first_n > 0 && id->first[0] == '\0' && !reader_is_stream(r) &&
	    (find_hole(r, &id->hole, name, e) < 0 ||
		reader_seek(r, id->hole, name, e) < 0 || read_first(r, id, name, e) < 0))
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

int
identity_window(struct identity *id, struct reader *r, uint64_t at, uint64_t *sum,
    const char *name, struct err *e)
{
	size_t want = at < sizeof id->window ? (size_t)at : sizeof id->window, got = 0;
	ssize_t n;
	int there = reader_seek(r, at - want, name, e);

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

/* Every stream's window of the file that `n` belongs to. */
static int
fits(const struct ledger *l, const struct ledger_entry *n, struct identity *id,
    struct reader *r, const char *name, struct err *e)
{
	struct str part = file_part(n->id);
	const struct ledger_entry *m;
	uint64_t sum, checked = 0;
	size_t at = 0;
	int there;

	while ((m = ledger_like(l, str_of(id->hash), &at)) != NULL) {
		if (!str_eq(file_part(m->id), part) || m->at == 0 || m->at == checked)
			continue;
		if ((there = identity_window(id, r, m->at, &sum, name, e)) < 0)
			return -1;
		if (there == 0 || sum != m->sum)
			return 0;
		checked = m->at;
	}
	return 1;
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

int
identity_match(struct identity *id, const struct ledger *l, struct reader *r, bool raw,
    struct str file, const char *name, struct err *e)
{
	const struct ledger_entry *n, *best = NULL;

	for (int like = raw ? 2 : 0; like >= 0 && best == NULL; like--) {
		size_t at = 0;
		int fit;

		while ((n = ledger_like(l, str_of(id->hash), &at)) != NULL) {
			if (n->seen || hint(n, id, raw, file) != like ||
			    !better(n, best, file))
				continue;
			if ((fit = fits(l, n, id, r, name, e)) < 0)
				return -1;
			if (fit > 0)
				best = n;
		}
	}
	if (best == NULL) {
		new_id(id, l);
		return 0;
	}
	snprintf(id->id, sizeof id->id, "%.*s", (int)file_part(best->id).n, best->id);
	return 1;
}
