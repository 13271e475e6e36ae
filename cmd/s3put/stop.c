#include "stop.h"

#include <stddef.h>

volatile sig_atomic_t stop_signal;

void
stop_by(int sig)
{
	__atomic_store_n(&stop_signal, sig, __ATOMIC_RELAXED);
}

bool
stop_came(void)
{
	return __atomic_load_n(&stop_signal, __ATOMIC_RELAXED) != 0;
}

void
stop_catch(bool catch)
{
	struct sigaction sa = { .sa_handler = catch ? stop_by : SIG_DFL };

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

void
stop_end(void)
{
	if (!stop_came())
		return;
	signal(stop_signal, SIG_DFL);
	raise(stop_signal);
}
