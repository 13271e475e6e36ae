#!/bin/bash
# rootfs.sh BIN-DIR DIR PROGRAM... - what the image holds, gathered from this machine: the programs,
# the libraries that they load, a shell and its tools for the pipe (busybox), CAs, time
# zones, and names for the users. Nothing of it is writable for the user that it runs as.
set -euo pipefail
bin=$1 root=$2
shift 2

fail() {
	echo "rootfs: $*" >&2
	exit 1
}
busybox=$(command -v busybox) || fail "no busybox: install busybox-static"
if ldd "$busybox" >/dev/null 2>&1; then fail "$busybox is not static: install busybox-static"; fi
[ -s /etc/ssl/certs/ca-certificates.crt ] || fail "no CAs: install ca-certificates"
[ -s /usr/share/zoneinfo/UTC ] || fail "no time zones: install tzdata"

rm -rf "$root"
mkdir -p "$root"/{etc/ssl/certs,proc,sys,dev,tmp,usr/bin,usr/lib,usr/share/zoneinfo,var/lib/logsweep,var/log}
for d in bin lib; do ln -s usr/$d "$root/$d"; done

# libarchive wants libxml2 (to read xar), that wants ICU (for rare character sets), and that brings
# 31 MB of tables. Here it gets a table of nothing, as ICU itself is built with at first: its
# header says format ToCP, no entries (ICU, "ICU Data", stubdata).
no_tables() { # no_tables libicudata.so.N FILE
	${CC:-cc} -shared -s -nostdlib -Wl,-soname,"$1" -x c -o "$2" - <<-EOF
		const struct {
			unsigned short header, magic, size, zero;
			unsigned char endian, charset, uchar, none, format[4], version[4], data[4], pad[8];
			unsigned entries, more[3];
		} icudt${1##*.}_dat __attribute__((aligned(16))) = { 32, 0x27da, 20, 0, 0, 0, 2, 0,
			{ 'T', 'o', 'C', 'P' }, { 1 }, { 0 }, { 0 }, 0, { 0 } };
	EOF
}

for p in "$@"; do
	install -m 755 "$bin/$p" "$root/usr/bin/$p"
	strip "$root/usr/bin/$p"
done
# "libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x...)", and the loader by its path alone
for p in "$@"; do ldd "$bin/$p"; done | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u >"$root.libs"
ldd "$bin/$1" | awk '$1 ~ /^\// && $1 ~ /ld-/ { print $1 }' >"$root.loader"
[ "$(wc -l <"$root.loader")" -eq 1 ] || fail "$bin/$1: no dynamic loader"
[ "$(grep -c /libc.so "$root.libs")" -eq 1 ] || fail "$bin/$1: no libc"
while read -r lib; do
	case ${lib##*/} in
	libicudata.so.*) no_tables "${lib##*/}" "$root/usr/lib/${lib##*/}" ;;
	*) install -m 755 "$lib" "$root/usr/lib/${lib##*/}" ;;
	esac
done <"$root.libs"
loader=$(cat "$root.loader")
[ "${loader%/*}" = /lib ] || ln -s usr/lib "$root${loader%/*}"
install -m 755 "$loader" "$root/usr/lib/${loader##*/}"
rm "$root.libs" "$root.loader"

install -m 755 "$busybox" "$root/usr/bin/busybox"
for tool in sh cat chmod cksum date env id ls mkdir mktemp rm sleep test '[' tar; do
	ln -s busybox "$root/usr/bin/$tool"
done
install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
# The zones as they are named today: the copies under posix/ and right/ are not asked for.
tar -C /usr/share/zoneinfo --exclude=./posix --exclude=./right -cf - . | tar -C "$root/usr/share/zoneinfo" -xf -
printf '%s\n' root:x:0:0:root:/:/bin/sh logsweep:x:65532:65532:logsweep:/tmp:/bin/sh >"$root/etc/passwd"
printf '%s\n' root:x:0: logsweep:x:65532: >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
