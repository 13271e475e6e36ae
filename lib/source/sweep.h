/* sweep.h - one pass over families of log files, from where the ledger says on.
 *
 * For each file: is it known, unchanged, a copy of another, a copy under way, final? Then
 * tail.h reads it.  What is gone at the end is the business of gone.h.
 *
 * Lines of Docker and CRI files have times, so equal beginnings are the same log: of
 * copies (of a node's tree, say) each line is read once, from whichever is longest, and
 * one that ends before the cursor of its log is passed over.  Raw files are known by
 * their inode too, and equal ones are two logs.
 */
#ifndef SWEEP_H
#define SWEEP_H
#include "source/family.h"
#include "source/tail.h"

struct ledger;
struct sweep_dirs;

enum { SWEEP_FINAL_AGE_S = 10 }; /* a renamed file is final when unchanged for so long */

struct sweep_counts {
	uint64_t files;     /* read */
	uint64_t unchanged; /* nothing new since the last sweep */
	uint64_t waiting;   /* first line unfinished, a copy, or a copy under way */
	uint64_t unreadable;
	uint64_t
	    holes; /* bytes of NULs at the beginning of files and of large holes, not read */
	uint64_t gaps, possible_gaps;
	uint64_t archives;
	uint64_t links; /* links, devices, empty members: passed over */
	uint64_t
	    older; /* passed over unread: all in them is before tail.since, or too old */
};

/* An archive that was met among the files: see backfill.h. */
struct sweep_bundle {
	char *shown; /* what _src.file begins with */
	char *path;
	char *stat;
	bool done;
};

struct sweep {
	struct tail tail;
	struct ledger *ledger;    /* never NULL; empty without state */
	bool stateful;            /* entries will be committed by somebody */
	bool rotated;             /* read rotated siblings */
	enum frame_format format; /* FRAME_AUTO: by content */
	int64_t now;              /* ns since the epoch */
	int64_t not_older; /* files last written before this are passed over; INT64_MIN */
	family_warn *warn;
	void (*note)(const char *subject, const char *what); /* decisions, with -v */
	/* With an archive: bytes of it that are read, of how many.  May be NULL. */
	void (*tick)(void *arg, uint64_t done, uint64_t of);
	void *arg;
	const char *const *skip; /* globs of members of archives that are left out */
	size_t skips;
	uint64_t expand;        /* see bundle.h */
	unsigned shard, shards; /* read shard `shard` (from 0) of `shards`; 0: all */
	struct sweep_counts n;
	bool full; /* the ledger has no room for new logs: it has been told */

	struct listing names;
	struct sweep_dirs *dirs; /* directories met */
	struct stat_index *known;
	struct sweep_bundle *bundle; /* archives found; read after the files */
	size_t bundles;
};

/* `tail` must be ready; the ledger is borrowed and used as scratch. */
int sweep_init(struct sweep *s, struct err *e);
void sweep_done(struct sweep *s);

/* For following: another round over the same operands.  The ledger then holds what was
 * written in this run; `now` is to be set anew. */
int sweep_again(struct sweep *s, struct err *e);

/* All files of a family, oldest first, whose names stay as long as the round.  0, or -1: the
 * output failed. */
int sweep_family(struct sweep *s, struct family *f, struct err *e);

/* A stream that is not a file (standard input): raw or by its first line, without cursor.
 */
int sweep_stream(struct sweep *s, int fd, const char *name, struct err *e);

/* Is a log of this name in the shard?  By a hash of the name as it is shown, without what
 * rotation and compression add, so that a family stays together. */
bool sweep_in_shard(const struct sweep *s, const char *shown);

/* "device:inode:size:mtime" */
void sweep_stat(const struct stat *st, char text[96]);

/* claim_ids gave 1: tell it, of the first. */
void sweep_full(struct sweep *s, const struct err *e);

/* Open by its name once more what was found to be `stat`, a text of sweep_stat.  -1 and errno:
 * it is not there, or the name is another file's since (ESTALE), a link's or no file's
 * (family_open_name). */
int sweep_open_again(const char *path, const char *stat, struct stat *st);

/* For gone.h: how many directories were listed, and was this one (after sweep_sort_dirs)?
 * What is in such a file? */
size_t sweep_sort_dirs(struct sweep *s);
bool sweep_listed(const struct sweep *s, const char *dir);
enum frame_format sweep_format(const struct sweep *s, const struct identity *id);

#endif
