#include "cli/stats.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "cli/diag.h"
#include "cli/opts.h"
#include "cli/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

static void
on_usr1(int sig)
{
	(void)sig;
	asked = 1;
}

void
stats_init(struct stats *s)
{
	struct sigaction sa = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };

	s->started = clock_steady();
	sigaction(SIGUSR1, &sa, NULL);
}

void
stats_own(struct stats *s, const char *name, const uint64_t *n)
{
	if (s->owns < STATS_OWN_MAX) {
		s->own[s->owns].name = name;
		s->own[s->owns++].n = n;
	}
}

void
stats_time(struct stats *s, struct str time)
{
	timestamp_widen(s->first_time, s->last_time, time);
}

static __attribute__((format(printf, 4, 5))) size_t
put(char *line, size_t n, size_t size, const char *fmt, ...)
{
	va_list ap;
	int w;

	va_start(ap, fmt);
	w = vsnprintf(line + n, size - n, fmt, ap);
	va_end(ap);
	return w < 0 || (size_t)w >= size - n ? size - 1 : n + (size_t)w;
}

static size_t
put_time(char *line, size_t n, size_t size, const char *name, const char *time)
{
	return put(line, n, size, time[0] ? ",\"%s\":\"%s\"" : ",\"%s\":%s", name,
	    time[0] ? time : "null");
}

static size_t
render(const struct stats *s, char *line, size_t size)
{
	size_t n = 0;

	n = put(line, n, size, "{\"program\":\"%s\",\"in\":%" PRIu64 ",\"out\":%" PRIu64,
	    diag_prog(), s->in, s->out);
	n = put(line, n, size,
	    ",\"rejected\":%" PRIu64 ",\"filtered\":%" PRIu64 ",\"joined\":%" PRIu64,
	    s->rejected, s->filtered, s->joined);
	n = put(line, n, size, ",\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64,
	    s->bytes_in, s->bytes_out);
	n = put_time(line, n, size, "first_time", s->first_time);
	n = put_time(line, n, size, "last_time", s->last_time);
	n = put(line, n, size, ",\"seconds\":%.3f",
	    (double)(clock_steady() - s->started) / 1e9);
	for (unsigned i = 0; i < s->owns; i++)
		n = put(line, n, size, ",\"%s\":%" PRIu64, s->own[i].name, *s->own[i].n);
	return put(line, n, size, "}\n");
}

void
stats_poll(const struct stats *s)
{
	char line[2048];
	struct err e;

	progress_draw(s);
	if (!asked)
		return;
	asked = 0;
	(void)write_all(
	    STDERR_FILENO, line, render(s, line, sizeof line), "<stderr>", &e);
}

static int kept = -1, kept_errno;

void
stats_keep(void)
{
	if (kept >= 0 || common.stats == NULL || common.stats[0] == '\0')
		return;
	kept = open(common.stats, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	kept_errno = kept < 0 ? errno : 0;
}

int
stats_end(const struct stats *s, struct err *e)
{
	char line[2048];
	size_t n;
	int r;

	progress_wipe();
	if (common.stats == NULL)
		return 0;
	n = render(s, line, sizeof line);
	if (common.stats[0] == '\0')
		return write_all(STDERR_FILENO, line, n, "<stderr>", e);
	if (kept_errno == 0)
		stats_keep();
	if (kept < 0) {
		errno = kept_errno;
		return err_sys(e, common.stats);
	}
	r = write_all(kept, line, n, common.stats, e);
	close(kept);
	kept = -1;
	return r;
}
