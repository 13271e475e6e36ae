#include "s3/answer.h"
#include "base/clock.h"
#include "base/err.h"
#include "net/http.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { YEAR_MIN = 1970, YEAR_MAX = 2200 }; /* 2262 is the last that fits in ns */

#define DAY_NS ((int64_t)86400 * 1000000000)

static int64_t
at_most_a_day(int64_t ns)
{
	return ns < DAY_NS ? ns : DAY_NS;
}

static size_t
decode_entity(const char *p, char *out)
{
	static const struct {
		const char *name;
		char c;
	} known[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&quot;", '"' }, { "&apos;", '\'' } };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strncmp(p, known[i].name, strlen(known[i].name)) == 0) {
			*out = known[i].c;
			return strlen(known[i].name);
		}
	*out = *p;
	return 1;
}

void
answer_xml_text(const char *xml, const char *tag, char *out, unsigned size)
{
	char open[40], close[40];
	const char *p, *end;
	unsigned n = 0;

	snprintf(open, sizeof open, "<%.30s>", tag);
	snprintf(close, sizeof close, "</%.30s>", tag);
	if (xml != NULL && (p = strstr(xml, open)) != NULL &&
	    (end = strstr(p, close)) != NULL)
		for (p += strlen(open); p < end && n + 1 < size; n++)
			p += decode_entity(p, &out[n]);
	out[n] = '\0';
}

struct answer
answer_of(const struct http_response *r)
{
	struct answer a = { .code = "" };
	struct str id;

	answer_xml_text(r->body.p, "Code", a.code, sizeof a.code);
	answer_xml_text(r->body.p, "Message", a.message, sizeof a.message);
	if (http_header(r, "x-amz-request-id", &id))
		snprintf(a.id, sizeof a.id, "%.*s", (int)id.n, id.p);
	else
		answer_xml_text(r->body.p, "RequestId", a.id, sizeof a.id);
	return a;
}

static bool
one_of(const char *s, const char *const words[])
{
	for (; *words != NULL; words++)
		if (strcmp(s, *words) == 0)
			return true;
	return false;
}

bool
answer_passing(int status, const char *code)
{
	static const char *const codes[] = { "SlowDown", "RequestTimeout",
		"InternalError", "ServiceUnavailable", "Throttling",
		"ThrottlingException", "TooManyRequests", "OperationAborted",
		"ConditionalRequestConflict", "BadGateway", NULL };

	return (status >= 500 && status != 501 && status != 505) || status == 429 ||
	       status == 408 || one_of(code, codes);
}

int
answer_exit(int status, const char *code)
{
	static const char *const codes[] = { "ExpiredToken", "InvalidToken",
		"TokenRefreshRequired", NULL };

	return status == 401 || status == 403 || one_of(code, codes) ? ST_NOPERM
	       : answer_passing(status, code)                        ? ST_LATER
								     : ST_FAIL;
}

int64_t
answer_wait_ns(unsigned n, double random)
{
	int64_t top = ANSWER_WAIT_FIRST_NS;

	while (n-- > 1 && top < ANSWER_WAIT_MAX_NS)
		top *= 2;
	return (int64_t)(random *
			 (double)(top < ANSWER_WAIT_MAX_NS ? top : ANSWER_WAIT_MAX_NS));
}

bool
answer_date(const struct http_response *r, const char *name, int64_t *ns)
{
	struct str v;
	struct tm tm = { 0 };
	char text[64];

	if (!http_header(r, name, &v) || v.n >= sizeof text)
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	if (strptime(text, "%a, %d %b %Y %H:%M:%S", &tm) == NULL ||
	    tm.tm_year < YEAR_MIN - 1900 || tm.tm_year > YEAR_MAX - 1900)
		return false;
	*ns = (int64_t)timegm(&tm) * 1000000000;
	return true;
}

bool
answer_region(const struct http_response *r, char *out, unsigned size)
{
	struct str v;

	out[0] = '\0';
	if (r->status != 301 && r->status != 307 && r->status != 308 && r->status != 400)
		return false;
	if (http_header(r, "x-amz-bucket-region", &v))
		snprintf(out, size, "%.*s", (int)v.n, v.p);
	else
		answer_xml_text(r->body.p, "Region", out, size);
	return out[0] != '\0';
}

int64_t
answer_retry_after(const struct http_response *r)
{
	struct str v;
	int64_t at;

	if (!http_header(r, "retry-after", &v) || v.n == 0)
		return 0;
	if (isdigit((unsigned char)v.p[0])) {
		long s = strtol(v.p, NULL, 10);
		return s > 86400 ? DAY_NS : s * 1000000000;
	}
	return answer_date(r, "retry-after", &at) && at > clock_now()
		   ? at_most_a_day(at - clock_now())
		   : 0;
}
