bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	here=$BATS_TEST_DIRNAME
}

# cri FILE STREAM LINE...: appended, a second later each
cri() {
	local f=$1 s=$2 line
	shift 2
	for line; do
		clock=$((${clock:-0} + 1))
		printf '2021-11-22T10:%02d:%02dZ %s F %s\n' $((clock / 60)) $((clock % 60)) "$s" "$line" >>"$f"
	done
}

# settled FILE...: written long ago
settled() { touch -d '-1 minute' "$@"; }

balanced() { jq -e '.in == .out + .rejected + .filtered + .joined' "$1"; }

# sweep [OPTION...]: the pipe; messages go to err
sweep() {
	logtail --state=S a.log | logparse --multiline=java --stats=stats "$@" |
		logbatch --state=S --node=n | s3put --state=S file://"$PWD"/A >>results
}
archived() { find A -name '*.gz' -exec zcat {} + | jq -rc '.log // .log_processed'; }

# until FILE holds TEXT, or half a minute is over
until_has() {
	for _ in $(seq 300); do
		grep -q "$2" "$1" && return
		sleep 0.1
	done
	return 1
}

@test "a stack trace is one record, with the time of its first line and the end of its last" {
	cri a.log stdout ready 'java.lang.Error: boom' $'\tat a.B.c(B.java:1)' $'\tat a.B.d(B.java:2)' done
	settled a.log
	logtail a.log | logparse --multiline=java --stats=stats >out
	run -0 jq -rc 'select(.log) | [.time[17:], .log, ._src.end]' out
	[ "${lines[0]}" = '["01Z","ready",36]' ]
	[ "${lines[1]}" = '["02Z","java.lang.Error: boom\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)",188]' ]
	[ "${lines[2]}" = '["05Z","done",223]' ]
	[ "${#lines[@]}" = 3 ]
	jq -e '.in == 5 and .out == 3 and .joined == 2 and .groups == 1 and .held == 0' stats
	balanced stats
	# and nothing else in it is changed
	diff <(grep -v Error out) <(logtail a.log | grep -v -e Error -e 'at a.B')
}

@test "--multiline alone joins what logtail reads: plain text, Docker and CRI, no parser named" {
	lines=('12:00:01 INFO ready' 'java.lang.IllegalStateException: boom' $'\tat a.B.c(B.java:12)'
		'Caused by: java.io.IOException: x' $'\t... 1 more' '12:00:02 INFO done')
	trace='java.lang.IllegalStateException: boom\n\tat a.B.c(B.java:12)\nCaused by: java.io.IOException: x\n\t... 1 more'
	printf '%s\n' "${lines[@]}" >plain.log
	printf '%s\n' "${lines[@]}" | jq -Rc '{log: (. + "\n"), stream: "stdout", time: "2021-11-22T10:00:00Z"}' >docker.log
	cri cri.log stdout "${lines[@]}"
	settled ./*.log
	for f in plain docker cri; do
		logtail $f.log | logparse --multiline=java | jq -c 'select(has("log")) | .log' |
			diff - <(printf '"%s"\n' "${lines[0]}" "$trace" "${lines[5]}")
	done
	# through to the objects, and each line is counted once
	cp plain.log a.log
	sweep
	balanced stats
	archived | diff - <(printf '%b\n' "${lines[0]}" "$trace" "${lines[5]}")
	sweep
	jq -e '.in == 0' stats
}

@test "streams that are mixed do not mix, nor do files" {
	for i in 1 2 3 4 5 6; do
		if [ $i = 1 ]; then line='x.Exception: ' at=''; else line= at=$'\tat '; fi
		for f in a b; do
			cri $f.log stdout "$at$line$f-out-$i"
			cri $f.log stderr "$at$line$f-err-$i"
		done
	done
	settled a.log b.log
	logtail a.log b.log | logparse --multiline=java >both
	paste -d '\n' <(logtail a.log) <(logtail b.log) | logparse --multiline=java >mixed
	for out in both mixed; do
		jq -c 'select(.log) | .log | [scan("[ab]-(?:out|err)-[0-9]")]' $out | sort >got
		for k in a-err a-out b-err b-out; do jq -nc "[range(1; 7) | \"$k-\\(.)\"]"; done | diff got -
	done
}

@test "a trace whose first line several rules begin goes to the one that its second line fits" {
	printf '%s\n' 'Exception in thread "main" java.lang.Error: a' $'\tat A.main(A.java:3)' plain \
		'PHP Fatal error:  Uncaught Exception: b in /a.php:3' 'Stack trace:' '#0 {main}' plain \
		'Unhandled exception. System.Exception: c' ' ---> System.Exception: d' '   at A.B.C()' plain \
		'Unhandled exception:' 'Exception: e' '#0      main (file:///a.dart:5:3)' plain \
		'java.lang.Error: alone' plain | jq -Rc '{log:.}' >in
	for names in java,python,go,ruby,js,php,csharp,dart dart,csharp,php,js,ruby,go,python,java; do
		[ "$(logparse --multiline=$names --stats=stats in | jq -r '.log | split("\n") | length' | paste -sd' ')" = \
			"2 1 3 1 3 1 3 1 1 1" ] || { echo "$names"; false; }
		[ "$(tail -n 1 stats | jq -c '[.in == .out + .joined, .groups]')" = '[true,4]' ]
	done
}

@test "a joined message goes through the parsers as any other" {
	printf '%s\n' '{"log":"{\"a\":"}' '{"log":"1}"}' '{"log":"x.Error: {"}' >in
	logparse --multiline=java in >out
	diff in out
	printf '%s\n' '{"log":"203.0.113.7 - - [22/Nov/2026:13:00:00 +0000] \"GET /Error: HTTP/1.1\" 200 612"}' |
		logparse --multiline=java -p nginx | jq -e '.log_processed.path == "/Error:"'
}

@test "the group at the end of a live file is held back, and read again whole" {
	mkdir A
	cri a.log stdout one 'x.Error: boom' $'\tat a'
	sweep
	jq -e '.held == 2 and .filtered == 2 and .out == 1' stats
	[ "$(archived)" = one ]
	grep -q '/o".*"end":34\b' S/ledger.json # where the group begins
	cri a.log stdout $'\tat b'
	sweep
	[ "$(archived)" = one ]
	sweep
	[ "$(archived)" = one ]
	cri a.log stdout two
	sweep
	[ "$(archived | tr '\t\n' '>|')" = 'one|x.Error: boom|>at a|>at b|two|' ]
	[ "$(find A -name '*.gz' -exec zcat {} + | wc -l)" = 3 ]
}

@test "at the end of a file that is final the open group is written" {
	mkdir A
	cri a.log stdout 'x.Error: boom' $'\tat a'
	sweep
	[ ! -s results ]
	mv a.log a.log.20261122-130000
	settled a.log.*
	cri a.log stdout new
	sweep
	[ "$(archived | tr '\t\n' '>|')" = 'x.Error: boom|>at a|new|' ]
	sweep
	[ "$(archived | wc -l)" = 3 ]
}

@test "a group of one file at its end does not keep another from being committed" {
	mkdir A
	cri a.log stdout one 'x.Error: boom'
	cri b.log stdout two three
	logtail --state=S a.log b.log | logparse --multiline=java | logbatch --state=S --node=n --stats=stats |
		s3put --state=S file://"$PWD"/A
	jq -e '.out == 3 and .unfinished == 0' stats
	[ "$(archived | sort | tr '\n' ' ')" = 'one three two ' ]
}

@test "--multiline-wait takes what is old for whole, and later lines for records of their own" {
	mkdir A
	cri a.log stdout 'x.Error: boom' $'\tat a'
	sweep --multiline-wait=1m
	[ "$(archived | tr '\t\n' '>|')" = 'x.Error: boom|>at a|' ]
	jq -e '.held == 0 and .groups == 1' stats
	cri a.log stdout $'\tat late'
	sweep --multiline-wait=1m
	[ "$(find A -name '*.gz' -exec zcat {} + | wc -l)" = 2 ]
	sweep --multiline-wait=1m
	[ "$(find A -name '*.gz' -exec zcat {} + | wc -l)" = 2 ]
}

@test "without a ledger --multiline-wait keeps nothing back at --until" {
	cri a.log stdout one 'x.Error: boom' $'\tat a' $'\tat b'
	logtail --until=2021-11-22T10:00:04Z a.log >part
	[ "$(logparse --multiline=java part | jq -c 'select(.log) | .log')" = '"one"' ]
	[ "$(logparse --multiline=java --multiline-wait=1m part | jq -c 'select(.log) | .log' | tr '\n' ' ')" = \
		'"one" "x.Error: boom\n\tat a" ' ]
}

@test "following, a group is written when nothing came for --multiline-wait, once" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: time is measured"
	mkdir A
	cri a.log stdout one 'x.Error: boom' $'\tat a'
	logtail -f --state=S a.log 2>err >raw &
	tail=$!
	# shellcheck disable=SC2064
	trap "kill $tail" EXIT
	until_has raw one
	tail -f -n +1 --pid=$tail raw | logparse --multiline=java --multiline-wait=500ms >out &
	until_has out boom
	cri a.log stdout $'\tat b' 'y.Error: next' $'\tat c'
	until_has out next
	kill $tail
	trap - EXIT
	wait
	[ "$(jq -c 'select(.log) | .log' out | tr '\n' ' ')" = \
		'"one" "x.Error: boom\n\tat a" "\tat b" "y.Error: next\n\tat c" ' ]
	# with a mark behind it, so that logbatch --max-age can commit it
	jq -es '.[-1] | keys == ["_src"] and ._src.end > 0' out
}

@test "each trace whole, and once, through sweeps that are killed" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: hundreds of sweeps"
	command -v python3 >/dev/null || skip "no python3"
	for seed in 1 2 3; do
		mkdir $seed
		(cd $seed && python3 "$here/multiline.py" 16 $seed)
	done
}

@test "each line once when groups are cut, and when they do not wait" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: hundreds of sweeps"
	command -v python3 >/dev/null || skip "no python3"
	mkdir cut wait
	(cd cut && python3 "$here/multiline.py" 12 4 --multiline-lines=3)
	(cd wait && python3 "$here/multiline.py" 12 5 --multiline-wait=1ms)
	(cd cut && find A -name '*.gz' -exec zcat {} + | jq -e 'select(._part.last == true)' | grep -q '"n": 2')
}

# past: lines of a joined message
@test "long messages are cut into pieces that say so" {
	{
		echo '{"log":"x.Error: 0"}'
		for i in $(seq 2500); do printf '{"log":"\\tat %d"}\n' "$i"; done
		echo '{"log":"end"}'
	} >in
	logparse --multiline=java --stats=stats in >out
	run -0 jq -c '._part // 0' out
	[ "${lines[*]}" = '{"n":1,"last":false} {"n":2,"last":false} {"n":3,"last":true} 0' ]
	# put together they are the message
	jq -rj 'select(._part).log' out | diff - <(jq -r .log in | head -n -1 | head -c -1)
	jq -e '.cut == 2 and .joined == 2498 and .out == 4' stats
	balanced stats
	logparse --multiline=java --multiline-max=1k in | jq -es 'all(.log | length < 1024) and length > 20'
}

@test "a torn last line leaves the group to the next sweep" {
	printf '%s\n' '{"_src":{"file":"/a","id":"0123456789abcdef/o","gen":0,"end":0}}' \
		'{"_src":{"file":"/a","id":"0123456789abcdef/o","gen":0,"end":9},"log":"x.Error: 1"}' >in
	run -1 bash -c "(cat in; printf '{\"_src') | logparse --multiline=java --stats=stats 2>/dev/null"
	[ "${#lines[@]}" = 1 ]
	jq -e '.in == 2 and .out == 0 and .filtered == 2 and .held == 1' stats
}

@test "records without positions: per stream, written at the end" {
	printf '%s\n' '{"stream":"stdout","log":"x.Error: 1"}' '{"stream":"stderr","log":"x.Error: 2"}' \
		'{"stream":"stdout","log":"\tat 1"}' '{"stream":"stderr","log":"\tat 2"}' >in
	run -0 logparse --multiline=java in
	[ "${lines[0]}" = '{"stream":"stdout","log":"x.Error: 1\n\tat 1"}' ]
	[ "${lines[1]}" = '{"stream":"stderr","log":"x.Error: 2\n\tat 2"}' ]
}

@test "names and limits that are wrong are refused before any output" {
	for o in --multiline=jav --multiline=cri --multiline=java, --multiline= '--multiline=java --multiline-lines=0' \
		'--multiline=java --multiline-max=5M' '--multiline=java --multiline-wait=x'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr logparse $o </dev/null
		[ -z "$output" ]
		[[ ${stderr_lines[0]} = "logparse: --multiline"* ]]
	done
	run -2 logparse --multiline=cri </dev/null
	[[ $output == *"logtail has joined"* ]]
}

@test "without --multiline nothing is held and nothing is asked" {
	printf '%s\n' '{"log":"x.Error: 1"}' '{"log":"\tat 1"}' >in
	logparse --stats=stats in | diff - in
	jq -e 'has("groups") | not' stats
}

@test "rules of a Fluent Bit file, classic and YAML, beside the built-in ones" {
	cat >r.conf <<-'E'
		[PARSER]
		    Name    first
		    Format  regex
		    Regex   ^(?<day>[^ ]+) (?<text>.*)
		[MULTILINE_PARSER]
		    name          dated
		    type          regex
		    flush_timeout 1000
		    rule  "start_state"  "/^\d{4}-\d\d-\d\d/"  "cont"
		    rule  "cont"         "/^\h{2,}|^\s/"       "cont"
		[MULTILINE_PARSER]
		    name   unused
		    parser json
	E
	cat >r.yaml <<-'E'
		multiline_parsers:
		  - name: dated
		    type: regex
		    rules:
		      - state: start_state
		        regex: '/^\d{4}-\d\d-\d\d/'
		        next_state: cont
		      - state: cont
		        regex: '/^\h{2,}|^\s/'
		        next_state: cont
	E
	printf '%s\n' '{"log":"2026-11-22 one"}' '{"log":" two"}' '{"log":"beef"}' '{"log":"x.Error: 1"}' \
		'{"log":"\tat a"}' >in
	for r in r.conf r.yaml; do
		run -0 logparse -R $r --multiline=dated,java in
		[ "${lines[0]}" = '{"log":"2026-11-22 one\n two\nbeef"}' ]
		[ "${lines[1]}" = '{"log":"x.Error: 1\n\tat a"}' ]
	done
	run -0 logparse -R r.conf --multiline=dated -p first in
	jq -e '.log_processed == {"day":"2026-11-22","text":"one"}' <<<"${lines[0]}"
	run -2 logparse -R r.conf --multiline=unused in
	[[ $output == *"r.conf:13: parser: lines are joined before they are parsed"* ]]
}
