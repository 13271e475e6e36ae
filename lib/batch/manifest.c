#include "batch/manifest.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "batch/keytemplate.h"
#include "batch/partition.h"
#include "record/jsonw.h"
#include "record/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The sources, a key and a node: what the partition lets come together. */
enum { MANIFEST_MAX = MANIFEST_SOURCES_MAX + (1 << 20) };

size_t
manifest_source_room(const struct position *p)
{
	static const char form[] = "{\"file\":\"\",\"id\":\"\",\"from\":,\"to\":},";

	return sizeof form + strlen(p->file) + strlen(p->id) + 2 * (size_t)JSONW_U64_MAX;
}

static void
put_sources(const struct partition *p, struct buf *b)
{
	const char *comma = "";

	buf_addc(b, '[');
	for (size_t i = 0; i < p->now.sources; i++) {
		const struct source_range *s = &p->source[i];

		buf_adds(b, comma);
		buf_adds(b, "{\"file\":\"");
		buf_adds(b, s->p->file);
		buf_adds(b, "\",\"id\":\"");
		buf_adds(b, s->p->id);
		buf_printf(
		    b, "\",\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}", s->from, s->to);
		comma = ",";
	}
	buf_addc(b, ']');
}

void
manifest_time(struct buf *b, const char *name, bool timed, int64_t ns)
{
	char text[TIMESTAMP_MAX];

	if (timed)
		timestamp_format(ns, text);
	buf_printf(
	    b, timed ? ",\"%s\":\"%s\"" : ",\"%s\":%s", name, timed ? text : "null");
}

static void
make_key(const struct partitions *ps, const struct partition *p, const char *id,
    struct buf *key)
{
	const struct object *o = &p->now;
	struct key_values v = { .hour = p->slot.hour,
		.offset_s = p->slot.offset_s,
		.fields = keyfields_text(&ps->fields, p->slot.group),
		.id = id,
		.timed = o->timed,
		.first_ns = o->first_ns,
		.last_ns = o->last_ns,
		.seq = p->seq };

	if (p->errors)
		buf_adds(key, KEY_ERRORS);
	keytemplate_key(ps->template, &v, key);
}

static void
make_id(const struct partitions *ps, const struct partition *p, const char *sha,
    struct buf *sources, char id[17])
{
	struct buf all;

	buf_init(&all, 2 * MANIFEST_MAX);
	make_key(ps, p, "", &all);
	buf_printf(&all, "\n%s\n", sha);
	/* equal records that name no source make equal objects: they are of other places */
	if (p->seq > 0)
		buf_printf(&all, "%u\n", p->seq);
	if (p->slot.offset_s != 0)
		buf_printf(&all, "%d\n", p->slot.offset_s);
	buf_add(&all, sources->p, sources->n);
	hex64(hash64(all.p ? all.p : "", all.n), id);
	sources->failed |= all.failed;
	buf_done(&all);
}

int
manifest_make(
    const struct partitions *ps, struct partition *p, struct batch *b, struct err *e)
{
	struct buf m, sources, key;
	uint8_t digest[32];
	char sha[65], id[17];

	buf_init(&m, MANIFEST_MAX);
	buf_init(&sources, MANIFEST_MAX);
	buf_init(&key, 64 << 10);
	sha256_end(p->sha, digest);
	hex_of(digest, sizeof digest, sha);
	put_sources(p, &sources);
	make_id(ps, p, sha, &sources, id);
	snprintf(b->name, sizeof b->name, "%s.ndjson.gz", id);
	make_key(ps, p, id, &key);

	buf_adds(&m, "{\"key\":");
	jsonw_string(&m, key.p ? key.p : "", key.n);
	buf_printf(&m,
	    ",\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"raw_bytes\":%" PRIu64,
	    p->now.records, p->bytes, p->now.raw_bytes);
	buf_printf(&m, ",\"sha256\":\"%s\"", sha);
	manifest_time(&m, "first_time", p->now.timed, p->now.first_ns);
	manifest_time(&m, "last_time", p->now.timed, p->now.last_ns);
	if (p->now.untimed > 0)
		buf_printf(&m, ",\"untimed\":%" PRIu64, p->now.untimed);
	if (p->now.gaps > 0)
		buf_printf(&m, ",\"gaps\":%" PRIu64, p->now.gaps);
	buf_adds(&m, ",\"node\":");
	jsonw_string(&m, ps->template->node, strlen(ps->template->node));
	buf_adds(&m, ",\"sources\":");
	buf_add(&m, sources.p, sources.n);
	buf_addc(&m, '}');

	b->slot = p->slot;
	b->bytes = p->bytes;
	b->records = p->now.records;
	m.failed |= sources.failed;
	b->key = buf_take(&key);
	b->manifest = buf_take(&m);
	buf_done(&m);
	buf_done(&key);
	buf_done(&sources);
	if (b->key != NULL && b->manifest != NULL)
		return 0;
	free(b->key);
	free(b->manifest);
	return err_set(
	    e, ST_FAIL, "manifest: over %d bytes, or out of memory", MANIFEST_MAX);
}
