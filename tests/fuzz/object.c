/* object: lines, as they are and as an object of ours.  What is read back is what went in, a
 * manifest of it fits, whatever else a manifest says is told and no more, and the tables that
 * are made of the lines are whole. */
#include "base/buf.h"
#include "base/err.h"
#include "batch/columns.h"
#include "batch/ddl.h"
#include "batch/gzmember.h"
#include "batch/keytemplate.h"
#include "batch/objread.h"
#include "batch/verify.h"
#include "fuzz.h"

#include <unistd.h>

static size_t told;

static int
print(void *unused, const struct buf *line, struct err *e)
{
	(void)unused;
	(void)e;
	must(line->n > 0 && line->p[line->n - 1] == '\n', "a result without its end");
	must(jscan_valid((struct str){ line->p, line->n - 1 }, NULL), "%s", line->p);
	told++;
	return 0;
}

/* Any bytes at all are read, and either are an object or are said not to be. */
static void
read_raw(const void *p, size_t n)
{
	int fd = memory_file(p, n);
	struct objread o;
	struct err e;

	must(objread(fd, "raw", NULL, &o, &e) == 0 && o.bytes == n, "bytes");
	close(fd);
}

static void
read_back(struct str all)
{
	struct gzip *z;
	struct gzmember m;
	struct objread o;
	struct buf gz;
	struct err e;
	uint64_t lines = 0;
	int fd;

	buf_init(&gz, SIZE_MAX / 4);
	must((z = gzip_new(1, &e)) != NULL, "gzip");
	gzmember_begin(&m, &gz);
	must(gzmember_run(z, &m, all.p, all.n, &gz, &e) == 0, "%s", e.text);
	gzmember_end(&m, &gz);
	gzip_free(z);
	fd = memory_file(gz.p, gz.n);
	must(objread(fd, "object", NULL, &o, &e) == 0, "%s", e.text);
	close(fd);
	for (size_t i = 0; i < all.n; i++)
		lines += all.p[i] == '\n';
	must(o.bytes == gz.n, "bytes");
	must(o.raw_bytes == all.n && o.records == lines, "%s", o.why);
	must(strncmp(o.why, "gzip", 4) != 0, "%s", o.why);
	buf_done(&gz);
}

static void
tables(const struct columns *c)
{
	struct keytemplate t;
	struct buf b;
	struct err e;

	must(keytemplate_parse(&t, "x/%Y/ns={k}/dt=%F/{id}", "n", &e) == 0, "%s", e.text);
	buf_init(&b, 64 << 20);
	for (int d = DDL_ATHENA; d <= DDL_DUCKDB; d++) {
		buf_clear(&b);
		must(ddl_print((enum ddl_dialect)d, c, &t, NULL, &b, &e) == 0, "%s",
		    e.text);
		must(b.n > 2 && strcmp(b.p + b.n - 2, ";\n") == 0, "%s", b.p);
	}
	buf_done(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = exact(data, size), rest = all, line;
	struct columns c;
	struct verify v;
	struct err e;

	told = 0;
	read_raw(data, size);
	read_back(all);
	columns_init(&c);
	verify_init(&v, print, NULL);
	while (next_line(&rest, &line)) {
		struct str one = exact(line.p, line.n);
		size_t before = told;

		must(columns_add(&c, one, &e) == 0, "%s", e.text);
		/* the directory is not there: nothing is read but what is outside of it */
		must(verify_manifest(&v, one, "/nowhere/at/all", &e) == 0, "%s", e.text);
		must(told == before + 1, "%zu results", told - before);
		exact_free(one);
	}
	must(c.count <= COLUMNS_MAX + COLUMNS_MEMBERS, "%zu columns", c.count);
	tables(&c);
	columns_done(&c);
	verify_done(&v);
	exact_free(all);
	return 0;
}
