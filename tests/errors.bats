bats_require_minimum_version 1.5.0

# What a user meets first when something is wrong, and that each message says what to do next.

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for p in logtail logparse k8smeta logbatch s3put; do
		"$p" --version 2>/dev/null | grep -q '(logsweep)' || skip "$p is not built"
	done
	for v in $(compgen -e | grep -E '^(AWS_|LOGSWEEP_|KUBE)|_proxy$|_PROXY$'); do unset "$v"; done
	export HOME=$PWD/home no_proxy='*' AWS_EC2_METADATA_DISABLED=true
	mkdir home
	server=
}

teardown() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	[ ! -f api/pid ] || "$top/tests/apiserver.sh" stop "$PWD/api" || true
}

# answers STATUS CODE [HEADER: VALUE]: an S3 server that says this to everything; $at is its URL
answers() {
	cat >server.py <<'PY'
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
status, code, extra = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
class S3(BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def any(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode()
        self.send_response(status)
        for h in extra: self.send_header(*h.split(": "))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD": self.wfile.write(body)
    do_PUT = do_HEAD = do_POST = do_GET = do_DELETE = any
s = HTTPServer(("127.0.0.1", 0), S3)
print(s.server_port, flush=True)
s.serve_forever()
PY
	[ -z "$server" ] || kill "$server"
	rm -f port
	python3 server.py "$@" >port 3>&- &
	server=$!
	for _ in $(seq 200); do
		[ -s port ] && break
		sleep 0.02
	done
	at=http://127.0.0.1:$(cat port)
	export AWS_ACCESS_KEY_ID=AKIDTESTTEST AWS_SECRET_ACCESS_KEY=not-a-secret
}

# put STATUS: deliver one object to $at
put() {
	echo body >a
	run "-$1" --separate-stderr s3put --path-style --endpoint="$at" --max-time=1s s3://bucket/logs <<<'{"key":"k","path":"a"}'
}

# A ledger in use is told after two minutes of waiting: tests/unit/ledger.c has its message.

@test "a wrong option names the nearest one" {
	for try in 'logtail --stat=S state' 'logparse --parse=json parser' 'k8smeta --labls=a labels' 'logbatch --max-spol=1 max-spool' \
		's3put --endpont=x endpoint' 'k8ssweep --tempalte=x template' 'logsweep-status --formt=x format'; do
		read -r p o want <<<"$try"
		run -2 --separate-stderr "$p" "$o"
		[ -z "$output" ]
		[ "$stderr" = "$p: $o: unknown option; did you mean --$want?" ]
	done
	run -2 --separate-stderr logtail --wibblewobble
	[ "$stderr" = 'logtail: --wibblewobble: unknown option; try --help' ]
}

@test "a glob without match says so, and what to look at; the other operands are read" {
	echo '2026-11-22T13:00:00Z stdout F one' >a.log
	run -3 --separate-stderr logtail 'nowhere/*.log' a.log
	[ "$(jq -r '.log // empty' <<<"$output")" = one ]
	[ "$stderr" = 'logtail: nowhere/*.log: no file matches; is the path right, and mounted here?' ]
}

@test "an empty standard input from a terminal says what is wanted" {
	on_tty() {
		run -2 --separate-stderr timeout 20 python3 -c '
import pty, subprocess, sys
master, slave = pty.openpty()
sys.exit(subprocess.run(sys.argv[1:], stdin=slave).returncode)' "$@"
	}
	on_tty logtail
	[ "$stderr" = 'logtail: <stdin>: a terminal; name log files or directories; try --help' ]
	for p in logparse k8smeta 'logbatch --state=S' "s3put file://$PWD/archive"; do
		on_tty $p
		[ "$stderr" = "${p%% *}: <stdin>: a terminal; pipe records in or name a file; try --help" ]
	done
}

@test "a sweep that was second says that it is to be run again" {
	printf '{"_src":{"file":"f","id":"000000000000000a/o","gen":0,"end":%d}%s}\n' 0 '' 9 ',"time":"2026-11-22T13:00:00Z","log":"x"' >in
	echo '{"_src":{"file":"f","id":"000000000000000a/o","gen":0,"end":9,"at":9,"sum":"00ff"}}' >>in
	logbatch --state=S --node=n in >manifests
	run -75 --separate-stderr logbatch --state=S --node=n in
	[[ $stderr == *'another sweep committed first'*'nothing is committed: run it again'* ]]
	run -75 --separate-stderr logbatch --state=S --node=n --max-spool=1 in
	[[ $stderr == *"nothing is read: deliver them with s3put --state=S DEST, or raise --max-spool"* ]]
}

@test "a bucket in another region: the option is told" {
	answers 400 AuthorizationHeaderMalformed
	put 1
	[[ $stderr == *"400 AuthorizationHeaderMalformed"*"s3://bucket/logs: the region is not the bucket's: give it as --region=NAME"* ]]
	answers 301 PermanentRedirect
	put 1
	[[ $stderr == *"give the region of the bucket as --region=NAME"* ]]
}

@test "an expired token: new credentials are to be got; what to do is said once for many objects" {
	answers 400 ExpiredToken
	put 77
	[[ $stderr == *"400 ExpiredToken"*"s3://bucket/logs: the session has ended: get new credentials"* ]]
	printf '{"key":"%s","path":"a"}\n' 1 2 3 >three
	run -77 --separate-stderr s3put -j1 --path-style --endpoint="$at" three s3://bucket/logs
	[ "$(grep -c 'get new credentials' <<<"$stderr")" -eq 1 ]
}

@test "no permission on the bucket: the action that is needed is told" {
	answers 403 AccessDenied
	put 77
	[[ $stderr == *"403 AccessDenied"*"it needs s3:PutObject on BUCKET/PREFIX/*"* ]]
}

@test "a missing RBAC verb: the rule that is needed is told" {
	"$top/tests/apiserver.sh" start "$PWD/api" || skip "no API server to test with"
	echo 403 >api/mode
	echo '{"_src":{"file":"/var/log/pods/shop_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2528/app/0.log","id":"1","gen":0,"end":1},"log":"x"}' >in
	run -3 --separate-stderr k8smeta --api="https://127.0.0.1:$(cat api/port)" --ca=api/ca.crt --token-file=api/token --node=node-1 in
	[[ $stderr == *'may not list pods: '*' needs a ClusterRole with apiGroups [""], resources ["pods"], verbs ["list"]'*'records pass with what is known without it'* ]]
	echo 401 >api/mode
	run -3 --separate-stderr k8smeta --api="https://127.0.0.1:$(cat api/port)" --ca=api/ca.crt --token-file=api/token --node=node-1 in
	[[ $stderr == *'401: the token in api/token is not accepted: expired, or of another cluster; have it renewed, or name another with --token-file'* ]]
}
