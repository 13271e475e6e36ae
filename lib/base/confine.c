#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
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
	CALL(fcntl, BASE),
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
	CALL(prlimit64, BASE),
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
	CALL(tgkill, BASE), /* abort(3) */
	CALL(wait4, BASE),  /* for children from before */
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
	CALL(truncate, FILES),
	CALL(ftruncate, FILES),
	CALL(fallocate, FILES),
	CALL(fadvise64, FILES),
	CALL(fsync, FILES),
	CALL(fdatasync, FILES),
	CALL(sync_file_range, FILES),
	CALL(flock, FILES),
	CALL(fchmod, FILES),
	CALL(fchmodat, FILES),
	CALL(utimensat, FILES),
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
	CALL(chmod, FILES),
#endif

	CALL(clone, THREADS | NET),
#ifdef SYS_clone3
	CALL(clone3, THREADS | NET),
#endif
#ifdef SYS_rseq
	CALL(rseq, THREADS | NET),
#endif
	CALL(set_robust_list, THREADS | NET),
	CALL(set_tid_address, THREADS | NET),

	CALL(socket, NET),
	CALL(socketpair, NET),
	CALL(connect, NET),
	CALL(bind, NET), /* netlink, for getaddrinfo(3) */
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

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#endif

#define OP(code, k) (struct sock_filter) BPF_STMT((code), (k))
#define IF_EQUAL(k, yes, no)                                                             \
	(struct sock_filter)                                                             \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(k), (yes), (no))
#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define RETURN (BPF_RET | BPF_K)

/* A program of classic BPF: is the call one of the list?  It is looked through in order; frequent
 * ones stand first.  Of ioctl(2) what isatty(3), the width of a terminal and resolvers need:
 * others put keys into a terminal. */
static bool
restrict_calls(const struct confine *c)
{
#ifdef ARCH
	unsigned needs = BASE | (c->files ? FILES : 0) | (c->net ? NET : 0) |
			 (c->threads ? THREADS : 0);
	struct sock_filter code[CALLS + 16];
	struct sock_fprog prog = { 0, code };
	unsigned short n = 0;
	uint8_t left = 0;

	/* another machine's numbers (32 bit programs, x32) are none of ours */
	code[n++] = OP(LOAD, offsetof(struct seccomp_data, arch));
	code[n++] = IF_EQUAL(ARCH, 1, 0);
	code[n++] = OP(RETURN, SECCOMP_RET_KILL_PROCESS);
	code[n++] = OP(LOAD, offsetof(struct seccomp_data, nr));
	code[n++] = IF_EQUAL(SYS_ioctl, 0, 6);
	code[n++] = OP(LOAD, offsetof(struct seccomp_data, args[1]));
	code[n++] = IF_EQUAL(TCGETS, 3, 0);
	code[n++] = IF_EQUAL(TIOCGWINSZ, 2, 0);
	code[n++] = IF_EQUAL(FIONREAD, 1, 0);
	code[n++] = OP(RETURN, SECCOMP_RET_ERRNO | EPERM);
	code[n++] = OP(RETURN, SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < CALLS; i++)
		left += (calls[i].needs & needs) != 0;
	for (size_t i = 0; i < CALLS; i++)
		if ((calls[i].needs & needs) != 0)
			code[n++] = IF_EQUAL(calls[i].number, left--, 0);
	code[n++] = OP(RETURN, SECCOMP_RET_ERRNO | EPERM);
	code[n++] = OP(RETURN, SECCOMP_RET_ALLOW);
	prog.len = n;
	return !c->exec && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
#else
	(void)c;
	(void)calls;
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
