/* decode: the same as parse.c, with parsers that decode fields and give them types and times. */
#define OTHER_PARSERS
#include "parse.c"

static const char text[] = "[PARSER]\n"
			   " Name d0\n Format json\n"
			   " Decode_Field_As json log\n"
			   " Decode_Field_As escaped a\n"
			   " Decode_Field_As escaped_utf8 b\n"
			   "[PARSER]\n"
			   " Name d1\n Format json\n Time_Key t\n Time_Format rfc3339\n"
			   " Decode_Field_As escaped log do_next\n"
			   " Decode_Field_As json log\n"
			   " Decode_Field json a\n"
			   "[PARSER]\n"
			   " Name d2\n Format json\n"
			   " Decode_Field_As escaped_utf8 a try_next\n"
			   " Decode_Field_As json a\n"
			   " Decode_Field escaped b\n"
			   "[PARSER]\n"
			   " Name d3\n Format logfmt\n Types n:integer f:float o:bool h:hex\n"
			   " Decode_Field json a\n"
			   " Decode_Field_As escaped_utf8 b\n"
			   "[PARSER]\n"
			   " Name d4\n Format regex\n"
			   " Regex ^(?<time>[^ ]+) (?<a>[^ ]*) (?<log>.*)$\n"
			   " Time_Key time\n Time_Format %Y-%m-%dT%H:%M:%S.%L\n Time_Keep on\n"
			   " Types a:integer\n Decode_Field_As escaped log try_next\n"
			   " Decode_Field json log\n";

static void
open_all(void)
{
	char path[] = "/dev/shm/fuzz-decode-XXXXXX";
	struct err e;
	int fd;

	if (parsers > 0)
		return;
	fd = mkstemp(path);
	must(fd >= 0 && write(fd, text, sizeof text - 1) > 0, "%s", path);
	close(fd);
	definitions_init(&defs);
	must(definitions_read(&defs, path, &e) == 0, "%s", e.text);
	unlink(path);
	for (size_t i = 0; i < defs.n; i++)
		open_one(defs.item[i].name);
}
