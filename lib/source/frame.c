#include "source/frame.h"
#include "record/jscan.h"
#include "record/kernels.h"

static bool
time_like(struct str t)
{
	return t.n >= 20 && t.n <= FRAME_TIME_MAX && t.p[4] == '-' && t.p[7] == '-' &&
	       t.p[10] == 'T' && t.p[13] == ':' && t.p[16] == ':';
}

bool
frame_cri(struct str line, struct frame *f)
{
	const char *p = line.p, *end = p + line.n, *sp;

	if ((sp = memchr(
		 p, ' ', line.n <= FRAME_TIME_MAX ? line.n : FRAME_TIME_MAX + 1)) == NULL)
		return false;
	f->time = (struct str){ p, (size_t)(sp - p) };
	if (!time_like(f->time) || kern.special(p, sp) != sp)
		return false;
	p = sp + 1;
	if (end - p < 8 || memcmp(p, "std", 3) != 0)
		return false;
	if (memcmp(p + 3, "out ", 4) == 0)
		f->stream = 0;
	else if (memcmp(p + 3, "err ", 4) == 0)
		f->stream = 1;
	else
		return false;
	p += 7;
	f->partial = *p == 'P';
	if (*p != 'P' && *p != 'F')
		return false;
	p++;
	if (p < end && *p == ':' && (p = memchr(p, ' ', (size_t)(end - p))) == NULL)
		p = end;
	if (p < end && *p++ != ' ')
		return false;
	f->text = (struct str){ p, (size_t)(end - p) };
	f->attrs = (struct str){ NULL, 0 };
	return true;
}

/* Cut the escape \n off the end of raw JSON text; false if it is not there. */
static bool
cut_newline(struct str *text)
{
	size_t back = 0;

	if (text->n < 2 || text->p[text->n - 1] != 'n')
		return false;
	while (back < text->n - 1 && text->p[text->n - 2 - back] == '\\')
		back++;
	if (back % 2 == 0)
		return false;
	text->n -= 2;
	return true;
}

static bool
set_stream(struct str name, struct frame *f)
{
	f->stream = str_eq(name, STR("stderr"));
	return f->stream == 1 || str_eq(name, STR("stdout"));
}

static bool
inside(struct str value, struct str *text)
{
	if (value.n < 2 || *value.p != '"')
		return false;
	*text = (struct str){ value.p + 1, value.n - 2 };
	return true;
}

/* Members in any order, with anything else between them. */
static bool
docker_plain(struct str line, struct frame *f)
{
	struct jscan_member log, stream, time, attrs;
	struct str name;

	if (!jscan_valid(line, NULL) || !jscan_find(line, STR("log"), &log) ||
	    !jscan_find(line, STR("stream"), &stream) ||
	    !jscan_find(line, STR("time"), &time) || !inside(log.value, &f->text) ||
	    !inside(stream.value, &name) || !inside(time.value, &f->time) ||
	    !set_stream(name, f) || !time_like(f->time))
		return false;
	if (jscan_find(line, STR("attrs"), &attrs) && *attrs.value.p == '{')
		f->attrs = attrs.value;
	return true;
}

/* As moby writes it; the one form seen in practice. */
static bool
docker_known(struct str line, struct frame *f)
{
	static const struct str log = { "{\"log\":\"", 8 },
				stream = { ",\"stream\":\"std", 14 },
				time = { "\",\"time\":\"", 10 };
	const char *p = line.p, *end = p + line.n, *q;

	if (!str_starts(line, log) || (q = jscan_string_valid(p + log.n, end)) == NULL)
		return false;
	f->text = (struct str){ p + log.n, (size_t)(q - p - log.n) };
	p = q + 1;
	if ((size_t)(end - p) < stream.n + 3 + time.n + 22 ||
	    memcmp(p, stream.p, stream.n) != 0)
		return false;
	p += stream.n;
	f->stream = memcmp(p, "err", 3) == 0;
	if ((f->stream == 0 && memcmp(p, "out", 3) != 0) ||
	    memcmp(p + 3, time.p, time.n) != 0)
		return false;
	p += 3 + time.n;
	q = kern.special(p, end);
	f->time = (struct str){ p, (size_t)(q - p) };
	return end - q == 2 && q[0] == '"' && q[1] == '}' && time_like(f->time);
}

bool
frame_docker(struct str line, struct frame *f)
{
	f->attrs = (struct str){ NULL, 0 };
	if (!docker_known(line, f) && !docker_plain(line, f))
		return false;
	f->partial = !cut_newline(&f->text);
	return true;
}

enum frame_format
frame_guess(struct str line, bool whole)
{
	struct frame f;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (frame_cri(line, &f))
		return FRAME_CRI;
	if (whole ? frame_docker(line, &f) : str_starts(line, STR("{\"log\":\"")))
		return FRAME_DOCKER;
	return FRAME_RAW;
}
