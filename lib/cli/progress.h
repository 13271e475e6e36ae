/* progress.h - a line on the terminal that says how far a program has come.
 *
 * Drawn on standard error when that is a terminal, with --progress=auto and without -q, at
 * most four times a second, and wiped away at the end and before each message.  In a pipe
 * only the first program draws: several would write over each other.
 */
#ifndef PROGRESS_H
#define PROGRESS_H
#include <stdbool.h>

struct stats;

/* To call now and then; cheap when nothing is to be drawn.  stats_poll does. */
void progress_draw(const struct stats *s);

/* Will there be one, so that it is worth while to find out what it should say? */
bool progress_wanted(void);

/* Wipe the line away, if there is one. */
void progress_wipe(void);
#endif
