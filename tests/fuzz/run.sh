#!/bin/bash
# run.sh [SECONDS] [NAME...]  build the fuzz targets and run each for SECONDS (60), one on each
#                             processor; inputs that end one go to build/fuzz/crashes, the
#                             corpus grows in build/fuzz/corpus
# run.sh replay [NAME...]     only run the inputs of the tree through them (replay.c as main:
#                             CC=afl-clang-fast makes NAME.replay for afl-fuzz -- NAME.replay @@)
# SEED=N (random): the same beginnings in each run, as in CI, where a change is not to fail for
# what was there before it.
# Exits 1 if any failed; the last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit
out=build/fuzz seconds=60 replay=
case ${1-} in
replay) replay=y; shift ;;
[0-9]*) seconds=$1; shift ;;
esac
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
	for f in tests/fuzz/*.c; do
		[ "$f" = tests/fuzz/replay.c ] || names+=("$(basename "$f" .c)")
	done
fi
CC=${CC:-clang}
flags="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all"
std="-std=c17 -D_GNU_SOURCE -Ilib -Itests/fuzz -Wall -Wextra"
mkdir -p $out/crashes
export TMPDIR
TMPDIR=$(mktemp -d /dev/shm/logsweep-fuzz.XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$TMPDIR"' EXIT
export ASAN_OPTIONS=${ASAN_OPTIONS-abort_on_error=0:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}
export LSAN_OPTIONS=${LSAN_OPTIONS-report_objects=1}

# make would hand down the flags of the build that calls it
unset MAKEFLAGS MFLAGS MAKEOVERRIDES CFLAGS
make -s -j"$(nproc)" B=$out CC="$CC" \
	CFLAGS="$flags -fsanitize=fuzzer-no-link,address,undefined" $out/lib.a || {
	echo "the library does not build"
	echo "0 passed, ${#names[@]} failed"
	exit 1
}
libs=$(pkg-config --libs libcrypto libisal libarchive libpcre2-8 zlib libcurl yaml-0.1 jansson)

build() { # build NAME: with its own main, or libFuzzer's
	local to=$out/$1 main= fuzzer=fuzzer,
	if [ -n "$replay" ]; then
		to=$to.replay main=tests/fuzz/replay.c fuzzer=
	fi
	[ "$to" -nt tests/fuzz/"$1".c ] && [ "$to" -nt $out/lib.a ] &&
		[ "$to" -nt tests/fuzz/fuzz.h ] && [ "$to" -nt tests/fuzz/replay.c ] && return
	# shellcheck disable=SC2086
	$CC $std $flags -fsanitize=${fuzzer}address,undefined -o "$to" tests/fuzz/"$1".c $main \
		$out/lib.a $libs
}
run() { # run NAME
	if [ -n "$replay" ]; then
		$out/"$1".replay tests/fuzz/corpus/"$1"
		return
	fi
	mkdir -p $out/corpus/"$1"
	$out/"$1" -max_total_time="$seconds" -seed="${SEED:-0}" -timeout=10 -rss_limit_mb=1024 -max_len=4096 \
		-dict=tests/fuzz/words.dict -print_final_stats=1 -artifact_prefix=$out/crashes/"$1"- \
		$out/corpus/"$1" tests/fuzz/corpus/"$1"
}
one() { # one NAME: what it says goes to its log, how it went to its .result
	local log=$out/$1.log
	if build "$1" >"$log" 2>&1 && run "$1" >>"$log" 2>&1; then
		echo "ok $1: $(sed -n 's/^\(stat::number_of_executed_units\): *\(.*\)/\2 runs/p; s/^\([0-9]* inputs\)$/\1/p' "$log")"
	else
		echo "not ok $1 ($log)"
		tail -n 60 "$log" | sed 's/^/# /'
	fi >"$out/$1.result"
	cat "$out/$1.result"
}
for name in "${names[@]}"; do
	rm -f "$out/$name.result"
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
		wait -n
	done
	one "$name" &
done
wait
passed=0
for name in "${names[@]}"; do
	grep -q '^ok ' "$out/$name.result" && passed=$((passed + 1))
done
failed=$((${#names[@]} - passed))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
