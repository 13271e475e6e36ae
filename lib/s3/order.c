#include "s3/order.h"
#include "record/jscan.h"
#include "s3/store.h"

#include <ctype.h>
#include <stdlib.h>

/* A member that is a JSON string, unescaped: a NUL-terminated copy.  NULL: missing. */
static char *
string_member(struct str line, const char *name, size_t *n)
{
	struct jscan_member m;
	char *to;
	ptrdiff_t len;

	if (!jscan_find(line, str_of(name), &m) || m.value.n < 2 || m.value.p[0] != '"')
		return NULL;
	if ((to = malloc(m.value.n)) == NULL)
		return NULL;
	len = jscan_unescape((struct str){ m.value.p + 1, m.value.n - 2 }, to);
	if (len < 0) {
		free(to);
		return NULL;
	}
	to[len] = '\0';
	*n = (size_t)len;
	return to;
}

static bool
is_absent(struct str line, const char *name, struct jscan_member *m)
{
	return !jscan_find(line, str_of(name), m) || str_eq(m->value, STR("null"));
}

static bool
read_sha256(struct str line, char hex[65])
{
	struct jscan_member m;

	hex[0] = '\0';
	if (is_absent(line, "sha256", &m))
		return true;
	if (m.value.n != 66 || m.value.p[0] != '"')
		return false;
	for (int i = 0; i < 64; i++) {
		if (!isxdigit((unsigned char)m.value.p[i + 1]))
			return false;
		hex[i] = (char)tolower((unsigned char)m.value.p[i + 1]);
	}
	hex[64] = '\0';
	return true;
}

static bool
read_bytes(struct str line, uint64_t *bytes)
{
	struct jscan_member m;
	uint64_t v = 0;

	*bytes = STORE_ANY_SIZE;
	if (is_absent(line, "bytes", &m))
		return true;
	for (size_t i = 0; i < m.value.n; i++) {
		if (!isdigit((unsigned char)m.value.p[i]))
			return false;
		v = 10 * v + (uint64_t)(m.value.p[i] - '0');
	}
	*bytes = v;
	return m.value.n < 19;
}

const char *
order_read(struct str line, struct order *m)
{
	size_t n = 0;

	*m = (struct order){ .bytes = STORE_ANY_SIZE };
	if (line.n == 0 || line.p[0] != '{' || !jscan_valid(line, NULL))
		return "not a JSON object";
	if ((m->key = string_member(line, "key", &m->key_n)) == NULL)
		return "no \"key\"";
	if ((m->path = string_member(line, "path", &n)) == NULL || n == 0)
		return "no \"path\"";
	if (strlen(m->path) != n)
		return "\"path\" holds a NUL";
	if (!read_sha256(line, m->sha256))
		return "\"sha256\" is not 64 hex digits";
	if (!read_bytes(line, &m->bytes))
		return "\"bytes\" is not a size";
	return NULL;
}

const char *
order_agrees(struct order *m, struct str manifest)
{
	char sha256[65];
	uint64_t bytes;

	if (!read_sha256(manifest, sha256) || !read_bytes(manifest, &bytes))
		return "\"sha256\" or \"bytes\" in the ledger is none";
	if (sha256[0] != '\0' && m->sha256[0] != '\0' && strcmp(sha256, m->sha256) != 0)
		return "\"sha256\" is not that in the ledger";
	if (bytes != STORE_ANY_SIZE && m->bytes != STORE_ANY_SIZE && bytes != m->bytes)
		return "\"bytes\" is not that in the ledger";
	if (sha256[0] != '\0')
		memcpy(m->sha256, sha256, sizeof sha256);
	if (bytes != STORE_ANY_SIZE)
		m->bytes = bytes;
	return NULL;
}

void
order_done(struct order *m)
{
	free(m->path);
	free(m->key);
}
