/* timesteps.h - strptime formats, compiled.
 *
 * What a conversion reads is in timeformat.h and logsweep-parsers(5).  A run remembers the
 * text up to the seconds and what it said: a line of the same minute is read from there.
 */
#ifndef TIMESTEPS_H
#define TIMESTEPS_H
#include "parse/timefields.h"

enum {
	TIMESTEPS_HEAD_MAX = 48, /* longest text up to the seconds that is remembered */
};

enum timestep_op {
	OP_CHAR,
	OP_BLANKS,
	OP_YEAR, /* c: most digits */
	OP_YEAR2,
	OP_CENTURY,
	OP_MONTH,
	OP_DAY,
	OP_YEARDAY,
	OP_HOUR,
	OP_HOUR12,
	OP_MINUTE,
	OP_SECOND,
	OP_FRACTION, /* c: separator, 0 for none */
	OP_EPOCH,
	OP_MONTH_NAME,
	OP_WEEKDAY,
	OP_AMPM,
	OP_ZONE,
	OP_ZONE_NAME,
	OP_UTC,      /* reads nothing: a Z, UTC or GMT of the format was there */
	OP_IGNORED,  /* a number; c: most digits */
	OP_SEVERITY, /* klog's letter, or nothing */
};

struct timesteps {
	struct step {
		uint8_t op, c; /* c: the character, separator, or longest number */
	} step[TIMEFORMAT_STEPS_MAX];
	size_t n;
	unsigned has;   /* what its conversions fill */
	bool exact;     /* years must have four digits */
	size_t seconds; /* the step that reads them; 0: none, or it is the first */

	size_t head_n; /* 0: nothing is remembered */
	char head[TIMESTEPS_HEAD_MAX];
	struct timefields head_fields;
};

static inline bool
timesteps_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* 0, or -1: the format is wrong at the byte that the message names.  `exact`: years have
 * four digits. */
int timesteps_compile(struct timesteps *t, struct str format, bool exact, struct err *e);

/* true: `f` and *used; false: *why was expected at *used.  `o`: whose zone names
 * are known; with a zone others may be meant than those that everybody knows, and
 * timefields_time() finds out. */
bool timesteps_run(struct timesteps *t, struct str text, bool strict,
    const struct timeformat_options *o, struct timefields *f, size_t *used,
    const char **why);

#endif
