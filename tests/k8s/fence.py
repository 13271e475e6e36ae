#!/usr/bin/env python3
"""fence.py POLICIES.ndjson JOB.json - would the admission policies let the Job in?

Prints "POLICY: MESSAGE" for each validation that is not true, and ends with 1 if there is one.
The policies' expressions are evaluated for the part of CEL that they keep to (anything else is an
error): || && ! == != <= > in ?: . [] calls of has(), size(), and the macros all(v, e) and
exists(v, e). As in CEL, reading a field that is not there is an error, and an error denies.
`params` is CronJob sweep of the same file. Source: github.com/google/cel-spec, langdef.md.
"""
import json, re, sys

TOKEN = re.compile(r"\s*(?:(\d+)|'([^']*)'|([A-Za-z_]\w*)|(\|\||&&|==|!=|<=|[>!?:.,()\[\]+]))")


class Expression:
    def __init__(self, text):
        self.tokens, at = [], 0
        text = text.strip()
        while at < len(text):
            m = TOKEN.match(text, at)
            if not m:
                raise SyntaxError(text[at:])
            number, string, name, sign = m.groups()
            self.tokens.append(("n", int(number)) if number else ("s", string) if string is not None
                               else ("id", name) if name else ("op", sign))
            at = m.end()
        self.at = 0
        self.run = self.choice()
        if self.at != len(self.tokens):
            raise SyntaxError(f"{text}: {self.tokens[self.at]}")

    def take(self, *signs):
        if self.at < len(self.tokens) and self.tokens[self.at] in [
                ("id" if s == "in" else "op", s) for s in signs]:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def want(self, sign):
        if not self.take(sign):
            raise SyntaxError(f"no {sign} at {self.tokens[self.at:]}")

    def choice(self):
        test = self.either()
        if not self.take("?"):
            return test
        yes = self.either()
        self.want(":")
        no = self.choice()
        return lambda env: yes(env) if test(env) is True else no(env)

    def either(self):
        terms = [self.both()]
        while self.take("||"):
            terms.append(self.both())
        return lambda env: self.logic(terms, env, True) if len(terms) > 1 else terms[0](env)

    def both(self):
        terms = [self.relation()]
        while self.take("&&"):
            terms.append(self.relation())
        return lambda env: self.logic(terms, env, False) if len(terms) > 1 else terms[0](env)

    @staticmethod
    def logic(terms, env, end):
        """CEL's || and && do not mind an error beside a term that settles it."""
        error = None
        for t in terms:
            try:
                if t(env) is end:
                    return end
            except (KeyError, TypeError) as e:
                error = e
        if error:
            raise error
        return not end

    def relation(self):
        left = self.sum()
        sign = self.take("==", "!=", "<=", ">", "in")
        if not sign:
            return left
        right = self.sum()
        return {"==": lambda env: left(env) == right(env), "!=": lambda env: left(env) != right(env),
                "<=": lambda env: left(env) <= right(env), ">": lambda env: left(env) > right(env),
                "in": lambda env: left(env) in right(env)}[sign]

    def sum(self):
        left = self.unary()
        while self.take("+"):
            a, b = left, self.unary()
            left = (lambda a, b: lambda env: a(env) + b(env))(a, b)
        return left

    def unary(self):
        if self.take("!"):
            inner = self.unary()
            return lambda env: not inner(env)
        return self.member()

    def primary(self):
        kind, value = self.tokens[self.at]
        self.at += 1
        if kind in "ns":
            return lambda env: value
        if (kind, value) == ("op", "("):
            inner = self.choice()
            self.want(")")
            return inner
        if (kind, value) == ("op", "["):
            items = []
            while not self.take("]"):
                items.append(self.choice())
                self.take(",")
            return lambda env: [i(env) for i in items]
        if kind != "id":
            raise SyntaxError(str(value))
        if value == "has":
            self.want("(")
            inner = self.member()
            self.want(")")
            holder, field = inner.field
            return lambda env: field in holder(env)
        return lambda env: env[value]

    def member(self):
        value = self.primary()
        while self.take("."):
            name = self.tokens[self.at][1]
            self.at += 1
            value = self.call(value, name) if self.take("(") else self.select(value, name)
        return value

    @staticmethod
    def select(holder, name):
        def get(env):
            return holder(env)[name]
        get.field = (holder, name)
        return get

    def call(self, holder, name):
        if name == "size":
            self.want(")")
            return lambda env: len(holder(env))
        variable = self.tokens[self.at][1]
        self.at += 1
        self.want(",")
        inner = self.choice()
        self.want(")")
        fold = {"all": all, "exists": any}[name]
        return lambda env: fold(inner(dict(env, **{variable: v})) for v in holder(env))


def value_of(text, env):
    try:
        return Expression(text).run(env)
    except (KeyError, TypeError) as e:
        return e  # is not True


def main(policies, job):
    with open(policies) as f:
        objects = [json.loads(line) for line in f]
    with open(job) as f:
        made = json.load(f)
    kept = [o for o in objects if o["kind"] == "CronJob" and o["metadata"]["name"] == "sweep"][0]
    denied, checked = [], 0
    for p in objects:
        if p["kind"] != "ValidatingAdmissionPolicy":
            continue
        env = {"object": made, "params": kept, "variables": {}, "request": {"userInfo": {
            "username": "system:serviceaccount:logsweep:dispatch"}}}
        if not all(value_of(c["expression"], env) is True for c in p["spec"]["matchConditions"]):
            denied.append(f"{p['metadata']['name']}: does not look at what dispatch creates")
        for v in p["spec"]["variables"]:
            env["variables"][v["name"]] = value_of(v["expression"], env)
        for v in p["spec"]["validations"]:
            checked += 1
            if value_of(v["expression"], env) is not True:
                denied.append(f"{p['metadata']['name']}: {v['message']}")
    print("\n".join(denied) if denied else f"let in, by {checked} validations")
    return bool(denied) or checked == 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
