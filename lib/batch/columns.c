#include "batch/columns.h"
#include "base/err.h"
#include "batch/objread.h"
#include "record/jscan.h"
#include "record/ndjson.h"

#include <stdlib.h>

void
columns_init(struct columns *c)
{
	*c = (struct columns){ .all = { .kind = COLUMN_OBJECT } };
}

/* What is in it goes; `depth` ends at COLUMNS_DEPTH. */
static void
empty(struct columns *c, struct column *col)
{
	for (size_t i = 0; i < col->n; i++) {
		empty(c, &col->child[i]);
		free(col->child[i].name);
		c->count -= c->count > 0;
	}
	free(col->child);
	col->child = NULL;
	col->n = col->cap = 0;
}

void
columns_done(struct columns *c)
{
	empty(c, &c->all);
}

static void
become(struct columns *c, struct column *col, enum column_kind kind)
{
	empty(c, col);
	col->kind = kind;
}

/* Names that are data. */
static bool
is_map(const char *name)
{
	static const char *const maps[] = { "labels", "annotations", "namespace_labels",
		"namespace_annotations", "attrs", NULL };

	for (size_t i = 0; maps[i] != NULL; i++)
		if (name != NULL && strcmp(name, maps[i]) == 0)
			return true;
	return false;
}

static struct column *
new_child(struct columns *c, struct column *col, const char *name, size_t n)
{
	struct column *p;

	if (col->n == col->cap) {
		size_t cap = col->cap ? 2 * col->cap : 8;

		if ((p = realloc(col->child, cap * sizeof *p)) == NULL)
			return NULL;
		col->child = p;
		col->cap = cap;
	}
	p = &col->child[col->n];
	*p = (struct column){ .kind = COLUMN_NULL };
	if (name != NULL && (p->name = strndup(name, n)) == NULL)
		return NULL;
	col->n++;
	c->count++;
	return p;
}

static enum column_kind
kind_of(const struct column *col, struct str v)
{
	switch (*v.p) {
	case '"':
		return COLUMN_TEXT;
	case '{':
		return is_map(col->name) ? COLUMN_MAP : COLUMN_OBJECT;
	case '[':
		return COLUMN_ARRAY;
	case 't':
	case 'f':
		return COLUMN_BOOL;
	case 'n':
		return COLUMN_NULL;
	default:
		break;
	}
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '.' || v.p[i] == 'e' || v.p[i] == 'E')
			return COLUMN_DOUBLE;
	return v.n > 18 ? COLUMN_DOUBLE : COLUMN_INT;
}

static bool
is_number(enum column_kind k)
{
	return k == COLUMN_INT || k == COLUMN_DOUBLE;
}

static int see(
    struct columns *c, struct column *col, struct str v, unsigned depth, struct err *e);

/* Can it be told in a table: no control bytes, not too long? */
static bool
good_name(const char *p, ptrdiff_t n)
{
	if (n <= 0 || n > COLUMNS_NAME_MAX)
		return false;
	for (ptrdiff_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return false;
	return true;
}

static int
see_member(struct columns *c, struct column *col, const struct jscan_member *m,
    unsigned depth, struct err *e)
{
	char name[6 * COLUMNS_NAME_MAX];
	struct column *child = NULL;
	ptrdiff_t n;

	if (m->key.n > sizeof name || (n = jscan_unescape(m->key, name)) < 0 ||
	    !good_name(name, n))
		return 0;
	for (size_t i = 0; i < col->n && child == NULL; i++)
		if (strlen(col->child[i].name) == (size_t)n &&
		    memcmp(col->child[i].name, name, (size_t)n) == 0)
			child = &col->child[i];
	if (child == NULL && (col->n == COLUMNS_MEMBERS || c->count == COLUMNS_MAX)) {
		if (depth > 0)
			become(c, col, COLUMN_JSON);
		return 0;
	}
	if (child == NULL && (child = new_child(c, col, name, (size_t)n)) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	return see(c, child, m->value, depth + 1, e);
}

/* The members of an object, the elements of an array. */
static int
see_inside(
    struct columns *c, struct column *col, struct str v, unsigned depth, struct err *e)
{
	struct jscan_member m;
	struct jscan it;
	struct str item;
	int r = 0;

	if (col->kind == COLUMN_OBJECT) {
		jscan_begin(&it, v);
		while (r == 0 && col->kind == COLUMN_OBJECT && jscan_next(&it, &m))
			r = see_member(c, col, &m, depth, e);
		return r;
	}
	jscan_items(&it, v);
	while (r == 0 && col->kind == COLUMN_ARRAY && jscan_item(&it, &item)) {
		if (col->n == 0 && new_child(c, col, NULL, 0) == NULL)
			return err_set(e, ST_FAIL, "out of memory");
		r = see(c, &col->child[0], item, depth + 1, e);
	}
	return r;
}

static int
see(struct columns *c, struct column *col, struct str v, unsigned depth, struct err *e)
{
	enum column_kind kind = kind_of(col, v);

	if (kind == COLUMN_NULL || col->kind == COLUMN_JSON)
		return 0;
	if (depth >= COLUMNS_DEPTH && (kind == COLUMN_OBJECT || kind == COLUMN_ARRAY))
		kind = COLUMN_JSON;
	if (col->kind == COLUMN_NULL)
		col->kind = kind;
	else if (is_number(kind) && is_number(col->kind))
		col->kind = kind == COLUMN_DOUBLE ? kind : col->kind;
	else if (kind != col->kind)
		become(c, col, COLUMN_JSON);
	return col->kind == COLUMN_OBJECT || col->kind == COLUMN_ARRAY
		   ? see_inside(c, col, v, depth, e)
		   : 0;
}

int
columns_add(struct columns *c, struct str line, struct err *e)
{
	struct jscan_member m;
	struct jscan it;
	int r = 0;

	if (!jscan_shape(line, NULL) || !jscan_valid(line, NULL))
		return 0;
	jscan_begin(&it, line);
	while (r == 0 && jscan_next(&it, &m))
		if (!jscan_key_is(m.key, STR("_src")))
			r = see_member(c, &c->all, &m, 0, e);
	return r;
}

int
columns_default(struct columns *c, struct err *e)
{
	static const char *const known[] = {
		"{\"time\":\"\",\"stream\":\"\",\"log\":\"\",\"attrs\":{},\"log_"
		"processed\":{},"
		"\"kubernetes\":{\"pod_name\":\"\",\"namespace_name\":\"\",\"pod_id\":"
		"\"\","
		"\"labels\":{},\"annotations\":{},\"host\":\"\",\"container_name\":\"\","
		"\"docker_id\":\"\",\"container_hash\":\"\",\"container_image\":\"\","
		"\"pod_ip\":\"\",\"namespace_labels\":{}}}",
		"{\"log_processed\":\"\"}", /* any JSON */
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (columns_add(c, str_of(known[i]), e) < 0)
			return -1;
	return 0;
}

static int
sample_line(void *columns, const char *p, size_t n, struct err *e)
{
	return columns_add(columns, (struct str){ p, n }, e);
}

int
columns_read(struct columns *c, int fd, const char *name, struct err *e)
{
	const struct objread_sink sink = { .line = sample_line, .arg = c };
	struct ndjson_in lines;
	struct objread o;
	struct str line;
	int got = 0, r;

	if (objread_is(fd)) {
		if (objread(fd, name, &sink, &o, e) < 0)
			return -1;
		return o.why[0] == '\0' ? 0 : err_set(e, ST_FAIL, "%s: %s", name, o.why);
	}
	r = ndjson_in_init(&lines, NULL, e);
	ndjson_in_open(&lines, fd, name);
	while (r == 0 && (got = ndjson_next(&lines, &line, e)) > 0)
		r = got == NDJSON_PIECE ? 0 : columns_add(c, line, e);
	ndjson_in_done(&lines);
	return r < 0 || got < 0 ? -1 : 0;
}
