#include "batch/ddl.h"
#include "base/buf.h"
#include "base/err.h"
#include "batch/columns.h"
#include "batch/keytemplate.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

enum { DIRS_MAX = KEY_PARTS_MAX, ROOT_MAX = 2048 };

/* A directory of the template. */
struct dir {
	char name[COLUMNS_NAME_MAX + 1]; /* of its column; "": it is the same for all */
	struct str value;                /* template text that the column stands for */
	struct str all;                  /* and that of the whole directory */
	bool hive;                       /* NAME=VALUE */
};

struct ddl {
	enum ddl_dialect d;
	const struct columns *c;
	struct dir dir[DIRS_MAX];
	size_t dirs;
	char root[ROOT_MAX + KEY_MAX + 2]; /* without '/' at its end */
	struct buf *b;
};

/* ---- directories ---- */

static bool
is_constant(struct str s)
{
	return memchr(s.p, '%', s.n) == NULL && memchr(s.p, '{', s.n) == NULL;
}

static bool
is_word(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)p[i]) && p[i] != '_')
			return false;
	return n > 0;
}

/* A name for a directory that has none. */
static void
name_dir(struct dir *d, size_t number)
{
	static const struct {
		const char *code, *name;
	} known[] = { { "%Y", "year" }, { "%m", "month" }, { "%d", "day" },
		{ "%H", "hour" }, { "%j", "yearday" }, { "%F", "date" },
		{ "{node}", "node" } };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (str_eq(d->value, str_of(known[i].code))) {
			strcpy(d->name, known[i].name);
			return;
		}
	snprintf(d->name, sizeof d->name, "dir%zu", number);
}

static void
find_dirs(struct ddl *l, const char *t)
{
	for (const char *slash; (slash = strchr(t, '/')) != NULL && l->dirs < DIRS_MAX;
	     t = slash + 1) {
		struct dir *d = &l->dir[l->dirs++];
		const char *equals = memchr(t, '=', (size_t)(slash - t));

		d->all = d->value = (struct str){ t, (size_t)(slash - t) };
		d->hive = equals != NULL && is_word(t, (size_t)(equals - t)) &&
			  equals - t <= COLUMNS_NAME_MAX;
		if (d->hive) {
			d->value =
			    (struct str){ equals + 1, (size_t)(slash - equals - 1) };
			snprintf(d->name, sizeof d->name, "%.*s", (int)(equals - t), t);
		} else if (!is_constant(d->all)) {
			name_dir(d, l->dirs);
		}
	}
}

/* Directories that are the same for all, before those that are not, belong to the root. */
static void
add_constants(struct ddl *l)
{
	size_t n = 0, at = strlen(l->root);

	for (; n < l->dirs && l->dir[n].name[0] == '\0'; n++)
		at += (size_t)snprintf(l->root + at, sizeof l->root - at, "/%.*s",
		    (int)l->dir[n].all.n, l->dir[n].all.p);
	l->dirs -= n;
	memmove(l->dir, l->dir + n, l->dirs * sizeof *l->dir);
}

static bool
is_partition(const struct ddl *l, const struct dir *d)
{
	return d->name[0] != '\0' && (d->hive || l->d == DDL_ATHENA);
}

static bool
taken(const struct ddl *l, const char *name)
{
	for (size_t i = 0; i < l->dirs; i++)
		if (is_partition(l, &l->dir[i]) && strcasecmp(l->dir[i].name, name) == 0)
			return true;
	return false;
}

/* ---- names and types ---- */

/* Quoted as `quote`, which is doubled inside. */
static void
put_quoted(struct buf *b, const char *p, size_t n, char quote)
{
	buf_addc(b, quote);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == quote)
			buf_addc(b, quote);
		buf_addc(b, p[i]);
	}
	buf_addc(b, quote);
}

static void
put_text(struct buf *b, const char *s)
{
	put_quoted(b, s, strlen(s), '\'');
}

static char
quote_of(const struct ddl *l)
{
	return l->d == DDL_ATHENA || l->d == DDL_SPARK ? '`' : '"';
}

/* What Athena takes for the name of a column. */
static void
plain_name(const char *name, char to[COLUMNS_NAME_MAX + 1])
{
	size_t i = 0;

	for (; name[i] != '\0' && i < COLUMNS_NAME_MAX; i++)
		to[i] = isalnum((unsigned char)name[i])
			    ? (char)tolower((unsigned char)name[i])
			    : '_';
	to[i] = '\0';
}

static void
put_name(const struct ddl *l, const char *name)
{
	char plain[COLUMNS_NAME_MAX + 1];

	if (l->d == DDL_ATHENA) {
		plain_name(name, plain);
		name = plain;
	}
	put_quoted(l->b, name, strlen(name), quote_of(l));
}

static const char *const scalar[4][COLUMN_JSON + 1] = {
	{ "string", "boolean", "bigint", "double", "string", "string" },
	{ "STRING", "BOOLEAN", "BIGINT", "DOUBLE", "STRING", "STRING" },
	{ "varchar", "boolean", "bigint", "double", "varchar", "varchar" },
	{ "VARCHAR", "BOOLEAN", "BIGINT", "DOUBLE", "VARCHAR", "JSON" },
};
static const char *const map_type[4] = { "map<string,string>", "MAP<STRING, STRING>",
	"map(varchar, varchar)", "MAP(VARCHAR, VARCHAR)" };

/* Can it be a struct?  Names in a struct are words, and differ by more than case. */
static bool
is_struct(const struct column *col)
{
	for (size_t i = 0; i < col->n; i++) {
		if (!is_word(col->child[i].name, strlen(col->child[i].name)))
			return false;
		for (size_t k = 0; k < i; k++)
			if (strcasecmp(col->child[i].name, col->child[k].name) == 0)
				return false;
	}
	return col->n > 0;
}

static bool
all_text(const struct column *col)
{
	for (size_t i = 0; i < col->n; i++)
		if (col->child[i].kind != COLUMN_TEXT &&
		    col->child[i].kind != COLUMN_NULL)
			return false;
	return true;
}

static void put_type(const struct ddl *l, const struct column *col);

static void
put_struct(const struct ddl *l, const struct column *col)
{
	static const char *const open[4] = { "struct<", "STRUCT<", "ROW(", "STRUCT(" };
	static const char *const between[4] = { ":", ": ", " ", " " };
	struct buf *b = l->b;

	buf_adds(b, open[l->d]);
	for (size_t i = 0; i < col->n; i++) {
		buf_adds(b, i == 0 ? "" : l->d == DDL_ATHENA ? "," : ", ");
		if (l->d == DDL_ATHENA)
			buf_adds(b, col->child[i].name);
		else
			put_name(l, col->child[i].name);
		buf_adds(b, between[l->d]);
		put_type(l, &col->child[i]);
	}
	buf_addc(b, l->d == DDL_ATHENA || l->d == DDL_SPARK ? '>' : ')');
}

static void
put_array(const struct ddl *l, const struct column *col)
{
	static const struct column text = { .kind = COLUMN_TEXT };
	static const char *const open[4] = { "array<", "ARRAY<", "array(", "" };
	static const char *const close[4] = { ">", ">", ")", "[]" };

	buf_adds(l->b, open[l->d]);
	put_type(l, col->n > 0 ? &col->child[0] : &text);
	buf_adds(l->b, close[l->d]);
}

static void
put_type(const struct ddl *l, const struct column *col)
{
	if (col->kind <= COLUMN_JSON)
		buf_adds(l->b, scalar[l->d][col->kind]);
	else if (col->kind == COLUMN_ARRAY)
		put_array(l, col);
	else if (col->kind == COLUMN_OBJECT && is_struct(col))
		put_struct(l, col);
	else if (col->kind == COLUMN_MAP || all_text(col))
		buf_adds(l->b, map_type[l->d]);
	else
		buf_adds(l->b, scalar[l->d][COLUMN_JSON]);
}

/* ---- columns ---- */

/* Is there a column before it that readers could not tell from it? */
static bool
is_double(const struct ddl *l, size_t i)
{
	char a[COLUMNS_NAME_MAX + 1], b[COLUMNS_NAME_MAX + 1];

	plain_name(l->c->all.child[i].name, a);
	for (size_t k = 0; k < i; k++) {
		plain_name(l->c->all.child[k].name, b);
		if (l->d == DDL_ATHENA ? strcmp(a, b) == 0
				       : strcasecmp(l->c->all.child[i].name,
					     l->c->all.child[k].name) == 0)
			return true;
	}
	return false;
}

static bool
shown(const struct ddl *l, size_t i)
{
	return !taken(l, l->c->all.child[i].name) && !is_double(l, i);
}

/* `sep` between a name and its type: " ", or ": '" with a quoted type. */
static size_t
put_columns(const struct ddl *l, bool quoted)
{
	const struct column *all = &l->c->all;
	struct ddl inner = *l;
	struct buf type;
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (!shown(l, i))
			continue;
		buf_adds(l->b, n++ > 0 ? ",\n  " : "  ");
		if (quoted)
			put_text(l->b, all->child[i].name);
		else
			put_name(l, all->child[i].name);
		buf_adds(l->b, quoted ? ": " : " ");
		if (!quoted) {
			put_type(l, &all->child[i]);
			continue;
		}
		buf_init(&type, 1 << 20);
		inner.b = &type;
		put_type(&inner, &all->child[i]);
		put_text(l->b, type.p != NULL ? type.p : "");
		l->b->failed |= type.failed;
		buf_done(&type);
	}
	return n;
}

static void
put_comments(const struct ddl *l)
{
	char plain[COLUMNS_NAME_MAX + 1];

	for (size_t i = 0; i < l->c->all.n; i++)
		if (!shown(l, i)) {
			plain_name(l->c->all.child[i].name, plain);
			buf_printf(l->b,
			    "-- left out: a member %s, which another column hides\n",
			    plain);
		}
}

/* Names of the partition columns, with what goes around them. */
static size_t
put_partitions(const struct ddl *l, const char *before, const char *type, char quote)
{
	size_t n = 0;

	for (size_t i = 0; i < l->dirs; i++) {
		if (!is_partition(l, &l->dir[i]))
			continue;
		buf_adds(l->b, n++ > 0 ? ", " : before);
		put_quoted(l->b, l->dir[i].name, strlen(l->dir[i].name), quote);
		buf_adds(l->b, type);
	}
	return n;
}

/* ---- Athena ---- */

/* Codes and text as java.text.SimpleDateFormat has them; false: not a date. */
static bool
java_format(struct str v, struct buf *b, const char **unit)
{
	static const struct {
		char code;
		const char *java;
	} known[] = { { 'Y', "yyyy" }, { 'm', "MM" }, { 'd', "dd" }, { 'H', "HH" },
		{ 'F', "yyyy-MM-dd" }, { 'j', "DDD" } };
	bool year = false, day = false, hour = false;

	for (size_t i = 0; i < v.n; i++) {
		size_t k = 0;

		if (v.p[i] != '%') {
			if (!isdigit((unsigned char)v.p[i]) &&
			    strchr("-_. ", v.p[i]) == NULL)
				return false;
			buf_addc(b, v.p[i]);
			continue;
		}
		for (i++; k < sizeof known / sizeof *known && known[k].code != v.p[i];
		     k++)
			;
		if (k == sizeof known / sizeof *known)
			return false;
		buf_adds(b, known[k].java);
		year |= v.p[i] == 'Y' || v.p[i] == 'F';
		day |= v.p[i] == 'd' || v.p[i] == 'F' || v.p[i] == 'j';
		hour |= v.p[i] == 'H';
	}
	*unit = hour ? "HOURS" : day ? "DAYS" : "MONTHS";
	return year && (day || !hour);
}

static void
property(const struct ddl *l, const char *name, const char *key, const char *value)
{
	char all[COLUMNS_NAME_MAX + 64];

	snprintf(all, sizeof all, "projection.%s.%s", name, key);
	buf_adds(l->b, ",\n  ");
	put_text(l->b, all);
	buf_adds(l->b, "=");
	put_text(l->b, value);
}

/* The value of the directory on the first of January 2020. */
static void
first_value(const struct dir *d, char to[200])
{
	const struct key_values v = { .hour = 438288, .id = "" };
	char text[KEY_MAX];
	struct keytemplate t;
	struct buf b;
	struct err e;

	snprintf(text, sizeof text, "%.*s{id}", (int)d->value.n, d->value.p);
	buf_init(&b, KEY_MAX);
	if (keytemplate_parse(&t, text, "n", &e) == 0)
		keytemplate_key(&t, &v, &b);
	snprintf(to, 200, "%s,NOW", b.p != NULL ? b.p : "");
	buf_done(&b);
}

static void
project(const struct ddl *l, const struct dir *d)
{
	static const struct {
		const char *code, *range, *digits;
	} numbers[] = { { "%Y", "2020,2040", "4" }, { "%m", "1,12", "2" },
		{ "%d", "1,31", "2" }, { "%H", "0,23", "2" }, { "%j", "1,366", "3" },
		{ "%V", "1,53", "2" }, { "%G", "2020,2040", "4" }, { "%u", "1,7", "1" } };
	const char *unit;
	char first[200];
	struct buf java;

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (str_eq(d->value, str_of(numbers[i].code))) {
			property(l, d->name, "type", "integer");
			property(l, d->name, "range", numbers[i].range);
			property(l, d->name, "digits", numbers[i].digits);
			return;
		}
	buf_init(&java, KEY_MAX);
	if (java_format(d->value, &java, &unit)) {
		first_value(d, first);
		property(l, d->name, "type", "date");
		property(l, d->name, "format", java.p);
		property(l, d->name, "range", first);
		property(l, d->name, "interval", "1");
		property(l, d->name, "interval.unit", unit);
	} else {
		property(
		    l, d->name, "type", "injected"); /* asked for with = in each query */
	}
	buf_done(&java);
}

static void
put_location(const struct ddl *l)
{
	struct buf at;

	buf_init(&at, 1 << 16);
	buf_adds(&at, l->root);
	for (size_t i = 0; i < l->dirs; i++) {
		const struct dir *d = &l->dir[i];

		if (d->name[0] == '\0')
			buf_printf(&at, "/%.*s", (int)d->all.n, d->all.p);
		else if (d->hive)
			buf_printf(&at, "/%s=${%s}", d->name, d->name);
		else
			buf_printf(&at, "/${%s}", d->name);
	}
	buf_addc(&at, '/');
	buf_adds(l->b, ",\n  'storage.location.template'=");
	put_text(l->b, at.p != NULL ? at.p : "");
	buf_done(&at);
}

static void
put_mappings(const struct ddl *l)
{
	char plain[COLUMNS_NAME_MAX + 1], key[COLUMNS_NAME_MAX + 16];

	buf_adds(l->b, "\nROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'"
		       "\nWITH SERDEPROPERTIES (\n  'ignore.malformed.json'='false'");
	for (size_t i = 0; i < l->c->all.n; i++) {
		const char *name = l->c->all.child[i].name;

		plain_name(name, plain);
		if (!shown(l, i) || strcmp(plain, name) == 0)
			continue;
		snprintf(key, sizeof key, "mapping.%s", plain);
		buf_adds(l->b, ",\n  ");
		put_text(l->b, key);
		buf_adds(l->b, "=");
		put_text(l->b, name);
	}
	buf_adds(l->b, ")");
}

static void
athena(const struct ddl *l)
{
	struct buf *b = l->b;
	size_t n;

	buf_adds(b, "CREATE EXTERNAL TABLE IF NOT EXISTS logs (\n");
	(void)put_columns(l, false);
	buf_adds(b, "\n)");
	n = put_partitions(l, "\nPARTITIONED BY (", " string", '`');
	buf_adds(b, n > 0 ? ")" : "");
	put_mappings(l);
	buf_adds(b,
	    "\nSTORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'"
	    "\nOUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'"
	    "\nLOCATION ");
	{
		char root[sizeof l->root + 2];

		snprintf(root, sizeof root, "%s/", l->root);
		put_text(b, root);
	}
	if (n == 0) {
		buf_adds(b, ";\n");
		return;
	}
	buf_adds(b, "\nTBLPROPERTIES (\n  'projection.enabled'='true'");
	for (size_t i = 0; i < l->dirs; i++)
		if (l->dir[i].name[0] != '\0')
			project(l, &l->dir[i]);
	put_location(l);
	buf_adds(b, "\n);\n");
}

/* ---- the others ---- */

static void
spark(const struct ddl *l)
{
	struct buf *b = l->b;
	bool hive;

	buf_adds(b, "CREATE TABLE IF NOT EXISTS logs (\n");
	if (put_columns(l, false) > 0)
		hive = put_partitions(l, ",\n  ", " STRING", '`') > 0;
	else
		hive = put_partitions(l, "  ", " STRING", '`') > 0;
	buf_adds(b, "\n)\nUSING json");
	if (hive) {
		(void)put_partitions(l, "\nPARTITIONED BY (", "", '`');
		buf_addc(b, ')');
	} else if (l->dirs > 0) {
		buf_adds(b, "\nOPTIONS (recursiveFileLookup 'true')");
	}
	buf_adds(b, "\nLOCATION ");
	put_text(b, l->root);
	buf_adds(b, hive ? ";\nMSCK REPAIR TABLE logs;\n" : ";\n");
}

static void
trino(const struct ddl *l)
{
	struct buf *b = l->b;
	size_t n;

	if (put_partitions(l, "-- partitions: ", "", '"') == 0 && l->dirs > 0)
		buf_adds(b, "-- needs hive.recursive-directories=true in the catalog");
	buf_adds(b, l->dirs > 0 ? "\n" : "");
	buf_adds(b, "CREATE TABLE IF NOT EXISTS hive.default.logs (\n");
	n = put_columns(l, false);
	(void)put_partitions(l, n > 0 ? ",\n  " : "  ", " varchar", '"');
	buf_adds(b, "\n)\nWITH (\n  format = 'JSON',\n  external_location = ");
	put_text(b, l->root);
	n = put_partitions(l, ",\n  partitioned_by = ARRAY[", "", '\'');
	buf_adds(b,
	    n > 0 ? "]\n);\nCALL hive.system.sync_partition_metadata('default', 'logs', "
		    "'FULL');\n"
		  : "\n);\n");
}

static void
duckdb(const struct ddl *l)
{
	struct buf *b = l->b, glob;
	size_t n;

	buf_init(&glob, 1 << 16);
	buf_adds(&glob, l->root);
	for (size_t i = 0; i < l->dirs; i++) {
		const struct dir *d = &l->dir[i];

		if (d->hive)
			buf_printf(&glob, "/%s=*", d->name);
		else if (d->name[0] != '\0')
			buf_adds(&glob, "/*");
		else
			buf_printf(&glob, "/%.*s", (int)d->all.n, d->all.p);
	}
	buf_adds(&glob, "/*");
	buf_adds(b, "CREATE OR REPLACE VIEW logs AS\nSELECT * FROM read_json(\n  ");
	put_text(b, glob.p != NULL ? glob.p : "");
	b->failed |= glob.failed;
	buf_done(&glob);
	buf_adds(b, ",\n  format = 'newline_delimited', compression = 'gzip',\n"
		    "  maximum_object_size = 134217728,\n  columns = {\n");
	(void)put_columns(l, true);
	buf_adds(b, "\n  }");
	n = put_partitions(
	    l, ",\n  hive_partitioning = true,\n  hive_types = {", ": VARCHAR", '\'');
	buf_adds(b, n > 0 ? "}\n);\n" : "\n);\n");
}

int
ddl_print(enum ddl_dialect d, const struct columns *c, const struct keytemplate *t,
    const char *root, struct buf *b, struct err *e)
{
	static void (*const print[4])(
	    const struct ddl *) = { athena, spark, trino, duckdb };
	struct ddl l = { .d = d, .c = c, .b = b };
	size_t n;

	if (root == NULL)
		root = d == DDL_DUCKDB ? "archive" : "s3://BUCKET/PREFIX";
	if ((n = strlen(root)) > ROOT_MAX)
		return err_set(e, ST_USAGE, "--out: over %d bytes", ROOT_MAX);
	while (n > 1 && root[n - 1] == '/')
		n--;
	memcpy(l.root, root, n);
	find_dirs(&l, t->text);
	add_constants(&l);
	put_comments(&l);
	print[d](&l);
	return buf_check(b, "the table", e);
}
