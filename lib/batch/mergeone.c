/* mergeone.c - one merged object: made, checked, put in place of what it is made of. */
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "batch/gzmember.h"
#include "batch/manifest.h"
#include "batch/merge.h"
#include "batch/objread.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/timestamp.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Keys of its inputs, 1024 bytes at most, in JSON. */
enum { MERGED_MAX = MERGE_INPUTS_MAX * (8 << 10) };

struct making {
	struct merge *m;
	struct gzmember gz;
	struct sha256 *sha;
	struct buf run, out;
	int fd;
	const char *path;
	uint64_t records, raw_bytes, untimed, gaps, bytes;
	int64_t first_ns, last_ns;
	bool timed;
};

static int
path_in(char path[PATH_MAX], const char *dir, const char *before, const char *name,
    const char *after, struct err *e)
{
	if (snprintf(path, PATH_MAX, "%s/%s%s%s", dir, before, name, after) >= PATH_MAX)
		return err_set(e, ST_FAIL, "%.300s: name too long", dir);
	return 0;
}

/* ---- the object ---- */

static int
write_out(struct making *k, struct err *e)
{
	if (buf_check(&k->out, k->path, e) < 0 ||
	    write_all(k->fd, k->out.p, k->out.n, k->path, e) < 0)
		return -1;
	sha256_add(k->sha, k->out.p, k->out.n);
	k->bytes += k->out.n;
	buf_clear(&k->out);
	return 0;
}

static int
compress(struct making *k, struct err *e)
{
	if (gzmember_run(k->m->gzip, &k->gz, k->run.p, k->run.n, &k->out, e) < 0)
		return -1;
	buf_clear(&k->run);
	return write_out(k, e);
}

static int
piece(void *arg, const char *p, size_t n, struct err *e)
{
	struct making *k = arg;

	while (n > 0) {
		size_t room = GZ_RUN - k->run.n, take = n < room ? n : room;

		buf_add(&k->run, p, take);
		if (buf_check(&k->run, "a run", e) < 0)
			return -1;
		p += take;
		n -= take;
		if (k->run.n == GZ_RUN && compress(k, e) < 0)
			return -1;
	}
	return 0;
}

static void
add_counts(struct making *k, const struct objread *o)
{
	k->records += o->records;
	k->raw_bytes += o->raw_bytes;
	k->untimed += o->untimed;
	k->gaps += o->gaps;
	if (o->timed && (!k->timed || o->first_ns < k->first_ns))
		k->first_ns = o->first_ns;
	if (o->timed && (!k->timed || o->last_ns > k->last_ns))
		k->last_ns = o->last_ns;
	k->timed |= o->timed;
}

/* One of the inputs.  1: it is not whole. */
static int
take_in(
    struct making *k, const struct merge_dir *d, struct merge_input *in, struct err *e)
{
	const struct objread_sink sink = { .piece = piece, .arg = k };
	struct objread o;
	char path[PATH_MAX];
	int fd, r;

	if (path_in(path, d->from, "", in->name, "", e) < 0)
		return -1;
	if ((fd = io_open(path, O_RDONLY, 0)) < 0)
		return err_sys(e, path);
	r = objread(fd, path, &sink, &o, e);
	close(fd);
	if (r < 0)
		return -1;
	if (o.why[0] == '\0' && o.bytes != in->bytes)
		snprintf(o.why, sizeof o.why, "it changes while it is read");
	if (o.why[0] != '\0') {
		k->m->tell(path, o.why);
		return 1;
	}
	memcpy(in->sha256, o.sha256, sizeof in->sha256);
	add_counts(k, &o);
	return 0;
}

/* Is what lies on the disk what was written?  The CRC is that of what came in. */
static int
check(const struct making *k, const char *sha, struct err *e)
{
	struct objread o;
	int fd = io_open(k->path, O_RDONLY, 0), r;

	if (fd < 0)
		return err_sys(e, k->path);
	r = objread(fd, k->path, NULL, &o, e);
	close(fd);
	if (r < 0)
		return -1;
	if (o.why[0] != '\0' || strcmp(o.sha256, sha) != 0 || o.records != k->records ||
	    o.raw_bytes != k->raw_bytes)
		return err_set(e, ST_FAIL, "%.300s: not as it was written: %.100s",
		    k->path, o.why[0] != '\0' ? o.why : "another hash");
	return 0;
}

static int
make(struct making *k, const struct merge_dir *d, struct merge_input in[], size_t n,
    char sha[65], struct err *e)
{
	uint8_t digest[32];
	int r = 0;

	if ((k->fd = file_new(k->path, 0640)) < 0)
		return err_sys(e, k->path);
	gzmember_begin(&k->gz, &k->out);
	for (size_t i = 0; i < n && r == 0; i++)
		r = take_in(k, d, &in[i], e);
	if (r == 0 && k->run.n > 0)
		r = compress(k, e);
	if (r == 0) {
		gzmember_end(&k->gz, &k->out);
		r = write_out(k, e);
	}
	if (r == 0 && io_fsync(k->fd) < 0)
		r = err_sys(e, k->path);
	if (close(k->fd) < 0 && r == 0)
		r = err_sys(e, k->path);
	sha256_end(k->sha, digest);
	hex_of(digest, sizeof digest, sha);
	return r == 0 ? check(k, sha, e) : r;
}

/* ---- its manifest ---- */

static void
put_key(struct buf *b, const struct merge_dir *d, const char *name)
{
	struct buf key;

	buf_init(&key, 1 << 16);
	buf_printf(&key, "%s%s", d->key, name);
	buf_adds(b, "{\"key\":");
	jsonw_string(b, key.p != NULL ? key.p : "", key.n);
	b->failed |= key.failed;
	buf_done(&key);
}

static void
put_inputs(
    struct buf *b, const struct merge_dir *d, const struct merge_input in[], size_t n)
{
	buf_adds(b, "\"inputs\":[");
	for (size_t i = 0; i < n; i++) {
		buf_adds(b, i > 0 ? "," : "");
		put_key(b, d, in[i].name);
		buf_printf(b, ",\"bytes\":%" PRIu64, in[i].bytes);
		if (in[i].sha256[0] != '\0')
			buf_printf(b, ",\"sha256\":\"%s\"", in[i].sha256);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

static void
put_manifest(struct buf *b, const struct making *k, const struct merge_dir *d,
    const char *name, const char *sha, const struct merge_input in[], size_t n)
{
	put_key(b, d, name);
	buf_printf(b,
	    ",\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"raw_bytes\":%" PRIu64
	    ",\"sha256\":\"%s\"",
	    k->records, k->bytes, k->raw_bytes, sha);
	manifest_time(b, "first_time", k->timed, k->first_ns);
	manifest_time(b, "last_time", k->timed, k->last_ns);
	if (k->untimed > 0)
		buf_printf(b, ",\"untimed\":%" PRIu64, k->untimed);
	if (k->gaps > 0)
		buf_printf(b, ",\"gaps\":%" PRIu64, k->gaps);
	buf_adds(b, ",\"node\":null,\"sources\":[],");
	put_inputs(b, d, in, n);
	buf_addc(b, '}');
}

/* The manifest with "path" behind "key", and LF. */
static int
print(struct merge *m, const struct merge_dir *d, const char *name, struct str manifest,
    struct err *e)
{
	struct jscan_member key;
	char path[PATH_MAX];
	struct buf line;
	size_t head;
	int r;

	if (path_in(path, d->to, "", name, "", e) < 0)
		return -1;
	if (!jscan_find(manifest, STR("key"), &key))
		return err_set(e, ST_FAIL, "%.300s: a manifest without a key", path);
	head = (size_t)(key.value.p + key.value.n - manifest.p);
	buf_init(&line, MERGED_MAX);
	buf_add(&line, manifest.p, head);
	if (!m->dry) {
		buf_adds(&line, ",\"path\":");
		jsonw_string(&line, path, strlen(path));
	}
	buf_add(&line, manifest.p + head, manifest.n - head);
	buf_addc(&line, '\n');
	r = buf_check(&line, "a manifest", e) < 0 ? -1 : m->print(m->arg, &line, e);
	buf_done(&line);
	return r;
}

/* ---- lists ---- */

/* Say in the archive's lists what became of the objects. */
static int
add_list(struct merge *m, const struct merge_dir *d, const char *name,
    struct str manifest, struct err *e)
{
	struct jscan_member records;
	struct buf raw, gz;
	struct gzmember member;
	char path[PATH_MAX], dir[PATH_MAX], id[17];
	int r = 0;

	if (d->lists == NULL)
		return 0;
	if (snprintf(dir, sizeof dir, "%s/%s", d->lists, d->key) >= (int)sizeof dir ||
	    path_in(path, dir, "", name, "", e) < 0)
		return err_set(e, ST_FAIL, "%.300s: name too long", d->lists);
	buf_init(&raw, MERGED_MAX);
	buf_init(&gz, MERGED_MAX);
	hex64(hash64(manifest.p, manifest.n), id);
	if (!jscan_find(manifest, STR("records"), &records))
		records.value = STR("0");
	buf_addstr(&raw, manifest);
	buf_printf(&raw,
	    "\n{\"commit\":\"%s\",\"part\":1,\"parts\":1,\"node\":null,\"objects\":1,"
	    "\"records\":%.*s}\n",
	    id, (int)records.value.n, records.value.p);
	gzmember_begin(&member, &gz);
	for (size_t at = 0; at < raw.n && r == 0; at += GZ_RUN)
		r = gzmember_run(m->gzip, &member, raw.p + at,
		    raw.n - at < GZ_RUN ? raw.n - at : GZ_RUN, &gz, e);
	gzmember_end(&member, &gz);
	if (r == 0 && (r = buf_check(&gz, "a list", e)) == 0 &&
	    (r = dir_make(dir, true, e)) == 0)
		r = file_replace(path, gz.p, gz.n, e);
	buf_done(&raw);
	buf_done(&gz);
	return r;
}

/* ---- in place ---- */

/* Steps 4 and 5, also for a run that found the file of 2: `name` is the merged object's, what
 * went in is in its manifest. */
static int
replace(struct merge *m, const struct merge_dir *d, const char *name, const char *journal,
    struct str manifest, struct err *e)
{
	struct jscan_member inputs, key;
	char path[PATH_MAX], one[PATH_MAX];
	struct jscan it;
	struct str in;
	size_t skip = strlen(d->key);

	if (add_list(m, d, name, manifest, e) < 0)
		return -1;
	if (!jscan_find(manifest, STR("inputs"), &inputs))
		return err_set(
		    e, ST_FAIL, "%.300s: not one of ours; left alone", journal);
	jscan_items(&it, inputs.value);
	while (jscan_item(&it, &in)) {
		ptrdiff_t n;

		if (*in.p != '{' || !jscan_find(in, STR("key"), &key) ||
		    key.value.n > PATH_MAX || key.value.n < 2 ||
		    (n = jscan_unescape(
			 (struct str){ key.value.p + 1, key.value.n - 2 }, one)) < 0)
			continue;
		one[n] = '\0';
		/* a name in this directory, and not what it was merged into */
		if ((size_t)n <= skip || strncmp(one, d->key, skip) != 0 ||
		    strchr(one + skip, '/') != NULL || strcmp(one + skip, name) == 0 ||
		    path_in(path, d->from, "", one + skip, "", e) < 0)
			continue;
		if (io_unlink(path) < 0 && errno != ENOENT)
			return err_sys(e, path);
	}
	if (dir_fsync(d->from, e) < 0)
		return -1;
	return io_unlink(journal) < 0 ? err_sys(e, journal) : 0;
}

/* Steps 2 to 5 in place, 3 alone elsewhere. */
static int
publish(struct merge *m, const struct merge_dir *d, const char *tmp, const char *name,
    const char *id, const struct buf *manifest, struct err *e)
{
	struct str text = { manifest->p, manifest->n };
	char final[PATH_MAX], journal[PATH_MAX];

	if (path_in(final, d->to, "", name, "", e) < 0 ||
	    path_in(journal, d->from, ".merge-", id, ".json", e) < 0 ||
	    (m->out == NULL && file_replace(journal, manifest->p, manifest->n, e) < 0))
		return -1;
	/* elsewhere the list comes first: an object that is there is not made again */
	if (m->out != NULL && add_list(m, d, name, text, e) < 0)
		return -1;
	if (io_rename(tmp, final) < 0)
		return err_sys(e, final);
	if (dir_fsync(d->to, e) < 0)
		return -1;
	return m->out != NULL ? 0 : replace(m, d, name, journal, text, e);
}

static void
name_it(const struct merge_dir *d, const struct merge_input in[], size_t n, char id[17])
{
	struct buf all;

	buf_init(&all, MERGED_MAX);
	buf_adds(&all, d->key);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&all, "\n%s %" PRIu64 " ", in[i].name, in[i].bytes);
		buf_add(&all, in[i].end, sizeof in[i].end);
	}
	hex64(hash64(all.p, all.n), id);
	buf_done(&all);
}

static int
show(struct merge *m, const struct merge_dir *d, const char *name,
    const struct merge_input in[], size_t n, struct err *e)
{
	struct buf b;
	int r;

	buf_init(&b, MERGED_MAX);
	put_key(&b, d, name);
	buf_addc(&b, ',');
	put_inputs(&b, d, in, n);
	buf_addc(&b, '}');
	r = buf_check(&b, "a manifest", e) < 0
		? -1
		: print(m, d, name, (struct str){ b.p, b.n }, e);
	buf_done(&b);
	return r;
}

static int
make_and_publish(struct making *k, const struct merge_dir *d, struct merge_input in[],
    size_t n, const char *id, const char *name, struct err *e)
{
	struct merge *m = k->m;
	struct buf manifest;
	char sha[65];
	int r;

	if ((r = make(k, d, in, n, sha, e)) != 0) {
		(void)io_unlink(k->path);
		return r;
	}
	buf_init(&manifest, MERGED_MAX);
	put_manifest(&manifest, k, d, name, sha, in, n);
	if ((r = buf_check(&manifest, "a manifest", e)) < 0)
		(void)io_unlink(k->path);
	else if ((r = publish(m, d, k->path, name, id, &manifest, e)) == 0)
		r = print(m, d, name, (struct str){ manifest.p, manifest.n }, e);
	buf_done(&manifest);
	m->n.merged += r == 0;
	m->n.records += r == 0 ? k->records : 0;
	m->n.bytes_out += r == 0 ? k->bytes : 0;
	return r;
}

int
merge_one(struct merge *m, const struct merge_dir *d, struct merge_input in[], size_t n,
    struct err *e)
{
	char id[17], name[64], tmp[PATH_MAX], final[PATH_MAX];
	struct making k = { .m = m, .path = tmp };
	int r;

	name_it(d, in, n, id);
	snprintf(name, sizeof name, "merged-%s.ndjson.gz", id);
	if (path_in(tmp, d->to, ".merge-", id, ".tmp", e) < 0 ||
	    path_in(final, d->to, "", name, "", e) < 0)
		return -1;
	if (m->out != NULL && access(final, F_OK) == 0)
		return 0; /* of just these */
	if (m->dry)
		return show(m, d, name, in, n, e);
	if ((k.sha = sha256_new()) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	buf_init(&k.run, 2 * GZ_RUN);
	buf_init(&k.out, 4 * GZ_RUN);
	r = make_and_publish(&k, d, in, n, id, name, e);
	sha256_free(k.sha);
	buf_done(&k.run);
	buf_done(&k.out);
	return r;
}

/* ---- after a crash ---- */

/* A file of step 2. */
static int
go_on(struct merge *m, const struct merge_dir *d, const char *file, struct err *e)
{
	char id[17], name[64], final[PATH_MAX], journal[PATH_MAX];
	struct objread o;
	struct jscan_member sha;
	struct buf b;
	struct str text;
	int fd, r;

	snprintf(id, sizeof id, "%.16s", file + strlen(".merge-"));
	snprintf(name, sizeof name, "merged-%s.ndjson.gz", id);
	if (path_in(final, d->from, "", name, "", e) < 0 ||
	    path_in(journal, d->from, "", file, "", e) < 0)
		return -1;
	if ((fd = io_open(final, O_RDONLY, 0)) < 0)
		return errno == ENOENT && io_unlink(journal) == 0 ? 0
								  : err_sys(e, journal);
	r = objread(fd, final, NULL, &o, e);
	close(fd);
	buf_init(&b, MERGED_MAX);
	if (r < 0 || file_read(journal, &b, e) < 0) {
		buf_done(&b);
		return -1;
	}
	text = (struct str){ b.p, b.n };
	if (!jscan_valid(text, NULL) || o.why[0] != '\0' ||
	    !jscan_find(text, STR("sha256"), &sha) || sha.value.n != 66 ||
	    memcmp(sha.value.p + 1, o.sha256, 64) != 0)
		r = err_set(e, ST_FAIL, "%.300s: not as %.60s says; both are left alone",
		    final, file);
	else if ((r = replace(m, d, name, journal, text, e)) == 0)
		r = print(m, d, name, text, e);
	buf_done(&b);
	return r;
}

int
merge_recover(struct merge *m, const struct merge_dir *d, struct err *e)
{
	char path[PATH_MAX];
	DIR *dir = opendir(d->to);
	struct dirent *de;
	int r = 0;

	while (dir != NULL && r == 0 && (de = readdir(dir)) != NULL) {
		size_t n = strlen(de->d_name);

		if (strncmp(de->d_name, ".merge-", 7) != 0 &&
		    strncmp(de->d_name, "..merge-", 8) != 0)
			continue;
		if (m->out == NULL && n == 7 + 16 + 5 &&
		    strcmp(de->d_name + n - 5, ".json") == 0)
			r = go_on(m, d, de->d_name, e);
		else if (strcmp(de->d_name + n - 4, ".tmp") == 0 &&
			 path_in(path, d->to, "", de->d_name, "", e) == 0 &&
			 io_unlink(path) < 0)
			r = err_sys(e, path);
	}
	if (dir != NULL)
		closedir(dir);
	return r;
}
