bats_require_minimum_version 1.5.0

# What TAB makes of a line, in real shells that are typed into (typing.py).

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mapfile -t progs < <(for p in logtail logparse k8smeta logbatch s3put k8ssweep logsweep-status; do
		"$p" --version 2>/dev/null | grep -q '(logsweep)' && echo "$p"
	done)
	[ "${#progs[@]}" -gt 0 ] || skip "no program is built"
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
	mkdir "data dir" state
	: >"a file.log"
	: >web.log
	: >statement
}

# typed SHELL: LINE and TAB on standard input, "LINE|WORDS" each, and what has to come of it
typed() {
	local shell=$1 setup lines want
	case $shell in
	bash) setup='for f in *.bash; do . ./$f; done' ;;
	bash-eq) shell=bash setup='COMP_WORDBREAKS=${COMP_WORDBREAKS//=}; for f in *.bash; do . ./$f; done' ;;
	zsh) setup='bindkey -e; fpath=($PWD/zsh $fpath); autoload -U compinit; compinit -u -D' ;;
	esac
	mkdir -p zsh
	for p in "${progs[@]}"; do
		"$p" --completion=bash >"$p.bash"
		"$p" --completion=zsh >"zsh/_$p"
	done
	mapfile -t lines < <(tee cases | cut -d'|' -f1)
	python3 "$BATS_TEST_DIRNAME/typing.py" "$shell" "$setup" "${lines[@]}" >got
	cut -d'|' -f2 cases | diff -u - got
}

@test "bash: options, their values, files and directories" {
	command -v python3 >/dev/null || skip "no python3"
	typed bash <<-'E'
		logtail --form|<logtail><--format=>
		logtail --lis|<logtail><--list>
		logtail --format=d|<logtail><--format=docker>
		logtail --format c|<logtail><--format><cri>
		logtail --state=d|<logtail><--state=data dir/>
		logtail --state=stat|<logtail><--state=state/>
		logtail --max-line=w|<logtail><--max-line=w>
		logtail -x w|<logtail><-x><w>
		logtail --stats=we|<logtail><--stats=web.log>
		logtail we|<logtail><web.log>
		logtail a|<logtail><a file.log>
		logtail -- --form|<logtail><--><--form>
		logparse --keep=y|<logparse><--keep=yes>
		k8smeta --cache s|<k8smeta><--cache><state/>
		logsweep-status --format=n|<logsweep-status><--format=ndjson>
		logsweep-status --completion=z|<logsweep-status><--completion=zsh>
	E
}

@test "bash: the same where '=' does not end words" {
	command -v python3 >/dev/null || skip "no python3"
	typed bash-eq <<-'E'
		logtail --form|<logtail><--format=>
		logtail --format=d|<logtail><--format=docker>
		logtail --state=d|<logtail><--state=data dir>
		logtail --max-line=w|<logtail><--max-line=w>
	E
}

@test "zsh: options, their values, files and directories (their slash goes when more is typed)" {
	command -v zsh >/dev/null || skip "no zsh"
	typed zsh <<-'E'
		logtail --lis|<logtail><--list>
		logtail --format=d|<logtail><--format=docker>
		logtail --state=d|<logtail><--state=data dir>
		logtail --state=stat|<logtail><--state=state>
		logtail --max-line=w|<logtail><--max-line=w>
		logtail -x w|<logtail><-x><w>
		logtail --stats=we|<logtail><--stats=web.log>
		logtail we|<logtail><web.log>
		logtail a|<logtail><a file.log>
		logtail -- --form|<logtail><--><--form>
		logparse --keep=y|<logparse><--keep=yes>
		k8smeta --cache=stat|<k8smeta><--cache=state>
		logsweep-status --format=n|<logsweep-status><--format=ndjson>
	E
}

@test "fish: options, their values, files and directories" {
	command -v fish >/dev/null || skip "no fish"
	for p in "${progs[@]}"; do "$p" --completion=fish >"$p.fish"; done
	export HOME=$PWD
	fish --no-config -c '
		for f in *.fish; source $f; end
		for c in "logtail --lis" "logtail --format=d" "logtail --format c" "logtail --state=st" \
			"logtail --max-line=w" "logtail -x w" "logtail we" "logparse --keep=y" \
			"k8smeta --ca=we" "logsweep-status --format=n"
			echo "$c|"(complete -C $c | cut -f1)
		end' >got
	diff - got <<-'E'
		logtail --lis|--list
		logtail --format=d|--format=docker
		logtail --format c|cri
		logtail --state=st|--state=state/


		logtail we|web.log
		logparse --keep=y|--keep=yes
		k8smeta --ca=we|--ca=web.log
		logsweep-status --format=n|--format=ndjson
	E
}

@test "every word that an option offers is one that the program takes" {
	for p in "${progs[@]}"; do
		while IFS='=' read -r o words; do
			[ "$o" != completion ] || continue
			for w in ${words//|/ }; do
				[[ $w != *..* ]] || continue
				run "$p" "--$o=$w" /no/such/file </dev/null
				[[ $output != *"--$o: $w"* ]]
			done
			run -2 "$p" "--$o=no-such-word" /no/such/file </dev/null
		done < <("$p" --help | sed -nE 's/^.{6}--([a-z0-9-]+=[^ ]*\|[^ ]*).*/\1/p')
	done
}
