#include "source/tail.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/timestamp.h"
#include "source/decompress.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The block holds, from its start: up to IDENTITY_WINDOW bytes that were dealt with
 * already (for the window's hash), then what is to be read.  A line that does not end
 * within the block makes it grow, up to a physical line of max_line and
 * TAIL_LINE_EXTRA. */
enum {
	BLOCK = 256 << 10,
	HOLE_LEAST = 1 << 20, /* one that is passed over */
	SLACK = 64,
};

#define MIDDLE(stream) "\",\"stream\":\"" stream "\",\"log\":\""
enum { MIDDLE_N = sizeof MIDDLE("stdxxx") - 1 };

struct stream {
	char *head; /* {"_src":{"file":"...","id":".../o","gen":3,"end": */
	size_t head_n;
	char middle[32]; /* between the time and the text */
	bool wrote;      /* records since the last mark */
	/* the split line under way; its text is in tail.part */
	bool open;
	uint64_t part_start, part_bytes;
	unsigned part_lines, part_no;
	char part_time[FRAME_TIME_MAX + 1];
};

struct state {
	struct tail *t;
	struct tail_file *f;
	struct stream s[2];
	unsigned streams;
	size_t from, have; /* in the block: not dealt with; end of data */
	uint64_t base;     /* offset of the block's first byte */
	uint64_t last_mark;
	uint64_t long_part; /* pieces given of a physical line that is too long */
	bool until;         /* a record at or after t->until was met */
	bool stop;          /* changed under us, or it cannot be read */
	bool unreadable;
};

int
tail_init(struct tail *t, struct ndjson_out *out, uint64_t max_line, struct err *e)
{
	*t = (struct tail){
		.out = out, .max_line = max_line, .since = INT64_MIN, .until = INT64_MIN
	};
	t->block_cap = IDENTITY_WINDOW + 2 * BLOCK;
	buf_init(&t->part[0], 2 * max_line + BLOCK);
	buf_init(&t->part[1], 2 * max_line + BLOCK);
	buf_init(&t->attrs[0], 2 * max_line + BLOCK);
	buf_init(&t->attrs[1], 2 * max_line + BLOCK);
	if ((t->block = malloc(t->block_cap + SLACK)) == NULL)
		return err_set(e, ST_FAIL, "out of memory");
	return 0;
}

void
tail_done(struct tail *t)
{
	free(t->block);
	buf_done(&t->part[0]);
	buf_done(&t->part[1]);
	buf_done(&t->attrs[0]);
	buf_done(&t->attrs[1]);
}

static int
make_heads(struct state *st, struct err *e)
{
	static const char *const ending[] = { "/o", "/e" };
	static const char middle[2][32] = { MIDDLE("stdout"), MIDDLE("stderr") };

	for (unsigned i = 0; i < st->streams; i++) {
		struct buf b;

		buf_init(&b, 64 << 10);
		buf_adds(&b, "{\"_src\":{\"file\":\"");
		buf_addstr(&b, st->f->src_file);
		buf_printf(&b, "\",\"id\":\"%s%s\",\"gen\":%llu,\"end\":", st->f->id->id,
		    st->streams > 1 ? ending[i] : "", (unsigned long long)st->f->gen);
		st->s[i].head_n = b.n;
		if ((st->s[i].head = buf_take(&b)) == NULL) {
			err_set(e, ST_FAIL, "%s: name too long, or out of memory",
			    st->f->name);
			return -1;
		}
		memcpy(st->s[i].middle, middle[i], sizeof middle[i]);
	}
	return 0;
}

static void
head(struct state *st, unsigned s, uint64_t end)
{
	ndjson_add(st->t->out, st->s[s].head, st->s[s].head_n);
	ndjson_u64(st->t->out, end);
}

/* Up to the name of the first member after `_src`. */
static void
begin_record(struct state *st, unsigned s, uint64_t end)
{
	if (st->f->positions) {
		head(st, s, end);
		NDJSON_LIT(st->t->out, "},\"");
	} else {
		NDJSON_LIT(st->t->out, "{\"");
	}
}

/* From `_src` to the text, in copies of fixed lengths, which need no call: they are longer
 * than what is kept of them, and so may what is behind a time be (FRAME_TIME_MAX). */
static void
begin_timed(struct state *st, const struct stream *s, struct str time, uint64_t end)
{
	struct ndjson_out *o = st->t->out;
	char *to = ndjson_room(
	    o, s->head_n + JSONW_U64_MAX + 16 + FRAME_TIME_MAX + sizeof s->middle);

	if (to == NULL)
		return;
	if (st->f->positions) {
		to = mempcpy(to, s->head, s->head_n);
		to = jsonw_u64(to, end);
		memcpy(to, "},\"time\":\"", 10);
		to += 10;
	} else {
		memcpy(to, "{\"time\":\"", 9);
		to += 9;
	}
	memcpy(to, time.p, FRAME_TIME_MAX);
	to += time.n;
	memcpy(to, s->middle, sizeof s->middle);
	to += MIDDLE_N;
	o->n = (size_t)(to - o->buf);
}

enum mark_kind { MARK_OPEN, MARK_WINDOW, MARK_CLOSE };

static void
mark(struct state *st, unsigned s, uint64_t end, enum mark_kind kind, uint64_t at,
    uint64_t sum)
{
	struct ndjson_out *o = st->t->out;
	char hex[17];

	if (!st->f->positions)
		return;
	head(st, s, end);
	if (kind != MARK_OPEN) {
		NDJSON_LIT(o, ",\"at\":");
		ndjson_u64(o, at);
		NDJSON_LIT(o, ",\"sum\":\"");
		hex64(sum, hex);
		ndjson_add(o, hex, 16);
		NDJSON_LIT(o, "\"");
	}
	if (kind == MARK_CLOSE) {
		NDJSON_LIT(o, ",\"size\":");
		ndjson_u64(o, st->f->limit > at ? st->f->limit : at);
		NDJSON_LIT(o, ",\"stat\":\"");
		ndjson_add(o, st->f->stat, strlen(st->f->stat));
		NDJSON_LIT(o, "\",\"dir\":\"");
		ndjson_add(o, st->f->dir.p, st->f->dir.n);
		NDJSON_LIT(o, "\"");
		if (st->f->live)
			NDJSON_LIT(o, ",\"live\":true");
		if (st->f->final && end == at)
			NDJSON_LIT(o, ",\"final\":true");
	}
	NDJSON_LIT(o, "}}\n");
	st->s[s].wrote = false;
	st->t->n.marks++;
}

/* The window before the first byte that is not dealt with. */
static uint64_t
window(const struct state *st)
{
	size_t n = st->from < IDENTITY_WINDOW ? st->from : IDENTITY_WINDOW;

	return identity_sum(st->t->block + st->from - n, n);
}

/* Is there something of a split line that is not written?  Unlike `open` this can be told from
 * the cursors and what is behind them, so each sweep says the same. */
static bool
has_parts(const struct stream *s)
{
	return s->open && s->part_lines > 0;
}

/* The stream that a line which names none is counted to: its `end` must not have to go
 * back to the beginning of a split line. */
static unsigned
quiet_stream(const struct state *st)
{
	return has_parts(&st->s[0]) && !has_parts(&st->s[1]);
}

/* How far stream `s` is dealt with when the file is up to `at`. */
static uint64_t
stream_end(const struct state *st, unsigned s, uint64_t at)
{
	uint64_t end = st->s[s].open ? st->s[s].part_start : at;

	return end > st->f->cursor[s] ? end : st->f->cursor[s];
}

static void
marks(struct state *st, enum mark_kind kind)
{
	uint64_t at = st->base + st->from, sum = window(st);

	st->f->at = at;
	st->f->sum = sum;
	for (unsigned s = 0; s < st->streams; s++)
		if (kind == MARK_CLOSE || st->s[s].wrote) {
			st->f->cursor[s] = stream_end(st, s, at);
			mark(st, s, st->f->cursor[s], kind, at, sum);
		}
}

static void
note_time(struct tail *t, struct str time)
{
	int64_t ns;

	if (time.p[time.n - 1] != 'Z') {
		if (!timestamp_parse(time, &ns))
			return;
		t->first_ns = !t->zoned || ns < t->first_ns ? ns : t->first_ns;
		t->last_ns = !t->zoned || ns > t->last_ns ? ns : t->last_ns;
		t->zoned = true;
		return;
	}
	timestamp_widen(t->first_time, t->last_time, time);
}

/* A message: its bytes, or for Docker its JSON text. */
static void
text(struct state *st, struct str s)
{
	if (st->f->format == FRAME_DOCKER)
		ndjson_add(st->t->out, s.p, s.n);
	else
		ndjson_text(st->t->out, s.p, s.n, &st->t->n.replaced);
}

static void
part_mark(struct ndjson_out *o, unsigned no, bool last)
{
	NDJSON_LIT(o, ",\"_part\":{\"n\":");
	ndjson_u64(o, no);
	if (last)
		NDJSON_LIT(o, ",\"last\":true}");
	else
		NDJSON_LIT(o, ",\"last\":false}");
}

/* false for times that cannot be read, too: such a record is in no window. */
static bool
is_before(struct str time, int64_t limit)
{
	int64_t ns;

	return limit != INT64_MIN && time.n > 0 && timestamp_parse(time, &ns) &&
	       ns < limit;
}

static bool
is_after(struct str time, int64_t limit)
{
	int64_t ns;

	return limit != INT64_MIN && time.n > 0 && timestamp_parse(time, &ns) &&
	       ns >= limit;
}

/* part_no 0: a whole message. */
static int
emit(struct state *st, const struct frame *fr, struct str message, uint64_t end,
    unsigned part_no, bool last, struct err *e)
{
	struct stream *s = &st->s[fr->stream];
	struct ndjson_out *o = st->t->out;

	s->wrote = true;
	if (is_before(fr->time, st->t->since)) {
		st->t->n.filtered++;
		return 0;
	}
	st->t->n.records++;
	if (fr->time.n > 0) {
		begin_timed(st, s, fr->time, end);
		note_time(st->t, fr->time);
	} else {
		begin_record(st, fr->stream, end);
		NDJSON_LIT(o, "log\":\"");
	}
	text(st, message);
	if (fr->attrs.n > 0 || part_no > 0) {
		NDJSON_LIT(o, "\"");
		if (fr->attrs.n > 0) {
			NDJSON_LIT(o, ",\"attrs\":");
			ndjson_add(o, fr->attrs.p, fr->attrs.n);
		}
		if (part_no > 0)
			part_mark(o, part_no, last);
		NDJSON_LIT(o, "}\n");
	} else {
		NDJSON_LIT(o, "\"}\n");
	}
	return ndjson_end(o, e);
}

static void
count(struct state *st, uint64_t lines, uint64_t bytes)
{
	st->t->n.lines += lines;
	st->t->n.joined += lines - 1;
	st->t->n.bytes += bytes;
}

/* Write the split line of a stream; `last` unless it is only too long to be kept. */
static int
emit_parts(struct state *st, unsigned sn, uint64_t end, bool last, struct err *e)
{
	struct stream *s = &st->s[sn];
	struct buf *part = &st->t->part[sn];
	struct buf *attrs = &st->t->attrs[sn];
	struct frame fr = { .stream = sn,
		.time = str_of(s->part_time),
		.attrs = { attrs->p, attrs->n } };
	int r;

	if (part->failed || attrs->failed)
		return err_set(e, ST_FAIL, "%s: out of memory", st->f->name);
	if (s->part_no > 0 || !last)
		s->part_no++;
	r = emit(st, &fr, (struct str){ part->p ? part->p : "", part->n }, end,
	    s->part_no, last, e);
	count(st, s->part_lines, s->part_bytes);
	part->n = 0;
	s->part_lines = 0;
	s->part_bytes = 0;
	s->part_start = end;
	if (last)
		s->open = false;
	return r;
}

/* How many bytes of `more` belong to a character that `part` breaks off in. */
static size_t
rest_of_character(const struct buf *part, struct str more)
{
	char c[4];
	size_t back = 1, n;

	while (back < 4 && back < part->n &&
	       ((unsigned char)part->p[part->n - back] & 0xc0) == 0x80)
		back++;
	if (back > 3 || back > part->n)
		return 0;
	memcpy(c, part->p + part->n - back, back);
	for (n = 0; back + n < sizeof c && n < more.n; n++)
		c[back + n] = more.p[n];
	n = jscan_utf8(c, c + back + n);
	return n > back ? n - back : 0;
}

/* Begin or go on with a split line.  One that grows too long goes out in pieces: whole
 * parts, and the rest of a character that the runtime cut through. */
static int
add_part(
    struct state *st, const struct frame *fr, uint64_t start, uint64_t end, struct err *e)
{
	struct stream *s = &st->s[fr->stream];
	struct buf *part = &st->t->part[fr->stream];
	struct str text = fr->text;
	size_t rest;

	if (!s->open) {
		s->open = true;
		s->part_start = start;
		s->part_no = s->part_lines = 0;
		s->part_bytes = 0;
		memcpy(s->part_time, fr->time.p, fr->time.n);
		s->part_time[fr->time.n] = '\0';
		buf_clear(part);
		buf_clear(&st->t->attrs[fr->stream]);
		buf_addstr(&st->t->attrs[fr->stream], fr->attrs);
	}
	if (part->n > 0 && part->n + text.n > st->t->max_line) {
		rest = rest_of_character(part, text);
		buf_add(part, text.p, rest);
		text = (struct str){ text.p + rest, text.n - rest };
		if (emit_parts(st, fr->stream, start, false, e) < 0)
			return -1;
	}
	buf_addstr(part, text);
	s->part_lines++;
	s->part_bytes += end - start;
	return 0;
}

static int
reject(struct state *st, struct str line, uint64_t end, const char *why, struct err *e)
{
	struct ndjson_out *o = st->t->out;
	unsigned sn = quiet_stream(st);
	struct stream *s = &st->s[sn];

	/* both have: what is there of this one goes out, the rest as its next piece */
	if (has_parts(s) && emit_parts(st, sn, end, false, e) < 0)
		return -1;
	s->part_start = end;
	begin_record(st, sn, end);
	NDJSON_LIT(o, "log\":\"");
	ndjson_text(o, line.p, line.n, &st->t->n.replaced);
	NDJSON_LIT(o, "\",\"_error\":{\"by\":\"logtail\",\"why\":\"");
	ndjson_text(o, why, strlen(why), &(uint64_t){ 0 });
	NDJSON_LIT(o, "\"}}\n");
	s->wrote = true;
	st->t->n.lines++;
	st->t->n.rejected++;
	st->t->n.bytes += line.n + 1;
	return ndjson_end(o, e);
}

/* One physical line [start, end) of the file, `line` without its LF. */
static int
one_line(struct state *st, struct str line, uint64_t start, uint64_t end, struct err *e)
{
	struct frame fr = { .time = STR(""), .text = line, .attrs = STR("") };
	enum frame_format format = st->f->format;
	struct stream *s;

	if (format == FRAME_CRI ? !frame_cri(line, &fr)
				: format == FRAME_DOCKER && !frame_docker(line, &fr)) {
		if (end <= st->f->cursor[quiet_stream(st)])
			return 0;
		return reject(st, line, end,
		    format == FRAME_CRI ? "not a CRI log line" : "not a Docker log line",
		    e);
	}
	if (end <= st->f->cursor[fr.stream])
		return 0; /* this stream is further than the other */
	s = &st->s[fr.stream];
	if (!s->open && is_after(fr.time, st->t->until)) {
		st->until = st->stop = true;
		return 0;
	}
	if (fr.partial)
		return add_part(st, &fr, start, end, e);
	if (s->open) {
		if (add_part(st, &fr, start, end, e) < 0)
			return -1;
		return emit_parts(st, fr.stream, end, true, e);
	}
	count(st, 1, end - start);
	return emit(st, &fr, fr.text, end, 0, true, e);
}

/* A physical line that the block cannot hold comes in pieces: raw ones as parts of a
 * record, framed ones (no runtime writes such) as _error records. */
static int
piece(struct state *st, struct str line, uint64_t end, bool last, struct err *e)
{
	struct frame fr = { .text = line };

	st->long_part++;
	if (end <= st->f->cursor[quiet_stream(st)])
		return 0;
	if (st->f->format != FRAME_RAW)
		return reject(st, line, end, "part of a line that is too long", e);
	count(st, 1, line.n + last);
	return emit(st, &fr, line, end, (unsigned)st->long_part, last, e);
}

static int
lines(struct state *st, struct err *e)
{
	char *block = st->t->block, *lf;

	while ((lf = memchr(block + st->from, '\n', st->have - st->from)) != NULL) {
		struct str line = { block + st->from, (size_t)(lf - block) - st->from };
		uint64_t start = st->base + st->from, end = start + line.n + 1;
		int r = st->long_part > 0 ? piece(st, line, end, true, e)
					  : one_line(st, line, start, end, e);

		if (st->until)
			return 0;
		st->long_part = 0;
		st->from += line.n + 1;
		if (r < 0)
			return -1;
		if (end - st->last_mark >= TAIL_MARK_EVERY) {
			marks(st, MARK_WINDOW);
			st->last_mark = end;
		}
	}
	return 0;
}

/* n, or a little less, so as not to cut through a character. */
static size_t
whole_characters(const char *p, size_t n)
{
	size_t at = n;

	while (at > 0 && n - at < 3 && ((unsigned char)p[at] & 0xc0) == 0x80)
		at--;
	return ((unsigned char)p[at] & 0xc0) == 0x80 ? n : at;
}

/* Is the file still what it was?  Asked after each read, before the bytes are used. */
static bool
unchanged(const struct state *st, size_t got)
{
	const struct tail_file *f = st->f;
	char first[IDENTITY_FIRST];
	struct stat sb;

	if (f->packed || !f->positions)
		return true; /* never rewritten in place */
	return fstat(f->fd, &sb) == 0 &&
	       (uint64_t)sb.st_size >= st->base + st->have + got &&
	       pread_full(f->fd, first, f->id->line_n, f->id->hole) ==
		   (ssize_t)f->id->line_n &&
	       memcmp(first, f->id->first, f->id->line_n) == 0;
}

/* Room for another read: move what is left to the front, with the window before it. */
static int
make_room(struct state *st, struct err *e)
{
	struct tail *t = st->t;
	size_t keep = st->from < IDENTITY_WINDOW ? 0 : st->from - IDENTITY_WINDOW;
	char *p;

	memmove(t->block, t->block + keep, st->have - keep);
	st->base += keep;
	st->from -= keep;
	st->have -= keep;
	if (t->block_cap - st->have >= BLOCK)
		return 0;
	if ((p = realloc(t->block, 2 * t->block_cap + SLACK)) == NULL)
		return err_set(e, ST_FAIL, "%s: out of memory", st->f->name);
	t->block = p;
	t->block_cap *= 2;
	return 0;
}

/* What there is of a line, though it has no end. */
static int
flush_line(struct state *st, struct err *e)
{
	struct str rest = { st->t->block + st->from, st->have - st->from };
	uint64_t start = st->base + st->from, end = start + rest.n;
	int r = 0;

	if (rest.n > 0)
		r = st->long_part > 0 ? piece(st, rest, end, true, e)
				      : one_line(st, rest, start, end, e);
	if (!st->until)
		st->from = st->have;
	return r;
}

/* Go on behind a hole, as if it had been read: NULs are before what comes then. */
static int
jump(struct state *st, uint64_t to, struct err *e)
{
	while (st->have > st->from && st->t->block[st->have - 1] == '\0')
		st->have--; /* the hole's, read with what is before it */
	if (flush_line(st, e) < 0)
		return -1;
	if (st->until)
		return 0;
	st->f->holes += to - (st->base + st->have);
	memset(st->t->block, 0, IDENTITY_WINDOW);
	st->base = to - IDENTITY_WINDOW;
	st->from = st->have = IDENTITY_WINDOW;
	st->long_part = 0;
	return reader_seek(st->f->reader, to, st->f->name, e) < 0 ? -1 : 1;
}

/* Is a large hole next (a writer went on at its offset in a file that was cut)?  1: it is
 * passed over, and ends a line; 0: nothing is behind it yet; -1; 2: there is none. */
static int
hole(struct state *st, struct err *e)
{
	uint64_t at = st->base + st->have, to = reader_past_hole(st->f->reader, at);
	int found;

	if (to - at < HOLE_LEAST)
		return 2;
	if ((found = identity_past_nuls(st->f->reader, &to, st->f->name, e)) < 0 ||
	    !unchanged(st, 0)) {
		st->unreadable = found < 0;
		st->t->n.changed += found >= 0;
		st->stop = true;
		return 0;
	}
	if (found == 0 || to >= st->f->limit) {
		if (!st->f->final)
			return 0;
		to = st->f->limit;
	}
	return jump(st, to, e);
}

/* 1: more bytes are there; 0: no more; -1. */
static int
more(struct state *st, struct err *e)
{
	size_t want = BLOCK;
	uint64_t at = st->base + st->have;
	ssize_t n;
	int r;

	if (make_room(st, e) < 0)
		return -1;
	if (st->t->tick != NULL)
		st->t->tick(st->t->tick_arg);
	if (st->t->stop != NULL && *st->t->stop != 0) {
		st->stop = true;
		return 0;
	}
	if (!st->f->packed && st->f->positions) {
		if (at >= st->f->limit)
			return 0;
		if ((r = hole(st, e)) < 2)
			return r;
		want = st->f->limit - at < want ? (size_t)(st->f->limit - at) : want;
	}
	if ((n = reader_read(
		 st->f->reader, st->t->block + st->have, want, st->f->name, e)) < 0) {
		st->unreadable = st->stop = true;
		return 0;
	}
	if (!unchanged(st, (size_t)n)) {
		st->stop = true;
		st->t->n.changed++;
		return 0;
	}
	st->have += (size_t)n;
	return n > 0;
}

/* No more will come: what was held back goes out as it is. */
static int
flush_final(struct state *st, struct err *e)
{
	uint64_t end = st->base + st->have;

	if (flush_line(st, e) < 0)
		return -1;
	if (st->until)
		st->f->final = false;
	for (unsigned s = 0; s < st->streams; s++)
		if (has_parts(&st->s[s]) && emit_parts(st, s, end, true, e) < 0)
			return -1;
	return 0;
}

/* The data end in damage: split lines go out as far as they came, and what there is of a
 * last line with the record that tells it. */
static int
flush_damaged(struct state *st, struct err *e)
{
	struct str rest = { st->t->block + st->from, st->have - st->from };
	uint64_t start = st->base + st->from;
	char why[320];

	for (unsigned s = 0; s < st->streams; s++)
		if (has_parts(&st->s[s]) && emit_parts(st, s, start, true, e) < 0)
			return -1;
	st->from = st->have;
	snprintf(why, sizeof why, "%s; the rest is lost", reader_why(st->f->reader));
	return reject(st, rest, start + rest.n, why, e);
}

static int
read_all(struct state *st, struct err *e)
{
	size_t longest = st->t->max_line + TAIL_LINE_EXTRA;
	int r;

	while ((r = more(st, e)) > 0) {
		if (lines(st, e) < 0)
			return -1;
		if (st->until)
			break;
		if (st->have - st->from > longest) {
			const char *p = st->t->block + st->from;
			struct str line = { p, whole_characters(p, st->t->max_line) };

			if (piece(st, line, st->base + st->from + line.n, false, e) < 0)
				return -1;
			st->from += line.n;
		}
	}
	if (r < 0)
		return -1;
	if (st->stop || reader_cut(st->f->reader) || reader_too_much(st->f->reader))
		st->f->final = false;
	if (reader_too_much(st->f->reader)) /* there is at least one more */
		st->f->limit = reader_offset(st->f->reader) + 1;
	if (reader_corrupt(st->f->reader))
		return flush_damaged(st, e);
	return st->f->final ? flush_final(st, e) : 0;
}

/* Is nothing but NULs before what is to be read? */
static bool
after_hole(const struct state *st)
{
	static const char nuls[IDENTITY_WINDOW];

	return st->from == sizeof nuls && memcmp(st->t->block, nuls, sizeof nuls) == 0;
}

/* Place the reader a window before the lower cursor. */
static int
begin(struct state *st, struct err *e)
{
	const struct identity *id = st->f->id;
	uint64_t at = st->f->cursor[0];
	size_t want;
	ssize_t n;

	if (st->streams > 1 && st->f->cursor[1] < at)
		at = st->f->cursor[1];
	want = at < IDENTITY_WINDOW ? (size_t)at : IDENTITY_WINDOW;
	st->base = at - want;
	if (id->window_n == want && id->window_at == at &&
	    reader_offset(st->f->reader) == at) {
		memcpy(st->t->block, id->window, want);
		st->have = want;
	} else if (at == id->hole && at > 0) {
		memset(st->t->block, 0, want);
		st->have = want;
		if (reader_seek(st->f->reader, at, st->f->name, e) < 0)
			return -1;
	} else if (reader_seek(st->f->reader, st->base, st->f->name, e) < 0) {
		return -1;
	}
	while (st->have < want) {
		n = reader_read(st->f->reader, st->t->block + st->have, want - st->have,
		    st->f->name, e);
		if (n == 0)
			err_set(e, ST_FAIL, "%s: shorter than its cursor", st->f->name);
		if (n <= 0)
			return -1;
		st->have += (size_t)n;
	}
	st->from = st->have;
	st->last_mark = st->base + st->from;
	/* in the middle of a line: its beginning went out as a piece */
	st->long_part =
	    at > id->hole && st->t->block[st->from - 1] != '\n' && !after_hole(st);
	return 0;
}

static void
held(struct state *st)
{
	for (unsigned s = 0; s < st->streams; s++)
		if (st->s[s].open) {
			st->t->n.held += st->s[s].part_lines;
			st->s[s].part_lines = 0;
		}
	st->t->n.held += !st->until && st->have > st->from;
}

int
tail_read(struct tail *t, struct tail_file *f, struct err *e)
{
	struct state st = { .t = t, .f = f, .streams = f->format == FRAME_RAW ? 1 : 2 };
	int r = -1;

	if (make_heads(&st, e) < 0)
		goto out;
	if (begin(&st, e) < 0) {
		r = 1;
		goto out;
	}
	for (unsigned s = 0; s < st.streams; s++)
		mark(&st, s, f->cursor[s], MARK_OPEN, 0, 0);
	if (read_all(&st, e) < 0)
		goto out;
	held(&st);
	marks(&st, MARK_CLOSE);
	if (st.unreadable)
		r = 1;
	else
		r = ndjson_end(t->out, e);
out:
	free(st.s[0].head);
	free(st.s[1].head);
	return r;
}
