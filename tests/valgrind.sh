#!/bin/bash
# valgrind.sh NAME - runs tests/NAME.bats with every program of $B under valgrind, and says
# "NAME: ok under valgrind, N tests, N skipped" or what failed: tests, and what valgrind wrote.
#
# A directory of wrappers stands before $PATH.  What valgrind finds goes into files, for tests
# look at standard error, and some expect a program to fail.  Confinement is off (valgrind
# opens files and makes calls of its own) where a test does not ask for it.  Tests that
# measure memory or time, or look at a program from outside, are skipped: UNDER=valgrind.
set -u
cd "$(dirname "$0")/.." || exit 1
: "${B:=$PWD/build}"
name=$1
work=$B/valgrind/$name
rm -rf "$work"
mkdir -p "$work/bin" "$work/logs"
chmod 1777 "$work/logs" # tests also run programs as somebody else

for p in logtail logparse k8smeta logbatch s3put k8ssweep logsweep-status; do
	cat >"$work/bin/$p" <<-X || exit 1
		#!/bin/sh
		export LOGSWEEP_CONFINE="\${LOGSWEEP_CONFINE:-no}"
		exec valgrind -q --vgdb=no --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \\
			--errors-for-leak-kinds=definite --suppressions=$PWD/tests/valgrind.supp \\
			--log-file=$work/logs/\${BATS_TEST_NUMBER:-0}-$p-%p $B/$p "\$@"
	X
	chmod +x "$work/bin/$p"
done
PATH="$work/bin:$PATH" B=$B UNDER=valgrind bats --tap --timing "tests/$name.bats" >"$work/tap" 2>&1
status=$?
# "--PID--" is valgrind about itself: a call that it does not know
found=$(grep -l '^==' "$work"/logs/* 2>/dev/null)
if [ $status -ne 0 ] || [ -n "$found" ]; then
	grep -v '^ok ' "$work/tap" | head -n 100
	for f in $found; do
		echo "# test ${f##*/}" # NUMBER-PROGRAM-PID
		grep '^==' "$f" | head -n 40
	done
	echo "$name: failed under valgrind"
	exit 1
fi
echo "$name: ok under valgrind, $(grep -c '^ok ' "$work/tap") tests, $(grep -c '^ok .*# skip' "$work/tap") skipped"
rm -rf "$work/logs"
