/* diag.h - messages to people, on standard error, as "prog: subject: reason".
 *
 * Control bytes in a message (a file name or a label may hold terminal escapes) are shown
 * as \xNN, never sent to the terminal.
 */
#ifndef DIAG_H
#define DIAG_H
#include <stddef.h>

struct err;

void diag_init(const char *argv0);
const char *diag_prog(void);

/* A warning: shown unless -q.  diag_note: shown with -v.  diag_error: always. */
void diag_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void diag_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void diag_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A text as messages show it, for what goes to standard output: `to` gets as much as has room, and
 * a NUL.  Its length. */
size_t diag_visible(char *to, size_t size, const char *text);

/* Print `e`, return its status: `return diag_end(&e);` ends main. */
int diag_end(const struct err *e);
#endif
