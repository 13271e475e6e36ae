#include "parse/mlsource.h"

#include <stdlib.h>

static size_t
place(const struct mlsources *t, struct str id, bool positions)
{
	uint64_t h = 0xcbf29ce484222325 + positions;
	size_t i;

	for (size_t k = 0; k < id.n; k++)
		h = (h ^ (unsigned char)id.p[k]) * 0x100000001b3;
	for (i = (h ^ h >> 32) & (t->cap - 1); t->slot[i] != NULL;
	     i = (i + 1) & (t->cap - 1))
		if (mlsource_is(t->slot[i], id, positions))
			break;
	return i;
}

static size_t
place_of(const struct mlsources *t, const struct mlsource *s)
{
	return place(t, (struct str){ s->id, s->id_n }, s->positions);
}

void
mlsources_done(struct mlsources *t)
{
	struct mlsource *s;

	for (size_t i = 0; i < t->cap; i++)
		free(t->slot[i]);
	while ((s = t->idle) != NULL) {
		t->idle = s->next;
		free(s);
	}
	free(t->slot);
	*t = (struct mlsources){ 0 };
}

/* Out of the table, which has to close the hole. */
void
mlsources_forget(struct mlsources *t, struct mlsource *gone)
{
	size_t i = place_of(t, gone);
	struct mlsource *s;

	t->slot[i] = NULL;
	t->n--;
	gone->id_n = 0;
	gone->next = t->idle;
	t->idle = gone;
	for (i = (i + 1) & (t->cap - 1); (s = t->slot[i]) != NULL;
	     i = (i + 1) & (t->cap - 1)) {
		t->slot[i] = NULL;
		t->slot[place_of(t, s)] = s;
	}
}

static bool
grow(struct mlsources *t)
{
	struct mlsources bigger = *t;

	bigger.cap = t->cap > 0 ? 4 * t->cap : 256;
	if ((bigger.slot = calloc(bigger.cap, sizeof(struct mlsource *))) == NULL)
		return false;
	for (size_t i = 0; i < t->cap; i++)
		if (t->slot[i] != NULL)
			bigger.slot[place_of(&bigger, t->slot[i])] = t->slot[i];
	free(t->slot);
	*t = bigger;
	return true;
}

/* Where marks never come nothing else says that an id is done with. */
static void
forget_all_closed(struct mlsources *t)
{
	for (size_t i = 0; i < t->cap; i++)
		while (t->slot[i] != NULL && t->slot[i]->group == NULL)
			mlsources_forget(t, t->slot[i]); /* another may move here */
}

struct mlsource *
mlsources_get(struct mlsources *t, struct str id, bool positions)
{
	struct mlsource *s = t->cap > 0 ? t->slot[place(t, id, positions)] : NULL;

	if (s != NULL || id.n > MLSOURCE_ID || id.n == 0)
		return s;
	if (t->n >= MLSOURCES_MAX)
		forget_all_closed(t);
	if (2 * (t->n + 1) > t->cap && !grow(t))
		return NULL;
	if ((s = t->idle) != NULL)
		t->idle = s->next;
	else if ((s = malloc(sizeof *s)) == NULL)
		return NULL;
	memcpy(s->id, id.p, id.n);
	s->id_n = id.n;
	s->before = 0;
	s->positions = positions;
	s->known = s->marked = false;
	s->group = NULL;
	t->slot[place(t, id, positions)] = s;
	t->n++;
	return s;
}
