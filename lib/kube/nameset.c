#include "kube/nameset.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 64 }; /* a power of two */

struct nameset_slot {
	uint32_t hash, round, at, n;
};

void
nameset_init(struct nameset *s, const struct siphash_key *secret)
{
	*s = (struct nameset){ .secret = secret };
}

void
nameset_done(struct nameset *s)
{
	free(s->slot);
	nameset_init(s, s->secret);
}

void
nameset_begin(struct nameset *s)
{
	s->n = 0;
	if (++s->round == 0) {
		if (s->slot != NULL)
			memset(s->slot, 0, s->slots * sizeof *s->slot);
		s->round = 1;
	}
}

static struct nameset_slot *
free_slot(struct nameset *s, uint32_t hash)
{
	size_t i = hash & (s->slots - 1);

	while (s->slot[i].round == s->round)
		i = (i + 1) & (s->slots - 1);
	return &s->slot[i];
}

static int
have_room(struct nameset *s)
{
	struct nameset old = *s;

	if (s->n < s->slots / 2)
		return 0;
	s->slots = old.slots > 0 ? 2 * old.slots : SLOTS_FIRST;
	if ((s->slot = calloc(s->slots, sizeof *s->slot)) == NULL) {
		*s = old;
		return -1;
	}
	for (size_t i = 0; i < old.slots; i++)
		if (old.slot[i].round == s->round)
			*free_slot(s, old.slot[i].hash) = old.slot[i];
	free(old.slot);
	return 0;
}

int
nameset_add(struct nameset *s, const char *text, size_t at, size_t n)
{
	uint32_t hash = (uint32_t)siphash(s->secret, 0, text + at, n);
	const struct nameset_slot *t;

	if (s->round == 0)
		nameset_begin(s);
	if (have_room(s) < 0)
		return -1;
	for (size_t i = hash & (s->slots - 1);; i = (i + 1) & (s->slots - 1)) {
		t = &s->slot[i];
		if (t->round != s->round)
			break;
		if (t->hash == hash && t->n == n &&
		    memcmp(text + t->at, text + at, n) == 0)
			return 0;
	}
	*free_slot(s, hash) =
	    (struct nameset_slot){ hash, s->round, (uint32_t)at, (uint32_t)n };
	s->n++;
	return 1;
}
