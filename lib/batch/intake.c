#include "batch/intake.h"
#include "base/err.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/kernels.h"
#include "record/ndjson.h"
#include "record/timestamp.h"
#include "record/zone.h"

#include <endian.h>

void
intake_init(struct intake *in)
{
	record_reader_init(&in->reader);
	in->reader.no_log = true;
	buf_init(&in->wrapped, JSONW_ROOM(NDJSON_LINE_MAX) + 1024);
	in->hour_text[0] = '\0';
}

void
intake_done(struct intake *in)
{
	record_reader_done(&in->reader);
	buf_done(&in->wrapped);
	partitions_done(&in->partitions);
	positions_done(&in->positions);
}

static int
two(const char *p)
{
	unsigned a = (unsigned char)p[0] - '0', b = (unsigned char)p[1] - '0';

	return a > 9 || b > 9 ? -1 : (int)(a * 10 + b);
}

/* Eight digits; -1: not all are.  Neighbours become numbers of two digits, then of four, of
 * eight. */
static int64_t
eight(const char *p)
{
	const uint64_t high = 0xf0f0f0f0f0f0f0f0;
	uint64_t v;

	memcpy(&v, p, sizeof v);
	v = le64toh(v);
	if (((v & high) | ((v + 0x0606060606060606) & high) >> 4) != 0x3333333333333333)
		return -1;
	v &= ~high;
	v = (v * 10 + (v >> 8)) & 0x00ff00ff00ff00ff;
	v = (v * 100 + (v >> 16)) & 0x0000ffff0000ffff;
	return (int64_t)((v * 10000 + (v >> 32)) & 0xffffffff);
}

/* "YYYY-MM-DDTHH:" as in the record before, and Z: minutes, seconds, fraction are left. */
static bool
same_hour(const struct intake *in, struct str t, int64_t *ns)
{
	static const int64_t unit[] = { 1000000000, 100000000, 10000000, 1000000, 100000,
		10000, 1000, 100, 10, 1 };
	int64_t fraction = 0;
	size_t digits = 0;
	int m, s;

	if (t.n < 20 || t.n > 30 || memcmp(t.p, in->hour_text, 14) != 0 ||
	    t.p[t.n - 1] != 'Z')
		return false;
	m = two(t.p + 14);
	s = two(t.p + 17);
	if (m < 0 || m > 59 || s < 0 || s > 59 || t.p[16] != ':')
		return false;
	if (t.n > 20) {
		if (t.p[19] != '.' || t.n == 21)
			return false;
		if (t.n > 28) {
			if ((fraction = eight(t.p + 20)) < 0)
				return false;
			digits = 8;
		}
		for (size_t i = 20 + digits; i < t.n - 1; i++, digits++) {
			unsigned d = (unsigned char)t.p[i] - '0';

			if (d > 9)
				return false;
			fraction = fraction * 10 + d;
		}
	}
	*ns = in->hour_ns + (m * 60 + s) * 1000000000LL + fraction * unit[digits];
	return true;
}

/* The time of a record; false: it has none. */
static bool
time_of(const struct intake *in, const struct record *r, int64_t *ns)
{
	return (in->partition != NULL && same_hour(in, r->time, ns)) ||
	       timestamp_parse(r->time, ns);
}

/* Remember the hour of a record, how it is written, and its partition.  A leap second is
 * written in one hour and counted to the next. */
static void
remember_hour(struct intake *in, struct str time, int64_t ns, struct partition *p)
{
	in->partition = p;
	in->hour_ns = timestamp_hour(ns) * 3600000000000;
	if (time.p[time.n - 1] == 'Z' && time.p[10] == 'T' && time.p[17] != '6')
		memcpy(in->hour_text, time.p, 14);
	else
		in->hour_text[0] = '\0';
}

static char *
put(char *to, const char *from, const char *end)
{
	memcpy(to, from, (size_t)(end - from));
	return to + (end - from);
}

/* Write the line without its member `_src`, which stands behind others: all up to the comma
 * before it, and all after it. */
static char *
put_around(char *to, const struct record *r)
{
	const char *end = r->src_raw.p + r->src_raw.n, *before = r->line.p;
	struct jscan it;
	struct jscan_member m;

	jscan_begin(&it, r->line);
	while (jscan_next(&it, &m) && m.value.p != r->src_raw.p)
		before = m.value.p + m.value.n;
	to = put(to, r->line.p, memchr(before, ',', (size_t)(end - before)));
	return put(to, end, r->line.p + r->line.n);
}

/* Write the line without its member `_src`; returns the end. */
static char *
put_record(char *to, const struct record *r)
{
	if (r->rest.p != NULL) {
		*to++ = '{';
		to = put(to, r->rest.p, r->rest.p + r->rest.n);
	} else {
		to = put_around(to, r);
	}
	*to++ = '\n';
	return to;
}

static char *
put_line(char *to, const struct record *r)
{
	if (r->has_src)
		return put_record(to, r);
	memcpy(to, r->line.p, r->line.n);
	to[r->line.n] = '\n';
	return to + r->line.n + 1;
}

static int
make_wrapped(struct buf *b, struct str line, const char *why, struct err *e)
{
	uint64_t unused = 0;
	char *to;

	buf_clear(b);
	buf_adds(b, "{\"log\":\"");
	if ((to = buf_room(b, JSONW_ROOM(line.n))) != NULL)
		b->n = (size_t)(jsonw_text(to, line.p, line.n, &unused) - b->p);
	buf_adds(b, "\",\"_error\":{\"by\":\"logbatch\",\"why\":\"");
	buf_adds(b, why);
	buf_adds(b, "\"}}\n");
	return buf_check(b, "a bad line", e);
}

/* `pos`: the record's source, else NULL. */
static int
add(struct intake *in, struct partition *p, size_t n, const struct position *pos,
    bool timed, int64_t ns, struct err *e)
{
	const struct position *from = pos != NULL ? pos : in->hand;
	uint64_t begins = pos != NULL ? pos->now.start : from != NULL ? from->now.end : 0;
	int r;

	if (pos == NULL)
		positions_hold(&in->positions);
	r = partition_add(&in->partitions, p, n, from, begins, timed, ns, e);
	positions_settle(&in->positions);
	return r;
}

/* Where a record of that time goes: `line` is looked at for the template's fields. */
static int
slot_of(struct intake *in, struct str line, int64_t ns, struct slot *s, struct err *e)
{
	const int64_t second = 1000000000;

	*s = (struct slot){ .hour = timestamp_hour(ns) };
	if (in->zone != NULL) {
		s->offset_s = zone_offset(in->zone, ns / second - (ns % second < 0));
		s->hour = timestamp_hour(ns + s->offset_s * second);
	}
	if (in->partitions.template->fields == 0)
		return 0;
	return keyfields_group(&in->partitions.fields, line, &s->group, e);
}

static int
wrap(struct intake *in, struct str line, const char *why, bool strict, struct err *e)
{
	struct partition *p;
	struct slot slot;
	char *to;
	int r = -1;

	if (strict)
		return err_set(e, ST_FAIL, "line: %s", why);
	if (slot_of(in, STR(""), in->before_ns, &slot, e) < 0 ||
	    (p = partitions_get(&in->partitions, &slot, true, e)) == NULL)
		return -1;
	if (make_wrapped(&in->wrapped, line, why, e) == 0 &&
	    (to = partition_room(&in->partitions, p, in->wrapped.n, e)) != NULL) {
		memcpy(to, in->wrapped.p, in->wrapped.n);
		if (in->rejected_epoch != in->positions.epoch) {
			in->rejected_epoch = in->positions.epoch;
			in->rejected_sure = in->n.rejected;
		}
		in->n.rejected++;
		r = add(in, p, in->wrapped.n, NULL, false, 0, e) < 0 ? -1 : 1;
	}
	if (in->wrapped.cap > NDJSON_BLOCK)
		buf_done(&in->wrapped);
	return r;
}

/* A part of a line that is too long.  As long as more of it follows nothing is sure. */
static int
piece(struct intake *in, struct str line, bool last, const char *why, bool strict,
    struct err *e)
{
	int r;

	if (!in->in_long)
		in->positions.open++;
	in->in_long = true;
	r = wrap(in, line, why, strict, e);
	if (last) {
		in->in_long = false;
		in->positions.open--;
		positions_settle(&in->positions);
	}
	return r;
}

/* The position of the record's source; NULL and 0: it has none. */
static int
position_of(
    struct intake *in, const struct record *r, struct position **pos, struct err *e)
{
	*pos = NULL;
	if (!r->has_src)
		return 0;
	if (r->slot < RECORD_SLOTS)
		*pos = in->reader.slot[r->slot].user;
	if (*pos == NULL) {
		if ((*pos = positions_get(&in->positions, &r->src, e)) == NULL)
			return -1;
		if (r->slot < RECORD_SLOTS)
			in->reader.slot[r->slot].user = *pos;
	}
	in->hand = *pos;
	return 0;
}

/* May what `_src` says go to the ledger as it stands?  A source that has passed is known by
 * its bytes. */
static bool
valid_source(const struct intake *in, const struct record *r, const char **why)
{
	if (!r->has_src)
		return true;
	if ((r->slot == RECORD_SLOTS || in->reader.slot[r->slot].user == NULL) &&
	    !positions_valid(&r->src, why))
		return false;
	if (!r->mark || jscan_valid(r->src_raw, NULL))
		return true;
	*why = "_src is not valid";
	return false;
}

static void
note_time(struct intake *in, int64_t ns)
{
	if (!in->timed || ns < in->first_ns)
		in->first_ns = ns;
	if (!in->timed || ns > in->last_ns)
		in->last_ns = ns;
	in->timed = true;
}

/* The time by which a record without one is filed. */
static int64_t
borrowed_time(const struct intake *in, const struct position *pos)
{
	if (pos == NULL)
		return in->before_ns;
	return pos->has_time ? pos->last_ns : 0;
}

static struct partition *
partition_of(struct intake *in, const struct record *r, bool timed, bool error,
    int64_t ns, struct err *e)
{
	struct partition *p = in->partition;
	struct slot slot;

	if (slot_of(in, r->line, ns, &slot, e) < 0)
		return NULL;
	if (!error && p != NULL && p->slot.hour == slot.hour &&
	    p->slot.group == slot.group && p->slot.offset_s == slot.offset_s)
		return p;
	p = partitions_get(&in->partitions, &slot, error, e);
	if (p != NULL && !error && timed)
		remember_hour(in, r->time, ns, p);
	return p;
}

static int
archive(struct intake *in, const struct record *r, struct position *pos, unsigned flags,
    struct err *e)
{
	int64_t ns = 0;
	bool timed = time_of(in, r, &ns), error = false;
	struct jscan_member m;
	struct jscan_member gap;
	struct partition *p;
	char *to;

	if (flags & SHAPE_ERROR_KEY)
		error = jscan_find(r->line, STR("_error"), &m);
	if (!timed)
		ns = borrowed_time(in, pos);
	if ((p = partition_of(in, r, timed, error, ns, e)) == NULL ||
	    (to = partition_room(&in->partitions, p, r->line.n + 2, e)) == NULL)
		return -1;
	if (pos != NULL && positions_record(&in->positions, pos, r->src.end, e) < 0)
		return -1;
	in->n.records++;
	in->n.errors += error;
	in->n.untimed += !timed;
	in->before_ns = ns;
	if (timed)
		note_time(in, ns);
	if (timed && pos != NULL) {
		pos->last_ns = ns;
		pos->has_time = true;
	}
	if (error && jscan_find(m.value, STR("gap"), &gap))
		partition_gap(&in->partitions, p);
	return add(in, p, (size_t)(put_line(to, r) - to), pos, timed, ns, e);
}

int
intake_line(struct intake *in, struct str line, enum intake_kind kind, bool strict,
    const char **why, struct err *e)
{
	struct record r;
	struct position *pos;
	unsigned flags = 0;

	*why = "part of a line over 16 MiB";
	if (kind != INTAKE_LINE)
		return piece(in, line, kind == INTAKE_LAST, *why, strict, e);
	*why = "not a JSON object";
	if (!record_read(&in->reader, line, &r) || !record_shape(&r, &flags) ||
	    !valid_source(in, &r, why))
		return wrap(in, line, *why, strict, e);
	if (position_of(in, &r, &pos, e) < 0)
		return -1;
	if (r.mark)
		return positions_mark(&in->positions, pos, &r, e);
	return archive(in, &r, pos, flags, e);
}

int64_t
intake_end(struct intake *in, struct err *e)
{
	uint64_t unsure = 0, wrapped = 0;

	if (in->positions.open == 0)
		return 0;
	unsure = partitions_unsure(&in->partitions);
	if (partitions_roll_back(&in->partitions, e) < 0)
		return -1;
	if (in->rejected_epoch == in->positions.epoch) {
		wrapped = in->n.rejected - in->rejected_sure;
		in->n.rejected = in->rejected_sure;
	}
	in->n.records -= unsure - wrapped;
	return (int64_t)unsure;
}

void
intake_committed(struct intake *in)
{
	/* pointers to positions and partitions are about to die */
	for (unsigned i = 0; i < RECORD_SLOTS; i++)
		in->reader.slot[i].user = NULL;
	in->hand = NULL;
	in->partition = NULL;
	in->hour_text[0] = '\0';
	partitions_clear(&in->partitions);
	positions_committed(&in->positions);
}
