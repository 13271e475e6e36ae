bats_require_minimum_version 1.5.0

# examples/fluentbit2logsweep: the pipe that a Fluent Bit configuration describes.

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
data=$top/tests/data/fluentbit
convert=$top/examples/fluentbit2logsweep

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
}

# config TEXT: a configuration with a tail input, the text, and an S3 output
config() {
	printf '[INPUT]\n name tail\n path /l/*.log\n tag t.*\n read_from_head on\n%s\n' "$1"
	[[ $1 == *OUTPUT* ]] || printf '[OUTPUT]\n name s3\n match *\n bucket b\n s3_key_format /year=%%Y/month=%%m/day=%%d/hour=%%H\n compression gzip\n'
}

# runs HERE: the script printed runs, with the machine's directories in HERE and a directory as the bucket
runs() {
	for p in logtail logparse k8smeta logbatch s3put; do
		"$p" --version 2>/dev/null | grep -q '(logsweep)' || skip "$p is not built"
	done
	sed "s|/var/lib/logsweep|$1/S|g; s|/var/log/containers|$1/logs|; s| --api | --pods=$1/pods.json |; s|-R /fluent-bit[^ ]* ||g
		s|s3://[^ ]*|file://$1/archive|; s|--region=[^ ]* ||; s|--storage-class=[^ ]* ||" printed >script
	! grep -qE '/var/|s3://' script
	DESTINATION=file://$1/archive run -0 --separate-stderr bash script
}

# pods: what `kubectl get pods -A -o json` says of the pods below
pods() {
	jq -n '{kind: "List", items: [["web-0", "shop", "app"], ["dns-1", "kube-system", "dns"] |
		{metadata: {name: .[0], namespace: .[1], uid: "uid-\(.[0])", creationTimestamp: "2026-11-20T08:00:00Z"},
		 spec: {nodeName: "n", containers: [{name: .[2]}]}}]}' >pods.json
}

logs() {
	pods
	mkdir -p logs
	for i in 1 2 3; do
		printf '2026-11-22T13:00:0%d.5Z stdout F {"level":"info","n":%d}\n' $i $i
	done >"logs/web-0_shop_app-$(printf '%064d' 1).log"
	sed 's/\.5Z/.7Z/' logs/web* >"logs/dns-1_kube-system_dns-$(printf '%064d' 2).log"
	echo '2026-11-22T13:00:09Z stderr F plain' >>"logs/dns-1_kube-system_dns-$(printf '%064d' 2).log"
}

@test "the usual configuration of a cluster: the pipe runs, and Elasticsearch, the journal and the server are told" {
	run -3 --separate-stderr "$convert" "$data/kubernetes.conf"
	printf '%s\n' "$output" >printed
	[ "${#stderr_lines[@]}" -eq 5 ]
	for what in 'http_server On' 'health_check On' 'input systemd' 'output es'; do
		grep -qE "^fluentbit2logsweep: .*:[0-9]+: $what: not carried over: ..." <<<"$stderr"
	done
	grep -q 'read_from_head: note: ' <<<"$stderr"
	[[ $output == *"--exclude |"*"--parser-from=kubernetes.parser --merge --keep=no |"* ]]
	[[ $output == *"-R /fluent-bit/etc/parsers.conf -R /fluent-bit/etc/conf/custom_parsers.conf "* ]]
	logs
	runs "$PWD"
	find archive -name '*.gz' -exec zcat {} + >records
	[ "$(wc -l <records)" -eq 7 ]
	[ "$(jq -s 'map(select(.level == "info" and has("log") == false)) | length' records)" -eq 6 ]
	[ "$(jq -r 'select(has("log")) | .log + .kubernetes.pod_name' records)" = plaindns-1 ]
}

@test "a configuration with S3: layout, size and class; what is lost is told with its line" {
	run -3 --separate-stderr "$convert" "$data/s3.conf"
	printf '%s\n' "$output" >printed
	cat >want <<'END'
logtail --state=/var/lib/logsweep -x '*_kube-system_*' --ignore-older=2d '/var/log/containers/*.log' |
    k8smeta --node="${NODE:-$(uname -n)}" --cache=/var/lib/logsweep/pods --api --annotations= |
    logparse --keep=yes |
    logbatch --state=/var/lib/logsweep --node="${NODE:-$(uname -n)}" --max-size=128M |
    s3put --state=/var/lib/logsweep --region=eu-central-1 --storage-class=STANDARD_IA s3://acme-logs/prod
END
	sed -n '/^logtail/,$p' printed | diff want -
	grep -q 's3.conf:22: filter grep: not carried over' <<<"$stderr"
	grep -q 's3.conf:37: role_arn .*: not carried over' <<<"$stderr"
	grep -q '\$TAG\[4\]: not carried over: .*{kubernetes.namespace_name}' <<<"$stderr"
	logs
	touch logs/*
	runs "$PWD"
	[ "$(find archive -name '*.gz' -exec zcat {} + | wc -l)" -eq 3 ]
	find archive -name '*.gz' -exec zcat {} + | jq -e '.log_processed.n and has("log")' >/dev/null
}

@test "YAML: the same words, and its own parsers" {
	python3 -c 'import yaml' 2>/dev/null || skip "no python3-yaml"
	run -3 --separate-stderr "$convert" "$data/pipeline.yaml"
	[[ $output == *"logtail --state=/var/lib/logsweep '/var/log/containers/*.log' |"* ]]
	[[ $output == *"--kubelet=https://127.0.0.1:10255 --labels= --owners |"*"--multiline=java -p level -p json --merge --keep=no |"* ]]
	[[ $output == *"--key='%Y/%m/%d/%H/{node}-{id}.ndjson.gz' |"*"--endpoint=https://s3.example.com:9000 s3://example-logs" ]]
	[ "$(grep -c 'not carried over' <<<"$stderr")" -eq 2 ]
	grep -q 'tls.verify off: not carried over' <<<"$stderr"
	"$convert" "$data/pipeline.yaml" 2>/dev/null | sed "s|$data/||g; s|/var/log/containers|$PWD/logs|; s|s3://.*|file://$PWD/archive|
		s|/var/lib/logsweep|$PWD/S|g; s|--kubelet=[^ ]*|--pods=pods.json|; s|--endpoint=[^ ]* ||; s|--region=[^ ]* ||" >script
	command -v logparse >/dev/null || skip "logparse is not built"
	pods
	mkdir logs
	printf '2026-11-22T13:00:0%d.5Z stdout F %s\n' 1 'WARN low space' 2 '{"level":"info"}' >"logs/web-0_shop_app-$(printf '%064d' 1).log"
	cp "$data/parsers.conf" "$data/pipeline.yaml" .
	run -0 --separate-stderr bash script
	[ "$(find archive -name '*.gz' -exec zcat {} + | jq -r .level | paste -sd' ')" = 'WARN info' ]
}

@test "two inputs and two buckets are two pipes, and all is carried over" {
	run -0 --separate-stderr "$convert" "$data/two.conf"
	[ -z "$stderr" ]
	[ "$(grep -c '^logtail' <<<"$output")" -eq 2 ]
	[[ $output == *"'/srv/app/*.log' '/srv/other/*.log' |"*"s3://example-app || status=\$?"* ]]
	[[ $output == *"-p nginx --merge |"*"--key='%Y/%m/%d/access-%H-{id}.gz' --max-size=64M |"* ]]
	[[ $output == *"AWS_PROFILE=archive s3put --state=/var/lib/logsweep/2 s3://example-web/nginx || status=\$?"* ]]
	bash -n <<<"$output"
}

@test "an option that it does not know is told, on and off are told apart" {
	config ' no_such_thing 5' >c
	run -3 --separate-stderr "$convert" c
	[ "$stderr" = 'fluentbit2logsweep: c:6: no_such_thing 5: not carried over: no counterpart' ]
	config ' skip_empty_lines off' >c
	run -0 --separate-stderr "$convert" c
	config ' skip_empty_lines on' >c
	run -3 --separate-stderr "$convert" c
	[[ $stderr == *'jq -c '* ]]
}

@test "included files, variables; those of the environment stay variables" {
	config '@INCLUDE sub/*.conf' | sed '1i @SET d=/srv' | sed 's|/l/\*.log|${d}/${HOST}.log|' >c
	mkdir sub
	printf '[FILTER]\n name kubernetes\n match *\n' >sub/a.conf
	run -0 --separate-stderr "$convert" c
	[[ $output == *'logtail --state=/var/lib/logsweep /srv/"${HOST}".log |'*'k8smeta '* ]]
	echo '@INCLUDE c' >c
	run -2 --separate-stderr "$convert" c
	[[ $stderr == *'included more than 10 deep'* ]]
}

@test "what a value holds does nothing in the shell" {
	config " exclude_path \$(touch,pwned);\`touch,pwned\`" >c
	run -0 --separate-stderr "$convert" c
	grep -o '^logtail.*[^|]' <<<"$output" | sed 's/^logtail/printf "%s\\n"/; s/ |$//' >line
	run -0 bash line
	[[ $output == *'$(touch'* ]]
	[ ! -e pwned ]
}

@test "what is no configuration is refused, and a file that is not there" {
	run -2 --separate-stderr "$convert"
	[[ $stderr == usage:* ]]
	run -1 --separate-stderr "$convert" nowhere.conf
	[ "$stderr" = 'fluentbit2logsweep: nowhere.conf: No such file or directory' ]
	echo hello >c
	run -2 --separate-stderr "$convert" c
	[[ $stderr == *'c:1: neither a section nor a key of one'* ]]
	printf '[SERVICE]\n flush 1\n' >c
	run -2 --separate-stderr "$convert" c
	for y in 'includes: [1]' 'includes: [c.yaml]' 'env: [a]' 'pipeline: 3' 'pipeline: {inputs: {a: b}}' 'pipeline: {inputs: [3]}' 'parsers: x' '[1]'; do
		echo "$y" >c.yaml
		run --separate-stderr "$convert" c.yaml
		[[ $status -ne 0 && $stderr == 'fluentbit2logsweep: '* && $stderr != *$'\n'* ]]
	done
	head -c 3000 /dev/urandom >c
	run ! "$convert" c
	[[ $output != *Traceback* ]]
}
