"""Other inputs than the one tree: with pod metadata, larger, in many small files, nothing new.

Each is a pipe of four into a state directory, its records counted in the objects.
"""
import glob
import json
import os
import shutil
import subprocess

OLD = 1.7e9  # files this old are read to their end without a state


def tree(where, *options):
    """A tree of logs; what nodetree says of it."""
    said = subprocess.run(["nodetree", *options, where], check=True, stdout=subprocess.PIPE, text=True)
    for name in glob.glob(f"{where}/var/log/containers/*.log"):
        os.utime(name, (OLD, OLD))
    return json.loads(said.stdout.splitlines()[-1])["total"]


def pipe(logs, state, *kube):
    return [["logtail", f"--state={state}", f"{logs}/var/log/containers"], ["logparse"],
            ["k8smeta", "--node=bench", *kube], ["logbatch", f"--state={state}", "--node=bench"]]


def pod(directory, links):
    """The pod of a directory under /var/log/pods, as the API server would tell it."""
    namespace, name, uid = os.path.basename(directory).split("_")
    app = name.rsplit("-", 2)[0]
    containers = [(c, i) for p, n, c, i in links if (p, n) == (name, namespace)]
    return {
        "metadata": {
            "name": name, "namespace": namespace, "uid": uid,
            "labels": {"app.kubernetes.io/name": app, "app.kubernetes.io/instance": f"{app}-prod",
                       "app.kubernetes.io/version": "1.27.3", "pod-template-hash": name.split("-")[-2],
                       "team": "platform"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9102",
                            "checksum/config": "4f1a" * 16}},
        "spec": {"nodeName": "bench", "containers": [{"name": c} for c, _ in containers]},
        "status": {"podIP": "10.42.7.19", "containerStatuses": [
            {"name": c, "containerID": f"containerd://{i}", "image": f"registry.example/shop/{c}:1.27.3",
             "imageID": f"registry.example/shop/{c}@sha256:{i}"} for c, i in containers]}}


def pods(where, to):
    """The list of the tree's pods, in a file."""
    links = []
    for link in glob.glob(f"{where}/var/log/containers/*.log"):
        name, namespace, rest = os.path.basename(link)[:-4].split("_")
        links.append((name, namespace, rest[:-65], rest[-64:]))
    items = [pod(d, links) for d in sorted(glob.glob(f"{where}/var/log/pods/*"))]
    with open(to, "w") as f:
        json.dump({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}, f)
    return len(items)


def pod_files(source, to):
    """Each pod of such a list in a file of its own, NAMESPACE_NAME.meta."""
    with open(source) as f:
        items = json.load(f)["items"]
    for item in items:
        name = f"{item['metadata']['namespace']}_{item['metadata']['name']}.meta"
        with open(os.path.join(to, name), "w") as f:
            json.dump(item, f)


def parse_size(text):
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    return int(text[:-1]) * units[text[-1]] if text[-1] in units else int(text)


def scaling(measure, size):
    """The same pipe on 1, 4 and 16 parts: [(bytes, Result)]."""
    found = []
    for times in (1, 4, 16):
        nbytes = parse_size(size) * times // 16
        total = tree("scale", "--seed=3", "--flat", "--pods=200", "--hours=3", f"--bytes={nbytes}")
        found.append((total["bytes"], measure(f"the pipe, {nbytes >> 20} MiB", pipe("scale", "S"), total)))
        shutil.rmtree("scale")
    return found


def many_files(measure, run, size):
    """(20 large files, 10,000 small ones, a sweep with nothing new over these): (bytes, Result) each."""
    found = []
    for files in (20, 10000):
        total = tree("files", "--seed=4", "--flat", f"--pods={files}", "--hours=3",
                     f"--bytes={parse_size(size)}")
        found.append((total["bytes"], measure(f"the pipe, {files} files", pipe("files", "S"), total)))
        if files == 20:
            shutil.rmtree("files")
    # what waits is offered by logbatch: the ledger then holds cursors alone
    run([["logbatch", "--state=S", "--node=bench"],
         ["s3put", "--state=S", f"file://{os.getcwd()}/archive"]], stdin="/dev/null")
    quiet = min((run(pipe("files", "S")) for _ in range(3)), key=lambda r: r.cpu)
    shutil.rmtree("files")
    return found + [(0, quiet)]


def backfill(run, best, size):
    """(bytes of logs, logtail over a .tar.gz of them, tar to wc): the fastest of three each."""
    total = tree("old", "--seed=5", "--flat", "--pods=200", "--hours=3", f"--bytes={parse_size(size)}")
    with open("old.tar.gz", "wb") as to:
        subprocess.run(["bash", "-o", "pipefail", "-c", "tar c old/var/log/pods old/var/lib/docker/containers/*/*.log | gzip -6"],
                       check=True, stdout=to)
    shutil.rmtree("old")
    # counted once; then each run has to give the same bytes
    marks = r'^\{"_src":\{[^{}]*\}\}$'
    counted = subprocess.run(["bash", "-o", "pipefail", "-c",
                              f"logtail old.tar.gz | tee >(wc -c >bytes) | LC_ALL=C grep -cvE '{marks}'"],
                             stdout=subprocess.PIPE, text=True)

    def ours():
        r = run([["logtail", "old.tar.gz"]])
        with open("bytes") as f:
            if int(f.read()) != r.out or int(counted.stdout) != total["records"]:
                r.bad.append("records are missing")
        return r

    def tars():
        r = run([["tar", "xzOf", "old.tar.gz"], ["wc", "-l"]], stdout="count")
        with open("count") as f:
            if int(f.read()) != total["lines"]:
                r.bad.append("lines are missing")
        return r

    found = (total["bytes"], best("logtail over a .tar.gz", ours), best("tar xzO | wc -l", tars))
    os.unlink("old.tar.gz")
    os.unlink("count")
    os.unlink("bytes")
    return found
