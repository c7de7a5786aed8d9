"""Layers made to get out of their directory, or to confuse who unpacks them. The host's canary must stay as it is."""

import os
import re

import pytest

from harness.images import Image
from harness.tarbuilder import BLOCK_DEVICE, GNU_LINK, GNU_NAME, GNU_SPARSE, TarBuilder, header, padded


@pytest.fixture
def canary(tmp_path):
    """A file of the host that no layer may touch, and its depth-independent way up."""
    directory = tmp_path / "canary"
    directory.mkdir()
    (directory / "file").write_text("untouched")
    yield directory
    assert sorted(os.listdir(directory)) == ["file"]
    assert (directory / "file").read_text() == "untouched"
    assert not os.path.exists("/etc/timber-was-here") and not os.path.exists("/timber-was-here")


@pytest.fixture
def loads_or_refuses(timber, busybox, tmp_path, canary):
    """Loads an image with hostile layers: the daemon may refuse it, with a word, or load it harmlessly, and goes on."""

    def attempt(*layers):
        file = tmp_path / "hostile.tar"
        file.write_bytes(busybox.image("hostile:1", *layers).docker_archive())
        result = timber.load(file)
        if result.status == 0:
            run = timber.run("hostile:1", "true")
            assert run.status in (0, 125, 126, 127), run
            timber.tctl("rmi", "-f", "hostile:1").ok()
        else:
            result.fails(1, "layer")
        return result

    yield attempt
    assert timber.run("busybox", "echo", "alive").ok().out == "alive"


UP = "../" * 30


def up(path):
    return UP + str(path).lstrip("/")


@pytest.mark.parametrize("name", ["{}", "../{}", "a/../../{}", "./../{}", "/..{}", "a/b/../../../{}", "//{}"])
def test_names_that_lead_out(loads_or_refuses, canary, name):
    target = name.format(up(canary / "file")) if "{}" in name else name
    loads_or_refuses(TarBuilder().file(target, "escaped"))
    loads_or_refuses(TarBuilder().file(str(canary / "file"), "escaped"))
    loads_or_refuses(TarBuilder().directory(target, mode=0o777))


def test_names_stay_inside(timber, busybox, tmp_path, canary):
    """An absolute name is a name in the image."""
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("absolute:1", TarBuilder().file("/absolute", "inside")).docker_archive())
    timber.load(file).ok()
    assert timber.run("absolute:1", "cat", "/absolute").ok().out == "inside"
    timber.tctl("rmi", "absolute:1").ok()


@pytest.mark.parametrize("across", [False, True], ids=["one layer", "two layers"])
@pytest.mark.parametrize("absolute", [False, True], ids=["relative", "absolute"])
def test_link_then_file_below_it(loads_or_refuses, canary, across, absolute):
    target = str(canary) if absolute else up(canary)
    first = TarBuilder().link("way", target)
    second = TarBuilder().file("way/file", "escaped").directory("way/new").whiteout("way/file").opaque("way")
    if across:
        loads_or_refuses(first, second)
    else:
        loads_or_refuses(first.raw(second.data))


def test_link_replaced_while_in_use(loads_or_refuses, canary):
    loads_or_refuses(
        TarBuilder().directory("d").file("d/file", "a").link("d", str(canary)).file("d/file", "escaped").directory("d").file("d/file", "b")
    )


@pytest.mark.parametrize("target", ["{up}", "{absolute}", "../../../../etc/shadow", "way/file", "nosuch", "", ".", "/", "dir"])
def test_hard_links(loads_or_refuses, canary, target):
    target = target.format(up=up(canary / "file"), absolute=canary / "file")
    loads_or_refuses(TarBuilder().directory("dir").link("way", str(canary)).hard("copy", target).file("copy", "escaped"))


def test_hard_link_to_a_link_is_not_followed(timber, busybox, tmp_path, canary):
    layer = TarBuilder().link("way", str(canary / "file")).hard("copy", "way")
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("hard:1", layer).docker_archive())
    timber.load(file).ok()
    assert timber.run("hard:1", "readlink", "/copy").ok().out == str(canary / "file")
    timber.tctl("rmi", "hard:1").ok()


def test_file_over_a_link_replaces_it(timber, busybox, tmp_path, canary):
    layer = TarBuilder().link("etc/way", str(canary / "file")).file("etc/way", "mine")
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("over:1", layer).docker_archive())
    timber.load(file).ok()
    assert timber.run("over:1", "sh", "-c", "cat /etc/way; [ -L /etc/way ] || echo file").ok().out == "minefile"
    timber.tctl("rmi", "over:1").ok()


@pytest.mark.parametrize(
    "name", [".wh.", ".wh..", ".wh...", ".wh./", "a/.wh.", "a/.wh..", ".wh..wh..opq", ".wh..wh.plnk", ".wh..wh.aufs", ".wh.../x", ".wh.x/y"]
)
def test_whiteouts_of_nothing(loads_or_refuses, name):
    loads_or_refuses(TarBuilder().directory("a").file("a/b", "x"), TarBuilder().file(name))


def test_whiteout_of_everything(loads_or_refuses, canary):
    loads_or_refuses(TarBuilder().opaque("."))
    loads_or_refuses(TarBuilder().file(".wh..wh..opq"))
    loads_or_refuses(TarBuilder().link("way", str(canary)), TarBuilder().file("way/.wh.file").file("way/.wh..wh..opq"))


def test_hard_link_to_a_whiteout(loads_or_refuses):
    loads_or_refuses(TarBuilder().file(".wh.x").hard("y", ".wh.x"))


def test_overlays_own_marks(timber, busybox, tmp_path, canary):
    """Extended attributes and 0:0 devices mean something to overlay: they never come from an image."""
    layer = TarBuilder().directory("d").file("d/x", "x")
    for name in ("trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.opaque", "user.overlay.whiteout"):
        layer.pax({f"SCHILY.xattr.{name}": "y" if "redirect" not in name else str(canary)}).directory("d")
    layer.device("etc/passwd", 0, 0)
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("marks:1", TarBuilder().directory("d").file("d/lower", "x"), layer).docker_archive())
    result = timber.load(file)
    if result.status == 0:
        assert timber.run("marks:1", "ls", "/d").ok().lines == ["lower", "x"]
        timber.tctl("rmi", "-f", "marks:1").ok()
    else:
        result.fails(1, "layer")


@pytest.mark.parametrize(
    "layer",
    {
        "negative size": TarBuilder().raw(header("x", size=b"\xff" * 12)),
        "huge size": TarBuilder().raw(header("x", size=b"\x80" + b"\x7f" + b"\xff" * 10)),
        "size with letters": TarBuilder().raw(header("x", size=b"12x")),
        "size of spaces": TarBuilder().raw(header("x", size=b" " * 12)),
        "wrong checksum": TarBuilder().raw(header("x", checksum=1)),
        "unknown kind": TarBuilder().entry("x", b"Z"),
        "link without target": TarBuilder().entry("x", b"2"),
        "no name": TarBuilder().file("", "x"),
        "dot": TarBuilder().file(".", "x"),
        "root as a file": TarBuilder().file("/", "x"),
        "root as a link": TarBuilder().link("/", "/etc"),
        "name of 5000 bytes": TarBuilder().file("n" * 5000, "x"),
        "depth of 3000": TarBuilder().file("d/" * 3000 + "x", "x"),
        "name that is not UTF-8": TarBuilder().file(b"\xff\xfe\x80", "x"),
        "name with NUL in pax": TarBuilder().pax({"path": "a\0b"}).file("x", "x"),
        "long name without a name": TarBuilder().raw(header("././@LongLink", GNU_NAME, size=0)).file("x"),
        "long name of a gigabyte": TarBuilder().raw(header("././@LongLink", GNU_NAME, size=1 << 30)),
        "long target of a gigabyte": TarBuilder().raw(header("././@LongLink", GNU_LINK, size=1 << 30)),
        "pax of a gigabyte": TarBuilder().raw(header("x", b"x", size=1 << 30)),
        "pax that is none": TarBuilder().raw(header("x", b"x", size=9)).raw(padded(b"not a pax")),
        "pax length 0": TarBuilder().raw(header("x", b"x", size=6)).raw(padded(b"0 a=b\n")),
        "pax length too long": TarBuilder().raw(header("x", b"x", size=8)).raw(padded(b"999 a=b\n")),
        "pax length of twenty digits": TarBuilder().raw(header("x", b"x", size=26)).raw(padded(b"99999999999999999999 a=b\n\n")),
        "pax size negative": TarBuilder().pax({"size": "-1"}).file("x", "x"),
        "pax size huge": TarBuilder().pax({"size": "99999999999999999999"}).file("x", "x"),
        "pax time of letters": TarBuilder().pax({"mtime": "yesterday"}).file("x", "x"),
        "pax time huge": TarBuilder().pax({"mtime": "1e308"}).file("x", "x"),
        "pax uid huge": TarBuilder().pax({"uid": "99999999999"}).file("x", "x"),
        "pax global": TarBuilder().pax({"path": "../escaped"}, b"g").file("x", "x"),
        "xattr without a name": TarBuilder().pax({"SCHILY.xattr.": "x"}).file("x", "x"),
        "xattr with a bad name": TarBuilder().pax({"SCHILY.xattr.a\0b": "x"}).file("x", "x"),
        "xattr of a megabyte": TarBuilder().pax({"SCHILY.xattr.user.x": "x" * (1 << 20)}).file("x", "x"),
        "xattr of a foreign namespace": TarBuilder().pax({"SCHILY.xattr.security.selinux": "x"}).file("x", "x"),
        "capability that is none": TarBuilder().pax({"SCHILY.xattr.security.capability": "x"}).file("x", "x"),
        "sparse": TarBuilder().raw(header("x", GNU_SPARSE, size=512)).raw(b"x" * 512),
        "pax sparse": TarBuilder().pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "99999999999"}).file("x", "x" * 512),
        "device of huge number": TarBuilder().device("x", 1 << 20, 1 << 20),
        "block device of a disk": TarBuilder().device("disk", 254, 0, BLOCK_DEVICE),
        "file below a file": TarBuilder().file("x", "x").file("x/y", "y"),
        "directory over a file": TarBuilder().file("x", "x").directory("x").file("x/y", "y"),
        "file over a directory": TarBuilder().directory("x").file("x/y", "y").file("x", "x"),
        "same name often": TarBuilder().raw(b"".join(bytes(TarBuilder().file("x", str(n)).data) for n in range(2000))),
        "one zero block in the middle": TarBuilder().file("a", "a").raw(bytes(512)).file("b", "b"),
        "garbage after the end": TarBuilder().file("a", "a").raw(bytes(1024)).raw(b"garbage" * 1000),
    }.items(),
    ids=lambda item: item[0],
)  # fmt: skip
def test_strange_entries(loads_or_refuses, layer):
    loads_or_refuses(layer[1])


def test_hard_links_without_end(loads_or_refuses):
    layer = TarBuilder().file("x", "x")
    for number in range(70_000):
        layer.hard(f"l/{number}", "x")
    loads_or_refuses(layer)


def test_labels_and_annotations_mean_nothing(timber, busybox, tmp_path):
    """CVE-2026-53488 and its kin: no label of an image is read as a setting of the runtime."""
    labels = {
        name: "true"
        for name in ("timber.privileged", "io.timber.privileged", "timber.log", "org.timber.exec", "io.podman.annotations.privileged",
                     "io.containers.autoupdate", "run.oci.handler", "org.criu.config", "io.kubernetes.cri.container-type")
    }  # fmt: skip
    file = tmp_path / "image.tar"
    file.write_bytes(busybox.image("labels:1", Labels=labels).docker_archive())
    timber.load(file).ok()
    script = "grep -E '^(Cap|Seccomp:)' /proc/self/status"
    assert timber.run("labels:1", "sh", "-c", script).ok().out == timber.sh(script)
    timber.tctl("rmi", "labels:1").ok()


TRAPS = {
    "proc is a link": lambda canary: TarBuilder().link("proc", str(canary)),
    "proc is a file": lambda canary: TarBuilder().file("proc", "x"),
    "sys is a link": lambda canary: TarBuilder().link("sys", str(canary)),
    "dev is a link": lambda canary: TarBuilder().link("dev", str(canary)),
    "dev is a file": lambda canary: TarBuilder().file("dev", "x"),
    "shm is a link": lambda canary: TarBuilder().directory("dev").link("dev/shm", str(canary)),
    "console is a link": lambda canary: TarBuilder().directory("dev").link("dev/console", str(canary / "file")),
    "null is a link": lambda canary: TarBuilder().directory("dev").link("dev/null", str(canary / "file")),
    "passwd is a link out": lambda canary: TarBuilder().link("etc/passwd", str(canary / "file")),
    "passwd is an environment": lambda canary: TarBuilder().link("etc/passwd", "/proc/1/environ"),
    "passwd is a fifo": lambda canary: TarBuilder().fifo("etc/passwd"),
    "passwd is a directory": lambda canary: TarBuilder().directory("etc/passwd"),
    "passwd is a device": lambda canary: TarBuilder().device("etc/passwd", 1, 5),
    "group is a fifo": lambda canary: TarBuilder().file("etc/passwd", "nobody:x:65534:65534::/:/bin/sh\n").fifo("etc/group"),
    "etc is a link": lambda canary: TarBuilder().link("etc", str(canary)),
    "hosts is a link": lambda canary: TarBuilder().directory("etc").link("etc/hosts", str(canary / "file")),
    "hostname is a link": lambda canary: TarBuilder().directory("etc").link("etc/hostname", str(canary / "file")),
    "resolv.conf is a link": lambda canary: TarBuilder().directory("etc").link("etc/resolv.conf", str(canary / "file")),
    "hosts is a directory": lambda canary: TarBuilder().directory("etc/hosts"),
}


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("flags", [(), ("-t",), ("-u", "nobody"), ("-w", "/proc/self/cwd")], ids=" ".join)
def test_places_that_are_something_else(timber, busybox, canary, tmp_path, trap, flags):
    """A root whose usual places are traps: a clear failure or a harmless start, soon, and nothing on the host."""
    root = TarBuilder().directory("bin").file("bin/sh", busybox.program, mode=0o755).raw(TRAPS[trap](canary).data)
    file = tmp_path / "image.tar"
    file.write_bytes(Image("trap:1", [root], Cmd=["/bin/sh", "-c", "echo started"]).docker_archive())
    timber.load(file).ok()
    result = timber.run(*flags, "trap:1", timeout=30)
    if result.status == 0:
        assert result.out.strip() == "started"
    else:
        result.fails(result.status)
        assert result.status in (125, 126, 127), result
    timber.tctl("rmi", "-f", "trap:1").ok()


@pytest.mark.parametrize("number", range(3, 65, 6))
def test_working_directory_on_a_leaked_descriptor(timber, number):
    """CVE-2024-21626: no descriptor of the runtime is a way out. The status is what docker's client makes of the reason."""
    timber.run("-w", f"/proc/self/fd/{number}", "busybox", "pwd").fails((125, 126, 127), f"/proc/self/fd/{number}")
    # As text this is /proc/thread-self, which the container has itself.
    assert re.fullmatch("/proc/[0-9]+/task/[0-9]+", timber.run("-w", f"/proc/thread-self/fd/{number}/../..", "busybox", "pwd").ok().out)
    timber.run("-w", f"/proc/self/fd/{number}/etc", "busybox", "pwd").fails((125, 126, 127), f"/proc/self/fd/{number}/etc")
