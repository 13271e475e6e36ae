bats_require_minimum_version 1.5.0
load limits

# Past the ceilings of logs and of what is made of their lines: logtail and logparse.

setup() {
	for v in $(compgen -e LOGSWEEP_); do unset "$v"; done
	cd "$BATS_TEST_TMPDIR" || return
	: >in
}

# message: standard input, of letters only, as the message of a record
message() {
	printf '{"log":"'
	cat
	echo '"}'
}
letters() {
	head -c "$1" /dev/zero | tr '\0' a
}

# past: rotated files of one log
@test "401 rotated files of one log: none is read, told, exit 3, the other log is" {
	mkdir logs
	for i in $(seq 401); do echo "l$i" >"logs/a.log.$i"; done
	echo ok >logs/b.log
	peak logtail logs
	ended 3 "/logs/a.log: more than 400 rotated files; not read"
	[ "$(jq -r '.log // empty' out)" = ok ]
	rm logs/a.log.401
	peak logtail logs
	ended 0
	[ "$(jq -r '.log // empty' out | wc -l)" -eq 401 ]
}

# past: a log's name, or its directory's, in JSON
@test "a name of over 2048 bytes of JSON: told, exit 3, not read, not gone; the others are read" {
	bytes() { printf '\1%.0s' $(seq "$1"); }
	d=logs/$(bytes 120)
	mkdir -p "$d"
	echo a1 >"$d/a.log"
	echo c1 >"$d/$(bytes 200).log" # six bytes of JSON each
	logtail --state=S logs >m
	[ "$(jq -r '.log // empty' m | sort | paste -sd' ')" = "a1 c1" ]
	logbatch --state=S m >/dev/null
	echo a2 >>"$d/a.log"
	mv "$d/a.log" "$d/$(bytes 250).log"
	echo b1 >logs/b.log
	peak logtail --state=S logs
	ended 3 "its name or its directory's is over 2048 bytes as JSON; not read"
	[ "$(jq -r '.log // empty' out)" = b1 ]
	[ "$(jq -c 'select(._src.gone)' out)" = "" ]
	logbatch --state=S out >/dev/null
	mv "$d/$(bytes 250).log" "$d/a.log"
	[ "$(logtail --state=S logs | jq -r '.log // empty')" = a2 ]
	# where the directory alone is too long, and as the member of an archive
	mkdir -p "e/$(bytes 250)/$(bytes 100)"
	echo e1 >"e/$(bytes 250)/$(bytes 100)/e.log"
	ln -s "$PWD/e/$(bytes 250)/$(bytes 100)/e.log" short.log
	peak logtail short.log
	ended 3 "short.log: its name or its directory's is over 2048 bytes"
	[ ! -s out ]
	echo f1 >f.log
	tar cf e.tar e f.log
	peak logtail e.tar
	ended 3 "e.tar: the name of a member is too long; it is not read"
	[ "$(jq -r '.log // empty' out)" = f1 ]
}

# past: directories within directories
@test "33 directories deep: told, exit 3, not read; 32 are" {
	deep=logs$(printf '/d%.0s' $(seq 32))
	mkdir -p "$deep/more"
	echo ok >"$deep/a.log"
	echo no >"$deep/more/b.log"
	peak logtail logs
	ended 3 "/d/more: more than 32 directories deep; not read"
	[ "$(jq -r '.log // empty' out)" = ok ]
}

# past: a zip's directory
@test "a zip whose directory has 17 MiB is not read: told, exit 3, the next file is" {
	python3 - <<-'PY'
		import struct
		open("d.zip", "wb").write(b"PK\3\4" + bytes(17 << 20) + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 17 << 20, 4, 0))
	PY
	echo ok >b.log
	peak logtail d.zip b.log
	ended 3 "logtail: d.zip: the directory of this zip is larger than 16 MiB; not read: unpack it"
	[ "$(jq -r '.log // empty' out)" = ok ]
	within 16384
}

# past: fields of a message
@test "a message of 257 fields does not fit: the record passes as it came; 256 do" {
	for n in 257 256; do
		for i in $(seq "$n"); do printf 'k%d=v ' "$i"; done | message
	done >in
	printf '[PARSER]\n    Name words\n    Format logfmt\n' >parsers.conf
	peak logparse -R parsers.conf -p words
	ended 0
	cmp <(head -n 1 in) <(head -n 1 out)
	[ "$(tail -n 1 out | jq '.log_processed | length')" -eq 256 ]
	# groups of a pattern
	printf '[PARSER]\n    Name many\n    Format regex\n    Regex ^%s\n' "$(printf '(?<g%d>a)' $(seq 257))" >parsers.conf
	peak logparse -R parsers.conf -p many
	ended 2 "over 256 named groups"
}

# past: values of a message together
@test "values of over 16 MiB together do not fit: the record passes as it came" {
	printf '[PARSER]\n    Name thrice\n    Format regex\n    Regex ^(?<x>(?<y>(?<z>a*)))$\n' >parsers.conf
	{
		letters 6000000 | message
		letters 3000000 | message
	} >in
	peak logparse -R parsers.conf -p thrice
	ended 0
	cmp <(head -n 1 in) <(head -n 1 out)
	[ "$(tail -n 1 out | jq -c '.log_processed | map(length)')" = '[3000000,3000000,3000000]' ]
	within 131072
}

# past: memory of one match
@test "a match that wants more memory is given up: the record is marked, exit 3" {
	printf '[PARSER]\n    Name deep\n    Format regex\n    Regex ^(?<x>(a|ab|b)*c?)$\n' >parsers.conf
	{
		letters 8000000 | message
		letters 1000 | message
	} >in
	peak logparse -R parsers.conf -p deep
	ended 3
	[ "$(jq -c '[._error.by, (.log_processed | has("x")), (.log | length)]' out | paste -sd' ')" = '["logparse",false,8000000] [null,true,1000]' ]
	[ "$(head -n 1 out | jq -r ._error.why)" = "parser deep: given up: the pattern takes too much memory on this text" ]
	within 131072
}

# past: files of parsers, with those included
@test "257 files of parsers: exit 2 before any output; 256 are read" {
	mkdir c
	for i in $(seq 256); do printf '[PARSER]\n    Name p%d\n    Format json\n' "$i" >c/$i.conf; done
	echo '@INCLUDE c/*.conf' >all.conf
	echo '{"log":"x"}' >in
	peak logparse -R all.conf
	ended 2 "over 256 files are included"
	[ ! -s out ]
	rm c/256.conf
	peak logparse -R all.conf
	ended 0
}

# past: bytes of a joined message
@test "lines of 100 MB that belong together: pieces of 1 MiB that say so, in little memory" {
	{
		echo '{"log":"x.Error: 0"}'
		yes "{\"log\":\"\\tat $(letters 9990)\"}" | head -n 10000
	} >in
	peak logparse --multiline=java
	ended 0
	jq -c '[(.log | length <= 1048576), (._part | has("n"))]' out | sort -u | grep -Fx '[true,true]'
	[ "$(jq -c '[(.log | length <= 1048576), (._part | has("n"))]' out | sort -u | wc -l)" -eq 1 ]
	[ "$(jq -r '.log' out | tr -d '\n' | wc -c)" -gt 99900000 ]
	within 32768
}

# past: an xz dictionary
@test "xz data that want a dictionary of over 64 MiB are not read: told, exit 3; xz -9 and many blocks are" {
	python3 - <<-'PY'
		import lzma, os
		def xz(data, mib):
		    return lzma.compress(data, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": mib << 20}])
		open("a.log.1.xz", "wb").write(xz(b"no\n" * 50000000, 96))
		open("b.log.1.xz", "wb").write(xz(b"yes\n", 64) + bytes(4) + xz(b"no\n", 65))
	PY
	seq 500000 | xz -9 >c.log.1.xz
	{
		seq 500000 | xz -0 --block-size=100KiB -C sha256 --x86 --lzma2=preset=0
		head -c 8 /dev/zero
		head -c 1000000 /dev/urandom | base64 | xz -C none
	} >d.log.1.xz
	peak logtail a.log
	ended 3 "a.log.1.xz: xz data: it wants a dictionary of more than 64 MiB; not read"
	[ ! -s out ] || ! grep -q '"log"' out
	within 16384
	peak logtail --list a.log
	ended 3 "a.log.1.xz: xz data: it wants a dictionary of more than 64 MiB; not read"
	peak logtail b.log
	ended 3 "it wants a dictionary of more than 64 MiB; not read"
	for f in c d; do
		peak logtail $f.log
		ended 0
		cmp <(xz -dc $f.log.1.xz) <(jq -r 'select(.log).log' out)
	done
}

# past: what a compressed log unpacks to
@test "of a compressed log 1 GiB is read, the rest is told in each sweep, exit 3; more can be allowed" {
	python3 - <<-'PY'
		import zlib
		line = b"x" * 65535 + b"\n"
		c = zlib.compressobj(9, zlib.DEFLATED, 31)
		with open("a.log.1.gz", "wb") as f:
		    for i in range((1 << 14) + 10):
		        f.write(c.compress(line))
		    f.write(c.flush())
	PY
	touch -d '1 hour ago' a.log.1.gz
	echo other >b.log
	tail=0
	logtail --state=S --max-expand=2 a.log b.log 2>err | logbatch --state=S >/dev/null || tail=${PIPESTATUS[0]}
	grep -q 'a.log.1.gz: more than --max-expand allows comes of it; the rest is not read' err
	peak logtail --state=S --max-expand=2 a.log b.log
	ended 3 "a.log.1.gz: more than --max-expand allows comes of it; the rest is not read"
	[ "$(jq -r 'select(.log)' out)" = "" ]
	# and that without unpacking it again
	peak logtail --state=S --max-expand=2 --stats=stats a.log b.log
	ended 3 "a.log.1.gz: more than --max-expand allows comes of it; the rest is not read"
	[ "$(jq -c '[.files, .bytes_in]' stats)" = "[0,0]" ]
	[ ! -s out ]
	# if it goes, what was not read is a gap
	mv a.log.1.gz kept
	peak logtail --state=S --max-expand=2 a.log b.log
	ended 3
	[ "$(jq -c 'select(._error.gap) | ._error.gap.size' out | uniq)" = $(((1 << 30) + 1)) ]
	mv kept a.log.1.gz
	peak logtail --state=S --max-expand=100000 a.log b.log
	ended 0
	[ "$(jq -r 'select(.log).log | length' out | grep -cx 65535)" -eq 10 ]
}
