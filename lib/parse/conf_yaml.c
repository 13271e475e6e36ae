/* The YAML form, by libyaml. */
#include "base/buf.h"
#include "base/err.h"
#include "parse/conf_read.h"

#include <yaml.h>

struct reader {
	struct conf_place *at;
	yaml_document_t doc;
};

static unsigned
line_of(const yaml_node_t *n)
{
	return (unsigned)n->start_mark.line + 1;
}

static struct str
text_of(const yaml_node_t *n)
{
	return (struct str){ (const char *)n->data.scalar.value, n->data.scalar.length };
}

static bool
is_key(const yaml_node_t *n, const char *a, const char *b)
{
	return n->type == YAML_SCALAR_NODE &&
	       (str_eq(text_of(n), str_of(a)) || str_eq(text_of(n), str_of(b)));
}

/* For each pair of a map, until one fails. */
static int
each_pair(struct reader *r, const yaml_node_t *map, void *arg,
    int (*f)(
	struct reader *, const yaml_node_t *, const yaml_node_t *, void *, struct err *),
    struct err *e)
{
	if (map->type != YAML_MAPPING_NODE)
		return conf_error(r->at, line_of(map), e, "not a map (key: value)");
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start;
	     p < map->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
		const yaml_node_t *value = yaml_document_get_node(&r->doc, p->value);

		if (key->type != YAML_SCALAR_NODE)
			return conf_error(r->at, line_of(key), e, "a key is not text");
		if (f(r, key, value, arg, e) < 0)
			return -1;
	}
	return 0;
}

static int
each_item(struct reader *r, const yaml_node_t *list, void *arg,
    int (*f)(struct reader *, const yaml_node_t *, void *, struct err *), struct err *e)
{
	if (list->type != YAML_SEQUENCE_NODE)
		return conf_error(r->at, line_of(list), e, "not a list (- item)");
	for (const yaml_node_item_t *i = list->data.sequence.items.start;
	     i < list->data.sequence.items.top; i++)
		if (f(r, yaml_document_get_node(&r->doc, *i), arg, e) < 0)
			return -1;
	return 0;
}

/* A word as conf_words() takes it. */
static void
put_word(struct buf *b, struct str s)
{
	buf_adds(b, b->n > 0 ? " \"" : "\"");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			buf_addc(b, s.p[i++]);
		else if (s.p[i] == '"')
			buf_addc(b, '\\');
		buf_addc(b, s.p[i]);
	}
	buf_addc(b, '"');
}

struct rule {
	struct str state, regex, next_state;
};

static int
rule_part(struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *arg,
    struct err *e)
{
	struct rule *rule = arg;
	struct str *to = is_key(key, "state", "state")            ? &rule->state
			 : is_key(key, "regex", "regex")          ? &rule->regex
			 : is_key(key, "next_state", "nextState") ? &rule->next_state
								  : NULL;

	if (to == NULL)
		return conf_error(r->at, line_of(key), e,
		    "%.60s: not state, regex or next_state", text_of(key).p);
	if (value->type != YAML_SCALAR_NODE)
		return conf_error(r->at, line_of(value), e, "not text");
	*to = text_of(value);
	return 0;
}

static int
one_rule(struct reader *r, const yaml_node_t *item, void *arg, struct err *e)
{
	struct rule rule = { .state.p = NULL };
	struct buf b;
	int done;

	(void)arg;
	if (each_pair(r, item, &rule, rule_part, e) < 0)
		return -1;
	if (rule.state.p == NULL || rule.regex.p == NULL)
		return conf_error(r->at, line_of(item), e, "a rule has no %s",
		    rule.state.p == NULL ? "state" : "regex");
	buf_init(&b, 2 * CONF_VALUE_MAX);
	put_word(&b, rule.state);
	put_word(&b, rule.regex);
	if (rule.next_state.p != NULL)
		put_word(&b, rule.next_state);
	done = b.failed ? conf_error(r->at, line_of(item), e, "the rule is too long")
			: conf_entry(r->at, line_of(item), STR("rule"),
			      (struct str){ b.p, b.n }, e);
	buf_done(&b);
	return done;
}

static int
one_value(struct reader *r, const yaml_node_t *item, void *arg, struct err *e)
{
	if (item->type != YAML_SCALAR_NODE)
		return conf_error(r->at, line_of(item), e, "not text");
	return conf_entry(r->at, line_of(item), *(struct str *)arg, text_of(item), e);
}

static int
one_entry(struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *arg,
    struct err *e)
{
	struct str name = text_of(key);

	(void)arg;
	if (value->type == YAML_SEQUENCE_NODE)
		return is_key(key, "rules", "rules")
			   ? each_item(r, value, NULL, one_rule, e)
			   : each_item(r, value, &name, one_value, e);
	return one_value(r, value, &name, e);
}

static int
one_section(struct reader *r, const yaml_node_t *item, void *arg, struct err *e)
{
	if (conf_section(r->at, line_of(item), arg, e) < 0)
		return -1;
	return each_pair(r, item, NULL, one_entry, e);
}

static int
one_variable(struct reader *r, const yaml_node_t *key, const yaml_node_t *value,
    void *arg, struct err *e)
{
	const char *kept;

	(void)arg;
	if (value->type != YAML_SCALAR_NODE)
		return conf_error(r->at, line_of(value), e, "not text");
	if ((kept = conf_value(r->at, line_of(value), text_of(value), e)) == NULL)
		return -1;
	return conf_set(r->at, line_of(key), text_of(key), str_of(kept), e);
}

static int
one_include(struct reader *r, const yaml_node_t *item, void *arg, struct err *e)
{
	const char *path;

	(void)arg;
	if (item->type != YAML_SCALAR_NODE)
		return conf_error(r->at, line_of(item), e, "not a path");
	if ((path = conf_value(r->at, line_of(item), text_of(item), e)) == NULL)
		return -1;
	return conf_include(r->at, line_of(item), path, e);
}

/* Variables first, wherever they stand. */
static int
variables(struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *arg,
    struct err *e)
{
	(void)arg;
	return is_key(key, "env", "env") ? each_pair(r, value, NULL, one_variable, e) : 0;
}

static int
top_level(struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *arg,
    struct err *e)
{
	static char parser[] = "PARSER", multiline[] = "MULTILINE_PARSER";

	(void)arg;
	if (is_key(key, "parsers", "parser"))
		return each_item(r, value, parser, one_section, e);
	if (is_key(key, "multiline_parsers", "multilineParsers"))
		return each_item(r, value, multiline, one_section, e);
	if (is_key(key, "includes", "includes"))
		return each_item(r, value, NULL, one_include, e);
	r->at->conf->skipped += !is_key(key, "env", "env");
	return 0;
}

int
conf_yaml(struct conf_place *at, struct str text, struct err *e)
{
	struct reader r = { .at = at };
	const yaml_node_t *root;
	yaml_parser_t parser;
	int done = 0;

	if (!yaml_parser_initialize(&parser))
		return err_set(e, ST_FAIL, "out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
	if (!yaml_parser_load(&parser, &r.doc)) {
		done = conf_error(at, (unsigned)parser.problem_mark.line + 1, e,
		    "not YAML: %s", parser.problem ? parser.problem : "out of memory");
		yaml_parser_delete(&parser);
		return done;
	}
	if ((root = yaml_document_get_root_node(&r.doc)) != NULL)
		done = each_pair(&r, root, NULL, variables, e) < 0
			   ? -1
			   : each_pair(&r, root, NULL, top_level, e);
	yaml_document_delete(&r.doc);
	yaml_parser_delete(&parser);
	return done;
}
