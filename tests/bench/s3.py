#!/usr/bin/env -S python3 -B
"""s3.py DIR: upload 200 objects of 5 MiB, and one of 1 GiB, to a radosgw on loopback, with
s3put, aws and rclone as they come; CPU seconds of each client, and the aims that s3put has.

Each client gets a server of its own, fresh, and its objects are counted there afterwards.
OBJECTS and BYTES (of the big one) may be smaller. Exit 1: an object was missing.
"""
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


def make_files():
    os.makedirs(f"{DIR}/many")
    os.makedirs(f"{DIR}/big")
    for i in range(OBJECTS):
        with open(f"{DIR}/many/{i:03}.gz", "wb") as f:
            f.write(os.urandom(EACH))
    with open(f"{DIR}/big/one.gz", "wb") as f:
        for _ in range(BIG >> 20):
            f.write(os.urandom(1 << 20))
    for name in ("many", "big"):
        with open(f"{DIR}/{name}.manifests", "w") as f:
            for file in sorted(os.listdir(f"{DIR}/{name}")):
                f.write(f'{{"key":"{file}","path":"{DIR}/{name}/{file}"}}\n')


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


def clients(url):
    """Name, version, and the command that uploads the directory of that name."""
    yield "s3put", lambda name: ["s3put", f"--endpoint={url}", f"{DIR}/{name}.manifests", f"s3://{BUCKET}"]
    if shutil.which("aws"):
        yield "aws s3 cp", lambda name: ["aws", "--endpoint-url", url, "s3", "cp", "--recursive",
                                         "--only-show-errors", f"{DIR}/{name}", f"s3://{BUCKET}/"]
    if shutil.which("rclone"):
        yield "rclone", lambda name: ["rclone", "copy", f"{DIR}/{name}",
                                      f":s3,provider=Ceph,env_auth=true,endpoint='{url}':{BUCKET}"]


def upload(index, name):
    env, url = start()
    try:
        who, command = list(clients(url))[index]
        signed(env, "-X", "PUT", f"{url}/{BUCKET}")
        r = run([command(name)], stdout=os.devnull, env=env)
        got = sum(map(int, re.findall(r"<Size>(\d+)</Size>", signed(env, f"{url}/{BUCKET}"))))
    finally:
        subprocess.run([RGW, "stop", f"{DIR}/rgw"], check=True)
    want = OBJECTS * EACH if name == "many" else BIG
    if got != want:
        r.bad.append(f"{got} bytes arrived, {want} wanted")
    print(f"{who:<12} {name:<6} {r.cpu:8.2f} CPU s {r.wall:8.2f} s wall {r.peak / 2**20:8.1f} MiB",
          flush=True)
    for why in r.bad:
        print(f"bench: FAILED: {who}: {why}", file=sys.stderr)
    return who, r


def main():
    make_files()
    peers = [1 + i for i in range(len(list(clients(""))) - 1)]
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
            if r.bad:
                continue
            for what, mine, theirs in (("CPU", ours.cpu, r.cpu), ("wall", ours.wall, r.wall)):
                met = "met" if mine <= limit * theirs else "not met"
                print(f"  aim {met}: {what} at most {limit} of {who}: {mine / theirs:.2f}")
    return bad


sys.exit(main())
