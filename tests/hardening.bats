bats_require_minimum_version 1.5.0

# How the programs are built: what makes a bug in them hard to use.

programs="logtail logparse k8smeta logbatch s3put k8ssweep logsweep-status"

setup() {
	command -v readelf >/dev/null || skip "no readelf"
	[ -n "$B" ] || skip "no build directory"
	! nm "$B/logparse" | grep -q '__[atu]san_\|__ubsan_' || skip "a build with sanitizers"
}

each() { # each TEST...: with the path of a program behind
	local p
	for p in $programs; do
		"$@" "$B/$p" || { echo "$p: $*" && return 1; }
	done
}

pie() { readelf -h "$1" | grep -q 'Type: *DYN' && readelf -d "$1" | grep -q 'FLAGS_1.*PIE'; }
relro() { readelf -lW "$1" | grep -q GNU_RELRO && readelf -d "$1" | grep -qE 'BIND_NOW|FLAGS.* NOW'; }
stack() { readelf -lW "$1" | awk '/GNU_STACK/ { print $7 }' | grep -qx RW; }
protector() { readelf -sW --dyn-syms "$1" | grep -q __stack_chk_fail; }
# of all calls that have a checked form, some are checked: those whose sizes are known
fortified() { readelf -sW --dyn-syms "$1" | grep -q '__[a-z]*_chk'; }
writable_code() { ! readelf -lW "$1" | awk '$1 == "LOAD"' | grep -q RWE; }
plain_paths() { ! readelf -d "$1" | grep -qE 'RPATH|RUNPATH|TEXTREL'; }

@test "programs are position independent" { each pie; }
@test "relocations are read-only before main, all of them" { each relro; }
@test "stacks are not executable, and no code is writable" { each stack && each writable_code; }
@test "stacks are protected" { each protector; }
@test "calls of libc are fortified" { each fortified; }
@test "no search paths are built in, no code is patched" { each plain_paths; }

@test "branches are tracked and returns are shadowed (CET), stacks are probed" {
	[ "$(uname -m)" = x86_64 ] || skip "not x86-64"
	# the program's own code; Debian's start files, which it is linked with, lack the note for IBT
	for o in "$B"/lib/base/err.o "$B"/lib/record/jscan.o "$B"/cmd/logparse.o; do
		readelf -n "$o" | grep -q 'IBT, SHSTK'
	done
	shadowed() { readelf -n "$1" | grep -q SHSTK; }
	probed() { objdump -d "$1" | grep -q 'orq *$0x0,'; }
	each shadowed && each probed
}
