/* The hash of tables: what it is of known texts, and that its key matters. */
#include "base/siphash.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* What OpenSSL's SIPHASH of one round and three says: first the eight bytes, then the text. */
static void
test_vectors(void)
{
	static const struct siphash_key key = { { 0x0706050403020100,
	    0x0f0e0d0c0b0a0908 } };
	static const struct {
		uint64_t first, hash;
		const char *text;
	} t[] = {
		{ 7, 0x33d5b3229db273eb, "" },
		{ 7, 0x4bdb12aeb07941a4, "a" },
		{ 7, 0xb10dda42dfcbb671, "abcdefg" },
		{ 7, 0xe3e9b5e184bfbe04, "abcdefgh" },
		{ 7, 0x32aeec2bbb76dcbf, "abcdefghijk" },
		{ 0, 0x5cb96f6ba2a4fcfc, "" },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		uint64_t h = siphash(&key, t[i].first, t[i].text, strlen(t[i].text));

		ok(h == t[i].hash, "\"%s\": %016llx", t[i].text, (unsigned long long)h);
	}
}

/* Texts that meet in the low bits under one key are spread under another, and so they are
 * behind another number. */
static void
test_spread(void)
{
	enum { WANT = 64, MASK = 1023 };
	struct siphash_key key[2];
	size_t met = 0, again = 0, behind = 0;
	char text[32];

	ok(siphash_new_key(&key[0]) && siphash_new_key(&key[1]) &&
		memcmp(&key[0], &key[1], sizeof key[0]) != 0,
	    "two keys differ");
	for (unsigned i = 0; met < WANT; i++) {
		size_t n = (size_t)snprintf(text, sizeof text, "key-%u", i);

		if ((siphash(&key[0], 1, text, n) & MASK) != 0)
			continue;
		met++;
		again += (siphash(&key[1], 1, text, n) & MASK) == 0;
		behind += (siphash(&key[0], 2, text, n) & MASK) == 0;
	}
	ok(again < 8 && behind < 8,
	    "%d texts meet; %zu of them under another key, %zu behind another number",
	    WANT, again, behind);
}

int
main(void)
{
	test_vectors();
	test_spread();
	return unit_end();
}
