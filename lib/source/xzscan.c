#include "source/xzscan.h"

enum state { PADDING, STREAM, BLOCK, CHUNK, COUNT, NUMBERS };
enum { STREAM_HEAD = 12, STREAM_FOOT = 12, CRC = 4, LZMA2 = 0x21 };

static void
collect(struct xzscan *x, enum state state, size_t want)
{
	x->state = state;
	x->have = 0;
	x->want = want;
}

/* A number of 7 bits a byte; false: it does not end before `end`. */
static bool
number(const unsigned char **p, const unsigned char *end, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; *p < end && shift < 63; shift += 7) {
		unsigned char c = *(*p)++;

		*v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return true;
	}
	return false;
}

static uint64_t
dictionary(unsigned char bits)
{
	return (uint64_t)(2 | (bits & 1)) << (bits / 2 + 11);
}

/* The header of a block: its last filter is LZMA2, with one byte for its dictionary. */
static void
block_head(struct xzscan *x)
{
	const unsigned char *p = x->head + 2, *end = x->head + x->want - CRC;
	unsigned flags = x->head[1];
	uint64_t v, id = 0, n = 0;

	for (unsigned sizes = flags >> 6; sizes > 0; sizes &= sizes - 1)
		x->lost |= !number(&p, end, &v);
	for (unsigned i = 0; i <= (flags & 3) && !x->lost; i++) {
		p += n;
		if (!number(&p, end, &id) || !number(&p, end, &n) ||
		    n > (uint64_t)(end - p))
			x->lost = true;
	}
	x->lost |= id != LZMA2 || n != 1;
	x->large = !x->lost && dictionary(*p & 0x3f) > XZSCAN_DICTIONARY_MAX;
	x->at = 0;
	collect(x, CHUNK, 1);
}

/* One more byte of a chunk's header. */
static void
chunk_head(struct xzscan *x)
{
	const unsigned char *h = x->head;

	if (h[0] == 0) {
		x->skip = (4 - (x->at + 1) % 4) % 4 + x->check;
		collect(x, BLOCK, 1);
		return;
	}
	if (h[0] > 2 && h[0] < 0x80) {
		x->lost = true;
		return;
	}
	x->want = h[0] < 0x80 ? 3 : h[0] < 0xc0 ? 5 : 6;
	if (x->have < x->want)
		return;
	h += h[0] < 0x80 ? 1 : 3;
	x->skip = ((uint64_t)h[0] << 8 | h[1]) + 1;
	x->at += x->want + x->skip;
	collect(x, CHUNK, 1);
}

static void
stream_head(struct xzscan *x)
{
	static const unsigned char sizes[] = { 0, 4, 8, 16, 32, 64 };

	x->check = sizes[((x->head[7] & 15u) + 2) / 3];
	collect(x, BLOCK, 1);
}

/* The first byte says how long a block's header is, or that the index begins. */
static void
block(struct xzscan *x)
{
	if (x->head[0] == 0) {
		x->at = 1;
		collect(x, COUNT, 10);
	} else if (x->want == 1) {
		x->want = (x->head[0] + 1u) * 4;
	} else if (x->have == x->want) {
		block_head(x);
	}
}

/* A byte of the index: how many blocks, then two numbers of each. */
static void
index_byte(struct xzscan *x, unsigned char c)
{
	const unsigned char *p = x->head;

	x->at++;
	if (x->state == COUNT) {
		if (c >= 0x80) {
			x->lost = x->have == x->want;
			return;
		}
		x->lost = !number(&p, p + x->have, &x->numbers);
		x->numbers *= 2;
		x->state = NUMBERS;
	} else if (c < 0x80) {
		x->numbers--;
	}
	x->have = 0;
	if (x->numbers == 0) {
		x->skip = (4 - x->at % 4) % 4 + CRC + STREAM_FOOT;
		collect(x, PADDING, 1);
	}
}

static void
byte(struct xzscan *x, unsigned char c)
{
	x->head[x->have++] = c;
	switch ((enum state)x->state) {
	case PADDING: /* zeros between streams */
		x->have = c != 0;
		x->lost = c != 0 && c != 0xfd;
		x->want = STREAM_HEAD;
		x->state = c != 0 ? STREAM : PADDING;
		break;
	case STREAM:
		if (x->have == x->want)
			stream_head(x);
		break;
	case BLOCK:
		block(x);
		break;
	case CHUNK:
		chunk_head(x);
		break;
	case COUNT:
	case NUMBERS:
		index_byte(x, c);
		break;
	}
}

size_t
xzscan_next(struct xzscan *x, const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && !x->large && !x->lost) {
		if (x->skip > 0) {
			size_t skip = x->skip < n - i ? (size_t)x->skip : n - i;

			x->skip -= skip;
			i += skip;
			continue;
		}
		byte(x, p[i]);
		i += !x->large; /* without its last byte nobody acts on a header */
	}
	return i;
}
