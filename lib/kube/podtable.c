#include "kube/podtable.h"
#include "base/siphash.h"
#include "kube/pod.h"
#include "record/jscan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Kinds of keys; a slot holds a hash of kind and key, and what it finds is compared. */
enum key { BY_UID = 'u', BY_HASH = 'h', BY_ID = 'c', BY_NAME = 'n', BY_NAMESPACE = 's' };

struct slot {
	uint32_t hash, entry; /* entry: its number and one; 0: free */
};

struct podtable {
	pthread_mutex_t mutex;
	struct siphash_key secret;
	_Atomic uint64_t changes;
	struct podtable_entry *entry;
	size_t n, cap, bytes;
	struct slot *slot;
	size_t slots, used; /* slots: a power of two */
};

struct podtable *
podtable_new(void)
{
	struct podtable *t = calloc(1, sizeof *t);

	if (t != NULL &&
	    (!siphash_new_key(&t->secret) || pthread_mutex_init(&t->mutex, NULL) != 0)) {
		free(t);
		return NULL;
	}
	return t;
}

void
podtable_free(struct podtable *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		free((void *)(uintptr_t)t->entry[i].line.p);
	free(t->entry);
	free(t->slot);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

void
podtable_lock(struct podtable *t)
{
	pthread_mutex_lock(&t->mutex);
}

void
podtable_unlock(struct podtable *t)
{
	pthread_mutex_unlock(&t->mutex);
}

uint64_t
podtable_changes(const struct podtable *t)
{
	return atomic_load_explicit(
	    &((struct podtable *)(uintptr_t)t)->changes, memory_order_acquire);
}

/* Names are chosen by whoever makes pods. */
static uint32_t
key_hash(const struct podtable *t, enum key kind, struct str a, struct str b)
{
	uint64_t h = siphash(&t->secret, kind, a.p, a.n);

	return (uint32_t)(b.n > 0 ? siphash(&t->secret, h, b.p, b.n) : h);
}

static bool
has_container(struct str line, struct str id)
{
	struct jscan it;
	struct str one, all = pod_member(line, "containers");

	if (all.n == 0)
		return false;
	jscan_items(&it, all);
	while (jscan_item(&it, &one))
		if (str_eq(pod_text(one, "id"), id) || str_eq(pod_text(one, "last"), id))
			return true;
	return false;
}

static bool
fits(const struct podtable_entry *en, enum key kind, struct str a, struct str b)
{
	switch (kind) {
	case BY_UID:
		return en->pod && str_eq(pod_text(en->line, "uid"), a);
	case BY_HASH:
		return en->pod && str_eq(pod_text(en->line, "hash"), a);
	case BY_ID:
		return en->pod && has_container(en->line, a);
	case BY_NAME:
		return en->pod && str_eq(pod_text(en->line, "namespace"), a) &&
		       str_eq(pod_text(en->line, "name"), b);
	case BY_NAMESPACE:
		return !en->pod && str_eq(pod_text(en->line, "namespace"), a);
	}
	return false;
}

/* Of two that fit: the pod made later, of equal ones the one seen later. */
static bool
is_better(const struct podtable_entry *a, const struct podtable_entry *b)
{
	struct str x = pod_text(a->line, "created"), y = pod_text(b->line, "created");
	int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	/* RFC 3339 in UTC without fractions, as API servers write it: text compares */
	if (c == 0 && x.n != y.n)
		return x.n > y.n; /* one that does not say when */
	return c != 0 ? c > 0 : a->seen_s > b->seen_s;
}

static struct podtable_entry *
find(struct podtable *t, enum key kind, struct str a, struct str b)
{
	uint32_t hash = key_hash(t, kind, a, b);
	struct podtable_entry *best = NULL;

	if (t->slots == 0 || a.n == 0)
		return NULL;
	for (size_t i = hash & (t->slots - 1); t->slot[i].entry != 0;
	     i = (i + 1) & (t->slots - 1)) {
		struct podtable_entry *en = &t->entry[t->slot[i].entry - 1];

		if (t->slot[i].hash == hash && en != best && fits(en, kind, a, b) &&
		    (best == NULL || is_better(en, best)))
			best = en;
	}
	return best;
}

static void
insert(struct podtable *t, uint32_t hash, size_t entry)
{
	size_t i = hash & (t->slots - 1);

	while (t->slot[i].entry != 0) {
		if (t->slot[i].hash == hash && t->slot[i].entry == entry + 1)
			return;
		i = (i + 1) & (t->slots - 1);
	}
	t->slot[i] = (struct slot){ hash, (uint32_t)entry + 1 };
	t->used++;
}

static void
insert_text(struct podtable *t, enum key kind, struct str s, size_t entry)
{
	if (s.n > 0)
		insert(t, key_hash(t, kind, s, STR("")), entry);
}

/* Keys that an older line had and this one has not stay behind; fits() sees to them. */
static void
insert_keys(struct podtable *t, size_t entry)
{
	struct podtable_entry *en = &t->entry[entry];
	struct str one, all = pod_member(en->line, "containers"),
			namespace = pod_text(en->line, "namespace");
	struct jscan it;

	if (!en->pod) {
		insert_text(t, BY_NAMESPACE, namespace, entry);
		return;
	}
	insert_text(t, BY_UID, pod_text(en->line, "uid"), entry);
	insert_text(t, BY_HASH, pod_text(en->line, "hash"), entry);
	insert(t, key_hash(t, BY_NAME, namespace, pod_text(en->line, "name")), entry);
	if (all.n == 0)
		return;
	jscan_items(&it, all);
	while (jscan_item(&it, &one)) {
		insert_text(t, BY_ID, pod_text(one, "id"), entry);
		insert_text(t, BY_ID, pod_text(one, "last"), entry);
	}
}

enum { KEYS_MAX = 3 + 2 * POD_CONTAINERS_MAX };

/* Room for the keys of one more. */
static int
have_slots(struct podtable *t)
{
	struct slot *old = t->slot;
	size_t want = t->slots > 0 ? t->slots : 4096;

	if (t->slots > 0 && t->used + KEYS_MAX < t->slots / 4 * 3)
		return 0;
	/* most of what is used may be left behind by older lines */
	while (want < (t->n + 64) * 6)
		want *= 2;
	if (want == t->slots && t->used + KEYS_MAX >= want / 2)
		want *= 2;
	if ((t->slot = calloc(want, sizeof *t->slot)) == NULL) {
		t->slot = old;
		return -1;
	}
	free(old);
	t->slots = want;
	t->used = 0;
	for (size_t i = 0; i < t->n; i++)
		insert_keys(t, i);
	return 0;
}

static int
have_entry(struct podtable *t)
{
	size_t cap = t->cap > 0 ? 2 * t->cap : 128;
	struct podtable_entry *p;

	if (t->n == PODTABLE_MAX)
		return -1;
	if (t->n < t->cap)
		return 0;
	if ((p = realloc(t->entry, cap * sizeof *p)) == NULL)
		return -1;
	t->entry = p;
	t->cap = cap;
	return 0;
}

static void
count_change(struct podtable *t)
{
	atomic_fetch_add_explicit(&t->changes, 1, memory_order_release);
}

int
podtable_put(struct podtable *t, struct str line, int64_t seen_s, bool fresh)
{
	bool pod = pod_member(line, "uid").n > 0;
	struct podtable_entry *en = find(t, pod ? BY_UID : BY_NAMESPACE,
	    pod_text(line, pod ? "uid" : "namespace"), STR(""));
	char *copy;

	if (en != NULL && (seen_s < en->seen_s || (en->fresh && !fresh)))
		return 0;
	if (en != NULL && str_eq(en->line, line)) {
		en->seen_s = seen_s;
		en->fresh |= fresh;
		return 0;
	}
	if (t->bytes + line.n > PODTABLE_BYTES || have_slots(t) < 0 ||
	    (en == NULL && have_entry(t) < 0) || (copy = malloc(line.n)) == NULL)
		return -1;
	if (en == NULL) {
		en = &t->entry[t->n++];
	} else {
		t->bytes -= en->line.n;
		free((void *)(uintptr_t)en->line.p);
	}
	memcpy(copy, line.p, line.n);
	t->bytes += line.n;
	en->line.p = copy;
	en->line.n = line.n;
	en->seen_s = seen_s;
	en->pod = pod;
	en->fresh = fresh;
	insert_keys(t, (size_t)(en - t->entry));
	count_change(t);
	en->change = podtable_changes(t);
	return 0;
}

void
podtable_gone(struct podtable *t, struct str uid)
{
	struct podtable_entry *en = find(t, BY_UID, uid, STR(""));

	if (en != NULL)
		en->fresh = false;
}

void
podtable_unlist(struct podtable *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->entry[i].fresh = false;
}

void
podtable_age(struct podtable *t, int64_t now_s, int64_t oldest_s)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct podtable_entry *en = &t->entry[i];

		if (en->fresh)
			en->seen_s = now_s;
		if (en->seen_s < oldest_s) {
			t->bytes -= en->line.n;
			free((void *)(uintptr_t)en->line.p);
		} else {
			t->entry[kept++] = *en;
		}
	}
	if (kept == t->n)
		return;
	t->n = kept;
	t->used = 0;
	memset(t->slot, 0, t->slots * sizeof *t->slot);
	for (size_t i = 0; i < t->n; i++)
		insert_keys(t, i);
	count_change(t);
}

const struct podtable_entry *
podtable_uid(struct podtable *t, struct str uid)
{
	struct podtable_entry *en = find(t, BY_UID, uid, STR(""));

	return en != NULL ? en : find(t, BY_HASH, uid, STR(""));
}

const struct podtable_entry *
podtable_container(struct podtable *t, struct str id)
{
	return find(t, BY_ID, id, STR(""));
}

const struct podtable_entry *
podtable_name(struct podtable *t, struct str namespace, struct str name)
{
	return find(t, BY_NAME, namespace, name);
}

const struct podtable_entry *
podtable_namespace(struct podtable *t, struct str namespace)
{
	return find(t, BY_NAMESPACE, namespace, STR(""));
}

size_t
podtable_count(const struct podtable *t)
{
	return t->n;
}

const struct podtable_entry *
podtable_at(const struct podtable *t, size_t i)
{
	return &t->entry[i];
}
