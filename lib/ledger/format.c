#include "ledger/format.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "ledger/ledger.h"
#include "record/jscan.h"

#include <inttypes.h>
#include <stdlib.h>

/* The first line, of fixed length, so that the rest can be hashed as it lies:
 *
 *     {"format":"logsweep-ledger-1","sha256":"<64 hex of all after this line>",
 */
#define HEAD "{\"format\":\"logsweep-ledger-"
#define HEAD1 HEAD "1\",\"sha256\":\""
_Static_assert(LEDGER_HEAD == sizeof(HEAD1) - 1 + 64 + 3, "LEDGER_HEAD");

static void
render_entry(const struct ledger_entry *n, struct buf *b)
{
	char sum[17];

	hex64(n->sum, sum);
	buf_printf(b, "{\"id\":\"%s\",\"end\":%" PRIu64 ",\"gen\":%" PRIu64, n->id,
	    n->end, n->gen);
	buf_printf(b, ",\"at\":%" PRIu64 ",\"sum\":\"%s\",\"size\":%" PRIu64, n->at, sum,
	    n->size);
	buf_adds(b, ",\"file\":\"");
	buf_adds(b, n->file);
	buf_adds(b, "\",\"dir\":\"");
	buf_adds(b, n->dir);
	buf_printf(b, "\",\"stat\":\"%s\",\"time\":\"%s\",\"live\":%s,\"final\":%s}",
	    n->stat, n->time, n->live ? "true" : "false", n->final ? "true" : "false");
}

static int
by_id(const void *a, const void *b)
{
	const struct ledger_entry *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

/* Sorted, so that two ledgers compare line by line. */
static void
render_entries(const struct ledger *l, struct buf *b)
{
	const struct ledger_entry **sorted = malloc((l->entries + 1) * sizeof *sorted);
	size_t n = 0;

	if (sorted == NULL) {
		b->failed = true;
		return;
	}
	for (size_t i = 0; i < l->entries; i++)
		if (!l->entry[i].dead)
			sorted[n++] = &l->entry[i];
	qsort(sorted, n, sizeof *sorted, by_id);
	for (size_t i = 0; i < n; i++) {
		buf_adds(b, i ? ",\n" : "\n");
		render_entry(sorted[i], b);
	}
	free(sorted);
}

void
ledger_render(const struct ledger *l, struct buf *b)
{
	uint8_t digest[32];
	char hex[65];
	size_t start = b->n, body;

	buf_printf(b, HEAD1 "%064d\",\n", 0);
	body = b->n;
	buf_printf(b, "\"gen\":%" PRIu64 ",\"forgot\":%" PRIu64 ",\n\"totals\":{", l->gen,
	    l->forgot);
	ledger_totals_render(&l->totals, b);
	buf_adds(b, "},\n\"files\":[");
	render_entries(l, b);
	buf_adds(b, "\n],\n\"batches\":[");
	for (size_t i = 0; i < l->batches; i++) {
		buf_adds(b, i ? ",\n" : "\n");
		buf_printf(b, "{\"name\":\"%s\",\"manifest\":", l->batch[i].name);
		buf_adds(b, l->batch[i].manifest);
		buf_adds(b, "}");
	}
	buf_adds(b, "\n]}\n");
	if (b->failed)
		return;
	sha256_of(b->p + body, b->n - body, digest);
	hex_of(digest, sizeof digest, hex);
	memcpy(b->p + start + sizeof(HEAD1) - 1, hex, 64);
}

/* Text between the quotes of a string value. */
static struct str
text_of(struct str value)
{
	if (value.n < 2 || *value.p != '"')
		return STR("");
	return (struct str){ value.p + 1, value.n - 2 };
}

static uint64_t
number_of(struct str value)
{
	char digits[24] = "";

	if (value.n < sizeof digits)
		memcpy(digits, value.p, value.n);
	return strtoull(digits, NULL, 10);
}

static uint64_t
hex_number(struct str text)
{
	char digits[20] = "";

	if (text.n < sizeof digits)
		memcpy(digits, text.p, text.n);
	return strtoull(digits, NULL, 16);
}

static int
fill_entry(struct ledger *l, struct ledger_entry *n, struct str object)
{
	struct jscan it;
	struct jscan_member m;
	int r = 0;

	jscan_begin(&it, object);
	while (jscan_next(&it, &m)) {
		if (str_eq(m.key, STR("end")))
			n->end = number_of(m.value);
		else if (str_eq(m.key, STR("gen")))
			n->gen = number_of(m.value);
		else if (str_eq(m.key, STR("at")))
			n->at = number_of(m.value);
		else if (str_eq(m.key, STR("sum")))
			n->sum = hex_number(text_of(m.value));
		else if (str_eq(m.key, STR("size")))
			n->size = number_of(m.value);
		else if (str_eq(m.key, STR("file")))
			r |= ledger_set_text(l, &n->file, text_of(m.value));
		else if (str_eq(m.key, STR("dir")))
			r |= ledger_set_text(l, &n->dir, text_of(m.value));
		else if (str_eq(m.key, STR("stat")))
			r |= ledger_set_text(l, &n->stat, text_of(m.value));
		else if (str_eq(m.key, STR("time")))
			r |= ledger_set_text(l, &n->time, text_of(m.value));
		else if (str_eq(m.key, STR("final")))
			n->final = str_eq(m.value, STR("true"));
		else if (str_eq(m.key, STR("live")))
			n->live = str_eq(m.value, STR("true"));
	}
	return r;
}

int
ledger_take_entry(struct ledger *l, struct str object, struct err *e)
{
	struct jscan_member id;
	struct ledger_entry *n;

	if (!jscan_find(object, STR("id"), &id) || text_of(id.value).n < 16)
		return err_set(e, ST_FAIL, "an entry without id");
	if (l == NULL)
		return 0;
	if ((n = ledger_put(l, text_of(id.value))) == NULL ||
	    fill_entry(l, n, object) < 0)
		return err_set(e, ST_FAIL, "out of memory");
	return 0;
}

int
ledger_take_batch(struct ledger *l, struct str object, struct err *e)
{
	struct jscan_member name, manifest, key;
	char plain[256];
	struct str text;

	if (!jscan_find(object, STR("name"), &name) ||
	    !jscan_find(object, STR("manifest"), &manifest) ||
	    !jscan_find(manifest.value, STR("key"), &key))
		return err_set(e, ST_FAIL, "a batch without name, manifest or key");
	/* ledger_manifest puts the path in behind the key */
	if (!str_starts(manifest.value, STR("{\"key\":\"")) ||
	    key.value.p != manifest.value.p + 7 ||
	    memchr(manifest.value.p, '\n', manifest.value.n) != NULL)
		return err_set(e, ST_FAIL, "a batch with a bad manifest");
	text = text_of(name.value);
	if (text.n == 0 || text.n >= sizeof plain ||
	    memchr(text.p, '/', text.n) != NULL || *text.p == '.')
		return err_set(e, ST_FAIL, "a batch with a bad name");
	if (l == NULL)
		return 0;
	memcpy(plain, text.p, text.n);
	plain[text.n] = '\0';
	return ledger_add_batch(l, plain, text_of(key.value), manifest.value, e);
}

/* The objects of an array, one a call. */
static int
parse_items(struct ledger *l, struct str array,
    int (*item)(struct ledger *, struct str, struct err *), struct err *e)
{
	struct jscan it;
	struct str object;

	jscan_items(&it, array);
	while (jscan_item(&it, &object))
		if (item(l, object, e) < 0)
			return -1;
	return 0;
}

bool
ledger_is_newer(struct str text)
{
	size_t at = sizeof(HEAD) - 1, digits = at;

	if (!str_starts(text, STR(HEAD)) || str_starts(text, STR(HEAD1)))
		return false;
	while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
		at++;
	return at > digits && at < text.n && text.p[at] == '"';
}

bool
ledger_peek_gen(struct str text, uint64_t *gen)
{
	const struct str mark = STR("\"gen\":");
	const char *p = text.p + LEDGER_HEAD, *end = text.p + text.n;
	char digits[24] = "";

	if (!str_starts(text, STR(HEAD1)) || text.n < LEDGER_HEAD + mark.n ||
	    memcmp(p, mark.p, mark.n) != 0)
		return false;
	for (size_t n = 0; n < sizeof digits - 1 && p + mark.n + n < end; n++)
		digits[n] = p[mark.n + n];
	*gen = strtoull(digits, NULL, 10);
	return true;
}

int
ledger_check_head(struct str text, struct err *e)
{
	if (!str_starts(text, STR(HEAD)))
		return err_set(e, ST_FAIL, "not a logsweep ledger; it is left alone");
	if (ledger_is_newer(text))
		return err_set(e, ST_FAIL,
		    "of a newer version of logsweep, which is to be used; it is left "
		    "alone");
	if (text.n < LEDGER_HEAD || !str_starts(text, STR(HEAD1)) ||
	    memcmp(text.p + LEDGER_HEAD - 3, "\",\n", 3) != 0)
		return err_set(e, ST_FAIL, "damaged: its first line is not whole");
	return 0;
}

int
ledger_take_members(struct ledger *l, struct str object, struct err *e)
{
	struct jscan it;
	struct jscan_member m;
	int r = 0;

	jscan_begin(&it, object);
	while (r == 0 && jscan_next(&it, &m)) {
		if (str_eq(m.key, STR("files")))
			r = parse_items(l, m.value, ledger_take_entry, e);
		else if (str_eq(m.key, STR("batches")))
			r = parse_items(l, m.value, ledger_take_batch, e);
		else if (l == NULL)
			continue;
		else if (str_eq(m.key, STR("gen")))
			l->gen = number_of(m.value);
		else if (str_eq(m.key, STR("forgot")))
			l->forgot = number_of(m.value);
		else if (str_eq(m.key, STR("totals")))
			ledger_totals_parse(&l->totals, m.value);
	}
	return r;
}
