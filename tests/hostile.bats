bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

# Names that their givers chose to do harm: a line of output stays one line of JSON, and a
# terminal shows control characters instead of obeying them.

setup() {
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
	cd "$BATS_TEST_TMPDIR" || return
	export LC_ALL=C
	long=$(printf 'x%.0s' $(seq 251)).log
	names=($'new\nline.log' $'es\x1b[2Jcape.log' $'\x9b31mC1.log' $'bad\xff\xfeutf8.log' $'q"uote\\.log' $'tab\tcr\r.log' $'del\x7f.log' "$long" $'\xc2\x9bosc.log' '-rf.log' '!bang!.log' '{a,b}*?.log')
}

# one_each FILE: every line is one whole JSON object in valid UTF-8
one_each() {
	python3 - "$1" <<-'PY'
		import json, sys
		for line in open(sys.argv[1], "rb").read().split(b"\n")[:-1]:
		    assert isinstance(json.loads(line.decode("utf-8")), dict), line
		    assert not any(c < 0x20 for c in line), line
	PY
}

# harmless FILE: a terminal would obey nothing in it
harmless() {
	python3 - "$1" <<-'PY'
		import sys
		text = open(sys.argv[1], "rb").read()
		for line in text.split(b"\n"):
		    assert not any(c < 0x20 or c == 0x7f for c in line), line
		    assert not any(0x80 <= ord(c) < 0xa0 for c in line.decode("utf-8")), line
	PY
}

@test "log files of hostile names go through the pipe: one line of JSON a record, each archived once" {
	mkdir logs
	for n in "${names[@]}"; do printf 'of a file\n' >"logs/$n"; done
	logtail --list logs >listed 2>err
	one_each listed
	[ "$(wc -l <listed)" -eq "${#names[@]}" ]
	logtail --state=S logs >records 2>>err
	one_each records
	logparse <records >parsed 2>>err
	one_each parsed
	k8smeta <parsed >owned 2>>err
	one_each owned
	logbatch --state=S <owned >manifests 2>>err
	one_each manifests
	s3put --state=S "file://$PWD/dest" <manifests >results 2>>err
	one_each results
	[ "$(find dest -name '*.gz' -exec zcat {} + | jq -r .log | grep -c '^of a file$')" -eq "${#names[@]}" ]
	[ ! -s err ]
	logtail --state=S logs >again
	[ ! -s again ]
}

@test "messages about hostile names show their control characters" {
	for p in "logtail" "logparse" "k8smeta" "logbatch --out=o"; do
		for n in "${names[@]}"; do
			# shellcheck disable=SC2086
			$p -- "./$n" </dev/null >/dev/null 2>>err || true
		done
	done
	for n in "${names[@]}"; do
		s3put "./$n" "file://$PWD/dest" >/dev/null 2>>err || true
		logsweep-status --state="$n" 2>>err || true
		logparse -R "$n" 2>>err || true
		logparse -p "$n" 2>>err || true
		k8smeta --pods="$n" </dev/null 2>>err || true
		logbatch --out=o --key="$n{" 2>>err || true
		k8ssweep --template="$n" 2>>err || true
	done
	[ "$(wc -l <err)" -ge $((10 * ${#names[@]})) ]
	harmless err
	grep -q 'es\\x1b\[2Jcape.log' err
	grep -q 'new\\x0aline.log' err
}

@test "records whose texts are hostile: names, labels and reasons come out as JSON, messages harmless" {
	printf '{"_src":{"file":"/var/log/containers/%s","id":"0000000000000001/o","gen":0,"end":1},"log":"\\u001b[2J\\u0000"}\nno \x1b[2J record \xff\n{"log":"\\ud800"}\n' \
		'a\u001b]0;x\u0007_b\n_c-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.log' >in
	for p in "logparse -v" "k8smeta -v" "logbatch -v --out=o" "s3put -v file://$PWD/dest"; do
		# shellcheck disable=SC2086
		$p <in >out 2>err || true
		one_each out
		harmless err
	done
}

@test "half a manifest is no manifest, though key and path are whole" {
	echo body >body
	printf '{"key":"k","path":"body","sha256":"00' >m
	run -1 --separate-stderr s3put m "file://$PWD/dest"
	assert_regex "$stderr" "not a manifest"
	[ ! -e dest/k ]
}

@test "a link in the place of a rotated file is not followed: told, exit 3, the log is read" {
	echo secret >elsewhere
	mkdir d
	echo new >d/a.log
	ln -s ../elsewhere d/a.log.1
	run -3 --separate-stderr logtail d/a.log
	[ "$stderr" = "logtail: $PWD/d/a.log.1: a link beside a log; not followed" ]
	[ "$(jq -r '.log // empty' <<<"$output")" = new ]
}

# while_read COMMAND... -- OPERAND...: runs logtail, and the command when its first line is there
# and it waits for its reader
while_read() {
	local do=()
	while [ "$1" != -- ]; do do+=("$1") && shift; done
	shift
	timeout 60 logtail "$@" 2>err | {
		IFS= read -r line
		printf '%s\n' "$line"
		"${do[@]}"
		cat
	} >out
	status=${PIPESTATUS[0]}
}

@test "a name that is swapped for a link or a pipe after its file was read is not taken for that file" {
	line() { printf '2026-11-22T13:00:00.%09dZ stdout F %s\n' "$1" "$2"; }
	swap() { rm d/a.log && "$@" d/a.log; }
	mkdir d
	{ line 1 alike && line 2 theirs; } >mine.log.1
	gzip -k mine.log.1
	touch -d '1 hour ago' mine.log.1*
	for by in "ln -s ../mine.log.1" mkfifo; do
		{ line 1 alike && seq -f '2026-11-22T13:00:01Z stdout F line %.0f' 100000; } >d/a.log
		# shellcheck disable=SC2086
		while_read swap $by -- d/a.log mine.log.1.gz
		[ "$status" -eq 0 ]
		[ "$(jq -r '.log // empty' out | tail -n 2 | paste -sd' ')" = "alike theirs" ]
		rm d/a.log
	done
}

@test "an archive whose name is swapped for a link or a pipe is not read: told, exit 3" {
	swap() { rm x.tar && "$@" x.tar; }
	mkdir t
	echo mine >t/a.log
	tar -cf mine.tar t
	echo theirs >t/a.log
	seq 300000 >big.log
	for by in "ln -s mine.tar" mkfifo "mv mine.tar"; do
		tar -cf x.tar t
		# shellcheck disable=SC2086
		while_read swap $by -- x.tar big.log
		[ "$status" -eq 3 ]
		grep -qx "logtail: $PWD/x.tar: no longer the archive that was found; not read" err
		[ "$(jq -r '.log // empty' out | sort -n | uniq | wc -l)" -eq 300000 ]
		rm x.tar
	done
}

@test "terminal escapes in what is shown on standard output are made visible: --test, --check" {
	printf 'a\xc2\x9b31mb \x1b[31m\n' >t
	printf '[PARSER]\n Name p\x1b[31m\n Format regex\n Regex ^(?<x>z)$\n' >p.conf
	run -3 --separate-stderr logparse -R p.conf -p "p"$'\x1b[31m' --test t
	[[ $output == *"p.[31m: 0"* && $output == *"a.31mb .[31m"* ]]
	! grep -q $'\x1b\|\xc2\x9b' <<<"$output"
	python3 - 3>&- >port <<'PY' &
import http.server
class S(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def do_PUT(self):
        body = b"<Error><Code>Slow\x1b[31m</Code><Message>\xc2\x9b31m down</Message></Error>"
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(503)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amz-request-id", "\x1b[31mID")
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")
    do_HEAD = do_GET = do_POST = do_DELETE = do_PUT
s = http.server.HTTPServer(("127.0.0.1", 0), S)
print(s.server_port, flush=True)
s.serve_forever()
PY
	server=$!
	for _ in $(seq 300); do [ -s port ] && break; sleep 0.1; done
	AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b s3put --max-time=3s --path-style --endpoint="http://127.0.0.1:$(cat port)" \
		--check s3://bucket >out 2>&1 || true
	kill $server
	grep -q 503 out
	! grep -q $'\x1b\|\xc2\x9b' out
}
