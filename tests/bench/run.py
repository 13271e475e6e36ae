#!/usr/bin/env -S python3 -B
"""run.py SIZE DIR RESULTS: make inputs in DIR, measure, write RESULTS/RESULTS.md and chart.svg.

Each output is checked before its figures count: bytes or records are missing, the run fails.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

import report
import shapes
from measure import run, run_daemon

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE, DIR, RESULTS = sys.argv[1:]
PEERS = os.environ.get("PEERS_DIR", "")
FLUENT_BIT = os.environ.get("FLUENT_BIT", "")
REPEAT = int(os.environ.get("REPEAT", "3"))
os.chdir(DIR)
LOGS = f"{DIR}/node/var/log/containers"
MARK = r'^\{"_src":\{[^{}]*\}\}$'
failed = []


def out(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, **kw).stdout


def fail(text):
    failed.append(text)
    print(f"bench: FAILED: {text}", file=sys.stderr, flush=True)


def count(command):
    return int(out("bash", "-o", "pipefail", "-c", command))


def lines_gz(paths):
    """Records in gzip files, by zcat and wc."""
    return count("zcat " + " ".join(paths) + " | wc -l") if paths else 0


def best(name, once, repeat=REPEAT):
    """The cheapest of some runs, each checked by `once`."""
    runs = []
    for _ in range(repeat):
        r = once()
        for why in r.bad:
            fail(f"{name}: {why}")
        runs.append(r)
    r = min(runs, key=lambda r: r.cpu)
    r.wall = min(other.wall for other in runs)
    print(f"{name:<36} {r.cpu:8.2f} CPU s {r.wall:8.2f} s wall {r.peak / 2**20:8.1f} MiB", flush=True)
    return r


def same(name, what, got, want):
    if got != want:
        fail(f"{name}: {got} {what}, {want} wanted")


def make_inputs():
    total = json.loads(out("nodetree", "--seed=1", "--flat", "--pods=200", "--hours=3",
                           f"--bytes={SIZE}", "node").splitlines()[-1])["total"]
    files = sorted(glob.glob(f"{LOGS}/*.log"))
    same("input", "files", len(files), 200)
    for name in files:  # old enough that logtail without a state takes them as they will stay
        os.utime(name, (1.7e9, 1.7e9))
    out("bash", "-c", f"cat {LOGS}/*.log >/dev/null")  # into the page cache
    return total, files


def objects(where):
    return glob.glob(f"{where}/**/*.gz", recursive=True)


def prepare(total):
    """The output of each stage, in 1 to 4; counted without marks, by grep."""
    steps = (("1", ["logtail", LOGS], None), ("2", ["logparse"], "1"),
             ("3", ["k8smeta", "--node=bench"], "2"))
    for to, argv, source in steps:
        for why in run([argv], stdin=source, stdout=to).bad:
            fail(why)
        n = count(f"LC_ALL=C grep -cvE '{MARK}' {to}")
        same(argv[0], "records", n, total["records"])
    for why in run([["logbatch", "--out=plain", "--node=bench"]], stdin="3").bad:
        fail(why)
    out("bash", "-c", "zcat " + " ".join(objects("plain")) + " >4")
    same("logbatch", "records", count("wc -l <4"), total["records"])
    shutil.rmtree("plain")
    return {n: os.path.getsize(n) for n in "1234"}


def filter_alone(argv, source, want, cpus=None):
    def once():
        r = run([argv], stdin=source, cpus=cpus)
        same(argv[0], "bytes out", r.out, want)
        return r
    return best(argv[0] + (" on one core" if cpus else ""), once)


def into_objects(name, argvs, total, stdin=None, cpus=None, where="S/outbox"):
    def once():
        shutil.rmtree("S", ignore_errors=True)
        shutil.rmtree("archive", ignore_errors=True)
        os.sync()
        r = run(argvs, stdin=stdin, cpus=cpus)
        same(name, "records archived", lines_gz(objects(where)), total["records"])
        return r
    return best(name, once)


def measured(name, argvs, total):
    return into_objects(name, argvs, total)


def compress(argv, want, repeat=REPEAT):
    def once():
        r = run([argv], stdout="4.gz")
        same(argv[0], "bytes after decompression", count("zcat 4.gz | wc -c"), want)
        r.out = os.path.getsize("4.gz")
        return r
    r = best(" ".join(argv[:-1]), once, repeat)
    os.unlink("4.gz")
    return r


def jq_gzip(total, files):
    def once():
        r = run([["jq", "-nRcf", f"{HERE}/merge.jq"] + files, ["gzip", "-6"]], stdout="jq.gz")
        same("jq | gzip", "records", lines_gz(["jq.gz"]), total["records"])
        return r
    return best("jq -c | gzip", once, 1)


def config(name, to, **more):
    with open(f"{HERE}/{name}") as f:
        text = f.read()
    for key, value in {"DIR": os.path.dirname(to), "LOGS": LOGS,
                       "SKIP": str(len(LOGS) + 1), **more}.items():
        text = text.replace(f"@{key}@", value)
    with open(to, "w") as f:
        f.write(text)


def daemon(name):
    """Where the program is, and the environment that an unpacked package needs."""
    found, top = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin"), f"{PEERS}/usr"
    if PEERS and os.access(f"{top}/sbin/{name}", os.X_OK):
        lib = glob.glob(f"{top}/lib/*-linux-gnu")[0]
        return f"{top}/sbin/{name}", {"LD_LIBRARY_PATH": f"{lib}:{top}/lib/syslog-ng"}, lib
    return found, {}, None


def version(text):
    return re.search(r"\d+\.\d+(\.\d+)?", text).group(0)


def rsyslog(total):
    path, env, lib = daemon("rsyslogd")
    if not path:
        return None
    os.mkdir("rsyslog")
    config("rsyslog.conf", f"{DIR}/rsyslog/conf", OUT=f"{DIR}/rsyslog/out.gz")

    def once():
        r = run_daemon([[path, "-n", "-f", "rsyslog/conf", "-i", f"{DIR}/rsyslog/pid"]
                        + (["-M", f"{lib}/rsyslog"] if lib else [])], env=env)
        same("rsyslog", "lines", lines_gz(["rsyslog/out.gz"]), total["lines"])
        return r
    return (f"rsyslog {version(out(path, '-v', env={**os.environ, **env}))}, gzip -6",
            best("rsyslog", once, 1))


def syslog_ng(total):
    path, env, _ = daemon("syslog-ng")
    if not path:
        return None
    os.mkdir("syslog-ng")
    config("syslog-ng.conf", f"{DIR}/syslog-ng/conf", OUT=f"{DIR}/syslog-ng/fifo")
    os.mkfifo("syslog-ng/fifo")
    where = f"{DIR}/syslog-ng"
    args = [path, "-F", "-f", f"{where}/conf", "-p", f"{where}/pid", "-c", f"{where}/ctl",
            "-R", f"{where}/persist"]
    if env:
        args.append("--module-path=" + glob.glob(f"{PEERS}/usr/lib/syslog-ng/[0-9]*")[0])

    def once():
        with open("syslog-ng/out.gz", "wb") as to:
            # gzip first: syslog-ng finds a reader, and gzip ends when syslog-ng has closed
            gzip = ["bash", "-c", "exec gzip -6 <syslog-ng/fifo >syslog-ng/out.gz"]
            r = run_daemon([args, gzip], env=env, stderr=subprocess.DEVNULL)
            to.close()
        same("syslog-ng", "lines", lines_gz(["syslog-ng/out.gz"]), total["lines"])
        return r
    return (f"syslog-ng {version(out(path, '--version', env={**os.environ, **env}))} and gzip -6",
            best("syslog-ng", once, 1))


def fluent_bit(total):
    if not FLUENT_BIT:
        return None
    os.makedirs("fluent-bit/meta")
    shapes.pod_files("pods.json", "fluent-bit/meta")
    config("fluent-bit.conf", f"{DIR}/fluent-bit/conf", TAG=f"kube.{LOGS[1:].replace('/', '.')}.")

    def once():
        r = run([[FLUENT_BIT, "-q", "-c", "fluent-bit/conf"], ["gzip", "-6"]], stdout="fb.gz")
        same("Fluent Bit", "records", lines_gz(["fb.gz"]), total["records"])
        same("Fluent Bit", "records with pod metadata",
             count("zcat fb.gz | awk '/\"pod_id\"/ { n++ } END { print n + 0 }'"), total["records"])
        return r
    return (f"Fluent Bit {version(out(FLUENT_BIT, '--version'))} and gzip -6",
            best("Fluent Bit", once, 1))


def patterns():
    """A pattern on access logs, beside what jq takes only to read and write them."""
    shapes.tree("access", "--seed=5", "--flat", "--pods=20", "--mix=nginx:100", "--split=0",
                f"--bytes={shapes.parse_size(SIZE) // 4}")
    for why in run([["logtail", "access/var/log/containers"]], stdout="5").bad:
        fail(why)
    shutil.rmtree("access")
    fits = json.loads(out("bash", "-c", "logparse -p nginx --stats 5 2>&1 >/dev/null"))
    same("logparse -p nginx", "records parsed", fits["parsed"], fits["in"])

    def once(argv):
        def measure():
            return run([argv], stdin="5", cpus={0})
        return measure
    found = best("logparse -p nginx on one core", once(["logparse", "-p", "nginx"]))
    peer = best("jq -c . on one core", once(["jq", "-c", "."]), 1)
    size = os.path.getsize("5")
    os.unlink("5")
    return found, peer, size


def with_pods(total, batch):
    """The pipe with what an API server knows of each pod, on one core and free, beside compressing
    what it archives: the output is some five times the input then, as with Fluent Bit's filter."""
    shapes.pods("node", "pods.json")
    four = shapes.pipe("node", "S", f"--pods={DIR}/pods.json")
    found = {"pinned": into_objects("with pod metadata, one core", four, total, cpus={0}),
             "free": into_objects("with pod metadata, free", four, total)}
    out("bash", "-c", "zcat " + " ".join(objects("S/outbox")) + " >5")
    found["size"] = os.path.getsize("5")
    found["alone"] = compress(["igzip", "-1", "-c", "5"], found["size"]) if shutil.which("igzip") else None
    os.unlink("5")
    return found


def attempt(name, measure, total):
    """A peer that does not do it all is no measure, and no failure of ours."""
    before = len(failed)
    try:
        got = measure(total)
    except (OSError, subprocess.CalledProcessError) as e:
        got, failed[before:] = None, [f"{name}: {e}"]
    notes = failed[before:]
    del failed[before:]
    return (None if notes else got), notes or ([] if got else [f"{name}: not here, left out"])


def main():
    total, files = make_inputs()
    print(f"{total['bytes'] / 2**20:.0f} MiB, {total['lines']} lines in {len(files)} files", flush=True)
    sizes = prepare(total)
    tail, parse, kube = ["logtail", LOGS], ["logparse"], ["k8smeta", "--node=bench"]
    batch = ["logbatch", "--state=S", "--node=bench"]
    four = [["logtail", "--state=S", LOGS], parse, kube, batch]
    put = ["s3put", "--state=S", f"file://{DIR}/archive"]
    m = {"total": total, "files": len(files), "sizes": sizes, "size": SIZE, "notes": [], "peers": []}
    m["logtail"] = filter_alone(tail, None, sizes["1"])
    m["logparse"] = filter_alone(parse, "1", sizes["2"], {0})
    m["k8smeta"] = filter_alone(kube, "2", sizes["3"], {0})
    m["logbatch"] = into_objects("logbatch", [batch], total, "3")
    m["isal"] = compress(["igzip", "-1", "-c", "4"], sizes["4"]) if shutil.which("igzip") else None
    m["pinned"] = into_objects("the pipe on one core", four, total, cpus={0})
    m["free"] = into_objects("the pipe, free", four, total)
    m["whole"] = into_objects("the pipe and s3put", four + [put], total, where="archive")
    m["pods"] = with_pods(total, batch)
    m["nginx"], m["jq"], m["nginx_size"] = patterns()
    m["stages"] = max(m[n].wall for n in ("logtail", "logparse", "k8smeta", "logbatch"))
    # once more, after the pipe: what the neighbours did in between is in both
    again = compress(["igzip", "-1", "-c", "4"], sizes["4"]) if m["isal"] else None
    if again and again.cpu < m["isal"].cpu:
        m["isal"] = again
    m["gzip"] = compress(["gzip", "-6", "-c", "4"], sizes["4"], 1)
    m["pigz"] = compress(["pigz", "-6", "-c", "4"], sizes["4"], 1) if shutil.which("pigz") else None
    for n in "1234":
        os.unlink(n)
    m["scale"] = shapes.scaling(measured, SIZE)
    m["many"] = shapes.many_files(measured, run, SIZE)
    m["backfill"] = shapes.backfill(run, best, SIZE)
    m["peers"].append((f"{out('jq', '--version').strip()} -c and gzip -6", jq_gzip(total, files)))
    for name, measure in (("rsyslog", rsyslog), ("syslog-ng", syslog_ng), ("Fluent Bit", fluent_bit)):
        got, notes = attempt(name, measure, total)
        m["peers"] += [got] if got else []
        m["notes"] += notes
    if failed:
        print(f"bench: {len(failed)} checks failed; no results written", file=sys.stderr)
        return 1
    report.write(m, RESULTS)
    return 0


RESULTS = os.path.join(os.path.dirname(os.path.dirname(HERE)), RESULTS)
sys.exit(main())
