/* complete.h - completion scripts for bash, zsh and fish from an option table.
 *
 * What an option's value is completed to is told by its `arg`: FILE to files, DIR to
 * directories, words with '|' between them to these words (but not "1..9"), and others to
 * nothing.  Operands are completed to files.
 */
#ifndef COMPLETE_H
#define COMPLETE_H
struct err;
struct opt;
struct prog;

/* On standard output.  -1 (ST_USAGE): no such shell. */
int complete_print(
    const struct prog *p, const struct opt *shared, const char *shell, struct err *e);
#endif
