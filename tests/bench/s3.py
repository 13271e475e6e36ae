#!/usr/bin/env -S python3 -B
"""s3.py DIR: upload 200 objects of 5 MiB, and one of 1 GiB, to a radosgw on loopback, with
s3put, aws and rclone as they come; CPU seconds of each client and of the server, and the aims
that s3put has.

Each client gets a server of its own, fresh, and its objects are counted there afterwards.
Two rows of curl (4 at a time) tell what is reachable where server and client share the
processors: unsigned bodies, which the server does not hash, and signed ones, whose hashes curl
is given. The floor of s3put's wall is the server's CPU time for the latter, on all processors.
OBJECTS and BYTES (of the big one) may be smaller. Exit 1: an object was missing.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

from measure import run

HERE = os.path.dirname(os.path.abspath(__file__))
RGW = os.path.join(os.path.dirname(HERE), "rgw.sh")
DIR = os.path.abspath(sys.argv[1])
OBJECTS, EACH = int(os.environ.get("OBJECTS", "200")), 5 << 20
BIG = int(os.environ.get("BYTES", str(1 << 30)))
BUCKET = "bench"


def make_file(path, size):
    """Its manifest, with the members of logbatch's that matter."""
    sha256 = hashlib.sha256()
    with open(path, "wb") as f:
        for _ in range(size >> 20):
            block = os.urandom(1 << 20)
            sha256.update(block)
            f.write(block)
    return {"key": os.path.basename(path), "path": path, "sha256": sha256.hexdigest(), "bytes": size}


def make_files():
    for name, count, size in (("many", OBJECTS, EACH), ("big", 1, BIG)):
        os.makedirs(f"{DIR}/{name}")
        with open(f"{DIR}/{name}.manifests", "w") as f:
            for i in range(count):
                f.write(json.dumps(make_file(f"{DIR}/{name}/{i:03}.gz", size)) + "\n")


def curl_config(env, url, name, sign):
    """The puts of one directory, for curl -K."""
    lines = []
    with open(f"{DIR}/{name}.manifests") as f:
        for m in map(json.loads, f):
            lines += ["next"] if lines else []
            lines += [f'url = "{url}/{BUCKET}/{m["key"]}"', f'upload-file = "{m["path"]}"', "fail", "silent",
                      "show-error", 'aws-sigv4 = "aws:amz:us-east-1:s3"',
                      f'user = "{env["AWS_ACCESS_KEY_ID"]}:{env["AWS_SECRET_ACCESS_KEY"]}"',
                      f'header = "x-amz-content-sha256: {m["sha256"] if sign else "UNSIGNED-PAYLOAD"}"']
    with open(f"{DIR}/curl.config", "w") as f:
        f.write("\n".join(lines) + "\n")
    return ["curl", "--no-progress-meter", "--parallel", "--parallel-max", "4", "-K", f"{DIR}/curl.config"]


def server_cpu():
    """CPU seconds that the server has had so far."""
    ticks = 0
    for daemon in ("client.rgw", "osd.0"):
        with open(f"{DIR}/rgw/run/{daemon}.pid") as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/stat") as f:
            ticks += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def start():
    subprocess.run([RGW, "start", f"{DIR}/rgw"], check=True)
    with open(f"{DIR}/rgw/env") as f:
        env = dict(re.findall(r"(\w+)=(\S+)", f.read()))
    env.update(AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1", no_proxy="*", NO_PROXY="*",
               AWS_EC2_METADATA_DISABLED="true", HOME=DIR)
    for name in list(os.environ):
        if name.startswith("AWS_") or name.startswith("LOGSWEEP_"):
            del os.environ[name]
    return env, f"http://{env['RGW_HTTP']}"


def signed(env, *args):
    return subprocess.run(
        ["curl", "-sS", "--fail", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user",
         f"{env['AWS_ACCESS_KEY_ID']}:{env['AWS_SECRET_ACCESS_KEY']}",
         "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", *args],
        check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **env}).stdout


def clients(env, url):
    """Name, and the command that uploads the directory of that name."""
    yield "s3put", lambda name: ["s3put", f"--endpoint={url}", f"{DIR}/{name}.manifests", f"s3://{BUCKET}"]
    if shutil.which("aws"):
        yield "aws s3 cp", lambda name: ["aws", "--endpoint-url", url, "s3", "cp", "--recursive",
                                         "--only-show-errors", f"{DIR}/{name}", f"s3://{BUCKET}/"]
    if shutil.which("rclone"):
        yield "rclone", lambda name: ["rclone", "copy", f"{DIR}/{name}",
                                      f":s3,provider=Ceph,env_auth=true,endpoint='{url}':{BUCKET}"]
    yield "curl unsigned", lambda name: curl_config(env, url, name, False)
    yield "curl signed", lambda name: curl_config(env, url, name, True)


def upload(index, name):
    env, url = start()
    try:
        who, command = list(clients(env, url))[index]
        signed(env, "-X", "PUT", f"{url}/{BUCKET}")
        argv, before = command(name), server_cpu()
        r = run([argv], stdout=os.devnull, env=env)
        r.server = server_cpu() - before
        got = sum(map(int, re.findall(r"<Size>(\d+)</Size>", signed(env, f"{url}/{BUCKET}"))))
    finally:
        subprocess.run([RGW, "stop", f"{DIR}/rgw"], check=True)
    want = OBJECTS * EACH if name == "many" else BIG
    if got != want:
        r.bad.append(f"{got} bytes arrived, {want} wanted")
    print(f"{who:<14} {name:<6} {r.cpu:8.2f} CPU s {r.wall:8.2f} s wall {r.peak / 2**20:8.1f} MiB"
          f"   server {r.server:6.2f} CPU s", flush=True)
    for why in r.bad:
        print(f"bench: FAILED: {who}: {why}", file=sys.stderr)
    return who, r


def main():
    make_files()
    peers = [1 + i for i in range(len(list(clients({}, ""))) - 1)]
    cpus = len(os.sched_getaffinity(0))
    bad = False
    print(f"S3: many is {OBJECTS} objects of 5 MiB, big is one of {BIG >> 20} MiB")
    for name in ("many", "big"):
        _, ours = upload(0, name)
        bad |= bool(ours.bad)
        if ours.peak > 32 << 20:
            print(f"  aim not met: memory of s3put at most 32 MiB: {ours.peak / 2**20:.1f}")
        for i in peers:
            who, r = upload(i, name)
            limit = 0.5 if who.startswith("aws") else 1
            bad |= bool(r.bad) and who.startswith("curl")
            if r.bad or who == "curl unsigned":
                continue
            if who == "curl signed":
                floor = r.server / cpus
                print(f"  floor: {floor:.2f} s wall, the server's {r.server:.2f} CPU s on {cpus} processors: "
                      f"s3put {ours.wall / floor:.2f} of it")
                continue
            for what, mine, theirs in (("CPU", ours.cpu, r.cpu), ("wall", ours.wall, r.wall)):
                met = "met" if mine <= limit * theirs else "not met"
                print(f"  aim {met}: {what} at most {limit} of {who}: {mine / theirs:.2f}")
    return bad


sys.exit(main())
