#include "parse/trial.h"
#include "base/err.h"
#include "parse/unescape.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 100 << 20, /* a line of control bytes, escaped */
	SHOWN_MAX = 1 << 20,
	BEFORE = 60, /* characters shown before the place and after it */
};

int
trial_init(struct trial *t, struct parser *const *chain, size_t n, struct err *e)
{
	*t = (struct trial){ .chain = chain, .n = n, .by = calloc(n, sizeof *t->by) };
	buf_init(&t->text, TEXT_MAX);
	buf_init(&t->raw, TEXT_MAX);
	buf_init(&t->place, TEXT_MAX);
	buf_init(&t->scratch, TEXT_MAX);
	buf_init(&t->first, SHOWN_MAX);
	buf_init(&t->untimed, SHOWN_MAX);
	buf_init(&t->misfits, SHOWN_MAX);
	return t->by != NULL ? 0 : err_set(e, ST_FAIL, "out of memory");
}

void
trial_done(struct trial *t)
{
	free(t->by);
	buf_done(&t->text);
	buf_done(&t->raw);
	buf_done(&t->place);
	buf_done(&t->scratch);
	buf_done(&t->first);
	buf_done(&t->untimed);
	buf_done(&t->misfits);
}

/* U+0080 to U+009F, which terminals obey, too. */
static bool
is_c1(const char *p, unsigned n)
{
	return n == 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0;
}

/* One line of text for a terminal; returns how many characters. */
static size_t
show(struct buf *b, const char *p, const char *end)
{
	size_t shown = 0;
	unsigned n;

	for (; p < end; p += n, shown++) {
		n = jscan_utf8(p, end);
		if (n == 0 || (unsigned char)*p < 0x20 || *p == 0x7f || is_c1(p, n)) {
			buf_addc(b, '.');
			n += n == 0;
		} else {
			buf_add(b, p, n);
		}
	}
	return shown;
}

static void
show_text(struct buf *b, const char *text)
{
	show(b, text, text + strlen(text));
}

/* What it is about, and the parser in its place in what is said. */
static void
show_head(struct buf *b, const char *name, uint64_t line_no, const char *before,
    const char *parser, const char *behind)
{
	buf_addc(b, '\n');
	show_text(b, name);
	buf_printf(b, ":%" PRIu64 ": %s", line_no, before);
	show_text(b, parser);
	show_text(b, behind);
	buf_addc(b, '\n');
}

/* Back to the first byte of a character. */
static const char *
character(const char *p, const char *from)
{
	while (p > from && ((unsigned char)*p & 0xc0) == 0x80)
		p--;
	return p;
}

static void
show_field(struct buf *b, struct str name, struct str value)
{
	buf_adds(b, "    ");
	show(b, name.p, name.p + name.n);
	buf_adds(b, "  ");
	show(b, value.p, value.p + value.n);
	buf_addc(b, '\n');
}

static void
tell_fit(struct trial *t, const char *name, uint64_t line_no)
{
	const struct parsed *got = &t->parsed;
	char time[TIMESTAMP_MAX];
	struct jscan it;
	struct jscan_member m;

	show_head(&t->first, name, line_no, "fits ", got->by->name, "");
	if (got->object.n > 0) {
		jscan_begin(&it, got->object);
		while (jscan_next(&it, &m))
			show_field(&t->first, m.key, m.value);
	}
	for (size_t i = 0; i < got->fields; i++)
		show_field(&t->first, got->field[i].name, got->field[i].value);
	if (got->timed == TIME_READ) {
		timestamp_format(got->time_ns, time);
		buf_printf(&t->first, "  time: %s\n", time);
	}
}

static void
tell_untimed(struct trial *t, struct str text, const char *name, uint64_t line_no)
{
	show_head(&t->untimed, name, line_no, "", t->parsed.by->name,
	    ": the time is not understood");
	buf_adds(&t->untimed, "    ");
	show(&t->untimed, text.p,
	    text.n > 2 * BEFORE ? character(text.p + 2 * BEFORE, text.p)
				: text.p + text.n);
	buf_addc(&t->untimed, '\n');
}

static void
tell_misfit(struct trial *t, struct str text, const char *name, uint64_t line_no)
{
	const char *why = "", *best_why = "", *from, *to, *at, *by = "";
	char behind[256];
	size_t far = 0;

	for (size_t i = 0; i < t->n; i++) {
		size_t n = t->chain[i]->stops(t->chain[i], text, &why);

		if (i == 0 || n > far) {
			far = n;
			best_why = why;
			by = t->chain[i]->name;
		}
	}
	at = text.p + far;
	from = far > BEFORE ? character(at - BEFORE, text.p) : text.p;
	to = text.n - far > BEFORE ? character(at + BEFORE, text.p) : text.p + text.n;
	snprintf(behind, sizeof behind, ": %s", best_why);
	show_head(&t->misfits, name, line_no, "", by, behind);
	buf_adds(&t->misfits, "    ");
	far = show(&t->misfits, from, at);
	show(&t->misfits, at, to);
	buf_printf(&t->misfits, "\n%*s^\n", (int)far + 4, "");
}

/* What is to be parsed of a line. */
static struct str
message_of(struct trial *t, struct str key, struct str line)
{
	struct jscan_member m;
	ptrdiff_t n;
	char *to;

	if (!jscan_shape(line, NULL) || !jscan_find(line, key, &m) || *m.value.p != '"')
		return line;
	buf_clear(&t->text);
	if ((to = buf_room(&t->text, m.value.n)) == NULL ||
	    (n = jscan_unescape((struct str){ m.value.p + 1, m.value.n - 2 }, to)) < 0)
		return line;
	return (struct str){ to, (size_t)n };
}

/* A progress mark: a record of `_src` alone, which has no message. */
static bool
is_mark(struct str line)
{
	const struct str head = STR("{\"_src\":{");
	struct jscan_member m;

	return line.n > head.n && memcmp(line.p, head.p, head.n) == 0 &&
	       jscan_shape(line, NULL) && jscan_find(line, STR("_src"), &m) &&
	       m.value.p + m.value.n + 1 == line.p + line.n;
}

void
trial_line(
    struct trial *t, struct str key, struct str line, const char *name, uint64_t line_no)
{
	struct str text;
	struct message m = { .scratch = &t->scratch };
	struct jscan_member time;
	uint64_t replaced = 0;
	char *raw, *stop;
	enum parser_fit fit;

	if (is_mark(line))
		return;
	text = message_of(t, key, line);
	t->seen++;
	buf_clear(&t->raw);
	buf_clear(&t->place);
	if ((raw = buf_room(&t->raw, JSONW_ROOM(text.n) + UNESCAPE_SLACK)) == NULL)
		return;
	stop = jsonw_text(raw, text.p, text.n, &replaced);
	*stop++ = '"';
	memset(stop, 0, UNESCAPE_SLACK);
	m.raw = raw;
	m.limit = stop;
	if ((m.place = buf_room(&t->place, (size_t)(stop - raw) + UNESCAPE_SLACK)) ==
	    NULL)
		return;
	if (jscan_shape(line, NULL) && jscan_find(line, STR("time"), &time) &&
	    *time.value.p == '"')
		m.time = (struct str){ time.value.p + 1, time.value.n - 2 };
	fit = parser_first(t->chain, t->n, &m, &t->parsed);
	if (fit == PARSER_FITS) {
		for (size_t i = 0; i < t->n; i++)
			t->by[i] += t->chain[i] == t->parsed.by;
		if (t->fit++ == 0)
			tell_fit(t, name, line_no);
		if (t->parsed.timed == TIME_UNREAD && t->unread++ == 0)
			tell_untimed(t, text, name, line_no);
	} else if (t->told < TRIAL_TOLD) {
		t->told++;
		if (fit == PARSER_FAILED)
			buf_printf(&t->misfits, "\n%s:%" PRIu64 ": %s\n", name, line_no,
			    t->parsed.why);
		else
			tell_misfit(t, text, name, line_no);
	}
}

void
trial_report(const struct trial *t, struct buf *out)
{
	uint64_t mille = t->seen > 0 ? t->fit * 1000 / t->seen : 0;

	buf_printf(out,
	    "%" PRIu64 " of %" PRIu64 " messages fit (%" PRIu64 ".%" PRIu64 " %%)\n",
	    t->fit, t->seen, mille / 10, mille % 10);
	for (size_t i = 0; i < t->n; i++) {
		show_text(out, t->chain[i]->name);
		buf_printf(out, ": %" PRIu64 "\n", t->by[i]);
	}
	if (t->unread > 0)
		buf_printf(out, "times not understood: %" PRIu64 "\n", t->unread);
	buf_add(out, t->first.p, t->first.n);
	buf_add(out, t->untimed.p, t->untimed.n);
	buf_add(out, t->misfits.p, t->misfits.n);
}
