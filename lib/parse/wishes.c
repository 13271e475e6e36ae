#include "parse/wishes.h"
#include "base/err.h"
#include "parse/define.h"
#include "parse/parser.h"
#include "record/jscan.h"

#include <stdlib.h>

int
wishes_init(
    struct wishes *w, const struct definitions *d, const char *path, struct err *e)
{
	size_t n = 0;

	*w = (struct wishes){ .definitions = d };
	if (*path == '\0')
		path = WISHES_FIELD;
	if (strlen(path) >= sizeof w->path)
		return err_set(
		    e, ST_USAGE, "--parser-from: over %d bytes", (int)sizeof w->path - 1);
	for (; *path != '\0'; path++) {
		if (*path == '\\' && path[1] != '\0')
			path++;
		w->path[n++] = *path;
	}
	w->field = (struct str){ w->path, n };
	while (definitions_at(d, w->n) != NULL)
		w->n++;
	if ((w->open = calloc(w->n, sizeof(struct parser *))) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	return 0;
}

void
wishes_done(struct wishes *w)
{
	for (size_t i = 0; i < w->n && w->open != NULL; i++)
		parser_close(w->open[i]);
	free(w->open);
	*w = (struct wishes){ .unknown = w->unknown };
}

/* The number of the parser of that name, open; w->n: there is none. */
static size_t
open_one(struct wishes *w, struct str name)
{
	const struct define *d;
	struct err e;
	size_t i = w->last;

	d = definitions_at(w->definitions, i);
	if (d == NULL || !str_eq(str_of(d->name), name))
		for (i = 0; (d = definitions_at(w->definitions, i)) != NULL; i++)
			if (str_eq(str_of(d->name), name))
				break;
	if (d == NULL ||
	    (w->open[i] == NULL &&
		(w->open[i] = define_open(d, &w->definitions->times, &e)) == NULL))
		return w->n;
	return w->last = i;
}

enum wished
wishes_find(struct wishes *w, struct str line, struct parser *const **parser)
{
	struct jscan_member m;
	char text[WISHES_NAME_MAX];
	ptrdiff_t n = -1;
	size_t i;

	if (!jscan_path(line, w->field, &m) || *m.value.p != '"')
		return WISH_NONE;
	if (m.value.n - 2 <= sizeof text)
		n = jscan_unescape((struct str){ m.value.p + 1, m.value.n - 2 }, text);
	i = n < 0 ? w->n : open_one(w, (struct str){ text, (size_t)n });
	if (i == w->n) {
		w->unknown++;
		return WISH_UNKNOWN;
	}
	*parser = &w->open[i];
	return WISH_KNOWN;
}
