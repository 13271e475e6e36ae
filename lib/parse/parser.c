#include "parse/parser.h"
#include "base/err.h"
#include "parse/shape.h"
#include "parse/unescape.h"
#include "record/jscan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void
parser_close(struct parser *p)
{
	if (p == NULL)
		return;
	shape_close(p->shape);
	p->close(p);
}

enum parser_fit
parser_first(struct parser *const *chain, size_t n, struct message *m, struct parsed *out)
{
	enum parser_fit fit = PARSER_NO;

	out->left = false;
	for (size_t i = 0; i < n && fit == PARSER_NO && !out->left; i++) {
		out->by = chain[i];
		out->timed = TIME_NONE;
		out->ambiguous = out->range = out->far = false;
		out->twice = 0;
		fit = chain[i]->fit(chain[i], m, out);
	}
	if (fit == PARSER_FITS && out->by->shape != NULL)
		shape_apply(out->by->shape, m, out);
	return fit;
}

struct parsed_field *
parsed_field(struct parsed *out, struct str name)
{
	for (size_t i = 0; i < out->fields; i++)
		if (str_eq(out->field[i].name, name)) {
			out->twice++;
			return &out->field[i];
		}
	if (out->fields == PARSED_FIELDS_MAX)
		return NULL;
	out->field[out->fields] = (struct parsed_field){ .name = name };
	return &out->field[out->fields++];
}

static bool
is_utf8(const char *p, const char *end)
{
	unsigned n;
	uint64_t eight;

	while (p < end) {
		if (end - p >= 8) {
			memcpy(&eight, p, 8);
			if ((eight & 0x8080808080808080) == 0) {
				p += 8;
				continue;
			}
		}
		if ((n = jscan_utf8(p, end)) == 0)
			return false;
		p += n;
	}
	return true;
}

bool
message_text(struct message *m)
{
	const char *src = m->raw;
	unsigned flags;
	char *to, *stop;

	if (m->text.p != NULL || m->unsayable)
		return !m->unsayable;
	buf_clear(m->scratch);
	m->unsayable = true;
	if (m->end == NULL && (m->end = jscan_string_end(m->raw, m->limit)) == NULL)
		return false;
	if ((to = buf_room(m->scratch, (size_t)(m->end + 1 - m->raw) + UNESCAPE_SLACK)) ==
		NULL ||
	    (stop = unescape(to, &src, m->end + 1, &flags)) == NULL ||
	    ((flags & UNESCAPED_WIDE) != 0 && !is_utf8(to, stop)))
		return false;
	m->unsayable = false;
	m->text = (struct str){ to, (size_t)(stop - to) };
	return true;
}

struct by_hand {
	struct parser parser;
	text_reader *read;
};

static enum parser_fit
fit_text(const struct parser *p, struct message *m, struct parsed *out)
{
	const char *why;

	if (!message_text(m))
		return PARSER_NO;
	out->object = (struct str){ 0 };
	out->fields = 0;
	out->twice = 0;
	((const struct by_hand *)p)->read(m->text, out, &why);
	return why == NULL ? PARSER_FITS : PARSER_NO;
}

static size_t
text_stops(const struct parser *p, struct str text, const char **why)
{
	return ((const struct by_hand *)p)->read(text, NULL, why);
}

static void
drop_text(struct parser *p)
{
	free(p);
}

struct parser *
text_parser(const char *name, text_reader *read, struct err *e)
{
	struct by_hand *p = malloc(sizeof *p);

	if (p == NULL) {
		err_set(e, ST_FAIL, "%s: out of memory", name);
		return NULL;
	}
	p->parser = (struct parser){
		.name = name, .fit = fit_text, .stops = text_stops, .close = drop_text
	};
	p->read = read;
	return &p->parser;
}
