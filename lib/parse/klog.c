#include "parse/klog.h"
#include "parse/parser.h"

static const char *
digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static void
add(struct parsed *out, struct str name, const char *from, const char *to)
{
	out->field[out->fields++] =
	    (struct parsed_field){ name, { from, (size_t)(to - from) }, FIELD_TEXT };
}

/* mmdd hh:mm:ss.uuuuuu; where it stops fitting, *good if at its end. */
static const char *
past_time(const char *p, const char *end, bool *good)
{
	static const char form[] = "0000 00:00:00.0";
	const char *f = form;

	for (; *f != '\0' && p < end; f++, p++)
		if (*f == '0' ? *p < '0' || *p > '9' : *p != *f)
			break;
	*good = *f == '\0';
	return *good ? digits(p, end) : p;
}

/* How far the text is as above; *why NULL: all of it. */
static size_t
read_klog(struct str text, struct parsed *out, const char **why)
{
	static const struct {
		char letter;
		struct str name;
	} levels[] = { { 'I', { "info", 4 } }, { 'W', { "warning", 7 } },
		{ 'E', { "error", 5 } }, { 'F', { "fatal", 5 } } };
	const char *p = text.p, *end = p + text.n, *time, *id, *id_end, *file, *colon;
	struct str level = { 0 };
	bool good;

	for (size_t i = 0; i < 4 && text.n > 0; i++)
		if (levels[i].letter == *p)
			level = levels[i].name;
	*why = "not I, W, E or F";
	if (level.n == 0)
		return 0;
	time = p + 1;
	p = past_time(time, end, &good);
	*why = "not mmdd hh:mm:ss.uuuuuu";
	if (!good)
		return (size_t)(p - text.p);
	*why = "not the number of a thread";
	for (id = p; id < end && *id == ' '; id++)
		;
	id_end = digits(id, end);
	if (id == p || id_end == id || id_end == end || *id_end != ' ')
		return (size_t)(id_end - text.p);
	*why = "not FILE:LINE]";
	file = id_end + 1;
	for (colon = file; colon < end && *colon != ':' && *colon != ' ' && *colon != ']';
	     colon++)
		;
	if (colon == file || colon == end || *colon != ':')
		return (size_t)(colon - text.p);
	p = digits(colon + 1, end);
	if (p == colon + 1 || p == end || *p != ']')
		return (size_t)(p - text.p);
	*why = NULL;
	if (out == NULL)
		return text.n;
	out->fields = 0;
	add(out, STR("level"), level.p, level.p + level.n);
	add(out, STR("time"), time, past_time(time, end, &good));
	add(out, STR("id"), id, id_end);
	add(out, STR("file"), file, colon);
	add(out, STR("line"), colon + 1, p);
	p += p + 1 < end && p[1] == ' ' ? 2 : 1;
	if (p < end)
		add(out, STR("message"), p, end);
	return text.n;
}

struct parser *
klog_open(const char *name, struct err *e)
{
	return text_parser(name, read_klog, e);
}
