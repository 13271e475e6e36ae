/* multipart.h - one object in parts: what is too big for one PUT, and pipes.
 *
 *     POST KEY?uploads                       begins, and gives the upload an id
 *     PUT KEY?partNumber=N&uploadId=ID       N = 1...; any order, several at once
 *     POST KEY?uploadId=ID                   lists the parts: now the object is there
 *     DELETE KEY?uploadId=ID                 aborts: all parts are gone
 *
 * The SHA-256 of each part is signed, and made of the same bytes as that of the file, so a
 * file that changes meanwhile is refused (sums.h).  A pipe is read a part at a
 * time into memory (`jobs` parts of it at once, at most MULTIPART_PIPE_JOBS_MAX); if it
 * ends within the first, it is one PUT.  The hash of a longer pipe is known too late to
 * be kept with the object; it is compared by the ETag that its parts make.
 *
 * Nothing is overwritten: unless `overwrite`, there is a HEAD before the upload, and the
 * last request says `If-None-Match: *`; at servers other than Amazon's, of which many
 * ignore that, another HEAD just before it.  (Two writers may still meet between those
 * two requests; keys made of content make that harmless.)
 *
 * Success is a 2xx answer to the last request without <Error> in it, and an ETag in it or,
 * failing that, an object that is there with these bytes.  If its answer was lost and the server does not know the upload any more, HEAD tells.  In all
 * other cases, and when the run is told to stop, the upload is aborted, with
 * EXCHANGE_CALM_NS for it; if even that fails, a warning names the upload.  What SIGKILL
 * leaves, a lifecycle rule (AbortIncompleteMultipartUpload) removes.
 *
 * Up to `jobs` threads send parts of one object, and jobs - 1 more than there are clients
 * in all, so one run has at most 2 * jobs - 1 connections.
 * Source: "Uploading and copying objects using multipart upload", Amazon S3 User Guide.
 */
#ifndef MULTIPART_H
#define MULTIPART_H
#include "s3/client.h"
#include <stdbool.h>
#include <stddef.h>

struct sums;

enum {
	MULTIPART_PARTS_MAX = 10000,
	MULTIPART_PIPE_JOBS_MAX = 3,
};
#define MULTIPART_PART_MIN ((uint64_t)5 << 20)
#define MULTIPART_PART_MAX ((uint64_t)5 << 30)
#define MULTIPART_PART_BIG ((uint64_t)64 << 20) /* of a file, when none was asked for */
#define MULTIPART_PIPE_MAX ((uint64_t)1 << 30)  /* a part of a pipe: it is in memory */
#define MULTIPART_OBJECT_MAX ((uint64_t)5 << 40)

/* How a file is cut: bytes of a part, 0 when it goes in one PUT.  `asked` is part_bytes of
 * the options: files larger than it are cut; 0: files over S3_PUT_MAX, into parts of
 * MULTIPART_PART_BIG.  Parts are larger when MULTIPART_PARTS_MAX would not do. */
uint64_t multipart_part_bytes(uint64_t asked, uint64_t bytes);

/* A file.  `sums` gives the hash of each part, all but the last of `part_bytes`; b->sha256
 * is right if it gives the last. */
int multipart_put(struct s3 *s, const char *key, const struct s3_body *b,
    uint64_t part_bytes, struct sums *sums, struct s3_result *r, struct err *e);

struct multipart_pipe {
	int fd;
	const char *name; /* for messages */
	/* set at the end */
	uint64_t bytes;
	char sha256[65];
};

/* All that can be read from p->fd. */
int multipart_pipe(struct s3 *s, const char *key, struct multipart_pipe *p,
    struct s3_result *r, struct err *e);

/* Begin an upload of `key` and abort it: may we put, with these attributes?  -1: no.
 * `left`: it could not be aborted. */
int multipart_try(struct s3 *s, const char *key, int64_t *server_ns, bool *left,
    struct s3_result *r, struct err *e);

#endif
