#include "batch/keytemplate.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "record/jscan.h"
#include "record/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY_S = 86400, HASH_TAIL = 17 /* "~" and 16 digits */ };

/* ---- values ---- */

/* Letters, digits and what RFC 3986 leaves alone; all else as %XX.  A value of dots alone
 * would be a step in a path. */
static void
put_encoded(struct buf *b, const char *p, size_t n)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
	bool dots = true;

	for (size_t i = 0; i < n; i++)
		dots &= p[i] == '.';
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\0' && strchr(plain, p[i]) != NULL && !dots)
			buf_addc(b, p[i]);
		else
			buf_printf(b, "%%%02X", (unsigned char)p[i]);
	}
}

/* What was put from `at` on becomes at most `max` bytes, the last of them a hash of all. */
static void
cut_long(struct buf *b, size_t at, size_t max)
{
	size_t keep = max - HASH_TAIL;
	char hash[17];

	if (b->failed || b->n - at <= max)
		return;
	hex64(hash64(b->p + at, b->n - at), hash);
	for (size_t i = 1; i <= 2; i++)
		if (b->p[at + keep - i] == '%') {
			keep -= i; /* not through a %XX */
			break;
		}
	b->n = at + keep;
	buf_addc(b, '~');
	buf_adds(b, hash);
}

/* The text of a raw value; objects, arrays and null have none. */
static struct str
text_of(struct str raw, struct buf *room)
{
	ptrdiff_t n;
	char *to;

	if (raw.n == 0 || *raw.p == '{' || *raw.p == '[' || str_eq(raw, STR("null")))
		return STR("");
	if (*raw.p != '"' || raw.n < 2)
		return raw;
	raw = (struct str){ raw.p + 1, raw.n - 2 };
	if (memchr(raw.p, '\\', raw.n) == NULL)
		return raw;
	if ((to = buf_room(room, raw.n)) == NULL || (n = jscan_unescape(raw, to)) < 0)
		return raw; /* as it stands: the record was not checked */
	return (struct str){ to, (size_t)n };
}

/* Only so much of a value is looked at; the cut is far behind what a key can hold. */
enum { VALUE_LOOK = 64 << 10 };

void
keytemplate_value(const struct keytemplate *t, struct str raw, struct buf *b)
{
	size_t at = b->n;
	struct buf room;
	struct str text;

	if (raw.n > VALUE_LOOK)
		raw.n = VALUE_LOOK, raw = *raw.p == '"' ? raw : STR("");
	buf_init(&room, VALUE_LOOK + 64);
	text = text_of(raw, &room);
	if (text.n == 0) {
		buf_adds(b, KEY_NONE);
	} else if (str_eq(text, STR(KEY_NONE)) || str_eq(text, STR(KEY_HIVE_NULL))) {
		/* one that really is called so is not one that is missing */
		buf_printf(b, "%%%02X", (unsigned char)*text.p);
		put_encoded(b, text.p + 1, text.n - 1);
	} else {
		put_encoded(b, text.p, text.n);
	}
	cut_long(b, at, t->value_max);
	buf_done(&room);
}

/* ---- times ---- */

/* ISO 8601 weeks: the year and week that the Thursday of the day's week is in. */
static void
put_week(struct buf *b, char code, int64_t day)
{
	int64_t thursday = day - ((day + 3) % 7 + 7) % 7 + 3;
	int y, m, d;

	timestamp_civil(thursday, &y, &m, &d);
	if (code == 'G')
		buf_printf(b, "%04d", y);
	else
		buf_printf(b, "%02d", (int)((thursday - timestamp_day(y, 1, 1)) / 7 + 1));
}

static void
put_offset(struct buf *b, int32_t offset_s)
{
	int32_t a = offset_s < 0 ? -offset_s : offset_s;

	buf_printf(b, "%c%02d%02d", offset_s < 0 ? '-' : '+', a / 3600, a / 60 % 60);
}

static void
put_time(struct buf *b, char code, const struct key_values *v)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t day = v->hour >= 0 ? v->hour / 24 : -((-v->hour + 23) / 24);
	int y, m, d;

	timestamp_civil(day, &y, &m, &d);
	switch (code) {
	case 'Y':
		buf_printf(b, "%04d", y);
		break;
	case 'y':
		buf_printf(b, "%02d", (y % 100 + 100) % 100);
		break;
	case 'm':
		buf_printf(b, "%02d", m);
		break;
	case 'b':
		buf_printf(b, "%.3s", months + 3 * (m - 1));
		break;
	case 'd':
		buf_printf(b, "%02d", d);
		break;
	case 'F':
		buf_printf(b, "%04d-%02d-%02d", y, m, d);
		break;
	case 'H':
		buf_printf(b, "%02d", (int)(v->hour - day * 24));
		break;
	case 'j':
		buf_printf(b, "%03d", (int)(day - timestamp_day(y, 1, 1) + 1));
		break;
	case 'u':
		buf_printf(b, "%d", (int)((day + 3) % 7 + 7) % 7 + 1);
		break;
	case 'G':
	case 'V':
		put_week(b, code, day);
		break;
	case 's':
		buf_printf(b, "%" PRId64, v->hour * 3600 - v->offset_s);
		break;
	case 'z':
		put_offset(b, v->offset_s);
		break;
	default:
		buf_addc(b, code);
	}
}

static const char codes[] = "YymbdFHjuGVsz%";

/* "20261122T130000Z". */
static void
put_instant(struct buf *b, bool timed, int64_t ns)
{
	char text[TIMESTAMP_MAX];

	if (!timed) {
		buf_adds(b, KEY_UNTIMED);
		return;
	}
	timestamp_format(ns, text);
	for (size_t i = 0; i < 19; i++)
		if (text[i] != '-' && text[i] != ':')
			buf_addc(b, text[i]);
	buf_addc(b, 'Z');
}

/* ---- keys ---- */

static const char *
field_value(const struct key_values *v, unsigned which)
{
	const char *p = v->fields;

	if (p == NULL)
		return KEY_NONE;
	while (which-- > 0)
		p += strlen(p) + 1;
	return p;
}

static void
put_field(const struct key_part *part, const char *value, struct buf *b)
{
	bool begins = b->n == 0 || b->p[b->n - 1] == '/';

	if (part->alone && strcmp(value, KEY_NONE) == 0) {
		buf_adds(b, KEY_HIVE_NULL);
	} else if (begins && (*value == '_' || *value == '.')) {
		buf_printf(b, "%%%02X", (unsigned char)*value);
		buf_adds(b, value + 1);
	} else {
		buf_adds(b, value);
	}
}

/* Do the fields that stand between the same two '/' need more than there is?  The first may be
 * written with %XX. */
static bool
is_tight(
    const struct keytemplate *t, const struct key_part *part, const struct key_values *v)
{
	size_t need = 2;

	for (size_t i = 0; i < t->parts; i++) {
		const struct key_part *p = &t->part[i];

		if (p->kind == KEY_FIELD && p->level == part->level)
			need += strlen(field_value(v, p->field));
	}
	return need > part->room;
}

static void
put_share(const struct keytemplate *t, const struct key_part *part,
    const struct key_values *v, struct buf *b)
{
	size_t at = b->n;

	put_field(part, field_value(v, part->field), b);
	if (is_tight(t, part, v))
		cut_long(b, at, part->room / part->uses);
}

void
keytemplate_key(const struct keytemplate *t, const struct key_values *v, struct buf *key)
{
	for (size_t i = 0; i < t->parts; i++) {
		const struct key_part *p = &t->part[i];

		switch (p->kind) {
		case KEY_TEXT:
			buf_addstr(key, p->text);
			break;
		case KEY_TIME:
			put_time(key, p->code, v);
			break;
		case KEY_NODE:
			put_encoded(key, t->node, strlen(t->node));
			break;
		case KEY_ID:
			buf_adds(key, v->id);
			break;
		case KEY_FIRST:
			put_instant(key, v->timed, v->first_ns);
			break;
		case KEY_LAST:
			put_instant(key, v->timed, v->last_ns);
			break;
		case KEY_SEQ:
			buf_printf(key, "%04u", v->seq);
			break;
		case KEY_FIELD:
			put_share(t, p, v, key);
			break;
		}
	}
}

/* ---- templates ---- */

static struct key_part *
add_part(struct keytemplate *t, enum key_kind kind, const char *p, size_t n)
{
	struct key_part *part;

	if (t->parts == KEY_PARTS_MAX)
		return NULL;
	part = &t->part[t->parts++];
	*part = (struct key_part){ .kind = kind, .text = { p, n }, .room = KEY_MAX };
	return part;
}

static int
too_many(struct err *e)
{
	return err_set(e, ST_USAGE,
	    "--key: more than %d codes and names, or %d fields, in a template",
	    KEY_PARTS_MAX / 2, KEY_FIELDS_MAX);
}

/* Where a field is named: letters, digits and what else stands in names of members, but none
 * of what a template is made of. */
static bool
is_field(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '{' || name.p[i] == '%' || name.p[i] == '$')
			return false;
	return name.n > 0 && name.p[0] != '.' && name.p[name.n - 1] != '.' &&
	       memmem(name.p, name.n, "..", 2) == NULL;
}

static int
add_name(struct keytemplate *t, const char *p, const char *close, struct err *e)
{
	static const struct {
		struct str name;
		enum key_kind kind;
	} known[] = { { { "node", 4 }, KEY_NODE }, { { "id", 2 }, KEY_ID },
		{ { "first", 5 }, KEY_FIRST }, { { "last", 4 }, KEY_LAST },
		{ { "seq", 3 }, KEY_SEQ } };
	struct str name = { p + 1, (size_t)(close - p - 1) };
	size_t n = (size_t)(close + 1 - p), i = 0;
	struct key_part *part;

	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (str_eq(name, known[i].name))
			return add_part(t, known[i].kind, p, n) != NULL ? 0 : too_many(e);
	if (!is_field(name))
		return err_set(e, ST_USAGE,
		    "--key: byte %td: {%.*s}: in braces stand node, id, first, last, "
		    "seq, or "
		    "a field such as kubernetes.namespace_name",
		    p - t->text, (int)(name.n < 100 ? name.n : 100), name.p);
	for (i = 0; i < t->fields && !str_eq(t->field[i], name); i++)
		;
	if (i == KEY_FIELDS_MAX || (part = add_part(t, KEY_FIELD, p, n)) == NULL)
		return too_many(e);
	part->field = (unsigned)i;
	if (i == t->fields)
		t->field[t->fields++] = name;
	return 0;
}

static int
add_code(struct keytemplate *t, const char *p, struct err *e)
{
	struct key_part *part;

	if (p[1] != '\0' && strchr("MSLfTRXc", p[1]) != NULL)
		return err_set(e, ST_USAGE,
		    "--key: %%%c at byte %td: finer than the hour that an object is of; "
		    "{first} "
		    "and {last} tell the times of its records",
		    p[1], p - t->text);
	if (p[1] == '{')
		return err_set(e, ST_USAGE,
		    "--key: byte %td: %%{...} is Fluentd's; see key-template(5) for what "
		    "says the same here",
		    p - t->text);
	if (p[1] == '\0' || strchr(codes, p[1]) == NULL)
		return err_set(e, ST_USAGE,
		    "--key: %%%c at byte %td: not one of %%Y %%y %%m %%b %%d %%F %%H %%j "
		    "%%u "
		    "%%G %%V %%s %%z %%%%",
		    p[1] ? p[1] : ' ', p - t->text);
	if ((part = add_part(t, KEY_TIME, p, 2)) == NULL)
		return too_many(e);
	part->code = p[1];
	return 0;
}

static int
take_apart(struct keytemplate *t, struct err *e)
{
	const char *p = t->text, *close;

	while (*p != '\0') {
		size_t n = strcspn(p, "%{}");

		if (n > 0 && add_part(t, KEY_TEXT, p, n) == NULL)
			return too_many(e);
		p += n;
		if (*p == '%') {
			if (add_code(t, p, e) < 0)
				return -1;
			p += 2;
		} else if (*p == '{') {
			if ((close = strchr(p, '}')) == NULL)
				return err_set(e, ST_USAGE,
				    "--key: byte %td: a brace that is not closed",
				    p - t->text);
			if (add_name(t, p, close, e) < 0)
				return -1;
			p = close + 1;
		} else if (*p == '}') {
			return err_set(e, ST_USAGE,
			    "--key: byte %td: a brace that was not opened", p - t->text);
		}
	}
	return 0;
}

/* A field between "NAME=" and the end of its part. */
static void
find_alone(struct keytemplate *t)
{
	for (size_t i = 0; i < t->parts; i++) {
		struct key_part *p = &t->part[i];
		const struct key_part *before = i > 0 ? p - 1 : NULL,
				      *after = i + 1 < t->parts ? p + 1 : NULL;

		p->alone =
		    p->kind == KEY_FIELD && before != NULL && before->kind == KEY_TEXT &&
		    str_ends(before->text, STR("=")) &&
		    (after == NULL || (after->kind == KEY_TEXT && *after->text.p == '/'));
	}
}

static int
check_text(const char *t, struct err *e)
{
	static const char *const foreign[] = { "$TAG", "$UUID", "$INDEX" };

	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (strstr(t, foreign[i]) != NULL)
			return err_set(e, ST_USAGE,
			    "--key: %s is Fluent Bit's; see key-template(5) for what "
			    "says "
			    "the same here",
			    foreign[i]);
	for (const char *p = t; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '"' || *p == '\\')
			return err_set(e, ST_USAGE,
			    "--key: a control byte, quote or backslash at byte %td",
			    p - t);
	for (const char *p = t, *end = t + strlen(t); p < end; p += jscan_utf8(p, end))
		if (jscan_utf8(p, end) == 0)
			return err_set(
			    e, ST_USAGE, "--key: not UTF-8 at byte %td", p - t);
	if (strncmp(t, KEY_ERRORS, strlen(KEY_ERRORS)) == 0 ||
	    strncmp(t, KEY_MANIFESTS, strlen(KEY_MANIFESTS)) == 0)
		return err_set(e, ST_USAGE, "--key: %.*s is logbatch's own",
		    (int)strcspn(t, "/"), t);
	return 0;
}

/* In which part of the key each field is. */
static void
find_levels(struct keytemplate *t)
{
	size_t level = 0;

	for (size_t i = 0; i < t->parts; i++) {
		struct key_part *p = &t->part[i];

		p->level = level;
		for (size_t k = 0; p->kind == KEY_TEXT && k < p->text.n; k++)
			level += p->text.p[k] == '/';
	}
}

/* A part of `n` bytes, in which each field has one. */
static int
check_part(struct keytemplate *t, size_t level, size_t n, struct err *e)
{
	size_t uses = 0, room;

	for (size_t i = 0; i < t->parts; i++)
		uses += t->part[i].kind == KEY_FIELD && t->part[i].level == level;
	room = n - uses < KEY_PART_MAX ? KEY_PART_MAX - (n - uses) : 0;
	if (n - uses > KEY_PART_MAX || (uses > 0 && room / uses < KEY_SHARE_MIN))
		return err_set(e, ST_USAGE, "--key: gives keys with a part over %d bytes",
		    KEY_PART_MAX);
	for (size_t i = 0; i < t->parts; i++)
		if (t->part[i].level == level)
			t->part[i].uses = uses, t->part[i].room = room;
	return 0;
}

static int
check_parts(struct keytemplate *t, const char *key, struct err *e)
{
	size_t level = 0;

	for (const char *p = key;; level++) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && *p == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return err_set(e, ST_USAGE,
			    "--key: gives keys with an empty part, \".\" or \"..\": "
			    "%.200s",
			    key);
		if (check_part(t, level, n, e) < 0)
			return -1;
		if (p[n] == '\0')
			return 0;
		p += n + 1;
	}
}

/* The longest key, but for its fields; then how long these may be. */
static int
check_lengths(struct keytemplate *t, struct err *e)
{
	char fields[KEY_FIELDS_MAX * 2];
	struct key_values v = { .hour = -2559792,
		.offset_s = -3600,
		.fields = fields,
		.id = "0123456789abcdef",
		.timed = true,
		.seq = UINT32_MAX };
	size_t uses = 0, n, left;
	struct buf key;
	int r;

	for (size_t i = 0; i < sizeof fields; i++)
		fields[i] = i % 2 ? '\0' : 'x';
	for (size_t i = 0; i < t->parts; i++)
		uses += t->part[i].kind == KEY_FIELD;
	buf_init(&key, 1 << 20);
	keytemplate_key(t, &v, &key);
	n = key.n + strlen(KEY_ERRORS);
	if ((r = buf_check(&key, "--key", e)) == 0 && key.n > 0 && n <= KEY_MAX)
		r = check_parts(t, key.p, e);
	buf_done(&key);
	if (r < 0)
		return -1;
	left = n > KEY_MAX ? 0 : KEY_MAX - n;
	/* two bytes more for the first one, should it be written as %XX */
	if (n > KEY_MAX || (uses > 0 && left / uses < KEY_VALUE_MIN))
		return err_set(e, ST_USAGE, "--key: gives keys over %d bytes", KEY_MAX);
	if (uses > 0)
		t->value_max =
		    left / uses - 2 < KEY_VALUE_MAX ? left / uses - 2 : KEY_VALUE_MAX;
	return 0;
}

int
keytemplate_parse(
    struct keytemplate *t, const char *text, const char *node, struct err *e)
{
	size_t ids = 0;

	*t = (struct keytemplate){
		.text = text, .node = node, .value_max = KEY_VALUE_MAX
	};
	if (*node == '\0')
		return err_set(e, ST_USAGE, "--node: empty");
	if (check_text(text, e) < 0 || take_apart(t, e) < 0)
		return -1;
	for (size_t i = 0; i < t->parts; i++)
		ids += t->part[i].kind == KEY_ID;
	if (ids != 1)
		return err_set(e, ST_USAGE,
		    "--key: {id} must stand in it once: it keeps objects apart");
	find_alone(t);
	find_levels(t);
	return check_lengths(t, e);
}
