#include "cli/statusview.h"
#include "base/buf.h"
#include "record/jscan.h"
#include "record/jsonw.h"
#include "record/timestamp.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum kind { COUNTER, GAUGE, TIME };

static const struct {
	const char *member, *metric, *help;
	enum kind kind;
	bool file; /* only if the files were looked at */
	size_t at;
} figures[] = {
#define FIGURE(name, metric, kind, file, help)                                           \
	{                                                                                \
#name, "logsweep_" metric, help, kind, file,                             \
		    offsetof(struct node_status, name)                                   \
	}
	FIGURE(damaged, "ledger_damaged", GAUGE, false,
	    "1 if ledger.json does not read and its copy is used."),
	FIGURE(generation, "ledger_generation", GAUGE, false, "Changes of the ledger."),
	FIGURE(
	    cursors, "cursors", GAUGE, false, "Streams that the ledger has a cursor of."),
	FIGURE(swept_at, "last_sweep_timestamp_seconds", TIME, false,
	    "When a sweep last came to its end, with or without anything new."),
	FIGURE(committed_at, "last_commit_timestamp_seconds", TIME, false,
	    "When records were last committed."),
	FIGURE(delivered_at, "last_delivery_timestamp_seconds", TIME, false,
	    "When an object was last delivered."),
	FIGURE(
	    commits, "commits_total", COUNTER, false, "Commits of records or cursors."),
	FIGURE(records, "records_total", COUNTER, false, "Records committed."),
	FIGURE(errors, "error_records_total", COUNTER, false,
	    "Records set aside under _errors/, gaps among them."),
	FIGURE(gaps, "gaps_total", COUNTER, false,
	    "Parts of logs that were deleted before they were read."),
	FIGURE(raw_bytes, "record_bytes_total", COUNTER, false,
	    "Bytes of the records committed."),
	FIGURE(bytes, "object_bytes_total", COUNTER, false,
	    "Bytes of the objects committed."),
	FIGURE(objects, "objects_total", COUNTER, false, "Objects committed."),
	FIGURE(
	    delivered, "delivered_objects_total", COUNTER, false, "Objects delivered."),
	FIGURE(delivered_bytes, "delivered_bytes_total", COUNTER, false,
	    "Bytes of the objects delivered."),
	FIGURE(pending, "pending_objects", GAUGE, false,
	    "Objects committed and not yet delivered."),
	FIGURE(pending_bytes, "pending_bytes", GAUGE, false, "Bytes of those objects."),
	FIGURE(pending_since, "pending_since_timestamp_seconds", TIME, false,
	    "When the oldest of them was made."),
	FIGURE(done, "files_done", GAUGE, true, "Files read to their end."),
	FIGURE(behind, "files_behind", GAUGE, true, "Files with more than is committed."),
	FIGURE(fresh, "files_new", GAUGE, true, "Files that no sweep has read."),
	FIGURE(waiting, "files_waiting", GAUGE, true,
	    "Files whose first line has no end yet."),
	FIGURE(empty, "files_empty", GAUGE, true, "Empty files."),
	FIGURE(unreadable, "files_unreadable", GAUGE, true, "Files that cannot be read."),
	FIGURE(lag, "lag_bytes", GAUGE, true, "Bytes in files that are not committed."),
};
enum { FIGURES = sizeof figures / sizeof *figures };

static uint64_t
figure(const struct node_status *s, size_t i)
{
	uint64_t v;

	memcpy(&v, (const char *)s + figures[i].at, sizeof v);
	return v;
}

static void
note_lagging(struct node_status *s, const char *file, uint64_t lag)
{
	size_t i = STATUS_LAGGING;

	if (lag <= s->lagging[STATUS_LAGGING - 1].lag)
		return;
	for (; i > 0 && s->lagging[i - 1].lag < lag; i--)
		if (i < STATUS_LAGGING)
			s->lagging[i] = s->lagging[i - 1];
	s->lagging[i].lag = lag;
	/* the end of a name says more than its beginning */
	if (strlen(file) >= sizeof s->lagging[i].file) {
		file += strlen(file) - (sizeof s->lagging[i].file - 1);
		while (((unsigned char)*file & 0xc0) == 0x80)
			file++;
	}
	snprintf(s->lagging[i].file, sizeof s->lagging[i].file, "%s", file);
}

void
status_file(struct node_status *s, const char *state, const char *file, uint64_t lag)
{
	static const struct {
		const char *state;
		size_t at;
	} words[] = {
		{ "done", offsetof(struct node_status, done) },
		{ "behind", offsetof(struct node_status, behind) },
		{ "new", offsetof(struct node_status, fresh) },
		{ "waiting", offsetof(struct node_status, waiting) },
		{ "empty", offsetof(struct node_status, empty) },
		{ "unreadable", offsetof(struct node_status, unreadable) },
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(state, words[i].state) == 0)
			++*(uint64_t *)(void *)((char *)s + words[i].at);
	s->lag += lag;
	note_lagging(s, file, lag);
}

void
status_size(uint64_t bytes, char text[16])
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double v = (double)bytes;
	size_t u = 0;

	for (; v >= 1024 && u < 5; u++)
		v /= 1024;
	snprintf(text, 16, u == 0 ? "%.0f %s" : "%.1f %s", v, unit[u]);
}

/* Length of what at `p` moves a terminal or hides: C0, DEL, C1, marks of writing direction,
 * and bytes that are no UTF-8; 0: it may be shown. */
static unsigned
hidden(const char *p, const char *end)
{
	unsigned n = jscan_utf8(p, end);
	const unsigned char *u = (const unsigned char *)p;

	if (n == 0)
		return 1;
	if (n == 1)
		return u[0] < 0x20 || u[0] == 0x7f;
	if (n == 2)
		return u[0] == 0xc2 && u[1] < 0xa0 ? 2 : 0;
	if (n == 3 && u[0] == 0xe2 &&
	    ((u[1] == 0x80 &&
		 (u[2] == 0x8e || u[2] == 0x8f || (u[2] >= 0xa8 && u[2] <= 0xae))) ||
		(u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9)))
		return 3;
	return 0;
}

static void
put_visible(struct buf *out, const char *text)
{
	const char *end = text + strlen(text);

	while (text < end) {
		unsigned n = hidden(text, end);

		if (n == 0) /* the next of a sequence are not the first of one */
			for (n = jscan_utf8(text, end); n > 0; n--)
				buf_addc(out, *text++);
		for (; n > 0; n--)
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*text++);
	}
}

/* "2026-11-22T13:05:02Z, 4m ago" or "never". */
static void
put_when(struct buf *out, int64_t at, int64_t now)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } };
	int64_t ago = (now - at) / 1000000000;
	char text[TIMESTAMP_MAX];
	size_t u = 0;

	if (at == 0) {
		buf_adds(out, "never");
		return;
	}
	timestamp_format(at - at % 1000000000, text);
	buf_adds(out, text);
	while (u < 3 && ago < units[u].seconds)
		u++;
	if (ago >= 0)
		buf_printf(
		    out, ", %" PRId64 "%s ago", ago / units[u].seconds, units[u].unit);
}

static void
put_files(const struct node_status *s, struct buf *out)
{
	char size[16];

	status_size(s->lag, size);
	buf_printf(out,
	    "files       %" PRIu64 " done, %" PRIu64 " behind, %" PRIu64
	    " new: %s to read\n",
	    s->done, s->behind, s->fresh, size);
	if (s->waiting + s->empty + s->unreadable > 0)
		buf_printf(out,
		    "            %" PRIu64 " waiting, %" PRIu64 " empty, %" PRIu64
		    " unreadable\n",
		    s->waiting, s->empty, s->unreadable);
	for (size_t i = 0; i < STATUS_LAGGING && s->lagging[i].lag > 0; i++) {
		status_size(s->lagging[i].lag, size);
		buf_printf(out, "            %10s  ", size);
		put_visible(out, s->lagging[i].file);
		buf_addc(out, '\n');
	}
}

void
status_table(const struct node_status *s, int64_t now, struct buf *out)
{
	char raw[16], packed[16];

	buf_adds(out, "state       ");
	put_visible(out, s->state);
	buf_printf(out, ", generation %" PRIu64 ", %" PRIu64 " cursors\n", s->generation,
	    s->cursors);
	if (s->damaged)
		buf_adds(out,
		    "            the ledger is damaged, this is of its copy: see "
		    "ledger(5)\n");
	buf_adds(out, "last sweep  ");
	put_when(out, s->swept_at, now);
	buf_adds(out, "\n");
	if (s->looked)
		put_files(s, out);
	status_size(s->raw_bytes, raw);
	status_size(s->bytes, packed);
	buf_printf(out,
	    "archived    %" PRIu64 " records, %s as %s in %" PRIu64 " objects\n",
	    s->records, raw, packed, s->objects);
	buf_printf(out,
	    "set aside   %" PRIu64 " records under _errors/, %" PRIu64 " of them gaps\n",
	    s->errors, s->gaps);
	status_size(s->pending_bytes, packed);
	buf_printf(out, "pending     %" PRIu64 " objects, %s", s->pending, packed);
	if (s->pending > 0 && s->pending_since != 0) {
		buf_adds(out, ", since ");
		put_when(out, s->pending_since, now);
	}
	status_size(s->delivered_bytes, packed);
	buf_printf(
	    out, "\ndelivered   %" PRIu64 " objects, %s, last ", s->delivered, packed);
	put_when(out, s->delivered_at, now);
	buf_adds(out, "\n");
}

void
status_ndjson(const struct node_status *s, struct buf *out)
{
	char time[TIMESTAMP_MAX];

	buf_adds(out, "{\"state\":");
	jsonw_string(out, s->state, strlen(s->state));
	for (size_t i = 0; i < FIGURES; i++) {
		uint64_t v = figure(s, i);

		if (figures[i].file && !s->looked)
			continue;
		buf_printf(out, ",\"%s\":", figures[i].member);
		if (figures[i].kind != TIME) {
			buf_printf(out, "%" PRIu64, v);
		} else if (v == 0) {
			buf_adds(out, "null");
		} else {
			timestamp_format((int64_t)v, time);
			buf_printf(out, "\"%s\"", time);
		}
	}
	for (size_t i = 0; s->looked && i < STATUS_LAGGING; i++) {
		if (s->lagging[i].lag == 0)
			break;
		buf_adds(out, i == 0 ? ",\"lagging\":[{\"file\":" : ",{\"file\":");
		jsonw_string(out, s->lagging[i].file, strlen(s->lagging[i].file));
		buf_printf(out, ",\"lag\":%" PRIu64 "}", s->lagging[i].lag);
	}
	buf_adds(out, s->looked && s->lagging[0].lag > 0 ? "]}\n" : "}\n");
}

void
status_metrics(const struct node_status *s, struct buf *out)
{
	for (size_t i = 0; i < FIGURES; i++) {
		uint64_t v = figure(s, i);

		/* a time that never was is no time: left out */
		if ((figures[i].file && !s->looked) ||
		    (figures[i].kind == TIME && v == 0))
			continue;
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", figures[i].metric,
		    figures[i].help, figures[i].metric,
		    figures[i].kind == COUNTER ? "counter" : "gauge");
		if (figures[i].kind == TIME)
			buf_printf(out, "%s %" PRIu64 ".%03" PRIu64 "\n",
			    figures[i].metric, v / 1000000000, v / 1000000 % 1000);
		else
			buf_printf(out, "%s %" PRIu64 "\n", figures[i].metric, v);
	}
}
