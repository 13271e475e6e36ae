#include "s3/foresee.h"
#include "base/err.h"
#include "record/ndjson.h"
#include "s3/delivery.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void
orders_foresee(int n, char *const name[], uint64_t *total, uint64_t *bytes)
{
	struct ndjson_in in;
	struct order m;
	struct str line;
	struct stat sb;
	struct err e;
	int fd = -1;

	*total = *bytes = 0;
	for (int i = 0; i < n; i++)
		if (stat(name[i], &sb) < 0 || !S_ISREG(sb.st_mode))
			return;
	if (n == 0 || ndjson_in_init(&in, NULL, &e) < 0)
		return;
	for (int i = 0; i < n; i++) {
		if ((fd = open(name[i], O_RDONLY | O_CLOEXEC)) < 0)
			continue;
		ndjson_in_open(&in, fd, name[i]);
		while (ndjson_next(&in, &line, &e) > 0) {
			++*total;
			if (order_read(line, &m) == NULL) {
				if (m.bytes == STORE_ANY_SIZE)
					m.bytes = delivery_size(&m);
				if (m.bytes != STORE_ANY_SIZE)
					*bytes += m.bytes;
			}
			order_done(&m);
		}
		close(fd);
	}
	ndjson_in_done(&in);
}
