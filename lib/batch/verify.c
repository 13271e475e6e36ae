#include "batch/verify.h"
#include "base/err.h"
#include "batch/manifest.h"
#include "batch/objread.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void
verify_init(
    struct verify *v, int (*print)(void *, const struct buf *, struct err *), void *arg)
{
	*v = (struct verify){ .print = print, .arg = arg };
	buf_init(&v->line, 1 << 20);
}

void
verify_done(struct verify *v)
{
	buf_done(&v->line);
}

bool
verify_read(struct str line, struct verify_says *says)
{
	const struct {
		const char *name;
		struct str *to;
	} members[] = { { "key", &says->key }, { "path", &says->path },
		{ "records", &says->records }, { "bytes", &says->bytes },
		{ "raw_bytes", &says->raw_bytes }, { "sha256", &says->sha256 },
		{ "first_time", &says->first_time }, { "last_time", &says->last_time },
		{ "untimed", &says->untimed }, { "gaps", &says->gaps },
		{ "sorted", &says->sorted } };
	struct jscan_member m;

	*says = (struct verify_says){ 0 };
	if (!jscan_valid(line, NULL) || !jscan_shape(line, NULL))
		return false;
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (jscan_find(line, str_of(members[i].name), &m))
			*members[i].to = m.value;
	return jscan_is_string(says->key) &&
	       (says->path.n == 0 || jscan_is_string(says->path));
}

/* ---- what is told ---- */

static void
put_text(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, ",\"%s\":", name);
	jsonw_string(b, text, strlen(text));
}

static int
hand_over(struct verify *v, struct err *e)
{
	buf_addc(&v->line, '\n');
	if (buf_check(&v->line, "a result", e) < 0)
		return -1;
	return v->print(v->arg, &v->line, e);
}

static void
begin_line(struct verify *v, const char *key, const char *path, const char *status)
{
	buf_clear(&v->line);
	buf_adds(&v->line, "{\"key\":");
	if (key != NULL)
		jsonw_string(&v->line, key, strlen(key));
	else
		buf_adds(&v->line, "null");
	if (path != NULL)
		put_text(&v->line, "path", path);
	put_text(&v->line, "status", status);
}

int
verify_tell(
    struct verify *v, const char *key, const char *status, const char *why, struct err *e)
{
	v->n.told++;
	if (strcmp(status, "missing") == 0)
		v->n.missing++;
	else
		v->n.wrong++;
	begin_line(v, key, NULL, status);
	buf_adds(&v->line, ",\"why\":[");
	jsonw_string(&v->line, why, strlen(why));
	buf_adds(&v->line, "]}");
	return hand_over(v, e);
}

/* ---- comparing ---- */

struct findings {
	char text[VERIFY_WHY_MAX][OBJREAD_WHY_MAX];
	size_t n;
};

static void __attribute__((format(printf, 2, 3)))
found(struct findings *f, const char *fmt, ...)
{
	va_list ap;

	if (f->n == VERIFY_WHY_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(f->text[f->n++], OBJREAD_WHY_MAX, fmt, ap);
	va_end(ap);
}

static void
compare_number(struct findings *f, const char *name, struct str says, uint64_t is)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%" PRIu64, is);

	if (says.n > 0 && !str_eq(says, (struct str){ digits, (size_t)n }))
		found(f, "%s: %s, not %.*s as listed", name, digits,
		    (int)(says.n < 40 ? says.n : 40), says.p);
}

static void
compare_time(
    struct findings *f, const char *name, struct str says, bool timed, int64_t ns)
{
	char text[TIMESTAMP_MAX] = "null";
	bool same;
	int64_t other;

	if (says.n == 0)
		return;
	if (timed)
		timestamp_format(ns, text);
	if (!jscan_is_string(says))
		same = !timed && str_eq(says, STR("null"));
	else
		same = timed &&
		       timestamp_parse((struct str){ says.p + 1, says.n - 2 }, &other) &&
		       other == ns;
	if (!same)
		found(f, "%s: %s, not %.*s as listed", name, text,
		    (int)(says.n < 60 ? says.n : 60), says.p);
}

static void
compare(struct findings *f, const struct verify_says *s, const struct objread *o)
{
	bool sha_same = jscan_is_string(s->sha256) && s->sha256.n == 66 &&
			strncasecmp(s->sha256.p + 1, o->sha256, 64) == 0;

	compare_number(f, "bytes", s->bytes, o->bytes);
	if (s->sha256.n > 0 && !sha_same)
		found(f, "sha256: %s, not %.*s as listed", o->sha256,
		    (int)(s->sha256.n < 70 ? s->sha256.n : 70), s->sha256.p);
	if (o->why[0] != '\0')
		found(f, "%s", o->why);
	compare_number(f, "records", s->records, o->records);
	compare_number(f, "raw_bytes", s->raw_bytes, o->raw_bytes);
	compare_number(f, "untimed", s->untimed, o->untimed);
	compare_number(f, "gaps", s->gaps, o->gaps);
	compare_time(f, "first_time", s->first_time, o->timed, o->first_ns);
	compare_time(f, "last_time", s->last_time, o->timed, o->last_ns);
	if (str_eq(s->sorted, STR("true")) && !o->sorted)
		found(f, "sorted: the times go back");
}

static int
tell_object(struct verify *v, const char *path, const char *key, bool listed,
    const struct objread *o, const struct findings *f, struct err *e)
{
	struct buf *b = &v->line;

	v->n.objects++;
	v->n.records += o->records;
	v->n.bytes += o->bytes;
	v->n.wrong += f->n > 0;
	v->n.unlisted += !listed;
	begin_line(v, key, path, f->n > 0 ? "wrong" : "ok");
	buf_printf(b,
	    ",\"listed\":%s,\"records\":%" PRIu64 ",\"bytes\":%" PRIu64
	    ",\"raw_bytes\":%" PRIu64 ",\"sha256\":\"%s\"",
	    listed ? "true" : "false", o->records, o->bytes, o->raw_bytes, o->sha256);
	manifest_time(b, "first_time", o->timed, o->first_ns);
	manifest_time(b, "last_time", o->timed, o->last_ns);
	buf_printf(b, ",\"sorted\":%s", o->sorted ? "true" : "false");
	for (size_t i = 0; i < f->n; i++) {
		buf_adds(b, i == 0 ? ",\"why\":[" : ",");
		jsonw_string(b, f->text[i], strlen(f->text[i]));
	}
	buf_adds(b, f->n > 0 ? "]}" : "}");
	return hand_over(v, e);
}

int
verify_stream(struct verify *v, int fd, const char *name, const char *key,
    const struct verify_says *says, struct err *e)
{
	static const struct verify_says nothing;
	struct findings f = { .n = 0 };
	struct objread o;

	if (objread(fd, name, NULL, &o, e) < 0)
		return -1;
	compare(&f, says != NULL ? says : &nothing, &o);
	return tell_object(v, name, key, says != NULL, &o, &f, e);
}

int
verify_object(struct verify *v, const char *path, const char *key,
    const struct verify_says *says, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), r;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG))
		return verify_tell(v, key, "missing", "listed, and not here", e);
	if (fd < 0)
		return err_sys(e, path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return verify_tell(v, key, "wrong", "not a regular file", e);
	}
	r = verify_stream(v, fd, path, key, says, e);
	close(fd);
	return r;
}

/* A raw string as a C string; NULL: too long, or with a NUL in it. */
static char *
c_string(struct str raw, char *to, size_t room)
{
	ptrdiff_t n;

	if (raw.n > room ||
	    (n = jscan_unescape((struct str){ raw.p + 1, raw.n - 2 }, to)) < 0)
		return NULL;
	to[n] = '\0';
	return strlen(to) == (size_t)n && n > 0 ? to : NULL;
}

/* Does it stay under the root? */
static bool
stays(const char *key)
{
	for (const char *p = key;; p++) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '\0')
			return true;
	}
}

bool
verify_key(struct str raw, char key[PATH_MAX])
{
	return jscan_is_string(raw) && c_string(raw, key, PATH_MAX) != NULL && stays(key);
}

int
verify_manifest(struct verify *v, struct str line, const char *root, struct err *e)
{
	char key[PATH_MAX], name[PATH_MAX], path[2 * PATH_MAX];
	struct verify_says says;

	if (!verify_read(line, &says))
		return verify_tell(v, NULL, "wrong", "a line that is not a manifest", e);
	if (!verify_key(says.key, key))
		return verify_tell(v, NULL, "wrong", "a key that cannot be one", e);
	if (root != NULL)
		snprintf(path, sizeof path, "%s/%s", root, key);
	else if (says.path.n == 0)
		return err_set(e, ST_USAGE,
		    "%.300s: no \"path\"; --out=DIR says where the archive is", key);
	else if (c_string(says.path, name, sizeof name) == NULL)
		return verify_tell(v, key, "wrong", "a path that cannot be one", e);
	else
		snprintf(path, sizeof path, "%s", name);
	return verify_object(v, path, key, &says, e);
}
