#include "parse/conf.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "parse/conf_read.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

void
conf_init(struct conf *c)
{
	*c = (struct conf){ 0 };
}

void
conf_done(struct conf *c)
{
	struct conf_memory *m = c->memory;

	for (size_t i = 0; i < c->sections; i++)
		free(c->section[i].entry);
	free(c->section);
	for (size_t i = 0; m != NULL && i < m->texts; i++)
		free(m->text[i]);
	if (m != NULL) {
		free(m->text);
		free(m->var);
	}
	free(m);
	conf_init(c);
}

static int
no_memory(struct err *e)
{
	return err_set(e, ST_FAIL, "out of memory");
}

/* `p` with room for one more of `size` bytes behind `n`; NULL: no memory, `p` stays. */
static void *
one_more(void *p, size_t n, size_t size)
{
	return n == 0 || (n & (n - 1)) == 0
		   ? realloc(p, (n == 0 ? 1 : 2 * n) * size) /* at powers of two */
		   : p;
}

char *
conf_keep(struct conf *c, const char *p, size_t n, struct err *e)
{
	struct conf_memory *m = c->memory;
	char **more = one_more(m->text, m->texts, sizeof *more);
	char *copy = more != NULL ? malloc(n + 1) : NULL;

	if (more != NULL)
		m->text = more;
	if (copy == NULL) {
		no_memory(e);
		return NULL;
	}
	memcpy(copy, p, n);
	copy[n] = '\0';
	return m->text[m->texts++] = copy;
}

int
conf_error(
    const struct conf_place *at, unsigned line, struct err *e, const char *fmt, ...)
{
	char reason[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	return err_set(e, ST_USAGE, "%.100s:%u: %s", at->file, line, reason);
}

int
conf_bad(const struct conf_section *s, unsigned line, struct err *e, const char *fmt, ...)
{
	char reason[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	return err_set(
	    e, ST_USAGE, "%.100s:%u: %s", s->file, line > 0 ? line : s->line, reason);
}

int
conf_set(const struct conf_place *at, unsigned line, struct str name, struct str value,
    struct err *e)
{
	struct conf_memory *m = at->conf->memory;
	struct conf_var *more = one_more(m->var, m->vars, sizeof *more);

	if (more == NULL)
		return no_memory(e);
	m->var = more;
	if (m->vars == CONF_VARS_MAX)
		return conf_error(at, line, e, "over %d variables", CONF_VARS_MAX);
	if ((m->var[m->vars].name = conf_keep(at->conf, name.p, name.n, e)) == NULL ||
	    (m->var[m->vars].value = conf_keep(at->conf, value.p, value.n, e)) == NULL)
		return -1;
	m->vars++;
	return 0;
}

static const char *
variable(const struct conf_memory *m, const char *name)
{
	for (size_t i = m->vars; i-- > 0;)
		if (strcmp(m->var[i].name, name) == 0)
			return m->var[i].value;
	return getenv(name);
}

/* The length of ${NAME} at p, or 0. */
static size_t
reference(const char *p, const char *end)
{
	const char *q = p + 2;

	if (end - p < 4 || p[0] != '$' || p[1] != '{' || isdigit((unsigned char)*q))
		return 0;
	while (q < end && (isalnum((unsigned char)*q) || *q == '_'))
		q++;
	return q < end && *q == '}' && q > p + 2 ? (size_t)(q + 1 - p) : 0;
}

char *
conf_value(const struct conf_place *at, unsigned line, struct str raw, struct err *e)
{
	const char *p = raw.p, *end = raw.p + raw.n, *value;
	char name[256], *kept;
	struct buf b;
	size_t n;

	buf_init(&b, CONF_VALUE_MAX);
	while (p < end) {
		if ((n = reference(p, end)) == 0) {
			buf_addc(&b, *p++);
			continue;
		}
		snprintf(name, sizeof name, "%.*s", (int)(n - 3), p + 2);
		if ((value = variable(at->conf->memory, name)) == NULL) {
			conf_error(at, line, e, "${%s} is not set", name);
			buf_done(&b);
			return NULL;
		}
		buf_adds(&b, value);
		p += n;
	}
	kept = NULL;
	if (memchr(raw.p, '\0', raw.n) != NULL)
		conf_error(at, line, e, "there is a NUL byte in the value");
	else if (b.failed)
		conf_error(at, line, e, "the value is over %d bytes", CONF_VALUE_MAX);
	else
		kept = conf_keep(at->conf, b.n > 0 ? b.p : "", b.n, e);
	buf_done(&b);
	return kept;
}

/* Time_Key, timeKey, time_key */
static void
plain_key(char *to, size_t size, struct str key)
{
	size_t n = 0;

	for (size_t i = 0; i < key.n && n + 2 < size; i++) {
		unsigned char c = (unsigned char)key.p[i];

		if (i > 0 && isupper(c) && islower((unsigned char)key.p[i - 1]))
			to[n++] = '_';
		to[n++] = (char)tolower(c);
	}
	to[n] = '\0';
}

int
conf_section(struct conf_place *at, unsigned line, const char *name, struct err *e)
{
	struct conf *c = at->conf;
	struct conf_section *more;

	if (c->sections == CONF_SECTIONS_MAX)
		return conf_error(
		    at, line, e, "over %d sections", (int)CONF_SECTIONS_MAX);
	if ((more = one_more(c->section, c->sections, sizeof *more)) == NULL)
		return no_memory(e);
	c->section = more;
	c->section[c->sections] =
	    (struct conf_section){ .file = at->file, .line = line, .name = name };
	c->sections++;
	return 0;
}

int
conf_entry(
    struct conf_place *at, unsigned line, struct str key, struct str value, struct err *e)
{
	struct conf_section *s = &at->conf->section[at->conf->sections - 1];
	struct conf_entry *more, *new;
	char plain[128];

	if (s->entries == CONF_ENTRIES_MAX)
		return conf_error(
		    at, line, e, "over %d entries in a section", (int)CONF_ENTRIES_MAX);
	if ((more = one_more(s->entry, s->entries, sizeof *more)) == NULL)
		return no_memory(e);
	s->entry = more;
	new = &s->entry[s->entries];
	plain_key(plain, sizeof plain, key);
	*new = (struct conf_entry){ .line = line };
	if ((new->key = conf_keep(at->conf, plain, strlen(plain), e)) == NULL ||
	    (new->value = conf_value(at, line, value, e)) == NULL)
		return -1;
	s->entries++;
	return 0;
}

/* Is that file being read already, further out? */
static int
check_loop(const struct conf_place *at, unsigned line, const struct stat *st,
    const char *path, struct err *e)
{
	unsigned depth = 0;

	for (const struct conf_place *up = at; up != NULL; up = up->by, depth++)
		if (up->dev == st->st_dev && up->ino == st->st_ino)
			return conf_error(at, line, e, "%.100s includes itself", path);
	if (depth >= CONF_DEPTH)
		return conf_error(
		    at, line, e, "files included over %d deep", (int)CONF_DEPTH);
	return 0;
}

static int
read_file(struct conf *c, const struct conf_place *by, unsigned line, const char *path,
    struct err *e)
{
	const char *dot = strrchr(path, '.');
	struct conf_place here = { .conf = c, .by = by };
	struct stat st;
	struct buf text;
	int r;

	if (stat(path, &st) < 0) {
		r = err_sys(e, path);
		e->status = e->status == ST_FAIL ? ST_USAGE : e->status;
		return by == NULL
			   ? r
			   : conf_error(by, line, e, "%.100s: %s", path, strerror(errno));
	}
	if (by != NULL && check_loop(by, line, &st, path, e) < 0)
		return -1;
	if (++c->memory->files > CONF_FILES_MAX)
		return err_set(e, ST_USAGE, "%.200s: over %d files are included", path,
		    (int)CONF_FILES_MAX);
	here.dev = st.st_dev;
	here.ino = st.st_ino;
	if ((here.file = conf_keep(c, path, strlen(path), e)) == NULL)
		return -1;
	buf_init(&text, CONF_FILE_MAX);
	r = file_read(path, &text, e) < 0 ? -1 : 0;
	if (r < 0)
		e->status = e->status == ST_FAIL ? ST_USAGE : e->status;
	else if (dot != NULL &&
		 (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0))
		r = conf_yaml(&here, (struct str){ text.p, text.n }, e);
	else
		r = conf_classic(&here, (struct str){ text.p, text.n }, e);
	buf_done(&text);
	return r;
}

int
conf_include(
    const struct conf_place *at, unsigned line, const char *pattern, struct err *e)
{
	const char *slash = strrchr(at->file, '/');
	char path[4096];
	glob_t found = { 0 };
	int r = 0,
	    dir = *pattern != '/' && slash != NULL ? (int)(slash + 1 - at->file) : 0;

	if (snprintf(path, sizeof path, "%.*s%s", dir, at->file, pattern) >=
	    (int)sizeof path)
		return conf_error(at, line, e, "the path is too long");
	if (strpbrk(pattern, "*?[") == NULL)
		return read_file(at->conf, at, line, path, e);
	switch (glob(path, 0, NULL, &found)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		return conf_error(at, line, e, "%.200s: no such file", path);
	default:
		return conf_error(at, line, e, "%.200s: cannot be listed", path);
	}
	for (size_t i = 0; i < found.gl_pathc && r == 0; i++)
		r = read_file(at->conf, at, line, found.gl_pathv[i], e);
	globfree(&found);
	return r;
}

int
conf_read(struct conf *c, const char *path, struct err *e)
{
	if (c->memory == NULL && (c->memory = calloc(1, sizeof *c->memory)) == NULL)
		return no_memory(e);
	c->memory->files = 0;
	return read_file(c, NULL, 0, path, e);
}

const struct conf_entry *
conf_find(const struct conf_section *s, const char *key)
{
	for (size_t i = 0; i < s->entries; i++)
		if (strcmp(s->entry[i].key, key) == 0)
			return &s->entry[i];
	return NULL;
}

int
conf_bool(const char *value)
{
	static const char *const yes[] = { "yes", "on", "true", "1" };
	static const char *const no[] = { "no", "off", "false", "0" };

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		if (strcasecmp(value, yes[i]) == 0)
			return 1;
		if (strcasecmp(value, no[i]) == 0)
			return 0;
	}
	return -1;
}

/* One word from *p on, its end marked; *p goes behind it. */
static char *
one_word(char **p)
{
	char *from = *p, *to, *q;

	if (*from != '"') {
		for (q = from; *q != '\0' && *q != ' ' && *q != '\t'; q++)
			;
		*p = *q != '\0' ? q + 1 : q;
		*q = '\0';
		return from;
	}
	for (to = from, q = from + 1; *q != '\0' && *q != '"';) {
		if (*q == '\\' && q[1] == '"') {
			q++;
		} else if (*q == '\\' && q[1] != '\0') {
			*to++ = *q++;
		}
		*to++ = *q++;
	}
	*p = *q != '\0' ? q + 1 : q;
	*to = '\0';
	return from;
}

size_t
conf_words(char *value, char *word[], size_t max)
{
	size_t n = 0;
	char *p = value, *one;

	for (;;) {
		while (*p == ' ' || *p == '\t')
			p++;
		if (*p == '\0')
			return n;
		one = one_word(&p);
		if (n++ < max)
			word[n - 1] = one;
	}
}

/* How many letters are not where they are in the other word; enough to guess a slip. */
static unsigned
unlike(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), n = 0;

	while (n < la && n < lb && a[n] == b[n]) /* what they begin and end with alike */
		n++;
	a += n, b += n, la -= n, lb -= n;
	while (la > 0 && lb > 0 && a[la - 1] == b[lb - 1])
		la--, lb--;
	if (la == 2 && lb == 2 && a[0] == b[1] && a[1] == b[0])
		return 1;
	return (unsigned)(la > lb ? la : lb);
}

const char *
conf_nearest(const char *word, const char *const list[])
{
	const char *best = NULL;
	unsigned d, least = 4;

	for (; *list != NULL; list++) {
		d = unlike(word, *list);
		if (d < least && d < strlen(word)) {
			least = d;
			best = *list;
		}
	}
	return best;
}
