# What the tests of logbatch write and read: streams as logtail and filters would write them.

begin() {
	cd "$BATS_TEST_TMPDIR" || return
	for v in $(compgen -e | grep ^LOGSWEEP_); do unset "$v"; done
	export LOGSWEEP_NODE=n
	f=/var/log/containers/a_b_c.log
}

# src LETTER END [GEN [MORE]]: the member `_src` of a source that is named by a hex digit
src() {
	printf '"_src":{"file":"%s","id":"000000000000000%s/o","gen":%s,"end":%s%s}' "$f" "$1" "${3:-0}" "$2" "${4:-}"
}
mark() { printf '{%s}\n' "$(src "$@")"; }
# rec LETTER END TIME TEXT [GEN]
rec() { printf '{%s,"time":"%s","stream":"stdout","log":"%s"}\n' "$(src "$1" "$2" "${5:-0}")" "$3" "$4"; }
# file LETTER N [GEN]: a whole file of N records in one hour
file() {
	local i
	mark "$1" 0 "${3:-0}"
	for ((i = 1; i <= $2; i++)); do rec "$1" $((i * 10)) 2026-11-22T13:00:00Z "$1$i" "${3:-0}"; done
	mark "$1" $(($2 * 10)) "${3:-0}" ',"at":'$(($2 * 10))',"sum":"00000000000000aa","size":1,"stat":"1:2","dir":"/d","live":true'
}
# held DIR: "KEY: the messages in it" of each object under DIR, without ids
held() {
	(cd "$1" && find . -type f -name '*.gz' | sort | while read -r o; do
		printf '%s: %s\n' "$(sed 's/^\.\///; s/[0-9a-f]\{16\}/ID/' <<<"$o")" "$(zcat "$o" | jq -r .log | paste -sd' ')"
	done)
}
tree() { find "$1" -type f -exec sha256sum {} + | sort; }

# example PAGE START: a command of the page, without "$ ", with the lines that it goes on in
example() {
	sed -n 's/\\e/\\/g; s/\\&//g; p' "$BATS_TEST_DIRNAME/../man/$1" | awk -v start="$2" '
		/^\$ / { on = index(substr($0, 3), start) == 1; sub(/^\$ /, "") }
		/^\./ { on = 0 }
		on { print; found = 1 }
		END { exit !found }'
}
