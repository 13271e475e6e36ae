bats_require_minimum_version 1.5.0

# Time formats and zones against Python's datetime and zoneinfo, and against date(1).

@test "times and zones are what Python and date(1) say, whatever the seed" {
	[ -x "${B:-build}/unit/timeformat" ] || skip "unit/timeformat is not built"
	for seed in 20261122 $((RANDOM + 1)); do
		run -0 python3 "$BATS_TEST_DIRNAME/timeoracle.py" "${B:-build}/unit/timeformat" "$seed"
		sed 's/^/# /' <<<"$output" >&3
		[ "$(grep -c '^ok ' <<<"$output")" -ge 8 ]
	done
}
