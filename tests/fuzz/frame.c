/* frame: one physical line; what is taken out of it lies in it and can stand in a record.
 */
#include "source/frame.h"
#include "fuzz.h"

static bool
inside(struct str part, struct str line)
{
	return part.n == 0 || (part.p >= line.p && part.p + part.n <= line.p + line.n);
}

static bool
json_text(struct str s)
{
	struct str quoted = exact(s.p, s.n + 1); /* what follows a text is a quote */
	bool good;

	((char *)(uintptr_t)quoted.p)[s.n] = '"';
	good = jscan_string_valid(quoted.p, quoted.p + quoted.n) == quoted.p + s.n;
	exact_free(quoted);
	return good;
}

static void
check(struct str line, const struct frame *f)
{
	must(inside(f->time, line) && inside(f->text, line) && inside(f->attrs, line),
	    "a slice lies outside");
	must(f->stream <= 1 && f->time.n >= 20 && f->time.n <= 40, "stream, time");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = exact(data, size);
	struct frame f = { .time = { NULL, 0 } };

	if (frame_cri(line, &f)) {
		check(line, &f);
		must(json_text((struct str){ f.time.p, f.time.n }), "CRI time");
		must(
		    f.attrs.n == 0 && f.text.p + f.text.n == line.p + line.n, "CRI text");
		must(frame_guess(line, true) == FRAME_CRI, "CRI, not guessed");
	}
	if (frame_docker(line, &f)) {
		must(jscan_valid(line, NULL), "Docker, but not JSON: %.*s", SHOW(line));
		check(line, &f);
		must(json_text(f.text) && json_text(f.time), "Docker text, time");
		must(f.attrs.n == 0 || jscan_valid(f.attrs, NULL), "attrs");
	}
	(void)frame_guess(line, false);
	(void)frame_guess(line, true);
	exact_free(line);
	return 0;
}
