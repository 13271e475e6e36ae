/* mlrules.h - which lines are one message: patterns that lead from state to state.
 *
 *     state        pattern                                      leads to
 *     start_state  (?:Exception|Error|Throwable)(?=[:;\s]|$)    head
 *     head         ^\s+at \S                                    frames
 *     frames       ^\s+at \S                                    frames
 *
 * A line that fits a rule of start_state begins a message.  The next line belongs to it if
 * it fits a rule of the state that the line before led to, the first in order; else the
 * message is at its end.  A state out of which no rule leads ends it at once.
 *
 * Two other types have no rules: a message ends with the line that ends with a text
 * (`endswith`) or is that text (`equal`), or with `negate` with the first that does not; each
 * other line goes on with it.  These are Fluent Bit's multi-line parsers; its
 * [MULTILINE_PARSER] sections are read with mlrules_conf().  Source: Fluent Bit's manual,
 * "Multiline Parsing".
 *
 * A pattern that takes more than MLRULES_STEPS steps on a line does not fit it; that is
 * counted in *given_up.  One set of rules belongs to one thread.
 */
#ifndef MLRULES_H
#define MLRULES_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct err;
struct conf;

enum {
	MLRULES_MAX = 256,   /* rules of one name */
	MLRULES_STATES = 64, /* that lead somewhere or are led to */
	MLRULES_STEPS = 100000,
	MLRULES_START = 0, /* the number of start_state */
	MLRULES_NONE = -1,
};

enum mlrules_type { MLRULES_REGEX, MLRULES_ENDSWITH, MLRULES_EQUAL };

struct mlrules {
	char *name;
	enum mlrules_type type;
	bool negate;
	char *match_string;     /* of the last two types */
	char *content, *tested; /* key_content, key_pattern; NULL: the usual one */
	int64_t flush_ns;       /* flush_timeout */
	bool glue;              /* lines are joined without a line feed */
	uint64_t *given_up;     /* may be NULL */

	struct mlrule *rule;
	size_t rules;
	uint64_t leads; /* states out of which a rule leads */
	struct mlmatcher *matcher;
};

/* The built-in rules of that name.  NULL (ST_USAGE): there are none, the others are named;
 * (ST_FAIL): out of memory. */
struct mlrules *mlrules_open(const char *name, struct err *e);

/* The rules of the last [MULTILINE_PARSER] section of that name, with *found set if there
 * is one.  NULL: there is none, or (ST_USAGE) `e` says in which file and line what is wrong. */
struct mlrules *mlrules_conf(
    const struct conf *c, const char *name, bool *found, struct err *e);
void mlrules_free(struct mlrules *r);

/* The state that `text` leads to from `state`, or MLRULES_NONE. */
int mlrules_step(struct mlrules *r, unsigned state, struct str text);

/* Can anything follow in this state? */
static inline bool
mlrules_leads(const struct mlrules *r, unsigned state)
{
	return (r->leads >> state & 1) != 0;
}

/* The built-in rules, as a table, each with a sample that the tests hold it against. */
struct mlbuiltin {
	const char *name;
	const char *sample; /* a message, lines ended by \n */
	const struct mlbuiltin_rule {
		const char *from; /* states, with commas between */
		const char *pattern;
		const char *to;
	} * rule; /* ends with a NULL pattern */
};
extern const struct mlbuiltin mlbuiltins[];
extern const size_t mlbuiltins_n;

/* For mlconf.c: empty rules; a rule more; done.  -1 (ST_USAGE): `e` says why. */
struct mlrules *mlrules_new(const char *name, struct err *e);
int mlrules_add(struct mlrules *r, const char *from, const char *pattern, const char *to,
    struct err *e); /* /PATTERN/, as in ruby.h */
int mlrules_ready(struct mlrules *r, struct err *e);
#endif
