/* logparse - records get fields out of their message; see logparse(1). */
#include "base/err.h"
#include "base/fileio.h"
#include "base/units.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/filter.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "parse/clean.h"
#include "parse/define.h"
#include "parse/graft.h"
#include "parse/multiline.h"
#include "parse/parser.h"
#include "parse/trial.h"
#include "parse/wishes.h"
#include "parse/zonenames.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	IDLE_MS = 200, /* after which a quiet input is looked at for what has waited */
	YEAR_MAX = 9999,
};

static struct opt_list names, files_of_parsers, secrets, multiline_names;
static const char *key = "log", *into = "log_processed", *keep = "auto";
static const char *duplicates = "leave";
static const char *parser_from, *base_year, *zone_names;
static bool merge, list, test, strict_parse, strip_ansi;
static uint64_t multiline_lines = MULTILINE_LINES, multiline_max = MULTILINE_BYTES;
static int64_t multiline_wait, time_window;

static const struct opt options[] = {
	{ 'p', "parser", "NAME", OPT_LIST, &names,
	    "try this parser; again: the first that fits (json)" },
	{ 'R', "parsers", "FILE", OPT_LIST, &files_of_parsers,
	    "read parsers from a Fluent Bit file, classic or YAML; may be given again" },
	{ 0, "parser-from", "FIELD", OPT_MAYBE, &parser_from,
	    "the record's own parser is named in this field (the pod's annotation)" },
	{ 0, "base-year", "YEAR", OPT_STR, &base_year,
	    "the year of times that say none (the one nearest to the record's time)" },
	{ 0, "time-window", "AGE", OPT_AGE, &time_window,
	    "keep the record's own time if the message's is further from it than AGE" },
	{ 0, "redact", "REGEX", OPT_LIST, &secrets,
	    "replace what it fits by [redacted], in the message and in all strings" },
	{ 0, "strip-ansi", NULL, OPT_FLAG, &strip_ansi,
	    "take terminal escapes (colours) out of the message" },
	{ 0, "strict-parse", NULL, OPT_FLAG, &strict_parse,
	    "a message that no parser fits is set aside as an _error record" },
	{ 0, "key", "KEY", OPT_STR, &key, "the field that holds the message (log)" },
	{ 0, "into", "KEY", OPT_STR, &into,
	    "the field for what is parsed (log_processed)" },
	{ 0, "duplicates", "leave|keep", OPT_STR, &duplicates,
	    "JSON with a key twice: leave it in the message, or put it in and keep "
	    "both" },
	{ 0, "merge", NULL, OPT_FLAG, &merge, "lift what is parsed to the top level" },
	{ 0, "keep", "auto|yes|no", OPT_STR, &keep,
	    "keep the message (auto: not if it was JSON)" },
	{ 0, "multiline", "NAME[,NAME]", OPT_LIST, &multiline_names,
	    "join the lines of stack traces: java, python, go, ruby, js, php, csharp, "
	    "dart" },
	{ 0, "multiline-lines", "N", OPT_COUNT, &multiline_lines,
	    "cut a message that has more lines (default 1000)" },
	{ 0, "multiline-max", "SIZE", OPT_SIZE, &multiline_max,
	    "cut a message that is longer (default 1M)" },
	{ 0, "multiline-wait", "AGE", OPT_AGE, &multiline_wait,
	    "take a message at the end of a live file for whole when it is AGE old "
	    "(default: leave it to the next sweep)" },
	{ 0, "test", NULL, OPT_FLAG, &test,
	    "only tell how well the parsers fit FILE (records or text)" },
	{ 0, "zone-names", "FILE", OPT_STR, &zone_names,
	    "names of zones and their offsets, for %Z: lines such as IST +05:30" },
	{ 0, "list", NULL, OPT_FLAG, &list,
	    "print the parsers, their patterns and a sample each" },
	OPTS_END,
};

static struct parser *chain[OPT_LIST_MAX];
static size_t chain_n;
static struct definitions definitions;
static struct zonenames *zones; /* --zone-names */
static struct wishes wishes;    /* --parser-from */
static struct graft graft;
static struct multiline multiline;
static struct clean clean; /* --strip-ansi, --redact */

static struct str
clean_one(struct filter *f, struct str line)
{
	(void)f;
	return clean_line(&clean, line);
}

static void
clean_found(struct parsed *got, void *arg)
{
	clean_parsed(arg, got);
}

/* The parsers to try: the record's own wish, else those of -p. */
static enum wished
chain_of(const struct record *r, struct parser *const **use, size_t *n)
{
	enum wished did = WISH_NONE;

	*use = chain;
	*n = chain_n;
	if (parser_from != NULL &&
	    (did = wishes_find(&wishes, r->line, use)) != WISH_NONE)
		*n = did == WISH_KNOWN;
	return did;
}

static enum filter_did
one_record(struct filter *f, const struct record *r, const char **why)
{
	struct parser *const *use;
	size_t n;

	chain_of(r, &use, &n);
	switch (graft_record(&graft, use, n, r, &f->out, why)) {
	case GRAFT_WRITTEN:
		return FILTER_PASSED;
	case GRAFT_BAD:
		return FILTER_BAD;
	case GRAFT_FAILED:
		if (common.strict)
			return FILTER_BAD;
		break;
	case GRAFT_UNFIT:
		break;
	}
	record_mark_bad(&f->out, diag_prog(), *why, r);
	return FILTER_REJECTED;
}

static enum filter_did
one_line(struct filter *f, const struct record *r, const char **why)
{
	return multiline_record(&multiline, r) == MULTILINE_HELD ? FILTER_HELD
								 : one_record(f, r, why);
}

/* A record of joined lines goes the way of all others. */
static void
joined_record(void *arg, const struct record *r, unsigned lines)
{
	struct filter *f = arg;
	const char *why = "not a JSON object";
	struct record whole;
	struct str line;
	enum filter_did did;

	/* each line was cleaned; what is secret over several is seen only now */
	if (f->line != NULL && (line = clean_line(&clean, r->line)).p != r->line.p &&
	    record_read(&multiline.reader, line, &whole))
		r = &whole;
	did = one_record(f, r, &why);
	if (did == FILTER_BAD && common.strict) {
		f->failed = true;
		err_set(&f->err, ST_FAIL, "%s: a joined record: %s", diag_prog(), why);
		return;
	}
	if (did == FILTER_BAD) {
		record_wrap(&f->out, diag_prog(), why, r->line, &f->invalid_utf8);
		did = FILTER_REJECTED;
	}
	filter_held(f, did, lines, r->time);
	if (!f->failed && ndjson_end(&f->out, &f->err) < 0)
		f->failed = true;
}

static void
one_mark(struct filter *f, const struct record *r)
{
	(void)f;
	multiline_mark(&multiline, r);
}

static void
waited(struct filter *f, bool quiet)
{
	(void)f;
	multiline_idle(&multiline, quiet);
}

static void
last_lines(struct filter *f)
{
	multiline_finish(&multiline);
	if (f->held > 0)
		diag_note("%llu lines of messages that may go on are held back; the next "
			  "sweep reads them again",
		    (unsigned long long)f->held);
}

/* Put multi-line joining between the input and the parsers. */
static int
join_lines(struct filter *f, struct err *e)
{
	if (multiline_names.n == 0)
		return 0;
	multiline_init(&multiline);
	for (size_t i = 0; i < multiline_names.n; i++)
		if (multiline_use(
			&multiline, multiline_names.item[i], &definitions.conf, e) < 0)
			return -1;
	if (multiline_limits(&multiline, multiline_lines, multiline_max, e) < 0)
		return -1;
	multiline.key = str_of(key);
	multiline.wait_ns = multiline_wait;
	multiline.out = &f->out;
	multiline.from = &f->reader;
	multiline.emit = joined_record;
	multiline.arg = f;
	f->record = one_line;
	f->mark = one_mark;
	f->idle = waited;
	f->wait_ms = IDLE_MS;
	f->finish = last_lines;
	stats_own(&f->stats, "groups", &multiline.counts.groups);
	stats_own(&f->stats, "cut", &multiline.counts.cut);
	stats_own(&f->stats, "early", &multiline.counts.early);
	stats_own(&f->stats, "held", &f->held);
	stats_own(&f->stats, "given_up", &multiline.counts.given_up);
	return 0;
}

static int
open_parsers(struct err *e)
{
	if (names.n == 0)
		names.item[names.n++] = "json";
	for (; chain_n < names.n; chain_n++)
		if ((chain[chain_n] =
			    parser_open(&definitions, names.item[chain_n], e)) == NULL)
			return -1;
	if (parser_from != NULL)
		return wishes_init(&wishes, &definitions, parser_from, e);
	return 0;
}

static int
set_times(struct timeformat_options *o, struct err *e)
{
	struct err inner;
	uint64_t year = 0;

	if (base_year != NULL &&
	    (units_count(base_year, YEAR_MAX, &year, &inner) < 0 || year == 0))
		return err_set(e, ST_USAGE,
		    "--base-year: %.100s: not a year from 1 to %d", base_year, YEAR_MAX);
	o->base_year = (int)year;
	o->window_ns = time_window;
	if (zone_names != NULL && (zones = zonenames_open(zone_names, e)) == NULL)
		return -1;
	o->names = zones;
	return 0;
}

/* All that the files say has to be right, used or not. */
static int
read_parsers(struct err *e)
{
	struct parser *p;

	definitions_init(&definitions);
	if (set_times(&definitions.times, e) < 0)
		return -1;
	for (size_t i = 0; i < files_of_parsers.n; i++)
		if (definitions_read(&definitions, files_of_parsers.item[i], e) < 0)
			return -1;
	for (size_t i = 0; i < definitions.n; i++) {
		if ((p = define_open(&definitions.item[i], &definitions.times, e)) ==
		    NULL)
			return -1;
		parser_close(p);
	}
	return 0;
}

static int
set_up(struct err *e)
{
	static const char *const words[] = { "auto", "yes", "no", NULL };
	static const char *const whats[] = { "leave", "keep", NULL };
	struct err inner;
	size_t which;

	if (opts_choice("keep", keep, words, &which, e) < 0)
		return -1;
	if (graft_init(&graft, key, into, &inner) < 0)
		return err_set(e, inner.status, "--key, --into: %.400s", inner.text);
	graft.keep = (enum graft_keep)which;
	graft.merge = merge;
	if (opts_choice("duplicates", duplicates, whats, &which, e) < 0)
		return -1;
	graft.keep_twice = which == 1;
	graft.must_fit = strict_parse;
	if (secrets.n > 0) {
		graft.look = clean_found;
		graft.look_arg = &clean;
	}
	if (clean_init(&clean, key, strip_ansi, secrets.item, secrets.n, e) < 0)
		return -1;
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

static void
list_one(struct ndjson_out *o, const struct define *d)
{
	put_text(o, "{\"name\":\"", d->name);
	put_text(o, ",\"format\":\"", define_formats[d->format]);
	if (d->pattern != NULL)
		put_text(o, ",\"pattern\":\"", d->pattern);
	if (d->time_key != NULL)
		put_text(o, ",\"time_key\":\"", d->time_key);
	for (size_t i = 0; i < d->time_formats; i++) {
		put_text(o, i == 0 ? ",\"time_format\":[\"" : ",\"", d->time_format[i]);
		if (i + 1 == d->time_formats)
			NDJSON_LIT(o, "]");
	}
	if (d->types != NULL)
		put_text(o, ",\"types\":\"", d->types);
	if (d->section != NULL) {
		put_text(o, ",\"file\":\"", d->section->file);
		NDJSON_LIT(o, ",\"line\":");
		ndjson_u64(o, d->section->line);
	}
	if (d->sample != NULL)
		put_text(o, ",\"sample\":\"", d->sample);
	NDJSON_LIT(o, "}\n");
}

static int
list_parsers(struct err *e)
{
	const struct define *d;
	struct ndjson_out o;
	int r;

	if (ndjson_out_init(&o, STDOUT_FILENO, "<stdout>", e) < 0)
		return -1;
	for (size_t i = 0; (d = definitions_at(&definitions, i)) != NULL; i++)
		list_one(&o, d);
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
		trial_line(t, str_of(key), clean_line(&clean, line), in->name, ++line_no);
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
		options };
	struct err e;
	int status;

	diag_init(argv[0]);
	if ((status = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return status > 0 ? ST_OK : diag_end(&e);
	if (read_parsers(&e) < 0)
		return diag_end(&e);
	if (list)
		return list_parsers(&e) < 0 ? diag_end(&e) : ST_OK;
	if (set_up(&e) < 0 || join_lines(&f, &e) < 0)
		return diag_end(&e);
	if (strip_ansi || secrets.n > 0)
		f.line = clean_one;
	stats_own(&f.stats, "parsed", &graft.with);
	stats_own(&f.stats, "unparsed", &graft.without);
	stats_own(&f.stats, "clash", &graft.clashes);
	stats_own(&f.stats, "duplicate", &graft.duplicates);
	stats_own(&f.stats, "time_read", &graft.times);
	stats_own(&f.stats, "time_unread", &graft.times_unread);
	stats_own(&f.stats, "time_ambiguous", &graft.times_ambiguous);
	stats_own(&f.stats, "time_range", &graft.times_range);
	stats_own(&f.stats, "time_far", &graft.times_far);
	stats_own(&f.stats, "unknown_parser", &wishes.unknown);
	stats_own(&f.stats, "redacted", &clean.redacted);
	stats_own(&f.stats, "stripped", &clean.stripped);
	/* what parsers need is compiled and read */
	confined_inputs(argc, argv);
	if (parser_from != NULL) { /* parsers that records ask for, by their time zones */
		confined_read("/usr/share/zoneinfo");
		confined_read("/etc/localtime");
		confined_read(getenv("TZDIR"));
	}
	confined();
	status = test ? test_parsers(argc, argv) : filter_run(&f, argc, argv);
	for (size_t i = 0; i < chain_n; i++)
		parser_close(chain[i]);
	clean_done(&clean);
	wishes_done(&wishes);
	definitions_done(&definitions);
	zonenames_close(zones);
	graft_done(&graft);
	multiline_done(&multiline);
	return status;
}
