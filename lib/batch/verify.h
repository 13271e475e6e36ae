/* verify.h - are the objects what their manifests say, and are all of them there?
 *
 * A manifest line names an object and says what it holds; the object is read again and each
 * member that the line has is compared.  Of an archive (a directory) the lists under
 * _manifests/ (lists.h) are read first, then every object; then it is told
 *
 *  - which objects are listed and missing, or not what their list says;
 *  - which parts of a commit's lists are missing;
 *  - which bytes of a log no commit covers, between two that do.
 *
 * One line of JSON for each object, and for each thing that is missing:
 *
 *     {"key":K,"path":P,"status":"ok|wrong|missing","listed":BOOL,"records":N,"bytes":N,
 *      "raw_bytes":N,"sha256":HEX,"first_time":T,"last_time":T,"sorted":BOOL,"why":[TEXT,...]}
 *
 * Not thread-safe.
 */
#ifndef VERIFY_H
#define VERIFY_H
#include "base/buf.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

enum {
	VERIFY_WHY_MAX = 8,              /* things that are wrong with one object, told */
	VERIFY_RANGES_BYTES = 256 << 20, /* memory of what lists say that they cover */
	VERIFY_LISTED_MAX = 2 << 20,     /* lists of an archive, objects that they name */
};

/* What a line says of an object; texts are raw JSON with their quotes, or of n = 0 bytes. */
struct verify_says {
	struct str key, path, records, bytes, raw_bytes, sha256, first_time, last_time,
	    untimed, gaps, sorted;
};

struct verify_counts {
	uint64_t objects, records, bytes; /* that were read */
	uint64_t wrong;                   /* of these; and lines that are no manifests */
	uint64_t missing;                 /* objects, lists, ranges of logs */
	uint64_t unlisted;
	uint64_t told; /* lines that are not of an object that was read */
};

struct verify {
	struct verify_counts n;
	/* Called with each line, its LF included.  -1 ends it. */
	int (*print)(void *arg, const struct buf *line, struct err *e);
	void *arg;
	struct buf line;
};

void verify_init(
    struct verify *v, int (*print)(void *, const struct buf *, struct err *), void *arg);
void verify_done(struct verify *v);

/* One manifest.  Its object is `root`/KEY, or what its "path" says when root is NULL. */
int verify_manifest(struct verify *v, struct str line, const char *root, struct err *e);

/* An object by itself, or as `says` if that is not NULL. */
int verify_object(struct verify *v, const char *path, const char *key,
    const struct verify_says *says, struct err *e);

/* The same of what can be read from `fd`, a pipe perhaps. */
int verify_stream(struct verify *v, int fd, const char *name, const char *key,
    const struct verify_says *says, struct err *e);

/* A directory that holds an archive. */
int verify_archive(struct verify *v, const char *root, struct err *e);

/* What an operand names ("-": standard input): a directory with an archive, an object, or
 * manifests, whose objects are under `root` if that is not NULL. */
int verify_operand(struct verify *v, char *name, const char *root, struct err *e);

/* What waits in the outbox of a state directory. */
int verify_outbox(struct verify *v, const char *state, struct err *e);

/* What the line says; false: it is no manifest. */
bool verify_read(struct str line, struct verify_says *says);

/* A raw key, unescaped; false: it cannot be one, or leads out of the archive. */
bool verify_key(struct str raw, char key[PATH_MAX]);

/* Tell something that has no object: a line with that key, status and reason. */
int verify_tell(struct verify *v, const char *key, const char *status, const char *why,
    struct err *e);

#endif
