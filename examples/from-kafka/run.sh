#!/bin/bash
# A Kafka topic into hourly objects. The cluster here is the mock one inside librdkafka, which a
# kcat that stays open holds; with a cluster of yours give -b its brokers.
. "$(dirname "$0")/../scratch.sh"
command -v kcat >/dev/null || { echo "run.sh: kcat: not on PATH; on Debian: apt-get install kcat" >&2; exit 2; }

# A consumer of another topic, which never ends, holds the mock cluster; it says where it listens.
kcat -C -b mock -t holder -X test.mock.num.brokers=1 -d mock >/dev/null 2>mock.log &
kcat=$!
trap 'kill "$kcat" 2>/dev/null; cd / && rm -rf "$scratch"' EXIT
brokers='' n=0
until [ -n "$brokers" ] || [ $((n += 1)) -gt 100 ]; do
	sleep 0.1
	brokers=$(sed -n 's/.*bootstrap.servers=\([0-9.:,]*\).*/\1/p' mock.log | head -n 1)
done
[ -n "$brokers" ] || { cat mock.log >&2; exit 1; }
printf '{"time":"2026-11-22T13:59:5%d.250Z","level":"info","order":%d,"eur":1.10}\n' 8 1 9 2 >orders
printf '{"time":"2026-11-22T14:00:0%d.250Z","level":"info","order":%d,"eur":1.10}\n' 0 3 1 4 2 5 >>orders
kcat -P -b "$brokers" -t app-logs -p 0 <orders

# -e ends at the end of the topic. kcat prints the values, a record a line: they are records as they
# are, and each has the member time, so it goes to its own hour.
kcat -C -q -b "$brokers" -t app-logs -o beginning -e |
	logbatch --out=archive --node=kafka >manifests

say "records by hour:"
jq -r '"  \(.records)  " + (.key | sub("/kafka-.*"; ""))' manifests
say "one of them:"
archived | sed -n 's/^/  /; 1p'

# The same with topic, partition and offset beside the message, for whom that matters:
kcat -C -q -J -b "$brokers" -t app-logs -o beginning -e |
	jq -c '{time: (.payload | fromjson | .time), log: .payload, kafka: {topic, partition, offset}}' |
	logparse |
	logbatch --out=archive2 --node=kafka >/dev/null
say "with partition and offset:"
find archive2 -name '*.gz' | sort | xargs zcat | sed -n 's/^/  /; 1p'
