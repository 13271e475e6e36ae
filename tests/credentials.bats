bats_require_minimum_version 1.5.0

# Where s3put gets its credentials, against a stand-in for AWS's services (awsidentity.py) and,
# for the last step, Ceph's radosgw (rgw.sh), whose token service is a real one.

load s3

setup_file() {
	if command -v radosgw ceph-mon ceph-osd >/dev/null; then
		RGW_STS=true "$BATS_TEST_DIRNAME/rgw.sh" start "$BATS_FILE_TMPDIR/rgw" || return
	fi
}

teardown_file() {
	[ ! -d "$BATS_FILE_TMPDIR/rgw" ] || "$BATS_TEST_DIRNAME/rgw.sh" stop "$BATS_FILE_TMPDIR/rgw"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	for v in $(compgen -e | grep -E '^(AWS_|LOGSWEEP_)|_proxy$|_PROXY$'); do unset "$v"; done
	export AWS_EC2_METADATA_DISABLED=true HOME=$PWD/home no_proxy='*' AWS_REGION=eu-west-1
	mkdir -p home/.aws id
	printf 'body\n' >body
	printf '{"path":"body","key":"k"}\n' >m
	role=arn:aws:iam::123456789012:role/logs
	pids=()
}

teardown() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
}

# the stand-in; $at is its URL, id/ what it reads and its log
identity() {
	printf 'eyJhbGciOi.web-identity-token.c2lnbmF0dXJl\n' >id/jwt
	printf 'pod-authorization-token\n' >id/pod
	python3 "$BATS_TEST_DIRNAME/awsidentity.py" id >port 3>&- 2>id/errors &
	pids+=($!)
	comes [ -s port ]
	at=http://127.0.0.1:$(cat port)
}

config() {
	cat >home/.aws/config
}

put() { # put STATUS [ARG...]: one object to the stand-in
	local status=$1
	shift
	run "-$status" --separate-stderr s3put -v --path-style --endpoint="$at" "$@" m "s3://${bucket-bucket}"
	silent
}

# nothing that is secret was said, in any of the ways there are
silent() {
	local word
	for word in source-secret given-secret session/token web-identity-token pod-authorization \
		IMDSTOKEN secret/of; do
		[[ $output$stderr != *"$word"* ]] || { echo "said $word: $stderr"; return 1; }
	done
}

source_keys() {
	printf '[%s]\naws_access_key_id = AKIDSOURCESOURCE\naws_secret_access_key = source-secret-0123456789\n' \
		"${1-default}" >home/.aws/credentials
}

# ---- roles ----

@test "web identity: the token of a file becomes a session that signs" {
	identity
	export AWS_ENDPOINT_URL_STS=$at AWS_ROLE_ARN=$role AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/id/jwt
	export AWS_ROLE_SESSION_NAME=node-7
	put 0
	[ "$(jq -r .status <<<"$output")" = stored ]
	[[ $stderr == *"credentials: environment: AWS_ACCESS_KEY_ID is not set; not used"* ]]
	[[ $stderr == *"credentials: used: web identity, role $role, access key ...0001, session token, until 20"* ]]
	grep -q '^POST / AssumeRoleWithWebIdentity:node-7:- 200$' id/log
	grep -q '^PUT /bucket/k ASIAGIVENOUT0001 200$' id/log
}

@test "web identity from a profile, with a made-up session name and a duration" {
	identity
	config <<-INI
		[profile pod]
		role_arn = $role
		web_identity_token_file = $PWD/id/jwt
		duration_seconds = 1800
		endpoint_url = $at
	INI
	AWS_PROFILE=pod put 0
	[[ $stderr == *"used: profile pod, web identity, role $role"* ]]
	grep -q '^POST / AssumeRoleWithWebIdentity:s3put-[0-9]*:1800 200$' id/log
}

@test "web identity that fails ends the search, and says what to do" {
	identity
	source_keys
	export AWS_ENDPOINT_URL_STS=$at AWS_ROLE_ARN=$role AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/id/jwt
	echo expired-web >id/mode
	put 77
	[[ $stderr == *"STS: 400 ExpiredTokenException: "*"the token has ended: who writes the file must renew it (request id STSREQ7)"* ]]
	echo skewed >id/mode
	put 77
	[[ $stderr == *"Signature expired: "*"; is the clock right?"* ]]
	echo denied >id/mode
	put 77
	[[ $stderr == *"403 AccessDenied: "*"the role's trust policy must allow this identity"* ]]
	: >id/mode
	echo other.token.x >other
	AWS_WEB_IDENTITY_TOKEN_FILE=other put 77
	[[ $stderr == *"400 InvalidIdentityToken: Couldn't retrieve"*"must know the token's issuer"* ]]
	AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/gone put 77
	[[ $stderr == *"AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/gone: no such file"* ]]
	printf 'two words' >other
	AWS_WEB_IDENTITY_TOKEN_FILE=other put 77
	[[ $stderr == *"AWS_WEB_IDENTITY_TOKEN_FILE=other: empty, or not one token"* ]]
	head -c 20000 /dev/zero | tr '\0' x >other
	AWS_WEB_IDENTITY_TOKEN_FILE=other put 77
	[[ $stderr == *"larger than 16384 bytes; not a token"* ]]
	AWS_ROLE_ARN= put 77
	[[ $stderr == *"AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not"* ]]
	AWS_ROLE_ARN=logs put 77
	[[ $stderr == *"logs: not a role's ARN"* ]]
	! grep -q '^PUT' id/log
}

@test "a token service that is away is 75, one that stumbles is asked again" {
	identity
	export AWS_ENDPOINT_URL_STS=$at AWS_ROLE_ARN=$role AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/id/jwt
	echo fail-once >id/mode
	put 0
	grep -q '^POST / AssumeRoleWithWebIdentity 503$' id/log
	echo 500 >id/mode
	put 75
	[[ $stderr == *"STS: 500"* ]]
	AWS_ENDPOINT_URL_STS=http://127.0.0.1:1 put 75
	[[ $stderr == *"STS: 127.0.0.1:1: Connection refused"* ]]
	for mode in rubbish empty huge; do
		echo $mode >id/mode
		put 77
		[[ $stderr == *"the answer holds no credentials; is this an STS server?"* ]]
	done
}

@test "role_arn with source_profile: one role signs for the next" {
	identity
	source_keys base
	echo shared-id >id/external
	config <<-INI
		[profile logs]
		role_arn = $role
		source_profile = middle
		external_id = shared-id
		role_session_name = second
		[profile middle]
		role_arn = $role
		source_profile = base
		external_id = shared-id
		role_session_name = first
	INI
	AWS_ENDPOINT_URL_STS=$at AWS_PROFILE=logs put 0
	[[ $stderr == *"for the role of profile middle: profile base of "*"access key ...URCE"* ]]
	[[ $stderr == *"for the role of profile logs: profile middle, role $role, access key ...0001"* ]]
	[[ $stderr == *"credentials: used: profile logs, role $role, access key ...0002, session token"* ]]
	[ "$(head -n 3 id/log | cut -d' ' -f3 | paste -sd' ')" = "AssumeRole:AKIDSOURCESOURCE:first:- AssumeRole:ASIAGIVENOUT0001:second:- ASIAGIVENOUT0002" ]
	echo other-id >id/external
	AWS_ENDPOINT_URL_STS=$at AWS_PROFILE=logs put 77
	[[ $stderr == *"profile middle, role $role: STS: 403 AccessDenied"* ]]
}

@test "a profile may be its own source when it has keys, and no circle is walked" {
	identity
	config <<-INI
		[profile self]
		role_arn = $role
		source_profile = self
		aws_access_key_id = AKIDSOURCESOURCE
		aws_secret_access_key = source-secret-0123456789
		[profile loop]
		role_arn = $role
		source_profile = loop
		[profile a]
		role_arn = $role
		source_profile = b
		[profile b]
		role_arn = $role
		source_profile = a
		[profile to-nowhere]
		role_arn = $role
		source_profile = nowhere
		[profile alone]
		role_arn = $role
		[profile both]
		role_arn = $role
		source_profile = self
		credential_source = Environment
		[profile mfa]
		role_arn = $role
		source_profile = self
		mfa_serial = arn:aws:iam::1:mfa/me
		[profile odd]
		role_arn = $role
		credential_source = Moon
		[profile short]
		role_arn = $role
		source_profile = self
		duration_seconds = 60
		[profile sso]
		sso_session = me
		sso_account_id = 1
		[profile nothing]
		region = eu-west-1
	INI
	export AWS_ENDPOINT_URL_STS=$at
	AWS_PROFILE=self put 0
	fails() { # PROFILE MESSAGE
		AWS_PROFILE=$1 put 77
		[[ $stderr == *"$2"* ]] || { echo "$1: $stderr"; return 1; }
	}
	fails loop "profile loop: source_profile loop: goes in a circle, and that one has no keys"
	fails a "profile b: source_profile a: goes in a circle"
	fails to-nowhere "source_profile=nowhere: no such profile in "
	fails alone "role_arn needs source_profile, credential_source or web_identity_token_file"
	fails both "only one of source_profile and credential_source"
	fails mfa "mfa_serial: nobody is here to type a code"
	fails odd "credential_source Moon: not Environment, Ec2InstanceMetadata or EcsContainer"
	fails short "duration_seconds: 60: not 900 to 43200"
	fails sso "credential_process = aws configure export-credentials --profile sso"
	fails nothing "config has no aws_access_key_id, role_arn or credential_process"
	fails no-such "AWS_PROFILE=no-such: no such profile in "
}

@test "credential_source: the environment, the container or the instance signs for the role" {
	identity
	config <<-INI
		[profile env]
		role_arn = $role
		credential_source = Environment
		[profile ecs]
		role_arn = $role
		credential_source = EcsContainer
		[profile ec2]
		role_arn = $role
		credential_source = Ec2InstanceMetadata
	INI
	export AWS_ENDPOINT_URL_STS=$at
	AWS_PROFILE=env put 77
	[[ $stderr == *"profile env, credential_source Environment: AWS_ACCESS_KEY_ID is not set"* ]]
	AWS_PROFILE=ec2 put 77
	[[ $stderr == *"credential_source Ec2InstanceMetadata: instance: AWS_EC2_METADATA_DISABLED is set"* ]]
	AWS_PROFILE=ecs AWS_CONTAINER_CREDENTIALS_FULL_URI=$at/container \
		AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=id/pod put 0
	AWS_PROFILE=ec2 AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT=$at put 0
	grep -q 'AssumeRole:ASIAGIVENOUT0001' id/log
	grep -q 'AssumeRole:ASIAGIVENOUT0003' id/log
}

# ---- programs ----

@test "credential_process: its words, its environment, and its answer" {
	identity
	mkdir 'my tools'
	cat >'my tools/keys' <<-'SH'
		#!/bin/sh
		printf '%s\n' "$@" >args
		echo "$MARK" >mark
		cat >stdin
		echo '{"Version":1,"AccessKeyId":"AKIDSOURCESOURCE","SecretAccessKey":"source-secret-0123456789"}'
	SH
	chmod +x 'my tools/keys'
	config <<-INI
		[default]
		credential_process = "$PWD/my tools/keys" --x 'a  b' \$HOME # not this
	INI
	MARK=here put 0
	[[ $stderr == *"used: profile default of "*", credential_process $PWD/my tools/keys, access key ...URCE"* ]]
	[ "$(paste -sd'|' args)" = '--x|a  b|$HOME' ]
	[ "$(cat mark)" = here ]
	[ ! -s stdin ]
}

@test "credential_process that fails, prints rubbish or too much is told, not its output" {
	identity
	try() { # COMMAND MESSAGE
		printf '[default]\ncredential_process = %s\n' "$1" | config
		put 77
		[[ $stderr == *"$2"* ]] || { echo "$1: $stderr"; return 1; }
	}
	try 'sh -c "exit 3"' "credential_process sh: exit status 3; run it by hand to see why"
	none="No such file or directory"
	# which posix_spawn cannot tell there
	[ "${UNDER-}" != valgrind ] || none="exit status 127"
	try '/no/such/program' "credential_process /no/such/program: $none"
	try 'echo source-secret rubbish' "the answer is not a JSON object"
	try 'yes source-secret' "printed more than 64 KiB"
	try 'echo {}' 'has no "Version":1'
	try "printf '{\"Version\":1,\"AccessKeyId\":\"A\"}'" "the answer has no AccessKeyId and SecretAccessKey"
	try "printf '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":\"2020-01-01T00:00:00Z\"}'" \
		"ended at 2020-01-01T00:00:00Z; is the clock right?"
}

@test "credential_process that hangs ends with s3put when a signal asks it to" {
	at=http://127.0.0.1:1
	cat >hang <<-'SH'
		#!/bin/sh
		echo $$ >hang.pid
		exec sleep 300
	SH
	chmod +x hang
	printf '[default]\ncredential_process = %s\n' "$PWD/hang" | config
	s3put --endpoint=$at m s3://bucket 2>messages 3>&- &
	pids+=($!)
	comes [ -s hang.pid ]
	kill -TERM "${pids[0]}"
	wait "${pids[0]}" || true
	gone() { ! kill -0 "$(cat hang.pid)"; }
	comes gone # long before its 300 seconds
	gone
}

# ---- containers and instances ----

@test "a container's agent gives keys, with the token of the file, which is read anew" {
	identity
	export AWS_CONTAINER_CREDENTIALS_FULL_URI=$at/container AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$PWD/id/pod
	put 0
	[[ $stderr == *"credentials: shared files: "*"no such file; not used"* ]]
	[[ $stderr == *"credentials: used: container, $at/container, access key ...0001, session token, until "* ]]
	echo wrong >other
	AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=other put 77
	[[ $stderr == *"$at/container: 401 InvalidToken: no; the authorization token does not fit"* ]]
	unset AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
	AWS_CONTAINER_AUTHORIZATION_TOKEN=pod-authorization-token put 0
	AWS_CONTAINER_AUTHORIZATION_TOKEN=$'a\r\nX-Evil: b' put 77
	[[ $stderr == *"holds a line end"* ]]
	AWS_CONTAINER_CREDENTIALS_FULL_URI=http://example.com/creds put 77
	[[ $stderr == *"http://example.com/creds: neither https nor an address of this machine or its agent; not asked"* ]]
	for url in http://user:hunter2@example.com/creds ftp://user:hunter2@example.com; do
		AWS_CONTAINER_CREDENTIALS_FULL_URI=$url put 77
		[[ $stderr == *"FULL_URI=a text with @: neither https"* && $stderr != *hunter2* ]]
	done
	AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=http://user:hunter2@h put 77
	[[ $stderr == *"RELATIVE_URI=a text with @: not a path"* && $stderr != *hunter2* ]]
	AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=creds put 77
	[[ $stderr == *"not a path that begins with /"* ]]
	echo rubbish >id/mode
	AWS_CONTAINER_AUTHORIZATION_TOKEN=pod-authorization-token put 77
	[[ $stderr == *"the answer is not a JSON object"* ]]
	echo 500 >id/mode
	AWS_CONTAINER_AUTHORIZATION_TOKEN=pod-authorization-token put 75
	[[ $stderr == *"$at/container: 500"* ]]
}

@test "services of this machine are asked by no proxy" {
	identity
	unset no_proxy
	AWS_CONTAINER_CREDENTIALS_FULL_URI=$at/container AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=id/pod \
		http_proxy=http://127.0.0.1:1 run -75 --separate-stderr s3put -v --max-time=1s --path-style --endpoint="$at" m s3://bucket
	[[ $stderr == *"credentials: used: container"* ]]
	! grep -q '^PUT' id/log
}

@test "an instance's role gives keys by version 2 of its service" {
	identity
	export AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT=$at/
	put 0
	[[ $stderr == *"credentials: container: AWS_CONTAINER_CREDENTIALS_FULL_URI and _RELATIVE_URI are not set; not used"* ]]
	[[ $stderr == *"credentials: used: instance, role log-role, access key ...0001, session token"* ]]
	[ "$(grep -c imds id/log)" -eq 3 ]
	no() { # MODE MESSAGE
		echo "$1" >id/mode
		put "${3-77}"
		[[ $stderr == *"$2"* ]] || { echo "$1: $stderr"; return 1; }
	}
	no no-role "credentials: instance: instance: it has no role; not used"
	no 403 "403 for a token, the service is switched off"
	no 405 "405 for a token, it knows version 1 only"
	no 500 "500 for a token" 75
	no failed "instance, role log-role: AssumeRoleUnauthorizedAccess: EC2 cannot assume the role log-role"
	AWS_EC2_METADATA_SERVICE_ENDPOINT= AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv5 put 2
	[[ $stderr == *"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv5: neither IPv4 nor IPv6"* ]]
	for url in http://user:hunter2@127.0.0.1 ftp://user:hunter2@h "http://user:hunter2$(printf 'x%.0s' $(seq 500))@h"; do
		AWS_EC2_METADATA_SERVICE_ENDPOINT=$url put 2
		[[ $stderr == *"AWS_EC2_METADATA_SERVICE_ENDPOINT: no user and password in a URL"* && $stderr != *hunter2* ]]
	done
	AWS_EC2_METADATA_SERVICE_ENDPOINT=http://$(printf 'x%.0s' $(seq 500)) put 2
	[[ $stderr == *"AWS_EC2_METADATA_SERVICE_ENDPOINT=http://xxx"*"x: not a URL"* ]]
	AWS_EC2_METADATA_DISABLED=TRUE put 77
	[[ $stderr == *"AWS_EC2_METADATA_DISABLED is set"* ]]
}

@test "an instance's service that does not answer is given up after a second" {
	identity
	echo hang >id/mode
	export AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT=$at
	timeout 60 s3put -v --endpoint="$at" m s3://bucket 2>messages && status=0 || status=$?
	[ "$status" -eq 77 ]
	grep -q 'no whole answer within 1 s (in a container on an instance, its hop limit must be 2' messages
	grep -q 'none found (AWS_ACCESS_KEY_ID is not set; .*set AWS_ACCESS_KEY_ID' messages
}

# ---- the order, and what is half there ----

@test "the first source in the order is used, and one that is half there ends the search" {
	identity
	source_keys
	export AWS_CONTAINER_CREDENTIALS_FULL_URI=$at/container AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=id/pod
	export AWS_ENDPOINT_URL_STS=$at AWS_ROLE_ARN=$role
	put 0
	[[ $stderr == *"used: profile default of "* ]]
	AWS_WEB_IDENTITY_TOKEN_FILE=id/jwt put 0
	[[ $stderr == *"used: web identity"* ]]
	AWS_WEB_IDENTITY_TOKEN_FILE=id/jwt AWS_ACCESS_KEY_ID=AKIDSOURCESOURCE AWS_SECRET_ACCESS_KEY=source-secret-0123456789 put 0
	[[ $stderr == *"used: environment"* && $stderr != *"not used"* ]]
	AWS_SECRET_ACCESS_KEY=source-secret put 77
	[[ $stderr == *"AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not"* ]]
	rm home/.aws/credentials
	put 0
	[[ $stderr == *"used: container"* ]]
}

# ---- kept fresh ----

@test "credentials that end are renewed within a run, before they end" {
	identity
	echo 8 >id/life
	export AWS_ENDPOINT_URL_STS=$at AWS_ROLE_ARN=$role AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/id/jwt
	{
		printf '{"path":"body","key":"k1"}\n'
		sleep 5
		printf '{"path":"body","key":"k2"}\n'
	} | s3put -v --path-style --endpoint="$at" s3://bucket 2>messages >results
	[ "$(jq -r .status results | sort -u)" = stored ]
	grep -q 'they end soon; renewing' messages
	[ "$(grep -c '^POST' id/log)" -ge 2 ]
	! grep -q 'PUT .* 400' id/log
}

@test "a server that says ExpiredToken gets new ones, once" {
	identity
	echo expire-first >id/mode
	export AWS_CONTAINER_CREDENTIALS_FULL_URI=$at/container AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$PWD/id/pod
	put 0
	[[ $stderr == *"credentials: refused by the server; looking again"* ]]
	[ "$(jq -r .status <<<"$output")" = stored ]
	[ "$(grep -c '^GET /container' id/log)" -eq 2 ]
	: >id/log
	echo all-expired >id/mode
	put 77
	[[ $stderr == *"400 ExpiredToken"*"(request id S3REQ9)"* ]]
	[ "$(grep -c '^GET /container' id/log)" -eq 2 ]
}

@test "a shared file that was written anew is read again when the server refuses the old keys" {
	identity
	printf '[default]\naws_access_key_id = AKIDROTATEDAWAY\naws_secret_access_key = old\naws_session_token = old\n' >home/.aws/credentials
	cat >swap <<-'SH'
		#!/bin/sh
		printf '[default]\naws_access_key_id = AKIDSOURCESOURCE\naws_secret_access_key = source-secret-0123456789\n' >"$HOME/.aws/credentials"
		echo '{"path":"body","key":"k"}'
	SH
	chmod +x swap
	{ comes grep -q 'access key ...AWAY' messages; ./swap; } | s3put -v --path-style --endpoint="$at" s3://bucket 2>messages >results
	[ "$(jq -r .status results)" = stored ]
	grep -q 'access key ...AWAY' messages
	grep -q 'access key ...URCE' messages
}

# ---- secrets ----

@test "no secret is in the arguments of children, in messages, or left in memory" {
	identity
	source_keys base
	config <<-INI
		[profile logs]
		role_arn = $role
		source_profile = base
	INI
	echo stall >id/mode
	AWS_ENDPOINT_URL_STS=$at AWS_PROFILE=logs s3put -v --path-style --endpoint="$at" m s3://bucket \
		2>messages >results 3>&- &
	pids+=($!)
	comes [ -e id/stalled ]
	# the session's keys must be there while it signs; what got them must not
	python3 - "${pids[1]}" <<-'PY'
		import sys
		pid = sys.argv[1]
		found = {w: 0 for w in (b"source-secret-0123456789", b"given-secret-0001-0123456789", b"AKIDSOURCESOURCE")}
		with open(f"/proc/{pid}/mem", "rb") as mem:
		    for line in open(f"/proc/{pid}/maps"):
		        span, mode = line.split()[:2]
		        if "w" not in mode or "[v" in line: continue
		        a, b = (int(x, 16) for x in span.split("-"))
		        if b - a > 1 << 30: continue  # a sanitizer's shadow
		        try:
		            mem.seek(a)
		            data = mem.read(b - a)
		        except (OSError, ValueError):
		            continue
		        for w in found: found[w] += data.count(w)
		print(found)
		assert found[b"source-secret-0123456789"] == 0, "the source's secret is still in memory"
		assert 1 <= found[b"given-secret-0001-0123456789"] <= 2, "one in the cache, one in the request"
		assert b"secret" not in open(f"/proc/{pid}/cmdline", "rb").read()
	PY
	kill "${pids[1]}"
	wait "${pids[1]}" || true
	! grep -q 'secret\|session/token' messages results
}

# ---- a real server ----

need_rgw() {
	[ -f "$BATS_FILE_TMPDIR/rgw/env" ] || skip "no radosgw"
	. "$BATS_FILE_TMPDIR/rgw/env"
	rgw=http://$RGW_HTTP
	bucket=bucket-$BATS_TEST_NUMBER
	export AWS_REGION=us-east-1
	keys=$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY
	curl -sS --fail -X PUT --aws-sigv4 aws:amz:us-east-1:s3 --user "$keys" \
		-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$rgw/$bucket"
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
}

# rgw_role NAME PRINCIPAL ACTION: a role that PRINCIPAL may take, which may do all in S3
rgw_role() {
	$RGW_ADMIN role create --role-name="$1" --assume-role-policy-doc="$(jq -cn --argjson p "$2" --arg a "$3" \
		'{Version: "2012-10-17", Statement: [{Effect: "Allow", Principal: $p, Action: [$a]}]}')" &&
		$RGW_ADMIN role-policy put --role-name="$1" --policy-name=all --policy-doc='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*"}]}'
} >rgw.log 2>&1

@test "a real token service: AssumeRole by source_profile, then the object is put" {
	need_rgw
	rgw_role logs '{"AWS":["arn:aws:iam:::user/t"]}' sts:AssumeRole
	at=$rgw
	config <<-INI
		[profile logs]
		role_arn = arn:aws:iam:::role/logs
		source_profile = base
		endpoint_url = $rgw
		[profile base]
		aws_access_key_id = ${keys%%:*}
		aws_secret_access_key = ${keys#*:}
	INI
	AWS_PROFILE=logs put 0
	[ "$(jq -r .status <<<"$output")" = stored ]
	[[ $stderr == *"used: profile logs, role arn:aws:iam:::role/logs"*", session token, until"* ]]
	sed -i 's/^aws_secret_access_key.*/aws_secret_access_key = wrong/' home/.aws/config
	AWS_PROFILE=logs put 77
	sed -i 's,role/logs,role/nobody,' home/.aws/config
	AWS_PROFILE=logs put 77
}

@test "a real token service: AssumeRoleWithWebIdentity by a signed token, then the object is put" {
	need_rgw
	openssl req -x509 -newkey rsa:2048 -nodes -keyout id/oidc.key -out id/oidc.crt -days 2 -subj /CN=issuer 2>/dev/null
	identity
	at=$rgw
	local issuer=127.0.0.1:$(cat port) thumb
	thumb=$(openssl x509 -in id/oidc.crt -outform DER | sha1sum | cut -d' ' -f1 | tr a-f A-F)
	curl -sS --fail --aws-sigv4 aws:amz:us-east-1:iam --user "$keys" -d "Action=CreateOpenIDConnectProvider&Version=2010-05-08&Url=http%3A%2F%2F$issuer&ClientIDList.member.1=sts.amazonaws.com&ThumbprintList.member.1=$thumb" "$rgw/"
	rgw_role pod "{\"Federated\":[\"arn:aws:iam:::oidc-provider/$issuer\"]}" sts:AssumeRoleWithWebIdentity
	export AWS_ROLE_ARN=arn:aws:iam:::role/pod AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/id/jwt AWS_ENDPOINT_URL_STS=$rgw
	python3 "$BATS_TEST_DIRNAME/awsidentity.py" jwt id "${issuer#*:}" 600
	put 0
	[ "$(jq -r .status <<<"$output")" = stored ]
	[[ $stderr == *"used: web identity, role arn:aws:iam:::role/pod"* && $stderr != *"$(cat id/jwt)"* ]]
	python3 "$BATS_TEST_DIRNAME/awsidentity.py" jwt id "${issuer#*:}" -30
	put 77
	[[ $stderr == *"STS: 403 AccessDenied; the role's trust policy must allow this identity"* ]]
}

@test "keys of credential_process put an object into a real server" {
	need_rgw
	printf '#!/bin/sh\necho %s\n' "'{\"Version\":1,\"AccessKeyId\":\"${keys%%:*}\",\"SecretAccessKey\":\"${keys#*:}\"}'" >keys
	chmod +x keys
	printf '[default]\ncredential_process = %s\n' "$PWD/keys" | config
	at=$rgw
	put 0
	[ "$(jq -r .status <<<"$output")" = stored ]
}
