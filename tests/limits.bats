bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

# What comes in cannot make a program take more than logsweep(7) says.

setup() {
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
	cd "$BATS_TEST_TMPDIR" || return
}

# peak COMMAND...: runs it, its most memory in KiB is in $kib
peak() {
	python3 - "$@" 3>&1 >out 2>err <<-'PY' >peak.out || true
		import resource, subprocess, sys
		r = subprocess.run(sys.argv[1:], stdin=open("in", "rb"), stdout=open("out", "wb"), stderr=open("err", "wb"))
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, r.returncode)
	PY
	read -r kib status <peak.out
}

# within KIB: the programs proper; sanitizers take what they take
within() {
	nm "$(command -v logparse)" 2>/dev/null | grep -q '__[at]san_' || [ "$kib" -le "$1" ] || { echo "$kib KiB" && return 1; }
}

@test "the table of limits in logsweep(7) is what the code says" {
	cat >names <<'X'
a line between the programs|NDJSON_LINE_MAX|record/ndjson.h
values within values of JSON|JSCAN_DEPTH|record/jscan.h
a _src that is remembered|RECORD_SRC_MAX|record/record.h
an option that may be repeated|OPT_LIST_MAX|cli/opts.h
rotated files of one log|FAMILY_MEMBERS_MAX|source/family.h
members of an archive|BUNDLE_MEMBERS_MAX|source/bundle.h
a member's name|BUNDLE_NAME_MAX|source/bundle.h
a zip's directory|BUNDLE_DIRECTORY_MAX|source/bundle.h
what an archive unpacks to|BUNDLE_EXPAND_LEAST|source/bundle.h
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
pods in --cache|PODCACHE_PODS|kube/podcache.h
the file of --cache|PODCACHE_BYTES|kube/podcache.h
an object of the API|OBJECTS_ITEM_MAX|kube/objects.h
pages of a list|APISERVER_PAGES_MAX|kube/apiserver.h
tries of a request without answer|APISERVER_TRIES|kube/apiserver.h
a kubeconfig|KUBECONFIG_MAX|kube/kubeconfig.h
a template of k8ssweep|JOBS_TEMPLATE_MAX|kube/jobs.h
nodes of a cluster|NODES_MAX|kube/nodes.h
partitions open at once|PARTITIONS_MAX|batch/partition.h
a key|KEY_MAX|batch/keytemplate.h
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

@test "a log line of 200 MB: cut into marked records, memory as ever" {
	head -c 200000000 /dev/zero | tr '\0' a >in
	peak logtail
	[ "$status" -eq 0 ]
	within 16384
	[ "$(jq -r '.log // "" | length' out | sort -n | tail -1)" -le 1048576 ]
}

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

@test "a parser that could run away does not: the record is marked, soon" {
	printf '[PARSER]\n    Name evil\n    Format regex\n    Regex ^(?<x>(a+)+)+$\n' >parsers.conf
	{ printf '{"log":"'; head -c 5000 /dev/zero | tr '\0' a; echo '!"}'; } >in
	run -3 --separate-stderr timeout 20 logparse -R parsers.conf -p evil in
	[ "$(jq -r '.log | length' <<<"$output")" -eq 5001 ]
	[ "$(jq -r '._error.by' <<<"$output")" = logparse ]
}

@test "an option given too often, too many threads, a file of parsers that is too large: exit 2" {
	x=()
	for i in $(seq 257); do x+=("-x" "$i"); done
	run -2 logtail "${x[@]}" /nonexistent
	assert_output --partial "given more than 256 times"
	run -2 s3put -j 65 file:///nonexistent </dev/null
	assert_output --partial "from 1 to 64"
	{ echo '[PARSER]'; head -c 5000000 /dev/zero | tr '\0' '#'; } >parsers.conf
	run -2 logparse -R parsers.conf </dev/null
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
