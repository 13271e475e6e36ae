/* stop.h - SIGTERM, SIGINT and SIGHUP end a run in good order, then the program as they would
 * have at once.
 */
#ifndef STOP_H
#define STOP_H
#include <signal.h>
#include <stdbool.h>

extern volatile sig_atomic_t stop_signal; /* 0: none came.  For the rooms to look at */

/* Take them from now on; else they end the program where it is. */
void stop_catch(bool catch);

/* As if this signal had come. */
void stop_by(int sig);

bool stop_came(void);

/* If one came: die of it. */
void stop_end(void);

#endif
