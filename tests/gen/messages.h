/* messages.h - what the containers of a made-up node say, and how a runtime writes it.
 *
 * A message is made from a template, plain text in which %c stands for a field:
 *
 *     %s  the next number of this container: "seq"
 *     %t  now as 1599112512.123; %I 2026-11-22 10:00:00.123; %Z the same with T and Z;
 *         %N as nginx writes it, %G as Go's log package, %K as klog
 *     %d  0 to 999; %n 0 to 65535; %D up to 2^64-1; %f a decimal such as 1.10
 *     %x  16 hexadecimal digits; %u a UUID; %i an IPv4 address; %0 a NUL byte
 *     %o  up to three further members of a JSON object, each with its comma
 *     any other letter: one of the 16 entries of its list in messages.c
 *
 * What is said depends on the state of the voice and nothing else, so the same seed
 * gives the same bytes.  A message without %s has no number and takes none.
 * One voice belongs to one thread.
 */
#ifndef MESSAGES_H
#define MESSAGES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum kind { KIND_JSON, KIND_NGINX, KIND_PLAIN, KIND_TRACE, KINDS };

/* No text is longer: a long message has at most 64 KiB, a template far less. */
enum { TEXT_MAX = 96 * 1024 };

struct text {
	size_t len;
	char data[TEXT_MAX];
};

/* One container's voice.  The caller moves `now_ns`; the rest moves by itself. */
struct voice {
	uint64_t rng;   /* any value is a good seed */
	uint64_t seq;   /* the last number given; the first will be 1 */
	uint64_t odd;   /* how many odd messages, which come in turn */
	int64_t now_ns; /* since the epoch, what the message takes for now */
	int64_t tm_s;   /* the second that `tm` shows */
	struct tm tm;
};

/* The next random number (splitmix64), and one below `n` (1 to 2^32). */
uint64_t rng_next(uint64_t *rng);
uint64_t rng_below(uint64_t *rng, uint64_t n);

/* Each of these replaces `t` by one message without its line end.  A trace is said line
 * by line: say_template() with each template of the NULL-terminated list trace_pick(). */
void say_line(struct voice *v, enum kind kind, struct text *t);
void say_long(struct voice *v, struct text *t); /* PART to 4 PART, some just n PART */
void say_odd(struct voice *v, struct text *t);  /* empty, blank, NUL, bad UTF-8, ... */
void say_template(struct voice *v, const char *template, struct text *t);
const char *const *trace_pick(struct voice *v); /* at most TRACE_MAX lines */

enum { TRACE_MAX = 16 };

/* A time as runtimes write it: RFC 3339, nanoseconds without the zeros at their end. */
struct stamp {
	int zone_s; /* offset from UTC; 0 is written Z */
	int64_t s;  /* the second that `text` shows */
	size_t len;
	char text[40];
};

void stamp_set(struct stamp *st, int64_t t_ns);

/* Where containerd and Docker split a line, and the longest line they make of that. */
#define PART ((size_t)16384)
#define LINE_MAX_B (6 * PART + 256)

/* At most PART of a message, of which more is to come if not `last`. */
struct part {
	const char *data;
	size_t len;
	bool last;
};

/* Write one physical line with its LF at `o`, which has room for LINE_MAX_B, and return
 * its end: P or F of CRI, or Docker's object with Go's escapes, \n in the last only. */
typedef char *frame_fn(char *o, const struct stamp *st, bool err, struct part p);
frame_fn frame_cri, frame_docker;
#endif
