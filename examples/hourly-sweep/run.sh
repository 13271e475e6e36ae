#!/bin/bash
# Two sweeps of a node, an hour's work between them: nothing is read twice, nothing is left.
. "$(dirname "$0")/../scratch.sh"

pod=logs/pods/shop_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2528/app
mkdir -p "$pod"
sweep() {
	logtail --state=state logs/pods |
		logparse |
		k8smeta --node=node-1 |
		logbatch --state=state --node=node-1 |
		s3put --state=state "file://$PWD/archive" |
		jq -r '"  " + .status + "  " + (.key | sub("-[0-9a-f]{16}"; "-…"))'
}

for s in 1 2 3; do cri $s "{\"level\":\"info\",\"msg\":\"request $s\"}"; done >"$pod/0.log"
say "the first sweep:"
sweep

# The kubelet rotates the file, and the container writes on.
mv "$pod/0.log" "$pod/0.log.20261122-133000" && touch -d '1 minute ago' "$pod/0.log.20261122-133000"
for s in 3601 3602; do cri $s "{\"level\":\"info\",\"msg\":\"request $s\"}"; done |
	sed 's/T13:60/T14:00/' >"$pod/0.log"
say "the second, after a rotation:"
sweep
say "a third finds nothing new:"
sweep

say "the archive:"
archived | jq -r '"  \(.time)  \(.kubernetes.pod_name)  \(.log_processed.msg)"'
