# limits.bash - what the bats files that go past the ceilings of logsweep(7) have in common.

# peak COMMAND...: runs it on the file `in`; $kib is the most memory it took, $status its own
peak() {
	python3 - "$@" 3>&1 >out 2>err <<-'PY' >peak.out || true
		import resource, subprocess, sys
		r = subprocess.run(sys.argv[1:], stdin=open("in", "rb"), stdout=open("out", "wb"), stderr=open("err", "wb"))
		print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, r.returncode)
	PY
	read -r kib status <peak.out
}

# within KIB: the programs proper; sanitizers and valgrind take what they take
within() {
	[ -z "${UNDER-}" ] || return 0
	nm "$(command -v logparse)" 2>/dev/null | grep -q '__[at]san_' || [ "$kib" -le "$1" ] || { echo "$kib KiB" && return 1; }
}

# ended STATUS [TEXT]: so did `peak`, and said that
ended() {
	[ "$status" -eq "$1" ] && { [ $# -lt 2 ] || grep -qF -- "$2" err; } || { echo "status $status"; cat err; return 1; }
}

# serve: fixedanswer.py in DIR `api`; $at is host and port
serve() {
	mkdir -p api
	python3 "$BATS_TEST_DIRNAME/fixedanswer.py" api 3>&- 2>api/errors &
	server=$!
	for _ in $(seq 1000); do
		[ -s api/port ] && break
		sleep 0.02
	done
	at=127.0.0.1:$(cat api/port)
}
