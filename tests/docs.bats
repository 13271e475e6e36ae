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
		s|/srv/|$PWD/|g; s|/etc/|$PWD/etc/|g; s| k8s-cronjobs/| $top/k8s-cronjobs/|; s| examples/| $top/examples/|g"
}

# run_blocks: README's commands in files block1 ..., with the machine's directories in the test's own
run_blocks() {
	blocks 'sh run' "$top/README.md" | here >all
	awk '$0 == "--" { n++; next } { print >("block" n + 1) }' all
}

# program NAME: a stand-in, whose script is on standard input
program() {
	mkdir -p bin
	{ echo '#!/bin/bash -e'; cat; } >"bin/$1"
	chmod +x "bin/$1"
	PATH=$PWD/bin:$PATH
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

@test "README: the sweep, and what reads its archive" {
	sample_node
	run_blocks
	[ "$(grep -c '^--$' all)" -eq 9 ]

	run -0 --separate-stderr bash block1
	[ -z "$stderr" ]
	[ "$(find archive -name '*.gz' -exec zcat {} + | wc -l)" -eq "$records" ]
	run -0 --separate-stderr bash block1
	[ -z "$output$stderr" ]

	run -0 --separate-stderr bash -o pipefail block6
	[ "${#lines[@]}" -gt 10 ]
	[[ ${lines[0]} =~ ^2026-11-22T[^$'\t']+Z$'\t'[^$'\t']+$'\t' ]]

	run -0 --separate-stderr bash -o pipefail block7
	[ "$(awk '{ n += $1 } END { print n }' <<<"$output")" -eq "$records" ]

	run -0 --separate-stderr bash -o pipefail block8
	grep -q "read_json(" table.sql
	grep -q "$PWD/archive/year=" table.sql
	grep -q 's3://example-logs/prod' athena.sql
	grep -q '`kubernetes`' athena.sql
}

@test "README: where to look when something is wrong" {
	sample_node
	run_blocks
	bash block1 >/dev/null
	n=0
	while read -r line; do
		n=$((n + 1))
		echo "$line" >line
		run --separate-stderr bash line
		case ${line%% *} in
		logsweep-status) [ "$status" -eq 0 ] && [[ $output == *delivered* ]] ;;
		logtail) # messages that no parser fits are told by 3
			if [[ $line == *--list* ]]; then
				[ "$status" -eq 0 ] && jq -es 'length > 10' <<<"$output" >/dev/null
			else
				[ "$status" -eq 3 ] && [[ ${lines[0]} == *' messages fit ('* ]]
			fi
			;;
		s3put) [ "$status" -eq 0 ] ;;
		logbatch) [ "$status" -eq 0 ] && [ "$(jq -r .status <<<"$output" | sort -u)" = ok ] ;;
		*) false ;;
		esac
	done <block9
	[ "$n" -eq 5 ]
}

@test "README: the recipe for a cluster names what is there" {
	command -v python3 >/dev/null && python3 -c 'import yaml' 2>/dev/null || skip "no python3-yaml"
	run_blocks
	program kubectl <<END
case \$1 in
apply) [ "\$2" = -k ] && python3 "$top/tests/k8s/render.py" "\$3" >rendered ;;
*) [ "\$1 \$2" = "-n logsweep" ] && grep -q 'namespace: logsweep' rendered || exit 1
	case "\${*:3}" in
	"create job --from=cronjob/dispatch first") grep -q '^kind: CronJob' rendered && grep -q '  name: dispatch' rendered && touch first ;;
	"logs job/first") [ -e first ] ;;
	*) exit 1 ;;
	esac ;;
esac
END
	run -0 --separate-stderr bash -e block2
}

@test "README: the recipe for old logs finds the labels of their pods" {
	local uid=7d3c2f11-58e4-4b0a-9a51-0c7a4e0f6b21
	run_blocks
	mkdir -p "var/log/pods/pay_ledger-0_$uid/app"
	printf '2026-11-22T13:00:0%d.5Z stdout F entry %d\n' 1 1 2 2 >"var/log/pods/pay_ledger-0_$uid/app/0.log"
	tar czf node-7.tar.gz var && rm -r var
	program kubectl <<END
[ "\$*" = "get pods -A -o json" ]
echo '{"kind":"List","items":[{"metadata":{"name":"ledger-0","namespace":"pay","uid":"$uid","labels":{"app":"ledger"}},"spec":{"nodeName":"node-7","containers":[{"name":"app"}]}}]}'
END
	run -0 --separate-stderr bash -o pipefail block3
	[ "$(find archive -name '*.gz' -exec zcat {} + | jq -r '.log + " " + .kubernetes.labels.app' | paste -sd,)" = 'entry 1 ledger,entry 2 ledger' ]
}

@test "README: the recipe for a host with Docker installs the units" {
	run_blocks
	mkdir -p etc/systemd/system
	program systemctl <<'END'
[ "$*" = "enable --now logsweep.timer" ]
[ -f etc/systemd/system/logsweep.timer ] && [ -f etc/systemd/system/logsweep.service ]
grep -q '^EnvironmentFile=/etc/logsweep.conf$' etc/systemd/system/logsweep.service
END
	run -0 --separate-stderr bash -e block4
	grep -qx "DESTINATION=file://$PWD/archive" etc/logsweep.conf
}

@test "README: the recipe for what was set aside archives it" {
	run_blocks
	printf '%s\n' 'level=info msg=one' '{"time":"2026-11-22T13:00:00Z","log":"x"}' 'level=warn msg=two' |
		logbatch --out=archive --node=n >/dev/null 2>&1 || true
	run -0 --separate-stderr bash -o pipefail block5
	[[ ${lines[0]} =~ ^\ *2\ logbatch$'\t'.+ ]]
	[ "$(find archive -path '*_errors*' -prune -o -name '*.gz' -exec zcat {} + | jq -r '.log_processed.msg // empty' | paste -sd' ')" = 'one two' ]
}

@test "README: every other command is run by another test" {
	blocks sh "$top/README.md" | grep -v '^--$' >rest
	[ "$(cat rest)" = "$(printf '%s\n' 'make demo' 'make setup-build build && sudo make install')" ]
	[ "$(grep -c '^```sh' "$top/README.md")" -eq 11 ]
}

@test "the picture: the records shown are what each program makes of the one before" {
	local log=node/var/log/containers/web-0_shop_app-$(printf '%064d' 7).log
	mkdir -p "${log%/*}"
	# the picture's rows: a name, and the text beside it
	python3 - "$top/bench/pipe.svg" >flow <<'END'
import sys, xml.dom.minidom as d
rows = [t for t in d.parse(sys.argv[1]).getElementsByTagName("text") if int(float(t.getAttribute("y"))) > 190]
text = lambda n: n.data if n.nodeType == n.TEXT_NODE else "".join(map(text, n.childNodes))
for name, what in zip(rows[::2], rows[1::2]):
    print(text(name), text(what))
END
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
	sed -n '/^### Exit codes/,/^Apache/s/^| \([0-9][0-9]*\) |.*/\1/p' "$top/README.md" >readme
	sed -n '/^\.Sh EXIT STATUS/,/^\.Sh SEE/s/^\.It \([0-9][0-9]*\)$/\1/p' "$top/man/logsweep.7" >page
	[ -s page ]
	cmp readme page
}

@test "the pictures are well-formed, and light and dark" {
	for svg in chart pipe; do
		python3 -c 'import sys, xml.dom.minidom as d; d.parse(sys.argv[1])' "$top/bench/$svg.svg"
		grep -q 'prefers-color-scheme: dark' "$top/bench/$svg.svg"
	done
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
