/* archive: a directory with an archive, of which the input is a list, or what a merge left that
 * was killed.  Reading and going on end with a reason or none; what is told is JSON; nothing
 * but what the directory of the merge holds is removed.  First byte: which. */
#include "base/err.h"
#include "base/hash.h"
#include "batch/gzmember.h"
#include "batch/merge.h"
#include "batch/verify.h"
#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST "a/_manifests/h/l.gz"
#define MERGE_LIST "a/_manifests/h/merged-0123456789abcdef.ndjson.gz"
#define MERGED "a/h/merged-0123456789abcdef.ndjson.gz"
#define INPUT "a/h/y.gz"
#define JOURNAL "a/h/.merge-0123456789abcdef.json"

/* What must be there afterwards, whatever a list or a journal says. */
static const char *const others[] = { "x.gz", "a/x.gz", "a/i/x.gz", MERGED };

static char sha256[65];

static void
put(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd >= 0 && write(fd, p, n) == (ssize_t)n && close(fd) == 0, "%s", path);
}

/* As one gzip member; its hash. */
static void
put_object(const char *path, struct str content, char hex[65])
{
	struct gzmember m;
	struct gzip *z;
	struct buf gz;
	struct err e;
	uint8_t digest[32];

	buf_init(&gz, SIZE_MAX / 4);
	must((z = gzip_new(1, &e)) != NULL, "%s", e.text);
	gzmember_begin(&m, &gz);
	must(gzmember_run(z, &m, content.p, content.n, &gz, &e) == 0, "%s", e.text);
	gzmember_end(&m, &gz);
	gzip_free(z);
	put(path, gz.p, gz.n);
	sha256_of((const uint8_t *)gz.p, gz.n, digest);
	hex_of(digest, sizeof digest, hex);
	buf_done(&gz);
}

/* Into it, from where the caller is; the directory of run.sh goes with what is in it. */
static int
enter(void)
{
	static const char *const dirs[] = { "a", "a/h", "a/i", "a/_manifests",
		"a/_manifests/h" };
	static char dir[PATH_MAX];
	const char *tmp = getenv("TMPDIR");
	int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char hex[65];

	if (dir[0] != '\0') {
		must(back >= 0 && chdir(dir) == 0, "%s", dir);
		return back;
	}
	snprintf(dir, sizeof dir, "%s/archive.XXXXXX", tmp != NULL ? tmp : "/tmp");
	must(back >= 0 && mkdtemp(dir) != NULL && chdir(dir) == 0, "%s", dir);
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		must(mkdir(dirs[i], 0700) == 0, "%s", dirs[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		put_object(others[i], STR("{\"log\":\"a\"}\n"),
		    strcmp(others[i], MERGED) == 0 ? sha256 : hex);
	return back;
}

static void
must_have_reason(int r, const struct err *e)
{
	must(r == 0 || (e->text[0] != '\0' && e->status != 0), "no reason");
	must(r == 0 || strstr(e->text, "out of memory") == NULL, "%s", e->text);
}

static int
print(void *unused, const struct buf *line, struct err *e)
{
	(void)unused;
	(void)e;
	must_be_ndjson((struct str){ line->p, line->n });
	return 0;
}

static void
check_verify(void)
{
	char root[] = "a";
	struct verify v;
	struct err e;
	int r;

	verify_init(&v, print, NULL);
	r = verify_archive(&v, root, &e);
	must_have_reason(r, &e);
	must(r < 0 || v.n.objects >= 3, "%llu objects", (unsigned long long)v.n.objects);
	verify_done(&v);
}

static void
tell(const char *path, const char *why)
{
	must(path[0] != '\0' && why[0] != '\0', "nothing told");
}

static void
check_merge(void)
{
	char operand[] = "a/h", *argv[] = { operand, NULL };
	struct merge m = { .max_size = 1 << 20, .print = print, .tell = tell };
	struct err e;
	int r;

	must((m.gzip = gzip_new(1, &e)) != NULL, "%s", e.text);
	r = merge_operands(&m, argv, 1, &e);
	gzip_free(m.gzip);

	must_have_reason(r, &e);
	/* what it could go on with is done with */
	must(r < 0 || access(JOURNAL, F_OK) != 0, "the journal is left");
	(void)unlink(JOURNAL);
	(void)unlink(MERGE_LIST);
	(void)unlink(INPUT);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		must(access(others[i], F_OK) == 0, "%s is gone", others[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned opt = options(&data, &size);
	struct str all = exact(data, size);
	char hex[65];
	int back = enter();

	if (opt % 3 == 0) {
		put_object(LIST, all, hex);
		check_verify();
	} else if (opt % 3 == 1) {
		put(LIST, all.p, all.n);
		check_verify();
	} else {
		struct buf b;

		buf_init(&b, SIZE_MAX / 4);
		if (opt & 64) /* one that fits */
			buf_printf(&b, "{\"sha256\":\"%s\",", sha256);
		buf_addstr(&b, all);
		put(JOURNAL, b.p != NULL ? b.p : "", b.n);
		put_object(INPUT, STR("{\"log\":\"y\"}\n"), hex);
		buf_done(&b);
		check_merge();
	}
	must(fchdir(back) == 0 && close(back) == 0, "back");
	exact_free(all);
	return 0;
}
