bats_require_minimum_version 1.5.0

# The image that `make image` makes: what is in it, and what it does, in a container where one
# can be run.

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)

setup_file() {
	[ -z "${UNDER-}" ] || return 0
	cd "$BATS_FILE_TMPDIR" || return
	command -v busybox >/dev/null || return 0
	build first >said || return
}

# build NAME: NAME.tar, of the programs on PATH
build() {
	mkdir -p "$1.bin"
	for p in logtail logparse k8smeta logbatch s3put k8ssweep; do
		cp "$(command -v $p)" "$1.bin/" || return
	done
	"$top/k8s-cronjobs/image/rootfs.sh" "$1.bin" "$1.root" logtail logparse k8smeta logbatch s3put k8ssweep &&
		python3 "$top/k8s-cronjobs/image/archive.py" "$1.root" logsweep:test "$1.tar"
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return
	[ -z "${UNDER-}" ] || skip "under $UNDER: a wrapper is no program for an image"
	[ -e first.tar ] || skip "no busybox-static"
	ldd "$(command -v logtail)" | grep -q -e libasan -e libtsan && skip "a sanitizer build is no image" || true
}

# in_container ARGS...: podman run on the image
podman_() {
	podman --root "$BATS_FILE_TMPDIR/storage" --runroot "$BATS_FILE_TMPDIR/runroot" --cgroup-manager=cgroupfs \
		--runtime=runc --storage-driver=vfs --events-backend=file "$@"
}
in_container() {
	[[ " $* " == *" --network="* ]] || set -- --network=none "$@"
	podman_ run --rm --ulimit nproc=4096:4096 --ulimit nofile=4096:4096 --read-only \
		--read-only-tmpfs=false --tmpfs /tmp:mode=1777,size=64m --user 65532:0 --cap-drop=ALL \
		--security-opt=no-new-privileges "$@"
}

need_podman() {
	command -v podman >/dev/null && command -v runc >/dev/null || skip "no podman with runc: the image was not run"
	podman_ load -q -i first.tar >loaded 2>podman.err || skip "podman does not work here: $(tail -n 1 podman.err)"
	in_container logsweep:test logtail --version >ran 2>podman.err ||
		skip "podman cannot run a container here: $(tail -n 1 podman.err)"
}

teardown_file() {
	[ ! -d "$BATS_FILE_TMPDIR/storage" ] || podman_ rmi -af >/dev/null 2>&1 || true
}

@test "the layer is under 25 MB compressed" {
	size=$(grep -oE '[0-9.]+ MB compressed' said | cut -d' ' -f1)
	echo "# $(cat said)" >&3
	[ "$(bc <<<"$size > 5 && $size < 25")" -eq 1 ]
}

@test "the same files give the same archive, byte for byte" {
	build again
	cmp first.tar again.tar
}

@test "it is an OCI layout and what docker save writes: digests and sizes are right" {
	python3 - first.tar <<-'EOF'
		import gzip, hashlib, io, json, sys, tarfile
		tar = tarfile.open(sys.argv[1])
		read = lambda name: tar.extractfile(name).read()
		def blob(d, name=None):
		    data = read("blobs/" + d["digest"].replace(":", "/"))
		    assert hashlib.sha256(data).hexdigest() == d["digest"][7:] and len(data) == d["size"], d
		    return data
		assert json.loads(read("oci-layout"))["imageLayoutVersion"] == "1.0.0"
		index = json.loads(read("index.json"))["manifests"][0]
		manifest = json.loads(blob(index))
		config = json.loads(blob(manifest["config"]))
		layer = gzip.decompress(blob(manifest["layers"][0]))
		assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest()]
		assert config["config"]["User"] == "65532:65532"
		docker = json.loads(read("manifest.json"))[0]
		assert docker["RepoTags"] == ["docker.io/library/logsweep:test"]
		assert json.loads(read(docker["Config"])) == config
		assert index["annotations"]["io.containerd.image.name"] == docker["RepoTags"][0]
		for m in tarfile.open(fileobj=io.BytesIO(layer)):
		    assert m.uid == m.gid == 0 and m.mtime == 0 and not m.mode & 0o6000, m.name
		    assert not m.mode & 0o022 or m.issym() or m.name == "tmp", m.name
	EOF
}

@test "every library that a program of it loads is in it" {
	for p in first.root/usr/bin/*; do
		[ ! -L "$p" ] || continue
		readelf -d "$p" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
	done | sort -u >needed
	for l in first.root/usr/lib/*.so*; do
		readelf -d "$l" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
	done | sort -u >>needed
	[ "$(wc -l <needed)" -gt 10 ]
	while read -r l; do [ -e "first.root/usr/lib/$l" ] || { echo "$l" >&2; false; }; done <needed
}

@test "all six programs run in it, as no root, on a read-only root" {
	need_podman
	run -0 in_container logsweep:test sh -c 'id -u; id -g; for p in logtail logparse k8smeta logbatch s3put k8ssweep; do $p --version; done
		touch /x 2>/dev/null || echo read-only; date -d @0 +%Z; TZ=Europe/Berlin date -d @0 +%H'
	[ "${lines[0]} ${lines[1]}" = "65532 0" ]
	[ "$(grep -c '(logsweep)' <<<"$output")" -eq 6 ]
	[[ $output == *read-only$'\n'UTC$'\n'01 ]]
}

@test "TLS has CAs in it: a server of none of them is refused, one whose CA is given is not" {
	need_podman
	SERVER=$top/tests/k8s/cluster.py "$top/tests/apiserver.sh" start "$PWD/api"
	chmod -R a+rX api
	ask() {
		in_container --network=host -v "$PWD/api:/api:ro" -v "$top/tests/k8s:/k8s:ro" logsweep:test \
			k8ssweep --api="https://127.0.0.1:$(cat api/port)" --token-file=/api/token --namespace=x \
			--template=/k8s/job.json --timeout=5s "$@"
	}
	run --separate-stderr ask
	refused=$status/$stderr
	run -3 --separate-stderr ask --ca=/api/ca.crt
	"$top/tests/apiserver.sh" stop "$PWD/api"
	[[ $stderr == *'no node has the labels'* ]]
	[[ $refused == *certificate* && $refused != *'CA file'* && $refused != 3/* ]]
}

@test "the pod's containers, as the manifests have them: state is prepared, the node is archived, SIGTERM is minded" {
	need_podman
	rm -rf state archive log
	mkdir -p state archive log/pods/shop_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2528/app
	chmod 755 state
	chmod 777 archive
	f=log/pods/shop_web-0_3b548af1-ed9f-4392-a405-88e3d0bd2528/app/0.log
	for i in 1 2 3; do echo "2026-11-22T13:00:0$i.1Z stdout F line $i"; done >$f
	chmod 640 $f
	[ "$(id -u)" -eq 0 ] || skip "not root: a node's directories cannot be laid out"
	# the init container
	run -0 in_container --user 0:0 -v "$PWD/state:/var/lib/logsweep" logsweep:test chmod 0770 /var/lib/logsweep
	[ "$(stat -c %a state)" = 770 ]
	pod=(-v "$PWD/state:/var/lib/logsweep" -v "$PWD/log:/var/log:ro" -v "$PWD/archive:/archive"
		-v "$top/k8s-cronjobs/base:/etc/logsweep/scripts:ro" -e NODE_NAME=n1 -e DESTINATION=file:///archive
		-e METADATA= -e TERMINATION_LOG=/tmp/said)
	run -0 --separate-stderr in_container "${pod[@]}" logsweep:test sh /etc/logsweep/scripts/sweep.sh
	[ "$(find archive -name '*.gz' -exec zcat {} + | jq -r .log | sort | paste -sd,)" = "line 1,line 2,line 3" ]
	[ "$(stat -c %u state/ledger.json)" = 65532 ]
	# the loop, which lives until it is told: the shell is process 1 there
	in_container --name loop -e INTERVAL=60 "${pod[@]}" logsweep:test sh /etc/logsweep/scripts/loop.sh 3>&- &
	pid=$!
	echo "2026-11-22T13:00:04.1Z stdout F line 4" >>$f
	for _ in $(seq 100); do
		[ "$(find archive -name '*.gz' -exec zcat {} + | grep -c 'line')" -lt 4 ] || break
		sleep 0.1
	done
	began=$SECONDS
	podman_ stop -t 30 loop
	wait $pid
	[ $((SECONDS - began)) -lt 20 ]
	[ "$(find archive -name '*.gz' -exec zcat {} + | grep -c 'line')" -eq 4 ]
}

@test "the Dockerfile takes the same steps" {
	d=$top/k8s-cronjobs/image/Dockerfile
	grep -q 'make image-root' "$d"
	grep -q '^image-root:' "$top/Makefile"
	grep -qx 'FROM scratch' "$d"
	grep -qx 'USER 65532:65532' "$d"
	[ "$(sed -n 's/^ENV //p' "$d")" = "PATH=/usr/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" ]
	[ "$(tar -xOf first.tar manifest.json | jq -r '.[0].Config' | xargs tar -xOf first.tar | jq -r '.config.Env | join(" ")')" = "$(sed -n 's/^ENV //p' "$d")" ]
}
