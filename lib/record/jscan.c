#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/kernels.h"

#include <stdint.h>

unsigned
jscan_utf8(const char *p, const char *end)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t n = (size_t)(end - p);

#define CONT(i) ((s[i] & 0xc0) == 0x80)
	if (n == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2)
		return 0;
	if (s[0] < 0xe0)
		return n >= 2 && CONT(1) ? 2 : 0;
	if (s[0] < 0xf0) {
		if (n < 3 || !CONT(1) || !CONT(2) || (s[0] == 0xe0 && s[1] < 0xa0) ||
		    (s[0] == 0xed && s[1] >= 0xa0))
			return 0;
		return 3;
	}
	if (s[0] > 0xf4 || n < 4 || !CONT(1) || !CONT(2) || !CONT(3) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return 4;
#undef CONT
}

/* The code unit of \uXXXX at p (which is after the 'u'), or -1. */
static int
hex4(const char *p, const char *end)
{
	int v = 0, d;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		if ((d = str_digit(p[i])) < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

bool
jscan_shape(struct str line, unsigned *flags)
{
	unsigned unused;

	return kern.shape(line.p, line.p + line.n, false, flags ? flags : &unused);
}

const char *
jscan_string_end(const char *p, const char *end)
{
	while ((p = kern.quote(p, end)) < end) {
		if (*p == '"')
			return p;
		if (end - p < 2)
			break;
		p += 2;
	}
	return NULL;
}

static const char *
blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Past the value at p, or NULL: brackets are counted, scalars end at a delimiter. */
static const char *
skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	if (p < end && *p == '"')
		return (p = jscan_string_end(p + 1, end)) != NULL ? p + 1 : NULL;
	if (p < end && *p != '{' && *p != '[') {
		const char *from = p;

		while (p < end && *p != ',' && *p != '}' && *p != ']' && *p != ' ' &&
		       *p != '\t' && *p != '\n' && *p != '\r' && *p != '"' && *p != ':')
			p++;
		return p > from ? p : NULL;
	}
	for (; p < end; p++) {
		if (*p == '"') {
			if ((p = jscan_string_end(p + 1, end)) == NULL)
				return NULL;
		} else if (*p == '{' || *p == '[') {
			depth++;
		} else if ((*p == '}' || *p == ']') && --depth == 0) {
			return p + 1;
		}
	}
	return NULL;
}

void
jscan_begin(struct jscan *it, struct str object)
{
	const char *end = object.p + object.n, *p = blanks(object.p, end);

	*it = (struct jscan){ p, end, p == end || *p != '{' };
	if (!it->bad)
		it->p = blanks(p + 1, end);
}

bool
jscan_next(struct jscan *it, struct jscan_member *m)
{
	const char *p = it->p, *end = it->end, *q;

	if (it->bad || (p < end && *p == '}'))
		return false;
	it->bad = true;
	if (p == end || *p != '"' || (q = jscan_string_end(p + 1, end)) == NULL)
		return false;
	m->key = (struct str){ p + 1, (size_t)(q - p - 1) };
	p = blanks(q + 1, end);
	if (p == end || *p != ':')
		return false;
	p = blanks(p + 1, end);
	if ((q = skip_value(p, end)) == NULL)
		return false;
	m->value = (struct str){ p, (size_t)(q - p) };
	p = blanks(q, end);
	if (p == end || (*p != ',' && *p != '}'))
		return false;
	if (*p == ',') {
		p = blanks(p + 1, end);
		if (p == end || *p != '"')
			return false;
	}
	it->p = p;
	it->bad = false;
	return true;
}

void
jscan_items(struct jscan *it, struct str array)
{
	const char *end = array.p + array.n, *p = blanks(array.p, end);

	*it = (struct jscan){ p, end, p == end || *p != '[' };
	if (!it->bad)
		it->p = blanks(p + 1, end);
}

bool
jscan_item(struct jscan *it, struct str *value)
{
	const char *p = it->p, *q;

	if (it->bad || (p < it->end && *p == ']'))
		return false;
	it->bad = true;
	if ((q = skip_value(p, it->end)) == NULL)
		return false;
	*value = (struct str){ p, (size_t)(q - p) };
	p = blanks(q, it->end);
	if (p == it->end || (*p != ',' && *p != ']'))
		return false;
	if (*p == ',') {
		p = blanks(p + 1, it->end);
		if (p == it->end || *p == ']')
			return false;
	}
	it->p = p;
	it->bad = false;
	return true;
}

bool
jscan_find(struct str object, struct str key, struct jscan_member *m)
{
	struct jscan it;

	jscan_begin(&it, object);
	while (jscan_next(&it, m))
		if (jscan_key_is(m->key, key))
			return true;
	return false;
}

/* The longest name that is there is tried first: "a.b" as a key before "a" and then "b". */
bool
jscan_path(struct str object, struct str path, struct jscan_member *m)
{
	for (size_t n = path.n;;) {
		const char *dot;

		if (jscan_find(object, (struct str){ path.p, n }, m) &&
		    (n == path.n ||
			jscan_path(
			    m->value, (struct str){ path.p + n + 1, path.n - n - 1 }, m)))
			return true;
		if ((dot = memrchr(path.p, '.', n)) == NULL)
			return false;
		n = (size_t)(dot - path.p);
	}
}

/* \uXXXX, and the second half of a pair when it follows; p is after the 'u'. */
static const char *
unescape_u(const char *p, const char *end, char **to)
{
	int hi = hex4(p, end), lo;
	unsigned c;

	if (hi < 0)
		return NULL;
	p += 4;
	c = (unsigned)hi;
	if (hi >= 0xd800 && hi < 0xe000) {
		c = 0xfffd;
		if (hi < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
		    (lo = hex4(p + 2, end)) >= 0xdc00 && lo < 0xe000) {
			c = 0x10000 + ((unsigned)(hi - 0xd800) << 10) +
			    (unsigned)(lo - 0xdc00);
			p += 6;
		}
	}
	*to = jsonw_utf8(*to, c);
	return p;
}

/* One escape; p is at its backslash. */
static const char *
unescape_one(const char *p, const char *end, char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (end - p < 2 || p[1] == '\0')
		return NULL;
	if (p[1] == 'u')
		return unescape_u(p + 2, end, to);
	if ((at = strchr(from, p[1])) == NULL)
		return NULL;
	*(*to)++ = into[at - from];
	return p + 2;
}

ptrdiff_t
jscan_unescape(struct str raw, char *to)
{
	const char *p = raw.p, *end = raw.p + raw.n, *q;
	char *start = to;

	while (p < end) {
		if ((q = memchr(p, '\\', (size_t)(end - p))) == NULL)
			q = end;
		memcpy(to, p, (size_t)(q - p));
		to += q - p;
		if (q == end)
			break;
		if ((p = unescape_one(q, end, &to)) == NULL)
			return -1;
	}
	return to - start;
}

bool
jscan_key_is(struct str raw, struct str name)
{
	const char *p = raw.p, *end = raw.p + raw.n;

	if (raw.n < name.n)
		return false;
	if (memchr(raw.p, '\\', raw.n) == NULL)
		return str_eq(raw, name);
	while (p < end) {
		char one[4], *to = one;
		struct str got = { one, 1 };

		if (*p != '\\')
			*to = *p++;
		else if ((p = unescape_one(p, end, &to)) != NULL)
			got.n = (size_t)(to - one);
		else
			return false;
		if (!str_starts(name, got))
			return false;
		name = (struct str){ name.p + got.n, name.n - got.n };
	}
	return name.n == 0;
}

/* Strict from here on. */

#define EACH8(c) (0x0101010101010101ULL * (unsigned char)(c))
#define HIGH8 EACH8(0x80)

/* The high bit of the first byte that kern.special would stop at, and perhaps of others behind
 * it; 0 if there is none. */
static inline uint64_t
special8(uint64_t eight)
{
	uint64_t quote = eight ^ EACH8('"'), back = eight ^ EACH8('\\');

	return ((quote - EACH8(1)) | (back - EACH8(1)) | (eight - EACH8(0x20)) | eight) &
	       HIGH8;
}

/* Past the closing quote of the string that goes on at p. */
static const char *
valid_string_long(const char *p, const char *end, const char **why)
{
	unsigned n;

	for (;;) {
		if ((p = kern.plain(p, end)) == end) {
			*why = "string not closed";
			return NULL;
		}
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			if (end - p < 2 || p[1] == '\0' ||
			    strchr("\"\\/bfnrtu", p[1]) == NULL ||
			    (p[1] == 'u' && hex4(p + 2, end) < 0)) {
				*why = "bad escape";
				return NULL;
			}
			p += p[1] == 'u' ? 6 : 2;
		} else if ((unsigned char)*p < 0x20) {
			*why = "control byte in a string";
			return NULL;
		} else {
			if ((n = jscan_utf8(p, end)) == 0) {
				*why = "invalid UTF-8";
				return NULL;
			}
			p += n;
		}
	}
}

/* The same: most strings are short and plain. */
static inline const char *
valid_string(const char *p, const char *end, const char **why)
{
	uint64_t eight, hit;

	for (int i = 0; i < 3 && end - p >= 8; i++, p += 8) {
		memcpy(&eight, p, 8);
		if ((hit = special8(eight)) == 0)
			continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		p += __builtin_ctzll(hit) / 8;
		if (*p == '"')
			return p + 1;
#endif
		break;
	}
	return valid_string_long(p, end, why);
}

static bool
digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

static const char *
valid_number(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	if (!digit(p, end))
		return NULL;
	if (*p == '0')
		p++;
	else
		while (digit(p, end))
			p++;
	if (p < end && *p == '.') {
		if (!digit(++p, end))
			return NULL;
		while (digit(p, end))
			p++;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!digit(p, end))
			return NULL;
		while (digit(p, end))
			p++;
	}
	return p;
}

static const char *
valid_scalar(const char *p, const char *end, const char **why)
{
	static const struct str words[] = { { "true", 4 }, { "false", 5 },
		{ "null", 4 } };
	const char *q = NULL;

	if (*p == '"')
		return valid_string(p + 1, end, why);
	if (*p == '-' || digit(p, end)) {
		if ((q = valid_number(p, end)) == NULL)
			*why = "bad number";
		return q;
	}
	for (size_t i = 0; i < 3; i++)
		if (str_starts((struct str){ p, (size_t)(end - p) }, words[i]))
			return p + words[i].n;
	*why = "not a value";
	return NULL;
}

struct valid {
	const char *p, *end, *why;
	unsigned depth;
	uint64_t
	    objects[JSCAN_DEPTH / 64]; /* bit d: level d is an object, else an array */
	struct jscan_keys *keys;       /* or NULL */
};

/* Mark a key as seen by a hash of its length, beginning and end; escapes may write one in
 * many ways. */
static void
note_key(struct jscan_keys *keys, unsigned depth, const char *p, size_t n)
{
	uint64_t a = 0, b = 0, h, *word, bit, back;
	uint32_t low, high;

	if (n >= 8) {
		memcpy(&a, p, 8);
		memcpy(&b, p + n - 8, 8);
	} else if (n >= 4) {
		memcpy(&low, p, 4);
		memcpy(&high, p + n - 4, 4);
		a = low | (uint64_t)high << 32;
	} else if (n > 0) {
		a = (unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 |
		    (uint64_t)(unsigned char)p[n - 1] << 16;
	}
	h = ((a ^ n) * 0x9e3779b97f4a7c15 + b) * 0xbf58476d1ce4e5b9;
	word = &keys->seen[depth - 1][h >> 62];
	bit = 1ULL << (h >> 56 & 63);
	a ^= EACH8('\\');
	b ^= EACH8('\\');
	back = (((a - EACH8(1)) & ~a) | ((b - EACH8(1)) & ~b)) & HIGH8;
	if ((*word & bit) != 0 || back != 0 || (n > 16 && memchr(p, '\\', n) != NULL))
		keys->maybe = true;
	*word |= bit;
}

static bool
in_object(const struct valid *v)
{
	unsigned d = v->depth - 1;

	return v->objects[d / 64] >> d % 64 & 1;
}

static bool
enter(struct valid *v, bool object)
{
	uint64_t bit = 1ULL << v->depth % 64, *word;

	if (v->depth == JSCAN_DEPTH) {
		v->why = "nested too deep";
		return false;
	}
	word = &v->objects[v->depth / 64];
	if (bit == 1)
		*word = 0;
	if (object) {
		*word |= bit;
		if (v->keys != NULL)
			memset(v->keys->seen[v->depth], 0, sizeof v->keys->seen[0]);
	} else
		*word &= ~bit;
	v->depth++;
	v->p++;
	return true;
}

/* To the next byte that is no blank; false: there is none. */
static inline bool
at_token(struct valid *v)
{
	if (v->p < v->end && (unsigned char)*v->p > ' ')
		return true;
	if ((v->p = blanks(v->p, v->end)) < v->end)
		return true;
	v->why = "ends too early";
	return false;
}

/* A key and its colon. */
static inline bool
key(struct valid *v)
{
	const char *q;

	if (!at_token(v))
		return false;
	if (*v->p != '"') {
		v->why = "key expected";
		return false;
	}
	if ((q = valid_string(v->p + 1, v->end, &v->why)) == NULL)
		return false;
	if (v->keys != NULL)
		note_key(v->keys, v->depth, v->p + 1, (size_t)(q - v->p - 2));
	if (q == v->end || *q != ':')
		q = blanks(q, v->end);
	if (q == v->end || *q != ':') {
		v->p = q;
		v->why = "colon expected";
		return false;
	}
	v->p = q + 1;
	return true;
}

/* A scalar, or all that opens before the next one or an empty pair of brackets. */
static inline bool
value(struct valid *v)
{
	const char *q;

	while (at_token(v)) {
		char c = *v->p;

		if (c != '{' && c != '[') {
			q = c == '"' ? valid_string(v->p + 1, v->end, &v->why)
				     : valid_scalar(v->p, v->end, &v->why);
			v->p = q != NULL ? q : v->p;
			return q != NULL;
		}
		if (!enter(v, c == '{') || !at_token(v))
			return false;
		if (*v->p == (c == '{' ? '}' : ']'))
			return true; /* closed by what comes after a value */
		if (c == '{' && !key(v))
			return false;
	}
	return false;
}

/* What closes or goes on after a value: 1: another one; 0: this was the last; -1. */
static inline int
after_value(struct valid *v)
{
	while (v->depth > 0) {
		bool object = in_object(v);

		if (!at_token(v))
			return -1;
		if (*v->p == ',') {
			v->p++;
			return !object || key(v) ? 1 : -1;
		}
		if (*v->p != (object ? '}' : ']')) {
			v->why = "comma or closing bracket expected";
			return -1;
		}
		v->p++;
		v->depth--;
	}
	if ((v->p = blanks(v->p, v->end)) == v->end)
		return 0;
	v->why = "text after the value";
	return -1;
}

bool
jscan_valid(struct str text, struct jscan_bad *bad)
{
	return jscan_valid_keys(text, bad, NULL);
}

bool
jscan_valid_keys(struct str text, struct jscan_bad *bad, struct jscan_keys *keys)
{
	struct valid
	    v; /* word by word: `objects` is cleared as far as levels are entered */
	int more;

	v.p = text.p;
	v.end = text.p + text.n;
	v.why = NULL;
	v.depth = 0;
	v.keys = keys;
	if (keys != NULL)
		keys->maybe = false;
	while (value(&v))
		if ((more = after_value(&v)) <= 0) {
			if (more == 0)
				return true;
			break;
		}
	if (bad != NULL)
		*bad = (struct jscan_bad){ (size_t)(v.p - text.p), v.why };
	return false;
}

const char *
jscan_string_valid(const char *p, const char *end)
{
	const char *why;

	p = valid_string(p, end, &why);
	return p != NULL ? p - 1 : NULL;
}
