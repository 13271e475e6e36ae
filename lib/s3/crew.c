#include "s3/crew.h"
#include "base/err.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct slot {
	void *job;
	bool done; /* under the lock */
};

struct worker {
	struct crew *crew;
	pthread_t thread;
	unsigned mine;
};

struct crew {
	struct slot *ring;
	unsigned depth, threads;
	crew_work *work;
	void *user;
	struct worker worker[CREW_THREADS_MAX];
	int event;
	size_t head, tail; /* counted for ever; tail is where the next job goes */
	pthread_mutex_t lock;
	pthread_cond_t more; /* a job to do, or the end */
	size_t begun;        /* under the lock: jobs before it are done or under way */
	size_t added;        /* under the lock: what the workers may know of tail */
	bool over;
};

static void *
labour(void *user)
{
	struct worker *w = user;
	struct crew *c = w->crew;
	struct slot *s;
	uint64_t one = 1;
	ssize_t ignored;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (c->begun == c->added && !c->over)
			pthread_cond_wait(&c->more, &c->lock);
		if (c->begun == c->added)
			break;
		s = &c->ring[c->begun++ % c->depth];
		pthread_mutex_unlock(&c->lock);
		c->work(c->user, w->mine, s->job);
		pthread_mutex_lock(&c->lock);
		s->done = true;
		ignored = write(c->event, &one, sizeof one);
		(void)ignored;
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct crew *
crew_new(unsigned threads, unsigned depth, crew_work *work, void *user, struct err *e)
{
	struct crew *c = calloc(1, sizeof *c);
	sigset_t all, before;

	if (c == NULL || (c->ring = calloc(depth, sizeof *c->ring)) == NULL ||
	    (c->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		err_set(e, ST_FAIL, "threads: out of memory");
		if (c != NULL)
			free(c->ring);
		free(c);
		return NULL;
	}
	c->depth = depth;
	c->work = work;
	c->user = user;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; c->threads < threads; c->threads++) {
		struct worker *w = &c->worker[c->threads];

		*w = (struct worker){ .crew = c, .mine = c->threads };
		if (pthread_create(&w->thread, NULL, labour, w) != 0)
			break;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (c->threads < threads) {
		crew_free(c);
		err_set(e, ST_FAIL, "threads: the system gives no more; a smaller -j");
		return NULL;
	}
	return c;
}

void
crew_free(struct crew *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->over = true;
	pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->threads; i++)
		pthread_join(c->worker[i].thread, NULL);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->more);
	close(c->event);
	free(c->ring);
	free(c);
}

bool
crew_full(const struct crew *c)
{
	return c->tail - c->head == c->depth;
}

size_t
crew_jobs(const struct crew *c)
{
	return c->tail - c->head;
}

void *
crew_job(const struct crew *c, size_t i)
{
	return c->ring[(c->head + i) % c->depth].job;
}

void
crew_add(struct crew *c, void *job)
{
	pthread_mutex_lock(&c->lock);
	c->ring[c->tail % c->depth] = (struct slot){ .job = job };
	c->added = ++c->tail;
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
}

void *
crew_take(struct crew *c)
{
	struct slot *s = &c->ring[c->head % c->depth];
	bool done;

	if (c->head == c->tail)
		return NULL;
	pthread_mutex_lock(&c->lock);
	done = s->done;
	pthread_mutex_unlock(&c->lock);
	if (!done)
		return NULL;
	c->head++;
	return s->job;
}

int
crew_ready_fd(const struct crew *c)
{
	return c->event;
}

void
crew_heard(struct crew *c)
{
	uint64_t n;
	ssize_t ignored = read(c->event, &n, sizeof n);

	(void)ignored;
}
