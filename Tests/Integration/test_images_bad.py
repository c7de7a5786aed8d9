"""Archives that are broken or lie: refused with a word on what is wrong, and nothing of them stays."""

import gzip
import hashlib
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
    """Files of the store, without SQLite's own, what waits to be removed and what is made ahead for containers."""
    return [
        path for path in host.files(timber.data)
        if not path.startswith(("state.db", "trash/", "ready/")) and path not in ("lock",)
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


@pytest.mark.parametrize("missing", [1, 100, "all of it", "a byte of its header"])
def test_truncated_in_its_last_member(refuses, image, missing):
    """Every byte of the last member counts; only the zeros that pad it may be missing, because some tools leave them out."""
    members = image.docker_members()
    manifest = members.pop("manifest.json")
    count = {"all of it": len(manifest), "a byte of its header": len(manifest) + 1}.get(missing, missing)
    data = archive(members)[:-1024] + bytes(TarBuilder().file("manifest.json", manifest).data).rstrip(b"\0")
    assert data.endswith(manifest)
    refuses(data[:-count])


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


def gzip_zeros(gigabytes):
    """A gzip stream of zeros, made of one member again and again: a thousandth of its size."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    member = compressor.compress(bytes(64 << 20)) + compressor.flush()
    return member * (gigabytes * 16)


def zstd_zeros(gigabytes):
    """A zstd frame of zeros, in blocks that repeat one byte (RFC 8878, 3.1.1.2): a thirty-thousandth of its size."""

    def block(is_last):
        return ((128 << 10) << 3 | 1 << 1 | is_last).to_bytes(3, "little") + b"\0"

    # No content size, no checksum, a window of 128 KiB.
    return b"\x28\xb5\x2f\xfd" + b"\0\x38" + block(0) * (gigabytes * 8192 - 1) + block(1)


def with_layers(image, blobs):
    """The OCI archive of an image whose upper layers are other blobs than it says."""
    members = image.oci_members()
    index = json.loads(members["index.json"])
    manifest = json.loads(members["blobs/" + index["manifests"][0]["digest"].replace(":", "/")])
    for layer, blob in zip(manifest["layers"][1:], blobs, strict=True):
        layer |= {"digest": digest(blob), "size": len(blob)}
        members["blobs/" + digest(blob).replace(":", "/")] = blob
    data = dump(manifest)
    index["manifests"][0] |= {"digest": digest(data), "size": len(data)}
    return archive(members | {"blobs/" + digest(data).replace(":", "/"): data, "index.json": dump(index)})


@pytest.fixture
def sparing(timber):
    """The daemon neither grows nor writes much during the test."""
    memory, written = host.resident_kib(timber.pid), host.bytes_written(timber.pid)
    yield
    assert host.resident_kib(timber.pid) < memory + 100_000
    # A gigabyte of zeros is no bomb yet, so it is written.
    assert host.bytes_written(timber.pid) < written + 1_300_000_000


@pytest.mark.parametrize("zeros", [gzip_zeros, zstd_zeros])
def test_bomb(sparing, refuses, busybox, zeros):
    """A layer of 10 GB of zeros, far smaller than that. The daemon stays small, and says which layer it was."""
    bomb = TarBuilder().file("x", b"", size=10 << 30).data[:512]
    # The file's header is a stream of its own in front of the zeros.
    bomb = (gzip.compress(bomb) if zeros is gzip_zeros else raw_zstd(bomb)) + zeros(10)
    refuses(with_layers(busybox.image("bomb:1", TarBuilder().file("x", "x")), [bomb]), digest(bomb)[7:19], "bomb")


def raw_zstd(data):
    """A zstd frame of one block that is not compressed."""
    return b"\x28\xb5\x2f\xfd" + b"\0\x38" + (len(data) << 3 | 1).to_bytes(3, "little") + data


def test_many_small_bombs(sparing, refuses, busybox):
    """Forty layers of a quarter of a gigabyte: each could be honest, together they are 10 GB in less than a megabyte."""
    header = bytes(TarBuilder().file("x", b"", size=256 << 20).data[:512])
    zeros = zstd_zeros(1)
    zeros = zeros[: 6 + 4 * 2047] + zeros[-4:]
    beginning = hashlib.sha256(header + bytes(256 << 20))
    bombs, digests = [], []
    for number in range(40):
        end = TarBuilder().file("number", str(number)).bytes()
        bombs.append(raw_zstd(header) + zeros + raw_zstd(end))
        whole = beginning.copy()
        whole.update(end)
        digests.append("sha256:" + whole.hexdigest())
    image = busybox.image("bomb:1", *[TarBuilder().file("x", str(number)) for number in range(40)])
    image.config["rootfs"]["diff_ids"][1:] = digests
    refuses(with_layers(image, bombs), "layer", "bomb", "together")


def test_file_larger_than_its_layer(refuses, busybox):
    layer = TarBuilder().file("big", b"x" * 512, size=10 << 30).bytes()
    refuses(busybox.image("bad:1", layer).docker_archive(), "layer")


@pytest.mark.parametrize("zeros", [gzip_zeros, zstd_zeros])
def test_whole_archive_is_a_bomb(sparing, refuses, zeros):
    refuses(zeros(10), "bomb")


@pytest.mark.parametrize("size", [10 << 30, 1 << 62, (1 << 63) - 1])
def test_declared_sizes_mean_nothing(sparing, refuses, busybox, size):
    """Room is made for what comes, not for what a header promises; and sizes that are added up do not overflow."""
    huge = TarBuilder().file("small", "x").pax({"size": str(size)}).file("big", b"x" * 512)
    refuses(busybox.image("bad:1", huge).docker_archive(), "layer", "truncated")
    refuses(bytes(huge.data), "truncated")


def test_long_reading_does_not_stop_others(timber, image):
    """A client that sends a byte now and then holds nobody up."""
    with timber.api.open() as connection:
        connection.sendall(b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 10)
        assert timber.run("busybox", "echo", "alive").ok().out == "alive"
        timber.tctl("load", input=image.docker_archive()).ok()
    timber.tctl("rmi", "bad:1").ok()
