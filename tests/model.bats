bats_require_minimum_version 1.5.0

# The state model of the commit (model.py): with all rules every order of the steps keeps each
# line once, and each rule is needed.

@test "the protocol holds in every order of its steps, and with any rule left out it does not" {
	run -0 timeout 60 python3 "$BATS_TEST_DIRNAME/model.py"
	sed 's/^/# /' <<<"$output" >&3
	[ "$(grep -c '^ok .*all rules .*holds$' <<<"$output")" -eq 7 ]
	[ "$(grep -cE '^ok .*without .*(lost|doubled)' <<<"$output")" -eq 10 ]
	# every rule of the page is tried
	for rule in quiet gen forgot own mend copy later key hold; do
		grep -q "without $rule " <<<"$output"
	done
}
