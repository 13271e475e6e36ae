/* builtin.h - the parsers that need no file, by the names that Fluent Bit's stock
 * parsers.conf gives them, with the same field names, times and defaults; and ltsv, klog
 * and syslog.
 *
 * Each has a sample line that it fits: documentation, and a test.  The patterns are read
 * as all are (ruby.h).
 */
#ifndef BUILTIN_H
#define BUILTIN_H
#include "parse/define.h"

extern const struct define builtins[];
extern const size_t builtins_n;
#endif
