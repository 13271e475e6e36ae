/* family.h - a log file and its rotated siblings, found from an operand.
 *
 *     /var/log/containers/web-1_shop_app-<id>.log     the operand, a symlink
 *       -> /var/log/pods/shop_web-1_<uid>/app/0.log            the live file
 *          .../0.log.20261122-130000                           rotated, newest
 *          .../0.log.20261122-120000.gz                        rotated, older
 *
 * kubelet renames with a local time and compresses at the next rotation through NAME.tmp
 * (not read); Docker and logrotate count upwards: NAME.1, NAME.2.gz.  X and X.gz are one
 * file, and the plain one is read; so with .zst, .xz and .bz2.  Oldest come first.
 *
 * The listing is made, everything opened, and the listing made again until both agree, so
 * that no file slips between two names.  Files are read through the descriptors opened
 * here. Source: kubelet's container_log_manager, moby's loggerutils, rename(2).
 */
#ifndef FAMILY_H
#define FAMILY_H
#include "base/str.h"
#include "base/texts.h"
#include "source/listing.h"
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct err;

enum {
	FAMILY_MEMBERS_MAX = 400, /* files of one family that are open at once */
	FAMILY_DEPTH_MAX = 32,    /* directories within an operand */
	FAMILIES_MAX = 1 << 20,   /* files that operands name, rotated ones too */
	/* bytes of a log's name as JSON text, and of its directory's: the ledger keeps both
	 * for each stream, and a byte of a name can be six there */
	FAMILY_NAME_MAX = 2048,
};

struct member {
	char name[NAME_MAX + 1]; /* in the family's directory */
	int fd;
	struct stat st;
	bool packed; /* compressed: final, and read through decompress.h */
	bool live;
	int kind; /* the order of age: see family.c */
	long long number;
};

struct family {
	/* kept by the families */
	const char *shown; /* the operand's name: what _src.file says */
	const char *dir;   /* real directory */
	const char *base;  /* name of the live file there */
	const char *
	    only; /* read just this member (an operand that is itself rotated), or NULL */
	bool walked;           /* found in a directory, not named */
	struct member *member; /* oldest first, by family_open */
	size_t members;
};

/* Zeros, or with what is set here, are none. */
struct families {
	struct family *list;
	size_t n, cap;
	struct texts *texts; /* where to keep names; NULL: by themselves */
	struct texts own;
	/* Told where a link leads that leads nowhere as yet.  May be NULL. */
	void (*lost)(void *arg, const char *real);
	void *lost_arg;
};

/* What went wrong with one operand; the others go on. */
typedef void family_warn(void *arg, const struct err *e);

/* Add what an operand names: a file, a directory (walked; symlinks to files are followed,
 * symlinks to directories are not, so loops end), a glob that the shell left alone. Names
 * that match a glob of `skip` are left out.  -1: out of memory; else the number added. */
int families_add(struct families *fs, const char *operand, const char *const skip[],
    size_t skips, family_warn *warn, void *arg, struct err *e);
/* To zeros again. */
void families_done(struct families *fs);

/* Leave one of those that name the same files: the first, and a whole family before one
 * of its members alone.  -1: out of memory. */
int families_unique(struct families *fs, struct err *e);

/* Is there nothing to read in any of the members of `f`, of which names and `st` are known? */
typedef bool family_known(void *arg, const struct family *f);

/* Is a name, as JSON text, within FAMILY_NAME_MAX? */
bool family_name_fits(const char *name);

/* List and open the members; if `known` (may be NULL) says so they are left unopened, with -1 as
 * their fd.  1; 0: the listing would not settle (the members are open, but nobody may be
 * judged gone); -1: the directory cannot be read, or a name does not fit.  A member that
 * cannot be opened is told by `warn` and left out. */
int family_open(struct family *f, struct listing *l, bool rotated, family_known *known,
    void *known_arg, family_warn *warn, void *arg, struct err *e);
void family_close(struct family *f);

/* Open a name in `dir` (or AT_FDCWD) that was found to be a file: no link is followed, nothing
 * waited for.  -1 and errno: EBADF when it is no regular file, ELOOP a link. */
int family_open_name(int dir, const char *name, struct stat *st);

/* Is `name` the live file `base` or a rotated sibling of it?  Fills kind and number. */
bool family_has(struct str base, struct str name, struct member *m);

/* Does a glob of `skip` match the path, or its last part? */
bool family_skipped(const char *path, const char *const skip[], size_t skips);

/* The ending of a compressed file's name: how many bytes it is; 0: none. */
size_t family_packed(struct str name);

/* realpath(3), which asks for each part of the path on its way, in three calls.  NULL: errno, and
 * `real` has how far it came. */
char *family_real_path(const char *path, char real[PATH_MAX]);

/* The live name that a rotated one belongs to: how many bytes of `name` it is. */
size_t family_base(struct str name);

#endif
