bats_require_minimum_version 1.5.0
load limits

# Past the ceilings of what Kubernetes tells: k8smeta and k8ssweep.

setup_file() {
	export api=$BATS_FILE_TMPDIR/api
	SERVER=$BATS_TEST_DIRNAME/fixedanswer.py "$BATS_TEST_DIRNAME/apiserver.sh" start "$api"
}

teardown_file() {
	"$BATS_TEST_DIRNAME/apiserver.sh" stop "$api"
}

setup() {
	for v in $(compgen -e | grep -E '^(LOGSWEEP_|KUBE)|_proxy$|_PROXY$'); do unset "$v"; done
	cd "$BATS_TEST_TMPDIR" || return
	rm -f "$api"/answer* "$api"/requests
	on=(--api="https://127.0.0.1:$(cat "$api/port")" --ca="$api/ca.crt" --token-file="$api/token")
	record 5 >in
}

# record NUMBER: of the pod of that number
record() {
	printf '{"_src":{"file":"/var/log/pods/n_p%d_%08x-0000-4000-8000-000000000000/app/0.log","id":"0123456789abcdef/o","gen":0,"end":1},"log":"x"}\n' "$1" "$1"
}

# pods COUNT [BYTES]: one a line, with labels of about so many bytes
pods() {
	python3 - "$@" <<-'PY'
		import sys
		n, size = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
		labels = ",".join('"l%d":"%s"' % (i, "x" * min(size - i * 16000, 16000)) for i in range((size + 15999) // 16000))
		for i in range(n):
		    sys.stdout.write('{"kind":"Pod","metadata":{"name":"p%d","namespace":"n","uid":"%08x-0000-4000-8000-000000000000","labels":{%s}}}\n' % (i, i, labels))
	PY
}

# named FILE: the pod that each record was found to be of
named() {
	jq -r '.kubernetes.pod_id // "-"' "$1" | cut -c1-8 | paste -sd' '
}

# past: pods and namespaces
@test "a pod more than 1,048,576 is told, exit 3, and those before it are known" {
	pods 1048577 1 | gzip -1 >pods.gz
	record 1048576 >>in
	peak k8smeta --pods=pods.gz --stats=stats in
	ended 3 "k8smeta: pods.gz: more pods than fit: 1048576, or 512 MiB of them; records pass with what is known without it"
	[ "$(jq -c '[.log, .kubernetes.labels.l0]' out | paste -sd' ')" = '["x","x"] ["x",null]' ]
	jq -e '.pods == 1048576' stats
	within 262144
}

# past: memory of pods and namespaces
@test "pods of 560 MB: 512 MiB of them are known, the rest is told, exit 3" {
	pods 12500 45000 | gzip -1 >pods.gz
	record 12499 >>in
	peak k8smeta --pods=pods.gz --stats=stats in
	ended 3 "k8smeta: pods.gz: more pods than fit: 1048576, or 512 MiB of them; records pass"
	[ "$(jq -c '[.log, (.kubernetes.labels | type)]' out | paste -sd' ')" = '["x","object"] ["x","null"]' ]
	jq -e '.pods > 10000 and .pods < 12499' stats
	within $((640 << 10))
}

# past: pods in --cache
# past: the file of --cache
@test "pods of 40 MB: the file of --cache has 16 MiB of them, whole lines, and is read again" {
	pods 20000 2000 >pods
	mkdir cache
	peak k8smeta --pods=pods --cache=cache in
	ended 0
	[ "$(stat -c %s cache/pods.ndjson)" -le $((16 << 20)) ]
	[ "$(stat -c %s cache/pods.ndjson)" -gt $((15 << 20)) ]
	within 131072
	peak k8smeta --cache=cache --stats=stats in
	ended 0
	jq -e '.pods > 5000 and .pods < 16385' stats
	[ "$(jq -c 'has("log")' out)" = true ]
	# so many by number
	pods 17000 >pods
	rm -r cache
	mkdir cache
	peak k8smeta --pods=pods --cache=cache in
	ended 0
	[ "$(grep -c '"uid"' cache/pods.ndjson)" -eq 16384 ]
}

# past: an object of the API
@test "a pod of over 4 MiB is left out: told, exit 3, and the next one is known" {
	{
		printf '{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"big","note":"'
		head -c 200000000 /dev/zero | tr '\0' x
		printf '"}},'
		pods 6 | tail -n 1
		echo ']}'
	} >"$api/answer"
	peak k8smeta "${on[@]}" --timeout=60s --node=node-1 in
	ended 3 "1 objects over 4 MiB, left out"
	[ "$(named out)" = 00000005 ]
	within 32768
}

# past: pages of a list
@test "a list that never ends is given up after 10,000 pages: told, exit 3" {
	echo '{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"more"},"items":[]}' >"$api/answer"
	peak k8smeta "${on[@]}" --timeout=200s --node=node-1 in
	ended 3 "a list of more than 10000 pages"
	[ "$(wc -l <"$api/requests")" -eq 10000 ]
	[ "$(jq -r .log out)" = x ]
	within 32768
}

# past: tries of a request without answer
@test "a server that hangs up each time is asked three times: told, exit 3" {
	peak k8smeta "${on[@]}" --timeout=60s --node=node-1 in
	ended 3 "records pass with what is known without it"
	[ "$(wc -l <"$api/requests")" -eq 3 ]
	[ "$(jq -r .log out)" = x ]
}

# past: a kubeconfig
# past: a template of k8ssweep
@test "a kubeconfig and a template of over 1 MiB: exit 2" {
	head -c 1048577 /dev/zero | tr '\0' '#' >large
	peak k8smeta --kubeconfig=large in
	ended 2 "k8smeta: large: larger than 1048576 bytes"
	[ ! -s out ]
	peak k8ssweep --kubeconfig=large --template=large
	ended 2 "k8ssweep: large: larger than 1048576 bytes"
	peak k8ssweep "${on[@]}" --namespace=n --template=large
	ended 2 "k8ssweep: large: larger than 1048576 bytes"
	cp large in
	peak k8ssweep "${on[@]}" --namespace=n --template=-
	ended 2 "larger than 1048576 bytes"
	[ ! -e "$api/requests" ]
}

# past: nodes of a cluster
@test "a node more than 50,000: exit 1, and no Job is made" {
	list() {
		python3 - "$1" <<-'PY' >"$api/answer_api_v1_nodes"
			import sys
			print('{"kind":"NodeList","metadata":{},"items":[' + ",".join('{"metadata":{"name":"n%d","uid":"u%d","labels":{"kubernetes.io/os":"linux"}},"status":{"conditions":[{"type":"Ready","status":"Unknown","lastTransitionTime":"2020-01-01T00:00:00Z"}]}}' % (i, i) for i in range(int(sys.argv[1]))) + "]}")
		PY
	}
	echo '{"kind":"JobList","metadata":{},"items":[]}' >"$api/answer"
	list 50001
	peak k8ssweep "${on[@]}" --namespace=n --timeout=60s --template="$BATS_TEST_DIRNAME/k8s/job.json"
	ended 1 "nodes: more than 50000; select fewer with --selector"
	! grep -q ^POST "$api/requests"
	within 131072
	# so many are served: all of these are dead, and told
	list 50000
	peak k8ssweep "${on[@]}" --namespace=n --timeout=60s --template="$BATS_TEST_DIRNAME/k8s/job.json"
	ended 3
	[ "$(wc -l <out)" -eq 50000 ]
}

# past: a label or annotation
# past: labels and annotations of a pod together
# past: owners of a pod
# past: containers of a pod
# past: what is kept of a pod
@test "what is too large or too many of a pod is left out and told with -v; the rest is there" {
	python3 - >pods <<-'PY'
		import json
		def pod(i, meta={}, spec={}):
		    return json.dumps({"kind": "Pod", "metadata": {"name": "p%d" % i, "namespace": "n", "uid": "%08x-0000-4000-8000-000000000000" % i, **meta}, "spec": spec})
		print(pod(5, {"labels": {"a": "x" * 16383, "b": "y"}}))
		print(pod(6, {"ownerReferences": [{"kind": "k" * 8192}]}))
		print(pod(7, {}, {"containers": [{"name": "c%d" % i, "image": "other"} for i in range(128)] + [{"name": "app", "image": "mine"}]}))
		print(pod(8, {"labels": {"l%02d" % i: "x" * 8000 for i in range(9)}}, {"containers": [{"name": "app", "image": "mine"}]}))
		print(pod(9, {"ownerReferences": [{"kind": "k"}]}, {"containers": [{"name": "c%d" % i, "image": "other"} for i in range(127)] + [{"name": "app", "image": "mine"}]}))
	PY
	for i in 5 6 7 8 9; do record $i; done >in
	peak k8smeta -v --pods=pods --owners --stats=stats in
	ended 0 "labels, annotations, owners or containers are too large or too many for their pod: left out"
	[ "$(named out)" = "00000005 00000006 00000007 00000008 00000009" ]
	[ "$(jq -c '.kubernetes | [(.labels // {} | keys), (.ownerReferences | length), .container_image]' out | paste -sd' ')" = \
		'[["b"],0,null] [[],0,null] [[],0,null] [["l00","l01","l02","l03","l04","l05"],0,"mine"] [[],1,"mine"]' ]
	[ "$(jq .left_out stats)" -eq 6 ]
	within 16384
}

# past: a config.v2.json of Docker
@test "a config.v2.json of over 1 MiB is not read: told with -v" {
	id=$(printf '%064d' 7)
	mkdir -p "containers/$id"
	config() { printf '{"Name":"/c","Config":{"Image":"img","x":"%s"}}' "$(head -c "$1" /dev/zero | tr '\0' x)" >"containers/$id/config.v2.json"; }
	echo '{"_src":{"file":"'"$PWD/containers/$id/$id-json.log"'","id":"0123456789abcdef/o","gen":0,"end":1},"log":"x"}' >in
	config 1000000
	peak k8smeta -v --docker="$PWD/containers" in
	ended 0
	[ "$(jq -r .kubernetes.container_image out)" = img ]
	config 1048577
	peak k8smeta -v --docker="$PWD/containers" in
	ended 0 "k8smeta: 1 config.v2.json are over 1 MiB: not read"
	[ "$(jq -r .kubernetes.container_image out)" = null ]
}

# past: a token
@test "a token of over 64 KiB is told, exit 3" {
	head -c 65537 /dev/zero | tr '\0' t >token
	peak k8smeta "${on[@]}" --token-file=token in
	ended 3 "k8smeta: token: larger than 65536 bytes; records pass with what is known without it"
	peak k8ssweep "${on[@]}" --token-file=token --namespace=n --template="$BATS_TEST_DIRNAME/k8s/job.json"
	ended 2 "k8ssweep: token: larger than 65536 bytes"
	# also one that stands in a kubeconfig
	printf 'apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster: {server: "https://127.0.0.1:1"}\nusers:\n- name: u\n  user: {token: "%s"}\ncontexts:\n- name: c\n  context: {cluster: k, user: u}\n' "$(head -c 70000 /dev/zero | tr '\0' t)" >config
	peak k8smeta --kubeconfig=config in
	ended 2 "k8smeta: config: token: over 65536 bytes"
}

# past: Jobs that are not finished
@test "a Job more than 200,000 that is not finished: exit 1, and none is made" {
	printf '{"kind":"NodeList","metadata":{},"items":[{"metadata":{"name":"n1","uid":"u1","labels":{"kubernetes.io/os":"linux"}}}]}' >"$api/answer_api_v1_nodes"
	python3 - >"$api/answer" <<-'PY'
		print('{"kind":"JobList","metadata":{},"items":[' + ",".join('{"metadata":{"name":"j%d","labels":{"logsweep/node-hash":"%016x"}}}' % (i, i) for i in range(200001)) + "]}")
	PY
	peak k8ssweep "${on[@]}" --namespace=n --timeout=60s --template="$BATS_TEST_DIRNAME/k8s/job.json"
	ended 1 "jobs: more than 200000 are not finished; remove some"
	! grep -q ^POST "$api/requests"
	within 131072
}
