/* mlsource.h - what multi-line joining knows of each file and stream, by id.
 *
 * Sources are looked up once a record, so a program keeps a pointer to the one of the record
 * before: it stays readable until mlsources_done, but may have been forgotten and be another's
 * by then, which mlsource_is() tells.  Beyond MLSOURCES_MAX those without an open group are
 * forgotten.
 */
#ifndef MLSOURCE_H
#define MLSOURCE_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct mlgroup;

enum {
	MLSOURCES_MAX = 65536,
	MLSOURCE_ID =
	    256, /* bytes; there is no source of a longer id, nor of an empty one */
};

struct mlsource {
	char id[MLSOURCE_ID];
	size_t id_n;     /* 0: forgotten */
	uint64_t before; /* `end` of what was written last: where an open group begins */
	bool positions;  /* it has `_src`; else the id is the value of `stream` */
	bool known;      /* `before` is */
	bool marked;     /* marks come for it */
	struct mlgroup *group;
	struct mlsource *next; /* forgotten ones */
};

struct mlsources {
	struct mlsource **slot; /* by id */
	size_t n, cap;
	struct mlsource *idle; /* to be used again */
};

/* Zeros are an empty table. */
void mlsources_done(struct mlsources *t);

/* Find or make; NULL: out of memory, or there can be none of that id. */
struct mlsource *mlsources_get(struct mlsources *t, struct str id, bool positions);

/* It has no group. */
void mlsources_forget(struct mlsources *t, struct mlsource *gone);

static inline bool
mlsource_is(const struct mlsource *s, struct str id, bool positions)
{
	return s->positions == positions && s->id_n > 0 &&
	       str_eq((struct str){ s->id, s->id_n }, id);
}
#endif
