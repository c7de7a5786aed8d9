"""Archives that are broken or lie: refused with a word on what is wrong, and nothing of them stays."""

import gzip
import json
import zlib

import pytest

from harness import host
from harness.images import archive, digest, dump
from harness.tarbuilder import TarBuilder
from harness.wait import until


@pytest.fixture
def refuses(timber, tmp_path):
    """Loads an archive that must be refused. Afterwards the store is as it was and the daemon works."""

    def refuse(data, *words, status=1):
        images, files = timber.images(), stored(timber)
        file = tmp_path / "bad.tar"
        file.write_bytes(data)
        result = timber.load(file).fails(status, *words)
        assert timber.images() == images
        assert stored(timber) == files
        return result

    yield refuse
    assert timber.run("busybox", "echo", "alive").ok().out == "alive"


def stored(timber):
    """Files of the store, without SQLite's own and what waits to be removed."""
    return [
        path for path in host.files(timber.data)
        if not path.startswith(("state.db", "trash/")) and path not in ("lock",)
    ]  # fmt: skip


@pytest.fixture
def image(busybox):
    return busybox.image("bad:1", TarBuilder().file("file", "content"))


@pytest.mark.parametrize("form", ["docker", "oci"])
@pytest.mark.parametrize("part", [*range(0, 100, 7)])
def test_truncated(refuses, image, form, part):
    data = image.docker_archive() if form == "docker" else image.oci_archive()
    # The two zero blocks at the end are not needed to read it, so the cut is before them.
    cut = (len(data) - 1024) * part // 100
    refuses(data[:cut])


@pytest.mark.parametrize("missing", [1, 511, 512, 513, 1023])
def test_truncated_in_its_last_blocks(refuses, image, missing):
    data = image.docker_archive()[:-1024]
    members = list(image.docker_members())
    assert members[-1] == "manifest.json"
    refuses(data[:-missing])


def test_truncated_gzip(refuses, image):
    data = gzip.compress(image.docker_archive())
    for part in (3, 10, 1000, len(data) // 2, len(data) - 1):
        refuses(data[:part])


def test_truncated_upload(timber, image):
    """A client that goes away in the middle of a load leaves nothing, and the load can be repeated."""
    files = stored(timber)
    data = image.docker_archive()
    for part in (0, 1, 512, 1000, 50_000, 1_000_000, len(data) - 1):
        with timber.api.open() as connection:
            connection.sendall(
                f"POST /{timber.api.version}/images/load HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                + data[:part]
            )
    until(lambda: stored(timber) == files, message="something of a broken load stays")
    timber.tctl("load", input=data).ok()
    timber.tctl("rmi", "bad:1").ok()


def test_changed_byte(refuses, image):
    """One flipped bit anywhere in a blob is seen, because every digest is checked."""
    members = image.oci_members(compress=None)
    for name in [name for name in members if name.startswith("blobs/")]:
        data = bytearray(members[name])
        data[len(data) // 2] ^= 1
        refuses(archive(members | {name: bytes(data)}), name.rsplit("/", 1)[1][:12])


def test_changed_byte_in_a_docker_layer(refuses, image):
    members = image.docker_members()
    for name in [name for name in members if name.endswith(".tar")]:
        data = bytearray(members[name])
        data[len(data) // 2] ^= 1
        refuses(archive(members | {name: bytes(data)}), "layer")


def test_wrong_diff_id(refuses, image):
    image.config["rootfs"]["diff_ids"][1] = digest(b"another")
    refuses(image.docker_archive(), digest(b"another")[7:19])
    refuses(image.oci_archive(), digest(b"another")[7:19])


def test_wrong_size(refuses, image):
    members = image.oci_members()
    index = json.loads(members["index.json"])
    index["manifests"][0]["size"] += 1
    refuses(archive(members | {"index.json": dump(index)}), "size")


@pytest.mark.parametrize("form", ["docker", "oci"])
def test_missing_blob(refuses, image, form):
    members = image.docker_members() if form == "docker" else image.oci_members()
    for name in members:
        if name in ("manifest.json", "index.json", "oci-layout"):
            continue
        refuses(archive({key: value for key, value in members.items() if key != name}), name.rsplit("/", 1)[-1][:12])


def test_nothing_in_it(refuses):
    refuses(b"")
    refuses(b"\0" * 1024)
    refuses(TarBuilder().file("hello", "x").bytes(), "manifest.json")
    refuses(b"not a tar at all" * 1000)


@pytest.mark.parametrize(
    "manifest",
    [
        b"", b"not json", b"{}", b"[]", b"null", b"[null]", b"[{}]", b'[{"Config":1,"RepoTags":[],"Layers":[]}]',
        b'[{"Config":"../../etc/passwd","RepoTags":["x:1"],"Layers":[]}]', b"[" * 100_000, b'{"a":' * 100_000, b"[1,",
        b'[{"Config":"\xff\xfe","RepoTags":["x:1"],"Layers":[]}]',
    ],
    ids=range(13),
)  # fmt: skip
def test_manifest(refuses, image, manifest):
    refuses(archive(image.docker_members() | {"manifest.json": manifest}), "manifest")


@pytest.mark.parametrize("config", [b"", b"not json", b"[]", b"{}", b'{"rootfs":{"type":"layers","diff_ids":["sha256:../../x"]}}', b"[" * 100_000])
def test_config(refuses, image, config):
    members = image.docker_members()
    [name] = [name for name in members if name.endswith(".json") and name != "manifest.json"]
    refuses(archive(members | {name: config}))


@pytest.mark.parametrize("reference", ["", "UPPER:1", "a b:1", "../x:1", "x:" + "t" * 200, "x:a/b", "x@sha256:1", "-x:1", "x" * 300 + ":1", "a\nb:1"])
def test_reference(refuses, image, reference):
    members = image.docker_members()
    manifest = json.loads(members["manifest.json"])
    manifest[0]["RepoTags"] = [reference]
    refuses(archive(members | {"manifest.json": dump(manifest)}))


@pytest.mark.parametrize(
    "value", ["sha256:../../../etc/passwd", "sha256:" + "A" * 64, "sha256:abc", "sha512:" + "0" * 64, "", "sha256:", "md5:" + "0" * 32, "sha256:" + "0" * 65]
)
def test_digest_that_is_none(refuses, image, value):
    members = image.oci_members()
    index = json.loads(members["index.json"])
    index["manifests"][0]["digest"] = value
    refuses(archive(members | {"index.json": dump(index)}), "digest")


def test_ambiguous_manifest(refuses, image):
    """GHSA-5j5w-g665-5m35: a document that is both an index and a manifest."""
    members = image.oci_members()
    index = json.loads(members["index.json"])
    name = "blobs/" + index["manifests"][0]["digest"].replace(":", "/")
    both = json.loads(members[name])
    both["manifests"] = index["manifests"]
    data = dump(both)
    index["manifests"][0] |= {"digest": digest(data), "size": len(data)}
    refuses(archive(members | {"blobs/" + digest(data).replace(":", "/"): data, "index.json": dump(index)}), "manifest")


def test_number_of_layers_differs(refuses, image):
    image.config["rootfs"]["diff_ids"].pop()
    refuses(image.docker_archive(), "layer")


def test_layer_that_is_no_tar(refuses, busybox):
    refuses(busybox.image("bad:1", b"this is not a tar" * 100).docker_archive(), "layer")


def test_layer_of_another_compression(refuses, image):
    """A media type that lies: the layer is called gzip and is not."""
    refuses(archive(image.oci_members(compress=lambda data: data[:512] + b"x" + data[512:])))


def test_unknown_media_type(refuses, image):
    members = image.oci_members()
    index = json.loads(members["index.json"])
    name = "blobs/" + index["manifests"][0]["digest"].replace(":", "/")
    manifest = json.loads(members[name])
    manifest["layers"][1]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+unknown"
    data = dump(manifest)
    index["manifests"][0] |= {"digest": digest(data), "size": len(data)}
    refuses(archive(members | {"blobs/" + digest(data).replace(":", "/"): data, "index.json": dump(index)}), "tar+unknown")


def zeros(gigabytes):
    """A gzip stream of zeros, made of one member again and again: a thousandth of its size."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    member = compressor.compress(bytes(64 << 20)) + compressor.flush()
    return member * (gigabytes * 16)


def test_bomb(timber, refuses, busybox):
    """10 GB of zeros in 10 MB. The daemon stays small, and says which layer it was."""
    image = busybox.image("bomb:1", TarBuilder().file("x", "x"))
    members = image.oci_members()
    index = json.loads(members["index.json"])
    name = "blobs/" + index["manifests"][0]["digest"].replace(":", "/")
    manifest = json.loads(members[name])
    bomb = zeros(10)
    manifest["layers"][1] |= {"digest": digest(bomb), "size": len(bomb)}
    data = dump(manifest)
    index["manifests"][0] |= {"digest": digest(data), "size": len(data)}
    members |= {
        "blobs/" + digest(bomb).replace(":", "/"): bomb,
        "blobs/" + digest(data).replace(":", "/"): data,
        "index.json": dump(index),
    }
    before = host.resident_kib(timber.pid)
    refuses(archive(members), digest(bomb)[7:19])
    assert host.resident_kib(timber.pid) < before + 100_000


def test_file_larger_than_its_layer(refuses, busybox):
    layer = TarBuilder().file("big", b"x" * 512, size=10 << 30).bytes()
    refuses(busybox.image("bad:1", layer).docker_archive(), "layer")


def test_whole_archive_is_a_bomb(timber, refuses):
    refuses(zeros(2))


def test_long_reading_does_not_stop_others(timber, image):
    """A client that sends a byte now and then holds nobody up."""
    with timber.api.open() as connection:
        connection.sendall(b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 10)
        assert timber.run("busybox", "echo", "alive").ok().out == "alive"
        timber.tctl("load", input=image.docker_archive()).ok()
    timber.tctl("rmi", "bad:1").ok()
