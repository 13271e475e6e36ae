#!/usr/bin/env python3
"""soak.py --bin=DIR --faults=DIR [--seconds=N] [--seed=N] [--multiline] - does each line arrive once?

With --multiline logparse joins each five messages of a stream.

Phase 1, walk: one small sweep for each step at which logbatch or s3put changes the disk, that
step failing, ending the program, or writing half; after each, a clean sweep, and everything
must be archived once.
Phase 2, storm: containers write and rotate (writer.py) while sweeps run, overlap, are killed,
are stopped for a while, and meet disk errors at random steps.
Phase 3, follow: `logtail -f` into `logbatch --max-age`, killed and begun again.
Phase 4, gaps: files are deleted before any sweep saw their ends; exactly those must be named.
"""
import argparse
import fcntl
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from writer import Container  # noqa: E402

MESSAGE = re.compile(rb'(?:"log":"|\\n)((?:cri|docker|raw)\d+/[oe]) (\d+) ')
RULES = """[MULTILINE_PARSER]
    name  five
    type  regex
    rule  "start_state"  "/^\w+\/[oe] \d*[05] /"  "more"
    rule  "more"         "/^\w+\/[oe] \d*[49] /"  "whole"
    rule  "more"         "/^\w+\/[oe] \d*[1-36-8] /"  "more"
"""


class Failure(Exception):
    pass


class Drip(threading.Thread):
    """A joint of the pipe that lets bytes through slowly, and at times cuts the stream off at
    some byte, as a writer that is killed does."""

    SETPIPE_SZ = 1031

    def __init__(self, rng, upstream, to):
        super().__init__(daemon=True)
        self.rng, self.upstream, self.to = rng, upstream, to
        self.left = rng.randrange(1, 500_000) if rng.random() < 0.4 else 1 << 62
        self.cut = False
        self.start()

    def run(self):
        source = self.upstream.stdout.fileno()
        try:
            while self.left > 0:
                # the writer is to wait for us within a file, not to be done with all of it
                fcntl.fcntl(source, self.SETPIPE_SZ, 4096)
                data = os.read(source, self.rng.randrange(1, 20_000))
                if not data:
                    return
                os.write(self.to, data[:self.left])
                self.left -= len(data)
                time.sleep(self.rng.random() * 0.008)
            self.cut = True
            self.upstream.kill()
        except OSError:
            pass
        finally:
            os.close(self.to)
            self.upstream.stdout.close()


class Pipe:
    """The five programs as one sweep."""

    def __init__(self, world, faults=None, prog=None, drip=None, follow=False):
        d = world.faults if faults else world.bin
        env = dict(os.environ)
        if faults:
            env["LOGSWEEP_FAULT"], env["LOGSWEEP_FAULT_PROG"] = faults, prog
        run = lambda name, *args: [os.path.join(d, name)] + list(args)
        commands = [
            run("logtail", "--state=" + world.state, *(["-f"] if follow else []),
                *world.operands()),
            run("logparse", *world.parse),
            run("k8smeta", "--node=soak"),
            run("logbatch", "--state=" + world.state, "--node=soak",
                *(["--max-age=1s"] if follow else [])),
            run("s3put", "--state=" + world.state, "file://" + world.archive),
        ]
        self.err = tempfile.TemporaryFile()
        self.procs, self.drips, last = [], [], subprocess.DEVNULL
        for i, c in enumerate(commands):
            out = subprocess.PIPE if i < 4 else subprocess.DEVNULL
            p = subprocess.Popen(c, stdin=last, stdout=out, stderr=self.err, env=env)
            if isinstance(last, int) and last >= 0:
                os.close(last)
            elif last is not subprocess.DEVNULL:
                last.close()
            last = p.stdout
            if drip and i in (0, 2) and drip.random() < 0.7:
                last, to = os.pipe2(os.O_CLOEXEC)
                self.drips.append(Drip(random.Random(drip.random()), p, to))
            self.procs.append(p)

    def running(self):
        return [p for p in self.procs if p.poll() is None]

    def wait(self, limit=300):
        end = time.monotonic() + limit
        for p in self.procs:
            p.wait(max(1, end - time.monotonic()))
        for d in self.drips:
            d.join()
        return [p.returncode for p in self.procs]

    def messages(self):
        self.err.seek(0)
        return self.err.read().decode(errors="replace")


class World:
    def __init__(self, args, root):
        self.bin, self.faults = args.bin, args.faults
        self.root = root
        self.state = os.path.join(root, "state")
        self.archive = os.path.join(root, "archive")
        self.rng = random.Random(args.seed)
        self.containers = []
        self.parse = []
        if args.multiline:
            rules = os.path.join(args.tmp, "five.conf")
            with open(rules, "w") as f:
                f.write(RULES)
            self.parse = ["-R", rules, "--multiline=five"]
        self.joined = 0
        self.ordered = True
        self.seen = set()
        self.archived = {}   # stream name -> highest number up to which all are there
        self.numbers = {}    # stream name -> numbers beyond that
        self.repeated = []
        self.order_errors = []
        self.lines = 0
        self.gap_files = []
        os.makedirs(self.archive, exist_ok=True)

    def operands(self):
        return [os.path.join(self.root, "var/log/containers/*.log")]

    def add(self, form):
        c = Container(self.root, len(self.containers), form, self.rng)
        self.containers.append(c)
        return c

    def written(self):
        return sum(c.seq["o"] + c.seq["e"] for c in self.containers)

    def read_archive(self):
        """Take in the objects that are new."""
        for d, _, names in os.walk(self.archive):
            for name in sorted(names):
                path = os.path.join(d, name)
                if path in self.seen or not name.endswith(".gz") or name.startswith("."):
                    continue
                self.seen.add(path)
                self.read_object(path, "/_errors/" in path)

    def read_object(self, path, errors):
        with gzip.open(path, "rb") as f:
            data = f.read()
        if errors:
            for line in data.splitlines():
                why = json.loads(line)
                if "gap" not in why["_error"]:
                    raise Failure("an _error record that is no gap: %r" % line[:300])
                self.gap_files.append(why["_error"])
            return
        last = {}
        lines = data.splitlines()
        for line in lines:
            found = MESSAGE.findall(line)
            if not found or len(found) > (5 if self.parse else 1):
                raise Failure("not one of our messages: %s: %r" % (path, line[:300]))
            self.joined += len(found) - 1
            self.lines += len(found)
            for name, digits in found:
                stream, number = name.decode(), int(digits)
                if number <= last.get(stream, 0) and self.ordered:
                    self.order_errors.append((path, stream, number, last[stream]))
                last[stream] = number
                self.take(stream, number)

    def take(self, stream, number):
        upto = self.archived.get(stream, 0)
        beyond = self.numbers.setdefault(stream, set())
        if number <= upto or number in beyond:
            self.repeated.append((stream, number))
            return
        beyond.add(number)
        while upto + 1 in beyond:
            upto += 1
            beyond.discard(upto)
        self.archived[stream] = upto

    def lost(self):
        out = []
        for c in self.containers:
            for s in "oe":
                name = "%s/%s" % (c.name, s)
                have = self.archived.get(name, 0)
                if have < c.seq[s]:
                    missing = [n for n in range(have + 1, c.seq[s] + 1)
                               if n not in self.numbers.get(name, ())]
                    out.append((name, missing))
        return out

    def check(self, what):
        if self.repeated:
            raise Failure("%s: repeated: %s" % (what, self.repeated[:10]))
        if self.order_errors:
            raise Failure("%s: out of order: %s" % (what, self.order_errors[:5]))

    def settle(self):
        """No group is left open at the end of a live file."""
        for c in self.containers if self.parse else ():
            c.write_until(5, 4)

    def clean_sweeps(self, limit=8):
        """Until a sweep finds nothing: exit codes must be 0 (or 3 when gaps are told)."""
        for _ in range(limit):
            before = self.lines
            p = Pipe(self)
            codes = p.wait()
            if any(c not in (0, 3) for c in codes):
                raise Failure("a clean sweep ended with %s\n%s" % (codes, p.messages()))
            self.read_archive()
            if self.lines == before:
                return
        raise Failure("sweeps do not come to an end")


def age(world):
    """Rotated files become final when left alone for 10 s: pretend that they were."""
    for d, _, names in os.walk(os.path.join(world.root, "var")):
        for n in names:
            path = os.path.join(d, n)
            if not os.path.islink(path) and not n.endswith((".log", ".gz")):
                st = os.stat(path)
                os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns - 60_000_000_000))


def walk(args, report):
    """Phase 1."""
    steps = {}
    for prog in ("logbatch", "s3put"):
        for kind in ("fail", "kill", "short"):
            n = 0
            while True:
                n += 1
                root = tempfile.mkdtemp(dir=args.tmp, prefix="walk-")
                world = World(args, root)
                for form in ("cri", "docker", "raw"):
                    world.add(form).write(40)
                world.clean_sweeps()
                for c in world.containers:
                    c.write(15)
                    c.rotate()
                    c.write(15)
                world.settle()
                age(world)
                p = Pipe(world, faults="%d:%s" % (n, kind), prog=prog)
                codes = p.wait()
                world.read_archive()
                world.clean_sweeps()
                world.check("walk %s %s step %d" % (prog, kind, n))
                if world.lost():
                    raise Failure("walk %s %s step %d: lost %s\n%s" % (prog, kind, n,
                                  world.lost(), p.messages()))
                shutil.rmtree(root)
                if "LOGSWEEP_FAULT: step" not in p.messages():
                    break
                if n > 400:
                    raise Failure("the walk of %s has no end" % prog)
            steps["%s %s" % (prog, kind)] = n - 1
            report("walk: %s, %s: %d steps" % (prog, kind, n - 1))
    return sum(steps.values())


def storm(args, world, report):
    """Phase 2."""
    rng = world.rng
    for i in range(args.containers):
        world.add(("cri", "docker", "cri", "docker", "raw")[i % 5])
    stop = threading.Event()
    lock = threading.Lock()
    troubles = []

    def write():
        wrng = random.Random(args.seed + 1)
        try:
            while not stop.is_set():
                for c in world.containers:
                    with lock:
                        c.write(wrng.randrange(1, 60))
                        if c.size() > wrng.randrange(100_000, 900_000):
                            c.rotate()
                        c.prune(world.archived, 5)
                time.sleep(0.01)
        except Exception as e:  # shown by the main thread
            troubles.append(e)

    thread = threading.Thread(target=write)
    thread.start()
    counts = {"sweeps": 0, "kills": 0, "faults": 0, "pauses": 0, "lost races": 0, "slow": 0,
              "cuts": 0}
    pipes = []
    end = time.monotonic() + args.seconds
    told = time.monotonic()
    while time.monotonic() < end and not troubles:
        if len(pipes) < 3 and (not pipes or rng.random() < 0.5):
            drip = rng if rng.random() < 0.6 else None
            if rng.random() < 0.2:
                prog = rng.choice(["logbatch", "s3put"])
                pipes.append(Pipe(world, "%d:%s" % (rng.randrange(1, 60),
                             rng.choice(["fail", "kill", "short"])), prog))
                counts["faults"] += 1
            else:
                pipes.append(Pipe(world, drip=drip))
            counts["sweeps"] += 1
            counts["slow"] += drip is not None
        time.sleep(rng.random() * 0.1)
        for p in list(pipes):
            alive = p.running()
            if not alive:
                codes = p.wait()
                counts["lost races"] += codes[3] == 75
                counts["cuts"] += sum(d.cut for d in p.drips)
                bad = [c for c in codes if c not in (0, 1, 3, 75, -9, -13, 141)]
                if bad:
                    raise Failure("a sweep ended with %s\n%s" % (codes, p.messages()))
                if 3 in codes and "gap" in p.messages():
                    raise Failure("a gap where there is none\n" + p.messages())
                p.err.close()
                pipes.remove(p)
                world.read_archive()
                world.check("storm")
            elif rng.random() < 0.04:
                rng.choice(alive).kill()
                counts["kills"] += 1
            elif rng.random() < 0.03:
                victim = rng.choice(alive)
                victim.send_signal(signal.SIGSTOP)
                threading.Timer(rng.random() * 2, victim.send_signal, [signal.SIGCONT]).start()
                counts["pauses"] += 1
        if time.monotonic() - told > 15:
            told = time.monotonic()
            report("storm: %d s left; %s; %d written, %d archived" % (end - told, counts,
                   world.written(), world.lines))
    stop.set()
    thread.join()
    for p in pipes:
        for q in p.running():
            q.send_signal(signal.SIGCONT)
        p.wait()
    if troubles:
        raise troubles[0]
    world.settle()
    age(world)
    world.clean_sweeps()
    world.check("storm")
    if world.lost():
        raise Failure("storm: lost %s" % [(n, len(m), m[:5]) for n, m in world.lost()])
    if world.gap_files:
        raise Failure("storm: gaps told where there are none: %s" % world.gap_files[:3])
    if os.listdir(os.path.join(world.state, "outbox")):
        raise Failure("storm: the outbox is not empty at the end")
    return counts


def follow(args, world, report):
    """Phase 3: a pipe that goes on for ever, committing each second, killed and begun again."""
    rng = world.rng
    # what is held back of a rotated file may come behind the first lines of the next one
    world.ordered = not world.parse
    runs = kills = 0
    end = time.monotonic() + args.seconds / 4
    while time.monotonic() < end:
        p = Pipe(world, follow=True)
        runs += 1
        until = min(end, time.monotonic() + rng.uniform(2, 8))
        while time.monotonic() < until and len(p.running()) == 5:
            for c in world.containers:
                c.write(rng.randrange(1, 40))
                if c.size() > 200_000:
                    c.rotate()
                c.prune(world.archived, 5)
            world.read_archive()
            world.check("follow")
        if rng.random() < 0.6:
            rng.choice(p.procs).kill()
            kills += 1
        p.procs[0].terminate()
        codes = p.wait()
        if any(c not in (0, 1, 3, 75, 143, -9, -13, -15, 141) for c in codes):
            raise Failure("follow: ended with %s\n%s" % (codes, p.messages()))
    world.settle()
    age(world)
    world.clean_sweeps()
    world.check("follow")
    if world.lost():
        raise Failure("follow: lost %s" % [(n, len(m), m[:5]) for n, m in world.lost()])
    if world.gap_files:
        raise Failure("follow: gaps told where there are none: %s" % world.gap_files[:3])
    report("follow: %d pipes that follow, %d killed" % (runs, kills))


def gaps(args, world, report):
    """Phase 4: some containers lose a rotated file before its end was read."""
    victims = []
    for c in world.containers:
        c.write(5)
    world.settle()
    age(world)
    world.clean_sweeps()
    for i, c in enumerate(world.containers):
        c.write(20)
        if i % 2 == 0 and c.form != "raw":
            os.rename(c.live, c.live + ".doomed")
            os.unlink(c.live + ".doomed")
            os.close(c.fd)
            c.open()
            victims.append(c)
            for s in "oe":  # these numbers are lost, and only these
                name = "%s/%s" % (c.name, s)
                for n in range(world.archived.get(name, 0) + 1, c.seq[s] + 1):
                    world.take(name, n)
            c.write(5)
    world.settle()
    p = Pipe(world)
    codes = p.wait()
    if codes[0] != 3:
        raise Failure("gaps: logtail ended with %d, not 3\n%s" % (codes[0], p.messages()))
    world.clean_sweeps()
    if len(world.gap_files) != len(victims):
        raise Failure("gaps: %d made, %d named: %s" % (len(victims), len(world.gap_files),
                      world.gap_files))
    world.check("gaps")
    if world.lost():
        raise Failure("gaps: lost %s" % world.lost())
    return len(victims)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bin", required=True)
    ap.add_argument("--faults", required=True)
    ap.add_argument("--seconds", type=int, default=300)
    ap.add_argument("--containers", type=int, default=15)
    ap.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    ap.add_argument("--tmp", default=None)
    ap.add_argument("--no-walk", action="store_true")
    ap.add_argument("--multiline", action="store_true")
    args = ap.parse_args()

    def report(text):
        print(text, flush=True)

    report("soak: seed %d, %d s" % (args.seed, args.seconds))
    made = args.tmp is None
    args.tmp = args.tmp or tempfile.mkdtemp(prefix="logsweep-soak-")
    began = time.monotonic()
    try:
        steps = 0 if args.no_walk else walk(args, report)
        world = World(args, os.path.join(args.tmp, "storm"))
        counts = storm(args, world, report)
        follow(args, world, report)
        named = gaps(args, world, report)
    except Failure as e:
        report("soak: FAILED (seed %d; the tree is left in %s): %s" % (args.seed, args.tmp, e))
        report("0 passed, 1 failed")
        return 1
    if args.multiline and world.joined < 1000:
        report("soak: FAILED: %d lines joined" % world.joined)
        return 1
    report("soak: %d s; %d steps walked; %s; %d lines written, %d archived, 0 lost, 0 repeated; "
           "%d gaps made and named" % (time.monotonic() - began, steps,
           ", ".join("%d %s" % (v, k) for k, v in counts.items()), world.written(), world.lines,
           named))
    if made:
        shutil.rmtree(args.tmp)
    report("4 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
