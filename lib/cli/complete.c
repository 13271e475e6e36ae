#include "cli/complete.h"
#include "base/err.h"
#include "cli/opts.h"

#include <stdio.h>
#include <string.h>

typedef void one_fn(const struct prog *p, const struct opt *o);

static void
each(const struct prog *p, const struct opt *shared, one_fn *f)
{
	for (const struct opt *o = p->opts; o->name != NULL; o++)
		f(p, o);
	for (const struct opt *o = shared; o->name != NULL; o++)
		f(p, o);
}

static void
bash_word(const struct prog *p, const struct opt *o)
{
	(void)p;
	if (o->letter)
		printf("-%c ", o->letter);
	printf("--%s%s ", o->name, o->arg != NULL && o->kind != OPT_MAYBE ? "=" : "");
}

static void
bash(const struct prog *p, const struct opt *shared)
{
	printf("_%s()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n\tif [[ $cur == -* ]]; "
	       "then\n"
	       "\t\tCOMPREPLY=($(compgen -W '",
	    p->name);
	each(p, shared, bash_word);
	printf("' -- \"$cur\"))\n\t\t[[ ${COMPREPLY-} == *= ]] && compopt -o "
	       "nospace\n\telse\n"
	       "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\tfi\n}\n"
	       "complete -o filenames -F _%s %s\n",
	    p->name, p->name);
}

/* Help texts hold no quotes or brackets but these, which zsh would read. */
static void
put_quoted(const char *s, const char *bad)
{
	for (; *s != '\0'; s++)
		putchar(strchr(bad, *s) != NULL ? ' ' : *s);
}

static void
zsh_word(const struct prog *p, const struct opt *o)
{
	(void)p;
	printf("  '--%s%s[", o->name,
	    o->arg == NULL         ? ""
	    : o->kind == OPT_MAYBE ? "=-"
				   : "=");
	put_quoted(o->help, "'[]:");
	printf("]%s%s%s' \\\n", o->arg ? ":" : "", o->arg ? o->arg : "",
	    o->arg ? ":_files" : "");
}

static void
fish_word(const struct prog *p, const struct opt *o)
{
	printf("complete -c %s -l %s ", p->name, o->name);
	if (o->letter)
		printf("-s %c ", o->letter);
	printf("%s-d '", o->arg != NULL && o->kind != OPT_MAYBE ? "-r " : "");
	put_quoted(o->help, "'\\");
	printf("'\n");
}

int
complete_print(
    const struct prog *p, const struct opt *shared, const char *shell, struct err *e)
{
	if (strcmp(shell, "bash") == 0) {
		bash(p, shared);
	} else if (strcmp(shell, "zsh") == 0) {
		printf("#compdef %s\n_arguments -S \\\n", p->name);
		each(p, shared, zsh_word);
		printf("  '*:file:_files'\n");
	} else if (strcmp(shell, "fish") == 0) {
		each(p, shared, fish_word);
	} else {
		return err_set(e, ST_USAGE,
		    "--completion: %.100s: not one of bash, zsh, fish", shell);
	}
	return 0;
}
