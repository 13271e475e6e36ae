/* conf: configuration files, both forms, and the parsers that they define, which then meet a
 * message; nothing may go wrong, and what is refused is told with a line. */
#include "parse/conf.h"
#include "base/err.h"
#include "fuzz.h"
#include "parse/conf_read.h"
#include "parse/define.h"
#include "parse/parser.h"

static const char message[] = "{\"a\":\"b\"} c=1 [d] 2026-11-22T13:00:00Z \\\"";

static void
meet(struct parser *p, bool empty)
{
	static struct parsed got;
	char raw[256], place[512];
	struct buf scratch;
	size_t n = empty ? 0 : strlen(message);
	struct message m = { .raw = raw, .place = place, .scratch = &scratch };

	memcpy(raw, message, n);
	memset(raw + n, '"', 128);
	m.limit = raw + n + 1;
	buf_init(&scratch, 4096);
	if (parser_first(&p, 1, &m, &got) == PARSER_FITS)
		must(got.fields <= PARSED_FIELDS_MAX && got.by == p, "what was found");
	buf_done(&scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned opt = options(&data, &size);
	char path[] = "/dev/shm/fuzz-conf-XXXXXX.yaml", *dot = strrchr(path, '.');
	struct definitions d;
	struct parser *p;
	struct err e;
	int fd = mkstemps(path, 5);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size, "%s", path);
	close(fd);
	if ((opt & 1) != 0) {
		char was[sizeof path];

		strcpy(was, path);
		*dot = '\0';
		must(rename(was, path) == 0, "%s", path);
	}
	definitions_init(&d);
	e.text[0] = '\0';
	if (definitions_read(&d, path, &e) < 0)
		must(e.status == ST_USAGE && e.text[0] != '\0', "a reason");
	else
		for (size_t i = 0; i < d.n && i < 8; i++) {
			if ((p = define_open(&d.item[i], &d.times, &e)) == NULL) {
				must(strstr(e.text, path) != NULL, "where: %s", e.text);
				continue;
			}
			meet(p, false);
			meet(p, true);
			parser_close(p);
		}
	definitions_done(&d);
	unlink(path);
	return 0;
}
