"""cp, diff and export: files of containers, running and not, by tctl, Docker's own client, docker-py and the API."""

import base64
import gzip
import io
import json
import os
import signal
import stat
import subprocess
import tarfile
import threading

import docker
import pytest

from harness import host
from harness.tarbuilder import TarBuilder
from harness.wait import until


@pytest.fixture
def client(timber):
    client = docker.DockerClient(base_url=f"unix://{timber.socket}", timeout=30)
    yield client
    client.close()


@pytest.fixture(params=["running", "stopped", "created"])
def web(timber, request):
    """A container named web in each state that cp must serve."""
    if request.param == "created":
        timber.tctl("create", "--name", "web", "busybox", "sleep", "1000000").ok()
    else:
        timber.sleeper("--name", "web")
    if request.param == "stopped":
        timber.tctl("stop", "web").ok()
    return request.param


def put(timber, path, archive, name="web", **query):
    body = archive.bytes() if isinstance(archive, TarBuilder) else archive
    return timber.api.request("PUT", f"/containers/{name}/archive", body, {"Content-Type": "application/x-tar"}, path=path, **query)


def get(timber, path, name="web"):
    return timber.api.get(f"/containers/{name}/archive", path=path)


def read(timber, path, name="web"):
    """The content of one file."""
    with tarfile.open(fileobj=io.BytesIO(get(timber, path, name).expect(200).body)) as tar:
        [member] = tar.getmembers()
        return tar.extractfile(member).read()


def members(timber, path, name="web"):
    with tarfile.open(fileobj=io.BytesIO(get(timber, path, name).expect(200).body)) as tar:
        return {member.name: member for member in tar.getmembers()}


def path_stat(response):
    return json.loads(base64.b64decode(response.headers["X-Docker-Container-Path-Stat"]))


# --- The API --------------------------------------------------------------------------------------------------------


def test_put_and_get(timber, web):
    tar = TarBuilder().directory("d", mode=0o750, uid=1000, gid=1001).file("d/file", "text", mode=0o4755, uid=1000, gid=1001, mtime=1600000000)
    tar.link("d/link", "file").hard("d/hard", "d/file").fifo("d/pipe")
    put(timber, "/tmp", tar).expect(200)
    found = members(timber, "/tmp/d")
    assert set(found) == {"d", "d/file", "d/hard", "d/link", "d/pipe"}
    file = found["d/file"]
    assert (file.mode, file.uid, file.gid, file.mtime, file.size) == (0o4755, 1000, 1001, 1600000000, 4)
    assert (found["d"].mode, found["d"].uid, found["d"].gid) == (0o750, 1000, 1001)
    assert found["d/hard"].islnk() and found["d/hard"].linkname == "d/file"
    assert (found["d/link"].linkname, found["d/pipe"].isfifo()) == ("file", True)
    assert read(timber, "/tmp/d/link/../file") == b"text"
    if web != "running":
        timber.tctl("start", "web").ok()
        timber.tctl("stop", "web").ok()
    assert read(timber, "/tmp/d/file") == b"text"


def test_stat(timber, web):
    put(timber, "/tmp", TarBuilder().file("f", "12345", mode=0o1644).link("l", "../etc/./passwd").link("gone", "nowhere").link("abs", "/bin")).expect(200)

    def head(path):
        response = timber.api.request("HEAD", "/containers/web/archive", path=path).expect(200)
        assert response.body == b""
        return path_stat(response)

    file = head("/tmp/f")
    assert (file["name"], file["size"], file["mode"], file["linkTarget"]) == ("f", 5, 0o644 | 1 << 20, "")
    assert head("/tmp") | {"mtime": "", "size": 0} == {"name": "tmp", "size": 0, "mode": 1 << 31 | 1 << 20 | 0o777, "mtime": "", "linkTarget": ""}
    assert (head("/")["name"], head("/tmp/.")["name"], head("/tmp/")["name"], head("tmp")["name"]) == ("/", ".", "tmp", "tmp")
    assert head("/tmp/l")["mode"] >> 27 == 1
    assert [head(f"/tmp/{name}")["linkTarget"] for name in ("l", "gone", "abs")] == ["/etc/passwd", "/tmp/nowhere", "/bin"]
    assert get(timber, "/tmp/f").headers["X-Docker-Container-Path-Stat"]
    assert timber.api.request("HEAD", "/containers/web/archive", path="/none").status == 404
    assert timber.api.request("HEAD", "/containers/none/archive", path="/").status == 404


def test_names_in_archives(timber, web):
    """The root's members begin with a slash, those of PATH/. with a dot: Docker's clients count on both."""
    put(timber, "/tmp", TarBuilder().file("d/f", "x")).expect(200)
    names = lambda path: [member.name for member in tarfile.open(fileobj=io.BytesIO(get(timber, path).expect(200).body))]
    assert names("/tmp/d") == ["d", "d/f"]
    assert names("/tmp/d/.") == [".", "./f"]
    raw = get(timber, "/").expect(200).body
    assert raw[:2] == b"/\0" and b"/tmp/d/f\0" in raw and b"/bin/\0" in raw


def test_errors(timber, web):
    put(timber, "/tmp", TarBuilder().file("f", "x").link("loop", "loop").directory("d")).expect(200)
    missing = get(timber, "/none/x").expect(404)
    assert missing.message == "Could not find the file /none/x in container web"
    assert put(timber, "/none", TarBuilder().file("f")).expect(404).message == "Could not find the file /none in container web"
    assert "extraction point is not a directory" in put(timber, "/tmp/f", TarBuilder().file("g")).expect(400).message
    assert "not a directory" in get(timber, "/tmp/f/.").expect(400).message
    get(timber, "/tmp/loop/x").expect(400)
    assert timber.api.get("/containers/web/archive").expect(400).message == "bad parameter: path cannot be empty"
    get(timber, "/tmp/a\0b").expect(400)
    get(timber, "/" + "d" * 5000).expect(400)
    put(timber, "/tmp", b"no archive at all" * 100).expect(400)
    assert "xz" in put(timber, "/tmp", b"\xfd7zXZ\0" + b"x" * 600).expect(400).message
    for noOverwrite, archive in [("f", TarBuilder().directory("f")), ("d", TarBuilder().file("d", "x"))]:
        assert "cannot overwrite" in put(timber, "/tmp", archive, noOverwriteDirNonDir=1).expect(400).message
        put(timber, "/tmp", archive).expect(200)
    put(timber, "/tmp", gzip.compress(TarBuilder().file("z", "zipped").bytes())).expect(200)
    assert read(timber, "/tmp/z") == b"zipped"


def test_kernel_file_systems_are_not_there(timber):
    timber.sleeper("--name", "web")
    for path in ("/proc/version", "/sys/kernel"):
        get(timber, path).expect(404)
        put(timber, path, TarBuilder().file("x", "x")).expect(404)
    # A link of the kernel's is not followed at all.
    get(timber, "/proc/1/root/etc/passwd").expect(400)
    assert [name for name in members(timber, "/") if name.startswith("/proc/")] == []


def test_takes_the_containers_user(timber, busybox, tmp_path):
    passwd = TarBuilder().file("etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:1234:1235::/:/bin/sh\n").file("etc/group", "")
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("user:1", passwd, User="app").docker_archive())
    timber.load(file).ok()
    timber.tctl("create", "--name", "web", "user:1").ok()
    put(timber, "/tmp", TarBuilder().file("own", uid=7).directory("dir", uid=7), copyUIDGID=1).expect(200)
    put(timber, "/tmp", TarBuilder().file("archive's", uid=7)).expect(200)
    found = members(timber, "/tmp")
    assert [(found[f"tmp/{name}"].uid, found[f"tmp/{name}"].gid) for name in ("own", "dir", "archive's")] == [(1234, 1235), (1234, 1235), (7, 0)]
    timber.tctl("rm", "web").ok()
    timber.tctl("rmi", "user:1").ok()


# --- Mounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [True, False])
def test_volumes_and_binds(timber, tmp_path, runs):
    (tmp_path / "host").mkdir()
    (tmp_path / "host/file").write_text("of the host")
    (tmp_path / "single").write_text("single")
    flags = ["--name", "web", "-v", "cpvol:/data/vol", "-v", f"{tmp_path}/host:/in", "-v", f"{tmp_path}/host:/ro:ro", "-v", f"{tmp_path}/single:/etc/motd"]
    if runs:
        timber.sleeper(*flags)
    else:
        timber.tctl("create", *flags, "busybox", "sleep", "1000000").ok()
    try:
        assert read(timber, "/in/file") == b"of the host"
        put(timber, "/in", TarBuilder().file("new", "back")).expect(200)
        assert (tmp_path / "host/new").read_text() == "back"
        put(timber, "/data/vol", TarBuilder().file("kept", "in the volume")).expect(200)
        assert put(timber, "/ro", TarBuilder().file("x")).expect(400).message == "mounted volume is marked read-only"
        # A mounted file keeps being the host's.
        put(timber, "/etc", TarBuilder().file("motd", "changed")).expect(200)
        assert (tmp_path / "single").read_text() == "changed"
        # What is mounted is no change of the container's.
        changes = [change["Path"] for change in timber.api.get("/containers/web/changes").expect(200).json or []]
        assert not [path for path in changes if path.startswith(("/in/", "/data/vol/"))]
        timber.remove_containers()
        assert timber.sh("cat /v/kept", "-v", "cpvol:/v") == "in the volume"
    finally:
        timber.remove_containers()
        timber.api.delete("/volumes/cpvol").expect(204)


@pytest.mark.parametrize("runs", [True, False])
def test_read_only_root(timber, runs):
    flags = ["--name", "web", "--read-only", "-v", "cprw:/data"]
    if runs:
        timber.sleeper(*flags)
    else:
        timber.tctl("create", *flags, "busybox", "true").ok()
    try:
        assert put(timber, "/tmp", TarBuilder().file("x")).expect(400).message == "container rootfs is marked read-only"
        put(timber, "/data", TarBuilder().file("x", "ok")).expect(200)
        assert read(timber, "/data/x") == b"ok"
        # Nor by a way that leads from the volume into it.
        put(timber, "/data", TarBuilder().link("way", "/tmp").file("way/x", "x")).expect(400)
        get(timber, "/tmp/x").expect(404)
        assert read(timber, "/bin/busybox")[:4] == b"\x7fELF"
    finally:
        timber.remove_containers()
        timber.api.delete("/volumes/cprw").expect(204)


# --- The clients ----------------------------------------------------------------------------------------------------

# Each line is `cp SOURCE DESTINATION` in a directory of its own; docker and tctl must do the same.
SAME = """
file web:/tmp/new
file web:/tmp/dir
file web:/tmp/dir/
file web:/tmp/file
file web:/tmp/none/
file web:/tmp/none/deep
file web:/tmp/link
file web:/tmp/to-dir
file web:/tmp/dangling
dir web:/tmp/new
dir web:/tmp/dir
dir/. web:/tmp/new
dir/. web:/tmp/dir
dir web:/tmp/file
dir/ web:/tmp/to-dir
dirlink web:/tmp/new
dirlink/ web:/tmp/new
-L dirlink web:/tmp/new
-L dirlink web:/tmp/dir
filelink web:/tmp/new
-L filelink web:/tmp/dir
none web:/tmp/new
file web:relative
web:/tmp/file new
web:/tmp/file dir
web:/tmp/file dir/
web:/tmp/file none/
web:/tmp/file none/deep
web:/tmp/file filelink
web:/tmp/file dirlink
web:/tmp/dir new
web:/tmp/dir dir
web:/tmp/dir/. new
web:/tmp/dir/. dir
web:/tmp/dir file
web:/tmp/link new
-L web:/tmp/link new
-L web:/tmp/to-dir new
-L web:/tmp/to-dir dir
web:/tmp/to-dir/. new
web:/tmp/none new
web:/tmp/file/ new
web:/tmp/a web:/tmp/b
file dir
"" web:/tmp
web:/etc/passwd ./web:odd
""".strip().splitlines()


def tree(directory):
    found = {}
    for name in host.files(directory):
        path = directory / name
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_text() if path.is_file() else None
        found[name] = (stat.filemode(status.st_mode), content)
    return found


def test_clients_do_the_same(timber, tmp_path):
    """Rules of paths, links and directories: every line by docker, then by tctl, and the trees of both are compared."""
    timber.sleeper("--name", "web")
    outcome = {}
    seed = TarBuilder().directory("dir").file("dir/old", "old").file("file", "in the container").link("link", "file").link("to-dir", "dir").link("dangling", "dir/made")
    for program in ("docker", "tctl"):
        for number, line in enumerate(SAME):
            here = tmp_path / f"{program}-{number}"
            (here / "dir/sub").mkdir(parents=True)
            (here / "dir/sub/deep").write_text("deep")
            (here / "file").write_text("local")
            (here / "dirlink").symlink_to("dir")
            (here / "filelink").symlink_to("file")
            put(timber, "/", TarBuilder().directory(f"place/{number}", mode=0o755)).expect(200)
            timber.api.request("PUT", "/containers/web/archive", seed.bytes(), path=f"/place/{number}").expect(200)
            words = ["" if word == '""' else word.replace("web:/tmp", f"web:/place/{number}") for word in line.split()]
            result = getattr(timber, program)("cp", *words, cwd=here)
            with tarfile.open(fileobj=io.BytesIO(get(timber, f"/place/{number}").body)) as tar:
                inside = {m.name: (m.mode, m.type, m.linkname, tar.extractfile(m).read() if m.isreg() else None) for m in tar}
            outcome.setdefault(line, []).append((result.status, inside, tree(here), result))
            timber.tctl("exec", "web", "rm", "-rf", f"/place/{number}", "/relative").ok()
    different = [
        f"{line}\n{docker[3]}\n{tctl[3]}\n{docker[1]}\n{tctl[1]}\n{docker[2]}\n{tctl[2]}"
        for line, (docker, tctl) in outcome.items()
        if docker[:3] != tctl[:3]
    ]
    assert not different, "\n\n".join(different)


def test_words(timber, tmp_path):
    timber.sleeper("--name", "web")
    timber.tctl("cp", "web:/a", "web:/b").fails(1, "copying between containers is not supported")
    timber.tctl("cp", "a", "b").fails(1, "must specify at least one container source")
    timber.tctl("cp", "a").fails(1, "requires 2 arguments")
    timber.tctl("cp", "", "web:/b").fails(1, "source can not be empty")
    timber.tctl("cp", tmp_path / "none", "web:/b").fails(1, f"lstat {tmp_path}/none: no such file or directory")
    timber.tctl("cp", "web:/none", tmp_path).fails(1, "Could not find the file /none in container web")
    timber.tctl("cp", "nobody:/none", tmp_path).fails(1, "No such container: nobody")
    timber.tctl("cp", tmp_path, "nobody:/none").fails(1, "No such container: nobody")
    timber.tctl("cp", "web:/etc", tmp_path / "no/where").fails(1, "does not exist")
    timber.tctl("cp", "-", "web:/bin/busybox", input=b"").fails(1, 'destination "web:/bin/busybox" must be a directory')
    timber.tctl("cp", "/proc/version", "web:/tmp").fails(1, "view of the kernel")
    result = timber.tctl("cp", "web:/etc/passwd", tmp_path).ok()
    assert (result.out, result.err) == ("", "")


def test_streams_of_tar(timber, tmp_path):
    timber.sleeper("--name", "web")
    archive = TarBuilder().directory("d", mode=0o700).file("d/f", "streamed", mode=0o600).bytes()
    for program in (timber.docker, timber.tctl):
        program("cp", "-", "web:/tmp", input=archive).ok()
        out = program("cp", "web:/tmp/d", "-").ok().stdout
        with tarfile.open(fileobj=io.BytesIO(out)) as tar:
            assert tar.extractfile("d/f").read() == b"streamed"
        timber.tctl("exec", "web", "rm", "-r", "/tmp/d").ok()


def test_owners(timber, tmp_path):
    timber.sleeper("--name", "web")
    put(timber, "/tmp", TarBuilder().file("f", "x", uid=1000, gid=1001)).expect(200)
    timber.tctl("cp", "web:/tmp/f", tmp_path / "mine").ok()
    timber.tctl("cp", "-a", "web:/tmp/f", tmp_path / "theirs").ok()
    owners = [((tmp_path / name).stat().st_uid, (tmp_path / name).stat().st_gid) for name in ("mine", "theirs")]
    assert owners == [(0, 0), (1000, 1001)]
    timber.tctl("cp", "-a", tmp_path / "theirs", "web:/tmp/back").ok()
    assert members(timber, "/tmp/back")["back"].uid == 1000


def test_no_program_of_roots_comes_out(timber, tmp_path):
    """Set-user-ID and set-group-ID go only with the owner that they are meant for."""
    timber.sleeper("--name", "web")
    program = TarBuilder().directory("d", mode=0o3755, uid=1000, gid=1001).file("d/f", "x", mode=0o6755, uid=1000, gid=1001)
    put(timber, "/tmp", program).expect(200)
    modes = {}
    for flag in ("", "-a"):
        to = tmp_path / f"to{flag}"
        timber.tctl("cp", *flag.split(), "web:/tmp/d", to).ok()
        modes[flag] = [((path := to / name).stat().st_uid, oct(stat.S_IMODE(path.stat().st_mode))) for name in (".", "f")]
    assert modes == {"": [(0, "0o1755"), (0, "0o755")], "-a": [(1000, "0o3755"), (1000, "0o6755")]}


def test_large_file_and_many_files(timber, tmp_path):
    timber.sleeper("--name", "web")
    with open(tmp_path / "large", "wb") as file:
        file.write(os.urandom(1 << 20))
        file.truncate(40 << 20)
    (tmp_path / "many").mkdir()
    for number in range(1500):
        (tmp_path / "many" / f"{'long-name-' * 12}{number}").write_text(str(number))
    for program in (timber.docker, timber.tctl):
        program("cp", tmp_path / "large", "web:/tmp/").ok()
        program("cp", "web:/tmp/large", tmp_path / "back").ok()
        assert subprocess.run(["cmp", tmp_path / "large", tmp_path / "back"]).returncode == 0
        program("cp", tmp_path / "many", "web:/tmp/").ok()
        program("cp", "web:/tmp/many", tmp_path / "again").ok()
        assert tree(tmp_path / "again") == tree(tmp_path / "many")
        subprocess.run(["rm", "-rf", tmp_path / "back", tmp_path / "again"], check=True)


def test_docker_py(client, timber):
    timber.sleeper("--name", "web")
    web = client.containers.get("web")
    assert web.put_archive("/tmp", TarBuilder().file("f", "from docker-py").bytes())
    bits, status = web.get_archive("/tmp/f")
    with tarfile.open(fileobj=io.BytesIO(b"".join(bits))) as tar:
        assert tar.extractfile("f").read() == b"from docker-py"
    assert (status["name"], status["size"]) == ("f", 14)
    assert {"Path": "/tmp/f", "Kind": 1} in web.diff()
    with tarfile.open(fileobj=io.BytesIO(b"".join(web.export()))) as tar:
        assert tar.extractfile("tmp/f").read() == b"from docker-py"
    with pytest.raises(docker.errors.NotFound):
        web.get_archive("/none")
    with pytest.raises(docker.errors.NotFound):
        web.put_archive("/none", TarBuilder().bytes())


# --- diff and export ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [True, False])
def test_changes(timber, busybox, tmp_path, runs):
    layer = TarBuilder()
    for name in ("keep", "change", "gone", "chmod"):
        layer.file(f"d/{name}", name)
    layer.directory("replaced").file("replaced/old", "old").file("replaced/same", "same").directory("dirgone").file("dirgone/x", "x").directory("quiet")
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("changes:1", layer).docker_archive())
    timber.load(file).ok()
    script = """
        echo more >> /d/change; rm /d/gone; chmod 600 /d/chmod; cat /d/keep
        rm -r /replaced; mkdir /replaced; echo new > /replaced/new; echo again > /replaced/same
        rm -r /dirgone; mkdir -p /fresh/deep; ln -s /etc /fresh/link; ls /quiet; : > /etc/marker
        echo done; trap 'exit 0' TERM; while :; do sleep 1; done
    """
    timber.start_container("--name", "web", "changes:1", "sh", "-c", script)
    timber.wait_for_log("web", "done")
    if not runs:
        timber.tctl("kill", "web").ok()
    expected = """
        C /d
        C /d/change
        C /d/chmod
        D /d/gone
        D /dirgone
        C /etc
        A /etc/marker
        A /fresh
        A /fresh/deep
        A /fresh/link
        C /replaced
        A /replaced/new
        D /replaced/old
        C /replaced/same
    """.split("\n")
    expected = sorted(line.strip() for line in expected if line.strip())
    for program in (timber.tctl, timber.docker):
        assert sorted(program("diff", "web").ok().lines) == expected
    lines = timber.tctl("diff", "web").lines
    assert lines.index("C /d") < lines.index("C /d/change") < lines.index("D /d/gone")
    timber.remove_containers()
    timber.tctl("rmi", "changes:1").ok()


def test_nothing_changed(timber):
    timber.sleeper("--name", "web")
    assert timber.api.get("/containers/web/changes").expect(200).body == b"null\n"
    assert timber.docker("diff", "web").ok().out == timber.tctl("diff", "web").ok().out == ""
    timber.api.get("/containers/none/changes").expect(404)


def test_export(timber, tmp_path):
    timber.sleeper("--name", "web", "-v", "cpexport:/data", "--tmpfs", "/t")
    timber.tctl("exec", "web", "sh", "-c", "echo x > /data/hidden; echo x > /t/hidden; echo seen > /seen; ln /seen /again").ok()
    try:
        exports = []
        for state in ("running", "stopped"):
            if state == "stopped":
                timber.tctl("stop", "web").ok()
            timber.tctl("export", "-o", tmp_path / f"{state}.tar", "web").ok()
            with tarfile.open(tmp_path / f"{state}.tar") as tar:
                found = {member.name: (member.type, member.mode, member.size, member.linkname) for member in tar}
                assert tar.extractfile("seen").read() == b"seen\n"
            assert "data" in found and not [name for name in found if name.startswith(("data/", "t/", "proc/", "dev/"))]
            assert {found["seen"][0], found["again"][0]} == {tarfile.REGTYPE, tarfile.LNKTYPE}
            exports.append(found)
        assert exports[0] == exports[1]
        assert timber.docker("export", "web").ok().stdout[257:262] == b"ustar"
        timber.api.get("/containers/none/export").expect(404)
    finally:
        timber.remove_containers()
        timber.api.delete("/volumes/cpexport").expect(204)


def test_sizes(timber):
    timber.sleeper("--name", "web")
    put(timber, "/tmp", TarBuilder().file("f", "x" * 100_000)).expect(200)
    inspected = timber.api.get("/containers/web/json", size=1).expect(200).json
    assert 100_000 <= inspected["SizeRw"] < 101_000 < 1_000_000 < inspected["SizeRootFs"]
    row = timber.tctl("ps", "-s").ok().lines[1]
    assert "100kB (virtual " in row
    assert "100kB (virtual " in timber.docker("ps", "-s").ok().lines[1]


# --- Hostile containers, archives and clients -------------------------------------------------------------------------


@pytest.mark.parametrize("web", ["running", "stopped"], indirect=True)
def test_archives_do_not_break_out(timber, web, tmp_path):
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "file").write_text("untouched")
    way = str(canary)
    put(timber, "/tmp", TarBuilder().file("../escaped", "x")).expect(400)
    put(timber, "/tmp", TarBuilder().file("a/../../escaped", "x")).expect(400)
    put(timber, "/tmp", TarBuilder().hard("hard", f"../../../..{way}/file")).expect(400)
    put(timber, "/tmp", TarBuilder().file("d")).expect(200)
    for target in (way, f"../../../../../../../..{way}", "/proc/1/root" + way, "/proc/self/root" + way):
        archive = TarBuilder().link("way", target).file("way/file", "changed").directory("way/dir").file("way/new", "x")
        put(timber, "/tmp", archive)
        get(timber, f"/tmp/way/file")
        put(timber, "/tmp/way", TarBuilder().file("file", "changed"))
    assert tree(canary) == {"file": ("-rw-r--r--", "untouched")}
    # An absolute name is one below the directory.
    put(timber, "/tmp", TarBuilder().file("/abs/file", "x")).expect(200)
    assert read(timber, "/tmp/abs/file") == b"x"


def test_container_that_swaps_links(timber, python, tmp_path):
    """CVE-2018-15664: a directory on the way becomes a link to the host's and back, all the time, while it is copied to and from."""
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "file").write_text("secret of the host")
    swap = f"""
import ctypes, os
libc = ctypes.CDLL(None)
os.makedirs('/swap/dir'); open('/swap/dir/file', 'w').write('of the container')
os.symlink({str(canary)!r}, '/swap/link')
print('ready', flush=True)
while True:
    libc.renameat2(-100, b'/swap/dir', -100, b'/swap/link', 2)
"""
    timber.start_container("--name", "web", python, "python3", "-c", swap)
    timber.wait_for_log("web", "ready")
    seen = set()
    for number in range(400):
        answer = get(timber, "/swap/dir/file")
        if answer.status == 200:
            assert b"secret" not in answer.body
            seen.add("read")
        else:
            assert answer.status in (404, 400), answer
            seen.add("missed")
        answer = put(timber, "/swap/dir", TarBuilder().file("file", "of the container").directory("made"))
        assert answer.status in (200, 404, 400), answer
        answer = put(timber, "/swap", TarBuilder().file("dir/file", "of the container"))
        assert answer.status in (200, 404, 400), answer
        if number % 10 == 0:
            answer = get(timber, "/swap")
            assert b"secret" not in answer.body
    assert tree(canary) == {"file": ("-rw-r--r--", "secret of the host")}
    assert seen == {"read", "missed"}, "the race was never run"
    # The container has no directory of the host's name, and did not get one.
    get(timber, str(canary)).expect(404)


def test_archive_from_a_container_does_not_break_out(timber, tmp_path):
    """What tctl extracts stays in the destination, whatever the container's archive says."""
    timber.sleeper("--name", "web")
    (tmp_path / "canary").mkdir()
    (tmp_path / "here").mkdir()
    put(timber, "/tmp", TarBuilder().directory("d").link("d/way", str(tmp_path / "canary")).link("d/up", "../..")).expect(200)
    timber.tctl("cp", "web:/tmp/d", tmp_path / "here").ok()
    put(timber, "/tmp", TarBuilder().directory("e").directory("e/way").file("e/way/file", "x").directory("e/up").file("e/up/file", "x")).expect(200)
    timber.tctl("cp", "web:/tmp/e/.", tmp_path / "here/d").fails(1, "cannot overwrite non-directory")
    assert host.files(tmp_path / "canary") == []
    assert set(host.files(tmp_path)) == {"canary", "here", "here/d", "here/d/way", "here/d/up"}


def test_nothing_of_the_container_is_run(timber, tmp_path):
    """CVE-2019-14271, CVE-2026-41567: neither its libraries nor its programs."""
    timber.sleeper("--name", "web")
    script = "#!/bin/sh\necho ran > /ran\n"
    fake = TarBuilder()
    for name in ("xz", "gzip", "unpigz", "tar", "zstd", "ps"):
        fake.file(name, script, mode=0o755)
    put(timber, "/bin", fake).expect(200)
    put(timber, "/lib", TarBuilder().file("libnss_files.so.2", "no library")) if get(timber, "/lib").status == 200 else None
    put(timber, "/tmp", gzip.compress(TarBuilder().file("f", "x").bytes())).expect(200)
    get(timber, "/tmp").expect(200)
    timber.tctl("top", "web").ok()
    get(timber, "/ran").expect(404)


def test_client_that_vanishes(timber):
    """In the middle of an upload, and without reading a download: nothing stays held, and the container can be used."""
    timber.tctl("create", "--name", "web", "busybox", "sleep", "1000000").ok()
    put(timber, "/tmp", TarBuilder().file("large", "x" * (8 << 20))).expect(200)
    before = len(host.descriptors(timber.pid))
    archive = TarBuilder().file("f", "x" * 100_000).bytes()
    for _ in range(5):
        with timber.api.open() as connection:
            connection.sendall(
                f"PUT /v1.43/containers/web/archive?path=/tmp HTTP/1.1\r\nHost: x\r\nContent-Length: {len(archive)}\r\n\r\n".encode()
                + archive[:50_000])
        with timber.api.open() as connection:
            connection.sendall(b"GET /v1.43/containers/web/archive?path=/ HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(100)
    timber.tctl("start", "web").ok()
    assert read(timber, "/tmp/large") == b"x" * (8 << 20)
    until(lambda: len(host.descriptors(timber.pid)) <= before + 8, message=lambda: f"held: {host.descriptors(timber.pid)}")


def test_start_and_removal_wait_for_a_copy(timber):
    """A container whose files are being written neither starts on half of them nor goes away under them."""
    timber.tctl("create", "--name", "web", "busybox", "cat", "/tmp/f").ok()
    archive = TarBuilder().file("f", "complete").bytes()
    head = f"PUT /v1.43/containers/web/archive?path=/tmp HTTP/1.1\r\nHost: x\r\nContent-Length: {len(archive)}\r\n\r\n".encode()
    with timber.api.open(30) as connection:
        connection.sendall(head + archive[:516])
        # The first part has arrived where it belongs.
        until(lambda: get(timber, "/tmp/f").status == 200)
        started = threading.Thread(target=lambda: timber.tctl("start", "web").ok())
        started.start()
        assert timber.state("web") == "created"
        # Others are not kept waiting.
        timber.sh("true")
        assert timber.state("web") == "created"
        connection.sendall(archive[516:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        started.join()
    assert timber.wait_for_log("web", "complete") == "complete"
    until(lambda: timber.state("web") == "exited")
    # Another file, whose first part shows that this copy has begun.
    archive = TarBuilder().file("g", "complete").bytes()
    with timber.api.open(30) as connection:
        connection.sendall(head + archive[:516])
        until(lambda: get(timber, "/tmp/g").status == 200)
        removed = threading.Thread(target=lambda: timber.tctl("rm", "web").ok())
        removed.start()
        connection.sendall(archive[516:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        removed.join()


def test_client_that_sends_nothing_more(timber):
    """It holds up neither a start, after a stop, nor a forced removal."""
    timber.tctl("create", "--name", "web", "busybox", "sleep", "1000000").ok()
    archive = TarBuilder().file("f", "x" * 100_000).bytes()
    head = f"PUT /v1.43/containers/web/archive?path=/tmp HTTP/1.1\r\nHost: x\r\nContent-Length: {len(archive)}\r\n\r\n".encode()

    def uploads(count):
        connections = [timber.api.open(30) for _ in range(count)]
        for connection in connections:
            connection.sendall(head + archive[:50_000])
        until(lambda: get(timber, "/tmp/f").status == 200)
        return connections

    [connection] = uploads(1)
    started = threading.Thread(target=lambda: timber.tctl("start", "web").ok())
    started.start()
    timber.tctl("stop", "web").ok()
    answer = connection.recv(1000)
    assert answer.startswith(b"HTTP/1.1 409") and b"interrupted" in answer
    connection.close()
    started.join()
    timber.tctl("exec", "web", "rm", "/tmp/f").ok()
    timber.tctl("kill", "web").ok()
    # Those that wait for their turn, too.
    connections = uploads(3)
    timber.tctl("rm", "-f", "web").ok()
    for connection in connections:
        assert connection.recv(1000).startswith((b"HTTP/1.1 409", b"HTTP/1.1 404"))
        connection.close()


def test_daemon_dies_in_the_middle(fresh):
    """kill -9 while files are written and read: the next daemon finds no mount, and the container starts."""
    fresh.tctl("create", "--name", "web", "busybox", "sh", "-c", "cat /tmp/before; sleep 1000000").ok()
    put(fresh, "/tmp", TarBuilder().file("before", "there\n")).expect(200)
    archive = TarBuilder().file("f", "x" * 1_000_000).bytes()
    connection = fresh.api.open()
    connection.sendall(
        f"PUT /v1.43/containers/web/archive?path=/tmp HTTP/1.1\r\nHost: x\r\nContent-Length: {len(archive)}\r\n\r\n".encode()
        + archive[:500_000])
    until(lambda: get(fresh, "/tmp/f").status == 200)
    reading = fresh.api.open()
    reading.sendall(b"GET /v1.43/containers/web/export HTTP/1.1\r\nHost: x\r\n\r\n")
    assert reading.recv(100)
    fresh.stop(signal.SIGKILL)
    connection.close()
    reading.close()
    assert host.mounts(fresh.data, fresh.run_directory) == []
    fresh.start()
    fresh.tctl("start", "web").ok()
    fresh.wait_for_log("web", "there")
    put(fresh, "/tmp", archive).expect(200)
    assert read(fresh, "/tmp/f") == b"x" * 1_000_000


def test_no_mount_is_left(timber):
    before = set(host.mounts(timber.data, timber.run_directory))
    timber.tctl("create", "--name", "web", "-v", "cpmount:/data", "busybox", "true").ok()
    for _ in range(20):
        put(timber, "/data", TarBuilder().file("f", "x")).expect(200)
        get(timber, "/").expect(200)
        timber.api.get("/containers/web/export").expect(200)
    assert set(host.mounts(timber.data, timber.run_directory)) == before
    namespaces = {os.readlink(f"/proc/{timber.pid}/task/{task}/ns/mnt") for task in os.listdir(f"/proc/{timber.pid}/task")}
    assert len(namespaces) == 1
    until(lambda: not [target for target in host.descriptors(timber.pid).values() if target.startswith("mnt:")])
    timber.remove_containers()
    timber.api.delete("/volumes/cpmount").expect(204)


def test_names_of_a_container_that_never_ran(timber, busybox):
    """Until the daemon has written its /etc/hosts, one sees the image's, and what is put there is the container's."""
    timber.tctl("load", input=busybox.image("named:1", TarBuilder().file("etc/hosts", "of the image\n")).docker_archive()).ok()
    name = timber.tctl("create", "named:1", "true").ok().out
    [member] = tarfile.open(fileobj=io.BytesIO(timber.tctl("cp", f"{name}:/etc/hosts", "-").ok().stdout))
    assert member.size == len("of the image\n")
    put(timber, "/etc", TarBuilder().file("hosts", "put there\n").bytes(), name).expect(200)
    assert (timber.data / "containers" / name / "upper/etc/hosts").read_text() == "put there\n"
