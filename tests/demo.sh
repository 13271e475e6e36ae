#!/bin/bash
# demo.sh - the first two minutes: the logs of a sample node, swept into an archive, and every
# number checked by other means. `make demo` runs it; KEEP=1 keeps what it made.
set -u -o pipefail
unset "${!LOGSWEEP_@}"

start=$SECONDS bad=0
red='' green='' yellow='' bold='' dim='' off='' width=80 branch='|-- ' bar='|   ' last='`-- ' tick=ok cross=NO
if [ -t 1 ]; then
	width=$({ stty size </dev/tty | cut -d' ' -f2; } 2>/dev/null)
	[ "${width:-0}" -ge 40 ] || width=80
	if [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
		red=$'\e[1;31m' yellow=$'\e[33m' green=$'\e[32m' bold=$'\e[1m' dim=$'\e[2m' off=$'\e[0m'
	fi
fi
[ "$(locale charmap 2>/dev/null)" = UTF-8 ] && branch='├── ' bar='│   ' last='└── ' tick=✓ cross=✗

for p in logtail logparse k8smeta logbatch s3put; do
	"$p" --version 2>/dev/null | grep -q '(logsweep)' && continue
	echo "demo: $p: not the one of logsweep on PATH; run: make demo" >&2
	exit 2
done
for p in nodetree jq zcat; do
	command -v "$p" >/dev/null && continue
	echo "demo: $p: not on PATH; run: make demo" >&2
	exit 2
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/logsweep-demo.XXXXXX") && cd "$dir" || exit 1
trap 'cd / && { [ "${KEEP:-0}" = 1 ] || rm -rf "$dir"; }' EXIT
trap 'exit 130' INT TERM

say() { printf '\n%s%s%s\n' "$bold" "$*" "$off"; }
fail() { printf '%s%s %s%s\n' "$red" "$cross" "$*" "$off" && bad=1; }
same() { # same TEXT NUMBER... : TEXT is true if all the numbers are the same
	local text=$1 first=$2 n
	for n in "${@:2}"; do
		[ -n "$n" ] && [ "$n" = "$first" ] && continue
		fail "NOT TRUE: $text: ${*:2}"
		return
	done
	printf '%s%s%s %s\n' "$green" "$tick" "$off" "$text"
}
short() { # lines made to fit, of printable ASCII
	LC_ALL=C sed 's/[^ -~]/?/g' | LC_ALL=C sed -E "s/^(.{$((width - 3))}).{4,}/\1.../"
}
tint() {
	sed -E "s/^(.{10})(\+.*)/\1$green\2$off/; t; s/^(.{10})(-.*)/\1$yellow\2$off/; t; s/^(.{10})(.*)/\1$dim\2$off/"
}
archived() { find archive -name '*.gz' -exec zcat {} +; }
objects() { find archive -name '*.gz' | wc -l; }
total() { jq ".total.$1 // empty" "$2"; }
stat_of() { jq "select(.program == \"$1\") | .$2" "$stats"; }
logs() { find node -type f -name '*.log*' -exec zcat -f {} +; }
tree() { # tree DIRECTORY INDENT
	local e n=0 all=("$1"/*) leaf=$branch next=$bar
	for e in "${all[@]}"; do
		[ $((n += 1)) -eq ${#all[@]} ] && leaf=$last next='    '
		printf '%s%s%s' "$2" "$leaf" "${e##*/}"
		[ -f "$e" ] && printf '  %s%d records, %d KB%s' "$dim" "$(zcat "$e" | wc -l)" $(($(wc -c <"$e") / 1000)) "$off"
		echo
		[ -d "$e" ] && tree "$e" "$2$next"
	done
}

pipe='logtail --state=S node/var/log/containers |
    logparse | k8smeta --node=demo-node |
    logbatch --state=S --node=demo-node |
    s3put --state=S "file://$PWD/archive"'
sweep() { # sweep NAME: run the pipe, with the counts of each program in NAME.stats
	stats=$1.stats
	LOGSWEEP_STATS=$PWD/$stats bash -o pipefail -c "$pipe" >"$1.put" || fail "the pipe ended with status $?"
}

say "A node's logs: Docker and containerd, three hours, rotated files, some gzipped"
nodetree --seed=7 --bytes=2M --split=0.3 node >node.report || exit 1
jq -sr 'map(select(.link)) | group_by(.link)[] | [(.[0].link | split("/")[-1] | split("_")[0]), .[0].format,
	length, ([.[] | select(.file | endswith(".gz"))] | length), ([.[].lines] | add)] | @tsv' node.report |
	awk -F'\t' '{ printf "%-37s %-7s %d files, %d gzipped, %5d lines\n", $1, $2, $3, $4, $5 }'

say 'The sweep'
printf '%s$%s %s\n' "$dim" "$off" "$pipe"
sweep first

say 'A record on its way (what each program adds and takes away)'
file=$(jq -r 'select(.format == "docker") | .file' node.report | grep -v 'gz$' | tail -n 1)
link=$(jq -r --arg f "$file" 'select(.file == $f) | .link' node.report)
line=$(LC_ALL=C grep -m 1 '"log":"{\\"level\\":[ -~]*$' "$file")
jq -n '{}' >r0
logtail "${link#"$PWD/"}" | jq -c --argjson l "$line" 'select(.time == $l.time)' >r1
logparse r1 | tee r2 | k8smeta --node=demo-node >r3
archived | jq -c --argjson l "$line" 'select(.time == $l.time)' >r4
printf '%-10s  %s\n' 'the file' "$line" | short
n=0
for p in logtail logparse k8smeta logbatch; do
	jq -r --arg p "$p" --slurpfile old r$n '. as $now | $old[0] as $old |
		($old | keys_unsorted - ($now | keys_unsorted) | map("- " + .)) +
		(to_entries | map(.key as $k | (if $old | has($k) then "  " else "+ " end) + "\($k): \(.value | tojson)")) |
		[$p, range(length - 1) | if type == "number" then "" else . end] as $names |
		to_entries[] | ($names[.key] + "          ")[:10] + .value' r$((n + 1)) | short | tint
	n=$((n + 1))
done
same 'the record in the archive is what k8smeta wrote, without _src' \
	"$(jq -c 'del(._src)' r3)" "$(cat r4)"

say 'The archive: an object an hour, by the time of the records'
echo archive
tree archive ''

say 'What each program counted (--stats)'
jq -sr 'def mb: . / 10485.76 | round / 100 | tostring; (["program", "in", "out", "joined",
	"rejected", "MB in", "MB out", "seconds"], (sort_by({logtail: 1, logparse: 2, k8smeta: 3,
	logbatch: 4, s3put: 5}[.program])[] | [.program, .in, .out, .joined, .rejected,
	(.bytes_in | mb), (.bytes_out | mb), .seconds])) | @tsv' "$stats" |
	awk -F'\t' '{ printf "%-10s", $1; for (i = 2; i <= NF; i++) printf "%9s", $i; print "" }'

say 'Is it all there? Counted without our programs'
lines=$(logs | wc -l)
parts=$(logs | jq -nR 'reduce inputs as $l (0; if $l | if startswith("{") then fromjson.log | endswith("\n")
	else test("^[^ ]+ std(out|err) F ") end then . else . + 1 end)')
messages=$((lines - parts)) records=$(archived | wc -l)
same "$lines lines in the files, as cat and zcat count them" \
	"$lines" "$(total lines node.report)" "$(stat_of logtail in)"
same "$parts of them are parts of split lines, which leaves $messages messages" \
	"$messages" "$(total records node.report)" "$(stat_of logtail out)"
same "$records records in the archive, by zcat and wc" "$records" "$messages" "$(stat_of logbatch out)"
same "each is there once, by its container and number, with jq" "$messages" "$(total seqs node.report)" \
	"$(archived | jq -r '.kubernetes.docker_id + ((.log // (.log_processed | tojson)) |
		match("seq\"?[=:] ?([0-9]+)").captures[0].string)' | sort -u | wc -l)"
same 'in = out + rejected + filtered + joined, in every program' 5 \
	"$(jq 'select(.in == .out + .rejected + .filtered + .joined)' "$stats" | grep -c program)"

say 'Another sweep, right after: nothing is new'
sweep second
same "0 records read, 0 objects put; the archive has $records records as before" \
	"0 0 0 $records" "$(stat_of logtail in) $(stat_of s3put in) $(wc -c <second.put) $(archived | wc -l)"

say 'The containers go on writing; a third sweep takes just that'
nodetree --seed=7 --bytes=2M --split=0.3 --append=20 node >append.report || exit 1
before=$(objects)
sweep third
new=$(total records append.report)
same "$new new messages, $new records more in the archive, in $(($(objects) - before)) more objects" \
	"$new" "$(stat_of logtail out)" "$(($(archived | wc -l) - records))"

say 'Ask the archive: who logs the most errors?'
ask="jq -r 'select(.log_processed.level == \"error\") | .kubernetes.pod_name'"
printf '%s$%s zcat archive/*/*/*/*/*.gz |\n    %s |\n    sort | uniq -c | sort -rn | head -n 3\n' "$dim" "$off" "$ask"
archived | bash -c "$ask" | sort | uniq -c | sort -rn | head -n 3

echo
[ $bad -eq 0 ] || { fail 'some numbers do not agree: see above' && exit 1; }
printf '%sAll of it agrees%s, in %d s. ' "$bold" "$off" $((SECONDS - start))
if [ "${KEEP:-0}" = 1 ]; then
	printf 'Kept in %s\n' "$dir"
else
	printf 'To keep the files and look around: KEEP=1 make demo\n'
fi
