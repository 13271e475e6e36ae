#!/bin/bash
# apiserver.sh start DIR - the API server of apiserver.py, with a CA, a certificate for 127.0.0.1
#                          and localhost, a client's certificate and a token of its own
# apiserver.sh stop DIR  - ends it, by its process id
#
# DIR gets port, ca.crt, other-ca.crt (which signed nothing here), client.crt, client.key, token.
# SERVER is another server, made of this one.
# A bats file that starts it must hand no descriptor of its own down.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$2

authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=logsweep test $1" -keyout "$1.key" -out "$1.crt"
}
signed() { # NAME SUBJECT EXTENSIONS
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
		-keyout "$1.key" -out "$1.csr"
	openssl x509 -req -days 2 -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial \
		-out "$1.crt" -extfile <(echo "$3")
}

case $1 in
start)
	mkdir -p "$dir"
	cd "$dir"
	{
		authority ca
		authority other-ca
		signed server /CN=kube-apiserver 'subjectAltName=IP:127.0.0.1,DNS:localhost'
		signed client /O=system:nodes/CN=system:node:node-1 extendedKeyUsage=clientAuth
	} >openssl.log 2>&1
	echo test-token-1 >token
	python3 "${SERVER:-$here/apiserver.py}" . \
		</dev/null >server.log 2>&1 3>&- &
	echo $! >pid
	for _ in $(seq 200); do
		[ -s port ] && exit 0
		sleep 0.05
	done
	cat server.log >&2
	exit 1
	;;
stop)
	kill "$(cat "$dir/pid")"
	;;
esac
