/* store.h - where objects go: one interface, two kinds behind it.
 *
 *     s3://bucket/prefix    objects "prefix/KEY" in a bucket (client.h)
 *     file:///dir           files "/dir/KEY" (nothing in the URL is decoded)
 *
 * Both promise the same: the object appears whole or not at all, durable before store_put
 * returns 0; it holds the bytes whose SHA-256 was asked for; one that is there already
 * with the same bytes is success, one with other bytes an error unless `overwrite`.
 *
 * In a directory: a temporary name beside the target, write, SHA-256 on the way, fsync,
 * link(2) (which does not replace), fsync of every directory that was made or changed.
 * Names
 * ".s3put.*" in the directories touched are leftovers of killed runs and are removed,
 * unless a living run holds their flock(2); so keys with such a part are refused.
 *
 * A key is 1 to 1024 bytes of parts between single '/'; no part is "", "." or "..", none
 * holds a NUL.  Bodies are read in blocks of STORE_BLOCK.  A store is for one thread; each
 * further one has a twin, which shares what is known of the server (client.h).
 * Source: link(2), fsync(2), flock(2).
 */
#ifndef STORE_H
#define STORE_H
#include "base/buf.h"
#include "base/str.h"
#include "s3/attributes.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct store; /* opaque */

enum {
	STORE_KEY_MAX = 1024,
	STORE_BLOCK = 256 << 10,
	STORE_ETAG_MAX = 160,
	STORE_ID_MAX = 100,
	STORE_TRIES_S = 300, /* max_time_ns, if nobody says otherwise */
};
#define STORE_ANY_SIZE UINT64_MAX
#define STORE_CHECK_KEY "_s3put-check" /* begun and aborted by store_check */

struct store_options {
	const char *endpoint, *region, *ca_file; /* NULL: see client.h */
	bool path_style, overwrite;
	bool dry; /* nothing will be put: no credentials are looked for */
	struct attributes attributes; /* in a directory, without meaning */
	uint64_t part_bytes;          /* 0: see multipart.h */
	unsigned jobs;                /* see client.h */
	int64_t max_time_ns;
	const volatile sig_atomic_t *stop; /* not 0: end soon; may be NULL */
	_Atomic uint64_t *sent;            /* bytes of bodies on their way; may be NULL */
	void (*tell)(bool warn,
	    const char *text); /* decisions and retries, of any thread; may be NULL */
	const char *(*env)(const char *name); /* getenv(3) */
};

struct store_object {
	const char *key;
	const char *name; /* the body's, for messages */
	int fd;           /* the body, a regular file; -1 for store_has without one */
	bool pipe;        /* it is no file, and can be read only once, to its end */
	uint64_t bytes;   /* what it should hold, or STORE_ANY_SIZE */
	const char
	    *sha256; /* the same, 64 hex digits in lower case, or NULL: not known */
};

struct store_result {
	bool present;               /* was there already */
	char etag[STORE_ETAG_MAX];  /* in a directory, the SHA-256 */
	char request[STORE_ID_MAX]; /* the server's id of the last request; "" */
	char sha256[65];            /* of the body, as read; "" when it was not */
	uint64_t bytes;             /* the same */
	unsigned attempts;          /* requests, or 1 */
};

/* Borrows what `o` points to; nothing is made yet.  NULL: ST_USAGE for a destination or
 * option that cannot be, ST_NOPERM without credentials. */
struct store *store_open(const char *url, const struct store_options *o, struct err *e);
void store_close(struct store *st);

/* The same for another thread.  NULL: ST_FAIL. */
struct store *store_twin(const struct store *of, struct err *e);

/* Does it look like a destination at all? */
bool store_is_url(const char *s);

/* May `key` be used here?  -1: ST_FAIL, with why. */
int store_key_check(const struct store *st, struct str key, struct err *e);

/* The URL that `key` would have. */
void store_where(const struct store *st, const char *key, struct buf *out);

/* Put the object; the key has been checked. */
int store_put(struct store *st, const struct store_object *o, struct store_result *r,
    struct err *e);

/* Is it there with the size and hash of `o`, whose sha256 must be known?  1; 0: nothing
 * there; -1: something else is, or it cannot be told. */
int store_has(struct store *st, const struct store_object *o, struct store_result *r,
    struct err *e);

/* Could an object be put?  Try all that it takes, tell what went well, one `thing` each,
 * and leave nothing behind.  -1: it could not. */
typedef void store_says(void *user, const char *thing, const char *words);
int store_check(struct store *st, store_says *says, void *user, struct err *e);

#endif
