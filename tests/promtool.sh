#!/bin/sh
# promtool.sh DIR - print the path of a promtool. Debian's package prometheus has it, and starts a
# server when installed: it is unpacked under DIR instead.
set -eu
command -v promtool && exit
tool=$1/usr/bin/promtool
if [ ! -x "$tool" ]; then
	mkdir -p "$1/deb"
	cd "$1/deb"
	[ "$(id -u)" -ne 0 ] || chmod 777 . # apt-get downloads as a user of its own
	apt-get -q download prometheus >/dev/null 2>&1 && dpkg -x prometheus_*.deb .. || {
		echo "promtool.sh: the package prometheus cannot be downloaded" >&2
		exit 1
	}
	rm -f prometheus_*.deb ../usr/bin/prometheus
fi
echo "$tool"
