#include "s3/process.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "record/jscan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	POLL_MS = 500, /* how soon a stop is seen that woke another thread */
	LOOK_MS = 20,  /* how soon an end is seen without a descriptor of the process */
};

/* ---- the command ---- */

/* One argument from s[*at] on, into *to.  false: a quote is not closed. */
static bool
one_argument(struct str s, size_t *at, char **to)
{
	char quote = '\0';

	for (; *at < s.n; ++*at) {
		char c = s.p[*at];

		if (quote == '\0' && (c == ' ' || c == '\t'))
			break;
		if (quote == '\0' && (c == '"' || c == '\'')) {
			quote = c;
		} else if (c == quote) {
			quote = '\0';
		} else {
			bool escape = c == '\\' && quote != '\'' && *at + 1 < s.n;

			if (escape && quote == '"')
				escape = s.p[*at + 1] == '"' || s.p[*at + 1] == '\\';
			*(*to)++ = s.p[*at += escape];
		}
	}
	*(*to)++ = '\0';
	return quote == '\0';
}

/* -1 in so many words, which the analyzer wants to see. */
static int
bad(struct err *e, const char *why)
{
	err_set(e, ST_USAGE, "credential_process: %s", why);
	return -1;
}

int
process_split(
    struct str command, char *text, char *argv[PROCESS_ARGS_MAX + 1], struct err *e)
{
	size_t at = 0;
	int n = 0;

	argv[0] = NULL;
	if (command.n >= PROCESS_COMMAND_MAX || memchr(command.p, '\0', command.n))
		return bad(e, "longer than 4095 bytes, or holds a NUL");
	for (;;) {
		while (at < command.n && (command.p[at] == ' ' || command.p[at] == '\t'))
			at++;
		if (at == command.n)
			break;
		if (n == PROCESS_ARGS_MAX)
			return bad(e, "more than 64 arguments");
		argv[n++] = text;
		argv[n] = NULL;
		if (!one_argument(command, &at, &text))
			return bad(e, "a quote is not closed");
	}
	if (n == 0 || argv[0][0] == '\0')
		return bad(e, "is empty");
	return n;
}

/* ---- the program ---- */

struct child {
	pid_t pid;
	int out, fd; /* what it prints; the process, -1: the system has no such thing */
};

static bool
is_secret(const char *variable)
{
	static const char *const names[] = { "AWS_SECRET_ACCESS_KEY=",
		"AWS_SESSION_TOKEN=", "AWS_CONTAINER_AUTHORIZATION_TOKEN=" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* The environment without our secrets.  free(); NULL: out of memory. */
static char **
told_environment(void)
{
	size_t n = 0, kept = 0;
	char **list;

	while (environ[n] != NULL)
		n++;
	if ((list = calloc(n + 1, sizeof *list)) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!is_secret(environ[i]))
			list[kept++] = environ[i];
	return list;
}

/* Default signals, a process group of its own, nothing to read. */
static int
spawn(struct child *k, char *argv[], const char *where, struct err *e)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none, some;
	char **env = told_environment();
	int p[2], no;

	if (env == NULL || pipe2(p, O_CLOEXEC) < 0) {
		free(env);
		return err_sys(e, "pipe");
	}
	sigemptyset(&none);
	sigemptyset(&some);
	sigaddset(&some, SIGPIPE);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&at);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, p[1], STDOUT_FILENO);
	posix_spawnattr_setflags(
	    &at, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&at, 0);
	posix_spawnattr_setsigmask(&at, &none);
	posix_spawnattr_setsigdefault(&at, &some);
	no = posix_spawnp(&k->pid, argv[0], &fa, &at, argv, env);
	free(env);
	posix_spawnattr_destroy(&at);
	posix_spawn_file_actions_destroy(&fa);
	close(p[1]);
	k->out = p[0];
	if (no == 0) {
		k->fd = pidfd_open(k->pid, 0); /* Linux 5.3; not under valgrind */
		return 0;
	}
	close(p[0]);
	return err_set(e, ST_NOPERM, "credentials: %.200s: credential_process %.150s: %s",
	    where, argv[0], strerror(no));
}

/* What is there to be read.  false: nothing more will come, or it is too much. */
static bool
take_output(struct child *k, struct buf *b)
{
	char *to = buf_room(b, 4096);
	ssize_t n;

	if (to == NULL)
		return false;
	if ((n = read(k->out, to, 4096)) > 0)
		b->n += (size_t)n;
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Has it ended?  Leaves its status to be fetched. */
static bool
has_ended(const struct child *k)
{
	siginfo_t si = { 0 };

	if (waitid(P_PID, (id_t)k->pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0)
		return errno == ECHILD; /* SIGCHLD is ignored, and it is gone */
	return si.si_pid == k->pid;
}

/* Until it has ended and what it printed is read; then its wait status.  -1: why not. */
static int
listen_to(const struct credsource *s, struct child *k, int64_t limit_ns, struct buf *b,
    const char **why)
{
	int64_t until = clock_steady() + limit_ns, left, slice;
	struct pollfd pf[2] = { { k->out, POLLIN, 0 }, { k->fd, POLLIN, 0 } };
	bool ended = false;
	int status = 0; /* stays so where SIGCHLD is ignored and nobody can know */

	for (;;) {
		if (credsource_stopped(s))
			return *why = "stopped by a signal", -1;
		if ((left = (until - clock_steady()) / 1000000) <= 0)
			return *why = "printed nothing more and did not end in time", -1;
		slice = ended ? 0 : k->fd < 0 ? LOOK_MS : POLL_MS;
		if (poll(pf, 2, (int)(left < slice ? left : slice)) < 0)
			continue;
		if (pf[0].fd >= 0 && pf[0].revents != 0) {
			if (!take_output(k, b))
				pf[0].fd = -1;
			if (b->failed)
				return *why = "printed more than 64 KiB", -1;
		} else if (ended) {
			break; /* and it had printed nothing more by then */
		} else {
			ended = k->fd >= 0 ? pf[1].revents != 0 : has_ended(k);
		}
	}
	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	k->pid = 0;
	return status;
}

static int
run(const struct credsource *s, char *argv[], const char *where, int64_t limit_ns,
    struct buf *b, struct err *e)
{
	struct child k = { .out = -1, .fd = -1 };
	const char *why = "";
	int status;

	if (spawn(&k, argv, where, e) < 0)
		return -1;
	fcntl(k.out, F_SETFL, O_NONBLOCK);
	status = listen_to(s, &k, limit_ns, b, &why);
	if (k.pid != 0) {
		kill(-k.pid, SIGKILL);
		waitpid(k.pid, NULL, 0);
	}
	close(k.out);
	if (k.fd >= 0)
		close(k.fd);
	if (status < 0)
		return err_set(e, ST_NOPERM,
		    "credentials: %.200s: credential_process %.120s: %s (limit %.0f s)",
		    where, argv[0], why, (double)limit_ns / 1e9);
	if (WIFSIGNALED(status))
		return err_set(e, ST_NOPERM,
		    "credentials: %.200s: credential_process %.150s: ended by signal %d",
		    where, argv[0], WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return err_set(e, ST_NOPERM,
		    "credentials: %.200s: credential_process %.150s: exit status %d%s; "
		    "run it by hand to see why",
		    where, argv[0], WEXITSTATUS(status),
		    WEXITSTATUS(status) == 127 ? ": not found, or does not start" : "");
	return 0;
}

/* {"Version":1,...} */
static int
check_version(struct str answer, const char *where, struct err *e)
{
	struct jscan_member m;

	if (!jscan_valid(answer, NULL) || memchr(answer.p, '{', answer.n) == NULL)
		return 0; /* credsource_json says what is wrong */
	if (!jscan_find(answer, STR("Version"), &m) || !str_eq(m.value, STR("1")))
		return err_set(e, ST_NOPERM,
		    "credentials: %.300s: the answer has no \"Version\":1", where);
	return 0;
}

int
process_credentials(struct credsource *s, struct str command, const char *where,
    int64_t limit_ns, struct credentials *c, struct err *e)
{
	char text[PROCESS_COMMAND_MAX], *argv[PROCESS_ARGS_MAX + 1], name[500];
	struct buf b;
	struct str answer;
	int r = -1;

	if (process_split(command, text, argv, e) < 0) {
		struct err inner = *e;

		return err_set(
		    e, ST_USAGE, "credentials: %.200s: %.200s", where, inner.text);
	}
	snprintf(name, sizeof name, "%.250s, credential_process %.150s", where, argv[0]);
	buf_init_secret(&b, CREDSOURCE_ANSWER_MAX);
	if (run(s, argv, where, limit_ns, &b, e) == 0) {
		answer = b.p != NULL ? (struct str){ b.p, b.n } : STR("");
		if (check_version(answer, name, e) == 0)
			r = credsource_json(s, name, answer, c, e);
	}
	buf_done(&b);
	explicit_bzero(text, sizeof text); /* arguments may be secret */
	return r;
}
