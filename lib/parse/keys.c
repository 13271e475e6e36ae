#include "parse/keys.h"
#include "base/buf.h"
#include "base/siphash.h"
#include "record/jscan.h"

#include <stdint.h>
#include <stdlib.h>

enum { SLOTS = 2 * KEYS_MAX };

struct keys {
	struct siphash_key secret;
	uint32_t round;
	size_t n;
	struct buf plain;
	struct slot {
		uint64_t hash;
		uint32_t round, object;
		size_t length;
	} slot[SLOTS];
};

/* false: it is there already, or there are too many. */
static bool
take(struct keys *k, struct str raw, uint32_t object)
{
	struct slot *s;
	uint64_t h;
	ptrdiff_t n;

	if (memchr(raw.p, '\\', raw.n) != NULL) {
		buf_clear(&k->plain);
		if (buf_room(&k->plain, raw.n) == NULL ||
		    (n = jscan_unescape(raw, k->plain.p)) < 0)
			return false;
		raw = (struct str){ k->plain.p, (size_t)n };
	}
	h = siphash(&k->secret, object, raw.p, raw.n);
	for (size_t i = h % SLOTS;; i = (i + 1) % SLOTS) {
		s = &k->slot[i];
		if (s->round != k->round)
			break;
		if (s->hash == h && s->object == object && s->length == raw.n)
			return false;
	}
	*s = (struct slot){ h, k->round, object, raw.n };
	return ++k->n <= KEYS_MAX;
}

/* A key is a string with a colon behind it; each object has a number. */
static bool
all_differ(struct keys *k, struct str text)
{
	const char *p = text.p, *end = p + text.n, *close;
	uint32_t at[JSCAN_DEPTH + 1] = { 0 }, objects = 0;
	unsigned depth = 0;

	for (; p < end; p++)
		switch (*p) {
		case '{':
		case '[':
			at[depth < JSCAN_DEPTH ? ++depth : depth] = ++objects;
			break;
		case '}':
		case ']':
			depth -= depth > 0;
			break;
		case '"':
			if ((close = jscan_string_end(p + 1, end)) == NULL)
				return false;
			struct str raw = { p + 1, (size_t)(close - p - 1) };

			for (p = close + 1; p < end && (*p == ' ' || *p == '\t' ||
							   *p == '\n' || *p == '\r');
			     p++)
				;
			if (p < end && *p == ':' && !take(k, raw, at[depth]))
				return false;
			p--;
			break;
		default:
			break;
		}
	return true;
}

bool
keys_twice(struct keys **keys, struct str object)
{
	struct keys *k = *keys;

	if (k == NULL) {
		if ((k = calloc(1, sizeof *k)) == NULL || !siphash_new_key(&k->secret)) {
			free(k);
			return true;
		}
		*keys = k;
		buf_init(&k->plain, 32 << 20);
	}
	k->n = 0;
	if (++k->round == 0) {
		memset(k->slot, 0, sizeof k->slot);
		k->round = 1;
	}
	return !all_differ(k, object);
}

void
keys_free(struct keys *keys)
{
	if (keys == NULL)
		return;
	buf_done(&keys->plain);
	free(keys);
}
