bats_require_minimum_version 1.5.0

# The manifests of k8s-cronjobs, against schemas and rules (k8s/schema.py), against the programs
# whose options, exit codes and times they hold, and the scripts that run the pipe.

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
k8s=$top/k8s-cronjobs

kustomizations() {
	(cd "$k8s" && find . -name kustomization.yaml -exec grep -l '^kind: Kustomization' {} + |
		sed 's|^\./||; s|/kustomization.yaml||' | sort)
}

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	python3 -c 'import yaml' 2>/dev/null || return 0
	for k in $(kustomizations); do
		python3 "$top/tests/k8s/render.py" "$k8s/$k" >"${k//\//+}.yaml" || return
		python3 -c 'import json, sys, yaml
for d in yaml.safe_load_all(open(sys.argv[1])): print(json.dumps(d))' "${k//\//+}.yaml" >"${k//\//+}.ndjson"
	done
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	rendered=$BATS_FILE_TMPDIR
	for v in $(compgen -e | grep -E '^(LOGSWEEP_|AWS_|KUBE)|_proxy$|_PROXY$'); do unset "$v"; done
	unset DESTINATION NAMESPACES SKIP_NAMESPACES ASIDE METADATA STATE LOGS INTERVAL SPLAY
	export TERMINATION_LOG=$PWD/said NODE_NAME=n1
	: >said
}

need_yaml() {
	python3 -c 'import yaml' 2>/dev/null || skip "no python3-yaml"
}

# objects FILTER [NAME]: of all rendered objects, or those of one kustomization
objects() {
	if [ $# -gt 1 ]; then jq -c "$1" "$rendered/$2.ndjson"; else cat "$rendered"/*.ndjson | jq -c "$1"; fi
}

# pods: the pod templates of all rendered objects
pods() {
	objects 'select(.kind | IN("CronJob", "Job", "DaemonSet")) | {
		name: (.kind + "/" + .metadata.name),
		pod: (if .kind == "CronJob" then .spec.jobTemplate.spec.template.spec else .spec.template.spec end)}'
}

# ---- manifests ----

# The one ConfigMap of settings, into the environment.
settings() {
	local name value
	while IFS='=' read -r name value; do
		export "$name=$value"
	done < <(objects 'select(.kind == "ConfigMap" and .metadata.name == "settings") | .data | to_entries[] |
		"\(.key)=\(.value)"' dispatch | jq -r .)
}

@test "every kustomization renders, and passes schema and rules" {
	need_yaml
	[ "$(kustomizations | wc -l)" -ge 10 ]
	for k in $(kustomizations); do
		run -0 python3 "$top/tests/k8s/schema.py" "$rendered/${k//\//+}.yaml"
		[[ ${lines[-1]} == *' objects, 0 errors' ]]
	done
}

@test "kubectl kustomize renders the same" {
	need_yaml
	command -v kubectl >/dev/null || skip "no kubectl"
	kubectl kustomize "$k8s/base" >base.yaml 2>err || skip "this kubectl does not render: $(head -c 200 err)"
	for k in $(kustomizations); do
		kubectl kustomize "$k8s/$k" >theirs.yaml
		python3 - "$rendered/${k//\//+}.yaml" theirs.yaml <<-'EOF'
			import sys, yaml
			ours, theirs = [{(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(open(f)) if o}
			                for f in sys.argv[1:]]
			for k in sorted(ours.keys() | theirs.keys()):
			    if ours.get(k) != theirs.get(k): sys.exit(f"{k}: {ours.get(k)} but kubectl: {theirs.get(k)}")
		EOF
	done
}

@test "the check finds what an API server would refuse" {
	need_yaml
	bad() { # bad MESSAGE SED-PROGRAM
		sed "$2" "$rendered/dispatch.yaml" >bad.yaml
		! cmp -s bad.yaml "$rendered/dispatch.yaml"
		run -1 python3 "$top/tests/k8s/schema.py" bad.yaml
		[[ $output == *"$1"* ]] || { echo "$output" >&2; false; }
	}
	bad 'unknown field' 's/^  concurrencyPolicy:/  concurencyPolicy:/'
	bad 'not of type integer' 's/backoffLimit: 3/backoffLimit: "3"/'
	bad 'not of type boolean' 's/suspend: true/suspend: "yes"/'
	bad 'is missing' 's/^  schedule:/  timeZone:/'
	bad 'not five fields' "s/schedule: .*/schedule: '* * * *'/"
	bad 'is not of 0 to 59' "s/schedule: .*/schedule: '60 * * * *'/"
	bad 'restartPolicy: Never' 's/restartPolicy: Never/restartPolicy: OnFailure/'
	bad 'sorted' 's/^\( *\)- 77$/\1- 1/'
	bad 'no such container' 's/containerName: sweep/containerName: sleep/'
	bad 'is not there' 's/serviceAccountName: sweep/serviceAccountName: swep/'
	bad 'is not there' '/configMapRef:/{n;s/settings/setings/}'
	bad 'not a quantity' 's/memory: 64Mi/memory: 64 MiB/'
	bad 'volumes' '0,/- name: tmp$/s//- name: temp/'
	bad 'not a name' 's/name: dispatch$/name: Dispatch/'
	bad 'startingDeadlineSeconds under 10' 's/startingDeadlineSeconds: .*/startingDeadlineSeconds: 5/'
}

@test "the settings reach what is not read from the environment, in overlays too" {
	need_yaml
	for k in dispatch overlays+aws-irsa overlays+minio; do
		schedule=$(objects 'select(.kind == "ConfigMap" and .metadata.name == "settings") | .data.SCHEDULE' $k)
		[ "$(objects 'select(.kind == "CronJob" and .metadata.name == "dispatch") | .spec.schedule' $k)" = "$schedule" ]
	done
	[ "$schedule" = '"*/30 * * * *"' ]
	[ "$(objects 'select(.kind == "CronJob" and .metadata.name == "dispatch") | .spec.timeZone' dispatch)" = '"Etc/UTC"' ]
}

@test "every pod: no root but the one chmod, nothing writable, no capabilities, limits, no token but its own" {
	need_yaml
	[ "$(pods | wc -l)" -ge 12 ]
	pods | jq -e '.name as $n | .pod | if
		.automountServiceAccountToken == false and .enableServiceLinks == false and
		.securityContext.runAsNonRoot and .securityContext.runAsUser == 65532 and
		.securityContext.seccompProfile.type == "RuntimeDefault" and
		(has("hostNetwork") or has("hostPID") or has("hostIPC") | not) and
		.priorityClassName == "logsweep" and
		([.containers[], (.initContainers // [])[]] | all(
			.securityContext.allowPrivilegeEscalation == false and
			.securityContext.readOnlyRootFilesystem and .securityContext.capabilities == {drop: ["ALL"]} and
			.resources.requests.cpu and .resources.requests.memory and .resources.limits.memory)) and
		(.containers | all(.securityContext | has("runAsUser") | not)) and
		((.initContainers // []) | all(.command == ["chmod", "0770", "/var/lib/logsweep"]))
		then true else error($n) end' >/dev/null
}

@test "no pod lands on a node of another system: by node, by a selector, or by name" {
	need_yaml
	pods | jq -r 'select(.name | IN("CronJob/sweep", "Job/backfill-node") | not) |
		select(.pod.nodeSelector != {"kubernetes.io/os": "linux"}) | .name' >elsewhere
	[ -z "$(cat elsewhere)" ]
	# the Jobs are for the nodes that k8ssweep selects
	objects 'select(.kind == "ConfigMap" and .metadata.name == "settings") | .data.LOGSWEEP_K8SSWEEP_SELECTOR' |
		sort -u | grep -qx '"kubernetes.io/os=linux"'
}

@test "pods that read the node: group root, logs read-only, every taint tolerated, state apart" {
	need_yaml
	pods | jq -c 'select(.pod.volumes | any(.hostPath))' >on-node
	[ "$(wc -l <on-node)" -ge 8 ]
	jq -e '.name as $n | .pod as $p | if
		$p.securityContext.runAsGroup == 0 and $p.tolerations == [{operator: "Exists"}] and
		([$p.volumes[] | select(.hostPath) | .hostPath.path] - ["/var/log", "/var/lib/docker/containers", "/var/lib/logsweep"] == []) and
		([$p.volumes[] | select(.hostPath and .hostPath.path != "/var/lib/logsweep") | .name] as $logs |
		 $p.containers | all(.volumeMounts | all(.name as $m | ($logs | index($m) | not) or .readOnly)))
		then true else error($n) end' on-node >/dev/null
}

@test "the rights are these and no more" {
	need_yaml
	objects 'select(.kind | IN("Role", "ClusterRole")) | [.metadata.name, .rules]' overlays+aws-irsa | sort >rights
	cat >want <<-'EOF'
		["dispatch",[{"apiGroups":["batch"],"resources":["jobs"],"verbs":["create","list"]},{"apiGroups":["batch"],"resources":["cronjobs"],"resourceNames":["sweep"],"verbs":["get"]}]]
		["logsweep-dispatch",[{"apiGroups":[""],"resources":["nodes"],"verbs":["list"]}]]
		["logsweep-sweep",[{"apiGroups":[""],"resources":["pods"],"verbs":["list","watch"]}]]
	EOF
	cmp rights want
	# what k8smeta(1) says it needs, watching in a sweep that takes long too
	[ "$(sed -n '/^ *resources: \["pods"\]/,/^ *verbs/s/.*verbs: \(\[[^]]*\]\).*/\1/p' "$top/man/k8smeta.1" | tr -d ' ')" = \
		"$(jq -c 'select(.[0] == "logsweep-sweep") | .[1][0].verbs' rights)" ]
}

@test "the fence holds every field of the pod that the Job has, but for two that harm nobody" {
	need_yaml
	objects 'select(.kind == "CronJob" and .metadata.name == "sweep") | .spec.jobTemplate.spec.template.spec | keys[]' \
		overlays+aws-irsa | tr -d '"' | sort >used
	objects 'select(.metadata.name == "logsweep-same" and .kind == "ValidatingAdmissionPolicy") |
		.spec.validations[].message | select(endswith(" is not what CronJob sweep has")) | split(" ")[0]' \
		overlays+aws-irsa | tr -d '"' | sort >held
	[ "$(comm -23 used held | paste -sd' ')" = "enableServiceLinks terminationGracePeriodSeconds" ]
	for f in hostNetwork hostPID hostIPC hostAliases runtimeClassName imagePullSecrets; do grep -qx $f held; done
	objects 'select(.kind == "ValidatingAdmissionPolicy") | .spec.failurePolicy' overlays+aws-irsa | sort -u | grep -qx '"Fail"'
}

@test "the fence lets in what k8ssweep makes, and none of the abuses" {
	need_yaml
	SERVER=$top/tests/k8s/cluster.py "$top/tests/apiserver.sh" start "$PWD/api"
	echo '[{"metadata":{"name":"n1"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}]' >api/nodes.json
	objects 'select(.kind == "CronJob" and .metadata.name == "sweep") | .metadata.uid = "c-1"' overlays+docker-nodes-jobs >api/cronjob.json
	k8ssweep --api="https://127.0.0.1:$(cat api/port)" --ca=api/ca.crt --token-file=api/token --namespace=logsweep \
		--from=cronjob/sweep --slot=s1 --dry-run | jq .manifest >good.json
	"$top/tests/apiserver.sh" stop "$PWD/api"
	fence() { python3 "$top/tests/k8s/fence.py" "$rendered/overlays+docker-nodes-jobs.ndjson" "$1"; }
	run -0 fence good.json || { echo "$output" >&2; false; }
	[ "$output" = 'let in, by 31 validations' ]

	while IFS='|' read -r policy message abuse; do
		jq ".spec.template.spec as \$p | $abuse" good.json >bad.json
		! cmp -s <(jq -S . good.json) <(jq -S . bad.json)
		run -1 fence bad.json
		grep -qF "logsweep-$policy: $message" <<<"$output" || { echo "$abuse: $output" >&2; false; }
	done <<-'EOF'
		same|containers is not|.spec.template.spec.containers[0].image = "evil:1"
		same|initContainers is not|.spec.template.spec.initContainers[0].image = "evil:1"
		same|containers is not|.spec.template.spec.containers[0].command = ["sh", "-c", "id"]
		same|containers is not|.spec.template.spec.containers[0].env += [{name: "DESTINATION", value: "s3://evil"}]
		same|containers is not|.spec.template.spec.containers += [$p.containers[0]]
		harmless|containers without privileges|.spec.template.spec.containers[0].securityContext.privileged = true
		harmless|containers without privileges|.spec.template.spec.initContainers[0].securityContext.privileged = true
		harmless|containers without privileges|del(.spec.template.spec.containers[0].securityContext)
		harmless|containers without privileges|del(.spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation)
		harmless|no capabilities|.spec.template.spec.containers[0].securityContext.capabilities.add = ["SYS_ADMIN"]
		harmless|no capabilities|del(.spec.template.spec.containers[0].securityContext.capabilities)
		harmless|of the host only|.spec.template.spec.volumes += [{name: "r", hostPath: {path: "/"}}]
		harmless|of the host only|.spec.template.spec.volumes[0].hostPath.path = "/var/log/.."
		harmless|logs are mounted|.spec.template.spec.containers[0].volumeMounts[0].readOnly = false
		harmless|logs are mounted|del(.spec.template.spec.containers[0].volumeMounts[0].readOnly)
		harmless|no namespaces|.spec.template.spec.hostNetwork = true
		harmless|no namespaces|.spec.template.spec.hostPID = true
		harmless|no namespaces|.spec.template.spec.hostIPC = true
		harmless|only as service account|.spec.template.spec.serviceAccountName = "default"
		harmless|only as service account|del(.spec.template.spec.serviceAccountName)
		same|securityContext is not|.spec.template.spec.securityContext.runAsUser = 0
		same|volumes is not|.spec.template.spec.volumes += [{name: "s", secret: {secretName: "s"}}]
		same|hostAliases is not|.spec.template.spec.hostAliases = [{ip: "192.0.2.1", hostnames: ["s3.amazonaws.com"]}]
		same|tolerations is not|del(.spec.template.spec.tolerations)
		same|annotations of the pod|.spec.template.metadata.annotations["a"] = "b"
		same|annotations of the pod|del(.spec.template.metadata.annotations)
		same|a label of the pod|.spec.template.metadata.labels["azure.workload.identity/use"] = "true"
		same|not pinned|del(.spec.template.spec.affinity)
		same|not pinned|.spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].values = ["a", "b"]
		same|nodeName|.spec.template.spec.nodeName = "n1"
		same|more than one pod|.spec.parallelism = 5
	EOF
}

# ---- manifests and programs ----

@test "the image's tag is the programs' version" {
	need_yaml
	version=$(logtail --version | sed 's/.*(logsweep) //; s/;.*//')
	pods | jq -r '.pod | (.containers + (.initContainers // []))[].image' | sort -u >images
	[ "$(cat images)" = "logsweep:$version" ]
}

@test "the options that the scripts, the manifests and the settings use are the programs' own" {
	need_yaml
	has() { # has PROGRAM OPTION
		"$1" --help | sed -nE 's/^  (-., |    )--([a-z0-9-]+).*/\2/p' | grep -qx -- "$2" ||
			{ echo "$1 has no --$2" >&2; false; }
	}
	# a line of the pipe names a program and its options
	sed -n '/^($/,/^) &$/p' "$k8s/base/sweep.sh" | sed 's/.*exec logtail "$@". sh/logtail/' >pipe
	n=0
	for p in logtail logparse k8smeta logbatch s3put; do
		line=$(grep -m 1 -E "(^|[[:space:]])$p( |$)" pipe)
		for o in $(grep -oE -- '--[a-z-]+' <<<"$line"); do has $p "${o#--}" && n=$((n + 1)); done
	done
	[ "$n" -eq 5 ]
	has logtail exclude
	objects '.. | objects | select(.args?) | .args[]' >args
	for o in $(grep -oE '^"--[a-z-]+' args | sort -u); do
		o=${o#\"--}
		[ "$o" = shard ] || has k8ssweep "$o"
	done
	for o in $(objects 'select(.metadata.name == "settings") | .data.METADATA' | grep -oE -- '--[a-z-]+' | sort -u); do
		has k8smeta "${o#--}"
	done
	objects 'select(.metadata.name == "settings") | .data | keys[] | select(startswith("LOGSWEEP_"))' | sort -u | tr -d '"' >settings
	[ "$(wc -l <settings)" -ge 5 ]
	while IFS=_ read -r _ program option; do
		has "${program,,}" "$(tr A-Z_ a-z- <<<"$option")"
	done <settings
}

@test "the shares of backfill/bundle are all of the files, each once" {
	need_yaml
	logtail --help | grep -q -- --shard || skip "this logtail has no --shard"
	shares=$(objects 'select(.metadata.name == "backfill-bundle") | .spec.completions' backfill+bundle)
	[ "$(objects 'select(.metadata.name == "backfill-bundle") | .spec.template.spec.containers[0].args[0]' backfill+bundle)" = \
		"\"--shard=\$(SHARD)/$shares\"" ]
	for i in $(seq 30); do node "logs/$i/var/log/pods"; done
	for i in $(seq 0 $((shares - 1))); do # as the completion index counts
		logtail --shard="$i/$shares" logs | jq -r 'select(.log) | ._src.file' | sort -u >"share$i"
		[ -s "share$i" ]
	done
	[ "$(cat share* | wc -l)" -eq 90 ]
	[ "$(cat share* | sort -u | wc -l)" -eq 90 ]
}

@test "the settings' values are ones that the programs take" {
	need_yaml
	objects 'select(.metadata.name == "settings") | .data | to_entries[] | select(.key | startswith("LOGSWEEP_")) | "\(.key)=\(.value)"' dispatch |
		tr -d '"' >env
	while read -r setting; do
		program=$(cut -d_ -f2 <<<"${setting,,}")
		run --separate-stderr env "$setting" "$program" --xyzzy
		[[ $stderr == *'--xyzzy: unknown option'* ]] || { echo "$setting: $stderr" >&2; false; }
	done <env
	objects 'select(.kind == "CronJob" and .metadata.name == "dispatch") | .spec.jobTemplate.spec.template.spec.containers[0].args[]' dispatch |
		tr -d '"' | sed 's/\$(JOB_NAME)/dispatch-29922563/' >args
	mapfile -t args <args
	run -2 --separate-stderr k8ssweep "${args[@]}" --api=https://127.0.0.1:1 --xyzzy
	[[ $stderr == *'--xyzzy: unknown option'* ]]
}

@test "failure policies know the exit codes of the manual: 75 again, 2 3 and 77 not" {
	need_yaml
	sed -n '/^\.Sh EXIT STATUS/,/^\.Sh SEE/s/^\.It \([0-9][0-9]*\)$/\1/p' "$top/man/logsweep.7" | paste -sd' ' >codes
	[ "$(cat codes)" = "0 1 2 3 75 77" ]
	objects 'select(.kind | IN("CronJob", "Job")) | [.metadata.name, ((.spec.jobTemplate.spec // .spec) |
		[.podFailurePolicy.rules[] | select(.onExitCodes) | [.action, .onExitCodes.values]])]' | sort -u >policies
	jq -e '.[0] as $n | .[1] as $r | if ($r | any(. == ["Ignore", [75]])) and
		($r | any(. == ["FailJob", (if $n == "backfill-bundle" then [2, 77] else [2, 3, 77] end)])) and ($r | length) == 2
		then true else error($n) end' policies >/dev/null
	objects 'select(.kind | IN("CronJob", "Job")) | (.spec.jobTemplate.spec // .spec).podFailurePolicy.rules[0] |
		[.action, .onPodConditions[0].type]' | sort -u | grep -qx '\["Ignore","DisruptionTarget"\]'
}

@test "times fit together: commits before deadlines, deadlines before the next slot, tokens outlive them" {
	need_yaml
	spec() { objects "select(.kind == \"CronJob\" and .metadata.name == \"$1\") | .spec$2" dispatch | tr -d '"'; }
	[ "$(spec dispatch .schedule)" = "7 * * * *" ] # hourly
	sweep=$(spec sweep .jobTemplate.spec.activeDeadlineSeconds)
	dispatch=$(spec dispatch .jobTemplate.spec.activeDeadlineSeconds)
	[ "$sweep" -lt 3600 ]
	[ "$sweep" -gt 900 ] # some commits of 5m, and s3put's own 5m
	[ "$(spec dispatch '.jobTemplate.spec.template.spec.containers[0].args[]' | grep timeout)" = --timeout=4m ]
	[ "$dispatch" -gt 240 ]
	[ "$(spec dispatch .startingDeadlineSeconds)" -lt 3600 ]
	[ "$(spec sweep .suspend)" = true ]
	[ "$(pods | jq '.pod.volumes[].projected.sources[]?.serviceAccountToken.expirationSeconds // empty' | sort -un | head -n 1)" -ge "$sweep" ]
	[ "$(pods | jq 'select(.name != "CronJob/dispatch") | .pod.terminationGracePeriodSeconds' | sort -un)" -eq 60 ]
	settings=$(objects 'select(.metadata.name == "settings") | .data' dispatch)
	[ "$(jq -r .LOGSWEEP_LOGBATCH_MAX_AGE <<<"$settings")" = 5m ]
	[ "$(jq -r '.INTERVAL | tonumber' <<<"$settings")" -gt "$(jq -r '.SPLAY | tonumber' <<<"$settings")" ]
}

# ---- the scripts ----

# shells: those that are there of what may run the scripts
shells() {
	echo "bash"
	! busybox sh -c 'set -o pipefail' 2>/dev/null || echo "busybox sh"
}

# fake PROGRAM=STATUS...: programs that read all and end so; the others are cat. It is on PATH.
fake() {
	rm -rf fake
	mkdir fake
	for p in logtail logparse k8smeta logbatch s3put; do
		printf '#!/bin/bash\necho "%s $*" >>"%s/ran"\n[ %s = logtail ] || cat >/dev/null\n' "$p" "$PWD" "$p" >fake/$p
	done
	for s in "$@"; do echo "exit ${s#*=}" >>"fake/${s%=*}"; done
	chmod +x fake/*
	PATH=$PWD/fake:$PATH
}

node() { # node DIR: logs of pods of namespaces shop, pay and logsweep
	local t=$((100 + $(find . | wc -l)))
	for ns in shop pay logsweep; do
		mkdir -p "$1/${ns}_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2$t/app"
		for i in 1 2 3; do
			echo "2026-11-22T13:00:0$i.$t${#ns}Z stdout F $ns line $i"
		done >"$1/${ns}_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2$t/app/0.log"
		t=$((t + 1))
	done
}

archived() {
	find archive -name '*.gz' -exec zcat {} + | jq -r .log | sort
}

@test "the scripts are well-formed, and run in busybox too" {
	for s in "$k8s"/base/*.sh; do
		bash -n "$s"
		! command -v busybox >/dev/null || busybox sh -n "$s"
	done
	[ "$(shells | wc -l)" -eq 2 ] || skip "no busybox: only tried with bash"
}

@test "sweep.sh: each exit code comes out as it is meant, and is told" {
	while read -r shell; do
		for want in 0 1 2 3 75 77; do
			fake logbatch=$want
			mkdir -p S
			: >said
			DESTINATION=s3://b/p STATE=$PWD/S LOGS=$PWD run -$want --separate-stderr $shell "$k8s/base/sweep.sh"
			[ "$want" -eq 0 ] || [[ "$(cat said)" == "$want: "* ]]
		done
		fake logtail=3
		DESTINATION=s3://b/p STATE=$PWD/S LOGS=$PWD ASIDE=pass run -0 --separate-stderr $shell "$k8s/base/sweep.sh"
		[[ "$(cat said)" == "3: archived, but"* ]]
		fake k8smeta=1 s3put=75
		DESTINATION=s3://b/p STATE=$PWD/S LOGS=$PWD run -75 $shell "$k8s/base/sweep.sh"
	done < <(shells)
}

@test "sweep.sh: the keys of the store are in the environment of s3put alone" {
	mkdir fake S
	for p in logtail logparse k8smeta logbatch s3put; do
		printf '#!/bin/sh\nenv >%s\n' "$PWD/$p.env" >fake/$p
	done
	chmod +x fake/*
	export AWS_REGION=r AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret AWS_SESSION_TOKEN=token
	export AWS_CONTAINER_AUTHORIZATION_TOKEN=token DESTINATION=s3://b/p STATE=$PWD/S LOGS=$PWD
	while read -r shell; do
		for parser in "" "LOGSWEEP_LOGPARSE_PARSER_FROM=kubernetes.parser"; do
			rm -f ./*.env
			run -0 env PATH="$PWD/fake:$PATH" $parser $shell "$k8s/base/sweep.sh"
			[ "$(grep -c '^AWS_' s3put.env)" -eq 5 ]
			for p in logtail logparse k8smeta logbatch; do
				[ "$(grep '^AWS_' $p.env)" = AWS_REGION=r ]
			done
		done
	done < <(shells)
}

@test "sweep.sh: what is not set, or not writable, is told with what to do" {
	while read -r shell; do
		run -2 --separate-stderr $shell "$k8s/base/sweep.sh"
		[[ $stderr == *'DESTINATION or NODE_NAME is not set: see settings.yaml'* ]]
		DESTINATION=s3://b/p NODE_NAME='' run -2 $shell "$k8s/base/sweep.sh"
		DESTINATION=s3://b/p STATE=/proc/none run -77 $shell "$k8s/base/sweep.sh"
	done < <(shells)
}

@test "sweep.sh: the node's logs are archived, each line once, and of the namespaces that are wanted" {
	while read -r shell; do
		rm -rf S archive var && mkdir S archive
		node var/log/pods
		export STATE=$PWD/S LOGS=$PWD/var/log/pods DESTINATION=file://$PWD/archive METADATA=
		SKIP_NAMESPACES=logsweep run -0 --separate-stderr $shell "$k8s/base/sweep.sh"
		[ -z "$stderr" ]
		[ "$(archived)" = "$(printf '%s\n' {pay,shop}' line '{1,2,3})" ]
		[ "$(find archive -name '*.gz' -exec zcat {} + | jq -r .kubernetes.namespace_name | sort | uniq -c | awk '{ print $1 $2 }' | paste -sd' ')" = "3pay 3shop" ]
		SKIP_NAMESPACES=logsweep run -0 $shell "$k8s/base/sweep.sh"
		[ "$(archived | wc -l)" -eq 6 ]
		rm -rf S archive && mkdir S archive
		NAMESPACES="shop nowhere" run -0 --separate-stderr $shell "$k8s/base/sweep.sh"
		[ "$(archived)" = "$(printf 'shop line %s\n' 1 2 3)" ]
		NAMESPACES=nowhere run -0 --separate-stderr $shell "$k8s/base/sweep.sh"
		[ "$(archived | wc -l)" -eq 3 ]
	done < <(shells)
}

@test "sweep.sh with the settings as they are, and an API server: labels, also when it is away the next time" {
	need_yaml
	"$top/tests/apiserver.sh" start "$PWD/api"
	echo '[{"metadata":{"name":"web-0","namespace":"shop","uid":"3b548af1-ed9f-4392-a405-88e3d0bd2528","labels":{"app":"web"}},
		"spec":{"nodeName":"n1","containers":[{"name":"app"}]},"status":{"phase":"Running"}}]' >api/pods.json
	log=var/log/pods/shop_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2528/app/0.log
	mkdir -p S archive "${log%/*}"
	settings
	[ "$METADATA" = "--api --cache=/var/lib/logsweep/pods" ]
	METADATA="--api=https://127.0.0.1:$(cat api/port) --ca=$PWD/api/ca.crt --token-file=$PWD/api/token --cache=$PWD/S/pods"
	export DESTINATION=file://$PWD/archive STATE=$PWD/S LOGS=$PWD/var/log/pods
	echo "2026-11-22T13:00:01.5Z stdout F one" >$log
	run -0 --separate-stderr bash "$k8s/base/sweep.sh"
	[ -z "$stderr" ]
	[ "$(find archive -name '*.gz' -exec zcat {} + | jq -r .kubernetes.labels.app)" = web ]
	"$top/tests/apiserver.sh" stop "$PWD/api"
	echo "2026-11-22T13:00:02.5Z stdout F two" >>$log
	run -3 --separate-stderr bash "$k8s/base/sweep.sh"
	[[ "$(cat said)" == "3: archived, but something was set aside"* ]]
	[ "$(find archive -name '*.gz' -exec zcat {} + | jq -c '[.log, .kubernetes.labels.app]' | sort)" = \
		"$(printf '%s\n' '["one","web"]' '["two","web"]')" ]
}

@test "with the settings as they are and multiline, the trace that a crashed container ended with is in the sweep" {
	need_yaml
	log=var/log/pods/shop_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2528/app/0.log
	mkdir -p S archive "${log%/*}"
	settings
	export DESTINATION=file://$PWD/archive STATE=$PWD/S LOGS=$PWD/var/log/pods METADATA=
	export LOGSWEEP_LOGPARSE_MULTILINE=java
	printf '2026-01-22T13:00:01.5Z stderr F %s\n' 'java.lang.Error: boom' $'\tat a.B.c(B.java:1)' >$log
	run -0 --separate-stderr bash "$k8s/base/sweep.sh"
	[ "$(find archive -name '*.gz' -exec zcat {} + | jq -c .log)" = '"java.lang.Error: boom\n\tat a.B.c(B.java:1)"' ]
}

@test "sweep.sh: the parser that a pod's annotation names is used, where that is wanted" {
	log=var/log/pods/shop_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2528/app/0.log
	mkdir -p S archive "${log%/*}"
	echo '{"kind":"Pod","metadata":{"name":"web-0","namespace":"shop","uid":"3b548af1-ed9f-4392-a405-88e3d0bd2528",
		"annotations":{"fluentbit.io/parser":"logfmt"}},"spec":{"containers":[{"name":"app"}]}}' | jq -c . >pods.json
	echo '2026-11-22T13:00:01.5Z stdout F level=info msg=ready' >$log
	export DESTINATION=file://$PWD/archive STATE=$PWD/S LOGS=$PWD/var/log/pods METADATA="--pods=$PWD/pods.json"
	LOGSWEEP_LOGPARSE_PARSER_FROM=kubernetes.parser run -0 --separate-stderr bash "$k8s/base/sweep.sh"
	[ "$(find archive -name '*.gz' -exec zcat {} + | jq -c '[.log_processed, .kubernetes.pod_name]')" = \
		'[{"level":"info","msg":"ready"},"web-0"]' ]
}

@test "sweep.sh: operands are given to logtail instead" {
	mkdir S archive
	node pods
	export STATE=$PWD/S DESTINATION=file://$PWD/archive METADATA=
	run -0 --separate-stderr bash "$k8s/base/sweep.sh" --exclude='*logsweep_*' "$PWD/pods"
	[ "$(archived | wc -l)" -eq 6 ]
}

@test "sweep.sh: SIGTERM ends the reading; the ledger is whole, and the next sweep has the rest, each line once" {
	command -v nodetree >/dev/null || skip "nodetree is not built"
	nodetree --seed=3 --pods=20 --bytes=60M tree >report
	total=$(jq '.total.records // empty' report)
	while read -r shell; do
		rm -rf S archive && mkdir S archive
		export STATE=$PWD/S LOGS=$PWD/tree/var/log/pods DESTINATION=file://$PWD/archive METADATA=
		[ -d "$LOGS" ] || skip "no tree of pods"
		for wait in 0.05 0.3; do
			$shell "$k8s/base/sweep.sh" 2>err &
			pid=$!
			sleep $wait
			kill -s TERM $pid 2>/dev/null || true
			wait $pid && status=0 || status=$?
			[ "$status" -eq 143 ] || [ "$status" -eq 0 ] || [ "$status" -eq 3 ]
			[ ! -e S/ledger.json ] || jq -e .gen S/ledger.json >/dev/null
			! compgen -G "S/outbox/*" || [ "$status" -ne 0 ]
		done
		run $shell "$k8s/base/sweep.sh"
		[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
		[ "$(find archive -name '*.gz' -exec zcat {} + | wc -l)" -eq "$total" ]
	done < <(shells)
}

@test "loop.sh: sweeps again at multiples of INTERVAL, through 3 and 75, and ends on a signal" {
	while read -r shell; do
		printf '#!/bin/sh\ndate +%%s >>"%s/times"\nexit $(cat "%s/code")\n' "$PWD" "$PWD" >once.sh
		rm -f times
		echo 75 >code
		INTERVAL=2 SPLAY=0 SWEEP=$PWD/once.sh $shell "$k8s/base/loop.sh" &
		pid=$!
		for _ in $(seq 200); do
			[ "$(cat times 2>/dev/null | wc -l)" -lt 3 ] || break
			sleep 0.1
		done
		kill -s TERM $pid
		wait $pid
		[ "$(wc -l <times)" -ge 3 ]
		# the first is at once, the others at even seconds, or one late
		sed 1d times | awk '$1 % 2 { late++ } END { exit late > 1 }'
		echo 77 >code
		INTERVAL=2 SPLAY=0 SWEEP=$PWD/once.sh run -77 $shell "$k8s/base/loop.sh"
		for bad in 0 5m '' -1 08; do
			[ -n "$bad" ] || continue
			INTERVAL=$bad SWEEP=$PWD/once.sh run -2 $shell "$k8s/base/loop.sh"
		done
		SPLAY=x SWEEP=$PWD/once.sh run -2 $shell "$k8s/base/loop.sh"
	done < <(shells)
}

@test "loop.sh hands SIGTERM to the sweep under way and waits for it" {
	while read -r shell; do
		rm -f begun ended
		printf '#!/bin/sh\ntrap "sleep 1; : >%s/ended; exit 143" TERM\n: >%s/begun\nfor i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; done\n' "$PWD" "$PWD" >once.sh
		SWEEP=$PWD/once.sh $shell "$k8s/base/loop.sh" &
		pid=$!
		for _ in $(seq 200); do
			[ ! -e begun ] || break
			sleep 0.05
		done
		kill -s TERM $pid
		wait $pid
		[ -e ended ]
	done < <(shells)
}

# ---- the operator's page ----

@test "README: the overlay shown renders, passes the check, and changes what it says" {
	need_yaml
	cp -r "$k8s" k8s-cronjobs
	mkdir mine
	sed -n '/^```yaml overlay$/,/^```$/p' "$k8s/README.md" | grep -v '^```' >mine/kustomization.yaml
	python3 "$top/tests/k8s/render.py" mine >mine.yaml
	run -0 python3 "$top/tests/k8s/schema.py" mine.yaml
	grep -q 'schedule: .\*/20 \* \* \* \*' mine.yaml
	[ "$(grep -c 'image: registry.example.com/logsweep:0.1.0' mine.yaml)" -eq 3 ]
	! grep -q 'image: logsweep' mine.yaml
	grep -q 'DESTINATION: s3://acme-logs/prod-eu' mine.yaml
	! command -v kubectl || ! kubectl kustomize mine >theirs.yaml || grep -q 'schedule: .\*/20 \* \* \* \*' theirs.yaml
}

@test "README: the table of bytes a second is four files by the interval" {
	grep -E '^\| [0-9]+ (min|h) \|' "$k8s/README.md" | tr -d '|' >table
	[ "$(wc -l <table)" -eq 6 ]
	while read -r n unit at10 at50; do
		seconds=$((n * 60))
		[ "$unit" = min ] || seconds=$((n * 3600))
		[ "$at10" -eq $((4 * 10 * 1048576 / seconds)) ]
		[ "$at50" -eq $((4 * 50 * 1048576 / seconds)) ]
	done <table
}

@test "README: what it names is there, and what is there is named" {
	while read -r path; do
		[ -e "$k8s/$path" ] || { echo "$path" >&2; false; }
	done < <(grep -oE '\]\([^)#:]+\)' "$k8s/README.md" | tr -d ']()')
	for o in "$k8s"/overlays/* "$k8s"/backfill/*/; do grep -q "$(basename "$o")" "$k8s/README.md"; done
	for c in fence irsa pod-identity endpoint; do grep -q "components/$c" "$k8s/README.md"; done
	for s in $(sed -nE 's/^  ([A-Z_0-9]+):.*/\1/p' "$k8s/base/settings.yaml"); do
		grep -rq "\b$s\b" "$k8s"/base/*.sh "$k8s"/dispatch "$k8s/README.md" || [[ $s == LOGSWEEP_* ]] || { echo "$s" >&2; false; }
	done
}
