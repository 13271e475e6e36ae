/* credsource.h - what the sources of credentials share: one look at one of them.
 *
 * A source is a function that fills `c` and returns 1, or returns 0 (not configured here;
 * `said` tells why not) or -1 (configured, and it failed: `e` tells what to do).  On 1,
 * `said` tells where from.  Nothing secret goes into `said` or `e`.
 *
 * Answers of services and programs are JSON objects of at most CREDSOURCE_ANSWER_MAX
 * bytes, with AccessKeyId, SecretAccessKey, Token or SessionToken, and Expiration (RFC
 * 3339).  Services are asked CREDSOURCE_TRIES times at most.
 */
#ifndef CREDSOURCE_H
#define CREDSOURCE_H
#include "base/str.h"
#include "s3/credentials.h"
#include <stdbool.h>
#include <stdint.h>

struct awsconfig;
struct err;
struct http_request;
struct http_response;

enum { CREDSOURCE_ANSWER_MAX = 64 << 10, CREDSOURCE_TRIES = 3 };

struct credsource {
	const struct credentials_options *o;
	const struct awsconfig *config;
	char said[400];
};

/* A line for the trail, or a warning. */
void credsource_tell(const struct credentials_options *o, bool warn, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Was the run asked to stop? */
bool credsource_stopped(const struct credsource *s);

/* A variable that is set and not empty, or NULL. */
const char *credsource_env(const struct credsource *s, const char *name);

/* Copy the parts into `c`, if they can stand in a header and have not ended.  `token` may
 * be empty, ends_ns 0.  1, or -1. */
int credsource_take(struct credsource *s, const char *where, struct str access,
    struct str secret, struct str token, int64_t ends_ns, struct credentials *c,
    struct err *e);

/* The same out of an answer; `what` names it in errors.  1, or -1. */
int credsource_json(struct credsource *s, const char *where, struct str answer,
    struct credentials *c, struct err *e);

/* The text of a member of an answer, for codes and messages; "" when it has none. */
void credsource_member(struct str answer, const char *name, char *out, size_t size);

/* Ask, again when the answer is passing (answer.h).  `direct`: by no proxy.  0: there is
 * an answer in `r`, which http_response_init has made; its buffers are zeroed at their
 * end. */
int credsource_ask(const struct credsource *s, bool direct, const struct http_request *rq,
    unsigned tries, struct http_response *r, struct err *e);

/* A token in a file: its text, without blanks and line ends around it.  -1: no such file,
 * or it holds what no header may.  Secret: the caller frees with credsource_forget(). */
char *credsource_token_file(const char *path, const char *why, struct err *e);
void credsource_forget(char *secret); /* zeroes and frees */

#endif
