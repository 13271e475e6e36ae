#include "parse/builtin.h"

/* clang-format off */

#define WORD(name) "(?<" name ">[^ ]*+)" /* up to a blank */
#define FULL(name) "(?<" name ">[^ ]++)" /* the same, not empty */
#define QUOTED(name) "\"(?<" name ">[^\"]*+)\""
#define QWORD(name) "\"(?<" name ">[^ \"]*+)\""
#define ESCAPED(name) "\"(?<" name ">(?:[^\"\\\\]++|\\\\.)*+)\"" /* Apache: \" inside */
#define LIST(name) "(?<" name ">[^ ,]*+(?:, [^ ,]*+)*+)" /* a value for each upstream tried */
#define BRACKETS(name) "\\[(?<" name ">[^\\]]*+)\\]"

/* METHOD PATH PROTOCOL; what a scanner sent may be anything, so method and path may be
 * missing, and a path may hold blanks. */
#define PATH "(?<path>[^ \"]*+(?: ++[^ \"]++(?= ))*+)"
#define REQUEST "\"(?<method>[^\\s\"]*+)(?: ++" PATH "(?: ++[^ \"]*+)?+)?+\""

/* Proxies say the protocol too */
#define CALL "\"(?<method>\\S++)(?: ++(?<path>[^\"]*?)(?: ++\\S*)?)? (?<protocol>\\S+)\""

#define ANSWER " " BRACKETS("time") " " REQUEST " " WORD("code") " " WORD("size")

#define TIME_AT(key, ...) .time_key = key, .time_format = { __VA_ARGS__ }, \
	.time_formats = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *)
#define TIME(...) TIME_AT("time", __VA_ARGS__)
#define CLF TIME("%d/%b/%Y:%H:%M:%S %z")
#define ISO_AT(key) TIME_AT(key, "%Y-%m-%dT%H:%M:%S.%L%z")
#define ISO ISO_AT("time")
#define ISO_UTC TIME("%Y-%m-%dT%H:%M:%S.%L") /* or the zone that the text says */

/* A Kubernetes name: letters, digits and dashes, in parts between dots */
#define LABEL "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"

const struct define builtins[] = {
	{ .name = "json", .format = FORMAT_JSON,
	  .sample = "{\"level\":\"info\",\"ts\":1599112512.123,\"msg\":\"ready\",\"port\":8080}" },

	{ .name = "docker", .format = FORMAT_JSON, ISO_UTC, .time_keep = true,
	  .sample = "{\"log\":\"ready\\n\",\"stream\":\"stdout\","
	  "\"time\":\"2026-11-22T13:00:00.123456789Z\"}" },

	{ .name = "cri", .format = FORMAT_REGEX, ISO, .time_keep = true,
	  .pattern = "^" FULL("time") " (?<stream>stdout|stderr) " WORD("logtag") " (?<message>.*)$",
	  .sample = "2026-11-22T21:00:00.123456789+08:00 stderr F could not connect, retrying" },

	{ .name = "nginx", .format = FORMAT_REGEX, CLF, .pattern =
	  "^" WORD("remote") " " WORD("host") " " WORD("user") ANSWER
	  "(?: " QUOTED("referer") " " QUOTED("agent") "(?: .*+)?+)?+$",
	  .sample =
	  "203.0.113.7 - tony [22/Nov/2026:13:00:00 +0000] \"GET /cart?id=7 HTTP/1.1\" 200 612 "
	  "\"https://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64)\"" },

	{ .name = "apache", .format = FORMAT_REGEX, CLF, .pattern =
	  "^" WORD("host") " [^ ]*+ " WORD("user") ANSWER
	  "(?: " ESCAPED("referer") " " ESCAPED("agent") ")?+$",
	  .sample =
	  "203.0.113.7 - tony [10/Oct/2026:13:55:36 -0700] \"GET /apache_pb.gif HTTP/1.0\" "
	  "200 2326 \"-\" \"curl/8.5.0\"" },

	{ .name = "apache2", .format = FORMAT_REGEX, CLF, .pattern =
	  "^" WORD("host") " [^ ]*+ " WORD("user") ANSWER
	  "(?: " ESCAPED("referer") " \"(?<agent>.*)\")?+$",
	  .sample =
	  "203.0.113.7 - - [10/Oct/2026:13:55:36 -0700] \"POST /login HTTP/2.0\" 302 - "
	  "\"https://shop.example/\" \"odd \\\"agent\\\" 1.0\"" },

	{ .name = "apache_error", .format = FORMAT_REGEX, .pattern =
	  "^\\[[^ ]*+ (?<time>[^\\]]*+)\\] " BRACKETS("level") "(?: \\[pid (?<pid>[^\\]]*+)\\])?+"
	  "(?: \\[client (?<client>[^\\]]*+)\\])?+ (?<message>.*)$",
	  .sample =
	  "[Fri Jul 17 20:17:03.123456 2026] [core:error] [pid 35708:tid 4328636416] "
	  "[client 203.0.113.7:50000] File does not exist: /srv/favicon.ico" },

	{ .name = "k8s-nginx-ingress", .format = FORMAT_REGEX, CLF, .pattern =
	  "^" WORD("host") " - (?:" BRACKETS("real_ip") " - )?+" WORD("user") ANSWER
	  " " QUOTED("referer") " " QUOTED("agent") " " WORD("request_length")
	  " " WORD("request_time") " " BRACKETS("proxy_upstream_name")
	  " (?:" BRACKETS("proxy_alternative_upstream_name") " )?+" LIST("upstream_addr")
	  " " LIST("upstream_response_length") " " LIST("upstream_response_time")
	  " " LIST("upstream_status") "(?: " WORD("reg_id") ".*+)?+$",
	  .sample =
	  "203.0.113.7 - - [22/Nov/2026:13:00:00 +0000] \"GET /v1/items HTTP/1.1\" 200 1533 "
	  "\"-\" \"okhttp/4.12.0\" 514 0.012 [shop-web-80] [] 10.244.1.10:8080 1533 0.011 200 "
	  "1f2e3d4c5b6a79881f2e3d4c5b6a7988" },

	{ .name = "syslog", .format = FORMAT_SYSLOG, TIME("rfc3164", "rfc5424"), .time_keep = true,
	  .sample = "Nov  2 13:00:00 node-1 sshd[4321]: Accepted publickey for ops from 203.0.113.7" },

	{ .name = "syslog-rfc3164", .format = FORMAT_RFC3164, TIME("rfc3164", "rfc5424"), .time_keep = true,
	  .sample = "<34>Nov  2 13:00:00 node-1 su[231]: 'su root' failed for ops on /dev/pts/8" },

	{ .name = "syslog-rfc3164-local", .format = FORMAT_RFC3164_LOCAL, TIME("rfc3164", "rfc5424"),
	  .time_keep = true,
	  .sample = "<30>Nov  2 13:00:00 dockerd[812]: Loading containers: done." },

	{ .name = "syslog-rfc5424", .format = FORMAT_RFC5424, TIME("rfc5424"), .time_keep = true,
	  .sample = "<165>1 2026-11-22T13:00:00.003Z node-1 shop 8710 ID47 "
	  "[origin@32473 ip=\"203.0.113.7\" x=\"a \\] b\"] order 17 was placed" },

	{ .name = "logfmt", .format = FORMAT_LOGFMT,
	  .sample = "level=info msg=\"order placed\" id=17 total=12.50 first" },

	{ .name = "ltsv", .format = FORMAT_LTSV,
	  .sample = "host:203.0.113.7\tuser:-\treq:GET / HTTP/1.1\tstatus:200" },

	{ .name = "klog", .format = FORMAT_KLOG, TIME("%m%d %H:%M:%S.%L"),
	  .types = "id:integer line:integer",
	  .sample = "I1122 13:00:00.123456    4321 server.go:57] \"Started\" address=\"[::]:10250\"" },

	{ .name = "mongodb", .format = FORMAT_REGEX, ISO_UTC, .time_keep = true, .pattern =
	  "^" WORD("time") "\\s++(?<severity>\\w)\\s++" FULL("component")
	  "\\s++\\[(?<context>[^\\]]++)\\]\\s++(?<message>.*?) *(?<ms>\\d++)?(?::?ms)?$",
	  .sample = "2026-11-22T13:00:00.123+0000 I  COMMAND  [conn14] command shop.orders "
	  "planSummary: COLLSCAN 104ms" },

	{ .name = "envoy", .format = FORMAT_REGEX, ISO_AT("start_time"), .time_keep = true,
	  .pattern =
	  "^" BRACKETS("start_time") " " CALL " " WORD("code") " " WORD("response_flags")
	  " " WORD("bytes_received") " " WORD("bytes_sent") " " WORD("duration")
	  " " WORD("x_envoy_upstream_service_time") " " QWORD("x_forwarded_for") " "
	  QUOTED("user_agent") " " QUOTED("request_id") " " QWORD("authority") " " QWORD("upstream_host"),
	  .sample = "[2026-11-22T13:00:00.123Z] \"POST /api/v1/items HTTP/2\" 204 - 154 0 226 100 "
	  "\"203.0.113.7\" \"okhttp/4.12.0\" \"cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2\" "
	  "\"shop.example\" \"tcp://10.244.1.10:80\"" },

	{ .name = "istio-envoy-proxy", .format = FORMAT_REGEX, ISO_AT("start_time"),
	  .time_keep = true, .pattern =
	  "^" BRACKETS("start_time") " " CALL " " WORD("response_code") " " WORD("response_flags")
	  " " WORD("response_code_details") " " WORD("connection_termination_details")
	  " " WORD("upstream_transport_failure_reason") " " WORD("bytes_received")
	  " " WORD("bytes_sent") " " WORD("duration") " " WORD("x_envoy_upstream_service_time")
	  " " QWORD("x_forwarded_for") " " QUOTED("user_agent") " " QUOTED("x_request_id")
	  /* the stock pattern takes the quote before it for a part of the name */
	  " (?<authority>[^ ]*)\" " QWORD("upstream_host") " " WORD("upstream_cluster")
	  " " WORD("upstream_local_address") " " WORD("downstream_local_address")
	  " " WORD("downstream_remote_address") " " WORD("requested_server_name") " " WORD("route_name"),
	  .sample = "[2026-11-22T13:00:00.123Z] \"GET /status HTTP/1.1\" 200 - via_upstream - - 0 135 3 2 "
	  "\"-\" \"curl/8.5.0\" \"84961386-6d84-929d-98bd-c5aee93b5c88\" \"shop:8000\" "
	  "\"10.244.1.27:80\" outbound|8000||shop.default.svc.cluster.local 10.244.1.23:37652 "
	  "10.96.45.178:8000 10.244.1.23:46520 - default" },

	{ .name = "docker-daemon", .format = FORMAT_REGEX, ISO_UTC, .time_keep = true,
	  .pattern = "time=" QWORD("time") " level=" WORD("level") " msg=\"(?<msg>[^ ].*)\"",
	  .sample = "time=\"2026-11-22T13:00:00.123456789Z\" level=info msg=\"API listen on /run/docker.sock\"" },

	{ .name = "kube-custom", .format = FORMAT_REGEX, .pattern =
	  "(?<tag>[^.]+)?\\.?(?<pod_name>" LABEL "(?:\\." LABEL ")*)_(?<namespace_name>[^_]+)_"
	  "(?<container_name>.+)-(?<docker_id>[a-z0-9]{64})\\.log$",
	  .sample = "kube.web-0_shop_nginx-1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a7988.log" },
};
const size_t builtins_n = sizeof builtins / sizeof *builtins;
