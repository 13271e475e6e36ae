bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

# What programs give up before they read what others wrote, and that they can do their work
# without it; and where their secrets do not go.

setup_file() {
	# one that plays the attacker within a program
	"${CC:-cc}" -shared -fPIC -O1 -o "$BATS_FILE_TMPDIR/hijack.so" "$BATS_TEST_DIRNAME/hijack.c" -ldl
}

setup() {
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
	cd "$BATS_TEST_TMPDIR" || return
	# builds with sanitizers, and kernels without the layers, do not
	told=$(echo | logparse -v 2>&1 | grep confined) || skip "not in this build"
	[[ $told == *Landlock*"system calls"* ]] || skip "this kernel: $told"
	export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=secret-of-the-test AWS_REGION=us-east-1 HOME=$PWD
	rm -f /tmp/hijack.made
	line='{"_src":{"file":"/var/log/H1JACK.log","id":"0000000000000001/o","gen":0,"end":10},"time":"2026-11-22T13:00:00Z","log":"H1JACK"}'
}

# hijack PROGRAM...: the line goes in; $got is what the attacker could do of the first kind; what
# no program has any need of is refused to all: a list of its own, $more
hijack() {
	local refused='and: mode=EPERM times=EPERM unix=EPERM raw=EPERM packet=EPERM signal=EPERM owner=EPERM limit=EPERM process=EPERM'
	echo victim >victim && chmod 600 victim
	sleep 60 3>&- &
	other=$!
	HIJACK_VICTIM=$PWD/victim HIJACK_PID=$other LD_PRELOAD=$BATS_FILE_TMPDIR/hijack.so "$@" >out 2>err <<<"$line" || true
	kill $other
	got=$(grep -o 'hijacked: .*' err) || { cat err; return 1; }
	more=$(grep '^and: ' err)
	[ "${LOGSWEEP_CONFINE-}" = no ] || assert_equal "$more" "$refused"
	[ ! -e /tmp/hijack.made ]
}

# The program of $pid, which waits for its input, has given up what it does not need.
until_confined() {
	for _ in $(seq 100); do
		grep -q '^Seccomp:.*2' /proc/$pid/status 2>/dev/null && break
		sleep 0.05
	done
}

@test "a hijacked parser can without --confine what anybody can: the test would see it" {
	LOGSWEEP_CONFINE=no HIJACK_OWN=/etc/hosts hijack logparse || true
	assert_equal "${got/ptrace=*own/ptrace own}" "hijacked: open=ok make=ok connect=ok exec=ok ptrace own=ok"
	[[ $more == "and: mode=ok times=ok unix=ok "*" signal=ok owner=ok limit=ok process=ok" ]]
	[ "$(stat -c %a victim)" = 777 ]
	rm -f /tmp/hijack.made
}

@test "a hijacked logparse, k8smeta or k8smeta --cache opens no file, no socket, starts nothing" {
	hijack logparse
	assert_equal "$got" "hijacked: open=EPERM make=EPERM connect=EPERM exec=EPERM ptrace=EPERM own=-"
	hijack k8smeta
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=-"
	mkdir cache
	HIJACK_OWN=$PWD/cache hijack k8smeta --cache=cache
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=ok"
	# one that is not there yet does not open what is above it
	HIJACK_OWN=$PWD/err hijack k8smeta --cache=new
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=EACCES"
	HIJACK_OWN=$PWD/new/pods.lock hijack k8smeta --cache=new
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=ok"
}

@test "a hijacked logbatch has its own directory only" {
	HIJACK_OWN=$PWD/S/lock hijack logbatch --state=S
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=ok"
	HIJACK_OWN=$PWD/objects hijack logbatch --out=objects
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=ok"
}

@test "a hijacked logtail has the directories of its logs only, and cannot write them" {
	mkdir logs
	echo H1JACK >logs/app.log
	HIJACK_OWN=$PWD/logs/app.log hijack logtail logs
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=ok"
	hijack logtail
	assert_equal "$got" "hijacked: open=EPERM make=EPERM connect=EPERM exec=EPERM ptrace=EPERM own=-"
}

@test "a hijacked s3put has its state, and sockets for s3:// alone" {
	mkdir -p S/outbox
	line='{"key":"H1JACK","path":"'$PWD'/S/outbox/a","bytes":1}'
	HIJACK_OWN=$PWD/err hijack s3put --state=S "file://$PWD/dest"
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=EACCES"
	hijack s3put --state=S "file://$PWD/dest"
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=-"
	HIJACK_OWN=/etc/hosts hijack s3put --state=S --max-time=1s --endpoint=http://127.0.0.1:9 s3://bucket
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=ok exec=EPERM ptrace=EPERM own=ok"
}

# server ANSWER: a server that says that to each request, and nothing at all if it is empty;
# $port is its port, and $server ends it
server() {
	rm -f port
	python3 - "$1" >port 2>server.err 3>&- <<-'E' &
		import socket, sys
		body, held = sys.argv[1].encode(), []
		status = "200 OK"
		if body[:1].isdigit():
		    head, _, body = body.partition(b"|")
		    status = head.decode()
		s = socket.create_server(("127.0.0.1", 0))
		print(s.getsockname()[1], flush=True)
		while True:
		    c, _ = s.accept()
		    held.append(c)
		    print("asked", flush=True)
		    if not sys.argv[1]:
		        continue
		    c.recv(65536)
		    c.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status.encode(), len(body), body))
		    c.close()
	E
	server=$!
	for _ in $(seq 200); do [ -s port ] && break; sleep 0.05; done
	read -r port <port
}

teardown() { [ -z "${server-}" ] || kill "$server" 2>/dev/null || true; }

@test "a hijacked k8ssweep has sockets, and reads what TLS and names need: nothing else" {
	server '{"H1JACK":1}'
	HIJACK_OWN=/etc/hosts hijack k8ssweep --api="http://127.0.0.1:$port" --template="$BATS_TEST_DIRNAME/k8s/job.json" \
		--namespace=n --timeout=20s
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=ok exec=EPERM ptrace=EPERM own=ok"
}

@test "a hijacked logsweep-status reads the state, and writes beside the metrics file alone" {
	logbatch --state=S <<<"$line"
	rm -r S/outbox
	HIJACK_OWN=$PWD/S/lock hijack logsweep-status --state=S
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=ok"
	mkdir m
	# what it starts for operands is started before
	mkdir bin
	printf '#!/bin/sh\n' >bin/logtail
	chmod +x bin/logtail
	cp "$(command -v logsweep-status)" bin
	HIJACK_OWN=$PWD/S/lock hijack bin/logsweep-status --state=S some.log
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=ok"
	HIJACK_OWN=$PWD/err hijack logsweep-status --state=S --metrics="$PWD/m/node.prom"
	assert_equal "$got" "hijacked: open=EACCES make=EACCES connect=EPERM exec=EPERM ptrace=EPERM own=EACCES"
}

@test "where a program gives credentials, there are no new privileges and the rest is as it was; -v says so" {
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	mkdir .aws
	printf '[profile p]\ncredential_process = /bin/echo {"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"s"}\n' >.aws/config
	AWS_PROFILE=p run --separate-stderr s3put -v --max-time=1s --endpoint=http://127.0.0.1:9 s3://bucket </dev/null
	assert_regex "$stderr" "s3put: confined: no new privileges; no more, for a program will be started"
}

@test "all of a pipe that runs is confined; those that hold secrets cannot be looked into" {
	mkfifo in
	for p in logparse k8smeta "logbatch --out=objects" "s3put file://$PWD/dest"; do
		# shellcheck disable=SC2086
		$p <in >/dev/null 2>&1 3>&- &
		pid=$!
		exec 5>in
		until_confined
		grep -q '^NoNewPrivs:.*1' /proc/$pid/status
		grep -q '^Seccomp:.*2' /proc/$pid/status
		case $p in
		k8smeta* | s3put*) owner=root ;;
		*) owner=$(id -un) ;;
		esac
		[ "$(stat -c %U /proc/$pid/environ)" = "$owner" ]
		exec 5>&-
		wait $pid || true
	done
}

@test "another user's look into the environment of s3put is refused" {
	[ "$(id -u)" = 0 ] || skip "not root"
	command -v setpriv >/dev/null || skip "no setpriv"
	chmod 755 . ..
	mkfifo in
	chmod 666 in
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
	$as "$(command -v s3put)" file:///nonexistent <in >/dev/null 2>&1 3>&- &
	pid=$!
	exec 5>in
	until_confined
	$as true
	run $as cat /proc/$pid/environ
	assert_failure
	refute_output --partial secret-of-the-test
	exec 5>&-
	wait $pid || true
}

# crash SIGNAL READY PROGRAM...: runs it in dump/ until the command READY is true, then that
# signal; the files that are there afterwards are in $dumps.  Not confined: Landlock alone would
# keep the file from being made.
crash() {
	local signal=$1 ready=$2
	shift 2
	rm -rf dump
	mkdir dump
	(cd dump && ulimit -c unlimited && LOGSWEEP_CONFINE=no exec "$@" >/dev/null 2>../crash.err 3>&-) <in &
	pid=$!
	exec 5>in
	echo "$line" >&5
	for _ in $(seq 200); do
		$ready && break
		sleep 0.05
	done
	$ready || { cat crash.err && return 1; }
	kill "-$signal" $pid
	status=0
	wait $pid || status=$?
	exec 5>&-
	[ "$status" = $((128 + $(kill -l "$signal"))) ] || { echo "exit $status" && cat crash.err && return 1; }
	dumps=$(ls dump)
}
asked() { grep -q asked port; }
begun() { grep -q logtail /proc/$pid/comm; }

@test "a crash of what holds secrets leaves no core dump, where one of another program has it all" {
	pattern=$(cat /proc/sys/kernel/core_pattern)
	[[ $pattern != *[/\|]* ]] || skip "core dumps go to $pattern here"
	[ "$(ulimit -H -c)" = unlimited ] || skip "no core dumps here"
	mkfifo in
	echo secret-of-the-token >token
	key='{"key":"k","path":"'$PWD'/token","bytes":20}'

	# the test would see it: logtail, with the same in its environment
	crash ABRT begun logtail -
	[ -n "$dumps" ] || skip "this machine keeps no core dump"
	grep -qa secret-of-the-test dump/*

	server ''
	record=$line
	for signal in SEGV ABRT; do
		: >port
		line=$key crash $signal asked s3put --endpoint="http://127.0.0.1:$port" s3://bucket
		assert_equal "$dumps" ""
		: >port
		line=$record crash $signal asked k8smeta --api="https://127.0.0.1:$port" --token-file="$PWD/token"
		assert_equal "$dumps" ""
		: >port
		crash $signal asked k8ssweep --api="https://127.0.0.1:$port" --token-file="$PWD/token" \
			--template="$BATS_TEST_DIRNAME/k8s/job.json" --namespace=n
		assert_equal "$dumps" ""
	done
}

@test "logtail needs no right but to read: CAP_DAC_READ_SEARCH" {
	[ "$(id -u)" = 0 ] || skip "not root"
	command -v setpriv >/dev/null || skip "no setpriv"
	mkdir -m 700 logs
	echo line >logs/app.log
	chmod 600 logs/app.log
	chmod 755 . ..
	run -77 setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$(command -v logtail)" "$PWD/logs/app.log"
	run -0 setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,+dac_read_search \
		--ambient-caps=-all,+dac_read_search --bounding-set=-all,+dac_read_search "$(command -v logtail)" "$PWD/logs/app.log"
	assert_output --partial '"log":"line"'
}

@test "logtail reads where links lead, and -f what comes later behind them" {
	uid=0b7a3a5e-1111-2222-3333-444455556666
	mkdir -p containers pods/shop_web-0_$uid/app
	echo '2026-11-22T13:00:00Z stdout F one' >pods/shop_web-0_$uid/app/0.log
	ln -s "$PWD/pods/shop_web-0_$uid/app/0.log" containers/web-0_shop_app-1.log
	logtail -f containers >out 2>err 3>&- &
	pid=$!
	for _ in $(seq 200); do grep -q one out && break; sleep 0.05; done
	mkdir -p pods/shop_web-1_$uid/app
	echo '2026-11-22T13:00:01Z stdout F two' >pods/shop_web-1_$uid/app/0.log
	ln -s "$PWD/pods/shop_web-1_$uid/app/0.log" containers/web-1_shop_app-2.log
	for _ in $(seq 200); do grep -q two out && break; sleep 0.05; done
	kill $pid
	wait $pid || true
	grep -q two out
	[ ! -s err ]
}

@test "a token and keys are in no message of -vv, no argument and no other program's environment" {
	echo token-of-the-test >token
	printf '[profile p]\ncredential_process = %s\n' "$PWD/keys" >config
	printf '#!/bin/sh\nenv >%s\ntr "\\0" " " </proc/$PPID/cmdline >%s\necho "{\\"Version\\":1,\\"AccessKeyId\\":\\"AKIDPROCESS\\",\\"SecretAccessKey\\":\\"secret-of-the-process\\"}"\n' "$PWD/env" "$PWD/args" >keys
	chmod +x keys
	k8smeta -v -v --api=https://127.0.0.1:1 --token-file=token --timeout=1s <<<"$line" >all 2>&1 || true
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	export AWS_SESSION_TOKEN=token-of-the-session AWS_CONTAINER_AUTHORIZATION_TOKEN=token-of-the-container
	AWS_CONFIG_FILE=$PWD/config AWS_PROFILE=p s3put -v -v --max-time=1s --endpoint=http://127.0.0.1:1 s3://bucket \
		<<<'{"key":"k","path":"token","bytes":18}' >>all 2>&1 || true
	grep -q 'profile p' all
	[ -s env ] && [ -s args ]
	mkdir bin
	printf '#!/bin/sh\nenv >>%s\n' "$PWD/env" >bin/logtail
	chmod +x bin/logtail
	cp "$(command -v logsweep-status)" bin
	AWS_SECRET_ACCESS_KEY=secret-of-the-test bin/logsweep-status --state=S x.log >>all 2>&1 || true
	[ "$(grep -c ^PATH= env)" -eq 2 ]
	run cat all env args
	refute_output --partial of-the-process
	refute_output --partial token-of-the
	refute_output --partial secret-of-the
}

@test "no failure of a delivery says a secret: refused, expired, another region, elsewhere, no TLS" {
	export AWS_SESSION_TOKEN=session-of-the-test
	echo body >body
	key='{"key":"k","path":"'$PWD'/body","bytes":5}'
	say() { echo "$1|<Error><Code>$2</Code><Message>told: $2</Message><Token-0>$AWS_SESSION_TOKEN</Token-0>$3</Error>"; }
	while read -r status code more; do
		server "$(say "$status Told" "$code" "$more")"
		run s3put -v -v --max-time=5s --endpoint="http://127.0.0.1:$port" s3://bucket <<<"$key"
		kill "$server"
		assert_failure
		assert_output --partial "s3put: "
		refute_output --partial of-the-test
		# a HEAD comes first, and an answer to that has no body to tell a code
		[[ $code == PermanentRedirect || $code == SlowDown ]] || assert_output --partial "$code"
		[[ $code != SlowDown ]] || assert_output --partial "503; gave up"
	done <<-X
		403 AccessDenied
		403 SignatureDoesNotMatch <StringToSign>AWS4-HMAC-SHA256</StringToSign>
		400 ExpiredToken
		400 InvalidToken
		400 AuthorizationHeaderMalformed <Region>us-east-1</Region>
		301 PermanentRedirect <Endpoint>elsewhere</Endpoint>
		503 SlowDown
	X
	server "200 OK|no TLS"
	run s3put -v -v --max-time=1s --endpoint="https://127.0.0.1:$port" s3://bucket <<<"$key"
	assert_failure
	assert_output --partial "127.0.0.1"
	refute_output --partial of-the-test
}
