#include "kube/objects.h"
#include "base/err.h"
#include "record/jscan.h"
#include "record/kernels.h"

enum { TOP, ITEM };

void
objects_init(struct objects *o)
{
	*o = (struct objects){ 0 };
	buf_init(&o->text[TOP], OBJECTS_ITEM_MAX);
	buf_init(&o->text[ITEM], OBJECTS_ITEM_MAX);
}

void
objects_done(struct objects *o)
{
	buf_done(&o->text[TOP]);
	buf_done(&o->text[ITEM]);
}

static int
not_json(const struct objects *o, const char *why, struct err *e)
{
	return err_set(e, ST_FAIL, "not the JSON of Kubernetes objects: byte %llu: %s",
	    (unsigned long long)o->at, why);
}

/* The text of TOP or ITEM is whole: check it and give it out. */
static int
give(struct objects *o, int which, struct err *e)
{
	struct buf *b = &o->text[which];
	struct str text = { b->p, b->n };
	struct jscan_bad bad;
	int r;

	if (b->failed) {
		o->too_large++;
		/* without its end nobody knows whether the list goes on */
		if (which == TOP && o->list)
			return not_json(
			    o, "a list with more around its items than fits", e);
		buf_clear(b);
		return 0;
	}
	if (!jscan_valid(text, &bad))
		return not_json(o, bad.why, e);
	o->given++;
	r = which == ITEM ? o->item(o->user, text, e)
			  : o->whole(o->user, text, o->list, e);
	buf_clear(b);
	return r;
}

/* A bracket, comma, colon or other byte outside of strings.  Sets *which to where it goes:
 * TOP, ITEM or -1 for nowhere. */
static int
one_byte(struct objects *o, char c, int *which, struct err *e)
{
	bool items_follow = o->at_items;

	*which = o->in_items ? (o->depth > 2 ? ITEM : -1) : TOP;
	switch (c) {
	case '{':
	case '[':
		if (o->depth == 0 && c == '[')
			return not_json(o, "an array, not an object", e);
		if (o->in_items && o->depth == 2) {
			if (c == '[')
				return not_json(o, "an item that is no object", e);
			*which = ITEM;
		}
		o->at_items = false;
		o->in_items |= items_follow && c == '[';
		o->list |= o->in_items;
		o->want_key = o->depth++ == 0;
		return 0;
	case '}':
	case ']':
		o->depth--;
		o->want_key = false;
		if (o->in_items && o->depth == 1) {
			o->in_items = false;
			*which = TOP;
		}
		return 0;
	case ',':
		o->want_key = o->depth == 1;
		return 0;
	case ':':
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return 0;
	case '"':
		if (o->in_items && o->depth == 2)
			return not_json(o, "an item that is no object", e);
		o->in_string = true;
		o->is_key = o->want_key && o->depth == 1;
		o->want_key = o->at_items = false;
		return 0;
	default:
		if (o->in_items && o->depth == 2)
			return not_json(o, "an item that is no object", e);
		o->at_items = false;
		return 0;
	}
}

/* The rest of a string; the end of what was taken. */
static const char *
string_bytes(struct objects *o, const char *p, const char *end)
{
	const char *q;

	if (o->escaped) {
		o->escaped = false;
		return p + 1;
	}
	if ((q = kern.quote(p, end)) == end)
		return end;
	o->escaped = *q == '\\';
	o->in_string = o->escaped;
	return q + 1;
}

static void
key_ends(struct objects *o)
{
	const struct buf *b = &o->text[TOP];

	o->is_key = false;
	if (!b->failed && b->n > o->key_at)
		o->at_items = jscan_key_is(
		    (struct str){ b->p + o->key_at, b->n - o->key_at - 1 }, STR("items"));
}

static int
in_object(struct objects *o, const char **at, const char *end, struct err *e)
{
	const char *p = *at;
	int which;

	if (o->in_string) {
		*at = string_bytes(o, p, end);
		buf_add(&o->text[o->in_items ? ITEM : TOP], p, (size_t)(*at - p));
		if (!o->in_string && o->is_key)
			key_ends(o);
		return 0;
	}
	*at = p + 1;
	if (one_byte(o, *p, &which, e) < 0)
		return -1;
	if (which >= 0)
		buf_addc(&o->text[which], *p);
	if (o->in_string && o->is_key)
		o->key_at = o->text[TOP].n;
	if ((*p == '}' || *p == ']') && o->depth == 2 && o->in_items)
		return give(o, ITEM, e);
	return o->depth == 0 ? give(o, TOP, e) : 0;
}

int
objects_feed(struct objects *o, const char *p, size_t n, struct err *e)
{
	const char *end = p + n, *from;

	while (p < end) {
		from = p;
		if (o->depth > 0) {
			if (in_object(o, &p, end, e) < 0)
				return -1;
		} else if (*p == '{') {
			o->list = o->in_items = o->at_items = false;
			buf_clear(&o->text[TOP]);
			buf_addc(&o->text[TOP], *p++);
			o->depth = 1;
			o->want_key = true;
		} else if (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n') {
			p++;
		} else {
			return not_json(o,
			    *p == '<' ? "'<': HTML or XML; is this the right server?"
				      : "not the beginning of an object",
			    e);
		}
		o->at += (uint64_t)(p - from);
	}
	return 0;
}

int
objects_end(struct objects *o, struct err *e)
{
	if (o->depth > 0)
		return err_set(e, ST_FAIL,
		    "cut off after %llu bytes, in the middle of an object",
		    (unsigned long long)o->at);
	return 0;
}
