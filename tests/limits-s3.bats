bats_require_minimum_version 1.5.0
load limits

# Past the ceilings of what s3put sends, and of what it is answered.

setup() {
	for v in $(compgen -e | grep -E '^(AWS_|LOGSWEEP_)|_proxy$|_PROXY$'); do unset "$v"; done
	cd "$BATS_TEST_TMPDIR" || return
	export HOME=$PWD no_proxy='*' AWS_EC2_METADATA_DISABLED=true AWS_REGION=us-east-1
	mkdir .aws
	echo body >body
	echo '{"path":"body","key":"k"}' >in
	server=
}

teardown() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
}

keys() {
	export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=secret-of-the-test
}

# past: an answer of S3
@test "an error of 100 MB: its beginning is told, exit 77, memory as ever" {
	serve
	keys
	printf '403 Forbidden' >api/status
	{
		printf '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message><Pad>'
		head -c 100000000 /dev/zero | tr '\0' x
		printf '</Pad></Error>'
	} >api/answer
	peak s3put --path-style --endpoint="http://$at" - s3://bucket/
	ended 77 "s3put: s3://bucket/k: 403 AccessDenied: no"
	[ "$(jq -r .status out)" = failed ]
	within 24576
}

# past: an answer with credentials
@test "credentials of 100 MB, from a service and from a program: exit 77, memory as ever, nothing of them is said" {
	serve
	{
		printf '{"AccessKeyId":"AKIDGIVEN","SecretAccessKey":"given-secret","Token":"'
		head -c 100000000 /dev/zero | tr '\0' x
		printf '","Expiration":"2099-01-01T00:00:00Z"}'
	} >api/answer
	AWS_CONTAINER_CREDENTIALS_FULL_URI=http://$at/keys peak s3put -v --path-style --endpoint="http://$at" - s3://bucket/
	ended 77 "/keys: the answer has more than 64 KiB"
	[ "$(grep -c 'given-secret' err)" -eq 0 ]
	[ "$(grep -cv ' /keys' api/requests)" -eq 0 ]
	within 24576
	printf '[default]\ncredential_process = cat %s/api/answer\n' "$PWD" >.aws/config
	peak s3put -v --path-style --endpoint="http://$at" - s3://bucket/
	ended 77 "printed more than 64 KiB"
	[ "$(grep -c 'given-secret' err)" -eq 0 ]
	within 24576
}

# past: profiles in a row
@test "twelve profiles that lead from one to the next: the ninth is told, exit 77" {
	for i in $(seq 12); do
		printf '[profile p%d]\nrole_arn = arn:aws:iam::123456789012:role/logs\nsource_profile = p%d\n' "$i" $((i + 1))
	done >.aws/config
	AWS_PROFILE=p1 peak s3put --path-style --endpoint=http://127.0.0.1:1 - s3://bucket/
	ended 77 "s3put: credentials: profile p8: source_profile p9: too many profiles in a row"
	[ ! -s out ]
}

# past: files of AWS settings
@test "AWS settings of over 1 MiB are as if they were not there: told with -v, exit 77 without others" {
	{
		printf '[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret-of-the-test\n'
		head -c 1048576 /dev/zero | tr '\0' '#'
	} >.aws/credentials
	peak s3put -v --path-style --endpoint=http://127.0.0.1:1 - s3://bucket/
	ended 77 "s3put: credentials: shared files: $HOME/.aws/credentials: larger than 1048576 bytes; not used"
	within 24576
	# other credentials are used
	serve
	keys
	echo '<a/>' >api/answer
	peak s3put -v --path-style --endpoint="http://$at" - s3://bucket/
	ended 0 "used: environment"
}

# past: parts of an object
@test "a body of over 5 TiB fails at once: told, exit 1, and the next one goes on" {
	serve
	keys
	echo '<a/>' >api/answer
	truncate -s 6T large || skip "the file system has no such files"
	{
		echo '{"path":"large","key":"l","bytes":6597069766656,"sha256":"'"$(printf '%064d' 0)"'"}'
		cat in
	} >m
	mv m in
	peak timeout 60 s3put --path-style --endpoint="http://$at" - s3://bucket/
	ended 1 "s3put: large: larger than 5 TiB, the most an object holds"
	[ "$(jq -r .status out | paste -sd' ')" = "failed stored" ]
	within 24576
}
