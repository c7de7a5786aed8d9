"""images, inspect, tag, rmi, history, image prune."""

import json
import os
import re
import socket
import stat

import pytest

from harness.tarbuilder import TarBuilder


@pytest.fixture
def image(timber, busybox, tmp_path):
    """An image of two layers, oak:1, that is gone after the test."""
    file = tmp_path / "image.tar"
    file.write_bytes(
        busybox.image("oak:1", TarBuilder().file("x", "x" * 1000), Labels={"kind": "tree"}, ExposedPorts={"80/tcp": {}}).docker_archive()
    )
    timber.load(file).ok()
    yield timber.images()["oak:1"]
    for tag in timber.images():
        if tag.startswith(("oak", "elm", "registry")):
            timber.tctl("rmi", "-f", tag).ok()
    assert {"oak:1", "elm:1"} & set(timber.images()) == set()


def test_table(timber, image):
    header, *rows = timber.tctl("images").ok().lines
    assert header.split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    [row] = [row for row in rows if row.startswith("oak ")]
    name, tag, identifier = row.split()[:3]
    assert (name, tag, identifier) == ("oak", "1", image[7:19])
    assert "years ago" in row and re.search(r"\d(\.\d+)?MB$", row)


def test_selection(timber, image):
    assert timber.tctl("images", "-q", "oak").ok().out == image[7:19]
    assert timber.tctl("images", "-q", "--no-trunc", "oak:1").ok().out == image
    assert timber.tctl("images", "-q", "nosuch").ok().out == ""
    assert timber.tctl("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "label=kind=tree").ok().out == "oak:1"
    assert timber.tctl("images", "--format", "{{.Repository}}", "--filter", "reference=oa*").ok().out == "oak"
    assert image[7:19] not in timber.tctl("images", "-q", "--filter", "label!=kind=tree").ok().lines
    assert image[7:19] in timber.tctl("images", "-q", "--filter", "label!=kind=bush").ok().lines
    for relation in ("before", "since"):
        assert image[7:19] not in timber.tctl("images", "-q", "--filter", f"{relation}=oak:1").ok().lines
        assert "nosuch" in timber.tctl("images", "--filter", f"{relation}=nosuch").err
    timber.tctl("image", "prune", "-af", "--filter", "label=kind", "--filter", "label!=kind").ok()
    assert timber.images()["oak:1"] == image
    assert json.loads(timber.tctl("images", "--format", "json", "oak").ok().out)["Repository"] == "oak"


def test_inspect(timber, image):
    inspected = timber.inspect("oak:1", "image")
    assert inspected["Id"] == image
    assert inspected["RepoTags"] == ["oak:1"]
    assert inspected["Config"]["Labels"] == {"kind": "tree"}
    assert inspected["Config"]["ExposedPorts"] == {"80/tcp": {}}
    assert (inspected["Os"], inspected["Architecture"]) == ("linux", "amd64")
    assert len(inspected["RootFS"]["Layers"]) == 2
    assert inspected["Created"].startswith("2023-11-14T22:13:20")
    assert timber.tctl("inspect", "--format", "{{.Id}}", "oak:1").ok().out == image
    assert timber.tctl("image", "inspect", "--format", "{{index .RootFS.Layers 0}}", "oak:1").ok().out == inspected["RootFS"]["Layers"][0]


def test_tag(timber, image):
    timber.tctl("tag", "oak:1", "elm").ok()
    timber.tctl("tag", image[7:19], "registry.example:5000/trees/elm:2").ok()
    images = timber.images()
    assert images["elm:latest"] == images["registry.example:5000/trees/elm:2"] == image
    timber.tctl("tag", "nosuch", "x").fails(1, "nosuch")
    timber.tctl("tag", "oak:1", "UPPER").fails(1, "lowercase")
    timber.tctl("tag", "oak:1", "a b").fails(1, "a b")


def test_rmi_untags_then_deletes(timber, image):
    timber.tctl("tag", "oak:1", "elm:1").ok()
    assert timber.tctl("rmi", "oak:1").ok().lines == ["Untagged: oak:1"]
    assert timber.images()["elm:1"] == image
    lines = timber.tctl("rmi", "elm:1").ok().lines
    assert lines[0] == "Untagged: elm:1" and f"Deleted: {image}" in lines


def test_rmi_by_id(timber, image):
    timber.tctl("tag", "oak:1", "elm:1").ok()
    timber.tctl("rmi", image[7:19]).fails(1, "force")
    timber.tctl("rmi", "-f", image[7:19]).ok()
    assert image not in timber.images().values()


def test_rmi_of_an_image_in_use(timber, image):
    timber.tctl("create", "--name", "user", "oak:1").ok()
    timber.tctl("rmi", "oak:1").fails(1, timber.inspect("user")["Id"][:12])
    timber.tctl("rm", "user").ok()
    timber.tctl("rmi", "oak:1").ok()


def test_rmi_force_of_an_image_that_runs(timber, image):
    """Forced, the name goes; what runs keeps its files."""
    name = timber.start_container("oak:1", "sleep", "1000000")
    timber.tctl("rmi", "-f", "oak:1").ok()
    assert timber.tctl("exec", name, "cat", "/x").ok().out == "x" * 1000
    timber.tctl("rm", "-f", name).ok()
    timber.tctl("image", "prune", "-f").ok()


def test_rmi_nosuch(timber):
    timber.tctl("rmi", "nosuch:1").fails(1, "nosuch:1")


def test_history(timber, image):
    header, *rows = timber.tctl("history", "oak:1").ok().lines
    assert header.split() == ["IMAGE", "CREATED", "CREATED", "BY", "SIZE", "COMMENT"]
    assert rows[0].split()[0] == image[7:19]
    assert "layer 1" in rows[0] and "layer 0" in rows[1]
    assert timber.tctl("history", "-q", "--no-trunc", "oak:1").ok().lines[0] == image


def test_prune(timber, image, busybox, tmp_path):
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("oak:1", TarBuilder().file("x", "other")).docker_archive())
    timber.load(file).ok()
    result = timber.tctl("image", "prune", "-f").ok()
    assert f"deleted: {image}" in result.out.lower() and "reclaimed" in result.out.lower()
    assert "oak:1" in timber.images()


def test_prune_all(fresh, busybox, tmp_path):
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("oak:1", TarBuilder().file("x", "x")).docker_archive())
    fresh.load(file).ok()
    fresh.tctl("create", "--name", "user", "busybox").ok()
    fresh.tctl("image", "prune", "-af").ok()
    assert list(fresh.images()) == ["busybox:latest"]


def test_ambiguous_prefix(timber, image):
    timber.tctl("inspect", "--type", "image", "zz").fails(1, "zz")


def test_save_onto_a_device_leaves_the_device(timber, image, tmp_path):
    null, file = tmp_path / "null", tmp_path / "oak.tar"
    os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    timber.tctl("save", "-o", null, "oak:1").ok()
    assert stat.S_ISCHR(null.lstat().st_mode)
    timber.tctl("save", "-o", file, "oak:1").ok()
    assert [name.name for name in tmp_path.iterdir() if "part" in name.name] == [] and file.stat().st_size > 1000


def test_aborted_saves_hold_nobody_up(timber, image):
    """A client that asks for an archive and leaves costs nothing: afterwards containers start and images are saved."""
    for _ in range(40):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(timber.socket))
        client.sendall(b"GET /images/get?names=oak:1 HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(1)
        client.close()
    timber.run("busybox", "true").ok()
    assert len(timber.tctl("save", "oak:1").ok().stdout) > 1000
