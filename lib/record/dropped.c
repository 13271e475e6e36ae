#include "record/dropped.h"
#include "record/ndjson.h"
#include "record/record.h"

void
dropped_done(struct dropped *d)
{
	for (unsigned i = 0; i < DROPPED_MAX; i++)
		buf_done(&d->slot[i].src);
	*d = (struct dropped){ 0 };
}

static void
write_mark(struct str src, struct ndjson_out *o)
{
	NDJSON_LIT(o, "{\"_src\":");
	ndjson_add(o, src.p, src.n);
	NDJSON_LIT(o, "}\n");
}

static struct str
src_of(const struct dropped *d, unsigned i)
{
	return (struct str){ d->slot[i].src.p, d->slot[i].src.n };
}

static bool
has_id(const struct dropped *d, unsigned i, struct str id)
{
	return d->slot[i].src.n > 0 && d->slot[i].id_n == id.n &&
	       memcmp(d->slot[i].src.p + d->slot[i].id, id.p, id.n) == 0;
}

/* The slot of an id, or DROPPED_MAX. */
static unsigned
find(const struct dropped *d, struct str id)
{
	unsigned i = d->last;

	for (unsigned n = 0; n < DROPPED_MAX; n++, i = (i + 1) % DROPPED_MAX)
		if (has_id(d, i, id))
			return i;
	return DROPPED_MAX;
}

void
dropped_add(struct dropped *d, const struct record *r, struct ndjson_out *o)
{
	unsigned i = find(d, r->src.id);
	struct buf *b;
	const char *id;

	if (!r->has_src)
		return;
	if (i == DROPPED_MAX) {
		i = d->next;
		d->next = (i + 1) % DROPPED_MAX;
		if (d->slot[i].src.n > 0)
			write_mark(src_of(d, i), o);
		else
			d->used++;
	}
	b = &d->slot[i].src;
	b->max = RECORD_SRC_MAX;
	buf_clear(b);
	buf_addstr(b, r->src_raw);
	/* the reader's slice may lie in its own copy: look where ours has it */
	id = b->failed ? NULL : memmem(b->p, b->n, r->src.id.p, r->src.id.n);
	if (id == NULL || r->src.id.n == 0) {
		write_mark(r->src_raw, o);
		buf_clear(b);
		d->used--;
		return;
	}
	d->slot[i].id = (size_t)(id - b->p);
	d->slot[i].id_n = r->src.id.n;
	d->last = i;
}

void
dropped_passed(struct dropped *d, const struct record *r)
{
	unsigned i;

	if (d->used == 0 || !r->has_src || (i = find(d, r->src.id)) == DROPPED_MAX)
		return;
	buf_clear(&d->slot[i].src);
	d->used--;
}

void
dropped_flush(struct dropped *d, struct ndjson_out *o)
{
	for (unsigned i = 0; d->used > 0 && i < DROPPED_MAX; i++)
		if (d->slot[i].src.n > 0) {
			write_mark(src_of(d, i), o);
			buf_clear(&d->slot[i].src);
			d->used--;
		}
}
