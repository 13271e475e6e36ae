bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# record END MEMBERS, mark END: as logtail writes them
record() {
	printf '{"_src":{"file":"/var/log/containers/a_b_c.log","id":"9f3c/o","gen":3,"end":%d},' "$1"
	printf '"time":"2026-11-22T13:00:00.%09dZ","stream":"stdout",%s}\n' "$1" "$2"
}
mark() {
	printf '{"_src":{"file":"/var/log/containers/a_b_c.log","id":"9f3c/o","gen":3,"end":%d}}\n' "$1"
}

balanced() {
	jq -e '.in == .out + .rejected + .filtered + .joined and .out == .parsed + .unparsed' "$1"
}

# hostile SEED: 20,000 records with all that a message may hold, as bytes
hostile() {
	python3 - "$1" <<'PY'
import json, random, sys
r = random.Random(int(sys.argv[1]))
out = sys.stdout.buffer
bits = ['{', '}', '[', ']', '"', '\\', ':', ',', ' ', '\t', '\n', '\r', '0', '1.10', '-', 'e5',
	'true', 'null', 'NaN', '"a"', '"a":1', '{"a":1}', '\\u0041', '\\ud800', '\\/', '\x00', '\x7f', 'é',
	'€', '🎉', '\u2028', '\ufeff', '\\x', 'x' * 20, "'"]
def value(d):
	k = r.randrange(9 if d < 4 else 6)
	if k == 0: return r.choice(['1.10', '9223372036854775808', '1e400', '-0', '0.5E-7', '-12', '18446744073709551616.5'])
	if k == 1: return r.choice(['true', 'false', 'null'])
	if k < 6: return string()
	gap = r.choice(['', '', ' ', '\n\t', '\r\n'])
	if k == 6: return '[' + gap + (',' + gap).join(value(d + 1) for _ in range(r.randrange(4))) + gap + ']'
	return obj(d + 1, gap)
def string():
	return '"' + ''.join(r.choice(['a', 'bc', 'key', '\\n', '\\"', '\\\\', '\\/', '\\u00e9', '\\ud83c\\udf89',
		'\\ud800', '\\u0000', 'é', '日本語', '🎉', '{', '}', ' ', 'x' * 33]) for _ in range(r.randrange(8))) + '"'
def obj(d, gap=''):
	return '{' + gap + (',' + gap).join(string() + gap + ':' + value(d) for _ in range(r.randrange(6))) + gap + '}'
def escaped(text):
	form = r.randrange(4)
	s = json.dumps(text, ensure_ascii=form == 0)
	if form == 2: s = s.replace('/', '\\/')
	if form == 3: s = '"' + ''.join('\\u%04x' % ord(c) if r.random() < .1 and ord(c) < 0x10000 and c not in '\\"'
		and not 0xd800 <= ord(c) < 0xe000 else json.dumps(c, ensure_ascii=False)[1:-1] for c in text) + '"'
	return s
for i in range(20000):
	k = r.randrange(10)
	text = ''.join(r.choice(bits) for _ in range(r.randrange(12))) if k == 0 else obj(0)
	if k == 1:                      # one change somewhere
		at = r.randrange(len(text) + 1)
		text = text[:at] + r.choice(bits + ['']) + text[at + r.randrange(2):]
	if k == 2: text = r.choice([' ', '\n', '\t ', 'x', '\u00a0']) + text + r.choice([' ', '\r\n', 'x', ',', '\x00'])
	log = escaped(text)
	raw = log.encode('utf-8', 'surrogatepass')
	if k == 3:                      # bytes that are not UTF-8, half pairs
		at = r.randrange(1, len(raw))
		while raw[at - 1] == 92: at -= 1    # not into an escape
		raw = raw[:at] + r.choice([b'\xff', b'\xc0\xaf', b'\xed\xa0\x80', b'\\ud800', b'\\udc00', b'\xe2\x82']) + raw[at:]
	form = r.randrange(5)
	head = b'{"_src":{"file":"/f%d","id":"9/o","gen":3,"end":%d},"time":"2026-11-22T13:00:00Z","stream":"stdout",' % (i // 100, i)
	tail = b'}'
	if form == 1: tail = b',"attrs":{"n":1.10}}'
	if form == 2: head, tail = b'{ "x" : 1e400 , ', b' , "log_process":0 }'
	if form == 3: head = b'{'
	line = head + b'"log":' + raw + tail
	if line.count(b'\n'): continue
	out.write(line + b'\n')
PY
}

# want [merge]: what Python makes of the records on standard input, by another road
want() {
	cat >want.py <<'PY'
import json, sys
def pairs(p):
	if len({k for k, v in p}) < len(p): raise ValueError('twice')
	return p
def no(x): raise ValueError(x)
strict = json.JSONDecoder(object_pairs_hook=pairs, parse_int=str, parse_float=str, parse_constant=no)
known = {'_src', 'time', 'stream', 'log', 'attrs', 'kubernetes', '_error'}
merge = len(sys.argv) > 1
shape = json.JSONDecoder(strict=True)
out = sys.stdout.buffer
for line in sys.stdin.buffer.read().split(b'\n')[:-1]:
	try:
		at = line.index(b'"log":"')
		text = line.decode('utf-8', 'surrogateescape')
		start = text.index('"log":"') + 6
		message, end = shape.raw_decode(text, start)
		message.encode('utf-8')       # half pairs, bytes that are not UTF-8
		body = message.strip(' \t\r\n')
		if not body.startswith('{'): raise ValueError
		members = strict.decode(body)
	except ValueError:
		out.write(line + b'\n')
		continue
	body = body.replace('\n', ' ').replace('\r', ' ')
	head, tail = text[:start - 6], text[end:]
	keys = [k for k, v in members]
	top = {k for k, v in strict.decode(head + '"log":""' + tail)}
	if merge and keys and len(set(keys)) == len(keys) and not (set(keys) & (known | top)):
		new = body[1:-1]
	else:
		new = '"log_processed":' + body
	out.write((head + new + tail).encode('utf-8', 'surrogateescape') + b'\n')
PY
	python3 want.py "$@"
}

@test "a JSON message becomes log_processed byte for byte" {
	record 1 '"log":"{\"n\":[1.10,9223372036854775808,1e400],\"a\":\"\\u00e9\\/\",\"b\":2}"' >in
	run -0 --separate-stderr logparse in
	[ "$output" = "$(record 1 '"log_processed":{"n":[1.10,9223372036854775808,1e400],"a":"\u00e9\/","b":2}')" ]
	[ -z "$stderr" ]
}

@test "records that are not JSON inside, and marks, pass byte for byte and in order" {
	{
		mark 0
		record 1 '"log":"plain"'
		record 2 '"log":"[1]"'
		mark 2
		record 3 '"log":"{\"cut\":"'
		record 4 '"log":""'
		record 5 '"log":"\ud800 \u0000 \/ \u00e9"'
		record 6 '"other":{"log":"{}"}'
		record 7 '"log":{"a":1}'
		record 8 '"log":"{}","log_processed":1'
		record 9 '"log":"{}","_error":{"by":"logtail","why":"cut"}'
		echo '{ "x" : 1.10 , "log" : 7 }'
		mark 9
	} >in
	logparse --stats=stats in >out
	cmp in out
	balanced stats
	[ "$(jq -c '[.in, .out, .parsed, .unparsed, .clash]' stats)" = '[10,10,0,10,1]' ]
}

@test "marks stay between the records they stood between" {
	{ mark 0; record 1 '"log":"{\"a\":1}"'; mark 1; record 2 '"log":"x"'; mark 2; } >in
	run -0 --separate-stderr logparse in
	[ "$(jq -c 'keys - ["time", "stream"] | join(" ")' <<<"$output" | tr -d '"' | paste -sd,)" = \
		"_src,_src log_processed,_src,_src log,_src" ]
}

@test "what the messages hold is what Python reads, for hostile messages" {
	command -v python3 >/dev/null || skip "no python3"
	for seed in 1 2; do
		hostile $seed >in
		want <in >want
		logparse in >out
		cmp want out
	done
	[ "$(grep -c log_processed out)" -gt 10000 ]
	[ "$(grep -c '"log":' out)" -gt 1000 ]
}

@test "--merge lifts what Python would lift, and never makes a key twice" {
	command -v python3 >/dev/null || skip "no python3"
	hostile 3 >in
	want merge <in >want
	logparse --merge --stats=stats in >out
	cmp want out
	balanced stats
	[ "$(jq .duplicate stats)" -gt 100 ]
}

@test "JSON with a key twice stays in the message, counted, unless --duplicates=keep" {
	record 1 '"log":"{\"a\":1,\"b\":{\"c\":1,\"\\u0063\":2}}"' >in
	logparse --stats=stats in | cmp - in
	[ "$(jq -c '[.unparsed, .duplicate]' stats)" = '[1,1]' ]
	[ "$(logparse --duplicates=keep in)" = "$(record 1 '"log_processed":{"a":1,"b":{"c":1,"\u0063":2}}')" ]
	logparse -p json -p logfmt in | cmp - in
}

@test "--merge puts an object that clashes under its key, and counts it" {
	record 1 '"log":"{\"a\":1,\"time\":2}"' >in
	logparse --merge --into=p --stats=stats in >out
	[ "$(cat out)" = "$(record 1 '"p":{"a":1,"time":2}')" ]
	[ "$(jq -c '[.parsed, .clash]' stats)" = '[1,1]' ]
}

@test "--merge of an empty object does not turn a record into a mark" {
	echo '{"_src":{"file":"f","id":"9/o","gen":3,"end":7},"log":"{}"}' >in
	[ "$(logparse --merge in)" = '{"_src":{"file":"f","id":"9/o","gen":3,"end":7},"log_processed":{}}' ]
}

@test "--keep: auto drops JSON and keeps what a pattern read, yes and no do as they say" {
	j='{"log":"{\"a\":1}"}'
	n='{"log":"1.2.3.4 - - [t] \"GET / HTTP/1.1\" 200 5"}'
	[ "$(logparse <<<"$j" | jq -c keys)" = '["log_processed"]' ]
	[ "$(logparse --keep=yes <<<"$j")" = '{"log":"{\"a\":1}","log_processed":{"a":1}}' ]
	[ "$(logparse -p nginx <<<"$n" | jq -c keys)" = '["log","log_processed"]' ]
	[ "$(logparse -p nginx --keep=no <<<"$n" | jq -c keys)" = '["log_processed"]' ]
}

@test "a message that was not parsed stays even with --keep=no" {
	[ "$(logparse --keep=no <<<'{"log":"x"}')" = '{"log":"x"}' ]
}

@test "--key and --into name the fields" {
	[ "$(logparse --key=msg --into=m <<<'{"log":"{}","msg":"{\"a\":1}"}')" = '{"log":"{}","m":{"a":1}}' ]
}

@test "nginx gives Fluent Bit's fields, as strings, and skips empty ones" {
	record 1 '"log":"10.0.0.1 - tony [22/Nov/2026:13:00:00 +0000] \"GET /a?b=\\x22 HTTP/1.1\" 200 612 \"\" \"curl/8\""' >in
	run -0 --separate-stderr logparse -p nginx in
	[ "$(jq -c .log_processed <<<"$output")" = '{"remote":"10.0.0.1","host":"-","user":"tony","method":"GET","path":"/a?b=\\x22","code":"200","size":"612","agent":"curl/8"}' ]
	[ "$(jq -r .time <<<"$output")" = 2026-11-22T13:00:00Z ]
}

@test "of several parsers the first that fits is taken" {
	{ record 1 '"log":"{\"a\":1}"'; record 2 '"log":"1.2.3.4 - - [t] \"GET / HTTP/1.1\" 200 5"'; record 3 '"log":"no"'; } >in
	run -0 --separate-stderr logparse -p json -p nginx in
	[ "$(jq -c '.log_processed | if . then keys | length else 0 end' <<<"$output" | paste -sd' ')" = '1 8 0' ]
}

@test "a line that is no record is wrapped, counted, and makes the exit status 3" {
	{ echo 'oops'; record 1 '"log":"{\"a\":1}"'; echo '{"a":'; echo '[1]'; printf '{"a":"\xff"\n'; } >in
	run -3 --separate-stderr logparse --stats=stats in
	[ "$(jq -c 'select(._error) | .log' <<<"$output" | paste -sd' ')" = '"oops" "{\"a\":" "[1]" "{\"a\":\"�\""' ]
	[[ $stderr == *"logparse: in:1: not a JSON object; set aside as an _error record"* ]]
	balanced stats
	[ "$(jq -c '[.in, .out, .rejected]' stats)" = '[5,1,4]' ]
}

@test "--strict ends at the first line that is no record" {
	run -1 --separate-stderr logparse --strict <<<'oops'
	[ "$stderr" = "logparse: <stdin>:1: not a JSON object" ]
}

@test "a last line without its line feed is a record" {
	printf '{"log":"{\\"a\\":1}"}' >in
	[ "$(logparse in)" = '{"log_processed":{"a":1}}' ]
}

@test "a message of 10 MB goes through" {
	command -v python3 >/dev/null || skip "no python3"
	python3 -c 'import json
print(json.dumps({"log": json.dumps({"a": ("\"" + "x" * 99) * 100000})}))' >in
	logparse in >out
	[ "$(jq '.log_processed.a | length' out)" -eq 10000000 ]
	printf '{"log":"%s"}\n' "$(head -c 10000000 /dev/zero | tr '\0' x)" >in
	logparse in | cmp - in
}

@test "usage errors end with 2 before anything is written" {
	run -2 --separate-stderr logparse -p ngnix /dev/null
	[ "$stderr" = "logparse: ngnix: no such parser; did you mean nginx?" ]
	run -2 --separate-stderr logparse --keep=maybe /dev/null
	[ "$stderr" = "logparse: --keep: maybe: not one of auto, yes, no" ]
	run -2 --separate-stderr logparse --into=time /dev/null
	[ "$stderr" = "logparse: --key, --into: time: a field that records are made of" ]
	run -2 --separate-stderr logparse --key=m --into=m /dev/null
	[ -z "$output" ]
}

@test "a file that is not there is told and makes the exit status 3, the others are read" {
	echo '{"log":"{}"}' >in
	run -3 --separate-stderr logparse nowhere in
	[ "$output" = '{"log_processed":{}}' ]
	[ "$stderr" = "logparse: nowhere: No such file or directory" ]
}

@test "output that cannot be written makes the exit status 1" {
	record 1 '"log":"{}"' >in
	run -1 --separate-stderr bash -c 'logparse in >/dev/full'
	[[ $stderr == "logparse: <stdout>: No space left on device" ]]
}

@test "--list shows each parser with a sample that it fits" {
	logparse --list >list
	[ "$(jq -s length list)" -ge 6 ]
	while read -r line; do
		name=$(jq -r .name <<<"$line")
		jq -c '{log: .sample}' <<<"$line" >in
		logparse -p "$name" --stats=stats in >out
		[ "$(tail -n 1 stats | jq .parsed)" -eq 1 ]
	done <list
}

@test "--test reports the share that fits, the first fields, and where the rest stops" {
	printf '%s\n' '10.0.0.1 - - [t] "GET / HTTP/1.1" 200 5' '{"log":"10.0.0.1 - -  [t]"}' >in
	run -3 --separate-stderr logparse --test -p nginx in
	[ "${lines[0]}" = "1 of 2 messages fit (50.0 %)" ]
	[ "${lines[1]}" = "nginx: 1" ]
	[[ $output == *"in:1: fits nginx"*"remote  10.0.0.1"* ]]
	[[ $output == *$'in:2: nginx: does not fit from here\n    10.0.0.1 - -  [t]\n                 ^'* ]]
	run -0 --separate-stderr logparse --test <<<'{"a":1}'
	[ "${lines[0]}" = "1 of 1 messages fit (100.0 %)" ]
}

@test "--test passes over the marks of logtail, which have no message" {
	printf '%s\n' '{"_src":{"file":"f","id":"9f3c","gen":0,"end":0}}' '{"_src":{"file":"f","id":"9f3c","gen":0,"end":9},"log":"{}"}' \
		'{"_src":{"file":"f","id":"9f3c","gen":0,"end":9,"at":9,"final":true}}' >in
	run -0 logparse --test in
	[ "${lines[0]}" = "1 of 1 messages fit (100.0 %)" ]
}

@test "the examples of logparse(1) are what comes out" {
	page=$BATS_TEST_DIRNAME/../man/logparse.1
	sed -n 's/\\e/\\/g; /^\$ cat a.ndjson/{n;p}' "$page" | sed 's/\\e/\\/g' >a.ndjson
	[ "$(logparse a.ndjson)" = "$(sed -n '/^\$ logparse a.ndjson/{n;p}' "$page")" ]
	[ "$(logparse --merge a.ndjson)" = "$(sed -n '/^\$ logparse --merge a.ndjson/{n;p}' "$page")" ]
	printf '[Fri Jul 17 20:17:0%s\n' '3 2026] [error] no such file' '4 2026] error: no such file' >error.log
	sed -n '/^\$ logparse --test/,/^\.Ed/p' "$page" | sed '1d;$d' >want
	run -3 logparse --test -p apache_error error.log
	[ "$output" = "$(cat want)" ]
}
