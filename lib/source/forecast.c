#include "source/forecast.h"
#include "base/err.h"
#include "source/sweep.h"

#include <stdlib.h>

/* The sweep itself tells what is wrong. */
static void
silent(void *arg, const struct err *e)
{
	(void)arg;
	(void)e;
}

int
forecast_make(
    struct forecast *f, struct sweep *s, const struct families *fs, struct err *e)
{
	struct err unused;

	forecast_done(f);
	f->bytes = calloc(fs->n + 1, sizeof *f->bytes);
	f->files = calloc(fs->n + 1, sizeof *f->files);
	if (f->bytes == NULL || f->files == NULL) {
		forecast_done(f);
		return err_set(e, ST_FAIL, "out of memory");
	}
	f->n = fs->n;
	for (size_t i = 0; i < fs->n; i++) {
		struct family *one = &fs->list[i];

		if (family_open(one, &s->names, s->rotated, NULL, NULL, silent, NULL,
			&unused) < 0)
			continue;
		for (size_t m = 0; m < one->members; m++) {
			f->bytes[i] += (uint64_t)one->member[m].st.st_size;
			f->files[i]++;
		}
		f->all_bytes += f->bytes[i];
		f->all_files += f->files[i];
		family_close(one);
	}
	return 0;
}

void
forecast_done(struct forecast *f)
{
	free(f->bytes);
	free(f->files);
	*f = (struct forecast){ .bytes = NULL };
}
