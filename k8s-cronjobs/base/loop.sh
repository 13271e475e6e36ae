#!/bin/sh
# loop.sh - a sweep every INTERVAL seconds for as long as the pod lives: daemonset/.
#
# Sweeps begin at whole multiples of INTERVAL of the clock, each node up to SPLAY seconds later
# by its name, so that the bucket and the API server do not meet all nodes at once. One that takes
# longer than INTERVAL is followed by the next multiple: what it missed is in the ledger, not in the
# clock. A sweep that has to be tried again, or set something aside, is only told; one that
# failed ends the container, and the kubelet starts it again, later each time.
set -u

every=${INTERVAL:-300} splay=${SPLAY:-0}
sweep=${SWEEP:-/etc/logsweep/scripts/sweep.sh}
case $every$splay in
*[!0-9]* | 0*)
	echo "loop: INTERVAL and SPLAY are numbers of seconds, not $every and $splay" >&2
	exit 2
	;;
esac
late=0
if [ "$splay" -gt 0 ]; then
	sum=$(echo "${NODE_NAME-}" | cksum)
	late=$((${sum%% *} % splay))
fi

child= stop=
trap 'stop=1; [ -z "$child" ] || kill -s TERM "$child" 2>/dev/null' TERM INT

settle() { # settle COMMAND...: its status; on a signal it is told, and waited for
	"$@" &
	child=$!
	[ -z "$stop" ] || kill -s TERM "$child" # it came before the child had a number
	wait "$child"
	status=$?
	while [ -n "$stop" ] && kill -s 0 "$child" 2>/dev/null; do
		kill -s TERM "$child" 2>/dev/null
		wait "$child"
		status=$?
	done
	child=
	return "$status"
}

while [ -z "$stop" ]; do
	settle sh "$sweep"
	status=$?
	[ -z "$stop" ] || break
	case $status in
	0 | 3 | 75) ;;
	*) exit "$status" ;;
	esac
	now=$(date +%s)
	settle sleep $((every - (now - late) % every))
done
exit 0
