#!/usr/bin/env python3
"""model.py [-v] [NAME...] - every order of the steps of two sweeps, as the code takes them.

A small explicit-state model of ledger(5), THE COMMIT, and of lib/batch/position.h.  One log
file; an offset counts lines.  A script of events (lines are appended, the file goes, the disk
damages ledger.json or takes back its last write) is mixed in every way with the steps of two
sweeps.  A kill is a sweep that takes no further step, so every state is also one in which all
was killed; a killed program before logbatch is a stream cut anywhere.  From each such state
clean sweeps follow, and then each line must be in the archive once.

Each scenario is run with all rules, and must hold; and with each rule that it is about
switched off, and must then lose or double a line.  -v shows how.

    quiet   commit what marks have closed, not all that came
    gen     refuse if an entry changed since the generation that logtail read
    forgot  refuse if an entry is unknown and one was forgotten since
    own     bodies are written under names of the run's own, and renamed under the lock
    mend    a run makes up for a copy that is behind before it offers anything
    copy    a damaged ledger.json is replaced by its copy, as if all had changed
    later   a copy of a later generation than ledger.json counts
    key     the key is made from the content and where it is from
    hold    who holds lines back lets no mark pass that says they are dealt with (--multiline)
"""
import sys, time
from collections import Counter, deque, namedtuple

RULES = frozenset('quiet gen forgot own mend copy later key hold'.split())
L = namedtuple('L', 'gen forgot end egen bat')          # end None: no entry.  bat: ((key, lines), ...)
NEW, BAD = L(0, 0, None, 0, ()), 'damaged'
W = namedtuple('W', 'at main old copy out s3 sw')       # out: {(name, lines)}  s3: {(key, lines)}
S = namedtuple('S', 'pc view stream take man')
START, DONE = S('load', None, None, None, ()), S('done', None, None, None, ())
# a line is (uid, text); what a filter makes of it: (uid, text, part).  "+" goes on the line before

def load(w, R):
    """lib/ledger: ledger_load; None: refused"""
    main, copy = w.main, w.copy
    def skip(l): return l._replace(gen=l.gen + 10, forgot=l.gen + 10, egen=l.gen + 10)
    if main is BAD:
        if copy is None: return None
        return skip(copy) if 'copy' in R else copy
    if 'later' in R and copy is not None and copy.gen > main.gen: return skip(copy)
    return main

def logtail(view, lines, parts, final):
    """a file from its cursor on: marks are (end, None), records (end, (uid, text, part))"""
    if lines is None: return ((view.end, 'gone'),) if view.end is not None else ()
    cur = view.end or 0
    if len(lines) < cur: return ()
    recs = [(i + 1, (u, t, p)) for i, (u, t) in enumerate(lines) if i >= cur for p in range(parts)]
    return ((cur, None), *recs, (len(lines), 'final' if final else None))

def join(stream, R):
    """lib/parse/multiline: lines that go on are one record with the line before; the last such
    record is held, as more may come, unless the mark behind it is final"""
    out, group = [], []
    def flush():
        if group: out.append((group[-1][0], tuple(x for _, x in group)))
        group.clear()
    for end, x in stream:
        if isinstance(x, tuple):
            if x[1] != '+': flush()
            group.append((end, x))
        elif group and x != 'final' and 'hold' in R:
            out.append((group[0][0] - 1, None))          # in its place one for where the group begins
        else:
            if x == 'final': flush()
            out.append((end, x))
    return tuple(out)

def take(stream, R):
    """position.h: what of a stream that ends here may be committed: (lines, from, end, gone)"""
    if 'quiet' in R:
        last = max([k for k, x in enumerate(stream) if not isinstance(x[1], tuple)], default=-1)
        stream = stream[:last + 1]
    if not stream: return None
    if stream[0][1] == 'gone': return (), 0, 0, True
    lines = tuple(y for _, x in stream if isinstance(x, tuple) for y in (x if isinstance(x[0], tuple) else (x,)))
    return lines, stream[0][0], stream[-1][0], False

def key(t, R): return tuple(x[1:] for x in t[0]) + ((t[1], t[2]) if 'key' in R else ())

def lost_race(l, view, t, R):
    if l.gen < view.gen: return True
    if 'gen' in R and l.end is not None and (l.egen > view.gen or (not t[3] and t[1] < l.end)): return True
    return 'forgot' in R and l.end is None and l.forgot > view.gen

def committed(l, t, R):
    g = l.gen + 1
    if t[3]: return l if l.end is None else L(g, g, None, 0, l.bat)
    if not t[0] and l.end == t[2]: return l
    bat = l.bat + (((key(t, R), t[0]),) if t[0] else ())
    return L(g, l.forgot, t[2], g, bat)

def save(w, l): return w._replace(main=l, old=w.main if w.main is not BAD else w.old)
def put(s3, k, lines): return s3 if any(x[0] == k for x in s3) else s3 | {(k, lines)}
def listed(w, l): return frozenset(o for o in w.out if any(o[0] == b[0] for b in l.bat) or o[0][:1] == ('tmp',))

class Model:
    def __init__(self, script, rules, parts=1):
        self.script, self.R, self.parts, self.memo = script, rules, parts, {}
        self.joins = any(op == ('app', '+') for op in script)
        files, final, lines = [()], [False], ()
        for uid, op in enumerate(script):
            if op[0] == 'app': lines = (lines or ()) + ((uid, op[1]),)
            elif op[0] == 'rm': lines = None
            files.append(lines)
            final.append(op[0] == 'final')
        self.files, self.final = files, final            # the file after each event

    def logtail(self, view, at):
        return logtail(view, self.files[at], self.parts, self.final[at])

    def piped(self, stream):
        """what logbatch may get of what logtail wrote: it, and who joins lines, may be killed anywhere"""
        cut = [stream[:k] for k in range(len(stream) + 1)]
        if not self.joins: return cut
        return list(dict.fromkeys(s[:k] for c in cut for s in [join(c, self.R)] for k in range(len(s) + 1)))

    def begin(self, w):
        """commit_begin, under the lock: mend, sweep up; the ledger, or None"""
        l = load(w, self.R)
        if l is None: return w, None
        if l is not w.main:                              # from the copy: written anew
            l = l._replace(gen=l.gen + 1)
            w = save(w, l)._replace(copy=l)
        elif 'mend' in self.R: w = w._replace(copy=l)
        return w._replace(out=listed(w, l)), l

    def steps(self, w):
        R = self.R
        if w.at < len(self.script):
            op = self.script[w.at]
            n = w._replace(at=w.at + 1)
            if op[0] == 'damage': n = n._replace(main=BAD)
            if op[0] == 'undo' and w.main is not BAD: n = n._replace(main=w.old)
            if op[0] == 'sweep': n = self.sweep(n)
            yield ' '.join(op), n
        for i, s in enumerate(w.sw):
            name = 'AB'[i]
            other = w.sw[1 - i]
            if s.pc in ('begin', 'commit', 'remove') and other.pc in ('copy', 'unlink'):
                other = DONE             # it held the lock: that is free only if it was killed
            def to(s2, w2=w): return w2._replace(sw=(s2, other) if i == 0 else (other, s2))
            if s.pc == 'load':
                v = load(w, R)
                yield name + ' logtail loads the ledger', to(S('read', v, None, None, ()) if v else DONE)
            elif s.pc == 'read':
                yield name + ' logtail reads the file', to(s._replace(pc='begin', stream=self.logtail(s.view, w.at)))
            elif s.pc == 'begin':
                w2, l = self.begin(w)
                yield name + ' logbatch begins', to(s._replace(pc='pipe', man=l.bat) if l else DONE, w2)
            elif s.pc == 'pipe':
                for got in self.piped(s.stream):
                    t = take(got, R)
                    yield '%s logbatch gets %s' % (name, [x[0] for x in got]), to(s._replace(pc='body' if t else 'offer', stream=None, take=t))
            elif s.pc == 'body':
                k = ('tmp', i) if 'own' in R else key(s.take, R)
                out = frozenset(o for o in w.out if o[0] != k) | ({(k, s.take[0])} if s.take[0] else frozenset())
                yield name + ' writes its body', to(s._replace(pc='commit'), w._replace(out=out))
            elif s.pc == 'commit':
                l, mine = load(w, R), ('tmp', i)
                out = frozenset(o for o in w.out if o[0] != mine)
                if l is None or lost_race(l, s.view, s.take, R):
                    yield name + ' is refused', to(DONE, w._replace(out=out)); continue
                l2 = committed(l, s.take, R)
                if 'own' in R and s.take[0]: out |= {(key(s.take, R), s.take[0])}
                yield name + ' COMMITS up to %s' % (l2.end,), to(s._replace(pc='copy', view=l2, man=l2.bat), save(w, l2)._replace(out=out) if l2 != w.main else w._replace(out=out))
            elif s.pc == 'copy':
                yield name + ' writes the copy', to(s._replace(pc='offer'), w._replace(copy=s.view))
            elif s.pc == 'offer':
                if not s.man: yield name + ' ends', to(DONE); continue
                k, lines = s.man[0]
                there = any(o[0] == k for o in w.out)
                yield name + ' s3put uploads', to(s._replace(pc='remove'), w._replace(s3=put(w.s3, k, lines) if there else w.s3))
            elif s.pc == 'remove':
                k, l = s.man[0][0], load(w, R)
                if l is None or not any(x[0] == k for x in w.s3): yield name + ' ends', to(DONE); continue
                l2 = l._replace(gen=l.gen + 1, bat=tuple(b for b in l.bat if b[0] != k))
                yield name + ' s3put removes the entry', to(s._replace(pc='unlink', view=l2), save(w, l2))
            elif s.pc == 'unlink':
                out = frozenset(o for o in w.out if o[0] != s.man[0][0])
                yield name + ' s3put writes the copy, unlinks', to(s._replace(pc='offer', man=s.man[1:]), w._replace(out=out, copy=s.view))

    def sweep(self, w):
        """a whole sweep that nothing disturbs"""
        R = self.R
        v = load(w, R)
        if v is None: return w
        w, l = self.begin(w)
        t = take(self.piped(self.logtail(v, w.at))[-1], R)
        if t and not lost_race(l, v, t, R):
            l = committed(l, t, R)
            w = save(w, l)._replace(out=w.out | ({(key(t, R), t[0])} if t[0] else frozenset()))
        for k, lines in l.bat:
            if any(o[0] == k for o in w.out): w = w._replace(s3=put(w.s3, k, lines))
            if any(x[0] == k for x in w.s3): l = l._replace(gen=l.gen + 1, bat=tuple(b for b in l.bat if b[0] != k))
        return w._replace(main=l, copy=l, out=listed(w, l))

    def verdict(self, w):
        n = Counter(x for _, lines in w.s3 for x in lines)
        if any(v > 1 for v in n.values()): return 'doubled'
        if w.at < len(self.script): return None
        k = w[1:6]
        if k not in self.memo:
            r = w._replace(out=frozenset(o for o in w.out if o[0][:1] != ('tmp',)))
            for _ in range(3): r = self.sweep(r)
            self.memo[k] = r
        r = self.memo[k]
        n = Counter(x for _, lines in r.s3 for x in lines)
        if any(v > 1 for v in n.values()): return 'doubled'
        if r.main is not BAD and any(not any(o[0] == b[0] for o in r.out) for b in r.main.bat): return 'lost: a body is gone'
        there = self.files[-1] or ()
        if self.joins and not self.final[-1]:            # the last record may go on
            there = there[:max(i for i, (_, t) in enumerate(there) if t != '+')]
        if any((u, t, p) not in n for u, t in there for p in range(self.parts)): return 'lost'
        return None

    def run(self):
        w = W(0, NEW, NEW, NEW, frozenset(), frozenset(), (START, START))
        seen, todo = {w: None}, deque([w])
        while todo:
            w = todo.popleft()
            v = self.verdict(w)
            if v: return len(seen), v, self.trace(seen, w)
            for what, n in self.steps(w):
                if n not in seen:
                    seen[n] = (w, what)
                    todo.append(n)
        return len(seen), None, []

    def trace(self, seen, w):
        out = []
        while seen[w]: w, what = seen[w]; out.append(what)
        return out[::-1]

a = lambda t: ('app', t)
SCENARIOS = {  # script, the rules that it needs, how many records a line becomes
    'race':    ([a('a'), a('b')], ['gen', 'own'], 1),
    'cut':     ([a('a'), a('b')], ['quiet'], 2),
    'retired': ([a('a'), a('b'), ('sweep',), ('rm',), ('sweep',)], ['forgot'], 1),
    'joined':  ([a('a'), a('+'), a('b'), a('+'), ('final',)], ['hold', 'gen'], 1),
    'equal':   ([a('x'), a('x')], ['key'], 1),
    'damage':  ([a('a'), ('damage',), a('b')], ['mend', 'copy'], 1),
    'undo':    ([a('a'), ('undo',), a('b')], ['later'], 1),
}

def main():
    verbose, pick, bad = '-v' in sys.argv, [x for x in sys.argv[1:] if x[0] != '-'], 0
    for name, (script, needs, parts) in SCENARIOS.items():
        if pick and name not in pick: continue
        for off in [None, *needs]:
            t0 = time.time()
            n, v, trace = Model(script, RULES - {off}, parts).run()
            good = (v is None) == (off is None)
            bad += not good
            print('%s %-8s %-16s %7d states %5.1f s  %s' % ('ok  ' if good else 'BAD ', name, 'without ' + off if off else 'all rules',
                                                            n, time.time() - t0, v or 'holds'), flush=True)
            if trace and (verbose or not good):
                for x in trace: print('         ' + x)
    return bad != 0

if __name__ == '__main__': sys.exit(main())
