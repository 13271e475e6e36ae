#include "parse/clean.h"
#include "base/err.h"
#include "parse/parser.h"
#include "parse/regex.h"
#include "parse/ruby.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/ndjson.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>
#include <stdlib.h>

enum {
	BEHIND = 64, /* readable behind a line, as ndjson.h has it */
	TEXT_MAX = 7 * (NDJSON_LINE_MAX + 4096), /* a line of control bytes, escaped */
};

#define REDACTED "[redacted]"

struct redactor {
	pcre2_code *code;
	pcre2_match_data *found;
	pcre2_match_context *limits;
	pcre2_jit_stack *stack;
};

static void
redactor_close(struct redactor *r)
{
	if (r == NULL)
		return;
	pcre2_code_free(r->code);
	pcre2_match_data_free(r->found);
	pcre2_match_context_free(r->limits);
	pcre2_jit_stack_free(r->stack);
	free(r);
}

static int
redactor_open(struct redactor **to, const char *pattern, struct err *e)
{
	struct redactor *r = *to = calloc(1, sizeof *r);
	struct ruby ruby;

	if (r == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	r->code = regex_compile(&ruby, pattern, PCRE2_MATCH_INVALID_UTF, e);
	ruby_done(&ruby);
	if (r->code == NULL)
		return -1;
	r->found = pcre2_match_data_create(1, NULL);
	r->limits = pcre2_match_context_create(NULL);
	r->stack = pcre2_jit_stack_create(32 << 10, REGEX_STACK, NULL);
	if (r->found == NULL || r->limits == NULL || r->stack == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	pcre2_set_match_limit(r->limits, REGEX_STEPS);
	pcre2_set_heap_limit(r->limits, REGEX_HEAP_KIB);
	pcre2_jit_stack_assign(r->limits, NULL, r->stack);
	return 0;
}

int
clean_init(struct clean *c, const char *key, bool strip, const char *const patterns[],
    size_t n, struct err *e)
{
	char why[sizeof e->text];

	*c = (struct clean){ .strip = strip, .key = str_of(key) };
	buf_init(&c->line, TEXT_MAX);
	buf_init(&c->text, TEXT_MAX);
	buf_init(&c->next, TEXT_MAX);
	buf_init(&c->kept, TEXT_MAX);
	buf_init(&c->inner, TEXT_MAX);
	for (size_t i = 0; i < n; i++) {
		if (i == CLEAN_PATTERNS_MAX || *patterns[i] == '\0')
			return err_set(e, ST_USAGE,
			    i == CLEAN_PATTERNS_MAX ? "--redact: over %d patterns"
						    : "--redact: an empty pattern",
			    CLEAN_PATTERNS_MAX);
		c->n = i + 1;
		if (redactor_open(&c->redact[i], patterns[i], e) < 0) {
			snprintf(why, sizeof why, "%s", e->text);
			return err_set(
			    e, e->status, "--redact: %.100s: %.300s", patterns[i], why);
		}
	}
	return 0;
}

void
clean_done(struct clean *c)
{
	for (size_t i = 0; i < c->n; i++)
		redactor_close(c->redact[i]);
	buf_done(&c->line);
	buf_done(&c->text);
	buf_done(&c->next);
	buf_done(&c->kept);
	buf_done(&c->inner);
}

/* The escape sequence at p (an ESC): behind it. */
static const char *
past_sequence(const char *p, const char *end)
{
	if (++p == end)
		return p;
	switch (*p) {
	case '[': /* parameters, intermediates, a final byte */
		for (p++; p < end && *p >= 0x20 && *p < 0x40; p++)
			;
		return p < end && *p >= 0x40 && *p < 0x7f ? p + 1 : p;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_': /* a string, up to BEL or ESC \ */
		for (p++; p < end && *p != '\a' && *p != '\033'; p++)
			;
		if (p < end && *p == '\a')
			return p + 1;
		return end - p > 1 && p[1] == '\\' ? p + 2 : p;
	default:
		while (p < end && *p >= 0x20 && *p < 0x30)
			p++;
		return p < end && *p >= 0x30 && *p < 0x7f ? p + 1 : p;
	}
}

/* c->text without escape sequences. */
static bool
strip(struct clean *c)
{
	char *to = c->text.p, *esc = to != NULL ? memchr(to, '\033', c->text.n) : NULL;
	const char *p = esc, *end = to + c->text.n, *next;

	if (esc == NULL)
		return false;
	for (to = esc; p < end; p = next) {
		if (*p == '\033') {
			next = past_sequence(p, end);
			continue;
		}
		if ((next = memchr(p, '\033', (size_t)(end - p))) == NULL)
			next = end;
		memmove(to, p, (size_t)(next - p));
		to += next - p;
	}
	c->text.n = (size_t)(to - c->text.p);
	c->stripped++;
	return true;
}

/* c->text with what the pattern fits replaced, by way of c->next. */
static bool
redact(struct clean *c, const struct redactor *r)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->found);
	size_t from = 0, done = 0;
	bool changed = false;
	int n = 0;

	buf_clear(&c->next);
	while (from <= c->text.n && (n = pcre2_match(r->code, (PCRE2_SPTR)c->text.p,
					 c->text.n, from, 0, r->found, r->limits)) >= 0) {
		if (at[0] > at[1] || at[0] < done) { /* \K in a lookaround */
			n = PCRE2_ERROR_INTERNAL;
			break;
		}
		from = at[1];
		if (at[0] == at[1]) { /* nothing: go on behind the next character */
			from++;
			while (from < c->text.n &&
			       ((unsigned char)c->text.p[from] & 0xc0) == 0x80)
				from++;
			continue;
		}
		buf_add(&c->next, c->text.p + done, at[0] - done);
		buf_adds(&c->next, REDACTED);
		done = at[1];
		changed = true;
	}
	if (n < 0 && n != PCRE2_ERROR_NOMATCH) {
		buf_clear(&c->next);
		buf_adds(&c->next, REDACTED);
		done = c->text.n;
		changed = true;
	}
	if (changed) {
		struct buf old = c->text;

		buf_add(&c->next, c->text.p + done, c->text.n - done);
		c->text = c->next;
		c->next = old;
	}
	return changed;
}

/* All that is to be done to c->text; false: nothing was. */
static bool
clean_text(struct clean *c, bool message)
{
	bool changed = message && c->strip && strip(c), hidden = false;

	for (size_t i = 0; i < c->n; i++)
		hidden |= redact(c, c->redact[i]);
	c->redacted += hidden;
	return changed || hidden;
}

static bool
set_text(struct clean *c, const char *p, size_t n)
{
	buf_clear(&c->text);
	if (buf_room(&c->text, n + 1) == NULL)
		return false;
	memcpy(c->text.p, p, n);
	c->text.n = n;
	return true;
}

/* May the inside of a JSON string have to be looked at? */
static bool
is_of_interest(const struct clean *c, struct str raw, bool message)
{
	if (c->n > 0)
		return true;
	return message && c->strip &&
	       (memmem(raw.p, raw.n, "u001b", 5) || memmem(raw.p, raw.n, "u001B", 5));
}

/* Append c->text as the inside of a JSON string. */
static void
put_text(struct buf *to, struct str text)
{
	uint64_t replaced = 0;
	char *at = buf_room(to, JSONW_ROOM(text.n));

	if (at != NULL)
		to->n += (size_t)(jsonw_text(at, text.p, text.n, &replaced) - at);
}

/* What c->text became, in the place of [old, old_end) of what is being copied from *from. */
static void
put_instead(
    struct clean *c, struct buf *to, const char **from, struct str old, bool quotes)
{
	buf_add(to, *from, (size_t)(old.p - *from));
	buf_adds(to, quotes ? "\"" : "");
	put_text(to, (struct str){ c->text.p, c->text.n });
	buf_adds(to, quotes ? "\"" : "");
	*from = old.p + old.n;
}

static const char *clean_values(struct clean *c, struct str value, bool message,
    bool numbers, struct buf *to, const char *from);

/* A message that is JSON, in c->text: its values first, so that it stays JSON. */
static bool
clean_object(struct clean *c)
{
	struct str text;
	const char *from;

	if (c->n == 0 || c->text.n == 0 || *c->text.p != '{' ||
	    !jscan_valid((struct str){ c->text.p, c->text.n }, NULL))
		return false;
	buf_clear(&c->inner);
	buf_clear(&c->kept);
	buf_add(&c->inner, c->text.p, c->text.n);
	if (c->inner.failed)
		return false;
	text = (struct str){ c->inner.p, c->inner.n };
	from = clean_values(c, text, false, true, &c->kept, text.p);
	buf_add(&c->kept, from, (size_t)(text.p + text.n - from));
	if (c->kept.failed || !set_text(c, c->kept.p, c->kept.n))
		set_text(c, REDACTED, sizeof REDACTED - 1);
	return from != text.p;
}

/* The string whose opening quote is at *p; *p goes behind it.  false: it has no end. */
static bool
clean_string(struct clean *c, const char **p, const char *end, bool message,
    struct buf *to, const char **from)
{
	const char *close = jscan_string_end(*p + 1, end), *q;
	struct str raw = { *p + 1, 0 };
	bool changed;
	ptrdiff_t n;

	if (close == NULL)
		return false;
	raw.n = (size_t)(close - raw.p);
	for (q = close + 1;
	     q < end && (*q == ' ' || *q == '\t' || *q == '\n' || *q == '\r'); q++)
		;
	*p = close + 1;
	if ((q < end && *q == ':') || !is_of_interest(c, raw, message) ||
	    !set_text(c, raw.p, raw.n))
		return true;
	if ((n = jscan_unescape(raw, c->text.p)) >= 0)
		c->text.n = (size_t)n;
	changed = message && clean_object(c);
	if (clean_text(c, message) || changed)
		put_instead(c, to, from, raw, false);
	return true;
}

static bool
in_number(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' ||
	       c == 'E';
}

/* The strings of a JSON text that are values (and, if so asked, its numbers, which then
 * become strings), cleaned into `to` with what is between them from `from` on; what is behind
 * the last that was changed is left to the caller: returns where that begins. */
static const char *
clean_values(struct clean *c, struct str value, bool message, bool numbers,
    struct buf *to, const char *from)
{
	const char *p = value.p, *end = p + value.n;

	while (p < end) {
		struct str number = { p, 0 };

		if (*p == '"') {
			if (!clean_string(c, &p, end, message, to, &from))
				return from;
		} else if (numbers && (*p == '-' || (*p >= '0' && *p <= '9'))) {
			while (p < end && in_number(*p))
				p++;
			number.n = (size_t)(p - number.p);
			if (set_text(c, number.p, number.n) && clean_text(c, false))
				put_instead(c, to, &from, number, true);
		} else if (numbers) {
			p++;
		} else if ((p = memchr(p, '"', (size_t)(end - p))) == NULL) {
			break;
		}
	}
	return from;
}

static bool
is_apart(struct str key)
{
	return jscan_key_is(key, STR("_src")) || jscan_key_is(key, STR("time")) ||
	       jscan_key_is(key, STR("stream"));
}

/* A record that would be too long: no more than where it is from. */
static void
shorten(struct clean *c, struct str line)
{
	struct jscan it;
	struct jscan_member m;

	buf_clear(&c->line);
	buf_addc(&c->line, '{');
	jscan_begin(&it, line);
	while (jscan_next(&it, &m) && c->line.n < 1 << 20)
		if (is_apart(m.key) && m.value.n < 1 << 16) {
			buf_add(&c->line, m.key.p - 1, m.key.n + 2);
			buf_addc(&c->line, ':');
			buf_addstr(&c->line, m.value);
			buf_addc(&c->line, ',');
		}
	jsonw_string(&c->line, c->key.p, c->key.n);
	buf_adds(&c->line, ":\"" REDACTED "\"}");
	c->redacted++;
}

static struct str
finished(struct clean *c)
{
	char *to = buf_room(&c->line, BEHIND);

	if (to == NULL)
		return STR("{\"log\":\"" REDACTED "\"}");
	memset(to, 0, BEHIND);
	return (struct str){ c->line.p, c->line.n };
}

struct str
clean_line(struct clean *c, struct str line)
{
	const char *from = line.p;
	struct jscan it;
	struct jscan_member m;

	buf_clear(&c->line);
	if (!jscan_shape(line, NULL)) {
		if (!set_text(c, line.p, line.n) || !clean_text(c, true))
			return line;
		buf_add(&c->line, c->text.p, c->text.n);
		return finished(c);
	}
	jscan_begin(&it, line);
	while (jscan_next(&it, &m))
		if (!is_apart(m.key))
			from = clean_values(c, m.value, jscan_key_is(m.key, c->key),
			    false, &c->line, from);
	if (from == line.p)
		return line;
	buf_add(&c->line, from, (size_t)(line.p + line.n - from));
	if (c->line.failed || c->line.n > NDJSON_LINE_MAX)
		shorten(c, line);
	return finished(c);
}

void
clean_parsed(struct clean *c, struct parsed *got)
{
	size_t at[PARSED_FIELDS_MAX], n;
	const char *from;
	struct str *value;

	buf_clear(&c->kept);
	for (size_t i = 0; i <= got->fields; i++) {
		bool object = i == got->fields, text;

		value = object ? &got->object : &got->field[i].value;
		text = !object && got->field[i].kind == FIELD_TEXT;
		n = c->kept.n;
		if (!object)
			at[i] = SIZE_MAX;
		if (value->n == 0 || c->n == 0)
			continue;
		if (text) {
			if (!set_text(c, value->p, value->n) || !clean_text(c, false))
				continue;
			buf_add(&c->kept, c->text.p, c->text.n);
		} else {
			from = clean_values(c, *value, false, object, &c->kept, value->p);
			if (from == value->p)
				continue;
			buf_add(&c->kept, from, (size_t)(value->p + value->n - from));
		}
		if (object)
			*value = (struct str){ c->kept.p + n, c->kept.n - n };
		else {
			at[i] = n;
			value->n = c->kept.n - n;
		}
	}
	/* now that it does not move any more */
	for (size_t i = 0; i < got->fields; i++)
		if (at[i] != SIZE_MAX)
			got->field[i].value = c->kept.failed
						  ? STR("\"" REDACTED "\"")
						  : (struct str){ c->kept.p + at[i],
							    got->field[i].value.n };
	if (c->kept.failed && got->object.n > 0)
		got->object = STR("{\"" REDACTED "\":true}");
}
