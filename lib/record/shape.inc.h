/* The shape check over blocks of 64 bytes, once per kind of CPU.  The includer defines
 * SHAPE_NAME, SHAPE_ATTR, SHAPE_MASKS(p, m) filling a struct masks, and SHAPE_XOR(bits), the
 * running exclusive or of all lower bits; SHAPE_DEPTH(depth, open, close) is the
 * depth after these brackets, 0 when they closed all before their end.  With SHAPE_ANY_LENGTH it is SHAPE_MASKS(p, n, m), and
 * what is behind n bytes counts as blanks. */

SHAPE_ATTR static bool
SHAPE_NAME(const char *p, const char *end, bool within, unsigned *flags)
{
	uint64_t in_string = 0, escape_next = 0, quote_before = 0;
	int64_t depth = 1;
#ifndef SHAPE_ANY_LENGTH
	char rest[64];
#endif

	*flags = 0;
	while (end > p && blank(end[-1]))
		end--;
	if (!within) {
		while (p < end && blank(*p))
			p++;
		if (p == end || *p++ != '{')
			return false;
	}
	if (p == end || end[-1] != '}')
		return false;
	for (; p < end; p += 64) {
		size_t left = (size_t)(end - p);
		struct masks m;
		uint64_t inside, open, close, first;

#ifdef SHAPE_ANY_LENGTH
		SHAPE_MASKS(p, left, &m);
#else
		if (left < 64) {
			memset(rest, ' ', sizeof rest);
			memcpy(rest, p, left);
			SHAPE_MASKS(rest, &m);
		} else {
			SHAPE_MASKS(p, &m);
		}
#endif
		if ((m.back | escape_next) != 0)
			m.quote &= ~escaped_bytes(m.back, &escape_next);
		inside = SHAPE_XOR(m.quote) ^ in_string;
		in_string = (uint64_t)((int64_t)inside >> 63);
		/* no control byte in a string; outside none but blanks, and no backslash */
		if (((m.ctrl & inside) | (m.back & ~inside)) != 0)
			return false;
		if (m.ctrl != 0 && !only_blanks(p, m.ctrl))
			return false;
		first = (m.letter | m.back) & (m.quote << 1 | quote_before);
		quote_before = m.quote >> 63;
		if (first != 0)
			*flags |= kernels_telling_keys(p, end, first);
		open = m.open & ~inside;
		close = m.close & ~inside;
		if (left <= 64) {
			/* what the last byte closes is the object, and nothing else is */
			uint64_t last = 1ULL << (left - 1);

			if ((close & last) == 0)
				return false;
			close ^= last;
		}
		if (depth > __builtin_popcountll(close))
			depth += __builtin_popcountll(open) - __builtin_popcountll(close);
		else if ((depth = SHAPE_DEPTH(depth, open, close)) == 0)
			return false;
	}
	return depth == 1;
}
#undef SHAPE_NAME
#undef SHAPE_ATTR
#undef SHAPE_MASKS
#undef SHAPE_XOR
#undef SHAPE_DEPTH
#undef SHAPE_ANY_LENGTH
