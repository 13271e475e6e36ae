/* replay.c - run a fuzz target over files and directories, without a fuzzer: for `run.sh
 * replay`, for a look at one input, and as the main of an AFL++ build (NAME @@). */
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "fuzz.h"

#include <dirent.h>
#include <limits.h>

enum { INPUT_MAX = 64 << 20 };

static unsigned ran;

static int
one_file(const char *path)
{
	struct buf b;
	struct str s;
	struct err e;

	buf_init(&b, INPUT_MAX);
	if (file_read(path, &b, &e) <= 0) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return -1;
	}
	s = exact(b.p, b.n);
	buf_done(&b);
	fprintf(stderr, "%s\n", path); /* the last one told is the one that ended it */
	(void)LLVMFuzzerTestOneInput((const uint8_t *)s.p, s.n);
	exact_free(s);
	ran++;
	return 0;
}

static int
all_of(const char *path)
{
	char name[PATH_MAX];
	struct dirent *de;
	DIR *d = opendir(path);
	int r = 0;

	if (d == NULL)
		return one_file(path);
	while (r == 0 && (de = readdir(d)) != NULL)
		if (de->d_name[0] != '.' && snprintf(name, sizeof name, "%s/%s", path,
						de->d_name) < (int)sizeof name)
			r = one_file(name);
	closedir(d);
	return r;
}

int
main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		if (all_of(argv[i]) < 0)
			return 2;
	fprintf(stderr, "%u inputs\n", ran);
	return ran == 0;
}
