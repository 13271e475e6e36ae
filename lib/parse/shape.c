#include "parse/shape.h"
#include "base/err.h"
#include "parse/decode.h"
#include "parse/define.h"
#include "parse/keys.h"
#include "parse/parser.h"
#include "parse/timeformat.h"
#include "record/jscan.h"
#include "record/timestamp.h"
#include "record/zone.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
	NUMBER_MAX = 400, /* digits of a number; longer ones stay text */
	ROOM_MAX = 64 << 20,
};

static const char *const type_names[] = { "string", "integer", "float", "bool", "hex",
	NULL };

struct shape {
	const struct define *def;
	struct typed {
		struct str key;
		enum define_type type;
	} typed[DEFINE_TYPES_MAX];
	size_t types;
	struct timeformat *time[DEFINE_TIMES_MAX];
	struct zone *zone;
	struct str time_key;
	struct buf room; /* values that had to be written anew */
	struct decode_keys keys;
};

/* Numbers and such. */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* [+-]digits, without the + and leading zeros; n = 0: it is none. */
static struct str
typed_integer(struct str s, char *to)
{
	const char *p = s.p, *end = s.p + s.n, *digits;
	bool minus = s.n > 0 && *p == '-';

	if (s.n > 0 && (*p == '-' || *p == '+'))
		p++;
	for (digits = p; p < end && is_digit(*p); p++)
		;
	if (p < end || p == digits)
		return (struct str){ 0 };
	while (end - digits > 1 && *digits == '0')
		digits++;
	/* 9223372036854775807, and one more below zero */
	if (end - digits > 19 ||
	    (end - digits == 19 &&
		memcmp(digits, minus ? "9223372036854775808" : "9223372036854775807",
		    19) > 0))
		return (struct str){ 0 };
	if (digits == s.p || (minus && digits == s.p + 1))
		return s;
	to[0] = '-';
	memcpy(to + minus, digits, (size_t)(end - digits));
	return (struct str){ to, (size_t)(end - digits) + minus };
}

/* [+-]digits[.digits][e[+-]digits], as JSON has it; one side of the point may be empty. */
static struct str
typed_float(struct str s, char *to)
{
	char *o = to, *end_of;
	const char *p = s.p, *end = s.p + s.n;
	bool some = false, nonzero = false;
	double v;

	if (s.n > NUMBER_MAX)
		return (struct str){ 0 };
	if (p < end && (*p == '-' || *p == '+')) {
		if (*p++ == '-')
			*o++ = '-';
	}
	while (end - p > 1 && *p == '0' && is_digit(p[1]))
		p++;
	if (p == end || !is_digit(*p))
		*o++ = '0';
	for (; p < end && is_digit(*p); some = true)
		nonzero |= *p != '0', *o++ = *p++;
	if (p < end && *p == '.') {
		*o++ = *p++;
		if (p == end || !is_digit(*p))
			*o++ = '0';
		for (; p < end && is_digit(*p); some = true)
			nonzero |= *p != '0', *o++ = *p++;
	}
	if (some && end - p > 1 && (*p == 'e' || *p == 'E')) {
		*o++ = *p++;
		if (*p == '+' || *p == '-')
			*o++ = *p++;
		some = p < end;
		while (p < end && is_digit(*p))
			*o++ = *p++;
	}
	*o = '\0';
	if (p < end || !some)
		return (struct str){ 0 };
	v = strtod(to, &end_of);
	if (end_of != o || isinf(v) || (v == 0 && nonzero))
		return (struct str){ 0 };
	return (struct str){ to, (size_t)(o - to) };
}

static struct str
typed_hex(struct str s, char *to)
{
	const char *p = s.p, *end = s.p + s.n;
	uint64_t v = 0;
	char text[24], *digit = text + sizeof text;

	if (s.n > 2 && p[0] == '0' && (p[1] | 0x20) == 'x')
		p += 2;
	if (p == end)
		return (struct str){ 0 };
	for (; p < end; p++) {
		unsigned d = is_digit(*p) ? (unsigned)(*p - '0')
			     : (*p | 0x20) >= 'a' && (*p | 0x20) <= 'f'
				 ? (unsigned)((*p | 0x20) - 'a' + 10)
				 : 16;

		if (d > 15 || v >> 60 != 0)
			return (struct str){ 0 };
		v = v << 4 | d;
	}
	do
		*--digit = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	p = text + sizeof text;
	return (
	    struct str){ memcpy(to, digit, (size_t)(p - digit)), (size_t)(p - digit) };
}

static struct str
typed_bool(struct str s)
{
	if (s.n == 4 && strncasecmp(s.p, "true", 4) == 0)
		return STR("true");
	if (s.n == 5 && strncasecmp(s.p, "false", 5) == 0)
		return STR("false");
	return (struct str){ 0 };
}

struct str
shape_typed(int type, struct str text, char *to)
{
	switch (type) {
	case TYPE_INTEGER:
		return typed_integer(text, to);
	case TYPE_FLOAT:
		return typed_float(text, to);
	case TYPE_HEX:
		return typed_hex(text, to);
	case TYPE_BOOL:
		return typed_bool(text);
	default:
		return (struct str){ 0 };
	}
}

static void
apply_types(struct shape *s, struct parsed *out)
{
	for (size_t i = 0; i < out->fields; i++) {
		struct parsed_field *f = &out->field[i];

		for (size_t k = 0; k < s->types && f->kind == FIELD_TEXT; k++) {
			struct str value;

			if (!str_eq(s->typed[k].key, f->name))
				continue;
			value = shape_typed(
			    s->typed[k].type, f->value, s->room.p + s->room.n);
			if (value.n > 0) {
				if (value.p == s->room.p + s->room.n)
					s->room.n += value.n + 1;
				f->value = value;
				f->kind = FIELD_JSON;
			}
			break;
		}
	}
}

/* Time. */

/* Digits that a time of nanoseconds has no room for. */
static bool
has_more_digits(struct str text)
{
	const char *p = memchr(text.p, '.', text.n), *end = text.p + text.n;
	size_t n = 0;

	if (p == NULL && (p = memchr(text.p, ',', text.n)) == NULL)
		return false;
	while (++p < end && is_digit(*p))
		if (++n > 9 && *p != '0')
			return true;
	return false;
}

/* `all`: the time says what the text said: no second 60, no text behind it.  false: `range`
 * if a format reads it as a time that int64 ns have no room for, `far` if as one outside of
 * the window. */
static bool
read_time(
    struct shape *s, struct str text, struct str runtime, struct parsed *out, bool *all)
{
	int64_t base = TIMEFORMAT_NO_BASE;
	struct time_reading got, best = { 0 };
	bool begins = false, range = false, far = false;

	if (!timestamp_parse(runtime, &base))
		base = TIMEFORMAT_NO_BASE;
	for (size_t i = 0; i < s->def->time_formats; i++) {
		if (!timeformat_read(s->time[i], text, base, &got)) {
			range |= got.why == TIME_RANGE;
			far |= got.why == TIME_FAR;
			continue;
		}
		if (got.used == text.n || !begins)
			best = got;
		begins = true;
		if (got.used == text.n)
			break;
	}
	/* epoch reads the beginning of 0001-01-01T00:00:00Z, which says another time */
	if (!begins || ((range || far) && best.used < text.n)) {
		out->range = range;
		out->far = far;
		return false;
	}
	*all = best.used == text.n && (best.flags & TIME_LEAP_SECOND) == 0;
	out->time_ns = best.ns;
	out->ambiguous = (best.flags & (TIME_AMBIGUOUS | TIME_GAP)) != 0;
	return true;
}

/* The text of a JSON value that may be a time: a string, or a number as it stands. */
static bool
time_text(struct str value, char room[TIMEFORMAT_TEXT_MAX], struct str *text)
{
	ptrdiff_t n;

	*text = value;
	if (value.n == 0 || (*value.p != '"' && *value.p != '-' && !is_digit(*value.p)))
		return false;
	if (*value.p != '"')
		return true;
	*text = (struct str){ value.p + 1, value.n - 2 };
	if (memchr(text->p, '\\', text->n) == NULL)
		return true;
	if (text->n > TIMEFORMAT_TEXT_MAX || (n = jscan_unescape(*text, room)) < 0)
		return false;
	*text = (struct str){ room, (size_t)n };
	return true;
}

static bool
is_time(const struct shape *s, const struct parsed_field *f)
{
	return f->kind == FIELD_MEMBER ? jscan_key_is(f->name, s->time_key)
				       : str_eq(f->name, s->time_key);
}

static void
time_of_fields(struct shape *s, const struct message *m, struct parsed *out)
{
	char room[TIMEFORMAT_TEXT_MAX];
	struct parsed_field *f = out->field, *end = f + out->fields;
	struct str text;
	bool all;

	while (f < end && !is_time(s, f))
		f++;
	if (f == end || str_eq(f->value, STR("-")))
		return;
	text = f->value;
	if ((f->kind != FIELD_TEXT && !time_text(f->value, room, &text)) ||
	    !read_time(s, text, m->time, out, &all)) {
		out->timed = TIME_UNREAD;
		return;
	}
	out->timed = TIME_READ;
	/* the text of an object goes with the message; that of others stays in it */
	if (s->def->time_keep ||
	    (f->kind == FIELD_MEMBER && (!all || has_more_digits(text))))
		return;
	memmove(f, f + 1, (size_t)(end - f - 1) * sizeof *f);
	out->fields--;
}

/* Take a member out of the object, which lies in the message's place. */
static void
cut_member(const struct message *m, struct parsed *out, const struct jscan_member *it)
{
	char *base = m->place + (out->object.p - m->place);
	size_t from = (size_t)(it->key.p - 1 - out->object.p);
	size_t to = (size_t)(it->value.p + it->value.n - out->object.p),
	       n = out->object.n;

	while (to < n && base[to] == ' ')
		to++;
	if (base[to] == ',') {
		for (to++; base[to] == ' ' || base[to] == '\t'; to++)
			;
	} else { /* the last: the comma before it goes */
		while (from > 1 && (base[from - 1] == ' ' || base[from - 1] == '\t'))
			from--;
		from -= base[from - 1] == ',';
	}
	memmove(base + from, base + to, n - to);
	out->object.n -= to - from;
}

static void
time_of_object(struct shape *s, const struct message *m, struct parsed *out)
{
	char room[TIMEFORMAT_TEXT_MAX];
	struct jscan_member it;
	struct str text;
	bool all;

	if (!jscan_find(out->object, s->time_key, &it))
		return;
	if (!time_text(it.value, room, &text) ||
	    !read_time(s, text, m->time, out, &all)) {
		out->timed = TIME_UNREAD;
		return;
	}
	out->timed = TIME_READ;
	if (!s->def->time_keep && all && !has_more_digits(text))
		cut_member(m, out, &it);
}

/* Room for all that may be written anew, so that it does not move. */
static bool
make_room(struct shape *s, const struct parsed *out)
{
	size_t each = 1 + 2 * s->def->decodes;
	size_t total = 64 + (out->object.n + PARSED_FIELDS_MAX * 64) * (each + 1);

	for (size_t i = 0; i < out->fields; i++)
		total += (out->field[i].value.n + 64) * each;
	buf_clear(&s->room);
	return buf_room(&s->room, total) != NULL;
}

/* An object's members as fields.  It lies where the record is about to be written, so they
 * are to be of a copy. */
static bool
explode(struct shape *s, struct parsed *out)
{
	struct str was = out->object;

	if (!make_room(s, out))
		return false;
	memcpy(s->room.p, was.p, was.n);
	out->object.p = s->room.p;
	if (decode_explode(out)) {
		s->room.n = was.n;
		return true;
	}
	out->object = was;
	return false;
}

void
shape_apply(struct shape *s, const struct message *m, struct parsed *out)
{
	bool object = out->object.n > 0, timed = s->def->time_formats > 0;

	if (object && (s->def->decodes == 0 || !explode(s, out))) {
		if (timed)
			time_of_object(s, m, out);
		return;
	}
	if (timed)
		time_of_fields(s, m, out);
	if (s->types + s->def->decodes == 0 || (!object && !make_room(s, out)))
		return;
	if (!object)
		apply_types(s, out);
	s->keys.keep = m->keep_twice;
	if (s->def->decodes > 0)
		decode_fields(s->def, &s->keys, &s->room, out);
}

/* "key:type key:type" */
static int
read_types(struct shape *s, struct err *e)
{
	const char *p = s->def->types, *colon, *end, *near;
	char name[32];

	for (; p != NULL && *(p += strspn(p, " \t,")) != '\0'; p = end) {
		struct typed *t = &s->typed[s->types];

		end = p + strcspn(p, " \t,");
		if ((colon = memrchr(p, ':', (size_t)(end - p))) == NULL || colon == p)
			return err_set(e, ST_USAGE, "types: %.*s: not KEY:TYPE",
			    (int)(end - p < 100 ? end - p : 100), p);
		if (s->types == DEFINE_TYPES_MAX)
			return err_set(e, ST_USAGE, "types: over %d", DEFINE_TYPES_MAX);
		snprintf(name, sizeof name, "%.*s", (int)(end - colon - 1), colon + 1);
		*t = (struct typed){ .key = { p, (size_t)(colon - p) },
			.type = TYPE_STRING };
		for (int i = 0; type_names[i] != NULL; i++)
			if (strcasecmp(name, type_names[i]) == 0)
				t->type = (enum define_type)i;
		if (strcasecmp(name, type_names[t->type]) != 0) {
			near = conf_nearest(name, type_names);
			return err_set(e, ST_USAGE,
			    near ? "types: %s: no such type; did you mean %s?"
				 : "types: %s: not string, integer, float, bool or hex",
			    name, near);
		}
		s->types++;
	}
	return 0;
}

static int
open_times(struct shape *s, const struct timeformat_options *times, struct err *e)
{
	const struct define *d = s->def;
	struct timeformat_options o = { 0 };
	char why[sizeof e->text];

	if (d->zone != NULL && (s->zone = zone_open(d->zone, e)) == NULL)
		return -1;
	if (times != NULL)
		o = *times;
	o.zone = s->zone;
	o.offset_s = d->offset_s;
	o.strict = !d->time_lax;
	for (size_t i = 0; i < d->time_formats; i++)
		if ((s->time[i] = timeformat_open(d->time_format[i], &o, e)) == NULL) {
			snprintf(why, sizeof why, "%s", e->text);
			return err_set(e, e->status,
			    e->status == ST_USAGE ? "time_format: %.400s" : "%.400s",
			    why);
		}
	return 0;
}

int
shape_open(const struct define *def, const struct timeformat_options *times,
    struct shape **shape, struct err *e)
{
	struct shape *s;

	*shape = NULL;
	if (def->types == NULL && def->time_formats == 0 && def->decodes == 0)
		return 0;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return err_set(e, ST_FAIL, "%s: out of memory", def->name);
	s->def = def;
	s->time_key = str_of(def->time_key != NULL ? def->time_key : "time");
	buf_init(&s->room, ROOM_MAX);
	if (read_types(s, e) < 0 || open_times(s, times, e) < 0) {
		shape_close(s);
		return -1;
	}
	*shape = s;
	return 0;
}

void
shape_close(struct shape *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < DEFINE_TIMES_MAX; i++)
		timeformat_close(s->time[i]);
	zone_close(s->zone);
	buf_done(&s->room);
	keys_free(s->keys.exact);
	free(s);
}
