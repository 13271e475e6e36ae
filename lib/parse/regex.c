#include "parse/regex.h"
#include "base/err.h"
#include "parse/parser.h"
#include "parse/ruby.h"

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
	bool keep_empty, twice; /* `twice`: a name may be met more than once */
	char *names;            /* what they point into */
	size_t groups;
	struct str name[PARSED_FIELDS_MAX]; /* of group i + 1 */
	char steps[256], memory[256];       /* why it was given up */
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

/* Is there a field of that name already, that has something in it? */
static struct parsed_field *
met(struct parsed *out, struct str name)
{
	for (size_t i = 0; i < out->fields; i++)
		if (str_eq(out->field[i].name, name))
			return &out->field[i];
	return NULL;
}

/* false: more bytes than a line may have (groups may lie in each other). */
static bool
take_fields(const struct regex *r, struct str text, struct parsed *out)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->found);
	struct parsed_field *f;
	size_t total = 0;

	out->object = (struct str){ 0 };
	out->fields = 0;
	for (size_t i = 0; i < r->groups; i++) {
		PCRE2_SIZE from = at[2 * i + 2], to = at[2 * i + 3];

		if (from == PCRE2_UNSET || to <= from) {
			if (!r->keep_empty)
				continue;
			from = to = 0;
		}
		f = r->twice ? met(out, r->name[i]) : NULL;
		if (f != NULL && f->value.n > 0)
			continue;
		if (f == NULL)
			f = &out->field[out->fields++];
		total += to - from;
		f->name = r->name[i];
		f->value = (struct str){ text.p + from, to - from };
		f->kind = FIELD_TEXT;
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
	out->why = n == PCRE2_ERROR_MATCHLIMIT ? r->steps : r->memory;
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
	free(r->names);
	free(r);
}

/* The byte of the pattern as it was given. */
static int
not_pcre2(const struct ruby *r, int code, size_t at, struct err *e)
{
	char text[160];
	size_t from = r->pattern.n == 0   ? 0
		      : at < r->pattern.n ? r->from[at]
					  : r->from[r->pattern.n - 1] + 1;

	pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
	return err_set(e, ST_USAGE, "regex: byte %zu of the pattern: %s", from + 1, text);
}

pcre2_code *
regex_compile(struct ruby *r, const char *pattern, uint32_t options, struct err *e)
{
	pcre2_compile_context *c;
	pcre2_code *code = NULL;
	PCRE2_SIZE at;
	int error;
	char why[sizeof e->text];

	if (ruby_read(r, str_of(pattern), e) < 0) {
		snprintf(why, sizeof why, "%s", e->text);
		err_set(e, e->status, e->status == ST_USAGE ? "regex: %.480s" : "%.480s",
		    why);
		return NULL;
	}
	if ((c = pcre2_compile_context_create(NULL)) == NULL) {
		err_set(e, ST_FAIL, "out of memory");
		return NULL;
	}
	pcre2_set_newline(c, PCRE2_NEWLINE_LF);
	pcre2_set_bsr(c, PCRE2_BSR_UNICODE);
	code = pcre2_compile((PCRE2_SPTR)(r->pattern.n > 0 ? r->pattern.p : ""),
	    r->pattern.n,
	    options | PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
		(r->dotall ? PCRE2_DOTALL : 0) | (r->caseless ? PCRE2_CASELESS : 0) |
		(r->extended ? PCRE2_EXTENDED : 0) | (r->ucp ? PCRE2_UCP : 0),
	    &error, &at, c);
	if (code == NULL)
		not_pcre2(r, error, at, e);
	else /* where it is not allowed (hardened kernels) the interpreter does the work */
		(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	pcre2_compile_context_free(c);
	return code;
}

/* The names, which point into the pattern, into memory of the parser's own. */
static int
keep_names(struct regex *r, const struct ruby *ruby, struct err *e)
{
	size_t n = 0, total = 1;

	for (size_t i = 0; i < ruby->groups; i++)
		total += ruby->name[i].n;
	if ((r->names = malloc(total)) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	for (size_t i = 0; i < ruby->groups; i++) {
		r->name[i] =
		    (struct str){ memcpy(r->names + n, ruby->name[i].p, ruby->name[i].n),
			    ruby->name[i].n };
		n += ruby->name[i].n;
		for (size_t k = 0; k < i; k++)
			r->twice |= str_eq(r->name[i], r->name[k]);
	}
	r->groups = ruby->groups;
	return 0;
}

static int
compile(struct regex *r, const char *pattern, struct err *e)
{
	struct ruby ruby;
	uint32_t captures = 0;
	int done = -1;

	if ((r->code = regex_compile(&ruby, pattern, 0, e)) == NULL)
		done = -1;
	else if (ruby.groups == 0 || ruby.groups > PARSED_FIELDS_MAX)
		done = err_set(e, ST_USAGE,
		    "regex: the pattern has %zu named groups, not 1 to %d", ruby.groups,
		    PARSED_FIELDS_MAX);
	else if (pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &captures) < 0 ||
		 captures != ruby.groups) /* fields are read by their number */
		done = err_set(e, ST_USAGE,
		    "regex: %zu named groups of the pattern are %u to PCRE2", ruby.groups,
		    (unsigned)captures);
	else
		done = keep_names(r, &ruby, e);
	ruby_done(&ruby);
	return done;
}

static int
prepare(struct regex *r, struct err *e)
{
	size_t jit = 0;

	r->found = pcre2_match_data_create_from_pattern(r->code, NULL);
	r->limits = pcre2_match_context_create(NULL);
	if (r->found == NULL || r->limits == NULL)
		return err_set(e, ST_FAIL, "%s: out of memory", r->parser.name);
	pcre2_set_match_limit(r->limits, REGEX_STEPS);
	pcre2_set_heap_limit(r->limits, REGEX_HEAP_KIB);
	pcre2_pattern_info(r->code, PCRE2_INFO_JITSIZE, &jit);
	if (jit > 0 &&
	    (r->stack = pcre2_jit_stack_create(32 << 10, REGEX_STACK, NULL)) != NULL) {
		pcre2_jit_stack_assign(r->limits, NULL, r->stack);
		r->jit = true;
	}
	snprintf(r->steps, sizeof r->steps,
	    "parser %.100s: given up: the pattern takes too many steps on this text",
	    r->parser.name);
	snprintf(r->memory, sizeof r->memory,
	    "parser %.100s: given up: the pattern takes too much memory on this text",
	    r->parser.name);
	return 0;
}

struct parser *
regex_open(const char *name, const char *pattern, bool keep_empty, struct err *e)
{
	struct regex *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_set(e, ST_FAIL, "%s: out of memory", name);
		return NULL;
	}
	r->parser =
	    (struct parser){ .name = name, .fit = fit, .stops = stops, .close = drop };
	r->keep_empty = keep_empty;
	if (compile(r, pattern, e) < 0 || prepare(r, e) < 0) {
		drop(&r->parser);
		return NULL;
	}
	return &r->parser;
}
