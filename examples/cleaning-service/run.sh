#!/bin/bash
# A cleaning service that logs with zap, archived by Fluent Bit and Fluentd so far: the same by logsweep,
# step by step.
. "$(dirname "$0")/../scratch.sh"

# What the node has: the service's output, as Docker keeps it, behind the link that the kubelet makes.
id=$(printf 'c1ea%060d' 7)
mkdir -p containers "docker/$id"
sh "$here/service.sh" |
	jq -cR '{log: (. + "\n"), stream: "stdout", time: "2026-11-22T13:00:1\(input_line_number).5Z"}' >"docker/$id/$id-json.log"
log=containers/cleaner-28611_batch_cleaner-$id.log
ln -s "../docker/$id/$id-json.log" "$log"

say "1. A line of it, as a record:"
logtail "$log" | jq -c 'select(has("log")) | del(._src)' | sed -n 's/^/  /; 1p'

say "2. The parsers are Fluent Bit's file as it is. Do they fit?"
logtail "$log" | logparse -R "$here/parsers.conf" -p zap -p summary --test | sed -n '1,3s/^/  /p'

say "3. The Fluent Bit part, carried over:"
"$here/../fluentbit2logsweep" "$here/fluent-bit.conf" 2>notes | sed -n '/^logtail/,$s/^/  /p' | sed "s|$here/||"
say "   and what is to be looked at:"
sed 's/.*: \(output .*\)/  \1/; s/.*: \([a-z_]*\): note: \(.*\)/  \1: \2/' notes

say "4. The layout of Fluentd's output, path and all, in --key; the bucket and its prefix in s3put."
sweep() {
	logtail --state=state "$PWD/$log" |
		logparse -R "$here/parsers.conf" -p zap -p summary |
		k8smeta --node=node-1 |
		logbatch --state=state --node=node-1 --key='year=%Y/month=%m/day=%d/hour=%H/{node}-{id}.ndjson.gz' |
		s3put --state=state "file://$PWD/archive/cleaning-service"
}
sweep | jq -r '"  \(.status)  cleaning-service/" + (.key | sub("-[0-9a-f]{16}"; "-…"))'

say "5. What a record looks like now; zap's time is the record's:"
archived | sed -n '1p; $p' | sed 's/,"stream":"stdout"//; s/,"kubernetes":.*/,…}/; s/^/  /'

say "6. Rooms that were not cleaned:"
archived | jq -r 'select(.log_processed.level == "error") | "  \(.log_processed.room): \(.log_processed.error)"'
