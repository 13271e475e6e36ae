/* jscan: the verdict of jansson (but where the two are known to differ), walks that stay
 * inside the text, and kernels that agree. */
#include "record/jscan.h"
#include "fuzz.h"
#include "record/kernels.h"

#include <jansson.h>

enum verdict { REFUSES, ACCEPTS, NO_JUDGE };

/* As in tests/unit/jscan.c. */
static enum verdict
jansson_says(struct str s)
{
	json_error_t e;
	json_t *doc = json_loadb(s.p, s.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	bool accepts = doc != NULL;

	json_decref(doc);
	if (memchr(s.p, '\0', s.n) != NULL)
		return REFUSES; /* it takes one at the end for the end */
	if (accepts)
		return ACCEPTS;
	/* it refuses numbers out of range, lone surrogates, NUL in keys, other depths */
	if (json_error_code(&e) == json_error_numeric_overflow ||
	    json_error_code(&e) == json_error_null_byte_in_key ||
	    json_error_code(&e) == json_error_stack_overflow ||
	    strstr(e.text, "invalid Unicode") != NULL ||
	    strstr(e.text, "too big") != NULL)
		return NO_JUDGE;
	return REFUSES;
}

static void
check_verdict(struct str s, bool valid, const struct jscan_bad *bad)
{
	enum verdict v = jansson_says(s);

	must(valid || (bad->why != NULL && bad->at <= s.n), "no reason given");
	if (v == NO_JUDGE || (!valid && strstr(bad->why, "deep") != NULL))
		return;
	must(valid == (v == ACCEPTS), "jansson %d, jscan %d (%s): %.*s", v, valid,
	    valid ? "" : bad->why, SHOW(s));
}

static bool
inside(struct str part, struct str all)
{
	return part.p >= all.p && part.p + part.n <= all.p + all.n;
}

/* Each member is found by its name, at the first place that has it. */
static void
check_member(struct str text, const struct jscan_member *m, bool valid)
{
	char *key = malloc(m->key.n + 1);
	ptrdiff_t n = jscan_unescape(m->key, key);
	struct str name = { key, n < 0 ? 0 : (size_t)n };
	struct jscan_member found;

	must(inside(m->key, text) && inside(m->value, text), "a slice lies outside");
	must(n <= (ptrdiff_t)m->key.n, "unescaped to more bytes");
	if (n >= 0) {
		must(jscan_key_is(m->key, name), "a key is not itself: %.*s",
		    SHOW(m->key));
		must(jscan_find(text, name, &found) && found.key.p <= m->key.p,
		    "not found: %.*s", SHOW(m->key));
		if (jscan_path(text, name, &found))
			must(inside(found.value, text), "a path leads outside");
		else
			must(memchr(name.p, '.', name.n) != NULL, "no path: %.*s",
			    SHOW(name));
	}
	must(!valid || (n >= 0 && jscan_valid(m->value, NULL)), "a member is not valid");
	free(key);
}

static bool
is_object(struct str s)
{
	while (s.n > 0 && memchr(" \t\r\n", *s.p, 4) != NULL)
		s.p++, s.n--;
	return s.n > 0 && *s.p == '{';
}

static void
check_walk(struct str text, bool valid)
{
	struct jscan it;
	struct jscan_member m;
	struct str v;

	jscan_begin(&it, text);
	for (int n = 0; n < 64 && jscan_next(&it, &m); n++)
		check_member(text, &m, valid);
	must(!valid || !it.bad || !is_object(text), "the walk ends as bad: %.*s",
	    SHOW(text));
	jscan_items(&it, text);
	while (jscan_item(&it, &v)) {
		must(inside(v, text), "an item lies outside");
		must(!valid || jscan_valid(v, NULL), "an item is not valid");
	}
	/* the text as a path into itself, and a key that is cut off */
	(void)jscan_path(text, text, &m);
	(void)jscan_find(text, STR("_src"), &m);
}

struct answers {
	const char *special, *quote, *stopped;
	bool shape;
	unsigned flags;
	size_t escaped;
	char *text;
};

static struct answers
ask(struct str s)
{
	const char *end = s.p + s.n;
	struct answers a = { .special = kern.special(s.p, end),
		.quote = kern.quote(s.p, end) };

	a.shape = kern.shape(s.p, end, false, &a.flags);
	a.text = malloc(2 * s.n + 32);
	a.stopped = s.p;
	a.escaped = (size_t)(kern.escape(a.text, &a.stopped, end) - a.text);
	return a;
}

static void
check_kernels(struct str s)
{
	static const char *const names[] = { "sse2", "avx2", "avx512", "neon" };
	const char *usual = kern.name;
	struct answers plain, other;

	must(kernels_use("portable"), "no portable kernels");
	plain = ask(s);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!kernels_use(names[i]))
			continue;
		other = ask(s);
		must(other.special == plain.special && other.quote == plain.quote,
		    "%s: special, quote", names[i]);
		must(other.shape == plain.shape &&
			 (!plain.shape || other.flags == plain.flags),
		    "%s: shape %d %u, not %d %u", names[i], other.shape, other.flags,
		    plain.shape, plain.flags);
		must(other.stopped == plain.stopped && other.escaped == plain.escaped &&
			 memcmp(other.text, plain.text, plain.escaped) == 0,
		    "%s: escape", names[i]);
		free(other.text);
	}
	free(plain.text);
	must(kernels_use(usual), "no usual kernels");
}

static void
check_shape(struct str s, bool valid)
{
	static const struct str keys[] = { { "_error", 6 }, { "kubernetes", 10 } };
	static const unsigned flag[] = { SHAPE_ERROR_KEY, SHAPE_KUBERNETES_KEY };
	struct jscan_member m;
	unsigned flags = 0;
	bool shape = jscan_shape(s, &flags);

	if (valid && s.p[0] == '{' && memchr(s.p, '\n', s.n) == NULL)
		must(shape, "valid and one line, but without shape: %.*s", SHOW(s));
	for (size_t i = 0; shape && i < 2; i++)
		must((flags & flag[i]) != 0 || !jscan_find(s, keys[i], &m),
		    "%s: not told", keys[i].p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = exact(data, size);
	struct jscan_bad bad = { 0, NULL };
	bool valid = jscan_valid(s, &bad);

	check_verdict(s, valid, &bad);
	check_shape(s, valid);
	if (s.n > 0)
		check_walk(s, valid);
	check_kernels(s);
	exact_free(s);
	return 0;
}
