#include "cli/progress.h"
#include "base/clock.h"
#include "cli/diag.h"
#include "cli/opts.h"
#include "cli/stats.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVERY_NS 250000000LL

static _Atomic bool drawn; /* messages of any thread wipe the line away */

bool
progress_wanted(void)
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

	if (!progress_wanted() || (now = clock_steady()) - last < EVERY_NS)
		return;
	last = now;
	n = snprintf(line, sizeof line, "\r\033[K%.20s: ", diag_prog());
	if (s->line != NULL) {
		s->line(s, line + n, sizeof line - (size_t)n);
	} else {
		seconds = (double)(now - s->started) / 1e9;
		snprintf(line + n, sizeof line - (size_t)n,
		    "%" PRIu64 " in, %.1f MB, %.1f MB/s, %.0f s", s->in, mb,
		    seconds > 0 ? mb / seconds : 0, seconds);
	}
	put(line, strlen(line));
	drawn = true;
}

void
progress_wipe(void)
{
	if (atomic_exchange(&drawn, false))
		put("\r\033[K", 4);
}
