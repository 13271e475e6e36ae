#!/bin/sh
# sweep.sh - one sweep of a node: the five programs in one pipe, as Jobs, the DaemonSet and the
# backfill run it. It is set by the environment (settings.yaml); operands, if there are any,
# are given to logtail in place of the node's logs. The status is the pipe's; what it means to a Job
# is in README.md, "Exit codes".
#
# SIGTERM ends the reading. What was read goes on through the pipe, is committed and delivered;
# what the grace period is too short for waits in the outbox for the next sweep. Whatever is
# killed, the ledger is whole: it changes by one rename.
set -u -f -o pipefail

state=${STATE:-/var/lib/logsweep} logs=${LOGS:-/var/log/pods}
said=${TERMINATION_LOG:-/dev/termination-log}

tell() {
	echo "sweep: $*" >&2
	[ ! -w "$said" ] || echo "$*" >"$said"
}

if [ -z "${DESTINATION-}" ] || [ -z "${NODE_NAME-}" ]; then
	tell "DESTINATION or NODE_NAME is not set: see settings.yaml"
	exit 2
fi
[ -d "$state" ] || mkdir "$state" || exit 77
if [ ! -w "$state" ]; then
	tell "$state: not writable for uid $(id -u): did the init container run?"
	exit 77
fi
run=$(mktemp -d) || exit 1
trap 'rm -rf "$run"' EXIT

# What logtail is to read. A namespace without a pod on this node has no directory.
some() { [ -e "$1" ]; }
if [ $# -eq 0 ]; then
	mkdir "$run/none" && set -- "$run/none"
	for ns in ${SKIP_NAMESPACES-}; do set -- "$@" --exclude="$logs/${ns}_*"; done
	if [ "${NAMESPACES:-*}" = "*" ]; then
		set -- "$@" "$logs"
	else
		for ns in $NAMESPACES; do
			set +f
			if some "$logs/${ns}_"*; then set -- "$@" "$logs/${ns}_*"; fi
			set -f
		done
	fi
fi

# The reader leaves its process id, and is sent the signal that comes for all.
stop=
halt() {
	stop=1 tries=0
	while [ ! -s "$run/reader" ] && [ "$tries" -lt 50 ]; do # not quite begun
		sleep 0.1
		tries=$((tries + 1))
	done
	[ ! -s "$run/reader" ] || kill -s TERM "$(cat "$run/reader")" 2>/dev/null
}
trap halt TERM INT

# The store's keys are s3put's alone: the others read bytes that any container can write.
keys="AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CONTAINER_AUTHORIZATION_TOKEN"
(
	{
		unset $keys
		sh -c 'echo $$ >"$0" && exec logtail "$@"' "$run/reader" --state="$state" "$@" |
			if [ -z "${LOGSWEEP_LOGPARSE_PARSER_FROM+set}" ]; then
				logparse |
					k8smeta ${METADATA-} --node="$NODE_NAME"
			else # what the pod's annotation asks for is known behind k8smeta
				k8smeta ${METADATA-} --node="$NODE_NAME" |
					logparse
			fi |
			logbatch --state="$state" --node="$NODE_NAME"
	} |
		s3put --state="$state" "$DESTINATION"
) &
pipe=$!
wait "$pipe"
status=$?
while [ -n "$stop" ] && kill -s 0 "$pipe" 2>/dev/null; do
	wait "$pipe" # a wait that a signal ended does not tell the pipe's status
	status=$?
done

if [ -n "$stop" ]; then
	tell "ended early by a signal; the next sweep goes on from the ledger"
	exit 143
fi
case $status in
0) ;;
2) tell "2: configuration; the log of this pod says what" ;;
3)
	tell "3: archived, but something was set aside; see the log, and _errors/ in the bucket"
	[ "${ASIDE:-fail}" = fail ] || status=0
	;;
75) tell "75: not now; tried again" ;;
77) tell "77: no permission or no credentials; the log of this pod says for what" ;;
*) tell "$status: failed; nothing is lost, and it is tried again" ;;
esac
exit "$status"
