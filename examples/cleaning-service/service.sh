#!/bin/sh
# A service that cleans up old uploads and logs as zap's production encoder does: a JSON object a
# line, the time as seconds with a fraction. One run; its clock is a sample's.
at=1795352395
for room in a b c d e f; do
	at=$((at + 2))
	printf '{"level":"info","ts":%d.125,"caller":"cleaner/room.go:41","msg":"cleaned","room":"%s","files":%d,"freed_gb":1.10}\n' \
		"$at" "$room" "$((at % 7))"
done
printf '{"level":"error","ts":%d.5,"caller":"cleaner/room.go:58","msg":"cannot clean","room":"g","error":"open /data/g: permission denied"}\n' "$((at + 1))"
echo "cleaner: 6 of 7 rooms cleaned"
