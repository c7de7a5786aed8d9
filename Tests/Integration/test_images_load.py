"""`load`: every form in which tools write an image gives the same files."""

import contextlib
import json
import os
import sys

import pytest

from harness import host
from harness.daemon import REPOSITORY
from harness.images import Image, archive
from harness.tarbuilder import TarBuilder
from harness.wait import until

sys.path.insert(0, str(REPOSITORY / "rootfs-fixtures/lib"))
import describe  # noqa: E402

FORMS = [
    "plain.oci.tar", "dot.oci.tar", "plain.oci.tar.gz", "skopeo.oci.tar", "buildah.oci.tar", "uncompressed.oci.tar", "zstd.oci.tar",
    "skopeo.docker.tar", "skopeo.docker.tar.gz", "skopeo.docker.tar.zst", "buildah.docker.tar", "docker-save.tar",
]  # fmt: skip


@pytest.fixture
def no_new_image(timber):
    """Removes what a test loaded; the store must then be as it was."""
    before = timber.images()
    blobs = timber.data / "content/sha256"
    store = sorted(os.listdir(blobs))
    yield
    for image in timber.api.get("/images/json").json:
        if image["Id"] not in before.values():
            timber.api.delete(f"/images/{image['Id']}", force=1).expect(200)
    for tag in set(timber.images()) - set(before):
        timber.tctl("rmi", tag).ok()
    assert timber.images() == before
    assert sorted(os.listdir(blobs)) == store


@pytest.fixture(scope="module")
def variants(fixtures):
    return fixtures / "variants"


def seen_in(timber, image, path="/t"):
    """What a container of `image` sees below `path`, told from outside through /proc."""
    name = timber.start_container("--read-only", image, "sleep", "1000000")
    try:
        return describe.tree(f"/proc/{timber.pid_of(name)}/root{path}")
    finally:
        timber.tctl("rm", "-f", name).ok()


def assert_same_tree(seen, expected):
    assert sorted(seen) == sorted(expected)
    different = {name: (expected[name], seen[name]) for name in expected if expected[name] != seen[name]}
    assert not different, json.dumps(different, indent=1)


@pytest.mark.parametrize("form", FORMS)
def test_form(timber, no_new_image, variants, form):
    result = timber.load(variants / form).ok()
    assert "Loaded image: timber_layers:1" in result.lines, result
    assert_same_tree(seen_in(timber, "timber_layers:1"), json.loads((variants / "layers.json").read_text()))


@pytest.mark.parametrize("form", FORMS)
def test_form_from_standard_input(timber, no_new_image, variants, form):
    with open(variants / form, "rb") as file:
        result = timber.tctl("load", input=file).ok()
    assert "Loaded image: timber_layers:1" in result.lines, result


def test_form_from_a_pipe(timber, no_new_image, variants):
    """A pipe cannot be read twice, whatever the order of its members."""
    for form in ("skopeo.docker.tar", "dot.oci.tar"):
        timber.tctl("load", input=(variants / form).read_bytes()).ok()


def test_inserted_layer_without_end(timber, no_new_image, variants):
    """umoci insert ends its tars without end blocks and with a short last block."""
    timber.load(variants / "inserted.oci.tar").ok()
    assert timber.run("timber_inserted:1", "cat", "/inserted").ok().out == "inserted"


def test_blob_that_is_not_its_layer(timber, no_new_image, variants):
    """skopeo 1.9 drops the zeros behind the archive's end when it makes zstd:chunked: such a blob is not the layer of the config,
    also when that layer is there already. containerd refuses it with the same reason."""
    timber.load(variants / "zstd-chunked.oci.tar").fails(1, "layer sha256:", "wrong diffID")
    timber.load(variants / "zstd.oci.tar").ok()
    timber.load(variants / "zstd-chunked.oci.tar").fails(1, "layer sha256:", "wrong diffID")


def test_without_a_name(timber, no_new_image, variants):
    result = timber.load(variants / "untagged.docker.tar").ok()
    [line] = [line for line in result.lines if line.startswith("Loaded image ID: sha256:")]
    identifier = line.split("ID: ")[1]
    assert timber.run(identifier, "true").ok()
    assert timber.run(identifier[7:19], "true").ok()


def test_two_names(timber, no_new_image, variants):
    result = timber.load(variants / "buildah.docker.tar").ok()
    assert "Loaded image: timber_layers:1" in result.lines
    assert "Loaded image: localhost/timber_layers:1" in result.lines
    images = timber.images()
    assert images["timber_layers:1"] == images["localhost/timber_layers:1"]


def test_several_images(timber, no_new_image, variants):
    before = timber.images()["busybox:latest"]
    result = timber.load(variants / "several.docker.tar").ok()
    assert [line for line in result.lines if line.startswith("Loaded")] == [
        "Loaded image: busybox:latest",
        "Loaded image: timber_layers:1",
    ]
    assert timber.images()["busybox:latest"] == before


def test_platforms(timber, no_new_image, variants):
    """Of an index, the image for this machine is taken, whatever comes first."""
    timber.load(variants / "platforms.oci.tar").ok()
    assert timber.run("timber_platforms:1", "uname", "-m").ok().out == "x86_64"
    assert timber.inspect("timber_platforms:1", "image")["Architecture"] == "amd64"


def test_other_machine(timber, no_new_image, variants):
    timber.load(variants / "arm64.docker.tar").ok()
    timber.run("timber_arm64:1").fails(126, "arm64")
    timber.load(variants / "mislabelled.docker.tar").ok()
    timber.run("timber_mislabelled:1").fails(126, "exec format error")


def test_twice_is_once(timber, no_new_image, variants):
    for _ in range(2):
        assert "Loaded image: timber_layers:1" in timber.load(variants / "skopeo.docker.tar").ok().lines
    assert timber.load(variants / "docker-save.tar").ok()


def test_new_image_takes_the_name(timber, no_new_image, busybox, tmp_path):
    file = tmp_path / "image.tar"
    for word in ("first", "second"):
        file.write_bytes(busybox.image("moving:1", TarBuilder().file("word", word)).docker_archive())
        timber.load(file).ok()
        assert timber.run("moving:1", "cat", "/word").ok().out == word
    untagged = [image for image in timber.api.get("/images/json").json if not image["RepoTags"]]
    assert len(untagged) == 1


def test_layers_are_kept_once(timber, no_new_image, fixtures):
    """timber_tutorial:1 and :2 differ in one small layer."""
    timber.load(fixtures / "timber_tutorial.tar").ok()
    used = size(timber.data)
    timber.load(fixtures / "timber_tutorial-2.tar").ok()
    # What an earlier test threw away may still be going.
    until(lambda: size(timber.data) - used < 1_000_000, message=lambda: f"{size(timber.data) - used} bytes more")


def test_layers_go_with_their_last_image(timber, no_new_image, fixtures):
    timber.load(fixtures / "timber_tutorial.tar").ok()
    timber.load(fixtures / "timber_tutorial-2.tar").ok()
    timber.tctl("rmi", "timber_tutorial:1").ok()
    assert timber.run("timber_tutorial:2", "python3", "-c", "import hug").ok()


def test_progress_only_on_a_terminal(timber, no_new_image, variants):
    result = timber.load(variants / "skopeo.docker.tar").ok()
    assert "\r" not in result.out and "\x1b" not in result.out + result.err


def test_quiet(timber, no_new_image, variants):
    assert timber.tctl("load", "-q", "-i", variants / "skopeo.docker.tar").ok().lines == ["Loaded image: timber_layers:1"]


def test_same_layer_twice(timber, no_new_image, busybox, tmp_path):
    layer = TarBuilder().file("x", "x")
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("twice:1", layer, TarBuilder().whiteout("x"), layer).docker_archive())
    timber.load(file).ok()
    assert timber.run("twice:1", "cat", "/x").ok().out == "x"


def test_empty_layer_and_no_layer(timber, no_new_image, busybox, tmp_path):
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("empty:1", TarBuilder()).docker_archive())
    timber.load(file).ok()
    assert timber.run("empty:1", "echo", "x").ok().out == "x"
    file.write_bytes(Image("scratch:1", [], Cmd=["/none"]).docker_archive())
    timber.load(file).ok()
    timber.run("scratch:1").fails(127, "/none")


@pytest.mark.parametrize("count", [40, 127])
def test_many_layers(timber, no_new_image, busybox, tmp_path, count):
    layers = [TarBuilder().file(f"layer/{number}", str(number)).file("last", str(number)) for number in range(count - 1)]
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("deep:1", *layers).docker_archive())
    timber.load(file).ok()
    assert timber.run("deep:1", "sh", "-c", "ls /layer | wc -l; cat /last").ok().lines == [str(count - 1), str(count - 2)]


def test_manifest_last_and_blobs_in_any_order(timber, no_new_image, busybox, tmp_path):
    members = busybox.image("order:1", TarBuilder().file("x", "y")).docker_members()
    for number, order in enumerate((sorted(members), sorted(members, reverse=True))):
        file = tmp_path / f"{number}.tar"
        file.write_bytes(archive({name: members[name] for name in order}))
        timber.load(file).ok()


def test_unknown_members_are_ignored(timber, no_new_image, busybox, tmp_path):
    image = busybox.image("extra:1")
    file = tmp_path / "image.tar"
    file.write_bytes(archive(image.docker_members() | {"VERSION": b"1", "unknown/file": b"x" * 5000}))
    timber.load(file).ok()


def test_loads_at_once(timber, no_new_image, variants):
    """The same image and others, all at the same time: each succeeds, and the store holds each layer once."""
    running = [timber.popen("load", "-i", variants / form) for form in FORMS + FORMS]
    for process in running:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
    assert timber.run("timber_layers:1", "cat", "/t/plain").ok().out == "first plain"


def size(directory):
    """Bytes on disk below `directory`, while it may be changing."""
    total = 0
    for name in host.files(directory):
        with contextlib.suppress(FileNotFoundError):
            total += os.lstat(os.path.join(directory, name)).st_blocks * 512
    return total
