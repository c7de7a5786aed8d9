"""-v, --mount, --tmpfs and the volumes of an image."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from harness.api import Api
from harness.tarbuilder import TarBuilder
from harness.wait import until


@pytest.fixture(autouse=True)
def no_volume(timber):
    """Tests of other files may have left some."""
    timber.api.post("/volumes/prune", filters={"all": ["true"]}).expect(200)


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
    timber.tctl("volume", "rm", "named").ok()


def names(timber, **filters):
    return [volume["Name"] for volume in timber.api.get("/volumes", filters=filters).expect(200).json["Volumes"]]


def test_volumes_in_the_api(timber):
    made = timber.api.post("/volumes/create", {"Name": "oak", "Labels": {"a": "b"}}).expect(201).json
    assert made == timber.api.get("/volumes/oak").expect(200).json
    assert (made["Driver"], made["Scope"], made["Labels"], made["Options"]) == ("local", "local", {"a": "b"}, None)
    assert made["Mountpoint"] == f"{timber.data}/volumes/oak/_data" and os.path.isdir(made["Mountpoint"])
    # Made again it stays as it is.
    assert timber.api.post("/volumes/create", {"Name": "oak", "Labels": {"c": "d"}}).expect(201).json == made
    assert names(timber, label=["a=b"]) == names(timber, dangling=["true"]) == ["oak"] and names(timber, name=["elm"]) == []
    timber.tctl("create", "--name", "user", "-v", "oak:/d", "busybox").ok()
    assert names(timber, dangling=["false"]) == ["oak"]
    assert "in use" in timber.api.delete("/volumes/oak").expect(409).message
    assert "in use" in timber.api.delete("/volumes/oak", force=1).expect(409).message
    timber.tctl("rm", "user").ok()
    timber.api.delete("/volumes/oak").expect(204)
    assert names(timber) == [] and not os.path.exists(timber.data / "volumes/oak")
    assert "no such volume" in timber.api.delete("/volumes/oak").expect(404).message
    timber.api.delete("/volumes/oak", force=1).expect(204)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"Name": "../x"}, "../x"), ({"Name": "a/b"}, "a/b"), ({"Name": "x"}, "2 to 128"), ({"Name": "x" * 200}, "2 to 128"),
        ({"Name": "oak", "DriverOpts": {"size": "1g"}}, "quota"),
    ],
)  # fmt: skip
def test_volumes_that_cannot_be(timber, body, word):
    assert word in timber.api.post("/volumes/create", body).expect(400).message
    assert "nfs" in timber.api.post("/volumes/create", {"Name": "oak", "Driver": "nfs"}).expect(404).message
    timber.api.get("/volumes", filters={"nosuch": ["x"]}).expect(400)
    assert names(timber) == []


def test_volumes_exist_from_creation(timber, busybox, tmp_path):
    """As in Docker the volumes of a container are made and filled when it is created, and its next start fills nothing."""
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("volumes:1", TarBuilder().directory("data").file("data/file", "x"), Volumes={"/data": {}}).docker_archive())
    timber.load(file).ok()
    timber.tctl("create", "--name", "user", "-v", "mine:/data", "volumes:1", "ls", "/data").ok()
    path = timber.data / "volumes/mine/_data/file"
    assert path.read_text() == "x"
    path.unlink()
    assert timber.tctl("start", "-a", "user").ok().out == ""
    timber.tctl("rm", "-v", "user").ok()
    # A volume with a name is not the container's own.
    assert names(timber) == ["mine"]
    timber.tctl("volume", "rm", "mine").ok()
    timber.tctl("rmi", "volumes:1").ok()


def test_one_empty_volume_for_many(timber, busybox, tmp_path):
    """Containers that are made at the same time fill their volume once, and all see the whole."""
    layer = TarBuilder().directory("data")
    for number in range(200):
        layer.file(f"data/{number}", "x" * 1000)
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("volumes:1", layer).docker_archive())
    timber.load(file).ok()
    running = [timber.popen("run", "--rm", "-v", "shared:/data", "volumes:1", "sh", "-c", "ls /data | wc -l") for _ in range(8)]
    for process in running:
        out, errors = process.communicate(timeout=100)
        assert (process.returncode, out.strip()) == (0, b"200"), errors
    assert os.listdir(timber.data / "volumes/shared") == ["_data"]
    timber.tctl("volume", "rm", "shared").ok()
    timber.tctl("rmi", "volumes:1").ok()


def test_anonymous_volume_that_somebody_else_has(timber):
    """rm -v leaves it when another container mounts it by its name."""
    timber.tctl("create", "--name", "owner", "-v", "/data", "busybox").ok()
    [mount] = timber.inspect("owner")["Mounts"]
    timber.tctl("create", "--name", "guest", "-v", f"{mount['Name']}:/guest", "busybox").ok()
    timber.tctl("rm", "-v", "owner").ok()
    assert names(timber) == [mount["Name"]]
    timber.tctl("rm", "-v", "guest").ok()
    assert timber.tctl("volume", "prune", "-f").ok().lines[:2] == ["Deleted Volumes:", mount["Name"]]
    assert names(timber) == []


def test_prune(timber):
    timber.tctl("volume", "create", "oak").ok()
    anonymous = timber.tctl("volume", "create").ok().out
    timber.tctl("volume", "create", "--label", "keep", "elm").ok()
    timber.tctl("create", "--name", "user", "-v", "used:/d", "busybox").ok()
    assert "com.docker.volume.anonymous" in timber.api.get(f"/volumes/{anonymous}").json["Labels"]
    with open(timber.data / f"volumes/{anonymous}/_data/file", "wb") as file:
        file.write(b"x" * 1234)
    report = timber.api.post("/volumes/prune").expect(200).json
    assert report == {"VolumesDeleted": [anonymous], "SpaceReclaimed": 1234}
    assert timber.api.post("/volumes/prune").json["VolumesDeleted"] is None
    assert "oak" in timber.tctl("volume", "prune", "-a", "-f", "--filter", "label!=keep").ok().out
    assert names(timber) == ["elm", "used"]
    timber.tctl("rm", "user").ok()
    # Clients of that time meant all of them.
    old = Api(timber.socket, "v1.41").post("/volumes/prune").expect(200).json
    assert sorted(old["VolumesDeleted"]) == ["elm", "used"]


def test_tctl(timber):
    assert timber.tctl("volume", "create", "--label", "a=b", "oak").ok().out == "oak"
    assert timber.tctl("volume", "ls").ok().lines == ["DRIVER    VOLUME NAME", "local     oak"]
    assert timber.tctl("volume", "ls", "-q", "--filter", "label=a").ok().out == "oak"
    assert timber.tctl("volume", "ls", "--format", "{{.Name}} {{.Labels}}").ok().out == "oak a=b"
    assert json.loads(timber.tctl("volume", "inspect", "oak").ok().out)[0]["Name"] == "oak"
    timber.tctl("volume", "inspect", "nosuch").fails(1, "nosuch")
    timber.tctl("volume", "rm", "nosuch").fails(1, "nosuch")
    timber.tctl("volume", "rm", "-f", "nosuch").ok()
    timber.tctl("volume", "create", "-o", "type=nfs", "elm").fails(1, "device")
    assert timber.tctl("volume", "rm", "oak").ok().out == "oak"


def test_events(timber):
    begun = time.time()
    timber.tctl("volume", "create", "oak").ok()
    timber.run("-v", "elm:/d", "-v", "/anonymous", "busybox", "true").ok()
    timber.tctl("volume", "rm", "oak", "elm").ok()
    body = timber.api.get("/events", since=f"{begun:.9f}", until=f"{time.time():.9f}", filters={"type": ["volume"]}).expect(200).body
    events = [json.loads(line) for line in body.splitlines() if line.strip()]
    seen = [(event["Action"], event["Actor"]["ID"]) for event in events]
    anonymous = [identifier for _, identifier in seen if len(identifier) == 64][0]
    assert sorted(seen) == sorted((action, name) for action in ("create", "destroy") for name in ("oak", "elm", anonymous))


def test_they_survive(fresh):
    """Volumes are there after the daemon was killed, with their users; what a crash left half made is gone."""
    fresh.sh("echo kept >/d/file", "-v", "oak:/d")
    fresh.tctl("create", "--name", "user", "-v", "oak:/d", "busybox").ok()
    fresh.kill()
    (fresh.data / "volumes/nobodys").mkdir()
    (fresh.data / "volumes/oak/filling").mkdir()
    fresh.start()
    assert names(fresh) == ["oak"] and not (fresh.data / "volumes/nobodys").exists()
    fresh.api.delete("/volumes/oak").expect(409)
    assert fresh.sh("cat /d/file", "-v", "oak:/d") == "kept"


# --- Options of the driver ---------------------------------------------------------------------------------------------

TMPFS = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,mode=700"}


def mounted(timber):
    return [line.split()[4] for line in open("/proc/self/mountinfo") if f"{timber.run_directory}/volumes/" in line]


def test_unreadable_volume_is_set_aside(fresh):
    """A row that cannot be read is reported and its volume left alone; the others, and the daemon, work."""
    fresh.sh("echo kept >/d/file", "-v", "broken:/d")
    fresh.tctl("create", "--name", "user", "-v", "broken:/d", "busybox", "cat", "/d/file").ok()
    fresh.stop()
    with sqlite3.connect(fresh.data / "state.db") as database:
        (definition,) = database.execute("SELECT definition FROM volume WHERE name = 'broken'").fetchone()
        database.execute("UPDATE volume SET definition = ? WHERE name = 'broken'", [b"{"])
    fresh.start()
    assert "left untouched" in fresh.log_tail() and "broken" in fresh.log_tail()
    fresh.tctl("start", "user").fails(1, "broken", "see its log")
    fresh.tctl("run", "--rm", "-v", "broken:/d", "busybox", "true").fails(125, "broken")
    assert "see its log" in fresh.api.get("/volumes/broken").expect(500).message
    assert names(fresh) == []
    fresh.api.get("/system/df").expect(200)
    fresh.api.post("/volumes/prune", filters={"all": ["true"]}).expect(200)
    assert fresh.sh("echo works >/d/file; cat /d/file", "-v", "good:/d") == "works"
    assert (fresh.data / "volumes/broken/_data/file").read_text() == "kept\n"
    fresh.stop()
    with sqlite3.connect(fresh.data / "state.db") as database:
        database.execute("UPDATE volume SET definition = ? WHERE name = 'broken'", [definition])
    fresh.start()
    assert fresh.tctl("start", "-a", "user").ok().out == "kept"


def test_removal_that_is_cut_short_takes_the_volumes_along(fresh):
    """kill -9 in the middle of rm -v: the next daemon removes the container, and what was to go with it."""
    name = fresh.tctl("create", "-v", "/data", "-v", "named:/named", "busybox").ok().out
    assert len(names(fresh)) == 2
    with fresh.api.open() as connection:
        # Until the archive ends, which it does not, the removal waits.
        connection.sendall(f"PUT /v1.43/containers/{name}/archive?path=/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode())
        connection.sendall(TarBuilder().file("came", "x").bytes(end=False))
        until(lambda: (fresh.data / "containers" / name / "upper/came").exists())
        removing = threading.Thread(target=fresh.tctl, args=("rm", "-v", name))
        removing.start()
        until(lambda: fresh.state(name) == "removing")
        fresh.kill()
    removing.join(30)
    fresh.start()
    until(lambda: fresh.containers() == [])
    assert names(fresh) == ["named"] and os.listdir(fresh.data / "volumes") == ["named"]


def test_content_outlives_the_records(fresh, fixtures):
    """What `apt purge` keeps is there again after the next installation; only what holds nothing goes."""
    anonymous = "ab" * 32
    fresh.tctl("run", "--rm", "-v", "data:/d", "-v", "void:/void", "-v", f"{anonymous}:/a", "busybox", "sh", "-c", "echo kept >/d/f; echo a >/a/f").ok()
    fresh.stop()
    for entry in fresh.data.iterdir():
        if entry.name == "volumes":
            continue
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (fresh.data / "volumes/not a name/_data/x").mkdir(parents=True)
    fresh.start()
    assert names(fresh) == [anonymous, "data"]
    assert names(fresh, dangling=["true"]) == [anonymous, "data"]
    assert not (fresh.data / "volumes/void").exists()
    assert "not a name" in fresh.log_tail() and (fresh.data / "volumes/not a name/_data/x").exists()
    fresh.load(fixtures / "busybox.tar").ok()
    assert fresh.sh("cat /d/f", "-v", "data:/d") == "kept"
    # An anonymous one is known for such.
    fresh.api.post("/volumes/prune").expect(200)
    assert names(fresh) == ["data"]


def test_records_without_content_go(fresh):
    """The other half of a removal, or of a creation, that kill -9 cut short."""
    fresh.tctl("volume", "create", "gone").ok()
    name = fresh.tctl("create", "-v", "used:/used", "busybox", "true").ok().out
    fresh.stop()
    for volume in ("gone", "used"):
        shutil.rmtree(fresh.data / "volumes" / volume)
    fresh.start()
    assert names(fresh) == ["used"]
    fresh.tctl("start", "-a", name).ok()


def test_tmpfs_volume_is_mounted_while_it_is_used(timber):
    """One file system for all who have it, gone with the last of them."""
    made = timber.api.post("/volumes/create", {"Name": "fast", "DriverOpts": TMPFS}).expect(201).json
    assert made["Options"] == TMPFS and mounted(timber) == []
    first = timber.sleeper("-v", "fast:/d")
    second = timber.sleeper("-v", "fast:/d")
    assert mounted(timber) == [made["Mountpoint"]] == [f"{timber.run_directory}/volumes/fast"]
    timber.tctl("exec", first, "sh", "-c", "echo shared >/d/file").ok()
    assert timber.tctl("exec", second, "cat", "/d/file").ok().out == "shared"
    line = timber.tctl("exec", first, "grep", " /d ", "/proc/mounts").ok().out
    assert "size=1024k" in line and "mode=700" in line
    timber.tctl("kill", first).ok()
    assert timber.tctl("exec", second, "cat", "/d/file").ok().out == "shared" and mounted(timber) == [made["Mountpoint"]]
    assert "in use" in timber.api.delete("/volumes/fast").expect(409).message
    timber.tctl("kill", second).ok()
    until(lambda: mounted(timber) == [])
    # The next run begins empty.
    timber.tctl("start", first).ok()
    assert timber.tctl("exec", first, "ls", "/d").ok().out == ""
    [usage] = [volume["UsageData"] for volume in timber.api.get("/system/df").json["Volumes"] if volume["Name"] == "fast"]
    assert usage == {"RefCount": 2, "Size": -1}
    timber.tctl("rm", "-f", first, second).ok()
    assert mounted(timber) == [] and os.listdir(timber.run_directory / "volumes") == []
    timber.api.delete("/volumes/fast").expect(204)


def test_bind_volume(timber, directory):
    """A directory of the host by a name: nothing is mounted on the host, and nothing of it is removed with the volume."""
    timber.tctl("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", f"device={directory}", "src").ok()
    timber.tctl("volume", "create", "-o", "type=none", "-o", "o=bind,ro,noexec", "-o", f"device={directory}", "fixed").ok()
    assert timber.sh("cat /d/file; echo x >/d/new", "-v", "src:/d") == "from the host"
    assert "Read-only" in timber.sh("(echo y >/d/new) 2>&1 || true; grep ' /d ' /proc/mounts", "-v", "fixed:/d")
    assert (directory / "new").read_text() == "x\n" and mounted(timber) == []
    timber.tctl("volume", "rm", "src", "fixed").ok()
    assert sorted(os.listdir(directory)) == ["file", "new"]


def test_empty_bind_volume_is_filled_from_the_image(timber, busybox, tmp_path):
    layer = TarBuilder().directory("data").file("data/file", "from the image", uid=7)
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("volumes:1", layer).docker_archive())
    timber.load(file).ok()
    empty = tmp_path / "empty"
    empty.mkdir()
    timber.api.post("/volumes/create", {"Name": "src", "DriverOpts": {"type": "none", "o": "bind", "device": str(empty)}}).expect(201)
    assert timber.run("-v", "src:/data", "volumes:1", "cat", "/data/file").ok().out == "from the image"
    assert os.stat(empty / "file").st_uid == 7
    timber.tctl("volume", "rm", "src").ok()
    timber.tctl("rmi", "volumes:1").ok()


def test_volume_that_cannot_be_mounted(timber):
    """It says why when a container starts, and leaves nothing."""
    timber.api.post("/volumes/create", {"Name": "bad", "DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "nosuch=1"}}).expect(201)
    timber.api.post("/volumes/create", {"Name": "gone", "DriverOpts": {"type": "none", "o": "bind", "device": "/nonexistent/x"}}).expect(201)
    timber.run("-v", "bad:/d", "busybox", "true").fails(125, "bad")
    timber.run("-v", "gone:/d", "busybox", "true").fails(125, "/nonexistent/x")
    assert mounted(timber) == [] and os.listdir(timber.run_directory / "volumes") == []
    timber.tctl("volume", "rm", "bad", "gone").ok()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"type": "none", "o": "bind,rshared", "device": "/srv"}, "rshared"), ({"type": "tmpfs", "o": "remount", "device": "x"}, "remount"),
        ({"type": "proc", "device": "proc"}, "proc"), ({"type": "tmpfs"}, "device"), ({"nosuch": "x"}, "nosuch"),
        ({"type": "none", "o": "bind", "device": "relative"}, "relative"), ({"type": "tmpfs", "device": "x", "o": "x-mount.mkdir"}, "x-mount"),
    ],
)  # fmt: skip
def test_options_that_mean_no_content(timber, options, word):
    assert word in timber.api.post("/volumes/create", {"Name": "oak", "DriverOpts": options}).expect(400).message
    mount = {"Type": "volume", "Target": "/d", "VolumeOptions": {"DriverConfig": {"Options": options}}}
    assert word in timber.api.post("/containers/create", {"Image": "busybox", "HostConfig": {"Mounts": [mount]}}).expect(400).message
    assert names(timber) == []


def test_mounted_volumes_outlive_the_daemon(fresh):
    """A container goes on with its file system; what nobody has any more is unmounted by the next daemon."""
    fresh.api.post("/volumes/create", {"Name": "fast", "DriverOpts": TMPFS}).expect(201)
    fresh.api.post("/volumes/create", {"Name": "other", "DriverOpts": TMPFS}).expect(201)
    stays = fresh.sleeper("-v", "fast:/d")
    ends = fresh.sleeper("-v", "other:/d")
    fresh.tctl("exec", stays, "sh", "-c", "echo kept >/d/file").ok()
    pid = fresh.pid_of(ends)
    fresh.kill()
    os.kill(pid, signal.SIGKILL)
    leftover = fresh.run_directory / "volumes/leftover"
    leftover.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", leftover], check=True)
    (leftover / "file").touch()
    fresh.start()
    until(lambda: mounted(fresh) == [f"{fresh.run_directory}/volumes/fast"])
    assert fresh.tctl("exec", stays, "cat", "/d/file").ok().out == "kept"
    again = fresh.sleeper("-v", "fast:/d")
    assert fresh.tctl("exec", again, "cat", "/d/file").ok().out == "kept"
    fresh.tctl("rm", "-f", stays, again).ok()
    assert mounted(fresh) == [] and os.listdir(fresh.run_directory / "volumes") == []


# --- --mount -----------------------------------------------------------------------------------------------------------


def test_mount_makes_volumes_with_options_and_labels(timber):
    options = "volume-driver=local,volume-opt=type=tmpfs,volume-opt=device=tmpfs,\"volume-opt=o=size=2m,mode=750\",volume-label=a=b,volume-label=c"
    for client in (timber.tctl, timber.docker):
        result = client("run", "--rm", "--mount", f"type=volume,source=made,target=/d,{options}", "busybox", "stat", "-fc", "%T %b", "/d").ok()
        assert result.out == "tmpfs 512"
        made = timber.api.get("/volumes/made").expect(200).json
        assert made["Labels"] == {"a": "b", "c": ""} and made["Options"] == {"type": "tmpfs", "device": "tmpfs", "o": "size=2m,mode=750"}
        timber.tctl("volume", "rm", "made").ok()


def test_nocopy(timber, busybox, tmp_path):
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("volumes:1", TarBuilder().directory("data").file("data/file", "x")).docker_archive())
    timber.load(file).ok()
    for flags in (["--mount", "type=volume,source=plain,target=/data,volume-nocopy"], ["-v", "plain:/data:nocopy"]):
        assert timber.run(*flags, "volumes:1", "ls", "/data").ok().out == ""
    timber.tctl("volume", "rm", "plain").ok()
    timber.tctl("rmi", "volumes:1").ok()


def test_subpath(timber):
    """A directory or a file of a volume."""
    timber.sh("mkdir -p /d/a/b; echo deep >/d/a/b/file", "-v", "tree:/d")
    for client in (timber.tctl, timber.docker):
        run = ("run", "--rm", "--mount")
        assert client(*run, "type=volume,source=tree,target=/s,volume-subpath=a/b", "busybox", "ls", "/s").ok().out == "file"
        assert client(*run, "type=volume,source=tree,target=/etc/one,volume-subpath=a/b/file", "busybox", "cat", "/etc/one").ok().out == "deep"
        assert client(*run, "type=volume,source=tree,target=/s,volume-subpath=nosuch", "busybox", "true").fails(125, "nosuch")
        read_only = "type=volume,source=tree,target=/s,volume-subpath=a,readonly"
        assert "Read-only" in client(*run, read_only, "busybox", "sh", "-c", "echo x 2>&1 >/s/new || true").ok().out
    timber.tctl("volume", "rm", "tree").ok()


@pytest.mark.parametrize("subpath", ["/etc", "..", "a/../..", "a/../../etc"])
def test_subpath_stays_inside(timber, subpath):
    mount = {"Type": "volume", "Source": "tree", "Target": "/s", "VolumeOptions": {"Subpath": subpath}}
    timber.api.post("/containers/create", {"Image": "busybox", "HostConfig": {"Mounts": [mount]}}).expect(400)


def test_subpath_follows_no_link_out(timber):
    """A container that writes to the volume chooses what the subpath leads to, but only within the volume."""
    timber.sh("mkdir /d/etc; echo inside >/d/etc/hostname; ln -s /etc /d/absolute; ln -s ../../../../../etc /d/relative", "-v", "tree:/d")
    for link in ("absolute", "relative"):
        assert timber.sh("cat /s/hostname", "--mount", f"type=volume,source=tree,target=/s,volume-subpath={link}") == "inside"
    timber.tctl("volume", "rm", "tree").ok()


@pytest.fixture
def nested(directory):
    """A directory with a file system mounted in it."""
    (directory / "sub").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "below", directory / "sub"], check=True)
    (directory / "sub/below").touch()
    yield directory
    subprocess.run(["umount", "--lazy", directory / "sub"], check=True)


@pytest.mark.parametrize(
    ("words", "top", "below"),
    [
        ("readonly", "ro", "ro"), ("readonly,bind-recursive=enabled", "ro", "ro"), ("readonly,bind-recursive=writable", "ro", "rw"),
        ("readonly,bind-recursive=disabled", "ro", None), ("bind-recursive=disabled", "rw", None),
        ("readonly,bind-recursive=readonly,bind-propagation=rprivate", "ro", "ro"), ("bind-recursive=enabled", "rw", "rw"),
    ],
)  # fmt: skip
def test_depth_of_binds(timber, nested, words, top, below):
    """What of the mounts below a directory is there, and whether it can be written to; for cp, while the container does not run, too."""
    mount = f"type=bind,source={nested},target=/in,{words}"
    script = "cut -d' ' -f5,6 /proc/self/mountinfo | grep '^/in' | cut -d, -f1; touch /in/x; touch /in/sub/x; true"
    mounts = [f"/in {top}"] + ([f"/in/sub {below}"] if below else [])
    for client in (timber.tctl, timber.docker):
        assert sorted(client("run", "--rm", "--mount", mount, "busybox", "sh", "-c", script).ok().lines) == mounts
    assert ((nested / "x").exists(), (nested / "sub/x").exists()) == (top == "rw", below == "rw")
    timber.tctl("create", "--name", "oak", "--mount", mount, "busybox").ok()
    for place, writable in (("/in", top == "rw"), ("/in/sub", below == "rw" if below else top == "rw")):
        assert (timber.tctl("cp", nested / "file", f"oak:{place}/copied").status == 0) is writable


@pytest.mark.parametrize(
    ("mount", "word"),
    [
        ({"BindOptions": {"ReadOnlyNonRecursive": True}}, "ReadOnlyNonRecursive"), ({"BindOptions": {"ReadOnlyForceRecursive": True}}, "ReadOnlyForceRecursive"),
        ({"ReadOnly": True, "BindOptions": {"ReadOnlyForceRecursive": True, "NonRecursive": True}}, "NonRecursive"),
        ({"BindOptions": {"Propagation": "sideways"}}, "sideways"), ({"VolumeOptions": {"NoCopy": True}}, "VolumeOptions"),
        ({"TmpfsOptions": {"SizeBytes": 1}}, "TmpfsOptions"), ({"ImageOptions": {"Subpath": "x"}}, "ImageOptions"),
    ],
)  # fmt: skip
def test_binds_that_cannot_be(timber, directory, mount, word):
    body = {"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "bind", "Source": str(directory), "Target": "/in"} | mount]}}
    assert word in timber.api.post("/containers/create", body).expect(400).message


def test_volumes_of_another_container(timber, directory):
    """Its own mounts go before those that it takes over; an anonymous volume goes with the last container that has it."""
    timber.tctl("create", "--name", "oak", "-v", "data:/d", "-v", "/anonymous", "-v", f"{directory}:/in:ro", "--tmpfs", "/t", "busybox").ok()
    timber.tctl("create", "--name", "elm", "--volumes-from", "oak", "-v", "other:/d", "busybox").ok()
    mounts = {name: {mount["Destination"]: mount for mount in timber.inspect(name)["Mounts"]} for name in ("oak", "elm")}
    assert mounts["elm"]["/anonymous"] == mounts["oak"]["/anonymous"] and mounts["elm"]["/in"] == mounts["oak"]["/in"]
    assert mounts["elm"]["/d"]["Name"] == "other" and "/t" not in mounts["elm"]
    anonymous = mounts["oak"]["/anonymous"]["Name"]
    timber.tctl("rm", "-v", "oak").ok()
    assert anonymous in names(timber)
    timber.tctl("rm", "-v", "elm").ok()
    assert sorted(names(timber)) == ["data", "other"]
    for flag, word in (("nosuch", "nosuch"), (":ro", "invalid --volumes-from"), ("elm:up", "invalid --volumes-from")):
        timber.tctl("create", "--volumes-from", flag, "busybox").fails((1, 125), word)


def test_a_place_alone_is_an_anonymous_volume(timber):
    """As docker-py asks for it."""
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"Binds": ["/data"]}}
    identifier = timber.api.post("/containers/create", body).expect(201).json["Id"]
    [mount] = timber.inspect(identifier)["Mounts"]
    assert (mount["Type"], mount["Destination"], len(mount["Name"])) == ("volume", "/data", 64)
    timber.api.delete(f"/containers/{identifier}", v=1).expect(204)
    assert names(timber) == []
    for bind in ("", "data", "/data:", ":/data", "/"):
        timber.api.post("/containers/create", body | {"HostConfig": {"Binds": [bind]}}).expect(400)


def test_tmpfs_and_bind_options_of_mount(timber, directory):
    for client in (timber.tctl, timber.docker):
        line = client("run", "--rm", "--mount", "type=tmpfs,target=/t,tmpfs-size=3m,tmpfs-mode=0711", "busybox", "grep", " /t ", "/proc/mounts").ok().out
        assert "size=3072k" in line and "mode=711" in line
        words = f"type=bind,source={directory},target=/in,bind-propagation=rslave,bind-recursive=disabled,readonly"
        line = client("run", "--rm", "--mount", words, "busybox", "grep", " /in ", "/proc/self/mountinfo").ok().out
        assert " shared:" not in line
        assert " ro," in line
