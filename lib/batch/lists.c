#include "batch/lists.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "batch/partition.h"
#include "record/jsonw.h"
#include "record/timestamp.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LIST_MAX = 256 << 20 };

/* A list in the making. */
struct list {
	struct partitions *ps;
	const struct positions *positions;
	const struct keytemplate *t;
	char commit[17];
	size_t part, parts, lines;
	struct buf raw, gz;
};

int
lists_template(struct keytemplate *t, const struct keytemplate *of, char text[],
    unsigned size, struct err *e)
{
	static const char name[] = "{node}-{id}.ndjson.gz";
	const char *p = of->text;
	struct buf b;
	int r = 0;

	buf_init(&b, size - 1);
	for (const char *slash; (slash = strchr(p, '/')) != NULL; p = slash + 1) {
		const char *brace = memchr(p, '{', (size_t)(slash - p));
		bool node = brace != NULL && strncmp(brace, "{node}", 6) == 0 &&
			    memchr(brace + 6, '{', (size_t)(slash - brace - 6)) == NULL;

		if (brace == NULL || node)
			buf_add(&b, p, (size_t)(slash - p) + 1);
	}
	buf_adds(&b, name);
	r = buf_check(&b, "--key", e);
	if (r == 0)
		memcpy(text, b.p, b.n + 1);
	if (r == 0 && (r = keytemplate_parse(t, text, of->node, e)) == 0) {
		struct key_values v = { .hour = -2559792, .id = "0123456789abcdef" };

		buf_clear(&b);
		keytemplate_key(t, &v, &b);
		if (b.failed || b.n + strlen(KEY_MANIFESTS) > KEY_MAX)
			r = err_set(
			    e, ST_USAGE, "--manifest: gives keys over %d bytes", KEY_MAX);
	}
	buf_done(&b);
	return r;
}

/* ---- the lines ---- */

static void
put_covered(const struct positions *positions, struct buf *b)
{
	const struct position *p;
	const char *comma = "";
	size_t at = 0;

	buf_adds(b, ",\"covered\":[");
	while ((p = positions_next(positions, &at)) != NULL) {
		uint64_t from = p->marked ? p->began : 0;

		if (!p->touched || p->now.end == from)
			continue;
		buf_printf(b,
		    "%s{\"file\":\"%s\",\"id\":\"%s\",\"from\":%" PRIu64
		    ",\"to\":%" PRIu64 "}",
		    comma, p->file, p->id, from, p->now.end);
		comma = ",";
	}
	buf_addc(b, ']');
}

static bool
covers_any(const struct positions *positions)
{
	const struct position *p;
	size_t at = 0;

	while ((p = positions_next(positions, &at)) != NULL)
		if (p->touched && p->now.end > (p->marked ? p->began : 0))
			return true;
	return false;
}

static void
put_close(struct list *l, const struct slot *slot, size_t objects, uint64_t records)
{
	const char *node = l->ps->template->node;
	char time[TIMESTAMP_MAX];

	timestamp_format((slot->hour * 3600 - slot->offset_s) * 1000000000, time);
	buf_printf(&l->raw,
	    "{\"commit\":\"%s\",\"part\":%zu,\"parts\":%zu,\"node\":", l->commit, l->part,
	    l->parts);
	jsonw_string(&l->raw, node, strlen(node));
	buf_printf(&l->raw, ",\"hour\":\"%s\",\"objects\":%zu,\"records\":%" PRIu64, time,
	    objects, records);
	if (l->part == l->parts)
		put_covered(l->positions, &l->raw);
	buf_adds(&l->raw, "}\n");
}

/* ---- the object ---- */

static int
compress(struct list *l, struct err *e)
{
	struct gzmember m;

	buf_clear(&l->gz);
	gzmember_begin(&m, &l->gz);
	for (size_t at = 0; at < l->raw.n; at += GZ_RUN) {
		size_t left = l->raw.n - at;

		if (gzmember_run(l->ps->gzip, &m, l->raw.p + at,
			left < GZ_RUN ? left : GZ_RUN, &l->gz, e) < 0)
			return -1;
	}
	gzmember_end(&m, &l->gz);
	return buf_check(&l->gz, "a list", e);
}

static int
write_body(const char *path, const struct buf *b, struct err *e)
{
	int fd = file_new(path, 0640), r;

	if (fd < 0)
		return err_sys(e, path);
	r = write_all(fd, b->p, b->n, path, e);
	if (r == 0 && io_fsync(fd) < 0)
		r = err_sys(e, path);
	if (close(fd) < 0 && r == 0)
		r = err_sys(e, path);
	return r;
}

static void
put_manifest(const struct list *l, const char *key, struct buf *b)
{
	const char *node = l->ps->template->node;
	uint8_t digest[32];
	char sha[65];

	sha256_of(l->gz.p, l->gz.n, digest);
	hex_of(digest, sizeof digest, sha);
	buf_adds(b, "{\"key\":");
	jsonw_string(b, key, strlen(key));
	buf_printf(b,
	    ",\"records\":%zu,\"bytes\":%zu,\"raw_bytes\":%zu,\"sha256\":\"%s\"",
	    l->lines, l->gz.n, l->raw.n, sha);
	buf_adds(b, ",\"first_time\":null,\"last_time\":null,\"node\":");
	jsonw_string(b, node, strlen(node));
	buf_adds(b, ",\"sources\":[]}");
}

/* What l->raw holds becomes a batch. */
static int
add_list(struct list *l, const struct slot *slot, struct err *e)
{
	struct batch b = { .slot = *slot, .records = l->lines };
	struct key_values v = { .hour = slot->hour, .offset_s = slot->offset_s };
	struct buf key, manifest;
	char path[PATH_MAX], id[17];

	if (buf_check(&l->raw, "a list", e) < 0 || compress(l, e) < 0)
		return -1;
	hex64(hash64(l->raw.p, l->raw.n), id);
	v.id = id;
	buf_init(&key, 64 << 10);
	buf_init(&manifest, 64 << 10);
	buf_adds(&key, KEY_MANIFESTS);
	keytemplate_key(l->t, &v, &key);
	put_manifest(l, key.p ? key.p : "", &manifest);
	snprintf(b.name, sizeof b.name, "%s.ndjson.gz", id);
	snprintf(path, sizeof path, "%s/list%zu.gz", l->ps->dir, l->part);
	b.bytes = l->gz.n;
	b.file = strdup(path);
	b.key = buf_take(&key);
	b.manifest = buf_take(&manifest);
	buf_done(&key);
	buf_done(&manifest);
	if (b.file == NULL || b.key == NULL || b.manifest == NULL ||
	    write_body(path, &l->gz, e) < 0) {
		if (b.file == NULL || b.key == NULL || b.manifest == NULL)
			err_set(e, ST_FAIL, "out of memory");
		free(b.file);
		free(b.key);
		free(b.manifest);
		return -1;
	}
	return partitions_add_batch(l->ps, &b, e);
}

/* ---- the commit ---- */

static const struct partitions *sorted_of; /* for by_hour; qsort(3) hands nothing on */

static int
by_hour(const void *a, const void *b)
{
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	const struct slot *s = &sorted_of->batch[i].slot, *t = &sorted_of->batch[j].slot;

	if (s->hour != t->hour)
		return s->hour > t->hour ? 1 : -1;
	if (s->offset_s != t->offset_s)
		return s->offset_s < t->offset_s ? 1 : -1;
	return (i > j) - (i < j);
}

static bool
same_hour(const struct partitions *ps, size_t i, size_t j)
{
	const struct slot *s = &ps->batch[i].slot, *t = &ps->batch[j].slot;

	return s->hour == t->hour && s->offset_s == t->offset_s;
}

static void
name_commit(struct list *l, const size_t order[], size_t n)
{
	struct buf all;

	buf_init(&all, LIST_MAX);
	buf_adds(&all, l->ps->template->node);
	for (size_t i = 0; i < n; i++) {
		buf_addc(&all, '\n');
		buf_adds(&all, l->ps->batch[order[i]].name);
		l->parts += i == 0 || !same_hour(l->ps, order[i], order[i - 1]);
	}
	put_covered(l->positions, &all);
	hex64(hash64(all.p != NULL ? all.p : "", all.n), l->commit);
	l->parts += n == 0;
	buf_done(&all);
}

static int
each_hour(struct list *l, const size_t order[], size_t n, struct err *e)
{
	struct slot slot = { 0, 0, 0 };
	size_t i = 0;

	do {
		size_t from = i;
		uint64_t records = 0;

		buf_clear(&l->raw);
		l->part++;
		for (; i < n && (i == from || same_hour(l->ps, order[i], order[from]));
		     i++) {
			const struct batch *b = &l->ps->batch[order[i]];

			slot = b->slot;
			records += b->records;
			buf_adds(&l->raw, b->manifest);
			buf_addc(&l->raw, '\n');
		}
		l->lines = i - from + 1;
		put_close(l, &slot, i - from, records);
		if (add_list(l, &slot, e) < 0)
			return -1;
	} while (i < n);
	return 0;
}

int
lists_make(struct partitions *ps, const struct positions *positions,
    const struct keytemplate *t, struct err *e)
{
	struct list l = { .ps = ps, .positions = positions, .t = t };
	size_t n = ps->batches, *order;
	int r;

	if (n == 0 && !covers_any(positions))
		return 0;
	if ((order = calloc(n + 1, sizeof *order)) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	sorted_of = ps;
	qsort(order, n, sizeof *order, by_hour);
	buf_init(&l.raw, LIST_MAX);
	buf_init(&l.gz, LIST_MAX);
	name_commit(&l, order, n);
	r = each_hour(&l, order, n, e);
	buf_done(&l.raw);
	buf_done(&l.gz);
	free(order);
	return r;
}
