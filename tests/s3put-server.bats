bats_require_minimum_version 1.5.0

# s3put against Ceph's radosgw (rgw.sh), directly and through a proxy that fails on demand
# (faultproxy.py): objects in parts, pipes, several at once, attributes, --check.

load s3

setup_file() {
	command -v radosgw ceph-mon ceph-osd >/dev/null || return 0
	"$BATS_TEST_DIRNAME/rgw.sh" start "$BATS_FILE_TMPDIR/rgw" || return
	head -c 12000000 /dev/urandom >"$BATS_FILE_TMPDIR/12M"
}

teardown_file() {
	[ ! -d "$BATS_FILE_TMPDIR/rgw" ] || "$BATS_TEST_DIRNAME/rgw.sh" stop "$BATS_FILE_TMPDIR/rgw"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for v in $(compgen -e | grep -E '^(AWS_|LOGSWEEP_)|_proxy$|_PROXY$'); do unset "$v"; done
	export HOME=$PWD/home no_proxy='*'
	mkdir home
	proxy_pid=
	need_rgw
	ep=--endpoint=http://$RGW_HTTP
	big=$BATS_FILE_TMPDIR/12M
}

teardown() {
	[ -z "$proxy_pid" ] || kill "$proxy_pid" 2>/dev/null || true
}

# deeds JSON...: start the proxy (once), and tell it what to do; $px is the option for it
deeds() {
	if [ -z "$proxy_pid" ]; then
		python3 "$BATS_TEST_DIRNAME/faultproxy.py" "$RGW_HTTP" >asked 3>&- &
		proxy_pid=$!
		comes [ -s asked ]
		px=http://127.0.0.1:$(head -n 1 asked)
	fi
	jq -cs . <<<"$*" | curl -sS --fail --noproxy '*' -X PUT --data-binary @- "$px/__deeds"
	export AWS_ENDPOINT_URL=$px
}

# asked METHOD REGEX: how often that was asked
asked() {
	grep -cE "^$1 [^ ]*$2" asked || true
}

# asked_is N METHOD REGEX: it was asked so often
asked_is() {
	[ "$(asked "$2" "$3")" -eq "$1" ]
}

# uploads that were begun and neither ended nor aborted
uploads() {
	signed "http://$RGW_HTTP/$bucket?uploads=" | grep -o '<Upload>' | wc -l
}

head_of() {
	signed -I "http://$RGW_HTTP/$bucket/$(encoded "$1")" | tr -d '\r' | tr A-Z a-z
}

listed() {
	signed "http://$RGW_HTTP/$bucket" | grep -o '<Key>[^<]*' | sed 's/<Key>//' | paste -sd' '
}

# ---- parts ----

@test "a file larger than --part-size goes in parts, and is found by its hash afterwards" {
	for j in 1 4; do
		run -0 --separate-stderr s3put "$ep" -j$j --part-size=5M "s3://$bucket/p" < <(manifest "$big" "y=1/a b+$j")
		[ "$(statuses)" = stored ]
		[[ $(jq -r .etag <<<"$output") == *-3 ]]
		[ "$(jq -r .sha256 <<<"$output")" = "$(hash_of "$big")" ]
		fetch "p/y=1/a b+$j" | cmp - "$big"
		[[ $(head_of "p/y=1/a b+$j") == *"x-amz-meta-sha256: $(hash_of "$big")"* ]]
		run -0 s3put "$ep" --part-size=5M "s3://$bucket/p" < <(manifest "$big" "y=1/a b+$j")
		[ "$(statuses)" = present ]
		[ "$(jq .attempts <<<"$output")" -eq 1 ]
	done
	[ "$(uploads)" -eq 0 ]
}

@test "in parts too, other bytes are refused and untouched, until --overwrite" {
	echo other | cat "$big" - >b
	s3put "$ep" --part-size=5M "s3://$bucket" < <(manifest "$big" k)
	run -1 --separate-stderr s3put "$ep" --part-size=5M "s3://$bucket" < <(manifest b k)
	[ "$stderr" = "s3put: s3://$bucket/k: exists with other bytes; --overwrite replaces it" ]
	fetch k | cmp - "$big"
	run -0 s3put "$ep" --overwrite --part-size=5M "s3://$bucket" < <(manifest b k)
	fetch k | cmp - b
	[ "$(uploads)" -eq 0 ]
}

@test "--as puts standard input: small ones whole, longer ones in parts, none of it too" {
	echo hello >small
	: >none
	for f in small none "$big"; do
		run -0 --separate-stderr s3put "$ep" --as="in/$(basename "$f")" - "s3://$bucket" < <(cat "$f")
		[ "$(statuses)" = stored ]
		[ "$(jq -c '[.bytes, .sha256]' <<<"$output")" = "[$(stat -c %s "$f"),\"$(hash_of "$f")\"]" ]
		fetch "in/$(basename "$f")" | cmp - "$f"
		run -0 s3put "$ep" --as="in/$(basename "$f")" "s3://$bucket" < <(cat "$f")
		[ "$(statuses)" = present ]
	done
	tail -c +2 "$big" >other
	run -1 --separate-stderr s3put "$ep" --as=in/12M - "s3://$bucket" < <(cat other)
	[[ $stderr == *"s3://$bucket/in/12M: exists "*"; --overwrite replaces it" ]]
	fetch in/12M | cmp - "$big"
	run -0 s3put "$ep" --as=a/file "$big" "s3://$bucket"
	run -0 s3put "$ep" --as=a/stdin "s3://$bucket" <"$big"
	fetch a/file | cmp - "$big"
	fetch a/stdin | cmp - "$big"
	[ "$(uploads)" -eq 0 ]
}

@test "a part that is reset, cut or refused for now is sent again, alone" {
	deeds '{"do": "reset", "path": "partNumber=2", "after": 100000}' \
		'{"do": "answer", "path": "partNumber=1", "status": 503, "code": "SlowDown"}' \
		'{"do": "answer", "path": "partNumber=3", "status": 500}' \
		'{"do": "lose", "path": "partNumber=2"}'
	run -0 s3put --part-size=5M "s3://$bucket" < <(manifest "$big" k)
	fetch k | cmp - "$big"
	[ "$(asked PUT 'partNumber=1')" -eq 2 ]
	[ "$(asked PUT 'partNumber=2')" -eq 3 ]
	[ "$(asked POST 'uploads=')" -eq 1 ]
	[ "$(jq .attempts <<<"$output")" -eq "$(grep -c '^[A-Z]' asked)" ]
	[ "$(uploads)" -eq 0 ]
}

@test "an error in the 200 of the last request is none of success: tried again, or aborted" {
	deeds '{"do": "answer", "method": "POST", "path": "uploadId", "status": 200, "code": "InternalError"}'
	run -0 s3put --part-size=5M "s3://$bucket" < <(manifest "$big" k1)
	[ "$(asked POST uploadId)" -eq 2 ]
	fetch k1 | cmp - "$big"
	deeds '{"do": "answer", "method": "POST", "path": "uploadId", "status": 200, "code": "InvalidPart"}'
	run -1 --separate-stderr s3put --part-size=5M "s3://$bucket" < <(manifest "$big" k2)
	[[ $stderr == *"s3://$bucket/k2: 200 InvalidPart: on demand (request id DEMAND)" ]]
	[ "$(jq -r .request_id <<<"$output" | wc -c)" -gt 1 ]
	run -22 fetch k2
	[ "$(uploads)" -eq 0 ]
}

@test "the answer to the last request is lost: the object is found, and told once" {
	deeds '{"do": "lose", "method": "POST", "path": "uploadId"}'
	run -0 s3put --part-size=5M "s3://$bucket" < <(manifest "$big" k1)
	[ "$(listed)" = k1 ]
	deeds '{"do": "lose", "method": "POST", "path": "uploadId"}' \
		'{"do": "answer", "method": "POST", "path": "uploadId", "status": 404, "code": "NoSuchUpload"}'
	run -0 s3put --part-size=5M "s3://$bucket" < <(manifest "$big" k2)
	[ "$(statuses)" = stored ]
	fetch k2 | cmp - "$big"
	[ "$(uploads)" -eq 0 ]
}

@test "a wrong ETag of a part is refused by the server, and nothing is left behind" {
	deeds '{"do": "edit", "path": "partNumber=2", "headers": {"etag": "\"00000000000000000000000000000000\""}}'
	run -1 --separate-stderr s3put --part-size=5M "s3://$bucket" < <(manifest "$big" k)
	[[ $stderr == *"400 InvalidPart"* ]]
	[ "$(uploads)" -eq 0 ]
	[ -z "$(listed)" ]
}

@test "what fails for good in the middle is aborted, of files and of pipes" {
	deeds '{"do": "answer", "path": "partNumber=2", "status": 403, "code": "AccessDenied"}'
	run -77 s3put --part-size=5M "s3://$bucket" < <(manifest "$big" k)
	deeds '{"do": "answer", "path": "partNumber=2", "status": 403, "code": "AccessDenied"}'
	run -77 s3put --as=p - "s3://$bucket" < <(cat "$big")
	deeds '{"do": "answer", "path": "partNumber=2", "status": 503, "times": 99}' \
		'{"do": "answer", "method": "DELETE", "status": 503, "times": 2}'
	run -75 s3put --max-time=3s --part-size=5M "s3://$bucket" < <(manifest "$big" k)
	[ "$(asked DELETE uploadId)" -eq 5 ]
	[ "$(uploads)" -eq 0 ]
	[ -z "$(listed)" ]
}

@test "SIGTERM aborts what is on its way, and nothing is left behind" {
	deeds '{"do": "stall", "path": "partNumber=[23]", "after": 1000, "seconds": 120, "times": 9}'
	manifest "$big" k >m
	s3put --part-size=5M m "s3://$bucket" >out 2>err &
	pid=$!
	comes asked_is 1 PUT 'partNumber=1'
	comes asked_is 2 PUT 'partNumber=[23]'
	[ "$(uploads)" -eq 1 ]
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" -eq 143 ]
	[ "$(jq -r .status out)" = failed ]
	[ "$(uploads)" -eq 0 ]
	# a pipe that waits for more
	mkfifo in
	s3put --as=p - "s3://$bucket" <in >out 2>err &
	pid=$!
	exec 8>in
	head -c 6000000 "$big" >&8
	comes asked_is 1 POST 'p[?]uploads'
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	exec 8>&-
	[ "$status" -eq 143 ]
	[ "$(uploads)" -eq 0 ]
	[ -z "$(listed)" ]
}

@test "an upload that cannot even be aborted is named" {
	deeds '{"do": "answer", "path": "partNumber=1", "status": 400, "code": "BadDigest"}' \
		'{"do": "answer", "method": "DELETE", "status": 403, "code": "AccessDenied"}'
	run -1 --separate-stderr s3put --part-size=5M "s3://$bucket" < <(manifest "$big" k)
	[[ $stderr == *"403 AccessDenied"*"; upload "*" could not be aborted and is left behind"* ]]
	[ "$(uploads)" -eq 1 ]
}

@test "an abort whose answer has no end is left after its 10 seconds, and named" {
	deeds '{"do":"answer","status":400,"code":"EntityTooSmall","path":"partNumber"}' '{"do":"drip","method":"DELETE"}'
	SECONDS=0
	run -1 --separate-stderr s3put --part-size=5M s3://"$bucket" < <(manifest "$big" p)
	[ "$SECONDS" -lt 120 ] # and not for ever
	[[ $stderr == *"no whole answer within "*"; upload "*" could not be aborted and is left behind"* ]]
}

@test "a file that changes while it is sent is not stored" {
	cp "$big" changing
	manifest changing k >m
	deeds "{\"do\": \"stall\", \"path\": \"partNumber=1\", \"after\": 1000, \"until\": \"$PWD/changed\"}"
	s3put -j1 --part-size=5M m "s3://$bucket" >out 2>err &
	pid=$!
	comes asked_is 1 PUT 'partNumber=1'
	printf x | dd of=changing bs=1 seek=11000000 conv=notrunc 2>dd
	touch changed
	status=0
	wait $pid || status=$?
	[ "$status" -eq 1 ]
	# the server, or s3put if it had not yet come to that place
	grep -qF -e "400 XAmzContentSHA256Mismatch" -e "its manifest says " err
	[ -z "$(listed)" ]
	[ "$(uploads)" -eq 0 ]
}

@test "a body that is not what its manifest says is sent to its last bytes at most, and not stored" {
	for o in --part-size=5G --part-size=5M; do
		manifest "$big" k | sed -E "s/(\"sha256\":)\"[0-9a-f]*/\1\"$(printf %064d 0)/" >m
		run -1 --separate-stderr s3put "$ep" $o m "s3://$bucket"
		[ "$stderr" = "s3put: $big: its sha256 is $(hash_of "$big"), its manifest says $(printf %064d 0)" ]
		[ "$(jq -r .error <<<"$output")" = "${stderr#s3put: }" ]
		manifest "$big" k | sed 's/"bytes":12000000/"bytes":12000001/' >m
		run -1 --separate-stderr s3put "$ep" $o m "s3://$bucket"
		[ "$stderr" = "s3put: $big: holds 12000000 bytes, its manifest says 12000001" ]
		[ "$(jq .attempts <<<"$output")" -eq 0 ]
	done
	[ -z "$(listed)" ]
	[ "$(uploads)" -eq 0 ]
}

@test "what is there with the hash of a manifest does not excuse a body that has another" {
	tail -c +2 "$big" >other
	echo >>other
	[ "$(stat -c %s other)" -eq "$(stat -c %s "$big")" ]
	s3put "$ep" "s3://$bucket" < <(manifest "$big" k)
	manifest "$big" k | jq -c '.path = "other"' >m
	for o in --part-size=5G --part-size=5M; do
		run -1 --separate-stderr s3put "$ep" $o m "s3://$bucket"
		[ "$stderr" = "s3put: other: its sha256 is $(hash_of other), its manifest says $(hash_of "$big")" ]
	done
	fetch k | cmp - "$big"
}

@test "a body whose manifest tells its hash is read once" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: its calls are counted"
	command -v strace >/dev/null || skip "no strace"
	strace -f -o trace true 2>/dev/null || skip "strace may not trace here"
	manifest "$big" k >m
	# a leak check cannot be made under strace
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=pread64 -P "$big" -o calls s3put "$ep" m "s3://$bucket" >out
	[ "$(jq -r .status out)" = stored ]
	[ "$(sed 's/.* = //' calls | paste -sd+ | bc)" -eq 12000000 ]
}

@test "a large body that is reset, then stored with the answer lost, is whole and there once" {
	deeds '{"do": "reset", "method": "PUT", "after": 5000000}' '{"do": "lose", "method": "PUT"}'
	run -0 s3put "s3://$bucket" < <(manifest "$big" k)
	[ "$(jq -c '[.status, .attempts]' <<<"$output")" = '["present",5]' ]
	fetch k | cmp - "$big"
}

@test "a body that changes between two tries of one PUT is not stored" {
	cp "$big" changing
	manifest changing k >m
	deeds "{\"do\": \"stall\", \"method\": \"PUT\", \"after\": 1000, \"until\": \"$PWD/changed\"}"
	s3put m "s3://$bucket" >out 2>err &
	pid=$!
	comes asked_is 1 PUT '/k'
	printf 'changed' | dd of=changing bs=1 seek=11000000 conv=notrunc 2>dd
	touch changed
	status=0
	wait $pid || status=$?
	[ "$status" -eq 1 ]
	[ "$(cat err)" = "s3put: changing: its sha256 is $(hash_of changing), its manifest says $(hash_of "$big")" ]
	[ -z "$(listed)" ]
}

# ---- faults ----

@test "each fault on the way of a plain object is mended, and nothing is stored twice" {
	head -c 300000 "$big" >a
	n=0
	now=$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')
	for deed in '"do": "answer", "status": 500' '"do": "answer", "status": 502, "body": "<html>"' \
		'"do": "answer", "status": 503, "code": "SlowDown"' '"do": "answer", "status": 429' \
		'"do": "reset", "after": 100000' '"do": "reset"' '"do": "lose"' '"do": "cut"' \
		'"do": "answer", "status": 400, "code": "RequestTimeout"' \
		'"do": "answer", "status": 403, "code": "RequestTimeTooSkewed", "headers": {"date": "'"$now"'"}'; do
		n=$((n + 1))
		deeds "{\"method\": \"PUT\", $deed}"
		run -0 --separate-stderr s3put "s3://$bucket" < <(manifest a k$n)
		grep -qE "^PUT [^ ]*/k$n (answer|reset|lose|cut) " asked
		[ "$(jq -r '.status + .sha256' <<<"$output")" = "stored$(hash_of a)" ] ||
			[ "$(statuses)" = present ] # our own, whose answer was lost
		[ "$(jq -r '.request_id | startswith("tx")' <<<"$output")" = true ]
		fetch k$n | cmp - a
	done
	[ "$(listed | wc -w)" -eq "$n" ]
}

@test "a bucket in another region is signed for there, and the option that saves the detour told" {
	echo one >a
	for status in 301 307; do
		deeds "{\"do\": \"answer\", \"status\": $status, \"code\": \"PermanentRedirect\", \"headers\": {\"x-amz-bucket-region\": \"eu-west-3\"}}"
		run -0 --separate-stderr s3put "s3://$bucket" < <(manifest a k$status)
		[[ $stderr == *"s3://$bucket: is in region eu-west-3, not us-east-1; --region=eu-west-3 saves the detour" ]]
		[ "$(jq .attempts <<<"$output")" -eq 3 ] || [ "$(jq .attempts <<<"$output")" -eq 2 ]
	done
	deeds '{"do": "answer", "status": 400, "code": "AuthorizationHeaderMalformed", "body": "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>"}'
	run -0 s3put "s3://$bucket" < <(manifest a k400)
	# round and round
	deeds '{"do": "answer", "status": 301, "code": "PermanentRedirect", "headers": {"x-amz-bucket-region": "r-1"}, "times": 1}' \
		'{"do": "answer", "status": 301, "code": "PermanentRedirect", "headers": {"x-amz-bucket-region": "r-2"}, "times": 1}' \
		'{"do": "answer", "status": 301, "code": "PermanentRedirect", "headers": {"x-amz-bucket-region": "r-3"}, "times": 9}'
	run -1 --separate-stderr s3put "s3://$bucket" < <(manifest a k)
	[[ $stderr == *"301 PermanentRedirect"* ]]
}

@test "with several at once one object that always fails ends in --max-time; the others are there" {
	echo one >a
	for k in $(seq 30); do manifest a k$k; done >m
	deeds '{"do": "answer", "method": "PUT", "path": "/k7$", "status": 503, "code": "SlowDown", "times": 99}'
	run -75 --separate-stderr s3put --max-time=2s m "s3://$bucket"
	[ "$(jq -r 'select(.status == "stored") | .key' <<<"$output" | wc -l)" -eq 29 ]
	[ "$(jq -r .key <<<"$output" | paste -sd' ')" = "$(seq -f k%g 30 | paste -sd' ')" ]
	[[ $stderr == *"s3://$bucket/k7: 503 SlowDown"*"gave up after "* ]]
}

# ---- few permissions ----

# may ACTION...: an identity of its own with just these in $bucket, from here on
may() {
	local actions
	[ -f admin ] || $RGW_ADMIN user create --uid="u$bucket" --display-name=u \
		--access-key="AKID$bucket" --secret-key=few >admin 2>&1
	actions=$(printf '"s3:%s",' "$@")
	echo "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Principal\":
		{\"AWS\": [\"arn:aws:iam:::user/u$bucket\"]}, \"Action\": [${actions%,}],
		\"Resource\": [\"arn:aws:s3:::$bucket/*\"]}]}" >policy
	signed -X PUT --data-binary @policy "http://$RGW_HTTP/$bucket?policy="
	few=(env AWS_ACCESS_KEY_ID="AKID$bucket" AWS_SECRET_ACCESS_KEY=few)
}

@test "s3:PutObject alone puts; --check with it does not say that nothing is left" {
	may PutObject
	echo one >a
	run -0 --separate-stderr "${few[@]}" s3put "$ep" "s3://$bucket" < <(manifest a k)
	[ "$(statuses)" = stored ]
	run -0 --separate-stderr "${few[@]}" s3put --check "$ep" "s3://$bucket"
	[[ $output == *"could not be aborted and is left behind"*"permission: ok, an upload of _s3put-check was begun, but not aborted, which needs s3:AbortMultipartUpload"* ]]
	[[ $output != *"nothing is left"* ]]
	may PutObject AbortMultipartUpload
	run -0 --separate-stderr "${few[@]}" s3put --check "$ep" "s3://$bucket"
	[[ $output == *"was begun and aborted; nothing is left of it"* ]]
}

@test "without s3:GetObject a lost answer cannot be made up for: exit 77, told, nothing is lost" {
	echo one >a
	manifest a k >m
	deeds '{"do": "lose", "method": "PUT"}' \
		'{"do": "answer", "method": "HEAD", "skip": 1, "status": 403, "body": ""}'
	run -77 --separate-stderr s3put m "s3://$bucket"
	[ "$(statuses)" = failed ]
	[[ $stderr == *"s3://$bucket/k: 403"*"s3:GetObject is needed to compare what is there"*"; it was put before, maybe by a try whose answer was lost; --overwrite does not look" ]]
	fetch k | cmp - a
	run -0 s3put m "s3://$bucket"
	[ "$(statuses)" = present ]
}

@test "without s3:ListBucket what is not there is 403 too: the message names it" {
	may PutObject GetObject AbortMultipartUpload
	run -77 --separate-stderr "${few[@]}" s3put "$ep" --part-size=5M "s3://$bucket" < <(manifest "$big" k)
	[[ $stderr == *"s3:GetObject is needed to compare what is there, and s3:ListBucket to see that nothing is; --overwrite does not look" ]]
	run -0 "${few[@]}" s3put "$ep" --overwrite --part-size=5M "s3://$bucket" < <(manifest "$big" k)
	[ "$(listed)" = k ]
	[ "$(uploads)" -eq 0 ]
}

# ---- attributes ----

@test "checksums are sent and right: the server refuses another" {
	head -c 100000 "$big" >a
	for kind in sha256 crc32c md5; do
		run -0 s3put "$ep" --checksum=$kind "s3://$bucket" < <(manifest a $kind)
		run -0 s3put "$ep" --checksum=$kind --part-size=5M "s3://$bucket" < <(manifest "$big" parts-$kind)
		run -0 s3put "$ep" --checksum=$kind --as=pipe-$kind - "s3://$bucket" < <(cat "$big")
		fetch parts-$kind | cmp - "$big"
		fetch pipe-$kind | cmp - "$big"
	done
	[ "$(uploads)" -eq 0 ]
}

@test "class, tags, type and owner arrive with the object; encoding is none of ours" {
	echo one >a
	run -0 s3put "$ep" --tag='team=log ops' --tag=é=ü --content-type=application/x-ndjson \
		--bucket-owner=123456789012 --acl=private --storage-class=STANDARD "s3://$bucket" < <(manifest a k.gz)
	head=$(head_of k.gz)
	[[ $head == *"content-type: application/x-ndjson"* && $head != *content-encoding* ]]
	tags=$(signed "http://$RGW_HTTP/$bucket/k.gz?tagging=")
	[[ $tags == *"<Key>team</Key><Value>log ops</Value>"* && $tags == *"<Key>é</Key><Value>ü</Value>"* ]]
	run -1 --separate-stderr s3put "$ep" --storage-class=NO_SUCH "s3://$bucket" < <(manifest a x)
	[[ $stderr == *"400 Invalid"* ]]
}

@test "a bucket that wants Content-MD5 is found out, and gets it" {
	echo one >a
	deeds '{"do": "answer", "method": "PUT", "status": 400, "code": "InvalidRequest", "message": "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"}'
	{ manifest a k1; manifest a k2; } >m
	run -0 --separate-stderr s3put -v -j1 m "s3://$bucket"
	[[ $stderr == *"the server wants Content-MD5, and gets it"* ]]
	[ "$(statuses)" = "stored stored" ]
	deeds '{"do": "answer", "path": "partNumber=2", "status": 400, "code": "InvalidRequest", "message": "Content-MD5 HTTP header is required"}'
	run -0 s3put --part-size=5M "s3://$bucket" < <(manifest "$big" k3)
	fetch k3 | cmp - "$big"
}

@test "a wrong ETag is seen when the MD5 is known, and the server is asked" {
	echo one >a
	deeds '{"do": "edit", "method": "PUT", "headers": {"etag": "\"00000000000000000000000000000000\""}}'
	run -0 --separate-stderr s3put -v --checksum=md5 "s3://$bucket" < <(manifest a k)
	[[ $stderr == *"the ETag is not the MD5; asking"* ]]
	[ "$(jq -r .etag <<<"$output")" = "$(md5sum <a | cut -d' ' -f1)" ]
	deeds '{"do": "edit", "headers": {"etag": "\"00000000000000000000000000000000\""}, "times": 3}'
	run -1 s3put --checksum=md5 "s3://$bucket" < <(manifest a k2)
}

@test "options that S3 cannot have are usage, before anything is sent" {
	for o in --checksum=crc16 --sse=none --kms-key=x --tag=x --tag==v --acl='a b' --bucket-owner=12 \
		--storage-class='a b' --content-type=$'a\nb' --part-size=4M --part-size=6G --jobs=0 --jobs=65 \
		--tag=$(printf '%0129d' 0)=v; do
		run -2 --separate-stderr s3put "$ep" "$o" "s3://$bucket" </dev/null
		[[ $stderr == "s3put: "* ]]
	done
	run -2 s3put "$ep" $(seq -f '--tag=k%g=v' 11) "s3://$bucket" </dev/null
	run -2 s3put "$ep" --as=k --state=S - "s3://$bucket" </dev/null
	run -2 s3put "$ep" --as=k a b "s3://$bucket" </dev/null
}

# ---- several at once ----

@test "results are in the order of the manifests, whatever is faster" {
	for i in $(seq 40); do
		head -c $((RANDOM * 20)) "$big" >f$i
		manifest f$i "k/$i"
	done >m
	deeds '{"do": "answer", "path": "/k/1$", "status": 503, "headers": {"retry-after": "1"}}'
	run -0 s3put -j8 m "s3://$bucket"
	[ "$(jq -r .key <<<"$output" | paste -sd' ')" = "$(seq -f 'k/%g' 40 | paste -sd' ')" ]
	for i in $(seq 40); do fetch "k/$i" | cmp - f$i; done
}

@test "an object under _manifests/ goes after all before it, and is held back if one failed" {
	echo one >a
	{ for k in 1 2 3; do manifest a k$k; done; manifest a _manifests/m1; manifest a k4; } >m
	deeds '{"do": "answer", "path": "/k[13]$", "status": 503, "times": 2}'
	run -0 s3put m "s3://$bucket"
	[ "$(grep -E '^PUT [^ ]*/(k[123]|_manifests/m1) pass' asked | tail -n 1 | grep -o m1)" = m1 ]
	{ manifest a k5; manifest nothing k6; manifest a _manifests/m2; manifest a k7; } 2>err >m || true
	echo '{"key":"k6","path":"nothing"}' | cat - <(manifest a _manifests/m2) <(manifest a k7) >m
	run -1 --separate-stderr s3put m "s3://$bucket"
	[ "$(statuses)" = "failed failed stored" ]
	[[ $stderr == *"_manifests/m2: held back, because 1 before it could not be delivered"* ]]
	run -22 fetch _manifests/m2
}

@test "two manifests of one key: the second waits for the first" {
	echo one >a
	echo two >b
	for i in $(seq 10); do manifest a k; manifest b k; done >m
	run -0 s3put "$ep" -j8 --overwrite m "s3://$bucket"
	fetch k | cmp - b
	run -0 s3put -j8 --overwrite m "file://$PWD/dest"
	cmp b dest/k
}

# ---- --check ----

@test "--check says that all is well, and leaves nothing behind" {
	run -0 --separate-stderr s3put --check "$ep" "s3://$bucket/p"
	[[ $output == *"credentials: used: environment, access key ...TEST"* ]]
	[[ $output == *"region us-east-1"* && $output == *"permission: ok, an upload of p/_s3put-check was begun and aborted"* ]]
	[[ $output =~ clock:\ ok,\ ([0-9]+)\ s\ from\ the\ server\'s ]]
	[ "${BASH_REMATCH[1]}" -le 60 ]
	[ -z "$stderr" ]
	[ "$(uploads)" -eq 0 ]
	[ -z "$(listed)" ]
}

@test "--check says in plain words what is wrong, and what to do" {
	wrong() { # wrong STATUS WORDS ARG...
		local status=$1 words=$2 time=1m
		shift 2
		[ "$status" -ne 75 ] || time=3s # which pass
		run "-$status" --separate-stderr s3put --check --max-time=$time "$@"
		[[ $stderr == *"$words"* ]] || { echo "$stderr"; return 1; }
	}
	wrong 1 "make the bucket, or check its name" "$ep" s3://no-such-bucket/p
	AWS_SECRET_ACCESS_KEY=x wrong 77 "the secret key is not the one of this access key" "$ep" "s3://$bucket"
	AWS_ACCESS_KEY_ID=AKIDNOBODY wrong 77 "the server does not know this access key" "$ep" "s3://$bucket"
	wrong 75 "nothing listens there" --endpoint=http://127.0.0.1:1 "s3://$bucket"
	wrong 75 "check the host in --endpoint" --endpoint=http://s3.invalid "s3://$bucket"
	wrong 1 "--ca=FILE with the PEM file of its CA trusts it" --endpoint="https://$RGW_HTTPS" "s3://$bucket"
	wrong 1 "write http:// in --endpoint" --endpoint="https://$RGW_HTTP" "s3://$bucket"
	deeds '{"do": "answer", "status": 403, "code": "AccessDenied"}'
	wrong 77 "it needs s3:PutObject" "s3://$bucket/p"
	AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= wrong 77 "none found" "s3://$bucket/p"
	[ "$(uploads)" -eq 0 ]
}

@test "--check of a directory tries all that a delivery does, and leaves it as it was" {
	mkdir dest
	run -0 --separate-stderr s3put --check "file://$PWD/dest"
	[[ $output == *"write: ok"*"link: ok"*"space: ok, "* ]]
	[ -z "$(ls -A dest)" ]
	echo >file
	run -1 --separate-stderr s3put --check "file://$PWD/file"
	[[ $stderr == *"file"* ]]
}

# ---- directories ----

@test "a directory takes a pipe too: whole, durable, nothing overwritten" {
	for want in stored present; do
		run -0 s3put --as=a/b - "file://$PWD/dest" < <(cat "$big")
		[ "$(statuses)" = $want ]
		[ "$(jq -r .sha256 <<<"$output")" = "$(hash_of "$big")" ]
	done
	run -1 --separate-stderr s3put --as=a/b - "file://$PWD/dest" < <(echo other)
	[[ $stderr == *"dest/a/b: exists with other bytes; --overwrite replaces it" ]]
	cmp dest/a/b "$big"
	run -1 s3put --as=../x - "file://$PWD/dest" < <(echo other)
	[ "$(find dest -type f)" = dest/a/b ]
}

# ---- progress ----

@test "on a terminal there is progress: objects, bytes, rate, and what remains" {
	for k in $(seq 6); do manifest "$big" k$k; done >m
	deeds '{"do": "stall", "path": "/k4$", "after": 1000, "seconds": 1}'
	on_tty() { python3 -c 'import pty, sys; pty.spawn(["sh", "-c", sys.argv[1]])' "$1" </dev/null; }
	on_tty "s3put -j1 m s3://$bucket >out" >drawn
	grep -q 's3put: [0-9]/6 objects, [0-9.]*/72.0 MB, [0-9.]* MB/s, [0-9]* s left' drawn
	[[ "$(tail -c 4 drawn)" == *$'\e[K' ]]
	[ "$(jq -r .status out | sort | uniq -c | xargs)" = "6 stored" ]
	on_tty "s3put --progress=never --overwrite m s3://$bucket >out" >quiet
	[ ! -s quiet ]
}
