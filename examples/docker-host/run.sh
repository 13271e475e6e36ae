#!/bin/bash
# A host with Docker and no Kubernetes: what ../systemd/logsweep.service runs, on a tree like Docker's.
. "$(dirname "$0")/../scratch.sh"

containers=docker/containers
export LOGSWEEP_DOCKER=$containers # Docker itself has them in /var/lib/docker/containers
docker_log() { # docker_log NUMBER NAME: a container, and its log on standard input, a message a line
	local id dir
	id=$(printf '%064x' "$1")
	dir=$containers/$id
	mkdir -p "$dir"
	printf '{"Config":{"Image":"registry.example.com/%s:1.2"},"Name":"/%s","ID":"%s"}' "$2" "$2" "$id" >"$dir/config.v2.json"
	jq -cR --arg n "$1" '{log: (. + "\n"), stream: "stdout", time: "2026-11-22T13:0\($n):00.5Z"}' >"$dir/$id-json.log"
}
printf '%s\n' '{"level":"info","msg":"ready"}' '{"level":"error","msg":"no such user"}' | docker_log 1 auth
printf '%s\n' 'GET / 200' 'GET /favicon.ico 404' 'GET /login 200' | docker_log 2 front

export STATE_DIRECTORY=$PWD/state LOGS=$PWD/$containers DESTINATION=file://$PWD/archive LOGSWEEP_NODE=host-1
# The command line of the unit, as systemd hands it to the shell.
sed -n '/^ExecStart=/,/[^\\]$/p' "$here/../systemd/logsweep.service" |
	sed "s|^ExecStart=/bin/bash -o pipefail -c '||; s/ *\\\\\$//; s/'\$//; s/\\\$\\\$/\$/g" >sweep
bash -o pipefail sweep >results
say "objects put by the first sweep, and by one right after it:"
wc -l <results
bash -o pipefail sweep | wc -l

say "records by container:"
archived | jq -r '"  \(.kubernetes.container_name)  \(.kubernetes.container_image)"' | sort | uniq -c
