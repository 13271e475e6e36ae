bats_require_minimum_version 1.5.0

# The Debian package, and that what is built depends on the source alone. Minutes: `make check-package`.

top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	# not the caller's `make`: a build as anybody would do it
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES B CFLAGS CPPFLAGS LDFLAGS SOURCE_DATE_EPOCH
	mkdir one two
	"$top/debian/build.sh" one >debs
	(umask 027 && TZ=Asia/Kathmandu LC_ALL=C.UTF-8 HOME=/nonexistent "$top/debian/build.sh" two/deeper >/dev/null)
	mv two/deeper/* two
	deb=$(echo "$PWD"/one/logsweep_*.deb)
	export deb
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES B CFLAGS CPPFLAGS LDFLAGS SOURCE_DATE_EPOCH
}

# the tree as it is, without what was built
copy() {
	mkdir -p "$1"
	(cd "$top" && git ls-files -z --cached --others --exclude-standard | tar -c --null -T -) | tar -x -C "$1"
}

@test "two builds in two directories, with another umask, zone and home, give the same packages" {
	n=0
	for d in "$BATS_FILE_TMPDIR"/one/*.deb; do
		cmp "$d" "$BATS_FILE_TMPDIR/two/${d##*/}"
		n=$((n + 1))
	done
	[ "$n" -ge 1 ]
}

@test "a plain build gives the same programs wherever the source lies, and names no directory of the builder" {
	for d in here "some where/else"; do
		copy "$d"
		make -s -C "$d" CFLAGS='-O1 -g' build/logbatch build/k8smeta
	done
	for p in logbatch k8smeta; do
		cmp "here/build/$p" "some where/else/build/$p"
		! grep -qF "$PWD" "here/build/$p"
	done
}

@test "make install twice gives the same bytes" {
	make -s -C "$top" build >/dev/null
	for d in a b; do make -s -C "$top" install DESTDIR="$PWD/$d" PREFIX=/usr; done
	diff -r a b
	diff <(cd a && find . -printf '%p %m\n' | sort) <(cd b && find . -printf '%p %m\n' | sort)
}

@test "lintian finds nothing, down to pedantic, and nothing is overridden" {
	command -v lintian >/dev/null || skip "no lintian"
	[ ! -e "$top/debian/source/lintian-overrides" ] && ! compgen -G "$top/debian/*.lintian-overrides"
	root=()
	[ "$(id -u)" -ne 0 ] || root=(--allow-root)
	run -0 lintian "${root[@]}" --display-info --pedantic \
		--fail-on error,warning,info,pedantic "$BATS_FILE_TMPDIR"/one/*.changes
	! grep -E '^[EWIP]:' <<<"$output"
}

@test "the package depends on each library that its programs load, and on no other" {
	mkdir root
	dpkg-deb -x "$deb" root
	for f in root/usr/bin/*; do
		objdump -p "$f" | sed -n 's/^ *NEEDED *//p' >needed
		[ -s needed ]
		ldd "$f" | awk 'NR == FNR { need[$1]; next } $1 in need && $2 == "=>" { print $3 }' needed -
	done | sort -u >paths
	while read -r lib; do # what is in /usr/lib may be known under /lib
		dpkg-query -S "$lib" "/usr$lib" "${lib#/usr}" 2>/dev/null | cut -d: -f1
	done <paths | sort -u >want
	[ "$(wc -l <want)" -gt 5 ]
	dpkg-deb -f "$deb" Depends | tr ',' '\n' | awk '{ print $1 }' | sort -u >got
	diff want got
}

@test "it has what make install puts there, and the version of the programs" {
	mkdir root
	dpkg-deb -x "$deb" root
	make -s -C "$top" install DESTDIR="$PWD/dest" PREFIX=/usr UNITDIR=/lib/systemd/system \
		ZSHDIR=/usr/share/zsh/vendor-completions
	(cd dest && find . -type f | sed 's/\(man[157].*\)/\1.gz/' | sort) >want
	(cd root && find . -type f ! -path './usr/share/doc/*' | sort) | diff want -
	version=$(dpkg-deb -f "$deb" Version)
	for p in root/usr/bin/*; do [[ $("$p" --version) == *" (logsweep) $version"* ]]; done
	[ -s root/usr/share/doc/logsweep/copyright ]
	zcat root/usr/share/doc/logsweep/changelog.gz | grep -q "^logsweep ($version)"
}

@test "it installs, with its dependencies checked, and purges, in a root of its own" {
	[ "$(id -u)" -eq 0 ] || skip "dpkg wants root"
	# what this machine has installed, without its files
	mkdir -p root/var/lib/dpkg/{info,updates}
	awk '/^$/ || /^(Package|Status|Architecture|Multi-Arch|Version|Provides|Maintainer|Description):/' \
		/var/lib/dpkg/status >root/var/lib/dpkg/status
	files() { find root ! -type d ! -path 'root/var/lib/dpkg/*' | sort; }
	in_root() { dpkg --root="$PWD/root" --log=/dev/null --force-script-chrootless "$@" 2>&1; }
	files >before
	run -0 in_root -i "$deb"
	[ "$(dpkg-query --admindir=root/var/lib/dpkg -W -f '${Status}' logsweep)" = "install ok installed" ]
	dpkg --root="$PWD/root" -L logsweep | while read -r f; do [ -e "root$f" ]; done
	for p in root/usr/bin/*; do [[ $("$p" --version) == "${p##*/} (logsweep) "* ]]; done
	[ -e root/lib/systemd/system/logsweep.timer ]
	[ ! -e root/etc ] # nothing is enabled: nobody has said where to sweep to
	run -0 in_root --purge logsweep
	run -1 dpkg-query --admindir=root/var/lib/dpkg -W logsweep
	files | diff before -
}
