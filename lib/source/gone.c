#include "source/gone.h"
#include "base/err.h"
#include "base/fileio.h"
#include "ledger/ledger.h"
#include "record/jscan.h"
#include "source/decompress.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int
by_hash(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
by_dir(const void *a, const void *b)
{
	const struct ledger_entry *const *x = a, *const *y = b;
	int c = strcmp((*x)->dir, (*y)->dir);

	return c != 0 ? c : strcmp((*x)->id, (*y)->id);
}

/* The number that an id begins with. */
static uint64_t
hex_value(const char *id)
{
	char digits[17];

	snprintf(digits, sizeof digits, "%s", id);
	return strtoull(digits, NULL, 16);
}

static bool
plain_path(const char *raw, char path[PATH_MAX])
{
	size_t n = strlen(raw);
	ptrdiff_t len;

	if (n == 0 || n >= PATH_MAX ||
	    (len = jscan_unescape((struct str){ raw, n }, path)) < 0)
		return false;
	path[len] = '\0';
	return strstr(path, "\xef\xbf\xbd") == NULL; /* it is not what the disk has */
}

/* Does an operand cover this name?  The directory of an operand does (the shell may have
 * expanded dir/\*.log before the file went), and so does a directory, if it is there, or
 * a glob. */
static bool
covered(const char *file, char *const operands[], size_t n)
{
	const char *slash = strrchr(file, '/');
	size_t dir_n = slash ? (size_t)(slash - file) : 0;

	for (size_t i = 0; i < n; i++) {
		const char *o = operands[i], *os = strrchr(o, '/');
		size_t on = strlen(o);

		while (on > 1 && o[on - 1] == '/')
			on--;
		if (strncmp(file, o, on) == 0 && file[on] == '/' && access(o, F_OK) == 0)
			return true;
		if (fnmatch(o, file, FNM_PATHNAME) == 0)
			return true;
		if (os != NULL && (size_t)(os - o) == dir_n &&
		    strncmp(file, o, dir_n) == 0)
			return true;
	}
	return false;
}

/* The first lines in a directory, of all files in it. */
struct first_lines {
	const char *dir; /* NULL: none yet */
	uint64_t *hash;
	size_t n, cap;
	bool unsure; /* some could not be read */
};

static void
add_first_line(struct first_lines *fl, const char *path)
{
	struct identity who;
	struct reader *r;
	struct err unused;
	struct stat st;
	uint64_t *p;
	int fd, got = -1;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	if ((fd = io_open(path, O_RDONLY | O_NONBLOCK, 0)) < 0) {
		fl->unsure |= errno != ENOENT;
		return;
	}
	if (fstat(fd, &st) < 0 ||
	    !S_ISREG(st.st_mode)) { /* the name is another's since */
		fl->unsure = true;
		close(fd);
		return;
	}
	r = reader_new(fd, family_packed(str_of(path)) > 0, &unused);
	if (r != NULL)
		got = identity_read(r, true, &who, path, &unused);
	reader_free(r);
	close(fd);
	if (got > 0 && fl->n == fl->cap) {
		size_t cap = fl->cap ? 2 * fl->cap : 64;

		if ((p = realloc(fl->hash, cap * sizeof *p)) == NULL)
			got = -1;
		else
			fl->hash = p, fl->cap = cap;
	}
	if (got > 0)
		fl->hash[fl->n++] = hex_value(who.hash);
	fl->unsure |= got < 0;
}

static void
read_first_lines(struct first_lines *fl, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	char path[PATH_MAX];

	fl->n = 0;
	fl->unsure = d == NULL && errno != ENOENT;
	while (d != NULL && (de = readdir(d)) != NULL)
		if (snprintf(path, sizeof path, "%s/%s", dir, de->d_name) <
		    (int)sizeof path)
			add_first_line(fl, path);
	if (d != NULL)
		closedir(d);
	if (fl->n > 0)
		qsort(fl->hash, fl->n, sizeof *fl->hash, by_hash);
}

/* Does any file of the entry's directory begin with its first line? */
static bool
still_there(struct first_lines *fl, const struct ledger_entry *n)
{
	uint64_t hash = hex_value(n->id);
	char dir[PATH_MAX];

	if (fl->dir == NULL || strcmp(fl->dir, n->dir) != 0) {
		if (!plain_path(n->dir, dir))
			return true;
		read_first_lines(fl, dir);
		fl->dir = n->dir;
	}
	return fl->unsure || (fl->n > 0 && bsearch(&hash, fl->hash, fl->n, sizeof hash,
					       by_hash) != NULL);
}

/* A link that leads nowhere may be a directory that is not mounted. */
static bool
dangles(const char *file)
{
	struct stat st;

	return lstat(file, &st) == 0 && S_ISLNK(st.st_mode) && access(file, F_OK) < 0;
}

/* Nobody met it, though its directory was listed or is gone as well. */
static bool
is_missed(
    struct sweep *s, const struct ledger_entry *n, char *const operands[], size_t count)
{
	char file[PATH_MAX], dir[PATH_MAX];

	if (n->seen || n->dead || !plain_path(n->file, file) || !plain_path(n->dir, dir))
		return false;
	if (!sweep_in_shard(s, file))
		return false;
	if (!covered(file, operands, count) || dangles(file))
		return false;
	return sweep_listed(s, dir) || (access(dir, F_OK) < 0 && errno == ENOENT);
}

static void
src_head(struct ndjson_out *o, const struct sweep *s, const struct ledger_entry *n)
{
	NDJSON_LIT(o, "{\"_src\":{\"file\":\"");
	ndjson_add(o, n->file, strlen(n->file));
	NDJSON_LIT(o, "\",\"id\":\"");
	ndjson_add(o, n->id, strlen(n->id));
	NDJSON_LIT(o, "\",\"gen\":");
	ndjson_u64(o, s->ledger->gen);
	NDJSON_LIT(o, ",\"end\":");
	ndjson_u64(o, n->end);
}

/* The first time in the oldest file that is left of a log. */
static void
first_after(struct sweep *s, const struct ledger_entry *n, char time[48])
{
	char file[PATH_MAX], real[PATH_MAX], *slash;
	struct family f = { .dir = real };
	struct identity id;
	struct frame fr = { .time = { "", 0 } };
	struct reader *r;
	struct err unused;
	enum frame_format format;

	time[0] = '\0';
	if (!plain_path(n->file, file) || realpath(file, real) == NULL)
		return;
	slash = strrchr(real, '/');
	*slash = '\0';
	f.base = slash + 1;
	if (slash == real ||
	    family_open(&f, &s->names, s->rotated, NULL, NULL, NULL, NULL, &unused) < 0)
		return;
	if (f.members > 0 &&
	    (r = reader_new(f.member[0].fd, f.member[0].packed, &unused)) != NULL) {
		if (identity_read(r, false, &id, file, &unused) > 0 && !id.unfinished) {
			struct str line = { id.first, id.line_n - 1 };

			format = sweep_format(s, &id);
			if (format == FRAME_CRI
				? frame_cri(line, &fr)
				: format == FRAME_DOCKER && frame_docker(line, &fr))
				snprintf(time, 48, "%.*s", (int)fr.time.n, fr.time.p);
		}
		reader_free(r);
	}
	family_close(&f);
}

/* The _error record of a certain gap. */
static void
write_gap(struct sweep *s, const struct ledger_entry *n)
{
	struct ndjson_out *o = s->tail.out;
	char after[48];

	src_head(o, s, n);
	NDJSON_LIT(o, "}");
	if (n->time[0] != '\0') {
		NDJSON_LIT(o, ",\"time\":\"");
		ndjson_add(o, n->time, strlen(n->time));
		NDJSON_LIT(o, "\"");
	}
	NDJSON_LIT(o, ",\"log\":\"\",\"_error\":{\"by\":\"logtail\",\"why\":\"gap: the "
		      "file is gone; it was read up to ");
	ndjson_u64(o, n->end);
	if (n->size > n->end) {
		NDJSON_LIT(o, " of at least ");
		ndjson_u64(o, n->size);
		NDJSON_LIT(o, " bytes\",\"gap\":{\"from\":");
	} else {
		NDJSON_LIT(o, " bytes and went on\",\"gap\":{\"from\":");
	}
	ndjson_u64(o, n->end);
	NDJSON_LIT(o, ",\"size\":");
	ndjson_u64(o, n->size);
	NDJSON_LIT(o, ",\"last_read\":\"");
	ndjson_add(o, n->time, strlen(n->time));
	NDJSON_LIT(o, "\"");
	first_after(s, n, after);
	if (after[0] != '\0') {
		NDJSON_LIT(o, ",\"first_after\":\"");
		ndjson_add(o, after, strlen(after));
		NDJSON_LIT(o, "\"");
	}
	NDJSON_LIT(o, "}}}\n");
	s->tail.n.lines++;
	s->tail.n.rejected++;
}

/* The other stream of the file, if it is read further: the gap begins there. */
static bool
other_is_behind(const struct sweep *s, const struct ledger_entry *n)
{
	size_t at = 0, len = strcspn(n->id, "/");
	const struct ledger_entry *m;

	while ((m = ledger_like(s->ledger, (struct str){ n->id, 16 }, &at)) != NULL)
		if (m != n && strncmp(m->id, n->id, len) == 0 && m->id[len] == '/' &&
		    (m->end < n->end || (m->end == n->end && strcmp(m->id, n->id) > 0)))
			return true;
	return false;
}

/* Bytes are known to have been past the cursor: a size that was seen, or another file now
 * stands where this one was being written. */
static bool
certain_gap(const struct ledger_entry *n)
{
	char file[PATH_MAX];

	return n->size > n->end || (n->live && !n->final && plain_path(n->file, file) &&
				       access(file, F_OK) == 0);
}

static int
retire(struct sweep *s, const struct ledger_entry *n, struct err *e)
{
	if (other_is_behind(s, n)) {
		; /* told by that one */
	} else if (certain_gap(n)) {
		/* opened by a mark, so that a stream cut here tells the gap again, not twice */
		src_head(s->tail.out, s, n);
		NDJSON_LIT(s->tail.out, "}}\n");
		write_gap(s, n);
		s->n.gaps++;
	} else {
		s->n.possible_gaps += !n->final;
	}
	src_head(s->tail.out, s, n);
	NDJSON_LIT(s->tail.out, ",\"gone\":true}}\n");
	return ndjson_end(s->tail.out, e);
}

int
gone_retire(struct sweep *s, char *const operands[], size_t n, struct err *e)
{
	const struct ledger_entry **missed;
	bool *retired;
	struct first_lines there = { 0 };
	size_t count = 0;
	int r = 0;

	if (s->ledger->entries == 0 || sweep_sort_dirs(s) == 0)
		return 0;
	missed = malloc(s->ledger->entries * sizeof *missed);
	retired = calloc(s->ledger->entries, sizeof *retired);
	if (missed == NULL || retired == NULL) {
		free(missed);
		free(retired);
		return err_set(e, ST_FAIL, "out of memory");
	}
	for (size_t i = 0; i < s->ledger->entries; i++)
		if (is_missed(s, &s->ledger->entry[i], operands, n))
			missed[count++] = &s->ledger->entry[i];
	qsort(missed, count, sizeof *missed, by_dir);
	for (size_t i = 0; i < count && r == 0; i++)
		if (!still_there(&there, missed[i])) {
			r = retire(s, missed[i], e);
			retired[i] = true;
		}
	/* only now: streams of one file look at each other */
	for (size_t i = 0; i < count; i++)
		if (retired[i]) {
			ledger_forget(s->ledger, str_of(missed[i]->id));
			s->ledger->forgot =
			    s->ledger->gen + 1; /* should it be committed */
		}
	free(there.hash);
	free(missed);
	free(retired);
	return r;
}
