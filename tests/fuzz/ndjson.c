/* ndjson: lines as the programs read them, in reads of any size, against the plainest way
 * to cut a text into lines. */
#include "record/ndjson.h"
#include "base/err.h"
#include "fuzz.h"

#include <fcntl.h>

/* Blank lines are skipped; a BOM at the start and one CR at the end are cut off. */
static bool
expect(struct str *rest, bool first, struct str *line)
{
	if (first && str_starts(*rest, STR("\xef\xbb\xbf")))
		*rest = (struct str){ rest->p + 3, rest->n - 3 };
	while (next_line(rest, line)) {
		if (line->n > 0 && line->p[line->n - 1] == '\r')
			line->n--;
		for (size_t i = 0; i < line->n; i++)
			if (memchr(" \t\r", line->p[i], 3) == NULL)
				return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n;
	char *bytes = expanded(data, size, 30000, &n);
	struct str rest = { bytes, n }, line, want;
	int fd = memory_file(bytes, n), got;
	struct ndjson_in in;
	struct err e;
	bool first = true;

	must(ndjson_in_init(&in, NULL, &e) == 0, "%s", e.text);
	ndjson_in_open(&in, fd, "in");
	while ((got = ndjson_next(&in, &line, &e)) > 0) {
		if (got == NDJSON_PIECE)
			break;
		must(expect(&rest, first, &want), "a line too many: %.*s", SHOW(line));
		must(str_eq(line, want), "%.*s, not %.*s", SHOW(line), SHOW(want));
		must(got == NDJSON_LINE || rest.n == 0, "torn");
		first = false;
	}
	must(got >= 0, "%s", e.text);
	must(got == NDJSON_PIECE || !expect(&rest, first, &want), "a line is missing");
	ndjson_in_done(&in);
	close(fd);
	free(bytes);
	return 0;
}
