/* klog.h - the parser of what Kubernetes' own programs write (klog, and glog before it).
 *
 *     I1122 13:00:00.123456    4321 server.go:57] "Started" address="[::]:10250"   ->
 *     {"level":"info","time":"1122 13:00:00.123456","id":"4321","file":"server.go",
 *      "line":"57","message":"\"Started\" address=\"[::]:10250\""}
 *
 * Source: github.com/kubernetes/klog, klog.go ("Log line format").
 */
#ifndef KLOG_H
#define KLOG_H
struct err;
struct parser;

struct parser *klog_open(const char *name, struct err *e); /* NULL (ST_FAIL) */
#endif
