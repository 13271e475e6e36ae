#include "parse/decode.h"
#include "base/buf.h"
#include "parse/define.h"
#include "parse/keys.h"
#include "parse/parser.h"
#include "parse/unquote.h"
#include "record/jscan.h"

/* Room that is there already: what is in it must not move. */
static char *
room_for(struct buf *room, size_t n)
{
	return room->cap > room->n + n ? room->p + room->n : NULL;
}

bool
decode_explode(struct parsed *out)
{
	struct jscan it;
	struct jscan_member m;
	size_t n = 0;

	jscan_begin(&it, out->object);
	while (jscan_next(&it, &m)) {
		if (n == PARSED_FIELDS_MAX)
			return false;
		out->field[n++] = (struct parsed_field){ m.key, m.value, FIELD_MEMBER };
	}
	out->fields = n;
	out->object = (struct str){ 0 };
	return true;
}

static bool
is_field(const struct parsed_field *f, const char *name)
{
	return f->kind == FIELD_MEMBER ? jscan_key_is(f->name, str_of(name))
				       : str_eq(f->name, str_of(name));
}

/* Is one of the fields called so?  `name` is the inside of a JSON string. */
static bool
taken(const struct parsed *out, struct str name)
{
	char text[1024];
	ptrdiff_t n;

	if (name.n > sizeof text || (n = jscan_unescape(name, text)) < 0)
		return true;
	for (size_t i = 0; i < out->fields; i++) {
		const struct parsed_field *f = &out->field[i];
		struct str plain = { text, (size_t)n };

		if (f->kind == FIELD_MEMBER ? jscan_key_is(f->name, plain)
					    : str_eq(f->name, plain))
			return true;
	}
	return false;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The object that `text` is, on one line; n = 0: it is none. */
static struct str
one_object(struct decode_keys *keys, char *p, size_t n)
{
	while (n > 0 && is_blank(*p))
		p++, n--;
	while (n > 0 && is_blank(p[n - 1]))
		n--;
	if (n < 2 || *p != '{' ||
	    !jscan_valid_keys((struct str){ p, n }, NULL, &keys->seen))
		return (struct str){ 0 };
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\n' || p[i] == '\r')
			p[i] = ' ';
	return (struct str){ p, n };
}

/* What a rule makes of a text; p = NULL: it fails. */
static struct str
decode(enum define_decoder how, struct decode_keys *keys, struct str text,
    struct buf *room, unsigned *twice)
{
	char *to = room_for(room, text.n + 1);
	struct str got;

	if (to == NULL)
		return (struct str){ 0 };
	if (how == DECODE_JSON) {
		memcpy(to, text.p, text.n);
		got = one_object(keys, to, text.n);
		if (got.n == 0)
			got = one_object(keys, to, unquote(to, text, UNQUOTE_PLAIN));
		if (got.n == 0)
			return (struct str){ 0 };
		if (keys->seen.maybe && !keys->keep && keys_twice(&keys->exact, got)) {
			++*twice;
			return (struct str){ 0 };
		}
	} else {
		got.p = to;
		got.n = unquote(
		    to, text, how == DECODE_ESCAPED ? UNQUOTE_PLAIN : UNQUOTE_MOST);
	}
	room->n += text.n + 1;
	return got;
}

/* The text of a field that is a string; false: it is something else. */
static bool
text_of(const struct parsed_field *f, struct buf *room, struct str *text)
{
	ptrdiff_t n;
	char *to;

	*text = f->value;
	if (f->kind == FIELD_TEXT)
		return true;
	if (f->value.n < 2 || *f->value.p != '"' ||
	    (to = room_for(room, f->value.n)) == NULL ||
	    (n = jscan_unescape((struct str){ f->value.p + 1, f->value.n - 2 }, to)) < 0)
		return false;
	room->n += (size_t)n;
	*text = (struct str){ to, (size_t)n };
	return true;
}

static void
add_members(struct parsed *out, struct str object)
{
	struct jscan it;
	struct jscan_member m;

	jscan_begin(&it, object);
	while (jscan_next(&it, &m))
		if (out->fields < PARSED_FIELDS_MAX && !taken(out, m.key))
			out->field[out->fields++] =
			    (struct parsed_field){ m.key, m.value, FIELD_MEMBER };
		else
			out->twice++;
}

/* A member's value becomes text, with its name as it was. */
static void
put_value(struct parsed_field *f, struct str value, bool object, struct buf *room)
{
	char *to;
	ptrdiff_t n;

	if (f->kind == FIELD_MEMBER && !object) {
		/* the name as text, so that the value may be */
		if ((to = room_for(room, f->name.n + 1)) == NULL ||
		    (n = jscan_unescape(f->name, to)) < 0)
			return;
		room->n += (size_t)n;
		f->name = (struct str){ to, (size_t)n };
		f->kind = FIELD_TEXT;
	} else if (f->kind == FIELD_TEXT) {
		f->kind = object ? FIELD_JSON : FIELD_TEXT;
	}
	f->value = value;
}

static void
decode_one(const struct define *def, struct decode_keys *keys, size_t which,
    struct buf *room, struct parsed *out)
{
	struct parsed_field *f = &out->field[which];
	struct str text, got, beside = { 0 };
	bool in_place = false, object = false;

	if (!text_of(f, room, &text))
		return;
	for (size_t i = 0; i < def->decodes; i++) {
		const struct define_decode *d = &def->decode[i];

		if (!is_field(f, d->field) || object ||
		    (!d->as && d->do_next && beside.n > 0))
			continue;
		got = decode(d->how, keys, text, room, &out->twice);
		if (got.p == NULL) {
			if (d->try_next)
				continue;
			break;
		}
		if (d->as) {
			text = got;
			in_place = true;
			object = d->how == DECODE_JSON;
		} else if (d->how == DECODE_JSON) {
			beside = got;
		}
		if (!d->do_next)
			break;
	}
	if (in_place)
		put_value(f, text, object, room);
	if (beside.n > 0)
		add_members(out, beside);
}

void
decode_fields(const struct define *def, struct decode_keys *keys, struct buf *room,
    struct parsed *out)
{
	size_t n = out->fields; /* not those that come of it */

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < def->decodes; k++)
			if (is_field(&out->field[i], def->decode[k].field)) {
				decode_one(def, keys, i, room, out);
				break;
			}
}
