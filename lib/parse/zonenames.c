#include "parse/zonenames.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "record/zone.h"

#include <stdlib.h>

struct zonenames {
	size_t n;
	struct zonename {
		char name[ZONENAMES_NAME_MAX + 1]; /* zeros behind it */
		int32_t offset;
		unsigned line;
	} item[ZONENAMES_MAX]; /* by name */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool
is_letter(char c)
{
	return (unsigned char)((c | 0x20) - 'a') <= 'z' - 'a';
}

static int
by_name(const void *a, const void *b)
{
	const struct zonename *x = a, *y = b;

	return memcmp(x->name, y->name, sizeof x->name);
}

/* Without the comment and the blanks around it. */
static struct str
stripped(struct str s)
{
	const char *comment = s.n > 0 ? memchr(s.p, '#', s.n) : NULL;

	if (comment != NULL)
		s.n = (size_t)(comment - s.p);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	while (s.n > 0 && is_blank(*s.p))
		s.p++, s.n--;
	return s;
}

/* NULL, or what is wrong. */
static const char *
read_line(struct zonenames *z, struct str s, unsigned line)
{
	struct zonename *to = &z->item[z->n];
	size_t name = 0, at;

	if (s.n == 0)
		return NULL;
	if (z->n == ZONENAMES_MAX)
		return "over 1000 names";
	while (name < s.n && is_letter(s.p[name]))
		name++;
	for (at = name; at < s.n && is_blank(s.p[at]); at++)
		;
	if (name == 0 || at == name)
		return "not NAME +hh:mm, with a name of letters A-Z and a-z";
	if (name > ZONENAMES_NAME_MAX)
		return "a name of over 15 letters";
	if (at == s.n || (s.p[at] != '+' && s.p[at] != '-') ||
	    zone_fixed((struct str){ s.p + at, s.n - at }, &to->offset) != s.n - at)
		return "the offset is not like +05:30 or -03:00";
	memset(to->name, 0, sizeof to->name);
	memcpy(to->name, s.p, name);
	to->line = line;
	z->n++;
	return NULL;
}

/* Sort, and find the first line with a name that another has; 0: none. */
static unsigned
twice(struct zonenames *z)
{
	unsigned first = 0;

	qsort(z->item, z->n, sizeof z->item[0], by_name);
	for (size_t i = 1; i < z->n; i++) {
		unsigned a = z->item[i - 1].line, b = z->item[i].line,
			 later = a > b ? a : b;

		if (by_name(&z->item[i - 1], &z->item[i]) == 0 &&
		    (first == 0 || later < first))
			first = later;
	}
	return first;
}

struct zonenames *
zonenames_from(struct str text, const char *path, struct err *e)
{
	struct zonenames *z = calloc(1, sizeof *z);
	const char *p = text.p, *end = p + text.n, *why = NULL;
	unsigned line = 0;

	if (z == NULL) {
		err_sys(e, path);
		return NULL;
	}
	while (p < end && why == NULL) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl != NULL ? nl : end;

		why =
		    read_line(z, stripped((struct str){ p, (size_t)(stop - p) }), ++line);
		p = stop + 1;
	}
	if (why == NULL && (line = twice(z)) != 0)
		why = "this name stands twice";
	if (why == NULL)
		return z;
	err_set(e, ST_USAGE, "%.300s:%u: %s", path, line, why);
	zonenames_close(z);
	return NULL;
}

struct zonenames *
zonenames_open(const char *path, struct err *e)
{
	struct zonenames *z = NULL;
	struct buf b;
	int got;

	buf_init(&b, ZONENAMES_FILE_MAX);
	if ((got = file_read(path, &b, e)) == 0)
		err_set(e, ST_USAGE, "%.300s: no such file", path);
	else if (got < 0)
		e->status = ST_USAGE;
	else
		z = zonenames_from(
		    b.p != NULL ? (struct str){ b.p, b.n } : STR(""), path, e);
	buf_done(&b);
	return z;
}

void
zonenames_close(struct zonenames *z)
{
	free(z);
}

bool
zonenames_find(const struct zonenames *z, struct str name, int32_t *offset)
{
	struct zonename wanted = { .line = 0 };
	const struct zonename *found;

	if (name.n == 0 || name.n > ZONENAMES_NAME_MAX)
		return false;
	memcpy(wanted.name, name.p, name.n);
	found = bsearch(&wanted, z->item, z->n, sizeof z->item[0], by_name);
	if (found == NULL)
		return false;
	*offset = found->offset;
	return true;
}
