#include "base/texts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = TEXTS_BLOCK / 8, SLOTS_LEAST = 256 };

static const char *
at(const struct texts *t, uint32_t ref)
{
	return t->block[ref >> 16] + (ref & 0xffff);
}

/* Where the text stands in the table, or would. */
static size_t
place(const struct texts *t, struct str text)
{
	size_t i = siphash(&t->key, 0, text.p, text.n) & (t->slots - 1);

	for (; t->slot[i] != 0; i = (i + 1) & (t->slots - 1)) {
		const char *p = at(t, t->slot[i]);

		/* a shorter one differs at its NUL, unless the text has one there */
		if (strncmp(p, text.p, text.n) == 0 && p[text.n] == '\0')
			break;
	}
	return i;
}

static bool
grow(struct texts *t)
{
	uint32_t *was = t->slot, *slot;
	size_t n = t->slots, slots = n ? 2 * n : SLOTS_LEAST;

	if (n == 0 && !siphash_new_key(&t->key))
		return false;
	if ((slot = calloc(slots, sizeof *slot)) == NULL)
		return false;
	t->slot = slot;
	t->slots = slots;
	for (size_t i = 0; i < n; i++)
		if (was[i] != 0)
			slot[place(t, str_of(at(t, was[i])))] = was[i];
	free(was);
	return true;
}

static char *
add_block(struct texts *t, size_t size)
{
	if (t->blocks == t->block_cap) {
		size_t cap = t->block_cap ? 2 * t->block_cap : 16;
		char **p = realloc(t->block, cap * sizeof *p);

		if (p == NULL)
			return NULL;
		t->block = p;
		t->block_cap = cap;
	}
	if (t->blocks == TEXTS_BLOCKS_MAX || (t->block[t->blocks] = malloc(size)) == NULL)
		return NULL;
	return t->block[t->blocks++];
}

/* Room for `n` bytes; large ones have a block of their own. */
static char *
room(struct texts *t, size_t n, uint32_t *ref)
{
	char *p;

	if (n > SMALL) {
		if ((p = add_block(t, n + 1)) == NULL)
			return NULL;
		*ref = (uint32_t)(t->blocks - 1) << 16 | 1;
		return p + 1;
	}
	if (t->used == 0 || TEXTS_BLOCK - t->used < n) {
		if (add_block(t, TEXTS_BLOCK) == NULL)
			return NULL;
		t->current = t->blocks - 1;
		t->used = 1; /* no text is at 0: that says "none" */
	}
	*ref = (uint32_t)t->current << 16 | (uint32_t)t->used;
	t->used += n;
	return t->block[t->current] + t->used - n;
}

const char *
texts_keep(struct texts *t, struct str text)
{
	uint32_t ref;
	size_t i;
	char *p;

	/* a NUL ends it, as it would for whoever reads it */
	text.n = strnlen(text.p, text.n);
	if (text.n == 0)
		return "";
	if (4 * (t->n + 1) > 3 * t->slots && !grow(t))
		return NULL;
	if (t->slot[i = place(t, text)] != 0)
		return at(t, t->slot[i]);
	if ((p = room(t, text.n + 1, &ref)) == NULL)
		return NULL;
	memcpy(p, text.p, text.n);
	p[text.n] = '\0';
	t->slot[i] = ref;
	t->n++;
	t->bytes += text.n + 1;
	return p;
}

void
texts_done(struct texts *t)
{
	for (size_t i = 0; i < t->blocks; i++)
		free(t->block[i]);
	free(t->block);
	free(t->slot);
	*t = (struct texts){ 0 };
}
