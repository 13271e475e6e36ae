#include "record/zonerule.h"
#include "record/timestamp.h"

enum {
	DAY = 86400,
	YEARS_AROUND =
	    2, /* edges may lie a week, and their zone a day, beside their year */
	EDGES = 2 * (2 * YEARS_AROUND + 1),
};

/* Takes one character if it is there. */
static bool
take(struct str *s, char c)
{
	if (s->n == 0 || *s->p != c)
		return false;
	s->p++, s->n--;
	return true;
}

static bool
number(struct str *s, int min, int max, int *v)
{
	size_t i = 0;

	for (*v = 0; i < s->n && i < 3 && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		*v = *v * 10 + (s->p[i] - '0');
	s->p += i, s->n -= i;
	return i > 0 && *v >= min && *v <= max;
}

static bool
name(struct str *s, char out[ZONE_RULE_NAME_MAX])
{
	bool quoted = take(s, '<');
	size_t i = 0;

	for (; i < s->n && i < ZONE_RULE_NAME_MAX; i++) {
		char c = s->p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			(quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'))))
			break;
	}
	if (i < 3 || i == ZONE_RULE_NAME_MAX)
		return false;
	memcpy(out, s->p, i);
	out[i] = '\0';
	s->p += i, s->n -= i;
	return !quoted || take(s, '>');
}

/* [+-]hh[:mm[:ss]] */
static bool
clock(struct str *s, int hours_max, int32_t *seconds)
{
	int h, m = 0, sec = 0, sign = 1;

	if (take(s, '-'))
		sign = -1;
	else
		take(s, '+');
	if (!number(s, 0, hours_max, &h) ||
	    (take(s, ':') &&
		(!number(s, 0, 59, &m) || (take(s, ':') && !number(s, 0, 59, &sec)))))
		return false;
	*seconds = sign * (h * 3600 + m * 60 + sec);
	return true;
}

static bool
edge(struct str *s, struct zone_edge *e)
{
	if (!take(s, ','))
		return false;
	e->at = 2 * 3600;
	if (take(s, 'M')) {
		e->kind = 'M';
		if (!number(s, 1, 12, &e->month) || !take(s, '.') ||
		    !number(s, 1, 5, &e->week) || !take(s, '.') ||
		    !number(s, 0, 6, &e->day))
			return false;
	} else {
		e->kind = take(s, 'J') ? 'J' : 'n';
		if (!number(s, e->kind == 'J', 365, &e->day))
			return false;
	}
	return !take(s, '/') || clock(s, 167, &e->at);
}

bool
zone_rule_parse(struct str s, struct zone_rule *r)
{
	int32_t west;

	*r = (struct zone_rule){ 0 };
	if (!name(&s, r->name[0]) || !clock(&s, 24, &west))
		return false;
	r->offset[0] = -west;
	if (s.n == 0)
		return true;
	r->summer = true;
	if (!name(&s, r->name[1]))
		return false;
	r->offset[1] = r->offset[0] + 3600;
	if (s.n > 0 && *s.p != ',') {
		if (!clock(&s, 24, &west))
			return false;
		r->offset[1] = -west;
	}
	return edge(&s, &r->edge[1]) && edge(&s, &r->edge[0]) && s.n == 0;
}

static int64_t
edge_day(const struct zone_edge *e, int year)
{
	int64_t first = timestamp_day(year, 1, 1), day;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (e->kind == 'n')
		return first + e->day;
	if (e->kind == 'J') /* 29 February is never counted */
		return first + e->day - 1 + (leap && e->day >= 60);
	first = timestamp_day(year, e->month, 1);
	/* 1970-01-01 was a Thursday, 4 */
	day = first + (e->day - (first % 7 + 11) % 7 + 7) % 7 + 7 * (e->week - 1);
	if (day >= timestamp_day(e->month == 12 ? year + 1 : year, e->month % 12 + 1, 1))
		day -= 7;
	return day;
}

void
zone_rule_interval(const struct zone_rule *r, int64_t utc, struct zone_interval *out)
{
	const int64_t far = 30000LL * 365 * DAY;
	struct {
		int64_t at;
		int32_t offset;
	} edges[EDGES] = { { 0, 0 } };
	int64_t t = utc < -far ? -far : utc > far ? far : utc;
	int y, m, d, i = 0;

	*out = (struct zone_interval){ INT64_MIN, INT64_MAX, r->offset[0], r->offset[0],
		r->offset[0] };
	if (!r->summer)
		return;
	timestamp_civil(t / DAY - (t % DAY < 0), &y, &m, &d);
	for (int n = 0; n < EDGES; n++) { /* inserted in order of time */
		const struct zone_edge *e = &r->edge[n % 2];
		int64_t at = edge_day(e, y - YEARS_AROUND + n / 2) * DAY + e->at -
			     r->offset[1 - n % 2];
		int to = n;

		for (; to > 0 && edges[to - 1].at > at; to--)
			edges[to] = edges[to - 1];
		edges[to].at = at;
		edges[to].offset = r->offset[n % 2];
	}
	while (i < EDGES - 1 && edges[i + 1].at <= t)
		i++;
	out->from = edges[i].at;
	out->offset = edges[i].offset;
	/* Summer time all year ends when it begins again: no transition. */
	while (i > 0 && edges[i - 1].at == edges[i].at)
		i--;
	out->before = i > 0 ? edges[i - 1].offset : out->offset;
	while (i < EDGES - 1 && edges[i].at <= t)
		i++;
	out->until = edges[i].at;
	while (i < EDGES - 1 && edges[i + 1].at == edges[i].at)
		i++;
	out->after = edges[i].offset;
}
