#include "parse/syslog.h"
#include "base/err.h"
#include "parse/define.h"
#include "parse/parser.h"

#include <stdlib.h>

struct syslog {
	struct parser parser; /* first */
	int format;
};

/* A text on its way; `why` is set where it stops fitting. */
struct reader {
	const char *p, *end;
	const char *why;
	struct parsed *out;
};

static bool
fails(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

static void
add(struct reader *r, struct str name, const char *from, const char *to)
{
	if (to > from && r->out != NULL)
		r->out->field[r->out->fields++] = (struct parsed_field){ name,
			{ from, (size_t)(to - from) }, FIELD_TEXT };
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* <digits> */
static bool
take_pri(struct reader *r, unsigned most)
{
	const char *from;

	if (r->p == r->end || *r->p != '<')
		return fails(r, "not <PRI>");
	for (from = ++r->p; r->p < r->end && is_digit(*r->p); r->p++)
		;
	if (r->p == from || r->p == r->end || *r->p != '>' ||
	    r->p - from > (ptrdiff_t)most)
		return fails(r, "not <PRI>");
	add(r, STR("pri"), from, r->p++);
	return true;
}

/* A word and the blank behind it. */
static bool
take_word(struct reader *r, struct str name)
{
	const char *blank = memchr(r->p, ' ', (size_t)(r->end - r->p));

	if (blank == NULL || blank == r->p) {
		r->p = blank == NULL ? r->end : r->p;
		return fails(r, blank == NULL ? "ends too early" : "an empty word");
	}
	add(r, name, r->p, blank);
	r->p = blank + 1;
	return true;
}

/* Mmm dd hh:mm:ss, or a time of RFC 3339 */
static bool
take_old_time(struct reader *r)
{
	const char *from = r->p, *p = from, *end = r->end;

	if (end - p > 10 && is_digit(*p) && p[4] == '-' && (p[10] == 'T' || p[10] == 't'))
		return take_word(r, STR("time"));
	if (end - p < 15 || *p < 'A' || *p > 'Z' || p[3] != ' ')
		return fails(r, "not Mmm dd hh:mm:ss");
	p += p[4] == ' ' ? 5 : 4;
	for (r->p = p; p < end && is_digit(*p); p++)
		;
	if (p == r->p || end - p < 9 || *p != ' ' || p[3] != ':' || p[6] != ':')
		return fails(r, "not Mmm dd hh:mm:ss");
	for (r->p = ++p; p < end && *p != ' '; p++)
		;
	if (p == end)
		return fails(r, "ends too early");
	add(r, STR("time"), from, p);
	r->p = p + 1;
	return true;
}

static bool
in_ident(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
	       c == '_' || c == '/' || c == '.' || c == '-';
}

/* ident[pid]: message; without the colon all of it is the message. */
static void
take_tagged(struct reader *r)
{
	const char *from = r->p, *p = from, *ident, *pid = NULL, *pid_end = NULL;

	while (p < r->end && in_ident(*p))
		p++;
	ident = p;
	if (p < r->end && *p == '[') {
		for (pid = ++p; p < r->end && *p != ']' && *p != ' '; p++)
			;
		pid_end = p;
		p += p < r->end && *p == ']';
	}
	if (p < r->end && *p == ':') {
		add(r, STR("ident"), from, ident);
		if (pid != NULL)
			add(r, STR("pid"), pid, pid_end);
		for (p++; p < r->end && *p == ' '; p++)
			;
	} else {
		p = from;
	}
	add(r, STR("message"), p, r->end);
	r->p = r->end;
}

static bool
read_old(struct reader *r, bool pri, bool host)
{
	if ((pri && !take_pri(r, 10)) || !take_old_time(r) ||
	    (host && !take_word(r, STR("host"))))
		return false;
	take_tagged(r);
	return true;
}

/* [id name="value" ...] at p: behind it, or NULL. */
static const char *
past_element(const char *p, const char *end)
{
	bool quoted = false;

	for (p++; p < end; p++) {
		if (quoted && *p == '\\' && end - p > 1)
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == ']' && !quoted)
			return p + 1;
	}
	return NULL;
}

/* - or [...][...], and a blank or the end behind it */
static bool
take_data(struct reader *r)
{
	const char *from = r->p, *p = from, *next;

	if (p < r->end && *p == '-') {
		p++;
	} else {
		while (
		    p < r->end && *p == '[' && (next = past_element(p, r->end)) != NULL)
			p = next;
		if (p == from || (p < r->end && *p != ' ')) {
			p = from < r->end && *from == '['
				? memmem(from, (size_t)(r->end - from), "] ", 2)
				: NULL;
			if (p == NULL)
				return fails(r, "not structured data");
			p++;
		}
	}
	if (p < r->end && *p != ' ') {
		r->p = p;
		return fails(r, "not structured data");
	}
	add(r, STR("extradata"), from, p);
	r->p = p + (p < r->end);
	return true;
}

static bool
read_new(struct reader *r)
{
	static const struct str words[] = { { "time", 4 }, { "host", 4 }, { "ident", 5 },
		{ "pid", 3 }, { "msgid", 5 } };

	if (!take_pri(r, 5))
		return false;
	if (r->end - r->p < 2 || r->p[0] != '1' || r->p[1] != ' ')
		return fails(r, "not version 1");
	r->p += 2;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!take_word(r, words[i]))
			return false;
	if (!take_data(r))
		return false;
	add(r, STR("message"), r->p, r->end);
	r->p = r->end;
	return true;
}

static bool
read_syslog(const struct syslog *s, struct reader *r)
{
	const char *close;

	switch (s->format) {
	case FORMAT_RFC5424:
		return read_new(r);
	case FORMAT_RFC3164:
		return read_old(r, true, true);
	case FORMAT_RFC3164_LOCAL:
		return read_old(r, true, false);
	default:
		if (r->p == r->end || *r->p != '<')
			return read_old(r, false, true);
		close = memchr(r->p, '>', (size_t)(r->end - r->p));
		return close != NULL && r->end - close > 2 && close[1] == '1' &&
			       close[2] == ' '
			   ? read_new(r)
			   : read_old(r, true, true);
	}
}

static enum parser_fit
fit(const struct parser *p, struct message *m, struct parsed *out)
{
	struct reader r = { .out = out };

	if (!message_text(m))
		return PARSER_NO;
	out->object = (struct str){ 0 };
	out->fields = 0;
	r.p = m->text.p;
	r.end = r.p + m->text.n;
	return read_syslog((const struct syslog *)p, &r) ? PARSER_FITS : PARSER_NO;
}

static size_t
stops(const struct parser *p, struct str text, const char **why)
{
	struct reader r = { .p = text.p, .end = text.p + text.n };
	bool fits = read_syslog((const struct syslog *)p, &r);

	*why = r.why;
	return fits ? text.n : (size_t)(r.p - text.p);
}

static void
drop(struct parser *p)
{
	free(p);
}

struct parser *
syslog_open(const char *name, int format, struct err *e)
{
	struct syslog *s = calloc(1, sizeof *s);

	if (s == NULL) {
		err_set(e, ST_FAIL, "%s: out of memory", name);
		return NULL;
	}
	s->parser =
	    (struct parser){ .name = name, .fit = fit, .stops = stops, .close = drop };
	s->format = format;
	return &s->parser;
}
