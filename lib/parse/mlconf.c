/* Multi-line rules out of [MULTILINE_PARSER] sections. */
#include "base/err.h"
#include "base/units.h"
#include "parse/conf.h"
#include "parse/mlrules.h"

#include <stdlib.h>
#include <strings.h>

static const char *const keys[] = { "name", "type", "match_string", "negate", "parser",
	"key_content", "key_pattern", "key_group", "flush_timeout", "rule", NULL };

static int
set_text(char **to, const char *value, struct err *e)
{
	free(*to);
	if ((*to = strdup(value)) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	return 0;
}

/* rule "state[,state]" "/pattern/" ["next state"] */
static int
take_rule(struct mlrules *r, const struct conf_section *s, const struct conf_entry *n,
    struct err *e)
{
	struct err inner;
	char nowhere[] = "(end)", *word[3] = { NULL, NULL, nowhere };
	char *copy = strdup(n->value);
	size_t words;
	int got;

	if (copy == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	if ((words = conf_words(copy, word, 3)) != 2 && words != 3)
		got = conf_bad(s, n->line, e,
		    "rule: a state, a pattern and the next state, each in quotes");
	else if ((got = mlrules_add(r, word[0], word[1], word[2], &inner)) < 0)
		got = inner.status == ST_USAGE
			  ? conf_bad(s, n->line, e, "rule: %s", inner.text)
			  : err_set(e, inner.status, "%s", inner.text);
	free(copy);
	return got;
}

static int
take_type(struct mlrules *r, const struct conf_section *s, const struct conf_entry *n,
    struct err *e)
{
	if (strcasecmp(n->value, "regex") == 0)
		r->type = MLRULES_REGEX;
	else if (strcasecmp(n->value, "endswith") == 0)
		r->type = MLRULES_ENDSWITH;
	else if (strcasecmp(n->value, "equal") == 0 || strcasecmp(n->value, "eq") == 0)
		r->type = MLRULES_EQUAL;
	else
		return conf_bad(
		    s, n->line, e, "type: %.40s: not regex, endswith or equal", n->value);
	return 0;
}

/* \n and \\ in match_string, as Fluent Bit reads them. */
static int
take_match(struct mlrules *r, const char *value, struct err *e)
{
	char *to = malloc(strlen(value) + 1);

	if (to == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	free(r->match_string);
	r->match_string = to;
	for (const char *p = value; *p != '\0'; p++) {
		if (*p == '\\' && (p[1] == 'n' || p[1] == 't' || p[1] == '\\')) {
			p++;
			*to++ = (char)(*p == 'n' ? '\n' : *p == 't' ? '\t' : '\\');
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return 0;
}

static int
unknown_key(const struct conf_section *s, const struct conf_entry *n, struct err *e)
{
	const char *near = conf_nearest(n->key, keys);

	return near != NULL ? conf_bad(s, n->line, e,
				  "%.60s: no such key; did you mean %s?", n->key, near)
			    : conf_bad(s, n->line, e,
				  "%.60s: no such key of multi-line rules", n->key);
}

static int
take_entry(struct mlrules *r, const struct conf_section *s, const struct conf_entry *n,
    struct err *e)
{
	struct err inner;
	uint64_t ms;
	int yes;

	if (strcmp(n->key, "name") == 0)
		return 0;
	if (strcmp(n->key, "type") == 0)
		return take_type(r, s, n, e);
	if (strcmp(n->key, "rule") == 0)
		return take_rule(r, s, n, e);
	if (strcmp(n->key, "match_string") == 0)
		return take_match(r, n->value, e);
	if (strcmp(n->key, "key_content") == 0)
		return set_text(&r->content, n->value, e);
	if (strcmp(n->key, "key_pattern") == 0)
		return set_text(&r->tested, n->value, e);
	if (strcmp(n->key, "negate") == 0) {
		if ((yes = conf_bool(n->value)) < 0)
			return conf_bad(
			    s, n->line, e, "negate: %.40s: not yes or no", n->value);
		r->negate = yes;
		return 0;
	}
	if (strcmp(n->key, "flush_timeout") == 0) {
		if (units_count(n->value, 86400000, &ms, &inner) < 0)
			return conf_bad(s, n->line, e,
			    "flush_timeout: %.40s: not a number of milliseconds",
			    n->value);
		r->flush_ns = (int64_t)ms * 1000000;
		return 0;
	}
	if (strcmp(n->key, "key_group") == 0 && strcmp(n->value, "stream") != 0)
		return conf_bad(s, n->line, e,
		    "key_group: %.60s: lines are joined per file and stream, by nothing "
		    "else",
		    n->value);
	if (strcmp(n->key, "key_group") == 0)
		return 0;
	if (strcmp(n->key, "parser") == 0)
		return conf_bad(s, n->line, e,
		    "parser: lines are joined before they are parsed; leave it out, and "
		    "name %.60s with -p",
		    n->value);
	return unknown_key(s, n, e);
}

static int
take_section(struct mlrules *r, const struct conf_section *s, struct err *e)
{
	struct err inner;

	for (size_t i = 0; i < s->entries; i++)
		if (take_entry(r, s, &s->entry[i], e) < 0)
			return -1;
	if (r->type == MLRULES_REGEX && r->negate)
		return conf_bad(s, 0, e, "negate: goes with type endswith or equal");
	if (r->type == MLRULES_REGEX && r->match_string != NULL)
		return conf_bad(
		    s, 0, e, "match_string: goes with type endswith or equal");
	if (r->type != MLRULES_REGEX && r->rules > 0)
		return conf_bad(s, 0, e, "rule: goes with type regex");
	if (r->type != MLRULES_REGEX && r->match_string == NULL)
		return conf_bad(s, 0, e, "match_string: is missing");
	r->glue = r->type != MLRULES_REGEX && r->content != NULL;
	return mlrules_ready(r, &inner) < 0 ? conf_bad(s, 0, e, "%s", inner.text) : 0;
}

struct mlrules *
mlrules_conf(const struct conf *c, const char *name, bool *found, struct err *e)
{
	const struct conf_section *s = NULL;
	struct mlrules *r;

	for (size_t i = 0; c != NULL && i < c->sections; i++) {
		const struct conf_entry *n = conf_find(&c->section[i], "name");

		if (strcmp(c->section[i].name, "MULTILINE_PARSER") == 0 && n != NULL &&
		    strcmp(n->value, name) == 0)
			s = &c->section[i];
	}
	if (!(*found = s != NULL) || (r = mlrules_new(name, e)) == NULL)
		return NULL;
	if (take_section(r, s, e) == 0)
		return r;
	mlrules_free(r);
	return NULL;
}
