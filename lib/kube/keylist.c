#include "kube/keylist.h"
#include "base/err.h"
#include "record/jscan.h"

#include <fnmatch.h>

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

int
keylist_parse(const char *list, const char *option, struct keylist *k, struct err *e)
{
	size_t n = strlen(list);
	char *p = k->text, *save = NULL;

	*k = (struct keylist){ .all = n > 0 };
	if (n >= sizeof k->text)
		return err_set(
		    e, ST_USAGE, "%s: longer than %d bytes", option, KEYLIST_TEXT - 1);
	memcpy(k->text, list, n + 1);
	for (p = strtok_r(p, ", ", &save); p != NULL; p = strtok_r(NULL, ", ", &save)) {
		if (strcmp(p, "!") == 0)
			return err_set(e, ST_USAGE, "%s: nothing behind '!'", option);
		if (k->n == KEYLIST_MAX)
			return err_set(
			    e, ST_USAGE, "%s: more than %d names", option, KEYLIST_MAX);
		k->all &= *p == '!';
		k->glob[k->n++] = p;
	}
	return 0;
}

bool
keylist_wants(const struct keylist *k, struct str key)
{
	char name[KEYLIST_KEY_MAX + 1];
	bool wanted = k->all, named = false;
	ptrdiff_t n;

	if (key.n == 0 || key.n > KEYLIST_KEY_MAX || (n = jscan_unescape(key, name)) < 0)
		return false;
	name[n] = '\0';
	for (size_t i = 0; i < k->n; i++) {
		if (k->glob[i][0] == '!') {
			if (fnmatch(k->glob[i] + 1, name, 0) == 0)
				return false;
			continue;
		}
		wanted |= fnmatch(k->glob[i], name, 0) == 0;
		named |= strcmp(k->glob[i], name) == 0;
	}
	return wanted && (named || strcmp(name, LAST_APPLIED) != 0);
}
