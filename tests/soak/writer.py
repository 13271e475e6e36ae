"""Containers that write, kubelet and Docker and logrotate that rotate: the world of the soak.

Each container has a file in one form (cri, docker, raw) and numbers its messages per stream:
"<container>/<stream> <number> <filler>".  A rotated file is deleted only when the soak says
that all its messages are archived, so that every message that was written must turn up.
"""
import gzip
import json
import os
import random
import shutil
import time

PART = 16384


def stamp(ns):
    s, frac = divmod(ns, 1_000_000_000)
    t = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(s))
    digits = ("%09d" % frac).rstrip("0")
    return t + ("." + digits if digits else "") + "Z"


class Container:
    def __init__(self, root, number, form, rng):
        self.rng, self.form, self.number = rng, form, number
        self.name = "%s%02d" % (form, number)
        self.seq = {"o": 0, "e": 0}
        self.rotated = []  # oldest first: [path, {"o": last, "e": last}]
        self.stamps = 0
        self.clock = 1_795_350_000_000_000_000 + number * 1_000_003
        self.fd = -1
        ident = "%064x" % rng.getrandbits(256)
        links = os.path.join(root, "var/log/containers")
        os.makedirs(links, exist_ok=True)
        if form == "docker":
            self.dir = os.path.join(root, "var/lib/docker/containers", ident)
            self.base = ident + "-json.log"
        elif form == "cri":
            uid = "%08x-0000-4000-8000-%012x" % (number, rng.getrandbits(48))
            self.dir = os.path.join(root, "var/log/pods", "soak_%s_%s" % (self.name, uid), "main")
            self.base = "0.log"
        else:
            self.dir = os.path.join(root, "var/log/apps", self.name)
            self.base = self.name + ".log"
        os.makedirs(self.dir)
        self.live = os.path.join(self.dir, self.base)
        self.link = os.path.join(links, "%s_soak_main-%s.log" % (self.name, ident))
        os.symlink(self.live, self.link)
        self.open()

    def open(self):
        self.fd = os.open(self.live, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def message(self, stream):
        self.seq[stream] += 1
        long = self.form != "raw" and self.rng.random() < 0.004
        size = self.rng.randrange(PART, 3 * PART) if long else self.rng.randrange(20, 400)
        return "%s/%s %d %s" % (self.name, stream, self.seq[stream], "x" * size)

    def frame(self, text, stream):
        name = {"o": "stdout", "e": "stderr"}[stream]
        parts = [text[i:i + PART] for i in range(0, len(text), PART)]
        out = []
        for i, part in enumerate(parts):
            self.clock += self.rng.randrange(1, 60_000_000)
            last = i == len(parts) - 1
            if self.form == "cri":
                out.append("%s %s %s %s\n" % (stamp(self.clock), name, "F" if last else "P", part))
            elif self.form == "docker":
                log = json.dumps(part + ("\n" if last else ""))
                out.append('{"log":%s,"stream":"%s","time":"%s"}\n' % (log, name, stamp(self.clock)))
            else:
                out.append(part + "\n")
        return out

    def write(self, messages):
        """A burst; at times the pieces of two split messages interleave, and at times a write
        ends within a line, to be finished by the next."""
        lines = []
        for _ in range(messages):
            stream = "e" if self.form != "raw" and self.rng.random() < 0.2 else "o"
            one = self.frame(self.message(stream), stream)
            if len(one) > 1 and self.form == "cri":
                other = {"o": "e", "e": "o"}[stream]
                two = self.frame(self.message(other), other)
                for pair in range(max(len(one), len(two))):
                    lines += one[pair:pair + 1] + two[pair:pair + 1]
            else:
                lines += one
        data = "".join(lines).encode()
        cut = self.rng.randrange(len(data)) if data else 0
        os.write(self.fd, data[:cut])
        if self.rng.random() < 0.1:
            time.sleep(0.01)
        while cut < len(data):
            cut += os.write(self.fd, data[cut:])

    def write_until(self, n, rest):
        """So many more that each stream's number leaves this rest."""
        for stream in "o" if self.form == "raw" else "oe":
            while self.seq[stream] and self.seq[stream] % n != rest:
                for line in self.frame(self.message(stream), stream):
                    os.write(self.fd, line.encode())

    def size(self):
        return os.fstat(self.fd).st_size

    def compress(self, plain, packed, tmp=None):
        with open(plain, "rb") as f, gzip.open(tmp or packed, "wb", 3) as z:
            shutil.copyfileobj(f, z)
        if tmp:
            os.rename(tmp, packed)
        os.unlink(plain)

    def rotate(self):
        last = dict(self.seq)
        if self.form == "cri":
            self.rotate_kubelet(last)
        elif self.form == "docker":
            self.rotate_docker(last)
        else:
            self.copytruncate(last)

    def rotate_kubelet(self, last):
        for r in self.rotated:  # all that is still plain, at the *next* rotation
            if not r[0].endswith(".gz"):
                self.compress(r[0], r[0] + ".gz", r[0] + ".tmp")
                r[0] += ".gz"
        self.stamps += 1
        name = "%s.%s-%06d" % (self.live, "20261122", self.stamps)
        os.rename(self.live, name)
        self.rotated.append([name, last])
        # the runtime writes on into the renamed file for a moment
        if self.rng.random() < 0.5:
            self.write(3)
            self.rotated[-1][1] = dict(self.seq)
        os.close(self.fd)
        self.open()

    def rotate_docker(self, last):
        os.close(self.fd)
        n = len(self.rotated)
        for i, r in enumerate(self.rotated):  # the oldest has the highest number
            to = "%s.%d%s" % (self.live, n - i + 1, ".gz" if r[0].endswith(".gz") else "")
            os.rename(r[0], to)
            r[0] = to
        os.rename(self.live, self.live + ".1")
        self.rotated.append([self.live + ".1", last])
        self.open()
        if self.rng.random() < 0.8:  # compressed in place, beside the plain one
            self.compress(self.live + ".1", self.live + ".1.gz")
            self.rotated[-1][0] += ".gz"

    def copytruncate(self, last):
        for i, r in enumerate(self.rotated):
            to = "%s.%d%s" % (self.live, len(self.rotated) - i + 1,
                              ".gz" if r[0].endswith(".gz") else "")
            os.rename(r[0], to)
            r[0] = to
        if self.rotated and not self.rotated[-1][0].endswith(".gz"):
            self.compress(self.rotated[-1][0], self.rotated[-1][0] + ".gz")
            self.rotated[-1][0] += ".gz"
        shutil.copyfile(self.live, self.live + ".1")
        os.ftruncate(self.fd, 0)
        self.rotated.append([self.live + ".1", last])

    def prune(self, archived, keep):
        """Delete the oldest beyond `keep` whose messages are all archived."""
        gone = 0
        while len(self.rotated) > keep:
            path, last = self.rotated[0]
            if any(last[s] > archived.get("%s/%s" % (self.name, s), 0) for s in "oe"):
                break
            os.unlink(path)
            self.rotated.pop(0)
            gone += 1
        return gone
