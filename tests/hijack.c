/* hijack.c - a library for LD_PRELOAD that plays the attacker: when a program has read a line
 * with the word below, it tries what code that got into the parser would try, and says on
 * standard error what of it the kernel let happen:
 *
 *     and: mode=EPERM times=EPERM unix=EPERM raw=EPERM packet=EPERM signal=EPERM owner=EPERM
 *         limit=EPERM process=EPERM
 *     hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=ok
 *
 * in two lines.  `own` is the file of HIJACK_OWN, which the program may read; mode and times are
 * those of HIJACK_VICTIM; signal, owner (of a descriptor: who gets its signals) and limit are of
 * the process HIJACK_PID. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *
word(int failed)
{
	return failed ? strerrorname_np(errno) : "ok";
}

static const char *
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return word(fd < 0);
}

static const char *
try_connect(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	if (fd < 0)
		return word(1);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r = connect(fd, (struct sockaddr *)&to, sizeof to);
	close(fd);
	return r == 0 || errno == ECONNREFUSED ? "ok" : word(1);
}

/* In a child where one can be made, else in this process, whose end it would be. */
static const char *
try_exec(void)
{
	char *argv[] = { "true", NULL }, *envp[] = { NULL };
	int status = 0;
	pid_t p = fork();

	if (p > 0) {
		waitpid(p, &status, 0);
		errno = WEXITSTATUS(status);
		return word(status != 0);
	}
	execve("/bin/true", argv, envp);
	if (p == 0)
		_exit(errno);
	return word(1);
}

static const char *
try_socket(int family, int type)
{
	int fd = socket(family, type, type == SOCK_RAW ? IPPROTO_ICMP : 0);

	if (fd >= 0)
		close(fd);
	return word(fd < 0);
}

static const char *
try_owner(pid_t other)
{
	int p[2];

	if (pipe(p) < 0)
		return word(1);
	return word(fcntl(p[0], F_SETOWN, other) < 0);
}

static const char *
try_process(void)
{
	int status;
	pid_t p = fork();

	if (p == 0)
		_exit(0);
	return word(p < 0 || waitpid(p, &status, 0) < 0);
}

static void
attack_more(void)
{
	const char *victim = getenv("HIJACK_VICTIM"), *pid = getenv("HIJACK_PID");
	pid_t other = pid != NULL ? atoi(pid) : 1;
	struct rlimit l;

	if (victim == NULL)
		return;
	dprintf(2, "and: mode=%s ", word(chmod(victim, 0777) < 0));
	dprintf(2, "times=%s ", word(utimensat(AT_FDCWD, victim, NULL, 0) < 0));
	dprintf(2, "unix=%s ", try_socket(AF_UNIX, SOCK_STREAM));
	dprintf(2, "raw=%s ", try_socket(AF_INET, SOCK_RAW));
	dprintf(2, "packet=%s ", try_socket(AF_PACKET, SOCK_RAW));
	dprintf(2, "signal=%s ", word(syscall(SYS_tgkill, other, other, 0) < 0));
	dprintf(2, "owner=%s ", try_owner(other));
	dprintf(2, "limit=%s ", word(prlimit(other, RLIMIT_CPU, NULL, &l) < 0));
	dprintf(2, "process=%s\n", try_process());
}

static void
attack(void)
{
	const char *own = getenv("HIJACK_OWN");

	unsetenv("LD_PRELOAD");
	attack_more();
	dprintf(2, "hijacked: open=%s ", try_open("/etc/passwd", O_RDONLY));
	dprintf(2, "make=%s ", try_open("/tmp/hijack.made", O_WRONLY | O_CREAT));
	dprintf(2, "connect=%s ", try_connect());
	dprintf(2, "exec=%s ", try_exec());
	dprintf(2, "ptrace=%s ", word(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0));
	dprintf(2, "own=%s\n", own != NULL ? try_open(own, O_RDONLY) : "-");
}

static ssize_t
seen(const void *p, ssize_t n)
{
	static int done;

	if (n > 0 && !done && memmem(p, (size_t)n, "H1JACK", 6) != NULL) {
		done = 1;
		attack();
	}
	return n;
}

ssize_t
read(int fd, void *p, size_t n)
{
	ssize_t (*real)(int, void *, size_t);

	*(void **)&real = dlsym(RTLD_NEXT, "read");
	return seen(p, real(fd, p, n));
}

ssize_t
__read_chk(int fd, void *p, size_t n, size_t room)
{
	return n <= room ? read(fd, p, n) : -1;
}

ssize_t
recv(int fd, void *p, size_t n, int flags)
{
	ssize_t (*real)(int, void *, size_t, int);

	*(void **)&real = dlsym(RTLD_NEXT, "recv");
	return seen(p, real(fd, p, n, flags));
}

ssize_t
pread(int fd, void *p, size_t n, off_t at)
{
	ssize_t (*real)(int, void *, size_t, off_t);

	*(void **)&real = dlsym(RTLD_NEXT, "pread");
	return seen(p, real(fd, p, n, at));
}

ssize_t
__pread_chk(int fd, void *p, size_t n, off_t at, size_t room)
{
	return n <= room ? pread(fd, p, n, at) : -1;
}
