/* fileio.h - whole reads and writes, and replacing a file so that it survives a crash.
 *
 * Every call that changes a disk goes through io_*, which are the system calls and nothing
 * more.  In the fault build (make faults: -DLOGSWEEP_FAULTS) each of them counts as one
 * step, and LOGSWEEP_FAULT=N:fail|kill|short makes step N fail with ENOSPC, end the process
 * as SIGKILL would, or (a write) write half and then end it.  LOGSWEEP_FAULT_PROG limits
 * that to one program.
 */
#ifndef FILEIO_H
#define FILEIO_H
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct buf;

int io_open(const char *path, int flags, mode_t mode); /* adds O_CLOEXEC */
ssize_t io_write(int fd, const void *p, size_t n);
int io_fsync(int fd);
int io_rename(const char *from, const char *to);
int io_link(const char *from, const char *to);
int io_unlink(const char *path);
int io_mkdir(const char *path, mode_t mode);
int io_rmdir(const char *path);

/* All `n` bytes, through short writes and EINTR. */
int write_all(int fd, const void *p, size_t n, const char *name, struct err *e);

/* Append the whole file to `b` (its ceiling holds).  1: read; 0: no such file; -1. */
int file_read(const char *path, struct buf *b, struct err *e);

/* A new file to write to.  What has its name, left behind by a crash or planted (a link to another
 * file, say), is removed, not written to: so the name is to be the caller's alone, or locked.  A
 * descriptor, or -1 and errno. */
int file_new(const char *path, mode_t mode);

/* Make `path` hold exactly `n` bytes: temporary file beside it (".NAME.tmp"), write, fsync,
 * rename, fsync of the directory.  On failure the old file is as it was (or, if only the last
 * fsync failed, the new one is there but may not survive a crash). */
int file_replace(const char *path, const void *p, size_t n, struct err *e);
/* The same, but others may read it (0644 and the umask; file_replace: 0640). */
int file_replace_open(const char *path, const void *p, size_t n, struct err *e);

int dir_fsync(const char *dir, struct err *e);

/* mkdir -p; each directory made is fsynced into its parent when `durable`. */
int dir_make(const char *path, bool durable, struct err *e);

/* Hash while copying is the caller's business; this reads up to n bytes, through EINTR and
 * short reads.  Bytes read (less than n only at the end of the file), or -1 with errno. */
ssize_t read_full(int fd, void *p, size_t n);
ssize_t pread_full(int fd, void *p, size_t n, uint64_t at);

#endif
