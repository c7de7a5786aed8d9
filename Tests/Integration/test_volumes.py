"""-v, --mount, --tmpfs and the volumes of an image."""

import json
import os

import pytest

from harness.tarbuilder import TarBuilder


@pytest.fixture
def directory(tmp_path):
    directory = tmp_path / "shared"
    directory.mkdir()
    (directory / "file").write_text("from the host\n")
    return directory


def test_directory_of_the_host(timber, directory):
    assert timber.sh("cat /in/file; echo back > /in/new", "-v", f"{directory}:/in") == "from the host"
    assert (directory / "new").read_text() == "back\n"


def test_read_only(timber, directory):
    assert "Read-only" in timber.sh("(echo x > /in/file) 2>&1 || true", "-v", f"{directory}:/in:ro")
    assert "Read-only" in timber.sh("(echo x > /in/file) 2>&1 || true", "--mount", f"type=bind,source={directory},target=/in,readonly")


def test_single_file(timber, directory):
    assert timber.sh("cat /etc/motd", "-v", f"{directory}/file:/etc/motd") == "from the host"


def test_target_is_made(timber, directory):
    assert timber.sh("cat /a/b/c/file", "-v", f"{directory}:/a/b/c") == "from the host"


def test_source_is_made_by_v_only(timber, tmp_path):
    timber.run("-v", f"{tmp_path}/new:/in", "busybox", "true").ok()
    assert (tmp_path / "new").is_dir()
    timber.run("--mount", f"type=bind,source={tmp_path}/none,target=/in", "busybox", "true").fails(125, f"{tmp_path}/none")


def test_target_follows_no_link_out(timber, directory, busybox, tmp_path):
    """CVE-2021-30465: a link in the image leads nowhere but into the image."""
    outside = tmp_path / "outside"
    outside.mkdir()
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("linked:1", TarBuilder().link("way", str(outside))).docker_archive())
    timber.load(file).ok()
    result = timber.run("-v", f"{directory}:/way/in", "linked:1", "true")
    assert os.listdir(outside) == []
    assert result.status in (0, 125, 126, 127)
    timber.tctl("rmi", "linked:1").ok()


def test_named_volume_keeps_its_content(timber):
    timber.sh("echo kept > /data/file", "-v", "kept:/data")
    assert timber.sh("cat /data/file", "-v", "kept:/data") == "kept"
    timber.api.delete("/volumes/kept").expect(204)


def test_copy_up(timber, busybox, tmp_path):
    """A new volume over a directory of the image starts with what is there: owners, modes, links."""
    layer = (
        TarBuilder()
        .directory("data", mode=0o750, uid=1000, gid=1001)
        .file("data/file", "from the image", uid=1000, mode=0o640)
        .link("data/link", "file")
        .directory("data/sub")
        .file("data/sub/deep", "x")
    )
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("volumes:1", layer, Volumes={"/data": {}}).docker_archive())
    timber.load(file).ok()
    listing = timber.run("volumes:1", "sh", "-c", "stat -c '%a %u:%g' /data; stat -c '%a %u' /data/file; readlink /data/link; cat /data/sub/deep")
    assert listing.ok().lines == ["750 1000:1001", "640 1000", "file", "x"]
    timber.tctl("create", "--name", "user", "volumes:1").ok()
    [mount] = timber.inspect("user")["Mounts"]
    assert (mount["Type"], mount["Destination"]) == ("volume", "/data")
    assert len(mount["Name"]) == 64
    # Anonymous: it goes with its container when asked to.
    timber.tctl("rm", "-v", "user").ok()
    assert not [volume for volume in timber.api.get("/volumes").json["Volumes"] or [] if volume["Name"] == mount["Name"]]
    assert "from the image" in timber.run("-v", "mine:/data", "volumes:1", "cat", "/data/file").ok().out
    timber.api.delete("/volumes/mine").expect(204)
    timber.tctl("rmi", "volumes:1").ok()


def test_tmpfs(timber):
    assert timber.sh("stat -f -c %T /t; echo x > /t/x; cat /t/x", "--tmpfs", "/t") == "tmpfs\nx"
    line = timber.sh("grep ' /t ' /proc/mounts", "--tmpfs", "/t:size=1m,mode=0700,noexec")
    assert "size=1024k" in line and "mode=700" in line and "noexec" in line
    assert "size=2048k" in timber.sh("grep ' /t ' /proc/mounts", "--mount", "type=tmpfs,target=/t,tmpfs-size=2m")


def test_mounts_are_listed(timber, directory):
    timber.tctl("create", "--name", "user", "-v", f"{directory}:/in:ro", "busybox").ok()
    [mount] = timber.inspect("user")["Mounts"]
    assert (mount["Type"], mount["Source"], mount["Destination"], mount["RW"]) == ("bind", str(directory), "/in", False)


def test_nested_mounts_in_any_order(timber, directory, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "deep").write_text("deep\n")
    (directory / "sub").mkdir()
    flags = ["-v", f"{other}:/in/sub", "-v", f"{directory}:/in"]
    assert timber.sh("cat /in/sub/deep /in/file", *flags) == "deep\nfrom the host"


@pytest.mark.parametrize("target", ["/proc", "/proc/self", "/proc/sys"])
def test_over_proc_is_refused(timber, directory, target):
    """CVE-2019-16884: nothing of the user's lies over what the runtime itself relies on."""
    timber.run("-v", f"{directory}:{target}", "busybox", "true").fails(125, target)


def test_one_target_twice(timber, directory):
    timber.run("-v", f"{directory}:/in", "-v", f"{directory.parent}:/in", "busybox", "true").fails(125, "/in")


def test_host_mounts_do_not_change(timber, directory):
    with open("/proc/self/mountinfo") as file:
        before = sorted(file)
    name = timber.sleeper("-v", f"{directory}:/in", "-v", "named:/data", "--tmpfs", "/t")
    with open("/proc/self/mountinfo") as file:
        ours = [line for line in file if name in line or str(directory) in line]
    assert ours == [], before
    timber.tctl("rm", "-f", name).ok()
    timber.api.delete("/volumes/named").expect(204)


def test_volumes_in_the_api(timber):
    timber.api.post("/volumes/create", {"Name": "oak", "Labels": {"a": "b"}}).expect(201)
    assert timber.api.get("/volumes/oak").json["Labels"] == {"a": "b"}
    timber.tctl("create", "--name", "user", "-v", "oak:/d", "busybox").ok()
    timber.api.delete("/volumes/oak").expect(409)
    timber.tctl("rm", "user").ok()
    timber.api.delete("/volumes/oak").expect(204)
    assert json.dumps(timber.api.get("/volumes").json["Volumes"] or []).count("oak") == 0
