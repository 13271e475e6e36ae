/* crew.h - a few threads that do jobs; the results come in the order of the jobs.
 *
 *     main thread:  crew_add  crew_add  crew_take  crew_add  crew_take ...
 *     workers:          do the oldest job that nobody does yet
 *
 * Jobs wait and results stand in one ring of `depth`, so a slow job at its head lets at
 * most depth - 1 others pass.  All calls are the main thread's.  crew_ready_fd becomes
 * readable when a job is done, for poll(2) beside an input.  The threads take no signals.
 */
#ifndef CREW_H
#define CREW_H
#include <stdbool.h>
#include <stddef.h>

struct crew; /* opaque */
struct err;

enum { CREW_THREADS_MAX = 64, CREW_DEPTH_MAX = 256 };

/* `work` is called by thread `mine` of [0, threads) with a job; `user` is of all. */
typedef void crew_work(void *user, unsigned mine, void *job);

/* NULL: ST_FAIL. */
struct crew *crew_new(
    unsigned threads, unsigned depth, crew_work *work, void *user, struct err *e);
void crew_free(struct crew *c); /* waits for the jobs under way; takes no result */

bool crew_full(const struct crew *c);
size_t crew_jobs(const struct crew *c);         /* added and not taken */
void *crew_job(const struct crew *c, size_t i); /* the i-th oldest of them, to look at */
void crew_add(struct crew *c, void *job);       /* not when it is full */

/* The oldest job, when it is done; NULL: it is not, or there is none. */
void *crew_take(struct crew *c);

int crew_ready_fd(const struct crew *c);
void crew_heard(struct crew *c); /* crew_ready_fd is no longer readable */

#endif
