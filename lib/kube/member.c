#include "kube/member.h"
#include "record/jscan.h"

enum { LONGEST = 6 * MEMBER_TEXT_MAX }; /* \u0061 is one byte */

struct str
member_of(struct str object, const char *name)
{
	struct jscan_member m;

	if (object.n == 0 || *object.p != '{' || !jscan_find(object, str_of(name), &m))
		return STR("");
	return m.value;
}

int
member_text(struct str object, const char *name, char *to, size_t size)
{
	struct str v = member_of(object, name);
	char plain[LONGEST];
	ptrdiff_t n;

	*to = '\0';
	if (v.n < 2 || *v.p != '"' || v.n - 2 > sizeof plain)
		return -1;
	n = jscan_unescape((struct str){ v.p + 1, v.n - 2 }, plain);
	if (n < 0 || (size_t)n >= size || memchr(plain, '\0', (size_t)n) != NULL)
		return -1;
	memcpy(to, plain, (size_t)n);
	to[n] = '\0';
	return (int)n;
}
