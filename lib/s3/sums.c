#include "s3/sums.h"
#include "base/err.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct sums {
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	unsigned parts, known;
	bool over, bad, unwanted;
	struct err err;
	uint8_t part[][32];
};

struct sums *
sums_new(unsigned parts)
{
	struct sums *s = calloc(1, sizeof *s + parts * sizeof s->part[0]);

	if (s == NULL)
		return NULL;
	s->parts = parts;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	return s;
}

void
sums_free(struct sums *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->more);
	free(s);
}

int
sums_add(struct sums *s, const uint8_t digest[32])
{
	bool good;

	pthread_mutex_lock(&s->lock);
	good = s->known < s->parts && !s->unwanted;
	if (good)
		memcpy(s->part[s->known++], digest, sizeof s->part[0]);
	pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->lock);
	return good ? 0 : -1;
}

void
sums_end(struct sums *s, const struct err *why)
{
	pthread_mutex_lock(&s->lock);
	s->over = true;
	s->bad = why != NULL;
	if (why != NULL)
		s->err = *why;
	pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->lock);
}

int
sums_wait(struct sums *s, unsigned i, char hex[65], struct err *e)
{
	bool good;

	pthread_mutex_lock(&s->lock);
	while (!s->over && (i >= s->known || i + 1 == s->parts))
		pthread_cond_wait(&s->more, &s->lock);
	good = !s->bad && i < s->known;
	if (good)
		hex_of(s->part[i], sizeof s->part[0], hex);
	else if (s->bad)
		*e = s->err;
	else
		err_set(e, ST_FAIL, "s3: a part without a hash");
	pthread_mutex_unlock(&s->lock);
	return good ? 0 : -1;
}

void
sums_unwanted(struct sums *s)
{
	pthread_mutex_lock(&s->lock);
	s->unwanted = true;
	pthread_mutex_unlock(&s->lock);
}
