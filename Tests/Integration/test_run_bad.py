"""Requests that cannot be carried out: the status that Docker gives, a message that names what is wrong, and no trace."""

import subprocess

import pytest

from harness.daemon import BIN
from harness.tarbuilder import TarBuilder


def no_container(timber):
    assert timber.containers() == []


def test_image_not_there(timber):
    timber.run("--pull", "never", "nosuchimage:1", "true").fails(125, "nosuchimage:1")
    no_container(timber)


def test_command_not_found(timber):
    timber.run("busybox", "nosuchcommand").fails(127, "nosuchcommand", "not found")
    no_container(timber)


def test_command_not_found_by_path(timber):
    timber.run("busybox", "/no/such/command").fails(127, "/no/such/command", "no such file")


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc"])
def test_command_not_executable(timber, path):
    timber.run("busybox", path).fails(126, path, "permission denied" if path == "/etc/passwd" else "")


def test_failed_start_keeps_the_container_and_its_status(timber):
    """As Docker: without --rm the container is there, with the status and the reason."""
    timber.tctl("run", "--name", "bad", "busybox", "nosuchcommand").fails(127)
    state = timber.inspect("bad")["State"]
    assert state["ExitCode"] == 127
    assert "nosuchcommand" in state["Error"]
    assert state["Status"] == "created"


@pytest.fixture(scope="module")
def odd_commands(shared_daemon, busybox, tmp_path_factory):
    """An image with commands that the kernel refuses for reasons worth telling."""
    elf = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x02\0\xb7\0\x01\0\0\0" + b"\0" * 40
    layer = (
        TarBuilder()
        .file("bin/missing-interpreter", "#!/usr/bin/nosuchshell\necho hi\n", mode=0o755)
        .file("bin/crlf", "#!/bin/sh\r\necho hi\r\n", mode=0o755)
        .file("bin/wrong-machine", elf, mode=0o755)
        .file("bin/garbage", b"\0\1\2\3", mode=0o755)
        .file("bin/empty", b"", mode=0o755)
        .link("bin/loop", "loop")
        .file("not-a-directory", "x")
    )
    archive = tmp_path_factory.mktemp("odd") / "odd.tar"
    archive.write_bytes(busybox.image("odd:1", layer).docker_archive())
    shared_daemon.load(archive).ok()
    yield "odd:1"
    shared_daemon.tctl("rmi", "odd:1").ok()


def test_missing_interpreter(timber, odd_commands):
    timber.run(odd_commands, "missing-interpreter").fails(127, "missing-interpreter", "/usr/bin/nosuchshell")


def test_windows_line_ends(timber, odd_commands):
    timber.run(odd_commands, "crlf").fails(127, "crlf", "/bin/sh", "line end")


@pytest.mark.parametrize("command", ["wrong-machine", "garbage"])
def test_wrong_format(timber, odd_commands, command):
    timber.run(odd_commands, command).fails(126, command, "exec format error")


def test_wrong_machine_is_named(timber, odd_commands):
    timber.run(odd_commands, "wrong-machine").fails(126, "arm64")


def test_link_that_goes_round(timber, odd_commands):
    timber.run(odd_commands, "/bin/loop").fails(126, "/bin/loop")


def test_working_directory_is_a_file(timber, odd_commands):
    timber.run("-w", "/not-a-directory", odd_commands, "true").fails((125, 126), "/not-a-directory", "not a directory")


def test_working_directory_is_relative(timber):
    timber.run("-w", "relative", "busybox", "true").fails(125, "relative", "absolute")


@pytest.mark.parametrize("user", ["nosuchuser", "nobody:nosuchgroup", "-1", "4294967296", "0:99999999999"])
def test_unknown_user(timber, user):
    timber.run("-u", user, "busybox", "true").fails(125, user.split(":")[-1].lstrip("-"))
    no_container(timber)


@pytest.mark.parametrize(
    "port",
    ["abc", "80:abc", "70000", "0", "-1:80", "1.2.3:80:80", "999.1.1.1:80:80", "80:80/icmp", "8000-8002:80-81", "8002-8000:80-82", "80:80:80:80", ""],
)
def test_bad_port(timber, port):
    timber.run(f"--publish={port}", "busybox", "true").fails(125)
    no_container(timber)


@pytest.mark.parametrize("volume", ["relative/path:/x", "/a:/b:nosuchmode", ":/x", "/x:relative", "a:b:c:d", "/x:/"])
def test_bad_volume(timber, volume):
    timber.run("-v", volume, "busybox", "true").fails(125)
    no_container(timber)


@pytest.mark.parametrize("name", ["../x", ".", "-rf", "a b", "a/b", "ä", "x" * 300, "a\nb"])
def test_invalid_name(timber, name):
    timber.run(f"--name={name}", "busybox", "true").fails(125, "name")
    no_container(timber)


def test_name_in_use(timber):
    first = timber.tctl("create", "--name", "taken", "busybox").ok().out
    timber.run("--name", "taken", "busybox", "true").fails(125, "taken", first[:12])
    timber.tctl("create", "--name", "taken", "busybox").fails(1, "taken", first[:12])


@pytest.mark.parametrize(
    "flags",
    [
        ("--memory", "lots"), ("--memory", "1k"), ("--cpus", "-1"), ("--cpus", "many"), ("--pids-limit", "x"),
        ("--ulimit", "nosuch=1"), ("--ulimit", "nofile=5:1"), ("--shm-size", "-1"), ("--cap-add", "NOSUCH"),
        ("--cap-drop", "CAP_"), ("--security-opt", "nosuch=1"), ("--security-opt", "seccomp=/no/such/file"),
        ("--sysctl", "kernel.core_pattern=x"), ("--sysctl", "net.x"), ("--network", "nosuch"), ("--network", "container:nosuch"),
        ("--device", "/no/such/device"), ("--stop-signal", "NOSUCH"), ("--env-file", "/no/such/file"), ("--add-host", "nocolon"),
        ("--dns", "not-an-address"), ("--tmpfs", "relative"), ("--mount", "type=nosuch,target=/x"), ("--mount", "type=bind,target=/x"),
        ("--cpuset-cpus", "99999"), ("--platform", "windows/amd64"), ("--platform", "/"), ("--group-add", "nosuchgroup"), ("--oom-score-adj", "2000"),
    ],
)  # fmt: skip
def test_bad_value(timber, flags):
    timber.run(*flags, "busybox", "true").fails(125)
    no_container(timber)


def test_unknown_flag(timber):
    timber.run("--nosuchflag", "busybox", "true").fails(125, "--nosuchflag")


def test_unknown_command(timber):
    timber.tctl("nosuchcommand").fails(1, "nosuchcommand")


@pytest.mark.parametrize("command", ["start", "stop", "kill", "rm", "inspect", "logs", "wait", "pause", "top", "port", "attach", "restart"])
def test_no_such_container(timber, command):
    timber.tctl(command, "nosuchcontainer").fails(1, "nosuchcontainer")


def test_daemon_not_running(timber, tmp_path):
    environment = timber.environment | {"TIMBER_HOST": f"unix://{tmp_path}/none.sock"}
    timber.tctl("ps", env=environment).fails(1, f"{tmp_path}/none.sock", "timberd")
    timber.tctl("run", "busybox", "true", env=environment).fails(125, "timberd")


def test_no_permission_on_the_socket(fresh):
    """A user who is not in the group is told which group it is."""
    fresh.restart("--group", "games")
    environment = fresh.environment
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "sh", "-c"]
    # The socket's directory is root's, so the socket is bound into a place that anybody may enter.
    script = (
        "mount -t tmpfs tt /mnt && touch /mnt/sock && "
        f"mount --bind {fresh.socket} /mnt/sock && cp {BIN}/tctl /mnt/tctl && chmod 755 /mnt && "
        f"{' '.join(command)} 'TIMBER_HOST=unix:///mnt/sock /mnt/tctl ps'"
    )
    result = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, env=environment)
    assert result.returncode == 1, result
    assert "permission" in result.stderr.lower() and "group games" in result.stderr, result
