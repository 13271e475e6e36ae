bats_require_minimum_version 1.5.0

# logparse with parsers of files, and what they do with the fields; tests/logparse.bats has the
# rest.

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# message TEXT: a record of it
message() {
	jq -nc --arg log "$1" '{time:"2026-11-22T13:00:00.5Z",stream:"stdout",log:$log}'
}

# fields OPTION... TEXT: what is found in it, byte for byte
fields() {
	local out
	out=$(message "${*: -1}" | logparse "${@:1:$#-1}") && jq . <<<"$out" >/dev/null || return
	case $out in
	*'"log_processed":'*) out=${out##*'"log_processed":'} && echo "${out%\}}" ;;
	*) echo null ;;
	esac
}

# stock: parsers as the file that Fluent Bit brings along has them
stock() {
	cat <<'CONF'
# of the kinds that every node has
[PARSER]
    Name   nginx
    Format regex
    Regex ^(?<remote>\S*) (?<host>\S*) (?<user>\S*) \[(?<time>[^\]]*)\] "(?<method>\S+)(?: +(?<path>[^\"]*?)(?: +\S*)?)?" (?<code>\S*) (?<size>\S*)(?: "(?<referer>[^\"]*)" "(?<agent>[^\"]*)")
    Time_Key time
    Time_Format %d/%b/%Y:%H:%M:%S %z

[PARSER]
    Name         docker
    Format       json
    Time_Key     time
    Time_Format  %Y-%m-%dT%H:%M:%S.%L
    Time_Keep    On
    # Command      |  Decoder | Field | Optional Action
    # =============|==================|=================
    Decode_Field_As   escaped_utf8    log    do_next
    Decode_Field_As   json            log

[PARSER]
    Name        old-syslog
    Format      regex
    Regex       /^\<(?<pri>[0-9]+)\>(?<time>[^ ]* {1,2}[^ ]* [^ ]*) (?<host>[^ ]*) (?<ident>[a-zA-Z0-9_\/\.\-]*)(?:\[(?<pid>[0-9]+)\])?(?:[^\:]*\:)? *(?<message>.*)$/
    Time_Key    time
    Time_Format %b %d %H:%M:%S
    Time_Format %Y-%m-%dT%H:%M:%S.%L
    Time_Keep   On

[PARSER]
    Name    long-names
    Format  regex
    Regex   ^(?<upstream_transport_failure_reason>[^ ]*) ((?<ms>(\d+))(:?ms)?)]$
    Types   ms:integer

[PARSER]
    Name   pairs
    Format logfmt

[MULTILINE_PARSER]
    name          stack
    type          regex
    flush_timeout 1000
    rule          "start_state"  "/^\d+ /" "cont"
CONF
}

@test "a file of parsers as Fluent Bit brings it along loads as it is" {
	stock >parsers.conf
	run -0 --separate-stderr logparse -R parsers.conf --list
	[ -z "$stderr" ]
	[ "$(head -n 5 <<<"$output" | jq -r .name | paste -sd' ')" = "nginx docker old-syslog long-names pairs" ]
	[ "$(head -n 1 <<<"$output" | jq -c '[.file, .line]')" = '["parsers.conf",2]' ]
	[ "$(fields -R parsers.conf -p nginx '10.0.0.1 - - [22/Nov/2026:14:00:00 +0100] "GET / HTTP/1.1" 200 5 "-" "curl/8" more')" = \
		'{"remote":"10.0.0.1","host":"-","user":"-","method":"GET","path":"/","code":"200","size":"5","referer":"-","agent":"curl/8"}' ]
	[ "$(fields -R parsers.conf -p old-syslog '<34>Nov  2 13:00:00 node su[7]: no')" = \
		'{"pri":"34","time":"Nov  2 13:00:00","host":"node","ident":"su","pid":"7","message":"no"}' ]
	[ "$(fields -R parsers.conf -p long-names 'none 104ms]')" = '{"upstream_transport_failure_reason":"none","ms":104}' ]
	[ "$(fields -R parsers.conf -p docker '{"log":"{\"a\":\"b\\/\"}\n","stream":"stdout","time":"2026-11-22T13:00:00.123456789Z"}')" = \
		'{"log":{"a":"b\/"},"stream":"stdout","time":"2026-11-22T13:00:00.123456789Z"}' ]
}

@test "the same in YAML gives the same" {
	cat >p.yaml <<'YAML'
env: {KEY: time}
parsers:
  - name: access
    format: regex
    regex: '^(?<host>\S+) \[(?<time>[^\]]*)\] (?<code>\d+)$'
    time_key: ${KEY}
    time_format: '%d/%b/%Y:%H:%M:%S %z'
    types: code:integer
YAML
	cat >p.conf <<'CONF'
@SET KEY=time
[PARSER]
    Name        access
    Format      regex
    Regex       ^(?<host>\S+) \[(?<time>[^\]]*)\] (?<code>\d+)$
    Time_Key    ${KEY}
    Time_Format %d/%b/%Y:%H:%M:%S %z
    Types       code:integer
CONF
	message 'h [22/Nov/2026:14:00:00 +0100] 200' >in
	[ "$(logparse -R p.yaml -p access in)" = "$(logparse -R p.conf -p access in)" ]
	[ "$(logparse -R p.yaml -p access in | jq -c '[.time, .log_processed]')" = '["2026-11-22T13:00:00Z",{"host":"h","code":200}]' ]
}

@test "a parser of a file goes before one that is built in" {
	printf '[PARSER]\n Name json\n Format regex\n Regex (?<all>.*)\n' >p.conf
	[ "$(fields -R p.conf '{"a":1}')" = '{"all":"{\"a\":1}"}' ]
}

@test "what is wrong in a file is told with its line, and nothing is written" {
	while IFS='|' read -r conf want; do
		printf "$conf" >p.conf
		run -2 --separate-stderr logparse -R p.conf /dev/null
		[ "$stderr" = "logparse: p.conf:$want" ] || { echo "$conf: $stderr"; false; }
		[ -z "$output" ]
	done <<'TABLE'
[PARSER]\n Name a\n Format regex\n Regx (?<a>b)\n|4: regx: no such key; did you mean regex?
[PARSER]\n Name a\n Format regex\n Zebra x\n|4: zebra: no such key of a parser; see logsweep-parsers(5)
[PARSER]\n Name a\n Format jsn\n|3: format: jsn: no such format; did you mean json?
[PARSER]\n Format json\n|1: the parser has no name
[PARSER]\n Name a\n|1: a: the parser has no format
[PARSER]\n Name a\n Format regex\n|1: a: the parser has no regex
[PARSER]\n Name a\n Format regex\n Regex //\n|4: regex: the pattern has 0 named groups, not 1 to 256
[PARSER]\n Name a\n Format regex\n Regex ab(?<x>[a&&b])\n|4: regex: byte 10 of the pattern: && of sets
[PARSER]\n Name a\n Format json\n Time_Keep maybe\n|4: time_keep: maybe: not on or off
[PARSER]\n Name a\n Format json\n Time_Offset later\n|4: time_offset: later: not like +0200 or -03:30
[PARSER]\n Name a\n Format json\n Types a:integer b:nteger\n|4: types: nteger: no such type; did you mean integer?
[PARSER]\n Name a\n Format json\n Types a\n|4: types: a: not KEY:TYPE
[PARSER]\n Name a\n Format json\n Decode_Field xml a\n|4: decode_field: xml a: the decoder is not json, escaped or escaped_utf8
[PARSER]\n Name a\n Format json\n Decode_Field json\n|4: decode_field: json: wants DECODER FIELD [do_next or try_next]
[PARSER]\n Name a\n Format json\n[PARSER]\n Name a\n Format json\n|4: a: there is one of that name in p.conf:1
[PARSER]\n Name ${NOT_SET_HERE}\n|2: ${NOT_SET_HERE} is not set
@INCLUDE p.conf\n|1: p.conf includes itself
TABLE
	run -2 --separate-stderr logparse -R nowhere.conf /dev/null
	[ "$stderr" = "logparse: nowhere.conf: No such file or directory" ]
	printf '[PARSER]\n Name a\n Format json\n Time_Format %%Q\n' >p.conf
	run -2 --separate-stderr logparse -R p.conf /dev/null
	[[ $stderr == "logparse: p.conf:4: time_format: "* ]]
	printf '[PARSER]\n Name a\n Format json\n Time_Zone Nowhere/Land\n' >p.conf
	run -2 --separate-stderr logparse -R p.conf /dev/null
	[[ $stderr == "logparse: p.conf:4: "*Nowhere/Land* ]]
}

@test "types: digits stay as they are, and what is out of range stays text" {
	cat >p.conf <<'CONF'
[PARSER]
    Name t
    Format logfmt
    Types i:integer j:integer k:integer l:integer m:integer f:float g:float h:float n:float x:hex y:hex z:hex b:bool c:bool s:string
CONF
	[ "$(fields -R p.conf -p t 'i=9223372036854775807 j=9223372036854775808 k=-007 l=12a m=+5 f=1.10 g=1e400 h=.5e-3 n=01.50')" = \
		'{"i":9223372036854775807,"j":"9223372036854775808","k":-7,"l":"12a","m":5,"f":1.10,"g":"1e400","h":0.5e-3,"n":1.50}' ]
	[ "$(fields -R p.conf -p t 'x=0xff y=10000000000000000 z=FFFFFFFFFFFFFFFF b=True c=yes s=1')" = \
		'{"x":255,"y":"10000000000000000","z":18446744073709551615,"b":true,"c":"yes","s":"1"}' ]
}

@test "the time of a message takes the record's place, or leaves it and is counted" {
	cat >p.conf <<'CONF'
[PARSER]
    Name n
    Format regex
    Regex ^(?<time>[^|]*)\|(?<m>.*)$
    Time_Key time
    Time_Format %Y-%m-%d %H:%M:%S,%L
[PARSER]
    Name keep
    Format json
    Time_Key ts
    Time_Format epoch
    Time_Keep on
[PARSER]
    Name zone
    Format regex
    Regex ^(?<time>.*)$
    Time_Format %Y-%m-%d %H:%M:%S
    Time_Offset +0530
[PARSER]
    Name drop
    Format json
    Time_Key ts
    Time_Format epoch
CONF
	src='"_src":{"file":"/f","id":"1/o","gen":3,"end":9}'
	p="logparse -R p.conf"
	[ "$(echo "{$src,\"time\":\"2026-01-01T00:00:00Z\",\"stream\":\"stdout\",\"log\":\"2026-11-22 13:00:00,123456789999|x\"}" | $p -p n)" = \
		"{$src,\"time\":\"2026-11-22T13:00:00.123456789Z\",\"stream\":\"stdout\",\"log\":\"2026-11-22 13:00:00,123456789999|x\",\"log_processed\":{\"m\":\"x\"}}" ]
	# no time: behind _src; no _src: first; behind the message, or no text: in its place
	[ "$(echo "{$src,\"log\":\"{\\\"ts\\\":1.5}\"}" | $p -p keep)" = "{$src,\"time\":\"1970-01-01T00:00:01.5Z\",\"log_processed\":{\"ts\":1.5}}" ]
	[ "$(echo '{ "x":1,"log":"{\"ts\":0}"}' | $p -p keep)" = '{"time":"1970-01-01T00:00:00Z", "x":1,"log_processed":{"ts":0}}' ]
	[ "$(echo '{"log":"{\"ts\":0}","time":[1], "y":2}' | $p -p keep)" = '{"log_processed":{"ts":0},"time":"1970-01-01T00:00:00Z", "y":2}' ]
	[ "$(echo '{"log":"{\"ts\":0}","time":"then"}' | $p -p keep --keep=yes --merge)" = '{"log":"{\"ts\":0}","ts":0,"time":"1970-01-01T00:00:00Z"}' ]
	[ "$(echo '{"log":"2026-11-22 13:00:00"}' | $p -p zone)" = '{"time":"2026-11-22T07:30:00Z","log":"2026-11-22 13:00:00","log_processed":{}}' ]
	# taken out of JSON: first, middle, last, alone
	for log in '{"ts":0,"a":1}' '{"a":1, "ts":0 , "b":2}' '{"a":1 ,"ts":0}' '{ "ts" : 0 }' '{"a":1,"ts":"0"}'; do
		message "$log" | $p -p drop | jq -c '[.time, .log_processed]'
	done >out
	diff - out <<'WANT'
["1970-01-01T00:00:00Z",{"a":1}]
["1970-01-01T00:00:00Z",{"a":1,"b":2}]
["1970-01-01T00:00:00Z",{"a":1}]
["1970-01-01T00:00:00Z",{}]
["1970-01-01T00:00:00Z",{"a":1}]
WANT
	# not understood
	{ message 'yesterday|x'; message '{"ts":{"a":1}}'; message '{"ts":null}'; message '{"t":1}'; } >in
	$p -p n -p drop --stats=stats in >out
	[ "$(jq -r .time out | sort -u)" = 2026-11-22T13:00:00.5Z ]
	[ "$(jq -c .log_processed out | paste -sd' ')" = '{"time":"yesterday","m":"x"} {"ts":{"a":1}} {"ts":null} {"t":1}' ]
	[ "$(jq -c '[.time_read, .time_unread]' stats)" = '[0,3]' ]
}

@test "a time that says more than the record's can stays in JSON, whose message goes" {
	cat >p.conf <<'CONF'
[PARSER]
    Name j
    Format json
    Time_Key ts
    Time_Format %Y-%m-%dT%H:%M:%S.%L
[PARSER]
    Name d
    Format json
    Time_Key ts
    Time_Format epoch
    Decode_Field_As json log
CONF
	[ "$(fields -R p.conf -p j '{"ts":"2026-12-31T23:59:59.1234567890Z","a":1}')" = '{"a":1}' ]
	for ts in 2026-12-31T23:59:60Z 2026-12-31T23:59:59.1234567891Z '2026-12-31T23:59:59 CEST'; do
		message "{\"ts\":\"$ts\",\"a\":1}" | logparse -R p.conf -p j --stats=stats >out
		[ "$(jq -c .log_processed out)" = "{\"ts\":\"$ts\",\"a\":1}" ]
		[ "$(tail -n 1 stats | jq .time_read)" = 1 ]
	done
	[ "$(fields -R p.conf -p d '{"ts":1795352400.99999999991,"log":"{}"}')" = '{"ts":1795352400.99999999991,"log":{}}' ]
	[ "$(fields -R p.conf -p d '{"ts":1795352400.5,"log":"{}"}')" = '{"log":{}}' ]
}

@test "docker, docker-daemon and mongodb read a time without a zone, as Fluent Bit's do" {
	for m in 'docker {"log":"x","time":"2026-01-01T00:00:01.2"}' \
		'docker-daemon time="2026-01-01T00:00:01.2" level=info msg="x"' \
		'mongodb 2026-01-01T00:00:01.2 I NETWORK [conn1] end'; do
		[ "$(message "${m#* }" | logparse -p "${m%% *}" | jq -r .time)" = 2026-01-01T00:00:01.2Z ]
		m=${m/01.2/01.2+01:00}
		[ "$(message "${m#* }" | logparse -p "${m%% *}" | jq -r .time)" = 2025-12-31T23:00:01.2Z ]
	done
}

@test "--time-window: a time further from the record's own is left in the message, and counted" {
	printf '[PARSER]\n Name j\n Format json\n Time_Key ts\n Time_Format %%s\n Time_Format rfc3339\n' >p.conf
	p="logparse -R p.conf -p j --stats=stats"
	# 2026-11-22T13:00:00.5Z, an hour before and behind it, and a nanosecond more
	for ts in 2026-11-22T12:00:00.5Z 2026-11-22T14:00:00.5Z 2026-11-22T12:00:00.499999999Z 2026-11-22T14:00:00.500000001Z \
		1970-01-01T00:00:00Z 2262-04-11T00:00:00Z 1677-09-22T00:00:00Z; do
		message "{\"ts\":\"$ts\",\"a\":1}"
	done >in
	run -0 $p --time-window=1h in
	diff - <(jq -c '[.time, .log_processed.ts]' <<<"$output") <<'WANT'
["2026-11-22T12:00:00.5Z",null]
["2026-11-22T14:00:00.5Z",null]
["2026-11-22T13:00:00.5Z","2026-11-22T12:00:00.499999999Z"]
["2026-11-22T13:00:00.5Z","2026-11-22T14:00:00.500000001Z"]
["2026-11-22T13:00:00.5Z","1970-01-01T00:00:00Z"]
["2026-11-22T13:00:00.5Z","2262-04-11T00:00:00Z"]
["2026-11-22T13:00:00.5Z","1677-09-22T00:00:00Z"]
WANT
	[ "$(tail -n 1 stats | jq -c '[.time_read, .time_unread, .time_far, .time_range]')" = '[2,5,5,0]' ]
	# not by the beginning of the text either, which another format reads: 1970 as seconds
	[ "$(message '{"ts":"1970-01-01T00:00:00Z"}' | $p --time-window=21000d | jq -r .time)" = 1970-01-01T00:00:00Z ]
	# without it, and without a time to be far from, each as it says
	[ "$($p in | jq -r .time | sed -n '5,$p' | paste -sd' ')" = '1970-01-01T00:00:00Z 2262-04-11T00:00:00Z 1677-09-22T00:00:00Z' ]
	[ "$(echo '{"log":"{\"ts\":\"1970-01-01T00:00:00Z\"}"}' | $p --time-window=1h | jq -r .time)" = 1970-01-01T00:00:00Z ]
	# the parser that a record asks for, and fields of a pattern
	echo '{"time":"2026-11-22T13:00:00Z","p":"klog","log":"E0101 00:00:00.000001 1 a.go:1] b"}' >own
	[ "$(logparse --parser-from=p --time-window=1d own | jq -r .time)" = 2026-11-22T13:00:00Z ]
	[ "$(LOGSWEEP_TIME_WINDOW=1y logparse --parser-from=p own 2>&1 | head -c 30)" = "logparse: LOGSWEEP_TIME_WINDOW" ]
	run -2 logparse --time-window=soon in
}

@test "--base-year is the year of times without one, whatever the record's time" {
	p="logparse -p syslog-rfc3164 --stats=stats"
	echo '{"log":"<30>Dec 31 23:59:59 node a: b"}' >bare
	echo '{"time":"2027-01-01T00:00:03Z","log":"<30>Dec 31 23:59:59 node a: b"}' >timed
	[ "$($p bare | jq .time)" = null ]
	[ "$(jq -c '[.time_read, .time_unread]' stats)" = '[0,1]' ]
	for in in bare timed; do
		[ "$($p --base-year=2019 $in | jq -r .time)" = 2019-12-31T23:59:59Z ]
	done
	[ "$(LOGSWEEP_BASE_YEAR=2019 $p timed | jq -r .time)" = 2019-12-31T23:59:59Z ]
	# the parser that a record asks for, too
	echo '{"p":"klog","log":"E0229 23:59:59.000001 1 a.go:1] b"}' >leap
	[ "$(logparse --parser-from=p --base-year=2016 leap | jq -r .time)" = 2016-02-29T23:59:59.000001Z ]
	[ "$(logparse --parser-from=p --base-year=2019 leap | jq .time)" = null ]
	# times that say their year keep it
	[ "$(message 'time="2026-01-01T00:00:01Z" level=info msg="x"' | logparse -p docker-daemon --base-year=2019 | jq -r .time)" = 2026-01-01T00:00:01Z ]
	# there are times outside of what fits
	[ "$($p --base-year=1 timed | jq -r .time)" = 2027-01-01T00:00:03Z ]
	for bad in 0 10000 -1 2019x 2019.5 ''; do
		run -2 --separate-stderr logparse --base-year="$bad" bare
		[ "$stderr" = "logparse: --base-year: $bad: not a year from 1 to 9999" ]
	done
}

@test "times that clocks showed twice or never, and those outside of what fits, are counted" {
	cat >p.conf <<'CONF'
[PARSER]
    Name b
    Format regex
    Regex ^(?<time>[^|]*)\|(?<m>.*)$
    Time_Format %Y-%m-%d %H:%M:%S
    Time_Zone Europe/Berlin
[PARSER]
    Name j
    Format json
    Time_Key ts
    Time_Format rfc3339
    Time_Format epoch
CONF
	p="logparse -R p.conf --stats=stats"
	counts() { tail -n 1 stats | jq -c '[.time_read, .time_ambiguous, .time_unread, .time_range]'; }
	message '2026-10-25 02:30:00|x' | $p -p b >out
	[ "$(jq -r .time out)/$(counts)" = '2026-10-25T00:30:00Z/[1,1,0,0]' ] # the first reading
	message '2026-03-29 02:30:00|x' | $p -p b >out
	[ "$(jq -r .time out)/$(counts)" = '2026-03-29T01:30:00Z/[1,1,0,0]' ] # the offset before
	# neither, also behind one that is; nor one that says its offset
	{ message '2026-10-25 02:30:00|x'; message '2026-10-25 03:30:00|x'; message '2026-10-25 02:30:00+01:00|x'; } | $p -p b >out
	[ "$(jq -r .time out | paste -sd' ')/$(counts)" = '2026-10-25T00:30:00Z 2026-10-25T02:30:00Z 2026-10-25T01:30:00Z/[3,1,0,0]' ]
	# kept as text, and the runtime's time stays
	for ts in '"0001-01-01T00:00:00Z"' '"9999-12-31T23:59:59Z"' '"2262-04-11T23:47:16.854775808Z"' 99999999999999999999; do
		message "{\"ts\":$ts}" | $p -p j >out
		[ "$(jq -r .time out)/$(counts)" = '2026-11-22T13:00:00.5Z/[0,0,1,1]' ]
		grep -qF "\"log_processed\":{\"ts\":$ts}" out
	done
	{ message '{"ts":"0001-01-01T00:00:00Z"}'; message '{"ts":"then"}'; message '{"ts":0}'; message '{}'; } | $p -p j >out
	[ "$(counts)" = '[1,0,2,1]' ]
}

@test "--zone-names says what %Z may be, and is checked line by line" {
	cat >p.conf <<'CONF'
[PARSER]
    Name d
    Format regex
    Regex ^(?<time>[^|]*)\|(?<m>.*)$
    Time_Format %Y-%m-%d %H:%M:%S %Z
CONF
	p="logparse -R p.conf -p d --stats=stats"
	printf '# zones\n\nIST +05:30 # Kolkata\r\n  Bielmeantime\t+01:00\nUTC -0100\n' >zones
	message '2026-11-22 13:00:00 IST|x' >in
	message '2026-11-22 13:00:00 Bielmeantime|x' >>in
	message '2026-11-22 13:00:00 UTC|x' >>in
	[ "$($p --zone-names=zones in | jq -r .time | paste -sd' ')" = '2026-11-22T07:30:00Z 2026-11-22T12:00:00Z 2026-11-22T14:00:00Z' ]
	[ "$(jq -c '[.time_read, .time_unread]' stats)" = '[3,0]' ]
	$p in >out # without it
	[ "$(tail -n 1 stats | jq -c '[.time_read, .time_unread]')" = '[1,2]' ]
	[ "$(LOGSWEEP_ZONE_NAMES=zones $p in | jq -r '.time' | head -n 1)" = 2026-11-22T07:30:00Z ]
	: >none
	$p --zone-names=none in >out
	n=0
	while IFS='|' read -r text want; do
		n=$((n + 1))
		printf "$text" >bad
		run -2 --separate-stderr $p --zone-names=bad in
		[ "$stderr" = "logparse: bad:$want" ] && [ -z "$output" ]
	done <<'BAD'
IST|1: not NAME +hh:mm, with a name of letters A-Z and a-z
# x\nIST+05:30|2: not NAME +hh:mm, with a name of letters A-Z and a-z
IST  \n|1: not NAME +hh:mm, with a name of letters A-Z and a-z
+05:30|1: not NAME +hh:mm, with a name of letters A-Z and a-z
M3 +05:30|1: not NAME +hh:mm, with a name of letters A-Z and a-z
ABCDEFGHIJKLMNOP +05:30|1: a name of over 15 letters
IST 05:30|1: the offset is not like +05:30 or -03:00
IST +5:30|1: the offset is not like +05:30 or -03:00
IST +05:60|1: the offset is not like +05:30 or -03:00
IST +24:00|1: the offset is not like +05:30 or -03:00
IST Z|1: the offset is not like +05:30 or -03:00
IST +05:30 x|1: the offset is not like +05:30 or -03:00
B +01:00\nA +01:00\nB +02:00\nA +01:00|3: this name stands twice
BAD
	[ "$n" = 13 ]
	printf '%s +01:00\n' {A..J}{A..J}{A..J} >zones
	$p --zone-names=zones in >out
	[ "$(tail -n 1 stats | jq .time_read)" = 1 ]
	echo 'ZZ +01:00' >>zones
	run -2 --separate-stderr $p --zone-names=zones in
	[ "$stderr" = 'logparse: zones:1001: over 1000 names' ]
	head -c 70000 /dev/zero | tr '\0' '#' >zones
	run -2 --separate-stderr $p --zone-names=zones in
	[[ $stderr == 'logparse: zones: '* ]]
	run -2 --separate-stderr $p --zone-names=nowhere in
	[ "$stderr" = 'logparse: nowhere: no such file' ]
}

@test "a year that the text does not say is that of the record" {
	echo '{"time":"2027-01-01T00:00:03Z","log":"<30>Dec 31 23:59:59 node a: b"}' >in
	[ "$(logparse -p syslog-rfc3164 in | jq -r .time)" = 2026-12-31T23:59:59Z ]
	echo '{"time":"2024-03-01T00:00:03Z","log":"E0229 23:59:59.000001 1 a.go:1] b"}' >in
	[ "$(logparse -p klog in | jq -r .time)" = 2024-02-29T23:59:59.000001Z ]
}

@test "decoders: in place, beside, and what does not decode stays" {
	cat >p.conf <<'CONF'
[PARSER]
    Name as
    Format json
    Decode_Field_As json log
[PARSER]
    Name beside
    Format json
    Decode_Field json log
[PARSER]
    Name try
    Format logfmt
    Decode_Field_As json a try_next
    Decode_Field_As escaped a
    Decode_Field_As escaped_utf8 b
CONF
	[ "$(fields -R p.conf -p as '{"log":"{\"a\":\"x\\\"y\",\"n\":1.10}","b":"{}"}')" = '{"log":{"a":"x\"y","n":1.10},"b":"{}"}' ]
	[ "$(fields -R p.conf -p as '{"log":"{\\\"a\\\":1}\n"}')" = '{"log":{"a":1}}' ]
	[ "$(fields -R p.conf -p as '{"log":"[1]","x":1.10}')" = '{"log":"[1]","x":1.10}' ]
	[ "$(fields -R p.conf -p as '{"log":7}')" = '{"log":7}' ]
	[ "$(fields -R p.conf -p beside '{"log":"{\"a\":1,\"\\u0062\":2}","b":3}')" = '{"log":"{\"a\":1,\"\\u0062\":2}","b":3,"a":1}' ]
	[ "$(fields -R p.conf -p try 'a="x\\ty" b="\\u00e9\\x41\\ud83c\\udf89\\ud800\\\"c"')" = '{"a":"x\ty","b":"éA🎉�\\\"c"}' ]
	[ "$(fields -R p.conf -p try 'a="{\"x\":1}"')" = '{"a":{"x":1}}' ]
	# a key twice is no more put in here than from the message itself
	for p in as beside; do
		[ "$(fields -R p.conf --stats=stats -p $p '{"log":"{\"x\":{\"a\":1,\"\\u0061\":2}}","b":1.10}')" = \
			'{"log":"{\"x\":{\"a\":1,\"\\u0061\":2}}","b":1.10}' ]
		[ "$(tail -n 1 stats | jq .duplicate)" = 1 ]
	done
	[ "$(fields -R p.conf --duplicates=keep -p as '{"log":"{\"a\":1,\"a\":2}"}')" = '{"log":{"a":1,"a":2}}' ]
}

@test "Skip_Empty_Values off keeps empty fields" {
	printf '[PARSER]\n Name e\n Format regex\n Regex ^(?<a>x*)(?<b>y)?$\n Skip_Empty_Values %s\n' off >p.conf
	[ "$(fields -R p.conf -p e '')" = '{"a":"","b":""}' ]
	sed -i 's/off/on/' p.conf
	[ "$(fields -R p.conf -p e 'x')" = '{"a":"x"}' ]
}

@test "logfmt, ltsv, klog and syslog by hand" {
	[ "$(fields -p logfmt 'a=1 b="x \"y\" \\ \u00e9\n" c= d="" e f=ü')" = '{"a":"1","b":"x \"y\" \\ é\n","c":true,"d":"","e":true,"f":"ü"}' ]
	[ "$(fields -p logfmt 'a=1 a=2')" = '{"a":"2"}' ]
	[ "$(fields -p logfmt 'just words')" = null ]
	[ "$(fields -p logfmt 'a="open')" = null ]
	[ "$(fields -p ltsv $'host:1:2\tx:\ty:a b')" = '{"host":"1:2","x":"","y":"a b"}' ]
	[ "$(fields -p ltsv $'host:1\tno label')" = null ]
	[ "$(fields -p klog 'W0102 03:04:05.000001 7 a/b.go:9] x] y')" = '{"level":"warning","id":7,"file":"a/b.go","line":9,"message":"x] y"}' ]
	[ "$(fields -p klog 'W0102 03:04:05 7 a.go:9] x')" = null ]
	[ "$(fields -p syslog-rfc5424 '<1>1 - - - - - -')" = '{"pri":"1","time":"-","host":"-","ident":"-","pid":"-","msgid":"-","extradata":"-"}' ]
	[ "$(fields -p syslog-rfc5424 '<1>1 - h i p m [a@1 b="]\"\\"][c] [x] y')" = \
		'{"pri":"1","time":"-","host":"h","ident":"i","pid":"p","msgid":"m","extradata":"[a@1 b=\"]\\\"\\\\\"][c]","message":"[x] y"}' ]
	[ "$(fields -p syslog-rfc5424 '<1>2 - h i p m - x')" = null ]
	[ "$(fields -p syslog-rfc5424 '<123456>1 - h i p m - x')" = null ]
	[ "$(fields -p syslog-rfc3164 '<13>Nov 22 13:00:00 h no tag: here')" = '{"pri":"13","time":"Nov 22 13:00:00","host":"h","message":"no tag: here"}' ]
	[ "$(fields -p syslog-rfc3164-local '<13>Nov 22 13:00:00 cron: x')" = '{"pri":"13","time":"Nov 22 13:00:00","ident":"cron","message":"x"}' ]
	[ "$(fields -p syslog '2026-11-22T13:00:00.1+02:00 h app[1]: x')" = '{"time":"2026-11-22T13:00:00.1+02:00","host":"h","ident":"app","pid":"1","message":"x"}' ]
	[ "$(fields -p syslog 'nothing of the kind')" = null ]
}

@test "a field names the parser, and names that there are not are counted and passed" {
	k() { printf '{"log":"%s","kubernetes":{"parser":%s}}\n' "$1" "$2"; }
	{
		k 'a=1' '"logfmt"'
		k '{\"a\":1}' '"logfmt"'
		k '{\"a\":1}' '"nosuch"'
		k '{\"a\":1}' '7'
		echo '{"log":"{\"a\":1}"}'
	} >in
	logparse --parser-from --stats=stats in >out
	[ "$(jq -c .log_processed out | paste -sd' ')" = '{"a":"1"} null null {"a":1} {"a":1}' ]
	sed -n 3p out | cmp - <(sed -n 3p in)
	[ "$(jq -c '[.parsed, .unparsed, .unknown_parser]' stats)" = '[3,2,1]' ]
	[ "$(echo '{"kubernetes":{"annotations":{"fluentbit.io/parser":"logfmt"}},"log":"a=1"}' |
		logparse --parser-from='kubernetes.annotations.fluentbit\.io/parser' | jq -c .log_processed)" = '{"a":"1"}' ]
	[ "$(echo '{"wish":{"p.q":"logfmt"},"log":"a=1"}' | logparse --parser-from='wish.p\.q' | jq -c .log_processed)" = '{"a":"1"}' ]
}

@test "--strict-parse sets aside what no parser fits" {
	{ message '{"a":1}'; message 'text'; } >in
	run -3 --separate-stderr logparse --strict-parse --stats=stats in
	[ "$(jq -c '._error // .log_processed' <<<"$output" | paste -sd' ')" = '{"a":1} {"by":"logparse","why":"no parser fits"}' ]
	[ "$(jq -c '[.in, .out, .rejected]' stats)" = '[2,1,1]' ]
}

@test "a pattern that explodes is an _error record, soon" {
	printf '[PARSER]\n Name x\n Format regex\n Regex ^(?<a>(a+)+)$\n' >p.conf
	message "$(printf 'a%.0s' {1..60})!" >in
	run -3 --separate-stderr timeout 20 logparse -R p.conf -p x in
	[[ $(jq -r ._error.why <<<"$output") == "parser x: given up:"* ]]
}

@test "--strip-ansi takes colours out of the message" {
	message $'\e[1;31mred\e[0m \e]8;;http://x\e\\link\e]8;;\a \e(B\e7end\e' >in
	logparse --strip-ansi --stats=stats in >out
	[ "$(jq -r .log out)" = "red link end" ]
	[ "$(jq .stripped stats)" = 1 ]
	[ "$(fields --strip-ansi $'\e[32m{"a":"\\u001b[0m"}\e[0m')" = '{"a":"\u001b[0m"}' ]
	message plain >in
	logparse --strip-ansi in | cmp - in
}

@test "--redact leaves no trace of what its patterns fit" {
	card='4111111111111111' word='hunter2'
	{
		message "card $card and $card"
		message "{\"card\":$card,\"list\":[\"$card\",{\"deep\":\"x $card\"}],\"n\":1.10}"
		message '{"esc":"\u0034111111111111111","pw":"hunter2"}'
		echo "{\"_src\":{\"file\":\"/f\",\"id\":\"1/o\",\"gen\":3,\"end\":9},\"log\":\"x\",\"attrs\":{\"a\":[\"$card\"]},\"_error\":{\"by\":\"x\",\"why\":\"$word\"}}"
		message "password=$word ok"
		echo "no record, $card"
	} >in
	run -3 --separate-stderr logparse --redact='\d{16}' --redact='(?i)HUNTER\d' --stats=stats in
	[[ $output != *4111* && $output != *"u0034"* && $output != *hunter* && $stderr != *4111* ]]
	[ "$(sed -n 1p <<<"$output" | jq -r .log)" = "card [redacted] and [redacted]" ]
	[ "$(sed -n 2p <<<"$output" | sed 's/.*"log_processed"://')" = '{"card":"[redacted]","list":["[redacted]",{"deep":"x [redacted]"}],"n":1.10}}' ]
	[ "$(sed -n 3p <<<"$output" | jq -c .log_processed)" = '{"esc":"[redacted]","pw":"[redacted]"}' ]
	[ "$(sed -n 5p <<<"$output" | jq -r .log)" = "password=[redacted] ok" ]
	[ "$(sed -n 6p <<<"$output" | jq -r .log)" = "no record, [redacted]" ]
	[ "$(jq .redacted stats)" -ge 6 ]
	# over key and value: no longer JSON, but no longer there
	message '{"a":1,"pw":"hunter2"}' | logparse --redact='"pw":"[^"]*"' >out
	[ "$(jq -r .log out)" = '{"a":1,[redacted]}' ]
	# a value that only is one once parsed
	[ "$(fields -p logfmt --redact='^secret$' 'a=secret b=secrets')" = '{"a":"[redacted]","b":"secrets"}' ]
	# a pattern that is given up takes all of it away
	message "$(printf 'a%.0s' {1..60})!" | timeout 20 logparse --redact='^(a+)+$' >out
	[ "$(jq -r .log out)" = '[redacted]' ]
	echo '{"_src":{"file":"/f4111111111111111","id":"1/o","gen":3,"end":9}}' >in
	logparse --redact='\d{16}' in | cmp - in
	run -2 --separate-stderr logparse --redact= /dev/null
	[ "$stderr" = "logparse: --redact: an empty pattern" ]
	run -2 --separate-stderr logparse --redact='a(' /dev/null
	[[ $stderr == "logparse: --redact: a(: regex: byte 3 of the pattern: "* ]]
}

@test "keys of 1 MB, deep nesting, invalid UTF-8 amid escapes: nothing breaks" {
	command -v python3 >/dev/null || skip "no python3"
	python3 - >in <<'PY'
import json, sys
out = sys.stdout.buffer
big = 'k' * (1 << 20)
for m in ['{"%s":1}' % big, '{"a":%s1%s}' % ('[' * 10000, ']' * 10000), big + '=1', big + ':1\tb:2', '<34>' + big, '"' * 9999 + '=']:
	out.write(json.dumps({"log": m}).encode() + b'\n')
for raw in [rb'\u00e\xff9', b'{\\"a\\":\\"\xff\\"}', b'a=\\"\\\\\xc3\\"', b'\\ud83c\xff\\udf89', b'a:\xed\xa0\x80']:
	out.write(b'{"log":"' + raw + b'"}\n')
PY
	for p in json logfmt ltsv klog syslog cri nginx; do
		run -0 --separate-stderr timeout 60 bash -c "logparse -p $p --stats=stats in >out || [ \$? = 3 ]"
		[ "$(wc -l <out)" -eq 11 ]
		tail -n 1 stats | jq -e '.in == 11 and .in == .out + .rejected' >/dev/null
	done
	[ "$(logparse in | head -n 1 | jq '.log_processed | keys[0] | length')" -eq 1048576 ]
	[ "$(logparse -p logfmt in | sed -n 3p | jq '.log_processed | keys[0] | length')" -eq 1048576 ]
}

@test "each sample of --list is fit by its parser, in a chain of all too" {
	logparse --list >list
	[ "$(jq -s length list)" -ge 20 ]
	while read -r line; do
		name=$(jq -r .name <<<"$line")
		jq -c '{time:"2026-11-22T13:00:00Z",log: .sample}' <<<"$line" >in
		logparse -p "$name" --strict-parse in >out
		[ "$(jq '.log_processed | length' out)" -gt 0 ]
		[ "$(jq 'has("time_format")' <<<"$line")" = false ] || logparse -p "$name" --stats=stats in >/dev/null
		run -0 logparse --test -p "$name" in
	done <list
	[ "$(jq -s '[.[].time_unread] | add' stats)" = 0 ]
	[ "$(jq -s '[.[].time_read] | min' stats)" = 1 ]
}

@test "--test shows the time that was read, and the first that is not understood" {
	printf '%s\n' '{"time":"2026-12-01T00:00:00Z","log":"I1122 13:00:00.5 1 a.go:1] x"}' \
		'I0231 13:00:00.5 1 a.go:1] x' 'I1122 13:00' >in
	run -3 --separate-stderr logparse --test -p klog in
	diff - <(echo "$output") <<'WANT'
2 of 3 messages fit (66.6 %)
klog: 2
times not understood: 1

in:1: fits klog
    level  info
    id  1
    file  a.go
    line  1
    message  x
  time: 2026-11-22T13:00:00.5Z

in:2: klog: the time is not understood
    I0231 13:00:00.5 1 a.go:1] x

in:3: klog: not mmdd hh:mm:ss.uuuuuu
    I1122 13:00
               ^
WANT
}

@test "no memory is taken for a record once there is enough" {
	export LOGSWEEP_CONFINE=no # the counter writes a file of its own at the end
	cc=$(command -v cc || command -v gcc || command -v clang) || skip "no compiler"
	cat >count.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
static unsigned long n;
void *malloc(size_t s) {
	static void *(*real)(size_t);
	if (!real) real = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	n++;
	return real(s);
}
void *realloc(void *p, size_t s) {
	static void *(*real)(void *, size_t);
	if (!real) real = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	n++;
	return real(p, s);
}
__attribute__((destructor)) static void tell(void) {
	FILE *f = fopen("allocations", "w");
	if (f) fprintf(f, "%lu\n", n), fclose(f);
}
C
	$cc -shared -fPIC -o count.so count.c -ldl
	nm -D "$(command -v logparse)" | grep -q __asan_init && skip "the sanitizer counts for itself"
	printf '[PARSER]\n Name d\n Format json\n Time_Key ts\n Time_Format epoch\n Decode_Field_As json log\n' >p.conf
	printf '[PARSER]\n Name t\n Format logfmt\n Types a:integer b:hex\n' >>p.conf
	for p in json nginx logfmt syslog t d; do
		case $p in
		json) m='{"a":1,"b":{"c":"x"}}' ;;
		nginx) m='10.0.0.1 - - [22/Nov/2026:14:00:00 +0100] "GET / HTTP/1.1" 200 5 "-" "curl/8"' ;;
		logfmt | t) m='a=007 b="x \"y\"" c=1' ;;
		syslog) m='Nov 22 13:00:00 h a[1]: b' ;;
		d) m='{"ts":1.5,"log":"{\"a\":1}"}' ;;
		esac
		for n in 1000 20000; do
			message "$m" | awk -v n=$n '{ for (i = 0; i < n; i++) print }' >in
			LD_PRELOAD=$PWD/count.so logparse -R p.conf -p "$p" --strip-ansi --redact='\d{16}' in >/dev/null
			mv allocations "$n"
		done
		cmp 1000 20000 || { echo "$p: $(cat 1000 20000)"; false; }
	done
}

@test "--redact sees the lines of a joined message together" {
	for l in 'java.lang.IllegalStateException: key' '	at a.B.c(B.java:1)' '	at BEGIN' '	at secret' '	at END.x'; do
		printf '{"stream":"stdout","log":"%s"}\n' "${l//$'\t'/\\t}"
	done >in
	[ "$(logparse --multiline=java --redact='BEGIN[\s\S]*END' in | jq -r .log | tail -n 1)" = $'\tat [redacted].x' ] ||
		logparse --multiline=java --redact='BEGIN[\s\S]*END' in
	run ! grep -q secret <(logparse --multiline=java --redact='BEGIN[\s\S]*END' in)
}
