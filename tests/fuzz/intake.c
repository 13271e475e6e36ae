/* intake: a stream into logbatch.  What goes into objects is whole lines, valid where the
 * input was, all counted, and what is taken back at the end leaves what the stream up to
 * there would have made.  (By zlib: ISA-L gives the same bytes only
 * at one place in memory; see gzmember.c.) */
#include "batch/intake.h"
#include "base/err.h"
#include "base/fileio.h"
#include "batch/keytemplate.h"
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <zlib.h>

/* A line that begins with one of these is a part of one that is too long. */
enum { PIECE = 0x10, LAST_PIECE = 0x11 };

struct run {
	struct intake in;
	uint64_t taken; /* lines that are records or were wrapped */
	size_t sure;    /* lines up to where nothing was open */
	int64_t unsure;
	bool all_valid, broken;
};

static const char *
run_dir(void)
{
	static char path[PATH_MAX];
	const char *tmp = getenv("TMPDIR");

	if (path[0] == '\0') {
		snprintf(path, sizeof path, "%s/logsweep-fuzz.%d", tmp ? tmp : "/tmp",
		    (int)getpid());
		must(mkdir(path, 0700) == 0, "%s", path);
	}
	return path;
}

static void
empty_dir(void)
{
	DIR *d = opendir(run_dir());
	struct dirent *de;

	must(d != NULL, "%s", run_dir());
	while ((de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			must(unlinkat(dirfd(d), de->d_name, 0) == 0, "%s", de->d_name);
	closedir(d);
}

static enum intake_kind
kind_of(struct str *line, bool in_long)
{
	char first = line->n > 0 ? *line->p : '\0';

	if (first != PIECE && first != LAST_PIECE)
		return in_long ? INTAKE_LAST : INTAKE_LINE;
	line->p++;
	line->n--;
	return first == PIECE ? INTAKE_PIECE : INTAKE_LAST;
}

/* The first `most` lines. */
static void
take_lines(struct run *r, struct str all, size_t most)
{
	struct str line;
	const char *why;
	struct err e;
	size_t n = 0;
	bool in_long = false;

	while (!r->broken && n < most && next_line(&all, &line)) {
		struct str s;
		enum intake_kind kind = kind_of(&line, in_long);
		uint64_t before = r->in.n.records + r->in.n.rejected;
		int got;

		in_long = kind == INTAKE_PIECE;
		s = exact(line.p, line.n);
		got = intake_line(&r->in, s, kind, false, &why, &e);
		must(got <= 0 || why != NULL, "no reason");
		if (got == 0 && !jscan_valid(s, NULL))
			r->all_valid = false; /* only its shape was looked at */
		exact_free(s);
		r->broken = got < 0;
		r->taken += r->in.n.records + r->in.n.rejected - before;
		n++;
		if (r->in.positions.open == 0)
			r->sure = n;
	}
}

#define KEY "ns={kubernetes.namespace_name}/l={log}/%F-%H-{seq}-{first}-{id}"

static void
run_begin(struct run *r)
{
	static struct keytemplate key;
	struct err e;

	*r = (struct run){ .all_valid = true };
	empty_dir();
	intake_init(&r->in);
	must(positions_init(&r->in.positions, &e) == 0 &&
		 keytemplate_parse(&key, KEY, "node", &e) == 0 &&
		 partitions_init(&r->in.partitions, run_dir(), &key, 1, 64 << 10,
		     &r->in.positions, &e) == 0,
	    "%s", e.text);
}

static void
run_finish(struct run *r)
{
	struct err e;

	r->unsure = intake_end(&r->in, &e);
	must(r->unsure >= 0, "%s", e.text);
	must(partitions_finish(&r->in.partitions, &e) == 0, "%s", e.text);
}

static struct str
unzipped(const char *path)
{
	struct buf b;
	gzFile z = gzopen(path, "rb");
	int n;

	must(z != NULL, "%s", path);
	buf_init(&b, SIZE_MAX / 4);
	while ((n = gzread(z, buf_room(&b, 64 << 10), 64 << 10)) > 0)
		b.n += (size_t)n;
	must(n == 0 && gzclose_r(z) == Z_OK, "%s: not gzip", path);
	return (struct str){ b.p, b.n };
}

static uint64_t
check_object(const struct run *r, const struct batch *b)
{
	struct str all = unzipped(b->file), rest = all, line;
	struct jscan_member m;
	uint64_t n = 0;

	must(jscan_valid(str_of(b->manifest), NULL) && strchr(b->manifest, '\n') == NULL,
	    "manifest: %s", b->manifest);
	if (r->all_valid)
		must_be_ndjson(all);
	must(all.n > 0 && all.p[all.n - 1] == '\n', "a line has no end");
	while (next_line(&rest, &line)) {
		must(jscan_shape(line, NULL), "not an object: %.*s", SHOW(line));
		n++;
	}
	must(n == b->records, "%llu records, not %llu", (unsigned long long)n,
	    (unsigned long long)b->records);
	must(jscan_find(str_of(b->manifest), STR("raw_bytes"), &m) &&
		 strtoull(m.value.p, NULL, 10) == all.n,
	    "raw_bytes: %s", b->manifest);
	free((void *)(uintptr_t)all.p);
	return n;
}

static void
check_objects(const struct run *r)
{
	const struct partitions *ps = &r->in.partitions;
	uint64_t n = 0;

	for (size_t i = 0; i < ps->batches; i++)
		n += check_object(r, &ps->batch[i]);
	must(n == r->in.n.records + r->in.n.rejected,
	    "%llu records in objects, %llu and %llu counted", (unsigned long long)n,
	    (unsigned long long)r->in.n.records, (unsigned long long)r->in.n.rejected);
	must(n + (uint64_t)r->unsure == r->taken, "%llu and %lld of %llu",
	    (unsigned long long)n, (long long)r->unsure, (unsigned long long)r->taken);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_now(const struct position_now *a, const struct position_now *b)
{
	return a->end == b->end && a->at == b->at && a->sum == b->sum &&
	       a->size == b->size && a->live == b->live && a->final == b->final &&
	       a->gone == b->gone && a->has_window == b->has_window &&
	       a->closed_whole == b->closed_whole && same_text(a->stat, b->stat) &&
	       same_text(a->dir, b->dir);
}

static const struct position *
find(const struct positions *ps, const char *id)
{
	const struct position *p;
	size_t at = 0;

	while ((p = positions_next(ps, &at)) != NULL && strcmp(p->id, id) != 0)
		;
	return p;
}

/* `b` has only met what was sure of `a`. */
static void
same(const struct run *a, const struct run *b)
{
	static const struct position_now none;
	const struct partitions *x = &a->in.partitions, *y = &b->in.partitions;
	const struct position *p, *q;
	size_t at = 0;

	must(x->batches == y->batches, "%zu objects, not %zu", x->batches, y->batches);
	for (size_t i = 0; i < x->batches; i++)
		must(strcmp(x->batch[i].manifest, y->batch[i].manifest) == 0, "%s\n%s",
		    x->batch[i].manifest, y->batch[i].manifest);
	while ((p = positions_next(&a->in.positions, &at)) != NULL) {
		q = find(&b->in.positions, p->id);
		must(same_now(&p->now, q != NULL ? &q->now : &none), "position of %s",
		    p->id);
	}
	must(a->in.n.records == b->in.n.records && a->in.n.rejected == b->in.n.rejected,
	    "counts");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run a, b;
	size_t n;
	char *bytes = expanded(data, size, 600, &n);
	struct str all = { bytes, n };

	run_begin(&a);
	take_lines(&a, all, SIZE_MAX);
	if (!a.broken) {
		run_finish(&a);
		check_objects(&a);
		if (a.unsure > 0) {
			run_begin(&b);
			take_lines(&b, all, a.sure);
			run_finish(&b);
			check_objects(&b);
			must(b.unsure == 0, "not all is sure");
			same(&a, &b);
			intake_done(&b.in);
		}
	}
	intake_done(&a.in);
	empty_dir();
	free(bytes);
	return 0;
}
