#!/bin/bash
# rgw.sh start DIR - a real S3 server on loopback for the tests: Ceph's gateway (radosgw) over
#                    one monitor and one object store in memory, about a second to start.
# rgw.sh stop DIR  - ends what start began, by the process ids it left.
#
# start writes DIR/env, shell assignments: RGW_HTTP and RGW_HTTPS (host:port), RGW_CA (PEM),
# AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.  Buckets below s3.localhost may be host names.
# RGW_STS=true in the environment: its token service is on, and RGW_ADMIN is the command that
# makes roles.
# Debian: radosgw ceph-mon ceph-osd ceph-common curl openssl python3.  Root is not needed.
set -euo pipefail

free_ports() {
	python3 -c 'import socket
s = [socket.socket() for _ in range(3)]
for x in s: x.bind(("127.0.0.1", 0))
print(*[x.getsockname()[1] for x in s])'
}

# A CA of our own and a certificate for the names the tests use.
certificates() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj '/CN=logsweep test CA' -keyout "$1/ca.key" -out "$1/ca.pem"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=rgw' \
		-keyout "$1/server.key" -out "$1/server.csr"
	openssl x509 -req -days 2 -in "$1/server.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" \
		-CAcreateserial -out "$1/server.crt" \
		-extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:s3.localhost,DNS:*.s3.localhost')
	cat "$1/server.key" "$1/server.crt" >"$1/server.pem"
}

# One pool member, no authentication between the daemons, no replicas, no second messenger,
# and the store's place in the map set by hand: each of these took time or failed at random.
configuration() { # DIR FSID HTTP HTTPS MON
	cat <<-CONF
	[global]
	fsid = $2
	mon host = v1:127.0.0.1:$5/0
	public addr = 127.0.0.1
	cluster addr = 127.0.0.1
	ms bind ipv6 = false
	ms bind msgr2 = false
	auth cluster required = none
	auth service required = none
	auth client required = none
	keyring = $1/keyring
	run dir = $1/run
	crash dir = $1/run
	pid file = $1/run/\$name.pid
	admin socket =
	log file = $1/log/\$name
	log to stderr = false
	osd pool default size = 1
	osd pool default min size = 1
	osd pool default pg num = 1
	osd pool default pgp num = 1
	osd pool default pg autoscale mode = off
	osd crush chooseleaf type = 0
	mon allow pool size one = true
	mon max pg per osd = 1000
	mon data avail warn = 1
	mon data avail crit = 1
	paxos propose interval = 0.02
	paxos min wait = 0.01
	[mon]
	mon data = $1/mon
	mon cluster log to file = false
	[osd]
	osd data = $1/osd
	osd objectstore = memstore
	memstore device bytes = 4294967296
	osd crush update on start = false
	osd class update on start = false
	osd class load list = *
	osd class default list = *
	[client]
	rgw data = $1/rgw
	rgw frontends = beast endpoint=127.0.0.1:$3 ssl_endpoint=127.0.0.1:$4 ssl_certificate=$1/server.pem
	rgw dns name = s3.localhost
	rgw s3 auth use sts = ${RGW_STS:-false}
	rgw sts key = logsweep-16bytes
	rgw thread pool size = 16
	rgw enable gc threads = false
	rgw enable quota threads = false
	rgw run sync thread = false
	rgw override bucket index max shards = 1
	CONF
}

# A command can be faster than the map that lets it in: try it again.
told() {
	local try
	for try in $(seq 40); do
		ceph -c "$conf" --connect-timeout 20 "$@" >"$dir/log/told" 2>&1 && return
		sleep 0.05
	done
	cat "$dir/log/told" >&2
	return 1
}

daemons() { # FSID MON-PORT
	local osd
	osd=$(cat /proc/sys/kernel/random/uuid)
	monmaptool --create --addv a "[v1:127.0.0.1:$2]" --fsid "$1" "$dir/monmap" &&
		ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap" &&
		ceph-mon -c "$conf" -i a &&
		told osd new "$osd" &&
		told osd crush add osd.0 1.0 host=localhost root=default &&
		ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd" &&
		ceph-osd -c "$conf" -i 0 &&
		radosgw-admin -c "$conf" user create --uid=t --display-name=t \
			--access-key=AKIDLOGSWEEPTEST --secret-key='secret/of+the/tests' \
			--caps='oidc-provider=*;roles=*' &&
		radosgw -c "$conf" -n client.rgw
}

answers() { # HOST:PORT
	local try
	for try in $(seq 200); do
		curl -s --noproxy '*' -o "$dir/log/hello" -m 2 "http://$1/" && return
		sleep 0.05
	done
	return 1
}

start() {
	local http https mon fsid
	mkdir -p "$1"
	dir=$(cd "$1" && pwd) conf=$dir/ceph.conf
	rm -rf "$dir"/*
	mkdir "$dir"/{mon,osd,rgw,run,log}
	read -r http https mon < <(free_ports)
	fsid=$(cat /proc/sys/kernel/random/uuid)
	certificates "$dir" 2>"$dir/log/certificates"
	configuration "$dir" "$fsid" "$http" "$https" "$mon" >"$conf"
	: >"$dir/keyring"
	if ! daemons "$fsid" "$mon" >"$dir/log/start" 2>&1 || ! answers "127.0.0.1:$http"; then
		tail -n 20 "$dir/log/start" >&2
		stop "$dir"
		return 1
	fi
	cat >"$dir/env" <<-ENV
	export RGW_HTTP=127.0.0.1:$http RGW_HTTPS=127.0.0.1:$https RGW_CA=$dir/ca.pem
	export AWS_ACCESS_KEY_ID=AKIDLOGSWEEPTEST AWS_SECRET_ACCESS_KEY=secret/of+the/tests
	RGW_ADMIN="radosgw-admin -c $conf"
	ENV
}

stop() {
	local file pid
	for file in "$1"/run/{client.rgw,osd.0,mon.a}.pid; do
		pid=$(cat "$file" 2>/dev/null) || continue
		# the number may be somebody else's by now
		tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$1/ceph.conf" || continue
		kill -9 "$pid"
	done
}

case ${1:-} in
start) # a port can be taken by somebody between the look and its use: once more
	start "${2:?}" || start "$2" ;;
stop) stop "$(cd "${2:?}" && pwd)" ;;
*) echo "usage: rgw.sh start|stop DIR" >&2; exit 2 ;;
esac
