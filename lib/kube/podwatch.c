#include "base/clock.h"
#include "base/err.h"
#include "kube/podcache.h"
#include "kube/podfeed.h"
#include "kube/podtable.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECOND 1000000000LL

enum { SAVE_EVERY_S = 60, LIST_WITHIN_S = 60, AGE_EVERY_S = 3600 };

struct podwatch {
	struct podfeed *f;
	struct podwatch_options o;
	pthread_t thread;
	atomic_bool missed;
	int64_t saved_ns, aged_ns;
	uint64_t saved_changes;
	bool failing; /* read after the thread has ended */
	struct err why;
};

static bool
stopped(const struct podwatch *w)
{
	return __atomic_load_n(w->o.stop, __ATOMIC_RELAXED) != 0;
}

/* A watch knows what is there still; what has been deleted long ago is let go. */
static void
age(struct podwatch *w)
{
	int64_t now_s = clock_now() / SECOND;

	if (w->failing || clock_steady() - w->aged_ns < AGE_EVERY_S * SECOND)
		return;
	podtable_lock(w->f->table);
	podtable_age(w->f->table, now_s, now_s - PODCACHE_AGE_S);
	podtable_unlock(w->f->table);
	w->aged_ns = clock_steady();
}

/* The cache is saved on the way, when a minute is over: a pipe that follows is ended by a
 * signal, not by the end of its input. */
static void
save(struct podwatch *w)
{
	uint64_t changes = podtable_changes(w->f->table);
	struct err unused; /* the save at the end of the run tells */

	age(w);
	if (w->o.cache_dir == NULL || changes == w->saved_changes ||
	    clock_steady() - w->saved_ns < SAVE_EVERY_S * SECOND)
		return;
	(void)podcache_save(w->o.cache_dir, w->f->table, clock_now() / SECOND, &unused);
	w->saved_ns = clock_steady();
	w->saved_changes = changes;
}

/* false: told to stop. */
static bool
nap(struct podwatch *w, int64_t ns)
{
	const struct timespec step = { 0, 100000000 };
	int64_t until = clock_steady() + ns;

	while (!stopped(w) && clock_steady() < until) {
		nanosleep(&step, NULL);
		save(w);
	}
	return !stopped(w);
}

static void
note_failure(struct podwatch *w, const struct err *e)
{
	if (stopped(w))
		return;
	w->failing = true;
	w->why = *e;
}

static int
list(struct podwatch *w, struct err *e)
{
	w->f->now_s = clock_now() / SECOND;
	podtable_lock(w->f->table);
	podtable_unlist(w->f->table);
	podtable_unlock(w->f->table);
	return podfeed_list(
	    w->f, w->o.server, w->o.kubelet, clock_steady() + LIST_WITHIN_S * SECOND, e);
}

struct stream {
	struct podwatch *w;
	struct objects o;
};

static int
stream_bytes(void *user, const char *p, size_t n, struct err *e)
{
	struct stream *s = user;
	int r;

	s->w->f->now_s = clock_now() / SECOND;
	r = objects_feed(&s->o, p, n, e);
	s->w->failing = false;
	save(s->w);
	return r;
}

/* One watch, until the server ends it.  ST_ASIDE in `e`: its version is too old. */
static int
watch(struct podwatch *w, struct err *e)
{
	struct stream s = { .w = w };
	struct apiserver_request rq = { .method = "GET",
		.consume = stream_bytes,
		.user = &s,
		.until_ns = clock_steady() + (PODFEED_WATCH_S + 30) * SECOND,
		.quiet = true };
	struct apiserver_answer an;
	struct buf path;
	int r;

	buf_init(&path, 4096);
	buf_adds(&path, "/api/v1/pods?watch=1&allowWatchBookmarks=true");
	buf_printf(&path, "&timeoutSeconds=%d&resourceVersion=", PODFEED_WATCH_S);
	apiserver_encode(&path, str_of(w->f->version));
	if (w->f->node != NULL && w->f->node[0] != '\0') {
		buf_adds(&path, "&fieldSelector=spec.nodeName%3D");
		apiserver_encode(&path, str_of(w->f->node));
	}
	objects_init(&s.o);
	s.o.item = podfeed_item;
	s.o.whole = podfeed_whole;
	s.o.user = w->f;
	apiserver_answer_init(&an);
	rq.path = path.p;
	if ((r = buf_check(&path, "the node's name", e)) == 0 &&
	    (r = apiserver_send(w->o.server, &rq, &an, e)) == 0)
		r = objects_end(&s.o, e);
	if (r < 0 && an.status == 410)
		e->status = ST_ASIDE;
	apiserver_answer_done(&an);
	objects_done(&s.o);
	buf_done(&path);
	return r;
}

/* Doubled with each failure, up to a minute. */
static int64_t
wait_after(unsigned failures)
{
	int64_t s = failures < 6 ? 1LL << failures : PODFEED_WAIT_MAX_S;

	return (s < PODFEED_WAIT_MAX_S ? s : PODFEED_WAIT_MAX_S) * SECOND;
}

static void
run_api(struct podwatch *w)
{
	bool listed = w->f->version[0] != '\0';
	unsigned failures = 0;
	struct err e;
	int r;

	while (!stopped(w)) {
		int64_t began = clock_steady();

		if (!listed)
			r = list(w, &e);
		else
			r = watch(w, &e);
		if (r == 0) {
			w->failing = false;
			failures = 0;
			listed = true;
			/* a server that ends each watch at once must not be asked at once */
			if (clock_steady() - began < SECOND && !nap(w, SECOND))
				return;
			continue;
		}
		if (listed && e.status == ST_ASIDE) {
			listed = false;
			if (failures++ == 0)
				continue;
		}
		note_failure(w, &e);
		if (!nap(w, wait_after(failures++)))
			return;
	}
}

static void
run_kubelet(struct podwatch *w)
{
	struct err e;

	while (nap(w, PODFEED_AGAIN_S * SECOND)) {
		if (!atomic_exchange(&w->missed, false))
			continue;
		if (list(w, &e) < 0)
			note_failure(w, &e);
		else
			w->failing = false;
	}
}

static void *
run(void *user)
{
	struct podwatch *w = user;

	if (!nap(w, w->o.after_ns))
		return NULL;
	if (w->o.server == NULL)
		while (nap(w, SECOND))
			;
	else if (w->o.kubelet)
		run_kubelet(w);
	else
		run_api(w);
	return NULL;
}

struct podwatch *
podwatch_start(struct podfeed *f, const struct podwatch_options *o, struct err *e)
{
	struct podwatch *w = calloc(1, sizeof *w);
	sigset_t all, before;
	int r;

	if (w == NULL) {
		err_set(e, ST_FAIL, "watch: out of memory");
		return NULL;
	}
	w->f = f;
	w->o = *o;
	w->saved_ns = w->aged_ns = clock_steady();
	atomic_init(&w->missed, false);
	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		return w;
	err_set(e, ST_FAIL, "watch: %s", strerror(r));
	free(w);
	return NULL;
}

void
podwatch_missed(struct podwatch *w)
{
	if (!atomic_load_explicit(&w->missed, memory_order_relaxed))
		atomic_store(&w->missed, true);
}

int
podwatch_stop(struct podwatch *w, struct err *e)
{
	int r = 0;

	__atomic_store_n(w->o.stop, 1, __ATOMIC_RELAXED);
	pthread_join(w->thread, NULL);
	if (w->failing) {
		*e = w->why;
		r = -1;
	}
	free(w);
	return r;
}
