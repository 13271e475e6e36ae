bats_require_minimum_version 1.5.0

# logsweep-status: what it tells after real sweeps, of damaged ledgers and to Prometheus.

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for p in logtail logparse k8smeta logbatch s3put logsweep-status; do
		"$p" --version 2>/dev/null | grep -q '(logsweep)' || skip "$p is not built"
	done
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
	mkdir logs
}

# line N TEXT: a line of a CRI log
line() { printf '2026-11-22T13:%02d:00.5Z stdout F %s\n' "$1" "$2"; }
sweep() { logtail --state=S logs | logparse | k8smeta --node=n | logbatch --state=S --node=n; }
deliver() { s3put --state=S "file://$PWD/archive" >/dev/null; }
figure() { logsweep-status --state=S --format=ndjson "${@:2}" | jq -c ".$1"; }

@test "a directory that no sweep has used is told, and not made" {
	run -2 --separate-stderr logsweep-status --state=S
	[ -z "$output" ]
	[ "$stderr" = "logsweep-status: S: no sweep has used this directory; name the --state of logbatch" ]
	[ ! -e S ]
	run -2 --separate-stderr logsweep-status
	[[ $stderr == *"--state=DIR: needed"* ]]
}

@test "pending, delivered, errors and files after real sweeps" {
	line 1 '{"msg":"a"}' >logs/a.log
	{ line 1 one && echo 'no time here' && line 2 two; } >logs/b.log
	sweep >manifests || [ $? -eq 3 ]
	run -0 logsweep-status --state=S
	[[ $output == *$'\npending     2 objects, '* && $output == *'last never' ]]
	[ "$(figure '|[.commits,.objects,.records,.errors,.pending,.delivered]')" = '[1,2,4,1,2,0]' ]
	[ "$(figure pending_bytes)" -eq "$(jq -s 'map(.bytes) | add' manifests)" ]
	[ "$(figure raw_bytes)" -eq "$(find S/outbox -type f -exec zcat {} + | wc -c)" ]
	[ "$(figure 'pending_since|fromdate? // .[:4]')" != null ]

	deliver <manifests
	[ "$(figure '|[.pending,.pending_since,.delivered]')" = '[0,null,2]' ]
	[ "$(figure delivered_bytes)" -eq "$(jq -s 'map(.bytes) | add' manifests)" ]
	[ "$(figure delivered_at)" != null ]

	line 5 more >>logs/a.log
	printf '2026-11-22T13:05:00Z stdout F half' >logs/c.log
	: >logs/d.log
	line 6 new >logs/e.log
	run -0 logsweep-status --state=S logs
	[[ $output == *$'\nfiles       1 done, 1 behind, 1 new: '* ]]
	[[ $output == *$'\n            1 waiting, 1 empty, 0 unreadable\n'* ]]
	[[ $output == *'  logs/a.log'* && $output == *'  logs/e.log'* ]]
	[ "$(figure lag logs)" -eq "$(logtail --state=S --list logs | jq -s 'map(.lag) | add')" ]
	[ "$(figure 'lagging|map(.file)|sort' logs)" = '["logs/a.log","logs/c.log","logs/e.log"]' ]
}

@test "the time of the last sweep moves with one that finds nothing new, and not with one that fails" {
	line 1 x >logs/a.log
	sweep >/dev/null
	touch -d 2026-01-01T00:00:00Z S/lock
	[ "$(figure swept_at)" = '"2026-01-01T00:00:00Z"' ]
	deliver </dev/null
	LOGSWEEP_MAX_SPOOL=1 run -75 sweep # what waits is too much
	[ "$(figure swept_at)" = '"2026-01-01T00:00:00Z"' ]
	gen=$(figure generation)
	sweep >/dev/null
	[ "$(figure swept_at)" != '"2026-01-01T00:00:00Z"' ]
	[ "$(figure generation)" = "$gen" ]
}

@test "before the first sweep has come to its end there is none" {
	mkdir S
	# a stream of a generation that never was: refused
	echo '{"log":"x","_src":{"file":"f","id":"0000000000000001/o","gen":7,"end":5}}' >in
	<in run -75 logbatch --state=S
	[ -e S/lock ]
	[ "$(figure swept_at)" = null ]
	run -0 logsweep-status --state=S
	[[ $output == *$'\nlast sweep  never\n'* ]]
	logsweep-status --state=S --metrics=m.prom
	! grep -q last_sweep m.prom
}

@test "a damaged ledger: its copy is used, told, and status 3; both: status 1, metrics left alone" {
	line 1 x >logs/a.log
	sweep >/dev/null
	cp -a S whole
	printf garbage >>S/ledger.json
	run -3 --separate-stderr logsweep-status --state=S --metrics=m.prom --format=table
	[ "$stderr" = "logsweep-status: S: ledger.json is damaged; its copy is used" ]
	[[ $output == *'the ledger is damaged, this is of its copy: see ledger(5)'* ]]
	grep -qx 'logsweep_ledger_damaged 1' m.prom
	sum=$(cksum <m.prom)
	: >S/ledger.copy.json
	run -1 --separate-stderr logsweep-status --state=S --metrics=m.prom
	[ -z "$output" ]
	[ "$sum" = "$(cksum <m.prom)" ]
	cmp S/ledger.json <(cat whole/ledger.json; printf garbage) # nothing was mended
}

@test "names cannot move a terminal; nothing is coloured, with NO_COLOR or without" {
	name=$'a\e[2J\e]0;x\a\xc2\x9b\xff.log'
	line 1 x >"logs/$name"
	line 1 y >logs/b.log
	sweep >/dev/null
	line 2 x >>"logs/$name"
	on_tty() { python3 -c 'import pty, sys; pty.spawn(["sh", "-c", sys.argv[1]])' "$1" </dev/null; }
	for no in "" NO_COLOR=1; do
		on_tty "$no logsweep-status --state=S logs" >seen
		grep -qF 'a\x1b[2J\x1b]0;x\x07\xc2\x9b' seen
		! LC_ALL=C grep -q $'[\e\a\x9b]' seen
	done
	figure 'lagging[0].file' logs | jq -e 'contains("\u001b")'
}

@test "no program colours what it says on a terminal, with NO_COLOR or without" {
	on_tty() { python3 -c 'import pty, sys; pty.spawn(["sh", "-c", sys.argv[1]])' "$1" </dev/null; }
	for p in logtail logparse k8smeta logbatch s3put logsweep-status; do
		for no in "" NO_COLOR=1; do
			on_tty "$no $p --help; $no $p --xyzzy; $no $p /no/such/file" >seen
			[ -s seen ]
			! grep -q $'\e' seen
		done
	done
}

@test "files that cannot be read: counted, status 3; with --strict status 1 and nothing printed" {
	dir=$(mktemp -d)
	cd "$dir" && mkdir logs
	line 1 x >logs/a.log
	sweep >/dev/null
	line 1 y >logs/b.log
	chmod 0 logs/b.log
	chmod 755 . logs S && chmod 644 S/*.json
	as=(env)
	[ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	"${as[@]}" sh -c "test -x $PWD/logs && logsweep-status --version" >v || skip "nobody else can come here"
	run -3 --separate-stderr "${as[@]}" logsweep-status --state=S --format=ndjson --stats logs
	[ "$(jq -c '[.done, .unreadable]' <<<"$output")" = '[1,1]' ]
	[[ $stderr == *"logs/b.log: Permission denied"* ]]
	[ "$(tail -n 1 <<<"$stderr" | jq -c '[.in, .out, .rejected]')" = '[2,1,1]' ]
	run -1 --separate-stderr "${as[@]}" logsweep-status --state=S --strict logs
	[ -z "$output" ]
	run -3 --separate-stderr "${as[@]}" logsweep-status -q --state=S logs
	[ -z "$stderr" ]
	rm -rf "$dir"
}

@test "the environment of the sweeps does not disturb the list" {
	line 1 x >logs/a.log
	sweep >/dev/null
	export LOGSWEEP_STATE=S LOGSWEEP_LOGTAIL_STATS=s LOGSWEEP_COMMIT=1 LOGSWEEP_FOLLOW=1
	run -0 --separate-stderr logsweep-status logs
	[[ $output == *'1 done, 0 behind'* ]]
	[ ! -e s ]
	LOGSWEEP_EXCLUDE='*a.log' run -0 logsweep-status logs
	[[ $output == *'0 done, 0 behind'* ]]
}

@test "metrics pass promtool, are for all to read, and leave no other file" {
	line 1 x >logs/a.log
	sweep >manifests
	deliver <manifests
	line 2 x >>logs/a.log
	mkdir textfile
	umask 022
	run -0 logsweep-status --state=S --metrics=textfile/logsweep.prom logs
	[ -z "$output" ]
	[ "$(ls -A textfile)" = logsweep.prom ]
	[ "$(stat -c %a textfile/logsweep.prom)" = 644 ]
	for m in records_total:1 delivered_objects_total:1 pending_objects:0 files_behind:1; do
		grep -qx "logsweep_${m%:*} ${m#*:}" textfile/logsweep.prom
	done
	# the same figures as in the NDJSON line
	[ "$(grep -vc '^#' textfile/logsweep.prom)" -eq "$(figure '|del(.state, .lagging) |
		map_values(values) | length' logs)" ]
	promtool=$("$top/tests/promtool.sh" "${B:-$top/build}/promtool") || skip "no promtool"
	run -0 "$promtool" check metrics <textfile/logsweep.prom
}

@test "the alerts: promtool finds each rule right, and tries it" {
	promtool=$("$top/tests/promtool.sh" "${B:-$top/build}/promtool") || skip "no promtool"
	cp "$top"/examples/alerts/*.yml .
	run -0 "$promtool" check rules logsweep.rules.yml
	run -0 "$promtool" test rules logsweep.test.yml
	# each metric that a rule is about is one that is written, and each alert is tried
	line 1 x >logs/a.log
	sweep >manifests
	deliver <manifests
	line 2 x >>logs/a.log
	line 1 y >>logs/b.log
	sweep >/dev/null # pending
	logsweep-status --state=S --metrics=m.prom logs
	for m in $(grep -o 'logsweep_[a-z_]*' logsweep.rules.yml | sort -u); do
		grep -q "^$m " m.prom
	done
	for a in $(sed -n 's/.*- alert: //p' logsweep.rules.yml); do
		grep -A1 "alertname: $a\$" logsweep.test.yml | grep -q exp_alerts
	done
}

@test "the example of the manual for what is pending too long" {
	line 1 x >logs/a.log
	sweep >/dev/null
	sed -n 's/\\e/\\/g; /^\$ logsweep-status --state=S --format=ndjson/,/^\.Ed/p' \
		"$top/man/logsweep-status.1" | grep -v '^\.Ed' | sed 's/^\$ //; s/\\\\e/\\\\/' >cmd
	[ "$(bash cmd)" = false ]
	touch -d '2 hours ago' S/outbox/*
	[ "$(bash cmd)" = true ]
}

@test "gaps: a log that was deleted before it was read to its end is counted, once" {
	{ line 1 a && printf '2026-11-22T13:02:00Z stdout P held back\n'; } >logs/a.log
	line 1 z >logs/b.log
	sweep >/dev/null
	[ "$(figure gaps)" -eq 0 ]
	rm logs/a.log
	sweep >manifests 2>told || [ $? -eq 3 ]
	[ "$(jq -s 'map(.gaps // 0) | add' manifests)" -eq 1 ]
	[ "$(figure '|[.gaps,.errors,.records]')" = '[1,1,3]' ]
	run -0 logsweep-status --state=S
	[[ $output == *'set aside   1 records under _errors/, 1 of them gaps'* ]]
	sweep >/dev/null
	[ "$(figure gaps)" -eq 1 ]
}

@test "gaps that are rolled back are not counted" {
	gap='"_error":{"by":"logtail","why":"gap: x","gap":{"from":5,"size":9}}'
	src() { printf '"_src":{"file":"f","id":"000000000000000%d/o","gen":0,"end":%d}' "$1" "$2"; }
	{
		printf '{%s}\n{%s,"log":"",%s}\n' "$(src 1 0)" "$(src 1 10)" "$gap"
		printf '{%s,"log":"","_error":{"by":"x","why":"no gap"}}\n' "$(src 1 20)"
		printf '{"_src":{"file":"f","id":"0000000000000001/o","gen":0,"end":20,"at":20,"sum":"00ff"}}\n'
		printf '{%s}\n{%s,"log":"",%s}\n' "$(src 2 0)" "$(src 2 10)" "$gap" # no mark closes it
	} | logbatch --state=S >manifests || [ $? -eq 3 ]
	[ "$(jq -c '[.records, .gaps]' manifests)" = '[2,1]' ]
	[ "$(figure '|[.gaps,.errors]')" = '[1,2]' ]
}

@test "a link or a file planted at the temporary name of the metrics is not written to" {
	logbatch --state=S </dev/null
	mkdir m
	echo keep >victim
	ln -s ../victim m/.node.prom.tmp
	logsweep-status --state=S --metrics=m/node.prom
	grep -q '^logsweep_' m/node.prom
	ln victim m/.node.prom.tmp
	logsweep-status --state=S --metrics=m/node.prom
	[ "$(cat victim)" = keep ]
	[ "$(ls -A m)" = node.prom ]
}
