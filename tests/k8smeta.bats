bats_require_minimum_version 1.5.0

id=67330d02351d771feec052081decd55cdad17f07a9541a2183ae380dae7de34b
uid=3b548af1-ed9f-4392-a405-88e3d0bd2528
link=/var/log/containers/web-0_shop_app-$id.log
dir=/var/log/pods/shop_web-0_$uid/app/0.log

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# mark FILE END, record FILE END [MEMBERS]: as logtail writes them
mark() {
	printf '{"_src":{"file":"%s","id":"9f3c/o","gen":3,"end":%d}}\n' "$1" "$2"
}
record() {
	printf '{"_src":{"file":"%s","id":"9f3c/o","gen":3,"end":%d},"time":"2026-11-22T13:00:00.%09dZ",' \
		"$1" "$2" "$2"
	printf '"stream":"stdout",%s}\n' "${3-\"log\":\"line $2\"}"
}

# some sources, some forms, with marks around each
sample() {
	local f i
	for f in "$link" "$dir" "$dir.20261122-130000.gz" "b.tar.gz!${dir#/}" \
		"/var/lib/docker/containers/$id/$id-json.log"; do
		mark "$f" 0
		for i in 1 2 3; do
			record "$f" $i
			record "$f" $i '"log_processed":{"n":1.10,"big":9223372036854775808,"s":"\u00e9\/"}'
		done
		mark "$f" 3
	done
}

# the stats line holds in = out + rejected + filtered + joined
balanced() {
	jq -e '.in == .out + .rejected + .filtered + .joined' "$1"
}

@test "a record of /var/log/containers gets pod, namespace, container and container id" {
	record "$link" 1 >in
	run -0 --separate-stderr k8smeta in
	[ -z "$stderr" ]
	[ "$(jq -c .kubernetes <<<"$output")" = '{"pod_name":"web-0","namespace_name":"shop","container_name":"app","docker_id":"'$id'"}' ]
}

@test "a record of /var/log/pods gets the pod's UID as well, whatever rotation did to the name" {
	for f in "$dir" "$dir.20261122-130000" "$dir.20261122-130000.gz" "/backup/n1$dir" "b.tgz!${dir#/}"; do
		record "$f" 1 >in
		run -0 k8smeta in
		[ "$(jq -c .kubernetes <<<"$output")" = '{"pod_name":"web-0","namespace_name":"shop","pod_id":"'$uid'","container_name":"app"}' ]
	done
}

@test "a static pod keeps the dots of its name, and its hash is its id" {
	record /var/log/pods/kube-system_etcd-n1.a.example_5f8ad0db629ce8cf99f2caa7d48ef571/etcd/0.log 1 >in
	run -0 k8smeta in
	[ "$(jq -r '.kubernetes | [.pod_name, .pod_id] | join(" ")' <<<"$output")" = "etcd-n1.a.example 5f8ad0db629ce8cf99f2caa7d48ef571" ]
}

@test "of Docker's own files only the container's id is known" {
	record "/var/lib/docker/containers/$id/$id-json.log" 1 >in
	run -0 k8smeta in
	[ "$(jq -c .kubernetes <<<"$output")" = '{"docker_id":"'$id'"}' ]
}

@test "config.v2.json beside a file of Docker's tells its pod, or its own name; what contradicts it does not" {
	mkdir -p docker/$id other/$id
	record "$PWD/docker/$id/$id-json.log.1" 1 >in
	config() { # NAME LABELS
		echo '{"ID":"'$id'","Name":"'"$1"'","Config":{"Image":"nginx:1.29","Labels":'"$2"'}}' >docker/$id/config.v2.json
	}
	config /k8s_app_web-0_shop_${uid}_0 '{"io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"'$uid'","io.kubernetes.container.name":"app"}'
	run -0 k8smeta --docker="$PWD" in
	[ "$(jq -c .kubernetes <<<"$output")" = '{"pod_name":"web-0","namespace_name":"shop","pod_id":"'$uid'","container_name":"app","docker_id":"'$id'"}' ]
	config /My_box.1 '{}'
	run -0 k8smeta --docker="$PWD" in
	[ "$(jq -c .kubernetes <<<"$output")" = '{"container_name":"My_box.1","docker_id":"'$id'","container_image":"nginx:1.29"}' ]
	# elsewhere it is not for us to read, which is told
	run -0 --separate-stderr k8smeta in
	[[ $stderr == *"name their directory with --docker=DIR" || $LOGSWEEP_CONFINE == no || $(k8smeta -v </dev/null 2>&1) != *Landlock* ]]
	for bad in '{"ID":"x"' '{"ID":"0","Name":"/x"}' '' '[]'; do
		printf %s "$bad" >docker/$id/config.v2.json
		run -0 k8smeta --docker="$PWD" in
		[ "$(jq -c .kubernetes <<<"$output")" = '{"docker_id":"'$id'"}' ]
	done
	# only below a directory of the id, and no link
	config /box '{}'
	ln -s ../../docker/$id/config.v2.json other/$id/config.v2.json
	cp docker/$id/config.v2.json .
	record "$PWD/other/$id/$id-json.log" 1 >in
	record "$PWD/$id-json.log" 1 >>in
	run -0 k8smeta --docker="$PWD" in
	[ "$(jq -c .kubernetes <<<"$output" | sort -u)" = '{"docker_id":"'$id'"}' ]
}

@test "a link that the kubelet made tells the pod's UID, when it agrees with its name" {
	mkdir links
	ln -s "$dir" links/web-0_shop_app-$id.log
	ln -s "$dir" links/web-1_shop_app-$id.log
	for w in web-0 web-1; do record "$PWD/links/${w}_shop_app-$id.log" 1; done >in
	run -0 k8smeta in
	[ "$(jq -r '.kubernetes | .pod_name + " " + (.pod_id // "none") + " " + .docker_id' <<<"$output" | paste -sd,)" = "web-0 $uid $id,web-1 none $id" ]
}

@test "--node is written as host, escaped; its environment form does the same" {
	record "$dir" 1 >in
	run -0 k8smeta --node=node-7 in
	[ "$(jq -r .kubernetes.host <<<"$output")" = node-7 ]
	LOGSWEEP_NODE='a"\b' run -0 k8smeta in
	[ "$(jq -r .kubernetes.host <<<"$output")" = 'a"\b' ]
	run -0 k8smeta in
	[ "$(jq -c .kubernetes.host <<<"$output")" = null ]
}

@test "kubernetes is put in last, and every other byte is as it was" {
	sample >in
	k8smeta in >out
	sed 's/,"kubernetes":{[^}]*}}$/}/' out | cmp - in
	[ "$(grep -c '"kubernetes":{[^}]*}}$' out)" -eq 30 ]
}

@test "records of files that are no pod's pass unchanged and are counted" {
	for f in /var/log/syslog '<stdin>' '/var/log/containers/p\"_n_c-'$id.log '/a\nb/../0.log' \
		'/var/log/pods/../../etc/0.log' '' "/var/log/containers/p_n_$id.log"; do
		mark "$f" 0
		record "$f" 1
	done >in
	printf '%s\n' '{"log":"no source"}' '{}' '{ "a" : 1.10 }' >>in
	run -0 --separate-stderr k8smeta --stats=stats in
	[ -z "$stderr" ]
	k8smeta in | cmp - in
	[ "$(jq -c '[.in, .out, .unmatched, .present]' stats)" = '[10,10,10,0]' ]
	balanced stats
}

@test "with --strict, records of unknown pods pass and the run ends with 3" {
	record /var/log/syslog 1 >in
	record "$dir" 1 >>in
	run -3 --separate-stderr k8smeta --strict in
	[ "${#lines[@]}" -eq 2 ]
	[[ $stderr == "k8smeta: 1 records: no pod"* ]]
}

@test "-v names the files that are no pod's" {
	record /var/log/syslog 1 >in
	run -0 --separate-stderr k8smeta -v in
	[ "$(grep -v "k8smeta: confined: " <<<"$stderr")" = "k8smeta: /var/log/syslog: no pod in this name" ]
}

@test "a record that has kubernetes passes unchanged, however the key is written and placed" {
	record "$dir" 1 '"log":"x","kubernetes":{"pod_name":"other"}' >in
	record "$dir" 2 '"kubernetes":null,"log_processed":{}' >>in
	record "$dir" 3 '"log":"x","kuber\u006eetes":{}' >>in
	record "$dir" 4 '"log":"x", "\u006Bubernetes" :{}' >>in
	echo '{"kubernetes":1,"_src":{"end":1,"file":"'"$dir"'","gen":0,"id":"i"}}' >>in
	k8smeta --stats=stats in | cmp - in
	[ "$(jq -c '[.out, .unmatched, .present]' stats)" = '[5,0,5]' ]
	sample | k8smeta | k8smeta >twice
	sample | k8smeta | cmp - twice
}

@test "kubernetes deeper in a record, or as a text, is not the record's own" {
	record "$dir" 1 '"log_processed":{"kubernetes":{"a":1}}' >in
	record "$dir" 2 '"log":"kubernetes"' >>in
	record "$dir" 3 '"log":"{\"kubernetes\":1}","tags":["kubernetes"]' >>in
	record "$dir" 4 '"log":"x","kubernetes2":1,"Kubernetes":2' >>in
	run -0 k8smeta --stats=stats in
	[ "$(jq -r .kubernetes.pod_name <<<"$output" | grep -c '^web-0$')" -eq 4 ]
	[ "$(jq .present stats)" -eq 0 ]
}

@test "marks pass in order, with all that they carry, and are not counted" {
	mark "$link" 0 >in
	record "$link" 5 >>in
	echo '{"_src":{"file":"'"$link"'","id":"9f3c/o","gen":3,"end":9,"sum":"ab","at":9,"final":true}}' >>in
	echo '{"_src":{"end":9,"gen":3,"id":"9f3c/o","file":"'"$link"'"}}' >>in
	k8smeta --stats=stats in >out
	[ "$(sed -n 1p in)" = "$(sed -n 1p out)" ]
	[ "$(sed -n 3,4p in)" = "$(sed -n 3,4p out)" ]
	[ "$(wc -l <out)" -eq 4 ]
	[ "$(jq .in stats)" -eq 1 ]
}

@test "records in the key orders of jq get the same" {
	sample >in
	k8smeta in | jq -cS . >want
	jq -cS . in | k8smeta | jq -cS . | cmp - want
	jq -c 'to_entries | reverse | from_entries' in | k8smeta | jq -cS . | cmp - want
	jq -c '{time, stream, log, log_processed, _src} | del(..|nulls)' in | k8smeta | jq -cS . |
		grep -v '^{"_src":{[^}]*}}$' | grep -c kubernetes
	jq . in | jq -c . | sed 's/":/" : /; s/}$/ } /' | k8smeta | jq -cS . | cmp - want
}

@test "many sources in turn each keep their own pod" {
	for i in $(seq 300); do
		for j in 1 2 3 4 5 6 7; do
			record "/var/log/containers/pod-$j-$((i % 50))_n_c-$id.log" "$i"
		done
	done >in
	k8smeta in >out
	[ "$(wc -l <out)" -eq 2100 ]
	jq -e 'select("/var/log/containers/\(.kubernetes.pod_name)_n_c-\(.kubernetes.docker_id).log" != ._src.file)' out >wrong || true
	[ ! -s wrong ]
}

@test "a pod with as many annotations as fit, chosen by its owner, costs each of its files no more than their bytes" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: time is measured"
	python3 - $uid <<-'PY'
		import itertools, json, string, sys
		keys = ["".join(k) for k in itertools.islice(itertools.product(string.ascii_lowercase + ".", repeat=3), 6000)]
		# twice as many keys as there are, dots being the same as the _ of others
		keys = [k for one in keys for k in ({one, one.replace(".", "_")})]
		json.dump({"kind": "Pod", "metadata": {"name": "web-0", "namespace": "shop", "uid": sys.argv[1],
		    "annotations": dict.fromkeys(sorted(keys), "")}, "spec": {}}, open("pod", "w"))
	PY
	for i in $(seq 300); do record "${dir/app/c$i}" "$i"; done >in
	# one look at each pair of keys took minutes
	run -0 timeout 60 k8smeta --dedot --stats=stats --pods=pod in
	[ "${#lines[@]}" -eq 300 ]
	[ "$(jq -s 'map(.kubernetes.annotations | length) | unique | .[0] > 4000 and length == 1' <<<"$output")" = true ]
	jq -e '.clashes > 300 and .clashes % 300 == 0' stats
}

@test "lines of 10 MB pass whole" {
	{
		record "$dir" 1 "\"log\":\"$(head -c 100 /dev/zero | tr '\0' b)\""
		printf '{"_src":{"file":"%s","id":"9f3c/o","gen":3,"end":2},"log":"' "$dir"
		head -c 10000000 /dev/zero | tr '\0' a
		printf '"}\n'
		record "$dir" 3
	} >in
	k8smeta in >out
	sed 's/,"kubernetes":{[^}]*}}$/}/' out | cmp - in
	[ "$(grep -c '"kubernetes":{' out)" -eq 3 ]
}

@test "lines that are not one whole object are set aside with the others going on, exit 3" {
	record "$dir" 1 >in
	printf '%s\n' 'plain text' '[1]' '{"a":1' '{"a":"b}' '{"a":1}{"b":2}' '{"a":1}}' '' '   ' >>in
	record "$dir" 2 | sed 's/}$//' >>in
	record "$dir" 2 | sed 's/$/}/' >>in
	record "$dir" 2 '"a":"b' >>in
	record "$dir" 3 >>in
	run -3 --separate-stderr k8smeta --stats=stats in
	[ "$(jq -c 'select(._error.by == "k8smeta")' <<<"$output" | wc -l)" -eq 9 ]
	[ "$(jq -r 'select(.kubernetes) | .log' <<<"$output" | paste -sd,)" = "line 1,line 3" ]
	[[ $stderr == *"k8smeta: in:2: "* ]]
	[ "$(jq -c '[.in, .out, .rejected]' stats)" = '[11,2,9]' ]
	balanced stats
}

@test "--strict ends the run at the first line that is not an object, exit 1" {
	record "$dir" 1 >in
	echo bad >>in
	record "$dir" 2 >>in
	run -1 --separate-stderr k8smeta --strict in
	[ "${#lines[@]}" -eq 1 ]
	[[ $stderr == "k8smeta: in:2: "* ]]
}

@test "a killed writer's half line is dropped, told, and ends with 1" {
	run -1 --separate-stderr bash -c 'printf %s "$1" | k8smeta --stats=stats' - "$(record "$dir" 1)
{\"_src\":{\"fi"
	[ "${#lines[@]}" -eq 1 ]
	[[ $stderr == *"cut off"* ]]
	balanced stats
}

@test "a last line without LF, CRLF, blank lines and a BOM are taken as they should" {
	record "$dir" 1 >one
	k8smeta one >want
	{ printf '\xef\xbb\xbf\r\n\n  \n'; sed 's/$/\r/' one; } | k8smeta | cmp - want
	printf %s "$(cat one)" >torn
	k8smeta torn | cmp - want
}

@test "a file that is missing does not stop the others, exit 3" {
	record "$dir" 1 >in
	run -3 --separate-stderr k8smeta gone in
	[ "${#lines[@]}" -eq 1 ]
	[ "$stderr" = "k8smeta: gone: No such file or directory" ]
}

@test "no input gives no output, exit 0, stats of nothing" {
	run -0 k8smeta --stats=stats /dev/null
	[ -z "$output" ]
	[ "$(jq -c '[.in, .out, .first_time, .unmatched, .present]' stats)" = '[0,0,null,0,0]' ]
}

@test "stats tell counts, bytes and the span of time" {
	sample >in
	k8smeta --stats=stats in >out
	balanced stats
	[ "$(jq -c '[.program, .in, .out, .bytes_in, .bytes_out]' stats)" = "[\"k8smeta\",30,30,$(wc -c <in),$(wc -c <out)]" ]
	[ "$(jq -r '.first_time + " " + .last_time' stats)" = "2026-11-22T13:00:00.000000001Z 2026-11-22T13:00:00.000000003Z" ]
}

@test "a reader that goes away ends it quietly" {
	for i in $(seq 2000); do record "$dir" "$i"; done >in
	for i in $(seq 20); do cat in; done >big
	run --separate-stderr bash -c 'k8smeta big | head -n 1 >/dev/null'
	[ -z "$stderr" ]
}

@test "a full disk is an error, exit 1" {
	[ -e /dev/full ] || skip "no /dev/full"
	record "$dir" 1 >in
	run -1 --separate-stderr bash -c 'k8smeta in >/dev/full'
	[[ $stderr == "k8smeta: <stdout>: No space left on device" ]]
}
