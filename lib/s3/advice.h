/* advice.h - what to do about an error of this room, in plain words. */
#ifndef ADVICE_H
#define ADVICE_H

/* `text` is that of a struct err.  NULL: it says all there is to say. */
const char *advice_on(const char *text);

#endif
