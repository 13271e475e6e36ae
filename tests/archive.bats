#!/usr/bin/env bats
bats_require_minimum_version 1.5.0

# logtail: archives and compressed files as operands; with logbatch, each line once.

T=2026-11-22T13:00

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	logtail --version 2>/dev/null | grep -q '(logsweep)' || skip "logtail is not built"
}

# cri FROM TO [STREAM]; docker and raw the same
cri() {
	seq "$1" "$2" | awk -v t=$T -v s="${3-stdout}" '{ printf "%s:%02d.%09dZ %s F line %d\n", t, $1 / 100 % 60, $1, s, $1 }'
}
docker() {
	seq "$1" "$2" | awk -v t=$T -v s="${3-stdout}" '{
		printf "{\"log\":\"line %d\\n\",\"stream\":\"%s\",\"time\":\"%s:%02d.%09dZ\"}\n", $1, s, t, $1 / 100 % 60, $1 }'
}
raw() { seq -f "line %g" "$1" "$2"; }
records() { jq -c 'select(keys != ["_src"])' "$@"; }
logs() { jq -r 'select(has("log")) | .log' "$@"; }
old() { touch -d '1 hour ago' "$@"; }
balanced() { jq -se 'last | .in == .out + .rejected + .filtered + .joined' "$1" >/dev/null; }
# content: records without the names they came by, sorted
content() { records "$@" | jq -c 'del(._src.file, ._src.gen)' | sort; }

sweep() {
	tail=0
	logtail --state=S --stats=stats "$@" >rec 2>told || tail=$?
	batch=0
	logbatch --state=S --node=n <rec >manifests 2>batch-told || batch=$?
	[[ $batch -eq 0 || $batch -eq 3 ]]
	balanced stats
}
archived() { find S/outbox -name '*.gz' -exec zcat {} + | logs | sort -V; }
holds() { diff <(archived | grep '^line') <(raw "$1" "$2"); }
again() {
	sweep "$@"
	[ ! -s rec ]
}

# a pod with a live file and rotated ones, Docker beside it, and raw
tree() {
	local pod=t/var/log/pods/shop_web-0_6f1d2c3b-0000-4000-8000-000000000001/app
	mkdir -p $pod t/var/lib/docker/containers/aa
	cri 1 40 | gzip >$pod/0.log.20261122-120000.gz
	cri 41 80 >$pod/0.log.20261122-130000
	cri 81 120 >$pod/0.log
	docker 121 150 stderr >t/var/lib/docker/containers/aa/aa-json.log
	raw 151 160 >t/var/log/app.log
	find t -type f -exec touch -d '1 hour ago' {} +
}

pack() { # pack NAME: the tree as an archive of that kind
	case $1 in
	*.tar) tar cf "$1" t ;;
	*.tar.gz | *.tgz) tar czf "$1" t ;;
	*.tar.zst) tar c t | zstd -q >"$1" ;;
	*.tar.xz) tar c t | xz >"$1" ;;
	*.tar.bz2) tar c t | bzip2 >"$1" ;;
	*.pax) tar --format=pax -cf "$1" t ;;
	*.v7) tar --format=v7 -cf "$1" t ;;
	*.cpio) find t | cpio -o -H newc >"$1" 2>/dev/null ;;
	*.odc) find t | cpio -o -H odc >"$1" 2>/dev/null ;;
	*.zip) zip -qr "$1" t ;;
	esac
	old "$1"
}

### what is read

@test "the same logs give the same records from the tree and from each kind of archive" {
	tree
	logtail t >tree
	content tree >want
	[ "$(wc -l <want)" -eq 160 ]
	for a in b.tar b.tar.gz b.tgz b.tar.zst b.tar.xz b.tar.bz2 b.pax b.v7 b.cpio b.odc b.zip; do
		mkdir "d-$a"
		pack "d-$a/$a"
		logtail --stats=stats "d-$a/$a" >out 2>told
		[ ! -s told ]
		balanced stats
		diff want <(content out)
	done
}

@test "a member's name is ARCHIVE!MEMBER, and k8smeta knows its pod" {
	tree
	pack b.tar.gz
	logtail b.tar.gz >out
	[ "$(records out | jq -r ._src.file | grep -c '^b.tar.gz!t/var/log/pods/.*/app/0.log')" -eq 120 ]
	k8smeta --node=n <out | records | jq -r 'select(.kubernetes.pod_name == "web-0") | .log' | wc -l | grep -x 120
}

@test "what is inside tells an archive, not its name" {
	tree
	pack b.tar.gz
	mv b.tar.gz logs
	logtail logs >out
	[ "$(records out | wc -l)" -eq 160 ]
	raw 1 3 >fake.tar.gz
	old fake.tar.gz
	run -3 --separate-stderr logtail fake.tar.gz
	[[ $stderr == *"fake.tar.gz: not gzip data, or damaged at its beginning" ]]
	# begins as a cpio, or as an old MySQL log
	echo '070701 12:00:01 mysqld started' >mysql.log
	old mysql.log
	[ "$(logtail mysql.log | logs)" = '070701 12:00:01 mysqld started' ]
}

@test "archives are found in a directory and by a glob, each once" {
	tree
	mkdir d
	pack d/b.tar.gz
	[ "$(logtail d | records | wc -l)" -eq 160 ]
	[ "$(logtail 'd/*.gz' d | records | wc -l)" -eq 160 ]
}

@test "a single .gz, .zst, .xz or .bz2 is read, also under another name, and as a rotated file" {
	for f in cri docker raw; do
		$f 1 50 >log
		for p in gzip zstd xz bzip2; do
			rm -rf d && mkdir d
			$p -c <log >d/x 2>/dev/null
			old d/x
			[ "$(logtail d/x | logs)" = "$(raw 1 50)" ]
		done
	done
	rm -rf d && mkdir d
	cri 1 10 | zstd -q >d/a.log-20261120.zst
	cri 11 20 | xz >d/a.log-20261121.xz
	cri 21 30 | bzip2 >d/a.log-20261122.bz2
	cri 31 40 >d/a.log
	old d/*
	logtail d/a.log >out
	[ "$(logs out)" = "$(raw 1 40)" ]
	[ "$(records out | jq -r ._src.file | sort -u)" = d/a.log ]
	# several frames are one text
	{ raw 1 5 | zstd -q; raw 6 9 | zstd -q; } >two
	old two
	[ "$(logtail two | logs)" = "$(raw 1 9)" ]
}

@test "a compressed file that is cut is read about up to there, and told" {
	seq 1 300000 | awk '{ print "line", $1, rand() }' >log
	for p in zstd xz bzip2; do
		$p -c <log >whole
		head -c $(($(stat -c %s whole) * 3 / 4)) whole >cut
		old cut
		tail=0
		logtail cut >out 2>told || tail=$?
		[ $tail -eq 3 ]
		grep -q "cut: the $p data end too early; read as far as they go" told
		logs out >lines
		n=$(wc -l <lines)
		[ "$n" -gt 100000 ]
		cmp <(head -n $((n - 1)) lines) <(head -n $((n - 1)) log)
		cp whole cut
		printf 'XXXXXXXXXXXXXXXX' | dd of=cut bs=1 seek=$(($(stat -c %s whole) * 3 / 4)) conv=notrunc status=none
		old cut
		tail=0
		logtail cut >out 2>told || tail=$?
		[ $tail -eq 3 ]
		jq -r 'select(._error)._error.why' out | grep -q "^$p data: .*; the rest is lost$"
	done
}

@test "-x leaves members out, by path or last part" {
	tree
	pack b.tar.gz
	logtail -x '*/var/log/pods/*' -x app.log b.tar.gz >out
	[ "$(logs out)" = "$(raw 121 150)" ]
}

@test "--since and --until hold in archives, and members last written before are not read" {
	mkdir t
	cri 1 1000 >t/a.log
	touch -d 2026-11-22T13:00:09Z t/a.log
	cri 1001 1010 >t/b.log
	touch -d 2026-11-22T13:00:01Z t/b.log
	tar cf b.tar t
	logtail --stats=stats --since=${T}:05Z --until=${T}:07Z b.tar >out
	[ "$(logs out)" = "$(raw 500 699)" ]
	[ "$(jq .older stats)" -eq 1 ]
}

@test "--list shows members with size, id and offset" {
	tree
	pack b.tar.gz
	logtail --list b.tar.gz >list
	[ "$(jq -s 'length' list)" -eq 5 ]
	[ "$(jq -rs '.[] | select(.file | endswith("app/0.log")) | [.format, .size, .committed, .state] | @tsv' list)" = \
		"cri	$(stat -c %s t/var/log/pods/*/app/0.log)	0	new" ]
	[ "$(jq -rs '.[] | select(.file | endswith(".gz")) | .size' list)" -eq "$(zcat t/var/log/pods/*/app/*.gz | wc -c)" ]
	sweep b.tar.gz
	[ "$(logtail --state=S --list b.tar.gz | jq -r '[.state, .lag] | @tsv' | sort -u)" = "done	0" ]
}

@test "--format goes for members, and odd lines are set aside with status 3" {
	mkdir t
	{ cri 1 3; echo odd; cri 4 5; } >t/a.log
	tar cf b.tar t
	run -3 --separate-stderr logtail b.tar
	[ "$(jq -r 'select(._error) | .log' <<<"$output")" = odd ]
	[ "$(logtail --format=raw b.tar | records | wc -l)" -eq 6 ]
}

### each line once

@test "a second run over the same archive adds nothing" {
	tree
	for a in b.tar b.tar.gz b.zip; do
		rm -rf S
		pack $a
		sweep $a
		[ "$tail" -eq 0 ]
		holds 1 160
		again $a
		[ "$tail" -eq 0 ]
		[ "$(jq -s 'last.unchanged' stats)" -eq 5 ]
		holds 1 160
	done
}

@test "what the node had as files is not read again from an archive, nor the other way round" {
	tree
	rm t/var/log/app.log # raw files of two names are two logs
	pack b.tar.gz
	sweep t
	holds 1 150
	again b.tar.gz
	rm -rf S
	sweep b.tar.gz
	holds 1 150
	sweep t
	[ -z "$(records rec)" ]
	holds 1 150
}

@test "files and archives of the same logs in one run are read once" {
	tree
	rm t/var/log/app.log
	pack b.tar.gz
	cp b.tar.gz c.tgz
	logtail b.tar.gz t c.tgz >out
	[ "$(logs out | sort -V)" = "$(raw 1 150)" ]
}

@test "an archive that has more of a log than the node had goes on from there" {
	mkdir t n
	cri 1 100 >n/0.log
	sweep n
	cri 1 300 >t/0.log
	tar czf b.tgz t
	sweep b.tgz
	[ "$(logs rec | head -1)" = "line 101" ]
	holds 1 300
	cri 1 350 >n/0.log
	sweep n
	[ "$(logs rec)" = "$(raw 301 350)" ]
	holds 1 350
	# and one with less adds nothing
	cri 1 200 >t/0.log
	tar czf c.tgz t
	again c.tgz
	[ "$tail" -eq 0 ]
}

@test "raw members that begin alike are told apart, each read once, in a second pass where it must be" {
	mkdir t
	for i in 1 2 3 4 5; do
		{ echo "a banner"; raw $((i * 100)) $((i * 100 + 50 + i)); } >t/$i.log
	done
	tar czf b.tgz t
	sweep b.tgz
	[ "$(archived | grep -c banner)" -eq 5 ]
	[ "$(archived | grep -c ^line)" -eq 270 ]
	again b.tgz
	# others, with names of their own, longer and shorter than those
	mkdir u
	for i in 6 7; do
		{ echo "a banner"; raw $((i * 100)) $((i * 100 + i * i * 10)); } >u/$i.log
	done
	echo "a banner" >u/8.log
	tar czf c.tgz u
	sweep c.tgz
	[ "$tail" -eq 0 ]
	[ "$(archived | grep -c banner)" -eq 8 ]
	[ "$(logs rec | grep -c ^line)" -eq 852 ]
	again c.tgz
	again b.tgz c.tgz
}

@test "equal beginnings with times are one log: a copy, a longer copy, a stub in one archive" {
	mkdir t
	cri 1 100 >t/a.log
	cri 1 100 >t/b.log
	cri 1 150 >t/c.log
	cri 1 20 >t/d.log
	tar cf b.tar t
	sweep b.tar
	holds 1 150
	again b.tar
}

@test "X and X.gz in an archive are one file, also raw ones" {
	mkdir t
	raw 1 50 >t/a.log.1
	gzip -c t/a.log.1 >t/a.log.1.gz
	tar cf b.tar t/a.log.1 t/a.log.1.gz
	[ "$(logtail b.tar | logs)" = "$(raw 1 50)" ]
}

@test "a run that is killed in the middle of an archive goes on where the commit stands" {
	mkdir -p t S
	for i in $(seq 0 19); do
		cri $((i * 5000 + 1)) $((i * 5000 + 5000)) | if ((i % 3)); then cat >t/$i.log; else gzip >t/$i.log.gz; fi
	done
	tar czf b.tgz t
	old b.tgz
	size=$(logtail --state=S b.tgz | wc -c)
	for part in 10 25 45 70 95; do
		# logtail dies somewhere, logbatch commits what marks have closed; its status is of no matter
		logtail --state=S b.tgz 2>/dev/null | head -c $((size * part / 100)) |
			logbatch --state=S --node=n >/dev/null 2>&1 || true
		logtail --state=S --list b.tgz | jq -s '[.[].committed] | add' >>committed
	done
	sort -nc committed
	[ "$(tail -1 committed)" -gt 0 ]
	sweep b.tgz
	[ "$tail" -eq 0 ]
	holds 1 100000
	again b.tgz
}

### what is in archives besides

@test "links, directories, devices and empty members are passed over, a hard link's content is read once" {
	mkdir t
	raw 1 5 >t/a.log
	ln t/a.log t/b.log
	ln -s a.log t/c.log
	ln -s /etc/passwd t/passwd
	: >t/empty.log
	mkfifo t/pipe
	tar cf b.tar t
	(cd t && rm pipe && zip -qy ../b.zip a.log c.log passwd empty.log)
	find t | cpio -o -H newc >b.cpio 2>/dev/null
	for a in b.tar b.zip b.cpio; do
		[ "$(logtail $a | logs)" = "$(raw 1 5)" ]
	done
}

@test "names with .., absolute ones, newlines and escapes never touch the disk and are valid JSON" {
	mkdir t x
	raw 1 2 >t/l
	python3 - <<'PY'
import io, tarfile
names = ["../up.log", "/etc/logsweep-absolute.log", "a\nb.log", "e\x1b[31mred.log", "q\"\\u.log", "\u00fcml\u00e4ut.log", "t/" + "d/" * 60 + "deep.log", "x" * 2000 + ".log"]
for form, to in ((tarfile.GNU_FORMAT, "b.tar"), (tarfile.PAX_FORMAT, "p.tar")):
    with tarfile.open(to, "w", format=form) as t:
        for i, n in enumerate(names):
            m = tarfile.TarInfo(n)
            data = b"line %d\n" % i
            m.size = len(data)
            t.addfile(m, io.BytesIO(data))
PY
	find . -newer b.tar ! -name p.tar ! -path . | sort >before
	for a in b.tar p.tar; do
		logtail "$a" >out
		[ "$(records out | wc -l)" -eq 8 ]
		jq -e . out >/dev/null
		LC_ALL=C grep -q '[[:cntrl:]]' <(tr -d '\n' <out) && return 1
		[ "$(records out | jq -r 'select(.log == "line 0")._src.file')" = "$a!../up.log" ]
		[ "$(records out | jq -r 'select(.log == "line 1")._src.file')" = "$a!/etc/logsweep-absolute.log" ]
		[ "$(records out | jq -r 'select(.log == "line 2")._src.file')" = "$a"$'!a\nb.log' ]
		[ "$(records out | jq -r 'select(.log == "line 5")._src.file')" = "$a!ümläut.log" ]
	done
	[ ! -e /etc/logsweep-absolute.log ]
	[ ! -e ../up.log ]
	sweep b.tar
	again b.tar
}

@test "an encrypted member and an archive in an archive are told and passed over, status 3" {
	mkdir t
	raw 1 3 >t/a.log
	zip -q -P secret b.zip t/a.log
	raw 4 6 >t/b.log
	zip -q b.zip t/b.log
	run -3 --separate-stderr logtail b.zip
	[ "$(logs <<<"$output")" = "$(raw 4 6)" ]
	[ "$stderr" = "logtail: b.zip!t/a.log: encrypted; not read" ]
	tar czf t/in.tgz t/a.log
	tar cf b.tar t
	run -3 --separate-stderr logtail b.tar
	[ "$(logs <<<"$output" | sort -V)" = "$(raw 1 6)" ]
	[ "$stderr" = "logtail: b.tar!t/in.tgz: an archive in an archive; not read" ]
}

@test "kinds that are not read are told" {
	printf '7z\xbc\xaf\x27\x1c0123456789\n' >b.7z
	old b.7z
	run -3 --separate-stderr logtail b.7z
	[ -z "$output" ]
	[[ $stderr == *"b.7z: 7-Zip archives are not read: unpack it" ]]
}

@test "no program is started for any archive" {
	[ -z "${UNDER-}" ] || skip "under $UNDER: its calls are counted"
	command -v strace >/dev/null || skip "no strace"
	strace -f -o trace true 2>/dev/null || skip "strace may not trace here"
	tree
	for a in b.tar.zst b.tar.xz b.tar.bz2 b.zip; do pack $a; done
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=execve,openat,open,creat,unlink,rename,mkdir,symlink -o trace logtail b.tar.zst b.tar.xz b.tar.bz2 b.zip >/dev/null
	[ "$(grep -c execve trace)" -eq 1 ]
	! grep -E 'O_(WRONLY|RDWR|CREAT)|creat\(|unlink|rename|mkdir|symlink' trace
	! grep -F '"t/' trace
}

### damage and ceilings

# lines of a member up to the damage are there, and one _error record says where it is
damaged() { # damaged FILE
	tail=0
	logtail --stats=stats "$1" >out 2>told || tail=$?
	[ $tail -eq 3 ]
	balanced stats
	jq -e . out >/dev/null
	[ "$(jq -c 'select(._error)' out | wc -l)" -eq 1 ]
	jq -r 'select(._error) | ._error.why' out | grep -Eq 'byte [0-9]+ of it: '
	n=$(logs out | grep -c '^line')
	[ "$n" -gt 100 ]
	diff <(jq -r 'select(has("log") and (._error | not)) | .log' out | head -n $((n - 1))) <(raw 1 $((n - 1)))
}

@test "a truncated archive is read up to the cut, with an _error record and status 3" {
	mkdir t
	cri 1 20000 >t/a.log
	cri 20001 40000 >t/b.log
	tar cf w.tar t/a.log t/b.log
	gzip -k w.tar
	zstd -qk w.tar
	zip -q w.zip t/a.log t/b.log
	find t -name '*.log' | sort | cpio -o -H newc >w.cpio 2>/dev/null
	for a in w.tar w.tar.gz w.tar.zst w.cpio; do
		for part in 30 80; do
			mkdir -p c && head -c $(($(stat -c %s $a) * part / 100)) $a >c/$a
			old c/$a
			damaged c/$a
			jq -r 'select(._error)._src.file' out | grep -Eq "^c/$a!t/[ab].log\$"
		done
	done
	# nothing is doubled when the whole one comes
	head -c $(($(stat -c %s w.tar.gz) / 2)) w.tar.gz >c/half
	old c/half
	sweep c/half
	[ "$tail" -eq 3 ]
	sweep c/half
	[ "$tail" -eq 3 ]
	[ -z "$(records rec)" ]
	sweep w.tar.gz
	[ "$(archived | grep -c '^line')" -ge 39999 ]
	again w.tar.gz
}

@test "an archive that is still being written is read as far as it goes, and goes on later" {
	mkdir t
	cri 1 20000 >t/a.log
	cri 20001 40000 >t/b.log
	tar czf w.tgz t/a.log t/b.log
	head -c $(($(stat -c %s w.tgz) * 2 / 3)) w.tgz >b.tgz
	sweep b.tgz
	[ "$tail" -eq 3 ]
	grep -q 'b.tgz: it ends too early, or is still being written; read as far as it goes' told
	[ -z "$(jq -c 'select(._error)' rec)" ]
	cp w.tgz b.tgz
	sweep b.tgz
	[ "$tail" -eq 0 ]
	holds 1 40000
}

@test "a corrupt archive is read up to the damage, with an _error record and status 3" {
	mkdir t
	cri 1 20000 >t/a.log
	cri 20001 40000 >t/b.log
	tar czf w.tgz t/a.log t/b.log
	tar cf w.tar t/a.log t/b.log
	zip -q w.zip t/a.log t/b.log
	size=$(stat -c %s w.tgz)
	printf 'XXXXXXXX' | dd of=w.tgz bs=1 seek=$((size * 2 / 3)) conv=notrunc status=none
	old w.tgz
	run -3 --separate-stderr logtail w.tgz
	jq -r 'select(._error)._error.why' <<<"$output" | grep -q 'archive damaged at byte [0-9]* of it: gzip data damaged here'
	diff <(logs <<<"$output" | head -n 20000) <(raw 1 20000)
	# the header of the second member
	at=$((512 + ($(stat -c %s t/a.log) + 511) / 512 * 512))
	printf 'XXXXXXXX' | dd of=w.tar bs=1 seek=$((at + 148)) conv=notrunc status=none
	old w.tar
	damaged w.tar
	[ "$(logs out | grep -c ^line)" -eq 20000 ]
	jq -r 'select(._error) | ._error.why' out | grep -q 'behind the member w.tar!t/a.log is not read'
}

@test "a damaged .gz inside an archive costs only itself" {
	mkdir t
	seq 1 30000 | awk '{ print "line", $1 }' | gzip >t/a.log.gz
	raw 1 3 >t/b.log
	printf 'XXXXXXXX' | dd of=t/a.log.gz bs=1 seek=20000 conv=notrunc status=none
	tar cf b.tar t/a.log.gz t/b.log
	run -3 --separate-stderr logtail b.tar
	[[ $stderr == *"b.tar!t/a.log.gz: gzip data damaged here"* ]]
	[ "$(jq -r 'select(._src.file == "b.tar!t/b.log") | select(.log) | .log' <<<"$output")" = "$(raw 1 3)" ]
}

# past: what an archive unpacks to
@test "10 GiB of zeros in 10 MiB end at the ceiling, in little memory" {
	nm "$(command -v logtail)" 2>/dev/null | grep -q __asan && skip "the sanitizer takes memory of its own"
	python3 - <<'PY'
import tarfile, zlib
head = tarfile.TarInfo("zeros.log")
head.size = (10 << 30) + 6
c = zlib.compressobj(9, zlib.DEFLATED, 31)
z = bytes(1 << 20)
d = zlib.compressobj(9, zlib.DEFLATED, -15)
# one full-flushed block of zeros, over and over
d.compress(b"")
block = d.compress(z) + d.flush(zlib.Z_FULL_FLUSH)
first = zlib.compressobj(9, zlib.DEFLATED, -15)
lead = first.compress(head.tobuf(tarfile.GNU_FORMAT) + b"first\n") + first.flush(zlib.Z_FULL_FLUSH)
with open("b.tgz", "wb") as f:
    f.write(b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + lead + block * (10 << 10))
PY
	[ "$(stat -c %s b.tgz)" -lt $((16 << 20)) ]
	old b.tgz
	(
		ulimit -v $((256 << 10))
		tail=0
		logtail --max-expand=100 b.tgz 2>told >out || tail=$?
		[ $tail -eq 3 ]
	)
	grep -q 'b.tgz!zeros.log: archive given up at byte [0-9]* of it: more than --max-expand allows' told
	[ "$(head -c 1000 out | jq -r 'select(.log).log' 2>/dev/null | head -1)" = first ]
	[ "$(tail -n 3 out | jq -r 'select(._error)._src.file')" = 'b.tgz!zeros.log' ]
	rm out
}

# past: members of an archive
# past: a member's name
@test "a million members are read, one more is told; a name of 5000 bytes is told" {
	python3 - <<'PY'
import io, tarfile, gzip
h = tarfile.TarInfo("e").tobuf(tarfile.USTAR_FORMAT)
def pad(n): return b"\0" * (-n % 512)
def member(name, data):
    m = tarfile.TarInfo(name)
    m.size = len(data)
    return m.tobuf(tarfile.GNU_FORMAT) + data + pad(len(data))
with gzip.open("b.tgz", "wb", 1) as f:
    for i in range(100):
        f.write(h * 9999)
        f.write(member(f"m{i}.log", b"line %d\n" % i))
    f.write(member("more.log", b"line 100\n") + bytes(1024))
with tarfile.open("n.tar", "w", format=tarfile.GNU_FORMAT) as t:
    for n in ("x" * 5000, "b.log"):
        m = tarfile.TarInfo(n)
        m.size = 2
        t.addfile(m, io.BytesIO(b"a\n"))
PY
	old ./*.t*
	run -3 --separate-stderr logtail b.tgz
	[[ $stderr == *"b.tgz: more than 1000000 members; the rest is not read"* ]]
	[ "$(jq -r 'select(has("log") and (._error | not)) | .log' <<<"$output")" = "$(raw 0 99)" ]
	run -3 --separate-stderr logtail n.tar
	[ "$stderr" = "logtail: n.tar: the name of a member is too long; it is not read" ]
	[ "$(records <<<"$output" | jq -r ._src.file)" = 'n.tar!b.log' ]
}

@test "a hole at the beginning of a member and a sparse one are read as the files would be" {
	mkdir t
	truncate -s 300000 t/a.log
	cri 1 50 >>t/a.log
	truncate -s 5000 t/c.log
	cri 51 60 >>t/c.log
	tar cf b.tar t
	tar cSf s.tar t
	old t/* b.tar s.tar
	logtail t | content >want
	[ "$(wc -l <want)" -eq 60 ]
	diff want <(logtail b.tar | content)
	diff want <(logtail s.tar | content)
	sweep b.tar
	again b.tar
	again s.tar
}

@test "logtail(1): the examples for archives work" {
	page=$BATS_TEST_DIRNAME/../man/logtail.1
	tree
	tar czf bundle.tar.gz t
	cmd=$(sed -n 's/\\e/\\/g; s/^\$ //p' "$page" | grep -F 'logtail --list bundle')
	[ "$(bash -c "$cmd" | sort -n | tail -1 | cut -f 2)" = bundle.tar.gz!t/var/lib/docker/containers/aa/aa-json.log ]
	cmd=$(sed -n '/^\$ logtail --shard=4/,/^\.Ed/{s/^\$ //; /^\.Ed/d; p}' "$page")
	bash -c "$cmd" >/dev/null
	logtail --shard=4/4 bundle.tar.gz | logs | sort | cmp - <(find archive -name '*.gz' -exec zcat {} + | logs | sort)
}

@test "more than 8192 members that begin alike are told, and the others read once" {
	python3 - <<'PY'
import io, tarfile
with tarfile.open("b.tar", "w") as t:
    for i in range(8200):
        d = b"banner\nline %d\n" % i
        m = tarfile.TarInfo("d/%d.log" % i)
        m.size = len(d)
        t.addfile(m, io.BytesIO(d))
PY
	old b.tar
	for round in 1 2; do
		tail=0
		logtail --state=S --commit b.tar >out 2>told || tail=$?
		[ $tail -eq 3 ]
		[ "$(grep -c 'more than 8192 files begin alike; not read' told)" -eq 8 ]
		[ "$(logs out | grep -c ^line)" -eq $((round == 1 ? 8192 : 0)) ]
		mkdir -p S
	done
}
