bats_require_minimum_version 1.5.0

# The examples of the manuals, taken from the pages themselves.

man=$BATS_TEST_DIRNAME/../man

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# example PAGE START: the command of the page that begins so, without "$ "
example() {
	sed -n 's/\\e/\\/g; s/\\&//g; s/^\$ //p' "$man/$1" | grep -F -- "$2" | head -n 1
}

src() {
	printf '"_src":{"file":"/var/log/pods/s_p_3b548af1-ed9f-4392-a405-88e3d0bd2528/c/0.log","id":"9f3c/o","gen":3,"end":%d}' "$1"
}

# what logparse writes of four lines, with the marks of logtail
parsed() {
	printf '{%s}\n' "$(src 0)"
	printf '{%s,"time":"2026-11-22T13:00:00Z","stream":"stdout","log_processed":{"level":"%s","msg":"m"}}\n' \
		"$(src 10)" info "$(src 20)" debug "$(src 30)" error
	printf '{%s,"time":"2026-11-22T13:00:00Z","stream":"stdout","log":"plain"}\n' "$(src 40)"
	printf '{"_src":{"file":"f","id":"9f3c/o","gen":3,"end":40,"at":40,"sum":"00ff","final":true}}\n'
}

@test "record(5): the jq filter leaves out debug records and lets every mark through" {
	cmd=$(example record.5 "jq -c 'select(keys")
	[ -n "$cmd" ]
	parsed >in
	grep -v '"level":"debug"' in >want
	bash -c "$cmd" <in | cmp - want
}

@test "record(5): the grep filter does the same" {
	cmd=$(example record.5 "grep -v")
	[ -n "$cmd" ]
	parsed >in
	parsed | jq -c 'select(.log_processed.level != "debug")' >want
	bash -c "$cmd" <in | cmp - want
}

@test "record(5): a member is put into records and not into marks, and k8smeta takes the rest" {
	cmd=$(example record.5 "jq -c 'if keys")
	[ -n "$cmd" ]
	parsed | bash -c "$cmd" >out
	[ "$(jq -c 'select(keys == ["_src"])' out | wc -l)" -eq 2 ]
	[ "$(jq -r .cluster out | grep -c eu-1)" -eq 4 ]
	command -v k8smeta >/dev/null || skip "k8smeta is not built"
	[ "$(k8smeta out | jq -c 'select(.cluster == "eu-1" and .kubernetes.pod_name == "p")' | wc -l)" -eq 4 ]
}

@test "record(5): the messages alone" {
	cmd=$(example record.5 "jq -r 'select(has")
	[ -n "$cmd" ]
	[ "$(parsed | bash -c "$cmd")" = plain ]
}

@test "record(5): a line that is no object is wrapped as the page shows" {
	command -v k8smeta >/dev/null || skip "k8smeta is not built"
	want=$(sed -n 's/<the line>/oops/; s/logparse/k8smeta/; s/^{"log":/&/p' "$man/record.5" | head -n 1)
	run -3 --separate-stderr k8smeta <<<oops
	[ "$output" = "$want" ]
}

@test "k8smeta(1): the record shown is what comes of it" {
	command -v k8smeta >/dev/null || skip "k8smeta is not built"
	sed -n '/^{"_src"/,/^\.Ed/p' "$man/k8smeta.1" | grep -v '^\.Ed' | jq -c . >want
	jq -c 'del(.kubernetes)' want | k8smeta | jq -c . | cmp - want
}

@test "every page passes mandoc's lint" {
	command -v mandoc >/dev/null || skip "no mandoc"
	run -0 mandoc -T lint -W warning "$man"/*.[157]
}

# prints DIR: what the README of an example says that it prints
prints() {
	awk '$0 == "```text prints" { on = 1; next } on && /^```$/ { exit } on' "$BATS_TEST_DIRNAME/../examples/$1/README.md"
}

# runs DIR: run.sh ends with 0, prints what its README says, and leaves nothing behind
runs() {
	for p in logtail logparse k8smeta logbatch s3put; do
		"$p" --version 2>/dev/null | grep -q '(logsweep)' || skip "$p is not built"
	done
	mkdir tmp
	TMPDIR=$PWD/tmp run -0 --separate-stderr "$BATS_TEST_DIRNAME/../examples/$1/run.sh"
	prints "$1" >want
	[ -s want ]
	diff want <(sed 1d <<<"$output")
	[ -z "$(ls -A tmp)" ]
}

@test "examples/hourly-sweep" { runs hourly-sweep; }
@test "examples/backfill" { runs backfill; }
@test "examples/docker-host" { runs docker-host; }
@test "examples/redrive-errors" { runs redrive-errors; }
@test "examples/cleaning-service" { runs cleaning-service; }

@test "examples/from-kafka" {
	command -v kcat >/dev/null || skip "kcat is not installed"
	runs from-kafka
}

@test "examples/read-with-duckdb" {
	if command -v duckdb >/dev/null; then
		run -0 --separate-stderr "$BATS_TEST_DIRNAME/../examples/read-with-duckdb/run.sh"
		[ "${lines[-1]}" = "  web-0  10" ] # and this is what jq says below
	else
		runs read-with-duckdb
	fi
}

@test "examples: each directory has a README, and is in the list" {
	for d in "$BATS_TEST_DIRNAME"/../examples/*/; do
		d=$(basename "$d")
		grep -q "($d)" "$BATS_TEST_DIRNAME/../examples/README.md"
		[ -f "$BATS_TEST_DIRNAME/../examples/$d/README.md" ]
	done
}

@test "logsweep-compat(7): every option that it names is one of a program" {
	for p in logtail logparse k8smeta logbatch s3put; do
		"$p" --version 2>/dev/null | grep -q '(logsweep)' || skip "$p is not built"
		"$p" --help
	done | sed -nE 's/^  (-(.), |    )--([a-z0-9-]+).*/--\3 -\2/p' | tr ' ' '\n' | sort -u >known
	{
		sed -n 's/^\.Fl -\([a-z-]*\).*/--\1/p; s/^\.Fl \([a-zA-Z]\)\( .*\)*$/-\1/p' "$man/logsweep-compat.7"
		grep -E '^\.Ql (logtail|logparse|k8smeta|logbatch|s3put) ' "$man/logsweep-compat.7" | grep -oE -- '-(-[a-z-]+|[a-zA-Z])\b'
	} | sort -u >named
	[ "$(wc -l <named)" -gt 40 ]
	[ -z "$(comm -13 known named | tee /dev/stderr)" ]
}

@test "logsweep-compat(7): path and offset are kept, and marks pass" {
	cmd=$(example logsweep-compat.7 "jq -c 'if keys")
	parsed | bash -c "$cmd" >out
	[ "$(jq -c 'select(keys == ["_src"])' out | wc -l)" -eq 2 ]
	[ "$(jq -r 'select(.offset) | .offset' out | paste -sd' ')" = '10 20 30 40' ]
	[ "$(jq -r .path out | grep -c /var/log/pods/)" -eq 4 ]
}

@test "logsweep-compat(7): the journal's lines are those of the recipe" {
	sed -n '/^\$ journalctl/,/^\.Ed/p' "$man/logsweep-compat.7" | grep -v '^\.Ed' | sed 's/^.* | jq/jq/; s/\\(dq/"/g; s/\\e/\\/g' >cmd
	echo '{"__REALTIME_TIMESTAMP":"1795352400000001","_HOSTNAME":"n","_SYSTEMD_UNIT":"u","MESSAGE":"m"}' | bash cmd >out
	[ "$(cat out)" = '{"time":"2026-11-22T13:00:00.000001Z","log":"m","unit":"u","host":"n"}' ]
}
