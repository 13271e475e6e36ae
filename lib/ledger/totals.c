/* What has come about since a ledger began: counted here, rendered and read back here. */
#include "base/buf.h"
#include "ledger/format.h"
#include "ledger/ledger.h"
#include "record/jscan.h"
#include "record/timestamp.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct {
	const char *name;
	size_t at; /* in struct ledger_totals */
} numbers[] = {
#define NUMBER(name)                                                                     \
	{                                                                                \
#name, offsetof(struct ledger_totals, name)                              \
	}
	NUMBER(commits),
	NUMBER(objects),
	NUMBER(records),
	NUMBER(errors),
	NUMBER(gaps),
	NUMBER(raw_bytes),
	NUMBER(bytes),
	NUMBER(delivered),
	NUMBER(delivered_bytes),
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

void
ledger_totals_render(const struct ledger_totals *t, struct buf *b)
{
	for (size_t i = 0; i < NUMBERS; i++) {
		uint64_t v;

		memcpy(&v, (const char *)t + numbers[i].at, sizeof v);
		buf_printf(b, "\"%s\":%" PRIu64 ",", numbers[i].name, v);
	}
	buf_printf(b, "\"committed_at\":\"%s\",\"delivered_at\":\"%s\"", t->committed_at,
	    t->delivered_at);
}

static void
time_into(char to[40], struct str value)
{
	if (value.n >= 2 && value.n - 2 < 40 && *value.p == '"') {
		memcpy(to, value.p + 1, value.n - 2);
		to[value.n - 2] = '\0';
	}
}

void
ledger_totals_parse(struct ledger_totals *t, struct str object)
{
	struct jscan it;
	struct jscan_member m;

	jscan_begin(&it, object);
	while (jscan_next(&it, &m)) {
		for (size_t i = 0; i < NUMBERS; i++)
			if (str_eq(m.key, str_of(numbers[i].name))) {
				uint64_t v = strtoull(m.value.p, NULL, 10);

				memcpy((char *)t + numbers[i].at, &v, sizeof v);
			}
		if (str_eq(m.key, STR("committed_at")))
			time_into(t->committed_at, m.value);
		else if (str_eq(m.key, STR("delivered_at")))
			time_into(t->delivered_at, m.value);
	}
}

/* A number of the manifest; 0 if it is not there. */
static uint64_t
manifest_number(const struct ledger_batch *b, struct str name)
{
	struct jscan_member m;

	return jscan_find(str_of(b->manifest), name, &m) ? strtoull(m.value.p, NULL, 10)
							 : 0;
}

void
ledger_count_committed(struct ledger *l, const struct ledger_batch *b, int64_t now)
{
	struct ledger_totals *t = &l->totals;
	uint64_t records = manifest_number(b, STR("records"));

	t->objects++;
	t->records += records;
	t->gaps += manifest_number(b, STR("gaps"));
	t->errors += strncmp(b->key, "_errors/", 8) == 0 ? records : 0;
	t->raw_bytes += manifest_number(b, STR("raw_bytes"));
	t->bytes += manifest_number(b, STR("bytes"));
	timestamp_format(now, t->committed_at);
}

void
ledger_count_delivered(struct ledger *l, const struct ledger_batch *b, int64_t now)
{
	l->totals.delivered++;
	l->totals.delivered_bytes += manifest_number(b, STR("bytes"));
	timestamp_format(now, l->totals.delivered_at);
}
