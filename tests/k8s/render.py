#!/usr/bin/env python3
"""render.py DIR - what `kubectl kustomize DIR` prints, for the part of kustomize that our
manifests keep to, so that they are tested where kubectl is not; k8s.bats compares the two where
it is. Anything outside of this part ends it with 1:

  resources, components      directories and files
  configMapGenerator         name, namespace, files; with generatorOptions disableNameSuffixHash
                             and labels
  patches                    inline, on a target of kind and name or the object they name: a JSON
                             patch (add, replace), or a merge that touches no lists
  replacements               source: kind, name, fieldPath; targets: select, fieldPaths
  images                     name, newName, newTag, digest

Order, as there: resources, components, generators, patches, images, replacements.
"""
import copy, os, sys
import yaml

KNOWN = {"apiVersion", "kind", "resources", "components", "configMapGenerator",
         "generatorOptions", "patches", "replacements", "images"}


def only(what, have, allowed):
    extra = set(have) - set(allowed)
    if extra:
        sys.exit(f"render.py: {what}: {', '.join(sorted(extra))}: not in its part of kustomize")


def load(path):
    with open(path) as f:
        return [d for d in yaml.safe_load_all(f) if d]


def merge(into, patch, where):
    for k, v in patch.items():
        if isinstance(v, list):
            sys.exit(f"render.py: {where}.{k}: a merge of lists")
        if v is None:
            into.pop(k, None)
        elif isinstance(v, dict):
            merge(into.setdefault(k, {}), v, f"{where}.{k}")
        else:
            into[k] = v


def at(obj, keys):
    for k in keys:
        obj = obj[int(k)] if isinstance(obj, list) else obj[k]
    return obj


def json_patch(obj, op):
    only("a patch", op, ("op", "path", "value"))
    *front, last = [p.replace("~1", "/").replace("~0", "~") for p in op["path"].split("/")[1:]]
    place, value = at(obj, front), copy.deepcopy(op["value"])
    if op["op"] == "replace":
        at(place, [last])  # is there
    elif op["op"] != "add":
        sys.exit(f"render.py: {op['op']}: not in its part of kustomize")
    if isinstance(place, list):
        place.append(value) if last == "-" else place.__setitem__(int(last), value)
    else:
        place[last] = value


def choose(objects, target, where):
    only(where, target, ("kind", "name"))
    found = [o for o in objects if all(
        (o["kind"] if k == "kind" else o["metadata"]["name"]) == v for k, v in target.items())]
    if not found:
        sys.exit(f"render.py: {where}: {target}: no such object")
    return found


def patch_all(objects, p, where):
    only(where, p, ("patch", "target"))
    patch = yaml.safe_load(p["patch"])
    if isinstance(patch, list):
        for o in choose(objects, p["target"], where):
            for op in patch:
                json_patch(o, op)
        return
    target = p.get("target") or {"kind": patch["kind"], "name": patch["metadata"]["name"]}
    for o in choose(objects, target, where):
        merge(o, patch, where)


def replace_all(objects, r, where):
    source = dict(r["source"])
    path = source.pop("fieldPath")
    value = at(choose(objects, source, where)[0], path.split("."))
    for t in r["targets"]:
        only(where, t, ("select", "fieldPaths"))
        for o in choose(objects, t["select"], where):
            for field in t["fieldPaths"]:
                *front, last = field.split(".")
                if last not in at(o, front):
                    sys.exit(f"render.py: {where}: {field}: not there")
                at(o, front)[last] = value


def rename_images(obj, images):
    if isinstance(obj, list):
        for o in obj:
            rename_images(o, images)
    elif isinstance(obj, dict):
        for k, v in obj.items():
            if k in ("containers", "initContainers") and isinstance(v, list):
                for c in v:
                    for i in images:
                        name, _, tag = c["image"].partition(":")
                        if name == i["name"]:
                            c["image"] = i.get("newName", name) + (
                                "@" + i["digest"] if "digest" in i else
                                ":" + i.get("newTag", tag))
            rename_images(v, images)


def generate(folder, g, options):
    only(folder, g, ("name", "namespace", "files"))
    only(folder, options, ("disableNameSuffixHash", "labels"))
    if not options.get("disableNameSuffixHash"):
        sys.exit(f"render.py: {folder}: a name with a hash")
    data = {}
    for f in g["files"]:
        with open(os.path.join(folder, f)) as file:
            data[os.path.basename(f)] = file.read()
    return {"apiVersion": "v1", "kind": "ConfigMap", "data": data, "metadata": dict(
        {k: g[k] for k in ("name", "namespace") if k in g},
        **({"labels": dict(options["labels"])} if options.get("labels") else {}))}


def build(folder, objects=None):
    """`objects`, to which a component is applied, or new ones."""
    path = os.path.join(folder, "kustomization.yaml")
    k = load(path)[0]
    only(path, k, KNOWN)
    if k["kind"] != ("Kustomization" if objects is None else "Component"):
        sys.exit(f"render.py: {path}: {k['kind']} is not to be here")
    objects = [] if objects is None else objects
    for r in k.get("resources", []):
        r = os.path.join(folder, r)
        objects += build(r) if os.path.isdir(r) else load(r)
    for c in k.get("components", []):
        build(os.path.join(folder, c), objects)
    for g in k.get("configMapGenerator", []):
        objects.append(generate(folder, g, k.get("generatorOptions", {})))
    for p in k.get("patches", []):
        patch_all(objects, p, path)
    rename_images(objects, k.get("images", []))
    for r in k.get("replacements", []):
        replace_all(objects, r, path)
    names = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects]
    if len(set(names)) != len(names):
        sys.exit(f"render.py: {path}: an object twice")
    return objects


if __name__ == "__main__":
    yaml.safe_dump_all(build(sys.argv[1]), sys.stdout, sort_keys=False)
