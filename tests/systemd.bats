bats_require_minimum_version 1.5.0

# The units for hosts without Kubernetes.

units=$BATS_TEST_DIRNAME/../examples/systemd

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for v in $(compgen -e | grep -E '^(LOGSWEEP_|AWS_)|_proxy$|_PROXY$'); do unset "$v"; done
}

# command: what ExecStart runs, as systemd hands it to the shell
command_line() {
	sed -n '/^ExecStart=/,/[^\\]$/p' "$units/logsweep.service" |
		sed "s|^ExecStart=/bin/bash -o pipefail -c '||; s/ *\\\\\$//; s/'\$//; s/\\\$\\\$/\$/g"
}

# docker DIR: what Docker's json-file driver leaves
docker() {
	for i in 1 2 3; do
		id=$(printf "%064d" "$i")
		mkdir -p "$1/$id"
		for n in 1 2 3 4; do
			echo "{\"log\":\"container $i line $n\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-22T13:0$i:0$n.5Z\"}"
		done >"$1/$id/$id-json.log"
	done
}

@test "the units are ones that systemd takes" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	run -0 systemd-analyze verify --man=no "$units/logsweep.service" "$units/logsweep.timer"
	[ -z "$output" ]
}

@test "the service's exposure is 1.5 or less, as README.md of k8s-cronjobs says" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	run -0 systemd-analyze security --offline=true --threshold=15 --no-pager "$units/logsweep.service"
	score=$(sed -n 's/.*Overall exposure level for logsweep.service: \([0-9.]*\) .*/\1/p' <<<"$output")
	echo "# exposure $score" >&3
	[ "$(bc <<<"$score <= 1.5")" -eq 1 ]
	grep -qF "exposure $score" "$BATS_TEST_DIRNAME/../k8s-cronjobs/README.md"
}

@test "exit codes that a retry does not help end it, the others are tried again" {
	grep -qx 'Restart=on-failure' "$units/logsweep.service"
	grep -qx 'RestartPreventExitStatus=2 3 77' "$units/logsweep.service"
	! grep -q SuccessExitStatus "$units/logsweep.service"
}

@test "its command archives Docker's logs, each line once, and says what is not set" {
	command_line >run.sh
	grep -q '^.*logtail --state="\${STATE_DIRECTORY}" \${LOGS} |' run.sh
	docker containers
	mkdir S archive
	export STATE_DIRECTORY=$PWD/S LOGS=$PWD/containers
	run -2 bash -o pipefail -c "$(cat run.sh)"
	[ "$output" = 'DESTINATION is not set: see /etc/logsweep.conf' ]
	export DESTINATION=file://$PWD/archive
	for _ in 1 2; do
		run -0 --separate-stderr bash -o pipefail -c "$(cat run.sh)"
		[ -z "$stderr" ]
		[ "$(find archive -name '*.gz' -exec zcat {} + | jq -r .log | sort -u | wc -l)" -eq 12 ]
		[ "$(find archive -name '*.gz' -exec zcat {} + | wc -l)" -eq 12 ]
	done
}

@test "the keys of the store are in the environment of s3put alone" {
	command_line >run.sh
	mkdir fake
	for p in logtail logparse k8smeta logbatch s3put; do
		printf '#!/bin/sh\nenv >%s\n' "$PWD/$p.env" >fake/$p
	done
	chmod +x fake/*
	export STATE_DIRECTORY=$PWD/S LOGS=$PWD/containers DESTINATION=s3://b/p AWS_REGION=r
	export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret AWS_SESSION_TOKEN=token
	PATH=$PWD/fake:$PATH run -0 bash -o pipefail -c "$(cat run.sh)"
	[ "$(grep -c '^AWS_' s3put.env)" -eq 4 ]
	for p in logtail logparse k8smeta logbatch; do
		[ "$(grep '^AWS_' $p.env)" = AWS_REGION=r ]
	done
}

@test "its settings are options that the programs have" {
	sed -n 's/^\(# *\|Environment=\)\(LOGSWEEP_[A-Z0-9_]*\)=.*/\2/p' "$units/logsweep.service" >names
	[ "$(wc -l <names)" -eq 3 ]
	grep -qx LOGSWEEP_LOGPARSE_MULTILINE_WAIT names
	while IFS=_ read -r _ program option; do
		"${program,,}" --help | grep -q -- "--$(tr A-Z_ a-z- <<<"$option")="
	done <names
}

