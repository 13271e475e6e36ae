/* order: manifest lines as s3put takes them.  What is taken has a path without NULs, a key of the
 * length told, a hash of 64 digits in lower case or none; what is not says why. */
#include "fuzz.h"
#include "s3/order.h"
#include "s3/store.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = exact(data, size);
	struct order m;
	const char *why = order_read(line, &m);

	if (why == NULL) {
		must(m.path != NULL && m.key != NULL, "a manifest without its parts");
		must(m.key[m.key_n] == '\0', "the key's end");
		must(strspn(m.sha256, "0123456789abcdef") == strlen(m.sha256) &&
			 (m.sha256[0] == '\0' || strlen(m.sha256) == 64),
		    "hash %s", m.sha256);
		must(order_agrees(&m, line) == NULL, "it does not agree with itself");
		must(jscan_valid(line, NULL) && line.p[0] == '{', "no object: %.*s", SHOW(line));
	} else {
		must(why[0] != '\0', "refused without a reason");
	}
	order_done(&m);
	exact_free(line);
	return 0;
}
