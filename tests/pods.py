#!/usr/bin/env python3
"""pods.py [N [BYTES]] - the items of a PodList as an API server of version 1.34 sends them, for
the tests: the pods that tests/k8smeta.bats names and, with N, N more on node-1, each of about
BYTES bytes (managedFields and environment make up the size, as they do in real ones)."""
import hashlib, json, sys


def hex64(s):
    return hashlib.sha256(s.encode()).hexdigest()


def uid(s):
    h = hex64(s)
    return "-".join([h[:8], h[8:12], h[12:16], h[16:20], h[20:32]])


def container(name, pod, image="registry.example/shop/%s:1.4", restarts=0):
    return {"name": name, "image": image % name if "%" in image else image,
            "resources": {}, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent"}


def running(name, pod, restarts=0, ready=True):
    last = {} if restarts == 0 else {"terminated": {
        "exitCode": 3, "reason": "Error", "startedAt": "2026-11-22T12:10:00Z",
        "finishedAt": "2026-11-22T12:10:01Z",
        "containerID": "containerd://" + hex64(f"{pod}/{name}/{restarts - 1}")}}
    return {"name": name, "state": {"running": {"startedAt": "2026-11-22T12:10:02Z"}},
            "lastState": last, "ready": ready, "restartCount": restarts,
            "image": f"registry.example/shop/{name}:1.4",
            "imageID": f"registry.example/shop/{name}@sha256:{hex64('image' + name)}",
            "containerID": "containerd://" + hex64(f"{pod}/{name}/{restarts}"), "started": True}


def pod(name, namespace="shop", containers=("app",), labels=None, annotations=None, owners=None,
        init=(), ephemeral=(), restarts=0, created="2026-11-22T12:00:00Z", node="node-1", salt="",
        static=None):
    key = f"{namespace}/{name}{salt}"
    meta = {"name": name, "namespace": namespace, "uid": uid(key), "resourceVersion": "646",
            "generation": 1, "creationTimestamp": created}
    if labels:
        meta["labels"] = labels
    if static:
        annotations = dict(annotations or {}, **{
            "kubernetes.io/config.hash": static, "kubernetes.io/config.mirror": static,
            "kubernetes.io/config.seen": "2026-11-22T12:00:00.9Z",
            "kubernetes.io/config.source": "file"})
        owners = [{"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid(node),
                   "controller": True}]
    if annotations:
        meta["annotations"] = annotations
    if owners:
        meta["ownerReferences"] = owners
    meta["managedFields"] = [{"manager": "kubelet", "operation": "Update", "apiVersion": "v1",
                              "time": created, "fieldsType": "FieldsV1",
                              "fieldsV1": {"f:status": {"f:podIP": {}}}, "subresource": "status"}]
    spec = {"containers": [container(c, name) for c in containers], "restartPolicy": "Always",
            "nodeName": node, "hostNetwork": bool(static),
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists",
                             "effect": "NoExecute", "tolerationSeconds": 300}]}
    status = {"phase": "Running", "hostIP": "10.0.1.2", "podIP": "10.244.1.7",
              "podIPs": [{"ip": "10.244.1.7"}], "startTime": created,
              "containerStatuses": [running(c, key, restarts) for c in containers],
              "qosClass": "BestEffort"}
    if init:
        spec["initContainers"] = [container(c, name) for c in init]
        status["initContainerStatuses"] = [running(c, key) for c in init]
    if ephemeral:
        spec["ephemeralContainers"] = [dict(container(c, name), targetContainerName=containers[0])
                                       for c in ephemeral]
        status["ephemeralContainerStatuses"] = [running(c, key) for c in ephemeral]
    return {"metadata": meta, "spec": spec, "status": status}


def sized(i, size):
    p = pod(f"load-{i:05d}", labels={"app": "load", "tier": f"t{i % 7}", "pod-template-hash": hex64(str(i))[:10]},
            annotations={"prometheus.io/scrape": "true"},
            owners=[{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "load-5d8f",
                     "uid": uid("load"), "controller": True, "blockOwnerDeletion": True}])
    more = max(0, size - len(json.dumps(p)))
    p["spec"]["containers"][0]["env"] = [
        {"name": f"SETTING_{n}", "value": 'a "quoted" text, ' + "x" * 60} for n in range(more // 120)]
    return p


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def named():
    yield pod("web-0", labels={"app": "web", "app.kubernetes.io/name": "web", "app_kubernetes_io/name": "other"},
              annotations={"team": "shop", LAST_APPLIED: '{"apiVersion":"v1"}\n', "note": "a \"b\" \\ \u0001 naïve 日本"},
              containers=("app", "proxy"), init=("setup",), ephemeral=("dbg",),
              owners=[{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": uid("web"),
                       "controller": True, "blockOwnerDeletion": True}])
    yield pod("crasher", restarts=3, labels={"app": "crasher"})
    yield pod("pre-10", labels={"app": "pre-10"}, containers=("pre-10",))
    yield pod("etcd-n1.a.example", namespace="kube-system", containers=("etcd",),
              labels={"tier": "control-plane"}, static="5f8ad0db629ce8cf99f2caa7d48ef571")
    yield pod("quiet", annotations={"fluentbit.io/exclude": "true", "fluentbit.io/exclude-loud": "false"},
              containers=("app", "loud"))
    yield pod("half-quiet", annotations={"fluentbit.io/exclude_stderr": "on"})
    yield pod("parsed", annotations={"fluentbit.io/parser": "nginx", "fluentbit.io/parser_stderr": "syslog",
                                     "fluentbit.io/parser-side": "json"}, containers=("app", "side"))
    yield pod("huge", annotations={"huge": "h" * (1 << 20), "small": "s"}, labels={"app": "huge"})
    yield pod("elsewhere", node="node-2", labels={"app": "elsewhere"})


if __name__ == "__main__":
    items = list(named())
    if len(sys.argv) > 1:
        items += [sized(i, int(sys.argv[2]) if len(sys.argv) > 2 else 5000) for i in range(int(sys.argv[1]))]
    json.dump(items, sys.stdout, ensure_ascii=False)
