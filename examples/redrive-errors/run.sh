#!/bin/bash
# What lies under _errors/ is whole: look at it, mend the cause, and drive it through the pipe again.
. "$(dirname "$0")/../scratch.sh"

# A pipe was given lines that are no records: a program in it printed its banner among them.
{
	echo '{"time":"2026-11-22T13:00:01Z","log":"{\"level\":\"info\",\"msg\":\"one\"}"}'
	echo 'myfilter 2.0 starting'
	echo '{"time":"2026-11-22T13:00:02Z","log":"{\"level\":\"info\",\"msg\":\"two\"}"'
	echo '{"time":"2026-11-22T13:00:03Z","log":"{\"level\":\"info\",\"msg\":\"three\"}"}'
} >stream
logparse <stream | logbatch --out=archive --node=node-1 >manifests
say "exit status of the pipe: $? (3: something was set aside)"

say "why:"
find archive/_errors -name '*.gz' -exec zcat {} + | jq -r '"  \(._error.by): \(._error.why): \(.log)"'

# The brace that a filter lost is put back; what was never a record is left where it is.
find archive/_errors -name '*.gz' -exec zcat {} + |
	jq -c '.log + "}" | fromjson? | select(has("log"))' |
	logparse |
	logbatch --out=archive --node=node-1 |
	jq -r '"mended: \(.records) record for " + (.key | sub("/node-1-.*"; ""))'

say "the archive, without _errors:"
archived | jq -r 'select(has("_error") | not) | "  \(.time)  \(.log_processed.msg)"' | sort
