/* logparse - records get fields out of their message; see logparse(1). */
#include "base/err.h"
#include "base/fileio.h"
#include "cli/diag.h"
#include "cli/filter.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "parse/builtin.h"
#include "parse/graft.h"
#include "parse/parser.h"
#include "parse/trial.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>
#include <unistd.h>

static struct opt_list names;
static const char *key = "log", *into = "log_processed", *keep = "auto";
static bool merge, list, test;

static const struct opt options[] = {
	{ 'p', "parser", "NAME", OPT_LIST, &names,
	    "try this parser; again: the first that fits (json)" },
	{ 0, "key", "KEY", OPT_STR, &key, "the field that holds the message (log)" },
	{ 0, "into", "KEY", OPT_STR, &into,
	    "the field for what is parsed (log_processed)" },
	{ 0, "merge", NULL, OPT_FLAG, &merge, "lift what is parsed to the top level" },
	{ 0, "keep", "auto|yes|no", OPT_STR, &keep,
	    "keep the message (auto: not if it was JSON)" },
	{ 0, "test", NULL, OPT_FLAG, &test,
	    "only tell how well the parsers fit FILE (records or text)" },
	{ 0, "list", NULL, OPT_FLAG, &list,
	    "print the parsers, their patterns and a sample each" },
	OPTS_END,
};

static struct parser *chain[OPT_LIST_MAX];
static size_t chain_n;
static struct graft graft;

static enum filter_did
one_record(struct filter *f, const struct record *r, const char **why)
{
	switch (graft_record(&graft, chain, chain_n, r, &f->out, why)) {
	case GRAFT_WRITTEN:
		return FILTER_PASSED;
	case GRAFT_BAD:
		return FILTER_BAD;
	case GRAFT_FAILED:
		break;
	}
	if (common.strict)
		return FILTER_BAD;
	record_mark_bad(&f->out, diag_prog(), *why, r);
	return FILTER_REJECTED;
}

static int
open_parsers(struct err *e)
{
	if (names.n == 0)
		names.item[names.n++] = "json";
	for (; chain_n < names.n; chain_n++)
		if ((chain[chain_n] = parser_open(names.item[chain_n], e)) == NULL)
			return -1;
	return 0;
}

static int
set_up(struct err *e)
{
	static const char *const words[] = { "auto", "yes", "no", NULL };
	struct err inner;
	size_t which;

	if (opts_choice("keep", keep, words, &which, e) < 0)
		return -1;
	if (graft_init(&graft, key, into, &inner) < 0)
		return err_set(e, inner.status, "--key, --into: %.400s", inner.text);
	graft.keep = (enum graft_keep)which;
	graft.merge = merge;
	return open_parsers(e);
}

static void
put_text(struct ndjson_out *o, const char *name, const char *text)
{
	uint64_t none = 0;

	ndjson_add(o, name, strlen(name));
	ndjson_text(o, text, strlen(text), &none);
	NDJSON_LIT(o, "\"");
}

static int
list_parsers(struct err *e)
{
	struct ndjson_out o;
	int r;

	if (ndjson_out_init(&o, STDOUT_FILENO, "<stdout>", e) < 0)
		return -1;
	for (size_t i = 0; i < builtins_n; i++) {
		put_text(&o, "{\"name\":\"", builtins[i].name);
		put_text(&o, ",\"format\":\"", builtins[i].pattern ? "regex" : "json");
		if (builtins[i].pattern != NULL)
			put_text(&o, ",\"pattern\":\"", builtins[i].pattern);
		put_text(&o, ",\"sample\":\"", builtins[i].sample);
		NDJSON_LIT(&o, "}\n");
	}
	r = ndjson_flush(&o, e);
	ndjson_out_done(&o);
	return r;
}

static int
test_input(struct trial *t, struct ndjson_in *in, struct err *e)
{
	struct str line;
	uint64_t line_no = 0;
	int got;

	while ((got = ndjson_next(in, &line, e)) > 0)
		trial_line(t, str_of(key), line, in->name, ++line_no);
	return got;
}

/* --test: ST_OK if all fit, ST_ASIDE if not. */
static int
test_parsers(int argc, char *argv[])
{
	static struct trial t;
	struct inputs files;
	struct ndjson_in in;
	struct buf report;
	struct err e;
	int more, status = ST_OK;

	buf_init(&report, 4 << 20);
	if (trial_init(&t, chain, chain_n, &e) < 0 ||
	    inputs_init(&files, argc, argv, &e) < 0 || ndjson_in_init(&in, NULL, &e) < 0)
		return diag_end(&e);
	while ((more = inputs_next(&files, &e)) != 0) {
		if (more > 0)
			ndjson_in_open(&in, files.fd, files.name);
		if (more < 0 || test_input(&t, &in, &e) < 0)
			status = status_worse(status, diag_end(&e));
	}
	trial_report(&t, &report);
	if (buf_check(&report, "report", &e) < 0 ||
	    write_all(STDOUT_FILENO, report.p, report.n, "<stdout>", &e) < 0)
		status = diag_end(&e);
	status = status_worse(status, t.fit < t.seen ? ST_ASIDE : ST_OK);
	ndjson_in_done(&in);
	buf_done(&report);
	trial_done(&t);
	return status;
}

int
main(int argc, char *argv[])
{
	static struct filter f = { .record = one_record };
	static const struct prog prog = { "logparse", "[OPTION]... [FILE]...",
		"Parse the message of each record into fields, on standard output.",
		options, NULL };
	struct err e;
	int status;

	diag_init(argv[0]);
	if ((status = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return status > 0 ? ST_OK : diag_end(&e);
	if (list)
		return list_parsers(&e) < 0 ? diag_end(&e) : ST_OK;
	if (set_up(&e) < 0)
		return diag_end(&e);
	stats_own(&f.stats, "parsed", &graft.with);
	stats_own(&f.stats, "unparsed", &graft.without);
	stats_own(&f.stats, "clash", &graft.clashes);
	status = test ? test_parsers(argc, argv) : filter_run(&f, argc, argv);
	for (size_t i = 0; i < chain_n; i++)
		parser_close(chain[i]);
	graft_done(&graft);
	return status;
}
