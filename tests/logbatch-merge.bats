bats_require_minimum_version 1.5.0

# --merge: few big objects of many small ones, each record once, whatever happens.

load logbatch
setup() { begin; }

# small N: an archive A of N objects an hour in two hours and _errors, each of 3 records
small() {
	local i
	for i in $(seq "$1"); do
		printf '{"time":"2026-11-22T13:%02d:00Z","log":"%d.1"}\n{"time":"2026-11-22T14:%02d:00Z","log":"%d.2"}\n' \
			$((60 - i)) "$i" "$i" "$i" >in
		printf 'bad %d\n' "$i" >>in
		logbatch -q --out=A --node="n$i" "${@:2}" in >>m || [ $? -eq 3 ]
	done
}
records() { find "$1" -name '*.gz' ! -path '*/_manifests/*' -exec zcat {} + | jq -r .log | sort; }

@test "--merge --out: one object a directory, records in order, all of them, nothing removed" {
	small 20
	tree A >before
	run -0 --separate-stderr logbatch --merge --stats --out=B A
	printf '%s\n' "$output" >merged
	[ "$(wc -l <merged)" = 3 ]
	[ "$(tail -n 1 <<<"$stderr" | jq -c '[.inputs, .merged, .kept, .in, .out]')" = '[60,3,0,60,60]' ]
	tree A | diff before -
	find B -type f | sed 's/merged-[0-9a-f]\{16\}/ID/' | sort | diff - <(printf '%s\n' \
		B/_errors/year=2026/month=11/day=22/hour=14/ID.ndjson.gz B/year=2026/month=11/day=22/hour={13,14}/ID.ndjson.gz)
	diff <(records A) <(records B)
	# in the order of their first times
	zcat B/year=2026/month=11/day=22/hour=13/*.gz | jq -r .time | sort -c
	jq -e '(.inputs | length) == 20 and .records == 20 and .bytes > 0' <merged >/dev/null
	jq -r '.path' merged | while read -r o; do gzip -t "$o"; done
	run -0 logbatch --verify merged
	run -0 logbatch --verify B
	# again: nothing is done
	{ tree B && stat -c '%n %i %y' $(find B); } >before
	run -0 --separate-stderr logbatch --merge --out=B A
	[ -z "$output$stderr" ]
	{ tree B && stat -c '%n %i %y' $(find B); } | diff before -
	# the same of the same, elsewhere
	logbatch --merge --out=C A >/dev/null
	diff -r B C
	s3put "file://$PWD/D" <merged >/dev/null
	diff -r B D
	# one more comes: what it is with is made anew elsewhere, the rest stays
	small 21 >/dev/null
}

@test "--merge in place: the same, and what went in is gone; again it does nothing" {
	small 20
	records A >want
	run -0 --separate-stderr logbatch --merge A
	[ "${#lines[@]}" = 3 ]
	[ "$(find A -type f | wc -l)" = 3 ]
	records A | diff want -
	run -0 logbatch --verify A
	{ tree A && stat -c '%n %i %y' $(find A); } >before
	run -0 --separate-stderr logbatch --merge A
	[ -z "$output$stderr" ]
	{ tree A && stat -c '%n %i %y' $(find A); } | diff before -
	# late ones are merged with each other
	cp -r A B
	small 2 --key='year=%Y/month=%m/day=%d/hour=%H/late-{node}-{id}.gz'
	logbatch --merge A >/dev/null
	[ "$(find A -type f | wc -l)" = 6 ]
	[ "$(records A | wc -l)" = 66 ]
	run -2 --separate-stderr logbatch --merge --out=A A
	[[ $stderr == *"merged in place"* ]]
	run -2 logbatch --merge
	run -2 logbatch --merge --verify A
	run -1 logbatch --merge nowhere
}

@test "--merge keeps to --max-size, takes big objects as they are, and files that are named" {
	for i in $(seq 12); do
		for k in $(seq 20); do printf '{"time":"2026-11-22T13:%02d:00Z","log":"%s"}\n' "$i" "$(head -c 750 /dev/urandom | base64 -w0)"; done >in
		logbatch --out=A --node="n$i" in >/dev/null
	done
	size=$(find A -name 'n1-*' -printf %s)
	logbatch --merge --max-size=$((size * 5)) --out=B A >m
	[ "$(jq -c '.inputs | length' m | paste -sd' ')" = "4 4 4" ] || [ "$(jq -s 'map(.inputs | length) | add' m)" -ge 10 ]
	jq -e --argjson s $((size * 5)) '.bytes <= $s' m >/dev/null
	diff <(records A) <(records B)
	logbatch --merge --max-size=10 --out=C A >m
	[ ! -s m ]
	diff -r A C
	logbatch -n --merge --out=D A >m
	[ ! -e D ]
	[ "$(jq -s -c 'map(.inputs | length)' m)" = '[12]' ]
	logbatch --merge --out=E A/year=2026/month=11/day=22/hour=13/n[1-3]-*.gz "$(find A -name 'n2-*')" >m
	[ "$(jq -c '.inputs | length' m)" = 3 ]
	[[ $(jq -r .key m) == year=2026/month=11/day=22/hour=13/merged-* ]]
	(cd A/year=2026 && logbatch --merge --out=../../F month=11 >/dev/null)
	[ -n "$(find F/month=11 -name 'merged-*')" ]
	# the root of an archive is found from within it
	logbatch --merge --out=G A/year=2026/month=11/ | jq -r .key | grep -q ^year=2026/
}

@test "--merge: gaps and records without times are counted on" {
	for i in 1 2 3; do
		{
			rec a $((i * 20)) 2026-11-22T13:00:00Z "_error gap"
			printf '{"log":"","_error":{"by":"logtail","why":"gap: %d","gap":{"from":0,"to":%d}}}\n' $i $i
			[ $i = 1 ] || printf '{"log":"","_\\u0065rror":{"by":"logtail","why":"gap","g\\u0061p":null}}\n'
			printf '{"log":"gap","_error":{"by":"x","why":"gap"},"gap":1}\n{"log":"gap","_error":"gap"}\n'
		} >in
		logbatch --out=A --node=n$i --manifest in
	done >m
	[ "$(jq -c 'select(.key | startswith("_errors")) | .gaps' m | tr '\n' ' ')" = "1 2 2 " ]
	run -0 logbatch --verify m
	run -0 logbatch --verify A
	run -0 --separate-stderr logbatch --merge --out=B A
	[ "$(jq -c '[.key[:7], .records, .gaps]' <<<"$output")" = '["_errors",11,5]
["year=20",3,null]' ]
	find B/_manifests -name 'merged-*.gz' -exec zcat {} + | jq -se 'map(.gaps // 0) | add == 5'
	run -0 logbatch --verify B
	logbatch --merge A >inplace
	[ "$(jq -s 'map(.gaps // 0) | add' inplace)" = 5 ]
	run -0 logbatch --verify A
	sed -i 's/"gaps":5/"gaps":4/' inplace
	run -3 --separate-stderr logbatch --verify inplace
	[ "$(jq -c 'select(.why).why' <<<"$output")" = '["gaps: 5, not 4 as listed"]' ]
}

@test "--merge: lists go on telling that nothing is missing" {
	for i in 1 2 3; do
		g=$(jq .gen S/ledger.json 2>/dev/null || echo 0)
		{ mark a $(((i - 1) * 10)) "$g" && rec a $((i * 10)) 2026-11-22T13:0$i:00Z "$i" "$g" && mark a $((i * 10)) "$g" ',"stat":"1"'; } >in
		logbatch --state=S --manifest in | s3put --state=S "file://$PWD/A" >/dev/null
	done
	cp -r A P
	logbatch --merge --out=B A >m
	run -0 --separate-stderr logbatch --verify B
	[ "$(jq -c '[.listed, .records]' <<<"$output")" = '[true,3]' ]
	logbatch --merge P/year=2026/month=11 >m
	run -0 --separate-stderr logbatch --verify P
	[ "$(jq -c '[.listed, .records]' <<<"$output")" = '[true,3]' ]
	rm "$(find P -name 'merged-*' ! -path '*/_manifests/*')"
	run -3 logbatch --verify P
}

@test "--merge: an object that is not whole stays, and those with it: told, status 3" {
	small 4
	o=$(find A -path '*hour=13*' -name 'n2-*')
	head -c -3 "$o" >x && mv x "$o"
	tree A >before
	run -3 --separate-stderr logbatch --merge A
	[[ $stderr == *"$o: gzip: cut off; left as it is"* ]]
	[ "$(find A -path '*hour=13*' -type f | wc -l)" = 4 ]
	[ "$(find A -path '*/hour=14/*' -type f | wc -l)" = 2 ]
	[ -z "$(find A -name '.*')" ]
	echo hello >A/README && ln -s README A/link
	run -3 logbatch --merge --out=B A
	[ ! -e B/README ]
}

@test "--merge: killed or failing at any change of the disk, each record is there once after the next run" {
	faults=$BATS_TEST_DIRNAME/../build/faults/logbatch
	env -u MAKEFLAGS -u MAKELEVEL -u B make -s -C "$BATS_TEST_DIRNAME/.." build/faults/logbatch \
		B=build/faults CFLAGS='-O1 -g -DLOGSWEEP_FAULTS' >/dev/null 2>&1
	for i in 1 2 3; do
		printf '{"time":"2026-11-22T1%d:00:00Z","log":"%d"}\n' $((3 + i / 3)) "$i" >in
		logbatch --out=A --node="n$i" --manifest in >/dev/null
	done
	records A >want
	cp -r A original
	for mode in place out; do
		last=0
		for kind in kill fail short; do
			for step in $(seq 300); do
				[ "$kind" = kill ] || [ "$step" -lt "$last" ] || break
				rm -rf A B
				cp -r original A
				args=(--merge A)
				[ $mode = place ] || args=(--merge --out=B A)
				r=0
				LOGSWEEP_FAULT=$step:$kind bash -c '"$0" "$@"; exit $?' "$faults" -q "${args[@]}" >/dev/null 2>&1 || r=$?
				[ "$r" -ne 0 ] || [ "$kind" != kill ] || break
				# nothing is lost at any moment
				{ records A; records B 2>/dev/null; } | sort -u | diff want -
				logbatch -q "${args[@]}" >/dev/null
				to=A && [ $mode = place ] || to=B
				records $to | diff want - || { echo "$mode $kind $step"; return 1; }
				[ -z "$(find $to -name '.*')" ] || { find $to -name '.*'; return 1; }
				[ $mode = place ] || diff -r A original
				logbatch -q --verify $to >/dev/null || { echo "verify $mode $kind $step"; return 1; }
			done
			[ "$kind" != kill ] || last=$step
		done
		echo "# $mode: $last steps" >&3
		[ "$last" -gt 20 ]
		[ "$last" -lt 300 ]
	done
}

@test "--merge: of two at once in one directory one is told to come later" {
	small 3
	exec 7<A/year=2026/month=11/day=22/hour=13
	flock 7
	run -75 --separate-stderr logbatch --merge A
	[[ $stderr == *"another merge is at work"* ]]
	exec 7<&-
	run -0 logbatch --merge A
}
