# The work of logtail, logparse and k8smeta, as far as jq can: frame Docker and CRI lines, join
# their parts, parse JSON messages, name the pod.   jq -nRcf merge.jq FILE...
def pod:
    split("/")[-1] | rtrimstr(".log") | split("_")
    | { pod_name: .[0], namespace_name: .[1], container_name: .[2][:-65], docker_id: .[2][-64:] };
def framed:
    if startswith("{") then fromjson | { time, stream, log: (.log | rtrimstr("\n")), whole: (.log | endswith("\n")) }
    else index(" ") as $a
        | { time: .[:$a], stream: .[$a + 1:$a + 7], log: .[$a + 10:], whole: (.[$a + 8:$a + 9] == "F") }
    end;
foreach inputs as $line ({};
    (if .file != input_filename then { file: input_filename, pod: (input_filename | pod), part: {} } else . end)
    | .now = ($line | framed)
    | .now.log = (.part[.now.stream] // "") + .now.log
    | .part[.now.stream] = (if .now.whole then "" else .now.log end);
    if .now.whole | not then empty else
        .pod as $pod | .now
        | (if .log | startswith("{") then .log | try fromjson catch null else null end) as $fields
        | { time, stream } + (if $fields then { log_processed: $fields } else { log } end) + { kubernetes: $pod }
    end)
