/* keytemplate.h - where in the archive a record goes.
 *
 *     year=%Y/month=%m/day=%d/hour=%H/{node}-{id}.ndjson.gz
 *
 * %Y %m %d %H %j %% are of the record's own time (UTC); finer ones are refused, for a
 * partition is an hour.  {node} is percent-encoded so that it cannot leave its place; {id}
 * is put in when the object is finished and must be there once, or objects would overwrite
 * each other.  A key is UTF-8, at most KEY_MAX bytes, has no empty part, no "." or "..", and does
 * not begin with '/' (Amazon S3, "Naming Amazon S3 objects").
 */
#ifndef KEYTEMPLATE_H
#define KEYTEMPLATE_H
#include "base/str.h"
#include <stdint.h>

struct buf;
struct err;

#define KEY_ERRORS "_errors/" /* before the keys of _error records */
#define KEY_DEFAULT "year=%Y/month=%m/day=%d/hour=%H/{node}-{id}.ndjson.gz"

enum { KEY_MAX = 1024, KEY_ID_LEN = 16 };

/* Is the template right, and every key it makes for this node?  -1 (ST_USAGE) says where. */
int keytemplate_check(const char *t, const char *node, struct err *e);

/* Append the key of an hour (timestamp_hour) with this id. */
void keytemplate_key(
    const char *t, const char *node, int64_t hour, const char *id, struct buf *key);

#endif
