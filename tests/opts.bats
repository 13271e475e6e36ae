bats_require_minimum_version 1.5.0

# What the option table gives every program, and that the manuals say the same.

man=$BATS_TEST_DIRNAME/../man

# Ours among what is on PATH: Debian has a logtail of its own.
programs() {
	for p in logtail logparse k8smeta logbatch s3put k8ssweep logsweep-status; do
		"$p" --version 2>/dev/null | grep -q '(logsweep)' && echo "$p"
	done
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mapfile -t progs < <(programs)
	[ "${#progs[@]}" -gt 0 ] || skip "no program is built"
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
}

# options_of PROGRAM: "NAME LETTER VALUE" a line, VALUE being none, must or may
options_of() {
	"$1" --help | sed -nE 's/^  (-(.), |    )--([a-z0-9-]+)(\[?=)?.*/\3 \2 \4/p' |
		awk '{ v = $NF == "=" ? "must" : $NF == "[=" ? "may" : "none"
			l = length($2) == 1 && $2 != "=" ? $2 : "."; print $1, l, v }' | sort
}

# page_options PAGE: the same, of its option lists
page_options() {
	sed -n 's/^\.It Fl/Fl/p' "$man/$1" | awk '{
		l = "."; name = ""; v = /Ar|Cm/ ? (/Op|Oo/ ? "may" : "must") : "none"
		for (i = 1; i < NF; i++) {
			if ($i != "Fl") continue
			if ($(i + 1) ~ /^-./) name = substr($(i + 1), 2)
			else l = $(i + 1)
		}
		print name, l, v }' | sort
}

# each_value NAME-IN-HELP: options of program $p whose value --help calls that
valued() {
	"$p" --help | sed -nE "s/^.{6}--([a-z0-9-]+)=$1( .*)?$/\1/p"
}

@test "--help tells the options on standard output and ends with 0" {
	for p in "${progs[@]}"; do
		for o in --help -h; do
			run -0 --separate-stderr "$p" $o
			[ -z "$stderr" ]
			[[ ${lines[0]} == "usage: $p "* ]]
			[[ $output == *--completion* ]]
		done
	done
}

@test "--help and the manual list the same options, letters and values" {
	for p in "${progs[@]}"; do
		options_of "$p" >help
		page_options "$p.1" >page
		[ -s help ]
		diff help page
	done
}

@test "the common options of logsweep(7) are in every program, and no others are in all" {
	page_options logsweep.7 >page
	[ -s page ]
	options_of "${progs[0]}" >all
	for p in "${progs[@]}"; do
		options_of "$p" | comm -12 all - >both
		[ -z "$(comm -13 both page)" ]
		mv both all
	done
	[ "${#progs[@]}" -lt 5 ] || diff all page
}

@test "every program's manual has its sections and names the program in one line" {
	for p in "${progs[@]}"; do
		for s in NAME SYNOPSIS DESCRIPTION ENVIRONMENT 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
			grep -qx "\.Sh $s" "$man/$p.1"
		done
		grep -qx "\.Nm $p" "$man/$p.1"
		grep -q '^\.Nd ' "$man/$p.1"
		for code in 0 1 2; do grep -qx "\.It $code" "$man/$p.1"; done
	done
}

@test "--version names program, collection and number" {
	for p in "${progs[@]}"; do
		run -0 --separate-stderr "$p" --version
		[ -z "$stderr" ]
		[[ $output =~ ^$p\ \(logsweep\)\ [0-9]+\.[0-9]+\.[0-9]+ ]]
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "--help into a full disk is an error" {
	[ -e /dev/full ] || skip "no /dev/full"
	for p in "${progs[@]}"; do
		run -1 --separate-stderr bash -c "$p --help >/dev/full"
		[ "$stderr" = "$p: <stdout>: No space left on device" ]
	done
}

@test "an unknown option names the nearest one: status 2, nothing on standard output" {
	for p in "${progs[@]}"; do
		run -2 --separate-stderr "$p" --verison
		[ -z "$output" ]
		[ "$stderr" = "$p: --verison: unknown option; did you mean --version?" ]
		run -2 --separate-stderr "$p" --strickt=1
		[ "$stderr" = "$p: --strickt=1: unknown option; did you mean --strict?" ]
	done
}

@test "an unknown option like none of them points to --help" {
	for p in "${progs[@]}"; do
		for o in --xyzzy-plugh -Y -qY; do
			run -2 --separate-stderr "$p" $o
			[ -z "$output" ]
			[[ $stderr == "$p: "*": unknown option; try --help" ]]
		done
	done
}

@test "an option without its value is told, for each that needs one" {
	for p in "${progs[@]}"; do
		for o in $(options_of "$p" | awk '$3 == "must" { print $1 }'); do
			run -2 --separate-stderr "$p" "--$o"
			[ -z "$output" ]
			[ "$stderr" = "$p: --$o: needs a value; try --help" ]
		done
	done
}

@test "a value for an option that takes none is told" {
	for p in "${progs[@]}"; do
		run -2 --separate-stderr "$p" --strict=1
		[ -z "$output" ]
		[ "$stderr" = "$p: --strict=1: takes no value" ]
	done
}

@test "sizes and ages that are none are told with the option's name" {
	for p in "${progs[@]}"; do
		for o in $(valued SIZE) $(valued AGE); do
			for v in 12Q -1 '' x 1e3 99999999999999999999; do
				run -2 --separate-stderr "$p" "--$o=$v"
				[ -z "$output" ]
				[[ $stderr == "$p: --$o: "* ]]
			done
		done
	done
}

@test "--confine takes auto and no, and no other word" {
	for p in "${progs[@]}"; do
		run -2 --separate-stderr "$p" --confine=yes
		[ "$stderr" = "$p: --confine: yes: not auto or no" ]
		LOGSWEEP_CONFINE=maybe run -2 --separate-stderr "$p"
		[ "$stderr" = "$p: --confine: maybe: not auto or no" ]
	done
}

@test "--progress takes auto and never, and no other word" {
	for p in "${progs[@]}"; do
		run -2 --separate-stderr "$p" --progress=always
		[ -z "$output" ]
		[ "$stderr" = "$p: --progress: always: not auto or never" ]
	done
}

@test "the environment sets options; a bad value there names the variable" {
	for p in "${progs[@]}"; do
		LOGSWEEP_STRICT=maybe run -2 --separate-stderr "$p"
		[ -z "$output" ]
		[ "$stderr" = "$p: LOGSWEEP_STRICT: --strict: maybe: not yes or no" ]
		LOGSWEEP_PROGRESS=always run -2 --separate-stderr "$p"
		[[ $stderr == *always* ]]
		for o in $(valued SIZE) $(valued AGE); do
			name=LOGSWEEP_$(tr a-z- A-Z_ <<<"$o")
			run -2 --separate-stderr env "$name=12Q" "$p"
			[[ $stderr == "$p: $name: --$o: "* ]]
		done
	done
}

@test "the environment may name what another program has, and never asks for help" {
	for p in "${progs[@]}"; do
		LOGSWEEP_NO_SUCH_OPTION=1 run -0 "$p" --version
		LOGSWEEP_HELP=1 LOGSWEEP_COMPLETION=bash LOGSWEEP_VERSION=1 run -2 --separate-stderr "$p" --xyzzy
		[ -z "$output" ]
	done
}

@test "the command line overrides the environment" {
	for p in logparse k8smeta; do
		[[ " ${progs[*]} " == *" $p "* ]] || continue
		LOGSWEEP_STATS=$p.env run -0 "$p" /dev/null
		[ "$(jq -r .program $p.env)" = $p ]
		rm $p.env
		LOGSWEEP_STATS=$p.env run -0 "$p" --stats=$p.line /dev/null
		[ ! -e $p.env ]
		[ -s $p.line ]
	done
}

@test "options may follow operands, and -- ends them" {
	for p in "${progs[@]}"; do
		run -0 "$p" /dev/null --version
		[[ $output == "$p (logsweep) "* ]]
	done
	for p in logparse k8smeta; do
		[[ " ${progs[*]} " == *" $p "* ]] || continue
		run -3 --separate-stderr "$p" -- --version
		[ "$stderr" = "$p: --version: No such file or directory" ]
	done
}

@test "--stats without a file writes to standard error" {
	for p in logparse k8smeta; do
		[[ " ${progs[*]} " == *" $p "* ]] || continue
		run -0 --separate-stderr "$p" --stats /dev/null
		[ -z "$output" ]
		[ "$(jq -r .program <<<"$stderr")" = "$p" ]
	done
}

@test "the completion script for bash completes options and files" {
	for p in "${progs[@]}"; do
		"$p" --completion=bash >"$p.bash"
		bash -n "$p.bash"
		: >some-file
		run -0 bash -c '. "./$1.bash"
			complete -p "$1"
			COMP_WORDS=("$1" --vers) COMP_CWORD=1; "_$1"; echo "${COMPREPLY[*]}"
			COMP_WORDS=("$1" some-f) COMP_CWORD=1; "_$1"; echo "${COMPREPLY[*]}"' - "$p"
		[[ ${lines[0]} == *" $p" ]]
		[ "${lines[1]}" = --version ]
		[ "${lines[2]}" = some-file ]
	done
}

@test "the completion script for bash has every option" {
	for p in "${progs[@]}"; do
		"$p" --completion=bash >"$p.bash"
		bash -c '. "./$1.bash"; COMP_WORDS=("$1" --) COMP_CWORD=1; "_$1" 2>/dev/null
			printf "%s\n" "${COMPREPLY[@]}"' - "$p" | sed 's/^--//; s/=$//' | sort >got
		options_of "$p" | cut -d' ' -f1 | sort | diff - got
	done
}

@test "the completion script for zsh is one" {
	for p in "${progs[@]}"; do
		run -0 "$p" --completion=zsh
		[ "${lines[0]}" = "#compdef $p" ]
		for o in $(options_of "$p" | cut -d' ' -f1); do [[ $output == *"--$o"[=\[]* ]]; done
	done
	command -v zsh >/dev/null || skip "no zsh to check its syntax"
	for p in "${progs[@]}"; do "$p" --completion=zsh | zsh -n; done
}

@test "the completion script for fish is one" {
	for p in "${progs[@]}"; do
		run -0 "$p" --completion=fish
		for o in $(options_of "$p" | cut -d' ' -f1); do [[ $output == *" -l $o "* ]]; done
	done
	command -v fish >/dev/null || skip "no fish to check its syntax"
	for p in "${progs[@]}"; do "$p" --completion=fish | fish -n; done
}

@test "another shell's completion is a usage error" {
	for p in "${progs[@]}"; do
		run -2 --separate-stderr "$p" --completion=tcsh
		[ -z "$output" ]
		[ "$stderr" = "$p: --completion: tcsh: not one of bash, zsh, fish" ]
	done
}

@test "a terminal as standard input, and no operand, is a usage error, not a wait" {
	command -v python3 >/dev/null || skip "no python3 to make a terminal with"
	for p in "${progs[@]}"; do
		run -2 --separate-stderr timeout 10 python3 -c '
import os, pty, subprocess, sys
master, slave = pty.openpty()
sys.exit(subprocess.run(sys.argv[1:], stdin=slave).returncode)' "$p"
		[ -z "$output" ]
		[[ $stderr == "$p: "* ]]
	done
}

@test "progress is drawn on a terminal, wiped at the end, and not with --progress=never or in a pipe" {
	command -v logtail nodetree >/dev/null || skip "not built"
	nodetree --pods=30 --bytes=60M tree >/dev/null
	on_tty() { python3 -c 'import pty, sys; pty.spawn(["sh", "-c", sys.argv[1]])' "$1" </dev/null; }
	on_tty 'logtail tree/var/log/containers | while [ $(head -c 1000000 | wc -c) -gt 0 ]; do sleep 0.02; done' >drawn
	# of how many files and bytes, how fast, how long it goes on; neither goes back or beyond
	files=$(logtail --list tree/var/log/containers | wc -l)
	tr '\r' '\n' <drawn | sed -nE 's/.*logtail: ([0-9]+)\/([0-9]+) files, ([0-9.]+)\/([0-9.]+) MB, [0-9.]+ MB\/s(, [0-9]+ s left)?$/\1 \2 \3 \4/p' >steps
	[ "$(wc -l <steps)" -ge 2 ]
	awk -v files="$files" '$1 < n || $1 > $2 || $2 != files || $3 + 0 < b || $3 + 0 > $4 + 0 { exit 1 }
		{ n = $1; b = $3 + 0 }' steps
	grep -q 's left' drawn
	[[ "$(tail -c 4 drawn)" == *$'\e[K' ]]
	on_tty 'logtail --progress=never tree/var/log/containers >/dev/null' >quiet
	[ ! -s quiet ]
	on_tty 'cat /dev/null | logparse >/dev/null' >piped
	[ ! -s piped ]
}
