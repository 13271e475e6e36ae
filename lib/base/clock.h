/* clock.h - the time of day and of a run.  Passed in where the result depends on it. */
#ifndef CLOCK_H
#define CLOCK_H
#include <stdint.h>

int64_t clock_now(void);    /* ns since the epoch, UTC */
int64_t clock_steady(void); /* ns, never set back: for durations */

#endif
