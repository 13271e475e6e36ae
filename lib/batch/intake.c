#include "batch/intake.h"
#include "base/err.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/kernels.h"
#include "record/timestamp.h"

void
intake_init(struct intake *in)
{
	record_reader_init(&in->reader);
	in->hour_text[0] = '\0';
}

void
intake_done(struct intake *in)
{
	record_reader_done(&in->reader);
	partitions_done(&in->partitions);
	positions_done(&in->positions);
}

static int
two(const char *p)
{
	unsigned a = (unsigned char)p[0] - '0', b = (unsigned char)p[1] - '0';

	return a > 9 || b > 9 ? -1 : (int)(a * 10 + b);
}

/* "YYYY-MM-DDTHH:" as in the record before, and Z: minutes, seconds, fraction are left. */
static bool
same_hour(const struct intake *in, struct str t, int64_t *ns)
{
	static const int64_t unit[] = { 1000000000, 100000000, 10000000, 1000000, 100000, 10000,
		1000, 100, 10, 1 };
	int64_t fraction = 0;
	size_t digits = 0;
	int m, s;

	if (t.n < 20 || t.n > 30 || memcmp(t.p, in->hour_text, 14) != 0 || t.p[t.n - 1] != 'Z')
		return false;
	m = two(t.p + 14);
	s = two(t.p + 17);
	if (m < 0 || m > 59 || s < 0 || s > 59 || t.p[16] != ':')
		return false;
	if (t.n > 20) {
		if (t.p[19] != '.' || t.n == 21)
			return false;
		for (size_t i = 20; i < t.n - 1; i++, digits++) {
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
time_of(struct intake *in, const struct record *r, int64_t *ns, bool *same)
{
	*same = in->partition != NULL && same_hour(in, r->time, ns);
	if (*same)
		return true;
	if (!timestamp_parse(r->time, ns))
		return false;
	in->hour_ns = timestamp_hour(*ns) * 3600000000000;
	if (r->time.p[r->time.n - 1] == 'Z' && r->time.p[10] == 'T')
		memcpy(in->hour_text, r->time.p, 14);
	else
		in->hour_text[0] = '\0';
	return true;
}

/* Write the line without its member `_src`; returns the end. */
static char *
put_record(char *to, const struct record *r)
{
	struct jscan it;
	struct jscan_member m;
	char *at = to;

	*at++ = '{';
	if (r->rest.p != NULL) {
		memcpy(at, r->rest.p, r->rest.n);
		at += r->rest.n;
	} else {
		/* `_src` stands behind others */
		jscan_begin(&it, r->line);
		while (jscan_next(&it, &m)) {
			if (str_eq(m.key, STR("_src")))
				continue;
			if (at > to + 1)
				*at++ = ',';
			memcpy(at, m.key.p - 1, (size_t)(m.value.p + m.value.n - m.key.p) + 1);
			at += (size_t)(m.value.p + m.value.n - m.key.p) + 1;
		}
		*at++ = '}';
	}
	*at++ = '\n';
	return at;
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

static char *
put_wrapped(char *to, struct str line, const char *why)
{
	uint64_t unused = 0;

	to = stpcpy(to, "{\"log\":\"");
	to = jsonw_text(to, line.p, line.n, &unused);
	to = stpcpy(to, "\",\"_error\":{\"by\":\"logbatch\",\"why\":\"");
	to = jsonw_text(to, why, strlen(why), &unused);
	return stpcpy(to, "\"}}\n");
}

static int
add(struct intake *in, struct partition *p, size_t n, const struct position *pos, uint64_t before,
    bool timed, int64_t ns, struct err *e)
{
	int r = partition_add(&in->partitions, p, n, pos, before, timed, ns, e);

	if (pos == NULL || !pos->marked)
		positions_settle(&in->positions);
	return r;
}

static int
wrap(struct intake *in, struct str line, const char *why, bool strict, struct err *e)
{
	struct partition *p;
	char *to;

	if (strict)
		return err_set(e, ST_FAIL, "line: %s", why);
	/* with the record before it, wherever that went */
	p = partitions_get(&in->partitions, in->timed ? timestamp_hour(in->last_ns) : 0, true);
	if (p == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	if ((to = partition_room(&in->partitions, p, JSONW_ROOM(line.n) + 256, e)) == NULL)
		return -1;
	in->n.rejected++;
	return add(in, p, (size_t)(put_wrapped(to, line, why) - to), NULL, 0, false, 0, e) < 0 ? -1 : 1;
}

/* The position of the record's source; NULL and 0: it has none. */
static int
position_of(struct intake *in, const struct record *r, struct position **pos, struct err *e)
{
	*pos = NULL;
	if (!r->has_src)
		return 0;
	if (r->slot < RECORD_SLOTS)
		*pos = in->reader.slot[r->slot].user;
	if (*pos == NULL) {
		if ((*pos = positions_get(&in->positions, &r->src)) == NULL)
			return err_set(e, ST_FAIL, "out of memory");
		if (r->slot < RECORD_SLOTS)
			in->reader.slot[r->slot].user = *pos;
	}
	return 0;
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

static int
archive(struct intake *in, const struct record *r, struct position *pos, unsigned flags,
    struct err *e)
{
	uint64_t before = pos != NULL ? pos->now.end : 0;
	int64_t ns = 0;
	bool same, timed = time_of(in, r, &ns, &same), error = false;
	struct jscan_member m;
	struct partition *p = in->partition;
	char *to;

	if (flags & SHAPE_ERROR_KEY)
		error = jscan_find(r->line, STR("_error"), &m);
	if (!timed) {
		in->n.untimed++;
		ns = pos != NULL && pos->has_time ? pos->last_ns : 0;
	} else if (pos != NULL) {
		pos->last_ns = ns;
		pos->has_time = true;
	}
	if (!same || error) {
		if ((p = partitions_get(&in->partitions, timestamp_hour(ns), error)) == NULL)
			return err_set(e, ST_FAIL, "out of memory");
		if (!error && timed)
			in->partition = p;
	}
	if (timed)
		note_time(in, ns);
	if ((to = partition_room(&in->partitions, p, r->line.n + 2, e)) == NULL)
		return -1;
	if (pos != NULL && positions_record(&in->positions, pos, r->src.end, e) < 0)
		return -1;
	in->n.records++;
	in->n.errors += error;
	return add(in, p, (size_t)(put_line(to, r) - to), pos, before, timed, ns, e);
}

int
intake_line(struct intake *in, struct str line, const char *bad, bool strict, const char **why,
    struct err *e)
{
	struct record r;
	struct position *pos;
	unsigned flags = 0;

	*why = bad;
	if (bad == NULL && (!jscan_shape(line, &flags) || !record_read(&in->reader, line, &r)))
		*why = "not a JSON object";
	if (*why != NULL)
		return wrap(in, line, *why, strict, e);
	if (position_of(in, &r, &pos, e) < 0)
		return -1;
	if (r.mark)
		return positions_mark(&in->positions, pos, &r, e);
	return archive(in, &r, pos, flags, e);
}
