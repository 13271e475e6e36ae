#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Known to newer kernels than Debian 12's headers describe. */
enum {
	ABI_REFER = 2,
	ABI_TRUNCATE = 3,
	ABI_NET = 4,
	ABI_IOCTL = 5,
};
#define ACCESS_TRUNCATE (1ULL << 14)
#define ACCESS_IOCTL_DEV (1ULL << 15)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_WRITE                                                                     \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                 \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |               \
	    LANDLOCK_ACCESS_FS_MAKE_REG)
/* What nobody here does: special files, links, devices. */
#define ACCESS_NEVER                                                                     \
	(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |                   \
	    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |               \
	    LANDLOCK_ACCESS_FS_MAKE_SYM)
/* Of these a rule on a file that is no directory may speak. */
#define ACCESS_FILE                                                                      \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

/* struct landlock_ruleset_attr as ABI 4 has it; older kernels take its beginning. */
struct ruleset {
	uint64_t fs, net;
};

static void
add(const char **list, size_t *n, const char *place)
{
	if (place == NULL)
		return;
	if (*n < CONFINE_PLACES_MAX)
		list[*n] = place;
	++*n;
}

void
confine_read(struct confine *c, const char *place)
{
	add(c->read, &c->reads, place);
}

void
confine_write(struct confine *c, const char *place)
{
	add(c->write, &c->writes, place);
}

static bool
allow_below(int rules, const char *place, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	struct stat st;
	bool done;

	if ((rule.parent_fd = open(place, O_PATH | O_CLOEXEC)) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= ACCESS_FILE;
	/* EBADFD: a pipe or the like by its name in /proc, which no rule binds */
	done = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule,
		   0) == 0 ||
	       errno == EBADFD;
	close(rule.parent_fd);
	return done;
}

/* The ABI that is in force, or 0. */
static long
restrict_files(const struct confine *c)
{
	long abi = syscall(
	    SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	uint64_t read = ACCESS_READ, write = ACCESS_READ | ACCESS_WRITE;
	struct ruleset all = { ACCESS_READ | ACCESS_WRITE | ACCESS_NEVER, 0 };
	bool fine = true;
	int rules;

	/* what is started reads its own libraries and files; before ABI 2 nothing can be
	 * renamed from one directory into another */
	if (abi < 1 || c->exec || (abi < ABI_REFER && c->writes > 0) ||
	    c->reads > CONFINE_PLACES_MAX || c->writes > CONFINE_PLACES_MAX)
		return 0;
	all.fs |= LANDLOCK_ACCESS_FS_EXECUTE;
	if (abi >= ABI_REFER) {
		all.fs |= LANDLOCK_ACCESS_FS_REFER;
		write |= LANDLOCK_ACCESS_FS_REFER;
	}
	if (abi >= ABI_TRUNCATE) {
		all.fs |= ACCESS_TRUNCATE;
		write |= ACCESS_TRUNCATE;
	}
	if (abi >= ABI_IOCTL)
		all.fs |= ACCESS_IOCTL_DEV;
	if (abi >= ABI_NET)
		all.net = NET_BIND_TCP | (c->net ? 0 : NET_CONNECT_TCP);
	rules = (int)syscall(SYS_landlock_create_ruleset, &all,
	    abi >= ABI_NET ? sizeof all : sizeof all.fs, 0);
	if (rules < 0)
		return 0;
	for (size_t i = 0; i < c->reads && c->files; i++)
		fine = fine && allow_below(rules, c->read[i], read);
	for (size_t i = 0; i < c->writes && c->files; i++)
		fine = fine && allow_below(rules, c->write[i], write);
	if (c->dirs && c->files)
		fine = fine && allow_below(rules, "/", LANDLOCK_ACCESS_FS_READ_DIR);
	fine = fine && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	close(rules);
	return fine ? abi : 0;
}

enum { BASE = 1, FILES = 2, NET = 4, THREADS = 8 };

#define CALL(name, needs)                                                                \
	{                                                                                \
		SYS_##name, needs                                                        \
	}

/* Which need lets which call pass. */
static const struct {
	int number;
	unsigned needs;
} calls[] = {
	/* what is open, memory, clocks, the end */
	CALL(read, BASE),
	CALL(readv, BASE),
	CALL(pread64, BASE),
	CALL(write, BASE),
	CALL(writev, BASE),
	CALL(pwrite64, BASE),
	CALL(vmsplice, BASE),
	CALL(tee, BASE),
	CALL(pipe2, BASE),
	CALL(lseek, BASE),
	CALL(close, BASE),
	CALL(fstat, BASE),
	CALL(newfstatat, BASE),
	CALL(dup, BASE),
	CALL(dup3, BASE),
#ifdef SYS_dup2
	CALL(dup2, BASE),
#endif
	CALL(ppoll, BASE),
	CALL(pselect6, BASE),
	CALL(mmap, BASE),
	CALL(munmap, BASE),
	CALL(mremap, BASE),
	CALL(mprotect, BASE),
	CALL(madvise, BASE),
	CALL(brk, BASE),
	CALL(futex, BASE),
	CALL(getrandom, BASE),
	CALL(getrusage, BASE),
	CALL(sched_getaffinity, BASE),
	CALL(sched_yield, BASE),
	CALL(sysinfo, BASE),
	CALL(uname, BASE),
	CALL(getpid, BASE),
	CALL(gettid, BASE),
	CALL(getuid, BASE),
	CALL(geteuid, BASE),
	CALL(getgid, BASE),
	CALL(getegid, BASE),
	CALL(clock_gettime, BASE),
	CALL(clock_getres, BASE),
	CALL(clock_nanosleep, BASE),
	CALL(nanosleep, BASE),
	CALL(gettimeofday, BASE),
	CALL(rt_sigaction, BASE),
	CALL(rt_sigprocmask, BASE),
	CALL(rt_sigreturn, BASE),
	CALL(sigaltstack, BASE),
	CALL(restart_syscall, BASE),
	CALL(wait4, BASE), /* for children from before */
	CALL(exit, BASE),
	CALL(exit_group, BASE),
#ifdef SYS_poll
	CALL(poll, BASE),
	CALL(select, BASE),
	CALL(time, BASE),
#endif

	CALL(openat, FILES),
	CALL(getcwd, FILES),
	CALL(readlinkat, FILES),
	CALL(faccessat, FILES),
#ifdef SYS_faccessat2
	CALL(faccessat2, FILES),
#endif
	CALL(statx, FILES),
	CALL(statfs, FILES),
	CALL(fstatfs, FILES),
	CALL(getdents64, FILES),
	CALL(mkdirat, FILES),
	CALL(unlinkat, FILES),
	CALL(renameat, FILES),
	CALL(renameat2, FILES),
	CALL(linkat, FILES),
	CALL(ftruncate, FILES),
	CALL(fallocate, FILES),
	CALL(fadvise64, FILES),
	CALL(fsync, FILES),
	CALL(fdatasync, FILES),
	CALL(sync_file_range, FILES),
	CALL(flock, FILES),
	CALL(copy_file_range, FILES),
	CALL(sendfile, FILES),
	CALL(umask, FILES),
#ifdef SYS_open
	CALL(open, FILES),
	CALL(stat, FILES),
	CALL(lstat, FILES),
	CALL(access, FILES),
	CALL(readlink, FILES),
	CALL(mkdir, FILES),
	CALL(rmdir, FILES),
	CALL(unlink, FILES),
	CALL(rename, FILES),
	CALL(link, FILES),
#endif

#ifdef SYS_rseq
	CALL(rseq, THREADS | NET),
#endif
	CALL(set_robust_list, THREADS | NET),
	CALL(set_tid_address, THREADS | NET),

	CALL(socketpair, NET),
	CALL(connect, NET),
	CALL(sendto, NET),
	CALL(sendmsg, NET),
	CALL(sendmmsg, NET),
	CALL(recvfrom, NET),
	CALL(recvmsg, NET),
	CALL(recvmmsg, NET),
	CALL(getsockname, NET),
	CALL(getpeername, NET),
	CALL(getsockopt, NET),
	CALL(setsockopt, NET),
	CALL(shutdown, NET),
	CALL(eventfd2, THREADS | NET),
	CALL(epoll_create1, NET),
	CALL(epoll_ctl, NET),
	CALL(epoll_pwait, NET),
};

enum { CALLS = sizeof calls / sizeof *calls };

/* Calls that pass with some arguments only, of which the lower half is looked at. */
enum check { ONE_OF, NONE_OF, ALL_BITS, IS_NULL };

static const struct {
	int number;
	unsigned needs;
	struct arg {
		enum check check;
		uint32_t at, mask; /* 0: all of it */
		uint32_t value[4]; /* OWN_PID: what getpid(2) says */
		size_t n;
	} arg[2];
	size_t args;
} sometimes[] = {
#define OWN_PID UINT32_MAX
	/* isatty(3), the width of a terminal, resolvers: others put keys into a terminal */
	{ SYS_ioctl, BASE, { { ONE_OF, 1, 0, { TCGETS, TIOCGWINSZ, FIONREAD }, 3 } }, 1 },
	/* not: a signal to whom one likes when a descriptor is ready */
	{ SYS_fcntl, BASE,
	    { { NONE_OF, 1, 0, { F_SETOWN, F_SETOWN_EX, F_SETSIG, F_NOTIFY }, 4 } }, 1 },
	/* its own limits; abort(3) */
	{ SYS_prlimit64, BASE, { { ONE_OF, 0, 0, { 0, OWN_PID }, 2 } }, 1 },
	{ SYS_tgkill, BASE, { { ONE_OF, 0, 0, { OWN_PID }, 1 } }, 1 },
	/* futimens(3) of what is open: Landlock does not ask who sets the times of a path */
	{ SYS_utimensat, FILES, { { IS_NULL, 1, 0, { 0 }, 0 } }, 1 },
	/* TCP and UDP; no sockets of this machine, which are programs that do as they are told */
	{ SYS_socket, NET,
	    { { ONE_OF, 0, 0, { AF_INET, AF_INET6 }, 2 },
		{ ONE_OF, 1, 0xf, { SOCK_STREAM, SOCK_DGRAM }, 2 } },
	    2 },
	/* threads, not processes or namespaces */
	{ SYS_clone, THREADS | NET, { { ALL_BITS, 0, CLONE_THREAD, { 0 }, 0 } }, 1 },
};
enum { SOMETIMES = sizeof sometimes / sizeof *sometimes };

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define OP(code, k) (struct sock_filter) BPF_STMT((code), (k))
#define IF(test, k, yes, no)                                                             \
	(struct sock_filter) BPF_JUMP(                                                   \
	    BPF_JMP | (test) | BPF_K, (uint32_t)(k), (uint8_t)(yes), (uint8_t)(no))
#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define RETURN (BPF_RET | BPF_K)
#define ARG(i) ((uint32_t)offsetof(struct seccomp_data, args[i]))

/* A program of classic BPF: is the call one of the lists?  They are looked through in order. */
struct program {
	struct sock_filter code[CALLS + 16 * SOMETIMES + 16];
	unsigned short n;
};

static void
put(struct program *p, struct sock_filter f)
{
	p->code[p->n++] = f;
}

/* Go on if the argument passes, else EPERM. */
static void
put_check(struct program *p, const struct arg *a)
{
	uint8_t left = (uint8_t)a->n;

	put(p, OP(LOAD, ARG(a->at)));
	if (a->check == ALL_BITS) {
		put(p, OP(BPF_ALU | BPF_AND | BPF_K, a->mask));
		put(p, IF(BPF_JEQ, a->mask, 1, 0));
	} else if (a->check == IS_NULL) { /* the other half lies behind it (or before) */
		put(p, IF(BPF_JEQ, 0, 0, 2));
		put(p, OP(LOAD, ARG(a->at) + 4));
		put(p, IF(BPF_JEQ, 0, 1, 0));
	} else {
		if (a->mask != 0)
			put(p, OP(BPF_ALU | BPF_AND | BPF_K, a->mask));
		for (size_t i = 0; i < a->n; i++, left--) {
			uint32_t k =
			    a->value[i] == OWN_PID ? (uint32_t)getpid() : a->value[i];

			put(p, a->check == ONE_OF ? IF(BPF_JEQ, k, left, 0)
						  : IF(BPF_JEQ, k, left - 1, left == 1));
		}
	}
	put(p, OP(RETURN, SECCOMP_RET_ERRNO | EPERM));
}

static void
put_sometimes(struct program *p, unsigned needs)
{
	for (size_t i = 0; i < SOMETIMES; i++) {
		unsigned short at = p->n;

		if ((sometimes[i].needs & needs) == 0)
			continue;
		p->n++;
		for (size_t k = 0; k < sometimes[i].args; k++)
			put_check(p, &sometimes[i].arg[k]);
		put(p, OP(RETURN, SECCOMP_RET_ALLOW));
		p->code[at] = IF(BPF_JEQ, sometimes[i].number, 0, p->n - at - 1);
	}
}

static void
put_calls(struct program *p, unsigned needs)
{
	uint8_t left = 0;

	for (size_t i = 0; i < CALLS; i++)
		left += (calls[i].needs & needs) != 0;
	for (size_t i = 0; i < CALLS; i++)
		if ((calls[i].needs & needs) != 0)
			put(p, IF(BPF_JEQ, calls[i].number, left--, 0));
	put(p, OP(RETURN, SECCOMP_RET_ERRNO | EPERM));
	put(p, OP(RETURN, SECCOMP_RET_ALLOW));
}

static bool
restrict_calls(const struct confine *c)
{
#ifdef ARCH
	unsigned needs = BASE | (c->files ? FILES : 0) | (c->net ? NET : 0) |
			 (c->threads ? THREADS : 0);
	struct program p = { .n = 0 };
	struct sock_fprog prog;

	/* another machine's numbers (32 bit programs, x32) are none of ours */
	put(&p, OP(LOAD, offsetof(struct seccomp_data, arch)));
	put(&p, IF(BPF_JEQ, ARCH, 1, 0));
	put(&p, OP(RETURN, SECCOMP_RET_KILL_PROCESS));
	put(&p, OP(LOAD, offsetof(struct seccomp_data, nr)));
#ifdef SYS_clone3
	/* its flags are in memory; without it clone(2) is called */
	put(&p, IF(BPF_JEQ, SYS_clone3, 0, 1));
	put(&p, OP(RETURN, SECCOMP_RET_ERRNO | ENOSYS));
#endif
	put_sometimes(&p, needs);
	put_calls(&p, needs);
	prog = (struct sock_fprog){ p.n, p.code };
	return !c->exec && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
#else
	(void)c;
	(void)calls;
	(void)sometimes;
	return false;
#endif
}

unsigned
confine(const struct confine *c, char *told, size_t size)
{
	unsigned layers = 0;
	char files[48] = "";
	long abi;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		layers |= CONFINE_PRIVS;
	if (layers != 0 && (abi = restrict_files(c)) > 0) {
		layers |= CONFINE_FILES;
		snprintf(files, sizeof files, ", files (Landlock %ld)", abi);
	}
	if (layers != 0 && restrict_calls(c))
		layers |= CONFINE_CALLS;
	snprintf(told, size, "confined:%s%s%s%s",
	    layers & CONFINE_PRIVS ? " no new privileges" : " not at all", files,
	    layers & CONFINE_CALLS ? ", system calls" : "",
	    c->exec ? "; no more, for a program will be started" : "");
	return layers;
}
