/* ledger.h - the commit: what is archived, and what waits to be delivered.
 *
 * A state directory DIR holds
 *
 *     lock             held with flock(2) by whoever changes the ledger; never renamed.  Its
 *                      time of change is when a sweep last came to its end
 *     ledger.json      the ledger: cursors and undelivered batches, replaced whole
 *     ledger.copy.json the same generation once more
 *     outbox/          bodies of the batches that the ledger lists
 *     tmp/RUN/         bodies that a running logbatch is writing; RUN/lock is its flock
 *     reserve          space kept so that a full disk does not stop deliveries
 *
 * The file is one JSON object; its first line carries the format and a SHA-256 of all bytes
 * after that line.  ledger(5) shows it; PROTOCOL in that page gives the rules:
 *
 *  - Every change numbers the ledger one up (gen).  An entry keeps the number that last
 *    changed it, the ledger the number that last forgot one (forgot).
 *  - The commit is the rename in ledger_save.  Before it nothing happened, after it
 *    everything did.  The copy follows before anybody acts on the new state.
 *  - If the ledger does not read and its copy does, the copy is used, ten generations on and
 *    as if all had changed (sweeps in flight then lose their race).  So it is if the copy is
 *    of a later generation: a disk brought an old ledger back.
 *  - A ledger without a copy that reads, and one of a newer version, is never overwritten.
 *
 * Not thread-safe.  Source: flock(2), rename(2), fsync(2).
 */
#ifndef LEDGER_H
#define LEDGER_H
#include "base/str.h"
#include "base/texts.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

enum {
	LEDGER_MAX = 256 << 20,      /* bytes of a ledger file */
	LEDGER_LOGS_MAX = 192 << 20, /* of them, its entries */
	LEDGER_HEAD = 107,           /* bytes of its first line */
};

/* Its texts are kept by the ledger (ledger_set_text). */
struct ledger_entry {
	const char *id;   /* "<16 hex>[.N][/o|/e]" */
	const char *file; /* the name it was read under; raw JSON text, as in `_src` */
	const char *dir;  /* the real directory of the file; raw JSON text, or "" */
	uint64_t end;
	uint64_t gen;
	uint64_t at, sum; /* hash of the window before offset `at` (identity.h) */
	uint64_t size;    /* bytes that the file is known to have had */
	const char *stat; /* "dev:ino:size:mtime_ns" as last read, or "" */
	const char *time; /* when it was last read, RFC 3339, or "" */
	bool final;       /* read to its end, and nothing more can come */
	bool live;        /* when last read it stood under its live name */

	/* of this run, not on disk */
	bool seen;        /* a file of this id was met */
	bool dead;        /* forgotten */
	const char *path; /* where, or NULL */
	const char *in;   /* the directory that `path` is a name in; NULL: it is whole */
};

struct ledger_batch {
	char *name;     /* its body: DIR/outbox/NAME */
	char *key;      /* raw JSON text */
	char *manifest; /* one JSON object on one line, without "path" */
};

/* What has come about since the state directory began (or since the version that counts). */
struct ledger_totals {
	uint64_t commits;
	uint64_t objects, records, errors,
	    gaps;                            /* committed; errors and gaps are records */
	uint64_t raw_bytes, bytes;           /* of those records, and compressed */
	uint64_t delivered, delivered_bytes; /* objects, and compressed */
	char committed_at[40], delivered_at[40]; /* the last time, RFC 3339, or "" */
};

struct ledger {
	uint64_t gen, forgot;
	struct ledger_totals totals;
	struct ledger_entry *entry; /* in no order, with dead ones between */
	size_t entries, entry_cap;
	uint32_t *index; /* by the hash part of the id; see ledger.c */
	size_t index_cap;
	struct ledger_batch *batch; /* oldest first */
	size_t batches, batch_cap;
	struct texts texts;    /* of entries, and of whoever else has the same ones */
	size_t texts_were;     /* bytes of them when last made anew */
	size_t logs, logs_max; /* bytes of entries, 0: not counted; 0: any (room.c) */
	char head
	    [LEDGER_HEAD]; /* the first line of what was read; "" if never or saved since */
	bool mended;       /* both files are known to be so */
	bool from_copy; /* ledger.json did not read or was old: tell, and exit ST_ASIDE */
};

/* Read the ledger of `dir`.  A directory that is missing or has never held one gives an
 * empty ledger of generation 0.  NULL: neither file reads, the format is newer than this
 * program or somebody else's, or an outbox stands there without a ledger (ST_FAIL); in no
 * case is anything touched. */
struct ledger *ledger_load(const char *dir, struct err *e);
/* The same without its batches, which take no memory then: for who only reads on, and never
 * saves it. */
struct ledger *ledger_load_cursors(const char *dir, struct err *e);
void ledger_free(struct ledger *l);
/* Is `l`, as it was loaded from `dir`, what a load would give now?  By the checksum in the first
 * line of its file.  Whoever asks has not changed `l` since. */
bool ledger_unchanged(const char *dir, const struct ledger *l);

/* Make `dir` what it must be to hold a ledger (directories, empty ledger of generation 0,
 * reserve), durable.  Does nothing to one that is whole. */
int ledger_prepare(const char *dir, struct err *e);

/* For logtail alone, without logbatch: `l`, loaded from `dir` and changed since, becomes the
 * next generation.  -1: ST_LATER if somebody else committed meanwhile, ST_USAGE if the ledger
 * is one of logbatch (there is an outbox), which knows what logtail cannot. */
int ledger_commit_alone(const char *dir, struct ledger *l, struct err *e);
/* 0; -1 (ST_USAGE): `dir` is a ledger of logbatch's. */
int ledger_refuse_logbatch(const char *dir, struct err *e);

enum { LEDGER_LOCK_WAIT_S = 120 }; /* for each other, before ST_LATER */
#define LEDGER_LOCK_WAIT_NS (LEDGER_LOCK_WAIT_S * 1000000000LL)

/* Hold DIR/lock.  A descriptor, or -1: ST_LATER when `wait_ns` passed first. */
int ledger_lock(const char *dir, int64_t wait_ns, struct err *e);
void ledger_unlock(int fd);
/* A sweep has come to its end, with something new or without: leave the time on the lock. */
void ledger_swept(int lock);

/* Write `l` as the next generation and then its copy.  Only under the lock.  -1: the ledger
 * on disk is the old one, unless *committed: it may be the new one. */
int ledger_save(const char *dir, struct ledger *l, bool *committed, struct err *e);

/* Make both files what `l`, just loaded, is: whoever saved it last may have died before the
 * copy.  To be done under the lock, before anybody acts on what the ledger says.  Writes
 * nothing when all is well. */
int ledger_mend(const char *dir, struct ledger *l, struct err *e);

struct ledger_entry *ledger_find(const struct ledger *l, struct str id);
/* The entries whose id begins with these 16 digits, one a call, NULL after the last.  *at
 * begins as 0. */
struct ledger_entry *ledger_like(const struct ledger *l, struct str hash, size_t *at);
/* Before an entry of these texts is added: do all of them take no more than l->logs_max of
 * the file then?  It counts as added. */
bool ledger_has_room(struct ledger *l, struct str file, struct str dir);
/* Find or add; NULL: out of memory.  Pointers to entries die. */
struct ledger_entry *ledger_put(struct ledger *l, struct str id);
void ledger_forget(struct ledger *l, struct str id);
/* Drop the dead entries, when they are many, and texts that no entry has, for good.  Pointers
 * to entries and texts die; `path` and `in` are NULL then.  -1: out of memory. */
int ledger_compact(struct ledger *l);
/* Have a text of an entry, or any other, kept by the ledger.  -1: out of memory. */
int ledger_set_text(struct ledger *l, const char **field, struct str text);

/* Add a batch; everything is copied. */
int ledger_add_batch(struct ledger *l, const char *name, struct str key,
    struct str manifest, struct err *e);

/* The names of the bodies that are listed, sorted: one block of memory.  free(s->name). */
struct ledger_names {
	char **name;
	size_t n;
};
int ledger_names(const struct ledger *l, struct ledger_names *s, struct err *e);
bool ledger_names_has(const struct ledger_names *s, const char *name);

/* Count a batch, by its manifest, to what is committed or delivered `now`. */
void ledger_count_committed(struct ledger *l, const struct ledger_batch *b, int64_t now);
void ledger_count_delivered(struct ledger *l, const struct ledger_batch *b, int64_t now);

/* Append the manifest of a batch with its "path" under `dir`, and LF. */
void ledger_manifest(const struct ledger_batch *b, const char *dir, struct buf *line);

/* For s3put: is a batch of that key listed?  1, 0, or -1. */
int ledger_lists(const char *dir, const char *key, struct err *e);

/* For s3put: the batches as they are listed, or were when they were last read: that is done
 * again for what is not found in them, if the ledger has changed.  `dir` is borrowed.  NULL: out
 * of memory. */
struct ledger_claims *ledger_claims_new(const char *dir, struct err *e);
void ledger_claims_free(struct ledger_claims *c);

/* Whose is the body DIR/outbox/NAME? */
enum ledger_claim {
	LEDGER_MINE, /* that of the batch of this key, *b, which lives until the next call */
	LEDGER_OTHER,   /* the key has another body, or the body another key */
	LEDGER_NOBODY,  /* neither is listed (any more) */
	LEDGER_UNKNOWN, /* the ledger does not read: `e` */
};
enum ledger_claim ledger_claim(struct ledger_claims *c, const char *key, const char *name,
    const struct ledger_batch **b, struct err *e);

/* For s3put: these keys are delivered.  Under the lock: their entries leave the ledger, the
 * copy follows, then their bodies are removed.  Keys that are not listed are none of our
 * business.  -1: nothing is removed; the batches will be offered again. */
int ledger_delivered(const char *dir, const char *const keys[], size_t n, struct err *e);

#endif
