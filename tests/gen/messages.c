#include "messages.h"

#include <stdio.h>
#include <string.h>

enum { CHOICES = 16 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a letter in a template is replaced by: one of 16. */
static const char *const lists[128][CHOICES] = {
	['a'] = { "tony", "mary", "bela", "chen wei", "o'brien", "søren", "zoë", "ada",
	    "linus", "grace", "ken", "dmr", "josé", "yuki", "ngozi", "李雷" },
	['b'] = { "true", "false", "null", "true", "false", "true", "false", "null",
	    "true", "false", "true", "false", "true", "false", "true", "false" },
	['c'] = { "main.go:20", "server/http.go:118", "store/postgres.go:342",
	    "queue/kafka.go:77", "api/v1/items.go:210", "cache/redis.go:51",
	    "auth/token.go:88", "main.go:31", "billing/invoice.go:402",
	    "server/grpc.go:64", "jobs/cleanup.go:17", "mail/send.go:9",
	    "api/v1/orders.go:133", "metrics/export.go:12", "store/tx.go:29",
	    "server/ws.go:301" },
	['e'] = { "java.lang.IllegalStateException", "java.lang.NullPointerException",
	    "java.io.IOException", "java.sql.SQLException",
	    "java.util.NoSuchElementException", "java.net.SocketTimeoutException",
	    "java.lang.IllegalArgumentException", "java.util.concurrent.TimeoutException",
	    "com.example.shop.PaymentException", "java.net.ConnectException",
	    "java.io.EOFException", "java.io.UncheckedIOException",
	    "com.example.shop.StockException", "java.lang.ClassCastException",
	    "java.lang.ArithmeticException", "java.lang.OutOfMemoryError" },
	['g'] = { "curl/8.5.0", "kube-probe/1.34", "Go-http-client/1.1",
	    "Go-http-client/2.0",
	    "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
	    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
	     "Gecko) Chrome/130.0.0.0 Safari/537.36"),
	    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15",
	    "python-requests/2.32.3", "okhttp/4.12.0", "Prometheus/2.54.1", "-",
	    "curl/7.88.1", "Googlebot/2.1 (+http://www.google.com/bot.html)",
	    "kube-probe/1.32", "axios/1.7.7", "ELB-HealthChecker/2.0" },
	['l'] = { "info", "info", "info", "info", "info", "info", "info", "info", "info",
	    "info", "debug", "debug", "warn", "warn", "error", "error" },
	['m'] = { "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "POST", "POST",
	    "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS" },
	['p'] = { "/api/items", "/api/items/17", "/api/orders", "/api/orders/2026/11",
	    "/healthz", "/", "/metrics", "/api/v1/users/42/cart", "/static/app.3f9c.js",
	    "/login", "/img/a.png", "/api/search", "/favicon.ico", "/readyz",
	    "/api/caf%C3%A9/menu", "/.well-known/x" },
	/* bodies of JSON strings that are hard to handle */
	['q'] = { "said \\\"hello\\\" and left", "tab\\there", "two\\nlines",
	    "C:\\\\logs\\\\app.log", "\\u00e9t\\u00e9", "smile \\ud83d\\ude00", "a\\/b",
	    "", "nul \\u0000 inside", "{\\\"a\\\":1,\\\"b\\\":[2]}",
	    "2026-11-22T10:00:00Z", "naïve café", "日本語のログ",
	    "if (a < b && c > d) return;", "one\\\\", "line sep \xe2\x80\xa8 here" },
	['r'] = { "just a example", "request served", "request served", "cache miss",
	    "connection reset by peer", "user logged in", "order placed",
	    "retrying in 4s", "payment accepted", "slow query", "job finished",
	    "configuration reloaded", "token refreshed", "message consumed",
	    "health check passed", "disk usage high" },
	['R'] = { "-", "-", "-", "-", "-", "-", "https://shop.example.com/", "-", "-",
	    "https://www.example.com/search?q=caf%C3%A9&page=2",
	    "https://shop.example.com/cart", "-", "-", "http://10.0.0.1:8080/", "-",
	    "https://example.org/a?b=<c>" },
	['S'] = { "200", "200", "200", "200", "200", "200", "200", "200", "201", "204",
	    "301", "304", "400", "404", "499", "502" },
	['w'] = { "alpha", "beta", "gamma", "delta", "orders", "items", "stock", "mail",
	    "billing", "search", "eu-west-1", "us-east-1", "primary", "replica", "shard",
	    "blue" },
	/* for long messages: UTF-8 of every length, nothing to escape in JSON */
	['W'] = { "lorem ", "ipsum ", "dolor ", "sit ", "amet ", "naïve ", "façade ",
	    "日本語 ", "consectetur ", "\xf0\x9f\x8e\x89 ", "adipiscing ", "elit ",
	    "sed ", "über ", "do ", "eiusmod " },
};

static const char *const json_lines[] = {
	("{\"level\":\"%l\",\"ts\":%t,\"caller\":\"%c\",\"msg\":\"%r\",\"author\":\"%a\","
	 "\"seq\":%s%o}"),
	("{\"level\":\"%l\",\"ts\":%t,\"caller\":\"%c\",\"msg\":\"%r\",\"seq\":%s,"
	 "\"author\":\"%a\"%o}"),
	"{\"level\":\"%l\",\"ts\":%t,\"msg\":\"%r\",\"seq\":%s%o}",
	("{\"level\":\"%l\",\"ts\":%t,\"caller\":\"%c\",\"msg\":\"%m %p\",\"status\":%S,"
	 "\"latency_ms\":%f,\"remote\":\"%i\",\"request_id\":\"%u\",\"seq\":%s}"),
	"{\"ts\":\"%Z\",\"level\":\"%l\",\"logger\":\"%w\",\"msg\":\"%q\",\"seq\":%s%o}",
	("{\"level\":\"error\",\"ts\":%t,\"caller\":\"%c\",\"msg\":\"%r\",\"seq\":%s,"
	 "\"error\":\"%q\",\"stacktrace\":\"main.main\\n\\t/app/main.go:20\\n"
	 "runtime.main\\n\\t/usr/local/go/src/runtime/proc.go:271\"%o}"),
	("{ \"level\": \"%l\", \"ts\": %t, \"seq\": %s, \"msg\": \"%r\", "
	 "\"author\": \"%a\" }"),
	("{\"seq\":%s,\"level\":\"%l\",\"ts\":%t,\"msg\":\"%r\",\"order\":{\"id\":%D,"
	 "\"total\":%f,\"items\":[{\"sku\":\"%w-%d\",\"qty\":%d,\"gift\":%b},"
	 "{\"sku\":\"%w-%d\",\"qty\":1}]}%o}"),
};

/* Taken in a row from a random place, so no object has a key twice. */
static const char *const json_members[] = {
	",\"price\":%f",
	",\"bytes\":%D",
	",\"offset\":18446744073709551615",
	",\"user\":{\"id\":%d,\"name\":\"%a\",\"admin\":%b}",
	",\"trace_id\":\"%x%x\"",
	",\"note\":\"%q\"",
	",\"path\":\"%p\"",
	",\"retry\":%b",
	",\"tags\":[\"%w\",\"%w\",%d]",
	",\"ratio\":%d.50e-7",
	",\"empty\":{},\"list\":[]",
	",\"city\":\"Kraków, 東京\"",
	",\"html\":\"<a href=\\\"/x?a=1&b=%d\\\">%w</a>\"",
	",\"temp\":-%f",
	",\"deep\":{\"a\":{\"b\":[1,[2,[%d,{\"c\":null}]]]}}",
	",\"region\":\"%w\",\"zone\":null",
};

static const char *const nginx_lines[] = {
	"%i - - [%N] \"GET /api/items?seq=%s HTTP/1.1\" %S %n \"%R\" \"%g\"",
	"%i - - [%N] \"%m %p?seq=%s HTTP/1.1\" %S %n \"%R\" \"%g\"",
	"%i - - [%N] \"%m %p?seq=%s&page=%d HTTP/2.0\" %S %n \"%R\" \"%g\"",
	"%i - shop [%N] \"GET %p?q=%w&seq=%s HTTP/1.1\" %S 0 \"%R\" \"%g\"",
};

static const char *const plain_lines[] = {
	"%I INFO worker-%d finished %w in %d ms seq=%s",
	"%I [main] WARN  com.example.shop.Stock - %w below %d, seq=%s",
	"%G listening on :8080 seq=%s",
	"seq=%s level=%l msg=\"%r\" took=%dms host=%w-%d",
	"%K       1 %c] \"%r\" seq=%s pod=\"%w/%w-%d\"",
	"   indented, then blanks   seq=%s   ",
	"user %a <%w@example.com> & friends seq=%s",
	"checkpoint %d%% of %w complete: seq=%s: wrote %n buffers; sync=%f s, total=%f s",
	"zażółć gęślą jaźń seq=%s",
	"%u %i seq=%s",
};

/* Each line of a trace is a log line of its own and has a number of its own. */
static const char *const trace_java[] = {
	"Exception in thread \"%w-%d\" %e: %r seq=%s",
	"\tat com.example.shop.Orders.place(Orders.java:%d) ~[shop.jar:seq=%s]",
	"\tat com.example.shop.Api.post(Api.java:%d) ~[shop.jar:seq=%s]",
	"\tat java.base/java.util.concurrent.FutureTask.run(FutureTask.java:317) "
	"[seq=%s]",
	"\tat java.base/java.lang.Thread.run(Thread.java:1583) [seq=%s]",
	"Caused by: %e: %r (%w) seq=%s",
	"\tat com.example.shop.Db.query(Db.java:%d) ~[shop.jar:seq=%s]",
	"\t... 23 more seq=%s",
	NULL,
};
static const char *const trace_logback[] = {
	"%I ERROR [http-%d] c.e.s.Checkout - %r seq=%s",
	"%e: %w %d seq=%s",
	"\tat com.example.shop.Checkout.lambda$run$0(Checkout.java:%d) ~[app.jar:seq=%s]",
	"\tat com.example.shop.Checkout.<init>(Checkout.java:%d) ~[app.jar:seq=%s]",
	"\tat jdk.internal.reflect.Accessor%d.invoke(Unknown Source) [seq=%s]",
	NULL,
};
static const char *const trace_python[] = {
	"Traceback (most recent call last): seq=%s",
	"  File \"/app/worker.py\", line %d, in run  # seq=%s",
	"    self.step(job, seq=%s)",
	"  File \"/app/steps/%w.py\", line %d, in step  # seq=%s",
	"    return rows[%d][\"%w\"]  # seq=%s",
	"KeyError: '%w' seq=%s",
	NULL,
};
static const char *const trace_go[] = {
	"%G http: panic serving %i:%n: runtime error: index out of range [%d] seq=%s",
	"goroutine %d [running, seq=%s]:",
	"net/http.(*conn).serve.func1(0x%x, seq=%s)",
	"\t/usr/local/go/src/net/http/server.go:1903 +0xbe seq=%s",
	"main.(*Shop).order(0x%x, seq=%s)",
	"\t/app/shop.go:%d +0x1d seq=%s",
	"created by net/http.(*Server).Serve in goroutine 1 seq=%s",
	"\t/usr/local/go/src/net/http/server.go:3290 +0x4b4 seq=%s",
	NULL,
};
static const char *const *const traces[] = {
	trace_java,
	trace_logback,
	trace_python,
	trace_go,
};

static const char *const odd_lines[] = {
	"",
	"   ",
	"carriage return at the end seq=%s\r",
	"\ttabs\tall\tover seq=%s\t",
	"nul a%0b seq=%s %0",
	"control \x01\x02\x07\x08\x0b\x0c\x0e\x1f\x7f seq=%s",
	"bad \xff\xfe\x80 cut \xe2\x82 overlong \xc0\xaf surrogate \xed\xa0\x80 "
	"seq=%s\xf0",
	"\x1b[31mERROR\x1b[0m \x1b[1;33mcolours\x1b[0m seq=%s",
	"separators \xe2\x80\xa8 \xe2\x80\xa9 bom \xef\xbb\xbf seq=%s \xf4\x8f\xbf\xbf",
	"{\"level\":\"info\",\"msg\":\"cut in the middle\",\"seq\":%s",
	"[\"not\",\"an object\",\"seq=%s\"]",
	"{\"log\":\"as docker writes seq=%s\\n\",\"stream\":\"stdout\",\"time\":\"%Z\"}",
	"%Z stdout F as containerd writes seq=%s",
	"{\"time\":1,\"log\":\"y\",\"_src\":{},\"_error\":0,\"kubernetes\":[],\"seq\":%"
	"s}",
	"{\"a\":1,\"a\":2,\"big\":9223372036854775808,\"huge\":1e400,\"seq\":%s}",
	"{\"lone\":\"\\ud800\",\"bad\":\"\xff\",\"seq\":%s}",
	"{\"seq\":%s} trailing text",
	"  {\"seq\":%s,\"blanks\":\"around\"}  ",
	"\"seq=%s\"",
};

uint64_t
rng_next(uint64_t *rng)
{
	uint64_t z = *rng += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t
rng_below(uint64_t *rng, uint64_t n)
{
	return ((rng_next(rng) >> 32) * n) >> 32;
}

static char *
put_number(char *o, uint64_t n)
{
	char digits[20];
	size_t i = sizeof digits;

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	return mempcpy(o, digits + i, sizeof digits - i);
}

/* `n` in exactly `width` digits. */
static char *
put_digits(char *o, uint64_t n, int width)
{
	for (int i = width; i-- > 0; n /= 10)
		o[i] = (char)('0' + n % 10);
	return o + width;
}

static char *
put_point(char *o, uint64_t fraction, int width)
{
	*o++ = '.';
	return put_digits(o, fraction, width);
}

static char *
put_hex(char *o, uint64_t n, int width)
{
	for (int i = 0; i < width; i++, n >>= 4)
		*o++ = "0123456789abcdef"[n & 15];
	return o;
}

static char *
put_uuid(char *o, uint64_t high, uint64_t low)
{
	o = put_hex(o, high, 8);
	*o++ = '-';
	o = put_hex(o, high >> 32, 4);
	o = stpcpy(o, "-4");
	o = put_hex(o, high >> 48, 3);
	o = stpcpy(o, "-a");
	o = put_hex(o, low, 3);
	*o++ = '-';
	return put_hex(o, low >> 12, 12);
}

/* The calendar is worked out once a second, not once a message. */
static const struct tm *
now_tm(struct voice *v)
{
	time_t s = (time_t)(v->now_ns / 1000000000);

	if (s != v->tm_s || v->tm.tm_mday == 0) {
		v->tm_s = s;
		gmtime_r(&s, &v->tm);
	}
	return &v->tm;
}

static char *
put_date(char *o, const struct tm *tm, char sep)
{
	o = put_digits(o, (uint64_t)tm->tm_year + 1900, 4);
	*o++ = sep;
	o = put_digits(o, (uint64_t)tm->tm_mon + 1, 2);
	*o++ = sep;
	return put_digits(o, (uint64_t)tm->tm_mday, 2);
}

static char *
put_clock(char *o, const struct tm *tm)
{
	o = put_digits(o, (uint64_t)tm->tm_hour, 2);
	*o++ = ':';
	o = put_digits(o, (uint64_t)tm->tm_min, 2);
	*o++ = ':';
	return put_digits(o, (uint64_t)tm->tm_sec, 2);
}

static char *
put_time(struct voice *v, char form, char *o)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	const struct tm *tm = now_tm(v);
	uint64_t us = (uint64_t)(v->now_ns / 1000 % 1000000);

	if (form == 'N') {
		o = put_digits(o, (uint64_t)tm->tm_mday, 2);
		*o++ = '/';
		o = mempcpy(o, months[tm->tm_mon], 3);
		*o++ = '/';
		o = put_digits(o, (uint64_t)tm->tm_year + 1900, 4);
		*o++ = ':';
		return stpcpy(put_clock(o, tm), " +0000");
	}
	if (form == 'K') {
		*o++ = 'I';
		o = put_digits(o, (uint64_t)tm->tm_mon + 1, 2);
		o = put_digits(o, (uint64_t)tm->tm_mday, 2);
		*o++ = ' ';
		return put_point(put_clock(o, tm), us, 6);
	}
	o = put_date(o, tm, form == 'G' ? '/' : '-');
	*o++ = form == 'Z' ? 'T' : ' ';
	o = put_clock(o, tm);
	if (form == 'G')
		return o;
	o = put_point(o, us / 1000, 3);
	return form == 'Z' ? stpcpy(o, "Z") : o;
}

static char *
put_address(char *o, uint64_t r)
{
	o = stpcpy(o, "10.");
	o = put_number(o, r & 255);
	*o++ = '.';
	o = put_number(o, r >> 8 & 255);
	*o++ = '.';
	return put_number(o, r >> 16 & 255);
}

static char *put_template(struct voice *v, const char *template, char *o);

static char *
put_members(struct voice *v, char *o)
{
	uint64_t r = rng_next(&v->rng);
	size_t at = r & 255;

	for (uint64_t n = r >> 8 & 3; n > 0; n--)
		o = put_template(v, json_members[at++ % COUNT(json_members)], o);
	return o;
}

static char *
put_field(struct voice *v, char code, char *o)
{
	uint64_t r, ms;

	switch (code) {
	case '%':
	case '0':
		*o = code == '0' ? '\0' : '%';
		return o + 1;
	case 's':
		return put_number(o, ++v->seq);
	case 't':
		ms = (uint64_t)(v->now_ns / 1000000);
		return put_point(put_number(o, ms / 1000), ms % 1000, 3);
	case 'I':
	case 'Z':
	case 'N':
	case 'G':
	case 'K':
		return put_time(v, code, o);
	case 'o':
		return put_members(v, o);
	}
	r = rng_next(&v->rng);
	switch (code) {
	case 'd':
		return put_number(o, r % 1000);
	case 'n':
		return put_number(o, r & 65535);
	case 'D':
		return put_number(o, r >> (r & 31));
	case 'f':
		return put_point(put_number(o, r >> 32 & 127), r % 10 * 10, 2);
	case 'x':
		return put_hex(o, r, 16);
	case 'u':
		return put_uuid(o, r, rng_next(&v->rng));
	case 'i':
		return put_address(o, r);
	default:
		return stpcpy(o, lists[code & 127][r % CHOICES]);
	}
}

static char *
put_template(struct voice *v, const char *template, char *o)
{
	for (const char *p; *(p = strchrnul(template, '%')) != '\0'; template = p + 2) {
		o = mempcpy(o, template, (size_t)(p - template));
		o = put_field(v, p[1], o);
	}
	return stpcpy(o, template);
}

void
say_template(struct voice *v, const char *template, struct text *t)
{
	t->len = (size_t)(put_template(v, template, t->data) - t->data);
}

void
say_line(struct voice *v, enum kind kind, struct text *t)
{
	uint64_t r = rng_next(&v->rng) >> 8;

	if (kind == KIND_JSON)
		say_template(v, json_lines[r % COUNT(json_lines)], t);
	else if (kind == KIND_NGINX)
		say_template(v, nginx_lines[r % COUNT(nginx_lines)], t);
	else
		say_template(v, plain_lines[r % COUNT(plain_lines)], t);
}

const char *const *
trace_pick(struct voice *v)
{
	return traces[rng_below(&v->rng, COUNT(traces))];
}

void
say_odd(struct voice *v, struct text *t)
{
	say_template(v, odd_lines[v->odd++ % COUNT(odd_lines)], t);
}

/* Words until `end`, where no further word fits x. */
static void
put_words(struct voice *v, char *o, const char *end)
{
	for (;;) {
		const char *word = lists['W'][rng_next(&v->rng) % CHOICES];
		size_t len = strlen(word);
		if (len > (size_t)(end - o))
			break;
		o = mempcpy(o, word, len);
	}
	memset(o, 'x', (size_t)(end - o));
}

static size_t
long_size(struct voice *v)
{
	static const size_t exact[] = { PART, PART + 1, 2 * PART, 3 * PART };
	uint64_t r = rng_next(&v->rng);

	return r % 4 == 0 ? exact[r >> 8 & 3] : PART + 1 + (size_t)(r >> 32) % (3 * PART);
}

void
say_long(struct voice *v, struct text *t)
{
	size_t size = long_size(v);
	const char *tail = "";

	if (rng_next(&v->rng) & 1) {
		say_template(v, plain_lines[3], t);
		t->data[t->len++] = ' ';
	} else {
		say_template(v, "{\"level\":\"%l\",\"ts\":%t,\"seq\":%s,\"body\":\"", t);
		tail = "\",\"price\":1.10}";
	}
	put_words(v, t->data + t->len, t->data + size - strlen(tail));
	memcpy(t->data + size - strlen(tail), tail, strlen(tail));
	t->len = size;
}

/* "2026-11-22T10:00:00" and 19 bytes on ".123456789Z". */
void
stamp_set(struct stamp *st, int64_t t_ns)
{
	time_t s = (time_t)(t_ns / 1000000000);
	uint64_t ns = (uint64_t)(t_ns % 1000000000);
	char *o = st->text + 19;
	struct tm tm;

	if (s != st->s || st->len == 0) {
		st->s = s;
		s += st->zone_s;
		gmtime_r(&s, &tm);
		*put_date(st->text, &tm, '-') = 'T';
		put_clock(st->text + 11, &tm);
	}
	if (ns != 0) {
		*o = '.';
		for (o = put_digits(o + 1, ns, 9); o[-1] == '0'; o--)
			;
	}
	if (st->zone_s == 0)
		*o++ = 'Z';
	else
		o += sprintf(o, "%+03d:%02d", st->zone_s / 3600, st->zone_s / 60 % 60);
	*o = '\0';
	st->len = (size_t)(o - st->text);
}

char *
frame_cri(char *o, const struct stamp *st, bool err, struct part p)
{
	o = mempcpy(o, st->text, st->len);
	o = mempcpy(o, err ? " stderr " : " stdout ", 8);
	*o++ = p.last ? 'F' : 'P';
	*o++ = ' ';
	o = mempcpy(o, p.data, p.len);
	*o++ = '\n';
	return o;
}

/* The length of the UTF-8 character at `s`, 0 if it is none. */
static size_t
utf8_len(const unsigned char *s, size_t left)
{
	static const unsigned char low[] = { 0, 0, 0x80, 0xa0, 0x90 };
	size_t n = *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;

	if (n == 0 || n > left || (s[1] & 0xc0) != 0x80)
		return 0;
	if ((*s == 0xe0 || *s == 0xf0) && s[1] < low[n])
		return 0; /* overlong */
	if ((*s == 0xed && s[1] > 0x9f) || (*s == 0xf4 && s[1] > 0x8f))
		return 0; /* surrogate; above U+10FFFF */
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static char *
put_escaped(char *o, unsigned char c)
{
	*o++ = '\\';
	if (c == '"' || c == '\\')
		*o++ = (char)c;
	else if (c == '\n' || c == '\r')
		*o++ = c == '\n' ? 'n' : 'r';
	else {
		o = stpcpy(o, "u00");
		*o++ = "0123456789abcdef"[c >> 4];
		*o++ = "0123456789abcdef"[c & 15];
	}
	return o;
}

/* One character that is not ASCII; `*used` is how many bytes of `s` it had. */
static char *
put_wide(char *o, const unsigned char *s, size_t left, size_t *used)
{
	size_t n = utf8_len(s, left);

	*used = n > 0 ? n : 1;
	if (n == 0)
		return stpcpy(o, "\\ufffd");
	if (n == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] | 1) == 0xa9)
		return stpcpy(o, s[2] == 0xa8 ? "\\u2028" : "\\u2029");
	return mempcpy(o, s, n);
}

char *
frame_docker(char *o, const struct stamp *st, bool err, struct part p)
{
	static const char escaped[128] = {
		['"'] = 1, ['\\'] = 1, ['<'] = 1, ['>'] = 1, ['&'] = 1
	};
	const unsigned char *s = (const unsigned char *)p.data, *end = s + p.len;
	size_t used;

	for (o = stpcpy(o, "{\"log\":\""); s < end; s += used) {
		used = 1;
		if (*s >= 128)
			o = put_wide(o, s, (size_t)(end - s), &used);
		else if (*s < ' ' || escaped[*s])
			o = put_escaped(o, *s);
		else
			*o++ = (char)*s;
	}
	o = stpcpy(o, p.last ? "\\n\",\"stream\":\"std" : "\",\"stream\":\"std");
	o = stpcpy(o, err ? "err\",\"time\":\"" : "out\",\"time\":\"");
	o = mempcpy(o, st->text, st->len);
	return stpcpy(o, "\"}\n");
}
