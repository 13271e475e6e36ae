#include "cli/opts.h"
#include "base/err.h"
#include "base/units.h"
#include "cli/complete.h"
#include "cli/libraries.h"

#include <ctype.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef LOGSWEEP_VERSION
#define LOGSWEEP_VERSION "0.1.0"
#endif

enum { MAXOPTS = 64, LONG_ONLY = 256 };

struct common common = { .progress = "auto", .confine = "auto" };

static bool help_wanted, version_wanted, verbose_seen;
static const char *completion;

static const struct opt shared[] = {
	{ 'h', "help", NULL, OPT_FLAG, &help_wanted, "show this text" },
	{ 0, "version", NULL, OPT_FLAG, &version_wanted,
	    "show the version, and those of the libraries" },
	{ 'q', "quiet", NULL, OPT_FLAG, &common.quiet, "errors only" },
	{ 'v', "verbose", NULL, OPT_FLAG, &verbose_seen,
	    "tell decisions; twice: details" },
	{ 0, "strict", NULL, OPT_FLAG, &common.strict, "end at the first bad record" },
	{ 0, "stats", "FILE", OPT_MAYBE, &common.stats,
	    "a line of counts at the end (standard error, or appended to FILE)" },
	{ 0, "progress", "auto|never", OPT_STR, &common.progress,
	    "draw progress when standard error is a terminal, or never" },
	{ 0, "confine", "auto|no", OPT_STR, &common.confine,
	    "give up files, sockets and system calls that are not needed, or not" },
	{ 0, "completion", "bash|zsh|fish", OPT_STR, &completion,
	    "print a completion script" },
	OPTS_END,
};

/* Row `i` of the program's table followed by the shared one; NULL at the end. */
static const struct opt *
row(const struct prog *p, size_t i)
{
	size_t n = 0;

	while (p->opts[n].name != NULL)
		n++;
	if (i < n)
		return &p->opts[i];
	return shared[i - n].name != NULL ? &shared[i - n] : NULL;
}

static void
help(const struct prog *p)
{
	const struct opt *o;

	printf("usage: %s %s\n\n%s\n\n", p->name, p->usage, p->about);
	for (size_t i = 0; (o = row(p, i)) != NULL; i++) {
		char left[64], letter[5] = "    ";

		if (o->letter)
			snprintf(letter, sizeof letter, "-%c, ", o->letter);
		snprintf(left, sizeof left,
		    o->kind == OPT_MAYBE ? "%s[=%s]"
		    : o->arg             ? "%s=%s"
					 : "%s%s",
		    o->name, o->arg ? o->arg : "");
		if (strlen(left) > 20)
			printf("  %s--%s\n%30s%s\n", letter, left, "", o->help);
		else
			printf("  %s--%-20s  %s\n", letter, left, o->help);
	}
	printf("\nEach option has an environment form LOGSWEEP_<OPTION>.  See %s(1), "
	       "logsweep(7).\n",
	    p->name);
}

static int
set_flag(const struct opt *o, const char *value, struct err *e)
{
	static const char *const no[] = { "0", "no", "false", "" };
	static const char *const yes[] = { "1", "yes", "true" };

	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (strcmp(value, no[i]) == 0) {
			*(bool *)o->to = false;
			return 0;
		}
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (strcmp(value, yes[i]) == 0) {
			*(bool *)o->to = true;
			return 0;
		}
	return err_set(e, ST_USAGE, "--%s: %.200s: not yes or no", o->name, value);
}

/* Names the option in front of what units said of the value. */
static int
named(const struct opt *o, int r, struct err *e)
{
	struct err inner = *e;

	return r < 0 ? err_set(e, ST_USAGE, "--%s: %.400s", o->name, inner.text) : 0;
}

static int
set(const struct opt *o, const char *value, struct err *e)
{
	struct opt_list *l;

	switch (o->kind) {
	case OPT_FLAG:
		return set_flag(o, value, e);
	case OPT_STR:
	case OPT_MAYBE:
		*(const char **)o->to = value;
		return 0;
	case OPT_SIZE:
		return named(o, units_size(value, o->to, e), e);
	case OPT_AGE:
		return named(o, units_age(value, o->to, e), e);
	case OPT_COUNT:
		return named(o, units_count(value, UINT32_MAX, o->to, e), e);
	case OPT_LIST:
		l = o->to;
		if (l->n == OPT_LIST_MAX)
			return err_set(e, ST_USAGE, "--%s: given more than %d times",
			    o->name, OPT_LIST_MAX);
		l->item[l->n++] = value;
		return 0;
	}
	return 0;
}

/* `given[i]`: row i has its value from the environment. */
/* LOGSWEEP_<PROGRAM>_<OPTION>, else LOGSWEEP_<OPTION>; `name` is the one that is set. */
static const char *
environment(const struct prog *p, const struct opt *o, char name[96])
{
	const char *value;

	for (int own = 1; own >= 0; own--) {
		snprintf(name, 96, "LOGSWEEP_%s%s%s", own ? p->name : "", own ? "_" : "",
		    o->name);
		for (char *s = name; *s != '\0'; s++)
			*s = (char)(*s == '-' ? '_' : toupper((unsigned char)*s));
		if ((value = getenv(name)) != NULL)
			return value;
	}
	return NULL;
}

static int
from_environment(const struct prog *p, bool given[MAXOPTS], struct err *e)
{
	const struct opt *o;
	const char *value;
	char name[96];

	for (size_t i = 0; i < MAXOPTS && (o = row(p, i)) != NULL; i++) {
		if (o->to == &help_wanted || o->to == &version_wanted ||
		    o->to == &completion || (value = environment(p, o, name)) == NULL)
			continue;
		if (set(o, value, e) < 0) {
			struct err inner = *e;
			return err_set(e, ST_USAGE, "%s: %.400s", name, inner.text);
		}
		given[i] = true;
	}
	common.verbose += verbose_seen;
	verbose_seen = false;
	return 0;
}

/* Damerau-free edit distance; the words are short. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned rows[2][64];
	size_t n = strlen(b);

	if (n > 62 || strlen(a) > 62)
		return 99;
	for (size_t j = 0; j <= n; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		unsigned *cur = rows[i & 1], *old = rows[(i + 1) & 1];

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned swap = old[j - 1] + (a[i - 1] != b[j - 1]);
			unsigned one = (old[j] < cur[j - 1] ? old[j] : cur[j - 1]) + 1;
			cur[j] = swap < one ? swap : one;
		}
	}
	return rows[strlen(a) & 1][n];
}

static int
unknown(const struct prog *p, const char *given, struct err *e)
{
	const struct opt *o, *best = NULL;
	unsigned d, least = 4;
	char word[64];

	if (strncmp(given, "--", 2) == 0) {
		snprintf(
		    word, sizeof word, "%.*s", (int)strcspn(given + 2, "="), given + 2);
		for (size_t i = 0; (o = row(p, i)) != NULL; i++)
			if ((d = distance(word, o->name)) < least) {
				least = d;
				best = o;
			}
	}
	if (best != NULL)
		return err_set(e, ST_USAGE, "%.100s: unknown option; did you mean --%s?",
		    given, best->name);
	return err_set(e, ST_USAGE, "%.100s: unknown option; try --help", given);
}

static int
answer(const struct prog *p, struct err *e)
{
	if (help_wanted)
		help(p);
	else if (version_wanted)
		printf("%s (logsweep) " LOGSWEEP_VERSION "%s%s\n", p->name,
		    *libraries() ? "; " : "", libraries());
	else if (completion != NULL && complete_print(p, shared, completion, e) < 0)
		return -1;
	else if (completion == NULL)
		return 0;
	return fflush(stdout) == 0 ? 1 : err_sys(e, "<stdout>");
}

int
opts_parse(const struct prog *p, int *argcp, char **argvp[], struct err *e)
{
	int argc = *argcp;
	char **argv = *argvp;
	bool given[MAXOPTS] = { false };
	struct option lo[MAXOPTS + 1] = { 0 };
	char so[3 * MAXOPTS + 2] = ":";
	size_t s = 1, n = 0;
	const struct opt *o;

	if (from_environment(p, given, e) < 0)
		return -1;
	for (; n < MAXOPTS && (o = row(p, n)) != NULL; n++) {
		lo[n] = (struct option){ o->name,
			o->arg == NULL         ? no_argument
			: o->kind == OPT_MAYBE ? optional_argument
					       : required_argument,
			NULL, LONG_ONLY + (int)n };
		if (o->letter) {
			so[s++] = o->letter;
			if (o->arg)
				so[s++] = ':';
		}
	}
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, so, lo, NULL)) != -1;) {
		if (c == ':')
			return err_set(e, ST_USAGE, "%.100s: needs a value; try --help",
			    argv[optind - 1]);
		if (c == '?' && optopt > 0 && optopt < LONG_ONLY)
			return err_set(
			    e, ST_USAGE, "-%c: unknown option; try --help", optopt);
		if (c == '?' && optopt >= LONG_ONLY)
			return err_set(
			    e, ST_USAGE, "%.100s: takes no value", argv[optind - 1]);
		if (c == '?')
			return unknown(p, argv[optind - 1], e);
		for (size_t i = 0; (o = row(p, i)) != NULL; i++) {
			if (c != LONG_ONLY + (int)i && (o->letter == 0 || c != o->letter))
				continue;
			if (o->kind == OPT_LIST && given[i])
				((struct opt_list *)o->to)->n = 0;
			given[i] = false;
			if (set(o, o->arg == NULL ? "1" : optarg ? optarg : "", e) < 0)
				return -1;
			break;
		}
		common.verbose += verbose_seen;
		verbose_seen = false;
	}
	*argcp -= optind;
	*argvp += optind;
	if (strcmp(common.progress, "auto") != 0 && strcmp(common.progress, "never") != 0)
		return err_set(e, ST_USAGE, "--progress: %.100s: not auto or never",
		    common.progress);
	if (strcmp(common.confine, "auto") != 0 && strcmp(common.confine, "no") != 0)
		return err_set(
		    e, ST_USAGE, "--confine: %.100s: not auto or no", common.confine);
	return answer(p, e);
}

int
opts_choice(const char *option, const char *value, const char *const words[],
    size_t *which, struct err *e)
{
	char all[200] = "";

	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(value, words[i]) == 0) {
			*which = i;
			return 0;
		}
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
		    i ? ", " : "", words[i]);
	}
	return err_set(e, ST_USAGE, "--%s: %.100s: not one of %s", option, value, all);
}
