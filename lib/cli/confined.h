/* confined.h - what a program keeps when it gives up the rest (base/confine.h, --confine).
 *
 * Programs name what they need, then call confined() before they read what others wrote:
 *
 *     confined_read(state);       a file, or a directory and all below it; to write:
 *     confined_write(state);      ... a directory that is not there is made: to make it later the
 *                                 one above it, which may be /, would have to be left
 *     confined_near(token);       the directory of a file that is replaced by a new one
 *     confined_inputs(argc, argv);
 *     confined_net();             sockets, and the files of resolver and TLS
 *     confined();
 *
 * Names are copied; NULL and "" are nothing.  With none of them no file can be opened.
 * --confine=no leaves all as it is, and so do builds with sanitizers, whose reports need
 * more.  One per process, before threads.
 */
#ifndef CONFINED_H
#define CONFINED_H

void confined_read(const char *place);
void confined_write(const char *place);
void confined_near(const char *file);
void confined_inputs(int argc, char *argv[]); /* operands; "-" is none */
void confined_dirs(void); /* any directory may be listed and fsynced */
void confined_net(void);
void confined_threads(void); /* net has them */
void confined_exec(void); /* a program will be started: no new privileges, and no more */

/* Opens the file of --stats, gives up the rest, tells it with -v. */
void confined(void);

/* For programs that hold secrets, first of all: no core dumps, no debugger, and
 * /proc/PID/environ is for root alone.  Whatever --confine says. */
void confined_secrets(void);

#endif
