#include "batch/keyfields.h"
#include "base/err.h"
#include "record/jscan.h"

#include <stdlib.h>

void
keyfields_init(struct keyfields *k, const struct keytemplate *t)
{
	*k = (struct keyfields){ .t = t };
	buf_init(&k->raw, KEY_FIELDS_MAX * (KEYFIELDS_RAW_MAX + 1));
	buf_init(&k->tail, KEYFIELDS_RAW_MAX);
	buf_init(&k->work, KEY_FIELDS_MAX * (8 * KEY_MAX + (256 << 10)));
}

void
keyfields_clear(struct keyfields *k)
{
	for (size_t i = 0; i < k->n; i++)
		free((void *)(uintptr_t)k->text[i].p);
	k->n = 0;
	k->last = 0;
	if (k->index != NULL)
		memset(k->index, 0, k->places * sizeof *k->index);
}

void
keyfields_done(struct keyfields *k)
{
	keyfields_clear(k);
	free(k->text);
	free(k->index);
	buf_done(&k->raw);
	buf_done(&k->tail);
	buf_done(&k->work);
	*k = (struct keyfields){ 0 };
}

const char *
keyfields_text(const struct keyfields *k, uint32_t group)
{
	return group == 0 ? NULL : k->text[group - 1].p;
}

static size_t
place(const struct keyfields *k, struct str text)
{
	uint64_t h = 0xcbf29ce484222325;
	size_t i;

	for (size_t j = 0; j < text.n; j++)
		h = (h ^ (unsigned char)text.p[j]) * 0x100000001b3;
	for (i = (h ^ h >> 32) & (k->places - 1); k->index[i] != 0;
	     i = (i + 1) & (k->places - 1))
		if (str_eq(k->text[k->index[i] - 1], text))
			break;
	return i;
}

static int
grow(struct keyfields *k)
{
	size_t cap = k->cap ? 2 * k->cap : 64;
	struct str *text = realloc(k->text, cap * sizeof *text);
	uint32_t *index = calloc(4 * cap, sizeof *index);

	if (text != NULL)
		k->text = text;
	if (text == NULL || index == NULL) {
		free(index);
		return -1;
	}
	free(k->index);
	k->index = index;
	k->places = 4 * cap;
	k->cap = cap;
	for (size_t i = 0; i < k->n; i++)
		k->index[place(k, k->text[i])] = (uint32_t)i + 1;
	return 0;
}

/* The group of the text in k->work; 0: out of memory. */
static uint32_t
look_up(struct keyfields *k)
{
	struct str text = { k->work.p, k->work.n };
	size_t i;
	char *copy;

	if (k->n == k->cap && grow(k) < 0)
		return 0;
	i = place(k, text);
	if (k->index[i] != 0)
		return k->index[i];
	if ((copy = malloc(text.n)) == NULL)
		return 0;
	memcpy(copy, text.p, text.n);
	k->text[k->n].p = copy;
	k->text[k->n++].n = text.n;
	/* cppcheck-suppress memleak ; it is in k->text */
	return k->index[i] = (uint32_t)k->n;
}

/* Does the line end as the one before, with all the members in question? */
static bool
same_tail(const struct keyfields *k, struct str line)
{
	return k->last != 0 && k->tail.n > 0 && line.n > k->tail.n &&
	       memcmp(line.p + line.n - k->tail.n, k->tail.p, k->tail.n) == 0;
}

/* Where the member of the record begins that `value` is in or is; NULL: not found. */
static const char *
member_of(struct str line, const char *value)
{
	struct jscan it;
	struct jscan_member m;

	jscan_begin(&it, line);
	while (jscan_next(&it, &m))
		if (value >= m.value.p && value < m.value.p + m.value.n)
			return m.key.p - 1;
	return NULL;
}

/* What the members are in is kept, if it is the record's last member: a comma, the key in its
 * quotes, and so on to the end.  A line that ends so has that member at its top, since it is
 * one object by its shape. */
static void
keep_tail(struct keyfields *k, struct str line, const char *first)
{
	const char *from = first != NULL ? member_of(line, first) : NULL;
	const char *end = line.p + line.n;
	struct jscan it;
	struct jscan_member m;

	buf_clear(&k->tail);
	if (from == NULL || from <= line.p || from[-1] != ',' ||
	    (size_t)(end - from) >= KEYFIELDS_RAW_MAX)
		return;
	/* nothing of another member may follow */
	jscan_begin(&it, line);
	while (jscan_next(&it, &m))
		if (m.key.p > from + 1)
			return;
	buf_add(&k->tail, from - 1, (size_t)(end - from + 1));
}

/* Raw values into k->work, and the first place that a value was found at; false: a value is
 * too long to be compared. */
static bool
find_all(struct keyfields *k, struct str line, struct str value[], const char **first)
{
	bool all = true, fits = true;

	buf_clear(&k->work);
	*first = NULL;
	for (size_t i = 0; i < k->t->fields; i++) {
		struct jscan_member m;

		value[i] = STR("");
		if (line.n > 0 && jscan_path(line, k->t->field[i], &m))
			value[i] = m.value;
		all &= value[i].n > 0;
		if (value[i].n > 0 && (*first == NULL || value[i].p < *first))
			*first = value[i].p;
		if (value[i].n > KEYFIELDS_RAW_MAX)
			fits = false;
		else
			buf_addstr(&k->work, value[i]);
		buf_addc(&k->work, '\n');
	}
	if (!all)
		*first = NULL; /* it might be anywhere in another line */
	return fits;
}

int
keyfields_group(struct keyfields *k, struct str line, uint32_t *group, struct err *e)
{
	struct str value[KEY_FIELDS_MAX] = { { NULL, 0 } };
	const char *first;
	bool fits;

	*group = k->last;
	if (k->t->fields == 0 || same_tail(k, line))
		return 0;
	fits = find_all(k, line, value, &first);
	if (fits && k->last != 0 && k->raw.n == k->work.n &&
	    memcmp(k->raw.p, k->work.p, k->work.n) == 0) {
		*group = k->last;
		if ((++k->misses & 15) ==
		    0) /* another end, or one that always is another */
			keep_tail(k, line, first);
		return 0;
	}
	buf_clear(&k->raw);
	if (fits)
		buf_add(&k->raw, k->work.p, k->work.n);
	buf_clear(&k->work);
	for (size_t i = 0; i < k->t->fields; i++) {
		keytemplate_value(k->t, value[i], &k->work);
		buf_addc(&k->work, '\0');
	}
	if (k->work.failed || k->raw.failed || (k->last = look_up(k)) == 0) {
		k->last = 0;
		return err_set(e, ST_FAIL, "out of memory");
	}
	*group = k->last;
	keep_tail(k, line, first);
	return 0;
}
