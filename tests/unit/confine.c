/* lib/base/confine: what is given up is gone, each case in a child. */
#include "base/confine.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/confine.XXXXXX";
static unsigned layers;

static const char *
in_dir(const char *name)
{
	static char path[4][256];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
	return path[i];
}

static bool
opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
connects(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* nobody listens there, but it may ask */
	return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ||
	       errno == ECONNREFUSED;
}

static bool
starts_program(void)
{
	pid_t p = vfork();

	if (p == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	if (p < 0)
		return false;
	int status = 0;

	return waitpid(p, &status, 0) == p && status == 0;
}

static void *
nothing(void *arg)
{
	return arg;
}

static bool
makes_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
}

/* Runs in a child; the bits of its status are what it could do. */
enum {
	OPEN_OTHER = 1,
	OPEN_OWN = 2,
	MAKE_OWN = 4,
	CONNECT = 8,
	START = 16,
	THREAD = 32,
	MEM = 64,
	TYPE = 128
};

static int
can(const struct confine *c)
{
	char told[200];
	int status = -1;
	pid_t p = fork();

	if (p == 0) {
		unsigned done = 0;

		if (confine(c, told, sizeof told) != layers)
			_exit(255);
		done |= opens("/etc/passwd", O_RDONLY) ? OPEN_OTHER : 0;
		done |= opens(in_dir("own"), O_RDONLY) ? OPEN_OWN : 0;
		done |= opens(in_dir("new"), O_WRONLY | O_CREAT) ? MAKE_OWN : 0;
		unlink(in_dir("new"));
		done |= connects() ? CONNECT : 0;
		done |= makes_thread() ? THREAD : 0;
		free(malloc(8 << 20));
		done |= mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED
			    ? MEM
			    : 0;
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			_exit(254);
		/* refused as such, not for want of a terminal */
		done |= ioctl(0, TIOCSTI, "x") == 0 || errno != EPERM ? TYPE : 0;
		done |= starts_program() ? START : 0;
		_exit((int)done);
	}
	waitpid(p, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int
main(void)
{
	static struct confine c;
	char told[200];
	pid_t p = fork();
	int status, got;

	if (p == 0)
		_exit((int)confine(&(struct confine){ 0 }, told, sizeof told));
	waitpid(p, &status, 0);
	layers = WIFEXITED(status) ? (unsigned)WEXITSTATUS(status) : 0;
	if (layers != (CONFINE_PRIVS | CONFINE_FILES | CONFINE_CALLS)) {
		ok(true, "this kernel has only layers %u: not tried", layers);
		return unit_end();
	}
	if (!ok(mkdtemp(dir) != NULL && opens(in_dir("own"), O_WRONLY | O_CREAT),
		"files"))
		return unit_end();

	got = can(&c);
	ok(got == MEM, "a filter of its standard input: %d", got);

	c = (struct confine){ .files = true };
	got = can(&c);
	ok(got == MEM, "files, but no place: %d", got);
	confine_read(&c, in_dir("own"));
	confine_read(&c, in_dir("not there"));
	confine_read(&c, NULL);
	got = can(&c);
	ok(got == (MEM | OPEN_OWN), "one file: %d", got);
	c = (struct confine){ .files = true, .threads = true };
	confine_write(&c, dir);
	got = can(&c);
	ok(got == (MEM | OPEN_OWN | MAKE_OWN | THREAD),
	    "a directory to write, threads: %d", got);
	c = (struct confine){ .files = true, .net = true };
	confine_read(&c, dir);
	got = can(&c);
	ok(got == (MEM | OPEN_OWN | CONNECT | THREAD),
	    "a directory to read, and the net: %d", got);

	unlink(in_dir("own"));
	rmdir(dir);
	return unit_end();
}
