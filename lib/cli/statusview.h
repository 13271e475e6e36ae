/* statusview.h - how a node's sweeps stand, for people and for machines.
 *
 * One struct of figures; three views of it: a table, one NDJSON line, and a text file for
 * Prometheus (its text format 0.0.4; node_exporter's textfile collector reads it).  The
 * figures of the last two come from one table, so that they cannot differ.  Names in the table
 * have their control bytes written as \xNN: what a container calls its log moves no terminal.
 *
 * Times are ns since the epoch, 0 for never.
 */
#ifndef STATUSVIEW_H
#define STATUSVIEW_H
#include <stdbool.h>
#include <stdint.h>

struct buf;

enum { STATUS_LAGGING = 10 };

struct node_status {
	const char *state; /* the directory */
	uint64_t damaged;  /* 1: its ledger is, and the copy is told of */
	uint64_t generation, cursors;
	int64_t swept_at, committed_at, delivered_at;
	/* since the state directory began */
	uint64_t commits, records, errors, gaps, raw_bytes, bytes, objects;
	uint64_t delivered, delivered_bytes;
	/* what waits in the outbox */
	uint64_t pending, pending_bytes;
	int64_t pending_since; /* when the oldest of them was made */
	/* the files, if they were looked at */
	bool looked;
	uint64_t done, behind, fresh, waiting, empty, unreadable;
	uint64_t lag; /* bytes, of all */
	struct status_lagging {
		char file[256];
		uint64_t lag;
	} lagging[STATUS_LAGGING]; /* the furthest behind first; lag 0 ends it */
};

/* Count one file in; `state` is a word of logtail --list. */
void status_file(
    struct node_status *s, const char *state, const char *file, uint64_t lag);

void status_table(const struct node_status *s, int64_t now, struct buf *out);
void status_ndjson(const struct node_status *s, struct buf *out);
void status_metrics(const struct node_status *s, struct buf *out);

/* "1.2 MiB" into `text`. */
void status_size(uint64_t bytes, char text[16]);

#endif
