"""Run a pipeline and say what each of its processes cost.

CPU is user + sys of wait4; peak memory is VmHWM of /proc, read every 10 ms (ru_maxrss of
a child is never below that of the Python that started it). What the pipeline writes is read
away through a pipe and counted, or goes to a file.
"""
import fcntl
import os
import subprocess
import threading
import time


class Result:
    def __init__(self):
        self.wall = 0.0
        self.procs = []  # (name, user, sys, peak in bytes)
        self.out = 0     # bytes read away
        self.bad = []    # what ended with another status than 0

    @property
    def cpu(self):
        return sum(user + sys for _, user, sys, _ in self.procs)

    @property
    def peak(self):
        return sum(peak for _, _, _, peak in self.procs)


def peak_of(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class Peaks(threading.Thread):
    """The peak memory of each of some processes, while they live."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.of = dict.fromkeys(pids, 0)
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            for pid in self.of:
                self.of[pid] = max(self.of[pid], peak_of(pid))
            self.over.wait(0.01)


def spawn(argvs, stdin, stdout, cpus, env, stderr):
    """Processes joined by pipes; returns them and the end to read, if stdout is None."""
    everywhere = os.sched_getaffinity(0)
    procs, end = [], None
    source = open(stdin, "rb") if stdin else subprocess.DEVNULL
    try:
        if cpus:
            os.sched_setaffinity(0, cpus)
        for i, argv in enumerate(argvs):
            last = i == len(argvs) - 1
            to = open(stdout, "wb") if last and stdout else subprocess.PIPE
            p = subprocess.Popen(argv, stdin=source, stdout=to, stderr=stderr,
                                 env={**os.environ, **(env or {})})
            if hasattr(source, "close"):
                source.close()
            if last and stdout:
                to.close()
            else:
                source = end = p.stdout
            procs.append(p)
    finally:
        os.sched_setaffinity(0, everywhere)
    return procs, None if stdout else end


def drain(end):
    fcntl.fcntl(end, 1031, 1 << 20)  # F_SETPIPE_SZ
    room, n = memoryview(bytearray(1 << 20)), 0
    while got := os.readv(end.fileno(), [room]):
        n += got
    end.close()
    return n


def finish(r, argvs, procs, peaks, begin):
    usage = []
    for p in procs:
        _, status, use = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        usage.append(use)
    r.wall = time.monotonic() - begin
    peaks.over.set()
    peaks.join()
    for argv, p, use in zip(argvs, procs, usage):
        name = os.path.basename(argv[0])
        r.procs.append((name, use.ru_utime, use.ru_stime, peaks.of[p.pid]))
        if p.returncode != 0:
            r.bad.append(f"{name}: status {p.returncode}")
    return r


def run(argvs, stdin=None, stdout=None, cpus=None, env=None, stderr=None):
    """Run a pipeline to its end. `cpus` pins its processes (not what reads them away)."""
    r = Result()
    begin = time.monotonic()
    procs, end = spawn(argvs, stdin, stdout, cpus, env, stderr)
    peaks = Peaks([p.pid for p in procs])
    if end:
        r.out = drain(end)
    return finish(r, argvs, procs, peaks, begin)


def progress(pid):
    """CPU ticks, and bytes read and written, of a process; None when it has ended."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    if fields[0] == "Z":
        return None
    with open(f"/proc/{pid}/io") as f:
        io = dict(line.split(": ") for line in f)
    return int(fields[11]) + int(fields[12]), int(io["rchar"]) + int(io["wchar"])


def run_daemon(argvs, quiet=2, limit=1200, env=None, stderr=None):
    """Run a pipeline whose first program follows files for ever: it is over when that has done
    next to nothing for `quiet` seconds, and is then told to end; the wall time is without them."""
    r = Result()
    begin = time.monotonic()
    procs, _ = spawn(argvs, None, os.devnull, None, env, stderr)
    peaks = Peaks([p.pid for p in procs])
    pid, last, busy = procs[0].pid, (0, 0), begin
    while time.monotonic() - busy < quiet + 0.1:
        time.sleep(0.5)
        now = progress(pid)
        if now is None:
            break
        if now[0] - last[0] > 10 or now[1] - last[1] > 1 << 16:
            busy = time.monotonic()
        last = now
        if time.monotonic() - begin > limit:
            r.bad.append(f"{os.path.basename(argvs[0][0])}: not done in {limit} s")
            break
    waited = time.monotonic() - busy
    procs[0].terminate()
    finish(r, argvs, procs, peaks, begin)
    r.wall -= waited
    return r
