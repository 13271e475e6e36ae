/* gone.h - entries of the ledger whose files are gone are retired, and gaps told.
 *
 *   - a *certain* gap: bytes are known to have been past the cursor (a size that was
 * seen, or another file stands where this one was being written).  An _error record says
 * which file, how far it was read and when, and the first time in what is left of the
 * log:
 *
 *         {"_src":{...},"time":"2026-11-22T13:00:00Z","log":"","_error":{"by":"logtail",
 *          "why":"gap:
 * ...","gap":{"from":100,"size":140,"last_read":"...","first_after":"..."}}}
 *
 *   - a *possible* gap: the file was live and went just at its cursor; counted
 *
 * Gone is only a file whose directory was listed in this run (or is itself gone while
 * others of the operands are there) and of which no file there has the first line.  Files
 * outside of the operands are never judged, nor those behind a link that leads nowhere
 * (it may be a mount); if a listing would not settle, nobody is.
 */
#ifndef GONE_H
#define GONE_H
#include "source/sweep.h"

/* After all families are swept.  `operands` are those that they came from.  0, or -1: the
 * output failed, or memory is short. */
int gone_retire(struct sweep *s, char *const operands[], size_t n, struct err *e);

#endif
