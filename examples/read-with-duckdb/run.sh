#!/bin/bash
# The archive as a table: logbatch prints the SQL for it, DuckDB asks.
. "$(dirname "$0")/../scratch.sh"

jq -nc 'range(60) | {time: "2026-11-22T1\(3 + . % 2):00:\(10 + . % 50)Z", stream: "stdout",
	log_processed: {level: (if . % 6 == 0 then "error" else "info" end), msg: "request \(.)"},
	kubernetes: {pod_name: "web-\(. % 3)", namespace_name: "shop"}}' |
	logbatch --out=archive --node=node-1 >manifests

# Once: the table, made to fit what is there.
find archive -name '*.gz' -print0 | xargs -0 logbatch --print-ddl=duckdb --out="$PWD/archive" >table.sql
cat >ask.sql <<'END'
select kubernetes.pod_name as pod, count(*) as errors
from logs
where year = '2026' and month = '11' and day = '22' and hour = '13'
  and log_processed.level = 'error'
group by all order by all;
END
say "the question:"
sed 's/^/  /' ask.sql
if command -v duckdb >/dev/null; then
	say "the answer:"
	cat table.sql ask.sql | duckdb -csv | tail -n +2 | sed 's/^/  /; s/,/  /'
else
	say "the answer, by jq, as duckdb is not on PATH:"
	zcat archive/year=2026/month=11/day=22/hour=13/*.gz |
		jq -r 'select(.log_processed.level == "error") | .kubernetes.pod_name' |
		sort | uniq -c | awk '{ print "  " $2 "  " $1 }'
fi
