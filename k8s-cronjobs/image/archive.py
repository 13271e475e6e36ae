#!/usr/bin/env python3
"""archive.py ROOT NAME:TAG OUT.tar - a container image with one layer, the directory ROOT.

OUT is an OCI image layout and, by its manifest.json, what `docker save` writes, so that
`ctr images import`, `podman load`, `docker load`, `skopeo` and `crane` all take it. Everything
belongs to root and has the time SOURCE_DATE_EPOCH (0), so the same ROOT gives the same bytes.
Prints the size of the layer, compressed and not, and the image's digest.

Source: OCI image-spec (layout, manifest, config), docker image spec v1.2 (manifest.json).
"""
import gzip, hashlib, io, json, os, platform, sys, tarfile, time

root, name, out = sys.argv[1:]
epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def plain(member):
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = epoch
    return member


def layer_of(top):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder, folders, files in os.walk(top):
            folders.sort()
            for each in sorted(files + [f for f in folders]):
                path = os.path.join(folder, each)
                tar.add(path, os.path.relpath(path, top), recursive=False, filter=plain)
    return data.getvalue()


def digest(blob):
    return hashlib.sha256(blob).hexdigest()


def text(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


tar = layer_of(root)
layer = gzip.compress(tar, 9, mtime=0)
config = text({
    "architecture": arch, "os": "linux", "created": when,
    "config": {"User": "65532:65532", "WorkingDir": "/",
               "Env": ["PATH=/usr/bin",
                       "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
               "Cmd": ["logtail", "--version"]},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(tar)]},
    "history": [{"created": when, "created_by": "make image"}],
})


def blob(media, data):
    return {"mediaType": media, "digest": "sha256:" + digest(data), "size": len(data)}


OCI = "application/vnd.oci.image."
manifest = text({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                 "config": blob(OCI + "config.v1+json", config),
                 "layers": [blob(OCI + "layer.v1.tar+gzip", layer)]})
full = "docker.io/library/" + name if "/" not in name else name
index = text({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [dict(
    blob(OCI + "manifest.v1+json", manifest),
    annotations={"io.containerd.image.name": full,
                 "org.opencontainers.image.ref.name": name.rpartition(":")[2]},
    platform={"architecture": arch, "os": "linux"})]})
path = "blobs/sha256/{}".format
docker = text([{"Config": path(digest(config)), "RepoTags": [full],
                "Layers": [path(digest(layer))]}])
files = {"oci-layout": text({"imageLayoutVersion": "1.0.0"}), "index.json": index,
         "manifest.json": docker, path(digest(config)): config,
         path(digest(layer)): layer, path(digest(manifest)): manifest}
with tarfile.open(out + ".new", "w", format=tarfile.USTAR_FORMAT) as archive:
    for folder in ("blobs", "blobs/sha256"):
        info = plain(tarfile.TarInfo(folder))
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(info)
    for each in sorted(files):
        info = plain(tarfile.TarInfo(each))
        info.size, info.mode = len(files[each]), 0o644
        archive.addfile(info, io.BytesIO(files[each]))
os.rename(out + ".new", out)
print(f"{out}: {full}, {len(layer) / 1e6:.1f} MB compressed, {len(tar) / 1e6:.1f} MB unpacked, "
      f"sha256:{digest(manifest)}")
