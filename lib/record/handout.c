#include "record/handout.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

/* Page faults for one huge page, and a few for what else the program touched for the first
 * time; small pages take 512. */
enum { FAULTS_MAX = 64 };

static bool
huge_pages(void)
{
	char text[64];
	int fd =
	    open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 && strstr(text, "[never]") == NULL;
}

bool
handout_able(void)
{
	static int able = -1;

	if (able < 0)
		able = huge_pages();
	return able;
}

static long
faults(void)
{
	struct rusage ru;

	return getrusage(RUSAGE_SELF, &ru) == 0 ? ru.ru_minflt : 0;
}

bool
handout_open(struct handout *h)
{
	char *p, *at;

	h->page = NULL;
	if (!handout_able())
		return false;
	p = mmap(NULL, 2 * HANDOUT_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	at = p + (-(uintptr_t)p & (HANDOUT_SIZE - 1));
	if (at > p)
		munmap(p, (size_t)(at - p));
	munmap(at + HANDOUT_SIZE, (size_t)(p + HANDOUT_SIZE - at));
	h->page = at;
	if (madvise(at, HANDOUT_SIZE, MADV_HUGEPAGE) < 0) {
		handout_close(h);
		return false;
	}
	h->faults = faults();
	return true;
}

void
handout_close(struct handout *h)
{
	if (h->page != NULL)
		munmap(h->page, HANDOUT_SIZE);
	h->page = NULL;
}

bool
handout_renew(struct handout *h)
{
	long before = h->faults;

	h->faults = faults();
	return h->faults - before <= FAULTS_MAX &&
	       madvise(h->page, HANDOUT_SIZE, MADV_DONTNEED) == 0;
}

int
handout_lend(int fd, const char *p, size_t n, const char *name, struct err *e)
{
	struct pollfd pf = { .fd = fd, .events = POLLOUT };
	size_t lent = 0;

	while (lent < n) {
		struct iovec v = { (char *)(uintptr_t)(p + lent), n - lent };
		ssize_t w = vmsplice(fd, &v, 1, 0);

		if (w >= 0) {
			lent += (size_t)w;
			continue;
		}
		if (errno == EINTR || (errno == EAGAIN && poll(&pf, 1, -1) >= 0))
			continue;
		if (lent == 0 && errno != EPIPE)
			return 0;
		return err_sys(e, name);
	}
	return 1;
}
