#!/bin/bash
# bench.sh - each stage and the pipe, beside compressing alone and beside peers; `make bench`
# runs it. SIZE=64M is quick, SIZE=1G the default; FLUENT_BIT=/path adds Fluent Bit; PEERS=no
# leaves peers out; RESULTS=DIR (bench) takes RESULTS.md and chart.svg. bench/run.py measures.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
unset "${!LOGSWEEP_@}"
size=${SIZE:-1G} results=${RESULTS:-bench} peers=$PWD/build/peers

for p in logtail logparse k8smeta logbatch s3put; do
	"$p" --version 2>/dev/null | grep -q '(logsweep)' && continue
	echo "bench: $p: not the one of logsweep on PATH; run: make bench" >&2
	exit 2
done
for p in nodetree jq gzip python3; do
	command -v "$p" >/dev/null && continue
	echo "bench: $p: not on PATH; run: make bench" >&2
	exit 2
done
bytes=$(numfmt --from=iec "$size") || exit 2

# The two syslog daemons exclude each other and would replace the machine's own when
# installed: their packages are unpacked beside the build and run from there.
unpack() {
	[ -x "$peers/usr/sbin/rsyslogd" ] && [ -x "$peers/usr/sbin/syslog-ng" ] && return
	mkdir -p "$peers/deb" && (cd "$peers/deb" && { [ "$(id -u)" -ne 0 ] || chmod 777 .; } &&
		apt-get -q download rsyslog libestr0 libfastjson4 liblognorm5 \
			syslog-ng-core libivykis0 libnet1 libwrap0 libjson-c5 >/dev/null 2>&1 &&
		for d in *.deb; do dpkg -x "$d" .. || exit 1; done) && return
	echo "bench: rsyslog and syslog-ng: cannot be downloaded; left out" >&2
}
[ "${PEERS:-yes}" = no ] || ! command -v apt-get >/dev/null || unpack

# In memory if what is made fits twice (the stages' files are up to 12 times the input).
need=$((bytes / 1024 * 12))
room=$(awk '/^MemAvailable/ { print int($2 / 2) }' /proc/meminfo)
shm=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)
if [ -z "${TMPDIR:-}" ] && [ "$need" -lt "$room" ] && [ "$need" -lt "${shm:-0}" ]; then
	base=/dev/shm
else
	base=${TMPDIR:-/var/tmp}
	[ "$need" -lt "$(df --output=avail "$base" | tail -n 1)" ] || {
		echo "bench: $base: $((need / 1024)) MB are needed; set TMPDIR or a smaller SIZE" >&2
		exit 1
	}
fi
dir=$(mktemp -d "$base/logsweep-bench.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$results"
PEERS_DIR=$([ "${PEERS:-yes}" = no ] || echo "$peers") tests/bench/run.py "$size" "$dir" "$results"
status=$?

# Uploads, to a server of our own: a part by itself.
if command -v radosgw ceph-mon ceph-osd curl openssl >/dev/null; then
	rm -rf "${dir:?}"/*
	[ "$bytes" -ge 536870912 ] || export OBJECTS=20 BYTES=104857600
	tests/bench/s3.py "$dir" || status=1
else
	echo "bench: no radosgw: uploads left out" >&2
fi
exit $status
