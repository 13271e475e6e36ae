#!/bin/bash
# check.sh - instructions of each stage on a small fixed input, under callgrind, beside the
# figures in bench/instructions.tsv: more than 3 % off fails.  Counting does not care how busy
# the machine is, and callgrind shows every one the same CPU (AVX2).  UPDATE=1 writes the
# figures anew; `make bench-check` runs it.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
unset "${!LOGSWEEP_@}"
export LOGSWEEP_CONFINE=no # valgrind makes calls of its own
known=$PWD/bench/instructions.tsv
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1 # short relative names: a longer path costs instructions too

nodetree --seed=7 --flat --pods=24 --hours=3 --bytes=20M node >/dev/null || exit 1
find node -name '*.log' -exec touch -d 2026-01-01 {} +
logtail --state=S node/var/log/containers >tail.ndjson &&
	logparse tail.ndjson >parse.ndjson &&
	k8smeta --node=n parse.ndjson >kube.ndjson || exit 1

count() { # count STAGE COMMAND...: one line, instructions a byte of input
	local stage=$1 input=$2 n
	shift 2
	n=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null |
		sed -n 's/.*I *refs: *//p' | tr -d ,)
	[ -n "$n" ] || { echo "bench-check: $stage: callgrind failed" >&2; exit 1; }
	awk -v s="$stage" -v n="$n" -v b="$(cat $input | wc -c)" \
		'BEGIN { printf "%s\t%d\t%.2f\n", s, n, n / b }'
}
{
	echo "# stage	instructions	a byte of its input"
	count logtail 'node/var/log/pods/*/*/*' logtail --state=S node/var/log/containers
	count logparse tail.ndjson logparse tail.ndjson
	count logparse-nginx tail.ndjson logparse -p nginx tail.ndjson
	count k8smeta parse.ndjson k8smeta --node=n parse.ndjson
	count logbatch kube.ndjson logbatch --node=n --out=out kube.ndjson
} >now.tsv || exit 1

if [ -n "${UPDATE:-}" ]; then
	cp now.tsv "$known"
	cat "$known"
	exit 0
fi
awk -F '\t' '/^#/ { next }
	NR == FNR { was[$1] = $2; next }
	{ off = was[$1] ? 100 * ($2 / was[$1] - 1) : 100
	  printf "%-16s %12d instructions, %6.2f a byte, %+.1f %%\n", $1, $2, $3, off
	  if (off > 3) { dearer++ } else if (off < -3) { cheaper++ } }
	END {
	  if (dearer) print "bench-check: " dearer " dearer than bench/instructions.tsv says"
	  if (cheaper) print "bench-check: " cheaper " cheaper: keep it with `make bench-check UPDATE=1`"
	  exit dearer || cheaper }' "$known" now.tsv
