/* ruby_read.h - what the parts of the translator of ruby.h share: ruby.c has groups and
 * the pattern as a whole, ruby_chars.c escapes and classes. */
#ifndef RUBY_READ_H
#define RUBY_READ_H
#include "parse/ruby.h"

struct ruby_level {
	bool extended;
	unsigned closes; /* of the groups that (?i) and its like opened */
};

struct ruby_reader {
	struct ruby *r;
	const char *start, *p, *end;
	size_t at;    /* of what is being read */
	size_t names; /* groups met in this pass */
	size_t open;  /* where the pattern stood when the last group had just begun */
	bool named;   /* the pattern has named groups: the first pass has found them */
	bool first;
	unsigned depth;
	struct ruby_level level[RUBY_DEPTH + 1];
	struct err *e;
};

/* "byte N of the pattern: why"; -1. */
int ruby_refuse(const struct ruby_reader *rd, const char *why);

/* To PCRE2's pattern. */
void ruby_put(struct ruby_reader *rd, const char *p, size_t n);
void ruby_puts(struct ruby_reader *rd, const char *s);
void ruby_put_number(struct ruby_reader *rd, const char *before, unsigned long n,
    bool hex, const char *after);

/* Up to `max` digits at p; *n gets how many. */
unsigned long ruby_number(
    const char *p, const char *end, int base, unsigned max, unsigned *n);

/* What \d and its like are in a class; NULL: no such letter. */
const char *ruby_set_of(char letter);

/* These read what begins at rd->p (behind a backslash; behind the bracket of a class), and
 * write it: \d, \p{...}, any other escape of one character, [...]. */
int ruby_set(struct ruby_reader *rd, char letter, bool in_class);
int ruby_property(struct ruby_reader *rd, bool in_class);
int ruby_character(struct ruby_reader *rd);
int ruby_class(struct ruby_reader *rd);
#endif
