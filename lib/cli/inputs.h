/* inputs.h - the files named on a command line, or standard input when none.
 *
 * One bad file does not stop the others: it is told once, and `status` remembers it.
 */
#ifndef INPUTS_H
#define INPUTS_H
struct err;

struct inputs {
	int fd;           /* current input; closed by the next inputs_next() */
	const char *name; /* for messages; "<stdin>" for "-" */
	char **next;
	int left;
};

/* -1 (ST_USAGE) when there is no operand and standard input is a terminal: nobody would
 * know what the program waits for.  "-" asks for the terminal in so many words. */
int inputs_init(struct inputs *in, int argc, char *argv[], struct err *e);

/* 1: fd and name are set; 0: no more; -1: `e` says which file and why, and the next call
 * goes on. */
int inputs_next(struct inputs *in, struct err *e);
#endif
