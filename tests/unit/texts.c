#include "base/texts.h"
#include "unit.h"

#include <stdlib.h>

static void
test_once(void)
{
	struct texts t = { 0 };
	const char *a = texts_keep(&t, STR("/var/log/pods/a")), *b;
	char again[] = "/var/log/pods/a";

	ok(a != NULL && strcmp(a, again) == 0 && a != again, "kept");
	ok(texts_keep(&t, str_of(again)) == a && t.n == 1 && t.bytes == 16, "once");
	b = texts_keep(&t, (struct str){ again, 8 });
	ok(b != a && strcmp(b, "/var/log") == 0, "the beginning of another is another");
	ok(strcmp(texts_keep(&t, STR("/var/log/pods/a/b")), "/var/log/pods/a/b") == 0,
	    "and so is what goes on");
	ok(*texts_keep(&t, STR("")) == '\0' && t.n == 3, "an empty one costs nothing");
	ok(texts_keep(&t, STR("/var/log\0x")) == b, "a NUL ends it");
	texts_done(&t);
	ok(t.n == 0 && texts_keep(&t, STR("x")) != NULL, "done, and used again");
	texts_done(&t);
}

/* Over blocks, the growing table, and texts larger than a block. */
static void
test_many(void)
{
	enum { MANY = 20000 };
	static const char *kept[MANY];
	struct texts t = { 0 };
	char *large = malloc(3 * TEXTS_BLOCK + 1), text[80];
	const char *p;
	size_t wrong = 0;

	memset(large, 'x', 3 * TEXTS_BLOCK);
	large[3 * TEXTS_BLOCK] = '\0';
	for (int round = 0; round < 2; round++)
		for (unsigned i = 0; i < MANY; i++) {
			snprintf(text, sizeof text, "%0*u", (int)(i % 70) + 1, i);
			p = texts_keep(&t, str_of(text));
			wrong += p == NULL || strcmp(p, text) != 0 ||
				 (round > 0 && p != kept[i]);
			kept[i] = p;
			if (i % 5000 == 0)
				wrong += texts_keep(&t,
					     (struct str){ large,
						 3 * TEXTS_BLOCK - i / 5000 }) == NULL;
		}
	ok(wrong == 0, "%d texts, each where it was", (int)MANY);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, "%0*u", (int)(i % 70) + 1, i);
		wrong += strcmp(kept[i], text) != 0;
	}
	p = texts_keep(&t, str_of(large));
	ok(wrong == 0 && strcmp(p, large) == 0 && texts_keep(&t, str_of(large)) == p,
	    "large ones between them");
	ok(t.blocks < 20, "%zu blocks", t.blocks);
	free(large);
	texts_done(&t);
}

int
main(void)
{
	test_once();
	test_many();
	return unit_end();
}
