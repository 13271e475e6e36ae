bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert
load limits

# What comes in cannot make a program take more than logsweep(7) says.

setup() {
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
	cd "$BATS_TEST_TMPDIR" || return
}

@test "the table of limits in logsweep(7) is what the code says" {
	cat >names <<'X'
a line of a log|TAIL_LINE|source/tail.h
an xz dictionary|XZSCAN_DICTIONARY_MAX|source/xzscan.h
keys in a message of JSON|KEYS_MAX|parse/keys.h
sections of all files of parsers|CONF_SECTIONS_MAX|parse/conf.h
entries of a section|CONF_ENTRIES_MAX|parse/conf.h
logs whose lines are joined|MLSOURCES_MAX|parse/mlsource.h
what waits in an outbox|SPOOL_WAITING|batch/spool.h
a line of an object that is read again|OBJREAD_LINE_MAX|batch/objread.h
columns of a table|COLUMNS_MAX|batch/columns.h
members of an object in a table|COLUMNS_MEMBERS|batch/columns.h
lists of an archive, and objects that they name|VERIFY_LISTED_MAX|batch/verify.h
the tries of an upload|STORE_TRIES_S|s3/store.h
a line between the programs|NDJSON_LINE_MAX|record/ndjson.h
values within values of JSON|JSCAN_DEPTH|record/jscan.h
a _src that is remembered|RECORD_SRC_MAX|record/record.h
an option that may be repeated|OPT_LIST_MAX|cli/opts.h
files that operands name|FAMILIES_MAX|source/family.h
a log's name, or its directory's, in JSON|FAMILY_NAME_MAX|source/family.h
directories within directories|FAMILY_DEPTH_MAX|source/family.h
names in a directory|LISTING_NAMES_MAX|source/listing.h
rotated files of one log|FAMILY_MEMBERS_MAX|source/family.h
members of an archive|BUNDLE_MEMBERS_MAX|source/bundle.h
a member's name|BUNDLE_NAME_MAX|source/bundle.h
a zip's directory|BUNDLE_DIRECTORY_MAX|source/bundle.h
what an archive unpacks to|READER_EXPAND_LEAST|source/decompress.h
what a compressed log unpacks to|READER_EXPAND_LEAST|source/decompress.h
fields of a message|PARSED_FIELDS_MAX|parse/parser.h
values of a message together|PARSED_BYTES_MAX|parse/parser.h
steps of one match|REGEX_STEPS|parse/regex.h
memory of one match|REGEX_HEAP_KIB|parse/regex.h
a file of parsers|CONF_FILE_MAX|parse/conf.h
files of parsers, with those included|CONF_FILES_MAX|parse/conf.h
lines of a joined message|MULTILINE_LINES|parse/multiline.h
bytes of a joined message|MULTILINE_BYTES|parse/multiline.h
messages being joined at once|MULTILINE_OPEN|parse/multiline.h
memory of all of them|MULTILINE_MEMORY|parse/multiline.h
pods and namespaces|PODTABLE_MAX|kube/podtable.h
memory of pods and namespaces|PODTABLE_BYTES|kube/podtable.h
pods in --cache|PODCACHE_PODS|kube/podcache.h
the file of --cache|PODCACHE_BYTES|kube/podcache.h
a label or annotation|POD_VALUE_MAX|kube/pod.h
labels and annotations of a pod together|POD_MAPS_MAX|kube/pod.h
owners of a pod|POD_OWNERS_MAX|kube/pod.h
containers of a pod|POD_CONTAINERS_MAX|kube/pod.h
what is kept of a pod|POD_LINE_MAX|kube/pod.h
a config.v2.json of Docker|PODLOCAL_CONFIG_MAX|kube/podlocal.h
a token|APISERVER_TOKEN_MAX|kube/apiserver.h
Jobs that are not finished|JOBS_SEEN_MAX|kube/jobs.h
an object of the API|OBJECTS_ITEM_MAX|kube/objects.h
pages of a list|APISERVER_PAGES_MAX|kube/apiserver.h
tries of a request without answer|APISERVER_TRIES|kube/apiserver.h
a kubeconfig|KUBECONFIG_MAX|kube/kubeconfig.h
a template of k8ssweep|JOBS_TEMPLATE_MAX|kube/jobs.h
nodes of a cluster|NODES_MAX|kube/nodes.h
partitions open at once|PARTITIONS_MAX|batch/partition.h
names and positions of a stream's logs|POSITIONS_BYTES|batch/position.h
the sources of one object|MANIFEST_SOURCES_MAX|batch/manifest.h
what an archive's lists cover|VERIFY_RANGES_BYTES|batch/verify.h
objects in a directory that is merged|MERGE_FILES_MAX|batch/merge.h
objects merged into one|MERGE_INPUTS_MAX|batch/merge.h
a key|KEY_MAX|batch/keytemplate.h
a part of a key|KEY_PART_MAX|batch/keytemplate.h
logs in a ledger|LEDGER_LOGS_MAX|ledger/ledger.h
a ledger|LEDGER_MAX|ledger/ledger.h
uploads at once|CREW_THREADS_MAX|s3/crew.h
parts of an object|MULTIPART_PARTS_MAX|s3/multipart.h
files of AWS settings|AWSCONFIG_FILE_MAX|s3/awsconfig.h
an answer with credentials|CREDSOURCE_ANSWER_MAX|s3/credsource.h
an answer of S3|EXCHANGE_ANSWER_MAX|s3/exchange.h
profiles in a row|PROFILE_CHAIN_MAX|s3/profile.h
places of --confine|CONFINE_PLACES_MAX|base/confine.h
X
	mandoc -T utf8 "$BATS_TEST_DIRNAME/../man/logsweep.7" >/dev/null
	{
		cut -d'|' -f3 names | sort -u | sed 's/.*/#include "&"/'
		echo '#include <stdio.h>'
		echo 'int main(void) {'
		awk -F'|' '{ printf "printf(\"%%s|%%lld\\n\", \"%s\", (long long)%s);\n", $1, $2 }' names
		echo '}'
	} >limits.c
	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -I"$BATS_TEST_DIRNAME/../lib" -o limits limits.c
	./limits | sort >code
	sed -n '/^\.Sh LIMITS/,/^\.El/s/^\.It \(.*\) Ta \(.*\) Ta$/\1|\2/p' "$BATS_TEST_DIRNAME/../man/logsweep.7" | sed 's/\\-/-/g' |
		awk -F'|' '{ split($2, v, " "); n = v[1]
			if (v[2] == "KiB" && $1 != "memory of one match") n *= 1024
			if (v[2] == "MiB") n *= 1048576
			if (v[2] == "GiB") n *= 1073741824
			printf "%s|%.0f\n", $1, n }' | sort >page
	[ "$(wc -l <page)" -eq "$(wc -l <names)" ]
	diff page code
}

@test "each row of the table has a test that goes past it, and says so: # past: ROW" {
	cd "$BATS_TEST_DIRNAME"
	sed -n '/^\.Sh LIMITS/,/^\.El/s/^\.It \(.*\) Ta .* Ta$/\1/p' ../man/logsweep.7 | sed 's/\\-/-/g' | sort >"$BATS_TEST_TMPDIR/rows"
	sed -n 's,^\(#\|/\*\) past: \(.*\),\2,p' ./*.bats unit/*.c | sed 's, \*/$,,' | sort -u | diff "$BATS_TEST_TMPDIR/rows" -
}

# past: a line between the programs
@test "a line of 200 MB: wrapped in pieces, exit 3, memory as ever" {
	{ printf '{"log":"'; head -c 200000000 /dev/zero | tr '\0' a; echo '"}'; } >in
	for p in logparse k8smeta; do
		peak $p
		[ "$status" -eq 3 ]
		within 262144
		[ "$(jq -c 'has("_error")' out | sort | uniq -c | awk '{ print $2 }')" = true ]
	done
	peak logbatch --out=o
	[ "$status" -eq 3 ]
	within 262144
}

# past: a line of a log
@test "a log line of 200 MB: cut into marked records, memory as ever" {
	head -c 200000000 /dev/zero | tr '\0' a >in
	peak logtail
	[ "$status" -eq 0 ]
	within 16384
	[ "$(jq -r '.log // "" | length' out | sort -n | tail -1)" -le 1048576 ]
	[ "$(jq -r '.log // "" | length' out | paste -sd+ | bc)" -eq 200000000 ]
}

# past: values within values of JSON
@test "JSON 1024 deep is JSON, deeper is not: the record passes whole" {
	deep() { printf '{"log":"'; printf '{\\"a\\":%.0s' $(seq "$1"); printf 1; printf '}%.0s' $(seq "$1"); printf '"}\n'; }
	deep 1000 >in
	run -0 logparse in
	assert_output --partial log_processed
	deep 1100 >in
	run -0 logparse in
	refute_output --partial log_processed
	assert_output "$(cat in)"
}

# past: keys in a message of JSON
@test "JSON of over 65,536 keys does not fit: the record passes as it is" {
	python3 - 65536 65537 >in <<-'PY'
		import json, sys
		for n in map(int, sys.argv[1:]):
		    print(json.dumps({"log": json.dumps({"k%d" % i: 1 for i in range(n)})}))
	PY
	peak logparse
	ended 0
	[ "$(jq -c '[has("log"), (.log_processed // {} | length)]' out | paste -sd' ')" = '[false,65536] [true,0]' ]
	within 65536
}

# past: sections of all files of parsers
# past: entries of a section
@test "files of parsers with over 4,096 sections, or 1,024 entries in one: exit 2" {
	: >in
	for i in $(seq 4097); do printf '[PARSER]\n Name p%d\n Format json\n' "$i"; done >sections
	{ printf '[PARSER]\n Name p\n Format json\n' && seq -f ' k%.0f v' 1025; } >entries
	peak logparse -R sections
	ended 2 "logparse: sections:"
	peak logparse -R entries
	ended 2 "logparse: entries:"
	within 32768
	cat err
}

# past: steps of one match
@test "a parser that could run away does not: the record is marked, soon" {
	printf '[PARSER]\n    Name evil\n    Format regex\n    Regex ^(?<x>(a+)+)+$\n' >parsers.conf
	{ printf '{"log":"'; head -c 5000 /dev/zero | tr '\0' a; echo '!"}'; } >in
	run -3 --separate-stderr timeout 20 logparse -R parsers.conf -p evil in
	[ "$(jq -r '.log | length' <<<"$output")" -eq 5001 ]
	[ "$(jq -r '._error | .by, .why' <<<"$output" | paste -sd' ')" = "logparse parser evil: given up: the pattern takes too many steps on this text" ]
}

# past: an option that may be repeated
# past: uploads at once
# past: a file of parsers
@test "an option given too often, too many threads, a file of parsers that is too large: exit 2" {
	x=()
	for i in $(seq 257); do x+=("-x" "$i"); done
	run -2 logtail "${x[@]}" /nonexistent
	assert_output --partial "given more than 256 times"
	run -2 s3put -j 65 file:///nonexistent </dev/null
	assert_output --partial "from 1 to 64"
	{ echo '[PARSER]'; head -c 5000000 /dev/zero | tr '\0' '#'; } >parsers.conf
	: >in
	peak logparse -R parsers.conf
	ended 2 "logparse: parsers.conf: larger than 4194304 bytes"
	within 16384
}

@test "20,000 partitions: one object each, in bounded memory" {
	python3 - >in <<-'PY'
		for i in range(20000):
		    print('{"time":"%04d-%02d-%02dT%02d:00:00Z","log":"x"}' % (2000 + i // 8064, i // 672 % 12 + 1, i // 24 % 28 + 1, i % 24))
	PY
	peak logbatch --out=o
	[ "$status" -eq 0 ]
	[ "$(wc -l <out)" -eq 20000 ]
	within 131072
}

# past: partitions open at once
@test "partitions that no mark allows to commit: 65,536, then exit 1, and nothing is committed" {
	python3 - >in <<-'PY'
		src = '{"_src":{"file":"/a","id":"0123456789abcdef/o","gen":0,"end":%d}'
		print(src % 0 + "}")
		for i in range(65537):
		    print(src % (i + 1) + ',"time":"2026-11-22T13:00:00Z","k":"%d"}' % i)
	PY
	peak logbatch --state=S --key='{k}-{id}.gz'
	ended 1 "logbatch: 65536 partitions are open, and nothing of them may be committed before their files are marked done: give a --key with fewer"
	[ ! -s out ]
	[ -z "$(find S/outbox S/tmp -type f)" ]
	jq -e '.gen == 0 or (.batches | length) == 0' S/ledger.json
	within 131072
}

# past: the sources of one object
@test "40,000 logs of 2 KB names in an hour: objects with 8 MiB of sources, each record and range once" {
	python3 - >in <<-'PY'
		name = "x" * 2000
		for i in range(40000):
		    src = '"_src":{"file":"%s%d","id":"%016x","gen":0,"end":' % (name, i, i)
		    print("{" + src + '0}}')
		    for end in 3, 7:
		        print("{" + src + '%d},"time":"2026-11-22T13:00:00Z","log":"%d.%d"}' % (end, i, end))
		        print("{" + src + '%d,"at":0,"sum":"0"}}' % end) # so that a cut falls within a log
		    print("{" + src + '7,"stat":"1:%d:7:1","final":true}}' % i)
	PY
	peak logbatch --state=S
	ended 0
	python3 - <<-'PY'
		import glob, gzip, json
		cut = 0
		seen, logs, objects = {}, set(), [json.loads(l) for l in open("out", "rb")]
		assert len(objects) > 9, len(objects)
		for o in objects:
		    text = [json.loads(l)["log"] for l in gzip.open(o["path"])]
		    assert len(text) == o["records"] and not logs & set(text)
		    logs |= set(text)
		    room = json.dumps(o["sources"], separators=(",", ":"))
		    assert len(room) < (8 << 20) + 4096, len(room)
		    for s in o["sources"]:
		        i = int(s["id"], 16)
		        cut += i in seen
		        assert s["from"] == seen.get(i, 0) and s["to"] > s["from"], s
		        seen[i] = s["to"]
		    assert text == ["%d.%d" % (int(s["id"], 16), e) for s in o["sources"] for e in (3, 7) if s["from"] < e <= s["to"]]
		assert len(logs) == 80000 and set(seen.values()) == {7} and cut > 0
	PY
}

# past: a line of an object that is read again
# past: lists of an archive, and objects that they name
@test "an object with a line of over 128 MiB is wrong, exit 3; lists of over 2,097,152 objects: told, exit 1" {
	[ -z "$UNDER" ] || skip "hundreds of MiB"
	: >in
	mkdir O
	{ printf '{"log":"' && head -c 200000000 /dev/zero | tr '\0' x && echo '"}'; } | gzip -1 >O/a.ndjson.gz
	peak logbatch --verify O
	ended 3 "logbatch: 1 wrong, 0 missing"
	[ "$(jq -c .why out)" = '["line 1: over 134217728 bytes"]' ]
	within 196608
	peak logbatch --print-ddl=duckdb --out=/x O/a.ndjson.gz
	ended 1 "O/a.ndjson.gz: line 1: over 134217728 bytes"
	rm -r O && mkdir -p O/_manifests
	seq -f '{"key":"%.0f","bytes":1,"records":1}' 2097153 | gzip -1 >O/_manifests/a.gz
	peak logbatch --verify O
	ended 1 "logbatch: O: lists of more than 2097152 objects; verify its parts one by one"
	within 786432
	seq -f '{"commit":"%016.0f","part":1,"parts":1,"objects":0,"records":0}' 2097153 | gzip -1 >O/_manifests/a.gz
	peak logbatch --verify O
	ended 1 "logbatch: O: lists of more than 2097152 commits; verify its parts one by one"
	within 786432
}

# past: columns of a table
# past: members of an object in a table
@test "objects of thousands of members become JSON text or a map in a table: no more columns than 2,000" {
	python3 - >in <<-'PY'
		import json
		print(json.dumps({"log": "x", "many": {"m%d" % i: i % 2 and "s" or i for i in range(5000)},
		    "wide": {"w%d" % i: {"x%d" % k: 1 for k in range(100)} for i in range(100)}}))
	PY
	cp in records
	: >in
	peak logbatch --print-ddl=duckdb --out=/x records
	ended 0
	[ "$(grep -o '"[a-z]*[0-9]*" [A-Z]' out | wc -l)" -le 2000 ]
	! grep -q m4999 out
	within 32768
}

# past: what an archive's lists cover
@test "lists that cover too many logs: told, exit 1; ranges that join take no room" {
	[ -z "$UNDER" ] || skip "hundreds of MiB"
	lists() { # lists FILES RANGES NAME FROM: each list covers RANGES ranges, of one log if FROM moves on
		rm -rf A && mkdir -p A/_manifests
		python3 - "$@" <<-'PY'
		import gzip, json, sys
		files, ranges, name, one = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "one"
		for f in range(files):
		    at = [f * ranges + i for i in range(ranges)]
		    covered = [{"file": "n" * name, "id": "%016x" % (7 if one else i), "from": 10 * i, "to": 10 * i + 10} for i in at]
		    with gzip.open("A/_manifests/%d.gz" % f, "wt", 1) as o:
		        json.dump({"commit": "%016x" % f, "part": 1, "parts": 1, "node": "n", "objects": 0, "records": 0, "covered": covered}, o, separators=(",", ":"))
		        o.write("\n")
		PY
	}
	: >in
	lists 4 1400 60000 many
	peak logbatch --verify A
	ended 1 "logbatch: A: lists that cover more logs than fit into 256 MiB; verify its parts one by one"
	within 655360
	lists 4 200000 60 one
	peak logbatch --verify A
	ended 0
	within 131072
}

# past: objects in a directory that is merged
# past: objects merged into one
@test "more objects than are merged into one: two; more than a directory may have: told, exit 1, memory flat" {
	[ -z "$UNDER" ] || skip "a million files"
	many() { # many N: N objects of a record each in A
		rm -rf A && mkdir A && printf '{"time":"2026-11-22T13:00:00Z","log":"x"}\n' | gzip -n >one.gz
		python3 - "$1" <<-'PY'
		import os, sys
		for i in range(int(sys.argv[1])):
		    if i % 60000 == 0:
		        base = "A/first%d.gz" % i
		        open(base, "wb").write(open("one.gz", "rb").read())
		    else:
		        os.link(base, "A/%d.gz" % i)
		PY
	}
	: >in
	many 16386
	peak logbatch --merge --out=B A
	[ "$status" -eq 0 ]
	[ "$(jq -c '[(.inputs | length), .records]' out | paste -sd' ')" = '[16384,16384] [2,2]' ]
	[ "$(find B -type f | wc -l)" -eq 2 ]
	within 32768
	many 1048577
	peak logbatch --merge --out=C A
	[ "$status" -eq 1 ]
	[ "$(cat err)" = "logbatch: A: over 1048576 objects in one directory: name some of them instead" ]
	[ -z "$(find C -type f)" ]
	within 262144
	rm -rf A
}

# past: a key
@test "a key of over 1,024 bytes: values are cut, a template that cannot be is refused: exit 2" {
	for c in x y; do
		printf '{"time":"2026-11-22T13:00:00Z","log":"%s","k":"%s%s"}\n' $c "$(head -c 5000 /dev/zero | tr '\0' k)" $c
	done >in
	peak logbatch --out=o --key='{k}/{k}/{k}-{id}.gz'
	ended 0
	[ "$(jq -r .key out | wc -l)" -eq 2 ]
	[ "$(jq -r '.key | length <= 1024' out | sort -u)" = true ]
	[ "$(find o -name '*.gz' -exec zcat {} + | jq -r .log | sort | paste -sd' ')" = "x y" ]
	rm -r o
	peak logbatch --out=o --key="$(head -c 1100 /dev/zero | tr '\0' k)-{id}.gz"
	ended 2 "logbatch: --key: gives keys over 1024 bytes"
	[ ! -e o ]
}

# past: a part of a key
@test "a part of a key of over 255 bytes: values are cut so that file:// takes it, a template that cannot be is refused: exit 2" {
	long=$(head -c 200 /dev/zero | tr '\0' n)
	for c in x y; do
		printf '{"time":"2026-11-22T13:00:00Z","log":"%s","kubernetes":{"namespace_name":"%.63s","pod_name":"%s%s","container_name":"%.63s"}}\n' \
			$c "$long" "$long" $c "$long"
	done >in
	key='{kubernetes.namespace_name}_{kubernetes.pod_name}_{kubernetes.container_name}-{id}.ndjson.gz'
	peak logbatch --state=S --key="$key"
	ended 0
	[ "$(jq -r '.key | length <= 255 and test("-[0-9a-f]{16}[.]ndjson[.]gz$")' out | sort | uniq -c | awk '{ print $1 $2 }')" = 2true ]
	# a namespace and a container that fit their share are whole
	[ "$(jq -r '.key | split("_") | .[0] | length' out | sort -u)" -eq 63 ]
	run -0 --separate-stderr s3put --state=S "file://$PWD/dest" <out
	[ "$(find dest -name '*.gz' -exec zcat {} + | jq -r .log | sort | paste -sd' ')" = "x y" ]
	peak logbatch --out=o --key="$(head -c 250 /dev/zero | tr '\0' k)-{id}.gz"
	ended 2 "logbatch: --key: gives keys with a part over 255 bytes"
	[ ! -e o ]
}

# past: logs in a ledger
@test "more logs than a ledger has room for: those that it has are read on, new ones told, exit 3, until there is room" {
	line() { printf '2026-11-22T13:00:%02d.000000000Z stdout F %s\n' "$1" "$2"; }
	sweep() { logtail --state=S --stats=stats d 2>err >rec && status=0 || status=$?; logbatch --state=S rec >m; }
	pad() { # as if N logs more were known, with long names
		python3 - "$1" <<-'PY'
		import hashlib, json, sys
		head, rest = open("S/ledger.json").read().split("\n", 1)
		l = json.loads("{" + rest)
		l["files"] = [f for f in l["files"] if f["dir"] != "/pad"]
		for i in range(int(sys.argv[1])):
		    l["files"].append({**l["files"][0], "id": "%016x/o" % i, "file": "n" * 4000, "dir": "/pad"})
		rest = json.dumps(l, separators=(",", ":"))[1:] + "\n"
		head = head.replace(json.loads(head.rstrip(",") + "}")["sha256"], hashlib.sha256(rest.encode()).hexdigest())
		for name in "S/ledger.json", "S/ledger.copy.json":
		    open(name, "w").write(head + "\n" + rest)
		PY
	}
	mkdir d
	line 1 one >d/old.log
	sweep
	[ "$status" -eq 0 ]
	pad 45230
	line 2 two >>d/old.log
	line 1 a >d/new-a.log
	line 1 b >d/new-b.log
	line 1 c >in && tar czf d/c.tgz in
	sweep
	[ "$status" -eq 3 ]
	[ "$(cat err)" = "logtail: $PWD/d/new-a.log: not read, as all new logs from here on: those that the ledger has take 192 MiB of it; sweep some with another --state" ]
	[ "$(tail -n 1 stats | jq .unreadable)" -eq 3 ]
	[ "$(jq -r '.log // empty' rec)" = two ]
	[ "$(jq -s "map(.records) | add" m)" -eq 2 ]
	: >in
	peak logtail --state=S --stats=stats d
	[ "$status" -eq 3 ]
	within 524288
	pad 100
	sweep
	[ "$status" -eq 0 ]
	[ "$(jq -r '.log // empty' rec | sort | paste -sd' ')" = "a b c" ]
}

# past: a ledger
@test "a ledger of over 256 MiB: exit 1 everywhere, unread, and nothing is committed" {
	echo '{"log":"x"}' >in
	logbatch --state=S in >m
	ls S/outbox >before
	mv m in
	truncate -s 257M S/ledger.json S/ledger.copy.json
	for p in "logbatch --state=S" "logtail --state=S in" "logsweep-status --state=S" "s3put --state=S file://$PWD/dest"; do
		# shellcheck disable=SC2086
		peak $p
		ended 1 "ledger.json: larger than 268435456 bytes"
		# s3put tells it of the object too
		[[ $p == s3put* || ! -s out ]]
		within 16384
	done
	ls S/outbox | diff before -
}

@test "200 MiB of manifests that wait in a ledger: logtail reads on from its cursors, memory as ever" {
	echo '{"log":"x"}' | logbatch --state=S >/dev/null
	seq 1000 >log
	logtail --state=S log | logbatch --state=S >/dev/null
	python3 - <<-'PY'
		import hashlib
		head, rest = open("S/ledger.json", "rb").read().split(b"\n", 1)
		batch = b'{"name":"b%d","manifest":{"key":"k%d","pad":"' + b"x" * (20 << 20) + b'"}},\n'
		rest = rest.replace(b'"batches":[\n', b'"batches":[\n' + b"".join(batch % (i, i) for i in range(10)))
		for name in "ledger", "ledger.copy":
		    with open("S/%s.json" % name, "wb") as f:
		        f.write(b'{"format":"logsweep-ledger-1","sha256":"%s",\n' % hashlib.sha256(rest).hexdigest().encode() + rest)
	PY
	echo 1001 >>log
	>in
	peak logtail --state=S log
	ended 0
	[ "$(jq -r '.log // empty' out)" = 1001 ]
	within 16384
}

# past: places of --confine
@test "more places than 512: without Landlock, told with -v, and all is read" {
	told=$(echo | logparse -v 2>&1 | grep confined) || skip "not in this build"
	[[ $told == *Landlock*"system calls"* ]] || skip "this kernel: $told"
	for i in $(seq 520); do mkdir -p d/$i; echo '{"log":"'"$i"'"}' >d/$i/f; done
	: >in
	peak logparse -v d/*/f
	ended 0 "logparse: confined: no new privileges, system calls"
	[ "$(wc -l <out)" -eq 520 ]
	rm -r d/5??
	peak logparse -v d/*/f
	ended 0 "Landlock"
}
