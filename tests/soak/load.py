#!/usr/bin/env python3
"""load.py - a busy node: PODS containers write MB/s in all, their files are rotated as the kubelet
does it, and a sweep begins each minute.

Of every byte and line that was written the manifests must tell once (their `sources` and
`records`), and memory and open files of the programs must not grow from sweep to sweep.  One
line of JSON for each sweep, then the figures; exit 1 when something was lost or grew.
"""
import argparse, collections, datetime, glob, json, os, shutil, subprocess, sys, tempfile, threading, time

ap = argparse.ArgumentParser()
ap.add_argument("--bin", required=True)
ap.add_argument("--seconds", type=int, default=600)
ap.add_argument("--pods", type=int, default=500)
ap.add_argument("--rate", type=float, default=50, help="MB/s, all pods together")
ap.add_argument("--every", type=int, default=60, help="seconds from sweep to sweep")
ap.add_argument("--dir", default=None)
a = ap.parse_args()
os.environ["PATH"] = a.bin + ":" + os.environ["PATH"]
root = tempfile.mkdtemp(prefix="logsweep-load.", dir=a.dir)
ROTATE, KEEP, LINE, TICK = 4 << 20, 8, 500, 0.25
programs = ("logtail", "logparse", "k8smeta", "logbatch", "s3put")


class Pod:
    def __init__(self, n):
        uid = "%08x-0000-4000-8000-%012x" % (n, n)
        self.name = "pod-%d" % n
        self.dir = "%s/pods/load_%s_%s/app" % (root, self.name, uid)
        os.makedirs(self.dir)
        self.path = self.dir + "/0.log"
        self.fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.size = self.lines = self.bytes = 0
        os.symlink(self.path, "%s/containers/%s_load_app-%064x.log" % (root, self.name, n))

    def write(self, stamp, bytes_wanted):
        head = "%s stdout F %s " % (stamp, self.name)
        pad = " the quick brown fox jumps over the lazy dog; " * 10
        n = max(1, bytes_wanted // LINE)
        text = "".join(
            (head + "line %d %x" % (i, i * 2654435761 & 0xFFFFFFFFFFFF) + pad)[: LINE - 1] + "\n"
            for i in range(self.lines, self.lines + n)
        ).encode()
        os.write(self.fd, text)
        self.lines += n
        self.size += len(text)
        self.bytes += len(text)
        if self.size > ROTATE:
            self.rotate()

    def rotate(self):
        os.close(self.fd)
        now = datetime.datetime.now(datetime.timezone.utc)
        os.rename(self.path, self.path + now.strftime(".%Y%m%d-%H%M%S"))
        self.fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.size = 0
        old = sorted(glob.glob(self.path + ".*"))
        for p in old[:-KEEP]:
            os.unlink(p)


os.makedirs(root + "/containers")
pods = [Pod(n) for n in range(a.pods)]
stop = threading.Event()
behind = 0.0


def write_all():
    global behind
    share = int(a.rate * 1e6 * TICK / a.pods)
    begun, ticks = time.monotonic(), 0
    while not stop.is_set() and time.monotonic() - begun < a.seconds:
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for p in pods:
            p.write(stamp, share)
        ticks += 1
        left = begun + ticks * TICK - time.monotonic()
        behind = max(behind, -left)
        if left > 0:
            time.sleep(left)


def look(pids, peak, files):
    for name, pid in pids.items():
        try:
            with open("/proc/%d/status" % pid) as f:
                for line in f:
                    if line.startswith("VmHWM"):
                        peak[name] = max(peak[name], int(line.split()[1]))
            files[name] = max(files[name], len(os.listdir("/proc/%d/fd" % pid)))
        except (OSError, IndexError):
            pass


told = {}
sweeps = []


def sweep():
    S = root + "/S"
    commands = [
        ["logtail", "--state=" + S, root + "/containers"],
        ["logparse"],
        ["k8smeta", "--node=load"],
        ["logbatch", "--state=" + S],
    ]
    peak, files = collections.Counter(), collections.Counter()
    begun, ps, pipe = time.monotonic(), {}, None
    for c in commands:
        p = subprocess.Popen(c, stdin=pipe or subprocess.DEVNULL, stdout=subprocess.PIPE)
        if pipe:
            pipe.close()
        pipe, ps[c[0]] = p.stdout, p
    manifests = open(root + "/manifests", "wb")
    put = subprocess.Popen(["tee", root + "/manifests"], stdin=pipe, stdout=subprocess.PIPE)
    pipe.close()
    ps["s3put"] = subprocess.Popen(["s3put", "--state=" + S, "file://%s/dest" % root], stdin=put.stdout, stdout=subprocess.DEVNULL)
    put.stdout.close()
    while any(p.poll() is None for p in ps.values()):
        look({n: p.pid for n, p in ps.items()}, peak, files)
        time.sleep(0.1)
    put.wait()
    manifests.close()
    for line in open(root + "/manifests"):
        m = json.loads(line)
        told[m["key"]] = (m["records"], m["bytes"], m["raw_bytes"], [(s["id"], s["from"], s["to"]) for s in m["sources"]])
    s = {"sweep": len(sweeps) + 1, "seconds": round(time.monotonic() - begun, 1),
         "status": {n: p.returncode for n, p in ps.items() if p.returncode}, "kib": dict(peak), "files": dict(files)}
    sweeps.append(s)
    print(json.dumps(s), flush=True)


writer = threading.Thread(target=write_all)
begun = time.monotonic()
writer.start()
try:
    due = begun + a.every
    while writer.is_alive():
        time.sleep(max(0.1, min(due - time.monotonic(), 1)))
        if time.monotonic() >= due:
            due += a.every
            sweep()
    sweep()
    sweep()  # what was written while the one before read
finally:
    stop.set()
    writer.join()

wrote_lines, wrote_bytes = sum(p.lines for p in pods), sum(p.bytes for p in pods)
records = sum(t[0] for t in told.values())
spans = collections.defaultdict(list)
for _, _, _, sources in told.values():
    for i, f, t in sources:
        spans[i].append((f, t))
seen = twice = 0
for i, all_of in spans.items():
    at = 0
    for f, t in sorted(all_of):
        seen += max(0, t - max(f, at))
        at = max(at, t)
bad = []
if records != wrote_lines:
    bad.append("%d lines were written, %d records are archived" % (wrote_lines, records))
if seen != wrote_bytes:
    bad.append("%d bytes were written, the manifests tell of %d" % (wrote_bytes, seen))
if any(s["status"] for s in sweeps):
    bad.append("a sweep did not end well")
half = len(sweeps) // 2
for n in programs if half >= 2 else ():
    for what, slack in (("kib", 1.25), ("files", 1.25)):
        first = max(s[what].get(n, 0) for s in sweeps[:half])
        then = max(s[what].get(n, 0) for s in sweeps[half:])
        if then > first * slack + (4096 if what == "kib" else 8):
            bad.append("%s: %s grew from %d to %d" % (n, what, first, then))
peaks = {n: [max(s["kib"].get(n, 0) for s in sweeps), max(s["files"].get(n, 0) for s in sweeps)] for n in programs}
print(json.dumps({"pods": a.pods, "seconds": round(time.monotonic() - begun), "lines": wrote_lines, "bytes": wrote_bytes,
                  "mb_per_s": round(wrote_bytes / a.seconds / 1e6, 1), "writer_behind_s": round(behind, 1), "records": records,
                  "objects": len(told), "stored_bytes": sum(t[1] for t in told.values()), "sweeps": len(sweeps),
                  "longest_sweep_s": max(s["seconds"] for s in sweeps), "peak_kib_and_files": peaks, "wrong": bad}))
shutil.rmtree(root)
sys.exit(bool(bad))
