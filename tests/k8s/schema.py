#!/usr/bin/env python3
"""schema.py FILE... - check manifests without a cluster: against schemas.json, which holds what
the API of Kubernetes 1.34 says of the kinds that ours use (fields, their types, and with "!" which
must be there; fields that ours do not use are left out, and are errors), and by rules that an
API server checks beyond that: cron strings, failure policies, names, selectors, volumes, and
that what is referred to is there. Prints each error; the last line is "N objects, N errors"."""
import json, os, re, sys
import yaml

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemas.json")) as f:
    SPEC = json.load(f)
PLAIN = {"string": str, "boolean": bool, "integer": int, "number": (int, float)}
QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
errors = []


def error(where, what):
    errors.append(f"{where}: {what}")


def typed(value, want, where):
    if isinstance(want, list):
        if not isinstance(value, list):
            return error(where, "not a list")
        for i, v in enumerate(value):
            typed(v, want[0], f"{where}[{i}]")
    elif isinstance(want, dict):
        if not isinstance(value, dict):
            return error(where, "not a map")
        for k, v in value.items():
            typed(v, want["*"], f"{where}.{k}")
    elif want == "quantity":
        if not QUANTITY.fullmatch(str(value)) or isinstance(value, bool):
            error(where, f"{value}: not a quantity")
    elif want == "int-or-string":
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            error(where, "not a number or string")
    elif want in PLAIN:
        if not isinstance(value, PLAIN[want]) or (want != "boolean" and isinstance(value, bool)):
            error(where, f"{value!r}: not of type {want}")
    elif want != "any":
        fields(value, SPEC["types"][want], where)


def fields(value, known, where):
    if known == "any":
        return
    if not isinstance(value, dict):
        return error(where, "not an object")
    for k, t in known.items():
        if k.endswith("!") and k[:-1] not in value:
            error(where, f"{k[:-1]} is missing")
    for k, v in value.items():
        t = known.get(k, known.get(k + "!"))
        if t is None:
            error(where, f"{k}: unknown field")
        else:
            typed(v, t, f"{where}.{k}")


# ---- what a schema does not say ----

def cron(text, where):
    ranges = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    parts = text.split(" ")
    if len(parts) != 5:
        return error(where, f"{text}: not five fields")
    for part, (low, high) in zip(parts, ranges):
        for item in part.split(","):
            m = re.fullmatch(r"(\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", item)
            numbers = [int(n) for n in m.group(2, 3) if n] if m else []
            if not m or any(not low <= n <= high for n in numbers) or \
                    numbers != sorted(numbers) or (m.group(4) and not 0 < int(m.group(4)) <= high):
                error(where, f"{text}: {item} is not of {low} to {high}")


def failure_policy(spec, where):
    pod = spec["template"]["spec"]
    names = [c["name"] for c in pod["containers"] + pod.get("initContainers", [])]
    policy = spec.get("podFailurePolicy")
    if policy is None:
        return
    if pod.get("restartPolicy") != "Never":
        error(where, "podFailurePolicy wants restartPolicy: Never")
    if spec.get("podReplacementPolicy", "Failed") != "Failed":
        error(where, "podFailurePolicy wants podReplacementPolicy: Failed")
    for i, r in enumerate(policy["rules"]):
        at = f"{where}.podFailurePolicy.rules[{i}]"
        if ("onExitCodes" in r) == ("onPodConditions" in r):
            error(at, "one of onExitCodes and onPodConditions")
        codes = r.get("onExitCodes", {"values": [1], "operator": "In"})
        if codes.get("containerName", names[0]) not in names:
            error(at, f"{codes['containerName']}: no such container")
        if codes["values"] != sorted(set(codes["values"])) or 0 in codes["values"] or \
                codes["operator"] not in ("In", "NotIn"):
            error(at, "values are to be sorted, without 0; operator In or NotIn")
        if r["action"] not in ("Ignore", "FailJob", "Count", "FailIndex"):
            error(at, f"{r['action']}: no such action")


def pod(template, where, there):
    spec = template["spec"]
    volumes = [v["name"] for v in spec.get("volumes", [])]
    mounted = set()
    for c in spec["containers"] + spec.get("initContainers", []):
        paths = [m["mountPath"] for m in c.get("volumeMounts", [])]
        if len(set(paths)) != len(paths):
            error(where, f"{c['name']}: two volumes at one path")
        for m in c.get("volumeMounts", []):
            mounted.add(m["name"])
        for name in (e["name"] for e in c.get("env", [])):
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                error(where, f"{name}: not a variable")
        for e in c.get("envFrom", []):
            ref = e.get("configMapRef")
            if ref and ("ConfigMap", ref["name"]) not in there:
                error(where, f"ConfigMap {ref['name']} is not there")
    if mounted != set(volumes) or len(set(volumes)) != len(volumes):
        error(where, f"volumes {sorted(volumes)}, mounted {sorted(mounted)}")
    for v in spec.get("volumes", []):
        if len(v) != 2:
            error(where, f"volume {v['name']}: not one source")
        ref = v.get("configMap", {}).get("name")
        if ref and ("ConfigMap", ref) not in there:
            error(where, f"ConfigMap {ref} is not there")
    for kind, name in (("ServiceAccount", spec.get("serviceAccountName")),
                       ("PriorityClass", spec.get("priorityClassName"))):
        if name and (kind, name) not in there:
            error(where, f"{kind} {name} is not there")


def job(spec, where, there):
    failure_policy(spec, where)
    pod(spec["template"], where, there)
    if spec["template"]["spec"].get("restartPolicy") not in ("Never", "OnFailure"):
        error(where, "restartPolicy: Never or OnFailure")
    if spec.get("completionMode") == "Indexed" and not spec.get("completions"):
        error(where, "Indexed wants completions")


def rules(o, where, there):
    meta, kind, spec = o["metadata"], o["kind"], o.get("spec", {})
    if not NAME.fullmatch(meta["name"]):
        error(where, "not a name")
    for value in meta.get("labels", {}).values():
        if not LABEL.fullmatch(value):
            error(where, f"{value}: not a label")
    if "namespace" in meta and ("Namespace", meta["namespace"]) not in there:
        error(where, f"namespace {meta['namespace']} is not there")
    if kind == "CronJob":
        cron(spec["schedule"], where)
        if len(meta["name"]) > 52:
            error(where, "a name over 52 bytes")
        if spec.get("concurrencyPolicy") not in ("Allow", "Forbid", "Replace"):
            error(where, "concurrencyPolicy")
        if spec.get("startingDeadlineSeconds", 10) < 10:
            error(where, "startingDeadlineSeconds under 10: slots are passed over")
        job(spec["jobTemplate"]["spec"], where, there)
    elif kind == "Job":
        job(spec, where, there)
    elif kind == "DaemonSet":
        labels = spec["template"]["metadata"]["labels"]
        if any(labels.get(k) != v for k, v in spec["selector"]["matchLabels"].items()):
            error(where, "the selector does not select its own pods")
        if spec["template"]["spec"].get("restartPolicy", "Always") != "Always":
            error(where, "restartPolicy: Always")
        pod(spec["template"], where, there)
    elif kind in ("RoleBinding", "ClusterRoleBinding"):
        for ref in [o["roleRef"]] + o["subjects"]:
            if (ref["kind"], ref["name"]) not in there:
                error(where, f"{ref['kind']} {ref['name']} is not there")


def check(path):
    with open(path) as f:
        objects = [d for d in yaml.safe_load_all(f) if d]
    there = {(o.get("kind"), o.get("metadata", {}).get("name")) for o in objects}
    for o in objects:
        where = f"{path}: {o.get('kind')}/{o.get('metadata', {}).get('name')}"
        kind = SPEC["kinds"].get(f"{o.get('apiVersion')} {o.get('kind')}")
        if kind is None:
            error(where, f"{o.get('apiVersion')}: not a kind that is used here")
            continue
        before = len(errors)
        fields(o, SPEC["types"][kind], where)
        if len(errors) == before:
            rules(o, where, there)
    return len(objects)


if __name__ == "__main__":
    total = sum(check(p) for p in sys.argv[1:])
    print("\n".join(errors + [f"{total} objects, {len(errors)} errors"]))
    sys.exit(bool(errors) or total == 0)
