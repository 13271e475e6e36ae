bats_require_minimum_version 1.5.0

# --manifest writes down what a commit holds, --verify finds what is not so.

load logbatch
setup() { begin; }

# statuses: what --verify says, one word and key an object
told() { jq -r '[.status, (.why // [] | join("; "))] | join(" ")'; }

# archive: three commits of two logs into A, with lists
archive() {
	local i g
	for i in 0 1 2; do
		g=$(jq .gen S/ledger.json 2>/dev/null || echo 0)
		{
			mark a $((i * 30)) "$g"
			rec a $((i * 30 + 10)) 2026-11-22T13:00:00Z "a$i" "$g"
			rec a $((i * 30 + 20)) 2026-11-22T14:00:0${i}Z "later$i" "$g"
			mark a $((i * 30 + 30)) "$g" ',"at":30,"sum":"00000000000000aa","stat":"1:2"'
			mark b $((i * 10)) "$g"
			rec b $((i * 10 + 10)) 2026-11-22T13:30:00Z "b$i" "$g"
			mark b $((i * 10 + 10)) "$g" ',"stat":"1:2"'
		} >in
		logbatch --state=S --manifest in >m$i
		s3put --state=S "file://$PWD/A" <m$i >/dev/null
	done
}

@test "--manifest: a list an hour, last of its commit, that names all objects of it" {
	{ mark a 0 && rec a 10 2026-11-22T13:00:00Z 1 && rec a 20 2026-11-22T14:00:00Z 2 && echo bad && mark a 30; } >in
	run -3 --separate-stderr logbatch --state=S --manifest in
	printf '%s\n' "$output" >m
	jq -r '.key | sub("/n-.*"; "")' m | diff - <(printf '%s\n' year=2026/month=11/day=22/hour={13,14} \
		_errors/year=2026/month=11/day=22/hour=14 _manifests/year=2026/month=11/day=22/hour={13,14})
		jq -r 'select(.key | startswith("_manifests/")) | .path' m | xargs zcat >lists
	jq -c 'select(.key)' lists | diff - <(jq -c 'select(.key | startswith("_manifests/") | not) | del(.path)' m | sort -t/ -k4)  ||
		diff <(jq -r 'select(.key) | .key' lists | sort) <(jq -r 'select(.key | startswith("_manifests/") | not) | .key' m | sort)
	jq -c 'select(.commit) | del(.commit)' lists | diff - <(cat <<-E
		{"part":1,"parts":2,"node":"n","hour":"2026-11-22T13:00:00Z","objects":1,"records":1}
		{"part":2,"parts":2,"node":"n","hour":"2026-11-22T14:00:00Z","objects":2,"records":2,"covered":[{"file":"$f","id":"000000000000000a/o","from":0,"to":30}]}
	E
	)
	[ "$(jq -r 'select(.commit).commit' lists | sort -u | grep -cxE '[0-9a-f]{16}')" = 1 ]
	# the same records again, the same lists
	logbatch --out=A --manifest in >/dev/null || true
	logbatch --out=B --manifest in >/dev/null || true
	diff -r A B
	run -0 logbatch --verify A
	# nothing new, no list
	{ mark a 30 1 && mark a 30 1 ',"stat":"1:2:3"'; } >in
	[ "$(logbatch --state=S --manifest in | wc -l)" = 5 ]
	# all left out by a filter: it is covered
	{ mark a 30 2 && mark a 90 2 ',"stat":"1:2:4"'; } >in
	logbatch --state=S --manifest in | jq -r 'select(.key | startswith("_manifests/")) | .path' | tail -n 1 | xargs zcat | jq -c .covered[0].to | grep -x 90
}

@test "--manifest: hours of a zone, directories without fields" {
	for i in 1 2 3; do echo '{"time":"2026-11-22T13:45:00Z","log":"'$i'","k":"v'$i'"}'; done >in
	logbatch --out=O --manifest --tz=+05:30 --key='x/k={k}/dt=%F/h=%H/{node}/{seq}-{id}.gz' in | tail -n 1 >m
	[[ $(jq -r .key m) =~ ^_manifests/x/dt=2026-11-22/h=19/n/n-[0-9a-f]{16}\.ndjson\.gz$ ]]
	zcat "$(jq -r .path m)" | jq -s -c 'map(.hour // .records)' | grep -xF '[1,1,1,"2026-11-22T13:30:00Z"]'
	run -0 logbatch --verify O
}

@test "--verify of manifests: from a file, from standard input, by key, of the outbox" {
	file a 3 >in
	logbatch --state=S in >m
	run -0 --separate-stderr logbatch --verify m
	[ "$(jq -c '[.status, .listed, .records, .sorted, .first_time]' <<<"$output")" = '["ok",true,3,true,"2026-11-22T13:00:00Z"]' ]
	[ "$(jq -r .sha256 <<<"$output")" = "$(jq -r .sha256 m)" ]
	run -0 logbatch --verify <m
	run -0 logbatch --verify --state=S
	[ "${#lines[@]}" = 1 ]
	s3put --state=S "file://$PWD/A" <m >/dev/null
	run -3 --separate-stderr logbatch --verify m
	[ "$(told <<<"$output")" = "missing listed, and not here" ]
	run -0 logbatch --verify --out=A m
	jq -c 'del(.path)' m >n
	run -2 logbatch --verify n
	run -0 logbatch --verify --out=A n
	run -0 logbatch --verify --state=S
	[ -z "$output" ]
	run -0 --separate-stderr logbatch --verify --stats "$(find A -name '*.gz')"
	[ "$(jq -c '[.listed, .records]' <<<"$output")" = '[false,3]' ]
	[ "$(jq -c '[.in, .out, .rejected, .records]' <<<"$stderr")" = '[1,1,0,3]' ]
}

@test "--verify of an object on standard input, from a file or a pipe" {
	file a 3 >in
	logbatch --out=O in >m
	o=$(jq -r .path m)
	verified() { jq -c '[.path, .status, .listed, .records, .sha256]' <<<"$output"; }
	for from in 'logbatch --verify - <"$1"' 'cat "$1" | logbatch --verify' \
		'{ head -c 1 "$1"; sleep 0.1; tail -c +2 "$1"; } | logbatch --verify -'; do
		run -0 bash -c "$from" - "$o"
		[ "$(verified)" = "[\"-\",\"ok\",false,3,$(jq .sha256 m)]" ]
	done
	run -3 --separate-stderr bash -c 'cat "$1" "$1" | logbatch --verify' - "$o"
	[[ $(jq -r '.why[]' <<<"$output") == "more than one "* ]]
	run -3 --separate-stderr bash -c 'head -c -5 "$1" | logbatch --verify' - "$o"
	[ "$(jq -r '.why[]' <<<"$output")" = "gzip: cut off" ]
	run -0 bash -c 'cat m | logbatch --verify'
	[ "$(jq .listed <<<"$output")" = true ]
	run -0 logbatch --verify </dev/null
}

@test "--verify says what is wrong with an object: status 3" {
	for i in 1 2 3; do echo '{"time":"2026-11-22T13:00:0'$i'Z","log":"'$i'"}'; done >in
	logbatch --out=O in >m
	o=$(jq -r .path m)
	cp "$o" good
	is() { # is WHAT: that is the first thing told, and the last
		run -3 --separate-stderr logbatch --verify m
		[ "$(jq -r .status <<<"$output")" = wrong ]
		jq -r '.why[]' <<<"$output" | grep -F -- "$1" || { echo "$output"; return 1; }
	}
	change() { rm -f "$o" && cat >"$o"; }
	head -c -1 good | change && is "gzip: cut off" && is "bytes: $(($(stat -c %s good) - 1)), not"
	cat good good | change && is "more than one gzip member"
	{ cat good && echo; } | change && is "bytes after it"
	python3 -c 'b = bytearray(open("good", "rb").read()); b[-6] ^= 1; open("bad", "wb").write(b)'
	change <bad && is "gzip: incorrect data check"
	change </dev/null && is empty
	change <in && is "not gzip"
	gzip -n <in | change && is "sha256: "
	head -n 2 in | gzip -n | change && is "records: 2, not 3 as listed" && is "raw_bytes: " && is "last_time: 2026-11-22T13:00:02Z, not"
	tac in | gzip -n | change && is "sha256: "
	[ "$(jq -r .sorted <<<"$output")" = false ]
	sed 2s/.$// in | gzip -n | change && is "line 2: not JSON: ends too early at byte"
	{ cat in && printf '[1]\n'; } | gzip -n | change && is "line 4: not a JSON object"
	head -c -1 in | gzip -n | change && is "the last line has no end"
	printf '{"a":"\xff"}\n' | gzip -n | change && is "line 1: not JSON: invalid UTF-8"
	# what is archived as it came is told, and nothing else of it
	printf '{"time":"2026-11-22T13:00:01Z","log":"\xff"}\n{"log":tru}\n' | logbatch --out=odd >m2
	run -3 --separate-stderr logbatch --verify m2
	[ "$(jq -c .why <<<"$output")" = '["line 1: not JSON: invalid UTF-8 at byte 38"]' ]
	change <good
	run -0 logbatch --verify m
	jq -c '.first_time = "2026-11-22T13:00:01.000Z"' m >m2
	run -0 logbatch --verify m2
	for edit in '.first_time = null' '.last_time = "2026-11-22T14:00:00Z"' '.records = 4' '.untimed = 1' '.gaps = 1' '.sha256 = "00"' '.bytes = 1' '.key = "../x"' '.key = 1' 'del(.key)'; do
		jq -c "$edit" m >m2
		run -3 logbatch --verify m2
	done
	run -3 --separate-stderr logbatch --verify <<<'not a manifest'
	run -1 --separate-stderr logbatch --verify nowhere
	mkdir "$PWD/dir" && jq -c '.path = "dir"' m >m2
	run -3 --separate-stderr logbatch --verify m2
	[ "$(told <<<"$output")" = "wrong not a regular file" ]
}

@test "--verify of an archive: all is there; what is taken away is found" {
	archive
	[ "$(find A/_manifests -name '*.gz' | wc -l)" = 6 ]
	run -0 --separate-stderr logbatch --verify --stats A/
	[ "$(tail -n 1 <<<"$stderr" | jq -c '[.in, .out, .missing, .unlisted, .records]')" = '[6,6,0,0,9]' ]
	jq -s -e 'all(.listed)' <<<"$output"
	gone() { # gone FILE TEXT: without it, --verify says that
		mv "$1" aside
		run -3 --separate-stderr logbatch --verify A
		told <<<"$output" | grep -F -- "$2" || { echo "$output"; return 1; }
		mv aside "$1"
	}
	for o in $(find A/year* -name '*.gz'); do gone "$o" "missing listed, and not here"; done
	for o in $(find A/_manifests -name '*.gz'); do gone "$o" "of 2 lists are here"; done
	# a whole commit, with all that it brought
	cp -r A B
	jq -r .key m1 | sed 's/^/A\//' | xargs rm
	run -3 --separate-stderr logbatch --verify A
	told <<<"$output" | grep -E "missing bytes 30 to 60 of $f .* are in no list"
	told <<<"$output" | grep -E "missing bytes 10 to 20 of $f"
	# an object that no list names, a file that is no object, a list that was cut
	rm -rf A && mv B A
	cp "$(find A/year* -name '*.gz' | head -n 1)" A/year=2026/more.gz
	echo hello >A/README
	run -0 --separate-stderr logbatch --verify A
	[ "$(jq -r 'select(.listed | not) | .key' <<<"$output")" = year=2026/more.gz ]
	l=$(find A/_manifests -name '*.gz' | head -n 1)
	zcat "$l" | head -n 1 | gzip >x && cp x "$l"
	run -3 --separate-stderr logbatch --verify A
	told <<<"$output" | grep -x "wrong a list without its last line"
	mkdir empty
	run -0 logbatch --verify empty
}

@test "lists with keys and logs that are none are told as wrong, and the rest of the archive is read" {
	tell() { # tell LINE WHY: of a list that has it, and, if it names an object, its end
		{
			printf '%s\n' "$1"
			[[ $1 = *commit* ]] || echo '{"commit":"0123456789abcdef","part":1,"parts":1,"objects":1,"records":0}'
		} | gzip >A/_manifests/l.gz
		run -3 --separate-stderr logbatch --verify A
		told <<<"$output" | grep -x "wrong $2"
		jq -e 'select(.key == "a.gz" and .status == "ok")' <<<"$output"
		[ "$stderr" = "logbatch: 1 wrong, 0 missing" ]
	}
	mkdir -p A/_manifests
	echo '{"log":"a"}' | gzip >A/a.gz
	for key in '../a.gz' '/a.gz' 'b/../../A/a.gz' '' 'a.gz\u0000' "$(printf '%05000d' 0)"; do
		tell '{"key":"'"$key"'"}' "a key that cannot be one"
		tell '{"key":"a.gz","inputs":[{"key":"'"$key"'"}]}' "a key that cannot be one"
	done
	tell '{"key":7,"records":0}' "a line that is not a manifest"
	for range in '{"file":"f","id":7}' '{"file":null,"id":"i"}' '{}'; do
		tell '{"commit":"0123456789abcdef","part":1,"parts":1,"objects":0,"records":0,"covered":['"$range"']}' \
			"a range of a log that it does not name"
	done
}

@test "a list is not delivered before the objects that it names: s3put holds it back" {
	s3put --help | grep -q -- --jobs || skip "an s3put that delivers in the order of its input only"
	file a 2 >in
	logbatch --state=S --manifest in >m
	[ "$(wc -l <m)" = 2 ]
	jq -r 'select(.key | startswith("_manifests/") | not) | .path' m | xargs -I{} mv {} lost
	run -1 --separate-stderr s3put --state=S m "file://$PWD/A"
	[ -z "$(find A -name '*.gz' 2>/dev/null)" ]
	[ "$(jq '.batches | length' S/ledger.json)" = 2 ]
	jq -r 'select(.key | startswith("_manifests/") | not) | .path' m | xargs -I{} mv lost {}
	logbatch --state=S --manifest </dev/null | s3put --state=S "file://$PWD/A" >/dev/null
	[ "$(find A -name '*.gz' | wc -l)" = 2 ]
	[ "$(jq '.batches | length' S/ledger.json)" = 0 ]
	run -0 logbatch --verify A
}

@test "killed at any change of the disk: a commit and its lists are there together, once" {
	faults=$BATS_TEST_DIRNAME/../build/faults/logbatch
	[ -x "$faults" ] || env -u MAKEFLAGS -u MAKELEVEL -u B make -s -C "$BATS_TEST_DIRNAME/.." build/faults/logbatch \
		B=build/faults CFLAGS='-O1 -g -DLOGSWEEP_FAULTS'
	{ mark a 0 && rec a 10 2026-11-22T13:00:00Z 1 && rec a 20 2026-11-22T14:00:00Z 2 && mark a 20; } >in
	for kind in kill fail short; do
		for step in $(seq 200); do
			[ "$kind" = kill ] || [ "$step" -lt "$last" ] || break
			rm -rf S
			r=0
			LOGSWEEP_FAULT=$step:$kind bash -c '"$0" "$@"; exit $?' "$faults" -q --state=S --manifest in >m 2>/dev/null || r=$?
			[ "$r" -ne 0 ] || [ "$kind" != kill ] || break
			if [ ! -e S/ledger.json ] || [ "$(jq .gen S/ledger.json)" = 0 ]; then
				logbatch -q --state=S --manifest in >m
			else
				logbatch -q --state=S --manifest </dev/null >m
			fi
			[ "$(jq -s -c 'map(.key | startswith("_manifests/"))' m)" = '[false,false,true,true]' ]
			logbatch --verify m >/dev/null
			[ "$(ls S/outbox | wc -l)" = 4 ]
		done
		[ "$kind" != kill ] || { [ "$step" -gt 15 ] && [ "$step" -lt 200 ] && last=$step; }
	done
}
