#include "parse/builtin.h"

/* clang-format off */

#define WORD(name) "(?<" name ">[^ ]*+)" /* up to a blank */
#define QUOTED(name) "\"(?<" name ">[^\"]*+)\""
#define ESCAPED(name) "\"(?<" name ">(?:[^\"\\\\]++|\\\\.)*+)\"" /* Apache: \" inside */
#define LIST(name) "(?<" name ">[^ ,]*+(?:, [^ ,]*+)*+)" /* a value for each upstream tried */
#define BRACKETS(name) "\\[(?<" name ">[^]]*+)\\]"

/* METHOD PATH PROTOCOL; what a scanner sent may be anything, so method and path may be
 * missing, and a path may hold blanks. */
#define PATH "(?<path>[^ \"]*+(?: ++[^ \"]++(?= ))*+)"
#define REQUEST "\"(?<method>[^\\s\"]*+)(?: ++" PATH "(?: ++[^ \"]*+)?+)?+\""

#define ANSWER " " BRACKETS("time") " " REQUEST " " WORD("code") " " WORD("size")

const struct builtin builtins[] = {
	{ "json", NULL,
	  "{\"level\":\"info\",\"ts\":1599112512.123,\"msg\":\"ready\",\"port\":8080}" },

	{ "nginx",
	  "^" WORD("remote") " " WORD("host") " " WORD("user") ANSWER
	  "(?: " QUOTED("referer") " " QUOTED("agent") "(?: .*+)?+)?+$",
	  "203.0.113.7 - tony [22/Nov/2026:13:00:00 +0000] \"GET /cart?id=7 HTTP/1.1\" 200 612 "
	  "\"https://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64)\"" },

	{ "apache",
	  "^" WORD("host") " [^ ]*+ " WORD("user") ANSWER
	  "(?: " ESCAPED("referer") " " ESCAPED("agent") ")?+$",
	  "203.0.113.7 - tony [10/Oct/2026:13:55:36 -0700] \"GET /apache_pb.gif HTTP/1.0\" "
	  "200 2326 \"-\" \"curl/8.5.0\"" },

	{ "apache2",
	  "^" WORD("host") " [^ ]*+ " WORD("user") ANSWER
	  "(?: " ESCAPED("referer") " \"(?<agent>.*)\")?+$",
	  "203.0.113.7 - - [10/Oct/2026:13:55:36 -0700] \"POST /login HTTP/2.0\" 302 - "
	  "\"https://shop.example/\" \"odd \\\"agent\\\" 1.0\"" },

	{ "apache_error",
	  "^\\[[^ ]*+ (?<time>[^]]*+)\\] " BRACKETS("level") "(?: \\[pid (?<pid>[^]]*+)\\])?+"
	  "(?: \\[client (?<client>[^]]*+)\\])?+ (?<message>.*)$",
	  "[Fri Jul 17 20:17:03.123456 2026] [core:error] [pid 35708:tid 4328636416] "
	  "[client 203.0.113.7:50000] File does not exist: /srv/favicon.ico" },

	{ "k8s-nginx-ingress",
	  "^" WORD("host") " - (?:" BRACKETS("real_ip") " - )?+" WORD("user") ANSWER
	  " " QUOTED("referer") " " QUOTED("agent") " " WORD("request_length")
	  " " WORD("request_time") " " BRACKETS("proxy_upstream_name")
	  " (?:" BRACKETS("proxy_alternative_upstream_name") " )?+" LIST("upstream_addr")
	  " " LIST("upstream_response_length") " " LIST("upstream_response_time")
	  " " LIST("upstream_status") "(?: " WORD("reg_id") ".*+)?+$",
	  "203.0.113.7 - - [22/Nov/2026:13:00:00 +0000] \"GET /v1/items HTTP/1.1\" 200 1533 "
	  "\"-\" \"okhttp/4.12.0\" 514 0.012 [shop-web-80] [] 10.244.1.10:8080 1533 0.011 200 "
	  "1f2e3d4c5b6a79881f2e3d4c5b6a7988" },
};
const size_t builtins_n = sizeof builtins / sizeof *builtins;
