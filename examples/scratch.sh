# Sourced by each run.sh: a directory of its own, the programs of logsweep, and an end that cleans up.
set -u -o pipefail
unset "${!LOGSWEEP_@}"
here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
for p in logtail logparse k8smeta logbatch s3put; do
	[[ $("$p" --version 2>/dev/null) == *'(logsweep)'* ]] && continue
	echo "${0##*/}: $p: not that of logsweep on PATH; try: PATH=\"\$PWD/build:\$PATH\" $0" >&2
	exit 2
done
scratch=$(mktemp -d "${TMPDIR:-/tmp}/logsweep-example.XXXXXX") && cd "$scratch" || exit 1
trap 'cd / && rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# say WORDS: what comes next
say() { printf '\n%s\n' "$*"; }

# cri SECOND TEXT [STREAM]: a line as containerd writes it, of 13:00 and so many seconds
cri() {
	printf '2026-11-22T13:%02d:%02d.%09dZ %s F %s\n' $(($1 / 60)) $(($1 % 60)) 0 "${3:-stdout}" "$2"
}

# archived: every record of the archive, in the order of their keys
archived() { find archive -name '*.gz' | sort | xargs -r zcat; }
