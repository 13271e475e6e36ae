#include "s3/results.h"
#include "base/buf.h"
#include "record/ndjson.h"
#include "s3/delivery.h"

#include <stdio.h>
#include <string.h>

static void
add_string(struct ndjson_out *o, const char *name, const char *p, size_t n)
{
	uint64_t replaced = 0;

	ndjson_add(o, name, strlen(name));
	NDJSON_LIT(o, "\"");
	ndjson_text(o, p, n, &replaced);
	NDJSON_LIT(o, "\"");
}

static void
add_or_null(struct ndjson_out *o, const char *name, const char *s)
{
	if (s != NULL && s[0] != '\0') {
		add_string(o, name, s, strlen(s));
	} else {
		ndjson_add(o, name, strlen(name));
		NDJSON_LIT(o, "null");
	}
}

static void
add_number(struct ndjson_out *o, const char *name, uint64_t v)
{
	ndjson_add(o, name, strlen(name));
	if (v == STORE_ANY_SIZE)
		NDJSON_LIT(o, "null");
	else
		ndjson_u64(o, v);
}

static void
add_where(struct ndjson_out *o, const struct order *m, const struct store *st)
{
	struct buf to;

	buf_init(&to, 64 << 10);
	store_where(st, m->key, &to);
	add_or_null(o, ",\"path\":", m->path);
	add_or_null(o, ",\"to\":", to.p);
	buf_done(&to);
}

void
results_add(struct ndjson_out *o, const struct delivery *d, const struct store *st)
{
	const struct store_result *r = &d->result;
	bool good = d->outcome != OUTCOME_FAILED;
	char seconds[40];

	if (d->order.key != NULL)
		add_string(o, "{\"key\":", d->order.key, d->order.key_n);
	else
		NDJSON_LIT(o, "{\"key\":null");
	add_or_null(o, ",\"status\":", delivery_word(d->outcome));
	if (d->outcome == OUTCOME_DRY) {
		add_number(o, ",\"bytes\":", r->bytes);
		add_where(o, &d->order, st);
		NDJSON_LIT(o, "}\n");
		return;
	}
	add_or_null(o, ",\"etag\":", good ? r->etag : NULL);
	add_number(o, ",\"bytes\":", r->bytes);
	add_number(o, ",\"attempts\":", r->attempts);
	snprintf(seconds, sizeof seconds, ",\"seconds\":%.3f", (double)d->ns / 1e9);
	ndjson_add(o, seconds, strlen(seconds));
	if (good && r->sha256[0] != '\0')
		add_or_null(o, ",\"sha256\":", r->sha256);
	if (r->request[0] != '\0')
		add_or_null(o, ",\"request_id\":", r->request);
	if (!good)
		add_or_null(o, ",\"error\":", d->err.text);
	NDJSON_LIT(o, "}\n");
}
