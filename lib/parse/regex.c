#include "parse/regex.h"
#include "base/err.h"
#include "parse/parser.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct regex {
	struct parser parser; /* first: a parser is cast to its regex */
	pcre2_code *code;
	pcre2_match_context *limits;
	pcre2_match_data *found;
	pcre2_jit_stack *stack;
	bool jit;
	size_t groups;
	struct group {
		struct str name; /* in the compiled pattern */
		uint32_t number;
	} group[PARSED_FIELDS_MAX];
	char why[256];
};

static int
match(const struct regex *r, struct str text, uint32_t options)
{
	PCRE2_SPTR s = (PCRE2_SPTR)text.p;

	if (r->jit && options == 0)
		return pcre2_jit_match(r->code, s, text.n, 0, 0, r->found, r->limits);
	return pcre2_match(
	    r->code, s, text.n, 0, options | PCRE2_NO_UTF_CHECK, r->found, r->limits);
}

/* false: more bytes than a line may have (groups may lie in each other). */
static bool
take_fields(const struct regex *r, struct str text, struct parsed *out)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->found);
	size_t total = 0;

	out->object = (struct str){ 0 };
	out->fields = 0;
	for (size_t i = 0; i < r->groups; i++) {
		const struct group *g = &r->group[i];
		PCRE2_SIZE from = at[2 * g->number], to = at[2 * g->number + 1];

		if (from == PCRE2_UNSET || to <= from)
			continue;
		total += to - from;
		out->field[out->fields].name = g->name;
		out->field[out->fields++].value =
		    (struct str){ text.p + from, to - from };
	}
	return total <= PARSED_BYTES_MAX;
}

static enum parser_fit
fit(const struct parser *p, struct message *m, struct parsed *out)
{
	const struct regex *r = (const struct regex *)p;
	int n;

	if (!message_text(m) || (n = match(r, m->text, 0)) == PCRE2_ERROR_NOMATCH)
		return PARSER_NO;
	out->why = r->why;
	if (n < 0)
		return PARSER_FAILED;
	return take_fields(r, m->text, out) ? PARSER_FITS : PARSER_NO;
}

/* A text that could still become a match fits so far, and so does all that it begins
 * with: the longest such prefix is found by halving. */
static size_t
stops(const struct parser *p, struct str text, const char **why)
{
	const struct regex *r = (const struct regex *)p;
	size_t fits = 0, not = text.n + 1;

	while (not -fits > 1) {
		size_t n = fits + (not -fits) / 2;
		int got;

		while (
		    n > fits && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
			n--;
		if (n == fits)
			break;
		got = match(r, (struct str){ text.p, n }, PCRE2_PARTIAL_HARD);
		if (got >= 0 || got == PCRE2_ERROR_PARTIAL)
			fits = n;
		else
			not = n;
	}
	*why = fits == text.n ? "ends too early" : "does not fit from here";
	return fits;
}

static void
drop(struct parser *p)
{
	struct regex *r = (struct regex *)p;

	pcre2_code_free(r->code);
	pcre2_match_data_free(r->found);
	pcre2_match_context_free(r->limits);
	pcre2_jit_stack_free(r->stack);
	free(r);
}

static int
by_number(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* The table of names: entries of a number, high byte first, and the name. */
static int
learn_groups(struct regex *r, struct err *e)
{
	uint32_t count = 0, size = 0;
	PCRE2_SPTR entry = NULL;

	pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &entry);
	if (count == 0 || count > PARSED_FIELDS_MAX)
		return err_set(e, ST_USAGE,
		    "%s: the pattern has %u named groups, not 1 to %d", r->parser.name,
		    count, PARSED_FIELDS_MAX);
	for (r->groups = 0; r->groups < count; r->groups++, entry += size) {
		r->group[r->groups].number = (uint32_t)entry[0] << 8 | entry[1];
		r->group[r->groups].name = str_of((const char *)entry + 2);
	}
	qsort(r->group, r->groups, sizeof r->group[0], by_number);
	return 0;
}

static int
compile(struct regex *r, const char *pattern, struct err *e)
{
	int code;
	PCRE2_SIZE at;
	char text[160];

	r->code = pcre2_compile(
	    (PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &at, NULL);
	if (r->code == NULL) {
		pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
		return err_set(e, ST_USAGE, "%s: byte %zu of the pattern: %s",
		    r->parser.name, at, text);
	}
	return learn_groups(r, e);
}

static int
prepare(struct regex *r, struct err *e)
{
	r->found = pcre2_match_data_create_from_pattern(r->code, NULL);
	r->limits = pcre2_match_context_create(NULL);
	if (r->found == NULL || r->limits == NULL)
		return err_set(e, ST_FAIL, "%s: out of memory", r->parser.name);
	pcre2_set_match_limit(r->limits, REGEX_STEPS);
	pcre2_set_heap_limit(r->limits, REGEX_HEAP_KIB);
	/* where JIT is not allowed (hardened kernels) the interpreter does the work */
	if (pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0 &&
	    (r->stack = pcre2_jit_stack_create(32 << 10, REGEX_STACK, NULL)) != NULL) {
		pcre2_jit_stack_assign(r->limits, NULL, r->stack);
		r->jit = true;
	}
	snprintf(r->why, sizeof r->why,
	    "parser %.100s: given up: the pattern takes too many steps on this text",
	    r->parser.name);
	return 0;
}

struct parser *
regex_open(const char *name, const char *pattern, struct err *e)
{
	struct regex *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_set(e, ST_FAIL, "%s: out of memory", name);
		return NULL;
	}
	r->parser =
	    (struct parser){ .name = name, .fit = fit, .stops = stops, .close = drop };
	if (compile(r, pattern, e) < 0 || prepare(r, e) < 0) {
		drop(&r->parser);
		return NULL;
	}
	return &r->parser;
}
