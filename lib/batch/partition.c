#include "batch/partition.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "batch/manifest.h"
#include "record/jsonw.h"
#include "record/ndjson.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What is held when the longest line comes, all of it to be escaped. */
#define BUF_MAX (JSONW_ROOM(NDJSON_LINE_MAX) + PARTITION_MEMORY + PARTITION_UNSURE)

int
partitions_init(struct partitions *ps, const char *dir,
    const struct keytemplate *template, int level, uint64_t max_size,
    struct positions *positions, struct err *e)
{
	*ps = (struct partitions){ .dir = dir,
		.template = template,
		.max_size = max_size,
		.positions = positions,
		.cap = 64 };
	buf_init(&ps->out, 8 << 20);
	buf_init(&ps->scratch, 2 * GZ_RUN);
	keyfields_init(&ps->fields, template);
	if ((ps->bucket = calloc(ps->cap, sizeof(struct partition *))) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	return (ps->gzip = gzip_new(level, e)) != NULL ? 0 : -1;
}

static void
partition_free(struct partition *p)
{
	buf_done(&p->buf);
	sha256_free(p->sha);
	free(p->source);
	free(p->source_index);
	free(p);
}

static void
batch_done(struct batch *b)
{
	free(b->file);
	free(b->key);
	free(b->manifest);
}

void
partitions_clear(struct partitions *ps)
{
	for (size_t i = 0; i < ps->cap && ps->bucket != NULL; i++) {
		for (struct partition *p = ps->bucket[i], *next; p != NULL; p = next) {
			next = p->next;
			partition_free(p);
		}
		ps->bucket[i] = NULL;
	}
	for (size_t i = 0; i < ps->batches; i++)
		batch_done(&ps->batch[i]);
	ps->n = ps->memory = ps->batches = 0;
	keyfields_clear(&ps->fields);
}

void
partitions_done(struct partitions *ps)
{
	partitions_clear(ps);
	keyfields_done(&ps->fields);
	free(ps->batch);
	free(ps->bucket);
	gzip_free(ps->gzip);
	buf_done(&ps->out);
	buf_done(&ps->scratch);
	*ps = (struct partitions){ 0 };
}

static size_t
bucket_of(const struct partitions *ps, const struct slot *s, bool errors)
{
	uint64_t h = ((uint64_t)s->hour * 2 + errors) * 0x9e3779b97f4a7c15;

	h ^= ((uint64_t)s->group << 20 ^ (uint32_t)s->offset_s) * 0xd6e8feb86659fd93;
	return h >> 32 & (ps->cap - 1);
}

static int
grow(struct partitions *ps)
{
	size_t cap = 4 * ps->cap, old = ps->cap;
	struct partition **b = calloc(cap, sizeof(struct partition *)),
			 **from = ps->bucket;

	if (b == NULL)
		return -1;
	ps->bucket = b;
	ps->cap = cap;
	for (size_t i = 0; i < old; i++)
		for (struct partition *p = from[i], *next; p != NULL; p = next) {
			size_t to = bucket_of(ps, &p->slot, p->errors);

			next = p->next;
			p->next = b[to];
			b[to] = p;
		}
	free(from);
	return 0;
}

static bool
same_slot(const struct slot *a, const struct slot *b)
{
	return a->hour == b->hour && a->offset_s == b->offset_s && a->group == b->group;
}

struct partition *
partitions_get(struct partitions *ps, const struct slot *slot, bool errors, struct err *e)
{
	size_t i = bucket_of(ps, slot, errors);
	struct partition *p = ps->bucket[i];

	while (p != NULL && (!same_slot(&p->slot, slot) || p->errors != errors))
		p = p->next;
	if (p != NULL)
		return p;
	if (ps->n == PARTITIONS_MAX) {
		err_set(e, ST_FAIL,
		    "%d partitions are open, and nothing of them may be committed before "
		    "their files are marked done: give a --key with fewer",
		    PARTITIONS_MAX);
		return NULL;
	}
	if (ps->n > 2 * ps->cap && grow(ps) < 0)
		goto err0;
	i = bucket_of(ps, slot, errors);
	if ((p = calloc(1, sizeof *p)) == NULL || (p->sha = sha256_new()) == NULL)
		goto err0;
	p->slot = *slot;
	p->errors = errors;
	p->serial = ps->serials++;
	buf_init(&p->buf, BUF_MAX);
	p->next = ps->bucket[i];
	ps->bucket[i] = p;
	ps->n++;
	return p;
err0:
	free(p);
	err_set(e, ST_FAIL, "out of memory");
	return NULL;
}

/* Bytes of the buffer that may leave it. */
static size_t
sure_bytes(const struct partitions *ps, const struct partition *p)
{
	bool all =
	    p->epoch != ps->positions->epoch || ps->dirty_epoch == ps->positions->epoch;

	return all ? p->buf.n : p->sure;
}

static void
body_path(const struct partitions *ps, const struct partition *p, const char *what,
    char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%u.%s", ps->dir, p->serial, what);
}

/* After the `last` bytes the kernel begins to write the file to the disk, so that those who
 * wait for it later wait once for many. */
static int
append_file(const char *path, const char *p, size_t n, bool last, struct err *e)
{
	int fd = io_open(path, O_WRONLY | O_CREAT | O_APPEND, 0640), r;

	if (fd < 0)
		return err_sys(e, path);
	r = write_all(fd, p, n, path, e);
	if (last)
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (close(fd) < 0 && r == 0)
		r = err_sys(e, path);
	return r;
}

/* ps->out goes to the object's file. */
static int
write_out(struct partitions *ps, struct partition *p, bool last, struct err *e)
{
	char path[PATH_MAX];

	body_path(ps, p, "gz", path);
	if (buf_check(&ps->out, path, e) < 0 ||
	    append_file(path, ps->out.p, ps->out.n, last, e) < 0)
		return -1;
	sha256_add(p->sha, ps->out.p, ps->out.n);
	p->bytes += ps->out.n;
	buf_clear(&ps->out);
	return 0;
}

/* Take `n` bytes off the front of the buffer. */
static void
drop_front(struct partition *p, size_t n)
{
	memmove(p->buf.p, p->buf.p + n, p->buf.n - n);
	p->buf.n -= n;
	p->sure -= p->sure < n ? p->sure : n;
}

static int
read_back(struct partitions *ps, struct partition *p, struct err *e)
{
	char path[PATH_MAX];
	int r;

	buf_clear(&ps->scratch);
	if (p->spilled == 0)
		return 0;
	body_path(ps, p, "raw", path);
	r = file_read(path, &ps->scratch, e);
	if (r <= 0 || ps->scratch.n != p->spilled)
		return r < 0 ? -1
			     : err_set(e, ST_FAIL, "%s: not as it was written", path);
	if (io_unlink(path) < 0)
		return err_sys(e, path);
	p->spilled = 0;
	return 0;
}

/* Compress the next run: what was spilled and as much of the buffer as makes `n`. */
static int
compress(struct partitions *ps, struct partition *p, size_t n, struct err *e)
{
	size_t from_buf = n - p->spilled;
	const char *run = p->buf.p;

	if (p->gz.raw == 0 && p->bytes == 0)
		gzmember_begin(&p->gz, &ps->out);
	if (p->spilled > 0) {
		if (read_back(ps, p, e) < 0)
			return -1;
		buf_add(&ps->scratch, p->buf.p, from_buf);
		if (buf_check(&ps->scratch, "run", e) < 0)
			return -1;
		run = ps->scratch.p;
	}
	if (gzmember_run(ps->gzip, &p->gz, run, n, &ps->out, e) < 0 ||
	    write_out(ps, p, false, e) < 0)
		return -1;
	return 0;
}

static int
compress_full_runs(struct partitions *ps, struct partition *p, struct err *e)
{
	size_t sure = sure_bytes(ps, p), taken = 0;

	if (p->spilled > 0 && p->spilled + sure >= GZ_RUN) {
		size_t first = GZ_RUN - p->spilled;

		if (compress(ps, p, GZ_RUN, e) < 0)
			return -1;
		drop_front(p, first);
		sure -= first;
	}
	for (; p->spilled == 0 && sure - taken >= GZ_RUN; taken += GZ_RUN) {
		char *at = p->buf.p;
		int r;

		/* a view of the buffer from `taken` on, so that the rest moves once */
		p->buf.p = at + taken;
		r = compress(ps, p, GZ_RUN, e);
		p->buf.p = at;
		if (r < 0)
			return -1;
	}
	if (taken > 0)
		drop_front(p, taken);
	return 0;
}

/* Sure bytes of the fullest buffers go to disk until half of the memory is free. */
static int
spill_one(struct partitions *ps, struct partition *p, struct err *e)
{
	char path[PATH_MAX];
	size_t sure, before;

	if (compress_full_runs(ps, p, e) < 0)
		return -1;
	sure = sure_bytes(ps, p);
	body_path(ps, p, "raw", path);
	if (sure > 0) {
		if (append_file(path, p->buf.p, sure, false, e) < 0)
			return -1;
		p->spilled += sure;
		drop_front(p, sure);
	}
	before = p->buf.cap;
	if (p->buf.n == 0) {
		buf_done(&p->buf);
		ps->memory -= before;
	}
	return 0;
}

static int
spill(struct partitions *ps, struct err *e)
{
	size_t least = ps->memory / (2 * ps->n + 1);

	for (size_t i = 0; i < ps->cap; i++)
		for (struct partition *p = ps->bucket[i]; p != NULL; p = p->next)
			if (p->buf.cap >= least && p->buf.n > 0 &&
			    spill_one(ps, p, e) < 0)
				return -1;
	return 0;
}

static int finish(struct partitions *ps, struct partition *p, struct err *e);

/* Keep to the memory: first what is sure goes, then, if that is not enough, all. */
static int
make_room(struct partitions *ps, size_t n, struct err *e)
{
	if (ps->memory + n <= PARTITION_MEMORY)
		return 0;
	if (spill(ps, e) < 0)
		return -1;
	if (ps->memory + n <= PARTITION_MEMORY + PARTITION_UNSURE)
		return 0;
	ps->dirty_epoch = ps->positions->epoch;
	return spill(ps, e);
}

static bool
is_full(const struct partitions *ps, const struct partition *p)
{
	return p->bytes >= ps->max_size || p->now.source_bytes >= MANIFEST_SOURCES_MAX;
}

char *
partition_room(struct partitions *ps, struct partition *p, size_t n, struct err *e)
{
	size_t before;
	char *to;

	/* all that the partition holds is sure: a place to end the object */
	if (is_full(ps, p) && p->epoch != ps->positions->epoch && finish(ps, p, e) < 0)
		return NULL;
	if (p->buf.cap - p->buf.n <= n) {
		if ((p->buf.n >= GZ_RUN && compress_full_runs(ps, p, e) < 0) ||
		    make_room(ps, n, e) < 0)
			return NULL;
	}
	before = p->buf.cap;
	/* a busy partition gets half a run more than a run: whole runs then leave it without
	 * moving much */
	if (p->buf.n + n > GZ_RUN / 4 && p->buf.cap < GZ_RUN + GZ_RUN / 2 &&
	    ps->memory + 2 * GZ_RUN < PARTITION_MEMORY)
		(void)buf_room(&p->buf, GZ_RUN + GZ_RUN / 2 - p->buf.n);
	if ((to = buf_room(&p->buf, n)) == NULL)
		err_set(e, ST_FAIL, "out of memory: %zu bytes held back", p->buf.n);
	ps->memory += p->buf.cap - before;
	return to;
}

static void
widen(struct object *o, int64_t ns)
{
	if (!o->timed || ns < o->first_ns)
		o->first_ns = ns;
	if (!o->timed || ns > o->last_ns)
		o->last_ns = ns;
	o->timed = true;
}

static size_t
source_place(const struct partition *p, const struct position *from)
{
	size_t mask = 2 * p->source_cap - 1;
	size_t i = ((uintptr_t)from >> 4) * 0x9e3779b97f4a7c15 >> 20 & mask;

	while (p->source_index[i] != 0 && p->source[p->source_index[i] - 1].p != from)
		i = (i + 1) & mask;
	return i;
}

static int
grow_sources(struct partition *p, struct err *e)
{
	size_t cap = p->source_cap ? 4 * p->source_cap : 8;
	struct source_range *s = realloc(p->source, cap * sizeof *s);
	uint32_t *index = calloc(2 * cap, sizeof *index);

	if (s != NULL)
		p->source = s;
	if (s == NULL || index == NULL) {
		free(index);
		return err_set(e, ST_FAIL, "out of memory");
	}
	free(p->source_index);
	p->source_index = index;
	p->source_cap = cap;
	for (size_t i = 0; i < p->now.sources; i++)
		p->source_index[source_place(p, p->source[i].p)] = (uint32_t)i + 1;
	return 0;
}

/* The range of a source in this object. */
static struct source_range *
range_of(struct partition *p, const struct position *from, uint64_t begins, struct err *e)
{
	size_t at;

	if (p->last_source < p->now.sources && p->source[p->last_source].p == from)
		return &p->source[p->last_source];
	if (p->now.sources == p->source_cap && grow_sources(p, e) < 0)
		return NULL;
	at = source_place(p, from);
	if (p->source_index[at] == 0) {
		p->source[p->now.sources] =
		    (struct source_range){ from, begins, begins, begins, 0 };
		p->source_index[at] = (uint32_t)++p->now.sources;
		p->now.source_bytes += manifest_source_room(from);
	}
	p->last_source = p->source_index[at] - 1;
	return &p->source[p->last_source];
}

static int
add_source(struct partitions *ps, struct partition *p, const struct position *from,
    uint64_t begins, struct err *e)
{
	struct source_range *s = range_of(p, from, begins, e);

	if (s == NULL)
		return -1;
	if (s->epoch != ps->positions->epoch) {
		s->sure_to = s->to;
		s->epoch = ps->positions->epoch;
	}
	s->to = from->now.end;
	return 0;
}

/* What is in it so far is sure, if the present epoch has added nothing yet. */
static void
enter_epoch(const struct partitions *ps, struct partition *p)
{
	if (p->epoch == ps->positions->epoch)
		return;
	p->epoch = ps->positions->epoch;
	p->sure = p->buf.n;
	p->was = p->now;
}

void
partition_gap(const struct partitions *ps, struct partition *p)
{
	enter_epoch(ps, p);
	p->now.gaps++;
}

int
partition_add(struct partitions *ps, struct partition *p, size_t n,
    const struct position *from, uint64_t begins, bool timed, int64_t ns, struct err *e)
{
	enter_epoch(ps, p);
	p->buf.n += n;
	p->now.records++;
	p->now.raw_bytes += n;
	if (timed)
		widen(&p->now, ns);
	else
		p->now.untimed++;
	if (from != NULL && add_source(ps, p, from, begins, e) < 0)
		return -1;
	if (p->buf.n >= GZ_RUN + GZ_RUN / 4)
		return compress_full_runs(ps, p, e);
	return 0;
}

uint64_t
partitions_unsure(const struct partitions *ps)
{
	uint64_t n = 0;

	for (size_t i = 0; i < ps->cap; i++)
		for (struct partition *p = ps->bucket[i]; p != NULL; p = p->next)
			if (p->epoch == ps->positions->epoch)
				n += p->now.records - p->was.records;
	return n;
}

static void
roll_back_one(struct partitions *ps, struct partition *p)
{
	if (p->epoch != ps->positions->epoch)
		return;
	p->buf.n = p->sure;
	p->now = p->was;
	for (size_t i = 0; i < p->now.sources; i++)
		if (p->source[i].epoch == ps->positions->epoch)
			p->source[i].to = p->source[i].sure_to;
}

int
partitions_roll_back(struct partitions *ps, struct err *e)
{
	if (ps->positions->open == 0)
		return 0;
	if (ps->dirty_epoch == ps->positions->epoch)
		return err_set(e, ST_FAIL,
		    "the input ended before its files were marked done, and too much "
		    "came since: nothing is committed");
	for (size_t i = 0; i < ps->cap; i++)
		for (struct partition *p = ps->bucket[i]; p != NULL; p = p->next)
			roll_back_one(ps, p);
	positions_roll_back(ps->positions);
	return 0;
}

int
partitions_add_batch(struct partitions *ps, struct batch *b, struct err *e)
{
	struct batch *p = ps->batch;

	if (ps->batches == ps->batch_cap) {
		size_t cap = ps->batch_cap ? 2 * ps->batch_cap : 32;

		if ((p = realloc(ps->batch, cap * sizeof *p)) != NULL) {
			ps->batch = p;
			ps->batch_cap = cap;
		}
	}
	if (p == NULL || b->file == NULL) {
		batch_done(b);
		return err_set(e, ST_FAIL, "out of memory");
	}
	ps->batch[ps->batches++] = *b;
	ps->done_bytes += b->bytes;
	return 0;
}

static int
sync_file(const char *path, struct err *e)
{
	int fd = io_open(path, O_WRONLY, 0), r = 0;

	if (fd < 0 || io_fsync(fd) < 0)
		r = err_sys(e, path);
	if (fd >= 0)
		close(fd);
	return r;
}

static void
begin_another(struct partitions *ps, struct partition *p)
{
	p->serial = ps->serials++;
	p->seq++;
	p->bytes = 0;
	p->gz = (struct gzmember){ 0, 0 };
	p->now = p->was = (struct object){ 0 };
	p->last_source = 0;
	p->sure = 0;
	if (p->source_cap > 0)
		memset(p->source_index, 0, 2 * p->source_cap * sizeof *p->source_index);
}

/* The object is whole: last run, end, name, manifest. */
static int
finish(struct partitions *ps, struct partition *p, struct err *e)
{
	struct batch b = { 0 };
	char path[PATH_MAX];

	p->epoch = 0; /* all of it is sure */
	if (compress_full_runs(ps, p, e) < 0)
		return -1;
	if (p->spilled + p->buf.n > 0) {
		if (compress(ps, p, p->spilled + p->buf.n, e) < 0)
			return -1;
		p->buf.n = 0;
	}
	if (p->now.records == 0)
		return 0;
	gzmember_end(&p->gz, &ps->out);
	body_path(ps, p, "gz", path);
	if (write_out(ps, p, true, e) < 0 || manifest_make(ps, p, &b, e) < 0)
		return -1;
	b.file = strdup(path);
	if (partitions_add_batch(ps, &b, e) < 0)
		return -1;
	begin_another(ps, p);
	return 0;
}

static int
by_slot(const void *a, const void *b)
{
	const struct partition *const *x = a, *const *y = b;
	const struct slot *s = &(*x)->slot, *t = &(*y)->slot;

	if ((*x)->errors != (*y)->errors)
		return (*x)->errors ? 1 : -1;
	if (s->hour != t->hour)
		return s->hour > t->hour ? 1 : -1;
	/* of two hours that clocks show alike the one further east came first */
	if (s->offset_s != t->offset_s)
		return s->offset_s < t->offset_s ? 1 : -1;
	return (s->group > t->group) - (s->group < t->group);
}

int
partitions_finish(struct partitions *ps, struct err *e)
{
	struct partition **all = malloc((ps->n + 1) * sizeof(struct partition *));
	size_t n = 0;
	int r = 0;

	if (all == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	for (size_t i = 0; i < ps->cap; i++)
		for (struct partition *p = ps->bucket[i]; p != NULL; p = p->next)
			all[n++] = p;
	qsort(all, n, sizeof(struct partition *), by_slot);
	for (size_t i = 0; i < n && r == 0; i++)
		r = finish(ps, all[i], e);
	free(all);
	for (size_t i = 0; i < ps->batches && r == 0; i++)
		r = sync_file(ps->batch[i].file, e);
	return r;
}
