bats_require_minimum_version 1.5.0

# README.md and CONTRIBUTING.md, the demo, and what `make install` puts where.

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for p in logtail logparse k8smeta logbatch s3put; do
		"$p" --version 2>/dev/null | grep -q '(logsweep)' || skip "$p is not built"
	done
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
}

# blocks INFO FILE: the code blocks so marked, each ended by a line "--"
blocks() {
	awk -v open="\`\`\`$1" '$0 == open { on = 1; next } on && /^```$/ { on = 0; print "--" } on' "$2"
}

# here: the machine's directories in a command become the test's own
here() {
	sed "s|/var/log/containers|$PWD/node/var/log/containers|; s|/var/lib/logsweep|$PWD/S|g
		s|/srv/archive|$PWD/archive|g"
}

sample_node() {
	command -v nodetree >/dev/null || skip "nodetree is not built"
	nodetree --seed=5 --bytes=500K --split=0.3 node >report
	records=$(jq '.total.records // empty' report)
	[ "$records" -gt 1000 ]
}

# lossy PROGRAM: put one in front of it that loses its 700th line
lossy() {
	local real
	real=$(command -v "$1")
	mkdir lossy
	printf '#!/bin/bash\n[ "$1" = --version ] && exec %q --version\n%q "$@" | sed 700d\n' \
		"$real" "$real" >"lossy/$1"
	chmod +x "lossy/$1"
	PATH=$PWD/lossy:$PATH
}

@test "the demo ends with 0, in a C and in a UTF-8 locale, in 80 columns, without colours" {
	command -v nodetree >/dev/null || skip "nodetree is not built"
	for locale in C C.UTF-8; do
		TMPDIR=$PWD LC_ALL=$locale run -0 --separate-stderr "$top/tests/demo.sh"
		[ -z "$stderr" ]
		[[ $output == *'All of it agrees'* && $output != *'NOT TRUE'* && $output != *$'\e'* ]]
		[ "$(LC_ALL=C.UTF-8 wc -L <<<"$output")" -le 80 ]
	done
	! compgen -G 'logsweep-demo.*'
}

@test "the demo says so and ends with 1 when a program loses a record" {
	command -v nodetree >/dev/null || skip "nodetree is not built"
	lossy logparse
	TMPDIR=$PWD run -1 "$top/tests/demo.sh"
	[[ $output == *'NOT TRUE: '*' records in the archive'* ]]
	[[ $output != *'All of it agrees'* ]]
}

@test "KEEP=1 keeps what the demo made, and it says where" {
	command -v nodetree >/dev/null || skip "nodetree is not built"
	KEEP=1 TMPDIR=$PWD run -0 "$top/tests/demo.sh"
	[ -d "${output##*Kept in }/archive" ]
}

@test "README: the commands do what they are there for" {
	sample_node
	blocks 'sh run' "$top/README.md" | here >all
	[ "$(grep -c '^--$' all)" -eq 3 ]
	awk '$0 == "--" { n++; next } { print >("block" n + 1) }' all

	run -0 --separate-stderr bash block1
	[ -z "$stderr" ]
	[ "$(find archive -name '*.gz' -exec zcat {} + | wc -l)" -eq "$records" ]
	run -0 --separate-stderr bash block1
	[ -z "$output$stderr" ]

	run -0 --separate-stderr bash -o pipefail block2
	[ "${#lines[@]}" -gt 10 ]
	[[ ${lines[0]} =~ ^2026-11-22T[^$'\t']+Z$'\t'[^$'\t']+$'\t' ]]

	run -0 --separate-stderr bash -o pipefail block3
	[ "$(awk '{ n += $1 } END { print n }' <<<"$output")" -eq "$records" ]
}

@test "README: every other command is run by another test" {
	blocks sh "$top/README.md" | grep -v '^--$' >rest
	[ "$(cat rest)" = "$(printf '%s\n' 'make demo' 'make setup-build build && sudo make install')" ]
	[ "$(grep -c '^```sh' "$top/README.md")" -eq 5 ]
}

@test "README: the records shown are what each program makes of the one before" {
	local log=node/var/log/containers/web-0_shop_app-$(printf '%064d' 7).log
	mkdir -p "${log%/*}"
	blocks 'text flow' "$top/README.md" | grep -v '^--$' >flow
	like() { # like PROGRAM: is standard input the record of README's line, … being anything?
		local want
		want=$(sed -n "s/^$1  *//p" flow | sed 's/[][\.*^$+?(){}|]/\\&/g; s/…/.*/g')
		[ -n "$want" ] && grep -qxE -- "$want"
	}
	sed -n 's/^the file *//p' flow >"$log"
	touch -d '1 hour ago' "$log"
	logtail --state=S "$log" | tee 1 | logparse | tee 2 | k8smeta --node=node-1 | tee 3 |
		logbatch --state=S --node=node-1 | tee 4 | s3put --state=S "file://$PWD/archive" >5
	for n in 1 2 3; do sed -i '/^{"_src":{[^}]*}}$/d' $n; done
	like logtail <1
	like logparse <2
	like k8smeta <3
	like logbatch <4
	like s3put <5
}

@test "README and CONTRIBUTING: what they name is there" {
	grep -ohE '\]\([^)#:]+\)' "$top"/*.md | tr -d ']()' | sort -u >links
	grep -ohE '`(cmd|lib|man|tests|examples|k8s-cronjobs)/[a-z0-9_/.]+`' "$top"/*.md | tr -d '`' | sort -u >paths
	[ -s links ] && [ -s paths ]
	while read -r path; do
		[ -e "$top/$path" ] || { echo "$path" >&2; false; }
	done < <(sed 's|^tests/gen/nodetree$|&.c|' links paths)
}

@test "CONTRIBUTING: the make targets it tells are there" {
	sed -n 's/^    make \(.*\)/\1/p' "$top/CONTRIBUTING.md" | sed 's/   .*//' | tr ' ' '\n' |
		grep -xE '[a-z-]+' >targets
	[ "$(wc -l <targets)" -gt 8 ]
	while read -r t; do
		grep -qE "^$t:" "$top/Makefile" || { echo "$t" >&2; false; }
	done <targets
}

@test "README and logsweep(7) tell the same exit codes" {
	sed -n '/^## Exit codes/,/^## /s/^| \([0-9][0-9]*\) |.*/\1/p' "$top/README.md" >readme
	sed -n '/^\.Sh EXIT STATUS/,/^\.Sh SEE/s/^\.It \([0-9][0-9]*\)$/\1/p' "$top/man/logsweep.7" >page
	[ -s page ]
	cmp readme page
}

@test "the chart is well-formed, and light and dark" {
	python3 -c 'import sys, xml.dom.minidom as d; d.parse(sys.argv[1])' "$top/bench/chart.svg"
	grep -q 'prefers-color-scheme: dark' "$top/bench/chart.svg"
}

@test "make install puts the programs and pages under DESTDIR, and uninstall leaves nothing" {
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES # what is built is put there: -o build
	local make=(make -s -o build -C "$top" B="${B:-$top/build}" DESTDIR="$PWD/dest" PREFIX=/usr)
	run -0 "${make[@]}" install
	for p in logtail logparse k8smeta logbatch s3put k8ssweep logsweep-status; do
		[ "$("dest/usr/bin/$p" --version | head -n 1)" = "$("$p" --version | head -n 1)" ]
	done
	for page in "$top"/man/*.[157]; do
		[ "$(stat -c %a "dest/usr/share/man/man${page##*.}/${page##*/}")" = 644 ]
	done
	cmp dest/usr/lib/systemd/system/logsweep.timer "$top/examples/systemd/logsweep.timer"
	for p in logtail logparse k8smeta logbatch s3put k8ssweep logsweep-status; do
		cmp "dest/usr/share/bash-completion/completions/$p" <("$p" --completion=bash)
		cmp "dest/usr/share/zsh/site-functions/_$p" <("$p" --completion=zsh)
		cmp "dest/usr/share/fish/vendor_completions.d/$p.fish" <("$p" --completion=fish)
	done
	[ "$(find dest -type f | wc -l)" -eq $((7 * 3 + 7 + 2 + $(ls "$top"/man/*.[157] | wc -l))) ]
	run -0 "${make[@]}" uninstall
	[ -z "$(find dest ! -type d)" ]
}
