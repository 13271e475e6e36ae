# s3.bash - what the bats files that talk to S3 have in common.

# manifest PATH KEY: one line, with what the file is
manifest() {
	jq -cn --arg p "$1" --arg k "$2" --arg h "$(sha256sum <"$1" | cut -d' ' -f1)" \
		--argjson n "$(stat -c %s "$1")" '{key: $k, path: $p, records: 1, sha256: $h, bytes: $n}'
}

# statuses of the results in $output, in their order, one line
statuses() {
	grep '^{' <<<"$output" | jq -r .status | paste -sd' '
}

# comes COMMAND...: wait until it succeeds, for a minute at most: a machine may be slow, and a
# test that is not met fails by what it looks at next
comes() {
	for _ in $(seq 1200); do
		"$@" 2>/dev/null && return
		sleep 0.05
	done
}

hash_of() {
	sha256sum <"$1" | cut -d' ' -f1
}

no_temporaries() {
	[ -z "$(find "$1" -name '.s3put*')" ]
}

need_rgw() {
	[ -f "$BATS_FILE_TMPDIR/rgw/env" ] || skip "no radosgw"
	. "$BATS_FILE_TMPDIR/rgw/env"
	export AWS_REGION=us-east-1
	bucket=bucket-$BATS_TEST_NUMBER
	signed -X PUT "http://$RGW_HTTP/$bucket"
}

signed() {
	curl -sS --fail --noproxy '*' --path-as-is --aws-sigv4 aws:amz:us-east-1:s3 \
		--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
		-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}

encoded() {
	python3 -c 'import sys, urllib.parse as u; print(u.quote(sys.argv[1], safe="/~"))' "$1"
}

# fetch KEY: its bytes
fetch() {
	signed "http://$RGW_HTTP/$bucket/$(encoded "$1")"
}
