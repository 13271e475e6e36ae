/* commit.h - the commit: batches are listed and cursors moved, both or neither.
 *
 *   1. Bodies lie, fsynced, in the run's own directory (spool.h).
 *   2. Take DIR/lock.  Read the ledger anew, unless its first line says that it is the same.
 *   3. If another sweep was faster with a file in hand, nothing is committed: an entry with
 *      the same first line was changed after the generation that the records carry, or a
 *      file in hand has no entry and one was forgotten after it, or the ledger is older.
 *   4. Rename the bodies into DIR/outbox, fsync it.
 *   5. Write the new ledger: only own entries and batches change, a cursor never goes back.
 *      The rename of DIR/ledger.json is the commit.
 *   6. Write the copy.  Release the lock.  Then manifests may be printed.
 *
 * A crash before 5 leaves orphans in tmp/ or outbox/, which the next run sweeps up under the
 * lock when it begins; a crash after 5 leaves batches that the next run offers again, once it
 * has made up for the copy.
 */
#ifndef COMMIT_H
#define COMMIT_H
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct ledger;
struct partitions;
struct positions;

/* The commits of this run, which are no other sweep's.  Zeros to begin with. */
struct commit_history {
	uint64_t *gen; /* rising */
	size_t n, cap;
	uint64_t forgot; /* the last generation in which somebody else forgot an entry */
};

/* To begin a run: make `dir` what it must be, mend its ledger, sweep up what dead runs left.
 * 0, and *l is the ledger; -1, and nothing was touched if the ledger does not read. */
int commit_begin(const char *dir, struct ledger **l, struct err *e);

/* Commit what partitions_finish made.  *l is the ledger as it was last read, or NULL, and is
 * given away.  0, and *l (never NULL) is the ledger as it now stands; -1: ST_LATER for a lost race, else ST_FAIL; nothing is committed, unless *l is set:
 * then it is, and only its copy failed. */
int commit(const char *dir, struct partitions *ps, struct positions *positions,
    struct commit_history *own, int64_t now, struct ledger **l, struct err *e);

/* Compressed bytes that wait in the outbox. */
uint64_t commit_waiting(const struct ledger *l);

/* Publish the batches under `dir` by their keys, without a ledger: file renamed into place,
 * or left when the same name is there already.  Appends the manifest lines to `lines`. */
int commit_files(
    const char *dir, struct partitions *ps, struct buf *lines, struct err *e);

#endif
