#!/usr/bin/env python3
"""make.py DIR - a small log tree in the shape that a containerd node's kubelet leaves.

Written by this script, byte for byte the same each time but for the times of the files: rotated
plain and .gz files, a static pod with a 32-hex uid, an init container, a restarted container
(3.log), a sidecar, a Job's pod, an ephemeral container, parts, odd bytes, links in containers/.
"""
import gzip
import hashlib
import os
import sys
import time


def lines(hour, n, text, every=0):
    """n CRI lines from `hour` on; each `every`th to stderr"""
    out = []
    for i in range(n):
        stream = b"stderr" if every and i % every == 0 else b"stdout"
        out.append(b"2026-11-22T%02d:%02d:%02d.%09dZ %s F %s\n" % (
            hour, i // 60 % 60, i % 60, i * 7919 % 1000000000, stream, text % i))
    return b"".join(out)


def split(message):
    """one message as containerd writes it, in parts of 16 KiB"""
    size, out = 16384, b""
    for at in range(0, len(message), size):
        tag = b"P" if at + size < len(message) else b"F"
        out += b"2026-11-22T13:30:00.%09dZ stdout %s %s\n" % (at, tag, message[at:at + size])
        out += b"2026-11-22T13:30:00.%09dZ stderr F between %d\n" % (at + 1, at)
    return out


ODD = b"".join(b"2026-11-22T13:40:00.%09dZ stdout F %s\n" % (i, m) for i, m in enumerate((
    b"", b" ", b"\ttabs\t", b"carriage\r", b"nul \0 inside", b"\x1b[31mred\x1b[0m", b"\xff\xfe bad",
    "é ∑ 😀".encode(), b'{"json":1.10,"big":9223372036854775808}', b"quote \" back \\ slash /")))

PODS = {
    "kube-system_kube-scheduler-node-a.example.org_0f5d1c8a9be34720b6a1d2c3e4f50617": {
        "kube-scheduler": {"0.log": lines(13, 20, b"I1122 scheduler.go:%d] tick", 1)}},
    "shop_web-5d9c7b9f6d-x2x7q_1c1a6f52-5c1b-4b0e-9d8e-0a7b1f3c2d4e": {
        "app": {"0.log.20261122-110000.gz": lines(10, 60, b'{"level":"info","n":%d}', 9),
                "0.log.20261122-120000.gz": lines(11, 60, b'{"level":"warn","n":%d}', 7),
                "0.log.20261122-130000": lines(12, 60, b'{"level":"info","n":%d,"h":12}', 5),
                "0.log": lines(13, 30, b'{"level":"info","n":%d,"h":13}') + split("ab€".encode() * 9000)},
        "proxy": {"0.log": lines(13, 25, b'10.0.0.%d - - "GET / HTTP/1.1" 200', 4)},
        "init-db": {"0.log": lines(9, 3, b"migration %d")}},
    "payments_crasher-0_2d2b7e61-6d2c-4c1f-8e9f-1b8c2a4d3e5f": {
        "main": {"3.log": lines(13, 4, b"panic: %d", 1)},
        "side": {"0.log": lines(13, 2, b"sidecar %d")}},
    "payments_nightly-28800-abcde_3e3c8d70-7e3d-4d20-9fa0-2c9d3b5e4f60": {
        "job": {"0.log": lines(2, 5, b"step %d")}},
    "shop_debugged_4f4d9c8f-8f4e-4e31-8ab1-3dae4c6f5071": {
        "app": {"0.log": ODD, "0.log.20261122-133000": lines(12, 3, b"before %d")},
        "debugger-7xk2p": {"0.log": b""},
        "chatty": {"0.log": lines(13, 2, b"x %d") + b"2026-11-22T13:50:00Z stdout P no end yet\n"}},
}


def write(path, data, when):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(gzip.compress(data, mtime=0) if path.endswith(".gz") else data)
    os.utime(path, (when, when))


def main(top):
    containers = os.path.join(top, "var/log/containers")
    os.makedirs(containers)
    for pod, of_pod in PODS.items():
        namespace, name, _ = pod.split("_")
        for container, files in of_pod.items():
            where = os.path.join(top, "var/log/pods", pod, container)
            for file, data in files.items():
                live = file.count(".") == 1
                write(os.path.join(where, file), data, time.time() - (0 if container == "chatty" else 600 if live else 3600))
            live = next(f for f in files if f.count(".") == 1)
            number = hashlib.sha256(f"{pod}/{container}".encode()).hexdigest()
            os.symlink(os.path.abspath(os.path.join(where, live)),
                       os.path.join(containers, f"{name}_{namespace}_{container}-{number}.log"))


main(sys.argv[1])
