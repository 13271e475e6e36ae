/* ddl.c - logbatch --print-ddl: the columns of the records, as the SQL of a table. */
#include "batch/ddl.h"
#include "base/err.h"
#include "batch/columns.h"
#include "batch/keytemplate.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "logbatch.h"

/* The columns that the operands show; of a terminal, and when there are none, the usual. */
static int
sample(struct columns *c, int argc, char *argv[], struct err *e)
{
	struct inputs files;
	int more, r = 0;

	if (argc > 0 || !isatty(STDIN_FILENO)) {
		if (inputs_init(&files, argc, argv, e) < 0)
			return -1;
		while (r == 0 && (more = inputs_next(&files, e)) != 0)
			r = more < 0 ? -1 : columns_read(c, files.fd, files.name, e);
	}
	return r == 0 && c->all.n == 0 ? columns_default(c, e) : r;
}

int
logbatch_ddl(const struct options *given, int argc, char *argv[])
{
	static const char *const dialects[] = { [DDL_ATHENA] = "athena",
		[DDL_SPARK] = "spark",
		[DDL_TRINO] = "trino",
		[DDL_DUCKDB] = "duckdb",
		NULL };
	struct keytemplate template;
	struct columns c;
	struct buf b;
	struct err e;
	size_t which = 0;
	int r;

	columns_init(&c);
	buf_init(&b, 64 << 20);
	confined_inputs(argc, argv);
	confined();
	r = opts_choice("print-ddl", given->ddl, dialects, &which, &e);
	if (r == 0)
		r = keytemplate_parse(&template, given->key,
		    given->node != NULL ? given->node : "node", &e);
	if (r == 0)
		r = sample(&c, argc, argv, &e);
	if (r == 0)
		r = ddl_print((enum ddl_dialect)which, &c, &template, given->out, &b, &e);
	if (r == 0)
		r = logbatch_print(NULL, &b, &e);
	columns_done(&c);
	buf_done(&b);
	return r < 0 ? diag_end(&e) : ST_OK;
}
