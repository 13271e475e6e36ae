#!/usr/bin/env python3
"""timeoracle.py PROGRAM [SEED] - time formats and zones against Python's datetime and zoneinfo,
and against date(1).

PROGRAM is unit/timeformat, which answers questions on stdin (its head says which).  Prints a TAP
line a subject; exits 1 if one does not hold.  Without time zones on this machine those subjects
are skipped.
"""
import random
import re
import subprocess
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone
from fractions import Fraction

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_LOCAL = datetime(1970, 1, 1)
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
DAY = 86400
GIGA = 10**9
TOLD, MISSING, BASE, AMBIGUOUS, GAP = 1, 2, 4, 8, 16

program = sys.argv[1]
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261122
rng = random.Random(seed)
number = failed = 0


def say(good, what, examples=()):
    global number, failed
    number += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {number} - {what}")
    for e in examples[:10]:
        print("#", e)


def ask(questions):
    text = "".join("\t".join(map(str, q)) + "\n" for q in questions)
    out = subprocess.run([program, "answer"], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    lines = out.decode().splitlines()
    assert len(lines) == len(questions), f"{len(questions)} questions, {len(lines)} answers"
    return lines


def compare(what, cases):
    """cases: (question, answer)"""
    wrong = [f"{q}: {got}, not {want}"
             for (q, want), got in zip(cases, ask([q for q, _ in cases])) if got != want]
    say(not wrong, f"{what}: {len(cases)} cases", wrong)


def seconds(delta):
    return delta.days * DAY + delta.seconds


def utc_seconds(local, zone):
    """the first reading; in a gap, by the offset before it"""
    return seconds(local - EPOCH_LOCAL) - seconds(local.replace(tzinfo=zone, fold=0).utcoffset())


# ---- zones ----

def transitions(zone, year):
    """the seconds of that year at which the offset changes (those a month apart at least)"""
    at = lambda t: seconds((EPOCH + timedelta(seconds=t)).astimezone(zone).utcoffset())
    marks = [seconds(datetime(year + m // 12, m % 12 + 1, 1) - EPOCH_LOCAL) for m in range(13)]
    for low, high in zip(marks, marks[1:]):
        if at(low) == at(high):
            continue
        before = at(low)
        while high - low > 1:
            mid = (low + high) // 2
            low, high = (mid, high) if at(mid) == before else (low, mid)
        yield high


def local_case(name, zone, local):
    first = local.replace(tzinfo=zone, fold=0).utcoffset()
    second = local.replace(tzinfo=zone, fold=1).utcoffset()
    kind = 0 if first == second else 1 if first > second else 2
    return ("local", name, seconds(local - EPOCH_LOCAL)), \
        f"{utc_seconds(local, zone)} {seconds(first)} {kind}"


def zones():
    named = ["Asia/Kolkata", "America/St_Johns", "Europe/Berlin", "Europe/Dublin", "Australia/Lord_Howe",
             "Pacific/Auckland", "America/Santiago", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Tehran",
             "America/New_York", "Pacific/Apia", "Asia/Gaza", "America/Nuuk"]
    every = sorted(z for z in zoneinfo.available_timezones() if z not in ("localtime", "Factory"))
    offsets, locals_ = [], []
    for name in named + every:
        zone = zoneinfo.ZoneInfo(name)
        thorough = name in named
        for _ in range(200 if thorough else 12):
            t = rng.randrange(-9214560000 // 3, 9214560000)
            offsets.append((("offset", name, t),
                            str(seconds((EPOCH + timedelta(seconds=t)).astimezone(zone).utcoffset()))))
            locals_.append(local_case(name, zone, EPOCH_LOCAL + timedelta(seconds=t)))
        for year in rng.sample(range(1950, 2200), 25 if thorough else 2):
            for t in transitions(zone, year):
                for d in (-1, 0):
                    offsets.append((("offset", name, t + d), str(
                        seconds((EPOCH + timedelta(seconds=t + d)).astimezone(zone).utcoffset()))))
                off = seconds((EPOCH + timedelta(seconds=t)).astimezone(zone).utcoffset())
                for d in (-7201, -7200, -3601, -3600, -1801, -1800, -1, 0, 1799, 1800, 3599, 3600, 7199, 7200):
                    locals_.append(local_case(name, zone, EPOCH_LOCAL + timedelta(seconds=t + off + d)))
    rng.shuffle(locals_)
    compare("offsets of all zones, 1872 to 2261", offsets)
    compare("local times of all zones, gaps and overlaps", locals_)


# ---- formats ----

def render(conversion, t, offset):
    h12 = t.hour % 12 or 12
    sign = "-" if offset < 0 else "+"
    o = abs(offset)
    return {
        "Y": f"{t.year:04}", "y": f"{t.year % 100:02}", "m": f"{t.month:02}", "d": f"{t.day:02}", "e": f"{t.day:2}",
        "b": rng.choice((MONTHS[t.month - 1][:3], MONTHS[t.month - 1])), "h": MONTHS[t.month - 1][:3].upper(),
        "B": MONTHS[t.month - 1], "j": f"{t.timetuple().tm_yday:03}",
        "a": DAYS[t.weekday()][:3], "A": DAYS[t.weekday()],
        "H": f"{t.hour:02}", "k": f"{t.hour:2}", "I": f"{h12:02}", "l": f"{h12:2}", "M": f"{t.minute:02}",
        "S": f"{t.second:02}",
        "p": rng.choice(("am", "AM", "a.m.") if t.hour < 12 else ("pm", "PM", "p.m.")),
        "z": rng.choice((f"{sign}{o // 3600:02}{o // 60 % 60:02}", f"{sign}{o // 3600:02}:{o // 60 % 60:02}")
                        + (() if o % 3600 else (f"{sign}{o // 3600:02}",))
                        + (() if o else ("Z", "UTC", "GMT"))),
        "F": f"{t.year:04}-{t.month:02}-{t.day:02}", "D": f"{t.month:02}/{t.day:02}/{t.year % 100:02}",
        "T": f"{t.hour:02}:{t.minute:02}:{t.second:02}", "R": f"{t.hour:02}:{t.minute:02}",
        "n": rng.choice((" ", "  ", "")) + " ", "%": "%",
    }[conversion]


def written(fmt, t, digits, offset):
    """the text of a format; digits: of the fraction, or None to leave it out"""
    out, i = "", 0
    while i < len(fmt):
        if fmt[i + 1:i + 3] == "%L" and fmt[i] != "%":
            if digits is not None:
                out += rng.choice(".,") if fmt[i] in ".," else fmt[i]
                out += digits
            i += 3
        elif fmt[i] == "%":
            out += render(fmt[i + 1], t, offset)
            i += 2
        else:
            out += fmt[i]
            i += 1
    return out


def some_zone(zoned):
    if zoned and rng.random() < 0.5:
        name = rng.choice(("Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Auckland",
                           "America/Santiago", "America/New_York", "Australia/Lord_Howe"))
        return name, zoneinfo.ZoneInfo(name)
    m = rng.choice((0, 0, 330, -210, rng.randrange(-1439, 1440)))
    return f"{'-' if m < 0 else '+'}{abs(m) // 60:02}:{abs(m) % 60:02}", timezone(timedelta(minutes=m))


def kind_flag(local, zone):
    first = local.replace(tzinfo=zone, fold=0).utcoffset()
    second = local.replace(tzinfo=zone, fold=1).utcoffset()
    return 0 if first == second else AMBIGUOUS if first > second else GAP


def formats(zoned):
    dates = ["%Y-%m-%d", "%d/%b/%Y", "%b %e, %Y", "%A %d %B %Y", "%Y%m%d", "%y%m%d", "%Y-%j", "%D", "%F", "%a %h %d %Y"]
    clocks = ["%H:%M:%S", "%T", "%k:%M:%S", "%H%M%S", "%I:%M:%S %p", "%l:%M:%S%p", "%R", "%p %I:%M:%S"]
    cases = []
    for _ in range(20000):
        date, clock = rng.choice(dates), rng.choice(clocks)
        two = "%y" in date or "%D" in date
        t = EPOCH_LOCAL + timedelta(seconds=rng.randrange(-31536000, 98 * 31536000) if two
                                    else rng.randrange(-9214560000, 9214560000))
        if "%R" in clock:
            t = t.replace(second=0)
        fraction = clock[-2:] in ("%S", "%T") and rng.random() < 0.6
        digits = "".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 13))) \
            if fraction and rng.random() < 0.8 else None
        asked = rng.choice(("", "%z", " %z"))
        fmt = rng.choice((f"{date} {clock}", f"{date}T{clock}", f"[{date}:{clock}"))
        fmt += (rng.choice((".%L", ",%L")) if fraction else "") + asked
        name, zone = some_zone(zoned)
        offset = rng.choice((0, 3600, -12600, 19800, 60 * rng.randrange(-1439, 1440)))
        text = written(fmt, t, digits, offset)
        s, flags = (seconds(t - EPOCH_LOCAL) - offset, TOLD) if asked else \
            (utc_seconds(t, zone), kind_flag(t, zone))
        ns = s * GIGA + int((digits or "").ljust(9, "0")[:9])
        rest = rng.choice(("", "", " rest", "]"))
        cases.append((("read", fmt, name, 0, "-", text + rest), f"{ns} {flags} {len(text)}"))
    cases.sort(key=lambda c: c[0][1:3])
    compare("formats made of parts", cases)


def rfc3339(zoned):
    cases = []
    t = EPOCH_LOCAL
    for i in range(20000):
        if i % 4:
            t += timedelta(seconds=rng.randrange(40))  # the same minute, mostly
        else:
            t = EPOCH_LOCAL + timedelta(seconds=rng.randrange(-9214560000, 9214560000))
        offset = rng.choice((0, 28800, -12600, 60 * rng.randrange(-1439, 1440)))
        digits = "".join(rng.choice("0123456789") for _ in range(rng.randrange(0, 13)))
        told = rng.random() < 0.8
        name, zone = ("+08:00", timezone(timedelta(hours=8))) if not zoned else \
            ("America/St_Johns", zoneinfo.ZoneInfo("America/St_Johns"))
        text = t.strftime(rng.choice(("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dt%H:%M:%S", "%Y-%m-%d %H:%M:%S")))
        text += ("." + digits if digits else "") + (render("z", t, offset) if told else "")
        if told and not offset:
            text = re.sub("UTC|GMT", "Z", text)
        s = seconds(t - EPOCH_LOCAL) - offset if told else utc_seconds(t, zone)
        flags = TOLD if told else MISSING | kind_flag(t, zone)
        ns = s * GIGA + int(digits.ljust(9, "0")[:9] or 0)
        cases.append((("read", rng.choice(("rfc3339", "auto")) if i % 50 == 0 else "rfc3339", name, 0, "-", text),
                      f"{ns} {flags} {len(text)}"))
    compare("RFC 3339", cases)


# ---- years ----

def leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def latest_year(month, day, clock, base, to_utc):
    """The year by which the time is the latest that is at most a day after the base; None: that
    year has not got the day, which would stand where its 1 March is."""
    for year in range((EPOCH + timedelta(seconds=base // GIGA)).year + 2, 1600, -1):
        real = not (month == 2 and day == 29) or leap(year)
        local = datetime(year, month, day) if real else datetime(year, 3, 1)
        t = to_utc(local + timedelta(seconds=clock))
        if t * GIGA <= base + DAY * GIGA:
            return (t, local + timedelta(seconds=clock)) if real else None


def years(zoned):
    cases = []
    for i in range(20000):
        year = rng.randrange(1970, 2150)
        near = rng.choice((datetime(year, 1, 1), datetime(year, 2, 28), datetime(year, 3, 1), datetime(year, 12, 31),
                           datetime(year, rng.randrange(1, 13), rng.randrange(1, 29))))
        base = seconds(near - EPOCH_LOCAL) + rng.randrange(-2 * DAY, 2 * DAY)
        base = base * GIGA + rng.randrange(GIGA)
        name, zone = some_zone(zoned)
        offset = rng.choice((None, None, 0, -18000, 28800))
        spread = rng.choice((3 * DAY, 400 * DAY))
        t = EPOCH_LOCAL + timedelta(seconds=base // GIGA + rng.randrange(-spread, spread))
        month, day = (2, 29) if rng.random() < 0.1 else (t.month, t.day)
        to_utc = (lambda local: utc_seconds(local, zone)) if offset is None else \
            (lambda local: seconds(local - EPOCH_LOCAL) - offset)
        clock = t.hour * 3600 + t.minute * 60 + t.second
        found = latest_year(month, day, clock, base, to_utc)
        text = f"{MONTHS[month - 1][:3]} {day:2} {t:%H:%M:%S}" + ("" if offset is None else
                                                                 " " + render("z", t, offset))
        fmt = "%b %d %H:%M:%S" + ("" if offset is None else " %z")
        if found is None:
            want = "-"
        else:
            flags = BASE | (kind_flag(found[1], zone) if offset is None else TOLD)
            want = f"{found[0] * GIGA} {flags} {len(text)}"
        cases.append((("read", fmt, name, 0, base, text), want))
    cases.sort(key=lambda c: c[0][1:3])
    assert sum(want == "-" for _, want in cases) > 500
    compare("years out of the base, around New Year and 29 February", cases)


# ---- numbers ----

def numbers():
    cases = []
    for _ in range(10000):
        whole = str(rng.randrange(10 ** rng.randrange(1, 22)))
        part = "".join(rng.choice("0123456789") for _ in range(rng.randrange(0, 14)))
        e = rng.choice((None, None, None, rng.randrange(-12, 12)))
        minus = rng.random() < 0.2
        text = "-" * minus + whole + ("." + part if part else "") + ("" if e is None else f"e{e:+03}")
        # the 19 digits that are looked at
        digits = (whole + part).lstrip("0")
        kept = int(digits[:19] or 0)
        value = Fraction(kept) * Fraction(10) ** (max(len(digits) - 19, 0) - len(part) + (e or 0))
        name = rng.choice(("epoch", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns"))
        unit = {"epoch_s": 9, "epoch_ms": 6, "epoch_us": 3, "epoch_ns": 0}.get(name)
        if unit is None:
            unit = 9 if value < 10**11 else 6 if value < 10**14 else 3 if value < 10**17 else 0
        ns = int(value * 10**unit) * (-1 if minus else 1)
        want = f"{ns} {TOLD} {len(text)}" if -2**63 <= ns < 2**63 else "-"
        cases.append((("read", name, "UTC", 0, "-", text), want))
    cases.sort(key=lambda c: c[0][1])
    compare("numbers", cases)


def tai64():
    """the table of leap seconds against the one of tzdata"""
    try:
        with open("/usr/share/zoneinfo/leap-seconds.list", encoding="ascii") as f:
            rows = [line.split()[:2] for line in f if not line.startswith("#")]
    except OSError:
        say(True, "leap seconds # skip no leap-seconds.list")
        return
    table = [(int(ntp) - 2208988800, int(ahead)) for ntp, ahead in rows]
    cases = []
    for utc, ahead in table:
        for d in (-86400, -2, -1, 0, 1, 86400):
            off = ahead if d >= 0 else max(ahead - 1, 10)
            cases.append((("read", "tai64n", "UTC", 0, "-", f"@{2**62 + utc + d + off:016x}000001f4"),
                          f"{(utc + d) * GIGA + 500} {TOLD} 25"))
    compare("TAI64N around every leap second of tzdata", cases)


def date_command():
    """what GNU date reads the same way"""
    texts, cases = [], []
    for _ in range(3000):
        t = EPOCH_LOCAL + timedelta(seconds=rng.randrange(0, 2**33))
        fmt = rng.choice(("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S.%L %z", "%a, %d %b %Y %H:%M:%S %z",
                          "%d %b %Y %H:%M:%S %z", "%m/%d/%Y %I:%M:%S %p", "%Y%m%d %H:%M:%S %z", "%b %d %Y %H:%M:%S"))
        offset = rng.choice((0, 3600, -12600, 20700, -34200))
        text = written(fmt, t, str(rng.randrange(GIGA)).zfill(9), offset).replace(",", ".", ".%L" in fmt)
        texts.append(text)
        cases.append((fmt, text))
    try:
        out = subprocess.run(["date", "-u", "-f", "-", "+%s%N"], input="\n".join(texts).encode(), check=True,
                             stdout=subprocess.PIPE).stdout.decode().split()
    except (OSError, subprocess.CalledProcessError):
        say(True, "date(1) # skip it does not read such texts")
        return
    say(len(out) == len(cases), "date answers")
    wrong = [f"{q}: {got}, date says {want}"
             for q, want, got in zip(cases, out, ask([("read", f, "UTC", 0, "-", x) for f, x in cases]))
             if got.split()[0] != want]
    say(not wrong, f"the same as date(1): {len(cases)} cases", wrong)


try:
    zoneinfo.ZoneInfo("Europe/Berlin")
    zoned = True
except zoneinfo.ZoneInfoNotFoundError:
    zoned = False
print("# seed", seed)
if zoned:
    zones()
else:
    say(True, "zones # skip no tzdata on this machine")
formats(zoned)
rfc3339(zoned)
years(zoned)
numbers()
tai64()
date_command()
print(f"1..{number}")
sys.exit(failed > 0)
