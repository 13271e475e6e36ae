#!/usr/bin/env python3
"""oracle.py DIR... - what logtail should make of directories, worked out independently.

    logtail DIR | tests/oracle.py DIR

compares record by record: file, end offset, time, stream, message, attrs, whether it is an
_error record; and prints what it counted.  Without --state, and with default options.
Exit 0: equal; 1: not, the first differences are shown.
"""
import gzip
import json
import os
import re
import sys
import time

CRI = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:[!-~]{3,23}) (stdout|stderr) ([PF])(?::[^ ]*)?(?: (.*))?", re.S)
STAMP = re.compile(r"(.+)\.(\d{8}-\d{6})(\.gz)?")
DATE = re.compile(r"(.+)-(\d{8,14})(\.gz)?")
NUMBER = re.compile(r"(.+)\.(\d{1,4})(\.gz)?")
FINAL_AGE_S = 10


def sort_key(name):
    """(live name, order of age, compressed?) of a file name"""
    for pattern, kind, sign in ((STAMP, 2, 1), (DATE, 1, 1), (NUMBER, 0, -1)):
        m = pattern.fullmatch(name)
        if m:
            return m[1], (kind, sign * int(m[2].replace("-", ""))), bool(m[3])
    if name.endswith(".gz"):
        return name[:-3], (2, 0), True
    return name, (3, 0), False


def text(raw):
    """bytes as logtail shows them"""
    return raw.decode("utf-8", "replace")


def joined(s):
    """halves of a surrogate pair put together, as they are when JSON text is joined"""
    return s.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def docker(line):
    try:
        o = json.loads(line.decode("utf-8"))
        if not (isinstance(o, dict) and isinstance(o["log"], str) and len(o["time"]) >= 20
                and o["stream"] in ("stdout", "stderr")):
            return None
    except (ValueError, KeyError, TypeError):
        return None
    whole = o["log"].endswith("\n")
    return o["time"], o["stream"], not whole, o["log"][:-1] if whole else o["log"], o.get("attrs")


def cri(line):
    m = CRI.fullmatch(line)
    return m and (m[1].decode(), m[2].decode(), m[3] == b"P", m[4] or b"", None)


def records(data, final):
    """-> list of (end, time, stream, message, attrs, error), lines used"""
    out, used, at, parts = [], 0, 0, {}
    lines = data.split(b"\n")
    rest = lines.pop()
    if rest and final:
        lines.append(rest)
    frame = None
    if lines:
        first = lines[0][:-1] if lines[0].endswith(b"\r") else lines[0]
        frame = cri if cri(first) else docker if docker(first) else None

    def put(stream, end):
        t, pieces, attrs, n = parts.pop(stream)
        message = text(b"".join(pieces)) if isinstance(pieces[0], bytes) else "".join(pieces)
        out.append((end, t, stream, joined(message), attrs, False))
        return n

    for line in lines:
        at += len(line) + 1
        end = min(at, len(data))
        if frame is None:
            out.append((end, None, None, text(line), None, False))
            used += 1
            continue
        f = frame(line)
        if f is None:
            out.append((end, None, None, text(line), None, True))
            used += 1
            continue
        t, stream, partial, message, attrs = f
        p = parts.setdefault(stream, [t, [], attrs, 0])
        p[1].append(message)
        p[3] += 1
        if not partial:
            used += put(stream, end)
    for stream in sorted(parts, reverse=True) if final else ():
        used += put(stream, len(data))
    return out, used, len(lines) + (1 if rest and not final else 0)


def families(tops):
    """live path as shown -> real directory, live name; each real family once"""
    seen, out = set(), {}
    for top in tops:
        for path in sorted(walk(top.rstrip("/") or "/"), key=order):
            real = os.path.realpath(path)
            base = sort_key(os.path.basename(real))[0]
            where = (os.path.dirname(real), base)
            if where in seen:
                continue
            seen.add(where)
            shown = path if base == os.path.basename(real) else os.path.join(
                os.path.dirname(path), base)
            out[shown] = where
    return out


def walk(top):
    for d, _, names in os.walk(top):
        for n in names:
            p = os.path.join(d, n)
            if os.path.isfile(p) and not n.endswith(".tmp"):
                yield p


def order(path):
    return [c.encode("utf-8", "surrogateescape") for c in path.split("/")]


def members(where):
    d, base = where
    found = {}
    for n in os.listdir(d):
        live, age, packed = sort_key(n)
        if live == base and (age not in found or not packed):
            found[age] = os.path.join(d, n), packed
    return [found[age] for age in sorted(found)]


def expected(tops):
    want, lines, used, files = {}, 0, 0, 0
    for shown, where in families(tops).items():
        want[shown] = []
        for path, packed in members(where):
            with (gzip.open if packed else open)(path, "rb") as f:
                data = f.read()
            final = packed or time.time() - os.stat(path).st_mtime >= FINAL_AGE_S
            got, n, all_lines = records(data, final)
            want[shown] += got
            lines += all_lines
            used += n
            files += 1
    return want, lines, used, files


def actual(stream):
    got = {}
    for line in stream:
        o = json.loads(line)
        if list(o) == ["_src"]:
            continue
        got.setdefault(o["_src"]["file"], []).append(
            (o["_src"]["end"], o.get("time"), o.get("stream"), joined(o["log"]), o.get("attrs"),
             "_error" in o))
    return got


def main():
    want, lines, used, files = expected(sys.argv[1:])
    got = actual(sys.stdin.buffer)
    bad = 0
    for name in sorted(set(want) | set(got)):
        a, b = want.get(name, []), got.get(name, [])
        for i in range(max(len(a), len(b))):
            x, y = a[i] if i < len(a) else None, b[i] if i < len(b) else None
            if x != y:
                bad += 1
                if bad <= 5:
                    print(f"{name}: record {i}\n  want {str(x)[:300]}\n  got  {str(y)[:300]}")
                break
    n = sum(map(len, got.values()))
    print(json.dumps({"files": files, "lines": lines, "used": used, "held": lines - used,
                      "records": n, "differ": bad}))
    return 1 if bad else 0


sys.exit(main())
