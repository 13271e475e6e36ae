#!/bin/bash
# build.sh DIR - build the Debian package of this tree in DIR, from a copy of its own, so that
# neither the tree nor the directory above it gets files. SOURCE_DATE_EPOCH comes from the changelog.
set -euo pipefail
mkdir -p "$1"
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
src=$dir/logsweep-$(dpkg-parsechangelog -S Version)
rm -rf "$src"
mkdir "$src"
if git rev-parse --git-dir >/dev/null 2>&1; then
	git ls-files -z --cached --others --exclude-standard
else # a copy of the tree without its history
	find . -name build -prune -o ! -type d -print0
fi | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done |
	tar -c --null -T - | tar -x -C "$src"
unset MAKEFLAGS MFLAGS MAKELEVEL
(cd "$src" && dpkg-buildpackage -b -us -uc --no-pre-clean) >"$dir/log" 2>&1 || {
	tail -n 40 "$dir/log" >&2
	echo "deb: failed; the whole of it: $dir/log" >&2
	exit 1
}
rm -rf "$src"
ls "$dir"/*.deb
