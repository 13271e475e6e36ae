bats_require_minimum_version 1.5.0

# examples/RECIPES.md: each recipe is run as it stands there, with the machine's directories in the test's own.

recipes=$BATS_TEST_DIRNAME/../examples/RECIPES.md

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for p in logtail logparse k8smeta logbatch s3put; do
		"$p" --version 2>/dev/null | grep -q '(logsweep)' || skip "$p is not built"
	done
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
	mkdir bin
	PATH=$PWD/bin:$PATH
}

# recipe NAME: run it
recipe() {
	awk -v open="\`\`\`sh recipe $1" '$0 == open { on = 1; next } on && /^```$/ { exit } on' "$recipes" |
		sed "s|/var/log|$PWD/log|g; s|/srv/|$PWD/|g; s|s3://example-logs|file://$PWD/bucket|g" >recipe
	[ -s recipe ]
	run -0 --separate-stderr bash -o pipefail recipe
}

# program NAME: a stand-in, whose script is on standard input
program() {
	{ echo '#!/bin/bash'; cat; } >"bin/$1"
	chmod +x "bin/$1"
}

# node: pods of two namespaces, links to their logs, and one that was rotated twice
node() {
	local web=log/pods/shop_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2528/app
	local dns=log/pods/kube-system_dns-1_9c1d2b3a-0000-4392-a405-88e3d0bd2528/dns
	mkdir -p log/containers "$web" "$dns"
	printf '2026-11-22T13:%02d:00.5Z stdout F {"level":"%s","msg":"%s"}\n' 5 info first 12 error 'no such user' |
		gzip >"$web/0.log.20261122-131300.gz"
	printf '2026-11-22T13:%02d:00.5Z stdout F {"level":"%s","msg":"%s"}\n' 15 error 'no such user' >"$web/0.log.20261122-131600"
	printf '2026-11-22T13:%02d:00.5Z stdout F {"level":"%s","msg":"%s"}\n' 18 error 'disk full' 40 info last >"$web/0.log"
	printf '2026-11-22T13:%02d:30.5Z stdout F plain\n' 11 14 >"$dns/0.log"
	ln -s "$PWD/$web/0.log" "log/containers/web-0_shop_app-$(printf '%064d' 1).log"
	ln -s "$PWD/$dns/0.log" "log/containers/dns-1_kube-system_dns-$(printf '%064d' 2).log"
}

@test "one namespace between two times" {
	node
	touch -d 2026-11-22T13:45:00Z log/pods/*/*/*
	recipe namespace
	[ "${#lines[@]}" -eq 3 ]
	[ "${lines[0]}" = '2026-11-22T13:12:00.5Z  {"level":"error","msg":"no such user"}' ]
	[ "${lines[2]}" = '2026-11-22T13:18:00.5Z  {"level":"error","msg":"disk full"}' ]
}

@test "the same from a tar file" {
	mkdir var && cd var && node && cd ..
	rm -r var/log/containers
	touch -d 2026-11-22T13:45:00Z var/log/pods/*/*/*
	tar czf node-7.tar.gz var && rm -r var
	recipe tarball
	[ "${#lines[@]}" -eq 3 ]
	[ "${lines[0]}" = '2026-11-22T13:12:00.5Z  {"level":"error","msg":"no such user"}' ]
	[ "${lines[2]}" = '2026-11-22T13:18:00.5Z  {"level":"error","msg":"disk full"}' ]
}

@test "the whole log of a container" {
	node
	recipe whole
	[ "${#lines[@]}" -eq 5 ]
	[[ ${lines[0]} == *first* && ${lines[4]} == *last* ]]
}

@test "the most frequent errors by pod" {
	node
	now=$(date -u -d '-3 hours' +%Y-%m-%dT%H)
	gunzip log/pods/shop*/app/*.gz
	sed -i "s/2026-11-22T13/$now/" log/pods/*/*/*
	gzip log/pods/shop*/app/*131300
	recipe top
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} =~ ^\ *2\ web-0$'\t'no\ such\ user$ && ${lines[1]} =~ ^\ *1\ web-0$'\t'disk\ full$ ]]
}

@test "bytes by pod" {
	node
	recipe volume
	[ "${#lines[@]}" -eq 2 ]
	[ "${lines[0]}" = "$(zcat -f log/pods/shop*/app/* | wc -c)"$'\tweb-0' ]
}

@test "kubectl logs into objects" {
	program kubectl <<'END'
[ "$*" = 'logs --timestamps --prefix=false -n shop web-0' ] || exit 9
cat <<'LOG'
2026-11-22T13:00:01.123456789Z {"level":"info","msg":"ready"}
2026-11-22T13:00:02.5Z   two blanks before
2026-11-22T14:00:00.000000001Z 
LOG
END
	recipe kubectl
	find archive -name '*.gz' | sort | xargs zcat >records
	[ "$(wc -l <records)" -eq 3 ]
	[ "$(jq -s -c '[.[0].log_processed.msg, .[1].log, .[2].log, .[2].kubernetes.pod_name]' records)" = '["ready","  two blanks before","","web-0"]' ]
	[ -d archive/year=2026/month=11/day=22/hour=14 ]
}

@test "the journal into objects" {
	program journalctl <<'END'
[ "$1 $2" = '-o json' ] || exit 9
cat <<'LOG'
{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1795352400123456","_HOSTNAME":"node-1","_SYSTEMD_UNIT":"kubelet.service","PRIORITY":"6","MESSAGE":"I1122 13:00:00.123450     977 server.go:41] \"Started kubelet\""}
{"__REALTIME_TIMESTAMP":"1795352401000001","_HOSTNAME":"node-1","_SYSTEMD_UNIT":"kubelet.service","MESSAGE":[27,91,51,49,109,114,101,100]}
{"__REALTIME_TIMESTAMP":"1795352402000000","_HOSTNAME":"node-1","_SYSTEMD_UNIT":"kubelet.service","MESSAGE":null}
LOG
END
	recipe journal
	[ -d archive/unit=kubelet.service/year=2026/month=11/day=22 ]
	find archive -name '*.gz' -exec zcat {} + >records
	[ "$(wc -l <records)" -eq 3 ]
	[ "$(sed -n 1p records | jq -r '.log_processed.level + .log_processed.file')" = infoserver.go ]
	[ "$(sed -n 2p records | jq -r .time)" = 2026-11-22T13:00:01.000001Z ]
	[ "$(sed -n 2p records | jq -r .log)" = $'\e[31mred' ]
	[ "$(sed -n 3p records | jq -r .log)" = '' ]
}

@test "Fluent Bit's json_lines into objects" {
	program fluent-bit <<'END'
cat <<'LOG'
{"date":1795352400.123456,"stream":"stdout","log":"one"}
{"date":1795355999.000001,"stream":"stderr","log":"two","level":3}
{"date":1795356000,"log":"three"}
LOG
END
	recipe fluent-bit
	[ "$(find archive -name '*.gz' | sort | xargs zcat | jq -r .time | paste -sd' ')" = \
		'2026-11-22T13:00:00.123456Z 2026-11-22T13:59:59.000001Z 2026-11-22T14:00:00.000000Z' ]
	[ "$(find archive/year=2026/month=11/day=22/hour=14 -name '*.gz' -exec zcat {} + | jq -r .log)" = three ]
}

@test "objects read back, and archived again by namespace" {
	for ns in shop pay; do
		for i in 1 2 3; do
			printf '{"time":"2026-11-22T1%d:00:00Z","n":1.10,"kubernetes":{"namespace_name":"%s"}}\n' $i $ns
		done
	done | logbatch --out=bucket/prod --node=n >/dev/null
	program aws <<END
[ "\$1 \$2" = 's3 sync' ] && cp -r '$PWD/bucket/prod' "\${*: -1}"
END
	recipe again
	[ "$(find bucket/by-namespace/ns=shop -name '*.gz' -exec zcat {} + | grep -c '"n":1.10')" -eq 3 ]
	[ "$(find bucket/by-namespace/ns=pay -name '*.gz' -exec zcat {} + | wc -l)" -eq 3 ]
	[ "$(find bucket/by-namespace -name '*.gz' -exec zcat {} + | wc -l)" -eq 6 ]
}

@test "records by hour and directory" {
	printf '{"time":"2026-11-22T1%d:00:00Z","log":"x"}\n' 1 1 2 | logbatch --out=archive --node=n >/dev/null
	recipe count
	[ "${lines[0]}" = 'year=2026/month=11/day=22/hour=11: 2' ]
	[ "${lines[1]}" = 'year=2026/month=11/day=22/hour=12: 1' ]
	[ "${#lines[@]}" -eq 2 ]
}

@test "every recipe has its test" {
	sed -n 's/^```sh recipe //p' "$recipes" | sort >named
	sed -n 's/^	recipe \([a-z-]*\)$/\1/p' "$BATS_TEST_FILENAME" | sort >run
	[ -s named ]
	diff named run
	! grep -n '^```sh$' "$recipes"
}
