#!/usr/bin/env python3
"""archives.py: the archives that `docker save` writes and none of Debian's tools does.

several OUT ARCHIVE...       several docker-archives as one (`docker save a b`)
docker-save OUT LAYOUT NAME  an OCI layout that also has a manifest.json, as Docker writes since version 25
"""

import hashlib
import io
import json
import os
import sys
import tarfile


class Writer:
    """A tar with the same bytes for the same members."""

    def __init__(self, path):
        self.tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)
        self.names = set()

    def directory(self, name):
        member = tarfile.TarInfo(name)
        member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, int(os.environ["SOURCE_DATE_EPOCH"])
        self.tar.addfile(member)

    def add(self, name, data):
        if name in self.names:
            return
        self.names.add(name)
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = len(data), 0o644, int(os.environ["SOURCE_DATE_EPOCH"])
        self.tar.addfile(member, io.BytesIO(data))

    def close(self):
        self.tar.close()


def several(out, archives):
    writer = Writer(out)
    entries = []
    for path in archives:
        with tarfile.open(path) as archive:
            manifest = json.load(archive.extractfile("manifest.json"))
            entries += manifest
            for image in manifest:
                for name in [image["Config"], *image["Layers"]]:
                    writer.add(name, archive.extractfile(name).read())
    writer.add("manifest.json", json.dumps(entries).encode())
    writer.close()


def docker_save(out, layout, name):
    def blob(digest):
        with open(os.path.join(layout, "blobs", *digest.split(":")), "rb") as file:
            return file.read()

    with open(os.path.join(layout, "index.json")) as file:
        descriptor = json.load(file)["manifests"][0]
    manifest = json.loads(blob(descriptor["digest"]))
    path = lambda digest: "blobs/" + digest.replace(":", "/")
    repository, tag = name.rsplit(":", 1)
    descriptor["annotations"] = {"io.containerd.image.name": f"docker.io/library/{name}", "org.opencontainers.image.ref.name": tag}

    writer = Writer(out)
    writer.directory("blobs/")
    writer.directory("blobs/sha256/")
    for digest in sorted({descriptor["digest"], manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])}):
        data = blob(digest)
        assert "sha256:" + hashlib.sha256(data).hexdigest() == digest
        writer.add(path(digest), data)
    writer.add(
        "index.json",
        json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor]}).encode(),
    )
    image = {
        "Config": path(manifest["config"]["digest"]),
        "RepoTags": [name],
        "Layers": [path(layer["digest"]) for layer in manifest["layers"]],
        "LayerSources": {layer["digest"]: layer for layer in manifest["layers"]},
    }
    writer.add("manifest.json", json.dumps([image]).encode())
    writer.add("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    writer.add("repositories", json.dumps({repository: {tag: manifest["config"]["digest"].split(":")[1]}}).encode())
    writer.close()


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "several":
        several(arguments[0], arguments[1:])
    elif command == "docker-save":
        docker_save(*arguments)
    else:
        sys.exit(f"archives.py: unknown command {command}")
