/* lib/source/listing: a directory with more names than are read. */
#include "source/listing.h"
#include "base/err.h"
#include "unit.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static char dir[] = "/tmp/unit-listing-XXXXXX";
static long fakes; /* names that the kernel is made to tell, then its own */

ssize_t
getdents64(int fd, void *buf, size_t size)
{
	char *to = buf;

	if (fakes == 0)
		return syscall(SYS_getdents64, fd, buf, size);
	while (
	    fakes > 0 && (size_t)(to - (char *)buf) + sizeof(struct dirent64) <= size) {
		struct dirent64 *de = (void *)to;

		de->d_type = DT_REG;
		de->d_reclen = 48;
		snprintf(de->d_name, 21, "%ld", fakes--);
		to += de->d_reclen;
	}
	return to - (char *)buf;
}

/* past: names in a directory */
static void
test_ceiling(void)
{
	struct listing l = { .n = 0 };
	struct err e;
	int again;

	fakes = LISTING_NAMES_MAX - 1; /* and a.log */
	ok(listing_read(&l, dir, &e) == 0 && l.n == LISTING_NAMES_MAX,
	    "1,048,576 names are read");
	fakes = LISTING_NAMES_MAX;
	again = listing_again(&l, &e);
	ok(again < 0 && strstr(e.text, "more than 1048576 names") != NULL &&
		e.status == ST_ASIDE,
	    "one more is told: %s", e.text);
	fakes = 0;
	ok(listing_again(&l, &e) == 0 && l.n == 1 &&
		strcmp(listing_name(&l, 0), "a.log") == 0,
	    "and read again when they are fewer");
	listing_done(&l);
}

int
main(void)
{
	char file[sizeof dir + 8];

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(file, sizeof file, "%s/a.log", dir);
	fclose(fopen(file, "w"));
	test_ceiling();
	unlink(file);
	rmdir(dir);
	return unit_end();
}
