/* timenumber.h - times that are one number: since the epoch, and TAI64 labels. */
#ifndef TIMENUMBER_H
#define TIMENUMBER_H
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct time_reading;

enum time_unit { /* powers of ten to ns */
	TIME_NS = 0,
	TIME_US = 3,
	TIME_MS = 6,
	TIME_S = 9,
	TIME_BY_SIZE, /* below 1e11 s, below 1e14 ms, below 1e17 us, else ns */
};

/* -12.5, 1795352400123, 1.795352400123e9: the text, never a double; what is smaller than
 * one ns is cut off. */
bool timenumber_read(struct str s, enum time_unit unit, struct time_reading *out);

/* @ and 16 or 24 hexadecimal digits.  `leaps`: TAI, the leap seconds until then are taken
 * off, by a table that is right until TAI64_LEAPS_UNTIL at least; else 10 s are. */
bool timenumber_tai64(struct str s, bool leaps, struct time_reading *out);

/* 2027-06-28, when the list that the table was made from ends. */
#define TAI64_LEAPS_UNTIL INT64_C(1814140800)

#endif
