/* err.h - how a lib function says what went wrong.
 *
 * lib code never prints and never exits.  A function that can fail takes a `struct err *`
 * last, fills it once and returns -1 (or NULL); the program decides whether that is a
 * warning or the end.  `status` is the exit status the program should end with if it is.
 */
#ifndef ERR_H
#define ERR_H

enum status {
	ST_OK = 0,
	ST_FAIL = 1,    /* failed, nothing committed that was not done: run again */
	ST_USAGE = 2,   /* usage or configuration, before any output */
	ST_ASIDE = 3,   /* done, but something was set aside */
	ST_LATER = 75,  /* try later: lost race, spool full, endpoint away */
	ST_NOPERM = 77, /* no permission, no credentials */
};

struct err {
	int status;
	char text[512]; /* "subject: reason", lower case, no full stop; may hold
	                * bytes from outside, which diag.h makes visible */
};

/* Fill `e` and return -1, so that a caller can write `return err_set(...)`. */
int err_set(struct err *e, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same from errno: "<subject>: <strerror(errno)>"; ST_NOPERM for EACCES and EPERM,
 * else ST_FAIL. */
int err_sys(struct err *e, const char *subject);

/* The larger of two exit statuses in the order that a pipe should report them: anything
 * beats ST_OK, and everything else beats ST_ASIDE. */
int status_worse(int a, int b);

#endif
