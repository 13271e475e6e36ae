/* complete.h - completion scripts for bash, zsh and fish from an option table. */
#ifndef COMPLETE_H
#define COMPLETE_H
struct err;
struct opt;
struct prog;

/* On standard output.  -1 (ST_USAGE): no such shell. */
int complete_print(
    const struct prog *p, const struct opt *shared, const char *shell, struct err *e);
#endif
