#include "parse/define.h"
#include "base/err.h"
#include "parse/builtin.h"
#include "parse/conf_read.h"
#include "parse/json.h"
#include "parse/klog.h"
#include "parse/logfmt.h"
#include "parse/ltsv.h"
#include "parse/parser.h"
#include "parse/regex.h"
#include "parse/shape.h"
#include "parse/syslog.h"
#include "record/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

const char *const define_formats[] = { "regex", "json", "logfmt", "ltsv", "klog",
	"syslog", "syslog-rfc3164", "syslog-rfc3164-local", "syslog-rfc5424", NULL };

static const char *const keys[] = { "name", "format", "regex", "types", "time_key",
	"time_format", "time_keep", "time_offset", "time_strict", "time_system_timezone",
	"time_zone", "decode_field", "decode_field_as", "skip_empty_values",
	"logfmt_no_bare_keys", NULL };

/* A section on its way to a definition. */
struct reader {
	const struct conf_section *s;
	const struct conf_entry *at;
	struct define *d;
	struct conf *conf;
	struct err *e;
};

static int
bad(const struct reader *r, const char *what)
{
	return conf_bad(
	    r->s, r->at->line, r->e, "%s: %.100s: %s", r->at->key, r->at->value, what);
}

static int
yes_no(const struct reader *r, bool *to, bool yes)
{
	int v = conf_bool(r->at->value);

	if (v < 0)
		return bad(r, "not on or off");
	*to = yes ? v == 1 : v == 0;
	return 0;
}

static int
set_format(const struct reader *r)
{
	const char *near;

	for (int i = 0; define_formats[i] != NULL; i++)
		if (strcasecmp(r->at->value, define_formats[i]) == 0) {
			r->d->format = (enum define_format)i;
			return 0;
		}
	near = conf_nearest(r->at->value, define_formats);
	return conf_bad(r->s, r->at->line, r->e,
	    near ? "format: %.100s: no such format; did you mean %s?"
		 : "format: %.100s: not regex, json, logfmt or ltsv",
	    r->at->value, near);
}

static int
set_offset(const struct reader *r)
{
	struct str text = str_of(r->at->value);
	size_t n = zone_fixed(text, &r->d->offset_s);

	return n > 0 && n == text.n ? 0 : bad(r, "not like +0200 or -03:30");
}

static int
set_zone(const struct reader *r, const char *name)
{
	struct zone *z = zone_open(name, r->e);
	char why[sizeof r->e->text];

	if (z == NULL) {
		snprintf(why, sizeof why, "%s", r->e->text);
		return r->e->status == ST_USAGE
			   ? conf_bad(r->s, r->at->line, r->e, "%.300s", why)
			   : -1;
	}
	zone_close(z);
	r->d->zone = name;
	return 0;
}

/* DECODER FIELD [ACTION] */
static int
add_decoder(const struct reader *r, bool as)
{
	static const char *const hows[] = { "json", "escaped", "escaped_utf8", NULL };
	struct define_decode *to = &r->d->decode[r->d->decodes];
	char *word[3], *copy = strdup(r->at->value);
	size_t n;
	int done = 0;

	if (copy == NULL)
		return err_set(r->e, ST_FAIL, "out of memory");
	n = conf_words(copy, word, 3);
	*to = (struct define_decode){ .as = as, .how = DECODE_JSON };
	for (int i = 0; n > 0 && hows[i] != NULL; i++)
		if (strcasecmp(word[0], hows[i]) == 0)
			to->how = (enum define_decoder)i;
	if (n < 2 || n > 3)
		done = bad(r, "wants DECODER FIELD [do_next or try_next]");
	else if (strcasecmp(word[0], hows[to->how]) != 0)
		done = bad(r, "the decoder is not json, escaped or escaped_utf8");
	else if (r->d->decodes + 1 >= DEFINE_DECODERS_MAX)
		done = bad(r, "too many decoders");
	else if (n == 3 && strcasecmp(word[2], "do_next") != 0 &&
		 strcasecmp(word[2], "try_next") != 0)
		done = bad(r, "the action is not do_next or try_next");
	if (done == 0) {
		to->do_next = n == 3 && strcasecmp(word[2], "do_next") == 0;
		to->try_next = n == 3;
		to->field = conf_keep(r->conf, word[1], strlen(word[1]), r->e);
		done = to->field != NULL ? 0 : -1;
		r->d->decodes += done == 0;
	}
	free(copy);
	return done;
}

static int
add_time_format(const struct reader *r)
{
	if (r->d->time_formats == DEFINE_TIMES_MAX)
		return bad(r, "too many time formats");
	r->d->time_format[r->d->time_formats++] = r->at->value;
	return 0;
}

/* One entry of a section; the key is known. */
static int
take_entry(const struct reader *r)
{
	const char *key = r->at->key;
	struct define *d = r->d;
	bool on = false;

	if (strcmp(key, "name") == 0)
		d->name = d->name != NULL ? d->name : r->at->value;
	else if (strcmp(key, "format") == 0)
		return set_format(r);
	else if (strcmp(key, "regex") == 0)
		d->pattern = r->at->value;
	else if (strcmp(key, "types") == 0)
		d->types = r->at->value;
	else if (strcmp(key, "time_key") == 0)
		d->time_key = r->at->value;
	else if (strcmp(key, "time_format") == 0)
		return add_time_format(r);
	else if (strcmp(key, "time_keep") == 0)
		return yes_no(r, &d->time_keep, true);
	else if (strcmp(key, "time_offset") == 0)
		return set_offset(r);
	else if (strcmp(key, "time_strict") == 0)
		return yes_no(r, &d->time_lax, false);
	else if (strcmp(key, "time_zone") == 0)
		return set_zone(r, r->at->value);
	else if (strcmp(key, "skip_empty_values") == 0)
		return yes_no(r, &d->keep_empty, false);
	else if (strcmp(key, "logfmt_no_bare_keys") == 0)
		return yes_no(r, &d->no_bare_keys, true);
	else if (strcmp(key, "decode_field") == 0)
		return add_decoder(r, false);
	else if (strcmp(key, "decode_field_as") == 0)
		return add_decoder(r, true);
	else if (yes_no(r, &on, true) < 0)
		return -1;
	else if (on) /* time_system_timezone */
		return set_zone(r, "local");
	return 0;
}

static bool
known_key(const char *key)
{
	for (size_t i = 0; keys[i] != NULL; i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static int
read_section(struct definitions *all, const struct conf_section *s, struct define *d,
    struct err *e)
{
	struct reader r = { .s = s, .d = d, .conf = &all->conf, .e = e };
	bool formatted = false;
	const char *near;

	*d = (struct define){ .section = s };
	for (size_t i = 0; i < s->entries; i++) {
		r.at = &s->entry[i];
		if (!known_key(r.at->key)) {
			near = conf_nearest(r.at->key, keys);
			return conf_bad(s, r.at->line, e,
			    near ? "%.100s: no such key; did you mean %s?"
				 : "%.100s: no such key of a parser; see "
				   "logsweep-parsers(5)",
			    r.at->key, near);
		}
		formatted |= strcmp(r.at->key, "format") == 0;
		if (take_entry(&r) < 0)
			return -1;
	}
	if (d->name == NULL || *d->name == '\0')
		return conf_bad(s, 0, e, "the parser has no name");
	if (!formatted)
		return conf_bad(s, 0, e, "%.100s: the parser has no format", d->name);
	if (d->format == FORMAT_REGEX && (d->pattern == NULL || *d->pattern == '\0'))
		return conf_bad(s, 0, e, "%.100s: the parser has no regex", d->name);
	if (d->time_formats > 0 && d->time_key == NULL)
		d->time_key = "time";
	return 0;
}

static bool
same_name(const struct define *a, const struct define *b)
{
	return a->name != NULL && b->name != NULL && strcmp(a->name, b->name) == 0;
}

void
definitions_init(struct definitions *d)
{
	*d = (struct definitions){ 0 };
	conf_init(&d->conf);
}

void
definitions_done(struct definitions *d)
{
	conf_done(&d->conf);
	free(d->item);
	definitions_init(d);
}

int
definitions_read(struct definitions *all, const char *path, struct err *e)
{
	const struct conf_section *s;
	struct define *more;
	size_t n = 0;

	if (conf_read(&all->conf, path, e) < 0)
		return -1;
	more = realloc(all->item, (all->conf.sections + 1) * sizeof *more);
	if (more == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	all->item = more;
	/* sections may have moved: those that were there before are read again */
	for (size_t i = 0; i < all->conf.sections; i++) {
		s = &all->conf.section[i];
		if (strcmp(s->name, "PARSER") != 0)
			continue;
		if (n == PARSERS_MAX)
			return conf_bad(s, 0, e, "over %d parsers", PARSERS_MAX);
		if (read_section(all, s, &more[n], e) < 0)
			return -1;
		for (size_t k = 0; k < n; k++)
			if (same_name(&more[k], &more[n]))
				return conf_bad(s, 0, e,
				    "%.100s: there is one of that name in %.100s:%u",
				    more[n].name, more[k].section->file,
				    more[k].section->line);
		n++;
	}
	all->n = n;
	return 0;
}

const struct define *
definitions_at(const struct definitions *d, size_t i)
{
	if (i < d->n)
		return &d->item[i];
	return i - d->n < builtins_n ? &builtins[i - d->n] : NULL;
}

const struct define *
definitions_find(const struct definitions *d, const char *name)
{
	const struct define *one;

	for (size_t i = 0; (one = definitions_at(d, i)) != NULL; i++)
		if (strcmp(one->name, name) == 0)
			return one;
	return NULL;
}

static struct parser *
open_format(const struct define *def, struct err *e)
{
	switch (def->format) {
	case FORMAT_REGEX:
		return regex_open(def->name, def->pattern, def->keep_empty, e);
	case FORMAT_JSON:
		return json_open(def->name, e);
	case FORMAT_LOGFMT:
		return logfmt_open(def->name, def->no_bare_keys, e);
	case FORMAT_LTSV:
		return ltsv_open(def->name, e);
	case FORMAT_KLOG:
		return klog_open(def->name, e);
	default:
		return syslog_open(def->name, def->format, e);
	}
}

/* The entry that a reason begins with the key of ("types: ..."), for its line. */
static unsigned
line_of(const struct conf_section *s, const char *why)
{
	for (size_t i = 0; i < s->entries; i++) {
		size_t n = strlen(s->entry[i].key);

		if (strncmp(why, s->entry[i].key, n) == 0 && why[n] == ':')
			return s->entry[i].line;
	}
	return s->line;
}

struct parser *
define_open(
    const struct define *def, const struct timeformat_options *times, struct err *e)
{
	struct shape *shape = NULL;
	struct parser *p = open_format(def, e);
	char why[sizeof e->text];

	if (p != NULL && shape_open(def, times, &shape, e) == 0) {
		p->shape = shape;
		return p;
	}
	if (p != NULL)
		p->close(p);
	if (def->section != NULL && e->status == ST_USAGE) {
		snprintf(why, sizeof why, "%s", e->text);
		conf_bad(def->section, line_of(def->section, why), e, "%.380s", why);
	}
	return NULL;
}

struct parser *
parser_open(const struct definitions *d, const char *name, struct err *e)
{
	const struct define *def = definitions_find(d, name), *one;
	const char **names, *near;
	size_t n = 0;

	if (def != NULL)
		return define_open(def, &d->times, e);
	if ((names = calloc(d->n + builtins_n + 1, sizeof *names)) == NULL) {
		err_set(e, ST_FAIL, "out of memory");
		return NULL;
	}
	while ((one = definitions_at(d, n)) != NULL)
		names[n++] = one->name;
	near = conf_nearest(name, names);
	err_set(e, ST_USAGE,
	    near ? "%.100s: no such parser; did you mean %s?"
		 : "%.100s: no such parser; --list shows those that there are",
	    name, near);
	free(names);
	return NULL;
}
