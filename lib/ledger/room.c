/* room.c - new logs do not take the room of a ledger that known ones, and batches, need. */
#include "ledger/ledger.h"

#include <string.h>

/* What an entry has beside its names: numbers of 20 digits, an id, a stat, a time, the words. */
enum { ENTRY_REST = 448 };

static size_t
all_entries(const struct ledger *l)
{
	size_t sum = 1;

	for (size_t i = 0; i < l->entries; i++)
		if (!l->entry[i].dead)
			sum += ENTRY_REST + strlen(l->entry[i].file) +
			       strlen(l->entry[i].dir);
	return sum;
}

bool
ledger_has_room(struct ledger *l, struct str file, struct str dir)
{
	size_t more = ENTRY_REST + file.n + dir.n;

	if (l->logs_max == 0)
		return true;
	if (l->logs == 0)
		l->logs = all_entries(l);
	if (l->logs + more > l->logs_max)
		return false;
	l->logs += more;
	return true;
}
