/* logsweep-status - how the sweeps of a node stand; see logsweep-status(1).
 *
 * 1. The ledger: what is committed, delivered, and waits.
 * 2. If files are named, `logtail --list` says how far each is read.
 * 3. The table, the NDJSON line, the metrics file.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/opts.h"
#include "cli/stats.h"
#include "cli/statusview.h"
#include "ledger/ledger.h"
#include "record/jscan.h"
#include "record/ndjson.h"
#include "record/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUT_MAX = 1 << 20 };

static const char *state, *format, *metrics;

static const struct opt options[] = {
	{ 0, "state", "DIR", OPT_STR, &state, "the state directory (needed)" },
	{ 0, "format", "table|ndjson", OPT_STR, &format,
	    "what to print (default table)" },
	{ 0, "metrics", "FILE", OPT_STR, &metrics,
	    "write the figures for Prometheus to FILE, and no table unless asked for" },
	OPTS_END,
};
static const struct prog prog = { "logsweep-status", "[OPTION]... [PATH]...",
	"Say what of a node's logs is read, archived, delivered, pending and lost.",
	options };

static struct stats stats; /* of the files that were looked at */

static int64_t
time_of(const char *text)
{
	int64_t ns;

	return timestamp_parse((struct str){ text, strlen(text) }, &ns) ? ns : 0;
}

static uint64_t
number(struct str object, struct str name)
{
	struct jscan_member m;

	return jscan_find(object, name, &m) ? strtoull(m.value.p, NULL, 10) : 0;
}

static int64_t
ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
pending(struct node_status *s, const struct ledger *l)
{
	char path[PATH_MAX];
	struct stat st;

	s->pending = l->batches;
	for (size_t i = 0; i < l->batches; i++) {
		s->pending_bytes += number(str_of(l->batch[i].manifest), STR("bytes"));
		/* one that is not there any more has just been delivered */
		if (snprintf(path, sizeof path, "%s/outbox/%s", state, l->batch[i].name) <
			(int)sizeof path &&
		    stat(path, &st) == 0 &&
		    (s->pending_since == 0 || ns_of(st.st_mtim) < s->pending_since))
			s->pending_since = ns_of(st.st_mtim);
	}
}

static int
read_ledger(struct node_status *s, struct err *e)
{
	struct ledger *l = ledger_load(state, e);
	char path[PATH_MAX];
	struct stat st;

	if (l == NULL)
		return -1;
	s->state = state;
	if ((s->damaged = l->from_copy))
		diag_warn("%s: ledger.json is damaged; its copy is used", state);
	s->generation = l->gen;
	for (size_t i = 0; i < l->entries; i++)
		s->cursors += !l->entry[i].dead;
	s->commits = l->totals.commits;
	s->objects = l->totals.objects;
	s->records = l->totals.records;
	s->errors = l->totals.errors;
	s->gaps = l->totals.gaps;
	s->raw_bytes = l->totals.raw_bytes;
	s->bytes = l->totals.bytes;
	s->delivered = l->totals.delivered;
	s->delivered_bytes = l->totals.delivered_bytes;
	s->committed_at = time_of(l->totals.committed_at);
	s->delivered_at = time_of(l->totals.delivered_at);
	pending(s, l);
	ledger_free(l);
	if (snprintf(path, sizeof path, "%s/lock", state) < (int)sizeof path &&
	    stat(path, &st) == 0)
		s->swept_at = ns_of(st.st_mtim);
	else if (s->generation == 0)
		return err_set(e, ST_USAGE,
		    "%s: no sweep has used this directory; name the --state of logbatch",
		    state);
	return 0;
}

/* One line of logtail --list. */
static void
listed(struct node_status *s, struct str line)
{
	struct jscan_member file, word;
	static char name[6 * PATH_MAX + 1]; /* each byte may be \u00NN */
	char plain[16];
	ptrdiff_t n;

	if (!jscan_find(line, STR("state"), &word) || word.value.n < 2 ||
	    word.value.n - 2 >= sizeof plain || !jscan_find(line, STR("file"), &file) ||
	    file.value.n < 2 || file.value.n - 2 >= sizeof name)
		return;
	stats.in++;
	stats.bytes_in += line.n + 1;
	memcpy(plain, word.value.p + 1, word.value.n - 2);
	plain[word.value.n - 2] = '\0';
	n = jscan_unescape((struct str){ file.value.p + 1, file.value.n - 2 }, name);
	name[n > 0 ? n : 0] = '\0';
	status_file(s, plain, name, number(line, STR("lag")));
}

/* The logtail that lies beside this program, else the one on PATH. */
static void
find_logtail(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof "logtail");
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	if ((slash = strrchr(path, '/')) != NULL) {
		memcpy(slash + 1, "logtail", sizeof "logtail");
		if (access(path, X_OK) == 0)
			return;
	}
	memcpy(path, "logtail", sizeof "logtail");
}

/* The environment is that of the sweeps; what it has for logtail that is for them alone, or for
 * s3put: */
static void
not_for_list(void)
{
	static const char *const names[] = { "LOGSWEEP_STATS", "LOGSWEEP_LOGTAIL_STATS",
		"LOGSWEEP_COMMIT", "LOGSWEEP_LOGTAIL_COMMIT", "LOGSWEEP_FOLLOW",
		"LOGSWEEP_LOGTAIL_FOLLOW", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		(void)unsetenv(names[i]);
}

struct child {
	pid_t pid;
	int out; /* what it prints */
};

static int
start_logtail(int argc, char *argv[], struct child *k, struct err *e)
{
	char path[PATH_MAX], with[PATH_MAX + 16], list[] = "--list";
	char never[] = "--progress=never", quiet[] = "-q", operands[] = "--";
	char **args = calloc((size_t)argc + 7, sizeof *args);
	posix_spawn_file_actions_t actions;
	int fds[2], n = 0, r;

	if (args == NULL || pipe2(fds, O_CLOEXEC) < 0) {
		free(args);
		return err_sys(e, "logtail");
	}
	find_logtail(path);
	not_for_list();
	snprintf(with, sizeof with, "--state=%s", state);
	args[n++] = path;
	args[n++] = list;
	args[n++] = with;
	args[n++] = never;
	if (common.quiet)
		args[n++] = quiet;
	args[n++] = operands;
	for (int i = 0; i < argc; i++)
		args[n++] = argv[i];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	r = posix_spawnp(&k->pid, path, &actions, NULL, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	free(args);
	close(fds[1]);
	if (r != 0) {
		close(fds[0]);
		errno = r;
		return err_sys(e, path);
	}
	k->out = fds[0];
	return 0;
}

/* The status of logtail: 0, or 3 if it told of files that it cannot read; -1. */
static int
look_at_files(struct node_status *s, const struct child *k, struct err *e)
{
	struct ndjson_in in;
	struct str line;
	int got, status = 0;

	if (ndjson_in_init(&in, NULL, e) < 0)
		return -1;
	ndjson_in_open(&in, k->out, "logtail --list");
	while ((got = ndjson_next(&in, &line, e)) > 0) {
		listed(s, line);
		stats_poll(&stats);
	}
	ndjson_in_done(&in);
	close(k->out);
	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (got < 0)
		return -1;
	if (!WIFEXITED(status) ||
	    (WEXITSTATUS(status) != ST_OK && WEXITSTATUS(status) != ST_ASIDE))
		return err_set(e, WIFEXITED(status) ? WEXITSTATUS(status) : ST_FAIL,
		    "logtail --list: failed, as told above");
	s->looked = true;
	stats.rejected = s->unreadable;
	stats.out = stats.in - stats.rejected;
	if (common.strict && s->unreadable > 0)
		return err_set(e, ST_FAIL, "%llu files cannot be read, as told above",
		    (unsigned long long)s->unreadable);
	return WEXITSTATUS(status);
}

static int
write_metrics(const struct node_status *s, struct err *e)
{
	struct buf out;
	int r;

	buf_init(&out, OUT_MAX);
	status_metrics(s, &out);
	r = buf_check(&out, metrics, e) < 0 ? -1
					    : file_replace_open(metrics, out.p, out.n, e);
	buf_done(&out);
	return r;
}

static int
print(const struct node_status *s, bool table, struct err *e)
{
	struct buf out;
	int r;

	buf_init(&out, OUT_MAX);
	if (table)
		status_table(s, clock_now(), &out);
	else
		status_ndjson(s, &out);
	stats.bytes_out = out.n;
	r = buf_check(&out, "<stdout>", e) < 0
		? -1
		: write_all(STDOUT_FILENO, out.p, out.n, "<stdout>", e);
	buf_done(&out);
	return r;
}

static void
confine_to(void)
{
	char dir[PATH_MAX];
	const char *slash = metrics != NULL ? strrchr(metrics, '/') : NULL;

	confined_read(state);
	if (metrics != NULL) {
		snprintf(dir, sizeof dir, "%.*s",
		    slash == NULL ? 1 : (int)(slash - metrics + 1),
		    slash ? metrics : ".");
		confined_write(dir);
	}
	confined();
}

int
main(int argc, char *argv[])
{
	static const char *const forms[] = { "table", "ndjson", NULL };
	static struct node_status s;
	struct child logtail = { 0, -1 };
	struct err e;
	size_t form = 0;
	int r, files = ST_OK;

	diag_init(argv[0]);
	hash_without_config();
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r < 0 ? diag_end(&e) : ST_OK;
	if (format != NULL && opts_choice("format", format, forms, &form, &e) < 0)
		return diag_end(&e);
	if (state == NULL) {
		err_set(&e, ST_USAGE,
		    "--state=DIR: needed: the directory that logbatch "
		    "keeps its ledger in");
		return diag_end(&e);
	}
	stats_init(&stats);
	if (argc > 0 && start_logtail(argc, argv, &logtail, &e) < 0)
		return diag_end(&e);
	confine_to();
	if (read_ledger(&s, &e) < 0 ||
	    (argc > 0 && (files = look_at_files(&s, &logtail, &e)) < 0) ||
	    (metrics != NULL && write_metrics(&s, &e) < 0) ||
	    ((metrics == NULL || format != NULL) && print(&s, form == 0, &e) < 0) ||
	    stats_end(&stats, &e) < 0)
		return diag_end(&e);
	return s.damaged ? status_worse(files, ST_ASIDE) : files;
}
