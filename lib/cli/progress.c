#include "cli/progress.h"
#include "base/clock.h"
#include "cli/diag.h"
#include "cli/opts.h"
#include "cli/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVERY_NS 250000000LL

static bool drawn;

static bool
wanted(void)
{
	static int answer = -1;
	struct stat st;

	if (answer < 0)
		answer = strcmp(common.progress, "auto") == 0 && !common.quiet &&
			 isatty(STDERR_FILENO) &&
			 (fstat(STDIN_FILENO, &st) < 0 ||
			     (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)));
	return answer > 0;
}

static void
put(const char *text, size_t n)
{
	ssize_t ignored = write(STDERR_FILENO, text, n);

	(void)ignored;
}

void
progress_draw(const struct stats *s)
{
	static int64_t last;
	char line[200];
	int64_t now;
	double seconds, mb = (double)s->bytes_in / 1e6;
	int n;

	if (!wanted() || (now = clock_steady()) - last < EVERY_NS)
		return;
	last = now;
	seconds = (double)(now - s->started) / 1e9;
	n = snprintf(line, sizeof line,
	    "\r\033[K%.20s: %" PRIu64 " in, %.1f MB, %.1f MB/s, %.0f s", diag_prog(),
	    s->in, mb, seconds > 0 ? mb / seconds : 0, seconds);
	if (s->of > 0)
		n += snprintf(line + n, sizeof line - (size_t)n,
		    ", %.0f %% of the archive", 100.0 * (double)s->done / (double)s->of);
	put(line, (size_t)n);
	drawn = true;
}

void
progress_wipe(void)
{
	if (drawn)
		put("\r\033[K", 4);
	drawn = false;
}
