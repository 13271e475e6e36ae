bats_require_minimum_version 1.5.0

# logbatch on streams written by hand, as logtail and filters would write them.  What is cut,
# killed or fails is driven by a small program (sim) that plays logtail's part: it makes the
# stream from what the ledger says, and counts what is archived.

top=$BATS_TEST_DIRNAME/..

setup_file() {
	sim >"$BATS_FILE_TMPDIR/sim.py"
	# the fault build, of this program only
	env -u MAKEFLAGS -u MAKELEVEL -u B make -s -j2 -C "$top" build/faults/logbatch B=build/faults \
		CFLAGS='-O1 -g -DLOGSWEEP_FAULTS' >"$BATS_FILE_TMPDIR/make.log" 2>&1 || {
		cat "$BATS_FILE_TMPDIR/make.log" >&2
		return 1
	}
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for v in $(compgen -e | grep ^LOGSWEEP_); do unset "$v"; done
	export LOGSWEEP_NODE=n
	f=/var/log/containers/a_b_c.log
}

teardown() {
	[ ! -d disk ] || umount disk 2>/dev/null || true
}

# ---- helpers ----

# src LETTER END [GEN [MORE]]: the member `_src` of a source that is named by a hex digit
src() {
	printf '"_src":{"file":"%s","id":"000000000000000%s/o","gen":%s,"end":%s%s}' "$f" "$1" "${3:-0}" "$2" "${4:-}"
}
mark() { printf '{%s}\n' "$(src "$@")"; }
closing() { mark "$1" "$2" "${3:-0}" ',"at":'"$2"',"sum":"00000000000000aa","size":'"$2"',"stat":"1:2:3:4","dir":"/d","live":true'; }
# rec LETTER END TIME TEXT [GEN]
rec() { printf '{%s,"time":"%s","stream":"stdout","log":"%s"}\n' "$(src "$1" "$2" "${5:-0}")" "$3" "$4"; }

t=2026-11-22T13:00:00Z

# file LETTER N [GEN]: a whole file of N records in one hour
file() {
	local i
	mark "$1" 0 "${3:-0}"
	for ((i = 1; i <= $2; i++)); do rec "$1" $((i * 10)) $t "$1$i" "${3:-0}"; done
	closing "$1" $(($2 * 10)) "${3:-0}"
}

# noisy LETTER N BYTES GEN: the same, texts that do not compress, a mark every 100
noisy() {
	python3 - "$f" "$@" <<-'E'
		import random, base64, sys
		f, id, n, size, gen = sys.argv[1], '000000000000000%s/o' % sys.argv[2], *map(int, sys.argv[3:])
		def src(end, more=''): return '"_src":{"file":"%s","id":"%s","gen":%d,"end":%d%s}' % (f, id, gen, end, more)
		print('{%s}' % src(0))
		for i in range(1, n + 1):
		    text = base64.b64encode(random.Random(i).randbytes(size)).decode()
		    print('{%s,"time":"2026-11-22T13:00:00Z","log":"%d %s"}' % (src(i * 10), i, text))
		    if i % 100 == 0 or i == n: print('{%s}' % src(i * 10, ',"at":%d,"sum":"00000000000000aa"' % (i * 10)))
	E
}

# the hour of each object that the ledger of S lists, and what is in it
objects() {
	jq -r '.batches[] | "\(.manifest.key) \(.name)"' "${1:-S}/ledger.json" | while read -r key name; do
		printf '%s: %s\n' "$(sed 's/year=\|month=\|day=\|hour=//g; s:/n-[0-9a-f]*\.ndjson\.gz::' <<<"$key")" \
			"$(gzip -dc "${1:-S}/outbox/$name" | jq -r .log | paste -sd' ')"
	done
}
# every line archived
lines() { jq -r '.batches[].name' "${1:-S}/ledger.json" | while read -r n; do gzip -dc "${1:-S}/outbox/$n"; done; }
cursor() { jq -r --arg i "000000000000000$1/o" '.files[] | select(.id == $i) | .end' "${2:-S}/ledger.json"; }
gen() { jq .gen "${1:-S}/ledger.json"; }
tree() { find "$1" -type f -exec sha256sum {} + | sort; }
stats() { jq -c "$1" <<<"$stderr"; }

# ---- hours ----

@test "records go to the hour of their own time: late, a year old, of other zones" {
	{
		mark a 0
		rec a 10 2026-11-22T13:59:59.999999999Z last
		rec a 20 2026-11-22T14:00:00Z first
		rec a 30 2026-11-22T13:00:00.000000001Z late
		rec a 40 2025-11-22T13:30:00Z year
		rec a 50 2026-11-22T22:30:00.5+08:00 zone
		rec a 60 2026-11-22T19:29:00+05:30 half
		rec a 70 2024-02-29T23:59:59Z leapday
		rec a 80 2016-12-31T23:59:60Z leapsecond
		rec a 90 2016-12-31T23:59:59Z after
		closing a 90
	} >in
	run -0 --separate-stderr logbatch --state=S in
	objects >got
	cat >want <<-E
		2016/12/31/23: after
		2017/01/01/00: leapsecond
		2024/02/29/23: leapday
		2025/11/22/13: year
		2026/11/22/13: last late half
		2026/11/22/14: first zone
	E
	cat got && sort got | diff want -
}

@test "a record without a time goes with the one before it in its file, else to 1970" {
	{
		mark a 0
		mark b 0
		printf '{%s,"log":"none"}\n' "$(src a 10)"
		rec a 20 2026-11-22T13:00:00Z one
		rec b 10 2026-11-22T15:00:00Z other
		printf '{%s,"log":"with one"}\n' "$(src a 30)"
		printf '{%s,"time":"yesterday","log":"also"}\n' "$(src a 40)"
		printf '{%s,"time":1234,"log":"too"}\n' "$(src a 50)"
		closing a 50
		closing b 10
	} >in
	run -0 --separate-stderr logbatch --state=S --stats in
	[ "$(objects | sort)" = "1970/01/01/00: none
2026/11/22/13: one with one also too
2026/11/22/15: other" ]
	[ "$(stats '[.in,.out,.untimed]')" = "[6,6,4]" ]
}

@test "_error records and lines that are no records go under _errors/ to the hour before them; exit 3" {
	{
		mark a 0
		rec a 10 2026-11-22T13:00:00Z one
		printf '{%s,"time":"2026-11-22T14:00:00Z","log":"bad","_error":{"by":"x","why":"y"}}\n' "$(src a 20)"
		rec a 30 2026-11-22T14:00:01Z two
		printf '{%s,"time":"2026-11-22T14:00:02Z","log":"no error","x":{"_error":1}}\n' "$(src a 40)"
		printf 'oops \\ "\t\001\n{"log":"cut"\n[1]\n{"a":1}{"b":2}\n'
		closing a 40
	} >in
	run -3 --separate-stderr logbatch --state=S --stats in
	[[ $stderr == *"in:6: not a JSON object; set aside as an _error record"* ]]
	objects >got
	[ "$(grep -v _errors got)" = "2026/11/22/13: one
2026/11/22/14: two no error" ]
	[ "$(grep -c _errors got)" -eq 1 ]
	lines | jq -c 'select(has("_error")) | .log' >got
	diff got - <<-'E'
		"bad"
		"oops \\ \"\t\u0001"
		"{\"log\":\"cut\""
		"[1]"
		"{\"a\":1}{\"b\":2}"
	E
	[ "$(tail -n 1 <<<"$stderr" | jq -c '[.in,.out,.rejected,.filtered,.errors]')" = "[8,4,4,0,1]" ]
}

# ---- bytes ----

@test "_src is taken out wherever it stands, and every other byte stays" {
	s=$(src a 10)
	printf '{%s,"a":1.10,"b":9223372036854775808,"c":1e400}\n{ "a" : "\\u00e9\\/" , %s , "b":[ ] }\n{"a":{"_src":1},"a":2 , %s}\n{"a":"\xc3\xa9\xff"  }  \n{}\n' \
		"$s" "$s" "$s" >in
	run -0 logbatch --state=S in
	lines >got
	printf '{"a":1.10,"b":9223372036854775808,"c":1e400}\n{ "a" : "\\u00e9\\/"  , "b":[ ] }\n{"a":{"_src":1},"a":2 }\n{"a":"\xc3\xa9\xff"  }  \n{}\n' |
		cmp - got
}

@test "blank lines are skipped, CR before LF and a BOM are taken" {
	printf '\xef\xbb\xbf\r\n  \n{"time":"%s","log":"1"}\r\n\t\n{"time":"%s","log":"2"}\r\n' $t $t >in
	run -0 --separate-stderr logbatch --state=S --stats in
	[ "$(lines | jq -r .log | paste -sd' ')" = "1 2" ]
	lines | od -c | grep -qv '\\r'
	[ "$(stats .in)" = 2 ]
}

@test "records without _src are archived; the same again is the same object, listed once" {
	printf '{"time":"%s","log":"1"}\n' $t >in
	run -0 logbatch --state=S in
	first=$output
	run -0 logbatch --state=S in
	[ "$output" = "$first" ]
	[ "$(jq -c '[(.batches | length), .files]' S/ledger.json)" = '[1,[]]' ]
	echo '{"time":"'$t'","log":"2"}' >>in
	run -0 logbatch --state=S in
	[ "$(jq '.batches | length' S/ledger.json)" = 2 ]
}

@test "a line over 16 MiB is wrapped in pieces" {
	{
		file a 1
		head -c 20000000 /dev/zero | tr '\0' x
		echo
	} >in
	run -3 --separate-stderr logbatch --state=S --stats in
	[ "$(lines | jq -r 'select(has("_error")) | .log | length' | paste -sd+ | bc)" = 20000000 ]
	head -c 20000000 /dev/zero | tr '\0' '\001' >in
	run -3 logbatch --state=T in
}

# ---- manifests, keys, members ----

@test "a manifest says what the object holds and where from" {
	file a 3 >in
	run -0 --separate-stderr logbatch --state=S in
	name=$(jq -r '.batches[0].name' S/ledger.json)
	jq -c 'del(.key, .path, .sha256, .bytes)' <<<"$output" | diff - <(jq -cn --arg f $f \
		'{records:3,raw_bytes:183,first_time:"2026-11-22T13:00:00Z",last_time:"2026-11-22T13:00:00Z",node:"n",
		sources:[{file:$f,id:"000000000000000a/o",from:0,to:30}]}')
	[ "$(jq -r .path <<<"$output")" = "S/outbox/$name" ]
	[ "$(jq -r .sha256 <<<"$output")" = "$(sha256sum <"S/outbox/$name" | cut -d' ' -f1)" ]
	[ "$(jq -r .bytes <<<"$output")" = "$(stat -c %s "S/outbox/$name")" ]
	[ "$(jq -r .key <<<"$output")" = "year=2026/month=11/day=22/hour=13/n-$name" ]
}

@test "an object is one gzip member, at every level" {
	seq 100000 | awk -v t=$t '{ printf "{\"time\":\"%s\",\"log\":\"%d %d\"}\n", t, $1, rand() * 1e6 }' >in
	for level in fast 1 6 9; do
		logbatch --state=S$level --gzip=$level in >m
		o=$(jq -r .path m)
		gzip -t "$o"
		gzip -dc "$o" | cmp - in
		python3 - "$o" in <<-'E'
			import sys, zlib
			d = zlib.decompressobj(31)
			got = d.decompress(open(sys.argv[1], 'rb').read())
			assert d.eof and d.unused_data == b'' and got == open(sys.argv[2], 'rb').read()
		E
		[ "$(gzip -l "$o" | awk 'NR == 2 { print $2 }')" -eq "$(stat -c %s in)" ]
	done
}

@test "the same records give the same key and bytes, of another place or node another key" {
	file a 100 >in
	logbatch --out=A in | jq -r .key >ka
	logbatch --out=B in | jq -r .key >kb
	cmp ka kb
	diff -r A B
	file b 100 | sed 's/"b/"a/g; s/000b/000c/' >in2
	logbatch --out=A in2 | jq -r .key >kb
	! cmp -s ka kb
	[ "$(logbatch --out=A --node=m in | jq -r .key | sed 's/m-/n-/')" != "$(cat ka)" ]
}

@test "--key: a template of one's own; bad ones are usage errors before anything is done" {
	file a 1 >in
	run -0 --separate-stderr logbatch --state=S --node='a/../b c' --key='logs/%Y%m%d/%H-%j/{node}/{id}.gz' in
	[[ $(jq -r .key <<<"$output") =~ ^logs/20261122/13-326/a%2F..%2Fb%20c/[0-9a-f]{16}\.gz$ ]]
	for k in x '{id}/' '../{id}' '/{id}' 'a//{id}' '%M{id}' '{.pod}{id}' '{id}{id}' '' '_errors/{id}' '%{path}{id}'; do
		run -2 --separate-stderr logbatch --state=T --key="$k" in
		[[ $stderr == "logbatch: --key: "* ]]
	done
	run -2 logbatch --state=T --out=U in
	run -2 logbatch in
	run -2 logbatch --state=T --gzip=0 in
	run -2 logbatch --state=T --gzip=10 in
	run -2 logbatch --state=T --max-size=0 in
	[ ! -e T ]
}

@test "--max-size begins another object at a record's end, each one member" {
	noisy a 5000 900 0 >in
	run -0 --separate-stderr logbatch --state=S --max-size=500K in
	[ "${#lines[@]}" -gt 3 ]
	for o in S/outbox/*; do
		gzip -t "$o"
		gzip -dc "$o" | tail -c 1 | cmp - <(echo)
		[ "$(stat -c %s "$o")" -lt 1200000 ]
	done
	[ "$(lines | jq -r .log | cut -d' ' -f1 | sort -n | paste -sd' ')" = "$(seq 1 5000 | paste -sd' ')" ]
	# their sources follow each other
	jq -s -e 'map(.sources[0]) | sort_by(.from) | [.[1:], .[:-1]] | transpose | all(.[0].from == .[1].to)' <<<"$output"
}

# ---- positions ----

@test "records of one end are committed together or not at all" {
	{
		mark a 0
		rec a 10 $t one
		rec a 20 $t two/1
		rec a 20 $t two/2
	} >in
	run -0 --separate-stderr logbatch -v --state=S in
	[[ $stderr == *"3 records at the end were not marked done"* ]]
	[ "$(jq -c '[.gen,.files,.batches]' S/ledger.json)" = "[0,[],[]]" ]
	mark a 20 >>in
	logbatch --state=S in
	[ "$(lines | jq -r .log | paste -sd' ')" = "one two/1 two/2" ] && [ "$(cursor a)" = 20 ]
}

@test "of a filter that drops all marks, all that came is committed" {
	{ rec a 10 $t one && rec a 20 $t two && rec b 5 $t three; } >in
	run -0 logbatch --state=S in
	[ "$(cursor a) $(cursor b)" = "20 5" ]
	[ "$(lines | jq -r .log | paste -sd' ')" = "one two three" ]
}

@test "a last line that was cut off is dropped, told, and what was marked is committed: exit 1" {
	{ file a 3 && rec b 10 $t x; } >whole
	n=$(file a 3 | wc -c)
	for extra in 1 30 60 76 77 78 100; do
		rm -rf S
		run -1 --separate-stderr bash -c "head -c $((n + extra)) whole | logbatch --state=S --stats"
		[[ $stderr == *"cut off"* ]]
		[ "$(cursor a)" = 30 ] && [ "$(lines | wc -l)" = 3 ]
		[ "$(tail -n 1 <<<"$stderr" | jq -c '[.in,.out,.rejected,.filtered]')" = "[4,3,0,1]" ]
	done
	head -c -1 whole >nolf
	rm -rf S
	run -0 bash -c "cat nolf | logbatch --state=S"
	[ "$(cursor a) $(cursor b)" = "30 10" ]
}

@test "an end that goes back: exit 1, nothing is committed" {
	{ file a 3 && rec a 20 $t again; } >in
	run -1 --separate-stderr logbatch --state=S in
	[[ $stderr == *"$f: position 20 after 30"* ]]
	[ "$(jq -c '[.gen,.files,.batches]' S/ledger.json)" = "[0,[],[]]" ]
	[ -z "$(ls S/outbox S/tmp | grep -v :)" ]
}

@test "what a ledger could not hold is set aside: ids and names that are not logtail's" {
	{
		file a 2
		printf '{"_src":{"file":"f","id":"../../x","gen":0,"end":5},"log":"1"}\n'
		printf '{"_src":{"file":"a\\qb","id":"0000000000000001","gen":0,"end":5},"log":"2"}\n'
		printf '{"_src":{"file":"\xff","id":"0000000000000001","gen":0,"end":5},"log":"3"}\n'
		printf '{"_src":{"file":"f","id":"0000000000000001","gen":0,"end":5,"stat":"\\q"}}\n'
		printf '{"_src":{"file":"f","id":"0000000000000001","gen":0,"end":99999999999999999999},"log":"4"}\n'
	} >in
	run -3 --separate-stderr logbatch --state=S in
	[ "$(jq '.files | length' S/ledger.json)" = 1 ]
	[ "$(lines | wc -l)" = 7 ]
	run -0 logbatch --state=S </dev/null
}

@test "the ledger gets what the marks say" {
	file a 3 >in
	logbatch --state=S in
	jq -c '.files[0] | del(.time)' S/ledger.json | diff - <(jq -cn --arg f $f '{id:"000000000000000a/o",end:30,gen:1,at:30,
		sum:"00000000000000aa",size:30,file:$f,dir:"/d",stat:"1:2:3:4",live:true,final:false}')
	mark a 30 1 ',"at":30,"sum":"00000000000000aa","size":30,"stat":"1:2:3:5","dir":"/d","final":true' >in
	logbatch --state=S in
	[ "$(jq -c '.files[0] | [.stat,.live,.final,.gen]' S/ledger.json)" = '["1:2:3:5",false,true,2]' ]
	mark a 30 2 ',"gone":true' >in
	logbatch --state=S in
	[ "$(jq -c '[.gen,.forgot,.files]' S/ledger.json)" = '[3,3,[]]' ]
	run -75 logbatch --state=S in
	mark a 30 3 ',"gone":true' >in
	run -0 logbatch --state=S in
	[ "$(gen)" = 3 ]
}

@test "nothing new: the ledger is not written, and the batches are offered again" {
	file a 3 >in
	logbatch --state=S in >first
	tree S >before
	stat -c '%i %y' S/ledger.json S/ledger.copy.json >>before
	{ mark a 30 1 && closing a 30 1; } >in
	logbatch --state=S in | cmp - first
	logbatch --state=S </dev/null | cmp - first
	{ tree S && stat -c '%i %y' S/ledger.json S/ledger.copy.json; } | diff before -
}

# ---- races and replays ----

@test "the same stream again, or one of an older generation, is refused: 75, nothing done" {
	file a 3 >in
	logbatch --state=S in >/dev/null
	tree S >before
	run -75 --separate-stderr logbatch --state=S --stats in
	[[ $stderr == *"$f: another sweep committed first (generation 1 after 0); nothing is committed"* ]]
	[ "$(tail -n 1 <<<"$stderr" | jq -c '[.in,.out,.rejected,.filtered]')" = "[3,0,0,3]" ]
	tree S | diff before -
	file b 3 1 >in
	logbatch --state=S in >/dev/null
	# another file of an older view is fine
	file c 3 0 >in
	run -0 logbatch --state=S in
	# a generation that never was: the state directory was put back
	file d 3 9 >in
	run -75 logbatch --state=S in
	# the right generation, but from before the cursor
	file a 3 3 >in
	run -75 logbatch --state=S in
	[ "$(lines | jq -r .log | sort | paste -sd' ')" = "a1 a2 a3 b1 b2 b3 c1 c2 c3" ]
}

@test "an id that is unknown, when one was forgotten since: 75" {
	file a 3 >in
	logbatch --state=S in >/dev/null
	mark a 30 1 ',"gone":true' >in
	logbatch --state=S in >/dev/null
	file a 3 1 >in
	run -75 logbatch --state=S in
	file a 3 2 >in
	run -0 logbatch --state=S in
}

@test "an entry of the same first line that changed since: 75" {
	file a 3 >in
	logbatch --state=S in >/dev/null
	file a 3 | sed 's/000a/000a.1/' >in
	run -75 logbatch --state=S in
}

@test "of two sweeps that read before either commits one is refused" {
	mkfifo p1 p2
	file a 3 >in
	logbatch --state=S p1 >o1 2>e1 &
	one=$!
	logbatch --state=S p2 >o2 2>e2 &
	two=$!
	exec 7>p1 8>p2
	cat in >&7
	cat in >&8
	exec 7>&-
	wait $one
	exec 8>&-
	r=0
	wait $two || r=$?
	[ $r -eq 75 ]
	[ "$(lines | wc -l)" = 3 ] && [ "$(gen)" = 1 ]
	[ -z "$(ls S/tmp)" ]
	[ "$(ls S/outbox | wc -l)" = 1 ]
}

# ---- the outbox ----

@test "batches that wait are offered first, also when the run then fails" {
	file a 1 >in
	logbatch --state=S in >one
	file b 1 1 >in
	logbatch --state=S in >two
	head -n 1 two | cmp - one
	[ "$(wc -l <two)" = 2 ]
	echo oops >in
	run -1 --separate-stderr logbatch --state=S --strict in
	cmp two - <<<"$output"
	run -1 --separate-stderr logbatch --state=S in missing
	cmp two - <<<"$output"
}

# past: what waits in an outbox
@test "--max-spool: 75, nothing is read, what waits is offered" {
	file a 1 >in
	logbatch --state=S in >one
	file b 1 1 >in
	run -75 --separate-stderr logbatch --state=S --max-spool=10 in
	cmp one - <<<"$output"
	[[ $stderr == *"nothing is read"* ]]
	[ "$(gen)" = 1 ]
	run -0 logbatch --state=S --max-spool=1M in
}

@test "-n prints manifests and changes nothing" {
	file a 3 >in
	run -0 --separate-stderr logbatch -n --state=S in
	[ ! -e S ]
	[ "$(jq -c '[.records, has("path")]' <<<"$output")" = "[3,false]" ]
	logbatch --state=S in >m
	[ "$(jq -r .key m)" = "$(jq -r .key <<<"$output")" ]
	{ tree S && stat -c '%n %y' S S/*; } >before
	file b 3 1 >in
	run -0 logbatch -n --state=S in
	{ tree S && stat -c '%n %y' S S/*; } | diff before -
	run -0 logbatch -n --out=O in
	[ ! -e O ]
	[ -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'logbatch-*' -newer before)" ]
}

@test "what dead runs left is swept up, what a living run writes is not" {
	file a 1 >in
	logbatch --state=S in >/dev/null
	mkdir -p S/tmp/dead S/tmp/young
	echo x >S/tmp/dead/0.gz
	echo x >S/outbox/orphan.ndjson.gz
	mkfifo p
	logbatch --state=S p >/dev/null &
	pid=$!
	exec 7>p
	for i in $(seq 50); do [ "$(ls S/tmp | wc -l)" -ne 1 ] || break; sleep 0.1; done
	[ "$(ls S/tmp | wc -l)" -eq 1 ] && [ "$(ls S/outbox | wc -l)" -eq 1 ]
	mine=$(ls S/tmp)
	logbatch --state=S </dev/null >/dev/null
	[ -e "S/tmp/$mine/lock" ]
	file b 1 1 >&7
	exec 7>&-
	wait $pid
	[ "$(lines | wc -l)" = 2 ] && [ -z "$(ls S/tmp)" ]
}

# ---- --max-age ----

# until LINES FILE: wait for them, at most 10 s
until_lines() {
	local i
	for i in $(seq 100); do
		[ "$(wc -l <"$2")" -lt "$1" ] || return 0
		sleep 0.1
	done
	return 1
}

@test "--max-age commits while the input goes on; its own commits are no race" {
	mkfifo p
	logbatch --state=S --max-age=300ms p >m &
	pid=$!
	exec 7>p
	file a 3 >&7
	until_lines 1 m
	[ "$(gen) $(cursor a)" = "1 30" ]
	# a mark that is not yet there holds it back
	rec a 40 $t more >&7
	file b 2 >&7
	sleep 1
	[ "$(gen)" = 1 ]
	mark a 40 0 ',"at":40,"sum":"00000000000000ab"' >&7
	until_lines 2 m
	[ "$(gen) $(cursor a) $(cursor b)" = "2 40 20" ]
	# what the closing mark said stands
	[ "$(jq -c '.files[] | select(.id == "000000000000000a/o") | [.live, .at]' S/ledger.json)" = "[true,40]" ]
	mark b 20 0 ',"gone":true' >&7
	rec a 50 $t last >&7
	mark a 50 >&7
	exec 7>&-
	wait $pid
	[ "$(gen) $(cursor a) $(cursor b)" = "3 50 " ]
	[ "$(lines | jq -r .log | paste -sd' ')" = "a1 a2 a3 more b1 b2 last" ]
	[ "$(wc -l <m)" = 3 ] && [ -z "$(ls S/tmp)" ]
}

@test "--max-age: a file that another sweep committed since: 75" {
	mkfifo p
	logbatch --state=S --max-age=300ms p >m 2>e &
	pid=$!
	exec 7>p
	{ file a 3 && file b 1; } >&7
	until_lines 1 m
	{ mark a 30 1 && rec a 40 $t theirs 1 && closing a 40 1; } >in
	logbatch --state=S in >/dev/null
	# another file is not concerned
	{ rec b 20 $t b2 && closing b 20; } >&7
	until_lines 3 m
	{ rec a 40 $t ours && closing a 40; } >&7
	r=0
	wait $pid || r=$?
	exec 7>&-
	[ $r -eq 75 ]
	[ "$(lines | jq -r .log | paste -sd' ')" = "a1 a2 a3 b1 theirs b2" ]
}

@test "--max-age: a gap does not stop it; a filter that drops marks does, and is told" {
	mkfifo p
	logbatch --state=S --max-age=300ms p >m &
	pid=$!
	exec 7>p
	{
		printf '{%s,"log":"","_error":{"by":"logtail","why":"gap"}}\n' "$(src c 10)"
		mark c 10 0 ',"gone":true'
		file a 1
	} >&7
	until_lines 2 m
	exec 7>&-
	wait $pid
	later=1
	[ -z "${UNDER-}" ] || later=5 # than it begins to read
	{ rec a 10 $t 1 && rec a 20 $t 2 && sleep $later && rec b 20 $t 2; } | logbatch --state=T --max-age=100ms 2>e
	grep -q "a filter drops the marks" e
	[ "$(gen T)" = 1 ]
	run -2 logbatch --out=O --max-age=1s in
}

# ---- --out ----

@test "--out writes objects by their keys, no ledger; again it changes nothing" {
	file a 3 >in
	run -0 --separate-stderr logbatch --out=O in
	[ "$(jq -r .path <<<"$output")" = "O/$(jq -r .key <<<"$output")" ]
	[ "$(find O -type f | wc -l)" = 1 ] && [ ! -e O/.tmp ]
	{ tree O && stat -c '%n %i %y' "$(jq -r .path <<<"$output")"; } >before
	first=$output
	run -0 --separate-stderr logbatch --out=O in
	[ "$output" = "$first" ]
	{ tree O && stat -c '%n %i %y' "$(jq -r .path <<<"$output")"; } | diff before -
	# what a dead run left goes
	mkdir -p O/.tmp/dead && echo x >O/.tmp/dead/0.gz
	run -0 logbatch --out=O in
	[ ! -e O/.tmp ]
}

# ---- damage and refusals ----

@test "a foreign, empty, zeroed, cut or newer ledger is refused and untouched" {
	file a 1 >in
	for what in foreign empty nul newer; do
		mkdir $what
		case $what in
		foreign) echo '{"my":"data"}' >$what/ledger.json ;;
		empty) : >$what/ledger.json ;;
		nul) head -c 300 /dev/zero >$what/ledger.json ;;
		newer) printf '{"format":"logsweep-ledger-2","sha256":"00",\n"gen":1}\n' >$what/ledger.json ;;
		esac
		{ tree $what && ls -A $what; } >before
		run -1 --separate-stderr logbatch --state=$what in
		[[ $stderr == "logbatch: $what/ledger.json: "*"left alone" ]]
		{ tree $what && ls -A $what; } | diff before -
	done
	logbatch --state=S in >/dev/null
	mkdir -p T/outbox
	run -1 --separate-stderr logbatch --state=T in
	[[ $stderr == *"an outbox without ledger.json"* ]]
	mkdir U && cp S/ledger.copy.json U
	run -1 --separate-stderr logbatch --state=U in
	[[ $stderr == *"ledger.copy.json without ledger.json"* ]]
	[ "$(ls -A U)" = ledger.copy.json ]
}

@test "a damaged ledger with a good copy: the copy is used, told, exit 3; sweeps in flight lose" {
	file a 3 >in
	logbatch --state=S in >first
	printf X | dd of=S/ledger.json bs=1 seek=300 conv=notrunc 2>/dev/null
	file b 3 1 >in
	run -75 --separate-stderr logbatch --state=S in
	[[ $stderr == *"ledger.json was damaged; its copy was used"* ]]
	[ "$(gen)" = 12 ]
	cmp S/ledger.json S/ledger.copy.json
	printf X | dd of=S/ledger.json bs=1 seek=300 conv=notrunc 2>/dev/null
	file b 3 22 >in
	run -3 --separate-stderr logbatch --state=S in
	[ "$(lines | jq -r .log | paste -sd' ')" = "a1 a2 a3 b1 b2 b3" ]
}

@test "a ledger older than its copy: a disk took it back, the copy is used" {
	file a 3 >in
	logbatch --state=S in >/dev/null
	cp S/ledger.json old
	file b 3 1 >in
	logbatch --state=S in >/dev/null
	cp old S/ledger.json
	file c 3 12 >in
	run -3 logbatch --state=S in
	[ "$(lines | jq -r .log | paste -sd' ')" = "a1 a2 a3 b1 b2 b3 c1 c2 c3" ]
	[ "$(cursor b)" = 30 ]
}

@test "a copy that was not written is made up for before anything is offered" {
	file a 3 >in
	logbatch --state=S in >/dev/null
	echo old >S/ledger.copy.json
	logbatch --state=S --max-spool=1 </dev/null || [ $? -eq 75 ]
	cmp S/ledger.json S/ledger.copy.json
	rm S/ledger.copy.json
	logbatch --state=S </dev/null
	cmp S/ledger.json S/ledger.copy.json
}

@test "a state directory that cannot be written" {
	file a 1 >in
	: >file
	run -1 --separate-stderr logbatch --state=file in
	run -1 --separate-stderr logbatch --state=file/S in
	[[ $stderr == "logbatch: file/S/ledger.json: Not a directory" ]]
	mkdir ro && chmod 555 ro
	if [ "$(id -u)" -eq 0 ]; then
		command -v setpriv >/dev/null || skip "no setpriv"
		chmod 755 . && chmod 711 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"/.. 2>/dev/null || true
		run setpriv --reuid=65534 --regid=65534 --clear-groups "$(command -v logbatch)" --state="$PWD/ro/S" in
		[ "$status" -eq 77 ] || [ "$status" -eq 126 ] || [ "$status" -eq 127 ]
	else
		run -77 logbatch --state=ro/S in
	fi
}

@test "a full disk: exit 1, the old ledger stands, and with space all is archived once" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	mkdir disk
	mount -t tmpfs -o size=1m tmpfs disk 2>/dev/null || skip "no tmpfs"
	file a 3 >in
	logbatch --state=disk/S in >/dev/null
	noisy b 600 3000 1 >in
	tree disk/S >before
	# while bodies are written
	run -1 --separate-stderr logbatch --state=disk/S in
	[[ $stderr == *"No space left on device"* ]]
	tree disk/S | diff before -
	# at every amount of space that is left
	noisy b 20 3000 1 >in
	for left in 4 8 16 24 32 40 48 56 64 72; do
		rm -f disk/fill
		head -c $(($(stat -f -c '%a * %S' disk) - left * 1024)) /dev/zero >disk/fill
		r=0
		logbatch --state=disk/S in >/dev/null 2>&1 || r=$?
		[ $r -ne 0 ] || break
		[ $r -eq 1 ]
		grep -v reserve before | diff - <(tree disk/S | grep -v reserve)
	done
	rm -f disk/fill
	# with room, what the ledger needs for a delivery is kept free again
	if [ $r -ne 0 ]; then logbatch --state=disk/S in >/dev/null; fi
	logbatch --state=disk/S </dev/null >/dev/null
	[ "$(stat -c %s disk/S/reserve)" -ge $((2 * $(stat -c %s disk/S/ledger.json))) ]
	[ "$(lines disk/S | wc -l)" = 23 ]
	cmp disk/S/ledger.json disk/S/ledger.copy.json
	# a full disk does not stop a delivery
	head -c 2M /dev/zero >disk/fill 2>/dev/null || true
	if command -v s3put >/dev/null; then
		logbatch --state=disk/S </dev/null >m || true
		jq -c '.path = "disk/S/outbox/" + (.path | split("/") | last)' m | s3put --state=disk/S "file://$PWD/dest" >/dev/null
		[ "$(jq '.batches | length' disk/S/ledger.json)" = 0 ]
	fi
}

# ---- ends ----

@test "stdout closed early: what is committed stays, and is offered again" {
	for i in 1 2 3; do file $i 3 $((i - 1)) >in; logbatch --state=S in >/dev/null; done
	file 4 3 3 >in
	set +o pipefail
	logbatch --state=S in | true
	r=${PIPESTATUS[0]}
	[ "$r" -eq 141 ] || [ "$r" -eq 0 ]
	run -1 --separate-stderr bash -c 'logbatch --state=S </dev/null >/dev/full'
	[[ $stderr == *"<stdout>: No space left on device"* ]]
	run -0 --separate-stderr logbatch --state=S </dev/null
	[ "${#lines[@]}" -ge 3 ]
	[ -z "$(ls S/tmp)" ]
}

@test "SIGTERM ends the input: what is whole is committed, exit 143" {
	mkfifo p
	logbatch --state=S p >m 2>e &
	pid=$!
	exec 7>p
	file a 3 >&7
	{ mark b 0 && rec b 10 $t x; } >&7
	printf '{"_src":{"file' >&7
	for i in $(seq 50); do [ ! -d S/tmp ] || [ -z "$(ls S/tmp)" ] || break; sleep 0.1; done
	sleep 0.3
	kill -TERM $pid
	r=0
	wait $pid || r=$?
	exec 7>&-
	[ $r -eq 143 ]
	[ "$(cursor a) $(cursor b)" = "30 0" ] || [ "$(cursor a) $(cursor b)" = "30 " ]
	[ "$(lines | wc -l)" = 3 ] && [ "$(wc -l <m)" = 1 ] && [ -z "$(ls S/tmp)" ]
}

@test "kill -9 at any moment: the next run sweeps up and archives all" {
	for i in $(seq 1 3000); do echo "{\"time\":\"2026-11-22T1$((i % 10)):00:00Z\",\"log\":\"$i\"}"; done >body
	for ms in 0 1 2 3 5 8; do
		logbatch --state=S body >/dev/null &
		pid=$!
		sleep 0.00$ms
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
	done
	logbatch --state=S body >/dev/null
	[ "$(lines | wc -l)" = 3000 ]
	[ "$(ls S/outbox | wc -l)" = 10 ] && [ -z "$(ls S/tmp)" ]
}

@test "inputs in order; one that is missing: exit 1, nothing is committed" {
	file a 1 >one
	file b 1 >two
	run -0 logbatch --state=S one - <two
	[ "$(lines | jq -r .log | paste -sd' ')" = "a1 b1" ]
	run -1 --separate-stderr logbatch --state=T one missing
	[[ $stderr == "logbatch: missing: No such file or directory" ]]
	[ "$(gen T)" = 0 ]
}

@test "--help and --completion tell all options, and the page has them too" {
	logbatch --help | grep -oE -- '--[a-z-]+' | sort -u >help
	[ "$(grep -c . help)" -ge 15 ]
	if [ -e "$top/man/logbatch.1" ]; then
		while read -r o; do
			grep -qF -- "Fl -${o#--}" "$top/man/logbatch.1" || grep -qF -- "Fl \\-${o#--}" "$top/man/logbatch.1" || {
				echo "not in the page: $o"
				return 1
			}
		done <help
	fi
}

# ---- the examples of the pages ----

# example PAGE START: a command of the page, without "$ ", with the lines that it goes on in
example() {
	sed -n 's/\\e/\\/g; s/\\&//g; p' "$top/man/$1" | awk -v start="$2" '
		/^\$ / { on = index(substr($0, 3), start) == 1; sub(/^\$ /, "") }
		/^\./ { on = 0 }
		on { print; found = 1 }
		END { exit !found }'
}

@test "ledger(5): the examples" {
	{ file a 3 && file b 2; } >in
	logbatch --state=S in >m
	[ "$(bash -c "$(example ledger.5 "jq -r '.files[] |")" | cut -f1,2 | paste -sd' ')" = "30	30 20	20" ]
	[ "$(bash -c "$(example ledger.5 "jq '[.files[] | .size")")" = 0 ]
	[ "$(bash -c "$(example ledger.5 "jq -r '.batches[].manifest.key'")" | head -n 1)" = "$(jq -r .key m)" ]
	[ "$(bash -c "$(example ledger.5 "jq '[.batches[].manifest.bytes]")")" = "$(jq -s 'map(.bytes) | add' m)" ]
	bash -c "$(example ledger.5 "for f in")" | cut -c1-64 >hashes
	[ "$(wc -l <hashes)" = 4 ] && [ "$(sort -u hashes | wc -l)" = 1 ]
	# the sample has just the members that there are
	sed -n '/^{"id"/,/^]/p' "$top/man/ledger.5" | grep -v '^]' | jq -c keys | diff - <(jq -c '.files[0] | keys' S/ledger.json)
}

@test "logbatch(1) and key-template(5): the examples" {
	file a 3 >records.ndjson
	cp records.ndjson records
	bash -c "$(example logbatch.1 "logbatch --out=archive --node=lab")"
	[ "$(jq -r .path manifests)" = "$(find archive -name 'lab-*.ndjson.gz')" ]
	[[ $(bash -c "$(example logbatch.1 "logbatch -n")") == "3 year=2026/month=11/day=22/hour=13/n-"* ]]
	bash -c "$(example logbatch.1 "logbatch --out=archive --max-size")" | jq -r .key | grep -x 'dt=2026-11-22/n-13-[0-9a-f]*\.json\.gz'
	bash -c "$(example key-template.5 "logbatch -n")" | grep -x '2026/326/n-13-[0-9a-f]*\.gz'
	for t in $(sed -n 's/^\.Dl \(.*{id}.*\)/\1/p' "$top/man/key-template.5"); do
		logbatch -n --out=x --key="$t" records >/dev/null
	done
	# the manifest shown has just the members that there are
	sed -n '/^{"key"/,/^\.Ed/p' "$top/man/logbatch.1" | grep -v '^\.Ed' | jq -c keys | diff - <(jq -c keys manifests)
}

# ---- the simulation ----

@test "a stream cut at any byte: what is committed is what is archived, and the next sweep adds the rest" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: thousands of runs"
	python3 "$BATS_FILE_TMPDIR/sim.py" cuts "$(command -v logbatch)" | tee /dev/fd/3 | sed 's/^/# /' >&2
}

@test "killed or failing at every change of the disk: all is archived once" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: thousands of runs"
	python3 "$BATS_FILE_TMPDIR/sim.py" faults "$top/build/faults/logbatch" | tee /dev/fd/3
}

sim() {
	cat <<'PY'
import collections, gzip, hashlib, json, os, shutil, subprocess, sys, tempfile

T = '2026-11-22T%02d:00:00Z'
SHM = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None

# A file of one id: (end, line(s) it becomes).  None: a line that a filter makes no record of.
def content():
    a = [(10 * i, ['a%d' % i]) for i in range(1, 7)]
    a[2] = (30, ['a3/1', 'a3/2'])       # expanded
    a[3] = (40, [None])                 # bad
    b = [(7 * i, ['b%d' % i]) for i in range(1, 6)]
    return {'00000000000000aa/o': a, '00000000000000aa/e': b, '00000000000000bb': [(5, ['c1']), (9, ['c2'])]}

def src(i, end, gen, more=''):
    return '"_src":{"file":"/f","id":"%s","gen":%d,"end":%d%s}' % (i, gen, end, more)

def line(i, end, gen, text):
    if text is None: return 'bad line of %s %d' % (i, end)
    e = ',"_error":{}' if text == 'b3' else ''
    return '{%s,"time":"%s","log":"%s"%s}' % (src(i, end, gen), T % (13 + end % 3), text, e)

def stream(files, ledger):
    """what logtail and a filter write, from the cursors on"""
    gen, cur = ledger.get('gen', 0), {f['id']: f['end'] for f in ledger.get('files', [])}
    out = []
    for group in (('00000000000000aa/o', '00000000000000aa/e'), ('00000000000000bb',)):
        for i in group: out.append('{%s}' % src(i, cur.get(i, 0), gen))
        todo = sorted((end / 100 if i[-1] == 'o' else end / 70, i, end, texts)
                      for i in group for end, texts in files[i] if end > cur.get(i, 0))
        wrote = {}
        for n, (_, i, end, texts) in enumerate(todo):
            out += [line(i, end, gen, t) for t in texts]
            wrote[i] = end
            if n % 3 == 2:
                out += ['{%s}' % src(i, end, gen, ',"at":%d,"sum":"%016x"' % (end, end)) for i, end in wrote.items()]
                wrote = {}
        for i in group:
            end = files[i][-1][0]
            out.append('{%s}' % src(i, end, gen, ',"at":%d,"sum":"%016x","size":%d,"stat":"s","dir":"/d"' % (end, end, end)))
    return '\n'.join(out) + '\n'

def load(state):
    p = os.path.join(state, 'ledger.json')
    if not os.path.exists(p): return {}
    text = open(p, 'rb').read()
    head, rest = text.split(b'\n', 1)
    assert json.loads(head + b'"x":0}')['sha256'] == hashlib.sha256(rest).hexdigest(), 'checksum'
    return json.loads(text)

def archived(state, ledger):
    names = [b['name'] for b in ledger.get('batches', [])]
    assert len(names) == len(set(names)), 'a batch twice'
    got = collections.Counter()
    for b in ledger.get('batches', []):
        body = open(os.path.join(state, 'outbox', b['name']), 'rb').read()
        assert hashlib.sha256(body).hexdigest() == b['manifest']['sha256']
        rows = gzip.decompress(body).decode().splitlines()
        assert len(rows) == b['manifest']['records']
        for r in rows: got[json.loads(r)['log']] += 1
    return got

def want(files, upto):
    c = collections.Counter()
    for i, rows in files.items():
        for end, texts in rows:
            if end <= upto(i):
                for t in texts: c[t if t is not None else 'bad line of %s %d' % (i, end)] += 1
    return c

def check(files, state, where):
    l = load(state)
    cur = {f['id']: f['end'] for f in l.get('files', [])}
    a, w = archived(state, l), want(files, lambda i: cur.get(i, 0))
    assert a == w, '%s: archived %s, committed %s' % (where, a - w, w - a)
    return l

def run(prog, state, text, env=None, args=()):
    return subprocess.run([prog, '--state=' + state, '--node=n', '-q', *args], input=text.encode(), env={**os.environ, **(env or {})},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)

def finish(files, prog, state, where):
    """the next sweep, undisturbed"""
    r = run(prog, state, stream(files, load(state)))
    assert r.returncode in (0, 3), (where, r.returncode, r.stderr)
    check(files, state, where)
    l = load(state)
    assert archived(state, l) == want(files, lambda i: 1 << 60), where + ': not all'
    assert set(os.listdir(state + '/outbox')) == {b['name'] for b in l['batches']}, where + ': orphans'
    assert os.listdir(state + '/tmp') == [], where + ': tmp'
    assert open(state + '/ledger.json').read() == open(state + '/ledger.copy.json').read(), where
    assert len(r.stdout.splitlines()) == len(l['batches']), where + ': offered'

def cuts(prog):
    files, n, progress = content(), 0, set()
    base = tempfile.mkdtemp(dir=SHM)
    text = stream(files, {})
    for at in range(len(text) + 1):
        state = base + '/S'
        r = run(prog, state, text[:at])
        whole = at == 0 or text[at - 1] == '\n'
        assert r.returncode in ((0, 3) if whole else (0, 1, 3)), (at, r.returncode, r.stderr)
        l = check(files, state, 'cut at %d' % at)
        progress.add(sum(f['end'] for f in l['files']))
        if whole or at % 7 == 0: finish(files, prog, state, 'after a cut at %d' % at)
        shutil.rmtree(state)
        n += 1
    assert len(progress) > 4, progress
    shutil.rmtree(base)
    print('# %d cuts, %d states of progress' % (n, len(progress)))

def fresh(base): return {}
def waiting(base):
    """a ledger with a part committed, an orphan of a dead run, and a lost body"""
    files, state = content(), base + '/S'
    part = stream(files, {}).splitlines()
    cut = [k for k, l in enumerate(part) if '"at"' in l][0]
    assert run(GOOD, state, '\n'.join(part[:cut + 1]) + '\n').returncode in (0, 3)
    os.makedirs(state + '/tmp/dead'); open(state + '/tmp/dead/0.gz', 'w').close()
    open(state + '/outbox/orphan', 'w').close()
def stale(base):
    waiting(base)
    open(base + '/S/ledger.copy.json', 'w').write('x')
def damaged(base):
    waiting(base)
    open(base + '/S/ledger.json', 'w').close()
def swept(base):
    """everything is committed already"""
    assert run(GOOD, base + '/S', stream(content(), {})).returncode in (0, 3)
def usable(state):
    if not os.path.exists(state + '/ledger.json'): return {}
    try: return load(state)
    except (AssertionError, ValueError): pass
    l = json.load(open(state + '/ledger.copy.json'))      # as logtail would read it
    l['gen'] += 10
    return l

def walk(prog, prepare, args=()):
    files, total, steps = content(), 0, None
    for kind in ('kill', 'fail', 'short'):
        n = 0
        while steps is None or n < steps:
            n += 1
            base = tempfile.mkdtemp(dir=SHM)
            state, where = base + '/S', '%s, step %d: %s' % (prepare.__name__, n, kind)
            prepare(base)
            r = run(prog, state, stream(files, usable(state)), {'LOGSWEEP_FAULT': '%d:%s' % (n, kind)}, args)
            if kind == 'kill' and r.returncode != -9:
                assert r.returncode in (0, 3), (where, r.returncode, r.stderr)
                steps = n
            assert kind == 'kill' or r.returncode in (-9, 0, 1, 3), (where, r.returncode, r.stderr)
            l = usable(state)
            cur = {f['id']: f['end'] for f in l.get('files', [])}
            assert archived(state, l) == want(files, lambda i: cur.get(i, 0)), where
            r = run(prog, state, stream(files, l), None, args)
            assert r.returncode in (0, 3), (where, 'the next', r.returncode, r.stderr)
            finish(files, prog, state, where)
            shutil.rmtree(base)
            total += 1
    print('# %s%s: %d steps, each killed, failed and cut short' % (prepare.__name__, ' '.join(('',) + tuple(args)), steps - 1))
    return total

def walk_out(prog):
    files, total, steps = content(), 0, None
    text = stream(files, {})
    def out(base, env=None):
        return subprocess.run([prog, '--out=' + base + '/O', '--node=n', '-q'], input=text.encode(), env={**os.environ, **(env or {})},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for kind in ('kill', 'fail', 'short'):
        n = 0
        while steps is None or n < steps:
            n += 1
            base = tempfile.mkdtemp(dir=SHM)
            r = out(base, {'LOGSWEEP_FAULT': '%d:%s' % (n, kind)})
            if kind == 'kill' and r.returncode != -9: steps = n
            r = out(base)
            assert r.returncode == 3, r
            got = collections.Counter()
            for d, _, fs in os.walk(base + '/O'):
                for f in fs:
                    for row in gzip.open(d + '/' + f, 'rt'): got[json.loads(row)['log']] += 1
            assert got == want(files, lambda i: 1 << 60), ('--out', n, kind, got)
            assert not os.path.exists(base + '/O/.tmp')
            shutil.rmtree(base)
            total += 1
    print('# --out: %d steps' % (steps - 1))
    return total

def faults(prog):
    total = sum(walk(prog, p) for p in (fresh, waiting, stale, damaged, swept)) + walk(prog, fresh, ('--gzip=6', '--max-size=1'))
    total += walk_out(prog)
    print('# %d runs' % total)

GOOD = sys.argv[2]
{'cuts': cuts, 'faults': faults}[sys.argv[1]](sys.argv[2])
PY
}
