#!/usr/bin/env python3
"""multiline.py SWEEPS SEED [OPTION...] - stack traces through many sweeps, killed ones too.

Two CRI files get ordinary lines and traces on both streams, mixed; writes end in the middle of
traces.  Each sweep is logtail | logparse --multiline=java OPTION... | logbatch | s3put, and in
every second one a program is killed.  At the end the files are rotated away.  Every line must
be archived once, and without an OPTION every trace in one record.
"""
import glob
import gzip
import json
import os
import random
import subprocess
import sys
import time

sweeps, seed, options = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
rng = random.Random(seed)
NAMES = {"o": "stdout", "e": "stderr"}


class Log:
    def __init__(self, n):
        self.path = "var/pod%d_ns_c-%064x.log" % (n, n)
        self.n, self.clock, self.serial, self.rotations = n, 1620000000 * 10**9, 0, 0
        self.queue = {"o": [], "e": []}  # lines of the message under way
        self.messages = []               # what must come out, as lists of lines

    def next_line(self, s):
        if not self.queue[s]:
            self.serial += 1
            name = "%d%s%d" % (self.n, s, self.serial)
            lines = ["plain " + name]
            if rng.random() < 0.4:
                lines = ["java.lang.RuntimeException: " + name]
                lines += ["\tat x.Y.z%d(Y.java:%d) %s" % (i, i, name) for i in range(rng.randrange(1, 30))]
                if rng.random() < 0.4:
                    lines += ["Caused by: java.io.IOException: cause " + name, "\tat q.R(S.java:1) c" + name,
                              "\t... 7 more " + name]
            self.messages.append(lines)
            self.queue[s] = list(lines)
        return self.queue[s].pop(0)

    def write(self, lines, whole=False):
        with open(self.path, "a") as f:
            while lines > 0 or (whole and (self.queue["o"] or self.queue["e"])):
                s = rng.choice([k for k in "oe" if not whole or lines > 0 or self.queue[k]])
                self.clock += rng.randrange(10**6)
                t = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.clock // 10**9))
                f.write("%s.%09dZ %s F %s\n" % (t, self.clock % 10**9, NAMES[s], self.next_line(s)))
                lines -= 1

    def rotate(self):
        self.write(0, whole=True)
        self.rotations += 1
        to = "%s.20261122-%06d" % (self.path, self.rotations)
        os.rename(self.path, to)
        os.utime(to, (time.time() - 60, time.time() - 60))
        self.write(1, whole=True)


def sweep(kill):
    commands = [["logtail", "--state=S"] + sorted(glob.glob("var/*.log")),
                ["logparse", "--multiline=java"] + options,
                ["logbatch", "--state=S", "--node=n"],
                ["s3put", "--state=S", "file://" + os.path.abspath("A")]]
    procs, last = [], subprocess.DEVNULL
    with open("messages", "ab") as err:
        for i, c in enumerate(commands):
            out = subprocess.PIPE if i < 3 else subprocess.DEVNULL
            p = subprocess.Popen(c, stdin=last, stdout=out, stderr=err)
            if last is not subprocess.DEVNULL:
                last.close()
            last = p.stdout
            procs.append(p)
        if kill:
            time.sleep(rng.random() * 0.02)
            rng.choice(procs).kill()
        codes = [p.wait() for p in procs]
    allowed = (0, 1, -9, -13, 141) if kill else (0,)
    if any(c not in allowed for c in codes):
        sys.exit("sweep ended with %s" % codes)


logs = [Log(1), Log(2)]
os.makedirs("var")
for i in range(sweeps):
    for log in logs:
        log.write(rng.choice([0, 1, 7, 40, 3000]))
        if rng.random() < 0.08:
            log.rotate()
    sweep(i % 2 == 1)
for log in logs:
    log.rotate()
sweep(False)
sweep(False)

records = []
for path in glob.glob("A/**/*.gz", recursive=True):
    with gzip.open(path, "rt") as f:
        records += [json.loads(line)["log"] for line in f]
last = {log.messages[-1][0] for log in logs}  # its group is open at the end of the live file
want = sorted("\n".join(m) for log in logs for m in log.messages)
joined = sum(r.count("\n") for r in records)
if options:  # lines are counted, not messages
    want = sorted(line for m in want for line in m.split("\n"))
    records = sorted(line for r in records for line in r.rstrip("\n").split("\n"))
held = [m for m in want if m not in set(records)]
if any(m.split("\n")[0] not in last for m in held) or len(held) > 2:
    sys.exit("seed %d: lost: %.300r" % (seed, held[:3]))
want = [m for m in want if m not in held]
if sorted(records) != want:
    extra = [r for r in records if r not in set(want)]
    sys.exit("seed %d: %d messages, %d wanted; not wanted: %.300r" % (seed, len(records), len(want), extra[:3]))
print("%d messages, %d lines joined" % (len(records), joined))
