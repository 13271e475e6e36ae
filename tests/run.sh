#!/bin/bash
# run.sh [NAME...] - the unit programs in $B/unit and the bats files (or just those NAMEs);
# the last line is "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.."
: "${B:=$PWD/build}"
export B
passed=0 failed=0 skipped=0
count() { # count TAP-FILE
	local ok bad skip
	skip=$(grep -c '^ok .*# skip' "$1")
	ok=$(grep -c '^ok ' "$1")
	bad=$(grep -c '^not ok ' "$1")
	passed=$((passed + ok - skip)) failed=$((failed + bad)) skipped=$((skipped + skip))
}
tap=$(mktemp)
trap 'rm -f "$tap"' EXIT
want() { [ ${#names[@]} -eq 0 ] || [[ " ${names[*]} " == *" $1 "* ]]; }
names=("$@")

for u in "$B"/unit/*; do
	name=$(basename "$u")
	[[ -x $u && $name != *.* ]] && want "$name" || continue
	"$u" >"$tap" 2>&1
	status=$?
	count "$tap"
	grep -v '^ok ' "$tap"
	if [ $status -ne 0 ] && ! grep -q '^not ok ' "$tap"; then
		echo "not ok $name: exit $status"
		failed=$((failed + 1))
	fi
	printf '%s: %s tests\n' "$name" "$(grep -c '^ok ' "$tap")"
done
for f in tests/*.bats; do
	name=$(basename "$f" .bats)
	want "$name" || continue
	bats --tap "$f" >"$tap" 2>&1
	status=$?
	count "$tap"
	grep -v '^ok ' "$tap" | grep -v '^1\.\.'
	if [ $status -ne 0 ] && ! grep -q '^not ok ' "$tap"; then
		echo "not ok $name: bats exit $status"
		failed=$((failed + 1))
	fi
	printf '%s: %s tests\n' "$name" "$(grep -c '^ok ' "$tap")"
done
if [ ${#names[@]} -eq 0 ]; then
	tests/fuzz/run.sh replay >"$tap" 2>&1 || grep -v ' passed, ' "$tap"
	read -r p _ f _ < <(tail -n 1 "$tap" | tr -d ,)
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-1}))
	echo "fuzz corpora: ${p:-0} targets"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
