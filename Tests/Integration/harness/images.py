"""Images built in code: any layers, any configuration, and any lie about them."""

import gzip
import hashlib
import io
import json
import tarfile

from .tarbuilder import TarBuilder


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def dump(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def gzipped(data):
    """The same bytes in the same second and in the next: a registry's blob has one digest."""
    return gzip.compress(data, mtime=0)


class BusyBox:
    """The layer and configuration of the busybox fixture."""

    def __init__(self, archive):
        with tarfile.open(archive) as tar:
            manifest = json.load(tar.extractfile("manifest.json"))[0]
            self.config = json.load(tar.extractfile(manifest["Config"]))
            self.layer = tar.extractfile(manifest["Layers"][0]).read()
        with tarfile.open(fileobj=io.BytesIO(self.layer)) as layer:
            #: The static program itself.
            self.program = layer.extractfile("bin/busybox").read()

    def image(self, name, *layers, **config):
        """An image on busybox. A layer is a TarBuilder or bytes; `config` are fields such as Cmd, Env, User."""
        return Image(name, [self.layer, *layers], **({"Cmd": ["sh"], "Env": self.config["config"]["Env"]} | config))


class Image:
    """An image that can be written as docker-archive or as OCI archive."""

    def __init__(self, name, layers, *, architecture="amd64", os="linux", **config):
        self.name = name
        self.layers = [layer.bytes() if isinstance(layer, TarBuilder) else layer for layer in layers]
        self.config = {
            "architecture": architecture,
            "os": os,
            "created": "2023-11-14T22:13:20Z",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in self.layers]},
            "history": [{"created": "2023-11-14T22:13:20Z", "created_by": f"layer {number}"} for number in range(len(self.layers))],
        }

    def docker_members(self):
        """{name: bytes} of a docker-archive, for a test to change."""
        config = dump(self.config)
        members = {f"{digest(layer)[7:]}.tar": layer for layer in self.layers}
        config_name = f"{digest(config)[7:]}.json"
        members[config_name] = config
        members["manifest.json"] = dump(
            [{"Config": config_name, "RepoTags": [self.name] if self.name else None,
              "Layers": [f"{digest(layer)[7:]}.tar" for layer in self.layers]}]
        )  # fmt: skip
        return members

    def oci_members(self, compress=gzipped):
        """{name: bytes} of an OCI layout, for a test to change."""
        members = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

        def blob(data, media_type):
            members["blobs/" + digest(data).replace(":", "/")] = data
            return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

        suffix = "+gzip" if compress else ""
        layers = [
            blob(compress(layer) if compress else layer, f"application/vnd.oci.image.layer.v1.tar{suffix}") for layer in self.layers
        ]
        config = blob(dump(self.config), "application/vnd.oci.image.config.v1+json")
        manifest = blob(
            dump({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers}),
            "application/vnd.oci.image.manifest.v1+json",
        )
        manifest["annotations"] = {"org.opencontainers.image.ref.name": self.name}
        members["index.json"] = dump({"schemaVersion": 2, "manifests": [manifest]})
        return members

    def docker_archive(self):
        return archive(self.docker_members())

    def oci_archive(self):
        return archive(self.oci_members())


def archive(members):
    tar = TarBuilder()
    for name, data in members.items():
        tar.file(name, data)
    return tar.bytes()
