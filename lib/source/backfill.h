/* backfill.h - the archives among the operands, after the files: members become records.
 *
 * A member is a log like another, named ARCHIVE!MEMBER, and final.  Its id is that of its
 * content, and its cursor is in the ledger, so that a second run over the same archive adds
 * nothing, one that was killed goes on where the commit stands, and what is on the node as a
 * file as well is read once (lines with times; raw ones, which have none, are told apart by
 * name).  Members are read in the order of the archive; when nothing in a member is new, no
 * mark is written for it.
 *
 * An archive can be read forward only.  The first KiB of a member tells which entries of the
 * ledger it may be; their windows are looked at on the way (identity_match_forward).  When it
 * turns out to be none of them, or one of an earlier offset, the place to begin is behind the
 * reader: the member is decided upon and noted, and read in another pass over the archive.
 * Cost: one pass, and one more when there is such a member.  Only members that begin alike
 * and wait for each other (BUNDLE members of equal first lines with times, and different
 * after that) take more, up to BACKFILL_PASSES; those that are left then are told.
 *
 * Passed over: directories, links, devices, empty members; names that end in ".tmp"; what
 * `skip` names.  Told, and passed over with exit status 3: encrypted members, archives within
 * the archive, names over the ceiling, what is damaged.  An entry of a member has no directory in
 * the ledger, so that it is never judged gone.
 */
#ifndef BACKFILL_H
#define BACKFILL_H
#include "source/sweep.h"

enum { BACKFILL_PASSES = 8 };

/* A file's content tells that it is an archive: if so, remember it. */
int backfill_take(struct sweep *s, const struct family *f, const struct member *m,
    const struct identity *id, bool *taken, struct err *e);
/* The archives that were met and are not read yet; `list`: only tell their members, as
 * list.h has it.  0, or -1: the output failed, or memory is short. */
int backfill_all(struct sweep *s, bool list, struct err *e);
void backfill_done(struct sweep *s);

#endif
