#include "parse/parser.h"
#include "base/err.h"
#include "parse/builtin.h"
#include "parse/json.h"
#include "parse/regex.h"
#include "parse/unescape.h"
#include "record/jscan.h"

#include <stdint.h>
#include <string.h>

/* How many letters are not where they are in the other word; enough to guess a slip. */
static unsigned
unlike(const char *a, const char *b)
{
	unsigned n = 0;
	size_t la = strlen(a), lb = strlen(b);

	for (size_t i = 0; i < la || i < lb; i++) {
		bool same = i < la && i < lb && a[i] == b[i];
		bool swapped =
		    i > 0 && i < la && i < lb && a[i] == b[i - 1] && a[i - 1] == b[i];

		n += !same && !swapped;
	}
	return n;
}

static int
no_such(const char *name, struct err *e)
{
	const char *best = NULL;
	unsigned d, least = 3;

	for (size_t i = 0; i < builtins_n; i++)
		if ((d = unlike(name, builtins[i].name)) < least) {
			least = d;
			best = builtins[i].name;
		}
	return err_set(e, ST_USAGE,
	    best ? "%.100s: no such parser; did you mean %s?"
		 : "%.100s: no such parser; --list shows those that there are",
	    name, best);
}

struct parser *
parser_open(const char *name, struct err *e)
{
	for (size_t i = 0; i < builtins_n; i++)
		if (strcmp(builtins[i].name, name) == 0)
			return builtins[i].pattern == NULL
				   ? json_open(name, e)
				   : regex_open(name, builtins[i].pattern, e);
	no_such(name, e);
	return NULL;
}

void
parser_close(struct parser *p)
{
	if (p != NULL)
		p->close(p);
}

enum parser_fit
parser_first(struct parser *const *chain, size_t n, struct message *m, struct parsed *out)
{
	enum parser_fit fit = PARSER_NO;

	for (size_t i = 0; i < n && fit == PARSER_NO; i++) {
		out->by = chain[i];
		fit = chain[i]->fit(chain[i], m, out);
	}
	return fit;
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
