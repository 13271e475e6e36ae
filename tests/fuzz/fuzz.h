/* fuzz.h - what the fuzz targets share.
 *
 * Each target is a file NAME.c with LLVMFuzzerTestOneInput and its seeds in corpus/NAME.
 * What must hold is said with must(); it ends the program where it does not.
 */
#ifndef FUZZ_H
#define FUZZ_H
#include "base/str.h"
#include "record/jscan.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(cond, ...)                                                                  \
	do {                                                                             \
		if (!(cond)) {                                                           \
			fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond);       \
			fprintf(stderr, __VA_ARGS__);                                    \
			fputc('\n', stderr);                                             \
			abort();                                                         \
		}                                                                        \
	} while (0)

#define SHOW(s) (int)(s).n, (s).p

/* A copy that ends where its memory does and begins at an odd place.  exact_free() it. */
static inline struct str
exact(const void *p, size_t n)
{
	char *to = malloc(n + 1);

	must(to != NULL, "out of memory");
	if (n > 0)
		memcpy(to + 1, p, n);
	return (struct str){ to + 1, n };
}

static inline void
exact_free(struct str s)
{
	free((void *)(uintptr_t)(s.p - 1));
}

/* A copy with a NUL behind it (bytes from a NUL on are not seen).  free() it. */
static inline char *
c_string(const void *p, size_t n)
{
	char *to = malloc(n + 1);

	must(to != NULL, "out of memory");
	if (n > 0)
		memcpy(to, p, n);
	to[n] = '\0';
	return to;
}

/* The first byte of an input as options, taken off it. */
static inline unsigned
options(const uint8_t **data, size_t *size)
{
	if (*size == 0)
		return 0;
	++*data;
	--*size;
	return (*data)[-1];
}

/* Each byte 0xfe, which UTF-8 has not got, stands for `times` letters: long lines out of
 * short inputs.  free() it. */
static inline char *
expanded(const uint8_t *data, size_t size, size_t times, size_t *n)
{
	size_t room = 1;
	char *to, *at;

	for (size_t i = 0; i < size; i++)
		room += data[i] == 0xfe ? times : 1;
	must((to = at = malloc(room)) != NULL, "out of memory");
	for (size_t i = 0; i < size; i++) {
		if (data[i] == 0xfe) {
			memset(at, 'x', times);
			at += times;
		} else {
			*at++ = (char)data[i];
		}
	}
	*n = (size_t)(at - to);
	return to;
}

/* The first line of *rest, which goes on behind it.  false: there is none. */
static inline bool
next_line(struct str *rest, struct str *line)
{
	const char *lf;

	if (rest->n == 0)
		return false;
	lf = memchr(rest->p, '\n', rest->n);
	*line = (struct str){ rest->p, lf != NULL ? (size_t)(lf - rest->p) : rest->n };
	rest->p += line->n + (lf != NULL);
	rest->n -= line->n + (lf != NULL);
	return true;
}

/* A file in memory that holds these bytes. */
static inline int
memory_file(const void *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, p, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0,
	    "memfd");
	return fd;
}

/* The whole of such a file; free() it. */
static inline struct str
file_bytes(int fd)
{
	off_t n = lseek(fd, 0, SEEK_END);
	char *p = malloc((size_t)n + 1);

	must(
	    n >= 0 && p != NULL && pread(fd, p, (size_t)n, 0) == (ssize_t)n, "read back");
	return (struct str){ p, (size_t)n };
}

/* What a program writes: whole lines, one valid object each. */
static inline void
must_be_ndjson(struct str all)
{
	struct str line;
	struct jscan_bad bad;

	must(all.n == 0 || all.p[all.n - 1] == '\n', "a line has no end");
	while (next_line(&all, &line)) {
		must(jscan_shape(line, NULL), "not an object: %.*s", SHOW(line));
		must(jscan_valid(line, &bad), "%s at %zu: %.*s", bad.why, bad.at,
		    SHOW(line));
	}
}

#endif
