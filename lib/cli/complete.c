#include "cli/complete.h"
#include "base/err.h"
#include "cli/opts.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The program's options and then the shared ones. */
struct table {
	const struct opt *part[2];
};

typedef void one_fn(const struct prog *p, const struct opt *o);

enum values { V_NONE, V_WORDS, V_FILES, V_DIRS, V_OTHER };

static enum values
values_of(const struct opt *o)
{
	if (o->arg == NULL)
		return V_NONE;
	if (strchr(o->arg, '|') != NULL)
		return V_WORDS;
	if (strcmp(o->arg, "FILE") == 0)
		return V_FILES;
	return strcmp(o->arg, "DIR") == 0 ? V_DIRS : V_OTHER;
}

static void
each(const struct prog *p, struct table t, one_fn *f)
{
	for (size_t i = 0; i < 2; i++)
		for (const struct opt *o = t.part[i]; o->name != NULL; o++)
			f(p, o);
}

/* The words of "a|b|1..9" that are words. */
static void
put_words(const char *arg)
{
	for (const char *sep = ""; *arg != '\0';) {
		size_t n = strcspn(arg, "|");

		if (memmem(arg, n, "..", 2) == NULL) {
			printf("%s%.*s", sep, (int)n, arg);
			sep = " ";
		}
		arg += n + (arg[n] == '|');
	}
}

/* ---- bash ---- */

static void
bash_word(const struct prog *p, const struct opt *o)
{
	(void)p;
	if (o->letter)
		printf("-%c ", o->letter);
	printf("--%s%s ", o->name, o->arg != NULL && o->kind != OPT_MAYBE ? "=" : "");
}

/* One branch of a case over the option whose value is being written. */
static void
bash_case(const struct prog *p, const struct opt *o)
{
	static const char *const how[] = {
		[V_FILES] = "_files -f", [V_DIRS] = "_files -d", [V_OTHER] = "_words ''"
	};
	enum values v = values_of(o);

	if (v == V_NONE)
		return;
	printf("\t--%s", o->name);
	if (o->letter)
		printf(" | -%c", o->letter);
	printf(")\n\t\t_%s", p->name);
	if (v == V_WORDS) {
		printf("_words '");
		put_words(o->arg);
		printf("'\n");
	} else {
		printf("%s\n", how[v]);
	}
	printf("\t\treturn\n\t\t;;\n");
}

/* Options whose value may be the next word. */
static void
bash_takes(const struct prog *p, const struct opt *o)
{
	(void)p;
	if (o->arg == NULL || o->kind == OPT_MAYBE)
		return;
	printf("--%s ", o->name);
	if (o->letter)
		printf("-%c ", o->letter);
}

/* bash cuts words at '=', unless told otherwise: "--format=x" comes as three words, or as
 * one.  Only names of files are quoted by bash: '=' after an option must not be. */
static void
bash(const struct prog *p, struct table t)
{
	printf(
	    "_%s_words()\n{\n"
	    "\tmapfile -t COMPREPLY < <(compgen -P \"$pre\" -W \"$1\" -- \"$cur\")\n}\n"
	    "_%s_files()\n{\n"
	    "\tif [[ $pre ]]; then\n"
	    "\t\tmapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\" |\n"
	    "\t\t\twhile IFS= read -r name; do printf '%%s%%q\\n' \"$pre\" \"$name\"; "
	    "done)\n"
	    "\t\treturn\n\tfi\n"
	    "\tcompopt -o filenames 2>/dev/null\n"
	    "\tmapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n}\n"
	    "_%s()\n{\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev= opt= pre= i\n"
	    "\t((COMP_CWORD > 0)) && prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	    "\tCOMPREPLY=()\n",
	    p->name, p->name, p->name);
	printf("\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tif [[ ${COMP_WORDS[i]} == -- ]]; then\n"
	       "\t\t\t_%s_files -f\n\t\t\treturn\n\t\tfi\n\tdone\n",
	    p->name);
	printf("\tif [[ $cur == --*=* ]]; then\n"
	       "\t\topt=${cur%%%%=*} pre=$opt= cur=${cur#*=}\n"
	       "\telif [[ $cur == = && $prev == --* ]]; then\n"
	       "\t\topt=$prev cur=\n"
	       "\telif [[ $prev == = ]] && ((COMP_CWORD > 1)); then\n"
	       "\t\topt=${COMP_WORDS[COMP_CWORD - 2]}\n"
	       "\telif [[ ' ");
	each(p, t, bash_takes);
	printf("' == *\" $prev \"* ]]; then\n\t\topt=$prev\n\tfi\n");
	printf("\tcase $opt in\n");
	each(p, t, bash_case);
	printf("\tesac\n\tif [[ $cur == -* ]]; then\n\t\t_%s_words '", p->name);
	each(p, t, bash_word);
	printf(
	    "'\n\t\t[[ ${COMPREPLY-} == *= ]] && compopt -o nospace 2>/dev/null\n\telse\n"
	    "\t\t_%s_files -f\n\tfi\n}\n"
	    "complete -F _%s %s\n",
	    p->name, p->name, p->name);
}

/* ---- zsh ---- */

static void
put_escaped(const char *s, const char *which, const char *quote)
{
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			fputs(quote, stdout);
		else
			printf("%s%c", strchr(which, *s) != NULL ? "\\" : "", *s);
	}
}

static void
zsh_spec(const struct opt *o, bool letter)
{
	enum values v = values_of(o);

	fputs("  '", stdout);
	if (o->kind == OPT_LIST)
		putchar('*');
	else if (o->letter)
		printf("(-%c --%s)", o->letter, o->name);
	if (letter)
		printf("-%c%s[", o->letter, o->arg != NULL ? "+" : "");
	else
		printf("--%s%s[", o->name,
		    o->arg == NULL         ? ""
		    : o->kind == OPT_MAYBE ? "=-"
					   : "=");
	put_escaped(o->help, "[]:\\", "'\\''");
	putchar(']');
	if (v != V_NONE) {
		fputs(o->kind == OPT_MAYBE ? "::" : ":", stdout);
		put_escaped(o->arg, ":\\", "'\\''");
		putchar(':');
	}
	if (v == V_WORDS) {
		putchar('(');
		put_words(o->arg);
		putchar(')');
	} else if (v == V_FILES || v == V_DIRS) {
		fputs(v == V_DIRS ? "_files -/" : "_files", stdout);
	} else if (v == V_OTHER) {
		putchar(' ');
	}
	fputs("' \\\n", stdout);
}

static void
zsh_word(const struct prog *p, const struct opt *o)
{
	(void)p;
	if (o->letter)
		zsh_spec(o, true);
	zsh_spec(o, false);
}

/* ---- fish ---- */

static void
fish_word(const struct prog *p, const struct opt *o)
{
	enum values v = values_of(o);

	printf("complete -c %s -l %s ", p->name, o->name);
	if (o->letter)
		printf("-s %c ", o->letter);
	if (v == V_WORDS) {
		printf("-x -a '");
		put_words(o->arg);
		printf("' ");
	} else if (o->kind == OPT_MAYBE) {
		; /* "--stats" alone is whole */
	} else if (v != V_NONE) {
		fputs(v == V_FILES  ? "-r -F "
		      : v == V_DIRS ? "-x -a '(__fish_complete_directories)' "
				    : "-x ",
		    stdout);
	}
	printf("-d '");
	put_escaped(o->help, "\\", "\\'");
	printf("'\n");
}

int
complete_print(
    const struct prog *p, const struct opt *shared, const char *shell, struct err *e)
{
	const struct table t = { { p->opts, shared } };

	if (strcmp(shell, "bash") == 0) {
		bash(p, t);
	} else if (strcmp(shell, "zsh") == 0) {
		printf("#compdef %s\n_arguments -s -S \\\n", p->name);
		each(p, t, zsh_word);
		printf("  '*:file:_files'\n");
	} else if (strcmp(shell, "fish") == 0) {
		each(p, t, fish_word);
	} else {
		return err_set(e, ST_USAGE,
		    "--completion: %.100s: not one of bash, zsh, fish", shell);
	}
	return 0;
}
