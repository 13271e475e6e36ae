#include "record/jsonw.h"
#include "base/buf.h"
#include "record/jscan.h"
#include "record/kernels.h"

static char *
put_control(char *dst, unsigned char c)
{
	static const char hex[] = "0123456789abcdef", with[] = "\b\f\n\r\t",
			  as[] = "bfnrt";
	const char *at = c != 0 ? strchr(with, c) : NULL;

	*dst++ = '\\';
	if (at != NULL) {
		*dst++ = as[at - with];
		return dst;
	}
	memcpy(dst, "u00", 3);
	dst[3] = hex[c >> 4];
	dst[4] = hex[c & 15];
	return dst + 5;
}

/* Length of the bad piece at p: a lead byte with as many of its continuation bytes as could
 * still have been right counts as one (the Unicode standard's practice for U+FFFD). */
static size_t
bad_piece(const char *p, const char *end)
{
	unsigned char lead = (unsigned char)*p;
	size_t want = lead >= 0xf0 && lead <= 0xf4  ? 4
		      : lead >= 0xe0 && lead < 0xf0 ? 3
						    : 1,
	       n = 1;

	if (want > 1 && end - p > 1) {
		unsigned char c = (unsigned char)p[1];
		bool fits = (c & 0xc0) == 0x80 && !(lead == 0xe0 && c < 0xa0) &&
			    !(lead == 0xed && c >= 0xa0) && !(lead == 0xf0 && c < 0x90) &&
			    !(lead == 0xf4 && c >= 0x90);

		if (!fits)
			return 1;
	}
	while (
	    n < want - (want > 1) && p + n < end && ((unsigned char)p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

char *
jsonw_text(char *dst, const char *p, size_t n, uint64_t *replaced)
{
	const char *end = p + n;
	unsigned len;

	while (p < end) {
		dst = kern.escape(dst, &p, end);
		/* runs of non-ASCII text stay in this loop */
		while (p < end && (unsigned char)*p >= 0x80) {
			if ((len = jscan_utf8(p, end)) == 0) {
				memcpy(dst, "\xef\xbf\xbd", 3);
				dst += 3;
				++*replaced;
				p += bad_piece(p, end);
			} else {
				memcpy(dst, p, len);
				dst += len;
				p += len;
			}
		}
		if (p < end && (unsigned char)*p < 0x20)
			dst = put_control(dst, (unsigned char)*p++);
	}
	return dst;
}

char *
jsonw_utf8(char *dst, uint32_t c)
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (unsigned i = n - 1; i > 0; i--, c >>= 6)
		dst[i] = (char)(0x80 | (c & 63));
	dst[0] = (char)(lead[n] | c);
	return dst + n;
}

char *
jsonw_u64(char *dst, uint64_t v)
{
	char digits[JSONW_U64_MAX], *end = digits + sizeof digits, *p = end;

	for (; v >= 100; v /= 100) {
		unsigned two = (unsigned)(v % 100);

		*--p = (char)('0' + two % 10);
		*--p = (char)('0' + two / 10);
	}
	if (v >= 10)
		*--p = (char)('0' + v % 10);
	*--p = (char)('0' + (v >= 10 ? v / 10 : v));
	memcpy(dst, p, (size_t)(end - p));
	return dst + (end - p);
}

void
jsonw_string(struct buf *b, const char *p, size_t n)
{
	uint64_t replaced = 0;
	char *to;

	buf_addc(b, '"');
	if ((to = buf_room(b, JSONW_ROOM(n))) != NULL)
		b->n = (size_t)(jsonw_text(to, p, n, &replaced) - b->p);
	buf_addc(b, '"');
}
