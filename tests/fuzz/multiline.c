/* multiline: records and marks of a few sources, with rules of all sorts.
 *
 * An input is an options byte, then lines: "@" and what follows is a rule of a file; "!" a mark,
 * "!f" a final one, "!c" a closing one; "{" a record as it stands; else its first letter says
 * which source the line is of (or none) and the rest is the message.
 *
 * What must hold: within an id `end` never goes back in what is written; an id's lines come
 * out in order and once, or are held at the end, together; nothing that is held is behind a
 * mark that was written; what is written is as valid as what came. */
#include "parse/multiline.h"
#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "parse/conf.h"
#include "record/jsonw.h"
#include "record/ndjson.h"

enum { SOURCES = 4, LINES = 4096, CUT = 1, WAIT = 2, ALL = 4, QUIET = 8 };

static struct seen {
	uint64_t end[LINES]; /* of the lines that came */
	size_t came, written;
	uint64_t said; /* the largest end written */
} seen[SOURCES];
static bool
    exact_lines; /* no records as they stand, and lines are joined by line feeds */
static struct multiline m;
static struct record_reader reader;
static struct ndjson_out out;
static uint64_t held;
static int64_t clock_ns;

static int64_t
fake_clock(void)
{
	return clock_ns += 1000000;
}

static void
emit(void *arg, const struct record *r, unsigned lines)
{
	(void)arg;
	must(lines > 0 && lines <= held, "%u lines of %llu", lines,
	    (unsigned long long)held);
	held -= lines;
	record_pass(&out, r);
}

/* How many lines are in a record? */
static size_t
lines_of(const struct record *r)
{
	char *plain = malloc(r->line.n + 64);
	struct str raw = { r->log_at, (size_t)(record_log_end(r) - r->log_at) };
	ptrdiff_t n = jscan_unescape(raw, plain);
	size_t lines = 1;

	must(n >= 0, "the message");
	for (ptrdiff_t i = 0; i < n; i++)
		lines += plain[i] == '\n';
	if (memmem(r->line.p, r->line.n, "\"last\":false}}", 14) != NULL)
		lines--; /* the line feed at its end */
	free(plain);
	return lines;
}

static void
check_one(struct seen *s, const struct record *r)
{
	must(r->src.end >= s->said, "%llu after %llu: %.*s",
	    (unsigned long long)r->src.end, (unsigned long long)s->said, SHOW(r->line));
	s->said = r->src.end;
	if (!exact_lines)
		return;
	if (!r->mark) {
		s->written += lines_of(r);
		must(s->written <= s->came && s->end[s->written - 1] == r->src.end,
		    "lines and end: %.*s", SHOW(r->line));
	} else {
		must(s->written == s->came || s->end[s->written] > r->src.end,
		    "a mark behind what is held: %.*s", SHOW(r->line));
	}
}

/* Look at what was written. */
static void
check_out(void)
{
	struct str all = { out.buf, out.n }, line;
	struct record_reader rr;
	struct record r;

	record_reader_init(&rr);
	while (next_line(&all, &line)) {
		char *copy = c_string(line.p, line.n);
		bool is = record_read(&rr, (struct str){ copy, line.n }, &r);

		must(is || !jscan_shape(line, NULL), "no record: %.*s", SHOW(line));
		if (is && r.has_src && r.src.id.n == 1 && *r.src.id.p >= 'a' &&
		    *r.src.id.p < 'a' + SOURCES)
			check_one(&seen[*r.src.id.p - 'a'], &r);
		free(copy);
	}
	out.n = 0;
	record_reader_done(&rr);
}

static void
give(struct str line)
{
	char *copy = malloc(line.n + 64);
	struct record r;

	memcpy(copy, line.p, line.n);
	memset(copy + line.n, '"', 64);
	if (record_read(&reader, (struct str){ copy, line.n }, &r)) {
		if (r.mark)
			multiline_mark(&m, &r);
		else if (held++, multiline_record(&m, &r) == MULTILINE_PASS) {
			held--;
			record_pass(&out, &r);
		}
	}
	free(copy);
	check_out();
}

static uint64_t
end_of(const struct seen *s)
{
	return s->came > 0 ? s->end[s->came - 1] : 0;
}

static void
give_message(struct str text)
{
	unsigned which = text.n > 0 ? (unsigned char)*text.p % (SOURCES + 1) : SOURCES;
	struct seen *s = &seen[which < SOURCES ? which : 0];
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_adds(&b, "{");
	if (which < SOURCES) {
		if (s->came == LINES) {
			buf_done(&b);
			return;
		}
		s->end[s->came] = end_of(s) + 1 + text.n;
		s->came++;
		buf_printf(&b,
		    "\"_src\":{\"file\":\"/%c\",\"id\":\"%c\",\"gen\":1,\"end\":%llu},",
		    'a' + (int)which, 'a' + (int)which, (unsigned long long)end_of(s));
	}
	buf_adds(&b, "\"time\":\"2026-11-22T13:00:00Z\",\"stream\":\"stdout\",\"log\":");
	jsonw_string(&b, text.n > 0 ? text.p + 1 : "", text.n > 0 ? text.n - 1 : 0);
	buf_adds(&b, "}");
	give((struct str){ b.p, b.n });
	buf_done(&b);
}

static void
give_mark(struct str text)
{
	unsigned which = text.n > 0 ? (unsigned char)text.p[text.n - 1] % SOURCES : 0;
	bool final = memchr(text.p, 'f', text.n) != NULL;
	struct seen *s = &seen[which];
	struct buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "{\"_src\":{\"file\":\"/%c\",\"id\":\"%c\",\"gen\":1,\"end\":%llu",
	    'a' + (int)which, 'a' + (int)which, (unsigned long long)end_of(s));
	if (final || memchr(text.p, 'c', text.n) != NULL)
		buf_printf(&b, ",\"stat\":\"1\"%s", final ? ",\"final\":true" : "");
	buf_adds(&b, "}}");
	give((struct str){ b.p, b.n });
	must(!final || s->said == end_of(s), "final, but %llu",
	    (unsigned long long)s->said);
	buf_done(&b);
}

/* The rules of the input as a file. */
static bool
read_rules(const uint8_t *data, size_t size, struct conf *c)
{
	struct str rest = { (const char *)data, size }, line;
	struct buf b;
	struct err e;
	char path[40];
	int fd;
	bool is;

	buf_init(&b, 1 << 20);
	buf_adds(&b, "[MULTILINE_PARSER]\n name fuzz\n");
	while (next_line(&rest, &line))
		if (line.n > 0 && *line.p == '@' && memchr(line.p, '$', line.n) == NULL) {
			buf_addc(&b, ' ');
			buf_add(&b, line.p + 1, line.n - 1);
			buf_addc(&b, '\n');
		}
	fd = memory_file(b.p, b.n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	conf_init(c);
	is = conf_read(c, path, &e) == 0;
	close(fd);
	buf_done(&b);
	return is;
}

static void
run(const uint8_t *data, size_t size, unsigned opt)
{
	struct str rest = { (const char *)data, size }, line;

	while (next_line(&rest, &line)) {
		if (line.n > 0 && *line.p == '@')
			continue;
		if (line.n > 0 && *line.p == '!')
			give_mark((struct str){ line.p + 1, line.n - 1 });
		else if (line.n > 0 && *line.p == '{')
			give(line);
		else
			give_message(line);
		if (opt & WAIT) {
			multiline_idle(&m, opt & QUIET);
			check_out();
		}
	}
	multiline_finish(&m);
	check_out();
	must(m.open == 0 && m.oldest == NULL && m.memory == 0, "%zu open, %zu bytes",
	    m.open, m.memory);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "java", "python", "go", "ruby", "js", "php",
		"csharp", "dart" };
	unsigned opt = options(&data, &size);
	struct conf c;
	struct err e;

	memset(seen, 0, sizeof seen);
	held = 0;
	clock_ns = 1795352400000000000;
	record_reader_init(&reader);
	must(ndjson_out_init(&out, -1, "out", &e) == 0, "%s", e.text);
	multiline_init(&m);
	m.out = &out;
	m.from = opt & 128 ? NULL : &reader;
	m.emit = emit;
	m.now = m.steady = fake_clock;
	if (opt & CUT) {
		m.lines_max = 2;
		m.bytes_max = 300;
	}
	exact_lines =
	    memchr(data, '{', size) == NULL && memmem(data, size, "key_", 4) == NULL;
	m.wait_ns = opt & WAIT ? 5000000 : 0;
	if (!read_rules(data, size, &c) || multiline_use(&m, "fuzz", &c, &e) < 0)
		must(multiline_use(&m, names[opt >> 4 & 7], NULL, &e) == 0, "%s", e.text);
	if (opt & ALL)
		must(multiline_use(
			 &m, "java,python,go,ruby,js,php,csharp,dart", NULL, &e) == 0,
		    "%s", e.text);
	run(data, size, opt);
	multiline_done(&m);
	conf_done(&c);
	record_reader_done(&reader);
	ndjson_out_done(&out);
	return 0;
}
