/* libraries.h - the libraries that a program is linked with, and their versions.
 *
 * libraries.c is compiled once for each program, with WITH_<pkg-config name> for each of its
 * PKGS in the Makefile, and that object goes before the one in lib.a, which knows of none
 * (unit tests are linked with that).  Versions are those at run time, where the library
 * tells it (ISA-L does not).
 */
#ifndef LIBRARIES_H
#define LIBRARIES_H

/* "OpenSSL 3.0.17, zlib 1.2.13", or "". */
const char *libraries(void);

#endif
