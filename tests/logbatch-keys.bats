bats_require_minimum_version 1.5.0

# Where objects go: hours of zones, fields of records, and what hostile values make of keys.

load logbatch
setup() { begin; }

at() { printf '{"time":"%s","log":"%s"}\n' "$1" "$2"; }
zones() { [ -e /usr/share/zoneinfo/Asia/Kolkata ] || skip "no tzdata"; }

@test "--tz moves the names of directories only: the records and their times stay" {
	zones
	{
		at 2026-11-22T22:59:59Z evening
		at 2026-11-22T23:00:00Z midnight
		at 2025-12-31T23:30:00Z newyear
		at 2026-11-23T00:30:00.5+01:00 zoned
	} >in
	for tz in Europe/Berlin +01:00; do
		logbatch --out="$tz" --tz="$tz" in >m
		diff <(held "$tz") - <<-'E'
			year=2026/month=01/day=01/hour=00/n-ID.ndjson.gz: newyear
			year=2026/month=11/day=22/hour=23/n-ID.ndjson.gz: evening
			year=2026/month=11/day=23/hour=00/n-ID.ndjson.gz: midnight zoned
		E
	done
	diff -r Europe +01:00 >/dev/null || diff -r Europe/Berlin +01:00
	find +01:00 -type f -exec zcat {} + | sort | diff - <(sort in)
	[ "$(jq -r 'select(.records == 2) | .first_time' m)" = 2026-11-22T23:00:00Z ]
}

@test "--tz: of the two hours of an autumn night each is an object, in one directory or two" {
	zones
	for m in 00 59; do
		at 2026-10-25T00:$m:00Z summer$m
		at 2026-10-25T01:$m:00Z winter$m
		at 2026-10-25T02:$m:00Z three$m
	done >in
	logbatch --out=O --tz=Europe/Berlin --key='%H/{seq}-{id}.gz' in | jq -r .first_time >times
	diff <(held O | sort) - <<-'E'
		02/0000-ID.gz: summer00 summer59
		02/0000-ID.gz: winter00 winter59
		03/0000-ID.gz: three00 three59
	E
	[ "$(paste -sd' ' times)" = "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z 2026-10-25T02:00:00Z" ]
	logbatch --out=P --tz=Europe/Berlin --key='%H%z/%s-{id}.gz' in >/dev/null
	diff <(held P) - <<-'E'
		02+0100/1792890000-ID.gz: winter00 winter59
		02+0200/1792886400-ID.gz: summer00 summer59
		03+0100/1792893600-ID.gz: three00 three59
	E
	# and in spring no hour is made up
	{ at 2026-03-29T00:59:59Z one && at 2026-03-29T01:00:00Z three; } >in
	logbatch --out=Q --tz=Europe/Berlin --key='%H/{id}.gz' in >/dev/null
	diff <(held Q) - <<<$'01/ID.gz: one\n03/ID.gz: three'
}

@test "--tz: in zones half an hour off the directories tell each record's own local hour" {
	zones
	for m in 00 29 30 59; do at 2026-11-22T13:$m:00Z 13$m && at 2026-11-22T14:$m:00Z 14$m; done >in
	for tz in Asia/Kolkata +05:30; do
		logbatch --out="$tz" --tz="$tz" --key='%H/{id}.gz' in >/dev/null
		diff <(held "$tz") - <<-'E'
			18/ID.gz: 1300 1329
			19/ID.gz: 1400 1429 1330 1359
			20/ID.gz: 1430 1459
		E
	done
	logbatch --out=K --tz=Asia/Kathmandu --key='%H/{id}.gz' in >/dev/null
	[ "$(held K | cut -d: -f1 | paste -sd' ')" = "18/ID.gz 19/ID.gz 20/ID.gz" ]
	# the clocks of Lord Howe go back by half an hour
	{ at 2026-04-04T14:45:00Z before && at 2026-04-04T15:15:00Z after; } >in
	logbatch --out=L --tz=Australia/Lord_Howe --key='%H%z/{id}.gz' in >/dev/null
	diff <(held L) - <<<$'01+1030/ID.gz: after\n01+1100/ID.gz: before'
	run -2 --separate-stderr logbatch --out=X --tz=Mars/Base in
	[[ $stderr == "logbatch: "*Mars/Base* ]]
	[ ! -e X ]
}

@test "records without a time: where the one before them is, else 1970, told in the manifest" {
	{
		mark a 0
		printf '{%s,"log":"none"}\n' "$(src a 10)"
		rec a 20 2026-11-22T13:00:00Z one
		printf '{%s,"log":"with one"}\n' "$(src a 30)"
		mark a 30
	} >in
	run -0 --separate-stderr logbatch --out=O --key='%Y%m%d%H/{first}-{last}-{id}.gz' in
	diff <(held O) - <<-'E'
		1970010100/untimed-untimed-ID.gz: none
		2026112213/20261122T130000Z-20261122T130000Z-ID.gz: one with one
	E
	[ "$(jq -c '[.records, .untimed, .first_time]' <<<"$output" | paste -sd' ')" = \
		'[1,1,null] [2,1,"2026-11-22T13:00:00Z"]' ]
}

ns() { printf '{"time":"2026-11-22T13:00:00Z","log":"%s","kubernetes":{"pod_name":"p","namespace_name":"%s"}}\n' "$2" "$1"; }

@test "{field.path}: each value has objects of its own, wherever the member stands" {
	{
		ns shop 1
		ns shop 2
		ns bank 3
		ns shop 4
		printf '{"kubernetes":{"namespace_name":"bank"},"time":"2026-11-22T13:00:00Z","log":"5"}\n'
		printf '{"time":"2026-11-22T14:00:00Z","log":"6","kubernetes":{"namespace_name":"b\\u0061nk"}}\n'
		printf '{"time":"2026-11-22T13:00:00Z","log":"7"}\n'
		printf '{"time":"2026-11-22T13:00:00Z","log":"8,\\"kubernetes\\":{\\"namespace_name\\":\\"shop\\"}}"}\n'
		printf '{"time":"2026-11-22T13:00:00Z","log":"9","kubernetes":{"namespace_name":null}}\n'
		printf '{"a":{"time":"x","log":"y","kubernetes":{"pod_name":"p","namespace_name":"shop"}},"time":"2026-11-22T13:00:00Z","log":"10"}\n'
		printf 'bad line\n'
	} >in
	run -3 --separate-stderr logbatch --out=O --key='ns={kubernetes.namespace_name}/%H/{id}.gz' in
	held O >got
	diff got - <<-'E'
		_errors/ns=__HIVE_DEFAULT_PARTITION__/13/ID.gz: bad line
		ns=__HIVE_DEFAULT_PARTITION__/13/ID.gz: 7 8,"kubernetes":{"namespace_name":"shop"}} 9 10
		ns=bank/13/ID.gz: 3 5
		ns=bank/14/ID.gz: 6
		ns=shop/13/ID.gz: 1 2 4
	E
	logbatch -q --out=P --key='{kubernetes.labels.app.kubernetes.io/name}/{kubernetes.namespace_name}-{id}.gz' - <<-'E' >m
		{"log":"1","kubernetes":{"namespace_name":"a","labels":{"app.kubernetes.io/name":"web"}}}
		{"log":"2","kubernetes":{"namespace_name":"b","labels":{"app.kubernetes.io/name":"web"}}}
		{"log":"3","kubernetes":{"namespace_name":"b"}}
	E
	diff <(held P) - <<<$'none/b-ID.gz: 3\nweb/a-ID.gz: 1\nweb/b-ID.gz: 2'
}

@test "what a label holds stays within its part of the key: 3000 hostile values" {
	python3 - >in <<-'E'
		import json, random
		r = random.Random(6)
		bits = ['/', '//', '..', '.', '_', '%', '%2F', '\\', '"', '\0', '\n', ' ', '+', '=', '~', 'é', '\U0001f600', '\ud800', 'none', 'a', 'B9', '-' * 50, '/' * 400]
		for i in range(3000):
		    v = r.choice([''.join(r.choice(bits) for _ in range(r.randrange(9))), r.random(), None, True, [], {'a': 1}, 10 ** 400])
		    print(json.dumps({'time': '2026-11-22T13:00:00Z', 'log': str(i), 'l': {'x': v, 'y': r.choice(['..', '', '/', 'y'])}}))
	E
	logbatch --out=O --key='logs/{l.x}/{l.y}/x={l.x}/%H-{id}.gz' in >m
	python3 - <<-'E'
		import json, os
		keys = [json.loads(l)['key'] for l in open('m')]
		assert len(keys) > 300 and len(keys) == len(set(keys))
		for k in keys:
		    parts = k.split('/')
		    assert len(parts) == 5 and parts[0] == 'logs', k
		    assert all(p not in ('', '.', '..') and p[0] not in '_.' for p in parts), k
		    assert len(k.encode()) <= 1016 and k.isascii() and k.isprintable() and ' ' not in k, k
		    assert os.path.isfile('O/' + k)
		assert sum(json.loads(l)['records'] for l in open('m')) == 3000
	E
	[ "$(ls)" = $'O\nin\nm' ]
	[ "$(ls O)" = logs ]
}

@test "objects are the same bytes under the same keys again, with zones, fields and numbers" {
	zones
	for i in $(seq 800); do ns "ns$((i % 7))" "$i $(head -c 15000 /dev/urandom | base64 -w0)"; done >in
	for d in A B; do
		logbatch --out=$d --tz=Asia/Kolkata --max-size=50K \
			--key='{kubernetes.namespace_name}/%F/%H%z-{first}-{last}-{seq}-{id}.gz' in >m
	done
	diff -r A B
	jq -r .key m | sed 's/.*Z-\(.*\)-.*/\1/' | sort | uniq -c | awk '{ print $2 }' | head -n 3 | paste -sd' ' | grep -x '0000 0001 0002'
}

@test "equal records that name no source, cut by --max-size, are all kept" {
	for i in $(seq 4000); do echo '{"time":"2026-11-22T13:00:00Z","log":"same"}'; done >in
	run -0 --separate-stderr logbatch --out=O --max-size=1 in
	find O -type f -exec zcat {} + | wc -l | grep -x 4000
	seq 60000 | sed 's/.*/{"time":"2026-11-22T13:00:00Z","log":"same"}/' >in
	logbatch --state=S --max-size=1 in | jq -s 'map(.records) | add' | grep -x 60000
	jq -r '.batches[].name' S/ledger.json | sort | uniq -d | diff - /dev/null
}

@test "10,000 open partitions: under 64 MiB, one object each" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: memory is measured"
	python3 - >in <<-'E'
		for k in range(20):
		    for i in range(10000):
		        print('{"time":"2026-11-22T13:00:00Z","log":"%d","pad":"%s","kubernetes":{"namespace_name":"n%d"}}' % (k, ('%d' % (i * 7919)) * 20, i))
	E
	logbatch --out=O --key='{kubernetes.namespace_name}-{id}.gz' in >m
	[ "$(jq -s 'length, (map(.records) | unique)' m | tr -d ' \n')" = '10000[20]' ]
	# as the kernel counts it
	python3 - <<-'E'
		import os, resource, subprocess
		subprocess.run(['logbatch', '--out=P', '--key={kubernetes.namespace_name}-{id}.gz', 'in'], stdout=subprocess.DEVNULL, check=True)
		peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		print('# peak %d KiB' % peak)
		assert peak < 64 << 10 or 'san' in os.environ.get('B', ''), peak
	E
}

@test "more than 16,384 partitions are committed in turns: memory stays, nothing is lost" {
	for i in $(seq 40000); do echo '{"log":"'$i'","k":"k'$i'"}'; done >in
	logbatch --out=O --key='{k}-{id}.gz' in >m
	[ "$(jq -s 'map(.records) | add' m)" = 40000 ]
	[ "$(find O -type f | wc -l)" = 40000 ]
}

@test "keys of Fluent Bit and Fluentd are refused with what to write instead" {
	echo '{}' >in
	for k in '%{path}%{time_slice}_%{index}.%{file_extension}' '$TAG[2]/%Y/$UUID.gz' '%Y/%M/{id}'; do
		run -2 --separate-stderr logbatch --out=O --key="$k" in
		[[ $stderr == "logbatch: --key: "* ]]
	done
	# the page says what to write, and that works
	grep -o "^\.Dl --key='.*'" "$BATS_TEST_DIRNAME/../man/key-template.5" | sed "s/^\.Dl --key='//; s/'$//" >templates
	[ "$(wc -l <templates)" -ge 3 ]
	while read -r t; do logbatch -n --out=O --key="$t" in >/dev/null; done <templates
}

@test "an object is read by gzip, Python and Ruby, and is one member for each" {
	ns shop 1 >in
	for level in fast 1 6 9; do
		o=$(logbatch --out=O$level --gzip=$level in | jq -r .path)
		gzip -t "$o"
		zcat "$o" | cmp - in
		python3 -c 'import gzip, sys; assert gzip.open(sys.argv[1]).read() == open("in", "rb").read()' "$o"
		command -v ruby >/dev/null || continue
		ruby -rzlib -e 'f = File.open(ARGV[0], "rb"); z = Zlib::GzipReader.new(f)
			abort "header" unless z.orig_name.to_s == "" && z.mtime.to_i == 0
			abort "content" unless z.read == File.binread("in") && z.unused.nil?
			z.finish
			abort "more" unless f.eof?' "$o"
	done
}
