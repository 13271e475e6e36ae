/* verifyin.c - what is to be verified: manifests, objects, archives, an outbox. */
#include "base/err.h"
#include "batch/objread.h"
#include "batch/verify.h"
#include "ledger/ledger.h"
#include "record/ndjson.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int
lines(struct verify *v, int fd, const char *name, const char *root, struct err *e)
{
	struct ndjson_in in;
	struct str line;
	int got = 0, r = ndjson_in_init(&in, NULL, e);

	ndjson_in_open(&in, fd, name);
	while (r == 0 && (got = ndjson_next(&in, &line, e)) > 0)
		r = verify_manifest(v, line, root, e);
	ndjson_in_done(&in);
	return r < 0 || got < 0 ? -1 : 0;
}

int
verify_outbox(struct verify *v, const char *state, struct err *e)
{
	struct ledger *l = ledger_load(state, e);
	struct buf line;
	int r = l != NULL ? 0 : -1;

	buf_init(&line, LEDGER_MAX);
	for (size_t i = 0; r == 0 && i < l->batches; i++) {
		buf_clear(&line);
		ledger_manifest(&l->batch[i], state, &line);
		r = buf_check(&line, "manifest", e);
		if (r == 0)
			r = verify_manifest(
			    v, (struct str){ line.p, line.n - 1 }, NULL, e);
	}
	buf_done(&line);
	ledger_free(l);
	return r;
}

/* Looks at what a pipe holds first, and leaves it there.  No manifest begins as gzip does. */
static bool
is_piped_object(int fd)
{
	char first = 0;
	int p[2];
	bool is;

	if (pipe2(p, O_CLOEXEC) < 0)
		return false;
	is = tee(fd, p[1], 1, 0) == 1 && read(p[0], &first, 1) == 1 && first == '\x1f';
	close(p[0]);
	close(p[1]);
	return is;
}

int
verify_operand(struct verify *v, char *name, const char *root, struct err *e)
{
	struct stat st;
	int fd, r;

	if (strcmp(name, "-") == 0) {
		if (objread_is(STDIN_FILENO) || is_piped_object(STDIN_FILENO))
			return verify_stream(v, STDIN_FILENO, "-", NULL, NULL, e);
		return lines(v, STDIN_FILENO, "<stdin>", root, e);
	}
	if ((fd = open(name, O_RDONLY | O_CLOEXEC)) < 0 || fstat(fd, &st) < 0) {
		r = err_sys(e, name);
	} else if (S_ISDIR(st.st_mode)) {
		for (size_t n = strlen(name); n > 1 && name[n - 1] == '/'; n--)
			name[n - 1] = '\0';
		r = verify_archive(v, name, e);
	} else if (S_ISREG(st.st_mode) && objread_is(fd)) {
		r = verify_object(v, name, name, NULL, e);
	} else {
		r = lines(v, fd, name, root, e);
	}
	if (fd >= 0)
		close(fd);
	return r;
}
