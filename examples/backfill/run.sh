#!/bin/bash
# Old logs, of pods that are long gone, get their labels from a list of pods that somebody kept.
. "$(dirname "$0")/../scratch.sh"

uid=7d3c2f11-58e4-4b0a-9a51-0c7a4e0f6b21
old=old-node/var/log/pods/pay_ledger-0_$uid/app
mkdir -p "$old"
for s in 1 2 3; do cri $s "entry $s"; done >"$old/0.log.20261122-131000"
for s in 601 602; do cri $s "entry $s"; done >"$old/0.log"
gzip "$old/0.log.20261122-131000"
touch -d 2026-11-22T13:20:00Z "$old"/*

# What `kubectl get pods -A -o json` said when the pod was there.
jq -n --arg uid "$uid" '{kind: "List", apiVersion: "v1", items: [{
	metadata: {name: "ledger-0", namespace: "pay", uid: $uid, creationTimestamp: "2026-11-20T08:00:00Z",
		labels: {app: "ledger", tier: "backend"}},
	spec: {nodeName: "old-node-7", containers: [{name: "app"}]}}]}' >pods.json

# --out writes an archive without a ledger; the same once more would make the same objects.
logtail old-node/var/log/pods |
	logparse |
	k8smeta --pods=pods.json |
	logbatch --out=archive --node=old-node-7 >manifests

say "records by hour and app:"
archived | jq -r '"  \(.time[:13])  \(.kubernetes.labels.app)  \(.kubernetes.host)"' | sort | uniq -c

say "only ten minutes of it, to see what is there:"
logtail --since=2026-11-22T13:05:00Z --until=2026-11-22T13:15:00Z old-node/var/log/pods |
	jq -r 'select(has("log")) | "  \(.time)  \(.log)"'
