/* kind.h - what the two kinds of destination have in common; for store.c alone. */
#ifndef STORE_KIND_H
#define STORE_KIND_H
#include "s3/store.h"
#include <stddef.h>

#define STORE_TEMP_PREFIX ".s3put."

struct s3;
struct sums;

struct store_kind {
	const char *scheme; /* "s3://" */
	int (*open)(struct store *st, const char *rest, struct err *e);
	int (*twin)(struct store *st, const struct store *of, struct err *e);
	int (*put)(struct store *st, const struct store_object *o, struct store_result *r,
	    struct err *e);
	int (*has)(struct store *st, const struct store_object *o, struct store_result *r,
	    struct err *e);
	int (*check)(struct store *st, store_says *says, void *user, struct err *e);
};

extern const struct store_kind store_s3, store_dir;

struct store {
	const struct store_kind *kind;
	struct store_options o;
	char *url;    /* without '/' at its end */
	char *prefix; /* s3: "prefix/" or ""; file: the directory, "" for "/" */
	char *bucket;
	struct s3 *s3; /* NULL when dry */
	char *dir;     /* file: made, swept and durable in this run */
	char *block;   /* STORE_BLOCK bytes */
};

/* The URL for a message that refuses it: what stands before an '@' may be a password. */
const char *store_told(const char *url);

struct sum {
	uint64_t bytes;
	char sha256[65];
	/* the hashes of parts of so many bytes go there, when that is not 0 */
	uint64_t part_bytes;
	struct sums *parts;
};

/* Read the body `o` to its end; into the file `to` as well, unless that is -1. */
int store_sum(struct store *st, const struct store_object *o, int to, const char *to_name,
    struct sum *sum, struct err *e);

/* Is the body what its manifest says? */
int store_check_body(const struct store_object *o, const struct sum *sum, struct err *e);

#endif
