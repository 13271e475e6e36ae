/* opts.h - one table per program: parsing, --help, completions and environment come from it.
 *
 * Options may stand anywhere before "--"; a later one overrides an earlier one, and the
 * command line overrides the environment.  Each has the environment form
 * LOGSWEEP_<NAME>, in capitals with '_' for '-' (flags: 1, yes, true or 0, no, false), and
 * LOGSWEEP_<PROGRAM>_<NAME> for one program of a pipe alone, which goes before it.
 * Secrets are never option values.
 *
 * Every program has, without naming them in its table: -h --help --version -q --quiet
 * -v --verbose --stats[=FILE] --strict --progress=auto|never --confine=auto|no
 * --completion=SHELL.
 */
#ifndef OPTS_H
#define OPTS_H
#include <stdbool.h>
#include <stddef.h>

struct err;

enum opt_kind {
	OPT_FLAG,  /* bool * */
	OPT_STR,   /* const char **, borrowed from argv or the environment */
	OPT_SIZE,  /* uint64_t *, bytes: see units.h */
	OPT_AGE,   /* int64_t *, ns */
	OPT_COUNT, /* uint64_t * */
	OPT_LIST,  /* struct opt_list *, the option may be given again */
	OPT_MAYBE, /* const char **; the value is optional, "" when left out */
};

enum { OPT_LIST_MAX = 256 };

struct opt_list {
	const char *item[OPT_LIST_MAX];
	size_t n;
};

struct opt {
	char letter; /* 0: long form only */
	const char *name,
	    *arg; /* arg: what --help calls the value, a word such as FILE or
				 * choices with '|' (complete.h); NULL for a flag */
	enum opt_kind kind;
	void *to;
	const char *help; /* lower case, no full stop */
};
#define OPTS_END                                                                         \
	{                                                                                \
		0, NULL, NULL, OPT_FLAG, NULL, NULL                                      \
	}

struct prog {
	const char *name, *usage, *about;
	const struct opt *opts;
};

/* The options that all programs have. */
struct common {
	int verbose;
	bool quiet, strict;
	const char *stats;    /* NULL: none; "": standard error; else a file */
	const char *progress; /* "auto" or "never" */
	const char *confine;  /* "auto" or "no": see confined.h */
};
extern struct common common;

/* 0, with *argc and *argv left at the operands; 1: --help, --version or --completion was
 * answered on standard output and the program should end with 0; -1 (ST_USAGE): an option
 * is unknown (the nearest known one is named), lacks its value or has a bad one. */
int opts_parse(const struct prog *p, int *argc, char **argv[], struct err *e);

/* Check a word against a list: 0, or -1 (ST_USAGE) with the words in `e`. */
int opts_choice(const char *option, const char *value, const char *const words[],
    size_t *which, struct err *e);
#endif
