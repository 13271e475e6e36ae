/* list.h - what logtail would read, without reading it: one NDJSON line a file.
 *
 *     {"file":F,"path":P,"id":I,"format":"cri","size":N,"committed":N,"lag":N,
 *      "live":BOOL,"final":BOOL,"last_read":T,"state":"behind"}
 *
 * file is the operand's name, path the real one.  size counts decompressed bytes (of a
 * .gz what its last member says of itself, RFC 1952 ISIZE: right below 4 GiB in one member).
 * committed is the cursor, of two streams the one that is behind; lag is size - committed.
 * state: "new", "behind", "done", "empty", "waiting" (its first line has no end yet) or
 * "unreadable" (why is then told by `warn`; path is "" if it could not even be opened).  Of
 * a file only its first KiB and, to tell equal beginnings apart, one KiB more are read; of a
 * .gz all up to there; of .zst, .xz, .bz2 and members of archives all, for their sizes.
 */
#ifndef LIST_H
#define LIST_H
#include "source/sweep.h"

/* What is told of one file. */
struct listed {
	const char *file, *path;
	struct identity id;
	enum frame_format format;
	const struct ledger_entry *entry; /* of the stream that is behind; NULL: none */
	uint64_t size;
	bool live;
	const char *state;
};

int list_put(struct sweep *s, const struct listed *w, struct err *e);
/* The entry of w->id and w->format. */
void list_entry(struct sweep *s, struct listed *w);
/* "new", "behind" or "done". */
const char *list_state(const struct listed *w);

/* The files of a family, oldest first.  0, or -1: the output failed. */
int list_family(struct sweep *s, struct family *f, struct err *e);

#endif
