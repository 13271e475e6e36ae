/* results.h - the line that tells what became of an order.
 *
 *     {"key":"...","status":"stored","etag":"...","bytes":N,"attempts":N,"seconds":S,...}
 *
 * Members: s3put(1).
 */
#ifndef RESULTS_H
#define RESULTS_H

struct delivery;
struct ndjson_out;
struct store;

/* One line.  `st`: where it went, or would. */
void results_add(struct ndjson_out *o, const struct delivery *d, const struct store *st);

#endif
