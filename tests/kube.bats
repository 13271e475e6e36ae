bats_require_minimum_version 1.5.0

# k8smeta and the API server: tests/apiserver.py over TLS, with the pods of tests/pods.py.

setup_file() {
	export api=$BATS_FILE_TMPDIR/api tests=$BATS_TEST_DIRNAME
	"$tests/apiserver.sh" start "$api"
	python3 "$tests/pods.py" >"$BATS_FILE_TMPDIR/pods.json"
	jq -c '{apiVersion: "v1", items: map({apiVersion: "v1", kind: "Pod"} + .), kind: "List"}' \
		"$BATS_FILE_TMPDIR/pods.json" >"$BATS_FILE_TMPDIR/list.json"
	export items=$BATS_FILE_TMPDIR/pods.json list=$BATS_FILE_TMPDIR/list.json
	export url=https://127.0.0.1:$(cat "$api/port")
}

teardown_file() {
	"$tests/apiserver.sh" stop "$api"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	rm -f "$api"/requests "$api"/mode "$api"/page "$api"/events "$api"/namespaces.json "$api"/jobs
	cp "$items" "$api/pods.json"
	echo test-token-1 >"$api/token"
	echo test-token-1 >token
	trust=(--ca="$api/ca.crt" --token-file=token)
	on=(--api="$url" "${trust[@]}" --node=node-1)
}

# meta JQ-FILTER POD: of a pod of pods.py
meta() {
	jq -r --arg p "$2" '.[] | select(.metadata.name == $p) | '"$1" "$items"
}
uid_of() {
	meta .metadata.uid "$1"
}

# record FILE [STREAM [END]]
record() {
	printf '{"_src":{"file":"%s","id":"%s/%s","gen":3,"end":%d},"time":"%s","stream":"%s","log":"x"}\n' \
		"$1" "$(cksum <<<"$1" | cut -d' ' -f1)" "${2:-stdout}" "${3:-1}" \
		"${time:-2026-11-22T13:00:00.5Z}" "${2:-stdout}"
}
mark() {
	record "$@" | jq -c '{_src}'
}
# dir POD [CONTAINER [RESTART [NAMESPACE]]]: the file of a pod, as the kubelet names it
dir() {
	echo "/var/log/pods/${4:-shop}_$1_$(uid_of "$1")/${2:-app}/${3:-0}.log"
}
# link POD CONTAINER ID
link() {
	echo "/var/log/containers/$1_shop_$2-$3.log"
}
id_of() { # POD CONTAINER
	meta ".status | .containerStatuses + (.initContainerStatuses // []) + (.ephemeralContainerStatuses // [])
		| .[] | select(.name == \"$2\") | .containerID[13:]" "$1"
}
kube() {
	jq -c .kubernetes
}

@test "a pod's record gets the keys of Fluent Bit's filter, in its order" {
	record "$(dir web-0)" >in
	run -0 --separate-stderr k8smeta "${on[@]}" --owners in
	[ -z "$stderr" ]
	[ "$(kube <<<"$output" | jq -c keys_unsorted)" = '["pod_name","namespace_name","pod_id","labels","annotations","ownerReferences","host","pod_ip","container_name","docker_id","container_hash","container_image"]' ]
	[ "$(kube <<<"$output" | jq -c '[.pod_name, .namespace_name, .pod_id, .host, .pod_ip, .container_name, .docker_id, .container_image]')" = \
		"[\"web-0\",\"shop\",\"$(uid_of web-0)\",\"node-1\",\"10.244.1.7\",\"app\",\"$(id_of web-0 app)\",\"registry.example/shop/app:1.4\"]" ]
	[ "$(jq -r .kubernetes.container_hash <<<"$output")" = "$(meta '.status.containerStatuses[0].imageID' web-0)" ]
	[ "$(jq -c .kubernetes.labels <<<"$output")" = "$(meta .metadata.labels web-0 | jq -c .)" ]
	[ "$(jq -cS .kubernetes.annotations <<<"$output")" = "$(meta '.metadata.annotations | del(."kubectl.kubernetes.io/last-applied-configuration")' web-0 | jq -cS .)" ]
	[ "$(jq -c .kubernetes.ownerReferences <<<"$output")" = "$(meta .metadata.ownerReferences web-0 | jq -c .)" ]
}

@test "one LIST a sweep: of the node's pods, from the server's memory, in pages of 500" {
	record "$(dir web-0)" >in
	record "$(dir crasher app 3)" >>in
	k8smeta "${on[@]}" in >out
	[ "$(cat "$api/requests")" = "GET /api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&limit=500&resourceVersion=0" ]
}

@test "a list that comes in pages is read to its end" {
	echo 2 >"$api/page"
	for p in web-0 crasher pre-10 parsed; do record "$(dir $p)"; done >in
	run -0 k8smeta "${on[@]}" in
	[ "$(jq -s 'map(select(.kubernetes.host == "node-1")) | length' <<<"$output")" -eq 4 ]
	[ "$(wc -l <"$api/requests")" -eq 4 ]
	[ "$(grep -c 'continue=next%2FPodList%2B%3A[246]$' "$api/requests")" -eq 3 ]
	run ! grep 'continue=.*resourceVersion\|resourceVersion.*continue=' "$api/requests"
}

@test "containers are told apart: by name, and restarts by id; init and ephemeral ones too" {
	for c in app proxy setup dbg; do record "$(dir web-0 $c)"; done >in
	run -0 k8smeta "${on[@]}" in
	for c in app proxy setup dbg; do
		[ "$(jq -r "select(.kubernetes.container_name == \"$c\") | .kubernetes | .docker_id + .container_image" <<<"$output")" = \
			"$(id_of web-0 $c)registry.example/shop/$c:1.4" ]
	done
	for n in 3 2 1; do record "$(dir crasher app $n)"; done >in
	run -0 k8smeta "${on[@]}" in
	[ "$(jq -r .kubernetes.docker_id <<<"$output" | paste -sd,)" = \
		"$(id_of crasher app),$(meta '.status.containerStatuses[0].lastState.terminated.containerID[13:]' crasher),null" ]
	[ "$(jq -r .kubernetes.labels.app <<<"$output" | sort -u)" = crasher ]
}

@test "a link in /var/log/containers finds its pod by the container's id" {
	record "$(link web-0 dbg "$(id_of web-0 dbg)")" >in
	record "$(link crasher app "$(meta '.status.containerStatuses[0].lastState.terminated.containerID[13:]' crasher)")" >>in
	run -0 k8smeta "${on[@]}" in
	[ "$(jq -r '.kubernetes | .pod_id + .labels.app' <<<"$output" | paste -sd,)" = "$(uid_of web-0)web,$(uid_of crasher)crasher" ]
}

@test "a name that comes back as another pod never gets the other's labels" {
	# a container of web-0 before the pod that is there now: its id is not known, and it ran once
	record "$(link web-0 app "$(printf '%064d' 7)")" >in
	# the same of a pod with restarts enough, but written before the pod was made
	time=2026-11-22T11:59:59Z record "$(link crasher app "$(printf '%064d' 8)")" >>in
	# another uid
	record "/var/log/pods/shop_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2528/app/0.log" >>in
	# pre-1 is not pre-10
	record "/var/log/pods/shop_pre-1_3b548af1-ed9f-4392-a405-88e3d0bd2529/pre-10/0.log" >>in
	run -3 --separate-stderr k8smeta "${on[@]}" --stats=stats in
	[ "$(jq -c '.kubernetes.labels' <<<"$output" | sort -u)" = null ]
	[ "$(jq -c '[.out, .missing]' stats)" = '[4,4]' ]
	[[ $stderr == "k8smeta: 4 records: their pods are not known"*"--cache=DIR"* ]]
	# an early restart of the pod that is there: its time fits
	record "$(link crasher app "$(printf '%064d' 8)")" >in
	run -0 k8smeta "${on[@]}" in
	[ "$(jq -r .kubernetes.labels.app <<<"$output")" = crasher ]
}

@test "a static pod is found by its manifest's hash, whoever lists it" {
	f=/var/log/pods/kube-system_etcd-n1.a.example_5f8ad0db629ce8cf99f2caa7d48ef571/etcd/0.log
	record $f >in
	run -0 k8smeta "${on[@]}" in
	[ "$(jq -r '.kubernetes | .labels.tier + " " + .pod_id' <<<"$output")" = "control-plane $(uid_of etcd-n1.a.example)" ]
	# the kubelet gives it the hash as its uid
	jq 'map(if .metadata.name == "etcd-n1.a.example" then .metadata.uid = "5f8ad0db629ce8cf99f2caa7d48ef571" else . end)' "$items" >"$api/pods.json"
	run -0 k8smeta --kubelet="$url" "${trust[@]}" --node=node-1 in
	[ "$(jq -r '.kubernetes | .labels.tier + " " + .pod_id' <<<"$output")" = "control-plane 5f8ad0db629ce8cf99f2caa7d48ef571" ]
	[ "$(cat "$api/requests" | tail -n 1)" = "GET /pods" ]
}

@test "labels and annotations: lists with globs, last-applied only by its name, --dedot" {
	record "$(dir web-0)" >in
	run -0 k8smeta "${on[@]}" --labels='app*,!*_io/*' --annotations= in
	[ "$(kube <<<"$output" | jq -c '[.labels, .annotations]')" = '[{"app":"web","app.kubernetes.io/name":"web"},null]' ]
	run -0 k8smeta "${on[@]}" --labels='!app*' --annotations='*kubernetes*' in
	[ "$(kube <<<"$output" | jq -c '[.labels, .annotations]')" = '[null,null]' ]
	run -0 k8smeta "${on[@]}" --annotations=team,kubectl.kubernetes.io/last-applied-configuration in
	[ "$(kube <<<"$output" | jq -c '.annotations | keys')" = '["kubectl.kubernetes.io/last-applied-configuration","team"]' ]
	run -0 k8smeta "${on[@]}" --dedot --stats=stats in
	[ "$(kube <<<"$output" | jq -c .labels)" = '{"app":"web","app_kubernetes_io/name":"web"}' ]
	[ "$(jq .clashes stats)" -gt 0 ]
}

@test "texts that need escaping come through as they were; what is too large is left out and counted" {
	record "$(dir web-0)" >in
	record "$(dir huge)" >>in
	run -0 --separate-stderr k8smeta "${on[@]}" -v --stats=stats in
	[ "$(jq -c 'select(.kubernetes.pod_name == "web-0") | .kubernetes.annotations.note' <<<"$output")" = "$(meta .metadata.annotations.note web-0 | jq -cR . | head -n 1)" ]
	[ "$(jq -c 'select(.kubernetes.pod_name == "huge") | .kubernetes.annotations' <<<"$output")" = '{"small":"s"}' ]
	[ "$(jq .left_out stats)" -eq 1 ]
	[[ $stderr == *"1 labels, annotations, owners or containers are too large"* ]]
}

@test "--namespace-labels asks for them; without it nobody does" {
	echo '[{"metadata":{"name":"shop","uid":"1","labels":{"env":"prod","kubernetes.io/metadata.name":"shop"}},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}]' >"$api/namespaces.json"
	record "$(dir web-0)" >in
	run -0 k8smeta "${on[@]}" --namespace-labels --labels=env,app in
	[ "$(kube <<<"$output" | jq -c '[.labels, .namespace_labels]')" = '[{"app":"web"},{"env":"prod"}]' ]
	[ "$(sed -n 2p "$api/requests")" = "GET /api/v1/namespaces?limit=500&resourceVersion=0" ]
	run -2 --separate-stderr k8smeta --kubelet="$url" --namespace-labels in
	[[ $stderr == *"--namespace-labels needs --api"* ]]
}

@test "--pods reads what kubectl wrote: a List, NDJSON, single pods, and gz of them" {
	record "$(dir web-0)" >in
	record "$(dir elsewhere)" >>in
	k8smeta --pods="$list" in >want
	[ "$(jq -r '.kubernetes | .labels.app + " " + .host' want | paste -sd,)" = "web node-1,elsewhere node-2" ]
	jq -c '.items[]' "$list" >pods.ndjson
	jq '.items[]' "$list" >pretty
	jq -c '.items |= map(del(.kind)) | .kind = "PodList"' "$list" | gzip >plain.gz
	gzip <pods.ndjson >pods.gz
	for f in pods.ndjson pretty pods.gz plain.gz; do
		k8smeta --pods=$f in | cmp - want
	done
	head -n 1 pods.ndjson >a
	tail -n 1 pods.ndjson >b
	k8smeta --pods=a --pods=b in | cmp - want
}

@test "--pods of a file that is not one: told, and the records pass" {
	record "$(dir web-0)" >in
	run -2 --separate-stderr k8smeta --pods=gone in
	[ "$stderr" = "k8smeta: gone: No such file or directory" ]
	[ -z "$output" ]
	echo '<html>' >html
	gzip <"$list" | head -c 1000 >cut.gz
	head -c 30000 "$list" >cut
	echo '[1]' >array
	printf '{"items":[{"a":1},2]}' >number
	for f in html cut.gz cut array number; do
		run -3 --separate-stderr k8smeta --pods=$f in
		[ "${#lines[@]}" -eq 1 ]
		[ "$(kube <<<"$output" | jq -r .pod_name)" = web-0 ]
		[[ $stderr == "k8smeta: $f: "*"; records pass with what is known without it" ]]
	done
	# JSON of Kubernetes that holds no pod
	echo '{"kind":"Status","apiVersion":"v1","status":"Failure","message":"nodes is forbidden"}' >status
	echo '{"kind":"List","items":[{"kind":"Node","metadata":{"name":"n"}}]}' >nodes
	for f in status nodes; do
		run -3 --separate-stderr k8smeta --pods=$f in
		[ "${stderr_lines[0]}" = "k8smeta: $f: no pods in it; 'kubectl get pods -A -o json' writes them" ]
	done
	echo '{"kind":"List","items":[{"kind":"Namespace","metadata":{"name":"shop"}}]}' >spaces
	run --separate-stderr k8smeta --pods=spaces in
	[[ $stderr != *"no pods in it"* ]]
	# what came before the cut is used
	run -3 --separate-stderr k8smeta --pods=cut in
	[ "$(kube <<<"$output" | jq -r .labels.app)" = web ]
}

@test "--exclude leaves out what the annotations say: by pod, stream and container, and costs a mark" {
	q=$(dir quiet) l=$(dir quiet loud) h=$(dir half-quiet)
	{
		mark "$q" stdout 0
		for i in 1 2 3; do record "$q" stdout $i; done
		record "$l" stdout 1
		record "$h" stdout 1
		record "$h" stderr 2
		record "$h" stderr 4
		mark "$q" stdout 3
	} >in
	run -0 k8smeta "${on[@]}" --exclude --stats=stats in
	[ "$(jq -r '.kubernetes // empty | .pod_name + "/" + .container_name' <<<"$output" | paste -sd,)" = "quiet/loud,half-quiet/app" ]
	# the file left out whole: its own marks; the stream left out: one for its last
	[ "$(jq -c 'select(.log == null)._src.end' <<<"$output" | paste -sd,)" = "0,3,4" ]
	[ "$(tail -n 1 <<<"$output" | jq -c '._src.id, keys')" = "$(record "$h" stderr 4 | jq -c '._src.id'; echo '["_src"]')" ]
	[ "$(jq -c '[.in, .out, .filtered, .rejected]' stats)" = '[7,2,5,0]' ]
	# without it nothing is left out
	[ "$(k8smeta "${on[@]}" in | jq -c 'select(.log)' | wc -l)" -eq 7 ]
}

@test "in a pipe that goes on, the mark of what was left out does not wait for its end" {
	mkfifo pipe
	k8smeta "${on[@]}" --exclude <pipe >out 3>&- &
	k=$!
	exec 9>pipe
	record "$(dir quiet)" stdout 5 >&9
	for _ in $(seq 100); do [ ! -s out ] || break; sleep 0.1; done
	exec 9>&-
	wait $k
	[ "$(jq -c '._src.end, keys' out | paste -sd' ')" = '5 ["_src"]' ]
}

@test "fluentbit.io/parser names the parser where logparse --parser-from looks" {
	record "$(dir parsed)" >in
	record "$(dir parsed)" stderr >>in
	record "$(dir parsed side)" stderr >>in
	record "$(dir web-0)" >>in
	run -0 k8smeta "${on[@]}" --annotations= in
	[ "$(jq -r .kubernetes.parser <<<"$output" | paste -sd,)" = "nginx,syslog,json,null" ]
}

@test "a pod that is deleted is still known by the cache" {
	record "$(dir web-0)" >in
	k8smeta "${on[@]}" --cache=cache in >want
	jq 'map(select(.metadata.name != "web-0"))' "$items" >"$api/pods.json"
	k8smeta "${on[@]}" --cache=cache in | cmp - want
	# and when no source is there at all
	k8smeta --cache=cache in | cmp - want
	# what is wanted now is what is written
	run -0 k8smeta --cache=cache --labels=app --annotations= in
	[ "$(kube <<<"$output" | jq -c '[.labels, .annotations]')" = '[{"app":"web"},null]' ]
	# a sweep that learns nothing new writes nothing
	stat -c '%i %y' cache/pods.ndjson >before
	k8smeta "${on[@]}" --cache=cache in >/dev/null
	stat -c '%i %y' cache/pods.ndjson | cmp - before
}

@test "a cache that is cut short or damaged loses those lines, is told, and is whole again after" {
	record "$(dir web-0)" >in
	k8smeta "${on[@]}" --cache=cache in >want
	cp cache/pods.ndjson whole
	n=$(wc -l <whole)
	head -c $(($(wc -c <whole) - 20)) whole >cache/pods.ndjson
	run -0 --separate-stderr k8smeta "${on[@]}" --cache=cache in
	cmp want <(echo "$output")
	[ "$stderr" = "k8smeta: cache/pods.ndjson: 1 lines are damaged and left out; it is written anew" ]
	sort cache/pods.ndjson | cmp - <(sort whole)
	# one letter of a label, garbage, a line of nothing but NULs, one far too long
	sed 's/"app":"web"/"app":"wab"/' whole >cache/pods.ndjson
	{ printf '\0\0\0\n{"sum":"\n'; head -c 300000 /dev/zero | tr '\0' x; echo; } >>cache/pods.ndjson
	jq 'map(select(.metadata.name != "web-0"))' "$items" >"$api/pods.json"
	run -3 --separate-stderr k8smeta "${on[@]}" --cache=cache in
	[[ $stderr == *": 4 lines are damaged"*"their pods are not known"* ]]
	[ "$(wc -l <cache/pods.ndjson)" -eq $((n - 1)) ]
	k8smeta --cache=cache in 2>&1 >/dev/null | grep -c damaged | grep -qx 0
}

@test "two runs at once lose nothing of each other's cache" {
	jq -c '.items[]' "$list" >all
	n=$(wc -l <all)
	pids=()
	for i in $(seq "$n"); do
		sed -n "${i}p" all >one.$i
		k8smeta --pods=one.$i --cache=cache /dev/null 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ "$(grep -c '"pod":' cache/pods.ndjson)" -eq "$n" ]
	[ "$(ls -A cache | sort | paste -sd,)" = "pods.lock,pods.ndjson" ]
}

@test "the cache forgets what no source has listed for a week" {
	k8smeta "${on[@]}" --cache=cache /dev/null
	[ "$(jq -r 'select(.pod).pod.name' cache/pods.ndjson | grep -c web-0)" -eq 1 ]
	# eight days ago: the line as it would have been written then
	python3 - cache/pods.ndjson <<-'PY'
		import hashlib, json, re, sys, time
		out = []
		for line in open(sys.argv[1], encoding="utf-8"):
		    if '"pod":' in line:
		        rest = re.sub(r'"seen":\d+', '"seen":%d' % (time.time() - 8 * 86400), line.rstrip("\n")[26:], count=1)
		        line = '{"sum":"%s",%s\n' % (hashlib.sha256(rest.encode()).hexdigest()[:16], rest)
		    out.append(line)
		open(sys.argv[1], "w", encoding="utf-8").writelines(out)
	PY
	record "$(dir web-0)" >in
	run -3 --separate-stderr k8smeta --cache=cache in
	[[ $stderr != *damaged* ]]
	[ "$(grep -c '"pod":' cache/pods.ndjson)" -eq 0 ]
}

@test "a cache that cannot be written is told, and the records pass" {
	record "$(dir web-0)" >in
	touch file
	run -3 --separate-stderr k8smeta "${on[@]}" --cache=file/x in
	[ "$(kube <<<"$output" | jq -r .labels.app)" = web ]
	[[ $stderr == *"Not a directory"* ]]
}

@test "links planted in the cache's directory are not followed: replaced, or told" {
	record "$(dir web-0)" >in
	mkdir cache
	echo theirs >victim
	ln -s ../victim cache/.pods.ndjson.tmp
	run -0 --separate-stderr k8smeta "${on[@]}" --cache=cache in
	[ -z "$stderr" ]
	grep -q '"web-0"' cache/pods.ndjson
	[ "$(cat victim)" = theirs ]
	# another name of a file of theirs is not written to either
	rm cache/pods.ndjson
	ln victim cache/.pods.ndjson.tmp
	run -0 k8smeta "${on[@]}" --cache=cache in
	grep -q '"web-0"' cache/pods.ndjson
	[ "$(cat victim)" = theirs ]
	[ ! -e cache/.pods.ndjson.tmp ]
	# what the lock leads to is not made
	rm cache/pods.*
	ln -s ../made cache/pods.lock
	run -3 --separate-stderr k8smeta "${on[@]}" --cache=cache in
	[ "$(kube <<<"$output" | jq -r .labels.app)" = web ]
	[ "$stderr" = "k8smeta: cache/pods.lock: Too many levels of symbolic links; the cache may lack what is new" ]
	[ ! -e made ] && [ ! -e cache/pods.ndjson ]
}

# goes_on STATUS-TEXT [OPTION...]: the records pass with what the path says, exit 3, one line
goes_on() {
	local told=$1
	shift
	rm -f stats
	record "$(dir web-0)" >in
	record "$(dir crasher)" >>in
	run -3 --separate-stderr k8smeta "${on[@]}" --stats=stats "$@" in
	[ "$(kube <<<"$output" | jq -r .pod_name | paste -sd,)" = "web-0,crasher" ]
	[[ ${stderr_lines[0]} == "k8smeta: 127.0.0.1:"*"$told"*"; records pass with what is known without it" ]] || {
		echo "$stderr"
		return 1
	}
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ "$(jq -c '[.in, .out, .missing]' stats)" = '[2,2,2]' ]
}

@test "401: the token is read once more, then the file is named" {
	echo old-token >token
	goes_on "401: the token in token is not accepted"
	[ "$(wc -l <"$api/requests")" -eq 2 ]
}

@test "a token that changes while we ask is taken" {
	echo test-token-1 >token
	echo '401 1' >"$api/mode"
	record "$(dir web-0)" >in
	run -0 k8smeta "${on[@]}" in
	[ "$(kube <<<"$output" | jq -r .labels.app)" = web ]
}

@test "a token file with blanks, CRLF and no end is the token all the same; garbage is told" {
	record "$(dir web-0)" >in
	for t in ' test-token-1\n\n' 'test-token-1\r\n' 'test-token-1'; do
		printf "$t" >token
		run -0 k8smeta "${on[@]}" in
	done
	for t in '' '\n' 'a b' 'test\ntoken'; do
		printf "$t" >token
		run -3 --separate-stderr k8smeta "${on[@]}" in
		[[ ${stderr_lines[0]} == "k8smeta: token: holds "* ]]
	done
	rm token
	run -3 --separate-stderr k8smeta "${on[@]}" in
	[[ ${stderr_lines[0]} == "k8smeta: token: No such file"* ]]
}

@test "403 tells which rule is missing" {
	echo 403 >"$api/mode"
	goes_on '403: may not list pods: system:serviceaccount:logs:k8smeta needs a ClusterRole with apiGroups [""], resources ["pods"], verbs ["list"]'
	[ "$(wc -l <"$api/requests")" -eq 1 ]
	record "$(dir web-0)" >in
	run -3 --separate-stderr k8smeta --kubelet="$url" "${trust[@]}" in
	[[ $stderr == *'resources ["nodes/pods"], verbs ["get"]'*'["nodes/proxy"]'* ]]
	rm "$api/mode"
	run -3 --separate-stderr k8smeta --api="$url" --ca="$api/ca.crt" in
	[[ $stderr == *"no token was sent"*"--token-file"* ]]
}

@test "429 is asked again when Retry-After says, as long as the time allows" {
	echo '429 1' >"$api/mode"
	record "$(dir web-0)" >in
	run -0 k8smeta "${on[@]}" in
	[ "$(wc -l <"$api/requests")" -eq 2 ]
	echo 429 >"$api/mode"
	goes_on "429: busy" --timeout=1500ms
}

@test "410 in the middle of a list begins it anew" {
	echo 2 >"$api/page"
	echo '410 2' >"$api/mode"
	record "$(dir parsed)" >in
	run -0 k8smeta "${on[@]}" in
	[ "$(kube <<<"$output" | jq -r .host)" = node-1 ]
	[ "$(grep -c 'resourceVersion=0$' "$api/requests")" -eq 2 ]
	# never more than a few times
	echo 410 >"$api/mode"
	run -3 --separate-stderr k8smeta "${on[@]}" in
	[ "$(grep -c . "$api/requests")" -lt 20 ]
}

@test "answers that are none: HTML, nothing, 404, 504, a connection that drops" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: time is measured"
	echo html >"$api/mode"
	goes_on "HTML"
	echo empty >"$api/mode"
	goes_on "an empty answer"
	echo 404 >"$api/mode"
	goes_on "404: 404 page not found; is this an API server?"
	echo 504 >"$api/mode"
	goes_on "504: Timeout: Too large resource version" --timeout=500ms
	echo drop >"$api/mode"
	goes_on ": "
}

@test "half an answer: what came of it is used, the rest is told" {
	echo half >"$api/mode"
	record "$(dir web-0)" >in
	record "$(dir huge)" >>in
	run -3 --separate-stderr k8smeta "${on[@]}" in
	[ "$(kube <<<"$output" | jq -r '.labels.app' | paste -sd,)" = "web,null" ]
	[[ ${stderr_lines[0]} == "k8smeta: 127.0.0.1:"* ]]
	echo 'half 1' >"$api/mode"
	run -0 k8smeta "${on[@]}" in
}

@test "a server that never answers costs no more than --timeout" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: time is measured"
	echo hang >"$api/mode"
	goes_on "no whole answer within 0.4 s; --timeout=TIME allows more" --timeout=400ms
	echo 429 >"$api/mode"
	goes_on "429: busy: Too many requests, please try again later.; --timeout=TIME allows more" --timeout=400ms
}

@test "a server that stops in the middle: what came is used, and it is asked once in the time there is" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: time is measured"
	echo stall >"$api/mode"
	record "$(dir web-0)" >in
	record "$(dir huge)" >>in
	run -3 --separate-stderr k8smeta "${on[@]}" --timeout=400ms in
	[ "$(kube <<<"$output" | jq -r '.labels.app' | paste -sd,)" = "web,null" ]
	[[ $stderr == *"no whole answer within 0."*" s; --timeout=TIME allows more; records pass"* ]]
	[ "$(wc -l <"$api/requests")" -eq 1 ]
}

@test "a server that is not there, a certificate of another CA, plain HTTP where TLS is wanted" {
	record "$(dir web-0)" >in
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	run -3 --separate-stderr k8smeta --api="https://127.0.0.1:$port" "${trust[@]}" in
	[[ ${stderr_lines[0]} == "k8smeta: 127.0.0.1:$port: Connection refused; records"* ]]
	run -3 --separate-stderr k8smeta --api="$url" --token-file=token --ca="$api/other-ca.crt" in
	[[ ${stderr_lines[0]} == *"the certificate is not trusted"*"--ca=FILE"* ]]
	run -3 --separate-stderr k8smeta --api="${url/127.0.0.1/127.0.0.2}" "${trust[@]}" in
	[[ ${stderr_lines[0]} == *"the certificate is not trusted"* ]]
	[ "$(cat "$api/requests" 2>/dev/null)" = "" ]
}

@test "a client certificate serves in place of a token" {
	record "$(dir web-0)" >in
	run -0 k8smeta --api="$url" --ca="$api/ca.crt" --client-cert="$api/client.crt" --client-key="$api/client.key" in
	[ "$(kube <<<"$output" | jq -r .labels.app)" = web ]
	run -2 --separate-stderr k8smeta --api="$url" --client-cert="$api/client.crt" in
	[[ $stderr == *"--client-cert and --client-key"* ]]
	run -3 --separate-stderr k8smeta --api="$url" --ca="$api/ca.crt" --client-cert="$api/client.crt" --client-key="$api/ca.key" in
	[[ $stderr == *"do not go together"* ]]
}

@test "a kubeconfig, YAML or JSON, with files or data, says where and who" {
	record "$(dir web-0)" >in
	cp "$api"/{ca.crt,client.crt,client.key} .
	cat >config <<-YAML
		apiVersion: v1
		kind: Config
		current-context: b
		contexts:
		- {name: a, context: {cluster: gone, user: gone}}
		- name: b
		  context: {cluster: test, user: "me", namespace: shop}
		clusters:
		- name: test
		  cluster:
		    server: $url/
		    certificate-authority: ca.crt
		users:
		- name: me
		  user: {tokenFile: token}
	YAML
	run -0 k8smeta --kubeconfig="$PWD/config" in
	[ "$(kube <<<"$output" | jq -r .labels.app)" = web ]
	jq -n --arg url "$url" --arg ca "$(base64 <ca.crt)" --arg crt "$(base64 -w0 <client.crt)" --arg key "$(base64 -w0 <client.key)" \
		'{"current-context": "c", contexts: [{name: "c", context: {cluster: "c", user: "u"}}],
		clusters: [{name: "c", cluster: {server: $url, "certificate-authority-data": $ca}}],
		users: [{name: "u", user: {"client-certificate-data": $crt, "client-key-data": $key}}]}' >config.json
	run -0 k8smeta --kubeconfig=config.json in
	[ "$(kube <<<"$output" | jq -r .labels.app)" = web ]
	# options go before it
	run -3 --separate-stderr k8smeta --kubeconfig=config.json --ca="$api/other-ca.crt" in
	[[ $stderr == *"not trusted"* ]]
}

@test "what a kubeconfig cannot give is a usage error that names it" {
	base='{"current-context": "c", contexts: [{name: "c", context: {cluster: "c", user: "u"}}], clusters: [{name: "c", cluster: {server: "https://127.0.0.1:1"}}], users: [{name: "u", user: {token: "t"}}]}'
	while IFS='|' read -r change told; do
		jq -n "$base | $change" >config
		run -2 --separate-stderr k8smeta --kubeconfig=config /dev/null
		[[ $stderr == "k8smeta: config: $told"* ]] || {
			echo "$change: $stderr"
			return 1
		}
	done <<-'END'
		.users[0].user.exec = {command: "aws"}|exec: not supported
		.users[0].user."auth-provider" = {name: "gcp"}|auth-provider: not supported
		.clusters[0].cluster."insecure-skip-tls-verify" = true|insecure-skip-tls-verify: not supported
		.clusters[0].cluster."proxy-url" = "http://p"|proxy-url: not supported
		del(."current-context")|no current-context
		."current-context" = "d"|no context d
		.clusters = []|the current context's cluster is not there
		del(.clusters[0].cluster.server)|the current context's cluster has no server
		.clusters[0].cluster.server = "https://admin:hunter2@h:6443"|no user and password in the URL of an API server
		.clusters[0].cluster.server = "http:/admin:hunter2@h"|no user and password in the URL of an API server
		.users[0].user.token = "a\r\nX: y"|token: holds more than a token
		.clusters[0].cluster."certificate-authority-data" = "%"|certificate-authority-data: not base64
		[]|not a kubeconfig
	END
	printf 'a: [\n' >config
	run -2 --separate-stderr k8smeta --kubeconfig=config /dev/null
	[[ $stderr == "k8smeta: config:2: not YAML"* ]]
	run -2 --separate-stderr k8smeta --kubeconfig=gone /dev/null
	[[ $stderr == "k8smeta: gone: "* ]]
}

@test "a password in a URL is not told" {
	for url in https://admin:hunter2@h:6443 admin:hunter2@h; do
		run -2 --separate-stderr k8smeta --api="$url" --token-file=token /dev/null
		[ "$stderr" = "k8smeta: --api: no user and password in the URL of an API server" ]
		run -2 --separate-stderr k8smeta --kubelet="$url" --token-file=token /dev/null
		[ "$stderr" = "k8smeta: --kubelet: no user and password in the URL of an API server" ]
	done
}

@test "--api needs no further option in a pod, and says so outside one" {
	run -2 --separate-stderr env -u KUBERNETES_SERVICE_HOST k8smeta --api /dev/null
	[[ $stderr == *"not in a pod"*"--api=URL or --kubeconfig=FILE"* ]]
	unshare -rmu true 2>/dev/null || skip "no namespaces here to put a service account into"
	mkdir account
	cp "$api/ca.crt" token account
	printf shop >account/namespace
	record "$(dir web-0)" >in
	unshare -rmu sh -c 'hostname web-0 && mount -t tmpfs none /run && mkdir -p /var/run/secrets/kubernetes.io &&
		cp -r account /var/run/secrets/kubernetes.io/serviceaccount &&
		KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=${url##*:} k8smeta --api in' >out
	[ "$(jq -r .kubernetes.labels.app out)" = web ]
	# the node is that of the pod we are in
	[ "$(cat "$api/requests")" = "GET /api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dweb-0&limit=500&resourceVersion=0
GET /api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&limit=500&resourceVersion=0" ]
}

@test "a watch brings in pods that come, change and go; 410 lists again" {
	mkfifo pipe
	jq 'map(select(.metadata.name != "web-0"))' "$items" >"$api/pods.json"
	k8smeta "${on[@]}" --watch --stats=stats <pipe >out 2>err 3>&- &
	k=$!
	exec 9>pipe
	# sent NAME: a record of it has come out with these labels
	sent() {
		for _ in $(seq 150); do
			record "$(dir "$1")" >&9
			sleep 0.1
			[ "$(tail -n 1 out | jq -c .kubernetes.labels)" != "$2" ] || return 0
		done
		tail -n 1 out
		return 1
	}
	sent web-0 null
	event() { # TYPE NAME JQ
		jq -c --arg t "$1" --arg n "$2" '.[] | select(.metadata.name == $n) | {apiVersion: "v1", kind: "Pod"} + . | '"$3"' | {type: $t, object: .}' "$items" >>"$api/events"
	}
	event ADDED web-0 '.metadata.labels = {"app": "new"}'
	sent web-0 '{"app":"new"}'
	echo '{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"2000","creationTimestamp":null},"spec":{"containers":null},"status":{}}}' >>"$api/events"
	event MODIFIED web-0 '.metadata.labels = {"app": "newer"} | .metadata.resourceVersion = "2001"'
	sent web-0 '{"app":"newer"}'
	event DELETED web-0 '.metadata.labels = {"app": "last"} | .metadata.resourceVersion = "2002"'
	sent web-0 '{"app":"last"}'
	# the server ends the watch: it goes on from the last version, then learns that it is too old
	: >"$api/events"
	echo 'cut-watch' >"$api/mode"
	for _ in $(seq 100); do ! grep -q 'resourceVersion=2002' "$api/requests" || break; sleep 0.1; done
	grep -q 'watch=1.*resourceVersion=2002' "$api/requests"
	cp "$items" "$api/pods.json"
	echo '410' >"$api/mode"
	for _ in $(seq 100); do [ "$(grep -c 'resourceVersion=0$' "$api/requests")" -lt 2 ] || break; sleep 0.1; done
	echo '' >"$api/mode"
	sent web-0 "$(meta .metadata.labels web-0 | jq -c .)"
	exec 9>&-
	wait $k || [ $? -eq 3 ] # records came before the pod was known
	[ "$(jq .pods stats)" -eq "$(jq 'map(select(.spec.nodeName == "node-1")) | length' "$items")" ]
	[ "$(grep -c 'watch=1' "$api/requests")" -ge 3 ]
}

@test "a watch that fails at the end is told, exit 3" {
	mkfifo pipe
	k8smeta "${on[@]}" --watch <pipe >out 2>err 3>&- &
	k=$!
	exec 9>pipe
	for _ in $(seq 100); do ! grep -qs 'watch=1' "$api/requests" || break; sleep 0.1; done
	echo 403 >"$api/mode"
	for _ in $(seq 100); do [ "$(grep -c 'watch=1' "$api/requests")" -lt 2 ] || break; sleep 0.1; done
	sleep 0.3
	exec 9>&-
	r=0
	wait $k || r=$?
	[ $r -eq 3 ]
	grep -q 'may not watch pods: .*verbs \["watch"\]' err
}

@test "a list of 50 MB and 5,000 pods on a node fits into the memory of a filter" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: memory is measured"
	python3 "$tests/pods.py" 5000 10600 >"$api/pods.json"
	[ "$(wc -c <"$api/pods.json")" -gt 50000000 ]
	record "/var/log/pods/shop_load-04999_$(jq -r '.[-1].metadata.uid' "$api/pods.json")/app/0.log" >in
	run -0 python3 - "${on[@]}" in <<-'PY'
		import resource, subprocess, sys
		out = subprocess.run(["k8smeta", "--timeout=60s", "--stats=stats", *sys.argv[1:]], stdout=open("out", "wb"))
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
		sys.exit(out.returncode)
	PY
	[ "$(jq -r .kubernetes.labels.app out)" = load ]
	[ "$(jq .pods stats)" -ge 5000 ]
	echo "# peak memory: $output KiB" >&3
	[ -n "${ASAN_OPTIONS-}${TSAN_OPTIONS-}" ] || nm "$(command -v k8smeta)" 2>/dev/null | grep -q '__[at]san_init' || [ "$output" -le 18432 ]
}
