/* confine.h - give up what a program does not need, before it reads what others wrote.
 *
 * Whoever gets a parser to run code of theirs then runs it without files, sockets and
 * programs.  Three layers, each used as far as the kernel has it:
 *
 *     no_new_privs   nothing started can gain rights
 *     Landlock       files: only those below the places named (Linux 5.13; connecting over
 *                    TCP from 6.7 on)
 *     seccomp        system calls: what the table in confine.c lists for the program's
 *                    needs, EPERM for all others
 *
 * A kernel whose Landlock cannot rename between directories (5.13 to 5.18) has no layer of
 * files for programs that write.
 *
 * It holds for threads made later and for children, and cannot be taken back.  What is open
 * stays open.  A kernel without a layer is no error: confine() tells what is in force.
 *
 * Source: landlock(7), seccomp(2), Documentation/userspace-api/landlock.rst.
 */
#ifndef CONFINE_H
#define CONFINE_H
#include <stdbool.h>
#include <stddef.h>

struct err;

enum { CONFINE_PLACES_MAX = 512 };

/* What is left.  Places are files or directories with all below them; one that is not there is
 * passed over. */
struct confine {
	const char *read[CONFINE_PLACES_MAX];
	size_t reads;
	const char *write[CONFINE_PLACES_MAX]; /* make, write, rename, remove; read too */
	size_t writes;
	bool files;   /* files may be opened at all (within the places) */
	bool dirs;    /* any directory may be listed, and fsynced */
	bool net;     /* sockets, and the threads of a resolver */
	bool threads; /* without net */
	bool exec;    /* programs may be started; places do not bind what reads them */
};

enum confine_layer {
	CONFINE_PRIVS = 1,
	CONFINE_FILES = 2,
	CONFINE_CALLS = 4,
};

/* Add a place; NULL is none.  One too many makes confine() leave Landlock out, and say so. */
void confine_read(struct confine *c, const char *place);
void confine_write(struct confine *c, const char *place);

/* The layers in force.  `told` gets a line for people, such as
 * "confined: no new privileges, files (Landlock 7), system calls". */
unsigned confine(const struct confine *c, char *told, size_t size);

#endif
