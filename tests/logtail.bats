bats_require_minimum_version 1.5.0

# logtail: files to records, and, with logbatch, each line once.

oracle=$BATS_TEST_DIRNAME/oracle.py
T=2026-11-22T13:00

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	logtail --version 2>/dev/null | grep -q '(logsweep)' || skip "logtail is not built"
}

need() { command -v "$1" >/dev/null || skip "no $1"; }

# cri FROM TO [STREAM]: numbered CRI lines; docker the same
cri() {
	seq "$1" "$2" | awk -v t=$T -v s="${3-stdout}" '{ printf "%s:%02d.%09dZ %s F line %d\n", t, $1 / 100 % 60, $1, s, $1 }'
}
docker() {
	seq "$1" "$2" | awk -v t=$T -v s="${3-stdout}" '{
		printf "{\"log\":\"line %d\\n\",\"stream\":\"%s\",\"time\":\"%s:%02d.%09dZ\"}\n", $1, s, t, $1 / 100 % 60, $1 }'
}
raw() { seq -f "line %g" "$1" "$2"; }

records() { jq -c 'select(keys != ["_src"])' "$@"; }
logs() { jq -r 'select(has("log")) | .log' "$@"; }
old() { touch -d '1 hour ago' "$@"; }
balanced() { jq -se 'last | .in == .out + .rejected + .filtered + .joined' "$1" >/dev/null; }

# sweep [OPTION]... OPERAND...: one pass into the ledger S; what logtail wrote is in rec, its
# status in $tail, its messages in told
sweep() {
	tail=0
	logtail --state=S --stats=stats "$@" >rec 2>told || tail=$?
	batch=0
	logbatch --state=S --node=n <rec >manifests 2>batch-told || batch=$?
	[[ $batch -eq 0 || $batch -eq 3 ]]
	balanced stats
}
# archived: the message of every record in the outbox, sorted by number
archived() { find S/outbox -name '*.gz' -exec zcat {} + | logs | sort -V; }
# holds FROM TO: the archive has these lines once and no others
holds() { diff <(archived | grep '^line') <(raw "$1" "$2"); }
# again OPERAND...: another sweep finds nothing
again() {
	sweep "$@"
	[ -z "$(records rec)" ]
}

### formats

@test "Docker, CRI and raw files are told apart by their content, in one directory" {
	mkdir d
	cri 1 2 >d/a.log
	docker 1 2 stderr >d/b.log
	raw 1 2 >d/c.log
	run -0 --separate-stderr logtail d
	[ -z "$stderr" ]
	[ "$(records <<<"$output" | jq -c '[._src.file, .stream, .log]')" = '["d/a.log","stdout","line 1"]
["d/a.log","stdout","line 2"]
["d/b.log","stderr","line 1"]
["d/b.log","stderr","line 2"]
["d/c.log",null,"line 1"]
["d/c.log",null,"line 2"]' ]
}

@test "a record has _src first, time next, then stream and log; the time stands as it stood" {
	printf '%s:00+08:00 stdout F a\n%s:00.5Z stderr F b\n%s:00.123456789-03:30 stdout F c\n' $T $T $T >a.log
	run -0 logtail a.log
	[ "$(records <<<"$output" | jq -r .time | tr '\n' ' ')" = "$T:00+08:00 $T:00.5Z $T:00.123456789-03:30 " ]
	records <<<"$output" | jq -e 'keys_unsorted == ["_src", "time", "stream", "log"]'
	records <<<"$output" | jq -e '._src | keys_unsorted == ["file", "id", "gen", "end"]'
	[ "$(records <<<"$output" | jq -c ._src.end | tr '\n' ' ')" = "37 71 118 " ]
}

@test "first_time and last_time of the stats are in UTC" {
	printf '%s:00+08:00 stdout F a\n%s:00.5Z stderr F b\n' $T $T >a.log
	run -0 --separate-stderr logtail --stats a.log
	[ "$(jq -r '.first_time + " " + .last_time' <<<"$stderr")" = "2026-11-22T05:00:00Z $T:00.5Z" ]
}

@test "CRI tags after a colon are taken off" {
	printf '%s:00.1Z stdout P:TAG1:TAG2 ab\n%s:00.2Z stdout F:X cd\n%s:00.3Z stdout F:Y\n' $T $T $T >a.log
	run -0 logtail a.log
	[ "$(logs <<<"$output" | tr '\n' '|')" = "abcd||" ]
}

@test "--format names the format; what does not have it is an _error record, and status 3" {
	raw 1 1 >a.log
	cri 2 2 >>a.log
	run -3 --separate-stderr logtail --format=cri a.log
	[ "$(records <<<"$output" | jq -c '[.log, ._error.by]' | tr '\n' ' ')" = '["line 1","logtail"] ["line 2",null] ' ]
	[ "$stderr" = "logtail: a.log: 1 lines that are not of its format; set aside as _error records (--format=NAME, if its first line misleads)" ]
	run -0 logtail --format=raw a.log
	[ "$(logs <<<"$output" | head -n 1)" = "line 1" ]
	[ "$(logs <<<"$output" | tail -n 1)" = "$T:00.000000002Z stdout F line 2" ]
	run -2 --separate-stderr logtail --format=xml a.log
	[ -z "$output" ]
}

@test "--strict ends at such a line with status 1" {
	cri 1 1 >a.log
	echo garbage >>a.log
	run -1 --separate-stderr logtail --strict a.log
	[[ $stderr == *"a.log: a line that is not of its format" ]]
}

@test "lines that are nearly CRI or Docker are not taken for it" {
	cri 1 1 >a.log
	printf '%s\n' "$T:00.1Z stdout X a" "$T:00.1Z stdoux F a" "$T:00.1Z  stdout F a" "2026-11-22 stdout F a" \
		"$T:00.1Z stdout FF a" "$T:00\"Z stdout F a" "$T:00.1Z stdout" "" "$T" >>a.log
	docker 1 1 >b.log
	printf '%s\n' '{"log":"a\n","stream":"stdout"}' '{"log":"a\n","stream":"stdin","time":"'$T':00Z"}' \
		'{"log":1,"stream":"stdout","time":"'$T':00Z"}' '{"log":"a\n","stream":"stdout","time":"'$T':00Z"' \
		'{"log":"a\q","stream":"stdout","time":"'$T':00Z"}' '[]' '' 'null' >>b.log
	run -3 --separate-stderr logtail a.log b.log
	[ "$(records <<<"$output" | jq -c 'select(._error)' | wc -l)" -eq 17 ]
	[ "$(records <<<"$output" | jq -c 'select(._error | not)' | wc -l)" -eq 2 ]
	[ "$(logs <<<"$output" | sed -n '2,10p')" = "$(sed -n '2,10p' a.log)" ]
}

@test "a line that is not of its format between parts of a split line costs neither" {
	printf '%s:00.1Z stdout P ab\ngarbage\n%s:00.2Z stderr P x\nmore\n%s:00.3Z stdout F cd\n%s:00.4Z stderr F y\n' $T $T $T $T >a.log
	run -3 --separate-stderr logtail --stats a.log
	balanced <(tail -n 1 <<<"$stderr")
	[ "$(records <<<"$output" | jq -r .log | tr -d '\n')" = "garbageabmorecdxy" ]
	# positions never go back, and nothing is read twice
	need logbatch
	for n in 44 80 85 120; do
		rm -rf S
		head -c $n a.log >b.log
		sweep b.log
		cp a.log b.log
		sweep b.log
		again b.log
		[ "$(archived | tr -d '\n' | fold -w1 | sort | tr -d '\n')" = "$(echo garbageabmorecdxy | fold -w1 | sort | tr -d '\n')" ]
	done
}

### joins

@test "lines that are not of their format, between the parts of both streams, sweep after sweep: each once" {
	mkdir d
	{
		printf '%s:00.%sZ %s\n' $T 1 'stdout F t0;' $T 2 'stdout P t1;' $T 3 'stderr P t2;'
		printf 'torn t3;\ntorn t4;\n%s:00.4Z stderr F t5;\ntorn t6;\n' $T
	} >d/0.log
	sweep d
	printf '%s:00.5Z stdout F t7;\n' $T >>d/0.log
	sweep d
	archived | grep -o 't[0-9]*;' | sort | diff - <(printf 't%d;\n' 0 1 2 3 4 5 6 7)
	# whatever stands between, and wherever a sweep ends
	cat >cases.py <<-'PY'
		import collections, json, os, random, re, shutil, subprocess
		rnd = random.Random(7)
		for case in range(40):
		    shutil.rmtree("w", ignore_errors=True)
		    os.makedirs("w/d")
		    lines, got = ["F stdout"], collections.Counter()
		    for sweep in range(5):
		        for _ in range(rnd.randrange(8)):
		            lines.append(rnd.choice(["torn", "torn"] + [f"{p} {s}" for p in "PPF" for s in ("stdout", "stderr")]))
		        if sweep == 4:
		            lines += ["F stdout", "F stderr"]
		        with open("w/d/0.log", "w") as f:
		            for i, what in enumerate(lines):
		                kind, _, stream = what.partition(" ")
		                f.write(f"2026-11-22T13:00:00.{i:09}Z {stream} {kind} t{i};\n" if stream else f"torn t{i};\n")
		        out = subprocess.run(["logtail", "--state=w/S", "w/d"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
		        done = subprocess.run(["logbatch", "--state=w/S", "--node=n", "-q"], input=out, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
		        assert done.returncode in (0, 3), done
		        for line in out.splitlines():
		            got.update(re.findall(r"t\d+;", json.loads(line).get("log", "")))
		    assert got == collections.Counter(f"t{i};" for i in range(len(lines))), (case, lines, got)
	PY
	python3 cases.py
}

@test "split CRI lines are joined per stream, though the parts of both interleave" {
	printf '%s\n' "$T:00.1Z stdout P one " "$T:00.2Z stderr P uno " "$T:00.3Z stdout P two " \
		"$T:00.4Z stderr F dos" "$T:00.5Z stdout F three" >a.log
	run -0 --separate-stderr logtail --stats a.log
	[ "$(records <<<"$output" | jq -c '[.time, .stream, .log]' | tr '\n' ' ')" = \
		"[\"$T:00.2Z\",\"stderr\",\"uno dos\"] [\"$T:00.1Z\",\"stdout\",\"one two three\"] " ]
	[ "$(jq -c '[.in, .out, .joined]' <<<"$stderr")" = '[5,2,3]' ]
}

@test "Docker's 16 KiB parts are joined per stream" {
	part=$(head -c 16384 /dev/zero | tr '\0' x)
	{
		printf '{"log":"%s","stream":"stdout","time":"%s:00.1Z"}\n' "$part" $T
		printf '{"log":"err\\n","stream":"stderr","time":"%s:00.2Z"}\n' $T
		printf '{"log":"%s","stream":"stdout","time":"%s:00.3Z"}\n' "$part" $T
		printf '{"log":"end\\\\n\\n","stream":"stdout","time":"%s:00.4Z"}\n' $T
	} >a.log
	run -0 logtail a.log
	logs <<<"$output" >got
	printf 'err\n%s%send\\n\n' "$part" "$part" | cmp - got
}

@test "Docker's attrs are kept as they stood, of a joined line too" {
	attrs='{"labels":{"a":1.10},"tag":"x\/y","env": ["b"]}'
	printf '{"log":"a\\n","stream":"stdout","attrs":%s,"time":"%s:00.1Z"}\n' "$attrs" $T >a.log
	printf '{"log":"b","stream":"stdout","attrs":%s,"time":"%s:00.2Z"}\n' "$attrs" $T >>a.log
	printf '{"log":"c\\n","stream":"stdout","attrs":%s,"time":"%s:00.3Z"}\n' "$attrs" $T >>a.log
	run -0 logtail a.log
	[ "$(grep -cF "\"attrs\":$attrs}" <<<"$output")" -eq 2 ]
	[ "$(logs <<<"$output" | tr '\n' ' ')" = "a bc " ]
	# and of one that never ends
	printf '{"log":"d","stream":"stderr","attrs":%s,"time":"%s:00.3Z"}\n' "$attrs" $T >>a.log
	old a.log
	run -0 logtail a.log
	[ "$(grep -cF "\"attrs\":$attrs}" <<<"$output")" -eq 3 ]
}

@test "message bytes are exact: blanks, nothing, tabs, CR, NUL, controls, colours, quotes" {
	{
		for m in '' ' ' '  a  ' '\ta\t' 'a\r' 'a\0b\0' '\1\2\33[31mred\33[0m\177' '"q" \\ /' 'é ∑ 😀' ' \302\205 \342\200\250'; do
			printf "$T:00.1Z stdout F $m\n"
		done
		printf "$T:00.1Z stdout F\n"
	} >a.log
	run -0 logtail a.log
	records <<<"$output" | python3 -c 'import json,sys
for l in sys.stdin: sys.stdout.buffer.write(json.loads(l)["log"].encode() + b"\n")' >got
	sed "s/^$T:00.1Z stdout F \?//" a.log | cmp - got
}

@test "what is not UTF-8 becomes U+FFFD and is counted" {
	printf "$T:00.1Z stdout F a\377b\n$T:00.1Z stdout F \303\n$T:00.1Z stderr F \355\240\200\n" >a.log
	run -0 --separate-stderr logtail --stats a.log
	[ "$(logs <<<"$output" | tr '\n' '|')" = "a�b|�|���|" ]
	[ "$(jq .invalid_utf8 <<<"$stderr")" -eq 5 ]
}

@test "a character cut by the runtime's split is whole again" {
	printf "$T:00.1Z stdout P a\360\237\n$T:00.2Z stderr F x\n$T:00.3Z stdout F \230\200b\n" >a.log
	run -0 --separate-stderr logtail --stats a.log
	[ "$(logs <<<"$output" | tail -n 1)" = "a😀b" ]
	[ "$(jq .invalid_utf8 <<<"$stderr")" -eq 0 ]
}

@test "a joined line over --max-line comes in marked pieces that make up the original" {
	python3 - <<-'P'
		msg = ("é€😀x" * 9000).encode()
		with open("want", "wb") as w, open("a.log", "wb") as f:
		    w.write(msg)
		    for i in range(0, len(msg), 4095):
		        tag = b"P" if i + 4095 < len(msg) else b"F"
		        f.write(b"2026-11-22T13:00:00.1Z stdout %s " % tag + msg[i:i + 4095] + b"\n")
		        f.write(b"2026-11-22T13:00:00.2Z stderr F other\n")
	P
	run -0 --separate-stderr logtail --max-line=10K --stats a.log
	balanced <(echo "$stderr")
	records <<<"$output" | jq -c 'select(.stream == "stdout")' >parts
	jq -rj .log parts | cmp - want
	[ "$(jq .invalid_utf8 <<<"$stderr")" -eq 0 ]
	[ "$(wc -l <parts)" -gt 5 ]
	jq -se 'map(._part.n) == [range(1; length + 1)] and (map(._part.last) | index(true)) == length - 1' parts
	jq -se 'map(.log | utf8bytelength) | max <= 10243' parts
	run -0 logtail a.log
	[ "$(records <<<"$output" | jq -c 'select(._part)')" = "" ]
}

@test "a raw line of many MiB comes in marked pieces that make up the original" {
	{ printf x; head -c 4M /dev/zero | tr '\0' '\303' | sed 's/\xc3/é/g'; echo; echo short; } >a.log
	run -0 --separate-stderr logtail --stats a.log
	logs <<<"$output" | tr -d '\n' >got
	tr -d '\n' <a.log | cmp - got
	[ "$(jq .invalid_utf8 <<<"$stderr")" -eq 0 ]
	[ "$(records <<<"$output" | tail -n 1 | jq -c '[.log, ._part]')" = '["short",null]' ]
	[ "$(records <<<"$output" | jq -c 'select(._part.last) | .log' | wc -l)" -eq 1 ]
}

@test "a line too long for its runtime is set aside in pieces, and the next one is read" {
	{ cri 1 1; printf '%s:00.1Z stdout F ' $T; head -c 3M /dev/zero | tr '\0' x; echo; cri 2 2; } >a.log
	run -3 --separate-stderr logtail --stats a.log
	balanced <(tail -n 1 <<<"$stderr")
	logs <<<"$output" | grep line | diff - <(raw 1 2)
	records <<<"$output" | jq -r 'select(._error) | .log' | tr -d '\n' | cmp - <(sed -n 2p a.log | tr -d '\n')
}

@test "a last line without LF is held while its file is live, and given out when it is final" {
	need logbatch
	cri 1 2 >a.log
	printf '%s:09.1Z stdout F line 3' $T >>a.log
	run -0 --separate-stderr logtail --stats a.log
	[ "$(logs <<<"$output")" = "$(raw 1 2)" ]
	[ "$(jq .held <<<"$stderr")" -eq 1 ]
	sweep a.log
	holds 1 2
	again a.log
	mv a.log a.log.20261122-130000
	cri 4 4 >a.log
	sweep a.log
	holds 1 2 && false
	old a.log.*
	sweep a.log
	holds 1 4
	again a.log
}

@test "an unfinished first line waits" {
	need logbatch
	printf '%s:09.1Z stdout F line' $T >a.log
	sweep a.log
	[ ! -s rec ]
	[ "$(jq -s 'last | .waiting' stats)" -eq 1 ]
	echo ' 1' >>a.log
	sweep a.log
	holds 1 1
}

@test "a split line without its end is held while live and read whole later, the other stream goes on" {
	need logbatch
	{ cri 1 1; printf '%s:01.1Z stdout P line \n' $T; cri 3 4 stderr; } >a.log
	sweep a.log
	[ "$(archived | tr '\n' ' ')" = "line 1 line 3 line 4 " ]
	[ "$(jq -s 'last | .held' stats)" -eq 1 ]
	again a.log
	{ printf '%s:01.2Z stdout F 2\n' $T; cri 5 5; } >>a.log
	sweep a.log
	holds 1 5
	again a.log
}

@test "a split line without its end goes out when its file is final" {
	printf '%s:01.1Z stdout P ab\n%s:01.2Z stderr P cd\n' $T $T >a.log.1
	gzip a.log.1
	cri 1 1 >a.log
	run -0 --separate-stderr logtail --stats a.log
	[ "$(logs <<<"$output" | tr '\n' ' ')" = "ab cd line 1 " ]
	[ "$(jq -c '[.held, .in]' <<<"$stderr")" = "[0,3]" ]
}

### families

@test "the kubelet's rotated siblings are read oldest first" {
	mkdir d
	cri 1 2 | gzip >d/0.log.20261122-110000.gz
	cri 3 4 | gzip >d/0.log.20261122-120000.gz
	cri 5 6 >d/0.log.20261122-130000
	cri 7 8 >d/0.log
	cri 1 9 >d/0.log.20261122-130000.tmp
	cri 1 9 >d/0.logs
	for o in d/0.log 'd/0.log*' d/0.log.20261122-11*; do
		logtail "$o" >rec
		[[ $o == *11* ]] && want=2 || want=8
		records rec | jq -r 'select(._src.file == "d/0.log" or ._src.file == "d/0.log.20261122-110000.gz") | .log' | diff - <(raw 1 $want)
	done
	run -0 logtail --no-rotated d/0.log
	[ "$(logs <<<"$output")" = "$(raw 7 8)" ]
}

@test "Docker's rotated siblings are read oldest first, .10 before .9, with or without .gz" {
	for i in 1 2 9 10 11; do docker $i $i >a-json.log.$i; done
	gzip a-json.log.2 a-json.log.10
	docker 12 12 >a-json.log
	run -0 logtail a-json.log
	[ "$(logs <<<"$output" | tr '\n' ' ')" = "line 11 line 10 line 9 line 2 line 1 line 12 " ]
	[ "$(records <<<"$output" | jq -r ._src.file | sort -u)" = a-json.log ]
}

@test "of X and X.gz the plain one is read, once" {
	cri 1 2 >a.log.20261122-110000
	gzip -k a.log.20261122-110000
	head -c 20 a.log.20261122-110000.gz >half
	cri 3 3 >a.log
	run -0 logtail a.log
	[ "$(logs <<<"$output")" = "$(raw 1 3)" ]
	mv half a.log.20261122-110000.gz
	run -0 logtail a.log
	[ "$(logs <<<"$output")" = "$(raw 1 3)" ]
}

@test "a gzip of several members, with zeros behind them, is read whole" {
	{ cri 1 2 | gzip; cri 3 3 | gzip -1; head -c 1000 /dev/zero; } >a.log.1.gz
	cri 4 4 >a.log
	run -0 logtail a.log
	[ "$(logs <<<"$output")" = "$(raw 1 4)" ]
}

@test "half a gzip waits for its other half" {
	need logbatch
	cri 1 4000 | gzip -1 >whole.gz
	cri 4001 4001 >a.log
	head -c $(($(stat -c %s whole.gz) / 2)) whole.gz >a.log.1.gz
	sweep a.log
	[ "$tail" -eq 0 ]
	half=$(archived | wc -l)
	[ "$half" -gt 100 ] && [ "$half" -lt 4000 ]
	cp whole.gz a.log.1.gz
	sweep a.log
	holds 1 4001
	again a.log
}

@test "half a gzip that nobody goes on with is told, status 3, and costs no line" {
	need logbatch
	cri 1 4000 | gzip -1 >whole.gz
	cri 4001 4001 >a.log
	head -c $(($(stat -c %s whole.gz) / 2)) whole.gz >a.log.1.gz
	old a.log.1.gz
	sweep a.log
	[ "$tail" -eq 3 ]
	[[ $(<told) == "logtail: $PWD/a.log.1.gz: the gzip data end too early; read as far as they go" ]]
	cp whole.gz a.log.1.gz
	sweep a.log
	holds 1 4001
}

@test "a gzip under way of a log that was read further is not another log" {
	need logbatch
	cri 1 4000 >a.log.1
	cri 4001 4001 >a.log
	old a.log.1
	sweep a.log
	holds 1 4001
	gzip -1 a.log.1
	cp a.log.1.gz whole.gz
	head -c 9000 whole.gz >a.log.1.gz
	sweep a.log
	[ -z "$(records rec)" ]
	cp whole.gz a.log.1.gz
	again a.log
	holds 1 4001
}

@test "a gzip with a bad CRC: what is good comes out, the rest is an _error record, told once" {
	need logbatch
	cri 1 50 | gzip >a.log.1.gz
	printf '\1\2\3\4' | dd of=a.log.1.gz bs=1 seek=$(($(stat -c %s a.log.1.gz) - 8)) conv=notrunc status=none
	cri 51 51 >a.log
	sweep a.log
	[ "$tail" -eq 3 ]
	[ "$(records rec | jq -c 'select(._error) | [.log, ._error.why]')" = '["","gzip data damaged here; the rest is lost"]' ]
	[ "$(archived | grep -c line)" -eq 51 ]
	again a.log
	[ "$tail" -eq 0 ]
}

@test "a gzip damaged in its middle gives what stands before, and an _error record" {
	cri 1 20000 | gzip >a.log.1.gz
	head -c 300 /dev/zero | tr '\0' '\377' | dd of=a.log.1.gz bs=1 seek=60000 conv=notrunc status=none
	run -3 --separate-stderr logtail --stats a.log.1.gz
	balanced <(tail -n 1 <<<"$stderr")
	n=$(records <<<"$output" | grep -vc _error)
	[ "$n" -gt 1000 ] && [ "$n" -lt 20000 ]
	logs <<<"$output" | head -n 1000 | diff - <(raw 1 1000)
}

@test "a .gz that is no gzip is told by name, status 3" {
	raw 1 3 >a.log.1.gz
	old a.log.1.gz
	raw 1 1 >a.log
	run -3 --separate-stderr logtail a.log
	[ "$stderr" = "logtail: $PWD/a.log.1.gz: not gzip data, or damaged at its beginning" ]
	[ "$(logs <<<"$output")" = "line 1" ]
}

@test "links are followed to the real file; its siblings come with it, under the link's name" {
	mkdir -p containers pods/ns_pod_uid/app docker/id
	docker 1 1 | gzip >docker/id/id-json.log.1.gz
	docker 2 2 >docker/id/id-json.log
	ln -s "$PWD/docker/id/id-json.log" pods/ns_pod_uid/app/0.log
	ln -s ../pods/ns_pod_uid/app/0.log containers/pod_ns_app-id.log
	run -0 logtail containers/*.log
	[ "$(records <<<"$output" | jq -c '[._src.file, .log]' | tr '\n' ' ')" = \
		'["containers/pod_ns_app-id.log","line 1"] ["containers/pod_ns_app-id.log","line 2"] ' ]
	run -0 logtail containers pods docker containers/pod_ns_app-id.log
	[ "$(records <<<"$output" | jq -r ._src.file | sort -u)" = containers/pod_ns_app-id.log ]
	[ "$(logs <<<"$output")" = "$(raw 1 2)" ]
}

@test "a live file that rotation has just taken away leaves its siblings to be read" {
	mkdir c p
	cri 1 2 >p/0.log.20261122-130000
	ln -s ../p/0.log c/x.log
	for o in c/x.log c 'c/*.log' p/0.log; do
		run -0 --separate-stderr logtail "$o"
		[ -z "$stderr" ]
		[ "$(logs <<<"$output")" = "$(raw 1 2)" ]
	done
}

@test "a file that belongs to two families is read once" {
	mkdir d
	raw 1 1 >d/messages
	raw 2 2 | gzip >d/messages.gz
	raw 3 3 >d/app.log
	raw 4 4 >d/app.log.1
	raw 5 5 >d/app.log.1.2
	run -0 logtail d
	[ "$(logs <<<"$output" | sort)" = "$(raw 1 5)" ]
}

@test "the same file under two names of its own is read once" {
	mkdir a b
	raw 1 2 >a/x.log
	ln a/x.log b/y.log
	run -0 logtail a b
	[ "$(logs <<<"$output")" = "$(raw 1 2)" ]
	run -0 logtail a/x.log ./a/../a/x.log "$PWD/a/x.log"
	[ "$(logs <<<"$output")" = "$(raw 1 2)" ]
}

@test "many names of one file are not held against each other byte by byte" {
	need strace
	mkdir d
	raw 1 300000 >d/a.log
	for i in {1..50}; do ln d/a.log d/a.log.$i; done
	ASAN_OPTIONS=detect_leaks=0 strace -f -c -e trace=pread64 -o calls logtail d >rec
	[ "$(logs rec | sha256sum)" = "$(raw 1 300000 | sha256sum)" ]
	[ "$(awk '$NF == "pread64" { print $4 }' calls)" -lt 2000 ]
}

@test "globs that the shell left alone are expanded, braces too" {
	mkdir a b
	raw 1 1 >a/x.log
	raw 2 2 >b/y.log
	raw 3 3 >b/z.txt
	run -0 logtail '*/*.log'
	[ "$(logs <<<"$output" | sort)" = "$(raw 1 2)" ]
	run -0 logtail '{a,b}/*.{log,txt}'
	[ "$(logs <<<"$output" | sort)" = "$(raw 1 3)" ]
	mv a/x.log 'a/[x].log'
	run -0 logtail 'a/[x].log'
	[ "$(logs <<<"$output")" = "line 1" ]
}

@test "a glob without match is told, status 3, and the others are read" {
	raw 1 1 >a.log
	run -3 --separate-stderr logtail 'none*.log' a.log
	[ "$stderr" = "logtail: none*.log: no file matches; is the path right, and mounted here?" ]
	[ "$(logs <<<"$output")" = "line 1" ]
	run -3 --separate-stderr logtail a.log none.log
	[ "$stderr" = "logtail: none.log: No such file or directory" ]
	[ "$(logs <<<"$output")" = "line 1" ]
}

@test "a directory is walked; loops of links end; a directory linked into it is not entered" {
	mkdir -p d/e/f other
	cri 1 1 >d/e/f/0.log
	cri 2 2 >other/0.log
	ln -s .. d/e/up
	ln -s ../../.. d/e/f/top
	ln -s ../other d/linked
	ln -s self d/self
	run -3 --separate-stderr timeout 20 logtail d
	[ "$(logs <<<"$output")" = "line 1" ]
	[ "$stderr" = "logtail: d/self: Too many levels of symbolic links" ]
	rm d/self
	run -0 logtail d
	ln -s d dir
	run -0 logtail dir/
	[ "$(records <<<"$output" | jq -r ._src.file)" = dir/e/f/0.log ]
}

@test "in a directory a family bears its live name, also when only rotated files are left" {
	mkdir d
	cri 1 1 | gzip >d/0.log.20261122-120000.gz
	cri 2 2 >d/0.log.20261122-130000
	run -0 logtail d
	[ "$(records <<<"$output" | jq -r ._src.file | sort -u)" = d/0.log ]
	[ "$(logs <<<"$output")" = "$(raw 1 2)" ]
}

@test "-x leaves out files by path or name, again and again" {
	mkdir -p d/e
	raw 1 1 >d/a.log
	raw 2 2 >d/b.log
	raw 3 3 >d/e/c.log
	run -0 logtail -x 'b*' -x '*/e/*' d
	[ "$(logs <<<"$output")" = "line 1" ]
	run -0 logtail -x d/e d/
	[ "$(logs <<<"$output")" = "$(raw 1 2)" ]
	run -0 --separate-stderr logtail -x '*' d
	[ -z "$output$stderr" ]
}

### bad input

@test "an unreadable file is told by name, status 3, and the others are read" {
	mkdir d
	cri 1 1 >d/a.log
	cri 2 2 >d/b.log
	chmod 755 . d
	chmod 000 d/b.log
	as_nobody logtail --state=none d
	[ "$status" -eq 3 ]
	[ "${stderr_lines[0]}" = "logtail: $PWD/d/b.log: Permission denied" ]
	[ "${stderr_lines[1]}" = "logtail: log files of some runtimes are for root alone: run as root, or with CAP_DAC_READ_SEARCH" ]
	[ "$(logs <<<"$output")" = "line 1" ]
	chmod 000 d/a.log
	as_nobody logtail d
	[ "$status" -eq 77 ]
	chmod 000 d
	as_nobody logtail d
	[ "$status" -eq 77 ]
	chmod 755 d
	chmod 644 d/*
}

# as_nobody COMMAND...: run --separate-stderr without root's rights
as_nobody() {
	local up=$PWD tool
	if [ "$(id -u)" -ne 0 ]; then
		run --separate-stderr "$@"
		return
	fi
	command -v setpriv >/dev/null || skip "no setpriv"
	tool=$(command -v "$1")
	while [ "$up" != / ]; do
		[ -n "$(find "$up" -maxdepth 0 -perm -o+x)" ] || chmod o+x "$up"
		up=$(dirname "$up")
	done
	install -m 755 "$tool" /tmp/logtail.$$ 2>/dev/null
	shift
	run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups bash -c 'exec -a logtail "$@"' - /tmp/logtail.$$ "$@"
	rm -f /tmp/logtail.$$
}

@test "a pipe, a socket and a device in a directory, or rotated so, are not waited for" {
	mkdir d
	raw 1 1 >d/a.log
	mkfifo d/fifo.log d/a.log.1
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("d/sock.log")'
	[ "$(id -u)" -ne 0 ] || mknod d/zero.log c 1 5 || true
	run -3 --separate-stderr timeout 20 logtail d
	[ "$(logs <<<"$output")" = "line 1" ]
	[ "$stderr" = "logtail: $PWD/d/a.log.1: not a regular file; not read" ]
	run -3 --separate-stderr timeout 20 logtail d/fifo.log
	[ "$stderr" = "logtail: $PWD/d/fifo.log: not a regular file; not read" ]
}

@test "an empty file, empty directory and empty standard input give nothing, status 0" {
	: >a.log
	mkdir d
	run -0 --separate-stderr logtail a.log d
	[ -z "$output$stderr" ]
	run -0 --separate-stderr logtail - <a.log
	[ -z "$output$stderr" ]
}

@test "a binary file becomes valid JSON, every line of it" {
	head -c 2M /dev/urandom >a.log
	old a.log
	logtail a.log >rec
	jq -se 'length > 100' rec
	# unterminated, and live: held
	printf 'x\0y' >b.log
	run -0 logtail b.log
	[ -z "$(records <<<"$output")" ]
}

@test "a file of NULs is one line" {
	head -c 100000 /dev/zero >a.log
	old a.log
	run -0 logtail a.log
	[ "$(records <<<"$output" | jq '.log | length')" -eq 100000 ]
}

@test "standard input is read with - or without operand, without positions" {
	cri 1 2 >a.log
	for o in '' -; do
		run -0 logtail $o <a.log
		[ "$(jq -c 'keys' <<<"$output" | sort -u)" = '["log","stream","time"]' ]
		[ "$(logs <<<"$output")" = "$(raw 1 2)" ]
	done
	run -0 bash -c 'cat a.log | logtail'
	[ "$(logs <<<"$output")" = "$(raw 1 2)" ]
	run -0 bash -c 'printf "a\nb" | logtail - a.log'
	[ "$(logs <<<"$output" | tr '\n' ' ')" = "a b line 1 line 2 " ]
}

@test "standard output closed early ends it quietly" {
	raw 1 200000 >a.log
	run -0 --separate-stderr bash -c 'logtail a.log | head -n 1 >/dev/null; [ ${PIPESTATUS[0]} -eq 141 ]'
	[ -z "$stderr" ]
	[ -e /dev/full ] || skip "no /dev/full"
	run -1 --separate-stderr bash -c 'logtail a.log >/dev/full'
	[ "$stderr" = "logtail: <stdout>: No space left on device" ]
}

@test "names with quotes, newlines, escapes, UTF-8 and invalid UTF-8 give valid JSON" {
	mkdir d
	for n in 'a"b' $'new\nline' $'esc\e[1m' 'été' $'bad\xff' 'back\slash' '-dash' ' '; do
		cri 1 1 >"d/$n.log"
		printf 'x %q\n' "$n" | sed "s/^/$T:00.1Z stdout F /" >"d/$n.log"
	done
	run -0 --separate-stderr logtail --state=none d
	[ "$(wc -l <<<"$output")" -eq $((8 * 5)) ]
	jq -c . <<<"$output" >/dev/null
	[ "$(records <<<"$output" | jq -r '._src.file' | grep -cxF -e 'd/a"b.log' -e 'd/été.log' -e 'd/back\slash.log' -e 'd/-dash.log')" -eq 4 ]
	run -3 --separate-stderr logtail $'no\nsuch\e.log'
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a name with invalid UTF-8 that goes away is never a gap of another" {
	need logbatch
	mkdir -p $'n/d\xff' n/e
	cri 1 2 >$'n/d\xff/0.log'
	printf '%s:09Z stdout P part\n' $T >>$'n/d\xff/0.log'
	cri 3 4 >n/e/0.log
	sweep n
	holds 1 4
	again -x '*/d*' n
	[ "$tail" -eq 0 ]
	again n
	holds 1 4
}

@test "--max-line outside of 1K to 2M is a usage error" {
	for v in 1 1023 3M; do run -2 --separate-stderr logtail --max-line=$v /dev/null; done
}

### the ledger

@test "a ledger that is not ours, or newer than we are, is refused and not touched" {
	cri 1 1 >a.log
	mkdir S
	for text in '{"version":1}' '{"format":"logsweep-ledger-2","sha256":"' '' 'x'; do
		printf '%s' "$text" >S/ledger.json
		run -1 --separate-stderr logtail --state=S a.log
		[ -z "$output" ]
		[[ $stderr == "logtail: S/ledger.json: "* ]]
		[ "$(cat S/ledger.json)" = "$text" ]
		[ "$(ls S)" = ledger.json ]
	done
}

@test "a damaged ledger with a good copy: the copy is used, told, status 3" {
	need logbatch
	cri 1 2 >a.log
	sweep a.log
	cri 3 3 >>a.log
	truncate -s 100 S/ledger.json
	sweep a.log
	[ "$tail" -eq 3 ]
	[ "$(cat told)" = "logtail: S: ledger.json is damaged; its copy is used" ]
	[ "$(logs rec)" = "line 3" ]
	holds 1 3
	again a.log
	[ "$tail" -eq 0 ]
	truncate -s 0 S/ledger.json S/ledger.copy.json
	run -1 --separate-stderr logtail --state=S a.log
	[ -z "$output" ]
}

@test "a state directory that is not there yet is an empty ledger; none is made" {
	cri 1 1 >a.log
	run -0 logtail --state=no/such/dir a.log
	[ "$(logs <<<"$output")" = "line 1" ]
	[ ! -e no ]
	LOGSWEEP_STATE=S run -0 logtail a.log
	[ "$(records <<<"$output" | jq ._src.gen)" -eq 0 ]
}

@test "a state directory that may not be read is no permission, status 77" {
	need logbatch
	cri 1 1 >a.log
	chmod 755 .
	chmod 644 a.log
	sweep a.log
	chmod 700 S
	as_nobody logtail --state=S a.log
	[ "$status" -eq 77 ]
	[ -z "$output" ]
}

### each line once: with logbatch

@test "a second sweep finds nothing; a third finds what was appended" {
	need logbatch
	mkdir d
	cri 1 10 >d/a.log
	docker 11 20 stderr >d/b.log
	raw 21 30 >d/c.log
	cri 31 40 | gzip >d/a.log.1.gz
	sweep d
	holds 1 40
	again d
	[ "$(jq -s 'last | .unchanged' stats)" -eq 4 ]
	raw 41 41 >>d/c.log
	docker 42 42 >>d/b.log
	sweep d
	[ "$(records rec | wc -l)" -eq 2 ]
	holds 1 42
	again d
}

@test "a file growing through many sweeps is archived once" {
	need logbatch
	for f in cri docker raw; do
		rm -rf S
		: >a.log
		for i in 1 2 3 4 5 6; do
			$f $((i * 50 - 49)) $((i * 50)) >>a.log
			printf '%s' "$($f $((i * 50 + 1)) $((i * 50 + 1)))" | head -c 9 >tail
			cat a.log tail >b.log
			sweep b.log
			holds 1 $((i * 50))
		done
	done
}

@test "rotation by rename between sweeps, then gzip at the next one, resumes inside the .gz" {
	need logbatch
	mkdir d
	cri 1 10 >d/0.log
	sweep d/0.log
	cri 11 20 >>d/0.log
	mv d/0.log d/0.log.20261122-130000
	cri 21 30 >d/0.log
	sweep d/0.log
	holds 1 30
	again d/0.log
	# lines that came after the rename (the runtime had not reopened yet), seen only in the .gz
	cri 31 33 >>d/0.log.20261122-130000
	gzip d/0.log.20261122-130000
	mv d/0.log d/0.log.20261122-140000
	cri 34 40 >d/0.log
	sweep d/0.log
	[ "$(logs rec | tr '\n' ' ')" = "$(raw 31 40 | tr '\n' ' ')" ]
	holds 1 40
	again d/0.log
	gzip d/0.log.20261122-140000
	again d/0.log
	again d/0.log
	[ "$(jq -s 'last | .unchanged' stats)" -eq 3 ]
}

@test "Docker's renumbering and compression lose and repeat nothing" {
	need logbatch
	docker 1 5 >x-json.log
	sweep x-json.log
	last=5
	for round in 1 2 3 4 5 6; do
		docker $((last + 1)) $((last + 3)) >>x-json.log
		for i in 4 3 2; do [ ! -e x-json.log.$((i - 1)).gz ] || mv x-json.log.$((i - 1)).gz x-json.log.$i.gz; done
		mv x-json.log x-json.log.1
		docker $((last + 4)) $((last + 5)) >x-json.log
		[ $((round % 2)) -eq 0 ] || sweep x-json.log
		gzip x-json.log.1
		sweep x-json.log
		last=$((last + 5))
		holds 1 $last
		[ "$tail" -eq 0 ]
	done
	again x-json.log
}

@test "renumbered plain files that fall off the end are no gap when they were read" {
	need logbatch
	docker 1 5 >x-json.log
	old x-json.log
	sweep x-json.log
	for round in 1 2 3 4 5; do
		rm -f x-json.log.3
		for i in 3 2; do [ ! -e x-json.log.$((i - 1)) ] || mv x-json.log.$((i - 1)) x-json.log.$i; done
		mv x-json.log x-json.log.1
		docker $((round * 5 + 1)) $((round * 5 + 5)) >x-json.log
		old x-json.log
		sweep x-json.log
		[ "$tail" -eq 0 ]
	done
	holds 1 30
	[ "$(jq -s 'map(.possible_gaps) | add' stats)" -eq 0 ]
}

@test "copytruncate: the copy goes on where the file was read to, the file begins anew" {
	need logbatch
	for f in cri docker raw; do
		rm -rf S a.log*
		$f 1 10 >a.log
		sweep a.log
		$f 11 12 >>a.log
		cp a.log a.log.1
		: >a.log
		$f 13 14 >>a.log
		sweep a.log
		holds 1 14
		# once more, and the new content is already longer than the old offset
		$f 15 15 >>a.log
		mv a.log.1 a.log.2
		cp a.log a.log.1
		: >a.log
		$f 16 90 >>a.log
		sweep a.log
		holds 1 90
		again a.log
	done
}

@test "copytruncate seen while the copy is under way, and before the file is cut" {
	need logbatch
	for f in cri raw; do
		rm -rf S a.log*
		$f 1 1000 >a.log
		sweep a.log
		$f 1001 1500 >>a.log
		head -c 5000 a.log >a.log.1
		sweep a.log
		holds 1 1500
		cp a.log a.log.1
		again a.log
		: >a.log
		again a.log
		$f 1501 1502 >a.log
		sweep a.log
		holds 1 1502
		again a.log
	done
}

@test "copytruncate while the file is being read: nothing of the new content is taken for the old" {
	need logbatch
	cri 1 150000 >a.log
	mkfifo f
	logtail --state=S --stats=stats a.log >f &
	{
		read -r line
		echo "$line"
		sleep 0.3 # by now it waits for the pipe
		cp a.log a.log.1
		: >a.log
		cri 150001 150020 >a.log
		cat
	} <f >rec
	wait $!
	[ "$(jq -s 'last | .changed' stats)" -eq 1 ]
	n=$(records rec | wc -l)
	[ "$n" -gt 1000 ] && [ "$n" -lt 150000 ]
	logbatch --state=S --node=n <rec >manifests
	holds 1 "$n"
	sweep a.log
	holds 1 150020
	again a.log
}

@test "a file truncated and begun anew without a copy" {
	need logbatch
	raw 1 10 >a.log
	sweep a.log
	raw 11 12 >a.log
	sweep a.log
	holds 1 12
	again a.log
	# and longer at once than what was read
	raw 13 99 >a.log
	sweep a.log
	holds 1 99
	again a.log
}

@test "inode reuse: a file removed and made again is another file" {
	need logbatch
	cri 1 10 >a.log
	sweep a.log
	inode=$(stat -c %i a.log)
	for i in {1..200}; do
		rm a.log
		cri 11 20 >a.log
		[ "$(stat -c %i a.log)" -ne $inode ] || break
	done
	sweep a.log
	holds 1 20
	again a.log
}

@test "a file replaced by another through rename" {
	need logbatch
	cri 1 10 >a.log
	sweep a.log
	cri 11 15 >new
	mv new a.log
	sweep a.log
	holds 1 15
	again a.log
}

@test "a link moved to another file, and back" {
	need logbatch
	mkdir one two
	cri 1 5 >one/0.log
	cri 6 9 >two/0.log
	ln -s one/0.log x.log
	sweep x.log
	holds 1 5
	ln -sfn two/0.log x.log
	sweep x.log
	holds 1 9
	ln -sfn one/0.log x.log
	again x.log
	cri 10 10 >>one/0.log
	sweep x.log
	holds 1 10
	again one two
}

@test "a file renamed and renamed back is the same file" {
	need logbatch
	raw 1 5 >a.log
	sweep .  -x S
	mv a.log a.log.1
	raw 6 6 >a.log
	sweep . -x S -x rec -x 'told' -x '*told' -x stats -x manifests
	mv a.log.1 b
	mv a.log c
	mv b a.log
	raw 7 7 >>a.log
	sweep a.log
	[ "$(logs rec)" = "line 7" ]
}

@test "files that begin alike are told apart by what follows" {
	need logbatch
	mkdir d
	for n in 1 2 3; do
		{ echo "a banner without a time"; echo "line $n"; } >d/$n.log
	done
	sweep d
	holds 1 3
	again d
	for n in 3 1 2; do echo "line $((n + 3))" >>d/$n.log; done
	sweep d
	holds 1 6
	again d
	mv d/1.log d/x
	mv d/2.log d/1.log
	mv d/x d/2.log
	again d
	for n in 1 2 3; do echo "line $((n + 6))" >>d/$n.log; done
	sweep d
	holds 1 9
}

@test "the shorter of two files of one family of which one begins the other waits" {
	need logbatch
	{ echo banner; raw 1 3; } >a.log.1
	echo banner >a.log
	old a.log.1
	sweep a.log
	[ "$(jq -s 'last | .waiting' stats)" -eq 1 ]
	echo "line 4" >>a.log
	sweep a.log
	holds 1 4
	[ "$(archived | grep -c banner)" -eq 2 ]
	again a.log
}

@test "two containers with equal raw content are both archived, and both go on" {
	need logbatch
	mkdir -p a b
	raw 1 3 >a/0.log
	raw 1 3 >b/0.log
	sweep a b
	[ "$(archived | wc -l)" -eq 6 ]
	again a b
	again b a
	raw 4 4 >>a/0.log
	sweep b a
	raw 4 4 >>b/0.log
	sweep b a
	[ "$(archived | wc -l)" -eq 8 ]
	[ "$(archived | uniq -c | awk '{ print $1 }' | sort -u)" = 2 ]
	again a b
}

@test "a copied tree of CRI logs is archived once, in any order, as it grows" {
	need logbatch
	for order in "node copy" "copy node"; do
		rm -rf S node copy
		mkdir -p node/p
		cri 1 5 | gzip >node/p/0.log.20261122-120000.gz
		cri 6 10 >node/p/0.log
		cp -r node copy
		sweep $order
		holds 1 10
		again $order
		cri 11 12 >>node/p/0.log
		sweep $order
		holds 1 12
		again $order
		[ "$tail" -eq 0 ]
		rm -r node
		again copy
		[ "$tail" -eq 0 ]
	done
}

@test "a log cut short by a crash is not read again" {
	need logbatch
	cri 1 100 >a.log
	sweep a.log
	truncate -s 500 a.log
	again a.log
	again a.log
	holds 1 100
}

@test "thousands of files in one directory are listed a few times, not thousands of times" {
	need strace
	mkdir d
	for i in {1..2000}; do echo "line $i" >d/$i.log; done
	touch -d '1 minute ago' d
	ASAN_OPTIONS=detect_leaks=0 strace -f -c -e trace=getdents64 -o calls logtail d >rec
	[ "$(records rec | wc -l)" -eq 2000 ]
	[ "$(awk '$NF == "getdents64" { print $4 }' calls)" -lt 100 ]
}

@test "a file made while its directory is being read is found by the next sweep at the latest" {
	need logbatch
	mkdir d
	cri 1 2 >d/a.log
	touch -d '1 minute ago' d
	sweep d
	cri 3 4 >d/b.log
	sweep d
	mv d/a.log d/a.log.20261122-130000
	cri 5 6 >d/a.log
	sweep d
	holds 1 6
}

@test "many raw files that begin alike cost no more than many files" {
	need logbatch
	mkdir d
	for i in {1..3000}; do printf 'the same banner\nline %d\n' $i >d/$i.log; done
	[ -z "${UNDER-}" ] || skip "under $UNDER: time is measured"
	timeout 20 logtail --state=S d >rec
	logbatch --state=S --node=n <rec >manifests
	holds 1 3000
	for i in {1..3000}; do printf 'line %d\n' $((i + 3000)) >>d/$i.log; done
	timeout 20 logtail --state=S d >rec
	logbatch --state=S --node=n <rec >manifests
	holds 1 6000
	again d
}

@test "new files that begin as many deleted ones did cost no more than many files" {
	need logbatch
	[ -z "${UNDER-}" ] || skip "under $UNDER: time is measured"
	for kind in raw cri; do
		for set in one two; do
			mkdir d
			seq 1000 | awk -v k=$kind -v t=$T -v s=$set '{
				p = k == "cri" ? t ":00.1Z stdout F " : ""
				printf "%sthe same banner\n%sline %s %04d\n", p, p, s, $1 >"d/" s $1 ".log"
				close("d/" s $1 ".log") }'
			timeout 20 logtail --state=S-$kind d >rec
			[ "$(logs rec | grep -c "^line $set ")" -eq 1000 ]
			[ "$(jq -r ._src.id rec | cut -d/ -f1 | sort -u | wc -l)" -eq 1000 ]
			logbatch --state=S-$kind --node=n <rec >manifests
			logtail --state=S-$kind d >rec
			[ "$(records rec | wc -l)" -eq 0 ]
			rm -r d
		done
	done
}

### gaps

@test "a file deleted before it was read to its end is a gap: told once, by name, status 3" {
	need logbatch
	mkdir -p d/x d/y
	cri 1 5 >d/x/0.log
	printf '%s:09Z stdout P part\n' $T >>d/x/0.log
	cri 6 9 >d/y/0.log
	sweep d
	[ "$tail" -eq 0 ]
	size=$(stat -c %s d/x/0.log)
	end=$(jq 'select(._src.size) | ._src.end' rec | sort -n | head -n 1)
	rm -r d/x
	sweep d
	[ "$tail" -eq 3 ]
	[ "$(records rec | wc -l)" -eq 1 ]
	records rec | jq -e --argjson size $size '._src.file == "d/x/0.log" and ._error.by == "logtail"
		and ._error.gap.size == $size and ._error.gap.from < $size and (._error.gap.last_read | length) > 0'
	grep -q '^logtail: 1 files went before they were read to their end' told
	again d
	[ "$tail" -eq 0 ]
	[ "$(jq -s 'map(.gaps) | add' stats)" -eq 1 ]
	[ "$(find S/outbox -name '*.gz' -exec zcat {} + | jq -c 'select(._error)' | wc -l)" -eq 1 ]
}

@test "a live file that went while another took its name, read up to its end only then, is a gap" {
	need logbatch
	mkdir d
	cri 1 5 >d/0.log
	sweep d
	rm d/0.log
	cri 11 12 >d/0.log
	sweep d
	[ "$tail" -eq 3 ]
	records rec | jq -e 'select(._error) | ._error.gap.from == ._error.gap.size'
	# the first time that is there again after it
	records rec | jq -e --arg t "$T:00.000000011Z" 'select(._error) | ._error.gap.first_after == $t'
	again d
	[ "$tail" -eq 0 ]
}

@test "a file that vanished just at its cursor is a possible gap: counted only" {
	need logbatch
	mkdir -p d/x d/y
	cri 1 5 >d/x/0.log
	cri 6 9 >d/y/0.log
	sweep d
	rm -r d/x
	sweep d
	[ "$tail" -eq 0 ]
	[ -z "$(records rec)" ]
	[ "$(jq -s 'last | [.gaps, .possible_gaps]' -c stats)" = "[0,1]" ]
	again d
	[ "$(jq -s 'last | .possible_gaps' stats)" -eq 0 ]
	[ "$(jq '.files | length' S/ledger.json)" -eq 2 ]
}

@test "nobody is judged gone outside of the operands, or when nothing could be listed" {
	need logbatch
	mkdir -p d/x d/y
	cri 1 5 >d/x/0.log
	printf '%s:09Z stdout P part\n' $T >>d/x/0.log
	cri 6 9 >d/y/0.log
	sweep d
	mv d/x kept
	again d/y
	[ "$tail" -eq 0 ]
	mv d away
	tail=0
	logtail --state=S d >rec 2>told || tail=$?
	[ ! -s rec ]
	mkdir e
	cri 11 12 >e/0.log
	sweep d e
	[ "$tail" -eq 3 ]
	[ "$(logs rec)" = "$(raw 11 12)" ]
	mv away d
	mv kept d/x
	again d
	[ "$tail" -eq 0 ]
}

@test "files behind a link that leads nowhere are not judged gone: it may be a mount" {
	need logbatch
	mkdir c p q
	cri 1 5 >p/0.log
	printf '%s:09Z stdout P part\n' $T >>p/0.log
	cri 6 9 >q/0.log
	ln -s ../p/0.log c/p.log
	ln -s ../q/0.log c/q.log
	sweep c
	mv p unmounted
	sweep c
	[ "$tail" -eq 0 ]
	mv unmounted p
	again c
	rm -r p c/p.log
	sweep c
	[ "$tail" -eq 3 ]
	again c
}

@test "a file that is only left out this time, or moved within its directory, is not gone" {
	need logbatch
	mkdir d
	cri 1 5 >d/a.log
	printf '%s:09Z stdout P part\n' $T >>d/a.log
	cri 6 9 >d/b.log
	sweep d
	again -x 'a*' d
	[ "$tail" -eq 0 ]
	mv d/a.log d/elsewhere
	again -x elsewhere d
	[ "$tail" -eq 0 ]
}

### whole trees

@test "the archive of a tree is what the oracle says, seeds and options alike" {
	need nodetree
	need python3
	for o in --seed=1 "--seed=2 --odd" "--seed=3 --odd --format=docker --gz=no --split=5" \
		"--seed=4 --odd --format=cri --split=5 --stderr=40" "--seed=5 --containers=3 --hours=9"; do
		rm -rf n
		nodetree --bytes=600K $o n >report
		for d in n/var/log n/var/log/pods n/var/log/containers; do
			logtail --stats=stats $d | python3 "$oracle" $d >said || { cat said; false; }
			balanced stats
			jq -se --slurpfile r said 'last | .out + .rejected == $r[0].records and .in == $r[0].used' stats
		done
		[ "$(jq .records said)" -eq "$(jq -s 'map(select(.total)) | .[0].total.records' report)" ]
	done
}

@test "a small tree in the shape of a real node is what the oracle says" {
	need python3
	python3 "$BATS_TEST_DIRNAME/data/node/make.py" node
	logtail --stats=stats node/var/log | python3 "$oracle" node/var/log >said || { cat said; false; }
	balanced stats
	[ "$(jq -s 'last | .in + .held' stats)" -eq "$(find node/var/log/pods -type f \( -name '*.gz' -exec zcat {} + -o -exec cat {} + \) | wc -l)" ]
	logtail node/var/log/containers/*.log | python3 "$oracle" node/var/log/containers
}

@test "a tree through logbatch and s3put: every record once, then nothing, then what was appended" {
	need nodetree
	need s3put
	nodetree --seed=7 --odd n >report
	pass() {
		logtail --state=S n/var/log/containers/*.log | logbatch --state=S | s3put --state=S "file://$PWD/arch" >/dev/null
	}
	count() { find arch -name '*.gz' -exec zcat {} + | wc -l; }
	pass
	[ "$(count)" -eq "$(jq -s 'map(select(.total)) | .[0].total.records' report)" ]
	sum=$(find arch -type f -exec sha256sum {} + | sort | sha256sum)
	pass
	[ "$sum" = "$(find arch -type f -exec sha256sum {} + | sort | sha256sum)" ]
	[ -z "$(ls S/outbox)" ]
	nodetree --seed=7 --odd --append=20 n >more
	pass
	[ "$(count)" -eq $(($(jq -s 'map(select(.total)) | .[0].total.records' report) + $(jq -s 'map(select(.total)) | .[0].total.records' more))) ]
	find arch -name '*.gz' -exec zcat {} + | jq -r .log | grep -oE 'seq"?[=:] ?[0-9]+' | wc -l >seqs
}

@test "a hole of NULs that copytruncate left at the beginning is skipped and counted" {
	printf 'a1 first\na2\n' >a.log
	logtail --state=S a.log | logbatch --state=S >/dev/null
	truncate -s 0 a.log
	printf 'b1 after\nb2\n' | dd of=a.log bs=1 seek=70000 conv=notrunc status=none
	logtail --state=S --stats=stats a.log >out || [ $? -eq 3 ]
	[ "$(jq -r 'select(.log and (._error | not)) | .log' out)" = "$(printf 'b1 after\nb2')" ]
	[ "$(jq .nul_bytes stats)" -eq 70000 ]
	! grep -q _part out
	logbatch --state=S out >/dev/null
	printf 'b3\n' >>a.log
	gzip a.log
	mv a.log.gz a.log.1.gz
	: >a.log
	run -0 logtail --state=S a.log
	[ "$(jq -r 'select(.log) | .log' <<<"$output")" = b3 ]
}

@test "holes of terabytes are passed over, not read, also by --list; what is behind them is" {
	mkdir d e
	truncate -s 15T d/hole.log d/old.log.1
	touch -d '1 hour ago' d/hole.log d/old.log.1
	run -0 timeout 60 logtail d
	[ "$(jq -r 'select(.log)' <<<"$output")" = "" ]
	run -0 timeout 60 logtail --state=S d
	run -0 timeout 60 logtail --state=S --list d
	printf 'a first line\nits se' >e/a.log
	truncate -s 15T e/a.log
	timeout 60 logtail --state=T e | logbatch --state=T >got
	for n in 1 2; do
		run -0 timeout 60 logtail --state=T e
		[ "$(jq -r 'select(.log)' <<<"$output")" = "" ]
	done
	printf 'behind it\n' >>e/a.log
	timeout 60 logtail --state=T --stats=stats e >out
	[ "$(jq -r "select(.log).log" out)" = "$(printf "its se\nbehind it")" ]
	[ "$(jq .nul_bytes stats)" -eq $(((15 << 40) - 19)) ]
	! grep -q _part out
	logbatch --state=T out >/dev/null
	printf 'and on\n' >>e/a.log
	run -0 timeout 60 logtail --state=T e
	[ "$(jq -r 'select(.log).log' <<<"$output")" = "and on" ]
}

@test "a hole at the end of a file that is whole is passed over once, and then done" {
	printf '2026-01-02T03:04:05Z stdout F one\n2026-01-02T03:04:06Z stdo' >a.log.1
	truncate -s 15T a.log.1
	touch -d '1 hour ago' a.log.1
	echo '2026-01-02T03:04:07Z stdout F two' >a.log
	timeout 60 logtail --state=S a.log >out || [ $? -eq 3 ]
	[ "$(jq -r 'select(.log and (._error | not)).log' out)" = "$(printf 'one\ntwo')" ]
	[ "$(jq -r 'select(._error).log' out)" = "2026-01-02T03:04:06Z stdo" ]
	logbatch --state=S out >/dev/null
	run -0 timeout 60 logtail --state=S a.log
	[ "$(jq -r 'select(.log)' <<<"$output")" = "" ]
}

@test "NULs alone wait for what comes after them" {
	head -c 5000 /dev/zero >a.log
	run -0 logtail --state=S a.log
	[ -z "$output" ]
	printf 'then a line\n' >>a.log
	run -0 logtail --state=S a.log
	[ "$(jq -r 'select(.log) | .log' <<<"$output")" = "then a line" ]
}

@test "--list tells size, committed offset and lag, and reads nothing else" {
	printf '%s\n' '2026-11-22T13:00:00Z stdout F one' '2026-11-22T13:00:01Z stderr F two' >0.log
	: >empty.log
	printf 'no end' >young.log
	run -0 logtail --state=S --list 0.log empty.log young.log
	[ "$(jq -r .state <<<"$output" | paste -sd ' ')" = "new empty waiting" ]
	logtail --state=S 0.log | logbatch --state=S >/dev/null
	echo '2026-11-22T13:00:02Z stdout F three' >>0.log
	run -0 logtail --state=S --list 0.log
	[ "$(jq -c '[.state, .format, .committed, .size, .lag, .live]' <<<"$output")" = \
		'["behind","cri",68,104,36,true]' ]
	[ ! -e S/tmp/x ]
}

@test "-f reads what is written, new files, and across a rotation, and ends whole at SIGTERM" {
	mkdir d
	printf '2026-11-22T13:00:00Z stdout F one\n' >d/0.log
	logtail -f d >out &
	pid=$!
	wait_for() { for _ in {1..100}; do grep -q "$1" out && return; sleep 0.1; done; return 1; }
	wait_for one
	printf '2026-11-22T13:00:01Z stdout F two\n' >>d/0.log
	mv d/0.log d/0.log.20261122-130001
	printf '2026-11-22T13:00:02Z stdout F three\n' >d/0.log
	printf '2026-11-22T13:00:03Z stdout F other\n' >d/1.log
	wait_for two && wait_for three && wait_for other
	kill -TERM $pid
	local ended=0
	wait $pid || ended=$?
	[ $ended -eq 143 ]
	[ "$(jq -r 'select(.log) | .log' out | sort | paste -sd ' ')" = "one other three two" ]
	jq -e . out >/dev/null
}

@test "the ledger forgets what is gone: it does not grow with the files that come and go" {
	for day in {1..6}; do
		rm -rf pods
		for pod in {1..40}; do
			mkdir -p "pods/shop_web-$day-$pod/app"
			echo "2026-11-2${day}T13:00:00.$pod$day$RANDOM""Z stdout F $day $pod" \
				>"pods/shop_web-$day-$pod/app/0.log"
		done
		logtail --state=S pods | logbatch --state=S >/dev/null
		jq '.files | length' S/ledger.json >>sizes
	done
	logtail --state=S pods | logbatch --state=S >/dev/null
	[ "$(jq '.files | length' S/ledger.json)" -eq 80 ]
	[ "$(sort -rn sizes | head -n 1)" -le 160 ]
}

@test "--since leaves out what is before, --until ends before what is after; the ledger knows" {
	for m in {10..19}; do echo "2026-11-22T13:$m:00Z stdout F minute $m"; done >0.log
	logtail --state=S --since=2026-11-22T13:13:00Z --until=2026-11-22T13:16:00Z --stats=st 0.log >out
	[ "$(jq -r 'select(.log) | .log' out | paste -sd ,)" = "minute 13,minute 14,minute 15" ]
	[ "$(jq -c '[.in, .out, .filtered]' st)" = "[6,3,3]" ]
	logbatch --state=S out >/dev/null
	run -0 logtail --state=S 0.log
	[ "$(jq -r 'select(.log) | .log' <<<"$output" | paste -sd ,)" = \
		"minute 16,minute 17,minute 18,minute 19" ]
	run -2 logtail --since=yesterday 0.log
	[[ $output == *"--since: yesterday: not a time"* ]]
}

@test "--since goes by the first part of a split line, and by zones" {
	printf '%s\n' '2026-11-22T21:00:00+08:00 stdout P one ' '2026-11-22T13:10:00Z stdout F two' \
		'2026-11-22T21:20:00+08:00 stdout F three' >0.log
	run -0 logtail --since=2026-11-22T13:05:00Z 0.log
	[ "$(jq -r 'select(.log) | .log' <<<"$output")" = three ]
	run -0 logtail --until=2026-11-22T13:05:00Z 0.log
	[ "$(jq -r 'select(.log) | .log' <<<"$output")" = "one two" ]
}

@test "files that are older than --since or --ignore-older are passed over unread" {
	echo '2026-11-22T13:00:00Z stdout F old' | gzip >0.log.20261122-130000.gz
	touch -d '3 hours ago' 0.log.20261122-130000.gz
	echo '2026-11-22T13:00:00Z stdout F new' >0.log
	run -0 logtail --ignore-older=2h 0.log
	[ "$(jq -r 'select(.log) | .log' <<<"$output")" = new ]
	run -0 logtail --since=2h --stats=st 0.log
	[ "$(jq .older st)" -eq 1 ]
	# Docker says in the header when the last line was
	python3 - <<-'END'
	import gzip, struct, zlib
	log = b'{"log":"packed\\n","stream":"stdout","time":"2026-11-22T10:00:00Z"}\n'
	extra = b'{"lastTime":"2026-11-22T10:00:00Z"}'
	z = zlib.compressobj(6, zlib.DEFLATED, -15)
	body = z.compress(log) + z.flush()
	open("x-json.log.1.gz", "wb").write(b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" +
	    struct.pack("<H", len(extra)) + extra + body +
	    struct.pack("<II", zlib.crc32(log), len(log)))
	END
	rm st
	run -0 logtail --since=2026-11-22T11:00:00Z --stats=st x-json.log.1.gz
	[ -z "$output" ] && [ "$(jq .older st)" -eq 1 ]
	run -0 logtail --since=2026-11-22T09:00:00Z x-json.log.1.gz
	[ "$(jq -r 'select(.log) | .log' <<<"$output")" = packed ]
}

@test "a clock that was set back delays what is final, and loses and repeats nothing" {
	printf '2026-11-22T13:00:00Z stdout F one\n2026-11-22T13:00:01Z stdout F no end' \
		>0.log.20261122-130002
	echo '2026-11-22T13:00:03Z stdout F two' >0.log
	touch -d '+2 hours' 0.log.20261122-130002 0.log # as seen after the clock went back
	logtail --state=S 0.log >out
	[ "$(jq -r 'select(.log) | .log' out | paste -sd ,)" = one,two ]
	logbatch --state=S out >/dev/null
	run -0 logtail --state=S 0.log
	[ "$(jq -c 'select(.log)' <<<"$output")" = "" ]
	touch -d '-1 hour' 0.log.20261122-130002
	run -0 logtail --state=S 0.log
	[ "$(jq -r 'select(.log) | .log' <<<"$output")" = "no end" ]
}

@test "--commit moves the cursors of logtail's own ledger, and refuses logbatch's" {
	echo '2026-11-22T13:00:00Z stdout F one' >0.log
	run -0 logtail --state=T --commit 0.log
	[ "$(jq -r 'select(.log) | .log' <<<"$output")" = one ]
	run -0 logtail --state=T --commit 0.log
	[ -z "$output" ]
	echo '2026-11-22T13:00:01Z stdout F two' >>0.log
	logtail --state=T --commit 0.log | grep -q '"log":"two"'
	mv 0.log 0.log.20261122-130002
	gzip 0.log.20261122-130002
	echo '2026-11-22T13:00:03Z stdout F three' >0.log
	logtail --state=T --commit 0.log | jq -r 'select(.log) | .log' | grep -qx three
	[ -z "$(logtail --state=T --commit 0.log)" ]
	logtail --state=S 0.log | logbatch --state=S >/dev/null
	cp S/ledger.json before
	run -2 logtail --state=S --commit 0.log
	[[ $output == *"the ledger is logbatch's"* ]]
	cmp before S/ledger.json
	run -2 logtail --commit 0.log
}

@test "--commit commits nothing when the output fails" {
	echo '2026-11-22T13:00:00Z stdout F one' >0.log
	logtail --state=T --commit 0.log >/dev/full 2>err && false
	[ ! -e T/ledger.json ]
	logtail --state=T --commit 0.log | grep -q one
}

@test "copytruncate while the file is read: what was read is right, the rest is left to the next sweep" {
	seq -f 'a %.0f of the first' 200000 >a.log
	mkfifo p
	logtail --state=S --stats=st a.log >p &
	{
		IFS= read -r first # logtail now waits on the pipe, within the file
		sleep 0.3
		cp a.log a.log.1
		seq -f 'b %.0f, written after it was truncated' 200000 >a.log
		printf '%s\n' "$first"
		cat
	} <p >out
	wait
	[ "$(jq .changed st)" -eq 1 ]
	! grep -q '"log":"b ' out
	logbatch --state=S out >m
	touch -d '-1 hour' a.log.1
	logtail --state=S a.log | logbatch --state=S >m
	jq -r .path m | xargs zcat | jq -r .log | sort >got
	sort a.log.1 a.log | cmp - got
}
