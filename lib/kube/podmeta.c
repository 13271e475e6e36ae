#include "kube/podmeta.h"
#include "base/buf.h"
#include "base/err.h"
#include "kube/podpath.h"
#include "record/jsonw.h"
#include "record/record.h"

#include <stdlib.h>

enum {
	BUCKETS = 2 * PODMETA_FILES, /* a power of two */
	RENDERED_MAX = 16 << 10,
};

struct entry {
	uint64_t hash;
	struct str file, ending; /* both in text */
	char text[];
};

struct podmeta {
	struct buf host; /* the node's name as a JSON string; n = 0: not known */
	struct buf work;
	size_t files, bytes;
	struct entry *bucket[BUCKETS];
};

struct podmeta *
podmeta_new(const char *node, struct err *e)
{
	struct podmeta *m = calloc(1, sizeof *m);

	if (m == NULL) {
		err_set(e, ST_FAIL, "pod metadata: out of memory");
		return NULL;
	}
	buf_init(&m->host, RENDERED_MAX / 2);
	buf_init(&m->work, RENDERED_MAX);
	if (node != NULL && node[0] != '\0')
		jsonw_string(&m->host, node, strlen(node));
	if (buf_check(&m->host, "the node's name", e) == 0)
		return m;
	podmeta_free(m);
	return NULL;
}

static void
empty(struct podmeta *m)
{
	for (size_t i = 0; i < BUCKETS; i++)
		free(m->bucket[i]);
	memset(m->bucket, 0, sizeof m->bucket);
	m->files = m->bytes = 0;
}

void
podmeta_free(struct podmeta *m)
{
	if (m == NULL)
		return;
	empty(m);
	buf_done(&m->host);
	buf_done(&m->work);
	free(m);
}

size_t
podmeta_files(const struct podmeta *m)
{
	return m->files;
}

/* Eight bytes a step, then mixed so that the low bits, which choose the bucket, hang on all. */
static uint64_t
hash_of(struct str s)
{
	const uint64_t odd = 0x9e3779b97f4a7c15;
	uint64_t h = s.n * odd, word;

	for (; s.n >= 8; s.p += 8, s.n -= 8) {
		memcpy(&word, s.p, 8);
		h = (h ^ word) * odd;
		h ^= h >> 29;
	}
	for (word = 0; s.n > 0; s.n--)
		word = word << 8 | (unsigned char)s.p[s.n - 1];
	h = (h ^ word) * odd;
	return h ^ h >> 32;
}

/* Names that podpath lets through hold nothing that JSON escapes. */
static void
add_member(struct buf *b, const char *key, const char *value)
{
	if (value[0] == '\0')
		return;
	buf_adds(b, b->p[b->n - 1] == '{' ? "\"" : ",\"");
	buf_adds(b, key);
	buf_adds(b, "\":\"");
	buf_adds(b, value);
	buf_addc(b, '"');
}

static void
render(struct podmeta *m, struct str file)
{
	struct podpath path;
	struct buf *b = &m->work;

	buf_clear(b);
	if (!podpath_parse(file, &path))
		return;
	buf_adds(b, ",\"kubernetes\":{");
	if (b->failed)
		return;
	add_member(b, "pod_name", path.pod);
	add_member(b, "namespace_name", path.namespace);
	add_member(b, "pod_id", path.uid);
	if (m->host.n > 0) {
		buf_adds(b, b->p[b->n - 1] == '{' ? "\"host\":" : ",\"host\":");
		buf_add(b, m->host.p, m->host.n);
	}
	add_member(b, "container_name", path.container);
	add_member(b, "docker_id", path.docker_id);
	buf_adds(b, "}}");
}

static struct entry *
entry_new(struct podmeta *m, struct str file, uint64_t hash)
{
	struct entry *en;

	render(m, file);
	if (m->work.failed || (en = malloc(sizeof *en + file.n + m->work.n)) == NULL)
		return NULL;
	memcpy(en->text, file.p, file.n);
	if (m->work.n > 0)
		memcpy(en->text + file.n, m->work.p, m->work.n);
	en->hash = hash;
	en->file = (struct str){ en->text, file.n };
	en->ending = (struct str){ en->text + file.n, m->work.n };
	m->files++;
	m->bytes += sizeof *en + file.n + m->work.n;
	return en;
}

static struct entry *
look_up(struct podmeta *m, struct record_reader *rr, struct str file)
{
	uint64_t hash = hash_of(file);
	size_t i;

	for (i = hash % BUCKETS; m->bucket[i] != NULL; i = (i + 1) % BUCKETS)
		if (m->bucket[i]->hash == hash && str_eq(m->bucket[i]->file, file))
			return m->bucket[i];
	if (m->files == PODMETA_FILES || m->bytes >= PODMETA_BYTES) {
		empty(m);
		for (unsigned s = 0; s < RECORD_SLOTS; s++)
			rr->slot[s].user = NULL;
		i = hash % BUCKETS;
	}
	return m->bucket[i] = entry_new(m, file, hash);
}

struct str
podmeta_of(struct podmeta *m, struct record_reader *rr, const struct record *r)
{
	const struct entry *en = NULL;

	if (!r->has_src || r->src.file.n > PODPATH_MAX)
		return STR("");
	if (r->slot < RECORD_SLOTS)
		en = rr->slot[r->slot].user;
	if (en == NULL) {
		if ((en = look_up(m, rr, r->src.file)) == NULL)
			return (struct str){ NULL, 0 };
		if (r->slot < RECORD_SLOTS)
			rr->slot[r->slot].user = (void *)(uintptr_t)en;
	}
	return en->ending;
}
