/* tail: a whole log file.  Each line that comes out is valid, positions never go back,
 * all lines are counted, and a file read in two sweeps gives what one sweep gives. */
#include "source/tail.h"
#include "base/err.h"
#include "fuzz.h"
#include "record/record.h"
#include "source/decompress.h"

struct pass {
	int fd; /* of the file */
	struct reader *reader;
	struct identity id;
	struct tail tail;
	struct tail_file file;
	struct ndjson_out out;
	struct str text; /* what came out */
};

static const uint64_t max_lines[] = { 64, 1000, 20000, 1 << 20 };

static bool
pass_begin(struct pass *p, struct str content, bool gzip, uint64_t max_line, bool final)
{
	struct err e;
	struct str first;

	*p = (struct pass){ .fd = memory_file(content.p, content.n) };
	must((p->reader = reader_new(p->fd, gzip, &e)) != NULL, "%s", e.text);
	must(ndjson_out_init(&p->out, memory_file("", 0), "out", &e) == 0 &&
		 tail_init(&p->tail, &p->out, max_line, &e) == 0,
	    "%s", e.text);
	if (identity_read(p->reader, final, &p->id, "file", &e) <= 0 || p->id.unfinished)
		return false;
	snprintf(p->id.id, sizeof p->id.id, "%s", p->id.hash);
	first = (struct str){ p->id.first, p->id.line_n };
	if (first.p[first.n - 1] == '\n')
		first.n--;
	p->file = (struct tail_file){ .name = "file",
		.reader = p->reader,
		.fd = p->fd,
		.packed = gzip,
		.id = &p->id,
		.format = frame_guess(first, first.n < p->id.line_n),
		.src_file = STR("/var/log/a.log"),
		.dir = STR("/var/log"),
		.stat = "1:2:3:4",
		.gen = 7,
		.limit = content.n,
		.live = !final,
		.final = final,
		.positions = true };
	return true;
}

static void
pass_read(struct pass *p)
{
	struct err e;

	must(tail_read(&p->tail, &p->file, &e) >= 0 && ndjson_flush(&p->out, &e) == 0,
	    "%s", e.text);
	p->text = file_bytes(p->out.fd);
	must_be_ndjson(p->text);
}

static void
pass_end(struct pass *p)
{
	close(p->fd);
	close(p->out.fd);
	reader_free(p->reader);
	tail_done(&p->tail);
	ndjson_out_done(&p->out);
	free((void *)(uintptr_t)p->text.p);
}

/* Positions rise within each id; the records of each stream are added to `records`. */
static void
check_ends(const struct pass *p, struct buf records[2])
{
	struct record_reader rr;
	struct record r;
	struct str rest = p->text, line;
	uint64_t at[2] = { 0, 0 };

	record_reader_init(&rr);
	while (next_line(&rest, &line)) {
		must(record_read(&rr, line, &r) && r.has_src, "not a record: %.*s",
		    SHOW(line));
		unsigned s = str_ends(r.src.id, STR("/e"));

		must(r.src.end >= at[s], "%llu after %llu: %.*s",
		    (unsigned long long)r.src.end, (unsigned long long)at[s], SHOW(line));
		at[s] = r.src.end;
		if (!r.mark) {
			buf_addstr(&records[s], line);
			buf_addc(&records[s], '\n');
		}
	}
	record_reader_done(&rr);
}

static bool
has(const struct buf *b, const char *what)
{
	return b->n > 0 && memmem(b->p, b->n, what, strlen(what)) != NULL;
}

/* Lines that are too long come in pieces, which depend on where a sweep began. */
static bool
in_pieces(const struct buf b[2])
{
	static const char part[] = ",\"_part\":{\"n\":";

	return has(&b[0], part) || has(&b[1], part) ||
	       has(&b[0], "line that is too long") || has(&b[1], "line that is too long");
}

static uint64_t
lines_of(struct str s)
{
	struct str line;
	uint64_t n = 0;

	while (next_line(&s, &line))
		n++;
	return n;
}

static void
same(const struct buf a[2], const struct buf b[2])
{
	for (int s = 0; s < 2; s++)
		must(a[s].n == b[s].n &&
			 (a[s].n == 0 || memcmp(a[s].p, b[s].p, a[s].n) == 0),
		    "stream %d: in one sweep\n%.*sin two\n%.*s", s, SHOW(a[s]),
		    SHOW(b[s]));
}

/* First `n` bytes while the file is live, then the rest. */
static void
in_two(struct str content, size_t n, uint64_t max_line, struct buf records[2])
{
	struct pass p;
	uint64_t cursor[2] = { 0, 0 };

	if (pass_begin(&p, (struct str){ content.p, n }, false, max_line, false)) {
		pass_read(&p);
		check_ends(&p, records);
		memcpy(cursor, p.file.cursor, sizeof cursor);
	}
	pass_end(&p);
	if (pass_begin(&p, content, false, max_line, true)) {
		memcpy(p.file.cursor, cursor, sizeof cursor);
		pass_read(&p);
		check_ends(&p, records);
	}
	pass_end(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned opt = options(&data, &size), cut = options(&data, &size);
	bool gzip = opt & 4;
	uint64_t max_line = max_lines[opt & 3];
	struct buf one[2], two[2];
	struct pass p;
	size_t n;
	char *bytes = gzip ? c_string(data, n = size) : expanded(data, size, 5000, &n);
	struct str content = { bytes, n };

	for (int s = 0; s < 2; s++) {
		buf_init(&one[s], SIZE_MAX / 4);
		buf_init(&two[s], SIZE_MAX / 4);
	}
	if (pass_begin(&p, content, gzip, max_line, true)) {
		pass_read(&p);
		check_ends(&p, one);
		must(p.tail.n.lines ==
			 p.tail.n.records + p.tail.n.rejected + p.tail.n.joined,
		    "counts");
		must(p.tail.n.held == 0 || gzip, "held back");
		if (!gzip && !in_pieces(one)) {
			must(p.tail.n.lines == lines_of(content), "%llu lines, not %llu",
			    (unsigned long long)p.tail.n.lines,
			    (unsigned long long)lines_of(content));
			in_two(content, n * cut / 256, max_line, two);
			if (!in_pieces(two))
				same(one, two);
		}
	}
	pass_end(&p);
	for (int s = 0; s < 2; s++) {
		buf_done(&one[s]);
		buf_done(&two[s]);
	}
	free(bytes);
	return 0;
}
