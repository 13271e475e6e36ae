/* answer.h - what an S3 server's answer means, and when to try again.
 *
 * Errors are XML with Code, Message and RequestId (Amazon S3, "Error responses"); many other
 * servers send some of that.  Worth another try are 5xx (but 501 and 505), 429, 408 and the
 * codes that say so; 401, 403 and expired tokens are ST_NOPERM.  Nothing here keeps state.
 */
#ifndef ANSWER_H
#define ANSWER_H
#include <stdbool.h>
#include <stdint.h>

struct http_response;

#define ANSWER_WAIT_FIRST_NS ((int64_t)200000000)
#define ANSWER_WAIT_MAX_NS ((int64_t)20000000000)

struct answer {
	char code[80], message[200], id[100]; /* "" when not given */
};

struct answer answer_of(const struct http_response *r);

/* Is it worth another try?  `code` is answer.code. */
bool answer_passing(int status, const char *code);

/* The exit status that it stands for. */
int answer_exit(int status, const char *code);

/* The text between <tag> and </tag>, entities decoded, cut to `size`; "" when missing. */
void answer_xml_text(const char *xml, const char *tag, char *out, unsigned size);

/* The wait before try `n` (the second try is 1), for a random number in [0, 1). */
int64_t answer_wait_ns(unsigned n, double random);

/* A header that holds a date (RFC 9110, IMF-fixdate) in ns since the epoch; false: none, or
 * one before 1970 or after 2200. */
bool answer_date(const struct http_response *r, const char *name, int64_t *ns);

/* The region where the bucket is, of an answer that says it is not where it was asked
 * (x-amz-bucket-region, or <Region>, of a 301, 307, 308 or 400); false: says no such thing. */
bool answer_region(const struct http_response *r, char *out, unsigned size);

/* What Retry-After asks for, at most a day; 0: nothing. */
int64_t answer_retry_after(const struct http_response *r);

#endif
