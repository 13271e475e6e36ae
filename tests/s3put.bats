bats_require_minimum_version 1.5.0

# s3put against directories, against Ceph's radosgw (rgw.sh), and against a small server that
# misbehaves on demand (fake_s3).

top=$BATS_TEST_DIRNAME/..
load s3

setup_file() {
	fake_s3 >"$BATS_FILE_TMPDIR/fake.py"
	if command -v radosgw ceph-mon ceph-osd >/dev/null; then
		"$BATS_TEST_DIRNAME/rgw.sh" start "$BATS_FILE_TMPDIR/rgw" || return
	fi
	# the fault build, of this program only
	env -u MAKEFLAGS -u MAKELEVEL -u B make -s -j2 -C "$top" build/faults/s3put B=build/faults \
		CFLAGS='-O1 -g -DLOGSWEEP_FAULTS' >"$BATS_FILE_TMPDIR/make.log" 2>&1 || return
}

teardown_file() {
	[ ! -d "$BATS_FILE_TMPDIR/rgw" ] || "$BATS_TEST_DIRNAME/rgw.sh" stop "$BATS_FILE_TMPDIR/rgw"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for v in $(compgen -e | grep -E '^(AWS_|LOGSWEEP_)|_proxy$|_PROXY$'); do unset "$v"; done
	export AWS_EC2_METADATA_DISABLED=true HOME=$PWD/home no_proxy='*'
	mkdir home
	dest=file://$PWD/dest
	fake_pid=
}

teardown() {
	[ -z "$fake_pid" ] || kill "$fake_pid" 2>/dev/null || true
	[ -z "${shm-}" ] || rm -rf "$shm"
}

# ---- helpers ----

# state DIR KEY...: a state directory that lists these batches, bodies "body of KEY"
state() {
	local dir=$1 n=0 key sep=
	shift
	mkdir -p "$dir/outbox" "$dir/tmp"
	{
		printf '"gen":1,"forgot":0,\n"files":[\n],\n"batches":['
		for key; do
			printf 'body of %s\n' "$key" >"$dir/outbox/b$n"
			printf '%s\n{"name":"b%d","manifest":{"key":"%s","sha256":"%s","bytes":%d}}' "$sep" $n \
				"$key" "$(hash_of "$dir/outbox/b$n")" "$(stat -c %s "$dir/outbox/b$n")"
			sep=, n=$((n + 1))
		done
		printf '\n]}\n'
	} >rest
	{ printf '{"format":"logsweep-ledger-1","sha256":"%s",\n' "$(hash_of rest)" && cat rest; } >"$dir/ledger.json"
	cp "$dir/ledger.json" "$dir/ledger.copy.json"
}

# what logbatch would print of it, and the keys it lists
manifests() {
	jq -c --arg d "$1" '.batches[] | .manifest + {path: ($d + "/outbox/" + .name)}' "$1/ledger.json"
}
listed() {
	jq -r '.batches[].manifest.key' "$1/ledger.json" | paste -sd' '
}

# fake MODE WORD...: start fake_s3; $fake is its URL, ./log what it was asked
fake() {
	rm -f log
	python3 "$BATS_FILE_TMPDIR/fake.py" "$@" >log 3>&- &
	fake_pid=$!
	comes [ -s log ]
	fake=http://127.0.0.1:$(head -n 1 log)
	export AWS_ACCESS_KEY_ID=AKIDTESTTEST AWS_SECRET_ACCESS_KEY=s3cr3t-of-the-fake
	export LOGSWEEP_JOBS=1 # what it is told to do, it does in order
}

# MODE: cond (knows If-None-Match), ignore, or 501; head-N, head-N-ignore, head-N-501: the same, and
# HEAD is answered N.  WORDs: one for each PUT, then "ok".
fake_s3() {
	cat <<-'PY'
	import sys, time, socket, struct, hashlib, threading, email.utils
	from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
	mode, words, objects, head, lock = sys.argv[1], sys.argv[2:], {}, None, threading.Lock()
	if mode.startswith("head-"): head, mode = int(mode[5:8]), mode[9:] or "cond"

	class S3(BaseHTTPRequestHandler):
	    protocol_version = "HTTP/1.1"
	    def log_message(self, *a): pass
	    def answer(self, status, body=b"", head={}):
	        self.send_response(status)
	        for k, v in head.items(): self.send_header(k, v)
	        if self.command != "HEAD" or "Content-Length" not in head:
	            self.send_header("Content-Length", str(len(body)))
	        self.send_header("x-amz-request-id", "REQ42")
	        self.end_headers()
	        if self.command != "HEAD": self.wfile.write(body)
	    def error(self, status, code, head={}):
	        self.answer(status, f"<Error><Code>{code}</Code><Message>a &lt;{code}&gt;</Message></Error>".encode(), head)
	    def date_time_string(self, timestamp=None):
	        if mode == "year-9999": return "Fri, 31 Dec 9999 23:59:59 GMT"
	        return email.utils.formatdate(time.time() - (1800 if mode == "slow-clock" else 0), usegmt=True)
	    def hang_up(self):
	        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
	        self.connection.close()
	        self.close_connection = True
	    def any(self):
	        word = words.pop(0) if words and self.command == "PUT" else "ok"
	        cond = self.headers.get("If-None-Match")
	        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
	        with lock: print(self.command, self.path, cond or "-", word, self.headers.get("x-amz-date"), flush=True)
	        with open("headers", "a") as f:
	            for name, value in self.headers.items(): print(self.command, name.lower(), value, file=f)
	        etag = '"' + hashlib.md5(body).hexdigest() + '"'
	        there = objects.get(self.path)
	        if word == "reset": return self.hang_up()
	        if word == "stall": time.sleep(60); return self.hang_up()
	        if word == "later": return self.error(503, "SlowDown", {"Retry-After": "1"})
	        if word == "much-later": return self.error(503, "SlowDown", {"Retry-After": "3600"})
	        if word == "in-9999": return self.error(503, "SlowDown", {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"})
	        if word == "skew": return self.error(403, "RequestTimeTooSkewed")
	        if word == "expired": return self.error(400, "ExpiredToken")
	        if word in ("drip", "flood"):
	            self.send_response(200)
	            self.send_header("ETag", etag)
	            self.send_header("Transfer-Encoding", "chunked")
	            self.end_headers()
	            try:
	                while True:
	                    self.wfile.write(b"c8\r\n" + b" " * 200 + b"\r\n")
	                    if word == "drip": time.sleep(0.2)
	            except OSError: return self.hang_up()
	        if word == "noetag": return self.answer(200)
	        if word == "error200": return self.answer(200, b"<Error><Code>InternalError</Code></Error>", {"ETag": etag})
	        if word == "moved": return self.error(301, "PermanentRedirect", {"x-amz-bucket-region": "eu-west-3"})
	        if word.isdigit(): return self.error(int(word), "Status" + word)
	        if self.command == "HEAD":
	            if head: return self.answer(head)
	            if there is None: return self.answer(404)
	            return self.answer(200, b"", {"Content-Length": str(len(there[0])), **there[1]})
	        if cond and mode == "501": return self.error(501, "NotImplemented")
	        if cond and mode != "ignore" and there is not None: return self.error(412, "PreconditionFailed")
	        meta = {"ETag": etag}
	        if mode != "no-meta" and self.headers.get("x-amz-meta-sha256"):
	            meta["x-amz-meta-sha256"] = self.headers["x-amz-meta-sha256"]
	        objects[self.path] = (body, meta)
	        if word == "lost": return self.hang_up()
	        self.answer(200, b"", {"ETag": etag})
	    do_PUT = do_HEAD = any

	server = ThreadingHTTPServer(("127.0.0.1", 0), S3)
	print(server.server_port, flush=True)
	server.serve_forever()
	PY
}

asked() { # how often METHOD was asked
	grep -c "^$1 " log
}

# ---- usage ----

@test "without a destination, or with something else in its place, nothing starts" {
	run -2 --separate-stderr s3put
	[ "$stderr" = "s3put: no destination: give s3://bucket/prefix or file:///dir" ]
	for d in /srv/archive archive http://x/y s3:/b; do
		run -2 --separate-stderr s3put "$d" </dev/null
		[ -z "$output" ]
		[ "$stderr" = "s3put: $d: not a destination; give s3://bucket/prefix or file:///dir" ]
	done
	for d in s3:// s3://a s3://bad@name/x s3:///x; do
		run -2 --separate-stderr s3put --region=r "$d" </dev/null
		[[ $stderr == *"is not the name of a bucket" ]]
	done
}

@test "a relative file:// is refused with the form that is meant" {
	for d in file://archive file://host/dir file://; do
		run -2 --separate-stderr s3put "$d" </dev/null
		[[ $stderr == *"not an absolute path; a directory is file:///dir, with three slashes" ]]
	done
}

@test "an endpoint that is no URL, or holds a password, is refused and the password not shown" {
	export AWS_ACCESS_KEY_ID=AKID AWS_SECRET_ACCESS_KEY=x
	for u in localhost:9000 ftp://h 'http://' 'http://h/?q'; do
		run -2 --separate-stderr s3put --endpoint="$u" s3://bucket </dev/null
		[[ $stderr == "s3put: --endpoint: $u: not http://host or https://host" ]]
	done
	long=$(printf 'x%.0s' $(seq 500))
	for u in http://user:hunter2@h hunter2@h "http://user:hunter2$long@h" "http://user:hunter2 $long@h" \
		http://user:123/hunter2@h http:/hunter2@ "hunter2$long@"; do
		run -2 --separate-stderr s3put -v -v --endpoint="$u" s3://bucket </dev/null
		[[ $stderr == *"--endpoint: "* && $stderr != *hunter2* ]]
		AWS_ENDPOINT_URL=$u run -2 --separate-stderr s3put -v -v s3://bucket </dev/null
		[[ $stderr == *"AWS_ENDPOINT_URL: "* && $stderr != *hunter2* ]]
	done
	for u in https://user:hunter2@h/x user:hunter2@h s3://user:hunter2@h/x s3://user:hunter2/x@h file://user:hunter2@h/x; do
		run -2 --separate-stderr s3put -v -v "$u" </dev/null
		[[ $stderr == *"s3put: a text with @: "* && $stderr != *hunter2* ]]
	done
	run -2 --separate-stderr s3put s3://bucket </dev/null
	[[ $stderr == *"give --region=NAME or set AWS_REGION" ]]
	run -2 --separate-stderr s3put --ca=missing.pem --endpoint=https://h s3://bucket </dev/null
	[ "$stderr" = "s3put: missing.pem: No such file or directory" ]
}

@test "a proxy that is none, is away or refuses is told without its password" {
	unset no_proxy
	export AWS_ACCESS_KEY_ID=AKID AWS_SECRET_ACCESS_KEY=x
	echo one >a
	manifest a k >m
	long=$(printf 'x%.0s' $(seq 500))
	for p in 'http://user:hunter2@bad host' ftp://user:hunter2@h socks9://user:hunter2@h user:hunter2@h:99999 \
		'http://user:hunter2@[bad' "user:hunter2 $long@h" "odd://user:hunter2$long@h"; do
		http_proxy=$p run -75 --separate-stderr s3put -v -v --max-time=1s --endpoint=http://s3.invalid m s3://bucket
		[[ $stderr == *": https_proxy or http_proxy names no proxy that can be used"* ]]
		[[ $stderr$output != *hunter2* ]]
	done
	fake cond
	for p in http://user:hunter2@proxy.invalid:1 http://user:hunter2@127.0.0.1:1 "${fake/:\/\//://user:hunter2@}"; do
		https_proxy=$p run --separate-stderr s3put -v -v --max-time=1s --endpoint=https://s3.invalid m s3://bucket
		[ "$status" -ne 0 ]
		[[ $stderr$output != *hunter2* ]]
	done
}

# ---- directories ----

@test "each body appears under its key, byte for byte, with one result" {
	head -c 700000 /dev/urandom >a
	: >empty
	{ manifest a 'year=2026/month=11/a b+c%d.gz'; manifest empty 'häß/日本'; } >m
	run -0 --separate-stderr s3put m "$dest/"
	[ -z "$stderr" ]
	[ "$(statuses)" = "stored stored" ]
	[ "$(jq -r .etag <<<"${lines[0]}")" = "$(hash_of a)" ]
	[ "$(jq -c '[.key, .bytes, .attempts, (.seconds | type)]' <<<"${lines[1]}")" = '["häß/日本",0,1,"number"]' ]
	cmp a 'dest/year=2026/month=11/a b+c%d.gz'
	cmp empty dest/häß/日本
	[ "$(find dest -type f | wc -l)" -eq 2 ]
}

@test "delivering again finds the same bytes present, and changes nothing" {
	echo one >a
	manifest a x/a >m
	s3put m "$dest"
	before=$(stat -c '%i %y' dest/x/a)
	run -0 --separate-stderr s3put "$dest" <m
	[ "$(statuses)" = present ]
	[ "$(stat -c '%i %y' dest/x/a)" = "$before" ]
	no_temporaries dest
}

@test "other bytes under the same key are refused and left untouched, until --overwrite" {
	echo one >a
	echo two >b
	manifest a x/a | s3put "$dest"
	manifest b x/a >m
	run -1 --separate-stderr s3put m "$dest"
	[ "$(statuses)" = failed ]
	[ "$stderr" = "s3put: $PWD/dest/x/a: exists with other bytes; --overwrite replaces it" ]
	[ "$(jq -r .error <<<"$output")" = "${stderr#s3put: }" ]
	cmp a dest/x/a
	run -0 s3put --overwrite m "$dest"
	cmp b dest/x/a
	no_temporaries dest
}

@test "a name taken by something that is no file is refused" {
	echo one >a
	mkdir -p dest/d dest/e
	ln -s "$PWD/a" dest/l
	mkfifo dest/f
	{ manifest a d; manifest a l; manifest a f; } >m
	run -1 --separate-stderr s3put m "$dest"
	[ "$(statuses)" = "failed failed failed" ]
	[ "$(grep -c 'exists and is not a regular file' <<<"$stderr")" -eq 3 ]
	[ -L dest/l ]
}

@test "keys that climb, are empty or too long are refused, and the others go on" {
	echo one >a
	for k in ../x a/../x a/.. /x //x a//x x/ '' . ./x a/. .s3put.x a/.s3put.x/y; do
		manifest a "$k"
	done >m
	manifest a "$(printf '%0*d' 1025 0 | sed 's|.\{100\}|&/|g; s|/$||' | cut -c 1-1025)" >>m
	manifest a x | sed 's/"key":"x"/"key":"x\\u0000y"/' >>m
	bad=$(wc -l <m)
	manifest a ...good >>m
	run -1 --separate-stderr s3put m "$dest/in"
	[ "$(grep -c ': refused, it ' <<<"$stderr")" -eq "$bad" ]
	[[ "$stderr" == *'s3put: key "x\x00y": refused, it holds a NUL'* ]]
	[ "$(jq -r .status <<<"$output" | grep -c failed)" -eq "$bad" ]
	[ "$(find dest -type f)" = dest/in/...good ]
	run -1 --separate-stderr s3put --region=r --dry-run m s3://bucket/prefix
	[ "$(jq -r .status <<<"$output" | grep -c failed)" -eq $((bad - 2)) ]
}

@test "a missing body is told, and the others go on" {
	echo one >a
	{ manifest a 1 | sed 's|"path":"a"|"path":"nowhere/a"|'; manifest a 2; } >m
	run -1 --separate-stderr s3put m "$dest"
	[ "$(statuses)" = "failed stored" ]
	[ "$stderr" = "s3put: nowhere/a: No such file or directory" ]
}

@test "a body that is not what its manifest says is not published" {
	echo one >a
	manifest a hash | sed 's/"sha256":"./"sha256":"0/; t' >m
	manifest a size | sed 's/"bytes":4/"bytes":5/' >>m
	echo '{"key":"fifo","path":"."}' >>m
	run -1 --separate-stderr s3put m "$dest"
	[ "$(statuses)" = "failed failed failed" ]
	[[ $stderr == *"a: its sha256 is $(hash_of a), its manifest says 0"* ]]
	[[ $stderr == *"a: holds 4 bytes, its manifest says 5"* ]]
	[[ $stderr == *".: not a regular file"* ]]
	[ -z "$(find dest -type f)" ]
}

@test "a manifest needs path and key only, and other people's members do not matter" {
	echo one >a
	echo '{"x":[1,{"key":"no"}],"n":123456789012345678901234567890,"path":"a","sha256":null,"key":"k/\u00e9\/a","big":1e999}' >m
	run -0 s3put m "$dest"
	[ "$(jq -r .etag <<<"$output")" = "$(hash_of a)" ]
	cmp a dest/k/é/a
}

@test "lines that are no manifests are told with their number; the others go on; --strict ends" {
	echo one >a
	{
		echo 'not JSON'
		echo '[1]'
		echo '{"key":"k"}'
		echo '{"path":"a"}'
		echo '{"key":1,"path":"a"}'
		echo '{"key":"k","path":"a","sha256":"12"}'
		echo '{"key":"k","path":"a","bytes":-1}'
		echo '{"key":"k","path":"a"} trailing'
		manifest a good
	} >m
	run -1 --separate-stderr s3put --stats=stats m "$dest"
	[ "$(jq -r .status <<<"$output" | grep -c failed)" -eq 8 ]
	[ "$(grep -c '; not a manifest$' <<<"$stderr")" -eq 8 ]
	[[ $stderr == *'s3put: m:3: no "path"; not a manifest'* ]]
	[ -f dest/good ]
	jq -e '.in == 9 and .in == .out + .rejected + .filtered + .joined and .stored == 1 and .failed == 8' stats
	run -1 --separate-stderr s3put --strict m "file://$PWD/other"
	[ "${#lines[@]}" -eq 1 ]
	[ ! -e other/good ]
}

@test "the torn last line of a killed writer is dropped and is exit 1" {
	echo one >a
	{ manifest a 1; manifest a 2 | head -c 30; } >m
	run -1 --separate-stderr bash -c 'cat m | s3put --stats=stats '"$dest"
	[ "$(statuses)" = stored ]
	[ "$stderr" = "s3put: <stdin>: the last line is cut off: its writer was killed; dropped" ]
	jq -e '.in == .out + .rejected + .filtered + .joined' stats
	printf %s "$(manifest a 3)" >m
	run -0 bash -c 'cat m | s3put '"$dest"
	[ -f dest/3 ]
}

@test "several manifest files are read in order; one that is missing does not stop the rest" {
	echo one >a
	manifest a 1 >m1
	manifest a 2 >m2
	run -1 --separate-stderr s3put m1 missing m2 - "$dest" < <(manifest a 3)
	[ "$(jq -r .key <<<"$output" | paste -sd' ')" = "1 2 3" ]
	[ "$stderr" = "s3put: missing: No such file or directory" ]
}

@test "--dry-run tells what would go where, needs no credentials and makes nothing" {
	echo one >a
	manifest a x/y >m
	run -0 s3put -n --region=r m s3://bucket/prefix/
	[ "$(jq -c '[.status, .to, .bytes]' <<<"$output")" = '["dry-run","s3://bucket/prefix/x/y",4]' ]
	run -0 s3put -n m "$dest"
	[ "$(jq -r .to <<<"$output")" = "$dest/x/y" ]
	[ ! -e dest ]
}

@test "of several at once just one stores, the others find it present" {
	for i in $(seq 20); do
		head -c 20000 /dev/urandom >f$i
		manifest f$i d/k$i
	done >m
	for i in 1 2 3 4 5 6; do
		s3put m "$dest" >out$i &
	done
	wait
	[ "$(cat out? | jq -r 'select(.status == "stored") | .key' | sort | uniq | wc -l)" -eq 20 ]
	[ "$(cat out? | jq -r 'select(.status == "stored")' | grep -c key)" -eq 20 ]
	[ "$(cat out? | jq -r 'select(.status == "present")' | grep -c key)" -eq 100 ]
	for i in $(seq 20); do cmp f$i dest/d/k$i; done
	no_temporaries dest
}

@test "what a killed run left is removed, what a living one holds is not" {
	echo one >a
	manifest a d/k >m
	mkdir -p dest/d
	echo half >dest/d/.s3put.0123456789abcdef
	echo live >dest/d/.s3put.live
	exec 9<dest/d/.s3put.live
	flock 9
	s3put m "$dest"
	[ ! -e dest/d/.s3put.0123456789abcdef ]
	[ -e dest/d/.s3put.live ]
	exec 9<&-
	[ "$(s3put m "$dest" | jq -r .status)" = present ]
	no_temporaries dest
}

@test "a full or read-only destination is an error, and nothing half stands there" {
	[ "$(id -u)" -eq 0 ] || skip "mounting needs root"
	mkdir dest
	mount -t tmpfs -o size=256k none dest || skip "cannot mount"
	trap "umount -q dest || true" EXIT
	head -c 200000 /dev/urandom >a
	head -c 200000 /dev/urandom >b
	{ manifest a a; manifest b b; } >m
	run s3put -j1 m "$dest"
	umount_later=$status out=$output
	left=$(find dest -type f | wc -l)
	same=$(cmp a dest/a && echo same)
	mount -o remount,ro dest
	run s3put --overwrite m "$dest"
	umount dest
	[ "$umount_later" -eq 1 ]
	[ "$left" -eq 1 ] && [ "$same" = same ]
	[[ $out == *"No space left on device"* ]]
	[ "$status" -eq 1 ]
	[[ $output == *"Read-only file system"* ]]
}

@test "a destination without permission is exit 77" {
	[ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null || skip "root, and no setpriv"
	echo one >a
	mkdir -m 755 locked
	manifest "$PWD/a" k >m
	chmod 755 . "$BATS_TEST_TMPDIR"
	as=
	if [ "$(id -u)" -eq 0 ]; then
		# bats' own directory is root's alone: work in one that nobody can reach
		work=$(mktemp -d) && chmod 755 "$work" && mkdir -m 755 "$work/locked"
		cp a m "$work" && cp "$(command -v s3put)" "$work/s3put"
		manifest "$work/a" k >"$work/m"
		cd "$work" || return
		as="setpriv --reuid=65534 --regid=65534 --clear-groups $work/s3put"
	fi
	run -77 ${as:-s3put} m "file://$PWD/locked"
	[[ $output == *"Permission denied"* ]]
	[ -z "$work" ] || rm -rf "$work"
}

@test "results come when the input pauses" {
	state S a
	mkfifo in
	s3put --state=S "$dest" <in >out &
	exec 8>in
	manifests S >&8
	comes [ -s out ]
	[ "$(jq -r .status out)" = stored ]
	exec 8>&-
	wait
}

@test "SIGTERM while waiting ends it at once, with everything settled" {
	state S a
	mkfifo in
	s3put --state=S "$dest" <in >out &
	pid=$!
	exec 8>in
	manifests S >&8
	comes [ -s out ]
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	exec 8>&-
	[ "$status" -eq 143 ]
	[ -z "$(listed S)" ]
}

@test "a reader of the results that goes away ends it quietly" {
	echo one >a
	seq -f '{"key":"d/k%g","path":"a"}' 300 >m
	run --separate-stderr bash -c 's3put m '"$dest"' | true; exit ${PIPESTATUS[0]}'
	[ "$status" -eq 141 ] || [ "$status" -eq 0 ]
	[ -z "$stderr" ]
}

# ---- the ledger ----

@test "a delivered batch leaves the ledger and the outbox" {
	state S y=1/a y=1/b y=2/c
	run -0 s3put --state=S "$dest" < <(manifests S)
	[ "$(statuses)" = "stored stored stored" ]
	[ -z "$(listed S)" ]
	[ -z "$(ls S/outbox)" ]
	[ "$(cat dest/y=2/c)" = "body of y=2/c" ]
}

@test "more batches than one group leave the ledger, the failed stay" {
	state S $(seq -f 'k%g' 40)
	manifests S >m
	echo other >S/outbox/b7
	run -1 s3put --state=S m "$dest"
	[ "$(listed S)" = k8 ]
	[ "$(ls S/outbox)" = b7 ]
	[ "$(find dest -type f | wc -l)" -eq 39 ]
}

@test "a body that is gone together with its entry was delivered by another s3put" {
	state S a b
	manifests S >m
	s3put --state=S m "file://$PWD/first" >first.out
	run -0 --separate-stderr s3put --state=S m "$dest"
	[ "$(statuses)" = "gone gone" ]
	[ -z "$(ls -A dest)" ]
}

@test "a listed batch without a body is delivered if the object is there, and stays if not" {
	state S a b c
	manifests S >m
	mkdir dest
	cp S/outbox/b0 dest/a
	echo other >dest/c
	rm S/outbox/*
	run -1 --separate-stderr s3put --state=S m "$dest"
	[ "$(statuses)" = "present failed failed" ]
	[ "$(listed S)" = "b c" ]
	[[ $stderr == *"S/outbox/b1: no such file, and nothing is stored as b"* ]]
	[[ $stderr == *"dest/c: exists with other bytes"* ]]
}

@test "--state delivers bodies of its outbox only: what names another file is refused, the rest goes on" {
	state S a b c d
	echo secret >key
	ln -s ../../key S/outbox/link
	ln -s S alias
	mkdir -p O/outbox
	echo other >O/outbox/b0
	{
		echo '{"key":"x1","path":"key"}'
		echo "{\"key\":\"x2\",\"path\":\"$PWD/key\"}"
		echo '{"key":"x3","path":"S/outbox/../../key"}'
		echo '{"key":"x4","path":"S/ledger.json"}'
		echo '{"key":"x5","path":"S/outbox/link"}'
		echo '{"key":"x6","path":"S/outbox/.."}'
		echo '{"key":"a","path":"O/outbox/b0"}'
		manifests S | sed -n 2p
		manifests S | sed -n "3s|S/outbox|$PWD/S/outbox|p; 4s|S/outbox|alias/./outbox|p"
	} >m
	run -1 --separate-stderr s3put --state=S m "$dest"
	[ "$(statuses)" = "failed failed failed failed failed failed failed stored stored stored" ]
	[[ $stderr == *"key: not in S/outbox, as what --state delivers is"* ]]
	[[ $stderr == *"O/outbox/b0: not in S/outbox"* ]]
	[ "$(listed S)" = a ]
	[ "$(cat S/outbox/b0)" = "body of a" ]
	[ "$(cd dest && find . -type f | sort | paste -sd' ')" = "./b ./c ./d" ]
	# without an outbox there is nothing to deliver
	run -1 --separate-stderr s3put --state=none "$dest" <<<'{"key":"x","path":"key"}'
	[[ $stderr == *"key: not in none/outbox"* ]]
}

@test "--state delivers a body under the key that the ledger lists it with, and under no other" {
	state S a b c d
	other=$(hash_of S/outbox/b1)
	{
		echo '{"key":"a","path":"S/outbox/b1"}'
		echo '{"key":"x","path":"S/outbox/b0"}'
		echo '{"key":"a","path":"S/outbox/none"}'
		manifests S | sed -n 1p | jq -c --arg h "$other" '.sha256 = $h'
		manifests S | sed -n 1p | jq -c '.bytes += 1'
		echo '{"key":"d","path":"S/outbox/b3"}'
	} >m
	run -1 --separate-stderr s3put --state=S m "$dest"
	[ "$(statuses)" = "failed failed failed failed failed stored" ]
	[[ ${stderr_lines[0]} == "s3put: S/outbox/b1: not the body that the ledger of S lists as a" ]]
	[[ ${stderr_lines[1]} == "s3put: S/outbox/b0: not the body that the ledger of S lists as x" ]]
	[[ ${stderr_lines[2]} == "s3put: S/outbox/none: not the body that the ledger of S lists as a" ]]
	[[ ${stderr_lines[3]} == "s3put: S/outbox/b0: its manifest's \"sha256\" is not that in the ledger" ]]
	[[ ${stderr_lines[4]} == "s3put: S/outbox/b0: its manifest's \"bytes\" is not that in the ledger" ]]
	[ "$(listed S)" = "a b c" ]
	[ "$(ls S/outbox | paste -sd' ')" = "b0 b1 b2" ]
	[ "$(find dest -type f)" = dest/d ]
	# a line that tells no hash is checked by that of the ledger
	echo other >S/outbox/b2
	run -1 --separate-stderr s3put --state=S "$dest" <<<'{"key":"c","path":"S/outbox/b2"}'
	[ "$stderr" = "s3put: S/outbox/b2: holds 6 bytes, its manifest says 10" ]
	echo stray >S/outbox/stray
	run -0 --separate-stderr s3put --state=S "$dest" <<<'{"key":"x","path":"S/outbox/stray"}'
	[ "$(statuses)" = gone ]
	[ -e S/outbox/stray ] && [ ! -e dest/x ]
	rm S/outbox/stray
	run -1 --separate-stderr s3put -n --state=S "$dest" <<<'{"key":"a","path":"S/outbox/b1"}'
	[ "$(statuses)" = failed ]
	[ "$(listed S)" = "a b c" ]
}

@test "--state: a path in a directory that is not there is refused, whatever is stored under its key" {
	state S a b
	mkdir dest
	echo else >dest/a
	cp S/outbox/b1 dest/b
	{
		manifest dest/a a | jq -c '.path = "gone/b0"'
		manifests S | sed -n '2s|S/outbox|/nowhere/S/outbox|p'
	} >m
	run -1 --separate-stderr s3put --state=S m "$dest"
	[ "$(statuses)" = "failed failed" ]
	[[ ${stderr_lines[0]} == "s3put: gone/b0: its directory: No such file or directory; --state delivers what is in S/outbox" ]]
	[ "$(listed S)" = "a b" ]
	[ "$(ls S/outbox | paste -sd' ')" = "b0 b1" ]
}

@test "--state: what is committed while it runs is found; a ledger that does not read delivers nothing" {
	state S a
	mkfifo in
	s3put --state=S "$dest" <in >out &
	exec 8>in
	manifests S >&8
	comes [ -s out ]
	state S b c
	manifests S >&8
	exec 8>&-
	wait
	[ "$(jq -r '.status + .key' out | paste -sd' ')" = "storeda storedb storedc" ]
	[ -z "$(listed S)" ]
	state S d
	manifests S >m
	echo damaged >S/ledger.json
	echo damaged >S/ledger.copy.json
	run -1 --separate-stderr s3put --state=S m "$dest"
	[ "$(statuses)" = failed ]
	[ ! -e dest/d ]
}

# ---- faults ----

# after a run with a fault: nothing half at the destination, nothing lost
nothing_lost() {
	local k i=0
	for k in y=1/a y=1/b y=2/c; do
		if [ -e "dest/$k" ]; then
			[ "$(cat "dest/$k")" = "body of $k" ] || return
		else
			[ -e "S/outbox/b$i" ] || return
			[[ " $(listed S) " == *" $k "* ]] || return
		fi
		i=$((i + 1))
	done
}

fresh() {
	if [ ! -d S.orig ]; then
		state S.orig y=1/a y=1/b y=2/c
		manifests S.orig | sed 's|S.orig|S|' >m
	fi
	rm -rf S dest
	cp -r S.orig S
}

# one run of the fault build, $1 being the fault or nothing
faulty() {
	LOGSWEEP_FAULT=$1 "$top/build/faults/s3put" -j"${fault_jobs:-1}" --state=S m "$dest" >out 2>err
}

# how many changes of the disk such a run makes
steps() {
	local n=20
	fresh
	while ! faulty $n:kill; do
		fresh
		n=$((n + 1))
	done
	echo $((n - 1))
}

each_step() { # each_step HOW: a run for each of them
	local n status last
	# fsync of a real disk is slow, and hundreds of runs follow
	if [ -w /dev/shm ]; then
		shm=$(mktemp -d -p /dev/shm) && cd "$shm" && dest=file://$shm/dest || return
	fi
	last=$(steps)
	[ "$last" -gt 30 ]
	for n in $(seq "$last"); do
		fresh
		status=0
		faulty "$n:$1" || status=$?
		nothing_lost || { echo "step $n of $last: lost"; return 1; }
		if [ $status -eq 0 ] && [ -n "$(listed S)" ]; then
			echo "step $n of $last: not told" && return 1
		fi
		faulty '' || { echo "step $n of $last: the next run failed" && cat err && return 1; }
		nothing_lost && [ -z "$(listed S)" ] && no_temporaries dest || {
			echo "step $n of $last: not mended" && return 1
		}
	done
}

@test "killed at any change of the disk, nothing is lost or half, and the next run mends it" {
	each_step kill
}

@test "killed at any change of the disk while several are put at once, the same" {
	fault_jobs=3 each_step kill
}

@test "killed in the middle of any write, the same" {
	each_step short
}

@test "when any change of the disk fails, what is not delivered stays listed" {
	each_step fail
}

# ---- credentials ----

@test "without credentials it is exit 77, with what to do" {
	run -77 --separate-stderr s3put --endpoint=http://127.0.0.1:1 s3://bucket </dev/null
	[ -z "$output" ]
	[[ $stderr == "s3put: credentials: none found (AWS_ACCESS_KEY_ID is not set; "*"/home/.aws/credentials: no such file; "*"); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE" ]]
}

@test "credentials that are half there are an error, not a reason to sign as somebody else" {
	mkdir home/.aws
	printf '[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = x\n[half]\naws_access_key_id = A\n' >home/.aws/credentials
	AWS_ACCESS_KEY_ID=A run -77 --separate-stderr s3put --endpoint=http://127.0.0.1:1 s3://bucket </dev/null
	[[ $stderr == *"AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not" ]]
	AWS_PROFILE=half run -77 --separate-stderr s3put --endpoint=http://127.0.0.1:1 s3://bucket </dev/null
	[[ $stderr == *"profile half of "*" has no aws_secret_access_key" ]]
	AWS_PROFILE=nope run -77 --separate-stderr s3put --endpoint=http://127.0.0.1:1 s3://bucket </dev/null
	[[ $stderr == *"AWS_PROFILE=nope: no such profile in "* ]]
}

@test "-v tells which credentials were used and why others were not, and no secret" {
	mkdir home/.aws
	cat >home/.aws/credentials <<-'INI'
		# a comment
		[other]
		aws_access_key_id = AKIDOTHEROTHER1
		aws_secret_access_key = secret1
		[default]
		aws_access_key_id=AKIDDEFAULT2222
		aws_secret_access_key = secret2 # not this
	INI
	cat >home/.aws/config <<-'INI'
		[default]
		region = eu-north-1
		[profile other]
		s3 =
		  region = not-this-one
		region = ap-south-1
		[profile third]
		aws_access_key_id = AKIDTHIRD333333
		aws_secret_access_key = secret3
		aws_session_token = token3
	INI
	try() {
		run -0 --separate-stderr s3put -v --endpoint=http://127.0.0.1:1 s3://bucket </dev/null
		[[ $stderr != *secret[123]* && $stderr != *token3* ]]
	}
	try
	[[ $stderr == *"credentials: environment: AWS_ACCESS_KEY_ID is not set; not used"* ]]
	[[ $stderr == *"credentials: used: profile default of "*"/credentials, access key ...2222"* ]]
	[[ $stderr == *"region eu-north-1"* ]]
	export AWS_PROFILE=other
	try
	[[ $stderr == *"profile other of "*"...HER1"* && $stderr == *"region ap-south-1"* ]]
	export AWS_PROFILE=third
	try
	[[ $stderr == *"profile third of "*"/config, access key ...3333, session token"* ]]
	export AWS_ACCESS_KEY_ID=AKIDENVIRONMENT AWS_SECRET_ACCESS_KEY=secret1 AWS_REGION=us-west-9
	try
	[[ $stderr == *"credentials: used: environment, access key ...MENT"* && $stderr == *"region us-west-9"* ]]
}

@test "the host name follows endpoint, region, bucket and --path-style" {
	export AWS_ACCESS_KEY_ID=AKID AWS_SECRET_ACCESS_KEY=x
	where() { # where WANT ARG...
		local want=$1
		shift
		run -0 --separate-stderr s3put -v "$@" </dev/null
		[[ $stderr == *"s3put: s3: $want, region "* ]] || { echo "$stderr"; return 1; }
	}
	where https://logs.s3.eu-west-1.amazonaws.com/ --region=eu-west-1 s3://logs/p
	where https://logs.s3.cn-north-1.amazonaws.com.cn/ --region=cn-north-1 s3://logs/p
	where https://s3.eu-west-1.amazonaws.com/logs/ --region=eu-west-1 --path-style s3://logs/p
	where https://s3.eu-west-1.amazonaws.com/my.logs/ --region=eu-west-1 s3://my.logs
	where https://s3.eu-west-1.amazonaws.com/Logs_1/ --region=eu-west-1 s3://Logs_1
	where https://logs.s3.example.net/ --endpoint=https://s3.example.net:443/ s3://logs
	where http://logs.s3.example.net:443/x/ --endpoint=http://s3.example.net:443/x s3://logs
	where http://minio:9000/logs/ --endpoint=HTTP://minio:9000 s3://logs
	where http://10.0.0.1:80/logs/ --endpoint=https://10.0.0.1:80 s3://logs || true
	where 'http://[::1]:9000/logs/' --endpoint='http://[::1]:9000' s3://logs
	AWS_ENDPOINT_URL_S3=http://minio:9000 where http://minio:9000/logs/ s3://logs
}

# ---- a real S3 server ----

@test "S3: each body is there byte for byte, whatever is in its key" {
	need_rgw
	count=0
	for k in 'year=2026/month=11/day=22/hour=13/n-1.ndjson.gz' 'a b  c' 'a+b' '100%' '%20' 't:1@h' \
		'häß/日本' "it's!*(x)" 'a&b;c,d$e#f?g[h]' '~.-_' 'x\y' '"q"' 'tab	tab' 'a=b&c=d'; do
		count=$((count + 1))
		echo "body $count" >f$count
		manifest f$count "$k" >>m
	done
	run -0 --separate-stderr s3put --endpoint="http://$RGW_HTTP" m "s3://$bucket/p=1//x"
	[ -z "$stderr" ]
	[ "$(jq -r .status <<<"$output" | grep -cx stored)" -eq "$count" ]
	n=0
	while IFS= read -r k; do
		n=$((n + 1))
		fetch "p=1//x/$k" | cmp - f$n
		[ "$(jq -r --arg k "$k" 'select(.key == $k) | .etag' <<<"$output")" = "$(md5sum <f$n | cut -d' ' -f1)" ]
	done < <(jq -r .key m)
	[ "$n" -eq "$count" ]
}

@test "S3: big and empty bodies" {
	need_rgw
	head -c 20000000 /dev/urandom >big
	: >empty
	{ manifest big big; manifest empty empty; } >m
	run -0 s3put --endpoint="http://$RGW_HTTP" m "s3://$bucket"
	fetch big | cmp - big
	fetch empty | cmp - empty
}

@test "S3: delivering again is present, other bytes are refused and untouched, until --overwrite" {
	need_rgw
	echo one >a
	echo two >b
	ep=--endpoint=http://$RGW_HTTP
	manifest a k >m
	s3put "$ep" m "s3://$bucket"
	run -0 s3put "$ep" m "s3://$bucket"
	[ "$(statuses)" = present ]
	manifest b k >m
	run -1 --separate-stderr s3put "$ep" m "s3://$bucket"
	[ "$stderr" = "s3put: s3://$bucket/k: exists with other bytes; --overwrite replaces it" ]
	fetch k | cmp - a
	run -0 s3put "$ep" --overwrite m "s3://$bucket"
	fetch k | cmp - b
}

@test "S3: an object of somebody else is compared by size and MD5" {
	need_rgw
	echo one >a
	echo two >b
	signed -T a -H 'If-None-Match: *' "http://$RGW_HTTP/$bucket/k"
	run -0 s3put --endpoint="http://$RGW_HTTP" "s3://$bucket" < <(manifest a k)
	[ "$(statuses)" = present ]
	run -1 s3put --endpoint="http://$RGW_HTTP" "s3://$bucket" < <(manifest b k)
}

@test "S3: over TLS, buckets in the host name or in the path" {
	need_rgw
	echo one >a
	run -0 s3put --endpoint="https://$RGW_HTTPS" --ca="$RGW_CA" "s3://$bucket/p" < <(manifest a x=1)
	fetch p/x=1 | cmp - a
	run -0 --separate-stderr s3put -v --endpoint="https://s3.localhost:${RGW_HTTPS#*:}" --ca="$RGW_CA" \
		"s3://$bucket/v" < <(manifest a x=1)
	[[ $stderr == *"https://$bucket.s3.localhost:"* ]]
	fetch v/x=1 | cmp - a
	AWS_CA_BUNDLE=$RGW_CA run -0 s3put --endpoint="https://$RGW_HTTPS" "s3://$bucket/p" < <(manifest a x=1)
	[ "$(statuses)" = present ]
}

@test "S3: a certificate that is not trusted is refused, and the option that trusts it named" {
	need_rgw
	echo one >a
	run -1 --separate-stderr s3put --endpoint="https://$RGW_HTTPS" "s3://$bucket" < <(manifest a k)
	[[ $stderr == "s3put: s3://$bucket/k: $RGW_HTTPS: the certificate is not trusted: "*"; --ca=FILE names a CA to trust" ]]
	run -1 --separate-stderr s3put --endpoint="https://$RGW_HTTP" "s3://$bucket" < <(manifest a k)
	[[ $stderr == *"$RGW_HTTP: does not speak TLS; is it http:// ?" ]]
	run -22 fetch k
}

@test "S3: a wrong secret is exit 77, with the server's code and request id, and no secret" {
	need_rgw
	echo one >a
	AWS_SECRET_ACCESS_KEY=wrong-one run -77 --separate-stderr s3put -v --endpoint="http://$RGW_HTTP" \
		"s3://$bucket" < <(manifest a k)
	[[ $stderr == *"s3://$bucket/k: 403 SignatureDoesNotMatch"*"(request id tx"* ]]
	[[ $stderr$output != *wrong-one* ]]
	AWS_ACCESS_KEY_ID=AKIDNOBODY run -77 --separate-stderr s3put --endpoint="http://$RGW_HTTP" \
		"s3://$bucket" < <(manifest a k)
	[[ $stderr == *"403 InvalidAccessKeyId"* ]]
}

@test "S3: a bucket that does not exist is told by its name" {
	need_rgw
	echo one >a
	run -1 --separate-stderr s3put --endpoint="http://$RGW_HTTP" s3://no-such-bucket < <(manifest a k)
	[[ $stderr == "s3put: s3://no-such-bucket/k: 404 NoSuchBucket"* ]]
}

@test "S3: a body that is not what its manifest says is not sent" {
	need_rgw
	echo one >a
	run -1 --separate-stderr s3put --endpoint="http://$RGW_HTTP" "s3://$bucket" < <(manifest a k | sed 's/"sha256":"./"sha256":"0/')
	[ "$(jq .attempts <<<"$output")" -eq 0 ]
	run -22 fetch k
}

@test "S3: a batch leaves the ledger; a listed one without a body is looked for by HEAD" {
	need_rgw
	state S a b
	manifests S >m
	run -0 s3put --state=S --endpoint="http://$RGW_HTTP" m "s3://$bucket/p"
	[ -z "$(listed S)" ]
	[ "$(fetch p/b)" = "body of b" ]
	state S a c
	manifests S >m
	rm S/outbox/*
	run -1 s3put --state=S --endpoint="http://$RGW_HTTP" m "s3://$bucket/p"
	[ "$(statuses)" = "present failed" ]
	[ "$(listed S)" = c ]
}

@test "S3: of several at once just one stores, the others find it present" {
	need_rgw
	for i in $(seq 10); do
		head -c 20000 /dev/urandom >f$i
		manifest f$i d/k$i
	done >m
	for i in 1 2 3 4; do
		s3put --endpoint="http://$RGW_HTTP" m "s3://$bucket" >out$i &
	done
	wait
	[ "$(cat out? | jq -r 'select(.status == "stored") | .key' | sort | wc -l)" -eq 10 ]
	[ "$(cat out? | jq -r 'select(.status == "present") | .key' | wc -l)" -eq 30 ]
}

# ---- a server that is away or misbehaves ----

# past: the tries of an upload
@test "a server that is away is tried to the end of --max-time, then exit 75, the rest not tried" {
	export AWS_ACCESS_KEY_ID=AKID AWS_SECRET_ACCESS_KEY=x
	echo one >a
	{ manifest a 1; manifest a 2; } >m
	SECONDS=0
	run -75 --separate-stderr s3put -j1 --endpoint=http://127.0.0.1:1 --max-time=3s m s3://bucket
	[ "$SECONDS" -lt 60 ] # and not the 5 minutes of no such option
	[[ $stderr == *"s3://bucket/1: 127.0.0.1:1: Connection refused; gave up after "* ]]
	[[ $stderr == *"s3://bucket/2: not tried, 127.0.0.1:1 did not answer"* ]]
	[ "$(jq -s '.[0].attempts > 1 and .[1].attempts == 0' <<<"$output")" = true ]
	run -75 --separate-stderr s3put --endpoint=http://s3.invalid --max-time=3s m s3://bucket
	[[ $stderr == *"s3.invalid: the name does not resolve (DNS)"* ]]
}

@test "what passes is tried again: 500, 503, 429, 408, a reset, an error in a 200" {
	fake cond 500 503 429 408 reset error200
	echo one >a
	run -0 --separate-stderr s3put -v --endpoint="$fake" s3://bucket < <(manifest a k)
	[ "$(jq -c '[.status, .attempts]' <<<"$output")" = '["stored",8]' ] # one is a HEAD
	[[ $stderr == *"503 Status503: a <Status503> (request id REQ42); retrying in "* ]]
}

@test "what does not pass is not tried again" {
	fake cond 400 404 403 expired
	echo one >a
	run -1 s3put --endpoint="$fake" s3://bucket < <(manifest a k)
	run -1 s3put --endpoint="$fake" s3://bucket < <(manifest a k)
	run -77 s3put --endpoint="$fake" s3://bucket < <(manifest a k)
	run -77 s3put --endpoint="$fake" s3://bucket < <(manifest a k)
	[ "$(asked PUT)" -eq 4 ]
}

@test "the worst status counts, and one failing object does not stop the others" {
	fake cond 403 404 ok
	echo one >a
	for k in 1 2 3; do manifest a $k; done >m
	run -77 --separate-stderr s3put --endpoint="$fake" m s3://bucket
	[ "$(jq -r .status <<<"$output" | paste -sd' ')" = "failed failed stored" ]
}

@test "Retry-After is waited for, unless it goes beyond --max-time" {
	fake cond later ok much-later
	echo one >a
	run -0 --separate-stderr s3put -v --endpoint="$fake" s3://bucket < <(manifest a k)
	[[ $stderr == *"503 SlowDown"*"; retrying in 1.0s"* ]]
	SECONDS=0
	fake_pid2=$fake_pid
	fake cond much-later
	run -75 --separate-stderr s3put --endpoint="$fake" s3://bucket < <(manifest a k)
	kill "$fake_pid2"
	[ "$SECONDS" -lt 60 ] # and not the 5 minutes of --max-time
	[[ $stderr == *"gave up after 1 try" ]]
}

@test "a throttling server gets one try for each object once the time is used up" {
	fake cond $(yes 503 | head -n 100)
	echo one >a
	for k in $(seq 12); do manifest a $k; done >m
	run -75 --separate-stderr s3put --max-time=500ms --endpoint="$fake" m s3://bucket
	[ "$(jq -s -c 'map(.attempts)[-2:]' <<<"$output")" = '[2,2]' ] # a HEAD and a PUT
}

@test "a server that stalls is left after a while" {
	fake cond stall ok
	echo one >a
	run -75 --separate-stderr s3put --max-time=2s --endpoint="$fake" s3://bucket < <(manifest a k)
	[[ $stderr == *"no byte moved for 2 s; gave up after 1 try" ]]
}

@test "an answer without end is no success: slow, it has the time of --max-time, fast, 1 MiB" {
	fake cond drip
	echo one >a
	SECONDS=0
	run -75 --separate-stderr s3put --max-time=2s --endpoint="$fake" s3://bucket < <(manifest a k)
	[ "$SECONDS" -lt 60 ]
	[[ $stderr == *"no whole answer within 2 s; gave up after 1 try" ]]
	kill "$fake_pid"
	fake cond flood ok
	run -0 --separate-stderr s3put -v --endpoint="$fake" s3://bucket < <(manifest a k)
	[ "$(jq -c '[.status, .attempts]' <<<"$output")" = '["stored",3]' ]
	[[ $stderr == *": an answer of more than 1048576 bytes; retrying in "* ]]
}

@test "a put whose answer was lost is found by size and hash" {
	fake cond lost
	echo one >a
	run -0 s3put --endpoint="$fake" s3://bucket < <(manifest a k)
	[ "$(jq -c '[.status, .attempts]' <<<"$output")" = '["present",4]' ]
	sed 's/ 20.*//' log | tail -n +2 >did
	printf '%s\n' 'HEAD /bucket/k - ok' 'PUT /bucket/k * lost' 'PUT /bucket/k * ok' 'HEAD /bucket/k - ok' | cmp - did
}

@test "a 2xx without an ETag is no success" {
	fake cond noetag
	echo one >a
	run -1 --separate-stderr s3put --endpoint="$fake" s3://bucket < <(manifest a k)
	[[ $stderr == *"answered 200 without an ETag; is this an S3 server?" ]]
}

@test "a clock that is wrong for the server is corrected once" {
	fake slow-clock skew ok
	echo one >a
	run -0 --separate-stderr s3put --endpoint="$fake" s3://bucket < <(manifest a k)
	[[ $stderr == "s3put: clock: "*" s away from the server's; signing with the server's" ]]
	# what was refused is signed with our time, all that follows with the server's, half an hour ago
	jq -enR '[inputs | select(test("^[A-Z]")) |
		{skew: test(" skew "), at: (split(" ")[-1] | strptime("%Y%m%dT%H%M%SZ") | mktime)}] |
		(map(.skew) | index(true)) as $refused | .[$refused].at as $ours | .[$refused + 1:] |
		length > 0 and all($ours - .at > 1500 and $ours - .at < 2100)' log
	fake_pid2=$fake_pid
	fake slow-clock skew skew
	run -77 s3put --endpoint="$fake" s3://bucket < <(manifest a k)
	kill "$fake_pid2"
}

@test "a date of the year 9999 is none, of the clock and of Retry-After" {
	fake year-9999 skew
	echo one >a
	run -77 --separate-stderr s3put --endpoint="$fake" s3://bucket < <(manifest a k)
	[[ $stderr == "s3put: s3://bucket/k: 403 RequestTimeTooSkewed: "* ]]
	kill "$fake_pid"
	fake cond in-9999 ok
	run -0 --separate-stderr s3put -v --endpoint="$fake" s3://bucket < <(manifest a k)
	[[ $stderr == *"503 SlowDown"*"; retrying in 0."* ]]
}

@test "a server that answers 501 to If-None-Match is asked by HEAD before each PUT" {
	fake 501
	echo one >a
	echo two >b
	{ manifest a 1; manifest a 2; manifest b 1; manifest a 1; } >m
	run -1 --separate-stderr s3put -v --endpoint="$fake" m s3://bucket
	[ "$(statuses)" = "stored stored failed present" ]
	[ "$(grep -c 'does not know If-None-Match; asking with HEAD' <<<"$stderr")" -eq 1 ]
	[ "$(asked HEAD)" -eq 5 ] # of the first object two: before the 501 and after
}

@test "a server that ignores If-None-Match is found out, and then loses nothing" {
	fake ignore
	echo one >a
	echo two >b
	{ manifest a 1; manifest b 1; manifest a 1; } >m
	run -1 --separate-stderr s3put -v --endpoint="$fake" m s3://bucket
	[ "$(statuses)" = "stored failed present" ]
	[[ $stderr == *"the server ignores If-None-Match; asking with HEAD"* ]]
	[ "$(asked PUT)" -eq 2 ]
}

@test "a server that ignores If-None-Match: what was there before is not replaced, small or too big to find out" {
	fake ignore
	echo one >a
	head -c 1100000 /dev/zero >b
	echo two >c
	{ manifest a 1; manifest b 2; } >m
	run -0 s3put --endpoint="$fake" m s3://bucket
	{ manifest c 1; manifest c 2; } >m2
	{ manifest b 1; manifest b 3; manifest a 3; } >m3
	: >log
	run -1 --separate-stderr s3put --endpoint="$fake" m2 s3://bucket
	[[ $stderr == *"s3://bucket/1: exists with other bytes; --overwrite replaces it"* ]]
	[ "$(statuses)" = "failed failed" ]
	run -1 s3put --endpoint="$fake" m3 s3://bucket
	[ "$(statuses)" = "failed stored failed" ]
	[ "$(asked PUT)" -eq 1 ]
}

@test "where HEAD is refused, a server that ignores If-None-Match is found out by one object, which fails" {
	echo one >a
	echo two >b
	head -c 1100000 /dev/zero >c
	for k in 1 2 3 4 5; do manifest a $k; done >m
	{ manifest c 1; manifest b 1; for k in 2 3 4 5; do manifest b $k; done; } >m2
	for status in 403 405 501; do
		fake head-$status-ignore
		run -0 s3put --overwrite --endpoint="$fake" m s3://bucket
		: >log
		run -77 --separate-stderr s3put -v -j4 --endpoint="$fake" m2 s3://bucket
		kill "$fake_pid"
		[ "$(statuses)" = "failed failed failed failed failed failed" ]
		[ "$(grep -c ': put, but other bytes may have been there: the server ignores If-None-Match and refuses HEAD; it needs s3:GetObject and s3:ListBucket, or --overwrite$' <<<"$stderr")" -eq 1 ]
		# the one, twice; nothing else was sent
		[ "$(asked PUT)" -eq 2 ]
		[ "$(grep -a '^PUT' log | cut -d' ' -f2 | sort -u | wc -l)" -eq 1 ]
		[ "$(grep -c '; --overwrite ' <<<"$stderr")" -ge $((status == 403 ? 5 : 0)) ]
	done
}

@test "where HEAD is refused, one object is put twice, however big, then If-None-Match is trusted" {
	echo one >a
	echo two >b
	head -c 1100000 /dev/zero >c
	{ manifest c 1; for k in 2 3 4 5; do manifest a $k; done; manifest b 2; } >m
	fake head-403
	run -77 --separate-stderr s3put -v -j4 --endpoint="$fake" m s3://bucket
	[ "$(statuses)" = "stored stored stored stored stored failed" ]
	[[ $stderr == *"s3://bucket/2: 403"*"s3:GetObject is needed to compare what is there"* ]]
	[ "$(asked PUT)" -eq 7 ]
	[ "$(awk '$1 == "PUT" && $3 != "*"' log | wc -l)" -eq 0 ]
	kill "$fake_pid"
	fake head-403-501
	run -77 --separate-stderr s3put --endpoint="$fake" s3://bucket < <(manifest a 1)
	[ "$(statuses)" = failed ]
	[ "$(asked PUT)" -eq 1 ]
	[[ $stderr != *"put, but"* ]]
}

@test "while nobody can tell, each object is put twice: a second time that fails tells nothing" {
	echo one >a
	echo two >b
	for k in 1 2 3; do manifest a $k; done >m
	fake head-403-ignore ok 500 ok 403
	run -77 --separate-stderr s3put --endpoint="$fake" m s3://bucket
	[ "$(statuses)" = "stored stored failed" ]
	[[ $stderr == *"s3://bucket/3: put, but other bytes may have been there"* ]]
	[ "$(asked PUT)" -eq 6 ]
}

@test "--sse and --kms-key go with what makes the object, signed, and with nothing else" {
	key=arn:aws:kms:eu-west-3:123456789012:key/0a-1b
	sse=x-amz-server-side-encryption
	fake cond
	echo one >a
	run -0 s3put --endpoint="$fake" --sse=aws:kms --kms-key="$key" s3://bucket < <(manifest a k)
	[ "$(grep -E "^PUT $sse" headers | sort -u)" = "PUT $sse aws:kms
PUT $sse-aws-kms-key-id $key" ]
	grep -qE "^PUT authorization .*SignedHeaders=[^,]*;$sse;$sse-aws-kms-key-id" headers
	run -0 s3put --endpoint="$fake" --sse=aws:kms --kms-key="$key" s3://bucket < <(manifest a k)
	[ "$(statuses)" = present ]
	grep -q '^HEAD host ' headers
	! grep -qE "^HEAD $sse" headers
	rm headers
	run -0 s3put --endpoint="$fake" --sse=AES256 s3://bucket < <(manifest a k2)
	[ "$(grep -E "^PUT $sse" headers | sort -u)" = "PUT $sse AES256" ]
	rm headers
	run -0 s3put --endpoint="$fake" s3://bucket < <(manifest a k3)
	! grep -q server-side-encryption headers
}

@test "an object without our hash is compared by its MD5" {
	fake no-meta
	echo one >a
	echo two >b
	{ manifest a 1; manifest a 1; manifest b 1; } >m
	run -1 s3put --endpoint="$fake" m s3://bucket
	[ "$(statuses)" = "stored present failed" ]
}
