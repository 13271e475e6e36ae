"""RESULTS.md and chart.svg, of what run.py measured."""
import datetime
import os
import platform
from xml.sax.saxutils import escape

MIB, MB = 2**20, 1e6


def machine():
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo") as f:
            model = next(l.split(":")[1].strip() for l in f if l.startswith("model name"))
    except (OSError, StopIteration):
        pass
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) / 2**20
    return f"{os.cpu_count()} cores, {model}, {memory:.0f} GiB, Linux {platform.release()}"


def others():
    """Others' load, as the machine tells it now."""
    return os.getloadavg()[0]


def row(name, r, nbytes, base):
    per_cpu = nbytes / MB / r.cpu if r.cpu else 0
    ratio = f"{r.cpu / base:.2f}" if base else ""
    return (f"| {name} | {r.cpu:.2f} | {r.wall:.2f} | {ratio} | {nbytes / MB / r.wall:,.0f} "
            f"| {per_cpu:,.0f} | {r.peak / MIB:.1f} |")


def limits(m, base):
    """(what, measured, limit, met) of DESIGN section 9, as far as this run can tell."""
    nbytes = m["total"]["bytes"]
    found = []

    def at_most(what, value, limit, unit):
        found.append((what, f"{value:.2f}{unit}", f"at most {limit}{unit}", value <= limit))

    def at_least(what, value, limit, unit):
        found.append((what, f"{value:,.0f}{unit}", f"at least {limit}{unit}", value >= limit))

    if base:
        at_most("CPU of the pipe on one core, by compressing alone", m["pinned"].cpu / base, 3, " x")
        at_most("CPU of the pipe, free on all cores, by compressing alone", m["free"].cpu / base, 3.5, " x")
    if m["pods"]["alone"]:
        alone = m["pods"]["alone"].cpu
        at_most("the same with pod metadata, on one core", m["pods"]["pinned"].cpu / alone, 3, " x")
        at_most("the same with pod metadata, free", m["pods"]["free"].cpu / alone, 3.5, " x")
    at_most("wall of the pipe, free, by its slowest stage alone", m["free"].wall / m["stages"], 1.3, " x")
    at_most("wall of the pipe on one core, by its CPU", m["pinned"].wall / m["pinned"].cpu, 1.15, " x")
    per_byte = [r.cpu / nbytes for nbytes, r in m["scale"]]
    at_most("CPU a byte of 16 parts, by that of one", per_byte[2] / per_byte[0], 1.1, " x")
    at_most("peak memory of 16 parts, by that of one", m["scale"][2][1].peak / m["scale"][0][1].peak, 1.1, " x")
    few, many, quiet = m["many"]
    at_most("CPU a byte in 10,000 files, by that in 20",
            many[1].cpu / many[0] / (few[1].cpu / few[0]), 1.5, " x")
    at_most("CPU of a sweep with nothing new over 10,000 files", quiet[1].cpu, 0.3, " s")
    at_most("wall of a backfill from .tar.gz, by tar xzO | wc -l",
            m["backfill"][1].wall / m["backfill"][2].wall, 1.5, " x")
    for name, r in m["peers"]:
        if name.startswith("jq"):
            at_least("input a CPU second, pipe free, by that of jq and gzip", r.cpu / m["free"].cpu, 15, " x")
        if name.startswith("Fluent Bit"):
            mine = m["pods"]["free"]
            for what, theirs, ours, limit in (("input a CPU second", r.cpu, mine.cpu, 15),
                                              ("wall time", r.wall, mine.wall, 8),
                                              ("peak memory", r.peak, mine.peak, 40)):
                at_least(f"{what} with pod metadata, Fluent Bit's by ours", theirs / ours, limit, " x")
    at_least("input of the pipe, wall", nbytes / MB / m["free"].wall, 150, " MB/s")
    for name, size in (("logparse", "1"), ("k8smeta", "2")):
        at_least(f"NDJSON through {name}, one core", m["sizes"][size] / MB / m[name].cpu, 800, " MB/s")
    at_least("access logs through logparse -p nginx, one core",
             m["nginx_size"] / MB / m["nginx"].cpu, 300, " MB/s")
    for name, limit in (("logtail", 16), ("logparse", 16), ("k8smeta", 16), ("logbatch", 64), ("s3put", 32)):
        peak = max(p for r in (m["pinned"], m["free"], m["whole"]) for n, _, _, p in r.procs if n == name)
        at_most(f"peak memory of {name}", peak / MIB, limit, " MiB")
    return found


def markdown(m, base):
    total, sizes = m["total"], m["sizes"]
    nbytes = total["bytes"]
    now = datetime.datetime.now(datetime.timezone.utc)
    text = [
        "# What it costs",
        "",
        f"`make bench SIZE={m['size']}`, {now:%Y-%m-%d}, {machine()}. "
        f"{os.environ.get('NOTE', f'Load at the end: {others():.1f}.')}",
        "",
        f"Input: {nbytes / MIB:.0f} MiB of logs in {m['files']} files, Docker and CRI in turn, "
        f"{total['lines']:,} lines, {total['records']:,} records once split lines are joined: JSON, nginx, "
        "plain text, stack traces (`nodetree --seed=1`). All is read from the page cache. CPU is user and "
        "system time of all processes. The cheapest of three runs (of one for what takes long); records in "
        "every output were counted with zcat.",
        "",
        "## The pipe",
        "",
        "`logtail --state=S DIR | logparse | k8smeta | logbatch --state=S`: hourly gzip objects, SHA-256, "
        "fsync and the commit included.",
        "",
        "| | CPU s | wall s | x compressing alone | input MB/s | input MB per CPU s | peak MiB, all |",
        "| --- | --: | --: | --: | --: | --: | --: |",
        row("the pipe, on one core", m["pinned"], nbytes, base),
        row("the pipe, free", m["free"], nbytes, base),
        row("the pipe and s3put to file://, free", m["whole"], nbytes, base),
    ]
    text += [row(name, r, nbytes, base) for name, r in m["peers"]]
    pods, alone = m["pods"], m["pods"]["alone"].cpu if m["pods"]["alone"] else 0
    text += [
        row("with pod metadata, on one core", pods["pinned"], nbytes, alone),
        row("with pod metadata, free", pods["free"], nbytes, alone),
        "",
        "Compressing alone is `igzip -1` (ISA-L, as `--gzip=fast`) on the "
        f"{sizes['4'] / MIB:.0f} MiB that the pipe archives, and on {pods['size'] / MIB:.0f} MiB with pod "
        "metadata (`k8smeta --pods`: labels, annotations, image, as the kubernetes filter of Fluent Bit "
        "writes them). rsyslog and syslog-ng write one gzip file, not "
        "one an hour, and leave split lines in parts; jq writes one gzip file.",
        "",
        "## Compressing the output alone",
        "",
        "| | CPU s | wall s | x | MB/s | MB per CPU s | peak MiB |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    for key, name in (("isal", "igzip -1"), ("gzip", "gzip -6"), ("pigz", "pigz -6")):
        if m[key]:
            text.append(row(f"{name}, to {m[key].out / MIB:.0f} MiB", m[key], sizes["4"], base))
    text += [
        "",
        "## Each stage alone",
        "",
        "Input from a file that the stage before made, output to a pipe that is read away. MB/s of the "
        "stage's own input.",
        "",
        "| | CPU s | wall s | x compressing alone | MB/s | MB per CPU s | peak MiB |",
        "| --- | --: | --: | --: | --: | --: | --: |",
        row("logtail", m["logtail"], nbytes, base),
        row("logparse, on one core", m["logparse"], sizes["1"], base),
        row("logparse -p nginx on access logs, on one core", m["nginx"], m["nginx_size"], 0),
        row("jq -c . on the same, on one core", m["jq"], m["nginx_size"], 0),
        row("k8smeta, on one core", m["k8smeta"], sizes["2"], base),
        row("logbatch", m["logbatch"], sizes["3"], base),
        "",
        "In the pipe, free: " + ", ".join(f"{n} {u + s:.2f} s ({u:.2f} user)" for n, u, s, _ in m["free"].procs) + ".",
        "",
        "## Larger, and in more files",
        "",
        "The pipe, free on all cores.",
        "",
        "| | CPU s | wall s | x compressing alone | input MB/s | input MB per CPU s | peak MiB, all |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    text += [row(f"{n / MIB:,.0f} MiB in 200 files", r, n, 0) for n, r in m["scale"]]
    text += [
        row(f"{m['many'][0][0] / MIB:.0f} MiB in 20 files", m["many"][0][1], m["many"][0][0], 0),
        row(f"{m['many'][1][0] / MIB:.0f} MiB in 10,000 files", m["many"][1][1], m["many"][1][0], 0),
        row("nothing new in 10,000 files", m["many"][2][1], 0, 0),
        row("logtail alone, from a .tar.gz of 200 files", m["backfill"][1], m["backfill"][0], 0),
        row("`tar xzO \\| wc -l` of it", m["backfill"][2], m["backfill"][0], 0),
        "",
        "## Beside the limits",
        "",
        "| | here | to hold | |",
        "| --- | --: | --: | --- |",
    ]
    text += [f"| {what} | {value} | {limit} | {'met' if met else '**not met**'} |"
             for what, value, limit, met in limits(m, base)]
    if m["notes"]:
        text += ["", "Left out: " + "; ".join(m["notes"]) + "."]
    return "\n".join(text) + "\n"


STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .ours { fill: #1a7f64 } .peer { fill: #9aa4af } .base { fill: #c9d1d9 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 }
    .ours { fill: #3fb68b } .peer { fill: #6e7681 } .base { fill: #484f58 }
  }
"""


def chart(m):
    """CPU seconds for a GiB of logs, a bar each; the shorter the better."""
    scale = 2**30 / m["total"]["bytes"]
    bars = [("logsweep, on one core", m["pinned"], "ours"), ("logsweep, free", m["free"], "ours")]
    bars += [(name, r, "peer") for name, r in m["peers"]]
    compress = [("compressing alone, igzip -1", m["isal"]), ("compressing alone, gzip -6", m["gzip"])]
    bars += [(name, r, "base") for name, r in compress if r]
    bars.sort(key=lambda b: b[1].cpu)
    width, left, right, top, step = 760, 225, 95, 58, 30
    longest = max(r.cpu for _, r, _ in bars) * scale
    height = top + step * len(bars) + 26
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="t">',
           '<title id="t">CPU seconds to archive 1 GiB of container logs: '
           + escape("; ".join(f"{n} {r.cpu * scale:.1f}" for n, r, _ in bars)) + "</title>",
           f"<style>{STYLE}</style>",
           '<text class="title" x="12" y="24">CPU seconds to archive 1 GiB of container logs</text>',
           '<text class="small" x="12" y="42">Docker and CRI lines framed, JSON parsed, pod named, gzip. '
           "Shorter is better.</text>"]
    for i, (name, r, kind) in enumerate(bars):
        y, seconds = top + step * i, r.cpu * scale
        long = max(2, (width - left - right) * seconds / longest)
        label = f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"
        svg += [f'<text x="{left - 10}" y="{y + 17}" text-anchor="end">{escape(name)}</text>',
                f'<rect class="{kind}" x="{left}" y="{y + 3}" width="{long:.1f}" height="20" rx="3"/>',
                f'<text x="{left + long + 8:.1f}" y="{y + 17}">{label}</text>']
    today = datetime.datetime.now(datetime.timezone.utc)
    svg += [f'<text class="small" x="12" y="{height - 8}">{escape(machine())}; {today:%Y-%m-%d}; '
            "bench/RESULTS.md</text>", "</svg>"]
    return "\n".join(svg) + "\n"


def write(m, where):
    base = m["isal"].cpu if m["isal"] else 0
    text = markdown(m, base)
    for name, content in (("RESULTS.md", text), ("chart.svg", chart(m))):
        with open(os.path.join(where, name), "w") as f:
            f.write(content)
    print("\n" + text)
    print(f"written: {where}/RESULTS.md {where}/chart.svg")
