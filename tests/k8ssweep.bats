bats_require_minimum_version 1.5.0

# k8ssweep against a server that answers as API servers do (k8s/cluster.py).

top=$BATS_TEST_DIRNAME/..

setup_file() {
	SERVER=$BATS_TEST_DIRNAME/k8s/cluster.py "$BATS_TEST_DIRNAME/apiserver.sh" start "$BATS_FILE_TMPDIR/api"
}

teardown_file() {
	"$BATS_TEST_DIRNAME/apiserver.sh" stop "$BATS_FILE_TMPDIR/api"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	command -v k8ssweep >/dev/null || skip "k8ssweep is not built"
	for v in $(compgen -e | grep -E '^(LOGSWEEP_|KUBE)|_proxy$|_PROXY$'); do unset "$v"; done
	api=$BATS_FILE_TMPDIR/api
	rm -f "$api"/{jobs,jobs-status,nodes.json,cronjob.json,mode,post,page,requests}
	: >"$api/requests"
	echo test-token-1 >"$api/token"
	cp "$BATS_TEST_DIRNAME/k8s/job.json" job.json
}

# sweep ARGS...: against that server
sweep() {
	k8ssweep --api="https://127.0.0.1:$(cat "$api/port")" --ca="$api/ca.crt" \
		--token-file="$api/token" --namespace=logsweep "$@"
}

# nodes NAME[:STATUS[:AGE]]...: Ready is STATUS since AGE seconds
nodes() {
	for n in "$@"; do
		IFS=: read -r name status age <<<"$n"
		jq -cn --arg n "$name" --arg s "${status:-True}" --argjson a "${age:-100000}" \
			'{metadata: {name: $n, uid: ("u-" + $n), labels: {"kubernetes.io/os": (if $n | test("^win") then "windows" else "linux" end)}},
			  status: {conditions: [{type: "MemoryPressure", status: "False"},
			   {type: "Ready", status: $s, lastTransitionTime: (now - $a | floor | todate)}]}}'
	done | jq -cs . >"$api/nodes.json"
}

# told MEMBER: of each line of output
told() {
	grep '^{' <<<"$output" | jq -r ".$1" | paste -sd' '
}

posted() {
	[ ! -e "$api/jobs" ] || jq -c "$1" "$api/jobs"
}

@test "a NUL in an annotation of a Node, which anybody there may write, stops nobody" {
	nodes n1 n2
	jq -c '.[0].metadata.annotations = {"x": "a\u0000b"}' "$api/nodes.json" >all
	mv all "$api/nodes.json"
	grep -q 'u0000' "$api/nodes.json"
	run -0 --separate-stderr sweep --template=job.json --slot=s1
	[ "$(told node)" = "n1 n2" ]
	# but not in its name
	jq -c '.[0].metadata.name = "n1\u0000x"' "$api/nodes.json" >all
	mv all "$api/nodes.json"
	run -3 --separate-stderr sweep --template=job.json --slot=s2 --stats=stats
	[ "$stderr" = 'k8ssweep: nodes: an item without a valid name: "n1\u0000x": not a Node: left out' ]
	[ "$(told node)" = "n2" ]
	[ "$(jq -c '[.in, .out, .rejected, .filtered]' stats)" = '[2,0,1,1]' ] # it is busy still
}

@test "items that are no nodes are told and left out, the others are served: status 3" {
	nodes n1 n2
	jq -c '[{}, {metadata: []}, 0.5, .[0], {metadata: {name: 7}}] + [range(5) | {metadata: {name: "N\(.)"}}] + [.[1] | .status = "odd"]
		| map(select(type == "object"))' "$api/nodes.json" >all
	mv all "$api/nodes.json"
	run -3 --separate-stderr sweep --template=job.json --slot=s1 --stats=stats
	[ "$(told node)" = "n1 n2" ]
	[ "$(told status)" = "created dead" ] # what does not say Ready is not
	[ "${#stderr_lines[@]}" -eq 5 ]
	[[ ${stderr_lines[0]} == *'nodes: an item without a valid name: not a Node: left out' ]]
	[[ ${stderr_lines[3]} == *'nodes: 5 items more that are none' ]]
	jq -e '.in == 10 and .out == 1 and .rejected == 9' stats
}

@test "a Node of 4 MiB that is all small values takes no more memory than its bytes a few times" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: memory is measured"
	nodes n1 n2
	python3 - "$api/nodes.json" <<-'PY'
		import json, sys
		many = [[]] * 1390000
		nodes = json.load(open(sys.argv[1]))
		nodes[0]["metadata"]["annotations"] = many
		json.dump(nodes, open(sys.argv[1], "w"), separators=(",", ":"))
	PY
	cat >peak.py <<-'PY'
		import resource, subprocess, sys
		r = subprocess.run(sys.argv[1:], stdout=open("out", "wb"))
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
		sys.exit(r.returncode)
	PY
	run -0 --separate-stderr python3 peak.py k8ssweep --api="https://127.0.0.1:$(cat "$api/port")" --ca="$api/ca.crt" \
		--token-file="$api/token" --namespace=logsweep --template=job.json
	echo "# peak memory: $output KiB" >&3
	nm "$(command -v k8ssweep)" 2>/dev/null | grep -q '__[at]san_init' || [ "$output" -le 40960 ]
	[ "$(jq -r .status out | paste -sd' ')" = "created created" ]
}

@test "each node gets a Job that is pinned to it, and a line" {
	nodes n1 n2 n3
	run -0 --separate-stderr sweep --template=job.json --slot=s1
	[ -z "$stderr" ]
	[ "$(told node)" = "n1 n2 n3" ]
	[ "$(told status)" = "created created created" ]
	[ "$(posted .metadata.name | wc -l)" -eq 3 ]
	[ "$(told job)" = "$(posted .metadata.name | tr -d '"' | paste -sd' ')" ]
	hash=$(printf n1 | sha256sum | cut -c1-16)
	[ "$(jq -r .metadata.name "$api/jobs" | head -n 1)" = "sweep-$hash-s1" ]
	head -n 1 "$api/jobs" | jq -e --arg h "$hash" '.apiVersion == "batch/v1" and .kind == "Job"
		and .metadata.namespace == "logsweep"
		and .metadata.labels == {"app.kubernetes.io/name": "logsweep", "logsweep/node-hash": $h}
		and .metadata.annotations["logsweep/node"] == "n1"
		and (.metadata | has("ownerReferences") | not)
		and .spec.template.spec.tolerations == [{"operator": "Exists"}]
		and (.spec.template.spec | has("nodeName") | not)
		and .spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
		  .nodeSelectorTerms == [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]'
}

@test "what the template says stays as it was, and its own terms too" {
	nodes n1
	jq '.spec.template.spec.tolerations = [{key: "gpu", operator: "Exists"}] |
		.spec.template.spec.affinity = {podAffinity: {x: 1}, nodeAffinity: {
		  preferredDuringSchedulingIgnoredDuringExecution: [],
		  requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [
		   {matchExpressions: [{key: "a", operator: "Exists"}]},
		   {matchFields: [{key: "metadata.name", operator: "In", values: ["old"]}]}]}}} |
		.status = {active: 1} | .metadata.uid = "u" | .metadata.resourceVersion = "7"' job.json >t.json
	run -0 sweep --template=t.json --slot=s1
	posted . | jq -e '.spec.template.spec.tolerations == [{key: "gpu", operator: "Exists"}, {operator: "Exists"}]
		and .spec.template.spec.affinity.podAffinity == {x: 1}
		and ([.spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
		   .nodeSelectorTerms[] | .matchFields[0].values[0]] == ["n1", "n1"])
		and .spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
		   .nodeSelectorTerms[0].matchExpressions[0].key == "a"
		and (.metadata | has("uid") or has("resourceVersion") | not) and .status == {}'
	cmp <(posted '.spec | del(.template.spec.affinity, .template.spec.tolerations)' | jq -S .) \
		<(jq -S '.spec | del(.template.spec.affinity, .template.spec.tolerations)' t.json)
}

@test "the same slot again makes nothing: finished Jobs are a 409, unfinished ones are seen" {
	nodes n1 n2
	run -0 sweep --template=job.json --slot=s1
	run -0 sweep --template=job.json --slot=s1
	[ "$(told status)" = "exists exists" ]
	[ "$(grep -c POST "$api/requests")" -eq 2 ]
	sed -i 's/"status": {}/"status": {"conditions": [{"type": "Complete", "status": "True"}]}/' "$api/jobs"
	run -0 sweep --template=job.json --slot=s1
	[ "$(told status)" = "exists exists" ]
	[ "$(grep -c POST "$api/requests")" -eq 4 ]
	[ "$(posted .metadata.name | wc -l)" -eq 2 ]
}

@test "a node whose Job is not finished is busy; FailureTarget is not finished, Failed is" {
	nodes n1 n2 n3 n4
	run -0 sweep --template=job.json --slot=s1
	i=0
	while read -r job; do
		i=$((i + 1))
		case $i in
		1) jq -c '.status.conditions = [{type: "FailureTarget", status: "True"}]' <<<"$job" ;;
		2) jq -c '.status.conditions = [{type: "Failed", status: "True"}]' <<<"$job" ;;
		3) jq -c '.status.conditions = [{type: "Complete", status: "True"}]' <<<"$job" ;;
		4) jq -c '.status.conditions = [{type: "Complete", status: "False"}]' <<<"$job" ;;
		esac
	done <"$api/jobs" >new
	mv new "$api/jobs"
	run -0 --separate-stderr sweep --template=job.json --slot=s2 --stats
	[ "$(told status)" = "busy created created busy" ]
	[[ "$(told job)" == *-s1\ *-s2\ *-s2\ *-s1 ]]
	jq -e '.in == 4 and .out == 2 and .filtered == 2 and .busy == 2 and .created == 2' <<<"$stderr"
	run -3 sweep --template=job.json --slot=s3 --strict
	[ "$(told status)" = "busy busy busy busy" ]
}

@test "a dead node is told and left out, the others are served: status 3" {
	nodes n1 n2:Unknown:900 n3:False:30 n4:False:900
	run -3 --separate-stderr sweep --template=job.json --slot=s1
	[ "$(told status)" = "created dead created dead" ]
	[ "$(told ready)" = "null Unknown False False" ]
	[ "$(jq -r 'select(.node == "n2") | .seconds' <<<"$output")" -ge 900 ]
	[[ $stderr == *'n2: not ready'*'n4: not ready'* ]]
	run -3 sweep --template=job.json --slot=s2 --skip-not-ready=10s
	[ "$(told status)" = "busy dead dead dead" ]
	run -0 sweep --template=job.json --slot=s3 --skip-not-ready=1h
	[ "$(told status)" = "busy created busy created" ]
}

@test "a node without a Ready condition is dead, one that is being deleted is passed over" {
	echo '[{"metadata":{"name":"n1"},"status":{}},
		{"metadata":{"name":"n2","deletionTimestamp":"2026-11-22T13:00:00Z"},"status":{}}]' >"$api/nodes.json"
	run -3 --separate-stderr sweep --template=job.json --slot=s1 --stats
	[ "$(told status)" = dead ]
	jq -e '.in == 2 and .dead == 1 and .filtered == 1 and .rejected == 1' <<<"${stderr_lines[-1]}"
}

@test "--selector chooses nodes; none at all is told: status 3" {
	nodes n1 win1
	run -0 sweep --template=job.json --slot=s1 --selector=kubernetes.io/os=linux
	[ "$(told node)" = n1 ]
	grep -qF 'GET /api/v1/nodes?labelSelector=kubernetes.io%2Fos%3Dlinux&limit=' "$api/requests"
	run -3 --separate-stderr sweep --template=job.json --slot=s1 --selector=kubernetes.io/os=plan9
	[[ $stderr == *'no node has the labels kubernetes.io/os=plan9'* ]]
	[ -z "$output" ]
}

@test "1000 nodes in pages: each once, and again nothing" {
	mapfile -t names < <(seq -f n%04.0f 1000)
	nodes "${names[@]:0:5}"
	jq -c '.[0] as $n | [range(1000) | . as $i | $n | .metadata.name = "ip-10-0-\($i)"]' \
		"$api/nodes.json" >all && mv all "$api/nodes.json"
	echo 300 >"$api/page"
	run -0 --separate-stderr sweep --template=job.json --slot=s1 --stats=stats
	[ "$(jq -c '[.in, .created]' stats)" = '[1000,1000]' ]
	[ "$(posted '.metadata.name' | sort -u | wc -l)" -eq 1000 ]
	[ "$(grep -c 'GET /api/v1/nodes' "$api/requests")" -eq 4 ]
	[ "$(posted '.spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].values[0]' | sort -u | wc -l)" -eq 1000 ]
	run -0 --separate-stderr sweep --template=job.json --slot=s2 --stats=stats
	[ "$(jq -c '[.in, .busy]' <(tail -n 1 stats))" = '[1000,1000]' ]
	[ "$(grep -c POST "$api/requests")" -eq 1000 ]
}

@test "a continue token that expired begins the list anew: no node twice" {
	nodes n1 n2 n3
	echo 2 >"$api/page"
	echo '410 4' >"$api/mode" # the lists of Jobs and nodes, and the second page
	run -0 sweep --template=job.json --slot=s1
	[ "$(told node)" = "n1 n2 n3" ]
	[ "$(posted .metadata.name | wc -l)" -eq 3 ]
}

@test "--dry-run makes nothing, and shows what" {
	nodes n1 n2:Unknown:900
	run -3 --separate-stderr sweep --template=job.json --slot=s1 -n
	[ "$(told status)" = "dry-run dead" ]
	[ "$(jq -r 'select(.node == "n1") | .manifest.metadata.name == .job' <<<"$output")" = true ]
	! grep POST "$api/requests"
	[ ! -e "$api/jobs" ]
}

@test "--from: the template and owner is the CronJob, which is not the controller" {
	nodes n1
	jq '{apiVersion: "batch/v1", kind: "CronJob", metadata: {name: "sweep", namespace: "logsweep", uid: "c-1"},
		spec: {schedule: "@yearly", suspend: true, jobTemplate: {metadata: {labels: .metadata.labels}, spec: .spec}}}' \
		job.json >"$api/cronjob.json"
	run -0 --separate-stderr sweep --from=cronjob/sweep --slot=dispatch-29922563
	grep -qx 'GET /apis/batch/v1/namespaces/logsweep/cronjobs/sweep' "$api/requests"
	posted . | jq -e '.metadata.ownerReferences == [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "sweep", "uid": "c-1"}]
		and (.metadata.name | test("^sweep-[0-9a-f]{16}-dispatch-29922563$"))
		and .metadata.labels["app.kubernetes.io/name"] == "logsweep"'
	cmp <(posted '.spec | del(.template.spec.affinity, .template.spec.tolerations)' | jq -S .) \
		<(jq -S '.spec | del(.template.spec.affinity, .template.spec.tolerations)' job.json)
}

@test "--owner gives the Jobs of a file an owner" {
	nodes n1
	echo '{"kind":"CronJob","metadata":{"name":"dispatch","uid":"c-2"}}' >"$api/cronjob.json"
	run -0 sweep --template=job.json --slot=s1 --owner=cronjob/dispatch
	[ "$(posted '.metadata.ownerReferences[0] | [.name, .uid, has("controller")]')" = '["dispatch","c-2",false]' ]
}

@test "no such CronJob: status 2, before any output" {
	nodes n1
	run -2 --separate-stderr sweep --from=cronjob/sweep --slot=s1
	[ -z "$output" ]
	[[ $stderr == *'404'*'cronjobs.batch "sweep" not found'* ]]
}

@test "bad templates are told with what is wrong, status 2, and nothing is asked" {
	nodes n1
	bad() { # bad PATTERN: the template on standard input
		cat >t.json
		run -2 --separate-stderr sweep --template=t.json --slot=s1
		[ -z "$output" ]
		[[ $stderr == "k8ssweep: t.json"*$1* ]] || { echo "$stderr" >&2; false; }
	}
	bad 'a template is JSON' <<<'apiVersion: batch/v1'
	bad 'a template is JSON' </dev/null
	bad 'not of kind Job' <<<'{"kind":"Pod"}'
	bad 'not of kind Job' <<<'[]'
	bad 'metadata.name' <<<'{"kind":"Job"}'
	jq '.metadata.name = "Sweep_1"' job.json | bad 'metadata.name'
	jq 'del(.spec.template.spec.containers)' job.json | bad 'containers is missing'
	jq '.spec.template.spec.nodeName = "x"' job.json | bad 'nodeName is set'
	jq '.spec.template.spec.containers = "x"' job.json | bad 'containers is missing'
	head -c 1200000 /dev/zero | tr '\0' ' ' | bad ''
	run -2 --separate-stderr sweep --template=none.json
	[[ $stderr == 'k8ssweep: none.json: No such file or directory' ]]
	[ ! -s "$api/requests" ]
}

@test "the template may come on standard input" {
	nodes n1
	run -0 bash -c "$(declare -f sweep); api='$api'; sweep --template=- --slot=s1 <job.json"
	[ "$(told status)" = created ]
}

@test "slots that cannot be in a name are told; without one it is the minute" {
	nodes n1
	for s in A '' a/b -a a- "$(printf 'x%.0s' {1..50})"; do
		run -2 --separate-stderr sweep --template=job.json --slot="$s"
		[[ $stderr == "k8ssweep: --slot: "* ]]
	done
	before=$(($(date +%s) / 60))
	run -0 sweep --template=job.json
	[[ "$(told job)" =~ -([0-9]+)$ ]]
	((BASH_REMATCH[1] >= before && BASH_REMATCH[1] <= $(date +%s) / 60))
}

@test "options that do not go together, and operands, are usage errors" {
	run -2 --separate-stderr sweep
	[[ $stderr == *'no template'* ]]
	run -2 sweep --template=a --from=cronjob/b
	run -2 sweep --from=cronjob/b --owner=cronjob/c
	run -2 --separate-stderr sweep --from=sweep
	[[ $stderr == *'--from: sweep: not cronjob/NAME'* ]]
	run -2 sweep --template=job.json operand
	run -2 --separate-stderr k8ssweep --template=job.json
	[ -n "$stderr" ]
}

@test "401: status 77, after the token was read anew" {
	nodes n1
	echo s3cret-t0ken >mytoken
	run -77 --separate-stderr sweep --template=job.json --token-file=mytoken
	[ -z "$output" ]
	[[ $stderr == *401* ]]
	[[ $stderr != *s3cret-t0ken* ]]
}

@test "403 names the verb and the resource that are missing: lists, and creating" {
	nodes n1 n2
	echo 403 >"$api/mode"
	run -77 --separate-stderr sweep --template=job.json --slot=s1
	[[ $stderr == *'may not list jobs in logsweep'*'verbs ["list"]'* ]]
	rm "$api/mode"
	echo 403 >"$api/post"
	run -77 --separate-stderr sweep --template=job.json --slot=s1
	[[ $stderr == *'may not create jobs in logsweep'*'apiGroups ["batch"], resources ["jobs"], verbs ["create"]'* ]]
	[ "$(told status)" = "failed left" ]
	[ "$(grep -c POST "$api/requests")" -eq 1 ]
}

@test "403 for want of quota is to be tried again: status 75" {
	nodes n1 n2 n3
	echo 'quota after 1' >"$api/post"
	run -75 --separate-stderr sweep --template=job.json --slot=s1
	[ "$(told status)" = "created failed left" ]
	[[ $stderr == *'ResourceQuota'*'exceeded quota'* ]]
	rm "$api/post"
	run -0 sweep --template=job.json --slot=s1
	[ "$(told status)" = "exists created created" ]
}

@test "a Job that an admission policy refuses ends the run: status 2, with its words" {
	nodes n1 n2
	echo policy >"$api/post"
	run -2 --separate-stderr sweep --template=job.json --slot=s1
	[[ $stderr == *"denied request: containers is not what CronJob sweep has"* ]]
	[ "$(told status)" = "failed left" ]
}

@test "429 with Retry-After is waited for, and only within --timeout" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: time is measured"
	nodes n1 n2
	echo '429 2' >"$api/post"
	run -0 --separate-stderr sweep --template=job.json --slot=s1 --stats
	[ "$(told status)" = "created created" ]
	jq -e '.seconds >= 2' <<<"$stderr"
	echo 429 >"$api/mode"
	run -75 --separate-stderr sweep --template=job.json --slot=s2 --timeout=2500ms
	[[ $stderr == *429* ]]
}

@test "500 and a dropped connection are tried again; an answer that was lost is a 409 then" {
	nodes n1 n2 n3
	echo '500 1' >"$api/mode"
	echo 'lost 1' >"$api/post"
	run -0 --separate-stderr sweep --template=job.json --slot=s1
	[ "$(told status)" = "exists created created" ]
	[ "$(posted .metadata.name | sort | uniq -d | wc -l)" -eq 0 ]
	echo 'drop 1' >"$api/mode"
	run -0 sweep --template=job.json --slot=s1
}

@test "a server that never answers: status 75 within --timeout, the rest is left" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: time is measured"
	nodes n1 n2
	echo hang >"$api/post"
	run -75 --separate-stderr timeout 20 bash -c "$(declare -f sweep); api='$api'
		sweep --template=job.json --slot=s1 --timeout=2s"
	[ "$(told status)" = "failed left" ]
}

@test "nobody there, a wrong certificate, and nonsense" {
	nodes n1
	run -75 --separate-stderr k8ssweep --api=https://127.0.0.1:1 --token-file="$api/token" --ca="$api/ca.crt" \
		--namespace=x --template=job.json --timeout=2s
	[ -n "$stderr" ]
	run --separate-stderr sweep --template=job.json --ca="$api/other-ca.crt" --timeout=3s
	[ "$status" -ne 0 ] && [ -z "$output" ] && [ ! -s "$api/requests" ]
	echo '[{"metadata":{"name":"n/1"}}]' >"$api/nodes.json"
	run -1 --separate-stderr sweep --template=job.json
	[[ $stderr == *'not a Node'* ]]
	nodes n1
	echo html >"$api/mode"
	run -1 --separate-stderr sweep --template=job.json
	echo half >"$api/mode"
	run --separate-stderr sweep --template=job.json --timeout=3s
	[ "$status" -ne 0 ]
	[ ! -e "$api/jobs" ]
}

@test "a client certificate and a kubeconfig do as well; the namespace is then the context's" {
	nodes n1
	cat >config <<-EOF
		apiVersion: v1
		kind: Config
		current-context: c
		contexts: [{name: c, context: {cluster: k, user: u, namespace: logsweep}}]
		clusters: [{name: k, cluster: {server: "https://127.0.0.1:$(cat "$api/port")", certificate-authority: $api/ca.crt}}]
		users: [{name: u, user: {tokenFile: $api/token}}]
	EOF
	run -0 --separate-stderr k8ssweep --kubeconfig=config --template=job.json --slot=s1
	[ "$(posted .metadata.namespace)" = '"logsweep"' ]
	run -0 k8ssweep --api="https://127.0.0.1:$(cat "$api/port")" --ca="$api/ca.crt" --client-cert="$api/client.crt" \
		--client-key="$api/client.key" --namespace=logsweep --template=job.json --slot=s1
	[ "$(told status)" = exists ]
}

@test "the Jobs are made though nobody reads, and a full disk is told" {
	nodes n1 n2
	run -0 bash -o pipefail -c "$(declare -f sweep); api='$api'; sweep --template=job.json --slot=s1 | true"
	[ "$(posted .metadata.name | wc -l)" -eq 2 ]
	[ -e /dev/full ] || skip "no /dev/full"
	run -1 --separate-stderr bash -c "$(declare -f sweep); api='$api'; sweep --template=job.json --slot=s2 >/dev/full"
	[[ $stderr == *'No space left'* ]]
}
