#include "parse/mlrules.h"
#include "base/err.h"
#include "parse/regex.h"
#include "parse/ruby.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>
#include <string.h>

enum {
	JIT_STACK = 256 << 10,
	HEAP_KIB = 4 << 10,
	STATE_NAME = 128, /* bytes */
};

/* For the types without rules. */
enum { GOES_ON = 1, ENDED = 2 };

struct mlrule {
	uint64_t from;
	int to;
	pcre2_code *code;
	bool jit;
};

struct mlmatcher {
	pcre2_match_data *found;
	pcre2_match_context *limits;
	pcre2_jit_stack *stack;
	char *state[MLRULES_STATES];
	unsigned states;
};

static int
no_memory(const char *name, struct err *e)
{
	return err_set(e, ST_FAIL, "%.100s: out of memory", name);
}

static int
make_matcher(struct mlrules *r, struct err *e)
{
	struct mlmatcher *m = r->matcher = calloc(1, sizeof *m);

	if (m == NULL)
		return no_memory(r->name, e);
	m->found = pcre2_match_data_create(1, NULL);
	m->limits = pcre2_match_context_create(NULL);
	m->stack = pcre2_jit_stack_create(32 << 10, JIT_STACK, NULL);
	m->state[m->states++] = strdup("start_state");
	if (m->found == NULL || m->limits == NULL || m->stack == NULL ||
	    m->state[0] == NULL)
		return no_memory(r->name, e);
	pcre2_set_match_limit(m->limits, MLRULES_STEPS);
	pcre2_set_heap_limit(m->limits, HEAP_KIB);
	pcre2_jit_stack_assign(m->limits, NULL, m->stack);
	return 0;
}

struct mlrules *
mlrules_new(const char *name, struct err *e)
{
	struct mlrules *r = calloc(1, sizeof *r);

	if (r == NULL || (r->name = strdup(name)) == NULL) {
		free(r);
		no_memory(name, e);
		return NULL;
	}
	r->flush_ns = 4000000000;
	if (make_matcher(r, e) < 0) {
		mlrules_free(r);
		return NULL;
	}
	return r;
}

void
mlrules_free(struct mlrules *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->rules; i++)
		pcre2_code_free(r->rule[i].code);
	if (r->matcher != NULL) {
		pcre2_match_data_free(r->matcher->found);
		pcre2_match_context_free(r->matcher->limits);
		pcre2_jit_stack_free(r->matcher->stack);
		for (unsigned i = 0; i < r->matcher->states; i++)
			free(r->matcher->state[i]);
	}
	free(r->matcher);
	free(r->rule);
	free(r->match_string);
	free(r->content);
	free(r->tested);
	free(r->name);
	free(r);
}

/* The number of a state, which is made if there is none of that name; -1. */
static int
state_number(struct mlrules *r, struct str name, struct err *e)
{
	struct mlmatcher *m = r->matcher;

	while (name.n > 0 && (*name.p == ' ' || *name.p == '\t'))
		name.p++, name.n--;
	while (name.n > 0 && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
		name.n--;
	if (name.n == 0 || name.n > STATE_NAME)
		return err_set(
		    e, ST_USAGE, "the name of a state has 1 to %d bytes", STATE_NAME);
	for (unsigned i = 0; i < m->states; i++)
		if (str_eq(str_of(m->state[i]), name))
			return (int)i;
	if (m->states == MLRULES_STATES)
		return err_set(e, ST_USAGE, "over %d states", MLRULES_STATES);
	if ((m->state[m->states] = strndup(name.p, name.n)) == NULL)
		return no_memory(r->name, e);
	return (int)m->states++;
}

/* A rule more; `code` becomes part of it, or is freed. */
static int
add(struct mlrules *r, const char *from, pcre2_code *code, const char *to, struct err *e)
{
	struct mlrule rule = { .code = code }, *grown;
	size_t jit_size = 0;
	const char *p = from;
	int s = 0;

	for (; s >= 0; p++) {
		size_t n = strcspn(p, ",");

		if ((s = state_number(r, (struct str){ p, n }, e)) >= 0)
			rule.from |= (uint64_t)1 << s;
		if (*(p += n) == '\0')
			break;
	}
	if (s >= 0)
		s = rule.to = state_number(r, str_of(to), e);
	if (s >= 0 && r->rules == MLRULES_MAX)
		s = err_set(e, ST_USAGE, "over %d rules", MLRULES_MAX);
	if (s >= 0 &&
	    (grown = realloc(r->rule, (r->rules + 1) * sizeof *grown)) != NULL) {
		/* where JIT is not allowed the interpreter does the work */
		rule.jit = pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit_size) == 0 &&
			   jit_size > 0;
		r->rule = grown;
		r->rule[r->rules++] = rule;
		r->leads |= rule.from;
		return 0;
	}
	pcre2_code_free(code);
	return s < 0 ? -1 : no_memory(r->name, e);
}

/* Those of the house: bytes, not characters. */
static int
add_builtin(struct mlrules *r, const struct mlbuiltin_rule *b, struct err *e)
{
	int error;
	PCRE2_SIZE at;
	pcre2_code *code = pcre2_compile(
	    (PCRE2_SPTR)b->pattern, PCRE2_ZERO_TERMINATED, 0, &error, &at, NULL);

	if (code == NULL)
		return err_set(e, ST_FAIL, "%s: byte %zu of %s", r->name, at, b->pattern);
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	return add(r, b->from, code, b->to, e);
}

int
mlrules_add(struct mlrules *r, const char *from, const char *pattern, const char *to,
    struct err *e)
{
	struct ruby *ruby = calloc(1, sizeof *ruby);
	pcre2_code *code = NULL;

	if (ruby == NULL)
		return no_memory(r->name, e);
	if (pattern[0] == '\0' || strcmp(pattern, "//") == 0)
		err_set(e, ST_USAGE, "the pattern is empty");
	else {
		code = regex_compile(ruby, pattern, PCRE2_MATCH_INVALID_UTF, e);
		ruby_done(ruby);
	}
	free(ruby);
	return code == NULL ? -1 : add(r, from, code, to, e);
}

int
mlrules_ready(struct mlrules *r, struct err *e)
{
	if (r->type != MLRULES_REGEX) {
		r->leads = 1 << MLRULES_START | 1 << GOES_ON;
		return 0;
	}
	if (!mlrules_leads(r, MLRULES_START))
		return err_set(e, ST_USAGE,
		    "%.100s: no rule of start_state begins a message", r->name);
	return 0;
}

static bool
fits(struct mlrules *r, const struct mlrule *rule, struct str text)
{
	const struct mlmatcher *m = r->matcher;
	PCRE2_SPTR s = (PCRE2_SPTR)text.p;
	int n = rule->jit
		    ? pcre2_jit_match(rule->code, s, text.n, 0, 0, m->found, m->limits)
		    : pcre2_match(rule->code, s, text.n, 0, 0, m->found, m->limits);

	if (n < 0 && n != PCRE2_ERROR_NOMATCH && r->given_up != NULL)
		++*r->given_up;
	return n >= 0;
}

int
mlrules_step(struct mlrules *r, unsigned state, struct str text)
{
	struct str with;
	bool ends;

	if (r->type == MLRULES_REGEX) {
		for (size_t i = 0; i < r->rules; i++)
			if ((r->rule[i].from >> state & 1) != 0 &&
			    fits(r, &r->rule[i], text))
				return r->rule[i].to;
		return MLRULES_NONE;
	}
	with = str_of(r->match_string);
	ends = r->type == MLRULES_EQUAL ? str_eq(text, with) : str_ends(text, with);
	return ends != r->negate ? ENDED : GOES_ON;
}

static void
no_such(const char *name, struct err *e)
{
	size_t n = 0;
	char list[200] = "";

	if (strcmp(name, "docker") == 0 || strcmp(name, "cri") == 0) {
		err_set(e, ST_USAGE,
		    "--multiline: %s: logtail has joined the parts of such lines "
		    "already; "
		    "leave it out",
		    name);
		return;
	}
	for (size_t i = 0; i < mlbuiltins_n; i++) {
		n += strlen(mlbuiltins[i].name) + 2;
		if (n < sizeof list) {
			strcat(list, i > 0 ? ", " : "");
			strcat(list, mlbuiltins[i].name);
		}
	}
	err_set(e, ST_USAGE,
	    "--multiline: %.100s: no such rules; there are %s, and those of -R", name,
	    list);
}

struct mlrules *
mlrules_open(const char *name, struct err *e)
{
	const struct mlbuiltin_rule *rule;
	struct mlrules *r;
	size_t i = 0;

	while (i < mlbuiltins_n && strcmp(mlbuiltins[i].name, name) != 0)
		i++;
	if (i == mlbuiltins_n) {
		no_such(name, e);
		return NULL;
	}
	if ((r = mlrules_new(name, e)) == NULL)
		return NULL;
	for (rule = mlbuiltins[i].rule; rule->pattern != NULL; rule++)
		if (add_builtin(r, rule, e) < 0)
			goto bad;
	if (mlrules_ready(r, e) == 0)
		return r;
bad:
	mlrules_free(r);
	return NULL;
}
