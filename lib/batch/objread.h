/* objread.h - an object read back: is it one gzip member of whole JSON lines, and what of?
 *
 * The file is read once, in order: its bytes are hashed, the member (RFC 1952) is unpacked by
 * zlib, which checks CRC and length, every line is looked at byte by byte, and times are noted.
 * What is wrong is said in words and is no error; an error is a file that cannot be read.
 */
#ifndef OBJREAD_H
#define OBJREAD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
	/* the longest line: one of 16 MiB that was wrapped, all of it escaped */
	OBJREAD_LINE_MAX = 128 << 20,
	OBJREAD_WHY_MAX = 200,
};

struct objread {
	uint64_t bytes, raw_bytes, records, untimed;
	uint64_t gaps; /* of `records`: tell a gap */
	char sha256[65];
	int64_t first_ns, last_ns; /* least and greatest, if `timed` */
	bool timed;
	bool sorted; /* no record is older than the one before it */
	char
	    why[OBJREAD_WHY_MAX]; /* the first thing that is wrong with it; "": nothing */
};

/* Called with each piece of the content as it comes (not cut at lines), or with each whole
 * line without its LF.  Either may be NULL.  -1 ends the reading with `e`. */
struct objread_sink {
	int (*piece)(void *arg, const char *p, size_t n, struct err *e);
	int (*line)(void *arg, const char *p, size_t n, struct err *e);
	void *arg;
};

/* Read the file behind `fd` from where it stands; `name` is for messages.  `sink` may be
 * NULL. */
int objread(int fd, const char *name, const struct objread_sink *sink, struct objread *o,
    struct err *e);

/* Does the file begin as gzip does?  false of a pipe. */
bool objread_is(int fd);

#endif
